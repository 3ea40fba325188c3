"""Proposals and ground truth: matching the ones with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Indices, box_matrix, operands, rows, to_floats
from ._library import library_of
from ._renamed import moved
from ._scalars import code_of, number
from .overlap import _EPS, _METRICS

if TYPE_CHECKING:
    from .sampling import BalancedPositiveNegativeSampler as BalancedPositiveNegativeSampler
    from .sampling import sample_proposals as sample_proposals
else:
    __getattr__ = moved(__name__, "boxgrad.sampling", "BalancedPositiveNegativeSampler", "sample_proposals")


def match_boxes(
    proposals: npt.ArrayLike, truths: npt.ArrayLike, high_threshold: float, low_threshold: float,
    allow_low_quality_matches: bool = False, *, forced: str = "proposal", metric: str = "iou", eps: float = _EPS,
) -> tuple[Indices, Array]:  # fmt: skip
    """The ground truth (M, 4) that each proposal (N, 4) overlaps most, and that overlap: two arrays (N,).

    In place of an index there is Matcher.BELOW_LOW_THRESHOLD (-1) where the overlap is less than low_threshold, or where there is no ground
    truth, and Matcher.BETWEEN_THRESHOLDS (-2) where it is not, but less than high_threshold. With allow_low_quality_matches a proposal is
    matched whatever the thresholds say if its overlap with some ground truth is the greatest that this has, and greater than 0: this
    truth forces it. forced: "proposal" matches such a proposal with the truth that it overlaps most itself (torchvision), "truth" with
    the truth that forced it, the last of them if several did (mmdetection's gt_max_assign_all; TensorFlow's and Keras' matchers force
    one proposal for each truth, and give it to the first), so that a truth that something overlaps is left alone only if later truths
    force its best proposals. Of equal overlaps the first counts, NaN none; without any the overlap is 0. metric: "iou", "giou", "diou", "ciou", "iof", the
    share of the proposal that the ground truth covers, or "ios", the share of the smaller of the two. The N x M overlaps are never stored.

    ValueError: shape, metric, forced, forced="truth" without allow_low_quality_matches, low_threshold > high_threshold, NaN, a negative
    eps; TypeError: dtype.

    >>> import boxgrad
    >>> matches, overlaps = boxgrad.match_boxes([[0.0, 0, 9, 9], [0, 0, 9, 3], [50, 50, 60, 60]], [[0.0, 0, 9, 9]], 0.7, 0.3)
    >>> matches
    array([ 0, -2, -1])
    """
    candidates, _, boxes, _ = operands("proposals", proposals, "truths", truths)
    candidates, boxes = box_matrix("proposals", candidates), box_matrix("truths", boxes)
    (a, stride_a), (b, stride_b) = rows(candidates), rows(boxes)
    low_quality = _low_quality(allow_low_quality_matches, forced)
    low, high = number(low_threshold, "low_threshold"), number(high_threshold, "high_threshold")
    matches, overlaps = np.empty(len(candidates), np.int64), np.empty(len(candidates), candidates.dtype)
    library_of[candidates.dtype].match(
        code_of(metric, _METRICS, "metric"), a, len(candidates), stride_a, b, len(boxes), stride_b, number(eps, "eps"), low, high,
        low_quality, matches, overlaps,
    )  # fmt: skip
    return matches, overlaps


def _low_quality(allowed: bool, forced: str) -> int:
    """C's code: 0 forces nothing, 1 leaves the choice of the truth to the proposal, 2 to the truth."""
    code = code_of(forced, {"proposal": 1, "truth": 2}, "forced")
    if code == 2 and not allowed:
        raise ValueError("forced='truth' needs allow_low_quality_matches=True: otherwise no match is forced")
    return code if allowed else 0


class Matcher:
    """torchvision.models.detection's Matcher; called with the overlaps, or with the boxes by match().

    Differently from torchvision's, a low-quality match has an overlap greater than 0: a ground truth that nothing overlaps makes no
    proposal positive. A NaN is no overlap, and without ground truth every proposal is below the threshold. forced: as in match_boxes;
    "truth" is mmdetection's assignment.

    >>> import boxgrad
    >>> boxgrad.Matcher(0.7, 0.3, allow_low_quality_matches=True)([[0.9, 0.5, 0.1], [0.0, 0.6, 0.0]])
    array([ 0,  1, -1])
    >>> boxgrad.Matcher(0.7, 0.3, True, forced="truth")([[0.9, 0.5, 0.1], [0.8, 0.6, 0.0]])
    array([ 1, -2, -1])
    """

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2

    def __init__(
        self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False, *, forced: str = "proposal"
    ) -> None:
        self.high_threshold = number(high_threshold, "high_threshold")
        self.low_threshold = number(low_threshold, "low_threshold")
        if not self.low_threshold <= self.high_threshold:
            raise ValueError(f"low_threshold must be at most high_threshold, and neither NaN, not {low_threshold} and {high_threshold}")
        self.allow_low_quality_matches = allow_low_quality_matches
        self.forced = forced
        _low_quality(allow_low_quality_matches, forced)

    def __call__(self, match_quality_matrix: npt.ArrayLike) -> Indices:
        """The matches of overlaps (M ground truths, N proposals), as match_boxes gives them."""
        overlaps = to_floats(match_quality_matrix, "match_quality_matrix")
        if overlaps.ndim != 2:
            raise ValueError(f"match_quality_matrix must have the shape (M, N), not {overlaps.shape}")
        if not overlaps.size:
            return np.full(overlaps.shape[1], self.BELOW_LOW_THRESHOLD, np.int64)
        overlaps = np.where(np.isnan(overlaps), -np.inf, overlaps)
        nearest, best = overlaps.argmax(axis=0), overlaps.max(axis=0)
        matches: Indices = nearest.astype(np.int64)
        matches[best < self.high_threshold] = self.BETWEEN_THRESHOLDS
        matches[(best < self.low_threshold) | (best == -np.inf)] = self.BELOW_LOW_THRESHOLD
        if self.allow_low_quality_matches:
            greatest = overlaps.max(axis=1, keepdims=True)
            forces = (overlaps == greatest) & (greatest > 0)
            rescued = forces.any(axis=0)
            last = len(forces) - 1 - forces[::-1].argmax(axis=0)
            matches[rescued] = (last if self.forced == "truth" else nearest)[rescued]
        return matches

    def match(self, proposals: npt.ArrayLike, truths: npt.ArrayLike, *, metric: str = "iou") -> tuple[Indices, Array]:
        """match_boxes with these thresholds: the overlaps are never stored."""
        return match_boxes(
            proposals, truths, self.high_threshold, self.low_threshold, self.allow_low_quality_matches, forced=self.forced, metric=metric
        )
