"""Boxes as distances of points, or of the centres of proposals, to their sides, with gradients, and the coder of torchvision's FCOS."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import torch
from torch import Tensor

from ..deltas import _named
from ._operators import Operator, memory, rows
from ._tensors import bounding_boxes, check_boxes, in_half, pair
from ._torchvision import DETECTION, goes_to_torchvision, original, stands_for
from .boxes import box_convert, corners


def _operator(name: str, width: int, name1: str, name2: str, is_linear: bool = False) -> Operator:
    """A function of C that makes rows of 4 of rows of `width` and of 4. The gradient of a linear one needs neither."""

    def shape(first: Tensor, second: Tensor) -> Sequence[int]:
        check_boxes(name2, second)
        if first.shape != (*second.shape[:-1], width):
            raise ValueError(f"{name1} must have the shape {(*second.shape[:-1], width)}, not {tuple(first.shape)}")
        return second.shape

    def value(c: Any, out: Tensor, first: Tensor, second: Tensor) -> None:
        (a, stride_a), (b, stride_b) = rows(first), rows(second)
        getattr(c, name)(memory(a), stride_a, memory(b), stride_b, second.numel() // 4, memory(out))

    def gradient(c: Any, cotangent: Tensor, out: Sequence[Any], first: Tensor, second: Tensor) -> None:
        (a, stride_a), (b, stride_b), count = rows(first), rows(second), second.numel() // 4
        inputs = (count,) if is_linear else (memory(a), stride_a, memory(b), stride_b, count)
        getattr(c, f"{name}_grad")(*inputs, memory(cotangent), *map(memory, out))

    return Operator(name, f"Tensor {name1}, Tensor {name2}", differentiable=2, value=value, gradient=gradient, shape=shape)


_ltrb_encode = _operator("ltrb_encode", 2, "points", "boxes", is_linear=True)
_ltrb_decode = _operator("ltrb_decode", 2, "points", "distances", is_linear=True)
_linear_encode = _operator("linear_encode", 4, "proposals", "targets")
_linear_decode = _operator("linear_decode", 4, "proposals", "distances")


def _of_pairs(operator: Callable[..., Tensor], name1: str, x1: Any, width: int, name2: str, x2: Any) -> Tensor:
    first, second = pair(name1, corners(name1, x1), name2, corners(name2, x2))
    if first.shape[-1:] != (width,):
        raise ValueError(f"{name1} must have the shape (..., {width}), not {tuple(first.shape)}")
    check_boxes(name2, second)
    try:
        each = torch.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    except RuntimeError:
        raise ValueError(f"the shapes of {name1} {tuple(first.shape)} and {name2} {tuple(second.shape)} do not match") from None
    return in_half(operator(first.expand(*each, width), second.expand(*each, 4)), x1, x2)


def encode_distances(points: Tensor, boxes: Tensor) -> Tensor:
    """The distances (x - x1, y - y1, x2 - x, y2 - y) of points (..., 2) to the sides of boxes (..., 4). As boxgrad.encode_distances.

    The shapes before the last dimension broadcast. float16 and bfloat16 are computed in float32, and returned.

    ValueError: shape; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.encode_distances(torch.tensor([[3.0, 2.0]]), torch.tensor([[1.0, 0.0, 5.0, 8.0]]))
    tensor([[2., 2., 2., 6.]])
    """
    return _of_pairs(_ltrb_encode, "points", points, 2, "boxes", boxes)


def decode_distances(points: Tensor, distances: Tensor) -> Tensor:
    """The boxes (x - l, y - t, x + r, y + b) of points (..., 2) and distances (..., 4): the inverse of encode_distances.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.decode_distances(torch.tensor([[3.0, 2.0]]), torch.tensor([[2.0, 2.0, 2.0, 6.0]]))
    tensor([[1., 0., 5., 8.]])
    """
    return _of_pairs(_ltrb_decode, "points", points, 2, "distances", distances)


def encode_linear(proposals: Tensor, targets: Tensor) -> Tensor:
    """How far the sides of targets are from the centres of proposals, in the proposals' sides. As boxgrad.encode_linear.

    Otherwise as encode_distances.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.encode_linear(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[1.0, 0.0, 5.0, 8.0]]))
    tensor([[0.2500, 0.5000, 0.7500, 1.5000]])
    """
    return _of_pairs(_linear_encode, "proposals", proposals, 4, "targets", targets)


def decode_linear(proposals: Tensor, distances: Tensor) -> Tensor:
    """The boxes (x - l w, y - t h, x + r w, y + b h): the inverse of encode_linear. As boxgrad.decode_linear.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.decode_linear(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.25, 0.5, 0.75, 1.5]]))
    tensor([[1., 0., 5., 8.]])
    """
    return _of_pairs(_linear_decode, "proposals", proposals, 4, "distances", distances)


@stands_for(DETECTION)
class BoxLinearCoder:
    """torchvision's BoxLinearCoder, of FCOS. Mind its words: in encode, *reference boxes* are the anchors, and proposals the ground truth.

    >>> import torch, boxgrad.torch
    >>> coder, anchors = boxgrad.torch.BoxLinearCoder(), torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    >>> coder.decode(coder.encode(anchors, torch.tensor([[1.0, 0.0, 5.0, 8.0]])), anchors)
    tensor([[1., 0., 5., 8.]])
    """

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    @classmethod
    def from_torchvision(cls, theirs: Any) -> BoxLinearCoder:
        """The coder with the settings of torchvision's."""
        return cls(theirs.normalize_by_size)

    def encode(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        """The distances (..., 4) of the ground truth's sides from the anchors' centres, in the anchors' sides if normalize_by_size."""
        if goes_to_torchvision(reference_boxes, proposals, on_cuda=False):
            return original("BoxLinearCoder")(self.normalize_by_size).encode(reference_boxes, proposals)
        with _named(targets="proposals", proposals="reference_boxes", boxes="proposals", points="reference_boxes"):
            if self.normalize_by_size:
                return encode_linear(reference_boxes, proposals)
            return encode_distances(_centers(reference_boxes), proposals)

    def decode(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """The boxes (..., 4) of distances (..., 4) from the anchors `boxes` (..., 4)."""
        if goes_to_torchvision(rel_codes, boxes, on_cuda=False):
            return original("BoxLinearCoder")(self.normalize_by_size).decode(rel_codes, boxes)
        with _named(distances="rel_codes", proposals="boxes", points="boxes"):
            return decode_linear(boxes, rel_codes) if self.normalize_by_size else decode_distances(_centers(boxes), rel_codes)


def _centers(boxes: Tensor) -> Tensor:
    return box_convert(corners("boxes", boxes) if bounding_boxes(boxes) else boxes, "xyxy", "cxcywh")[..., :2]
