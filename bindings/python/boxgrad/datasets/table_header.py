"""Which column of a table is what. Names are compared without case, spaces, lines and underscores: X_Min is xmin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional, Sequence, Tuple

from .model import UnreadableError

_BOXES = {
    "xyxy": [("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom")],
    "xywh": [
        ("x", "y", "w", "h"),
        ("x", "y", "width", "height"),
        ("left", "top", "width", "height"),
        ("bboxx", "bboxy", "bboxw", "bboxh"),
    ],
    "cxcywh": [("cx", "cy", "w", "h"), ("cx", "cy", "width", "height"), ("xcenter", "ycenter", "width", "height")],
}
_IMAGE = (
    "image", "filename", "imagefile", "imagefilename", "imagepath", "imagename", "path", "file", "filepath", "imageid", "img", "imgfile",
    "imgfilename", "imgpath", "imgname", "imgid", "photo", "photofile", "photoname", "photopath", "photoid", "picture", "frame",
    "framename", "frameid", "imageurl",
)  # fmt: skip
_WITHIN = ("folder", "directory", "dir", "subset", "split", "video", "videoname", "videoid", "sequence", "seq", "clip")
"""Columns of what an image's name is only unique in."""
_CATEGORY = (
    "category",
    "class",
    "label",
    "classname",
    "categoryid",
    "name",
    "labelname",
    "categoryname",
    "classid",
    "labelid",
    "species",
    "tag",
    "type",
)
_SIZES = (("imageheight", "imagewidth"), ("imgheight", "imgwidth"), ("height", "width"))
_ID = ("id", "annotationid")
_OF_TWINS = ("", "unnamed:0", "index", "area", "score", "confidence", "conf", "probability")
"""Columns that may differ in rows that say the same, beside the box and the id."""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


class Header:
    def __init__(self, path: Path, names: Sequence[str], boxes: Optional[str], image_column: Optional[str] = None) -> None:
        plain = [_plain(name) for name in names]
        self.names = names
        found = [(fmt, four) for fmt, fours in _BOXES.items() for four in fours if set(four) <= set(plain)]
        if boxes is not None and found:  # the same four columns may be read otherwise
            found = [one for one in found if one[0] == boxes] or [(boxes, found[0][1])]
        if not found:
            raise UnreadableError(path, f"has no columns x1, y1, x2, y2 or the like, but {self.seen}", 1)
        self.fmt, four = found[0]
        twice = [name for name in four if plain.count(name) > 1]
        if twice:
            raise UnreadableError(path, f"has the column {twice[0]} twice: {self.seen}", 1)
        self.box = [plain.index(name) for name in four]

        def first(options: Sequence[str]) -> Optional[int]:
            return next((plain.index(name) for name in options if name in plain), None)

        self.image, self.category, self.id, self.area = first(_IMAGE), first(_CATEGORY), first(_ID), first(("area",))
        if image_column is not None:
            if image_column not in names:
                raise ValueError(f"image_column must be one of {self.seen}, not {image_column!r}")
            self.image = list(names).index(image_column)
        self.within = [plain.index(name) for name in _WITHIN if name in plain and self.image not in (None, plain.index(name))]
        sizes = [pair for pair in _SIZES if set(pair) <= set(plain) and not set(pair) & set(four)]
        self.size: Optional[Tuple[int, int]] = (plain.index(sizes[0][0]), plain.index(sizes[0][1])) if sizes else None

        self.rest = [column for column, name in enumerate(plain) if column not in (*self.box, self.id) and name not in _OF_TWINS]
        """The columns that make a row another one than that with the same box."""

    @property
    def seen(self) -> str:
        """The columns, as a sentence names them."""
        more = "" if len(self.names) <= 20 else f" and {len(self.names) - 20} more"
        return ", ".join(map(repr, self.names[:20])) + more
