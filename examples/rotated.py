"""Rotated boxes in two pictures: how an overlap adds up without a polygon, and what three losses do to a box. It writes the pictures of docs/rotated.md,
and prints the table that stands there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable

import boxgrad
import numpy as np

ANGLE = "degrees-cw"
LOSSES: dict[str, Callable[..., object]] = {
    "1 - IoU": boxgrad.rotated_box_iou_loss,
    "KLD": boxgrad.kld_loss,
    "ProbIoU": boxgrad.probiou_loss,
}
TARGET = np.array([[60, 50, 56, 20, 30]], dtype=np.float64)
STARTS = {
    "overlapping": np.array([[44, 58, 40, 30, -20]], dtype=np.float64),
    "apart": np.array([[14, 88, 40, 30, -20]], dtype=np.float64),
}
STEPS = 300
UNITS = np.array([1, 1, 1, 1, 2], dtype=np.float64)
"""How far one step may move each number: pixels, and degrees."""


def descend(loss: Callable[..., object], start: np.ndarray) -> np.ndarray:
    """The boxes of a descent by Adam, whose steps shrink to nothing: STEPS + 1 rows."""
    boxes, mean, square = [start], np.zeros(5), np.zeros(5)
    for step in range(1, STEPS + 1):
        _, gradient = boxgrad.value_and_grad(loss)(boxes[-1], TARGET, angle=ANGLE, reduction="sum")
        mean, square = 0.9 * mean + 0.1 * gradient[0], 0.99 * square + 0.01 * gradient[0] ** 2
        direction = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-12)
        boxes.append(boxes[-1] - (1 - step / STEPS) * UNITS * direction)
    return np.concatenate(boxes)


def overlaps(boxes: np.ndarray) -> np.ndarray:
    return boxgrad.rotated_box_iou(boxes, TARGET, angle=ANGLE)[:, 0]


def table(descents: dict[tuple[str, str], np.ndarray]) -> str:
    """The IoU with the target at the start, and after the descent by each loss."""
    lines = [f"| start | IoU at first | {' | '.join(LOSSES)} |", "|---" * (2 + len(LOSSES)) + "|"]
    for name, start in STARTS.items():
        after = [f"{overlaps(descents[name, loss])[-1]:.3f}" for loss in LOSSES]
        lines.append(f"| {name} | {overlaps(start)[0]:.3f} | {' | '.join(after)} |")
    return "\n".join(lines)


def draw_descents(path: Path, descents: dict[tuple[str, str], np.ndarray]) -> None:
    import matplotlib.pyplot as plt
    from figures import BLUE, GREY, RED, STYLE

    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, grid = plt.subplots(len(STARTS), len(LOSSES), figsize=(9, 6.0), layout="constrained")
        for axes, ((start, loss), boxes) in zip(grid.flat, descents.items()):
            shown = boxes[[0, 10, 20, 40, 80, STEPS]]
            for k, corners in enumerate(boxgrad.convert_rotated_boxes(shown, ANGLE, "corners").reshape(-1, 4, 2)):
                is_last = k == len(shown) - 1
                axes.add_patch(plt.Polygon(corners, fill=False, edgecolor=BLUE, alpha=1 if is_last else 0.2 + 0.1 * k, linewidth=2 if is_last else 1))
            target = boxgrad.convert_rotated_boxes(TARGET, ANGLE, "corners").reshape(4, 2)
            axes.add_patch(plt.Polygon(target, fill=False, edgecolor=RED, linewidth=1.5, linestyle="--"))
            axes.plot(*boxes[:, :2].T, color=GREY, linewidth=1)
            axes.set(xlim=(-15, 110), ylim=(120, 10), aspect="equal", xticks=[], yticks=[], title=f"{loss}, {start}: IoU {overlaps(boxes)[-1]:.2f}")
        figure.savefig(path, dpi=110)
        plt.close(figure)


def draw_integral(path: Path) -> None:
    """Each edge of the second box, seen from the first, and the area between the clamped edge and the first box's lower side."""
    import matplotlib.pyplot as plt
    from figures import BLUE, GREEN, GREY, ORANGE, STYLE

    first, second = np.array([0, 0, 8, 4, 0.0]), np.array([2.2, 0.8, 6, 3.4, 35.0])
    half_width, half_height = first[2] / 2, first[3] / 2
    corners = boxgrad.convert_rotated_boxes(second, ANGLE, "corners").reshape(4, 2)
    area = float(boxgrad.aligned_rotated_box_iou(first, second, angle=ANGLE, metric="iof")) * first[2] * first[3]
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, grid = plt.subplots(1, 5, figsize=(12, 2.1), layout="constrained")
        total = 0.0
        for k, axes in enumerate(grid):
            axes.add_patch(plt.Rectangle((-half_width, -half_height), *first[2:4], fill=False, edgecolor=GREY, linewidth=1.5))
            axes.add_patch(plt.Polygon(corners, fill=False, edgecolor=BLUE, linewidth=1))
            axes.set(xlim=(-4.8, 6.8), ylim=(4.8, -3.6), aspect="equal", xticks=[], yticks=[])
            if k == 4:
                axes.set_title(f"sum: {total:.3f}")
                inside = np.clip(_grid_of(corners, half_width, half_height), 0, 1)
                axes.contourf(*_mesh(half_width, half_height), inside, levels=[0.5, 1.5], colors=[BLUE], alpha=0.4)
                continue
            x1, y1 = corners[k]
            x2, y2 = corners[(k + 1) % 4]
            x = np.clip(np.linspace(x1, x2, 2001), -half_width, half_width)
            y = np.clip(np.linspace(y1, y2, 2001), -half_height, half_height)
            # y points down. Edges that run to the right are the upper outline, and what is below them counts.
            part = float(np.sum(np.diff(x) * (half_height - (y[1:] + y[:-1]) / 2)))
            total += part
            axes.fill_between(x, y, half_height, color=GREEN if part > 0 else ORANGE, alpha=0.45, linewidth=0)
            axes.plot([x1, x2], [y1, y2], color=GREEN if part > 0 else ORANGE, linewidth=2.5)
            axes.set_title(f"edge {k + 1}: {part:+.3f}")
        if abs(total - area) > 1e-4:
            raise SystemExit(f"the four integrals give {total}, and boxgrad {area}")
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _mesh(half_width: float, half_height: float) -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.linspace(-half_width, half_width, 400), np.linspace(-half_height, half_height, 200))


def _grid_of(corners: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    """1 where a point of the first box is in the second."""
    x, y = _mesh(half_width, half_height)
    inside = np.ones_like(x)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0)):
        inside *= (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) >= 0
    return inside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder for rotated-integral.png and rotated-descent.png; without it only the table is printed")
    options = parser.parse_args()
    descents = {(name, loss): descend(function, start) for name, start in STARTS.items() for loss, function in LOSSES.items()}
    print(table(descents))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        draw_integral(options.out / "rotated-integral.png")
        draw_descents(options.out / "rotated-descent.png", descents)


if __name__ == "__main__":
    main()
