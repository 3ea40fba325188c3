"""What an augmentation would do to the boxes of a data set, and which rule would keep training finite.

Augmentations: rotate=ANGLE[,ANGLE...] in degrees about the image's centre, hflip, vflip, scale=FACTOR, crop=FRACTION (of each side, about
the centre) or crop=WIDTHxHEIGHT+X+Y. Rules: center-inside, fully-inside, min-visible=FRACTION of the area, min-size=PIXELS after clipping. Rotated
boxes stay rotated: their visible fraction is that of their own area, exactly, and their least size that of their own sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Sequence

import numpy as np

from ..autodiff import stop_gradient, vjp
from ..boxes import BoxFlag, box_area, box_convert, clip_boxes_to_image, inspect_boxes, rotate_boxes
from ..deltas import decode_boxes, encode_boxes
from ..rotated import aligned_rotated_box_iou
from ..rotated_deltas import encode_rotated_boxes
from .inspection import TOLERANCE, as_trained
from .model import Array, Dataset, Rows, Size, Track, silent
from .problems import PROBLEMS
from .turned import ANGLE, rotated_boxes, smallest_boxes, turned_rows, with_outside

_ROUNDING = 1e-9
"""By how much a visible fraction may be short of what a rule asks for."""
_LEFT = tuple(problem for problem in PROBLEMS.values() if problem.flag and problem.flag != BoxFlag.NOT_FINITE)


@dataclass(frozen=True)
class Augmentation:
    """Moves points (N, 2) of an image of a size, and says what size it has then."""

    name: str
    move: Callable[[Array, Size], Array]
    resize: Callable[[Size], Size] = lambda size: size
    needs_pixels: bool = False


@dataclass(frozen=True)
class Rule:
    """Which boxes (N, 4) of an image of a size are kept, and which rotated ones (N, 5)."""

    name: str
    keeps: Callable[[Array, Size], Any]
    keeps_turned: Callable[[Array, Size], Any] | None = None
    """None if the bounds of rotated boxes decide."""


@dataclass
class Kept:
    """What a rule leaves."""

    rule: str
    dropped: int
    not_finite: int
    """The boxes it keeps whose training deltas, or the gradients of these, are infinite or NaN."""


@dataclass
class Outcome:
    """What one augmentation does."""

    augmentation: str
    boxes: int
    skipped: int
    """Boxes in images of unknown size, and boxes that were not finite before."""
    counts: dict[str, int]
    """How many boxes have a problem that they did not have before."""
    rows: dict[str, Rows]
    not_finite: int
    """The boxes whose training deltas, or the gradients of these, are infinite or NaN if all are kept."""
    kept: list[Kept]


def _value(text: str, name: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not low < value < high:
        raise ValueError(f"{name} must be a number above {low:g}" + (f" and below {high:g}" if high < np.inf else "") + f", not {text!r}")
    return value


def _rotation(degrees: float) -> Augmentation:
    def move(points: Array, size: Size) -> Array:
        _, bounds = rotate_boxes(np.hstack([points, points]), degrees, (size[1] / 2, size[0] / 2))
        return bounds[:, :2]

    return Augmentation(f"rotate={degrees:g}", move, needs_pixels=True)


def _crop(text: str) -> Augmentation:
    if match := re.fullmatch(r"(\d+)x(\d+)\+(\d+)\+(\d+)", text):
        width, height, x, y = map(float, match.groups())
        if not (width and height):
            raise ValueError(f"crop must keep something, not {text!r}")
        return Augmentation(f"crop={text}", lambda points, size: points - [x, y], lambda size: (height, width), needs_pixels=True)
    fraction = _value(text, "crop (a fraction, or WIDTHxHEIGHT+X+Y)", 0, 1)

    def move(points: Array, size: Size) -> Array:
        return points - np.array([size[1], size[0]]) * (1 - fraction) / 2

    return Augmentation(f"crop={fraction:g}", move, lambda size: (size[0] * fraction, size[1] * fraction))


def augmentations_of(text: str) -> list[Augmentation]:
    """The augmentations that a text names: one for each angle of a rotation."""
    name, _, value = text.partition("=")
    if name == "rotate":
        return [_rotation(_value(angle, "rotate", -1e6, 1e6)) for angle in value.split(",")]
    if name == "scale":
        factor = _value(value, "scale", 0, np.inf)
        return [Augmentation(f"scale={factor:g}", lambda points, size: points * factor, lambda size: (size[0] * factor, size[1] * factor))]
    if name == "crop":
        return [_crop(value)]
    if text == "hflip":
        return [Augmentation(text, lambda points, size: np.array([size[1], 0]) + points * [-1, 1])]
    if text == "vflip":
        return [Augmentation(text, lambda points, size: np.array([0, size[0]]) + points * [1, -1])]
    raise ValueError(f"augment must be rotate=ANGLE[,ANGLE...], hflip, vflip, scale=FACTOR, crop=FRACTION or crop=WIDTHxHEIGHT+X+Y, not {text!r}")


def _clipped(boxes: Array, size: Size) -> Array:
    return clip_boxes_to_image(boxes, size)


def rule_of(text: str) -> Rule:
    """The rule that a text names."""
    name, _, value = text.partition("=")
    if name == "min-visible":
        least = _value(value, "min-visible", 0, 1.0000001)
        return Rule(
            text, lambda boxes, size: box_area(_clipped(boxes, size)) >= least * box_area(boxes), lambda boxes, size: visible(boxes, size) >= least - _ROUNDING
        )
    if name == "min-size":
        side = _value(value, "min-size", 0, np.inf)
        return Rule(
            text, lambda boxes, size: (np.diff(_clipped(boxes, size).reshape(-1, 2, 2), axis=1)[:, 0] >= side).all(axis=1),
            lambda boxes, size: (boxes[:, 2:4] >= side).all(axis=1),
        )  # fmt: skip
    if text == "center-inside":
        return Rule(text, lambda boxes, size: _inside((boxes[:, :2] + boxes[:, 2:]) / 2, size), lambda boxes, size: _inside(boxes[:, :2], size))
    if text == "fully-inside":
        return Rule(text, lambda boxes, size: _inside(boxes[:, :2], size) & _inside(boxes[:, 2:], size))
    raise ValueError(f"keep-rule must be center-inside, fully-inside, min-visible=FRACTION or min-size=PIXELS, not {text!r}")


def _inside(points: Array, size: Size) -> Any:
    return ((points >= 0) & (points <= [size[1], size[0]])).all(axis=1)


def visible(boxes: Array, size: Size) -> Array:
    """How much of each rotated box (N, 5) is in the image, of 1; boxes without area are in it."""
    image = np.array([size[1] / 2, size[0] / 2, size[1], size[0], 0.0])
    shown: Array = aligned_rotated_box_iou(boxes, image[None], angle=ANGLE, metric="iof")
    return np.where(boxes[:, 2] * boxes[:, 3] > 0, shown, 1)


def turned_finitely(boxes: Array, bounds: Array, size: Size) -> Any:
    """Whether the five deltas of rotated boxes (N, 5) and their gradients stay finite, too, against upright proposals: their bounds, clipped to the image.

    In float32, as trains_finitely.
    """
    proposals = np.pad(box_convert(_clipped(bounds.astype(np.float32), size), "xyxy", "cxcywh"), ((0, 0), (0, 1)))
    truths = stop_gradient(boxes.astype(np.float32))
    deltas, pullback = vjp(encode_rotated_boxes, proposals, truths, angle=ANGLE, on_degenerate="propagate")
    gradient = pullback(np.ones_like(deltas))[0]
    assert gradient is not None
    return np.isfinite(np.hstack([deltas, gradient])).all(axis=1)


def trains_finitely(truths: Array, size: Size) -> Any:
    """Whether the deltas of truths (N, 4) stay finite through both stages of a detector, and their gradients.

    A first stage that has learnt each truth proposes it, clipped to the image; the second stage encodes the truth against that
    proposal. In float32, as trained. A truth outside the image leaves a proposal without area, by which the encoding divides.
    """
    truths = truths.astype(np.float32)
    image = np.broadcast_to(np.array([0, 0, size[1], size[0]], np.float32), truths.shape)
    learnt = encode_boxes(image, truths, on_degenerate="propagate")
    proposals = decode_boxes(image, learnt, max_shape=size, log_ratio_clip=None)
    deltas, pullback = vjp(encode_boxes, proposals, stop_gradient(truths), on_degenerate="propagate")
    gradient = pullback(np.ones_like(deltas))[0]
    assert gradient is not None
    return np.isfinite(np.hstack([learnt, deltas, gradient])).all(axis=1)


def augment(
    dataset: Dataset, augmentations: Sequence[str] = (), keep_rules: Sequence[str] = (), *, min_size: float = 1.0, track: Track = silent
) -> list[Outcome]:
    """What each augmentation would do to every box: what leaves its image or collapses, and what each rule would drop of that.

    Without augmentations, what the rules do to the boxes as they are. A box is replaced by the bounds of its moved corners, a rotated one by the smallest
    rotated rectangle around them.

    ValueError: an augmentation, a rule; a rotation or a crop in pixels of images whose size is not known.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "photo.txt").write_text("dog 0 0 20 10\\ncat 40 40 60 60\\n")
    >>> outcome, = datasets.augment(datasets.read(folder, image_size=(100, 100)), ["rotate=45"], ["center-inside"])
    >>> outcome.counts["center-negative"], outcome.kept
    (1, [Kept(rule='center-inside', dropped=1, not_finite=0)])
    """
    moves = [move for text in augmentations for move in augmentations_of(text)] or [Augmentation("as it is", lambda points, size: points)]
    rules = [rule_of(text) for text in keep_rules]
    if dataset.fractions and any(move.needs_pixels for move in moves):
        raise ValueError("sizes of images are not known, and a rotation or a crop in pixels needs them: pass image_size or images")
    return [_outcome(dataset, move, rules, min_size, track) for move in moves]


def _outcome(dataset: Dataset, move: Augmentation, rules: list[Rule], min_size: float, track: Track) -> Outcome:
    corners = dataset.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    if dataset.quads is not None:
        corners = np.where(np.isnan(dataset.quads), corners, dataset.quads)
    finite: Array = np.all(np.abs(corners) < 1e30, axis=1)
    if dataset.in_fractions is not None:
        finite &= ~dataset.in_fractions  # the size of their image is not known
    flags, is_turned = np.zeros(len(dataset), np.uint32), np.zeros(len(dataset), bool)
    is_turned[turned_rows(dataset)] = True
    taken, bad = 0, 0
    kept = [Kept(rule.name, 0, 0) for rule in rules]
    groups = list(dataset.size_groups())
    smallest = 0 if dataset.fractions else min_size
    for size, rows in track(groups, move.name, len(groups)):
        rows = rows[finite[rows]]
        if size is None or not len(rows):
            continue
        points = move.move(corners[rows].reshape(-1, 2), size).reshape(-1, 4, 2)
        moved, new_size = np.hstack([points.min(axis=1), points.max(axis=1)]), move.resize(size)
        inverted: Array = dataset.boxes[rows, 2:] < dataset.boxes[rows, :2]
        if inverted.any():  # the bounds of corners hide that
            moved = np.where(np.tile(inverted, 2), moved[:, [2, 3, 0, 1]], moved)
        tolerance = 1e-6 if dataset.fractions else TOLERANCE
        before = inspect_boxes(as_trained(dataset.boxes[rows], size, tolerance), size, min_size=smallest).flags
        after = inspect_boxes(as_trained(moved, new_size, tolerance), new_size, min_size=smallest).flags
        good = trains_finitely(moved, new_size)
        turned = np.flatnonzero(is_turned[rows])
        if len(turned):
            rotated = smallest_boxes(points[turned].reshape(-1, 8))
            good[turned] &= turned_finitely(rotated, moved[turned], new_size)
            before[turned] = with_outside(before[turned], rotated_boxes(dataset, rows[turned]), size)
            after[turned] = with_outside(after[turned], rotated, new_size)
        flags[rows] = after & ~before
        taken += len(rows)
        bad += int((~good).sum())
        for rule, result in zip(rules, kept):
            keeps = rule.keeps(moved, new_size)
            if len(turned) and rule.keeps_turned is not None:
                keeps[turned] = rule.keeps_turned(rotated, new_size)
            result.dropped += int((~keeps).sum())
            result.not_finite += int((keeps & ~good).sum())
    found = {problem.name: np.flatnonzero(flags & np.uint32(problem.flag or 0)) for problem in _LEFT}
    found = {name: rows for name, rows in found.items() if len(rows)}
    counts = {name: len(rows) for name, rows in found.items()}
    return Outcome(move.name, taken, len(dataset) - taken, counts, found, bad, kept)
