"""Finds the boxes that will break training, before training.

Boxes are judged as training sees them: rounded to float32. A box that leaves its image by no more than TOLERANCE is inside: that much is
lost by the two decimals of COCO and the six of YOLO.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterator
from typing import Counter as Counts

import numpy as np

from ..boxes import BoxFlag, inspect_boxes
from .model import UNKNOWN, Array, Dataset, Finding, Rows, Track, quantity, silent
from .problems import PROBLEMS
from .turned import ADDED, add_flags, added_areas, rotated_boxes, turned_rows

TOLERANCE = 0.02
"""Pixels."""
_TOLERANCE_OF_FRACTIONS = 1e-6


def _counted(what: str, count: int) -> str:
    """What rows without a box are, as one of them or several."""
    return re.sub(r"^((?:header )?(?:image|line|comment))s\b", r"\1", what) if count == 1 else what


class Report(ABC):
    """What a report of a data set says of it, whether it was inspected at once or in parts."""

    dataset: Dataset
    photos: int | None
    """How many images have a photo that could be compared; None if that was not asked for."""

    @property
    @abstractmethod
    def boxes(self) -> int: ...

    @property
    @abstractmethod
    def images(self) -> int: ...

    @property
    @abstractmethod
    def account(self) -> dict[str, int]:
        """What became of the rows of the files."""

    @property
    @abstractmethod
    def unbounded(self) -> int:
        """How many boxes are in an image whose size is not known: whether they leave it was not checked."""

    @property
    @abstractmethod
    def found_beside(self) -> Counts[str]:
        """How many boxes and images have each problem, beside what the reader found."""

    @abstractmethod
    def findings(self, name: str) -> Iterator[Finding]:
        """The cases of a problem, in the order of the files."""

    @property
    def counts(self) -> dict[str, int]:
        """How many annotations (or images, or members of the file) have each problem; only those that were found."""
        found = self.found_beside + Counter(finding.problem for finding in self.dataset.faults)
        return {name: found[name] for name in PROBLEMS if found[name]}

    @property
    def verdict(self) -> str:
        """That nothing is wrong, if so; or that there was nothing to be wrong."""
        if self.counts:
            return ""
        if not self.boxes and not self.images:
            return "Nothing could be read." if self.dataset.unreadable else "There is no box in it, and no image."
        return "Nothing is wrong with what could be read." if self.dataset.unreadable else "Nothing is wrong."

    @property
    def account_text(self) -> str:
        """What became of the rows of the files, as a sentence; empty if each of them is a box."""
        account = dict(self.account)
        rows, boxes = account.pop("rows"), account.pop("boxes")
        if rows == boxes or not rows:
            return ""
        others = "".join(f", {count:,} {_counted(what, count)}" for what, count in account.items())
        return f"{quantity(rows, 'row')}: {quantity(boxes, 'box', 'boxes')}{others}."

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, and every file could be read."""
        return not self.counts and not self.dataset.unreadable

    def status(self, fail_on: set[str] | None = None) -> int:
        """0 clean, 1 a problem (one of those named, if any are), 2 something could not be read."""
        if self.dataset.unreadable:
            return 2
        return int(bool(self.counts if fail_on is None else fail_on & self.counts.keys()))


@dataclass
class Inspection(Report):
    """What is wrong with a data set: rows of annotations, rows of images, and what the reader found."""

    dataset: Dataset
    flags: Array
    """The flags of inspect_boxes, for each box, without those that follow from another."""
    rows: dict[str, Rows]
    image_rows: dict[str, Rows]
    photos: int | None = None
    """How many images have a photo that could be compared; None if that was not asked for."""

    @property
    def unbounded(self) -> int:
        """How many boxes are in an image whose size is not known: whether they leave it was not checked."""
        return sum(len(rows) for size, rows in self.dataset.size_groups() if size is None)

    @property
    def boxes(self) -> int:
        return len(self.dataset)

    @property
    def images(self) -> int:
        return len(self.dataset.images)

    @property
    def account(self) -> dict[str, int]:
        """What became of the rows of the files."""
        return self.dataset.account

    @property
    def found_beside(self) -> Counts[str]:
        found: Counts[str] = Counter()
        for rows in (self.rows, self.image_rows):
            found.update({name: len(some) for name, some in rows.items()})
        return found

    def findings(self, name: str) -> Iterator[Finding]:
        """All cases of a problem, in the order of the file."""
        yield from (finding for finding in self.dataset.faults if finding.problem == name)
        yield from self.of_boxes(name)
        yield from self.of_images(name)

    def of_boxes(self, name: str) -> Iterator[Finding]:
        for row in self.rows.get(name, np.empty(0, np.int64)).tolist():
            yield self._finding(name, row)

    def of_images(self, name: str) -> Iterator[Finding]:
        for row in self.image_rows.get(name, np.empty(0, np.int64)).tolist():
            height, width = self.dataset.sizes[row].tolist()
            values = f"{width:g} x {height:g}"
            yield Finding(name, self.dataset.source.image_place(row), self.dataset.images[row], None, values)

    def _finding(self, name: str, row: int) -> Finding:
        data = self.dataset
        values = box_text(data.boxes[row])
        if name == "area-differs":
            values += f", area {data.areas[row]:g}, not {areas_of(data.boxes[row : row + 1])[0]:g}"
        elif name == "self-intersecting" and data.quads is not None:
            values = _corners_text(data, row)
        elif name == "no-rectangle":
            values = f"{self._rotated_text(row) or values} adds {100 * added_areas(data, np.array([row]))[0]:.3g} % to the area of {_corners_text(data, row)}"
        elif PROBLEMS[name].flag in _OUTSIDE and data.image[row] != UNKNOWN:
            height, width = data.sizes[data.image[row]].tolist()
            values += f" in {width:g} x {height:g}" if height > 0 and width > 0 else ""
        if PROBLEMS[name].flag is not None and len(turned_rows(data, np.array([row]))) and (text := self._rotated_text(row)):
            values += f": {text}"
        return Finding(name, data.source.place(row), data.image_name(row), data.ids[row], values)

    def _rotated_text(self, row: int) -> str:
        """Empty of a box that is upright."""
        _, _, w, h, angle = rotated_boxes(self.dataset, np.array([row]))[0].tolist()
        return "" if angle == 0 else f"{w:.6g} x {h:.6g} turned by {np.degrees(angle):.4g} degrees"


def _corners_text(dataset: Dataset, row: int) -> str:
    assert dataset.quads is not None
    return " ".join(f"{number:g}" for number in dataset.quads[row])


_OUTSIDE = (BoxFlag.CENTER_NEGATIVE, BoxFlag.CENTER_BEYOND, BoxFlag.PARTLY_OUTSIDE, BoxFlag.WHOLLY_OUTSIDE)


def box_text(box: Array) -> str:
    """x1, y1, x2, y2, as short as they can be told apart."""
    return "%.10g, %.10g, %.10g, %.10g" % tuple(box.tolist())


def inspect(dataset: Dataset, *, min_size: float = 1.0, check_images: bool = False, track: Track = silent) -> Inspection:
    """Every problem of a data set.

    min_size: in pixels; boxes that are narrower or lower are small, unless their width or height is 0. check_images: compare the
    sizes of the images that are there.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "photo.txt").write_text("dog 10 10 50 60\\ncat 30 30 30 80\\n")
    >>> datasets.inspect(datasets.read(folder, image_size=(100, 100))).counts
    {'zero-width': 1}
    """
    flags = flags_of(dataset, dataset.boxes, min_size=min_size, track=track)
    rows = {problem.name: np.flatnonzero(flags & np.uint32(problem.flag)) for problem in PROBLEMS.values() if problem.flag}
    image_rows, photos = {}, None
    if dataset.sized:
        image_rows["image-size-missing"] = np.flatnonzero(~((dataset.sizes > 0) & np.isfinite(dataset.sizes)).all(axis=1))
    if check_images:
        image_rows["image-size-differs"], image_rows["image-size-turned"], photos = _differing_sizes(dataset, track)
    rows["duplicate"] = _duplicates(dataset)
    rows["area-differs"] = _differing_areas(dataset, flags)
    if dataset.quads is not None:
        crossed = _crosses(dataset.quads)
        rows["self-intersecting"] = np.flatnonzero(crossed)
        turned = turned_rows(dataset)
        rows["no-rectangle"] = turned[(added_areas(dataset, turned) > ADDED) & ~crossed[turned]]
    return Inspection(dataset, flags, _found(rows), _found(image_rows), photos)


def _found(rows: dict[str, Rows]) -> dict[str, Rows]:
    return {name: some.astype(np.int64) for name, some in rows.items() if len(some)}


def flags_of(dataset: Dataset, boxes: Array, *, min_size: float = 0.0, track: Track = silent) -> Array:
    """The flags of inspect_boxes for boxes in the images of the data set; they are not its own if they were moved."""
    tolerance = tolerance_of(dataset)
    smallest = 0 if dataset.fractions else min_size
    flags = inspect_boxes(as_trained(boxes, None, tolerance), min_size=smallest).flags
    leaving = np.flatnonzero(_beyond(dataset, boxes))  # the others have no flag that needs the image's size
    groups = [(size, rows) for size, rows in dataset.size_groups(leaving) if size is not None]
    for size, rows in track(groups, "sizes of images", len(groups)):
        flags[rows] = inspect_boxes(as_trained(boxes[rows], size, tolerance_of(dataset, rows)), size, min_size=smallest).flags
    if dataset.turned:
        add_flags(dataset, boxes, flags, smallest)
    centre = BoxFlag.CENTER_NEGATIVE | BoxFlag.CENTER_BEYOND  # where it is outside, a part is, and where all is, it is
    flags[(flags & np.uint32(centre)) != 0] &= np.uint32(~BoxFlag.PARTLY_OUTSIDE & 0x1FF)
    flags[(flags & np.uint32(BoxFlag.WHOLLY_OUTSIDE)) != 0] &= np.uint32(~centre & 0x1FF)
    empty = BoxFlag.ZERO_WIDTH | BoxFlag.ZERO_HEIGHT | BoxFlag.INVERTED
    flags[(flags & np.uint32(empty)) != 0] &= np.uint32(~BoxFlag.SMALL & 0x1FF)
    if dataset.in_fractions is not None:
        flags[dataset.in_fractions] &= np.uint32(~BoxFlag.SMALL & 0x1FF)
    return flags


def _beyond(dataset: Dataset, boxes: Array) -> Any:
    """Whether a box has a corner right of or below its image."""
    high = np.full((len(boxes), 2), np.inf)
    known = dataset.image != UNKNOWN
    high[known] = dataset.sizes[dataset.image[known]][:, ::-1]
    if dataset.in_fractions is not None:
        high[dataset.in_fractions] = 1
    return (boxes > np.tile(high, 2)).any(axis=1)


def tolerance_of(dataset: Dataset, rows: Rows | None = None) -> Any:
    """By how much boxes may leave their image and are inside, for inspections and repairs alike: those of some rows, or of all."""
    if dataset.in_fractions is None:
        return _TOLERANCE_OF_FRACTIONS if dataset.fractions else TOLERANCE
    fractions = dataset.in_fractions if rows is None else dataset.in_fractions[rows]
    return np.where(fractions, _TOLERANCE_OF_FRACTIONS, TOLERANCE)[:, None]


def leaves(boxes: Array, size: tuple[float, float], tolerance: Any) -> Any:
    """Whether each box leaves its image by more than the tolerance."""
    return ((boxes < -tolerance) | (boxes > np.array([size[1], size[0]] * 2) + tolerance)).any(axis=1)


def as_trained(boxes: Array, size: tuple[float, float] | None, tolerance: Any) -> Array:
    """The boxes in float32, with sides on the border of their image that leave it by no more than the tolerance."""
    with np.errstate(over="ignore", invalid="ignore"):
        boxes = np.where((boxes < 0) & (boxes >= -tolerance), 0, boxes)
        if size is not None:
            borders = np.array([size[1], size[0]] * 2)
            boxes = np.where((boxes > borders) & (boxes <= borders + tolerance), borders, boxes)
        return boxes.astype(np.float32)


def _duplicates(dataset: Dataset) -> Rows:
    """All but the first of the boxes that stand several times in an image, with the same category."""
    if dataset.unknown_image:
        return np.empty(0, np.int64)
    columns = [*dataset.boxes.T, dataset.category, dataset.image, *(() if dataset.annotators is None else (dataset.annotators,))]
    if dataset.turned and dataset.quads is not None:
        columns += [*np.nan_to_num(dataset.quads).T]  # boxes of one place may be turned otherwise
    alike = _alike(columns)
    columns = [column[alike] for column in columns]
    order = np.lexsort(columns)
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in columns:
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    order = alike[order]
    same &= dataset.image[order[1:]] != UNKNOWN
    return _of_one_class(dataset, np.sort(order[1:][same]), alike)  # lexsort is stable: the first of equal rows comes first


def _of_one_class(dataset: Dataset, found: Rows, alike: Rows) -> Rows:
    """Those of the rows found whose class is listed, or whose unlisted class an earlier row has, too, as far as the rows say it."""
    unknown = found[dataset.category[found] == UNKNOWN]
    if not len(unknown) or not any(fault.problem == "unknown-category" for fault in dataset.faults):
        return found
    seen: dict[tuple[float, ...], set[object]] = {}
    others: set[int] = set()
    again = set(unknown.tolist())
    for row in np.sort(alike[dataset.category[alike] == UNKNOWN]).tolist():
        rests = seen.setdefault((int(dataset.image[row]), *dataset.boxes[row].tolist()), set())
        rest = dataset.source.rest(row)
        if row in again and rest not in rests:
            others.add(row)
        rests.add(rest)
    return found[~np.isin(found, sorted(others))]


def _alike(columns: list[Array]) -> Rows:
    """The rows that another one may equal: all that have one hash with another, which is found faster than equal rows."""
    key = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        key = (key ^ (column.astype(np.float64) + 0.0).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)  # -0.0 is 0.0
        key ^= key >> np.uint64(29)
    ordered = np.sort(key)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    found: Rows = np.flatnonzero(np.isin(key, again)) if len(again) else np.empty(0, np.int64)
    return found


def areas_of(boxes: Array) -> Array:
    """Width times height."""
    with np.errstate(over="ignore", invalid="ignore"):
        area: Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _differing_areas(dataset: Dataset, flags: Array) -> Rows:
    """Areas that are not that of the box, or where it bounds a mask exceed it; to a pixel, and the last decimal of its sides."""
    given, own = dataset.areas, areas_of(dataset.boxes)
    with np.errstate(invalid="ignore", over="ignore"):
        half = (dataset.boxes[:, 2] - dataset.boxes[:, 0]) + (dataset.boxes[:, 3] - dataset.boxes[:, 1])
        tolerance = 1 + 0.01 * half + 1e-6 * own
        differs = np.where(dataset.outlined, given > own + tolerance, np.abs(given - own) > tolerance) | (given <= 0) & (own > 0)
    bad = BoxFlag.NOT_FINITE | BoxFlag.INVERTED
    found: Rows = np.flatnonzero(differs & ((flags & np.uint32(bad)) == 0))
    return found


def _crosses(quads: Array) -> Any:
    """Whether opposite sides of a quadrilateral cross."""
    a, b, c, d = quads.reshape(-1, 4, 2).transpose(1, 0, 2)

    def side(p: Array, q: Array, r: Array) -> Array:
        sign: Array = np.sign((q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (q[:, 1] - p[:, 1]) * (r[:, 0] - p[:, 0]))
        return sign

    def cross(p: Array, q: Array, r: Array, s: Array) -> Array:
        return (side(p, q, r) * side(p, q, s) < 0) & (side(r, s, p) * side(r, s, q) < 0)

    with np.errstate(over="ignore", invalid="ignore"):
        return cross(a, b, c, d) | cross(b, c, d, a)


def _differing_sizes(dataset: Dataset, track: Track) -> tuple[Rows, Rows, int]:
    """The images whose photo is there and has another size, those where only the sides are exchanged, and how many photos are there."""
    different: list[int] = []
    exchanged: list[int] = []
    photos, finder = 0, dataset.reading.finder_of(dataset.path)
    for row, name in enumerate(track(dataset.images, "photos", len(dataset.images))):
        both = finder.sizes(name)
        photos += both is not None
        height, width = dataset.sizes[row].tolist()
        if both is not None and height > 0 and width > 0 and (height, width) not in both:
            (exchanged if (height, width) == both[0][::-1] else different).append(row)
    return np.array(different, np.int64), np.array(exchanged, np.int64), photos
