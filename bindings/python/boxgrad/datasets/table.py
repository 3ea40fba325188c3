"""Tables, CSV or Parquet, with a row per box and named columns."""

from __future__ import annotations

import csv
import io
import math
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ..boxes import box_convert
from .model import (
    MISSING,
    UNKNOWN,
    Array,
    Columns,
    Dataset,
    Identifier,
    Place,
    Reading,
    UnreadableError,
    read_bytes,
    replacement,
)

_BOXES = {
    "xyxy": [("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom")],
    "xywh": [
        ("x", "y", "w", "h"),
        ("x", "y", "width", "height"),
        ("left", "top", "width", "height"),
        ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
    ],
    "cxcywh": [("cx", "cy", "w", "h"), ("cx", "cy", "width", "height"), ("x_center", "y_center", "width", "height")],
}
_IMAGE = ("image", "filename", "file_name", "image_path", "image_name", "path", "file", "image_id")
_CATEGORY = ("category", "class", "label", "class_name", "category_id", "name")
_SIZES = (("image_height", "image_width"), ("img_height", "img_width"), ("height", "width"))
_ID = ("id", "annotation_id")


class _Header:
    """Which column is what."""

    def __init__(self, path: Path, names: Sequence[str], boxes: str | None) -> None:
        lower = [name.strip().lower() for name in names]
        found = [(fmt, four) for fmt, fours in _BOXES.items() for four in fours if set(four) <= set(lower)]
        if boxes is not None and found:  # the same four columns may be read otherwise
            found = [one for one in found if one[0] == boxes] or [(boxes, found[0][1])]
        if not found:
            listed = ", ".join(map(repr, names[:12]))
            raise UnreadableError(path, f"has no columns x1, y1, x2, y2 or the like, but {listed}", 1)
        self.fmt, four = found[0]
        self.box = [lower.index(name) for name in four]

        def first(options: Sequence[str]) -> int | None:
            return next((lower.index(name) for name in options if name in lower), None)

        self.image, self.category, self.id, self.area = first(_IMAGE), first(_CATEGORY), first(_ID), first(("area",))
        sizes = [pair for pair in _SIZES if set(pair) <= set(lower) and not set(pair) & set(four)]
        self.size: Optional[Tuple[int, int]] = (lower.index(sizes[0][0]), lower.index(sizes[0][1])) if sizes else None


def _number(value: Any, name: str) -> float:
    if value is None or value == "":
        raise ValueError(f"{name} is empty")
    if isinstance(value, str) and "_" in value:
        raise ValueError(f"{name} is {value[:60]!r}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {str(value)[:60]!r}") from None


class _Rows:
    """Turns the rows of a table into columns."""

    def __init__(self, path: Path, names: Sequence[str], reading: Reading) -> None:
        self.path = path
        self.names = names
        self.header = _Header(path, names, reading.boxes)
        self.reading = reading
        self.finder = reading.finder_of(path)
        self.columns = Columns()
        self.images: Dict[str, int] = {}

    def add(self, row: Sequence[Any], place: Place) -> bool:
        """Whether the row was taken."""
        header, columns = self.header, self.columns
        name = str(row[header.image]) if header.image is not None and header.image < len(row) else self.path.stem
        identifier: Identifier = None
        try:
            if len(row) != len(self.names):
                raise ValueError(f"{len(row)} columns, not {len(self.names)}")
            identifier = row[header.id] if header.id is not None else None
            box = [_number(row[column], self.names[column]) for column in header.box]
            area = math.nan if header.area is None or row[header.area] in (None, "") else _number(row[header.area], "area")
        except ValueError as error:
            columns.fault("malformed", place, str(error), name, identifier)
            return False
        if header.fmt != "xyxy":
            box = box_convert(np.array(box), header.fmt, "xyxy").tolist()
        if name not in self.images:
            self.images[name] = columns.add_image(name, self.reading.size(self._size(row), self.finder, name))
        category = UNKNOWN if header.category is None else columns.add_category(str(row[header.category]), str(row[header.category]))
        columns.add(box, self.images[name], category, identifier, area=area)
        return True

    def _size(self, row: Sequence[Any]) -> Tuple[float, float]:
        try:
            return MISSING if self.header.size is None else (_number(row[self.header.size[0]], ""), _number(row[self.header.size[1]], ""))
        except ValueError:
            return MISSING

    def dataset(self, source: Any) -> Dataset:
        return self.columns.dataset(
            "table", self.path, source, sized=self.header.size is not None, reading=replace(self.reading, finder=self.finder)
        )

    def new_values(self, box: Array) -> Dict[int, float]:
        """The values of a row's columns that a new box changes."""
        return dict(zip(self.header.box, box_convert(box, "xyxy", self.header.fmt).tolist()))


class _Lines:
    """The lines of a text, each kept, from which csv takes as many as a row needs."""

    def __init__(self, text: str) -> None:
        self.lines = io.StringIO(text, newline="").readlines()
        self.taken = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.taken == len(self.lines):
            raise StopIteration
        self.taken += 1
        return self.lines[self.taken - 1]


class _CsvSource:
    def __init__(self, rows: _Rows, text: str, mark: bytes) -> None:
        self.rows, self.text, self.mark = rows, text, mark
        self.lines = array("q")

    def place(self, row: int) -> Place:
        return Place(self.rows.path, self.lines[row])

    def image_place(self, row: int) -> Place:
        return Place(self.rows.path)

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        at = {line: row for row, line in enumerate(self.lines)}
        result = []
        for first, raw, values in _records(self.text):
            row = at.get(first, -1)
            if row in dropped:
                continue
            new = self.rows.new_values(boxes[row]) if row in boxes else {}
            if row in areas and self.rows.header.area is not None:
                new[self.rows.header.area] = areas[row]
            result.append(_with_values(raw, values, new) if new else raw)
        yield self.rows.path, self.mark + "".join(result).encode()


def _records(text: str) -> Iterator[tuple[int, str, List[str]]]:
    """Each row: the line on which it starts, its text, its values."""
    lines = _Lines(text)
    reader, taken = csv.reader(lines), 0
    raw = ""
    for values in reader:
        raw = "".join(lines.lines[taken : lines.taken])
        yield taken + 1, raw, values
        taken = lines.taken
    if raw.count('"') % 2 and _is_open(raw):
        raise csv.Error("a quote that is opened here is not closed")


def _is_open(row: str) -> bool:
    """Whether a row, the last, ends within quotes: it has all that follows the first of them, and only a strict reader minds."""
    try:
        list(csv.reader(io.StringIO(row, newline=""), strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _with_values(raw: str, values: List[str], new: Mapping[int, float]) -> str:
    """The text of a row with new numbers: fields that stay keep their quotes and spaces."""
    body = raw.rstrip("\r\n")
    fields, start, quoted = [], 0, False
    for position, character in enumerate(body):
        quoted ^= character == '"'
        if character == "," and not quoted:
            fields.append(body[start:position])
            start = position + 1
    fields.append(body[start:])
    for column, value in new.items():
        old = values[column]
        fields[column] = fields[column].replace(old.strip(), replacement(old.strip(), value).decode(), 1)
    return ",".join(fields) + raw[len(body) :]


class _ParquetSource:
    def __init__(self, rows: _Rows, table: Any) -> None:
        self.rows, self.table = rows, table
        self.numbers = array("q")

    def place(self, row: int) -> Place:
        return Place(self.rows.path, None, f"row {self.numbers[row]}")

    def image_place(self, row: int) -> Place:
        return Place(self.rows.path)

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        import pyarrow
        from pyarrow import parquet

        new: Dict[int, Dict[int, float]] = {}
        for row, box in boxes.items():
            for column, value in self.rows.new_values(box).items():
                new.setdefault(column, {})[self.numbers[row]] = value
        for row, area in areas.items():
            if self.rows.header.area is not None:
                new.setdefault(self.rows.header.area, {})[self.numbers[row]] = area
        table = self.table
        for column, changes in new.items():
            kind = table.schema.field(column)
            values = table.column(column).to_pylist()
            for number, value in changes.items():
                values[number] = int(value) if pyarrow.types.is_integer(kind.type) and value.is_integer() else value
            table = table.set_column(column, kind, pyarrow.array(values, kind.type))
        stays = np.ones(len(table), bool)
        stays[[self.numbers[row] for row in dropped]] = False
        sink = io.BytesIO()
        parquet.write_table(table.filter(pyarrow.array(stays)), sink)
        yield self.rows.path, sink.getvalue()


def read(path: Path, reading: Reading) -> Dataset:
    data = read_bytes(path)
    return _read_parquet(path, data, reading) if data[:4] == b"PAR1" else _read_csv(path, data, reading)


def _read_csv(path: Path, data: bytes, reading: Reading) -> Dataset:
    mark = data[:3] if data.startswith(b"\xef\xbb\xbf") else b""
    if not data.strip():
        raise UnreadableError(path, "is empty", 1)
    try:
        text = data[len(mark) :].decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, len(mark) + error.start) + 1
        raise UnreadableError(path, f"is not UTF-8: byte {error.object[error.start]:#x}", line) from None
    if "\0" in text:
        raise UnreadableError(path, "is no text: it holds bytes 0", text.count("\n", 0, text.index("\0")) + 1)
    records, line = _records(text), 1
    try:
        line, _, names = next(records)
        rows = _Rows(path, names, reading)
        source = _CsvSource(rows, text, mark)
        for line, _, values in reading.track(records, "rows", text.count("\n")):
            if values and rows.add(values, Place(path, line)):
                source.lines.append(line)
    except csv.Error as error:
        raise UnreadableError(path, f"is no CSV: {error}", line) from None
    return rows.dataset(source)


def _read_parquet(path: Path, data: bytes, reading: Reading) -> Dataset:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(path, f"is no Parquet: {str(error).splitlines()[0]}") from None
    rows = _Rows(path, table.column_names, reading)
    source = _ParquetSource(rows, table)
    number = 0
    for batch in reading.track(table.to_batches(max_chunksize=65536), "batches", -(-len(table) // 65536)):
        for values in zip(*(column.to_pylist() for column in batch.columns)):
            if rows.add(values, Place(path, None, f"row {number}")):
                source.numbers.append(number)
            number += 1
    return rows.dataset(source)
