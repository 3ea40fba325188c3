"""The readers, and which of them a path needs."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Sequence

from .._scalars import image_size as checked_size
from . import coco, dota, lines, table, text, voc, yolo
from .model import MISSING, Dataset, Reading, Track, UnreadableError, files_below, read_bytes, silent

FORMATS: dict[str, Callable[[Path, Reading], Dataset]] = {
    "coco": coco.read, "voc": voc.read, "yolo": yolo.read, "dota": dota.read, "text": text.read, "table": table.read,
}  # fmt: skip
"""The reader of each format. table: CSV or Parquet; text: lines of category, perhaps a score, and corners in pixels."""

_BY_SUFFIX = {".json": "coco", ".xml": "voc", ".csv": "table", ".parquet": "table"}


def read(
    path: str | Path, format: str | None = None, *, images: str | Path | None = None, image_size: Sequence[float] | None = None,
    boxes: str | None = None, track: Track = silent,
) -> Dataset:  # fmt: skip
    """The boxes of a file, or of a folder of XML or text files.

    format: one of FORMATS, found out if it is not given. images: the folder of the photos, looked for beside the annotations
    if it is not given; or the one photo of all boxes. image_size: (height, width) of images whose size is not known otherwise.
    boxes: "xyxy", "xywh" or "cxcywh", for text and tables. Files of a folder that cannot be read are left out and listed in the
    data set's `unreadable`.

    UnreadableError: the file, line and reason. ValueError: format, boxes, image_size.

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
    if images is not None and not Path(images).exists():
        raise UnreadableError(Path(images), "there is no such folder of images, or image")
    size = None if image_size is None else checked_size(image_size, "image_size")
    return FORMATS[format or _detected(path)](path, Reading(None if images is None else Path(images), size, boxes, track=track))


def _detected(path: Path) -> str:
    """The format of a file, or of most files of a folder."""
    if path.is_dir():
        return _detected_folder(path)
    data = b"" if path.suffix.lower() in _BY_SUFFIX else read_bytes(path)
    if path.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix.lower()]
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"{", b"["):
        return "coco"
    if start[:1] == b"<":
        return "voc"
    if data[:4] == b"PAR1":
        return "table"
    found = _detected_lines([path])
    if found is None:
        raise UnreadableError(path, f"is in no format that is known; name one with format: {', '.join(FORMATS)}")
    return found


def _detected_folder(path: Path) -> str:
    xml = files_below(path, ".xml")
    txt = [file for file in files_below(path, ".txt") if file.name.lower() not in lines.NOT_LABELS]
    if len(xml) > len(txt):
        return "voc"
    found = _detected_lines(txt[:50])
    if found is None:
        others = [file.name for file in files_below(path, ".json", ".csv", ".parquet")]
        reason = f"; name one of its files, like {others[0]}" if others else ""
        raise UnreadableError(path, f"holds no folder of annotations in XML or text{reason}")
    return found


def _detected_lines(files: Sequence[Path]) -> str | None:
    """The format of text files, from the first lines that can be read; files without a line are YOLO's images without a box."""
    parsers = {"dota": dota.FORMAT, "yolo": yolo.FORMAT, "text": text.format_of("xyxy")}
    for file in files:
        try:
            found = [words for _, _, words in lines.words_of(file, read_bytes(file))]
        except UnreadableError:
            continue
        for words in found[:20]:
            for name, one in parsers.items():
                try:
                    parsed = one.parse(words, (1.0, 1.0) if name == "yolo" else MISSING)
                except ValueError:
                    continue
                if parsed is not None and not (name == "yolo" and max(map(abs, parsed.box)) > 2):
                    return name
    return "yolo" if files and all(not read_bytes(file).strip() for file in files) else None
