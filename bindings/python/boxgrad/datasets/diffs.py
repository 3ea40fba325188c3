"""What a repair would change, as a diff: of lines for text, of records for COCO, whose lines are long, and of rows for Parquet."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Iterator, Set, Tuple

from .model import Dataset, read_bytes
from .records import cut, in_utf8, keys_of, writing_of


def differences(dataset: Dataset, copy: Path, edited: Set[int], dropped: Set[int]) -> Iterator[str]:
    """A unified diff of each file that changes, without lines around the changes."""
    changed, gone = keys_of(dataset, edited), keys_of(dataset, dropped)
    for file in sorted({*changed, *gone}):
        new = copy / file.relative_to(dataset.path) if dataset.path.is_dir() else copy
        old = read_bytes(file)
        if old == read_bytes(new):
            continue
        if old[:4] == b"PAR1":
            hunks = _of_parquet(file, new, gone.get(file, set()), changed.get(file, set()))
        elif dataset.format == "voc":
            before, after = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in in_utf8(dataset, old, read_bytes(new)))
            hunks = (line if line.endswith("\n") else line + "\n" for line in list(difflib.unified_diff(before, after, n=0))[2:])
        else:
            texts = in_utf8(dataset, old, read_bytes(new))
            hunks = _of_records(dataset, file, new, texts, gone.get(file, set()), changed.get(file, set()))
        yield f"--- {file}\n+++ {file}\n" + "".join(hunks)


def _of_records(
    dataset: Dataset, file: Path, copy: Path, texts: Tuple[bytes, bytes], gone: Set[int], changed: Set[int]
) -> Iterator[str]:  # fmt: skip
    old, new = texts
    format, writing = dataset.format, writing_of(dataset, file)
    before, after = cut(format, file, old, writing), cut(format, copy, new, writing)
    spans = iter(after.values())
    removed = 0
    for key, (start, end) in before.items():
        one, other = old[start:end], b""
        if key not in gone:
            first, last = next(spans)
            other = new[first:last] if key in changed else one
        if one == other:
            continue
        minus, plus = (data.decode(writing.encoding, "replace").splitlines() for data in (one, other))
        if format == "coco":
            yield f"@@ annotation {key} @@\n"
        else:
            at = key - removed
            yield f"@@ -{_range(key, len(minus))} +{_range(at if plus else at - 1, len(plus))} @@\n"
            removed += len(minus) - len(plus)
        yield "".join(f"-{line}\n" for line in minus) + "".join(f"+{line}\n" for line in plus)


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _of_parquet(file: Path, copy: Path, gone: Set[int], changed: Set[int]) -> Iterator[str]:
    from pyarrow import parquet

    old, new = (parquet.read_table(path) for path in (file, copy))
    for row in sorted({*gone, *changed}):
        yield f"@@ row {row} @@\n-{old.slice(row, 1).to_pylist()[0]}\n"
        if row not in gone:
            yield f"+{new.slice(row - sum(one < row for one in gone), 1).to_pylist()[0]}\n"
