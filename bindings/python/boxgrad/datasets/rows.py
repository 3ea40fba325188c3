"""Rows of text: the words of each line, whatever separates them, and where they stand.

Words stand between spaces. Some programs write commas or semicolons between them, quotes around them, or a comma for the decimal point:
such rows are read, too, where that is certain, and say what is unusual about them.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

from .model import UnreadableError

Words = List[str]
_WORD = re.compile(rb"\S+")
_QUOTED = re.compile(rb'"[^"]*"|[^\s"]+')
_SEPARATORS = re.compile(rb"[\x1c-\x1f]")
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+")
_MARK = b"\xef\xbb\xbf"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_FEWEST = 5
"""Words of the shortest row: a line with as many words between spaces needs no other separator."""
COMMENTS = ("#", "//")
DECIMAL_COMMAS = "decimal commas"


class Row(NamedTuple):
    line: int
    words: Words
    unusual: str = ""
    """What separates the words, or stands in them, if that is not what the format has."""
    spans: List[Tuple[int, int]] = []
    """Where the words stand in the file, if that was asked for."""


class Text(NamedTuple):
    """The content of a file, in which lines and the separators of words are bytes of ASCII."""

    data: bytes
    codec: str = "utf-8"
    locked: str = ""
    """Why its rows cannot be edited in place."""


def text_of(path: Path, data: bytes, encoding: Optional[str] = None) -> Text:
    """The text of a file: by its mark, or in the encoding that the user names, or UTF-8."""
    wide = next((codec for mark, codec in _MARKS if data.startswith(mark)), None)
    if wide is None and encoding is not None and not _keeps_ascii(encoding):
        wide = encoding
    if wide is not None:
        try:
            text = data.decode(wide).replace("\r\n", "\n").replace("\r", "\n")
            return Text(text.encode(), locked=f"the file is in {wide.upper()}, which is not edited in place")
        except UnicodeDecodeError as error:
            raise UnreadableError(path, f"is not {wide.upper()}: {error.reason}") from None
    if b"\0" in data:
        raise UnreadableError(path, "is no text: it holds bytes 0", data.count(b"\n", 0, data.index(b"\0")) + 1)
    if b"\r" in data and b"\n" not in data:
        return Text(data.replace(b"\r", b"\n"), encoding or "utf-8", "the file's lines end with CR alone, and are not edited in place")
    return Text(data, encoding or "utf-8")


def _keeps_ascii(encoding: str) -> bool:
    ascii_text = "0123456789.,;-+eE \t\r\n\"#"
    return ascii_text.encode(encoding) == ascii_text.encode("ascii")


def rows_of(path: Path, text: Text, *, spans: bool = False) -> Iterator[Row]:
    """Each line that is not blank."""
    offset = 0
    simple = text.data.isascii() and not _SEPARATORS.search(text.data)  # so that it splits into words as text as it does as bytes
    for number, line in enumerate(text.data.split(b"\n"), 1):
        plain = b"," not in line and b";" not in line and b'"' not in line
        start = 0
        while line.startswith(_MARK, start):  # files that were put together have marks amid them
            start += len(_MARK)
        try:
            if plain and not spans:
                words = line.decode().split() if simple else [str(word, text.codec) for word in line[start:].split()]
                if words:
                    yield Row(number, words)
            else:
                found, unusual = _split(line, start)
                words = [str(line[first:last], text.codec) for first, last in found]
                if unusual == DECIMAL_COMMAS:
                    words = [word.replace(",", ".") for word in words]
                if words:
                    yield Row(number, words, unusual, [(offset + first, offset + last) for first, last in found])
        except UnicodeDecodeError as error:
            codec = "UTF-8" if text.codec == "utf-8" else text.codec
            reason = f"is not {codec}: byte {error.object[error.start]:#x}; --encoding NAME says what it is, like gbk or latin-1"
            raise UnreadableError(path, reason, number) from None
        offset += len(line) + 1


def _split(line: bytes, start: int) -> Tuple[List[Tuple[int, int]], str]:
    """Where the words of a line stand, and what is unusual about them."""
    words = [match.span() for match in _WORD.finditer(line, start)]
    if not words or line[words[0][0] : words[0][1]].startswith(tuple(mark.encode() for mark in COMMENTS)):
        return words, ""
    if b";" in line and (fields := _fields(line, start, b";")):
        decimal = any(_DECIMAL_COMMA.fullmatch(line[first:last]) for first, last in fields)
        return fields, DECIMAL_COMMAS if decimal else "semicolons"
    if b"," in line:
        if len(words) >= _FEWEST and sum(bool(_DECIMAL_COMMA.fullmatch(line[first:last])) for first, last in words) >= _FEWEST - 1:
            return words, DECIMAL_COMMAS
        if fields := _fields(line, start, b","):
            return fields, "commas"
    if line.count(b'"') > 1 and line.count(b'"') % 2 == 0:
        return [_unquoted(line, *match.span()) for match in _QUOTED.finditer(line, start)], "quotes"
    return words, ""


def _fields(line: bytes, start: int, separator: bytes) -> List[Tuple[int, int]]:
    """Where the fields between separators stand; a last one that is empty is none.

    None at all if spaces separate numbers, too: then it is not certain what the separators are.
    """
    found = []
    for field in line[start:].split(separator):
        stripped = field.strip()
        first = start + (field.index(stripped) if stripped else 0)
        found.append(_unquoted(line, first, first + len(stripped)))
        start += len(field) + 1
    if len(found) > 1 and found[-1][0] == found[-1][1]:
        found.pop()
    spaced = [index for index, (first, last) in enumerate(found) if len(line[first:last].split()) > 1]
    if len(found) < _FEWEST or spaced and (spaced != [0] or _starts_with_number(line[found[0][0] : found[0][1]])):
        return []
    return found


def _starts_with_number(words: bytes) -> bool:
    return is_number(words.split()[0].decode("utf-8", "replace"))


def _unquoted(line: bytes, first: int, last: int) -> Tuple[int, int]:
    quoted = last - first > 1 and line[first : first + 1] == line[last - 1 : last] == b'"'
    return (first + 1, last - 1) if quoted else (first, last)


def is_number(word: str) -> bool:
    try:
        floats([word])
        return True
    except ValueError:
        return False


def floats(words: Words) -> List[float]:
    """Words as numbers; ValueError names the first that is none."""
    try:
        if "_" not in "".join(words):
            return list(map(float, words))
    except ValueError:
        pass
    for word in words:
        try:
            if "_" in word:
                raise ValueError
            float(word)
        except ValueError:
            raise ValueError(f"{word[:60]!r} is no number") from None
    raise AssertionError


def trailing_numbers(words: Words) -> int:
    """How many words at the end of a row are numbers."""
    count = 0
    for word in reversed(words):
        if not is_number(word):
            break
        count += 1
    return count


def is_comment(row: Row) -> bool:
    return row.words[0].startswith(COMMENTS)


def is_header(row: Row, first: bool) -> bool:
    """Whether the first row of a file names the columns instead of holding numbers."""
    return first and len(row.words) >= _FEWEST and trailing_numbers(row.words) == 0 and not any(map(is_number, row.words))
