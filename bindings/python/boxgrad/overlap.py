"""Overlap of boxes: IoU, GIoU, DIoU and CIoU of all pairs or of aligned rows, and their losses.

    inter = max(0, min(x2) - max(x1)) * max(0, min(y2) - max(y1)),   union = area_1 + area_2 - inter
    IoU   = inter / union                                                                      (Yu 2016)
    GIoU  = IoU - (enclosing - union) / enclosing                                              (Rezatofighi 2019)
    DIoU  = IoU - distance^2 / (diagonal^2 + eps)                                              (Zheng 2020)
    CIoU  = DIoU - alpha * v,   v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2,   alpha = v / (1 - IoU + v + eps)

enclosing is the area of the smallest box around both, diagonal its diagonal, distance that of the centres; alpha is a constant
for the gradient. A term whose denominator is zero is 0, and so is its gradient: finite boxes never give NaN.
"""

from __future__ import annotations

from typing import Iterable

import numpy as np
import numpy.typing as npt

from ._arrays import (
    Array, aligned_operands, broadcast_shape, code_of, constant, number, operands, output, rows, stride, sum_to_shape,
)  # fmt: skip
from ._library import library_of
from ._reduction import Loss, divisor_of, evaluate, scaled
from .autodiff import Gradients, WithPullback, differentiable
from .boxes import from_corners_gradient, to_corners

_METRICS = {"iou": 0, "giou": 1, "diou": 2, "ciou": 3}


def _pairwise(
    metric: str, boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float, out: Array | None, fmt: str = "xyxy"
) -> WithPullback[Array]:
    operand1, operand2 = operands(4, boxes1=boxes1, boxes2=boxes2)
    corners1, corners2 = to_corners(operand1, fmt), to_corners(operand2, fmt)
    if corners1.ndim < 2 or corners2.ndim < 2:
        given = f"{corners1.shape} and {corners2.shape}"
        raise ValueError(f"boxes1 and boxes2 must have the shapes (..., N, 4) and (..., M, 4), not {given}")
    eps = number(eps, "eps")
    code, dtype, n, m = _METRICS[metric], corners1.dtype, corners1.shape[-2], corners2.shape[-2]
    batch = broadcast_shape("boxes1", corners1, "boxes2", corners2, own=2)
    value = output(out, (*batch, n, m), dtype, operand1.array, operand2.array, strided=True)
    items: Iterable[tuple[int, ...]] = ((),)
    if batch:
        corners1, corners2 = np.broadcast_to(corners1, (*batch, n, 4)), np.broadcast_to(corners2, (*batch, m, 4))
        items = tuple(np.ndindex(batch))
    for item in items:
        a, b, result = rows(corners1[item]), rows(corners2[item]), value[item]
        library_of[dtype].iou_pairwise(code, a, n, stride(a), b, m, stride(b), eps, result, stride(result), None)

    def pullback(cotangent: Array) -> Gradients:
        gradients = operand1.gradient((*batch, n, 4)), operand2.gradient((*batch, m, 4))
        for item in items:
            a, b, upstream = rows(corners1[item]), rows(corners2[item]), cotangent[item]
            ga, gb = (None if gradient is None else gradient[item] for gradient in gradients)
            library_of[dtype].iou_pairwise_grad(code, a, n, stride(a), b, m, stride(b), eps, upstream, stride(upstream), ga, gb)
        summed = (sum_to_shape(g, o.array.shape) for g, o in zip(gradients, (operand1, operand2)))
        return tuple(from_corners_gradient(gradient, fmt) for gradient in summed)

    return value, pullback


@differentiable("boxes1", "boxes2")
def box_iou(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, fmt: str = "xyxy", *, out: Array | None = None) -> WithPullback[Array]:
    """IoU = inter / union of all pairs of boxes1 (..., N, 4) and boxes2 (..., M, 4): (..., N, M).

    After torchvision.ops.box_iou. fmt: "xyxy", "xywh" or "cxcywh". Leading dimensions broadcast. Two boxes without area
    overlap by 0. `out`'s rows may have gaps. Gradient: a tie of max or min gives half to each side; boxes that merely
    touch still attract each other, boxes apart do not.

    ValueError: shape, fmt or out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.box_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    array([[0.33333333, 0.        ]])
    """
    return _pairwise("iou", boxes1, boxes2, 0.0, out, fmt)


@differentiable("boxes1", "boxes2")
def generalized_box_iou(boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, out: Array | None = None) -> WithPullback[Array]:
    """GIoU = IoU - (enclosing - union) / enclosing of all pairs, from -1 to 1. Otherwise as box_iou.

    Boxes that are apart have a gradient here (Rezatofighi 2019). After torchvision.ops.generalized_box_iou.

    >>> import boxgrad
    >>> boxgrad.generalized_box_iou([[0.0, 0.0, 2.0, 2.0]], [[6.0, 0.0, 8.0, 2.0]])
    array([[-0.5]])
    """
    return _pairwise("giou", boxes1, boxes2, 0.0, out)


@differentiable("boxes1", "boxes2")
def distance_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float = 1e-7, *, out: Array | None = None
) -> WithPullback[Array]:
    """DIoU = IoU - distance^2 / (diagonal^2 + eps) of all pairs. Otherwise as box_iou.

    distance is that of the centres, diagonal that of the smallest box around both (Zheng 2020). After
    torchvision.ops.distance_box_iou. ValueError: also a negative eps.

    >>> import boxgrad
    >>> boxgrad.distance_box_iou([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([[-0.25]])
    """
    return _pairwise("diou", boxes1, boxes2, eps, out)


@differentiable("boxes1", "boxes2")
def complete_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, eps: float = 1e-7, *, out: Array | None = None
) -> WithPullback[Array]:
    """CIoU = DIoU - alpha * v of all pairs, v measuring the difference of the aspect ratios. Otherwise as box_iou.

    v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2 and alpha = v / (1 - IoU + v + eps), a constant for the gradient (Zheng 2020).
    atan(w/0) is pi/2, atan(0/0) is 0, each with a finite gradient. After torchvision.ops.complete_box_iou.
    ValueError: also a negative eps.

    >>> import boxgrad
    >>> boxgrad.complete_box_iou([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([[-0.25]])
    """
    return _pairwise("ciou", boxes1, boxes2, eps, out)


@differentiable("boxes1", "boxes2")
def aligned_box_iou(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, *, metric: str = "iou", eps: float = 1e-7, out: Array | None = None
) -> WithPullback[Array]:
    """The overlap of boxes1[i] with boxes2[i]: (..., 4) and (..., 4) to (...). Leading dimensions broadcast.

    metric: "iou", "giou", "diou" or "ciou", as box_iou, generalized_box_iou, distance_box_iou and complete_box_iou. eps:
    for the latter two.

    ValueError: shape, metric, out or a negative eps; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.aligned_box_iou([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [1.0, 0.0, 3.0, 2.0])
    array([0.33333333, 0.        ])
    """
    operand1, operand2, shape, a, b = aligned_operands(boxes1=boxes1, boxes2=boxes2)
    code, eps, dtype, count = code_of(metric, _METRICS, "metric"), number(eps, "eps"), a.dtype, len(a)
    value = output(out, shape[:-1], dtype, operand1.array, operand2.array)
    library_of[dtype].iou_aligned(code, a, stride(a), b, stride(b), count, eps, value, None, None)

    def pullback(cotangent: Array) -> Gradients:
        gradients = operand1.gradient(shape), operand2.gradient(shape)
        library_of[dtype].iou_aligned(code, a, stride(a), b, stride(b), count, eps, None, *gradients)
        upstream = cotangent[..., None]
        return tuple(sum_to_shape(g, o.array.shape) for g, o in zip(scaled(gradients, upstream), (operand1, operand2)))

    return value, pullback


def _loss(
    metric: str,
    boxes1: npt.ArrayLike,
    boxes2: npt.ArrayLike,
    reduction: str,
    eps: float,
    weights: npt.ArrayLike | None,
    normalizer: float | None,
) -> WithPullback[Loss]:
    operand1, operand2, shape, a, b = aligned_operands(boxes1=boxes1, boxes2=boxes2)
    code, eps, dtype = _METRICS[metric], number(eps, "eps"), a.dtype
    weight = constant(weights, "weights", shape[:-1], dtype)
    divisor = divisor_of(reduction, len(a), normalizer)
    per_box = np.empty(shape[:-1], dtype) if divisor is None else None

    def run(weight: Array | None, divisor: float, loss: Array | None, per_box: Array | None, gradients: Gradients) -> Gradients:
        library_of[dtype].iou_loss(code, a, stride(a), b, stride(b), len(a), weight, eps, divisor, loss, per_box, *gradients)
        return tuple(sum_to_shape(g, o.array.shape) for g, o in zip(gradients, (operand1, operand2)))

    return evaluate(run, weight, divisor, per_box, dtype, lambda: (operand1.gradient(shape), operand2.gradient(shape)))


@differentiable("boxes1", "boxes2")
def box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = 1e-7,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None,
) -> WithPullback[Loss]:  # fmt: skip
    """weights * (1 - IoU) of aligned boxes (..., 4), with IoU = inter / (union + eps).

    reduction: "none" gives the array (...), "sum" and "mean" a scalar of its dtype, summed in double. "mean" divides by the
    number of boxes, or by `normalizer`; that of no boxes is 0. weights: broadcast to (...), a constant. Boxes that do not
    overlap, or merely touch, have no gradient: see generalized_box_iou_loss. value_and_grad computes loss and
    gradients in one pass.

    ValueError: shape, reduction, negative eps, a normalizer that is not positive; TypeError: dtype.

    >>> import boxgrad
    >>> print(boxgrad.box_iou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], reduction="mean", eps=0.0))
    0.5
    """
    return _loss("iou", boxes1, boxes2, reduction, eps, weights, normalizer)


@differentiable("boxes1", "boxes2")
def generalized_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = 1e-7,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None,
) -> WithPullback[Loss]:  # fmt: skip
    """weights * (1 - GIoU) of aligned boxes, eps added to union and enclosing area. Otherwise as box_iou_loss.

    Boxes apart attract each other (Rezatofighi 2019). After torchvision.ops.generalized_box_iou_loss.

    >>> import boxgrad
    >>> loss = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)
    >>> value, gradient = loss([[0.0, 0.0, 10.0, 10.0]], [[10.0, 0.0, 20.0, 10.0]], reduction="mean")
    >>> print(value.round(6), (gradient + 0.0).round(6))
    1.0 [[ 0.    0.   -0.05  0.  ]]
    """
    return _loss("giou", boxes1, boxes2, reduction, eps, weights, normalizer)


@differentiable("boxes1", "boxes2")
def distance_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = 1e-7,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None,
) -> WithPullback[Loss]:  # fmt: skip
    """weights * (1 - DIoU) of aligned boxes, eps added to union and squared diagonal. Otherwise as box_iou_loss.

    (Zheng 2020.) After torchvision.ops.distance_box_iou_loss.

    >>> import boxgrad
    >>> boxgrad.distance_box_iou_loss([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([1.25])
    """
    return _loss("diou", boxes1, boxes2, reduction, eps, weights, normalizer)


@differentiable("boxes1", "boxes2")
def complete_box_iou_loss(
    boxes1: npt.ArrayLike, boxes2: npt.ArrayLike, reduction: str = "none", eps: float = 1e-7,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None,
) -> WithPullback[Loss]:  # fmt: skip
    """weights * (1 - CIoU) of aligned boxes, eps added to every denominator. Otherwise as box_iou_loss.

    alpha is a constant for the gradient (Zheng 2020). After torchvision.ops.complete_box_iou_loss, which ignores its eps
    for the distance.

    >>> import boxgrad
    >>> boxgrad.complete_box_iou_loss([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0)
    array([1.25])
    """
    return _loss("ciou", boxes1, boxes2, reduction, eps, weights, normalizer)
