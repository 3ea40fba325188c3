"""What each rank of test_distributed.py does. A rank is a process, which imports this module and answers with plain values."""

from __future__ import annotations

import datetime
import hashlib
import os
import time
import traceback

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

import boxgrad.torch
from boxgrad.torch import distributed

MESHES = {1: (1, 1), 2: (2, 1), 3: (1, 3), 4: (2, 2)}
SHAPES = ((64, 7), (513,), (30, 9, 3), (1,), (2, 2), (40, 41), (5, 6), ())
PLACEMENTS = (
    (Shard(0), Replicate()), (Replicate(), Shard(0)), (Shard(0), Shard(0)), (Replicate(), Replicate()), (Replicate(), Shard(1)),
    (Shard(0), Shard(1)), (Shard(1), Shard(0)),
)  # fmt: skip
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def gradients(dtype=None):
    """The same on every rank, of many magnitudes, so that a sum in another order has other bits."""
    random = torch.Generator().manual_seed(3)
    made = []
    for i, shape in enumerate(SHAPES):
        x = torch.randn(shape, generator=random) * torch.exp(torch.randn(shape, generator=random) * 2) * 10.0 ** (-(i % 4))
        made.append(x.to(dtype or DTYPES[i % 3]))
    return made


def parameters(values):
    made = []
    for value in values:
        parameter = nn.Parameter(torch.zeros_like(value))
        parameter.grad = value.clone()
        made.append(parameter)
    return made


def bits(total):
    assert total.dtype == torch.float64 and total.shape == ()
    return float(total).hex()


def digest(tensors):
    whole = [x.full_tensor() if isinstance(x, DTensor) else x for x in tensors]
    return hashlib.sha1(b"".join(x.detach().contiguous().view(torch.uint8).numpy().tobytes() if x.dim() else repr(x).encode() for x in whole)).hexdigest()


def chunk(x, rank, ranks):
    return x.flatten()[rank * x.numel() // ranks : (rank + 1) * x.numel() // ranks].clone()


def attempt(call):
    """The class and the words of what a call raises, and whether it took less than a second."""
    start = time.monotonic()
    try:
        return "no error", str(call()), True
    except Exception as error:
        return type(error).__name__, str(error), time.monotonic() - start < 1


class Scenarios:
    def __init__(self, rank, ranks):
        self.rank, self.ranks = rank, ranks
        self.last = rank == ranks - 1
        self.mesh = init_device_mesh("cpu", MESHES[ranks], mesh_dim_names=("data", "tensor"))

    def placed(self, values):
        made = []
        for i, value in enumerate(values):
            placement = [Shard(0) if isinstance(one, Shard) and one.dim >= max(1, value.dim()) else one for one in PLACEMENTS[i % 7]]
            placement = [Replicate(), Replicate()] if value.dim() == 0 else placement
            parameter = nn.Parameter(distribute_tensor(torch.zeros_like(value), self.mesh, placement))
            parameter.grad = distribute_tensor(value, self.mesh, placement)
            made.append(parameter)
        return made

    def placements(self):
        """Of every dtype and norm, sharded and replicated over two dimensions of the mesh."""
        found = {}
        for dtype in (None, torch.float64):
            for p in (1.0, 2.0, float("inf")):
                given = self.placed(gradients(dtype))
                measured = distributed.get_total_norm([one.grad for one in given], p)
                total = distributed.clip_grad_norm_(given, 0.5, p)
                assert bits(total) == bits(measured)
                found[str(dtype), p] = bits(total), digest([one.grad for one in given])
        return found

    def replicas(self):
        given = parameters(gradients())
        return bits(distributed.clip_grad_norm_(given, 0.5)), digest([one.grad for one in given])

    def parts(self):
        """Rank 1 has nothing at all."""
        rank, ranks = (self.rank - (self.rank > 1), self.ranks - 1) if self.ranks > 1 else (0, 1)
        values = [] if self.rank == 1 else [chunk(x, rank, ranks) for x in gradients()]
        given = parameters(values)
        without = nn.Parameter(torch.zeros(3))
        total = distributed.clip_grad_norm_([*given, without], 0.5, sharded=True)
        flat = [None] * self.ranks
        dist.all_gather_object(flat, [one.grad for one in given])
        flat = [x for x in flat if x]
        whole = [torch.cat([part[i] for part in flat]).reshape(shape) for i, shape in enumerate(SHAPES)]
        return bits(total), digest(whole)

    def tied(self):
        given = parameters(gradients())
        return bits(distributed.clip_grad_norm_([*given, given[0], given[5]], 0.5)), digest([one.grad for one in given])

    def small(self):
        """Nothing is scaled below the limit."""
        given = parameters(gradients())
        before = digest([one.grad for one in given])
        distributed.clip_grad_norm_(given, 1e9)
        return before == digest([one.grad for one in given])

    def nonfinite(self):
        found = {}
        for value in (float("nan"), float("-inf")):
            for mode in ("propagate", "error", "skip", "zero"):
                given = parameters([chunk(x, self.rank, self.ranks) for x in gradients(torch.float32)])
                if self.last:
                    given[0].grad[0] = value
                before = digest([one.grad for one in given])
                answer = attempt(lambda: distributed.clip_grad_norm_(given, 0.5, on_nonfinite=mode, sharded=True))
                after = torch.cat([one.grad for one in given])
                found[value != value, mode] = (*answer, before == digest([one.grad for one in given]), bool((after == 0).all()), bool(after.isnan().all()))
        return found

    def wrong(self):
        """The last rank's call is wrong, or the gradients cannot be taken: no rank's gradients change."""
        found = {}
        for name in ("norm_type", "max_norm", "dtype", "mode", "not a tensor", "differs"):
            values = gradients(torch.float32)
            given = parameters(values)
            limit, p, mode = 0.5, 2.0, "propagate"
            if self.last and name == "dtype":
                given[0].data, given[0].grad = given[0].data.to(torch.complex64), given[0].grad.to(torch.complex64)
            if self.last:
                limit, p, mode = {"norm_type": (0.5, 3.0, mode), "max_norm": (-1.0, p, mode), "mode": (0.5, p, "so-so"), "differs": (0.25, p, mode)}.get(name, (limit, p, mode))  # fmt: skip
            before = digest([one.grad for one in given])
            found[name] = (
                *attempt(lambda: distributed.clip_grad_norm_([*given, 7] if self.last and name == "not a tensor" else given, limit, p, on_nonfinite=mode)),
                before == digest([one.grad for one in given]),
            )  # fmt: skip
        given = parameters(gradients(torch.float32))
        orders = attempt(lambda: distributed.clip_grad_norm_(given, 0.5, 2.0 if self.last else float("inf")))
        found["orders differ"] = (*orders, digest([one.grad for one in given]) == digest(gradients(torch.float32)))
        return found

    def partial(self):
        local = torch.ones(4)
        pending = DTensor.from_local(local, self.mesh, [Partial(), Replicate()])
        return attempt(lambda: distributed.get_total_norm([pending]))

    def group(self):
        """Two ranks of all have the gradients; the others are not in their group."""
        members = list(range(min(2, self.ranks)))
        group = dist.new_group(members)
        given = parameters([chunk(x, self.rank, len(members)) for x in gradients()] if self.rank in members else [])
        return attempt(lambda: bits(distributed.clip_grad_norm_(given, 0.5, sharded=True, group=group)))

    def fsdp(self):
        """A step of FSDP2, whose gradients are DTensors."""
        from torch.distributed.fsdp import fully_shard

        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(7, 13), nn.Tanh(), nn.Linear(13, 5, bias=False))
        mesh = init_device_mesh("cpu", (self.ranks,))
        fully_shard(model[0], mesh=mesh)
        fully_shard(model, mesh=mesh)
        model(torch.linspace(-1, 1, 21).reshape(3, 7)).square().sum().backward()
        whole = [one.grad.full_tensor().clone() for one in model.parameters()]
        total = distributed.clip_grad_norm_(model.parameters(), 0.01)
        alone = parameters(whole)
        expected = distributed.get_total_norm(whole)
        boxgrad.torch.clip_grad_norm_(alone, 0.01)
        return bits(total) == bits(expected), digest([one.grad for one in model.parameters()]) == digest([one.grad for one in alone])


def begin(rank, ranks, file, seconds):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    timeout = datetime.timedelta(seconds=seconds)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=ranks, timeout=timeout)


def run(rank, ranks, file, answers):
    """All scenarios, each on all ranks at once. A scenario that fails ends the rank, with its traceback for an answer."""
    found = {}
    try:
        begin(rank, ranks, file, 60)
        scenarios = Scenarios(rank, ranks)
        for name in ("placements", "replicas", "parts", "tied", "small", "nonfinite", "wrong", "partial", "group", "fsdp"):
            found[name] = getattr(scenarios, name)()
            dist.barrier()
        dist.destroy_process_group()
    except Exception:
        found["failure"] = traceback.format_exc()
    answers.put((rank, found))


def die(rank, ranks, file, answers):
    """The last rank ends before it clips. The others notice it at the latest after the group's timeout."""
    begin(rank, ranks, file, 5)
    given = parameters(gradients())
    distributed.clip_grad_norm_(given, 1e9)
    if rank == ranks - 1:
        os._exit(1)
    start = time.monotonic()
    error = attempt(lambda: distributed.clip_grad_norm_(given, 0.5))[0]
    answers.put((rank, (error, time.monotonic() - start, digest([one.grad for one in given]) == digest(gradients()))))
    answers.close()
    answers.join_thread()
    os._exit(0)
