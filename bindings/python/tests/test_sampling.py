"""sample_proposals and the sampler against torchvision's own, laws and a reference, and hostile input."""

import math

import boxgrad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(-3, 3), max_size=80), st.integers(0, 60), st.floats(0, 1), st.integers(0, 2**64 - 1), st.integers(-1, 0))
def test_sample_laws(labels, count, fraction, seed, negative):
    array = np.array(labels, np.int64)
    positives, negatives = boxgrad.sample_proposals(array, count, fraction, seed, negative=negative)
    assert (array[positives] > negative).all() and (array[negatives] == negative).all()
    assert (np.diff(positives) > 0).all() and (np.diff(negatives) > 0).all()
    assert len(positives) == min(int(count * fraction), (array > negative).sum())
    assert len(negatives) == min(count - len(positives), (array == negative).sum())


@given(
    st.lists(st.integers(-2, 3), max_size=80), st.integers(0, 60), st.floats(0, 1), st.integers(0, 99), st.integers(-1, 0),
    st.sampled_from([0, 0.5, 1, 2.9, 3, 1e300, math.inf, -1, -0.5]),
)  # fmt: skip
def test_negatives_are_bounded_as_in_mmdetection(labels, count, fraction, seed, negative, ratio):
    """RandomSampler: the counts by its rule, and what stays unbounded is what is drawn without a bound."""
    array = np.array(labels, np.int64)
    positives, negatives = boxgrad.sample_proposals(array, count, fraction, seed, negative=negative, neg_pos_ub=ratio)
    assert (array[positives] > negative).all() and (array[negatives] == negative).all()
    assert (np.diff(positives) > 0).all() and (np.diff(negatives) > 0).all()
    assert len(positives) == min(int(count * fraction), (array > negative).sum())
    wanted = count - len(positives)
    if ratio >= 0:
        wanted = min(wanted, ratio * max(1, len(positives)))
    assert len(negatives) == min(math.floor(wanted), (array == negative).sum())
    free = boxgrad.sample_proposals(array, count, fraction, seed, negative=negative)
    if len(negatives) == len(free[1]):
        assert (positives == free[0]).all() and (negatives == free[1]).all()


@given(st.lists(st.integers(-1, 2), max_size=80), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0]), st.integers(0, 99))
def test_all_positives_and_negatives_in_proportion_as_in_tensorflow(labels, fraction, seed):
    array = np.array(labels, np.int64)
    positives, negatives = boxgrad.sample_proposals(array, None, fraction, seed)
    assert positives.tolist() == np.flatnonzero(array > 0).tolist()
    there = (array == 0).sum()
    in_proportion = int((1 - fraction) / fraction * len(positives)) if fraction else there
    assert len(negatives) == (min(there, in_proportion) if len(positives) else 0)
    assert (array[negatives] == 0).all() and (np.diff(negatives) > 0).all()
    masks = boxgrad.BalancedPositiveNegativeSampler(None, fraction, seed)([array])
    assert [np.flatnonzero(mask[0]).tolist() for mask in masks] == [positives.tolist(), negatives.tolist()]


def test_a_bound_and_all_of_both():
    labels = [1, 0, 0, 2, 0, -1, 0, 0, 0, 0]
    assert [len(x) for x in boxgrad.sample_proposals(labels, len(labels), 1.0, 0, neg_pos_ub=3)] == [2, 6]
    assert [len(x) for x in boxgrad.sample_proposals(labels, None, 0.25, 0, neg_pos_ub=1)] == [2, 2]
    assert [x.tolist() for x in boxgrad.sample_proposals(labels, len(labels), 1.0, 0)] == [[0, 3], [1, 2, 4, 6, 7, 8, 9]]
    assert [len(x) for x in boxgrad.sample_proposals([0, 0, 0], 8, 0.5, 0, neg_pos_ub=2)] == [0, 2]
    masks = boxgrad.BalancedPositiveNegativeSampler(8, 0.5, neg_pos_ub=1.5)([labels])
    assert [int(mask[0].sum()) for mask in masks] == [2, 3]


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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: boxgrad.sample_proposals([1, 0], 2, 0.5, 1, negative=2**63), "negative must fit 64 bits"),
        (lambda: boxgrad.sample_proposals(np.array([2**64 - 1, 1], np.uint64), 2, 0.5, 1), "labels must fit 64 bits"),
        (lambda: boxgrad.BalancedPositiveNegativeSampler(4, 7), "positive_fraction must be from 0 to 1, not 7"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, 1.5, 0), "positive_fraction"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, math.nan, 0), "positive_fraction"),
        (lambda: boxgrad.sample_proposals([1, 0], -1, 0.5, 0), "count"),
        (lambda: boxgrad.sample_proposals([[1, 0]], 1, 0.5, 0), "labels"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, 0.5, 0, neg_pos_ub=math.nan), "neg_pos_ub must be a number"),
        (lambda: boxgrad.sample_proposals([1, 0], 1, 0.5, 0, neg_pos_ub="3"), "neg_pos_ub must be a number"),
        (lambda: boxgrad.BalancedPositiveNegativeSampler(-1, 0.5), "batch_size_per_image must not be negative"),
        (lambda: boxgrad.sample_proposals([1.0, 0.5], 1, 0.5, 0), r"labels must be whole numbers.*labels\[1\] is 0.5"),
        (lambda: boxgrad.sample_proposals([1.0, math.nan], 1, 0.5, 0), r"labels\[1\] is nan"),
        (lambda: boxgrad.sample_proposals([1.0, 2.0**63], 1, 0.5, 0), r"labels\[1\] is 9.2"),
        (lambda: boxgrad.BalancedPositiveNegativeSampler(4, 0.5)([[1, 0], [1, 0.5]]), r"matched_idxs\[1\]\[1\] is 0.5"),
        (lambda: boxgrad.BalancedPositiveNegativeSampler(4, 0.5)([[1, 0], [[1, 0]]]), r"matched_idxs\[1\] must have the shape"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_whole_numbered_floats_are_labels(dtype, torch):
    """torchvision's RPN passes float32."""
    labels = np.random.default_rng(0).integers(-1, 3, 100)
    for ours, wanted in zip(boxgrad.sample_proposals(labels.astype(dtype), 20, 0.5, 1), boxgrad.sample_proposals(labels, 20, 0.5, 1)):
        np.testing.assert_array_equal(ours, wanted)
    sampler = [boxgrad.BalancedPositiveNegativeSampler(8, 0.5, seed=3) for _ in range(2)]
    given = torch.tensor(labels.astype(dtype))
    np.testing.assert_array_equal(sampler[0]([given, given]), sampler[1]([labels, labels]))


def test_a_wrong_image_draws_nothing():
    sampler = boxgrad.BalancedPositiveNegativeSampler(2, 0.5, seed=7)
    with pytest.raises(ValueError):
        sampler([[1, 0], [0.5]])
    assert sampler.seed == 7
