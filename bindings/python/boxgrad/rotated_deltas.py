"""Deltas of rotated boxes: against rotated proposals, and against upright ones by midpoint offsets (Oriented R-CNN). With gradients.

Rotated proposals have five deltas, which mmrotate's DeltaXYWHAOBBoxCoder and detectron2's Box2BoxTransformRotated define alike, up to options. The range
of turns and of decoded angles is "turn" (-180 to below 180 degrees: detectron2), "le90" (-90 to below 90), "le135" (-45 to below 135) or "oc" (as they
are): mmrotate's angle versions. float32 is computed in double, too.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, broadcast_shape, count_of, gradient_of, operands, output, rows, stretched, sum_to_shape
from ._library import ROTATED_DELTA_OPTIONS, library_of
from ._scalars import code_of, image_size, number, numbers
from .autodiff import Gradients, differentiable, with_pullback
from .deltas import _ON_DEGENERATE, LOG_RATIO_CLIP, LogRatioClip, _log_ratio_bounds, all_degenerate
from .errors import DegenerateBoxError
from .rotated import ANGLES, RANGES

ZEROS, ONES = (0, 0, 0, 0, 0, 0), (1, 1, 1, 1, 1, 1)
PROPOSAL = {"rotated": 5, "midpoint": 4}
DELTAS = {"rotated": 5, "midpoint": 6}
"""The numbers of a proposal and of deltas, by the name of the coder in C."""


def options_of(
    coder: str,
    means: Sequence[float],
    stds: Sequence[float],
    *,
    range: str = "turn",
    norm_factor: float | None = None,
    edge_swap: bool = False,
    proj_xy: bool = False,
    corner_tolerance: float = 0.1,
    max_shape: Sequence[float] | None = None,
    log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP,
    center_clamp: float | None = None,
) -> tuple[list[float], list[int]]:
    """The numbers of boxgrad_rotated_delta_options after its size, and its codes but for the last, on_degenerate."""
    count, meaning = DELTAS[coder], {5: "five numbers", 6: "six numbers"}[DELTAS[coder]]
    padding = 6 - count
    height, width = (-1.0, -1.0) if max_shape is None else image_size(max_shape, "max_shape")
    return [
        *numbers(means, "means", count, meaning), *[0.0] * padding, *numbers(stds, "stds", count, meaning), *[1.0] * padding,
        *_log_ratio_bounds(log_ratio_clip), width, height, math.inf if center_clamp is None else number(center_clamp, "center_clamp"),
        0.0 if norm_factor is None else number(norm_factor, "norm_factor"), number(corner_tolerance, "corner_tolerance"),
    ], [code_of(range, RANGES, "range"), int(edge_swap), int(proj_xy)]  # fmt: skip


def packed(listed: Sequence[float], codes: Sequence[int], on_degenerate: int) -> bytearray:
    return bytearray(ROTATED_DELTA_OPTIONS.pack(ROTATED_DELTA_OPTIONS.size, *listed, *codes, on_degenerate))


def _coded(
    coder: str, proposals: npt.ArrayLike | Marked, name: str, x: npt.ArrayLike | Marked, angle: str, options: tuple[list[float], list[int]],
    functions: Callable[[Any], tuple[Any, Any]], out: Array | None, on_degenerate: str = "error",
) -> Array:  # fmt: skip
    """Encodes targets, or decodes deltas, as `name` says, which broadcast with the proposals. functions: those of C, for the value and the gradient."""
    decodes, convention = name == "deltas", code_of(angle, ANGLES, "angle")
    width_p, width_x, width_out = PROPOSAL[coder], DELTAS[coder] if decodes else 5, 5 if decodes else DELTAS[coder]
    p, wanted_p, q, wanted_q = operands("proposals", proposals, name, x)
    p, q = (a.reshape(0, width) if a.shape == (0,) else a for a, width in ((p, width_p), (q, width_x)))
    count_of("proposals", p.shape, width_p), count_of(name, q.shape, width_x)
    leading, dtype = broadcast_shape("proposals", p.shape, name, q.shape, own=1), p.dtype
    shape_p, shape_q, count = (*leading, width_p), (*leading, width_x), math.prod(leading)
    inputs: Any = (*rows(stretched(p, shape_p), width_p), *rows(stretched(q, shape_q), width_x), count)
    policy = code_of(on_degenerate, _ON_DEGENERATE, "on_degenerate")
    struct = packed(*options, policy)
    value = output(out, (*leading, width_out), dtype, p, q)
    forward, backward = functions(library_of[dtype])
    if decodes:
        forward(struct, convention, *inputs, value)
    else:
        try:
            forward(struct, convention, *inputs, value, None, None)
        except DegenerateBoxError as error:
            zeros, scratch = packed(*options, _ON_DEGENERATE["zero"]), np.empty((*leading, width_out), dtype)
            raise all_degenerate(error, count, lambda marks: forward(zeros, convention, *inputs, scratch, marks, None)) from None
    if not (wanted_p or wanted_q):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient_p, gradient_q = gradient_of(wanted_p, shape_p, dtype), gradient_of(wanted_q, shape_q, dtype)
        backward(struct, convention, *inputs, cotangent, gradient_p, gradient_q)
        return sum_to_shape(gradient_p, p.shape), sum_to_shape(gradient_q, q.shape)

    return with_pullback(value, pullback)


@differentiable("proposals", "targets")
def encode_rotated_boxes(
    proposals: npt.ArrayLike, targets: npt.ArrayLike, *, angle: str, means: Sequence[float] = ZEROS[:5], stds: Sequence[float] = ONES[:5],
    range: str = "turn", norm_factor: float | None = None, edge_swap: bool = False, proj_xy: bool = False, on_degenerate: str = "error",
    out: Array | None = None,
) -> Array:  # fmt: skip
    """The deltas of rotated targets (ground truth) against rotated proposals, both (..., 5) and broadcast: (..., 5).

    dx, dy: the way to the target's centre in units of the proposal's sides, with proj_xy along these; dw, dh: logarithms of the quotients of the sides; da:
    the turn, moved into the range, in radians, / (norm_factor * pi) if that is given; then (d - mean) / std. edge_swap: the target's sides are exchanged
    where that makes the turn smaller. angle: the convention of both, as in rotated_box_iou; range: "turn", "le90", "le135" or "oc". on_degenerate is that
    of encode_boxes. detectron2: the defaults, weights are 1 / stds. mmrotate: its options, range its angle_range, angle "radians-cw".
    Gradient: where a turn jumps, or edge_swap chooses between equals, that of what was chosen.

    DegenerateBoxError; ValueError: shape, angle, an option, out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.encode_rotated_boxes([[0.0, 0.0, 4.0, 2.0, 170.0]], [[2.0, 1.0, 4.0, 2.0, -170.0]], angle="degrees-ccw").round(4)
    array([[0.5   , 0.5   , 0.    , 0.    , 0.3491]])
    """
    options = options_of("rotated", means, stds, range=range, norm_factor=norm_factor, edge_swap=edge_swap, proj_xy=proj_xy)
    return _coded(
        "rotated", proposals, "targets", targets, angle, options, lambda c: (c.rotated_encode, c.rotated_encode_grad), out, on_degenerate
    )


@differentiable("proposals", "deltas")
def decode_rotated_boxes(
    proposals: npt.ArrayLike, deltas: npt.ArrayLike, *, angle: str, means: Sequence[float] = ZEROS[:5], stds: Sequence[float] = ONES[:5],
    range: str = "turn", norm_factor: float | None = None, edge_swap: bool = False, proj_xy: bool = False,
    max_shape: Sequence[float] | None = None, log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP, center_clamp: float | None = None,
    out: Array | None = None,
) -> Array:  # fmt: skip
    """The rotated boxes that deltas (..., 5) describe, relative to rotated proposals (..., 5), which broadcast: (..., 5).

    The inverse of encode_rotated_boxes, with its options. edge_swap: sides are exchanged where w is not above h. log_ratio_clip: the upper bound of dw and dh,
    or (lower, upper), or None. center_clamp: the centre moves by this much at most along each axis of the deltas. max_shape: (height, width), where the
    centre is clipped to 0 ... width - 1 and 0 ... height - 1, as mmrotate does it. Each clamp passes the gradient at its bounds and stops it beyond.
    Degenerate proposals are no error.

    ValueError: shape, angle, an option, out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.decode_rotated_boxes([[0.0, 0.0, 4.0, 2.0, 170.0]], [[0.5, 0.5, 0.0, 0.0, 0.25]], norm_factor=1, angle="degrees-ccw")
    array([[   2.,    1.,    4.,    2., -145.]])
    """
    options = options_of(
        "rotated", means, stds, range=range, norm_factor=norm_factor, edge_swap=edge_swap, proj_xy=proj_xy, max_shape=max_shape,
        log_ratio_clip=log_ratio_clip, center_clamp=center_clamp,
    )  # fmt: skip
    return _coded(
        "rotated", proposals, "deltas", deltas, angle, options, lambda c: (c.rotated_decode, c.rotated_decode_grad), out
    )


@differentiable("proposals", "targets")
def encode_midpoint_offset(
    proposals: npt.ArrayLike, targets: npt.ArrayLike, *, angle: str, means: Sequence[float] = ZEROS, stds: Sequence[float] = ONES,
    corner_tolerance: float = 0.1, on_degenerate: str = "error", out: Array | None = None,
) -> Array:  # fmt: skip
    """The midpoint offsets (..., 6) of rotated targets (..., 5) against upright proposals x1, y1, x2, y2 (..., 4), which broadcast.

    dx, dy, dw, dh: encode_boxes of the upright box around the target; da, db: how far its topmost corner is to the right of the middle, and its rightmost one
    below, in units of that box; then (d - mean) / std. (Xie 2021, Oriented R-CNN; mmrotate's MidpointOffsetCoder.) angle: the convention of targets, as in
    rotated_box_iou. Of corners within corner_tolerance of the topmost one, that on the right is taken, of the rightmost ones the lowest.
    on_degenerate is that of encode_boxes. Gradient: that of the corners that were taken.

    DegenerateBoxError; ValueError: shape, angle, an option, out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.encode_midpoint_offset([[0.0, 0.0, 4.0, 4.0]], [[2.0, 1.0, 4.0, 4.0, 45.0]], angle="degrees-ccw").round(4) + 0
    array([[ 0.    , -0.25  ,  0.3466,  0.3466,  0.    ,  0.    ]])
    """
    options = options_of("midpoint", means, stds, corner_tolerance=corner_tolerance)
    return _coded(
        "midpoint", proposals, "targets", targets, angle, options, lambda c: (c.midpoint_encode, c.midpoint_encode_grad), out, on_degenerate
    )


@differentiable("proposals", "deltas")
def decode_midpoint_offset(
    proposals: npt.ArrayLike, deltas: npt.ArrayLike, *, angle: str, means: Sequence[float] = ZEROS, stds: Sequence[float] = ONES,
    range: str = "le90", log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP, out: Array | None = None,
) -> Array:  # fmt: skip
    """The rotated boxes (..., 5) that midpoint offsets (..., 6) describe, relative to upright proposals (..., 4), which broadcast.

    The inverse of encode_midpoint_offset. Offsets that no rectangle has give one whose diagonals are the longer of both; da and db are clamped to +-0.5.
    range: what regularize_rotated_boxes brings the result into. log_ratio_clip as in decode_rotated_boxes. Degenerate proposals are no error.

    ValueError: shape, angle, an option, out; TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.decode_midpoint_offset([[0.0, 0.0, 4.0, 4.0]], [[0.0, 0.0, 0.0, 0.0, 0.5, 0.5]], angle="degrees-ccw")
    array([[  2.,   2.,   4.,   4., -90.]])
    """
    options = options_of("midpoint", means, stds, range=range, log_ratio_clip=log_ratio_clip)
    return _coded(
        "midpoint", proposals, "deltas", deltas, angle, options, lambda c: (c.midpoint_decode, c.midpoint_decode_grad), out
    )
