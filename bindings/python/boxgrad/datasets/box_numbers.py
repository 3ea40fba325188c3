"""What the four numbers of a box are in COCO and VOC, as --boxes and --unit say it: corners or sides, pixels or fractions of the image."""

from __future__ import annotations

import numpy as np

from ..boxes import box_convert
from .model import UNKNOWN, Array, Dataset


class BoxNumbers:
    """The numbers of a file's boxes, which a new box changes."""

    def __init__(self, fmt: str) -> None:
        self.fmt = fmt
        self.scales: Array | None = None
        """Width and height twice, by which the fractions of each row were multiplied."""

    def settle(self, data: Dataset) -> Dataset:
        """Makes corners in pixels of a data set's numbers; in fractions of the image where a size is not known."""
        self.fmt = data.reading.boxes or self.fmt
        if self.fmt == "cxcywh":
            data.boxes = box_convert(data.boxes, "cxcywh", "xyxy")
        elif self.fmt == "xywh":
            with np.errstate(over="ignore", invalid="ignore"):
                data.boxes[:, 2:] += data.boxes[:, :2]
        if data.reading.unit == "fractions":
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
