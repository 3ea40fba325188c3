"""Which format text files have: YOLO, DOTA or plain text, by how many of all their rows each of them explains.

A row is of one sort, which one format explains or several. What lies beside the files, like data.yaml, decides between YOLO in pixels or
with names of classes and plain text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Counter as Counts
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

import numpy as np

from . import rows
from .model import quantity
from .photos import IMAGE_SUFFIXES
from .rows import Words
from .text_files import HEADS, LabelFile, joined
from .yolo_kinds import are_fractions

_MOST, _HALF = 0.9, 0.5
_NONE = ""
NAMES = ("yolo", "dota", "text")

SORTS: Dict[str, FrozenSet[str]] = {
    "fractions": frozenset({"yolo"}),  # a class number and fractions
    "whole": frozenset({"yolo", "text"}),  # a class number and whole numbers no larger than 1
    "named": frozenset({"yolo", "text"}),  # the name of a class and fractions
    "pixels": frozenset({"text"}),  # a class number and four or five numbers that are no fractions
    "corners": frozenset({"yolo", "dota"}),  # nine or ten such numbers
    "many": frozenset(),  # another count of them
    "quad": frozenset({"dota"}),  # eight numbers and a category
    "head": frozenset({"dota"}),
    "text": frozenset({"text"}),  # a category and pixels
    "": frozenset(),
}
"""The formats that explain each sort of rows."""
_YOLO_IF_BESIDE = {"whole", "named", "pixels", "corners", "many"}
"""The sorts that are YOLO's if other rows, or what lies beside them, say that these files are."""


def _numbers(words: Words) -> Optional[List[float]]:
    try:
        return rows.floats(words)
    except ValueError:
        return None


def is_class_number(word: str) -> bool:
    """Whether a word is a number, in any notation, 0x1 included."""
    return rows.is_number(word) or word[:2].lower() == "0x" and all(one in "0123456789abcdefABCDEF" for one in word[2:]) and len(word) > 2


def sort_of_row(words: Words) -> str:
    """Of which sort a row is; "" if no format explains it."""
    if words[0].lower().startswith(HEADS):
        return "head"
    numbers = _numbers(words[1:])
    count = len(words)
    if numbers is not None and count >= 5 and is_class_number(words[0]):
        if are_fractions(numbers[:4]):
            return "whole" if all(number in (0, 1) for number in numbers[:4]) else "fractions"
        return "pixels" if count in (5, 6) else "corners" if count in (9, 10) else "many"
    if count >= 9 and _numbers(words[:8]) is not None:
        return "quad"
    tail = rows.trailing_numbers(words)
    if tail >= 4 and count > tail and not words[0].lower().endswith(IMAGE_SUFFIXES):  # else a table's
        numbers = rows.floats(words[-tail:])
        if are_fractions(numbers[:4]) and tail != 5:
            return "named"
        if count in (5, 6) and tail in (4, 5):
            return "named" if are_fractions(numbers[-4:]) else "text"
        return "named" if are_fractions(numbers) else _NONE
    return _NONE


@dataclass
class Evidence:
    """What the rows of some files speak for."""

    files: int = 0
    rows: int = 0
    sorts: Counts[str] = field(default_factory=Counter)
    of_files: Counts[FrozenSet[str]] = field(default_factory=Counter)
    """How many files have rows of which half are of these sorts."""
    first: Dict[str, Tuple[Path, int, str]] = field(default_factory=dict)
    """The first row of each sort."""
    layout: str = ""
    """What beside the files says that they are YOLO's."""
    named: int = 0
    """The rows with the name of a class that is listed beside the files."""
    centres: int = 0
    """The rows with the name of a class and fractions that are a box in the image as its centre and sides, and none as corners."""
    empty: bool = False
    """Whether there are files, and none of them has a row."""

    def __add__(self, other: Evidence) -> Evidence:
        """The evidence of two parts of a data set, in their order."""
        return Evidence(
            self.files + other.files, self.rows + other.rows, self.sorts + other.sorts, self.of_files + other.of_files,
            {**other.first, **self.first}, self.layout, self.named + other.named, self.centres + other.centres, self.empty or other.empty,
        )  # fmt: skip

    def explained(self, sort: str) -> FrozenSet[str]:
        """The formats that explain the rows of a sort, by all that is known."""
        if sort not in _YOLO_IF_BESIDE:
            return SORTS[sort]
        said = self.layout or 2 * self.sorts["fractions"] >= self.rows
        if said or sort == "whole" and self.sorts["fractions"]:
            return frozenset({"yolo"})
        if sort == "named" and (self.named >= _MOST * self.sorts["named"] or 2 * self.centres > self.sorts["named"]):
            return frozenset({"yolo"})
        return SORTS[sort]

    def count(self, format: str) -> int:
        """How many rows a format explains."""
        return sum(count for sort, count in self.sorts.items() if format in self.explained(sort))

    def alone(self, format: str) -> int:
        """How many rows it explains and no other does."""
        return sum(count for sort, count in self.sorts.items() if self.explained(sort) == {format})

    @property
    def guess(self) -> str:
        """The format that explains most rows; "" if there are rows, and none is explained."""
        if not self.rows:
            return "yolo" if self.empty else _NONE  # images without a box
        best = max(NAMES, key=lambda name: (self.count(name), self.alone(name)))
        return best if self.count(best) else _NONE

    @property
    def seen(self) -> str:
        """How many rows the guess explains, and what lies beside them."""
        if not self.rows:
            return "files without a row"
        beside = f", {self.layout}" if self.guess == "yolo" and self.layout else ""
        if self.guess == "yolo" and not self.layout and self.centres:
            beside = f", whose numbers are centre and sides, as corners {quantity(self.centres, 'box', 'boxes')} would be inverted"
        return f"{self.count(self.guess):,} of {quantity(self.rows, 'row')} in {quantity(self.files, 'file')}{beside}"

    def against(self, format: str) -> str:
        """The first row that a format does not explain."""
        odd = [self.first[sort] for sort in self.sorts if format not in self.explained(sort)]
        if not odd:
            return f"{format} explains all rows"
        file, line, row = min(odd, key=lambda one: (one[0].parts, one[1]))
        return f"{format} explains {self.count(format):,} of {quantity(self.rows, 'row')}, and not {file}:{line}: {row[:60]!r}"

    def doubt(self) -> str:
        """Why the guess is not certain; empty if it is."""
        guess = self.guess
        if not self.rows or not guess:
            return ""
        sure = self.count(guess) >= _MOST * self.rows and self._whole_files(guess) >= _MOST * self.files
        if sure and self.alone(guess) >= _HALF * self.rows:
            return ""
        others = [name for name in NAMES if name != guess and self.count(name)]
        seen = "; ".join(self.against(name) for name in (guess, *others))
        weak = [sort for sort, count in self.sorts.items() if count and len(self.explained(sort)) > 1]
        if sure and weak:
            seen += f"; {self.sorts[weak[0]]:,} of them {_WEAK[weak[0]]}"
        options = " or ".join(f"--format {name}" for name in (guess, *others))
        return f"{seen}: say {'which it is' if others else 'that it is right'} with {options}"

    def _whole_files(self, format: str) -> int:
        return sum(count for sorts, count in self.of_files.items() if sorts and all(format in self.explained(sort) for sort in sorts))


_WEAK = {
    "whole": "hold whole numbers no larger than 1, which may be pixels or fractions of the image",
    "corners": "have a number in the place of the category",
    "named": "have the name of a class before numbers that look like fractions of the image, and plain text is in pixels",
}


def evidence(files: Sequence[LabelFile], layout: str, is_class: Callable[[str], bool] = lambda name: False) -> Evidence:
    """What the rows of these files speak for.

    layout: what beside them says that they are YOLO's. is_class: whether the name of a class is listed there.
    """
    found = Evidence(layout=layout, empty=bool(files))
    plain: List[LabelFile] = []
    for file in files:
        if file.boxes is not None:
            plain.append(file)
            continue
        here: Counts[str] = Counter()
        for index, row in enumerate(file.rows()):
            if rows.is_comment(row) or rows.is_header(row, index == 0):
                continue
            sort = sort_of_row(row.words)
            if row.unusual and sort in ("quad", "corners"):
                sort = _NONE  # DOTA has no commas: other formats have, whose last word is no category
            here[sort] += 1
            if sort not in found.first:
                found.first[sort] = (file.path, row.line, " ".join(row.words))
            if sort == "named":
                found.named += is_class(" ".join(row.words[: len(row.words) - rows.trailing_numbers(row.words)]))
                found.centres += _is_centre_alone(rows.floats(row.words[-4:]))
        total = sum(here.values())
        if total:
            found.files += 1
            found.rows += total
            found.sorts.update(here)
            most, many = frozenset[str](), 0
            for sort, count in here.most_common():
                if many < _HALF * total:
                    most, many = most | {sort}, many + count
            found.of_files[most] += 1
    _add_plain(found, plain)
    return found


def _is_centre_alone(four: Sequence[float]) -> bool:
    """Whether numbers are a box in the image as its centre and sides, and an inverted one as its corners."""
    x, y, w, h = four
    inside = min(x - w / 2, y - h / 2) >= -0.01 and max(x + w / 2, y + h / 2) <= 1.01 and min(w, h) > 0
    return inside and (w < x or h < y)


def _add_plain(found: Evidence, files: Sequence[LabelFile]) -> None:
    """Counts the files that hold a class and four fractions in every row."""
    if not files:
        return
    numbers = joined(files)[:, 1:]
    whole = ((numbers == 0) | (numbers == 1)).all(axis=1)
    found.files += len(files)
    found.rows += len(numbers)
    ends = np.cumsum([len(file.lines) for file in files])
    for sort, of_sort in (("fractions", ~whole), ("whole", whole)):
        if of_sort.any():
            found.sorts[sort] += int(of_sort.sum())
            first = int(np.argmax(of_sort))
            index = int(np.searchsorted(ends, first, "right"))
            file = files[index]
            row = list(file.rows())[first - int(ends[index]) + len(file.lines)]
            found.first.setdefault(sort, (file.path, row.line, " ".join(row.words)))
    found.of_files[frozenset({"fractions"})] += len(files)
