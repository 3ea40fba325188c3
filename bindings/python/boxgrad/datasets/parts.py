"""Inspection in parts: a folder is cut into groups of files, each is read and inspected by itself, and what was found adds up.

What counts for the whole set (format, kind of lines, what its numbers are) is decided once and handed to every part. Where the parts show
that it cannot be decided so (photos turned by EXIF, a unit that differs), the whole set is read at once. So the result is that of one process.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, Counter as Counts, Dict, Iterable, Iterator, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from .detection import Evidence
from .exif import settle
from .formats import FORMATS, evidence_of, read
from .inspection import Inspection, Report, inspect
from .model import Columns, Dataset, Finding, Place, Reading, Track, UnreadableError, names_below, silent
from .text_files import read_files
from .workers import workers
from .questions import Numbers, numbers_of, question

FILES, PARTS = {".xml": 1000, ".txt": 10_000}, 16
"""How many files of a kind a part has at least, and how many parts a folder has at most: each part lists the folder again, which takes as long as
reading some thousand files of text."""
_TEXT = ("yolo", "dota", "text")
_WAITING = 2
"""How many jobs wait for each process, so that no results pile up."""


@dataclass(frozen=True)
class Job:
    """A piece of work that needs nothing of the others."""

    path: Path
    number: int = 0
    """Which of the paths this is."""
    part: Optional[Tuple[int, int]] = None
    """The first of its files and the one after the last, by their order; None for all, and for what is not divided."""
    decided: Optional[Dataset] = None
    """The data set without its rows: how it was read, for all its parts."""
    options: Mapping[str, Any] = field(default_factory=dict)
    min_size: float = 1.0
    check_images: bool = False
    examples: Optional[int] = None


@dataclass(frozen=True)
class _Places:
    """Where the rows stand that a report names, of a data set without its rows."""

    places: Tuple[Place, ...] = ()

    def place(self, row: int) -> Place:
        return self.places[row]

    def image_place(self, row: int) -> Place:
        raise NotImplementedError

    def rest(self, row: int) -> object:
        raise NotImplementedError

    def rewrite(self, *_: object) -> Iterator[Tuple[Path, bytes]]:
        raise NotImplementedError


@dataclass
class Partial(Report):
    """What was found in a part of a data set, or in the whole. Those of all jobs of a path add up, in their order."""

    job: Job
    dataset: Dataset
    """Without its rows: how it was read, what the reader found, and what it did not use."""
    boxes: int = 0
    images: int = 0
    unbounded: int = 0
    photos: Optional[int] = None
    found: Counts[str] = field(default_factory=Counter)
    """How many boxes and images have each problem, beside the reader's findings."""
    of_boxes: Dict[str, list[Finding]] = field(default_factory=dict)
    """The first findings of boxes, by problem."""
    of_images: Dict[str, list[Finding]] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=Numbers)
    evidence: Optional[Evidence] = None
    """What the rows of text files speak for, if the format was found out."""
    error: Optional[UnreadableError] = None
    """Why nothing could be read."""
    apart: str = ""
    """What the parts do not agree about, so that the whole is to be read at once."""

    @property
    def account(self) -> Dict[str, int]:
        return {**self.dataset.account, "boxes": self.boxes}

    @property
    def found_beside(self) -> Counts[str]:
        return self.found

    def findings(self, name: str) -> Iterator[Finding]:
        """The first cases of a problem, in the order of the files; as many as the job lists."""
        faults = (fault for fault in self.dataset.faults if fault.problem == name)
        return islice(chain(faults, self.of_boxes.get(name, ()), self.of_images.get(name, ())), self.job.examples)

    def __add__(self, other: Partial) -> Partial:
        if self.error or other.error:
            return self if self.error else other
        apart = self.apart or other.apart or _apart(self.dataset, other.dataset)
        photos = None if self.photos is None or other.photos is None else self.photos + other.photos
        return Partial(
            self.job, _added(self.dataset, other.dataset), self.boxes + other.boxes, self.images + other.images,
            self.unbounded + other.unbounded, photos, self.found + other.found, _joined(self.of_boxes, other.of_boxes, self.job.examples),
            _joined(self.of_images, other.of_images, self.job.examples), self.numbers + other.numbers,
            self.evidence + other.evidence if self.evidence and other.evidence else None, None, apart,
        )  # fmt: skip


def _joined(some: Dict[str, list[Finding]], others: Dict[str, list[Finding]], most: Optional[int]) -> Dict[str, list[Finding]]:
    return {name: [*some.get(name, ()), *others.get(name, ())][:most] for name in {**some, **others}}


def _apart(one: Dataset, other: Dataset) -> str:
    """What two parts were read by that is not the same; or that they have something to say of the whole, which does not add up."""
    for name in ("fractions", "relative", "sized", "unknown_image", "exif_doubt", "notes"):
        if getattr(one, name) != getattr(other, name):
            return name
    if one.notes or one.exif_doubt:
        return "notes"
    return "kind" if one.reading.kind != other.reading.kind else ""


def _added(one: Dataset, other: Dataset) -> Dataset:
    """Two data sets without their rows. What is equal in both is said of a file that both have looked at, as that of the names."""
    errors = {str(error): error for error in (*one.unreadable, *other.unreadable)}
    places = (*one.source.places, *other.source.places)[:1]  # type: ignore[attr-defined]
    locked = [*one.locked.values(), *other.locked.values()]
    kinds = {**one.passed_over, **other.passed_over}
    passed = {what: sorted(_once(one.passed_over.get(what, []), other.passed_over.get(what, []))) for what in kinds}
    return replace(
        one, source=_Places(places), locked=dict(enumerate(locked)), faults=_once(one.faults, other.faults), unreadable=list(errors.values()),
        categories=_names_of(_numbered(one.categories), _numbered(other.categories)), beside=sorted(_once(one.beside, other.beside)),
        passed_over=passed, unused=dict(Counter(one.unused) + Counter(other.unused)), rows=one.rows + other.rows,
        without_box=dict(Counter(one.without_box) + Counter(other.without_box)),
    )  # fmt: skip


def _once(some: list[Any], others: list[Any]) -> list[Any]:
    return list(dict.fromkeys((*some, *others))) if some and others else [*some, *others]


def _numbered(names: Sequence[str]) -> Iterator[Tuple[str, int]]:
    """Names that stand several times, as in a list of YOLO's classes, are as many categories."""
    seen: Counts[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name, seen[name]


def _names_of(*numbered: Iterable[Tuple[str, int]]) -> list[str]:
    return [name for name, _ in dict.fromkeys(chain(*numbered))]


def _without_rows(data: Dataset) -> Dataset:
    none = np.empty((0, 4))
    places = tuple(data.source.place(row) for row in islice(data.locked, 1))
    return replace(
        data, source=_Places(places), boxes=none, image=np.empty(0, np.int64), category=np.empty(0, np.int64), ids=[], images=[],
        sizes=none[:, :2], areas=none[:, 0], outlined=np.empty(0, np.bool_), quads=None, rotated=None, in_fractions=None,
        locked=dict(enumerate(data.locked.values())),
        reading=replace(data.reading, finder=None, track=silent, part=None),
    )  # fmt: skip


def partial_of(inspection: Inspection, job: Job) -> Partial:
    """An inspection without the boxes themselves, so that it can be sent and added."""
    data = inspection.dataset
    names = {*inspection.rows, *inspection.image_rows}
    return Partial(
        job, _without_rows(data), len(data), len(data.images), inspection.unbounded, inspection.photos, inspection.found_beside,
        {name: list(islice(inspection.of_boxes(name), job.examples)) for name in names},
        {name: list(islice(inspection.of_images(name), job.examples)) for name in names},
    )  # fmt: skip


def jobs(
    *paths: Union[str, Path], files: Optional[int] = None, min_size: float = 1.0, check_images: bool = False, examples: Optional[int] = None,
    **options: Any,
) -> list[Job]:  # fmt: skip
    """The pieces of work that an inspection of these paths is made of, in order.

    A folder is cut into parts of so many `files`, as it suits if it is not given; a file, as of COCO or a table, is one piece. examples: how many findings of each problem
    are kept; None for all. options: those of `read`. The paths' formats are found out here, from the first files of each folder.

    ValueError: as of `read`.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in "abc":
    ...     _ = (folder / f"{name}.txt").write_text("dog 10 10 50 60\\ncat 30 30 30 80\\n")
    >>> pieces = datasets.jobs(folder, files=2, image_size=(100, 100))
    >>> [datasets.group(job).counts for job in pieces]
    [{'zero-width': 2}, {'zero-width': 1}]
    >>> total, = datasets.finish(map(datasets.group, pieces))
    >>> total.counts, total.boxes
    ({'zero-width': 3}, 6)
    """
    result = []
    for number, path in enumerate(map(Path, paths)):
        whole = Job(path, number, options=options, min_size=min_size, check_images=check_images, examples=examples)
        count, least = _files_of(path)
        each = max(least, -(-count // PARTS)) if files is None else files
        decided = _decided(path, each, options) if count > each else None
        if decided is None:
            result.append(whole)
            continue
        result += [replace(whole, decided=decided, part=(first, first + each)) for first in range(0, count, each)]
    return result


def _files_of(path: Path) -> Tuple[int, int]:
    """How many files a folder holds of which parts are made, and how many a part has at least."""
    try:
        names = names_below(path, *FILES) if path.is_dir() else []
    except UnreadableError:  # the job of the whole says it
        names = []
    in_xml = sum(name.lower().endswith(".xml") for name in names)
    return len(names), FILES[".xml" if 2 * in_xml > len(names) else ".txt"]


def _decided(path: Path, files: int, options: Mapping[str, Any]) -> Optional[Dataset]:
    """How a folder is read, by its first files.

    None if these do not decide it, or it cannot be read, which the job of the whole then says.
    """
    try:
        found = _without_rows(read(path, part=(0, files), **options))
    except UnreadableError:
        return None
    return None if found.by_all_lines or found.path != path else replace(found, faults=[], unreadable=[])


def group(job: Job) -> Partial:
    """Does a piece of work: reads and inspects it."""
    if job.decided is None or job.part is None:
        try:
            data = read(job.path, **job.options)
        except UnreadableError as error:
            return Partial(job, _nothing(job.path), error=error)
        return partial_of(inspect(data, min_size=job.min_size, check_images=job.check_images), job)
    decided = job.decided
    # What the first files say is not what the user says.
    said: Dict[str, Any] = {name: job.options.get(name) for name in ("boxes", "unit", "exif")}
    reading, evidence = replace(decided.reading, part=job.part, **said), None
    try:
        if decided.format in _TEXT:
            reading = replace(reading, kind=None if decided.found_out else reading.kind)
            files = read_files(job.path, reading)
            reading = replace(reading, texts=files)
            evidence = evidence_of(job.path, files) if decided.found_out else None
        data = settle(FORMATS[decided.format](job.path, reading))
    except UnreadableError as error:
        return Partial(job, _nothing(job.path), apart=str(error))
    turned = data.reading.finder is not None and any(name in data.reading.finder.turned for name in data.images)
    data.found_out, data.evidence, data.doubt = decided.found_out, decided.evidence, decided.doubt
    result = partial_of(inspect(data, min_size=job.min_size, check_images=job.check_images), job)
    result.numbers, result.evidence = numbers_of(data), evidence
    result.apart = "photos turned by EXIF" if turned else "the kind of lines" if data.by_all_lines else ""
    return result


def _nothing(path: Path) -> Dataset:
    return Columns().dataset("", path, _Places())


def finish(partials: Iterable[Partial]) -> list[Partial]:
    """The sum of each path's parts, which come in the order of their jobs. What its numbers mean is asked here, of all of them.

    A set whose parts do not agree is read at once, and one that leaves a question open has the question as its error.
    """
    return [_finished(list(parts)) for _, parts in groupby(partials, key=lambda one: one.job.number)]


def _finished(parts: list[Partial]) -> Partial:
    total = parts[0]
    for part in parts[1:]:
        total += part
    if total.error or total.job.part is None:
        return total
    whole = replace(total.job, part=None, decided=None)
    if total.apart:
        return group(whole)
    found = total.evidence
    if found is not None:
        if found.guess != total.dataset.format or found.doubt():
            return group(whole)
        total = replace(total, dataset=replace(total.dataset, evidence=found.seen))
    asks = question(total.dataset, total.numbers)
    if asks:
        return Partial(whole, _nothing(whole.path), error=UnreadableError(whole.path, asks))
    return replace(total, job=whole)


def inspect_paths(*paths: Union[str, Path], processes: int = 1, track: Track = silent, **options: Any) -> list[Partial]:
    """Inspects files and folders by several processes; the result is the same for any number of them.

    options: those of `jobs`.

    ValueError: as of `jobs`. BoxgradError: a process ended by itself, as when memory is short.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "boxes.csv"
    >>> _ = file.write_text("image,label,x1,y1,x2,y2\\nphoto.jpg,dog,10,10,10,60\\n")
    >>> [report.counts for report in datasets.inspect_paths(file)]
    [{'zero-width': 1}]
    """
    if processes < 1:
        raise ValueError(f"processes must be 1 or more, not {processes}")
    work = jobs(*paths, **options)
    done = map(group, work) if processes == 1 or len(work) == 1 else _by_processes(work, processes)
    return finish(track(done, "parts", len(work)))


def _by_processes(work: Sequence[Job], count: int) -> Iterator[Partial]:
    """The results in the order of the jobs; no more of them wait than are soon asked for."""
    with workers(min(count, len(work))) as call:
        left = iter(work)
        waiting = [call(group, job) for job in islice(left, _WAITING * count)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [call(group, job) for job in islice(left, 1)]
