"""Box deltas: encoding targets against proposals, decoding them, and the coder classes of torchvision and mmdetection.

    dx = (x - x_r) / w_r,   dy = (y - y_r) / h_r,   dw = log(w / w_r),   dh = log(h / h_r),   then (d - mean) / std

on centres x, y and sizes w, h, r being the proposal: an anchor, or any reference box (Girshick 2014).
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence, Tuple, Union

import numpy as np
import numpy.typing as npt

from ._arrays import Array, aligned_shape, box_matrix, box_operands, gradient_of, operands, output, rows, stretched, sum_to_shape
from ._library import DELTA_OPTIONS, library_of
from ._scalars import code_of, image_size, number, numbers
from .autodiff import Gradients, differentiable, with_pullback
from .errors import DegenerateBoxError

LOG_RATIO_CLIP = math.log(1000 / 16)
"""The upper clamp of dw and dh in Detectron and torchvision: a proposal 16 pixels wide grows to 1000 at most."""

_ON_DEGENERATE = {"error": 0, "zero": 1, "propagate": 2}

Four = Tuple[float, float, float, float]
LogRatioClip = Union[float, Tuple[float, float], None]


def _options(
    means: Sequence[float],
    stds: Sequence[float],
    log_ratio_bounds: tuple[float, float] = (-math.inf, LOG_RATIO_CLIP),
    image: tuple[float, float] = (-1.0, -1.0),
    center_clamp: float = math.inf,
    on_degenerate: int = 0,
) -> bytearray:
    """boxgrad_delta_options with its defaults. image: (height, width), negative if unknown."""
    means, stds = numbers(means, "means", 4, "four numbers"), numbers(stds, "stds", 4, "four numbers")
    height, width = image
    return bytearray(
        DELTA_OPTIONS.pack(DELTA_OPTIONS.size, *means, *stds, *log_ratio_bounds, width, height, center_clamp, on_degenerate, 0)
    )


def _log_ratio_bounds(clip: LogRatioClip) -> tuple[float, float]:
    if clip is None:
        return -math.inf, math.inf
    if isinstance(clip, (tuple, list)):
        lower, upper = numbers(clip, "log_ratio_clip", 2, "an upper bound or (lower, upper)")
    else:
        lower, upper = -math.inf, number(clip, "log_ratio_clip")
    if not lower <= upper:
        raise ValueError(f"log_ratio_clip must be an upper bound or (lower, upper), not {clip}")
    return lower, upper


def all_degenerate(error: DegenerateBoxError, count: int, mark: Callable[[Any], None]) -> DegenerateBoxError:
    """Makes the error of one degenerate row that of all of them, which `mark` marks by ones."""
    marks = np.empty(count, np.uint8)
    mark(marks)
    bad = np.flatnonzero(marks)
    listed = ", ".join(map(str, bad[:8])) + (", ..." if len(bad) > 8 else "")
    return DegenerateBoxError(f"{error}; {len(bad)} of {count} rows are degenerate: {listed}", bad)


@differentiable("proposals", "targets")
def encode_boxes(
    proposals: npt.ArrayLike, targets: npt.ArrayLike, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1),
    on_degenerate: str = "error", out: Array | None = None,
) -> Array:  # fmt: skip
    """The deltas of targets (ground truth) against proposals, both (..., 4) and broadcast: (..., 4).

    on_degenerate says what becomes of a row whose proposal or target has a width or height that is not a positive finite
    number: "error" raises DegenerateBoxError with all such rows; "zero" gives it zeros, so that it has no loss and no
    gradient; "propagate" gives what the formula does, inf or NaN. (Girshick 2014; weights of torchvision: 1 / stds.)

    DegenerateBoxError; ValueError: shape, means, stds, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.encode_boxes([[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 4.0]], stds=(0.1, 0.1, 0.2, 0.2))
    array([[2.5, 0. , 0. , 0. ]])
    """
    proposal, wanted_p, target, wanted_t = box_operands("proposals", proposals, "targets", targets)
    (shape, count), dtype = aligned_shape("proposals", proposal.shape, "targets", target.shape), proposal.dtype
    (p, stride_p), (t, stride_t) = rows(stretched(proposal, shape)), rows(stretched(target, shape))
    options = _options(means, stds, on_degenerate=code_of(on_degenerate, _ON_DEGENERATE, "on_degenerate"))
    value = output(out, shape, dtype, proposal, target)
    inputs = p, stride_p, t, stride_t, count

    try:
        library_of[dtype].delta_encode(options, *inputs, value, None, None)
    except DegenerateBoxError as error:
        options = _options(means, stds, on_degenerate=_ON_DEGENERATE["zero"])
        scratch = np.empty(shape, dtype)
        raise all_degenerate(error, count, lambda marks: library_of[dtype].delta_encode(options, *inputs, scratch, marks, None)) from None
    if not (wanted_p or wanted_t):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradient_p, gradient_t = gradient_of(wanted_p, shape, dtype), gradient_of(wanted_t, shape, dtype)
        library_of[dtype].delta_encode_grad(options, *inputs, cotangent, gradient_p, gradient_t)
        return sum_to_shape(gradient_p, proposal.shape), sum_to_shape(gradient_t, target.shape)

    return with_pullback(value, pullback)


@differentiable("proposals", "deltas")
def decode_boxes(
    proposals: npt.ArrayLike, deltas: npt.ArrayLike, *, means: Sequence[float] = (0, 0, 0, 0), stds: Sequence[float] = (1, 1, 1, 1),
    max_shape: Sequence[float] | None = None, log_ratio_clip: LogRatioClip = LOG_RATIO_CLIP,
    center_clamp: float | None = None, out: Array | None = None,
) -> Array:  # fmt: skip
    """The boxes that deltas describe, relative to proposals (N, 4); in the shape of the deltas.

    deltas: (N, 4), or (N, groups * 4) or (N, groups, 4) with one group per class. d = delta * std + mean; centre =
    x_r + dx * w_r, size = exp(dw) * w_r. log_ratio_clip: the upper bound of dw and dh, or (lower, upper), or None.
    center_clamp: the centre moves by this much at most. max_shape: (height, width) to clip the corners to. Each clamp
    passes the gradient at its bounds and stops it beyond. Degenerate proposals are no error.

    ValueError: shape, means, stds, a bound, out; TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.decode_boxes([[0.0, 0.0, 4.0, 4.0]], [[0.25, 0.0, 0.0, 0.0]])
    array([[1., 0., 5., 4.]])
    """
    proposal, wanted_p, delta, wanted_d = box_operands("proposals", proposals, "deltas", deltas)
    shape, dtype = delta.shape, delta.dtype
    if proposal.shape[1:] != (4,):
        raise ValueError(f"proposals must have the shape (N, 4), not {proposal.shape}")
    count = len(proposal)
    if shape[:1] != (count,) or not (len(shape) == 2 and shape[1] % 4 == 0 or len(shape) == 3 and shape[2] == 4):
        raise ValueError(f"deltas must have the shape ({count}, groups * 4) or ({count}, groups, 4), not {shape}")
    groups = shape[1] if len(shape) == 3 else shape[1] // 4
    options = _options(
        means, stds, _log_ratio_bounds(log_ratio_clip),
        (-1.0, -1.0) if max_shape is None else image_size(max_shape, "max_shape"),
        math.inf if center_clamp is None else number(center_clamp, "center_clamp"),
    )  # fmt: skip
    inputs = *rows(proposal), *rows(delta, groups * 4), count, groups
    value = output(out, shape, dtype, proposal, delta)
    library_of[dtype].delta_decode(options, *inputs, value)
    if not (wanted_p or wanted_d):
        return value

    def pullback(cotangent: Array) -> Gradients:
        gradients = gradient_of(wanted_p, proposal.shape, dtype), gradient_of(wanted_d, shape, dtype)
        library_of[dtype].delta_decode_grad(options, *inputs, cotangent, *gradients)
        return gradients

    return with_pullback(value, pullback)


def _arrays_of(images: Sequence[npt.ArrayLike], name: str) -> list[Array]:
    try:
        listed = list(images)
    except TypeError:
        raise TypeError(f"{name} must be a list with the boxes of each image, not {images!r}") from None
    if not listed:
        raise ValueError(f"{name} must hold the boxes of at least one image, not {images!r}")
    return [box_matrix(f"{name}[{image}]", boxes) for image, boxes in enumerate(listed)]


def _known(on_degenerate: str) -> str:
    code_of(on_degenerate, _ON_DEGENERATE, "on_degenerate")
    return on_degenerate


@contextmanager
def _named(**names: str) -> Iterator[None]:
    """Puts the words of another interface into the messages of encode_boxes and decode_boxes."""
    try:
        yield
    except (TypeError, ValueError) as error:
        error.args = (re.sub(rf"\b({'|'.join(names)})\b", lambda found: names[found[0]], str(error)), *error.args[1:])
        raise


def _stds_of(weights: Four) -> list[float]:
    """The stds that weights stand for, which multiply the deltas."""
    factors = numbers(weights, "weights", 4, "four numbers")
    if not all(0 < factor < math.inf for factor in factors):
        raise ValueError(f"weights must be positive finite numbers, not {weights}")
    return [1 / factor for factor in factors]


class BoxCoder:
    """torchvision's BoxCoder: weights multiply the deltas, and an image is an element of a list.

    Mind its words: *reference boxes* are the ground truth here. encode_boxes(proposals, targets) has the other order. on_degenerate is that of
    encode_boxes; torchvision's own coder does as "propagate" does.

    >>> import boxgrad, numpy as np
    >>> coder = boxgrad.BoxCoder((10.0, 10.0, 5.0, 5.0))
    >>> truth, proposals = [np.array([[1.0, 0.0, 5.0, 4.0]])], [np.array([[0.0, 0.0, 4.0, 4.0]])]
    >>> codes = coder.encode(truth, proposals)
    >>> coder.decode(codes[0], proposals)
    array([[[1., 0., 5., 4.]]])
    """

    on_degenerate = "error"  # of pickles of 0.1, which have none

    def __init__(self, weights: Four, bbox_xform_clip: float = LOG_RATIO_CLIP, *, on_degenerate: str = "error") -> None:
        """ValueError: a weight that is not positive, on_degenerate."""
        self._stds = _stds_of(weights)
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip
        self.on_degenerate = _known(on_degenerate)

    def encode(self, reference_boxes: Sequence[npt.ArrayLike], proposals: Sequence[npt.ArrayLike]) -> list[Array]:
        """The deltas of each image's ground truth (N, 4) against its proposals (N, 4). DegenerateBoxError counts all rows."""
        truths, candidates = _arrays_of(reference_boxes, "reference_boxes"), _arrays_of(proposals, "proposals")
        lengths = [len(boxes) for boxes in truths]
        if lengths != [len(boxes) for boxes in candidates]:
            raise ValueError("reference_boxes and proposals must have the same number of boxes in every image")
        return np.split(self.encode_single(np.concatenate(truths), np.concatenate(candidates)), np.cumsum(lengths)[:-1])

    def encode_single(self, reference_boxes: npt.ArrayLike, proposals: npt.ArrayLike) -> Array:
        """The deltas of ground truth (N, 4) against proposals (N, 4)."""
        with _named(targets="reference_boxes"):
            return encode_boxes(proposals, reference_boxes, stds=self._stds, on_degenerate=self.on_degenerate)

    def decode(self, rel_codes: npt.ArrayLike, boxes: Sequence[npt.ArrayLike]) -> Array:
        """The boxes (N, groups, 4) of deltas (N, groups * 4) against the proposals of all images, N in sum."""
        decoded = self.decode_single(rel_codes, np.concatenate(_arrays_of(boxes, "boxes")))
        return decoded.reshape(len(decoded), math.prod(decoded.shape[1:]) // 4, 4)

    def decode_single(self, rel_codes: npt.ArrayLike, boxes: npt.ArrayLike) -> Array:
        """The boxes (N, groups * 4) of deltas (N, groups * 4) against proposals (N, 4)."""
        with _named(proposals="boxes", deltas="rel_codes"):
            return decode_boxes(boxes, rel_codes, stds=self._stds, log_ratio_clip=self.bbox_xform_clip)


class DeltaXYWHBBoxCoder:
    """mmdetection's DeltaXYWHBBoxCoder.

    dw and dh are clamped to +-|log(wh_ratio_clip)|; with add_ctr_clamp only from above, and the centre moves by at most
    ctr_clamp. clip_border says whether decode obeys its max_shape. on_degenerate is that of encode_boxes; mmdetection does as "propagate" does.

    >>> import boxgrad
    >>> coder = boxgrad.DeltaXYWHBBoxCoder(target_stds=(0.1, 0.1, 0.2, 0.2))
    >>> coder.decode([[0.0, 0.0, 4.0, 4.0]], [[2.5, 0.0, 0.0, 0.0]], max_shape=(4, 4))
    array([[1., 0., 4., 4.]])
    """

    on_degenerate = "error"  # of pickles of 0.1, which have none

    def __init__(
        self,
        target_means: Four = (0.0, 0.0, 0.0, 0.0),
        target_stds: Four = (1.0, 1.0, 1.0, 1.0),
        clip_border: bool = True,
        add_ctr_clamp: bool = False,
        ctr_clamp: float = 32,
        *,
        on_degenerate: str = "error",
    ) -> None:
        """ValueError: on_degenerate."""
        self.means = target_means
        self.stds = target_stds
        self.clip_border = clip_border
        self.add_ctr_clamp = add_ctr_clamp
        self.ctr_clamp = ctr_clamp
        self.on_degenerate = _known(on_degenerate)

    def encode(self, bboxes: npt.ArrayLike, gt_bboxes: npt.ArrayLike) -> Array:
        """The deltas of gt_bboxes (N, 4) against bboxes (N, 4)."""
        with _named(proposals="bboxes", targets="gt_bboxes", means="target_means", stds="target_stds"):
            return encode_boxes(bboxes, gt_bboxes, means=self.means, stds=self.stds, on_degenerate=self.on_degenerate)

    def decode(
        self,
        bboxes: npt.ArrayLike,
        pred_bboxes: npt.ArrayLike,
        max_shape: Any = None,
        wh_ratio_clip: float = 16 / 1000,
    ) -> Array:
        """The boxes of the deltas pred_bboxes (N, 4) or (N, classes * 4) against bboxes (N, 4); max_shape: (height, width, ...).

        For a batch of images, (B, N, 4) or (B, N, classes * 4) against (B, N, 4); max_shape then is one for all, or one for each image.
        """
        ratio = number(wh_ratio_clip, "wh_ratio_clip")
        if not ratio > 0:
            raise ValueError(f"wh_ratio_clip must be positive, not {wh_ratio_clip}")
        if np.ndim(pred_bboxes) == 3:
            return self._decode_batch(bboxes, pred_bboxes, max_shape, wh_ratio_clip)
        bound = abs(math.log(ratio))
        with _named(proposals="bboxes", deltas="pred_bboxes", means="target_means", stds="target_stds", center_clamp="ctr_clamp"):
            return decode_boxes(
                bboxes,
                pred_bboxes,
                means=self.means,
                stds=self.stds,
                max_shape=max_shape[:2] if max_shape is not None and self.clip_border else None,
                log_ratio_clip=bound if self.add_ctr_clamp else (-bound, bound),
                center_clamp=self.ctr_clamp if self.add_ctr_clamp else None,
            )

    def _decode_batch(self, bboxes: npt.ArrayLike, pred_bboxes: npt.ArrayLike, max_shape: Any, wh_ratio_clip: float) -> Array:
        proposal, _, delta, _ = operands("bboxes", bboxes, "pred_bboxes", pred_bboxes)
        if proposal.ndim != 3 or proposal.shape[:2] != delta.shape[:2]:
            raise ValueError(f"bboxes must have the shape {(*delta.shape[:2], 4)}, as pred_bboxes is a batch of images, not {proposal.shape}")
        one_for_all = max_shape is None or len(max_shape) > 0 and np.ndim(max_shape[0]) == 0
        sizes = [max_shape] * len(delta) if one_for_all else list(max_shape)
        if len(sizes) != len(delta):
            raise ValueError(f"max_shape must hold one size for each of the {len(delta)} images, not {len(sizes)}")
        decoded = np.empty_like(delta)
        for image, size in enumerate(sizes):
            decoded[image] = self.decode(proposal[image], delta[image], size, wh_ratio_clip)
        return decoded
