"""What the four numbers of a box are in COCO and VOC, which say nothing of it: corners or sides, pixels or fractions of the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..boxes import box_convert
from .model import UNKNOWN, Array, Dataset, UnreadableError, quantity

_SHARE = 0.1
"""From which share of the boxes on they may be fractions: no photo has so many boxes in the pixel of its first corner."""
_BEYOND = 0.05
"""How far a fraction may lie beyond its image."""


class Numbers:
    """The numbers of a file's boxes, which a new box changes."""

    def __init__(self, fmt: str) -> None:
        self.fmt = fmt
        self.scales: Array | None = None
        """Width and height twice, by which the fractions of each row were multiplied."""

    def settle(self, data: Dataset, usual: str) -> Dataset:
        """Makes corners in pixels of a data set's numbers; in fractions of the image where a size is not known.

        usual: what the numbers are in this format. UnreadableError: they look like fractions, and nobody says what they are.
        """
        reading = data.reading
        if reading.unit is None and (seen := _like_fractions(data.boxes)):
            of = f"{seen:,} of {quantity(len(data), 'box', 'boxes')}"
            reason = f"the numbers of {of} look like fractions of the image, and {usual}"
            raise UnreadableError(data.path, f"{reason}: --unit fractions or --unit pixels says what they are")
        self.fmt = reading.boxes or self.fmt
        if self.fmt == "cxcywh":
            data.boxes = box_convert(data.boxes, "cxcywh", "xyxy")
        elif self.fmt == "xywh":
            with np.errstate(over="ignore", invalid="ignore"):
                data.boxes[:, 2:] += data.boxes[:, :2]
        data.reading = replace(reading, unit=reading.unit or "pixels")
        if reading.unit == "fractions":
            self._scale(data)
        return data

    def _scale(self, data: Dataset) -> None:
        """Multiplies fractions by the sizes of their images, if all of these are known."""
        data.relative = True
        sizes = data.sizes[data.image]
        data.fractions = bool((data.image == UNKNOWN).any()) or not ((sizes > 0) & np.isfinite(sizes)).all()
        if data.fractions:
            data.sizes[:] = 1
            data.sized = False
        else:
            self.scales = np.tile(sizes[:, ::-1], 2)
            data.boxes *= self.scales
        if not np.isnan(data.areas).all():
            data.unused["field 'area', whose unit is not known"] = int((~np.isnan(data.areas)).sum())
            data.areas[:] = np.nan

    def of(self, row: int, box: Array) -> list[float]:
        """The numbers of a new box, as the file has them."""
        box = box if self.scales is None else box / self.scales[row]
        numbers: list[float] = box_convert(box, "xyxy", self.fmt).tolist()
        return numbers


def _like_fractions(boxes: Array) -> int:
    """How many boxes have numbers like fractions of the image, if they are more than a few."""
    with np.errstate(invalid="ignore"):
        near = boxes[((boxes >= -_BEYOND) & (boxes <= 1 + _BEYOND)).all(axis=1)]
    count = int((near != np.floor(near)).any(axis=1).sum())
    return count if count > _SHARE * len(boxes) else 0
