"""The rotated boxes of a data set: what its quadrilaterals are to a detector that learns a width, a height and an angle."""

from __future__ import annotations

import numpy as np

from ..boxes import BoxFlag
from ..rotated import inspect_rotated_boxes, min_area_boxes
from .model import Array, Dataset, Rows, Size

ANGLE = "radians-cw"
ADDED = 0.1
"""By this share more area than its quadrilateral has, a rectangle is another object."""

OF_SIDES = BoxFlag.ZERO_WIDTH | BoxFlag.ZERO_HEIGHT | BoxFlag.INVERTED | BoxFlag.SMALL
"""What is said of a rotated box by its own sides, and not by those of its bounds."""


def turned_rows(dataset: Dataset, rows: Rows | None = None) -> Rows:
    """Those of some rows, or of all, that are rotated boxes in pixels: in fractions of an image that is no square, a rectangle is none."""
    if not dataset.turned or dataset.quads is None or dataset.fractions:
        return np.empty(0, np.int64)
    rows = np.arange(len(dataset)) if rows is None else rows
    found = np.isfinite(dataset.quads[rows]).all(axis=1)
    if dataset.in_fractions is not None:
        found &= ~dataset.in_fractions[rows]
    return rows[found]


def rotated_boxes(dataset: Dataset, rows: Rows, boxes: Array | None = None) -> Array:
    """Some rows as cx, cy, w, h and the angle in radians, clockwise: as the file says, or the smallest around the corners.

    boxes: other bounds of all rows, into which the corners are moved, as a repair does.
    """
    assert dataset.quads is not None
    quads = dataset.quads[rows]
    if boxes is not None:
        low, high = (np.tile(boxes[rows, corner], 4) for corner in (slice(2), slice(2, 4)))
        quads = np.minimum(np.maximum(quads, low), high)
    found = smallest_boxes(quads)
    if dataset.rotated is not None:
        given = ~np.isnan(dataset.rotated[rows]).any(axis=1)
        found[given] = dataset.rotated[rows[given]]
    return found


def smallest_boxes(quads: Array) -> Array:
    """The smallest rotated boxes around corners; a side that is nothing but rounding is 0."""
    found: Array = min_area_boxes(quads, angle=ANGLE)
    sides = found[:, 2:4]
    sides[sides <= 1e-9 * sides.max(axis=1, keepdims=True)] = 0
    return found


def add_flags(dataset: Dataset, boxes: Array, flags: Array, min_size: float) -> None:
    """Adds to the flags of bounds those of the rotated boxes in them: of their sides, and that nothing of them is in the image."""
    rows = turned_rows(dataset)
    if not len(rows):
        return
    flags[rows] |= _flags(rotated_boxes(dataset, rows, boxes), None, min_size) & np.uint32(OF_SIDES)
    leaving = rows[(flags[rows] & np.uint32(BoxFlag.PARTLY_OUTSIDE)) != 0]
    for size, some in dataset.size_groups(leaving):
        flags[some] = with_outside(flags[some], rotated_boxes(dataset, some, boxes), size)


def with_outside(flags: Array, boxes: Array, size: Size | None) -> Array:
    """The flags of bounds, where those that are partly outside are wholly so if nothing of the rotated box is in the image."""
    outside = (_flags(boxes, size, 0) & np.uint32(BoxFlag.WHOLLY_OUTSIDE)) != 0
    outside &= (flags & np.uint32(BoxFlag.PARTLY_OUTSIDE)) != 0
    changed: Array = np.where(outside, flags ^ np.uint32(BoxFlag.PARTLY_OUTSIDE | BoxFlag.WHOLLY_OUTSIDE), flags)
    return changed


def _flags(boxes: Array, size: Size | None, min_size: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return inspect_rotated_boxes(boxes.astype(np.float32), size, angle=ANGLE, min_size=min_size).flags


def added_areas(dataset: Dataset, rows: Rows) -> Array:
    """By what share the smallest rotated rectangle around each quadrilateral has more area; 0 where it is nothing but rounding, or the file gives the
    rectangle."""
    assert dataset.quads is not None
    quads = dataset.quads[rows]
    boxes = min_area_boxes(quads, angle=ANGLE)
    x, y = quads[:, 0::2] - quads[:, :1], quads[:, 1::2] - quads[:, 1:2]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        area = abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
        more = boxes[:, 2] * boxes[:, 3] - area
        rounding = 1e-6 * np.square(boxes[:, 2:4].max(axis=1, initial=0))
        found: Array = np.where(more > rounding, more / area, 0)
    if dataset.rotated is not None:
        found[~np.isnan(dataset.rotated[rows]).any(axis=1)] = 0
    return found
