"""NumPy, as the formulas stand in the papers: whole arrays, fresh temporaries, gradients by the chain rule.

In double precision it is also what every other peer's results are compared with.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
from peer import Limits, NotOffered, Peer, Run, installed
from workloads import IN_PLACE, SCALAR

peer = Peer("NumPy textbook", installed("numpy"))


def columns(boxes: np.ndarray) -> list[np.ndarray]:
    return [boxes[..., k] for k in range(boxes.shape[-1])]


def overlap(a: list[np.ndarray], b: list[np.ndarray], metric: str, eps: float, gradient: bool = True) -> Any:
    """A metric of boxes given as columns that broadcast, and its gradient with respect to a's columns."""
    (x1, y1, x2, y2), (u1, v1, u2, v2) = a, b
    w, h = x2 - x1, y2 - y1
    iw, ih = np.minimum(x2, u2) - np.maximum(x1, u1), np.minimum(y2, v2) - np.maximum(y1, v1)
    iw, ih = np.maximum(iw, 0), np.maximum(ih, 0)
    inter = iw * ih
    union = w * h + (u2 - u1) * (v2 - v1) - inter
    iou = inter / ((w * h if metric == "iof" else union) + eps)
    value = iou
    if metric not in ("iou", "iof"):
        cw, ch = np.maximum(x2, u2) - np.minimum(x1, u1), np.maximum(y2, v2) - np.minimum(y1, v1)
    if metric == "giou":
        enclosing = cw * ch
        value = iou - (enclosing - union) / (enclosing + eps)
    if metric in ("diou", "ciou"):
        sx, sy = (x1 + x2 - u1 - u2) / 2, (y1 + y2 - v1 - v2) / 2
        distance, diagonal = sx * sx + sy * sy, cw * cw + ch * ch + eps
        value = iou - distance / diagonal
    if metric == "ciou":
        turn = np.arctan((u2 - u1) / (v2 - v1)) - np.arctan(w / h)
        v = 4 / math.pi**2 * turn * turn
        alpha = v / (1 - iou + v + eps)
        value = value - alpha * v
    if not gradient:
        return value
    if metric == "iof":
        raise NotImplementedError("its gradient, which no workload asks for")

    meets = (iw > 0) & (ih > 0)
    d_inter = [-ih * (meets & (x1 > u1)), -iw * (meets & (y1 > v1)), ih * (meets & (x2 < u2)), iw * (meets & (y2 < v2))]
    d_area = [-h, -w, h, w]
    d_union = [da - di for da, di in zip(d_area, d_inter)]
    grads = [(di - iou * du) / (union + eps) for di, du in zip(d_inter, d_union)]
    if metric != "iou":
        reaches = [x1 < u1, y1 < v1, x2 > u2, y2 > v2]
    if metric == "giou":
        d_enclosing = [side * reach for side, reach in zip((-ch, -cw, ch, cw), reaches)]
        ratio = (enclosing - union) / (enclosing + eps)
        grads = [g - (dc - du - ratio * dc) / (enclosing + eps) for g, dc, du in zip(grads, d_enclosing, d_union)]
    if metric in ("diou", "ciou"):
        d_diagonal = [2 * side * reach for side, reach in zip((-cw, -ch, cw, ch), reaches)]
        ratio = distance / diagonal
        grads = [g - (dd - ratio * dq) / diagonal for g, dd, dq in zip(grads, (sx, sy, sx, sy), d_diagonal)]
    if metric == "ciou":
        slope = alpha * (8 / math.pi**2) * turn / (w * w + h * h)
        grads = [g + t for g, t in zip(grads, (-slope * h, slope * w, slope * h, -slope * w))]
    return value, np.stack(grads, axis=-1)


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    return lambda: overlap(columns(data.a[:, None]), columns(data.b), data.metric, 0.0, gradient=False)


@peer.does("pairwise_grad")
def pairwise_grad(data: SimpleNamespace) -> Run:
    def one_side(a: np.ndarray, b: np.ndarray, upstream: np.ndarray) -> np.ndarray:
        gradient = overlap(columns(a[:, None]), columns(b), data.metric, 0.0)[1]
        return (gradient * upstream[..., None]).sum(axis=1)

    # The metric is symmetric: the other side's gradient is this one's with the sides exchanged.
    return lambda: (one_side(data.a, data.b, data.upstream), one_side(data.b, data.a, data.upstream.T))


@peer.does("iou_loss")
def iou_loss(data: SimpleNamespace) -> Run:
    def run() -> Any:
        value, gradient = overlap(columns(data.pred), columns(data.target), data.metric, data.eps)
        return (1 - value).mean(), gradient * (-1 / len(value))

    return run


@peer.does("box_loss")
def box_loss(data: SimpleNamespace) -> Run:
    def run() -> Any:
        iou, gradient = overlap(columns(data.pred), columns(data.target), "iou", data.eps)
        value, gradient = 1 - iou, -gradient
        p, t = data.pred, data.target
        around = [np.maximum(p[:, k + 2], t[:, k + 2]) - np.minimum(p[:, k], t[:, k]) for k in (0, 1)]
        shifts = [(p[:, k] + p[:, k + 2] - t[:, k] - t[:, k + 2]) / 2 for k in (0, 1)]
        diagonal = around[0] ** 2 + around[1] ** 2 + data.eps
        distance = (shifts[0] ** 2 + shifts[1] ** 2) / diagonal
        for k in (0, 1):
            unlike, square = (p[:, k + 2] - p[:, k]) - (t[:, k + 2] - t[:, k]), around[k] ** 2 + data.eps
            by_side = 2 * around[k] * (distance / diagonal + unlike**2 / square**2)
            gradient[:, k] += shifts[k] / diagonal - 2 * unlike / square + by_side * (p[:, k] < t[:, k])
            gradient[:, k + 2] += shifts[k] / diagonal + 2 * unlike / square - by_side * (p[:, k + 2] > t[:, k + 2])
            value = value + unlike**2 / square
        return (value + distance).mean(), gradient / len(value)

    return run


class Outline:
    """The edges of rotated boxes, degrees counter-clockwise, and how much of them lies within other boxes: what bounds the area in common."""

    def __init__(self, boxes: np.ndarray, others: np.ndarray) -> None:
        x, y, w, h, angle = columns(boxes)
        other_x, other_y, other_w, other_h, other_angle = columns(others)
        turn, other_turn = np.radians(-angle), np.radians(-other_angle)
        self.edges = []
        for k, (across, along) in enumerate(((w, h), (h, w), (w, h), (h, w))):
            normal = turn + k * np.pi / 2
            nx, ny = np.cos(normal), np.sin(normal)
            low, high = -along / 2, along / 2
            for j, extent in enumerate((other_w, other_h, other_w, other_h)):
                side = other_turn + j * np.pi / 2
                sx, sy = np.cos(side), np.sin(side)
                # The distance from the other's side, inwards, of the edge's middle, and how it changes along the edge.
                inside = extent / 2 - ((x + nx * across / 2 - other_x) * sx + (y + ny * across / 2 - other_y) * sy)
                slope = ny * sx - nx * sy
                end = -inside / slope
                low, high = np.where(slope > 0, np.maximum(low, end), low), np.where(slope < 0, np.minimum(high, end), high)
            length = np.maximum(high - low, 0)
            self.edges.append((nx, ny, across / 2, length, length * (low + high) / 2))
        self.x, self.y = x, y

    def area(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Its part of the area, as a sum of triangles with the point (x, y)."""
        return sum(length * ((self.x - x) * nx + (self.y - y) * ny + reach) / 2 for nx, ny, reach, length, _ in self.edges)

    def gradient(self) -> list[np.ndarray]:
        """Of the area in common, by the numbers of the boxes."""
        lengths = [length for *_, length, _ in self.edges]
        by_x, by_y = (sum(edge[axis] * edge[3] for edge in self.edges) for axis in (0, 1))
        turning = np.radians(sum(moment for *_, moment in self.edges))
        return [by_x, by_y, (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2, turning]


def rotated_areas(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Outline, Outline]:
    ours, theirs = Outline(a, b), Outline(b, a)
    x, y = ours.x, ours.y
    return ours.area(x, y) + theirs.area(x, y), ours, theirs


@peer.does("rotated")
def rotated(data: SimpleNamespace) -> Run:
    def run() -> Any:
        a, b = data.a.astype(float)[:, None], data.b.astype(float)
        inter = rotated_areas(a, b)[0]
        return inter / (a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - inter)

    return run


@peer.does("rotated_loss")
def rotated_loss(data: SimpleNamespace) -> Run:
    def run() -> Any:
        pred, target = data.pred.astype(float), data.target.astype(float)
        inter, *outlines = rotated_areas(pred, target)
        union = pred[:, 2] * pred[:, 3] + target[:, 2] * target[:, 3] - inter
        iou, gradients = inter / union, []
        for boxes, outline in zip((pred, target), outlines):
            shared = np.stack(outline.gradient(), axis=1)
            own = np.zeros_like(boxes)
            own[:, 2], own[:, 3] = boxes[:, 3], boxes[:, 2]
            gradients.append((iou[:, None] * (own - shared) - shared) / union[:, None] / len(boxes))
        return (1 - iou).mean(), *gradients

    return run


@peer.does("gaussian_loss")
def gaussian_loss(data: SimpleNamespace) -> Run:
    """1 - 1 / (1 + log(1 + sqrt(KLD))), with the matrix of the target along the sides of the prediction."""

    def run() -> Any:
        pred, target = data.pred.astype(float), data.target.astype(float)
        (x, y, w, h, angle), (tx, ty, tw, th, turned) = columns(pred), columns(target)
        angle, turned = np.radians(-angle), np.radians(-turned)
        c, s = np.cos(angle), np.sin(angle)
        u, v = c * (x - tx) + s * (y - ty), c * (y - ty) - s * (x - tx)
        cos, sin = np.cos(turned - angle), np.sin(turned - angle)
        along, across = (tw * cos) ** 2 + (th * sin) ** 2, (tw * sin) ** 2 + (th * cos) ** 2
        distance = 2 * ((u / w) ** 2 + (v / h) ** 2) + (along / w**2 + across / h**2) / 2 + np.log(w * h / (tw * th)) - 1
        root = np.sqrt(distance)
        f = np.log1p(root)
        slope = 1 / (2 * root * (1 + root) * (1 + f) ** 2 * len(pred))
        by_u, by_v = 4 * u / w**2, 4 * v / h**2
        turn = cos * sin * (tw**2 - th**2) * (1 / w**2 - 1 / h**2)
        by_x, by_y = c * by_u - s * by_v, s * by_u + c * by_v
        of_pred = by_x, by_y, (1 - (4 * u**2 + along) / w**2) / w, (1 - (4 * v**2 + across) / h**2) / h, np.radians(-(by_u * v - by_v * u + turn))
        by_w = tw * ((cos / w) ** 2 + (sin / h) ** 2) - 1 / tw
        by_h = th * ((sin / w) ** 2 + (cos / h) ** 2) - 1 / th
        of_target = -by_x, -by_y, by_w, by_h, np.radians(turn)
        return (1 - 1 / (1 + f)).mean(), *(np.stack(g, axis=1) * slope[:, None] for g in (of_pred, of_target))

    return run


@peer.does("smooth_l1")
def smooth_l1(data: SimpleNamespace) -> Run:
    def run() -> Any:
        d = data.pred - data.target
        if data.inside is not None:
            d = d * data.inside
        size = np.abs(d)
        loss = np.where(size < 1, 0.5 * d * d, size - 0.5)
        gradient = np.clip(d, -1, 1) * (1 / len(d))
        if data.inside is not None:
            loss, gradient = loss * data.outside, gradient * data.inside * data.outside
        return loss.mean(), gradient

    return run


@peer.does("balanced_l1")
def balanced_l1(data: SimpleNamespace) -> Run:
    b = math.exp(3) - 1

    def run() -> Any:
        d = data.pred - data.target
        size = np.abs(d)
        logarithm = np.log1p(b * size)
        loss = np.where(size < 1, 0.5 * ((size + 1 / b) * logarithm - size), 1.5 * size + (1.5 / b - 0.5))
        return loss.mean(), np.sign(d) * np.where(size < 1, 0.5 * logarithm, 1.5) * (1 / len(d))

    return run


@peer.does("focal")
def focal(data: SimpleNamespace) -> Run:
    def run() -> Any:
        rows, lower = np.arange(len(data.target)), data.target.astype(int)
        share = data.target - lower
        shifted = data.logits - data.logits.max(axis=1, keepdims=True)
        gradient = np.exp(shifted)
        total = gradient.sum(axis=1)
        loss = np.log(total) - (1 - share) * shifted[rows, lower] - share * shifted[rows, lower + 1]
        gradient /= total[:, None]
        gradient[rows, lower] -= 1 - share
        gradient[rows, lower + 1] -= share
        return loss.mean(), gradient * (1 / len(rows))

    return run


def _centres(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, :2] + size / 2, size


@peer.does("encode")
def encode(data: SimpleNamespace) -> Run:
    stds = np.array(data.stds, data.proposals.dtype)

    def run() -> Any:
        (centre, size), (target_centre, target_size) = _centres(data.proposals), _centres(data.targets)
        return np.hstack([(target_centre - centre) / size, np.log(target_size / size)]) / stds

    return run


@peer.does("rotated_encode")
def rotated_encode(data: SimpleNamespace) -> Run:
    """Along the sides of the target, which is the proposal, with the sides exchanged that make the turn smaller."""

    def run() -> Any:
        (px, py, pw, ph, angle), (x, y, w, h, turned) = columns(data.target.astype(float)), columns(data.pred.astype(float))
        c, s = np.cos(np.radians(angle)), -np.sin(np.radians(angle))
        turn, other = (np.mod(turned - angle + more + 90, 180) - 90 for more in (0, 90))
        stays = abs(turn) < abs(other)
        w, h = np.where(stays, w, h), np.where(stays, h, w)
        u, v = c * (x - px) + s * (y - py), c * (y - py) - s * (x - px)
        return np.stack([u / pw, v / ph, np.log(w / pw), np.log(h / ph), np.radians(np.where(stays, turn, other))], axis=1)

    return run


@peer.does("distances")
def distances(data: SimpleNamespace) -> Run:
    return lambda: np.hstack([data.points - data.boxes[:, :2], data.boxes[:, 2:] - data.points])


@peer.does("yolo")
def yolo(data: SimpleNamespace) -> Run:
    def run() -> Any:
        centre, size = _centres(data.proposals)
        twice = 2 / (1 + np.exp(-data.deltas))
        centre = centre + (twice[:, :2] - 1) * data.strides[:, None]
        half = twice[:, 2:] ** 2 * size / 2
        return np.hstack([centre - half, centre + half])

    return run


def _samples(low: float, high: float, size: int, data: SimpleNamespace) -> list[Any]:
    """The features that a box from low to high covers along an axis, and the matrix of their weights in each bin; then the slopes of the weights
    for low and for high."""
    bins, samples = data.size, data.samples
    part = (np.arange(bins * samples) + 0.5) / (bins * samples)
    is_short = high - low < 1
    at = low + part * max(high - low, 1)
    place = np.clip(at, 0, size - 1)
    first = np.minimum(place.astype(int), size - 2)
    weights, slopes = np.zeros((2, bins * samples, size))
    index, counts = np.arange(bins * samples), (at >= -1) & (at <= size)
    moves = counts & (at >= 0) & (at < size - 1)
    weights[index, first], weights[index, first + 1] = (1 - place + first) * counts, (place - first) * counts
    slopes[index, first], slopes[index, first + 1] = -1.0 * moves, 1.0 * moves
    used = np.flatnonzero(weights.any(0))
    window = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
    low_part, high_part = (np.ones_like(part), 0 * part) if is_short else (1 - part, part)
    matrices = weights, slopes * low_part[:, None], slopes * high_part[:, None]
    return [window, *(x.reshape(bins, samples, size).mean(1)[:, window] for x in matrices)]


def _windows(data: SimpleNamespace) -> Any:
    """The samples of each box along y and x, and the features that they are taken from."""
    height, width = data.features.shape[2:]
    for image, x1, y1, x2, y2 in data.boxes / [1, *[data.stride] * 4]:
        y, x = _samples(y1, y2, height, data), _samples(x1, x2, width, data)
        yield y, x, (int(image), slice(None), y[0], x[0])


@peer.does("roi_align")
def roi_align(data: SimpleNamespace) -> Run:
    """Two small matrices for each box, of rows and of columns."""
    return lambda: np.stack([y[1] @ data.features[window] @ x[1].T for y, x, window in _windows(data)])


@peer.does("roi_align_grad")
def roi_align_grad(data: SimpleNamespace) -> Run:
    def of_features() -> Any:
        gradient = np.zeros_like(data.features)
        for (y, x, window), upstream in zip(_windows(data), data.upstream):
            gradient[window] += y[1].T @ upstream @ x[1]
        return gradient

    def of_boxes() -> Any:
        gradient = np.zeros_like(data.boxes)
        for row, (y, x, window), upstream in zip(gradient, _windows(data), data.upstream):
            features = data.features[window]
            for k, (rows, columns) in enumerate([(y[1], x[2]), (y[2], x[1]), (y[1], x[3]), (y[3], x[1])]):
                row[1 + k] = np.sum(upstream * (rows @ features @ columns.T)) / data.stride
        return gradient

    return of_features if data.wanted == "features" else of_boxes


@peer.does("decode")
def decode(data: SimpleNamespace) -> Run:
    stds = np.array(data.stds, data.proposals.dtype)
    limit = np.array([data.width, data.height] * 2, data.proposals.dtype)

    def run() -> Any:
        centre, size = _centres(data.proposals)
        d = data.deltas * stds
        centre = centre + d[:, :2] * size
        half = np.exp(np.minimum(d[:, 2:], math.log(1000 / 16))) * size / 2
        return np.clip(np.hstack([centre - half, centre + half]), 0, limit)

    return run


def norm_of(x: np.ndarray, p: float) -> Any:
    if x.dtype.itemsize == 2:
        x = x.astype(np.float32)
    if p == 2:
        return math.sqrt(np.dot(x, x))
    return np.abs(x).sum() if p == 1 else np.abs(x).max()


@peer.does("norm", SCALAR, tolerance=1e-2, note="sums in single precision")
def norm(data: SimpleNamespace) -> Run:
    return lambda: norm_of(data.values, data.p)


@peer.does("clip_norm", IN_PLACE)
def clip_norm(data: SimpleNamespace) -> Run:
    gradients, limits = [g.copy() for g in data.gradients], Limits(data)

    def run() -> Any:
        total = norm_of(np.array([norm_of(g, data.p) for g in gradients]), data.p)
        coefficient = limits.next() / (total + 1e-6)
        if coefficient < 1:
            for g in gradients:
                g *= coefficient
        return total, gradients

    return run


@peer.does("nms")
def nms(data: SimpleNamespace) -> Run:
    if len(data.boxes) > 20_000 and data.boxes.dtype == np.float32:
        raise NotOffered("takes a minute, which only the reference is worth")

    def of_class(left: np.ndarray) -> list[int]:
        keep = []
        while len(left):
            best, left = left[0], left[1:]
            keep.append(best)
            left = left[overlap(columns(data.boxes[best]), columns(data.boxes[left]), "iou", 0.0, gradient=False) <= data.threshold]
        return keep

    def run() -> np.ndarray:
        order = np.argsort(-data.scores, kind="stable")
        if data.classes is None:
            return np.array(of_class(order))
        keep = np.concatenate([of_class(order[data.classes[order] == one]) for one in np.unique(data.classes)])
        return keep[np.argsort(-data.scores[keep], kind="stable")]

    return run


@peer.does("rotated_nms")
def rotated_nms(data: SimpleNamespace) -> Run:
    boxes = data.boxes.astype(float)
    areas, reach = boxes[:, 2] * boxes[:, 3], np.hypot(boxes[:, 2], boxes[:, 3]) / 2

    def run() -> np.ndarray:
        keep, left = [], np.argsort(-data.scores, kind="stable")
        while len(left):
            best, left = left[0], left[1:]
            keep.append(best)
            near = np.hypot(*(boxes[left, :2] - boxes[best, :2]).T) < reach[left] + reach[best]
            inter = rotated_areas(boxes[left[near]], boxes[best : best + 1])[0]
            near[near] = inter > data.threshold * (areas[left[near]] + areas[best] - inter)
            left = left[~near]
        return np.array(keep)

    return run


@peer.does("match")
def match(data: SimpleNamespace) -> Run:
    def run() -> tuple[np.ndarray, np.ndarray]:
        truths = columns(data.truths[:, None])
        quality = overlap(truths, columns(data.proposals), "iou", 0.0, gradient=False)
        nearest, best = quality.argmax(axis=0), quality.max(axis=0)
        matches = np.where(best < data.low, -1, np.where(best < data.high, -2, nearest))
        rescued = ((quality == quality.max(axis=1, keepdims=True)) & (quality > 0)).any(axis=0)
        return np.where(rescued, nearest, matches), best

    return run
