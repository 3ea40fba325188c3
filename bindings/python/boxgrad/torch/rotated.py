"""Rotated boxes: their formats, overlap and losses, with gradients."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from .. import rotated as _arrays
from .._scalars import code_of, number
from ..rotated import ANGLES, METRICS, MODES, RANGES, TARGETS, WIDTHS, codes_of
from ._operators import Operator, memory, rows
from ._tensors import aligned, check_aligned, check_boxes, check_constant, constant, floats, pair
from ._totals import Loss
from .overlap import aligned_shape, in_batches, matrices, multiply_rows, pairwise_shape

_CORNERS = TARGETS["corners"]
_WIDTHS = [WIDTHS[name] for name in TARGETS]
"""By code."""


def _shape(boxes: Tensor, source: int, target: int) -> Sequence[int]:
    if boxes.shape[-1:] != (_WIDTHS[source],):
        raise ValueError(f"boxes must have the shape (..., {_WIDTHS[source]}), not {tuple(boxes.shape)}")
    return (*boxes.shape[:-1], _WIDTHS[target])


def _convert(c: Any, out: Tensor, boxes: Tensor, source: int, target: int) -> None:
    (first, stride), count = rows(boxes), boxes.numel() // _WIDTHS[source]
    if source == _CORNERS:
        c.rotated_from_corners(target, memory(first), count, stride, memory(out))
    elif target < _CORNERS:
        c.rotated_convert(source, target, memory(first), count, stride, memory(out), 5)
    else:
        results = (memory(out), None) if target == _CORNERS else (None, memory(out))
        c.rotated_corners(source, memory(first), count, stride, *results)


def _convert_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes: Tensor, source: int, target: int) -> None:
    (first, stride), count, gradient = rows(boxes), boxes.numel() // _WIDTHS[source], out[0]
    if source == _CORNERS:
        c.rotated_from_corners_grad(target, memory(first), count, stride, memory(cotangent), memory(gradient))
    elif target < _CORNERS:
        c.rotated_convert_grad(source, target, count, memory(cotangent), memory(gradient))
    else:
        given = (memory(cotangent), None) if target == _CORNERS else (None, memory(cotangent))
        c.rotated_corners_grad(source, memory(first), count, stride, *given, memory(gradient))


_rotated_convert = Operator(
    "rotated_convert", "Tensor boxes, int source, int target", differentiable=1, value=_convert, gradient=_convert_gradient, shape=_shape
)


def convert_rotated_boxes(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Rotated boxes in another format, in their dtype. As boxgrad.convert_rotated_boxes.

    Formats: "radians-cw", "degrees-ccw" (torchvision's cxcywhr), "degrees-cw" and "radians-ccw" are (..., 5), cx, cy, w, h, angle; "corners" are
    (..., 8), clockwise from the top left before the box was turned (xyxyxyxy); "bounds", only as out_fmt, are (..., 4). float16 and bfloat16 are
    computed in float32, integers give float64.

    ValueError: shape, format; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.convert_rotated_boxes(torch.tensor([5.0, 5.0, 6.0, 2.0, 90.0]), "degrees-ccw", "bounds")
    tensor([4., 2., 6., 8.])
    """
    value = _rotated_convert(floats("boxes", boxes), *codes_of(in_fmt, out_fmt))
    return value.to(boxes.dtype) if boxes.is_floating_point() else value


def min_area_boxes(points: Tensor, *, angle: str) -> Tensor:
    """The smallest rotated boxes around quadrilaterals (..., 8) or points (..., N, 2): (..., 5), in their dtype. As boxgrad.min_area_boxes.

    angle: the convention of the result, whose angles are from 0 to 90 degrees clockwise. It has no gradient, and computes on the CPU.

    ValueError: shape, no point, angle; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.min_area_boxes(torch.tensor([0.0, 2.0, 2.0, 0.0, 6.0, 4.0, 4.0, 6.0]), angle="degrees-cw")
    tensor([ 3.0000,  3.0000,  5.6569,  2.8284, 45.0000])
    """
    value = torch.from_numpy(_arrays.min_area_boxes(floats("points", points).detach(), angle=angle))
    return value.to(points.dtype) if points.is_floating_point() else value


def _regularize(c: Any, out: Tensor, boxes: Tensor, range: int, angle: int) -> None:
    first, stride = rows(boxes)
    c.rotated_regularize(angle, range, memory(first), boxes.numel() // 5, stride, memory(out), 5)


def _regularize_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes: Tensor, range: int, angle: int) -> None:
    first, stride = rows(boxes)
    c.rotated_regularize_grad(angle, range, memory(first), boxes.numel() // 5, stride, memory(cotangent), memory(out[0]))


def _same_shape(boxes: Tensor, *_: Any) -> Sequence[int]:
    if boxes.shape[-1:] != (5,):
        raise ValueError(f"boxes must have the shape (..., 5), not {tuple(boxes.shape)}")
    return boxes.shape


_rotated_regularize = Operator(
    "rotated_regularize", "Tensor boxes, int range, int angle", differentiable=1, value=_regularize, gradient=_regularize_gradient, shape=_same_shape
)


def regularize_rotated_boxes(boxes: Tensor, range: str, *, angle: str) -> Tensor:
    """The same rotated boxes (..., 5) with angles in a range, in their dtype. As boxgrad.regularize_rotated_boxes.

    range: "oc", above 0 to 90 degrees; "le90", w >= h and -90 to below 90 degrees; "le135", w >= h and -45 to below 135 degrees; "turn",
    -180 to below 180 degrees. Integers give float64.

    ValueError: shape, range, angle; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.regularize_rotated_boxes(torch.tensor([5.0, 5.0, 2.0, 6.0, 30.0]), "le90", angle="degrees-cw")
    tensor([  5.,   5.,   6.,   2., -60.])
    """
    value = _rotated_regularize(floats("boxes", boxes), code_of(range, RANGES, "range"), code_of(angle, ANGLES, "angle"))
    return value.to(boxes.dtype) if boxes.is_floating_point() else value


def _pairwise_shape(boxes1: Tensor, boxes2: Tensor, *_: Any) -> Sequence[int]:
    return pairwise_shape(boxes1, boxes2, 5)


def _pairwise(c: Any, out: Tensor, boxes1: Tensor, boxes2: Tensor, metric: int, angle: int) -> None:
    for a, b, value in matrices(boxes1, boxes2, out):
        (a, stride_a), (b, stride_b) = rows(a), rows(b)
        c.rotated_iou_pairwise(metric, angle, memory(a), len(a), stride_a, memory(b), len(b), stride_b, memory(value), len(b))


def _pairwise_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes1: Tensor, boxes2: Tensor, metric: int, angle: int) -> None:
    for a, b, g, *gradients in matrices(boxes1, boxes2, cotangent, *out):
        (a, stride_a), (b, stride_b) = rows(a), rows(b)
        sides = memory(a), len(a), stride_a, memory(b), len(b), stride_b
        c.rotated_iou_pairwise_grad(metric, angle, *sides, memory(g), len(b), *map(memory, gradients))


def _aligned_shape(boxes1: Tensor, boxes2: Tensor, *_: Any) -> Sequence[int]:
    return aligned_shape(boxes1, boxes2, 5)


def _aligned(c: Any, out: Tensor, boxes1: Tensor, boxes2: Tensor, metric: int, angle: int) -> None:
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.rotated_iou_aligned(metric, angle, memory(a), stride_a, memory(b), stride_b, a.numel() // 5, memory(out), None, None)


def _aligned_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes1: Tensor, boxes2: Tensor, metric: int, angle: int) -> None:
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.rotated_iou_aligned(metric, angle, memory(a), stride_a, memory(b), stride_b, a.numel() // 5, None, *map(memory, out))
    multiply_rows(out, cotangent)


def loss_shape(boxes1: Tensor, boxes2: Tensor, weights: Tensor | None, *_: Any) -> Sequence[int]:
    check_boxes("input", boxes1, 5)
    check_aligned("input", boxes1, "target", boxes2)
    check_constant("weights", weights, boxes1.shape[:-1])
    return boxes1.shape[:-1]


def _call_loss(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
    boxes1, boxes2, _, kind, angle, least_iou = arguments
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.rotated_iou_loss(kind, angle, memory(a), stride_a, memory(b), stride_b, a.numel() // 5, weights, least_iou, *results)


_ARGUMENTS = "Tensor boxes1, Tensor boxes2, int metric, int angle"
_rotated_iou_pairwise = Operator(
    "rotated_iou_pairwise", _ARGUMENTS, differentiable=2, value=_pairwise, gradient=_pairwise_gradient, shape=_pairwise_shape
)
_rotated_iou_aligned = Operator(
    "rotated_iou_aligned", _ARGUMENTS, differentiable=2, value=_aligned, gradient=_aligned_gradient, shape=_aligned_shape
)
_rotated_iou_loss = Loss(
    "rotated_iou_loss", "Tensor boxes1, Tensor boxes2, Tensor? weights, int kind, int angle, float least_iou", differentiable=2, call=_call_loss,
    shape=loss_shape,
)  # fmt: skip


def _of_pairs(metric: str, boxes1: Any, boxes2: Any, angle: str) -> Tensor:
    a, b = pair("boxes1", boxes1, "boxes2", boxes2)
    check_boxes("boxes1", a, 5)
    check_boxes("boxes2", b, 5)
    return _rotated_iou_pairwise(*in_batches(a, b), METRICS[metric], code_of(angle, ANGLES, "angle"))


def rotated_box_iou(boxes1: Tensor, boxes2: Tensor, *, angle: str) -> Tensor:
    """IoU of all pairs of rotated boxes1 (..., N, 5) and boxes2 (..., M, 5): (..., N, M). As boxgrad.rotated_box_iou.

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw". Leading dimensions broadcast. float16, bfloat16 and integers are computed in
    float32 or double, and give it. Boxes that share no area have no gradient; where edges coincide, it is the mean of both sides'.

    ValueError: shape, angle; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> boxes1, boxes2 = torch.tensor([[2.0, 2.0, 4.0, 2.0, 90.0]]), torch.tensor([[2.0, 2.0, 4.0, 2.0, 0.0]])
    >>> boxgrad.torch.rotated_box_iou(boxes1, boxes2, angle="degrees-ccw")
    tensor([[0.3333]])
    """
    return _of_pairs("iou", boxes1, boxes2, angle)


def rotated_box_iof(boxes1: Tensor, boxes2: Tensor, *, angle: str) -> Tensor:
    """IoF = inter / area of the first box, of all pairs of rotated boxes. As boxgrad.rotated_box_iof; otherwise as rotated_box_iou.

    >>> import torch, boxgrad.torch
    >>> boxes1, boxes2 = torch.tensor([[2.0, 2.0, 4.0, 2.0, 90.0]]), torch.tensor([[2.0, 2.0, 4.0, 2.0, 0.0]])
    >>> boxgrad.torch.rotated_box_iof(boxes1, boxes2, angle="degrees-ccw")
    tensor([[0.5000]])
    """
    return _of_pairs("iof", boxes1, boxes2, angle)


def aligned_rotated_box_iou(boxes1: Tensor, boxes2: Tensor, *, angle: str, metric: str = "iou") -> Tensor:
    """The overlap of rotated boxes1[i] with boxes2[i]: (..., 5) and (..., 5) to (...). As boxgrad.aligned_rotated_box_iou.

    metric: "iou" or "iof". Leading dimensions broadcast.

    ValueError: shape, angle, metric; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> boxes1, boxes2 = torch.tensor([[0.0, 0.0, 2.0, 2.0, 45.0]]), torch.tensor([[0.0, 0.0, 2.0, 2.0, 0.0]])
    >>> boxgrad.torch.aligned_rotated_box_iou(boxes1, boxes2, angle="degrees-cw")
    tensor([0.7071])
    """
    a, b = aligned("boxes1", boxes1, "boxes2", boxes2)
    return _rotated_iou_aligned(a, b, code_of(metric, METRICS, "metric"), code_of(angle, ANGLES, "angle"))


def rotated_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, angle: str, mode: str = "linear", least_iou: float = 1e-6, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - IoU) of aligned rotated boxes (..., 5), or with mode "log" weights * -log(max(IoU, least_iou)). As boxgrad.rotated_box_iou_loss.

    angle: the convention of both, as in rotated_box_iou. reduction, weights and normalizer are those of box_iou_loss. With a reduction, the forward
    pass computes the gradients, too.

    ValueError: shape, angle, mode, reduction, least_iou, a normalizer that is not positive though there are boxes, weights that require a gradient;
    TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[2.0, 2.0, 4.0, 2.0, 90.0]]), torch.tensor([[2.0, 2.0, 4.0, 2.0, 0.0]])
    >>> boxgrad.torch.rotated_box_iou_loss(input, target, "mean", angle="degrees-ccw")
    tensor(0.6667)
    """
    a, b = aligned("input", input, "target", target)
    check_boxes("input", a, 5)
    weights = None if weights is None else constant("weights", weights, a.shape[:-1], a)
    options = code_of(mode, MODES, "mode"), code_of(angle, ANGLES, "angle"), number(least_iou, "least_iou")
    return _rotated_iou_loss(a, b, weights, *options, reduction=reduction, normalizer=normalizer)
