"""Tables, CSV or Parquet, with a row per box and named columns."""

from __future__ import annotations

import csv
import io
import math
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

from ..boxes import box_convert
from ..errors import BoxgradError
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
from .table_header import Header

_MOST = 0.9


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
        self.path, self.stem = path, reading.stem(path, path)
        self.header = Header(path, names, reading.boxes, reading.image_column)
        self.reading = reading
        self.finder = reading.finder_of(path)
        self.columns = Columns()
        self.images: Dict[Tuple[str, ...], int] = {}
        self.rests = array("q")
        """What each row says beside its box."""
        self.of_boxes, self.beyond = 0, 0
        """How many rows declare the size of their box as that of the image, and how many boxes leave what they declare."""
        self.scales: Array | None = None
        """Width and height twice, by which the fractions of each row were multiplied."""

    def add(self, row: Sequence[Any], place: Place) -> bool:
        """Whether the row was taken."""
        header, columns = self.header, self.columns
        name = self.stem if header.image is None else str(row[header.image] or "").strip() if header.image < len(row) else ""
        identifier: Identifier = None
        try:
            if len(row) != len(header.names):
                raise ValueError(f"{len(row)} columns, not {len(header.names)}")
            if name and header.image is not None and all(row[column] is None or row[column] == "" for column in header.box):
                self._image(name, row)  # an image without a box
                return False
            identifier = row[header.id] if header.id is not None else None
            box = [_number(row[column], header.names[column]) for column in header.box]
            area = math.nan if header.area is None or row[header.area] in (None, "") else _number(row[header.area], "area")
        except ValueError as error:
            columns.fault("malformed", place, str(error), name, identifier)
            return False
        if header.fmt != "xyxy":
            box = box_convert(np.array(box), header.fmt, "xyxy").tolist()
        self._compare(box, self._size(row))
        image = self._image(name, row) if name else UNKNOWN
        if image == UNKNOWN:
            columns.fault("unknown-image", place, "the row names no image", "", identifier)
        category = UNKNOWN if header.category is None else columns.add_category(str(row[header.category]), str(row[header.category]))
        self.rests.append(hash(tuple([str(row[column]) for column in header.rest])))
        columns.add(box, image, category, identifier, area=area)
        return True

    def _image(self, name: str, row: Sequence[Any]) -> int:
        key = (*(str(row[column]) for column in self.header.within), name)
        if key not in self.images:
            self.images[key] = self.columns.add_image(name, self.reading.size(self._size(row), self.finder, name))
        return self.images[key]

    def _size(self, row: Sequence[Any]) -> Tuple[float, float]:
        try:
            return MISSING if self.header.size is None else (_number(row[self.header.size[0]], ""), _number(row[self.header.size[1]], ""))
        except ValueError:
            return MISSING

    def _compare(self, box: Sequence[float], size: Tuple[float, float]) -> None:
        width, height = box[2] - box[0], box[3] - box[1]
        near = 1 if width > 2 and height > 2 else 0.01  # some count a box of a pixel as 1 wide, and some as 0
        self.of_boxes += abs(width - size[1]) <= near and abs(height - size[0]) <= near
        self.beyond += box[2] > size[1] + 1 or box[3] > size[0] + 1

    def _forget_sizes(self, data: Dataset) -> None:
        """Where the columns width and height are those of the boxes, the images' sizes are not declared."""
        found = self.reading.sizes_of_boxes
        if found is None:
            found = bool(self.beyond) and self.of_boxes >= _MOST * len(data)
        data.reading = replace(data.reading, sizes_of_boxes=found)
        if found and self.header.size is not None:
            height, width = (self.header.names[column] for column in self.header.size)
            data.notes.append(f"The columns {width!r} and {height!r} are the sizes of the boxes, and not of the images.")
            data.sizes[:] = [self.reading.size(MISSING, self.finder, name) for name in data.images]
            data.sized = False

    def dataset(self, source: Any) -> Dataset:
        header = self.header
        data = self.columns.dataset(
            "table", self.path, source, sized=header.size is not None, reading=replace(self.reading, finder=self.finder)
        )
        data.evidence = "columns " + ", ".join(header.names[column] for column in header.box) + f" as {header.fmt}"
        if header.image is None and self.finder.photo is None:
            data.unknown_image = f"no column is known as the image; the columns are {header.seen}; --image-column says which it is"
        self._forget_sizes(data)
        self._find_fractions(data)
        return data

    def _find_fractions(self, data: Dataset) -> None:
        """Boxes in fractions become pixels where all sizes are known; whether they are, nearly all of them say."""
        numbers = data.boxes[np.isfinite(data.boxes).all(axis=1)]
        share = float(((numbers >= -0.5) & (numbers <= 1.5)).all(axis=1).mean()) if len(numbers) else 0.0
        whole = bool((numbers == np.floor(numbers)).all())
        fractions = share >= _MOST and not whole if self.reading.fractions is None else self.reading.fractions
        if self.reading.fractions is None and len(numbers):
            seen = f"{share:.0%} of the boxes have coordinates like fractions of the image"
            if 1 - _MOST < share < _MOST or whole and share >= _MOST:
                data.doubt = f"{seen}, so that they could be pixels or fractions of the image: --format table says that they are pixels"
            data.evidence += f", {seen}" if fractions else ""
        data.reading = replace(data.reading, fractions=fractions)
        if not fractions:
            return
        data.relative = True
        data.areas[:] = np.nan  # in whatever unit they are, it is not that of the boxes
        known = (data.image != UNKNOWN).all() and bool(((data.sizes > 0) & np.isfinite(data.sizes)).all())
        data.fractions = not known
        if known:
            self.scales = np.tile(data.sizes[data.image][:, ::-1], 2)
            data.boxes *= self.scales
        else:
            data.sizes[:] = 1
            data.sized = False

    def new_values(self, row: int, box: Array) -> Dict[int, float]:
        """The values of a row's columns that a new box changes."""
        box = box if self.scales is None else box / self.scales[row]
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

    def rest(self, row: int) -> object:
        return self.rows.rests[row]

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
            new = self.rows.new_values(row, boxes[row]) if row in boxes else {}
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
        if character == '"' and (quoted or position == start):  # one amid a bare field is a character like any other
            quoted = not quoted
        elif character == '"' and body[position - 1] == '"' and body[start] == '"':  # doubled, within quotes
            quoted = True
        elif character == "," and not quoted:
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

    def rest(self, row: int) -> object:
        return self.rows.rests[row]

    def place(self, row: int) -> Place:
        return Place(self.rows.path, None, f"row {self.numbers[row]}")

    def image_place(self, row: int) -> Place:
        return Place(self.rows.path)

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        import pyarrow
        from pyarrow import parquet

        new: Dict[int, Dict[int, float]] = {}
        for row, box in boxes.items():
            for column, value in self.rows.new_values(row, box).items():
                new.setdefault(column, {})[self.numbers[row]] = value
        for row, area in areas.items():
            if self.rows.header.area is not None:
                new.setdefault(self.rows.header.area, {})[self.numbers[row]] = area
        table = self.table
        for column, changes in new.items():
            kind = table.schema.field(column)
            values = table.column(column).to_pylist()
            for number, value in changes.items():
                values[number] = _of_type(value, kind, self.rows.path)
            table = table.set_column(column, kind, pyarrow.array(values, kind.type))
        stays = np.ones(len(table), bool)
        stays[[self.numbers[row] for row in dropped]] = False
        sink = io.BytesIO()
        parquet.write_table(table.filter(pyarrow.array(stays)), sink)
        yield self.rows.path, sink.getvalue()


def _of_type(value: float, kind: Any, path: Path) -> Any:
    """A number as its column holds it."""
    import pyarrow

    if pyarrow.types.is_floating(kind.type):
        return value
    if pyarrow.types.is_integer(kind.type) and value.is_integer():
        return int(value)
    raise BoxgradError(f"{path}: column {kind.name} is {kind.type}, which cannot hold {value:g}; nothing was written")


def read(path: Path, reading: Reading) -> Dataset:
    data = read_bytes(path)
    return _read_parquet(path, data, reading) if data[:4] == b"PAR1" else _read_csv(path, data, reading)


def _read_csv(path: Path, data: bytes, reading: Reading) -> Dataset:
    mark = data[:3] if data.startswith(b"\xef\xbb\xbf") else b""
    if not data[len(mark) :].strip():
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
