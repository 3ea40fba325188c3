"""The four metrics and their losses, as the tests iterate over them."""

import functools

import boxgrad

METRICS = ("iou", "giou", "diou", "ciou")

PAIRWISE = {
    "iou": boxgrad.box_iou,
    "giou": boxgrad.generalized_box_iou,
    "diou": boxgrad.distance_box_iou,
    "ciou": boxgrad.complete_box_iou,
}

LOSSES = {
    "iou": boxgrad.box_iou_loss,
    "giou": boxgrad.generalized_box_iou_loss,
    "diou": boxgrad.distance_box_iou_loss,
    "ciou": boxgrad.complete_box_iou_loss,
}

EPS = 1e-7
"""The default everywhere, torchvision's."""


def aligned(metric):
    return functools.partial(boxgrad.aligned_box_iou, metric=metric)
