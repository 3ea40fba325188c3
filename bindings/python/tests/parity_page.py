"""Makes docs/parity.md: where boxgrad equals its peers, and where it differs on purpose. `python bindings/python/tests/parity_page.py`

What the page says is what runs: every row computes both sides. test_parity_page.py fails if a row does not hold, or if the page is not what
this gives.
"""

import inspect
import types
from functools import partial
from typing import Callable, NamedTuple

import box_sets
import boxgrad
import numpy as np
import peers
from support import REPOSITORY, load_torchvision
from overlap_functions import LOSSES, PAIRWISE
from parity import TOLERANCE
from tolerances import row_maximum

PAGE = REPOSITORY / "docs" / "parity.md"
torch, torchvision = load_torchvision()
import powerboxes  # noqa: E402
import torchvision.models.detection._utils as detection  # noqa: E402
from pycocotools import mask  # noqa: E402

ops = torchvision.ops
roi_align = inspect.unwrap(ops.roi_align.__globals__["_roi_align"])  # else it is compiled first
FLOAT32_TOLERANCE = 1e-5
KINDS = (*box_sets.ORDINARY, "none at all")
PLAIN = ("random", "touching", "disjoint")
APART = ("random", "nested", "disjoint")
MEANING = {"live": "run here", "formula": "formula"}


class Same(NamedTuple):
    """ours and theirs give the same for the inputs of every kind, gradients too if theirs is of torch."""

    function: str
    peer: str
    ours: Callable
    theirs: Callable
    inputs: Callable = box_sets.pairs
    how: str = "live"
    gradients: bool = True
    kinds: tuple = KINDS
    note: str = ""


class Differs(NamedTuple):
    """peer() and ours() are what the page shows; reason is why ours is so."""

    function: str
    case: str
    peer: str
    theirs: Callable
    ours: Callable
    reason: str
    how: str = "live"


LONELY = np.array([[1.0, 0.0], [0.0, 0.0]])
"""Overlaps of two truths with two proposals; nothing overlaps the second truth."""
RIVALS = np.array([[0.6, 0.0, 0.5], [0.55, 0.2, 0.5]])
"""Overlaps of two truths with three proposals; the first proposal is the best of both."""


# Equal


def first(kind):
    return box_sets.pairs(kind)[:1]


def turned(kind):
    """Rotated boxes."""
    return box_sets.rotated(kind)[:1] if kind != "none at all" else (np.empty((0, 5)),)


def quads(kind):
    """Two opposite corners of each of two boxes."""
    a, b = box_sets.pairs(kind)
    return np.hstack([a, b])


def turned_pairs(kind):
    return box_sets.rotated(kind)


def with_deltas(kind):
    proposals = box_sets.pairs(kind)[0]
    return proposals, np.random.default_rng(8).normal(scale=2, size=proposals.shape)


def turned_with_deltas(kind, columns=5):
    """Rotated proposals, or upright ones for six deltas."""
    proposals = box_sets.pairs(kind)[0] if columns == 6 else box_sets.rotated(kind)[0]
    return proposals, np.random.default_rng(8).uniform(-0.45, 0.45, size=(len(proposals), columns))


def upright_with_turned(kind):
    return box_sets.pairs(kind)[0], box_sets.rotated(kind)[1]


def with_points(kind):
    a, b = box_sets.pairs(kind)
    return a[:, :2].copy(), b


def with_squares(kind):
    a, deltas = with_deltas(kind)
    return np.hstack([a[:, :2], a[:, :2] + (a[:, 2:] - a[:, :2]).max(axis=1, keepdims=True)]), deltas


def with_scores(kind):
    """Boxes that overlap, and scores; no IoU is 0.4 or 0.5, and no score becomes 0.01."""
    a, _ = box_sets.pairs(kind)
    return a, np.random.default_rng(11).permutation(np.linspace(0.03, 0.97, len(a)))


def turned_with_scores(kind):
    """Rotated boxes that overlap, and scores."""
    return box_sets.rotated(kind)[0], with_scores(kind)[1]


def classes_of(boxes):
    return np.arange(len(boxes)) % 3


def in_place(kept, scores):
    """The scores that soft_nms kept, each in its place, and 0 in the others'."""
    every = np.zeros_like(scores)
    every[kept[0]] = kept[1]
    return every


def weighted(kind):
    return *box_sets.pairs(kind), *np.random.default_rng(9).random((2, 40, 4))


def distributions(kind):
    """Logits (N, 4, 17) and, between the bins, the distances of the sides."""
    a, b = box_sets.pairs(kind)
    logits = np.random.default_rng(10).normal(scale=3, size=(len(a), 4, 17))
    return logits, np.abs(a - b) / (1 + np.abs(a - b).max()) * 15.98


def regions(kind):
    """Two images, and boxes within them: beyond them torchvision's function in Python continues the last pixels, unlike their operator."""
    boxes = box_sets.pairs(kind)[0][:12] / 16
    random = np.random.default_rng(11)
    return random.normal(size=(2, 3, 9, 11)), np.hstack([random.integers(0, 2, (len(boxes), 1)), boxes])


def as_xywh(boxes):
    return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])


def truth_numbers(matches):
    """boxgrad's codes in mmdetection's: -1 (below) is 0, -2 (between) and -3 (ignored) are -1, a truth is its number from 1 on."""
    return np.select([matches >= 0, matches == -1], [matches + 1, 0], -1)


def ignoring(proposals, truths, wrt):
    """The last two of the truths are to be ignored."""
    return truth_numbers(boxgrad.match_boxes(
        proposals, truths[:-2], 0.5, 0.3, True, forced="truth", ignore=truths[-2:], ignore_iof_thr=0.4, ignore_wrt_candidates=wrt,
        ignore_positives=True)[0])  # fmt: skip


def mmdetection_ignoring(proposals, truths, wrt):
    share = peers.mmdetection_overlaps(torch, proposals, truths[-2:], "iof") if wrt else peers.mmdetection_overlaps(torch, truths[-2:], proposals, "iof").T
    return assigned(proposals, truths[:-2], min_pos_iou=1e-9, ignored=share.amax(1) > 0.4)


def in_our_codes(assigned):
    """The inverse of truth_numbers."""
    return np.select([as_array(assigned) > 0, as_array(assigned) == 0], [as_array(assigned) - 1, -1], -2)


def assigned(proposals, truths, **options):
    """By mmdetection's rule."""
    return peers.mmdetection_assign(torch, peers.mmdetection_overlaps(torch, truths, proposals), 0.5, 0.3, **options)


def whole_tensors(function):
    """A function that changes gradients in place, as one that returns them."""

    def changed(*arrays):
        copies = [x.detach().clone() if isinstance(x, torch.Tensor) else x.copy() for x in arrays]
        grads = [types.SimpleNamespace(grad=x) for x in copies]
        function(grads)
        return copies[0]

    return changed


def adaptive(layout):
    def clipped(grad, param):
        copy = grad.copy()
        boxgrad.adaptive_clip_grad_([param], 0.5, grads=[copy], layout=layout)
        return copy

    return clipped


def block_rms(grad, _):
    copy = grad.copy()
    boxgrad.clip_grad_rms_([copy], 20.0)
    return copy


WEIGHTS = (10.0, 10.0, 5.0, 5.0)
MEANS = (0.1, -0.2, 0.3, 0.0)
STDS = tuple(1 / w for w in WEIGHTS)
coder = torchvision.models.detection._utils.BoxCoder(WEIGHTS)
clipping = torch.nn.utils
NORMALIZER = (4.0, 2.0, 0.5, 1.0)
values_only = {"gradients": False}


def tblr(by_size):
    return boxgrad.TBLRBBoxCoder(NORMALIZER, normalize_by_wh=by_size)


with_boxes = {"kinds": box_sets.ORDINARY}
formula = {"how": "formula"}

exact = {"eps": 0.0}
APART, TOGETHER = ("random", "nested", "disjoint", "huge"), ("random", "nested", "huge")
SIZE = (480, 640)
BOX_LOSSES = [
    (boxgrad.efficient_box_iou_loss, "YOLO's bbox_iou, EIoU", {}, peers.yolo_eiou_loss, {}, APART),
    (boxgrad.efficient_box_iou_loss, "YOLO's bbox_iou, Focal-EIoU", {"gamma": 0.5}, peers.yolo_eiou_loss, {"gamma": 0.5}, TOGETHER),
    (boxgrad.siou_loss, "mmdetection siou_loss, neg_gamma=True", {}, peers.mmdetection_siou_loss, {"neg_gamma": True}, ("random", "huge")),
    (boxgrad.alpha_box_iou_loss, "alpha-IoU, alpha 3", {}, peers.alpha_iou_loss, {}, APART),
    (boxgrad.alpha_box_iou_loss, "alpha-IoU, DIoU, alpha 3", {"metric": "diou"}, peers.alpha_iou_loss, {"metric": "diou"}, APART),
    (boxgrad.wise_box_iou_loss, "Wise-IoU v1", {}, peers.wise_iou_loss, {}, APART),
    (boxgrad.inner_box_iou_loss, "Inner-IoU, DIoU, ratio 0.7", {"base": "diou"}, peers.inner_iou_loss, {}, APART),
    (boxgrad.mpdiou_loss, "MPDIoU", {"size": SIZE}, peers.mpdiou_loss, {"size": SIZE}, ("random", "nested", "disjoint")),
    *[(boxgrad.log_box_iou_loss, f"mmdetection iou_loss, {mode}", {"mode": mode}, peers.mmdetection_iou_loss, {"mode": mode}, kinds)
      for mode, kinds in (("log", TOGETHER), ("linear", ("nested",)), ("square", ("nested",)))],
]  # fmt: skip

SAME = [
    Same("box_area", "torchvision.ops.box_area", boxgrad.box_area, ops.box_area, first),
    Same("box_area", "powerboxes.boxes_areas", boxgrad.box_area, powerboxes.boxes_areas, first, **values_only, **with_boxes),
    *[
        Same("box_convert", f"torchvision.ops.box_convert, {s} to {t}",
             partial(boxgrad.box_convert, in_fmt=s, out_fmt=t), partial(ops.box_convert, in_fmt=s, out_fmt=t), first)
        for s, t in [("xyxy", "xywh"), ("xywh", "cxcywh"), ("cxcywh", "xyxy")]
    ],
    *[
        Same("box_convert", f"keras-cv convert_format, {s} to {t}", partial(boxgrad.box_convert, in_fmt=s, out_fmt=t, image_shape=(60, 90)),
             lambda x, s=s, t=t: peers.keras_convert_format(torch, x, s, t, (60, 90)), first, **formula)
        for s, t in [("yxyx", "rel_xyxy"), ("rel_yxyx", "xywh"), ("xyxy", "rel_xywh")]
    ],
    Same("convert_rotated_boxes", "torchvision.ops.box_convert, cxcywhr to xyxyxyxy",
         partial(boxgrad.convert_rotated_boxes, in_fmt="degrees-ccw", out_fmt="corners"), partial(ops.box_convert, in_fmt="cxcywhr", out_fmt="xyxyxyxy"),
         turned),
    Same("convert_rotated_boxes", "torchvision.ops.box_convert, xyxyxyxy to cxcywhr",
         partial(boxgrad.convert_rotated_boxes, in_fmt="corners", out_fmt="degrees-ccw"), partial(ops.box_convert, in_fmt="xyxyxyxy", out_fmt="cxcywhr"),
         lambda kind: [boxgrad.convert_rotated_boxes(*turned(kind), "degrees-ccw", "corners")], **values_only, kinds=("nested", "identical", "huge"),
         note="in float64; theirs takes the sides from three corners, so that its gradient is another, and float32 is off by 5e-5 degrees"),
    Same("convert_rotated_boxes", "ultralytics xywhr2xyxyxyxy, its corners 3, 2, 1, 4",
         partial(boxgrad.convert_rotated_boxes, in_fmt="radians-cw", out_fmt="corners"), partial(peers.ultralytics_xywhr2xyxyxyxy, torch), turned, **formula),
    Same("convert_rotated_boxes", "mmrotate rbox2hbox", partial(boxgrad.convert_rotated_boxes, in_fmt="radians-cw", out_fmt="bounds"),
         partial(peers.mmrotate_rbox2hbox, torch), turned, **formula),
    Same("min_area_boxes", "shapely.minimum_rotated_rectangle, by its area", lambda x: boxgrad.min_area_boxes(x, angle="degrees-cw")[:, 2:4].prod(axis=1),
         peers.shapely_min_areas, lambda kind: (quads(kind),), **values_only,
         kinds=("random", "nested", "disjoint"), note="of numbers of 1e11 theirs is off by 1e-4 of it, by exact fractions"),
    *[
        Same("regularize_rotated_boxes", f"mmrotate regularize_boxes, {name}{', from 0' if name == 'oc' else ''}",
             partial(boxgrad.regularize_rotated_boxes, range=name, angle="radians-cw"), partial(peers.mmrotate_regularize_boxes, torch, pattern=name), turned,
             **formula)
        for name in ("oc", "le90", "le135")
    ],
    Same("regularize_rotated_boxes", "ultralytics regularize_rboxes", partial(boxgrad.regularize_rotated_boxes, range="oc", angle="radians-cw"),
         partial(peers.ultralytics_regularize_rboxes, torch), turned, **formula),
    *[
        Same(f"{verb}_rotated_boxes", f"{name}, {', '.join(options) or 'its defaults'}", partial(ours, angle=angle, **options), partial(theirs, torch, angle=angle, **options),
             inputs, kinds=("random", "nested", "disjoint"), **formula)
        for name, angle, options in (
            ("detectron2 Box2BoxTransformRotated", "degrees-ccw", {}), ("mmrotate DeltaXYWHAOBBoxCoder", "radians-cw", {"range": "oc"}),
            ("mmrotate DeltaXYWHAOBBoxCoder", "radians-cw", {"range": "le90", "edge_swap": True, "proj_xy": True, "norm_factor": 2.0}))
        for verb, ours, theirs, inputs in (
            ("encode", boxgrad.encode_rotated_boxes, peers.rotated_bbox2delta, turned_pairs),
            ("decode", boxgrad.decode_rotated_boxes, peers.rotated_delta2bbox, turned_with_deltas))
    ],
    Same("encode_midpoint_offset", "mmrotate MidpointOffsetCoder.encode", partial(boxgrad.encode_midpoint_offset, angle="radians-cw"),
         partial(peers.midpoint_bbox2delta, torch, angle="radians-cw"), upright_with_turned, kinds=("random", "nested", "disjoint"), **formula),
    Same("decode_midpoint_offset", "mmrotate MidpointOffsetCoder.decode, le90", partial(boxgrad.decode_midpoint_offset, angle="radians-cw"),
         partial(peers.midpoint_delta2bbox, torch, angle="radians-cw"), partial(turned_with_deltas, columns=6), kinds=("random", "nested", "disjoint"), **formula),
    Same("rotated_box_iou", "1 - powerboxes.rotated_iou_distance, degrees clockwise", partial(boxgrad.rotated_box_iou, angle="degrees-cw"),
         lambda a, b: 1 - powerboxes.rotated_iou_distance(a.astype(float), b.astype(float)), turned_pairs, **values_only, kinds=("random", "nested", "disjoint"),
         note="equal boxes: see below"),
    Same("rotated_box_iou", "shapely, intersection / union", partial(boxgrad.rotated_box_iou, angle="degrees-cw"), peers.shapely_iou, turned_pairs, **values_only,
         **with_boxes),
    Same("rotated_box_iof", "shapely, intersection / area of the first", partial(boxgrad.rotated_box_iof, angle="degrees-cw"),
         partial(peers.shapely_iou, of_first=True), turned_pairs, **values_only, **with_boxes),
    Same("aligned_rotated_box_iou", "shapely, intersection / union", partial(boxgrad.aligned_rotated_box_iou, angle="degrees-cw"),
         lambda a, b: peers.shapely_iou(a, b).diagonal(), turned_pairs, **values_only, **with_boxes),
    *[
        Same("rotated_box_iou_loss", f"mmrotate RotatedIoULoss, mode {mode}, eps = {eps:g}, of shapely's IoU",
             partial(boxgrad.rotated_box_iou_loss, angle="radians-cw", mode=mode), partial(peers.mmrotate_rotated_iou_loss, mode=mode, eps=eps), turned_pairs,
             **values_only, **with_boxes, how="formula", note=note)
        for mode, eps, note in [("linear", 0, "theirs otherwise takes an IoU of 0 for 1e-6"), ("log", 1e-6, "")]
    ],
    *[
        Same("gwd_loss", f"mmrotate gwd_loss, {', '.join(map(str, options.values())) or 'its defaults'}", partial(boxgrad.gwd_loss, angle="radians-cw", **options),
             partial(peers.mmrotate_gwd_loss, torch, **options), turned_pairs, kinds=APART, **formula)
        for options in ({}, {"fun": "sqrt", "tau": 2.0, "alpha": 0.5}, {"fun": "none", "normalize": False})
    ],
    *[
        Same("kld_loss", f"mmrotate {name}", partial(boxgrad.kld_loss, angle="radians-cw", direction=direction), partial(theirs, torch), turned_pairs, kinds=APART, **formula)
        for name, direction, theirs in (
            ("kld_loss", "forward", peers.mmrotate_kld_loss), ("jd_loss", "jeffreys", peers.mmrotate_jd_loss),
            ("kld_symmax_loss", "max", peers.mmrotate_kld_symmax_loss), ("kld_symmin_loss", "min", partial(peers.mmrotate_kld_symmax_loss, choose="min")),
        )
    ],
    *[
        Same("kfiou_loss", f"mmrotate kfiou_loss, {fun}, without its loss of the centres", partial(boxgrad.kfiou_loss, angle="radians-cw", fun=fun),
             partial(peers.mmrotate_kfiou, torch, fun=fun), turned_pairs, kinds=kinds, **formula, note=note)
        for fun, kinds, note in (("none", APART, ""), ("ln", ("nested", "identical"), "in float64"), ("exp", APART, ""))
    ],
    Same("probiou_loss", "1 - ultralytics probiou, eps = 0", partial(boxgrad.probiou_loss, angle="radians-cw"), partial(peers.ultralytics_probiou_loss, torch, eps=0),
         turned_pairs, kinds=("random", "nested"), **formula, note="theirs stops at a distance of 100"),
    *[
        Same("roi_align", f"torchvision.ops.roi_align._roi_align, sampling_ratio {ratio}, aligned {aligned}",
             partial(boxgrad.roi_align, output_size=(3, 2), spatial_scale=0.75, sampling_ratio=ratio, aligned=aligned),
             lambda x, boxes, ratio=ratio, aligned=aligned: roi_align(x, boxes, 0.75, 3, 2, ratio, aligned), regions, kinds=("random",),
             note="of boxes within the features; their compiled operator has no gradient for boxes")
        for ratio, aligned in [(2, True), (1, False), (-1, False)]
    ],
    Same("RoIAlign", "torchvision.ops.roi_align._roi_align", boxgrad.RoIAlign((3, 2), 0.75, 2),
         lambda x, boxes: roi_align(x, boxes, 0.75, 3, 2, 2, False), regions, **values_only, kinds=("random",)),
    Same("MultiScaleRoIAlign", "torchvision.ops.MultiScaleRoIAlign of one level, by _roi_align",
         lambda x, boxes: boxgrad.MultiScaleRoIAlign(["0"], (3, 2), 2)(
             {"0": x}, [boxes[boxes[:, 0] == image, 1:] for image in range(len(x))], [(2 * x.shape[2], 2 * x.shape[3])]),
         lambda x, boxes: roi_align(x, boxes[boxes[:, 0].argsort(stable=True)], 0.5, 3, 2, 2, False), regions, **values_only, kinds=("random",)),
    Same("precise_roi_pool", "the integral of PreciseRoIPooling (Jiang 2018)", partial(boxgrad.precise_roi_pool, output_size=(3, 2)),
         lambda x, boxes: peers.precise_roi_pool(torch, x, boxes, (3, 2)), regions, how="formula", kinds=("random",)),
    Same("clip_boxes_to_image", "torchvision.ops.clip_boxes_to_image", partial(boxgrad.clip_boxes_to_image, size=(60, 90)),
         partial(ops.clip_boxes_to_image, size=(60, 90)), first),
    Same("remove_small_boxes", "torchvision.ops.remove_small_boxes", lambda x: boxgrad.remove_small_boxes(x, 20),
         lambda x: ops.remove_small_boxes(x, 20), first, **values_only),
    Same("clip", "torch.clamp", partial(boxgrad.clip, min=20, max=60), partial(torch.clamp, min=20, max=60), first),
    *[Same(f.__name__, f"torchvision.ops.{f.__name__}", f, getattr(ops, f.__name__), box_sets.sets) for f in PAIRWISE.values()],
    Same("box_iou", "pycocotools.mask.iou, xywh", lambda a, b: boxgrad.box_iou(as_xywh(a), as_xywh(b), "xywh"),
         lambda a, b: mask.iou(as_xywh(a), as_xywh(b), np.zeros(len(b), np.uint8)), box_sets.sets, **values_only, **with_boxes),
    Same("box_iou", "1 - powerboxes.iou_distance", boxgrad.box_iou,
         lambda a, b: 1 - powerboxes.iou_distance(a.copy(), b.copy()), box_sets.sets, **values_only, **with_boxes),
    Same("box_iou", "detectron2 pairwise_iou", boxgrad.box_iou, lambda a, b: peers.detectron2_pairwise_iou(torch, a, b), box_sets.sets,
         kinds=("random", "nested", "identical", "disjoint", "huge", "none at all"), **formula, note="touching boxes: see below"),
    Same("box_iou", "mmdetection bbox_overlaps", boxgrad.box_iou, lambda a, b: peers.mmdetection_overlaps(torch, a, b),
            box_sets.sets, **formula),
    Same("generalized_box_iou", "1 - powerboxes.giou_distance", boxgrad.generalized_box_iou,
         lambda a, b: 1 - powerboxes.giou_distance(a.copy(), b.copy()), box_sets.sets, **values_only, **with_boxes),
    Same("generalized_box_iou", "mmdetection bbox_overlaps, giou", boxgrad.generalized_box_iou,
         lambda a, b: peers.mmdetection_overlaps(torch, a, b, "giou"), box_sets.sets, **formula),
    Same("box_ioa", "detectron2 pairwise_ioa", boxgrad.box_ioa, lambda a, b: peers.detectron2_pairwise_ioa(torch, a, b), box_sets.sets,
         kinds=("random", "nested", "identical", "disjoint", "huge", "none at all"), **formula, note="touching boxes: as box_iou"),
    Same("box_ioa", "mmdetection bbox_overlaps, iof, of (boxes2, boxes1)", boxgrad.box_ioa,
         lambda a, b: peers.mmdetection_overlaps(torch, b, a, "iof").T, box_sets.sets, **formula),
    Same("box_ioa", "pycocotools.mask.iou of (boxes2, boxes1), all crowds, xywh", boxgrad.box_ioa,
         lambda a, b: mask.iou(as_xywh(b), as_xywh(a), np.ones(len(a), np.uint8)).T, box_sets.sets, **values_only, **with_boxes),
    Same("box_ios", "supervision box_iou_batch, OverlapMetric.IOS", boxgrad.box_ios, lambda a, b: peers.supervision_ios(torch, a[:, None], b),
         box_sets.sets, **formula),
    Same("aligned_box_iou", "supervision box_iou, OverlapMetric.IOS", partial(boxgrad.aligned_box_iou, metric="ios"),
         lambda a, b: peers.supervision_ios(torch, a, b), **formula),
    Same("aligned_box_iou", "mmdetection bbox_overlaps, iof, aligned", partial(boxgrad.aligned_box_iou, metric="iof"),
         lambda a, b: peers.mmdetection_overlaps(torch, a, b, "iof").diagonal(), **formula),
    Same("match_boxes", "mmdetection MaxIoUAssigner, match_low_quality=False", lambda a, b: truth_numbers(boxgrad.match_boxes(a, b, 0.5, 0.3)[0]),
         lambda a, b: assigned(a, b, match_low_quality=False), box_sets.sets, **values_only, **formula),
    Same("match_boxes", "mmdetection MaxIoUAssigner, gt_max_assign_all", lambda a, b: truth_numbers(
            boxgrad.match_boxes(a, b, 0.5, 0.3, True, forced="truth")[0]),
         lambda a, b: assigned(a, b, min_pos_iou=1e-9), box_sets.sets, **values_only, **formula, note="forced=\"truth\"; min_pos_iou above 0"),
    *[
        Same("match_boxes", f"mmdetection MaxIoUAssigner, ignore_iof_thr, ignore_wrt_candidates={wrt}", partial(ignoring, wrt=wrt),
             partial(mmdetection_ignoring, wrt=wrt), box_sets.sets, kinds=box_sets.ORDINARY, **values_only, **formula,
             note="forced=\"truth\", ignore_positives; min_pos_iou above 0")
        for wrt in (True, False)
    ],
    Same("match_boxes", "pycocotools.mask.iou, all crowds, > ignore_iof_thr", lambda a, b: boxgrad.match_boxes(a, NOTHING, 0.5, 0.3, ignore=b)[0] == -3,
         lambda a, b: mask.iou(as_xywh(a), as_xywh(b), np.ones(len(b), np.uint8)).max(axis=1) > 0.5, box_sets.sets, **values_only, **with_boxes),
    *[
        Same(f.__name__, f"torchvision.ops.{f.__name__}, {reduction}", partial(f, reduction=reduction),
            partial(getattr(ops, f.__name__), reduction=reduction))
        for f in list(LOSSES.values())[1:] for reduction in ("none", "mean", "sum")
    ],
    Same("distance_box_iou_loss", "mmdetection diou_loss", boxgrad.distance_box_iou_loss,
         lambda a, b: peers.mmdetection_diou_loss(torch, a, b), kinds=("random", "nested", "disjoint", "huge"), **formula),
    *[Same(f.__name__, peer, partial(f, **options, **exact), partial(theirs, torch, **told), kinds=kinds, **formula)
        for f, peer, options, theirs, told, kinds in BOX_LOSSES],
    Same("bounded_iou_loss", "mmdetection bounded_iou_loss, summed over its four numbers", boxgrad.bounded_iou_loss,
         lambda a, b: peers.mmdetection_bounded_iou_loss(torch, a, b).sum(1), kinds=("random", "nested", "disjoint"), **formula,
         note="theirs has no gradient for the target"),
    Same("nwd_loss", "AI-TOD's NWD", partial(boxgrad.nwd_loss, constant=12.8), partial(peers.aitod_nwd_loss, torch), kinds=("random", "nested"), **formula),
    *[
        Same("smooth_l1_loss", f"torch.nn.functional.smooth_l1_loss, beta={beta:.2g}, {reduction}",
             partial(boxgrad.smooth_l1_loss, beta=beta, reduction=reduction),
             partial(torch.nn.functional.smooth_l1_loss, beta=beta, reduction=reduction),
             kinds=box_sets.ORDINARY if reduction == "mean" else KINDS)
        for beta in (0.0, 1 / 9, 1.0) for reduction in ("none", "mean", "sum")
    ],
    Same("smooth_l1_loss", "py-faster-rcnn, sigma=3, weights inside and outside",
         lambda p, t, i, o: boxgrad.smooth_l1_loss(p, t, sigma=3, inside_weights=i, outside_weights=o, reduction="none"),
         lambda p, t, i, o: peers.faster_rcnn_smooth_l1(torch, p, t, i, o, 3), weighted, gradients=False, **formula),
    Same("box_iou_loss", "mmdetection iou_loss, mode linear", partial(boxgrad.box_iou_loss, eps=0.0),
         lambda a, b: peers.mmdetection_iou_loss(torch, a, b), kinds=("nested", "identical"), **formula, note="where the IoU is at least its eps"),
    Same("generalized_box_iou_loss", "mmdetection giou_loss", partial(boxgrad.generalized_box_iou_loss, eps=0.0),
         lambda a, b: peers.mmdetection_giou_loss(torch, a, b), **formula, note="its eps counts below 1e-7 only"),
    Same("smooth_l1_loss", "mmdetection smooth_l1_loss, beta=0.11", partial(boxgrad.smooth_l1_loss, beta=1 / 9, reduction="none"),
         lambda p, t: peers.mmdetection_smooth_l1(torch, p, t, 1 / 9), **formula),
    Same("rotated_smooth_l1_loss", "torch.nn.functional.smooth_l1_loss of the sine's angle, atan(tan(da))",
         partial(boxgrad.rotated_smooth_l1_loss, reduction="none"),
         lambda p, t: torch.nn.functional.smooth_l1_loss(peers.within_half_a_turn(torch, p, t), t, reduction="none"), turned_pairs, kinds=("random", "nested", "disjoint")),
    Same("smooth_l1_loss", "mmdetection l1_loss", partial(boxgrad.smooth_l1_loss, beta=0.0, reduction="none"), lambda p, t: (p - t).abs(), **formula),
    *[
        Same("balanced_l1_loss", f"mmdetection balanced_l1_loss, beta={beta:.2g}",
             partial(boxgrad.balanced_l1_loss, beta=beta, reduction="none"),
             lambda p, t, beta=beta: peers.mmdetection_balanced_l1_loss(torch, p, t, beta), **formula)
        for beta in (1 / 9, 1.0)
    ],
    Same("distribution_focal_loss", "mmdetection distribution_focal_loss", partial(boxgrad.distribution_focal_loss, reduction="none"),
         lambda p, y: peers.mmdetection_distribution_focal_loss(torch, p.reshape(-1, 17), y.reshape(-1)).reshape(y.shape), distributions, **formula),
    Same("distribution_focal_loss", "ultralytics DFLoss, mean of all", boxgrad.distribution_focal_loss,
         lambda p, y: peers.ultralytics_distribution_focal_loss(torch, p.reshape(-1, 17), y).mean(), distributions, kinds=box_sets.ORDINARY, **formula),
    Same("decode_distribution", "mmdetection Integral", boxgrad.decode_distribution,
         lambda x: peers.mmdetection_integral(torch, x.reshape(len(x), 68), 16), lambda kind: distributions(kind)[:1], **formula),
    Same("encode_boxes", "torchvision BoxCoder.encode_single", partial(boxgrad.encode_boxes, stds=STDS),
         lambda p, t: coder.encode_single(t, p)),
    Same("encode_boxes", "detectron2 Box2BoxTransform.get_deltas", partial(boxgrad.encode_boxes, stds=STDS),
         lambda p, t: peers.detectron2_get_deltas(torch, p, t, WEIGHTS), **formula),
    Same("decode_boxes", "torchvision BoxCoder.decode_single", partial(boxgrad.decode_boxes, stds=STDS),
         lambda p, d: coder.decode_single(d, p), with_deltas),
    Same("decode_boxes", "detectron2 Box2BoxTransform.apply_deltas", partial(boxgrad.decode_boxes, stds=STDS),
         lambda p, d: peers.detectron2_apply_deltas(torch, p, d, WEIGHTS), with_deltas, **formula),
    Same("encode_boxes", "mmdetection DeltaXYWHBBoxCoder.encode (bbox2delta)", partial(boxgrad.encode_boxes, means=MEANS, stds=STDS),
         lambda p, t: peers.mmdetection_bbox2delta(torch, p, t, MEANS, STDS), **formula),
    Same("decode_boxes", "mmdetection DeltaXYWHBBoxCoder.decode (delta2bbox)",
         partial(boxgrad.decode_boxes, means=MEANS, stds=STDS, max_shape=(60, 90), log_ratio_clip=(np.log(16 / 1000), -np.log(16 / 1000))),
         lambda p, d: peers.mmdetection_delta2bbox(torch, p, d, MEANS, STDS, (60, 90)), with_deltas, **formula),
    Same("encode_distances", "torchvision BoxLinearCoder.encode, normalize_by_size=False", boxgrad.encode_distances,
         lambda p, b: detection.BoxLinearCoder(normalize_by_size=False).encode(torch.cat([p, p], dim=1), b), with_points, note="a point is a box without sides"),
    Same("encode_distances", "mmdetection bbox2distance, ultralytics bbox2dist before its clamp", boxgrad.encode_distances,
         lambda p, b: peers.mmdetection_bbox2distance(torch, p, b), with_points, **formula),
    Same("decode_distances", "mmdetection distance2bbox, ultralytics dist2bbox, xywh=False", boxgrad.decode_distances,
         lambda p, d: peers.mmdetection_distance2bbox(torch, p, d), with_points, **formula),
    Same("decode_distances", "torchvision BoxLinearCoder.decode, normalize_by_size=False", boxgrad.decode_distances,
         lambda p, d: detection.BoxLinearCoder(normalize_by_size=False).decode(d, torch.cat([p, p], dim=1)), with_points, note="a point is a box without sides"),
    Same("encode_linear", "torchvision BoxLinearCoder.encode", boxgrad.encode_linear, detection.BoxLinearCoder().encode),
    Same("decode_linear", "torchvision BoxLinearCoder.decode", boxgrad.decode_linear, lambda p, d: detection.BoxLinearCoder().decode(d, p), with_deltas),
    Same("encode_linear", "mmdetection bboxes2tblr, normalizer=1, as l, t, r, b", boxgrad.encode_linear,
         lambda p, b: peers.mmdetection_bboxes2tblr(torch, p, b, 1)[:, [2, 0, 3, 1]], **formula),
    Same("decode_linear", "mmdetection tblr2bboxes, normalizer=1, of l, t, r, b", boxgrad.decode_linear,
         lambda p, d: peers.mmdetection_tblr2bboxes(torch, p, d[:, [1, 3, 0, 2]], 1), with_deltas, **formula),
    Same("decode_linear", "ultralytics dist2bbox (YOLOv8), times the strides", boxgrad.decode_linear,
         lambda p, d: peers.ultralytics_dist2bbox(torch, d, (p[:, :2] + p[:, 2:]) / 2 / peers.sides(p), peers.sides(p)), with_squares,
         **formula, note="the squares of a stride about the points"),
    *[
        Same(f"TBLRBBoxCoder.{'encode' if of is box_sets.pairs else 'decode'}", f"mmdetection {peer.__name__.partition('_')[2]}{', normalize_by_wh=False' * (not by_size)}",
             lambda p, x, of=of, by_size=by_size: tblr(by_size).encode(p, x) if of is box_sets.pairs else tblr(by_size).decode(p, x),
             lambda p, x, peer=peer, by_size=by_size: peer(torch, p, x, NORMALIZER, by_size), of, **formula, **values_only)
        for peer, of in [(peers.mmdetection_bboxes2tblr, box_sets.pairs), (peers.mmdetection_tblr2bboxes, with_deltas)] for by_size in (True, False)
    ],
    Same("decode_yolo", "ultralytics YOLOv5's head, as corners", partial(boxgrad.decode_yolo, strides=8.0),
         lambda p, d: peers.ultralytics_v5_decode(torch, peers.sides(p), (p[:, :2] + p[:, 2:]) / 2 / 8 - 0.5, d, 8.0), with_deltas, **formula),
    Same("decode_yolo", "mmyolo YOLOv5BBoxCoder.decode", partial(boxgrad.decode_yolo, strides=8.0),
         lambda p, d: peers.mmyolo_v5_decode(torch, p, d, 8.0), with_deltas, **formula),
    *[
        Same("clip_grad_norm_", f"torch.nn.utils.clip_grad_norm_, p={p}", whole_tensors(lambda g, p=p: boxgrad.clip_grad_norm_(g, 9.0, p)),
             whole_tensors(lambda g, p=p: clipping.clip_grad_norm_(g, 9.0, p)), **values_only, **(with_boxes if p == np.inf else {}))
        for p in (1.0, 2.0, np.inf)
    ],
    Same("clip_grads_with_norm_", "torch.nn.utils.clip_grads_with_norm_", whole_tensors(lambda g: boxgrad.clip_grads_with_norm_(g, 9.0, 30.0)),
         whole_tensors(lambda g: clipping.clip_grads_with_norm_(g, 9.0, torch.tensor(30.0, dtype=torch.float64))), **values_only),
    Same("clip_grad_value_", "torch.nn.utils.clip_grad_value_", whole_tensors(lambda g: boxgrad.clip_grad_value_(g, 9.0)),
         whole_tensors(lambda g: clipping.clip_grad_value_(g, 9.0)), **values_only),
    Same("adaptive_clip_grad_", "timm adaptive_clip_grad", adaptive("torch"), lambda g, p: peers.adaptive_clip(torch, g, p, 0.5, 1e-3, 1), **values_only, **formula),
    Same("adaptive_clip_grad_", "optax adaptive_grad_clip", adaptive("optax"), lambda g, p: peers.adaptive_clip(torch, g, p, 0.5, 1e-3, 0), **values_only, **formula),
    Same("clip_grad_rms_", "optax clip_by_block_rms", block_rms, lambda g, _: peers.optax_block_rms(torch, g, 20.0), **values_only, **formula, **with_boxes),
    Same("get_total_norm", "torch.nn.utils.get_total_norm", lambda a, b: np.float64(boxgrad.get_total_norm([a, b])),
         lambda a, b: clipping.get_total_norm([a, b]), **values_only),
    Same("nms", "torchvision.ops.nms", lambda b, s: boxgrad.nms(b, s, 0.4), lambda b, s: peers.nms(torch, b, s, 0.4), with_scores, **formula, **values_only),
    Same("batched_nms", "torchvision.ops.batched_nms", lambda b, s: boxgrad.batched_nms(b, s, classes_of(b), 0.4),
         lambda b, s: peers.batched_nms(torch, b, s, torch.tensor(classes_of(b)), 0.4), with_scores, **formula, **values_only),
    Same("batched_nms", "torchvision.ops.batched_nms, None as classes", lambda b, s: boxgrad.batched_nms(b, s, None, 0.4),
         lambda b, s: ops.batched_nms(b, s, None, 0.4), with_scores, kinds=("none at all",), **values_only),
    *[
        Same("soft_nms", f"mmcv soft_nms, {method}", lambda b, s, method=method: in_place(boxgrad.soft_nms(b, s, 0.5, 0.5, 0.01, method), s),
             lambda b, s, method=method: peers.mmcv_soft_nms(torch, b, s, 0.5, 0.5, 0.01, method), with_scores, **formula, **values_only,
             note="at its bounds: see below")
        for method in ("linear", "gaussian")
    ],
    Same("rotated_nms", "detectron2 nms_rotated, of shapely's IoU", lambda b, s: boxgrad.rotated_nms(b, s, 0.4, angle="degrees-ccw"),
         lambda b, s: peers.detectron2_nms_rotated(b, s, 0.4), turned_with_scores, **formula, **values_only),
    Same("rotated_nms", "powerboxes.rotated_nms, degrees clockwise", lambda b, s: boxgrad.rotated_nms(b, s, 0.4, angle="degrees-cw"),
         lambda b, s: powerboxes.rotated_nms(b.astype(float), s.astype(float), 0.4, 0.0).astype(int), turned_with_scores, **values_only,
         kinds=("random", "nested", "disjoint"), note="equal boxes: see rotated_box_iou below"),
    Same("batched_rotated_nms", "detectron2 batched_nms_rotated, of shapely's IoU",
         lambda b, s: boxgrad.batched_rotated_nms(b, s, classes_of(b), 0.4, angle="degrees-ccw"),
         lambda b, s: peers.detectron2_batched_nms_rotated(b, s, torch.tensor(classes_of(b)), 0.4), turned_with_scores, **formula, **values_only),
    *[
        Same("soft_rotated_nms", f"mmcv soft_nms, {method}, of shapely's IoU",
             lambda b, s, method=method: in_place(boxgrad.soft_rotated_nms(b, s, 0.5, 0.5, 0.01, method, angle="degrees-cw"), s),
             lambda b, s, method=method: peers.mmcv_soft_nms(torch, b, s, 0.5, 0.5, 0.01, method, torch.tensor(peers.shapely_iou(b, b))),
             turned_with_scores, **formula, **values_only, note="at its bounds: see soft_nms below")
        for method in ("linear", "gaussian")
    ],
    Same("match_rotated_boxes", "torchvision.models.detection Matcher, of shapely's IoU",
         lambda p, t: boxgrad.match_rotated_boxes(p, t, 0.5, 0.3, angle="degrees-cw")[0],
         lambda p, t: detection.Matcher(0.5, 0.3)(torch.tensor(peers.shapely_iou(t, p))), lambda kind: (turned_pairs(kind)[0], turned_pairs(kind)[1][:7]),
         **values_only, **with_boxes),
    Same("Matcher", "torchvision.models.detection Matcher of the overlaps", lambda a, b: boxgrad.Matcher(0.5, 0.3)(boxgrad.box_iou(a, b)),
         lambda a, b: detection.Matcher(0.5, 0.3)(ops.box_iou(a, b)), box_sets.sets, **values_only, **with_boxes),
    Same("match_boxes", "torchvision.models.detection Matcher, box_iou", lambda p, t: boxgrad.match_boxes(p, t, 0.5, 0.3)[0],
         lambda p, t: detection.Matcher(0.5, 0.3)(ops.box_iou(t, p)), box_sets.sets, **values_only, **with_boxes),
]  # fmt: skip


def as_array(x):
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def greatest_difference(row, kind, dtype):
    """Relative to the larger of 1 and a value, or of 1 and a gradient row's largest; and of how many numbers."""
    arrays = [x[:0] if kind == KINDS[-1] else x for x in row.inputs("random" if kind == KINDS[-1] else kind)]
    arrays = [x.astype(dtype) for x in arrays]
    of_arrays = row.peer.startswith(("1 - powerboxes", "powerboxes", "pycocotools"))
    tensors = arrays if of_arrays else [torch.tensor(x, requires_grad=row.gradients) for x in arrays]
    theirs = row.theirs(*tensors)
    expected, value = [as_array(theirs)], [np.asarray(row.ours(*arrays))]
    scales = [np.maximum(1, np.abs(expected[0]))]
    if row.gradients:
        function, options = (row.ours.func, row.ours.keywords) if isinstance(row.ours, partial) else (row.ours, {})
        cotangent = np.random.default_rng(0).normal(size=np.shape(value[0])).astype(dtype)
        value += boxgrad.vjp(function, *arrays, **options)[1](cotangent)
        expected += [x.numpy() for x in torch.autograd.grad(theirs, tensors, torch.tensor(cotangent).expand_as(theirs))]
        scales += [np.maximum(1, row_maximum(x)) for x in expected[1:]]
    assert [v.shape for v in value] == [e.shape for e in expected]
    differences = [np.max(np.abs(v.astype(float) - e) / s, initial=0.0) for v, e, s in zip(value, expected, scales)]
    return max(differences), sum(x.size for x in value)


# Different on purpose


def error_of(call):
    try:
        return call()
    except BaseException as error:  # a Rust panic is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        return type(error)


def shown(x):
    if isinstance(x, type) or x is None or isinstance(x, str):
        return getattr(x, "__name__", str(x))
    numbers = np.ravel(as_array(x)).astype(float) + 0.0
    return ", ".join(f"{number:.5g}" for number in numbers) or "nothing"


def gradient(function, a, b, **options):
    """d sum / d a, of torch's or of ours."""
    if function.__module__.startswith("boxgrad"):
        return boxgrad.vjp(function, np.array(a), np.array(b), **options)[1](1.0)[0]
    a = torch.tensor(a, requires_grad=True)
    function(a, torch.tensor(b), **options).sum().backward()
    return a.grad


def clipped(clip, values, *arguments, dtype="float32", **options):
    """The gradient of these values after clipping, with torch's or with ours."""
    if clip.__module__.startswith("boxgrad"):
        array = np.array(values, dtype)
        clip([array], *arguments, **options)
        return array
    tensor = torch.tensor(values, dtype=getattr(torch, dtype))
    clip([types.SimpleNamespace(grad=tensor)], *arguments, **options)
    return tensor


def doubles(*rows):
    return np.array(rows, np.float64)


BOX, SHIFTED, POINT, FLAT = [[0.0, 0, 2, 2]], [[1.0, 1, 3, 3]], [[3.0, 4, 3, 4]], [[3.0, 4, 8, 4]]
RIGHT, FIVE = [[2.0, 0, 4, 2]], [[0.0, 0, 5, 5]]
WIDE = [[0, 0, 100_000, 100_000]]
HALVES = [[0.0, 0, 10, 10], [0, 0, 10, 5]]
FAR = [[9.0, 9, 11, 11]]
TINY = [[0.0, 0, 1e-4, 1e-4]]
STRIDED = np.array([[0.0, 0, 2, 2, 0.9], [1, 1, 3, 3, 0.8]])[:, :4]
NOTHING = np.empty((0, 4))
t = torch.tensor

TURNED = np.array([[0.0, 3, 2, 4, 15]])

DIFFERS = [
    Differs("rotated_box_iou", "a box and itself", "powerboxes", lambda: 1 - powerboxes.rotated_iou_distance(TURNED, TURNED),
            lambda: boxgrad.rotated_box_iou(TURNED, TURNED, angle="degrees-cw"), "an area in closed form counts nothing twice where edges coincide"),
    Differs("rotated_box_iou", "two boxes without area", "powerboxes", lambda: 1 - powerboxes.rotated_iou_distance(0 * TURNED, 0 * TURNED),
            lambda: boxgrad.rotated_box_iou(0 * TURNED, 0 * TURNED, angle="degrees-cw"), "0 / 0 is 0"),
    Differs("gwd_loss", "a box and itself", "mmrotate gwd_loss", lambda: peers.mmrotate_gwd_loss(torch, t(TURNED), t(TURNED)),
            lambda: boxgrad.gwd_loss(TURNED, TURNED, angle="radians-cw"), "differences come first, so that nothing needs a guard"),
    Differs("kld_loss", "a box and itself", "mmrotate kld_loss", lambda: peers.mmrotate_kld_loss(torch, t(TURNED), t(TURNED)),
            lambda: boxgrad.kld_loss(TURNED, TURNED, angle="radians-cw"), "as above"),
    Differs("probiou_loss", "a box and itself", "ultralytics probiou", lambda: peers.ultralytics_probiou_loss(torch, t(TURNED), t(TURNED)),
            lambda: boxgrad.probiou_loss(TURNED, TURNED, angle="radians-cw"), "as above"),
    Differs("box_area", "int32, a side of 100000", "torchvision", lambda: ops.box_area(t(WIDE, dtype=torch.int32)),
            lambda: boxgrad.box_area(np.array(WIDE, np.int32)), "integers are computed in float64 and do not wrap"),
    Differs("box_area", "int16, a side of 300", "powerboxes", lambda: powerboxes.boxes_areas(np.array([[0, 0, 300, 300]], np.int16)),
            lambda: boxgrad.box_area(np.array([[0, 0, 300, 300]], np.int16)), "the same"),
    Differs("box_convert", "int64, xyxy to xywh: type of the result", "torchvision",
            lambda: str(ops.box_convert(t([[0, 0, 3, 3]]), "xyxy", "xywh").dtype),
            lambda: str(boxgrad.box_convert([[0, 0, 3, 3]], "xyxy", "xywh").dtype),
            "one type for all formats: a centre is not whole, and float64 holds integers exactly"),
    Differs("box_convert", "uint8, xywh (200, 0, 100, 9) to xyxy", "torchvision",
            lambda: ops.box_convert(t([[200, 0, 100, 9]], dtype=torch.uint8), "xywh", "xyxy"),
            lambda: boxgrad.box_convert(np.array([[200, 0, 100, 9]], np.uint8), "xywh", "xyxy"), "integers do not wrap"),
    Differs("box_iou", "int64 boxes: type of the result", "torchvision",
            lambda: str(ops.box_iou(t([[0, 0, 3, 3]]), t([[0, 0, 2, 3]])).dtype),
            lambda: str(boxgrad.box_iou([[0, 0, 3, 3]], [[0, 0, 2, 3]]).dtype), "float64 holds integer coordinates exactly"),
    Differs("box_iou", "int16, 300 x 300 against its lower third", "powerboxes",
            lambda: 1 - powerboxes.iou_distance(np.array([[0, 0, 300, 300]], np.int16), np.array([[0, 0, 300, 100]], np.int16)),
            lambda: boxgrad.box_iou(np.array([[0, 0, 300, 300]], np.int16), np.array([[0, 0, 300, 100]], np.int16)), "the same"),
    Differs("box_iou", "a point against itself", "torchvision", lambda: ops.box_iou(t(POINT), t(POINT)),
            lambda: boxgrad.box_iou(POINT, POINT),
            "0/0 is 0: finite boxes never give NaN"),
    Differs("box_iou", "x1 is NaN", "pycocotools", lambda: mask.iou(doubles([np.nan, 0, 2, 2]), doubles([0, 0, 2, 2]), [0]),
            lambda: boxgrad.box_iou(doubles([np.nan, 0, 2, 2]), doubles([0, 0, 2, 2]), "xywh"),
            "NaN stays visible in its own row and column"),
    Differs("box_iou", "no boxes against one: shape", "powerboxes",
            lambda: error_of(lambda: powerboxes.iou_distance(NOTHING, doubles(*BOX))),
            lambda: str(boxgrad.box_iou(NOTHING, BOX).shape), "empty input is no special case"),
    Differs("box_iou", "rows of a table with scores", "powerboxes", lambda: error_of(lambda: powerboxes.iou_distance(STRIDED, STRIDED)),
            lambda: boxgrad.box_iou(STRIDED, STRIDED), "rows may be strided, and are not copied"),
    Differs("box_iou", "identical boxes of 1e-4", "mmdetection", lambda: peers.mmdetection_overlaps(torch, t(TINY), t(TINY)),
            lambda: boxgrad.box_iou(TINY, TINY), "no eps: any unit gives the same", "formula"),
    Differs("box_iou", "touching boxes, gradient", "detectron2",
            lambda: gradient(partial_of(peers.detectron2_pairwise_iou), BOX, RIGHT), lambda: gradient(boxgrad.box_iou, BOX, RIGHT),
            "a clamp passes the gradient at its bound, as in torchvision", "formula"),
    Differs("box_iou", "identical boxes, gradient", "TensorFlow's ties", lambda: gradient(partial_of(peers.one_sided_iou), BOX, BOX),
            lambda: gradient(boxgrad.box_iou, BOX, BOX), "ties are split: what is perfect is not pushed", "formula"),
    Differs("box_iou", "boxes of three numbers", "torchvision", lambda: error_of(lambda: ops.box_iou(t([[0.0, 0, 2]]), t(BOX))),
            lambda: error_of(lambda: boxgrad.box_iou([[0.0, 0, 2]], BOX)), "the message names the argument and its shape"),
    Differs("box_iou", "5000 x 2000: temporary memory, in sizes of the result", "torchvision",
            lambda: temporaries(ops.box_iou, torch.tensor),
            lambda: temporaries(boxgrad.box_iou, np.array), "scratch is bounded"),
    Differs("generalized_box_iou", "a point against itself", "torchvision", lambda: ops.generalized_box_iou(t(POINT), t(POINT)),
            lambda: boxgrad.generalized_box_iou(POINT, POINT), "0/0 is 0"),
    Differs("distance_box_iou", "2 x 2 boxes, one apart both ways", "powerboxes",
            lambda: 1 - powerboxes.diou_distance(doubles(*BOX), doubles(*SHIFTED)),
            lambda: boxgrad.distance_box_iou(BOX, SHIFTED), "the enclosing box's own diagonal (Zheng 2020)"),
    Differs("distance_box_iou", "the same", "darknet", lambda: peers.darknet_diou(torch, t(BOX), t(SHIFTED)),
            lambda: boxgrad.distance_box_iou(BOX, SHIFTED), "the penalty as published, not to the power of 0.6", "formula"),
    Differs("distance_box_iou", "the same, slope by the centre's x", "darknet",
            lambda: peers.darknet_diou_gradient_x(torch, t(BOX), t(SHIFTED)),
            lambda: gradient(boxgrad.distance_box_iou, BOX, SHIFTED)[:, [0, 2]].sum(),
            "the diagonal's derivative has its sign", "formula"),
    Differs("complete_box_iou", "a point against itself", "torchvision", lambda: ops.complete_box_iou(t(POINT), t(POINT)),
            lambda: boxgrad.complete_box_iou(POINT, POINT), "0/0 is 0"),
    Differs("generalized_box_iou_loss", "2 and 3 boxes", "torchvision", lambda: error_of(lambda: ops.generalized_box_iou_loss(torch.ones(2, 4), torch.ones(3, 4))),
            lambda: error_of(lambda: boxgrad.generalized_box_iou_loss(np.ones((2, 4)), np.ones((3, 4)))), "a wrong argument is a ValueError or a TypeError"),
    Differs("complete_box_iou_loss", "a flat box, gradient", "torchvision", lambda: gradient(ops.complete_box_iou_loss, FLAT, FIVE),
            lambda: gradient(boxgrad.complete_box_iou_loss, FLAT, FIVE), "atan(w/0) has a finite gradient"),
    Differs("complete_box_iou_loss", "a point", "torchvision", lambda: ops.complete_box_iou_loss(t(POINT), t(FIVE)),
            lambda: boxgrad.complete_box_iou_loss(POINT, FIVE), "atan(0/0) is 0"),
    Differs("complete_box_iou_loss", "squares, eps=10", "torchvision", lambda: ops.complete_box_iou_loss(t(BOX), t(SHIFTED), eps=10.0),
            lambda: boxgrad.complete_box_iou_loss(BOX, SHIFTED, eps=10.0), "eps guards the distance, too: squares have the DIoU loss"),
    Differs("complete_box_iou_loss", "identical boxes, float32", "mmdetection",
            lambda: peers.mmdetection_ciou_loss(torch, t(FIVE), t(FIVE)),
            lambda: boxgrad.complete_box_iou_loss(np.float32(FIVE), np.float32(FIVE)), "alpha has an eps, and 0/0 is 0", "formula"),
    Differs("complete_box_iou_loss", "7 x 3 against 2 x 3 within it", "keras-cv", lambda: peers.keras_cv_ciou_loss(torch, t([[0.0, 0, 7, 3]]), t([[0.0, 0, 2, 3]])),
            lambda: boxgrad.complete_box_iou_loss([[0.0, 0, 7, 3]], [[0.0, 0, 2, 3]]),
            "v has the factor 4 / pi^2, as published, and not its square: the four pairs of its test give 1.03202 there, and 1.132892 with it", "formula"),
    Differs("efficient_box_iou_loss", "2 x 2 boxes, one apart both ways", "mmdetection eiou_loss",
            lambda: peers.mmdetection_eiou_loss(torch, t(BOX), t(SHIFTED)), lambda: boxgrad.efficient_box_iou_loss(BOX, SHIFTED),
            "EIoU is Efficient IoU (Zhang 2021); theirs is Extended IoU, another loss", "formula"),
    Differs("siou_loss", "the same", "mmdetection siou_loss", lambda: peers.mmdetection_siou_loss(torch, t(BOX), t(SHIFTED)),
            lambda: boxgrad.siou_loss(BOX, SHIFTED), "without neg_gamma=True distance is rewarded", "formula"),
    Differs("siou_loss", "identical boxes", "mmdetection siou_loss", lambda: peers.mmdetection_siou_loss(torch, t(BOX), t(BOX), neg_gamma=True),
            lambda: boxgrad.siou_loss(BOX, BOX, eps=0.0), "without an eps their angle is 0/0; here equal centres have no distance", "formula"),
    Differs("nwd_loss", "identical boxes, gradient", "AI-TOD's NWD", lambda: gradient(partial_of(peers.aitod_nwd_loss), BOX, BOX),
            lambda: gradient(boxgrad.nwd_loss, BOX, BOX, constant=12.8), "the tip of the root has the slope 0", "formula"),
    Differs("bounded_iou_loss", "2 x 2 boxes, one apart both ways, mean", "mmdetection bounded_iou_loss",
            lambda: peers.mmdetection_bounded_iou_loss(torch, t(BOX), t(SHIFTED)).mean(),
            lambda: boxgrad.bounded_iou_loss(BOX, SHIFTED, reduction="mean"), "a box has one loss, the sum of its four numbers", "formula"),
    Differs("log_box_iou_loss", "boxes apart, linear, 1 - loss", "mmdetection iou_loss",
            lambda: 1 - peers.mmdetection_iou_loss(torch, t(BOX), t(FAR), "linear"), lambda: 1 - boxgrad.log_box_iou_loss(BOX, FAR, mode="linear"),
            "the least IoU is the logarithm's; the gradients are equal, 0", "formula"),
    Differs("log_box_iou_loss", "sides of 1e-4, identical", "mmdetection iou_loss", lambda: peers.mmdetection_iou_loss(torch, t(TINY), t(TINY), "log"),
            lambda: boxgrad.log_box_iou_loss(TINY, TINY, eps=0.0), "eps is the caller's, and no least area", "formula"),
    Differs("smooth_l1_loss", "mean of nothing", "torch", lambda: torch.nn.functional.smooth_l1_loss(t(NOTHING), t(NOTHING)),
            lambda: boxgrad.smooth_l1_loss(NOTHING, NOTHING), "a batch without objects has no loss"),
    Differs("smooth_l1_loss", "float16: type of the result", "torch",
            lambda: str(torch.nn.functional.smooth_l1_loss(t([0.1]).half(), t([0.0]).half()).dtype),
            lambda: str(boxgrad.smooth_l1_loss(np.float16([0.1]), np.float16([0])).dtype), "half types are computed in float32"),
    Differs("distribution_focal_loss", "17 bins, label 16", "mmdetection",
            lambda: error_of(lambda: peers.mmdetection_distribution_focal_loss(torch, torch.zeros(1, 17), t([16.0]))),
            lambda: boxgrad.distribution_focal_loss(np.zeros((1, 17)), [16.0]), "the label is clamped, as in ultralytics", "formula"),
    Differs("distribution_focal_loss", "label 0, a bin of -inf above it", "ultralytics",
            lambda: peers.ultralytics_distribution_focal_loss(torch, t([[0.0, -np.inf, 0.0]]), t([0.0])),
            lambda: boxgrad.distribution_focal_loss([[0.0, -np.inf, 0.0]], [0.0]), "a bin without a share of the label counts for nothing", "formula"),
    Differs("distribution_focal_loss", "mean of nothing", "mmdetection",
            lambda: peers.mmdetection_distribution_focal_loss(torch, torch.empty(0, 17), torch.empty(0)).mean(),
            lambda: boxgrad.distribution_focal_loss(np.empty((0, 17)), []), "a batch without objects has no loss", "formula"),
    Differs("clip", "min 2, max 1", "torch.clamp", lambda: torch.clamp(t([0.0, 5.0]), 2.0, 1.0),
            lambda: error_of(lambda: boxgrad.clip([0.0, 5.0], 2, 1)),
            "no number lies between"),
    Differs("encode_boxes", "a proposal without width", "torchvision", lambda: coder.encode_single(t(BOX), t([[1.0, 0, 1, 2]])),
            lambda: error_of(lambda: boxgrad.encode_boxes([[1.0, 0, 1, 2]], BOX)),
            "it names the rows; on_degenerate chooses zeros or the formula's own"),
    Differs("encode_linear", "a proposal without width", "torchvision", lambda: detection.BoxLinearCoder().encode(t([[1.0, 0, 1, 2]]), t(BOX)),
            lambda: boxgrad.encode_linear([[1.0, 0, 1, 2]], BOX), "a distance in a side of 0 is 0"),
    Differs("clip_grad_norm_", "(3, 4), max_norm -1", "torch", lambda: clipped(clipping.clip_grad_norm_, [3.0, 4.0], -1.0),
            lambda: error_of(lambda: clipped(boxgrad.clip_grad_norm_, [3.0, 4.0], -1.0)), "a negative limit would turn the step round"),
    Differs("clip_grad_norm_", "(3e20, 4e20), max_norm 1", "torch", lambda: clipped(clipping.clip_grad_norm_, [3e20, 4e20], 1.0),
            lambda: clipped(boxgrad.clip_grad_norm_, [3e20, 4e20], 1.0), "squares are summed exactly"),
    Differs("clip_grad_norm_", "(1, inf), max_norm 1", "torch", lambda: clipped(clipping.clip_grad_norm_, [1.0, np.inf], 1.0),
            lambda: clipped(boxgrad.clip_grad_norm_, [1.0, np.inf], 1.0, on_nonfinite="skip"),
            'the default does as torch; on_nonfinite="skip", shown here, leaves them to the caller'),
    Differs("get_total_norm", "(0, 3, 4), p=-1", "torch", lambda: clipping.get_total_norm([t([0.0, 3.0, 4.0])], -1.0),
            lambda: error_of(lambda: boxgrad.get_total_norm([doubles(0.0, 3.0, 4.0)], -1.0)),
            "no norm: one element that is 0 makes it 0, and nothing is clipped"),
    Differs("get_total_norm", "(0, 3, 4) and (5), p=0", "torch", lambda: clipping.get_total_norm([t([0.0, 3.0, 4.0]), t([5.0])], 0.0),
            lambda: error_of(lambda: boxgrad.get_total_norm([doubles(0.0, 3.0, 4.0), doubles(5.0)], 0.0)),
            "no norm: torch counts the tensors that are not all 0"),
    Differs("get_total_norm", "2^25 float32 of 0.001", "torch", lambda: how_low(clipping.get_total_norm([torch.full((2**25,), 1e-3)])),
            lambda: how_low(boxgrad.get_total_norm([np.full(2**25, 1e-3, np.float32)])), "sums are exact"),
    Differs("get_total_norm", "an empty tensor, p=inf", "torch",
            lambda: error_of(lambda: clipping.get_total_norm([torch.empty(0)], np.inf)),
            lambda: boxgrad.get_total_norm([np.empty(0)], np.inf), "the norm of nothing is 0"),
    Differs("soft_nms", "an IoU of iou_threshold, 0.5: scores", "mmcv",
            lambda: peers.mmcv_soft_nms(torch, t(HALVES), t([0.8, 0.6]), 0.5, 0.5, 0.01, "linear"),
            lambda: boxgrad.soft_nms(HALVES, [0.8, 0.6], 0.5, 0.5, 0.01)[1], "a box is lowered above iou_threshold, as nms drops it", "formula"),
    Differs("soft_nms", "a score that becomes min_score, 0.25: scores", "mmcv",
            lambda: peers.mmcv_soft_nms(torch, t(HALVES), t([0.8, 0.5]), 0.3, 0.5, 0.25, "linear"),
            lambda: boxgrad.soft_nms(HALVES, [0.8, 0.5], 0.3, 0.5, 0.25)[1], "scores above min_score stay, as those above score_threshold do in nms", "formula"),
    Differs("Matcher", "a truth that nothing overlaps, low-quality matches", "torchvision",
            lambda: detection.Matcher(0.7, 0.3, True)(t(LONELY)), lambda: boxgrad.Matcher(0.7, 0.3, True)(LONELY),
            "no overlap is no match"),
    Differs("Matcher", "a truth that nothing overlaps, forced=\"truth\"", "mmdetection, min_pos_iou=0",
            lambda: in_our_codes(peers.mmdetection_assign(torch, t(LONELY), 0.7, 0.3)),
            lambda: boxgrad.Matcher(0.7, 0.3, True, forced="truth")(LONELY), "no overlap is no match", "formula"),
    Differs("Matcher", "two truths with the same best proposal, forced=\"truth\"", "TensorFlow ArgMaxMatcher, Keras BoxMatcher",
            lambda: peers.tensorflow_match(torch, t(RIVALS), 0.7, 0.3), lambda: boxgrad.Matcher(0.7, 0.3, True, forced="truth")(RIVALS),
            "the last truth has it, as in mmdetection; theirs gives it to the first", "formula"),
    Differs("Matcher", "a truth with two best proposals, forced=\"truth\"", "TensorFlow ArgMaxMatcher, Keras BoxMatcher",
            lambda: peers.tensorflow_match(torch, t(RIVALS[:1, [2, 2]]), 0.7, 0.3),
            lambda: boxgrad.Matcher(0.7, 0.3, True, forced="truth")(RIVALS[:1, [2, 2]]),
            "both are matched, as in torchvision and mmdetection; theirs matches the first", "formula"),
    Differs("match_boxes", "a proposal in a crowd, no truths, ignore_positives", "mmdetection",
            lambda: in_our_codes(peers.mmdetection_assign(torch, torch.empty(0, 1), 0.7, 0.3, ignored=torch.tensor([True]))),
            lambda: boxgrad.match_boxes(BOX, NOTHING, 0.7, 0.3, ignore=BOX, ignore_positives=True)[0],
            "a crowd is no background, whether the image has truths or not", "formula"),
    Differs("Matcher", "no truths", "torchvision", lambda: error_of(lambda: detection.Matcher(0.7, 0.3)(torch.empty(0, 2))),
            lambda: boxgrad.Matcher(0.7, 0.3)(np.empty((0, 2))), "an image without objects is all background"),
]  # fmt: skip


def partial_of(formula_of_torch):
    def function(a, b):
        return formula_of_torch(torch, a, b)

    return function


def how_low(norm):
    """In words: by how much depends on the CPU's vectors."""
    error = float(norm) / (float(np.float32(1e-3)) * 2**12.5) - 1
    return "right to 1e-13" if abs(error) < 1e-13 else "more than 0.5 % low" if error < -0.005 else f"{error:.3g}"


def temporaries(iou, convert):
    """The most memory that was resident during the call, less what it returned, in sizes of that."""
    def peak():
        return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

    a, b = (convert(np.tile(np.float32([0, 0, 2, 2]), (n, 1))) for n in (5000, 2000))
    with open("/proc/self/clear_refs", "w") as restart:
        restart.write("5")
    before = peak()
    size = as_array(iou(a, b)).nbytes
    return max(0, round((peak() - before) / size - 1))


# The page


HEAD = """# Parity

What boxgrad's functions give beside what other libraries give for the same. Made by `python bindings/python/tests/parity_page.py`, which
runs every row; the tests fail if one no longer holds. "Run here": the library itself (torch {torch}, torchvision {torchvision},
pycocotools and powerboxes, as pinned in `requirements/test.txt`). "Formula": not the library's code, but its published formula, written
down in `bindings/python/tests/peers.py`. On NVIDIA GPUs the same functions give the same bits ([cuda.md](cuda.md)): what
is equal here is equal there.

## Equal

In float64 to {tolerance:g} of the larger of 1 and the value, gradients to that of the row's largest entry. In float32 to {float32:g},
on pairs whose digits do not cancel ({plain}). Inputs: pairs of boxes that are {kinds};
where the peer takes it, no box at all. Gradients are torch's autograd, kinks included.

| function | peer | compared | numbers |
| --- | --- | --- | --: |
"""

MIDDLE = """
Published tables of numbers (torchvision, detectron2, fvcore, mmdetection, TensorFlow, Keras, optax, powerboxes) are compared in
`test_known_answers.py`.

## Different on purpose

| function | case | peer | peer gives | boxgrad gives | why |
| --- | --- | --- | --- | --- | --- |
"""

FOOT = """
Numbers that optax 0.2.8 and timm 1.0.31 gave for clipping of units are in test_gradient_units.py, and the counts of mmdetection's RandomSampler with
neg_pos_ub and of TensorFlow's sampler without a batch size in test_sampling.py. Matching and sampling equal torchvision's in test_matching.py and test_sampling.py and, on real proposals, in test_two_stage.py; suppression equals
its definition, pair by pair, in test_suppression.py, and torchvision's operator where that loads.

torchvision's Faster, Mask and Keypoint R-CNN run on boxgrad's coder, matcher and sampler, and its FCOS on the coder, in
test_torchvision_detectors.py, with and without objects in the images: their losses, the gradients of their weights and what they detect are the
same to 1e-14 (float32: to 1e-6).
"""


def numbers_compared(row):
    return sum(greatest_difference(row, kind, np.float64)[1] for kind in row.kinds)


def differences():
    """Each case with what the peer gives and what ours gives."""
    return [(row, shown(row.theirs()), shown(row.ours())) for row in DIFFERS]


def page(different):
    text = HEAD.format(torch=torch.__version__.split("+")[0], torchvision=torchvision.__version__.split("+")[0], tolerance=TOLERANCE,
                       float32=FLOAT32_TOLERANCE, plain=", ".join(PLAIN), kinds=", ".join(box_sets.ORDINARY))  # fmt: skip
    for row in SAME:
        what = "values and gradients" if row.gradients else "values"
        how = MEANING[row.how] + (f"; {row.note}" if row.note else "")
        text += f"| `{row.function}` | {row.peer} | {what}; {how} | {numbers_compared(row)} |\n"
    text += MIDDLE
    for row, theirs, ours in different:
        how = "" if row.how == "live" else " (formula)"
        text += f"| `{row.function}` | {row.case} | {row.peer}{how} | {theirs} | {ours} | {row.reason} |\n"
    return text + FOOT


if __name__ == "__main__":
    PAGE.write_text(page(differences()))
