"""torch and torchvision as they come, one operation after the other, gradients by autograd."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import torch
from peer import Limits, NotOffered, Peer, Run, installed
from torch.nn.functional import smooth_l1_loss

try:
    import torchvision
except RuntimeError:  # its operators are of another build of torch: declare those it asks for; the functions used here are Python
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.ops import boxes as box_ops
from workloads import IN_PLACE, SCALAR

peer = Peer("torchvision eager", installed("torch", "torchvision"), set_threads=torch.set_num_threads)

PAIRWISE = {"iou": box_ops.box_iou, "giou": box_ops.generalized_box_iou}
LOSSES = {
    "giou": torchvision.ops.generalized_box_iou_loss,
    "diou": torchvision.ops.distance_box_iou_loss,
    "ciou": torchvision.ops.complete_box_iou_loss,
}

Compile = Callable[[Any], Any]


def tensor(array: Any, wanted: bool = False) -> torch.Tensor:
    """A tensor on the array's own memory; a parameter, if its gradient is wanted."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array).requires_grad_(wanted)


def parameters_of(data: SimpleNamespace) -> tuple[list[torch.nn.Parameter], list[torch.Tensor]]:
    """Parameters with copies of the gradients, and these copies."""
    parameters, gradients = [], [tensor(gradient.copy()) for gradient in data.gradients]
    for gradient in gradients:
        parameter = torch.nn.Parameter(torch.empty(len(gradient)))
        parameter.grad = gradient
        parameters.append(parameter)
    return parameters, gradients


# Each factory takes what makes the function fast: nothing here, torch.compile in torch_compile.py.


def pairwise(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    if data.metric not in PAIRWISE:
        raise NotOffered
    a, b, metric = tensor(data.a), tensor(data.b), compiled(PAIRWISE[data.metric])
    return lambda: metric(a, b)


def pairwise_grad(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    a, b, upstream = tensor(data.a, True), tensor(data.b, True), tensor(data.upstream)
    metric = compiled(PAIRWISE[data.metric])
    return lambda: torch.autograd.grad(metric(a, b), (a, b), upstream)


def iou_loss(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    pred, target, function = tensor(data.pred, True), tensor(data.target), LOSSES[data.metric]
    loss = compiled(lambda pred, target: function(pred, target, reduction="mean", eps=data.eps))
    return lambda: with_gradient(loss(pred, target), pred)


def with_gradient(loss: torch.Tensor, pred: torch.Tensor) -> Any:
    return loss, torch.autograd.grad(loss, pred)


def smooth_l1(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    pred, target = tensor(data.pred, True), tensor(data.target)
    if data.inside is None:
        plain = compiled(smooth_l1_loss)
        return lambda: with_gradient(plain(pred, target), pred)

    def formula(pred: Any, target: Any, inside: Any, outside: Any, zero: Any) -> Any:
        return (outside * smooth_l1_loss(inside * (pred - target), zero, reduction="none")).mean()

    inside, outside, zero, weighted = tensor(data.inside), tensor(data.outside), torch.zeros_like(target), compiled(formula)
    return lambda: with_gradient(weighted(pred, target, inside, outside, zero), pred)


def _coder(data: SimpleNamespace) -> BoxCoder:
    return BoxCoder(tuple(1 / std for std in data.stds))


def roi_align(data: SimpleNamespace, function: Any = torchvision.ops.roi_align) -> Run:
    return _pooling(data, function)[0]


def _pooling(data: SimpleNamespace, function: Any) -> tuple[Run, torch.Tensor, torch.Tensor]:
    """The call, the features and the boxes."""
    if function is torchvision.ops.roi_align and not torchvision.extension._has_ops():
        raise NotOffered  # what takes its place would be plain Python
    features, boxes = tensor(data.features, data.wanted == "features"), tensor(data.boxes, data.wanted == "boxes")
    return lambda: function(features, boxes, data.size, 1 / data.stride, data.samples), features, boxes


def roi_align_grad(data: SimpleNamespace, function: Any = torchvision.ops.roi_align) -> Run:
    if function is torchvision.ops.roi_align and data.wanted == "boxes":
        raise NotOffered  # its gradient for boxes is None
    (call, features, boxes), upstream = _pooling(data, function), tensor(data.upstream)
    wanted = features if data.wanted == "features" else boxes
    return lambda: torch.autograd.grad(call(), wanted, upstream)


def encode(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    proposals, targets, function = tensor(data.proposals), tensor(data.targets), compiled(_coder(data).encode_single)
    return lambda: function(targets, proposals)


def decode(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    coder, size = _coder(data), (data.height, data.width)
    proposals, deltas = tensor(data.proposals), tensor(data.deltas)
    function = compiled(lambda deltas, proposals: box_ops.clip_boxes_to_image(coder.decode_single(deltas, proposals), size))
    return lambda: function(deltas, proposals)


def norm(data: SimpleNamespace, compiled: Compile = lambda f: f) -> Run:
    values, function = tensor(data.values), compiled(lambda x: torch.linalg.vector_norm(x, data.p))
    return lambda: function(values)


for task in pairwise, pairwise_grad, iou_loss, smooth_l1, encode, decode:
    peer.does(task.__name__)(task)
peer.does("norm", SCALAR, tolerance=0.6, note="sums in single precision")(norm)


@peer.does("clip_norm", IN_PLACE, tolerance=0.01, note="sums in single precision; multiplies by 1 where nothing is to be clipped")
def clip_norm(data: SimpleNamespace) -> Run:
    limits, (parameters, gradients) = Limits(data), parameters_of(data)
    return lambda: (torch.nn.utils.clip_grad_norm_(parameters, limits.next(), data.p), gradients)


@peer.does("nms")
def nms(data: SimpleNamespace) -> Run:
    boxes, scores = tensor(data.boxes), tensor(data.scores)
    try:
        torchvision.ops.nms(boxes[:1], scores[:1], data.threshold)
    except (RuntimeError, NotImplementedError):
        raise NotOffered("its compiled operators do not fit this torch") from None
    if data.classes is None:
        return lambda: torchvision.ops.nms(boxes, scores, data.threshold)
    classes = tensor(data.classes)
    return lambda: torchvision.ops.batched_nms(boxes, scores, classes, data.threshold)


@peer.does("match")
def match(data: SimpleNamespace) -> Run:
    proposals, truths = tensor(data.proposals), tensor(data.truths)
    matcher = Matcher(data.high, data.low, allow_low_quality_matches=True)

    def run() -> Any:
        quality = box_ops.box_iou(truths, proposals)
        return matcher(quality), quality.max(dim=0).values

    return run
