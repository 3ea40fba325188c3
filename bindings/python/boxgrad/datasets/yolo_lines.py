"""Which kind the lines of a data set have.

Nothing in a line says so. What decides is `kpt_shape` of data.yaml, or what the lines of the whole data set have in common. Where two kinds
explain them and give other boxes, the kind is in doubt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

from .yolo_kinds import Kind, Numbers, are_fractions, are_pixels, is_confidence, is_id, is_tracked
from .yolo_shapes import is_box_inside, visibility_flags, is_flagged, is_pose, is_polygon, is_parallelogram, crosses

_MOST = 0.9
_FEW = 2
"""Of so few triangles that could be poses of one point, nobody would write a pose without kpt_shape."""
_SURE_FLAGS = 6
"""So many visibility flags are no coordinates by chance."""
_SURE_LINES = 5
"""Of so many lines not all end at the border of their image by chance."""
_NEITHER = "no line decides against either"
_EITHER = " and a confidence or track id"
_SAMPLE = 1000
"""So many lines, from the whole data set, decide."""


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
        evidence = ", ".join(filter(None, (kind.evidence, said)))
        return Kind(kind.name, kind.length, kind.tail, first, evidence=evidence, doubt=kind.doubt or doubt)

    def tail(self, body: int = 0) -> int:
        """How many numbers follow the polygons, of which it is known that they are some: as few as explain nearly all lines.

        body: how many numbers a polygon has, if all have as many.
        """

        def explains(tail: int) -> bool:
            return self._share(lambda one: is_polygon(one, tail) and (not body or len(one) - tail == body)) >= _MOST

        return next((tail for tail in range(3) if explains(tail)), 0)

    def _order(self) -> Tuple[bool, str, str]:
        """Whether five numbers start with a confidence, on what evidence, and why that is not certain."""
        lines = [line for line in self.short if are_fractions(line.numbers)]
        if not lines:
            return False, "", ""
        last = [line for line in lines if not is_box_inside(line.numbers)]
        first = [line for line in lines if not (is_confidence(line.numbers[0]) and is_box_inside(line.numbers[1:]))]
        fits_last, fits_first, most = len(lines) - len(last), len(lines) - len(first), _MOST * len(lines)
        if fits_first < most <= fits_last or fits_last > 2 * fits_first or not fits_first:
            return False, "", ""
        if fits_last < most <= fits_first or fits_first > 2 * fits_last:
            return True, f"a confidence stands before the box, as {last[0]} would leave its image otherwise", ""
        places = (("after it", last), ("before it", first))
        odd = "; ".join(f"{one[0]} would leave its image with it {place}" for place, one in places if one) or _NEITHER
        doubt = (
            f"{_count(len(lines), 'line')} of five numbers after the class could have a confidence after the box or before it, "
            f"like {lines[0]}; {odd}: say which with --format yolo-detect or --format yolo-score-first"
        )
        return False, "", doubt

    def corners(self) -> Tuple[bool, str, str]:
        """Whether boxes in pixels are their corners, on what evidence, and why that is not certain."""
        lines = [line for line in self.boxes if are_pixels(line.numbers)]
        centres = [line for line in lines if not is_box_inside(line.numbers)]
        corners = [line for line in lines if not (line.numbers[2] > line.numbers[0] and line.numbers[3] > line.numbers[1])]
        few = (1 - _MOST) * len(lines)
        if len(corners) > few or not lines:
            return False, "", ""
        if len(centres) > few:
            return True, f"boxes in pixels are corners, as {centres[0]} would leave its image otherwise", ""
        seen = "1 box" if len(lines) == 1 else f"{len(lines):,} boxes"
        doubt = f"{seen} in pixels could be centres with width and height, or corners, the first of which is {lines[0]}"
        return False, "", f"{doubt}; {_NEITHER}: say which with --boxes cxcywh or --boxes xyxy"

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
        shares = [self._share(lambda one, tail=tail: is_polygon(one, tail)) for tail in range(3)]  # type: ignore[misc]
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
                f"of {_count(total, 'long line')}, {max(counts)} are polygons ({self._against(lambda one: is_polygon(one, 0))}), "
                f"and {poses} a box and keypoints ({self._against(lambda one: len(one) == common and is_pose(one))})"
            )
            best = "segment" if max(counts) >= poses else "pose"
            return Kind(best, tail=max(range(3), key=counts.__getitem__), doubt=_ask(seen, "segment", "pose"))
        poses = self._common_poses()
        sure = described or self._are_parallelograms(tails)
        if boxed is None and 2 * poses > total and not sure and self._share(crosses) > 1 - _MOST:
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
        return sum(len(line.numbers) == common and is_pose(line.numbers) for line in self.long)

    def _boxed(self) -> Optional[Kind]:
        """The kind, if nearly all lines can be a box and what belongs to it."""
        total = len(self.long)
        common, count = Counter(len(line.numbers) for line in self.long).most_common(1)[0]
        if count < _MOST * total:
            return None  # poses all have as many points
        if self._share(is_tracked) >= _MOST:
            tracked = round(self._share(is_tracked) * total)
            return Kind("detect", evidence=f"{tracked} of {total:,} long lines end with a confidence and a track id")
        flags = self._share(is_flagged) >= _MOST
        poses = self._share(is_flagged if flags else is_pose)
        if poses < _MOST:
            return None
        with_what = " with visibility flags" if flags else ""
        evidence = f"{round(poses * total)} of {total:,} long lines are a box and keypoints{with_what}"
        return Kind("pose", common if flags else 0, evidence=evidence)

    def _boxes_or_polygons(self, boxed: Kind, tails: List[int], described: bool) -> "Kind | bool":
        """Of lines that are both: whether they are boxes; or a kind in doubt."""
        if boxed.name == "detect":
            if any(line.numbers[5] > 1 for line in self.long) or self._end_with_ids():
                return True
            lines = _count(len(self.long), "long line")
            seen = f"{lines} could be polygons, or a box, a confidence and a track id; {_NEITHER}"
            return Kind("segment", doubt=_ask(seen, "segment", "detect"))
        many = sum(visibility_flags(line.numbers) for line in self.long) >= _SURE_FLAGS
        if self._share(is_flagged) >= _MOST and (many or 1 in tails and self._share(is_pose) >= _MOST):
            return True
        if described or self._are_parallelograms(tails):
            return False  # a pose would have a kpt_shape
        bodies = self._bodies(tails)
        if all(sum(map(crosses, body)) > (1 - _MOST) * len(body) for body in bodies):
            return True
        if all(len(line.numbers) == 6 for line in self.long) and len(self.long) <= _FEW:
            return False
        lines = _count(len(self.long), "long line")
        seen = f"{lines} could be polygons, or a box and its keypoints, like {self.long[0]}; {_NEITHER}"
        return Kind("pose" if boxed.length >= 10 else "segment", 0, tails[0], doubt=_ask(seen, "pose", "segment"))

    def _bodies(self, tails: List[int]) -> List[List[List[float]]]:
        """The numbers of all lines without each of these tails."""
        return [[line.numbers[: len(line.numbers) - tail] for line in self.long] for tail in tails]

    def _are_parallelograms(self, tails: List[int]) -> bool:
        """Whether nearly all lines are, with one of these tails: no keypoints lie so."""
        return any(_most(is_parallelogram, body) for body in self._bodies(tails))

    def _with_or_without_tail(self) -> Kind:
        """Of polygons that may end with a confidence and a track id, or with a corner."""
        alone = self._share(crosses)
        tailed = self._share(lambda one: crosses(one[:-2]))
        boxes = self._share(lambda one: is_parallelogram(one[:-2]))
        if self._share(is_parallelogram) >= _MOST:
            return self._polygons(0)
        if self._end_with_ids() or self._share(are_pixels) >= _MOST or alone >= 0.5 > tailed or boxes >= _MOST:
            return self._polygons(2)
        crossing = next((line for line in self.long if crosses(line.numbers)), None)
        seen = _NEITHER if crossing is None else f"{crossing} would cross itself with it"
        name = "obb" if all(len(line.numbers) == 10 for line in self.long) else "segment"
        doubt = f"{_count(len(self.long), 'long line')} could end with a confidence and a track id, or with a corner; {seen}"
        return Kind("segment", doubt=_ask(doubt, "segment", f"{name}-tracked"))

    def _end_with_ids(self) -> bool:
        """Whether all lines end with a whole number, which of the numbers before it few are."""
        others = [number for line in self.long for number in line.numbers[:-1]]
        few = sum(number.is_integer() for number in others) < (1 - _MOST) * len(others)
        return len(self.long) >= _SURE_LINES and few and all(line.numbers[-1].is_integer() for line in self.long)

    def _polygons(self, tail: int) -> Kind:
        total = len(self.long)
        name = "obb" if all(len(line.numbers) == 8 + tail for line in self.long) else "segment"
        what = "quadrilaterals" if name == "obb" else "polygons"
        count = round(self._share(lambda one: is_polygon(one, tail)) * total)
        ends = [""] * 3
        if tail:
            lasts = [line.numbers[-1] for line in self.long]
            ends[1] = " and a confidence" if not all(map(is_id, lasts)) else " and a track id" if max(lasts) > 1 else _EITHER
            ends[2] = ", a confidence and a track id"
        return Kind(name, 0, tail, evidence=f"{count} of {total:,} long lines are {what}{ends[tail]}")


def _most(test: Callable[[Numbers], bool], lines: Sequence[Numbers]) -> bool:
    return sum(map(test, lines)) >= _MOST * len(lines)


def _count(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _ask(seen: str, *names: str) -> str:
    options = " or ".join(f"--format yolo-{name}" for name in names)
    return f"{seen}: say which they are with {options}"
