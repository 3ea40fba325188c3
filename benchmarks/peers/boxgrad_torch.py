"""boxgrad.torch: boxgrad's functions in torch's graph, with the gradients that autograd takes from them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Callable

import boxgrad
import boxgrad.torch
import torch
from peer import Limits, Peer, Run, installed
from workloads import IN_PLACE, SCALAR

from peers import torch_eager
from peers.boxgrad import set_threads
from peers.torch_eager import parameters_of, tensor, with_gradient

peer = Peer("boxgrad.torch", {"boxgrad": f"{boxgrad.__version__} ({boxgrad.cpu_tier()})", **installed("torch")}, set_threads=set_threads)

PAIRWISE = {"iou": boxgrad.torch.box_iou, "giou": boxgrad.torch.generalized_box_iou}
LOSSES = {
    "giou": boxgrad.torch.generalized_box_iou_loss,
    "diou": boxgrad.torch.distance_box_iou_loss,
    "ciou": boxgrad.torch.complete_box_iou_loss,
}


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    if data.metric not in PAIRWISE:
        raise torch_eager.NotOffered
    a, b, metric = tensor(data.a), tensor(data.b), PAIRWISE[data.metric]
    return lambda: metric(a, b)


@peer.does("pairwise_grad")
def pairwise_grad(data: SimpleNamespace) -> Run:
    a, b, upstream, metric = tensor(data.a, True), tensor(data.b, True), tensor(data.upstream), PAIRWISE[data.metric]
    return lambda: torch.autograd.grad(metric(a, b), (a, b), upstream)


def losses(task: str, loss: Callable[[SimpleNamespace, torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    """Offers a task that returns a mean and its gradient with respect to pred."""

    def factory(data: SimpleNamespace) -> Run:
        pred, target = tensor(data.pred, True), tensor(data.target)
        return lambda: with_gradient(loss(data, pred, target), pred)

    peer.does(task)(factory)


losses("iou_loss", lambda data, pred, target: LOSSES[data.metric](pred, target, reduction="mean", eps=data.eps))
losses("box_loss", lambda data, pred, target: boxgrad.torch.efficient_box_iou_loss(pred, target, reduction="mean", eps=data.eps))
losses("balanced_l1", lambda data, pred, target: boxgrad.torch.balanced_l1_loss(pred, target))


@peer.does("smooth_l1")
def smooth_l1(data: SimpleNamespace) -> Run:
    pred, target = tensor(data.pred, True), tensor(data.target)
    inside, outside = (None if x is None else tensor(x) for x in (data.inside, data.outside))
    return lambda: with_gradient(boxgrad.torch.smooth_l1_loss(pred, target, inside_weights=inside, outside_weights=outside), pred)


@peer.does("focal")
def focal(data: SimpleNamespace) -> Run:
    logits, target = tensor(data.logits, True), tensor(data.target)
    return lambda: with_gradient(boxgrad.torch.distribution_focal_loss(logits, target), logits)


@peer.does("encode")
def encode(data: SimpleNamespace) -> Run:
    proposals, targets = tensor(data.proposals), tensor(data.targets)
    return lambda: boxgrad.torch.encode_boxes(proposals, targets, stds=data.stds)


@peer.does("decode")
def decode(data: SimpleNamespace) -> Run:
    proposals, deltas = tensor(data.proposals), tensor(data.deltas)
    return lambda: boxgrad.torch.decode_boxes(proposals, deltas, stds=data.stds, max_shape=(data.height, data.width))


@peer.does("distances")
def distances(data: SimpleNamespace) -> Run:
    points, boxes = tensor(data.points), tensor(data.boxes)
    return lambda: boxgrad.torch.encode_distances(points, boxes)


@peer.does("yolo")
def yolo(data: SimpleNamespace) -> Run:
    proposals, deltas, strides = tensor(data.proposals), tensor(data.deltas), tensor(data.strides)
    return lambda: boxgrad.torch.decode_yolo(proposals, deltas, strides)


@peer.does("roi_align")
def roi_align(data: SimpleNamespace) -> Run:
    return torch_eager.roi_align(data, boxgrad.torch.roi_align)


@peer.does("roi_align_grad")
def roi_align_grad(data: SimpleNamespace) -> Run:
    return torch_eager.roi_align_grad(data, boxgrad.torch.roi_align)


@peer.does("norm", SCALAR)
def norm(data: SimpleNamespace) -> Run:
    values = tensor(data.values)
    return lambda: boxgrad.torch.get_total_norm(values, data.p)


@peer.does("clip_norm", IN_PLACE)
def clip_norm(data: SimpleNamespace) -> Run:
    limits, (parameters, gradients) = Limits(data), parameters_of(data)
    return lambda: (boxgrad.torch.clip_grad_norm_(parameters, limits.next(), data.p), gradients)


@peer.does("nms")
def nms(data: SimpleNamespace) -> Run:
    boxes, scores = tensor(data.boxes), tensor(data.scores)
    if data.classes is None:
        return lambda: boxgrad.torch.nms(boxes, scores, data.threshold)
    classes = tensor(data.classes)
    return lambda: boxgrad.torch.batched_nms(boxes, scores, classes, data.threshold)


@peer.does("match")
def match(data: SimpleNamespace) -> Run:
    proposals, truths = tensor(data.proposals), tensor(data.truths)
    matcher = boxgrad.torch.Matcher(data.high, data.low, allow_low_quality_matches=True)
    return lambda: matcher.match(proposals, truths)
