"""examples/two_stage.py, the chained backward pass of a two-stage detector, against torch's autograd."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "examples"))

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
