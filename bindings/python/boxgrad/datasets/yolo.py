"""YOLO: lines of class, centre x, centre y, width, height in fractions of the image; of class and polygon; of class, box and keypoints.

Images are looked for beside the labels, in the folder `images` for one named `labels`, or where the user says. Where one has none and no
size is given, all boxes stay in fractions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import yaml

from . import lines
from .lines import Format, Parsed, Words
from .model import CLASS_FILES, Array, Dataset, Reading, Size, UnreadableError, read_bytes
from .yolo_kinds import KINDS, Kind, Lines, are_fractions, is_tracked

_MOST_BYTES = 1 << 20


def class_number(word: str) -> str:
    """The class of a line: a whole number, in whatever notation it stands."""
    try:
        number = math.nan if "_" in word else float(word)
    except ValueError:
        raise ValueError(f"class {word[:60]!r} is no number") from None
    if not number.is_integer() or not 0 <= number < 1e15:
        raise ValueError(f"class {word[:60]!r} is no whole number from 0")
    return str(int(number))


class _Parser:
    """Reads the lines of a data set, whose kind is found out from all of them when the first long one comes."""

    def __init__(self, files: Callable[[], list[Path]], described: Optional[Path], reading: Reading) -> None:
        self.files, self.described = files, described
        self.kind: Optional[Kind] = None
        if reading.kind is not None:
            name, _, length = reading.kind.partition(":")
            shape = _pose_length(described) if name == "pose" else None
            self.kind = Kind(name, int(length or shape or 0))

    def known(self) -> Kind:
        if self.kind is None:
            found = Lines()
            for _, words in long_lines(self.files()):
                try:
                    class_number(words[0])
                    found.add(lines.floats(words[1:]))
                except ValueError:
                    continue
            self.kind = found.kind(_pose_length(self.described), self.described is not None)
        return self.kind

    def parse(self, words: Words, size: Size) -> Parsed:
        height, width = size
        numbers = lines.floats(words[1:])
        category = class_number(words[0])
        kind = Kind("detect") if len(numbers) < 6 else self.known()
        if kind.name == "detect" and len(numbers) == 6 and not is_tracked(numbers):
            raise ValueError("6 numbers after the class, which are no box with a confidence and a track id")
        if kind.name == "pose" and self._is_pose(numbers) or len(numbers) in ((4, 5, 6) if kind.name == "detect" else (4, 5)):
            x, y, w, h = numbers[:4]
            box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
            return Parsed(category, box)
        if (
            kind.name in ("segment", "obb")
            and len(numbers) >= 6
            and len(numbers) % 2 == 0
            and (kind.name == "segment" or len(numbers) == 8)
        ):
            xs, ys = numbers[0::2], numbers[1::2]
            box = [min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height]
            quad = [number * side for number, side in zip(numbers, (width, height) * 4)] if len(numbers) == 8 else ()
            locked = "" if are_fractions(numbers) else "a polygon with numbers that are no fractions of the image"
            return Parsed(category, box, quad, outlined=True, locked=locked)
        wanted = {"pose": f"{kind.length or 'those of a box and keypoints'}", "obb": "8"} if len(numbers) > 5 else {}
        raise ValueError(f"{len(numbers)} numbers after the class, not 4, 5, or {wanted.get(kind.name, 'the x and y of a polygon')}")

    def _is_pose(self, numbers: list[float]) -> bool:
        length = self.known().length
        return len(numbers) == length or not length and len(numbers) >= 6 and ((len(numbers) - 4) % 3 == 0 or len(numbers) % 2 == 0)

    def edit(self, words: Words, box: Array, size: Size) -> Dict[int, float]:
        height, width = size
        x1, y1, x2, y2 = box[0] / width, box[1] / height, box[2] / width, box[3] / height
        if len(words) > 6 and self.known().name in ("segment", "obb"):
            bounds = (x1, x2), (y1, y2)
            return {i: min(max(float(words[i]), bounds[(i - 1) % 2][0]), bounds[(i - 1) % 2][1]) for i in range(1, len(words))}
        return {1: (x1 + x2) / 2, 2: (y1 + y2) / 2, 3: x2 - x1, 4: y2 - y1}


def long_lines(files: list[Path]) -> Iterator[Tuple[Path, Words]]:
    """The lines of more than six words."""
    for file in files:
        try:
            yield from ((file, words) for _, _, words in lines.words_of(file, read_bytes(file)) if len(words) > 6)
        except UnreadableError:
            continue


def file_of_names(path: Path) -> Optional[Path]:
    """The file of the class names: classes.txt, obj.names or data.yaml, beside the labels or up to two folders above."""
    folder = path if path.is_dir() else path.parent
    for place in (folder, *list(folder.absolute().parents)[:2]):
        for name in CLASS_FILES:
            file = place / name
            if file.is_file() and file.stat().st_size < _MOST_BYTES:
                return file
    return None


def _names(path: Path) -> Optional[List[str]]:
    file = file_of_names(path)
    if file is None:
        return None
    if file.name != "data.yaml":
        try:
            return file.read_text("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise UnreadableError(file, str(error).split("\n")[0]) from None
    names = _described(file).get("names")
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[key] for key in range(len(names))]
    if names is None or not isinstance(names, list):
        return None
    return [str(name)[:200] for name in names]


def _described(file: Path) -> Dict[Any, Any]:
    """The content of data.yaml."""
    try:
        content = yaml.safe_load(file.read_text("utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        raise UnreadableError(file, str(error).split("\n")[0], mark.line + 1 if mark else None) from None
    return content if isinstance(content, dict) else {}


def _description(path: Path) -> Optional[Path]:
    """The data.yaml beside the labels or up to two folders above."""
    folder = path if path.is_dir() else path.parent
    found = (place / "data.yaml" for place in (folder, *list(folder.absolute().parents)[:2]))
    return next((file for file in found if file.is_file() and file.stat().st_size < _MOST_BYTES), None)


def _pose_length(file: Optional[Path]) -> Optional[int]:
    """How many numbers a pose has by kpt_shape of data.yaml, the box included."""
    shape = _described(file).get("kpt_shape") if file is not None else None
    if isinstance(shape, (list, tuple)) and len(shape) == 2 and all(isinstance(one, int) and 0 < one < 10000 for one in shape):
        return 4 + int(shape[0]) * int(shape[1])
    return None


def read(path: Path, reading: Reading) -> Dataset:
    parser = _Parser(lambda: lines.label_files(path), _description(reading.original or path), reading)
    data = lines.read(path, reading, Format("yolo", parser.parse, parser.edit, _names), pixels=False)
    data.relative = True
    kind = parser.kind
    if kind is not None:
        data.reading = replace(data.reading, kind=f"{kind.name}:{kind.length}")
        data.doubt = kind.doubt
        data.evidence = f"{kind.name}: {kind.evidence}" if kind.evidence else kind.name
    return data


def reader_of(kind: str) -> Callable[[Path, Reading], Dataset]:
    """A reader of lines of one kind."""
    assert kind in KINDS
    return lambda path, reading: read(path, reading if reading.kind else replace(reading, kind=kind))
