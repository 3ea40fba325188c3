"""The functions, as the tests of arrays, of hostile input and of finite differences call them: a new one is a row here."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import box_sets
import boxgrad
import numpy as np
from hypothesis import strategies as st
from overlap_functions import ALL_METRICS, EVERY_PAIRWISE, LOSSES

A, B = box_sets.sets("random")
ROTATED, ROTATED2 = box_sets.rotated("random", 7)[0], box_sets.rotated("random", 7)[1][:5]
ANGLES = ("radians-cw", "degrees-ccw", "degrees-cw", "radians-ccw")
DELTAS = np.random.default_rng(0).normal(size=(5, 4))
DELTAS5, DELTAS6 = np.random.default_rng(0).normal(size=(5, 5)), np.random.default_rng(1).uniform(-0.45, 0.45, size=(5, 6))
LABELS = np.array([[0.25], [1.5], [2.75], [1.125], [0.5]])


class Function(NamedTuple):
    call: Callable
    arrays: dict[str, np.ndarray]
    """By the parameter's name, an example of each."""
    options: dict[str, object] = {}
    """For the example."""
    drawn: dict[str, st.SearchStrategy] = {}
    """Options that Hypothesis chooses."""
    weights: tuple[str, ...] = ()
    writes_out: bool = True


PLAIN_BOX_LOSSES = (
    boxgrad.efficient_box_iou_loss, boxgrad.siou_loss, boxgrad.alpha_box_iou_loss, boxgrad.wise_box_iou_loss, boxgrad.inner_box_iou_loss,
    boxgrad.log_box_iou_loss, boxgrad.bounded_iou_loss,
)  # fmt: skip
"""Those of which no option must be given."""

formats, reductions = st.sampled_from(["xyxy", "yxyx", "xywh", "cxcywh"]), st.sampled_from(["none", "mean", "sum"])
any_formats = st.sampled_from([prefix + name for prefix in ("", "rel_") for name in ("xyxy", "yxyx", "xywh", "cxcywh")])
angles, distances = st.sampled_from(ANGLES), st.sampled_from(["none", "sqrt", "log1p"])
ranges = st.sampled_from(["turn", "le90", "le135", "oc"])
boxes, sets, pair = {"boxes": A}, {"boxes1": A, "boxes2": B}, {"boxes1": A[:5], "boxes2": B}

DIFFERENTIABLE = {
    function.call.__name__: function
    for function in [
        Function(boxgrad.box_area, boxes, {}, {"fmt": formats}),
        Function(boxgrad.box_convert, boxes, {"in_fmt": "xyxy", "out_fmt": "cxcywh"},
                 {"in_fmt": any_formats, "out_fmt": any_formats, "image_shape": st.just((7, 5))}),
        Function(boxgrad.clip_boxes_to_image, boxes, {"size": (40, 50)}, {"size": st.just((5, 7))}),
        Function(boxgrad.clip, {"x": A}, {"min": 3, "max": 30}, {"min": st.just(2), "max": st.sampled_from([None, 7])}),
        *(Function(f, sets) for f in EVERY_PAIRWISE.values()),
        Function(boxgrad.aligned_box_iou, pair, {}, {"metric": st.sampled_from(ALL_METRICS)}),
        *(Function(f, pair, {}, {"reduction": reductions}, ("weights",)) for f in LOSSES.values()),
        *(Function(f, {"input": A[:5], "target": B}, {}, {"reduction": reductions}, ("weights",)) for f in PLAIN_BOX_LOSSES),
        Function(boxgrad.mpdiou_loss, {"input": A[:5], "target": B}, {"size": (60, 80)}, {"size": st.just((5, 7)), "reduction": reductions}, ("weights",)),
        Function(boxgrad.nwd_loss, {"input": A[:5], "target": B}, {"constant": 12.8}, {"constant": st.just(5), "reduction": reductions}, ("weights",)),
        Function(boxgrad.smooth_l1_loss, {"input": A[:5], "target": B}, {"reduction": "none"}, {"reduction": reductions},
                 ("inside_weights", "outside_weights")),
        Function(boxgrad.rotated_smooth_l1_loss, {"input": DELTAS5, "target": 2 * DELTAS5[::-1]}, {"reduction": "none"},
                 {"reduction": reductions, "angle_period": st.sampled_from([1, 3.25])}, ("inside_weights", "outside_weights")),
        Function(boxgrad.balanced_l1_loss, {"input": A[:5], "target": B}, {"reduction": "none"}, {"reduction": reductions},
                 ("inside_weights", "outside_weights")),
        Function(boxgrad.distribution_focal_loss, {"pred": DELTAS, "label": LABELS}, {"reduction": "none"}, {"reduction": reductions}, ("weights",)),
        Function(boxgrad.decode_distribution, {"logits": DELTAS}),
        Function(boxgrad.convert_rotated_boxes, {"boxes": ROTATED}, {"in_fmt": "degrees-ccw", "out_fmt": "corners"},
                 {"in_fmt": angles, "out_fmt": st.sampled_from([*ANGLES, "corners", "bounds"])}),
        Function(boxgrad.regularize_rotated_boxes, {"boxes": ROTATED}, {"range": "le90", "angle": "radians-cw"},
                 {"range": ranges, "angle": angles}),
        *(Function(f, {"boxes1": ROTATED, "boxes2": ROTATED2}, {"angle": "radians-cw"}, {"angle": angles}) for f in (boxgrad.rotated_box_iou, boxgrad.rotated_box_iof)),
        Function(boxgrad.aligned_rotated_box_iou, {"boxes1": ROTATED[:5], "boxes2": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "metric": st.sampled_from(["iou", "iof"])}),
        Function(boxgrad.rotated_box_iou_loss, {"input": ROTATED[:5], "target": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "mode": st.sampled_from(["linear", "log"]), "reduction": reductions}, ("weights",)),
        Function(boxgrad.gwd_loss, {"input": ROTATED[:5], "target": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "fun": distances, "tau": st.sampled_from([0, 1, 2.5]), "normalize": st.booleans(), "reduction": reductions}, ("weights",)),
        Function(boxgrad.kld_loss, {"input": ROTATED[:5], "target": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "fun": distances, "tau": st.sampled_from([0, 1, 2.5]), "sqrt": st.booleans(),
                  "direction": st.sampled_from(["forward", "jeffreys", "max", "min"]), "reduction": reductions}, ("weights",)),
        Function(boxgrad.kfiou_loss, {"input": ROTATED[:5], "target": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "fun": st.sampled_from(["none", "ln", "exp"]), "reduction": reductions}, ("weights",)),
        Function(boxgrad.probiou_loss, {"input": ROTATED[:5], "target": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "mode": st.sampled_from(["hellinger", "bhattacharyya"]), "reduction": reductions}, ("weights",)),
        Function(boxgrad.encode_boxes, {"proposals": A[:5], "targets": B}, {}, {"on_degenerate": st.sampled_from(["error", "zero", "propagate"])}),
        Function(boxgrad.decode_boxes, {"proposals": A[:5], "deltas": DELTAS}, {}, {"max_shape": st.sampled_from([None, (5, 7)])}),
        Function(boxgrad.encode_rotated_boxes, {"proposals": ROTATED[:5], "targets": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "range": ranges, "edge_swap": st.booleans(), "proj_xy": st.booleans(), "norm_factor": st.sampled_from([None, 2]),
                  "on_degenerate": st.sampled_from(["error", "zero", "propagate"])}),
        Function(boxgrad.decode_rotated_boxes, {"proposals": ROTATED[:5], "deltas": DELTAS5}, {"angle": "radians-cw"},
                 {"angle": angles, "range": ranges, "edge_swap": st.booleans(), "proj_xy": st.booleans(), "max_shape": st.sampled_from([None, (5, 7)])}),
        Function(boxgrad.encode_midpoint_offset, {"proposals": A[:5], "targets": ROTATED2}, {"angle": "radians-cw"},
                 {"angle": angles, "corner_tolerance": st.sampled_from([0, 0.5]), "on_degenerate": st.sampled_from(["error", "zero", "propagate"])}),
        Function(boxgrad.decode_midpoint_offset, {"proposals": A[:5], "deltas": DELTAS6}, {"angle": "radians-cw"}, {"angle": angles, "range": ranges}),
        Function(boxgrad.encode_distances, {"points": A[:5, :2], "boxes": B}),
        Function(boxgrad.decode_distances, {"points": A[:5, :2], "distances": B}),
        Function(boxgrad.encode_linear, {"proposals": A[:5], "targets": B}),
        Function(boxgrad.decode_linear, {"proposals": A[:5], "distances": DELTAS}),
        Function(boxgrad.decode_yolo, {"proposals": A[:5], "deltas": DELTAS}, {"strides": 8}, {"strides": st.just(8)}),
    ]
}  # fmt: skip

OF_REGIONS = {"roi_align", "precise_roi_pool"}
"""Differentiable functions whose arguments are not rows of numbers: test_roi.py has the tests that the others have in common."""

OTHERS = {
    "remove_small_boxes": Function(lambda boxes: boxgrad.remove_small_boxes(boxes, 5), boxes, writes_out=False),
    "inspect_boxes": Function(lambda boxes: boxgrad.inspect_boxes(boxes, (9, 9)).flags, boxes, writes_out=False),
    "inspect_rotated_boxes": Function(
        lambda boxes: boxgrad.inspect_rotated_boxes(boxes, (9, 9), angle="degrees-cw").flags, {"boxes": ROTATED}, writes_out=False),
    "min_area_boxes": Function(partial(boxgrad.min_area_boxes, angle="degrees-cw"), {"points": np.hstack([A, A[::-1]])}),
    "rotate_boxes": Function(lambda boxes: boxgrad.rotate_boxes(boxes, 30)[0], boxes, writes_out=False),
    "nms": Function(lambda boxes, scores: boxgrad.nms(boxes, scores, 0.3), {"boxes": A, "scores": A}, writes_out=False),
    "soft_nms": Function(lambda boxes, scores: boxgrad.soft_nms(boxes, scores)[1], {"boxes": A, "scores": A}, writes_out=False),
    "match_boxes": Function(
        lambda proposals, truths: boxgrad.match_boxes(proposals, truths, 0.7, 0.3, True)[1], {"proposals": A, "truths": B}, writes_out=False),
    "combine_norms": Function(boxgrad.combine_norms, {"norms": A}, writes_out=False),
}  # fmt: skip
