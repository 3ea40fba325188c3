"""How a table of text is written: its encoding, what separates its columns, where its rows start, and its decimals."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from .model import Reading, UnreadableError
from .table_cells import Column, Frame, column_list, is_blank, number, numbers, text
from .table_header import Header, is_photo, shape_of
from .table_headerless import headerless, suggestion

_DELIMITERS = (",", ";", "\t", "|")
_SEP = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_OTHERS = {b"PK\3\4": "a spreadsheet or another ZIP: save it as CSV", b"\x1f\x8b": "compressed by gzip: unpack it"}
_INSTEAD = {
    "version https://git-lfs": "the pointer that Git LFS leaves in the place of a file: git lfs pull fetches it",
    "<!doctype html": "a web page, perhaps of a download that failed", "<html": "a web page, perhaps of a download that failed",
}  # fmt: skip
"""What a text starts with that stands in the place of a table."""
_WITH_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
_LIKE_THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")
_POINT_THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2}(?:\.\d{3})+\s*")
_BELOW_THOUSAND = re.compile(r"\s*[-+]?\d{1,3}\s*")
_SAMPLE = 1000


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    encoding: str
    mark: bytes
    delimiter: str
    skipped: int
    """How many lines stand before the first row of the table, which may be its header."""
    has_header: bool


def _is_utf8(data: bytes) -> bool:
    """Whether a text is UTF-8, whatever encoding the user names: one of UTF-16 has bytes 0, and one of ISO-2022 has escapes."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data and b"\x1b" not in data


def decode(path: Path, data: bytes, encoding: Optional[str]) -> Tuple[bytes, str, str]:
    """The mark of a text, its encoding, and the text."""
    for first, what in _OTHERS.items():
        if data.startswith(first):
            raise UnreadableError(path, f"is no text, but {what}", 1)
    mark, found = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", encoding or "utf-8"))
    body = data[len(mark) :]
    if encoding is not None and not mark and _is_utf8(body):
        found = "utf-8"
    try:
        text = body.decode(found)
    except UnicodeError as error:
        start: int = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = data.count(b"\n", 0, len(mark) + start) + 1
        if found.startswith("utf-8"):
            reason = f"is not UTF-8: byte {body[start]:#x}; --encoding says what it is, like latin-1, gbk or shift_jis"
        else:
            reason = f"is not {found}: {getattr(error, 'reason', error)}"
        raise UnreadableError(path, reason, line) from None
    if "\0" in text:
        wide = "; it may be UTF-16 without a mark: --encoding utf-16-le or utf-16-be says so" if text.count("\0") > len(text) / 3 else ""
        raise UnreadableError(path, f"is no text: it holds bytes 0{wide}", text.count("\n", 0, text.index("\0")) + 1)
    if not text.strip():
        raise UnreadableError(path, "is empty", 1)
    instead = next((what for first, what in _INSTEAD.items() if text[:99].lstrip().lower().startswith(first)), "")
    if instead:
        raise UnreadableError(path, f"is no table, but {instead}", 1)
    return mark, found, text


class Lines:
    """The lines of a text, each kept, from which csv takes as many as a row needs."""

    def __init__(self, text: str) -> None:
        self.lines = io.StringIO(text, newline="").readlines()
        self.taken = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self.taken == len(self.lines):
            raise StopIteration
        self.taken += 1
        return self.lines[self.taken - 1]


def after_comments(text: str) -> Tuple[str, int, int, str]:
    """The text from its first row on, how many lines stand before it, how many of them are comments, and the delimiter of a line sep=."""
    at = lines = comments = 0
    separator = ""
    while at < len(text):
        end = re.compile(r"\r\n|\r|\n").search(text, at)
        line, after = (text[at : end.start()], end.end()) if end else (text[at:], len(text))
        declared = _SEP.fullmatch(line)
        if declared and not lines:
            separator = declared[1]
        elif line.startswith("#") and not _is_header(line) and sum(map(_is_number, re.split(r"[,;|\s]+", line))) < 4:
            comments += 1
        elif line.strip():
            break
        at, lines = after, lines + 1
    return text[at:], lines, comments, separator


def _is_header(line: str) -> bool:
    """Whether a line names columns of boxes, though it starts like a comment."""
    for delimiter in _DELIMITERS:
        try:
            header = Header(Path(), next(csv.reader([line], delimiter=delimiter)), sample=["[0, 0, 0, 0]"] * 99)
            if header.shape == "numbers" or header.image is not None:  # "boxes" alone may be a word of a comment
                return True
        except (UnreadableError, csv.Error, StopIteration):
            pass
    return False


def is_table(data: bytes) -> bool:
    """Whether a text starts with a line that names the columns of boxes."""
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    body = after_comments(data[len(mark) : 1 << 14].decode(encoding, "replace"))[0]
    return _is_header(re.split(r"[\r\n]", body, maxsplit=1)[0])


def header_of(path: Path, body: str, separator: str, reading: Reading, columns: object) -> Tuple[Header, str, bool]:
    """What the columns are, what separates them, and whether the first row names them."""
    options = (separator,) if separator else _DELIMITERS
    roles = columns if isinstance(columns, dict) else None
    rows = {delimiter: _some_rows(body, delimiter) for delimiter in (*options, *(() if separator else (" ",)))}
    if isinstance(columns, list):
        lacking = int(columns[-1:] == ["attribute"])
        delimiter = next((one for one in rows if len(columns) - lacking <= len(rows[one][0]) <= len(columns)), "")
        if not delimiter:
            counts = max((len(some[0]) for some in rows.values()))
            raise UnreadableError(path, f"has {counts} columns in its first row, and --columns names {len(columns)}", 1)
        some = rows[delimiter]
        header = Header(path, columns, reading.boxes, reading.image_column, sample=_sample(some))
        first = [some[0][column] for column in header.box]
        has_header = not any(map(_is_number, first)) and any(cell.strip() for cell in first) and not _looks_like_a_row(some[0])
        return header, delimiter, has_header
    errors: Dict[str, ValueError] = {}
    for delimiter in rows:
        try:
            sample = _sample(rows[delimiter][1:])
            return Header(path, rows[delimiter][0], reading.boxes, reading.image_column, roles, sample), delimiter, True
        except ValueError as one:  # UnreadableError is one
            errors[delimiter] = one
    delimiter = max(rows, key=lambda one: (_regular(rows[one]), one != " "))
    some = rows[delimiter]
    if not _looks_like_a_row(some[0]):
        error = errors[delimiter]
        if isinstance(error, UnreadableError):
            raise UnreadableError(path, error.reason, 1)
        raise error
    known = headerless(some)
    if known is None:
        raise UnreadableError(path, f"names no columns: its first row is {', '.join(map(repr, some[0][:12]))}; {suggestion(some)}", 1)
    names, why, fmt = known
    header = Header(path, names, reading.boxes or fmt, reading.image_column, roles, _sample(some))
    header.why = why
    return header, delimiter, False


def width(path: Path, data: bytes, reading: Reading) -> int:
    """How many columns a table has."""
    body = after_comments(decode(path, data, reading.encoding)[2])[0]
    return max(_regular(_some_rows(body, delimiter)) for delimiter in (*_DELIMITERS, " "))


def _some_rows(body: str, delimiter: str) -> List[List[str]]:
    """The first rows, of which the last may be cut off."""
    lines = Lines(body[: 1 << 20])
    found: List[List[str]] = []
    try:
        for values in csv.reader(lines, delimiter=delimiter):
            if values:
                found.append(values)
            if len(found) == _SAMPLE:
                break
    except csv.Error:
        pass
    if len(body) > 1 << 20 and len(found) > 1 and lines.taken == len(lines.lines):
        found.pop()
    return found or [[""]]


def _regular(rows: Sequence[Sequence[str]]) -> int:
    """How many columns most rows have, if more than one."""
    counts = [len(row) for row in rows[:50]]
    most = max(set(counts), key=counts.count)
    return most if counts.count(most) >= len(counts) / 2 else 0


def _sample(rows: Sequence[Sequence[str]]) -> List[str]:
    """A cell of each column that is not empty; one that holds boxes, if there is any."""
    columns = [[row[at] for row in rows[:100] if at < len(row) and not is_blank(row[at])] for at in range(max(map(len, rows), default=0))]
    return [next((one for one in cells if shape_of(one) and one.strip() != "[]"), cells[0] if cells else "") for cells in columns]


def _is_number(cell: str) -> bool:
    try:
        number(cell, "", "," if cell.count(",") == 1 else ".")
        return True
    except ValueError:
        return False


def _looks_like_a_row(cells: Sequence[str]) -> bool:
    """Whether cells are no names of columns: one is a number, or a photo."""
    return any(_is_number(cell) or is_photo(cell) for cell in cells)


def find_decimal(frame: Frame, delimiter: str, known: Optional[str]) -> None:
    """Numbers with a comma: where it separates no columns; or in quotes, if most numbers of the box have one, and none has a point."""
    if frame.header.shape != "numbers":
        return
    columns = [frame.columns[column] for column in frame.header.box]
    if delimiter != "," and any(not isinstance(column, list) and numbers(column)[1].mean() < 1 for column in columns):
        columns = list(map(column_list, columns))
    cells = [cell for column in columns if isinstance(column, list) for cell in column]
    with_comma = [cell for cell in cells if _WITH_COMMA.fullmatch(cell)]
    quoted = delimiter == "," and (len(with_comma) < len(cells) / 2 or any("." in cell for cell in cells))
    frame.decimal = known or ("," if with_comma and not quoted else ".")
    if frame.decimal == ".":
        if known is None and delimiter != ",":
            _refuse_thousands(frame)
        return
    if known is None and all(map(_LIKE_THOUSANDS.fullmatch, with_comma)):
        reason = f"holds numbers like {with_comma[0].strip()!r}, which could be thousands or decimals: write them with a point"
        raise UnreadableError(frame.path, reason)
    frame.seen = "decimal commas"


def _refuse_thousands(frame: Frame) -> None:
    """Numbers like 1.024, beside 20: where a comma is the decimal sign, a point may separate thousands."""
    columns = [frame.columns[column] for column in frame.header.box]
    if not any(map(_has_points, columns)):
        return
    for most in (_SAMPLE, frame.length):  # the first rows nearly always tell
        cells = [text(cell) for column in columns for cell in column_list(column[:most]) if not is_blank(cell)]
        if not all((_POINT_THOUSANDS if "." in cell else _BELOW_THOUSAND).fullmatch(cell) for cell in cells):
            return
    pointed = [cell for cell in cells if "." in cell]
    if not pointed or len(pointed) == len(cells):
        return
    reason = f"holds numbers like {pointed[0]!r} beside whole ones below 1000, which could be thousands or decimals"
    asks = "write thousands without a point, and whole numbers as 20.0 if they are decimals"
    raise UnreadableError(frame.path, f"{reason}: {asks}")


def _has_points(column: Column) -> bool:
    if isinstance(column, list):
        return any("." in cell for cell in column)
    from pyarrow import compute

    return bool(compute.any(compute.match_substring(column, ".")).as_py())
