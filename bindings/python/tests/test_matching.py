"""match_boxes, Matcher and the sampler against torchvision's own and plain references, and hostile input."""

import math
import tracemalloc

import boxgrad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

DTYPES = [np.float32, np.float64]
METRICS = {
    "iou": boxgrad.box_iou,
    "giou": boxgrad.generalized_box_iou,
    "diou": boxgrad.distance_box_iou,
    "ciou": boxgrad.complete_box_iou,
}


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
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("low_quality", [False, True])
@pytest.mark.parametrize("grid", [False, True])
def test_match_boxes_is_the_plain_loop(grid, low_quality, metric, dtype):
    for n, m in [(0, 3), (3, 0), (1, 1), (31, 5), (65, 40), (1100, 7)]:
        proposals, truths = random_boxes(n, n, dtype, grid), random_boxes(m, 100 + m, dtype, grid)
        matrix = METRICS[metric](truths, proposals)
        for high, low in [(0.7, 0.3), (0.5, 0.5), (0, -0.5)]:
            matches, overlaps = boxgrad.match_boxes(proposals, truths, high, low, low_quality, metric=metric)
            expected, best = reference(matrix, high, low, low_quality)
            assert matches.tolist() == expected and matches.dtype == np.int64
            assert overlaps.tolist() == best and overlaps.dtype == dtype
            if n and m:
                assert boxgrad.Matcher(high, low, low_quality)(matrix).tolist() == expected


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
        (lambda: boxgrad.sample_proposals([1, 0], 2, 0.5, 1, negative=2**63), "negative must fit 64 bits"),
        (lambda: boxgrad.sample_proposals(np.array([2**64 - 1, 1], np.uint64), 2, 0.5, 1), "labels must fit 64 bits"),
        (lambda: boxgrad.BalancedPositiveNegativeSampler(4, 7), "positive_fraction must be from 0 to 1, not 7"),
        (lambda: boxgrad.Matcher(0.7, 0.3)([1.0]), "match_quality_matrix"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, 1.5, 0), "positive_fraction"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, math.nan, 0), "positive_fraction"),
        (lambda: boxgrad.sample_proposals([1, 0], -1, 0.5, 0), "count"),
        (lambda: boxgrad.sample_proposals([[1, 0]], 1, 0.5, 0), "labels"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


# ---- The sample ----


def test_an_empty_list_has_no_boxes():
    matches, overlaps = boxgrad.match_boxes([[0.0, 0, 1, 1]], [], 0.7, 0.3)
    assert matches.tolist() == [-1] and overlaps.tolist() == [0]
    assert boxgrad.match_boxes([], [[0.0, 0, 1, 1]], 0.7, 0.3)[0].shape == (0,)
    assert boxgrad.nms([], [], 0.5).shape == boxgrad.batched_nms([], [], [], 0.5).shape == boxgrad.soft_nms([], [])[0].shape == (0,)


@given(st.lists(st.integers(-2, 3), max_size=80), st.integers(0, 60), st.floats(0, 1), st.integers(0, 2**64 - 1), st.integers(-1, 0))
def test_sample_laws(labels, count, fraction, seed, negative):
    array = np.array(labels, np.int64)
    positives, negatives = boxgrad.sample_proposals(array, count, fraction, seed, negative=negative)
    assert (array[positives] > negative).all() and (array[negatives] == negative).all()
    assert (np.diff(positives) > 0).all() and (np.diff(negatives) > 0).all()
    assert len(positives) == min(int(count * fraction), (array > negative).sum())
    assert len(negatives) == min(count - len(positives), (array == negative).sum())


@pytest.mark.parametrize("most", [2**63 - 1, 2**64 - 1, 10**30])
def test_a_sample_of_more_than_there_are_is_all(most):
    positives, negatives = boxgrad.sample_proposals([1, 0, -1, 2], most, 0.5, 1)
    assert positives.tolist() == [0, 3] and negatives.tolist() == [1]


def test_the_sampler_has_the_sizes_and_masks_of_torchvision(torchvision, torch):
    from torchvision.models.detection._utils import BalancedPositiveNegativeSampler

    rng = np.random.default_rng(0)
    for size, fraction in [(16, 0.5), (256, 0.25), (7, 1.0), (7, 0.0)]:
        images = [rng.integers(-1, 3, n) for n in (0, 5, 40, 300)]
        ours = boxgrad.BalancedPositiveNegativeSampler(size, fraction)(images)
        theirs = BalancedPositiveNegativeSampler(size, fraction)([torch.tensor(x) for x in images])
        for mine, other in zip(ours, theirs):
            assert [(x.dtype, x.shape, x.sum()) for x in mine] == [(np.uint8, tuple(y.shape), y.sum().item()) for y in other]


def test_every_sample_is_equally_likely():
    """All 10 pairs of 5 positives: chi-square of 20000 draws, 9 degrees of freedom. 27.9 is exceeded once in a thousand."""
    labels = np.array([1, 0, 1, 1, 0, 1, 1])
    pairs = {}
    for seed in range(20_000):
        positives, _ = boxgrad.sample_proposals(labels, 2, 1.0, seed)
        pairs[tuple(positives)] = pairs.get(tuple(positives), 0) + 1
    assert len(pairs) == 10
    assert sum((n - 2000) ** 2 / 2000 for n in pairs.values()) < 27.9


def test_the_sample_is_the_same_everywhere():
    """The generator written down once more, in Python's integers: SplitMix64, and numbers below a bound by its upper half."""
    mask = 2**64 - 1

    def splitmix(state):
        while True:
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
            yield z ^ (z >> 31)

    assert next(splitmix(0)) == 0xE220A8397B1DCDAF  # the generator's published first number
    labels = np.random.default_rng(4).integers(0, 2, 200)
    numbers, left = splitmix(99), {1: int((labels == 1).sum()), 0: int((labels == 0).sum())}
    wanted, drawn = {1: 8, 0: 24}, {1: [], 0: []}
    for i, label in enumerate(labels.tolist()):
        if wanted[label] > 0:
            if next(numbers) * left[label] >> 64 < wanted[label]:
                drawn[label].append(i)
                wanted[label] -= 1
            left[label] -= 1
    positives, negatives = boxgrad.sample_proposals(labels, 32, 0.25, 99)
    assert positives.tolist() == drawn[1] and negatives.tolist() == drawn[0]
