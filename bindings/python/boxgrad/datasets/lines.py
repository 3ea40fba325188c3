"""What YOLO, DOTA and plain text have in common: a text file per image, a line per box, words between spaces."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .model import (
    MISSING,
    UNKNOWN,
    Array,
    Columns,
    Dataset,
    Place,
    Reading,
    Size,
    UnreadableError,
    edited,
    files_below,
    read_bytes,
    replacement,
)
from .photos import IMAGE_SUFFIXES

_WORD = re.compile(rb"\S+")
_NOT_LABELS = re.compile(r"(classes|obj|train|val|test|results|requirements|(readme|license|autosplit_)[^/]*)\.(txt|names)")
HEADS = ("imagesource:", "gsd:")
"""How lines of DOTA about the image start."""

Words = List[str]


@dataclass
class Parsed:
    """What a line says."""

    category: str
    box: Sequence[float]
    quad: Sequence[float] = ()
    outlined: bool = False
    locked: str = ""
    """What the line says beyond its format, if no repair may touch it."""


@dataclass(frozen=True)
class Format:
    """One of the formats: how a line is read, and which words of it a new box changes."""

    name: str
    parse: Callable[[Words, Size], Optional[Parsed]]
    """None for a line that holds no box; ValueError for one that cannot be read. The size is that of the image."""
    edit: Callable[[Words, Array, Size], Dict[int, float]]
    """The new values of the words that change."""
    names: Callable[[Path], Optional[List[str]]] = lambda path: None
    """The names of the categories, if the format keeps them beside the labels."""


def is_number(word: str) -> bool:
    try:
        floats([word])
        return True
    except ValueError:
        return False


def floats(words: Words) -> list[float]:
    """Words as numbers; ValueError names the first that is none."""
    result = []
    for word in words:
        try:
            if "_" in word:
                raise ValueError
            result.append(float(word))
        except ValueError:
            raise ValueError(f"{word[:60]!r} is no number") from None
    return result


def words_of(path: Path, data: bytes) -> Iterator[tuple[int, list[tuple[int, int]], Words]]:
    """Each line that is not blank: its number, where its words stand, and the words."""
    if b"\0" in data:
        raise UnreadableError(path, "is no text: it holds bytes 0", data.count(b"\n", 0, data.index(b"\0")) + 1)
    offset = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        start = 3 if line.startswith(b"\xef\xbb\xbf") else 0  # files that were put together have a mark amid them
        try:
            matches = [(offset + match.start(), offset + match.end(), match[0].decode()) for match in _WORD.finditer(line, start)]
        except UnicodeDecodeError as error:
            raise UnreadableError(path, f"is not UTF-8: byte {error.object[error.start]:#x}", number) from None
        if matches:
            yield number, [(start, end) for start, end, _ in matches], [word for _, _, word in matches]
        offset += len(line) + 1


def label_files(path: Path) -> list[Path]:
    """The file, or the text files of a folder that hold labels by their names."""
    return _text_files(path)[0]


def _text_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The files that hold labels by their names, and the other text files of a folder."""
    if not path.is_dir():
        return [path], []
    found: tuple[list[Path], list[Path]] = [], []
    for file in files_below(path, ".txt"):
        found[_NOT_LABELS.fullmatch(file.name.lower()) is not None].append(file)
    return found


def holds_no_labels(rows: Sequence[Words]) -> bool:
    """Whether the rows of a file name a photo each; or hold no number, as lists of classes and notes do, and are no head of DOTA."""
    if not rows or rows[0][0].lower().startswith(HEADS):
        return False
    return all(words[-1].lower().endswith(IMAGE_SUFFIXES) for words in rows) or not any(map(is_number, chain.from_iterable(rows)))


class _Source:
    def __init__(self, format: Format) -> None:
        self.format = format
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
        for row in (*boxes, *dropped):
            changed.setdefault(self.image[row], {})[self.lines[row]] = row
        for file, path in enumerate(self.files):
            data = read_bytes(path)
            edits: list[Tuple[int, int, bytes]] = []
            for number, spans, words in words_of(path, data) if file in changed else ():
                row = changed[file].get(number, UNKNOWN)
                if row in dropped:
                    start, end = data.rfind(b"\n", 0, spans[0][0]) + 1, data.find(b"\n", spans[-1][1]) + 1
                    edits.append((start, end or len(data), b""))
                elif row in boxes:
                    for word, value in self.format.edit(words, boxes[row], self.sizes[file]).items():
                        old = words[word]
                        edits.append((*spans[word], replacement(old, value)))
            yield path, edited(data, edits)


def read(path: Path, reading: Reading, format: Format, *, pixels: bool) -> Dataset:
    """pixels: whether the format's numbers are pixels, so that it does not need the image's size to be read."""
    columns, source, finder = Columns(), _Source(format), reading.finder_of(path)
    files, beside = _text_files(path)
    names = format.names(reading.original or path)
    for key, name in enumerate(names or ()):
        columns.add_category(str(key), name)
    stems = {file: reading.stem(file, path) for file in files}
    named = Counter(stems.values())  # of two files with one name it is not known which of them a photo belongs to
    files = reading.chosen(files)
    sizes = {file: reading.size(MISSING, finder if finder.photo or named[stems[file]] == 1 else None, stems[file]) for file in files}
    fractions = not pixels and any(size[0] != size[0] for size in sizes.values())
    if fractions:
        sizes = dict.fromkeys(files, (1.0, 1.0))
    for file in reading.track(files, "files", len(files)):
        try:
            lines = list(words_of(file, read_bytes(file)))
        except UnreadableError as error:
            columns.unreadable.append(error)
            continue
        if path.is_dir() and holds_no_labels([words for _, _, words in lines]):
            beside.append(file)
            continue
        stem = stems[file]
        image = columns.add_image(stem, sizes[file])
        source.files.append(file)
        source.sizes.append(sizes[file])
        for number, _, words in lines:
            try:
                parsed = format.parse(words, sizes[file])
            except ValueError as error:
                columns.fault("malformed", Place(file, number), str(error), stem, number)
                continue
            if parsed is None:
                continue
            if names is None:
                category = columns.add_category(parsed.category, parsed.category)
            else:
                category = columns.categories.get(parsed.category, UNKNOWN)
                if category == UNKNOWN:
                    columns.fault("unknown-category", Place(file, number), f"class {parsed.category} of {len(names)}", stem, number)
            columns.add(parsed.box, image, category, number, outlined=parsed.outlined, quad=parsed.quad, locked=parsed.locked)
            source.image.append(image)
            source.lines.append(number)
            source.rests.append(hash(tuple(words)) if len(words) > 6 else hash(parsed.category) if category == UNKNOWN else 0)
    reading = replace(reading, finder=finder)
    return columns.dataset(format.name, path, source, fractions=fractions, sized=False, reading=reading, beside=beside)
