"""How the time and the memory of boxgrad's functions grow with their input, from small sizes until a call takes two seconds.

Every function has a process of its own. The time is the median of a few calls on one thread. The memory is what the call needed beyond its
arguments, its result included, as the system counted it. The exit status is 1 if time or memory grew faster than the formula says.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import fnmatch
import json
import math
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, Callable

import boxgrad
import numpy as np
import report
import workloads
from bench import ROOT, describe_machine
from peer import Run
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

STEP = 4  # from one size to the next
MOST_DRAWN = 1 << 20  # boxes
SLACK = 1.5  # how many times more than the formula the last step may take: caches end, and machines are noisy
ORDERS: dict[str, Callable[[int], float]] = {"n": float, "n log n": lambda n: n * math.log2(n), "n^2": lambda n: float(n) ** 2}


@dataclass(frozen=True)
class Growing:
    time: str  # one of ORDERS
    memory: str
    first: int  # the smallest size
    make: Callable[[int], Run]  # of a size, the call


def _repeated(rows: np.ndarray, n: int) -> np.ndarray:
    """n rows, made of these again and again: to draw so many takes longer than to time them."""
    return np.resize(rows, (n, *rows.shape[1:]))


def _many_boxes(n: int) -> np.ndarray:
    return _repeated(workloads.boxes(min(n, MOST_DRAWN), 1), n)


def _many_pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    pred, target = workloads.pairs(min(n, MOST_DRAWN))
    return _repeated(pred, n), _repeated(target, n)


def _boxes(call: Callable[[np.ndarray], Any]) -> Growing:
    def make(n: int) -> Run:
        boxes = _many_boxes(n)
        return lambda: call(boxes)

    return Growing("n", "n", 1000, make)


def _aligned(call: Callable[[np.ndarray, np.ndarray], Any]) -> Growing:
    def make(n: int) -> Run:
        pred, target = _many_pairs(n)
        return lambda: call(pred, target)

    return Growing("n", "n", 1000, make)


def _loss(loss: Callable[..., Any], **options: Any) -> Growing:
    both = boxgrad.value_and_grad(loss)
    return _aligned(lambda pred, target: both(pred, target, reduction="mean", **options))


def _pairwise(call: Callable[[np.ndarray, np.ndarray], Any]) -> Growing:
    def make(n: int) -> Run:
        a, b = workloads.boxes(n, 1), workloads.boxes(n, 2)
        return lambda: call(a, b)

    return Growing("n^2", "n^2", 64, make)


def _values(call: Callable[[list[np.ndarray]], Any]) -> Growing:
    def make(n: int) -> Run:
        gradients = np.array_split(workloads.values(n), 100)
        return lambda: call(gradients)

    return Growing("n", "n", 1000, make)


def _units(n: int) -> Run:
    gradients = np.array_split(workloads.values(n), 100)
    parameters = [gradient.copy() for gradient in gradients]
    return lambda: boxgrad.adaptive_clip_grad_(parameters, grads=gradients)


def _differences(loss: Callable[..., Any]) -> Growing:
    call = boxgrad.value_and_grad(loss)

    def make(n: int) -> Run:
        pred, target = workloads.values(n), workloads.values(n)[::-1].copy()
        return lambda: call(pred, target, reduction="mean")

    return Growing("n", "n", 1000, make)


def _focal(n: int) -> Run:
    call, data = boxgrad.value_and_grad(boxgrad.distribution_focal_loss), workloads._focal(n).make()
    return lambda: call(data.logits, data.target)


def _distribution(n: int) -> Run:
    logits = workloads._focal(n).make().logits
    return lambda: boxgrad.decode_distribution(logits)


def _combine(n: int) -> Run:
    norms = np.abs(workloads.values(n))
    return lambda: boxgrad.combine_norms(norms)


def _decode(n: int) -> Run:
    boxes, deltas = _many_boxes(n), workloads.values(4 * n).reshape(n, 4)
    return lambda: boxgrad.decode_boxes(boxes, deltas)


def _distances(n: int) -> Run:
    points, boxes = _many_pairs(n)
    points = points[:, :2].copy()
    return lambda: boxgrad.encode_distances(points, boxes)


def _rotated(n: int) -> Run:
    boxes = workloads.rotated_boxes(n, 1)
    return lambda: boxgrad.convert_rotated_boxes(boxes, "degrees-ccw", "corners")


def _inspected(n: int) -> Run:
    boxes = workloads.rotated_boxes(n, 1)
    return lambda: boxgrad.inspect_rotated_boxes(boxes, (workloads.HEIGHT, workloads.WIDTH), angle="degrees-ccw")


def _min_area(n: int) -> Run:
    quads = boxgrad.convert_rotated_boxes(workloads.rotated_boxes(n, 1), "degrees-ccw", "corners")
    return lambda: boxgrad.min_area_boxes(quads, angle="degrees-ccw")


def _regularize(boxes: Any) -> Run:
    return lambda: boxgrad.regularize_rotated_boxes(boxes, "le90", angle="degrees-ccw")


def _regions(call: Callable[..., Any], n: int, **options: Any) -> Run:
    """Of n boxes, with 16 channels, and both gradients."""
    features = np.random.default_rng(1).normal(size=(1, 16, 64, 96)).astype(np.float32)
    table = np.hstack([np.zeros((n, 1), np.float32), _many_boxes(n)])

    def run() -> Any:
        value, pullback = boxgrad.vjp(call, features, table, 7, **options)
        return pullback(value)

    return run


def _rotated_pairs(call: Callable[..., Any], n: int, **options: Any) -> Run:
    data = workloads._rotated_loss(n).make()
    return lambda: call(data.pred, data.target, angle="degrees-ccw", **options)


def _periodic(n: int) -> Run:
    input, target = workloads.values(10 * n).reshape(2, n, 5)
    return lambda: boxgrad.rotated_smooth_l1_loss(input, target)


def _rotated_deltas(n: int) -> Run:
    data, deltas = workloads._rotated_loss(n).make(), workloads.values(5 * n).reshape(n, 5)
    return lambda: boxgrad.decode_rotated_boxes(data.pred, deltas, angle="degrees-ccw")


def _midpoints(n: int, decodes: bool) -> Run:
    proposals, targets, deltas = _many_pairs(n)[0], workloads._rotated_loss(n).make().target, workloads.values(6 * n).reshape(n, 6)
    if decodes:
        return lambda: boxgrad.decode_midpoint_offset(proposals, deltas, angle="degrees-ccw")
    return lambda: boxgrad.encode_midpoint_offset(proposals, targets, angle="degrees-ccw")


def _rotated_pairwise(call: Callable[..., Any]) -> Growing:
    def make(n: int) -> Run:
        a, b = workloads.rotated_boxes(n, 1), workloads.rotated_boxes(100, 2)
        return lambda: call(a, b, angle="degrees-ccw")

    return Growing("n", "n", 1000, make)


def _suppression(call: Callable[..., Any], order: str) -> Growing:
    def make(n: int) -> Run:
        boxes, scores = workloads._nms(n).make().boxes, np.random.default_rng(6).random(n, np.float32)
        return lambda: call(boxes, scores)

    return Growing(order, "n", 256, make)


def _rotated_suppression(call: Callable[..., Any], order: str) -> Growing:
    def make(n: int) -> Run:
        boxes, scores = workloads.rotated_clusters(n), np.random.default_rng(6).random(n, np.float32)
        return lambda: call(boxes, scores)

    return Growing(order, "n", 256, make)


def _rotated_match(n: int) -> Run:
    proposals, truths = workloads.rotated_boxes(n, 1), workloads.rotated_boxes(100, 2)
    return lambda: boxgrad.match_rotated_boxes(proposals, truths, 0.7, 0.3, True, angle="degrees-ccw")


def _match(n: int) -> Run:
    data = workloads._match(n, 100).make()
    return lambda: boxgrad.match_boxes(data.proposals, data.truths, data.high, data.low, True)


def _sample(n: int) -> Run:
    labels = np.random.default_rng(0).integers(0, 10, n)
    return lambda: boxgrad.sample_proposals(labels, 512, 0.25, seed=0)


FUNCTIONS = {
    "box_area": _boxes(boxgrad.box_area),
    "box_convert": _boxes(lambda boxes: boxgrad.box_convert(boxes, "xyxy", "cxcywh")),
    "clip_boxes_to_image": _boxes(lambda boxes: boxgrad.clip_boxes_to_image(boxes, (workloads.HEIGHT, workloads.WIDTH))),
    "inspect_boxes": _boxes(lambda boxes: boxgrad.inspect_boxes(boxes, (workloads.HEIGHT, workloads.WIDTH))),
    "remove_small_boxes": _boxes(lambda boxes: boxgrad.remove_small_boxes(boxes, 10)),
    "inspect_rotated_boxes": Growing("n", "n", 1000, _inspected),
    "min_area_boxes": Growing("n", "n", 1000, _min_area),
    "rotate_boxes": _boxes(lambda boxes: boxgrad.rotate_boxes(boxes, 30.0, (workloads.HEIGHT, workloads.WIDTH))),
    "roi_align": Growing("n", "n", 100, lambda n: _regions(boxgrad.roi_align, n, spatial_scale=0.25, sampling_ratio=2)),
    "precise_roi_pool": Growing("n", "n", 100, lambda n: _regions(boxgrad.precise_roi_pool, n, spatial_scale=0.25)),
    "convert_rotated_boxes": Growing("n", "n", 1000, _rotated),
    "regularize_rotated_boxes": Growing("n", "n", 1000, lambda n: _regularize(workloads.rotated_boxes(n, 1))),
    "rotated_box_iou": _rotated_pairwise(boxgrad.rotated_box_iou),
    "rotated_box_iof": _rotated_pairwise(boxgrad.rotated_box_iof),
    "aligned_rotated_box_iou": Growing("n", "n", 1000, lambda n: _rotated_pairs(boxgrad.aligned_rotated_box_iou, n)),
    **{
        name: Growing("n", "n", 1000, lambda n, call=boxgrad.value_and_grad(getattr(boxgrad, name)): _rotated_pairs(call, n, reduction="mean"))
        for name in ("gwd_loss", "kld_loss", "kfiou_loss", "probiou_loss")
    },
    "rotated_box_iou_loss": Growing("n", "n", 1000, lambda n: _rotated_pairs(boxgrad.value_and_grad(boxgrad.rotated_box_iou_loss), n, reduction="mean")),
    "clip": _boxes(lambda boxes: boxgrad.clip(boxes, 0.0, 100.0)),
    "box_iou": _pairwise(boxgrad.box_iou),
    "box_ioa": _pairwise(boxgrad.box_ioa),
    "box_ios": _pairwise(boxgrad.box_ios),
    "generalized_box_iou": _pairwise(boxgrad.generalized_box_iou),
    "distance_box_iou": _pairwise(boxgrad.distance_box_iou),
    "complete_box_iou": _pairwise(boxgrad.complete_box_iou),
    "aligned_box_iou": _aligned(boxgrad.aligned_box_iou),
    "box_iou_loss": _loss(boxgrad.box_iou_loss),
    "generalized_box_iou_loss": _loss(boxgrad.generalized_box_iou_loss),
    "distance_box_iou_loss": _loss(boxgrad.distance_box_iou_loss),
    "complete_box_iou_loss": _loss(boxgrad.complete_box_iou_loss),
    "efficient_box_iou_loss": _loss(boxgrad.efficient_box_iou_loss),
    "siou_loss": _loss(boxgrad.siou_loss),
    "alpha_box_iou_loss": _loss(boxgrad.alpha_box_iou_loss),
    "wise_box_iou_loss": _loss(boxgrad.wise_box_iou_loss),
    "inner_box_iou_loss": _loss(boxgrad.inner_box_iou_loss),
    "mpdiou_loss": _loss(boxgrad.mpdiou_loss, size=(workloads.HEIGHT, workloads.WIDTH)),
    "log_box_iou_loss": _loss(boxgrad.log_box_iou_loss),
    "nwd_loss": _loss(boxgrad.nwd_loss, constant=12.8),
    "bounded_iou_loss": _loss(boxgrad.bounded_iou_loss),
    "smooth_l1_loss": _differences(boxgrad.smooth_l1_loss),
    "rotated_smooth_l1_loss": Growing("n", "n", 1000, _periodic),
    "balanced_l1_loss": _differences(boxgrad.balanced_l1_loss),
    "distribution_focal_loss": Growing("n", "n", 1000, _focal),
    "decode_distribution": Growing("n", "n", 1000, _distribution),
    "encode_boxes": _aligned(boxgrad.encode_boxes),
    "decode_boxes": Growing("n", "n", 1000, _decode),
    "encode_rotated_boxes": Growing("n", "n", 1000, lambda n: _rotated_pairs(boxgrad.encode_rotated_boxes, n)),
    "decode_rotated_boxes": Growing("n", "n", 1000, _rotated_deltas),
    "encode_midpoint_offset": Growing("n", "n", 1000, lambda n: _midpoints(n, False)),
    "decode_midpoint_offset": Growing("n", "n", 1000, lambda n: _midpoints(n, True)),
    "encode_distances": Growing("n", "n", 1000, _distances),
    "decode_distances": _aligned(lambda boxes, distances: boxgrad.decode_distances(boxes[:, :2], distances)),
    "encode_linear": _aligned(boxgrad.encode_linear),
    "decode_linear": _aligned(boxgrad.decode_linear),
    "decode_yolo": _aligned(lambda boxes, deltas: boxgrad.decode_yolo(boxes, deltas, 8.0)),
    "get_total_norm": _values(boxgrad.get_total_norm),
    "per_tensor_norms": _values(boxgrad.per_tensor_norms),
    "clip_grad_norm_": _values(lambda gradients: boxgrad.clip_grad_norm_(gradients, 1.0)),
    "clip_grads_with_norm_": _values(lambda gradients: boxgrad.clip_grads_with_norm_(gradients, 1.0, 2.0)),
    "clip_grad_value_": _values(lambda gradients: boxgrad.clip_grad_value_(gradients, 1.0)),
    "clip_grad_rms_": _values(lambda gradients: boxgrad.clip_grad_rms_(gradients, 0.5)),
    "adaptive_clip_grad_": Growing("n", "n", 1000, _units),
    "scale_grads_": _values(lambda gradients: boxgrad.scale_grads_(gradients, 1.0)),
    "combine_norms": Growing("n", "n", 1000, _combine),
    "nms": _suppression(lambda boxes, scores: boxgrad.nms(boxes, scores, 0.5), "n log n"),
    "batched_nms": _suppression(lambda boxes, scores: boxgrad.batched_nms(boxes, scores, np.arange(len(boxes)) % 80, 0.5), "n log n"),
    "soft_nms": _suppression(boxgrad.soft_nms, "n^2"),
    "match_boxes": Growing("n", "n", 1000, _match),
    "rotated_nms": _rotated_suppression(lambda boxes, scores: boxgrad.rotated_nms(boxes, scores, 0.5, angle="degrees-ccw"), "n log n"),
    "batched_rotated_nms": _rotated_suppression(
        lambda boxes, scores: boxgrad.batched_rotated_nms(boxes, scores, np.arange(len(boxes)) % 80, 0.5, angle="degrees-ccw"), "n log n"),
    "soft_rotated_nms": _rotated_suppression(lambda boxes, scores: boxgrad.soft_rotated_nms(boxes, scores, angle="degrees-ccw"), "n^2"),
    "match_rotated_boxes": Growing("n", "n", 1000, _rotated_match),
    "sample_proposals": Growing("n", "n", 1000, _sample),
}
"""The functions that work on many items. Suppression has ten boxes around each of n / 10 places, matching a hundred truths."""


# ---- Measuring: in a process of its own -----------------------------------------------------------------------------------------


def _kilobytes(field: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def _peak(run: Run) -> int:
    """The bytes by which the process grew at most while the call ran."""
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before would be used again, and not be counted
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _kilobytes("VmRSS:")
    result = run()
    peak = _kilobytes("VmHWM:") - before
    del result
    return max(peak, 0) * 1024


def _seconds(run: Run) -> float:
    start = perf_counter()
    run()
    once = perf_counter() - start
    calls = max(1, min(1000, int(0.01 / max(once, 1e-9))))
    samples = []
    for _ in range(3 if once > 0.2 else 5):
        start = perf_counter()
        for _ in range(calls):
            run()
        samples.append((perf_counter() - start) / calls)
    return statistics.median(samples)


def measure(name: str, limit: float, most_memory: int) -> list[dict[str, float]]:
    """n, seconds and bytes of one function's calls, up to the size whose call takes `limit` seconds, or whose memory would be too much."""
    function, n, found = FUNCTIONS[name], FUNCTIONS[name].first, []
    while True:
        run = function.make(n)
        record = {"n": n, "bytes": _peak(run), "seconds": _seconds(run)}
        found.append(record)
        order, memory = ORDERS[function.time], ORDERS[function.memory]
        too_long = record["seconds"] * order(STEP * n) / order(n) > 2 * limit
        too_large = (record["bytes"] + 64 * n) * memory(STEP * n) / memory(n) > most_memory
        if record["seconds"] >= limit or too_long or too_large:
            return found
        n *= STEP


def run(glob: str, limit: float) -> dict[str, Any]:
    names = [name for name in FUNCTIONS if fnmatch.fnmatch(name, glob)]
    most_memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    records = {}
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(names))
        for name in names:
            progress.update(bar, description=name)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                records[name] = pool.submit(measure, name, limit, most_memory).result()
            progress.advance(bar)
            if not progress.console.is_terminal:
                progress.console.print(name, highlight=False)
    date = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    versions = {"boxgrad": f"{boxgrad.__version__} ({boxgrad.cpu_tier()})", "numpy": np.__version__}
    return {"date": date, "machine": describe_machine(), "versions": versions, "seconds": limit, "records": records}


# ---- Judging ---------------------------------------------------------------------------------------------------------------------


def excess(records: list[dict[str, float]], field: str, order: str) -> float:
    """How many times more the last step added than the formula says: 1 where it grew just as the formula. Without two sizes, 1."""
    if len(records) < 2:
        return 1.0
    before, last = records[-2:]
    expected = ORDERS[order](int(last["n"])) / ORDERS[order](int(before["n"]))
    return last[field] / max(before[field], 1e-9) / expected


def too_fast(results: dict[str, Any]) -> list[str]:
    """A sentence for each function that grew faster than its formula. Below a megabyte, memory is what the allocator rounds to."""
    sentences = []
    for name, records in results["records"].items():
        function = FUNCTIONS[name]
        if (times := excess(records, "seconds", function.time)) > SLACK:
            sentences.append(f"{name}: the last step took {times:.2g} times the time that {function.time} says")
        large = [record for record in records if record["bytes"] > 2**20]
        if (times := excess(large, "bytes", function.memory)) > SLACK:
            sentences.append(f"{name}: the last step took {times:.2g} times the memory that {function.memory} says")
    return sentences


# ---- Showing ---------------------------------------------------------------------------------------------------------------------

HEADER = ["function", "grows as", "largest n", "s", "ns an item", "last step / formula", "bytes an item", "memory grows as"]


def rows(results: dict[str, Any]) -> list[list[str]]:
    found = []
    for name, records in results["records"].items():
        function, last = FUNCTIONS[name], records[-1]
        n = int(last["n"])
        per_item = last["seconds"] / ORDERS[function.time](n) * 1e9
        memory = last["bytes"] / ORDERS[function.memory](n)
        step = excess(records, "seconds", function.time)
        found.append([name, function.time, str(n), *map(report.number, (last["seconds"], per_item, step, memory)), function.memory])
    return found


def show(results: dict[str, Any], console: Console) -> None:
    table = Table(title="Growth: an item is a unit of what the function grows as", title_justify="left")
    for index, name in enumerate(HEADER):
        table.add_column(name, justify="left" if index < 2 else "right", no_wrap=index < 2)
    for row in rows(results):
        table.add_row(*row)
    console.print(table)
    for line in too_fast(results):
        console.print(line, style="bold red", highlight=False)
    console.print(report.machine(results), style="dim", highlight=False)


def chart(results: dict[str, Any], path: Path) -> None:
    """Time and memory over the size, a line per function; functions of one order share a colour."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    colours = dict(zip(ORDERS, ("tab:blue", "tab:green", "tab:red")))
    figure, panels = pyplot.subplots(1, 2, figsize=(13, 6), layout="constrained")
    for axes, field, label in zip(panels, ("seconds", "bytes"), ("seconds a call", "bytes beyond the arguments")):
        for name, records in results["records"].items():
            function = FUNCTIONS[name]
            order = function.time if field == "seconds" else function.memory
            points = [(record["n"], record[field]) for record in records if record[field] > 0]
            if points:
                axes.plot(*zip(*points), color=colours[order], linewidth=1, marker=".", markersize=3)
                axes.annotate(name, points[-1], fontsize=6, xytext=(3, 0), textcoords="offset points", va="center")
        axes.set(xscale="log", yscale="log", xlabel="n", title=label)
        axes.grid(alpha=0.3)
        axes.margins(x=0.15)
    panels[0].legend([pyplot.Line2D([], [], color=colour) for colour in colours.values()], list(colours), title="grows as")
    figure.suptitle(f"{results['machine']['cpu']}, {results['date'][:10]}, one thread", fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def markdown(results: dict[str, Any]) -> str:
    return f"Until a call took {results['seconds']:g} s: {report.machine(results)}\n\n{report.markdown_table(HEADER, rows(results), left=2)}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog='example: growth.py --only "*loss" --seconds 0.5'
    )
    parser.add_argument("--only", default="*", metavar="GLOB", help="functions whose name matches")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="sizes grow until a call takes so long (default: 2)")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", metavar="FOLDER", help="for growth.json and growth.png (default: build/bench)")
    parser.add_argument("--write-docs", action="store_true", help="put the results into docs/performance.md and docs/growth.*")
    given = parser.parse_args()
    if not any(fnmatch.fnmatch(name, given.only) for name in FUNCTIONS):
        parser.error(f"no function matches {given.only!r}; the functions are {', '.join(FUNCTIONS)}")
    results = run(given.only, given.seconds)
    show(results, Console(width=None if sys.stdout.isatty() else 200))
    folder = ROOT / "docs" if given.write_docs else given.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "growth.json").write_text(json.dumps(results, indent=1) + "\n")
    chart(results, folder / "growth.png")
    if given.write_docs:
        page = folder / "performance.md"
        page.write_text(report.replaced(page.read_text(), markdown(results), "growth"))
    return 1 if too_fast(results) else 0


if __name__ == "__main__":
    sys.exit(main())
