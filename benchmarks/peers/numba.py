"""numba: explicit loops, compiled without fastmath; over several threads by prange.

Rows are cut into blocks, so that a sum over rows does not keep the loop over a block's rows from being vectorised.
"""

from __future__ import annotations

import math
import os
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
from numba import njit, prange
from peer import Limits, NotOffered, Peer, Run, installed
from workloads import FRESH, IN_PLACE, REUSED, SCALAR

peer = Peer("numba", installed("numba", "llvmlite"))

# Division by zero gives infinity, as in NumPy: a check for it would keep loops from being vectorised.
parallel = int(os.environ.get("NUMBA_NUM_THREADS", "1")) > 1
compiled = njit(fastmath=False, cache=True, error_model="numpy", parallel=parallel)
inline = njit(fastmath=False, error_model="numpy", inline="always")

BLOCK = 1024


def _both_modes(task: str) -> Callable[[Callable[[SimpleNamespace, Callable[[Any], Any]], Run]], None]:
    """Registers a factory for fresh and reused outputs. It takes a function that gives, at each call, the memory for an output."""

    def register(factory: Callable[[SimpleNamespace, Callable[..., Any]], Run]) -> None:
        def reused(data: SimpleNamespace) -> Run:
            kept: dict[Any, np.ndarray] = {}

            def memory(*shape: int) -> np.ndarray:
                if shape not in kept:
                    kept[shape] = np.empty(shape, np.float32)
                return kept[shape]

            return factory(data, memory)

        peer.does(task, FRESH)(lambda data: factory(data, lambda *shape: np.empty(shape, np.float32)))
        peer.does(task, REUSED)(reused)

    return register


# ---- Pairwise ------------------------------------------------------------------------------------------------------------


@compiled
def pairwise_iou(a, bt, out):  # type: ignore[no-untyped-def]
    area_b = (bt[2] - bt[0]) * (bt[3] - bt[1])
    for i in prange(len(a)):
        x1, y1, x2, y2 = a[i]
        area_a = (x2 - x1) * (y2 - y1)
        for j in range(bt.shape[1]):
            iw = max(min(x2, bt[2, j]) - max(x1, bt[0, j]), np.float32(0))
            ih = max(min(y2, bt[3, j]) - max(y1, bt[1, j]), np.float32(0))
            inter = iw * ih
            out[i, j] = inter / (area_a + area_b[j] - inter)


@compiled
def pairwise_giou(a, bt, out):  # type: ignore[no-untyped-def]
    area_b = (bt[2] - bt[0]) * (bt[3] - bt[1])
    for i in prange(len(a)):
        x1, y1, x2, y2 = a[i]
        area_a = (x2 - x1) * (y2 - y1)
        for j in range(bt.shape[1]):
            u1, v1, u2, v2 = bt[0, j], bt[1, j], bt[2, j], bt[3, j]
            iw = max(min(x2, u2) - max(x1, u1), np.float32(0))
            ih = max(min(y2, v2) - max(y1, v1), np.float32(0))
            inter = iw * ih
            union = area_a + area_b[j] - inter
            enclosing = (max(x2, u2) - min(x1, u1)) * (max(y2, v2) - min(y1, v1))
            out[i, j] = inter / union - (enclosing - union) / enclosing


@_both_modes("pairwise")
def pairwise(data: SimpleNamespace, memory: Callable[..., Any]) -> Run:
    function = {"iou": pairwise_iou, "giou": pairwise_giou}.get(data.metric)
    if function is None:
        raise NotOffered
    n, m = len(data.a), len(data.b)

    def run() -> Any:
        out = memory(n, m)
        function(data.a, np.ascontiguousarray(data.b.T), out)
        return out

    return run


# ---- Losses --------------------------------------------------------------------------------------------------------------


@inline
def _when(condition, value):  # type: ignore[no-untyped-def]
    return value if condition else np.float32(0)


def _loss_over(metric: int) -> Any:
    """The loss and its gradient; metric 1 GIoU, 2 DIoU, 3 CIoU. The loss of each box goes to a block of memory, summed afterwards."""

    def loss_and_gradient(pred, target, eps, gradient):  # type: ignore[no-untyped-def]
        count = len(pred)
        total, scale = 0.0, np.float32(-1.0 / count)
        eps, one, two = np.float32(eps), np.float32(1), np.float32(2)
        flat_pred, flat_target, flat_gradient = pred.ravel(), target.ravel(), gradient.ravel()
        for block in prange((count + BLOCK - 1) // BLOCK):
            terms = np.empty(BLOCK, np.float32)
            start, stop = block * BLOCK, min((block + 1) * BLOCK, count)
            rows = stop - start
            a, b, out = flat_pred[4 * start : 4 * stop], flat_target[4 * start : 4 * stop], flat_gradient[4 * start : 4 * stop]
            for k in range(rows):
                x1, y1, x2, y2 = a[4 * k], a[4 * k + 1], a[4 * k + 2], a[4 * k + 3]
                u1, v1, u2, v2 = b[4 * k], b[4 * k + 1], b[4 * k + 2], b[4 * k + 3]
                w, h = x2 - x1, y2 - y1
                wb, hb = u2 - u1, v2 - v1
                iw = max(min(x2, u2) - max(x1, u1), np.float32(0))
                ih = max(min(y2, v2) - max(y1, v1), np.float32(0))
                inter = iw * ih
                meets = inter > np.float32(0)
                union = w * h + wb * hb - inter + eps
                iou = inter / union
                cw, ch = max(x2, u2) - min(x1, u1), max(y2, v2) - min(y1, v1)
                # d inter, the sides with the sign of the coordinate
                i1 = _when(meets & (x1 > u1), -ih)
                j1 = _when(meets & (y1 > v1), -iw)
                i2 = _when(meets & (x2 < u2), ih)
                j2 = _when(meets & (y2 < v2), iw)
                # d iou = (d inter - iou * (d area - d inter)) / union
                more = one + iou
                g1, h1 = (i1 * more + iou * h) / union, (j1 * more + iou * w) / union
                g2, h2 = (i2 * more - iou * h) / union, (j2 * more - iou * w) / union
                if metric == 1:
                    enclosing = cw * ch + eps
                    ratio = (enclosing - union) / enclosing
                    value = iou - ratio
                    # d (union / enclosing) = (d union - union / enclosing * d enclosing) / enclosing
                    part = one - ratio
                    g1 += (-h - i1 - part * _when(x1 < u1, -ch)) / enclosing
                    h1 += (-w - j1 - part * _when(y1 < v1, -cw)) / enclosing
                    g2 += (h - i2 - part * _when(x2 > u2, ch)) / enclosing
                    h2 += (w - j2 - part * _when(y2 > v2, cw)) / enclosing
                else:
                    sx, sy = (x1 + x2 - u1 - u2) / two, (y1 + y2 - v1 - v2) / two
                    diagonal = cw * cw + ch * ch + eps
                    ratio = (sx * sx + sy * sy) / diagonal
                    value = iou - ratio
                    g1 -= (sx + two * ratio * _when(x1 < u1, cw)) / diagonal
                    h1 -= (sy + two * ratio * _when(y1 < v1, ch)) / diagonal
                    g2 -= (sx - two * ratio * _when(x2 > u2, cw)) / diagonal
                    h2 -= (sy - two * ratio * _when(y2 > v2, ch)) / diagonal
                if metric == 3:
                    turn = math.atan(wb / hb) - math.atan(w / h)
                    v = np.float32(4 / math.pi**2) * turn * turn
                    alpha = v / (one - iou + v + eps)
                    value -= alpha * v
                    slope = alpha * np.float32(8 / math.pi**2) * turn / (w * w + h * h)
                    g1 -= slope * h
                    h1 += slope * w
                    g2 += slope * h
                    h2 -= slope * w
                terms[k] = one - value
                out[4 * k], out[4 * k + 1], out[4 * k + 2], out[4 * k + 3] = g1 * scale, h1 * scale, g2 * scale, h2 * scale
            total += terms[:rows].sum()
        return total / count

    return loss_and_gradient


giou_loss = njit(fastmath=False, error_model="numpy", parallel=parallel)(_loss_over(1))
diou_loss = njit(fastmath=False, error_model="numpy", parallel=parallel)(_loss_over(2))
ciou_loss = njit(fastmath=False, error_model="numpy", parallel=parallel)(_loss_over(3))


@_both_modes("iou_loss")
def iou_loss(data: SimpleNamespace, memory: Callable[..., Any]) -> Run:
    function = {"giou": giou_loss, "diou": diou_loss, "ciou": ciou_loss}[data.metric]

    def run() -> Any:
        gradient = memory(*data.pred.shape)
        return function(data.pred, data.target, data.eps, gradient), gradient

    return run


# ---- Smooth L1 -----------------------------------------------------------------------------------------------------------


@compiled
def smooth_l1_plain(pred, target, gradient):  # type: ignore[no-untyped-def]
    count = len(pred)
    total, scale, one, half = 0.0, np.float32(1.0 / count), np.float32(1), np.float32(0.5)
    for block in prange((count + BLOCK - 1) // BLOCK):
        terms = np.empty(BLOCK, np.float32)
        start = block * BLOCK
        rows = min(BLOCK, count - start)
        for k in range(rows):
            d = pred[start + k] - target[start + k]
            size = abs(d)
            terms[k] = half * d * d if size < one else size - half
            gradient[start + k] = min(max(d, -one), one) * scale
        total += terms[:rows].sum()
    return total / count


@compiled
def smooth_l1_weighted(pred, target, inside, outside, gradient):  # type: ignore[no-untyped-def]
    count = len(pred)
    total, scale, one, half = 0.0, np.float32(1.0 / count), np.float32(1), np.float32(0.5)
    for block in prange((count + BLOCK - 1) // BLOCK):
        terms = np.empty(BLOCK, np.float32)
        start = block * BLOCK
        rows = min(BLOCK, count - start)
        for k in range(rows):
            i = start + k
            d = inside[i] * (pred[i] - target[i])
            size = abs(d)
            terms[k] = outside[i] * (half * d * d if size < one else size - half)
            gradient[i] = min(max(d, -one), one) * inside[i] * outside[i] * scale
        total += terms[:rows].sum()
    return total / count


@_both_modes("smooth_l1")
def smooth_l1(data: SimpleNamespace, memory: Callable[..., Any]) -> Run:
    def run() -> Any:
        gradient = memory(*data.pred.shape)
        if data.inside is None:
            return smooth_l1_plain(data.pred, data.target, gradient), gradient
        return smooth_l1_weighted(data.pred, data.target, data.inside, data.outside, gradient), gradient

    return run


# ---- Deltas --------------------------------------------------------------------------------------------------------------


@compiled
def encode_rows(proposals, targets, stds, out):  # type: ignore[no-untyped-def]
    half = np.float32(0.5)
    s0, s1, s2, s3 = stds
    for i in prange(len(proposals)):
        x1, y1, x2, y2 = proposals[i, 0], proposals[i, 1], proposals[i, 2], proposals[i, 3]
        u1, v1, u2, v2 = targets[i, 0], targets[i, 1], targets[i, 2], targets[i, 3]
        w, h, wt, ht = x2 - x1, y2 - y1, u2 - u1, v2 - v1
        out[i, 0] = half * (u1 + u2 - x1 - x2) / w / s0
        out[i, 1] = half * (v1 + v2 - y1 - y2) / h / s1
        out[i, 2] = math.log(wt / w) / s2
        out[i, 3] = math.log(ht / h) / s3


@compiled
def decode_rows(proposals, deltas, stds, width, height, out):  # type: ignore[no-untyped-def]
    half, limit, zero = np.float32(0.5), np.float32(math.log(1000 / 16)), np.float32(0)
    s0, s1, s2, s3 = stds
    for i in prange(len(proposals)):
        x1, y1, x2, y2 = proposals[i, 0], proposals[i, 1], proposals[i, 2], proposals[i, 3]
        w, h = x2 - x1, y2 - y1
        x, y = x1 + half * w + deltas[i, 0] * s0 * w, y1 + half * h + deltas[i, 1] * s1 * h
        wide = half * math.exp(min(deltas[i, 2] * s2, limit)) * w
        high = half * math.exp(min(deltas[i, 3] * s3, limit)) * h
        out[i, 0] = min(max(x - wide, zero), width)
        out[i, 1] = min(max(y - high, zero), height)
        out[i, 2] = min(max(x + wide, zero), width)
        out[i, 3] = min(max(y + high, zero), height)


@_both_modes("encode")
def encode(data: SimpleNamespace, memory: Callable[..., Any]) -> Run:
    stds = np.array(data.stds, np.float32)

    def run() -> Any:
        out = memory(*data.proposals.shape)
        encode_rows(data.proposals, data.targets, stds, out)
        return out

    return run


@_both_modes("decode")
def decode(data: SimpleNamespace, memory: Callable[..., Any]) -> Run:
    stds, width, height = np.array(data.stds, np.float32), np.float32(data.width), np.float32(data.height)

    def run() -> Any:
        out = memory(*data.proposals.shape)
        decode_rows(data.proposals, data.deltas, stds, width, height, out)
        return out

    return run


# ---- Norms ---------------------------------------------------------------------------------------------------------------

LANES = 16


@compiled
def power_sum(x, p):  # type: ignore[no-untyped-def]
    """Sum of |x|^p for p 1 or 2, in double, in 16 independent sums: one alone would wait for each addition to end."""
    count = len(x)
    span = 1 << 16
    total = 0.0
    for block in prange((count + span - 1) // span):
        start, stop = block * span, min((block + 1) * span, count)
        lanes = np.zeros(LANES)
        whole = start + (stop - start) // LANES * LANES
        if p == 2:
            for i in range(start, whole, LANES):
                for lane in range(LANES):
                    value = np.float64(x[i + lane])
                    lanes[lane] += value * value
        else:
            for i in range(start, whole, LANES):
                for lane in range(LANES):
                    lanes[lane] += abs(np.float64(x[i + lane]))
        rest = 0.0
        for i in range(whole, stop):
            rest += abs(np.float64(x[i])) ** p
        total += lanes.sum() + rest
    return total


@compiled
def largest(x):  # type: ignore[no-untyped-def]
    count = len(x)
    span = 1 << 16
    found = np.float32(0)
    for block in prange((count + span - 1) // span):
        lanes = np.zeros(LANES, np.float32)
        start, stop = block * span, min((block + 1) * span, count)
        whole = start + (stop - start) // LANES * LANES
        for i in range(start, whole, LANES):
            for lane in range(LANES):
                lanes[lane] = max(lanes[lane], abs(x[i + lane]))
        for i in range(whole, stop):
            lanes[0] = max(lanes[0], abs(x[i]))
        found = max(found, lanes.max())
    return found


@compiled
def scale(x, coefficient):  # type: ignore[no-untyped-def]
    for i in prange(len(x)):
        x[i] *= coefficient


def norm_of(x: np.ndarray, p: float) -> float:
    if p == np.inf:
        return float(largest(x))
    total = power_sum(x, int(p))
    return math.sqrt(total) if p == 2 else total


@peer.does("norm", SCALAR)
def norm(data: SimpleNamespace) -> Run:
    if data.values.dtype.itemsize == 2:
        raise NotOffered
    return lambda: norm_of(data.values, data.p)


@peer.does("clip_norm", IN_PLACE)
def clip_norm(data: SimpleNamespace) -> Run:
    gradients, limits = [g.copy() for g in data.gradients], Limits(data)

    def run() -> Any:
        total = np.linalg.norm([norm_of(g, data.p) for g in gradients], data.p)
        coefficient = limits.next() / (total + 1e-6)
        if coefficient < 1:
            for g in gradients:
                scale(g, np.float32(coefficient))
        return total, gradients

    return run
