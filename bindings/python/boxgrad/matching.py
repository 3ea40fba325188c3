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
from .rotated import ANGLES, METRICS

if TYPE_CHECKING:
    from .sampling import BalancedPositiveNegativeSampler as BalancedPositiveNegativeSampler
    from .sampling import sample_proposals as sample_proposals
else:
    __getattr__ = moved(__name__, "boxgrad.sampling", "BalancedPositiveNegativeSampler", "sample_proposals")


def match_boxes(
    proposals: npt.ArrayLike, truths: npt.ArrayLike, high_threshold: float, low_threshold: float,
    allow_low_quality_matches: bool = False, *, forced: str = "proposal", metric: str = "iou", eps: float = _EPS,
    ignore: npt.ArrayLike | None = None, ignore_iof_thr: float = 0.5, ignore_wrt_candidates: bool = True, ignore_positives: bool = False,
) -> tuple[Indices, Array]:  # fmt: skip
    """The ground truth (M, 4) that each proposal (N, 4) overlaps most, and that overlap: two arrays (N,).

    In place of an index there is Matcher.BELOW_LOW_THRESHOLD (-1) where the overlap is less than low_threshold, or where there is no ground
    truth, and Matcher.BETWEEN_THRESHOLDS (-2) where it is not, but less than high_threshold. Of equal overlaps the first counts, NaN none;
    without any the overlap is 0. metric: "iou", "giou", "diou", "ciou", "iof", the share of the proposal that the ground truth covers, or
    "ios", the share of the smaller of the two. The N x M overlaps are never stored.

    With allow_low_quality_matches a ground truth forces the match of each proposal whose overlap with it is the greatest that it has, and
    greater than 0, whatever the thresholds say. forced: "proposal" matches such a proposal with the truth that it overlaps most itself
    (torchvision); "truth" with the truth that forced it, the last of them if several did (mmdetection's gt_max_assign_all), so that a truth
    that something overlaps is left alone only if later truths force all of its best proposals. (TensorFlow's and Keras' matchers force one
    proposal for each truth, the first of its best, and give it to the first truth that does.)

    ignore: ground truth (K, 4) that is to be ignored, such as crowds. A proposal without a match becomes Matcher.IGNORED (-3), which
    sampling leaves out, if its IoF with one of these is greater than ignore_iof_thr: the intersection by the area of the proposal, or by
    that of the ignored box without ignore_wrt_candidates. A negative ignore_iof_thr ignores nothing. COCO treats crowds so. With
    ignore_positives such proposals take no part in the matching, as in mmdetection's MaxIoUAssigner: they become -3 whatever they overlap,
    with the overlap 0, and are no truth's greatest overlap.

    ValueError: shape, metric, forced, forced="truth" without allow_low_quality_matches, low_threshold > high_threshold, NaN, a negative
    eps; TypeError: dtype.

    >>> import boxgrad
    >>> matches, overlaps = boxgrad.match_boxes([[0.0, 0, 9, 9], [0, 0, 9, 3], [50, 50, 60, 60]], [[0.0, 0, 9, 9]], 0.7, 0.3)
    >>> matches
    array([ 0, -2, -1])
    >>> crowds = [[45.0, 45, 90, 90]]
    >>> boxgrad.match_boxes([[0.0, 0, 9, 9], [50, 50, 60, 60]], [[0.0, 0, 9, 9]], 0.7, 0.3, ignore=crowds)[0]
    array([ 0, -3])
    """
    candidates, _, boxes, _ = operands("proposals", proposals, "truths", truths)
    candidates, boxes = box_matrix("proposals", candidates), box_matrix("truths", boxes)
    low_quality = _low_quality(allow_low_quality_matches, forced)
    crowds = None if ignore is None else box_matrix("ignore", ignore).astype(candidates.dtype, copy=False)
    limit = _limit(ignore_iof_thr)
    if crowds is not None and ignore_positives:
        marks = np.zeros(len(candidates), np.int64)
        _mark_ignored(candidates, crowds, limit, ignore_wrt_candidates, True, marks)
        candidates = np.where(marks[:, None] < 0, candidates.dtype.type(np.nan), candidates)  # NaN overlaps nothing
    (a, stride_a), (b, stride_b) = rows(candidates), rows(boxes)
    low, high = number(low_threshold, "low_threshold"), number(high_threshold, "high_threshold")
    matches, overlaps = np.empty(len(candidates), np.int64), np.empty(len(candidates), candidates.dtype)
    library_of[candidates.dtype].match(
        code_of(metric, _METRICS, "metric"), a, len(candidates), stride_a, b, len(boxes), stride_b, number(eps, "eps"), low, high,
        low_quality, matches, overlaps,
    )  # fmt: skip
    if crowds is not None:
        if ignore_positives:
            matches[marks < 0] = Matcher.IGNORED
        else:
            _mark_ignored(candidates, crowds, limit, ignore_wrt_candidates, False, matches)
    return matches, overlaps


def match_rotated_boxes(
    proposals: npt.ArrayLike, truths: npt.ArrayLike, high_threshold: float, low_threshold: float,
    allow_low_quality_matches: bool = False, *, angle: str, forced: str = "proposal", metric: str = "iou",
) -> tuple[Indices, Array]:  # fmt: skip
    """match_boxes of rotated boxes: the ground truth (M, 5) that each proposal (N, 5) overlaps most, and that overlap.

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw", the convention of both. metric: "iou", or "iof", the share of the proposal
    that the ground truth covers; the IoU is that of rotated_box_iou(truths, proposals). A box with a number that is not finite overlaps nothing. Otherwise as
    match_boxes; no ground truth is ignored.

    ValueError: shape, angle, metric, forced, forced="truth" without allow_low_quality_matches, low_threshold > high_threshold, NaN; TypeError: dtype,
    no angle.

    >>> import boxgrad
    >>> proposals = [[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 40.0], [5.0, 5.0, 10.0, 2.0, 120.0]]
    >>> boxgrad.match_rotated_boxes(proposals, [[5.0, 5.0, 10.0, 2.0, 210.0]], 0.7, 0.3, angle="degrees-ccw")[0]
    array([ 0, -2, -1])
    """
    candidates, _, boxes, _ = operands("proposals", proposals, "truths", truths)
    candidates, boxes = box_matrix("proposals", candidates, 5), box_matrix("truths", boxes, 5)
    low_quality = _low_quality(allow_low_quality_matches, forced)
    (a, stride_a), (b, stride_b) = rows(candidates, 5), rows(boxes, 5)
    low, high = number(low_threshold, "low_threshold"), number(high_threshold, "high_threshold")
    matches, overlaps = np.empty(len(candidates), np.int64), np.empty(len(candidates), candidates.dtype)
    library_of[candidates.dtype].rotated_match(
        code_of(metric, METRICS, "metric"), code_of(angle, ANGLES, "angle"), a, len(candidates), stride_a, b, len(boxes), stride_b, low, high,
        low_quality, matches, overlaps,
    )  # fmt: skip
    return matches, overlaps


def _limit(ignore_iof_thr: float) -> float:
    limit = number(ignore_iof_thr, "ignore_iof_thr")
    if limit != limit:
        raise ValueError("ignore_iof_thr must not be NaN")
    return limit


def _mark_ignored(
    proposals: Array, crowds: Array, limit: float, wrt_candidates: bool, positives: bool, matches: Indices
) -> None:
    """Writes Matcher.IGNORED in place: into matches below 0, or with `positives` into all."""
    if limit < 0:
        return
    (a, stride_a), (b, stride_b) = rows(proposals), rows(crowds)
    library_of[proposals.dtype].match_ignore(
        int(not wrt_candidates), a, len(proposals), stride_a, b, len(crowds), stride_b, limit, int(positives), matches, matches
    )


def _low_quality(allowed: bool, forced: str) -> int:
    """C's code: 0 forces nothing, 1 leaves the choice of the truth to the proposal, 2 to the truth."""
    code = code_of(forced, {"proposal": 1, "truth": 2}, "forced")
    if code == 2 and not allowed:
        raise ValueError("forced='truth' needs allow_low_quality_matches=True: otherwise no match is forced")
    return code if allowed else 0


class Matcher:
    """torchvision.models.detection's Matcher; called with the overlaps, or with the boxes by match().

    Differently from torchvision's, a low-quality match has an overlap greater than 0: a ground truth that nothing overlaps makes no
    proposal positive. A NaN is no overlap, and without ground truth every proposal is below the threshold. forced, ignore_iof_thr,
    ignore_wrt_candidates and ignore_positives: as in match_boxes; "truth" is mmdetection's assignment.

    >>> import boxgrad
    >>> boxgrad.Matcher(0.7, 0.3, allow_low_quality_matches=True)([[0.9, 0.5, 0.1], [0.0, 0.6, 0.0]])
    array([ 0,  1, -1])
    >>> boxgrad.Matcher(0.7, 0.3, True, forced="truth")([[0.9, 0.5, 0.1], [0.8, 0.6, 0.0]])
    array([ 1, -2, -1])
    """

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2
    IGNORED = -3

    def __init__(
        self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False, *, forced: str = "proposal",
        ignore_iof_thr: float = 0.5, ignore_wrt_candidates: bool = True, ignore_positives: bool = False,
    ) -> None:  # fmt: skip
        self.high_threshold = number(high_threshold, "high_threshold")
        self.low_threshold = number(low_threshold, "low_threshold")
        if not self.low_threshold <= self.high_threshold:
            raise ValueError(f"low_threshold must be at most high_threshold, and neither NaN, not {low_threshold} and {high_threshold}")
        self.allow_low_quality_matches = allow_low_quality_matches
        self.forced = forced
        _low_quality(allow_low_quality_matches, forced)
        self.ignore_iof_thr = _limit(ignore_iof_thr)
        self.ignore_wrt_candidates, self.ignore_positives = ignore_wrt_candidates, ignore_positives

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

    def match(
        self, proposals: npt.ArrayLike, truths: npt.ArrayLike, *, metric: str = "iou", ignore: npt.ArrayLike | None = None
    ) -> tuple[Indices, Array]:
        """match_boxes with these thresholds: the overlaps are never stored."""
        return match_boxes(
            proposals, truths, self.high_threshold, self.low_threshold, self.allow_low_quality_matches, forced=self.forced, metric=metric,
            ignore=ignore, ignore_iof_thr=self.ignore_iof_thr, ignore_wrt_candidates=self.ignore_wrt_candidates,
            ignore_positives=self.ignore_positives,
        )  # fmt: skip
