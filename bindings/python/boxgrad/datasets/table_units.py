"""What the numbers of a table are relative to: the sizes of images that its rows declare, and pixels or fractions of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Sequence, Tuple

import numpy as np

from .model import MISSING, UNKNOWN, Array, Dataset, Finding, Rows, quantity, whole
from .table_source import Part, Source

_MOST = 0.9
_PIXELS = 2.0
"""From where on a number among fractions of an image is one of pixels."""

Declared = Tuple[Rows, Array, Part, Rows]
"""Of a file the image and the size of each row that declares one, and which row it is."""


def find_sizes(data: Dataset, declared: Array, rows_of_parts: Sequence[Declared], parts: Sequence[Part]) -> None:
    """The sizes of the images: as declared, unless the columns width and height are those of the boxes, or declare several."""
    found = data.reading.sizes_of_boxes
    if found is None:
        found = _are_sizes_of_boxes(data.boxes, declared)
    data.reading = replace(data.reading, sizes_of_boxes=found)
    headers = [part.header for part in parts if part.header.size is not None]
    data.sized = bool(headers) and not found
    if found and headers and headers[0].size is not None:
        height, width = (headers[0].names[column] for column in headers[0].size)
        data.notes.append(f"The columns {width!r} and {height!r} are the sizes of the boxes, and not of the images.")
        rows_of_parts = ()
    sizes = np.full((len(data.images), 2), np.nan)
    differ: Dict[int, str] = {}
    for images, some, part, rows in rows_of_parts:
        right = whole((some > 0) & np.isfinite(some))
        for mask in (~right, right):  # a size that is one goes before one that is none
            if not mask.any():
                continue
            fresh = mask & ~whole(sizes > 0)[images]
            sizes[images[fresh][::-1]] = some[fresh][::-1]  # the first of several
        other = np.flatnonzero(right & ~whole(sizes[images] == some))
        for at in other.tolist():
            image = int(images[at])
            one, other_one = (f"{width:g} x {height:g}" for height, width in (some[at].tolist(), sizes[image].tolist()))
            differ.setdefault(image, f"{part.frame.place(int(rows[at]))}: {one}, and {other_one} before")
    if differ:
        sizes[list(differ)] = np.nan  # neither is certain
        named = f"{quantity(len(differ), 'image has', 'images have')} rows that declare different sizes, so that none is taken"
        data.notes.append(f"{named}, like {next(iter(differ.values()))}.")
    for image in np.flatnonzero(~whole((sizes > 0) & np.isfinite(sizes))).tolist():
        size = (float(sizes[image, 0]), float(sizes[image, 1]))
        sizes[image] = data.reading.size(size if size[0] == size[0] else MISSING, data.reading.finder, data.images[image])
    data.sizes = sizes


def _are_sizes_of_boxes(boxes: Array, declared: Array) -> bool:
    """Whether the size that rows declare is that of their box, and no size of an image, because boxes leave it."""
    with np.errstate(invalid="ignore", over="ignore"):
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        near = np.where((width > 2) & (height > 2), 1, 0.01)  # some count a box of a pixel as 1 wide, and some as 0
        same = (abs(width - declared[:, 1]) <= near) & (abs(height - declared[:, 0]) <= near)
        beyond = (boxes[:, 2] > declared[:, 1] + 1) | (boxes[:, 3] > declared[:, 0] + 1)
    return bool(beyond.any()) and int(same.sum()) >= _MOST * len(boxes)


def find_fractions(data: Dataset, source: Source) -> None:
    """Boxes in fractions become pixels where all sizes are known; whether they are, nearly all of them say."""
    values, share = _share_of_fractions(data.boxes)
    integers = share >= _MOST and bool((values == np.floor(values)).all())
    given = data.reading.fractions if data.reading.unit is None else data.reading.unit == "fractions"
    fractions = share >= _MOST and not integers if given is None else given
    if given is None and len(values):
        seen = f"{share:.0%} of the boxes have coordinates like fractions of the image"
        if 1 - _MOST < share < _MOST or integers:
            asks = "say which with --unit pixels or --unit fractions"
            data.doubt = _differing_files(source) or f"{seen}, so that they could be pixels or fractions of the image: {asks}"
        data.evidence += f", {seen}" if fractions else ""
    data.reading = replace(data.reading, fractions=fractions)
    if not fractions:
        return
    data.relative = True
    data.areas[:] = np.nan  # in whatever unit they are, it is not that of the boxes
    pixels = np.flatnonzero((data.boxes > _PIXELS).any(axis=1) & whole(np.isfinite(data.boxes)))
    for row in pixels.tolist():
        data.locked[row] = "its numbers are pixels, among fractions of the image"
        data.faults.append(_in_pixels(data, row))
    known = (data.image != UNKNOWN).all() and bool(((data.sizes > 0) & np.isfinite(data.sizes)).all())
    data.fractions = not known
    if known:
        source.scales = np.tile(data.sizes[data.image][:, ::-1], 2)
        source.scales[pixels] = 1
        data.boxes = data.boxes * source.scales
    elif len(pixels):
        data.fractions, data.in_fractions = False, np.isin(np.arange(len(data)), pixels, invert=True)
    else:
        data.sizes[:] = 1
        data.sized = False


def _share_of_fractions(boxes: Array) -> Tuple[Array, float]:
    """The boxes that can tell, and how many of them have coordinates like fractions of the image."""
    values = boxes[whole(np.isfinite(boxes)) & ~whole(boxes == 0)]
    return values, float(whole((values >= -0.5) & (values <= 1.5)).mean()) if len(values) else 0.0


def _differing_files(source: Source) -> str:
    """What is said of a folder of which some files are in pixels and some in fractions; empty if it is not so."""
    of_part = [(part.frame.path, *_share_of_fractions(part.boxes.numbers)) for part in source.parts]
    fractions = [path for path, values, share in of_part if share >= _MOST]
    pixels = [path for path, values, share in of_part if len(values) and share <= 1 - _MOST]
    if not fractions or not pixels:
        return ""
    named = f"{fractions[0]} holds fractions of the image, and {pixels[0]} pixels"
    return f"{named}, so that one --unit does not fit both: keep them in folders of their own"


def _in_pixels(data: Dataset, row: int) -> Finding:
    values = ", ".join(f"{number:g}" for number in data.boxes[row].tolist())
    return Finding("pixels-not-fractions", data.source.place(row), data.image_name(row), data.ids[row], values)
