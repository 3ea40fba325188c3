"""Deltas of rotated boxes: against rotated proposals, and against upright ones by midpoint offsets, with gradients."""

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from .._scalars import code_of
from ..deltas import _ON_DEGENERATE, LOG_RATIO_CLIP, LogRatioClip, all_degenerate
from ..errors import DegenerateBoxError
from ..rotated import ANGLES
from ..rotated_deltas import DELTAS, ONES, PROPOSAL, ZEROS, options_of, packed
from ._operators import Operator, memory, rows
from ._tensors import check_boxes, in_half, pair
from .boxes import corners


def _operator(coder: str, verb: str, name: str) -> Operator:
    """A function of C that makes rows of proposals and of `name`."""
    decodes = verb == "decode"
    width_p, width_x, width_out = PROPOSAL[coder], DELTAS[coder] if decodes else 5, 5 if decodes else DELTAS[coder]
    function = f"{coder}_{verb}"

    def shape(proposals: Tensor, x: Tensor, *_: Any) -> Sequence[int]:
        check_boxes(name, x, width_x)
        if proposals.shape != (*x.shape[:-1], width_p):
            raise ValueError(f"proposals must have the shape {(*x.shape[:-1], width_p)}, not {tuple(proposals.shape)}")
        return (*x.shape[:-1], width_out)

    def value(c: Any, out: Tensor, proposals: Tensor, x: Tensor, angle: int, numbers: list[float], codes: list[int]) -> None:
        (p, stride_p), (q, stride_q), count = rows(proposals), rows(x), x.numel() // width_x
        inputs = angle, memory(p), stride_p, memory(q), stride_q, count
        if decodes:
            getattr(c, function)(packed(numbers, codes[:3], codes[3]), *inputs, memory(out))
            return
        encode = getattr(c, function)
        try:
            encode(packed(numbers, codes[:3], codes[3]), *inputs, memory(out), None, None)
        except DegenerateBoxError as error:
            zeros = packed(numbers, codes[:3], _ON_DEGENERATE["zero"])
            raise all_degenerate(error, count, lambda marks: encode(zeros, *inputs, memory(out), marks, None)) from None

    def gradient(
        c: Any, cotangent: Tensor, out: Sequence[Any], proposals: Tensor, x: Tensor, angle: int, numbers: list[float], codes: list[int]
    ) -> None:
        (p, stride_p), (q, stride_q), options = rows(proposals), rows(x), packed(numbers, codes[:3], codes[3])
        inputs = angle, memory(p), stride_p, memory(q), stride_q, x.numel() // width_x
        getattr(c, f"{function}_grad")(options, *inputs, memory(cotangent), *map(memory, out))

    arguments = f"Tensor proposals, Tensor {name}, int angle, float[] numbers, int[] codes"
    return Operator(function, arguments, differentiable=2, value=value, gradient=gradient, shape=shape)


_OPERATORS = {
    (coder, name): _operator(coder, verb, name)
    for coder in PROPOSAL for verb, name in (("encode", "targets"), ("decode", "deltas"))
}  # fmt: skip


def _coded(
    coder: str, proposals: Any, name: str, x: Any, angle: str, options: tuple[list[float], list[int]], on_degenerate: str = "error"
) -> Tensor:
    first, second = pair("proposals", corners("proposals", proposals) if coder == "midpoint" else proposals, name, x)
    width_p, width_x = PROPOSAL[coder], DELTAS[coder] if name == "deltas" else 5
    check_boxes("proposals", first, width_p)
    check_boxes(name, second, width_x)
    try:
        each = torch.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    except RuntimeError:
        raise ValueError(f"the shapes of proposals {tuple(first.shape)} and {name} {tuple(second.shape)} do not match") from None
    (numbers, codes), policy = options, code_of(on_degenerate, _ON_DEGENERATE, "on_degenerate")
    operator = _OPERATORS[coder, name]
    value: Tensor = operator(first.expand(*each, width_p), second.expand(*each, width_x), code_of(angle, ANGLES, "angle"), numbers, [*codes, policy])
    return in_half(value, proposals, x)


def encode_rotated_boxes(
    proposals: Tensor, targets: Tensor, *, angle: str, means: Sequence[float] = ZEROS[:5], stds: Sequence[float] = ONES[:5],
    range: str = "turn", norm_factor: float | None = None, edge_swap: bool = False, proj_xy: bool = False, on_degenerate: str = "propagate",
) -> Tensor:  # fmt: skip
    """The deltas of rotated targets (ground truth) against rotated proposals, both (..., 5) and broadcast: (..., 5). As boxgrad.encode_rotated_boxes.

    The defaults are detectron2's, the options mmrotate's: range ("turn", "le90", "le135", "oc"), norm_factor, edge_swap, proj_xy. angle: the convention of
    both, as in rotated_box_iou. on_degenerate is that of encode_boxes. float16 and bfloat16 are computed in float32, and returned.

    DegenerateBoxError; ValueError: shape, angle, an option; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> proposals, truths = torch.tensor([[0.0, 0.0, 4.0, 2.0, 170.0]]), torch.tensor([[2.0, 1.0, 4.0, 2.0, -170.0]])
    >>> boxgrad.torch.encode_rotated_boxes(proposals, truths, angle="degrees-ccw")
    tensor([[0.5000, 0.5000, 0.0000, 0.0000, 0.3491]])
    """
    options = options_of("rotated", means, stds, range=range, norm_factor=norm_factor, edge_swap=edge_swap, proj_xy=proj_xy)
    return _coded("rotated", proposals, "targets", targets, angle, options, on_degenerate)


def decode_rotated_boxes(
    proposals: Tensor, deltas: Tensor, *, angle: str, means: Sequence[float] = ZEROS[:5], stds: Sequence[float] = ONES[:5],
    range: str = "turn", norm_factor: float | None = None, edge_swap: bool = False, proj_xy: bool = False,
    max_shape: Sequence[float] | None = None, log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP, center_clamp: float | None = None,
) -> Tensor:  # fmt: skip
    """The rotated boxes that deltas (..., 5) describe, relative to rotated proposals (..., 5), which broadcast. As boxgrad.decode_rotated_boxes.

    The inverse of encode_rotated_boxes, with its options. log_ratio_clip: the upper bound of dw and dh, or (lower, upper), or None. center_clamp: the centre
    moves by this much at most along each axis of the deltas. max_shape: (height, width) to clip the centre to. Each clamp passes the gradient at its bounds.

    ValueError: shape, angle, an option; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> proposals, deltas = torch.tensor([[0.0, 0.0, 4.0, 2.0, 170.0]]), torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.25]])
    >>> boxgrad.torch.decode_rotated_boxes(proposals, deltas, norm_factor=1, angle="degrees-ccw")
    tensor([[   2.,    1.,    4.,    2., -145.]])
    """
    options = options_of(
        "rotated", means, stds, range=range, norm_factor=norm_factor, edge_swap=edge_swap, proj_xy=proj_xy, max_shape=max_shape,
        log_ratio_clip=log_ratio_clip, center_clamp=center_clamp,
    )  # fmt: skip
    return _coded("rotated", proposals, "deltas", deltas, angle, options)


def encode_midpoint_offset(
    proposals: Tensor, targets: Tensor, *, angle: str, means: Sequence[float] = ZEROS, stds: Sequence[float] = ONES,
    corner_tolerance: float = 0.1, on_degenerate: str = "propagate",
) -> Tensor:  # fmt: skip
    """The midpoint offsets (..., 6) of rotated targets (..., 5) against upright proposals x1, y1, x2, y2 (..., 4). As boxgrad.encode_midpoint_offset.

    angle: the convention of targets, as in rotated_box_iou. Of corners within corner_tolerance of the topmost one, that on the right is taken, of the rightmost
    ones the lowest. on_degenerate is that of encode_boxes. float16 and bfloat16 are computed in float32, and returned.

    DegenerateBoxError; ValueError: shape, angle, an option; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> proposals, truths = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[2.0, 1.0, 4.0, 4.0, 0.0]])
    >>> boxgrad.torch.encode_midpoint_offset(proposals, truths, angle="degrees-ccw")
    tensor([[ 0.0000, -0.2500,  0.0000,  0.0000,  0.5000,  0.5000]])
    """
    options = options_of("midpoint", means, stds, corner_tolerance=corner_tolerance)
    return _coded("midpoint", proposals, "targets", targets, angle, options, on_degenerate)


def decode_midpoint_offset(
    proposals: Tensor, deltas: Tensor, *, angle: str, means: Sequence[float] = ZEROS, stds: Sequence[float] = ONES,
    range: str = "le90", log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP,
) -> Tensor:  # fmt: skip
    """The rotated boxes (..., 5) that midpoint offsets (..., 6) describe, relative to upright proposals (..., 4). As boxgrad.decode_midpoint_offset.

    The inverse of encode_midpoint_offset. range: what regularize_rotated_boxes brings the result into.

    ValueError: shape, angle, an option; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> proposals, deltas = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.5, 0.5]])
    >>> boxgrad.torch.decode_midpoint_offset(proposals, deltas, angle="degrees-ccw")
    tensor([[  2.,   2.,   4.,   4., -90.]])
    """
    options = options_of("midpoint", means, stds, range=range, log_ratio_clip=log_ratio_clip)
    return _coded("midpoint", proposals, "deltas", deltas, angle, options)
