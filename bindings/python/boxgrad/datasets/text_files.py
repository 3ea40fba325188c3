"""The text files of a data set: those that hold labels, with their rows, and those that were passed over.

Most files of YOLO hold a class and four fractions in every row. Their numbers are parsed at once; all others are read row by row.
"""

from __future__ import annotations

import os
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Counter as Counts
from typing import Dict, Iterator, List, Optional, Sequence

import numpy as np

from .model import Array, Reading, UnreadableError, names_below, read_bytes
from .photos import IMAGE_SUFFIXES
from .rows import Row, Text, Words, is_comment, is_number, rows_of, text_of

_NOT_LABELS = re.compile(
    r"(classes|obj|train|val|test|results|requirements|.*_classes|(readme|license|licence)[a-z. -]*|autosplit_[^/]*)\.(txt|names)"
)
HEADS = ("imagesource:", "gsd:")
"""How lines of DOTA about the image start."""
_WIDTH = 5
"""Numbers of a row of boxes: the class and four fractions."""


class LabelFile:
    """A text file of labels."""

    __slots__ = ("path", "text", "boxes", "lines")

    def __init__(self, path: Path, data: bytes, encoding: Optional[str]) -> None:
        self.path = path
        self.boxes, self.lines = _boxes_alone(data)
        self.text = Text(data) if self.boxes is not None else text_of(path, data, encoding)

    def rows(self) -> Iterator[Row]:
        return rows_of(self.path, self.text)


def _boxes_alone(data: bytes) -> "tuple[Optional[array[float]], Sequence[int]]":
    """The numbers of a file of which every row has five, and the rows' lines; None if it holds anything else."""
    words = data.split()
    if not words or len(words) % _WIDTH or b"_" in data or (b"\r" in data and b"\n" not in data):
        return None, ()
    try:
        numbers = array("d", map(float, words))
    except ValueError:
        return None, ()
    lines = data.split(b"\n")
    lengths = [len(line.split()) for line in lines]
    full = len(words) // _WIDTH
    if lengths[:full].count(_WIDTH) == full:
        return numbers, range(1, full + 1)
    if not {*lengths} <= {0, _WIDTH}:
        return None, ()
    return numbers, [number for number, length in enumerate(lengths, 1) if length]


@dataclass
class TextFiles:
    """What a path holds as text."""

    path: Path
    named: List[str] = field(default_factory=list)
    """All files that hold labels by their names, those of other parts included."""
    labels: List[LabelFile] = field(default_factory=list)
    beside: List[Path] = field(default_factory=list)
    """Text files that hold no labels."""
    unreadable: List[UnreadableError] = field(default_factory=list)
    passed_over: Dict[str, List[Path]] = field(default_factory=dict)
    others: List[Path] = field(default_factory=list)
    """Files of other kinds than text and photos."""

    @cached_property
    def folders(self) -> List[Path]:
        """The folders in which the labels stand."""
        return [Path(folder) for folder in dict.fromkeys(map(os.path.dirname, self.named))]

    @cached_property
    def stems(self) -> Counts[str]:
        """How many files have a name, without its ending."""
        return Counter(os.path.splitext(os.path.basename(file))[0] for file in self.named)


@dataclass
class Below:
    """The files below a folder, as text: there may be very many."""

    files: List[str]
    passed_over: Dict[str, List[Path]]

    def of(self, *suffixes: str) -> List[str]:
        """Those with one of these endings."""
        return [file for file in self.files if file.lower().endswith(suffixes)]

    def label_files(self) -> List[str]:
        """Those that hold labels by their names; and those that are named like a note or a list, but hold labels."""
        return self._label_files

    @cached_property
    def _label_files(self) -> List[str]:
        return [file for file in self.of(".txt") if not _NOT_LABELS.fullmatch(os.path.basename(file).lower()) or _holds_labels(file)]


def _holds_labels(file: str) -> bool:
    """Whether most rows of a file are labels: that of a photo test.jpg is test.txt."""
    try:
        text = read_bytes(Path(file)).decode("utf-8-sig", "replace")
    except UnreadableError:
        return False
    found = [words for words in map(str.split, text.splitlines()) if words and not words[0].lower().startswith(HEADS)]
    return 2 * sum(map(_is_label, found)) > len(found)


def _is_label(words: Sequence[str]) -> bool:
    """Whether words are a class and numbers, as of YOLO and in text, or eight numbers and a class, as of DOTA."""
    numbers = [is_number(word) for word in words]
    of_yolo = len(words) >= _WIDTH and all(numbers)
    of_text = len(words) in (_WIDTH, _WIDTH + 1) and all(numbers[1:])
    return of_yolo or of_text or (len(words) >= 9 and all(numbers[:8]))


def below(folder: Path) -> Below:
    passed_over: Dict[str, List[Path]] = {}
    return Below(names_below(folder, passed_over=passed_over), passed_over)


def label_files(path: Path) -> List[Path]:
    """The file, or the text files of a folder that hold labels by their names."""
    return [Path(file) for file in below(path).label_files()] if path.is_dir() else [path]


def read_files(path: Path, reading: Reading, files: Optional[Sequence[Path]] = None, there: Optional[Below] = None) -> TextFiles:
    """The text files of a path, or those that are named. They are read once, and held until the data set is read.

    there: the files below the path, if they are known.
    """
    held = reading.texts
    if isinstance(held, TextFiles) and held.path == path:
        return held
    found = TextFiles(path, [str(file) for file in (files if files is not None else [path])])
    if files is None and path.is_dir():
        there = there or below(path)
        found.named, found.passed_over = there.label_files(), there.passed_over
        known = {*found.named}
        found.beside = [Path(file) for file in there.of(".txt") if file not in known]
        found.others = [Path(file) for file in there.files if not file.lower().endswith((".txt", *IMAGE_SUFFIXES))]
    alone = len(found.named) == 1 and not path.is_dir()
    part = found.named if reading.part is None else found.named[slice(*reading.part)]
    _read_all(found, [Path(file) for file in part], reading, alone)
    return found


def _read_all(found: TextFiles, files: Sequence[Path], reading: Reading, alone: bool) -> None:
    without: List[LabelFile] = []
    for file in reading.track(files, "files", len(files)):
        try:
            one = LabelFile(file, read_bytes(file), reading.encoding)
            none = one.boxes is None and not alone and holds_no_labels([row.words for row in one.rows() if not is_comment(row)])
            (without if none else found.labels).append(one)
        except UnreadableError as error:
            found.unreadable.append(error)
    if found.labels or reading.part is not None:
        found.beside += [file.path for file in without]
    else:
        found.labels = without  # what they hold is looked at, and refused
    _check_numbers(found.labels)


def joined(files: Sequence[LabelFile]) -> Array:
    """The numbers of files that hold a class and four fractions in every row."""
    return np.frombuffer(b"".join(file.boxes for file in files if file.boxes is not None)).reshape(-1, _WIDTH)


def _check_numbers(files: List[LabelFile]) -> None:
    """Files with other classes than whole numbers from 0, or with numbers that are no fractions, are read row by row."""
    some = [file for file in files if file.boxes is not None]
    if not some:
        return
    counts = np.array([len(file.lines) for file in some])
    numbers = joined(some)
    classes, fractions = numbers[:, 0], numbers[:, 1:]
    with np.errstate(invalid="ignore"):
        good = (classes >= 0) & (classes < 1e15) & (classes == np.floor(classes)) & ((fractions >= -0.5) & (fractions <= 1.5)).all(axis=1)
    for index in np.unique(np.repeat(np.arange(len(some)), counts)[~good]).tolist():
        some[index].boxes = None


def holds_no_labels(rows: Sequence[Words]) -> bool:
    """Whether each row of a file names a photo; or none is like a label, nor a head of DOTA, as in lists of classes and notes."""
    if not rows or rows[0][0].lower().startswith(HEADS):
        return False
    if all(words[-1].lower().endswith(IMAGE_SUFFIXES) for words in rows):
        return True
    return not any(map(is_number, chain.from_iterable(rows))) or not any(map(_is_like_a_label, rows))


def _is_like_a_label(words: Words) -> bool:
    """Whether half of the words, or four, are numbers."""
    numbers = sum(map(is_number, words))
    return numbers >= 4 or 2 * numbers >= len(words) or words[0].lower().startswith(HEADS)
