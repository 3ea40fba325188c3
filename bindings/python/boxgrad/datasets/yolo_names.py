"""What stands beside the labels of YOLO: the names of the classes, and data.yaml.

Scalars of YAML are taken as they are written: a class may be called yes, no or 1e3.
"""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence

import yaml

from .model import CLASS_FILES, Reading, UnreadableError

_MOST_BYTES = 1 << 20
_MOST_DEPTH = 4
_KEYS = ("names", "nc", "path", "train", "val", "test", "kpt_shape")
_DESCRIBES = {"names", "nc", "train", "val"}
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge")}
_LONGEST = 200


@dataclass
class Description:
    """The content of data.yaml: each scalar as it is written."""

    file: Path
    content: Dict[str, Any] = field(default_factory=dict)
    twice: List[str] = field(default_factory=list)

    def pose_length(self) -> Optional[int]:
        """How many numbers a pose has by kpt_shape, the box included."""
        shape = self.content.get("kpt_shape")
        if isinstance(shape, list) and len(shape) == 2 and all(isinstance(one, str) and one.isdecimal() for one in shape):
            points, numbers = map(int, shape)
            return 4 + points * numbers if 0 < points < 10000 and 0 < numbers < 10000 else None
        return None


@dataclass
class Names:
    """The names of the classes, by their numbers."""

    file: Path
    names: Dict[int, str]
    notes: List[str] = field(default_factory=list)


@dataclass
class Beside:
    """What stands beside the labels."""

    description: Optional[Description] = None
    names: Optional[Names] = None
    notes: List[str] = field(default_factory=list)
    files: List[Path] = field(default_factory=list)
    """The files of the class names and data.yaml, which a copy needs."""


def look_beside(path: Path, folders: Iterable[Path], reading: Reading) -> Beside:
    """The class names and data.yaml in the folder of the labels, those between it and the data set's, or up to two above.

    folders: those that hold the files of labels, below the path.
    """
    root = path if path.is_dir() else path.parent
    above = [root, *list(root.absolute().parents)[:2]]
    below = [root / "labels"]
    for folder in folders:
        below += [folder, *(parent for parent in folder.parents if root in parent.parents)]
    found = Beside()
    lists: List[Names] = []
    for folder in dict.fromkeys([*above[:1], *below, *above[1:]]):
        if lists and folder in above[1:]:
            break  # the names above are those of another data set, or the same
        is_above = folder in above[1:] and "labels" not in root.absolute().relative_to(folder).parts
        for file in _files(folder, any_name=not is_above):
            if file.suffix in (".yaml", ".yml"):
                description = described(file)
                if found.description is None:
                    found.description = description
                names = _names_of(description)
            else:
                names = _names_in(file, reading.encoding)
            if names is not None or file.suffix in (".yaml", ".yml"):
                found.files.append(file)
            if names is not None:
                lists.append(names)
    if path.is_file() and path.suffix in (".yaml", ".yml"):
        lists.sort(key=lambda one: one.file != path)
    if lists:
        lists.sort(key=lambda one: one.file.suffix not in (".yaml", ".yml"))
        found.names = lists[0]
        found.notes += lists[0].notes
        other = next((one for one in lists[1:] if one.names != lists[0].names and not one.notes), None)
        if other is not None:
            found.notes.append(f"{lists[0].file} and {other.file} name other classes; those of {lists[0].file} are taken.")
    return found


def _files(folder: Path, any_name: bool) -> List[Path]:
    """The files of class names in a folder. any_name: whether data.yaml may have another name, if there is one such file."""
    named = [folder / name for name in (*CLASS_FILES, "_darknet.labels")]
    found = [file for file in named if _is_small(file)]
    if any_name and folder / "data.yaml" not in found:
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))
        except OSError:
            names = []
        described_ones = [file for file in (folder / name for name in names) if _is_small(file) and _describes(file)]
        found += described_ones if len(described_ones) == 1 else []
    return found


def _is_small(file: Path) -> bool:
    return file.is_file() and file.stat().st_size < _MOST_BYTES


def _describes(file: Path) -> bool:
    try:
        return "names" in (content := described(file).content) and len(_DESCRIBES & content.keys()) > 1
    except UnreadableError:
        return False


def described(file: Path) -> Description:
    """The content of data.yaml; UnreadableError if it is no YAML."""
    try:
        root = yaml.compose(file.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        raise UnreadableError(file, str(error).split("\n")[0], mark.line + 1 if mark else None) from None
    found = Description(file)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode) and key.value in _KEYS:
                if key.value in found.content:
                    found.twice.append(key.value)
                found.content[key.value] = _plain(value, file, 0)
    return found


def _plain(node: yaml.Node, file: Path, depth: int) -> Any:
    if node.tag not in _PLAIN or depth > _MOST_DEPTH:
        reason = "is nested too deeply" if depth > _MOST_DEPTH else f"could not determine a constructor for the tag {node.tag!r}"
        raise UnreadableError(file, reason, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value, file, depth + 1) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, file, depth + 1) for one in node.value]
    return str(node.value)


def _names_of(description: Description) -> Optional[Names]:
    """The names that data.yaml lists."""
    file, names = description.file, description.content.get("names")
    if names is None or names == "":
        return None
    notes = [f"{key} stands twice in {file}; the last is taken." for key in description.twice]
    if isinstance(names, str):
        notes.append(f"names of {file} is no list, but {names[:60]!r}: it is taken as the name of one class.")
        names = [names]
    if isinstance(names, dict):
        if not all(key.isdecimal() for key in names):
            return None
        found = {int(key): _text(name) for key, name in names.items()}
    else:
        found = dict(enumerate(map(_text, names)))
    count = description.content.get("nc")
    if isinstance(count, str) and count.isdecimal() and int(count) != len(found):
        notes.append(f"nc of {file} is {count}, and names are {len(found):,}.")
    return Names(file, found, notes)


def _text(name: object) -> str:
    return str(name)[:_LONGEST]


def _names_in(file: Path, encoding: Optional[str]) -> Names:
    """The names of a list, one a line."""
    data = file.read_bytes()
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    codec = next((name for mark, name in marks if data.startswith(mark)), encoding or "utf-8")
    try:
        lines = data.decode(codec).splitlines()
    except UnicodeDecodeError as error:
        note = (
            f"{file} is not {codec.upper()} (byte {error.object[error.start]:#x}), so that classes are named by their numbers; "
            "--encoding NAME says what it is, like gbk or latin-1."
        )
        return Names(file, {number: str(number) for number in range(len(data.rstrip().splitlines()))}, [note])
    while lines and not lines[-1].strip():
        lines.pop()
    blank = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
    notes = [] if blank is None else [f"{file}, line {blank}: is blank; it counts as a class, whose name is its number."]
    return Names(file, {number: _text(line) if line.strip() else str(number) for number, line in enumerate(lines)}, notes)


