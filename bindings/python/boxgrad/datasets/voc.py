"""Pascal VOC: a folder of XML files, one per image. Coordinates are taken as they are: width is xmax - xmin.

expat says at which byte each number stands, which repairs need. Entities are refused, and no DTD is ever fetched.
"""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, Iterator, Mapping
from xml.parsers import expat

from .model import Array, Columns, Dataset, ImageFinder, Place, Reading, UnreadableError, edited, files_below, read_bytes, replacement

_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class _Element:
    """One object, or the header: the text of its members, the bytes and the line where each stands."""

    line: int = 0
    start: int = 0
    end: int = 0
    texts: Dict[str, str] = field(default_factory=dict)
    spans: Dict[str, tuple[int, int]] = field(default_factory=dict)
    lines: Dict[str, int] = field(default_factory=dict)
    twice: str = ""
    """The member that stands twice."""

    def number(self, name: str) -> float:
        text = self.texts.get(name, "").strip()
        if "_" in text:
            raise ValueError
        return float(text)


class _Parser:
    """The objects of one file. A member is named without its parents: xmin of bndbox, width of size; parts of an object are left out."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self.data = data
        self.header = _Element()
        self.objects: list[_Element] = []
        self._stack: list[str] = []
        self._text: list[str] = []
        self._start = 0
        self._line = 0
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._text.append
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            raise UnreadableError(path, "is empty" if not data.strip() else f"is no XML: {reason}", error.lineno) from None
        except UnreadableError:
            raise
        except (ValueError, LookupError) as error:  # an encoding that Python does not know
            raise UnreadableError(path, f"is no XML: {error}", 1) from None

    def _refuse(self, name: str, *_: object) -> None:
        raise UnreadableError(self.path, f"declares the entity {name!r}, which annotations have no use for", self._parser.CurrentLineNumber)

    def _open(self, name: str, _: Dict[str, str]) -> None:
        if not self._stack and name != "annotation":
            raise UnreadableError(self.path, f"is no VOC annotation: its root is <{name}>", self._parser.CurrentLineNumber)
        self._stack.append(name)
        if len(self._stack) > 100:
            raise UnreadableError(self.path, "is nested too deeply", self._parser.CurrentLineNumber)
        if self._stack == ["annotation", "object"]:
            self.objects.append(_Element(self._parser.CurrentLineNumber, self._parser.CurrentByteIndex))
        self._text.clear()
        self._start, self._line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber

    def _close(self, name: str) -> None:
        path = self._stack[1:]
        self._stack.pop()
        if path == ["object"]:
            self.objects[-1].end = self._parser.CurrentByteIndex
        element = None
        if path[:1] == ["object"] and path[1:] in (["name"], *(["bndbox", side] for side in _SIDES)):
            element = self.objects[-1]
        elif path in (["filename"], ["size", "width"], ["size", "height"]):
            element = self.header
        if element is not None:
            element.twice = name if name in element.texts else element.twice
            element.texts[name] = "".join(self._text)
            element.spans[name] = self._start, self._parser.CurrentByteIndex
            element.lines[name] = self._line
        self._text.clear()


class _Source:
    def __init__(self) -> None:
        self.files: list[Path] = []
        self.lines = array("q")
        self.rows: list[tuple[int, int]] = []
        """The file of each row and the object in it."""
        self.rests = array("q")

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
            edits = []
            if any(row in boxes or row in dropped for row in rows.get(file, ())):
                objects = _Parser(path, data).objects
                for row in rows[file]:
                    one = objects[self.rows[row][1]]
                    if row in dropped:
                        edits.append((*_with_indent(data, one.start, data.index(b">", one.end) + 1), b""))
                    elif row in boxes:
                        edits += [self._edit(data, one, side, value) for side, value in zip(_SIDES, boxes[row].tolist())]
            yield path, edited(data, edits)

    @staticmethod
    def _edit(data: bytes, one: _Element, side: str, value: float) -> tuple[int, int, bytes]:
        text = one.texts[side].strip()
        at = data.index(text.encode(), data.index(b">", one.spans[side][0]))
        return at, at + len(text), replacement(text, value)


def _with_indent(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The bytes of an element and those of its own lines, if nothing else stands there."""
    line = data.rfind(b"\n", 0, start) + 1
    after = data.find(b"\n", end)
    if after >= 0 and not data[line:start].strip() and not data[end:after].strip():
        return line, after + 1
    return start, end


def read(path: Path, reading: Reading) -> Dataset:
    columns, source, finder = Columns(), _Source(), reading.finder_of(path)
    files = files_below(path, ".xml") if path.is_dir() else [path]
    for file in reading.track(files, "files", len(files)):
        try:
            parsed = _Parser(file, read_bytes(file))
        except UnreadableError as error:
            columns.unreadable.append(error)
            continue
        _add(columns, source, finder, reading.stem(file, path), file, parsed, reading)
    return columns.dataset("voc", path, source, reading=replace(reading, finder=finder))


def _add(columns: Columns, source: _Source, finder: ImageFinder, stem: str, file: Path, parsed: _Parser, reading: Reading) -> None:
    def side(name: str) -> float:
        try:
            return parsed.header.number(name)
        except ValueError:
            return math.nan

    name = parsed.header.texts.get("filename", "").strip() or stem
    image = columns.add_image(name, reading.size((side("height"), side("width")), finder, name))
    source.files.append(file)
    for number, one in enumerate(parsed.objects):
        place = Place(file, one.line, f"object {number}")
        try:
            box = [one.number(name) for name in _SIDES]
        except ValueError:
            wrong = next(name for name in _SIDES if not _is_number(one, name))
            text = one.texts.get(wrong)
            columns.fault("malformed", place, f"there is no {wrong}" if text is None else f"{wrong} is {text[:60]!r}", name, number)
            continue
        category = one.texts.get("name", "").strip()
        if not category:
            columns.fault("unknown-category", place, "the object has no name", name, number)
        columns.add(box, image, columns.add_category(category, category), number, locked=_locked(parsed.data, one))
        source.rows.append((image, number))
        source.lines.append(one.line)
        source.rests.append(_rest(parsed.data, one))


def _locked(data: bytes, one: _Element) -> str:
    """Why an object cannot be edited in place, if it cannot."""
    if one.twice:
        return f"{one.twice} stands twice"
    for side in _SIDES:
        start, end = one.spans[side]
        if data[data.find(b">", start) + 1 : end].strip() != one.texts[side].strip().encode():
            return f"{side} is more than a number, like a comment or CDATA, or in another encoding than UTF-8"
    return ""


def _rest(data: bytes, one: _Element) -> int:
    """What an object says beside the numbers of its box, and the space between its members."""
    numbers = [(start - one.start, end - one.start, b"") for start, end in (one.spans[side] for side in _SIDES)]
    return hash(re.sub(rb">\s+<", b"><", edited(data[one.start : one.end], numbers)))


def _is_number(one: _Element, name: str) -> bool:
    try:
        one.number(name)
        return True
    except ValueError:
        return False
