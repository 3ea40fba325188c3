"""A data set as columns: what each reader gives and each tool takes."""

from __future__ import annotations

import errno
import os
from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, Iterator, Mapping, Optional, Protocol, Sequence, TypeVar, Union

import numpy as np
import numpy.typing as npt

from ..errors import BoxgradError
from .photos import ImageFinder as ImageFinder
from .photos import Size as Size

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Identifier = Union[int, str, None]

CLASS_FILES = ("classes.txt", "obj.names", "data.yaml")
"""Where the names of YOLO's classes stand."""
UNKNOWN = -1
"""The row of an image or a category that is not listed."""

Item = TypeVar("Item")


class Track(Protocol):
    """Passes items through and may show how far it is."""

    def __call__(self, items: Iterable[Item], what: str, total: int) -> Iterable[Item]: ...


def silent(items: Iterable[Item], what: str, total: int) -> Iterable[Item]:
    """Shows nothing."""
    return items


class UnreadableError(BoxgradError, ValueError):
    """A file that cannot be read at all: where, and why."""

    def __init__(self, file: Path, reason: str, line: int | None = None) -> None:
        super().__init__(f"{file}{'' if line is None else f', line {line}'}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason

    def __reduce__(self) -> Any:
        return type(self), (self.file, self.reason, self.line)


@dataclass(frozen=True)
class Place:
    """Where something stands: the member is named as the format does, like annotations[17] or object 3."""

    file: Path
    line: int | None = None
    member: str = ""

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        return f"{self.file}{line}" + (f" {self.member}" if self.member else "")


@dataclass(frozen=True)
class Finding:
    """One example of a problem."""

    problem: str
    place: Place
    image: str = ""
    id: Identifier = None
    values: str = ""


class Source(Protocol):
    """The files behind a data set."""

    def place(self, row: int) -> Place:
        """Where the annotation of this row stands."""

    def image_place(self, row: int) -> Place:
        """Where the image of this row is described."""

    def rest(self, row: int) -> object:
        """What the annotation of this row says beside its box: twins say the same."""

    def rewrite(self, boxes: Mapping[int, Array], areas: Mapping[int, float], dropped: set[int]) -> Iterator[tuple[Path, bytes]]:
        """Each file with new boxes and areas in some rows and without others; all other bytes as they are."""


@dataclass
class Dataset:
    """Boxes of many images. Boxes are x1, y1, x2, y2 in pixels; in fractions of the image where `fractions` says so."""

    format: str
    path: Path
    source: Source
    boxes: Array
    image: Rows
    """The row of each box' image, or UNKNOWN."""
    category: Rows
    """The row of each box' category, or UNKNOWN."""
    ids: list[Identifier]
    images: list[str]
    sizes: Array
    """(height, width) of each image; NaN, 0 or negative if it is missing."""
    categories: list[str]
    areas: Array
    """The file's own area of each box, NaN where it has none."""
    outlined: npt.NDArray[np.bool_]
    """Whether the box stands for a mask or a crowd, whose area is not width * height."""
    quads: Array | None = None
    """(N, 8) corners, NaN for boxes that have none; None if no box has any."""
    rotated: Array | None = None
    """(N, 5) cx, cy, w, h and the angle in radians, clockwise, of boxes that the file gives so, NaN for the others; None if it gives none so.
    Their corners are in `quads`."""
    turned: bool = False
    """Whether quadrilaterals stand for rotated boxes, and not for masks."""
    fractions: bool = False
    sized: bool = True
    """Whether the format is expected to tell image sizes."""
    faults: list[Finding] = field(default_factory=list)
    """Problems that only the reader could see."""
    unreadable: list[UnreadableError] = field(default_factory=list)
    """Files that were left out."""
    reading: Reading = field(default_factory=lambda: Reading())
    found_out: bool = False
    """Whether the user left the format open."""
    evidence: str = ""
    """On what the format was found out, or what its numbers mean."""
    doubt: str = ""
    """Why the format, or what it means, is not certain: what was seen, what it could be, and which option says so."""
    exif_doubt: str = ""
    """Why it is not known which of their two sizes photos turned by EXIF have."""
    notes: list[str] = field(default_factory=list)
    """What a report says of how the data was read."""
    unknown_image: str = ""
    """Why it is not known which boxes share an image, so that none is the duplicate of another."""
    beside: list[Path] = field(default_factory=list)
    """Text files of the folder that are no labels: they are not read, and copied as they are."""
    passed_over: Dict[str, list[Path]] = field(default_factory=dict)
    """Other files that were not read, by what they are, like hidden files or photos without labels."""
    unused: Dict[str, int] = field(default_factory=dict)
    """What was read and not used, by its name, like column 'occluded' or element <part>, and how often it stands there."""
    rows: int = 0
    """How many rows, lines, objects or records the files hold, whatever became of them."""
    without_box: Dict[str, int] = field(default_factory=dict)
    """The rows that hold no box, and rightly so, by what they are, like images without boxes."""
    locked: Dict[int, str] = field(default_factory=dict)
    """The rows that say more than their format explains, and what: no repair touches them."""
    annotators: Array | None = None
    """Who drew each box, where several did: equal boxes of two of them are no duplicates."""
    relative: bool = False
    """Whether the file's numbers are fractions of the image, whatever `boxes` holds."""
    in_fractions: npt.NDArray[np.bool_] | None = None
    """The boxes that are in fractions of their image, whose size is not known, while others are in pixels; None if there are none."""
    class_files: list[Path] = field(default_factory=list)
    """The files of the class names, which a copy needs."""
    by_all_lines: bool = False
    """Whether all lines together decided how each is read, so that a part of them may be read in another way."""
    listed: bool = False
    """Whether the path is a list of the files, like data.yaml, and none of them."""

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def account(self) -> Dict[str, int]:
        """What became of the rows: boxes, malformed rows, and those without a box, which add up to `rows`."""
        malformed = sum(fault.problem == "malformed" for fault in self.faults)
        return {"rows": self.rows, "boxes": len(self), **({"malformed": malformed} if malformed else {}), **self.without_box}

    @property
    def taken_as(self) -> str:
        """The format, and on what it was found out."""
        return self.format + (f" ({self.evidence})" if self.evidence else "")

    @property
    def said(self) -> list[str]:
        """What every report says of how the data was read, and what of it is not certain."""
        found = [f"The format is not certain: {self.doubt}."] if self.doubt else []
        found += [f"{one}." for one in (self.exif_doubt,) if one] + self.notes
        beside = [file for file in self.beside if file.name not in CLASS_FILES]
        if beside:
            found.append(f"Not read, because it holds no labels: {beside[0]}" + (f", and {len(beside) - 1:,} more." if beside[1:] else "."))
        for what, files in self.passed_over.items():
            found.append(f"Not read, {what}: {files[0]}" + (f", and {len(files) - 1:,} more." if files[1:] else "."))
        if self.unused:
            named = [f"{what} ({count:,})" for what, count in sorted(self.unused.items(), key=lambda one: -one[1])]
            found.append(f"Not used: {', '.join(named[:10])}" + (f", and {len(named) - 10:,} more." if named[10:] else "."))
        if self.unknown_image:
            found.append(f"It is not known which boxes share an image, so duplicates are not looked for: {self.unknown_image}.")
        if self.locked:
            row, what = next(iter(self.locked.items()))
            found.append(f"{quantity(len(self.locked), 'row')} that no repair touches, like {self.source.place(row)}: {what}.")
        return found

    def image_name(self, row: int) -> str:
        return self.images[image] if (image := int(self.image[row])) != UNKNOWN else ""

    def category_name(self, row: int) -> str:
        return self.categories[category] if (category := int(self.category[row])) != UNKNOWN else ""

    def size_groups(self, rows: Rows | None = None) -> Iterator[tuple[Size | None, Rows]]:
        """The rows of annotations by the size of their image, which is None where there is none."""
        rows = np.arange(len(self)) if rows is None else rows
        sizes = np.full((len(rows), 2), np.nan)
        known = self.image[rows] != UNKNOWN
        sizes[known] = self.sizes[self.image[rows[known]]]
        if self.in_fractions is not None:
            sizes[self.in_fractions[rows]] = 1
        missing = ~((sizes > 0) & np.isfinite(sizes)).all(axis=1)
        if missing.any():
            yield None, rows[missing]
        rows, sizes = rows[~missing], sizes[~missing]
        order = np.lexsort((sizes[:, 1], sizes[:, 0]))
        rows, sizes = rows[order], sizes[order]
        ends = np.flatnonzero((sizes[1:] != sizes[:-1]).any(axis=1)) + 1
        for first, last in zip([0, *ends.tolist()], [*ends.tolist(), len(rows)]):
            if first < last:
                height, width = sizes[first].tolist()
                yield (height, width), rows[first:last]


class Columns:
    """Grows the columns of a data set, a box at a time."""

    def __init__(self) -> None:
        self.boxes = array("d")
        self.quads: Dict[int, Iterable[float]] = {}
        self.rotated: Dict[int, Sequence[float]] = {}
        self.image, self.category = array("q"), array("q")
        self.areas, self.outlined = array("d"), bytearray()
        self.ids: list[Identifier] = []
        self.images: list[str] = []
        self.sizes = array("d")
        self.categories: Dict[Identifier, int] = {}
        self.names: list[str] = []
        self.faults: list[Finding] = []
        self.unreadable: list[UnreadableError] = []
        self.locked: Dict[int, str] = {}
        self.rows = 0
        self.without_box: Counter[str] = Counter()
        self.unused: Counter[str] = Counter()

    def add_image(self, name: str, size: Size) -> int:
        self.images.append(name)
        self.sizes.extend(size)
        return len(self.images) - 1

    def add_category(self, key: Identifier, name: str) -> int:
        if key not in self.categories:
            self.categories[key] = len(self.names)
            self.names.append(name)
        return self.categories[key]

    def add(
        self, box: Iterable[float], image: int, category: int, id: Identifier, area: float = np.nan, outlined: bool = False,
        quad: Iterable[float] = (), locked: str = "", rotated: Sequence[float] = (),
    ) -> None:  # fmt: skip
        self.boxes.extend(box)
        if locked:
            self.locked[len(self.image)] = locked
        if quad:
            self.quads[len(self.image)] = quad
        if rotated:
            self.rotated[len(self.image)] = rotated
        self.image.append(image)
        self.category.append(category)
        self.ids.append(id)
        self.areas.append(area)
        self.outlined.append(outlined)

    def fault(self, problem: str, place: Place, values: str, image: str = "", id: Identifier = None) -> None:
        self.faults.append(Finding(problem, place, image, id, values))

    def dataset(self, format: str, path: Path, source: Source, **others: Any) -> Dataset:
        quads, rotated = (np.full((len(self.image), width), np.nan) for width in (8, 5))
        for row, quad in self.quads.items():
            quads[row] = list(quad)
        for row, five in self.rotated.items():
            rotated[row] = five
        return Dataset(
            format, path, source, np.array(self.boxes).reshape(-1, 4), np.array(self.image, np.int64), np.array(self.category, np.int64),
            self.ids, self.images, np.array(self.sizes).reshape(-1, 2), self.names, np.array(self.areas),
            np.frombuffer(bytes(self.outlined), np.bool_), quads if self.quads else None,
            rotated if self.rotated else None, faults=self.faults, unreadable=self.unreadable, locked=self.locked, rows=self.rows,
            without_box=dict(self.without_box), unused=dict(self.unused), **others,
        )  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """How to read: what the file does not say."""

    images: Path | None = None
    """The folder of the photos, or the photo of all boxes."""
    image_size: Optional[Size] = None
    """(height, width) of every image whose size is not known otherwise."""
    boxes: str | None = None
    """xyxy, xywh or cxcywh, of formats that leave it open."""
    image_column: str | None = None
    """The column of a table that names the image."""
    columns: str | None = None
    """The columns of a table: their names in order, of one without a header; or what its own names mean, like image=ImageID."""
    encoding: str | None = None
    """The encoding of text, if the file declares none and is not UTF-8."""
    unit: str | None = None
    """Whether numbers are "pixels" or "fractions" of the image, where a file leaves it open."""
    exif: str | None = None
    """Which size photos turned by EXIF have: "turned" or "stored"; None where the boxes say."""
    kind: str | None = None
    """Which kind of YOLO's lines these are, if it is not found out."""
    fractions: bool | None = None
    """Whether the numbers of a table are fractions of the image, if it is not found out."""
    sizes_of_boxes: bool | None = None
    """Whether the columns width and height of a table are those of the boxes, if it is not found out."""
    decimal: str | None = None
    """What stands before the decimals of a table, if it is not found out."""
    empty_images: FrozenSet[str] | None = None
    """Of a table the images that have no box because a row of 0, 0, 0, 0 says so, if it is not found out."""
    finder: ImageFinder | None = None
    """Where the photos are, if that is not beside the annotations."""
    original: Path | None = None
    """What a copy is one of: the names of its classes and images are those of the original, wherever the copy is."""
    part: tuple[int, int] | None = None
    """The first of a folder's files that are read, and the one after the last; None for all."""
    texts: object = None
    """The text files, if they were read to find the format out."""
    track: Track = silent

    def chosen(self, files: list[Path]) -> list[Path]:
        """Those of a folder's files that are read."""
        return files if self.part is None else files[slice(*self.part)]

    def stem(self, file: Path, path: Path) -> str:
        """What an image is named after, if it has no other name: its file, in the folder `path` or alone."""
        return self.original.stem if self.original is not None and file == path else file.stem

    def finder_of(self, path: Path) -> ImageFinder:
        return self.finder or ImageFinder(path, self.images)

    def size(self, declared: Size, finder: ImageFinder | None = None, name: str = "") -> Size:
        """The size of an image: as declared, if it is one; else that of the photo, else the one given for all."""
        if declared[0] > 0 and declared[1] > 0:
            return declared
        return (finder and finder.size(name, self.exif)) or self.image_size or declared


MISSING: Size = (np.nan, np.nan)


def existing_folder(out: Path) -> None:
    """Refuses a file or a folder to be written where there is no folder for it."""
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to", str(out.parent))


def quantity(count: int, one: str, many: str = "") -> str:
    """3 images, 1 image."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def read_bytes(path: Path) -> bytes:
    """The content of a regular file."""
    try:
        if not path.is_file():
            raise UnreadableError(path, "is no regular file" if path.exists() else "there is no such file")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None


SYSTEM_FOLDERS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
"""Folders that systems write; and all whose names start with a dot."""
LINKS = "links to folders"
_LABELS = (".json", ".jsonl", ".xml", ".txt", ".csv", ".tsv", ".parquet")


def files_below(folder: Path, *suffixes: str, passed_over: Dict[str, list[Path]] | None = None) -> list[Path]:
    """The files of a folder and those below it with one of these suffixes, or all, in order.

    Hidden files, the folders of systems and links to folders are passed over. passed_over: a dictionary that gets these; of links, those
    to folders that may hold labels. UnreadableError: a folder that cannot be listed, as its labels would be missing otherwise.
    """
    return [Path(one) for one in names_below(folder, *suffixes, passed_over=passed_over)]


def names_below(folder: Path, *suffixes: str, passed_over: Dict[str, list[Path]] | None = None) -> list[str]:
    """The same files as text, of which there may be very many."""
    found: list[str] = []
    hidden: list[Path] = []
    system: list[Path] = []
    linked: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder):
        system += [Path(parent, name) for name in folders if _is_hidden(name)]
        folders[:] = [name for name in folders if not _is_hidden(name)]
        linked += [Path(parent, name) for name in folders if os.path.islink(os.path.join(parent, name))]
        wanted = [name for name in names if name.lower().endswith(suffixes)] if suffixes else names
        hidden += [Path(parent, name) for name in wanted if name.startswith(".")]
        found += [os.path.join(parent, name) for name in wanted if not name.startswith(".")]
    if passed_over is not None:
        links = [link for link in linked if _holds_labels(link)]
        kinds = (("hidden files", hidden), ("folders of systems", system), (LINKS, links))
        passed_over.update({what: sorted(paths) for what, paths in kinds if paths})
    return sorted(found, key=lambda one: one.split(os.sep))


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or folder in SYSTEM_FOLDERS


def _refuse_folder(error: OSError) -> None:
    raise UnreadableError(Path(error.filename), f"its files cannot be listed: {error.strerror}")


def _holds_labels(folder: Path) -> bool:
    """Whether a file in a folder may hold labels, by its ending."""
    return any(name.lower().endswith(_LABELS) for _, _, names in os.walk(folder) for name in names)


def every_file_below(folder: Path) -> list[Path]:
    """All files, hidden ones included."""
    return sorted(Path(parent, name) for parent, _, names in os.walk(folder) for name in names)


def whole(mask: Array) -> Array:
    """Whether all of each row are true: over columns, which is faster than all(axis=1)."""
    found: Array = reduce(np.logical_and, mask.T)
    return found


def number_text(value: float, like: str = "") -> str:
    """A number in 12 digits, without a fraction where the number that it replaces has none and it needs none."""
    text = f"{value:.12g}"
    if "." in like and "." not in text and "e" not in text:
        text += ".0"
    return "0" if text == "-0" else text


def replacement(old: str, value: float) -> bytes:
    """The text of a number that replaces another: the old text, if the number is the same in 11 digits."""
    return (old if abs(float(old) - value) <= 1e-11 * abs(value) else number_text(value, old)).encode()


def edited(data: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """The data with the bytes from start to end replaced, for each edit; edits do not overlap."""
    pieces, last = [], 0
    for start, end, new in sorted(edits):
        pieces += [data[last:start], new]
        last = end
    return b"".join([*pieces, data[last:]])
