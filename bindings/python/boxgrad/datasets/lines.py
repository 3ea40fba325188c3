"""What YOLO, DOTA and plain text have in common: a text file per image, a line per box, words between spaces."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

import numpy as np

from . import rows
from .model import (
    MISSING,
    UNKNOWN,
    Array,
    Columns,
    Dataset,
    Place,
    Reading,
    Size,
    edited,
    quantity,
    read_bytes,
    replacement,
)
from .rows import Row, Words, floats, is_number
from .text_files import HEADS, LabelFile, TextFiles, joined, label_files, read_files

__all__ = ["HEADS", "Format", "Parsed", "Words", "floats", "is_number", "label_files", "read"]

_WHOLE_IMAGE: Size = (1.0, 1.0)


@dataclass
class Parsed:
    """What a line says."""

    category: str
    box: Sequence[float]
    quad: Sequence[float] = ()
    outlined: bool = False
    locked: str = ""
    """What the line says beyond its format, if no repair may touch it."""
    pixels: bool = False
    """Whether the numbers are pixels where the format has fractions."""
    no_class: str = ""
    """Why the class is none."""
    unused: Tuple[str, ...] = ()
    """What the line holds beside its box."""


@dataclass(frozen=True)
class Format:
    """One of the formats: how a line is read, and which words of it a new box changes."""

    name: str
    parse: Callable[[Words, Size], Optional[Parsed]]
    """None for a line about the image, which holds no box; ValueError for one that cannot be read. The size is that of the image."""
    edit: Callable[[Words, Array, Size], Dict[int, float]]
    """The new values of the words that change."""
    names: Optional[Mapping[str, str]] = None
    """The names of the categories by what stands in the rows, if the format keeps them beside the labels."""
    boxes: Optional[Callable[[Array], Array]] = None
    """The corners of many boxes in fractions, from the four numbers of their rows."""
    beside: Sequence[Path] = ()
    """The files that say something of the labels."""


class _Source:
    def __init__(self, format: Format, encoding: Optional[str]) -> None:
        self.format, self.encoding = format, encoding
        self.files: list[Path] = []
        self.sizes: list[Size] = []
        self.image, self.lines, self.rests = array("q"), array("q"), array("q")

    def place(self, row: int) -> Place:
        return Place(self.files[self.image[row]], self.lines[row])

    def image_place(self, row: int) -> Place:
        return Place(self.files[row])

    def rest(self, row: int) -> object:
        return self.rests[row]

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        changed: Dict[int, Dict[int, int]] = {}
        for index in (*boxes, *dropped):
            changed.setdefault(self.image[index], {})[self.lines[index]] = index
        for file, path in enumerate(self.files):
            data = read_bytes(path)
            edits: list[Tuple[int, int, bytes]] = []
            for row in self._rows(path, data) if file in changed else ():
                index = changed[file].get(row.line, UNKNOWN)
                if index in dropped:
                    start, end = data.rfind(b"\n", 0, row.spans[0][0]) + 1, data.find(b"\n", row.spans[-1][1]) + 1
                    edits.append((start, end or len(data), b""))
                elif index in boxes:
                    for word, value in self.format.edit(row.words, boxes[index], self.sizes[file]).items():
                        edits.append((*row.spans[word], replacement(row.words[word], value)))
            yield path, edited(data, edits)

    def _rows(self, path: Path, data: bytes) -> Iterator[Row]:
        return rows.rows_of(path, rows.text_of(path, data, self.encoding), spans=True)


def read(path: Path, reading: Reading, format: Format, *, pixels: bool, files: Optional[TextFiles] = None) -> Dataset:
    """pixels: whether the format's numbers are pixels, so that it does not need the image's size to be read."""
    files = files or read_files(path, reading)
    return _Reader(path, reading, format, files, pixels).dataset()


class _Reader:
    """Reads all rows of the files of a data set into columns."""

    def __init__(self, path: Path, reading: Reading, format: Format, files: TextFiles, pixels: bool) -> None:
        self.path, self.reading, self.format, self.files, self.pixels = path, reading, format, files, pixels
        self.columns, self.source = Columns(), _Source(format, reading.encoding)
        self.finder = reading.finder_of(path)
        self.names = None if format.names is None else dict(format.names)
        for key, name in (self.names or {}).items():
            self.columns.add_category(key, name)
        self.plain: List[Tuple[int, LabelFile]] = []
        """The first row of each file that holds boxes alone, and the file."""
        self.of_pixels: Dict[int, str] = {}
        self.unusual: Counter[str] = Counter()
        self.first_unusual: Dict[str, Place] = {}

    def dataset(self) -> Dataset:
        images = self._images()
        sizes = [self.reading.size(MISSING, self.finder, name) for name in images]
        self.unsized = np.array([not self.pixels and size[0] != size[0] for size in sizes], bool)
        self.columns.unreadable += self.files.unreadable
        for file, name, size in self.reading.track(list(zip(self.files.labels, images, sizes)), "files", len(images)):
            image = self.columns.add_image(name, size)
            scale = _WHOLE_IMAGE if self.unsized[image] else size
            self.source.files.append(file.path)
            self.source.sizes.append(scale)
            if file.boxes is not None and self.format.boxes is not None:
                self._add_plain(image, file)
            else:
                self._add_rows(image, name, scale, file)
        data = self.columns.dataset(
            self.format.name, self.path, self.source, sized=False, reading=replace(self.reading, finder=self.finder, texts=None),
            beside=sorted(self.files.beside), passed_over=self.files.passed_over,
        )  # fmt: skip
        self._fill_plain(data)
        self._note_units(data)
        self._note_photos(data)
        self._note_unusual(data)
        self._put_in_order(data)
        others = [file for file in self.files.others if file not in self.format.beside]
        if others:
            data.passed_over = {**data.passed_over, "files of other kinds": others}
        return data

    def _images(self) -> List[str]:
        """The names of the images: the files' stems; with their folders, where several have one stem."""
        files = [os.path.split(file.path) for file in self.files.labels]
        stems = [os.path.splitext(name)[0] for _, name in files]
        if len(files) == 1:
            stems = [self.reading.stem(self.files.labels[0].path, self.path)]
        counts = self.files.stems
        names = [stem if counts[stem] < 2 else self._below(file, stem) for stem, file in zip(stems, self.files.labels)]
        if self.finder.photo is None:
            for name, stem, (folder, _) in zip(names, stems, files):
                if name not in self.finder.placed:
                    self.finder.place(name, folder, stem, counts[stem] < 2)
        return names

    def _below(self, file: LabelFile, stem: str) -> str:
        """The stem with the folders below the data set's."""
        folder = file.path.parent
        return (folder.relative_to(self.path) / stem).as_posix() if self.path in file.path.parents else (folder / stem).as_posix()

    def _add_plain(self, image: int, file: LabelFile) -> None:
        """Makes room for the rows of a file; their boxes are computed together."""
        columns, count = self.columns, len(file.lines)
        self.plain.append((len(columns.image), file))
        columns.boxes.frombytes(bytes(32 * count))
        columns.image.extend([image] * count)
        columns.category.extend([UNKNOWN] * count)
        columns.ids.extend(file.lines)
        columns.areas.extend([np.nan] * count)
        columns.outlined.extend(bytes(count))
        columns.rows += count
        self.source.image.extend([image] * count)
        self.source.lines.extend(file.lines)
        self.source.rests.extend([0] * count)

    def _fill_plain(self, data: Dataset) -> None:
        """The boxes and classes of the rows that hold nothing else."""
        if not self.plain:
            return
        assert self.format.boxes is not None
        counts = np.array([len(file.lines) for _, file in self.plain])
        starts = np.array([start for start, _ in self.plain])
        rows_of_plain = np.arange(counts.sum()) + np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        numbers = joined([file for _, file in self.plain])
        scales = np.array(self.source.sizes)[data.image[rows_of_plain]]
        data.boxes[rows_of_plain] = self.format.boxes(numbers[:, 1:]) * np.tile(scales[:, ::-1], 2)
        classes, first, inverse = np.unique(numbers[:, 0], return_index=True, return_inverse=True)
        categories = np.empty(len(classes), np.int64)
        for index in np.argsort(first).tolist():
            categories[index] = self._category(str(int(classes[index])))
        data.categories = self.columns.names
        found = categories[inverse.reshape(-1)]
        data.category[rows_of_plain] = found
        for index in np.flatnonzero(found == UNKNOWN).tolist():
            row, key = int(rows_of_plain[index]), str(int(numbers[index, 0]))
            self._fault("unknown-category", data.images[data.image[row]], self.source.place(row), self._of_how_many(key))
            self.source.rests[row] = hash(key)

    def _category(self, key: str) -> int:
        if self.names is None:
            return self.columns.add_category(key, key)
        return self.columns.categories.get(key, UNKNOWN)

    def _of_how_many(self, key: str) -> str:
        return f"class {key} of {len(self.names or ())}"

    def _fault(self, problem: str, image: str, place: Place, values: str) -> None:
        self.columns.fault(problem, place, values, image, place.line)

    def _add_rows(self, image: int, name: str, size: Size, file: LabelFile) -> None:
        for index, row in enumerate(file.rows()):
            self.columns.rows += 1
            if rows.is_comment(row) or rows.is_header(row, index == 0):
                self.columns.without_box["comments" if rows.is_comment(row) else "header lines"] += 1
                continue
            place = Place(file.path, row.line)
            try:
                parsed = self.format.parse(row.words, size)
            except ValueError as error:
                self._fault("malformed", name, place, str(error))
                continue
            if parsed is None:
                self.columns.without_box["lines about the image"] += 1
                continue
            self._add(image, name, place, row, parsed, file.text.locked)

    def _add(self, image: int, name: str, place: Place, row: Row, parsed: Parsed, locked: str) -> None:
        if parsed.no_class:
            category = UNKNOWN
            self._fault("unknown-category", name, place, parsed.no_class)
        else:
            category = self._category(parsed.category)
            if category == UNKNOWN:
                self._fault("unknown-category", name, place, self._of_how_many(parsed.category))
        if row.unusual:
            self.unusual[row.unusual] += 1
            self.first_unusual.setdefault(row.unusual, place)
            if row.unusual == rows.DECIMAL_COMMAS:
                locked = locked or "its numbers have decimal commas"
        if parsed.pixels:
            self.of_pixels[len(self.columns.image)] = ", ".join(row.words[-4:] if len(row.words) < 7 else row.words[1:])[:80]
        self.columns.unused.update(parsed.unused)
        self.columns.add(
            parsed.box, image, category, place.line, outlined=parsed.outlined, quad=parsed.quad, locked=locked or parsed.locked
        )  # fmt: skip
        self.source.image.append(image)
        self.source.lines.append(place.line or 0)
        rest = hash(tuple(row.words)) if len(row.words) > 6 else hash(parsed.category) if category == UNKNOWN else 0
        self.source.rests.append(rest)

    def _put_in_order(self, data: Dataset) -> None:
        """Findings and categories stand in the order of the rows, whether these were read one by one or together."""
        number = {file: index for index, file in enumerate(self.source.files)}
        data.faults.sort(key=lambda fault: (number[fault.place.file], fault.place.line or 0))
        if self.names is not None or not len(data):
            return
        found, first = np.unique(data.category, return_index=True)
        order = found[np.argsort(first)][found[np.argsort(first)] != UNKNOWN]
        place = np.full(len(data.categories) + 1, UNKNOWN)
        place[order] = np.arange(len(order))
        data.category = place[data.category]
        data.categories = [data.categories[index] for index in order]

    def _note_units(self, data: Dataset) -> None:
        """Which boxes are pixels, and which fractions of an image whose size is not known."""
        in_pixels = np.zeros(len(data), bool)
        in_pixels[list(self.of_pixels)] = True
        for row, values in self.of_pixels.items():
            self._fault("pixels-not-fractions", data.images[data.image[row]], self.source.place(row), values)
        fractions = self.unsized[data.image] & ~in_pixels
        if self.unsized.any() and self.unsized.all() and not in_pixels.any():
            data.fractions = True
            data.sizes[:] = _WHOLE_IMAGE
        elif fractions.any():
            data.in_fractions = fractions

    def _note_photos(self, data: Dataset) -> None:
        """Files of labels without a photo, and photos without labels."""
        placed = self.finder.placed
        missing = [row for row, name in enumerate(data.images) if placed.get(name) is None]
        if not placed or self.finder.photo is not None or len(missing) == len(data.images):
            return
        if missing:
            fractions = " Boxes without a photo are in fractions of the image." if data.in_fractions is not None else ""
            files = quantity(len(missing), "file of labels has", "files of labels have")
            data.notes.append(f"{files} no photo, like {self.source.files[missing[0]]}.{fractions}")
        without = self.finder.without_labels(self.files.stems.keys())
        if without and self.path.is_dir():
            data.passed_over = {**data.passed_over, "photos without labels": without}

    def _note_unusual(self, data: Dataset) -> None:
        for what, count in self.unusual.items():
            where = f"which {self.format.name} has not, the first of them {self.first_unusual[what]}"
            data.notes.append(f"{quantity(count, 'row has', 'rows have')} {what}, {where}.")
