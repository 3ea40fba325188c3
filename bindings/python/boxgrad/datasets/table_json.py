"""Tables of JSON Lines: an object for each row, whose members are its columns."""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from ..errors import BoxgradError
from .model import Finding, Place, Reading, UnreadableError
from .table_cells import Frame
from .table_dialect import Dialect, decode
from .table_header import Header
from .table_text import with_numbers

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SPACE = re.compile(r"[\s,:]*")


def read(path: Path, data: bytes, reading: Reading, columns: object) -> Tuple[Frame, Dialect]:
    mark, encoding, text = decode(path, data, reading.encoding)
    if isinstance(columns, list):
        raise ValueError("columns: JSON Lines name their columns; say what the names mean, like image=ImageID,x1=XMin")
    rows: List[Dict[str, Any]] = []
    lines = array("q")
    names: Dict[str, int] = {}
    found: List[Finding] = []
    for line, raw in enumerate(reading.track(_LINE.findall(text), "lines", text.count("\n")), 1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw, object_pairs_hook=_Members)
            if not isinstance(value, _Members):
                raise ValueError(f"is {raw.strip()[:60]!r}, not an object")
        except (ValueError, RecursionError) as error:
            reason = f"is no JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)
            found.append(Finding("malformed", Place(path, line), "", None, reason))
            continue
        for name in value.twice:
            found.append(Finding("duplicate-key", Place(path, line), "", None, f'"{name}" stands twice; the last one counts'))
        rows.append(value)
        lines.append(line)
        for name in value:
            names.setdefault(name, len(names))
    if not rows:
        raise UnreadableError(path, f"holds no object of JSON: {found[0].values}", found[0].place.line)
    lists = {at: [row.get(name) for row in rows] for name, at in names.items()}
    sample = [next((one for one in lists[at] if one not in (None, "", [], {}) and not _is_empty(one)), None) for at in names.values()]
    header = Header(path, list(names), reading.boxes, reading.image_column, columns if isinstance(columns, dict) else None, sample)
    frame = Frame(path, list(names), dict(lists), len(rows), header, lines=lines, lost=found)
    return frame, Dialect(encoding, mark, "", 0, False)


def _is_empty(value: Any) -> bool:
    """Whether an object holds lists, and nothing is in them."""
    return isinstance(value, dict) and any(one == [] for one in value.values())


class _Members(Dict[str, Any]):
    """An object, and the names that stand twice in it."""

    def __init__(self, pairs: List[Tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = [name for at, (name, _) in enumerate(pairs) if name in dict(pairs[:at])] if len(self) < len(pairs) else []


def rewritten(
    path: Path, data: bytes, dialect: Dialect, names: List[str], new: Mapping[int, Dict[int, List[float]]], dropped: set[int]
) -> bytes:
    """The lines with new numbers in some members, and without others."""
    text = data[len(dialect.mark) :].decode(dialect.encoding)
    result = []
    for line, raw in enumerate(_LINE.findall(text), 1):
        if line in new:
            spans = _spans(raw)
            for column, numbers in sorted(new[line].items(), key=lambda one: -spans[names[one[0]]][0]):
                start, end = spans[names[column]]
                old = raw[start:end]
                if len(numbers) == 1 and old.startswith('"'):
                    reason = f"{names[column]} is the text {old}, which no repair rewrites; nothing was written"
                    raise BoxgradError(f"{path}, line {line}: {reason}")
                raw = raw[:start] + with_numbers(old, old, numbers) + raw[end:]
        if line not in dropped:
            result.append(raw)
    return dialect.mark + "".join(result).encode(dialect.encoding)


def _spans(raw: str) -> Dict[str, Tuple[int, int]]:
    """Where the value of each member of an object stands."""
    decoder = json.JSONDecoder()
    found = {}
    at = raw.index("{") + 1
    while raw[(at := _after_space(raw, at))] != "}":
        name, at = decoder.raw_decode(raw, at)
        start = _after_space(raw, at)
        _, at = decoder.raw_decode(raw, start)
        found[name] = (start, at)
    return found


def _after_space(raw: str, at: int) -> int:
    match = _SPACE.match(raw, at)
    return match.end() if match else at
