"""The figures of the demo: each function draws one of them into axes it is given."""

from __future__ import annotations

from pathlib import Path

import boxgrad
import matplotlib.pyplot as plt
import numpy as np
from detector import IMAGE_SIZE, Inputs
from experiments import Descent, Rotation
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon, Rectangle
from results import Results

GREY, BLUE, ORANGE, GREEN, RED = "#8a8f98", "#1f6fb4", "#e8710a", "#218c4f", "#c5221f"

STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e6ea",
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def outlines(axes: Axes, boxes: np.ndarray, color: str, label: str, **style: object) -> None:
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    axes.add_collection(PolyCollection(corners, facecolors="none", edgecolors=color, label=label, **style))


def show_photo(axes: Axes, photo: Path) -> None:
    image = plt.imread(photo)[..., :3]
    axes.imshow(
        0.45 + 0.55 * image.mean(axis=-1), cmap="gray", vmin=0, vmax=1, extent=(0, IMAGE_SIZE[1], IMAGE_SIZE[0], 0)
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_boxes(axes: Axes, inputs: Inputs, results: Results, photo: Path) -> None:
    boxes, best, leaving = inputs.boxes, results["fit/best"], results["inspect/flags"] != 0
    show_photo(axes, photo)
    outlines(axes, boxes[~leaving], GREY, f"{len(boxes)} proposals", linewidths=0.4)
    outlines(axes, boxes[leaving], ORANGE, f"{leaving.sum()} that leave the image", linewidths=1.2)
    outlines(axes, boxes[best], BLUE, f"{len(best)} that overlap the face", linewidths=0.9)
    outlines(axes, inputs.face[None], RED, "the face", linewidths=2)
    axes.set(xlim=(-6, 530), ylim=(530, -6), title="Proposals of a real network")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.14), ncols=2, columnspacing=1.2)


def draw_overlap(axes: Axes, results: Results) -> None:
    best = results["fit/best"]
    before, after = results["fit/iou"][best], results["fit/iou_decoded"]
    rank = np.arange(1, len(best) + 1)
    axes.vlines(rank, before, after, color="#c9cdd4", linewidth=2, zorder=1)
    axes.scatter(rank, before, color=BLUE, s=16, label=f"proposal, mean {before.mean():.2f}")
    axes.scatter(rank, after, color=GREEN, s=16, label=f"after the network's correction, mean {after.mean():.2f}")
    axes.set(ylim=(0, 1), xlabel="proposal, best first", ylabel="IoU with the face", title="Overlap with the face")
    axes.legend(loc="lower left")


def draw_gradient(axes: Axes, inputs: Inputs, results: Results) -> None:
    names = [*inputs.gradient, "all tensors"]
    before = np.append(results["gradient/norms"], results["gradient/total_norm"])
    after = np.append(results["gradient/clipped_norms"], results["gradient/clipped_total_norm"])
    y = np.arange(len(names))
    axes.barh(y - 0.2, before, 0.4, color=GREY, label="before")
    axes.barh(y + 0.2, after, 0.4, color=BLUE, label="clipped")
    axes.set_yticks(y, names, fontsize=7)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    for row, (norm, clipped) in enumerate(zip(before, after)):
        axes.text(1.1 * norm, row, f"{norm:.3f} \u2192 {clipped:.3f}", va="center", fontsize=7)
    axes.set(xscale="log", xlim=(0.01, 20), xlabel="L2 norm", title="A real gradient, clipped to norm 1")
    axes.legend(loc="upper right")


def draw_losses(axes: Axes, descents: dict[str, Descent]) -> None:
    styles = [(BLUE, "-", 1.5), (ORANGE, "-", 3.5), (RED, "--", 1.5), (GREEN, "-", 1.5)]
    for (name, descent), (color, line, width) in zip(descents.items(), styles):
        axes.plot(descent.losses, line, color=color, linewidth=width, label=name)
    axes.set(xlabel="step", ylabel="loss", title="Descent on 1 \u2212 IoU and on 1 \u2212 GIoU")
    axes.legend(loc="upper right")


def draw_path(axes: Axes, descent: Descent) -> None:
    """Snapshots of the predicted box, dark to light."""
    steps = np.linspace(0, len(descent.path) - 1, 12).astype(int)
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(steps)))
    for step, color in zip(steps, colors):
        x1, y1, x2, y2 = descent.path[step]
        label = f"step {step}" if step in (steps[0], steps[len(steps) // 2], steps[-1]) else None
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.3, label=label))
    axes.add_patch(Rectangle((0, 0), 1, 1, color=RED, alpha=0.35, linewidth=0, label="target"))
    axes.set(
        xlim=(-1, 21),
        xticks=range(0, 21, 2),
        ylim=(15.5, -1),
        aspect="equal",
        title="GIoU stretches the box to the target, then shrinks it",
    )
    axes.legend(loc="upper right")


def draw_clip(axes: Axes, clips: dict[str, Descent]) -> None:
    styles = [(RED, "-", 1.5), (BLUE, "-", 3.5), (ORANGE, "--", 1.5)]
    for (mode, descent), (color, line, width) in zip(clips.items(), styles):
        axes.plot(
            descent.path[:, 2], line, color=color, linewidth=width, label=f"x = \u22123, {mode.replace('_', '-')}"
        )
    axes.plot(clips["hard"].path[:, 0], color=GREY, label="x = 0.3, any mode")
    axes.axhline(-1, color="black", linewidth=0.8, linestyle=":", label="bound")
    axes.set(xlabel="step", ylabel="x", title="clip(x, min=\u22121), loss (1 \u2212 clip(x))\u00b2")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.1))


def draw_rotation(axes: Axes, rotation: Rotation) -> None:
    height, width = IMAGE_SIZE
    axes.add_patch(Rectangle((0, 0), width, height, facecolor="#eef1f5", edgecolor=GREY, label="image"))
    outlines(axes, rotation.ground_truth, BLUE, "ground truth", linewidths=1.6)
    axes.add_patch(
        Polygon(rotation.corners, fill=False, edgecolor=ORANGE, label=f"rotated by {rotation.degrees:g}\u00b0")
    )
    outlines(axes, rotation.truth, RED, "its upright box", linewidths=1.6)
    x1, y1, x2, y2 = rotation.proposal[0]
    axes.plot([x1, x2], [y1, y2], color="black", linewidth=4, solid_capstyle="butt", label="proposal, clipped")
    axes.annotate(
        f"proposal of height {y2 - y1:g}\nplain formula: loss {rotation.plain_loss}\nboxgrad: DegenerateBoxError",
        xy=(x1, y1),
        xytext=(20, 140),
        arrowprops={"arrowstyle": "->"},
    )
    axes.grid(False)
    axes.set(xlim=(-30, 542), ylim=(542, -60), aspect="equal", title="A ground truth rotated out of the image")
    axes.legend(loc="lower left", bbox_to_anchor=(0.05, 0.1))


def draw_angles(axes: Axes, inputs: Inputs) -> None:
    degrees = np.arange(0, 361, 3)
    center = (IMAGE_SIZE[1] / 2, IMAGE_SIZE[0] / 2)
    flags = (boxgrad.BoxFlag.WHOLLY_OUTSIDE, boxgrad.BoxFlag.CENTER_NEGATIVE, boxgrad.BoxFlag.CENTER_BEYOND)
    reports = [
        boxgrad.inspect_boxes(boxgrad.rotate_boxes(inputs.boxes, angle, center)[1], IMAGE_SIZE) for angle in degrees
    ]
    for flag, color in zip(flags, (RED, ORANGE, BLUE)):
        axes.plot(
            degrees, [report.counts[flag] for report in reports], color=color, label=flag.name.lower().replace("_", " ")
        )
    axes.set(
        xlabel="rotation in degrees",
        ylabel="boxes",
        title=f"The {len(inputs.boxes)} proposals as ground truths, rotated",
    )
    axes.set_xticks(range(0, 361, 90))
    axes.set_ylim(0, 40)
    axes.legend(loc="upper left", ncols=3)


def draw_stages(axes: Axes, stages: dict[str, Descent]) -> None:
    for (name, descent), color in zip(stages.items(), (GREY, GREEN)):
        axes.plot(descent.losses, color=color, label=name)
    axes.set(
        xlabel="step",
        ylabel="second stage's loss",
        ylim=(0, None),
        title="Two stages, and stop-gradient",
    )
    axes.legend(loc="center right")
