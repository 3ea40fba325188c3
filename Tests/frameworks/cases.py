"""The differentiable functions of boxgrad.torch as the tests call them: the rows of the Python package's tests, and the options to try."""

from typing import NamedTuple

import boxgrad
import boxgrad.torch
import functions
import torch

REDUCTIONS = [{"reduction": reduction} for reduction in ("none", "sum", "mean")]
ANGLES = ("radians-cw", "degrees-ccw", "degrees-cw", "radians-ccw")
FORMATS = ("xyxy", "yxyx", "xywh", "cxcywh")
OPTIONS = {
    "box_area": [{"fmt": fmt} for fmt in FORMATS],
    "box_convert": [{"in_fmt": source, "out_fmt": target} for source in FORMATS for target in FORMATS],
    "clip_boxes_to_image": [{"size": (40, 50)}, {"size": (5, 7)}],
    "clip": [{"min": 3, "max": 30, "mode": mode} for mode in ("hard", "straight_through", "inward")] + [{"min": 7}],
    "box_iou": [{"fmt": fmt} for fmt in FORMATS],
    "distance_box_iou": [{}, {"eps": 0.5}],
    "complete_box_iou": [{}, {"eps": 0.5}],
    "aligned_box_iou": [{"metric": metric} for metric in ("iou", "giou", "diou", "ciou", "iof", "ios")],
    "mpdiou_loss": [{"size": (60, 80), **reduction} for reduction in REDUCTIONS],
    "nwd_loss": [{"constant": 12.8, **reduction} for reduction in REDUCTIONS],
    "alpha_box_iou_loss": [{"metric": "ciou", "alpha": 2.0, **reduction} for reduction in REDUCTIONS],
    "smooth_l1_loss": [*REDUCTIONS, {"sigma": 3.0}, {"beta": 0.0, "reduction": "none"}, {"dim": 1}],
    "rotated_smooth_l1_loss": [*REDUCTIONS, {"angle_period": 0.5, "sigma": 3.0}],
    "balanced_l1_loss": [*REDUCTIONS, {"alpha": 0.4, "gamma": 1.2, "beta": 0.5}, {"dim": 1}],
    "convert_rotated_boxes": [
        {"in_fmt": source, "out_fmt": target} for source in ANGLES for target in (*ANGLES, "corners", "bounds")],
    "regularize_rotated_boxes": [{"range": name, "angle": angle} for name in ("oc", "le90", "le135", "turn") for angle in ANGLES],
    "rotated_box_iou": [{"angle": angle} for angle in ANGLES],
    "rotated_box_iof": [{"angle": angle} for angle in ANGLES],
    "aligned_rotated_box_iou": [{"angle": "degrees-ccw", "metric": metric} for metric in ("iou", "iof")],
    "rotated_box_iou_loss": [{"angle": "radians-cw", "mode": mode, **reduction} for mode in ("linear", "log") for reduction in REDUCTIONS],
    "gwd_loss": [{"angle": "radians-cw", **option} for option in (*REDUCTIONS, {"fun": "none", "normalize": False}, {"fun": "sqrt", "tau": 0.5, "alpha": 2})],
    "kld_loss": [
        {"angle": "degrees-ccw", **option}
        for option in (*REDUCTIONS, {"direction": "jeffreys", "sqrt": False}, {"direction": "max", "fun": "sqrt"}, {"direction": "min", "tau": 0.0})
    ],
    "kfiou_loss": [{"angle": "degrees-cw", **option} for option in (*REDUCTIONS, {"fun": "ln"}, {"fun": "exp", "eps": 0.5})],
    "probiou_loss": [{"angle": "radians-ccw", **option} for option in (*REDUCTIONS, {"mode": "bhattacharyya"})],
    "encode_boxes": [{"on_degenerate": policy, "stds": (0.1, 0.1, 0.2, 0.2)} for policy in ("propagate", "zero", "error")],
    "encode_rotated_boxes": [
        {"angle": "degrees-ccw", "on_degenerate": policy, **option}
        for policy, option in (("propagate", {}), ("zero", {"range": "le90", "edge_swap": True}), ("error", {"range": "oc", "proj_xy": True, "norm_factor": 2.0}))
    ],
    "decode_rotated_boxes": [
        {"angle": "radians-cw", **option}
        for option in ({}, {"range": "le135", "edge_swap": True, "max_shape": (30, 40)}, {"proj_xy": True, "norm_factor": 0.5, "center_clamp": 3.0})
    ],
    "encode_midpoint_offset": [{"angle": "degrees-cw", "on_degenerate": policy, "corner_tolerance": tolerance} for policy, tolerance in (("propagate", 0.1), ("error", 2.0))],
    "decode_midpoint_offset": [{"angle": "radians-ccw", "range": name} for name in ("le90", "oc", "turn")],
    "decode_yolo": [{"strides": 8}],
    "decode_boxes": [{}, {"max_shape": (30, 40)}, {"log_ratio_clip": 0.5, "center_clamp": 3.0}],
}


class Case(NamedTuple):
    name: str
    options: dict

    @property
    def function(self):
        return getattr(boxgrad.torch, self.name)

    @property
    def arrays(self):
        """boxgrad's function of arrays."""
        return getattr(boxgrad, self.name)

    @property
    def names(self):
        return tuple(functions.DIFFERENTIABLE[self.name].arrays)

    @property
    def examples(self):
        examples = list(functions.DIFFERENTIABLE[self.name].arrays.values())
        return [examples[0], examples[1][:, 0]] if self.name == "distribution_focal_loss" else examples  # not broadcast: sums have an order

    @property
    def is_summed(self):
        return self.options.get("reduction", "mean" if self.name.endswith("l1_loss") else "none") != "none"

    def tensors(self, dtype=torch.float64, wanted=None):
        """The example as tensors, of which those that are wanted require a gradient: all."""
        tensors = [torch.tensor(x, dtype=dtype) for x in self.examples]
        for k, tensor in enumerate(tensors):
            tensor.requires_grad_(wanted is None or k in wanted)
        return tensors

    @property
    def plain(self):
        """The call as torch's compilers of all versions trace it, who do not know what a Case is."""
        function, options = self.function, self.options
        return lambda *tensors: function(*tensors, **options)

    def __call__(self, *tensors):
        return self.function(*tensors, **self.options)

    def value_and_gradients(self, arrays, cotangent=None):
        """By boxgrad's functions of arrays."""
        value, pullback = boxgrad.vjp(self.arrays, *arrays, **self.options)
        return value, pullback(1.0 if cotangent is None else cotangent)


def _id(case):
    return "-".join([case.name, *(f"{value}" for value in case.options.values())]).replace(" ", "")


NAMES = [name for name in functions.DIFFERENTIABLE if hasattr(boxgrad.torch, name)]
CASES = [Case(name, options) for name in NAMES for options in OPTIONS.get(name, REDUCTIONS if name.endswith("_loss") else [{}])]
IDS = [_id(case) for case in CASES]


def one_of_each(cases=CASES):
    """The first case of each function and, of a loss, the first that is summed."""
    seen, chosen = set(), []
    for case in cases:
        key = case.name, case.is_summed
        if key not in seen:
            seen.add(key)
            chosen.append(case)
    return chosen


EACH = one_of_each()
EACH_IDS = [_id(case) for case in EACH]
