"""The five source documents: their formulas in NumPy, written from the texts, and the numbers they print."""

import math

import box_sets
import boxgrad
import numpy as np
import pytest
from tolerances import assert_within

TOLERANCE = 1e-12
with_area = pytest.mark.parametrize("kind", box_sets.ORDINARY)


# Document 1: IoU, its zero gradient, and hard clipping


def area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersection_and_union(a, b):
    low = np.maximum(a[:, None, :2], b[:, :2])
    high = np.minimum(a[:, None, 2:], b[:, 2:])
    sides = np.maximum(high - low, 0)
    inter = sides[..., 0] * sides[..., 1]
    return inter, area(a)[:, None] + area(b) - inter


def iou(a, b):
    inter, union = intersection_and_union(a, b)
    return inter / union


def giou(a, b):
    inter, union = intersection_and_union(a, b)
    sides = np.maximum(a[:, None, 2:], b[:, 2:]) - np.minimum(a[:, None, :2], b[:, :2])
    enclosing = sides[..., 0] * sides[..., 1]
    return inter / union - (enclosing - union) / enclosing


@pytest.mark.parametrize("kind", box_sets.KINDS)
def test_area(kind):
    boxes, _ = box_sets.pairs(kind)
    assert_within(boxgrad.box_area(boxes), area(boxes), TOLERANCE * np.abs(area(boxes)))


@with_area
def test_iou(kind):
    a, b = box_sets.sets(kind)
    assert_within(boxgrad.box_iou(a, b), iou(a, b), TOLERANCE)
    assert_within(boxgrad.aligned_box_iou(a[:5], b), np.diag(iou(a, b)), TOLERANCE)
    assert_within(boxgrad.box_iou_loss(a[:5], b, eps=0), 1 - np.diag(iou(a, b)), TOLERANCE)


@with_area
def test_giou(kind):
    a, b = box_sets.sets(kind)
    assert_within(boxgrad.generalized_box_iou(a, b), giou(a, b), TOLERANCE)


TRUTH = np.array([[0.0, 0.0, 1.0, 1.0]])


def descend(metric, start, steps, rate=0.001):
    """Gradient descent on 1 - metric: yields the box before each step, and the gradient there."""
    box = np.array([start])
    for _ in range(steps):
        _, pullback = boxgrad.vjp(metric, box, boxgrad.stop_gradient(TRUTH))
        gradient, nothing = pullback(-1.0)
        assert nothing is None
        yield box, gradient
        box = box - rate * gradient


def test_iou_descent_arrives_where_boxes_overlap():
    *_, (box, _) = descend(boxgrad.box_iou, [0.3, 0.3, 0.6, 0.6], 10000)
    assert_within(box, TRUTH, 0.001)


def test_iou_descent_never_starts_where_they_do_not():
    for box, gradient in descend(boxgrad.box_iou, [10.3, 10.3, 10.6, 10.6], 10000):
        np.testing.assert_array_equal(gradient, np.zeros((1, 4)))
    np.testing.assert_array_equal(box, [[10.3, 10.3, 10.6, 10.6]])


def test_giou_descent_does():
    losses = [1 - giou(box, TRUTH).item() for box, _ in descend(boxgrad.generalized_box_iou, [10.3, 10.3, 10.6, 10.6], 500)]
    assert (np.diff(losses) < 0).all()


def test_a_clipped_value_never_moves():
    x, rate = np.array([0.3, 0.3, -3.0, -3.0]), 0.0001
    gradients = []
    for _ in range(10000):
        clipped, pullback = boxgrad.vjp(boxgrad.clip, x, -1.0, None)
        gradients.append(pullback(-2 * (1 - clipped))[0])
        x = x - rate * gradients[-1]
    assert_within(gradients[0], [-1.4, -1.4, 0, 0], 1e-15)
    assert_within(x, [1 - 0.7 * (1 - 2 * rate) ** 10000] * 2 + [-3, -3], TOLERANCE)


@pytest.mark.parametrize("bounds", [(-1.0, None), (None, 1.0), (-0.5, 0.5), (None, None)])
def test_clip(bounds):
    x = np.random.default_rng(0).normal(size=(5, 7))
    low, high = (-math.inf if bounds[0] is None else bounds[0]), (math.inf if bounds[1] is None else bounds[1])
    np.testing.assert_array_equal(boxgrad.clip(x, *bounds), np.minimum(np.maximum(x, low), high))


# Document 2: box deltas, and the boxes that break them


def deltas_of(targets, proposals):
    wp, hp = (proposals[:, 2:] - proposals[:, :2]).T
    w, h = (targets[:, 2:] - targets[:, :2]).T
    xp, yp = (proposals[:, :2] + proposals[:, 2:]).T / 2
    x, y = (targets[:, :2] + targets[:, 2:]).T / 2
    return np.stack([(x - xp) / wp, (y - yp) / hp, np.log(w / wp), np.log(h / hp)], axis=1)


def boxes_of(deltas, anchors, max_shape=None):
    wa, ha = (anchors[:, 2:] - anchors[:, :2]).T
    xa, ya = (anchors[:, :2] + anchors[:, 2:]).T / 2
    dx, dy, dw, dh = deltas.T
    x, y, w, h = dx * wa + xa, dy * ha + ya, wa * np.exp(dw), ha * np.exp(dh)
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
    if max_shape is not None:
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, max_shape[1])
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, max_shape[0])
    return boxes


@with_area
def test_encode(kind):
    proposals, targets = box_sets.pairs(kind)
    expected = deltas_of(targets, proposals)
    assert_within(boxgrad.encode_boxes(proposals, targets), expected, TOLERANCE * 100)


@with_area
@pytest.mark.parametrize("max_shape", [None, (64, 80)])
def test_decode(kind, max_shape):
    anchors, _ = box_sets.pairs(kind)
    deltas = np.random.default_rng(1).normal(size=anchors.shape)
    expected = boxes_of(deltas, anchors, max_shape)
    assert_within(boxgrad.decode_boxes(anchors, deltas, max_shape=max_shape), expected, TOLERANCE * np.abs(anchors).max() * 10)


@pytest.mark.parametrize("center", [(-20.0, 50.0), (50.0, -20.0), (150.0, 50.0), (50.0, 150.0)])
def test_truth_outside_the_image_turns_the_loss_to_nan_and_is_caught(center):
    """A truth whose centre left the image attracts proposals there, which clipping makes empty: the encoding divides by 0."""
    image = (100, 100)
    truth = boxgrad.box_convert([[*center, 10.0, 10.0]], "cxcywh", "xyxy")
    outside = boxgrad.BoxFlag.CENTER_NEGATIVE if min(center) < 0 else boxgrad.BoxFlag.CENTER_BEYOND
    report = boxgrad.inspect_boxes(truth, image)
    assert not report.ok
    assert boxgrad.BoxFlag(int(report.flags[0])) == outside | boxgrad.BoxFlag.WHOLLY_OUTSIDE
    assert report.counts[outside] == 1
    np.testing.assert_array_equal(report.rows(outside), [0])

    anchor = truth + 3
    perfect = boxgrad.encode_boxes(anchor, truth)
    proposal = boxgrad.decode_boxes(anchor, perfect, max_shape=image)
    with np.errstate(all="ignore"):
        assert not np.isfinite(deltas_of(truth, proposal)).all()
    with pytest.raises(boxgrad.DegenerateBoxError) as caught:
        boxgrad.encode_boxes(proposal, truth)
    np.testing.assert_array_equal(caught.value.rows, [0])
    np.testing.assert_array_equal(boxgrad.encode_boxes(proposal, truth, on_degenerate="zero"), np.zeros((1, 4)))


def test_rotation_takes_a_box_at_the_border_out_of_the_image():
    _, bounds = boxgrad.rotate_boxes(np.array([[2.0, 2.0, 12.0, 8.0]]), 30.0, (50.0, 50.0))
    report = boxgrad.inspect_boxes(bounds, (100, 100))
    assert report.counts[boxgrad.BoxFlag.CENTER_NEGATIVE] == 1


# Document 3: smooth L1 with sigma, weights and axes


def smooth_l1(pred, targets, inside, outside, sigma, dim):
    d = np.abs(inside * (pred - targets))
    quadratic = d < 1 / sigma**2
    loss = outside * np.where(quadratic, 0.5 * sigma**2 * d**2, d - 0.5 / sigma**2)
    return loss.sum(axis=tuple(dim)).mean()


@pytest.mark.parametrize("sigma", [1.0, 3.0, 0.5])
@pytest.mark.parametrize("dim", [[1], [1, 2, 3], [0, 2], [-1]])
def test_smooth_l1(sigma, dim):
    generator = np.random.default_rng(2)
    pred, targets = generator.normal(size=(2, 3, 8, 5, 6))
    inside = generator.integers(0, 2, pred.shape).astype(float)
    outside = generator.random(pred.shape)
    value = boxgrad.smooth_l1_loss(
        pred, targets, sigma=sigma, inside_weights=inside, outside_weights=outside, dim=dim
    )
    expected = smooth_l1(pred, targets, inside, outside, sigma, dim)
    assert_within(value, expected, TOLERANCE * np.maximum(1, expected))


def test_the_code_is_right_and_the_prose_is_not():
    """Only 0.5 sigma^2 x^2 meets the linear branch at 1 / sigma^2; the prose's x^2 / (sigma^2 / 2) does not."""
    joint = 1 / 9
    at, beyond = (boxgrad.smooth_l1_loss([joint * s], [0.0], sigma=3.0, reduction="sum") for s in (1 - 1e-12, 1 + 1e-12))
    assert_within(at, beyond, 1e-12)
    assert_within(at, 0.5 * joint, 1e-12)


# Document 4: clipping gradients by their norm


def clip_by_norm(gradients, max_norm, p):
    norms = [np.linalg.norm(g.ravel(), p) for g in gradients]
    total = np.linalg.norm(norms, p)
    coefficient = min(max_norm / (total + 1e-6), 1)
    return norms, total, [g * coefficient for g in gradients]


@pytest.mark.parametrize("p", [1, 2, 3, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 2.5, 1e6])
def test_clip_grad_norm(p, max_norm):
    generator = np.random.default_rng(3)
    gradients = [generator.normal(size=shape) for shape in [(3, 4, 5), (7,), (1, 1), ()]]
    norms, total, expected = clip_by_norm(gradients, max_norm, p)
    assert_within(boxgrad.per_tensor_norms(gradients, p), norms, TOLERANCE * total)
    assert_within(boxgrad.clip_grad_norm_(gradients, max_norm, p), total, TOLERANCE * total)
    for gradient, other in zip(gradients, expected):
        assert_within(gradient, other, TOLERANCE)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_printed_gradients(dtype):
    x, y = np.array([198, 216], dtype), np.array([6075, 16875], dtype)
    total = boxgrad.clip_grad_norm_([x, y], max_norm=100, norm_type=2)
    assert_within(total, 17937.5893, 5e-5)
    assert_within(total, math.sqrt(198**2 + 216**2 + 6075**2 + 16875**2), 1e-13 * total)
    assert_within(x, [1.1038, 1.2042], 5e-5)
    assert_within(y, [33.8674, 94.0762], 5e-5)


# Document 5: stop-gradient between the two stages


def two_stages(deltas, anchors, truth, stop, sigma=3.0, size=(100.0, 100.0)):
    """The second stage's loss on the first stage's proposals, and its gradient with respect to the first stage's deltas."""
    boxes, to_deltas = boxgrad.vjp(boxgrad.decode_boxes, boxgrad.stop_gradient(anchors), deltas)
    proposals, to_boxes = boxgrad.vjp(boxgrad.clip_boxes_to_image, boxes, size)
    flowing = boxgrad.stop_gradient(proposals) if stop else proposals
    targets, to_proposals = boxgrad.vjp(boxgrad.encode_boxes, flowing, boxgrad.stop_gradient(truth))
    loss, to_targets = boxgrad.vjp(boxgrad.smooth_l1_loss, np.zeros_like(targets), targets, sigma=sigma, reduction="sum")
    gradient, _ = to_proposals(to_targets(1.0)[1])
    return loss, None if gradient is None else to_deltas(*to_boxes(gradient))[1]


def test_stop_gradient_between_the_stages(torch):
    anchors, truth = (boxes[:12] * 0.6 for boxes in box_sets.pairs("random"))
    deltas = np.random.default_rng(4).normal(scale=0.3, size=anchors.shape)
    stopped, nothing = two_stages(deltas, anchors, truth, stop=True)
    loss, gradient = two_stages(deltas, anchors, truth, stop=False)
    assert stopped == loss
    assert nothing is None

    d = torch.tensor(deltas, requires_grad=True)
    sides, center = torch.tensor(anchors[:, 2:] - anchors[:, :2]), torch.tensor(anchors[:, 2:] + anchors[:, :2]) / 2
    moved, half = d[:, :2] * sides + center, sides * d[:, 2:].exp() / 2
    proposals = torch.cat([moved - half, moved + half], 1).clamp(0, 100)
    widths, truth_widths = proposals[:, 2:] - proposals[:, :2], torch.tensor(truth[:, 2:] - truth[:, :2])
    middle = (proposals[:, 2:] + proposals[:, :2]) / 2
    shift = (torch.tensor(truth[:, 2:] + truth[:, :2]) / 2 - middle) / widths
    targets = torch.cat([shift, torch.log(truth_widths / widths)], 1)
    expected = torch.nn.functional.smooth_l1_loss(torch.zeros_like(targets), targets, beta=1 / 9, reduction="sum")
    expected.backward()
    assert_within(loss, expected.item(), TOLERANCE * abs(expected.item()))
    assert_within(gradient, d.grad.numpy(), TOLERANCE * np.abs(d.grad.numpy()).max())
    assert np.abs(gradient).max() > 0


# The GIoU loss, row by row


GIOU_ROWS = [
    ([0, 0, 10, 10], 0, (0, 0, 0, 0), (0, 0, 0, 0)),
    ([10, 0, 20, 10], 1.0, (0, 0, -0.05, 0), (0.05, 0, 0, 0)),
    ([10, 10, 20, 20], 1.5, (0, 0, -0.025, -0.025), (0.025, 0.025, 0, 0)),
    ([2, 2, 8, 8], 0.64, (-0.036, -0.036, 0.036, 0.036), (0.06, 0.06, -0.06, -0.06)),
    ([20, 20, 30, 30], 1.777778, (0.003704, 0.003704, -0.011111, -0.011111), (0.011111, 0.011111, -0.003704, -0.003704)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("b", "loss", "to_a", "to_b"), GIOU_ROWS)
def test_giou_loss_rows(b, loss, to_a, to_b, dtype):
    a, b = np.array([[0, 0, 10, 10]], dtype), np.array([b], dtype)
    value, gradients = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss, argnums=(0, 1))(a, b, reduction="sum")
    assert_within(value, loss, 6e-7)
    for gradient, expected in zip(gradients, (to_a, to_b)):
        assert_within(gradient, [expected], 6e-7)
