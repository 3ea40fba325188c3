"""Drawing a batch of proposals from those that are positive and those that are negative."""

from __future__ import annotations

import ctypes
from typing import Sequence

import numpy as np
import numpy.typing as npt

from ._arrays import Indices, labels_of
from ._library import library
from ._scalars import integer, number


def sample_proposals(
    labels: npt.ArrayLike, count: int, positive_fraction: float, seed: int, *, negative: int = 0
) -> tuple[Indices, Indices]:
    """Draws a batch of proposals: the indices of its positives and of its negatives, each ascending.

    labels (N,), integers or whole-numbered floats: greater than `negative` is positive, equal is negative, less is left out. count * positive_fraction, rounded down, are
    positives as long as there are so many; negatives fill up the batch, likewise. Every choice of so many is equally likely, and the same
    seed makes the same choice everywhere. For the matches of match_boxes, negative is -1.

    ValueError: shape, labels that are not whole numbers, a negative count, a fraction not from 0 to 1; TypeError: dtype.

    >>> import boxgrad
    >>> positives, negatives = boxgrad.sample_proposals([1, 0, 0, -1, 2, 0, 0], 4, 0.25, seed=0)
    >>> len(positives), len(negatives)
    (1, 3)
    """
    return _drawn(labels_of(labels, "labels", whole=True), count, positive_fraction, seed, negative)


def _drawn(array: Indices, count: int, positive_fraction: float, seed: int, negative: int) -> tuple[Indices, Indices]:
    wanted, middle = integer(count, "count"), integer(negative, "negative")
    if wanted < 0:
        raise ValueError(f"count must not be negative, not {count}")
    wanted = min(wanted, 2**63 - 1)
    if not -(2**63) <= middle < 2**63:
        raise ValueError(f"negative must fit 64 bits with a sign, not {negative}")
    indices = np.empty(min(len(array), wanted), np.int64)
    positives, negatives = ctypes.c_size_t(), ctypes.c_size_t()
    library.sample(
        array, len(array), middle, wanted, number(positive_fraction, "positive_fraction"),
        integer(seed, "seed") % 2**64, indices, positives, negatives,
    )  # fmt: skip
    split = positives.value
    return indices[:split].copy(), indices[split : split + negatives.value].copy()


class BalancedPositiveNegativeSampler:
    """torchvision.models.detection's BalancedPositiveNegativeSampler, with a seed.

    Called with one array of labels for each image (1 and more: positive, 0: negative, -1: left out), it returns two lists of uint8 masks, of the
    positives and of the negatives. Each image has the next seed.

    >>> import boxgrad
    >>> sampler = boxgrad.BalancedPositiveNegativeSampler(4, 0.5, seed=1)
    >>> positives, negatives = sampler([[1, 1, 1, 0, 0, 0, -1]])
    >>> positives[0].sum().item(), negatives[0].sum().item()
    (2, 2)
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float, seed: int = 0) -> None:
        self.batch_size_per_image = integer(batch_size_per_image, "batch_size_per_image")
        self.positive_fraction = number(positive_fraction, "positive_fraction")
        if not 0 <= self.positive_fraction <= 1:
            raise ValueError(f"positive_fraction must be from 0 to 1, not {positive_fraction}")
        self.seed = integer(seed, "seed")

    def __call__(
        self, matched_idxs: Sequence[npt.ArrayLike]
    ) -> tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.uint8]]]:
        masks: tuple[list[npt.NDArray[np.uint8]], list[npt.NDArray[np.uint8]]] = ([], [])
        images = [labels_of(labels, f"matched_idxs[{image}]", whole=True) for image, labels in enumerate(matched_idxs)]
        for labels in images:
            drawn = _drawn(labels, self.batch_size_per_image, self.positive_fraction, self.seed, 0)
            self.seed += 1
            for indices, chosen in zip(drawn, masks):
                mask = np.zeros(len(labels), np.uint8)
                mask[indices] = 1
                chosen.append(mask)
        return masks
