"""Compares a repaired copy with its original, record by record: what is not reported is the same, byte for byte.

It shares no code with what writes the copy.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any, Dict, Set, Tuple
from xml.parsers.expat import ExpatError

from .model import Dataset, read_bytes
from .records import Copied, Spans, Writing, cut, in_utf8, keys_of, writing_of

_NUMBER = re.compile(rb"[-+0-9.eE]+|NaN|-?Infinity")
_NUMBER_IN_TEXT = re.compile(r"[-+0-9.,eE]+")
"""Of tables, whose decimals may have a comma; what separates their columns is compared cell by cell."""
_SIDE = re.compile(rb"<((?:[\w.-]+:)?[xy]m(?:in|ax))\b[^>]*>([^<]*)</", re.IGNORECASE)


def verify(dataset: Dataset, copy: Path, edited: Set[int], dropped: Set[int], others: Set[Path]) -> None:
    """Raises Copied where the copy differs by more than the rows that were edited and dropped.

    others: files of a folder that are copied as they are.
    """
    changed, gone = keys_of(dataset, edited), keys_of(dataset, dropped)
    if dataset.path.is_dir():
        files = {dataset.source.image_place(image).file for image in range(len(dataset.images))} | others
        files |= set(getattr(dataset.source, "files", ()))
        there = {file for file in copy.rglob("*") if not file.is_dir()}
        if there != {copy / file.relative_to(dataset.path) for file in files}:
            raise Copied(str(dataset.path), "has other files")
    else:
        files = {dataset.path}
    for file in sorted(files):
        new = copy / file.relative_to(dataset.path) if dataset.path.is_dir() else copy
        _verify_file(dataset, file, new, changed.get(file, set()), gone.get(file, set()))


def _verify_file(dataset: Dataset, file: Path, copy: Path, changed: Set[int], gone: Set[int]) -> None:
    old, new = read_bytes(file), read_bytes(copy)
    if not changed and not gone and old[:4] != b"PAR1":
        if old != new:
            raise Copied(str(file), "has no change, and other bytes")
        return
    if old[:4] == b"PAR1":
        _verify_parquet(dataset, file, old, new, changed, gone)
        return
    old, new = in_utf8(dataset, old, new)
    writing = writing_of(dataset, file)
    before = cut(dataset.format, file, old, writing)
    try:
        after = cut(dataset.format, copy, new, writing)
    except (ValueError, csv.Error, ExpatError) as error:
        raise Copied(str(file), f"cannot be read: {error}") from None
    stays = [key for key in before if key not in gone]
    if len(stays) != len(after) or gone - before.keys():
        raise Copied(str(file), f"has {len(after)} records, not {len(stays)}")
    columns = _columns(dataset, file) if dataset.format == "table" else set()
    for key, (start, end) in zip(stays, after.values()):
        one, other = old[slice(*before[key])], new[start:end]
        edited = _is_edited_row if dataset.format == "table" else _is_edited
        if one != other and not (key in changed and edited(dataset, one, other, columns, writing)):
            raise Copied(f"{file}, record {key},", "differs by more than its box")
    _verify_rest(dataset.format, file, (old, before), (new, after), gone)


def _verify_rest(format: str, file: Path, old: Tuple[bytes, Spans], new: Tuple[bytes, Spans], gone: Set[int]) -> None:
    """What stands before, between and after the records; around one that is gone, space may go with it."""
    before, after = (_gaps(*one) for one in (old, new))
    if not gone:
        same = before == after
    elif format == "coco":
        ends = [(gaps[0], gaps[-1]) for gaps in (before, after)]
        same = ends[0] == ends[1] if len(after) > 1 else b"".join(b"".join(ends[0]).split()) == b"".join(after[0].split())
        same = same and all(gap.strip() == b"," for gap in after[1:-1])
    else:
        around: list[list[bytes]] = [[before[0]]]
        for key, gap in zip(old[1], before[1:]):
            around[-1:] = [[*around[-1], gap]] if key in gone else [around[-1], [gap]]
        same = len(around) == len(after) and all(
            gap == one[0] if len(one) == 1 else b"".join(gap.split()) == b"".join(b"".join(one).split()) for one, gap in zip(around, after)
        )
    if not same:
        raise Copied(str(file), "differs beside its records")


def _gaps(data: bytes, spans: Spans) -> list[bytes]:
    found, last = [], 0
    for start, end in spans.values():
        found.append(data[last:start])
        last = end
    return [*found, data[last:]]


def _is_edited_row(dataset: Dataset, old: bytes, new: bytes, columns: Set[int], writing: Writing) -> bool:
    """Whether a row of a table differs from another only in numbers of these columns."""
    one, other = (data.decode(writing.encoding) for data in (old, new))
    if _NUMBER_IN_TEXT.sub("0", one) != _NUMBER_IN_TEXT.sub("0", other):
        return False
    if not writing.delimiter:
        before, after = (list(json.loads(row, object_pairs_hook=list, parse_float=_Written, parse_int=_Written)) for row in (one, other))
        names = {dataset.source.header.names[column] for column in columns}  # type: ignore[attr-defined]
        return len(before) == len(after) and all(a == b or a[0] == b[0] and a[0] in names for a, b in zip(before, after))
    before, after = (sum(csv.reader(io.StringIO(row, newline=""), delimiter=writing.delimiter), []) for row in (one, other))
    return len(before) == len(after) and all(index in columns or a == b for index, (a, b) in enumerate(zip(before, after)))


def _is_edited(dataset: Dataset, old: bytes, new: bytes, columns: Set[int], writing: Writing) -> bool:
    """Whether a record differs from another only in the numbers of its box and its area."""
    if dataset.format == "coco":
        return _without_numbers(old) == _without_numbers(new) and _without_box(old) == _without_box(new)
    if dataset.format == "voc":
        sides = [side.lower() for (side, a), (_, b) in zip(_SIDE.findall(old), _SIDE.findall(new)) if a != b]
        return _SIDE.sub(rb"<\1/>", old) == _SIDE.sub(rb"<\1/>", new) and len(sides) == len(set(sides))  # each once: not those of parts
    one, other = (_BETWEEN.split(line.replace(_MARK, b"").strip().strip(b'"')) for line in (old, new))
    may = _words_of_box(dataset, len(one) // 2 + 1)
    same_ends = _NUMBER.sub(b"", old) == _NUMBER.sub(b"", new)
    return same_ends and len(one) == len(other) and all(a == b or i % 2 == 0 and i // 2 in may for i, (a, b) in enumerate(zip(one, other)))


_MARK = b"\xef\xbb\xbf"
_BETWEEN = re.compile(rb"([\s,;\"]+)")
"""What may stand between the words of a line."""


def _words_of_box(dataset: Dataset, words: int) -> range:
    """Which words of a line a box may change."""
    if dataset.format == "dota":
        return range(8)
    if dataset.format == "text":
        return range(words - 4, words)
    kind, _, tail, first, *_ = (dataset.reading.kind or "detect:0:0:0").split(":")
    if kind in ("segment", "obb") and words > 6:
        return range(1, words - int(tail))
    after = int(first) if words in (6, 7) else 0
    return range(1 + after, 5 + after)


def _without_numbers(record: bytes) -> bytes:
    return _NUMBER.sub(b"0", record)


def _without_box(record: bytes) -> Dict[str, Any]:
    """The members of a COCO record but its box and area, their numbers as they are written."""
    members: Dict[str, Any] = json.loads(record, parse_float=_Written, parse_int=_Written, parse_constant=_Written)
    return {name: value for name, value in members.items() if name not in ("bbox", "area")}


class _Written(str):
    """A number's text, which is no string."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and str.__eq__(self, other)

    __hash__ = str.__hash__


def _columns(dataset: Dataset, file: Path) -> Set[int]:
    """The columns that a repair may change: those of the box and the area."""
    header = dataset.source.part_of(file).header  # type: ignore[attr-defined]
    return {*header.box, *([] if header.area is None else [header.area])}


def _verify_parquet(dataset: Dataset, file: Path, old: bytes, new: bytes, changed: Set[int], gone: Set[int]) -> None:
    import pyarrow
    from pyarrow import parquet

    before, after = (parquet.read_table(pyarrow.BufferReader(data)) for data in (old, new))
    if not before.schema.equals(after.schema, check_metadata=True):
        raise Copied(str(file), "has another schema")
    before = before.take(pyarrow.array([row for row in range(len(before)) if row not in gone], pyarrow.int64()))
    stays = [row for row in range(len(before) + len(gone)) if row not in gone]
    columns = _columns(dataset, file)
    for index, name in enumerate(before.column_names):
        one, other = before.column(index).combine_chunks(), after.column(index).combine_chunks()
        if one.equals(other):
            continue
        pairs = list(zip(stays, one.to_pylist(), other.to_pylist()))
        same = len(one) == len(other) and all(row in changed and index in columns or repr(a) == repr(b) for row, a, b in pairs)
        if not same:
            raise Copied(f"{file}, column {name},", "differs by more than its boxes")
