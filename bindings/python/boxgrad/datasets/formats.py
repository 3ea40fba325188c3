"""The readers, and which of them a path needs."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from .._scalars import image_size as checked_size
from . import coco, dota, lines, table, text, voc, yolo
from .detection import SAMPLE, Evidence, evidence
from .exif import settle
from .model import Dataset, Reading, Track, UnreadableError, files_below, quantity, read_bytes, silent
from .questions import asked
from .yolo_kinds import KINDS

FORMATS: dict[str, Callable[[Path, Reading], Dataset]] = {
    "coco": coco.read, "voc": voc.read, "yolo": yolo.read, **{f"yolo-{kind}": yolo.reader_of(kind) for kind in KINDS},
    "dota": dota.read, "text": text.read, "table": table.read,
}  # fmt: skip
"""The reader of each format. yolo: its kind is found out, which yolo-detect and the like name. table: CSV or Parquet; text: lines of
category, perhaps a score, and corners in pixels."""

_BY_SUFFIX = {".json": "coco", ".xml": "voc", ".csv": "table", ".parquet": "table"}


@dataclass(frozen=True)
class _Found:
    """A format that was found out: on what, and why it is not certain."""

    format: str
    evidence: str
    doubt: str = ""


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
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"encoding must be one that Python knows, like gbk or latin-1, not {encoding!r}") from None
    if images is not None and not Path(images).exists():
        raise UnreadableError(Path(images), "there is no such folder of images, or image")
    size = None if image_size is None else checked_size(image_size, "image_size")
    found = _Found(format, "") if format is not None else _detected(path)
    reading = Reading(None if images is None else Path(images), size, boxes, image_column, columns, encoding, unit, exif, part=part, track=track)
    data = FORMATS[found.format](path, reading)
    if format is None:
        data.found_out = True
        data.evidence = ", ".join(one for one in (found.evidence, data.evidence) if one)
        data.doubt = found.doubt or data.doubt
    elif format == data.format:
        data.doubt = data.doubt if format == "yolo" else ""
    return settle(data) if part is not None else asked(settle(data))


def doubt_of(data: Dataset) -> str:
    """Why it is not certain that a repair understands every row: `read` looks at some files, and this at all."""
    files = lines.label_files(data.path) if data.format in ("yolo", "dota", "text") else []
    if data.found_out and not data.doubt and len(files) > SAMPLE:
        return evidence(data.path, files).doubt()
    return data.doubt


def _detected(path: Path) -> _Found:
    """The format of a file, or of most files of a folder."""
    if path.is_dir():
        return _detected_folder(path)
    if path.suffix.lower() in _BY_SUFFIX:
        return _Found(_BY_SUFFIX[path.suffix.lower()], f"by its ending {path.suffix}")
    data = read_bytes(path)
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    by_start = {b"{": "coco", b"[": "coco", b"<": "voc"}.get(start[:1]) or ("table" if data[:4] == b"PAR1" else None)
    if by_start is not None:
        return _Found(by_start, "by its first bytes")
    return _detected_lines(path, [path], f"is in no format that is known; name one with format: {', '.join(FORMATS)}")


def _detected_folder(path: Path) -> _Found:
    xml, txt = files_below(path, ".xml"), lines.label_files(path)
    if len(xml) > len(txt):
        other = evidence(path, txt, SAMPLE)
        both = other.guess and other.rows and len(txt) > 0.1 * len(xml)
        seen = f"{len(xml):,} XML files and {quantity(len(txt), 'text file')} of {other.guess}"
        return _Found("voc", "by its XML files", f"holds {seen}: say which with --format voc or --format {other.guess}" if both else "")
    if not txt:
        others = [file.name for file in files_below(path, ".json", ".csv", ".parquet")]
        reason = f"; name one of its files, like {others[0]}" if others else ""
        raise UnreadableError(path, f"holds no folder of annotations in XML or text{reason}")
    found = _detected_lines(path, txt)
    if len(xml) > 0.1 * len(txt):
        seen = f"{len(txt):,} text files of {found.format} and {quantity(len(xml), 'XML file')}"
        return _Found(found.format, found.evidence, f"holds {seen}: say which with --format {found.format} or --format voc")
    return found


def _detected_lines(path: Path, files: Sequence[Path], otherwise: str = "") -> _Found:
    """The format of text files, by what their rows speak for."""
    found = evidence(path, files, SAMPLE)
    if found.guess:
        return _Found(found.guess, found.seen, found.doubt())
    if otherwise:
        raise UnreadableError(path, f"{otherwise}{_odd(found)}")
    if not found.rows:
        raise UnreadableError(path, f"holds {quantity(len(files), 'text file')}, of which none can be read: {found.unreadable[0]}")
    raise UnreadableError(path, f"holds {quantity(len(files), 'text file')} and no row that can be read{_odd(found)}")


def _odd(found: Evidence) -> str:
    """The first row that no format reads, or why none could be looked at."""
    if not found.rows:
        return ""
    file, line, row = found.odd["yolo"]
    commas = ", whose words are separated by commas" if "," in row else ""
    return f"; {file}:{line} is no row of yolo, dota or text{commas}: {row[:60]!r}"
