"""boxgrad in the place of torchvision's functions and classes, where torchvision itself looks for them."""

from __future__ import annotations

import functools
import sys
from types import TracebackType
from typing import Any, Dict, List, Tuple

import torch

from . import _torchvision
from ._torchvision import STANDS_FOR, original

_ROTATED = {"xywhr", "cxcywhr", "xyxyxyxy"}
"""Formats that boxgrad has not."""


def _but_for_rotated_boxes(theirs: Any, ours: Any) -> Any:
    @functools.wraps(theirs)
    def function(*arguments: Any, **options: Any) -> Any:
        is_rotated = any(isinstance(x, str) and x in _ROTATED for x in (*arguments, *options.values()))
        return (theirs if is_rotated else ours)(*arguments, **options)

    return function


class replace_torchvision:
    """Puts boxgrad.torch's functions and classes in the place of torchvision's: at once, and to the end of a `with`, or for good without one.

    Every module of torchvision that holds one of them then holds boxgrad's: torchvision.ops.box_iou, and the BoxCoder, Matcher and samplers
    of its detectors. A model that exists already keeps what it was built with, unless it is given here. Rotated boxes go to
    torchvision's own functions, and so does what boxgrad computes on the CPU alone (roi_align and BoxLinearCoder) for CUDA tensors.
    other_devices: as in set_other_devices. TorchScript cannot script boxgrad's functions.

    ValueError: other_devices; ImportError: torchvision is not installed.

    >>> import torch, boxgrad.torch
    >>> with boxgrad.torch.replace_torchvision():  # doctest: +SKIP
    ...     model = torchvision.models.detection.fasterrcnn_resnet50_fpn()
    """

    def __init__(self, *models: torch.nn.Module, other_devices: str = "error") -> None:
        self._elsewhere = _torchvision.get_other_devices()
        self._replaced: List[Tuple[Any, str, Any]] = []
        pairs = [(original(name), ours) for name, (_, ours) in STANDS_FOR.items()]
        replacements: Dict[int, Any] = {id(theirs): ours for theirs, ours in pairs}
        for theirs, ours in pairs:
            if theirs.__name__ in ("box_iou", "box_area", "box_convert"):
                replacements[id(theirs)] = _but_for_rotated_boxes(theirs, ours)
        _torchvision.set_other_devices(other_devices)
        self._was_in_its_place = _torchvision.set_in_its_place(True)
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] == "torchvision" and module is not None:
                self._replace(module, replacements)
        for model in models:
            for part in model.modules():
                self._replace(part, replacements)

    def _replace(self, holder: Any, replacements: Dict[int, Any]) -> None:
        for name, value in list(vars(holder).items()):
            if id(value) in replacements:
                self._set(holder, name, value, replacements[id(value)])
            elif not isinstance(holder, torch.nn.Module):
                continue
            elif id(type(value)) in replacements:
                self._set(holder, name, value, replacements[id(type(value))].from_torchvision(value))

    def _set(self, holder: Any, name: str, old: Any, new: Any) -> None:
        self._replaced.append((holder, name, old))
        setattr(holder, name, new)

    def __enter__(self) -> replace_torchvision:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for holder, name, old in reversed(self._replaced):
            setattr(holder, name, old)
        self._replaced.clear()
        _torchvision.set_in_its_place(self._was_in_its_place)
        _torchvision.set_other_devices(self._elsewhere)
