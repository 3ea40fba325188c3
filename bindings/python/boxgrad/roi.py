"""Pooling of regions: what boxes cover of feature maps, as maps of one size, with gradients for the features and for the boxes."""

from __future__ import annotations

import math
import operator
from typing import Any, Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, box_operand, gradient_of, operand, to_numpy
from ._library import ROI_OPTIONS, library_of
from ._scalars import integer, number
from .autodiff import Gradients, differentiable, with_pullback


def size_of(output_size: Any) -> tuple[int, int]:
    """Height and width of what one integer or two say."""
    pair = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(pair) != 2:
        raise ValueError(f"output_size must be an integer or two, not {output_size!r}")
    height, width = (operator.index(integer(x, "output_size")) for x in pair)
    if height < 1 or width < 1:
        raise ValueError(f"output_size must be at least 1, not {output_size!r}")
    return height, width


def scale_and_ratio(spatial_scale: float, sampling_ratio: int) -> tuple[float, int]:
    """The numbers, checked."""
    ratio = max(-1, operator.index(integer(sampling_ratio, "sampling_ratio")))
    if ratio > 1024:
        raise ValueError(f"sampling_ratio must be at most 1024, not {sampling_ratio}")
    return float(number(spatial_scale, "spatial_scale")), ratio


def options_of(spatial_scale: float, sampling_ratio: int = 0, aligned: bool = False, channels_last: bool = False) -> bytearray:
    scale, ratio = scale_and_ratio(spatial_scale, sampling_ratio)
    return bytearray(ROI_OPTIONS.pack(ROI_OPTIONS.size, scale, int(channels_last), ratio, int(bool(aligned)), 0))


def _table(boxes: Any) -> Any:
    """Boxes of each image as rows of five, the image's index before the box."""
    if not isinstance(boxes, (list, tuple)) or any(np.ndim(row) < 2 and np.size(row) for row in boxes):
        return boxes
    each = [to_numpy(x, "boxes").reshape(-1, 4) if np.size(x) == 0 else to_numpy(x, "boxes") for x in boxes]
    for x in each:
        if x.ndim != 2 or x.shape[1] != 4:
            raise ValueError(f"boxes must be a list of arrays (K_i, 4), not of {x.shape}")
    tables = [np.hstack([np.full((len(x), 1), image, x.dtype), x]) for image, x in enumerate(each)]
    return np.concatenate(tables) if tables else np.empty((0, 5))


def _pool(functions_of: Callable[[Any], tuple[Any, Any]], input: npt.ArrayLike, boxes: Any, output_size: Any, options: dict[str, Any]) -> Array:
    features, wanted_features = operand("input", input)
    if features.ndim != 4:
        raise ValueError(f"input must have the shape (N, C, H, W), not {features.shape}")
    marked = isinstance(boxes, Marked)
    table, wanted_boxes = box_operand("boxes", Marked(_table(boxes.value), boxes.wanted) if marked else _table(boxes), 5)
    if table.ndim != 2 or table.shape[1] != 5:
        raise ValueError(f"boxes must have the shape (K, 5), or be a list of (K_i, 4), not {table.shape}")
    dtype = np.promote_types(features.dtype, table.dtype)
    features, table = features.astype(dtype, copy=False), table.astype(dtype, copy=False)
    images = table[:, 0]
    odd = np.flatnonzero(~((images >= 0) & (images < len(features)) & (images == np.floor(images))))
    if odd.size:
        raise ValueError(f"boxes[{odd[0]}] is of the image {images[odd[0]]:g}, and input has {len(features)}")
    indices, rows = np.ascontiguousarray(images, np.int64), np.ascontiguousarray(table[:, 1:])

    height, width = size_of(output_size)
    (n, channels, h, w), count = features.shape, len(table)
    last = not features.flags.c_contiguous and features.transpose(0, 2, 3, 1).flags.c_contiguous
    memory = features.transpose(0, 2, 3, 1) if last else np.ascontiguousarray(features)
    packed = options_of(**options, channels_last=last)
    arguments = packed, memory, n, channels, h, w, rows, 4, indices, count, height, width
    forward, gradient = functions_of(library_of[dtype])
    out = np.empty((count, height, width, channels) if last else (count, channels, height, width), dtype)
    forward(*arguments, out)
    value = out.transpose(0, 3, 1, 2) if last else out
    if not (wanted_features or wanted_boxes):
        return value

    def pullback(cotangent: Array) -> Gradients:
        if last:
            cotangent = np.ascontiguousarray(cotangent.transpose(0, 2, 3, 1))
        of_features = gradient_of(wanted_features, memory.shape, dtype)
        of_rows = gradient_of(wanted_boxes, (count, 4), dtype)
        gradient(*arguments, cotangent, of_features, of_rows)
        if of_features is not None and last:
            of_features = of_features.transpose(0, 3, 1, 2)
        of_boxes = None if of_rows is None else np.hstack([np.zeros((count, 1), dtype), of_rows])
        return of_features, of_boxes

    return with_pullback(value, pullback)


@differentiable("input", "boxes")
def roi_align(
    input: npt.ArrayLike, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False,
) -> Array:  # fmt: skip
    """The features (N, C, H, W) that boxes cover, as (K, C, height, width): each bin is a mean of samples. As torchvision.ops.roi_align.

    boxes: (K, 5), rows of an image's index and a box, or a list of N arrays (K_i, 4). output_size: one integer or (height, width).
    spatial_scale: what the boxes are multiplied by. sampling_ratio: samples of a bin along an axis, at most 1024; 0 or less: as many
    as the bin has pixels. aligned: subtract half a pixel (detectron2), and do not make boxes a pixel long at least (He 2017).
    Gradient: for input, and for boxes, which torchvision has not: (K, 5), 0 for the index, also of a list. A sample that is beyond the
    pixels has none, and one that is on a pixel has the slope towards the next one. Memory of input with channels last is taken
    as it is, and faster; the value and the gradient are laid out likewise.

    ValueError: shapes, an index that is no image's, output_size, spatial_scale, sampling_ratio; NonFiniteError: a box is not finite;
    TypeError: dtype.

    >>> import boxgrad, numpy as np
    >>> features = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> boxgrad.roi_align(features, [[0, 1.0, 1.0, 3.0, 3.0]], 1, sampling_ratio=2)
    array([[[[10.]]]])
    >>> value, pullback = boxgrad.vjp(boxgrad.roi_align, boxgrad.stop_gradient(features), [[0, 1.2, 1.2, 2.8, 2.8]], 1, sampling_ratio=2)
    >>> pullback(1.0)[1].round(6)
    array([[0. , 0.5, 2. , 0.5, 2. ]])
    """
    options = {"spatial_scale": spatial_scale, "sampling_ratio": sampling_ratio, "aligned": aligned}
    return _pool(lambda c: (c.roi_align, c.roi_align_grad), input, boxes, output_size, options)


@differentiable("input", "boxes")
def precise_roi_pool(input: npt.ArrayLike, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Array:
    """The features (N, C, H, W) that boxes cover, as (K, C, height, width): each bin is the mean over its area, an integral. (Jiang 2018.)

    It is continuous in the boxes and has no number of samples. Beyond the pixels features fall to 0 within one pixel. A box without
    area has zeros. Arguments, gradients and errors are those of roi_align.

    >>> import boxgrad, numpy as np
    >>> boxgrad.precise_roi_pool(np.arange(16.0).reshape(1, 1, 4, 4), [[0, 1.0, 1.0, 3.0, 3.0]], 1)
    array([[[[10.]]]])
    """
    return _pool(lambda c: (c.roi_pool_precise, c.roi_pool_precise_grad), input, boxes, output_size, {"spatial_scale": spatial_scale})


class RoIAlign:
    """roi_align with its options, as torchvision.ops.RoIAlign: RoIAlign(output_size, spatial_scale, sampling_ratio)(input, boxes).

    >>> import boxgrad, numpy as np
    >>> boxgrad.RoIAlign(1, 1.0, 2)(np.arange(16.0).reshape(1, 1, 4, 4), [np.array([[1.0, 1.0, 3.0, 3.0]])])
    array([[[[10.]]]])
    """

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned = output_size, spatial_scale, sampling_ratio, aligned

    def __call__(self, input: npt.ArrayLike, rois: Any) -> Array:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        fields = ("output_size", "spatial_scale", "sampling_ratio", "aligned")
        return f"RoIAlign({', '.join(f'{name}={getattr(self, name)}' for name in fields)})"


def level_of_scale(feature_size: Sequence[int], image_size: Sequence[int]) -> int:
    """The level k of a map whose pixels are 2^k of its image's, in each direction; as torchvision, the nearest such k."""
    levels = {round(math.log2(image / size)) for size, image in zip(feature_size, image_size)}
    if len(levels) != 1:
        raise ValueError(f"a map of {tuple(feature_size)} has another scale in each direction of an image of {tuple(image_size)}")
    return levels.pop()


def levels_of(boxes: Array, lowest: int, highest: int, canonical_scale: float, canonical_level: int) -> Array:
    """The level of each box (K, 4): floor(canonical_level + log2(sqrt(area) / canonical_scale)), within the levels that there are. (Lin 2017.)"""
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        levels = np.floor(canonical_level + np.log2(sides / canonical_scale) + 1e-6)
    within: Array = np.clip(np.nan_to_num(levels, nan=lowest), lowest, highest).astype(np.int64)
    return within


class MultiScaleRoIAlign:
    """roi_align on the level of a feature pyramid that the size of each box says, as torchvision.ops.MultiScaleRoIAlign.

    MultiScaleRoIAlign(featmap_names, output_size, sampling_ratio)(x, boxes, image_shapes): x are the maps (N, C, H, W) by their names, boxes the boxes of
    each image (K_i, 4), image_shapes their (height, width), of which the largest says the scale of each map. A box of canonical_scale pixels, the root of its
    area, is of the level canonical_level, where a pixel is 2^4 of the image's. Values only: for gradients use boxgrad.torch, or roi_align for each level.

    >>> import boxgrad, numpy as np
    >>> pool = boxgrad.MultiScaleRoIAlign(["fine", "coarse"], 1, 2)
    >>> maps = {"fine": np.zeros((1, 1, 64, 64)), "coarse": np.ones((1, 1, 32, 32))}
    >>> pool(maps, [np.array([[0.0, 0, 30, 30], [0, 0, 250, 250]])], [(256, 256)])[:, 0, 0, 0]
    array([0., 1.])
    """

    def __init__(
        self, featmap_names: Sequence[str], output_size: Any, sampling_ratio: int, *, canonical_scale: float = 224, canonical_level: int = 4
    ) -> None:
        self.featmap_names, self.output_size, self.sampling_ratio = list(featmap_names), output_size, sampling_ratio
        self.canonical_scale, self.canonical_level = canonical_scale, canonical_level

    def __call__(self, x: Mapping[str, npt.ArrayLike], boxes: Sequence[npt.ArrayLike], image_shapes: Sequence[Sequence[int]]) -> Array:
        maps = [np.asarray(x[name]) for name in self.featmap_names if name in x]
        if not maps:
            raise ValueError(f"x has none of {self.featmap_names}")
        image = [max(sizes) for sizes in zip(*image_shapes)]
        scales = [level_of_scale(features.shape[2:], image) for features in maps]
        table = _table([np.asarray(of_image) for of_image in boxes])
        levels = levels_of(table[:, 1:], scales[0], scales[-1], self.canonical_scale, self.canonical_level) - scales[0]
        height, width = size_of(self.output_size)
        result = np.zeros((len(table), maps[0].shape[1], height, width), np.result_type(*maps, table))
        for level, features in enumerate(maps):
            rows = np.flatnonzero(levels == level)
            result[rows] = roi_align(features, table[rows], (height, width), 2.0 ** -scales[level], self.sampling_ratio)
        return result

    def __repr__(self) -> str:
        fields = ("featmap_names", "output_size", "sampling_ratio")
        return f"MultiScaleRoIAlign({', '.join(f'{name}={getattr(self, name)}' for name in fields)})"
