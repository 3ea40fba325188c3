"""Which of its two sizes a photo turned by EXIF has, and sizes that an annotation declares with exchanged sides: the boxes say.

A photo is opened where no size is declared, and where a box leaves the declared one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Sequence

import numpy as np

from .model import UNKNOWN, Array, Dataset, Finding, Rows, quantity, whole
from .photos import ImageFinder, Size

_TOLERANCE = 1.0
"""Pixels: coordinates that start at 1 reach so far beyond."""


def settle(data: Dataset) -> Dataset:
    """The data set with the sizes that its boxes fit; or with the doubt, if they fit both or neither."""
    finder = data.reading.finder
    if finder is None or not len(data.images):
        return data
    _settle_turned(data, finder)
    if not data.relative:
        _settle_declared(data, finder)
    return data


def _settle_turned(data: Dataset, finder: ImageFinder) -> None:
    """Photos whose size is nowhere declared."""
    turned = {row: finder.turned[name] for row, name in enumerate(data.images) if name in finder.turned}
    boxes = np.isin(data.image, list(turned)) & np.isfinite(data.boxes).all(axis=1)
    if not boxes.any():
        return
    photos = quantity(len(turned), "photo is", "photos are") + " turned by EXIF"
    if data.reading.exif is not None:
        data.notes.append(f"{photos}, and the {data.reading.exif} size is taken, as --exif says.")
        return
    if data.relative:
        data.exif_doubt = (
            f"{photos}, and fractions of an image fit both sizes. The stored size is taken; --exif turned|stored says which it is"
        )
        return
    rows = np.flatnonzero(boxes)
    fit = [_fit(data, rows, {row: both[which] for row, both in turned.items()}) for which in (0, 1)]
    if fit[0].all() != fit[1].all():
        which = int(fit[1].all())
        data.notes.append(f"{photos}, and the boxes fit the {('stored', 'turned')[which]} size.")
        data.reading = replace(data.reading, exif=("stored", "turned")[which])
    else:
        which = int(fit[1].sum() > fit[0].sum())
        seen = (
            "fit both sizes"
            if fit[0].all()
            else f"fit neither size: {fit[0].sum():,} of {len(rows):,} fit the stored one, {fit[1].sum():,} the turned"
        )
        data.exif_doubt = (
            f"{photos}, and the boxes {seen}. The {('stored', 'turned')[which]} size is taken; --exif turned|stored says which it is"
        )
    for row, both in turned.items():
        data.sizes[row] = both[which]


def _settle_declared(data: Dataset, finder: ImageFinder) -> None:
    """Declared sizes that boxes leave, while they all fit the photo with its sides exchanged."""
    rows = np.flatnonzero((data.image != UNKNOWN) & whole(np.isfinite(data.boxes)))
    sizes = data.sizes[data.image[rows]]
    beyond = whole(sizes > 0) & ~inside(data.boxes[rows], sizes)
    leaving = np.unique(data.image[rows[beyond]])
    rows = rows[np.isin(data.image[rows], leaving)]
    rows = rows[np.argsort(data.image[rows], kind="stable")]
    of_images = np.split(rows, np.searchsorted(data.image[rows], leaving[1:]))
    for image, of_image in zip(leaving.tolist(), of_images):
        name = data.images[image]
        both = None if name in finder.turned else finder.sizes(name)
        if both is None:
            continue
        declared: Size = (float(data.sizes[image, 0]), float(data.sizes[image, 1]))
        other = other_size(declared, both, data.reading.exif)
        if other is not None and _fit(data, of_image, {image: other}).all():
            data.sizes[image] = other
            data.faults.append(Finding("image-size-turned", data.source.image_place(image), name, None, sides(declared, other)))


def other_size(declared: Size, both: tuple[Size, Size], exif: str | None = None) -> Size | None:
    """The size of a photo that a declared one is with exchanged sides; None if it is not."""
    stored, turned = both
    if stored == stored[::-1] or declared not in (stored, stored[::-1]):
        return None
    other = stored if stored == turned else both[exif == "turned"] if exif else declared[::-1]
    return None if other == declared else other


def sides(declared: Size, other: Size) -> str:
    """What a finding says of a declared size."""
    return f"{declared[1]:g} x {declared[0]:g} is declared, the photo is {other[1]:g} x {other[0]:g}"


def _fit(data: Dataset, rows: Rows, sizes: Dict[int, Size]) -> Array:
    """Whether the boxes of these rows are in images of these sizes."""
    found: Array = inside(data.boxes[rows], np.array([sizes[image] for image in data.image[rows].tolist()]).reshape(-1, 2))
    return found


def inside(boxes: Array, sizes: Array | Sequence[Size], tolerance: float = _TOLERANCE) -> Array:
    """Whether each box is in its image; or leaves it by no more than the tolerance."""
    high = np.asarray(sizes)[:, ::-1] + tolerance
    return whole(boxes >= -tolerance) & whole(boxes[:, :2] <= high) & whole(boxes[:, 2:] <= high)
