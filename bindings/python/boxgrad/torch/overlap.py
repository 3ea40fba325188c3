"""Overlap of boxes: IoU, GIoU, DIoU, CIoU, IoA and IoS of all pairs, or of aligned rows."""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch
from torch import Tensor

from .._scalars import code_of, number
from ..boxes import _FORMATS
from ..overlap import _EPS, _METRICS
from ._operators import Operator, memory, rows
from ._tensors import aligned, check_aligned, check_boxes, format_of, pair
from ._torchvision import OPS, stands_for
from .boxes import converted, corners


def pairwise_shape(boxes1: Tensor, boxes2: Tensor, width: int = 4) -> Sequence[int]:
    check_boxes("boxes1", boxes1, width)
    check_boxes("boxes2", boxes2, width)
    if boxes1.dim() < 2 or boxes2.dim() < 2 or boxes1.shape[:-2] != boxes2.shape[:-2]:
        shapes = f"{tuple(boxes1.shape)} and {tuple(boxes2.shape)}"
        raise ValueError(f"boxes1 and boxes2 must have the shapes (..., N, {width}) and (..., M, {width}), not {shapes}")
    return (*boxes1.shape[:-1], boxes2.shape[-2])


def _pairwise_shape(boxes1: Tensor, boxes2: Tensor, *_: Any) -> Sequence[int]:
    return pairwise_shape(boxes1, boxes2)


def matrices(*tensors: Tensor | None) -> Any:
    """For each matrix of the result, its part of the tensors, whose last two dimensions are its own."""
    batch = next(x for x in tensors if x is not None).shape[:-2]
    if not batch:
        return (tensors,)
    count = math.prod(batch)
    flat = [[None] * count if x is None else x.reshape(count, *x.shape[-2:]) for x in tensors]
    return zip(*flat)


def _pairwise(c: Any, out: Tensor, boxes1: Tensor, boxes2: Tensor, metric: int, eps: float) -> None:
    for a, b, value in matrices(boxes1, boxes2, out):
        (a, stride_a), (b, stride_b) = rows(a), rows(b)
        c.iou_pairwise(metric, memory(a), len(a), stride_a, memory(b), len(b), stride_b, eps, memory(value), len(b), None)


def _pairwise_gradient(
    c: Any, cotangent: Tensor, out: Sequence[Any], boxes1: Tensor, boxes2: Tensor, metric: int, eps: float
) -> None:
    for a, b, g, *gradients in matrices(boxes1, boxes2, cotangent, *out):
        (a, stride_a), (b, stride_b) = rows(a), rows(b)
        upstream = memory(g), len(b)
        c.iou_pairwise_grad(metric, memory(a), len(a), stride_a, memory(b), len(b), stride_b, eps, *upstream, *map(memory, gradients))


def aligned_shape(boxes1: Tensor, boxes2: Tensor, width: int = 4) -> Sequence[int]:
    check_boxes("boxes1", boxes1, width)
    check_aligned("boxes1", boxes1, "boxes2", boxes2)
    return boxes1.shape[:-1]


def _aligned_shape(boxes1: Tensor, boxes2: Tensor, *_: Any) -> Sequence[int]:
    return aligned_shape(boxes1, boxes2)


def multiply_rows(gradients: Sequence[Any], cotangent: Tensor) -> None:
    """Multiplies the rows of each gradient that is wanted by the cotangents of the aligned values."""
    for gradient in gradients:
        if gradient is not None:
            gradient *= cotangent[..., None]


def _aligned(c: Any, out: Tensor, boxes1: Tensor, boxes2: Tensor, metric: int, eps: float) -> None:
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.iou_aligned(metric, memory(a), stride_a, memory(b), stride_b, a.numel() // 4, eps, memory(out), None, None)


def _aligned_gradient(
    c: Any, cotangent: Tensor, out: Sequence[Any], boxes1: Tensor, boxes2: Tensor, metric: int, eps: float
) -> None:
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.iou_aligned(metric, memory(a), stride_a, memory(b), stride_b, a.numel() // 4, eps, None, *map(memory, out))
    multiply_rows(out, cotangent)


_ARGUMENTS = "Tensor boxes1, Tensor boxes2, int metric, float eps"
_iou_pairwise = Operator(
    "iou_pairwise", _ARGUMENTS, differentiable=2, value=_pairwise, gradient=_pairwise_gradient, shape=_pairwise_shape
)
_iou_aligned = Operator("iou_aligned", _ARGUMENTS, differentiable=2, value=_aligned, gradient=_aligned_gradient, shape=_aligned_shape)


def in_batches(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets of boxes, with the leading dimensions that theirs broadcast to."""
    if a.shape[:-2] == b.shape[:-2]:
        return a, b
    try:
        batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except RuntimeError:
        raise ValueError(f"the shapes of boxes1 {tuple(a.shape)} and boxes2 {tuple(b.shape)} do not match") from None
    return a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:])


def _of_pairs(metric: str, boxes1: Any, boxes2: Any, fmt: str = "xyxy", eps: float = _EPS) -> Tensor:
    code_of(fmt, _FORMATS, "fmt")
    (given1, fmt1), (given2, fmt2) = format_of("boxes1", boxes1, fmt), format_of("boxes2", boxes2, fmt)
    a, b = pair("boxes1", given1, "boxes2", given2)
    check_boxes("boxes1", a)
    check_boxes("boxes2", b)
    a, b = converted(a, fmt1, "xyxy"), converted(b, fmt2, "xyxy")
    a, b = in_batches(a, b)
    value = _iou_pairwise(a, b, _METRICS[metric], number(eps, "eps"))
    return value if given1.is_floating_point() or given2.is_floating_point() else value.to(torch.get_default_dtype())


@stands_for(OPS)
def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """IoU = inter / union of all pairs of boxes1 (..., N, 4) and boxes2 (..., M, 4): (..., N, M). As torchvision.ops.box_iou.

    fmt: "xyxy", "yxyx", "xywh" or "cxcywh"; BoundingBoxes have their own. Leading dimensions broadcast. Two boxes without area overlap by 0,
    where torchvision gives NaN. float16 and bfloat16 give float32, integers torch's default dtype.
    Gradient: a tie of max or min gives half to each side; boxes that merely touch still attract each other, boxes apart do not.

    ValueError: shape, fmt; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]))
    tensor([[0.3333, 0.0000]])
    """
    return _of_pairs("iou", boxes1, boxes2, fmt)


@stands_for(OPS)
def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """GIoU = IoU - (enclosing - union) / enclosing of all pairs. As torchvision.ops.generalized_box_iou; otherwise as box_iou.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.generalized_box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[6.0, 0.0, 8.0, 2.0]]))
    tensor([[-0.5000]])
    """
    return _of_pairs("giou", boxes1, boxes2)


@stands_for(OPS)
def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = _EPS) -> Tensor:
    """DIoU = IoU - distance^2 / (diagonal^2 + eps) of all pairs. As torchvision.ops.distance_box_iou; otherwise as box_iou.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.distance_box_iou(torch.tensor([[0.0, 0.0, 3.0, 4.0]]), torch.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[-0.2500]])
    """
    return _of_pairs("diou", boxes1, boxes2, eps=eps)


@stands_for(OPS)
def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = _EPS) -> Tensor:
    """CIoU = DIoU - alpha * v of all pairs, alpha a constant for the gradient. As torchvision.ops.complete_box_iou; otherwise as box_iou.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.complete_box_iou(torch.tensor([[0.0, 0.0, 3.0, 4.0]]), torch.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[-0.2500]])
    """
    return _of_pairs("ciou", boxes1, boxes2, eps=eps)


def box_ioa(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoA = inter / area of the second box, of all pairs. As detectron2's pairwise_ioa and boxgrad.box_ioa; otherwise as box_iou.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_ioa(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[2.0, 0.0, 6.0, 2.0], [1.0, 1.0, 2.0, 2.0]]))
    tensor([[0.5000, 1.0000]])
    """
    pair("boxes1", format_of("boxes1", boxes1, "xyxy")[0], "boxes2", format_of("boxes2", boxes2, "xyxy")[0])  # in this order, for errors
    return _of_pairs("iof", boxes2, boxes1).transpose(-1, -2)  # C divides by the area of its first boxes


def box_ios(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoS = inter / min(area_1, area_2) of all pairs. As boxgrad.box_ios; otherwise as box_iou.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_ios(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[2.0, 0.0, 6.0, 2.0], [1.0, 1.0, 2.0, 2.0]]))
    tensor([[0.5000, 1.0000]])
    """
    return _of_pairs("ios", boxes1, boxes2)


def aligned_box_iou(boxes1: Tensor, boxes2: Tensor, *, metric: str = "iou", eps: float = _EPS) -> Tensor:
    """The overlap of boxes1[i] with boxes2[i]: (..., 4) and (..., 4) to (...). Leading dimensions broadcast. As boxgrad.aligned_box_iou.

    metric: "iou", "giou", "diou", "ciou", "iof" or "ios". eps: for "diou" and "ciou".

    ValueError: shape, metric, a negative eps; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.aligned_box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0, 0.0, 3.0, 2.0]))
    tensor([0.3333, 0.0000])
    """
    a, b = aligned("boxes1", corners("boxes1", boxes1), "boxes2", corners("boxes2", boxes2))
    return _iou_aligned(a, b, code_of(metric, _METRICS, "metric"), number(eps, "eps"))
