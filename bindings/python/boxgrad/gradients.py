"""Clipping of gradients by norm and by value, over any number of arrays, after torch.nn.utils.

What these functions take is called *gradients* below: a NumPy array, a torch tensor's or any other object's `.grad`, or an
iterable of such; float16, bfloat16 (ml_dtypes or torch), float32 and float64 may be mixed. None, and objects whose `.grad`
is None, are skipped. An object that has a `.grad` is never touched itself. What is listed twice counts twice and is
scaled twice, as in torch. Functions whose name ends in `_` change the gradients in place, contiguous or not, and change
none if they fail.
"""

from __future__ import annotations

import collections
import math
import sys
from typing import Any, Dict, Iterable, NamedTuple, Optional, Protocol, Tuple, Union

import numpy as np
import numpy.typing as npt

from ._arrays import Array, code_of, host_tensor, is_tensor, number, to_numpy
from ._library import TENSOR, library

_DTYPES = {"f": 0, "d": 1, "e": 2}  # by NumPy's letter
_BFLOAT16 = 3  # ml_dtypes' or torch's: NumPy has none
_ON_NONFINITE = {"propagate": 0, "error": 1, "skip": 2, "zero": 3}


class HasGrad(Protocol):
    """A parameter: torch's, or any object with an attribute `grad`."""

    @property
    def grad(self) -> Any: ...


Gradients = Union[Array, HasGrad, Iterable[Union[Array, HasGrad, None]]]


def _listed(gradients: Any) -> list[Any]:
    if gradients is None or isinstance(gradients, np.ndarray) or hasattr(gradients, "grad"):
        return [gradients]
    try:
        return list(gradients)
    except TypeError:
        raise TypeError(f"expected gradients, an array or a list of arrays, not {type(gradients).__name__}") from None


_Copies = Dict[Tuple[int, Tuple[int, ...], Tuple[int, ...]], Array]
"""Packed copies by the memory they are of: one listed twice has one copy, as it has one memory."""


class _Gradient(NamedTuple):
    """One gradient: the caller's array, and that array or a copy of it as C can read it."""

    array: Array
    packed: Array
    dtype: int


class _Gradients:
    """The gradients in the caller's order, None where there is none: C's indices are the caller's."""

    def __init__(self, given: Gradients, *, in_place: bool) -> None:
        copies: _Copies = {}
        self.items = [_gradient(x, index, in_place, copies) for index, x in enumerate(_listed(given))]
        tensors = [(0, 0, 0, 0) if x is None else (x.packed.ctypes.data, x.packed.size, x.dtype, 0) for x in self.items]
        self.tensors = np.array(tensors, TENSOR)

    def write_back(self) -> None:
        """Copies to the caller's array what C did to a copy of it."""
        for item in self.items:
            if item is not None and item.packed is not item.array and (item.packed != item.array).any():
                item.array[...] = item.packed


def _gradient(x: Any, index: int, in_place: bool, copies: _Copies) -> Optional[_Gradient]:
    name = f"gradient {index}"
    computed = is_tensor(x) and not x.is_leaf and not x.retains_grad  # by torch, whose .grad would only warn
    gradient = None if computed else getattr(x, "grad", x)
    if gradient is None and not in_place and is_tensor(x) and type(x).__name__ == "Tensor" and (computed or not x.requires_grad):
        gradient = x  # a tensor that can have no gradient is one
    if gradient is None:
        return None
    array, dtype = _as_array(gradient, name, in_place)
    if dtype is None:
        raise TypeError(f"{name} has dtype {array.dtype}; it must be float16, bfloat16, float32 or float64")
    if in_place and not array.flags.writeable:
        raise ValueError(f"{name} is read-only and cannot be changed in place")
    ready = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
    if ready:
        return _Gradient(array, array, dtype)
    memory = array.ctypes.data, array.shape, array.strides
    if memory not in copies:
        copies[memory] = np.array(array, array.dtype.newbyteorder("="), order="C")
    return _Gradient(array, copies[memory], dtype)


def _as_array(gradient: Any, name: str, in_place: bool) -> tuple[Array, int | None]:
    """The gradient's memory as an array, and C's code for its dtype."""
    if is_tensor(gradient):
        tensor = host_tensor(gradient, name)
        if str(tensor.dtype) == "torch.bfloat16":
            return tensor.view(sys.modules["torch"].int16).numpy(), _BFLOAT16
        gradient = tensor.numpy()
    if not isinstance(gradient, np.ndarray):
        if in_place or not hasattr(gradient, "__array__"):
            raise TypeError(f"{name} is a {type(gradient).__name__}, neither an array nor an object with a .grad")
        gradient = to_numpy(gradient, name)
    dtype = gradient.dtype
    return gradient, _BFLOAT16 if dtype.kind == "V" and dtype.name == "bfloat16" else _DTYPES.get(dtype.char)


def _norm_order(norm_type: float) -> float:
    p = number(norm_type, "norm_type")
    if not p > 0:
        raise ValueError(f"norm_type must be positive, not {norm_type}")
    return p


def _not_negative(value: float, name: str) -> float:
    checked = number(value, name)
    if not checked >= 0:
        raise ValueError(f"{name} must not be negative or NaN, not {value}")
    return checked


def get_total_norm(tensors: Gradients, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> float:
    """(sum of |x|^p)^(1/p) over all elements of all gradients; the largest |x| for p = inf; 0 for none.

    Computed in double, rescaled where that would overflow: within 1e-13 for p = 1, 2, inf. After
    torch.nn.utils.get_total_norm; like it, takes plain torch tensors for gradients.

    NonFiniteError: error_if_nonfinite, and the norm is infinite or NaN; ValueError: norm_type is not positive;
    TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> boxgrad.get_total_norm([np.array([3.0]), None, np.array([4.0], np.float32)])
    5.0
    """
    gradients, p, total = _Gradients(tensors, in_place=False), _norm_order(norm_type), np.empty(())
    if error_if_nonfinite:  # clipping to infinity only measures
        code = _ON_NONFINITE["error"]
        library.clip_grad_norm(gradients.tensors, len(gradients.tensors), math.inf, p, 0.0, code, total)
    else:
        library.grad_norm(gradients.tensors, len(gradients.tensors), p, total, None, None)
    return float(total)


def per_tensor_norms(tensors: Gradients, norm_type: float = 2.0) -> npt.NDArray[np.float64]:
    """The norm of each gradient by itself, as get_total_norm; those that are None are left out.

    >>> import boxgrad, numpy as np
    >>> boxgrad.per_tensor_norms([np.array([3.0, 4.0]), np.array([1.0])])
    array([5., 1.])
    """
    gradients = _Gradients(tensors, in_place=False)
    norms = np.empty(len(gradients.items))
    library.grad_norm(gradients.tensors, len(norms), _norm_order(norm_type), None, norms, None)
    return norms[[item is not None for item in gradients.items]]


def combine_norms(norms: npt.ArrayLike, norm_type: float = 2.0) -> float:
    """(sum of norms^p)^(1/p): the norm of the whole, given those of its parts (tensors, shards, machines).

    ValueError: norm_type is not positive.

    >>> import boxgrad
    >>> boxgrad.combine_norms([3.0, 4.0])
    5.0
    """
    parts = np.ascontiguousarray(norms, np.float64)
    total = np.empty(())
    library.grad_norm_combine(parts, parts.size, _norm_order(norm_type), total)
    return float(total)


def clip_grad_norm_(
    parameters: Gradients,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    *,
    on_nonfinite: str = "propagate",
    eps: float = 1e-6,
) -> float:
    """Scales the gradients in place by max_norm / (total + eps), unless that is >= 1; returns the total norm before.

    After torch.nn.utils.clip_grad_norm_ (Pascanu 2013). on_nonfinite says what becomes of an infinite or NaN total:
    "propagate" scales all the same, as torch does, so that the gradients become 0 or NaN; "error" raises NonFiniteError
    and changes nothing, as error_if_nonfinite=True does; "skip" changes nothing; "zero" makes every gradient 0.
    max_norm=inf only measures.

    ValueError: max_norm or eps negative or NaN, norm_type not positive, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradients = [np.array([3.0, 0.0]), np.array([4.0])]
    >>> boxgrad.clip_grad_norm_(gradients, max_norm=1.0)
    5.0
    >>> gradients[0].round(6)
    array([0.6, 0. ])
    """
    code = code_of("error" if error_if_nonfinite else on_nonfinite, _ON_NONFINITE, "on_nonfinite")
    gradients, total = _Gradients(parameters, in_place=True), np.empty(())
    limit, p, eps = number(max_norm, "max_norm"), _norm_order(norm_type), number(eps, "eps")
    library.clip_grad_norm(gradients.tensors, len(gradients.tensors), limit, p, eps, code, total)
    gradients.write_back()
    return float(total)


def clip_grads_with_norm_(parameters: Gradients, max_norm: float, total_norm: float, *, eps: float = 1e-6) -> None:
    """Scales the gradients in place by max_norm / (total_norm + eps), unless that is >= 1.

    The second half of clip_grad_norm_, for a total norm that is already known. After torch.nn.utils.clip_grads_with_norm_.

    ValueError: max_norm, total_norm or eps negative or NaN, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([3.0, 4.0])
    >>> boxgrad.clip_grads_with_norm_(gradient, 1.0, total_norm=10.0)
    >>> gradient.round(6)
    array([0.3, 0.4])
    """
    limit, divisor = _not_negative(max_norm, "max_norm"), _not_negative(total_norm, "total_norm") + _not_negative(eps, "eps")
    if limit < divisor:
        scale_grads_(parameters, limit / divisor)


def clip_grad_value_(parameters: Gradients, clip_value: float) -> None:
    """Clamps every element of the gradients to [-clip_value, clip_value] in place. NaN stays NaN.

    After torch.nn.utils.clip_grad_value_.

    ValueError: clip_value negative or NaN, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([-3.0, 0.5])
    >>> boxgrad.clip_grad_value_(gradient, 1.0)
    >>> gradient
    array([-1. ,  0.5])
    """
    gradients, limit = _Gradients(parameters, in_place=True), _not_negative(clip_value, "clip_value")
    library.clip_grad_value(gradients.tensors, len(gradients.tensors), limit)
    gradients.write_back()


def scale_grads_(parameters: Gradients, coefficient: float) -> None:
    """Multiplies every element of the gradients by the coefficient in place.

    ValueError: a coefficient that is not finite, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([3.0, 4.0])
    >>> boxgrad.scale_grads_(gradient, 0.5)
    >>> gradient
    array([1.5, 2. ])
    """
    gradients = _Gradients(parameters, in_place=True)
    library.grad_scale(gradients.tensors, len(gradients.tensors), number(coefficient, "coefficient"))
    gradients.write_back()


class GradNormMonitor:
    """Records total gradient norms and answers the question which max_norm to choose: a percentile of them.

    clip_ does so at every step (AutoClip: Seetharaman 2020). history: how many norms to remember, None for all. Norms that are
    infinite or NaN are not recorded.

    >>> import boxgrad, numpy as np
    >>> monitor = boxgrad.GradNormMonitor()
    >>> for scale in (1.0, 2.0, 9.0):
    ...     norm = monitor.record([np.array([scale, 0.0])])
    >>> monitor.suggest(percentile=50)
    2.0
    """

    def __init__(self, norm_type: float = 2.0, history: int | None = None) -> None:
        """ValueError: norm_type is not positive."""
        self.norm_type = _norm_order(norm_type)
        self._norms: collections.deque[float] = collections.deque(maxlen=history)

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """The recorded norms, the oldest first."""
        return np.array(self._norms, np.float64)

    def record(self, parameters: Gradients) -> float:
        """Measures the gradients' total norm, records it and returns it."""
        total = get_total_norm(parameters, self.norm_type)
        if math.isfinite(total):
            self._norms.append(total)
        return total

    def suggest(self, percentile: float = 10.0) -> float:
        """The percentile of the recorded norms, from 0 to 100. ValueError: there are none yet."""
        if not self._norms:
            raise ValueError("no norm has been recorded yet")
        return float(np.percentile(self._norms, percentile))

    def clip_(self, parameters: Gradients, percentile: float = 10.0) -> float:
        """Records the total norm, then scales the gradients down to the percentile of all so far; returns the norm before.

        Where the norm is infinite or NaN, the gradients are left as they are.
        """
        parameters = _listed(parameters)  # a generator can be read only once
        total = self.record(parameters)
        if math.isfinite(total):
            clip_grads_with_norm_(parameters, self.suggest(percentile), total)
        return total
