"""COCO JSON: {"images": [...], "annotations": [...], "categories": [...]}, or a list of detections.

Each record is decoded on its own: a bad one is a finding and the others are kept. What msgspec does not decode (NaN, numbers beyond a
double, keys that stand twice) json does.
"""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Tuple, Union

import msgspec
import numpy as np

from .coco_file import TOKEN, Lists, Source, Text
from .model import MISSING, UNKNOWN, Columns, Dataset, Identifier, ImageFinder, Place, Reading, UnreadableError

_NO_OUTLINE = (b"", b"null", b"[]", b"[[]]", b"{}")


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


def read(path: Path, reading: Reading) -> Dataset:
    text = Text(path)
    records, bare = text.split()
    columns, finder = Columns(), reading.finder_of(path)
    source = Source(text, records.annotations, bare)
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
    records: list[msgspec.Raw], source: Source, columns: Columns, reading: Reading, finder: ImageFinder
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


def _read_categories(records: list[msgspec.Raw], text: Text, columns: Columns) -> None:
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


def _read_annotations(records: list[msgspec.Raw], source: Source, columns: Columns, reading: Reading) -> list[_Annotation]:
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
            place = Place(text.path, text.line(offset), f"{source.list}[{record}]" if record >= 0 else "")
            columns.fault("nan-literal", place, text.literal(offset))
    return annotations


def _is_outline(segmentation: msgspec.Raw) -> bool:
    view = memoryview(segmentation)
    return len(view) > 4 or bytes(view) not in _NO_OUTLINE


def _check_references(annotations: list[_Annotation], source: Source, columns: Columns) -> None:
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


def _records_with_literals(text: Text, annotations: list[msgspec.Raw]) -> Dict[int, list[int]]:
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


def _check_key_twice(text: Text, raw: msgspec.Raw, place: Place, columns: Columns, annotation: _Annotation) -> None:
    def note(pairs: list[tuple[str, Any]]) -> Dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice.extend(key for key in dict.fromkeys(keys) if keys.count(key) > 1)
        return dict(pairs)

    twice: list[str] = []
    start, end = text.span(raw)
    json.loads(text.strict[start:end].decode("utf-8", "replace"), object_pairs_hook=note, parse_int=float)
    for key in twice:
        columns.fault("duplicate-key", place, f'"{key}" stands twice; the last one counts', "", annotation.id)


def _check_lists_twice(text: Text, records: Lists, columns: Columns) -> None:
    """Whether one of the file's lists stands twice: JSON readers take the last and lose the other without a word.

    Lists that were read are skipped, from the first record to the last.
    """
    spans = [
        (text.start(found[0]), text.span(found[-1])[1]) for found in (records.annotations, records.images, records.categories) if found
    ]
    places: Dict[str, list[int]] = {"annotations": [], "images": [], "categories": []}
    depth, previous, start = 0, b"", 0
    for first, last in [*sorted(spans), (len(text.strict), 0)]:
        for match in TOKEN.finditer(text.strict, start, first):
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
