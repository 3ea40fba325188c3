"""The results file of the C programs of the demo (demo.h writes it)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

Results = dict[str, np.ndarray]


def read(path: Path) -> Results:
    """One array per record: a line "dtype count name", then the raw elements."""
    results: Results = {}
    with open(path, "rb") as file:
        while header := file.readline():
            dtype, count, name = header.decode().rstrip("\n").split(" ", 2)
            results[name] = np.fromfile(file, dtype, int(count))
    return results


def same_bits(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two arrays hold the same type and the same bits, whatever their shape (C has none)."""
    return ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()
