"""Files that are broken, wrong on purpose, or not what they seem: a sentence with a line, and nothing that could be read is lost."""

import json
import os
import time

import numpy as np
import pytest
import samples
from boxgrad import datasets
from boxgrad.datasets import UnreadableError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def coco(annotations, images=({"id": 1, "width": 100, "height": 100},), categories=({"id": 1},)):
    return json.dumps({"images": list(images), "annotations": list(annotations), "categories": list(categories)}, indent=1)


def annotation(**members):
    return {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], **members}


def read_text(folder, text, name="x.json"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return datasets.read(path)


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("x.json", b"", 1, "is empty"),
        ("x.json", b" \n\n", 3, "is empty"),
        ("x.json", bytes(range(256)) * 10, 1, "is no JSON: invalid character at byte 0"),
        ("x.json", b'{"images": [],\n"annotations": [{"id":', 2, "ends too early"),
        ("x.json", b'{"images": [],\n"annotations": [}', 2, "is no JSON: invalid character at byte 31"),
        ("x.json", b'{"images": [],\n"annotations": {}}', None, "is no COCO file: expected `array`, got `object` - at `$.annotations`"),
        ("x.json", b'{"images": []}', None, "is no COCO file: it has no annotations, but 'images'"),
        ("x.json", b'"text"', None, "is no COCO file: expected `object`, got `str`"),
        ("x.json", '{"annotations": []}'.encode("utf-16"), 1, "is UTF-16; JSON is UTF-8"),
        ("x.json", b'[{"a": 1},\n{"b": 2}]', 1, "is no list of detections: of its first record, there is no bbox"),
        ("x.json", b'{"annotations": [' + b"[" * 100000 + b"]" * 100000 + b"]}", None, "is nested too deeply"),
        ("x.xml", b"", 1, "is empty"),
        ("x.xml", b"<annotation>\n<size>\n", 3, "is no XML: no element found"),
        ("x.xml", b"<annotation>\n<size></annotation>", 2, "is no XML: mismatched tag"),
        ("x.xml", b"\x89PNG\r\n\x1a\n\0\0", 1, "is no XML: not well-formed (invalid token)"),
        ("x.xml", b"<html>\n</html>", 1, "is no VOC annotation: its root is <html>"),
        ("x.xml", b'<?xml version="1.0" encoding="ebcdic-nowhere"?>\n<annotation/>', 1, "declares the encoding 'ebcdic-nowhere', which is none"),
        ("x.xml", b"<annotation>" + b"<a>" * 200 + b"</a>" * 200 + b"</annotation>", 1, "is nested too deeply"),
        ("x.csv", b"", 1, "is empty"),
        ("x.csv", b"\xef\xbb\xbf", 1, "is empty"),
        ("x.csv", b"\0\1\2\3", 1, "is no text: it holds bytes 0"),
        ("x.csv", b"x1,y1,x2,y2\n1,2,3,\xff\n", 2, "is not UTF-8: byte 0xff"),
        ("x.csv", b"a,b\n1,2\n", 1, "has no columns x1, y1, x2, y2 or the like, but 'a', 'b'"),
        ("x.csv", b'x1,y1,x2,y2\n1,2,3,4\n1,2,3,"' + b"4" * 200000, None, "is no CSV: field larger than field limit"),
        ("x.parquet", b"PAR1 and then nothing", None, "is no Parquet"),
        ("x.txt", b"0 0.5 0.5 0.1 0.1\n\0", 2, "is no text: it holds bytes 0"),
        ("x.txt", b"0 0.5 0.5 0.1 0.1\n\n0 0.5 \xe9 0.1 0.1\n", 3, "is not UTF-8: byte 0xe9"),
        ("x.png", b"\x89PNG\r\n\x1a\n\0\0", None, "is in no format that is known"),
        ("x.csv", b'x1,y1,x2,y2,label\n1,1,9,9,a\n1,1,9,9,"b\n1,1,9,9,c\n', 3, "is no CSV: a quote that is opened here takes line 4, a row of the table, into its field"),
    ],
)
def test_unreadable_files(name, content, line, reason, tmp_path, command):
    path = tmp_path / name
    path.write_bytes(content)
    forced = {"x.txt": "yolo"}.get(name)
    try:
        (error,) = datasets.read(path, forced).unreadable
    except UnreadableError as raised:
        error = raised
    assert error.file == path
    assert error.reason.startswith(reason)
    assert line is None or error.line == line
    status, _, printed = command("inspect", path, *(["--format", forced] if forced else []))
    assert status == 2
    assert reason[:30] in printed.replace("\n", " ") and str(path) in printed.replace("\n", "")


def test_paths_that_are_no_files(tmp_path, command):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "empty").mkdir()
    for name, reason in [
        ("nowhere.json", "no such file"),
        ("pipe.json", "no regular file"),
        ("loop.json", "loop|symbolic"),
        ("empty", "no folder of annotations"),
    ]:
        with pytest.raises(UnreadableError, match=reason):
            datasets.read(tmp_path / name)
        assert command("inspect", tmp_path / name)[0] == 2
    if os.path.exists("/dev/zero"):
        with pytest.raises(UnreadableError, match="is no regular file"):
            datasets.read("/dev/zero")
    with pytest.raises(UnreadableError, match="is no regular file"):
        datasets.read(tmp_path / "empty", "coco")


def test_folders_that_link_to_themselves_are_walked_once(tmp_path):
    sample = samples.write("voc", tmp_path / "set")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set", target_is_directory=True)
    (tmp_path / "set" / "loop.xml").symlink_to("loop.xml")
    data = datasets.read(sample.path)
    assert len(data) == 6
    assert [error.file.name for error in data.unreadable] == ["loop.xml"]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE a [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)) + "]>",
        '<!DOCTYPE a [<!ENTITY a11 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY % a11 SYSTEM "http://127.0.0.1:9/x"> %a11;]>',
    ],
    ids=["bomb", "file", "network"],
)
def test_entities_are_refused(declared, tmp_path):
    sample = samples.write("voc", tmp_path / "set")
    (tmp_path / "set" / "c.xml").write_text(f'<?xml version="1.0"?>{declared}<annotation><filename>&a11;</filename></annotation>')
    started = time.monotonic()
    data = datasets.read(sample.path)
    assert time.monotonic() - started < 2
    assert len(data) == 6, "the other files are kept"
    (error,) = data.unreadable
    assert error.line == 1 and "declares the entity 'a" in error.reason


@pytest.mark.parametrize("bad", [b"", b"\0\1", b"<annotation>"])
def test_a_bad_file_in_a_folder_loses_no_other(bad, tmp_path, command):
    sample = samples.write("voc", tmp_path / "set")
    (sample.path / "bad.xml").write_bytes(bad)
    found = datasets.inspect(datasets.read(sample.path))
    assert found.counts == samples.COUNTS and not found.ok
    status, printed, errors = command("inspect", sample.path)
    assert status == 2
    assert "zero-width" in printed and "bad.xml" in errors


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"bbox": [1, 2, 3]}, "bbox is [1, 2, 3], not 4 numbers"),
        ({"bbox": [1, 2, 3, 4, 0.9]}, "bbox is [1, 2, 3, 4, 0.9], not 4 numbers"),
        ({"bbox": [[1, 2, 3, 4]]}, "bbox is [[1, 2, 3, 4]], not 4 numbers"),
        ({"bbox": [1, 2, 3, [4]]}, "bbox is [1, 2, 3, [4]], not 4 numbers"),
        ({"bbox": [1, 2, 3, "4px"]}, 'bbox is [1, 2, 3, "4px"], not 4 numbers'),
        ({"bbox": [1, 2, 3, "NaN"]}, 'bbox is [1, 2, 3, "NaN"], not 4 numbers'),
        ({"bbox": [1, 2, 3, "4,5"]}, 'bbox is [1, 2, 3, "4,5"], not 4 numbers'),
        ({"bbox": [1, 2, 3, None]}, "bbox is [1, 2, 3, null], not 4 numbers"),
        ({"bbox": "1,2,3,4"}, 'bbox is "1,2,3,4", not 4 numbers'),
        ({"bbox": []}, "bbox is [], not 4 numbers"),
        ({"bbox": [1, 2, 3, True]}, "bbox is [1, 2, 3, true], not 4 numbers"),
        ({"bbox": None}, "bbox is null, not 4 numbers"),
        ({"bbox": {"x": 1, "y": 2, "w": 3, "h": 4}}, 'bbox is {"x": 1, "y": 2, "w": 3, "h": 4}, not 4 numbers'),
    ],
)
def test_malformed_annotations_name_their_line(members, reason, tmp_path):
    data = read_text(tmp_path, coco([annotation(id=2), annotation(**members), annotation(id=3)]))
    (fault,) = data.faults
    assert (fault.problem, fault.values, fault.place.member) == ("malformed", reason, "annotations[1]")
    assert data.path.read_text().split("\n")[fault.place.line - 1].strip() == "{"
    assert data.ids == [2, 3]


def test_an_annotation_without_a_bbox(tmp_path):
    bad = annotation()
    del bad["bbox"]
    data = read_text(tmp_path, coco([bad, annotation(id=2)]))
    assert [(fault.problem, fault.values) for fault in data.faults] == [("malformed", "there is no bbox, but 'id', 'image_id', 'category_id'")]
    assert len(data) == 1


def test_records_that_are_no_objects(tmp_path):
    data = read_text(tmp_path, coco([7, annotation()], images=[{"id": 1, "width": 9, "height": 9}, "x"], categories=[{"id": 1}, None]))
    assert [(fault.place.member, fault.values) for fault in data.faults] == [
        ("images[1]", 'is "x", not an object'), ("categories[1]", "is null, not an object"), ("annotations[0]", "is 7, not an object"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "1" + "0" * 5000])
def test_numbers_beyond_a_double(number, tmp_path):
    text = coco([annotation(), annotation(id=2)]).replace("3,", f"{number},", 1)
    found = datasets.inspect(read_text(tmp_path, text))
    assert found.counts == {"not-finite": 1}
    assert found.rows["not-finite"].tolist() == [0]


def test_numbers_beyond_float32_are_not_finite_either(tmp_path):
    assert datasets.inspect(read_text(tmp_path, coco([annotation(bbox=[0, 0, 1e39, 5])]))).counts["not-finite"] == 1


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_literals_that_are_no_json(literal, tmp_path):
    text = coco([annotation(note='NaN, "Infinity', id=2), annotation(bbox=["@", 2, 3, 4])]).replace('"@"', literal)
    found = datasets.inspect(read_text(tmp_path, text))
    assert found.counts == {"not-finite": 1, "nan-literal": 1}
    (finding,) = found.findings("nan-literal")
    assert finding.values == literal and finding.place.member == "annotations[1]"
    assert literal in text.split("\n")[finding.place.line - 1]


def test_literals_outside_of_annotations(tmp_path):
    text = '{"info": NaN,\n"images": [{"id": 1, "width": NaN, "height": 5}], "categories": [{"id": 1}], '
    text += '"annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}]}'
    found = datasets.inspect(read_text(tmp_path, text))
    assert found.counts == {"nan-literal": 2, "image-size-missing": 1}
    assert [finding.place.line for finding in found.findings("nan-literal")] == [1, 2]


def test_keys_that_stand_twice(tmp_path):
    text = coco([annotation(bbox=[5, 5, 5, 5])]).replace('"bbox"', '"bbox": [1, 1, 1, 1], "bbox"', 1)
    data = read_text(tmp_path, text)
    np.testing.assert_array_equal(data.boxes, [[5, 5, 10, 10]])
    assert [(fault.problem, fault.values) for fault in data.faults] == [("duplicate-key", '"bbox" stands twice; the last one counts')]

    nested = read_text(tmp_path, coco([annotation(attributes={"bbox": [0]})]))
    assert not nested.faults, "a key within another object is another key"

    lists = read_text(tmp_path, '{"annotations": [],\n"images": [],\n"annotations": []}')
    (fault,) = lists.faults
    assert fault.problem == "duplicate-key" and "lines 1, 3" in fault.values


def test_references_and_ids(tmp_path):
    annotations = [annotation(), annotation(image_id=9, id=2), annotation(category_id=9, id=3), annotation()]
    images = [{"id": 1, "width": 50, "height": 0}, {"id": 2, "height": 4}, {"id": 2, "width": 4, "height": 4}]
    found = datasets.inspect(read_text(tmp_path, coco(annotations, images)))
    assert found.counts == {
        "image-size-missing": 2, "unknown-image": 1, "unknown-category": 1, "duplicate": 1, "duplicate-id": 2,
    }  # fmt: skip
    assert [finding.values for finding in found.findings("duplicate-id")] == ["image id 2 again", "annotation id 1 again"]


def test_areas(tmp_path):
    outline = [[0, 0, 1, 1, 2, 2]]
    cases = [
        (annotation(area=12), False), (annotation(area=12.9), False), (annotation(area=20), True), (annotation(area=0), True),
        (annotation(area=6, segmentation=outline), False), (annotation(area=20, segmentation=outline), True),
        (annotation(area=6, iscrowd=1), False),
        (annotation(bbox=[1, 2, 0, 4], area=0), False), (annotation(area=-1, segmentation=outline), True),
    ]  # fmt: skip
    boxes = [{**one, "id": i, "bbox": [i, *one["bbox"][1:]]} for i, (one, _) in enumerate(cases)]
    found = datasets.inspect(read_text(tmp_path, coco(boxes)))
    assert found.rows["area-differs"].tolist() == [i for i, (_, differs) in enumerate(cases) if differs]


def test_malformed_lines_and_rows(tmp_path):
    (tmp_path / "l").mkdir()
    lines = "0 0.5 0.5 0.1 0.1\n0 0.5 x 0.1 0.1\n0 0.5\n0 0.5 0.5 1_0 0.1\ndog 0.5 0.5 0.1 0.1\n0 nan 0.5 0.1 0.1\n"
    (tmp_path / "l" / "a.txt").write_text(lines)
    found = datasets.inspect(datasets.read(tmp_path / "l", "yolo"))
    assert found.counts == {"malformed": 3, "not-finite": 1} and found.dataset.categories == ["0", "dog"]
    assert [(one.place.line, one.values) for one in found.findings("malformed")] == [
        (2, "'x' is no number"), (3, "1 numbers after the class, not 4, 5, or the x and y of a polygon"), (4, "'1_0' is no number"),
    ]  # fmt: skip
    csv = read_text(tmp_path, "x1,y1,x2,y2\n1,2,3,4\n1,2,3\n1,2,,4\n1,2,z,4\n1,2,inf,4\n", "t.csv")
    assert [(one.place.line, one.values) for one in csv.faults] == [(3, "3 columns, not 4"), (4, "x2 is empty"), (5, "x2 is 'z'")]
    assert datasets.inspect(csv).counts == {"malformed": 3, "not-finite": 1}


def test_voc_objects_without_numbers_or_names(tmp_path):
    text = """<annotation><size><width>0</width><height>x</height></size>
<object><name>a</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax></bndbox></object>
<object><bndbox><xmin>1</xmin><ymin>2</ymin><xmax> 3.5 </xmax><ymax>4</ymax></bndbox></object>
<object><name>a</name><bndbox><xmin>1</xmin><ymin>?</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>"""
    found = datasets.inspect(read_text(tmp_path, text, "x.xml"))
    assert found.counts == {"malformed": 2, "image-size-missing": 1, "unknown-category": 1}
    assert [(one.place.line, one.values) for one in found.findings("malformed")] == [(2, "there is no ymax"), (4, "ymin is '?'")]


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/passwd", "a/../../secret.png", "..\\secret.png", "C:\\secret.png", "x\0.png", "", "."]
)
def test_names_of_images_cannot_lead_out_of_the_folder(name, tmp_path):
    from PIL import Image

    (tmp_path / "set").mkdir()
    Image.new("RGB", (7, 7)).save(tmp_path / "secret.png")
    data = read_text(tmp_path / "set", coco([annotation()], images=[{"id": 1, "file_name": name}]))
    assert data.reading.finder.find(name) is None
    assert np.isnan(data.sizes).all()
    if "secret" in name and "\\" not in name:
        assert (tmp_path / "set" / name).exists() or "a/" in name, "the trick would have worked"


def test_images_that_are_none(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and junk")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert datasets.read(tmp_path).fractions


def test_bad_class_names(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (tmp_path / "data.yaml").write_text("names:\n  - a\n - b: [\n")
    with pytest.raises(UnreadableError, match=r"data.yaml, line \d"):
        datasets.read(tmp_path / "labels")
    (tmp_path / "data.yaml").write_text("names: !!python/object/apply:os.system ['touch hacked']\n")
    with pytest.raises(UnreadableError, match="could not determine a constructor"):
        datasets.read(tmp_path / "labels")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(list(samples.WRITERS)))
def test_damaged_files_are_read_or_refused(data, kind, tmp_path_factory):
    """Bytes changed, cut out or put in anywhere: never another exception, and never more boxes than there is room for."""
    folder = tmp_path_factory.mktemp("damaged")
    sample = samples.write(kind, folder / "set")
    file = sample.path if sample.path.is_file() else sample.path / ("a.xml" if samples.FORMATS[kind] == "voc" else "a.txt")
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 20))
        content[at : at + length] = data.draw(
            st.binary(max_size=20) | st.sampled_from([b"NaN", b'"bbox"', b"[", b"}", b"-", b"<", b"\n", b"1e999"])
        )
    file.write_bytes(content)
    try:
        read = datasets.read(sample.path, samples.FORMATS[kind], **sample.options)
    except UnreadableError:
        return
    found = datasets.inspect(read)
    assert len(read) <= 6 + len(content) // 8
    for name in found.counts:
        assert len(list(found.findings(name))) == found.counts[name]
