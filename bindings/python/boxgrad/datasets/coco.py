"""COCO JSON: {"images": [...], "annotations": [...], "categories": [...]}, or a list of detections.

msgspec cuts the file into its records without building them, so that each can be decoded on its own: a bad one is a finding and
the others are kept. What a record is not quick to give (NaN, numbers beyond a double, keys that stand twice) json gives.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple, Union

import msgspec
import numpy as np

from .model import (
    MISSING,
    UNKNOWN,
    Array,
    Columns,
    Dataset,
    Identifier,
    ImageFinder,
    Place,
    Reading,
    UnreadableError,
    edited,
    read_bytes,
    replacement,
)

_STRING_OR_LITERAL = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,\s"]+', re.DOTALL)
_NO_OUTLINE = (b"", b"null", b"[]", b"[[]]", b"{}")
_BLOCK = 1 << 20


class _File(msgspec.Struct):
    annotations: List[msgspec.Raw]
    images: List[msgspec.Raw] = []
    categories: List[msgspec.Raw] = []


class _Annotation(msgspec.Struct, gc=False):
    bbox: Tuple[float, float, float, float]
    image_id: Union[int, str]
    category_id: Union[int, str, None] = None
    id: Union[int, str, None] = None
    area: Union[float, None] = None
    iscrowd: Union[bool, int, None] = None
    segmentation: msgspec.Raw = msgspec.Raw(b"")


class _Image(msgspec.Struct, gc=False):
    id: Union[int, str]
    file_name: Union[str, None] = None
    width: Union[float, None] = None
    height: Union[float, None] = None


class _Category(msgspec.Struct, gc=False):
    id: Union[int, str]
    name: Union[str, None] = None


def _address(buffer: Union[bytes, msgspec.Raw]) -> int:
    address: int = np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]
    return address


class _Text:
    """The file's bytes, as they are and as strict JSON: without a mark at the start, and with "" for NaN and Infinity, if need be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = self.strict = read_bytes(path)
        self.literals = array("q")
        self._blocks: Array | None = None
        if self.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableError(path, "is UTF-16; JSON is UTF-8", 1)
        if self.data.startswith(b"\xef\xbb\xbf"):
            self.strict = b"   " + self.data[3:]

    def _mask_literals(self) -> bool:
        """Puts empty strings in the place of literals that are no JSON; whether there were any."""
        strict = bytearray(self.strict)
        for match in _STRING_OR_LITERAL.finditer(self.strict) if b"NaN" in strict or b"Infinity" in strict else ():
            if match[0][:1] != b'"':
                strict[match.start() : match.end()] = b'""'.ljust(len(match[0]))
                self.literals.append(match.start())
        self.strict = bytes(strict)
        return bool(self.literals)

    def line(self, offset: int) -> int:
        if self._blocks is None:
            counts = [self.data.count(b"\n", start, start + _BLOCK) for start in range(0, len(self.data), _BLOCK)]
            self._blocks = np.cumsum([0, *counts])
        block = offset // _BLOCK
        return 1 + int(self._blocks[block]) + self.data.count(b"\n", block * _BLOCK, offset)

    def start(self, record: msgspec.Raw) -> int:
        return _address(record) - _address(self.strict)

    def span(self, record: msgspec.Raw) -> tuple[int, int]:
        start = self.start(record)
        return start, start + len(memoryview(record))

    def place(self, record: msgspec.Raw, member: str) -> Place:
        return Place(self.path, self.line(self.start(record)), member)

    def value(self, record: msgspec.Raw) -> Any:
        """What json makes of a record: NaN and Infinity included, numbers beyond a double infinite."""
        start, end = self.span(record)
        text = self.data[start:end].decode("utf-8", "replace")
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 400 else float(digits))

    def split(self) -> tuple[_File, bool]:
        """The records of the file, and whether it is a bare list of detections."""
        try:
            if self.strict.lstrip()[:1] == b"[":
                return _File(msgspec.json.decode(self.strict, type=List[msgspec.Raw])), True
            return msgspec.json.decode(self.strict, type=_File), False
        except RecursionError:
            raise UnreadableError(self.path, "is nested too deeply") from None
        except msgspec.ValidationError as error:
            raise UnreadableError(self.path, f"is no COCO file: {str(error)[0].lower()}{str(error)[1:]}") from None
        except msgspec.DecodeError as error:
            if not self.literals and self._mask_literals():
                return self.split()
            at = re.search(r"\(byte (\d+)\)", str(error))
            offset = int(at[1]) if at else len(self.data)
            reason = "ends too early" if not at else f"is no JSON: {str(error).split(': ')[-1].split(' (')[0]} at byte {offset}"
            raise UnreadableError(self.path, "is empty" if not self.data.strip() else reason, self.line(offset)) from None


def _floats(value: Any, name: str, count: int | None = None) -> list[float]:
    """Numbers of a record, whatever json made of them."""
    if count is not None and not (isinstance(value, list) and len(value) == count):
        raise ValueError(f"{name} is {json.dumps(value)[:60]}, not {count} numbers")
    result = []
    for one in value if count is not None else [value]:
        if isinstance(one, bool) or not isinstance(one, (int, float)):
            raise ValueError(f"{name} is {json.dumps(value)[:60]}, not {'a number' if count is None else f'{count} numbers'}")
        try:
            result.append(float(one))
        except OverflowError:
            result.append(math.copysign(math.inf, one))
    return result


def _identifier(record: Dict[str, Any], name: str, *, needed: bool = False) -> Identifier:
    value = record.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str, type(None))) or needed and value is None:
        raise ValueError(f"there is no {name}" if name not in record else f"{name} is {json.dumps(value)[:60]}")
    return value


def _record(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"is {json.dumps(value)[:60]}, not an object")
    return value


def _slow_annotation(value: Any) -> _Annotation:
    record = _record(value)
    if "bbox" not in record:
        raise ValueError("there is no bbox")
    x, y, w, h = _floats(record["bbox"], "bbox", 4)
    area = record.get("area")
    outline = record.get("segmentation")
    return _Annotation(
        (x, y, w, h), _identifier(record, "image_id", needed=True) or 0, _identifier(record, "category_id"), _identifier(record, "id"),
        None if area is None else _floats(area, "area")[0], bool(record.get("iscrowd")),
        msgspec.Raw(b"" if outline in (None, [], [[]], {}) else b"1"),
    )  # fmt: skip


def _slow_image(value: Any) -> _Image:
    record = _record(value)
    width, height = (None if record.get(side) is None else _floats(record[side], side)[0] for side in ("width", "height"))
    name = record.get("file_name")
    return _Image(_identifier(record, "id", needed=True) or 0, name if isinstance(name, str) else None, width, height)


def _slow_category(value: Any) -> _Category:
    record = _record(value)
    name = record.get("name")
    return _Category(_identifier(record, "id", needed=True) or 0, name if isinstance(name, str) else None)


class _Source:
    def __init__(self, text: _Text, annotations: list[msgspec.Raw], bare: bool) -> None:
        self.text = text
        self.annotations = annotations
        self.images: list[tuple[int, msgspec.Raw]] = []
        """The record of each image."""
        self.list = "" if bare else "annotations"
        self.rows = array("q")
        """The record of each row: bad records have none."""

    def place(self, row: int) -> Place:
        return self.record_place(self.rows[row])

    def record_place(self, record: int) -> Place:
        return self.text.place(self.annotations[record], f"{self.list}[{record}]")

    def image_place(self, row: int) -> Place:
        if row >= len(self.images):
            return Place(self.text.path)
        index, raw = self.images[row]
        return self.text.place(raw, f"images[{index}]")

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        edits = []
        for row, box in boxes.items():
            members = self._members(self.annotations[self.rows[row]])
            x1, y1, x2, y2 = box.tolist()
            for (start, end), value in zip(members["bbox"][1:8:2], (x1, y1, x2 - x1, y2 - y1)):
                edits.append(self._number(start, end, value))
        for row, area in areas.items():
            edits.append(self._number(*self._members(self.annotations[self.rows[row]])["area"][0], area))
        gone = {self.rows[row] for row in dropped}
        spans: list[tuple[int, int]] = []
        for record in sorted(gone):
            start, end = self.text.span(self.annotations[record])
            if record + 1 < len(self.annotations):  # with the comma and the space up to the next one
                spans.append((start, self.text.start(self.annotations[record + 1])))
            elif record > 0:  # the last: with the comma before it, which stands after the last one that stays
                last = record
                while last - 1 in gone:
                    last -= 1
                    spans.pop()
                spans.append((self.text.span(self.annotations[last - 1])[1] if last else self.text.start(self.annotations[0]), end))
            else:
                spans.append((start, end))
        edits = [(start, end, b"") for start, end in spans] + edits
        yield self.text.path, edited(self.text.data, edits)

    def _number(self, start: int, end: int, value: float) -> tuple[int, int, bytes]:
        old = self.text.data[start:end].decode()
        return start, end, replacement(old, value)

    def _members(self, record: msgspec.Raw) -> Dict[str, list[tuple[int, int]]]:
        """The tokens of each value of a record, where they stand in the file, and the key after it. Of a key twice, the last."""
        members: Dict[str, list[tuple[int, int]]] = {}
        start, end = self.text.span(record)
        depth, previous = 0, b""
        tokens: list[tuple[int, int]] = []
        for match in _TOKEN.finditer(self.text.data, start, end):
            token = match[0]
            depth -= token in (b"]", b"}")
            if depth == 1 and token == b":":
                tokens = members[json.loads(previous)] = []
            elif depth >= 1 and not (depth == 1 and token == b","):
                tokens.append(match.span())
            depth += token in (b"[", b"{")
            previous = token
        return members


def read(path: Path, reading: Reading) -> Dataset:
    text = _Text(path)
    records, bare = text.split()
    columns, finder = Columns(), reading.finder_of(path)
    source = _Source(text, records.annotations, bare)
    if not bare:
        _check_lists_twice(text, records, columns)
    images = _read_images(records.images, source, columns, reading, finder)
    _read_categories(records.categories, text, columns)
    annotations = _read_annotations(records.annotations, source, columns, reading)
    if bare:
        if records.annotations and not annotations:
            first = columns.faults[0]
            raise UnreadableError(path, f"is no list of detections: of its first record, {first.values}", first.place.line)
        for image in dict.fromkeys(annotation.image_id for annotation in annotations):
            images[image] = columns.add_image(str(image), reading.size(MISSING, finder, str(image)))
        for category in dict.fromkeys(annotation.category_id for annotation in annotations):
            columns.add_category(category, str(category))

    columns.boxes = array("d", chain.from_iterable(annotation.bbox for annotation in annotations))
    columns.image = array("q", [images.get(annotation.image_id, UNKNOWN) for annotation in annotations])
    columns.category = array("q", [columns.categories.get(annotation.category_id, UNKNOWN) for annotation in annotations])
    columns.ids = [annotation.id for annotation in annotations]
    columns.areas = array("d", [math.nan if annotation.area is None else annotation.area for annotation in annotations])
    columns.outlined = bytearray([bool(one.iscrowd) or _is_outline(one.segmentation) for one in annotations])
    _check_references(annotations, source, columns)
    data = columns.dataset("coco", path, source, sized=not bare, reading=replace(reading, finder=finder))
    with np.errstate(over="ignore", invalid="ignore"):
        data.boxes[:, 2:] += data.boxes[:, :2]
    return data


def _read_images(
    records: list[msgspec.Raw], source: _Source, columns: Columns, reading: Reading, finder: ImageFinder
) -> Dict[Identifier, int]:
    """The row of each image by its id."""
    images: Dict[Identifier, int] = {}
    decode = msgspec.json.Decoder(_Image).decode
    for index, raw in enumerate(reading.track(records, "images", len(records))):
        try:
            image = decode(raw)
        except msgspec.DecodeError:
            try:
                image = _slow_image(source.text.value(raw))
            except ValueError as error:
                columns.fault("malformed", source.text.place(raw, f"images[{index}]"), str(error))
                continue
        name = image.file_name or str(image.id)
        if image.id in images:
            place = source.text.place(raw, f"images[{index}]")
            columns.fault("duplicate-id", place, f"image id {image.id!r} again", name, image.id)
        declared = math.nan if image.height is None else image.height, math.nan if image.width is None else image.width
        images[image.id] = columns.add_image(name, reading.size(declared, finder, name))
        source.images.append((index, raw))
    return images


def _read_categories(records: list[msgspec.Raw], text: _Text, columns: Columns) -> None:
    decode = msgspec.json.Decoder(_Category).decode
    for index, raw in enumerate(records):
        try:
            category = decode(raw)
        except msgspec.DecodeError:
            try:
                category = _slow_category(text.value(raw))
            except ValueError as error:
                columns.fault("malformed", text.place(raw, f"categories[{index}]"), str(error))
                continue
        columns.add_category(category.id, category.name or str(category.id))


def _read_annotations(records: list[msgspec.Raw], source: _Source, columns: Columns, reading: Reading) -> list[_Annotation]:
    """The annotations that can be read; those that cannot are findings."""
    text, annotations = source.text, []
    literals = _records_with_literals(text, records)
    boxes_stand_once = text.strict.count(b'"bbox"') == len(records)
    decode = msgspec.json.Decoder(_Annotation).decode
    for index, raw in enumerate(reading.track(records, "annotations", len(records))):
        try:
            if index in literals or not (boxes_stand_once or bytes(raw).count(b'"bbox"') == 1):
                raise msgspec.DecodeError
            annotations.append(decode(raw))
        except msgspec.DecodeError:
            try:
                annotations.append(_slow_annotation(text.value(raw)))
            except (ValueError, RecursionError) as error:
                columns.fault("malformed", source.record_place(index), str(error) or "nested too deeply")
                continue
            _check_key_twice(text, raw, source.record_place(index), columns, annotations[-1])
        source.rows.append(index)
    for record, offsets in literals.items():
        for offset in offsets:
            literal = _STRING_OR_LITERAL.match(text.data, offset)
            place = Place(text.path, text.line(offset), f"{source.list}[{record}]" if record >= 0 else "")
            columns.fault("nan-literal", place, literal[0].decode() if literal else "")
    return annotations


def _is_outline(segmentation: msgspec.Raw) -> bool:
    view = memoryview(segmentation)
    return len(view) > 4 or bytes(view) not in _NO_OUTLINE


def _check_references(annotations: list[_Annotation], source: _Source, columns: Columns) -> None:
    """Ids of images and categories that are not listed, and ids that stand twice."""

    def fault(problem: str, row: int, values: str) -> None:
        image = columns.image[row]
        columns.fault(problem, source.place(row), values, columns.images[image] if image != UNKNOWN else "", columns.ids[row])

    for row in np.flatnonzero(np.array(columns.image) == UNKNOWN).tolist():
        fault("unknown-image", row, f"image_id {annotations[row].image_id!r}")
    for row in np.flatnonzero(np.array(columns.category) == UNKNOWN).tolist():
        fault("unknown-category", row, f"category_id {annotations[row].category_id!r}")
    named = [identifier for identifier in columns.ids if identifier is not None]
    if len(set(named)) < len(named):
        seen: set[Identifier] = set()
        for row, identifier in enumerate(columns.ids):
            if identifier in seen:
                fault("duplicate-id", row, f"annotation id {identifier!r} again")
            if identifier is not None:
                seen.add(identifier)


def _records_with_literals(text: _Text, annotations: list[msgspec.Raw]) -> Dict[int, list[int]]:
    """The offsets of literals that are no JSON, by the annotation they stand in; -1 for those outside of annotations."""
    found: Dict[int, list[int]] = {}
    if text.literals:
        spans = [text.span(raw) for raw in annotations]
        starts = np.array([start for start, _ in spans])
        for offset in text.literals:
            record = int(np.searchsorted(starts, offset, "right")) - 1
            inside = record >= 0 and offset < spans[record][1]
            found.setdefault(record if inside else -1, []).append(offset)
    return found


def _check_key_twice(text: _Text, raw: msgspec.Raw, place: Place, columns: Columns, annotation: _Annotation) -> None:
    def note(pairs: list[tuple[str, Any]]) -> Dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice.extend(key for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(pairs)

    twice: list[str] = []
    start, end = text.span(raw)
    json.loads(text.strict[start:end].decode("utf-8", "replace"), object_pairs_hook=note, parse_int=float)
    for key in twice:
        columns.fault("duplicate-key", place, f'"{key}" stands twice; the last one counts', "", annotation.id)


def _check_lists_twice(text: _Text, records: _File, columns: Columns) -> None:
    """Whether one of the file's lists stands twice: JSON readers take the last and lose the other without a word.

    Lists that were read are skipped, from the first record to the last.
    """
    spans = [
        (text.start(found[0]), text.span(found[-1])[1]) for found in (records.annotations, records.images, records.categories) if found
    ]
    places: Dict[str, list[int]] = {"annotations": [], "images": [], "categories": []}
    depth, previous, start = 0, b"", 0
    for first, last in [*sorted(spans), (len(text.strict), 0)]:
        for match in _TOKEN.finditer(text.strict, start, first):
            token = match[0]
            depth += (token in (b"[", b"{")) - (token in (b"]", b"}"))
            if depth == 1 and token == b":" and (name := json.loads(previous)) in places:
                places[name].append(match.start())
            previous = token
        start = last
    for name, offsets in places.items():
        if len(offsets) > 1:
            lines = [text.line(offset) for offset in offsets]
            values = f'"{name}" stands on lines {", ".join(map(str, lines))}; the last one counts, the others are lost'
            columns.fault("duplicate-key", Place(text.path, lines[0]), values)
