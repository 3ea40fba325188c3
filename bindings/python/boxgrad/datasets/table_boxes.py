"""The boxes of a table's rows: a number in each of four columns, or one box or several in the lists, objects and texts of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from .model import Array, Rows, whole
from .table_cells import Frame, cell, column_list, fours, is_blank, number, numbers
from .table_header import Header
from .table_lists import READERS, Found, Item

NO_BOX = "images without boxes"
AS_NUMBERS = {f"{NO_BOX}, as {value}, {value}, {value}, {value}": f"{value}, {value}, {value}, {value}" for value in (0, -1)}
_BLANK_ROWS = "rows without a value"
_HEADERS = "rows that repeat the header"


@dataclass
class Boxes:
    """What the rows of a file say of boxes: a row of each column here is a box."""

    numbers: Array
    """As they stand in the file: corners or sides."""
    record: Rows
    """The row of the file in which each box stands."""
    item: Optional[Rows] = None
    """Which of the boxes of its row it is, if a row may hold several."""
    categories: Optional[List[Any]] = None
    """The category of each box, if it is not in a column of its own."""
    ids: Optional[List[Any]] = None
    areas: Optional[Array] = None
    outlined: Optional[Array] = None
    malformed: Dict[int, str] = field(default_factory=dict)
    """The rows that cannot be read, and why."""
    items_lost: List[Tuple[int, str]] = field(default_factory=list)
    """The rows of boxes among several that cannot be read, and why."""
    without: Dict[int, str] = field(default_factory=dict)
    """The rows that rightly hold no box, by what they are."""
    unused: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    """How many boxes and rows there are, whatever became of them."""


def boxes_of(frame: Frame, image: Optional[Rows], empty: Optional[Array] = None) -> Boxes:
    """The boxes of a file.

    image: the number of each row's image, if the rows name one. empty: of which images a row of 0, 0, 0, 0 says that they have no box;
    those of which there is no other row, if it is not given.
    """
    if frame.header.shape == "numbers":
        return _of_columns(frame, image, empty)
    return _of_items(frame, READERS[frame.header.shape])


def _of_columns(frame: Frame, image: Optional[Rows], empty: Optional[Array]) -> Boxes:
    header = frame.header
    columns = [frame.columns[column] for column in header.box]
    found = [numbers(column, frame.decimal) for column in columns]
    values, plain = np.column_stack([one for one, _ in found]), np.column_stack([one for _, one in found])
    boxes = Boxes(values, np.empty(0, np.int64), rows=frame.length)
    taken = whole(plain)
    for row in np.flatnonzero(~taken | whole(np.isnan(values))).tolist():
        cells = [cell(column, row) for column in columns]
        what = _without(frame, row, cells, image is None or image[row] >= 0)
        if what:
            boxes.without[row], taken[row] = what, False
        elif not taken[row]:
            boxes.malformed[row] = _first_error(cells, [header.names[column] for column in header.box], frame.decimal)
    if image is not None and empty is None:
        empty = np.bincount(image[image >= 0], minlength=1) == 1  # beside other boxes it is a box without width, and no empty image
    if image is not None and empty is not None:
        for what, value in zip(AS_NUMBERS, (0, -1)):
            for row in np.flatnonzero(taken & whole(values == value)).tolist():
                if image[row] >= 0 and empty[image[row]]:
                    boxes.without[row], taken[row] = what, False
    boxes.record = np.flatnonzero(taken)
    boxes.numbers = values[boxes.record]
    return boxes


def _without(frame: Frame, row: int, cells: Sequence[Any], has_image: bool) -> str:
    """What a row is that rightly holds no box; empty if it is none."""
    names = [frame.names[column].strip() for column in frame.header.box]
    if [str(value).strip() for value in cells] == names:
        return _HEADERS
    if not all(map(is_blank, cells)):
        return ""
    if all(is_blank(cell(column, row)) for column in frame.columns.values()):
        return _BLANK_ROWS
    return NO_BOX if has_image else ""


def _first_error(cells: Sequence[Any], names: Sequence[str], decimal: str) -> str:
    for value, name in zip(cells, names):
        try:
            number(value, name, decimal)
        except ValueError as error:
            return str(error)
    raise AssertionError(cells)


def _of_items(frame: Frame, read: Callable[[Header, Dict[int, Any], Counter[str]], Found]) -> Boxes:
    """The boxes of rows that may hold several."""
    header = frame.header
    four = fours(frame.columns[header.box[0]]) if header.shape == "list" else None
    if four is not None:
        return Boxes(four, np.arange(frame.length), rows=frame.length)
    boxes = Boxes(np.empty((0, 4)), np.empty(0, np.int64))
    columns = {at: column_list(column) for at, column in frame.columns.items() if at in header.used}
    items: List[Tuple[int, int, Item]] = []
    for row in range(frame.length):
        try:
            found = list(read(header, {at: column[row] for at, column in columns.items()}, boxes.unused))
        except ValueError as error:
            boxes.malformed[row] = str(error)
            boxes.rows += 1
            continue
        boxes.rows += max(len(found), 1)
        if not found:
            boxes.without[row] = NO_BOX
        for at, one in enumerate(found):
            if isinstance(one, Item):
                items.append((row, at, one))
            elif isinstance(one, ValueError):
                boxes.items_lost.append((row, f"box {at}: {one}" if len(found) > 1 else str(one)))
            else:
                boxes.without[row] = str(one)
    boxes.numbers = np.array([item.numbers for _, _, item in items], float).reshape(-1, 4)
    boxes.record = np.array([row for row, _, _ in items], np.int64)
    boxes.item = None if header.shape == "list" else np.array([at for _, at, _ in items], np.int64)
    if header.shape != "list":
        boxes.categories = [item.category for _, _, item in items]
        boxes.ids = [item.id for _, _, item in items]
        boxes.areas = np.array([item.area for _, _, item in items], float)
        boxes.outlined = np.array([item.outlined for _, _, item in items], bool)
    return boxes
