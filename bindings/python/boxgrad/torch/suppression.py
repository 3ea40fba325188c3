"""Non-maximum suppression."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .. import suppression as _arrays
from .._scalars import integer
from ._cuda import arrays
from ._operators import rows
from ._tensors import INTEGERS, pair, tensor
from ._torchvision import OPS, stands_for
from .boxes import corners


def _data(name: str, x: Any) -> Tensor:
    """The numbers of a tensor, without its graph."""
    x = tensor(name, x).detach()
    if x.is_meta:
        raise NotImplementedError(f"{name} is on the device meta, and the number of boxes that stay depends on their numbers")
    return x


def _on_cuda(boxes: Tensor, scores: Tensor, idxs: Tensor | None, iou_threshold: float, score_threshold: float, max_keep: int | None) -> Tensor:
    boxes, scores = pair("boxes", boxes, "scores", scores)
    if idxs is not None:
        if idxs.dtype not in INTEGERS:
            raise TypeError(f"idxs must be integers, not {idxs.dtype}")
        idxs = idxs.to(torch.int64).contiguous()
    first, numbers = rows(boxes)[0], scores.contiguous()
    keep: Tensor = arrays().batched_nms(first, numbers, idxs, iou_threshold, score_threshold=score_threshold, max_keep=max_keep)
    return keep


@stands_for(OPS)
def nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, *, score_threshold: float = -math.inf, max_keep: int | None = None
) -> Tensor:
    """The indices of the boxes (N, 4) that stay, by descending score. As torchvision.ops.nms and boxgrad.nms.

    A box goes if its IoU with one that stays and has a higher score, or the same and a lower index, is greater than iou_threshold.
    score_threshold: boxes with no greater score go, too. max_keep: how many stay at most. It waits for a CUDA device, as torchvision's does.

    ValueError: shape, a negative iou_threshold, NaN; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    >>> boxgrad.torch.nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5)
    tensor([1, 2])
    """
    boxes, scores = _data("boxes", corners("boxes", boxes)), _data("scores", scores)
    if boxes.is_cuda:
        return _on_cuda(boxes, scores, None, iou_threshold, score_threshold, max_keep)
    return torch.from_numpy(_arrays.nms(boxes, scores, iou_threshold, score_threshold=score_threshold, max_keep=max_keep))


@stands_for(OPS)
def batched_nms(
    boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float,
    *, score_threshold: float = -math.inf, max_keep: int | None = None, max_per_class: int | None = None,
) -> Tensor:  # fmt: skip
    """nms within each class. As torchvision.ops.batched_nms, but without shifting coordinates, which loses their digits.

    idxs: the class of each box (N,), any integers. max_per_class: how many of each class stay at most. Otherwise as nms.

    >>> import torch, boxgrad.torch
    >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 0.0, 11.0, 10.0], [1.0, 1.0, 10.0, 10.0]])
    >>> boxgrad.torch.batched_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.tensor([3, -1, 3]), 0.5)
    tensor([1, 0])
    """
    boxes, scores, idxs = _data("boxes", corners("boxes", boxes)), _data("scores", scores), _data("idxs", idxs)
    if boxes.is_cuda:
        if max_per_class is None:
            return _on_cuda(boxes, scores, idxs, iou_threshold, score_threshold, max_keep)
        most, limit = integer(max_per_class, "max_per_class"), _arrays._limit(max_keep)
        kept = _on_cuda(boxes, scores, idxs, iou_threshold, score_threshold, None)
        ranks = torch.from_numpy(_arrays._ranks(idxs[kept].cpu().numpy()))
        return kept[(ranks < most).to(kept.device)][:limit]
    keep = _arrays.batched_nms(
        boxes, scores, idxs, iou_threshold, score_threshold=score_threshold, max_keep=max_keep, max_per_class=max_per_class
    )
    return torch.from_numpy(keep)


def _rotated(name: str, x: Any) -> Any:
    """The numbers of a tensor on the CPU."""
    x = _data(name, x)
    if x.is_cuda:
        raise TypeError(f"boxgrad suppresses rotated boxes on the CPU only, and {name} is on the device '{x.device}': pass its cpu()")
    return x


def rotated_nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, *, angle: str, score_threshold: float = -math.inf, max_keep: int | None = None
) -> Tensor:
    """nms of rotated boxes (N, 5): cx, cy, w, h, angle. As boxgrad.rotated_nms; after detectron2's nms_rotated.

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw". On the CPU only. Otherwise as nms.

    ValueError: shape, angle, a negative iou_threshold, NaN; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> boxes = torch.tensor([[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 32.0], [5.0, 5.0, 10.0, 2.0, 120.0]])
    >>> boxgrad.torch.rotated_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5, angle="degrees-ccw")
    tensor([1, 2])
    """
    boxes, scores = _rotated("boxes", boxes), _rotated("scores", scores)
    return torch.from_numpy(_arrays.rotated_nms(boxes, scores, iou_threshold, angle=angle, score_threshold=score_threshold, max_keep=max_keep))


def batched_rotated_nms(
    boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float,
    *, angle: str, score_threshold: float = -math.inf, max_keep: int | None = None, max_per_class: int | None = None,
) -> Tensor:  # fmt: skip
    """rotated_nms within each class. As boxgrad.batched_rotated_nms; after detectron2's batched_nms_rotated.

    idxs, max_per_class: as batched_nms. Otherwise as rotated_nms.

    >>> import torch, boxgrad.torch
    >>> boxes = torch.tensor([[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 32.0], [5.0, 5.0, 10.0, 2.0, 31.0]])
    >>> boxgrad.torch.batched_rotated_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.tensor([3, -1, 3]), 0.5, angle="degrees-ccw")
    tensor([1, 0])
    """
    boxes, scores, idxs = _rotated("boxes", boxes), _rotated("scores", scores), _rotated("idxs", idxs)
    keep = _arrays.batched_rotated_nms(
        boxes, scores, idxs, iou_threshold, angle=angle, score_threshold=score_threshold, max_keep=max_keep, max_per_class=max_per_class
    )
    return torch.from_numpy(keep)
