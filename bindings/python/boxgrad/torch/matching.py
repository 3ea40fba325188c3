"""Proposals and ground truth: matching the ones with the others, and drawing a batch of them."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import torch
from torch import Tensor

from .. import matching as _matching
from .. import sampling as _sampling
from ._cuda import arrays
from ._tensors import pair, tensor
from ._torchvision import DETECTION, goes_to_torchvision, original, stands_for
from .boxes import corners


@stands_for(DETECTION)
class Matcher(_matching.Matcher):
    """torchvision.models.detection's Matcher, on tensors; called with the overlaps, or with the boxes by match(). As boxgrad.Matcher.

    Differently from torchvision's, a low-quality match has an overlap greater than 0, and without ground truth every proposal is below the
    threshold, which is an error there.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.Matcher(0.7, 0.3, allow_low_quality_matches=True)(torch.tensor([[0.9, 0.5, 0.1], [0.0, 0.6, 0.0]]))
    tensor([ 0,  1, -1])
    """

    @classmethod
    def from_torchvision(cls, theirs: Any) -> Matcher:
        """The matcher with the settings of torchvision's."""
        return cls(theirs.high_threshold, theirs.low_threshold, theirs.allow_low_quality_matches)

    def __call__(self, match_quality_matrix: Tensor) -> Tensor:  # type: ignore[override]
        """The matches of overlaps (M ground truths, N proposals)."""
        if goes_to_torchvision(match_quality_matrix):
            return original("Matcher")(self.high_threshold, self.low_threshold, self.allow_low_quality_matches)(match_quality_matrix)
        overlaps = tensor("match_quality_matrix", match_quality_matrix).detach()
        return self._on_cuda(overlaps) if overlaps.is_cuda else torch.from_numpy(super().__call__(overlaps))

    def _on_cuda(self, overlaps: Tensor) -> Tensor:
        """What the class of arrays does, without waiting for the device."""
        if overlaps.dim() != 2:
            raise ValueError(f"match_quality_matrix must have the shape (M, N), not {tuple(overlaps.shape)}")
        if not overlaps.numel():
            return overlaps.new_full(overlaps.shape[1:], self.BELOW_LOW_THRESHOLD, dtype=torch.int64)
        overlaps = overlaps.double().nan_to_num(-math.inf, math.inf, -math.inf)
        nearest, best = overlaps.argmax(0), overlaps.amax(0)
        matches = torch.where(best < self.high_threshold, self.BETWEEN_THRESHOLDS, nearest)
        matches = torch.where((best < self.low_threshold) | (best == -math.inf), self.BELOW_LOW_THRESHOLD, matches)
        if self.allow_low_quality_matches:
            greatest = overlaps.amax(1, keepdim=True)
            forces = (overlaps == greatest) & (greatest > 0)
            last = len(forces) - 1 - forces.flip(0).int().argmax(0)
            matches = torch.where(forces.any(0), last if self.forced == "truth" else nearest, matches)
        return matches

    def match(  # type: ignore[override]
        self, proposals: Tensor, truths: Tensor, *, metric: str = "iou", ignore: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The truth (M, 4) that each proposal (N, 4) overlaps most, or a negative number, and that overlap; no overlap is stored.

        >>> import torch, boxgrad.torch
        >>> proposals, truths = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 3], [50, 50, 60, 60]]), torch.tensor([[0.0, 0, 9, 9]])
        >>> boxgrad.torch.Matcher(0.7, 0.3).match(proposals, truths)[0]
        tensor([ 0, -2, -1])
        """
        boxes = [tensor(name, corners(name, x)).detach() for name, x in (("proposals", proposals), ("truths", truths))]
        if boxes[0].is_cuda:
            if ignore is not None:
                raise TypeError(f"boxgrad ignores ground truth on the CPU only, and proposals are on the device '{boxes[0].device}': pass their cpu()")
            packed = (x.contiguous() for x in pair("proposals", boxes[0], "truths", boxes[1]))
            quality = self.allow_low_quality_matches
            return arrays().match_boxes(*packed, self.high_threshold, self.low_threshold, quality, forced=self.forced, metric=metric)
        matches, overlaps = super().match(*boxes, metric=metric, ignore=None if ignore is None else corners("ignore", ignore).detach())
        return torch.from_numpy(matches), torch.from_numpy(overlaps)


def match_rotated_boxes(
    proposals: Tensor, truths: Tensor, high_threshold: float, low_threshold: float,
    allow_low_quality_matches: bool = False, *, angle: str, forced: str = "proposal", metric: str = "iou",
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The rotated truth (M, 5) that each rotated proposal (N, 5) overlaps most, or a negative number, and that overlap. As boxgrad.match_rotated_boxes.

    angle: "radians-cw", "degrees-ccw", "degrees-cw" or "radians-ccw". metric: "iou" or "iof". On the CPU only. No overlap is stored.

    ValueError: shape, angle, metric, forced, low_threshold > high_threshold, NaN; TypeError: dtype, device, no angle.

    >>> import torch, boxgrad.torch
    >>> proposals = torch.tensor([[5.0, 5.0, 10.0, 2.0, 30.0], [5.0, 5.0, 10.0, 2.0, 40.0], [5.0, 5.0, 10.0, 2.0, 120.0]])
    >>> boxgrad.torch.match_rotated_boxes(proposals, torch.tensor([[5.0, 5.0, 10.0, 2.0, 210.0]]), 0.7, 0.3, angle="degrees-ccw")[0]
    tensor([ 0, -2, -1])
    """
    a, b = tensor("proposals", proposals).detach(), tensor("truths", truths).detach()
    if a.is_cuda:
        raise TypeError(f"boxgrad matches rotated boxes on the CPU only, and proposals are on the device '{a.device}': pass their cpu()")
    matches, overlaps = _matching.match_rotated_boxes(
        a, b, high_threshold, low_threshold, allow_low_quality_matches, angle=angle, forced=forced, metric=metric
    )
    return torch.from_numpy(matches), torch.from_numpy(overlaps)


@stands_for(DETECTION)
class BalancedPositiveNegativeSampler(_sampling.BalancedPositiveNegativeSampler):
    """torchvision.models.detection's BalancedPositiveNegativeSampler, on tensors. As boxgrad.BalancedPositiveNegativeSampler.

    Without a seed, each call draws one from torch's generator, so that torch.manual_seed decides what is drawn. The choice is another than
    torchvision's. It waits for a CUDA device, because it draws on the CPU.

    >>> import torch, boxgrad.torch
    >>> sampler = boxgrad.torch.BalancedPositiveNegativeSampler(4, 0.5)
    >>> positives, negatives = sampler([torch.tensor([1, 1, 1, 0, 0, 0, -1])])
    >>> positives[0].sum().item(), negatives[0].sum().item()
    (2, 2)
    """

    def __init__(
        self, batch_size_per_image: Optional[int], positive_fraction: float, seed: Optional[int] = None, *, neg_pos_ub: float = -1
    ) -> None:
        super().__init__(batch_size_per_image, positive_fraction, 0 if seed is None else seed, neg_pos_ub=neg_pos_ub)
        self._follows_torch = seed is None

    @classmethod
    def from_torchvision(cls, theirs: Any) -> BalancedPositiveNegativeSampler:
        """The sampler with the settings of torchvision's."""
        return cls(theirs.batch_size_per_image, theirs.positive_fraction)

    def __call__(self, matched_idxs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:  # type: ignore[override]
        """The masks, uint8, of the positives and of the negatives of each image."""
        if goes_to_torchvision(*matched_idxs):
            return original("BalancedPositiveNegativeSampler")(self.batch_size_per_image, self.positive_fraction)(matched_idxs)
        labels = [tensor(f"matched_idxs[{image}]", x).detach().cpu() for image, x in enumerate(matched_idxs)]
        if self._follows_torch:
            self.seed = int(torch.randint(2**63 - 1, (), device="cpu"))
        positives, negatives = super().__call__(labels)
        masks = [[torch.from_numpy(mask).to(x.device) for mask, x in zip(drawn, matched_idxs)] for drawn in (positives, negatives)]
        return masks[0], masks[1]
