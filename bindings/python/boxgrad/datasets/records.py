"""Where each record of a file stands: what a repaired copy is compared by, and what a diff shows.

Written apart from what writes the copy, so that both would have to be wrong in the same way for a lost label to go unseen.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple
from xml.parsers import expat

from ..errors import BoxgradError
from .coco_file import Text
from .model import Dataset
from .xml_text import WIDER

Spans = Dict[int, Tuple[int, int]]
"""The first byte of each record and the one after it, by the record's number: that of its line, or its index in its list."""


class Copied(BoxgradError):
    """A copy is not what it was meant to be."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"the repaired copy does not read back as it was meant: {where} {what}; nothing was written")


def key_of(dataset: Dataset, row: int) -> tuple[Path, int]:
    """The file of a row and the number of its record."""
    place = dataset.source.place(row)
    number = re.search(r"(\d+)\]?$", place.member)
    return place.file, int(number[1]) if number else place.line or 0


def keys_of(dataset: Dataset, rows: Set[int]) -> Dict[Path, Set[int]]:
    """The records of some rows, by file."""
    found: Dict[Path, Set[int]] = {}
    for row in rows:
        file, key = key_of(dataset, row)
        found.setdefault(file, set()).add(key)
    return found


@dataclass(frozen=True)
class Writing:
    """How a file of text is written, where its format leaves that open."""

    encoding: str = "utf-8"
    delimiter: str = ","
    """What separates the columns of a table; empty for JSON Lines."""
    head: int = 0
    """How many lines stand before the table."""


def writing_of(dataset: Dataset, file: Path) -> Writing:
    """How a file of the data set is written, and therefore its copy, too."""
    if dataset.format != "table":
        return Writing()
    dialect = dataset.source.part_of(file).dialect  # type: ignore[attr-defined]
    return Writing() if dialect is None else Writing(dialect.encoding, dialect.delimiter, dialect.skipped)


def cut(format: str, file: Path, data: bytes, writing: Writing = Writing()) -> Spans:
    """The records of a file in a format of text."""
    if format == "voc":
        return _objects(data)
    if format == "coco":
        text = Text(file, data)
        return {index: text.span(raw) for index, raw in enumerate(text.split()[0].annotations)}
    return dict(_rows(data, writing)) if format == "table" else dict(_lines(data))


def _lines(data: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    at = 0
    for number, line in enumerate(data.splitlines(keepends=True) if b"\r" not in data else re.findall(rb"[^\n]*\n|[^\n]+", data), 1):
        yield number, (at, at + len(line))
        at += len(line)


def _rows(data: bytes, writing: Writing) -> Iterator[tuple[int, tuple[int, int]]]:
    """The rows of a table, by the line on which each starts."""
    text = data.decode(writing.encoding)
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+" if writing.delimiter else r"[^\n]*\n|[^\n]+", text)
    sizes = [len(line.encode(writing.encoding)) for line in lines]
    at, taken = sum(sizes[: writing.head]), writing.head
    if not writing.delimiter:
        for line, size in enumerate(sizes, 1):
            yield line, (at, at + size)
            at += size
        return
    reader = csv.reader(iter(lines[taken:]), delimiter=writing.delimiter)
    for _ in reader:
        end = writing.head + reader.line_num
        size = sum(sizes[taken:end])
        yield taken + 1, (at, at + size)
        at, taken = at + size, end


def _objects(data: bytes) -> Spans:
    """The objects of VOC, wherever they stand, from < of the first tag to > of the last; one in another is a part of that."""
    starts: list[int] = []
    ends: list[int] = []
    depth = 0
    parser = expat.ParserCreate("utf-8")

    def opened(name: str, _: Dict[str, str]) -> None:
        nonlocal depth
        if name.lower().rpartition(":")[2] in ("object", "hrsc_object"):
            depth += 1
            if depth == 1:
                starts.append(parser.CurrentByteIndex)

    def closed(name: str) -> None:
        nonlocal depth
        if name.lower().rpartition(":")[2] in ("object", "hrsc_object"):
            depth -= 1
            if depth == 0:
                ends.append(data.index(b">", parser.CurrentByteIndex) + 1)

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.Parse(data, True)
    return dict(enumerate(zip(starts, ends)))


_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([\w.-]+)")
_MARKED = {b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be", b"<\0\0\0": "utf-32-le"}
_MARKED_BY_TWO = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}


def in_utf8(dataset: Dataset, old: bytes, new: bytes) -> Tuple[bytes, bytes]:
    """A file and its copy in UTF-8, if each other byte of them would give another text; formats that are UTF-8 as they are."""
    if dataset.format not in ("voc", "coco") or dataset.format == "coco" and dataset.reading.encoding is None:
        return old, new
    declared = _DECLARED.search(old[:1000]) if dataset.format == "voc" else None
    marked = (_MARKED.get(old[:4]) or _MARKED_BY_TWO.get(old[:2])) if dataset.format == "voc" else None
    says = declared[1].decode().removeprefix("x-") if declared else "utf-8"
    first = marked or dataset.reading.encoding or says
    others = ("utf-8",) if not marked and says.lower() in ("utf-8", "utf8") else ()  # which it is, if it can be
    for name in (*others, first, *WIDER.get(codecs.lookup(first).name, ())):
        try:
            texts = [data.decode(name) for data in (old, new)]
            if [text.encode(name) for text in texts] == [old, new]:
                return texts[0].encode(), texts[1].encode()
        except UnicodeError:
            pass
    raise Copied(str(dataset.path), f"holds a file that is not in {first}")
