"""The experiment of examples/train in small, what its schemes are, and that docs/joint-training.md says what the results say."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "examples/train")]

import evaluation  # noqa: E402
import images  # noqa: E402
import model  # noqa: E402
import page  # noqa: E402
import train  # noqa: E402

SEED = 3
PAGE = (ROOT / "docs/joint-training.md").read_text()


@pytest.fixture(scope="module")
def samples():
    return images.make_all(SEED, 40 * train.BATCH)


def start_of(name, dtype=torch.float32):
    torch.manual_seed(SEED)
    return model.Detector(train.SCHEMES[name].precise, train.SCHEMES[name].giou).to(dtype)


def head_loss(detector, batch, cut):
    first = detector.first_stage(batch.images)
    return train.head_loss(detector, first, first.features, batch, cut, SEED, 0)


@pytest.fixture
def in_double(samples):
    """A detector that is not at its start, where the head hardly answers to what is pooled; with its batch and what was chosen of it."""
    detector, batch = start_of("true", torch.float64), train.batch_of(samples, 0)
    for layer in (detector.rpn.deltas, detector.head.deltas, detector.head.classes):
        torch.nn.init.normal_(layer.weight, std=0.05)
    batch = model.Batch(batch.images.double(), [boxes.double() for boxes in batch.boxes], batch.labels)
    with torch.no_grad():
        first = detector.first_stage(batch.images)
    chosen = detector.choose(first, batch)
    assert 5 < chosen.positive.sum() < len(chosen.positive) - 5
    return detector, first, chosen


def test_an_image_has_its_truths(samples):
    boxes = np.concatenate([sample.boxes for sample in samples])
    assert boxes.min() >= 0 and boxes.max() <= images.SIZE and (boxes[:, 2:] - boxes[:, :2]).min() >= images.SMALLEST
    assert ((boxes == 0) | (boxes == images.SIZE)).any(axis=1).mean() > 0.1, "some are cut at the border"
    assert {len(sample.labels) for sample in samples} == {1, 2, 3} and set(np.concatenate([sample.labels for sample in samples])) == {0, 1, 2}
    again = images.make_all(SEED, 2)
    assert all(np.array_equal(a.image, b.image) and np.array_equal(a.boxes, b.boxes) for a, b in zip(samples, again))


def test_the_schemes_start_with_equal_losses_bit_for_bit(samples):
    """But for the head's loss where it is another by name. Of alternating training it is the start of the first phase."""
    batch, of_rpn, of_head = train.batch_of(samples, 0), set(), {}
    for past, (name, scheme) in enumerate(train.SCHEMES.items()):
        phase = next(train.phases_of(scheme, start_of(name), 10))
        first = phase.detector.first_stage(batch.images)
        torch.manual_seed(past)  # What is sampled is the same whatever was drawn before.
        of_head.setdefault((scheme.precise, scheme.giou), []).append(train.head_loss(phase.detector, first, first.features, batch, scheme.cut, SEED, 0).item())
        torch.manual_seed(past)
        of_rpn.add(train.rpn_loss(phase.detector, first, batch, SEED, 0).item())
    assert len(of_rpn) == 1 and all(len(set(losses)) == 1 for losses in of_head.values())
    assert [len(losses) for losses in of_head.values()] == [4, 1, 2] and len({losses[0] for losses in of_head.values()}) == 3


def test_stop_gradient_stops_all_of_it(samples):
    detector, batch = start_of("approximate"), train.batch_of(samples, 0)
    for name in ("alternating", "approximate", "approximate, GIoU"):
        detector.giou = train.SCHEMES[name].giou
        found = torch.autograd.grad(head_loss(detector, batch, train.SCHEMES[name].cut), list(detector.rpn.parameters()), allow_unused=True)
        assert found == (None,) * len(found)
    detector.zero_grad()
    detector.giou = False
    head_loss(detector, batch, train.SCHEMES["true"].cut).backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in (detector.rpn.deltas.weight, detector.rpn.hidden.weight, detector.backbone[0].weight))
    assert detector.rpn.scores.weight.grad is None, "scores choose, and a choice has no gradient"


@pytest.mark.parametrize("name", [name for name, scheme in train.SCHEMES.items() if scheme.cut != train.CUT])
def test_the_gradient_is_that_of_differences(in_double, name):
    """Of the whole loss of the second stage, by each delta of the first; where the targets are constants, of the loss with the targets held."""
    detector, first, chosen = in_double
    scheme = train.SCHEMES[name]
    detector.precise, detector.giou = scheme.precise, scheme.giou
    deltas = first.deltas.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(detector.second_stage(first.features, deltas, chosen, scheme.cut), deltas)
    held = detector.boxes_of(first.deltas)
    step, wrong = 1e-6, []
    rows = torch.nonzero(gradient.abs().sum(-1).flatten())[:, 0]
    of_positive = torch.cat([image * len(detector.anchors) + anchors for image, anchors in enumerate(chosen.anchors)])[chosen.positive]
    assert set(of_positive.tolist()) <= set(rows.tolist()) and len(rows) > len(of_positive), "negative proposals have a gradient by the pooling"
    for index in [4 * row + k for row in {*of_positive[:8].tolist(), *rows[:8].tolist()} for k in range(4)]:
        both = []
        for sign in (1, -1):
            moved = first.deltas.clone()
            moved.view(-1)[index] += sign * step
            both.append(loss_with(detector, first, moved, chosen, scheme.cut, held))
        difference = (both[0] - both[1]) / (2 * step)
        if abs(difference - float(gradient.view(-1)[index])) > 1e-7 * float(gradient.abs().max()):
            wrong.append((index, difference, float(gradient.view(-1)[index])))
    assert not wrong


def loss_with(detector, first, deltas, chosen, cut, held):
    """The loss in which the proposals move by the deltas, but for those that the cut makes constants, which stay where they are held."""
    with torch.no_grad():
        if not cut.targets:
            return float(detector.second_stage(first.features, deltas, chosen, cut))
        boxes = [of_image[anchors] for of_image, anchors in zip(detector.boxes_of(deltas), chosen.anchors)]
        constant = torch.cat([of_image[anchors] for of_image, anchors in zip(held, chosen.anchors)])
        scores, found = detector.head(detector.pool(first.features, boxes))
        wanted = detector.head_coder.encode_single(chosen.truths, constant[chosen.positive])
        loss = torch.nn.functional.smooth_l1_loss(found[chosen.positive], wanted, reduction="sum") / len(scores)
        return float(torch.nn.functional.cross_entropy(scores, chosen.classes) + loss)


def test_the_measured_parts_are_the_gradient(samples):
    """RPN's own and the removed part, at the start: what a step of true joint training has at these weights is their sum."""
    detector, batch = start_of("true"), train.batch_of(samples, 0)
    found = train.gradients(detector, batch, SEED, 0)
    losses = train.rpn_loss(detector, detector.first_stage(batch.images), batch, SEED, 0), head_loss(detector, batch, train.SCHEMES["true"].cut)
    own, whole = (torch.autograd.grad(loss, detector.rpn.deltas.weight)[0].flatten() for loss in losses)
    assert found["rpn"] == pytest.approx(float(own.norm()), rel=1e-5) and found["removed"] == pytest.approx(float(whole.norm()), rel=1e-5)
    assert found["cosine"] == pytest.approx(float(torch.nn.functional.cosine_similarity(own, whole, 0)), abs=1e-5)
    assert found["pooling"] > 0 and found["targets"] > 0


def test_phases_of_alternating_training():
    """Each loss once for each step, backbone fixed from the third phase on, and the second backbone begins where the first began."""
    start = start_of("alternating")
    phases = train.phases_of(train.SCHEMES["alternating"], start, 10)
    one = next(phases)
    with torch.no_grad():
        for weights in one.detector.parameters():
            weights += 1  # as if it were trained
    two = next(phases)
    assert all(torch.equal(a, b) for a, b in zip(start.parameters(), two.detector.parameters()))
    three, four = phases
    assert [list(phase.steps) for phase in (one, two, three, four)] == [[*range(5)], [*range(5)], [*range(5, 10)], [*range(5, 10)]]
    assert [(phase.rpn, phase.head) for phase in (one, two, three, four)] == [(True, False), (False, True)] * 2
    assert two.proposer is one.detector and two.detector is three.detector is four.detector and four.proposer is None
    assert one.detector.backbone in one.trained and two.detector.backbone in two.trained
    assert three.trained == [three.detector.rpn] and four.trained == [four.detector.head]
    assert all(torch.equal(a, b) for a, b in zip(one.detector.rpn.parameters(), three.detector.rpn.parameters()))


def test_proposals_of_the_wrong_size():
    """Twice as wide and as high as it should be, once; and as it should be, once."""
    sample = images.Sample(np.zeros((1, 1, 1), np.float32), np.array([[20, 20, 30, 30], [0, 0, 10, 10]], np.float32), np.array([0, 0]))
    found = evaluation.of_proposals([np.array([[15, 15, 35, 35], [0, 0, 10, 10]], np.float32)], [sample])
    assert found == {"proposal_iou": pytest.approx((1 / 4 + 1) / 2), "size": pytest.approx(np.sqrt(2)), "positives": 1}


def test_average_precision():
    """By hand: right, wrong, a second one of the same truth, right; of three truths."""
    truths = [np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32), np.array([[0, 0, 10, 10]], np.float32)]
    found = [(np.array([[0, 0, 10, 9], [0, 0, 10, 10], [40, 40, 50, 50]], np.float32), np.array([0.9, 0.7, 0.8])), (truths[1], np.array([0.6]))]
    assert evaluation.average_precision(found, truths, 0.5) == pytest.approx((1 + 2 / 4) / 3)
    assert evaluation.average_precision(found, truths, 0.95) == pytest.approx((1 / 2 + 1 / 2) / 3)
    assert evaluation.average_precision([(boxes[:0], scores[:0]) for boxes, scores in found], truths, 0.5) == 0


@pytest.mark.parametrize("name", page.MAIN)
def test_training_on_one_batch_lowers_both_losses(samples, name):
    few = samples[: train.BATCH]
    result = train.run(train.Setting(name, 0.05, False, SEED), few * 40, few, 40)
    for loss in ("rpn", "head"):
        assert result["losses"][loss][-1] < 0.75 * result["losses"][loss][0]
    assert result["measures"][0]["ap50"] < 0.1 < 0.3 < result["measures"][-1]["ap50"] and not result["failure"]
    assert (result["gradients"] == {}) == (name == "alternating")


@pytest.mark.parametrize(("rate", "failure"), [(1e4, "diverged at step"), (1e-9, "collapsed")])
def test_a_training_that_fails(samples, rate, failure):
    result = train.run(train.Setting("approximate", rate, False, SEED), samples[:40], samples[:5], 10)
    assert result["failure"].startswith(failure)


def test_clipping(samples, monkeypatch):
    """The norm that is told is that before."""
    monkeypatch.setattr(train, "MAX_NORM", 0.1)
    phase = next(train.phases_of(train.SCHEMES["true"], start_of("true"), 10))
    optimizer = torch.optim.SGD(phase.detector.parameters(), 0.0)
    norms = {}
    for clipped in (False, True):
        told = train.train_step(phase, optimizer, train.batch_of(samples, 0), train.Setting("true", 0.0, clipped, SEED), 0)["norm"]
        norms[clipped] = told, float(torch.nn.utils.get_total_norm([weights.grad for weights in phase.detector.parameters() if weights.grad is not None]))
    assert norms[False] == pytest.approx((norms[True][0],) * 2, rel=1e-5) and norms[False][0] > 0.2 and norms[True][1] == pytest.approx(0.1, rel=1e-4)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_program(tmp_path, threads):
    """A second call does what the first did not, and keeps the rest."""
    out = tmp_path / "results.json"
    command = ["--out", str(out), "--steps", "4", "--held-out", "3", "--clipping", "on", "--rates", "0.02", "--seeds", "0"]
    train.main([*command, "--schemes", "approximate"])
    before = json.loads(out.read_text())["runs"]
    train.main([*command, "--schemes", "approximate", "true"])
    results = json.loads(out.read_text())
    assert [run["setting"]["scheme"] for run in results["runs"]] == ["approximate", "true"] and results["runs"][:1] == before
    assert results["steps"] == 4 and results["versions"] and results["machine"]
    assert results["runs"][0]["measures"][0] == results["runs"][1]["measures"][0], "the same weights at first, and the same images"
    with pytest.raises(SystemExit, match="take another file"):
        train.main(["--out", str(out), "--steps", "5"])


def test_the_lines_of_the_page_are_true_joint_training():
    """And with the line that is a comment there, approximate: then nothing requires a gradient."""
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    exec(code, names := {})
    assert (names["deltas"].grad != 0).all()
    with pytest.raises(RuntimeError, match="does not require grad"):
        exec(code.replace("# proposals =", "proposals ="), {})


def test_the_tables_are_those_of_the_results():
    results = page.Results()
    assert results.seeds == list(range(10)) and set(results.schemes) == set(train.SCHEMES)
    names = re.findall(r"<!-- examples/train/page.py: (.*?) -->", PAGE)
    assert sorted(names) == sorted(page.TABLES)
    for name in names:
        assert page.marked(name, results) in PAGE
    settings = {train.Setting(**run["setting"]) for run in results.runs}
    assert len(settings) == len(results.runs) == 10 * len({dataclasses.replace(setting, seed=0) for setting in settings}), "each setting has ten seeds"


def test_the_pictures_are_drawn(tmp_path):
    path = os.pathsep.join([str(ROOT / "bindings/python"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, ROOT / "examples/train/page.py", "--figures", tmp_path]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg"})
    assert {path.name for path in tmp_path.iterdir()} == set(re.findall(r"\((joint-training[\w-]*\.png)\)", PAGE))
    assert all(5_000 < path.stat().st_size < 60_000 for path in tmp_path.iterdir())
