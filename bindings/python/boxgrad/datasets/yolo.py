"""YOLO: lines of class, centre x, centre y, width, height in fractions of the image, or of class and a polygon.

Images are looked for beside the labels, in the folder `images` for one named `labels`, or where the user says. Where one has none and no
size is given, all boxes stay in fractions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

import yaml

from . import lines
from .lines import Format, Parsed, Words
from .model import Array, Dataset, Reading, Size, UnreadableError

_MOST_NAMES = 1 << 20


def _parse(words: Words, size: Size) -> Parsed:
    height, width = size
    numbers = lines.floats(words[1:])
    if not words[0].isdigit():
        raise ValueError(f"class {words[0][:60]!r} is no number")
    if len(numbers) in (4, 5):  # the fifth is a confidence
        x, y, w, h = numbers[:4]
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        return Parsed(str(int(words[0])), box)
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        xs, ys = numbers[0::2], numbers[1::2]
        box = [min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height]
        quad = [number * side for number, side in zip(numbers, (width, height) * 4)] if len(numbers) == 8 else ()
        return Parsed(str(int(words[0])), box, quad, outlined=True)
    raise ValueError(f"{len(numbers)} numbers after the class, not 4, 5, or the x and y of a polygon")


def _edit(words: Words, box: Array, size: Size) -> Dict[int, float]:
    height, width = size
    if len(words) > 6:
        x1, y1, x2, y2 = box.tolist()
        bounds = (x1 / width, x2 / width), (y1 / height, y2 / height)
        return {i: min(max(float(words[i]), bounds[(i - 1) % 2][0]), bounds[(i - 1) % 2][1]) for i in range(1, len(words))}
    x1, y1, x2, y2 = (box / [width, height, width, height]).tolist()
    return {1: (x1 + x2) / 2, 2: (y1 + y2) / 2, 3: x2 - x1, 4: y2 - y1}


def _names(path: Path) -> Optional[List[str]]:
    """The class names from classes.txt or data.yaml, beside the labels or up to two folders above."""
    folder = path if path.is_dir() else path.parent
    for place in (folder, *list(folder.absolute().parents)[:2]):
        for name in ("classes.txt", "obj.names", "data.yaml"):
            file = place / name
            if file.is_file() and file.stat().st_size < _MOST_NAMES:
                try:
                    text = file.read_text("utf-8-sig")
                    return _yaml_names(file, text) if name == "data.yaml" else text.splitlines()
                except (UnicodeDecodeError, yaml.YAMLError) as error:
                    mark = getattr(error, "problem_mark", None)
                    raise UnreadableError(file, str(error).split("\n")[0], mark.line + 1 if mark else None) from None
    return None


def _yaml_names(file: Path, text: str) -> Optional[List[str]]:
    content: Any = yaml.safe_load(text)
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[key] for key in range(len(names))]
    if names is None or not isinstance(names, list):
        return None
    return [str(name)[:200] for name in names]


FORMAT = Format("yolo", _parse, _edit, _names)


def read(path: Path, reading: Reading) -> Dataset:
    return lines.read(path, reading, FORMAT, pixels=False)
