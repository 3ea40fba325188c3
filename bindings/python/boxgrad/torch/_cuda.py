"""The functions of libboxgrad_cuda.so on torch's CUDA tensors, with the names and arguments of the CPU's: scratch and the stream are added here.

The work is put on torch's current stream of the tensors' device, and results and scratch come from torch's allocator, which knows that stream: a call
returns before it is done, and can be captured in a graph.
"""

from __future__ import annotations

import functools
from typing import Any, Callable

import torch

from .._library import memory_at
from .._prototypes import ON_CUDA

_SUFFIXES = {torch.float32: "f32", torch.float64: "f64"}
_SIZES = {"iou_pairwise": (0, 2, 5), "iou_pairwise_grad": (2, 5), "iou_loss": (5,), "smooth_l1": (4,)}
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
