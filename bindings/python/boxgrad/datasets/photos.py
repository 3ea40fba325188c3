"""The photos of a data set: where they are, and their sizes as they are stored and as EXIF turns them.

cv2, ultralytics and detectron2 turn a photo by its EXIF orientation; PIL and torchvision do not.
"""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Dict, Optional, Tuple

Size = Tuple[float, float]
"""Height and width."""
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
_ORIENTATION = 0x112


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
        if images is not None:
            self.folders = [images]
        else:
            beside = [folder, folder / "images", folder.parent, folder.parent / "images", folder.parent / "JPEGImages"]
            parts = list(folder.absolute().parts)
            if "labels" in parts:
                last = len(parts) - 1 - parts[::-1].index("labels")
                beside.insert(0, Path(*parts[:last], "images", *parts[last + 1 :]))
            self.folders = [candidate for candidate in beside if candidate.is_dir()]

    def find(self, name: str) -> Path | None:
        """The file of this name; a name that leads out of the folders, or to no regular file, has none."""
        if self.photo is not None:
            return self.photo
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
