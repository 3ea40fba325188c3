"""Plain text: lines of category, perhaps a score, and four numbers in pixels; corners, unless the user says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import numpy as np

from ..boxes import box_convert
from . import lines
from .lines import Format, Parsed, Words
from .model import Array, Dataset, Reading, Size


def format_of(fmt: str) -> Format:
    def parse(words: Words, size: Size) -> Parsed:
        if len(words) not in (5, 6):
            raise ValueError(f"{len(words)} words, not a category, perhaps a score, and four numbers")
        numbers = lines.floats(words[-4:])
        category = words[0] if len(words) == 5 or lines.is_number(words[1]) else f"{words[0]} {words[1]}"
        return Parsed(category, numbers if fmt == "xyxy" else box_convert(np.array(numbers), fmt, "xyxy").tolist())

    def edit(words: Words, box: Array, size: Size) -> Dict[int, float]:
        return dict(enumerate(box_convert(box, "xyxy", fmt).tolist(), len(words) - 4))

    return Format("text", parse, edit)


def read(path: Path, reading: Reading) -> Dataset:
    return lines.read(path, reading, format_of(reading.boxes or "xyxy"), pixels=True)
