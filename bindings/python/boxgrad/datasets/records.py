"""Where each record of a file stands: what a repaired copy is compared by, and what a diff shows.

Written apart from what writes the copy, so that both would have to be wrong in the same way for a lost label to go unseen.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple
from xml.parsers import expat

from ..errors import BoxgradError
from .coco_file import Text
from .model import Dataset

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


def cut(format: str, file: Path, data: bytes) -> Spans:
    """The records of a file in a format of text."""
    if format == "voc":
        return _objects(data)
    if format == "coco":
        text = Text(file, data)
        return {index: text.span(raw) for index, raw in enumerate(text.split()[0].annotations)}
    return dict(_rows(data)) if format == "table" else dict(_lines(data))


def _lines(data: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    at = 0
    for number, line in enumerate(data.splitlines(keepends=True) if b"\r" not in data else re.findall(rb"[^\n]*\n|[^\n]+", data), 1):
        yield number, (at, at + len(line))
        at += len(line)


def _rows(data: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """The rows of CSV, by the line on which each starts."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", data.decode())
    reader, at, taken = csv.reader(iter(lines)), 0, 0
    for _ in reader:
        size = sum(len(line.encode()) for line in lines[taken : reader.line_num])
        yield taken + 1, (at, at + size)
        at, taken = at + size, reader.line_num


def _objects(data: bytes) -> Spans:
    """The objects of VOC, from < of the first tag to > of the last."""
    starts: list[int] = []
    ends: list[int] = []
    depth = 0
    parser = expat.ParserCreate()

    def opened(name: str, _: Dict[str, str]) -> None:
        nonlocal depth
        if depth == 1 and name == "object":
            starts.append(parser.CurrentByteIndex)
        depth += 1

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        if depth == 1 and name == "object":
            ends.append(data.index(b">", parser.CurrentByteIndex) + 1)

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.Parse(data, True)
    return dict(enumerate(zip(starts, ends)))
