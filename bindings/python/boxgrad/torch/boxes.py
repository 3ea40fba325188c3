"""Boxes: area, formats, the image's border, and the clamp of single values."""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch
from torch import Tensor

from .._scalars import code_of, image_size, number
from ..boxes import _FORMATS
from ..clamp import _MODES
from ._operators import Operator, memory, rows
from ._tensors import FORMATS, bounding_boxes, check_boxes, floats, format_of, tensor
from ._torchvision import OPS, stands_for

_XYXY = _FORMATS["xyxy"]


def _area_shape(boxes: Tensor) -> Sequence[int]:
    check_boxes("boxes", boxes)
    return boxes.shape[:-1]


def _boxes_shape(boxes: Tensor, *_: Any) -> Sequence[int]:
    check_boxes("boxes", boxes)
    return boxes.shape


def _area(c: Any, out: Tensor, boxes: Tensor) -> None:
    first, stride = rows(boxes)
    c.box_area(memory(first), boxes.numel() // 4, stride, memory(out))


def _area_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes: Tensor) -> None:
    first, stride = rows(boxes)
    c.box_area_grad(memory(first), boxes.numel() // 4, stride, memory(cotangent), memory(out[0]))


def _convert(c: Any, out: Tensor, boxes: Tensor, source: int, target: int) -> None:
    first, stride = rows(boxes)
    c.box_convert(source, target, memory(first), boxes.numel() // 4, stride, memory(out), 4)


def _convert_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes: Tensor, source: int, target: int) -> None:
    c.box_convert_grad(source, target, boxes.numel() // 4, memory(cotangent), memory(out[0]))


def _clip(c: Any, out: Tensor, boxes: Tensor, height: float, width: float) -> None:
    first, stride = rows(boxes)
    c.box_clip(memory(first), boxes.numel() // 4, stride, width, height, memory(out), 4)


def _clip_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], boxes: Tensor, height: float, width: float) -> None:
    first, stride = rows(boxes)
    c.box_clip_grad(memory(first), boxes.numel() // 4, stride, width, height, memory(cotangent), memory(out[0]))


def _clamp(c: Any, out: Tensor, x: Tensor, low: float, high: float, mode: int) -> None:
    x = x.contiguous()
    c.clip(memory(x), x.numel(), low, high, memory(out))


def _clamp_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], x: Tensor, low: float, high: float, mode: int) -> None:
    x = x.contiguous()
    c.clip_grad(memory(x), x.numel(), low, high, memory(cotangent), mode, memory(out[0]), None)


_box_area = Operator("box_area", "Tensor boxes", differentiable=1, value=_area, gradient=_area_gradient, shape=_area_shape)
_box_convert = Operator(
    "box_convert", "Tensor boxes, int source, int target", differentiable=1, value=_convert, gradient=_convert_gradient, shape=_boxes_shape
)
_box_clip = Operator(
    "box_clip", "Tensor boxes, float height, float width", differentiable=1, value=_clip, gradient=_clip_gradient, shape=_boxes_shape
)
_clip_values = Operator(
    "clip", "Tensor x, float min, float max, int mode", differentiable=1, value=_clamp, gradient=_clamp_gradient,
    shape=lambda x, *_: x.shape,
)  # fmt: skip


def converted(boxes: Tensor, source: str, target: str) -> Tensor:
    """Boxes of one dtype that C computes in, in another format: themselves if they are in it."""
    return boxes if source == target else _box_convert(boxes, _FORMATS[source], _FORMATS[target])


def corners(name: str, boxes: Any) -> Tensor:
    """Boxes as xyxy: BoundingBoxes are converted from their format."""
    if bounding_boxes(boxes) is None:
        return boxes
    boxes, fmt = format_of(name, boxes, "xyxy")
    return converted(floats(name, boxes), fmt, "xyxy")


def _in_dtype_of(value: Tensor, given: Tensor) -> Tensor:
    return value if value.dtype is given.dtype else value.to(given.dtype)


def _like(boxes: Any, value: Tensor, fmt: str) -> Tensor:
    """The value as BoundingBoxes in this format, if the boxes were BoundingBoxes and theirs has such a format."""
    module = bounding_boxes(boxes)
    if module is None or fmt not in FORMATS:
        return value
    return module.wrap(value, like=boxes, format=module.BoundingBoxFormat(fmt.upper()))


@stands_for(OPS)
def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """(x2 - x1) * (y2 - y1), of boxes (..., 4), as a tensor (...). As torchvision.ops.box_area.

    fmt: "xyxy", "yxyx", "xywh" or "cxcywh"; where width and height are given, their product. BoundingBoxes have their own. float16 and
    bfloat16 give float32, integers keep their dtype.

    ValueError: shape, fmt; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_area(torch.tensor([[0.0, 0.0, 3.0, 2.0], [1.0, 1.0, 1.0, 5.0]]))
    tensor([6., 0.])
    """
    boxes, fmt = format_of("boxes", boxes, fmt)
    x = floats("boxes", boxes)
    check_boxes("boxes", x)
    if code_of(fmt, _FORMATS, "fmt") not in (_XYXY, _FORMATS["yxyx"]):  # a box at the origin has its width and height for coordinates
        x = torch.cat([torch.zeros_like(x[..., 2:]), x[..., 2:]], dim=-1)
    area = _box_area(x)
    return area if boxes.is_floating_point() else area.to(torch.int64 if boxes.dtype is torch.int64 else torch.int32)


@stands_for(OPS)
def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes (..., 4) in another format, in their dtype. As torchvision.ops.box_convert.

    Formats: "xyxy" corners; "yxyx" corners, y first; "xywh" top-left corner and size; "cxcywh" centre and size. BoundingBoxes give
    BoundingBoxes in the new format, and in_fmt must be theirs. Integers stay integers between "xyxy" and "xywh", else they become
    torch's default dtype.

    ValueError: shape, format; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.box_convert(torch.tensor([10.0, 20.0, 30.0, 60.0]), "xyxy", "cxcywh")
    tensor([20., 40., 20., 40.])
    """
    given = boxes
    boxes, own = format_of("boxes", boxes, in_fmt)
    if own != in_fmt:
        raise ValueError(f"in_fmt is {in_fmt!r}, and boxes are BoundingBoxes of the format {own!r}")
    x = floats("boxes", boxes)
    value = _box_convert(x, code_of(in_fmt, _FORMATS, "in_fmt"), code_of(out_fmt, _FORMATS, "out_fmt"))
    if boxes.is_floating_point() or "cxcywh" not in (in_fmt, out_fmt) or in_fmt == out_fmt:
        value = _in_dtype_of(value, boxes)
    else:
        value = value.to(torch.get_default_dtype())
    return _like(given, value, out_fmt)


@stands_for(OPS)
def clip_boxes_to_image(boxes: Tensor, size: Sequence[float]) -> Tensor:
    """x clamped to [0, width] and y to [0, height], of boxes (..., 4), in their dtype. As torchvision.ops.clip_boxes_to_image.

    size: (height, width). BoundingBoxes stay in their format. Gradient: passes inside and on the border, is 0 beyond it and for NaN.

    ValueError: shape, or a negative size; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.clip_boxes_to_image(torch.tensor([[-5.0, 10.0, 30.0, 90.0]]), (80, 60))
    tensor([[ 0., 10., 30., 80.]])
    """
    given = boxes
    boxes, fmt = format_of("boxes", boxes, "xyxy")
    height, width = image_size(size)
    clipped = _box_clip(converted(floats("boxes", boxes), fmt, "xyxy"), height, width)
    return _like(given, _in_dtype_of(converted(clipped, "xyxy", fmt), boxes), fmt)


def clip(x: Tensor, min: float | None = None, max: float | None = None, *, mode: str = "hard") -> Tensor:
    """min(max(x, lower bound), upper bound), elementwise, in the dtype of x. As torch.clamp, with a choice of gradients.

    mode: "hard" has the derivative, 1 within and on the bounds, 0 beyond them and for NaN; "straight_through" is 1 everywhere; "inward" is
    0 only where a descent step would push x further out, so that a clipped value can return. A bound of None is none.

    ValueError: a NaN bound, min > max, an unknown mode; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> x = torch.tensor([-3.0, 0.3, 2.0], requires_grad=True)
    >>> boxgrad.torch.clip(x, -1, 1, mode="straight_through").sum().backward()
    >>> x.grad
    tensor([1., 1., 1.])
    """
    low, high = -math.inf if min is None else number(min, "min"), math.inf if max is None else number(max, "max")
    if not low <= high:
        raise ValueError(f"min and max must be numbers with min <= max, not {min} and {max}")
    return _in_dtype_of(_clip_values(floats("x", x), low, high, code_of(mode, _MODES, "mode")), x)


@stands_for(OPS)
def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The indices of the boxes (N, 4) with width >= min_size and height >= min_size. As torchvision.ops.remove_small_boxes.

    ValueError: shape; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.remove_small_boxes(torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 1.0]]), 2.0)
    tensor([0])
    """
    boxes = tensor("boxes", corners("boxes", boxes)).detach()
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have the shape (N, 4), not {tuple(boxes.shape)}")
    return torch.where(((boxes[:, 2:] - boxes[:, :2]) >= number(min_size, "min_size")).all(dim=1))[0]
