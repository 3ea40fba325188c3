"""The benchmark itself, at a thousandth of its sizes: that wrong results are not timed, and that what is written is what was measured."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import bench  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
from peer import Peer, load  # noqa: E402
from workloads import FRESH, IN_PLACE, detector_sizes, table  # noqa: E402

SCALE = 0.001


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What `bench.py` writes about the peers that the tests' environment has: boxgrad, NumPy, torch."""
    out = tmp_path_factory.mktemp("bench")
    options = "--scale", str(SCALE), "--rounds", "1", "--seconds", "0", "--threads", "1", "--peer", "boxgrad", "numpy", "torch_eager"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bindings/python"), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, ROOT / "benchmarks/bench.py", *options, "--out", out]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    assert (out / "bench.png").stat().st_size > 10_000
    return json.loads((out / "bench.json").read_text())


def test_every_workload_was_measured(results):
    expected = {(workload.name, mode) for workload in table(SCALE) for mode in workload.modes}
    measured = {(r["workload"], r["mode"]) for r in results["records"] if r["peer"] == "boxgrad"}
    assert measured == expected
    assert {r["peer"] for r in results["records"]} >= {"boxgrad", "numpy"}


NOT_TIMED = {
    "aligned_box_iou", "alpha_box_iou_loss", "bounded_iou_loss", "box_area", "box_convert", "box_ioa", "box_ios", "box_iou_loss", "clip", "clip_boxes_to_image", "complete_box_iou",
    "aligned_rotated_box_iou", "convert_rotated_boxes", "regularize_rotated_boxes", "rotated_box_iof", "gwd_loss", "kfiou_loss", "probiou_loss",
    "decode_rotated_boxes", "decode_midpoint_offset", "encode_midpoint_offset", "rotated_smooth_l1_loss",
    "decode_distances", "decode_distribution", "decode_linear", "distance_box_iou", "encode_linear",
    "precise_roi_pool", "inner_box_iou_loss", "log_box_iou_loss", "mpdiou_loss", "nwd_loss", "siou_loss", "wise_box_iou_loss",
}  # fmt: skip
"""Functions whose kernel or whose limit, the memory, is that of another that is timed."""


def test_every_differentiable_function_has_a_workload():
    from boxgrad.autodiff import _ARRAYS

    source = (ROOT / "benchmarks/peers/boxgrad.py").read_text()
    names = {function.__name__ for function in _ARRAYS if function.__module__.startswith("boxgrad.")}
    without = {name for name in names if not re.search(rf"\bboxgrad\.{name}\b", source)}
    assert without == NOT_TIMED, "peers/boxgrad.py times no other function, and each of these"


def test_records_are_complete(results):
    for record in results["records"]:
        assert "failure" not in record, record
        assert 0 < record["minimum"] <= record["median"] < 1
        assert record["rounds"] >= 1 and record["threads"] == 1
        assert record["error"] <= record["asked"] or record["note"]
    assert {"cpu", "cores", "memory_gib", "system", "python", "commit", "load"} == set(results["machine"])
    assert all(results["machine"][name] for name in ("cpu", "cores", "system", "python", "commit"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", results["date"])
    assert {"boxgrad", "numpy"} <= set(results["versions"])


def test_the_table_says_what_was_measured(results):
    medians = {(r["workload"], r["mode"], r["title"]): r["median"] for r in results["records"]}
    workloads = {w["name"]: w for w in results["workloads"]}
    header, _, *lines = [line.strip("| ").split(" | ") for line in report.markdown(results).splitlines() if line.startswith("|")]
    assert len(lines) == len({key[:2] for key in medians})
    for name, mode, ms, items, gigabytes, *ratios in ([cell.strip() for cell in line] for line in lines):
        own = medians[name, mode, "boxgrad"]
        assert float(ms) == pytest.approx(own * 1e3, rel=6e-3)
        assert float(items) == pytest.approx(workloads[name]["items"] / own / 1e9, rel=6e-3, abs=1e-6)
        assert float(gigabytes) == pytest.approx(workloads[name]["bytes"] / own / 1e9, rel=6e-3, abs=1e-6)
        for title, ratio in zip(header[5:], ratios):
            key = name, mode, title.strip()
            assert (ratio == "") == (key not in medians)
            if ratio:
                assert float(ratio.rstrip(report.INEXACT)) == pytest.approx(medians[key] / own, rel=6e-3, abs=1e-6)


# ---- Wrong peers ---------------------------------------------------------------------------------------------------------


def outcome(change, tolerance=None):
    """The record of a peer whose pairwise IoU is `change` of the right one."""
    workload = next(workload for workload in table(SCALE) if workload.task == "pairwise")
    right = measure.reference(workload, workload.make())[0]
    peer = Peer("wrong", {})
    peer.does("pairwise", FRESH, tolerance=tolerance)(lambda data: lambda: change(right.copy()))
    (record,) = measure.measure_workload(workload, {"wrong": peer}, measure.Settings(1, rounds=1, seconds=0))
    return record


def spoiled(matrix, value):
    matrix[-1, -1] = value
    return matrix


def fail(matrix):
    raise RuntimeError("no luck")


def test_a_right_result_is_timed():
    assert outcome(lambda matrix: matrix.astype(np.float32))["median"] > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda matrix: matrix + 1e-4,
        lambda matrix: spoiled(matrix, 0.5),
        lambda matrix: spoiled(matrix, np.nan),
        lambda matrix: matrix.T[:3],
        lambda matrix: (matrix, matrix),
        lambda matrix: 1 - matrix,
        fail,
    ],
)
def test_a_wrong_result_is_not_timed(change):
    record = outcome(change)
    assert "failure" in record and "median" not in record


def test_a_known_inexactness_is_timed_and_marked():
    record = outcome(lambda matrix: matrix + 1e-4, tolerance=1e-3)
    assert record["median"] > 0 and record["error"] > record["asked"]
    assert report._ratio(record, 1.0).endswith(report.INEXACT)


@pytest.mark.parametrize("task", sorted({workload.task for workload in table(SCALE)}))
def test_the_check_sees_each_output(task):
    """Every result of every task, spoiled in one element, is refused."""
    workload = next(workload for workload in table(SCALE) if workload.task == task)
    expected = measure.reference(workload, workload.make())
    limits = [output.tolerance for output in workload.outputs]
    for index in range(len(expected)):
        changed = [x.copy() for x in expected]
        changed[index].flat[-1] += np.abs(changed[index]).max() + 1
        found = measure.errors(changed, expected, workload.outputs)
        assert [error > limit for error, limit in zip(found, limits)] == [k == index for k in range(len(expected))]


def test_a_peer_without_its_library_is_skipped(tmp_path, monkeypatch):
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers/absent.py").write_text("import there_is_no_such_library")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "peers", raising=False)
    peers, missing = load(1, tmp_path / "peers")
    assert peers == {} and "there_is_no_such_library" in missing["absent"]


# ---- Measuring -----------------------------------------------------------------------------------------------------------


def test_peers_take_turns():
    order = []

    def peer(name):
        def run():
            order.append(name)
            time.sleep(1.1 * measure.SAMPLE)

        return run

    samples = measure.time_in_turns({"a": peer("a"), "b": peer("b")}, measure.Settings(1, rounds=3, seconds=0))
    assert order == ["a", "b"] * 4  # the first turn is the warm-up
    assert [len(of_one) for of_one in samples.values()] == [3, 3]
    assert all(measure.SAMPLE < seconds < 1 for of_one in samples.values() for seconds in of_one)


def test_a_fast_call_is_repeated_until_it_can_be_timed():
    assert 20 < measure._calls_per_sample(lambda: time.sleep(measure.SAMPLE / 100)) <= 200
    assert measure._calls_per_sample(lambda: time.sleep(measure.SAMPLE)) == 1


@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_every_round_clips(p):
    from peers.boxgrad import peer

    data = SimpleNamespace(gradients=[np.array([3.0, -4.0], np.float32), np.full(5, 2.0, np.float32)], p=p, clips=True)
    run, before = peer.offers["clip_norm", IN_PLACE].factory(data), np.linalg.norm(np.concatenate(data.gradients), p)
    for _ in range(20):
        after = np.linalg.norm(np.concatenate(run()[1]), p)
        assert after == pytest.approx(0.99 * before, rel=1e-5)
        before = after


def test_the_tensors_are_those_of_the_detector():
    assert (len(detector_sizes()), sum(detector_sizes()), max(detector_sizes())) == (189, 41_808_406, 12_845_056)


# ---- C and documents -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_c_benchmark_has_the_same_workloads(tmp_path):
    library = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so")).resolve().parent
    link = f"-L{library}", "-lboxgrad", f"-Wl,-rpath,{library}", "-lm", "-pthread"
    subprocess.run(["cc", "-O1", ROOT / "benchmarks/kernels.c", f"-I{ROOT}/include", *link, "-o", tmp_path / "kernels"], check=True)
    subprocess.run([tmp_path / "kernels", tmp_path / "out.json", str(SCALE), "0"], check=True, stdout=subprocess.DEVNULL)
    found = json.loads((tmp_path / "out.json").read_text())
    assert {k["name"] for k in found["kernels"]} == {w.name for w in table(SCALE) if "float16" not in w.name}
    assert {b["name"] for b in found["bandwidth"]} == {"write", "read", "copy", "scale"}
    assert all(k["ms"] > 0 and k["gb_per_s"] > 0 for k in found["kernels"])


KEPT = [json.loads(path.read_text()) for path in sorted((ROOT / "docs/performance").glob("*.json"))]


def test_documents_show_the_results_that_are_kept():
    assert {path: path.read_text() for path in bench.documents(ROOT)} == bench.documents(ROOT)
    assert [report.kind_of_machine(results) for results in KEPT] == [path.stem for path in sorted((ROOT / "docs/performance").glob("*.json"))]


def test_machines_stand_side_by_side(results):
    table = report.side_by_side([*KEPT, results])
    _, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    ours = {r["workload"]: r["median"] for r in results["records"] if r["peer"] == "boxgrad" and r["mode"] != "reused"}
    shown = {line[0]: line[-1] for line in lines if line[-1]}
    assert set(shown) == set(ours) and all(len(line) == 2 + len(KEPT) for line in lines)
    for name, cell in shown.items():
        milliseconds, title, ratio = re.fullmatch(r"([\d.]+) \((.+) ([\d.]+)†?\)", cell).groups()
        assert float(milliseconds) == pytest.approx(ours[name] * 1e3, rel=6e-3)
        peers = {r["title"]: r["median"] / ours[name] for r in results["records"] if r["workload"] == name and r["peer"] != "boxgrad" and r["mode"] != "reused"}
        assert peers[title] == min(peers.values()) == pytest.approx(float(ratio), rel=6e-3)


def test_results_are_written_into_the_documents(tmp_path, results):
    for path in ("docs/performance.md", "README.md", *(f"docs/performance/{report.kind_of_machine(kept)}.json" for kept in KEPT)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    other = {**results, "machine": {**results["machine"], "cpu": "Another (R) CPU"}, "date": "9" + results["date"][1:]}
    bench.write_documents(other, tmp_path)
    assert json.loads((tmp_path / f"docs/performance/{report.kind_of_machine(other)}.json").read_text()) == other
    assert report.machine(other) in (tmp_path / "README.md").read_text()
    page = (tmp_path / "docs/performance.md").read_text()
    assert report.side_by_side(sorted([*KEPT, other], key=report.kind_of_machine)) in page and report.noise(other)[0] in page


def test_the_noise_is_said(results):
    assert {name: len(samples) > len(results["workloads"]) for name, samples in results["weather"]["1"].items()} == {"arithmetic": True, "copying": True}
    weather = {"1": {"copying": [1.0, 1.5, 2.0, 1.2, 1.0]}}
    said = "Noise, one thread: the same copying took 1.2 times its least time in the median, 2 at most."
    assert report.noise({"weather": weather}) == [said] and report.noise({}) == []


def test_the_readme_shows_six_workloads_of_three_peers():
    """Those that are in the whole table, with the same numbers."""
    results = max(KEPT, key=lambda kept: kept["date"])
    short, whole = (
        [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
        for text in (report.short_markdown(results), report.markdown(results).split("### ")[1])
    )
    (head, _, *rows), (columns, _, *others) = short, whole
    assert len(rows) == 6 and len(head) == 7
    for row in rows:
        other = next(line for line in others if line[0] == row[0] and line[1].strip() in ("fresh", "in place"))
        assert [cell.strip() for cell in row] == [other[columns.index(name)].strip() for name in head]
        assert all(cell.strip() for cell in row)
