"""Corners or sides: what four numbers are that have no names, or whose names do not fit them."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from .model import Array, Reading, UnreadableError, quantity
from .table_boxes import Boxes
from .table_cells import Frame
from .table_header import box_members, member
from .table_lists import literal
from .table_source import Part

_MOST = 0.9


def format_of(frame: Frame, boxes: Boxes, areas: Optional[Array], sizes: Optional[Array]) -> Tuple[str, str]:
    """Corners or sides, of boxes whose numbers have no names, and what says so; UnreadableError if nothing does."""
    header, values = frame.header, boxes.numbers
    first = _sample_format(frame)
    if first:
        return first, ""
    finite: Array = np.asarray(np.isfinite(values).all(axis=1))
    values = values[finite]
    if not len(values):
        return "xyxy", ""
    fractions = bool(((values >= 0) & (values <= 1)).all())
    x1, y1, a, b = values.T
    inverted = float(((a < x1) | (b < y1)).mean())
    if areas is not None and len(areas) == len(finite):
        own = areas[finite]
        for fmt, area in (("xywh", a * b), ("xyxy", (a - x1) * (b - y1))):
            if (abs(own - area) <= 1 + 0.01 * abs(area)).mean() >= _MOST and (own > 0).any():
                return fmt, f"the areas are those of {fmt}"
    possible = {"xyxy": inverted <= 1 - _MOST, "xywh": True, "cxcywh": fractions}
    if sizes is not None or fractions:
        high = np.ones((len(values), 2)) if sizes is None or fractions else sizes[finite][:, ::-1]
        known = (high > 0).all(axis=1)
        if known.any():
            right, low = {"xyxy": (a, b), "xywh": (x1 + a, y1 + b), "cxcywh": (x1 + a / 2, y1 + b / 2)}, np.minimum(x1 - a / 2, y1 - b / 2)
            for fmt, (x, y) in right.items():
                inside = (x <= high[:, 0] * 1.005) & (y <= high[:, 1] * 1.005) & ((low >= -0.005) | (fmt != "cxcywh"))
                possible[fmt] = possible[fmt] and float(inside[known].mean()) >= _MOST
    left = [fmt for fmt, is_possible in possible.items() if is_possible]
    if len(left) == 1:
        if left == ["xywh"] and inverted > 1 - _MOST:
            return "xywh", f"{inverted:.0%} would be inverted as xyxy"
        return left[0], f"as {left[0]} alone the boxes fit their images"
    left = left or ["xyxy", "xywh"]
    row = int(boxes.record[np.flatnonzero(finite)[0]])
    shown = ", ".join(f"{one:g}" for one in values[0])
    ways = " or ".join(left)
    raise UnreadableError(
        frame.path, f"the four numbers of {header.names[header.box[0]]!r} could be {ways}, like {shown} of {_where(frame, row)}: "
        f"say which with {' or '.join(f'--boxes {fmt}' for fmt in left)}"
    )  # fmt: skip


def _where(frame: Frame, row: int) -> str:
    line = frame.line(row)
    return f"row {row}" if line is None else f"line {line}"


def _sample_format(frame: Frame) -> Optional[str]:
    """The format of a box whose numbers have names."""
    value = frame.header.sample[frame.header.box[0]]
    if isinstance(value, str) and "{" in value:
        try:
            value = literal(value, "")
        except ValueError:
            return None
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, dict):
        name = member(value, "box")
        if name is not None:
            value = value[name]
            while isinstance(value, (list, tuple)) and value and isinstance(value[0], (dict, list, tuple)):
                value = value[0]
    named = box_members(value) if isinstance(value, dict) else None
    return named[0] if named else None


def settle_order(part: Part, reading: Reading) -> str:
    """Takes columns in the order in which they stand, where the published file of Udacity has corners in this order, and says so.

    UnreadableError: by their names some boxes are inverted, and by their order none.
    """
    header, boxes = part.header, part.boxes
    if reading.boxes is not None or reading.original is not None or header.given or header.order == [0, 1, 2, 3]:
        return ""
    by_names, by_order = boxes.numbers, boxes.numbers[:, header.order]
    inverted = int((by_names[:, 2:] < by_names[:, :2]).any(axis=1).sum())
    if header.fmt != "xyxy" or (by_order[:, 2:] < by_order[:, :2]).any():
        return ""
    columns = [header.names[header.box[at]] for at in header.order]
    if header.is_udacity:
        boxes.numbers, header.box, header.by_order = by_order, [header.box[at] for at in header.order], True
        return f"The columns {', '.join(columns)} hold x1, y1, x2, y2, as in the published file of Udacity."
    if inverted:
        asked = ",".join(f"{role}={name}" for role, name in zip(("x1", "y1", "x2", "y2"), columns))
        seen = f"{inverted:,} of {quantity(len(by_names), 'box is', 'boxes are')} inverted by the columns' names, and none by their order"
        row = int(boxes.record[np.flatnonzero((by_names[:, 2:] < by_names[:, :2]).any(axis=1))[0]])
        line = part.frame.line(row)
        reason = f"{seen}: say --columns {asked} if the order is right, or --boxes xyxy if the names are"
        raise UnreadableError(part.frame.path, reason, line)
    return ""
