"""The results as tables, as a chart, and inside documents. All of it comes from the dictionary that bench.py writes as JSON."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any, Iterator

from rich.console import Console
from rich.table import Table

Results = dict[str, Any]

INEXACT = "†"
"""On a ratio: the peer's result is less exact than the workload asks."""


def titles(results: Results) -> dict[str, str]:
    """The peers' titles by name, boxgrad's not among them."""
    return {record["peer"]: record["title"] for record in results["records"] if record["peer"] != "boxgrad"}


def rows(results: Results, threads: int, modes: set[str] | None = None) -> Iterator[list[str]]:
    """For each workload and mode: its name, the mode, boxgrad's time and rates, and each peer's time divided by boxgrad's."""
    workloads = {workload["name"]: workload for workload in results["workloads"]}
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for record in results["records"]:
        if record["threads"] == threads and (modes is None or record["mode"] in modes):
            groups.setdefault((record["workload"], record["mode"]), {})[record["peer"]] = record
    for (name, mode), records in groups.items():
        own, workload = records.get("boxgrad", {}).get("median"), workloads[name]
        rates = [number(own * 1e3), number(workload["items"] / own / 1e9), number(workload["bytes"] / own / 1e9)] if own else [""] * 3
        yield [name, mode, *rates, *(_ratio(records.get(peer), own) for peer in titles(results))]


def _ratio(record: dict[str, Any] | None, own: float | None) -> str:
    if record is None:
        return ""
    if "median" not in record:
        return "failed"
    mark = INEXACT if record["error"] > record["asked"] else ""
    return (number(record["median"] / own) if own else number(record["median"] * 1e3) + " ms") + mark


def number(x: float) -> str:
    """Three significant digits, without an exponent."""
    if x >= 100:
        return f"{x:.0f}"
    return f"{x:.3g}" if x >= 0.001 or x == 0 else f"{x:.6f}".rstrip("0")


def header(results: Results) -> list[str]:
    return ["workload", "output", "ms", "G items/s", "GB/s", *titles(results).values()]


def machine(results: Results) -> str:
    m = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, load {m['load']} at the start; "
        f"{results['date']}; Python {m['python']}, {versions}; boxgrad at {m['commit']}."
    )


def kind_of_machine(results: Results) -> str:
    """The processor and the instruction set in use, such as amd-epyc-avx512: the name of the file of its results."""
    tier = re.search(r"\((\w+)\)", results["versions"].get("boxgrad", ""))
    return re.sub(r"[^a-z0-9]+", "-", f"{results['machine']['cpu']} {tier[1] if tier else ''}".lower()).strip("-")


def noise(results: Results) -> list[str]:
    """How much the times of the same work varied during the run, per number of threads; nothing of results that do not say it."""
    lines = []
    for threads, samples in results.get("weather", {}).items():
        found = (
            f"the same {name} took {number(statistics.median(s) / min(s))} times its least time in the median, {number(max(s) / min(s))} at most"
            for name, s in samples.items()
        )
        lines.append(f"Noise, {_threads(int(threads)).lower()}: {'; '.join(found)}.")
    return lines


def failures(results: Results) -> list[str]:
    return [
        f"{r['title']}: {r['workload']} ({r['mode']}, threads {r['threads']}): {r['failure']}" for r in results["records"] if "failure" in r
    ]


# ---- Terminal --------------------------------------------------------------------------------------------------------------


def show(results: Results, console: Console) -> None:
    for threads in results["settings"]["threads"]:
        title = f"{_threads(threads)}: boxgrad's time and rates, then the others' time divided by boxgrad's"
        table = Table(title=title, title_justify="left")
        for index, name in enumerate(header(results)):
            table.add_column(name, justify="left" if index < 2 else "right", no_wrap=index < 2)
        for row in rows(results, threads):
            table.add_row(*row[:5], *(_coloured(cell) for cell in row[5:]))
        console.print(table)
    for line in notes(results):
        console.print(line, style="dim", highlight=False)
    for name, reason in results["missing"].items():
        console.print(f"skipped: {name} ({reason})", style="yellow", highlight=False)
    for line in failures(results):
        console.print(line, style="bold red", highlight=False)
    for line in [machine(results), *noise(results)]:
        console.print(line, style="dim", highlight=False)


def _coloured(cell: str) -> str:
    digits = cell.rstrip(INEXACT)
    return f"[red]{cell}[/red]" if digits == "failed" or re.fullmatch(r"[\d.]+", digits) and float(digits) < 1 else cell


def _threads(count: int) -> str:
    return "One thread" if count == 1 else "Two threads" if count == 2 else f"{count} threads"


def notes(results: Results) -> list[str]:
    """In what the peers' tasks differ, and how far results are off that are less exact than asked for."""
    seen: dict[str, None] = {}
    for record in results["records"]:
        if record["note"]:
            seen[f"{record['title']}, {record['task']} ({record['mode']}): {record['note']}"] = None
    worst: dict[tuple[str, str], float] = {}
    for record in results["records"]:
        if "median" in record and record["error"] > record["asked"]:
            key = record["title"], record["workload"]
            worst[key] = max(worst.get(key, 0.0), record["error"])
    marked = [f"{INEXACT} {title}, {workload}: off by {error:.1g}" for (title, workload), error in worst.items()]
    return list(seen) + marked


# ---- Documents -------------------------------------------------------------------------------------------------------------


def markdown_table(head: list[str], body: list[list[str]], left: int) -> str:
    rule = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *body])


def markdown(results: Results) -> str:
    """Everything, for docs/performance.md."""
    parts = [" ".join([machine(results), *noise(results)])]
    for threads in results["settings"]["threads"]:
        parts += [f"### {_threads(threads)}", markdown_table(header(results), list(rows(results, threads)), left=2)]
    parts += ["\n".join(f"- {line}" for line in [*notes(results), *failures(results)])]
    if results.get("kernels"):
        parts += ["### Without Python", kernels_markdown(results["kernels"])]
    return "\n\n".join(parts)


def side_by_side(machines: list[Results]) -> str:
    """For each machine a column: boxgrad's milliseconds on one thread into new memory, and of the fastest peer its time divided by that."""
    columns = [_column(results) for results in machines]
    names = list(dict.fromkeys(name for column in columns for name in column))
    heads = [f"{kind_of_machine(results)}, {results['date'][:10]}, boxgrad {results['versions']['boxgrad']}" for results in machines]
    return markdown_table(["workload", *heads], [[name, *(column.get(name, "") for column in columns)] for name in names], left=1)


def _column(results: Results) -> dict[str, str]:
    found: dict[str, dict[str, Any]] = {}
    for record in results["records"]:
        if record["threads"] == 1 and record["mode"] != "reused" and "median" in record:
            found.setdefault(record["workload"], {})[record["peer"]] = record
    column = {}
    for name, records in found.items():
        if own := records.pop("boxgrad", None):
            best = min(records.values(), key=lambda record: float(record["median"]), default=None)
            fastest = f" ({best['title']} {_ratio(best, own['median'])})" if best else ""
            column[name] = f"{number(own['median'] * 1e3)}{fastest}"
    return column


README_WORKLOADS = (
    "pairwise IoU 1000 x 1000",
    "pairwise GIoU 5000 x 5000",
    "pairwise GIoU gradient 1000 x 1000",
    "GIoU loss and gradient, 1 M boxes",
    "delta decode and clip, 1 M boxes",
    "clip_grad_norm L2, 41.8 M in 189 tensors",
)
"""One of each kind, the last being one in which boxgrad does not win."""
README_PEERS = ("torch_eager", "jax", "numpy")
"""What most readers have installed. All of them do all of the workloads above."""


def short_markdown(results: Results) -> str:
    """Six workloads, three peers, one thread, new outputs: for the README."""
    names = list(titles(results))
    columns = [0, *range(2, 5), *(5 + names.index(peer) for peer in README_PEERS if peer in names)]
    found = {row[0]: row for row in rows(results, results["settings"]["threads"][0], {"fresh", "in place", "scalar"})}
    body = [[found[name][k] for k in columns] for name in README_WORKLOADS if name in found]
    head = header(results)
    note = f"{INEXACT} less exact than boxgrad.\n\n" if any(INEXACT in cell for row in body for cell in row) else ""
    return f"{markdown_table([head[k] for k in columns], body, left=1)}\n\n{note}{machine(results)}"


def kernels_markdown(kernels: Results) -> str:
    bandwidth = [[b["name"], str(b["threads"]), number(b["gb_per_s"])] for b in kernels["bandwidth"]]
    body = [
        [k["name"], str(k["threads"]), *(number(k[field]) for field in ("ms", "g_items_per_s", "gb_per_s", "of_copy", "of_write"))]
        for k in kernels["kernels"]
    ]
    head = ["kernel", "threads", "ms", "G items/s", "GB/s", "of copy", "of write"]
    return markdown_table(["memory", "threads", "GB/s"], bandwidth, 1) + "\n\n" + markdown_table(head, body, 1)


def replaced(document: str, text: str, what: str = "benchmark results") -> str:
    """The document with what stands between the markers of `what` replaced."""
    begin, end = f"<!-- {what}: begin -->", f"<!-- {what}: end -->"
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the document has no {begin} ... {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


# ---- Chart -----------------------------------------------------------------------------------------------------------------

MARKERS = "osD^v<>PX*"


def chart(results: Results, path: Path) -> None:
    """How many times boxgrad's time each peer takes, a row per workload, a panel per number of threads."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter

    counts, names = results["settings"]["threads"], titles(results)
    ours = {(r["threads"], r["workload"], r["mode"]): r["median"] for r in results["records"] if r["peer"] == "boxgrad" and "median" in r}
    theirs = [r for r in results["records"] if "median" in r and r["peer"] in names and r["mode"] != "reused"]
    labels = list(dict.fromkeys(r["workload"] for r in theirs))
    figure, panels = pyplot.subplots(
        1, len(counts), sharey=True, squeeze=False, figsize=(3 + 5 * len(counts), 2 + 0.3 * len(labels)), layout="constrained"
    )
    for axes, threads in zip(panels[0], counts):
        for marker, (peer, title) in zip(MARKERS, names.items()):
            points = [
                (r["median"] / ours[key], labels.index(r["workload"]))
                for r in theirs
                if r["peer"] == peer and (key := (r["threads"], r["workload"], r["mode"])) in ours and r["threads"] == threads
            ]
            axes.plot(*zip(*points) if points else ([], []), marker, label=title, alpha=0.85)
        axes.axvline(1, color="black", linewidth=1)
        axes.set(xscale="log", xlabel="time divided by boxgrad's (right of 1: boxgrad is faster)", title=_threads(threads))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(axis="both", alpha=0.3)
    if labels:
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.suptitle(f"{results['machine']['cpu']}, {results['date'][:10]}", fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
