"""The bounds that the header promises, stated here once: docs/accuracy.md shows them, and a test compares the header with them."""

from dataclasses import dataclass

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
METRIC = "IoU: IoU; GIoU: 1, IoU, an area or the intersection / enclosing; DIoU: IoU, distance^2 / diagonal^2; CIoU: also alpha v; IoF: IoF"
SUMMED = "the sum of those of its terms"

EVERY_BIT = Promise(ULP, 0, 0)
LOSS = Promise(EPS, 32, 300, f"{SUMMED}, / normalizer")
ROUNDED = Promise(ULP, 0.5, 0.5)
NORMS = {
    "norms for p = 1, 2, inf": Promise(RELATIVE, 1e-13, 1e-13),
    "norms for other p from 0.1 to 100": Promise(RELATIVE, 1e-11, 1e-11),
}

PROMISES = {
    "box_area": {"out": Promise(ULP, 2.5, 2.5)},
    "box_area_grad": {"grad_boxes": Promise(ULP, 1.5, 1.5)},
    "box_convert": {"out": ROUNDED},
    "box_convert_grad": {"grad_in": ROUNDED},
    "box_clip": {"out": EVERY_BIT},
    "box_clip_grad": {"grad_in": EVERY_BIT},
    "box_rotate": {name: Promise(EPS, 4, 16, "cx, cos * (x - cx), sin * (y - cy), and likewise of y") for name in ("corners", "bounds")},
    "clip": {"out": EVERY_BIT},
    "clip_grad": {"grad_in": EVERY_BIT},
    "iou_pairwise": {"out": Promise(largest=METRIC), "out_union": Promise(EPS, 16, 16, "an area")},
    "iou_pairwise_grad": {name: Promise(largest=f"{CHAIN}, times grad_out; {SUMMED}") for name in ("grad_a", "grad_b")},
    "iou_aligned": {"out": Promise(largest=METRIC)} | {name: Promise(largest=CHAIN) for name in ("grad_a", "grad_b")},
    "iou_loss": {"per_box": Promise(largest="weight times 1 or a term of the metric"), "loss": LOSS}
    | {name: Promise(largest=CHAIN) for name in ("grad_pred", "grad_target")},
    "smooth_l1": {name: Promise(ULP, 8, 8) for name in ("elementwise", "grad_pred", "grad_target")} | {"loss": LOSS},
    "delta_encode": {
        "dx, dy": Promise(largest="differences of corners / w_r / std, mean / std"),
        "dw, dh": Promise(EPS, 12, 12, "log(w / w_r) / std, mean / std; in f64 also 1 / std"),
    },
    "delta_encode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_targets")},
    "delta_decode": {"boxes": Promise(largest="corners of the proposal / 2, dx * std * w_r, mean * w_r, size / 2")},
    "delta_decode_grad": {name: Promise(largest=CHAIN) for name in ("grad_proposals", "grad_deltas")},
    "ltrb_encode": {"distances": ROUNDED},
    "ltrb_encode_grad": {"grad_points": ROUNDED, "grad_boxes": EVERY_BIT},
    "soft_nms": {"keep_scores": Promise(EPS, 8, 8, "the given score, once for each box that lowered it")},
    "grad_norm": NORMS,
    "grad_norm_combine": NORMS,
    "grad_scale": {"elements": Promise(ULP, 0.51, 0.5)},
    "clip_grad_norm": {"elements": Promise(ULP, 0.51, 1000)},
    "clip_grad_value": {"elements": ROUNDED},
}

GENERAL = Promise()
