"""The reductions of a loss."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional, Union

import numpy as np

from ._arrays import Array, output
from ._scalars import code_of, number
from .autodiff import Gradients, with_pullback

_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}

Loss = Union[Array, "np.floating[Any]"]
"""An array with reduction="none", a scalar of the same dtype otherwise."""

Run = Callable[[Optional[Array], float, Optional[ctypes.c_double], Optional[Array], Gradients], None]
Finish = Callable[[Gradients], Gradients]


def divisor_of(reduction: str, count: int, normalizer: float | None = None) -> float | None:
    """What the sum is divided by; None where nothing is summed."""
    code_of(reduction, _REDUCTIONS, "reduction")
    if normalizer is not None and reduction != "mean":
        raise ValueError(f"normalizer replaces the count of reduction='mean'; it has no meaning with {reduction!r}")
    if reduction == "mean":
        return float(max(count, 1)) if normalizer is None else number(normalizer, "normalizer")
    return 1.0 if reduction == "sum" else None


def each_of(
    divisor: float | None, out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any], *inputs: Array | None
) -> Array | None:
    """Memory for the terms, `out` or new, if they are not summed."""
    if divisor is None:
        return output(out, shape, dtype, *[x for x in inputs if x is not None])
    if out is not None:
        raise ValueError("out needs reduction='none': a sum or mean is a scalar")
    return None


def scaled(gradients: Gradients, factor: Array) -> Gradients:
    """Every gradient times the factor."""
    return tuple(None if gradient is None else gradient * factor for gradient in gradients)


def evaluate(
    run: Run,
    weights: Array | None,
    divisor: float | None,
    each: Array | None,
    dtype: np.dtype[Any],
    memory: Callable[[], Gradients] | None,
    finish: Finish = lambda gradients: gradients,
) -> Loss:
    """A loss, with its pullback if there is memory for gradients.

    run(weights, divisor, loss, each, gradients) is one call of C: the loss is the sum of `each`, which contains the
    weights, divided by the divisor. memory() is where the gradients go, None if none is wanted; finish(gradients) fits them to their
    arguments. Without a reduction, `each` is the value, and its cotangent is one more weight.
    """
    if divisor is not None:
        loss, gradients = ctypes.c_double(), (None, None) if memory is None else memory()
        run(weights, divisor, loss, None, gradients)
        value: np.floating[Any] = dtype.type(loss.value)
        if memory is None:
            return value
        finished = finish(gradients)
        return with_pullback(value, lambda cotangent: scaled(finished, cotangent), finished)

    assert each is not None
    run(weights, 1.0, None, each, (None, None))
    if memory is None:
        return each
    given = memory

    def pullback(cotangent: Array) -> Gradients:
        gradients = given()
        run(cotangent if weights is None else np.multiply(cotangent, weights, out=cotangent), 1.0, None, None, gradients)
        return finish(gradients)

    return with_pullback(each, pullback)
