"""COCO as other tools and hands write it: numbers as text, damaged fields, keys twice, fields of their own, and JSON that is not COCO."""

import json
import random

import numpy as np
import pytest
from asked import findings
from boxgrad import datasets
from boxgrad.datasets import UnreadableError
from boxgrad.datasets.coco_batches import BATCH

IMAGES = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
CATEGORIES = [{"id": 1, "name": "dog"}]


def annotation(**members):
    return {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0, **members}


def write(folder, annotations, images=IMAGES, categories=CATEGORIES, **members):
    path = folder / "x.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories, **members}))
    return path


def read(folder, annotations, *lists, **members):
    return datasets.read(write(folder, annotations, *lists, **members))


@pytest.mark.parametrize(
    ("members", "problem", "values"),
    [
        ({"area": "x"}, "damaged-field", 'area is "x", not a number'),
        ({"area": True}, "damaged-field", "area is true, not a number"),
        ({"area": [5]}, "damaged-field", "area is [5], not a number"),
        ({"iscrowd": "no"}, "damaged-field", 'iscrowd is "no", not 0 or 1'),
        ({"iscrowd": [0], "area": 7}, "damaged-field", "iscrowd is [0], not 0 or 1"),
        ({"segmentation": 5, "area": 7}, "damaged-field", "segmentation is 5, no polygons or RLE"),
        ({"segmentation": "none"}, "damaged-field", 'segmentation is "none", no polygons or RLE'),
        ({"id": {}}, "damaged-field", "id is {}"),
        ({"id": 1.5}, "damaged-field", "id is 1.5"),
        ({"category_id": [1]}, "unknown-category", "category_id is [1]"),
        ({"category_id": True}, "unknown-category", "category_id is true"),
        ({"category_id": None}, "unknown-category", "there is no category_id"),
        ({"category_id": "1.0"}, "unknown-category", "category_id '1.0'"),
        ({"category_id": 9}, "unknown-category", "category_id 9"),
        ({"image_id": None}, "unknown-image", "there is no image_id"),
        ({"image_id": [1]}, "unknown-image", "image_id is [1]"),
        ({"image_id": "01"}, "unknown-image", "image_id '01'"),
        ({"image_id": 9}, "unknown-image", "image_id 9"),
        ({"bbox": ["10", 20, "3e1", "+40.0"]}, "number-as-text", 'bbox is ["10", 20, "3e1", "+40.0"]'),
        ({"area": "1.2e3"}, "number-as-text", 'area is "1.2e3"'),
        ({"iscrowd": "0"}, "number-as-text", 'iscrowd is "0"'),
        ({"iscrowd": "1", "area": 7}, "number-as-text", 'iscrowd is "1"'),
        ({"image_id": "1", "category_id": "1"}, "number-as-text", 'image_id is "1"; category_id is "1"'),
    ],
)
def test_a_damaged_field_is_one_finding_and_the_box_stays(members, problem, values, tmp_path):
    others = [annotation(id=2, bbox=[1, 2, 3, 4], area=12), annotation(id=3, bbox=[5, 2, 3, 4], area=12)]
    data = read(tmp_path, [others[0], annotation(**members), others[1]])
    assert findings(data) == [(problem, values)]
    assert data.boxes.tolist() == [[1, 2, 4, 6], [10, 20, 40, 60], [5, 2, 8, 6]]
    assert data.image.tolist() == [0, -1 if problem == "unknown-image" else 0, 0]
    assert data.category.tolist() == [0, -1 if problem == "unknown-category" else 0, 0]
    assert data.account == {"rows": 3, "boxes": 3}


@pytest.mark.parametrize("missing", ["image_id", "category_id"])
def test_missing_ids(missing, tmp_path):
    one = annotation()
    del one[missing]
    assert findings(read(tmp_path, [one])) == [(f"unknown-{missing[:-3]}", f"there is no {missing}")]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"width": "wide"}, [("image-size-missing", "nan x 480")]),
        ({"height": [480]}, [("image-size-missing", "640 x nan")]),
        ({"height": 0}, [("image-size-missing", "640 x 0")]),
        ({"width": "640", "height": "4.8e2"}, [("number-as-text", 'width is "640"; height is "4.8e2"')]),
        ({"file_name": 5}, [("damaged-field", "file_name is 5, not a text")]),
        ({"file_name": ["a"]}, [("damaged-field", 'file_name is ["a"], not a text')]),
        ({"id": "1"}, [("number-as-text", 'id is "1"')]),
        ({"id": 1.0, "width": 640.0}, []),
    ],
)
def test_a_bad_image_keeps_its_id(image, expected, tmp_path):
    data = read(tmp_path, [annotation()], [{**IMAGES[0], **image}])
    assert findings(data) == expected and data.image.tolist() == [0]


def test_a_size_that_is_none_where_the_photo_is_there(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    data = read(tmp_path, [annotation(bbox=[1, 2, 3, 4], area=12)], [{**IMAGES[0], "width": "wide"}])
    assert data.sizes.tolist() == [[48, 64]] and findings(data) == [("damaged-field", 'width is "wide", not a number')]


def test_ids_are_compared_as_numbers(tmp_path):
    images = [{**IMAGES[0], "id": "1"}, {**IMAGES[0], "id": 2.0}, {**IMAGES[0], "id": "007"}, {**IMAGES[0], "id": "7"}]
    annotations = [annotation(id=i, image_id=id) for i, id in enumerate([1, "1", 1.0, 2, "2", "007", 7, "x"])]
    data = read(tmp_path, annotations, images, [{"id": "1", "name": 5}])
    assert data.image.tolist() == [0, 0, 0, 1, 1, 2, 3, -1] and data.category.tolist() == [0] * 8 and data.categories == ["5"]
    assert [values for problem, values in findings(data) if problem == "unknown-image"] == ["image_id 'x'"]
    assert [values for problem, values in findings(data) if problem == "damaged-field"] == ["name is 5, not a text"]
    annotations = [annotation(id="5"), annotation(id=5, bbox=[1, 2, 3, 4], area=12)]
    twice = read(tmp_path, annotations, IMAGES * 2, [*CATEGORIES, {"id": 1, "name": "cat"}])
    assert twice.categories == ["cat"], "the last one counts"
    assert [values for problem, values in findings(twice) if problem == "duplicate-id"] == [
        "image id 1 again", "category id 1 again", "annotation id 5 again",
    ]  # fmt: skip


def test_ids_that_are_words_are_right(tmp_path):
    data = read(tmp_path, [annotation(image_id="a1", category_id="dog")], [{**IMAGES[0], "id": "a1"}], [{"id": "dog", "name": "dog"}])
    assert findings(data) == [] and data.image.tolist() == [0]


def test_numbers_as_text_stay_text_in_a_repaired_copy(tmp_path):
    path = write(tmp_path, [annotation(bbox=["-10", "20.0", "3e1", 40], area="1200")])
    old = path.read_text()
    done = datasets.fix(datasets.read(path), tmp_path / "new.json", ["clip", "area"])
    assert done.counts == {"clip": 1, "area": 1}
    assert (tmp_path / "new.json").read_text() == old.replace('"-10"', '"0"').replace('"3e1"', '"20"').replace('"1200"', '"800"')
    path.write_text(old.replace('"-10"', '"\\u002d10"'))
    done = datasets.fix(datasets.read(path), tmp_path / "same.json", ["clip", "area"])
    assert done.left and (tmp_path / "same.json").read_text() == path.read_text(), "an escape is no text of a number"


@pytest.mark.parametrize("count", [1, BATCH + 3])
def test_fields_and_members_that_are_not_used_are_counted(count, tmp_path):
    annotations = [annotation(id=i, bbox=[i % 600, 2, 3, 4], area=12, keypoints=[1, 2, 2], note='a "text"') for i in range(count)]
    annotations.append(annotation(id=-1, area="x", attributes={"note": 1}, bbox_mode=0))
    images = [{**IMAGES[0], "camera": "x", "license": 1, "date_captured": "today", "coco_url": "", "flickr_url": ""}]
    categories = [{**CATEGORIES[0], "color": "red", "supercategory": "animal"}]
    data = read(tmp_path, annotations, images, categories, weird=[1], info={}, licenses=[])
    assert data.unused == {
        "field 'keypoints'": count, "field 'note'": count, "field 'attributes'": 1, "field 'bbox_mode'": 1, "field 'camera'": 1,
        "field 'color'": 1, "member 'weird'": 1,
    }  # fmt: skip
    assert any(said.startswith("Not used: ") and "field 'keypoints'" in said for said in data.said)
    assert read(tmp_path, [annotation()]).unused == {}, "another file has other fields"


def test_hundreds_of_names_in_the_place_of_fields(tmp_path):
    data = read(tmp_path, [annotation(id=i, bbox=[i, 2, 3, 4], area=12, **{f"name {i}": i}) for i in range(300)])
    assert len(data) == 300 and len(data.unused) == 300 and not data.faults


@pytest.mark.parametrize("where", ["images", "categories", "annotations"])
def test_keys_that_stand_twice(where, tmp_path):
    path = write(tmp_path, [annotation()])
    before, key, after = path.read_text().partition(f'"{where}": [{{')
    path.write_text(before + key + '"id": 5, "extra": {"id": 1, "note": "\\"id\\": 5"}, ' + after)
    data = datasets.read(path)
    assert findings(data) == [("duplicate-key", '"id" stands twice; the last one counts')]
    assert data.ids == [1] and data.image.tolist() == data.category.tolist() == [0]


@pytest.mark.parametrize("seed", range(8))
def test_no_key_that_stands_twice_is_overlooked(seed, tmp_path):
    """Whatever texts and escapes stand beside it."""
    rng = random.Random(seed)
    texts = ['""', '"a"', '"\\""', '"\\u0022"', '"\\\\"', '{"bbox": [1]}', "[1, 2]", "null", '["x", {"id": "\\u0022\\u0022"}]', "7"]
    records, twice = [], 0
    for i in range(40):
        members = [(key, json.dumps(value)) for key, value in annotation(id=i, bbox=[i, 2, 3, 4], area=12).items()]
        members += [(rng.choice(["note", "extra", "k\\u0022", 'k\\"']), rng.choice(texts)) for _ in range(rng.randint(0, 1))]
        members = [one for one in members if one[0] != "area" or rng.random() < 0.9]
        if rng.random() < 0.1:
            members.insert(rng.randint(0, 2), rng.choice(members))
            twice += 1
        records.append("{" + ", ".join(f'"{key}": {value}' for key, value in members) + "}")
    path = write(tmp_path, ["@"])
    path.write_text(path.read_text().replace('"@"', ",\n".join(records)))
    data = datasets.read(path)
    assert len(data) == 40 and sum(fault.problem == "duplicate-key" for fault in data.faults) == twice == len(data.faults)


def test_an_escaped_quote_hides_no_key_that_stands_twice(tmp_path):
    path = write(tmp_path, [annotation()], [{**IMAGES[0], "file_name": "@"}])
    path.write_text(path.read_text().replace("@", "\\u0022\\u0022").replace('"width": 640', '"width": 5, "width": 640'))
    assert findings(datasets.read(path)) == [("duplicate-key", '"width" stands twice; the last one counts')]


def test_detections_of_masks_among_those_of_boxes(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"image_id": 1, "category_id": 1, "score": 0.5, one: [1, 2, 3, 4]} for one in ("bbox", "segmentation")]))
    data = datasets.read(path)
    assert findings(data) == [("malformed", "there is no bbox, but 'image_id', 'category_id', 'score', 'segmentation'")]
    assert data.account == {"rows": 2, "boxes": 1, "malformed": 1} and data.unused == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "is an empty list, which is neither COCO nor a list of detections"),
        ("{}", "is no COCO file: it has no annotations"),
        ('{"version": "5", "shapes": [], "imagePath": "a"}', "has no annotations, but 'version', 'shapes', 'imagePath', as labelme writes"),
        ('{"a.jpg": {"filename": "a.jpg", "regions": []}}', "it has no annotations, but 'a.jpg', as VIA writes"),
        ('[{"data": {}, "annotations": [], "id": 1}]', "there is no bbox, but 'data', 'annotations', 'id', as Label Studio writes"),
        ('[{"image": "a.jpg", "annotations": []}]', "there is no bbox, but 'image', 'annotations', as Create ML writes"),
        ('[{"image": "a.jpg", "x1": 1}]', "is no list of detections: of its first record, there is no bbox, but 'image', 'x1'"),
        ('[{"bbox": [1, 2, 3, 4], "file": "a"}]', "is no list of detections: none of its records has an image_id"),
        ('{"ID": "1", "gtboxes": []}\n{"ID": "2", "gtboxes": []}\n', "JSON Lines, .* the first has 'ID', 'gtboxes', as CrowdHuman writes"),
        ('{"annotations": [{"id": 1, "caption": "x"}]}', "no COCO file with boxes: of its first annotation, there is no bbox, but 'id', "),
        ('"text"', "is no COCO file: expected `object`, got `str`"),
        ('{"annotations": {"a": 1}}', "is no COCO file: expected `array`, got `object`"),
    ],
)
def test_json_that_is_not_coco_is_named(text, reason, tmp_path, command):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UnreadableError, match=reason):
        datasets.read(tmp_path / "x.json")
    status, printed, errors = command("inspect", tmp_path / "x.json")
    assert status == 2 and "Nothing is wrong" not in printed and "x.json" in errors.replace("\n", "")


def test_fractions_are_asked_about(tmp_path, command):
    boxes = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.2, 0.6]]
    path = write(tmp_path, [annotation(id=i, bbox=box, area=0.1) for i, box in enumerate(boxes)])
    with pytest.raises(UnreadableError, match="2 of 2 boxes have numbers like fractions of the image, and coco is in pixels: .*--unit"):
        datasets.read(path)
    assert datasets.inspect(datasets.read(path, unit="pixels")).counts["small"] == 2
    data = datasets.read(path, unit="fractions")
    np.testing.assert_allclose(data.boxes, [[64, 96, 256, 288], [320, 240, 448, 528]])
    assert datasets.inspect(data).counts == {"partly-outside": 1}
    assert command("fix", path, "--unit", "fractions", "--policy", "clip,area", "--out", tmp_path / "new.json")[0] == 0
    assert (tmp_path / "new.json").read_text() == path.read_text().replace("0.6]", "0.5]")
    unknown = datasets.read(write(tmp_path, [annotation(bbox=boxes[1], image_id=9)]), unit="fractions")
    assert unknown.fractions and datasets.inspect(unknown).counts == {"unknown-image": 1}
    assert len(read(tmp_path, [annotation(bbox=[0, 0, 1, 1], area=1)])) == 1


@pytest.mark.parametrize(
    ("boxes", "numbers", "clipped"),
    [
        ("xyxy", [600, 20, 700, 60], [600, 20, 640, 60]),
        ("cxcywh", [630, 40, 60, 40], [620, 40, 40, 40]),
        ("xywh", [600, 20, 100, 40], [600, 20, 40, 40]),
    ],
)
def test_what_the_numbers_are_may_be_said(boxes, numbers, clipped, tmp_path):
    path = write(tmp_path, [annotation(bbox=numbers, area=4000)])
    data = datasets.read(path, boxes=boxes)
    assert data.boxes.tolist() == [[600, 20, 660 if boxes == "cxcywh" else 700, 60]]
    datasets.fix(data, tmp_path / "new.json", ["clip"])
    assert json.loads((tmp_path / "new.json").read_text())["annotations"][0]["bbox"] == clipped


@pytest.mark.parametrize("seed", range(10))
def test_the_sum_of_rows_holds_for_mutated_files(seed, tmp_path):
    """Each annotation is a box or a finding, and each box is the one that json sees."""
    rng = random.Random(seed)
    values = [None, [], {}, "x", "7", 7, 7.5, True, [1, 2, 3, "4"], [1, 2, 3], [[1, 2, 3, 4]], 1e300, "1e1", "1e999"]
    for _ in range(30):
        annotations = [annotation(id=i, bbox=[i + 2, 2, 3, 4]) for i in range(rng.choice([3, 60]))]
        for _ in range(rng.randint(1, 6)):
            one = rng.choice(annotations)
            one[rng.choice([*one, "more"])] = rng.choice(values)
        annotations[rng.randrange(3) : 0] = rng.choices(values, k=rng.randint(0, 2))
        data = read(tmp_path, annotations)
        account = data.account
        assert account["rows"] == len(annotations) == account["boxes"] + account.get("malformed", 0)
        wanted = [one["bbox"] for one in annotations if isinstance(one, dict) and isinstance(one.get("bbox"), list)]
        wanted = [[float(number) for number in box] for box in wanted if len(box) == 4]
        assert data.boxes[:, :2].tolist() == [box[:2] for box in wanted]
        assert len({(str(fault.place), fault.values) for fault in data.faults}) == len(data.faults)


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "latin-1", "utf-16"])
def test_json_in_another_encoding(encoding, tmp_path, command):
    """Python on a Chinese or Japanese Windows writes such without a word; nothing in the file says it."""
    name = {"latin-1": "Füße", "shift_jis": "表ソ"}.get(encoding, "汽车")
    path = tmp_path / "x.json"
    content = {"images": IMAGES, "annotations": [annotation(bbox=[-5, 2, 30, 40])], "categories": [{"id": 1, "name": name}]}
    text = json.dumps(content, ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    reason = "is UTF-16.*--encoding utf-16" if encoding == "utf-16" else "is not UTF-8: byte 0x.*--encoding"
    with pytest.raises(UnreadableError, match=reason):
        datasets.read(path)
    data = datasets.read(path, encoding=encoding)
    assert data.categories == [name]
    datasets.fix(data, tmp_path / "new.json", ["clip"])
    assert (tmp_path / "new.json").read_bytes() == text.replace("[-5, 2, 30", "[0, 2, 25").encode(encoding)
    assert "+" in datasets.fix(data, None, ["clip"], dry_run=True).diffs[0]
    assert datasets.read(path, encoding=encoding).boxes.tolist() == [[-5, 2, 25, 42]]
    assert command("inspect", path, "--encoding", "ascii")[0] == 2


def test_utf8_stays_utf8_whatever_encoding_is_named(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"images": IMAGES, "annotations": [], "categories": [{"id": 1, "name": "汽车"}]}, ensure_ascii=False))
    assert datasets.read(path, encoding="gbk").categories == datasets.read(path).categories == ["汽车"]


def test_json_that_its_encoding_does_not_give_back_stays(tmp_path):
    path = tmp_path / "x.json"
    text = json.dumps({"images": IMAGES, "annotations": [annotation(bbox=[-5, 2, 30, 40])], "categories": [{"id": 1, "name": "NAME"}]})
    path.write_bytes(text.encode().replace(b"NAME", b"\xfa\x54"))
    done = datasets.fix(datasets.read(path, encoding="cp932"), tmp_path / "new.json", ["clip"])
    assert done.left and (tmp_path / "new.json").read_bytes() == path.read_bytes()
