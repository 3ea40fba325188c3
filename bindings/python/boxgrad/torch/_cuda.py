"""The functions of libboxgrad_cuda.so on torch's CUDA tensors, with the names and arguments of the CPU's: scratch and the stream are added here.

The work is put on torch's current stream of the tensors' device, and results and scratch come from torch's allocator, which knows that stream: a call
returns before it is done, and can be captured in a graph.
"""

from __future__ import annotations

import contextlib
import functools
import math
from typing import Any, Callable, Iterator, List, Optional, Tuple

import torch

from .. import gradient_norm as _arrays
from .._library import memory_at
from .._prototypes import ON_CUDA
from ..errors import NonFiniteError

_SUFFIXES = {torch.float32: "f32", torch.float64: "f64"}
_SIZES = {
    "iou_pairwise": (0, 2, 5), "iou_pairwise_grad": (2, 5), "iou_loss": (5,), "smooth_l1": (4,), "rotated_iou_pairwise": (3, 6),
    "rotated_iou_pairwise_grad": (3, 6), "rotated_iou_aligned": (6,), "rotated_iou_loss": (6,),
}  # fmt: skip
"""For each function that takes scratch, the arguments that say how much."""
_DEVICE = 50  # BOXGRAD_DEVICE

current_device: Any = getattr(torch._C, "_cuda_getDevice", None)
current_stream: Any = getattr(torch._C, "_cuda_getCurrentRawStream", None)


def arrays() -> Any:
    """boxgrad.cuda, which is imported when the first CUDA tensor comes, because it loads the library."""
    from .. import cuda

    return cuda


class CudaFunctions:
    """The functions for one dtype and one device, as attributes of their names in C."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._suffix, self._device = _SUFFIXES[dtype], device

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in ON_CUDA:
            raise TypeError(f"boxgrad computes {name} on the CPU only, and the tensors are on the device '{self._device}': pass their cpu()")
        function = _function(name, self._suffix, self._device)
        setattr(self, name, function)
        return function


cuda_functions = functools.lru_cache(maxsize=None)(CudaFunctions)


def _function(name: str, suffix: str, device: torch.device) -> Callable[..., None]:
    library, check, index, sizes = arrays()._library, arrays()._check, device.index, _SIZES.get(name)
    call = getattr(library, f"boxgrad_cuda_{name}_{suffix}")
    scratch_of = functools.lru_cache(getattr(library, f"boxgrad_cuda_{name}_{suffix}_scratch")) if sizes else None

    def function(*arguments: Any) -> None:
        if current_device() != index:
            with torch.cuda.device(device):
                return function(*arguments)
        if scratch_of and sizes:
            size = scratch_of(*[arguments[k] for k in sizes])
            scratch = torch.empty(size, dtype=torch.uint8, device=device) if 0 < size < 2**63 else None
            arguments += (None if scratch is None else memory_at(scratch.data_ptr()), size)
        status = call(*arguments, current_stream(index))
        if status == _DEVICE and b"INVALID_CONTEXT" in library.boxgrad_cuda_last_error():
            torch.zeros(1, device=device)  # a new thread has no context before torch runs a kernel from it
            status = call(*arguments, current_stream(index))
        check(status)

    return function


# ---- Gradients ----

_DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}  # C's codes


def _without_gaps(x: torch.Tensor) -> Optional[torch.Tensor]:
    """The elements in the order of the memory, as for torch's channels_last, unless there are gaps between them."""
    if x.is_neg():
        return None
    if not x.is_contiguous():
        x = x.permute(sorted(range(x.dim()), key=x.stride, reverse=True))
    return x if x.is_contiguous() else None


class CudaGradients:
    """Gradients on one CUDA device, as the functions of many tensors take them."""

    def __init__(self, gradients: List[torch.Tensor]) -> None:
        self.device, self.count = gradients[0].device, len(gradients)
        self._rows: List[Tuple[int, int, int]] = []
        self._copies: List[Tuple[torch.Tensor, torch.Tensor]] = []
        for i, x in enumerate(gradients):
            if hasattr(x, "device_mesh"):
                raise TypeError(f"gradient {i} is a DTensor: pass its to_local(), or on CPUs use boxgrad.torch.distributed")
            if x.device != self.device:
                raise TypeError(f"gradient {i} is on the device '{x.device}', and must be on '{self.device}'")
            if x.layout is not torch.strided:
                raise TypeError(f"gradient {i} has the layout {x.layout}; boxgrad takes dense tensors: pass its to_dense()")
            if x.dtype not in _DTYPES:
                raise TypeError(f"gradient {i} has dtype {x.dtype}; it must be float16, bfloat16, float32 or float64")
            x = x.detach()
            packed = _without_gaps(x)
            if packed is None:
                packed = x.resolve_neg().contiguous()
                self._copies.append((x, packed))
            self._rows.append((packed.data_ptr(), packed.numel(), _DTYPES[x.dtype]))

    @contextlib.contextmanager
    def _tensors(self) -> Iterator[Any]:
        with torch.cuda.device(self.device):
            held: List[torch.Tensor] = []

            def scratch(size: int) -> int:
                held.append(torch.empty(size, dtype=torch.uint8, device=self.device))
                return held[0].data_ptr()

            yield arrays().Tensors(self._rows, scratch, int(torch.cuda.current_stream(self.device).cuda_stream))

    @contextlib.contextmanager
    def _changed(self) -> Iterator[Any]:
        with self._tensors() as tensors:
            yield tensors
        for x, copy in self._copies:
            x.copy_(copy)

    def norm(self, p: float) -> torch.Tensor:
        total = torch.empty((), dtype=torch.float64, device=self.device)
        with self._tensors() as tensors:
            tensors.norm(p, total.data_ptr())
        return total

    def clip(self, max_norm: float, p: float, on_nonfinite: int) -> torch.Tensor:
        total = torch.empty((), dtype=torch.float64, device=self.device)
        with self._changed() as tensors:
            tensors.clip(max_norm, p, _arrays._EPS, on_nonfinite, total.data_ptr())
        return total

    def clip_with_norm(self, max_norm: float, total: torch.Tensor) -> None:
        total = total.detach().to(self.device, torch.float64).contiguous()
        with self._changed() as tensors:
            tensors.clip_with_norm(max_norm, total.data_ptr(), _arrays._EPS, _arrays._ON_NONFINITE["propagate"])

    def clip_value(self, limit: float) -> None:
        with self._changed() as tensors:
            tensors.clip_value(limit)

    def refuse_nonfinite(self, total: torch.Tensor, name: str) -> None:
        """Waits for the norm, and raises if it is infinite or NaN."""
        if math.isfinite(float(total)):
            return
        first = torch.empty((), dtype=torch.int64, device=self.device)
        with self._tensors() as tensors:
            tensors.norm(math.inf, None, None, first.data_ptr())
        i = int(first)
        raise NonFiniteError(f"{name}[{i}] is not finite" if i >= 0 else f"{name} are finite, but their total norm is too large for a double")


def order_on_gpu(norm_type: Any) -> float:
    return float(arrays().order_on_gpu(norm_type))
