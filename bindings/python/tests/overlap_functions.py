"""The metrics and their losses, as the tests iterate over them: four that have a loss, IoF and IoS."""

import functools

import boxgrad
from boxgrad import overlap

METRICS = ("iou", "giou", "diou", "ciou")
ALL_METRICS = tuple(overlap._METRICS)

PAIRWISE = {
    "iou": boxgrad.box_iou,
    "giou": boxgrad.generalized_box_iou,
    "diou": boxgrad.distance_box_iou,
    "ciou": boxgrad.complete_box_iou,
}

EVERY_PAIRWISE = {**PAIRWISE, "ioa": boxgrad.box_ioa, "ios": boxgrad.box_ios}
"""box_ioa is IoF with its arguments exchanged."""

LOSSES = {
    "iou": boxgrad.box_iou_loss,
    "giou": boxgrad.generalized_box_iou_loss,
    "diou": boxgrad.distance_box_iou_loss,
    "ciou": boxgrad.complete_box_iou_loss,
}

EPS = 1e-7
"""The default everywhere, torchvision's."""


def matrix(metric, a, b, **options):
    """The metric of all pairs."""
    return boxgrad.box_ioa(b, a).T if metric == "iof" else EVERY_PAIRWISE[metric](a, b, **options)


def aligned(metric):
    return functools.partial(boxgrad.aligned_box_iou, metric=metric)
