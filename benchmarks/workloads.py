"""The table of workloads: what is computed, on what data, how many bytes it must move, and how exact a result must be.

A workload names a task, and peers (peers/*.py) offer tasks. What each task returns, and what it is given:

    pairwise       a, b, metric                    -> matrix
    pairwise_grad  a, b, metric, upstream          -> gradient of a, gradient of b
    iou_loss       pred, target, metric, eps       -> mean loss, its gradient with respect to pred
    box_loss       pred, target, eps               -> mean EIoU loss, its gradient with respect to pred
    rotated        a, b                            -> matrix of IoU of rotated boxes
    rotated_loss   pred, target                    -> mean 1 - IoU of rotated boxes, its gradients with respect to both
    gaussian_loss  pred, target                    -> mean KLD loss of rotated boxes, its gradients with respect to both
    smooth_l1      pred, target, inside, outside   -> mean loss (sigma 1), its gradient with respect to pred; the weights may be None
    balanced_l1    pred, target                    -> mean loss, its gradient with respect to pred
    focal          logits, target                  -> mean distribution focal loss, its gradient with respect to logits
    rotated_encode pred, target                    -> deltas of rotated boxes
    encode         proposals, targets, stds        -> deltas
    decode         proposals, deltas, stds, width, height -> boxes, clipped to the image
    distances      points, boxes                   -> distances of each point to the sides of its box
    yolo           proposals, deltas, strides      -> boxes
    roi_align      features, boxes, size, stride, samples -> pooled features
    roi_align_grad the same, wanted, upstream      -> gradient of the features, or of the boxes
    clip_norm      gradients, p, clips             -> total norm; the gradients, scaled in place if `clips`
    norm           values, p                       -> norm
    nms            boxes, scores, classes, threshold -> indices of the boxes that stay; the classes may be None
    rotated_nms    boxes, scores, threshold        -> indices of the rotated boxes that stay
    match          proposals, truths, high, low    -> matches, with low-quality ones, and best overlaps
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Sequence

import numpy as np

FRESH, REUSED, IN_PLACE, SCALAR = "fresh", "reused", "in place", "scalar"
"""Where the results go: into memory that the call allocates, into memory it is given, into its input, or nowhere."""

STDS = (0.1, 0.1, 0.2, 0.2)
WIDTH, HEIGHT = 1333, 800


@dataclass(frozen=True)
class Output:
    """How one result is compared: the error |x - reference| is divided by `scale`, and must be at most `tolerance` everywhere.

    scale: "one", "value" (the reference itself), "row" (the largest of the reference's row: of a box's gradient).
    """

    scale: str
    tolerance: float


@dataclass(frozen=True)
class Workload:
    name: str
    task: str
    unit: str  # what is counted
    items: int
    bytes: int  # each input read once and each output written once, per pass the task cannot do without
    outputs: tuple[Output, ...]
    make: Callable[[], SimpleNamespace]
    modes: tuple[str, ...] = (FRESH, REUSED)
    divided: bool = True  # whether more threads may change anything


# ---- Data: the same in every process -------------------------------------------------------------------------------------


def boxes(count: int, seed: int) -> np.ndarray:
    """Boxes of 8 to 400 pixels about centres in an image. Some reach beyond it."""
    random = np.random.default_rng(seed)
    size = np.exp(random.uniform(np.log(8), np.log(400), (count, 2)))
    centre = random.uniform(0, (WIDTH, HEIGHT), (count, 2))
    return np.hstack([centre - size / 2, centre + size / 2]).astype(np.float32)


def rotated_boxes(count: int, seed: int) -> np.ndarray:
    """The same boxes, cx, cy, w, h, turned by any angle in degrees."""
    corners, angle = boxes(count, seed), np.random.default_rng(seed).uniform(-180, 180, (count, 1))
    rows = np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2], angle])
    return np.ascontiguousarray(rows, np.float32)


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and their targets: most overlap, one in eight is apart."""
    pred, random = boxes(count, 1), np.random.default_rng(2)
    size = pred[:, 2:] - pred[:, :2]
    target = pred + np.hstack([size, size]) * random.uniform(-0.3, 0.3, (count, 4))
    target[::8] += 450
    target = target.astype(np.float32)
    # No ties of max or min: how a gradient is shared there is a matter of convention.
    return pred, np.where(target == pred, np.nextafter(target, np.float32(np.inf)), target)


def values(count: int, dtype: str = "float32", scale: float = 1.0) -> np.ndarray:
    """Normally distributed values: as many as fit a megabyte, repeated."""
    block = (scale * np.random.default_rng(3).standard_normal(1 << 18)).astype(np.float32)
    return np.resize(block, count).astype(_dtype(dtype))


def _dtype(name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes

        return ml_dtypes.bfloat16
    return name


def detector_sizes() -> list[int]:
    """How many parameters the 189 tensors of torchvision's fasterrcnn_resnet50_fpn have, batch norm included and nothing frozen."""
    sizes = [64 * 3 * 49, 64, 64]
    inner = 64
    for width, blocks in (64, 3), (128, 4), (256, 6), (512, 3):
        for block in range(blocks):
            for convolution in (inner * width, width), (width * width * 9, width), (width * 4 * width, 4 * width):
                sizes += [convolution[0], convolution[1], convolution[1]]
            if block == 0:
                sizes += [inner * 4 * width, 4 * width, 4 * width]
            inner = 4 * width
    for level in 256, 512, 1024, 2048:  # the pyramid: lateral and output convolutions
        sizes += [level * 256, 256, 256 * 256 * 9, 256]
    sizes += [256 * 256 * 9, 256, 256 * 3, 3, 256 * 12, 12]  # proposals
    sizes += [256 * 49 * 1024, 1024, 1024 * 1024, 1024, 1024 * 91, 91, 1024 * 364, 364]  # heads
    return sizes


# ---- Workloads -----------------------------------------------------------------------------------------------------------


def _title(metric: str) -> str:
    return metric.upper().replace("IO", "Io")


def _pairwise(metric: str, n: int, m: int) -> Workload:
    def make() -> SimpleNamespace:
        return SimpleNamespace(a=boxes(n, 1), b=boxes(m, 2), metric=metric)

    name = f"pairwise {_title(metric)} {n} x {m}"
    return Workload(name, "pairwise", "pairs", n * m, 4 * n * m + 16 * (n + m), (Output("one", 1e-5),), make)


def _pairwise_grad(metric: str, n: int, m: int) -> Workload:
    def make() -> SimpleNamespace:
        upstream = values(n * m).reshape(n, m)
        return SimpleNamespace(a=boxes(n, 1), b=boxes(m, 2), metric=metric, upstream=upstream)

    name = f"pairwise {_title(metric)} gradient {n} x {m}"
    exact = Output("row", 1e-4)
    return Workload(name, "pairwise_grad", "pairs", n * m, 4 * n * m + 32 * (n + m), (exact, exact), make)


def _iou_loss(metric: str, n: int) -> Workload:
    def make() -> SimpleNamespace:
        pred, target = pairs(n)
        return SimpleNamespace(pred=pred, target=target, metric=metric, eps=1e-7)

    name = f"{_title(metric)} loss and gradient, {_count(n)} boxes"
    return Workload(name, "iou_loss", "boxes", n, 48 * n, (Output("value", 1e-5), Output("row", 2e-3)), make)


def _box_loss(n: int) -> Workload:
    def make() -> SimpleNamespace:
        pred, target = pairs(n)
        return SimpleNamespace(pred=pred, target=target, eps=1e-7)

    name = f"EIoU loss and gradient, {_count(n)} boxes"
    return Workload(name, "box_loss", "boxes", n, 48 * n, (Output("value", 1e-5), Output("row", 2e-3)), make)


def _rotated(n: int, m: int) -> Workload:
    def make() -> SimpleNamespace:
        return SimpleNamespace(a=rotated_boxes(n, 1), b=rotated_boxes(m, 2))

    return Workload(f"pairwise rotated IoU {n} x {m}", "rotated", "pairs", n * m, 4 * n * m + 20 * (n + m), (Output("one", 1e-5),), make)


def _rotated_loss(n: int) -> Workload:
    def make() -> SimpleNamespace:
        pred, random = rotated_boxes(n, 1), np.random.default_rng(2)
        moves = random.uniform(-0.2, 0.2, (n, 5)) * np.hstack([pred[:, 2:4], pred[:, 2:4], np.full((n, 1), 60)])
        return SimpleNamespace(pred=pred, target=(pred + moves).astype(np.float32))

    exact = Output("row", 2e-3)
    return Workload(f"rotated IoU loss and gradients, {_count(n)} boxes", "rotated_loss", "boxes", n, 80 * n, (Output("value", 1e-5), exact, exact), make)


def _gaussian_loss(n: int) -> Workload:
    exact = Output("row", 2e-3)
    outputs = Output("value", 1e-5), exact, exact
    return Workload(f"KLD loss and gradients, {_count(n)} boxes", "gaussian_loss", "boxes", n, 80 * n, outputs, _rotated_loss(n).make)


def _smooth_l1(n: int, weighted: bool) -> Workload:
    def make() -> SimpleNamespace:
        random = np.random.default_rng(4)
        inside, outside = random.uniform(0, 2, (2, n)).astype(np.float32) if weighted else (None, None)
        return SimpleNamespace(pred=values(n), target=values(n)[::-1].copy(), inside=inside, outside=outside)

    name = f"smooth L1{', weighted,' if weighted else ''} and gradient, {_count(n)}"
    moved = (20 if weighted else 12) * n
    return Workload(name, "smooth_l1", "elements", n, moved, (Output("value", 1e-5), Output("one", 1e-5 / n)), make)


def _balanced_l1(n: int) -> Workload:
    def make() -> SimpleNamespace:
        return SimpleNamespace(pred=values(n), target=values(n)[::-1].copy())

    outputs = Output("value", 1e-5), Output("one", 1e-5 / n)
    return Workload(f"balanced L1 and gradient, {_count(n)}", "balanced_l1", "elements", n, 12 * n, outputs, make)


def _focal(n: int, bins: int = 16) -> Workload:
    def make() -> SimpleNamespace:
        target = np.random.default_rng(6).uniform(0, bins - 1.02, n).astype(np.float32)
        return SimpleNamespace(logits=values(n * bins).reshape(n, bins), target=target)

    outputs = Output("value", 1e-5), Output("one", 1e-5 / n)
    name = f"distribution focal loss and gradient, {_count(n)} rows of {bins} bins"
    return Workload(name, "focal", "bins", n * bins, 8 * n * bins + 4 * n, outputs, make)


def _encode(n: int) -> Workload:
    def make() -> SimpleNamespace:
        proposals, targets = pairs(n)
        return SimpleNamespace(proposals=proposals, targets=targets, stds=STDS)

    return Workload(f"delta encode, {_count(n)} boxes", "encode", "boxes", n, 48 * n, (Output("one", 1e-3),), make)


def _rotated_encode(n: int) -> Workload:
    return Workload(f"rotated encode, {_count(n)} boxes", "rotated_encode", "boxes", n, 60 * n, (Output("row", 1e-3),), _rotated_loss(n).make)


def _decode(n: int) -> Workload:
    def make() -> SimpleNamespace:
        deltas = values(4 * n).reshape(n, 4)
        return SimpleNamespace(proposals=boxes(n, 1), deltas=deltas, stds=STDS, width=WIDTH, height=HEIGHT)

    return Workload(f"delta decode and clip, {_count(n)} boxes", "decode", "boxes", n, 48 * n, (Output("one", 1e-2),), make)


def _distances(n: int) -> Workload:
    def make() -> SimpleNamespace:
        points, targets = pairs(n)
        return SimpleNamespace(points=points[:, :2].copy(), boxes=targets)

    return Workload(f"point distances, {_count(n)} boxes", "distances", "boxes", n, 40 * n, (Output("one", 1e-3),), make)


def _yolo(n: int) -> Workload:
    def make() -> SimpleNamespace:
        return SimpleNamespace(proposals=boxes(n, 1), deltas=values(4 * n).reshape(n, 4), strides=np.full(n, 8, np.float32))

    return Workload(f"YOLO decode, {_count(n)} boxes", "yolo", "boxes", n, 52 * n, (Output("one", 1e-2),), make)


def _roi_align(n: int, wanted: str = "") -> Workload:
    channels, stride, size = 256, 8, 7
    height, width = HEIGHT // stride, WIDTH // stride
    features, pooled = channels * height * width, channels * size * size * n

    def make() -> SimpleNamespace:
        rows, given = np.hstack([np.zeros((n, 1), np.float32), boxes(n, 1)]), values(features + pooled)
        return SimpleNamespace(
            features=given[:features].reshape(1, channels, height, width), boxes=rows, size=size, stride=stride, samples=2, wanted=wanted,
            upstream=given[features:].reshape(n, channels, size, size))  # fmt: skip

    task, title = ("roi_align_grad", f"gradient of RoIAlign for the {wanted}") if wanted else ("roi_align", "RoIAlign")
    output = Output("row", 1e-3) if wanted == "boxes" else Output("one", 1e-3)
    return Workload(f"{title}, {_count(n)} boxes", task, "numbers", pooled, 4 * (features + pooled), (output,), make)


def _clip_norm(p: float, clips: bool, scale: float) -> Workload:
    sizes = [max(1, round(size * scale)) for size in detector_sizes()]
    n = sum(sizes)

    def make() -> SimpleNamespace:
        gradients = np.split(values(n, scale=0.01), np.cumsum(sizes)[:-1])
        return SimpleNamespace(gradients=gradients, p=p, clips=clips)

    name = f"clip_grad_norm L{p:g}, {_count(n)} in {len(sizes)} tensors{'' if clips else ', below the limit'}"
    moved = (12 if clips else 4) * n
    outputs = (Output("value", 1e-4),) * (1 + len(sizes))
    return Workload(name, "clip_norm", "elements", n, moved, outputs, make, (IN_PLACE,))


def _norm(p: float, n: int, dtype: str = "float32") -> Workload:
    size = 4 if dtype == "float32" else 2
    name = f"norm L{p:g}, {_count(n)}{'' if dtype == 'float32' else ' ' + dtype}"

    def make() -> SimpleNamespace:
        return SimpleNamespace(values=values(n, dtype), p=p)

    return Workload(name, "norm", "elements", n, size * n, (Output("value", 1e-4),), make, (SCALAR,))


def clusters(n: int) -> np.ndarray:
    """Ten boxes around each of n / 10 centres, of which nms keeps one or two."""
    random = np.random.default_rng(5)
    centre = np.repeat(random.uniform(0, 20 * np.sqrt(n), (n // 10 + 1, 2)), 10, axis=0)[:n] + random.normal(0, 2, (n, 2))
    size = np.repeat(random.uniform(20, 60, (n // 10 + 1, 2)), 10, axis=0)[:n] * np.exp(random.normal(0, 0.1, (n, 2)))
    return np.hstack([centre - size / 2, centre + size / 2]).astype(np.float32)


def rotated_clusters(n: int) -> np.ndarray:
    """The same boxes, cx, cy, w, h, those of a centre turned by nearly the same angle in degrees."""
    random, corners = np.random.default_rng(8), clusters(n)
    angle = np.repeat(random.uniform(-180, 180, (n // 10 + 1, 1)), 10, axis=0)[:n] + random.normal(0, 3, (n, 1))
    return np.hstack([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2], angle]).astype(np.float32)


def _nms(n: int, classes: int = 1) -> Workload:
    def make() -> SimpleNamespace:
        random = np.random.default_rng(6)
        scores = random.permutation(n).astype(np.float32) / np.float32(2**24)
        return SimpleNamespace(
            boxes=clusters(n), scores=scores, classes=random.integers(0, classes, n) if classes > 1 else None, threshold=0.5
        )

    name = f"nms, {_count(n)} boxes{f' of {classes} classes' if classes > 1 else ''}"
    return Workload(name, "nms", "boxes", n, 20 * n, (Output("one", 0.0),), make, (FRESH,), divided=False)


def _rotated_nms(n: int) -> Workload:
    def make() -> SimpleNamespace:
        scores = np.random.default_rng(6).permutation(n).astype(np.float32) / np.float32(2**24)
        return SimpleNamespace(boxes=rotated_clusters(n), scores=scores, threshold=0.5)

    return Workload(f"rotated nms, {_count(n)} boxes", "rotated_nms", "boxes", n, 24 * n, (Output("one", 0.0),), make, (FRESH,), divided=False)


def _match(n: int, m: int) -> Workload:
    def make() -> SimpleNamespace:
        """Each truth overlaps a proposal: torchvision matches every proposal with one that overlaps none."""
        random, proposals = np.random.default_rng(2), boxes(n, 1)
        truths = proposals[random.integers(0, n, m)]
        truths += np.tile((truths[:, 2:] - truths[:, :2]) * random.uniform(-0.1, 0.1, (m, 2)).astype(np.float32), 2)
        return SimpleNamespace(proposals=proposals, truths=truths, high=0.7, low=0.3)

    outputs = Output("one", 0.0), Output("one", 1e-5)
    return Workload(f"match {_count(n)} x {m}", "match", "pairs", n * m, 28 * n, outputs, make, (FRESH,))


def _count(n: int) -> str:
    return f"{n / 1e6:.3g} M" if n >= 1e5 else str(n)


def table(scale: float = 1.0) -> Sequence[Workload]:
    """All workloads. `scale` shrinks them, for tests of the harness itself."""

    def size(n: int) -> int:
        return max(4, round(n * scale))

    million = size(1_000_000)
    return (
        _pairwise("iou", 10, 10),
        _pairwise("iou", size(1000), size(1000)),
        _pairwise("iou", size(5000), size(5000)),
        _pairwise("iou", size(100_000), 20),
        _pairwise("iof", size(1000), size(1000)),
        _pairwise("giou", size(1000), size(1000)),
        _pairwise("giou", size(5000), size(5000)),
        _pairwise_grad("giou", size(1000), size(1000)),
        _iou_loss("giou", 10),
        _iou_loss("giou", 4096),
        _iou_loss("giou", million),
        _iou_loss("diou", million),
        _iou_loss("ciou", million),
        _box_loss(million),
        _rotated(size(1000), size(1000)),
        _rotated_loss(million),
        _gaussian_loss(million),
        _smooth_l1(4 * million, weighted=False),
        _smooth_l1(4 * million, weighted=True),
        _balanced_l1(4 * million),
        _focal(million // 4),
        _encode(million),
        _rotated_encode(million),
        _decode(million),
        _distances(million),
        _yolo(million),
        *(_roi_align(size(1000), wanted) for wanted in ("", "features", "boxes")),
        _clip_norm(2, True, scale),
        _clip_norm(1, True, scale),
        _clip_norm(np.inf, True, scale),
        _clip_norm(2, False, scale),
        _norm(2, 100 * million),
        _norm(1, 100 * million),
        _norm(np.inf, 100 * million),
        _norm(2, 50 * million, "float16"),
        _norm(2, 50 * million, "bfloat16"),
        _nms(size(1000)),
        _nms(size(10_000)),
        _nms(size(100_000)),
        _nms(size(100_000), classes=80),
        _rotated_nms(size(10_000)),
        _match(size(200_000), 100),
    )
