"""Which function of torchvision each of boxgrad.torch's stands for, and when torchvision's own is called instead: on request, for tensors elsewhere."""

from __future__ import annotations

import functools
import importlib
from typing import Any, Callable, Dict, Tuple, TypeVar

from .._arrays import is_tensor
from .._scalars import code_of

T = TypeVar("T")
OPS, DETECTION = "torchvision.ops", "torchvision.models.detection._utils"

STANDS_FOR: Dict[str, Tuple[str, Any]] = {}
"""By torchvision's name, the module that has it, and boxgrad's function or class."""

_CHOICES = {"error": False, "torchvision": True}
_calls_torchvision_elsewhere = False
_is_in_its_place = False
_originals: Dict[str, Any] = {}


def set_other_devices(choice: str) -> None:
    """What becomes of tensors that are neither on the CPU nor on a CUDA device: "error", at first, is a TypeError; "torchvision" calls torchvision's own function.

    For functions and classes that torchvision has, too. What boxgrad adds to their arguments is then refused, since it is not torchvision's.

    ValueError: choice.

    >>> import boxgrad.torch
    >>> boxgrad.torch.set_other_devices("torchvision")
    >>> boxgrad.torch.get_other_devices()
    'torchvision'
    >>> boxgrad.torch.set_other_devices("error")
    """
    global _calls_torchvision_elsewhere
    _calls_torchvision_elsewhere = code_of(choice, _CHOICES, "choice")


def get_other_devices() -> str:
    """What set_other_devices chose.

    >>> import boxgrad.torch
    >>> boxgrad.torch.get_other_devices()
    'error'
    """
    return "torchvision" if _calls_torchvision_elsewhere else "error"


def set_in_its_place(yes: bool) -> bool:
    """Says whether boxgrad is in torchvision's place, and returns what was said before."""
    global _is_in_its_place
    before, _is_in_its_place = _is_in_its_place, yes
    return before


def original(name: str) -> Any:
    """torchvision's own function or class, also while boxgrad's is in its place."""
    if name not in _originals:
        _originals[name] = getattr(importlib.import_module(STANDS_FOR[name][0]), name)
    return _originals[name]


def goes_to_torchvision(*arguments: Any, on_cuda: bool = True) -> bool:
    """Whether torchvision is to compute, because of where a tensor is. on_cuda: whether boxgrad computes on CUDA devices, too.

    If it does not, torchvision does while boxgrad is in its place: a model on a GPU has to run, whatever the choice is.
    """
    if not (_calls_torchvision_elsewhere or _is_in_its_place):
        return False
    there = [x for x in arguments if is_tensor(x) and not (x.is_cpu or x.is_meta or on_cuda and x.is_cuda)]
    return bool(there) and (_calls_torchvision_elsewhere or _is_in_its_place and all(x.is_cuda for x in there))


def stands_for(module: str, decides: bool = False, on_cuda: bool = True) -> Callable[[T], T]:
    """A function or class in the place of torchvision's of the same name. A class, and what `decides`, looks itself where it goes_to_torchvision().

    on_cuda: as there.
    """

    def decorate(ours: Any) -> Any:
        if decides or isinstance(ours, type):
            STANDS_FOR[ours.__name__] = module, ours
            return ours

        @functools.wraps(ours)
        def function(*arguments: Any, **options: Any) -> Any:
            if (_calls_torchvision_elsewhere or not on_cuda) and goes_to_torchvision(*arguments, *options.values(), on_cuda=on_cuda):
                return original(ours.__name__)(*arguments, **options)
            return ours(*arguments, **options)

        STANDS_FOR[ours.__name__] = module, function
        return function

    return decorate
