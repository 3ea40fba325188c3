"""The header's promise: values within 32 eps of the formula's largest term, gradients within 32 eps of the largest
term of their row, eps being 2^-24 and 2^-53, against 40-digit arithmetic on the very same inputs."""

import box_sets
import boxgrad
import numpy as np
import pytest
import reference
from overlap_functions import EPS, LOSSES, METRICS
from tolerances import EPS32, EPS64, assert_within

COUNT = 12
dtypes = pytest.mark.parametrize(("dtype", "eps"), [(np.float32, EPS32), (np.float64, EPS64)], ids=["f32", "f64"])
all_kinds = pytest.mark.parametrize("kind", box_sets.KINDS)
with_area = pytest.mark.parametrize("kind", ["random", "touching", "nested", "identical", "disjoint", "huge", "thin"])


def compare(function, arrays, eps, formula, options, exact_options):
    value, pullback = boxgrad.vjp(function, *arrays, **options)
    cotangent = np.random.default_rng(0).uniform(0.5, 1, value.shape).astype(value.dtype)
    exact, terms, gradients, terms_of_gradients = reference.evaluate_rows(
        formula, *arrays, cotangent=cotangent.reshape(len(value), -1), **exact_options
    )
    assert_within(value, exact.reshape(value.shape), 32 * eps * terms.reshape(value.shape))
    for gradient, expected, largest in zip(pullback(cotangent), gradients, terms_of_gradients):
        assert_within(gradient, expected, 32 * eps * largest)


def of(dtype, *arrays):
    return tuple(array.astype(dtype) for array in arrays)


@dtypes
@all_kinds
@pytest.mark.parametrize("metric", METRICS)
def test_metrics(dtype, eps, kind, metric):
    arrays = of(dtype, *box_sets.pairs(kind, COUNT))
    options = {"metric": metric, "eps": EPS}
    compare(boxgrad.aligned_box_iou, arrays, eps, reference.overlap, options, options)


@dtypes
@all_kinds
@pytest.mark.parametrize("metric", METRICS)
def test_losses(dtype, eps, kind, metric):
    arrays = of(dtype, *box_sets.pairs(kind, COUNT))
    compare(LOSSES[metric], arrays, eps, reference.overlap, {"eps": EPS}, {"metric": metric, "eps": EPS, "loss": True})


CODINGS = pytest.mark.parametrize("coding", [{}, {"means": (0.1, -0.2, 0.05, 0.0), "stds": (0.1, 0.1, 0.2, 0.2)}])


@dtypes
@with_area
@CODINGS
def test_encode(dtype, eps, kind, coding):
    arrays = box_sets.positive(*of(dtype, *box_sets.pairs(kind, COUNT)))
    compare(boxgrad.encode_boxes, arrays, eps, reference.encode, coding, coding)


@dtypes
@with_area
@CODINGS
def test_decode(dtype, eps, kind, coding):
    deltas = np.random.default_rng(1).normal(size=(COUNT, 8))
    arrays = of(dtype, box_sets.pairs(kind, COUNT)[0], deltas)
    compare(boxgrad.decode_boxes, arrays, eps, reference.decode, coding, coding)


@dtypes
@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_smooth_l1(dtype, eps, sigma):
    arrays = of(dtype, *np.random.default_rng(2).normal(size=(2, COUNT, 4)))
    options = {"sigma": sigma}
    compare(boxgrad.smooth_l1_loss, arrays, eps, reference.smooth_l1, {"reduction": "none", **options}, options)
