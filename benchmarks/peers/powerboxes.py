"""powerboxes: pairwise distances 1 - IoU and 1 - GIoU in Rust."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import powerboxes
from peer import NotOffered, Peer, Run, installed

ONE_THREAD = {"iou": powerboxes.iou_distance, "giou": powerboxes.giou_distance}
PARALLEL = {"iou": powerboxes.parallel_iou_distance, "giou": powerboxes.parallel_giou_distance}
functions = ONE_THREAD


def set_threads(count: int) -> None:
    global functions
    functions = ONE_THREAD if count == 1 else PARALLEL


peer = Peer("powerboxes", installed("powerboxes"), set_threads=set_threads)


def similarity(distance: Any) -> Any:
    return 1 - distance


@peer.does("pairwise", read=similarity, note="gives 1 - IoU in double precision")
def pairwise(data: SimpleNamespace) -> Run:
    if data.metric not in functions:
        raise NotOffered
    distance = functions[data.metric]
    return lambda: distance(data.a, data.b)


@peer.does("rotated_nms", note="in double precision, with an R-tree")
def rotated_nms(data: SimpleNamespace) -> Run:
    boxes, scores = data.boxes.astype(float) * (1, 1, 1, 1, -1), data.scores.astype(float)  # it takes degrees clockwise
    return lambda: powerboxes.rtree_rotated_nms(boxes, scores, data.threshold, 0.0)
