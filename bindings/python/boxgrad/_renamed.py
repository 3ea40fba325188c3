"""Names of version 0.1 that have moved to another module. They work until 0.3, and each use warns, because its author must change it."""

from __future__ import annotations

import importlib
import warnings
from typing import Any, Callable


def moved(old: str, new: str, *names: str) -> Callable[[str], Any]:
    """The `__getattr__` of the module `old`: it finds the names in the module `new`, all of its public ones if none are listed.

    Pickles find their classes in this way, too: a pickle holds the name of the module in which a class was.
    """

    def find(name: str) -> Any:
        module = importlib.import_module(new)
        if name == "__all__" and not names:  # what `from old import *` asks for
            return [public for public in vars(module) if not public.startswith("_")]
        if name.startswith("_") or name not in (names or vars(module)):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        warnings.warn(f"{old}.{name} is now {new}.{name}; the old name works until 0.3", DeprecationWarning, stacklevel=2)
        return getattr(module, name)

    return find
