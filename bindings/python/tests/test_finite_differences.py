"""Every gradient against central differences of its own value function, in float64, away from kinks."""

import box_sets
import boxgrad
import numpy as np
import pytest
from functions import DIFFERENTIABLE
from overlap_functions import EPS, LOSSES, METRICS, PAIRWISE, aligned

STEP = 1e-4
STENCIL = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))
"""Five points: wrong by 1e-3 (step / side)^4 and by eps / step, both far below the tolerance for these boxes."""
TOLERANCE = 1e-9
"""Of the array's largest entry."""


def numeric_gradients(value, arrays, cotangent):
    """d sum(cotangent * value(*arrays)) with respect to every element of every array."""
    gradients = []
    for k, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for i in np.ndindex(array.shape):
            slope = 0.0  # of every output, so that those which do not change cancel exactly
            for steps, weight in STENCIL:
                moved = array.copy()
                moved[i] += steps * STEP
                slope = slope + weight / STEP * value(*arrays[:k], moved, *arrays[k + 1 :])
            gradient[i] = np.sum(cotangent * slope)
        gradients.append(gradient)
    return gradients


def check(function, arrays, *parameters, value=None, **options):
    """value: what to differentiate, if it is not the function itself."""
    result, pullback = boxgrad.vjp(function, *arrays, *parameters, **options)
    cotangent = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(result))
    value = value or (lambda *x: function(*x, *parameters, **options))
    for gradient, expected in zip(pullback(cotangent), numeric_gradients(value, arrays, cotangent)):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def few(kind="random", count=6):
    """Boxes of about the unit square with sides above 0.2."""
    return tuple(boxes / 100 + (-0.1, -0.1, 0.1, 0.1) for boxes in box_sets.pairs(kind, count))


def constant_alpha(a, b, iou, diou, together):
    """CIoU as its gradient sees it: alpha stays what it is at (a, b). together: makes two columns of boxes broadcast."""

    def aspect(x, y):
        x, y = together(*(np.arctan((z[:, 2] - z[:, 0]) / (z[:, 3] - z[:, 1])) for z in (x, y)))
        return 4 / np.pi**2 * (x - y) ** 2

    v = aspect(a, b)
    alpha = v / (1 - iou(a, b) + v + EPS)
    return lambda x, y: diou(x, y) - alpha * aspect(x, y)


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if not name.startswith(("complete", "wise"))])
def test_every_function(name):
    """But those of CIoU and Wise-IoU, whose gradients take a part as constant: see below, and test_box_loss.py."""
    function = DIFFERENTIABLE[name]
    check(function.call, tuple(function.arrays.values()), **function.options)


OVERLAPS = pytest.mark.parametrize(
    ("metric", "kind"), [(m, k) for m in METRICS for k in ("random", "disjoint") if (m, k) != ("iou", "disjoint")]
)


@OVERLAPS
def test_pairwise(metric, kind):
    arrays = few(kind)
    value = None
    if metric == "ciou":
        value = constant_alpha(*arrays, PAIRWISE["iou"], PAIRWISE["diou"], lambda x, y: (x[:, None], y))
    check(PAIRWISE[metric], arrays, value=value)


@OVERLAPS
def test_aligned(metric, kind):
    arrays = few(kind, 12)
    value = None
    if metric == "ciou":
        value = constant_alpha(*arrays, aligned("iou"), aligned("diou"), lambda x, y: (x, y))
    check(boxgrad.aligned_box_iou, arrays, value=value, metric=metric)


def test_iof_and_ios():
    check(boxgrad.box_ioa, few())
    check(boxgrad.aligned_box_iou, few(count=12), metric="iof")
    check(boxgrad.box_ios, few())
    check(boxgrad.aligned_box_iou, few(count=12), metric="ios")


@OVERLAPS
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_loss(metric, kind, reduction):
    arrays = few(kind, 12)
    weights = np.random.default_rng(1).random(12)
    value = None
    if metric == "ciou":
        iou, diou = ((lambda x, y, m=m: 1 - LOSSES[m](x, y)) for m in ("iou", "diou"))
        ciou = constant_alpha(*arrays, iou, diou, lambda x, y: (x, y))
        reduce = {"none": np.asarray, "mean": np.mean, "sum": np.sum}[reduction]
        value = lambda x, y: reduce(weights * (1 - ciou(x, y)))  # noqa: E731
    check(LOSSES[metric], arrays, value=value, reduction=reduction, weights=weights)


@pytest.mark.parametrize("fmt", ["xywh", "cxcywh", "yxyx"])
def test_iou_of_other_formats(fmt):
    check(boxgrad.box_iou, tuple(boxgrad.box_convert(boxes, "xyxy", fmt) for boxes in few()), fmt)


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh", "yxyx"])
def test_box_area(fmt):
    check(boxgrad.box_area, few()[:1], fmt)


@pytest.mark.parametrize("target", ["xyxy", "rel_xywh", "cxcywh", "rel_yxyx"])
@pytest.mark.parametrize("source", ["xyxy", "xywh", "rel_cxcywh", "yxyx"])
def test_box_convert(source, target):
    check(boxgrad.box_convert, few()[:1], source, target, image_shape=(60, 90))


def test_clip_boxes_to_image():
    check(boxgrad.clip_boxes_to_image, few()[:1], (0.7, 0.9))


@pytest.mark.parametrize("bounds", [(-0.5, 0.5), (None, 0.0), (0.0, None)])
def test_clip(bounds):
    check(boxgrad.clip, (np.random.default_rng(2).normal(size=(4, 5)),), *bounds)


@pytest.mark.parametrize("shape", [{"beta": 0.5}, {"sigma": 3.0}, {"beta": 0.0}])
@pytest.mark.parametrize("reduction", [{"reduction": "none"}, {"reduction": "sum"}, {"dim": (1, 2)}, {"dim": -1}, {}])
def test_smooth_l1(shape, reduction):
    generator = np.random.default_rng(3)
    inside, outside = generator.random((3, 4)), generator.random((2, 3, 4))
    check(
        boxgrad.smooth_l1_loss,
        tuple(generator.normal(size=(2, 2, 3, 4))),
        inside_weights=inside,
        outside_weights=outside,
        **shape,
        **reduction,
    )


@pytest.mark.parametrize("options", [{}, {"beta": 0.3}, {"alpha": 2.0, "gamma": 0.5, "reduction": "sum"}, {"dim": (1, 2)}])
def test_balanced_l1(options):
    generator = np.random.default_rng(3)
    inside, outside = generator.random((3, 4)), generator.random((2, 3, 4))
    check(boxgrad.balanced_l1_loss, tuple(generator.normal(size=(2, 2, 3, 4))), inside_weights=inside, outside_weights=outside, **options)


@pytest.mark.parametrize("options", [{}, {"reduction": "none"}, {"reduction": "sum"}, {"normalizer": 2.5}])
@pytest.mark.parametrize("shapes", [((3, 4, 5), (3, 4)), ((5,), (2, 3)), ((2, 1, 2), (3,)), ((7,), ())])
def test_distribution_focal(shapes, options):
    generator = np.random.default_rng(6)
    pred, label = generator.normal(size=shapes[0]), generator.integers(-1, shapes[0][-1], shapes[1]) + generator.uniform(0.1, 0.9, shapes[1])
    label = np.asarray(label)
    weights = generator.random(shapes[1])
    check(boxgrad.distribution_focal_loss, (pred, label), weights=weights, **options)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2,), (6, 17)])
def test_decode_distribution(shape):
    check(boxgrad.decode_distribution, (np.random.default_rng(7).normal(size=shape),))


SCALES = {"means": (0.1, -0.2, 0.05, 0.0), "stds": (0.1, 0.1, 0.2, 0.2)}


@pytest.mark.parametrize("scales", [{}, SCALES])
def test_encode(scales):
    check(boxgrad.encode_boxes, few(), **scales)


@pytest.mark.parametrize("scales", [{}, SCALES])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize(
    "clamps", [{}, {"max_shape": (0.7, 0.9)}, {"log_ratio_clip": (-0.2, 0.3)}, {"center_clamp": 0.1}, {"log_ratio_clip": None}]
)
def test_decode(scales, groups, clamps):
    deltas = np.random.default_rng(4).normal(size=(6, 4 * groups))
    check(boxgrad.decode_boxes, (few()[0], deltas), **scales, **clamps)


@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((4,), (2, 3, 4)), ((3, 1), (1, 4)), ((), (3,))])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_smooth_l1_of_shapes_that_broadcast(shapes, reduction):
    generator = np.random.default_rng(5)
    check(boxgrad.smooth_l1_loss, tuple(generator.normal(size=shape) for shape in shapes), reduction=reduction)
