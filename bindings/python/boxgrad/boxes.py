"""Boxes: area, formats, the image's border, inspection, rotation."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Array, box_matrix, box_operand, count_of, output, rows
from ._library import library_of
from ._scalars import code_of, image_size, number, numbers
from .autodiff import Gradients, differentiable, with_pullback

_FORMATS = {"xyxy": 0, "xywh": 1, "cxcywh": 2, "yxyx": 3}
_XYXY = _FORMATS["xyxy"]
_RELATIVE = "rel_"
_FORMATS_OF_IMAGES = {**_FORMATS, **{_RELATIVE + name: code for name, code in _FORMATS.items()}}


def to_corners(boxes: Array, fmt: str) -> Array:
    """The boxes as xyxy: the same array if they are."""
    code = code_of(fmt, _FORMATS, "fmt")
    return boxes if code == _XYXY else _convert(boxes, code, _XYXY, np.empty(boxes.shape, boxes.dtype))


def from_corners_gradient(gradient: Array | None, fmt: str) -> Array | None:
    """Pulls a packed gradient back through to_corners, in place."""
    if gradient is not None and fmt != "xyxy":
        _convert_gradient(gradient, _FORMATS[fmt], _XYXY)
    return gradient


def _convert(boxes: Array, source: int, target: int, out: Array) -> Array:
    (first, stride), (result, out_stride) = rows(boxes), rows(out)
    library_of[out.dtype].box_convert(source, target, first, boxes.size // 4, stride, result, out_stride)
    return out


def _convert_gradient(gradient: Array, source: int, target: int) -> None:
    library_of[gradient.dtype].box_convert_grad(source, target, gradient.size // 4, gradient, gradient)


def _sides_of(image_shape: Sequence[float] | None, conversion: str, fmt: str, dtype: np.dtype[Any]) -> Array:
    """What each number of a box in this format is a fraction of."""
    if image_shape is None:
        raise ValueError(f"{conversion} needs image_shape, (height, width)")
    height, width = numbers(image_shape[:2] if np.ndim(image_shape) else image_shape, "image_shape", 2, "(height, width)")
    with np.errstate(over="ignore"):
        sides = np.array((height, width) * 2 if fmt.endswith("yxyx") else (width, height) * 2, dtype)
    if not (sides.min() > 0 and sides.max() < math.inf):
        raise ValueError(f"image_shape must be (height, width), positive and finite in {dtype}, not {image_shape!r}")
    return sides


def _scale(boxes: Array, sides: Array | None, relative: bool) -> None:
    """Makes pixels of fractions, or fractions of pixels, in place."""
    if sides is not None:
        with np.errstate(over="ignore"):
            (np.multiply if relative else np.divide)(boxes, sides, out=boxes)


@differentiable("boxes")
def box_area(boxes: npt.ArrayLike, fmt: str = "xyxy", *, out: Array | None = None) -> Array:
    """(x2 - x1) * (y2 - y1), of boxes (..., 4), as an array (...). After torchvision.ops.box_area.

    fmt: "xyxy", "yxyx", "xywh" or "cxcywh"; where width and height are given, their product. Negative for a box that is
    inverted on one axis. Gradient: (-h, -w, h, w).

    ValueError: shape, fmt or out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.box_area([[0.0, 0.0, 3.0, 2.0], [1.0, 1.0, 1.0, 5.0]])
    array([6., 0.])
    """
    array, wanted = box_operand("boxes", boxes)
    shape, dtype, count = array.shape, array.dtype, count_of("boxes", array.shape)
    corners_given = code_of(fmt, _FORMATS, "fmt") in (_XYXY, _FORMATS["yxyx"])
    if corners_given:
        first, stride = rows(array)
    else:  # a box at the origin has its width and height for coordinates
        first, stride = array.copy(), 4
        first[..., :2] = 0
    value = output(out, shape[:-1], dtype, array)
    library_of[dtype].box_area(first, count, stride, value)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient = np.empty(shape, dtype)
        library_of[dtype].box_area_grad(first, count, stride, cotangent, gradient)
        if not corners_given:
            gradient[..., :2] = 0
        return (gradient,)

    return with_pullback(value, pullback)


@differentiable("boxes")
def box_convert(
    boxes: npt.ArrayLike, in_fmt: str, out_fmt: str, *, image_shape: Sequence[float] | None = None, out: Array | None = None
) -> Array:
    """Boxes (..., 4) in another format. After torchvision.ops.box_convert.

    Formats: "xyxy" corners; "yxyx" corners, y first (TensorFlow); "xywh" top-left corner and size (COCO); "cxcywh" centre
    and size. "rel_xyxy", "rel_yxyx", "rel_xywh" and "rel_cxcywh" (YOLO) are fractions of the image, as Keras names them.
    image_shape: (height, width), or (height, width, channels); needed where one of the formats is relative and the other
    is not. Sizes that are given are kept bit for bit where the unit stays. Integers give float64. `out` may be `boxes`
    itself, and its rows may have gaps. The gradient is the transposed conversion.

    ValueError: shape, format, image_shape or out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.box_convert([10.0, 20.0, 30.0, 60.0], "xyxy", "cxcywh")
    array([20., 40., 20., 40.])
    >>> boxgrad.box_convert([10.0, 20.0, 30.0, 60.0], "xyxy", "rel_yxyx", image_shape=(80, 40))
    array([0.25, 0.25, 0.75, 0.75])
    """
    array, wanted = box_operand("boxes", boxes)
    count_of("boxes", array.shape)
    source, target = code_of(in_fmt, _FORMATS_OF_IMAGES, "in_fmt"), code_of(out_fmt, _FORMATS_OF_IMAGES, "out_fmt")
    relative, sides = in_fmt.startswith(_RELATIVE), None
    if relative != out_fmt.startswith(_RELATIVE):
        sides = _sides_of(image_shape, f"{in_fmt} to {out_fmt}", out_fmt, array.dtype)
    value = _convert(array, source, target, output(out, array.shape, array.dtype, array, strided=True, in_place=True))
    _scale(value, sides, relative)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        _scale(cotangent, sides, relative)
        _convert_gradient(cotangent, source, target)
        return (cotangent,)

    return with_pullback(value, pullback)


@differentiable("boxes")
def clip_boxes_to_image(boxes: npt.ArrayLike, size: Sequence[float], *, out: Array | None = None) -> Array:
    """x clamped to [0, width] and y to [0, height], of boxes (..., 4). After torchvision.ops.clip_boxes_to_image.

    size: (height, width); an infinite side has no bound. A box outside the image becomes one without area on its border,
    which encode_boxes refuses: see inspect_boxes. NaN stays NaN. `out` may be `boxes` itself, and its rows may have gaps.
    Gradient: passes inside and on the border, is 0 beyond it and for NaN.

    ValueError: shape, out, or a negative size; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.clip_boxes_to_image([[-5.0, 10.0, 30.0, 90.0]], (80, 60))
    array([[ 0., 10., 30., 80.]])
    """
    array, wanted = box_operand("boxes", boxes)
    height, width = image_size(size)
    dtype, count = array.dtype, count_of("boxes", array.shape)
    value = output(out, array.shape, dtype, array, strided=True, in_place=not wanted)
    (first, stride), (result, out_stride) = rows(array), rows(value)
    library_of[dtype].box_clip(first, count, stride, width, height, result, out_stride)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        library_of[dtype].box_clip_grad(first, count, stride, width, height, cotangent, cotangent)
        return (cotangent,)

    return with_pullback(value, pullback)


def remove_small_boxes(boxes: npt.ArrayLike, min_size: float) -> npt.NDArray[np.int64]:
    """The indices of the boxes (N, 4) with width >= min_size and height >= min_size. After torchvision.ops.remove_small_boxes.

    Boxes with a NaN side are left out.

    ValueError: shape; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.remove_small_boxes([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 1.0]], 2.0)
    array([0])
    """
    matrix = box_matrix("boxes", boxes)
    with np.errstate(invalid="ignore"):
        sides = matrix[:, 2:] - matrix[:, :2]
    return np.flatnonzero((sides >= number(min_size, "min_size")).all(axis=1)).astype(np.int64, copy=False)


class BoxFlag(enum.IntFlag):
    """What can be wrong with a box."""

    NOT_FINITE = 1 << 0
    """A coordinate is NaN or infinite; no other flag is set then."""
    ZERO_WIDTH = 1 << 1
    ZERO_HEIGHT = 1 << 2
    INVERTED = 1 << 3
    """x2 < x1 or y2 < y1."""
    CENTER_NEGATIVE = 1 << 4
    CENTER_BEYOND = 1 << 5
    """The centre is right of or below the image."""
    PARTLY_OUTSIDE = 1 << 6
    """Leaves the image, and something of it remains after clipping."""
    WHOLLY_OUTSIDE = 1 << 7
    """Leaves the image, and clipping makes its width or height 0."""
    SMALL = 1 << 8
    """Width or height is less than min_size."""


@dataclass(frozen=True)
class BoxReport:
    """What inspect_boxes found."""

    flags: npt.NDArray[np.uint32]
    """A combination of BoxFlag for each box, 0 if nothing is wrong."""
    counts: dict[BoxFlag, int]
    """How many boxes have each flag."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with any box."""
        return not any(self.counts.values())

    def rows(self, flag: BoxFlag) -> npt.NDArray[np.int64]:
        """The indices of the boxes that have the flag, or any of several: report.rows(BoxFlag.ZERO_WIDTH | BoxFlag.INVERTED)."""
        return np.flatnonzero(self.flags & np.uint32(flag)).astype(np.int64, copy=False)

    def __str__(self) -> str:
        found = [f"{count} {flag.name.lower().replace('_', ' ')}" for flag, count in self.counts.items() if count and flag.name]
        return f"{len(self.flags)} boxes: {', '.join(found) or 'nothing wrong'}"


def inspect_boxes(boxes: npt.ArrayLike, size: Sequence[float] | None = None, *, min_size: float = 0.0) -> BoxReport:
    """Finds the boxes (N, 4) that break training: see BoxFlag.

    size: the image's (height, width), or None if it is unknown: nothing is outside then.

    ValueError: shape, a negative size, a NaN; TypeError: dtype.

    >>> import boxgrad
    >>> report = boxgrad.inspect_boxes([[0.0, 0, 9, 9], [5, 5, 5, 8], [90, 0, 120, 30]], size=(100, 100))
    >>> print(report)
    3 boxes: 1 zero width, 1 center beyond, 1 partly outside
    >>> report.rows(boxgrad.BoxFlag.ZERO_WIDTH)
    array([1])
    """
    matrix = box_matrix("boxes", boxes)
    height, width = (-1.0, -1.0) if size is None else image_size(size)
    flags, counts = np.empty(len(matrix), np.uint32), np.empty(len(BoxFlag), np.uintp)
    (first, stride), smallest = rows(matrix), number(min_size, "min_size")
    library_of[matrix.dtype].box_inspect(first, len(matrix), stride, width, height, smallest, flags, counts, len(counts))
    return BoxReport(flags, dict(zip(BoxFlag, counts.tolist())))


def rotate_boxes(
    boxes: npt.ArrayLike, degrees: float, center: Sequence[float] = (0.0, 0.0), *, out: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    """Boxes (N, 4) rotated about center (x, y), counter-clockwise on the screen: their corners (N, 4, 2) and bounds (N, 4).

    x' = cx + cos * (x - cx) + sin * (y - cy) and y' = cy - sin * (x - cx) + cos * (y - cy), of the top-left, top-right,
    bottom-right and bottom-left corner; bounds is the smallest upright box around them. Exact at multiples of 90 degrees.
    out: memory for both. For augmentation: it has no gradient.

    ValueError: shape, out, or an angle or centre that is not finite; TypeError: dtype.

    >>> import boxgrad
    >>> corners, bounds = boxgrad.rotate_boxes([[0.0, 0.0, 4.0, 2.0]], 90)
    >>> bounds
    array([[ 0., -4.,  2.,  0.]])
    """
    matrix = box_matrix("boxes", boxes)
    angle, (x, y) = number(degrees, "degrees"), numbers(center, "center", 2, "(x, y)")
    first, stride = rows(matrix)
    if out is not None and not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(f"out must be a tuple of two arrays, corners and bounds, not {type(out).__name__}")
    out_corners, out_bounds = (None, None) if out is None else out
    corners = output(out_corners, (len(matrix), 4, 2), matrix.dtype, matrix)
    bounds = output(out_bounds, (len(matrix), 4), matrix.dtype, matrix, corners)
    library_of[matrix.dtype].box_rotate(first, len(matrix), stride, angle, x, y, corners, bounds)
    return corners, bounds
