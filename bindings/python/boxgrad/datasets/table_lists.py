"""One box or several in a cell: in lists, in objects, in texts, and in the shapes of VIA."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Sequence

from .table_cells import is_blank, number, text
from .table_header import NUMBER, Header, box_members, member
from .via import region

_NONE_WORDS = {"no_box", "no box", "nobox"}


@dataclass
class Item:
    """One box of several."""

    numbers: List[float]
    category: Any = None
    id: Any = None
    area: float = math.nan
    outlined: bool = False


Found = Iterator[Any]
"""Items; a ValueError for one that cannot be read; a text that says what a row without a box is."""


def four(value: Any, name: str) -> List[float]:
    """The four numbers of a list, an object or a text."""
    if isinstance(value, str) and value.strip().startswith("{"):
        value = literal(value, name)
    if isinstance(value, dict):
        named = box_members(value)
        if named is None:
            raise ValueError(f"{name} is {str(value)[:60]!r}")
        return [number(value[each], f"{name}.{each}") for each in named[1]]
    numbers = NUMBER.findall(value) if isinstance(value, str) else value
    if not isinstance(numbers, (list, tuple)) or len(numbers) != 4:
        raise ValueError(f"{name} is {repr(value)[:60]}, not four numbers")
    return [number(one, name) for one in numbers]


def _list(header: Header, cells: Dict[int, Any], unused: Counter[str]) -> Found:
    """One box in a row."""
    value, name = cells[header.box[0]], header.names[header.box[0]]
    if is_blank(value) or isinstance(value, (list, tuple)) and (not value or all(map(is_blank, value))):
        return
    if isinstance(value, str) and value.strip().lower() in (*_NONE_WORDS, "[]", "()"):
        return
    if isinstance(value, dict) and all(map(is_blank, value.values())):
        return
    yield Item(four(value, name))


def literal(value: Any, name: str) -> Any:
    """A list that may stand in a text, as Python or JSON writes it."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
    raise ValueError(f"{name} is {value[:60]!r}")


def _lists(header: Header, cells: Dict[int, Any], unused: Counter[str]) -> Found:
    """Columns of lists: the boxes, their categories, ids and areas."""
    members = {}
    for what, at in (("box", header.box[0]), ("category", header.category), ("id", header.id), ("area", header.area)):
        if at is not None:
            members[what] = None if is_blank(cells[at]) else literal(cells[at], header.names[at])
    yield from _parallel(members, {what: header.names[header.box[0]] if what == "box" else what for what in members})


def _parallel(members: Dict[str, Any], names: Dict[str, str]) -> Found:
    given = members.get("box")
    if given is None or isinstance(given, (list, tuple)) and not given:
        return
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"{names['box']} is {str(given)[:60]!r}, not a list")
    others = {}
    for what, value in members.items():
        if what == "box" or value is None:
            continue
        if not isinstance(value, (list, tuple)):
            others[what] = [value] * len(given)  # one for all boxes of the row
        elif len(value) != len(given):
            raise ValueError(f"{names['box']} holds {len(given)} boxes, and {names[what]} {len(value)}")
        else:
            others[what] = list(value)
    for at, one in enumerate(given):
        yield _item(one, names["box"], {what: value[at] for what, value in others.items()})


def _item(value: Any, name: str, others: Dict[str, Any]) -> Any:
    try:
        area = others.get("area")
        return Item(four(value, name), others.get("category"), others.get("id"), math.nan if is_blank(area) else number(area, "area"))
    except ValueError as error:
        return error


def _objects(header: Header, cells: Dict[int, Any], unused: Counter[str]) -> Found:
    """An object of lists, or a list of objects."""
    value, name = cells[header.box[0]], header.names[header.box[0]]
    if is_blank(value):
        return
    value = literal(value, name)
    if isinstance(value, dict):
        names = {what: found for what in ("box", "category", "id", "area") if (found := member(value, what)) is not None}
        if "box" not in names:
            raise ValueError(f"{name} holds no boxes, but {', '.join(map(str, value))}"[:120])
        unused.update(f"field '{name}.{other}'" for other in value if other not in names.values())
        yield from _parallel({what: value[one] for what, one in names.items()}, {what: f"{name}.{one}" for what, one in names.items()})
        return
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name} is {str(value)[:60]!r}, not a list")
    for one in value:
        if not isinstance(one, dict):
            yield ValueError(f"{name} holds {str(one)[:60]!r}, not an object")
            continue
        names = {what: found for what in ("box", "category", "id", "area") if (found := member(one, what)) is not None}
        own = box_members(one)
        used = [*names.values(), *(own[1] if own and "box" not in names else ())]
        unused.update(f"field '{name}.{other}'" for other in one if other not in used)
        yield _item(one[names["box"]] if "box" in names else one, name, {what: one[n] for what, n in names.items() if what != "box"})


def _string(header: Header, cells: Dict[int, Any], unused: Counter[str]) -> Found:
    """All boxes of an image in one text: "x1 y1 x2 y2;x1 y1 x2 y2", or with a class or a score before each four numbers."""
    value, name = text(cells[header.box[0]]), header.names[header.box[0]]
    if is_blank(value) or value.lower() in _NONE_WORDS:
        return
    groups: List[Sequence[str]] = [group.split() for group in value.split(";") if group.strip()]
    if len(groups) == 1:
        words = groups[0]
        sizes = [size for size in (5, 6) if len(words) % size == 0 and all(map(_is_group, _in_groups(words, size)))]
        if not sizes and len(words) % 4 == 0:
            sizes = [4]
        if len(sizes) != 1:
            raise ValueError(f"{name} holds {len(words)} words, and not four numbers for each box, with class and score, or none")
        groups = _in_groups(words, sizes[0])
    for group in groups:
        if len(group) > 4:
            unused["score of a prediction"] += 1
        yield _item(group[-4:], name, {"category": group[0] if len(group) == 6 else None})


def _in_groups(words: Sequence[str], size: int) -> List[Sequence[str]]:
    return [words[at : at + size] for at in range(0, len(words), size)]


def _is_group(words: Sequence[str]) -> bool:
    """Whether the word before four numbers is a score, and the one before it anything."""
    try:
        rest = [float(word) for word in words[-5:]]
    except ValueError:
        return False
    return 0 <= rest[0] <= 1


def _via(header: Header, cells: Dict[int, Any], unused: Counter[str]) -> Found:
    attributes = cells.get(header.attributes) if header.attributes is not None else None
    found = region(text(cells[header.box[0]]), text(attributes))
    if found is None:
        return
    if isinstance(found, str):
        yield found
        return
    box, category, outlined, others = found
    unused.update(others)
    yield Item(box, category, outlined=outlined)


READERS = {"list": _list, "lists": _lists, "objects": _objects, "string": _string, "via": _via}
