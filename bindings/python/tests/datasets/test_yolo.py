"""YOLO's family as programs write it: predictions, pixels, names of classes, separators, and what lies beside the labels."""

import numpy as np
import pytest
from asked import refusal
from boxgrad import BoxgradError, datasets
from PIL import Image

QUAD = "0 0.3 0.67 0.48 0.67 0.48 0.81 0.3 0.81"
QUAD_BOX = [0.3, 0.67, 0.48, 0.81]
SQUARE = "0 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3"
SQUARE_BOX = [0.1, 0.1, 0.3, 0.3]
BOX = "0 0.5 0.5 0.2 0.2"
BOX_BOX = [0.4, 0.4, 0.6, 0.6]
TURNED = """0 0.593264 0.583 0.488498 0.687156 0.445578 0.643985 0.550344 0.539829 0.546381 21
0 0.46482 0.422485 0.236815 0.498443 0.176447 0.317234 0.404452 0.241276 0.948481 22
0 0.593536 0.497178 0.429634 0.556978 0.372804 0.401216 0.536706 0.341416 0.58782 9
"""
"""Two of these could be a box and keypoints, but keypoints do not lie as the corners of a rectangle."""
TURNED_BOXES = [[0.445578, 0.539829, 0.593264, 0.687156], [0.176447, 0.241276, 0.46482, 0.498443], [0.372804, 0.341416, 0.593536, 0.556978]]


def labels(folder, text, **others):
    """A folder labels with one file, and what lies beside it, by its name with _ for the dot."""
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, content in others.items():
        (folder / name.replace("_", ".")).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def adds_up(data):
    account = data.account
    return account.pop("rows") == sum(account.values())


@pytest.mark.parametrize(
    ("text", "boxes", "seen", "unused"),
    [
        (f"{QUAD} 0.9\n{QUAD} 0.8\n", [QUAD_BOX] * 2, "obb: 2 of 2 long lines are quadrilaterals and a confidence", ["confidence"]),
        (f"{SQUARE} 0.2 0.25 0.87\n", [SQUARE_BOX], "are polygons and a confidence", ["confidence"]),
        (f"{QUAD} 0.9 1\n", [QUAD_BOX], "quadrilaterals, a confidence and a track id", ["confidence", "track id"]),
        (f"{QUAD} 0.9 7\n{QUAD} 0.8 8\n", [QUAD_BOX] * 2, "quadrilaterals, a confidence and a track id", ["confidence", "track id"]),
        (f"{SQUARE} 0.2 0.25 0.87 1\n{SQUARE} 0.87 1\n", [SQUARE_BOX] * 2, "polygons, a confidence and a track id", ["confidence", "track id"]),
        (TURNED, TURNED_BOXES, "3 of 3 long lines are quadrilaterals, a confidence and a track id", ["confidence", "track id"]),
        (f"{QUAD} 5\n", [QUAD_BOX], "quadrilaterals and a track id", ["track id without confidence"]),
        ("0 0.68 0.59 0.20 0.07 0.58 0.63 0.9 0.69 0.61 0.8 0.77 4\n", [[0.58, 0.555, 0.78, 0.625]], "pose: 1 of 1 long lines", ["keypoints"]),
        (f"{BOX} 0.9 4\n{BOX} 0.8 1\n", [BOX_BOX] * 2, "end with a confidence and a track id", ["confidence", "track id"]),
        (f"{BOX} 17\n", [BOX_BOX], "", ["track id without confidence"]),
        (f"{BOX} 37.5\n{BOX} -4\n", [BOX_BOX] * 2, "", ["a number after the box that is no confidence"]),
    ],
)
def test_predictions(text, boxes, seen, unused, tmp_path):
    """What programs write after the box is no corner of it; it is named as not used."""
    data = datasets.read(labels(tmp_path, text))
    np.testing.assert_allclose(data.boxes, boxes, atol=1e-9)
    assert seen in data.evidence and sorted(data.unused) == unused and not data.faults and adds_up(data)


def test_a_confidence_before_the_box(tmp_path):
    """Which of both readings lies inside of the image, over all lines; if both do, it is asked."""
    rows = "0 0.91 0.5 0.5 0.2 0.2\n1 0.45 0.3 0.3 0.1 0.1\n0 0.99 0.9 0.9 0.15 0.23\n"
    data = datasets.read(labels(tmp_path / "first", rows))
    boxes = [[0.4, 0.4, 0.6, 0.6], [0.25, 0.25, 0.35, 0.35], [0.825, 0.785, 0.975, 1.015]]
    np.testing.assert_allclose(data.boxes, boxes, atol=1e-9)
    assert "a confidence stands before the box, as" in data.evidence
    done = datasets.fix(data, tmp_path / "new", ["clip"])
    assert done.counts == {"clip": 1}
    assert (tmp_path / "new" / "labels" / "a.txt").read_text() == rows.replace("0.9 0.9 0.15 0.23", "0.9 0.8925 0.15 0.215")

    folder = labels(tmp_path / "both", "0 0.3 0.4 0.3 0.3 0.3\n")
    assert "say which with --format yolo-detect or --format yolo-score-first" in refusal(folder)
    np.testing.assert_allclose(datasets.read(folder, "yolo-detect").boxes, [[0.15, 0.25, 0.45, 0.55]])
    np.testing.assert_allclose(datasets.read(folder, "yolo-score-first").boxes, [[0.25, 0.15, 0.55, 0.45]])


def test_a_tail_that_could_be_a_corner(tmp_path):
    """The polygon with it crosses itself nowhere: it could be one."""
    folder = labels(tmp_path, "0 0.1 0.2 0.5 0.2 0.6 0.6 0.4 0.9 0.1 1\n")
    asked = refusal(folder)
    assert "could end with a confidence and a track id, or with a corner; no line decides against either" in asked
    assert asked.endswith("--format yolo-segment or --format yolo-obb-tracked")
    np.testing.assert_allclose(datasets.read(folder, "yolo-segment").boxes, [[0.1, 0.2, 0.6, 1]])
    np.testing.assert_allclose(datasets.read(folder, "yolo-obb-tracked").boxes, [[0.1, 0.2, 0.6, 0.9]])


def test_many_lines_decide_what_one_does_not(tmp_path):
    """That all of them end with a whole number; and that of the polygons that they could be some cross themselves."""
    ends = "".join(f"0 0.1 0.2 0.5 0.2 0.6 0.6 0.4 0.9 0.{i}5 1\n" for i in range(1, 6))
    data = datasets.read(labels(tmp_path / "a", ends))
    np.testing.assert_allclose(data.boxes, [[0.1, 0.2, 0.6, 0.9]] * 5)
    assert "quadrilaterals, a confidence and a track id" in data.evidence
    data = datasets.read(labels(tmp_path / "b", "".join(f"0 0.5 0.5 0.2 0.2 0.{i} 1\n" for i in range(1, 6))))
    np.testing.assert_allclose(data.boxes, [[0.4, 0.4, 0.6, 0.6]] * 5)

    simple, crossing = "0 0.5 0.5 0.4 0.3 0.6 0.45 0.6 0.5\n", "0 0.5 0.5 0.4 0.3 0.55 0.4 0.4 0.45\n"
    assert "could be polygons, or a box and its keypoints" in refusal(labels(tmp_path / "c", simple))
    data = datasets.read(labels(tmp_path / "d", 4 * simple + crossing))
    assert "pose: 5 of 5 long lines are a box and keypoints" in data.evidence


def test_lines_of_two_kinds_are_refused(tmp_path):
    folder = labels(tmp_path, "0 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.45 2\n0 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3\n")
    asked = refusal(folder)
    assert "1 are polygons" in asked and "a.txt:1 is none" in asked and "a.txt:2 is none" in asked
    assert "--format yolo-segment or --format yolo-pose" in asked


def test_polygons_of_real_outlines_are_certain(tmp_path):
    """A triangle, and lines that a pose would not have: other lengths."""
    data = datasets.read(labels(tmp_path, "0 0.31 0.62 0.47 0.65 0.42 0.81\n0 0.5 0.5 0.6 0.3 0.65 0.42 0.6 0.45\n"))
    assert "segment: 2 of 2" in data.evidence


# Pixels


def test_pixels_with_and_without_photos(tmp_path):
    folder = labels(tmp_path, "0 320 240 100 80\n1 100 100 50 40\n")
    data = datasets.read(folder)
    np.testing.assert_array_equal(data.boxes, [[270, 200, 370, 280], [75, 80, 125, 120]])
    assert datasets.inspect(data).counts == {"pixels-not-fractions": 2}
    sized = datasets.read(folder, image_size=(240, 640))
    assert datasets.inspect(sized).counts == {"partly-outside": 1, "pixels-not-fractions": 2}
    done = datasets.fix(sized, tmp_path.parent / f"{tmp_path.name}-locked", ["clip"])
    assert not done.changes and len(done.left) == 1, "it is not certain that all are pixels"
    done = datasets.fix(datasets.read(folder, image_size=(240, 640), unit="pixels"), tmp_path.parent / f"{tmp_path.name}-new", ["clip"])
    assert done.counts == {"clip": 1}
    assert (tmp_path.parent / f"{tmp_path.name}-new" / "labels" / "a.txt").read_text() == "0 320 220 100 40\n1 100 100 50 40\n"
    fractions = datasets.read(folder, image_size=(100, 100), unit="fractions")
    np.testing.assert_array_equal(fractions.boxes[0], [27000, 20000, 37000, 28000])


def test_pixels_among_fractions(tmp_path):
    """They stand late in the set. Boxes of both kinds are what their numbers say, and nothing is outside."""
    folder = labels(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    for index in range(300):
        (folder / "labels" / f"{index:03}.txt").write_text("0 320 240 64 48\n" if index > 209 else "0 0.9 0.5 0.4 0.2\n")
    data = datasets.read(folder)
    assert datasets.inspect(data).counts == {"pixels-not-fractions": 90, "partly-outside": 210}
    np.testing.assert_allclose(data.boxes[[0, 299]], [[0.7, 0.4, 1.1, 0.6], [288, 216, 352, 264]])
    assert not data.fractions and data.in_fractions.sum() == 211
    done = datasets.fix(data, tmp_path.parent / f"{tmp_path.name}-new", ["clip", "drop-small"])
    assert done.counts == {"clip": 210}, "boxes in fractions are not small, and their image is 1 x 1"


@pytest.mark.parametrize(
    ("text", "shape", "box"),
    [
        ("0 10 10 100 10 100 100 10 100 5 50\n", "", [5, 10, 100, 100]),
        ("0 100 100 200 100 200 200 100 200\n", "", [100, 100, 200, 200]),
        ("0 300 300 100 100 310 310 2 320 320 2\n", "kpt_shape: [2, 3]\n", [250, 250, 350, 350]),
    ],
)
def test_polygons_and_poses_in_pixels(text, shape, box, tmp_path):
    data = datasets.read(labels(tmp_path, text, data_yaml=f"names: [a]\n{shape}"))
    np.testing.assert_array_equal(data.boxes, [box])
    assert datasets.inspect(data).counts == {"pixels-not-fractions": 1}


def test_corners_in_pixels_are_asked_about(tmp_path):
    folder = labels(tmp_path, "0 270 200 370 280\n1 75 80 125 120\n", data_yaml="names: [a, b]\n")
    assert "2 boxes in pixels could be centres with width and height, or corners" in refusal(folder)
    np.testing.assert_array_equal(datasets.read(folder, boxes="xyxy").boxes, [[270, 200, 370, 280], [75, 80, 125, 120]])
    np.testing.assert_array_equal(datasets.read(folder, boxes="cxcywh").boxes[1], [12.5, 20, 137.5, 140])
    (folder / "labels" / "a.txt").write_text("0 10 20 370 280\n")
    data = datasets.read(folder)
    np.testing.assert_array_equal(data.boxes, [[10, 20, 370, 280]])
    assert "boxes in pixels are corners, as" in data.evidence and "would leave its image otherwise" in data.evidence


# Classes


def test_class_numbers_in_any_notation(tmp_path):
    data = datasets.read(labels(tmp_path, "".join(f"{word} 0.5 0.5 0.2 0.2\n" for word in ("00", "+1", "1.", "1e0", "0x1", "1.0"))))
    assert [data.category_name(i) for i in range(6)] == ["0", "1", "1", "1", "1", "1"] and not data.faults


@pytest.mark.parametrize("word", ["-1", "1.5", "inf", "nan", "7"])
def test_a_class_that_is_none_keeps_its_box(word, tmp_path):
    data = datasets.read(labels(tmp_path, f"{word} 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n", data_yaml="names: [dog]\n"))
    assert len(data) == 2 and datasets.inspect(data).counts == {"unknown-category": 1} and data.category.tolist() == [-1, 0]
    out = tmp_path.parent / f"{tmp_path.name}-new"
    assert datasets.fix(data, out, ["clip", "drop-duplicates"]).changes == []


def test_names_of_classes_in_place_of_numbers(tmp_path):
    rows = "dog 0.9 0.5 0.4 0.2\ntraffic light 0.9 0.5 0.4 0.2\n1 0.5 0.5 0.2 0.2\ntraffic light 0.5 0.5 0.2 0.2 0.9\n"
    data = datasets.read(labels(tmp_path, rows, data_yaml="names: [light, dog, traffic light]\n"))
    assert [data.category_name(i) for i in range(4)] == ["dog", "traffic light", "dog", "traffic light"] and not data.faults
    np.testing.assert_allclose(data.boxes[[0, 3]], [[0.7, 0.4, 1.1, 0.6], [0.4, 0.4, 0.6, 0.6]])
    done = datasets.fix(data, tmp_path.parent / f"{tmp_path.name}-new", ["clip"])
    assert [change.place.line for change in done.changes] == [1] and [change.place.line for change in done.left] == [2]
    (tmp_path / "labels" / "a.txt").write_text("cat 0.5 0.5 0.2 0.2\n")
    assert datasets.inspect(datasets.read(tmp_path)).counts == {"unknown-category": 1}, "it is not listed"


def test_names_of_classes_without_a_list(tmp_path):
    """In a folder labels; or because the numbers are a box in the image as centre and sides, and inverted as corners."""
    rows = "Type_III 0.42 0.5 0.08 0.5\nType_II 0.37 0.47 0.08 0.5\n"
    assert datasets.read(labels(tmp_path / "a", rows)).categories == ["Type_III", "Type_II"]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a.txt").write_text(rows)
    data = datasets.read(tmp_path / "b")
    assert data.format == "yolo" and "as corners 2 boxes would be inverted" in data.evidence
    (tmp_path / "b" / "a.txt").write_text("dog 0.3 0.3 0.5 0.5\n")
    assert refusal(tmp_path / "b").endswith("say which it is with --format yolo or --format text")


# Separators, comments and encodings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,0.5,0.5,0.2,0.2\n", "commas"), ("0, 0.5, 0.5, 0.2, 0.2\n", "commas"), ("0;0.5;0.5;0.2;0.2\n", "semicolons"),
        ("0,0.5,0.5,0.2,0.2,\n", "commas"), ("0 0,5 0,5 0,2 0,2\n", "decimal commas"), ("0;0,5;0,5;0,2;0,2\n", "decimal commas"),
        ('"0" "0.5" "0.5" "0.2" "0.2"\n', "quotes"), ('"0","0.5","0.5","0.2","0.2"\n', "commas"), ("0\t0.5\t0.5\t0.2\t0.2\n", ""),
        ("\ufeff\ufeff0 0.5 0.5 0.2 0.2\n", ""), ("0 0.5 0.5 0.2 0.2\r", ""),
    ],
)  # fmt: skip
def test_separators(text, said, tmp_path):
    data = datasets.read(labels(tmp_path, text))
    np.testing.assert_allclose(data.boxes, [[0.4, 0.4, 0.6, 0.6]])
    assert data.notes == ([f"1 row has {said}, which yolo has not, the first of them {tmp_path}/labels/a.txt:1."] if said else [])


@pytest.mark.parametrize("text", ["0 0.5,0.5 0.2 0.2\n", "0,0.5 0.5 0.2 0.2\n", "0 0.5,0.5,0.2,0.2,0.9\n", "0,,0.5,0.2,0.2\n", "0 0.5 0.5 0,2 0.2\n"])
def test_separators_that_are_not_certain(text, tmp_path):
    assert f"a.txt:1 is no row of yolo, dota or text: '{text[:6]}".replace(",", "")[:40] in refusal(labels(tmp_path, text)).replace(",", "")


def test_comments_and_headers_hold_no_box(tmp_path):
    text = "class x_center y_center width height\n# a note\n\n0 0.5 0.5 0.2 0.2\n// 0 0.1 0.1 0.1 0.1\n"
    data = datasets.read(labels(tmp_path, text))
    assert data.account == {"rows": 4, "boxes": 1, "header lines": 1, "comments": 2}


def test_a_mark_and_an_encoding(tmp_path):
    rows = "0 0.9 0.5 0.4 0.2\n1 0.5 0.5 0.2 0.2\n"
    folder = labels(tmp_path / "wide", rows.encode("utf-16"))
    data = datasets.read(folder)
    np.testing.assert_allclose(data.boxes[0], [0.7, 0.4, 1.1, 0.6])
    done = datasets.fix(data, tmp_path / "new", ["clip"])
    assert not done.changes and len(done.left) == 1
    assert (tmp_path / "new" / "labels" / "a.txt").read_bytes() == rows.encode("utf-16")

    wide = labels(tmp_path / "cr", rows.replace("\n", "\r").encode("utf-16"))
    assert len(datasets.read(wide)) == 2

    folder = labels(tmp_path / "gbk", "狗 0.9 0.5 0.4 0.2\n".encode("gbk"), classes_txt="猫\n狗\n".encode("gbk"))
    assert "is not UTF-8: byte 0xb9; --encoding NAME says what it is" in refusal(folder)
    data = datasets.read(folder, encoding="gbk")
    assert data.category_name(0) == "狗"
    datasets.fix(data, tmp_path / "gbk-new", ["clip"])
    assert (tmp_path / "gbk-new" / "labels" / "a.txt").read_bytes() == "狗 0.85 0.5 0.3 0.2\n".encode("gbk")


# Lists of classes


@pytest.mark.parametrize(
    ("others", "categories", "said"),
    [
        ({"data_yaml": "names: {1: a, 3: b}\n"}, ["a", "b"], ""),
        ({"data_yaml": "names: {0: x, 1: yes, 2: no, 3: 1e3}\n"}, ["x", "yes", "no", "1e3"], ""),
        ({"data_yaml": "names: [a]\nnames: [b, c]\n"}, ["b", "c"], "names stands twice in"),
        ({"data_yaml": "nc: 3\nnames: [a]\n"}, ["a"], "is 3, and names are 1"),
        ({"data_yaml": "names: dog\n"}, ["dog"], "is no list, but 'dog'"),
        ({"classes_txt": "dog\n\ncat\n\n"}, ["dog", "1", "cat"], "line 2: is blank"),
        ({"classes_txt": "x\ny\n", "data_yaml": "names: [dog]\n"}, ["dog"], "name other classes"),
        ({"classes_txt": "dog\n", "data_yaml": "names: [dog]\n"}, ["dog"], ""),
        ({"classes_txt": "狗\n猫\n".encode("gbk")}, ["0", "1"], "is not UTF-8 (byte 0xb9), so that classes are named by their numbers"),
        ({"classes_txt": "狗\n猫\n".encode("utf-16")}, ["狗", "猫"], ""),
        ({"coco8_yaml": "path: .\ntrain: images\nnames:\n  0: person\n"}, ["person"], ""),
    ],
)
def test_lists_of_classes(others, categories, said, tmp_path):
    data = datasets.read(labels(tmp_path, "1 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.2 0.2\n", **others))
    assert data.categories == categories and datasets.inspect(data).counts["unknown-category"] in (1, 2)
    assert (said in "".join(data.notes)) and bool(data.notes) == bool(said)
    assert not data.passed_over and not data.beside


def test_a_yaml_above_is_of_this_set_only_if_it_is_named_data_or_the_folder_labels(tmp_path):
    (tmp_path / "other.yaml").write_text("nc: 1\nnames: [wolf]\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert datasets.read(tmp_path / "mine").categories == ["0"]
    (tmp_path / "mine").rename(tmp_path / "labels")
    assert datasets.read(tmp_path / "labels").categories == ["wolf"]


def test_classes_beside_the_labels_are_known_from_the_root(tmp_path):
    folder = labels(tmp_path, "1 0.9 0.5 0.4 0.2\n")
    (folder / "labels" / "classes.txt").write_text("dog\ncat\n")
    data = datasets.read(folder)
    assert data.categories == ["dog", "cat"] and not data.said
    datasets.fix(data, tmp_path.parent / f"{tmp_path.name}-new", ["clip"])
    assert (tmp_path.parent / f"{tmp_path.name}-new" / "labels" / "classes.txt").read_text() == "dog\ncat\n"


# Photos, entry points and what is passed over


def nested(folder, exported=False):
    """images/train and labels/train, or as Roboflow exports them train/images and train/labels; one photo of each split."""
    for index, split in enumerate(("train", "val")):
        for part in ("images", "labels"):
            (folder / split / part if exported else folder / part / split).mkdir(parents=True)
        images, of_labels = (folder / split / part if exported else folder / part / split for part in ("images", "labels"))
        Image.new("RGB", (100 + index, 80)).save(images / "a.png")
        (of_labels / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    train, val = ("../train/images", "../val/images") if exported else ("images/train", "images/val")
    (folder / "data.yaml").write_text(f"train: {train}\nval: {val}\nnames: [dog]\n")
    (folder / "train.txt").write_text("./images/train/a.png\n")
    return folder


@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.parametrize("entry", [".", "labels", "images", "labels/train", "images/val", "data.yaml", "train.txt"])
def test_photos_are_found_from_any_entry(exported, entry, tmp_path):
    folder = nested(tmp_path, exported)
    if exported and entry in ("labels", "images", "train.txt"):
        pytest.skip("skipped: there is no such entry in this layout")
    entry = "/".join(reversed(entry.split("/"))) if exported else entry
    data = datasets.read(folder / entry)
    sizes = {"train": [[80, 100]], "val": [[80, 101]]}
    split = next((split for split in sizes if split in entry), None)
    assert data.sizes.tolist() == (sizes[split] if split else sizes["train"] + sizes["val"])
    assert data.categories == ["dog"] and not data.fractions and len(set(data.images)) == len(data.images)
    assert datasets.inspect(data, check_images=True).photos == len(data.images)
    if (folder / entry).is_file():
        assert f"listed by {entry}: " in data.evidence
        with pytest.raises(BoxgradError, match="is a list of the labels, and a copy of it would hold none"):
            datasets.fix(data, tmp_path / "new", ["clip"])


@pytest.mark.parametrize("images", [".", "images"])
@pytest.mark.parametrize("entry", [".", "labels", "labels/val"])
def test_photos_below_a_folder_that_is_named(images, entry, tmp_path):
    folder = nested(tmp_path / "set")
    (folder / "images").rename(tmp_path / "images")
    data = datasets.read(folder / entry, images=tmp_path / images)
    assert data.sizes.tolist() == ([[80, 101]] if "val" in entry else [[80, 100], [80, 101]])


def test_exports_of_cvat(tmp_path):
    (tmp_path / "obj_train_data").mkdir()
    Image.new("RGB", (100, 80)).save(tmp_path / "obj_train_data" / "a.png")
    (tmp_path / "obj_train_data" / "a.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    (tmp_path / "obj.names").write_text("dog\ncat\n")
    (tmp_path / "obj.data").write_text("classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/a.png\ndata/obj_train_data/b.png\n")
    for entry in (".", "obj.data", "train.txt", "obj_train_data"):
        data = datasets.read(tmp_path / entry)
        assert data.categories == ["dog", "cat"] and data.sizes.tolist() == [[80, 100]]
    assert "1 photo of the lists has no labels." in datasets.read(tmp_path / "obj.data").notes


def test_entry_points_that_name_nothing(tmp_path):
    (tmp_path / "data.yaml").write_text("train: nowhere/images\nnames: [a]\n")
    refused = refusal(tmp_path / "data.yaml")
    assert "names no file of labels" in refused and "nowhere/images, which is not there" in refused


def test_a_photo_that_is_missing_puts_no_other_box_into_fractions(tmp_path, command):
    folder = labels(tmp_path, "0 0.9 0.5 0.4 0.2\n")
    (folder / "labels" / "c.txt").write_text("0 0.9 0.5 0.004 0.2\n0 0.9 0.5 0.4 0.2\n")
    (folder / "images").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (100, 80)).save(folder / "images" / f"{name}.png")
    data = datasets.read(folder)
    np.testing.assert_allclose(data.boxes, [[70, 32, 110, 48], [0.898, 0.4, 0.902, 0.6], [0.7, 0.4, 1.1, 0.6]])
    assert datasets.inspect(data).counts == {"partly-outside": 2}
    said = f"1 file of labels has no photo, like {folder}/labels/c.txt. Boxes without a photo are in fractions of the image."
    assert data.notes == [said]
    assert data.passed_over == {"photos without labels": [folder / "images" / "b.png"]}
    assert datasets.fix(data, tmp_path.parent / f"{tmp_path.name}-new", ["clip", "drop-small"]).counts == {"clip": 2}
    (outcome,) = datasets.augment(data, ["rotate=30"])
    assert outcome.skipped == 2
    assert datasets.anchors(data).skipped == 2
    assert command("inspect", folder, "--html", tmp_path / "x.html")[0] == 1


def test_hidden_files_and_notes_are_passed_over(tmp_path):
    folder = labels(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    for name in ("labels/._a.txt", "labels/.ipynb_checkpoints/a-checkpoint.txt", "__MACOSX/labels/._a.txt", "labels.cache", "x.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0\5\26\7")
    (folder / "notes about 3 things.txt").write_text("we have 3 things\n1. buy some more\n")
    (folder / "LICENSE.txt").write_text("MIT License 2024\n1 2 3\n")
    data = datasets.read(folder)
    assert data.images == ["a"] and not data.unreadable
    assert {what: sorted(str(file.relative_to(folder)) for file in files) for what, files in data.passed_over.items()} == {
        "hidden files": ["labels/._a.txt"], "folders of systems": ["__MACOSX", "labels/.ipynb_checkpoints"],
        "files of other kinds": ["labels.cache", "x.csv"],
    }  # fmt: skip
    assert [file.name for file in data.beside] == ["LICENSE.txt", "notes about 3 things.txt"]
    said = " ".join(data.said)
    assert "Not read, hidden files: " in said and "LICENSE.txt, and 1 more." in said


def test_a_damaged_row_alone_in_its_file_is_malformed(tmp_path):
    """It is no note: its label is lost, which is said."""
    folder = labels(tmp_path, "0 0.5 0.5 0.2 0.2\n" * 30)
    (folder / "labels" / "b.txt").write_text("0 0.5 abc 0.2 0.2\n")
    for index in range(20):
        (folder / "labels" / f"c{index}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert datasets.read(folder).account == {"rows": 51, "boxes": 50, "malformed": 1}


# What decides between formats


def test_the_content_decides_against_the_ending(tmp_path):
    (tmp_path / "a.json").write_text("<annotation></annotation>")
    data = datasets.read(tmp_path / "a.json")
    assert data.format == "voc" and "and not by its ending .json" in data.evidence


def test_the_only_file_of_annotations(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "_annotations.coco.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert datasets.read(tmp_path).path == tmp_path / "train" / "_annotations.coco.json"
    (tmp_path / "metadata.jsonl").write_text("{}\n")
    assert "but metadata.jsonl, train/_annotations.coco.json: name one of them" in refusal(tmp_path)


def test_other_programs_rows_are_refused(tmp_path):
    """Of trackers, of texts and of tables: none of them is taken for a format that it is not."""
    for name, text in {
        "mot": "1,1,912,484,97,109,0,7,1\n2,1,912,484,97,109,0,7,1\n", "visdrone": "684,8,273,116,0,0,0,0\n",
        "icdar": "377,117,463,117,465,130,378,130,Genaxis Theatre\n", "table": "image,class,x1,y1,x2,y2\na.jpg,dog,10,10,50,60\n",
    }.items():  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(text)
        assert "a.txt:" in refusal(tmp_path / name)


def test_categories_of_dota_may_have_spaces(tmp_path):
    rows = [f"10 10 50 10 50 60 10 60 {rest}\n" for rest in ("storage tank 0", "plane", "plane 0 0.9")]
    (tmp_path / "a.txt").write_text("gsd:1\n" + "".join(rows))
    data = datasets.read(tmp_path)
    assert data.categories == ["storage tank", "plane"] and list(data.locked) == [2]
    assert data.account == {"rows": 4, "boxes": 3, "lines about the image": 1}


@pytest.mark.parametrize(
    ("shape", "rest", "unused"),
    [
        ("[1, 2]", "0.5 0.5", {"keypoints": 1}),
        ("[1, 3]", "0.5 0.5 2", {"keypoints": 1}),
        ("[1, 2]", "0.5 0.5 0.9 7", {"keypoints": 1, "confidence": 1, "track id": 1}),
        ("[2, 2]", "0.5 0.5 0.5 0.5 0.9", {"keypoints": 1, "confidence": 1}),
    ],
)
def test_what_follows_the_keypoints_of_kpt_shape_is_named(shape, rest, unused, tmp_path):
    data = datasets.read(labels(tmp_path, f"{BOX} {rest}\n", data_yaml=f"names: [a]\nkpt_shape: {shape}\n"))
    assert data.unused == unused and data.boxes.tolist() == [BOX_BOX]
