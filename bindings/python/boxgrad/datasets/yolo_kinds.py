"""Which kind of lines YOLO labels have: boxes alone, polygons, or boxes with keypoints; and what predictions write after them.

Nothing in a line says so. What decides is `kpt_shape` of data.yaml, or what the long lines of the data set have in common. Where two
kinds explain them and give other boxes, the kind is in doubt.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

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
_MOST = 0.9
_FEW = 2
"""Of so few triangles that could be poses of one point, nobody would write a pose without kpt_shape."""
_SURE_FLAGS = 6
"""So many visibility flags are no coordinates by chance."""
_NEAR = 0.02
"""How far beyond its image a box, or beyond its box a keypoint may lie, for a line to be taken for a pose."""
_LEAST, _LARGEST = -0.5, 1.5
"""Between these a number looks like a fraction of an image."""
_SAMPLE = 1000

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
    return len(numbers) == 6 and (are_fractions(numbers[:5]) or are_pixels(numbers)) and _is_tail(numbers[4:])


def is_confidence(number: float) -> bool:
    return 0 <= number <= 1


def is_id(number: float) -> bool:
    return number >= 0 and float(number).is_integer()


def _is_tail(tail: Numbers) -> bool:
    """Whether numbers are a confidence, a track id, or both in this order."""
    if len(tail) == 2:
        return 0 < tail[0] <= 1 and is_id(tail[1])
    return not tail or is_confidence(tail[0]) or is_id(tail[0])


def _is_box_inside(numbers: Numbers) -> bool:
    x, y, w, h = numbers[:4]
    low = -_NEAR
    if are_pixels(numbers):
        return w >= 0 and h >= 0 and low <= x - w / 2 and low <= y - h / 2
    high = 1 + _NEAR
    return w >= 0 and h >= 0 and low <= x - w / 2 and x + w / 2 <= high and low <= y - h / 2 and y + h / 2 <= high


def _are_points_in_box(numbers: Numbers, points: Numbers, step: int) -> bool:
    """Whether points lie in the box before them, as keypoints do; those that are not labelled are 0, 0."""
    x, y, w, h = numbers[:4]
    near = _NEAR * (max(x, y) if are_pixels(numbers) else 1)
    return all(
        (px == 0 and py == 0) or (abs(px - x) <= w / 2 * 1.2 + near and abs(py - y) <= h / 2 * 1.2 + near)
        for px, py in zip(points[0::step], points[1::step])
    )


def _flags(numbers: Numbers) -> int:
    """How many visibility flags follow a box; 0 if not every third number after it is one."""
    rest = numbers[4:]
    return len(rest) // 3 if len(rest) % 3 == 0 and all(flag in (0, 1, 2) for flag in rest[2::3]) else 0


def _is_flagged(numbers: Numbers) -> bool:
    """Whether numbers are a box and points with visibility flags."""
    return _flags(numbers) > 0 and (are_fractions(numbers[:4]) or are_pixels(numbers))


def _is_pose(numbers: Numbers) -> bool:
    """Whether numbers are a box and points in it: pairs, or each with a flag or its confidence; and perhaps those of the box."""
    if not _is_box_inside(numbers):
        return False
    for tail in range(3):
        points, end = numbers[4 : len(numbers) - tail], numbers[len(numbers) - tail :]
        for step in (2, 3):
            thirds = all(one in (0, 1, 2) or is_confidence(one) for one in points[2::3]) if step == 3 else True
            if points and len(points) % step == 0 and thirds and _is_tail(end) and _are_points_in_box(numbers, points, step):
                return True
    return False


def _is_polygon(numbers: Numbers, tail: int) -> bool:
    """Whether numbers are the corners of a polygon, and a tail of this length."""
    body, end = numbers[: len(numbers) - tail], numbers[len(numbers) - tail :]
    return len(body) >= 6 and len(body) % 2 == 0 and (are_fractions(body) or are_pixels(body)) and _is_tail(end)


def _is_parallelogram(numbers: Numbers) -> bool:
    if len(numbers) != 8:
        return False
    x1, y1, x2, y2, x3, y3, x4, y4 = numbers
    near = 2e-3 * max(1.0, *map(abs, numbers))
    area = (x2 - x1) * (y4 - y1) - (y2 - y1) * (x4 - x1)
    return abs(x1 + x3 - x2 - x4) < near and abs(y1 + y3 - y2 - y4) < near and area != 0


def _crosses(numbers: Numbers) -> bool:
    """Whether the sides of a polygon cross, touch or fold back, as they do if the numbers are no corners."""
    points = list(zip(numbers[0::2], numbers[1::2]))
    points = [point for point, before in zip(points, [points[-1], *points]) if point != before]
    sides = list(zip(points, [*points[1:], *points[:1]]))
    if len(sides) < 3:
        return True
    for index, (a, b) in enumerate(sides):
        c = sides[(index + 1) % len(sides)][1]
        if _turn(a, b, c) == 0 and (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) < 0:
            return True  # the next side folds back onto this one
        for other, (p, q) in enumerate(sides[index + 2 :], index + 2):
            if (other + 1) % len(sides) != index and _meet(a, b, p, q):
                return True
    return False


Point = Tuple[float, float]


def _turn(a: Point, b: Point, c: Point) -> float:
    turn = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0.0 if abs(turn) < 1e-12 else turn


def _meet(a: Point, b: Point, p: Point, q: Point) -> bool:
    """Whether two sides have a point in common."""
    if max(a[0], b[0]) < min(p[0], q[0]) or max(p[0], q[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(p[1], q[1]) or max(p[1], q[1]) < min(a[1], b[1]):
        return False
    return _turn(a, b, p) * _turn(a, b, q) <= 0 and _turn(p, q, a) * _turn(p, q, b) <= 0


@dataclass
class Line:
    numbers: List[float]
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass
class Lines:
    """Lines of more than a box: a sample from the whole data set, by which the kind is found out."""

    short: List[Line] = field(default_factory=list)
    """Those of five numbers."""
    long: List[Line] = field(default_factory=list)
    """Those of six or more."""
    boxes: List[Line] = field(default_factory=list)
    """Boxes alone in pixels."""
    _every: int = 1
    _seen: int = 0

    def add(self, line: Line) -> None:
        self._seen += 1
        if self._seen % self._every:
            return
        {4: self.boxes, 5: self.short}.get(len(line.numbers), self.long).append(line)
        if len(self.boxes) + len(self.short) + len(self.long) > 2 * _SAMPLE:
            self.boxes, self.short, self.long = self.boxes[::2], self.short[::2], self.long[::2]
            self._every *= 2

    def kind(self, length: Optional[int], described: bool) -> Kind:
        """The kind of all lines.

        length: the numbers of a pose by kpt_shape, if data.yaml has one. described: whether there is a data.yaml, which would tell it.
        """
        first, said, doubt = self._order()
        if not self.long:
            return Kind("detect", first=first, evidence=said, doubt=doubt)
        kind = self._of_kpt_shape(length) if length is not None else self._of_long_lines(described)
        return Kind(kind.name, kind.length, kind.tail, first, evidence=", ".join(filter(None, (kind.evidence, said))), doubt=kind.doubt or doubt)

    def tail(self, body: int = 0) -> int:
        """How many numbers follow the polygons, of which it is known that they are some: as few as explain nearly all lines.

        body: how many numbers a polygon has, if all have as many.
        """

        def explains(tail: int) -> bool:
            return self._share(lambda one: _is_polygon(one, tail) and (not body or len(one) - tail == body)) >= _MOST

        return next((tail for tail in range(3) if explains(tail)), 0)

    def _order(self) -> Tuple[bool, str, str]:
        """Whether five numbers start with a confidence, on what evidence, and why that is not certain."""
        lines = [line for line in self.short if are_fractions(line.numbers)]
        if not lines:
            return False, "", ""
        last = [line for line in lines if not _is_box_inside(line.numbers)]
        first = [line for line in lines if not (is_confidence(line.numbers[0]) and _is_box_inside(line.numbers[1:]))]
        fits_last, fits_first, most = len(lines) - len(last), len(lines) - len(first), _MOST * len(lines)
        if fits_first < most <= fits_last or fits_last > 2 * fits_first or not fits_first:
            return False, "", ""
        if fits_last < most <= fits_first or fits_first > 2 * fits_last:
            return True, f"a confidence stands before the box, as {last[0]} would leave its image otherwise", ""
        odd = "; ".join(f"{one[0]} would leave its image with it {place}" for place, one in (("after it", last), ("before it", first)) if one)
        doubt = (
            f"{_count(len(lines), 'line')} of five numbers after the class could have a confidence after the box or before it, like {lines[0]}; "
            f"{odd or 'no line decides against either'}: say which with --format yolo-detect or --format yolo-score-first"
        )
        return False, "", doubt

    def corners(self) -> Tuple[bool, str, str]:
        """Whether boxes in pixels are their corners, on what evidence, and why that is not certain."""
        lines = [line for line in self.boxes if are_pixels(line.numbers)]
        centres = [line for line in lines if not _is_box_inside(line.numbers)]
        corners = [line for line in lines if not (line.numbers[2] > line.numbers[0] and line.numbers[3] > line.numbers[1])]
        few = (1 - _MOST) * len(lines)
        if len(corners) > few or not lines:
            return False, "", ""
        if len(centres) > few:
            return True, f"boxes in pixels are corners, as {centres[0]} would leave its image otherwise", ""
        seen = "1 box" if len(lines) == 1 else f"{len(lines):,} boxes"
        doubt = f"{seen} in pixels could be centres with width and height, or corners, the first of which is {lines[0]}"
        return False, "", f"{doubt}; no line decides against either: say which with --boxes cxcywh or --boxes xyxy"

    def _of_kpt_shape(self, length: int) -> Kind:
        odd = [line for line in self.long if not 0 <= len(line.numbers) - length <= 2]
        total = len(self.long)
        said = f"kpt_shape of data.yaml says {length} numbers a line, which {total - len(odd)} of {total} long lines have"
        if len(odd) > (1 - _MOST) * total:
            return Kind("pose", length, doubt=_ask(f"{said}, and {odd[0]} has not", "pose", "segment"))
        return Kind("pose", length, evidence=said)

    def _share(self, test: Callable[[List[float]], object]) -> float:
        return sum(bool(test(line.numbers)) for line in self.long) / len(self.long)

    def _against(self, test: Callable[[List[float]], object]) -> str:
        """The first line that decides against a reading."""
        return next((f"{line} is none" for line in self.long if not test(line.numbers)), "no line decides against it")

    def _of_long_lines(self, described: bool) -> Kind:
        total = len(self.long)
        shares = [self._share(lambda one, tail=tail: _is_polygon(one, tail)) for tail in range(3)]  # type: ignore[misc]
        tails = [tail for tail, share in enumerate(shares) if share >= _MOST]
        boxed = self._boxed()
        kept = self._boxes_or_polygons(boxed, tails, described) if boxed and tails else True
        if isinstance(kept, Kind):
            return kept
        if boxed and kept:
            return boxed
        if not tails:
            counts = [round(share * total) for share in shares]
            common = self._common_length()
            poses = self._common_poses()
            seen = (
                f"of {_count(total, 'long line')}, {max(counts)} are polygons ({self._against(lambda one: _is_polygon(one, 0))}), "
                f"and {poses} a box and keypoints ({self._against(lambda one: len(one) == common and _is_pose(one))})"
            )
            return Kind("segment" if max(counts) >= poses else "pose", 0, max(range(3), key=counts.__getitem__), doubt=_ask(seen, "segment", "pose"))
        poses = self._common_poses()
        if boxed is None and 2 * poses > total and not described and not self._share(_is_parallelogram) >= _MOST:
            seen = f"{_count(total, 'long line')} could be polygons, {poses} of them a box and its keypoints, like {self.long[0]}"
            return Kind("segment", 0, tails[0], doubt=_ask(seen, "segment", "pose"))
        if len(tails) == 1:
            return self._polygons(tails[0])
        return self._with_or_without_tail()

    def _common_length(self) -> int:
        return Counter(len(line.numbers) for line in self.long).most_common(1)[0][0]

    def _common_poses(self) -> int:
        """How many lines of the most common length can be a box and its keypoints."""
        common = self._common_length()
        return sum(len(line.numbers) == common and _is_pose(line.numbers) for line in self.long)

    def _boxed(self) -> Optional[Kind]:
        """The kind, if nearly all lines can be a box and what belongs to it."""
        total = len(self.long)
        common, count = Counter(len(line.numbers) for line in self.long).most_common(1)[0]
        if count < _MOST * total:
            return None  # poses all have as many points
        if self._share(is_tracked) >= _MOST:
            return Kind("detect", evidence=f"{round(self._share(is_tracked) * total)} of {_count(total, 'long line')} end with a confidence and a track id")
        flags = self._share(_is_flagged) >= _MOST
        poses = self._share(_is_flagged if flags else _is_pose)
        if poses < _MOST:
            return None
        with_what = " with visibility flags" if flags else ""
        return Kind("pose", common if flags else 0, evidence=f"{round(poses * total)} of {_count(total, 'long line')} are a box and keypoints{with_what}")

    def _boxes_or_polygons(self, boxed: Kind, tails: List[int], described: bool) -> "Kind | bool":
        """Of lines that are both: whether they are boxes; or a kind in doubt."""
        if boxed.name == "detect":
            if any(line.numbers[5] > 1 for line in self.long):
                return True
            seen = f"{_count(len(self.long), 'long line')} could be polygons, or a box, a confidence and a track id; no line decides against either"
            return Kind("segment", doubt=_ask(seen, "segment", "detect"))
        many = sum(_flags(line.numbers) for line in self.long) >= _SURE_FLAGS
        if self._share(_is_flagged) >= _MOST and (many or 1 in tails and self._share(_is_pose) >= _MOST):
            return True
        bodies = [[line.numbers[: len(line.numbers) - tail] for line in self.long] for tail in tails]
        if described or any(_most(_is_parallelogram, body) for body in bodies):
            return False  # a pose would have a kpt_shape
        if all(2 * sum(map(_crosses, body)) >= len(body) for body in bodies):
            return True
        if all(len(line.numbers) == 6 for line in self.long) and len(self.long) <= _FEW:
            return False
        seen = f"{_count(len(self.long), 'long line')} could be polygons, or a box and its keypoints, like {self.long[0]}; no line decides against either"
        return Kind("pose" if boxed.length >= 10 else "segment", 0, tails[0], doubt=_ask(seen, "pose", "segment"))

    def _with_or_without_tail(self) -> Kind:
        """Of polygons that may end with a confidence and a track id, or with a corner."""
        alone = self._share(_crosses)
        tailed = self._share(lambda one: _crosses(one[:-2]))
        boxes = self._share(lambda one: _is_parallelogram(one[:-2]))
        if self._share(_is_parallelogram) >= _MOST:
            return self._polygons(0)
        if self._share(are_pixels) >= _MOST or alone >= 0.5 > tailed or boxes >= _MOST:
            return self._polygons(2)
        crossing = next((line for line in self.long if _crosses(line.numbers)), None)
        seen = "no line decides against either" if crossing is None else f"{crossing} would cross itself with it"
        name = "obb" if all(len(line.numbers) == 10 for line in self.long) else "segment"
        doubt = f"{_count(len(self.long), 'long line')} could end with a confidence and a track id, or with a corner; {seen}"
        return Kind("segment", doubt=_ask(doubt, "segment", f"{name}-tracked"))

    def _polygons(self, tail: int) -> Kind:
        total = len(self.long)
        name = "obb" if all(len(line.numbers) == 8 + tail for line in self.long) else "segment"
        what = "quadrilaterals" if name == "obb" else "polygons"
        count = round(self._share(lambda one: _is_polygon(one, tail)) * total)
        ends = [""] * 3
        if tail:
            lasts = [line.numbers[-1] for line in self.long]
            ends[1] = " and a confidence" if not all(map(is_id, lasts)) else " and a track id" if max(lasts) > 1 else " and a confidence or track id"
            ends[2] = ", a confidence and a track id"
        return Kind(name, 0, tail, evidence=f"{count} of {_count(total, 'long line')} are {what}{ends[tail]}")


def _most(test: Callable[[Numbers], bool], lines: Sequence[Numbers]) -> bool:
    return sum(map(test, lines)) >= _MOST * len(lines)


def _count(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _ask(seen: str, *names: str) -> str:
    options = " or ".join(f"--format yolo-{name}" for name in names)
    return f"{seen}: say which they are with {options}"
