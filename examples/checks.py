"""What the demo must find: the same bits from C and from Python, and the documents' known answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from boxgrad import BoxFlag
from detector import Inputs
from experiments import UNIT_SQUARE, Experiments
from results import Results, same_bits


@dataclass(frozen=True)
class Check:
    what: str
    passed: bool | np.bool_
    found: str


def compare(ours: Results, theirs: Results) -> list[Check]:
    """One check per array: Python and C computed the same bits."""
    checks = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours or name not in theirs:
            checks.append(Check(name, False, f"only {'Python' if name in ours else 'C'} has it"))
            continue
        array = np.asarray(ours[name])
        checks.append(Check(name, same_bits(array, theirs[name]), f"{array.size} x {array.dtype}"))
    return checks


def check_job(inputs: Inputs, job: Results) -> list[Check]:
    leaving = int(np.count_nonzero(job["inspect/flags"] & (BoxFlag.PARTLY_OUTSIDE | BoxFlag.WHOLLY_OUTSIDE)))
    total, clipped = float(job["gradient/total_norm"]), float(job["gradient/clipped_total_norm"])
    per_tensor = float(np.abs(job["gradient/norms"] / inputs.norms - 1).max())
    before = job["fit/iou"][job["fit/best"]].mean()
    after = job["fit/iou_decoded"].mean()
    return [
        Check(
            "8 of 299 proposals leave the image",
            (leaving, len(inputs.boxes)) == (8, 299),
            f"{leaving} of {len(inputs.boxes)}",
        ),
        Check("the network's corrections improve the IoU", after > before, f"mean {before:.4f} to {after:.4f}"),
        Check("total norm 3.2299215577012 to 1e-13", abs(total - 3.2299215577012) <= 1e-13, f"{total:.15f}"),
        Check("norms of the 16 tensors to 1e-13", per_tensor <= 1e-13, f"largest error {per_tensor:.1e}"),
        Check("clipped to norm 1", abs(clipped - 1) <= 1e-6, f"{clipped:.9f}"),
    ]


def check_training_step(step: Results) -> list[Check]:
    kept, positives, negatives = (step[f"two_stage/{name}"] for name in ("keep", "positives", "negatives"))
    matched = step["two_stage/matches"][positives]
    return [
        Check(
            "the training step has positives, each matched with the face",
            len(positives) > 0 and (matched == 0).all(),
            f"{len(kept)} proposals kept, {len(positives)} positives and {len(negatives)} negatives drawn",
        ),
        Check("its gradient is that of the loss", bool(np.isfinite(step["two_stage/gradient"]).all()), f"loss {step['two_stage/loss']:.6f}"),
    ]


def check_experiments(done: Experiments) -> list[Check]:
    def arrived(name: str) -> Check:
        path = done.descents[name].path
        distance, step = np.abs(path[-1] - UNIT_SQUARE).max(), np.abs(path[-1] - path[-2]).max()
        return Check(
            f"{name}: arrives within a step", bool(distance <= step), f"off by {distance:.6f}, step {step:.6f}"
        )

    def stayed(name: str) -> Check:
        path = done.descents[name].path
        return Check(
            f"{name}: never starts", bool((path == path[0]).all()), f"{np.abs(path - path[0]).max()} from the start"
        )

    hard, inward = done.clips["hard"], done.clips["inward"]
    on, off = done.stages["stop-gradient on"], done.stages["stop-gradient off"]
    rotation = done.rotation
    flags = BoxFlag(int(rotation.report.flags[0]))
    return [
        arrived("IoU, overlapping"),
        stayed("IoU, disjoint"),
        stayed("IoU, disjoint, large steps"),
        arrived("GIoU, disjoint, large steps"),
        Check(
            "clip: first gradient -1.4, -1.4, 0, 0",
            hard.first_gradient.tolist() == [-1.4, -1.4, 0, 0],
            str(hard.first_gradient),
        ),
        Check("hard clip: -3 stays where it is", (hard.path[:, 2:] == -3).all(), f"{hard.path[-1, 2]:.4f}"),
        Check("inward clip: -3 comes back", inward.path[-1, 2] > 0.9, f"{inward.path[-1, 2]:.4f}"),
        Check(
            "rotated ground truth: inspect_boxes sees it",
            flags == BoxFlag.CENTER_NEGATIVE | BoxFlag.WHOLLY_OUTSIDE,
            repr(flags),
        ),
        Check("its loss in the plain formula is NaN", np.isnan(rotation.plain_loss), str(rotation.plain_loss)),
        Check("encode_boxes raises DegenerateBoxError", rotation.error_rows == [0], rotation.error),
        Check('on_degenerate="zero" gives no loss', not rotation.targets.any(), str(rotation.targets[0])),
        Check(
            "stop-gradient on: no gradient, no progress",
            on.first_gradient is None and (on.losses == on.losses[0]).all(),
            f"loss {on.losses[-1]:.6f}",
        ),
        Check(
            "stop-gradient off: the first stage learns",
            off.losses[-1] < 0.01 * off.losses[0],
            f"loss {off.losses[0]:.6f} to {off.losses[-1]:.6f}",
        ),
    ]
