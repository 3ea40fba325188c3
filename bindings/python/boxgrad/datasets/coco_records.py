"""One record of a COCO file, looked at on its own: each field that cannot be read is a finding, and the others are kept.

A number written as text is a number: "10", "3e1". An id as text is one if no other text means the same number: "7", and not "007".
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Dict, Tuple, Union

from .foreign_json import of_object
from .model import Identifier

NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)


class Bad:
    """The id in a field that cannot be read: no other id is equal to it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


Id = Union[Identifier, Bad]


def shown(value: Any) -> str:
    return json.dumps(value)[:60]


def is_whole(text: str) -> bool:
    """Whether a text is the only one for its number."""
    return _WHOLE.fullmatch(text) is not None


@dataclass
class Record:
    """Reads the fields of a JSON object, and notes what is wrong with them."""

    members: Dict[str, Any]
    damaged: list[str] = field(default_factory=list)
    as_text: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, value: Any) -> Record:
        if not isinstance(value, dict):
            raise ValueError(f"is {shown(value)}, not an object")
        return cls(value)

    def number(self, name: str) -> float | None:
        """A number; None if there is none, or none that can be read."""
        value = self.members.get(name)
        if value is None:
            return None
        number = self._number(value)
        if number is None:
            self.damaged.append(f"{name} is {shown(value)}, not a number")
        elif isinstance(value, str):
            self.as_text.append(f"{name} is {shown(value)}")
        return number

    @staticmethod
    def _number(value: Any) -> float | None:
        if isinstance(value, str):
            return float(value) if NUMBER.fullmatch(value) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def box(self) -> Tuple[float, float, float, float]:
        if "bbox" not in self.members:
            seen = of_object(self.members)
            raise ValueError("there is no bbox" + (f", but {seen}" if seen else ""))
        value = self.members["bbox"]
        found = [self._number(one) for one in value] if isinstance(value, list) else []
        four = [number for number in found if number is not None]
        if len(found) != 4 or len(four) != 4:
            raise ValueError(f"bbox is {shown(value)}, not 4 numbers")
        if any(isinstance(one, str) for one in value):
            self.as_text.append(f"bbox is {shown(value)}")
        return four[0], four[1], four[2], four[3]

    def id(self, name: str, *, needed: bool = True) -> Id:
        """An id as a number, if it is one."""
        value = self.members.get(name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and is_whole(value):
            self.as_text.append(f"{name} is {shown(value)}")
            return int(value)
        if value is None and needed:
            return Bad(f"there is no {name}")
        if isinstance(value, bool) or not isinstance(value, (int, str, type(None))):
            return Bad(f"{name} is {shown(value)}")
        return value

    def name(self, name: str) -> str | None:
        """A name; of a number its text."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, str):
            self.damaged.append(f"{name} is {shown(value)}, not a text")
            return shown(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        return value

    def is_outline(self) -> bool:
        """Whether the box stands for a mask or a crowd; also where the file does not say it."""
        crowd, outline = self.members.get("iscrowd"), self.members.get("segmentation")
        flag = self._number(int(crowd) if isinstance(crowd, bool) else crowd)
        known = crowd is None or flag is not None
        if not known:
            self.damaged.append(f"iscrowd is {shown(crowd)}, not 0 or 1")
        elif isinstance(crowd, str):
            self.as_text.append(f"iscrowd is {shown(crowd)}")
        if not isinstance(outline, (list, dict, type(None))):
            self.damaged.append(f"segmentation is {shown(outline)}, no polygons or RLE")
            return True
        return not known or bool(flag) or outline not in (None, [], [[]], {})
