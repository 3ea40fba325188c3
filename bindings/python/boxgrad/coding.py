"""The old name of boxgrad.deltas, until 0.3."""

from typing import TYPE_CHECKING

from ._renamed import moved

if TYPE_CHECKING:
    from .deltas import *
else:
    __getattr__ = moved(__name__, "boxgrad.deltas")
