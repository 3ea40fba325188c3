"""The losses as modules: the arguments that stay the same from call to call are the module's."""

from __future__ import annotations

from typing import Any, Callable

import torch
from torch import Tensor

from . import losses
from ..overlap import _EPS


class _BoxLoss(torch.nn.Module):
    """A loss of aligned boxes: called with the predicted boxes, the true ones, and weights and a normalizer if there are."""

    _function: Callable[..., Tensor]

    def __init__(self, reduction: str = "none", eps: float = _EPS, **options: Any) -> None:
        super().__init__()
        self.reduction, self.eps, self.options = reduction, eps, options

    def forward(self, input: Tensor, target: Tensor, weights: Tensor | None = None, normalizer: float | None = None) -> Tensor:
        function = type(self)._function
        return function(input, target, reduction=self.reduction, eps=self.eps, weights=weights, normalizer=normalizer, **self.options)

    def extra_repr(self) -> str:
        """The module's arguments."""
        return ", ".join(f"{name}={value!r}" for name, value in {"reduction": self.reduction, "eps": self.eps, **self.options}.items())


class IoULoss(_BoxLoss):
    """box_iou_loss.

    >>> import torch, boxgrad.torch
    >>> loss = boxgrad.torch.IoULoss(reduction="mean", eps=0.0)
    >>> loss(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[0.0, 0.0, 2.0, 1.0]]))
    tensor(0.5000)
    """

    _function = staticmethod(losses.box_iou_loss)


class GIoULoss(_BoxLoss):
    """generalized_box_iou_loss.

    >>> import boxgrad.torch
    >>> boxgrad.torch.GIoULoss(reduction="sum")
    GIoULoss(reduction='sum', eps=1e-07)
    """

    _function = staticmethod(losses.generalized_box_iou_loss)


class DIoULoss(_BoxLoss):
    """distance_box_iou_loss."""

    _function = staticmethod(losses.distance_box_iou_loss)


class CIoULoss(_BoxLoss):
    """complete_box_iou_loss."""

    _function = staticmethod(losses.complete_box_iou_loss)


class EIoULoss(_BoxLoss):
    """efficient_box_iou_loss. gamma 0.5 is Focal-EIoU."""

    _function = staticmethod(losses.efficient_box_iou_loss)

    def __init__(self, reduction: str = "none", eps: float = _EPS, *, gamma: float = 0.0) -> None:
        super().__init__(reduction, eps, gamma=gamma)


class SIoULoss(_BoxLoss):
    """siou_loss."""

    _function = staticmethod(losses.siou_loss)

    def __init__(self, reduction: str = "none", eps: float = _EPS, *, theta: float = 4.0) -> None:
        super().__init__(reduction, eps, theta=theta)


class SmoothL1Loss(torch.nn.Module):
    """smooth_l1_loss. As torch.nn.SmoothL1Loss, whose arguments that are deprecated it has not; sigma instead of beta = 1 / sigma^2.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.SmoothL1Loss(sigma=3.0)(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor(1.6944)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0, *, sigma: float | None = None) -> None:
        super().__init__()
        self.reduction, self.beta, self.sigma = reduction, beta, sigma

    def forward(
        self, input: Tensor, target: Tensor, inside_weights: Tensor | None = None, outside_weights: Tensor | None = None
    ) -> Tensor:
        return losses.smooth_l1_loss(
            input, target, self.reduction, self.beta, sigma=self.sigma, inside_weights=inside_weights, outside_weights=outside_weights
        )

    def extra_repr(self) -> str:
        """The module's arguments."""
        return f"reduction={self.reduction!r}, " + (f"beta={self.beta}" if self.sigma is None else f"sigma={self.sigma}")
