"""examples/two_stage.py, the chained backward pass of a two-stage detector, against torch's autograd."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "examples"))

import boxgrad  # noqa: E402
import detector  # noqa: E402
import peers  # noqa: E402
import two_stage  # noqa: E402
from two_stage import two_stage_loss  # noqa: E402

HEIGHT, WIDTH = 300, 400
SIGMA = 3.0


@pytest.fixture
def batch():
    """Anchors, first-stage deltas, ground truth and head deltas; a third of the proposals leave the image."""
    rng = np.random.default_rng(2)
    n = 60
    centers = rng.uniform([20, 20], [WIDTH - 20, HEIGHT - 20], (n, 2))
    sizes = rng.uniform(20, 120, (n, 2))
    anchors = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)
    truth = anchors + rng.normal(0, 5, (n, 4))
    return anchors, rng.normal(0, 0.2, (n, 4)), truth, rng.normal(0, 0.2, (n, 4))


def torch_two_stage(torch, anchors, deltas, truth, head, *, stop_gradient):
    """The same, from the formulas."""

    def encode(proposals, boxes):
        sizes = proposals[:, 2:] - proposals[:, :2]
        shift = (boxes[:, :2] + boxes[:, 2:] - proposals[:, :2] - proposals[:, 2:]) / 2
        return torch.cat([shift / sizes, torch.log((boxes[:, 2:] - boxes[:, :2]) / sizes)], dim=1)

    anchors, truth, head = (torch.tensor(x) for x in (anchors, truth, head))
    deltas = torch.tensor(deltas, requires_grad=True)
    sizes = anchors[:, 2:] - anchors[:, :2]
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * sizes
    halves = torch.exp(deltas[:, 2:]) * sizes / 2
    proposals = torch.cat([centers - halves, centers + halves], dim=1)
    limits = torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT], dtype=torch.float64)
    clipped = torch.minimum(proposals.clamp(min=0), limits)
    assert (clipped != proposals).any(dim=1).sum() >= 10, "the clip must matter"
    if stop_gradient:
        clipped = clipped.detach()
    difference = (head - encode(clipped, truth)).abs()
    quadratic = difference < 1 / SIGMA**2
    assert quadratic.any() and not quadratic.all(), "both branches of smooth L1 must matter"
    loss = torch.where(quadratic, SIGMA**2 / 2 * difference**2, difference - 0.5 / SIGMA**2).mean()
    if loss.requires_grad:
        loss.backward()
    return loss.item(), deltas.grad


def test_without_stop_gradient_the_first_stage_gets_the_exact_gradient(torch, batch):
    loss, gradient = two_stage_loss(*batch, (HEIGHT, WIDTH), stop_gradient=False, sigma=SIGMA)
    expected_loss, expected = torch_two_stage(torch, *batch, stop_gradient=False)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    row_maximum = np.abs(expected.numpy()).max(axis=1, keepdims=True)
    assert (np.abs(gradient - expected.numpy()) <= 1e-12 * row_maximum).all()


def test_with_stop_gradient_the_loss_is_the_same_and_the_first_stage_gets_none(torch, batch):
    loss, gradient = two_stage_loss(*batch, (HEIGHT, WIDTH), stop_gradient=True, sigma=SIGMA)
    expected_loss, expected = torch_two_stage(torch, *batch, stop_gradient=True)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    assert gradient is None and expected is None
    assert loss == two_stage_loss(*batch, (HEIGHT, WIDTH), stop_gradient=False, sigma=SIGMA)[0]


# ---- The training step on real proposals ----


def plain_nms(torch, torchvision, boxes, scores, threshold):
    """torchvision's nms where its compiled operators load, otherwise its algorithm with its box_iou."""
    try:
        return torchvision.ops.nms(boxes, scores, threshold)
    except (RuntimeError, NotImplementedError):
        return peers.nms(torch, boxes, scores, threshold)


def test_every_step_of_training_is_torchvisions(torch, torchvision):
    from torchvision.models.detection._utils import BalancedPositiveNegativeSampler, BoxCoder, Matcher

    inputs = detector.load()
    deltas = boxgrad.encode_boxes(inputs.boxes, detector.refine(inputs.boxes, inputs.corrections))
    step = {
        name.split("/")[1]: value
        for name, value in two_stage.training_step(
            inputs.boxes, deltas, inputs.scores, inputs.face[None], detector.IMAGE_SIZE
        ).items()
    }
    anchors, truth = torch.tensor(inputs.boxes), torch.tensor(inputs.face[None])

    def close(ours, theirs, scale=1.0):
        assert ours.shape == tuple(theirs.shape)
        assert np.abs(ours - theirs.numpy()).max() <= 4e-6 * scale

    decoded = BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(torch.tensor(deltas), anchors)
    close(step["decoded"], decoded, scale=512)
    # Each of the following steps from ours before it, so that a difference is that step's own.
    clipped = torchvision.ops.clip_boxes_to_image(torch.tensor(step["decoded"]), detector.IMAGE_SIZE)
    assert step["clipped"].tolist() == clipped.tolist()
    keep = plain_nms(torch, torchvision, clipped, torch.tensor(inputs.scores), two_stage.NMS_THRESHOLD)
    assert step["keep"].tolist() == keep.tolist() and 10 < len(keep) < len(anchors)
    proposals = clipped[keep]
    quality = torchvision.ops.box_iou(truth, proposals)
    assert step["overlaps"].tolist() == quality.max(dim=0).values.tolist()
    matches = Matcher(two_stage.HIGH, two_stage.LOW, allow_low_quality_matches=True)(quality)
    assert step["matches"].tolist() == matches.tolist()
    assert {-1, 0} <= set(matches.tolist())
    positive, negative = BalancedPositiveNegativeSampler(two_stage.BATCH, two_stage.POSITIVE_FRACTION)([matches + 1])
    assert (len(step["positives"]), len(step["negatives"])) == (positive[0].sum(), negative[0].sum())
    assert (matches[step["positives"]] >= 0).all() and (matches[step["negatives"]] == -1).all()
    chosen = torch.tensor(step["positives"])
    targets = BoxCoder(tuple(1 / std for std in two_stage.STDS)).encode_single(truth[matches[chosen]], proposals[chosen])
    close(step["targets"], targets, scale=10)
    head = torch.zeros_like(targets, requires_grad=True)
    loss = torch.nn.functional.smooth_l1_loss(head, torch.tensor(step["targets"]), beta=1.0, reduction="sum")
    loss = loss / (len(step["positives"]) + len(step["negatives"]))
    loss.backward()
    assert step["loss"] == pytest.approx(loss.item(), rel=1e-6)
    close(step["gradient"], head.grad, scale=0.1)
