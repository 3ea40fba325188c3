"""Writes a repaired copy of a data set: numbers are replaced and annotations are cut out where they stand, all other bytes stay."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np

from ..boxes import BoxFlag, clip_boxes_to_image
from .diffs import differences
from .exif import settle
from .formats import FORMATS
from .guards import refuse_drops, refuse_to_begin
from .inspection import areas_of, box_text, flags_of, inspect, leaves, tolerance_of
from .model import CLASS_FILES, Array, Dataset, Identifier, Place, Track, every_file_below, existing_folder, read_bytes, silent
from .records import Copied
from .verification import verify

POLICIES = {
    "swap": "sides that stand the wrong way round are exchanged",
    "clip": "boxes, and the corners of polygons, are limited to their image; not rotated boxes with an angle",
    "drop-outside": "boxes of which nothing is in the image go",
    "drop-degenerate": "boxes that are not finite, inverted, or (after clipping) without width or height go",
    "drop-small": "boxes below the smallest size go",
    "drop-duplicates": "all but the first of equal boxes go, unless their annotations differ in more than id, area and score",
    "drop-crossed": "quadrilaterals whose sides cross go",
    "area": "the area field becomes width * height, of boxes that do not stand for a mask",
}
"""What a repair can do, in the order in which it is done."""

_DEGENERATE = BoxFlag.NOT_FINITE | BoxFlag.ZERO_WIDTH | BoxFlag.ZERO_HEIGHT | BoxFlag.INVERTED


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

    out: Path | None
    """None if nothing was written because that was only tried."""
    changes: list[Change]
    before: dict[str, int]
    after: dict[str, int]
    left: list[Change] = field(default_factory=list)
    """What was not done, because the row says more than its format explains or edits in place, or what its twin does not."""
    diffs: list[str] = field(default_factory=list)
    """Of a trial: a diff of each file that would change."""
    not_copied: list[Path] = field(default_factory=list)
    """The files of the folder that are not in the copy, like photos: no label was read from them."""

    @property
    def counts(self) -> dict[str, int]:
        """How many annotations each policy changed."""
        done = [change.policy for change in self.changes]
        return {policy: done.count(policy) for policy in POLICIES if policy in done}


def fix(
    dataset: Dataset, out: str | Path | None, policies: Sequence[str], *, min_size: float = 1.0, allow_malformed: float | None = None,
    max_dropped: float | None = None, dry_run: bool = False, track: Track = silent,
) -> Repair:  # fmt: skip
    """Writes a repaired copy to `out`, a file or a folder like the data set's path, which must not exist yet.

    The copy appears complete or not at all. That of a folder is without photos and other files of which no label was read; files that could not
    be read are copied as they are. Before the copy appears, it is read back and compared with the original: each record that is not
    reported has the same bytes, and of the others only the numbers of the box and the area differ. Rows that say more than their format
    explains, or whose numbers cannot be edited in place, stay as they are, and are reported in `left`.

    policies: names of POLICIES; in whatever order they are given, they are done in that of POLICIES. allow_malformed: the share of
    malformed annotations, from 0 to 1, up to which there is a repair; without it, 1 % or five. max_dropped: the share of boxes, from 0 to
    1, that may be dropped, or clipped to nothing; without it, 5 % or twenty. dry_run: write nothing and return the diffs; `out` may be
    None.

    ValueError: a policy, a share; `out` exists, or lies in the data set's folder. BoxgradError: the format is not certain, the policies
    need a size that is not certain, or too much is malformed or would be dropped. OSError: as the system says.

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
    >>> print(datasets.fix(data, None, ["clip"], dry_run=True).diffs[0].split("\\n", 2)[2], end="")
    @@ -2 +2 @@
    -a.jpg,-5,0,20.0,10,"ok, really"
    +a.jpg,0,0,20.0,10,"ok, really"
    """
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown or not policies:
        raise ValueError(f"policies must be some of {', '.join(POLICIES)}, not {', '.join(unknown) or 'none'}")
    if out is None and not dry_run:
        raise ValueError("out must name the repaired copy")
    out = None if out is None else Path(out)
    if out is not None:
        inside = dataset.path.is_dir() and dataset.path.resolve() in (out.parent.resolve() / out.name).parents
        existing_folder(out)
        if os.path.lexists(out) or inside:
            raise ValueError(f"out must be new, and {out} " + ("lies in the data set's folder" if inside else "exists"))
    if dataset.unreadable and not dataset.path.is_dir():
        raise dataset.unreadable[0]
    refuse_to_begin(dataset, policies, allow_malformed)
    boxes, areas, dropped, changes, left = _decide(dataset, set(policies), min_size)
    drops = [change for change in changes if not change.after]
    emptied = [row for row in boxes.keys() - dropped if _is_empty(boxes[row]) and not _is_empty(dataset.boxes[row])]
    refuse_drops(dataset, drops, [_change(dataset, "clip", row, dataset.boxes[row]) for row in sorted(emptied)], max_dropped)
    folder = dataset.path.is_dir()
    with _passing(dataset.path.name) if dry_run or out is None else _appearing(out, folder=folder) as partial:
        if folder:
            partial.mkdir(exist_ok=True)
        _write(dataset, partial, boxes, areas, dropped, track)
        edited = {*boxes, *areas} - dropped
        verify(dataset, partial, edited, dropped, set(_others(dataset)))
        copy = settle(FORMATS[dataset.format](partial, replace(dataset.reading, original=dataset.path)))
        stays = np.array([row for row in range(len(dataset)) if row not in dropped], np.int64)
        wanted = dataset.boxes.copy()
        for row, box in boxes.items():
            wanted[row] = box
        if len(copy) != len(stays) or not np.allclose(copy.boxes, wanted[stays], rtol=1e-9, atol=1e-6, equal_nan=True):
            raise Copied(str(dataset.path), "has other boxes")
        after = inspect(copy, min_size=min_size).counts
        diffs = list(differences(dataset, partial, edited, dropped)) if dry_run else []
        all_files = every_file_below(dataset.path) if folder else []
        not_copied = [file for file in all_files if not (partial / file.relative_to(dataset.path)).exists()]
    before = inspect(dataset, min_size=min_size).counts
    return Repair(None if dry_run else out, changes, before, after, left, diffs, not_copied)


def _is_empty(box: Array) -> bool:
    return bool((box[2:] <= box[:2]).any())


def _decide(
    dataset: Dataset, policies: set[str], min_size: float
) -> tuple[dict[int, Array], dict[int, float], set[int], list[Change], list[Change]]:
    """The new boxes, the new areas, the rows to drop, the account of it, and that of what is left as it is."""
    boxes = dataset.boxes.copy()
    there = np.ones(len(dataset), bool)
    changes: list[Change] = []
    left: list[Change] = []

    def account(policy: str, rows: Array, before: Array, after: Array | None = None) -> None:
        kept = locked if after is None else uneditable
        for row in rows.tolist():
            change = _change(dataset, policy, row, before[row], None if after is None else after[row])
            (left if kept[row] else changes).append(change)

    def drop(policy: str, bad: Array) -> None:
        if policy in policies:
            rows = np.flatnonzero(bad & there)
            account(policy, rows, boxes)
            there[rows[~locked[rows]]] = False

    locked = np.isin(np.arange(len(dataset)), list(dataset.locked))
    # A rotated box that is given by its angle is none any more when its corners are moved.
    uneditable = locked if dataset.rotated is None else locked | ~np.isnan(dataset.rotated).all(axis=1)

    def keep_locked() -> None:
        boxes[uneditable] = dataset.boxes[uneditable]

    def has(flag: BoxFlag) -> Array:
        found: Array = (flags_of(dataset, boxes, min_size=min_size) & np.uint32(flag)) != 0
        return found

    if "swap" in policies:
        old = boxes.copy()
        rows = np.flatnonzero(has(BoxFlag.INVERTED))
        boxes[rows] = np.hstack([np.minimum(old[rows, :2], old[rows, 2:]), np.maximum(old[rows, :2], old[rows, 2:])])
        account("swap", rows, old, boxes)
        keep_locked()
    drop("drop-outside", has(BoxFlag.WHOLLY_OUTSIDE))
    if "clip" in policies:
        old = boxes.copy()
        for size, rows in dataset.size_groups(np.flatnonzero(there & np.isfinite(boxes).all(axis=1))):
            if size is not None:
                rows = rows[leaves(boxes[rows], size, tolerance_of(dataset, rows))]  # the others are inside, as inspect says
                boxes[rows] = clip_boxes_to_image(boxes[rows], size)
        account("clip", np.flatnonzero((boxes != old).any(axis=1) & np.isfinite(boxes).all(axis=1)), old, boxes)
        keep_locked()
    drop("drop-degenerate", has(_DEGENERATE))
    drop("drop-small", has(BoxFlag.SMALL))
    found = inspect(replace(dataset, boxes=boxes), min_size=min_size).rows
    if "drop-duplicates" in policies:
        again = found.get("duplicate", np.empty(0, np.int64))
        same, other = _twins(dataset, boxes, again[there[again]])
        drop("drop-duplicates", np.isin(np.arange(len(dataset)), same))
        left += [_change(dataset, "drop-duplicates", row, boxes[row]) for row in other]
    drop("drop-crossed", np.isin(np.arange(len(dataset)), found.get("self-intersecting", ())))
    areas = {}
    if "area" in policies:
        own = areas_of(boxes)
        moved = (boxes != dataset.boxes).any(axis=1)
        rows = np.flatnonzero(there & ~dataset.outlined & ~np.isnan(dataset.areas) & np.isfinite(own) & moved)
        for row in sorted({*rows.tolist(), *(row for row in found.get("area-differs", np.empty(0, int)).tolist() if there[row])}):
            if not dataset.outlined[row] and not locked[row] and np.isfinite(own[row]):
                areas[row] = float(own[row])
                text = f"area {dataset.areas[row]:g}", f"area {own[row]:g}"
                changes.append(Change("area", dataset.source.place(row), dataset.image_name(row), dataset.ids[row], *text))
    moved = (boxes != dataset.boxes).any(axis=1) & np.isfinite(dataset.boxes).all(axis=1) & there
    return {row: boxes[row] for row in np.flatnonzero(moved).tolist()}, areas, set(np.flatnonzero(~there).tolist()), changes, left


def _change(dataset: Dataset, policy: str, row: int, before: Array, after: Array | None = None) -> Change:
    new = "" if after is None else box_text(after)
    return Change(policy, dataset.source.place(row), dataset.image_name(row), dataset.ids[row], box_text(before), new)


def _twins(dataset: Dataset, boxes: Array, again: Array) -> tuple[list[int], list[int]]:
    """Of rows whose box stands before them, those of which an earlier one says the same beside the box, and the others."""
    seen: dict[object, set[object]] = {}
    same: list[int] = []
    other: list[int] = []
    found = set(again.tolist())
    for row in np.flatnonzero(np.isin(dataset.image, dataset.image[again])).tolist() if len(again) else ():
        rests = seen.setdefault((dataset.image[row], dataset.category[row], *boxes[row].tolist()), set())
        rest = dataset.source.rest(row)
        if row in found:
            (same if rest in rests else other).append(row)
        rests.add(rest)
    return same, other


def _write(dataset: Dataset, partial: Path, boxes: dict[int, Array], areas: dict[int, float], dropped: set[int], track: Track) -> None:
    files = dataset.source.rewrite(boxes, areas, dropped)
    if not dataset.path.is_dir():
        _, data = next(files)
        partial.write_bytes(data)
        return
    for path, data in track(files, "files", len(dataset.images)):
        _put(partial / path.relative_to(dataset.path), data)
    for path in _others(dataset):
        _put(partial / path.relative_to(dataset.path), read_bytes(path))


def _others(dataset: Dataset) -> list[Path]:
    """The files of a folder that are copied as they are."""
    names = [dataset.path / name for name in CLASS_FILES if (dataset.path / name).is_file()]
    below = [file for file in dataset.class_files if dataset.path in file.parents]
    return sorted({*(error.file for error in dataset.unreadable), *names, *below, *dataset.beside})


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def _passing(name: str) -> Iterator[Path]:
    """A path for a copy that is looked at and never appears."""
    with tempfile.TemporaryDirectory(prefix="boxgrad-") as holder:
        yield Path(holder) / name


@contextmanager
def _appearing(out: Path, *, folder: bool) -> Iterator[Path]:
    """A path beside `out` for its content, which becomes `out` if all goes well; `out` is not overwritten by that."""
    holder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        partial = holder / out.name
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
