"""Pascal VOC: a folder of XML files, one per image. Coordinates are taken as they are: width is xmax - xmin.

Objects may have a <robndbox>, a rotated box, as roLabelImg writes it; and so have those of HRSC2016. No repair changes its numbers.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, Mapping

import numpy as np

from ..rotated import convert_rotated_boxes
from .box_numbers import BoxNumbers
from .model import (
    UNKNOWN, Array, Columns, Dataset, ImageFinder, Place, Reading, UnreadableError, edited, files_below, quantity, read_bytes, replacement,
)  # fmt: skip
from .photos import IMAGE_SUFFIXES
from .voc_file import ROTATED, SIDES, Element, VocFile
from .xml_text import read_xml


class _Source:
    def __init__(self, encoding: str | None) -> None:
        self.files: list[Path] = []
        self.lines = array("q")
        self.rows: list[tuple[int, int]] = []
        """The file of each row and the object in it."""
        self.rests = array("q")
        self.numbers = BoxNumbers("xyxy")
        self.encoding = encoding

    def place(self, row: int) -> Place:
        file, number = self.rows[row]
        return Place(self.files[file], self.lines[row], f"object {number}")

    def image_place(self, row: int) -> Place:
        return Place(self.files[row])

    def rest(self, row: int) -> object:
        return self.rests[row]

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        rows: Dict[int, list[int]] = {}
        for row, (file, _) in enumerate(self.rows):
            rows.setdefault(file, []).append(row)
        for file, path in enumerate(self.files):
            data = read_bytes(path)
            if any(row in boxes or row in dropped for row in rows.get(file, ())):
                parsed = VocFile(path, read_xml(path, data, self.encoding))
                data = parsed.text.encoded(self._edited(parsed, rows[file], boxes, dropped))
            yield path, data

    def _edited(self, parsed: VocFile, rows: list[int], boxes: Mapping[int, Array], dropped: set[int]) -> bytes:
        edits, data = [], parsed.text.data
        for row in rows:
            one = parsed.objects[self.rows[row][1]]
            if row in dropped:
                edits.append((*_with_indent(data, one.start, data.index(b">", one.end) + 1), b""))
            elif row in boxes:
                edits += [_edit(data, one, side, value) for side, value in zip(SIDES, self.numbers.of(row, boxes[row]))]
        return edited(data, edits)


def _edit(data: bytes, one: Element, side: str, value: float) -> tuple[int, int, bytes]:
    member = one.members[side]
    text = member.text.strip()
    at = data.index(text.encode(), data.index(b">", member.start))
    return at, at + len(text.encode()), replacement(text, value)


def _with_indent(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The bytes of an element and those of its own lines, if nothing else stands there."""
    line = data.rfind(b"\n", 0, start) + 1
    after = data.find(b"\n", end)
    if after >= 0 and not data[line:start].strip() and not data[end:after].strip():
        return line, after + 1
    return start, end


def read(path: Path, reading: Reading) -> Dataset:
    columns, source, finder = Columns(), _Source(reading.encoding), reading.finder_of(path)
    passed_over: Dict[str, list[Path]] = {}
    below = files_below(path, passed_over=passed_over) if path.is_dir() else [path]
    every = [file for file in below if file == path or file.suffix.lower() == ".xml"]
    folders = {file.parent for file in every}
    if len(folders) == 1:  # of several, photos of one name may be different ones
        finder.look_beside(*folders)
    files = reading.chosen(every)
    others = [file for file in below if file != path and not file.name.lower().endswith((".xml", *IMAGE_SUFFIXES))]
    unusual: Counter[str] = Counter()
    against: Counter[str] = Counter()
    for file in reading.track(files, "files", len(files)):
        try:
            text = read_xml(file, read_bytes(file), reading.encoding)
            parsed = VocFile(file, text)
        except UnreadableError as error:
            columns.unreadable.append(error)
            continue
        against.update([text.against] if text.against else [])
        unusual.update(parsed.unusual)
        _add(columns, source, finder, reading.stem(file, path), file, parsed, reading)
    passed_over.update({"files of other kinds": others} if others else {})
    data = columns.dataset("voc", path, source, reading=replace(reading, finder=finder), passed_over=passed_over)
    bounds = data.boxes.copy()
    if unusual:
        some = ", ".join(f"{what} ({count:,})" for what, count in unusual.most_common(5))
        data.notes.append(f"Read, although readers that look for the tags of VOC in their places do not find them: {some}.")
    data.notes += [f"{quantity(count, 'file is', 'files are')} read as {what}." for what, count in against.items()]
    data = source.numbers.settle(data)
    if data.rotated is not None:
        data.turned = True
        if data.relative:
            raise UnreadableError(path, "has rotated boxes, which are not known to be in fractions of the image: leave --unit fractions out")
        data.boxes[data.outlined] = bounds[data.outlined]
    return data


def _add(columns: Columns, source: _Source, finder: ImageFinder, stem: str, file: Path, parsed: VocFile, reading: Reading) -> None:
    damaged: list[tuple[int, str]] = []

    def side(name: str) -> float:
        try:
            return parsed.header.number(name)
        except ValueError as error:
            if name in parsed.header.members:
                damaged.append((parsed.header.members[name].line, str(error)))
            return math.nan

    filename = parsed.header.members.get("filename")
    name = (filename.text.strip() if filename else "") or stem
    height, width = reading.size((side("height"), side("width")), finder, name)
    image = columns.add_image(name, (height, width))
    for line, reason in damaged if height > 0 and width > 0 else ():  # image-size-missing says it otherwise
        columns.fault("damaged-field", Place(file, line), reason, name)
    source.files.append(file)
    columns.unused.update(parsed.unused)
    columns.rows += len(parsed.objects) + len(parsed.lost)
    if not parsed.objects and not parsed.lost:
        columns.rows += 1
        columns.without_box["images without objects"] += 1
    _add_twice(columns, parsed.header, file, "", columns.images[image], None)
    for line, reason in parsed.lost:
        columns.fault("malformed", Place(file, line), reason, columns.images[image])
    for number, one in enumerate(parsed.objects):
        if _add_object(columns, file, image, number, one, _locked(parsed, one)):
            source.rows.append((image, number))
            source.lines.append(one.line)
            source.rests.append(_rest(parsed.text.data, one))


def _add_object(columns: Columns, file: Path, image: int, number: int, one: Element, locked: str) -> bool:
    """Adds an object, if it has a box."""
    place, name = Place(file, one.line, f"object {number}"), columns.images[image]
    rotated: list[float] = []
    quad: list[float] = []
    try:
        if "robndbox" in one.found:
            rotated = [one.number(side) for side in ROTATED]
            quad = convert_rotated_boxes(np.array(rotated), "radians-cw", "corners").tolist()
            box = [bound(quad[axis::2]) for bound in (min, max) for axis in (0, 1)] if np.isfinite(quad).all() else [math.nan] * 4
        else:
            box = [one.number(side) for side in SIDES]
    except ValueError as error:
        columns.fault("malformed", place, str(error), name, number)
        return False
    category = one.members["name"].text.strip() if "name" in one.members else ""
    if not category:
        columns.fault("unknown-category", place, "the object has no name", name, number)
    _add_twice(columns, one, file, f"object {number}", name, number)
    row = columns.add_category(category, category) if category else UNKNOWN
    columns.add(box, image, row, number, outlined=bool(rotated), quad=quad, locked=locked, rotated=rotated)
    return True


def _add_twice(columns: Columns, one: Element, file: Path, member: str, image: str, id: int | None) -> None:
    for tag, line in one.twice:
        columns.fault("duplicate-key", Place(file, line, member), f"<{tag}> stands twice; the first one counts", image, id)


def _locked(parsed: VocFile, one: Element) -> str:
    """Why an object cannot be edited in place, or its box be judged by the image, if so."""
    data = parsed.text.data
    if one.twice or parsed.header.twice:
        return f"<{(one.twice or parsed.header.twice)[0][0]}> stands twice"
    if not parsed.text.exact:
        return f"in {parsed.text.encoding} the same characters have other bytes, too, so that the file cannot be written back"
    for side in (*SIDES, *ROTATED):
        member = one.members.get(side)
        if member is None:
            continue
        if member.start < 0:
            return f"{side} is an attribute"
        if data[data.find(b">", member.start) + 1 : member.end].strip() != member.text.strip().encode():
            return f"{side} is more than a number, like a comment or CDATA"
    return ""


def _rest(data: bytes, one: Element) -> int:
    """What an object says beside the numbers of its box, and the space between its members."""
    members = [one.members[side] for side in (*SIDES, *ROTATED) if side in one.members]
    numbers = [(member.start - one.start, member.end - one.start, b"") for member in members if member.start >= 0]
    return hash(re.sub(rb">\s+<", b"><", edited(data[one.start : one.end], numbers)))
