"""Distances that are predicted as distributions over bins: their loss, and their mean."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from ._operators import Operator, memory, rows
from ._tensors import check_constant, constant, floats, in_half, pair
from ._totals import Loss


def _bins(name: str, logits: Tensor) -> int:
    if logits.dim() == 0 or logits.shape[-1] < 2:
        raise ValueError(f"{name} must have the shape (..., bins) with at least 2 bins, not {tuple(logits.shape)}")
    return logits.shape[-1]


def _focal_shape(pred: Tensor, label: Tensor, weights: Tensor | None) -> Sequence[int]:
    _bins("pred", pred)
    check_constant("label", label, pred.shape[:-1])
    check_constant("weights", weights, pred.shape[:-1])
    return label.shape


def _focal(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
    (logits, stride), label = rows(arguments[0]), arguments[1].contiguous()
    c.distribution_focal(memory(logits), stride, memory(label), label.numel(), logits.shape[-1], weights, *results)


def _mean_shape(logits: Tensor) -> Sequence[int]:
    _bins("logits", logits)
    return logits.shape[:-1]


def _mean(c: Any, out: Tensor, logits: Tensor) -> None:
    first, stride = rows(logits)
    c.distribution_decode(memory(first), stride, out.numel(), logits.shape[-1], memory(out))


def _mean_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], logits: Tensor) -> None:
    first, stride = rows(logits)
    c.distribution_decode_grad(memory(first), stride, cotangent.numel(), logits.shape[-1], memory(cotangent), memory(out[0]))


_distribution_focal = Loss(
    "distribution_focal", "Tensor pred, Tensor label, Tensor? weights", differentiable=2, call=_focal, shape=_focal_shape
)
_distribution_decode = Operator(
    "distribution_decode", "Tensor logits", differentiable=1, value=_mean, gradient=_mean_gradient, shape=_mean_shape
)


def distribution_focal_loss(
    pred: Tensor, label: Tensor, *, reduction: str = "mean", weights: Tensor | None = None, normalizer: float | None = None
) -> Tensor:
    """The cross entropy of the bins on both sides of a label, of logits pred (..., bins) and label (...), which broadcast.

    The formula is that of boxgrad.distribution_focal_loss. reduction: "none" gives a tensor (...), "sum" and "mean" a scalar, summed in
    double. weights: constants that broadcast to (...). normalizer: what "mean" divides by, in place of the count.

    ValueError: shapes, fewer than 2 bins, reduction, normalizer, weights that require a gradient; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.distribution_focal_loss(torch.tensor([[0.5, 0.25, 0.25]]).log(), torch.tensor([0.0]), reduction="none")
    tensor([0.6931])
    """
    logits, y = pair("pred", pred, "label", label)
    _bins("pred", logits)
    try:
        shape = torch.broadcast_shapes(logits.shape[:-1], y.shape)
    except RuntimeError:
        raise ValueError(f"the shapes of pred without its bins {tuple(logits.shape[:-1])} and label {tuple(y.shape)} do not match") from None
    logits, y = logits.expand(*shape, logits.shape[-1]), y.expand(shape)
    return _distribution_focal(logits, y, constant("weights", weights, shape, logits), reduction=reduction, normalizer=normalizer)


def decode_distribution(logits: Tensor) -> Tensor:
    """The mean of the distribution over bins, sum of k * S_k, with the softmax S of logits (..., bins): (...). As boxgrad.decode_distribution.

    float16 and bfloat16 are computed in float32, and returned.

    ValueError: fewer than 2 bins; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.decode_distribution(torch.tensor([[0.5, 0.25, 0.25]]).log())
    tensor([0.7500])
    """
    return in_half(_distribution_decode(floats("logits", logits)), logits, logits)
