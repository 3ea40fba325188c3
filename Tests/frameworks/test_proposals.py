"""Suppression, matching, sampling and the coders, against torchvision's."""

import boxgrad
import boxgrad.torch
import numpy as np
import peers
import pytest
import torch


def boxes_of(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 4, generator=generator) * 50
    boxes[:, 2:] += boxes[:, :2] + 1
    return boxes, torch.rand(count, generator=generator), torch.randint(3, (count,), generator=generator)


def test_nms():
    boxes, scores, _ = boxes_of(200)
    keep = boxgrad.torch.nms(boxes.requires_grad_(), scores.requires_grad_(), 0.3)
    assert keep.dtype is torch.int64 and not keep.requires_grad
    assert torch.equal(keep, peers.nms(torch, boxes.detach(), scores.detach(), 0.3))
    assert np.array_equal(keep, boxgrad.nms(boxes, scores, 0.3)) and 0 < len(keep) < 200
    assert torch.equal(boxgrad.torch.nms(boxes, scores, 0.3, max_keep=3), keep[:3])


def test_batched_nms():
    boxes, scores, classes = boxes_of(200)
    keep = boxgrad.torch.batched_nms(boxes, scores, classes, 0.3)
    each = [torch.where(classes == c)[0] for c in range(3)]
    expected = torch.cat([of_class[peers.nms(torch, boxes[of_class], scores[of_class], 0.3)] for of_class in each])
    assert torch.equal(keep, expected[scores[expected].sort(descending=True)[1]])
    assert boxgrad.torch.batched_nms(boxes[:0], scores[:0], classes[:0], 0.3).shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_nms_of_other_dtypes(dtype):
    boxes, scores, _ = boxes_of(50)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    assert torch.equal(boxgrad.torch.nms(boxes, scores, 0.3), boxgrad.torch.nms(boxes.double(), scores.double(), 0.3))


def test_rotated_boxes():
    """What the functions of arrays give, on every dtype; without a graph, and not on meta."""
    boxes, scores, classes = boxes_of(200)
    rows = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2], 7 * boxes[:, :1]], 1)
    of_angle = {"angle": "degrees-ccw"}
    keep = boxgrad.torch.rotated_nms(rows.clone().requires_grad_(), scores, 0.3, **of_angle)
    assert keep.dtype is torch.int64 and np.array_equal(keep, boxgrad.rotated_nms(rows, scores, 0.3, **of_angle)) and 0 < len(keep) < 200
    assert torch.equal(boxgrad.torch.rotated_nms(rows, scores, 0.3, max_keep=3, **of_angle), keep[:3])
    keep = boxgrad.torch.batched_rotated_nms(rows, scores, classes, 0.3, max_per_class=9, **of_angle)
    assert np.array_equal(keep, boxgrad.batched_rotated_nms(rows, scores, classes, 0.3, max_per_class=9, **of_angle))
    assert boxgrad.torch.batched_rotated_nms(rows[:0], scores[:0], classes[:0], 0.3, **of_angle).shape == (0,)
    found = boxgrad.torch.match_rotated_boxes(rows, rows[:20], 0.7, 0.3, True, **of_angle)
    assert all(np.array_equal(a, b) for a, b in zip(found, boxgrad.match_rotated_boxes(rows, rows[:20], 0.7, 0.3, True, **of_angle)))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        few, of_few = rows[:50].to(dtype), scores[:50].to(dtype)
        assert torch.equal(boxgrad.torch.rotated_nms(few, of_few, 0.3, **of_angle), boxgrad.torch.rotated_nms(few.double(), of_few.double(), 0.3, **of_angle))
    with pytest.raises(NotImplementedError, match="boxes is on the device meta"):
        boxgrad.torch.rotated_nms(rows.to("meta"), scores, 0.3, **of_angle)
    with pytest.raises(TypeError, match="angle"):
        boxgrad.torch.rotated_nms(rows, scores, 0.3)


def test_remove_small_boxes(torchvision):
    boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 1], [0, 0, 2, 2], [0, 0, float("nan"), 9]])
    assert torch.equal(boxgrad.torch.remove_small_boxes(boxes, 2.0), torchvision.ops.remove_small_boxes(boxes, 2.0))


def test_what_numbers_decide_needs_numbers():
    boxes, scores, classes = (x.to("meta") for x in boxes_of(5))
    for call in (lambda: boxgrad.torch.nms(boxes, scores, 0.5), lambda: boxgrad.torch.batched_nms(boxes, scores, classes, 0.5)):
        with pytest.raises(NotImplementedError, match="boxes is on the device meta"):
            call()


@pytest.mark.parametrize("low_quality", [False, True])
def test_matcher(torchvision, low_quality):
    from torchvision.models.detection._utils import Matcher

    truths, proposals = boxes_of(7)[0], boxes_of(90, 1)[0]
    overlaps = boxgrad.torch.box_iou(truths, proposals)
    ours, theirs = (kind(0.5, 0.3, low_quality) for kind in (boxgrad.torch.Matcher, Matcher))
    matches = ours(overlaps)
    assert matches.dtype is torch.int64 and torch.equal(matches, theirs(overlaps)) and len(set(matches.tolist())) > 3
    found, best = ours.match(proposals, truths)
    assert torch.equal(found, matches) and torch.equal(best, overlaps.max(0).values)
    assert (ours.BELOW_LOW_THRESHOLD, ours.BETWEEN_THRESHOLDS) == (theirs.BELOW_LOW_THRESHOLD, theirs.BETWEEN_THRESHOLDS)


def test_sampler(torchvision):
    from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

    labels = [torch.tensor([1.0, 0, -1, 2, 0, 0, 0, 1]), torch.zeros(3), torch.ones(4, dtype=torch.int64)]
    ours, theirs = (kind(4, 0.5) for kind in (boxgrad.torch.BalancedPositiveNegativeSampler, BalancedPositiveNegativeSampler))
    for masks, expected in zip(ours(labels), theirs(labels)):
        assert [(mask.sum(), mask.dtype, mask.shape) for mask in masks] == [(mask.sum(), mask.dtype, mask.shape) for mask in expected]
    torch.manual_seed(3)
    first, second = ours(labels), ours(labels)
    torch.manual_seed(3)
    again = ours(labels)
    assert all(torch.equal(a, b) for a, b in zip(first[0] + first[1], again[0] + again[1]))
    assert not all(torch.equal(a, b) for a, b in zip(first[0] + first[1], second[0] + second[1]))
    seeded = boxgrad.torch.BalancedPositiveNegativeSampler(4, 0.5, seed=5)(labels)
    for mask, expected in zip(seeded[0], boxgrad.BalancedPositiveNegativeSampler(4, 0.5, seed=5)([x.numpy() for x in labels])[0]):
        assert np.array_equal(mask, expected)


def test_box_coder(torchvision):
    from torchvision.models.detection._utils import BoxCoder

    weights = (10.0, 10.0, 5.0, 5.0)
    ours, theirs = boxgrad.torch.BoxCoder(weights), BoxCoder(weights)
    truths, proposals = [boxes_of(n)[0] for n in (4, 0, 3)], [boxes_of(n, 1)[0] for n in (4, 0, 3)]
    for a, b in zip(ours.encode(truths, proposals), theirs.encode(truths, proposals), strict=True):
        torch.testing.assert_close(a, b)
    codes, others = (torch.rand(7, 8).mul_(0).add_(torch.linspace(-1, 3, 8)).requires_grad_() for _ in range(2))
    torch.testing.assert_close(ours.decode(codes, proposals), theirs.decode(others, proposals), rtol=1e-5, atol=1e-4)
    ours.decode(codes, proposals).square().sum().backward(), theirs.decode(others, proposals).square().sum().backward()
    torch.testing.assert_close(codes.grad, others.grad, rtol=1e-4, atol=1e-3)
    empty = torch.zeros(2, 4)
    assert ours.encode([empty], [boxes_of(2)[0]])[0].isinf().any(), "as torchvision's, and without an error"
    with pytest.raises(boxgrad.DegenerateBoxError):
        boxgrad.torch.BoxCoder(weights, on_degenerate="error").encode([empty], [boxes_of(2)[0]])


@pytest.mark.parametrize("by_size", [True, False])
def test_box_linear_coder(torchvision, by_size):
    from torchvision.models.detection._utils import BoxLinearCoder

    ours, theirs = boxgrad.torch.BoxLinearCoder(by_size), BoxLinearCoder(by_size)
    anchors, truths = boxes_of(6)[0], boxes_of(6, 1)[0].requires_grad_()
    torch.testing.assert_close(ours.encode(anchors, truths), theirs.encode(anchors, truths))
    gradients = [torch.autograd.grad(coder.decode(truths, anchors).square().sum(), truths)[0] for coder in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_min_area_boxes(dtype):
    """Those of arrays, without a gradient, in the dtype of the points; whole numbers give double."""
    points = torch.from_numpy(np.random.default_rng(0).integers(-9, 9, (20, 6, 2))).to(dtype)
    given = points.clone().requires_grad_() if dtype.is_floating_point else points
    found = boxgrad.torch.min_area_boxes(given, angle="degrees-ccw")
    assert found.dtype == (dtype if dtype.is_floating_point else torch.float64) and not found.requires_grad
    wanted = torch.from_numpy(boxgrad.min_area_boxes(points.to(torch.float64), angle="degrees-ccw")).to(found.dtype)
    assert torch.allclose(found, wanted, rtol=0.02 if dtype in (torch.float16, torch.bfloat16) else 1e-5, atol=1e-4)
    with pytest.raises(ValueError, match="points must have the shape"):
        boxgrad.torch.min_area_boxes(points[..., :1], angle="degrees-ccw")
