"""Which kind of lines YOLO labels have: boxes alone, polygons, or boxes with keypoints.

Nothing in a line says so. What decides is `kpt_shape` of data.yaml, or what all long lines of the data set have in common. Where two
kinds explain them, the kind is a guess and in doubt.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Counter as Counts
from typing import Iterable, Optional, Sequence

KINDS = {
    "detect": "a box, perhaps a confidence and a track id",
    "segment": "a polygon of three or more corners, or a box",
    "obb": "a quadrilateral, or a box",
    "pose": "a box and its keypoints",
}
_MOST, _HALF = 0.9, 0.5
_NEAR = 0.02
"""How far beyond its image a box, or beyond its box a keypoint may lie, for a line to be taken for a pose."""


@dataclass(frozen=True)
class Kind:
    name: str
    length: int = 0
    """How many numbers a pose has, the box included; 0 if any."""
    evidence: str = ""
    doubt: str = ""


def are_fractions(numbers: Iterable[float]) -> bool:
    """Whether numbers look like fractions of an image; NaN and infinity speak neither for it nor against."""
    return all(-0.5 <= number <= 1.5 or not math.isfinite(number) for number in numbers)


def is_tracked(numbers: Sequence[float]) -> bool:
    """Whether six numbers are a box, a confidence and a track id, and no triangle."""
    return len(numbers) == 6 and are_fractions(numbers[:5]) and numbers[5] >= 0 and float(numbers[5]).is_integer()


def _is_box_inside(numbers: Sequence[float]) -> bool:
    x, y, w, h = numbers[:4]
    low, high = -_NEAR, 1 + _NEAR
    return w >= 0 and h >= 0 and low <= x - w / 2 and x + w / 2 <= high and low <= y - h / 2 and y + h / 2 <= high


def _are_flags(numbers: Sequence[float]) -> bool:
    """Whether every third number after the box is a visibility flag."""
    rest = numbers[4:]
    return len(rest) >= 3 and len(rest) % 3 == 0 and all(flag in (0, 1, 2) for flag in rest[2::3])


def _are_points_of_box(numbers: Sequence[float]) -> bool:
    """Whether the points after the box lie in it, as keypoints do; those that are not labelled are 0, 0.

    They are pairs; or, as predictions have them, each with its confidence, and at the end perhaps that of the box.
    """
    x, y, w, h = numbers[:4]
    rest = len(numbers) - 4
    return any(
        whole
        and all(
            (px == 0 and py == 0) or (abs(px - x) <= w / 2 * 1.2 + _NEAR and abs(py - y) <= h / 2 * 1.2 + _NEAR)
            for px, py in zip(numbers[4::step], numbers[5::step])
        )
        for step, whole in ((2, rest % 2 == 0), (3, rest >= 6 and rest % 3 < 2))
    )


def _is_parallelogram(numbers: Sequence[float]) -> bool:
    x1, y1, x2, y2, x3, y3, x4, y4 = numbers
    return abs(x1 + x3 - x2 - x4) < 2e-3 and abs(y1 + y3 - y2 - y4) < 2e-3


@dataclass
class Lines:
    """What the long lines of a data set could be."""

    total: int = 0
    polygons: int = 0
    tracked: int = 0
    tracked_alone: int = 0
    """Those with a track id that is no fraction."""
    parallelograms: int = 0
    flagged: Counts[int] = field(default_factory=Counter)
    """Poses with visibility flags, by how many numbers they have."""
    flagged_alone: int = 0
    """Those that are no polygon."""
    flags: int = 0
    pointed: Counts[int] = field(default_factory=Counter)
    """Poses whose points lie in their box."""
    lengths: Counts[int] = field(default_factory=Counter)

    def add(self, numbers: Sequence[float]) -> None:
        """Counts the numbers after the class of one line, six or more."""
        count = len(numbers)
        self.total += 1
        self.lengths[count] += 1
        polygon = count % 2 == 0 and are_fractions(numbers)
        self.polygons += polygon
        if is_tracked(numbers):
            self.tracked += 1
            self.tracked_alone += numbers[5] > 1
        if polygon and count == 8:
            self.parallelograms += _is_parallelogram(numbers)
        if not are_fractions(numbers[:4]):
            return
        if _are_flags(numbers):
            self.flagged[count] += 1
            self.flagged_alone += not polygon
            self.flags += (count - 4) // 3
        if _is_box_inside(numbers) and _are_points_of_box(numbers):
            self.pointed[count] += 1

    def kind(self, length: Optional[int], described: bool) -> Kind:
        """The kind of all lines.

        length: the numbers of a pose by kpt_shape, if data.yaml has one. described: whether there is a data.yaml, which would tell it.
        """
        if not self.total:
            return Kind("detect")
        if length is not None:
            fit = self.lengths[length]
            said = f"kpt_shape of data.yaml says {length} numbers a line, which {fit} of {self.total} long lines have"
            return Kind("pose", length, said, "" if fit >= _MOST * self.total else self._doubt(said, "pose", "segment"))
        flagged, flagged_count = _most(self.flagged)
        pointed, pointed_count = _most(self.pointed)
        most = _MOST * self.total
        if flagged_count >= most and (self.polygons < most or self.flags >= 6):
            return Kind("pose", flagged, f"{flagged_count} of {self.total} long lines are a box and keypoints with visibility flags")
        if self.tracked >= most and self.tracked_alone:
            return Kind("detect", 0, f"{self.tracked} of {self.total} long lines end with a confidence and a track id")
        keypoints, count = (flagged, flagged_count) if flagged_count >= pointed_count else (pointed, pointed_count)
        if self.polygons < most:
            names = {"segment": self.polygons, "pose": count, "detect": self.tracked}
            best = max(names, key=lambda name: names[name])
            seen = f"of {self.total} long lines {self.polygons} are polygons, {count} a box and keypoints"
            return Kind(best, keypoints if best == "pose" else 0, seen, self._doubt(seen, "segment", "pose"))
        seen = f"{self.polygons} of {self.total} long lines are polygons"
        certain = described or self.parallelograms >= most or count <= _HALF * self.total
        if self.tracked >= most:
            other = f"{seen}, and {self.tracked} could be a box, a confidence and a track id"
            return Kind("segment", 0, seen, self._doubt(other, "segment", "detect"))
        if certain:
            return Kind("segment", 0, seen)
        both = f"{seen}, and {count} could be a box and its keypoints"
        # Polygons of five corners or more do not all have as many: a pose is the better guess.
        best = "pose" if keypoints >= 10 else "segment"
        return Kind(best, keypoints if best == "pose" else 0, both, self._doubt(both, "pose", "segment"))

    def _doubt(self, seen: str, *names: str) -> str:
        options = " or ".join(f"--format yolo-{name}" for name in names)
        return f"{seen}: say which they are with {options}"


def _most(counts: Counts[int]) -> tuple[int, int]:
    """The most common number, and how often it is there."""
    return counts.most_common(1)[0] if counts else (0, 0)
