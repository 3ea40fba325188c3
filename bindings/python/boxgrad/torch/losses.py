"""The losses of aligned boxes, and smooth L1: fused with their gradients where they are summed."""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch
from torch import Tensor

from .._library import BOX_LOSS_OPTIONS
from .._scalars import code_of, image_size, number
from ..box_loss import _BASES, _KINDS, _MODES, _OPTIONS
from ..box_loss import _METRICS as _BASE_METRICS
from ..overlap import _EPS, _METRICS
from ..smooth_l1 import _remaining, _sigma, period_of
from ._operators import memory, rows
from ._tensors import aligned, are_ready, check_aligned, check_boxes, check_constant, constant, in_half, pair
from ._torchvision import OPS, goes_to_torchvision, original, stands_for
from ._totals import Loss
from .boxes import corners


def _boxes_shape(name1: str, name2: str) -> Any:
    def shape(boxes1: Tensor, boxes2: Tensor, weights: Tensor | None, *_: Any) -> Sequence[int]:
        shape = boxes1.shape
        terms = shape[:-1]
        if shape[-1:] != (4,) or boxes2.shape != shape or weights is not None:
            check_boxes(name1, boxes1)
            check_aligned(name1, boxes1, name2, boxes2)
            check_constant("weights", weights, terms)
        return terms

    return shape


def _call_iou_loss(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
    boxes1, boxes2, _, metric, eps = arguments
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    c.iou_loss(metric, memory(a), stride_a, memory(b), stride_b, a.numel() // 4, weights, eps, *results)


def _call_box_loss(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
    boxes1, boxes2, _, kind, options = arguments
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    packed = bytearray(BOX_LOSS_OPTIONS.pack(BOX_LOSS_OPTIONS.size, *options))
    c.box_loss(kind, packed, memory(a), stride_a, memory(b), stride_b, a.numel() // 4, weights, *results)


def _call_differences(function: str) -> Any:
    def call(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
        input, target, inside, _, *numbers = arguments
        input, target, inside = input.contiguous(), target.contiguous(), None if inside is None else inside.contiguous()
        getattr(c, function)(memory(input), memory(target), memory(inside), weights, input.numel(), *numbers, *results)

    return call


def _elements_shape(input: Tensor, target: Tensor, inside: Tensor | None, outside: Tensor | None, *_: Any) -> Sequence[int]:
    check_aligned("input", input, "target", target)
    check_constant("inside_weights", inside, input.shape)
    check_constant("outside_weights", outside, input.shape)
    return input.shape


_BOXES = "Tensor boxes1, Tensor boxes2, Tensor? weights"
_ELEMENTS = "Tensor input, Tensor target, Tensor? inside_weights, Tensor? outside_weights"
_iou_loss = Loss(
    "iou_loss", f"{_BOXES}, int metric, float eps", differentiable=2, call=_call_iou_loss, shape=_boxes_shape("boxes1", "boxes2")
)
_box_loss = Loss(
    "box_loss", f"{_BOXES}, int kind, float[] options", differentiable=2, call=_call_box_loss, shape=_boxes_shape("input", "target")
)
_smooth_l1 = Loss("smooth_l1", f"{_ELEMENTS}, float sigma", differentiable=2, call=_call_differences("smooth_l1"), shape=_elements_shape)
_balanced_l1 = Loss(
    "balanced_l1", f"{_ELEMENTS}, float alpha, float gamma, float beta", differentiable=2, call=_call_differences("balanced_l1"), shape=_elements_shape
)


_LOSSES = {
    "box_iou_loss": _METRICS["iou"], "generalized_box_iou_loss": _METRICS["giou"], "distance_box_iou_loss": _METRICS["diou"],
    "complete_box_iou_loss": _METRICS["ciou"],
}  # fmt: skip


def _pairs(name1: str, boxes1: Any, name2: str, boxes2: Any, weights: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    if not are_ready(boxes1, boxes2):
        boxes1, boxes2 = aligned(name1, corners(name1, boxes1), name2, corners(name2, boxes2))
    return boxes1, boxes2, None if weights is None else constant("weights", weights, boxes1.shape[:-1], boxes1)


def _iou(name: str, boxes1: Any, boxes2: Any, reduction: str, eps: float, weights: Any, normalizer: float | None) -> Tensor:
    """The loss of a metric; `name` is that of the function, which torchvision has, too, but for IoU's."""
    if weights is not None or not are_ready(boxes1, boxes2):
        if name != "box_iou_loss" and goes_to_torchvision(boxes1, boxes2):
            return original(name)(boxes1, boxes2, reduction, eps)
        boxes1, boxes2, weights = _pairs("boxes1", boxes1, "boxes2", boxes2, weights)
    return _iou_loss(boxes1, boxes2, weights, _LOSSES[name], number(eps, "eps"), reduction=reduction, normalizer=normalizer)


def _other(
    kind: int, input: Any, target: Any, reduction: str, eps: float, weights: Any, normalizer: float | None, **options: float
) -> Tensor:
    tensors = _pairs("input", input, "target", target, weights)
    fields = {**_OPTIONS, **{name: number(value, name) for name, value in options.items()}}
    return _box_loss(*tensors, kind, [number(eps, "eps"), *fields.values()], reduction=reduction, normalizer=normalizer)


def _differences(
    loss: Loss, numbers: Sequence[float], input: Any, target: Any, inside: Any, outside: Any, dim: Any, reduction: str
) -> Tensor:
    if dim is not None and reduction != "mean":
        raise ValueError(f"dim says what to sum before the mean; it has no meaning with reduction={reduction!r}")
    x, t = aligned("input", input, "target", target)
    inside, outside = constant("inside_weights", inside, x.shape, x), constant("outside_weights", outside, x.shape, x)
    normalizer = None if dim is None else float(max(_remaining(tuple(x.shape), dim), 1))
    return in_half(loss(x, t, inside, outside, *numbers, reduction=reduction, normalizer=normalizer), input, target)


def box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = _EPS,
    *, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - IoU) of aligned boxes (..., 4), with IoU = inter / (union + eps). As boxgrad.box_iou_loss.

    reduction: "none" gives a tensor (...), "sum" and "mean" a scalar, summed in double. "mean" divides by the number of boxes, or by
    `normalizer`; that of no boxes is 0. weights: broadcast to (...), a constant. Leading dimensions broadcast. float16, bfloat16 and integers
    are computed in float32 or double, and give it.
    With a reduction, the forward pass computes the gradients, too, and the backward pass only multiplies them.

    ValueError: shape, reduction, negative eps, a normalizer that is not positive though there are boxes, weights that require a gradient;
    TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), "mean", eps=0.0)
    tensor(0.5000)
    """
    return _iou("box_iou_loss", boxes1, boxes2, reduction, eps, weights, normalizer)


@stands_for(OPS, decides=True)
def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = _EPS,
    *, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - GIoU) of aligned boxes. As torchvision.ops.generalized_box_iou_loss; otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> predicted = torch.tensor([[0.0, 0.0, 10.0, 10.0]], requires_grad=True)
    >>> boxgrad.torch.generalized_box_iou_loss(predicted, torch.tensor([[10.0, 0.0, 20.0, 10.0]]), reduction="mean").backward()
    >>> predicted.grad + 0
    tensor([[ 0.0000,  0.0000, -0.0500,  0.0000]])
    """
    return _iou("generalized_box_iou_loss", boxes1, boxes2, reduction, eps, weights, normalizer)


@stands_for(OPS, decides=True)
def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = _EPS,
    *, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - DIoU) of aligned boxes. As torchvision.ops.distance_box_iou_loss; otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.distance_box_iou_loss(torch.tensor([[0.0, 0.0, 3.0, 4.0]]), torch.tensor([[3.0, 4.0, 6.0, 8.0]]), eps=0.0)
    tensor([1.2500])
    """
    return _iou("distance_box_iou_loss", boxes1, boxes2, reduction, eps, weights, normalizer)


@stands_for(OPS, decides=True)
def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = _EPS,
    *, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - CIoU) of aligned boxes, eps added to every denominator. Otherwise as box_iou_loss.

    As torchvision.ops.complete_box_iou_loss, which ignores its eps for the distance.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.complete_box_iou_loss(torch.tensor([[0.0, 0.0, 3.0, 4.0]]), torch.tensor([[3.0, 4.0, 6.0, 8.0]]), eps=0.0)
    tensor([1.2500])
    """
    return _iou("complete_box_iou_loss", boxes1, boxes2, reduction, eps, weights, normalizer)


def efficient_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, gamma: float = 0.0, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * IoU^gamma * EIoU of aligned boxes: the formula is that of boxgrad.efficient_box_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.efficient_box_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), eps=0.0)
    tensor([0.7812])
    """
    return _other(_KINDS["eiou"], input, target, reduction, eps, weights, normalizer, gamma=gamma)


def siou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, theta: float = 4.0, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * SIoU loss of aligned boxes: the formula is that of boxgrad.siou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.siou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]), eps=0.0)
    tensor([0.7663])
    """
    return _other(_KINDS["siou"], input, target, reduction, eps, weights, normalizer, theta=theta)


def alpha_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, alpha: float = 3.0, metric: str = "iou", weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - IoU^alpha + P^alpha) of aligned boxes: the formula is that of boxgrad.alpha_box_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.alpha_box_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), eps=0.0)
    tensor([0.8750])
    """
    return _other(code_of(metric, _BASE_METRICS, "metric"), input, target, reduction, eps, weights, normalizer, alpha=alpha)


def wise_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * Wise-IoU v1 of aligned boxes: the formula is that of boxgrad.wise_box_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.wise_box_iou_loss(torch.tensor([[0.0, 0.0, 3.0, 4.0]]), torch.tensor([[3.0, 4.0, 6.0, 8.0]]), eps=0.0)
    tensor([1.2840])
    """
    return _other(_KINDS["wiou"], input, target, reduction, eps, weights, normalizer)


def inner_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, inner_ratio: float = 0.7, base: str = "iou", weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (L + IoU - IoU') of aligned boxes: the formula is that of boxgrad.inner_box_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> predicted, truth = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[1.0, 0.0, 5.0, 4.0]])
    >>> boxgrad.torch.inner_box_iou_loss(predicted, truth, eps=0.0, inner_ratio=0.5)
    tensor([0.6667])
    """
    return _other(code_of(base, _BASES, "base"), input, target, reduction, eps, weights, normalizer, inner_ratio=inner_ratio)


def mpdiou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, size: Sequence[float], weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - MPDIoU) of aligned boxes; size: the image's (height, width). The formula is that of boxgrad.mpdiou_loss.

    Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.mpdiou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), eps=0.0, size=(3, 4))
    tensor([0.5400])
    """
    height, width = image_size(size)
    return _other(_KINDS["mpdiou"], input, target, reduction, eps, weights, normalizer, image_width=width, image_height=height)


def log_box_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = _EPS,
    *, mode: str = "log", least_iou: float = 1e-6, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * -log(max(IoU, least_iou)) of aligned boxes, or a mode: as boxgrad.log_box_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.log_box_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), eps=0.0)
    tensor([0.6931])
    """
    power = code_of(mode, _MODES, "mode")
    kind, alpha = (_KINDS["iou"], power) if power else (_KINDS["log_iou"], 1)
    return _other(kind, input, target, reduction, eps, weights, normalizer, alpha=alpha, least_iou=least_iou)


def nwd_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, constant: float, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - exp(-W / constant)) of aligned boxes: the formula is that of boxgrad.nwd_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.nwd_loss(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[3.0, 4.0, 7.0, 8.0]]), constant=5.0)
    tensor([0.6321])
    """
    return _other(_KINDS["nwd"], input, target, reduction, _EPS, weights, normalizer, constant=constant)


def bounded_iou_loss(
    input: Tensor, target: Tensor, reduction: str = "none", eps: float = 1e-3,
    *, beta: float = 0.2, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * bounded IoU loss of aligned boxes: the formula is that of boxgrad.bounded_iou_loss. Otherwise as box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.bounded_iou_loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]), eps=0.0, beta=0.5)
    tensor([1.])
    """
    return _other(_KINDS["bounded_iou"], input, target, reduction, eps, weights, normalizer, beta=beta)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0,
    *, sigma: float | None = None, inside_weights: Tensor | None = None, outside_weights: Tensor | None = None,
    dim: int | Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """outside * l(inside * (input - target)), with l(d) = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.

    As torch.nn.functional.smooth_l1_loss, with Fast R-CNN's weights, constants that broadcast, and its sigma instead of beta = 1 / sigma^2.
    input and target broadcast. reduction: "none", "sum" or "mean", summed in double; the mean of nothing is 0, where torch's is NaN. dim: with
    "mean", sums over these axes and then takes the mean over the rest. float16 and bfloat16 are computed in float32, and returned.

    ValueError: shapes, a negative beta, dim, reduction, weights that require a gradient; TypeError: dtype, device, beta and sigma together.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.smooth_l1_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 2.5000])
    """
    return _differences(_smooth_l1, (_sigma(beta, sigma),), input, target, inside_weights, outside_weights, dim, reduction)


def rotated_smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0,
    *, angle_period: float = math.pi, sigma: float | None = None, inside_weights: Tensor | None = None, outside_weights: Tensor | None = None,
    dim: int | Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """smooth_l1_loss of the deltas of rotated boxes (..., 5), whose angles that differ by whole periods do not differ. As boxgrad.rotated_smooth_l1_loss.

    angle_period: half a turn in the unit of the last number: pi for encode_rotated_boxes; with norm_factor 1 / norm_factor; each / the std of the angle. input and
    target have one shape. Otherwise as smooth_l1_loss.

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[0.0, 0, 0, 0, 0.25]]), torch.tensor([[0.0, 0, 0, 0, 1.125]])
    >>> boxgrad.torch.rotated_smooth_l1_loss(input, target, angle_period=1, reduction="sum")
    tensor(0.0078)
    """
    a, b = pair("input", input, "target", target)
    period = period_of(angle_period)
    if a.shape != b.shape or a.shape[-1:] != (5,):
        raise ValueError(f"input and target must have the shape (..., 5), the same, not {tuple(a.shape)} and {tuple(b.shape)}")
    shift = period * torch.round((b[..., 4:] - a[..., 4:]).detach() / period)
    moved = torch.cat([b[..., :4], b[..., 4:] - shift], dim=-1)
    value = smooth_l1_loss(a, moved, reduction, beta, sigma=sigma, inside_weights=inside_weights, outside_weights=outside_weights, dim=dim)
    return in_half(value, input, target)


def balanced_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0,
    *, alpha: float = 0.5, gamma: float = 1.5, inside_weights: Tensor | None = None, outside_weights: Tensor | None = None,
    dim: int | Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """outside * l(abs(inside * (input - target))): the formula is that of boxgrad.balanced_l1_loss. Otherwise as smooth_l1_loss.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.balanced_l1_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.4006, 4.0786])
    """
    scalars = number(alpha, "alpha"), number(gamma, "gamma"), number(beta, "beta")
    return _differences(_balanced_l1, scalars, input, target, inside_weights, outside_weights, dim, reduction)
