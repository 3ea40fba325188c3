"""Between what callers pass and what an operator takes: tensors of one dtype and device that C computes in, and of shapes that match."""

from __future__ import annotations

import sys
from typing import Any, Sequence

import torch
from torch import Tensor

from .._arrays import is_tensor
from ._operators import C_FUNCTIONS, PLAIN

_HALVES = (torch.float16, torch.bfloat16)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FORMATS = ("xyxy", "xywh", "cxcywh")
"""The formats that torchvision's BoundingBoxes and boxgrad have in common."""


def tensor(name: str, x: Any) -> Tensor:
    """The tensor, which boxgrad can compute with: on the CPU or a CUDA device, dense; or one without numbers, on the device meta."""
    if not is_tensor(x):
        raise TypeError(f"{name} must be a tensor, not {type(x).__name__}: boxgrad's functions outside of boxgrad.torch take arrays")
    if not (x.is_cpu or x.is_cuda or x.is_meta):
        there = "with boxgrad.torch.set_other_devices('torchvision') torchvision's own function computes there"
        raise TypeError(f"{name} is on the device '{x.device}', and boxgrad computes on the CPU and on CUDA devices: pass {name}.cpu(); {there}")
    if x.layout is not torch.strided:
        raise TypeError(f"{name} has the layout {x.layout}; boxgrad takes dense tensors: pass its to_dense()")
    return x


def floats(name: str, x: Any) -> Tensor:
    """The tensor in a dtype that C computes in: float16 and bfloat16 become float32, integers float64."""
    if not (type(x) in PLAIN and (x.is_cpu or x.is_cuda) and x.dtype in C_FUNCTIONS and x.layout is torch.strided):
        x = tensor(name, x)
        if x.dtype in _HALVES:
            return x.float()
        if x.dtype in INTEGERS:
            return x.double()
        if x.dtype not in C_FUNCTIONS:
            raise TypeError(f"{name} has dtype {x.dtype}; it must be float16, bfloat16, float32, float64 or an integer type")
    return x


def are_ready(x1: Any, x2: Any) -> bool:
    """Whether aligned() would give these tensors themselves: nearly always, so it is asked first."""
    return (
        type(x1) in PLAIN and type(x2) in PLAIN and (x1.is_cpu and x2.is_cpu or x1.is_cuda and x1.device == x2.device) and x1.dtype in C_FUNCTIONS and x1.dtype is x2.dtype
        and x1.shape == x2.shape and x1.layout is x2.layout is torch.strided
    )  # fmt: skip


def pair(name1: str, x1: Any, name2: str, x2: Any) -> tuple[Tensor, Tensor]:
    """Two tensors of one dtype on one device."""
    x1, x2 = floats(name1, x1), floats(name2, x2)
    if x1.dtype is not x2.dtype:
        dtype = torch.promote_types(x1.dtype, x2.dtype)
        x1, x2 = x1.to(dtype), x2.to(dtype)
    if x1.device != x2.device:
        raise TypeError(f"{name1} is on the device '{x1.device}' and {name2} on '{x2.device}': they must be on one")
    return x1, x2


def aligned(name1: str, x1: Any, name2: str, x2: Any) -> tuple[Tensor, Tensor]:
    """A pair() that is broadcast to one shape."""
    x1, x2 = pair(name1, x1, name2, x2)
    if x1.shape != x2.shape:
        try:
            shape = torch.broadcast_shapes(x1.shape, x2.shape)
        except RuntimeError:
            raise ValueError(f"the shapes of {name1} {tuple(x1.shape)} and {name2} {tuple(x2.shape)} do not match") from None
        x1, x2 = x1.expand(shape), x2.expand(shape)
    return x1, x2


def constant(name: str, x: Any, shape: Sequence[int], like: Tensor) -> Tensor | None:
    """Weights: broadcast to the shape, in the dtype of `like`. boxgrad has no gradient for them."""
    if x is None:
        return None
    x = floats(name, x)
    if x.requires_grad and torch.is_grad_enabled():
        raise ValueError(f"{name} requires a gradient, and boxgrad has none for it: pass {name}.detach()")
    if x.device != like.device:
        raise TypeError(f"{name} is on the device '{x.device}', and must be on '{like.device}'")
    if x.dtype is not like.dtype:
        x = x.to(like.dtype)
    try:
        return x if x.shape == tuple(shape) else x.expand(shape)
    except RuntimeError:
        raise ValueError(f"{name} has the shape {tuple(x.shape)}, which does not broadcast to {tuple(shape)}") from None


def in_half(value: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
    """The value in the dtype of both arguments, if that is float16 or bfloat16; but float32 where torch's autocast would make it that."""
    dtype = torch.promote_types(x1.dtype, x2.dtype)
    return value.to(dtype) if dtype in _HALVES and not (value.is_cuda and torch.is_autocast_enabled("cuda")) else value


def check_boxes(name: str, boxes: Tensor, width: int = 4) -> None:
    if boxes.shape[-1:] != (width,):
        raise ValueError(f"{name} must have the shape (..., {width}), not {tuple(boxes.shape)}")


def check_aligned(name1: str, x1: Tensor, name2: str, x2: Tensor) -> None:
    """The shapes of two arguments of an operator that are equal, since aligned() made them so."""
    if x1.shape != x2.shape:
        raise ValueError(f"{name1} has the shape {tuple(x1.shape)} and {name2} {tuple(x2.shape)}: they must be equal")


def check_constant(name: str, x: Tensor | None, shape: Sequence[int]) -> None:
    if x is not None and x.shape != tuple(shape):
        raise ValueError(f"{name} has the shape {tuple(x.shape)}, and must have {tuple(shape)}")


def bounding_boxes(x: Any) -> Any:
    """torchvision's class of boxes that know their format, if x is one of it, found out without importing torchvision."""
    module = sys.modules.get("torchvision.tv_tensors")
    return module if module is not None and isinstance(x, module.BoundingBoxes) else None


def format_of(name: str, x: Any, fmt: str) -> tuple[Any, str]:
    """The boxes as a plain tensor, and their format: that of BoundingBoxes, else fmt."""
    if type(x) in PLAIN or bounding_boxes(x) is None:
        return x, fmt
    own = x.format.value.lower()
    if own not in FORMATS:
        raise ValueError(f"{name} has the format {own}, and boxgrad has no rotated boxes")
    return x.as_subclass(Tensor), own
