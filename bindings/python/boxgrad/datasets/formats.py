"""The readers, and which of them a path needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Sequence

from .._scalars import image_size as checked_size
from . import coco, dota, table, text, voc, yolo
from .detection import Evidence, evidence
from .exif import settle
from .model import LINKS, Dataset, Reading, Track, UnreadableError, quantity, read_bytes, silent
from .photos import mirrored
from .questions import asked
from .text_files import Below, TextFiles, below, label_files, read_files
from .yolo_entry import listed_by
from .yolo_kinds import KINDS

FORMATS: dict[str, Callable[[Path, Reading], Dataset]] = {
    "coco": coco.read, "voc": voc.read, "yolo": yolo.read, **{f"yolo-{kind}": yolo.reader_of(kind) for kind in KINDS},
    "dota": dota.read, "text": text.read, "table": table.read,
}  # fmt: skip
"""The reader of each format. yolo: its kind is found out, which yolo-detect and the like name. table: CSV or Parquet; text: lines of
category, perhaps a score, and corners in pixels."""

_BY_SUFFIX = {".json": "coco", ".xml": "voc", **dict.fromkeys(table.SUFFIXES, "table")}
_FEW = 0.1
"""Files of another format are too many from this share on."""


@dataclass(frozen=True)
class _Found:
    """A format that was found out: on what, and why it is not certain."""

    format: str
    evidence: str
    doubt: str = ""
    path: Path | None = None
    """What is read, if it is not the path that was asked for."""
    reading: Reading | None = None
    """How it is read, with the files that were read to find this out."""


def read(
    path: str | Path, format: str | None = None, *, images: str | Path | None = None, image_size: Sequence[float] | None = None,
    boxes: str | None = None, image_column: str | None = None, columns: str | None = None, encoding: str | None = None,
    unit: str | None = None, exif: str | None = None, part: tuple[int, int] | None = None, track: Track = silent,
) -> Dataset:  # fmt: skip
    """The boxes of a file, or of a folder of XML or text files.

    format: one of FORMATS, found out if it is not given. images: the folder of the photos, looked for beside the annotations
    if it is not given; or the one photo of all boxes. image_size: (height, width) of images whose size is not known otherwise.
    boxes: "xyxy", "xywh" or "cxcywh", of all but YOLO and DOTA. image_column: the column of a table that names the image. columns: the
    columns of a table without a header, in order, like "image,x1,y1,x2,y2,category"; or what its own names mean, like
    "image=ImageID,x1=XMin". encoding: of text that is not UTF-8 and declares no encoding. unit: "pixels" or "fractions", where a file leaves
    it open. exif: "turned" or "stored", the size of photos that EXIF turns; taken from the boxes if it is not given. part: the first of a folder's
    files to be read and the one after the last, of which `inspect_paths` makes use. Files of a folder that cannot be read are left out and
    listed in the data set's `unreadable`.

    UnreadableError: the file, line and reason. ValueError: format, boxes, image_size, columns, encoding, unit, exif.

    >>> import tempfile, pathlib
    >>> from boxgrad import datasets
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "boxes.csv"
    >>> _ = file.write_text("image,label,x1,y1,x2,y2\\nphoto.jpg,dog,10,10,50,60\\n")
    >>> datasets.read(file).boxes
    array([[10., 10., 50., 60.]])
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
    if boxes not in (None, "xyxy", "xywh", "cxcywh"):
        raise ValueError(f"boxes must be xyxy, xywh or cxcywh, not {boxes!r}")
    if exif not in (None, "turned", "stored"):
        raise ValueError(f"exif must be turned or stored, not {exif!r}")
    if unit not in (None, "pixels", "fractions"):
        raise ValueError(f"unit must be pixels or fractions, not {unit!r}")
    if encoding is not None:
        try:
            b" ".decode(encoding)
        except UnicodeError:
            pass  # it needs more bytes
        except LookupError:
            raise ValueError(f"encoding must be one that Python knows, like gbk or latin-1, not {encoding!r}") from None
    if images is not None and not Path(images).exists():
        raise UnreadableError(Path(images), "there is no such folder of images, or image")
    size = None if image_size is None else checked_size(image_size, "image_size")
    if columns is not None and path.suffix.lower() == ".txt":
        format = format or "table"
    reading = Reading(None if images is None else Path(images), size, boxes, image_column, columns, encoding, unit, exif, part=part, track=track)
    data = settle(_named(path, format, reading) if format is not None else _found_out(path, reading))
    if part is not None:
        return data
    asked(data)
    if data.doubt:
        raise UnreadableError(path, data.doubt)
    return data


def _named(path: Path, format: str, reading: Reading) -> Dataset:
    """The data set in the format that the user names."""
    data = _listed(path, reading, format) if format.startswith("yolo") else None
    data = data or FORMATS[format](path, reading)
    if format not in ("yolo", "table"):  # whose kind, and whose numbers, are found out
        data.doubt = ""
    return data


def _found_out(path: Path, reading: Reading) -> Dataset:
    """The data set in the format that its files speak for; UnreadableError if that is in doubt."""
    data = _listed(path, reading)
    found = _Found("yolo", "", path=path, reading=reading)
    if data is None:
        found = _detected(path, reading)
        if found.doubt and reading.part is None:  # of a part, all parts decide it
            raise UnreadableError(path, f"the format is not certain: {found.doubt}")
        data = FORMATS[found.format](found.path or path, found.reading or reading)
    data.found_out = True
    data.evidence = ", ".join(one for one in (found.evidence, data.evidence) if one)
    return data


def _listed(path: Path, reading: Reading, format: str = "yolo") -> Dataset | None:
    """The labels that data.yaml or a list of photos names; None if the path is no such file."""
    listed = listed_by(path)
    if listed is None:
        return None
    kind = format.partition("-")[2]
    reading = replace(reading, kind=kind) if kind else reading
    data = yolo.read(path, reading, read_files(path, reading, listed.files))
    data.listed = True
    data.evidence = ", ".join(one for one in (listed.evidence, data.evidence) if one)
    data.notes += listed.notes
    data.passed_over = {**data.passed_over, **listed.passed_over}
    return data


def _detected(path: Path, reading: Reading) -> _Found:
    """The format of a file, or of most files of a folder."""
    if path.is_dir():
        return _detected_folder(path, reading)
    by_suffix = _BY_SUFFIX.get(path.suffix.lower())
    data = read_bytes(path) if by_suffix != "table" else b""
    by_start = _format_of_start(data)
    if by_suffix is not None and by_start in (None, by_suffix):
        return _Found(by_suffix, f"by its ending {path.suffix}")
    if by_start is None and table.is_table(data):
        return _Found("table", "by the names of its columns")
    if by_start is not None:
        contradicts = f", and not by its ending {path.suffix}" if by_suffix else ""
        return _Found(by_start, f"by its first bytes{contradicts}")
    return _detected_lines(path, reading, f"is in no format that is known; name one with format: {', '.join(FORMATS)}")


def _format_of_start(data: bytes) -> str | None:
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    by_start = {b"{": "coco", b"[": "coco", b"<": "voc"}.get(start[:1])
    return by_start or ("table" if data[:4] == b"PAR1" else None)


def _detected_folder(path: Path, reading: Reading) -> _Found:
    mirror = mirrored(path.absolute(), "images", "labels")
    there = below(path)
    xml, txt = there.of(".xml"), there.label_files()
    if not xml and not txt and mirror is not None and mirror.is_dir() and label_files(mirror):
        return replace(_detected_folder(mirror, reading), path=mirror)
    if len(xml) > len(txt):
        other = evidence_of(path, read_files(path, reading, there=there)) if len(txt) > _FEW * len(xml) else None
        both = other is not None and other.guess and other.rows
        seen = f"it holds {quantity(len(xml), 'XML file')} and {quantity(len(txt), 'text file')} of {other.guess if other else ''}"
        doubt = f"{seen}: say which with --format voc or --format {other.guess if other else ''}" if both else ""
        return _Found("voc", f"by its {quantity(len(xml), 'XML file')}", doubt)
    if not txt:
        return _alone_in_folder(path, there)
    found = _detected_lines(path, reading, there=there)
    if len(xml) > _FEW * len(txt):
        seen = f"it holds {quantity(len(txt), 'text file')} of {found.format} and {quantity(len(xml), 'XML file')}"
        return replace(found, doubt=f"{seen}: say which with --format {found.format} or --format voc")
    return found


def _alone_in_folder(path: Path, there: Below) -> _Found:
    """The one file of annotations of a folder that holds no file for each image."""
    others = [Path(file) for file in there.of(*_BY_SUFFIX)]
    if others and all(file.suffix.lower() in table.SUFFIXES for file in others):
        return _Found("table", f"by its {quantity(len(others), 'table')}")
    if len(others) == 1:
        found = _BY_SUFFIX.get(others[0].suffix.lower())
        if found is not None:
            return _Found(found, f"by the ending of its only file of annotations, {others[0]}", path=others[0])
    if others:
        names = ", ".join(str(file.relative_to(path)) for file in others[:3])
        more = f" and {len(others) - 3:,} more" if others[3:] else ""
        raise UnreadableError(path, f"holds no folder of annotations in XML or text, but {names}{more}: name one of them")
    links = there.passed_over.get(LINKS)
    but = f", but {links[0]} is a link to a folder that may hold some: name it" if links else ""
    raise UnreadableError(path, f"holds no folder of annotations: no XML, text, JSON or table is in it{but}")


def evidence_of(path: Path, files: TextFiles) -> Evidence:
    """What the rows of text files speak for, with what lies beside them."""
    beside = yolo.beside_of(path, files, Reading())
    names = set(beside.names.names.values()) if beside.names is not None else set()
    return evidence(files.labels, yolo.layout_of(beside, files), names.__contains__)


def _detected_lines(path: Path, reading: Reading, otherwise: str = "", there: Below | None = None) -> _Found:
    """The format of text files, by what their rows speak for."""
    files = read_files(path, reading, there=there)
    found = evidence_of(path, files)
    if found.guess:
        return _Found(found.guess, found.seen, found.doubt(), reading=replace(reading, texts=files))
    if otherwise and files.unreadable:
        raise UnreadableError(path, f"{otherwise}; {files.unreadable[0].reason}")
    if otherwise:
        raise UnreadableError(path, f"{otherwise}{_odd(found)}")
    count = len(files.labels) + len(files.unreadable) + len(files.beside)
    if files.unreadable:
        raise UnreadableError(path, f"holds {quantity(count, 'text file')}, of which none can be read: {files.unreadable[0]}")
    raise UnreadableError(path, f"holds {quantity(count, 'text file')} and no row that can be read{_odd(found)}")


def _odd(found: Evidence) -> str:
    """The first row that no format reads."""
    if not found.first:
        return ""
    file, line, row = found.first.get("") or next(iter(found.first.values()))
    return f"; {file}:{line} is no row of yolo, dota or text: {row[:60]!r} (--format table reads columns)"
