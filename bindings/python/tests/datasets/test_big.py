"""Time and memory of a COCO file with as many boxes as train2017, outlines included, and time of a large folder of YOLO and of large tables.

A tenth of each unless all tests are wanted.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boxgrad
import pytest
from boxgrad import datasets

MEASURED = """
import json, resource, sys, time
from boxgrad import datasets
def kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, seconds = kib(), []
for _ in range(3):  # the best of three: others use this machine, too
    start, found = time.process_time(), None
    found = datasets.inspect(datasets.read(sys.argv[1]))
    seconds.append(time.process_time() - start)
examples = {name: [finding.place.member for finding in found.findings(name)] for name in found.counts}
print(json.dumps({"seconds": min(seconds), "bytes": (kib() - before) * 1024, "boxes": len(found.dataset), "found": examples}))
"""


PARSED = """
import json, sys, time
start = time.process_time()
json.load(open(sys.argv[1]))
print(time.process_time() - start)
"""


def write(path, boxes):
    """Sizes of images, outlines of 400 bytes and order as in COCO; box 0 leaves its image, the middle one has no height."""
    images = boxes // 7
    outline = json.dumps([[round(x * 7.13 % 300, 2) for x in range(60)]])
    with open(path, "w") as file:
        file.write('{"info": {}, "images": [')
        for i in range(images):
            size = f'"height": {300 + i * 7919 % 341}, "width": {400 + i * 104729 % 241}'
            file.write(
                f'{", " * (i > 0)}{{"license": 3, "file_name": "{i:012}.jpg", {size}, "date_captured": "2013-11-14 11:18:45", "id": {i}}}'
            )
        file.write('], "annotations": [')
        for i in range(boxes):
            x, y, w, h = i * 31 % 2000 / 10, i * 37 % 1500 / 10, 2 + i * 41 % 1900 / 10, 0 if i == boxes // 2 else 2 + i * 43 % 1400 / 10
            x -= i == 0
            members = f'"area": {w * h * 0.6:.3f}, "iscrowd": 0, "image_id": {i * 17 % images}, "bbox": [{x}, {y}, {w}, {h}], '
            members += f'"category_id": {1 + i % 80}'
            file.write(f'{", " * (i > 0)}{{"segmentation": {outline}, {members}, "id": {i}}}')
        file.write('], "categories": [' + ", ".join(f'{{"supercategory": "x", "id": {i}, "name": "{i}"}}' for i in range(1, 81)) + "]}")


def measure(path):
    variables = {**os.environ, "PYTHONPATH": str(Path(boxgrad.__file__).parents[1]), "BOXGRAD_LIBRARY": str(boxgrad.library_path())}
    measured = json.loads(subprocess.run([sys.executable, "-c", MEASURED, path], check=True, capture_output=True, env=variables).stdout)
    path.unlink()
    return measured


@pytest.mark.parametrize(
    "boxes", [86_000, pytest.param(860_000, marks=pytest.mark.skipif(not os.environ.get("BOXGRAD_TEST_ALL"), reason="make test-all"))]
)
def test_seconds_and_bytes(boxes, tmp_path):
    path = tmp_path / "instances.json"
    write(path, boxes)
    by_json = float(subprocess.run([sys.executable, "-c", PARSED, path], check=True, capture_output=True).stdout)
    measured = measure(path)
    print({**measured, "file": boxes, "json": by_json})
    assert measured["boxes"] == boxes
    assert measured["found"]["zero-height"] == [f"annotations[{boxes // 2}]"]
    assert measured["found"]["partly-outside"] == ["annotations[0]"]
    share = boxes / 860_000
    assert measured["seconds"] < 0.7 * by_json  # half of this on a quiet machine
    assert measured["bytes"] < 1.1e9 * share


def write_table(path, rows):
    """Images of ten boxes, with labels and sizes; row 0 leaves its image, the middle one has no width."""
    import numpy as np
    import pyarrow
    from pyarrow import csv, parquet

    chance = np.random.default_rng(0)
    x, y = chance.uniform(0, 500, rows).round(2), chance.uniform(0, 400, rows).round(2)
    w, h = chance.uniform(2, 100, rows).round(2), chance.uniform(2, 60, rows).round(2)
    x[0], w[rows // 2] = -3, 0
    columns = {
        "image": [f"{row // 10:08}.jpg" for row in range(rows)], "label": [f"class {row % 80}" for row in range(rows)],
        "width": [640] * rows, "height": [480] * rows, "x1": x, "y1": y, "x2": (x + w).round(2), "y2": (y + h).round(2),
    }  # fmt: skip
    (parquet.write_table if path.suffix == ".parquet" else csv.write_csv)(pyarrow.table(columns), path)


@pytest.mark.parametrize(
    "rows", [100_000, pytest.param(1_000_000, marks=pytest.mark.skipif(not os.environ.get("BOXGRAD_TEST_ALL"), reason="make test-all"))]
)
@pytest.mark.parametrize(("name", "seconds"), [("x.parquet", 2), ("x.csv", 4)])
def test_seconds_of_tables(name, seconds, rows, tmp_path):
    path = tmp_path / name
    write_table(path, rows)
    if name == "x.csv":
        path.write_bytes(path.read_bytes().replace(b'"', b""))
    measured = measure(path)
    print({**measured, "file": rows})
    assert measured["boxes"] == rows
    assert {problem: len(found) for problem, found in measured["found"].items()} == {"zero-width": 1, "partly-outside": 1}
    assert measured["seconds"] < seconds * rows / 1_000_000 + 0.05


@pytest.mark.parametrize(
    "files", [10_000, pytest.param(100_000, marks=pytest.mark.skipif(not os.environ.get("BOXGRAD_TEST_ALL"), reason="make test-all"))]
)
def test_seconds_of_yolo(files, tmp_path):
    """Without photos, seven boxes in each file. The best of three, because other tests run at the same time."""
    (tmp_path / "labels").mkdir()
    for i in range(files):
        rows = (f"{k} 0.5{i % 89:02} 0.4{k}{i % 83:02} 0.{1 + k % 3}{i % 97:02} 0.25\n" for k in range(7))
        (tmp_path / "labels" / f"{i:06}.txt").write_text("".join(rows))
    seconds = []
    for _ in range(3):
        start = time.process_time()
        found = datasets.inspect(datasets.read(tmp_path))
        seconds.append(time.process_time() - start)
        assert len(found.dataset) == 7 * files and found.ok
    assert min(seconds) < 12 * files / 100_000
