"""boxgrad: its Python functions; where those have no `out`, the C function behind them stands for reused outputs."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, Callable

import boxgrad
import numpy as np
from boxgrad._library import library_of
from boxgrad.roi import options_of
from peer import Limits, Peer, Run
from workloads import FRESH, IN_PLACE, REUSED, SCALAR


def set_threads(n: int) -> None:
    """Threads that stay between calls, as the other peers' do; 0.1, with which a revision may be compared, has none."""
    keeps = "keep" in inspect.signature(boxgrad.set_num_threads).parameters
    boxgrad.set_num_threads(n, **({"keep": True} if keeps else {}))


peer = Peer("boxgrad", {"boxgrad": f"{boxgrad.__version__} ({boxgrad.cpu_tier()})"}, set_threads=set_threads)

METRICS = {"iou": 0, "giou": 1, "diou": 2, "ciou": 3}
EIOU = 4


def iof(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The C function: Python's box_ioa divides by the second box's area, and transposes."""
    out = np.empty((len(a), len(b)), a.dtype) if out is None else out
    library_of[a.dtype].iou_pairwise(4, a, len(a), 4, b, len(b), 4, 0.0, out, len(b), None)
    return out


PAIRWISE = {"iou": boxgrad.box_iou, "giou": boxgrad.generalized_box_iou, "iof": iof}
LOSSES = {
    "giou": boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss),
    "diou": boxgrad.value_and_grad(boxgrad.distance_box_iou_loss),
    "ciou": boxgrad.value_and_grad(boxgrad.complete_box_iou_loss),
}


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    metric = PAIRWISE[data.metric]
    return lambda: metric(data.a, data.b)


@peer.does("pairwise", REUSED)
def pairwise_reused(data: SimpleNamespace) -> Run:
    metric, out = PAIRWISE[data.metric], np.empty((len(data.a), len(data.b)), data.a.dtype)
    return lambda: metric(data.a, data.b, out=out)


@peer.does("pairwise_grad", note="computes the values, too")
def pairwise_grad(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.vjp(PAIRWISE[data.metric], data.a, data.b)[1](data.upstream)


@peer.does("pairwise_grad", REUSED, note="the C function")
def pairwise_grad_reused(data: SimpleNamespace) -> Run:
    a, b = data.a, data.b
    code, gradients = METRICS[data.metric], (np.empty_like(a), np.empty_like(b))
    function = library_of[a.dtype].iou_pairwise_grad

    def run() -> Any:
        function(code, a, len(a), 4, b, len(b), 4, 0.0, data.upstream, len(b), *gradients)
        return gradients

    return run


@peer.does("iou_loss")
def iou_loss(data: SimpleNamespace) -> Run:
    loss = LOSSES[data.metric]
    return lambda: loss(data.pred, data.target, reduction="mean", eps=data.eps)


@peer.does("iou_loss", REUSED, note="the C function")
def iou_loss_reused(data: SimpleNamespace) -> Run:
    code, count, loss, gradient = METRICS[data.metric], len(data.pred), np.empty(()), np.empty_like(data.pred)
    function = library_of[data.pred.dtype].iou_loss

    def run() -> Any:
        function(code, data.pred, 4, data.target, 4, count, None, data.eps, count, loss, None, gradient, None)
        return loss, gradient

    return run


@peer.does("box_loss")
def box_loss(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.efficient_box_iou_loss)
    return lambda: loss(data.pred, data.target, reduction="mean", eps=data.eps)


@peer.does("box_loss", REUSED, note="the C function, with its default eps")
def box_loss_reused(data: SimpleNamespace) -> Run:
    count, loss, gradient = len(data.pred), np.empty(()), np.empty_like(data.pred)
    function = library_of[data.pred.dtype].box_loss

    def run() -> Any:
        function(EIOU, None, data.pred, 4, data.target, 4, count, None, count, loss, None, gradient, None)
        return loss, gradient

    return run


ROTATED = {"angle": "degrees-ccw"}


@peer.does("rotated")
def rotated(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.rotated_box_iou(data.a, data.b, **ROTATED)


@peer.does("rotated", REUSED)
def rotated_reused(data: SimpleNamespace) -> Run:
    out = np.empty((len(data.a), len(data.b)), data.a.dtype)
    return lambda: boxgrad.rotated_box_iou(data.a, data.b, out=out, **ROTATED)


@peer.does("rotated_loss")
def rotated_loss(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.rotated_box_iou_loss, argnums=(0, 1))

    def run() -> Any:
        value, gradients = loss(data.pred, data.target, reduction="mean", **ROTATED)
        return value, *gradients

    return run


@peer.does("gaussian_loss")
def gaussian_loss(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.kld_loss, argnums=(0, 1))

    def run() -> Any:
        value, gradients = loss(data.pred, data.target, reduction="mean", **ROTATED)
        return value, *gradients

    return run


@peer.does("rotated_loss", REUSED, note="the C function")
def rotated_loss_reused(data: SimpleNamespace) -> Run:
    count, loss, gradients = len(data.pred), np.empty(()), (np.empty_like(data.pred), np.empty_like(data.target))
    function = library_of[data.pred.dtype].rotated_iou_loss

    def run() -> Any:
        function(0, 1, data.pred, 5, data.target, 5, count, None, 1e-6, count, loss, None, *gradients)
        return loss, *gradients

    return run


@peer.does("gaussian_loss", REUSED, note="the C function")
def gaussian_loss_reused(data: SimpleNamespace) -> Run:
    count, loss, gradients = len(data.pred), np.empty(()), (np.empty_like(data.pred), np.empty_like(data.target))
    function = library_of[data.pred.dtype].rotated_gaussian_loss

    def run() -> Any:
        function(1, 1, None, data.pred, 5, data.target, 5, count, None, count, loss, None, *gradients)
        return loss, *gradients

    return run


@peer.does("smooth_l1")
def smooth_l1(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)
    return lambda: loss(data.pred, data.target, inside_weights=data.inside, outside_weights=data.outside)


@peer.does("smooth_l1", REUSED, note="the C function")
def smooth_l1_reused(data: SimpleNamespace) -> Run:
    count, loss, gradient = len(data.pred), np.empty(()), np.empty_like(data.pred)
    function = library_of[data.pred.dtype].smooth_l1

    def run() -> Any:
        function(data.pred, data.target, data.inside, data.outside, count, 1.0, count, loss, None, gradient, None)
        return loss, gradient

    return run


@peer.does("balanced_l1")
def balanced_l1(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.balanced_l1_loss)
    return lambda: loss(data.pred, data.target)


@peer.does("balanced_l1", REUSED, note="the C function")
def balanced_l1_reused(data: SimpleNamespace) -> Run:
    count, loss, gradient = len(data.pred), np.empty(()), np.empty_like(data.pred)
    function = library_of[data.pred.dtype].balanced_l1

    def run() -> Any:
        function(data.pred, data.target, None, None, count, 0.5, 1.5, 1.0, count, loss, None, gradient, None)
        return loss, gradient

    return run


@peer.does("focal")
def focal(data: SimpleNamespace) -> Run:
    loss = boxgrad.value_and_grad(boxgrad.distribution_focal_loss)
    return lambda: loss(data.logits, data.target)


@peer.does("focal", REUSED, note="the C function")
def focal_reused(data: SimpleNamespace) -> Run:
    (count, bins), loss, gradient = data.logits.shape, np.empty(()), np.empty_like(data.logits)
    function = library_of[data.logits.dtype].distribution_focal

    def run() -> Any:
        function(data.logits, bins, data.target, count, bins, None, count, loss, None, gradient, None)
        return loss, gradient

    return run


def fills(task: str, call: Callable[[SimpleNamespace, Any], Any]) -> None:
    """Offers a task whose function takes `out`: into fresh memory, and into the same again."""

    def reused(data: SimpleNamespace) -> Run:
        out = np.empty_like(call(data, None))
        return lambda: call(data, out)

    peer.does(task, FRESH)(lambda data: lambda: call(data, None))
    peer.does(task, REUSED)(reused)


def decode(data: SimpleNamespace, out: Any) -> Any:
    return boxgrad.decode_boxes(data.proposals, data.deltas, stds=data.stds, max_shape=(data.height, data.width), out=out)


fills("encode", lambda data, out: boxgrad.encode_boxes(data.proposals, data.targets, stds=data.stds, out=out))
fills("rotated_encode", lambda data, out: boxgrad.encode_rotated_boxes(data.target, data.pred, range="le90", edge_swap=True, proj_xy=True, out=out, **ROTATED))
fills("decode", decode)
fills("distances", lambda data, out: boxgrad.encode_distances(data.points, data.boxes, out=out))
fills("yolo", lambda data, out: boxgrad.decode_yolo(data.proposals, data.deltas, data.strides, out=out))


@peer.does("roi_align")
def roi_align(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.roi_align(data.features, data.boxes, data.size, 1 / data.stride, data.samples)


@peer.does("roi_align_grad", note="computes the values, too")
def roi_align_grad(data: SimpleNamespace) -> Run:
    of, other = (0, boxgrad.stop_gradient(data.boxes)) if data.wanted == "features" else (1, data.boxes)
    features = data.features if data.wanted == "features" else boxgrad.stop_gradient(data.features)
    arguments = features, other, data.size, 1 / data.stride, data.samples
    return lambda: boxgrad.vjp(boxgrad.roi_align, *arguments)[1](data.upstream)[of]


def _regions(data: SimpleNamespace) -> tuple[Any, ...]:
    """The first arguments of the C functions, whose boxes are rows of four."""
    rows, count = np.ascontiguousarray(data.boxes[:, 1:]), len(data.boxes)
    return options_of(1 / data.stride, data.samples), data.features, *data.features.shape, rows, 4, None, count, data.size, data.size


@peer.does("roi_align", REUSED, note="the C function")
def roi_align_reused(data: SimpleNamespace) -> Run:
    arguments, out, function = _regions(data), np.empty_like(data.upstream), library_of[data.features.dtype].roi_align

    def run() -> Any:
        function(*arguments, out)
        return out

    return run


@peer.does("roi_align_grad", REUSED, note="the C function", read=lambda out: out if out.ndim == 4 else np.pad(out, ((0, 0), (1, 0))))
def roi_align_grad_reused(data: SimpleNamespace) -> Run:
    arguments, function = (*_regions(data), data.upstream), library_of[data.features.dtype].roi_align_grad
    out = np.empty_like(data.features) if data.wanted == "features" else np.empty_like(data.boxes[:, 1:])
    outputs = (out, None) if data.wanted == "features" else (None, out)

    def run() -> Any:
        function(*arguments, *outputs)
        return out

    return run


@peer.does("norm", SCALAR)
def norm(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.get_total_norm(data.values, data.p)


@peer.does("clip_norm", IN_PLACE)
def clip_norm(data: SimpleNamespace) -> Run:
    gradients, limits = [g.copy() for g in data.gradients], Limits(data)
    return lambda: (boxgrad.clip_grad_norm_(gradients, limits.next(), data.p), gradients)


@peer.does("nms")
def nms(data: SimpleNamespace) -> Run:
    if data.classes is None:
        return lambda: boxgrad.nms(data.boxes, data.scores, data.threshold)
    return lambda: boxgrad.batched_nms(data.boxes, data.scores, data.classes, data.threshold)


@peer.does("rotated_nms")
def rotated_nms(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.rotated_nms(data.boxes, data.scores, data.threshold, **ROTATED)


@peer.does("match")
def match(data: SimpleNamespace) -> Run:
    return lambda: boxgrad.match_boxes(data.proposals, data.truths, data.high, data.low, True)
