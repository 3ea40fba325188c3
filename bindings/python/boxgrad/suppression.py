"""Non-maximum suppression: of boxes that overlap, those with the highest scores stay; hard, by class, and soft."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Indices, box_matrix, labels_of, operands, rows
from ._library import library_of
from ._scalars import code_of, integer, number
from .rotated import ANGLES

_DECAYS = {"linear": 0, "gaussian": 1}
_NO_LIMIT = 2**64 - 1


def _inputs(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, idxs: npt.ArrayLike | None, width: int
) -> tuple[Array, Array, Indices | None]:
    """Boxes (N, width) and scores (N,) of one dtype, and the classes (N,) as int64."""
    matrix, _, values, _ = operands("boxes", boxes, "scores", scores)
    matrix = box_matrix("boxes", matrix, width)
    if values.shape != matrix.shape[:1]:
        raise ValueError(f"scores must have the shape {matrix.shape[:1]}, one for each box, not {values.shape}")
    return matrix, np.ascontiguousarray(values), None if idxs is None else labels_of(idxs, "idxs", matrix.shape[:1])


def _limit(max_keep: int | None) -> int:
    limit = _NO_LIMIT if max_keep is None else integer(max_keep, "max_keep")
    if not 0 <= limit <= _NO_LIMIT:
        raise ValueError(f"max_keep must not be negative, and fit 64 bits, not {max_keep}")
    return limit


def _nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, idxs: npt.ArrayLike | None, iou_threshold: float, score_threshold: float, max_keep: int | None,
    angle: str | None = None,
) -> Indices:  # fmt: skip
    """angle: the convention of rotated boxes, or None for upright ones."""
    width = 4 if angle is None else 5
    matrix, values, classes = _inputs(boxes, scores, idxs, width)
    (first, stride), n, limit = rows(matrix, width), len(matrix), _limit(max_keep)
    keep, count = np.empty(min(n, limit), np.int64), ctypes.c_size_t()
    thresholds = number(iou_threshold, "iou_threshold"), number(score_threshold, "score_threshold")
    arguments = first, n, stride, values, classes, *thresholds, limit, keep, count
    if angle is None:
        library_of[matrix.dtype].nms(*arguments)
    else:
        library_of[matrix.dtype].rotated_nms(code_of(angle, ANGLES, "angle"), *arguments)
    return keep[: count.value].copy()


def nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float,
    *, score_threshold: float = -math.inf, max_keep: int | None = None,
) -> Indices:  # fmt: skip
    """The indices of the boxes (N, 4) that stay, by descending score. After torchvision.ops.nms.

    A box goes if its IoU with one that stays and has a higher score, or the same and a lower index, is greater than
    iou_threshold, compared in the boxes' dtype. Boxes with a NaN, or a NaN score, go and drop no other; boxes without area overlap
    nothing. score_threshold: boxes with no greater score go, too. max_keep: how many stay at most.

    ValueError: shape, a negative iou_threshold, NaN; TypeError: dtype.

    >>> import boxgrad
    >>> boxes = [[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [20.0, 20.0, 30.0, 30.0]]
    >>> boxgrad.nms(boxes, [0.8, 0.9, 0.7], 0.5)
    array([1, 2])
    """
    return _nms(boxes, scores, None, iou_threshold, score_threshold, max_keep)


def batched_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, idxs: npt.ArrayLike | None, iou_threshold: float,
    *, score_threshold: float = -math.inf, max_keep: int | None = None, max_per_class: int | None = None,
) -> Indices:  # fmt: skip
    """nms within each class. After torchvision.ops.batched_nms, but without shifting coordinates, which loses their digits.

    idxs: the class of each box (N,), any integers that fit int64; without boxes it may be None. max_per_class: how many of each class stay at most.

    ValueError: shape, a negative iou_threshold, NaN; TypeError: dtype.

    >>> import boxgrad
    >>> boxes = [[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [1.0, 1.0, 10.0, 10.0]]
    >>> boxgrad.batched_nms(boxes, [0.8, 0.9, 0.7], [3, -1, 3], 0.5)
    array([1, 0])
    """
    return _batched_nms(boxes, scores, idxs, iou_threshold, score_threshold, max_keep, max_per_class)


def _batched_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, idxs: npt.ArrayLike | None, iou_threshold: float, score_threshold: float, max_keep: int | None,
    max_per_class: int | None, angle: str | None = None,
) -> Indices:  # fmt: skip
    if idxs is None:
        if len(box_matrix("boxes", boxes, 4 if angle is None else 5)):
            raise TypeError("idxs must be integers, not None")
        idxs = np.empty(0, np.int64)
    if max_per_class is None:
        return _nms(boxes, scores, idxs, iou_threshold, score_threshold, max_keep, angle)
    most, limit = integer(max_per_class, "max_per_class"), _limit(max_keep)
    if most < 0:
        raise ValueError(f"max_per_class must not be negative, not {max_per_class}")
    keep = _nms(boxes, scores, idxs, iou_threshold, score_threshold, None, angle)
    return keep[_ranks(labels_of(idxs, "idxs")[keep]) < most][:limit]


def _ranks(classes: Indices) -> Indices:
    """How many of its class stand before each."""
    order = np.argsort(classes, kind="stable")
    ordered, ranks = classes[order], np.empty(len(classes), np.int64)
    ranks[order] = np.arange(len(classes)) - np.searchsorted(ordered, ordered)
    return ranks


def soft_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float = 0.3, sigma: float = 0.5, min_score: float = 1e-3,
    method: str = "linear", *, idxs: npt.ArrayLike | None = None, max_keep: int | None = None,
) -> tuple[Indices, Array]:  # fmt: skip
    """Soft-NMS (Bodla 2017): the indices of the boxes (N, 4) that stay, and their lowered scores, by descending score.

    The box with the highest score stays, and the others' scores are multiplied: with the method "linear" by 1 - IoU where it
    is greater than iou_threshold, with "gaussian" by exp(-IoU^2 / sigma); and so on with the boxes whose score is still greater than
    min_score. idxs: classes, which do not overlap each other. max_keep: how many stay at most.

    ValueError: shape, method, a negative iou_threshold, a sigma that is not positive, NaN; TypeError: dtype.

    >>> import boxgrad
    >>> boxes = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], [20.0, 20.0, 30.0, 30.0]]
    >>> boxgrad.soft_nms(boxes, [0.8, 0.6, 0.5])
    (array([0, 2, 1]), array([0.8, 0.5, 0.3]))
    """
    return _soft_nms(boxes, scores, iou_threshold, sigma, min_score, method, idxs, max_keep)


def _soft_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float, sigma: float, min_score: float, method: str, idxs: npt.ArrayLike | None,
    max_keep: int | None, angle: str | None = None,
) -> tuple[Indices, Array]:  # fmt: skip
    width = 4 if angle is None else 5
    matrix, values, classes = _inputs(boxes, scores, idxs, width)
    (first, stride), n, limit = rows(matrix, width), len(matrix), _limit(max_keep)
    keep, kept_scores, count = np.empty(min(n, limit), np.int64), np.empty(min(n, limit), matrix.dtype), ctypes.c_size_t()
    parameters = number(iou_threshold, "iou_threshold"), number(sigma, "sigma"), number(min_score, "min_score")
    arguments: tuple[Any, ...] = first, n, stride, values, classes, *parameters, limit, keep, kept_scores, count
    decay = code_of(method, _DECAYS, "method")
    if angle is None:
        library_of[matrix.dtype].soft_nms(decay, *arguments)
    else:
        library_of[matrix.dtype].rotated_soft_nms(decay, code_of(angle, ANGLES, "angle"), *arguments)
    return keep[: count.value].copy(), kept_scores[: count.value].copy()


def rotated_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float,
    *, angle: str, score_threshold: float = -math.inf, max_keep: int | None = None,
) -> Indices:  # fmt: skip
    """nms of rotated boxes (N, 5): cx, cy, w, h, angle. After detectron2's nms_rotated, for every convention of angles.

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw". The IoU is that of rotated_box_iou. A negative side counts as 0. Boxes with a
    number that is not finite, or a NaN score, go and drop no other. score_threshold and max_keep: as nms.

    ValueError: shape, angle, a negative iou_threshold, NaN; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxes = [[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 32.0], [5.0, 5.0, 10.0, 2.0, 120.0]]
    >>> boxgrad.rotated_nms(boxes, [0.8, 0.9, 0.7], 0.5, angle="degrees-ccw")
    array([1, 2])
    """
    return _nms(boxes, scores, None, iou_threshold, score_threshold, max_keep, angle)


def batched_rotated_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, idxs: npt.ArrayLike | None, iou_threshold: float,
    *, angle: str, score_threshold: float = -math.inf, max_keep: int | None = None, max_per_class: int | None = None,
) -> Indices:  # fmt: skip
    """rotated_nms within each class. After detectron2's batched_nms_rotated, but without shifting coordinates, which loses their digits.

    idxs, max_per_class: as batched_nms. Otherwise as rotated_nms.

    >>> import boxgrad
    >>> boxes = [[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 32.0], [5.0, 5.0, 10.0, 2.0, 31.0]]
    >>> boxgrad.batched_rotated_nms(boxes, [0.8, 0.9, 0.7], [3, -1, 3], 0.5, angle="degrees-ccw")
    array([1, 0])
    """
    return _batched_nms(boxes, scores, idxs, iou_threshold, score_threshold, max_keep, max_per_class, angle)


def soft_rotated_nms(
    boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float = 0.3, sigma: float = 0.5, min_score: float = 1e-3,
    method: str = "linear", *, angle: str, idxs: npt.ArrayLike | None = None, max_keep: int | None = None,
) -> tuple[Indices, Array]:  # fmt: skip
    """soft_nms of rotated boxes (N, 5): the indices of those that stay, and their lowered scores, by descending score.

    angle: the convention, as in rotated_nms. The other arguments are those of soft_nms.

    ValueError: shape, angle, method, a negative iou_threshold, a sigma that is not positive, NaN; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxes = [[5.0, 5.0, 10.0, 2.0, 0.0], [5.0, 5.0, 5.0, 2.0, 180.0], [5.0, 5.0, 10.0, 2.0, 90.0]]
    >>> boxgrad.soft_rotated_nms(boxes, [0.8, 0.6, 0.5], angle="degrees-cw")
    (array([0, 2, 1]), array([0.8, 0.5, 0.3]))
    """
    return _soft_nms(boxes, scores, iou_threshold, sigma, min_score, method, idxs, max_keep, angle)
