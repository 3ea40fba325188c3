"""The box regression of a two-stage detector (Faster R-CNN), its backward pass chained from boxgrad.vjp.

The loss of the second stage depends on the first stage's deltas through the proposals. Approximate joint training cuts
that path (tf.stop_gradient, detach); non-approximate joint training keeps it.
"""

from __future__ import annotations

import boxgrad
import numpy as np


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
