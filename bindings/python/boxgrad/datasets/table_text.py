"""Tables in text: their rows, and how a repaired copy is written.

Clean files are read by Arrow, and all others by csv with the same result.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ..errors import BoxgradError
from .model import Finding, Place, Reading, UnreadableError, replacement
from .table_cells import Frame
from .table_dialect import Dialect, Lines, after_comments, decode, find_decimal, header_of
from .table_header import NUMBER, Header

FAST_FROM = 1 << 16
"""From how many characters on Arrow is asked to read a table."""


def read(path: Path, data: bytes, reading: Reading, columns: object) -> Tuple[Frame, Dialect]:
    """A table in text. columns: as parsed from --columns; names in order, or what names mean."""
    mark, encoding, text = decode(path, data, reading.encoding)
    body, skipped, comments, separator = after_comments(text)
    if not body.strip():
        raise UnreadableError(path, "holds no row, and no names of columns", 1)
    try:
        header, delimiter, has_header = header_of(path, body, separator, reading, columns)
        frame = _fast(path, body, header, delimiter, has_header, skipped)
        frame = frame or _careful(path, body, header, delimiter, has_header, skipped, reading)
    except csv.Error as error:
        line = getattr(error, "line", 1)
        raise UnreadableError(path, f"is no CSV: {error}", skipped + line) from None
    frame.comments += comments
    find_decimal(frame, delimiter, reading.decimal)
    return frame, Dialect(encoding, mark, delimiter, skipped, has_header)


def records(text: str, delimiter: str) -> Iterator[Tuple[int, str, List[str]]]:
    """Each row: the line on which it starts, its text, its values. csv.Error has the line, too."""
    lines = Lines(text)
    reader, taken = csv.reader(lines, delimiter=delimiter), 0
    raw = ""
    try:
        while taken < len(lines.lines):
            raw = lines.lines[taken]
            if '"' in raw:
                values = next(reader)
                raw = "".join(lines.lines[taken : lines.taken])
            else:  # as csv does it, and faster
                lines.taken += 1
                body = raw.rstrip("\r\n")
                values = body.split(delimiter) if body else []
            yield taken + 1, raw, values
            taken = lines.taken
        if raw.count('"') % 2 and _is_open(raw, delimiter):
            raise csv.Error("a quote that is opened here is not closed")
    except csv.Error as error:
        error.line = taken + 1 if lines.taken > taken else taken  # type: ignore[attr-defined]
        raise


def _is_open(row: str, delimiter: str) -> bool:
    """Whether a row, the last, ends within quotes: it has all that follows the first of them, and only a strict reader minds."""
    try:
        list(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _careful(path: Path, body: str, header: Header, delimiter: str, has_header: bool, skipped: int, reading: Reading) -> Frame:
    """The rows by csv: each with its line; rows with other columns than the table are named."""
    width = len(header.names)
    lines = array("q")
    rows: List[List[str]] = []
    frame = Frame(path, header.names, {}, 0, header, lines=lines)
    found = records(body, delimiter)
    if has_header:
        next(found)
    for line, raw, values in reading.track(found, "rows", body.count("\n")):
        if '"' in raw and len(io.StringIO(raw, newline="").readlines()) > 1:
            _refuse_swallowed(path, header, delimiter, skipped + line, raw, values)
        if not values:
            continue
        if len(values) > width and not any(cell.strip() for cell in values[width:]):
            del values[width:]
        if len(values) < width and header.optional and len(values) >= width - header.optional:
            values += [""] * (width - len(values))
        if len(values) == width:
            lines.append(skipped + line)
            rows.append(values)
        elif values[0].startswith("#"):
            frame.comments += 1
        else:
            name = values[header.image] if header.image is not None and header.image < len(values) else ""
            reason = f"{len(values)} columns, not {width}"
            frame.lost.append(Finding("malformed", Place(path, skipped + line), name, None, reason))
    frame.length = len(rows)
    frame.columns = dict(enumerate(map(list, zip(*rows)))) if rows else {column: [] for column in range(width)}
    return frame


def _refuse_swallowed(path: Path, header: Header, delimiter: str, line: int, raw: str, values: List[str]) -> None:
    """Refuses a field in quotes that holds rows of the table: a stray quote has taken them in, and their boxes would be lost.

    The last line ends the row that has the field. It is another row if the first line is one, too, or if both are none together.
    """

    def is_row(text: str) -> bool:
        options = (next(csv.reader([text], delimiter=delimiter), []), text.rstrip("\r\n").split(delimiter))
        return any(len(cells) == len(header.names) and any(NUMBER.search(cells[column]) for column in header.box) for cells in options)

    first, *between, last = io.StringIO(raw, newline="").readlines()
    found = [after for after, text in enumerate(between, 1) if is_row(text)]
    if not found and is_row(last) and (is_row(first) or len(values) != len(header.names)):
        found = [len(between) + 1]
    if found:
        taken = f"line {line + found[0]}, a row of the table,"
        raise UnreadableError(path, f"is no CSV: a quote that is opened here takes {taken} into its field; close or double it", line)
    named = (header.image, header.category, *(header.size or ()), *(header.box if header.shape == "numbers" else ()))
    broken = [header.names[at] for at in named if at is not None and at < len(values) and re.search("[\r\n]", values[at].rstrip())]
    if broken:
        raise UnreadableError(path, f"is no CSV: by a quote that is opened here {broken[0]!r} holds a line break; close or double it", line)


def _fast(path: Path, body: str, header: Header, delimiter: str, has_header: bool, skipped: int) -> Optional[Frame]:
    """The rows by Arrow, where each line is a row with all columns; None if one is not."""
    head = 0
    if has_header:
        match = re.match(r"[^\r\n]*(\r?\n)", body)
        head = match.end() if match else 0
        body = body[head:]
    if len(body) < FAST_FROM or has_header and not head or body.count("\r") != body.count("\r\n") or _has_blank_lines(body):
        return None
    try:
        import pyarrow
        from pyarrow import csv as arrow
    except ImportError:
        return None
    names = [str(column) for column in range(len(header.names))]
    data = body.encode()
    quoted = '"' in body
    if quoted and not _is_plainly_quoted(data, ord(delimiter)):
        return None
    parsing = {"quote_char": '"' if quoted else False, "double_quote": False, "escape_char": False, "ignore_empty_lines": False}
    converting = {"column_types": dict.fromkeys(names, pyarrow.string()), "strings_can_be_null": False}
    try:
        table = arrow.read_csv(
            io.BytesIO(data), arrow.ReadOptions(column_names=names), arrow.ParseOptions(delimiter=delimiter, **parsing),
            arrow.ConvertOptions(**converting),
        )  # fmt: skip
    except pyarrow.ArrowException:
        return None
    columns = {column: table.column(name) for column, name in enumerate(names)}
    return Frame(path, header.names, columns, len(table), header, first=skipped + 1 + has_header)


def _is_plainly_quoted(data: bytes, delimiter: int) -> bool:
    """Whether all quotes enclose a whole field of one line, and none is within it: Arrow and csv read these alike."""
    line, back = ord("\n"), ord("\r")
    bytes_ = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    quotes = np.flatnonzero(bytes_ == ord('"'))
    if len(quotes) % 2:
        return False
    opened, closed = quotes[::2], quotes[1::2]
    ends = np.flatnonzero(bytes_ == line)
    starts_field = np.isin(bytes_[opened - 1], (delimiter, line))
    ends_field = np.isin(bytes_[closed + 1], (delimiter, line, back))
    return bool((starts_field & ends_field & (np.searchsorted(ends, opened) == np.searchsorted(ends, closed))).all())


def _has_blank_lines(body: str) -> bool:
    return body.startswith(("\n", "\r\n")) or "\n\n" in body or "\n\r\n" in body


def rewritten(
    path: Path, data: bytes, dialect: Dialect, decimal: str, new: Mapping[int, Dict[int, List[float]]], dropped: set[int]
) -> bytes:
    """A table with new values in some cells, by the lines of their rows, and without other rows."""
    text = data[len(dialect.mark) :].decode(dialect.encoding)
    if text.encode(dialect.encoding) != data[len(dialect.mark) :]:
        raise BoxgradError(f"{path}: {dialect.encoding} does not write the bytes that it reads here; nothing was written")
    lines = io.StringIO(text, newline="").readlines()
    result = lines[: dialect.skipped]
    for line, raw, values in records("".join(lines[dialect.skipped :]), dialect.delimiter):
        at = line + dialect.skipped
        if at not in dropped:
            result.append(_with_values(raw, values, new[at], dialect.delimiter, decimal) if at in new else raw)
    return dialect.mark + "".join(result).encode(dialect.encoding)


def _with_values(raw: str, values: List[str], new: Mapping[int, List[float]], delimiter: str, decimal: str) -> str:
    """The text of a row with new numbers: fields that stay keep their quotes and spaces."""
    body = raw.rstrip("\r\n")
    fields, start, quoted = [], 0, False
    for position, character in enumerate(body):
        if character == '"' and (quoted or position == start):  # one amid a bare field is a character like any other
            quoted = not quoted
        elif character == '"' and body[position - 1] == '"' and body[start] == '"':  # doubled, within quotes
            quoted = True
        elif character == delimiter and not quoted:
            fields.append(body[start:position])
            start = position + 1
    fields.append(body[start:])
    for column, numbers in new.items():
        fields[column] = with_numbers(fields[column], values[column], numbers, decimal)
    return delimiter.join(fields) + raw[len(body) :]


def with_numbers(field: str, value: str, numbers: Sequence[float], decimal: str = ".") -> str:
    """The text of a cell with a new number, or with four new ones in the place of the old."""
    if len(numbers) == 1:
        old = value.strip()
        return field.replace(old, _written(old, numbers[0], decimal), 1)
    left = list(numbers)
    if "{" in field or len(NUMBER.findall(field)) != len(left):
        raise BoxgradError(f"no repair rewrites a box that is written as {value[:60]}; nothing was written")
    return NUMBER.sub(lambda match: _written(match[0], left.pop(0), "."), field)


def _written(old: str, value: float, decimal: str) -> str:
    decimal = "." if "." in old else decimal
    return replacement(old.replace(decimal, "."), value).decode().replace(".", decimal)
