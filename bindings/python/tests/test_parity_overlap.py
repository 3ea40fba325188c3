"""Overlap, its losses and their gradients against torchvision and torch's autograd, in float64."""

import box_sets
import boxgrad
import numpy as np
import pytest
import reference
from overlap_functions import EPS, LOSSES, METRICS, PAIRWISE
from parity import TOLERANCE, assert_parity
from tolerances import assert_within, row_maximum

def all_cases(test):
    kinds, metrics = pytest.mark.parametrize("kind", box_sets.KINDS), pytest.mark.parametrize("metric", METRICS)
    return kinds(metrics(test))


def exact_pairwise(a, b, cotangent, **options):
    """The reference over all pairs, gradients summed."""
    n, m = cotangent.shape
    rows, columns = np.repeat(a, m, axis=0), np.tile(b, (n, 1))
    values, terms, (ga, gb), _ = reference.evaluate_rows(
        reference.overlap, rows, columns, cotangent=cotangent.reshape(-1, 1), **options
    )
    return values.reshape(n, m), terms.reshape(n, m), [ga.reshape(n, m, 4).sum(1), gb.reshape(n, m, 4).sum(0)]


def exact_aligned(a, b, cotangent, **options):
    values, terms, gradients, _ = reference.evaluate_rows(reference.overlap, a, b, cotangent=cotangent[:, None], **options)
    return values[:, 0], terms[:, 0], gradients


def torchvision_metric(torchvision, metric):
    return {
        "iou": torchvision.ops.box_iou,
        "giou": torchvision.ops.generalized_box_iou,
        "diou": torchvision.ops.distance_box_iou,
        "ciou": torchvision.ops.complete_box_iou,
    }[metric]


def torchvision_loss(torchvision, metric):
    def iou_loss(a, b, reduction="none"):  # torchvision has none; this is the first step of its others
        from torchvision.ops._utils import _loss_inter_union

        inter, union = _loss_inter_union(a, b)
        loss = 1 - inter / (union + EPS)
        return loss if reduction == "none" else getattr(loss, reduction)()

    return {
        "iou": iou_loss,
        "giou": torchvision.ops.generalized_box_iou_loss,
        "diou": torchvision.ops.distance_box_iou_loss,
        "ciou": torchvision.ops.complete_box_iou_loss,
    }[metric]


@all_cases
def test_pairwise(kind, metric, torchvision, autograd):
    a, b = box_sets.sets(kind)
    cotangent = np.random.default_rng(1).normal(size=(len(a), len(b)))
    value, pullback = boxgrad.vjp(PAIRWISE[metric], a, b)
    theirs = autograd(torchvision_metric(torchvision, metric), a, b, cotangent=cotangent)
    assert_parity(
        (value, pullback(cotangent)), theirs, lambda: exact_pairwise(a, b, cotangent, metric=metric, eps=EPS)
    )


@all_cases
def test_aligned(kind, metric, torchvision, autograd):
    a, b = box_sets.pairs(kind)
    cotangent = np.random.default_rng(2).normal(size=len(a))
    value, pullback = boxgrad.vjp(boxgrad.aligned_box_iou, a, b, metric=metric)

    def diagonal(x, y):  # every pair is a batch of its own
        return torchvision_metric(torchvision, metric)(x[:, None], y[:, None])[:, 0, 0]

    theirs = autograd(diagonal, a, b, cotangent=cotangent)
    assert_parity((value, pullback(cotangent)), theirs, lambda: exact_aligned(a, b, cotangent, metric=metric, eps=EPS))


@all_cases
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_loss(kind, metric, reduction, torchvision, autograd):
    a, b = box_sets.pairs(kind)
    cotangent = np.random.default_rng(3).normal(size=len(a) if reduction == "none" else ())
    value, pullback = boxgrad.vjp(LOSSES[metric], a, b, reduction=reduction)
    theirs = autograd(lambda x, y: torchvision_loss(torchvision, metric)(x, y, reduction=reduction), a, b, cotangent=cotangent)

    def exact():
        each = {"none": cotangent, "sum": np.full(len(a), cotangent), "mean": np.full(len(a), cotangent / len(a))}[reduction]
        values, terms, gradients = exact_aligned(a, b, each, metric=metric, eps=EPS, loss=True)
        if reduction != "none":
            values, terms = getattr(values, reduction)(), getattr(terms, reduction)()
        return values, terms, gradients

    assert_parity((value, pullback(cotangent)), theirs, exact)


@all_cases
def test_fused_loss_is_the_pullback(kind, metric):
    a, b = box_sets.pairs(kind)
    value, gradients = boxgrad.value_and_grad(LOSSES[metric], argnums=(0, 1))(a, b, reduction="mean")
    expected, pullback = boxgrad.vjp(LOSSES[metric], a, b, reduction="mean")
    assert value == expected
    for gradient, other in zip(gradients, pullback(1.0)):
        np.testing.assert_array_equal(gradient, other)


@pytest.mark.parametrize("kind", ["inverted", "degenerate"])
@pytest.mark.parametrize("metric", METRICS)
def test_torchvision_is_nan_and_ours_is_the_documented_value(kind, metric, torchvision, torch):
    """At least one of these sets has such a pair for every metric; ours is finite throughout."""
    a, b = box_sets.pairs("degenerate")
    theirs = torchvision_metric(torchvision, metric)(torch.tensor(a), torch.tensor(b)).numpy()
    nan = np.isnan(theirs)
    assert nan.any()
    a, b = box_sets.pairs(kind)
    value, pullback = boxgrad.vjp(PAIRWISE[metric], a, b)
    assert np.isfinite(value).all()
    for gradient in pullback(1.0):
        assert np.isfinite(gradient).all()


def test_two_empty_boxes_overlap_by_zero(torchvision, torch):
    point = np.array([[3.0, 4.0, 3.0, 4.0]])
    for metric in ("iou", "giou"):
        assert torch.isnan(torchvision_metric(torchvision, metric)(torch.tensor(point), torch.tensor(point))).all()
        value, pullback = boxgrad.vjp(PAIRWISE[metric], point, point)
        assert value == 0
        assert not np.any(pullback(1.0))


@pytest.mark.parametrize("metric", ["diou", "ciou"])
@pytest.mark.parametrize("eps", [0.0, 1e-3, 2.0])
def test_eps_of_the_values(metric, eps, torchvision, torch):
    a, b = box_sets.sets("random")
    theirs = torchvision_metric(torchvision, metric)(torch.tensor(a), torch.tensor(b), eps).numpy()
    assert_within(PAIRWISE[metric](a, b, eps), theirs, TOLERANCE)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("eps", [0.0, 1e-3, 2.0])
def test_eps_of_the_losses_guards_every_term(metric, eps):
    """The reference decides: torchvision's complete_box_iou_loss ignores its eps for the distance."""
    a, b = box_sets.pairs("random", 10)
    exact, terms, gradients = exact_aligned(a, b, np.ones(10), metric=metric, eps=eps, loss=True)
    value, pullback = boxgrad.vjp(LOSSES[metric], a, b, eps=eps)
    assert_within(value, exact, TOLERANCE * terms)
    for gradient, expected in zip(pullback(1.0), gradients):
        assert_within(gradient, expected, TOLERANCE * row_maximum(expected))


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh"])
def test_iou_of_other_formats(fmt, torchvision, autograd):
    a, b = (boxgrad.box_convert(boxes, "xyxy", fmt) for boxes in box_sets.sets("random"))
    cotangent = np.random.default_rng(4).normal(size=(len(a), len(b)))
    value, pullback = boxgrad.vjp(boxgrad.box_iou, a, b, fmt)
    theirs, their_gradients = autograd(lambda x, y: torchvision.ops.box_iou(x, y, fmt), a, b, cotangent=cotangent)
    assert_within(value, theirs, TOLERANCE)
    for gradient, expected in zip(pullback(cotangent), their_gradients):
        assert_within(gradient, expected, TOLERANCE * np.maximum(1, row_maximum(expected)))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("left", "right"), [((3, 6, 4), (3, 5, 4)), ((6, 4), (3, 5, 4)), ((2, 1, 6, 4), (3, 5, 4)), ((2, 3, 6, 4), (5, 4))]
)
def test_batches_broadcast_and_their_gradients_are_summed_back(metric, left, right, torchvision, autograd):
    a, b = (box_sets.pairs("random", int(np.prod(shape[:-1])))[0].reshape(shape) for shape in (left, right))
    b = b + 3
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    cotangent = np.random.default_rng(5).normal(size=(*batch, left[-2], right[-2]))
    value, pullback = boxgrad.vjp(PAIRWISE[metric], a, b)
    theirs, their_gradients = autograd(torchvision_metric(torchvision, metric), a, b, cotangent=cotangent)
    assert_within(value, theirs, TOLERANCE)
    for gradient, expected in zip(pullback(cotangent), their_gradients):
        assert_within(gradient, expected, TOLERANCE * np.maximum(1, row_maximum(expected)))


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh", "yxyx"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_box_iou_returns_the_unions_too(fmt, dtype):
    a, b = (boxes.astype(dtype) for boxes in box_sets.sets("random"))
    stacked = np.stack([a, a[::-1]])
    given_a, given_b = (boxgrad.box_convert(boxes, "xyxy", fmt) for boxes in (stacked, b))
    iou, union = boxgrad.box_iou(given_a, given_b, fmt, return_union=True)
    np.testing.assert_array_equal(iou, boxgrad.box_iou(given_a, given_b, fmt))
    corners_a, corners_b = boxgrad.box_convert(given_a, fmt, "xyxy"), boxgrad.box_convert(given_b, fmt, "xyxy")
    width = np.minimum(corners_a[..., None, 2:], corners_b[..., 2:]) - np.maximum(corners_a[..., None, :2], corners_b[..., :2])
    expected = boxgrad.box_area(corners_a)[..., None] + boxgrad.box_area(corners_b) - np.maximum(width, 0).prod(axis=-1)
    np.testing.assert_allclose(union, expected, rtol=1e-5 if dtype == np.float32 else 1e-13)
    with pytest.raises(TypeError, match="return_union has no gradient"):
        boxgrad.vjp(boxgrad.box_iou, a, b, return_union=True)
