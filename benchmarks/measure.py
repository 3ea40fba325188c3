"""Checks every peer's results, then times the peers in turns: A B C A B C ..."""

from __future__ import annotations

import ctypes
import fnmatch
import gc
import importlib
import os
import signal
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np
from peer import NotOffered, Offer, Peer, Run, arrays, load
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from workloads import Output, Workload, table

Say = Callable[[str], None]

SAMPLE = 0.02  # seconds that one sample lasts at least: what is faster is called several times


@dataclass(frozen=True)
class Settings:
    threads: int
    workload: str = "*"  # a glob
    peers: tuple[str, ...] = ("*",)  # globs
    without: tuple[str, ...] = ()
    rounds: int = 5  # at least
    seconds: float = 5.0  # of rounds per workload and mode, once there are that many
    scale: float = 1.0


# ---- Checking ------------------------------------------------------------------------------------------------------------


def reference(workload: Workload, data: SimpleNamespace) -> list[np.ndarray]:
    """The results of the NumPy textbook formula in double precision."""
    textbook = importlib.import_module("peers.numpy").peer
    offer = textbook.offers[workload.task, workload.modes[0]]
    return list(arrays(offer.factory(_in_double(data))()))


def _in_double(data: SimpleNamespace) -> SimpleNamespace:
    def convert(x: Any) -> Any:
        if isinstance(x, list):
            return [convert(item) for item in x]
        return x.astype(np.float64) if isinstance(x, np.ndarray) else x

    return SimpleNamespace(**{name: convert(value) for name, value in vars(data).items()})


def errors(result: Any, expected: list[np.ndarray], outputs: tuple[Output, ...]) -> list[float]:
    """The largest error of each output on its scale; infinite for a NaN, a wrong shape, or a wrong number of outputs."""
    found = list(arrays(result))
    if len(found) != len(expected):
        return [np.inf] * len(outputs)
    return [_error(x, r, output.scale) for x, r, output in zip(found, expected, outputs)]


def _error(x: np.ndarray, expected: np.ndarray, scale: str) -> float:
    if x.shape != expected.shape:
        return np.inf
    if scale == "one":
        size: Any = 1.0
    else:
        size = np.abs(expected)
        if scale == "row":
            size = size.max(axis=-1, keepdims=True)
        size = np.maximum(size, np.finfo(np.float64).tiny)
    worst = float(np.max(np.abs(x - expected) / size, initial=0.0))
    return np.inf if np.isnan(worst) else worst


# ---- Timing --------------------------------------------------------------------------------------------------------------


def time_in_turns(runs: dict[str, Run], settings: Settings, say: Say = lambda text: None) -> dict[str, list[float]]:
    """Seconds per call of each function, one sample per round. The number of calls in a sample is found first, as warm-up."""
    calls = {}
    for name, run in runs.items():
        say(f"{name}: warm-up")
        calls[name] = _calls_per_sample(run)
    samples: dict[str, list[float]] = {name: [] for name in runs}
    gc.collect()
    gc.disable()
    start, rounds = perf_counter(), 0
    while rounds < settings.rounds or perf_counter() - start < settings.seconds:
        rounds += 1
        say(f"round {rounds}")
        for name, run in runs.items():
            samples[name].append(_sample(run, calls[name]))
    gc.enable()
    return samples


def _sample(run: Run, calls: int) -> float:
    start = perf_counter()
    for _ in range(calls):
        run()
    return (perf_counter() - start) / calls


def _calls_per_sample(run: Run) -> int:
    calls = 1
    while (seconds := _sample(run, calls) * calls) < SAMPLE:
        calls = max(2 * calls, int(1.1 * calls * SAMPLE / max(seconds, 1e-9))) if seconds > SAMPLE / 100 else 10 * calls
    return calls


class Weather:
    """Two pieces of work that never change, done again before each workload: what their times vary by is the machine's doing."""

    def __init__(self) -> None:
        small, large = np.ones(4096, np.float32), np.ones(1 << 24, np.float32)
        small_out, large_out = np.empty_like(small), np.empty_like(large)
        self._runs: dict[str, Run] = {
            "arithmetic": lambda: np.divide(small, small, out=small_out),
            "copying": lambda: np.copyto(large_out, large),
        }
        self._calls = {name: _calls_per_sample(run) for name, run in self._runs.items()}
        self.samples: dict[str, list[float]] = {name: [] for name in self._runs}

    def look(self) -> None:
        for name, run in self._runs.items():
            self.samples[name].append(_sample(run, self._calls[name]))


# ---- One workload --------------------------------------------------------------------------------------------------------


def prepare(
    name: str, peer: Peer, offer: Offer, workload: Workload, data: SimpleNamespace, expected: list[np.ndarray]
) -> tuple[Run | None, dict[str, Any]]:
    """The function to be timed, if its results are right, and what is to be recorded about it."""
    record: dict[str, Any] = {"peer": name, "title": peer.title, "task": workload.task, "note": offer.note}
    try:
        run = offer.factory(data)
        found = errors(offer.read(run()), expected, workload.outputs)
    except NotOffered:
        return None, {}
    except Exception as error:  # a peer's failure is a result, not the end
        return None, record | {"failure": f"{type(error).__name__}: {error}".splitlines()[0]}
    error, asked = max(((e, o.tolerance) for e, o in zip(found, workload.outputs)), key=lambda pair: (pair[0] > pair[1], pair[0] / (pair[1] or 1)))
    tolerance = max(asked, offer.tolerance or 0.0)
    if not error <= tolerance:
        return None, record | {"failure": f"wrong result: error {error:.3g}, tolerance {tolerance:.3g}"}
    return run, record | {"error": error, "asked": asked}


def measure_workload(workload: Workload, peers: dict[str, Peer], settings: Settings, say: Say = lambda text: None) -> list[dict[str, Any]]:
    say("data")
    data = workload.make()
    say("reference")
    expected = reference(workload, data)
    records: list[dict[str, Any]] = []
    for mode in workload.modes:
        runs, timed = {}, []
        for name, peer in peers.items():
            if offer := peer.offers.get((workload.task, mode)):
                say(f"{name}: check")
                run, record = prepare(name, peer, offer, workload, data, expected)
                if record:
                    records.append({"workload": workload.name, "threads": settings.threads, "mode": mode, **record})
                if run:
                    runs[name] = run
                    timed.append(records[-1])
        samples = time_in_turns(runs, settings, say) if runs else {}
        for record in timed:
            seconds = samples[record["peer"]]
            record |= {"median": statistics.median(seconds), "minimum": min(seconds), "rounds": len(seconds)}
    return records


def matching(workloads: Any, glob: str) -> list[Workload]:
    return [workload for workload in workloads if fnmatch.fnmatch(workload.name.lower(), glob.lower())]


def _any(globs: tuple[str, ...], name: str) -> bool:
    return any(fnmatch.fnmatch(name, glob) for glob in globs)


# ---- One number of threads: a process of its own, on as many cores ------------------------------------------------------------


def environment(threads: int, cache: Path) -> dict[str, str]:
    """How libraries that cannot be told later are told how many threads to use, and where compilers keep what they made."""
    count = str(threads)
    names = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"
    return dict.fromkeys(names, count) | {
        "JAX_PLATFORMS": "cpu",
        "NUMBA_CACHE_DIR": str(cache / f"numba-{count}"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / f"inductor-{count}"),
        "JAX_COMPILATION_CACHE_DIR": str(cache / f"jax-{count}"),
    }


def in_own_process(settings: Settings, cache: Path) -> dict[str, Any]:
    """Everything measured with one number of threads, in a process that has no more cores than that."""
    os.environ.update(environment(settings.threads, cache))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, settings).result()


def measure(settings: Settings) -> dict[str, Any]:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: where the benchmark is killed, this process ends with it
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-settings.threads :])
    peers, missing = load(settings.threads)
    peers = {name: peer for name, peer in peers.items() if _any(settings.peers, name) and not _any(settings.without, name)}
    workloads = matching((workload for workload in table(settings.scale) if workload.divided or settings.threads == 1), settings.workload)
    columns = TextColumn("{task.fields[threads]}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    records: list[dict[str, Any]] = []
    weather = Weather()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(workloads), threads=f"{settings.threads} thread{'s' * (settings.threads > 1)}")
        for workload in workloads:
            weather.look()
            records += measure_workload(
                workload, peers, settings, lambda text: progress.update(bar, description=f"{workload.name}: {text}")
            )
            progress.advance(bar)
            if not progress.console.is_terminal:  # where a bar cannot be drawn: a line per workload, for logs
                progress.console.print(f"{settings.threads}: {workload.name}", highlight=False)
    weather.look()
    versions: dict[str, str] = {}
    for peer in peers.values():
        versions |= peer.versions
    return {"records": records, "versions": versions, "missing": missing, "weather": weather.samples}
