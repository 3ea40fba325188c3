"""A norm whose bits depend on the elements alone: not on their order, nor on how calls, threads and machines divide them."""

from __future__ import annotations

import ctypes
import math
from typing import Union

import numpy as np
import numpy.typing as npt

from ._library import library
from .gradient_norm import Gradients, Order, _Gradients, norm_order

_SIZE = 22
_SIZE_WITH_FLOAT64 = 136


class ExactNorm:
    """(sum of |x|^p)^(1/p) of gradients that come in parts, for p = 1, 2 and inf, rounded once.

    The sum is kept as an integer of 640 bits, so that adding to it never rounds, and two sums merge exactly. `state` is the sum itself, in
    22 int64, or 136 with float64=True, which takes float64 gradients too. It may be stored, sent to any machine, and merged there: by
    merge(), or for p = 1 and 2 by an all-reduce that adds integers, for p = inf by one that takes the maximum. NaN anywhere makes the norm
    NaN, else infinity makes it infinite; the norm of nothing is 0.

    add() takes what get_total_norm takes. An ExactNorm whose call failed is as it was before.

    ValueError: norm_type is not 1, 2 or inf, a state of another size; TypeError: dtype, device; float64 gradients without float64=True.

    >>> import boxgrad, numpy as np
    >>> first, second = boxgrad.ExactNorm(), boxgrad.ExactNorm()
    >>> first.add([np.float32([3.0]), np.float16([0.0])])
    >>> second.add(np.float32([4.0]))
    >>> first.merge(second)
    >>> first.value
    5.0
    """

    def __init__(self, norm_type: Order = 2.0, *, float64: bool = False, state: npt.NDArray[np.int64] | None = None) -> None:
        """state: that of another norm, which is copied."""
        self.norm_type = norm_order(norm_type)
        if self.norm_type not in (1, 2, math.inf):
            raise ValueError(f"norm_type must be 1, 2 or inf, not {norm_type}")
        self.state: npt.NDArray[np.int64] = np.empty(_SIZE_WITH_FLOAT64 if float64 else _SIZE, np.int64)
        library.exact_norm_begin(self.state, self.state.size)
        if state is not None:
            self.state[...] = self._checked(state, "state")

    def _checked(self, state: Union[ExactNorm, npt.NDArray[np.int64]], name: str) -> npt.NDArray[np.int64]:
        if isinstance(state, ExactNorm):
            if state.norm_type != self.norm_type:
                raise ValueError(f"{name} has the norm_type {state.norm_type}, and this norm {self.norm_type}")
            state = state.state
        array = np.asarray(state)
        if array.dtype != np.int64 or array.shape != self.state.shape:
            raise ValueError(f"{name} must have {self.state.size} int64, not {array.dtype} of the shape {array.shape}")
        return np.ascontiguousarray(array)

    def add(self, tensors: Gradients) -> None:
        """Adds the elements of gradients."""
        gradients = _Gradients(tensors, "ExactNorm.add", in_place=False)
        try:
            library.exact_norm_add(self.state, self.state.size, gradients.tensors, gradients.count, self.norm_type)
        except TypeError as error:  # of C, which has no argument of this name
            raise TypeError(str(error).replace("a state of the larger size", "ExactNorm(float64=True)")) from None

    def merge(self, other: Union[ExactNorm, npt.NDArray[np.int64]]) -> None:
        """Adds the elements of another norm, or of its state."""
        library.exact_norm_merge(self.state, self._checked(other, "other"), self.state.size, self.norm_type)

    @property
    def value(self) -> float:
        """The norm of all that was added, which is the double nearest to it."""
        norm = ctypes.c_double()
        library.exact_norm_finish(self.state, self.state.size, self.norm_type, norm)
        return norm.value

    def __repr__(self) -> str:
        return f"ExactNorm(norm_type={self.norm_type:g}, value={self.value!r})"
