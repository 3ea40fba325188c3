"""What a repaired copy is compared with: its original, wherever the copy appears and whatever its name is; and which boxes are twins."""

import json

import pytest
from boxgrad import datasets
from boxgrad.datasets.records import Copied
from PIL import Image

VOC = "<annotation><object><name>a</name><bndbox>{}</bndbox></object></annotation>"
TEXTS = {
    "photo.txt": ("0 0.9 0.5 0.4 0.2\n", "0 0.85 0.5 0.3 0.2\n"),
    "words.txt": ("dog 35 10 55 30\n", "dog 35 10 50 30\n"),
    "photo.csv": ("x1,y1,x2,y2\n35,10,55,30\n", "x1,y1,x2,y2\n35,10,50,30\n"),
    "photo.xml": [VOC.format(f"<xmin>35</xmin><ymin>10</ymin><xmax>{xmax}</xmax><ymax>30</ymax>") for xmax in (55, 50)],
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_gets_another_name(name, tmp_path):
    """The size of its photo, which has the file's name, is that of the copy, too."""
    text, repaired = TEXTS[name]
    (tmp_path / name).write_text(text)
    (tmp_path / "other").mkdir()
    Image.new("RGB", (50, 40)).save((tmp_path / name).with_suffix(".png"))
    done = datasets.fix(datasets.read(tmp_path / name), tmp_path / "other" / "new.txt", ["clip"])
    assert (tmp_path / "other" / "new.txt").read_text() == repaired
    assert done.before == {"partly-outside": 1} and done.after == {}
    assert datasets.fix(datasets.read(tmp_path / name), None, ["swap"], dry_run=True).after == done.before


@pytest.mark.parametrize("dry_run", [False, True])
def test_names_of_classes_stand_above_the_labels(dry_run, tmp_path):
    """They are the copy's names, too; those that happen to stand above the copy are not."""
    labels = tmp_path / "set" / "labels"
    labels.mkdir(parents=True)
    (tmp_path / "set" / "classes.txt").write_text("dog\ncat\n")
    (labels / "a.txt").write_text("5 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "classes.txt").write_bytes(b"\xff\xfe")
    done = datasets.fix(datasets.read(labels), tmp_path / "new" / "labels", ["clip"], dry_run=dry_run)
    assert done.before == done.after == {"unknown-category": 1}


def left(path, out, **options):
    """Which boxes drop-duplicates keeps, and which it drops: by their places."""
    done = datasets.fix(datasets.read(path, **options), out, ["drop-duplicates"])
    return [str(one.place).removeprefix(f"{path}") for one in done.left], [str(one.place).removeprefix(f"{path}") for one in done.changes]


def test_members_that_make_a_coco_annotation_another_one(tmp_path):
    one = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "attributes": {"track_id": 1}, "area": 25}
    others = [{"score": 0.2}, {"attributes": {"track_id": 2}}, {"note": "a"}, {"category_id": 8}, {"category_id": 9}, {"area": 1}]
    annotations = [{"id": i, **one, **other} for i, other in enumerate([{}, *others, {"category_id": 8}])]
    content = {"images": [{"id": 1, "width": 9, "height": 9}], "categories": [{"id": 1}], "annotations": annotations}
    (tmp_path / "x.json").write_text(json.dumps(content, indent=0))
    done = datasets.fix(datasets.read(tmp_path / "x.json"), tmp_path / "new.json", ["drop-duplicates"])
    assert [one.id for one in done.left] == [2, 3], "of the classes that are not listed, 9 is another one than 8, and no duplicate"
    assert [one.id for one in done.changes] == [1, 6, 7]


def test_columns_that_make_a_row_another_one(tmp_path):
    rows = ["0,a,7,dog,1,1,5,5,0.1", "1,a,7,dog,1,1,5,5,0.2", "2,a,8,dog,1,1,5,5,0.1", "3,b,7,dog,1,1,5,5,0.1"]
    (tmp_path / "x.csv").write_text("\n".join([",image,track_id,class,x1,y1,x2,y2,score", *rows]))
    assert left(tmp_path / "x.csv", tmp_path / "new.csv") == ([":4"], [":3"])


def test_members_that_make_an_object_another_one(tmp_path):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
    polygon = "<polygon><x1>{}</x1></polygon>"
    rests = ["<pose>Left</pose>", "\n <pose>Left</pose> ", "<pose>Right</pose>", polygon.format(1), polygon.format(2)]
    objects = "".join(f"<object><name>a</name>{rest}{box}</object>\n" for rest in rests)
    (tmp_path / "x.xml").write_text(f"<annotation><size><width>50</width><height>50</height></size>\n{objects}</annotation>")
    kept, dropped = left(tmp_path / "x.xml", tmp_path / "new.xml")
    assert [place[-1] for place in kept] == ["2", "3", "4"] and [place[-1] for place in dropped] == ["1"]


def test_classes_without_a_name_are_different_classes(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "classes.txt").write_text("dog\n")
    (tmp_path / "set" / "a.txt").write_text("".join(f"{number} 0.5 0.5 0.2 0.2\n" for number in (5, 6, 5, 0)))
    assert left(tmp_path / "set", tmp_path / "new") == ([], ["/a.txt:3"])


@pytest.mark.parametrize("xmin", ["<![CDATA[-5]]>", "<!-- -5 -->-5", "-<!-- -->5", "&#45;5"])
def test_numbers_of_xml_that_cannot_be_edited_stay(xmin, tmp_path, command):
    """And the others are repaired."""
    box = "<object><name>a</name><bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object>"
    text = "<annotation><size><width>50</width><height>50</height></size>{}</annotation>"
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.xml").write_bytes(text.format(box.format(xmin) + box.format("<!-- -->50")).encode())
    (folder / "b.xml").write_text(text.format(box.format(-6)))
    status, printed, _ = command("fix", folder, "--policy", "clip,drop-degenerate", "--out", tmp_path / "new")
    assert status == 0 and f"not rewritten: {folder}/a.xml:1 object 0: clip -5, 1, 9, 8 -> 0, 1, 9, 8" in printed
    assert f"rows that no repair touches, like {folder}/a.xml:1 object 0: xmin is more than a number" in printed
    assert (tmp_path / "new" / "a.xml").read_bytes() == (folder / "a.xml").read_bytes()
    assert (tmp_path / "new" / "b.xml").read_text() == text.format(box.format(0))


def test_a_photo_that_could_belong_to_two_files_of_labels(tmp_path):
    """Its size clips the boxes of neither: nothing says which photo is meant."""
    row = "100 10 900 10 900 60 100 60 plane 0\n"
    for part in ("train", "val"):
        (tmp_path / "set" / part).mkdir(parents=True)
        (tmp_path / "set" / part / "P1.txt").write_text(row)
    (tmp_path / "set" / "train" / "P2.txt").write_text(row)
    (tmp_path / "set" / "images").mkdir()
    for name in ("P1", "P2"):
        Image.new("RGB", (640, 480)).save(tmp_path / "set" / "images" / f"{name}.png")
    done = datasets.fix(datasets.read(tmp_path / "set"), tmp_path / "new", ["clip"])
    assert [one.place.file.name for one in done.changes] == ["P2.txt"]
    photo = tmp_path / "set" / "images" / "P1.png"
    assert len(datasets.fix(datasets.read(tmp_path / "set", images=photo), tmp_path / "all", ["clip"]).changes) == 3


def test_a_copy_that_changes_the_box_of_a_part_never_appears(tmp_path):
    box = "<bndbox><xmin>-5</xmin><ymin>1</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"
    size = "<size><width>50</width><height>50</height></size>"
    (tmp_path / "x.xml").write_text(
        f"<annotation>{size}<object><name>a</name>{box}<part><name>b</name>{box}</part></object></annotation>"
    )
    data = datasets.read(tmp_path / "x.xml")
    rewrite = data.source.rewrite
    data.source.rewrite = lambda *arguments: ((path, content.replace(b"-5", b"0")) for path, content in rewrite(*arguments))
    with pytest.raises(Copied, match="record 0, differs by more than its box"):
        datasets.fix(data, tmp_path / "new.xml", ["clip"])
    data.source.rewrite = rewrite
    datasets.fix(data, tmp_path / "new.xml", ["clip"])
    assert (tmp_path / "new.xml").read_text() == (tmp_path / "x.xml").read_text().replace("-5", "0", 1)
