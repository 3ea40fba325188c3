"""Clipping of gradients by norm and by value, over any number of arrays, after torch.nn.utils.

What these functions take is called *gradients* below: a NumPy array, a torch tensor's or any other object's `.grad`, or an
iterable of such; float16, bfloat16 (ml_dtypes or torch), float32 and float64 may be mixed. None, and objects whose `.grad`
is None, are skipped. A generator that yields nothing was probably gone through before: a UserWarning says so, as in torch. An object that has a `.grad` is never touched itself. What is listed twice counts twice and is
scaled twice, as in torch. Functions whose name ends in `_` change the gradients in place, contiguous or not, and change
none if they fail; they refuse a gradient whose memory has gaps if another one overlaps it. `foreach`, by which torch chooses
among its kernels, is taken where torch has it, and changes nothing. `norm_type` may be the word "inf".
"""

from __future__ import annotations

import collections
import collections.abc
import ctypes
import math
import sys
import warnings
from typing import Any, Iterable, Literal, Optional, Protocol, Tuple, Union

import numpy as np
import numpy.typing as npt

from ._arrays import FLOAT32, FLOAT64, Array, host_tensor, is_tensor, refuse_masked, tensor_array, to_floats, to_numpy
from ._library import PARAMETER, TENSOR, address, library
from ._scalars import code_of, integer, number
from .errors import NonFiniteError

_DTYPES: dict[Any, int] = {FLOAT32: 0, FLOAT64: 1, np.dtype(np.float16): 2}
_BFLOAT16 = 3  # ml_dtypes' or torch's: NumPy has none
_EPS = 1e-6
"""What torch adds to the total norm before it divides by it."""

_ON_NONFINITE = {"propagate": 0, "error": 1, "skip": 2, "zero": 3}


class HasGrad(Protocol):
    """A parameter: torch's, or any object with an attribute `grad`."""

    @property
    def grad(self) -> Any: ...


Gradients = Union[Array, HasGrad, Iterable[Union[Array, HasGrad, None]]]
Order = Union[float, Literal["inf"]]


def _listed(gradients: Any) -> list[Any]:
    if gradients is None or isinstance(gradients, np.ndarray) or hasattr(gradients, "grad"):
        return [gradients]
    try:
        return list(gradients)
    except TypeError:
        raise TypeError(f"expected gradients, an array or a list of arrays, not {type(gradients).__name__}") from None


class _Gradients:
    """The gradients as C reads them, empty ones where there is none: C's indices are the caller's."""

    def __init__(self, given: Gradients, function: str, *, in_place: bool, tensors_too: bool = False, ordered: bool = False) -> None:
        self.listed = listed = _listed(given)
        self.ordered = ordered
        self.count = len(listed)
        self.used_up = not listed and isinstance(given, collections.abc.Iterator)
        if self.used_up:
            warnings.warn(
                f"{function} was given a generator that yields nothing, so that no gradient is measured or changed; "
                "one that was gone through before yields nothing again, and a list does",
                stacklevel=3,  # the caller of the function
            )
        self.tensors = bytearray(TENSOR.size * self.count)
        self.arrays: dict[int, Array] = {}
        self._copies: dict[_Memory, tuple[Array, Array]] = {}  # of one listed twice there is one copy, as it has one memory
        for index, x in enumerate(listed):
            array, dtype = _gradient(x, index, in_place, tensors_too or not in_place)
            if array is None:
                continue
            if in_place and not array.flags.writeable:
                raise ValueError(f"gradient {index} is read-only and cannot be changed in place")
            self.arrays[index] = array
            packed = array if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative else self._packed(array)
            TENSOR.pack_into(self.tensors, index * TENSOR.size, address(packed), packed.size, dtype, 0)
        if in_place and self._copies:
            self._refuse_overlaps()

    def _packed(self, array: Array) -> Array:
        """The elements in any order, unless they must be ordered: a view if there are no gaps between them, such as torch's
        channels_last; otherwise a copy."""
        view = array if self.ordered else array.transpose(sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True))
        if view.flags.c_contiguous and view.flags.aligned and view.dtype.isnative:
            return view
        memory = _memory(array)
        if memory not in self._copies:
            self._copies[memory] = array, np.array(array, array.dtype.newbyteorder("="), order="C")
        return self._copies[memory][1]

    def _refuse_overlaps(self) -> None:
        for index, array in self.arrays.items():
            for memory, (copied, _) in self._copies.items():
                if np.shares_memory(array, copied) and _memory(array) != memory:
                    raise ValueError(f"gradient {index}, of shape {array.shape}, overlaps another one, of shape {copied.shape}")

    def norm(self, p: float) -> float:
        total = ctypes.c_double()
        library.grad_norm(self.tensors, self.count, p, total, None, None)
        return total.value

    def clip(self, max_norm: float, p: float, eps: float, on_nonfinite: str) -> float:
        total, code = ctypes.c_double(), code_of(on_nonfinite, _ON_NONFINITE, "on_nonfinite")
        library.clip_grad_norm(self.tensors, self.count, max_norm, p, eps, code, total)
        self.write_back()
        return total.value

    def scale(self, coefficient: float) -> None:
        library.grad_scale(self.tensors, self.count, coefficient)
        self.write_back()

    def limit(self, max_norm: float, total: float, eps: float) -> None:
        if max_norm < total + eps:
            self.scale(max_norm / (total + eps))
        elif math.isnan(total):  # C takes no coefficient that is NaN; with one more gradient that is NaN, the others become NaN
            last = np.array(total)
            self.tensors, self.count = self.tensors + TENSOR.pack(address(last), 1, _DTYPES[FLOAT64], 0), self.count + 1
            self.clip(max_norm, 2.0, eps, "propagate")

    def write_back(self) -> None:
        """Copies to the caller's arrays what C did to copies of them."""
        for array, copy in self._copies.values():
            if copy.tobytes() != array.astype(copy.dtype).tobytes():  # which tells -0 from 0
                array[...] = copy


_Memory = Tuple[int, Tuple[int, ...], Tuple[int, ...]]


def _memory(array: Array) -> _Memory:
    return array.ctypes.data, array.shape, array.strides


def _gradient(x: Any, index: int, in_place: bool, tensors_too: bool) -> tuple[Optional[Array], int]:
    """The gradient that a listed object is or has, if any, and C's code for its dtype."""
    if type(x) is not np.ndarray:
        x = _grad_of(x, tensors_too)
        if x is None:
            return None, 0
    return _floats(x, f"gradient {index}", in_place)


def _floats(x: Any, name: str, in_place: bool) -> tuple[Array, int]:
    """An array that shares memory with x, and C's code for its dtype."""
    if type(x) is not np.ndarray:
        if is_tensor(x):
            tensor = host_tensor(x, name)
            if str(tensor.dtype) == "torch.bfloat16":
                return tensor.view(sys.modules["torch"].int16).numpy(), _BFLOAT16
            x = tensor_array(tensor, name)
        elif not isinstance(x, np.ndarray):
            if in_place or not hasattr(x, "__array__"):
                raise TypeError(f"{name} is a {type(x).__name__}, neither an array nor an object with a .grad")
            x = to_numpy(x, name)
        refuse_masked(x, name)
    dtype = _DTYPES.get(x.dtype)
    if dtype is None:
        is_bfloat16 = x.dtype.kind == "V" and x.dtype.name == "bfloat16"
        dtype = _BFLOAT16 if is_bfloat16 else _DTYPES.get(x.dtype.newbyteorder("="))
    if dtype is None:
        raise TypeError(f"{name} has dtype {x.dtype}; it must be float16, bfloat16, float32 or float64")
    return x, dtype


def _grad_of(x: Any, tensors_too: bool) -> Any:
    if not is_tensor(x):
        return getattr(x, "grad", x)
    computed = not x.is_leaf and not x.retains_grad  # by torch, whose .grad would only warn
    gradient = None if computed else x.grad
    if gradient is None and tensors_too and type(x).__name__ == "Tensor" and (computed or not x.requires_grad):
        return x  # a tensor that can have no gradient is one
    return gradient


def norm_order(norm_type: Order) -> float:
    p = math.inf if norm_type == "inf" else number(norm_type, "norm_type")
    if not p > 0:
        raise ValueError(f"norm_type must be positive, not {norm_type}")
    return p


def _mode(error_if_nonfinite: bool, on_nonfinite: str) -> int:
    return code_of("error" if error_if_nonfinite else on_nonfinite, _ON_NONFINITE, "on_nonfinite")


def _not_negative(value: float, name: str) -> float:
    checked = number(value, name)
    if not checked >= 0:
        raise ValueError(f"{name} must not be negative or NaN, not {value}")
    return checked


def get_total_norm(tensors: Gradients, norm_type: Order = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None) -> float:
    """(sum of |x|^p)^(1/p) over all elements of all gradients; the largest |x| for p = inf; 0 for none.

    For p = 1, 2, inf exact and rounded once, unless there are gradients of float64; those are computed in double, rescaled where that would
    overflow, within 1e-13. After
    torch.nn.utils.get_total_norm; like it, takes plain torch tensors for gradients.

    NonFiniteError: error_if_nonfinite, and the norm is infinite or NaN; ValueError: norm_type is not positive: (sum |x|^p)^(1/p)
    is no norm for p < 0, and torch's is 0 as soon as one element is; for p = 0 it counts the tensors that are not all 0. TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> boxgrad.get_total_norm([np.array([3.0]), None, np.array([4.0], np.float32)])
    5.0
    """
    gradients, p = _Gradients(tensors, "get_total_norm", in_place=False), norm_order(norm_type)
    return gradients.clip(math.inf, p, 0.0, "error") if error_if_nonfinite else gradients.norm(p)


def per_tensor_norms(tensors: Gradients, norm_type: Order = 2.0) -> npt.NDArray[np.float64]:
    """The norm of each gradient by itself, as get_total_norm; those that are None are left out.

    >>> import boxgrad, numpy as np
    >>> boxgrad.per_tensor_norms([np.array([3.0, 4.0]), np.array([1.0])])
    array([5., 1.])
    """
    gradients = _Gradients(tensors, "per_tensor_norms", in_place=False)
    norms = np.empty(gradients.count)
    library.grad_norm(gradients.tensors, gradients.count, norm_order(norm_type), None, norms, None)
    return norms[list(gradients.arrays)]


def combine_norms(norms: npt.ArrayLike, norm_type: Order = 2.0) -> float:
    """(sum of norms^p)^(1/p): the norm of the whole, given those of its parts (tensors, shards, machines).

    ValueError: norm_type is not positive; TypeError: norms are no numbers.

    >>> import boxgrad
    >>> boxgrad.combine_norms([3.0, 4.0])
    5.0
    """
    parts, total = np.ascontiguousarray(to_floats(norms, "norms"), FLOAT64), ctypes.c_double()
    library.grad_norm_combine(parts, parts.size, norm_order(norm_type), total)
    return total.value


def clip_grad_norm_(
    parameters: Gradients,
    max_norm: float,
    norm_type: Order = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
    *,
    on_nonfinite: str = "propagate",
    eps: float = _EPS,
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
    limit, p, eps = number(max_norm, "max_norm"), norm_order(norm_type), number(eps, "eps")
    gradients = _Gradients(parameters, "clip_grad_norm_", in_place=True)
    try:
        return gradients.clip(limit, p, eps, "error" if error_if_nonfinite else on_nonfinite)
    except NonFiniteError as error:  # C calls them tensors
        raise NonFiniteError(str(error).replace("tensors", "parameters", 1)) from None


def clip_grads_with_norm_(
    parameters: Gradients, max_norm: float, total_norm: float, foreach: bool | None = None, *, eps: float = _EPS
) -> None:
    """Scales the gradients in place by max_norm / (total_norm + eps), unless that is >= 1.

    The second half of clip_grad_norm_, for a total norm that is already known. A total that is NaN makes every gradient NaN, and an
    infinite one makes it 0, or NaN where it is infinite. After torch.nn.utils.clip_grads_with_norm_.

    ValueError: max_norm or eps negative or NaN, total_norm negative, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([3.0, 4.0])
    >>> boxgrad.clip_grads_with_norm_(gradient, 1.0, total_norm=10.0)
    >>> gradient.round(6)
    array([0.3, 0.4])
    """
    limit, total, eps = _not_negative(max_norm, "max_norm"), number(total_norm, "total_norm"), _not_negative(eps, "eps")
    if total < 0:
        raise ValueError(f"total_norm must not be negative, not {total_norm}")
    _Gradients(parameters, "clip_grads_with_norm_", in_place=True).limit(limit, total, eps)


def clip_grad_value_(parameters: Gradients, clip_value: float, foreach: bool | None = None) -> None:
    """Clamps every element of the gradients to [-clip_value, clip_value] in place. NaN stays NaN.

    After torch.nn.utils.clip_grad_value_.

    ValueError: clip_value negative or NaN, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([-3.0, 0.5])
    >>> boxgrad.clip_grad_value_(gradient, 1.0)
    >>> gradient
    array([-1. ,  0.5])
    """
    gradients, limit = _Gradients(parameters, "clip_grad_value_", in_place=True), _not_negative(clip_value, "clip_value")
    library.clip_grad_value(gradients.tensors, gradients.count, limit)
    gradients.write_back()


def clip_grad_rms_(
    parameters: Gradients, max_rms: float, *, error_if_nonfinite: bool = False, on_nonfinite: str = "propagate"
) -> npt.NDArray[np.float64]:
    """Divides each gradient by max(1, rms / max_rms) in place, by itself; returns each rms before, those that are None left out.

    The rms of a gradient of k elements is sqrt(sum of x^2 / k), and 0 for none. After optax.clip_by_block_rms (Adafactor's clipping:
    Shazeer 2018). on_nonfinite as in clip_grad_norm_, of each gradient by itself: where one has an rms that is infinite or NaN, the
    others are clipped all the same, unless it is "error". max_rms=inf only measures.

    ValueError: max_rms negative or NaN, a read-only gradient; TypeError: dtype, device; NonFiniteError: an rms is infinite or NaN, and
    on_nonfinite is "error", or error_if_nonfinite.

    >>> import boxgrad, numpy as np
    >>> gradients = [np.array([3.0, 3.0]), np.array([0.5])]
    >>> boxgrad.clip_grad_rms_(gradients, max_rms=1.0)
    array([3. , 0.5])
    >>> gradients[0]
    array([1., 1.])
    """
    limit, code = _not_negative(max_rms, "max_rms"), _mode(error_if_nonfinite, on_nonfinite)
    gradients = _Gradients(parameters, "clip_grad_rms_", in_place=True)
    rms = np.empty(gradients.count)
    try:
        library.clip_grad_rms(gradients.tensors, gradients.count, limit, code, rms)
    except NonFiniteError as error:  # C calls them tensors
        raise NonFiniteError(str(error).replace("tensors", "parameters", 1)) from None
    gradients.write_back()
    return rms[list(gradients.arrays)]


def adaptive_clip_grad_(
    parameters: Gradients,
    clip_factor: float = 0.01,
    eps: float = 1e-3,
    norm_type: Order = 2.0,
    *,
    grads: Optional[Gradients] = None,
    layout: str = "torch",
    error_if_nonfinite: bool = False,
    on_nonfinite: str = "propagate",
) -> int:
    """Adaptive gradient clipping: limits each unit of a gradient to clip_factor times the norm of its parameter's unit.

    A unit of a gradient is multiplied in place by max_norm / max(norm, 1e-6), where max_norm = clip_factor * max(parameter's norm, eps),
    unless norm < max_norm. Returns how many units were changed. Brock 2021; after timm's adaptive_clip_grad and optax.adaptive_grad_clip.

    parameters: torch parameters, or objects with `.grad` (None: skipped) and `.data`; or arrays, with as many gradients in grads.
    layout says what a unit is. "torch": a row, of dimension 0; scalars and vectors are one unit. "optax": what feeds one output in JAX's
    layout, where outputs come last: a column of 2 or 3 dimensions (all of dimension 0), a filter of 4 or 5 dimensions (all but the last);
    an array with at most one dimension that is not 1 is one unit. on_nonfinite as in clip_grad_norm_, of each unit by itself: where its
    norm or its parameter's is infinite or NaN, the other units are clipped all the same, unless it is "error". A gradient that is listed
    twice is clipped once.

    ValueError: clip_factor or eps negative or not finite, norm_type not positive, shapes that differ, more dimensions than optax knows,
    gradients that overlap, a read-only one; TypeError: dtype, device, a parameter without values; NonFiniteError: as clip_grad_norm_.

    >>> import boxgrad, numpy as np
    >>> weight, grad = np.ones((2, 4)), np.array([[1.0, 1, 1, 1], [0, 0, 0, 0.01]])
    >>> boxgrad.adaptive_clip_grad_([weight], grads=[grad])
    1
    >>> grad
    array([[0.01, 0.01, 0.01, 0.01],
           [0.  , 0.  , 0.  , 0.01]])
    """
    factor, least, p = number(clip_factor, "clip_factor"), number(eps, "eps"), norm_order(norm_type)
    code, units_of = _mode(error_if_nonfinite, on_nonfinite), code_of(layout, _LAYOUTS, "layout")
    gradients = _Gradients(parameters if grads is None else grads, "adaptive_clip_grad_", in_place=True, ordered=True)
    owners = gradients.listed if grads is None else _listed(parameters)
    if len(owners) != gradients.count:
        raise ValueError(f"grads must have one gradient for each of the {len(owners)} parameters, not {gradients.count}")
    kept: dict[_Memory, bytes] = {}
    values, spans = [], []
    for index, grad in gradients.arrays.items():
        param, dtype = _values(owners[index], index, grads is None)
        if param.shape != grad.shape:
            raise ValueError(f"parameter {index} has the shape {param.shape}, and its gradient {grad.shape}")
        if _memory(grad) in kept:
            continue
        values.append(np.require(param, param.dtype.newbyteorder("="), ["C", "A"]))
        tensor = TENSOR.unpack_from(gradients.tensors, index * TENSOR.size)
        spans.append((tensor[0], grad.nbytes, index))
        kept[_memory(grad)] = PARAMETER.pack(*tensor, address(values[-1]), param.size, dtype, 0, *units_of(param.shape, index))
    spans.sort()
    for (start, size, one), (other_start, _, other) in zip(spans, spans[1:]):
        if other_start < start + size:
            raise ValueError(f"gradients {one} and {other} overlap")
    clipped = ctypes.c_size_t()
    library.clip_grad_adaptive(bytearray(b"".join(kept.values())), len(kept), factor, least, p, code, clipped)
    gradients.write_back()
    return clipped.value


def _values(x: Any, index: int, has_grad: bool) -> tuple[Array, int]:
    """The values of a parameter."""
    if has_grad and not hasattr(x, "grad"):
        raise TypeError(f"parameter {index} is a {type(x).__name__} without a .grad: pass the gradients as grads")
    return _floats(getattr(x, "data", x) if hasattr(x, "grad") and not is_tensor(x) else x, f"parameter {index}", False)


def _rows(shape: tuple[int, ...], index: int) -> tuple[int, int]:
    size = math.prod(shape)
    return (size // shape[0], 1) if len(shape) > 1 and size else (0, 0)


def _columns(shape: tuple[int, ...], index: int) -> tuple[int, int]:
    if len(shape) > 5:
        raise ValueError(f'parameter {index} has {len(shape)} dimensions; the layout "optax" knows up to 5')
    size = math.prod(shape)
    if sum(n != 1 for n in shape) <= 1 or not size:
        return 0, 0
    first = shape[0] if len(shape) <= 3 else size // shape[-1]
    return first, size // first


_LAYOUTS = {"torch": _rows, "optax": _columns}
"""How many elements a unit has, and how far apart they are."""


def scale_grads_(parameters: Gradients, coefficient: float) -> None:
    """Multiplies every element of the gradients by the coefficient in place.

    ValueError: a coefficient that is not finite, a read-only gradient; TypeError: dtype, device.

    >>> import boxgrad, numpy as np
    >>> gradient = np.array([3.0, 4.0])
    >>> boxgrad.scale_grads_(gradient, 0.5)
    >>> gradient
    array([1.5, 2. ])
    """
    _Gradients(parameters, "scale_grads_", in_place=True).scale(number(coefficient, "coefficient"))


class GradNormMonitor:
    """Records total gradient norms and answers the question which max_norm to choose: a percentile of them.

    clip_ does so at every step (AutoClip: Seetharaman 2020). history: how many norms to remember, None for all. Norms that are
    infinite or NaN are not recorded, nor is that of a generator that yields nothing.

    >>> import boxgrad, numpy as np
    >>> monitor = boxgrad.GradNormMonitor()
    >>> for scale in (1.0, 2.0, 9.0):
    ...     norm = monitor.record([np.array([scale, 0.0])])
    >>> monitor.suggest(percentile=50)
    2.0
    """

    def __init__(self, norm_type: Order = 2.0, history: int | None = None) -> None:
        """ValueError: norm_type is not positive, history is negative."""
        self.norm_type = norm_order(norm_type)
        length = None if history is None else integer(history, "history")
        if length is not None and length < 0:
            raise ValueError(f"history must not be negative, not {history}")
        self._norms: collections.deque[float] = collections.deque(maxlen=length)

    @property
    def norms(self) -> npt.NDArray[np.float64]:
        """The recorded norms, the oldest first."""
        return np.array(self._norms, np.float64)

    def record(self, parameters: Gradients) -> float:
        """Measures the gradients' total norm, records it and returns it."""
        return self._record(_Gradients(parameters, "GradNormMonitor.record", in_place=False))

    def _record(self, gradients: _Gradients) -> float:
        total = gradients.norm(self.norm_type)
        if math.isfinite(total) and not gradients.used_up:
            self._norms.append(total)
        return total

    def suggest(self, percentile: float = 10.0) -> float:
        """The percentile of the recorded norms, from 0 to 100. ValueError: there are none yet, or it is another number."""
        wanted = _percentile(percentile)
        if not self._norms:
            raise ValueError("no norm has been recorded yet")
        return float(np.percentile(self._norms, wanted))

    def clip_(self, parameters: Gradients, percentile: float = 10.0) -> float:
        """Records the total norm, then scales the gradients down to the percentile of all so far; returns the norm before.

        Where the norm is infinite or NaN, the gradients are left as they are. Takes what record takes, plain torch tensors included, as
        long as it can be changed in place. A call that fails records nothing.
        """
        wanted, gradients = _percentile(percentile), _Gradients(parameters, "GradNormMonitor.clip_", in_place=True, tensors_too=True)
        total = self._record(gradients)
        if math.isfinite(total) and not gradients.used_up:
            gradients.limit(self.suggest(wanted), total, _EPS)
        return total


def _percentile(percentile: float) -> float:
    checked = number(percentile, "percentile")
    if not 0 <= checked <= 100:
        raise ValueError(f"percentile must be from 0 to 100, not {percentile}")
    return checked
