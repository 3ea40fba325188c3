"""Pooling of regions on torch's tensors, with gradients for the features and for the boxes."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

import torch
from torch import Tensor

from ..roi import level_of_scale, options_of, scale_and_ratio, size_of
from ._operators import Operator, memory
from ._tensors import in_half, pair, tensor
from ._torchvision import OPS, stands_for


def _operator(name: str, functions_of: Callable[[Any], Any]) -> Operator:
    # With `last`, input and value are (N, H, W, C): views of tensors whose channels are last in the memory.
    def shape(input: Tensor, boxes: Tensor, height: int, width: int, scale: float, ratio: int, aligned: bool, last: bool) -> Sequence[int]:
        if input.dim() != 4:
            raise ValueError(f"input must have the shape (N, C, H, W), not {tuple(input.shape)}")
        if boxes.dim() != 2 or boxes.shape[1] != 5:
            raise ValueError(f"boxes must have the shape (K, 5), or be a list of (K_i, 4), not {tuple(boxes.shape)}")
        return (boxes.shape[0], height, width, input.shape[3]) if last else (boxes.shape[0], input.shape[1], height, width)

    def call(
        function: Any, results: Sequence[Any], input: Tensor, boxes: Tensor, height: int, width: int, scale: float, ratio: int, aligned: bool, last: bool
    ) -> None:
        features, table, indices = input.contiguous(), boxes.contiguous(), boxes[:, 0].long()
        images, *sizes = features.shape
        channels, rows, columns = (sizes[2], sizes[0], sizes[1]) if last else sizes
        arguments = options_of(scale, ratio, aligned, last), memory(features), images, channels, rows, columns
        function(*arguments, memory(table[:, 1:]), 5, memory(indices), len(table), height, width, *map(memory, results))

    def value(c: Any, out: Tensor, *arguments: Any) -> None:
        call(functions_of(c)[0], [out], *arguments)

    def gradient(c: Any, cotangent: Tensor, out: Sequence[Any], *arguments: Any) -> None:
        of_features, of_boxes = out
        rows = None if of_boxes is None else of_boxes.new_empty((len(of_boxes), 4))
        call(functions_of(c)[1], [cotangent, of_features, rows], *arguments)
        if of_boxes is not None:  # the first column is no number of the box
            of_boxes[:, :1], of_boxes[:, 1:] = 0, rows

    return Operator(
        name, "Tensor input, Tensor boxes, int height, int width, float scale, int ratio, bool aligned, bool last", differentiable=2, value=value,
        gradient=gradient, shape=shape,
    )  # fmt: skip


_align = _operator("roi_align", lambda c: (c.roi_align, c.roi_align_grad))
_precise = _operator("roi_pool_precise", lambda c: (c.roi_pool_precise, c.roi_pool_precise_grad))


def _table(boxes: Any) -> Any:
    """Boxes of each image as rows of five, the image's index before the box."""
    if not isinstance(boxes, (list, tuple)):
        return boxes
    each = [tensor("boxes", x) for x in boxes]
    for x in each:
        if x.dim() != 2 or x.shape[1] != 4:
            raise ValueError(f"boxes must be a list of tensors (K_i, 4), not of {tuple(x.shape)}")
    return torch.cat([torch.cat([torch.full_like(x[:, :1], image), x], dim=1) for image, x in enumerate(each)]) if each else torch.empty((0, 5))


def _pool(operator: Operator, input: Any, boxes: Any, output_size: Any, scale: float, ratio: int = -1, aligned: bool = False) -> Tensor:
    features, table = pair("input", input, "boxes", _table(boxes))
    scale, ratio = scale_and_ratio(scale, ratio)
    last = features.dim() == 4 and not features.is_contiguous() and features.is_contiguous(memory_format=torch.channels_last)
    value = operator(features.permute(0, 2, 3, 1) if last else features, table, *size_of(output_size), scale, ratio, bool(aligned), last)
    return in_half(value.permute(0, 3, 1, 2) if last else value, input, input)


@stands_for(OPS, on_cuda=False)
def roi_align(
    input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False,
) -> Tensor:  # fmt: skip
    """The features (N, C, H, W) that boxes cover, as (K, C, height, width). As torchvision.ops.roi_align and boxgrad.roi_align.

    boxes (K, 5), or a list of N tensors (K_i, 4), have a gradient, too. float16 and bfloat16 are computed in float32, and returned.
    Features in torch.channels_last are taken as they are, and faster; so are the value and the gradient laid out.

    ValueError: shapes, output_size, spatial_scale, sampling_ratio, an index that is no image's; NonFiniteError: a box is not finite;
    TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> features = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> boxes = torch.tensor([[1.2, 1.2, 2.8, 2.8]], requires_grad=True)
    >>> boxgrad.torch.roi_align(features, [boxes], 1, sampling_ratio=2).sum().backward()
    >>> boxes.grad
    tensor([[0.5000, 2.0000, 0.5000, 2.0000]])
    """
    return _pool(_align, input, boxes, output_size, spatial_scale, sampling_ratio, aligned)


def precise_roi_pool(input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """The features (N, C, H, W) that boxes cover, each bin as an integral (Jiang 2018). As boxgrad.precise_roi_pool; otherwise as roi_align.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.precise_roi_pool(torch.arange(16.0).reshape(1, 1, 4, 4), [torch.tensor([[1.0, 1.0, 3.0, 3.0]])], 1)
    tensor([[[[10.]]]])
    """
    return _pool(_precise, input, boxes, output_size, spatial_scale)


class RoIAlign(torch.nn.Module):
    """roi_align with its options, as torchvision.ops.RoIAlign.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.RoIAlign(1, 1.0, 2)(torch.arange(16.0).reshape(1, 1, 4, 4), [torch.tensor([[1.0, 1.0, 3.0, 3.0]])])
    tensor([[[[10.]]]])
    """

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        super().__init__()
        self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned = output_size, spatial_scale, sampling_ratio, aligned

    def forward(self, input: Tensor, rois: Any) -> Tensor:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, sampling_ratio={self.sampling_ratio}, aligned={self.aligned}"


class MultiScaleRoIAlign(torch.nn.Module):
    """roi_align on the level of a feature pyramid that the size of each box says, as torchvision.ops.MultiScaleRoIAlign and boxgrad.MultiScaleRoIAlign.

    The gradient of a box is that of its level, and not of the choice of it.

    >>> import torch, boxgrad.torch
    >>> pool = boxgrad.torch.MultiScaleRoIAlign(["fine", "coarse"], 1, 2)
    >>> maps = {"fine": torch.zeros(1, 1, 64, 64), "coarse": torch.ones(1, 1, 32, 32)}
    >>> pool(maps, [torch.tensor([[0.0, 0, 30, 30], [0, 0, 250, 250]])], [(256, 256)]).flatten()
    tensor([0., 1.])
    """

    def __init__(
        self, featmap_names: Sequence[str], output_size: Any, sampling_ratio: int, *, canonical_scale: float = 224, canonical_level: int = 4
    ) -> None:
        super().__init__()
        self.featmap_names, self.output_size, self.sampling_ratio = list(featmap_names), output_size, sampling_ratio
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level

    def forward(self, x: Mapping[str, Tensor], boxes: Sequence[Tensor], image_shapes: Sequence[Sequence[int]]) -> Tensor:
        maps = [x[name] for name in self.featmap_names if name in x]
        if not maps:
            raise ValueError(f"x has none of {self.featmap_names}")
        image = [max(sizes) for sizes in zip(*image_shapes)]
        scales = [level_of_scale(features.shape[2:], image) for features in maps]
        table = _table(list(boxes))
        levels = self._levels(table[:, 1:].detach(), scales[0], scales[-1]) - scales[0]
        rows = [torch.nonzero(levels == level)[:, 0] for level in range(len(maps))]
        parts = [
            roi_align(features, table[of_level], self.output_size, 2.0**-scale, self.sampling_ratio)
            for features, of_level, scale in zip(maps, rows, scales)
        ]  # fmt: skip
        return torch.cat(parts)[torch.argsort(torch.cat(rows))]

    def _levels(self, boxes: Tensor, lowest: int, highest: int) -> Tensor:
        sides = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
        levels = torch.floor(self.canonical_level + torch.log2(sides / self.canonical_scale) + 1e-6)
        return torch.nan_to_num(levels, nan=lowest).clamp(lowest, highest).long()

    def extra_repr(self) -> str:
        return f"featmap_names={self.featmap_names}, output_size={self.output_size}, sampling_ratio={self.sampling_ratio}"
