"""DOTA: lines of x1 y1 x2 y2 x3 y3 x4 y4 category difficulty, below lines about the image. A box is the bounds of its four corners."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional

from . import lines
from .lines import Format, Parsed, Words
from .model import Array, Dataset, Reading, Size


def _parse(words: Words, size: Size) -> Optional[Parsed]:
    if words[0].lower().startswith(lines.HEADS):
        return None
    if len(words) < 9:
        raise ValueError(f"{len(words)} words, not eight numbers, a category and a difficulty")
    quad = lines.floats(words[:8])
    named = next((i for i, word in enumerate(words[9:], 9) if lines.is_number(word)), len(words))  # a category may have spaces
    locked = f"{len(words)} words, not eight numbers, a category and a difficulty" if len(words) > named + 1 else ""
    return Parsed(" ".join(words[8:named]), [min(quad[0::2]), min(quad[1::2]), max(quad[0::2]), max(quad[1::2])], quad, outlined=True, locked=locked)


def _edit(words: Words, box: Array, size: Size) -> Dict[int, float]:
    """Each corner moved into the box."""
    low, high = box[:2].tolist(), box[2:].tolist()
    return {i: min(max(float(words[i]), low[i % 2]), high[i % 2]) for i in range(8)}


FORMAT = Format("dota", _parse, _edit)


def read(path: Path, reading: Reading) -> Dataset:
    data = lines.read(path, reading, FORMAT, pixels=True)
    data.turned = True
    return data
