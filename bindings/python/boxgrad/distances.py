"""Boxes as distances of points to their sides, and the coder classes of torchvision and mmdetection that are made of them.

Detectors without anchors are trained on them (FCOS: Tian 2019). A point is given by itself, or as the centre of a proposal, whose sides are the
units of the distances then.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence, Union

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, broadcast_shape, count_of, gradient_of, operands, output, rows, stretched, sum_to_shape
from ._library import library_of
from ._scalars import number, numbers
from .autodiff import Gradients, differentiable, with_pullback
from .boxes import box_convert, clip_boxes_to_image
from .clamp import clip
from .deltas import _named

_TBLR, _LTRB = [1, 3, 0, 2], [2, 0, 3, 1]
"""Where top, bottom, left and right are among left, top, right and bottom, and the other way round."""


def _of_pairs(
    name1: str, x1: npt.ArrayLike | Marked, width: int, name2: str, x2: npt.ArrayLike | Marked, out: Array | None,
    functions: Callable[[Any], tuple[Any, Any]], is_linear: bool = False,
) -> Array:  # fmt: skip
    """The rows that a function of C makes of rows of `width` and of 4, which broadcast. The gradient of a linear one needs neither."""
    first, wanted1, second, wanted2 = operands(name1, x1, name2, x2)
    first, second = (x.reshape(0, columns) if x.shape == (0,) else x for x, columns in ((first, width), (second, 4)))
    if first.shape[-1:] != (width,):
        raise ValueError(f"{name1} must have the shape (..., {width}), not {first.shape}")
    count_of(name2, second.shape)
    each, dtype = broadcast_shape(name1, first.shape, name2, second.shape, own=1), first.dtype
    shape1, shape2, count = (*each, width), (*each, 4), math.prod(each)
    value = output(out, shape2, dtype, first, second)
    inputs = *rows(stretched(first, shape1), width), *rows(stretched(second, shape2)), count
    forward, backward = functions(library_of[dtype])
    forward(*inputs, value)
    if not (wanted1 or wanted2):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient1, gradient2 = gradient_of(wanted1, shape1, dtype), gradient_of(wanted2, shape2, dtype)
        backward(*((count,) if is_linear else inputs), cotangent, gradient1, gradient2)
        return sum_to_shape(gradient1, first.shape), sum_to_shape(gradient2, second.shape)

    return with_pullback(value, pullback)


@differentiable("points", "boxes")
def encode_distances(points: npt.ArrayLike, boxes: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The distances (x - x1, y - y1, x2 - x, y2 - y) of points (..., 2) to the sides of boxes (..., 4): (..., 4).

    The shapes before the last dimension broadcast: points (N, 1, 2) and boxes (M, 4) give (N, M, 4). A point is outside of
    the box where a distance is negative; nothing is clamped. After mmdetection's bbox2distance. The gradient is linear.

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.encode_distances([[3.0, 2.0]], [[1.0, 0.0, 5.0, 8.0]])
    array([[2., 2., 2., 6.]])
    """
    return _of_pairs("points", points, 2, "boxes", boxes, out, lambda c: (c.ltrb_encode, c.ltrb_encode_grad), is_linear=True)


@differentiable("points", "distances")
def decode_distances(points: npt.ArrayLike, distances: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The boxes (x - l, y - t, x + r, y + b) of points (..., 2) and distances l, t, r, b (..., 4), which broadcast: (..., 4).

    The inverse of encode_distances. A box is inverted where l + r or t + b is negative; nothing is clamped. After mmdetection's
    distance2bbox. The gradient is linear.

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.decode_distances([[3.0, 2.0]], [[2.0, 2.0, 2.0, 6.0]])
    array([[1., 0., 5., 8.]])
    """
    return _of_pairs("points", points, 2, "distances", distances, out, lambda c: (c.ltrb_decode, c.ltrb_decode_grad), is_linear=True)


@differentiable("proposals", "targets")
def encode_linear(proposals: npt.ArrayLike, targets: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """How far the sides of targets (ground truth) are from the centres x, y of proposals, in the proposals' widths and heights w, h.

    ((x - x1) / w, (y - y1) / h, (x2 - x) / w, (y2 - y) / h), of proposals and targets (..., 4), which broadcast: (..., 4). A distance
    in a side of 0 is 0, with a zero gradient. After torchvision's BoxLinearCoder.

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.encode_linear([[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 8.0]])
    array([[0.25, 0.5 , 0.75, 1.5 ]])
    """
    return _of_pairs("proposals", proposals, 4, "targets", targets, out, lambda c: (c.linear_encode, c.linear_encode_grad))


@differentiable("proposals", "distances")
def decode_linear(proposals: npt.ArrayLike, distances: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The boxes (x - l w, y - t h, x + r w, y + b h) of proposals with centres x, y and sides w, h, and of distances l, t, r, b.

    The inverse of encode_linear; proposals and distances are (..., 4) and broadcast. Nothing is clamped. A detector without anchors that
    predicts distances in strides (YOLOv8, FCOS) has as proposals the squares of a stride about its points:

    ValueError: shape, out; TypeError: dtype.

    >>> import boxgrad
    >>> points, stride = [[4.0, 4.0], [12.0, 4.0]], 8.0
    >>> squares = boxgrad.box_convert([[*point, stride, stride] for point in points], "cxcywh", "xyxy")
    >>> boxgrad.decode_linear(squares, [[0.5, 0.5, 1.0, 1.0], [0.0, 0.25, 0.5, 0.5]])
    array([[ 0.,  0., 12., 12.],
           [12.,  2., 16.,  8.]])
    """
    return _of_pairs("proposals", proposals, 4, "distances", distances, out, lambda c: (c.linear_decode, c.linear_decode_grad))


def _centers(boxes: npt.ArrayLike) -> Array:
    return box_convert(boxes, "xyxy", "cxcywh")[..., :2]


def _clipped(boxes: Array, max_shape: Any) -> Array:
    """Boxes within an image of (height, width, ...), or of a batch (B, N, 4) each within its own."""
    if np.ndim(max_shape[0]) == 0:
        with _named(size="max_shape"):
            return clip_boxes_to_image(boxes, max_shape[:2])
    if boxes.ndim != 3 or len(max_shape) != len(boxes):
        raise ValueError(f"max_shape must be (height, width), or one for each image of a batch (B, N, 4), not {max_shape!r}")
    return np.stack([_clipped(image, size) for image, size in zip(boxes, max_shape)]) if len(boxes) else boxes


class BoxLinearCoder:
    """torchvision's BoxLinearCoder, of FCOS. Mind its words: in encode, *reference boxes* are the anchors, and proposals the ground truth.

    >>> import boxgrad
    >>> coder = boxgrad.BoxLinearCoder()
    >>> coder.decode(coder.encode([[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 8.0]]), [[0.0, 0.0, 4.0, 4.0]])
    array([[1., 0., 5., 8.]])
    """

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    def encode(self, reference_boxes: npt.ArrayLike, proposals: npt.ArrayLike) -> Array:
        """The distances (..., 4) of the ground truth's sides from the anchors' centres, in the anchors' sides if normalize_by_size."""
        with _named(targets="proposals", proposals="reference_boxes"):
            if self.normalize_by_size:
                return encode_linear(reference_boxes, proposals)
        with _named(boxes="reference_boxes"):
            points = _centers(reference_boxes)
        with _named(points="reference_boxes", boxes="proposals"):
            return encode_distances(points, proposals)

    def decode(self, rel_codes: npt.ArrayLike, boxes: npt.ArrayLike) -> Array:
        """The boxes (..., 4) of distances (..., 4) from the anchors `boxes` (..., 4)."""
        with _named(distances="rel_codes", proposals="boxes", points="boxes"):
            return decode_linear(boxes, rel_codes) if self.normalize_by_size else decode_distances(_centers(boxes), rel_codes)


class TBLRBBoxCoder:
    """mmdetection's TBLRBBoxCoder: distances in the order top, bottom, left, right, in sides of the proposal, divided by normalizer.

    normalizer: one number, or one for each. clip_border says whether decode obeys its max_shape. normalize_by_wh is mmdetection's option of
    bboxes2tblr and tblr2bboxes.

    >>> import boxgrad
    >>> boxgrad.TBLRBBoxCoder(normalizer=0.5).encode([[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 8.0]])
    array([[1. , 3. , 0.5, 1.5]])
    """

    def __init__(self, normalizer: Union[float, Sequence[float]] = 4.0, clip_border: bool = True, *, normalize_by_wh: bool = True) -> None:
        """ValueError: a normalizer that is not positive and finite."""
        listed = (number(normalizer, "normalizer"),) if np.ndim(normalizer) == 0 else numbers(normalizer, "normalizer", 4, "one number or four")  # type: ignore[arg-type]
        if not all(0 < one < math.inf for one in listed):
            raise ValueError(f"normalizer must be positive and finite, not {normalizer}")
        self.normalizer = normalizer
        self.clip_border = clip_border
        self._coder = BoxLinearCoder(normalize_by_wh)
        self._factors = np.array(listed)

    def encode(self, bboxes: npt.ArrayLike, gt_bboxes: npt.ArrayLike) -> Array:
        """The distances (N, 4) of gt_bboxes (N, 4) from the centres of bboxes (N, 4)."""
        with _named(reference_boxes="bboxes", proposals="gt_bboxes"):
            encoded = self._coder.encode(bboxes, gt_bboxes)
        distances: Array = encoded[..., _TBLR] / self._factors.astype(encoded.dtype)
        return distances

    def decode(self, bboxes: npt.ArrayLike, pred_bboxes: npt.ArrayLike, max_shape: Any = None) -> Array:
        """The boxes of the distances pred_bboxes (..., 4) from bboxes (..., 4); max_shape: (height, width, ...), or one for each image of a batch."""
        proposals, _, distances, _ = operands("bboxes", bboxes, "pred_bboxes", pred_bboxes)
        if distances.size:
            count_of("pred_bboxes", distances.shape)
            distances = (distances * self._factors.astype(distances.dtype))[..., _LTRB]
        with _named(rel_codes="pred_bboxes", boxes="bboxes"):
            decoded = self._coder.decode(distances, proposals)
        return decoded if max_shape is None or not self.clip_border else _clipped(decoded, max_shape)


class DistancePointBBoxCoder:
    """mmdetection's DistancePointBBoxCoder, of FCOS. clip_border says whether decode obeys its max_shape.

    >>> import boxgrad
    >>> coder = boxgrad.DistancePointBBoxCoder()
    >>> coder.encode([[3.0, 2.0]], [[1.0, 0.0, 5.0, 8.0]], max_dis=4, eps=0.5)
    array([[2. , 2. , 2. , 3.5]])
    >>> coder.decode([[3.0, 2.0]], [[2.0, 2.0, 2.0, 6.0]], max_shape=(6, 6))
    array([[1., 0., 5., 6.]])
    """

    def __init__(self, clip_border: bool = True) -> None:
        self.clip_border = clip_border

    def encode(self, points: npt.ArrayLike, gt_bboxes: npt.ArrayLike, max_dis: float | None = None, eps: float = 0.1) -> Array:
        """The distances (..., 4) of gt_bboxes (..., 4) from points (..., 2), limited to 0 and max_dis - eps if there is a max_dis."""
        with _named(boxes="gt_bboxes"):
            distances = encode_distances(points, gt_bboxes)
        return distances if max_dis is None else clip(distances, 0, number(max_dis, "max_dis") - number(eps, "eps"))

    def decode(self, points: npt.ArrayLike, pred_bboxes: npt.ArrayLike, max_shape: Any = None) -> Array:
        """The boxes of the distances pred_bboxes (..., 4) from points (..., 2); max_shape: (height, width, ...), or one for each image of a batch."""
        with _named(distances="pred_bboxes"):
            decoded = decode_distances(points, pred_bboxes)
        return decoded if max_shape is None or not self.clip_border else _clipped(decoded, max_shape)
