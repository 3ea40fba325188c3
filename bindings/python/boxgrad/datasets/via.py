"""The regions of the VGG Image Annotator, as its CSV writes them: a shape and its attributes, each an object of JSON in a text."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Optional, Tuple, Union

from .table_cells import number

_CATEGORY = ("label", "class", "name", "category", "type", "object")

Region = Tuple[List[float], Optional[str], bool, List[str]]
"""The corners, the category, whether the box bounds an outline, and what is not used."""


def region(shape: str, attributes: str) -> Union[Region, str, None]:
    """The box of a region; None if there is none; a text that says what it is, if it has no area."""
    value = _object(shape, "region_shape_attributes")
    if not value:
        return None
    name = value.get("name")
    if name == "rect":
        x, y, width, height = (number(value.get(side), side) for side in ("x", "y", "width", "height"))
        box = [x, y, x + width, y + height]
    elif name in ("polygon", "polyline"):
        xs, ys = ([number(one, f"all_points_{axis}") for one in value.get(f"all_points_{axis}") or ()] for axis in "xy")
        if len(xs) != len(ys) or not xs:
            raise ValueError(f"the {name} has {len(xs)} x and {len(ys)} y")
        box = [min(xs), min(ys), max(xs), max(ys)]
    elif name in ("circle", "ellipse"):
        cx, cy = (number(value.get(one), one) for one in ("cx", "cy"))
        rx, ry = (number(value.get(one if name == "ellipse" else "r"), one) for one in ("rx", "ry"))
        turn = number(value.get("theta") or 0, "theta")
        wide = math.hypot(rx * math.cos(turn), ry * math.sin(turn))
        high = math.hypot(rx * math.sin(turn), ry * math.cos(turn))
        box = [cx - wide, cy - high, cx + wide, cy + high]
    else:
        return f"regions that are a {name}" if isinstance(name, str) else "regions without a shape"
    category, unused = _category(_object(attributes, "region_attributes"))
    return box, category, name != "rect", unused


def _object(value: str, name: str) -> Dict[str, Any]:
    if not value:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(f"{name} is {value[:60]!r}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{name} is {value[:60]!r}")
    return found


def _category(attributes: Dict[str, Any]) -> Tuple[Optional[str], List[str]]:
    """The attribute that is the category, and the names of the others."""
    known = {name.lower(): name for name in attributes}
    used = next((known[name] for name in _CATEGORY if name in known), next(iter(attributes)) if len(attributes) == 1 else None)
    value = attributes.get(used) if used is not None else None
    if isinstance(value, dict):  # a checkbox: which of its options are set
        value = " ".join(str(name) for name, is_set in value.items() if is_set)
    return None if value is None else str(value), [f"attribute {name!r}" for name in attributes if name != used]
