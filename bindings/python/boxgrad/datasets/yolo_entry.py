"""Files that name the labels of YOLO instead of holding them: data.yaml, lists of photos, and obj.data of darknet and CVAT."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .model import UnreadableError, files_below, quantity, read_bytes
from .photos import IMAGE_SUFFIXES, mirrored
from .yolo_names import described

_PARTS = ("train", "val", "valid", "test")
_SUFFIXES = (".yaml", ".yml", ".data", ".txt")


@dataclass
class Listed:
    """The files of labels that an entry point names."""

    files: List[Path] = field(default_factory=list)
    evidence: str = ""
    passed_over: Dict[str, List[Path]] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)


def listed_by(path: Path) -> Optional[Listed]:
    """What a file names; None if it is no entry point."""
    if path.suffix not in _SUFFIXES or not path.is_file():
        return None
    if path.suffix in (".yaml", ".yml"):
        content = described(path).content
        places = [(part, one) for part in _PARTS for one in _all(content.get(part))]
        root = path.parent / str(content.get("path") or "")
        places = places or ([("labels", ".")] if "names" in content else [])
        found = _listed(path, [root, path.parent], places) if places else None
        if found is not None and not root.is_dir():
            found.notes.append(f"path of {path} is {content['path']}, which is not there: places are looked for beside the file.")
        return found
    if path.suffix == ".data":
        lines = [line.partition("=") for line in _text(path).splitlines()]
        settings = {key.strip(): value.strip() for key, equal, value in lines if equal}
        places = [(part, settings[part]) for part in _PARTS if settings.get(part)]
        return _listed(path, [path.parent], places) if places else None
    photos = _photos_of(path)
    return _listed(path, [path.parent], [("", path.name)]) if photos else None


def _all(value: object) -> List[str]:
    """The places that a part of data.yaml names."""
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one]


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(path, f"is not UTF-8: byte {error.object[error.start]:#x}") from None


def _photos_of(path: Path) -> List[str]:
    """The lines of a list of photos; none if it is no such list."""
    try:
        lines = [line.strip() for line in _text(path).splitlines() if line.strip()]
    except UnreadableError:
        return []
    return lines if all(line.lower().endswith(IMAGE_SUFFIXES) for line in lines) else []


def _listed(path: Path, roots: Sequence[Path], places: Sequence[Tuple[str, str]]) -> Listed:
    found = Listed()
    files: Dict[Path, None] = {}
    without: Dict[str, None] = {}
    photos: List[Path] = []
    seen: List[str] = []
    for part, place in places:
        target = _resolved(roots, place) or _labels_without_photos(roots, place)
        name = f"{part}: {place}" if part else place
        if target is None:
            found.notes.append(f"{path} names {name}, which is not there.")
            continue
        if target.is_dir():
            labels, others = _labels_of_folder(target, found.passed_over)
            photos += others
        else:
            labels, missing = _labels_of_list(target, roots)
            without.update(dict.fromkeys(missing))
        seen.append(f"{name} with {quantity(len(labels), 'file')}")
        files.update(dict.fromkeys(labels))
    if without:
        found.notes.append(f"{quantity(len(without), 'photo of the lists has', 'photos of the lists have')} no labels.")
    if photos:
        found.passed_over["photos without labels"] = sorted({*photos})
    if not files:
        notes = " ".join(found.notes) or "the places that it names hold no labels"
        raise UnreadableError(path, f"names no file of labels: {notes}")
    found.files = list(files)
    found.evidence = f"listed by {path.name}: {', '.join(seen)}"
    return found


def _resolved(roots: Sequence[Path], place: str) -> Optional[Path]:
    """Where a place is: below the root; or, as exports of Roboflow and CVAT write it, below it without its first folders."""
    parts = PurePosixPath(place.replace("\\", "/")).parts
    for start in range(max(1, len(parts))):
        for root in roots:
            candidate = root / Path(*parts[start:])
            if candidate.exists():
                return candidate
    return None


def _labels_without_photos(roots: Sequence[Path], place: str) -> Optional[Path]:
    """The folder of labels that mirrors a folder of photos that is not there."""
    mirror = mirrored(Path(place.replace("\\", "/")), "images", "labels")
    return None if mirror is None else _resolved(roots, str(mirror))


def _labels_of_folder(folder: Path, passed_over: Dict[str, List[Path]]) -> Tuple[List[Path], List[Path]]:
    """The labels of a folder of photos: in the folder that mirrors it, or in itself; and its photos that have none.

    passed_over: gets what of the folder is not read.
    """
    mirror = mirrored(folder, "images", "labels")
    if mirror is None and (folder / "labels").is_dir():
        mirror = folder / "labels"
    place = mirror if mirror is not None and mirror.is_dir() else folder
    passed: Dict[str, List[Path]] = {}
    labels = files_below(place, ".txt", passed_over=passed)
    for what, files in passed.items():
        passed_over[what] = sorted({*passed_over.get(what, []), *files})
    named = {_below(place, file) for file in labels}
    return labels, [photo for photo in files_below(folder, *IMAGE_SUFFIXES) if _below(folder, photo) not in named]


def _below(folder: Path, file: Path) -> Path:
    """Where a photo or its labels stand below their folders, without what tells one from the other."""
    return Path(*(part for part in file.relative_to(folder).with_suffix("").parts if part not in ("images", "labels")))


def _labels_of_list(path: Path, roots: Sequence[Path]) -> Tuple[List[Path], List[str]]:
    """The labels of the photos that a list names, and the photos that have none."""
    photos = _photos_of(path)
    labels = list(_each_label(photos, [path.parent, *roots]))
    return [file for file in labels if file is not None], [photo for photo, file in zip(photos, labels) if file is None]


def _each_label(photos: Sequence[str], roots: Sequence[Path]) -> Iterator[Optional[Path]]:
    for photo in photos:
        pure = Path(photo.replace("\\", "/")).with_suffix(".txt")
        mirror = mirrored(pure, "images", "labels")
        names = [str(one) for one in (mirror, pure) if one is not None]
        targets = (_resolved(roots, name) for name in names)
        yield next((target for target in targets if target is not None and target.is_file()), None)
