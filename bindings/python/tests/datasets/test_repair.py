"""Repaired copies: what is changed, that nothing else is, and that a copy appears whole or not at all."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import samples
from boxgrad import BoxgradError, datasets

every_format = pytest.mark.parametrize("kind", samples.WRITERS)
ALL = ["clip", "drop-degenerate", "drop-duplicates"]


def fixed(sample, data, out, policies=ALL):
    done = datasets.fix(data, out, policies)
    options = dict(sample.options)
    return done, datasets.read(out, data.format, **options)


@pytest.mark.parametrize("kind", samples.EDITABLE)
def test_repairs(kind, tmp_path):
    sample, data = samples.read(kind, tmp_path / "set")
    done, new = fixed(sample, data, tmp_path / "new")
    np.testing.assert_allclose(new.boxes, [[10, 10, 50, 60], [0, 20, 15, 40], [5, 5, 20, 30], [12, 8, 48, 36]], atol=1e-6)
    assert done.counts == {"clip": 1, "drop-degenerate": 1, "drop-duplicates": 1}
    assert done.before == samples.COUNTS
    assert done.after.keys() <= {"area-differs"}  # COCO: the area of the clipped box
    assert [(change.policy, change.after) for change in done.changes] == [
        ("clip", "0, 20, 15, 40"),
        ("drop-degenerate", ""),
        ("drop-duplicates", ""),
    ]
    assert [change.place.line for change in done.changes] == [sample.line(2), sample.line(1), sample.line(4)]


@pytest.mark.parametrize("kind", samples.EDITABLE)
def test_nothing_else_changes(kind, tmp_path):
    """Without anything to repair the copy has the same bytes; with something, all lines but those have."""
    sample, data = samples.read(kind, tmp_path / "set")
    datasets.fix(data, tmp_path / "same", ["drop-crossed"])
    datasets.fix(data, tmp_path / "new", ALL)
    if sample.path.is_file():
        pairs = [(sample.path, tmp_path / "same", tmp_path / "new")]
    else:
        pairs = [(file, tmp_path / "same" / file.name, tmp_path / "new" / file.name) for file in sorted(sample.path.iterdir())]
    assert pairs
    if kind == "parquet":
        from pyarrow import parquet

        old, same, new = (parquet.read_table(path) for path in pairs[0])
        assert old.equals(same) and old.schema.equals(new.schema)
        assert new.drop_columns(["xmin"]).equals(old.take([0, 2, 3, 5]).drop_columns(["xmin"]))
        return
    lines = 5 if kind == "voc" else 1
    for old, same, new in pairs:
        assert old.read_bytes() == same.read_bytes()
        before, after = old.read_text().split("\n"), new.read_text().split("\n")
        rows = [i for i, (image, _, _) in enumerate(samples.BOXES) if len(pairs) == 1 or old.stem == image]
        gone = {sample.line(i) - 1 + line for i in rows if i in (1, 4) for line in range(lines)}
        stays = [i for i in range(len(before)) if i not in gone]
        assert len(after) == len(stays)
        clipped = range(sample.line(2) - 1, sample.line(2) - 1 + lines) if 2 in rows else ()
        changed = [i for i, line in zip(stays, after) if line != before[i]]
        assert len(changed) == (2 in rows) and all(i in clipped for i in changed)


def test_json_keeps_order_spaces_other_fields_and_ids(tmp_path):
    text = """{ "annotations" : [
  {"bbox":[ 1.50 ,2, 3e1,4.0], "id":"a", "x": {"bbox": [9]}, "image_id":1, "category_id":1} ,
  {"id": 5, "image_id": 1, "category_id": 1, "bbox": [90, 90, 20.0, 20],
   "area": 400, "é": "\\u00e9"},{"id":6,"image_id":1,"category_id":1,"bbox":[1,1,0,1]}
  ],
 "images":[{"id":1,"width":100,"height":100}], "categories": [ {"id":1} ], "extra": [1,2 ,3]}
"""
    path = tmp_path / "x.json"
    path.write_text(text)
    done = datasets.fix(datasets.read(path), tmp_path / "new.json", ["clip", "drop-degenerate", "area"])
    expected = text.replace("20.0, 20]", "10.0, 10]").replace('"area": 400', '"area": 100')
    expected = expected.replace(',{"id":6,"image_id":1,"category_id":1,"bbox":[1,1,0,1]}', "")
    assert (tmp_path / "new.json").read_text() == expected
    assert done.counts == {"clip": 1, "drop-degenerate": 1, "area": 1}
    assert path.read_text() == text


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("bad", [[0], [3], [0, 1], [2, 3], [0, 3], [1, 2], [0, 1, 2, 3]])
def test_annotations_are_cut_out_of_a_list_with_their_comma(bad, indent, tmp_path):
    annotations = [{"id": i, "image_id": 1, "category_id": 1, "bbox": [1, i, 0 if i in bad else 2, 2]} for i in range(4)]
    path = tmp_path / "x.json"
    content = {"images": [{"id": 1, "width": 10, "height": 10}], "annotations": annotations, "categories": [{"id": 1}]}
    path.write_text(json.dumps(content, indent=indent))
    datasets.fix(datasets.read(path), tmp_path / "new.json", ["drop-degenerate"])
    content["annotations"] = [one for one in annotations if one["id"] not in bad]
    assert json.loads((tmp_path / "new.json").read_text()) == content


@pytest.mark.parametrize("kind", [kind for kind in samples.WRITERS if kind != "parquet"])
def test_line_ends_of_windows_stay(kind, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    files = [sample.path] if sample.path.is_file() else [*sample.path.glob("*.xml"), *sample.path.glob("?.txt")]
    for file in files:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    data = datasets.read(sample.path, **sample.options)
    datasets.fix(data, tmp_path / "new", ALL)
    new = tmp_path / "new"
    for file in [new] if new.is_file() else new.glob("?.*"):
        content = file.read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n") > 0


def test_swap_drop_outside_small_and_crossed(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n30,10,10,20\n200,5,210,9\n5,5,5.25,40\n1,1,9,9\n")
    data = datasets.read(path, image_size=(100, 100))
    done = datasets.fix(data, tmp_path / "new.csv", ["drop-small", "swap", "drop-outside"])
    assert (tmp_path / "new.csv").read_text() == "x1,y1,x2,y2\n10,10,30,20\n1,1,9,9\n"
    assert done.counts == {"swap": 1, "drop-outside": 1, "drop-small": 1}

    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.txt").write_text("126 191 128 171 123 178 221 199 plane 0\n0 0 9 0 9 9 0 9 plane 0\n")
    data = datasets.read(tmp_path / "d")
    assert datasets.inspect(data).counts == {"self-intersecting": 1}
    datasets.fix(data, tmp_path / "n", ["drop-crossed"])
    assert (tmp_path / "n" / "a.txt").read_text() == "0 0 9 0 9 9 0 9 plane 0\n"


def test_corners_of_quadrilaterals_are_clipped(tmp_path):
    (tmp_path / "a.txt").write_text("50 -10 110 50 50 110 -10 50 plane 1\n")
    data = datasets.read(tmp_path / "a.txt", image_size=(100, 100))
    datasets.fix(data, tmp_path / "b.txt", ["clip"])
    assert (tmp_path / "b.txt").read_text() == "50 0 100 50 50 100 0 50 plane 1\n"


def test_quoted_fields_of_tables_stay(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('note,"x1", y1,x2,y2\n"a, ""b""\nc","-3", 2.0 ,9,9\n')
    datasets.fix(datasets.read(path, image_size=(50, 50)), tmp_path / "new.csv", ["clip"])
    assert (tmp_path / "new.csv").read_text() == 'note,"x1", y1,x2,y2\n"a, ""b""\nc","0", 2.0 ,9,9\n'


def test_nothing_is_overwritten(tmp_path, command):
    sample, data = samples.read("coco", tmp_path / "set")
    before = sample.path.read_bytes()
    (tmp_path / "there").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    for out in (sample.path, tmp_path / "there", tmp_path / "dangling", tmp_path / "set"):
        with pytest.raises(ValueError, match="out must be new, and .* exists"):
            datasets.fix(data, out, ALL)
        assert command("fix", sample.path, "--out", out, "--policy", "clip")[0] == 2
    assert sample.path.read_bytes() == before and (tmp_path / "there").read_text() == "mine"

    _, folder = samples.read("voc", tmp_path / "voc")
    with pytest.raises(ValueError, match="lies in the data set's folder"):
        datasets.fix(folder, tmp_path / "voc" / "new", ALL)
    assert sorted(path.name for path in (tmp_path / "voc").iterdir()) == ["a.xml", "b.xml"]


def test_something_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    from boxgrad.datasets import repair

    sample, data = samples.read("coco", tmp_path / "set")
    write = repair._write

    def late(*arguments):
        (tmp_path / "new").write_text("mine")
        write(*arguments)

    monkeypatch.setattr(repair, "_write", late)
    with pytest.raises(FileExistsError):
        datasets.fix(data, tmp_path / "new", ALL)
    assert (tmp_path / "new").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "set"]


def test_a_copy_that_does_not_read_back_is_not_kept(tmp_path, monkeypatch):
    from boxgrad.datasets import repair

    _, data = samples.read("text", tmp_path / "set")
    monkeypatch.setattr(repair, "_put", lambda path, content: path.write_bytes(content.replace(b"10 10 50 60", b"10 10 50 61")))
    with pytest.raises(BoxgradError, match="does not read back"):
        datasets.fix(data, tmp_path / "new", ALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "set-photos"]


KILLED = """
import sys, time
from boxgrad import datasets
from boxgrad.datasets import repair
sync = repair._sync
def slow(path):
    sync(path)
    print("half-way", flush=True)
    time.sleep(60)
repair._sync = slow
datasets.fix(datasets.read(sys.argv[1]), sys.argv[2], ["clip"])
"""


@pytest.mark.parametrize("kind", ["coco", "voc"])
def test_killed_half_way_there_is_no_new(kind, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    process = subprocess.Popen([sys.executable, "-c", KILLED, sample.path, tmp_path / "new"], stdout=subprocess.PIPE, env=environment())
    assert process.stdout.readline() == b"half-way\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "new").exists()
    datasets.fix(datasets.read(sample.path), tmp_path / "new", ["clip"])
    assert (tmp_path / "new").exists(), "and the next one is not in its way"


def environment():
    import boxgrad

    return {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(boxgrad.__file__)), "BOXGRAD_LIBRARY": str(boxgrad.library_path())}


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    from boxgrad.datasets import repair

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    _, data = samples.read("voc", tmp_path / "set")
    monkeypatch.setattr(repair, "_put", full)
    with pytest.raises(OSError, match="No space left"):
        datasets.fix(data, tmp_path / "new", ALL)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_files_that_cannot_be_read_are_copied(tmp_path, command):
    sample = samples.write("voc", tmp_path / "set")
    (sample.path / "bad.xml").write_bytes(b"<annotation>")
    status, _, errors = command("fix", sample.path, "--out", tmp_path / "new", "--policy", "clip")
    assert status == 2 and "copied as it is" in errors
    assert (tmp_path / "new" / "bad.xml").read_bytes() == b"<annotation>"


def test_names_of_classes_are_copied(tmp_path):
    sample, data = samples.read("yolo", tmp_path / "set")
    datasets.fix(data, tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "classes.txt").read_text() == "dog\ncat\n"


@every_format
def test_files_without_labels_are_not_copied_and_that_is_said(kind, tmp_path, command, command_json):
    sample, data = samples.read(kind, tmp_path / "set")
    words = ["fix", sample.path, "--policy", "clip", *(word for name, value in sample.options.items() for word in (f"--{name}", value))]
    _, report = command_json(*words, "--out", tmp_path / "a")
    assert report["not_copied"] == []
    if sample.path.is_dir():
        for name in ("photo.jpg", "photo2.jpg"):
            (sample.path / name).write_bytes(b"x")
        _, printed, _ = command(*words, "--dry-run")
        assert f"not in the copy: 2 files of which no label was read, like {sample.path}/photo.jpg" in printed
        assert not list(tmp_path.glob("a/**/*.jpg"))


def test_policies_are_checked(tmp_path, command):
    sample, data = samples.read("coco", tmp_path / "set")
    with pytest.raises(ValueError, match="policies must be some of swap, clip, .*, not crop"):
        datasets.fix(data, tmp_path / "new", ["clip", "crop"])
    with pytest.raises(ValueError, match="not none"):
        datasets.fix(data, tmp_path / "new", [])
    assert command("fix", sample.path, "--out", tmp_path / "new", "--policy", "")[0] == 2
    assert not (tmp_path / "new").exists()


def test_summary_of_the_command(tmp_path, command, command_json):
    sample = samples.write("coco", tmp_path / "set")
    status, printed, _ = command("fix", sample.path, "--out", tmp_path / "new", "--policy", ",".join(ALL))
    assert status == 0
    assert "annotations[2] a.png: -5, 20, 15, 40 -> 0, 20, 15, 40" in printed
    assert "30, 30, 30, 70 -> dropped" in printed
    assert "clip 1, drop-degenerate 1, drop-duplicates 1" in printed
    status, report = command_json("fix", sample.path, "--out", tmp_path / "new2", "--policy", ",".join(ALL))
    assert status == 0
    assert [change["annotation"] for change in report["changes"]] == [2, 1, 4]
    assert report["before"] == samples.COUNTS
