"""A COCO file as text: its records, where they stand, and the file with some of their numbers changed or records gone.

msgspec cuts the file into its records without building them, so that each can be decoded on its own.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Union

import msgspec
import numpy as np

from .box_numbers import BoxNumbers
from .foreign_json import of_object
from .model import Array, Identifier, Place, UnreadableError, edited, read_bytes, replacement

_STRING_OR_LITERAL = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', re.DOTALL)
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,\s"]+', re.DOTALL)
_BLOCK, _PIECE = 1 << 12, 1 << 20
_MARKS = b"\xff\xfe \t\r\n\0"
"""What may stand before the first bracket, in UTF-8 and UTF-16."""
_OF_TWINS = ("id", "bbox", "area", "score")
"""What may differ in annotations that say the same."""


class Lists(msgspec.Struct):
    annotations: List[msgspec.Raw]
    images: List[msgspec.Raw] = []
    categories: List[msgspec.Raw] = []


def _address(buffer: Union[bytes, msgspec.Raw]) -> int:
    address: int = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    return address


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _PIECE):  # which is less memory than all of the text
            decoder.decode(data[start : start + _PIECE], start + _PIECE >= len(data))
        return True
    except UnicodeDecodeError:
        return False


class Text:
    """The file's bytes, as they are and as strict JSON: without a mark at the start, and with "" for NaN and Infinity, if need be."""

    def __init__(self, path: Path, data: bytes | None = None, encoding: str | None = None) -> None:
        """encoding: that of a file that is not UTF-8, as all JSON should be."""
        self.path = path
        self.data = read_bytes(path) if data is None else data
        self.encoding = ""
        self.exact = True
        """Whether the text, encoded again, has the bytes of the file: only then can it be edited."""
        if not _is_utf8(self.data) and (encoding or self.data.lstrip(_MARKS).startswith((b"{", b"["))):
            self._decode(encoding)
        self.strict = b"   " + self.data[3:] if self.data.startswith(b"\xef\xbb\xbf") else self.data
        self.literals = array("q")
        self._blocks: Array | None = None
        self._first = _address(self.strict) if self.strict else 0

    def _decode(self, encoding: str | None) -> None:
        """Makes UTF-8 of a file in another encoding."""
        if encoding is None and self.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableError(self.path, "is UTF-16; JSON is UTF-8: --encoding utf-16 reads it", 1)
        try:
            text = self.data.decode(encoding or "utf-8")
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            reason = f"is not {encoding or 'UTF-8'}: byte {self.data[error.start]:#x}; --encoding says what it is, like gbk"
            raise UnreadableError(self.path, reason, line) from None
        except UnicodeError:
            raise UnreadableError(self.path, f"is not {encoding}; --encoding says what it is, like gbk") from None
        self.encoding = encoding or ""
        self.exact = text.encode(self.encoding) == self.data
        self.data = text.encode()

    def encoded(self, data: bytes) -> bytes:
        """An edited text as the file has it."""
        return data.decode().encode(self.encoding) if self.encoding else data

    def _mask_literals(self) -> bool:
        """Puts empty strings in the place of literals that are no JSON; whether there were any."""
        strict = bytearray(self.strict)
        for match in _STRING_OR_LITERAL.finditer(self.strict) if b"NaN" in strict or b"Infinity" in strict else ():
            if match[0][:1] != b'"':
                strict[match.start() : match.end()] = b'""'.ljust(len(match[0]))
                self.literals.append(match.start())
        self.strict = bytes(strict)
        self._first = _address(self.strict) if self.strict else 0
        return bool(self.literals)

    def literal(self, offset: int) -> str:
        found = _STRING_OR_LITERAL.match(self.data, offset)
        return found[0].decode() if found else ""

    def line(self, offset: int) -> int:
        if self._blocks is None:
            counts = [self.data.count(b"\n", start, start + _BLOCK) for start in range(0, len(self.data), _BLOCK)]
            self._blocks = np.cumsum([0, *counts])
        block = offset // _BLOCK
        return 1 + int(self._blocks[block]) + self.data.count(b"\n", block * _BLOCK, offset)

    def start(self, record: msgspec.Raw) -> int:
        return _address(record) - self._first

    def span(self, record: msgspec.Raw) -> tuple[int, int]:
        start = self.start(record)
        return start, start + len(memoryview(record))

    def between(self, first: msgspec.Raw, last: msgspec.Raw) -> bytes:
        """The text from one record to another, with the commas between them."""
        return self.strict[self.start(first) : self.span(last)[1]]

    def place(self, record: msgspec.Raw, member: str) -> Place:
        return Place(self.path, self.line(self.start(record)), member)

    def value(self, record: msgspec.Raw) -> Any:
        """A record as Python has it: NaN and Infinity included, numbers beyond a double infinite."""
        start, end = self.span(record)
        data = self.data[start:end]
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError:
            text = data.decode("utf-8", "replace")
            return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 400 else float(digits))

    def split(self, *, may_be_empty: bool = False) -> tuple[Lists, bool]:
        """The records of the file, and whether it is a bare list of detections."""
        try:
            if self.strict.lstrip()[:1] == b"[":
                records = msgspec.json.decode(self.strict, type=List[msgspec.Raw])
                if not records and not may_be_empty:
                    raise UnreadableError(self.path, "is an empty list, which is neither COCO nor a list of detections")
                return Lists(records), True
            return msgspec.json.decode(self.strict, type=Lists), False
        except RecursionError:
            raise UnreadableError(self.path, "is nested too deeply") from None
        except msgspec.ValidationError as error:
            raise UnreadableError(self.path, self._foreign(str(error))) from None
        except msgspec.DecodeError as error:
            if not self.literals and self._mask_literals():
                return self.split(may_be_empty=may_be_empty)
            raise self._broken(error) from None

    def _foreign(self, error: str) -> str:
        """Why JSON is no COCO file."""
        if "missing required field" not in error:
            return f"is no COCO file: {error[0].lower()}{error[1:]}"
        text = self.strict.decode("utf-8", "replace").lstrip()
        try:
            value, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            value, end = None, len(text)
        seen = of_object(value)
        if text[end:].lstrip()[:1] == "{":
            return "is JSON Lines, an object on each line, and no COCO file" + (f": the first has {seen}" if seen else "")
        return "is no COCO file: it has no annotations" + (f", but {seen}" if seen else "")

    def _broken(self, error: msgspec.DecodeError) -> UnreadableError:
        """Why a file is no JSON."""
        at = re.search(r"\(byte (\d+)\)", str(error))
        offset = int(at[1]) if at else len(self.data)
        reason = "ends too early" if not at else f"is no JSON: {str(error).split(': ')[-1].split(' (')[0]} at byte {offset}"
        return UnreadableError(self.path, "is empty" if not self.data.strip() else reason, self.line(offset))


class Source:
    def __init__(self, text: Text, annotations: list[msgspec.Raw], images: list[msgspec.Raw], bare: bool) -> None:
        self.text = text
        self.annotations, self.images = annotations, images
        self.image_rows: Dict[Identifier, int] = {}
        """The row of each image by its id."""
        self.image_records = array("q")
        """The record of each image: bad records have none."""
        self.numbers = BoxNumbers("xywh")
        self.list = "" if bare else "annotations"
        self.rows = array("q")
        """The record of each row: bad records have none."""

    def place(self, row: int) -> Place:
        return self.record_place(self.rows[row])

    def record_place(self, record: int) -> Place:
        return self.text.place(self.annotations[record], f"{self.list}[{record}]")

    def image_place(self, row: int) -> Place:
        if row >= len(self.image_records):
            return Place(self.text.path)
        index = self.image_records[row]
        return self.text.place(self.images[index], f"images[{index}]")

    def rest(self, row: int) -> object:
        record = self.text.value(self.annotations[self.rows[row]])
        return repr(sorted((name, value) for name, value in record.items() if name not in _OF_TWINS))

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        edits = []
        for row, box in boxes.items():
            members = self._members(self.annotations[self.rows[row]])
            for (start, end), value in zip(members["bbox"][1:8:2], self.numbers.of(row, box)):
                edits.append(self._number(start, end, value))
        for row, area in areas.items():
            edits.append(self._number(*self._members(self.annotations[self.rows[row]])["area"][0], area))
        gone = {self.rows[row] for row in dropped}
        spans: list[tuple[int, int]] = []
        for record in sorted(gone):
            start, end = self.text.span(self.annotations[record])
            if record + 1 < len(self.annotations):  # with the comma and the space up to the next one
                spans.append((start, self.text.start(self.annotations[record + 1])))
            elif record > 0:  # the last: with the comma before it, which stands after the last one that stays
                last = record
                while last - 1 in gone:
                    last -= 1
                    spans.pop()
                spans.append((self.text.span(self.annotations[last - 1])[1] if last else self.text.start(self.annotations[0]), end))
            else:
                spans.append((start, end))
        edits = [(start, end, b"") for start, end in spans] + edits
        yield self.text.path, self.text.encoded(edited(self.text.data, edits)) if edits else read_bytes(self.text.path)

    def _number(self, start: int, end: int, value: float) -> tuple[int, int, bytes]:
        if self.text.data[start : start + 1] == b'"':  # a number as text stays one
            start, end = start + 1, end - 1
        return start, end, replacement(self.text.data[start:end].decode(), value)

    def _members(self, record: msgspec.Raw) -> Dict[str, list[tuple[int, int]]]:
        """The tokens of each value of a record, where they stand in the file, and the key after it. Of a key twice, the last."""
        members: Dict[str, list[tuple[int, int]]] = {}
        start, end = self.text.span(record)
        depth, previous = 0, b""
        tokens: list[tuple[int, int]] = []
        for match in TOKEN.finditer(self.text.data, start, end):
            token = match[0]
            depth -= token in (b"]", b"}")
            if depth == 1 and token == b":":
                tokens = members[json.loads(previous)] = []
            elif depth >= 1 and not (depth == 1 and token == b","):
                tokens.append(match.span())
            depth += token in (b"[", b"{")
            previous = token
        return members
