"""The chart of growth: that it has every function, and that it judges right."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import boxgrad
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import growth  # noqa: E402

ABOUT = {"cpu_tier", "get_num_threads", "library_path", "set_num_threads", "stop_gradient", "value_and_grad", "vjp"}
"""Functions about the library, and those whose time is another function's."""


def test_every_function_is_in_the_chart():
    functions = {name for name in boxgrad.__all__ if inspect.isfunction(getattr(boxgrad, name))}
    assert set(growth.FUNCTIONS) == functions - ABOUT


def test_sizes_grow_until_the_limit(tmp_path):
    command = [sys.executable, ROOT / "benchmarks/growth.py", "--only", "box_io*", "--seconds", "0.002", "--out", tmp_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bindings/python"), os.environ.get("PYTHONPATH", "")])}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    results = json.loads((tmp_path / "growth.json").read_text())
    assert (result.returncode == 1) == bool(growth.too_fast(results)), result.stderr
    assert set(results["records"]) == {"box_iou", "box_ioa", "box_ios", "box_iou_loss"}
    for name, records in results["records"].items():
        assert [record["n"] for record in records] == [growth.FUNCTIONS[name].first * 4**k for k in range(len(records))]
        assert 0.0001 < records[-1]["seconds"] and name in result.stdout and name in result.stderr
    matrix = results["records"]["box_iou"][-1]
    assert matrix["bytes"] > 3.9 * matrix["n"] ** 2
    assert (tmp_path / "growth.png").stat().st_size > 10_000
    assert subprocess.run([*command[:3], "none"], capture_output=True, text=True).returncode == 2


def grown(time, memory=lambda n: 8 * n):
    return [{"n": n, "seconds": time(n), "bytes": memory(n)} for n in (1 << 20, 1 << 22, 1 << 24)]


@pytest.mark.parametrize(
    ("name", "records", "sentence"),
    [
        ("box_area", grown(lambda n: 1e-9 * n), None),
        ("box_area", grown(lambda n: 1e-15 * n**2), "box_area: the last step took 4 times the time that n says"),
        ("box_area", grown(lambda n: 1e-9 * n, lambda n: n**2), "box_area: the last step took 4 times the memory that n says"),
        ("box_area", grown(lambda n: 1e-9 * n)[:1], None),
        ("box_iou", grown(lambda n: 1e-15 * n**2, lambda n: 4 * n**2), None),
        ("nms", grown(lambda n: 1e-9 * n * 1.1 ** (n / (1 << 20))), "nms: the last step took 2.9 times the time that n log n says"),
    ],
)
def test_what_grows_faster_than_its_formula_is_named(name, records, sentence):
    assert growth.too_fast({"records": {name: records}}) == ([sentence] if sentence else [])
