"""The losses of aligned rotated boxes as Gaussians, which reach boxes apart: GWD, KLD, KFIoU and ProbIoU.

A box (cx, cy, w, h, angle) is the normal distribution with its centre m and the matrix S = R diag(w^2, h^2) R^T / 4, of probiou_loss / 12.
Sides are limited to 1e-7 ... 1e7 and have no gradient beyond. Everything is computed in double, for float32, too, with the differences of the boxes
first: equal boxes have exactly no distance, in each of their representations, and nearly equal ones keep its digits. Finite boxes never give NaN.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy.typing as npt

from ._arrays import Array
from ._library import GAUSSIAN_LOSS_OPTIONS
from ._reduction import Loss
from ._scalars import code_of, number
from .autodiff import differentiable
from .overlap import loss_of_pairs
from .rotated import ANGLES

DIVERGENCES = {"forward": 1, "jeffreys": 2, "max": 3, "min": 4}
KFIOU_FUNCTIONS = {"none": 5, "ln": 6, "exp": 7}
PROBIOU_MODES = {"hellinger": 8, "bhattacharyya": 9}
FUNCTIONS = {"none": 0, "sqrt": 1, "log1p": 2}
GWD = 0


def options_of(
    *, alpha: float = 1.0, tau: float = 1.0, eps: float = 1e-6, fun: str = "log1p", root: bool = True, normalized: bool = True
) -> tuple[float, float, float, int, int, int, int]:
    """The fields of boxgrad_gaussian_loss_options after its size."""
    return (
        number(alpha, "alpha"), number(tau, "tau"), number(eps, "eps"), code_of(fun, FUNCTIONS, "fun"), int(root), int(normalized), 0,
    )  # fmt: skip


def packed(options: Any) -> bytearray:
    return bytearray(GAUSSIAN_LOSS_OPTIONS.pack(GAUSSIAN_LOSS_OPTIONS.size, *options))


def _loss(
    kind: int,
    input: npt.ArrayLike,
    target: npt.ArrayLike,
    reduction: str,
    angle: str,
    weights: npt.ArrayLike | None,
    normalizer: float | None,
    out: Array | None,
    **options: Any,
) -> Loss:
    convention, struct = code_of(angle, ANGLES, "angle"), packed(options_of(**options))

    def call(library: SimpleNamespace, boxes: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        library.rotated_gaussian_loss(kind, convention, struct, *boxes, *results)

    return loss_of_pairs(call, ("input", "target"), input, target, reduction, weights, normalizer, out, 5)


@differentiable("input", "target")
def gwd_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, angle: str, fun: str = "log1p", tau: float = 1.0, alpha: float = 1.0, normalize: bool = True,
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * the loss of the Wasserstein distance of aligned rotated boxes (..., 5) as Gaussians. (Yang 2021.)

        d = sqrt(|m_p - m_t|^2 + alpha^2 tr(S_p + S_t - 2 (S_p^1/2 S_t S_p^1/2)^1/2)),   normalize: / (w_p h_p w_t h_t)^(1/4)
        loss = 1 - 1 / (tau + f) with tau >= 1, and else f,   f = d, sqrt(d) or log(1 + d) for fun "none", "sqrt" or "log1p"

    angle: the convention of both, as in rotated_box_iou. The options and their defaults are mmrotate's. alpha: from 1e-3 to 1000; tau: from 0 to 1000.
    reduction, weights, normalizer and out are those of box_iou_loss. Equal boxes have no gradient.

    ValueError: shape, angle, fun, reduction, an option outside its range, a normalizer that is not positive though there are boxes, out;
    TypeError: dtype, no angle.

    >>> import boxgrad
    >>> boxgrad.gwd_loss([[0.0, 0.0, 4.0, 4.0, 0.0]], [[3.0, 4.0, 4.0, 4.0, 30.0]], angle="degrees-cw", fun="none").round(6)
    array([0.555556])
    """
    options = {"fun": fun, "tau": tau, "alpha": alpha, "normalized": bool(normalize)}
    return _loss(GWD, input, target, reduction, angle, weights, normalizer, out, **options)


@differentiable("input", "target")
def kld_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, angle: str, fun: str = "log1p", tau: float = 1.0, alpha: float = 1.0, sqrt: bool = True, direction: str = "forward",
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * the loss of the Kullback-Leibler divergence of aligned rotated boxes (..., 5) as Gaussians. Otherwise as gwd_loss. (Yang 2021.)

        KLD(p, t) = (m_p - m_t)^T S_p^-1 (m_p - m_t) / (2 alpha^2) + (tr(S_p^-1 S_t) + log(det S_p / det S_t)) / 2 - 1

    d is the square root of it, or without sqrt itself. direction: "forward" as it is; "jeffreys", the mean of KLD(p, t) and KLD(t, p); "max" and "min",
    the larger and the smaller of both (mmrotate's losses "kld", "jd", "kld_symmax" and "kld_symmin").

    >>> import boxgrad
    >>> boxgrad.kld_loss([[0.0, 0.0, 4.0, 4.0, 0.0]], [[3.0, 4.0, 4.0, 4.0, 30.0]], angle="degrees-cw", fun="none", tau=0.0).round(6)
    array([1.767767])
    """
    options = {"fun": fun, "tau": tau, "alpha": alpha, "root": bool(sqrt)}
    return _loss(code_of(direction, DIVERGENCES, "direction"), input, target, reduction, angle, weights, normalizer, out, **options)


@differentiable("input", "target")
def kfiou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, angle: str, fun: str = "none", eps: float = 1e-6,
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * the loss of KFIoU of aligned rotated boxes (..., 5). Otherwise as gwd_loss. (Yang 2022.)

        K = V / (w_p h_p + w_t h_t - V + eps),   V = 4 sqrt(det(S_p (S_p + S_t)^-1 S_t)),   at most 1 / 3
        loss = 1 - K, -log(K + eps) or exp(1 - K) - 1 for fun "none", "ln" or "exp"

    K has nothing of the centres: mmrotate adds a smooth L1 loss of their deltas, which is the caller's here. eps: from 0 to 1000.

    >>> import boxgrad
    >>> boxgrad.kfiou_loss([[0.0, 0.0, 4.0, 2.0, 0.0]], [[0.0, 0.0, 2.0, 4.0, 90.0]], angle="degrees-cw", eps=0.0).round(6)
    array([0.666667])
    """
    return _loss(code_of(fun, KFIOU_FUNCTIONS, "fun"), input, target, reduction, angle, weights, normalizer, out, eps=eps)


@differentiable("input", "target")
def probiou_loss(
    input: npt.ArrayLike, target: npt.ArrayLike, reduction: str = "none",
    *, angle: str, mode: str = "hellinger",
    weights: npt.ArrayLike | None = None, normalizer: float | None = None, out: Array | None = None,
) -> Loss:  # fmt: skip
    """weights * (1 - ProbIoU) of aligned rotated boxes (..., 5) as Gaussians. Otherwise as gwd_loss. (Llerena 2021.)

        B = d^T S^-1 d / 8 + log(det S / sqrt(det S_p det S_t)) / 2,   S = (S_p + S_t) / 2,   d = m_p - m_t
        loss = sqrt(1 - exp(-B)), the distance of Hellinger

    mode: "hellinger", or "bhattacharyya" for B itself. ultralytics' probiou is 1 - this, with 1e-7 added to each denominator and root.

    >>> import boxgrad
    >>> boxgrad.probiou_loss([[0.0, 0.0, 6.0, 6.0, 0.0]], [[3.0, 4.0, 6.0, 6.0, 0.0]], angle="radians-cw").round(6)
    array([0.804446])
    """
    return _loss(code_of(mode, PROBIOU_MODES, "mode"), input, target, reduction, angle, weights, normalizer, out)
