"""Folders whose files cannot be listed, links to folders, and what else of a folder is not read: no label is missing without a word."""

import os

import numpy as np
import pytest
import samples
from boxgrad import datasets
from boxgrad.datasets import UnreadableError
from PIL import Image


def written(file, text="0 0.5 0.5 0.2 0.2\n"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def photo(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(file)


@pytest.fixture
def closed(monkeypatch):
    """Folders that the user may not open, root included."""
    folders, scandir = set(), os.scandir

    def scan(path="."):
        if os.fspath(path) in {str(folder) for folder in folders}:
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    return folders


@pytest.mark.parametrize("entry", ["", "data.yaml"])
def test_a_folder_that_cannot_be_listed_is_refused(entry, closed, tmp_path, command):
    for part in ("train", "val"):
        written(tmp_path / "set" / "labels" / part / "a.txt")
        photo(tmp_path / "set" / "images" / part / "a.png")
    written(tmp_path / "set" / "data.yaml", "train: images/train\nval: images/val\nnames: [dog]\n")
    path = tmp_path / "set" / entry
    assert len(datasets.read(path)) == 2
    closed.add(tmp_path / "set" / "labels" / "val")
    with pytest.raises(UnreadableError, match="labels/val: its files cannot be listed: Permission denied"):
        datasets.read(path)
    assert command("inspect", path)[0] == 2
    (report,) = datasets.inspect_paths(path, processes=2)
    assert "cannot be listed" in str(report.error)
    assert command("fix", path, "--policy", "clip", "--out", tmp_path / "out")[0] == 2
    assert not (tmp_path / "out").exists()


def test_folders_of_systems_need_not_be_open(closed, tmp_path):
    written(tmp_path / "labels" / "a.txt")
    written(tmp_path / "lost+found" / "b.txt")
    closed.add(tmp_path / "lost+found")
    data = datasets.read(tmp_path)
    assert len(data) == 1 and data.passed_over == {"folders of systems": [tmp_path / "lost+found"]}


def test_links_to_folders_of_labels_are_named(tmp_path):
    written(tmp_path / "elsewhere" / "b.txt")
    written(tmp_path / "set" / "labels" / "a.txt")
    photo(tmp_path / "photos" / "a.png")
    (tmp_path / "set" / "labels" / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "set" / "images").symlink_to(tmp_path / "photos", target_is_directory=True)
    written(tmp_path / "set" / "data.yaml", "train: images\nnames: [dog]\n")
    for entry in ("", "data.yaml"):
        data = datasets.read(tmp_path / "set" / entry)
        assert len(data) == 1 and data.sizes.tolist() == [[8, 8]]
        assert data.passed_over == {"links to folders": [tmp_path / "set" / "labels" / "more"]}, "that of photos is read"


def test_a_folder_with_nothing_but_a_link_says_what_to_name(tmp_path):
    written(tmp_path / "elsewhere" / "b.txt")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(UnreadableError, match="set/labels is a link to a folder that may hold some: name it"):
        datasets.read(tmp_path / "set")
    assert len(datasets.read(tmp_path / "set" / "labels")) == 1


def test_what_lies_beside_xml_is_named(tmp_path):
    sample = samples.write("voc", tmp_path / "set")
    hidden, note = written(sample.path / "._a.xml", "x"), written(sample.path / "note.txt", "two words\n")
    photo(sample.path / "x.png")
    data = datasets.read(sample.path)
    assert data.passed_over == {"hidden files": [hidden], "files of other kinds": [note]}
    (report,) = datasets.inspect_paths(sample.path, processes=2)
    assert report.dataset.passed_over == data.passed_over


def test_photos_without_labels_are_counted_once(tmp_path):
    for name in "ab":
        photo(tmp_path / "images" / "train" / f"{name}.png")
    written(tmp_path / "labels" / "train" / "a.txt")
    written(tmp_path / "data.yaml", "train: images/train\nval: images\nnames: [dog]\n")
    data = datasets.read(tmp_path / "data.yaml")
    assert data.passed_over == {"photos without labels": [tmp_path / "images" / "train" / "b.png"]}
    written(tmp_path / "train.txt", "images/train/a.png\nimages/train/b.png\n")
    written(tmp_path / "data.yaml", "train: train.txt\nval: train.txt\nnames: [dog]\n")
    assert datasets.read(tmp_path / "data.yaml").notes == ["1 photo of the lists has no labels."]


@pytest.mark.parametrize("parts", [("Annotations",), ("Annotations", "others/Annotations")])
def test_photos_of_xml_are_found_from_a_folder_above(parts, tmp_path):
    """If all files stand in one folder: of several, photos of one name may be different ones."""
    for part in parts:
        written(tmp_path / part / "a.xml", "<annotation><filename>a.png</filename></annotation>")
    photo(tmp_path / "JPEGImages" / "a.png")
    written(tmp_path / "ImageSets" / "train.txt", "a\n")
    data = datasets.read(tmp_path.parent / tmp_path.name)
    assert data.sizes.tolist() == [[8, 8]] if len(parts) == 1 else np.isnan(data.sizes).all()
    (report,) = datasets.inspect_paths(tmp_path, processes=2)
    assert ("image-size-missing" in report.counts) == (len(parts) == 2)


@pytest.mark.parametrize(("root", "said"), [("/no/such", True), (".", False), ("", False)])
def test_a_path_of_data_yaml_that_is_not_there_is_named(root, said, tmp_path):
    written(tmp_path / "labels" / "a.txt")
    photo(tmp_path / "images" / "a.png")
    file = written(tmp_path / "data.yaml", f"path: {root}\ntrain: images\nnames: [dog]\n")
    note = f"path of {file} is /no/such, which is not there: places are looked for beside the file."
    assert datasets.read(file).notes == ([note] if said else [])


@pytest.mark.parametrize("name", ["license_plate_1", "license", "test", "readme", "results", "train"])
def test_labels_may_be_named_like_notes_and_lists(name, tmp_path):
    """As those of a photo test.jpg are, or all of a set of licence plates."""
    written(tmp_path / "set" / "labels" / "a.txt", "0 0.5 0.5 0.2 0.2\n" * 30)
    written(tmp_path / "set" / "labels" / f"{name}.txt", "0 0.5 0.5 0.2 0.2\n" * 2 + "0 0.5 abc 0.2 0.2\n")
    data = datasets.read(tmp_path / "set")
    assert data.account == {"rows": 33, "boxes": 32, "malformed": 1}
    assert not data.beside and not any("no labels" in one for one in data.said)
    dota = "imagesource:GoogleEarth\n1 1 5 1 5 5 1 5 large vehicle 0\n"
    written(tmp_path / "dota" / "a.txt", dota)
    written(tmp_path / "dota" / f"{name}.txt", dota)
    assert len(datasets.read(tmp_path / "dota")) == 2
    (report,) = datasets.inspect_paths(tmp_path / "dota", processes=2)
    assert report.boxes == 2


@pytest.mark.parametrize("text", ["", "1 2 3\n", "0/9 3.2G 0.1 0.05 0.01 0.16 23 640 0.5 0.4\n", "images/a.png\n", "dog\n"])
def test_notes_and_lists_are_none(text, tmp_path):
    written(tmp_path / "labels" / "a.txt")
    note = written(tmp_path / "labels" / "results.txt", text)
    data = datasets.read(tmp_path)
    assert len(data) == 1 and data.beside == [note]
