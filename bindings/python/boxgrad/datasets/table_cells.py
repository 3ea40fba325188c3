"""The cells of a table's columns as numbers and as texts: a whole column at once, and a cell at a time where one is odd.

A column is a list of Python's values, or a column of Arrow. Both give the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from .model import Array, Finding, Place, Rows

Column = Any
_BLANK = {"", "nan", "null", "none", "na", "n/a", "<na>", "<null>"}
_WITH_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


@dataclass
class Frame:
    """The rows of one file, as columns."""

    path: Path
    names: List[str]
    columns: Dict[int, Column]
    """The columns that were read, by their number."""
    length: int
    header: Any = None
    first: int = 0
    """The line of the first row, if each has a line of its own."""
    lines: Optional[Sequence[int]] = None
    """The line of each row; None if `first` says it, or if the file has no lines."""
    has_lines: bool = True
    decimal: str = "."
    seen: str = ""
    """What is said of how the file was taken, beside its columns."""
    lost: List[Finding] = field(default_factory=list)
    """The rows that have other columns than the table."""
    comments: int = 0

    def line(self, row: int) -> Optional[int]:
        if not self.has_lines:
            return None
        return self.first + row if self.lines is None else self.lines[row]

    def place(self, row: int) -> Place:
        line = self.line(row)
        return Place(self.path, line, f"row {row}" if line is None else "")


def is_blank(value: Any) -> bool:
    """Whether a cell says that there is nothing."""
    return value is None or value != value if not isinstance(value, str) else value.strip().lower() in _BLANK


def number(value: Any, name: str, decimal: str = ".") -> float:
    """A cell as a number; ValueError says what it is."""
    if value is None or value == "":
        raise ValueError(f"{name} is empty")
    text = str(value) if isinstance(value, (str, bool)) else ""
    if decimal == "," and _WITH_COMMA.fullmatch(text):
        value = text = text.replace(",", ".")
    try:
        if "_" in text or isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {str(value)[:60]!r}") from None
    except OverflowError:  # a whole number of JSON
        return np.inf if value > 0 else -np.inf


def numbers(column: Column, decimal: str = ".") -> Tuple[Array, Array]:
    """The numbers of a column, NaN where there is none, and which cells are numbers."""
    if not isinstance(column, list):
        return _arrow_numbers(column, decimal)
    try:
        if decimal == "." and "_" not in "".join(column):
            return np.array(list(map(float, column)), float), np.ones(len(column), bool)
    except (TypeError, ValueError):
        pass
    found, plain = np.full(len(column), np.nan), np.zeros(len(column), bool)
    for row, value in enumerate(column):
        try:
            found[row], plain[row] = number(value, "", decimal), True
        except ValueError:
            pass
    return found, plain


def _arrow_numbers(column: Column, decimal: str) -> Tuple[Array, Array]:
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if types.is_string(kind) or types.is_large_string(kind):
        try:
            if decimal != ".":
                raise ValueError
            parsed = compute.if_else(compute.equal(column, ""), pyarrow.scalar(None, kind), column).cast(pyarrow.float64())
            if compute.any(compute.is_nan(parsed)).as_py():
                raise ValueError  # Arrow reads "nan(x)"
            column = parsed
        except (pyarrow.ArrowInvalid, ValueError):
            return numbers(column_list(column), decimal)
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        column = column.cast(pyarrow.float64(), safe=False)
    else:
        return numbers(column_list(column), decimal)
    plain = np.ones(len(column), bool) if not column.null_count else column.is_valid().to_numpy()
    return column.to_numpy().astype(float), plain


def fours(column: Column) -> Optional[Array]:
    """The numbers of a column of Arrow whose cells are lists of four; None if any cell is not."""
    if isinstance(column, list):
        return None
    from pyarrow import compute, types

    kind = column.type
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return None
    if not (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)) or column.null_count:
        return None
    flat = compute.list_flatten(column)
    if flat.null_count or not compute.all(compute.equal(compute.list_value_length(column), 4)).as_py():
        return None
    found = flat.to_numpy().astype(float).reshape(-1, 4)
    return None if np.isnan(found).any() else found


def column_list(column: Column) -> List[Any]:
    """A column as a list of Python's values."""
    values: List[Any] = column if isinstance(column, list) else column.to_pylist()
    return values


def cell(column: Column, row: int) -> Any:
    """One cell as a value of Python."""
    return column[row] if isinstance(column, list) else column[row].as_py()


def text(value: Any) -> str:
    """A cell as a text; a photo of Hugging Face by its path."""
    if isinstance(value, dict):
        value = value.get("path")
    return "" if value is None or value != value else str(value).strip()


def texts(column: Column) -> Tuple[Rows, List[str]]:
    """The texts of a column: the number of each cell's text, and the texts in the order in which they first stand there."""
    if isinstance(column, list):
        codes, values = _codes(column)
    else:
        codes, values = _arrow_codes(column)
    if all(type(value) is str for value in values):
        stripped = list(map(str.strip, values))
        if len(set(stripped)) == len(stripped):
            return codes, stripped
    known: Dict[str, int] = {}
    of_value = np.array([known.setdefault(text(value), len(known)) for value in values], np.int64)
    return (codes if len(known) == len(values) else of_value[codes]), list(known)


def _codes(column: List[Any]) -> Tuple[Rows, List[Any]]:
    known: Dict[Any, int] = {}
    try:
        codes = [known.setdefault(value, len(known)) for value in column]
        if len({type(value) for value in known}) > 1:  # 1 and True and 1.0 are one key
            raise TypeError
    except TypeError:  # objects
        known = {}
        codes = [known.setdefault(text(value), len(known)) for value in column]
    return np.array(codes, np.int64), list(known)


def _arrow_codes(column: Column) -> Tuple[Rows, List[Any]]:
    from pyarrow import types

    if types.is_struct(column.type) or types.is_nested(column.type):
        return _codes([text(value) for value in column.to_pylist()])
    whole = (column if types.is_dictionary(column.type) else column.dictionary_encode()).combine_chunks()
    if hasattr(whole, "chunks"):  # some versions of Arrow give a column of one piece, or of none
        if whole.num_chunks != 1:
            return _codes(column.to_pylist())
        whole = whole.chunk(0)
    values = whole.dictionary.to_pylist()
    codes = whole.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int64)
    used = np.zeros(len(values) + 1, bool)
    used[codes] = True
    if not used[:-1].all() or types.is_dictionary(column.type):  # in the order of the file
        return _codes(column.to_pylist())
    return codes, [*values, None] if used[-1] else values
