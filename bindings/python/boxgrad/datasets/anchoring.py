"""Fits a detector's anchors to a data set: how far they are from the truths, in the deltas that it would learn.

Anchors are laid out as torchvision does: on the corners of a grid for each level, as many of each size and ratio, rounded to whole pixels.
An anchor is matched to the truth that it overlaps most, if by `threshold` at least; a truth that no anchor reaches gets its best one, as
matchers that allow low-quality matches give it. Memory is bounded by a block of anchors and the truths of one image.

A set with angles has rotated anchors, as detectron2's rotated RPN: they are matched to rotated truths by the overlap of rotated boxes, and there are five
deltas. Of the two ways to write a truth's sides, the one whose angle is nearer to the anchor's is learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Iterator, Sequence, Tuple

import numpy as np

from .._scalars import number, numbers
from ..boxes import box_convert
from ..deltas import LOG_RATIO_CLIP, encode_boxes
from ..overlap import box_iou
from ..rotated import convert_rotated_boxes, rotated_box_iou
from ..rotated_deltas import encode_rotated_boxes
from .model import UNKNOWN, Array, Dataset, Rows, Size, Track, silent
from .turned import ANGLE, rotated_boxes, turned_rows

_ANGLE = "degrees-ccw"
_BLOCK = 1 << 22
"""The most overlaps computed at once."""
_MOST_PLACES = 1 << 26
"""The most points of an image's grids: far more than a detector has, and some minutes' work."""


@dataclass(frozen=True)
class AnchorSet:
    """The sizes and the stride of each level, and the ratios of height to width of all."""

    sizes: Tuple[Tuple[float, ...], ...]
    strides: Tuple[float, ...]
    ratios: Tuple[float, ...] = (0.5, 1.0, 2.0)
    angles: Tuple[float, ...] = ()
    """In degrees, counter-clockwise; none if the anchors are upright boxes."""

    def __post_init__(self) -> None:
        numbers_of_all = [*(size for level in self.sizes for size in level), *self.strides, *self.ratios]
        if (
            len(self.sizes) != len(self.strides)
            or not all(self.sizes)
            or not self.ratios
            or not all(0 < x < math.inf for x in numbers_of_all)
            or not all(map(math.isfinite, self.angles))
        ):
            raise ValueError(f"anchors must have a stride and sizes for each level, and ratios, all positive, and finite angles, not {self}")

    def level_shapes(self, level: int) -> Array:
        """The anchors of a level about 0, 0."""
        ratios = np.sqrt(np.array(self.ratios, np.float32))
        sizes = np.array(self.sizes[level], np.float32)
        halves = np.stack([(sizes / ratios[:, None]).ravel(), (sizes * ratios[:, None]).ravel()], axis=1) / 2
        boxes = np.round(np.hstack([-halves, halves]))
        if not self.angles:
            return boxes
        angles = np.array(self.angles, np.float32)
        return np.hstack([np.repeat(box_convert(boxes, "xyxy", "cxcywh"), len(angles), axis=0), np.tile(angles, len(boxes))[:, None]])

    def blocks(self, size: Size, most: int) -> Iterator[Array]:
        """The anchors of an image, no more than this many at once, as rows of the grid: corners, or cx, cy, w, h, angle."""
        for level, stride in enumerate(self.strides):
            shapes = self.level_shapes(level)
            height, width = (max(1, math.ceil(side / stride)) for side in size)
            x = np.arange(width, dtype=np.float32) * np.float32(stride)
            step = max(1, most // (width * len(shapes)))
            for first in range(0, height, step):
                y = np.arange(first, min(first + step, height), dtype=np.float32) * np.float32(stride)
                corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
                if self.angles:
                    yield (np.pad(corners, ((0, 0), (0, 0), (0, 3))) + shapes).reshape(-1, 5)
                else:
                    yield (np.tile(corners, 2) + shapes).reshape(-1, 4)


def _octaves(sizes: Sequence[int]) -> Tuple[Tuple[float, ...], ...]:
    return tuple((size, int(size * 2 ** (1 / 3)), int(size * 2 ** (2 / 3))) for size in sizes)


ANCHOR_SETS = {
    "retinanet": AnchorSet(_octaves((32, 64, 128, 256, 512)), (8, 16, 32, 64, 128)),
    "rpn-fpn": AnchorSet(((32,), (64,), (128,), (256,), (512,)), (4, 8, 16, 32, 64)),
    "rrpn-fpn": AnchorSet(((32,), (64,), (128,), (256,), (512,)), (4, 8, 16, 32, 64), angles=(-90, -60, -30, 0, 30, 60)),
}
"""torchvision's anchors of RetinaNet and of Faster R-CNN with a feature pyramid (Lin 2017a, 2017b), and the latter with detectron2's angles. (Ma 2018)"""


@dataclass
class AnchorFit:
    """What the deltas of a data set look like against an anchor set."""

    truths: int
    skipped: int
    """Boxes that have no area, or are not finite, or are in an image of unknown size."""
    matches: int
    """Pairs of an anchor and its truth."""
    means: tuple[float, ...]
    stds: tuple[float, ...]
    clipped: int
    """Matches whose dw or dh is above log_ratio_clip, so that decoding cannot reach the truth."""
    log_ratio_clip: float
    unreached: Rows = field(repr=False)
    """The rows of truths that no anchor overlaps by the threshold."""
    best: Array = field(repr=False)
    """The best overlap of each box of the data set, NaN for those skipped."""


class _Moments:
    """The means and variances of a stream of deltas (Chan 1979)."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean, self.squares = np.zeros(width), np.zeros(width)

    def add(self, deltas: Array) -> None:
        if len(deltas):
            count, mean = len(deltas), deltas.mean(axis=0, dtype=np.float64)
            total, shift = self.count + count, mean - self.mean
            self.squares += ((deltas - mean) ** 2).sum(axis=0, dtype=np.float64) + shift**2 * self.count * count / total
            self.mean += shift * count / total
            self.count = total


def anchors(
    dataset: Dataset, anchor_set: str | AnchorSet = "retinanet", *, threshold: float = 0.5, resize: Sequence[float] | None = None,
    log_ratio_clip: float = LOG_RATIO_CLIP, track: Track = silent,
) -> AnchorFit:  # fmt: skip
    """The means and stds of the deltas that an anchor set would learn, and the truths that it cannot reach.

    anchor_set: "retinanet", "rpn-fpn", "rrpn-fpn", or an AnchorSet; of a set with angles, truths are rotated boxes, and else their bounds. threshold: the overlap from which an anchor belongs to a truth.
    resize: (shorter, longest), the image's sides in training: the shorter becomes the first unless the longer would exceed the second;
    torchvision's default is (800, 1333). None: images as they are.

    ValueError: an argument; a data set whose image sizes are not known.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "photo.txt").write_text("dog 48 48 80 80\\ncat 10 10 14 14\\n")
    >>> fit = datasets.anchors(datasets.read(folder, image_size=(128, 128)))
    >>> fit.unreached.tolist()
    [1]
    """
    chosen = ANCHOR_SETS.get(anchor_set) if isinstance(anchor_set, str) else anchor_set
    if not isinstance(chosen, AnchorSet):
        raise ValueError(f"anchor_set must be one of {', '.join(ANCHOR_SETS)} or an AnchorSet, not {anchor_set!r}")
    if not 0 < number(threshold, "threshold") <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    sides = None if resize is None else numbers(resize, "resize", 2, "(shorter, longest)")
    if sides is not None and not 0 < sides[0] <= sides[1] < math.inf:
        raise ValueError(f"resize must be (shorter, longest), both positive, not {resize}")
    best = np.full(len(dataset), np.nan)
    columns = 5 if chosen.angles else 4
    moments, clipped, at_most = _Moments(columns), 0, number(log_ratio_clip, "log_ratio_clip")
    boxes = as_rotated(dataset) if chosen.angles else dataset.boxes
    laid_out = lru_cache(maxsize=4)(lambda size, most: list(chosen.blocks(size, most)))
    groups = _by_image(dataset)
    images = [group for group in groups if _has_size(dataset, group)]
    if dataset.fractions or (groups and not images):
        raise ValueError("sizes of images are not known, and anchors need them: pass image_size or images")
    for rows in track(images, "images", len(images)):
        height, width = dataset.sizes[dataset.image[rows[0]]].tolist()
        scale = 1.0 if sides is None else min(sides[0] / min(height, width), sides[1] / max(height, width))
        with np.errstate(over="ignore"):  # those are not finite, and left out
            truths = (boxes[rows] * ([scale] * 4 + [1.0] * (columns - 4))).astype(np.float32)
        extents = truths[:, 2:4] if chosen.angles else truths[:, 2:] - truths[:, :2]
        good = np.isfinite(truths).all(axis=1) & (extents > 0).all(axis=1)
        rows, truths = rows[good], truths[good]
        if not len(rows):
            continue
        size = (height * scale, width * scale)
        most = max(1, _BLOCK // len(rows))
        count = sum(math.ceil(size[0] / stride) * math.ceil(size[1] / stride) for stride in chosen.strides)
        if count > _MOST_PLACES:
            raise ValueError(f"strides {chosen.strides} put anchors in {count:,} places of an image of {size[1]:g} x {size[0]:g}")
        blocks = laid_out(size, most) if count < 1 << 18 else chosen.blocks(size, most)
        best[rows], deltas = _match(truths, blocks, threshold)
        clipped += int((deltas[:, 2:4] > at_most).any(axis=1).sum())
        moments.add(deltas)
    seen = ~np.isnan(best)
    with np.errstate(invalid="ignore"):
        stds = np.sqrt(moments.squares / moments.count) if moments.count else np.full(columns, np.nan)
        unreached = np.flatnonzero(best < threshold)
    means = moments.mean if moments.count else np.full(columns, np.nan)
    return AnchorFit(
        int(seen.sum()), int((~seen).sum()), moments.count, tuple(means.tolist()), tuple(stds.tolist()), clipped, at_most, unreached, best
    )


def _match(truths: Array, blocks: Iterator[Array] | list[Array], threshold: float) -> tuple[Array, Array]:
    """The best overlap of each truth, and the deltas of all matches."""
    turned = truths.shape[1] == 5
    best, best_anchor = np.full(len(truths), -1.0, np.float32), np.zeros_like(truths)
    matched, targets = [], []
    everywhere = np.arange(len(truths))
    for block in blocks:
        iou = rotated_box_iou(truths, block, angle=_ANGLE) if turned else box_iou(truths, block)
        top = iou.argmax(axis=1)
        value = iou[everywhere, top]
        better = value > best
        best[better], best_anchor[better] = value[better], block[top[better]]
        highest = iou.max(axis=0)
        belongs = np.flatnonzero(highest >= threshold)
        matched.append(block[belongs])
        targets.append(iou[:, belongs].argmax(axis=0))
    low = np.flatnonzero(best < threshold)
    pairs = np.concatenate([*matched, best_anchor[low]]), truths[np.concatenate([*targets, low])]
    deltas = encode_rotated_boxes(*pairs, angle=_ANGLE, range="le90", edge_swap=True) if turned else encode_boxes(*pairs)
    return best, deltas.astype(np.float64)


def as_rotated(dataset: Dataset) -> Array:
    """All boxes as cx, cy, w, h and the angle in degrees, counter-clockwise; upright ones at 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        boxes = np.hstack([box_convert(dataset.boxes, "xyxy", "cxcywh"), np.zeros((len(dataset), 1))])
    rows = turned_rows(dataset)
    if len(rows):
        boxes[rows] = convert_rotated_boxes(rotated_boxes(dataset, rows), ANGLE, _ANGLE)
    return boxes


def _by_image(dataset: Dataset) -> list[Rows]:
    order = np.argsort(dataset.image, kind="stable")
    starts = np.flatnonzero(np.diff(dataset.image[order], prepend=UNKNOWN - 1)) if len(order) else np.empty(0, np.int64)
    return [group for group in np.split(order, starts[1:]) if len(group)]


def _has_size(dataset: Dataset, rows: Rows) -> bool:
    image = dataset.image[rows[0]]
    return bool(image != UNKNOWN and (dataset.sizes[image] > 0).all() and np.isfinite(dataset.sizes[image]).all())
