"""YOLO: lines of class, centre x, centre y, width, height in fractions of the image; of class and polygon; of class, box and keypoints.

Photos are looked for beside the labels, in the folder `images` for one named `labels`, or where the user says. Boxes of an image whose size
is not known stay in fractions. Rows in pixels are a problem of their own: their boxes are what the pixels say.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np

from ..boxes import box_convert
from . import lines, rows
from .detection import is_class_number
from .lines import Format, Parsed, Words
from .model import Array, Dataset, Reading, Size
from .text_files import TextFiles, read_files
from .yolo_kinds import KINDS, Kind, are_fractions, are_pixels, is_confidence, is_tracked
from .yolo_lines import Line, Lines
from .yolo_names import Beside, look_beside

_LAYOUT = "labels"
_LOCKED_PIXELS = "its numbers are pixels where YOLO has fractions; --unit pixels says that all are, and repairs them as such"
_MOST_FOLDERS = 200


def class_of(words: Words, names: Optional[Mapping[str, str]]) -> Tuple[str, str, int]:
    """The class of a row, why it is none, and how many words it has. names: the numbers of the classes, by their names."""
    first = words[0]
    if is_class_number(first) and (len(words) < 2 or rows.is_number(words[1])):
        if not rows.is_number(first):
            return str(int(first, 16)), "", 1
        number = float(first)
        if number.is_integer() and 0 <= number < 1e15:
            return str(int(number)), "", 1
        return first, f"class {first[:60]} is no whole number from 0", 1
    numbers = rows.trailing_numbers(words)
    count = max(1, len(words) - numbers)
    for longer in range(len(words) - 4, 0, -1):
        name = " ".join(words[:longer])
        if names is not None and name in names and len(words) - longer <= numbers:
            return names[name], "", longer
    return " ".join(words[:count]) if numbers >= 4 else first, "", count if numbers >= 4 else 1


class _Parser:
    """Reads the rows of a data set, of one kind, which all of them decide."""

    def __init__(self, kind: Kind, reading: Reading, names: Optional[Mapping[str, str]]) -> None:
        self.kind, self.unit, self.names = kind, reading.unit, names
        self.fmt = reading.boxes or "cxcywh"

    def parse(self, words: Words, size: Size) -> Parsed:
        category, no_class, taken = class_of(words, self.names)
        numbers = lines.floats(words[taken:])
        pixels = self._are_pixels(numbers)
        height, width = (1.0, 1.0) if pixels else size
        locked = "the name of its class has spaces" if taken > 1 else _LOCKED_PIXELS if pixels and self.unit is None else ""
        start = self._box(numbers)
        if start is not None:
            fmt = "xyxy" if pixels and self.kind.corners else self.fmt
            box = _corners(numbers[start : start + 4], fmt)
            unused = self._unused(numbers, start)
            box = [box[0] * width, box[1] * height, box[2] * width, box[3] * height]
            return Parsed(category, box, locked=locked, pixels=pixels, no_class=no_class, unused=unused)
        body = self.kind.polygon(len(numbers))
        if not body:
            raise ValueError(f"{len(numbers)} numbers after the class, not {self._wanted(len(numbers))}")
        points, tail = numbers[:body], numbers[body:]
        xs, ys = points[0::2], points[1::2]
        box = [min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height]
        quad = [number * side for number, side in zip(points, (width, height) * 4)] if body == 8 else ()
        if not pixels and not are_fractions(points):
            locked = "a polygon with numbers that are no fractions of the image"
        return Parsed(category, box, quad, True, locked, pixels, no_class, _names_of_tail(tail))

    def _are_pixels(self, numbers: List[float]) -> bool:
        if self.unit is not None:
            return self.unit == "pixels"
        four = numbers[int(self.kind.first and len(numbers) in (5, 6)) :][:4]
        return are_pixels(four) or self.kind.pixels and not (are_fractions(four) and any(not one.is_integer() for one in four))

    def _box(self, numbers: List[float]) -> Optional[int]:
        """Where the box starts; None if the row holds none. ValueError if what follows it is nothing known."""
        start = self.kind.box(len(numbers))
        if start is not None and self.kind.name == "detect" and len(numbers) == 6 and not is_tracked(numbers) and not start:
            raise ValueError("6 numbers after the class, which are no box with a confidence and a track id")
        return start

    def _unused(self, numbers: List[float], start: int) -> Tuple[str, ...]:
        rest = [*numbers[:start], *numbers[start + 4 :]]
        points = self.kind.length - 4  # how many numbers the keypoints are, where kpt_shape says it
        if self.kind.name == "pose" and 0 < points <= len(rest):
            return ("keypoints", *_names_of_tail(rest[points:]))
        return ("keypoints",) if len(rest) > 2 else _names_of_tail(rest)

    def _wanted(self, count: int) -> str:
        kind = self.kind
        if kind.tail:
            return f"4, 5, or the x and y of {'a quadrilateral' if kind.name == 'obb' else 'a polygon'} and {kind.tail} more"
        wanted = {"pose": f"{kind.length or 'those of a box and keypoints'}", "obb": "8"} if count > 5 else {}
        return f"4, 5, or {wanted.get(kind.name, 'the x and y of a polygon')}"

    def edit(self, words: Words, box: Array, size: Size) -> Dict[int, float]:
        taken = class_of(words, self.names)[2]
        numbers = lines.floats(words[taken:])
        pixels = self._are_pixels(numbers)
        height, width = (1.0, 1.0) if pixels else size
        x1, y1, x2, y2 = box[0] / width, box[1] / height, box[2] / width, box[3] / height
        start = self._box(numbers)
        if start is None:
            bounds = (x1, x2), (y1, y2)
            points = numbers[: self.kind.polygon(len(numbers))]
            return {i + taken: min(max(point, bounds[i % 2][0]), bounds[i % 2][1]) for i, point in enumerate(points)}
        fmt = "xyxy" if pixels and self.kind.corners else self.fmt
        if fmt == "cxcywh":
            four = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
        else:
            four = box_convert(np.array([x1, y1, x2, y2]), "xyxy", fmt).tolist()
        return dict(enumerate(four, taken + start))

    def boxes(self, numbers: Array) -> Array:
        """The corners of many boxes in fractions."""
        if self.unit == "pixels" or self.fmt != "cxcywh":
            return np.array([_corners(one, self.fmt) for one in numbers.tolist()])
        half = numbers[:, 2:] / 2
        return np.hstack([numbers[:, :2] - half, numbers[:, :2] + half])


def _corners(four: List[float], fmt: str) -> List[float]:
    if fmt == "cxcywh":
        x, y, w, h = four
        return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
    corners: List[float] = box_convert(np.array(four), fmt, "xyxy").tolist()
    return corners


def _names_of_tail(tail: List[float]) -> Tuple[str, ...]:
    """What one or two numbers beside a box are called."""
    if len(tail) == 2:
        return "confidence", "track id"
    if not tail:
        return ()
    if is_confidence(tail[0]):
        return ("confidence",)
    return ("track id without confidence",) if tail[0] > 1 and tail[0].is_integer() else ("a number after the box that is no confidence",)


def beside_of(path: Path, files: TextFiles, reading: Reading) -> Beside:
    """What stands beside the labels of a data set."""
    return look_beside(reading.original or path, files.folders[:_MOST_FOLDERS], reading)


def layout_of(beside: Beside, files: TextFiles) -> str:
    """What says that files are YOLO's: the names of classes beside them, or the folder in which they stand."""
    if beside.files:
        return f"beside {beside.files[0]}"
    in_labels = any(_LAYOUT in Path(file).absolute().parts[:-1] for file in files.named[:1])
    return f"in the folder {_LAYOUT}" if in_labels else ""


def read(path: Path, reading: Reading, files: Optional[TextFiles] = None) -> Dataset:
    files = files or read_files(path, reading)
    beside = beside_of(path, files, reading)
    listed = beside.names.names if beside.names is not None else None
    numbers = None if listed is None else {name: str(number) for number, name in reversed(list(listed.items()))}
    kind = _kind_of(files, reading, beside, numbers)
    parser = _Parser(kind, reading, numbers)
    names = None if listed is None else {str(number): name for number, name in sorted(listed.items())}
    boxes = None if reading.unit == "pixels" else parser.boxes
    format = Format("yolo", parser.parse, parser.edit, names, boxes, beside.files)
    data = lines.read(path, reading, format, pixels=False, files=files)
    data.turned = kind.name == "obb"
    data.relative = not kind.pixels and reading.unit != "pixels"
    data.by_all_lines = bool(kind.evidence) or kind.pixels
    data.reading = replace(data.reading, kind=kind.text)
    data.doubt = kind.doubt
    data.evidence = f"{kind.name}: {kind.evidence}" if kind.evidence else "" if kind.name == "detect" else kind.name
    data.notes += beside.notes
    data.class_files = beside.files
    data.beside = [file for file in data.beside if file not in beside.files]
    return data


def _kind_of(files: TextFiles, reading: Reading, beside: Beside, names: Optional[Mapping[str, str]]) -> Kind:
    """The kind of all rows: as the reading says, or as they have in common."""
    if reading.kind is not None and ":" in reading.kind:
        return Kind.of(reading.kind)
    found, all_rows, pixels = Lines(), 0, 0
    for file in files.labels:
        if file.boxes is not None:
            all_rows += len(file.lines)
            continue
        for row in file.rows():
            try:
                numbers = rows.floats(row.words[class_of(row.words, names)[2] :])
            except ValueError:
                continue
            all_rows += 1
            in_pixels = are_pixels(numbers)
            pixels += in_pixels
            if len(numbers) > 4 or in_pixels and len(numbers) == 4:
                found.add(Line(numbers, file.path, row.line))
    length = beside.description.pose_length() if beside.description is not None else None
    kind = _named(reading.kind, found, length) if reading.kind is not None else found.kind(length, beside.description is not None)
    mostly = reading.unit == "pixels" or reading.unit is None and 2 * pixels > all_rows
    if not mostly or reading.boxes is not None:
        return replace(kind, pixels=mostly)
    corners, said, doubt = found.corners()
    evidence = ", ".join(filter(None, (kind.evidence, said)))
    return replace(kind, pixels=True, corners=corners, evidence=evidence, doubt=kind.doubt or doubt)


def _named(name: str, found: Lines, length: Optional[int]) -> Kind:
    """The kind that the user names."""
    base, _, more = name.partition("-")
    if name == "score-first":
        return Kind("detect", first=True)
    if more == "tracked":
        return Kind(base, tail=2)
    if base == "pose":
        return Kind(base, length or 0)
    return Kind(base, tail=found.tail(8 if base == "obb" else 0) if found.long else 0)


def reader_of(kind: str) -> Callable[[Path, Reading], Dataset]:
    """A reader of lines of one kind."""
    assert kind in KINDS
    return lambda path, reading: read(path, reading if reading.kind else replace(reading, kind=kind))
