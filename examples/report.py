"""The demo's report: PNG figures and one self-contained HTML page."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from functools import partial
from pathlib import Path

import boxgrad
import figures
import matplotlib.pyplot as plt
from checks import Check
from detector import Inputs
from experiments import Experiments
from matplotlib.axes import Axes
from PIL import Image
from results import Results

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #202124; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #dadce0 }
img { max-width: 100% }
pre { background: #f6f7f9; padding: 1rem; overflow-x: auto; font-size: 12px; line-height: 1.35 }
table { border-collapse: collapse; font-size: 13px }
td { padding: .15rem 1rem .15rem 0; vertical-align: top }
.ok { color: #218c4f }
.fail { color: #c5221f; font-weight: bold }
"""


def save(path: Path, size: tuple[float, float], *panels: Callable[[Axes], None], columns: int = 2) -> Path:
    columns = min(columns, len(panels))
    with plt.rc_context(figures.STYLE):
        figure, axes = plt.subplots(
            -(-len(panels) // columns), columns, figsize=size, squeeze=False, layout="constrained"
        )
        for draw, ax in zip(panels, axes.flat):
            draw(ax)
        figure.savefig(path, dpi=110)
        plt.close(figure)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # a third of the size
    return path


def image(path: Path) -> str:
    return f'<img alt="{path.stem}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'


def table(checks: list[Check]) -> str:
    rows = (
        f'<tr><td class="{"ok" if check.passed else "fail"}">{"ok" if check.passed else "FAIL"}</td>'
        f"<td>{html.escape(check.what)}</td><td>{html.escape(check.found)}</td></tr>"
        for check in checks
    )
    return f"<table>{''.join(rows)}</table>"


def write(
    out: Path,
    photo: Path,
    inputs: Inputs,
    job: Results,
    done: Experiments,
    printed: str,
    agreement: list[Check],
    expected: list[Check],
) -> Path:
    """Draws everything into out and returns the HTML page."""
    plt.switch_backend("Agg")

    boxes = partial(figures.draw_boxes, inputs=inputs, results=job, photo=photo)
    overlap = partial(figures.draw_overlap, results=job)
    gradient = partial(figures.draw_gradient, inputs=inputs, results=job)
    losses = partial(figures.draw_losses, descents=done.descents)
    path = partial(figures.draw_path, descent=done.descents["GIoU, disjoint, large steps"])
    clip = partial(figures.draw_clip, clips=done.clips)
    rotation = partial(figures.draw_rotation, rotation=done.rotation)
    angles = partial(figures.draw_angles, inputs=inputs)
    stages = partial(figures.draw_stages, stages=done.stages)

    save(out / "overview.png", (12, 7.6), boxes, overlap, gradient, losses, rotation, stages, columns=3)
    sections = [
        (
            "The proposals of a real network, and the face",
            "299 proposals that a proposal network made on this photo. Those that leave the image are found and "
            "clipped; those that overlap the face get their targets, and the network's corrections are decoded.",
            save(out / "proposals.png", (11, 5), boxes, overlap),
        ),
        (
            "A real gradient, clipped",
            "The 16 tensors of one training step. One coefficient scales them all, so the direction stays.",
            save(out / "gradient.png", (8, 4.6), gradient),
        ),
        (
            "Boxes that do not overlap",
            "The hard clip inside the IoU leaves no gradient: the prediction never moves, however large the steps. "
            "GIoU knows where the target is. Its gradient is tiny from afar and large nearby, so here the steps are "
            "large (rate 10) and the gradient is clipped to norm 0.001.",
            save(out / "descent.png", (11, 4.4), losses, path),
        ),
        (
            "What a hard clip does to training",
            "A value beyond the bound gets no gradient and stays there for good. The inward gradient cuts only what "
            "would push it further out.",
            save(out / "clip.png", (8, 4), clip),
        ),
        (
            "A ground truth that leaves the image",
            "Rotated out of the image, the box is learnt as it is; the proposal is then clipped to the border, "
            "loses its height, and encoding divides by it. inspect_boxes finds such boxes before training, "
            "encode_boxes refuses them.",
            save(out / "rotation.png", (11, 5), rotation, angles),
        ),
        (
            "Two stages, with and without stop-gradient",
            "The second stage's loss reaches the first stage's deltas through the proposals, unless stop-gradient "
            "cuts the path.",
            save(out / "two_stage.png", (8, 4), stages),
        ),
    ]
    body = "\n".join(f"<h2>{title}</h2>\n<p>{text}</p>\n{image(png)}" for title, text, png in sections)
    page = out / "index.html"
    page.write_text(
        f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>boxgrad demo</title>
<style>{CSS}</style>
<h1>boxgrad {boxgrad.__version__} on real data</h1>
<p>CPU tier: {boxgrad.cpu_tier()}</p>
{body}
<h2>What was expected</h2>
{table(expected)}
<h2>C and Python, to the last bit</h2>
{table(agreement)}
<h2>What the C programs printed</h2>
<pre>{html.escape(printed)}</pre>
</html>
""",
        encoding="utf-8",
    )
    return page
