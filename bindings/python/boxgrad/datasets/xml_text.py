"""The text of an XML file in UTF-8, whatever its encoding: expat knows few encodings of several bytes, and Python knows them all.

A mark at the start decides. What declares UTF-8, or nothing, and is UTF-8 is read so; for the others --encoding decides, and then what they
declare.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple

from .model import UnreadableError

_STARTS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (b"<\0\0\0", "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)  # fmt: skip
"""The first bytes that tell the encoding: a mark, or < in several bytes."""
_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]*?\bencoding\s*=\s*([\"'])([A-Za-z0-9._-]+)\1[^>]*>")
WIDER: Dict[str, Tuple[str, ...]] = {
    "gb2312": ("gbk", "gb18030"), "gbk": ("gb18030",), "big5": ("cp950", "big5hkscs"), "euc_kr": ("cp949",), "shift_jis": ("cp932",),
    "euc_jp": ("eucjis2004",),
}  # fmt: skip
"""The encodings that have more characters than the one declared, and the same bytes for its own: files are written so under its name."""


@dataclass(frozen=True)
class XmlText:
    data: bytes
    """In UTF-8."""
    encoding: str
    exact: bool
    """Whether its characters, encoded again, are the bytes of the file: only then can it be edited."""
    against: str = ""
    """What decides against another of what the file declares, what it could be, and what --encoding names; empty if these agree."""

    def encoded(self, data: bytes) -> bytes:
        """An edited text as the file has it."""
        return data if self.encoding == "utf-8" else data.decode().encode(self.encoding)


def read_xml(path: Path, data: bytes, given: str | None = None) -> XmlText:
    """The text of a file of these bytes. given: what --encoding says."""
    started = next((name for start, name in _STARTS if data.startswith(start)), None)
    found = _DECLARATION.match(data)
    declared = found[2].decode().removeprefix("x-") if found and not started else None  # x-sjis, as some write
    against = ""
    if started:
        candidates: Tuple[str, ...] = (started,)
    elif _is_utf8(declared or "utf-8") and _decoded(data, "utf-8") is not None:
        candidates = ("utf-8",)
        against = "UTF-8, and not as --encoding says" if given and not _is_utf8(given) and not data.isascii() else ""
    elif given is not None:
        candidates = (given,)
        against = f"{given}, as --encoding says, and not as declared" if declared and not data.isascii() else ""
    else:
        candidates = _declared(path, declared, found[0] if found else b"") if declared is not None else ("utf-8",)
    for name in candidates:
        text = _decoded(data, name)
        if text is not None:
            if _is_utf8(name):
                return XmlText(data, "utf-8", True, against)
            return XmlText(text.encode(), name, _encoded(text, name) == data, against)
    if not started and not data.lstrip().startswith(b"<"):
        return XmlText(data, "utf-8", True)  # it is no XML, and that is what the parser says of it
    raise _error(path, data, candidates[0], started, given, declared)


def _is_utf8(name: str) -> bool:
    try:
        return codecs.lookup(name).name == "utf-8"
    except LookupError:
        return False


def _decoded(data: bytes, name: str) -> str | None:
    try:
        text = data.decode(name)
        text.encode()
        return text
    except UnicodeError:
        return None


def _declared(path: Path, name: str, declaration: bytes) -> Tuple[str, ...]:
    """The encodings in which a file with this declaration may be."""
    try:
        if declaration.decode(name) != declaration.decode("ascii"):
            raise UnreadableError(path, f"declares the encoding {name!r}, and its declaration is not in it; --encoding says what it is", 1)
    except LookupError:
        raise UnreadableError(path, f"declares the encoding {name!r}, which is none that is known; --encoding says what it is", 1) from None
    except UnicodeError:
        raise UnreadableError(path, f"declares the encoding {name!r}, and is not in it; --encoding says what it is", 1) from None
    return name, *WIDER.get(codecs.lookup(name).name, ())


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode(name)
    except UnicodeError:
        return b""


def _error(path: Path, data: bytes, name: str, started: str | None, given: str | None, declared: str | None) -> UnreadableError:
    """That a file is not in the encoding of this name, and who says that it is."""
    if started:
        what = f"starts as {started} does, and is not in it"
    elif given is not None:
        what = f"is not in {given}, which --encoding names"
    elif declared is not None:
        what = f"declares the encoding {declared!r}, and is not in it"
    else:
        what = "declares no encoding, and is not UTF-8"
    line = None
    try:
        data.decode(name)
    except UnicodeDecodeError as error:
        what += f": byte {data[error.start]:#x}"
        line = data.count(b"\n", 0, error.start) + 1
    except UnicodeError:
        pass
    return UnreadableError(path, what + ("" if started else "; --encoding says what it is, like gbk or latin-1"), line)
