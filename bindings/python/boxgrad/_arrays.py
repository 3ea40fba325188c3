"""Between what callers pass and what C reads: dtypes, rows, outputs."""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy import ndarray

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

FLOAT32: np.dtype[Any] = np.dtype(np.float32)
FLOAT64: np.dtype[Any] = np.dtype(np.float64)
_FLOATS = frozenset((FLOAT32, FLOAT64))
_COMPUTED_IN = {"float16": FLOAT32, "bfloat16": FLOAT32, "float32": FLOAT32, "float64": FLOAT64}
_HOST_MEMORY = (1, 3)  # DLPack's kDLCPU and kDLCUDAHost


class Marked:
    """An array argument with a word on whether its gradient is wanted. Of an unmarked one it is not."""

    __slots__ = ("value", "wanted")

    def __init__(self, value: npt.ArrayLike, wanted: bool) -> None:
        self.value = value
        self.wanted = wanted

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype) if copy else np.asarray(self.value, dtype)

    def __repr__(self) -> str:
        return f"{'wanted' if self.wanted else 'stop'}_gradient({self.value!r})"


def is_tensor(x: object) -> bool:
    """Whether x is a torch.Tensor, found out without importing torch."""
    return isinstance(x, getattr(sys.modules.get("torch"), "Tensor", ()))


def host_tensor(tensor: Any, name: str) -> Any:
    """A torch tensor without its graph, whose elements are in this process' memory."""
    if not tensor.is_cpu:
        raise TypeError(f"{name} is on the device {str(tensor.device)!r}; boxgrad computes on the CPU: pass a copy there")
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{name} has the layout {tensor.layout}; boxgrad takes dense tensors: pass its to_dense()")
    return tensor.detach()


def tensor_array(tensor: Any, name: str) -> Array:
    """The array that shares a host_tensor()'s memory."""
    try:
        array: Array = tensor.numpy()
    except (TypeError, RuntimeError) as error:  # float8, quantized, negated lazily
        raise TypeError(f"{name} is a tensor of dtype {tensor.dtype} that NumPy cannot read: {error}") from None
    return array


def refuse_masked(x: Any, name: str) -> None:
    """Masked elements, also of arrays in a list, would be taken for numbers."""
    if any(isinstance(array, np.ma.MaskedArray) and array.mask.any() for array in (x if isinstance(x, (list, tuple)) else (x,))):
        raise TypeError(f"{name} has masked elements, which boxgrad would take for numbers: pass its filled() or compressed()")


def to_numpy(x: Any, name: str) -> Array:
    """x as an ndarray of any dtype, without a copy where NumPy can see its memory."""
    if is_tensor(x):
        tensor = host_tensor(x, name)
        return tensor_array(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor, name)
    if x is None:
        raise TypeError(f"{name} must be an array, not None")
    refuse_masked(x, name)
    if hasattr(x, "__dlpack_device__") and x.__dlpack_device__()[0] not in _HOST_MEMORY:
        raise TypeError(f"{name} is a {type(x).__name__} on another device; boxgrad computes on the CPU: pass a copy there")
    try:
        return np.asarray(x)
    except MemoryError:
        raise
    except Exception as error:  # whatever the __array__ of x or of its elements raises
        raise (ValueError if isinstance(error, ValueError) else TypeError)(f"{name} is no array: {error}") from None


def to_floats(x: Any, name: str) -> Array:
    """x as an aligned float32 or float64 array in native byte order: x itself if it is one."""
    if type(x) is not ndarray:
        x = to_numpy(x, name)
    if x.dtype in _FLOATS and x.flags.aligned:
        return x  # type: ignore[no-any-return]
    dtype = FLOAT64 if x.dtype.kind in "iu" else _COMPUTED_IN.get(x.dtype.name)
    if dtype is None:
        raise TypeError(f"{name} has dtype {x.dtype}; it must be float16, bfloat16, float32, float64 or an integer type")
    aligned: Array = np.require(x, dtype, ["ALIGNED"])
    return aligned


def operand(name: str, x: npt.ArrayLike | Marked) -> tuple[Array, bool]:
    """An array argument, and whether its gradient is wanted."""
    if isinstance(x, Marked):
        return to_floats(x.value, name), x.wanted
    return to_floats(x, name), False


def operands(name1: str, x1: npt.ArrayLike | Marked, name2: str, x2: npt.ArrayLike | Marked) -> tuple[Array, bool, Array, bool]:
    """Two array arguments, as operand() gives them, brought to one dtype."""
    wanted1 = wanted2 = False
    if isinstance(x1, Marked):
        wanted1, x1 = x1.wanted, x1.value
    if isinstance(x2, Marked):
        wanted2, x2 = x2.wanted, x2.value
    if type(x1) is type(x2) is ndarray and x1.dtype is x2.dtype in _FLOATS and x1.flags.aligned and x2.flags.aligned:
        return x1, wanted1, x2, wanted2  # nearly always, so it is asked first
    array1, array2 = to_floats(x1, name1), to_floats(x2, name2)
    if array1.dtype is not array2.dtype:
        array1, array2 = (array.astype(np.promote_types(array1.dtype, array2.dtype), copy=False) for array in (array1, array2))
    return array1, wanted1, array2, wanted2


def _boxes(array: Array, width: int = 4) -> Array:
    """An empty list holds no boxes: its shape is (0, 4), or that of rows of another width."""
    return array.reshape(0, width) if array.shape == (0,) else array


def box_operand(name: str, x: npt.ArrayLike | Marked, width: int = 4) -> tuple[Array, bool]:
    """operand() of boxes."""
    array, wanted = operand(name, x)
    return _boxes(array, width), wanted


def box_operands(
    name1: str, x1: npt.ArrayLike | Marked, name2: str, x2: npt.ArrayLike | Marked, width: int = 4
) -> tuple[Array, bool, Array, bool]:
    """operands() of boxes or their deltas."""
    found = array1, wanted1, array2, wanted2 = operands(name1, x1, name2, x2)
    return found if array1.size and array2.size else (_boxes(array1, width), wanted1, _boxes(array2, width), wanted2)


def box_matrix(name: str, boxes: npt.ArrayLike | Marked, width: int = 4) -> Array:
    """Boxes of shape (N, width) whose gradient is of no interest."""
    array, _ = box_operand(name, boxes, width)
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name} must have the shape (N, {width}), not {array.shape}")
    return array


def labels_of(labels: npt.ArrayLike, name: str, shape: tuple[int, ...] | None = None, *, whole: bool = False) -> Indices:
    """Integers (N,) as packed int64. whole: floats that are whole numbers are integers, too, as torchvision's RPN has them."""
    array = to_numpy(labels, name)
    if whole and (array.dtype.kind == "f" or array.dtype.name == "bfloat16") and array.size:
        array = array.astype(FLOAT64)
        odd = np.flatnonzero(~((array == np.floor(array)) & (np.abs(array) < 2**63)))
        if odd.size:
            raise ValueError(f"{name} must be whole numbers that fit 64 bits, and {name}[{odd[0]}] is {array.flat[odd[0]]:g}")
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" and array.size:  # an empty list is float64
        raise TypeError(f"{name} must be integers, not {array.dtype}")
    if array.ndim != 1 or shape not in (None, array.shape):
        raise ValueError(f"{name} must have the shape {shape or '(N,)'}, not {array.shape}")
    if array.dtype == np.uint64 and array.size and array.max() >= 2**63:
        raise ValueError(f"{name} must fit 64 bits with a sign, not {array.max()}")
    return np.ascontiguousarray(array, np.int64)


def rows(array: Array, width: int = 4) -> tuple[Array, int]:
    """The array as rows that C can read: an array that starts where they do, and the elements from one row to the next.

    A view where the rows are packed and in ascending order, otherwise a copy.
    """
    if array.flags.c_contiguous:
        return array, width
    matrix = array if array.ndim == 2 else array.reshape(-1, width)
    stride = row_stride(matrix, width)
    return (matrix[0], stride) if stride else (np.ascontiguousarray(matrix), width)


def row_stride(matrix: Array, width: int) -> int:
    """The elements from one row to the next, if the rows are packed and in ascending order; otherwise 0."""
    row, element = matrix.strides
    return row // element if element == matrix.itemsize and row >= width * element and row % element == 0 else 0


def count_of(name: str, shape: tuple[int, ...], width: int = 4) -> int:
    """How many boxes an array of this shape holds."""
    if shape[-1:] != (width,):
        raise ValueError(f"{name} must have the shape (..., {width}), not {shape}")
    return math.prod(shape[:-1])


@functools.lru_cache
def aligned_shape(
    name1: str, shape1: tuple[int, ...], name2: str, shape2: tuple[int, ...], width: int = 4
) -> tuple[tuple[int, ...], int]:
    """The shape that two arrays of boxes broadcast to, and how many boxes that are."""
    count_of(name1, shape1, width), count_of(name2, shape2, width)
    shape = broadcast_shape(name1, shape1, name2, shape2)
    return shape, math.prod(shape[:-1])


def broadcast_shape(name1: str, shape1: tuple[int, ...], name2: str, shape2: tuple[int, ...], own: int = 0) -> tuple[int, ...]:
    """The shape that two arrays broadcast to; the last `own` dimensions of each are its own and not part of it."""
    try:
        return np.broadcast_shapes(shape1[: len(shape1) - own], shape2[: len(shape2) - own])
    except ValueError:
        raise ValueError(f"the shapes of {name1} {shape1} and {name2} {shape2} do not match") from None


def stretched(array: Array, shape: tuple[int, ...]) -> Array:
    """The array broadcast to the shape."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def gradient_of(wanted: bool, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Memory for a gradient if it is wanted; None, C's NULL, if it is not."""
    return np.empty(shape, dtype) if wanted else None


def sum_to_shape(gradient: Array | None, shape: tuple[int, ...]) -> Array | None:
    """The gradient of an argument that was broadcast: summed over its copies."""
    if gradient is None or gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = (added + i for i, n in enumerate(shape) if n != gradient.shape[added + i])
    summed: Array = gradient.sum((*range(added), *stretched), FLOAT64)
    return summed.astype(gradient.dtype).reshape(shape)


def constant(x: npt.ArrayLike | None, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Weights: broadcast to the shape, converted to the dtype, packed."""
    if x is None:
        return None
    array = to_floats(x, name)
    try:
        stretched = np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{name} has the shape {array.shape}, which does not broadcast to {shape}") from None
    packed: Array = np.require(stretched, dtype, ["C"])
    return packed


def output(
    out: Array | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *inputs: Array,
    strided: bool = False,
    in_place: bool = False,
) -> Array:
    """The result's memory: `out`, if it fits, or new. `strided`: its rows may have gaps; `in_place`: it may be an input.

    New memory of 4 MiB or more has huge pages where Linux grants them: NumPy asks for them (NUMPY_MADVISE_HUGEPAGE).
    """
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"out must be a {dtype} ndarray, not {getattr(out, 'dtype', type(out).__name__)}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, not {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if not (out.flags.c_contiguous or strided and out.ndim == 2 and row_stride(out, shape[-1])) or not out.flags.aligned:
        raise ValueError(f"out must be {'rows in ascending order, each packed' if strided else 'C-contiguous'}, and aligned")
    for x in inputs:
        if np.shares_memory(out, x) and not (in_place and _same_memory(out, x)):
            raise ValueError("out overlaps an input")
    return out


def _same_memory(out: Array, x: Array) -> bool:
    return out.ctypes.data == x.ctypes.data and out.strides == x.strides
