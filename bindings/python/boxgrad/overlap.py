"""Overlap of boxes: IoU, GIoU, DIoU, CIoU, IoF and IoS of all pairs or of aligned rows, and the losses of the first four.

    inter = max(0, min(x2) - max(x1)) * max(0, min(y2) - max(y1)),   union = area_1 + area_2 - inter
    IoU   = inter / union                                                                      (Yu 2016)
    GIoU  = IoU - (enclosing - union) / enclosing                                              (Rezatofighi 2019)
    DIoU  = IoU - distance^2 / (diagonal^2 + eps)                                              (Zheng 2020)
    CIoU  = DIoU - alpha * v,   v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2,   alpha = v / (1 - IoU + v + eps)
    IoF   = inter / area_1, the share of the first box; box_ioa gives that of the second
    IoS   = inter / min(area_1, area_2), the share of the smaller box

enclosing is the area of the smallest box around both, diagonal its diagonal, distance that of the centres; alpha is a constant
for the gradient. A term whose denominator is zero is 0, and so is its gradient: finite boxes never give NaN.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from types import SimpleNamespace
from typing import Any, Callable, Iterable, Literal, Sequence, overload

import numpy as np
import numpy.typing as npt

from ._arrays import (
    Array, aligned_shape, box_operands, broadcast_shape, constant, count_of, gradient_of, output, rows, stretched, sum_to_shape,
)  # fmt: skip
from ._library import library_of
from ._reduction import Loss, divisor_of, each_of, evaluate, scaled
from ._scalars import code_of, number
from .autodiff import Gradients, differentiable, with_pullback
from .boxes import from_corners_gradient, to_corners

_METRICS = {"iou": 0, "giou": 1, "diou": 2, "ciou": 3, "iof": 4, "ios": 5}
_EPS = 1e-7
"""torchvision's. The pairwise IoU, GIoU, IoF and IoS, which have none, ignore it."""


@functools.lru_cache
def _pairwise_shape(shape1: tuple[int, ...], shape2: tuple[int, ...], width: int = 4) -> tuple[tuple[int, ...], int, int]:
    """The shape of the result, and how many boxes each argument has for one matrix of it."""
    count_of("boxes1", shape1, width), count_of("boxes2", shape2, width)
    if len(shape1) < 2 or len(shape2) < 2:
        raise ValueError(f"boxes1 and boxes2 must have the shapes (..., N, {width}) and (..., M, {width}), not {shape1} and {shape2}")
    n, m = shape1[-2], shape2[-2]
    return (*broadcast_shape("boxes1", shape1, "boxes2", shape2, own=2), n, m), n, m


def _pairwise(code: int, boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float, out: Array | None, fmt: str = "xyxy") -> Array:
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2)
    shape, n, m = _pairwise_shape(array1.shape, array2.shape)
    dtype = array1.dtype
    iou_pairwise = library_of[dtype].iou_pairwise
    value = np.empty(shape, dtype) if out is None else output(out, shape, dtype, array1, array2, strided=True)
    corners1, corners2 = (array1, array2) if fmt == "xyxy" else (to_corners(array1, fmt), to_corners(array2, fmt))
    if out is None and len(shape) == 2 and corners1.flags.c_contiguous and corners2.flags.c_contiguous:  # nearly always
        iou_pairwise(code, corners1, n, 4, corners2, m, 4, eps, value, m, None)
    else:
        for a, stride_a, b, stride_b, result, stride in _matrices(corners1, corners2, value):
            iou_pairwise(code, a, n, stride_a, b, m, stride_b, eps, result, stride, None)
    if wanted1 or wanted2:
        return with_pullback(value, functools.partial(_pairwise_pullback, code, corners1, corners2, (wanted1, wanted2), eps, fmt))
    return value


def _matrices(corners1: Array, corners2: Array, out: Array) -> Iterable[tuple[Array, int, Array, int, Array, int]]:
    """What C reads and writes for each matrix of the result: rows, and the stride of each."""
    if out.ndim == 2:
        return ((*rows(corners1, corners1.shape[1]), *rows(corners2, corners2.shape[1]), *rows(out, out.shape[1])),)
    batch = out.shape[:-2]
    corners1, corners2 = (stretched(corners, (*batch, *corners.shape[-2:])) for corners in (corners1, corners2))
    return (item for i in _indices(batch) for item in _matrices(corners1[i], corners2[i], out[i]))


def _indices(shape: Sequence[int]) -> Iterable[tuple[int, ...]]:
    """np.ndindex, in a third of the time."""
    return itertools.product(*map(range, shape))


def _pairwise_pullback(
    code: int, corners1: Array, corners2: Array, wanted: tuple[bool, bool], eps: float, fmt: str, cotangent: Array
) -> Gradients:
    (*batch, n, m), dtype = cotangent.shape, cotangent.dtype
    gradients = gradient_of(wanted[0], (*batch, n, 4), dtype), gradient_of(wanted[1], (*batch, m, 4), dtype)
    items = _matrices(corners1, corners2, cotangent)
    for i, (a, stride_a, b, stride_b, upstream, stride) in zip(_indices(batch), items):
        ga, gb = (None if gradient is None else gradient[i] for gradient in gradients)
        library_of[dtype].iou_pairwise_grad(code, a, n, stride_a, b, m, stride_b, eps, upstream, stride, ga, gb)
    summed = (sum_to_shape(g, array.shape) for g, array in zip(gradients, (corners1, corners2)))
    return tuple(from_corners_gradient(gradient, fmt) for gradient in summed)


@overload
def box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, fmt: str = "xyxy", *, out: Array | None = None, return_union: Literal[False] = False
) -> Array: ...
@overload
def box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, fmt: str = "xyxy", *, out: Array | None = None, return_union: Literal[True]
) -> tuple[Array, Array]: ...
@differentiable("boxes1", "boxes2")
def box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, fmt: str = "xyxy", *, out: Array | None = None, return_union: bool = False
) -> Array | tuple[Array, Array]:
    """IoU = inter / union of all pairs of boxes1 (..., N, 4) and boxes2 (..., M, 4): (..., N, M).

    After torchvision.ops.box_iou. fmt: "xyxy", "yxyx", "xywh" or "cxcywh". Leading dimensions broadcast. Two boxes without area
    overlap by 0. `out`'s rows may have gaps. return_union: the unions of all pairs are returned, too; then `out` is packed, and vjp refuses the call.
    Gradient: a tie of max or min gives half to each side; boxes that merely touch still attract each other, boxes apart do not.

    ValueError: shape, fmt or out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.box_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    array([[0.33333333, 0.        ]])
    """
    if return_union:
        return _with_union(boxes1, boxes2, fmt, out)
    return _pairwise(_METRICS["iou"], boxes1, boxes2, _EPS, out, fmt)


def _with_union(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, fmt: str, out: Array | None) -> tuple[Array, Array]:
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2)
    if wanted1 or wanted2:
        raise TypeError("box_iou with return_union has no gradient: differentiate it without")
    shape, n, m = _pairwise_shape(array1.shape, array2.shape)
    iou, union = output(out, shape, array1.dtype, array1, array2), np.empty(shape, array1.dtype)
    both = _matrices(to_corners(array1, fmt), to_corners(array2, fmt), iou)
    for i, (a, stride_a, b, stride_b, result, stride) in zip(_indices(shape[:-2]), both):
        library_of[array1.dtype].iou_pairwise(_METRICS["iou"], a, n, stride_a, b, m, stride_b, _EPS, result, stride, union[i])
    return iou, union


@differentiable("boxes1", "boxes2")
def generalized_box_iou(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """GIoU = IoU - (enclosing - union) / enclosing of all pairs, from -1 to 1. Otherwise as box_iou.

    Boxes that are apart have a gradient here (Rezatofighi 2019). Boxes that are not ordered (x2 < x1 or y2 < y1) leave
    [-1, 1]; inspect_boxes finds them. After torchvision.ops.generalized_box_iou.

    >>> import boxgrad
    >>> boxgrad.generalized_box_iou([[0.0, 0.0, 2.0, 2.0]], [[6.0, 0.0, 8.0, 2.0]])
    array([[-0.5]])
    >>> boxgrad.generalized_box_iou([[3.0, 3.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]])
    array([[9.]])
    """
    return _pairwise(_METRICS["giou"], boxes1, boxes2, _EPS, out)


@differentiable("boxes1", "boxes2")
def distance_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float = _EPS, *, out: Array | None = None
) -> Array:
    """DIoU = IoU - distance^2 / (diagonal^2 + eps) of all pairs. Otherwise as box_iou.

    distance is that of the centres, diagonal that of the smallest box around both (Zheng 2020). After
    torchvision.ops.distance_box_iou. ValueError: also a negative eps.

    >>> import boxgrad
    >>> boxgrad.distance_box_iou([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([[-0.25]])
    """
    return _pairwise(_METRICS["diou"], boxes1, boxes2, number(eps, "eps"), out)


@differentiable("boxes1", "boxes2")
def complete_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float = _EPS, *, out: Array | None = None
) -> Array:
    """CIoU = DIoU - alpha * v of all pairs, v measuring the difference of the aspect ratios. Otherwise as box_iou.

    v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2 and alpha = v / (1 - IoU + v + eps), a constant for the gradient (Zheng 2020).
    atan(w/0) is pi/2, atan(0/0) is 0, each with a finite gradient. After torchvision.ops.complete_box_iou.
    ValueError: also a negative eps.

    >>> import boxgrad
    >>> boxgrad.complete_box_iou([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([[-0.25]])
    """
    return _pairwise(_METRICS["ciou"], boxes1, boxes2, number(eps, "eps"), out)


@differentiable("boxes1", "boxes2")
def box_ioa(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """IoA = inter / area of the second box, for all pairs of boxes1 (..., N, 4) and boxes2 (..., M, 4): (..., N, M).

    How much of each of boxes2 is covered by each of boxes1: with crowd regions as boxes1, what is to be ignored. After detectron2's
    pairwise_ioa and TensorFlow's ioa. It is not symmetric: the metric "iof" of other functions divides by the first box's area, and
    is IoA with the arguments exchanged. A second box without area is covered by 0, with gradient 0. Otherwise as box_iou, but `out`
    is filled from memory of its size.

    >>> import boxgrad
    >>> boxgrad.box_ioa([[0.0, 0.0, 4.0, 4.0]], [[2.0, 0.0, 6.0, 2.0], [1.0, 1.0, 2.0, 2.0]])
    array([[0.5, 1. ]])
    """
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2)
    shape, n, m = _pairwise_shape(array1.shape, array2.shape)
    value = np.empty(shape, array1.dtype) if out is None else output(out, shape, array1.dtype, array1, array2, strided=True)
    of_first = np.empty((*shape[:-2], m, n), array1.dtype)  # C divides by the area of its first boxes
    for a, stride_a, b, stride_b, result, stride in _matrices(array2, array1, of_first):
        library_of[array1.dtype].iou_pairwise(_METRICS["iof"], a, m, stride_a, b, n, stride_b, _EPS, result, stride, None)
    value[...] = of_first.swapaxes(-1, -2)
    if not (wanted1 or wanted2):
        return value

    def pullback(cotangent: Array) -> Gradients:
        exchanged = np.ascontiguousarray(cotangent.swapaxes(-1, -2))
        to_second, to_first = _pairwise_pullback(_METRICS["iof"], array2, array1, (wanted2, wanted1), _EPS, "xyxy", exchanged)
        return to_first, to_second

    return with_pullback(value, pullback)


@differentiable("boxes1", "boxes2")
def box_ios(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """IoS = inter / min(area_1, area_2) of all pairs of boxes1 (..., N, 4) and boxes2 (..., M, 4): (..., N, M).

    How much of the smaller box the other covers: 1 for a box within another, whatever their sizes. After supervision's box_iou_batch
    with OverlapMetric.IOS. Only the smaller box has the slopes of the divisor, and of equal areas each box has half of them. A pair of which a
    box has no area overlaps by 0, with gradient 0. Otherwise as box_iou.

    >>> import boxgrad
    >>> boxgrad.box_ios([[0.0, 0.0, 4.0, 4.0]], [[2.0, 0.0, 6.0, 2.0], [1.0, 1.0, 2.0, 2.0]])
    array([[0.5, 1. ]])
    """
    return _pairwise(_METRICS["ios"], boxes1, boxes2, _EPS, out)


@differentiable("boxes1", "boxes2")
def aligned_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, metric: str = "iou", eps: float = _EPS, out: Array | None = None
) -> Array:
    """The overlap of boxes1[i] with boxes2[i]: (..., 4) and (..., 4) to (...). Leading dimensions broadcast.

    metric: "iou", "giou", "diou" or "ciou", as box_iou, generalized_box_iou, distance_box_iou and complete_box_iou, or "iof",
    inter / area of boxes1[i], or "ios", as box_ios. eps: for "diou" and "ciou".

    ValueError: shape, metric, out or a negative eps; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.aligned_box_iou([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [1.0, 0.0, 3.0, 2.0])
    array([0.33333333, 0.        ])
    """
    array1, wanted1, array2, wanted2 = box_operands("boxes1", boxes1, "boxes2", boxes2)
    (shape, count), dtype = aligned_shape("boxes1", array1.shape, "boxes2", array2.shape), array1.dtype
    (a, stride_a), (b, stride_b) = rows(stretched(array1, shape)), rows(stretched(array2, shape))
    code, eps = code_of(metric, _METRICS, "metric"), number(eps, "eps")
    value = output(out, shape[:-1], dtype, array1, array2)
    inputs = code, a, stride_a, b, stride_b, count, eps
    library_of[dtype].iou_aligned(*inputs, value, None, None)
    if not (wanted1 or wanted2):
        return value

    def pullback(cotangent: Array) -> Gradients:
        of_value = gradient_of(wanted1, shape, dtype), gradient_of(wanted2, shape, dtype)
        library_of[dtype].iou_aligned(*inputs, None, *of_value)
        gradients = scaled(of_value, cotangent[..., None])
        return sum_to_shape(gradients[0], array1.shape), sum_to_shape(gradients[1], array2.shape)

    return with_pullback(value, pullback)


def loss_of_pairs(
    call: Callable[[SimpleNamespace, tuple[Any, ...], tuple[Any, ...]], None],
    names: tuple[str, str],
    boxes1: npt.ArrayLike,
    boxes2: npt.ArrayLike,
    reduction: str,
    weights: npt.ArrayLike | None,
    normalizer: float | None,
    out: Array | None,
    width: int = 4,
) -> Loss:
    """A loss of aligned boxes. call(library, boxes, results) is one call of C, with what describes the boxes and what takes results."""
    array1, wanted1, array2, wanted2 = box_operands(names[0], boxes1, names[1], boxes2, width)
    shape, dtype = array1.shape, array1.dtype
    if (
        shape == array2.shape and len(shape) == 2 and shape[1] == width and reduction in ("mean", "sum") and weights is None and normalizer is None and out is None
        and array1.flags.c_contiguous and array2.flags.c_contiguous
    ):  # fmt: skip
        # Nearly always, and nothing has to be fitted. What follows this would take twice the time for ten boxes.
        count, loss = shape[0], ctypes.c_double()
        gradients = np.empty(shape, dtype) if wanted1 else None, np.empty(shape, dtype) if wanted2 else None
        divisor = max(count, 1) if reduction == "mean" else 1
        call(library_of[dtype], (array1, width, array2, width, count, None), (divisor, loss, None, *gradients))
        value: np.floating[Any] = dtype.type(loss.value)
        return with_pullback(value, functools.partial(scaled, gradients), gradients) if wanted1 or wanted2 else value

    shape, count = aligned_shape(names[0], shape, names[1], array2.shape, width)
    (a, stride_a), (b, stride_b) = rows(stretched(array1, shape), width), rows(stretched(array2, shape), width)
    weight = constant(weights, "weights", shape[:-1], dtype)
    divisor = divisor_of(reduction, count, normalizer)
    per_box = each_of(divisor, out, shape[:-1], dtype, array1, array2, weight)
    library = library_of[dtype]

    def run(
        weight: Array | None, divisor: float, loss: ctypes.c_double | None, per_box: Array | None, gradients: Gradients
    ) -> None:
        call(library, (a, stride_a, b, stride_b, count, weight), (divisor, loss, per_box, *gradients))

    if not (wanted1 or wanted2):
        return evaluate(run, weight, divisor, per_box, dtype, None)
    return evaluate(
        run, weight, divisor, per_box, dtype,
        lambda: (gradient_of(wanted1, shape, dtype), gradient_of(wanted2, shape, dtype)),
        lambda gradients: (sum_to_shape(gradients[0], array1.shape), sum_to_shape(gradients[1], array2.shape)),
    )  # fmt: skip


def _loss(
    metric: str,
    boxes1: npt.ArrayLike,
    boxes2: npt.ArrayLike,
    reduction: str,
    eps: float,
    weights: npt.ArrayLike | None,
    normalizer: float | None,
    out: Array | None,
) -> Loss:
    code, eps = _METRICS[metric], number(eps, "eps")

    def call(library: SimpleNamespace, boxes: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        library.iou_loss(code, *boxes, eps, *results)

    return loss_of_pairs(call, ("boxes1", "boxes2"), boxes1, boxes2, reduction, weights, normalizer, out)


@differentiable("boxes1", "boxes2")
def box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - IoU) of aligned boxes (..., 4), with IoU = inter / (union + eps).

    reduction: "none" gives the array (...), "sum" and "mean" a scalar of its dtype, summed in double. "mean" divides by the
    number of boxes, or by `normalizer`; that of no boxes is 0, whatever normalizer is. weights: broadcast to (...), a constant. out: with
    "none".
    Boxes that do not overlap, or merely touch, have no gradient: see generalized_box_iou_loss. value_and_grad computes loss and
    gradients in one pass.

    ValueError: shape, reduction, negative eps, a normalizer that is not positive though there are boxes, out; TypeError: dtype.

    >>> import boxgrad
    >>> print(boxgrad.box_iou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], reduction="mean", eps=0.0))
    0.5
    """
    return _loss("iou", boxes1, boxes2, reduction, eps, weights, normalizer, out)


@differentiable("boxes1", "boxes2")
def generalized_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - GIoU) of aligned boxes, eps added to union and enclosing area. Otherwise as box_iou_loss.

    Boxes apart attract each other (Rezatofighi 2019). After torchvision.ops.generalized_box_iou_loss.

    >>> import boxgrad
    >>> loss = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)
    >>> value, gradient = loss([[0.0, 0.0, 10.0, 10.0]], [[10.0, 0.0, 20.0, 10.0]], reduction="mean")
    >>> print(value.round(6), (gradient + 0.0).round(6))
    1.0 [[ 0.    0.   -0.05  0.  ]]
    """
    return _loss("giou", boxes1, boxes2, reduction, eps, weights, normalizer, out)


@differentiable("boxes1", "boxes2")
def distance_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - DIoU) of aligned boxes, eps added to union and squared diagonal. Otherwise as box_iou_loss.

    (Zheng 2020.) After torchvision.ops.distance_box_iou_loss.

    >>> import boxgrad
    >>> boxgrad.distance_box_iou_loss([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([1.25])
    """
    return _loss("diou", boxes1, boxes2, reduction, eps, weights, normalizer, out)


@differentiable("boxes1", "boxes2")
def complete_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - CIoU) of aligned boxes, eps added to every denominator. Otherwise as box_iou_loss.

    alpha is a constant for the gradient (Zheng 2020). After torchvision.ops.complete_box_iou_loss, which ignores its eps
    for the distance.

    >>> import boxgrad
    >>> boxgrad.complete_box_iou_loss([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([1.25])
    """
    return _loss("ciou", boxes1, boxes2, reduction, eps, weights, normalizer, out)
