"""Smooth L1, in the notation of torch (beta) and of Fast R-CNN (sigma, inside and outside weights), and balanced L1."""

from __future__ import annotations

import ctypes
import math
from typing import Any, Callable, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, broadcast_shape, constant, gradient_of, operands, stretched, sum_to_shape
from ._library import library_of
from ._reduction import Loss, divisor_of, each_of, evaluate
from ._scalars import integers, number
from .autodiff import Gradients, differentiable


def _sigma(beta: float, sigma: float | None) -> float:
    if sigma is not None:
        if beta != 1.0:
            raise TypeError("beta and sigma are two names of one thing, beta = 1 / sigma^2: give one of them")
        return number(sigma, "sigma")
    beta = number(beta, "beta")
    if not 0 <= beta < math.inf:
        raise ValueError(f"beta must be a finite number, not negative, not {beta}")
    return 1 / math.sqrt(beta) if beta else math.inf


def _remaining(shape: tuple[int, ...], dim: int | Sequence[int]) -> int:
    """How many sums are left of an array that is summed over the axes `dim`."""
    axes = integers(dim, "dim")
    summed = {axis % len(shape) for axis in axes if -len(shape) <= axis < len(shape)}
    if len(summed) < len(axes):
        raise ValueError(f"dim must name different axes of an array of {len(shape)} dimensions, not {dim}")
    return math.prod(n for axis, n in enumerate(shape) if axis not in summed)


@differentiable("input", "target")
def smooth_l1_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, *, beta: float = 1.0, sigma: float | None = None,
    inside_weights: npt.ArrayLike | None = None, outside_weights: npt.ArrayLike | None = None,
    dim: int | Sequence[int] | None = None, reduction: str = "mean", out: Array | None = None,
) -> Loss:  # fmt: skip
    """outside * l(inside * (input - target)), with l(d) = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.

    input, target: arrays, which broadcast. sigma: instead of beta = 1 / sigma^2; beta=0, sigma=inf is plain L1. Weights are
    constants that broadcast to input. reduction: "none" gives the array, "sum" and "mean" a scalar of its dtype,
    summed in double; the mean of nothing is 0. dim: with "mean", sums over these axes and then takes the mean over the rest,
    as Faster R-CNN does. out: with "none". Gradient: that of the branch taken, 0 at 0. (Girshick 2015; sigma and the
    weights: py-faster-rcnn; beta: torch.nn.functional.smooth_l1_loss.)

    ValueError: shapes, a negative beta, dim, reduction; TypeError: dtype, beta and sigma together.

    >>> import boxgrad
    >>> boxgrad.smooth_l1_loss([0.5, 3.0], [0.0, 0.0], reduction="none")
    array([0.125, 2.5  ])
    >>> print(boxgrad.smooth_l1_loss([[0.5, 3.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], sigma=1.0, dim=1))
    1.3125
    """
    scalars = (_sigma(beta, sigma),)
    return _of_differences(lambda of: of.smooth_l1, scalars, input, target, inside_weights, outside_weights, dim, reduction, out)


@differentiable("input", "target")
def rotated_smooth_l1_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, *, angle_period: float = math.pi, beta: float = 1.0, sigma: float | None = None,
    inside_weights: npt.ArrayLike | None = None, outside_weights: npt.ArrayLike | None = None,
    dim: int | Sequence[int] | None = None, reduction: str = "mean", out: Array | None = None,
) -> Loss:  # fmt: skip
    """smooth_l1_loss of the deltas of rotated boxes (..., 5), whose angles that differ by whole periods do not differ.

    The last number of target is first moved by the whole number of periods that bring it nearest to that of input: a constant, through which no gradient flows.
    angle_period: half a turn in the unit of that number, so pi for encode_rotated_boxes; with norm_factor 1 / norm_factor; each / the std of the angle. input and target have
    one shape. Otherwise as smooth_l1_loss. At half a period, where the gradient jumps, it is that of one side.

    ValueError: shapes, angle_period not positive and finite, a negative beta, dim, reduction; TypeError: dtype, beta and sigma together.

    >>> import boxgrad
    >>> boxgrad.rotated_smooth_l1_loss([[0.0, 0, 0, 0, 0.25]], [[0.0, 0, 0, 0, 1.125]], angle_period=1, reduction="none")
    array([[0.       , 0.       , 0.       , 0.       , 0.0078125]])
    """
    array, wanted, array_target, wanted_target = operands("input", input, "target", target)
    moved = Marked(without_periods(array, array_target, period_of(angle_period)), wanted_target)
    scalars = (_sigma(beta, sigma),)
    return _of_differences(lambda of: of.smooth_l1, scalars, Marked(array, wanted), moved, inside_weights, outside_weights, dim, reduction, out)


def period_of(angle_period: float) -> float:
    period = number(angle_period, "angle_period")
    if not 0 < period < math.inf:
        raise ValueError(f"angle_period must be a positive finite number, not {angle_period}")
    return period


def without_periods(array: Array, target: Array, period: float) -> Array:
    """The target with its angles nearest to those of the array, whole periods away."""
    if array.shape != target.shape or array.shape[-1:] != (5,):
        raise ValueError(f"input and target must have the shape (..., 5), the same, not {array.shape} and {target.shape}")
    moved = target.copy()
    with np.errstate(invalid="ignore", over="ignore"):
        moved[..., 4] -= period * np.round((target[..., 4] - array[..., 4]) / period)
    return moved


@differentiable("input", "target")
def balanced_l1_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, *, beta: float = 1.0, alpha: float = 0.5, gamma: float = 1.5,
    inside_weights: npt.ArrayLike | None = None, outside_weights: npt.ArrayLike | None = None,
    dim: int | Sequence[int] | None = None, reduction: str = "mean", out: Array | None = None,
) -> Loss:  # fmt: skip
    """outside * l(abs(inside * (input - target))), for which small differences count more than for smooth L1:

        l(d) = alpha / b * (b d + 1) * log(b d / beta + 1) - alpha d where d < beta, else gamma d + gamma / b - alpha beta

    with b = exp(gamma / alpha) - 1. Otherwise as smooth_l1_loss. After mmdetection's balanced_l1_loss (Pang 2019).
    Gradient: that of the branch taken, 0 at d = 0. With another beta than 1 it jumps there and at d = beta.

    ValueError: shapes, alpha, beta or gamma not positive, dim, reduction; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.balanced_l1_loss([0.5, 3.0], [0.0, 0.0], reduction="none").round(6)
    array([0.400568, 4.078594])
    """
    scalars = number(alpha, "alpha"), number(gamma, "gamma"), number(beta, "beta")
    return _of_differences(lambda of: of.balanced_l1, scalars, input, target, inside_weights, outside_weights, dim, reduction, out)


def _of_differences(
    function_of: Callable[[Any], Callable[..., None]], scalars: tuple[float, ...], input: npt.ArrayLike, target: npt.ArrayLike,
    inside_weights: npt.ArrayLike | None, outside_weights: npt.ArrayLike | None, dim: int | Sequence[int] | None, reduction: str,
    out: Array | None,
) -> Loss:  # fmt: skip
    """The loss that is a function of C, one of those of the dtype, which takes these scalars."""
    array, wanted, array_target, wanted_target = operands("input", input, "target", target)
    shape, dtype = broadcast_shape("input", array.shape, "target", array_target.shape), array.dtype
    size = math.prod(shape)
    if dim is not None and reduction != "mean":
        raise ValueError(f"dim says what to sum before the mean; it has no meaning with reduction={reduction!r}")
    p, t = np.ascontiguousarray(stretched(array, shape)), np.ascontiguousarray(stretched(array_target, shape))
    inside = constant(inside_weights, "inside_weights", shape, dtype)
    outside = constant(outside_weights, "outside_weights", shape, dtype)
    divisor = divisor_of(reduction, size if dim is None else _remaining(shape, dim))
    each = each_of(divisor, out, shape, dtype, array, array_target, inside, outside)
    function = function_of(library_of[dtype])

    def run(
        outside: Array | None, divisor: float, loss: ctypes.c_double | None, each: Array | None, gradients: Gradients
    ) -> None:
        function(p, t, inside, outside, size, *scalars, divisor, loss, each, *gradients)

    if not (wanted or wanted_target):
        return evaluate(run, outside, divisor, each, dtype, None)
    return evaluate(
        run, outside, divisor, each, dtype,
        lambda: (gradient_of(wanted, shape, dtype), gradient_of(wanted_target, shape, dtype)),
        lambda gradients: tuple(sum_to_shape(gradient, x.shape) for gradient, x in zip(gradients, (array, array_target))),
    )  # fmt: skip
