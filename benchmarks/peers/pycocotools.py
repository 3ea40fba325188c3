"""pycocotools: the IoU of COCO's evaluation, in C."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from peer import NotOffered, Peer, Run, installed
from pycocotools import mask

peer = Peer("pycocotools", installed("pycocotools"), note="x, y, width, height in double precision, converted beforehand")


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    if data.metric not in ("iou", "iof"):
        raise NotOffered

    def prepared(boxes: np.ndarray) -> np.ndarray:
        return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).astype(np.float64)

    a, b, crowd = prepared(data.a), prepared(data.b), np.full(len(data.b), data.metric == "iof", np.uint8)  # crowds: IoF
    return lambda: mask.iou(a, b, crowd)
