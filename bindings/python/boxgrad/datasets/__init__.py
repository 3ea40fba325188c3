"""Data sets of boxes: read them, find what would break training, repair it, and fit anchors to them.

The command `boxgrad` does the same from the shell. Reads COCO JSON, Pascal VOC, HRSC2016, YOLO, DOTA, plain text, CSV and Parquet.
Needs the extra: pip install 'boxgrad[cli]'.

>>> from boxgrad import datasets
>>> print(datasets.PROBLEMS["inverted"].effect)
The logarithm of a negative ratio is NaN: dw or dh, the loss and its gradient are NaN.
"""

from __future__ import annotations

try:
    from .anchoring import ANCHOR_SETS, AnchorFit, AnchorSet, anchors
    from .augmentation import Outcome, augment
    from .formats import FORMATS, read
    from .inspection import Inspection, inspect
    from .model import Dataset, Finding, Place, UnreadableError
    from .page import write_page
    from .parts import Job, Partial, finish, group, inspect_paths, jobs
    from .problems import PROBLEMS, Problem
    from .repair import POLICIES, Change, Repair, fix
except ModuleNotFoundError as error:
    raise ImportError(f"boxgrad.datasets needs {error.name}: pip install 'boxgrad[cli]'", name=error.name) from None

__all__ = [
    "ANCHOR_SETS",
    "FORMATS",
    "POLICIES",
    "PROBLEMS",
    "AnchorFit",
    "AnchorSet",
    "Change",
    "Dataset",
    "Finding",
    "Inspection",
    "Job",
    "Outcome",
    "Partial",
    "Place",
    "Problem",
    "Repair",
    "UnreadableError",
    "anchors",
    "augment",
    "finish",
    "fix",
    "group",
    "inspect",
    "inspect_paths",
    "jobs",
    "read",
    "write_page",
]
