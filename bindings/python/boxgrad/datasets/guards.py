"""When a repair is refused: where it could take a label for something that it is not, or would change more than a repair does."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ..boxes import box_convert
from ..errors import BoxgradError
from .exif import inside
from .formats import doubt_of
from .model import UNKNOWN, Array, Dataset, quantity

_MALFORMED, _MALFORMED_ROWS = 0.01, 5
_DROPPED, _DROPPED_BOXES = 0.05, 20
_EXAMPLES = 3
_LEAVING, _LEAVING_BOXES = 0.1, 5
_NEAR = 0.005
"""How far beyond its image a box may lie that is inside, as a share of the image."""
_NEEDS_PIXELS = {"clip", "drop-outside"}
"""Of boxes in pixels, what depends on the size of the image; of fractions it is drop-small."""


def refuse_to_begin(dataset: Dataset, policies: Sequence[str], allow_malformed: float | None) -> None:
    """Raises BoxgradError where it is not certain what the rows mean, or too many are malformed."""
    doubt = doubt_of(dataset) or _inverted(dataset) or _corners(dataset)
    if doubt:
        raise BoxgradError(f"{dataset.path}: {doubt}; nothing was written")
    sized = {"drop-small"} if dataset.relative else _NEEDS_PIXELS
    if dataset.exif_doubt and sized & set(policies) and not dataset.fractions:
        raise BoxgradError(f"{dataset.path}: {dataset.exif_doubt}; nothing was written")
    malformed = [fault for fault in dataset.faults if fault.problem == "malformed"]
    total = len(dataset) + len(malformed)
    if _too_many(len(malformed), total, allow_malformed, "allow_malformed", _MALFORMED, _MALFORMED_ROWS):
        places = _some([f"{fault.place}: {fault.values}" for fault in malformed])
        raise BoxgradError(
            f"{dataset.path}: {len(malformed):,} of {quantity(total, 'annotation')} are malformed ({places}); nothing was written. "
            f"Is the format right? --allow-malformed {_share(len(malformed), total)} repairs the others"
        )


def refuse_drops(dataset: Dataset, drops: Sequence[Any], emptied: Sequence[Any], max_dropped: float | None) -> None:
    """Raises BoxgradError where more boxes would go, or be clipped to nothing, than a repair drops."""
    done = "dropped" if not emptied else "dropped or clipped to nothing" if drops else "clipped to nothing"
    drops = [*drops, *emptied]
    total = len(dataset) + sum(fault.problem == "malformed" for fault in dataset.faults)
    if _too_many(len(drops), total, max_dropped, "max_dropped", _DROPPED, _DROPPED_BOXES):
        places = _some([f"{drop.place}: {drop.before} by {drop.policy}" for drop in drops])
        raise BoxgradError(
            f"{dataset.path}: {len(drops):,} of {quantity(total, 'box', 'boxes')} would be {done} ({places}); nothing was written. "
            f"Are the images' sizes right? --max-dropped {_share(len(drops), total)} allows it"
        )


def _too_many(count: int, total: int, share: float | None, name: str, usual: float, few: int) -> bool:
    if share is None:
        return count > usual * total and count > few
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be a share from 0 to 1, not {share:g}")
    return count > share * total


def _share(count: int, total: int) -> str:
    """The least share of three digits that allows so many."""
    return f"{np.ceil(1000 * count / total) / 1000:g}"


def _some(texts: Sequence[str]) -> str:
    more = "" if len(texts) <= _EXAMPLES else f"; and {len(texts) - _EXAMPLES:,} more"
    return "; ".join(texts[:_EXAMPLES]) + more


def _inverted(dataset: Dataset) -> str:
    """Why the order of the numbers is not certain: of a format that leaves it open, and boxes that mostly are inverted."""
    open_formats = ("text", "table") if dataset.found_out else ("table",)
    if dataset.format not in open_formats or dataset.reading.boxes is not None:
        return ""
    inverted = _count_inverted(dataset.boxes)
    seen = f"{inverted:,} of {quantity(len(dataset), 'box', 'boxes')} are inverted"
    if inverted > len(dataset) / 2:
        return f"{seen}, so that the numbers may be no corners: say what they are with --boxes xyxy, xywh or cxcywh"
    order = np.argsort(dataset.source.rows.header.box) if dataset.format == "table" else np.arange(4)  # type: ignore[attr-defined]
    if inverted and not _count_inverted(dataset.boxes[:, order]):
        return f"{seen} by the columns' names, and none by their order as x1, y1, x2, y2: mend them, or say --boxes xyxy if they are right"
    return ""


def _corners(dataset: Dataset) -> str:
    """Why numbers that are read as sides may be corners: so read, all boxes are in their images, which many leave as they are read."""
    table = dataset.format == "table"
    fmt = dataset.source.rows.header.fmt if table else {"coco": "xywh", "yolo": "cxcywh"}.get(dataset.format, "xyxy")  # type: ignore[attr-defined]
    if fmt == "xyxy" or dataset.reading.boxes is not None or not (dataset.found_out or table):
        return ""
    is_bounds = dataset.outlined if dataset.format == "yolo" else np.zeros(len(dataset), bool)  # of a polygon, which has no sides
    rows = np.flatnonzero((dataset.image != UNKNOWN) & np.isfinite(dataset.boxes).all(axis=1) & ~is_bounds)
    rows = rows[(dataset.sizes[dataset.image[rows]] > 0).all(axis=1)]
    whole, borders = np.ones((len(rows), 2)), np.tile(dataset.sizes[dataset.image[rows], ::-1], 2)
    leaving = int((~inside(dataset.boxes[rows] / borders, whole, _NEAR)).sum())
    corners = box_convert(dataset.boxes[rows], "xyxy", fmt)
    if leaving <= max(_LEAVING_BOXES, _LEAVING * len(rows)) or _count_inverted(corners) or not inside(corners / borders, whole, _NEAR).all():
        return ""
    names = "x, y, width, height" if fmt == "xywh" else "the centre, width and height"
    certain = f"--boxes xyxy or --boxes {fmt}" if table else f"--format {dataset.format} if they are no corners"
    seen = f"{leaving:,} of {quantity(len(rows), 'box', 'boxes')} leave their image if the numbers are {names}"
    return f"{seen}, and none if they are x1, y1, x2, y2: say {certain}"


def _count_inverted(boxes: Array) -> int:
    return int((boxes[:, 2:] < boxes[:, :2]).any(axis=1).sum())
