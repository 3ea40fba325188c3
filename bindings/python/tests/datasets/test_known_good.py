"""What is read right, and stays so."""

import json

import numpy as np
import pytest
from boxgrad import datasets


def coco(path, annotations, images=None, categories=None):
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}] if images is None else images
    categories = [{"id": 1, "name": "dog"}] if categories is None else categories
    path.write_text(json.dumps({"images": images, "categories": categories, "annotations": annotations}))
    return path


def annotation(id, bbox=(10, 10, 40, 50), **others):
    return {"id": id, "image_id": 1, "category_id": 1, "bbox": bbox, "area": 2000, "iscrowd": 0, **others}


def voc(path, objects, size="<size><width>640</width><height>480</height></size>"):
    path.mkdir(exist_ok=True)
    (path / "a.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return path


BOX = "<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>50</xmax><ymax>60</ymax></bndbox>"


def test_coco_images_of_height_0(tmp_path):
    path = coco(tmp_path / "x.json", [annotation(1)], [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 0}])
    found = datasets.inspect(datasets.read(path))
    assert found.counts == {"image-size-missing": 1} and len(found.dataset) == 1
    assert next(found.findings("image-size-missing")).values == "640 x 0"


def test_coco_ids_that_stand_twice(tmp_path):
    images = [{"id": 1, "file_name": name, "width": 640, "height": 480} for name in ("a.jpg", "b.jpg")]
    found = datasets.inspect(datasets.read(coco(tmp_path / "x.json", [annotation(5), annotation(5, (1, 2, 30, 40), area=1200)], images)))
    assert found.counts == {"duplicate-id": 2} and len(found.dataset) == 2
    assert [finding.values for finding in found.findings("duplicate-id")] == ["image id 1 again", "annotation id 5 again"]


@pytest.mark.parametrize("bbox", [None, [[10, 10, 40, 50]], [10, 10, 40, 50, 0.9], [], [10, 10, 40], [10, 10, [40], 50], "box", {"x": 1}, 5])
def test_bboxes_of_coco_that_are_none(bbox, tmp_path):
    """One is malformed, by its line; the others stay."""
    path = coco(tmp_path / "x.json", [annotation(1), annotation(2, bbox), annotation(3, (1, 2, 30, 40), area=1200)])
    found = datasets.inspect(datasets.read(path))
    assert found.counts == {"malformed": 1}
    assert next(found.findings("malformed")).place.member == "annotations[1]"
    np.testing.assert_array_equal(found.dataset.boxes, [[10, 10, 50, 60], [1, 2, 31, 42]])


@pytest.mark.parametrize("order", [("ymax", "xmin", "ymin", "xmax"), ("xmax", "ymax", "xmin", "ymin")])
def test_tags_of_voc_in_any_order(order, tmp_path):
    values = {"xmin": 10, "ymin": 20, "xmax": 50, "ymax": 60}
    box = "<bndbox>" + "".join(f"<{side}>{values[side]}</{side}>" for side in order) + "</bndbox>"
    path = voc(tmp_path / "set", f"<object>{box}<difficult>0</difficult><name>dog</name></object>")
    data = datasets.read(path)
    assert data.boxes.tolist() == [[10, 20, 50, 60]] and data.categories == ["dog"] and datasets.inspect(data).ok
    text = (path / "a.xml").read_text().replace("<xmax>50", "<xmax>700")
    (path / "a.xml").write_text(text)
    datasets.fix(datasets.read(path), tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "a.xml").read_text() == text.replace("<xmax>700", "<xmax>640")


def test_boxes_of_the_parts_of_voc(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part>"
    for objects in (f"{part}<name>man</name>{BOX}", f"<name>man</name>{BOX}{part}"):
        data = datasets.read(voc(tmp_path / "set", f"<object>{objects}</object>"))
        assert data.boxes.tolist() == [[10, 20, 50, 60]] and data.categories == ["man"] and datasets.inspect(data).ok


def test_voc_without_a_size(tmp_path):
    found = datasets.inspect(datasets.read(voc(tmp_path / "set", f"<object><name>dog</name>{BOX}</object>", size="")))
    assert found.counts == {"image-size-missing": 1} and len(found.dataset) == 1 and found.unbounded == 1


def test_header_lines_of_dota(tmp_path):
    head = "imagesource:GoogleEarth\ngsd:0.146343590398\n"
    (tmp_path / "P0001.txt").write_text(f"{head}10 10 50 10 50 60 10 60 plane 0\n")
    (tmp_path / "P0002.txt").write_text(head)
    data = datasets.read(tmp_path)
    assert data.format == "dota" and data.boxes.tolist() == [[10, 10, 50, 60]] and data.images == ["P0001", "P0002"]
    assert datasets.inspect(data).ok


LABELS = "0 0.5 0.5 0.25 0.25\n1 0.25 0.25 0.125 0.125\n"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_line_ends_of_windows(end, mark, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.txt").write_bytes(mark + LABELS.encode().replace(b"\n", end))
    csv = tmp_path / "x.csv"
    csv.write_bytes(mark + b"image,class,x1,y1,x2,y2\na.jpg,dog,10,10,50,60\n".replace(b"\n", end))
    data = datasets.read(folder)
    assert data.boxes.tolist() == [[0.375, 0.375, 0.625, 0.625], [0.1875, 0.1875, 0.3125, 0.3125]] and datasets.inspect(data).ok
    data = datasets.read(csv)
    assert data.boxes.tolist() == [[10, 10, 50, 60]] and data.categories == ["dog"] and datasets.inspect(data).ok


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_in_every_encoding(end, encoding, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.txt").write_bytes(LABELS.replace("\n", end).encode(encoding))
    data = datasets.read(folder)
    assert data.boxes.tolist() == [[0.375, 0.375, 0.625, 0.625], [0.1875, 0.1875, 0.3125, 0.3125]]
    assert [data.source.place(row).line for row in (0, 1)] == [1, 2]


@pytest.mark.parametrize("kind", ["csv", "voc", "text"])
def test_xmax_that_holds_a_width(kind, tmp_path):
    """Most boxes are inverted as corners: it is asked whether they are, and nothing is exchanged."""
    rows = [(100 + i, 200 + i, 30 + i, 40 + i) for i in range(10)]
    path = tmp_path / "set"
    path.mkdir()
    if kind == "csv":
        path = path / "x.csv"
        path.write_text("image,class,xmin,ymin,xmax,ymax\n" + "".join(f"{i}.jpg,d,{','.join(map(str, row))}\n" for i, row in enumerate(rows)))
    for i, row in enumerate(rows):
        if kind == "text":
            (path / f"{i}.txt").write_text(f"dog {' '.join(map(str, row))}\n")
        if kind == "voc":
            sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), row))
            (path / f"{i}.xml").write_text(f"<annotation><object><name>d</name><bndbox>{sides}</bndbox></object></annotation>")
    with pytest.raises(datasets.UnreadableError, match="10 of 10 boxes are inverted"):
        datasets.read(path)
    if kind != "voc":
        assert datasets.read(path, boxes="xywh").boxes[0].tolist() == [100, 200, 130, 240]


def test_a_coordinate_of_1_and_a_digit(tmp_path):
    """1.0000001 is inside, and stays as it is."""
    path = tmp_path / "x.csv"
    path.write_text("ImageID,XMin,YMin,XMax,YMax\na,0.2,0.2,1.0000001,0.5\nb,0.1,0.1,0.4,0.4\n")
    data = datasets.read(path)
    assert datasets.inspect(data).ok
    assert not datasets.fix(data, tmp_path / "new.csv", ["clip"]).changes
    assert (tmp_path / "new.csv").read_bytes() == path.read_bytes()
