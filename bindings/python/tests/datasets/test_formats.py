"""Every format gives the same boxes of the same data set, says where they stand, and is recognised."""

import json

import numpy as np
import pytest
import samples
from boxgrad import datasets

every_format = pytest.mark.parametrize("kind", samples.WRITERS)


@every_format
def test_boxes_sizes_and_places(kind, tmp_path):
    sample, data = samples.read(kind, tmp_path / "set")
    assert data.format == samples.FORMATS[kind]
    np.testing.assert_allclose(data.boxes, samples.expected_boxes(), atol=1e-6)
    assert [data.category_name(i) for i in range(6)] == [name for _, name, _ in samples.BOXES]
    assert [data.image_name(i)[0] for i in range(6)] == [image for image, _, _ in samples.BOXES]
    np.testing.assert_array_equal(data.sizes, list(samples.SIZES.values()))
    assert [data.source.place(i).line for i in range(6)] == [sample.line(i) for i in range(6)]
    assert not data.faults and not data.unreadable
    if sample.path.is_file():
        assert {data.source.place(i).file for i in range(6)} == {sample.path}
    else:
        assert [data.source.place(i).file.stem for i in range(6)] == [image for image, _, _ in samples.BOXES]


@every_format
def test_problems(kind, tmp_path):
    _, data = samples.read(kind, tmp_path / "set")
    found = datasets.inspect(data)
    assert found.counts == samples.COUNTS
    assert {name: rows.tolist() for name, rows in found.rows.items()} == {"zero-width": [1], "partly-outside": [2], "duplicate": [4]}


@pytest.mark.parametrize("kind", [kind for kind in samples.WRITERS if kind != "parquet"])
@pytest.mark.parametrize("change", ["crlf", "mark"])
def test_line_ends_of_windows_and_its_mark_change_nothing(kind, change, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    files = [sample.path] if sample.path.is_file() else [*sample.path.glob("*.xml"), *sample.path.glob("?.txt")]
    for file in files:
        old = file.read_bytes()
        file.write_bytes(old.replace(b"\n", b"\r\n") if change == "crlf" else b"\xef\xbb\xbf" + old)
    data = datasets.read(sample.path, **sample.options)
    np.testing.assert_allclose(data.boxes, samples.expected_boxes(), atol=1e-6)
    assert [data.source.place(i).line for i in range(6)] == [sample.line(i) for i in range(6)]
    assert [data.category_name(i) for i in range(6)] == [name for _, name, _ in samples.BOXES]
    assert datasets.inspect(data).counts == samples.COUNTS


@pytest.mark.parametrize("kind", ["coco", "voc", "csv", "parquet", "dota"])
def test_files_without_their_suffix(kind, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    file = sample.path if sample.path.is_file() else sorted(sample.path.iterdir())[0]
    bare = file.rename(tmp_path / "noname")
    assert datasets.read(bare).format == samples.FORMATS[kind]


def test_yolo_without_images_stays_in_fractions(tmp_path):
    sample = samples.write("yolo", tmp_path / "set")
    data = datasets.read(sample.path)
    assert data.fractions
    np.testing.assert_allclose(data.boxes[0], [0.1, 0.125, 0.5, 0.75])
    assert datasets.inspect(data).counts == samples.COUNTS
    assert not datasets.read(sample.path, image_size=(80, 100)).fractions


def test_yolo_finds_images_beside_labels(tmp_path):
    labels, images = tmp_path / "labels" / "train", tmp_path / "images" / "train"
    labels.mkdir(parents=True)
    sample = samples.write("yolo", labels / "set")
    images.mkdir(parents=True)
    sample.options["images"].rename(images / "set")
    data = datasets.read(sample.path)
    assert not data.fractions
    np.testing.assert_allclose(data.boxes, samples.expected_boxes(), atol=1e-6)


def test_yolo_polygons_names_and_confidence(tmp_path):
    (tmp_path / "data.yaml").write_text("names: {0: dog, 1: cat}\n")
    (tmp_path / "x.txt").write_text("0 0.1 0.2 0.5 0.3 0.4 0.9\n1 0.5 0.5 0.2 0.2 0.87\n2 0.5 0.5 0.1 0.1\n")
    data = datasets.read(tmp_path, image_size=(100, 100))
    np.testing.assert_allclose(data.boxes, [[10, 20, 50, 90], [40, 40, 60, 60], [45, 45, 55, 55]])
    assert data.category.tolist() == [0, 1, -1]
    (fault,) = data.faults
    assert (fault.problem, fault.place.line, fault.values) == ("unknown-category", 3, "class 2 of 2")


def test_dota_headers_and_turned_boxes(tmp_path):
    (tmp_path / "P0001.txt").write_text("imagesource:GoogleEarth\ngsd:0.15\n50 10 90 50 50 90 10 50 plane 0\n")
    data = datasets.read(tmp_path)
    np.testing.assert_array_equal(data.boxes, [[10, 10, 90, 90]])
    assert data.source.place(0).line == 3


@pytest.mark.parametrize(
    ("header", "row"),
    [("x,y,w,h", "10,20,30,40"), ("cx,cy,w,h", "25,40,30,40"), ("left,top,right,bottom", "10,20,40,60"), ("X1, Y1, X2, Y2", "10,20,40,60")],
)
def test_named_columns(header, row, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"image,{header},image_height,image_width\nq.jpg,{row},70,80\n")
    data = datasets.read(path)
    np.testing.assert_array_equal(data.boxes, [[10, 20, 40, 60]])
    np.testing.assert_array_equal(data.sizes, [[70, 80]])


def test_boxes_option_of_tables_and_text(tmp_path):
    (tmp_path / "t.csv").write_text("x,y,w,h\n25,40,30,40\n")
    np.testing.assert_array_equal(datasets.read(tmp_path / "t.csv", boxes="cxcywh").boxes, [[10, 20, 40, 60]])
    (tmp_path / "t.txt").write_text("cat 0.9 10 20 30 40\n")
    np.testing.assert_array_equal(datasets.read(tmp_path / "t.txt", boxes="xywh").boxes, [[10, 20, 40, 60]])


def test_coco_detections_without_images(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 5, "category_id": 2, "bbox": [1, 2, 0, 4], "score": 0.5}]))
    found = datasets.inspect(datasets.read(path))
    assert found.counts == {"zero-width": 1}


def test_csv_fields_with_line_breaks_keep_the_line_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('note,x1,y1,x2,y2\n"two\nlines",0,0,5,5\nplain,7,7,7,9\n')
    data = datasets.read(path)
    assert [data.source.place(i).line for i in range(2)] == [2, 4]


def test_arguments_are_checked(tmp_path):
    sample = samples.write("coco", tmp_path / "set")
    with pytest.raises(ValueError, match="format must be one of coco, .*, not 'coc0'"):
        datasets.read(sample.path, "coc0")
    with pytest.raises(ValueError, match="boxes must be xyxy, xywh or cxcywh, not 'yxyx'"):
        datasets.read(sample.path, boxes="yxyx")
    with pytest.raises(ValueError, match=r"image_size must be \(height, width\)"):
        datasets.read(sample.path, image_size=(-1, 5))
    with pytest.raises(datasets.UnreadableError, match="no such folder of images, or image"):
        datasets.read(sample.path, images=tmp_path / "nowhere")


def test_yolo_polygons_of_four_corners_among_boxes(tmp_path):
    """Their corners are told from those of the boxes between them."""
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.9 0.9 0.9 0.1 0.1 0.9\n0 0.3 0.3 0.2 0.2\n")
    found = datasets.inspect(datasets.read(tmp_path, image_size=(100, 100)))
    assert {name: rows.tolist() for name, rows in found.rows.items()} == {"self-intersecting": [1]}
    assert datasets.augment(found.dataset, ["rotate=90"])[0].counts == {}


def test_one_photo_of_all_boxes(tmp_path):
    sample = samples.write("text", tmp_path / "set")
    data = datasets.read(sample.path, images=sample.options["images"] / "b.png")
    np.testing.assert_array_equal(data.sizes, [[40, 60], [40, 60]])


@pytest.mark.parametrize("kind", ["coco", "yolo"])
@pytest.mark.parametrize(("beyond", "outside"), [(0.015, 0), (0.03, 4)])
def test_decimals_that_files_lose_are_not_outside(kind, beyond, outside, tmp_path):
    """Each of the four sides passes its border by this much."""
    height, width = 300, 400
    sides = [(-beyond, 9, 50, 60), (9, -beyond, 50, 60), (350, 9, width + beyond, 60), (9, 250, 50, height + beyond)]
    if kind == "coco":
        content = [{"image_id": 1, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]} for x1, y1, x2, y2 in sides]
        (tmp_path / "x.json").write_text(
            json.dumps({"images": [{"id": 1, "width": width, "height": height}], "annotations": content, "categories": [{"id": 1}]})
        )
        data = datasets.read(tmp_path / "x.json")
    else:
        lines = [
            f"0 {(x1 + x2) / 2 / width:.9f} {(y1 + y2) / 2 / height:.9f} {(x2 - x1) / width:.9f} {(y2 - y1) / height:.9f}\n"
            for x1, y1, x2, y2 in sides
        ]
        (tmp_path / "x.txt").write_text("".join(lines))
        data = datasets.read(tmp_path / "x.txt", image_size=(height, width))
    assert datasets.inspect(data).counts.get("partly-outside", 0) == outside


@pytest.mark.parametrize("name", ["labels.txt", "predefined_classes.txt", "notes.txt"])
def test_files_without_a_number_are_no_labels(name, tmp_path):
    """Lists of classes and notes, whatever they are called, beside labels of YOLO: they are no malformed rows, and stay as they are."""
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("0 0.9 0.5 0.4 0.2\n")
    (tmp_path / name).write_text("dog\ncat\ntraffic light\nbird\nhorse\nsheep\ncow\n")
    data = datasets.read(tmp_path)
    assert len(data) == len(data.images) == 9 and not data.faults and data.beside == [tmp_path / name] and not data.doubt
    assert any(name in one for one in data.said)
    out = tmp_path.parent / f"{tmp_path.name}-new"
    assert datasets.fix(data, out, ["clip"]).counts == {"clip": 9} and (out / name).read_bytes() == (tmp_path / name).read_bytes()


def test_a_head_without_boxes_is_an_image(tmp_path):
    (tmp_path / "a.txt").write_text("imagesource:GoogleEarth\ngsd:null\n10 10 50 10 50 60 10 60 plane 0\n")
    (tmp_path / "b.txt").write_text("imagesource:GoogleEarth\ngsd:null\n")
    data = datasets.read(tmp_path)
    assert (data.format, len(data), data.images) == ("dota", 1, ["a", "b"])
