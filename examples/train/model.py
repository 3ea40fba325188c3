"""A small two-stage detector, Faster R-CNN's parts in their smallest form, with every step of boxes by boxgrad.torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import boxgrad.torch as bt
import torch
from images import CLASSES, SIZE
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE, ANCHOR_SIDES = 8, (12.0, 20.0, 30.0)
PROPOSALS, NMS_THRESHOLD, SMALLEST = 32, 0.7, 2.0
POOLED = 5


@dataclass(frozen=True)
class Cut:
    """Where the gradient of the second stage's loss, on its way to the proposals, ends."""

    pooling: bool  # the proposals as the boxes that are pooled in
    targets: bool  # and as the boxes that deltas are measured from


class Batch(NamedTuple):
    images: Tensor  # (N, 1, SIZE, SIZE)
    boxes: list[Tensor]  # of each image (M, 4)
    labels: list[Tensor]  # of each image (M,)


class Chosen(NamedTuple):
    """The choices of a step, which are constants in every scheme: they jump, and have no gradient."""

    anchors: list[Tensor]  # of each image: which anchors' proposals are sampled
    classes: Tensor  # of each sampled proposal, 0 is background
    positive: Tensor  # a mask of the sampled proposals
    truths: Tensor  # of each positive one (P, 4)


class FirstStage(NamedTuple):
    features: Tensor  # (N, 48, SIZE / STRIDE, SIZE / STRIDE), of the backbone
    scores: Tensor  # (N, A)
    deltas: Tensor  # (N, A, 4)


def make_anchors() -> Tensor:
    """Squares of each side around the centre of each cell: (A, 4), the sides of a cell beside each other."""
    centres = (torch.arange(SIZE // STRIDE) + 0.5) * STRIDE
    y, x, sides = torch.meshgrid(centres, centres, torch.tensor(ANCHOR_SIDES), indexing="ij")
    return bt.box_convert(torch.stack([x, y, sides, sides], -1).reshape(-1, 4), "cxcywh", "xyxy")


def finite(x: Tensor) -> Tensor:
    if not bool(torch.isfinite(x).all()):
        raise FloatingPointError("the network gives numbers that are not finite")
    return x


class Backbone(nn.Sequential):
    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((1, 16, 2), (16, 32, 2), (32, 48, 2), (48, 48, 1)):
            convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)
            layers += [convolution, nn.ReLU()]
        super().__init__(*layers)


class RPN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(48, 48, 3, padding=1)
        self.scores, self.deltas = nn.Conv2d(48, len(ANCHOR_SIDES), 1), nn.Conv2d(48, 4 * len(ANCHOR_SIDES), 1)
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
        for layer in (self.scores, self.deltas):  # as in the paper: at first every proposal is nearly its anchor
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.hidden(features))
        return self.scores(hidden).permute(0, 2, 3, 1).flatten(1), self.deltas(hidden).permute(0, 2, 3, 1).reshape(len(features), -1, 4)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(48 * POOLED**2, 64)
        self.classes, self.deltas = nn.Linear(64, 1 + len(CLASSES)), nn.Linear(64, 4)
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
        for layer, std in ((self.classes, 0.01), (self.deltas, 0.001)):  # Fast R-CNN's
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.hidden(pooled.flatten(1)))
        return self.classes(hidden), self.deltas(hidden)


class Detector(nn.Module):
    def __init__(self, precise: bool = False, giou: bool = False) -> None:
        """precise: precise pooling instead of RoIAlign. giou: the head's loss of boxes is GIoU's, of the boxes themselves, instead of that of their deltas."""
        super().__init__()
        self.backbone, self.rpn, self.head = Backbone(), RPN(), Head()
        self.precise, self.giou = precise, giou
        self.register_buffer("anchors", make_anchors())
        self.rpn_coder, self.head_coder = bt.BoxCoder((1.0, 1.0, 1.0, 1.0)), bt.BoxCoder((10.0, 10.0, 5.0, 5.0))
        self.rpn_matcher, self.head_matcher = bt.Matcher(0.6, 0.3, allow_low_quality_matches=True), bt.Matcher(0.5, 0.5)
        self.rpn_sampler, self.head_sampler = bt.BalancedPositiveNegativeSampler(32, 0.5), bt.BalancedPositiveNegativeSampler(16, 0.5)

    # ---- The first stage ----

    def first_stage(self, images: Tensor) -> FirstStage:
        """FloatingPointError: the network has diverged."""
        features = self.backbone(images)
        return FirstStage(features, *map(finite, self.rpn(features)))

    def rpn_loss(self, first: FirstStage, batch: Batch) -> Tensor:
        scores, labels, found, wanted = [], [], [], []
        for image, truths in enumerate(batch.boxes):
            matches, _ = self.rpn_matcher.match(self.anchors, truths)
            # The matcher gives the truth's index from 0 on, -1 and -2; the sampler takes what is above 0 for positive, 0 for negative.
            positive, negative = (mask[0].bool() for mask in self.rpn_sampler([matches + 1]))
            sampled = positive | negative
            scores.append(first.scores[image, sampled])
            labels.append(positive[sampled].to(first.scores.dtype))
            found.append(first.deltas[image, positive])
            wanted.append(self.rpn_coder.encode_single(truths[matches[positive]], self.anchors[positive]))
        all_scores = torch.cat(scores)
        boxes = bt.smooth_l1_loss(torch.cat(found), torch.cat(wanted), reduction="sum", beta=1 / 9) / len(all_scores)
        return F.binary_cross_entropy_with_logits(all_scores, torch.cat(labels)) + boxes

    def boxes_of(self, deltas: Tensor) -> Tensor:
        """The proposals of deltas (N, A, 4): decoded, and limited to the image. Both have a gradient."""
        decoded = self.rpn_coder.decode_single(deltas.flatten(0, 1), self.anchors.repeat(len(deltas), 1))
        return bt.clip_boxes_to_image(decoded, (SIZE, SIZE)).reshape(deltas.shape)

    @torch.no_grad()
    def propose(self, scores: Tensor, boxes: Tensor) -> Tensor:
        """The anchors of an image whose boxes (A, 4) go to the second stage, best first."""
        large = bt.remove_small_boxes(boxes, SMALLEST)
        return large[bt.nms(boxes[large], scores[large], NMS_THRESHOLD, max_keep=PROPOSALS)]

    # ---- The second stage ----

    @torch.no_grad()
    def choose(self, first: FirstStage, batch: Batch) -> Chosen:
        anchors, classes, positives, of_positives = [], [], [], []
        for scores, boxes, truths, labels in zip(first.scores, self.boxes_of(first.deltas), batch.boxes, batch.labels):
            proposed = self.propose(scores, boxes)
            matches, _ = self.head_matcher.match(boxes[proposed], truths)
            positive, negative = (mask[0].bool() for mask in self.head_sampler([matches + 1]))
            sampled = positive | negative
            matches, positive = matches[sampled], positive[sampled]
            anchors.append(proposed[sampled])
            classes.append(torch.where(positive, labels[matches.clamp(min=0)] + 1, 0))
            positives.append(positive)
            of_positives.append(truths[matches[positive]])
        return Chosen(anchors, torch.cat(classes), torch.cat(positives), torch.cat(of_positives))

    def pool(self, features: Tensor, boxes: list[Tensor]) -> Tensor:
        if self.precise:
            return bt.precise_roi_pool(features, boxes, POOLED, 1 / STRIDE)
        return bt.roi_align(features, boxes, POOLED, 1 / STRIDE, sampling_ratio=2, aligned=True)

    def second_stage(self, features: Tensor, deltas: Tensor, chosen: Chosen, cut: Cut) -> Tensor:
        """The head's loss as a function of the first stage's deltas (N, A, 4). The joint schemes differ in the two detach(), and in nothing else."""
        proposals = [boxes[of_image] for boxes, of_image in zip(self.boxes_of(deltas), chosen.anchors)]
        pooled_at = [boxes.detach() if cut.pooling else boxes for boxes in proposals]
        measured_from = torch.cat([boxes.detach() if cut.targets else boxes for boxes in proposals])[chosen.positive]
        scores, found = self.head(self.pool(finite(features), pooled_at))
        found = found[chosen.positive]
        if self.giou:
            boxes = bt.generalized_box_iou_loss(self.head_coder.decode_single(found, measured_from), chosen.truths, reduction="sum")
        else:
            boxes = bt.smooth_l1_loss(found, self.head_coder.encode_single(chosen.truths, measured_from), reduction="sum")
        return F.cross_entropy(scores, chosen.classes) + boxes / len(scores)

    # ---- Detection ----

    @torch.no_grad()
    def detect(self, images: Tensor, proposer: Detector | None = None) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Of each image: the proposals, and the detections' boxes, scores and classes. proposer: the network whose first stage proposes, if another."""
        first = (proposer or self).first_stage(images)
        features = first.features if proposer is None else self.backbone(images)
        proposals = [boxes[self.propose(scores, boxes)] for scores, boxes in zip(first.scores, self.boxes_of(first.deltas))]
        lengths = [len(boxes) for boxes in proposals]
        all_scores, all_deltas = map(finite, self.head(self.pool(finite(features), proposals)))
        decoded = bt.clip_boxes_to_image(self.head_coder.decode_single(all_deltas, torch.cat(proposals)), (SIZE, SIZE))
        results = []
        for before, boxes, scores in zip(proposals, decoded.split(lengths), all_scores.softmax(1)[:, 1:].split(lengths)):
            classes = torch.arange(len(CLASSES)).expand_as(scores).flatten()
            boxes, scores = boxes.repeat_interleave(len(CLASSES), 0), scores.flatten()
            keep = bt.batched_nms(boxes, scores, classes, 0.5, score_threshold=0.01, max_keep=50)
            results.append((before, boxes[keep], scores[keep], classes[keep]))
        return results
