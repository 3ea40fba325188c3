"""Between what callers pass and what C reads: dtypes, rows, outputs."""

from __future__ import annotations

import sys
from typing import Any, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

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


class Operand:
    """An array argument of a differentiable function, as float32 or float64."""

    __slots__ = ("array", "wanted")

    def __init__(self, array: Array, wanted: bool) -> None:
        self.array = array
        self.wanted = wanted

    def gradient(self, shape: tuple[int, ...] | None = None) -> Array | None:
        """Memory for the gradient if it is wanted; None, C's NULL, if it is not."""
        return np.empty(self.array.shape if shape is None else shape, self.array.dtype) if self.wanted else None


def is_tensor(x: object) -> bool:
    """Whether x is a torch.Tensor, found out without importing torch."""
    return isinstance(x, getattr(sys.modules.get("torch"), "Tensor", ()))


def host_tensor(tensor: Any, name: str) -> Any:
    """A torch tensor without its graph, whose elements are in this process' memory."""
    if tensor.device.type != "cpu":
        raise TypeError(f"{name} is on the device {str(tensor.device)!r}; boxgrad computes on the CPU: pass a copy there")
    if str(tensor.layout) != "torch.strided":
        raise TypeError(f"{name} has the layout {tensor.layout}; boxgrad takes dense tensors: pass its to_dense()")
    return tensor.detach()


def to_numpy(x: Any, name: str) -> Array:
    """x as an ndarray of any dtype, without a copy where NumPy can see its memory."""
    if is_tensor(x):
        tensor = host_tensor(x, name)
        return np.asarray(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor)
    if isinstance(x, np.ma.MaskedArray) and x.mask.any():
        raise TypeError(f"{name} has masked elements, which boxgrad would take for numbers: pass its filled() or compressed()")
    if hasattr(x, "__dlpack_device__") and x.__dlpack_device__()[0] not in _HOST_MEMORY:
        raise TypeError(f"{name} is a {type(x).__name__} on another device; boxgrad computes on the CPU: pass a copy there")
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None


def to_floats(x: Any, name: str) -> Array:
    """x as an aligned float32 or float64 array in native byte order: x itself if it is one."""
    if type(x) is not np.ndarray:
        x = to_numpy(x, name)
    if x.dtype in _FLOATS and x.flags.aligned:
        return x  # type: ignore[no-any-return]
    dtype = FLOAT64 if x.dtype.kind in "iu" else _COMPUTED_IN.get(x.dtype.name)
    if dtype is None:
        raise TypeError(f"{name} has dtype {x.dtype}; it must be float16, bfloat16, float32, float64 or an integer type")
    aligned: Array = np.require(x, dtype, ["ALIGNED"])
    return aligned


def operands(columns: int | None = None, **arguments: npt.ArrayLike | Marked) -> list[Operand]:
    """The array arguments by name, brought to one dtype; of shape (..., columns) if that is given."""
    result = []
    for name, x in arguments.items():
        value, wanted = (x.value, x.wanted) if isinstance(x, Marked) else (x, False)
        array = to_floats(value, name)
        if columns is not None and array.shape[-1:] != (columns,):
            raise ValueError(f"{name} must have the shape (..., {columns}), not {array.shape}")
        result.append(Operand(array, wanted))
    if result[0].array.dtype != result[-1].array.dtype:
        for operand in result:
            operand.array = operand.array.astype(FLOAT64, copy=False)
    return result


def box_matrix(boxes: npt.ArrayLike) -> Array:
    """Boxes of shape (N, 4) whose gradient is of no interest, as rows."""
    (operand,) = operands(4, boxes=boxes)
    if operand.array.ndim != 2:
        raise ValueError(f"boxes must have the shape (N, 4), not {operand.array.shape}")
    return rows(operand.array)


def rows(array: Array, width: int = 4) -> Array:
    """The array as a matrix of rows that C can read: each packed, in ascending order. A view of it where possible."""
    matrix = array if array.ndim == 2 else array.reshape(-1, width)
    row, element = matrix.strides
    if element == matrix.itemsize and row >= width * element and row % element == 0:
        return matrix
    return np.ascontiguousarray(matrix)


def stride(matrix: Array) -> int:
    """The number of elements from one row to the next."""
    return matrix.strides[0] // matrix.itemsize


def broadcast_shape(name1: str, array1: Array, name2: str, array2: Array, own: int = 0) -> tuple[int, ...]:
    """The shape that two arguments broadcast to; the last `own` dimensions of each are its own and not part of it."""
    shape1, shape2 = array1.shape[: array1.ndim - own], array2.shape[: array2.ndim - own]
    if shape1 == shape2:
        return shape1
    try:
        return np.broadcast_shapes(shape1, shape2)
    except ValueError:
        raise ValueError(f"the shapes of {name1} {array1.shape} and {name2} {array2.shape} do not match") from None


def aligned_operands(**arguments: npt.ArrayLike | Marked) -> tuple[Operand, Operand, tuple[int, ...], Array, Array]:
    """Two arguments whose boxes form pairs: the operands, the shape they broadcast to, and both as rows of that shape."""
    (name1, name2), (operand1, operand2) = arguments, operands(4, **arguments)
    array1, array2 = operand1.array, operand2.array
    shape = broadcast_shape(name1, array1, name2, array2)
    if array1.shape != array2.shape:
        array1, array2 = np.broadcast_to(array1, shape), np.broadcast_to(array2, shape)
    return operand1, operand2, shape, rows(array1), rows(array2)


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
    """The result's memory: `out`, if it fits, or new. `strided`: its rows may have gaps; `in_place`: it may be an input."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"out must be a {dtype} ndarray, not {getattr(out, 'dtype', type(out).__name__)}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, not {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if not (out.flags.c_contiguous or strided and out.ndim == 2 and rows(out, shape[-1]) is out) or not out.flags.aligned:
        raise ValueError(f"out must be {'rows in ascending order, each packed' if strided else 'C-contiguous'}, and aligned")
    for x in inputs:
        if np.shares_memory(out, x) and not (in_place and _same_memory(out, x)):
            raise ValueError("out overlaps an input")
    return out


def _same_memory(out: Array, x: Array) -> bool:
    return out.ctypes.data == x.ctypes.data and out.strides == x.strides


def pair(values: Sequence[float], name: str, meaning: str) -> tuple[float, float]:
    """Two numbers."""
    try:
        first, second = (float(value) for value in values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {meaning}, not {values!r}") from None
    return first, second


def image_size(size: Sequence[float], name: str = "size") -> tuple[float, float]:
    """(height, width) as two numbers that are not negative."""
    height, width = pair(size, name, "(height, width)")
    if not (height >= 0 and width >= 0):
        raise ValueError(f"{name} must be (height, width), neither negative nor NaN, not {size!r}")
    return height, width


def number(x: Any, name: str) -> float:
    """A scalar argument."""
    try:
        return float(x)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {x!r}") from None


def code_of(choice: str, codes: dict[str, int], name: str) -> int:
    """C's code for one of several words."""
    try:
        return codes[choice]
    except (KeyError, TypeError):
        raise ValueError(f"{name} must be one of {', '.join(codes)}, not {choice!r}") from None
