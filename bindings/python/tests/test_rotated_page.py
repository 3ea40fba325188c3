"""docs/rotated.md: its examples, its table, and its pictures, which examples/rotated.py makes."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/rotated.md").read_text()


def run(*arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bindings/python"), os.environ.get("PYTHONPATH", "")]), "MPLBACKEND": "agg"}
    return subprocess.run([sys.executable, ROOT / "examples/rotated.py", *arguments], capture_output=True, text=True, env=environment, check=True).stdout


def test_the_examples_run_and_give_what_they_say():
    namespace = {}
    results = []
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            code = line.split("#")[0].strip()
            if code.startswith("boxgrad."):
                results.append(eval(code, namespace))
            elif code:
                exec(code, namespace)
    radians, corners, bounds, regular, overlap, decoded, kept = results
    assert radians[0, 4] == pytest.approx(0.5236, abs=5e-5) and corners.shape == (1, 8)
    assert np.allclose(bounds, [[60 - 29.2487, 50 - 22.6603, 60 + 29.2487, 50 + 22.6603]], atol=1e-3) and np.array_equal(regular, namespace["ship"])
    assert overlap[:, 0].round(2).tolist() == [0.68, 1, 0] and overlap[1, 0] == 1
    assert np.allclose(decoded, np.repeat(namespace["ship"], 2, axis=0), atol=1e-12) and namespace["deltas"].shape == (2, 5)
    assert kept.tolist() == [1, 2] and namespace["matches"].tolist() == [0, 0, -1]
    assert namespace["gradient"].shape == (3, 5) and np.abs(namespace["gradient"]).max() > 0


def test_the_table_is_what_the_script_prints():
    assert run().strip() == re.search(r"<!-- examples/rotated.py -->\n((?:\|.*\n)+)", PAGE)[1].strip()


def test_the_pictures_are_drawn(tmp_path):
    run("--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(re.findall(r"\((rotated-\w+\.png)\)", PAGE))
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())


def test_one_minus_iou_does_not_move_a_box_that_is_apart(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    script = runpy.run_path(str(ROOT / "examples/rotated.py"))
    boxes = script["descend"](script["LOSSES"]["1 - IoU"], script["STARTS"]["apart"])
    assert np.array_equal(boxes, np.repeat(boxes[:1], len(boxes), axis=0))
