"""COCO JSON: {"images": [...], "annotations": [...], "categories": [...]}, or a list of detections.

A member that is not used, or stands twice, is named. What is in the lists, coco_lists.py reads.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Dict

from .coco_file import TOKEN, Lists, Source, Text
from .coco_lists import Annotations, Categories, Images
from .model import Columns, Dataset, Place, Reading, UnreadableError

_KNOWN_MEMBERS = ("info", "licenses", "type")


def read(path: Path, reading: Reading) -> Dataset:
    text = Text(path, encoding=reading.encoding)
    records, bare = text.split(may_be_empty=reading.original is not None)
    columns, finder = Columns(), reading.finder_of(path)
    source = Source(text, records.annotations, records.images, bare)
    if not bare:
        _check_members(text, records, columns)
    Images(source, columns, reading, finder).read(records.images, "images")
    Categories(source, columns, reading, finder).read(records.categories, "categories")
    annotations = Annotations(source, columns, reading, finder, bare=bare)
    annotations.read(records.annotations, source.list)
    _refuse_others(path, columns, bare)
    annotations.check_references()
    columns.rows = len(records.annotations)
    data = columns.dataset("coco", path, source, sized=not bare, reading=replace(reading, finder=finder))
    if not text.exact:
        data.locked = dict.fromkeys(range(len(data)), f"in {text.encoding} the same characters have other bytes, too")
    return source.numbers.settle(data)


def _refuse_others(path: Path, columns: Columns, bare: bool) -> None:
    """Refuses a file of which no record is an annotation with a box."""
    lost = [fault for fault in columns.faults if fault.problem == "malformed"]
    if bare and lost and not len(columns.image):
        raise UnreadableError(path, f"is no list of detections: of its first record, {lost[0].values}", lost[0].place.line)
    if bare and len(columns.image) and not columns.images:
        raise UnreadableError(path, "is no list of detections: none of its records has an image_id")
    if lost and not len(columns.image) and all(fault.values.startswith("there is no bbox") for fault in lost):
        raise UnreadableError(path, f"is no COCO file with boxes: of its first annotation, {lost[0].values}", lost[0].place.line)


def _check_members(text: Text, records: Lists, columns: Columns) -> None:
    """The file's members that are not used, literals beside the lists, and whether one of the lists stands twice.

    JSON readers take the last of them and lose the other without a word. Lists that were read are skipped, from the first record to the
    last.
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
            if depth == 1 and token == b":":
                name = json.loads(previous)
                if name in places:
                    places[name].append(match.start())
                elif name not in _KNOWN_MEMBERS:
                    columns.unused[f"member {name!r}"] += 1
            previous = token
        start = last
    for name, offsets in places.items():
        if len(offsets) > 1:
            lines = [text.line(offset) for offset in offsets]
            values = f'"{name}" stands on lines {", ".join(map(str, lines))}; the last one counts, the others are lost'
            columns.fault("duplicate-key", Place(text.path, lines[0]), values)
    for offset in text.literals:
        if not any(start <= offset < end for start, end in spans):
            columns.fault("nan-literal", Place(text.path, text.line(offset)), text.literal(offset))
