"""Writes a repaired copy of a data set: numbers are replaced and annotations are cut out where they stand, all other bytes stay."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from ..boxes import BoxFlag, clip_boxes_to_image
from ..errors import BoxgradError
from .formats import FORMATS
from .inspection import box_text, flags_of, inspect
from .model import Array, Dataset, Identifier, Place, Track, existing_folder, read_bytes, silent

POLICIES = {
    "swap": "sides that stand the wrong way round are exchanged",
    "clip": "boxes, and the corners of quadrilaterals, are limited to their image",
    "drop-outside": "boxes of which nothing is in the image go",
    "drop-degenerate": "boxes that are not finite, inverted, or (after clipping) without width or height go",
    "drop-small": "boxes below the smallest size go",
    "drop-duplicates": "all but the first of equal boxes go",
    "drop-crossed": "quadrilaterals whose sides cross go",
    "area": "the area field becomes width * height, of boxes that do not stand for a mask",
}
"""What a repair can do, in the order in which it is done."""

_DEGENERATE = BoxFlag.NOT_FINITE | BoxFlag.ZERO_WIDTH | BoxFlag.ZERO_HEIGHT | BoxFlag.INVERTED
_NAMES = ("classes.txt", "obj.names", "data.yaml")


@dataclass(frozen=True)
class Change:
    """One repair of one annotation; `after` is empty if it was dropped."""

    policy: str
    place: Place
    image: str
    id: Identifier
    before: str
    after: str


@dataclass
class Repair:
    """What was done, and what is left."""

    out: Path
    changes: list[Change]
    before: dict[str, int]
    after: dict[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """How many annotations each policy changed."""
        done = [change.policy for change in self.changes]
        return {policy: done.count(policy) for policy in POLICIES if policy in done}


def fix(dataset: Dataset, out: str | Path, policies: Sequence[str], *, min_size: float = 1.0, track: Track = silent) -> Repair:
    """Writes a repaired copy to `out`, a file or a folder like the data set's path, which must not exist yet.

    The copy appears complete or not at all. It is read back before it appears. Files of a folder that could not be read are
    copied as they are.

    policies: names of POLICIES; in whatever order they are given, they are done in that of POLICIES.

    ValueError: a policy; `out` exists, or lies in the data set's folder. OSError: as the system says.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "boxes.csv").write_text('image,x1,y1,x2,y2,note\\na.jpg,-5,0,20.0,10,"ok, really"\\na.jpg,9,9,9,9,\\n')
    >>> data = datasets.read(folder / "boxes.csv", image_size=(100, 100))
    >>> datasets.fix(data, folder / "new.csv", ["clip", "drop-degenerate"]).counts
    {'clip': 1, 'drop-degenerate': 1}
    >>> print((folder / "new.csv").read_text(), end="")
    image,x1,y1,x2,y2,note
    a.jpg,0,0,20.0,10,"ok, really"
    """
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown or not policies:
        raise ValueError(f"policies must be some of {', '.join(POLICIES)}, not {', '.join(unknown) or 'none'}")
    out = Path(out)
    inside = dataset.path.is_dir() and dataset.path.resolve() in (out.parent.resolve() / out.name).parents
    existing_folder(out)
    if os.path.lexists(out) or inside:
        raise ValueError(f"out must be new, and {out} " + ("lies in the data set's folder" if inside else "exists"))

    boxes, areas, dropped, changes = _decide(dataset, set(policies), min_size)
    with _appearing(out, folder=dataset.path.is_dir()) as partial:
        _write(dataset, partial, boxes, areas, dropped, track)
        copy = FORMATS[dataset.format](partial, dataset.reading)
        stays = np.array([row for row in range(len(dataset)) if row not in dropped], np.int64)
        wanted = dataset.boxes.copy()
        for row, box in boxes.items():
            wanted[row] = box
        if len(copy) != len(stays) or not np.allclose(copy.boxes, wanted[stays], rtol=1e-9, atol=1e-6, equal_nan=True):
            raise BoxgradError("the repaired copy does not read back as it was meant; nothing was written")
        after = inspect(copy, min_size=min_size).counts
    return Repair(out, changes, inspect(dataset, min_size=min_size).counts, after)


def _decide(dataset: Dataset, policies: set[str], min_size: float) -> tuple[dict[int, Array], dict[int, float], set[int], list[Change]]:
    """The new boxes, the new areas, the rows to drop, and the account of it."""
    boxes = dataset.boxes.copy()
    there = np.ones(len(dataset), bool)
    changes: list[Change] = []

    def account(policy: str, rows: Array, before: Array, after: Array | None = None) -> None:
        for row in rows.tolist():
            new = "" if after is None else box_text(after[row])
            changes.append(Change(policy, dataset.source.place(row), dataset.image_name(row), dataset.ids[row], box_text(before[row]), new))

    def drop(policy: str, bad: Array) -> None:
        if policy in policies:
            rows = np.flatnonzero(bad & there)
            account(policy, rows, boxes)
            there[rows] = False

    def has(flag: BoxFlag) -> Array:
        found: Array = (flags_of(dataset, boxes, min_size=min_size) & np.uint32(flag)) != 0
        return found

    if "swap" in policies:
        old = boxes.copy()
        rows = np.flatnonzero(has(BoxFlag.INVERTED))
        boxes[rows] = np.hstack([np.minimum(old[rows, :2], old[rows, 2:]), np.maximum(old[rows, :2], old[rows, 2:])])
        account("swap", rows, old, boxes)
    drop("drop-outside", has(BoxFlag.WHOLLY_OUTSIDE))
    if "clip" in policies:
        old = boxes.copy()
        for size, rows in dataset.size_groups(np.flatnonzero(there & np.isfinite(boxes).all(axis=1))):
            if size is not None:
                boxes[rows] = clip_boxes_to_image(boxes[rows], size)
        account("clip", np.flatnonzero((boxes != old).any(axis=1) & np.isfinite(boxes).all(axis=1)), old, boxes)
    drop("drop-degenerate", has(_DEGENERATE))
    drop("drop-small", has(BoxFlag.SMALL))
    found = inspect(replace(dataset, boxes=boxes), min_size=min_size).rows
    for policy, problem in (("drop-duplicates", "duplicate"), ("drop-crossed", "self-intersecting")):
        drop(policy, np.isin(np.arange(len(dataset)), found.get(problem, ())))
    areas = {}
    if "area" in policies:
        own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        moved = (boxes != dataset.boxes).any(axis=1)
        rows = np.flatnonzero(there & ~dataset.outlined & ~np.isnan(dataset.areas) & np.isfinite(own) & moved)
        for row in sorted({*rows.tolist(), *(row for row in found.get("area-differs", np.empty(0, int)).tolist() if there[row])}):
            if not dataset.outlined[row] and np.isfinite(own[row]):
                areas[row] = float(own[row])
                text = f"area {dataset.areas[row]:g}", f"area {own[row]:g}"
                changes.append(Change("area", dataset.source.place(row), dataset.image_name(row), dataset.ids[row], *text))
    moved = (boxes != dataset.boxes).any(axis=1) & np.isfinite(dataset.boxes).all(axis=1) & there
    return {row: boxes[row] for row in np.flatnonzero(moved).tolist()}, areas, set(np.flatnonzero(~there).tolist()), changes


def _write(dataset: Dataset, partial: Path, boxes: dict[int, Array], areas: dict[int, float], dropped: set[int], track: Track) -> None:
    files = dataset.source.rewrite(boxes, areas, dropped)
    if not dataset.path.is_dir():
        _, data = next(files)
        partial.write_bytes(data)
        return
    for path, data in track(files, "files", len(dataset.images)):
        _put(partial / path.relative_to(dataset.path), data)
    left = [error.file for error in dataset.unreadable]
    names = [dataset.path / name for name in _NAMES if (dataset.path / name).is_file()]
    for path in (*left, *names):
        _put(partial / path.relative_to(dataset.path), read_bytes(path))


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def _appearing(out: Path, *, folder: bool) -> Iterator[Path]:
    """A path beside `out` for its content, which becomes `out` if all goes well; `out` is not overwritten by that."""
    holder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        partial = holder / out.name
        if folder:
            partial.mkdir()
        yield partial
        for path in (partial, *partial.rglob("*")) if folder else (partial,):
            _sync(path)
        if folder:
            os.rename(partial, out)  # fails if there is a folder that is not empty, or a file
        else:
            os.link(partial, out)  # fails if there is anything
        _sync(out.parent)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
