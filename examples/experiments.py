"""The experiments of the five source documents, from Python.

experiments.c is the same from C, and demo.py compares the two bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import boxgrad
import numpy as np
from detector import IMAGE_SIZE, POSITIVE_IOU, Inputs, refine
from results import Results
from two_stage import two_stage_loss

UNIT_SQUARE = np.array([[0.0, 0.0, 1.0, 1.0]])
OVERLAPPING = np.array([[0.3, 0.3, 0.6, 0.6]])
DISJOINT = np.array([[10.3, 10.3, 10.6, 10.6]])


@dataclass(frozen=True)
class Descent:
    losses: np.ndarray  # (steps,), before each step
    path: np.ndarray  # (steps + 1, ...), what was trained, from start to end
    first_gradient: np.ndarray | None


def descend(start: np.ndarray, metric: str, rate: float, max_norm: float, steps: int = 10000) -> Descent:
    """Gradient descent on 1 - metric towards the unit square; every gradient is first clipped to max_norm."""
    losses, path = [], [start]
    for _ in range(steps):
        value, pullback = boxgrad.vjp(
            boxgrad.aligned_box_iou, path[-1], boxgrad.stop_gradient(UNIT_SQUARE), metric=metric
        )
        gradient, _ = pullback(np.array([-1.0]))
        boxgrad.clip_grad_norm_(gradient, max_norm)
        losses.append(1 - value[0])
        path.append(path[-1] - rate * gradient)
    return Descent(np.array(losses), np.concatenate(path), None)


def descend_through_clip(mode: str, steps: int = 35000) -> Descent:
    """Gradient descent on the sum of (1 - clip(x, min=-1))^2, two of the four x starting below the bound."""
    losses, path, first_gradient = [], [np.array([0.3, 0.3, -3.0, -3.0])], None
    for _ in range(steps):
        clipped, pullback = boxgrad.vjp(boxgrad.clip, path[-1], min=-1.0, mode=mode)
        (gradient,) = pullback(-2 * (1 - clipped))
        if first_gradient is None:
            first_gradient = gradient
        losses.append(((1 - clipped) ** 2).sum())
        path.append(path[-1] - 1e-4 * gradient)
    return Descent(np.array(losses), np.array(path), first_gradient)


def train_two_stages(inputs: Inputs, stop_gradient: bool, steps: int = 100, rate: float = 0.5) -> Descent:
    """Trains the first stage's deltas with nothing but the second stage's loss.

    The anchors are the proposals of the face, the deltas start as the network's corrections, and the second stage
    corrects nothing yet.
    """
    positive = boxgrad.box_iou(inputs.boxes, inputs.face[None])[:, 0] >= POSITIVE_IOU
    anchors = inputs.boxes[positive].astype(np.float64)
    truth = np.tile(inputs.face.astype(np.float64), (len(anchors), 1))
    head = np.zeros_like(anchors)
    path = [boxgrad.encode_boxes(anchors, refine(anchors, inputs.corrections[positive].astype(np.float64)))]
    losses, first_gradient = [], None
    for step in range(steps):
        loss, gradient = two_stage_loss(anchors, path[-1], truth, head, IMAGE_SIZE, stop_gradient=stop_gradient)
        if step == 0:
            first_gradient = gradient
        losses.append(loss)
        path.append(path[-1] if gradient is None else path[-1] - rate * gradient)
    return Descent(np.array(losses), np.array(path), first_gradient)


# ---- A rotated ground truth that leaves the image ----


def plain_loss(proposals: np.ndarray, truth: np.ndarray) -> float:
    """The documents' formulas: box deltas, then smooth L1 with sigma 1 and a mask of zeros and ones."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes, centers = proposals[:, 2:] - proposals[:, :2], (proposals[:, :2] + proposals[:, 2:]) / 2
        true_sizes, true_centers = truth[:, 2:] - truth[:, :2], (truth[:, :2] + truth[:, 2:]) / 2
        deltas = np.concatenate([(true_centers - centers) / sizes, np.log(true_sizes / sizes)], axis=1)
        absolute = np.abs(deltas)
        quadratic = (absolute < 1).astype(np.float64)
        return float((0.5 * deltas**2 * quadratic + (absolute - 0.5) * (1 - quadratic)).sum())


@dataclass(frozen=True)
class Rotation:
    degrees: float
    ground_truth: np.ndarray  # (1, 4), before the rotation
    corners: np.ndarray  # (4, 2), after it
    truth: np.ndarray  # (1, 4), the upright box around the corners
    report: boxgrad.BoxReport
    proposal: np.ndarray  # (1, 4), decoded and clipped
    plain_loss: float
    error: str  # what boxgrad says instead
    error_rows: list[int]
    targets: np.ndarray  # (1, 4), with on_degenerate="zero"


def rotate_out_of_the_image(degrees: float = 135.0) -> Rotation:
    height, width = IMAGE_SIZE
    ground_truth = np.array([[431.0, 458.0, 450.0, 476.0]])  # one of the 299 candidates, near a corner of the photo
    anchor = np.array([[256.0, 0.0, 288.0, 32.0]])
    corners, truth = boxgrad.rotate_boxes(ground_truth, degrees, (width / 2, height / 2))

    # A first stage that has learnt this ground truth perfectly proposes it, and the clip to the image flattens it.
    proposal = boxgrad.decode_boxes(anchor, boxgrad.encode_boxes(anchor, truth), max_shape=IMAGE_SIZE)
    try:
        boxgrad.encode_boxes(proposal, truth)
        error, error_rows = "", []
    except boxgrad.DegenerateBoxError as degenerate:
        error, error_rows = str(degenerate), degenerate.rows.tolist()
    return Rotation(
        degrees=degrees,
        ground_truth=ground_truth,
        corners=corners[0],
        truth=truth,
        report=boxgrad.inspect_boxes(truth, IMAGE_SIZE),
        proposal=proposal,
        plain_loss=plain_loss(proposal, truth),
        error=error,
        error_rows=error_rows,
        targets=boxgrad.encode_boxes(proposal, truth, on_degenerate="zero"),
    )


@dataclass(frozen=True)
class Experiments:
    descents: dict[str, Descent]
    clips: dict[str, Descent]
    rotation: Rotation
    stages: dict[str, Descent]

    def results(self) -> Results:
        """What experiments.c computes too, under the same names."""
        results: Results = {}
        for name, descent in self.descents.items():
            results[f"{name}/losses"] = descent.losses
            results[f"{name}/box"] = descent.path[-1]
        for name, descent in self.clips.items():
            results[f"clip {name}/first gradient"] = descent.first_gradient
            results[f"clip {name}/x"] = descent.path[-1]
        results["rotated/truth"] = self.rotation.truth
        results["rotated/flags"] = self.rotation.report.flags
        results["rotated/proposal"] = self.rotation.proposal
        results["rotated/targets"] = self.rotation.targets
        for name, descent in self.stages.items():
            if descent.first_gradient is not None:
                results[f"{name}/first gradient"] = descent.first_gradient
            results[f"{name}/losses"] = descent.losses
        return results


def run(inputs: Inputs) -> Experiments:
    return Experiments(
        descents={
            "IoU, overlapping": descend(OVERLAPPING, "iou", 0.001, math.inf),
            "IoU, disjoint": descend(DISJOINT, "iou", 0.001, math.inf),
            "IoU, disjoint, large steps": descend(DISJOINT, "iou", 10, 0.001),
            "GIoU, disjoint, large steps": descend(DISJOINT, "giou", 10, 0.001),
        },
        clips={mode: descend_through_clip(mode) for mode in ("hard", "straight_through", "inward")},
        rotation=rotate_out_of_the_image(),
        stages={
            "stop-gradient on": train_two_stages(inputs, stop_gradient=True),
            "stop-gradient off": train_two_stages(inputs, stop_gradient=False),
        },
    )
