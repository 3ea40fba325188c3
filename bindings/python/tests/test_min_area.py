"""The smallest rotated boxes around points, against exact fractions and shapely; and the inspection of rotated boxes, against shapely."""

import itertools
from fractions import Fraction

import box_sets
import boxgrad
import numpy as np
import pytest
import shapely
from boxgrad import BoxFlag

NAN, INF = float("nan"), float("inf")
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def least_area(points):
    """The area of the smallest rectangle around points with whole coordinates, exactly: all pairs of points give its direction."""
    points = [tuple(map(int, point)) for point in points]
    found = [Fraction(0)] if len(set(points)) == 1 else []
    for (ax, ay), (bx, by) in itertools.combinations(points, 2):
        dx, dy = bx - ax, by - ay
        if dx or dy:
            u, v = [dx * x + dy * y for x, y in points], [dx * y - dy * x for x, y in points]
            found.append(Fraction((max(u) - min(u)) * (max(v) - min(v)), dx * dx + dy * dy))
    return min(found)


def around(boxes, points, angle):
    """How far each point is outside its box, at most."""
    angles = boxgrad.convert_rotated_boxes(boxes, angle, "radians-cw")[:, 4]
    c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
    dx, dy = points[..., 0] - boxes[:, None, 0], points[..., 1] - boxes[:, None, 1]
    return np.maximum(abs(c * dx + s * dy) - boxes[:, None, 2] / 2, abs(c * dy - s * dx) - boxes[:, None, 3] / 2).max()


@dtypes
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11])
def test_the_area_is_the_least_and_all_points_are_within(count, dtype):
    g = np.random.default_rng(count)
    points = g.integers(-9, 10, (300, count, 2)).astype(dtype)
    for angle in boxgrad.rotated.ANGLES:
        boxes = boxgrad.min_area_boxes(points, angle=angle)
        assert boxes.dtype == dtype and boxes.shape == (300, 5)
        exact = np.array([float(least_area(row)) for row in points])
        np.testing.assert_allclose(boxes[:, 2].astype(float) * boxes[:, 3], exact, rtol=0, atol=1000 * np.finfo(dtype).eps)
        assert around(boxes.astype(float), points.astype(float), angle) < 300 * np.finfo(dtype).eps
        clockwise = boxgrad.convert_rotated_boxes(boxes, angle, "degrees-cw")[:, 4]
        assert ((clockwise >= 0) & (clockwise < 90)).all()


@pytest.mark.parametrize("count", [3, 4, 12])
def test_areas_are_shapelys(count):
    points = np.random.default_rng(1).normal(size=(200, count, 2)) * (30, 2)
    boxes = boxgrad.min_area_boxes(points, angle="degrees-ccw")
    wanted = shapely.area(shapely.minimum_rotated_rectangle(shapely.multipoints(points)))
    np.testing.assert_allclose(boxes[:, 2:4].prod(axis=1), wanted, rtol=1e-12)


@dtypes
def test_the_order_of_points_and_their_repetition_change_nothing(dtype):
    points = np.random.default_rng(2).normal(size=(100, 6, 2)).astype(dtype)
    boxes = boxgrad.min_area_boxes(points, angle="radians-cw")
    for other in (points[:, ::-1], points[:, [3, 1, 5, 0, 2, 4]], points[:, [0, 1, 2, 2, 3, 4, 5, 5, 0]]):
        np.testing.assert_allclose(boxgrad.min_area_boxes(other, angle="radians-cw"), boxes, rtol=0, atol=40 * np.finfo(dtype).eps)


@dtypes
def test_a_rotated_box_is_found_again(dtype):
    boxes = box_sets.rotated("random", 200)[0].astype(dtype)
    corners = boxgrad.convert_rotated_boxes(boxes, "degrees-cw", "corners")
    found = boxgrad.min_area_boxes(corners, angle="degrees-cw")
    iou = boxgrad.aligned_rotated_box_iou(boxes, found, angle="degrees-cw")
    np.testing.assert_allclose(iou, 1, atol=3e-4 if dtype == np.float32 else 1e-12)


@dtypes
def test_degenerate_points(dtype):
    def box(*points):
        return boxgrad.min_area_boxes(np.array(points, dtype), angle="degrees-cw").tolist()

    assert box((3, 4)) == box((3, 4), (3, 4), (3, 4)) == [3, 4, 0, 0, 0]
    assert box((0, 2), (5, 2), (1, 2)) == [2.5, 2, 5, 0, 0]
    assert box((1, 0), (1, 7), (1, 3)) == [1, 3.5, 0, 7, 0]  # at 0 degrees, not at 90
    assert box((0, 0), (2, 2), (1, 1)) == pytest.approx([1, 1, 8**0.5, 0, 45], rel=1e-6)
    assert box((0, 2), (2, 0), (1, 1)) == pytest.approx([1, 1, 0, 8**0.5, 45], rel=1e-6)
    for odd in (NAN, INF, -INF):
        for place in range(4):
            quad = np.arange(8.0) ** 2 % 7
            quad[2 * place + place % 2] = odd
            found = boxgrad.min_area_boxes(np.stack([quad, np.arange(8.0) ** 2 % 7]).astype(dtype), angle="radians-ccw")
            assert np.isnan(found[0]).all() and np.isfinite(found[1]).all()
    huge = np.finfo(dtype).max
    if dtype == np.float64:
        assert np.isnan(boxgrad.min_area_boxes([[-huge, 0], [huge, 0]], angle="radians-cw")).all()
    for scale in (float(huge) / 64, float(np.finfo(dtype).tiny) * 64, float(np.finfo(dtype).smallest_subnormal)):
        square = np.array([0, 2, 2, 0, 6, 4, 4, 6]) * scale
        found = boxgrad.min_area_boxes(square.astype(dtype), angle="degrees-cw")
        assert found[:4] / dtype(scale) == pytest.approx([3, 3, 32**0.5, 8**0.5], rel=0.1 if scale < 1e-300 or scale < 1e-40 and dtype == np.float32 else 1e-6)
        assert found[4] == pytest.approx(45)


@dtypes
def test_of_equal_areas_the_smaller_angle(dtype):
    """All three sides of an acute triangle give the same area."""
    triangles = np.random.default_rng(6).normal(size=(4000, 3, 2)).astype(dtype)
    sides = np.roll(triangles, -1, axis=1) - triangles
    acute = ((sides * np.roll(sides, -1, axis=1)).sum(axis=2) < -0.01).all(axis=1)
    turns = np.degrees(np.arctan2(sides[..., 1], sides[..., 0])[acute].astype(float)) % 90
    found = boxgrad.min_area_boxes(triangles[acute], angle="degrees-cw")[:, 4]
    clear = turns.max(axis=1) < 89.9
    assert clear.sum() > 300
    np.testing.assert_allclose(found[clear], turns[clear].min(axis=1), rtol=0, atol=1e-3 if dtype == np.float32 else 1e-11)
    assert boxgrad.min_area_boxes([[0, 0], [2, 0], [0, 2]], angle="degrees-cw").tolist() == [1, 1, 2, 2, 0]
    square = boxgrad.min_area_boxes([0, 0, 2, 0, 2, 2, 0, 2], angle="degrees-ccw")
    assert square.tolist() == [1, 1, 2, 2, 0] and str(square[4]) == "0.0"


def test_shapes_and_refusals():
    quads = np.random.default_rng(3).normal(size=(2, 3, 8))
    boxes = boxgrad.min_area_boxes(quads, angle="radians-cw")
    assert boxes.shape == (2, 3, 5) and boxes.tobytes() == boxgrad.min_area_boxes(quads.reshape(2, 3, 4, 2), angle="radians-cw").tobytes()
    assert boxgrad.min_area_boxes(quads[::-1, ::2], angle="radians-cw").tobytes() == np.ascontiguousarray(boxes[::-1, ::2]).tobytes()
    assert boxgrad.min_area_boxes(np.empty((0, 8)), angle="radians-cw").shape == (0, 5)
    assert boxgrad.min_area_boxes(np.empty((0, 3, 2)), angle="radians-cw").shape == (0, 5)
    out = np.empty((2, 3, 5))
    assert boxgrad.min_area_boxes(quads, angle="radians-cw", out=out) is out
    for wrong in (np.empty((3, 7)), np.empty(2), np.empty((4, 0, 2)), np.empty(())):
        with pytest.raises(ValueError, match=r"points must have the shape \(\.\.\., 8\), or \(\.\.\., N, 2\)"):
            boxgrad.min_area_boxes(wrong, angle="radians-cw")
    with pytest.raises(ValueError, match="angle must be one of radians-cw"):
        boxgrad.min_area_boxes(quads, angle="oc")
    with pytest.raises(TypeError, match="angle"):
        boxgrad.min_area_boxes(quads)
    with pytest.raises(TypeError, match="is not one of boxgrad.s differentiable functions"):
        boxgrad.vjp(boxgrad.min_area_boxes, quads, angle="radians-cw")


# Inspection


@dtypes
def test_upright_boxes_have_the_same_flags(dtype):
    """At every right angle, of a centre and sides that both formats hold."""
    g = np.random.default_rng(4)
    boxes = g.integers(-12, 30, (2000, 2)), g.integers(-2, 9, (2000, 2)) * 2
    upright = np.hstack([boxes[0] - boxes[1] // 2, boxes[0] + boxes[1] // 2]).astype(dtype)
    upright[::50, 1], rotated = NAN, np.hstack([*boxes, np.zeros((2000, 1))]).astype(dtype)
    rotated[::50, 1] = NAN
    for size in ((20, 15), None):
        wanted = boxgrad.inspect_boxes(upright, size, min_size=3)
        for angle, unit in (("degrees-ccw", 90), ("radians-cw", np.pi / 2)):
            for turns in (0, 2, -4):
                rotated[:, 4] = turns * unit
                found = boxgrad.inspect_rotated_boxes(rotated, size, angle=angle, min_size=3)
                assert found.flags.tolist() == wanted.flags.tolist() and found.counts == wanted.counts
            exchanged = rotated[:, [0, 1, 3, 2, 4]]
            exchanged[:, 4] = unit
            sides = np.uint32(BoxFlag.ZERO_WIDTH | BoxFlag.ZERO_HEIGHT)
            found = boxgrad.inspect_rotated_boxes(exchanged, size, angle=angle, min_size=3)
            assert (found.flags & ~sides).tolist() == (wanted.flags & ~sides).tolist()
            assert found.counts[BoxFlag.ZERO_WIDTH] == wanted.counts[BoxFlag.ZERO_HEIGHT]


def test_what_is_outside_is_shapelys():
    boxes = box_sets.rotated("random", 3000)[0]
    boxes[:, :2] = np.random.default_rng(5).uniform(-60, 160, (3000, 2))
    corners = shapely.polygons(boxgrad.convert_rotated_boxes(boxes, "degrees-cw", "corners").reshape(-1, 4, 2))
    image = shapely.box(0, 0, 100, 80)
    within, area = shapely.covers(image, corners), shapely.area(shapely.intersection(image, corners))
    report = boxgrad.inspect_rotated_boxes(boxes, (80, 100), angle="degrees-cw")
    assert report.rows(BoxFlag.WHOLLY_OUTSIDE).tolist() == np.flatnonzero(area == 0).tolist() and (area == 0).sum() > 200
    assert report.rows(BoxFlag.PARTLY_OUTSIDE).tolist() == np.flatnonzero(~within & (area > 0)).tolist() and (~within & (area > 0)).sum() > 200
    beside = np.array([[-4.0, -4, 30, 2, -45], [-4, 84, 30, 2, 45]])  # their bounds are in the image, and they are not
    assert boxgrad.inspect_rotated_boxes(beside, (80, 100), angle="degrees-cw").counts[BoxFlag.WHOLLY_OUTSIDE] == 2
    assert boxgrad.inspect_rotated_boxes(beside, angle="degrees-cw").counts[BoxFlag.WHOLLY_OUTSIDE] == 1


@dtypes
def test_every_number_may_be_no_number(dtype):
    for place in range(5):
        for odd in (NAN, INF, -INF):
            box = np.array([[5, 5, 2, 3, 0.1]], dtype)
            box[0, place] = odd
            assert boxgrad.inspect_rotated_boxes(box, (9, 9), angle="radians-cw").flags.tolist() == [BoxFlag.NOT_FINITE]


def test_rounding_at_the_border_is_no_leaving():
    """A right angle in radians has a cosine of 6e-17, or of 4e-8 in float32."""
    for dtype in (np.float32, np.float64):
        box = np.array([[2, 3, 6, 4, np.pi / 2], [2, 3, 6.001, 4, np.pi / 2]], dtype)
        assert boxgrad.inspect_rotated_boxes(box, (6, 4), angle="radians-cw").flags.tolist() == [0, BoxFlag.PARTLY_OUTSIDE]


def test_inspections_refuse():
    boxes = box_sets.rotated("random", 3)[0]
    for wrong in (boxes[0], boxes[:, :4]):
        with pytest.raises(ValueError, match=r"boxes must have the shape \(N, 5\)"):
            boxgrad.inspect_rotated_boxes(wrong, angle="radians-cw")
    with pytest.raises(ValueError, match="angle must be one of"):
        boxgrad.inspect_rotated_boxes(boxes, angle="degrees")
    with pytest.raises(ValueError, match="min_size is NaN"):
        boxgrad.inspect_rotated_boxes(boxes, angle="radians-cw", min_size=NAN)
