"""exp, log, atan, sin and cos, as they show through the formulas, against 40 digits: at most 1 ulp each."""

import boxgrad
import numpy as np
import pytest
from reference import mp

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
COUNT = 400


def assert_ulps(actual, exact, limit):
    """actual: numbers of one dtype; exact: as many of 40 digits."""
    assert len(actual) == len(exact)
    for value, truth in zip(actual, exact):
        spacing = np.spacing(np.abs(actual.dtype.type(float(truth))))
        error = abs(mp.mpf(float(value)) - truth) / mp.mpf(float(spacing))
        assert error <= limit, f"{value!r} is {mp.nstr(error, 3)} ulp from {mp.nstr(truth, 20)}"


def exact(function, values):
    return [function(mp.mpf(float(x))) for x in values]


@both_dtypes
def test_exp(dtype):
    """A box of width 2 about 0 decodes to +-exp(dw) exactly: only exp is left."""
    limit = {np.float32: (-87.0, 88.0), np.float64: (-708.0, 709.0)}[dtype]
    generator = np.random.default_rng(0)
    everywhere, near_zero = generator.uniform(*limit, COUNT), generator.uniform(-1, 1, COUNT)
    x = np.concatenate([everywhere, near_zero, near_zero * 1e-6]).astype(dtype)
    deltas = np.stack([np.zeros_like(x), np.zeros_like(x), x, -np.zeros_like(x)], axis=1)
    boxes = boxgrad.decode_boxes(np.tile(np.array([-1, -1, 1, 1], dtype), (len(x), 1)), deltas, log_ratio_clip=None)
    assert_ulps(boxes[:, 2], exact(mp.exp, x), 1)
    np.testing.assert_array_equal(boxes[:, 0], -boxes[:, 2])
    np.testing.assert_array_equal(boxes[:, [1, 3]], np.tile(np.array([-1, 1], dtype), (len(x), 1)))


@both_dtypes
def test_exp_at_its_ends(dtype):
    deltas = np.array([[0, 0, x, 0] for x in (np.inf, 1e4, -1e4, -np.inf)], dtype)
    boxes = boxgrad.decode_boxes(np.tile(np.array([-1, -1, 1, 1], dtype), (4, 1)), deltas, log_ratio_clip=None)
    np.testing.assert_array_equal(boxes[:, 2], [np.inf, np.inf, 0, 0])


@both_dtypes
def test_log(dtype):
    """A box of width w against one of width 1 encodes to log(w)."""
    exponent = {np.float32: 30, np.float64: 300}[dtype]
    generator = np.random.default_rng(1)
    everywhere, near_one = 10 ** generator.uniform(-exponent, exponent, COUNT), generator.uniform(0.5, 2, COUNT)
    w = np.concatenate([everywhere, near_one, 1 + (near_one - 1) * 1e-4]).astype(dtype)
    zero, one = np.zeros_like(w), np.ones_like(w)
    targets, proposals = np.stack([zero, zero, w, one], axis=1), np.stack([zero, zero, one, one], axis=1)
    deltas = boxgrad.encode_boxes(proposals, targets)
    assert_ulps(deltas[:, 2], exact(mp.log, w), 1)
    np.testing.assert_array_equal(deltas[:, [1, 3]], 0)


@both_dtypes
def test_log_of_one_is_zero(dtype):
    box = np.array([[0, 0, 0.7, 1e-3]], dtype)
    assert not boxgrad.encode_boxes(box, box).any()


def test_atan():
    """Of two boxes about one centre, far apart in shape, the aspect term alone separates CIoU from DIoU."""
    ratio = 10 ** np.random.default_rng(2).uniform(-6, 6, COUNT)
    w, h = np.sqrt(ratio), 1 / np.sqrt(ratio)
    a = np.stack([-w, -h, w, h], axis=1)
    b = np.stack([-h, -w, h, w], axis=1)
    iou, diou, ciou = (boxgrad.aligned_box_iou(a, b, metric=m, eps=0.0) for m in ("iou", "diou", "ciou"))
    turns = [mp.atan(mp.mpf(x) / y) - mp.atan(mp.mpf(y) / x) for x, y in zip(w.tolist(), h.tolist())]
    v = np.array([float(4 / mp.pi**2 * turn**2) for turn in turns])
    alpha = np.divide(v, 1 - iou + v, out=np.zeros_like(v), where=v > 0)
    np.testing.assert_allclose(diou - ciou, alpha * v, rtol=0, atol=1e-15)


@both_dtypes
def test_rotation_by_right_angles_is_exact(dtype):
    boxes = np.array([[1, 2, 4, 8], [-3, 0.5, 5, 0.75]], dtype)
    x1, y1, x2, y2 = boxes.T
    once = np.stack([y1, -x2, y2, -x1], axis=1)  # counter-clockwise on the screen: (x, y) -> (y, -x)
    for turns, expected in enumerate([boxes, once, np.stack([-x2, -y2, -x1, -y1], axis=1), np.stack([-y2, x1, -y1, x2], axis=1)]):
        for full in (-360 * 5, 0, 360 * 10**6):
            corners, bounds = boxgrad.rotate_boxes(boxes, 90.0 * turns + full)
            np.testing.assert_array_equal(bounds, expected)
            np.testing.assert_array_equal(corners.min(axis=1), expected[:, :2])
    corners, _ = boxgrad.rotate_boxes(boxes[:1], 90.0)
    np.testing.assert_array_equal(corners[0], [[2, -1], [2, -4], [8, -4], [8, -1]])


def test_sin_and_cos_of_any_angle():
    """The corner (1, 0) of a box goes to (cos, -sin), the corner (0, 1) to (sin, cos)."""
    generator = np.random.default_rng(3)
    angles = np.concatenate([generator.uniform(-720, 720, 200), 10 ** generator.uniform(-8, 15, 100)])
    for degrees in angles.tolist():
        (corners,), _ = boxgrad.rotate_boxes([[0.0, 0.0, 1.0, 1.0]], degrees)
        radians = mp.mpf(degrees) * mp.pi / 180
        top_right, bottom_left = corners[1], corners[3]
        assert_ulps(np.array([top_right[0], -top_right[1]]), [mp.cos(radians), mp.sin(radians)], 1)
        np.testing.assert_array_equal(bottom_left, [-top_right[1], top_right[0]])


def test_rotation_about_a_point():
    corners, bounds = boxgrad.rotate_boxes([[10.0, 20.0, 30.0, 24.0]], 33.0, (5.0, 7.0))
    c, s = np.cos(np.radians(33)), np.sin(np.radians(33))
    x, y = np.array([10, 30, 30, 10]) - 5.0, np.array([20, 20, 24, 24]) - 7.0
    expected = np.stack([5 + c * x + s * y, 7 - s * x + c * y], axis=1)
    np.testing.assert_allclose(corners[0], expected, rtol=1e-14)
    np.testing.assert_array_equal(bounds[0], [*corners[0].min(axis=0), *corners[0].max(axis=0)])
