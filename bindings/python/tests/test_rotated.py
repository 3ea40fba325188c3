"""Rotated boxes: formats, overlap and losses against shapely, against exact clipping in 40 digits, against autograd and against each other."""

import box_sets
import boxgrad
import gmpy2
import numpy as np
import pytest
import reference
from functions import ANGLES

EPS = {np.float32: 2.0**-24, np.float64: 2.0**-53}
NAN, INF = float("nan"), float("inf")
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def base(g, count):
    """Boxes of ordinary shape: sides from 3 to 50, angles in radians, clockwise."""
    return np.concatenate([g.uniform(-30, 30, (count, 2)), g.uniform(3, 50, (count, 2)), g.uniform(-3.1, 3.1, (count, 1))], 1)


def at(box, u, v):
    """A point of each box's own frame."""
    c, s = np.cos(box[:, 4]), np.sin(box[:, 4])
    return np.stack([box[:, 0] + c * u - s * v, box[:, 1] + s * u + c * v], 1)


def near(g, a, distance):
    """Boxes that differ from a by about this much of their sides, and of a radian."""
    b = a + g.normal(size=a.shape) * distance * np.stack([a[:, 3], a[:, 3], a[:, 2], a[:, 3], np.ones(len(a))], 1)
    b[:, 2:4] = np.maximum(b[:, 2:4], 0.3)
    return b


def relations(count=24):
    """Pairs of boxes in every relation that other implementations lose digits in, or count twice."""
    g = np.random.default_rng(7)
    a = base(g, count)
    yield "ordinary", a, near(g, a, 0.3)
    yield "identical", a, a.copy()
    for distance in (1e-16, 1e-12, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2):
        yield f"nearly identical, {distance}", a, near(g, a, distance)
    b = near(g, a, 0.3)
    b[:, 4] = a[:, 4]
    yield "parallel", a, b
    b = a.copy()
    b[:, 2:4] *= g.uniform(0.3, 2, (count, 2))
    yield "parallel, with one centre", a, b
    b = near(g, a, 0.3)
    b[:, 4] = a[:, 4] + np.pi / 2
    yield "perpendicular", a, b
    b = np.stack([a[:, 0], a[:, 1], a[:, 3], a[:, 2], a[:, 4] + np.pi / 2], 1)
    yield "the same box, its sides exchanged", a, b
    b = near(g, a, 0.3)
    b[:, 4] = a[:, 4] + 10.0 ** g.uniform(-12, -3, count)
    yield "nearly parallel", a, b
    b = a.copy()
    b[:, :2] = at(a, a[:, 2], a[:, 3] / 3)
    yield "touching along an edge", a, b
    upright = np.round(a)
    upright[:, 4] = 0
    for name, x, y in (("along an edge", 1, 0), ("at a corner", 1, 1)):
        b = upright.copy()
        b[:, 0] += x * b[:, 2]
        b[:, 1] += y * b[:, 3]
        yield f"upright, touching {name}", upright, b
    b = upright.copy()
    b[:, 0], b[:, 2], b[:, 3] = b[:, 0] + b[:, 2] / 4, b[:, 2] / 2, b[:, 3] * 2
    yield "upright, crossing, with an edge in common", upright, b
    b = a.copy()
    b[:, 2:4] *= 0.3
    b[:, 4] += 1
    yield "nested", np.concatenate([a[:, :2], a[:, 2:4].max(1, keepdims=True).repeat(2, 1), a[:, 4:]], 1), b
    big, b = a.copy(), a.copy()
    big[:, 2:4] = 1e4
    b[:, 2:4] = g.uniform(0.5, 2, (count, 2))
    b[:, :2], b[:, 4] = at(big, g.uniform(-4900, 4900, count), g.uniform(-4900, 4900, count)), b[:, 4] + 1
    yield "tiny in large", big, b
    yield "large around tiny", b, big
    thin = a.copy()
    thin[:, 2:4] = 1e3, 1e-2
    b = thin.copy()
    b[:, 4] = g.uniform(-3, 3, count)
    b[:, :2] += g.uniform(-300, 300, (count, 2))
    yield "needles, crossing", thin, b
    b = thin.copy()
    b[:, 4] += g.normal(size=count) * 1e-5
    b[:, :2] = at(thin, g.uniform(-300, 300, count), g.normal(size=count) * 2e-3)
    yield "needles, nearly parallel", thin, b
    b = thin.copy()
    b[:, :2] = at(thin, g.uniform(-300, 300, count), np.zeros(count))
    yield "needles, parallel", thin, b
    far = np.array([1e6, -1e6, 0, 0, 0])
    yield "far from the origin", a + far, near(g, a, 0.3) + far
    b = near(g, a, 0.3)
    b[:, 2] = 0
    yield "without width", a, b
    b = b.copy()
    b[:, 3] = 0
    yield "a point", a, b
    b = a.copy()
    b[:, 4] += np.round(g.uniform(-1e3, 1e3, count)) * 1000
    yield "turned many times", a, b
    for exponent in (-15, 15):
        scale = np.array([10.0**exponent] * 4 + [1])
        yield f"1e{exponent} the size", a * scale, near(g, a, 0.3) * scale
    yield "any two", base(g, count), base(g, count) + (40, 0, 0, 0, 0)


RELATIONS = {name: (a, b) for name, a, b in relations()}
relation = pytest.mark.parametrize("name", RELATIONS)


def pairs_of(name, dtype):
    return tuple(x.astype(dtype) for x in RELATIONS[name])


def exact(a, b, cotangent=None, **options):
    """Values, their terms and, with a cotangent, gradients and theirs."""
    found = reference.evaluate(reference.rotated_overlap, a, b, angle="radians-cw", number=gmpy2.mpfr, cotangent=cotangent, **options)
    values, terms, *gradients = ([x.astype(float) for x in of] if isinstance(of, list) else of.astype(float) for of in found[:4])
    return values, terms, *gradients


@dtypes
@relation
def test_every_relation_is_as_exact_as_promised(name, dtype):
    """And within 32 eps of the smaller area for boxes of ordinary shape."""
    a, b = pairs_of(name, dtype)
    for metric in ("iou", "iof"):
        wanted, terms, *_ = exact(a, b, metric=metric)
        got = boxgrad.aligned_rotated_box_iou(a, b, angle="radians-cw", metric=metric)
        assert (abs(got - wanted[:, 0]) <= 4 * EPS[dtype] * terms[:, 0]).all()
        assert ((got >= 0) & (got <= 1)).all()
        if not any(word in name for word in ("tiny", "needles")):
            areas = [x[:, 2].astype(float) * x[:, 3] for x in (a, b)]
            divisor = areas[0] if metric == "iof" else sum(areas)
            assert (abs(got - wanted[:, 0]) * divisor <= 64 * EPS[dtype] * np.minimum(*areas)).all()


@dtypes
def test_special_pairs_are_exact(dtype):
    """Equal boxes give exactly 1 with exactly no gradient, boxes apart exactly 0."""
    a, b = pairs_of("identical", dtype)
    for mode in ("linear", "log"):
        loss, gradients = boxgrad.value_and_grad(boxgrad.rotated_box_iou_loss, argnums=(0, 1))(a, b, "sum", angle="radians-cw", mode=mode)
        assert loss == 0 and not any(g.any() for g in gradients)
    assert (boxgrad.aligned_rotated_box_iou(a, b, angle="radians-cw") == 1).all()
    a, b = pairs_of("any two", dtype)
    apart = exact(a, b)[0][:, 0] == 0
    assert apart.sum() > 5
    value, pullback = boxgrad.vjp(boxgrad.aligned_rotated_box_iou, a[apart], b[apart], angle="radians-cw")
    assert not value.any() and not any(g.any() for g in pullback(1.0))
    for name in ("upright, touching along an edge", "upright, touching at a corner"):
        value, pullback = boxgrad.vjp(boxgrad.aligned_rotated_box_iou, *pairs_of(name, dtype), angle="radians-cw")
        assert not value.any() and not any(g.any() for g in pullback(1.0))


GENERIC = ("ordinary", "perpendicular", "nested", "tiny in large", "needles, crossing", "far from the origin", "any two")
WITH_TIES = ("identical", "parallel, with one centre", "upright, crossing, with an edge in common")


@dtypes
@pytest.mark.parametrize("name", GENERIC + WITH_TIES)
@pytest.mark.parametrize("metric", ["iou", "iof"])
def test_gradients_are_exact_and_at_ties_the_mean_of_both_sides(name, metric, dtype):
    """The reference has central differences of 40 digits, which at a tie are the mean."""
    a, b = pairs_of(name, dtype)
    _, _, wanted, terms = exact(a, b, np.ones((len(a), 1)), metric=metric)
    _, pullback = boxgrad.vjp(boxgrad.aligned_rotated_box_iou, a, b, angle="radians-cw", metric=metric)
    for got, expected, size in zip(pullback(1.0), wanted, terms):
        assert (abs(got - expected) <= 4 * EPS[dtype] * size).all()


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("mode", ["linear", "log"])
def test_losses_and_their_gradients_in_every_unit(angle, mode):
    a, b = (x.copy() for x in RELATIONS["ordinary"])
    of_one = {"radians-cw": 1, "degrees-cw": np.pi / 180, "degrees-ccw": -np.pi / 180, "radians-ccw": -1}[angle]
    weights = np.linspace(0.5, 2, len(a))
    _, _, (by_a, by_b), _ = exact(a, b, weights[:, None], loss=mode, least_iou=1e-6)
    given = [boxgrad.convert_rotated_boxes(x, "radians-cw", angle) for x in (a, b)]
    loss, gradients = boxgrad.value_and_grad(boxgrad.rotated_box_iou_loss, argnums=(0, 1))(*given, "sum", angle=angle, mode=mode, weights=weights)
    iou = boxgrad.aligned_rotated_box_iou(a, b, angle="radians-cw")
    np.testing.assert_allclose(loss, weights @ (1 - iou if mode == "linear" else -np.log(np.maximum(iou, 1e-6))), rtol=1e-14)
    for got, wanted in zip(gradients, (by_a, by_b)):
        wanted[:, 4] *= of_one
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-13)


def test_the_least_iou_stops_the_logarithm():
    a, b = RELATIONS["any two"]
    low = exact(a, b)[0][:, 0] < 0.05
    value, pullback = boxgrad.vjp(boxgrad.rotated_box_iou_loss, a, b, angle="radians-cw", mode="log", least_iou=0.05)
    assert low.any() and not low.all()
    np.testing.assert_allclose(value[low], -np.log(0.05), rtol=1e-15)
    gradients = pullback(1.0)
    assert not any(g[low].any() for g in gradients) and all(g[~low].any(axis=1).all() for g in gradients)
    for wrong in (0, -1, 2, NAN, 1e-40):
        with pytest.raises(ValueError, match="least_iou"):
            boxgrad.rotated_box_iou_loss(a, b, angle="radians-cw", mode="log", least_iou=wrong)


def test_all_pairs_against_shapely():
    affinity = pytest.importorskip("shapely.affinity")
    import shapely

    g = np.random.default_rng(3)
    a, b = base(g, 120), base(g, 100)

    def polygons(boxes):
        upright = (shapely.box(-w / 2, -h / 2, w / 2, h / 2) for _, _, w, h, _ in boxes)
        turned = [affinity.rotate(box, row[4], origin=(0, 0), use_radians=True) for box, row in zip(upright, boxes)]
        return np.array([affinity.translate(box, row[0], row[1]) for box, row in zip(turned, boxes)])

    pa, pb = polygons(a), polygons(b)
    inter = shapely.area(shapely.intersection(pa[:, None], pb[None]))
    union = shapely.area(pa)[:, None] + shapely.area(pb) - inter
    np.testing.assert_allclose(boxgrad.rotated_box_iou(a, b, angle="radians-cw"), inter / union, rtol=0, atol=1e-13)
    np.testing.assert_allclose(boxgrad.rotated_box_iof(a, b, angle="radians-cw"), inter / shapely.area(pa)[:, None], rtol=0, atol=1e-13)
    single = boxgrad.rotated_box_iou(a.astype(np.float32), b.astype(np.float32), angle="radians-cw")
    np.testing.assert_allclose(single, inter / union, rtol=0, atol=5e-6)  # the inputs were rounded
    for row, corners in zip(pa, boxgrad.convert_rotated_boxes(a, "radians-cw", "corners").reshape(-1, 4, 2)):
        assert shapely.Polygon(corners).symmetric_difference(row).area < 1e-10
    np.testing.assert_allclose(boxgrad.convert_rotated_boxes(a, "radians-cw", "bounds"), shapely.bounds(pa), rtol=0, atol=1e-12)


@dtypes
@pytest.mark.parametrize("turns", range(-4, 5))
def test_upright_boxes_are_those_of_the_axis_parallel_functions(turns, dtype):
    """At every quarter turn, with values and gradients; there boxes that touch have another convention."""
    for kind in ("random", "nested", "identical"):
        # With few digits, so that no corner is rounded, and edges that coincide stay together.
        rows = [np.round(boxgrad.box_convert(x, "xyxy", "cxcywh") * 4) / 4 for x in box_sets.pairs(kind)]
        rows = [x.astype(dtype) for x in rows]
        turned = [np.hstack([x[:, [0, 1, 3, 2]] if turns % 2 else x, np.full((len(x), 1), 90 * turns, dtype)]) for x in rows]
        for metric in ("iou", "iof"):
            value, pullback = boxgrad.vjp(boxgrad.aligned_rotated_box_iou, *turned, angle="degrees-ccw", metric=metric)
            expected = [boxgrad.box_convert(x.astype(float), "cxcywh", "xyxy") for x in rows]
            wanted, wanted_pullback = boxgrad.vjp(boxgrad.aligned_box_iou, *expected, metric=metric)
            np.testing.assert_allclose(value, wanted, rtol=0, atol=32 * EPS[dtype])
            for got, by_corners, row in zip(pullback(1.0), wanted_pullback(1.0), rows):
                by_rows = boxgrad.vjp(boxgrad.box_convert, row.astype(float), "cxcywh", "xyxy")[1](by_corners)[0]
                by_rows = by_rows[:, [0, 1, 3, 2]] if turns % 2 else by_rows
                meet = wanted > 0
                np.testing.assert_allclose(got[meet, :4], by_rows[meet], rtol=0, atol=64 * EPS[dtype] * abs(by_rows).max())
                assert not got[~meet].any()


@dtypes
def test_negative_sides_count_as_none_and_numbers_that_are_not_finite_give_nan(dtype):
    good = np.array([[0, 0, 4, 2, 0.3], [1, 0, 4, 2, 0.5]], dtype)
    for k in (2, 3):
        bad = good.copy()
        bad[0, k] = -4
        for a, b in ((good, bad), (bad, good)):
            value, pullback = boxgrad.vjp(boxgrad.rotated_box_iou, a, b, angle="radians-cw")
            assert np.isfinite(value).all() and not value[0 if a is bad else slice(None), slice(None) if a is bad else 0].any()
            assert all(np.isfinite(g).all() for g in pullback(1.0))
    for k in range(5):
        for number in (NAN, INF, -INF):
            bad = good.copy()
            bad[0, k] = number
            for metric in (boxgrad.rotated_box_iou, boxgrad.rotated_box_iof):
                value, pullback = boxgrad.vjp(metric, bad, good, angle="radians-cw")
                assert np.isnan(value[0]).all() and np.isfinite(value[1]).all()
                by_bad, by_good = pullback(1.0)
                assert np.isnan(by_bad[0]).all() and np.isfinite(by_bad[1]).all() and np.isnan(by_good).all()
                value = metric(good, bad, angle="radians-cw")
                assert np.isnan(value[:, 0]).all() and np.isfinite(value[:, 1]).all()
            for mode in ("linear", "log"):
                per_box = boxgrad.rotated_box_iou_loss(bad, good, angle="radians-cw", mode=mode)
                assert np.isnan(per_box[0]) and np.isfinite(per_box[1])


@dtypes
def test_matrices_are_the_pairs_of_aligned_boxes(dtype):
    """Bit for bit, with batches and rows that have gaps; gradients are sums of those of the pairs."""
    g = np.random.default_rng(5)
    a, b = base(g, 70).astype(dtype), base(g, 45).astype(dtype)
    cotangent = g.normal(size=(70, 45)).astype(dtype)
    for function, metric in ((boxgrad.rotated_box_iou, "iou"), (boxgrad.rotated_box_iof, "iof")):
        value, pullback = boxgrad.vjp(function, a, b, angle="degrees-cw")
        aligned, aligned_pullback = boxgrad.vjp(boxgrad.aligned_rotated_box_iou, a[:, None], b, angle="degrees-cw", metric=metric)
        assert value.tobytes() == aligned.tobytes()
        for got, wanted in zip(pullback(cotangent), aligned_pullback(cotangent)):
            np.testing.assert_allclose(got, wanted.reshape(got.shape), rtol=0, atol=100 * EPS[dtype] * abs(wanted).max())
        gaps = np.hstack([a, a])[:, :5]
        assert function(gaps, b, angle="degrees-cw").tobytes() == value.tobytes()
        batch = function(np.stack([a, a[::-1]]), b, angle="degrees-cw")
        assert batch[0].tobytes() == value.tobytes() and batch[1].tobytes() == value[::-1].tobytes()


@pytest.mark.parametrize("source", ANGLES)
@pytest.mark.parametrize("target", ANGLES)
def test_conventions_lead_to_the_same_corners_and_back(source, target):
    boxes = box_sets.rotated("random")[0]
    converted = boxgrad.convert_rotated_boxes(boxes, source, target)
    corners = boxgrad.convert_rotated_boxes(boxes, source, "corners")
    np.testing.assert_allclose(boxgrad.convert_rotated_boxes(converted, target, "corners"), corners, rtol=0, atol=1e-11)
    np.testing.assert_allclose(boxgrad.convert_rotated_boxes(converted, target, source), boxes, rtol=1e-15)
    back = boxgrad.convert_rotated_boxes(corners, "corners", target)
    np.testing.assert_allclose(boxgrad.convert_rotated_boxes(back, target, "corners"), corners, rtol=0, atol=1e-11)


def test_bounds_hold_the_corners_exactly():
    for dtype in (np.float32, np.float64):
        boxes = box_sets.rotated("random", 400)[0].astype(dtype) * (1, 1, 1, -1, 40)
        corners = boxgrad.convert_rotated_boxes(boxes.astype(dtype), "degrees-cw", "corners").reshape(-1, 4, 2)
        bounds = boxgrad.convert_rotated_boxes(boxes.astype(dtype), "degrees-cw", "bounds")
        assert bounds.tobytes() == np.hstack([corners.min(axis=1), corners.max(axis=1)]).tobytes()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: boxgrad.rotated_box_iou(a, a, angle="degrees"), "angle must be one of radians-cw.*'degrees'"),
        (lambda a: boxgrad.rotated_box_iou(a[:, :4], a, angle="radians-cw"), r"boxes1 must have the shape \(..., 5\)"),
        (lambda a: boxgrad.rotated_box_iou(a[0], a, angle="radians-cw"), r"\(..., N, 5\)"),
        (lambda a: boxgrad.aligned_rotated_box_iou(a, a, angle="radians-cw", metric="giou"), "metric must be one of iou, iof"),
        (lambda a: boxgrad.rotated_box_iou_loss(a, a, angle="radians-cw", mode="square"), "mode must be one of linear, log"),
        (lambda a: boxgrad.convert_rotated_boxes(a, "bounds", "corners"), "in_fmt"),
        (lambda a: boxgrad.convert_rotated_boxes(a, "corners", "bounds"), "out_fmt"),
        (lambda a: boxgrad.convert_rotated_boxes(a, "corners", "radians-cw"), r"\(..., 8\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call(box_sets.rotated("random")[0])


def test_no_convention_is_taken_for_granted():
    a = box_sets.rotated("random")[0]
    for function in (boxgrad.rotated_box_iou, boxgrad.rotated_box_iof, boxgrad.aligned_rotated_box_iou, boxgrad.rotated_box_iou_loss):
        with pytest.raises(TypeError, match="angle"):
            function(a, a)


BOUNDS = {"oc": (0, 90), "le90": (-90, 90), "le135": (-45, 135)}


@dtypes
@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("name", BOUNDS)
def test_a_range_holds_the_same_boxes(name, angle, dtype):
    """Of angles of any size, at the ends of the range and beside them: in the range, where the box is, and again the same."""
    of_one = 1 if "degrees" in angle else np.pi / 180
    g = np.random.default_rng(4)
    at_ends = (np.arange(-40, 41)[:, None] * 45 * of_one).astype(dtype) + np.array([-1, 0, 1]) * np.spacing((np.arange(-40, 41)[:, None] * 45 * of_one).astype(dtype))
    angles = np.concatenate([at_ends.ravel(), g.uniform(-1000, 1000, 200) * of_one, [1e6, -1e9, 2.0**60, 1e30]]).astype(dtype)
    boxes = np.concatenate([np.zeros((len(angles), 2)), g.uniform(1, 9, (len(angles), 2)), angles[:, None]], 1).astype(dtype)
    boxes[::7, 3] = boxes[::7, 2]
    got = boxgrad.regularize_rotated_boxes(boxes, name, angle=angle)
    low, high = (dtype(bound * of_one) for bound in BOUNDS[name])
    assert ((got[:, 4] > low) & (got[:, 4] <= high) if name == "oc" else (got[:, 4] >= low) & (got[:, 4] < high)).all()
    assert name == "oc" or (got[:, 2] >= got[:, 3]).all()
    assert got.tobytes() == boxgrad.regularize_rotated_boxes(got, name, angle=angle).tobytes()
    corners, wanted = (np.sort(boxgrad.convert_rotated_boxes(x.astype(float), angle, "corners").reshape(-1, 4, 2).round(9) @ [[1], [7]], axis=1) for x in (got, boxes))
    np.testing.assert_allclose(corners, wanted, rtol=0, atol=2e3 * EPS[dtype])


def test_degrees_are_brought_into_a_range_exactly():
    boxes = np.array([[1, 2, 4, 3, x] for x in (-360.25, -90, 0, 0.125, 90, 450, 720.5)], float)
    got = boxgrad.regularize_rotated_boxes(boxes, "oc", angle="degrees-ccw")
    np.testing.assert_array_equal(got[:, 4], [89.75, 90, 90, 0.125, 90, 90, 0.5])
    np.testing.assert_array_equal(got[:, 2], [3, 4, 3, 4, 4, 4, 4])
    got = boxgrad.regularize_rotated_boxes(boxes[:, [0, 1, 3, 2, 4]], "le135", angle="degrees-ccw")
    np.testing.assert_array_equal(got[:, 4], [89.75, 0, 90, 90.125, 0, 0, 90.5])
    bad = np.array([[1, 2, 4, 3, NAN], [1, 2, 3, 4, INF]])
    assert np.isnan(boxgrad.regularize_rotated_boxes(bad, "le90", angle="radians-cw")[:, 4]).all()


def test_the_gradient_of_a_range_exchanges_sides():
    _, pullback = boxgrad.vjp(boxgrad.regularize_rotated_boxes, np.array([[1, 2, 3, 4, 5.0], [1, 2, 4, 3, 5.0]]), "le90", angle="degrees-cw")
    np.testing.assert_array_equal(pullback(np.array([[1, 2, 3, 4, 5.0]] * 2))[0], [[1, 2, 4, 3, 5], [1, 2, 3, 4, 5]])
    with pytest.raises(ValueError, match="range must be one of oc, le90, le135"):
        boxgrad.regularize_rotated_boxes(np.zeros((1, 5)), "le180", angle="degrees-cw")
