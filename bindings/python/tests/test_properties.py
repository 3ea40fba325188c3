"""Laws that hold for any boxes, each within a stated multiple of eps. Tests/c/laws.c checks them on more, but plainer, cases."""

import box_sets
import boxgrad
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from overlap_functions import ALL_METRICS, EPS, EVERY_PAIRWISE, LOSSES, METRICS, PAIRWISE, aligned
from tolerances import EPS32, EPS64, assert_within, row_maximum

coordinates = st.integers(-50, 50) | st.floats(-50, 50, width=32)
sizes = st.integers(1, 50) | st.floats(0.125, 50, width=32)
scalars = st.floats(-4, 4, width=32)
all_metrics = pytest.mark.parametrize("metric", METRICS)
iof_too = pytest.mark.parametrize("metric", ALL_METRICS)
both_types = pytest.mark.parametrize(("dtype", "eps"), [(np.float32, EPS32), (np.float64, EPS64)], ids=["f32", "f64"])


def tables(strategy, rows, columns=4):
    return st.lists(st.lists(strategy, min_size=columns, max_size=columns), min_size=rows, max_size=rows).map(np.float64)


@st.composite
def boxes(draw, rows=3):
    """Integers as often as not, so that ties are common."""
    corner, size = draw(tables(coordinates, rows, 2)), draw(tables(sizes, rows, 2))
    return np.hstack([corner, corner + size])


@all_metrics
@given(a=boxes(), b=boxes(2))
def test_symmetry(metric, a, b):
    forward, pullback = boxgrad.vjp(PAIRWISE[metric], a, b)
    backward, pullforward = boxgrad.vjp(PAIRWISE[metric], b, a)
    np.testing.assert_array_equal(forward, backward.T)
    for gradient, other in zip(pullback(1.0), reversed(pullforward(1.0))):
        assert_within(gradient, other, 32 * EPS64 * np.maximum(1, row_maximum(other)))


@both_types
@given(a=boxes(), b=boxes(2))
def test_ranges(dtype, eps, a, b):
    """GIoU alone may leave its range: the enclosing area and the union are rounded apart."""
    iou, giou, diou, ciou = (PAIRWISE[metric](a.astype(dtype), b.astype(dtype)) for metric in METRICS)
    for value, lowest, highest in [(iou, 0, 1), (giou, -1 - 16 * eps, iou + 16 * eps), (diou, -1, iou), (ciou, -2, diou)]:
        assert (value >= lowest).all()
        assert (value <= highest).all()


@pytest.mark.parametrize("metric", EVERY_PAIRWISE)
@given(a=boxes())
def test_a_box_overlaps_itself_completely(metric, a):
    np.testing.assert_array_equal(np.diag(EVERY_PAIRWISE[metric](a, a)), np.ones(len(a)))


@both_types
@given(a=boxes(), b=boxes(2))
def test_ioa_is_iof_of_the_exchanged_sides(dtype, eps, a, b):
    """And it is the share of a box: from the IoU to 1."""
    a, b = a.astype(dtype), b.astype(dtype)
    share, pullback = boxgrad.vjp(boxgrad.box_ioa, a, b)
    rows, columns = np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))
    value, each = boxgrad.vjp(boxgrad.aligned_box_iou, columns, rows, metric="iof")
    np.testing.assert_array_equal(share, value.reshape(share.shape))
    assert (share <= 1).all() and (share >= boxgrad.box_iou(a, b) * (1 - 8 * eps)).all()
    of_b, of_a = (gradient.reshape(*share.shape, 4) for gradient in each(1.0))
    for together, single, axis in zip(pullback(1.0), (of_a, of_b), (1, 0)):
        assert_within(together, single.sum(axis), 16 * eps * row_maximum(single).sum(axis))


@both_types
@given(a=boxes(), b=boxes())
def test_ios_is_iof_of_the_smaller_box(dtype, eps, a, b):
    """Value and gradients, bit for bit; of equal areas the mean of both gradients."""
    a, b = a.astype(dtype), b.astype(dtype)
    (of_a, to_a), (of_b, to_b), (ios, to_both) = (
        boxgrad.vjp(boxgrad.aligned_box_iou, *sides, metric=metric) for sides, metric in (((a, b), "iof"), ((b, a), "iof"), ((a, b), "ios"))
    )
    areas = boxgrad.box_area(a)[:, None], boxgrad.box_area(b)[:, None]
    np.testing.assert_array_equal(ios, np.maximum(of_a, of_b))
    for got, by_a, by_b in zip(to_both(1.0), to_a(1.0), to_b(1.0)[::-1]):
        mean = by_a / 2 + by_b / 2
        expected = np.where(areas[0] < areas[1], by_a, np.where(areas[0] > areas[1], by_b, mean))
        assert_within(got, expected, np.where(areas[0] == areas[1], 8 * eps * row_maximum(np.abs(by_a) + np.abs(by_b)), 0))
    np.testing.assert_array_equal(boxgrad.box_ios(a, b).diagonal(), ios)
    np.testing.assert_array_equal(boxgrad.box_ios(a, b), boxgrad.box_ios(b, a).T)


@iof_too
@given(a=boxes(), b=boxes(), power=st.integers(-20, 20))
def test_scaling_by_a_power_of_two_changes_nothing(metric, a, b, power):
    scale = 2.0**power
    value, pullback = boxgrad.vjp(aligned(metric).func, a, b, metric=metric, eps=0.0)
    scaled, scaled_pullback = boxgrad.vjp(aligned(metric).func, a * scale, b * scale, metric=metric, eps=0.0)
    np.testing.assert_array_equal(value, scaled)
    for gradient, other in zip(pullback(1.0), scaled_pullback(1.0)):
        np.testing.assert_array_equal(gradient, other * scale)


@iof_too
@both_types
@given(a=boxes(), b=boxes(), x=st.integers(-(2**10), 2**10), y=st.integers(-(2**10), 2**10))
def test_moving_both_boxes_exactly_changes_nothing(metric, dtype, eps, a, b, x, y):
    """On a grid that the type holds without rounding, before and after: then it is the same differences that are computed with."""
    a, b = (np.round(boxes * 2**8).astype(dtype) / 2**8 for boxes in (a, b))
    shift = np.array([x, y, x, y], dtype)
    value, pullback = boxgrad.vjp(aligned(metric).func, a, b, metric=metric)
    moved, moved_pullback = boxgrad.vjp(aligned(metric).func, a + shift, b + shift, metric=metric)
    np.testing.assert_array_equal(value, moved)
    for gradient, other in zip(pullback(1.0), moved_pullback(1.0)):
        np.testing.assert_array_equal(gradient, other)


@iof_too
@given(a=boxes(), b=boxes())
def test_moving_both_boxes_changes_nothing(metric, a, b):
    """So the gradients of the two boxes cancel along either axis."""
    _, pullback = boxgrad.vjp(aligned(metric).func, a, b, metric=metric)
    to_a, to_b = pullback(1.0)
    drift = (to_a + to_b).reshape(-1, 2, 2).sum(axis=1)
    assert_within(drift, np.zeros_like(drift), 32 * EPS64 * np.maximum(row_maximum(to_a), row_maximum(to_b)))


@all_metrics
@given(a=boxes(), b=boxes(2))
def test_pairwise_aligned_and_loss_agree(metric, a, b):
    matrix, pullback = boxgrad.vjp(PAIRWISE[metric], a, b)
    to_a, to_b = pullback(1.0)
    rows, columns = np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))
    value, each = boxgrad.vjp(aligned(metric).func, rows, columns, metric=metric)
    np.testing.assert_array_equal(matrix, value.reshape(matrix.shape))
    of_a, of_b = (gradient.reshape(*matrix.shape, 4) for gradient in each(1.0))
    for together, each, axis in ((to_a, of_a, 1), (to_b, of_b, 0)):
        assert_within(together, each.sum(axis), 16 * EPS64 * row_maximum(each).sum(axis))
    assert_within(LOSSES[metric](rows, columns), 1 - value, 200 * EPS)


DIFFERENTIABLE = {
    **{name: (lambda a, b, f=f: (f, (a, b), {})) for name, f in EVERY_PAIRWISE.items()},
    "aligned": lambda a, b: (boxgrad.aligned_box_iou, (a, b), {"metric": "ciou"}),
    "loss": lambda a, b: (boxgrad.generalized_box_iou_loss, (a, b), {}),
    "smooth_l1": lambda a, b: (boxgrad.smooth_l1_loss, (a, b), {"reduction": "none"}),
    "encode": lambda a, b: (boxgrad.encode_boxes, (a, b), {}),
    "decode": lambda a, b: (boxgrad.decode_boxes, (a, b / 50), {"max_shape": (30, 40)}),
    "area": lambda a, b: (boxgrad.box_area, (a,), {}),
    "convert": lambda a, b: (boxgrad.box_convert, (a, "xyxy", "cxcywh"), {}),
    "clip": lambda a, b: (boxgrad.clip, (a, -10, 10), {}),
    "image": lambda a, b: (boxgrad.clip_boxes_to_image, (a, (30, 40)), {}),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(a=boxes(), b=boxes(), s=scalars, t=scalars, seed=st.integers(0, 2**16))
def test_pullbacks_are_linear(name, a, b, s, t, seed):
    function, arguments, options = DIFFERENTIABLE[name](a, b)
    value, pullback = boxgrad.vjp(function, *arguments, **options)
    x, y = np.random.default_rng(seed).normal(size=(2, *value.shape))
    for together, of_x, of_y in zip(pullback(s * x + t * y), pullback(x), pullback(y)):
        scale = max(1, np.abs(s * of_x).max(), np.abs(t * of_y).max()) * len(a)
        assert_within(together, s * of_x + t * of_y, 256 * EPS64 * scale)


@pytest.mark.parametrize("name", [*EVERY_PAIRWISE, "aligned", "loss", "smooth_l1", "encode", "decode"])
@both_types
@given(a=boxes(), b=boxes(), seed=st.integers(0, 2**16))
def test_stopping_one_argument_leaves_the_other_gradients_bits(name, dtype, eps, a, b, seed):
    function, arguments, options = DIFFERENTIABLE[name](a.astype(dtype), b.astype(dtype))
    value, pullback = boxgrad.vjp(function, *arguments, **options)
    cotangent = np.random.default_rng(seed).normal(size=value.shape).astype(dtype)
    expected = pullback(cotangent)
    for stopped in range(2):
        some = [boxgrad.stop_gradient(x) if i == stopped else x for i, x in enumerate(arguments)]
        same_value, one_pullback = boxgrad.vjp(function, *some, **options)
        gradients = one_pullback(cotangent)
        assert same_value.tobytes() == value.tobytes()
        assert gradients[stopped] is None
        assert gradients[1 - stopped].tobytes() == expected[1 - stopped].tobytes()


@both_types
@given(proposals=boxes(), targets=boxes(), stds=st.lists(st.floats(0.1, 2), min_size=4, max_size=4))
def test_decode_undoes_encode(dtype, eps, proposals, targets, stds):
    proposals, targets = box_sets.positive(proposals.astype(dtype), targets.astype(dtype))
    options = {"means": (0.1, -0.1, 0.2, 0.0), "stds": tuple(stds)}
    deltas = boxgrad.encode_boxes(proposals, targets, **options)
    decoded = boxgrad.decode_boxes(proposals, deltas, log_ratio_clip=None, **options)
    assert_within(decoded, targets, 64 * eps * np.maximum(row_maximum(targets), row_maximum(proposals)))


@given(proposals=boxes(), deltas=tables(st.floats(-2, 2), 3))
def test_encode_undoes_decode(proposals, deltas):
    """As far as the decoded corners hold the deltas: a side of 1/8 at 50 holds 400 eps of its own."""
    boxes = boxgrad.decode_boxes(proposals, deltas)
    sides = np.minimum(proposals[:, 2:] - proposals[:, :2], boxes[:, 2:] - boxes[:, :2]).min(axis=1, keepdims=True)
    encoded = boxgrad.encode_boxes(proposals, boxes)
    assert_within(encoded, deltas, 16 * EPS64 * (1 + np.maximum(row_maximum(proposals), row_maximum(boxes)) / sides))


@pytest.mark.parametrize("source", ["xyxy", "xywh", "cxcywh", "yxyx"])
@pytest.mark.parametrize("target", ["xyxy", "xywh", "cxcywh", "yxyx"])
@given(a=boxes())
def test_conversions_undo_each_other(source, target, a):
    there = boxgrad.box_convert(a, source, target)
    assert_within(boxgrad.box_convert(there, target, source), a, 4 * EPS64 * np.maximum(row_maximum(a), row_maximum(there)))
    if {source, target} <= {"xywh", "cxcywh"}:
        np.testing.assert_array_equal(there[:, 2:], a[:, 2:])


@given(a=boxes(), size=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_clipping_to_the_image_is_idempotent(a, size):
    clipped = boxgrad.clip_boxes_to_image(a, size)
    assert (clipped >= 0).all()
    assert (clipped <= np.tile(size[::-1], 2)).all()
    np.testing.assert_array_equal(boxgrad.clip_boxes_to_image(clipped, size), clipped)


@given(a=boxes(), degrees=st.floats(-720, 720))
def test_rotation_keeps_areas_and_bounds_hold_the_corners(a, degrees):
    corners, bounds = boxgrad.rotate_boxes(a, degrees)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    np.testing.assert_allclose(area, boxgrad.box_area(a), rtol=1e-10)
    np.testing.assert_array_equal(bounds, np.hstack([corners.min(axis=1), corners.max(axis=1)]))


TYPES_OF_GRADIENTS = {np.float32: 1e-6, np.float64: 1e-6, np.float16: 2.0**-10, ml_dtypes.bfloat16: 2.0**-7}
"""By how much of max_norm rounding to the type may leave more than that."""


@pytest.mark.parametrize("dtype", TYPES_OF_GRADIENTS)
@given(
    x=st.lists(tables(st.floats(-(2.0**15), 2.0**15), 3), min_size=1, max_size=3),
    share=st.floats(0, 2), p=st.sampled_from([1.0, 2.0, 3.0, np.inf]),
)  # fmt: skip
def test_clipped_gradients_keep_their_direction_and_the_limit(dtype, x, share, p):
    x = [gradient.astype(dtype) for gradient in x]
    clipped = [gradient.copy() for gradient in x]
    max_norm = share * boxgrad.get_total_norm(x, p)
    total = boxgrad.clip_grad_norm_(clipped, max_norm, p)
    if total + 1e-6 <= max_norm:
        assert [gradient.tobytes() for gradient in clipped] == [gradient.tobytes() for gradient in x]
        return
    # tiny: half of the smallest number for each of twelve elements of a gradient
    rounding, tiny = TYPES_OF_GRADIENTS[dtype], float(ml_dtypes.finfo(dtype).smallest_subnormal) * 6 * len(x)
    assert boxgrad.get_total_norm(clipped, p) <= max_norm * (1 + rounding) + tiny
    for gradient, before in zip(clipped, x):
        expected = before.astype(float) * (max_norm / (total + 1e-6))
        assert_within(gradient, expected, rounding * np.abs(expected) + tiny)
