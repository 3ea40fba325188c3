"""The photos of a data set: where they are, and their sizes as they are stored and as EXIF turns them.

cv2, ultralytics and detectron2 turn a photo by its EXIF orientation; PIL and torchvision do not.
"""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import AbstractSet, Dict, List, Optional, Tuple

Size = Tuple[float, float]
"""Height and width."""
Listed = Tuple[Path, Dict[str, str]]
"""A folder, and the names of its photos by their stems."""
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
_ORIENTATION = 0x112


def mirrored(path: Path, part: str, other: str) -> Optional[Path]:
    """The path with the last folder of one name replaced by that of the other, as of labels/train and images/train."""
    parts = list(path.parts)
    if part not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index(part)
    return Path(*parts[:last], other, *parts[last + 1 :])


def after(path: Path, part: str) -> Path:
    """What follows the last folder of this name, as train does in labels/train; nothing if there is none."""
    parts = list(path.parts)
    return Path(*parts[len(parts) - parts[::-1].index(part) :]) if part in parts else Path()


def _exchanges_sides(exif: Optional[bytes]) -> bool:
    """Whether EXIF turns a photo by a quarter. It is read alone: Pillow would look for it in XMP, which the others do not, and in pixels."""
    from PIL import Image

    if not exif:
        return False
    found = Image.Exif()
    try:
        found.load(exif)
        return found.get(_ORIENTATION) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, EOFError, struct.error):  # damaged: other programs do not turn it either
        return False


class ImageFinder:
    """Finds the photos of a data set: in the folder named by the user, or in those beside the annotations; or the one photo named."""

    def __init__(self, annotations: Path, images: Path | None) -> None:
        folder = annotations if annotations.is_dir() else annotations.parent
        self.turned: Dict[str, Tuple[Size, Size]] = {}
        """The photos asked for whose sides EXIF exchanges: their sizes as they are stored, and turned."""
        self.photo = images if images is not None and images.is_file() else None
        self.root, self.images = folder, images
        self.placed: Dict[str, Optional[Path]] = {}
        """The photos of files of labels, by the images' names; None for those that have none."""
        self._listed: Dict[Path, Dict[str, str]] = {}
        self._own: Dict[str, Tuple[List[Listed], List[Listed]]] = {}
        """For each folder of labels: the folders of its photos, and with them those of all photos."""
        self.folders: List[Path] = [] if images is None else [images]
        self.look_beside(folder)

    def look_beside(self, folder: Path) -> None:
        """Looks for photos in a folder of annotations and in those beside it, too, if the user has named none."""
        if self.images is not None:
            return
        beside = [folder, folder / "images", folder.parent, folder.parent / "images", folder.parent / "JPEGImages"]
        mirror = mirrored(folder.absolute(), "labels", "images")
        if mirror is not None:
            beside.insert(0, mirror)
        self.folders += [candidate for candidate in beside if candidate not in self.folders and candidate.is_dir()]

    def place(self, name: str, folder: str, stem: str, alone: bool) -> None:
        """Looks for the photo of a file of labels and keeps it as that of the image `name`.

        Its own folders are looked in first: the one that it stands in, and the one that mirrors it, as images/train does labels/train.
        folder, stem: where the file stands, and its name without its ending. alone: whether no other file has this stem, so that a photo
        in a folder of all files is its own.
        """
        if folder not in self._own:
            own = self._own_folders(Path(folder))
            self._own[folder] = [(one, self.names(one)) for one in own], [(one, self.names(one)) for one in (*own, *self.folders)]
        photo = None
        for place, names in self._own[folder][alone]:
            if stem in names and os.path.isfile(place / names[stem]):
                photo = place / names[stem]
                break
        self.placed[name] = photo

    def _own_folders(self, parent: Path) -> List[Path]:
        """Where the photos of the labels in a folder may be, and of no others."""
        try:
            below = parent.relative_to(self.root)
        except ValueError:
            below = Path()
        found = [] if self.images is not None else [parent, mirrored(parent.absolute(), "labels", "images")]
        base = self.images if self.images is not None else self.root / "images"
        if below.parts or self.images is not None:
            without = Path(*(part for part in below.parts if part != "labels"))
            found += [base / below, mirrored(base / below, "labels", "images"), base / without]
        if self.images is not None:
            below_labels = after(parent.absolute(), "labels")
            found += [self.images / below_labels, self.images / "images" / below_labels]
        shared = {folder.absolute() for folder in self.folders}
        existing = [folder for folder in found if folder is not None and folder.is_dir()]
        return [folder for folder in dict.fromkeys(existing) if folder == parent or folder.absolute() not in shared or not below.parts]

    def names(self, folder: Path) -> Dict[str, str]:
        """The names of the photos in a folder, by their stems and by themselves."""
        if folder not in self._listed:
            found: Dict[str, str] = {}
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            photos = [(IMAGE_SUFFIXES.index(ending.lower()), stem, name) for name in names
                      for stem, ending in [os.path.splitext(name)] if ending.lower() in IMAGE_SUFFIXES]  # fmt: skip
            for _, stem, name in sorted(photos):
                found.setdefault(stem, name)
                found[name] = name
            self._listed[folder] = found
        return self._listed[folder]

    def without_labels(self, stems: AbstractSet[str]) -> List[Path]:
        """The photos beside those that were found, to which no file of labels belongs. stems: those of all files of labels."""
        found = {photo for photo in self.placed.values() if photo is not None}
        folders = sorted({photo.parent for photo in found})
        names = [(folder, name) for folder in folders for name in sorted({*self.names(folder).values()})]
        return [folder / name for folder, name in names if not {name, os.path.splitext(name)[0]} & stems]

    def find(self, name: str) -> Path | None:
        """The file of this name; a name that leads out of the folders, or to no regular file, has none."""
        if self.photo is not None:
            return self.photo
        if name in self.placed:
            return self.placed[name]
        pure = PurePosixPath(name)
        if not name or "\0" in name or ".." in pure.parts or pure.is_absolute() or PureWindowsPath(name).drive or "\\" in name:
            return None
        endings = ("",) if pure.suffix.lower() in IMAGE_SUFFIXES else IMAGE_SUFFIXES
        for folder in self.folders:
            for ending in endings:
                for candidate in dict.fromkeys((folder / f"{name}{ending}", folder / f"{pure.name}{ending}")):
                    if os.path.isfile(candidate):
                        return candidate
        return None

    def sizes(self, name: str) -> Optional[Tuple[Size, Size]]:
        """(height, width) from the photo's header: as it is stored, and as EXIF turns it."""
        from PIL import Image

        path = self.find(name)
        if path is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of damaged EXIF
                with Image.open(path) as image:
                    stored = float(image.height), float(image.width)
                    return stored, stored[::-1] if _exchanges_sides(image.info.get("exif")) else stored
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None

    def size(self, name: str, exif: Optional[str] = None) -> Optional[Size]:
        """(height, width) as the photo is stored; where `exif` is "turned", as EXIF turns it."""
        both = self.sizes(name)
        if both is None:
            return None
        if both[0] != both[1]:
            self.turned[name] = both
        return both[exif == "turned"]
