"""When a repair is refused: where it could take a label for something that it is not, or would change more than a repair does."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from ..errors import BoxgradError
from .model import Dataset, quantity
from .questions import question

_MALFORMED, _MALFORMED_ROWS = 0.01, 5
_DROPPED, _DROPPED_BOXES = 0.05, 20
_EXAMPLES = 3
_NEEDS_PIXELS = {"clip", "drop-outside"}
"""Of boxes in pixels, what depends on the size of the image; of fractions it is drop-small."""


def refuse_to_begin(dataset: Dataset, policies: Sequence[str], allow_malformed: float | None) -> None:
    """Raises BoxgradError where it is not certain what the rows mean, or too many are malformed."""
    if dataset.listed:
        raise BoxgradError(f"{dataset.path}: is a list of the labels, and a copy of it would hold none: name their folder; nothing was written")
    doubt = dataset.doubt or question(dataset, few=1)
    if doubt:
        raise BoxgradError(f"{dataset.path}: {doubt}; nothing was written")
    sized = {"drop-small"} if dataset.relative else _NEEDS_PIXELS
    if dataset.exif_doubt and sized & set(policies) and not dataset.fractions:
        raise BoxgradError(f"{dataset.path}: {dataset.exif_doubt}; nothing was written")
    malformed = [fault for fault in dataset.faults if fault.problem == "malformed"]
    total = len(dataset) + len(malformed)
    if _too_many(len(malformed), total, allow_malformed, "allow_malformed", _MALFORMED, _MALFORMED_ROWS):
        places = _some([f"{fault.place}: {fault.values}" for fault in malformed])
        raise BoxgradError(
            f"{dataset.path}: {len(malformed):,} of {quantity(total, 'annotation')} are malformed ({places}); nothing was written. "
            f"Is the format right? --allow-malformed {_share(len(malformed), total)} repairs the others"
        )


def refuse_drops(dataset: Dataset, drops: Sequence[Any], emptied: Sequence[Any], max_dropped: float | None) -> None:
    """Raises BoxgradError where more boxes would go, or be clipped to nothing, than a repair drops."""
    done = "dropped" if not emptied else "dropped or clipped to nothing" if drops else "clipped to nothing"
    drops = [*drops, *emptied]
    total = len(dataset) + sum(fault.problem == "malformed" for fault in dataset.faults)
    if _too_many(len(drops), total, max_dropped, "max_dropped", _DROPPED, _DROPPED_BOXES):
        places = _some([f"{drop.place}: {drop.before} by {drop.policy}" for drop in drops])
        raise BoxgradError(
            f"{dataset.path}: {len(drops):,} of {quantity(total, 'box', 'boxes')} would be {done} ({places}); nothing was written. "
            f"Are the images' sizes right? --max-dropped {_share(len(drops), total)} allows it"
        )


def _too_many(count: int, total: int, share: float | None, name: str, usual: float, few: int) -> bool:
    if share is None:
        return count > usual * total and count > few
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be a share from 0 to 1, not {share:g}")
    return count > share * total


def _share(count: int, total: int) -> str:
    """The least share of three digits that allows so many."""
    return f"{np.ceil(1000 * count / total) / 1000:g}"


def _some(texts: Sequence[str]) -> str:
    more = "" if len(texts) <= _EXAMPLES else f"; and {len(texts) - _EXAMPLES:,} more"
    return "; ".join(texts[:_EXAMPLES]) + more
