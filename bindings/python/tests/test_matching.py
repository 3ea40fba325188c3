"""match_boxes and Matcher against torchvision's own and plain references, and hostile input."""

import math
import tracemalloc

import box_sets
import boxgrad
import numpy as np
import peers
import pytest
from overlap_functions import ALL_METRICS, matrix as overlaps_of

DTYPES = [np.float32, np.float64]
FORCED = [(False, "proposal"), (True, "proposal"), (True, "truth")]


def random_boxes(n, seed, dtype, grid=False):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 200, (n, 2))
    boxes = np.hstack([corners, corners + rng.uniform(10, 80, (n, 2))])
    return (np.round(boxes / 20) if grid else boxes).astype(dtype)


def reference(matrix, high, low, low_quality, forced):
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
        forcing = [j for j in range(m) if low_quality and peaks[j] > 0 and matrix[j, i] == peaks[j]]
        if forcing and forced == "truth":
            matches.append(forcing[-1])
        elif best < 0 or (overlap < number(low) and not forcing):
            matches.append(-1)
        else:
            matches.append(best if overlap >= number(high) or forcing else -2)
        overlaps.append(overlap)
    return matches, overlaps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("metric", ALL_METRICS)
@pytest.mark.parametrize(("low_quality", "forced"), FORCED)
@pytest.mark.parametrize("grid", [False, True])
def test_match_boxes_is_the_plain_loop(grid, low_quality, forced, metric, dtype):
    for n, m in [(0, 3), (3, 0), (1, 1), (31, 5), (65, 40), (1100, 7)]:
        proposals, truths = random_boxes(n, n, dtype, grid), random_boxes(m, 100 + m, dtype, grid)
        matrix = overlaps_of(metric, proposals, truths).T
        for high, low in [(0.7, 0.3), (0.5, 0.5), (0, -0.5)]:
            matches, overlaps = boxgrad.match_boxes(proposals, truths, high, low, low_quality, forced=forced, metric=metric)
            expected, best = reference(matrix, high, low, low_quality, forced)
            assert matches.tolist() == expected and matches.dtype == np.int64
            assert overlaps.tolist() == best and overlaps.dtype == dtype
            if n and m:
                assert boxgrad.Matcher(high, low, low_quality, forced=forced)(matrix).tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("low_quality", "forced"), FORCED)
@pytest.mark.parametrize("kind", box_sets.HARD)
def test_hostile_boxes_are_matched_as_the_plain_loop_does(kind, low_quality, forced, dtype):
    proposals, truths = (boxes.astype(dtype) for boxes in box_sets.pairs(kind))
    proposals[3], truths[4, 2], truths[5], proposals[6, 1] = truths[3], math.nan, truths[3], math.inf
    with np.errstate(invalid="ignore"):
        matrix = boxgrad.box_iou(truths, proposals)
    expected, best = reference(matrix, 0.6, 0.2, low_quality, forced)
    matcher = boxgrad.Matcher(0.6, 0.2, low_quality, forced=forced)
    matches, overlaps = matcher.match(proposals, truths)
    assert matches.tolist() == matcher(matrix).tolist() == expected and overlaps.tolist() == best


def test_a_forced_proposal_goes_to_the_truth_that_forced_it():
    """The first proposal is the best of both truths, and overlaps the first of them more."""
    truths, proposals = [[0.0, 0, 10, 10], [0, 5, 10, 25]], [[0.0, 0, 10, 12], [0, 0, 10, 3], [0, 60, 10, 70]]
    assert boxgrad.match_boxes(proposals, truths, 0.95, 0.1, True)[0].tolist() == [0, -2, -1]
    matches, overlaps = boxgrad.match_boxes(proposals, truths, 0.95, 0.1, True, forced="truth")
    assert matches.tolist() == [1, -2, -1]
    assert overlaps.tolist() == pytest.approx([10 / 12, 0.3, 0])  # that of the first truth


def test_no_truth_that_something_overlaps_is_alone_unless_later_ones_force_its_best_proposals():
    rng, alone = np.random.default_rng(3), 0
    for _ in range(200):
        truths, proposals = (random_boxes(count, rng.integers(2**32), np.float64, grid=True) for count in (9, 12))
        matrix = boxgrad.box_iou(truths, proposals)
        matches, _ = boxgrad.match_boxes(proposals, truths, 0.9, 0.9, True, forced="truth")
        for j in set(range(9)) - set(matches):
            best = matrix[j] == matrix[j].max()
            assert matrix[j].max() == 0 or (matrix[j + 1 :, best] == matrix[j + 1 :].max(axis=1, keepdims=True)).any(axis=0).all()
            alone += matrix[j].max() > 0
    assert alone > 10


def in_classes(assigned):
    """What mmdetection calls 0 (negative), -1 (left out) and truth + 1, in our codes."""
    return np.select([assigned > 0, assigned == 0], [assigned - 1, -1], -2)


def test_forced_matches_are_those_of_mmdetection_and_tensorflow(torch):
    differ = 0
    for seed in range(60):
        truths, proposals = random_boxes(12, seed, np.float32, seed % 2), random_boxes(80, 90 + seed, np.float32, seed % 2)
        matrix = boxgrad.box_iou(truths, proposals)
        ours = boxgrad.match_boxes(proposals, truths, 0.6, 0.3, True, forced="truth")[0]
        theirs = in_classes(peers.mmdetection_assign(torch, torch.tensor(matrix), 0.6, 0.3, min_pos_iou=1e-9).numpy())
        assert ours.tolist() == theirs.tolist()
        # TensorFlow forces one proposal for each truth, and gives it to the first truth that does.
        best, each = (matrix == matrix.max(axis=1, keepdims=True)), matrix.max(axis=1) > 0
        first = peers.tensorflow_match(torch, torch.tensor(matrix), 0.6, 0.3).numpy()
        alike = (best.sum(axis=1) == 1).all() and (best[each].sum(axis=0) <= 1).all() and each.all()
        assert not alike or ours.tolist() == first.tolist()
        differ += not alike
    assert 0 < differ < 60


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


# Ground truth that is to be ignored


def shares(proposals, ignored, wrt_candidates):
    """Intersection over the area of the proposal or of the ignored box, for each with each; 0 / 0 is 0."""
    a, b = proposals[:, None], ignored[None]
    with np.errstate(all="ignore"):
        sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
        inter = np.maximum(sides, 0).prod(axis=-1)
        area = np.broadcast_to((a if wrt_candidates else b)[..., 2:] - (a if wrt_candidates else b)[..., :2], sides.shape).prod(axis=-1)
        return np.where(area == 0, 0, inter / area)


def with_ignored(proposals, truths, ignored, limit, wrt_candidates, ignore_positives, **options):
    """What match_boxes must give: row by row, by the words of its documentation."""
    share = shares(proposals, ignored, wrt_candidates)
    covered = [any(x > proposals.dtype.type(limit) for x in row) for row in share]
    if not ignore_positives:
        matches, overlaps = boxgrad.match_boxes(proposals, truths, 0.5, 0.3, **options)
        return [-3 if c and m < 0 else m for c, m in zip(covered, matches)], overlaps.tolist()
    kept = [i for i, c in enumerate(covered) if not c]
    matches, overlaps = boxgrad.match_boxes(proposals[kept], truths, 0.5, 0.3, **options)
    left = dict(zip(kept, zip(matches.tolist(), overlaps.tolist())))
    return map(list, zip(*(left.get(i, (-3, 0)) for i in range(len(proposals)))))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("wrt_candidates", [False, True])
@pytest.mark.parametrize("ignore_positives", [False, True])
@pytest.mark.parametrize("kind", box_sets.KINDS)
def test_what_ignored_ground_truth_covers_is_ignored(kind, ignore_positives, wrt_candidates, dtype):
    found = set()
    for seed, limit in enumerate([0, 0.25, 0.5, 0.9]):
        proposals, others = (boxes.astype(dtype) for boxes in box_sets.pairs(kind, 70))
        truths, ignored = others[:20], np.roll(others, seed, axis=0)[15 - seed : 50]
        if kind in box_sets.HARD:
            proposals[3, 1], proposals[5, 2], ignored[4, 2], ignored[6] = math.nan, math.inf, math.nan, -math.inf
        for low_quality, forced in FORCED:
            options = {"allow_low_quality_matches": low_quality, "forced": forced}
            expected, best = with_ignored(proposals, truths, ignored, limit, wrt_candidates, ignore_positives, **options)
            matches, overlaps = boxgrad.match_boxes(
                proposals, truths, 0.5, 0.3, **options, ignore=ignored, ignore_iof_thr=limit, ignore_wrt_candidates=wrt_candidates,
                ignore_positives=ignore_positives)  # fmt: skip
            assert matches.tolist() == expected and overlaps.tolist() == best
            matcher = boxgrad.Matcher(
                0.5, 0.3, **options, ignore_iof_thr=limit, ignore_wrt_candidates=wrt_candidates, ignore_positives=ignore_positives)
            assert matcher.match(proposals, truths, ignore=ignored)[0].tolist() == expected
            found |= set(expected)
    assert -3 in found or kind == "disjoint"


def test_the_share_must_be_greater_than_the_threshold():
    """And a share by the ignored box's area is another: the proposal covers a quarter of the crowd, which covers half of the proposal."""
    proposals, crowd = [[0.0, 0, 10, 10]], [[5.0, 0, 25, 10]]
    for limit, expected in [(0.5, -1), (0.4999, -3), (-1, -1), (math.inf, -1)]:
        assert boxgrad.match_boxes(proposals, [], 0.7, 0.3, ignore=crowd, ignore_iof_thr=limit)[0] == expected
    for limit, expected in [(0.25, -1), (0.2499, -3), (-0.1, -1)]:
        assert boxgrad.match_boxes(proposals, [], 0.7, 0.3, ignore=crowd, ignore_iof_thr=limit, ignore_wrt_candidates=False)[0] == expected


def test_a_truth_keeps_its_proposal_under_a_crowd_unless_positives_are_ignored():
    proposals, truth, crowd = [[0.0, 0, 10, 10], [0, 0, 10, 4], [0, 0, 10, 2]], [[0.0, 0, 10, 10]], [[0.0, 0, 50, 50]]
    assert boxgrad.match_boxes(proposals, truth, 0.7, 0.3, ignore=crowd)[0].tolist() == [0, -3, -3]
    matches, overlaps = boxgrad.match_boxes(proposals, truth, 0.7, 0.3, True, forced="truth", ignore=crowd, ignore_positives=True)
    assert matches.tolist() == [-3, -3, -3] and overlaps.tolist() == [0, 0, 0]
    assert boxgrad.match_boxes(proposals, truth, 0.7, 0.3, ignore=[])[0].tolist() == [0, -2, -1]
    # A truth whose best proposal is ignored looks for its best among the others.
    proposals, crowd = [[0.0, 0, 10, 5], [0, 0, 10, 2], [20, 20, 30, 30]], [[0.0, 4, 10, 9]]
    options = {"ignore": crowd, "ignore_iof_thr": 0.1, "ignore_positives": True}
    assert boxgrad.match_boxes(proposals, truth, 0.7, 0.3, True, **options)[0].tolist() == [-3, 0, -1]
    assert np.isfinite(proposals).all()


@pytest.mark.parametrize("wrt_candidates", [False, True])
@pytest.mark.parametrize("low_quality", [False, True])
def test_ignored_positives_are_mmdetections(torch, low_quality, wrt_candidates):
    count = 0
    for seed in range(40):
        proposals, truths, ignored = (random_boxes(n, 7 * seed + n, np.float32, seed % 2) for n in (90, 9, 4))
        iof = peers.mmdetection_overlaps(torch, *(torch.tensor(x) for x in ((proposals, ignored) if wrt_candidates else (ignored, proposals))), "iof")
        marked = iof.amax(1 if wrt_candidates else 0) > 0.4
        assigned = peers.mmdetection_assign(
            torch, torch.tensor(boxgrad.box_iou(truths, proposals)), 0.5, 0.3, 1e-9, match_low_quality=low_quality, ignored=marked)
        options = {"forced": "truth"} if low_quality else {}
        ours, _ = boxgrad.match_boxes(
            proposals, truths, 0.5, 0.3, low_quality, **options, ignore=ignored, ignore_iof_thr=0.4, ignore_wrt_candidates=wrt_candidates,
            ignore_positives=True)  # fmt: skip
        assert np.where(ours == -3, -2, ours).tolist() == in_classes(assigned.numpy()).tolist()  # it has one code for both
        assert ((ours == -3) == marked.numpy()).all()
        count += (ours == -3).sum()
    assert count > 100


def test_ignored_proposals_are_never_sampled():
    rng = np.random.default_rng(1)
    proposals, truths, ignored = (random_boxes(n, n, np.float64) for n in (400, 6, 5))
    matches, _ = boxgrad.match_boxes(proposals, truths, 0.5, 0.4, True, ignore=ignored, ignore_iof_thr=0.3)
    marked = np.flatnonzero(matches == -3)
    assert len(marked) > 20
    for _ in range(30):
        for drawn in boxgrad.sample_proposals(matches, 300, rng.random(), int(rng.integers(2**32)), negative=-1):
            assert not np.isin(drawn, marked).any()
    labels = matches + 1  # as torchvision has them: 0 is negative
    positive, negative = boxgrad.BalancedPositiveNegativeSampler(400, 0.5)([labels])
    assert not (positive[0] | negative[0])[marked].any() and negative[0].sum() == (matches == -1).sum()


@pytest.mark.parametrize("forced", ["proposal", "truth"])
def test_ties_of_far_chunks_are_all_rescued(forced):
    proposals = random_boxes(5000, 5, np.float32)
    proposals[[3, 2047, 2048, 4999]] = [500, 500, 520, 520]
    matches, _ = boxgrad.match_boxes(proposals, [[500, 500, 540, 540]], 0.9, 0.8, True, forced=forced)
    assert np.flatnonzero(matches == 0).tolist() == [3, 2047, 2048, 4999]


@pytest.mark.parametrize("forced", ["proposal", "truth"])
def test_threads_do_not_change_the_result(forced):
    proposals, truths = random_boxes(70_000, 1, np.float32, grid=True), random_boxes(40, 2, np.float32, grid=True)
    alone = boxgrad.match_boxes(proposals, truths, 0.9, 0.4, True, forced=forced)
    boxgrad.set_num_threads(3)
    try:
        together = boxgrad.match_boxes(proposals, truths, 0.9, 0.4, True, forced=forced)
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
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, 0.3, True, forced="both"), "forced must be"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, 0.3, forced="truth"), "needs allow_low_quality_matches"),
        (lambda: boxgrad.Matcher(0.7, 0.3, forced="truth"), "needs allow_low_quality_matches"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, 0.3, ignore=[[0, 0, 1]]), r"ignore must have the shape \(N, 4\)"),
        (lambda: boxgrad.match_boxes([[0, 0, 1, 1]], [[0, 0, 1, 1]], 0.7, 0.3, ignore_iof_thr=math.nan), "ignore_iof_thr must not be NaN"),
        (lambda: boxgrad.Matcher(0.7, 0.3, ignore_iof_thr=math.nan), "ignore_iof_thr must not be NaN"),
        (lambda: boxgrad.Matcher(0.7, 0.3, ignore_iof_thr="a"), "ignore_iof_thr must be a number, not 'a'"),
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
