"""Distances that are predicted as distributions over bins: their loss, and their mean (Li 2020; YOLO from v8 on)."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import numpy.typing as npt

from ._arrays import Array, broadcast_shape, constant, gradient_of, operand, operands, output, rows, stretched, sum_to_shape
from ._library import library_of
from ._reduction import Loss, divisor_of, each_of, evaluate
from .autodiff import Gradients, differentiable, with_pullback


def _bins(name: str, logits: Array) -> int:
    """How many bins a row of logits has."""
    if logits.ndim == 0 or logits.shape[-1] < 2:
        raise ValueError(f"{name} must have the shape (..., bins) with at least 2 bins, not {logits.shape}")
    return int(logits.shape[-1])


@differentiable("pred", "label")
def distribution_focal_loss(
    pred: npt.ArrayLike, label: npt.ArrayLike, *, reduction: str = "mean", weights: npt.ArrayLike | None = None,
    normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """The cross entropy of the bins on both sides of a label, (i + 1 - y) * -log S_i + (y - i) * -log S_(i+1).

    S is the softmax of the logits pred (..., bins), y the label (...) clamped to [0, bins - 1.01], and i = floor(y). The
    sides of a box are four rows: pred (N, 4, bins), label (N, 4). Shapes broadcast. reduction: "none" gives an array (...),
    "sum" and "mean" a scalar of its dtype, summed in double; the mean of nothing is 0. weights: constants that broadcast
    to (...). normalizer: what "mean" divides by, in place of the count. out: with "none". After mmdetection's
    distribution_focal_loss, whose bins are n + 1, with the clamp of ultralytics' DFLoss (Li 2020).
    Gradient: S less the shares of y for pred; pred[i] - pred[i + 1] for label, which passes the clamps at their bounds.
    A logit of -inf is a bin without probability: the loss is infinite if it has a share of y.

    ValueError: shapes, fewer than 2 bins, reduction, normalizer, out; TypeError: dtype.

    >>> import boxgrad, numpy as np
    >>> boxgrad.distribution_focal_loss(np.log([[0.5, 0.25, 0.25]]), [0.0], reduction="none").round(6)
    array([0.693147])
    """
    logits, wanted_pred, y, wanted_label = operands("pred", pred, "label", label)
    bins, dtype = _bins("pred", logits), logits.dtype
    shape = broadcast_shape("pred without its bins", logits.shape[:-1], "label", y.shape)
    rows_shape, count = (*shape, bins), math.prod(shape)
    first, stride = rows(stretched(logits, rows_shape), bins)
    packed = np.ascontiguousarray(stretched(y, shape))
    scale = constant(weights, "weights", shape, dtype)
    divisor = divisor_of(reduction, count, normalizer)
    each = each_of(divisor, out, shape, dtype, logits, y, scale)
    function = library_of[dtype].distribution_focal

    def run(scale: Array | None, divisor: float, loss: ctypes.c_double | None, each: Array | None, gradients: Gradients) -> None:
        function(first, stride, packed, count, bins, scale, divisor, loss, each, *gradients)

    if not (wanted_pred or wanted_label):
        return evaluate(run, scale, divisor, each, dtype, None)
    return evaluate(
        run, scale, divisor, each, dtype,
        lambda: (gradient_of(wanted_pred, rows_shape, dtype), gradient_of(wanted_label, shape, dtype)),
        lambda gradients: tuple(sum_to_shape(gradient, x.shape) for gradient, x in zip(gradients, (logits, y))),
    )  # fmt: skip


@differentiable("logits")
def decode_distribution(logits: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The mean of the distribution over bins, sum of k * S_k, with the softmax S of logits (..., bins): (...).

    In units of a bin. mmdetection's Integral and ultralytics' DFL take the four sides of a box in one row: reshape it to
    (N, 4, bins). decode_distribution's inverse is the target of distribution_focal_loss. Gradient: S_k * (k - value).

    ValueError: fewer than 2 bins, out; TypeError: dtype.

    >>> import boxgrad, numpy as np
    >>> boxgrad.decode_distribution(np.log([[0.5, 0.25, 0.25]]))
    array([0.75])
    """
    array, wanted = operand("logits", logits)
    bins, dtype, shape = _bins("logits", array), array.dtype, array.shape[:-1]
    count = math.prod(shape)
    (first, stride), value = rows(array, bins), output(out, shape, dtype, array)
    library_of[dtype].distribution_decode(first, stride, count, bins, value)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient = np.empty(array.shape, dtype)
        library_of[dtype].distribution_decode_grad(first, stride, count, bins, cotangent, gradient)
        return (gradient,)

    return with_pullback(value, pullback)
