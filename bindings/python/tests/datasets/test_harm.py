"""`fix` does no harm: it refuses what is not certain or too much, touches no row that it does not explain, and checks what it wrote."""

import json
import shutil
import subprocess
from pathlib import Path

import fuzz_fix
import numpy as np
import pytest
import samples
from boxgrad import BoxgradError, datasets
from boxgrad.datasets import repair
from boxgrad.datasets.detection import sort_of_row
from boxgrad.datasets.records import Copied

ALL = ["clip", "drop-degenerate", "drop-duplicates"]
every_format = pytest.mark.parametrize("kind", samples.WRITERS)


def folder_of(tmp_path, *texts, name="set"):
    folder = tmp_path / name
    folder.mkdir()
    for index, text in enumerate(texts):
        (folder / f"{index}.txt").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("row", "sort"),
    [
        ("0 0.5 0.5 0.2 0.2", "fractions"), ("0.0 0.5 0.5 0.2 0.2", "fractions"), ("0e+00 0.5 0.5 0.2 0.2 0.9 17", "fractions"),
        ("6 0.30 0.67 0.48 0.67 0.48 0.81 0.30 0.81", "fractions"), ("0 0.68 0.59 0.20 0.07 0.58 0.63 2", "fractions"),
        ("-1 0.5 0.5 0.2 0.2", "fractions"), ("1.5 0.5 0.5 0.2 0.2", "fractions"), ("0x1 0.5 0.5 0.2 0.2", "fractions"),
        ("0 0 0 1 1", "whole"), ("dog 0.5 0.5 0.2 0.2", "named"), ("traffic light 0.5 0.5 0.2 0.2", "named"),
        ("dog 10 10 50 60", "text"), ("dog 0.9 10 10 50 60", "text"), ("0 10 10 50 60", "pixels"), ("0 10 10 50 60 0.9", "pixels"),
        ("10 10 50 10 50 60 10 60 plane 0", "quad"), ("10 10 50 10 50 60 10 60 storage tank 0", "quad"), ("gsd:0.1", "head"),
        ("0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6 plane 0", "quad"), ("10 10 50 10 50 60 10 60 3 0", "corners"),
        ("0 10 10 100 10 100 100", "many"), ("README", ""), ("0 0.5 0.5 0.2", ""),
    ],
)  # fmt: skip
def test_each_row_is_of_one_sort(row, sort):
    assert sort_of_row(row.split()) == sort


def test_all_files_speak(tmp_path):
    """Of these 260 files the last 60 are something else."""
    texts = ["0 0.5 0.5 0.2 0.2\n"] * 200 + ["10 10 50 10 50 60 10 60 plane 0\n"] * 60
    folder = tmp_path / "set"
    folder.mkdir()
    for index, text in enumerate(texts):
        (folder / f"{index:03}.txt").write_text(text)
    with pytest.raises(datasets.UnreadableError) as error:
        datasets.read(folder)
    assert f"yolo explains 200 of 260 rows, and not {folder}/200.txt:1: '10 10 50" in str(error.value)
    assert f"dota explains 60 of 260 rows, and not {folder}/000.txt:1: '0 0.5" in str(error.value)
    assert str(error.value).endswith("say which it is with --format yolo or --format dota")


def test_a_format_that_is_named_needs_no_evidence(tmp_path):
    """And the first 200 files are images without a box, which say nothing of the format."""
    folder = folder_of(tmp_path, *[""] * 250, *["10 10 50 10 50 60 10 60 plane 0\n"] * 5)
    data = datasets.read(folder)
    assert (data.format, len(data), data.doubt) == ("dota", 5, "")
    (folder / "0.txt").write_text("0 0.5 0.5 0.2 0.2 0.9\n" * 9)
    with pytest.raises(BoxgradError, match="yolo explains 9 of 14 rows"):
        datasets.read(folder)
    assert datasets.fix(datasets.read(folder, "yolo"), tmp_path / "new", ["clip"]).changes == []


def test_a_folder_of_both_xml_and_text(tmp_path):
    sample = samples.write("voc", tmp_path / "set")
    (sample.path / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(BoxgradError, match="2 XML files and 1 text file of yolo: say which with --format voc or --format yolo"):
        datasets.fix(datasets.read(sample.path), tmp_path / "new", ["clip"])
    datasets.fix(datasets.read(sample.path, "voc"), tmp_path / "new", ["clip"])


def test_too_many_malformed_rows(tmp_path, command):
    path = tmp_path / "x.csv"

    def write(bad, good):
        rows = [f"{i},x,5,9\n" for i in range(bad)] + [f"{i},5,{i + 9},19\n" for i in range(good)]
        path.write_text("x1,y1,x2,y2\n" + "".join(rows))

    words = ["fix", path, "--policy", "clip", "--image-size", "9999x99"]
    write(5, 10)
    assert command(*words, "--out", tmp_path / "a.csv")[0] == 0, "five are few"
    write(6, 800)
    assert command(*words, "--out", tmp_path / "b.csv")[0] == 0, "0.75 % is little"
    write(6, 100)
    status, _, printed = command(*words, "--out", tmp_path / "c.csv")
    assert status == 2 and not (tmp_path / "c.csv").exists()
    assert f"6 of 106 annotations are malformed ({path}:2: y1 is 'x'; {path}:3: y1 is 'x'; {path}:4: y1 is 'x'; and 3 more)" in printed
    assert "--allow-malformed 0.057" in printed
    assert command(*words, "--out", tmp_path / "c.csv", "--allow-malformed", "0.05")[0] == 2
    assert command(*words, "--out", tmp_path / "c.csv", "--allow-malformed", "0.057")[0] == 0
    assert (tmp_path / "c.csv").read_bytes() == path.read_bytes()
    write(1, 100)
    assert command(*words, "--out", tmp_path / "d.csv", "--allow-malformed", "0")[0] == 2, "a share that is given is the only limit"
    status, _, printed = command(*words, "--out", tmp_path / "d.csv", "--allow-malformed", "1.5")
    assert status == 2 and "a share from 0 to 1, not 1.5" in printed


def test_too_many_boxes_would_be_dropped(tmp_path, command):
    path = tmp_path / "x.csv"

    def write(bad, good):
        rows = [f"{i},5,{i},9\n" for i in range(bad)] + [f"{i},5,{i + 9},19\n" for i in range(good)]
        path.write_text("x1,y1,x2,y2\n" + "".join(rows))

    words = ["fix", path, "--policy", "drop-degenerate"]
    write(20, 10)
    assert command(*words, "--out", tmp_path / "a.csv")[0] == 0
    write(21, 500)
    assert command(*words, "--out", tmp_path / "b.csv")[0] == 0
    write(21, 100)
    status, _, printed = command(*words, "--out", tmp_path / "c.csv")
    assert status == 2 and not (tmp_path / "c.csv").exists()
    assert f"21 of 121 boxes would be dropped ({path}:2: 0, 5, 0, 9 by drop-degenerate; " in printed and "--max-dropped 0.174" in printed
    assert command(*words, "--dry-run")[0] == 2, "a trial refuses what the repair would"
    assert command(*words, "--out", tmp_path / "c.csv", "--max-dropped", "0.17")[0] == 2
    assert command(*words, "--out", tmp_path / "c.csv", "--max-dropped", "0.174")[0] == 0
    assert (tmp_path / "c.csv").read_text().count("\n") == 101
    status, _, printed = command(*words, "--out", tmp_path / "d.csv", "--max-dropped", "-0.1")
    assert status == 2 and "from 0 to 1" in printed


def test_rows_that_say_more_than_their_format_stay(tmp_path, command, command_json):
    row = "-10 10 50 10 50 60 -10 60 plane 0 0.98 extra"
    folder = folder_of(tmp_path, f"-10 10 50 10 50 60 -10 60 plane 0\n{row}\n-90 10 -50 10 -50 60 -90 60 plane 0 more\n")
    data = datasets.read(folder, image_size=(100, 100))
    done = datasets.fix(data, tmp_path / "new", ["clip", "drop-outside"])
    assert (tmp_path / "new" / "0.txt").read_text() == (folder / "0.txt").read_text().replace(
        "-10 10 50 10 50 60 -10 60 plane 0\n", "0 10 50 10 50 60 0 60 plane 0\n"
    )
    assert [(change.policy, change.place.line) for change in done.left] == [("drop-outside", 3), ("clip", 2), ("clip", 3)]
    assert done.counts == {"clip": 1}
    words = ["fix", folder, "--policy", "clip,drop-outside", "--image-size", "100x100"]
    _, printed, _ = command(*words, "--out", tmp_path / "b")
    assert "3 repairs not done, because the row says more than its format explains" in printed
    assert f"not rewritten: {folder}/0.txt:2: clip -10, 10, 50, 60 -> 0, 10, 50, 60" in printed
    _, report = command_json(*words, "--out", tmp_path / "c")
    assert len(report["left"]) == 3


def test_twins_that_say_something_else_are_kept(tmp_path):
    """The same box of the same class with other keypoints, another outline or another track is another label."""
    flags = "0 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.45 {}\n"
    folder = folder_of(tmp_path, flags.format(1) + flags.format(2) + flags.format(1) + "0 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.45 2\n")
    done = datasets.fix(datasets.read(folder), tmp_path / "new", ["drop-duplicates"])
    assert [change.place.line for change in done.changes] == [3, 4] and [change.place.line for change in done.left] == [2]
    assert (tmp_path / "new" / "0.txt").read_text() == flags.format(1) + flags.format(2)

    one = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}
    outlines = [[[1, 1, 6, 1, 6, 6]], [[1, 1, 6, 6, 1, 6]], [[1, 1, 6, 1, 6, 6]]]
    content = {"images": [{"id": 1, "width": 9, "height": 9}], "categories": [{"id": 1}],
               "annotations": [{"id": i, **one, "segmentation": outline} for i, outline in enumerate(outlines)]}  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(content))
    done = datasets.fix(datasets.read(tmp_path / "x.json"), tmp_path / "new.json", ["drop-duplicates"])
    assert [change.id for change in done.changes] == [2] and [change.id for change in done.left] == [1]

    (tmp_path / "x.csv").write_text("image,x1,y1,x2,y2,kind\na,1,1,9,9,dog\na,1,1,9,9,cat\na,1,1,9,9,dog\n")
    done = datasets.fix(datasets.read(tmp_path / "x.csv"), tmp_path / "new.csv", ["drop-duplicates"])
    assert [change.place.line for change in done.changes] == [4], "where the category stands is not known: any column may say it"

    folder = folder_of(tmp_path, "traffic light 10 10 50 60\ntraffic sign 10 10 50 60\n", name="text")
    assert datasets.read(folder).categories == ["traffic light", "traffic sign"]
    assert datasets.fix(datasets.read(folder), tmp_path / "text-new", ["drop-duplicates"]).changes == []


def test_a_mark_amid_a_file(tmp_path):
    """The line after a dropped one starts with the mark of a file that was put behind another: it is read the same in the copy."""
    folder = folder_of(tmp_path, "0 0.5 0.5 0 0.2\n\ufeff0 0.9 0.5 0.4 0.2\n")
    datasets.fix(datasets.read(folder), tmp_path / "new", ["drop-degenerate", "clip"])
    assert (tmp_path / "new" / "0.txt").read_text() == "\ufeff0 0.85 0.5 0.3 0.2\n"


def test_an_object_with_two_boxes_stays(tmp_path):
    box = "<bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
    text = "<annotation><size><width>50</width><height>50</height></size><object><name>a</name>"
    (tmp_path / "x.xml").write_text(text + box.format(-5) + box.format(1) + "</object></annotation>")
    done = datasets.fix(datasets.read(tmp_path / "x.xml"), tmp_path / "new.xml", ["clip"])
    assert not done.changes and len(done.left) == 1
    assert (tmp_path / "new.xml").read_bytes() == (tmp_path / "x.xml").read_bytes()


def test_clipping_changes_the_corners_outside_alone(tmp_path):
    folder = folder_of(tmp_path, "0 0.10 0.2e0 1.25 0.30 0.400 .9\n0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9 0.05 0.5\n")
    datasets.fix(datasets.read(folder), tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "0.txt").read_text() == (folder / "0.txt").read_text().replace("1.25", "1.0")


def test_what_coco_keeps_beside_the_box(tmp_path):
    """Keypoints, outlines, scores and unknown fields have the same bytes."""
    annotation = (
        '{"keypoints" : [1.50, 2, 2 , -7,0e0,1],"num_keypoints":2, "segmentation":[[-5.0,1,  9,9, 3,4]], "bbox":[-5, 1,14.0,8], '
        '"score": 0.10, "attributes":{"bbox":[-5,1,14,8], "occluded":false},"image_id":1,"category_id":1,"id":3}'
    )
    text = '{"images":[{"id":1,"width":50,"height":50}],"annotations":[' + annotation + '],"categories":[{"id":1}]}'
    (tmp_path / "x.json").write_text(text)
    datasets.fix(datasets.read(tmp_path / "x.json"), tmp_path / "new.json", ["clip"])
    assert (tmp_path / "new.json").read_text() == text.replace('"bbox":[-5, 1,14.0,8]', '"bbox":[0, 1,9.0,8]')


def test_what_voc_and_tables_keep_beside_the_box(tmp_path):
    text = (
        "<annotation><!-- <object> --><size><width>50</width><height>50</height></size><object><name>a</name><pose>Left</pose>"
        "<truncated>1</truncated><difficult>0</difficult><bndbox><xmin>-5</xmin><ymin> 1 </ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
        "<polygon><x1>-5</x1></polygon></object></annotation>\n"
    )
    (tmp_path / "x.xml").write_text(text)
    datasets.fix(datasets.read(tmp_path / "x.xml"), tmp_path / "new.xml", ["clip"])
    assert (tmp_path / "new.xml").read_text() == text.replace("<xmin>-5", "<xmin>0")

    rows = 'image,note,x1,y1,x2,y2,score\na.jpg,in"ch,-5,1,9,8,0.10\n"a.jpg","a ""b"", c",1,1,99,8, 1e-1\n'
    (tmp_path / "x.csv").write_text(rows)
    datasets.fix(datasets.read(tmp_path / "x.csv", image_size=(50, 50)), tmp_path / "new.csv", ["clip"])
    assert (tmp_path / "new.csv").read_text() == rows.replace("-5,1,9", "0,1,9").replace(",99,", ",50,")


def test_parquet_keeps_its_schema_and_says_what_it_cannot_hold(tmp_path):
    import pyarrow
    from pyarrow import parquet

    fields = {"image": pyarrow.string(), "cx": pyarrow.int32(), "cy": pyarrow.int32(), "w": pyarrow.int32(), "h": pyarrow.int32(),
              "tags": pyarrow.list_(pyarrow.string())}  # fmt: skip
    schema = pyarrow.schema(list(fields.items()), {b"who": b"me"})
    table = pyarrow.table([["a", "a", "b"], [0, 5, 5], [5, 5, 5], [4, 2, 0], [2, 2, 2], [["x"], None, []]], schema)
    parquet.write_table(table, tmp_path / "x.parquet")
    data = datasets.read(tmp_path / "x.parquet", image_size=(50, 50))
    datasets.fix(data, tmp_path / "new.parquet", ["clip", "drop-degenerate"])
    new = parquet.read_table(tmp_path / "new.parquet")
    assert new.schema.equals(parquet.read_schema(tmp_path / "x.parquet"), check_metadata=True) and new.schema.metadata == {b"who": b"me"}
    assert new.to_pylist() == [{**table.to_pylist()[0], "cx": 1, "w": 2}, table.to_pylist()[1]]
    parquet.write_table(table.set_column(3, schema.field(3), pyarrow.array([6, 3, 0], pyarrow.int32())), tmp_path / "x.parquet")
    with pytest.raises(BoxgradError, match="column cx is int32, which cannot hold 1.5; nothing was written"):
        datasets.fix(datasets.read(tmp_path / "x.parquet", image_size=(50, 50)), tmp_path / "n.parquet", ["clip"])


@pytest.mark.parametrize("kind", samples.EDITABLE)
def test_dry_run_prints_the_changes_and_writes_nothing(kind, tmp_path, command, command_json):
    sample, data = samples.read(kind, tmp_path / "set")
    words = [sample.path, *(word for name, value in sample.options.items() for word in (f"--{name}", value)), "--policy", ",".join(ALL)]
    before = sorted(tmp_path.rglob("*"))
    status, printed, _ = command("fix", *words, "--dry-run")
    assert status == 0 and sorted(tmp_path.rglob("*")) == before
    file = data.source.place(2).file
    assert f"--- {file}" in printed and "clip 1, drop-degenerate 1, drop-duplicates 1" in printed
    assert "nothing is written; this would be done" in printed
    status, report = command_json("fix", *words, "--dry-run", "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists(), "a trial writes nothing, wherever it would"
    done = datasets.fix(data, tmp_path / "new", ALL)
    assert status == 0 and report["out"] is None and len(report["changes"]) == len(done.changes)
    if kind not in ("coco", "parquet"):
        for one in report["diff"]:
            check_patch(one, tmp_path, sample.path, tmp_path / "new")


def check_patch(diff, tmp_path, old, new):
    """The diff is one: patch makes the copy from the original."""
    if shutil.which("patch") is None:
        pytest.skip("skipped: there is no patch")
    name = diff.split("\n")[0][4:]
    target = tmp_path / "patched"
    shutil.copy(name, target)
    subprocess.run(["patch", "--quiet", target], input=diff, text=True, check=True)
    copy = new if old.is_file() else new / Path(name).relative_to(old)
    assert target.read_bytes() == copy.read_bytes()


def test_dry_run_of_coco_and_parquet(tmp_path):
    sample, data = samples.read("coco", tmp_path / "coco")
    (diff,) = datasets.fix(data, None, ALL, dry_run=True).diffs
    lines = diff.split("\n")
    assert [line for line in lines if line.startswith("@@")] == [f"@@ annotation {i} @@" for i in (1, 2, 4)]
    assert json.loads(next(line for line in lines if line.startswith("+{"))[1:])["bbox"] == [0, 20, 15, 20]
    _, data = samples.read("parquet", tmp_path / "parquet")
    (diff,) = datasets.fix(data, None, ALL, dry_run=True).diffs
    assert diff.count("\n-{") == 3 and diff.count("\n+{") == 1
    with pytest.raises(ValueError, match="out must name"):
        datasets.fix(data, None, ALL)


def test_without_out_there_is_a_sentence(tmp_path, command):
    sample = samples.write("coco", tmp_path / "set")
    status, _, printed = command("fix", sample.path, "--policy", "clip")
    assert status == 2 and "--out must name the repaired copy, or --dry-run" in printed


DAMAGE = {
    "coco": [(b'"note": "', b'"note": " '), (b'"id": 3', b'"id": 33'), (b"dog", b"Dog"), (b'"info": {}', b'"info": {"a": 1}'),
             (b"[5, 5, 15, 25]", b"[5, 5, 15, 25.0]")],
    "voc": [(b"<part>", b"<Part>"), (b"cat", b"cta"), (b"\t<object>", b"<object>"), (b"<annotation>\n", b"<annotation>\n\n"),
            (b"<width>100", b"<width>101")],
    "yolo": [(b"1 0.", b"2 0."), (b"0.3", b"0.4"), (b"dog", b"Dog")],
    "dota": [(b"dog 0", b"dog 1"), (b"12 8", b"12  8")],
    "text": [(b"dog 10 10 50 60", b"dog 10 10 50 60.0"), (b"dog 12", b"cat 12")],
    "csv": [(b'"a, note"', b'"b, note"'), (b"filename", b"Filename"), (b"b.png,40", b"b.png,41"), (b"48,36", b"36,48")],
    "semicolon": [(b"b.png;40", b"b.png;41"), (b"sep=;", b"sep=; "), (b";36,0", b";36,1"), (b";36,0", b";360"), (b"dog;12", b"dog;12 ")],
    "bbox-texts": [(b"b.png,60", b"b.png,61"), (b"[12.0, 8", b"[12.0, 9"), (b"[12.0, 8", b"[12.0 , 8"), (b"8]\"", b"8 ]\"")],
    "json-lines": [(b'{"left": 7}', b'{"left": 8}'), (b'"label": "dog"', b'"label": "Dog"'), (b'"label"', b'"Label"'), (b': 48', b': "48"')],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new"), [(kind, *pair) for kind, pairs in DAMAGE.items() for pair in pairs])
def test_a_copy_that_differs_elsewhere_never_appears(kind, old, new, tmp_path, monkeypatch):
    """Something changes between what was decided and what is written: the comparison finds it, whichever it is."""
    sample, data = samples.read(kind, tmp_path / "set")
    rewrite, hits = data.source.rewrite, []

    def damaged(*arguments):
        for path, content in rewrite(*arguments):
            hits.append(old in content)
            yield path, content.replace(old, new, 1)

    if new == b"Dog" and kind == "yolo":
        put = repair._put
        monkeypatch.setattr(repair, "_put", lambda path, content: (hits.append(old in content), put(path, content.replace(old, new))))
    data.source.rewrite = damaged
    with pytest.raises(Copied, match="does not read back as it was meant: .*; nothing was written"):
        datasets.fix(data, tmp_path / "new", ALL)
    assert any(hits) and not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", samples.EDITABLE)
def test_a_copy_without_another_row_never_appears(kind, tmp_path):
    _, data = samples.read(kind, tmp_path / "set")
    rewrite = data.source.rewrite
    data.source.rewrite = lambda boxes, areas, dropped: rewrite(boxes, areas, (dropped - {4}) | {5})
    with pytest.raises(Copied):
        datasets.fix(data, tmp_path / "new", ALL)
    data.source.rewrite = lambda boxes, areas, dropped: rewrite({0: boxes[2] + 1, **boxes}, areas, dropped)
    with pytest.raises(Copied):
        datasets.fix(data, tmp_path / "new", ALL)
    assert not (tmp_path / "new").exists()


def test_fifteen_seconds_of_mutations():
    """make fuzz-fix goes on with other seeds."""
    outcomes, failed = fuzz_fix.run(15, seed=14_000_000)
    assert not failed and outcomes["changed"] > 20 and outcomes["refused"] > 20


def test_the_judge_of_mutations_sees_harm(monkeypatch):
    """A repair that drops the row after the one that it reports is found within some cases."""
    from boxgrad.datasets import lines

    rewrite = lines._Source.rewrite
    monkeypatch.setattr(
        lines._Source,
        "rewrite",
        lambda self, boxes, areas, dropped: rewrite(self, boxes, areas, {(row + 1) % len(self.lines) for row in dropped}),
    )
    monkeypatch.setattr(repair, "verify", lambda *arguments: None)
    monkeypatch.setattr(np, "allclose", lambda *arguments, **options: True)
    assert fuzz_fix.run(60, seed=0, cases=300)[1]
