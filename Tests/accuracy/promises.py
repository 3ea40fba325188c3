"""The bounds that the header promises: docs/accuracy.md shows them.

Where the header gives each output of a function so many ulp, that is read there. The others, whose unit is a term of their formula or which are
promised what is promised in general, are stated here, and a test compares the header with them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

EPS, ULP, RELATIVE = "eps", "ulp", "relative"


@dataclass(frozen=True)
class Promise:
    """At most so many units; of tensors, `f32` is for all types but float64. `largest` tells what eps is relative to."""

    unit: str = EPS
    f32: float = 32
    f64: float = 32
    largest: str = ""

    def bound(self, dtype):
        return self.f64 if dtype == "f64" else self.f32

    def __str__(self):
        return f"{self.f32:g} {self.unit}" + (f" ({self.f64:g} in f64)" if self.f64 != self.f32 else "")


CHAIN = "partial derivatives multiplied along one way from a term of the value to a coordinate of the row"
METRIC = "IoU: IoU; GIoU: 1, IoU, an area or the intersection / enclosing; DIoU: IoU, distance^2 / diagonal^2; CIoU: also alpha v; IoF: IoF; IoS: IoS"
SUMMED = "the sum of those of its terms"

SHARED = "the extent of both boxes times the smaller perimeter, / the divisor"

GAUSSIAN = "weight times 1 or a term of the loss, in which the sine of the angle between the boxes is as large as 1; of a root of a root, what it makes of that"

LOSS = Promise(EPS, 32, 300, f"{SUMMED}, / normalizer")
NORMS = {
    "norms for p = 1, 2, inf": Promise(RELATIVE, 1e-13, 1e-13),
    "norms for other p from 0.1 to 100": Promise(RELATIVE, 1e-11, 1e-11),
}
EXACT_NORMS = NORMS | {"norms for p = 1, 2, inf": Promise(ULP, 0.5, 450)}

_STATED = {
    "box_rotate": {name: Promise(EPS, 4, 16, "cx, cos * (x - cx), sin * (y - cy), and likewise of y") for name in ("corners", "bounds")},
    "iou_pairwise": {"out": Promise(largest=METRIC), "out_union": Promise(EPS, 16, 16, "an area")},
    "iou_pairwise_grad": {name: Promise(largest=f"{CHAIN}, times grad_out; {SUMMED}") for name in ("grad_a", "grad_b")},
    "iou_aligned": {"out": Promise(largest=METRIC)} | {name: Promise(largest=CHAIN) for name in ("grad_a", "grad_b")},
    "iou_loss": {"per_box": Promise(largest="weight times 1 or a term of the metric"), "loss": LOSS}
    | {name: Promise(largest=CHAIN) for name in ("grad_pred", "grad_target")},
    "box_loss": {"per_box": Promise(largest="weight times 1 or a term of the loss"), "loss": LOSS}
    | {name: Promise(EPS, 32, 64, CHAIN) for name in ("grad_pred", "grad_target")},
    "rotated_corners": {name: Promise(EPS, 4, 16, "cx, cos * w / 2, sin * h / 2, and likewise of y") for name in ("corners", "bounds")},
    "rotated_corners_grad": {"grad_boxes": Promise(largest=CHAIN)},
    "rotated_from_corners": {"boxes": Promise(EPS, 8, 16, "a corner / 4; differences of corners; their quotients; the angle")},
    "rotated_from_corners_grad": {"grad_corners": Promise(largest=CHAIN)},
    "rotated_min_area": {"boxes": Promise(EPS, 8, 16, "cx, cy: a coordinate; w, h: a distance from the first point; the angle: a quarter turn")},
    "rotated_iou_pairwise": {"out": Promise(EPS, 4, 4, SHARED)},
    "rotated_iou_pairwise_grad": {name: Promise(EPS, 4, 4, f"{CHAIN}, times grad_out") for name in ("grad_a", "grad_b")},
    "rotated_iou_aligned": {"out": Promise(EPS, 4, 4, SHARED)} | {name: Promise(EPS, 4, 4, CHAIN) for name in ("grad_a", "grad_b")},
    "rotated_iou_loss": {"per_box": Promise(EPS, 4, 4, f"weight times 1, or for -log IoU {SHARED}, / IoU"), "loss": LOSS}
    | {name: Promise(EPS, 4, 4, CHAIN) for name in ("grad_pred", "grad_target")},
    "rotated_gaussian_loss": {"per_box": Promise(EPS, 32, 64, GAUSSIAN), "loss": LOSS}
    | {name: Promise(EPS, 32, 64, CHAIN) for name in ("grad_pred", "grad_target")},
    "rotated_encode": {"deltas": Promise(EPS, 8, 16, "cos * x / w_r / std, sin * y / w_r / std; log(w / w_r) / std; the turn and what moved it, / std; mean / std")},
    "rotated_decode": {"boxes": Promise(EPS, 8, 64, "cx, cos * u, sin * v, each term of u and of v; a side; the proposal's angle, each term of da, what moved it")},
    "midpoint_encode": {
        "dx, dy, da, db": Promise(EPS, 8, 16, "differences of a centre and a corner / w_r / 2 / std; an arm / W / std; mean / std"),
        "dw, dh": Promise(EPS, 8, 16, "log(W / w_r) / std, mean / std, 1 / std (2^-24 / std in f32)"),
    },
    "midpoint_decode": {"boxes": Promise(EPS, 16, 64, "corners of the proposal / 2, dx * std * w_r, mean * w_r; half the diagonal; half a turn, and of a short side its error")},
    **{f"{coder}_encode_grad": {name: Promise(EPS, 8, 16, CHAIN) for name in ("grad_proposals", "grad_targets")} for coder in ("rotated", "midpoint")},
    "rotated_decode_grad": {name: Promise(EPS, 8, 64, CHAIN) for name in ("grad_proposals", "grad_deltas")},
    "midpoint_decode_grad": {name: Promise(EPS, 16, 64, CHAIN) for name in ("grad_proposals", "grad_deltas")},
    "smooth_l1": {name: Promise(ULP, 8, 8) for name in ("elementwise", "grad_pred", "grad_target")} | {"loss": LOSS},
    "balanced_l1": {"elementwise": Promise(largest="alpha (d + 1 / b) log(1 + b d / beta), alpha d; gamma d, gamma / b, alpha beta"), "loss": LOSS}
    | {name: Promise(largest=CHAIN) for name in ("grad_pred", "grad_target")},
    "distribution_focal": {"per_row": Promise(largest="weight times 1, log of the sum, or a share times its difference of logits"), "loss": LOSS}
    | {name: Promise(largest=CHAIN) for name in ("grad_logits", "grad_target")},
    "distribution_decode": {"out": Promise(largest="1, k S_k")},
    "distribution_decode_grad": {"grad_logits": Promise(largest=CHAIN)},
    "delta_encode": {
        "dx, dy": Promise(largest="differences of corners / w_r / std, mean / std"),
        "dw, dh": Promise(EPS, 12, 12, "log(w / w_r) / std, mean / std; in f64 also 1 / std"),
    },
    "delta_encode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_targets")},
    "delta_decode": {"boxes": Promise(largest="corners of the proposal / 2, dx * std * w_r, mean * w_r, size / 2")},
    "delta_decode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_deltas")},
    "linear_encode": {"distances": Promise(largest="differences of corners / w_r / 2")},
    "linear_encode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_targets")},
    "linear_decode": {"boxes": Promise(largest="corners of the proposal / 2, l * w_r, and likewise of the other sides")},
    "linear_decode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_distances")},
    "yolo_decode": {"boxes": Promise(largest="corners of the proposal / 2, stride, 2 s(tx) * stride, size / 2")},
    "yolo_decode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_deltas")},
} | {
    name + grad: {output: Promise(EPS, 4, 4, f"{SUMMED}, and a box's position times a feature, times those of grad_out") for output in outputs}
    for name in ("roi_align", "roi_pool_precise") for grad, outputs in (("", ("out",)), ("_grad", ("grad_features", "grad_boxes")))
} | {
    "soft_nms": {"keep_scores": Promise(EPS, 8, 8, "the given score, once for each box that lowered it")},
    "rotated_soft_nms": {"keep_scores": Promise(EPS, 8, 8, "the given score, once for each box that lowered it")},
    "grad_norm": EXACT_NORMS,
    "grad_norm_combine": NORMS,
    "grad_scale": {"elements": Promise(ULP, 0.51, 0.5)},
    "clip_grad_norm": {"elements": Promise(ULP, 0.51, 1000)},
    "clip_grad_rms": {"rms": Promise(RELATIVE, 1e-13, 1e-13), "elements": Promise(ULP, 0.51, 1000)},
    "clip_grad_adaptive": {"elements": Promise(ULP, 0.51, 1000)},
}

GENERAL = Promise()

HEADER = (Path(__file__).resolve().parents[2] / "include/boxgrad.h").read_text()


def functions():
    """The functions of the header, in its order, without their types."""
    return list(dict.fromkeys(re.findall(r"^boxgrad_status boxgrad_(\w+?)(?:_f32|_f64)?\(", HEADER, re.MULTILINE)))


def accuracy(name):
    """What the comment of a function says of its accuracy: "out 0.5 ulp; grad_a 32 eps"."""
    declaration = re.search(rf"^boxgrad_status boxgrad_{name}(_f32)?\(", HEADER, re.MULTILINE).start()
    comment = HEADER[HEADER.rindex("/*", 0, declaration) : declaration]
    words = " ".join(re.sub(r"^\s*(/\*|\*/|\*)|\*/\s*$", " ", comment, flags=re.MULTILINE).split())
    stated = re.search(r"Accuracy: (.*?)\.(?!\d)", words)
    return stated[1] if stated else ""


def _read(name):
    """The promises that the header gives in ulp; empty if one of them is in another unit."""
    found = [re.fullmatch(r"([\w, ]+) ([\d.]+) ulp", one) for one in accuracy(name).split("; ")]
    return {output: Promise(ULP, float(one[2]), float(one[2])) for one in found for output in one[1].split(", ")} if all(found) else {}


PROMISES = {name: promise for name in functions() if (promise := _STATED.get(name) or _read(name))}
