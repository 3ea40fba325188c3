"""fastbbox: pairwise overlaps in C++."""

from __future__ import annotations

from types import SimpleNamespace

import fastbbox
from peer import NotOffered, Peer, Run, installed

peer = Peer("fastbbox", installed("fastbbox"))

FUNCTIONS = {"iou": fastbbox.bbox_overlaps, "giou": fastbbox.generalized_iou}


@peer.does("pairwise")
def pairwise(data: SimpleNamespace) -> Run:
    if data.metric not in FUNCTIONS:
        raise NotOffered
    function = FUNCTIONS[data.metric]
    return lambda: function(data.a, data.b)
