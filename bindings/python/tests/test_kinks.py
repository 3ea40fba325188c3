"""Ties, clamps at their bounds, boxes without area, NaN and infinity: the results the documentation promises."""

import box_sets
import boxgrad
import numpy as np
import pytest
import reference
from overlap_functions import ALL_METRICS, EPS, EVERY_PAIRWISE, LOSSES, METRICS, matrix
from tolerances import assert_within

all_metrics = pytest.mark.parametrize("metric", METRICS)
iof_too = pytest.mark.parametrize("metric", ALL_METRICS)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
INF, NAN = np.inf, np.nan


def gradients(function, *arrays, cotangent=1.0, **options):
    _, pullback = boxgrad.vjp(function, *arrays, **options)
    return pullback(cotangent)


# Ties


@all_metrics
@both_dtypes
def test_identical_boxes_are_at_rest(metric, dtype):
    a = box_sets.pairs("identical")[0].astype(dtype)
    assert_within(boxgrad.aligned_box_iou(a, a, metric=metric), np.ones(len(a)), 0)
    for function, options in [(boxgrad.aligned_box_iou, {"metric": metric}), (LOSSES[metric], {})]:
        for gradient in gradients(function, a, a, **options):
            scale = 1 / (a[:, 2:] - a[:, :2]).min()
            assert_within(gradient, np.zeros_like(a), 1e-6 * scale if function is LOSSES[metric] else 0)


@both_dtypes
def test_ties_of_iof(dtype):
    """A side that both boxes have moves half of the intersection, and all of the first box's area."""
    box, inner = np.array([[0, 0, 2, 4]], dtype), np.array([[0.5, 1, 1, 2]], dtype)
    assert boxgrad.aligned_box_iou(box, box, metric="iof") == 1
    to_a, to_b = gradients(boxgrad.aligned_box_iou, box, box, metric="iof")
    np.testing.assert_array_equal(to_a, [[0.25, 0.125, -0.25, -0.125]])
    np.testing.assert_array_equal(to_b, -to_a)
    assert boxgrad.aligned_box_iou(inner, box, metric="iof") == 1
    for gradient in gradients(boxgrad.aligned_box_iou, inner, box, metric="iof"):
        np.testing.assert_array_equal(gradient, [[0, 0, 0, 0]])
    to_a, to_b = gradients(boxgrad.aligned_box_iou, [[0.0, 0, 1, 1]], [[1.0, 0, 2, 1]], metric="iof")  # touching
    np.testing.assert_array_equal(to_a, [[0, 0, 1, 0]])
    np.testing.assert_array_equal(to_b, [[-1, 0, 0, 0]])


@both_dtypes
def test_ties_of_ios(dtype):
    """The smaller box has all slopes of its area, and of equal areas each box has half of them."""
    box, inner = np.array([[0, 0, 2, 4]], dtype), np.array([[0.5, 1, 1, 2]], dtype)
    for a, b in [(box, box), (box, inner), (inner, box)]:
        assert boxgrad.aligned_box_iou(a, b, metric="ios") == 1
        for gradient in gradients(boxgrad.aligned_box_iou, a, b, metric="ios"):
            np.testing.assert_array_equal(gradient, [[0, 0, 0, 0]])
    tall, wide = np.array([[0, 0, 2, 4]], dtype), np.array([[1, 0, 5, 2]], dtype)  # equal areas of 8, of which 2 are shared
    to_a, to_b = gradients(boxgrad.aligned_box_iou, tall, wide, metric="ios")
    np.testing.assert_array_equal(to_a, [[1 / 16, -1 / 16 + 1 / 32, 3 / 16, -1 / 32]])
    np.testing.assert_array_equal(to_b, [[-7 / 32, 0, -1 / 32, 1 / 16]])
    empty = np.array([[0, 0, 0, 4]], dtype)
    for a, b in [(empty, box), (box, empty), (empty, empty)]:
        assert boxgrad.aligned_box_iou(a, b, metric="ios") == 0
        for gradient in gradients(boxgrad.aligned_box_iou, a, b, metric="ios"):
            np.testing.assert_array_equal(gradient, [[0, 0, 0, 0]])


def test_touching_boxes_pull_in_the_values_and_not_in_the_losses():
    a, b = np.array([[0.0, 0, 1, 1]]), np.array([[1.0, 0, 2, 1]])
    to_a, to_b = gradients(boxgrad.box_iou, a, b)
    np.testing.assert_array_equal(to_a, [[0, 0, 0.5, 0]])
    np.testing.assert_array_equal(to_b, [[-0.5, 0, 0, 0]])
    for gradient in gradients(boxgrad.box_iou_loss, a, b):
        np.testing.assert_array_equal(gradient, np.zeros((1, 4)))


def test_boxes_touching_at_a_corner_have_no_pull_at_all():
    a, b = np.array([[0.0, 0, 1, 1]]), np.array([[1.0, 1, 2, 2]])
    for gradient in gradients(boxgrad.box_iou, a, b):
        np.testing.assert_array_equal(gradient, np.zeros((1, 4)))


def test_a_shared_edge_splits_its_derivative_in_half():
    """inter = 2 x 2 in a 4 x 2 box: d IoU / d x1 = half of -2 into inter, all of -2 or -2 into the areas."""
    a, b = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 4, 2]])
    to_a, to_b = gradients(boxgrad.box_iou, a, b)
    inter, union = 4, 8
    half = -1 * (union + inter) / union**2
    np.testing.assert_allclose(to_a[0, 0], half + 2 * inter / union**2, rtol=1e-15)
    np.testing.assert_allclose(to_b[0, 0], half + 2 * inter / union**2, rtol=1e-15)


# Clamps


def test_clip_passes_at_its_bounds_and_stops_beyond():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, NAN, INF, -INF])
    np.testing.assert_array_equal(boxgrad.clip(x, -1, 1), [-1, -1, 0, 1, 1, NAN, 1, -1])
    (gradient,) = gradients(boxgrad.clip, x, min=-1, max=1)
    np.testing.assert_array_equal(gradient, [0, 1, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("mode", "pull", "expected"),
    [
        ("straight_through", 1.0, [1, 1, 1, 1, 1]),
        ("straight_through", -1.0, [-1, -1, -1, -1, -1]),
        ("inward", 1.0, [0, 1, 1, 1, 1]),
        ("inward", -1.0, [-1, -1, -1, -1, 0]),
        ("hard", -1.0, [0, -1, -1, -1, 0]),
    ],
)
def test_modes_of_clip(mode, pull, expected):
    (gradient,) = gradients(boxgrad.clip, np.array([-2.0, -1, 0, 1, 2]), min=-1, max=1, mode=mode, cotangent=np.full(5, pull))
    np.testing.assert_array_equal(gradient, expected)


def test_clip_boxes_to_image_at_the_border():
    boxes = np.array([[0.0, 0, 30, 20], [-1, -1, 31, 21], [-5, 25, -2, 28], [NAN, 5, INF, 6]])
    clipped = boxgrad.clip_boxes_to_image(boxes, (20, 30))
    np.testing.assert_array_equal(clipped, [[0, 0, 30, 20], [0, 0, 30, 20], [0, 20, 0, 20], [NAN, 5, 30, 6]])
    (gradient,) = gradients(boxgrad.clip_boxes_to_image, boxes, size=(20, 30))
    np.testing.assert_array_equal(gradient, [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]])


def test_decode_passes_at_the_bounds_of_its_clamps():
    proposals = np.array([[0.0, 0, 4, 4]] * 3)
    right_and_bottom = np.array([[0.0, 0, 1, 1]] * 3)

    def passing(deltas, **clamps):
        return gradients(boxgrad.decode_boxes, proposals, deltas, cotangent=right_and_bottom, **clamps)[1] != 0

    expected = [[True, True], [False, True], [True, False]]
    sizes = [[0, 0, 1.0, 1.0], [0, 0, 1.5, -0.5], [0, 0, -0.5, -1.0]]
    np.testing.assert_array_equal(passing(sizes, log_ratio_clip=(-0.5, 1.0))[:, 2:], expected)
    shifts = [[1.0, 1, 0, 0], [2.0, 0, 0, 0], [-1, -3, 0, 0]]
    np.testing.assert_array_equal(passing(shifts, center_clamp=4)[:, :2], expected)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
@both_dtypes
def test_smooth_l1_at_the_joint_and_at_zero(sigma, dtype):
    joint = dtype(1 / sigma**2)
    prediction = np.array([0, joint, -joint, np.nextafter(joint, dtype(0))], dtype)
    value, pullback = boxgrad.vjp(boxgrad.smooth_l1_loss, prediction, np.zeros_like(prediction), sigma=sigma, reduction="none")
    assert_within(value, [0, joint / 2, joint / 2, joint / 2], 1e-6 * joint)
    assert_within(pullback(1.0)[0], [0, 1, -1, 1], 1e-6)
    assert pullback(1.0)[0][1] == 1


def test_plain_l1_is_a_case_of_its_own():
    for options in ({"beta": 0.0}, {"sigma": INF}):
        value, pullback = boxgrad.vjp(boxgrad.smooth_l1_loss, [0.0, 2.0, -3.0], [0.0, 0, 0], reduction="none", **options)
        np.testing.assert_array_equal(value, [0, 2, 3])
        np.testing.assert_array_equal(pullback(1.0)[0], [0, 1, -1])


# Boxes without area


@iof_too
@pytest.mark.parametrize("eps", [0.0, EPS])
@both_dtypes
def test_boxes_without_area_are_finite_and_exact(metric, eps, dtype):
    """Points, lines along either axis and real boxes, each against each: as documented, and never NaN."""
    shapes = np.array([[2, 3, 2, 3], [2, 3, 2, 7], [2, 3, 9, 3], [0, 1, 5, 8], [2, 3, 2, 3.5], [7, 9, 7, 9]], dtype)
    a, b = np.repeat(shapes, len(shapes), axis=0), np.tile(shapes, (len(shapes), 1))
    exact, terms, exact_gradients, _ = reference.evaluate_rows(reference.overlap, a, b, metric=metric, eps=eps)
    value, pullback = boxgrad.vjp(boxgrad.aligned_box_iou, a, b, metric=metric, eps=eps)
    tolerance = 32 * np.finfo(dtype).eps
    assert_within(value, exact[:, 0], tolerance * np.maximum(1, terms[:, 0]))
    for gradient, expected in zip(pullback(1.0), exact_gradients):
        assert_within(gradient, expected, tolerance * np.maximum(1, np.abs(expected).max()))
    pairs = matrix(metric, shapes, shapes, **({"eps": eps} if metric in ("diou", "ciou") else {}))
    np.testing.assert_array_equal(pairs, value.reshape(pairs.shape))


def test_aspect_of_flat_boxes():
    """atan(w / 0) is pi / 2: a flat box against a square one has v = 4 / pi^2 (pi / 4)^2 = 1 / 4."""
    flat, square = np.array([[0.0, 0, 2, 0]]), np.array([[0.0, 0, 2, 2]])
    penalty = boxgrad.distance_box_iou(flat, square, 0.0) - boxgrad.complete_box_iou(flat, square, 0.0)
    assert_within(penalty, [[0.25**2 / 1.25]], 1e-15)


def test_inverted_boxes_follow_the_formula():
    np.testing.assert_array_equal(boxgrad.box_area([[3.0, 0, 1, 5], [3, 5, 1, 0]]), [-10, 10])
    assert boxgrad.box_iou([[3.0, 0, 1, 5]], [[0.0, 0, 4, 4]]).item() == 0


# Degenerate boxes in encoding and decoding


BOX = [0.0, 0, 2, 2]
DEGENERATE = [[1.0, 0, 1, 2], [0.0, 1, 2, 1], [2.0, 0, 0, 2], [0, 0, NAN, 2], [0, 0, INF, 2]]


@pytest.mark.parametrize("side", ["proposal", "target"])
@both_dtypes
def test_degenerate_rows_are_named(side, dtype):
    rows = np.array([BOX, *DEGENERATE, BOX], dtype)
    boxes = np.array([BOX] * len(rows), dtype)
    arguments = (rows, boxes) if side == "proposal" else (boxes, rows)
    with pytest.raises(boxgrad.DegenerateBoxError, match="1") as caught:
        boxgrad.encode_boxes(*arguments)
    assert isinstance(caught.value, ValueError)
    np.testing.assert_array_equal(caught.value.rows, [1, 2, 3, 4, 5])
    assert not boxgrad.encode_boxes(*arguments, on_degenerate="zero").any()
    for gradient in gradients(boxgrad.encode_boxes, *arguments, on_degenerate="zero"):
        assert not gradient[1:6].any()
        assert gradient[[0, 6]].any(axis=1).all()


def test_propagate_gives_the_formulas_own_result():
    point, box = np.array([[1.0, 1, 1, 3]]), np.array([[0.0, 0, 4, 4]])
    np.testing.assert_array_equal(boxgrad.encode_boxes(point, box, on_degenerate="propagate"), [[INF, 0, INF, np.log(2)]])
    np.testing.assert_array_equal(boxgrad.encode_boxes(box, point, on_degenerate="propagate"), [[-0.25, 0, -INF, -np.log(2)]])


def test_a_degenerate_proposal_decodes_to_itself():
    point = np.array([[5.0, 5, 5, 5]])
    np.testing.assert_array_equal(boxgrad.decode_boxes(point, [[0.7, -1.9, -0.5, 0.3]]), point)


# NaN and infinity


@iof_too
@both_dtypes
@pytest.mark.parametrize("coordinate", range(4))
def test_nan_stays_in_its_own_row_and_column(metric, dtype, coordinate):
    a, b = (boxes.astype(dtype) for boxes in box_sets.sets("random", 20, 18))
    clean = matrix(metric, a, b)
    a[3, coordinate] = b[17, coordinate] = NAN
    expected = clean.copy()
    expected[3], expected[:, 17] = NAN, NAN
    np.testing.assert_array_equal(matrix(metric, a, b), expected)


@iof_too
@both_dtypes
@pytest.mark.parametrize("coordinate", range(4))
def test_nan_stays_in_its_own_gradient_row(metric, dtype, coordinate):
    a, b = (boxes.astype(dtype) for boxes in box_sets.pairs("nested"))
    rows = np.arange(len(a)) != 5
    for function, options in [(boxgrad.aligned_box_iou, {"metric": metric}), *((LOSSES[m], {}) for m in LOSSES if m == metric)]:
        clean_value, clean_pullback = boxgrad.vjp(function, a, b, **options)
        broken = a.copy()
        broken[5, coordinate] = NAN
        value, pullback = boxgrad.vjp(function, broken, b, **options)
        assert np.isnan(value[5])
        np.testing.assert_array_equal(value[rows], clean_value[rows])
        for gradient, clean in zip(pullback(1.0), clean_pullback(1.0)):
            np.testing.assert_array_equal(gradient[rows], clean[rows])


def test_nan_and_infinity_elsewhere():
    np.testing.assert_array_equal(boxgrad.box_area([[0.0, 0, NAN, 1], [0, 0, INF, 1]]), [NAN, INF])
    np.testing.assert_array_equal(boxgrad.remove_small_boxes([[0.0, 0, NAN, 1], [0, 0, 2, 2], [0, 0, INF, 1]], 1), [1, 2])
    np.testing.assert_array_equal(boxgrad.smooth_l1_loss([NAN, INF, 1.0], [0.0, 0, 0], reduction="none"), [NAN, INF, 0.5])
    assert np.isnan(boxgrad.smooth_l1_loss([NAN, 1.0], [0.0, 0]))
    np.testing.assert_array_equal(boxgrad.decode_boxes([BOX], [[0, 0, INF, 0.0]], log_ratio_clip=0.0), [BOX])
    decoded = boxgrad.decode_boxes([BOX, BOX], [[0, NAN, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(np.isnan(decoded).any(axis=1), [True, False])


# Nothing at all


NOTHING = np.empty((0, 4))


@pytest.mark.parametrize("metric", EVERY_PAIRWISE)
def test_no_boxes(metric):
    boxes = box_sets.pairs("random", 3)[0]
    for a, b in [(NOTHING, boxes), (boxes, NOTHING), (NOTHING, NOTHING)]:
        value, pullback = boxgrad.vjp(EVERY_PAIRWISE[metric], a, b)
        assert value.shape == (len(a), len(b))
        for gradient, argument in zip(pullback(np.ones(value.shape)), (a, b)):
            np.testing.assert_array_equal(gradient, np.zeros_like(argument))
    assert boxgrad.aligned_box_iou(NOTHING, NOTHING, metric=metric.replace("ioa", "iof")).shape == (0,)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("function", [*LOSSES.values(), boxgrad.smooth_l1_loss, boxgrad.balanced_l1_loss])
@both_dtypes
def test_the_loss_of_nothing_is_zero(function, reduction, dtype):
    nothing = NOTHING.astype(dtype)
    value, pullback = boxgrad.vjp(function, nothing, nothing, reduction=reduction)
    assert value == 0
    assert value.dtype == dtype
    assert [gradient.shape for gradient in pullback(1.0)] == [(0, 4), (0, 4)]


EMPTY = pytest.mark.parametrize("empty", [[], (), np.empty(0, np.float32)], ids=["list", "tuple", "array"])


def is_as_no_rows(function, arguments, empty, **options):
    """The function, with `empty` in place of each None, gives what it gives with no rows: value and gradients."""
    rows = NOTHING.astype(np.asarray(empty).dtype)
    (value, pullback), (expected, expected_pullback) = (
        boxgrad.vjp(function, *(nothing if x is None else x for x in arguments), **options) for nothing in (empty, rows)
    )
    for ours, wanted in zip((value, *pullback(1.0)), (expected, *expected_pullback(1.0))):
        np.testing.assert_array_equal(ours, wanted)
        assert (ours.shape, ours.dtype) == (wanted.shape, wanted.dtype)


@EMPTY
@pytest.mark.parametrize("metric", EVERY_PAIRWISE)
def test_an_empty_list_overlaps_nothing(metric, empty):
    boxes = box_sets.pairs("random", 3)[0]
    for arguments in [(None, boxes), (boxes, None), (None, None), (None, np.stack([boxes, boxes]))]:
        is_as_no_rows(EVERY_PAIRWISE[metric], arguments, empty)
    for arguments in [(None, None), (None, boxes[0]), (boxes[:1], None)]:
        is_as_no_rows(boxgrad.aligned_box_iou, arguments, empty, metric=metric.replace("ioa", "iof"))
        for reduction in ("none", "mean", "sum") if metric in LOSSES else ():
            is_as_no_rows(LOSSES[metric], arguments, empty, reduction=reduction)


@EMPTY
def test_an_empty_list_has_no_boxes(empty):
    for function, *arguments in [
        (boxgrad.box_area, None), (boxgrad.box_area, None, "xywh"), (boxgrad.box_convert, None, "xyxy", "xywh"),
        (boxgrad.clip_boxes_to_image, None, (3, 4)), (boxgrad.box_iou, None, None, "cxcywh"),
        (boxgrad.encode_boxes, None, None), (boxgrad.encode_boxes, [0.0, 0, 1, 1], None), (boxgrad.encode_boxes, None, [0.0, 0, 1, 1]),
        (boxgrad.decode_boxes, None, None), (boxgrad.decode_boxes, None, np.empty((0, 8))),
        (boxgrad.encode_distances, np.empty((0, 2)), None), (boxgrad.encode_distances, [0.0, 0], None),
    ]:  # fmt: skip
        is_as_no_rows(function, arguments, empty)


def test_an_image_without_boxes_has_no_deltas():
    box = [[0.0, 0, 4, 4]]
    deltas = boxgrad.BoxCoder((1, 1, 1, 1)).encode([[], box], [[], box])
    assert [x.shape for x in deltas] == [(0, 4), (1, 4)]
    assert boxgrad.BoxCoder((1, 1, 1, 1)).decode([[0.0, 0, 0, 0]], [[], box]).tolist() == [box]


def test_an_empty_list_has_nothing_to_inspect():
    assert boxgrad.remove_small_boxes([], 1).shape == (0,)
    assert boxgrad.inspect_boxes([], (9, 9)).ok
    corners, bounds = boxgrad.rotate_boxes([], 30)
    assert (corners.shape, bounds.shape) == ((0, 4, 2), (0, 4))


def test_no_rows_elsewhere():
    for function, arguments in [
        (boxgrad.box_convert, ("xyxy", "xywh")), (boxgrad.clip_boxes_to_image, ((3, 4),)), (boxgrad.clip, (0, 1)),
        (boxgrad.encode_boxes, (NOTHING,)), (boxgrad.decode_boxes, (NOTHING,)),
    ]:  # fmt: skip
        assert function(NOTHING, *arguments).shape == (0, 4)
    assert boxgrad.box_area(NOTHING).shape == (0,)
    assert boxgrad.remove_small_boxes(NOTHING, 1).shape == (0,)
    assert boxgrad.inspect_boxes(NOTHING).ok
    corners, bounds = boxgrad.rotate_boxes(NOTHING, 30)
    assert (corners.shape, bounds.shape) == ((0, 4, 2), (0, 4))


# Inspection


@pytest.mark.parametrize(
    ("box", "flags"),
    [
        ([10, 10, 20, 20], 0), ([0, 0, 100, 50], 0), ([10, 10, NAN, 20], "NOT_FINITE"), ([-INF, 10, 20, 20], "NOT_FINITE"),
        ([10, 10, 10, 20], "ZERO_WIDTH|SMALL"), ([10, 10, 20, 10], "ZERO_HEIGHT|SMALL"), ([20, 10, 10, 20], "INVERTED|SMALL"),
        ([10, 20, 20, 10], "INVERTED|SMALL"), ([-20, 10, 10, 20], "CENTER_NEGATIVE|PARTLY_OUTSIDE"),
        ([-10, 10, 20, 20], "PARTLY_OUTSIDE"),
        ([90, 10, 120, 20], "CENTER_BEYOND|PARTLY_OUTSIDE"), ([10, 60, 20, 70], "CENTER_BEYOND|WHOLLY_OUTSIDE"),
        ([-20, -20, -10, -10], "CENTER_NEGATIVE|WHOLLY_OUTSIDE"), ([10, 10, 10.5, 20], "SMALL"), ([10, 10, 11, 11], 0),
    ],
)  # fmt: skip
@both_dtypes
def test_flags(box, flags, dtype):
    expected = boxgrad.BoxFlag(0)
    for name in flags.split("|") if flags else ():
        expected |= boxgrad.BoxFlag[name]
    report = boxgrad.inspect_boxes(np.array([[10, 10, 20, 20], box], dtype), (50, 100), min_size=1)
    assert boxgrad.BoxFlag(int(report.flags[1])) == expected
    assert report.flags[0] == 0
    assert report.ok == (not flags)
    for flag in boxgrad.BoxFlag:
        assert report.counts[flag] == int(flag in expected)
        np.testing.assert_array_equal(report.rows(flag), [1] if flag in expected else [])
        if flag in expected:
            assert flag.name.lower().replace("_", " ") in str(report).lower().replace("_", " ")


def test_without_a_size_nothing_is_beyond_the_image():
    report = boxgrad.inspect_boxes([[1e9, 1e9, 2e9, 2e9], [-20, -20, -10, -10]])
    assert report.flags[0] == 0
    assert report.flags[1] & boxgrad.BoxFlag.CENTER_NEGATIVE


def test_a_parabola_too_narrow_for_float32_is_plain_l1():
    for dtype in (np.float32, np.float64):
        input, target = np.array([1.0, 3.0], dtype), np.array([1.0, 1.0], dtype)
        value, gradient = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)(input, target, sigma=2e19, reduction="sum")
        assert value == 2
        np.testing.assert_array_equal(gradient, [0, 1])
