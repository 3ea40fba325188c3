"""What each problem does to training, computed: the sentences of problems.py, one test for each, by boxgrad and by torch."""

import json
from xml.etree import ElementTree

import boxgrad
import numpy as np
import pytest
from boxgrad.datasets import PROBLEMS

PROPOSAL = np.array([[10.0, 10, 40, 40]])
IMAGE = (100, 100)
PROVED = {}


def proves(*names):
    def note(test):
        for name in names:
            PROVED[name] = test.__name__
        return test

    return note


def delta_loss(torch, truth, proposal=PROPOSAL):
    """Smooth L1 of a prediction of zeros against the deltas of a truth, and its gradient: by boxgrad and, the same, by torch."""
    targets = boxgrad.encode_boxes(proposal, truth, on_degenerate="propagate")
    loss, gradient = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)(np.zeros_like(targets), targets, reduction="sum")
    t, p = torch.tensor(np.asarray(truth, float)), torch.tensor(np.asarray(proposal, float))
    sides, reference = t[:, 2:] - t[:, :2], p[:, 2:] - p[:, :2]
    centers = (t[:, :2] + t[:, 2:] - p[:, :2] - p[:, 2:]) / 2
    prediction = torch.zeros(t.shape, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.smooth_l1_loss(
        prediction, torch.cat([centers / reference, torch.log(sides / reference)], 1), reduction="sum"
    )
    expected.backward()
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient, prediction.grad.numpy(), rtol=1e-12)
    return targets, float(loss), gradient


def test_ordinary_boxes_train(torch):
    targets, loss, gradient = delta_loss(torch, [[12.0, 9, 50, 44]])
    assert np.isfinite(targets).all() and np.isfinite(loss) and gradient.any()


@proves("not-finite")
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_not_finite(torch, value):
    with np.errstate(over="ignore"):
        truths = np.array([[12.0, 9, value, 44], [12, 9, 50, 44]]).astype(np.float32)
    targets = boxgrad.encode_boxes(np.tile(PROPOSAL, (2, 1)).astype(np.float32), truths, on_degenerate="propagate")
    assert not np.isfinite(targets[0]).all() and np.isfinite(targets[1]).all()
    moved = truths + np.array([1, 0, 1, 0], np.float32)
    loss, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(moved, truths, reduction="mean")
    assert np.isnan(loss) and np.isnan(gradient[0]).any()
    assert np.isnan(boxgrad.clip_grad_norm_([gradient], 1.0)) and np.isnan(gradient).all(), "and from there everywhere"


@proves("pixels-not-fractions")
def test_pixels_taken_for_fractions(torch):
    """A box of 20 x 30 pixels around (50, 60) in an image of 100 x 100."""
    x, y, w, h = np.array([50.0, 60, 20, 30]) * 100
    truth = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])
    flags = boxgrad.inspect_boxes(truth, IMAGE).flags
    assert flags[0] & np.uint32(boxgrad.BoxFlag.WHOLLY_OUTSIDE)
    clipped = boxgrad.clip_boxes_to_image(truth, IMAGE)
    assert (clipped[:, 2:] - clipped[:, :2] == 0).all()
    targets, loss, _ = delta_loss(torch, clipped)
    assert np.isneginf(targets[0, 2:]).all() and np.isinf(loss)


@proves("nan-literal")
def test_nan_literal():
    import msgspec

    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'{"bbox": [1, 2, NaN, 4]}')
    assert np.isnan(sum(json.loads('{"bbox": [1, 2, NaN, 4]}')["bbox"]))


@proves("zero-width", "zero-height")
@pytest.mark.parametrize(("truth", "column"), [([20.0, 10, 20, 40], 2), ([10.0, 20, 40, 20], 3)])
def test_no_width_or_height(torch, truth, column):
    targets, loss, _ = delta_loss(torch, [truth])
    assert targets[0, column] == -np.inf and loss == np.inf
    overlap, pullback = boxgrad.vjp(boxgrad.box_iou, PROPOSAL, boxgrad.stop_gradient([truth]))
    assert overlap == 0 and not pullback(1.0)[0].any()
    as_proposal, _, _ = delta_loss(torch, [truth], [truth])
    assert np.isnan(as_proposal).any()


@proves("inverted")
def test_inverted(torch):
    targets, loss, gradient = delta_loss(torch, [[40.0, 10, 10, 40]])
    assert np.isnan(targets[0, 2]) and np.isnan(loss) and np.isnan(gradient).any()


@proves("center-negative", "center-beyond", "wholly-outside")
@pytest.mark.parametrize("truth", [[-30.0, 40, -5, 60], [40.0, -30, 60, -5], [105.0, 40, 130, 60], [40.0, 105, 60, 130]])
def test_truths_outside(torch, truth):
    """The perfect proposal of such a truth, clipped, has no width or height."""
    learnt = boxgrad.encode_boxes(PROPOSAL, [truth])
    proposal = boxgrad.decode_boxes(PROPOSAL, learnt, max_shape=IMAGE)
    assert (proposal[0, 2:] - proposal[0, :2]).min() == 0
    targets, loss, _ = delta_loss(torch, [truth], proposal)
    assert np.isinf(targets).any() and not np.isfinite(loss)
    clipped = boxgrad.clip_boxes_to_image([truth], IMAGE)
    targets, loss, _ = delta_loss(torch, clipped)
    assert np.isneginf(targets[0, 2:]).any() and loss == np.inf


@proves("center-negative", "center-beyond")
@pytest.mark.parametrize("truth", [[-20.0, 40, 10, 60], [90.0, 40, 120, 60]])
def test_centers_outside_of_boxes_that_are_partly_inside(torch, truth):
    """A proposal learns the centre first: one that is smaller than the truth lies outside, and clipped it is empty."""
    learnt = boxgrad.encode_boxes(PROPOSAL, [truth]) * [1, 1, 0, 0] + [0, 0, np.log(0.2), 0]
    proposal = boxgrad.decode_boxes(PROPOSAL, learnt, max_shape=IMAGE)
    targets, loss, _ = delta_loss(torch, [truth], proposal)
    assert np.isinf(targets).any() and not np.isfinite(loss)


@proves("partly-outside")
def test_partly_outside():
    truth, inside = np.array([[80.0, 40, 120, 60]]), np.array([[80.0, 40, 100, 60]])
    assert boxgrad.box_iou_loss(inside, truth, reduction="sum") == pytest.approx(0.5)
    _, pullback = boxgrad.vjp(boxgrad.clip_boxes_to_image, truth, IMAGE)
    assert pullback(np.ones((1, 4)))[0].tolist() == [[1, 1, 0, 1]]


@proves("small")
def test_small():
    generator = np.random.default_rng(0)
    starts, sides = generator.uniform(0, 60, (2000, 2)), np.stack([generator.uniform(0, 1, 2000), generator.uniform(0, 200, 2000)], 1)
    overlap = boxgrad.box_iou(np.hstack([starts, starts + sides]), [[10.0, 10, 42, 42]])
    assert 0 < overlap.max() <= 1 / 32


@proves("image-size-missing")
def test_image_size_missing(torch):
    clipped = boxgrad.clip_boxes_to_image(PROPOSAL, (0, 0))
    targets, loss, _ = delta_loss(torch, clipped)
    assert not clipped.any() and np.isneginf(targets[0, 2:]).all() and loss == np.inf
    with np.errstate(divide="ignore"):
        assert np.isinf(PROPOSAL / 0).all()


@proves("image-size-differs")
def test_image_size_differs():
    _, pullback = boxgrad.vjp(boxgrad.clip_boxes_to_image, [[60.0, 60, 90, 90]], (50, 50))
    assert not pullback(np.ones((1, 4)))[0].any()


@proves("image-size-turned")
def test_image_size_turned(torch):
    """A box of a photo 480 wide and 640 high, in an image whose sides are exchanged: nothing of it is left."""
    truth = [[100.0, 500, 300, 630]]
    assert (boxgrad.clip_boxes_to_image(truth, (640, 480)) == truth).all()
    targets, loss, _ = delta_loss(torch, boxgrad.clip_boxes_to_image(truth, (480, 640)))
    assert np.isneginf(targets[0, 3]) and loss == np.inf


@proves("malformed", "unknown-image", "duplicate-id", "duplicate-key")
def test_boxes_that_are_lost(torch):
    """What is not in the batch has no gradient: the loss of the others is the same without it."""
    truths = np.array([[12.0, 9, 50, 44], [60, 60, 90, 80]])
    predictions = truths + [1.0, 2, 3, 4]
    loss, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(predictions, truths, reduction="sum")
    fewer, _ = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(predictions[:1], truths[:1], reduction="sum")
    assert fewer < loss and gradient[1].any()
    by_id = {one["id"]: one["bbox"] for one in json.loads('[{"id": 1, "bbox": [0]}, {"id": 1, "bbox": [5]}]')}
    assert by_id == {1: [5]}
    assert json.loads('{"bbox": [0], "bbox": [5]}') == {"bbox": [5]}, "the last one of a key"
    assert ElementTree.fromstring("<object><name>a</name><name>b</name></object>").findtext("name") == "a", "the first one of an element"


@proves("number-as-text", "damaged-field")
def test_fields_that_are_no_numbers():
    record = json.loads('{"bbox": ["10", 20, 30, 40], "image_id": "7", "area": "big", "iscrowd": "no"}')
    with pytest.raises(TypeError):
        record["bbox"][0] + record["bbox"][2]
    assert {7: "a.jpg"}.get(record["image_id"]) is None
    with pytest.raises(TypeError):
        record["area"] < 32**2
    with pytest.raises(ValueError):
        float(record["area"])
    assert bool(record["iscrowd"])


@proves("unknown-category")
def test_unknown_category(torch):
    logits = torch.randn(1, 3, requires_grad=True)
    with pytest.raises(IndexError):
        torch.nn.functional.cross_entropy(logits, torch.tensor([3]))
    loss = torch.nn.functional.cross_entropy(logits, torch.zeros(1, 3))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


@proves("duplicate")
def test_duplicate():
    prediction, truth = PROPOSAL + 3, PROPOSAL
    once, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(prediction, truth, reduction="sum")
    twice, pullback = boxgrad.vjp(boxgrad.generalized_box_iou_loss, np.tile(prediction, (2, 1)), np.tile(truth, (2, 1)), reduction="sum")
    assert twice == 2 * once
    np.testing.assert_array_equal(pullback(1.0)[0].sum(axis=0), 2 * gradient[0])
    assert boxgrad.box_iou(truth, truth) == 1, "of two equal predictions suppression keeps one"


@proves("area-differs")
def test_area_differs():
    with np.errstate(divide="ignore"):
        weight = 1 / np.zeros(1)
    loss = float(boxgrad.smooth_l1_loss(np.zeros((1, 4)), np.ones((1, 4)), outside_weights=weight[:, None], reduction="sum"))
    assert loss == np.inf
    assert boxgrad.box_area(PROPOSAL) < 32**2 < 40**2, "small by its box, medium by a wrong field"


@proves("self-intersecting")
def test_self_intersecting():
    def signed_area(quad):
        x, y = np.array(quad).reshape(-1, 2).T
        return (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2

    assert signed_area([0, 0, 10, 0, 10, 10, 0, 10]) == 100
    bow_tie = signed_area([0, 0, 10, 10, 10, 0, 0, 10])
    with np.errstate(invalid="ignore"):
        assert bow_tie == 0 and np.isnan(np.float64(0) / bow_tie)


@proves("no-rectangle")
def test_no_rectangle():
    """Of a quadrilateral whose rectangle has 1.1 times its area, the part of it that the quadrilateral fills is the IoU of both."""
    quad = np.array([0, 0, 11, 0, 11, 10, 2, 10.0])
    rectangle = boxgrad.min_area_boxes(quad, angle="degrees-cw")
    x, y = quad.reshape(-1, 2).T
    area = (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    assert rectangle.tolist() == [5.5, 5, 11, 10, 0] and rectangle[2] * rectangle[3] == pytest.approx(1.1 * area)
    assert 1 - area / (rectangle[2] * rectangle[3]) > 0.09


def test_every_problem_is_proved():
    assert PROVED.keys() == PROBLEMS.keys()
