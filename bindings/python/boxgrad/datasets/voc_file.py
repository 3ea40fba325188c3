"""One XML file of Pascal VOC, or of HRSC2016: its objects, the members that are read of them and where these stand, and all that is not read.

expat says at which byte each number stands, which repairs need. Entities are refused, and no DTD is ever fetched.

Of an element that stands twice where one is expected the first counts, as for readers that look for one. Objects are read wherever they
stand, and tags in any case and with any namespace: what VOC spells or places otherwise is in `unusual`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict
from xml.parsers import expat

from .model import UnreadableError
from .xml_text import XmlText

SIDES = ("xmin", "ymin", "xmax", "ymax")
ROTATED = ("cx", "cy", "w", "h", "angle")
"""Of a rotated box, as roLabelImg writes it: the angle is in radians, clockwise."""
_READ = {
    "annotation": ("filename", "size"), "size": ("width", "height"), "object": ("name", "bndbox", "robndbox"), "bndbox": SIDES, "robndbox": ROTATED,
}  # fmt: skip
"""The members that are read, by what they stand in."""
_READ_OF_HRSC = {"annotation": ("filename", "width", "height"), "object": ("name", *ROTATED)}
_TAGS_OF_HRSC = {
    "hrsc_image": "annotation", "img_filename": "filename", "img_sizewidth": "width", "img_sizeheight": "height", "hrsc_objects": "objects",
    "hrsc_object": "object", "class_id": "name", **{f"mbox_{name}": name for name in ROTATED[:4]}, "mbox_ang": "angle",
}  # fmt: skip
"""How HRSC2016 names the elements of VOC."""
_OTHERS = {
    "annotation": ("folder", "path", "source", "owner", "segmented", "object", "objects"), "size": ("depth",),
    "object": ("pose", "truncated", "difficult", "occluded"), "bndbox": (),
}  # fmt: skip
"""The other members of the format, which say nothing of a box."""
_LEAVES = ("filename", "width", "height", "name", *SIDES, *ROTATED)
_OF_OBJECTS = ("object", "bndbox", "robndbox", "name", *SIDES, *ROTATED)
_OTHERS_OF_HRSC = {
    "annotation": (
        "img_custype", "img_location", "img_sizedepth", "img_resolution", "img_resolution_layer", "img_scale", "segmented", "img_havemask",
        "img_filefmt", "img_rotation", "annotated", "objects",
    ),
    "object": (
        "object_id", "object_no", "truncated", "difficult", "segmented", "seg_color", "header_x", "header_y",
        *(f"box_{side}" for side in SIDES),
    ),
}  # fmt: skip
_PLAIN_ATTRIBUTES = ("verified", "xmlns")
_DEEPEST = 100
_ROOTS = {"annotations": "CVAT", "dataset": "dlib"}


@dataclass
class Member:
    """A name or a number: its text, and the bytes from the < of the tag to that of its end; -1 for an attribute."""

    text: str
    line: int
    start: int = -1
    end: int = -1


@dataclass
class Element:
    """An object, or what the file says of its image. A member is named without its parents: xmin of bndbox, width of size."""

    line: int = 0
    start: int = 0
    end: int = 0
    members: Dict[str, Member] = field(default_factory=dict)
    twice: list[tuple[str, int]] = field(default_factory=list)
    """The tags that stand here again, and the line of each."""
    found: set[str] = field(default_factory=set)
    others: Dict[str, list[str]] = field(default_factory=dict)
    """The members that are not read, and what stands in them."""

    def number(self, name: str) -> float:
        """ValueError: why there is none."""
        member = self.members.get(name)
        if member is None:
            raise ValueError(self._missing(name))
        try:
            if "_" not in member.text:
                return float(member.text.strip())
        except ValueError:
            pass
        raise ValueError(f"{name} is {member.text[:60]!r}")

    def _missing(self, name: str) -> str:
        what = name if name in ROTATED or "bndbox" in self.found else "bndbox"
        seen = [f"<{tag}>" + (f" of {', '.join(inner)}" if inner else "") for tag, inner in self.others.items()]
        return f"there is no {what}" + (f", but {', '.join(seen)[:100]}" if seen else "")


class VocFile:
    """What stands in one file."""

    def __init__(self, path: Path, text: XmlText) -> None:
        self.path, self.text = path, text
        self.header = Element()
        self.of_hrsc = False
        """Whether this is a file of HRSC2016, which names its elements otherwise."""
        self.objects: list[Element] = []
        self.lost: list[tuple[int, str]] = []
        """The lines of objects and boxes that belong to no object, and why."""
        self.unused: Counter[str] = Counter()
        self.unusual: Counter[str] = Counter()
        self._roles: list[str] = []
        """What each open element is; empty for what is not read, and for all in it."""
        self._tags: list[str] = []
        self._text: list[str] = []
        self._start = self._line = 0
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.CharacterDataHandler = self._text.append
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(text.data, True)
        except expat.ExpatError as error:
            reason = expat.errors.messages[error.code]
            raise UnreadableError(path, "is empty" if not text.data.strip() else f"is no XML: {reason}", error.lineno) from None

    def _refuse(self, name: str, *_: object) -> None:
        raise UnreadableError(self.path, f"declares the entity {name!r}, which annotations have no use for", self._parser.CurrentLineNumber)

    def _open(self, tag: str, attributes: Dict[str, str]) -> None:
        name, parent = tag.lower().rpartition(":")[2], self._roles[-1] if self._roles else ""
        self.of_hrsc |= not self._roles and name == "hrsc_image"
        written = tag
        if self.of_hrsc:
            name = _TAGS_OF_HRSC.get(name, "" if name in _TAGS_OF_HRSC.values() else name)
            written = name
        if not self._roles and name != "annotation":
            self._refuse_root(tag)
        if len(self._roles) == _DEEPEST:
            raise UnreadableError(self.path, "is nested too deeply", self._parser.CurrentLineNumber)
        if parent in _LEAVES:
            self._text.append(f"<{tag}>")  # which makes it no number
        role = self._role(tag, name, parent)
        self._roles.append(role)
        self._tags.append(tag)
        if role and written != name:
            self.unusual[f"<{tag}>"] += 1
        if role in _LEAVES:
            self._text.clear()
            self._start, self._line = self._parser.CurrentByteIndex, self._parser.CurrentLineNumber
        elif attributes and role:
            self._read_attributes(role, attributes)

    def _role(self, tag: str, name: str, parent: str) -> str:
        """What an element is."""
        if not self._roles:
            return name
        if name == parent == "annotation":  # a line that stands twice
            self.unusual[f"<{tag}> in <{self._tags[-1]}>"] += 1
            return name
        if name == "object":
            return self._object(tag)
        if name in ("bndbox", "robndbox") and "object" not in self._roles:
            self.lost.append((self._parser.CurrentLineNumber, f"it stands in <{self._tags[-1]}>, and in no object"))
            return ""
        if name in (_READ_OF_HRSC if self.of_hrsc else _READ).get(parent, ()):
            owner = self._owner(parent)
            if name in owner.found:
                owner.twice.append((tag, self._parser.CurrentLineNumber))
                return ""
            owner.found.add(name)
            return name
        if name in (_OTHERS_OF_HRSC if self.of_hrsc else _OTHERS).get(parent, ()):
            return name if name == "objects" else ""
        if parent and parent not in _LEAVES:
            self.unused[f"element <{tag}>"] += 1
            if parent in ("object", "bndbox", "robndbox"):
                self._owner(parent).others.setdefault(tag, [])
        elif self._roles.count("object") and self._roles[-2:-1] == ["object"] and self._tags[-1] in self.objects[-1].others:
            self.objects[-1].others[self._tags[-1]].append(tag)
        return ""

    def _object(self, tag: str) -> str:
        line = self._parser.CurrentLineNumber
        if "object" in self._roles:
            self.lost.append((line, f"it stands in object {len(self.objects) - 1}"))
            return ""
        self.objects.append(Element(line, self._parser.CurrentByteIndex, found={"robndbox"} if self.of_hrsc else set()))
        if self._roles != ["annotation", "objects"][: 1 + self.of_hrsc]:
            self.unusual["".join(f"<{one}>" for one in (*self._tags[1:], tag))] += 1
        return "object"

    def _owner(self, role: str) -> Element:
        return self.objects[-1] if role in _OF_OBJECTS else self.header

    def _read_attributes(self, role: str, attributes: Dict[str, str]) -> None:
        """Names and numbers that stand as attributes, like <bndbox xmin="1" ...>."""
        owner, line = self._owner(role), self._parser.CurrentLineNumber
        for name, value in attributes.items():
            if name.lower() in _READ.get(role, ()) and name.lower() in _LEAVES and not self.of_hrsc:
                owner.found.add(name.lower())
                owner.members[name.lower()] = Member(value, line)
            elif name.lower() == "xmlns":
                self.unusual[f"<{self._tags[-1]} xmlns>"] += 1
            elif not name.lower().startswith(_PLAIN_ATTRIBUTES):
                self.unused[f"attribute {name!r}"] += 1

    def _close(self, tag: str) -> None:
        role = self._roles.pop()
        self._tags.pop()
        if role == "object":
            self.objects[-1].end = self._parser.CurrentByteIndex
        elif role in _LEAVES:
            text, end = "".join(self._text), self._parser.CurrentByteIndex
            self._owner(role).members[role] = Member(text, self._line, self._start, end)

    def _refuse_root(self, tag: str) -> None:
        tool = _ROOTS.get(tag, "") if b"<image" in self.text.data else ""
        seen = f"its root is <{tag}>" + (f", as {tool} writes" if tool else "")
        raise UnreadableError(self.path, f"is no VOC annotation: {seen}", self._parser.CurrentLineNumber)
