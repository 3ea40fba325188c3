"""The same functions of torch and torchvision through torch.compile, which fuses the operations, and those of the backward pass."""

from __future__ import annotations

import functools
import shutil
import sysconfig
from pathlib import Path

import torch
from peer import Peer, installed
from workloads import SCALAR

from peers import torch_eager

if not shutil.which("g++") or not Path(sysconfig.get_path("include"), "Python.h").exists():
    raise ImportError("torch.compile needs g++ and Python.h")

peer = Peer("torch.compile", installed("torch", "torchvision"), set_threads=torch.set_num_threads)

compiled = functools.partial(torch.compile, fullgraph=True, dynamic=False)

for task in (
    torch_eager.pairwise,
    torch_eager.pairwise_grad,
    torch_eager.iou_loss,
    torch_eager.smooth_l1,
    torch_eager.encode,
    torch_eager.decode,
):
    peer.does(task.__name__)(functools.partial(task, compiled=compiled))
peer.does("norm", SCALAR, tolerance=1e-2, note="sums in single precision")(functools.partial(torch_eager.norm, compiled=compiled))
