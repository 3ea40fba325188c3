"""The report of an inspection as one HTML page that needs no other file."""

from __future__ import annotations

import base64
import io
import os
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Sequence

import jinja2
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from .. import __version__
from .augmentation import Outcome
from .inspection import Inspection
from .model import UNKNOWN, Array, Dataset, Finding, UnreadableError, existing_folder, quantity
from .problems import PROBLEMS, Problem

_THUMBNAIL = 320
_THUMBNAILS = 4
"""Photos for each problem."""
_BINS = 40
_COLORS = {"box": "#c5221f", "other": "#7aa7d9"}


@dataclass(frozen=True)
class _Picture:
    source: str
    caption: str


@dataclass(frozen=True)
class _Section:
    problem: Problem
    count: int
    findings: list[Finding]
    pictures: list[_Picture]


@dataclass(frozen=True)
class _Histogram:
    title: str
    low: str
    high: str
    bars: list[float]
    total: int


def write_page(
    path: str | Path, inspections: Sequence[Inspection], *, unreadable: Sequence[UnreadableError] = (),
    augmentations: Sequence[Sequence[Outcome]] = (), examples: int = 10,
) -> None:  # fmt: skip
    """Writes the page. examples: how many cases of each problem are listed. augmentations: what augment() gave, for each inspection."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["thousands"] = "{:,}".format
    environment.globals["quantity"] = quantity
    template = environment.from_string((Path(__file__).parent / "page.html.jinja").read_text("utf-8"))
    sets = []
    for index, inspection in enumerate(inspections):
        sections = [_section(inspection, name, count, examples) for name, count in inspection.counts.items()]
        outcomes = augmentations[index] if index < len(augmentations) else ()
        sets.append((inspection, sections, _histograms(inspection.dataset), outcomes))
    left_out = [*unreadable, *(error for inspection in inspections for error in inspection.dataset.unreadable)]
    text = template.render(version=__version__, sets=sets, unreadable=left_out, colors=_COLORS, problems=PROBLEMS)
    _replace(Path(path), text.encode("utf-8", "backslashreplace"))  # file names may be no UTF-8


def _replace(path: Path, data: bytes) -> None:
    """Writes a file as a whole, or not at all."""
    path = path.resolve()
    if path.exists() and not path.is_file():  # such as /dev/stdout
        path.write_bytes(data)
        return
    existing_folder(path)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".partial", dir=path.parent) as holder:
        partial = Path(holder) / path.name
        partial.write_bytes(data)
        os.replace(partial, path)


def _section(inspection: Inspection, name: str, count: int, examples: int) -> _Section:
    rows = inspection.rows.get(name, np.empty(0, np.int64))
    pictures: list[_Picture] = []
    shown: set[int] = set()
    for row in _worst_first(inspection.dataset, rows)[:100].tolist():
        image = int(inspection.dataset.image[row])
        if len(pictures) < _THUMBNAILS and image not in shown:
            shown.add(image)
            picture = _picture(inspection.dataset, row, set(rows.tolist()))
            pictures += [picture] if picture else []
    return _Section(PROBLEMS[name], count, list(islice(inspection.findings(name), examples)), pictures)


def _worst_first(dataset: Dataset, rows: Array) -> Array:
    """The boxes that leave their image furthest, then the smallest."""
    boxes, image = dataset.boxes[rows], dataset.image[rows]
    sizes = np.where((image == UNKNOWN)[:, None], np.inf, dataset.sizes[image] if len(dataset.sizes) else np.inf)
    with np.errstate(invalid="ignore"):
        beyond = np.nan_to_num(np.maximum(-boxes, boxes - np.tile(sizes[:, ::-1], 2)).max(axis=1, initial=0), nan=0, posinf=0)
        side = np.nan_to_num((boxes[:, 2:] - boxes[:, :2]).min(axis=1), nan=0)
    worst: Array = rows[np.lexsort((side, -np.maximum(beyond, 0)))]
    return worst


def _picture(dataset: Dataset, row: int, bad: set[int]) -> _Picture | None:
    """The photo of a box with all its boxes drawn, if there is one and its boxes are finite."""
    image = int(dataset.image[row])
    finder = dataset.reading.finder_of(dataset.path)
    file = finder.find(dataset.images[image]) if image != UNKNOWN else None
    if file is None or not np.isfinite(dataset.boxes[row]).all():
        return None
    try:
        with Image.open(file) as opened:
            opened.draft("RGB", (2 * _THUMBNAIL, 2 * _THUMBNAIL))
            full = opened.size if dataset.fractions else (dataset.sizes[image][1], dataset.sizes[image][0])
            photo = opened.convert("RGB")
            if dataset.reading.exif == "turned":
                photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    photo.thumbnail((_THUMBNAIL, _THUMBNAIL))
    scale = photo.width / (1 if dataset.fractions else full[0]), photo.height / (1 if dataset.fractions else full[1])
    margin = 12
    photo = ImageOps.expand(photo, margin, "#e4e6ea")
    draw = ImageDraw.Draw(photo)
    rows = np.flatnonzero(dataset.image == image).tolist()
    for one in sorted(rows, key=lambda one: (one in bad, one == row)):
        box = np.clip(dataset.boxes[one] * [*scale, *scale] + margin, -1e4, 1e4)
        if not np.isfinite(box).all():
            continue
        color, width = _COLORS["box" if one in bad else "other"], 2 if one in bad else 1
        x1, y1, x2, y2 = min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])
        corners = _corners(dataset, one)
        if corners is None:
            draw.rectangle((x1, y1, x2, y2), outline=color, width=width)
        else:
            points = [tuple(point) for point in np.clip(corners * scale + margin, -1e4, 1e4).tolist()]
            draw.line([*points, points[0]], fill=color, width=width)
        if one in bad and min(x2 - x1, y2 - y1) < 4:  # too small to be seen
            x, y = (x1 + x2) / 2, (y1 + y2) / 2
            draw.ellipse((x - 11, y - 11, x + 11, y + 11), outline=_COLORS["box"], width=3)
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=85, subsampling=0)
    encoded = base64.b64encode(data.getvalue()).decode()
    return _Picture(f"data:image/jpeg;base64,{encoded}", f"{dataset.images[image]}, {_where(dataset, row)}")


def _corners(dataset: Dataset, row: int) -> Array | None:
    """The corners of a rotated box, or None of an upright one."""
    if not dataset.turned or dataset.quads is None or not np.isfinite(dataset.quads[row]).all():
        return None
    corners: Array = dataset.quads[row].reshape(4, 2)
    return corners


def _where(dataset: Dataset, row: int) -> str:
    place = dataset.source.place(row)
    return place.member or f"line {place.line}"


def _histograms(dataset: Dataset) -> list[_Histogram]:
    """Of size, aspect ratio and centre."""
    boxes = dataset.boxes[np.isfinite(dataset.boxes).all(axis=1) & (np.abs(dataset.boxes) < 1e30).all(axis=1)]
    sides = boxes[:, 2:] - boxes[:, :2]
    sides = sides[(sides > 0).all(axis=1)]
    result = [
        _logarithmic(
            "size: square root of the area, " + ("fraction of the image" if dataset.fractions else "pixels"), np.sqrt(sides.prod(axis=1))
        ),
        _logarithmic("aspect ratio: width / height", sides[:, 0] / sides[:, 1]),
    ]
    centers = []
    for size, rows in dataset.size_groups():
        if size is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                centers.append((dataset.boxes[rows, :2] + dataset.boxes[rows, 2:]) / 2 / [size[1], size[0]])
    placed = np.concatenate(centers) if centers else np.empty((0, 2))
    for title, values in (("centre: x / width", placed[:, :1]), ("centre: y / height", placed[:, 1:])):
        inside = values[(values >= -0.25) & (values <= 1.25)]
        counts, _ = np.histogram(inside, _BINS, (-0.25, 1.25))
        result.append(_histogram(title, "-0.25", "1.25", counts))
    return [histogram for histogram in result if histogram.total]


def _logarithmic(title: str, values: Array) -> _Histogram:
    if not len(values):
        return _Histogram(title, "", "", [], 0)
    low, high = float(values.min()), max(float(values.max()), float(values.min()) * 1.001)
    counts, _ = np.histogram(np.log(values), _BINS, (np.log(low), np.log(high)))
    return _histogram(f"{title} (logarithmic)", f"{low:.4g}", f"{high:.4g}", counts)


def _histogram(title: str, low: str, high: str, counts: Array) -> _Histogram:
    highest = max(int(counts.max()), 1)
    return _Histogram(title, low, high, [float(count) / highest for count in counts], int(counts.sum()))
