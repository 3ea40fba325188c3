"""Boxes of a detector that has anchors in the cells of a grid, as YOLOv5 decodes them."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from ._operators import Operator, memory, rows
from ._tensors import aligned, check_aligned, check_boxes, check_constant, constant, in_half
from .boxes import corners


def _shape(proposals: Tensor, deltas: Tensor, strides: Tensor) -> Sequence[int]:
    check_boxes("proposals", proposals)
    check_aligned("proposals", proposals, "deltas", deltas)
    check_constant("strides", strides, proposals.shape[:-1])
    return proposals.shape


def _decode(c: Any, out: Tensor, proposals: Tensor, deltas: Tensor, strides: Tensor) -> None:
    (p, stride_p), (d, stride_d), sizes = rows(proposals), rows(deltas), strides.contiguous()
    c.yolo_decode(memory(p), stride_p, memory(d), stride_d, memory(sizes), deltas.numel() // 4, memory(out))


def _decode_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], proposals: Tensor, deltas: Tensor, strides: Tensor) -> None:
    (p, stride_p), (d, stride_d), sizes = rows(proposals), rows(deltas), strides.contiguous()
    inputs = memory(p), stride_p, memory(d), stride_d, memory(sizes), deltas.numel() // 4
    c.yolo_decode_grad(*inputs, memory(cotangent), *map(memory, out))


_yolo_decode = Operator(
    "yolo_decode", "Tensor proposals, Tensor deltas, Tensor strides", differentiable=2, value=_decode, gradient=_decode_gradient, shape=_shape
)


def decode_yolo(proposals: Tensor, deltas: Tensor, strides: Tensor | float) -> Tensor:
    """The boxes that deltas (tx, ty, tw, th) make of anchors in cells: corners, (..., 4). The formula is that of boxgrad.decode_yolo.

    proposals and deltas: (..., 4), which broadcast; strides: the side of each row's cell, a number or what broadcasts to (...), a constant.
    float16 and bfloat16 are computed in float32, and returned.

    ValueError: shape, strides that require a gradient; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.decode_yolo(torch.tensor([[-1.0, -6.0, 9.0, 14.0]]), torch.zeros(1, 4), 8.0)
    tensor([[-1., -6.,  9., 14.]])
    """
    p, d = aligned("proposals", corners("proposals", proposals), "deltas", deltas)
    sizes = strides if isinstance(strides, Tensor) else torch.tensor(strides, dtype=p.dtype, device=p.device)
    return in_half(_yolo_decode(p, d, constant("strides", sizes, p.shape[:-1], p)), proposals, deltas)
