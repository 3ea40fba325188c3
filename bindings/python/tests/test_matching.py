"""match_boxes and Matcher against torchvision's own and plain references, and hostile input."""

import math
import tracemalloc

import boxgrad
import numpy as np
import pytest
from overlap_functions import ALL_METRICS, matrix as overlaps_of

DTYPES = [np.float32, np.float64]


def random_boxes(n, seed, dtype, grid=False):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 200, (n, 2))
    boxes = np.hstack([corners, corners + rng.uniform(10, 80, (n, 2))])
    return (np.round(boxes / 20) if grid else boxes).astype(dtype)


def reference(matrix, high, low, low_quality):
    """Row by row, from the matrix (truths x proposals) of the overlaps."""
    m, n = matrix.shape
    number = matrix.dtype.type
    peaks = [max((x for x in matrix[j] if x == x), default=-math.inf) for j in range(m)]
    matches, overlaps = [], []
    for i in range(n):
        best, overlap = -1, number(0)
        for j in range(m):
            if matrix[j, i] == matrix[j, i] and (best < 0 or matrix[j, i] > overlap):
                best, overlap = j, matrix[j, i]
        rescued = low_quality and any(peaks[j] > 0 and matrix[j, i] == peaks[j] for j in range(m))
        if best < 0 or (overlap < number(low) and not rescued):
            matches.append(-1)
        else:
            matches.append(best if overlap >= number(high) or rescued else -2)
        overlaps.append(overlap)
    return matches, overlaps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ALL_METRICS)
@pytest.mark.parametrize("low_quality", [False, True])
@pytest.mark.parametrize("grid", [False, True])
def test_match_boxes_is_the_plain_loop(grid, low_quality, metric, dtype):
    for n, m in [(0, 3), (3, 0), (1, 1), (31, 5), (65, 40), (1100, 7)]:
        proposals, truths = random_boxes(n, n, dtype, grid), random_boxes(m, 100 + m, dtype, grid)
        matrix = overlaps_of(metric, proposals, truths).T
        for high, low in [(0.7, 0.3), (0.5, 0.5), (0, -0.5)]:
            matches, overlaps = boxgrad.match_boxes(proposals, truths, high, low, low_quality, metric=metric)
            expected, best = reference(matrix, high, low, low_quality)
            assert matches.tolist() == expected and matches.dtype == np.int64
            assert overlaps.tolist() == best and overlaps.dtype == dtype
            if n and m:
                assert boxgrad.Matcher(high, low, low_quality)(matrix).tolist() == expected


def test_iof_is_of_the_proposal():
    """A proposal within a truth is covered by it; one around a truth is not, though it covers that."""
    truths, proposals = [[0.0, 0, 10, 10]], [[1.0, 1, 3, 3], [0, 0, 20, 10], [-5, 0, 15, 10]]
    for low_quality in (False, True):
        matches, overlaps = boxgrad.match_boxes(proposals, truths, 0.7, 0.3, low_quality, metric="iof")
        assert matches.tolist() == [0, -2, -2] and overlaps.tolist() == [1, 0.5, 0.5]


def test_many_truths():
    """More than the kernel takes at a time, and proposals in several chunks."""
    proposals, truths = random_boxes(2100, 1, np.float32), random_boxes(4200, 2, np.float32)
    matrix = boxgrad.box_iou(truths, proposals)
    matches, overlaps = boxgrad.match_boxes(proposals, truths, 0.9, 0.8, True)
    assert (overlaps == matrix.max(axis=0)).all()
    nearest = matrix.argmax(axis=0)
    peaks = matrix.max(axis=1, keepdims=True)
    rescued = ((matrix == peaks) & (peaks > 0)).any(axis=0)
    expected = np.where(overlaps < np.float32(0.8), -1, np.where(overlaps < np.float32(0.9), -2, nearest))
    assert (matches == np.where(rescued, nearest, expected)).all()
    assert (matches >= 4096).any() and (rescued & (expected < 0)).any()


def test_ties_of_far_chunks_are_all_rescued():
    proposals = random_boxes(5000, 5, np.float32)
    proposals[[3, 2047, 2048, 4999]] = [500, 500, 520, 520]
    matches, _ = boxgrad.match_boxes(proposals, [[500, 500, 540, 540]], 0.9, 0.8, True)
    assert np.flatnonzero(matches == 0).tolist() == [3, 2047, 2048, 4999]


def test_threads_do_not_change_the_result():
    proposals, truths = random_boxes(70_000, 1, np.float32, grid=True), random_boxes(40, 2, np.float32, grid=True)
    alone = boxgrad.match_boxes(proposals, truths, 0.9, 0.4, True)
    boxgrad.set_num_threads(3)
    try:
        together = boxgrad.match_boxes(proposals, truths, 0.9, 0.4, True)
    finally:
        boxgrad.set_num_threads(1)
    assert alone[0].tolist() == together[0].tolist() and alone[1].tolist() == together[1].tolist()


def test_matcher_of_torchvision(torchvision, torch):
    from torchvision.models.detection._utils import Matcher

    for seed in range(20):
        truths, proposals = random_boxes(6, seed, np.float32), random_boxes(150, 50 + seed, np.float32)
        matrix = boxgrad.box_iou(truths, proposals)
        assert (matrix.max(axis=1) > 0).all()
        for low_quality in (False, True):
            expected = Matcher(0.7, 0.3, low_quality)(torch.tensor(matrix)).tolist()
            assert boxgrad.Matcher(0.7, 0.3, low_quality)(matrix).tolist() == expected
            assert boxgrad.Matcher(0.7, 0.3, low_quality).match(proposals, truths)[0].tolist() == expected


def test_a_truth_that_nothing_overlaps_rescues_nothing(torchvision, torch):
    """torchvision takes the greatest overlap of such a truth, 0, and finds it in every proposal that it does not overlap."""
    from torchvision.models.detection._utils import Matcher

    proposals, truths = [[0.0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 2]], [[0.0, 0, 10, 10], [900, 900, 910, 910]]
    assert boxgrad.match_boxes(proposals, truths, 0.7, 0.3, True)[0].tolist() == [0, -1, -1]
    matrix = boxgrad.box_iou(truths, proposals)
    assert boxgrad.Matcher(0.7, 0.3, True)(matrix).tolist() == [0, -1, -1]
    assert Matcher(0.7, 0.3, True)(torch.tensor(matrix)).tolist() == [0, 0, 0]


def test_nan_is_no_overlap():
    proposals = np.array([[0, 0, 10, 10], [0, 0, math.nan, 10], [0, 0, 10, 9]])
    truths = np.array([[math.nan, 0, 10, 10], [0, 0, 10, 10]])
    for low_quality in (False, True):
        matches, overlaps = boxgrad.match_boxes(proposals, truths, 0.7, 0.3, low_quality)
        assert matches.tolist() == [1, -1, 1] and overlaps.tolist() == [1, 0, 0.9]
        matrix = boxgrad.box_iou(truths, proposals)
        assert boxgrad.Matcher(0.7, 0.3, low_quality)(matrix).tolist() == [1, -1, 1]


def test_the_matrix_is_not_stored():
    proposals, truths = random_boxes(100_000, 1, np.float32), random_boxes(300, 2, np.float32)
    tracemalloc.start()
    boxgrad.match_boxes(proposals, truths, 0.7, 0.3, True)
    assert tracemalloc.get_traced_memory()[1] < 20 * len(proposals)  # NumPy's own; C's scratch is in Tests/c
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.3, 0.7), "high_threshold"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], math.nan, 0.7), "high_threshold"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, math.nan), "low_threshold"),
        (lambda: boxgrad.match_boxes([[0, 0, 1]], [[0, 0, 1, 1]], 0.7, 0.3), "proposals"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [0, 0, 1, 1], 0.7, 0.3), "truths"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, 0.3, metric="l2"), "metric"),
        (lambda: boxgrad.Matcher(0.3, 0.7), "low_threshold"),
        (lambda: boxgrad.Matcher("a", 0.3), "high_threshold must be a number, not 'a'"),
        (lambda: boxgrad.Matcher(math.nan, 0.3), "neither NaN"),
        (lambda: boxgrad.Matcher(0.7, 0.3)([1.0]), "match_quality_matrix"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_an_empty_list_has_no_boxes():
    matches, overlaps = boxgrad.match_boxes([[0.0, 0, 1, 1]], [], 0.7, 0.3)
    assert matches.tolist() == [-1] and overlaps.tolist() == [0]
    assert boxgrad.match_boxes([], [[0.0, 0, 1, 1]], 0.7, 0.3)[0].shape == (0,)
    assert boxgrad.nms([], [], 0.5).shape == boxgrad.batched_nms([], [], [], 0.5).shape == boxgrad.soft_nms([], [])[0].shape == (0,)
