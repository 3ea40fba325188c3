"""Rotated boxes: rows cx, cy, w, h, angle, the angle in one of four conventions, which the caller names. Their formats, overlap and losses.

"radians-cw" turns clockwise on the screen, where y points down (mmrotate, ultralytics); "degrees-ccw" is torchvision's cxcywhr and detectron2's;
"degrees-cw" is OpenCV's; "radians-ccw" completes them. Nothing tells one from another but the caller, so there is no default.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import (
    Array, aligned_shape, box_operand, box_operands, count_of, gradient_of, operand, output, rows, stretched, sum_to_shape,
)  # fmt: skip
from ._library import library_of
from ._reduction import Loss, scaled
from ._scalars import code_of, image_size, number
from .autodiff import Gradients, differentiable, with_pullback
from .boxes import BoxFlag, BoxReport
from .overlap import _indices, _matrices, _pairwise_shape, loss_of_pairs

ANGLES = {"radians-cw": 0, "degrees-ccw": 1, "degrees-cw": 2, "radians-ccw": 3}
SOURCES = {**ANGLES, "corners": 4}
TARGETS = {**SOURCES, "bounds": 5}
WIDTHS = {**dict.fromkeys(ANGLES, 5), "corners": 8, "bounds": 4}
"""The formats of convert_rotated_boxes, and how many numbers a box has in each."""
RANGES = {"oc": 0, "le90": 1, "le135": 2, "turn": 3}
METRICS = {"iou": 0, "iof": 4}
MODES = {"linear": 0, "log": 1}


def codes_of(in_fmt: str, out_fmt: str) -> tuple[int, int]:
    """Both formats' codes. Corners become boxes with angles, and nothing else."""
    return code_of(in_fmt, SOURCES, "in_fmt"), code_of(out_fmt, ANGLES if in_fmt == "corners" else TARGETS, "out_fmt")


@differentiable("boxes")
def convert_rotated_boxes(boxes: npt.ArrayLike, in_fmt: str, out_fmt: str, *, out: Array | None = None) -> Array:
    """Rotated boxes in another format.

    Formats: "radians-cw", "degrees-ccw", "degrees-cw" and "radians-ccw" are (..., 5), cx, cy, w, h and the angle in this convention; "corners"
    are (..., 8), x and y of the top-left, top-right, bottom-right and bottom-left corner before the box was turned, as in DOTA, and become
    boxes with angles only; "bounds", only as out_fmt, are (..., 4), the smallest upright boxes. Right angles in degrees are exact. Of corners that are no rectangle's
    the box is that with the mean sides of their parallelogram, turned as it; not the smallest around them. Corners may run in
    either sense; angles of corners are from -180 to 180 degrees. Integers give float64.
    Gradient: where two corners are outermost, at right angles, the mean of both sides'; a side of 0, and the angle of a point, have none.

    ValueError: shape, format or out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.convert_rotated_boxes([5.0, 5.0, 6.0, 2.0, 90.0], "degrees-ccw", "corners")
    array([4., 8., 4., 2., 6., 2., 6., 8.])
    >>> boxgrad.convert_rotated_boxes([5.0, 5.0, 6.0, 2.0, 90.0], "degrees-ccw", "bounds")
    array([4., 2., 6., 8.])
    """
    source, target = codes_of(in_fmt, out_fmt)
    width = WIDTHS[in_fmt]
    array, wanted = box_operand("boxes", boxes, width)
    count, dtype, library = count_of("boxes", array.shape, width), array.dtype, library_of[array.dtype]
    value = output(out, (*array.shape[:-1], WIDTHS[out_fmt]), dtype, array)
    first, stride = rows(array, width)
    if in_fmt == "corners":
        library.rotated_from_corners(target, first, count, stride, value)
    elif out_fmt in ANGLES:
        library.rotated_convert(source, target, first, count, stride, value, 5)
    else:
        corners, bounds = (value, None) if out_fmt == "corners" else (None, value)
        library.rotated_corners(source, first, count, stride, corners, bounds)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient = np.empty(array.shape, dtype)
        if in_fmt == "corners":
            library.rotated_from_corners_grad(target, first, count, stride, cotangent, gradient)
        elif out_fmt in ANGLES:
            library.rotated_convert_grad(source, target, count, cotangent, gradient)
        else:
            of_corners, of_bounds = (cotangent, None) if out_fmt == "corners" else (None, cotangent)
            library.rotated_corners_grad(source, first, count, stride, of_corners, of_bounds, gradient)
        return (gradient,)

    return with_pullback(value, pullback)


def min_area_boxes(points: npt.ArrayLike, *, angle: str, out: Array | None = None) -> Array:
    """The smallest rotated boxes around quadrilaterals (..., 8) or around points (..., N, 2): (..., 5). The field's minAreaRect.

    angle: the convention of the result, whose angles are from 0 to 90 degrees clockwise on the screen: at 0, not at 90, a box is upright. points
    may stand in any order. Of boxes of equal area, to 2^-40 of it, that with the smaller angle clockwise is taken: all sides of an acute triangle give
    equal ones. Points on a line give a side of 0, but for rounding, equal points two. A row with a number that is not finite gives NaN. Integers give float64. It has no gradient: between two
    sides of the hull the box jumps.

    ValueError: shape, no point, angle or out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.min_area_boxes([0.0, 2.0, 2.0, 0.0, 6.0, 4.0, 4.0, 6.0], angle="degrees-cw").round(6)
    array([ 3.      ,  3.      ,  5.656854,  2.828427, 45.      ])
    >>> boxgrad.min_area_boxes([[0, 0], [8, 0], [3, 2], [4, 6]], angle="radians-cw")
    array([4., 3., 8., 6., 0.])
    """
    convention = code_of(angle, ANGLES, "angle")
    array, _ = operand("points", points)
    if array.shape[-1:] != (8,) and (array.ndim < 2 or array.shape[-1] != 2 or not array.shape[-2]):
        raise ValueError(f"points must have the shape (..., 8), or (..., N, 2) with a point at least, not {array.shape}")
    width = 8 if array.shape[-1] == 8 else 2 * array.shape[-2]
    leading = array.shape[:-1] if array.shape[-1] == 8 else array.shape[:-2]
    array = array.reshape(*leading, width)
    value = output(out, (*leading, 5), array.dtype, array)
    first, stride = rows(array, width)
    library_of[array.dtype].rotated_min_area(convention, first, count_of("points", array.shape, width), width // 2, stride, value)
    return value


def inspect_rotated_boxes(
    boxes: npt.ArrayLike, size: Sequence[float] | None = None, *, angle: str, min_size: float = 0.0
) -> BoxReport:
    """Finds the rotated boxes (N, 5) that break training, by the flags of inspect_boxes: see BoxFlag.

    angle: the convention of the boxes. size: the image's (height, width), or None if it is unknown: nothing is outside then. INVERTED is a negative
    side, PARTLY_OUTSIDE a box with a corner beyond the image and some of its area in it, WHOLLY_OUTSIDE one without. Borders are judged
    but for 4 eps of the box's numbers, which is what rounding makes of right angles in radians.

    ValueError: shape, angle, a negative size, a NaN; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxes = [[50.0, 50, 20, 10, 30], [50, 50, 20, 0, 30], [-4, -4, 30, 2, 45], [2, 2, 30, 2, 45]]
    >>> print(boxgrad.inspect_rotated_boxes(boxes, (100, 100), angle="degrees-ccw"))
    4 boxes: 1 zero height, 1 center negative, 1 partly outside, 1 wholly outside
    """
    matrix, _ = box_operand("boxes", boxes, 5)
    if matrix.ndim != 2 or matrix.shape[1] != 5:
        raise ValueError(f"boxes must have the shape (N, 5), not {matrix.shape}")
    height, width = (-1.0, -1.0) if size is None else image_size(size)
    flags, counts = np.empty(len(matrix), np.uint32), np.empty(len(BoxFlag), np.uintp)
    (first, stride), smallest, convention = rows(matrix, 5), number(min_size, "min_size"), code_of(angle, ANGLES, "angle")
    library_of[matrix.dtype].rotated_inspect(convention, first, len(matrix), stride, width, height, smallest, flags, counts, len(counts))
    return BoxReport(flags, dict(zip(BoxFlag, counts.tolist())))


@differentiable("boxes")
def regularize_rotated_boxes(boxes: npt.ArrayLike, range: str, *, angle: str, out: Array | None = None) -> Array:
    """The same rotated boxes (..., 5) with angles in a range, by half turns and by exchanging sides.

    range: "oc", above 0 to 90 degrees (OpenCV from 4.5.1); "le90", w >= h and -90 to below 90 degrees; "le135", w >= h and -45 to below 135
    degrees: mmrotate's angle versions; "turn", -180 to below 180 degrees, with the sides as they are (detectron2). angle: the convention, as in rotated_box_iou; the range is that of the number in it. Every box stays where it is,
    only its corners begin elsewhere. What is in the range is copied.
    Gradient: that by the sides is exchanged where they were, the rest is copied; also where an angle jumps, at the ends of the range.

    ValueError: shape, range, angle or out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.regularize_rotated_boxes([5.0, 5.0, 2.0, 6.0, 30.0], "le90", angle="degrees-cw")
    array([  5.,   5.,   6.,   2., -60.])
    """
    code, convention = code_of(range, RANGES, "range"), code_of(angle, ANGLES, "angle")
    array, wanted = box_operand("boxes", boxes, 5)
    count, dtype, library = count_of("boxes", array.shape, 5), array.dtype, library_of[array.dtype]
    value = output(out, array.shape, dtype, array)
    first, stride = rows(array, 5)
    library.rotated_regularize(convention, code, first, count, stride, value, 5)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient = np.empty(array.shape, dtype)
        library.rotated_regularize_grad(convention, code, first, count, stride, cotangent, gradient)
        return (gradient,)

    return with_pullback(value, pullback)


def _pairwise(metric: str, boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, angle: str, out: Array | None) -> Array:
    code, convention = METRICS[metric], code_of(angle, ANGLES, "angle")
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2, 5)
    shape, n, m = _pairwise_shape(array1.shape, array2.shape, 5)
    value = np.empty(shape, array1.dtype) if out is None else output(out, shape, array1.dtype, array1, array2, strided=True)
    for a, stride_a, b, stride_b, result, stride in _matrices(array1, array2, value):
        library_of[array1.dtype].rotated_iou_pairwise(code, convention, a, n, stride_a, b, m, stride_b, result, stride)
    if wanted1 or wanted2:
        return with_pullback(value, functools.partial(_pairwise_pullback, code, convention, array1, array2, (wanted1, wanted2)))
    return value


def _pairwise_pullback(code: int, convention: int, array1: Array, array2: Array, wanted: tuple[bool, bool], cotangent: Array) -> Gradients:
    (*batch, n, m), dtype = cotangent.shape, cotangent.dtype
    gradients = gradient_of(wanted[0], (*batch, n, 5), dtype), gradient_of(wanted[1], (*batch, m, 5), dtype)
    items = _matrices(array1, array2, cotangent)
    for i, (a, stride_a, b, stride_b, upstream, stride) in zip(_indices(batch), items):
        ga, gb = (None if gradient is None else gradient[i] for gradient in gradients)
        library_of[dtype].rotated_iou_pairwise_grad(code, convention, a, n, stride_a, b, m, stride_b, upstream, stride, ga, gb)
    return tuple(sum_to_shape(g, array.shape) for g, array in zip(gradients, (array1, array2)))


@differentiable("boxes1", "boxes2")
def rotated_box_iou(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, angle: str, out: Array | None = None) -> Array:
    """IoU = inter / union of all pairs of rotated boxes1 (..., N, 5) and boxes2 (..., M, 5): (..., N, M).

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw", the convention of both. Leading dimensions broadcast. The area in common is
    exact for every two boxes: equal, nearly equal, parallel, thin, touching. Equal boxes give 1, boxes apart 0, two boxes without area 0. A negative
    side counts as 0; a number that is not finite gives NaN. `out`'s rows may have gaps.
    Gradient: in the unit of the angle. Boxes that share no area have none. Where edges coincide, it is the mean of the slopes to both sides:
    equal boxes have none.

    ValueError: shape, angle or out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.rotated_box_iou([[2.0, 2.0, 4.0, 2.0, 90.0]], [[2.0, 2.0, 2.0, 4.0, 0.0], [2.0, 2.0, 4.0, 2.0, 0.0]], angle="degrees-ccw")
    array([[1.        , 0.33333333]])
    """
    return _pairwise("iou", boxes1, boxes2, angle, out)


@differentiable("boxes1", "boxes2")
def rotated_box_iof(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, angle: str, out: Array | None = None) -> Array:
    """IoF = inter / area of the first box, for all pairs of rotated boxes. Otherwise as rotated_box_iou.

    How much of each of boxes1 is within each of boxes2, as mmrotate's mode "iof". A first box without area gives 0.

    >>> import boxgrad
    >>> boxgrad.rotated_box_iof([[2.0, 2.0, 4.0, 2.0, 0.0]], [[2.0, 2.0, 4.0, 2.0, 90.0]], angle="degrees-ccw")
    array([[0.5]])
    """
    return _pairwise("iof", boxes1, boxes2, angle, out)


@differentiable("boxes1", "boxes2")
def aligned_rotated_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, angle: str, metric: str = "iou", out: Array | None = None
) -> Array:
    """The overlap of rotated boxes1[i] with boxes2[i]: (..., 5) and (..., 5) to (...). Leading dimensions broadcast.

    metric: "iou" or "iof", as rotated_box_iou and rotated_box_iof.

    ValueError: shape, angle, metric or out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.aligned_rotated_box_iou([[0.0, 0.0, 2.0, 2.0, 45.0]], [[0.0, 0.0, 2.0, 2.0, 0.0]], angle="degrees-cw").round(6)
    array([0.707107])
    """
    code, convention = code_of(metric, METRICS, "metric"), code_of(angle, ANGLES, "angle")
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2, 5)
    (shape, count), dtype = aligned_shape("boxes1", array1.shape, "boxes2", array2.shape, 5), array1.dtype
    inputs = code, convention, *rows(stretched(array1, shape), 5), *rows(stretched(array2, shape), 5), count
    value = output(out, shape[:-1], dtype, array1, array2)
    library_of[dtype].rotated_iou_aligned(*inputs, value, None, None)
    if not (wanted1 or wanted2):
        return value

    def pullback(cotangent: Array) -> Gradients:
        of_value = gradient_of(wanted1, shape, dtype), gradient_of(wanted2, shape, dtype)
        library_of[dtype].rotated_iou_aligned(*inputs, None, *of_value)
        gradients = scaled(of_value, cotangent[..., None])
        return sum_to_shape(gradients[0], array1.shape), sum_to_shape(gradients[1], array2.shape)

    return with_pullback(value, pullback)


@differentiable("input", "target")
def rotated_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, angle: str, mode: str = "linear", least_iou: float = 1e-6,
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - IoU) of aligned rotated boxes (..., 5), or with mode "log" weights * -log(max(IoU, least_iou)).

    angle: the convention of both, as in rotated_box_iou. least_iou: from 2^-100 to 1; below it the loss is constant. reduction, weights,
    normalizer and out are those of box_iou_loss. Boxes that share no area have no gradient. Of nearly equal boxes the loss keeps its digits.
    mmrotate's RotatedIoULoss is its mode "log" by default.

    ValueError: shape, angle, mode, reduction, least_iou, a normalizer that is not positive though there are boxes, out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.rotated_box_iou_loss([[2.0, 2.0, 4.0, 2.0, 0.0]], [[2.0, 2.0, 4.0, 2.0, 90.0]], angle="degrees-ccw")
    array([0.66666667])
    """
    kind, convention, least = code_of(mode, MODES, "mode"), code_of(angle, ANGLES, "angle"), number(least_iou, "least_iou")

    def call(library: SimpleNamespace, boxes: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        library.rotated_iou_loss(kind, convention, *boxes, least, *results)

    return loss_of_pairs(call, ("input", "target"), input, target, reduction, weights, normalizer, out, 5)
