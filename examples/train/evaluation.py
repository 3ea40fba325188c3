"""How good a detector is on images that it was not trained on."""

from __future__ import annotations

import boxgrad
import numpy as np
import torch
from images import CLASSES, Sample
from model import Detector


def average_precision(found: list[tuple[np.ndarray, np.ndarray]], truths: list[np.ndarray], threshold: float) -> float:
    """The area under the curve of precision over recall, of one class. found: of each image boxes and scores; truths: of each image boxes.

    The detections of all images go by descending score. One is right if the truth of its image that it overlaps most has an IoU of threshold or
    more with it, and no earlier one took that truth. At each recall counts the greatest precision at it or beyond, as in Pascal VOC from 2010 on.
    """
    total = sum(map(len, truths))
    rows = sorted(((score, image, k) for image, (_, scores) in enumerate(found) for k, score in enumerate(scores.tolist())), key=lambda row: -row[0])
    overlaps = [boxgrad.box_iou(boxes, of_image) for (boxes, _), of_image in zip(found, truths)]
    taken, right = set(), []
    for _, image, k in rows:
        of_box = overlaps[image][k]
        best = int(of_box.argmax()) if len(of_box) else -1
        is_right = best >= 0 and of_box[best] >= threshold and (image, best) not in taken
        right.append(is_right)
        if is_right:
            taken.add((image, best))
    if not total or not rows:
        return 0.0
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[np.array(right)].sum() / total)


def of_proposals(proposals: list[np.ndarray], samples: list[Sample]) -> dict[str, float]:
    """Of the proposal that overlaps each truth most the IoU with it, and the geometric mean of its sides over the truth's.

    And how many positives an image has.
    """
    overlaps, sizes, positives = [], [], 0
    for sample, boxes in zip(samples, proposals):
        iou = boxgrad.box_iou(sample.boxes, boxes)
        overlaps.append(iou.max(axis=1, initial=0))
        positives += int((iou.max(axis=0, initial=0) >= 0.5).sum())
        if len(boxes):
            sizes.append(-boxgrad.encode_boxes(boxes[iou.argmax(axis=1)], sample.boxes)[:, 2:])  # log(w / w of the truth), and of the height
    size = float(np.exp(np.concatenate(sizes).mean())) if sizes else 0.0
    return {"proposal_iou": float(np.concatenate(overlaps).mean()), "size": size, "positives": positives / len(samples)}


def evaluate(detector: Detector, samples: list[Sample], proposer: Detector | None = None) -> dict[str, float]:
    """AP at an IoU of 0.5 and of 0.75, the mean over the classes, and what of_proposals says."""
    results = detector.detect(torch.from_numpy(np.stack([sample.image for sample in samples])), proposer)
    results = [[tensor.numpy() for tensor in of_image] for of_image in results]
    measures = of_proposals([proposals for proposals, *_ in results], samples)
    for name, threshold in (("ap50", 0.5), ("ap75", 0.75)):
        each = []
        for label in range(len(CLASSES)):
            found = [(boxes[classes == label], scores[classes == label]) for _, boxes, scores, classes in results]
            each.append(average_precision(found, [sample.boxes[sample.labels == label] for sample in samples], threshold))
        measures[name] = float(np.mean(each))
    return measures
