"""nms, batched_nms and soft_nms against plain loops over pairs, the laws that they obey, and hostile input."""

import math
import sys
from pathlib import Path

import boxgrad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[3] / "examples"))
import detector  # noqa: E402

DTYPES = [np.float32, np.float64]


def overlap(a, b):
    """IoU of one pair, in the boxes' type, from its definition."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]), a.dtype.type(0))
    height = max(min(a[3], b[3]) - max(a[1], b[1]), a.dtype.type(0))
    inter = width * height
    union = ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - inter
    return inter / union if inter > 0 else a.dtype.type(0)


def reference(boxes, scores, threshold, classes=None, score_threshold=-math.inf):
    """Greedy, pair by pair."""
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if np.isnan(boxes[i]).any() or np.isnan(scores[i]) or not (scores[i] > score_threshold or score_threshold == -math.inf):
            continue
        same = [k for k in kept if classes is None or classes[k] == classes[i]]
        if not any(overlap(boxes[k], boxes[i]) > boxes.dtype.type(threshold) for k in same):
            kept.append(i)
    return kept


def soft_reference(boxes, scores, threshold, sigma, min_score, gaussian, classes):
    left, kept = {i: scores[i] for i in range(len(boxes)) if scores[i] > min_score}, {}
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        kept[best] = left.pop(best)
        for i in list(left):
            if classes[i] != classes[best]:
                continue
            iou = overlap(boxes[best], boxes[i])
            left[i] *= math.exp(-iou * iou / sigma) if gaussian else (1 - iou if iou > threshold else 1)
            if not left[i] > min_score:
                del left[i]
    return kept


def clusters(n, dtype, seed=0, grid=False):
    """Ten boxes around each of n / 10 centres; on a grid of whole numbers, where many overlaps and scores tie."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.uniform(0, 20 * math.sqrt(n), (n // 10 + 1, 2)), 10, axis=0)[:n] + rng.normal(0, 3, (n, 2))
    sizes = rng.uniform(15, 40, (n, 2))
    boxes = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)
    scores = rng.uniform(0, 1, n)
    if grid:
        boxes, scores = np.round(boxes / 6), np.round(scores, 1)
    return boxes.astype(dtype), scores.astype(dtype)


# ---- The hard one ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grid", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 65, 300, 1100])
def test_nms_is_the_plain_loop(n, grid, dtype):
    boxes, scores = clusters(n, dtype, seed=n, grid=grid)
    for threshold in (0, 0.3, 0.5, 0.75, 1) if n < 1000 else (0.5,):
        assert boxgrad.nms(boxes, scores, threshold).tolist() == reference(boxes, scores, threshold)


@pytest.mark.parametrize("dtype", DTYPES)
def test_batched_nms_is_the_plain_loop_in_each_class(dtype):
    boxes, scores = clusters(400, dtype, grid=True)
    ids = np.array([-(2**63), -1, 0, 7, 2**63 - 1])[np.random.default_rng(1).integers(0, 5, 400)]
    assert boxgrad.batched_nms(boxes, scores, ids, 0.4).tolist() == reference(boxes, scores, 0.4, ids)
    alone = np.arange(400)
    assert boxgrad.batched_nms(boxes, scores, alone, 0).tolist() == np.argsort(-scores, kind="stable").tolist()


def test_batched_nms_far_from_the_origin():
    """Classes told apart by shifted coordinates are not: far from the origin the shift takes the coordinates' last digits."""
    boxes = np.array([[1e7, 0, 1e7 + 8, 8], [1e7 + 4, 0, 1e7 + 12, 8], [1e7, 0, 1e7 + 8, 8]], np.float32)
    assert boxgrad.batched_nms(boxes, [0.9, 0.8, 0.7], [1, 1, 2], 0.5).tolist() == [0, 1, 2]
    assert boxgrad.batched_nms(boxes, [0.9, 0.8, 0.7], [1, 1, 1], 0.5).tolist() == [0, 1]
    # Shifted by whole numbers of the largest coordinate, class 1 would lose a box to rounding, and negative boxes would meet.
    near = boxes - np.float32([1e7, 0, 1e7, 0]) + np.float32(0.25)
    assert boxgrad.batched_nms(near - 100, [0.9, 0.8, 0.7], [0, 0, 1], 0.5).tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_overlap_equal_to_the_threshold_stays(dtype):
    """Strictly greater, in the boxes' type: 1/2 exactly, and 3/10 and 1/3, which no binary number is."""
    for height, total, threshold in [(1, 2, 0.5), (3, 10, 0.3), (1, 3, 1 / 3), (7, 10, 0.7)]:
        boxes = np.array([[0, 0, 1, total], [0, 0, 1, height]], dtype)
        assert boxgrad.nms(boxes, [2, 1], threshold).tolist() == [0, 1]
        below = np.nextafter(dtype(threshold), dtype(0))
        assert boxgrad.nms(boxes, [2, 1], float(below)).tolist() == [0]


def test_the_real_proposals():
    """How many stay was counted with the data, by other code (examples/data/SOURCE.md)."""
    rows = np.loadtxt(detector.DATA / "pnet_candidates_astronaut.csv", delimiter=",", skiprows=1).astype(np.float32)
    assert [len(boxgrad.nms(rows[:, 1:5], rows[:, 5], threshold)) for threshold in (0.7, 0.5)] == [274, 137]


def test_nms_of_torchvision(torchvision, torch):
    boxes, scores = clusters(2000, np.float32)
    try:
        expected = torchvision.ops.nms(torch.tensor(boxes), torch.tensor(scores), 0.5)
    except (RuntimeError, NotImplementedError):
        pytest.skip("skipped: torchvision's compiled operators do not fit this torch")
    assert boxgrad.nms(torch.tensor(boxes), torch.tensor(scores), 0.5).tolist() == expected.tolist()


SMALL = st.integers(0, 6)
BOX = st.tuples(SMALL, SMALL, SMALL, SMALL).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@given(st.lists(st.tuples(BOX, st.integers(0, 9)), max_size=70), st.sampled_from([0, 0.1, 0.3, 0.5, 0.8]), st.randoms())
def test_laws(items, threshold, random):
    boxes = np.array([box for box, _ in items], np.float64).reshape(-1, 4)
    scores = np.array([score for _, score in items], np.float64)
    keep = boxgrad.nms(boxes, scores, threshold)
    assert keep.dtype == np.int64
    iou = boxgrad.box_iou(boxes, boxes)
    assert (np.diff(scores[keep]) <= 0).all()
    assert not (np.triu(iou[np.ix_(keep, keep)], 1) > threshold).any()
    rank = {i: r for r, i in enumerate(np.argsort(-scores, kind="stable"))}
    for i in set(range(len(boxes))) - set(keep.tolist()):
        assert any(iou[i, k] > threshold and rank[k] < rank[i] for k in keep)
    distinct = np.array(random.sample(range(1000), len(boxes)), np.float64)
    order = random.sample(range(len(boxes)), len(boxes))
    permuted = boxgrad.nms(boxes[order], distinct[order], threshold)
    assert [order[i] for i in permuted] == boxgrad.nms(boxes, distinct, threshold).tolist()


def test_max_keep_and_score_threshold_cut_the_result():
    boxes, scores = clusters(300, np.float32)
    ids = np.arange(300) % 3
    whole = boxgrad.batched_nms(boxes, scores, ids, 0.5)
    for k in (0, 1, 5, len(whole), 10**18):
        assert boxgrad.batched_nms(boxes, scores, ids, 0.5, max_keep=k).tolist() == whole[:k].tolist()
    cut = float(scores[whole[20]])
    assert boxgrad.batched_nms(boxes, scores, ids, 0.5, score_threshold=cut).tolist() == whole[:20].tolist()
    assert boxgrad.nms(boxes, scores, 0.5, score_threshold=math.inf).tolist() == []


def test_scores_of_every_kind_are_in_order():
    scores = np.array([0.0, -0.0, -math.inf, math.nan, math.inf, 1e-45, -1e-45, 3.0, -3.0], np.float32)
    boxes = np.array([[10 * k, 0, 10 * k + 5, 5] for k in range(len(scores))], np.float32)
    assert boxgrad.nms(boxes, scores, 0.5).tolist() == [4, 7, 5, 0, 1, 6, 8, 2]


def test_boxes_that_overlap_nothing():
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 0], [9, 9, 0, 0], [9, 0, 0, 9], [0, 0, math.nan, 9], [-math.inf, 0, math.inf, 9], [1, 0, 9, 9]])
    assert boxgrad.nms(boxes, [7, 6, 5, 4, 3, 2, 1], 0.5).tolist() == [0, 1, 2, 3, 5]
    assert boxgrad.nms(boxes, [1, 2, 3, 4, 5, 6, 7], 0).tolist() == [6, 5, 3, 2, 1]
    nothing = np.full((40, 4), math.nan)
    assert boxgrad.nms(nothing, np.ones(40), 0.5).tolist() == []


def test_equal_boxes():
    boxes = np.tile(np.array([[1, 2, 30, 40]], np.float32), (10_000, 1))
    assert boxgrad.nms(boxes, np.ones(10_000), 0.5).tolist() == [0]
    assert boxgrad.batched_nms(boxes, np.ones(10_000), np.arange(10_000) // 5000, 0.5).tolist() == [0, 5000]
    assert len(boxgrad.nms(boxes, np.ones(10_000), 1)) == 10_000  # no IoU is greater than 1
    assert len(boxgrad.soft_nms(boxes[:500], np.ones(500))[0]) == 1


# ---- The soft one ----


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["linear", "gaussian"])
@pytest.mark.parametrize("n", [0, 1, 5, 33, 200])
def test_soft_nms_is_the_plain_loop(n, method, dtype):
    boxes, scores = clusters(n, dtype, seed=n)
    ids = np.random.default_rng(3).integers(-1, 2, n)
    keep, lowered = boxgrad.soft_nms(boxes, scores, 0.3, 0.5, 0.01, method, idxs=ids)
    expected = soft_reference(boxes.astype(np.float64), scores.astype(np.float64), 0.3, 0.5, 0.01, method == "gaussian", ids)
    assert set(keep.tolist()) == set(expected) and lowered.dtype == dtype
    eps = np.finfo(dtype).eps
    assert np.allclose(lowered, [expected[i] for i in keep.tolist()], rtol=64 * eps, atol=0)
    assert (np.diff(lowered) <= 0).all()
    first, few = boxgrad.soft_nms(boxes, scores, 0.3, 0.5, 0.01, method, max_keep=3)
    whole, all_scores = boxgrad.soft_nms(boxes, scores, 0.3, 0.5, 0.01, method)
    assert first.tolist() == whole[:3].tolist() and few.tolist() == all_scores[:3].tolist()


# ---- What is refused ----


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([[0, 0, 1]], [1], 0.5), ValueError, "boxes"),
        (([[0, 0, 1, 1]], [1, 2], 0.5), ValueError, "scores"),
        (([[0, 0, 1, 1]], [1], math.nan), ValueError, "iou_threshold"),
        (([[0, 0, 1, 1]], [1], -0.1), ValueError, "iou_threshold"),
        (([[0, 0, 1, 1]], [1], "0.5"), TypeError, "iou_threshold"),
        (([["a", "b", "c", "d"]], [1], 0.5), TypeError, "boxes"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        boxgrad.nms(*arguments)


def test_wrong_options():
    boxes, scores = [[0, 0, 1, 1]], [1]
    for call, words in [
        (lambda: boxgrad.nms(boxes, scores, 0.5, score_threshold=math.nan), "score_threshold"),
        (lambda: boxgrad.nms(boxes, scores, 0.5, max_keep=-1), "max_keep"),
        (lambda: boxgrad.nms(boxes, scores, 0.5, max_keep=2**70), "max_keep must .* fit 64 bits"),
        (lambda: boxgrad.batched_nms(boxes, scores, None, 0.5), "idxs must be integers, not None"),
        (lambda: boxgrad.batched_nms(boxes, scores, np.full(len(boxes), 2**64 - 1, np.uint64), 0.5), "idxs must fit 64 bits with a sign"),
        (lambda: boxgrad.batched_nms(boxes, scores, [1, 2], 0.5), "idxs"),
        (lambda: boxgrad.batched_nms(boxes, scores, [1.5], 0.5), "idxs"),
        (lambda: boxgrad.soft_nms(boxes, scores, method="hard"), "method"),
        (lambda: boxgrad.soft_nms(boxes, scores, sigma=0), "sigma"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            call()


def test_strided_boxes_and_tensors(torch):
    boxes, scores = clusters(100, np.float32)
    detections = np.column_stack([boxes, scores])
    expected = boxgrad.nms(boxes, scores, 0.4).tolist()
    assert boxgrad.nms(detections[:, :4], detections[:, 4], 0.4).tolist() == expected
    assert boxgrad.nms(torch.tensor(boxes), torch.tensor(scores), 0.4).tolist() == expected
    ids = np.arange(100, dtype=np.uint8) % 4
    assert boxgrad.batched_nms(boxes, scores, torch.tensor(ids), 0.4).tolist() == reference(boxes, scores, 0.4, ids)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.sampled_from([None, 0, 3, 100]))
def test_so_many_of_each_class_stay(seed, most, max_keep):
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, 9, (30, 2))
    boxes, scores = np.hstack([corner, corner + generator.integers(1, 5, (30, 2))]).astype(float), generator.integers(0, 9, 30) / 8
    classes = generator.integers(-2, 3, 30)
    kept, counts = [], {}
    for i in reference(boxes, scores, 0.3, classes):
        counts[classes[i]] = counts.get(classes[i], 0) + 1
        if counts[classes[i]] <= most:
            kept.append(i)
    result = boxgrad.batched_nms(boxes, scores, classes, 0.3, max_keep=max_keep, max_per_class=most)
    assert result.tolist() == kept[: len(kept) if max_keep is None else max_keep]


def test_batched_nms_of_nothing_needs_no_classes(torch, torchvision):
    for empty in (np.empty((0, 4)), torch.empty((0, 4)), []):
        assert boxgrad.batched_nms(empty, np.empty(0), None, 0.5).tolist() == []
    with pytest.raises(TypeError, match="idxs must be integers, not None"):
        boxgrad.batched_nms([[0.0, 0, 1, 1]], [1.0], None, 0.5)
    with pytest.raises(ValueError, match="max_per_class must not be negative, not -1"):
        boxgrad.batched_nms([[0.0, 0, 1, 1]], [1.0], [0], 0.5, max_per_class=-1)
