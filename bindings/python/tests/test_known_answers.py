"""Tables published by other libraries (numbers only): every entry that our functions can answer."""

import boxgrad
import numpy as np
import pytest
import shapely
from overlap_functions import METRICS, PAIRWISE
from tolerances import assert_within

FLIP = [1, 0, 3, 2]
"""TensorFlow's (y, x) order to ours and back, of boxes and of deltas."""


def pairwise(metric):
    return lambda i: PAIRWISE[metric](i["boxes1"], i["boxes2"])


def aligned(metric):
    return lambda i: boxgrad.aligned_box_iou(i["boxes1"], i["boxes2"], metric=metric)


def loss(function):
    return lambda i: function(*np.moveaxis(np.array(i["pairs"], float), 1, 0))


def encode_yx(i):
    boxes, anchors = (np.array(i[name])[:, FLIP] for name in ("boxes", "anchors"))
    stds = tuple(1 / np.array(i.get("scale_factors", [1] * 4), float)[FLIP])
    return boxgrad.encode_boxes(anchors, boxes, stds=stds)[:, FLIP]


def decode(i, **options):
    return boxgrad.DeltaXYWHBBoxCoder(**options).decode(i["rois"], i["deltas"], max_shape=i["max_shape"])


def smooth_l1(i):
    return boxgrad.smooth_l1_loss(i["input"], i["target"], beta=i["beta"], reduction="none")


def weighted_smooth_l1(i):
    prediction = np.array(i["prediction"])
    weights = np.array(i["weights"], float)[..., None]
    return [boxgrad.smooth_l1_loss(prediction, np.zeros_like(prediction), outside_weights=weights, reduction="sum")]


def rotated_bounds(i):
    """Boxes as (cx, cy, w, h, angle), counter-clockwise in degrees."""
    bounds = []
    for *box, degrees in np.atleast_2d(i.get("boxes", i.get("box"))).astype(float):
        corners = boxgrad.box_convert([box], "cxcywh", "xyxy")
        bounds.append(boxgrad.rotate_boxes(corners, degrees, tuple(box[:2]))[1][0])
    return np.squeeze(bounds)


def in_degrees(i):
    return rotated_bounds({"box": [*i["box"][:4], -np.degrees(i["box"][4])]})


def iou_with_inclusive_corners(i):
    """The +1 pixel convention: a box of one pixel has the width 1."""
    return boxgrad.box_iou(*(np.array(i[k], float)[..., :4] + (0, 0, 1, 1) for k in ("boxes1", "boxes2")))


def share_of_boxes2(i):
    """The intersection by the area of boxes2."""
    iou, areas1, areas2 = boxgrad.box_iou(i["boxes1"], i["boxes2"]), boxgrad.box_area(i["boxes1"]), boxgrad.box_area(i["boxes2"])
    return iou / (1 + iou) * (areas1[:, None] + areas2) / areas2


def mean_giou_loss(i):
    truth, predictions = (boxgrad.box_convert(np.array(i[k], float), "xywh", "xyxy") for k in ("y_true_xywh", "y_pred_xywh"))
    return [boxgrad.generalized_box_iou_loss(predictions, truth, "mean")]


def kept(i, **options):
    return boxgrad.nms(i["boxes"], i["scores"], 0.3, **options)


def soft(method):
    return lambda i: np.stack(boxgrad.soft_nms(i["boxes"], i["scores"], 0.3, 0.5, 0.01, method))


ANSWERS = {
    **{f"tv-{f.__name__}": pairwise(m) for m, f in PAIRWISE.items()},
    **{f"tv-float-{f.__name__}": pairwise(m) for m, f in PAIRWISE.items()},
    "tv-box_area": lambda i: boxgrad.box_area(i["boxes"]),
    "fv-giou-loss": loss(boxgrad.generalized_box_iou_loss),
    "tv-distance_box_iou_loss": loss(boxgrad.distance_box_iou_loss),
    "tv-complete_box_iou_loss": loss(boxgrad.complete_box_iou_loss),
    "d2-pairwise-iou": pairwise("iou"),
    "d2-pairwise-ioa": share_of_boxes2,
    "mmcv-iou-offset1": iou_with_inclusive_corners,
    "mmcv-iou-offset1-b": iou_with_inclusive_corners,
    "d2-xywha-to-xyxy": rotated_bounds,
    "tf-frcnn-encode": encode_yx,
    "tf-frcnn-encode-scaled": encode_yx,
    "mmdet-decode": decode,
    "mmdet-decode-ctr-clamp": lambda i: decode(i, add_ctr_clamp=True, ctr_clamp=i["ctr_clamp"]),
    "mmrotate-rbox2hbox": in_degrees,
    "tfa-giou-loss": loss(boxgrad.generalized_box_iou_loss),
    "kcv-iou-offby1": lambda i: boxgrad.aligned_box_iou([i["box1"]], [i["box2"]]),
    "kcv-giou-loss-mean": mean_giou_loss,
    "scenic-iou-degenerate": aligned("iou"),
    "scenic-giou-degenerate": aligned("giou"),
    "fv-smoothl1-beta0.5": smooth_l1,
    "fv-smoothl1-beta0.05": smooth_l1,
    "tf-weighted-smoothl1": weighted_smooth_l1,
    "pb-giou-distance": lambda i: 1 - boxgrad.generalized_box_iou(i["boxes1"], i["boxes2"]),
    "mmcv-nms": lambda i: [kept(i)],
    "mmcv-softnms-naive": lambda i: [(order := kept(i, score_threshold=0.01)), np.array(i["scores"])[order]],
    "mmcv-softnms-linear": soft("linear"),
    "mmcv-softnms-gaussian": soft("gaussian"),
}


IN_OTHER_TESTS = {
    "own-ciou-aspect", "tf-frcnn-encode-tiny", "optax-clip", "optax-clip-norm", "pb-diou-distance-DO-NOT-USE", "kcv-ciou-loss-mean",
    "mmcv-quad-iou", "mmcv-quad-iof",
}  # fmt: skip
NOT_OURS = (
    "d2-riou-", "mmcv-riou", "mmcv-riof", "mmcv-diff-riou", "mmcv-min-area-rect", "mmrotate-decode", "mmrotate-tiny-huge",
    "mmcv-nms-rotated", "mmcv-nms-quadri",
)  # fmt: skip
"""Entries of rotated boxes and quadrilaterals, whose overlap boxgrad does not compute."""


def test_every_entry_is_answered_or_not_ours(known_answers):
    left = known_answers.keys() - ANSWERS.keys() - IN_OTHER_TESTS
    assert ANSWERS.keys() | IN_OTHER_TESTS <= known_answers.keys()
    assert {entry for entry in left if not entry.startswith(NOT_OURS)} == set()
    assert sum(entry["usable"] for entry in known_answers.values()) == 58


@pytest.mark.parametrize("entry", ANSWERS)
def test_published(entry, known_answers):
    entry_ = known_answers[entry]
    assert entry_["usable"]
    expected = entry_["expected"]
    assert_within(
        ANSWERS[entry](entry_["inputs"]), list(expected.values()) if isinstance(expected, dict) else expected, entry_["tolerance"]
    )


def test_other_numbers_of_those_entries(known_answers):
    inputs = known_answers["fv-giou-loss"]["inputs"]
    a, b = np.moveaxis(np.array(inputs["pairs"][2:], float), 1, 0)
    assert_within(boxgrad.generalized_box_iou_loss(a, b, "sum"), inputs["also"]["sum_of_last_two"], 1e-6)
    assert_within(boxgrad.generalized_box_iou_loss(a, b, "mean"), inputs["also"]["mean_of_last_two"], 1e-6)
    inputs = known_answers["tfa-giou-loss"]["inputs"]
    assert_within(loss(boxgrad.box_iou_loss)({"pairs": inputs["pairs"][:2]}), inputs["iou_loss_of_first_two"], 1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_unequal_aspect_ratios(metric, known_answers):
    entry = known_answers["own-ciou-aspect"]
    a, b = np.moveaxis(np.array(entry["inputs"]["pairs"], float), 1, 0)
    value = boxgrad.aligned_box_iou(a, b, metric=metric, eps=0.0)
    assert_within(value, [row[metric] for row in entry["expected"]], entry["tolerance"])


def test_decoding_gives_the_encoded_boxes_back(known_answers):
    inputs = known_answers["tf-frcnn-encode"]["inputs"]
    boxes, anchors = inputs["boxes"], inputs["anchors"]
    assert_within(boxgrad.decode_boxes(anchors, boxgrad.encode_boxes(anchors, boxes)), boxes, 1e-14 * 30)


def test_an_epsilon_makes_an_empty_box_a_finite_but_huge_target(known_answers):
    entry = known_answers["tf-frcnn-encode-tiny"]
    inputs = entry["inputs"]
    (box,), (anchor,) = (np.array(inputs[k], np.float32)[:, FLIP].astype(float) for k in ("boxes", "anchors"))
    with pytest.raises(boxgrad.DegenerateBoxError):
        boxgrad.encode_boxes([anchor], [box])
    for grown in (box, anchor):
        half = inputs["epsilon"] / 2
        grown += (-half, -half, half, half)
    # the sizes grew by epsilon to about 8 digits of it: corners far from 0 cannot hold more
    assert_within(boxgrad.encode_boxes([anchor], [box])[:, FLIP], entry["expected"], 1e-6)


def test_global_norm_clipping(known_answers):
    entry = known_answers["optax-clip"]
    inputs, expected = entry["inputs"], entry["expected"]
    clipped, sums = 0, [np.zeros(2), np.zeros(1)]
    for tensors in zip(np.array(inputs["tensor_a"], float), np.array(inputs["tensor_b"], float)):
        clipped += boxgrad.clip_grad_norm_(tensors, inputs["max_norm"]) > inputs["max_norm"]
        sums = [s + t for s, t in zip(sums, tensors)]
    assert clipped == expected["clipped"]
    assert_within(sums[0], expected["sum_a"], entry["tolerance"])
    assert_within(sums[1], expected["sum_b"], entry["tolerance"])


@pytest.mark.parametrize("i", range(1, 8))
def test_clipping_twice_is_clipping_once(i, known_answers):
    entry = known_answers["optax-clip-norm"]
    updates = [np.array(u) for u in entry["inputs"]["updates"]]
    assert_within(boxgrad.clip_grad_norm_(updates, 1 / i), entry["expected"]["global_norm"], entry["tolerance"])
    assert_within(boxgrad.get_total_norm(updates), 1 / i, 1e-6)
    once = [u.copy() for u in updates]
    boxgrad.clip_grad_norm_(updates, 1 / i)
    for update, before in zip(updates, once):
        assert_within(update, before, 1e-6)


def test_tables_that_are_wrong_upstream_disagree(known_answers):
    entry = known_answers["pb-diou-distance-DO-NOT-USE"]
    assert entry["upstream_wrong"]
    distances = loss(boxgrad.distance_box_iou_loss)(entry["inputs"])
    assert (np.abs(distances - entry["expected"]) > 0.1).all()
    assert_within(distances, [0.968254, 1.078125, 1.390625], 1e-6)


def test_a_mean_over_an_inverted_box_depends_on_its_epsilon(known_answers):
    entry = known_answers["kcv-ciou-loss-mean"]
    assert not entry["usable"]
    boxes = entry["inputs"]["y_pred"], entry["inputs"]["y_true"]
    means = [boxgrad.complete_box_iou_loss(*boxes, reduction="mean", eps=eps) for eps in (1e-7, 1e-2)]
    assert np.isfinite(means).all()
    assert abs(means[0] - entry["expected"][0]) > entry["tolerance"] or abs(means[0] - means[1]) > entry["tolerance"]


@pytest.mark.parametrize("entry", ["mmcv-quad-iou", "mmcv-quad-iof"])
def test_wrong_tables_of_quadrilaterals(entry, known_answers):
    """One number of each is wrong: polygons intersected by another library disagree there, and nowhere else."""
    entry_ = known_answers[entry]
    assert entry_["upstream_wrong"] and not entry_["usable"]
    a, b = (shapely.polygons(np.array(entry_["inputs"][k], float).reshape(-1, 4, 2)) for k in ("boxes1", "boxes2"))
    intersection = shapely.area(shapely.intersection(a[:, None], b))
    by = shapely.area(shapely.union(a[:, None], b)) if entry == "mmcv-quad-iou" else shapely.area(a)[:, None]
    assert_within(intersection / by, entry_["independent_check"]["recomputed"], 1e-12)
    wrong = np.abs(intersection / by - entry_["expected"]) > entry_["tolerance"]
    assert np.argwhere(wrong).tolist() == [[0, 1]]
