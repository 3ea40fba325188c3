"""Distances of points to the sides of boxes, on which detectors without anchors are trained (FCOS: Tian 2019)."""

from __future__ import annotations

import math

import numpy.typing as npt

from ._arrays import Array, broadcast_shape, count_of, gradient_of, operands, output, rows, stretched, sum_to_shape
from ._library import library_of
from .autodiff import Gradients, differentiable, with_pullback


@differentiable("points", "boxes")
def encode_distances(points: npt.ArrayLike, boxes: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The distances (x - x1, y - y1, x2 - x, y2 - y) of points (..., 2) to the sides of boxes (..., 4): (..., 4).

    The shapes before the last dimension broadcast: points (N, 1, 2) and boxes (M, 4) give (N, M, 4). A point is outside of
    the box where a distance is negative; nothing is clamped. After mmdetection's bbox2distance; torchvision's
    BoxLinearCoder(normalize_by_size=False) encodes from the centre of a box. The gradient is linear.

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.encode_distances([[3.0, 2.0]], [[1.0, 0.0, 5.0, 8.0]])
    array([[2., 2., 2., 6.]])
    """
    point, wanted_p, box, wanted_b = operands("points", points, "boxes", boxes)
    point, box = (x.reshape(0, width) if x.shape == (0,) else x for x, width in ((point, 2), (box, 4)))
    if point.shape[-1:] != (2,):
        raise ValueError(f"points must have the shape (..., 2), not {point.shape}")
    count_of("boxes", box.shape)
    each, dtype = broadcast_shape("points", point.shape, "boxes", box.shape, own=1), point.dtype
    shape_p, shape, count = (*each, 2), (*each, 4), math.prod(each)
    value = output(out, shape, dtype, point, box)
    library_of[dtype].ltrb_encode(*rows(stretched(point, shape_p), 2), *rows(stretched(box, shape)), count, value)
    if not (wanted_p or wanted_b):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient_p, gradient_b = gradient_of(wanted_p, shape_p, dtype), gradient_of(wanted_b, shape, dtype)
        library_of[dtype].ltrb_encode_grad(count, cotangent, gradient_p, gradient_b)
        return sum_to_shape(gradient_p, point.shape), sum_to_shape(gradient_b, box.shape)

    return with_pullback(value, pullback)
