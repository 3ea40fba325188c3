"""The files behind tables: where their rows stand, and how repaired copies of them are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from ..boxes import box_convert
from ..errors import BoxgradError
from . import table_json, table_parquet, table_text
from .model import Array, Place, read_bytes
from .table_boxes import Boxes
from .table_cells import Frame, cell
from .table_dialect import Dialect
from .table_header import Header


@dataclass
class Part:
    """One file of the data set."""

    frame: Frame
    dialect: Optional[Dialect]
    boxes: Boxes
    first: int
    """The row of the data set that is the first of this file."""
    prefix: str
    """The folder of the file in the data set, as names of images start with it."""

    @property
    def header(self) -> Header:
        header: Header = self.frame.header
        return header


class Source:
    """The files behind tables."""

    def __init__(self, parts: List[Part], files_of_images: List[Path]) -> None:
        self.parts, self.files_of_images = parts, files_of_images
        self.files = [part.frame.path for part in parts]
        self.scales: Optional[Array] = None
        """Width and height twice, by which the fractions of each row were multiplied."""
        self._firsts = np.array([part.first for part in parts])

    @property
    def header(self) -> Header:
        """What the columns of the first file are."""
        return self.parts[0].header

    def part_of(self, file: Path) -> Part:
        return next(part for part in self.parts if part.frame.path == file)

    def _at(self, row: int) -> Tuple[Part, int, int]:
        """The file of a row, which of its boxes it is, and in which of its rows it stands."""
        part = self.parts[int(np.searchsorted(self._firsts, row, "right")) - 1]
        return part, row - part.first, int(part.boxes.record[row - part.first])

    def place(self, row: int) -> Place:
        part, box, record = self._at(row)
        place = part.frame.place(record)
        return place if part.boxes.item is None else replace(place, member=f"{place.member} box {part.boxes.item[box]}".strip())

    def image_place(self, row: int) -> Place:
        return Place(self.files_of_images[row])

    def rest(self, row: int) -> object:
        part, box, record = self._at(row)
        if part.boxes.item is not None:
            return row  # what else the lists of a row say of a box is not known
        if part.dialect is None and len(part.frame.columns) < len(part.frame.names):
            part.frame.columns = table_parquet.all_columns(part.frame.path)
        return tuple(str(cell(part.frame.columns[column], record)) for column in part.header.rest)

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[Tuple[Path, bytes]]:
        for part in self.parts:
            path, header = part.frame.path, part.header
            rows = range(part.first, part.first + len(part.boxes.record))
            new: Dict[int, Dict[int, List[float]]] = {}
            for row in rows if boxes or areas else ():
                values = self._new_values(part, row, boxes[row]) if row in boxes else {}
                if row in areas and header.area is not None:
                    values[header.area] = [areas[row]]
                if values:
                    new[self._key(part, row)] = values
            gone = {self._key(part, row) for row in dropped if row in rows}
            if not new and not gone:
                yield path, read_bytes(path)
            elif part.boxes.item is not None:
                where = f"{header.names[header.box[0]]!r}, where a row may hold several"
                raise BoxgradError(f"{path}: the boxes stand in {where}, and no repair rewrites these; nothing was written")
            elif part.dialect is None:
                columns: Dict[int, Dict[int, List[float]]] = {}
                for record, values in new.items():
                    for column, some in values.items():
                        columns.setdefault(column, {})[record] = some
                yield path, table_parquet.rewritten(path, columns, gone)
            elif not part.dialect.delimiter:
                yield path, table_json.rewritten(path, read_bytes(path), part.dialect, header.names, new, gone)
            else:
                yield path, table_text.rewritten(path, read_bytes(path), part.dialect, part.frame.decimal, new, gone)

    def _key(self, part: Part, row: int) -> int:
        """The line of a row, or its number in Parquet."""
        record = int(part.boxes.record[row - part.first])
        line = part.frame.line(record)
        return record if line is None else line

    def _new_values(self, part: Part, row: int, box: Array) -> Dict[int, List[float]]:
        """The values of a row's columns that a new box changes."""
        box = box if self.scales is None else box / self.scales[row]
        new: List[float] = box_convert(box, "xyxy", part.header.fmt or "xyxy").tolist()
        if part.header.shape == "numbers":
            return {column: [value] for column, value in zip(part.header.box, new)}
        return {part.header.box[0]: new}
