"""boxgrad's benchmark: the same workloads for boxgrad and for every peer that is installed.

Every peer's results are compared with the textbook formula in double precision before anything is timed. The peers are timed in
turns, round after round; tables show medians. Each number of threads has a process of its own that runs on as many cores.
The exit status is 1 if a peer failed or was wrong.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import measure
import report
import workloads
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='example: bench.py --workload "*loss*" --peer boxgrad "torch*" --threads 1',
    )  # fmt: skip
    choice = parser.add_argument_group("what is measured")
    choice.add_argument("--workload", default="*", metavar="GLOB", help="workloads whose name matches, in any case (see --list)")
    choice.add_argument("--peer", nargs="+", default=["*"], metavar="GLOB", help="files of peers/ that match, without .py")
    choice.add_argument("--without", nargs="+", default=[], metavar="GLOB", help="peers that are left out")
    choice.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="numbers of threads (default: 1 2)")
    choice.add_argument("--list", action="store_true", help="list the workloads and end")
    effort = parser.add_argument_group("how long")
    effort.add_argument("--rounds", type=int, default=5, metavar="N", help="at least so many rounds (default: 5)")
    effort.add_argument("--seconds", type=float, default=5, metavar="S", help="at least so long per workload (default: 5)")
    effort.add_argument("--scale", type=float, default=1, metavar="X", help="sizes times this (default: 1)")
    effort.add_argument("--quick", action="store_true", help="a tenth of the sizes, three rounds, one thread, no torch.compile")
    out = parser.add_argument_group("results")
    out.add_argument("--out", type=Path, default=ROOT / "build/bench", metavar="FOLDER", help="for everything made (default: build/bench)")
    out.add_argument("--json", type=Path, metavar="FILE", help="results (default: bench.json in the folder)")
    out.add_argument("--png", type=Path, metavar="FILE", help="chart (default: bench.png in the folder)")
    out.add_argument("--kernels", type=Path, metavar="PROGRAM", help="also run the C benchmark, built from kernels.c")
    out.add_argument("--from", type=Path, dest="given", metavar="JSON", help="measure nothing, show these results")
    out.add_argument("--write-docs", action="store_true", help="put the results into README.md and docs/performance")
    given = parser.parse_args()
    if given.quick:
        given.scale, given.rounds, given.seconds, given.threads = 0.1, 3, 0.1, [1]
        given.without = given.without or ["torch_compile"]  # which compiles for a minute
    return given


def describe_machine() -> dict[str, Any]:
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "commit": subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown",
        "load": round(os.getloadavg()[0], 1),
    }


def run(given: argparse.Namespace) -> report.Results:
    results: report.Results = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "settings": {name: getattr(given, name) for name in ("threads", "rounds", "seconds", "scale")},
        "versions": {}, "missing": {}, "weather": {}, "workloads": [], "records": [],
    }  # fmt: skip
    for workload in measure.matching(workloads.table(given.scale), given.workload):
        fields = "name", "task", "unit", "items", "bytes", "modes"
        results["workloads"].append({field: getattr(workload, field) for field in fields})
    for threads in given.threads:
        chosen = given.workload, tuple(given.peer), tuple(given.without)
        settings = measure.Settings(threads, *chosen, given.rounds, given.seconds, given.scale)
        part = measure.in_own_process(settings, given.out / "cache")
        results["records"] += part["records"]
        results["versions"] |= part["versions"]
        results["missing"] |= part["missing"]
        results["weather"][str(threads)] = part["weather"]
    if given.kernels:
        file = given.out / "kernels.json"
        subprocess.run([given.kernels.resolve(), file, str(given.scale), str(min(given.seconds, 0.5))], check=True)
        results["kernels"] = json.loads(file.read_text())
    return results


def documents(root: Path) -> dict[Path, str]:
    """The documents with the newest results that are kept, and beside them those of other machines: docs/performance has a file for each."""
    machines = [json.loads(path.read_text()) for path in sorted((root / "docs/performance").glob("*.json"))]
    newest = max(machines, key=lambda results: results["date"])
    whole = f"{report.markdown(newest)}\n\n### Machines side by side\n\n{report.side_by_side(machines)}"
    texts = {root / "docs/performance.md": whole, root / "README.md": report.short_markdown(newest)}
    return {path: report.replaced(path.read_text(), text) for path, text in texts.items()}


def write_documents(results: report.Results, root: Path = ROOT) -> None:
    docs = root / "docs"
    (docs / "performance" / f"{report.kind_of_machine(results)}.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    report.chart(results, docs / "performance.png")
    for path, text in documents(root).items():
        path.write_text(text)


def main() -> int:
    given, console = arguments(), Console(width=None if sys.stdout.isatty() else 200)
    if given.list:
        for workload in workloads.table(given.scale):
            console.print(f"{workload.name}  [dim]{', '.join(workload.modes)}[/dim]", highlight=False)
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    if given.given:
        results = json.loads(given.given.read_text())
    else:
        results = run(given)
        (given.json or given.out / "bench.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    report.show(results, console)
    report.chart(results, given.png or given.out / "bench.png")
    if given.write_docs:
        write_documents(results)
    return 1 if report.failures(results) else 0


if __name__ == "__main__":
    sys.exit(main())
