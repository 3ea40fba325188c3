"""Which column of a table is what. Names are compared without case, spaces, lines, points and underscores: X_Min is xmin."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from .model import UnreadableError
from .photos import IMAGE_SUFFIXES

_PREFIXES = ("", "bbox", "box", "boundingbox", "bndbox", "roi", "rect")
_BOXES = {
    "xyxy": [
        ("x1", "y1", "x2", "y2"),
        ("xmin", "ymin", "xmax", "ymax"),
        ("left", "top", "right", "bottom"),
        ("x0", "y0", "x1", "y1"),
        ("minx", "miny", "maxx", "maxy"),
        ("xtl", "ytl", "xbr", "ybr"),
        ("tlx", "tly", "brx", "bry"),
        ("startx", "starty", "endx", "endy"),
    ],
    "xywh": [
        ("x", "y", "w", "h"),
        ("x", "y", "width", "height"),
        ("left", "top", "width", "height"),
        ("xmin", "ymin", "width", "height"),
        ("x1", "y1", "width", "height"),
        ("x1", "y1", "w", "h"),
    ],
    "cxcywh": [
        ("cx", "cy", "w", "h"),
        ("cx", "cy", "width", "height"),
        ("xcenter", "ycenter", "width", "height"),
        ("xcenter", "ycenter", "w", "h"),
        ("centerx", "centery", "width", "height"),
    ],
}
_SIDES = {"width", "height", "w", "h"}
_LISTS = ("bbox", "bboxes", "box", "boxes", "boundingbox", "boundingboxes")
_STRINGS = {"boxesstring": "xyxy", "predictionstring": None}
"""Columns of all boxes of an image in one text, and what the numbers are, if that is known."""
_OBJECTS = ("objects", "annotations", "object", "instances", "labels", "targets")
_SHAPE, _ATTRIBUTES = "regionshapeattributes", "regionattributes"
_IMAGE = (
    "image", "filename", "imagefile", "imagefilename", "imagepath", "imagename", "path", "file", "filepath", "imageid", "img", "imgfile",
    "imgfilename", "imgpath", "imgname", "imgid", "photo", "photofile", "photoname", "photopath", "photoid", "picture", "frame",
    "framename", "frameid", "imageurl", "patientid", "imageuid", "imageuri", "imgurl", "uri", "imagefilepath",
)  # fmt: skip
_WITHIN = ("folder", "directory", "dir", "subset", "split", "video", "videoname", "videoid", "sequence", "seq", "clip")
"""Columns of what an image's name is only unique in."""
_CATEGORY = (
    "category", "class", "label", "classname", "categoryid", "name", "labelname", "categoryname", "classid", "labelid", "species", "tag",
    "type", "objectclass", "objectname", "objecttype", "objectlabel", "classlabel", "findinglabel", "target", "cls",
)  # fmt: skip
_CATEGORIES = ("categories", "labels", "classes", *_CATEGORY)
_SIZES = (("imageheight", "imagewidth"), ("imgheight", "imgwidth"), ("imheight", "imwidth"), ("height", "width"))
_ID = ("id", "annotationid")
_ANNOTATOR = ("radid", "annotator", "annotatorid", "rater", "raterid", "reader", "readerid", "workerid")
_INDEX = ("", "unnamed:0", "index")
_OF_TWINS = (*_INDEX, "area", "score", "confidence", "conf", "probability")
"""Columns that may differ in rows that say the same, beside the box and the id."""
_UDACITY = ("xmin", "xmax", "ymin", "ymax", "frame", "label", "previewurl")
"""The header of a published file, whose columns hold x1, y1, x2, y2 in this order."""
_WHEAT = ("imageid", "width", "height", "bbox", "source")

_Columns = Tuple[str, List[int], Tuple[str, ...]]
"""What the numbers of a box are, their columns, and the names of these."""

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?nan|[-+]?inf", re.IGNORECASE)

_KEY = re.compile(r"""["']([^"']*)["']\s*:""")
"""The name of a member, in the text of an object."""

ROLES = (
    "image", "category", "id", "area", "annotator", "image_width", "image_height", "bbox",
    *dict.fromkeys(name for fours in _BOXES.values() for four in fours for name in four),
)  # fmt: skip
"""What --columns can name."""


def plain(name: str) -> str:
    return re.sub(r"[\s_.#-]", "", name).lower()


class Header:
    """What the columns hold.

    shape: "numbers" if the box has a column for each number, else how one column, or its lists, hold it: "list" is one box in a row;
    "lists" all boxes of an image, in columns of lists; "objects" the same in one column; "string" in one text; "via" a shape of VIA.
    """

    def __init__(
        self, path: Path, names: Sequence[str], boxes: Optional[str] = None, image_column: Optional[str] = None,
        columns: Optional[Dict[str, str]] = None, sample: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self.path, self.names, self.sample = path, list(names), sample
        self.given = columns or {}
        self.why = ""
        """By what the columns of a table without a header are known."""
        self.by_order = False
        """Whether the columns hold corners in the order in which they stand, whatever their names are."""
        nameless = takewhile(lambda name: not name.strip(), reversed(self.names))
        self.optional = int(self.names[-1:] == ["attribute"]) or len(list(nameless))
        """How many of the last columns a row may lack."""
        self._plain = [plain(name) for name in names]
        roles = self._given_roles()
        self.fmt: Optional[str] = None
        self.shape, self.box = "numbers", [0]
        self._find_boxes(boxes)
        four = {self._plain[column] for column in self.box}

        def first(role: str, options: Sequence[str]) -> Optional[int]:
            if role in roles:
                return roles[role]
            return next((at for name in options for at in self._all(name) if at not in self.box and at not in roles.values()), None)

        self.image = first("image", ())
        if self.image is None:
            self.image = self._photo([name for name in _IMAGE], roles)
        if image_column is not None:
            if image_column not in names:
                raise ValueError(f"image_column must be one of {self.seen}, not {image_column!r}")
            self.image = list(names).index(image_column)
        taken = [] if self.image is None else [self._plain[self.image]]
        self.category = first("category", [name for name in (_CATEGORIES if self.shape == "lists" else _CATEGORY) if name not in taken])
        if self.shape in ("objects", "string", "via"):
            self.category = None  # each of the row's boxes names its own
        self.id = first("id", [name for name in _ID if name not in taken])
        self.area, self.annotator = first("area", ("area", "areas")), first("annotator", _ANNOTATOR)
        self.attributes = first("", (_ATTRIBUTES,)) if self.shape == "via" else None
        self.within = [self._plain.index(name) for name in _WITHIN if name in self._plain and name not in taken and self.image is not None]
        self.size: Optional[Tuple[int, int]] = self._size(roles, four)
        self._find_rest()

    def _given_roles(self) -> Dict[str, int]:
        """The columns that the user named."""
        found = {}
        for role, name in self.given.items():
            options = [at for at, one in enumerate(self.names) if one.strip() == name] or self._all(plain(name))
            if not options:
                raise ValueError(f"columns: {role}={name} names no column; the columns are {self.seen}")
            found[role] = options[0]
        self.roles = found
        return found

    def _all(self, name: str) -> List[int]:
        return [at for at, one in enumerate(self._plain) if one == name]

    def _find_boxes(self, boxes: Optional[str]) -> None:
        if "bbox" in self.roles:
            at = self.roles["bbox"]
            self.shape, self.box, self.fmt = shape_of(self.sample[at] if at < len(self.sample) else None) or "list", [at], boxes
            return
        self._find_columns(boxes)
        if self.fmt is None and not self._find_lists(boxes):
            asks = f"--columns says which they are, like {self._example}"
            raise UnreadableError(self.path, f"has no columns x1, y1, x2, y2 or the like, but {self.seen}; {asks}")

    def _find_columns(self, boxes: Optional[str]) -> None:
        """The four columns of the box."""
        known = [plain(role) for role in self.roles]
        found: List[_Columns] = []
        for fmt, fours in _BOXES.items():
            for four in fours:
                if set(four) <= set(known):
                    found.append((fmt, [self.roles[next(role for role in self.roles if plain(role) == name)] for name in four], four))
        if not found:
            found = [
                (fmt, [self._all(prefix + name)[0] for name in four], tuple(prefix + name for name in four))
                for prefix in _PREFIXES for fmt, fours in _BOXES.items() for four in fours
                if {prefix + name for name in four} <= set(self._plain)
            ]  # fmt: skip
        # width and height beside corners, or beside w and h, are no second box, but the size of the image, or of the box once more
        found = [one for at, one in enumerate(found) if not any(self._adds_sides(one[1], other[1]) for other in found[:at])]
        if not self.roles:
            found = self._without_quadrilaterals(found)
        if boxes is not None and found:  # the same four columns may be read otherwise
            found = [one for one in found if one[0] == boxes] or [(boxes, *found[0][1:])]
        if len(found) > 1:
            sets = " and ".join(", ".join(repr(self.names[column]) for column in columns) for _, columns, _ in found[:2])
            roles = ",".join(f"{role}={self.names[at]}" for role, at in zip(_names_of(found[0][0]), found[0][1]))
            asks = f"say which with --columns, like --columns {roles}"
            raise UnreadableError(self.path, f"has two boxes in a row, in the columns {sets}: {asks}")
        if not found:
            return
        self.fmt, self.box, names = found[0]
        twice = [] if self.roles else [name for name in names if self._plain.count(name) > 1]
        if twice:
            raise UnreadableError(self.path, f"has the column {twice[0]} twice: {self.seen}", 1)

    def _without_quadrilaterals(self, found: List[_Columns]) -> List[_Columns]:
        """The boxes alone: of four points in a row the first two are no corners of one."""
        boxes = [one for one in found if len(self._points(one[2])) <= 2]
        if found and not boxes:
            points = self._points(found[0][2])
            asked = "x1={},y1={},x2={},y2={}".format(*points[0], *points[2])
            asks = f"if they are upright rectangles, --columns {asked} names opposite corners"
            raise UnreadableError(self.path, f"has more than two points in a row: {self.seen}; {asks}", 1)
        return boxes

    def _points(self, names: Tuple[str, ...]) -> List[Tuple[str, str]]:
        """The columns of all points that are named as the first of a box is, with another digit."""
        if not names[0][-1].isdigit():
            return []
        pairs = [(names[0][:-1] + digit, names[1][:-1] + digit) for digit in "01234"]
        there = [pair for pair in pairs if set(pair) <= set(self._plain)]
        return [(self.names[self._plain.index(x)], self.names[self._plain.index(y)]) for x, y in there]

    def _adds_sides(self, columns: List[int], others: List[int]) -> bool:
        more = {self._plain[column] for column in set(columns) - set(others)}
        return len(columns) == len(others) and all(any(name == prefix + side for prefix in _PREFIXES for side in _SIDES) for name in more)

    def _find_lists(self, boxes: Optional[str]) -> bool:
        """The column of lists, objects or texts with the box, or the boxes."""
        for name, fmt in _STRINGS.items():
            if name in self._plain:
                self.shape, self.box, self.fmt = "string", [self._plain.index(name)], boxes or fmt
                return True
        if _SHAPE in self._plain:
            self.shape, self.box, self.fmt = "via", [self._plain.index(_SHAPE)], "xyxy"
            return True
        for name in (*_LISTS, *_OBJECTS):
            if len(self._all(name)) > 1:
                raise UnreadableError(self.path, f"has the column {name} twice: {self.seen}", 1)
            for at in self._all(name):
                shape = shape_of(self.sample[at] if at < len(self.sample) else None)
                if shape:
                    known = "xywh" if tuple(self._plain) == _WHEAT else None
                    self.shape, self.box, self.fmt = shape, [at], boxes or known
                    return True
        return False

    @property
    def _example(self) -> str:
        """What --columns could say. The names of a box that was not found are left open: a wrong guess would be read."""
        cells = [*self.sample, *[None] * len(self.names)]
        image = next((name for name, cell in zip(self.names, cells) if is_photo(cell) or plain(name) in _IMAGE), "NAME")
        return f"image={image},x1=NAME,y1=NAME,x2=NAME,y2=NAME, with w and h for x2 and y2 if they are sides"

    def _photo(self, options: Sequence[str], roles: Dict[str, int]) -> Optional[int]:
        """The column of the image; of several the one that holds names of photos."""
        found = [at for name in options for at in self._all(name) if at not in (*self.box, *roles.values())]
        found = [at for at in found if at >= len(self.sample) or not isinstance(self.sample[at], dict) or is_photo(self.sample[at])]
        photos = [at for at in (*found, *self._all("name"), *self._all("id")) if at < len(self.sample) and is_photo(self.sample[at])]
        return next(iter((*photos, *found)), None)

    def _size(self, roles: Dict[str, int], four: set[str]) -> Optional[Tuple[int, int]]:
        if "image_height" in roles and "image_width" in roles:
            return roles["image_height"], roles["image_width"]
        pairs = [pair for pair in _SIZES if set(pair) <= set(self._plain) and not set(pair) & four]
        return (self._plain.index(pairs[0][0]), self._plain.index(pairs[0][1])) if pairs else None

    def _find_rest(self) -> None:
        numbered = enumerate(self._plain)
        self.rest = [column for column, name in numbered if column not in (*self.box, self.id) and name not in _OF_TWINS]
        """The columns that make a row another one than that with the same box."""
        self.used = [
            at for at in (*self.box, self.image, self.category, self.id, self.area, self.annotator, self.attributes, *self.within,
                          *(self.size or ())) if at is not None
        ]  # fmt: skip
        self.unused = [
            f"column {name!r}{' again' if self.names.index(name) < at else ''}"
            for at, name in enumerate(self.names) if at not in self.used and not self._is_index(at)
        ]  # fmt: skip

    def _is_index(self, at: int) -> bool:
        """Whether a column numbers the rows, or is empty."""
        cell = self.sample[at] if at < len(self.sample) else None
        return self._plain[at] in _INDEX and not (isinstance(cell, str) and cell.strip() and not NUMBER.fullmatch(cell.strip()))

    @property
    def is_udacity(self) -> bool:
        return tuple(self._plain) == _UDACITY

    @property
    def order(self) -> List[int]:
        """The numbers of the box in the order of their columns."""
        return sorted(range(4), key=lambda at: self.box[at]) if len(self.box) == 4 else [0, 1, 2, 3]

    @property
    def evidence(self) -> str:
        """Which columns are what."""
        said = [f"column{'s' if len(self.box) > 1 else ''} {', '.join(self.names[column].strip() for column in self.box)} as {self.fmt}"]
        for what, at in (("image", self.image), ("category", self.category)):
            if at is not None and self.names[at].strip() != what:
                said.append(f"{self.names[at].strip()} as the {what}")
        return ", ".join([*said, *([self.why] if self.why else [])])

    @property
    def seen(self) -> str:
        """The columns, as a sentence names them."""
        more = "" if len(self.names) <= 20 else f" and {len(self.names) - 20} more"
        return ", ".join(map(repr, self.names[:20])) + more


def parse_columns(text: Optional[str]) -> Union[None, List[str], Dict[str, str]]:
    """What --columns says: the names of the columns in order, or what the table's own names mean."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not any("=" in part for part in parts):
        return parts
    found = {}
    for part in parts:
        role, equal, name = part.partition("=")
        if not equal:
            raise ValueError(f"columns must be names in order, or all like image=ImageID, and {part!r} is not, in {text!r}")
        known = [one for one in ROLES if plain(one) == plain(role)]
        if not known:
            raise ValueError(f"columns: {role!r} is none of {', '.join(ROLES)}")
        found[known[0]] = name
    return found


def _names_of(fmt: str) -> Tuple[str, ...]:
    return _BOXES[fmt][0]


def is_photo(value: Any) -> bool:
    if isinstance(value, dict):
        value = value.get("path")
    return isinstance(value, str) and value.strip().lower().endswith(IMAGE_SUFFIXES)


def shape_of(value: Any) -> str:
    """How a cell holds boxes: "list", "lists" or "objects"; "" if it holds none."""
    if isinstance(value, str):
        text = value.strip()
        if re.match(r"\[\s*\{", text) and _names_a_box(_KEY.findall(text)):
            return "objects"
        if text[:2] in ("[[", "[(", "((") or text.replace(" ", "")[:2] in ("[[", "[]"):
            return "lists"
        return "list" if len(NUMBER.findall(text)) == 4 else ""
    if isinstance(value, dict):
        members = {plain(name): one for name, one in value.items()}
        if any(isinstance(one, (list, tuple)) for one in members.values()) and set(members) & set(_LISTS):
            return "objects"
        return "list" if box_members(value) else ""
    if isinstance(value, (list, tuple)):
        if not value or isinstance(value[0], (list, tuple)):
            return "lists"
        if isinstance(value[0], dict):
            return "objects"
        return "list"
    return ""


def _names_a_box(keys: Sequence[str]) -> bool:
    return box_members(dict.fromkeys(keys)) is not None or not set(_LISTS).isdisjoint(map(plain, keys))


def box_members(value: Dict[str, Any]) -> Optional[Tuple[str, List[str]]]:
    """The format of a box whose numbers have names, and those names as they are written."""
    names = {plain(name): name for name in value}
    for fmt, fours in _BOXES.items():
        for four in fours:
            if set(four) <= set(names):
                return fmt, [names[name] for name in four]
    return None


def member(value: Dict[str, Any], what: str) -> Optional[str]:
    """The member of an object that is its box, category, id or area."""
    options = {"box": _LISTS, "category": _CATEGORIES, "id": _ID, "area": ("area", "areas")}[what]
    names = {plain(name): name for name in value}
    return next((names[name] for name in options if name in names), None)
