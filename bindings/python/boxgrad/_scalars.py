"""Scalar arguments: numbers, and words that stand for codes."""

from __future__ import annotations

import operator
from typing import Any, Sequence, TypeVar

import numpy as np

T = TypeVar("T")

_NO_NUMBERS = (bool, np.bool_, str, bytes, bytearray)  # though float() and operator.index() take them


def number(x: Any, name: str) -> float:
    """A real number."""
    if type(x) is float:
        return x
    try:
        if isinstance(x, _NO_NUMBERS):
            raise TypeError
        return float(x)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {x!r}") from None
    except OverflowError:
        raise ValueError(f"{name} must be a number that fits a double, not {x!r}") from None


def integer(x: Any, name: str) -> int:
    """A whole number of any integer type."""
    try:
        if isinstance(x, _NO_NUMBERS):
            raise TypeError
        return operator.index(x)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {x!r}") from None


def integers(values: Any, name: str) -> tuple[int, ...]:
    """One whole number, or several."""
    return tuple([integer(value, name) for value in ([values] if np.ndim(values) == 0 else values)])


def numbers(values: Sequence[float], name: str, count: int, meaning: str) -> tuple[float, ...]:
    """Several numbers."""
    try:
        listed = () if isinstance(values, _NO_NUMBERS) else tuple(values)
    except TypeError:
        listed = ()
    if len(listed) != count:
        raise ValueError(f"{name} must be {meaning}, not {values!r}")
    return tuple([number(value, name) for value in listed])


def image_size(size: Sequence[float], name: str = "size") -> tuple[float, float]:
    """(height, width) as two numbers that are not negative."""
    height, width = numbers(size, name, 2, "(height, width)")
    if not (height >= 0 and width >= 0):
        raise ValueError(f"{name} must be (height, width), neither negative nor NaN, not {size!r}")
    return height, width


def code_of(choice: str, codes: dict[str, T], name: str) -> T:
    """What one of several words stands for, such as C's code."""
    try:
        return codes[choice]
    except (KeyError, TypeError):
        raise ValueError(f"{name} must be one of {', '.join(codes)}, not {choice!r}") from None
