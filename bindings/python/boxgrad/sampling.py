"""Drawing a batch of proposals from those that are positive and those that are negative."""

from __future__ import annotations

import ctypes
import math
from typing import Optional, Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Indices, labels_of
from ._library import library
from ._scalars import integer, number


def sample_proposals(
    labels: npt.ArrayLike,
    count: Optional[int],
    positive_fraction: float,
    seed: int,
    *,
    negative: int = 0,
    neg_pos_ub: float = -1,
) -> tuple[Indices, Indices]:
    """Draws a batch of proposals: the indices of its positives and of its negatives, each ascending.

    labels (N,), integers or whole-numbered floats: greater than `negative` is positive, equal is negative, less is left out. count * positive_fraction, rounded down, are
    positives as long as there are so many; negatives fill up the batch, likewise. Every choice of so many is equally likely, and the same
    seed makes the same choice everywhere. For the matches of match_boxes, negative is -1.

    neg_pos_ub is an upper bound of the negatives for each positive, or for none as if there were one, as in mmdetection's RandomSampler;
    a negative one is no bound. With the count None, every positive is drawn, and (1 - positive_fraction) / positive_fraction negatives for
    each, rounded down in all, as in TensorFlow's BalancedPositiveNegativeSampler: without positives, nothing. All of both, as mmdetection's
    PseudoSampler: len(labels) with the fraction 1.

    ValueError: shape, labels that are not whole numbers, a negative count, a fraction not from 0 to 1, neg_pos_ub that is NaN;
    TypeError: dtype.

    >>> import boxgrad
    >>> positives, negatives = boxgrad.sample_proposals([1, 0, 0, -1, 2, 0, 0], 4, 0.25, seed=0)
    >>> len(positives), len(negatives)
    (1, 3)
    """
    array = labels_of(labels, "labels", whole=True)
    return _drawn(array, _batch(count, "count"), _fraction(positive_fraction), seed, negative, _bound(neg_pos_ub))


def _batch(count: Optional[int], name: str) -> Optional[int]:
    wanted = None if count is None else integer(count, name)
    if wanted is not None and wanted < 0:
        raise ValueError(f"{name} must not be negative, not {count}")
    return wanted


def _fraction(positive_fraction: float) -> float:
    fraction = number(positive_fraction, "positive_fraction")
    if not 0 <= fraction <= 1:
        raise ValueError(f"positive_fraction must be from 0 to 1, not {positive_fraction}")
    return fraction


def _bound(neg_pos_ub: float) -> float:
    bound = number(neg_pos_ub, "neg_pos_ub")
    if math.isnan(bound):
        raise ValueError("neg_pos_ub must be a number, not NaN")
    return bound if bound >= 0 else math.inf


def _drawn(
    array: Indices, wanted: Optional[int], fraction: float, seed: int, negative: int, bound: float
) -> tuple[Indices, Indices]:
    middle = integer(negative, "negative")
    of_positives = wanted is None
    if wanted is None:
        bound = min(bound, (1 - fraction) / fraction if fraction else math.inf)
        wanted, fraction = len(array), 1.0
    wanted = min(wanted, 2**63 - 1)
    if not -(2**63) <= middle < 2**63:
        raise ValueError(f"negative must fit 64 bits with a sign, not {negative}")
    indices = np.empty(min(len(array), wanted), np.int64)
    positives, negatives = ctypes.c_size_t(), ctypes.c_size_t()
    of_labels, results = (array, len(array), middle, wanted, fraction), (integer(seed, "seed") % 2**64, indices, positives, negatives)
    if bound == math.inf:
        library.sample(*of_labels, *results)
    else:
        library.sample_ratio(*of_labels, bound, *results)
    split = positives.value
    end = 0 if of_positives and not split else split + negatives.value
    return indices[:split].copy(), indices[split:end].copy()


class BalancedPositiveNegativeSampler:
    """torchvision.models.detection's BalancedPositiveNegativeSampler, with a seed.

    Called with one array of labels for each image (1 and more: positive, 0: negative, -1: left out), it returns two lists of uint8 masks, of the
    positives and of the negatives. Each image has the next seed. batch_size_per_image may be None, and neg_pos_ub a bound, as in
    sample_proposals.

    >>> import boxgrad
    >>> sampler = boxgrad.BalancedPositiveNegativeSampler(4, 0.5, seed=1)
    >>> positives, negatives = sampler([[1, 1, 1, 0, 0, 0, -1]])
    >>> positives[0].sum().item(), negatives[0].sum().item()
    (2, 2)
    """

    def __init__(
        self, batch_size_per_image: Optional[int], positive_fraction: float, seed: int = 0, *, neg_pos_ub: float = -1
    ) -> None:
        self.batch_size_per_image = _batch(batch_size_per_image, "batch_size_per_image")
        self.positive_fraction = _fraction(positive_fraction)
        self.seed = integer(seed, "seed")
        self.neg_pos_ub = _bound(neg_pos_ub)

    def __call__(
        self, matched_idxs: Sequence[npt.ArrayLike]
    ) -> tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.uint8]]]:
        masks: tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.uint8]]] = ([], [])
        images = [labels_of(labels, f"matched_idxs[{image}]", whole=True) for image, labels in enumerate(matched_idxs)]
        for labels in images:
            drawn = _drawn(labels, self.batch_size_per_image, self.positive_fraction, self.seed, 0, self.neg_pos_ub)
            self.seed += 1
            for indices, chosen in zip(drawn, masks):
                mask = np.zeros(len(labels), np.uint8)
                mask[indices] = 1
                chosen.append(mask)
        return masks
