"""What a repaired copy is compared with: its original, wherever the copy appears and whatever its name is."""

import pytest
from boxgrad import datasets
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
