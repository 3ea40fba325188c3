"""The images, categories and annotations of a COCO file.

Records are decoded by the thousand. Where one is unusual, each is looked at on its own: what cannot be read of it is a finding, and the
others are kept. Ids are compared as numbers, also where they are written as text.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, Dict, Sequence, Tuple, Union

import msgspec
import numpy as np

from .coco_batches import BATCH, UNSET, Batches, Fields, keys_twice
from .coco_file import Source, Text
from .coco_records import Bad, Id, Record, is_whole
from .model import MISSING, UNKNOWN, Columns, Identifier, ImageFinder, Place, Reading

_ID = Union[int, float, str]
_NO_OUTLINE = (b"null", b"[]", b"[[]]", b"{}")
_FEW = 32
_ANNOTATION: Dict[str, Any] = {
    "category_id": Union[_ID, None], "id": Union[_ID, None], "area": Union[float, None], "iscrowd": Union[bool, int, None],
    "segmentation": msgspec.Raw,
}  # fmt: skip
_IMAGE: Dict[str, Any] = {"file_name": Union[str, None], "width": Union[float, None], "height": Union[float, None]}
_KNOWN_OF_IMAGES = ("license", "coco_url", "date_captured", "flickr_url")
_KNOWN_OF_CATEGORIES = ("supercategory", "keypoints", "skeleton")


class _Records:
    """Reads one of the file's lists."""

    fields: Fields

    def __init__(self, source: Source, columns: Columns, reading: Reading, finder: ImageFinder) -> None:
        self.source, self.text, self.columns, self.reading, self.finder = source, source.text, columns, reading, finder
        self.images = source.image_rows

    def read(self, records: Sequence[msgspec.Raw], name: str) -> None:
        """name: the list's, empty for a bare list."""
        self.records, self.name = records, name
        self.literals = _records_with_literals(self.text, records)
        self.batches = Batches(self.text, records, self.fields, self.columns.unused)
        starts = range(0, len(records), BATCH)
        for first in self.reading.track(starts, f"thousands of {name or 'detections'}", len(starts)):
            self._read(first, min(first + BATCH, len(records)))
        for record, offsets in self.literals.items():
            for offset in offsets:
                place = Place(self.text.path, self.text.line(offset), f"{name}[{record}]")
                self.columns.fault("nan-literal", place, self.text.literal(offset))

    def _read(self, first: int, after: int) -> None:
        """Reads some records: all at once, or in smaller parts, or each on its own."""
        unusual = any(record in self.literals for record in range(first, after)) if self.literals else False
        found = None if unusual else self.batches.columns(first, after)
        if found is not None and self.add_all(first, found):
            self.batches.count_more(found)
        elif after - first > _FEW:
            for start in range(first, after, _FEW):
                self._read(start, min(start + _FEW, after))
        else:
            for index in range(first, after):
                self._read_one(index)

    def _read_one(self, index: int) -> None:
        raw = self.records[index]
        try:
            record = Record.of(self.text.value(raw))
        except (ValueError, RecursionError) as error:
            self.fault_of_none(index, str(error) or "is nested too deeply")
            return
        start, end = self.text.span(raw)
        twice = keys_twice(self.text.strict[start:end])
        if not self.add_one(index, record):
            return
        self.batches.count_keys(record.members)
        for key in twice:
            self.fault("duplicate-key", index, f'"{key}" stands twice; the last one counts')
        for reason in record.damaged:
            self.fault("damaged-field", index, reason)
        if record.as_text:
            self.fault("number-as-text", index, "; ".join(record.as_text))

    def fault(self, problem: str, index: int, values: str) -> None:
        """A finding in the record that was added last."""
        self.columns.fault(problem, self.place(index), values)

    def fault_of_none(self, index: int, reason: str) -> None:
        """Says of a record that it is no object."""
        self.columns.fault("damaged-field", self.place(index), reason)

    def place(self, index: int) -> Place:
        return self.text.place(self.records[index], f"{self.name}[{index}]")

    def add_all(self, first: int, found: Dict[str, Sequence[Any]]) -> bool:
        """Adds records; or none, if one has to be looked at."""
        raise NotImplementedError

    def add_one(self, index: int, record: Record) -> bool:
        """Adds a record; or says why it cannot be read."""
        raise NotImplementedError


class Images(_Records):
    fields = Fields({"id": _ID}, _IMAGE, _KNOWN_OF_IMAGES)

    def add_all(self, first: int, found: Dict[str, Sequence[Any]]) -> bool:
        ids = _ids(found["id"])
        if ids is None:
            return False
        for index, (id, name, width, height) in enumerate(zip(ids, found["file_name"], found["width"], found["height"]), first):
            self._add(index, id, name or "", math.nan if height is None or height is UNSET else height,
                      math.nan if width is None or width is UNSET else width)  # fmt: skip
        return True

    def add_one(self, index: int, record: Record) -> bool:
        id, name = record.id("id"), record.name("file_name")
        width, height = record.number("width"), record.number("height")
        row = self._add(index, id, name or "", math.nan if height is None else height, math.nan if width is None else width)
        if not (self.columns.sizes[2 * row] > 0 and self.columns.sizes[2 * row + 1] > 0):  # which image-size-missing says
            record.damaged = [reason for reason in record.damaged if not reason.startswith(("width", "height"))]
        if isinstance(id, Bad):
            record.damaged.append(id.reason)
        return True

    def fault(self, problem: str, index: int, values: str) -> None:
        self.columns.fault(problem, self.place(index), values, self.columns.images[-1])

    def _add(self, index: int, id: Id, name: str, height: float, width: float) -> int:
        name = name or ("" if isinstance(id, Bad) else str(id))
        row = self.columns.add_image(name, self.reading.size((height, width), self.finder, name))
        self.source.image_records.append(index)
        if isinstance(id, Bad):
            return row
        if id in self.images:
            self.columns.fault("duplicate-id", self.place(index), f"image id {id!r} again", name, id)
        self.images[id] = row
        return row


class Categories(_Records):
    fields = Fields({"id": _ID}, {"name": Union[str, None]}, _KNOWN_OF_CATEGORIES)

    def add_all(self, first: int, found: Dict[str, Sequence[Any]]) -> bool:
        ids = _ids(found["id"])
        for index, (id, name) in enumerate(zip(ids or (), found["name"]), first):
            self._add(index, id, name or "")
        return ids is not None

    def add_one(self, index: int, record: Record) -> bool:
        id, name = record.id("id"), record.name("name")
        if isinstance(id, Bad):
            record.damaged.append(id.reason)
        else:
            self._add(index, id, name or "")
        return True

    def _add(self, index: int, id: Identifier, name: str) -> None:
        """Of an id that stands twice the last counts, as for readers that index by it."""
        again = id in self.columns.categories
        self.columns.names[self.columns.add_category(id, name or str(id))] = name or str(id)
        if again:
            self.columns.fault("duplicate-id", self.place(index), f"category id {id!r} again", "", id)


class Annotations(_Records):
    def __init__(self, source: Source, columns: Columns, reading: Reading, finder: ImageFinder, *, bare: bool) -> None:
        super().__init__(source, columns, reading, finder)
        self.fields = Fields({"bbox": Tuple[float, float, float, float], "image_id": _ID}, _ANNOTATION, ("score",) if bare else ())
        self.bare = bare
        self.unknown: Dict[str, Dict[int, Id]] = {"image": {}, "category": {}}
        """The ids of images and categories that are not listed, by the row that has them."""

    def add_all(self, first: int, found: Dict[str, Sequence[Any]]) -> bool:
        images, categories, ids = (_ids(found[name]) for name in ("image_id", "category_id", "id"))
        outlined = [_is_outline(one) for one in found["segmentation"]]
        if images is None or categories is None or ids is None or None in outlined or self.bare and None in categories:
            return False
        columns = self.columns
        if self.bare:
            self._list(images, categories)
        for name, wanted, rows, known in (
            ("image", images, columns.image, self.images),
            ("category", categories, columns.category, columns.categories),
        ):
            start = len(rows)
            rows.extend([known.get(id, UNKNOWN) for id in wanted])
            if UNKNOWN in rows[start:]:
                self.unknown[name].update((start + i, id) for i, id in enumerate(wanted) if rows[start + i] == UNKNOWN)
        columns.boxes.extend(chain.from_iterable(found["bbox"]))
        columns.ids += ids
        columns.areas.extend([math.nan if area is None or area is UNSET else area for area in found["area"]])
        columns.outlined.extend([bool(crowd) or bool(outline) for crowd, outline in zip(found["iscrowd"], outlined)])
        self.source.rows.extend(range(first, first + len(images)))
        return True

    def add_one(self, index: int, record: Record) -> bool:
        columns, row = self.columns, len(self.columns.image)
        try:
            box = record.box()
        except ValueError as error:
            columns.fault("malformed", self.place(index), str(error))
            return False
        image, category, id = record.id("image_id"), record.id("category_id"), record.id("id", needed=False)
        area = record.number("area")
        if self.bare:
            self._list([] if isinstance(image, Bad) else [image], [] if isinstance(category, Bad) else [category])
        rows = []
        for name, one, known in (("image", image, self.images), ("category", category, columns.categories)):
            rows.append(UNKNOWN if isinstance(one, Bad) else known.get(one, UNKNOWN))
            if rows[-1] == UNKNOWN:
                self.unknown[name][row] = one
        if isinstance(id, Bad):
            record.damaged.append(id.reason)
        as_text = any(isinstance(one, str) for one in record.members["bbox"])
        locked = "its numbers are text with escapes" if as_text and b"\\" in bytes(self.records[index]) else ""
        id = None if isinstance(id, Bad) else id
        columns.add(box, rows[0], rows[1], id, math.nan if area is None else area, record.is_outline(), locked=locked)
        self.source.rows.append(index)
        return True

    def fault_of_none(self, index: int, reason: str) -> None:
        self.columns.fault("malformed", self.place(index), reason)

    def fault(self, problem: str, index: int, values: str) -> None:
        image = self.columns.image[-1]
        name = self.columns.images[image] if image != UNKNOWN else ""
        self.columns.fault(problem, self.place(index), values, name, self.columns.ids[-1])

    def _list(self, images: Sequence[Identifier], categories: Sequence[Identifier]) -> None:
        """Lists what detections name: their file lists neither images nor categories."""
        for image in images:
            if image not in self.images:
                self.images[image] = self.columns.add_image(str(image), self.reading.size(MISSING, self.finder, str(image)))
        for category in categories:
            self.columns.add_category(category, str(category))

    def check_references(self) -> None:
        """Ids of images and categories that are not listed, and ids that stand twice."""
        columns = self.columns

        def fault(problem: str, row: int, values: str) -> None:
            image = columns.image[row]
            columns.fault(problem, self.source.place(row), values, columns.images[image] if image != UNKNOWN else "", columns.ids[row])

        for name, ids in self.unknown.items():
            for row, id in ids.items():
                reason = id.reason if isinstance(id, Bad) else f"there is no {name}_id" if id is None else f"{name}_id {id!r}"
                fault(f"unknown-{name}", row, reason)
        named = [id for id in columns.ids if id is not None]
        if len(set(named)) < len(named):
            seen: set[Identifier] = set()
            for row, id in enumerate(columns.ids):
                if id in seen:
                    fault("duplicate-id", row, f"annotation id {id!r} again")
                if id is not None:
                    seen.add(id)


def _ids(values: Sequence[Any]) -> list[Identifier] | None:
    """Ids as they are compared, None where there is none; None if one of them has to be looked at."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(values)
    if str in kinds and any(type(one) is str and is_whole(one) for one in values):
        return None
    if float in kinds and not all(one.is_integer() for one in values if type(one) is float):
        return None
    return [None if one is UNSET else int(one) if type(one) is float else one for one in values]


def _is_outline(segmentation: Any) -> bool | None:
    """Whether there is an outline; None if that has to be looked at."""
    if segmentation is UNSET:
        return False
    view = memoryview(segmentation)
    if view[0] not in b"[{n":
        return None
    return len(view) > 4 or bytes(view) not in _NO_OUTLINE


def _records_with_literals(text: Text, records: Sequence[msgspec.Raw]) -> Dict[int, list[int]]:
    """The offsets of literals that are no JSON, by the record they stand in."""
    found: Dict[int, list[int]] = {}
    if text.literals and len(records):
        spans = [text.span(raw) for raw in records]
        starts = np.array([start for start, _ in spans])
        for offset in text.literals:
            record = int(np.searchsorted(starts, offset, "right")) - 1
            if record >= 0 and offset < spans[record][1]:
                found.setdefault(record, []).append(offset)
    return found
