"""The kinds of lines that YOLO labels have: boxes alone, polygons, or boxes with keypoints; and what predictions write after them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Sequence

KINDS = {
    "detect": "a box, perhaps a confidence and a track id",
    "score-first": "a confidence, and then the box",
    "segment": "a polygon of three or more corners, or a box",
    "segment-tracked": "a polygon, a confidence and a track id",
    "obb": "a quadrilateral, or a box",
    "obb-tracked": "a quadrilateral, a confidence and a track id",
    "pose": "a box and its keypoints",
}
_POLYGONS = ("segment", "obb")
_LEAST, _LARGEST = -0.5, 1.5
"""Between these a number looks like a fraction of an image."""

Numbers = Sequence[float]


@dataclass(frozen=True)
class Kind:
    """What the lines of a data set hold after their class."""

    name: str
    length: int = 0
    """How many numbers a pose has, the box included; 0 if any."""
    tail: int = 0
    """How many numbers follow a polygon: a confidence or a track id, or both."""
    first: bool = False
    """Whether a confidence stands before the box."""
    pixels: bool = False
    """Whether numbers that may be either are pixels."""
    corners: bool = False
    """Whether boxes in pixels are their corners."""
    evidence: str = ""
    doubt: str = ""

    @property
    def text(self) -> str:
        """What reads a copy in the same way."""
        return ":".join(map(str, (self.name, self.length, self.tail, int(self.first), int(self.pixels), int(self.corners))))

    @classmethod
    def of(cls, text: str) -> "Kind":
        name, *numbers = text.split(":")
        length, tail, first, pixels, corners = map(int, numbers)
        return cls(name, length, tail, bool(first), bool(pixels), bool(corners))

    def box(self, count: int) -> Optional[int]:
        """Where the box starts in a line of so many numbers; None if the line holds no box."""
        if count in (4, 5) or self.name == "detect" and count == 6:
            return int(self.first and count > 4)
        if self.name == "pose" and (count > 5 if not self.length else 0 <= count - self.length <= 2):
            return 0
        return None

    def polygon(self, count: int) -> int:
        """How many numbers of a line are the corners of its polygon; 0 if it has none."""
        body = count - self.tail
        if self.name not in _POLYGONS or body < 6 or body % 2 or self.name == "obb" and body != 8:
            return 0
        return body


def are_fractions(numbers: Numbers) -> bool:
    """Whether numbers look like fractions of an image; NaN and infinity speak neither for it nor against."""
    return all(_LEAST <= number <= _LARGEST or not math.isfinite(number) for number in numbers)


def are_pixels(numbers: Numbers) -> bool:
    """Whether of the first four numbers after the class, three or four are too large for fractions."""
    return sum(math.isfinite(number) and not _LEAST <= number <= _LARGEST for number in numbers[:4]) >= 3


def is_tracked(numbers: Numbers) -> bool:
    """Whether six numbers are a box, a confidence and a track id, and no triangle."""
    return len(numbers) == 6 and (are_fractions(numbers[:5]) or are_pixels(numbers)) and is_tail(numbers[4:])


def is_confidence(number: float) -> bool:
    return 0 <= number <= 1


def is_id(number: float) -> bool:
    return number >= 0 and float(number).is_integer()


def is_tail(tail: Numbers) -> bool:
    """Whether numbers are a confidence, a track id, or both in this order."""
    if len(tail) == 2:
        return 0 < tail[0] <= 1 and is_id(tail[1])
    return not tail or is_confidence(tail[0]) or is_id(tail[0])
