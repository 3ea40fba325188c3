"""What can go wrong besides a wrong argument, which is a ValueError or a TypeError."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import numpy.typing as npt


class BoxgradError(Exception):
    """The base of boxgrad's own exceptions."""


class DegenerateBoxError(BoxgradError, ValueError):
    """Boxes that cannot be encoded: a width or height is not a positive finite number.

    `rows` holds the indices of all of them. `on_degenerate="zero"` gives such rows zeros instead of this error.
    """

    def __init__(self, message: str, rows: Sequence[int] | npt.NDArray[np.int64] = ()) -> None:
        super().__init__(message)
        self.rows: npt.NDArray[np.int64] = np.asarray(rows, np.int64)


class NonFiniteError(BoxgradError, RuntimeError):
    """The total norm of the gradients is infinite or NaN, and the caller wanted to know."""
