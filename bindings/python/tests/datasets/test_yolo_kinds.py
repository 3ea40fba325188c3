"""Which kind YOLO's lines have: boxes, polygons, or boxes with keypoints; and that it is asked for where two kinds explain them."""

import numpy as np
import pytest
from asked import refusal
from boxgrad import datasets
from test_harm import folder_of


@pytest.mark.parametrize(
    ("lines", "boxes"),
    [
        ("0 0.5 0.5 0.2 0.2 0.9 17\n0 0.3 0.3 0.2 0.2 0.8 3", [[0.4, 0.4, 0.6, 0.6], [0.2, 0.2, 0.4, 0.4]]),  # confidence and track id
        ("0 0.2 0.2 0.2 0.2 0.1 0.1 0 0.3 0.3 1\n0 0.5 0.5 0.2 0.2 0.5 0.5 2 0.4 0.4 1", [[0.1, 0.1, 0.3, 0.3], [0.4, 0.4, 0.6, 0.6]]),
        ("0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9 0.0 0.5\n0 0.2 0.2 0.4 0.2 0.3 0.4", [[0, 0.1, 0.9, 0.9], [0.2, 0.2, 0.4, 0.4]]),
    ],
)
def test_kinds_of_yolo(lines, boxes, tmp_path):
    data = datasets.read(folder_of(tmp_path, lines + "\n"))
    assert not data.doubt and not data.faults
    np.testing.assert_allclose(data.boxes, boxes, atol=1e-12)


def test_a_triangle_that_could_be_a_track_id(tmp_path):
    folder = folder_of(tmp_path, "0 0.5 0.5 0.2 0.2 0.9 1\n")
    asked = refusal(folder)
    assert "a box, a confidence and a track id" in asked and "--format yolo-segment or --format yolo-detect" in asked
    np.testing.assert_allclose(datasets.read(folder, "yolo-detect").boxes, [[0.4, 0.4, 0.6, 0.6]])
    np.testing.assert_allclose(datasets.read(folder, "yolo-segment").boxes, [[0.2, 0.2, 0.9, 1]])


@pytest.mark.parametrize("last", [" 0.91", "", " 0.91 3"])
def test_poses_that_were_predicted(last, tmp_path):
    """Each point has its confidence, and the box perhaps, too: as polygons their sides would cross."""
    points = " 0.45 0.45 0.93 0.55 0.45 0.12 0 0 0.03" + " 0.5 0.55 0.7" * 14 + last
    folder = folder_of(tmp_path, f"0 0.5 0.5 0.2 0.2{points}\n0 0.52 0.5 0.2 0.2{points}\n")
    data = datasets.read(folder)
    assert "pose: 2 of 2 long lines are a box and keypoints" in data.evidence
    np.testing.assert_allclose(data.boxes, [[0.4, 0.4, 0.6, 0.6], [0.42, 0.4, 0.62, 0.6]])


def test_keypoints_by_kpt_shape(tmp_path):
    """12 numbers that could be a polygon of six corners are a box and four points, if data.yaml says so; without it they are in doubt."""
    folder = folder_of(tmp_path, "0 0.5 0.5 0.6 0.3 0.65 0.42 0.6 0.45 0.62 0.5 0.5 0.6\n")
    assert "no line decides against either: say which they are with --format yolo-pose or --format yolo-segment" in refusal(folder)
    (folder / "data.yaml").write_text("names: [a]\nkpt_shape: [4, 2]\n")
    data = datasets.read(folder)
    assert not data.doubt
    np.testing.assert_allclose(data.boxes, [[0.2, 0.35, 0.8, 0.65]])
    (folder / "data.yaml").write_text("names: [a]\nkpt_shape: [17, 3]\n")
    assert "kpt_shape of data.yaml says 55 numbers a line, which 0 of 1 long lines have" in refusal(folder)
    (folder / "data.yaml").write_text("names: [a]\n")
    data = datasets.read(folder)
    assert not data.doubt, "a pose would have a kpt_shape"
    np.testing.assert_allclose(data.boxes, [[0.5, 0.3, 0.65, 0.6]])


def test_formats_of_kinds(tmp_path):
    folder = folder_of(tmp_path, "0 0.5 0.5 0.2 0.2 0.45 0.45 0.55 0.45\n")
    boxes = {kind: datasets.read(folder, f"yolo-{kind}").boxes.round(9).tolist() for kind in ("pose", "segment", "obb", "detect")}
    polygon = [[0.2, 0.2, 0.55, 0.5]]
    assert boxes == {"pose": [[0.4, 0.4, 0.6, 0.6]], "segment": polygon, "obb": polygon, "detect": []}
    copy = datasets.fix(datasets.read(folder, "yolo-pose"), tmp_path / "new", ["clip"])
    assert copy.changes == [] and (tmp_path / "new" / "0.txt").read_bytes() == (folder / "0.txt").read_bytes()
