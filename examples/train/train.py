"""Alternating, approximate joint and true joint training of a small two-stage detector, over seeds, learning rates, and with and without gradient
clipping. It writes the results of each run to a file as soon as it ends, and skips the runs that the file has. page.py makes the page's tables
and pictures of them."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import tempfile
import time
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterator

import boxgrad
import boxgrad.torch as bt
import images
import numpy as np
import torch
from evaluation import evaluate
from model import Batch, Cut, Detector, FirstStage
from torch import Tensor

BATCH, MOMENTUM, MAX_NORM, EVALUATIONS = 4, 0.9, 1.0, 6
COLLAPSED = 0.1
EARLY, EVERY = 50, 5
"""At every fifth of the first 50 steps, and of the last 50, the parts of the gradient are measured."""
CUT, JOINED = Cut(pooling=True, targets=True), Cut(pooling=False, targets=False)


@dataclass(frozen=True)
class Scheme:
    name: str
    cut: Cut = CUT
    alternating: bool = False
    precise: bool = False
    giou: bool = False


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("alternating", alternating=True),
        Scheme("approximate"),
        Scheme("true", JOINED),
        Scheme("true, targets constant", Cut(pooling=False, targets=True)),
        Scheme("true, precise pooling", JOINED, precise=True),
        Scheme("approximate, GIoU", giou=True),
        Scheme("true, GIoU", JOINED, giou=True),
    )
}


@dataclass(frozen=True)
class Phase:
    """Some steps of training. Joint training is one phase, alternating training four."""

    trained: list[torch.nn.Module]
    steps: range
    rpn: bool
    head: bool
    detector: Detector
    proposer: Detector | None = None


def phases_of(scheme: Scheme, start: Detector, steps: int) -> Iterator[Phase]:
    """In both ways each loss sees every batch once, in the same order; alternating training needs a pass of its own for each loss.

    The four of the paper: 1. backbone and RPN; 2. another backbone, from the same start, and the head, on the proposals of 1; 3. the backbone of 2 stays
    as it is, and RPN goes on from 1; 4. the head goes on from 2, on the proposals of 3.
    """
    first = deepcopy(start)
    if not scheme.alternating:
        yield Phase([first], range(steps), True, True, first)
        return
    second, half = deepcopy(start), steps // 2
    yield Phase([first.backbone, first.rpn], range(half), True, False, first)
    yield Phase([second.backbone, second.head], range(half), False, True, second, first)
    second.rpn.load_state_dict(first.rpn.state_dict())
    yield Phase([second.rpn], range(half, steps), True, False, second)
    yield Phase([second.head], range(half, steps), False, True, second)


def batch_of(samples: list[images.Sample], step: int) -> Batch:
    chosen = samples[step * BATCH : (step + 1) * BATCH]
    return Batch(
        torch.from_numpy(np.stack([sample.image for sample in chosen])),
        [torch.from_numpy(sample.boxes) for sample in chosen],
        [torch.from_numpy(sample.labels) for sample in chosen],
    )


def rpn_loss(detector: Detector, first: FirstStage, batch: Batch, seed: int, step: int) -> Tensor:
    """What is sampled depends on the seed and on the step, and on nothing that another scheme does; so it is with head_loss."""
    torch.manual_seed(2 * (1_000_000 * seed + step))
    return detector.rpn_loss(first, batch)


def head_loss(detector: Detector, first: FirstStage, features: Tensor, batch: Batch, cut: Cut, seed: int, step: int) -> Tensor:
    torch.manual_seed(2 * (1_000_000 * seed + step) + 1)
    return detector.second_stage(features, first.deltas, detector.choose(first, batch), cut)


def gradients(detector: Detector, batch: Batch, seed: int, step: int) -> dict[str, float]:
    """At the weights of the layer of RPN's deltas: the norm of RPN's own gradient, and of that of the head's loss, which stop-gradient removes.

    The latter is a sum of two, that of the pooling and that of the targets. cosine is that between RPN's own and the sum.
    """
    weight, first = detector.rpn.deltas.weight, detector.first_stage(batch.images)
    own = torch.autograd.grad(rpn_loss(detector, first, batch, seed, step), weight, retain_graph=True)[0]
    parts = {}
    for name, cut in (("pooling", Cut(pooling=False, targets=True)), ("targets", Cut(pooling=True, targets=False))):
        loss = head_loss(detector, first, first.features, batch, cut, seed, step)
        part = torch.autograd.grad(loss, weight, retain_graph=True, allow_unused=True)[0]
        parts[name] = torch.zeros_like(own) if part is None else part  # without a positive proposal there are no targets
    removed = parts["pooling"] + parts["targets"]
    norms = {name: float(bt.get_total_norm([part])) for name, part in {"rpn": own, "removed": removed, **parts}.items()}
    return {**norms, "cosine": float((own * removed).sum()) / max(norms["rpn"] * norms["removed"], 1e-30)}


@dataclass(frozen=True)
class Setting:
    scheme: str
    rate: float
    clipped: bool
    seed: int


def train_step(phase: Phase, optimizer: torch.optim.Optimizer, batch: Batch, setting: Setting, step: int) -> dict[str, float]:
    """One step, with its losses and the norm of the gradient. FloatingPointError: one of them is not finite."""
    detector, losses = phase.detector, {}
    first = (phase.proposer or detector).first_stage(batch.images)
    features = first.features if phase.proposer is None else detector.backbone(batch.images)
    if phase.rpn:
        losses["rpn"] = rpn_loss(detector, first, batch, setting.seed, step)
    if phase.head:
        losses["head"] = head_loss(detector, first, features, batch, SCHEMES[setting.scheme].cut, setting.seed, step)
    optimizer.zero_grad()
    sum(losses.values()).backward()
    parameters = optimizer.param_groups[0]["params"]
    norm = bt.clip_grad_norm_(parameters, MAX_NORM if setting.clipped else math.inf, on_nonfinite="skip")
    numbers = {"norm": float(norm), **{name: loss.item() for name, loss in losses.items()}}
    if not all(map(math.isfinite, numbers.values())):
        raise FloatingPointError("a loss or a gradient is not finite")
    optimizer.step()
    return numbers


def run(setting: Setting, training: list[images.Sample], held_out: list[images.Sample], steps: int) -> dict[str, object]:
    """One training. It fails if it diverges, which is a number that is not finite, or if it collapses: its AP50 is below COLLAPSED at the end."""
    scheme, began = SCHEMES[setting.scheme], time.perf_counter()
    torch.manual_seed(setting.seed)
    start = Detector(scheme.precise, scheme.giou)
    each: dict[str, list[float]] = {"rpn": [], "head": [], "norm": []}
    measured: dict[str, list[dict[str, float]]] = {"early": [], "late": []}
    measures, failure, passes, done = [], None, 2 if scheme.alternating else 1, 0
    at = [passes * steps * k // EVALUATIONS for k in range(EVALUATIONS)]
    try:
        for phase in phases_of(scheme, start, steps):
            optimizer = torch.optim.SGD([parameter for module in phase.trained for parameter in module.parameters()], setting.rate, MOMENTUM)
            for step in phase.steps:
                if step >= phase.steps.stop - len(phase.steps) // 5:  # The last fifth has a tenth of the rate, so that the end depends less on the last batch.
                    optimizer.param_groups[0]["lr"] = setting.rate / 10
                if done in at:
                    measures.append({"step": done / passes, **evaluate(phase.detector, held_out, phase.proposer)})
                batch = batch_of(training, step)
                if not scheme.alternating and step % EVERY == 0 and (step < EARLY or step >= steps - EARLY):
                    measured["early" if step < EARLY else "late"].append(gradients(phase.detector, batch, setting.seed, step))
                for name, value in train_step(phase, optimizer, batch, setting, step).items():
                    each[name].append(value)
                done += 1
        measures.append({"step": float(steps), **evaluate(phase.detector, held_out)})
        if measures[-1]["ap50"] < COLLAPSED:
            failure = "collapsed"
    except FloatingPointError:
        failure = f"diverged at step {done}"
    return {
        "setting": vars(setting),
        "failure": failure,
        "losses": {name: binned(each[name]) for name in ("rpn", "head")},
        "norm": {"early": summary(each["norm"][:EARLY]), "late": summary(each["norm"][-EARLY:])},
        "gradients": {when: {name: summary([row[name] for row in rows]) for name in rows[0]} for when, rows in measured.items() if rows},
        "early": {name: [row[name] for row in measured["early"]] for name in ("rpn", "removed")},
        "measures": measures,
        "seconds": time.perf_counter() - began,
    }


def binned(values: list[float], bins: int = 15) -> list[float]:
    return [float(part.mean()) for part in np.array_split(values, min(bins, len(values)))] if values else []


def summary(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "largest": float(np.max(values))} if values else {}


def rounded(value: object) -> object:
    """Four digits are enough to be drawn, and keep the file small."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(x) for key, x in value.items()}
    return [rounded(x) for x in value] if isinstance(value, list) else value


def write(path: Path, results: dict[str, object]) -> None:
    """One run is one line. The file is complete at any time."""
    head = json.dumps({key: value for key, value in results.items() if key != "runs"}, indent=1)[:-2]
    lines = ",\n".join(json.dumps(run) for run in results["runs"])
    temporary = path.with_suffix(".part")
    temporary.write_text(f'{head},\n "runs": [\n{lines}\n]}}\n')
    os.replace(temporary, path)


def about(options: argparse.Namespace) -> dict[str, object]:
    versions = f"Python {platform.python_version()}, boxgrad {boxgrad.__version__}, torch {torch.__version__}, numpy {np.__version__}"
    machine = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    return {
        "steps": options.steps, "batch": BATCH, "momentum": MOMENTUM, "max_norm": MAX_NORM, "held_out": options.held_out, "early": EARLY, "every": EVERY,
        "machine": f"{machine}, one thread", "versions": versions, "date": datetime.now(timezone.utc).date().isoformat(),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="the file of results (default: results.json beside the script; with --quick none that stays)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--held-out", type=int, default=100, help="how many images are held out (default: 100)")
    names = list(SCHEMES)
    parser.add_argument("--schemes", nargs="+", choices=names, metavar="SCHEME", default=names[:3], help=f"of {names} (default: the first three)")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.02, 0.1])
    parser.add_argument("--clipping", nargs="+", choices=("off", "on"), default=["off", "on"])
    parser.add_argument("--quick", action="store_true", help="one seed, one rate, without clipping, 40 steps, 20 held-out images")
    options = parser.parse_args(arguments)
    if options.quick:
        options.seeds, options.steps, options.held_out, options.rates, options.clipping = [0], 40, 20, options.rates[:1], ["off"]
        options.out = options.out or Path(tempfile.mkdtemp()) / "results.json"
    options.out = options.out or Path(__file__).with_name("results.json")
    torch.set_num_threads(1)
    results = json.loads(options.out.read_text()) if options.out.exists() else {**about(options), "runs": []}
    if results["steps"] != options.steps or results["held_out"] != options.held_out:
        raise SystemExit(f"{options.out} has runs of {results['steps']} steps and {results['held_out']} held-out images: take another file")
    done = {Setting(**of_run["setting"]) for of_run in results["runs"]}
    for seed in options.seeds:
        training, held_out = images.make_all(seed, options.steps * BATCH), images.make_all(1_000_000 + seed, options.held_out)
        settings = (Setting(s, rate, clip == "on", seed) for rate in options.rates for clip in options.clipping for s in options.schemes)
        for setting in settings:
            if setting in done:
                continue
            result = rounded(run(setting, training, held_out, options.steps))
            results["runs"].append(result)
            write(options.out, results)
            ap = f"AP50 {result['measures'][-1]['ap50']:.3f}" if not result["failure"] else result["failure"]
            clipping = "on" if setting.clipped else "off"
            print(f"seed {seed}, rate {setting.rate}, clipping {clipping}, {setting.scheme}: {ap}, {result['seconds']:.1f} s", flush=True)


if __name__ == "__main__":
    main()
