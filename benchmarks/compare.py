#!/usr/bin/env python3
"""Compares the speed of two revisions: the one named and the working tree, as `make bench-compare BASE=rev` builds them.

Each library is loaded by a process of its own, and the two take turns in pairs (A B, B A, A B, ...), so that both see the same weather of
the machine. New processes run each fourth of the pairs, because where the memory of one lies is worth some percent. The table shows the
medians of both, and the median and the quartiles of the pairs' ratios: above 1, the working tree is slower. Where the results of the two
differ in a bit, the table says so.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Tuple

import measure
import numpy as np
import workloads
from peer import NotOffered, arrays
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SLOWER = 3.0  # percent that are worth a line
ROUNDS = 4  # of new processes

Sample = Callable[[], float]
Pair = Tuple[float, float]


# ---- One revision: its library, and the Python package that knows its functions -----------------------------------------------


@dataclass(frozen=True)
class Revision:
    name: str
    library: Path
    package: Path


def built(revision: str) -> Revision:
    """A revision of the repository, built in a worktree that is kept for the next comparison."""

    def git(*arguments: str | Path) -> str:
        return subprocess.run(["git", "-C", ROOT, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    try:
        commit = git("rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}")
    except subprocess.CalledProcessError:
        raise SystemExit(f"{revision} is no revision of this repository") from None
    folder = ROOT / "build/compare" / commit[:12]
    if not (folder / "Makefile").exists():
        git("worktree", "prune")  # `make clean` removes worktrees, and git does not know
        git("worktree", "add", "--quiet", "--force", "--detach", folder, commit)
    library = folder / "build/lib/libboxgrad.so"
    if not library.exists():
        outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # of the make that runs this, with its variables
        environment = {name: value for name, value in os.environ.items() if name not in outer}
        targets = ["lib", "calls"] if (folder / "bindings/python/boxgrad/_calls.c").exists() else ["lib"]
        if subprocess.run(["make", "-C", folder, *targets], env=environment, stdout=sys.stderr).returncode:
            raise SystemExit(f"{revision} does not build in {folder}")
    return Revision(f"{revision} ({git('log', '-1', '--format=%h %s', commit)})", library, folder / "bindings/python")


def working_tree() -> Revision:
    library = os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so")
    return Revision("the working tree", Path(library), ROOT / "bindings/python")


# ---- Its process ------------------------------------------------------------------------------------------------------------


class Side:
    """A process with one library, which prepares a workload and then runs it so many times when told."""

    def __init__(self, revision: Revision, threads: int, scale: float) -> None:
        python_path = [str(revision.package), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"BOXGRAD_LIBRARY": str(revision.library.resolve()), "PYTHONPATH": os.pathsep.join(python_path)}
        self.name = revision.name
        command = [sys.executable, __file__, "--serve", str(threads), str(scale)]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *request: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process of {self.name} ended with status {self.process.wait()}")
        return json.loads(answer)

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()


def serve(threads: int, scale: float) -> None:
    """The process itself. ["prepare", workload, mode] is answered by the calls of a sample and a hash of the results, or why there are none;
    ["sample", calls] by the seconds of a call."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: where the comparison is killed, this process ends with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    peer = importlib.import_module("peers.boxgrad").peer
    peer.set_threads(threads)
    table = {workload.name: workload for workload in workloads.table(scale)}
    run: Callable[[], Any] = lambda: None
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        answer: Any
        if what == "prepare":
            workload, mode = table[arguments[0]], arguments[1]
            run = lambda: None  # noqa: E731  # the memory of the last workload is free before this one's is taken
            try:
                run = peer.offers[workload.task, mode].factory(workload.make())
                digest = hash_of(run())
                answer = {"calls": measure._calls_per_sample(run), "hash": digest}
            except (AttributeError, TypeError, ValueError, KeyError, NotOffered) as error:  # a function that this revision lacks
                answer = {"failure": f"{type(error).__name__}: {error}".splitlines()[0]}
        else:
            answer = measure._sample(run, arguments[0])
        print(json.dumps(answer), flush=True)


def hash_of(result: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays(result):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# ---- Pairs --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """Seconds of a call, and the working tree's divided by the base's: the median of the pairs' ratios, and their quartiles. And the chance of
    so many pairs in which the working tree is slower, if it were as fast."""

    workload: str
    mode: str
    base: float
    new: float
    ratio: float
    quartiles: tuple[float, float]
    chance: float
    same_bits: bool

    @property
    def percent(self) -> float:
        """By how much the working tree is slower."""
        return 100 * (self.ratio - 1)

    @property
    def certain(self) -> bool:
        """Whether so many pairs agree that it is slower that even of all workloads together none would by chance: 18 of 20 do, 10 of 10 do."""
        return self.chance < 0.001


def in_pairs(base: Sample, new: Sample, pairs: int) -> list[Pair]:
    """Samples of both. Who begins changes from pair to pair, because the second may find caches and clock as the first left them."""
    found = []
    for pair in range(pairs):
        first = base() if pair % 2 == 0 else None
        after = new()
        found.append((base() if first is None else first, after))
    return found


def compared(workload: str, mode: str, found: list[Pair], same_bits: bool) -> Compared:
    ratios = [after / before for before, after in found]
    lower, _, upper = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    base, new = (statistics.median(side) for side in zip(*found))
    n, slower = len(ratios), sum(ratio > 1 for ratio in ratios)
    chance = sum(math.comb(n, k) for k in range(slower, n + 1)) / 2**n
    return Compared(workload, mode, base, new, statistics.median(ratios), (lower, upper), chance, same_bits)


def measured(base: Side, new: Side, workload: str, mode: str, pairs: int) -> tuple[list[Pair], bool] | str:
    """The samples, and whether both gave the same bits; or why there are none."""
    ready = {}
    for side in base, new:
        ready[side] = side.ask("prepare", workload, mode)
        if "failure" in ready[side]:
            return f"{side.name}: {ready[side]['failure']}"
    calls = max(answer["calls"] for answer in ready.values())
    base.ask("sample", calls), new.ask("sample", calls)  # warm-up
    found = in_pairs(lambda: base.ask("sample", calls), lambda: new.ask("sample", calls), pairs)
    return found, ready[base]["hash"] == ready[new]["hash"]


# ---- What is shown ---------------------------------------------------------------------------------------------------------------


def slower(results: list[Compared], percent: float) -> list[Compared]:
    return [result for result in results if result.percent > percent]


def show(results: list[Compared], base: str, new: str, console: Console) -> None:
    table = Table("workload", "mode", "base ms", "new ms", "new / base", "quartiles", "", title=f"base: {base}\nnew: {new}")
    for result in results:
        colour = "red" if result.percent > SLOWER else "green" if result.percent < -SLOWER else "default"
        table.add_row(
            result.workload, result.mode, f"{1e3 * result.base:.4g}", f"{1e3 * result.new:.4g}", f"[{colour}]{result.ratio:.3f}",
            " ... ".join(f"{x:.3f}" for x in result.quartiles), "" if result.same_bits else "other bits",
        )  # fmt: skip
    console.print(table)


def arguments() -> argparse.Namespace:
    if sys.argv[1:2] == ["--serve"]:
        return argparse.Namespace(serve=(int(sys.argv[2]), float(sys.argv[3])))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sides = parser.add_mutually_exclusive_group(required=True)
    sides.add_argument("--base", metavar="REV", help="the revision that the working tree is compared with; it is built if it is not yet")
    sides.add_argument("--libraries", type=Path, nargs=2, metavar="FILE", help="compare two libraries instead, through the same Python package")
    parser.add_argument("--only", action="append", metavar="TEXT", help="workloads whose name contains this, or this glob (may be repeated)")
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="pairs of samples of each workload (default: 20)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of a call, and cores of the processes (default: 1)")
    parser.add_argument("--scale", type=float, default=1, metavar="X", help="sizes times this (default: 1)")
    certainly = "exit status 1 if anything is certainly slower by more than this, for which it takes 10 pairs at least"
    parser.add_argument("--fail-above", type=float, metavar="PERCENT", help=certainly)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    given = parser.parse_args()
    if given.pairs < 1 or given.threads < 1:
        parser.error("--pairs and --threads must be at least 1")
    given.serve = None
    return given


def chosen(scale: float, only: list[str] | None) -> list[tuple[str, str]]:
    """Workloads and their modes."""
    table = workloads.table(scale)
    found = [workload for text in only or [""] for workload in measure.matching(table, f"*{text}*")]
    return [(workload.name, mode) for workload in dict.fromkeys(found) for mode in workload.modes]


def run(given: argparse.Namespace, base: Revision, new: Revision) -> tuple[list[Compared], list[str]]:
    """What could be compared, and what could not."""
    tasks = chosen(given.scale, given.only)
    pairs: dict[tuple[str, str], list[Pair]] = {task: [] for task in tasks}
    other_bits, left_out = set(), {}
    rounds = min(ROUNDS, given.pairs)
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=rounds * len(tasks))
        for k in range(rounds):
            with Side(base, given.threads, given.scale) as one, Side(new, given.threads, given.scale) as other:
                for task in tasks:
                    progress.update(bar, description=", ".join(task))
                    found = measured(one, other, *task, (given.pairs + k) // rounds)
                    if isinstance(found, str):
                        left_out[task] = found
                    else:
                        pairs[task] += found[0]
                        other_bits |= set() if found[1] else {task}
                    progress.advance(bar)
                    if not progress.console.is_terminal:  # where a bar cannot be drawn: a line per workload, for logs
                        progress.console.print(f"{k + 1} of {rounds}: {', '.join(task)}", highlight=False)
    results = [compared(*task, pairs[task], task not in other_bits) for task in tasks if task not in left_out]
    return results, [f"{', '.join(task)}: {why}" for task, why in left_out.items()]


def main() -> int:
    given = arguments()
    if given.serve:
        serve(*given.serve)
        return 0
    console = Console(width=None if sys.stdout.isatty() else 200)
    if not chosen(given.scale, given.only):
        console.print(f"no workload has {' or '.join(given.only)} in its name: benchmarks/bench.py --list lists them")
        return 2
    if given.libraries:
        base, new = (Revision(str(path), path, ROOT / "bindings/python") for path in given.libraries)
    else:
        base, new = built(given.base), working_tree()
    results, left_out = run(given, base, new)
    show(results, base.name, new.name, console)
    for line in left_out:
        console.print(f"[yellow]left out: {line}", highlight=False)
    worse = slower(results, SLOWER if given.fail_above is None else given.fail_above)
    for result in worse:
        doubt = "" if result.certain else " (not certain, because the pairs disagree: repeat it with more --pairs, or when the machine is quiet)"
        console.print(f"[red]{result.percent:.1f} % slower: {result.workload}, {result.mode}[/red]{doubt}", highlight=False, soft_wrap=True)
    if given.json:
        given.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    failed = given.fail_above is not None and any(result.certain for result in worse)
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
