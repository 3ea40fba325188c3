"""Numbers that mean two things: corners or sides, pixels or fractions. What decides is all boxes; where they do not, the user is asked.

`read` asks before any tool sees a box. An option that says what the numbers are (--boxes, --format, --unit) is the answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import FrozenSet, Tuple

import numpy as np

from ..boxes import box_convert
from .exif import inside
from .model import UNKNOWN, Array, Dataset, Rows, UnreadableError, quantity, whole

_FEW = 5
"""So many boxes speak for another order; fewer may be mistakes."""
_SMALL = 0.1
"""No photo has a larger share of its boxes in the pixel of its first corner."""
_BEYOND = 0.05
"""How far a fraction may lie beyond its image."""
_LEAVING = 0.1
_NEAR = 0.005
"""How far beyond its image a box may lie that is inside, as a share of the image."""
_BOXES = 20
"""So many different boxes show how a number depends on another."""
_BY_CHANCE = 1e-6
_ALIKE, _STEEPEST = 0.9, 1.05


@dataclass
class Numbers:
    """What the numbers of some boxes say of their order. Those of parts of a data set add up."""

    boxes: int = 0
    """Boxes that are finite and no bounds of a polygon, which has no sides."""
    inverted: int = 0
    """Those of which x2 < x1 or y2 < y1, as they are read."""
    like_fractions: int = 0
    """Those of which all numbers are at most 1, and not all are whole."""
    sized: int = 0
    """Boxes in images whose size is known."""
    leaving: int = 0
    """Those that leave it, as they are read."""
    inverted_otherwise: int = 0
    """Boxes that the other reading inverts: corners of what is read as sides, sides of what is read as corners."""
    leaving_otherwise: int = 0
    leaving_as_centres: int = 0
    """Boxes read as x, y, width and height that leave their image if x and y are their centre."""
    moments: Array = field(default_factory=lambda: np.zeros((2, 5)))
    """For each axis the sums of first, third, their squares, and their product, by which one depends on the other."""
    shares: Array = field(default_factory=lambda: np.zeros((2, 5)))
    """The same of boxes in images whose size is known, as shares of it."""
    some: FrozenSet[Tuple[float, ...]] = frozenset()
    """Different boxes, no more than are needed."""
    neighbours: int = 0
    """Boxes of images that have several."""
    pairs: int = 0
    apart: Array = field(default_factory=lambda: np.zeros(2, np.int64))
    """For each axis, of how many pairs of an image one box starts beyond the other's third (or fourth) number."""

    def __add__(self, other: Numbers) -> Numbers:
        some = frozenset(sorted(self.some | other.some)[:_BOXES])
        names = (name for name in self.__dataclass_fields__ if name != "some")
        return Numbers(**{name: getattr(self, name) + getattr(other, name) for name in names}, some=some)


def order_of(data: Dataset) -> str:
    """What the four numbers of a box are: xyxy, xywh or cxcywh."""
    if data.format == "table":
        order: str = data.source.header.fmt  # type: ignore[attr-defined]
        return order
    usual = {"coco": "xywh", "yolo": "cxcywh"}.get(data.format, "xyxy")
    return data.reading.boxes or usual if data.format in ("coco", "voc", "text") else usual


def numbers_of(data: Dataset) -> Numbers:
    """What the boxes of a data set say."""
    bounds = data.outlined if data.format in ("yolo", "dota", "voc") else np.zeros(len(data), bool)
    rows = np.flatnonzero(whole(np.isfinite(data.boxes)) & ~bounds)
    boxes, order = data.boxes[rows], order_of(data)
    other = box_convert(boxes, "xyxy", order) if order != "xyxy" else box_convert(boxes, "xywh", "xyxy")
    raw = boxes if order == "xyxy" else other
    found = Numbers(len(rows), _count_inverted(boxes))
    small = raw[whole((raw >= -_BEYOND) & (raw <= 1 + _BEYOND))]
    found.like_fractions = int((small != np.floor(small)).any(axis=1).sum())
    found.inverted_otherwise = _count_inverted(other)
    known = data.image[rows] != UNKNOWN
    known[known] = whole(data.sizes > 0)[data.image[rows[known]]]
    borders, one = data.sizes[:, [1, 0, 1, 0]][data.image[rows[known]]], np.ones((int(known.sum()), 2))
    found.sized = len(borders)
    found.leaving = int((~inside(boxes[known] / borders, one, _NEAR)).sum())
    found.leaving_otherwise = int((~inside(other[known] / borders, one, _NEAR)).sum())
    if order == "xywh":
        centres = box_convert(raw[known], "cxcywh", "xyxy")
        found.leaving_as_centres = int((~inside(centres / borders, one, _NEAR)).sum())
    if order != "xyxy" and not found.inverted_otherwise:  # sides may be corners: how they depend on each other
        found.moments, found.shares = _moments(raw), _moments(raw[known] / borders)
        found.some = frozenset(map(tuple, np.unique(raw, axis=0)[:_BOXES].tolist()))
        _count_pairs(found, raw, data.image[rows], UNKNOWN if data.unknown_image else None)
    return found


def _count_inverted(boxes: Array) -> int:
    return int(((boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])).sum())


def _moments(numbers: Array) -> Array:
    first, third = numbers[:, :2], numbers[:, 2:]
    return np.stack([one.sum(axis=0) for one in (first, third, first * first, third * third, first * third)], axis=1)


def _count_pairs(found: Numbers, numbers: Array, image: Rows, none: int | None) -> None:
    """Pairs of boxes of an image, which share its scale."""
    if none is not None:
        return
    order = np.argsort(image, kind="stable")
    order = order[image[order] != UNKNOWN]
    ends = np.flatnonzero(np.diff(image[order])) + 1
    for rows in np.split(order, ends):
        if len(rows) < 2:
            continue
        found.neighbours += len(rows)
        found.pairs += len(rows) * (len(rows) - 1)
        for axis in (0, 1):
            found.apart[axis] += int(np.searchsorted(np.sort(numbers[rows, 2 + axis]), numbers[rows, axis]).sum())


def question(data: Dataset, numbers: Numbers | None = None, few: int = _FEW) -> str:
    """What of the numbers is not certain, and which option says it; empty if nothing is.

    numbers: those of the whole data set, if `data` is a part of it. few: how many boxes speak for another order.
    """
    numbers = numbers_of(data) if numbers is None else numbers
    return _fractions(data, numbers) or _inverted(data, numbers, few) or _sides_or_corners(data, numbers)


def asked(data: Dataset) -> Dataset:
    """The data set, if its numbers mean one thing; UnreadableError says what is to be settled."""
    asks = question(data)
    if asks:
        raise UnreadableError(data.path, asks)
    return data


def _fractions(data: Dataset, numbers: Numbers) -> str:
    """COCO and VOC are in pixels, and so is nothing that lies between 0 and 1."""
    if data.format not in ("coco", "voc") or data.relative or data.reading.unit is not None:
        return ""
    if numbers.like_fractions <= _SMALL * numbers.boxes:
        return ""
    seen = f"{numbers.like_fractions:,} of {quantity(numbers.boxes, 'box', 'boxes')} have numbers like fractions of the image"
    return f"{seen}, and {data.format} is in pixels: say what they are with --unit fractions or --unit pixels"


def _inverted(data: Dataset, numbers: Numbers, few: int) -> str:
    """Numbers that are read as corners may be sides: most boxes are inverted, or as sides all are in their images."""
    open_formats = ("text", "table", "voc") if data.found_out else ("table",)
    if data.format not in open_formats or data.reading.boxes is not None or not numbers.inverted:
        return ""
    seen = f"{numbers.inverted:,} of {quantity(numbers.boxes, 'box', 'boxes')} are inverted"
    if data.format == "table" and (names := _names_in_order(data)):
        return f"{seen} by the columns' names, and none by their order: say --columns {names} if the order is right, or --boxes xyxy if the names are"
    if numbers.inverted >= few and numbers.inverted > numbers.boxes / 2:
        return f"{seen}, so that the numbers may be no corners: {_ORDER[data.format]}"
    fits = order_of(data) == "xyxy" and numbers.sized == numbers.boxes and not numbers.inverted_otherwise and not numbers.leaving_otherwise
    if fits and numbers.inverted >= few and numbers.inverted > _LEAVING * numbers.boxes:
        return f"{seen} if the numbers are corners, and all are in their images if they are x, y, width, height: {_ORDER[data.format]}"
    return ""


_ORDER = {
    "text": "say what they are with --boxes xyxy, xywh or cxcywh",
    "table": "say what they are with --boxes xyxy, xywh or cxcywh",
    "voc": "say what they are with --boxes xyxy or --boxes xywh",
}


def _names_in_order(data: Dataset) -> str:
    """What the columns' names would have to mean, if by their names some boxes are inverted and by their order none is."""
    header = data.source.header  # type: ignore[attr-defined]
    order = np.array(header.order)
    if header.fmt != "xyxy" or (order == np.arange(4)).all() or _count_inverted(data.boxes[:, order]):
        return ""
    names = (header.names[header.box[column]] for column in order)
    return ",".join(f"{side}={name}" for side, name in zip(("x1", "y1", "x2", "y2"), names))


def _sides_or_corners(data: Dataset, numbers: Numbers) -> str:
    """Why numbers that are read as sides may be corners: so read no box is inverted, and none leaves its image."""
    table, order = data.format == "table", order_of(data)
    if order == "xyxy" or data.reading.boxes is not None or not (data.found_out or table):
        return ""
    in_pixels = data.format == "yolo" and not data.relative  # whose order the reader has found out
    if in_pixels:
        return ""
    if numbers.inverted_otherwise or numbers.leaving_otherwise:
        return _centres(data, numbers)
    names = "x, y, width, height" if order == "xywh" else "the centre, width and height"
    certain = f"--boxes xyxy or --boxes {order}" if data.format in ("table", "coco") else f"--format {data.format} if they are no corners"
    if _many_leave(numbers):
        seen = f"{numbers.leaving:,} of {quantity(numbers.sized, 'box', 'boxes')} leave their image"
        centres = order == "xywh" and not numbers.leaving_as_centres
        others, ways = (" or their centre, width and height", f"{certain} or --boxes cxcywh") if centres else ("", certain)
        return f"{seen} if the numbers are {names}, and none if they are x1, y1, x2, y2{others}: say {ways}"
    if _third_follows_first(numbers) or _never_apart(numbers):
        seen = f"of all {numbers.boxes:,} boxes the third and fourth number exceed the first two and grow with them"
        return f"{seen}, as x1, y1, x2, y2 do, and {names} do not: say {certain}"
    return ""


def _many_leave(numbers: Numbers) -> bool:
    return numbers.leaving > max(_FEW, _LEAVING * numbers.sized)


def _centres(data: Dataset, numbers: Numbers) -> str:
    """Why x and y may be the centre of a box, as in numbers that come from YOLO: so read no box leaves its image."""
    if order_of(data) != "xywh" or numbers.leaving_as_centres or not _many_leave(numbers):
        return ""
    seen = f"{numbers.leaving:,} of {quantity(numbers.sized, 'box', 'boxes')} leave their image if the numbers are x, y, width, height"
    return f"{seen}, and none if x and y are the centre: say --boxes cxcywh or --boxes xywh"


def _third_follows_first(numbers: Numbers) -> bool:
    """Whether the third number is the first and something that does not grow with it: x2 is x1 and a width, and a width follows no x."""
    if len(numbers.some) < _BOXES:
        return False
    first, third, first_squares, third_squares, products = (numbers.shares if numbers.sized == numbers.boxes else numbers.moments).T
    count = numbers.boxes
    together = products - first * third / count
    spread, other = first_squares - first * first / count, third_squares - third * third / count
    with np.errstate(invalid="ignore", divide="ignore"):
        alike, slope = together / np.sqrt(spread * other), together / spread
    return bool(((alike >= _ALIKE) & (slope <= _STEEPEST)).all())


def _never_apart(numbers: Numbers) -> bool:
    """Whether boxes start beyond the third number of another box of their image, too often for it to be a width that none exceeds by itself."""
    if len(numbers.some) < _BOXES:
        return False
    share = float(numbers.apart.max()) / max(numbers.pairs, 1)
    return 0 < share < 1 and numbers.neighbours * math.log(1 - share) < math.log(_BY_CHANCE)
