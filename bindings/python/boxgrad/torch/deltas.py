"""Box deltas: encoding and decoding, with gradients, and the coder of torchvision."""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch
from torch import Tensor

from .._library import DELTA_OPTIONS, _memory
from .._scalars import code_of, image_size, number, numbers
from ..deltas import _ON_DEGENERATE, LOG_RATIO_CLIP, Four, LogRatioClip, _known, _log_ratio_bounds, _named, _stds_of, all_degenerate
from ..errors import DegenerateBoxError
from ._cuda import CudaFunctions
from ._operators import C_FUNCTIONS, Operator, memory, rows
from ._tensors import aligned, check_aligned, check_boxes, in_half, pair
from ._torchvision import DETECTION, goes_to_torchvision, original, stands_for
from .boxes import corners


def _options(numbers: Sequence[float], on_degenerate: int) -> Any:
    """boxgrad_delta_options of the numbers between its size and its policy."""
    return _memory(bytearray(DELTA_OPTIONS.pack(DELTA_OPTIONS.size, *numbers, on_degenerate, 0)))


def _encode_shape(proposals: Tensor, targets: Tensor, *_: Any) -> Sequence[int]:
    check_boxes("proposals", proposals)
    check_aligned("proposals", proposals, "targets", targets)
    return proposals.shape


def _encode(c: Any, out: Tensor, proposals: Tensor, targets: Tensor, options: list[float], on_degenerate: int) -> None:
    (p, stride_p), (t, stride_t), count = rows(proposals), rows(targets), proposals.numel() // 4
    inputs = memory(p), stride_p, memory(t), stride_t, count
    if isinstance(c, CudaFunctions):
        raises = on_degenerate == _ON_DEGENERATE["error"]
        degenerate = proposals.new_empty((), dtype=torch.int64) if raises else None
        c.delta_encode(_options(options, on_degenerate), *inputs, memory(out), None, memory(degenerate))
        if degenerate is not None and degenerate.item():  # which waits for the device
            _encode(C_FUNCTIONS[out.dtype], out.cpu(), proposals.cpu(), targets.cpu(), options, on_degenerate)  # says which rows
        return
    try:
        c.delta_encode(_options(options, on_degenerate), *inputs, memory(out), None, None)
    except DegenerateBoxError as error:
        zeros = _options(options, _ON_DEGENERATE["zero"])
        raise all_degenerate(error, count, lambda marks: c.delta_encode(zeros, *inputs, memory(out), marks, None)) from None


def _encode_gradient(
    c: Any, cotangent: Tensor, out: Sequence[Any], proposals: Tensor, targets: Tensor, options: list[float], on_degenerate: int
) -> None:
    (p, stride_p), (t, stride_t) = rows(proposals), rows(targets)
    inputs = memory(p), stride_p, memory(t), stride_t, proposals.numel() // 4
    c.delta_encode_grad(_options(options, on_degenerate), *inputs, memory(cotangent), *map(memory, out))


def _decode_shape(proposals: Tensor, deltas: Tensor, *_: Any) -> Sequence[int]:
    check_boxes("proposals", proposals)
    if deltas.shape[:-1] != proposals.shape[:-1] or deltas.shape[-1] % 4:
        raise ValueError(f"deltas must have the shape {(*proposals.shape[:-1], 'groups * 4')}, not {tuple(deltas.shape)}")
    return deltas.shape


def _decode(c: Any, out: Tensor, proposals: Tensor, deltas: Tensor, options: list[float]) -> None:
    (p, stride_p), (d, stride_d) = rows(proposals), rows(deltas)
    inputs = memory(p), stride_p, memory(d), stride_d, proposals.numel() // 4, deltas.shape[-1] // 4
    c.delta_decode(_options(options, 0), *inputs, memory(out))


def _decode_gradient(c: Any, cotangent: Tensor, out: Sequence[Any], proposals: Tensor, deltas: Tensor, options: list[float]) -> None:
    (p, stride_p), (d, stride_d) = rows(proposals), rows(deltas)
    inputs = memory(p), stride_p, memory(d), stride_d, proposals.numel() // 4, deltas.shape[-1] // 4
    c.delta_decode_grad(_options(options, 0), *inputs, memory(cotangent), *map(memory, out))


_delta_encode = Operator(
    "delta_encode", "Tensor proposals, Tensor targets, float[] options, int on_degenerate", differentiable=2,
    value=_encode, gradient=_encode_gradient, shape=_encode_shape,
)  # fmt: skip
_delta_decode = Operator(
    "delta_decode", "Tensor proposals, Tensor deltas, float[] options", differentiable=2,
    value=_decode, gradient=_decode_gradient, shape=_decode_shape,
)  # fmt: skip


def _listed(
    means: Sequence[float], stds: Sequence[float], bounds: tuple[float, float] = (-math.inf, LOG_RATIO_CLIP),
    image: tuple[float, float] = (-1.0, -1.0), center_clamp: float = math.inf,
) -> list[float]:  # fmt: skip
    """The numbers of boxgrad_delta_options. image: (height, width), negative if unknown."""
    height, width = image
    return [*numbers(means, "means", 4, "four numbers"), *numbers(stds, "stds", 4, "four numbers"), *bounds, width, height, center_clamp]


def encode_boxes(
    proposals: Tensor, targets: Tensor, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1),
    on_degenerate: str = "propagate",
) -> Tensor:  # fmt: skip
    """The deltas of targets (ground truth) against proposals, both (..., 4) and broadcast: (..., 4). As boxgrad.encode_boxes.

    on_degenerate says what becomes of a row whose proposal or target has a width or height that is not a positive finite number: "propagate"
    gives what the formula does, inf or NaN, as other libraries do; "zero" gives it zeros, so that it has no loss and no gradient; "error"
    raises DegenerateBoxError with all such rows; it then waits for a CUDA device. float16 and bfloat16 are computed in float32, and returned.

    DegenerateBoxError; ValueError: shape, means, stds; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> proposals, truths = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[1.0, 0.0, 5.0, 4.0]])
    >>> boxgrad.torch.encode_boxes(proposals, truths, stds=(0.1, 0.1, 0.2, 0.2))
    tensor([[2.5000, 0.0000, 0.0000, 0.0000]])
    """
    p, t = aligned("proposals", corners("proposals", proposals), "targets", corners("targets", targets))
    value = _delta_encode(p, t, _listed(means, stds), code_of(on_degenerate, _ON_DEGENERATE, "on_degenerate"))
    return in_half(value, proposals, targets)


def decode_boxes(
    proposals: Tensor, deltas: Tensor, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1),
    max_shape: Sequence[float] | None = None, log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP, center_clamp: float | None = None,
) -> Tensor:  # fmt: skip
    """The boxes that deltas describe, relative to proposals (N, 4); in the shape of the deltas. As boxgrad.decode_boxes.

    deltas: (N, 4), or (N, groups * 4) or (N, groups, 4) with one group per class. log_ratio_clip: the upper bound of dw and dh, or
    (lower, upper), or None. center_clamp: the centre moves by this much at most. max_shape: (height, width) to clip the corners to. Each
    clamp passes the gradient at its bounds and stops it beyond. float16 and bfloat16 are computed in float32, and returned.

    ValueError: shape, means, stds, a bound; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.decode_boxes(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.25, 0.0, 0.0, 0.0]]))
    tensor([[1., 0., 5., 4.]])
    """
    p, d = pair("proposals", corners("proposals", proposals), "deltas", deltas)
    if p.dim() != 2 or p.shape[1] != 4:
        raise ValueError(f"proposals must have the shape (N, 4), not {tuple(p.shape)}")
    shape, count = d.shape, p.shape[0]
    if shape[:1] != (count,) or not (len(shape) == 2 and shape[1] % 4 == 0 or len(shape) == 3 and shape[2] == 4):
        raise ValueError(f"deltas must have the shape ({count}, groups * 4) or ({count}, groups, 4), not {tuple(shape)}")
    options = _listed(
        means, stds, _log_ratio_bounds(log_ratio_clip), (-1.0, -1.0) if max_shape is None else image_size(max_shape, "max_shape"),
        math.inf if center_clamp is None else number(center_clamp, "center_clamp"),
    )  # fmt: skip
    value = _delta_decode(p, d if len(shape) == 2 else d.flatten(1), options)
    return in_half(value if len(shape) == 2 else value.reshape(shape), proposals, deltas)


@stands_for(DETECTION)
class BoxCoder:
    """torchvision's BoxCoder: weights multiply the deltas, and an image is an element of a list.

    Mind its words: *reference boxes* are the ground truth here. on_degenerate is that of encode_boxes: "propagate" is torchvision's way.

    >>> import torch, boxgrad.torch
    >>> coder = boxgrad.torch.BoxCoder((10.0, 10.0, 5.0, 5.0))
    >>> truth, proposals = [torch.tensor([[1.0, 0.0, 5.0, 4.0]])], [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
    >>> codes = coder.encode(truth, proposals)
    >>> coder.decode(codes[0], proposals)
    tensor([[[1., 0., 5., 4.]]])
    """

    def __init__(self, weights: Four, bbox_xform_clip: float = LOG_RATIO_CLIP, *, on_degenerate: str = "propagate") -> None:
        """ValueError: a weight that is not positive, on_degenerate."""
        self._stds = _stds_of(weights)
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip
        self.on_degenerate = _known(on_degenerate)

    @classmethod
    def from_torchvision(cls, theirs: Any) -> BoxCoder:
        """The coder with the settings of torchvision's."""
        return cls(theirs.weights, theirs.bbox_xform_clip)

    def encode(self, reference_boxes: Sequence[Tensor], proposals: Sequence[Tensor]) -> Sequence[Tensor]:
        """The deltas of each image's ground truth (N, 4) against its proposals (N, 4)."""
        lengths = [len(boxes) for boxes in reference_boxes]
        if lengths != [len(boxes) for boxes in proposals]:
            raise ValueError("reference_boxes and proposals must have the same number of boxes in every image")
        return self.encode_single(_joined("reference_boxes", reference_boxes), _joined("proposals", proposals)).split(lengths, 0)

    def encode_single(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        """The deltas of ground truth (N, 4) against proposals (N, 4)."""
        if goes_to_torchvision(reference_boxes, proposals):
            return original("BoxCoder")(self.weights, self.bbox_xform_clip).encode_single(reference_boxes, proposals)
        with _named(targets="reference_boxes"):
            return encode_boxes(proposals, reference_boxes, stds=self._stds, on_degenerate=self.on_degenerate)

    def decode(self, rel_codes: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """The boxes (N, groups, 4) of deltas (N, groups * 4) against the proposals of all images, N in sum."""
        decoded = self.decode_single(rel_codes, _joined("boxes", boxes))
        return decoded.reshape(len(decoded), math.prod(decoded.shape[1:]) // 4, 4)

    def decode_single(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """The boxes (N, groups * 4) of deltas (N, groups * 4) against proposals (N, 4)."""
        if goes_to_torchvision(rel_codes, boxes):
            return original("BoxCoder")(self.weights, self.bbox_xform_clip).decode_single(rel_codes, boxes)
        with _named(proposals="boxes", deltas="rel_codes"):
            return decode_boxes(boxes, rel_codes, stds=self._stds, log_ratio_clip=self.bbox_xform_clip)


def _joined(name: str, images: Sequence[Tensor]) -> Tensor:
    """The boxes of all images, as one tensor."""
    if not isinstance(images, (list, tuple)) or not images:
        raise TypeError(f"{name} must be a list with the boxes of each of one or more images, not {images!r}")
    return images[0] if len(images) == 1 else torch.cat([corners(f"{name}[{image}]", boxes) for image, boxes in enumerate(images)])
