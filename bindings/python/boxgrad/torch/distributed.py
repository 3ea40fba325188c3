"""Clipping of gradients that are divided among processes: the same bits for every division of them.

torch's own norm of gradients that are divided in another way, or summed in another order, differs in its last digits, so that ranks and
runs drift apart. Here each rank adds its elements to a sum of integers (boxgrad.ExactNorm), one all_reduce adds the sums, and every rank
rounds the same total once.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import NonFiniteError
from ..exact_norm import ExactNorm
from ..gradient_norm import _EPS, _Gradients, _mode, _not_negative
from .gradients import _listed

__all__ = ["clip_grad_norm_", "get_total_norm"]


def get_total_norm(
    tensors: Union[Tensor, Iterable[Tensor]],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    *,
    group: Optional[dist.ProcessGroup] = None,
    sharded: bool = False,
) -> Tensor:
    """(sum of |x|^p)^(1/p) over the elements of all tensors of all ranks, for p = 1, 2 and inf, rounded once: the same bits on every rank.

    Of the tensors of all ranks, as a float64 scalar. What counts, what is refused and what the other arguments mean is as in
    clip_grad_norm_, but it takes the gradients themselves, and on a single process too.

    >>> import torch, boxgrad.torch.distributed
    >>> boxgrad.torch.distributed.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5., dtype=torch.float64)
    """
    _, total = _total(lambda: _listed(tensors), False, norm_type, (bool(error_if_nonfinite),), group, sharded)
    if error_if_nonfinite:
        _refuse_nonfinite(total)
    return torch.tensor(total, dtype=torch.float64)


def clip_grad_norm_(
    parameters: Union[Tensor, Iterable[Tensor]],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
    *,
    on_nonfinite: str = "propagate",
    group: Optional[dist.ProcessGroup] = None,
    sharded: bool = False,
) -> Tensor:
    """Scales the gradients of all ranks in place by max_norm / (total + 1e-6), unless that is >= 1; returns the total norm before.

    In the place of torch.nn.utils.clip_grad_norm_ under FSDP2, tensor parallelism and DDP, on any backend. Every rank of the group calls
    it, and the group is those ranks that together hold one model's gradients (by default all). The total, a float64 scalar, and the clipped
    gradients have the same bits for every number of ranks and every placement, and on a single process. norm_type is 1, 2 or inf.

    Of a DTensor each element counts once, however it is sharded and replicated. A plain tensor is taken for a replica, as DDP leaves it, of
    which the group's first rank counts its own; with sharded=True it is the rank's own part. A parameter that is listed twice (tied
    weights) counts once and is scaled once, unlike in torch. Gradients that are None are skipped, and a rank may have none.

    An error on one rank (an argument, a dtype, a device) is raised there, and as a RuntimeError on the others. If the ranks' arguments
    differ, all of them raise ValueError. No gradient is changed then. on_nonfinite and error_if_nonfinite as in
    boxgrad.torch.clip_grad_norm_, on all ranks alike; foreach is taken, and changes nothing.

    TypeError: a DTensor with a pending sum (Partial), dtype, device; ValueError: max_norm negative or NaN, norm_type, a process that is
    not in the group; NonFiniteError, a RuntimeError.

    >>> import torch, boxgrad.torch.distributed
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> boxgrad.torch.distributed.clip_grad_norm_(weight, max_norm=1.0), weight.grad
    (tensor(5., dtype=torch.float64), tensor([0.6000, 0.8000]))
    """

    def gradients() -> List[Tensor]:
        _not_negative(max_norm, "max_norm")
        _mode(error_if_nonfinite, on_nonfinite)
        return [parameter.grad for parameter in _listed(parameters) if parameter.grad is not None]

    mode = "error" if error_if_nonfinite else on_nonfinite
    mine, total = _total(gradients, True, norm_type, (str(max_norm), mode), group, sharded)
    if mode == "error":
        _refuse_nonfinite(total)
    if math.isfinite(total) or mode == "propagate":
        mine.limit(float(max_norm), total, _EPS)
        for x in mine.listed:
            torch.autograd.graph.increment_version(x)
    elif mode == "zero":
        for x in mine.listed:
            x.zero_()
    return torch.tensor(total, dtype=torch.float64)


def _refuse_nonfinite(total: float) -> None:
    if not math.isfinite(total):
        raise NonFiniteError(f"the total norm of all ranks' gradients is {total}: a gradient of some rank is infinite or NaN")


def _total(
    gradients: Callable[[], Iterable[Any]], in_place: bool, norm_type: float, arguments: Tuple[Any, ...],
    group: Optional[dist.ProcessGroup], sharded: bool,
) -> Tuple[_Gradients, float]:  # fmt: skip
    """This rank's gradients, and the norm of all ranks'. What `gradients` raises becomes an error on all ranks."""
    is_divided = dist.is_available() and dist.is_initialized()
    if is_divided and dist.get_rank(group) < 0:
        raise ValueError("this process is not in the group")
    mine, norm, problem = _Gradients([], "", in_place=False), ExactNorm(float64=True), None
    try:
        norm = ExactNorm(norm_type, float64=True)
        parts = list(_local_parts(gradients(), sharded or not is_divided or dist.get_rank(group) == 0))
        mine = _Gradients([part for part, _ in parts], "clip_grad_norm_", in_place=in_place, tensors_too=True)
        norm.add([part for part, counts in parts if counts])
    except Exception as error:  # a rank that raised it here would leave the others waiting in the all_reduce
        if not is_divided:
            raise
        problem = error
    if is_divided:
        _reduce(norm, problem, (norm.norm_type, *arguments, bool(sharded)), group)
    return mine, norm.value


def _local_parts(gradients: Iterable[Any], counts_plain: bool) -> Iterator[Tuple[Tensor, bool]]:
    """This rank's part of each gradient, once, and whether this rank counts it: of replicas one rank does."""
    seen = set()
    for i, gradient in enumerate(gradients):
        if id(gradient) in seen:
            continue
        seen.add(id(gradient))
        mesh = getattr(gradient, "device_mesh", None)
        if mesh is None:
            yield gradient.detach(), counts_plain
            continue
        if any(placement.is_partial() for placement in gradient.placements):
            raise TypeError(f"gradient {i} has a pending sum, {gradient.placements}: redistribute it first")
        coordinate = mesh.get_coordinate()
        if coordinate is not None:  # otherwise this rank has no part of it
            counts = all(place == 0 for place, placement in zip(coordinate, gradient.placements) if placement.is_replicate())
            yield gradient.detach().to_local(), counts


def _reduce(norm: ExactNorm, problem: Optional[Exception], arguments: Tuple[Any, ...], group: Optional[dist.ProcessGroup]) -> None:
    """Adds the states of all ranks. With them travel the number of ranks that have a problem, and checksums of the arguments: n numbers
    are equal if and only if n times the sum of their squares is the square of their sum."""
    checksum = 0 if problem else zlib.crc32(repr(arguments).encode()) >> 8
    state = torch.from_numpy(norm.state)
    is_largest = norm.norm_type == math.inf
    # The largest magnitude is no sum. Its state follows when it is known that all ranks want it.
    sent = torch.cat([torch.zeros_like(state) if is_largest else state, torch.tensor([problem is not None, 1, checksum, checksum**2])])
    device = "cuda" if dist.get_backend(group) == "nccl" else "cpu"
    received = sent.to(device)
    dist.all_reduce(received, group=group)
    received = received.cpu()
    problems, ranks, checksums, squares = received[-4:].tolist()
    if problem:
        raise problem
    if problems:
        raise RuntimeError(f"{problems} of {ranks} ranks cannot take their gradients, and say why: no gradient was changed")
    if ranks * squares != checksums**2:
        raise ValueError(f"the ranks' arguments differ; here they are {arguments}")
    if is_largest:
        received = state.to(device)
        dist.all_reduce(received, dist.ReduceOp.MAX, group=group)
        state.copy_(received)
    else:
        state.copy_(received[:-4])
