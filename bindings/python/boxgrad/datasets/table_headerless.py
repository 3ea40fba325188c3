"""Tables without a header whose columns are known: as keras-retinanet, SKU110K, makesense, Udacity and AutoML write them."""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence, Tuple

from .photos import IMAGE_SUFFIXES

Rows = Sequence[Sequence[str]]
Known = Tuple[List[str], str, str]
"""The names of the columns, what they are known by, and the format of the box."""

_SETS = {"train", "training", "validate", "validation", "test", "unassigned"}
_MOST = 0.9


def _numbers(row: Sequence[str]) -> Optional[List[float]]:
    try:
        return [float(cell) for cell in row]
    except ValueError:
        return None


def _kind(cells: Sequence[str]) -> str:
    """What a column holds: p photos, n numbers in nearly all cells, t texts, or - nothing."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return "-"
    if sum(_numbers([cell]) is not None for cell in filled) >= _MOST * len(filled):
        return "n"
    return "p" if all(cell.lower().endswith(IMAGE_SUFFIXES) for cell in filled) else "t"


def _kinds(rows: Rows) -> str:
    width = max(len(row) for row in rows)
    return "".join(_kind([row[at] if at < len(row) else "" for row in rows]) for at in range(width))


def _are(rows: Rows, first: int, right: Callable[[List[float]], bool]) -> bool:
    """Whether nearly all boxes are right; those that are no numbers say nothing."""
    boxes = [four for row in rows if len(row) >= first + 4 and (four := _numbers(row[first : first + 4])) is not None]
    return sum(map(right, boxes)) >= _MOST * len(boxes)


def _corners(box: List[float]) -> bool:
    return box[2] >= box[0] and box[3] >= box[1]


def _within(rows: Rows, first: int, size: int, sides: bool) -> bool:
    """Whether nearly all boxes lie in the image whose width and height stand in their row."""
    found = []
    for row in rows:
        values = _numbers([*row[first : first + 4], *row[size : size + 2]]) if len(row) >= size + 2 else None
        if values is not None:
            x, y, a, b, width, height = values
            right, bottom = (x + a, y + b) if sides else (a, b)
            found.append(right <= width + 1 and bottom <= height + 1 and (sides or x <= a and y <= b))
    return sum(found) >= _MOST * len(found)


def headerless(rows: Rows) -> Optional[Known]:
    """What the columns of a table are, if it is one of those that are known."""
    most = max((len(row) for row in rows), key=[len(row) for row in rows].count)
    rows = [row for row in rows if len(row) in (most, most + 1, most - 1)]
    kinds = _kinds(rows)
    box = ("nnnn", "----")
    if len(kinds) == 6 and kinds[0] == "p" and kinds[1:5] in box and kinds[5] in "t-" and _are(rows, 1, _corners):
        return ["image", "x1", "y1", "x2", "y2", "category"], "as keras-retinanet writes them", "xyxy"
    if len(kinds) == 8 and kinds[0] == "p" and kinds[1:5] == "nnnn" and kinds[5:] == "tnn" and _within(rows, 1, 6, sides=False):
        return ["image", "x1", "y1", "x2", "y2", "category", "image_width", "image_height"], "as SKU110K writes them", "xyxy"
    if len(kinds) == 8 and kinds[0] == "t" and kinds[1:5] == "nnnn" and kinds[5:] == "pnn" and _within(rows, 1, 6, sides=True):
        return ["category", "x", "y", "w", "h", "image", "image_width", "image_height"], "as makesense writes them", "xywh"
    if kinds[:7] == "pnnnnnt" and len(kinds) in (7, 8) and kinds[7:] in ("", "t", "-") and _are(rows, 1, _corners) and _are_flags(rows, 5):
        names = ["image", "x1", "y1", "x2", "y2", "occluded", "category", "attribute"]
        return names[: len(kinds)], "as Udacity writes them", "xyxy"
    is_set = all(row[0].strip().lower() in _SETS for row in rows)
    if len(kinds) == 11 and is_set and kinds[3:5] in ("nn", "--") and kinds[7:9] in ("nn", "--"):
        names = ["set", "image", "category", "x1", "y1", "corner 2 x", "corner 2 y", "x2", "y2", "corner 4 x", "corner 4 y"]
        return names, "as AutoML writes them", "xyxy"
    return None


def _are_flags(rows: Rows, at: int) -> bool:
    return all(row[at].strip() in ("0", "1") for row in rows if len(row) > at)


def suggestion(rows: Rows) -> str:
    """The option that says what the columns are, as far as they can be told."""
    kinds = _kinds(rows)
    names = ["_"] * len(kinds)
    four = kinds.find("nnnn")
    if four < 0 or kinds == "n" * len(kinds) and len(kinds) > 6:
        return "--columns names them, like --columns image,x1,y1,x2,y2,category"
    if kinds == "n" * len(kinds):  # the image may be a number
        four = 1 if len(kinds) > 4 else 0
    names[four : four + 4] = ["x1", "y1", "x2", "y2"]
    others = [at for at in range(len(kinds)) if names[at] == "_"]
    image = next((at for at in others if kinds[at] == "p"), others[0] if others else None)
    category = next((at for at in others if kinds[at] in "t-" and at != image), next((at for at in others if at != image), None))
    for at, name in ((image, "image"), (category, "category")):
        if at is not None:
            names[at] = name
    return f"--columns {','.join(names)} would say that they are corners, and x,y,w,h in their place that they are sides; _ is not used"
