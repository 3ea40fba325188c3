"""Tables with a row for each box, or for each image: CSV and its like, JSON Lines and Parquet, one file or a folder of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

from ..boxes import box_convert
from . import table_json, table_parquet, table_text
from .model import (
    UNKNOWN, Array, Dataset, Finding, Identifier, Reading, Rows, UnreadableError, files_below, quantity, read_bytes,
)  # fmt: skip
from .table_boxes import AS_NUMBERS, Boxes, boxes_of
from .table_cells import cell, column_list, numbers, text, texts
from .table_dialect import is_table as is_table
from .table_dialect import width
from .table_header import is_photo, parse_columns
from .table_order import format_of, settle_order
from .table_source import Part, Source
from .table_units import Declared, find_fractions, find_sizes

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")

_NO_CATEGORY = {"", "nan", "null", "<na>"}
"""What programs write where a label is missing. "none" is not among them, because it is the name of a class in some data sets."""


def read(path: Path, reading: Reading) -> Dataset:
    columns = parse_columns(reading.columns)
    if not path.is_dir():
        return _Tables(path, reading, [_part(path, path, reading, columns)]).dataset()
    parts: List[Part] = []
    unreadable: List[UnreadableError] = []
    passed_over: List[UnreadableError] = []
    hidden: Dict[str, List[Path]] = {}
    for file in files_below(path, *SUFFIXES, passed_over=hidden):
        try:
            parts.append(_part(file, path, reading, columns))
        except UnreadableError as error:
            (passed_over if _is_narrow(file, reading) else unreadable).append(error)
    if not parts:
        errors = [*unreadable, *passed_over, UnreadableError(path, f"holds no table: no {', '.join(SUFFIXES)}")]
        raise errors[0]
    data = _Tables(path, reading, parts).dataset()
    data.unreadable = unreadable
    data.passed_over.update(hidden)
    if passed_over:
        data.passed_over["because it has too few columns for boxes"] = [error.file for error in passed_over]
    return data


def _is_narrow(file: Path, reading: Reading) -> bool:
    """Whether a table has too few columns for a box, like a list of classes."""
    try:
        return file.suffix.lower() in (".csv", ".tsv") and width(file, read_bytes(file), reading) < 4
    except UnreadableError:
        return False


def _part(file: Path, path: Path, reading: Reading, columns: object) -> Part:
    dialect = None
    if not file.is_file():
        read_bytes(file)  # says why
    with file.open("rb") as opened:
        start = opened.read(4)
    if start == b"PAR1":
        frame = table_parquet.read(file, reading, columns)
    else:
        data = read_bytes(file)
        is_json = file.suffix.lower() in (".jsonl", ".ndjson") or data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        frame, dialect = (table_json if is_json else table_text).read(file, data, reading, columns)
    parent = file.parent.relative_to(path).as_posix() if path.is_dir() else "."
    return Part(frame, dialect, Boxes(np.empty((0, 4)), np.empty(0, np.int64)), 0, "" if parent == "." else f"{parent}/")


class _Tables:
    """Puts the files of a data set together."""

    def __init__(self, path: Path, reading: Reading, parts: List[Part]) -> None:
        self.path, self.reading, self.parts = path, reading, parts
        self.finder = reading.finder_of(path)
        self.images: Dict[Tuple[str, ...], int] = {}
        self.names: List[str] = []
        self.files_of_images: List[Path] = []
        self.categories: Dict[str, int] = {}
        self.faults: List[Finding] = []
        self.notes: List[str] = []
        self.rows = 0
        self.without: Counter[str] = Counter()
        self.unused: Counter[str] = Counter()
        self.empty_images: set[str] = set()
        """The images of which a row of the same four numbers says that they have no box."""
        self.declared: List[Declared] = []

    def dataset(self) -> Dataset:
        first = 0
        taken = []
        for part in self.parts:
            part.first = first
            taken.append(self._take(part))
            first += len(part.boxes.record)
        boxes, image, category, areas, outlined, annotator, declared = (taken[0] if len(taken) == 1 else map(np.concatenate, zip(*taken)))
        ids: List[Identifier] = [identifier for part in self.parts for identifier in _ids(part)]
        source = Source(self.parts, self.files_of_images)
        names = [key[0] + key[-1] for key in self.images]
        data = Dataset(
            "table", self.path, source, boxes, image, category, ids, names, np.empty((0, 2)), list(self.categories), areas, outlined,
            reading=replace(self.reading, finder=self.finder), faults=self.faults, rows=self.rows, without_box=dict(self.without),
            unused=dict(self.unused), notes=self.notes,
        )  # fmt: skip
        if any(part.header.annotator is not None for part in self.parts):
            data.annotators = annotator
        header = self.parts[0].header
        if header.image is None and header.shape in ("numbers", "list") and self.finder.photo is None:
            data.unknown_image = f"no column is known as the image; the columns are {header.seen}; --image-column says which it is"
        find_sizes(data, declared, self.declared, self.parts)
        self._say(data)
        find_fractions(data, source)
        data.faults.sort(key=lambda fault: (str(fault.place.file), fault.place.line or 0))
        return data

    def _say(self, data: Dataset) -> None:
        """The evidence, and the options by which a copy is read in the same way."""
        part, header = self.parts[0], self.parts[0].header
        said = [header.evidence, *([part.frame.seen] if part.frame.seen else [])]
        others = len({one.header.evidence for one in self.parts}) - 1
        data.evidence = ", ".join(said) + (f", and {quantity(others, 'other header')}" if others else "")
        data.reading = replace(data.reading, empty_images=frozenset(self.empty_images))
        lists = {one.header.fmt for one in self.parts} if all(one.header.shape != "numbers" for one in self.parts) else set()
        if len(lists) == 1:
            data.reading = replace(data.reading, boxes=header.fmt)
        if not self.path.is_dir():
            names = ",".join(header.names) if header.why else data.reading.columns
            if header.by_order:
                names = ",".join(f"{role}={header.names[column]}" for role, column in zip(("x1", "y1", "x2", "y2"), header.box))
            data.reading = replace(data.reading, columns=names, decimal=part.frame.decimal)

    def _take(self, part: Part) -> Tuple[Array, ...]:
        """The boxes of a file, with the image, category, area, kind, annotator and declared size of each."""
        frame, header = part.frame, part.header
        codes, keys = self._keys(part)
        empty = None if self.reading.empty_images is None else np.array([key[-1] in self.reading.empty_images for key in keys], bool)
        boxes = part.boxes = boxes_of(frame, None if header.image is None else codes, empty)
        self.empty_images |= {keys[codes[row]][-1] for row, what in boxes.without.items() if what in AS_NUMBERS and codes[row] >= 0}
        self.faults += frame.lost
        self.rows += boxes.rows + frame.comments + sum(finding.problem == "malformed" for finding in frame.lost)
        self.without.update(boxes.without.values())
        if frame.comments:
            self.without["comments"] += frame.comments
        self.unused.update({**boxes.unused, **({} if not frame.length else dict.fromkeys(header.unused, frame.length))})
        for row, reason in (*boxes.malformed.items(), *boxes.items_lost):
            name = keys[codes[row]][-1] if codes[row] >= 0 else ""
            self.faults.append(Finding("malformed", frame.place(row), name, _id(part, row), reason))
        used = np.zeros(frame.length, bool)
        used[boxes.record] = True
        used[[row for row, what in boxes.without.items() if not what.startswith("rows")]] = True
        image_of_row = self._images(part, codes, keys, used)
        image = image_of_row[boxes.record]
        for row in boxes.record[image == UNKNOWN].tolist() if header.image is not None else ():
            self.faults.append(Finding("unknown-image", frame.place(row), "", _id(part, row), "the row names no image"))
        sizes = self._declared(part, image_of_row)
        areas = self._areas(part, image_of_row)
        header.fmt = fmt = header.fmt or self._format(part, areas, sizes)
        if header.shape == "numbers":
            said = settle_order(part, self.reading)
            self.notes += [said] if said else []
        with np.errstate(invalid="ignore", over="ignore"):
            corners = boxes.numbers if fmt == "xyxy" else box_convert(boxes.numbers, fmt, "xyxy")
        outlined = np.zeros(len(image), bool) if boxes.outlined is None else boxes.outlined
        annotator = np.zeros(len(image), np.int64)
        if header.annotator is not None:
            annotator = texts(frame.columns[header.annotator])[0][boxes.record]
        return corners, image, self._category(part, image_of_row), areas, outlined, annotator, sizes[boxes.record]

    def _keys(self, part: Part) -> Tuple[Rows, List[Tuple[str, ...]]]:
        """The number of each row's image in this file, -1 if it names none; and what each image is known by."""
        frame, header = part.frame, part.header
        if header.image is None:
            if header.shape in ("lists", "objects", "string"):  # each row is an image
                return np.arange(frame.length), [(part.prefix, frame.path.name, "", f"row {row}") for row in range(frame.length)]
            stem = self.reading.stem(frame.path, self.path)
            return np.zeros(frame.length, np.int64), [(part.prefix, "", "", stem)]
        codes, names = texts(frame.columns[header.image])
        # numbers are given again in each file; names of photos are not
        file = "" if not names or is_photo(names[0]) else frame.path.name
        within = [""] * len(names)
        for column in header.within:
            others, labels = texts(frame.columns[column])
            pairs, first, codes = np.unique(codes * len(labels) + others, return_index=True, return_inverse=True)
            rank = np.argsort(np.argsort(first))  # in the order of the file
            ordered = pairs[np.argsort(first)]
            codes = rank[codes]
            within = [f"{within[pair // len(labels)]}\0{labels[pair % len(labels)]}" for pair in ordered.tolist()]
            names = [names[pair // len(labels)] for pair in ordered.tolist()]
        nameless = np.array([not name for name in names], bool)
        if nameless.any():
            codes = np.where(nameless[codes], -1, codes)
        return codes, [(part.prefix, file, one, name) for one, name in zip(within, names)]

    def _images(self, part: Part, codes: Rows, keys: List[Tuple[str, ...]], used: Array) -> Rows:
        """The image of each row; those that no row with a box, or without one, names are no images."""
        there = np.bincount(codes[used & (codes >= 0)], minlength=len(keys)) > 0 if len(keys) else np.empty(0, bool)
        number = np.full(len(keys) + 1, UNKNOWN)
        images, codes_there = self.images, np.flatnonzero(there)
        number[codes_there] = [images.setdefault(keys[code], len(images)) for code in codes_there.tolist()]
        self.names += [key[-1] for key in islice(images, len(self.names), None)]
        self.files_of_images += [part.frame.path] * (len(images) - len(self.files_of_images))
        return number[codes]

    def _category(self, part: Part, image_of_row: Rows) -> Rows:
        """The category of each box; one that is empty is unknown, and named."""
        frame, header, boxes = part.frame, part.header, part.boxes
        if boxes.categories is not None:
            codes, labels = texts(boxes.categories)
            if not any(labels):
                return np.full(len(codes), UNKNOWN)
        elif header.category is not None:
            codes, labels = texts(frame.columns[header.category])
            codes = codes[boxes.record]
        else:
            return np.full(len(boxes.record), UNKNOWN)
        labels = self._named(part, labels)
        number = np.full(len(labels), UNKNOWN)
        for code in np.flatnonzero(np.bincount(codes, minlength=len(labels))).tolist():
            if labels[code].strip().lower() not in _NO_CATEGORY:
                number[code] = self.categories.setdefault(labels[code], len(self.categories))
        category: Rows = number[codes]
        for row in boxes.record[category == UNKNOWN].tolist():
            name = self._name(image_of_row[row])
            self.faults.append(Finding("unknown-category", frame.place(row), name, _id(part, row), "the row names no category"))
        return category

    def _named(self, part: Part, labels: List[str]) -> List[str]:
        """Labels that are numbers of classes, by the names that the file lists."""
        if part.dialect is not None or not all(label.isdigit() for label in labels if label):
            return labels
        at = part.header.category if part.header.shape != "objects" else part.header.box[0]
        names = table_parquet.class_names(part.frame.path, part.header.names[at]) if at is not None else None
        if not names:
            return labels
        return [names[int(label)] if label and int(label) < len(names) else label for label in labels]

    def _name(self, image: int) -> str:
        return self.names[image] if image != UNKNOWN else ""

    def _declared(self, part: Part, image_of_row: Rows) -> Array:
        """The size that each row declares for its image: height and width, NaN where it declares none."""
        header = part.header
        if header.size is None:
            return np.full((part.frame.length, 2), np.nan)
        sizes = np.column_stack([numbers(part.frame.columns[column], part.frame.decimal)[0] for column in header.size])
        rows = np.flatnonzero(image_of_row != UNKNOWN)
        self.declared.append((image_of_row[rows], sizes[rows], part, rows))
        return sizes

    def _areas(self, part: Part, image_of_row: Rows) -> Array:
        frame, header, boxes = part.frame, part.header, part.boxes
        if boxes.areas is not None:
            return boxes.areas
        if header.area is None:
            return np.full(len(boxes.record), np.nan)
        areas, plain = numbers(frame.columns[header.area], frame.decimal)
        for row in boxes.record[~plain[boxes.record]].tolist():
            value = cell(frame.columns[header.area], row)
            if value is not None and text(value):
                seen = f"area is {str(value)[:60]!r}"
                self.faults.append(Finding("damaged-field", frame.place(row), self._name(image_of_row[row]), _id(part, row), seen))
        return areas[boxes.record]

    def _format(self, part: Part, areas: Array, sizes: Array) -> str:
        """Corners or sides, of numbers in lists and texts."""
        known = bool((~np.isnan(areas)).any())
        declared = sizes[part.boxes.record] if part.header.size is not None else None
        fmt, why = format_of(part.frame, part.boxes, areas if known else None, declared)
        part.frame.seen = why
        return fmt

def _ids(part: Part) -> List[Identifier]:
    if part.boxes.ids is not None:
        return part.boxes.ids
    if part.header.id is None:
        return [None] * len(part.boxes.record)
    column = column_list(part.frame.columns[part.header.id])
    return [column[row] for row in part.boxes.record.tolist()]


def _id(part: Part, row: int) -> Identifier:
    return None if part.header.id is None else cell(part.frame.columns[part.header.id], row)
