"""Which format text files have: YOLO, DOTA or plain text, by how many of their rows each of them reads.

A row speaks for one format. One that could be another's as well speaks weakly: for the guess, and not for its certainty.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Counter as Counts
from typing import Optional, Sequence, Tuple

from . import lines
from .lines import Words
from .model import UnreadableError, quantity, read_bytes
from .yolo import class_number, file_of_names
from .yolo_kinds import are_fractions

SAMPLE = 200
"""How many files with rows are looked at to find the format out; a repair looks at all."""
_MOST, _HALF = 0.9, 0.5
_LAYOUT = "labels"
_NONE = ""


def _numbers(words: Words) -> Optional[list[float]]:
    try:
        return lines.floats(words)
    except ValueError:
        return None


def format_of_row(words: Words) -> Tuple[str, bool]:
    """The format that a row speaks for, and whether it could be no other; "" if none reads it."""
    first, rest = words[0], _numbers(words[1:])
    if first.lower().startswith(lines.HEADS):
        return "dota", True
    if rest is not None and len(rest) >= 4 and are_fractions(rest[:4]):
        try:
            class_number(first)
            return "yolo", not all(number.is_integer() for number in rest[:4])
        except ValueError:
            pass
    if len(words) >= 9 and _numbers(words[:8]) is not None:
        return "dota", _numbers(words[8:9]) is None
    if len(words) in (5, 6) and (four := _numbers(words[-4:])) is not None:
        return "text", not are_fractions(four)
    return _NONE, False


@dataclass
class Evidence:
    """What the rows of some files speak for."""

    files: int = 0
    rows: int = 0
    unreadable: list[UnreadableError] = field(default_factory=list)
    strong: Counts[str] = field(default_factory=Counter)
    weak: Counts[str] = field(default_factory=Counter)
    whole: Counts[str] = field(default_factory=Counter)
    """The files of which nearly all rows speak for a format."""
    odd: dict[str, Tuple[Path, int, str]] = field(default_factory=dict)
    """For each format the first row that speaks for another, or for none."""
    layout: str = ""
    """What beside the files says that they are YOLO's."""
    numbered: bool = True
    """Whether all rows start with a number."""

    @property
    def guess(self) -> str:
        """The format that most rows speak for; "" if there are rows, and none of them speaks."""
        both = self.strong + self.weak
        if not self.rows:
            return "yolo" if self.files and not self.unreadable else _NONE  # images without a box
        return max(both, key=lambda name: (both[name], self.strong[name]), default=_NONE)

    @property
    def seen(self) -> str:
        """How many rows speak for the guess."""
        count = self.strong[self.guess] + self.weak[self.guess]
        return f"{count:,} of {quantity(self.rows, 'row')} in {quantity(self.files, 'file')}" if self.rows else "files without a row"

    def doubt(self) -> str:
        """Why the guess is not certain; empty if it is."""
        guess, both = self.guess, self.strong + self.weak
        if not self.rows:
            return ""
        reasons = []
        if both[guess] < _MOST * self.rows or self.whole[guess] < _MOST * self.files:
            file, line, row = self.odd[guess]
            reasons.append(f"only {self.seen} can be read as {guess}, and {file}:{line} cannot: {row[:60]!r}")
        elif self.strong[guess] < _HALF * self.rows:
            reasons.append(f"{self.weak[guess]:,} of {quantity(self.rows, 'row')} {_WEAK[guess]}")
        if guess == "text" and self.layout and self.numbered:
            reasons.append(f"the rows start with a class number and are in pixels, while {self.layout} says that they are YOLO's")
        if not reasons:
            return ""
        others = [name for name in _NAMES if name != guess and (both[name] or name == "yolo" and (self.layout or "text" == guess))]
        could = " or ".join(f"--format {name}" for name in (guess, *others))
        return f"{'; '.join(reasons)}. It could be {' or '.join((guess, *others))}: say which with {could}"


_NAMES = ("yolo", "dota", "text")
_WEAK = {
    "yolo": "hold whole numbers, which may be pixels",
    "dota": "have a number in the place of the category",
    "text": "hold numbers that look like fractions of the image, and plain text is in pixels",
}


def evidence(path: Path, files: Sequence[Path], most: Optional[int] = None) -> Evidence:
    """What the rows of these files of a data set speak for. most: after how many files with rows no more are looked at."""
    found = Evidence(layout=_layout(path, files))
    for file in files:
        if found.files == most:
            break
        try:
            rows = [(line, words) for line, _, words in lines.words_of(file, read_bytes(file))]
        except UnreadableError as error:
            found.unreadable.append(error)
            continue
        if len(files) > 1 and (not rows or lines.holds_no_labels([words for _, words in rows])):
            continue  # an image without a box, or a list of photos or classes, speaks for nothing
        found.files += 1
        _count(found, file, rows)
    if not found.files and len(files) > len(found.unreadable):
        found.files = len(files) - len(found.unreadable)
    return found


def _count(found: Evidence, file: Path, rows: Sequence[Tuple[int, Words]]) -> None:
    here: Counts[str] = Counter()
    for line, words in rows:
        name, strong = format_of_row(words)
        here[name] += 1
        (found.strong if strong else found.weak)[name] += name != _NONE
        found.numbered = found.numbered and _numbers(words[:1]) is not None
        for other in _NAMES:
            if other != name and other not in found.odd:
                found.odd[other] = (file, line, " ".join(words))
    found.rows += len(rows)
    found.whole.update({name: 1 for name in _NAMES if here[name] >= _MOST * len(rows)})


def _layout(path: Path, files: Sequence[Path]) -> str:
    names = file_of_names(path)
    if names is not None:
        return str(names)
    return f"the folder {_LAYOUT}" if any(_LAYOUT in file.absolute().parts[:-1] for file in files[:1]) else ""
