"""The old name of boxgrad.gradient_norm, until 0.3."""

from typing import TYPE_CHECKING

from ._renamed import moved

if TYPE_CHECKING:
    from .gradient_norm import *
else:
    __getattr__ = moved(__name__, "boxgrad.gradient_norm")
