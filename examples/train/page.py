"""The tables and the pictures of docs/joint-training.md, from the results that train.py left. Without --figures it prints the tables."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Callable

import images
import numpy as np

RESULTS = Path(__file__).with_name("results.json")
MAIN = ("alternating", "approximate", "true")
Run = dict[str, Any]


class Results:
    def __init__(self, path: Path = RESULTS) -> None:
        self.about = json.loads(path.read_text())
        self.runs: list[Run] = self.about.pop("runs")
        settings = [run["setting"] for run in self.runs]
        self.rates = sorted({setting["rate"] for setting in settings})
        self.schemes = list(dict.fromkeys(setting["scheme"] for setting in settings))
        self.seeds = sorted({setting["seed"] for setting in settings})

    def of(self, scheme: str, rate: float, clipped: bool) -> list[Run]:
        """By seed, or nothing where there are no such runs."""
        wanted = {"scheme": scheme, "rate": rate, "clipped": clipped}
        return sorted((run for run in self.runs if wanted.items() <= run["setting"].items()), key=lambda run: run["setting"]["seed"])

    def rates_of_all(self) -> list[float]:
        """Those at which all three schemes were trained."""
        return [rate for rate in self.rates if all(self.of(scheme, rate, False) for scheme in MAIN)]

    def rows(self) -> list[tuple[str, bool]]:
        return [(scheme, clipped) for clipped in (False, True) for scheme in self.schemes if any(self.of(scheme, rate, clipped) for rate in self.rates)]


def diverged(run: Run) -> bool:
    return (run["failure"] or "").startswith("diverged")


def final(run: Run, measure: str) -> float:
    """Of a run that diverged it is 0."""
    return 0.0 if diverged(run) else run["measures"][-1][measure]


def spread(values: list[float], digits: int = 3) -> str:
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def by_rate(results: Results, cell: Callable[[list[Run]], str]) -> str:
    rows = []
    for scheme, clipped in results.rows():
        runs = [results.of(scheme, rate, clipped) for rate in results.rates]
        rows.append([scheme, "on" if clipped else "off", *(cell(of_rate) if of_rate else "-" for of_rate in runs)])
    return table(["scheme", "clipping", *(f"rate {rate}" for rate in results.rates)], rows)


def measure_table(measure: str) -> Callable[[Results], str]:
    return lambda results: by_rate(results, lambda runs: spread([final(run, measure) for run in runs]))


def failures(results: Results) -> str:
    def cell(runs: list[Run]) -> str:
        kinds = [(run["failure"] or "none").split()[0] for run in runs]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("diverged", "collapsed") if kind in kinds) or "none"

    return by_rate(results, cell)


def differences(results: Results) -> str:
    """Seed by seed, since both schemes have the same weights and images at first."""
    rows = []
    for clipped in (False, True):
        for rate in results.rates:
            pairs = list(zip(results.of("true", rate, clipped), results.of("approximate", rate, clipped)))
            if not pairs:
                continue
            cells = ["on" if clipped else "off", str(rate)]
            for measure in ("ap50", "ap75", "proposal_iou"):
                values = [final(true, measure) - final(approximate, measure) for true, approximate in pairs]
                cells.append(f"{np.mean(values):+.3f} ± {np.std(values, ddof=1):.3f} ({sum(value > 0 for value in values)} of {len(values)})")
            rows.append(cells)
    return table(["clipping", "rate", "AP50", "AP75", "IoU of proposals"], rows)


def early(results: Results) -> str:
    """The first steps: what the detector can do after them, how large its proposals are, and the norm of the whole gradient, before it is clipped."""
    at = 1  # of the evaluations: after a sixth of the steps
    rows = []
    for clipped in (False, True):
        for rate in results.rates_of_all():
            for scheme in ("approximate", "true"):
                runs = results.of(scheme, rate, clipped)
                measures = [spread([run["measures"][at][measure] for run in runs], digits) for measure, digits in (("ap50", 3), ("size", 2))]
                norms = [spread([run["norm"]["early"][which] for run in runs], 1) for which in ("mean", "largest")]
                rows.append(["on" if clipped else "off", str(rate), scheme, *measures, *norms])
    step = f"{results.runs[0]['measures'][at]['step']:.0f}"
    return table(["clipping", "rate", "scheme", f"AP50 at step {step}", f"size at step {step}", "norm, mean", "norm, largest"], rows)


def gradient_table(results: Results) -> str:
    rows = []
    for scheme in ("approximate", "true", "true, GIoU"):
        for rate in results.rates:
            for when, name in (("early", f"first {results.about['early']}"), ("late", f"last {results.about['early']}")):
                found = [run["gradients"][when] for run in results.of(scheme, rate, False) if when in run["gradients"]]
                if not found:
                    continue
                mean = {key: np.mean([row[key]["mean"] for row in found]) for key in found[0]}
                largest = max(row["removed"]["largest"] for row in found)
                cells = [f"{mean[key]:.2g}" for key in ("rpn", "removed", "pooling", "targets")]
                rows.append([scheme, str(rate), name, *cells, f"{largest:.2g}", f"{mean['cosine']:+.2f}"])
    return table(["scheme", "rate", "steps", "RPN's own", "removed part", "of pooling", "of targets", "largest removed", "cosine"], rows)


def ends(results: Results) -> str:
    """Without clipping, at the end: the losses of the last fifteenth of the steps, and what evaluation.of_proposals says."""
    rows = []
    for scheme in results.schemes:
        for rate in results.rates:
            runs = [run for run in results.of(scheme, rate, False) if not diverged(run)]
            if runs:
                losses = [spread([run["losses"][loss][-1] for run in runs]) for loss in ("rpn", "head")]
                measures = [spread([final(run, measure) for run in runs], digits) for measure, digits in (("proposal_iou", 3), ("size", 2), ("positives", 1))]
                rows.append([scheme, str(rate), *losses, *measures])
    return table(["scheme", "rate", "RPN's loss", "head's loss", "IoU of proposals", "size", "positives"], rows)


TABLES: dict[str, Callable[[Results], str]] = {
    "failures": failures,
    "AP50": measure_table("ap50"),
    "AP75": measure_table("ap75"),
    "true minus approximate": differences,
    "ends": ends,
    "early": early,
    "gradients": gradient_table,
}


def marked(name: str, results: Results) -> str:
    """The table as it stands on the page, below the comment by which the test finds it."""
    return f"<!-- examples/train/page.py: {name} -->\n{TABLES[name](results)}\n"


def save(figure: Any, path: Path) -> None:
    """With 64 colours, which makes the file half as large."""
    import matplotlib.pyplot as plt
    from PIL import Image

    figure.savefig(path, dpi=100)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)


def draw_images(path: Path) -> None:
    import matplotlib.pyplot as plt
    from figures import RED, STYLE

    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, grid = plt.subplots(1, 6, figsize=(8, 1.4), layout="constrained")
        for axes, sample in zip(grid, images.make_all(0, 6)):
            axes.imshow(sample.image[0], cmap="gray", vmin=-0.45, vmax=0.55, extent=(0, images.SIZE, images.SIZE, 0))
            for x1, y1, x2, y2 in sample.boxes:
                axes.add_patch(plt.Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=RED, linewidth=1.5))
            axes.set(xticks=[], yticks=[], xlim=(-2, images.SIZE + 2), ylim=(images.SIZE + 2, -2))
        save(figure, path)


def draw_curves(path: Path, results: Results) -> None:
    """The mean over the seeds, and the standard deviation around it. A run that diverged is not drawn."""
    import matplotlib.pyplot as plt
    from figures import BLUE, GREY, ORANGE, STYLE

    rates = results.rates_of_all()
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(2, len(rates), figsize=(9, 4.6), layout="constrained", sharex=True, sharey="row", squeeze=False)
        for column, rate in enumerate(rates):
            for axes, measure in zip(grid[:, column], ("ap50", "proposal_iou")):
                for scheme, color in zip(MAIN, (GREY, BLUE, ORANGE)):
                    complete = [run["measures"] for run in results.of(scheme, rate, False) if not diverged(run)]
                    curves = np.array([[row[measure] for row in measures] for measures in complete])
                    steps = [row["step"] for row in complete[0]]
                    mean, deviation = curves.mean(axis=0), curves.std(axis=0, ddof=1)
                    axes.fill_between(steps, mean - deviation, mean + deviation, color=color, alpha=0.2, linewidth=0)
                    axes.plot(steps, mean, color=color, linewidth=2, label=scheme)
            grid[0, column].set_title(f"rate {rate}")
            grid[1, column].set_xlabel("step")
        grid[0, 0].set_ylabel("AP50")
        grid[1, 0].set_ylabel("IoU of proposals")
        grid[0, 0].legend(loc="upper left")
        save(figure, path)


def draw_gradients(path: Path, results: Results) -> None:
    import matplotlib.pyplot as plt
    from figures import GREY, ORANGE, STYLE

    rates = results.rates_of_all()
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(1, len(rates), figsize=(9, 2.9), layout="constrained", sharey=True, squeeze=False)
        for axes, rate in zip(grid[0], rates):
            for scheme, line in (("approximate", "--"), ("true", "-")):
                runs = results.of(scheme, rate, False)
                for part, color, label in (("rpn", GREY, "RPN's own"), ("removed", ORANGE, "of the head's loss")):
                    steps = range(0, results.about["early"], results.about["every"])
                    curve = np.mean([run["early"][part] for run in runs if len(run["early"][part]) == len(steps)], axis=0)
                    axes.plot(steps, curve, line, color=color, label=f"{label}, {scheme}")
            axes.set(title=f"rate {rate}", xlabel="step", yscale="log")
        grid[0, 0].set_ylabel("norm of the gradient")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, help="the folder for the pictures of the page")
    options = parser.parse_args()
    results = Results(options.results)
    if not options.figures:
        print("\n".join(marked(name, results) for name in TABLES))
        return
    sys.path.append(str(Path(__file__).resolve().parents[1]))  # for the style of figures.py
    options.figures.mkdir(parents=True, exist_ok=True)
    draw_images(options.figures / "joint-training-images.png")
    draw_curves(options.figures / "joint-training.png", results)
    draw_gradients(options.figures / "joint-training-gradients.png", results)


if __name__ == "__main__":
    main()
