"""Suppression and matching of rotated boxes against plain loops over what shapely says that two polygons share."""

import functools
import math

import boxgrad
import numpy as np
import pytest

shapely = pytest.importorskip("shapely")

DTYPES = [np.float32, np.float64]
ANGLES = ("radians-cw", "degrees-ccw", "degrees-cw", "radians-ccw")
NAN, INF = float("nan"), float("inf")
dtypes = pytest.mark.parametrize("dtype", DTYPES)
angles = pytest.mark.parametrize("angle", ANGLES)


def clusters(n, dtype=np.float64, seed=0, grid=False):
    """Ten boxes around each of n / 10 centres, angles in degrees; on a grid, where scores tie and boxes are equal, parallel or touch."""
    g = np.random.default_rng(seed)
    around = np.repeat(np.hstack([g.uniform(0, 25 * math.sqrt(n), (n // 10 + 1, 2)), g.uniform(15, 60, (n // 10 + 1, 2)),
                                  g.uniform(-200, 200, (n // 10 + 1, 1))]), 10, axis=0)[:n]  # fmt: skip
    boxes = around + g.normal(0, 1, (n, 5)) * (3, 3, 2, 2, 5)
    scores = g.uniform(0, 1, n)
    if grid:
        boxes, scores = np.round(boxes / (6, 6, 10, 10, 45)) * (6, 6, 10, 10, 45), np.round(scores, 1)
    return boxes.astype(dtype), scores.astype(dtype)


@functools.cache
def case(n, dtype, seed=0, grid=False):
    """Boxes, scores, and the boxes' IoU."""
    boxes, scores = clusters(n, dtype, seed, grid)
    return boxes, scores, shared(boxes, boxes)


def given_in(boxes, angle):
    return boxgrad.convert_rotated_boxes(boxes, "degrees-cw", angle)


def polygons(boxes):
    turn, half = np.radians(boxes[:, 4:]), boxes[:, 2:4] / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    x, y = (half[:, k, None] * signs[:, k] for k in (0, 1))
    return shapely.polygons(boxes[:, None, :2] + np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], 2))


def shared(boxes, others):
    """IoU of each with each, by shapely, of boxes in degrees clockwise; 0 where one is without a place or an area."""
    found = np.zeros((len(boxes), len(others)))
    solid = [np.flatnonzero(np.isfinite(x).all(axis=1) & (x[:, 2:4] > 0).all(axis=1)) for x in (boxes, others)]
    a, b = boxes[solid[0]].astype(float), others[solid[1]].astype(float)
    reach = np.hypot(a[:, 2], a[:, 3])[:, None] + np.hypot(b[:, 2], b[:, 3])
    near = 2 * np.hypot(*(a[:, None, :2] - b[:, :2]).transpose(2, 0, 1)) < reach
    if boxes is others:
        near = np.triu(near)
    i, j = np.nonzero(near)
    first, second = polygons(a)[i], polygons(b)[j]
    inter = shapely.area(shapely.intersection(first, second))
    iou = inter / (shapely.area(first) + shapely.area(second) - inter)
    found[solid[0][i], solid[1][j]] = iou
    return np.maximum(found, found.T) if boxes is others else found


def greedy(boxes, scores, iou, threshold, classes=None, least=-INF):
    """What stays, pair by pair. A pair within rounding of the threshold would be no oracle."""
    kept = []
    close = 1e-12 if boxes.dtype == np.float64 else 2e-6
    assert (abs(iou - threshold) > close).all() or threshold == 0, "the input has a pair at the threshold"
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if not (np.isfinite(boxes[i]).all() and (scores[i] > least or scores[i] == least == -INF)):
            continue
        rivals = np.array([k for k in kept if classes is None or classes[k] == classes[i]], int)
        if not (iou[rivals, i] > max(threshold, 1e-9)).any():
            kept.append(i)
    return kept


@dtypes
@angles
@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 65, 300, 1100])
def test_nms_is_the_plain_loop(n, angle, dtype):
    """1100 boxes make a tree of three levels."""
    boxes, scores, iou = case(n, dtype, n)
    for threshold in (0.1, 0.3, 0.52, 0.75):
        expected = greedy(boxes, scores, iou, threshold)
        assert boxgrad.rotated_nms(given_in(boxes, angle), scores, threshold, angle=angle).tolist() == expected


@dtypes
def test_nms_with_ties_equal_and_parallel_boxes(dtype):
    boxes, scores, iou = case(300, dtype, grid=True)
    for threshold in (0.347, 0.513, 0.77):
        expected = greedy(boxes, scores, iou, threshold)
        assert 20 < len(expected) < 200
        for angle in ANGLES[1:3]:  # in radians a right angle is no number
            assert boxgrad.rotated_nms(given_in(boxes, angle), scores, threshold, angle=angle).tolist() == expected
    equal = np.tile(np.array([[1, 2, 30, 4, 33]], dtype), (2000, 1))
    assert boxgrad.rotated_nms(equal, np.ones(2000), 0.5, angle="degrees-cw").tolist() == [0]
    assert boxgrad.batched_rotated_nms(equal, np.ones(2000), np.arange(2000) // 1000, 0.5, angle="degrees-cw").tolist() == [0, 1000]
    assert len(boxgrad.rotated_nms(equal, np.ones(2000), 1, angle="degrees-cw")) == 2000  # no IoU is greater than 1
    turned = np.array([[0, 0, 8, 2, 30], [0, 0, 2, 8, 120], [0, 0, 2, 8, 30]], dtype)
    assert boxgrad.rotated_nms(turned, [1, 1, 1], 0.9, angle="degrees-ccw").tolist() == [0, 2]


@dtypes
def test_batched_nms_is_the_plain_loop_in_each_class(dtype):
    boxes, scores, iou = case(400, dtype, 3)
    ids = np.array([-(2**63), -1, 0, 7, 2**63 - 1])[np.random.default_rng(1).integers(0, 5, 400)]
    keep = boxgrad.batched_rotated_nms(boxes, scores, ids, 0.4, angle="degrees-cw")
    assert keep.tolist() == greedy(boxes, scores, iou, 0.4, ids)
    first = {one: [i for i in keep if ids[i] == one][:2] for one in set(ids)}
    few = boxgrad.batched_rotated_nms(boxes, scores, ids, 0.4, angle="degrees-cw", max_per_class=2)
    assert few.tolist() == [i for i in keep if i in first[ids[i]]]
    assert boxgrad.batched_rotated_nms(boxes, scores, np.arange(400), 0, angle="degrees-cw").tolist() == np.argsort(-scores, kind="stable").tolist()
    assert boxgrad.batched_rotated_nms(np.empty((0, 5)), [], None, 0.4, angle="degrees-cw").tolist() == []


@dtypes
def test_the_overlap_is_that_of_pairs_bit_for_bit(dtype):
    """Also where it decides: with each IoU as the threshold, and the number below it. Of boxes far from the origin, the bounds miss none."""
    boxes, scores = clusters(60, dtype, seed=5)
    boxes[:, :2] += np.linspace(0, 1e6, 3)[np.arange(60) // 20, None]
    order = np.argsort(-scores, kind="stable")
    iou = boxgrad.rotated_box_iou(boxes, boxes, angle="degrees-cw")
    for threshold in (0, *np.unique(iou[iou > 0])[::7]):
        for number in (threshold, np.nextafter(threshold, dtype(0))):
            kept = []
            for i in order:  # the box is the first of a pair, the kept one the second
                if not (iou[i, kept] > number).any():
                    kept.append(i)
            assert boxgrad.rotated_nms(boxes, scores, float(number), angle="degrees-cw").tolist() == kept


@dtypes
def test_bounds_far_from_the_origin_miss_no_overlap(dtype):
    """Corners that overlap by less than the coordinates' rounding: 40 boxes, so that there are bounds of bounds."""
    far, step = dtype(2.0 ** (20 if dtype is np.float32 else 48)), dtype(2.0**-3)
    g = np.random.default_rng(2)
    for _ in range(30):
        boxes = np.zeros((70, 5), dtype)
        boxes[:, 0] = far + np.arange(70, dtype=dtype) * 10
        boxes[:, 1] = far + g.integers(-8, 8, 70) * step
        boxes[:, 2:4] = 10 + g.uniform(-0.3, 0.3, (70, 2))
        boxes[:, 4] = g.choice([0, 45, 90, 30], 70)
        iou, order = boxgrad.rotated_box_iou(boxes, boxes, angle="degrees-cw"), g.permutation(70)
        scores, kept = np.empty(70), []
        scores[order] = np.arange(70, 0, -1)
        for i in order:
            if not (iou[i, kept] > 0).any():
                kept.append(i)
        assert boxgrad.rotated_nms(boxes, scores, 0, angle="degrees-cw").tolist() == kept


@dtypes
def test_boxes_that_take_no_part_and_boxes_that_overlap_nothing(dtype):
    good = np.array([[0, 0, 8, 4, 20], [0, 0, 8, 4, 22]], dtype)
    assert boxgrad.rotated_nms(good, [1, 2], 0.5, angle="degrees-cw").tolist() == [1]
    for k in range(5):
        for number in (NAN, INF, -INF):
            bad = good.copy()
            bad[1, k] = number
            assert boxgrad.rotated_nms(bad, [1, 2], 0.5, angle="degrees-cw").tolist() == [0]
            assert boxgrad.soft_rotated_nms(bad, [1, 2], angle="degrees-cw")[0].tolist() == [0]
    for k in (2, 3):
        for side in (0, -8):
            flat = good.copy()
            flat[1, k] = side
            for threshold in (0, 0.5):
                assert boxgrad.rotated_nms(flat, [1, 2], threshold, angle="degrees-cw").tolist() == [1, 0]
            assert boxgrad.rotated_nms(np.tile(flat[1], (40, 1)), np.ones(40), 0, angle="degrees-cw").tolist() == list(range(40))
    scores = np.array([0.0, -0.0, -INF, NAN, INF, 1e-45, -1e-45, 3.0, -3.0], np.float32)
    apart = np.array([[10 * k, 0, 5, 5, 10 * k] for k in range(len(scores))], np.float32)
    assert boxgrad.rotated_nms(apart, scores, 0.5, angle="degrees-cw").tolist() == [4, 7, 5, 0, 1, 6, 8, 2]
    huge = np.array([[0, 0, 1, 1, 5], [0, 0, np.finfo(dtype).max, np.finfo(dtype).max, 9], [0, 0, 1, 1, 6]], dtype)
    assert boxgrad.rotated_nms(huge, [3, 2, 1], 0.5, angle="degrees-cw").tolist() == [0, 1]  # an area that overflows is no overlap


def test_max_keep_and_score_threshold_cut_the_result():
    boxes, scores = clusters(300, np.float32)
    ids = np.arange(300) % 3
    whole = boxgrad.batched_rotated_nms(boxes, scores, ids, 0.5, angle="degrees-cw")
    for k in (0, 1, 5, len(whole), 10**18):
        assert boxgrad.batched_rotated_nms(boxes, scores, ids, 0.5, angle="degrees-cw", max_keep=k).tolist() == whole[:k].tolist()
    cut = float(scores[whole[20]])
    assert boxgrad.batched_rotated_nms(boxes, scores, ids, 0.5, angle="degrees-cw", score_threshold=cut).tolist() == whole[:20].tolist()
    assert boxgrad.rotated_nms(boxes, scores, 0.5, angle="degrees-cw", score_threshold=INF).tolist() == []


def test_strided_boxes_and_tensors(torch):
    boxes, scores = clusters(100, np.float32)
    expected = boxgrad.rotated_nms(boxes, scores, 0.4, angle="degrees-cw").tolist()
    detections = np.column_stack([boxes, scores, scores])
    assert boxgrad.rotated_nms(detections[:, :5], detections[:, 5], 0.4, angle="degrees-cw").tolist() == expected
    assert boxgrad.rotated_nms(torch.tensor(boxes), torch.tensor(scores), 0.4, angle="degrees-cw").tolist() == expected
    matches = boxgrad.match_rotated_boxes(boxes, boxes[:9], 0.7, 0.3, True, angle="degrees-cw")
    strided = boxgrad.match_rotated_boxes(detections[:, :5], detections[:9, :5], 0.7, 0.3, True, angle="degrees-cw")
    assert all(a.tobytes() == b.tobytes() for a, b in zip(matches, strided))


@dtypes
@pytest.mark.parametrize("method", ["linear", "gaussian"])
@pytest.mark.parametrize("n", [0, 1, 5, 33, 200])
def test_soft_nms_is_the_plain_loop(n, method, dtype):
    boxes, scores, iou = case(n, dtype, n)
    ids = np.random.default_rng(3).integers(-1, 2, n)
    keep, lowered = boxgrad.soft_rotated_nms(boxes, scores, 0.3, 0.5, 0.01, method, idxs=ids, angle="degrees-cw")
    left, expected = {i: float(scores[i]) for i in range(n) if scores[i] > 0.01}, {}
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        expected[best] = left.pop(best)
        for i in [i for i in left if ids[i] == ids[best]]:
            x = iou[best, i]
            left[i] *= math.exp(-x * x / 0.5) if method == "gaussian" else (1 - x if x > 0.3 else 1)
            if not left[i] > 0.01:
                del left[i]
    assert set(keep.tolist()) == set(expected) and lowered.dtype == dtype
    assert np.allclose(lowered, [expected[i] for i in keep.tolist()], rtol=2000 * np.finfo(dtype).eps, atol=0)
    assert (np.diff(lowered) <= 0).all()
    first, few = boxgrad.soft_rotated_nms(boxes, scores, 0.3, 0.5, 0.01, method, angle="degrees-cw", max_keep=3)
    whole, all_scores = boxgrad.soft_rotated_nms(boxes, scores, 0.3, 0.5, 0.01, method, angle="degrees-cw")
    assert first.tolist() == whole[:3].tolist() and few.tolist() == all_scores[:3].tolist()
    for angle in ("degrees-ccw", "radians-cw", "radians-ccw"):
        assert boxgrad.soft_rotated_nms(given_in(boxes, angle), scores, 0.3, 0.5, 0.01, method, angle=angle)[0].tolist() == whole.tolist()


# ---- Matching ----


def matched(overlaps, high, low, low_quality):
    """torchvision's rule, or mmdetection's for low_quality 2, on overlaps of truths (M) and proposals (N)."""
    overlaps = np.where(np.isnan(overlaps), -INF, overlaps)
    matches = []
    for column in overlaps.T:
        best = -INF if not len(column) else column.max()
        index = int(column.argmax()) if best > -INF else -1
        forcing = [j for j in range(len(column)) if low_quality and column[j] > 0 and column[j] == overlaps[j].max()]
        forced = forcing and (index if low_quality == 1 else forcing[-1])
        matches.append(forced if forcing else -1 if index < 0 or best < low else -2 if best < high else index)
    return matches


@dtypes
@angles
@pytest.mark.parametrize("metric", ["iou", "iof"])
@pytest.mark.parametrize(("n", "m"), [(0, 3), (5, 0), (1, 1), (70, 33), (33, 70), (1030, 9)])
def test_matches_are_those_of_the_matrix(n, m, metric, angle, dtype):
    proposals = clusters(n, dtype, seed=1)[0]
    truths = np.vstack([clusters(n, dtype, seed=1)[0][::3], clusters(n + m, dtype, seed=2)[0]])[:m]
    truths[: m // 3, 4] += 10
    a, b = given_in(proposals, angle), given_in(truths, angle)
    if metric == "iou":
        overlaps = boxgrad.rotated_box_iou(b, a, angle=angle)
    else:
        overlaps = boxgrad.rotated_box_iof(a, b, angle=angle).T
    for low_quality in (0, 1, 2):
        matches, best = boxgrad.match_rotated_boxes(
            a, b, 0.6, 0.3, low_quality > 0, angle=angle, metric=metric, forced="truth" if low_quality == 2 else "proposal"
        )
        eps = np.finfo(dtype).eps
        assert matches.dtype == np.int64 and best.dtype == dtype
        if metric == "iou":
            assert matches.tolist() == matched(overlaps, dtype(0.6), dtype(0.3), low_quality)
            assert best.tobytes() == (overlaps.max(axis=0) if m else np.zeros(n, dtype)).tobytes()
        else:  # seen from the other box, an overlap may be rounded otherwise
            np.testing.assert_allclose(best, overlaps.max(axis=0) if m else 0, rtol=0, atol=300 * eps)
            differ = matches != matched(overlaps, dtype(0.6), dtype(0.3), low_quality)
            assert differ.mean() < 0.02 if n else True


def test_matches_against_shapely():
    proposals, truths = clusters(200, seed=1)[0], clusters(200, seed=1)[0][::17] + (1, 1, 0, 0, 4)
    overlaps = shared(truths, proposals)
    assert (abs(overlaps[..., None] - (0.3, 0.6)) > 1e-9).all()
    for low_quality in (False, True):
        matches, best = boxgrad.match_rotated_boxes(proposals, truths, 0.6, 0.3, low_quality, angle="degrees-cw")
        np.testing.assert_allclose(best, overlaps.max(axis=0), rtol=0, atol=1e-13)
        assert matches.tolist() == [m if o > 1e-9 else n for m, n, o in zip(matched(overlaps, 0.6, 0.3, int(low_quality)), matches, best)]


@dtypes
def test_boxes_without_a_place_match_nothing(dtype):
    proposals, truths = clusters(40, dtype)[0], clusters(40, dtype)[0][:5]
    whole = boxgrad.match_rotated_boxes(proposals, truths, 0.6, 0.3, True, angle="degrees-cw")
    for k in range(5):
        for number in (NAN, INF):
            bad = proposals.copy()
            bad[7, k] = number
            matches, best = boxgrad.match_rotated_boxes(bad, np.vstack([bad[7], truths]), 0.6, 0.3, True, angle="degrees-cw")
            assert matches[7] == -1 and best[7] == 0
            others = np.arange(40) != 7
            assert (best[others] == whole[1][others]).all() and not (matches == 0).any()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda b, s: boxgrad.rotated_nms(b, s, 0.5, angle="degrees"), ValueError, "angle must be one of radians-cw"),
        (lambda b, s: boxgrad.rotated_nms(b, s, 0.5), TypeError, "angle"),
        (lambda b, s: boxgrad.rotated_nms(b[:, :4], s, 0.5, angle="radians-cw"), ValueError, r"\(N, 5\)"),
        (lambda b, s: boxgrad.rotated_nms(b, s[:-1], 0.5, angle="radians-cw"), ValueError, "scores"),
        (lambda b, s: boxgrad.rotated_nms(b, s, -1, angle="radians-cw"), ValueError, "iou_threshold"),
        (lambda b, s: boxgrad.rotated_nms(b, s, NAN, angle="radians-cw"), ValueError, "iou_threshold"),
        (lambda b, s: boxgrad.rotated_nms(b, s, 0.5, angle="radians-cw", max_keep=-1), ValueError, "max_keep"),
        (lambda b, s: boxgrad.batched_rotated_nms(b, s, None, 0.5, angle="radians-cw"), TypeError, "idxs must be integers, not None"),
        (lambda b, s: boxgrad.batched_rotated_nms(b, s, s, 0.5, angle="radians-cw"), TypeError, "idxs must be integers"),
        (lambda b, s: boxgrad.soft_rotated_nms(b, s), TypeError, "angle"),
        (lambda b, s: boxgrad.soft_rotated_nms(b, s, method="hard", angle="radians-cw"), ValueError, "method"),
        (lambda b, s: boxgrad.match_rotated_boxes(b, b, 0.7, 0.3), TypeError, "angle"),
        (lambda b, s: boxgrad.match_rotated_boxes(b, b, 0.7, 0.3, angle="radians-cw", metric="giou"), ValueError, "metric"),
        (lambda b, s: boxgrad.match_rotated_boxes(b, b, 0.3, 0.7, angle="radians-cw"), ValueError, "high_threshold"),
        (lambda b, s: boxgrad.match_rotated_boxes(b, b, 0.7, 0.3, angle="radians-cw", forced="truth"), ValueError, "forced"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call(*clusters(4))
