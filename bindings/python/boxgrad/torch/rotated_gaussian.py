"""The losses of rotated boxes as Gaussians: fused with their gradients where they are summed."""

from __future__ import annotations

from typing import Any, Sequence

from torch import Tensor

from .._scalars import code_of
from ..rotated import ANGLES
from ..rotated_gaussian import DIVERGENCES, GWD, KFIOU_FUNCTIONS, PROBIOU_MODES, options_of, packed
from ._operators import memory, rows
from ._tensors import aligned, check_boxes, constant
from ._totals import Loss
from .rotated import loss_shape


def _call(c: Any, arguments: Sequence[Any], weights: Any, results: Sequence[Any]) -> None:
    boxes1, boxes2, _, kind, angle, numbers, codes = arguments
    (a, stride_a), (b, stride_b) = rows(boxes1), rows(boxes2)
    options = packed((*numbers, *codes))
    c.rotated_gaussian_loss(kind, angle, options, memory(a), stride_a, memory(b), stride_b, a.numel() // 5, weights, *results)


_rotated_gaussian_loss = Loss(
    "rotated_gaussian_loss", "Tensor boxes1, Tensor boxes2, Tensor? weights, int kind, int angle, float[] numbers, int[] codes", differentiable=2,
    call=_call, shape=loss_shape,
)  # fmt: skip


def _loss(
    kind: int, input: Any, target: Any, reduction: str, angle: str, weights: Any, normalizer: float | None, **options: Any
) -> Tensor:
    a, b = aligned("input", input, "target", target)
    check_boxes("input", a, 5)
    weights = None if weights is None else constant("weights", weights, a.shape[:-1], a)
    fields = options_of(**options)
    return _rotated_gaussian_loss(
        a, b, weights, kind, code_of(angle, ANGLES, "angle"), list(fields[:3]), list(fields[3:]), reduction=reduction, normalizer=normalizer
    )


def gwd_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, angle: str, fun: str = "log1p", tau: float = 1.0, alpha: float = 1.0, normalize: bool = True,
    weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * the loss of the Wasserstein distance of aligned rotated boxes (..., 5) as Gaussians. As boxgrad.gwd_loss.

    angle: the convention of both, as in rotated_box_iou. The options and their defaults are mmrotate's. reduction, weights and normalizer are those of
    box_iou_loss. With a reduction, the forward pass computes the gradients, too.

    ValueError: shape, angle, fun, reduction, an option outside its range, a normalizer that is not positive though there are boxes, weights that
    require a gradient; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[0.0, 0.0, 4.0, 4.0, 0.0]]), torch.tensor([[3.0, 4.0, 4.0, 4.0, 30.0]])
    >>> boxgrad.torch.gwd_loss(input, target, "mean", angle="degrees-cw", fun="none")
    tensor(0.5556)
    """
    options = {"fun": fun, "tau": tau, "alpha": alpha, "normalized": bool(normalize)}
    return _loss(GWD, input, target, reduction, angle, weights, normalizer, **options)


def kld_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, angle: str, fun: str = "log1p", tau: float = 1.0, alpha: float = 1.0, sqrt: bool = True, direction: str = "forward",
    weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * the loss of the Kullback-Leibler divergence of aligned rotated boxes (..., 5). As boxgrad.kld_loss; otherwise as gwd_loss.

    direction: "forward", "jeffreys", "max" or "min" (mmrotate's losses "kld", "jd", "kld_symmax" and "kld_symmin").

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[0.0, 0.0, 4.0, 4.0, 0.0]]), torch.tensor([[3.0, 4.0, 4.0, 4.0, 30.0]])
    >>> boxgrad.torch.kld_loss(input, target, "mean", angle="degrees-cw", fun="none", tau=0.0)
    tensor(1.7678)
    """
    options = {"fun": fun, "tau": tau, "alpha": alpha, "root": bool(sqrt)}
    return _loss(code_of(direction, DIVERGENCES, "direction"), input, target, reduction, angle, weights, normalizer, **options)


def kfiou_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, angle: str, fun: str = "none", eps: float = 1e-6, weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - KFIoU), -log(KFIoU + eps) or exp(1 - KFIoU) - 1 of aligned rotated boxes (..., 5). As boxgrad.kfiou_loss; otherwise as gwd_loss.

    fun: "none", "ln" or "exp".

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[0.0, 0.0, 4.0, 2.0, 0.0]]), torch.tensor([[0.0, 0.0, 2.0, 4.0, 90.0]])
    >>> boxgrad.torch.kfiou_loss(input, target, "mean", angle="degrees-cw", eps=0.0)
    tensor(0.6667)
    """
    return _loss(code_of(fun, KFIOU_FUNCTIONS, "fun"), input, target, reduction, angle, weights, normalizer, eps=eps)


def probiou_loss(
    input: Tensor, target: Tensor, reduction: str = "none",
    *, angle: str, mode: str = "hellinger", weights: Tensor | None = None, normalizer: float | None = None,
) -> Tensor:  # fmt: skip
    """weights * (1 - ProbIoU) of aligned rotated boxes (..., 5) as Gaussians. As boxgrad.probiou_loss; otherwise as gwd_loss.

    mode: "hellinger", or "bhattacharyya" for the distance B of which it is sqrt(1 - exp(-B)).

    >>> import torch, boxgrad.torch
    >>> input, target = torch.tensor([[0.0, 0.0, 6.0, 6.0, 0.0]]), torch.tensor([[3.0, 4.0, 6.0, 6.0, 0.0]])
    >>> boxgrad.torch.probiou_loss(input, target, "mean", angle="radians-cw")
    tensor(0.8044)
    """
    return _loss(code_of(mode, PROBIOU_MODES, "mode"), input, target, reduction, angle, weights, normalizer)
