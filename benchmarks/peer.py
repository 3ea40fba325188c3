"""What a peer is: a library, or a way of writing NumPy, that offers some of the tasks in workloads.py.

A file in peers/ makes one Peer, named `peer`, and registers a factory for each task it offers. A factory prepares (converts, compiles,
allocates) and returns the function that is timed; that function returns the task's results. What only makes a peer's results or inputs
comparable is done in the factory or in `read`, not in the timed function.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import numpy as np

from workloads import FRESH

Run = Callable[[], Any]
Factory = Callable[[SimpleNamespace], Run]
Read = Callable[[Any], Any]


class NotOffered(Exception):
    """Raised by a factory: the peer has this task, but not with this data (a metric, a dtype)."""


@dataclass(frozen=True)
class Offer:
    factory: Factory
    read: Read
    note: str
    tolerance: float | None


@dataclass
class Peer:
    title: str
    versions: dict[str, str]
    note: str = ""  # in what its task differs from the others', if it does
    set_threads: Callable[[int], None] = lambda threads: None
    offers: dict[tuple[str, str], Offer] = field(default_factory=dict)

    def does(
        self, task: str, mode: str = FRESH, read: Read = lambda result: result, note: str = "", tolerance: float | None = None
    ) -> Callable[[Factory], Factory]:
        """Registers a factory.

        read: turns what the timed function returns into the task's results. tolerance: instead of the workload's, for a peer that is known
        to be less exact; what it does beyond the workload's is marked in the tables.
        """

        def register(factory: Factory) -> Factory:
            self.offers[task, mode] = Offer(factory, read, note or self.note, tolerance)
            return factory

        return register


def installed(*packages: str) -> dict[str, str]:
    """The versions of installed packages."""
    return {package: version(package) for package in packages}


class Limits:
    """What clip_grad_norm is called with: a limit that shrinks by 1 % each time, so that every call clips; or one that is never met."""

    def __init__(self, data: SimpleNamespace) -> None:
        norms = [np.linalg.norm(g.astype(np.float64), data.p) for g in data.gradients]
        self.factor = 0.99 if data.clips else 1.0
        self.limit = float(np.linalg.norm(norms, data.p)) * (1 if data.clips else 2)

    def next(self) -> float:
        self.limit *= self.factor
        return self.limit


def arrays(result: Any) -> Iterator[np.ndarray]:
    """The results as a flat sequence of arrays, whatever library they are of."""
    if isinstance(result, (tuple, list)):
        for item in result:
            yield from arrays(item)
    else:
        yield np.asarray(result.detach().double() if hasattr(result, "detach") else result)  # NumPy does not know torch's bfloat16


def load(threads: int, folder: Path = Path(__file__).parent / "peers") -> tuple[dict[str, Peer], dict[str, str]]:
    """The peers that can be imported, boxgrad first, and why the others cannot."""
    peers, missing = {}, {}
    for path in sorted(folder.glob("*.py"), key=lambda path: (path.stem != "boxgrad", path.stem)):
        try:
            peer = importlib.import_module(f"peers.{path.stem}").peer
        except ImportError as error:
            missing[path.stem] = str(error)
        else:
            peer.set_threads(threads)
            peers[path.stem] = peer
    return peers, missing
