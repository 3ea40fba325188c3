"""float32 results against float64 ones on the same numbers: within 32 * 2^-24 of the formula's largest term.

The inputs are scaled from 1e-6 to 1e6 and rounded to float32 first; gradients are compared with their row's largest entry.
"""

import box_sets
import boxgrad
import numpy as np
import pytest
from overlap_functions import LOSSES, METRICS, PAIRWISE
from tolerances import EPS32, assert_within, row_maximum

TOLERANCE = 32 * EPS32
SCALES = [1e-6, 1e-3, 1.0, 1e3, 1e6]
KINDS = [kind for kind in box_sets.KINDS if kind != "huge"]  # here the scale makes them huge

all_kinds = pytest.mark.parametrize("kind", KINDS)
all_scales = pytest.mark.parametrize("scale", SCALES)
all_metrics = pytest.mark.parametrize("metric", METRICS)


def rounded(*arrays, scale=1.0):
    return tuple((array * scale).astype(np.float32) for array in arrays)


def results(function, arrays, cotangent, options):
    value, pullback = boxgrad.vjp(function, *arrays, **options)
    return value, pullback(cotangent.astype(np.float32).astype(value.dtype))


def compare(function, arrays, terms=None, mask=1.0, **options):
    """terms: the formula's largest, by default the value itself. mask: of the cotangent. options may hold float32 arrays."""
    single = [{k: v.astype(t) if isinstance(v, np.ndarray) else v for k, v in options.items()} for t in (np.float32, np.float64)]
    shape = np.shape(function(*arrays, **single[0]))
    cotangent = mask * np.random.default_rng(0).normal(size=shape)
    value, gradients = results(function, arrays, cotangent, single[0])
    expected, expected_gradients = results(function, [x.astype(np.float64) for x in arrays], cotangent, single[1])
    assert value.dtype == np.float32
    assert expected.dtype == np.float64
    assert_within(value, expected, TOLERANCE * (np.abs(expected) if terms is None else terms))
    for gradient, other in zip(gradients, expected_gradients):
        assert gradient.dtype == np.float32
        assert_within(gradient, other, TOLERANCE * row_maximum(other))


def largest_terms(metric, values, loss=False):
    """Of the formulas in the header, from the float64 values of the simpler metrics; values(metric) computes one."""
    iou = values("iou")
    terms = [np.abs(iou)]
    if metric == "giou":
        terms += [np.ones_like(iou), np.abs(iou - values("giou"))]
    if metric in ("diou", "ciou"):
        terms.append(np.abs(iou - values("diou")))
    if metric == "ciou":
        terms.append(np.abs(values("diou") - values("ciou")))
    if loss:
        terms.append(np.ones_like(iou))
    return np.max(terms, axis=0)


@all_kinds
@all_scales
@all_metrics
def test_pairwise(kind, scale, metric):
    """One pair in each row and column has a gradient, so that each sum over pairs has one term."""
    arrays = rounded(*box_sets.sets(kind, 23, 17), scale=scale)
    doubles = [x.astype(np.float64) for x in arrays]
    compare(PAIRWISE[metric], arrays, largest_terms(metric, lambda m: PAIRWISE[m](*doubles)), mask=np.eye(23, 17))


@all_kinds
@all_scales
@all_metrics
def test_aligned(kind, scale, metric):
    arrays = rounded(*box_sets.pairs(kind), scale=scale)
    doubles = [x.astype(np.float64) for x in arrays]
    terms = largest_terms(metric, lambda m: boxgrad.aligned_box_iou(*doubles, metric=m))
    compare(boxgrad.aligned_box_iou, arrays, terms, metric=metric)


@all_kinds
@all_scales
@all_metrics
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_loss(kind, scale, metric, reduction):
    arrays = rounded(*box_sets.pairs(kind), scale=scale)
    doubles = [x.astype(np.float64) for x in arrays]
    weights = np.random.default_rng(1).random(len(arrays[0])).astype(np.float32)
    terms = weights * largest_terms(metric, lambda m: 1 - LOSSES[m](*doubles), loss=True)
    terms = terms if reduction == "none" else terms.mean()
    compare(LOSSES[metric], arrays, terms, reduction=reduction, weights=weights)


@all_kinds
@all_scales
def test_box_area(kind, scale):
    compare(boxgrad.box_area, rounded(box_sets.pairs(kind)[0], scale=scale))


@all_kinds
@all_scales
@pytest.mark.parametrize("source", ["xyxy", "xywh", "cxcywh"])
@pytest.mark.parametrize("target", ["xyxy", "xywh", "cxcywh"])
def test_box_convert(kind, scale, source, target):
    (boxes,) = rounded(box_sets.pairs(kind)[0], scale=scale)
    compare(boxgrad.box_convert, (boxes,), row_maximum(boxes), in_fmt=source, out_fmt=target)


@all_kinds
@all_scales
def test_clip_boxes_to_image(kind, scale):
    (boxes,) = rounded(box_sets.pairs(kind)[0] - 20, scale=scale)
    size = np.float32(60 * scale), np.float32(90 * scale)  # what float32 boxes may equal
    compare(boxgrad.clip_boxes_to_image, (boxes,), size=size)


@all_scales
@pytest.mark.parametrize("mode", ["hard", "straight_through", "inward"])
def test_clip(scale, mode):
    x = rounded(np.random.default_rng(2).normal(size=(20, 3)), scale=scale)
    compare(boxgrad.clip, x, min=-0.3 * scale, max=0.7 * scale, mode=mode)


@all_scales
@pytest.mark.parametrize("sigma", [1.0, 3.0, np.inf])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_smooth_l1(scale, sigma, reduction):
    generator = np.random.default_rng(3)
    arrays = rounded(*generator.normal(size=(2, 40, 4)), scale=scale)
    inside, outside = rounded(*generator.random((2, 40, 4)))
    d = np.abs(inside * (arrays[0] - arrays[1]).astype(np.float64))
    terms = outside * np.where(d < sigma**-2, 0.5 * sigma**2 * d**2 if np.isfinite(sigma) else d, np.maximum(d, 0.5 * sigma**-2))
    terms = terms if reduction == "none" else getattr(terms, reduction)()
    weights = {"inside_weights": inside, "outside_weights": outside}
    compare(boxgrad.smooth_l1_loss, arrays, terms, sigma=sigma, reduction=reduction, **weights)


CODINGS = pytest.mark.parametrize("coding", [{}, {"means": (0.1, -0.2, 0.05, 0.0), "stds": (0.1, 0.1, 0.2, 0.2)}])
with_area = pytest.mark.parametrize("kind", ["random", "touching", "nested", "identical", "disjoint", "thin"])


def delta_terms(deltas, means=(0.0,) * 4, stds=(1.0,) * 4):
    return np.maximum(np.abs(deltas + np.divide(means, stds)), np.abs(np.divide(means, stds)))


@with_area
@all_scales
@CODINGS
def test_encode(kind, scale, coding):
    arrays = box_sets.positive(*rounded(*box_sets.pairs(kind), scale=scale))
    deltas = boxgrad.encode_boxes(*(x.astype(np.float64) for x in arrays), **coding)
    compare(boxgrad.encode_boxes, arrays, delta_terms(deltas, **coding), **coding)


@with_area
@all_scales
@CODINGS
@pytest.mark.parametrize("clamps", [{}, {"max_shape": (60.0, 90.0)}, {"center_clamp": 10.0}])
def test_decode(kind, scale, coding, clamps):
    proposals = box_sets.pairs(kind)[0]
    deltas = np.random.default_rng(4).normal(size=(len(proposals), 8))
    arrays = *rounded(proposals, scale=scale), *rounded(deltas)
    clamps = {name: np.multiply(value, scale).tolist() for name, value in clamps.items()}
    boxes = boxgrad.decode_boxes(*(x.astype(np.float64) for x in arrays), **coding)
    corners = np.abs(boxes).reshape(-1, 2, 2, 2)  # row, group, corner, axis
    terms = np.broadcast_to(corners.max(axis=2, keepdims=True), corners.shape).reshape(boxes.shape)
    compare(boxgrad.decode_boxes, arrays, terms, **coding, **clamps)


@all_kinds
@all_scales
@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, -123.4, 1e5])
def test_rotate_is_float64_rounded_once(kind, scale, degrees):
    (boxes,) = rounded(box_sets.pairs(kind)[0], scale=scale)
    for single, double in zip(
        boxgrad.rotate_boxes(boxes, degrees, (12.3, 4.5)),
        boxgrad.rotate_boxes(boxes.astype(np.float64), degrees, (12.3, 4.5)),
    ):
        np.testing.assert_array_equal(single, double.astype(np.float32))
