"""boxgrad on NVIDIA GPUs: functions over arrays that are in a GPU's memory, with the bits of the CPU's.

An argument is anything with __cuda_array_interface__ (CuPy, Numba, PyTorch) or __dlpack__, in float32 or float64, on the device of the first one.
Gradients that are clipped may be in float16 and bfloat16, too.
Results are arrays of the first argument's type, on its device: torch tensors, CuPy arrays, or what the `empty` of its __array_namespace__ makes.
The work is put on the caller's stream, torch's or CuPy's current one, or the one that __cuda_array_interface__ names, and a function returns before it
is done. nms and batched_nms alone wait for it, because the shape of their result is not known before.

Boxes are (N, 4), rows of x1, y1, x2, y2, whose rows may be apart. What has gradients takes `outputs`, the names of the results that are wanted. Here
nothing is recorded for a framework's own differentiation.

    import boxgrad.cuda, cupy
    pred, target = cupy.random.rand(2, 1000, 4, dtype=cupy.float32)
    loss, gradient = boxgrad.cuda.box_iou_loss(pred, target, metric="giou", outputs=("loss", "grad_pred"))

ImportError: the library is not there; RuntimeError: there is no driver, or it failed; ValueError: shape, strides, a parameter; TypeError: dtype, no array
on a GPU. docs/cuda.md says more.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

from ._arrays import is_tensor
from ._library import TENSOR, __version__, library_path
from ._prototypes import ON_CUDA, ON_CUDA_FOR_ALL_DTYPES
from ._scalars import code_of, image_size, integer, number
from .boxes import _FORMATS
from .deltas import LOG_RATIO_CLIP, LogRatioClip, _log_ratio_bounds, _options
from .gradient_norm import _EPS as _NORM_EPS
from .gradient_norm import _ON_NONFINITE, Order, norm_order
from .matching import _low_quality
from .overlap import _EPS, _METRICS
from .rotated import ANGLES, MODES, WIDTHS, codes_of
from .rotated import METRICS as ROTATED_METRICS
from .suppression import _limit

__all__ = [
    "aligned_box_iou", "aligned_rotated_box_iou", "batched_nms", "box_area", "box_convert", "box_iou", "box_iou_grad", "box_iou_loss", "clip_boxes_to_image",
    "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "convert_rotated_boxes", "decode_boxes", "encode_boxes", "get_total_norm", "load",
    "match_boxes", "nms", "rotated_box_iou", "rotated_box_iou_grad", "rotated_box_iou_loss", "smooth_l1_loss",
]  # fmt: skip

_TYPES = {
    "*": ctypes.c_void_p, "?": ctypes.c_void_p, "n": ctypes.c_size_t, "s": ctypes.c_ssize_t, "d": ctypes.c_double, "i": ctypes.c_int32,
}  # fmt: skip
_SUFFIXES = {"float32": "f32", "float64": "f64"}
_Possible = Dict[str, Tuple[Tuple[int, ...], Optional[str]]]
"""What a function can give: the shape and, where it is not the arguments', the dtype."""
_CUDA_MEMORY = 2  # DLPack's kDLCUDA


# ---- The library ----


def _load() -> ctypes.CDLL:
    """The library beside the CPU's, or the one that the environment names."""
    path = os.environ.get("BOXGRAD_CUDA_LIBRARY") or str(Path(library_path()).with_name("libboxgrad_cuda.so"))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"boxgrad.cuda needs libboxgrad_cuda.so: {error}. In a checkout run `make cuda`.") from None
    library.boxgrad_cuda_last_error.restype = ctypes.c_char_p
    library.boxgrad_cuda_version_number.restype = ctypes.c_uint32
    version = library.boxgrad_cuda_version_number()
    version = f"{version >> 16}.{version >> 8 & 0xFF}.{version & 0xFF}"
    if version != __version__:
        raise ImportError(f"boxgrad.cuda needs libboxgrad_cuda.so {__version__}, and {path} is version {version}")
    for name, parameters in ON_CUDA.items():
        for suffix in _SUFFIXES.values():
            function = getattr(library, f"boxgrad_cuda_{name}_{suffix}".replace(f"_scratch_{suffix}", f"_{suffix}_scratch"))
            _declare(function, name, parameters)
    for name, parameters in ON_CUDA_FOR_ALL_DTYPES.items():
        _declare(getattr(library, f"boxgrad_cuda_{name}"), name, parameters)
    return library


def _declare(function: Any, name: str, parameters: str) -> None:
    function.argtypes = [_TYPES[letter] for letter in parameters]
    function.restype = ctypes.c_size_t if name.endswith("_scratch") else ctypes.c_int32


_library = _load()
_EXCEPTIONS: dict[int, type[Exception]] = {12: OverflowError, 40: RuntimeError, 50: RuntimeError}  # SIZE_OVERFLOW, UNSUPPORTED, DEVICE


def _check(status: int) -> None:
    if status:
        message = _library.boxgrad_cuda_last_error().decode().replace("options->", "")
        raise _EXCEPTIONS.get(status, ValueError)(message)


def load(family: str = "") -> None:
    """Loads the kernels of the families whose names begin so, or all, for the thread's current context: before a graph is captured, or times are measured.

    The families are those of include/boxgrad_cuda.h, such as "iou_loss_giou_f32". ValueError: there is none.
    """
    _check(_library.boxgrad_cuda_load(family.encode()))


# ---- Arrays ----


class _Device(NamedTuple):
    """What the first argument of a call says: how its results are allocated, and where the work is done."""

    example: Any

    @property
    def module(self) -> Any:
        """The module of the array's type, such as cupy."""
        return sys.modules.get(type(self.example).__module__.partition(".")[0])

    @property
    def is_cuda_tensor(self) -> bool:
        return is_tensor(self.example) and self.example.is_cuda

    def guard(self) -> Any:
        """While this is entered, the device is the thread's current one."""
        if self.is_cuda_tensor:
            return sys.modules["torch"].cuda.device(self.example.device)
        device = getattr(self.example, "device", None)
        return device if hasattr(device, "__enter__") else nullcontext()

    def stream(self) -> int:
        if self.is_cuda_tensor:
            return int(sys.modules["torch"].cuda.current_stream(self.example.device).cuda_stream)
        current = getattr(getattr(self.module, "cuda", None), "get_current_stream", None)
        if current is not None:
            return int(current().ptr)
        return int(getattr(self.example, "__cuda_array_interface__", {}).get("stream") or 0)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        if is_tensor(self.example):
            torch = sys.modules["torch"]
            return torch.empty(shape, dtype=getattr(torch, dtype), device=self.example.device)
        if hasattr(self.example, "__array_namespace__"):
            module = self.example.__array_namespace__()
            return module.empty(shape, dtype=getattr(module, dtype), device=self.example.device)
        if not hasattr(self.module, "empty"):
            raise TypeError(f"a {type(self.example).__name__} does not say how another one is allocated: pass a CuPy array or a tensor that shares its memory")
        return self.module.empty(shape, dtype=dtype)


class _View(NamedTuple):
    """An array in a GPU's memory. `strides` counts elements."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    owner: Any

    @property
    def packed(self) -> bool:
        return 0 in self.shape or all(size == 1 or stride == step for size, stride, step in zip(self.shape, self.strides, _packed(self.shape)))


def _packed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(math.prod(shape[k + 1 :]) for k in range(len(shape)))


def _view(x: Any, name: str, stream: int) -> _View:
    if is_tensor(x):
        if not x.is_cuda or str(x.layout) != "torch.strided":
            raise TypeError(f"{name} is on the device {str(x.device)!r} in the layout {x.layout}; boxgrad.cuda takes dense tensors on a GPU")
        x = x.detach()
        return _View(x.data_ptr(), tuple(x.shape), x.stride(), str(x.dtype).rpartition(".")[2], x)
    if type(x).__module__.partition(".")[0] in ("jax", "jaxlib"):
        raise TypeError(f"{name} is an array of JAX, whose results may not be written into: pass a CuPy array or a tensor that shares its memory")
    try:
        interface = x.__cuda_array_interface__
    except AttributeError:
        if hasattr(x, "__dlpack__"):
            return _view_of_dlpack(x, name, stream)
        raise TypeError(f"{name} is a {type(x).__name__}, and no array in the memory of a GPU; boxgrad itself computes on the CPU") from None
    if interface.get("mask") is not None:
        raise TypeError(f"{name} has a mask, whose elements boxgrad would take for numbers")
    theirs = interface.get("stream")
    if theirs not in (None, stream) and not {theirs, stream} <= {0, 1}:
        raise ValueError(f"{name} is being written on another stream than the first argument's: synchronize it first")
    shape, kind = tuple(interface["shape"]), interface["typestr"]
    size = int(kind[2:])
    strides = interface.get("strides")
    if kind[0] == ">" or (strides and any(stride % size for stride in strides)):
        raise TypeError(f"{name} is not aligned to its elements, or not in the machine's byte order")
    dtype = {"f": "float", "i": "int", "u": "uint"}.get(kind[1], kind[1]) + str(8 * size)
    return _View(interface["data"][0] or 0, shape, tuple(stride // size for stride in strides) if strides else _packed(shape), dtype, x)


class _Tensor(ctypes.Structure):
    """DLTensor."""

    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]  # fmt: skip


def _view_of_dlpack(x: Any, name: str, stream: int) -> _View:
    if x.__dlpack_device__()[0] != _CUDA_MEMORY:
        raise TypeError(f"{name} is a {type(x).__name__} that is not in the memory of an NVIDIA GPU; boxgrad itself computes on the CPU")
    capsule = x.__dlpack__(stream=stream or 1)  # 1 is the default stream; the capsule frees what it holds, as nobody else takes it
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.argtypes, pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
    tensor = _Tensor.from_address(pointer(capsule, b"dltensor"))
    shape = tuple(tensor.shape[k] for k in range(tensor.ndim))
    strides = tuple(tensor.strides[k] for k in range(tensor.ndim)) if tensor.strides else _packed(shape)
    kind = {0: "int", 1: "uint", 2: "float", 4: "bfloat"}.get(tensor.code, "other") if tensor.lanes == 1 else "vector"
    return _View((tensor.data or 0) + tensor.byte_offset, shape, strides, f"{kind}{tensor.bits}", (x, capsule))


class _Call:
    """A call of one function: its arrays, in the order in which they are passed."""

    def __init__(self, first: Any) -> None:
        self.device = _Device(first)
        self.stream = self.device.stream()
        self.held: list[Any] = []
        self.dtype = ""

    def array(self, x: Any, name: str, dtype: str | None = None) -> _View:
        view = _view(x, name, self.stream)
        if dtype is None:
            if view.dtype not in _SUFFIXES:
                raise TypeError(f"{name} has dtype {view.dtype}; it must be float32 or float64")
            self.dtype = dtype = self.dtype or view.dtype
        if view.dtype != dtype:
            raise TypeError(f"{name} has dtype {view.dtype}; it must be {dtype}")
        if is_tensor(x) and x.device != self.device.example.device:
            raise TypeError(f"{name} is on the device '{x.device}', and must be on '{self.device.example.device}'")
        self.held.append(view.owner)
        return view

    def rows(self, x: Any, name: str, width: int = 4) -> tuple[int, int, int]:
        """A matrix: where it is, how many rows it has, and how far they are apart."""
        view = self.array(x, name)
        shape = view.shape if view.shape != (0,) else (0, width)
        if len(shape) != 2 or shape[1] != width:
            raise ValueError(f"{name} must have the shape (N, {width}), not {view.shape}")
        if shape[0] and view.strides[1] != 1 and width > 1:
            raise ValueError(f"{name} must have rows whose elements are neighbours: pass a copy")
        return view.pointer, shape[0], view.strides[0] if shape[0] > 1 else width

    def packed(self, x: Any, name: str, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> int | None:
        """An array without gaps, which may be None."""
        if x is None:
            return None
        view = self.array(x, name, dtype)
        if shape is not None and view.shape != shape:
            raise ValueError(f"{name} must have the shape {shape}, not {view.shape}")
        if not view.packed:
            raise ValueError(f"{name} must be contiguous: pass a copy")
        return view.pointer

    def result(self, shape: tuple[int, ...], dtype: str | None = None) -> tuple[Any, int]:
        x = self.device.empty(shape, dtype or self.dtype)
        self.held.append(x)
        return x, _view(x, "result", self.stream).pointer

    def results(self, outputs: str | Sequence[str], possible: _Possible) -> tuple[Any, list[int | None]]:
        """What the caller gets, and where all that is possible is written."""
        names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
        for name in names:
            code_of(name, possible, "outputs")
        made = {name: self.result(*possible[name]) for name in possible if name in names}
        found = tuple(made[name][0] for name in names)
        return found[0] if isinstance(outputs, str) else found, [made[name][1] if name in made else None for name in possible]

    def __call__(self, name: str, *arguments: Any, scratch: tuple[int, ...] | None = None) -> None:
        suffix = _SUFFIXES[self.dtype]
        if scratch is not None:
            size = getattr(_library, f"boxgrad_cuda_{name}_{suffix}_scratch")(*scratch)
            arguments += (self.result((size,), "uint8")[1] if 0 < size < 2**63 else None, size)
        _check(getattr(_library, f"boxgrad_cuda_{name}_{suffix}")(*arguments, self.stream))


# ---- Functions ----


def box_area(boxes: Any) -> Any:
    """The areas (N,) of boxes (N, 4)."""
    call = _Call(boxes)
    with call.device.guard():
        pointer, n, stride = call.rows(boxes, "boxes")
        value, out = call.result((n,))
        call("box_area", pointer, n, stride, out)
    return value


def box_convert(boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Boxes (N, 4) in another format: "xyxy", "xywh", "cxcywh" or "yxyx"."""
    call = _Call(boxes)
    with call.device.guard():
        pointer, n, stride = call.rows(boxes, "boxes")
        value, out = call.result((n, 4))
        call("box_convert", code_of(in_fmt, _FORMATS, "in_fmt"), code_of(out_fmt, _FORMATS, "out_fmt"), pointer, n, stride, out, 4)
    return value


def clip_boxes_to_image(boxes: Any, size: Sequence[float]) -> Any:
    """Boxes (N, 4) within an image of the size (height, width)."""
    (height, width), call = image_size(size), _Call(boxes)
    with call.device.guard():
        pointer, n, stride = call.rows(boxes, "boxes")
        value, out = call.result((n, 4))
        call("box_clip", pointer, n, stride, width, height, out, 4)
    return value


def box_iou(boxes1: Any, boxes2: Any, *, metric: str = "iou", eps: float = _EPS) -> Any:
    """The overlaps (N, M) of all pairs of boxes (N, 4) and (M, 4), by the metric "iou", "giou", "diou", "ciou", "iof" or "ios"."""
    call, code = _Call(boxes1), code_of(metric, _METRICS, "metric")
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1"), call.rows(boxes2, "boxes2")
        value, out = call.result((n, m))
        call("iou_pairwise", code, a, n, stride_a, b, m, stride_b, number(eps, "eps"), out, m, None, scratch=(code, n, m))
    return value


def box_iou_grad(
    boxes1: Any, boxes2: Any, grad: Any, *, metric: str = "iou", eps: float = _EPS, outputs: str | Sequence[str] = ("grad_boxes1", "grad_boxes2")
) -> Any:
    """The gradients of box_iou for both arguments, by the gradient (N, M) for its result, whose rows may be apart."""
    call, code = _Call(boxes1), code_of(metric, _METRICS, "metric")
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1"), call.rows(boxes2, "boxes2")
        cotangent, rows, stride = call.rows(grad, "grad", m)
        if rows != n:
            raise ValueError(f"grad must have the shape {(n, m)}, not {(rows, m)}")
        found, (grad_a, grad_b) = call.results(outputs, {"grad_boxes1": ((n, 4), None), "grad_boxes2": ((m, 4), None)})
        call("iou_pairwise_grad", code, a, n, stride_a, b, m, stride_b, number(eps, "eps"), cotangent, max(stride, m), grad_a, grad_b, scratch=(n, m))
    return found


def aligned_box_iou(boxes1: Any, boxes2: Any, *, metric: str = "iou", eps: float = _EPS, outputs: str | Sequence[str] = "iou") -> Any:
    """The overlap of row i with row i: "iou" (N,), and its gradients "grad_boxes1" and "grad_boxes2" (N, 4)."""
    call, code = _Call(boxes1), code_of(metric, _METRICS, "metric")
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1"), call.rows(boxes2, "boxes2")
        _same(n, m, "boxes1", "boxes2")
        found, results = call.results(outputs, {"iou": ((n,), None), "grad_boxes1": ((n, 4), None), "grad_boxes2": ((n, 4), None)})
        call("iou_aligned", code, a, stride_a, b, stride_b, n, number(eps, "eps"), *results)
    return found


def box_iou_loss(
    pred: Any, target: Any, *, metric: str = "giou", weights: Any = None, normalizer: float | None = None, eps: float = _EPS,
    outputs: str | Sequence[str] = "loss",
) -> Any:  # fmt: skip
    """The loss 1 - metric of boxes (N, 4): "loss", the sum by the normalizer (of N, so that it is the mean) as a float64 array (1,), "per_box" (N,), and
    the gradients of the loss, "grad_pred" and "grad_target" (N, 4). metric: "iou", "giou", "diou" or "ciou". weights: (N,)."""
    call, code = _Call(pred), code_of(metric, {name: code for name, code in _METRICS.items() if name in ("iou", "giou", "diou", "ciou")}, "metric")
    with call.device.guard():
        (p, n, stride_p), (t, m, stride_t) = call.rows(pred, "pred"), call.rows(target, "target")
        _same(n, m, "pred", "target")
        divisor = float(n) if normalizer is None else number(normalizer, "normalizer")
        weight = call.packed(weights, "weights", (n,))
        possible: _Possible = {"loss": ((1,), "float64"), "per_box": ((n,), None), "grad_pred": ((n, 4), None), "grad_target": ((n, 4), None)}
        found, results = call.results(outputs, possible)
        call("iou_loss", code, p, stride_p, t, stride_t, n, weight, number(eps, "eps"), divisor, *results, scratch=(n,))
    return found


# ---- Rotated boxes ----


def convert_rotated_boxes(boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Rotated boxes in another format: (N, 5) of the conventions "radians-cw", "degrees-ccw", "degrees-cw" and "radians-ccw", (N, 8) "corners", or, as
    out_fmt, (N, 4) "bounds". As boxgrad.convert_rotated_boxes."""
    (source, target), call = codes_of(in_fmt, out_fmt), _Call(boxes)
    with call.device.guard():
        pointer, n, stride = call.rows(boxes, "boxes", WIDTHS[in_fmt])
        value, out = call.result((n, WIDTHS[out_fmt]))
        if in_fmt == "corners":
            call("rotated_from_corners", target, pointer, n, stride, out)
        elif out_fmt in ANGLES:
            call("rotated_convert", source, target, pointer, n, stride, out, 5)
        else:
            call("rotated_corners", source, pointer, n, stride, *((out, None) if out_fmt == "corners" else (None, out)))
    return value


def rotated_box_iou(boxes1: Any, boxes2: Any, *, angle: str, metric: str = "iou") -> Any:
    """The overlaps (N, M) of all pairs of rotated boxes (N, 5) and (M, 5), by the metric "iou" or "iof". angle: the convention of both, as
    "degrees-ccw"."""
    call, codes = _Call(boxes1), (code_of(metric, ROTATED_METRICS, "metric"), code_of(angle, ANGLES, "angle"))
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1", 5), call.rows(boxes2, "boxes2", 5)
        value, out = call.result((n, m))
        call("rotated_iou_pairwise", *codes, a, n, stride_a, b, m, stride_b, out, m, scratch=(n, m))
    return value


def rotated_box_iou_grad(
    boxes1: Any, boxes2: Any, grad: Any, *, angle: str, metric: str = "iou", outputs: str | Sequence[str] = ("grad_boxes1", "grad_boxes2")
) -> Any:
    """The gradients of rotated_box_iou for both arguments, by the gradient (N, M) for its result, whose rows may be apart."""
    call, codes = _Call(boxes1), (code_of(metric, ROTATED_METRICS, "metric"), code_of(angle, ANGLES, "angle"))
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1", 5), call.rows(boxes2, "boxes2", 5)
        cotangent, rows, stride = call.rows(grad, "grad", m)
        if rows != n:
            raise ValueError(f"grad must have the shape {(n, m)}, not {(rows, m)}")
        found, results = call.results(outputs, {"grad_boxes1": ((n, 5), None), "grad_boxes2": ((m, 5), None)})
        call("rotated_iou_pairwise_grad", *codes, a, n, stride_a, b, m, stride_b, cotangent, max(stride, m), *results, scratch=(n, m))
    return found


def aligned_rotated_box_iou(boxes1: Any, boxes2: Any, *, angle: str, metric: str = "iou", outputs: str | Sequence[str] = "iou") -> Any:
    """The overlap of row i with row i: "iou" (N,), and its gradients "grad_boxes1" and "grad_boxes2" (N, 5)."""
    call, codes = _Call(boxes1), (code_of(metric, ROTATED_METRICS, "metric"), code_of(angle, ANGLES, "angle"))
    with call.device.guard():
        (a, n, stride_a), (b, m, stride_b) = call.rows(boxes1, "boxes1", 5), call.rows(boxes2, "boxes2", 5)
        _same(n, m, "boxes1", "boxes2")
        found, results = call.results(outputs, {"iou": ((n,), None), "grad_boxes1": ((n, 5), None), "grad_boxes2": ((n, 5), None)})
        call("rotated_iou_aligned", *codes, a, stride_a, b, stride_b, n, *results, scratch=(n,))
    return found


def rotated_box_iou_loss(
    pred: Any, target: Any, *, angle: str, mode: str = "linear", least_iou: float = 1e-6, weights: Any = None, normalizer: float | None = None,
    outputs: str | Sequence[str] = "loss",
) -> Any:  # fmt: skip
    """The loss 1 - IoU of rotated boxes (N, 5), or with mode "log" -log(max(IoU, least_iou)): "loss", "per_box", "grad_pred" and "grad_target" (N, 5), as
    box_iou_loss."""
    call, codes = _Call(pred), (code_of(mode, MODES, "mode"), code_of(angle, ANGLES, "angle"))
    with call.device.guard():
        (p, n, stride_p), (t, m, stride_t) = call.rows(pred, "pred", 5), call.rows(target, "target", 5)
        _same(n, m, "pred", "target")
        divisor = float(n) if normalizer is None else number(normalizer, "normalizer")
        weight = call.packed(weights, "weights", (n,))
        possible: _Possible = {"loss": ((1,), "float64"), "per_box": ((n,), None), "grad_pred": ((n, 5), None), "grad_target": ((n, 5), None)}
        found, results = call.results(outputs, possible)
        call("rotated_iou_loss", *codes, p, stride_p, t, stride_t, n, weight, number(least_iou, "least_iou"), divisor, *results, scratch=(n,))
    return found


# ---- Other losses, and deltas ----


def smooth_l1_loss(
    input: Any, target: Any, *, sigma: float = 1.0, inside_weights: Any = None, outside_weights: Any = None, normalizer: float | None = None,
    outputs: str | Sequence[str] = "loss",
) -> Any:  # fmt: skip
    """Smooth L1 of two arrays of one shape: "loss", the sum by the normalizer (of their number, so that it is the mean) as a float64 array (1,),
    "elementwise", and the gradients of the loss, "grad_input" and "grad_target". The weights have the same shape."""
    call = _Call(input)
    with call.device.guard():
        view = call.array(input, "input")
        shape, n = view.shape, math.prod(view.shape)
        arrays = [call.packed(x, name, shape) for x, name in ((input, "input"), (target, "target"), (inside_weights, "inside_weights"),
                                                              (outside_weights, "outside_weights"))]  # fmt: skip
        divisor = float(n) if normalizer is None else number(normalizer, "normalizer")
        possible: _Possible = {"loss": ((1,), "float64"), "elementwise": (shape, None), "grad_input": (shape, None), "grad_target": (shape, None)}
        found, results = call.results(outputs, possible)
        call("smooth_l1", *arrays, n, number(sigma, "sigma"), divisor, *results, scratch=(n,))
    return found


def encode_boxes(
    proposals: Any, targets: Any, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1), on_degenerate: str = "zero",
    outputs: str | Sequence[str] = "deltas",
) -> Any:  # fmt: skip
    """The deltas (N, 4) of targets against proposals: "deltas", "degenerate" (N,), uint8 marks of the rows with a box that is degenerate, and their
    number, "degenerate_count", int64 (1,). on_degenerate: "zero" or "propagate". (An error would have to wait for the device.)"""
    call, code = _Call(proposals), code_of(on_degenerate, {"zero": 1, "propagate": 2}, "on_degenerate")
    options = _options(means, stds, on_degenerate=code)
    with call.device.guard():
        (p, n, stride_p), (t, m, stride_t) = call.rows(proposals, "proposals"), call.rows(targets, "targets")
        _same(n, m, "proposals", "targets")
        names = {outputs} if isinstance(outputs, str) else {*outputs}
        possible: _Possible = {"deltas": ((n, 4), None), "degenerate": ((n,), "uint8"), "degenerate_count": ((1,), "int64")}
        found, results = call.results(outputs, possible)
        if "deltas" not in names:
            results[0] = call.result((n, 4))[1]
        call("delta_encode", ctypes.addressof(ctypes.c_char.from_buffer(options)), p, stride_p, t, stride_t, n, *results)
    return found


def decode_boxes(
    proposals: Any, deltas: Any, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1), max_shape: Sequence[float] | None = None,
    log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP, center_clamp: float | None = None,
) -> Any:  # fmt: skip
    """The boxes that deltas (N, groups * 4) describe, relative to proposals (N, 4); in the shape of the deltas. As boxgrad.decode_boxes."""
    options = _options(
        means, stds, _log_ratio_bounds(log_ratio_clip), (-1.0, -1.0) if max_shape is None else image_size(max_shape, "max_shape"),
        math.inf if center_clamp is None else number(center_clamp, "center_clamp"),
    )  # fmt: skip
    call = _Call(proposals)
    with call.device.guard():
        p, n, stride_p = call.rows(proposals, "proposals")
        width = call.array(deltas, "deltas").shape[-1:]
        if not width or width[0] % 4:
            raise ValueError("deltas must have the shape (N, groups * 4)")
        d, m, stride_d = call.rows(deltas, "deltas", width[0])
        _same(n, m, "proposals", "deltas")
        value, out = call.result((n, width[0]))
        call("delta_decode", ctypes.addressof(ctypes.c_char.from_buffer(options)), p, stride_p, d, stride_d, n, width[0] // 4, out)
    return value


def match_boxes(
    proposals: Any, truths: Any, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False, *, forced: str = "proposal",
    metric: str = "iou", eps: float = _EPS,
) -> Any:  # fmt: skip
    """The ground truth (M, 4) that each proposal (N, 4) overlaps most, int64 (N,), and that overlap (N,). As boxgrad.match_boxes."""
    quality, code = _low_quality(allow_low_quality_matches, forced), code_of(metric, _METRICS, "metric")
    call = _Call(proposals)
    with call.device.guard():
        (p, n, stride_p), (t, m, stride_t) = call.rows(proposals, "proposals"), call.rows(truths, "truths")
        (matches, out), (overlaps, out2) = call.result((n,), "int64"), call.result((n,))
        low, high = number(low_threshold, "low_threshold"), number(high_threshold, "high_threshold")
        call("match", code, p, n, stride_p, t, m, stride_t, number(eps, "eps"), low, high, quality, out, out2, scratch=(m,))
    return matches, overlaps


def nms(boxes: Any, scores: Any, iou_threshold: float, *, score_threshold: float = -math.inf, max_keep: int | None = None, wait: bool = True) -> Any:
    """The indices of the boxes (N, 4) that stay, by descending score, int64. As boxgrad.nms. It waits for the device.

    With wait=False it does not, and returns two arrays: the indices, of which the first are valid, and in (1,) how many these are.
    """
    return batched_nms(boxes, scores, None, iou_threshold, score_threshold=score_threshold, max_keep=max_keep, wait=wait)


def batched_nms(
    boxes: Any, scores: Any, idxs: Any, iou_threshold: float, *, score_threshold: float = -math.inf, max_keep: int | None = None, wait: bool = True
) -> Any:
    """nms within each class. idxs: the classes (N,), int64."""
    limit, call = _limit(max_keep), _Call(boxes)
    with call.device.guard():
        pointer, n, stride = call.rows(boxes, "boxes")
        values, classes = call.packed(scores, "scores", (n,)), call.packed(idxs, "idxs", (n,), "int64")
        (keep, out), (count, out2) = call.result((min(n, limit),), "int64"), call.result((1,), "int64")
        thresholds = number(iou_threshold, "iou_threshold"), number(score_threshold, "score_threshold")
        call("nms", pointer, n, stride, values, classes, *thresholds, limit, out, out2, scratch=(n,))
        return keep[: int(count[0])] if wait else (keep, count)


# ---- Gradients ----

_DTYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}
"""C's codes."""
Arrays = Union[Any, Iterable[Any]]


class Tensors:
    """Tensors, each the address, the number of elements and the code of the dtype of one, and calls of the functions of many tensors.

    `empty` gives the address of as many bytes for scratch, which is the call's until the stream has done the work.
    """

    def __init__(self, tensors: Sequence[tuple[int, int, int]], empty: Any, stream: int) -> None:
        self._empty, self._stream = empty, stream
        self._rounds: list[list[tuple[int, int, int]]] = []
        """The device changes all tensors of a call at once. Therefore one that is listed again is of another call."""
        times: dict[int, int] = {}
        for tensor in tensors:
            k = times[tensor[0]] = times.get(tensor[0], -1) + 1 if tensor[1] else 0
            if k == len(self._rounds):
                self._rounds.append([])
            self._rounds[k].append(tensor)
        self._all = tensors

    def norm(self, p: float, total: int | None, per_tensor: int | None = None, first_nonfinite: int | None = None) -> None:
        self._measure("grad_norm", p, total, per_tensor, first_nonfinite)

    def clip(self, max_norm: float, p: float, eps: float, code: int, total: int) -> None:
        if len(self._rounds) > 1:
            self.norm(p, total)
            self.clip_with_norm(max_norm, total, eps, code)
        else:
            self._measure("clip_grad_norm", max_norm, p, eps, code, total)

    def clip_with_norm(self, max_norm: float, total: int, eps: float, code: int) -> None:
        self._change("clip_grads_with_norm", max_norm, total, eps, code)

    def clip_value(self, limit: float) -> None:
        self._change("clip_grad_value", limit)

    def _measure(self, name: str, *arguments: Any) -> None:
        listed = _packed_tensors(self._all)
        size = getattr(_library, f"boxgrad_cuda_{name}_scratch")(*listed)
        _check(getattr(_library, f"boxgrad_cuda_{name}")(*listed, *arguments, self._empty(size) if 0 < size < 2**63 else None, size, self._stream))

    def _change(self, name: str, *arguments: Any) -> None:
        for tensors in self._rounds or [[]]:
            _check(getattr(_library, f"boxgrad_cuda_{name}")(*_packed_tensors(tensors), *arguments, self._stream))


def _packed_tensors(tensors: Sequence[tuple[int, int, int]]) -> tuple[bytes, int]:
    return b"".join([TENSOR.pack(*tensor, 0) for tensor in tensors]), len(tensors)


def order_on_gpu(norm_type: Order) -> float:
    p = norm_order(norm_type)
    if p not in (1, 2, math.inf):
        raise ValueError(f"norm_type must be 1, 2 or inf on a GPU, not {norm_type}")
    return p


def _listed(tensors: Arrays) -> list[Any]:
    is_array = is_tensor(tensors) or hasattr(tensors, "__cuda_array_interface__") or hasattr(tensors, "__dlpack__")
    listed = [x for x in ([tensors] if is_array else tensors) if x is not None]
    if not listed:
        raise ValueError("there are no tensors, so that none says where the result shall be")
    return listed


def _tensors(call: _Call, listed: Sequence[Any]) -> Tensors:
    found = []
    for i, x in enumerate(listed):
        view = _view(x, f"tensor {i}", call.stream)
        if view.dtype not in _DTYPES:
            raise TypeError(f"tensor {i} has dtype {view.dtype}; it must be float16, bfloat16, float32 or float64")
        call.array(x, f"tensor {i}", view.dtype)
        # Elements may be in any order, such as torch's channels_last, if there are no gaps between them.
        order = sorted(range(len(view.shape)), key=view.strides.__getitem__, reverse=True)
        if not view._replace(shape=tuple(view.shape[k] for k in order), strides=tuple(view.strides[k] for k in order)).packed:
            raise ValueError(f"tensor {i} must be contiguous: pass a copy")
        found.append((view.pointer, math.prod(view.shape), _DTYPES[view.dtype]))
    return Tensors(found, lambda size: call.result((size,), "uint8")[1], call.stream)


def get_total_norm(tensors: Arrays, norm_type: Order = 2.0, *, outputs: str | Sequence[str] = "total") -> Any:
    """The norm of all elements of some arrays, float64 (1,), for norm_type 1, 2 and inf. As boxgrad.get_total_norm.

    outputs: "total"; "per_tensor", the norm of each array by itself, float64 (n,); "first_nonfinite", the index of the first array that holds an infinity or
    a NaN, int64 (1,), which is -1 if none does. Whether the norm is finite is not known when the function returns.

        total, norms = boxgrad.cuda.get_total_norm(gradients, outputs=("total", "per_tensor"))
    """
    p, listed = order_on_gpu(norm_type), _listed(tensors)
    call = _Call(listed[0])
    with call.device.guard():
        found, (total, norms, first) = call.results(
            outputs, {"total": ((1,), "float64"), "per_tensor": ((len(listed),), "float64"), "first_nonfinite": ((1,), "int64")}
        )
        _tensors(call, listed).norm(p, total, norms, first)
    return found


def clip_grad_norm_(
    tensors: Arrays, max_norm: float, norm_type: Order = 2.0, *, on_nonfinite: str = "propagate", eps: float = _NORM_EPS
) -> Any:
    """Scales arrays in place by max_norm / (total + eps), unless that is >= 1; returns the total norm before, float64 (1,). As boxgrad.clip_grad_norm_.

    on_nonfinite: "propagate", "skip" or "zero". With "error" nothing is changed where the norm is infinite or NaN, and no exception is raised, because that
    is not known when the function returns: the norm tells. An array that is listed twice counts twice, and is scaled twice.

        total = boxgrad.cuda.clip_grad_norm_(gradients, max_norm=1.0)
    """
    p, code, listed = order_on_gpu(norm_type), code_of(on_nonfinite, _ON_NONFINITE, "on_nonfinite"), _listed(tensors)
    call = _Call(listed[0])
    with call.device.guard():
        total, out = call.result((1,), "float64")
        _tensors(call, listed).clip(number(max_norm, "max_norm"), p, number(eps, "eps"), code, out)
    return total


def clip_grads_with_norm_(tensors: Arrays, max_norm: float, total_norm: Any, *, on_nonfinite: str = "propagate", eps: float = _NORM_EPS) -> None:
    """The second half of clip_grad_norm_, by a total norm that is known: float64 (1,) on the same device. As boxgrad.clip_grads_with_norm_."""
    code, listed = code_of(on_nonfinite, _ON_NONFINITE, "on_nonfinite"), _listed(tensors)
    call = _Call(listed[0])
    with call.device.guard():
        total = call.packed(total_norm, "total_norm", (1,), "float64")
        if total is None:
            raise TypeError("total_norm must be an array of float64, not None")
        _tensors(call, listed).clip_with_norm(number(max_norm, "max_norm"), total, number(eps, "eps"), code)


def clip_grad_value_(tensors: Arrays, clip_value: float) -> None:
    """Clamps every element of some arrays to [-clip_value, clip_value] in place. NaN stays NaN. As boxgrad.clip_grad_value_."""
    listed = _listed(tensors)
    call = _Call(listed[0])
    with call.device.guard():
        _tensors(call, listed).clip_value(number(clip_value, "clip_value"))


def _same(n: int, m: int, name1: str, name2: str) -> None:
    if n != m:
        raise ValueError(f"{name1} has {n} rows and {name2} {m}: they must be equal")
