"""The losses of aligned boxes that are more than 1 - metric: EIoU, SIoU, alpha-IoU, Wise-IoU, Inner-IoU, MPDIoU, -log IoU, NWD, bounded IoU.

IoU = inter / (union + eps) and the other metrics are those of box_iou_loss and its kin. w, h are sides, dx, dy the difference of the
centres, cw, ch the sides of the smallest box around both; p is the prediction, t the target. Everything is computed in double, for
float32, too, and is never NaN for finite boxes, however large or small they are.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Sequence

import numpy.typing as npt

from ._arrays import Array
from ._library import BOX_LOSS_OPTIONS
from ._reduction import Loss
from ._scalars import code_of, image_size, number
from .autodiff import differentiable
from .overlap import loss_of_pairs

_KINDS = {
    "iou": 0, "giou": 1, "diou": 2, "ciou": 3, "eiou": 4, "siou": 5, "wiou": 6, "mpdiou": 7, "log_iou": 8, "nwd": 9, "bounded_iou": 10,
}  # fmt: skip
_METRICS = {metric: _KINDS[metric] for metric in ("iou", "giou", "diou", "ciou")}
_BASES = {**_METRICS, "eiou": _KINDS["eiou"], "siou": _KINDS["siou"]}
_MODES = {"log": 0, "linear": 1, "square": 2}
"""mmdetection's modes of an IoU loss; the last two are powers."""
_EPS = 1e-7
_OPTIONS = {
    "alpha": 1.0, "gamma": 0.0, "inner_ratio": 1.0, "theta": 4.0, "image_width": 0.0, "image_height": 0.0, "least_iou": 1e-6,
    "constant": 0.0, "beta": 0.2,
}  # fmt: skip
"""The fields of boxgrad_box_loss_options after eps, with their defaults."""


def _loss(
    kind: int,
    input: npt.ArrayLike,
    target: npt.ArrayLike,
    reduction: str,
    eps: float,
    weights: npt.ArrayLike | None,
    normalizer: float | None,
    out: Array | None,
    **options: float,
) -> Loss:
    fields = {**_OPTIONS, **{name: number(value, name) for name, value in options.items()}}
    packed = bytearray(BOX_LOSS_OPTIONS.pack(BOX_LOSS_OPTIONS.size, number(eps, "eps"), *fields.values()))

    def call(library: SimpleNamespace, boxes: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        library.box_loss(kind, packed, *boxes, *results)

    return loss_of_pairs(call, ("input", "target"), input, target, reduction, weights, normalizer, out)


@differentiable("input", "target")
def efficient_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, gamma: float = 0.0, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * IoU^gamma * EIoU of aligned boxes (..., 4). (Zhang 2021.)

        EIoU = 1 - IoU + (dx^2 + dy^2) / (cw^2 + ch^2) + (w_p - w_t)^2 / cw^2 + (h_p - h_t)^2 / ch^2

    gamma 0.5 is Focal-EIoU; the factor is a constant for the gradient. eps is added to every denominator. reduction, weights,
    normalizer and out are those of box_iou_loss. mmdetection's EIoU is another loss.

    ValueError: shape, reduction, an option outside its range, a normalizer that is not positive though there are boxes, out;
    TypeError: dtype.

    >>> import boxgrad
    >>> boxgrad.efficient_box_iou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], eps=0.0)
    array([0.78125])
    """
    return _loss(_KINDS["eiou"], input, target, reduction, eps, weights, normalizer, out, gamma=gamma)


@differentiable("input", "target")
def siou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, theta: float = 4.0, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - IoU + (D + O) / 2) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss. (Gevorgyan 2022.)

        D = 2 - exp(-g (dx / cw)^2) - exp(-g (dy / ch)^2),   g = 2 - 2 |dx dy| / (dx^2 + dy^2)
        O = (1 - exp(-|w_p - w_t| / max(w_p, w_t)))^theta + the same of h

    theta: at least 1. At equal centres D is 0 and has no gradient, nor has O at equal sides. mmdetection's siou_loss has
    it with neg_gamma=True; its default rewards distance.

    >>> import boxgrad
    >>> boxgrad.siou_loss([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], eps=0.0).round(6)
    array([0.766298])
    """
    return _loss(_KINDS["siou"], input, target, reduction, eps, weights, normalizer, out, theta=theta)


@differentiable("input", "target")
def alpha_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, alpha: float = 3.0, metric: str = "iou",
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - IoU^alpha + P^alpha) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss. (He 2021.)

    P is what `metric` ("iou", "giou", "diou" or "ciou") subtracts from IoU, nothing for "iou". alpha: positive. Below 1 the slope
    of x^alpha is infinite at 0: it is that at 1e-6 for a smaller x.

    >>> import boxgrad
    >>> boxgrad.alpha_box_iou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], eps=0.0)
    array([0.875])
    """
    return _loss(code_of(metric, _METRICS, "metric"), input, target, reduction, eps, weights, normalizer, out, alpha=alpha)


@differentiable("input", "target")
def wise_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * exp((dx^2 + dy^2) / (cw^2 + ch^2)) (1 - IoU) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss.

    Wise-IoU v1: cw and ch are constants for the gradient (Tong 2023).

    >>> import boxgrad
    >>> boxgrad.wise_box_iou_loss([[0.0, 0.0, 3.0, 4.0]], [[3.0, 4.0, 6.0, 8.0]], eps=0.0).round(6)
    array([1.284025])
    """
    return _loss(_KINDS["wiou"], input, target, reduction, eps, weights, normalizer, out)


@differentiable("input", "target")
def inner_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, inner_ratio: float = 0.7, base: str = "iou",
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (L + IoU - IoU') of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss. (Zhang 2023.)

    L is the loss of `base`: "iou", "giou", "diou", "ciou", "eiou" or "siou". IoU' is that of both boxes scaled by `inner_ratio` about their
    centres: below 1 for boxes that overlap well, above 1 for those that do not.

    >>> import boxgrad
    >>> boxgrad.inner_box_iou_loss([[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 4.0]], eps=0.0, inner_ratio=0.5).round(6)
    array([0.666667])
    """
    return _loss(code_of(base, _BASES, "base"), input, target, reduction, eps, weights, normalizer, out, inner_ratio=inner_ratio)


@differentiable("input", "target")
def mpdiou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, size: Sequence[float], weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - IoU + (d1^2 + d2^2) / (height^2 + width^2)) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss.

    d1 is the distance of the top left corners, d2 that of the bottom right ones; size: (height, width) of the image (Ma 2023).

    >>> import boxgrad
    >>> boxgrad.mpdiou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], eps=0.0, size=(3, 4))
    array([0.54])
    """
    height, width = image_size(size)
    return _loss(
        _KINDS["mpdiou"], input, target, reduction, eps, weights, normalizer, out, image_width=width, image_height=height
    )


@differentiable("input", "target")
def log_box_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = _EPS,
    *, mode: str = "log", least_iou: float = 1e-6,
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * -log(max(IoU, least_iou)) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss. (Yu 2016.)

    Boxes whose IoU is below least_iou have no gradient. mode: "log", or as mmdetection's iou_loss, "linear", 1 - IoU, or "square",
    1 - IoU^2; these ignore least_iou.

    >>> import boxgrad
    >>> boxgrad.log_box_iou_loss([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [0.0, 0.0, 2.0, 1.0], eps=0.0, least_iou=0.5).round(6)
    array([0.693147, 0.693147])
    """
    power = code_of(mode, _MODES, "mode")
    kind, alpha = (_KINDS["iou"], power) if power else (_KINDS["log_iou"], 1)
    return _loss(kind, input, target, reduction, eps, weights, normalizer, out, alpha=alpha, least_iou=least_iou)


@differentiable("input", "target")
def nwd_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, constant: float, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - exp(-W / constant)) of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss. (Wang 2021.)

        W = sqrt(dx^2 + dy^2 + (w_p - w_t)^2 / 4 + (h_p - h_t)^2 / 4)

    The normalised Wasserstein distance of tiny objects. constant: a length near the objects' mean size, 12.8 for those of AI-TOD.
    Equal boxes have no gradient.

    >>> import boxgrad
    >>> boxgrad.nwd_loss([[0.0, 0.0, 4.0, 4.0]], [[3.0, 4.0, 7.0, 8.0]], constant=5.0).round(6)
    array([0.632121])
    """
    return _loss(_KINDS["nwd"], input, target, reduction, _EPS, weights, normalizer, out, constant=constant)


@differentiable("input", "target")
def bounded_iou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none", eps: float = 1e-3,
    *, beta: float = 0.2, weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * the sum of smooth L1 of four numbers, of aligned boxes (..., 4). Otherwise as efficient_box_iou_loss.

        1 - max(0, (w_t - 2 |dx|) / (w_t + 2 |dx| + eps)),   1 - min(w_t / (w_p + eps), w_p / (w_t + eps)),   and the same of dy and h

    Each bounds what a change of one coordinate can do to the IoU (Tychsen-Smith 2018). mmdetection's function keeps the four numbers
    apart, so that its mean is a quarter of this one; and it has no gradient for the target. A tie gives half to each side.

    >>> import boxgrad
    >>> boxgrad.bounded_iou_loss([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0, 1.0]], eps=0.0, beta=0.5).round(6)
    array([1.])
    """
    return _loss(_KINDS["bounded_iou"], input, target, reduction, eps, weights, normalizer, out, beta=beta)
