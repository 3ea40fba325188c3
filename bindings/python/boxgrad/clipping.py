"""The old name of boxgrad.clamp, until 0.3."""

from typing import TYPE_CHECKING

from ._renamed import moved

if TYPE_CHECKING:
    from .clamp import *
else:
    __getattr__ = moved(__name__, "boxgrad.clamp")
