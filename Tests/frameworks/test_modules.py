"""The losses as modules."""

import boxgrad.torch
import pytest
import torch

ours = boxgrad.torch
A, B = torch.tensor([[0.0, 0, 4, 4], [1, 1, 3, 9]]), torch.tensor([[1.0, 0, 5, 4], [2, 1, 3, 5]])
MODULES = {
    ours.IoULoss: (ours.box_iou_loss, {}), ours.GIoULoss: (ours.generalized_box_iou_loss, {}), ours.DIoULoss: (ours.distance_box_iou_loss, {}),
    ours.CIoULoss: (ours.complete_box_iou_loss, {}), ours.EIoULoss: (ours.efficient_box_iou_loss, {"gamma": 0.5}),
    ours.SIoULoss: (ours.siou_loss, {"theta": 2.0}),
}  # fmt: skip


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("kind", MODULES)
def test_box_losses(kind, reduction):
    function, options = MODULES[kind]
    module, predicted = kind(reduction=reduction, eps=1e-3, **options), A.clone().requires_grad_()
    assert torch.equal(module(predicted, B), function(A, B, reduction=reduction, eps=1e-3, **options))
    weights = torch.tensor([0.5, 2.0])
    assert torch.equal(module(predicted, B, weights), function(A, B, reduction=reduction, eps=1e-3, weights=weights, **options))
    module(predicted, B).sum().backward()
    assert predicted.grad.abs().sum() > 0
    assert repr(module).startswith(f"{kind.__name__}(reduction={reduction!r}, eps=0.001")
    assert not list(module.parameters()) and not module.state_dict()
    if reduction == "mean":
        assert torch.equal(module(A, B, normalizer=3.0), function(A, B, "mean", 1e-3, normalizer=3.0, **options))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_smooth_l1(reduction):
    torch.testing.assert_close(ours.SmoothL1Loss(reduction, beta=0.5)(A, B), torch.nn.SmoothL1Loss(reduction=reduction, beta=0.5)(A, B))
    weights = torch.tensor([[0.5], [2.0]])
    expected = ours.smooth_l1_loss(A, B, reduction, sigma=3.0, inside_weights=weights, outside_weights=weights)
    assert torch.equal(ours.SmoothL1Loss(reduction, sigma=3.0)(A, B, weights, weights), expected)


def test_they_are_copied_and_pickled():
    import copy
    import pickle

    module = ours.GIoULoss("sum")
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(A, B), module(A, B))
