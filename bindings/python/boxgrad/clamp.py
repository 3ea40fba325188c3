"""Clamping values to bounds: the hard clip, with three gradients."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ._arrays import Array, operand, output
from ._library import library_of
from ._scalars import code_of, number
from .autodiff import Gradients, differentiable, with_pullback

_MODES = {"hard": 0, "straight_through": 1, "inward": 2}


@differentiable("x")
def clip(
    x: npt.ArrayLike, min: float | None = None, max: float | None = None, *, mode: str = "hard", out: Array | None = None
) -> Array:
    """min(max(x, lower bound), upper bound), elementwise. After torch.clamp and numpy.clip.

    A value beyond a bound is replaced by it, and its gradient ends there: training cannot bring it back. `mode` changes
    the gradient only: "hard" is the derivative, 1 within and on the bounds, 0 beyond them and for NaN;
    "straight_through" is 1 everywhere; "inward" is 0 only where a descent step would push x further out, so that a clipped
    value can return. A bound of None is none. NaN stays NaN. `out` may be `x` itself.

    ValueError: a NaN bound, min > max, an unknown mode, out; TypeError: dtype.

    >>> import boxgrad
    >>> value, pullback = boxgrad.vjp(boxgrad.clip, [-3.0, 0.3, 2.0], -1, 1)
    >>> value, pullback(1.0)[0]
    (array([-1. ,  0.3,  1. ]), array([0., 1., 0.]))
    """
    array, wanted = operand("x", x)
    low, high = -math.inf if min is None else number(min, "min"), math.inf if max is None else number(max, "max")
    if not low <= high:
        raise ValueError(f"min and max must be numbers with min <= max, not {min} and {max}")
    code = code_of(mode, _MODES, "mode")
    value = output(out, array.shape, array.dtype, array, in_place=not wanted)
    packed = np.ascontiguousarray(array)
    library_of[array.dtype].clip(packed, packed.size, low, high, value)
    if not wanted:
        return value

    def pullback(cotangent: Array) -> Gradients:
        library_of[array.dtype].clip_grad(packed, packed.size, low, high, cotangent, code, cotangent, None)
        return (cotangent,)

    return with_pullback(value, pullback)
