"""The box regression of a two-stage detector (Faster R-CNN): its backward pass, chained from boxgrad.vjp, and a whole training step.

The loss of the second stage depends on the first stage's deltas through the proposals. Approximate joint training cuts
that path (tf.stop_gradient, detach); non-approximate joint training keeps it. two_stage.c is the training step from C, and demo.py
compares the two bit for bit.
"""

from __future__ import annotations

import boxgrad
import numpy as np
from results import Results

BATCH, POSITIVE_FRACTION, SEED = 64, 0.25, 7
NMS_THRESHOLD, HIGH, LOW = 0.7, 0.5, 0.3
STDS = (0.1, 0.1, 0.2, 0.2)


def two_stage_loss(
    anchors: np.ndarray,
    deltas: np.ndarray,
    truth: np.ndarray,
    head: np.ndarray,
    image_size: tuple[float, float],
    *,
    stop_gradient: bool,
    sigma: float = 3.0,
) -> tuple[np.floating, np.ndarray | None]:
    """The second stage's loss, and its gradient with respect to the first stage's deltas.

    decode -> clip to the image -> (stop-gradient) -> encode -> smooth L1. All arrays are (N, 4): anchors, the first
    stage's deltas, the ground truth of each row, and the deltas that the second stage's head predicts. With
    stop_gradient the gradient is None, else exact.
    """
    constant = boxgrad.stop_gradient
    proposals, pull_decode = boxgrad.vjp(boxgrad.decode_boxes, constant(anchors), deltas)
    clipped, pull_clip = boxgrad.vjp(boxgrad.clip_boxes_to_image, proposals, size=image_size)
    if stop_gradient:
        clipped = constant(clipped)
    targets, pull_encode = boxgrad.vjp(boxgrad.encode_boxes, clipped, constant(truth))
    loss, pull_loss = boxgrad.vjp(boxgrad.smooth_l1_loss, constant(head), targets, sigma=sigma)

    _, gradient = pull_loss(1.0)
    gradient, _ = pull_encode(gradient)
    if gradient is None:
        return loss, None
    (gradient,) = pull_clip(gradient)
    _, gradient = pull_decode(gradient)
    return loss, gradient


def training_step(
    anchors: np.ndarray, deltas: np.ndarray, scores: np.ndarray, truth: np.ndarray, image_size: tuple[float, float]
) -> Results:
    """One step of the second stage, from the first stage's anchors, deltas (N, 4) and scores (N,) to the loss and its gradient.

    decode -> clip to the image -> stop-gradient -> NMS -> match with the ground truth (M, 4) -> sample a batch -> encode ->
    smooth L1. The second stage's head is at its beginning: it predicts no change. Positives alone have a box loss, and it is divided
    by the whole batch, as in Fast R-CNN.
    """
    decoded = boxgrad.decode_boxes(anchors, deltas)
    clipped = boxgrad.clip_boxes_to_image(decoded, image_size)
    # From here on the proposals are constants: no pullback leads back to the deltas.
    keep = boxgrad.nms(clipped, scores, NMS_THRESHOLD)
    proposals = clipped[keep]
    matches, overlaps = boxgrad.match_boxes(proposals, truth, HIGH, LOW, allow_low_quality_matches=True)
    positives, negatives = boxgrad.sample_proposals(matches, BATCH, POSITIVE_FRACTION, SEED, negative=boxgrad.Matcher.BELOW_LOW_THRESHOLD)
    targets = boxgrad.encode_boxes(proposals[positives], truth[matches[positives]], stds=STDS)
    head = np.zeros_like(targets)
    loss, gradient = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)(
        head, targets, outside_weights=np.float32(1 / (len(positives) + len(negatives))), reduction="sum"
    )
    return {
        "two_stage/decoded": decoded,
        "two_stage/clipped": clipped,
        "two_stage/keep": keep,
        "two_stage/matches": matches,
        "two_stage/overlaps": overlaps,
        "two_stage/positives": positives,
        "two_stage/negatives": negatives,
        "two_stage/targets": targets,
        "two_stage/loss": loss,
        "two_stage/gradient": gradient,
    }
