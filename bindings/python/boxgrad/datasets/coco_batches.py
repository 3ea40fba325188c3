"""The records of a COCO file by the thousand, as columns: as long as nothing in them is unusual, none is looked at on its own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Sequence, Tuple, Union

import msgspec

from .coco_file import Text

BATCH = 1024
UNSET = msgspec.UNSET
Unset = msgspec.UnsetType
_MOST_FIELDS = 100
"""A file with more fields than this has no fields, but names in their place."""


@dataclass
class Fields:
    """The fields of a record and their types: those that each has, those that are read where they stand, and the format's others."""

    needed: Dict[str, Any]
    optional: Dict[str, Any]
    known: Sequence[str] = ()
    more: Tuple[str, ...] = ()
    """Those that the file has on top."""

    @property
    def names(self) -> Tuple[str, ...]:
        return (*self.needed, *self.optional, *self.known, *self.more)

    def decoder(self) -> Any:
        """Of a batch; it fails where a field has another type, or is not among these."""
        others = dict.fromkeys((*self.known, *self.more), msgspec.Raw)
        members: list[Any] = [(f"f{i}", kind) for i, kind in enumerate(self.needed.values())]
        members += [(f"f{i}", Union[kind, Unset], UNSET) for i, kind in enumerate({**self.optional, **others}.values(), len(members))]
        names = {f"f{i}": name for i, name in enumerate(self.names)}
        record = msgspec.defstruct("Record", members, rename=names, forbid_unknown_fields=True, gc=False)
        return msgspec.json.Decoder(List[record]).decode  # type: ignore[valid-type]


class Batches:
    """Goes through records."""

    def __init__(self, text: Text, records: Sequence[msgspec.Raw], fields: Fields, unused: Counter[str]) -> None:
        self.text, self.records, self.fields, self.unused = text, records, replace(fields), unused
        self._decode = fields.decoder()
        self._keys = msgspec.json.Decoder(List[Dict[str, msgspec.Raw]]).decode

    def columns(self, first: int, after: int) -> Dict[str, Sequence[Any]] | None:
        """The fields of some records; None if these have to be looked at one by one."""
        content = self.text.between(self.records[first], self.records[after - 1])
        decoded = self._decoded(content)
        if decoded is None:
            return None
        columns = list(zip(*map(msgspec.structs.astuple, decoded)))
        needed = len(self.fields.needed)
        there = [after - first] * needed + [after - first - column.count(UNSET) for column in columns[needed:]]
        quotes = content.count(b'"') - 2 * sum(there)
        if quotes and (b"\\u0022" in content or quotes != sum(map(_quotes, columns))):
            return None  # a key stands twice
        return dict(zip(self.fields.names, columns))

    def count_more(self, found: Dict[str, Sequence[Any]]) -> None:
        """Counts the fields of some records that are not read."""
        for name in self.fields.more:
            self.unused[f"field {name!r}"] += len(found[name]) - found[name].count(UNSET)

    def _decoded(self, content: bytes) -> Any:
        """The records of a batch; None if one of them is unusual."""
        content = b"[%b]" % content
        try:
            return self._decode(content)
        except (msgspec.DecodeError, RecursionError):
            pass
        try:
            found = dict.fromkeys(key for one in self._keys(content) for key in one)
            more = tuple(key for key in found if key not in self.fields.names)
            if not more or len(self.fields.more) + len(more) > _MOST_FIELDS:
                return None
            self.fields.more += more
            self._decode = self.fields.decoder()
            return self._decode(content)
        except (msgspec.DecodeError, RecursionError, ValueError, TypeError):
            return None

    def count_keys(self, record: Dict[str, Any]) -> None:
        """Counts the fields of a record, looked at on its own, that are not read."""
        names = self.fields.names[: len(self.fields.names) - len(self.fields.more)]
        self.unused.update(f"field {name!r}" for name in record if name not in names)


def _quotes(values: Iterable[Any]) -> int:
    """How many quotes stand in values, if none is written in another way."""
    count = 0
    for value in values:
        if type(value) is msgspec.Raw:
            count += bytes(value).count(b'"')
        elif type(value) is str:
            count += 2 + value.count('"')
    return count


_keys = msgspec.json.Decoder(Dict[str, msgspec.Raw]).decode


def keys_twice(record: bytes) -> list[str]:
    """The keys of a JSON object that stand twice in it."""
    try:
        found = _keys(record)
        if record.count(b'"') == 2 * len(found) + _quotes(found.values()):
            return []
    except msgspec.DecodeError:
        pass
    pairs: list[tuple[str, Any]] = []

    def note(found: list[tuple[str, Any]]) -> None:
        pairs[:] = found  # the object around all others comes last

    json.loads(record.decode("utf-8", "replace"), object_pairs_hook=note, parse_int=float)
    return [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
