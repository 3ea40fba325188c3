"""Tables as users' programs write them: dialects, headers and none, names of other tools, lists of boxes; and that no row goes unseen."""

import json
from pathlib import Path

import numpy as np
import pytest
from boxgrad import BoxgradError, datasets
from boxgrad.datasets import UnreadableError, table_text

REPORTS = Path(__file__).parent / "reports"
PLAIN = "image,class,x1,y1,x2,y2\na.jpg,dog,10,10,50,60\nb.jpg,cat,20,10,50,60\n"
BOXES = [[10, 10, 50, 60], [20, 10, 50, 60]]


def write(folder, text, name="x.csv", encoding="utf-8"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(folder, text, name="x.csv", encoding="utf-8", **options):
    data = datasets.read(write(folder, text, name, encoding), **options)
    check_sum(data)
    return data


def check_sum(data):
    malformed = sum(fault.problem == "malformed" for fault in data.faults)
    assert data.rows == len(data) + malformed + sum(data.without_box.values())


def refusal(folder, text, name="x.csv", **options):
    with pytest.raises(UnreadableError) as error:
        read(folder, text, name, **options)
    return str(error.value)


EXPECTED = {
    "vinbig.csv": ([[691, 1375, 1653, 1831]], ["aa", "bb"], ["Nodule"]),
    "retinanet_header_negative.csv": ([[837, 346, 981, 456]], ["img/a.jpg", "img/c.jpg"], ["cow"]),
    "retinanet_noheader.csv": ([[837, 346, 981, 456], [215, 312, 279, 391]], ["img/a.jpg", "img/b.jpg", "img/c.jpg"], ["cow", "cat"]),
    "retinanet_numeric_noheader.csv": ([[1, 10, 20, 30]], ["1.jpg"], ["object"]),
    "deepforest.csv": ([[203, 67, 227, 90]], ["a.tif"], ["Tree"]),
    "wheat.csv": ([[834, 222, 890, 258]], ["b6"], []),
    "via.csv": ([[10, 20, 40, 60]], ["a.jpg"], ["z"]),
    "makesense.csv": ([[57, 85, 251, 361]], ["img.jpg"], ["cat"]),
    "hf.parquet": ([[302, 109, 375, 161], [900, 100, 957, 100]], ["15"], ["4"]),
    "bboxlist.parquet": ([[302, 109, 375, 161]], ["15"], ["x"]),
    "semicolon.csv": ([[10, 10, 50, 60]], ["a.jpg"], ["dog"]),
    "tab.csv": ([[10, 10, 50, 60]], ["a.jpg"], ["dog"]),
    "tab.tsv": ([[10, 10, 50, 60]], ["a.jpg"], ["dog"]),
    "utf16.csv": ([[10, 10, 50, 60]], ["a.jpg"], ["dog"]),
    "udacity.csv": ([[785, 533, 905, 644], [89, 551, 291, 680]], ["f1.jpg"], ["Car"]),
    "openimages.csv": ([[0.0125, 0.148438, 0.195312, 0.5875], [0.5, 0.1, 1.2, 0.9], [0, 0, 0.999, 0.999], [0, 0, 0.999, 0.999]],
                       ["00a1", "00b2", "00c3"], ["/m/01", "/m/02"]),
    "imgcol_ImageID.csv": ([[10, 10, 50, 60]] * 2, ["a.jpg", "b.jpg"], ["dog"]),
    "imgcol_frame.csv": ([[10, 10, 50, 60]] * 2, ["a.jpg", "b.jpg"], ["dog"]),
    "imgcol_photo.csv": ([[10, 10, 50, 60]] * 2, ["a.jpg", "b.jpg"], ["dog"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_tables_of_reports(name):
    data = datasets.read(REPORTS / name)
    boxes, images, categories = EXPECTED[name]
    assert data.format == "table" and not data.faults and not data.doubt
    np.testing.assert_allclose(data.boxes, boxes, atol=1e-9)
    assert data.images == images and data.categories == categories
    check_sum(data)


DIALECTS = {
    "tab": PLAIN.replace(",", "\t"), "semicolon": PLAIN.replace(",", ";"), "pipe": PLAIN.replace(",", "|"),
    "sep": "sep=;\n" + PLAIN.replace(",", ";"), "sep-tab": "sep=\t\r\n" + PLAIN.replace(",", "\t").replace("\n", "\r\n"),
    "comment": "# by hand\n#\n" + PLAIN, "commented header": "#" + PLAIN, "comment amid": PLAIN.replace("b.jpg", "# note\nb.jpg"),
    "spaces": PLAIN.replace(",", ", "), "blank lines": "\n" + PLAIN.replace("\n", "\n\n"), "blank row": PLAIN + ",,,,,\n",
    "trailing": PLAIN.replace("60\n", "60,\n"), "mark": "\ufeff" + PLAIN, "old Mac": PLAIN.replace("\n", "\r"),
    "nameless last column": PLAIN.replace("y2\n", "y2,\n"),
    "header again": PLAIN + PLAIN.split("\n")[0] + "\n", "decimal commas": PLAIN.replace(",", ";").replace("10;50", "10,0;50,0"),
    "commas and points": PLAIN.replace(",", ";").replace("10;50", "10,0;50.0"),
    "quoted decimal commas": PLAIN.replace("10,10,50,60", '"10,0","10,0","50,0","60,00"')
    .replace("20,10,50,60", '"20,0","10,0","50,0","60,00"'),
}  # fmt: skip


@pytest.mark.parametrize("kind", DIALECTS)
def test_dialects(kind, tmp_path):
    data = read(tmp_path, DIALECTS[kind])
    np.testing.assert_array_equal(data.boxes, BOXES)
    assert data.images == ["a.jpg", "b.jpg"] and data.categories == ["dog", "cat"] and not data.faults
    plain = DIALECTS[kind].replace("\r\n", "\n").replace("\r", "\n")
    lines = [number for number, line in enumerate(plain.split("\n"), 1) if ".jpg" in line]
    assert [data.source.place(row).line for row in range(2)] == lines
    if "comment" in kind and "header" not in kind:
        assert data.without_box == {"comments": 2 if kind == "comment" else 1}


@pytest.mark.parametrize("kind", DIALECTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be with its mark"])
def test_repairs_of_dialects(kind, encoding, tmp_path):
    """One number is edited, and one row goes: all other bytes stay."""
    text = DIALECTS[kind].replace("20", "48").removeprefix("\ufeff")
    text = ("\ufeff" if "mark" in kind + encoding else "") + text
    path = write(tmp_path, text, encoding=encoding.split(" ")[0])
    data = datasets.read(path, image_size=(100, 45))
    done = datasets.fix(data, tmp_path / "new.csv", ["drop-outside", "clip"], max_dropped=1)
    assert done.counts == {"clip": 1, "drop-outside": 1}
    lines = [line for line in text.splitlines(keepends=True) if "b.jpg" not in line]
    at = next(at for at, line in enumerate(lines) if "a.jpg" in line)
    lines[at] = lines[at].replace("50", "45")
    new = (tmp_path / "new.csv").read_bytes().decode(encoding.split(" ")[0])
    assert new == "".join(lines)


def test_encodings(tmp_path, command):
    for encoding, word in (("latin-1", "chien é"), ("shift_jis", "犬"), ("gbk", "狗"), ("utf-16-le", "狗")):
        path = write(tmp_path, PLAIN.replace("dog", word).replace("10,10,50", "-5,10,50"), encoding=encoding)
        reason = refusal(tmp_path, path.read_bytes(), "y.csv")
        assert "--encoding" in reason, reason
        data = datasets.read(path, encoding=encoding, image_size=(100, 100))
        assert data.categories == [word, "cat"]
        datasets.fix(data, tmp_path / f"{encoding}.csv", ["clip"])
        assert (tmp_path / f"{encoding}.csv").read_bytes() == path.read_bytes().replace("-5".encode(encoding), "0".encode(encoding))
    utf8 = write(tmp_path, PLAIN.replace("dog", "狗"), "utf8.csv")
    assert datasets.read(utf8, encoding="gbk").categories == ["狗", "cat"], "UTF-8 stays UTF-8"
    escaped = write(tmp_path, PLAIN.replace("dog", "犬"), encoding="iso2022_jp")
    assert datasets.read(escaped, encoding="iso2022_jp").categories == ["犬", "cat"]
    path = write(tmp_path, PLAIN.replace("dog", "狗"), encoding="utf-16-le")
    status, _, printed = command("inspect", path, "--encoding", "utf-8")
    assert status == 2
    with pytest.raises(ValueError, match="encoding must be one that Python knows"):
        datasets.read(path, encoding="base64")
    assert "a spreadsheet" in refusal(tmp_path, b"PK\3\4\0\0") and "compressed by gzip" in refusal(tmp_path, b"\x1f\x8b\x08\0")


SWALLOWED = [
    'image,class,x1,y1,x2,y2\na.jpg,"dog,10,10,50,60\nb.jpg,dog,10,10,50,60\nc.jpg,"dog",1,1,5,5\n',
    'image,class,x1,y1,x2,y2,note\na.jpg,dog,10,10,50,60,"5 inch\nb.jpg,dog,10,10,50,60,x\nc.jpg,dog,1,1,5,5,7" wide\n',
    'image,class,x1,y1,x2,y2\na.jpg,"dog,10,10,50,60\nc.jpg,"dog",1,1,5,5\n',
    'image;class;x1;y1;x2;y2\na.jpg;"dog;10;10;50;60\nb.jpg;dog;1;2;3;4\n',
    'image,x1,y1,x2,y2,note\na.jpg,10,10,50,60,"open\nb.jpg,,,,,\nc.jpg,1,2,3,4,"closed"\n',
    'image_id,width,height,bbox,source\na,9,9,"[8, 2, 5, 3],s\nb,9,9,"[8, 2, 5, 3]",s\nc,9,9,"[8, 2, 5, 3]",s\n',
]  # fmt: skip


@pytest.mark.parametrize("text", SWALLOWED)
def test_a_stray_quote_swallows_no_row(text, tmp_path, command):
    reason = refusal(tmp_path, text)
    assert "x.csv, line 2: is no CSV: a quote that is opened here takes line" in reason and "a row of the table" in reason
    assert command("fix", tmp_path / "x.csv", "--policy", "clip", "--out", tmp_path / "new.csv")[0] == 2


@pytest.mark.parametrize("row", ['"', '"a.jpg', '"a\n.jpg,dog,10,10,50,60'])
def test_a_stray_quote_is_in_no_name(row, tmp_path):
    """The next row would be that of an image of another name."""
    text = f'image,class,x1,y1,x2,y2\n"a.jpg","dog",10,10,50,60\n{row}\n"b.jpg","dog",10,10,50,60\n"c.jpg","dog",1,1,5,5\n'
    assert "line 3: is no CSV: " in refusal(tmp_path, text)


def test_quoted_line_breaks_that_are_right(tmp_path):
    reason = refusal(tmp_path, 'image,x1,y1,x2,y2\n"ph\nb.jpg",1,2,3,4\n')
    assert "line 2: is no CSV: by a quote that is opened here 'image' holds a line break" in reason
    text = 'note,image,x1,y1,x2,y2\n"two\nlines, 1",a.jpg,1,2,3,4\n"1, 2\n3\n4",b.jpg,5,6,7,8\n'
    data = read(tmp_path, text)
    assert [data.source.place(row).line for row in range(2)] == [2, 4] and data.images == ["a.jpg", "b.jpg"]


def test_every_row_is_a_box_or_named(tmp_path):
    """Mutated rows: each is a box, malformed, or rightly without a box, and their sum is the number of rows."""
    import random

    chance = random.Random(0)
    cells = ["", "x", "nan", "0", "-1", "7", "1e3", "None", "1,5", "b.jpg", " ", "#"]
    kinds = set()
    for _ in range(300):
        rows = [["a.jpg", "dog", "1", "2", "30", "40"] for _ in range(5)]
        rows[2][2:] = ["", "nan", "", ""] if chance.random() < 0.2 else rows[2][2:]
        for _ in range(chance.randint(1, 12)):
            row = chance.choice(rows)
            if row and chance.random() < 0.8:
                row[chance.randrange(len(row))] = chance.choice(cells)
            else:
                row[chance.randrange(6) :] = [chance.choice(cells)] * chance.randint(0, 3)
        texts = [";".join(row) for row in rows]
        data = read(tmp_path, "image;class;x1;y1;x2;y2\n" + "".join(text + "\n" for text in texts), unit="pixels")
        assert data.rows == sum(text != "" for text in texts)
        kinds |= {*data.without_box, *(fault.problem for fault in data.faults)}
        image, rows = data.image, [data.source.place(row).line for row in range(len(data))]
        assert [data.images[image[at]] if image[at] >= 0 else "" for at in range(len(data))] == [
            texts[line - 2].split(";")[0].strip() if texts[line - 2].split(";")[0].strip() != "nan" else "nan" for line in rows
        ]
    assert {"malformed", "images without boxes", "unknown-image", "unknown-category"} <= kinds


@pytest.mark.parametrize(
    ("rows", "without"),
    [
        ("b.jpg,,,,,\n", "images without boxes"), ("b.jpg,No finding,,,,\n", "images without boxes"),
        ("b.jpg,none,nan,NaN,nan,nan\n", "images without boxes"), ("b.jpg,,NULL,NULL,None,NA\n", "images without boxes"),
        ("b.jpg,x,0,0,0,0\n", "images without boxes, as 0, 0, 0, 0"), ("b.jpg,x,0.0,0,0,0\n", "images without boxes, as 0, 0, 0, 0"),
        ("b.jpg,x,-1,-1,-1,-1\n", "images without boxes, as -1, -1, -1, -1"),
    ],
)  # fmt: skip
def test_images_without_boxes(rows, without, tmp_path):
    data = read(tmp_path, "image,class,x1,y1,x2,y2\na.jpg,dog,10,10,50,60\n" + rows)
    assert data.images == ["a.jpg", "b.jpg"] and data.without_box == {without: 1} and datasets.inspect(data).ok
    done = datasets.fix(data, tmp_path / "new.csv", list(datasets.POLICIES))
    assert not done.changes and (tmp_path / "new.csv").read_bytes() == (tmp_path / "x.csv").read_bytes()


def test_a_box_of_zeros_beside_others_is_one(tmp_path):
    """And stays one in a copy that lacks the others."""
    data = read(tmp_path, "image,x1,y1,x2,y2\na.jpg,0,0,0,0\na.jpg,-9,-9,-5,-5\n")
    assert datasets.inspect(data).counts["zero-width"] == 1
    datasets.fix(data, tmp_path / "new.csv", ["drop-outside"])
    assert (tmp_path / "new.csv").read_text() == "image,x1,y1,x2,y2\na.jpg,0,0,0,0\n"


def test_a_row_of_pixels_among_fractions(tmp_path, command):
    rows = "".join(f"{i}.jpg,0.1,0.1,0.5,0.{6 + i % 3}\n" for i in range(30))
    path = write(tmp_path, f"image,x1,y1,x2,y2\n{rows}z.jpg,10,10,50,60\n")
    for size in (None, (100, 200)):
        data = datasets.read(path, image_size=size)
        assert [(fault.problem, fault.place.line) for fault in data.faults] == [("pixels-not-fractions", 32)]
        np.testing.assert_array_equal(data.boxes[-1], [10, 10, 50, 60])
        assert datasets.inspect(data).counts == {"pixels-not-fractions": 1}
        done = datasets.fix(data, tmp_path / f"{size}.csv", list(datasets.POLICIES))
        assert not done.changes and (tmp_path / f"{size}.csv").read_bytes() == path.read_bytes()
    _, printed, _ = command("inspect", path)
    assert "its numbers are pixels, among fractions of the image" in printed


def test_the_unit_can_be_said(tmp_path):
    path = write(tmp_path, "image,x1,y1,x2,y2\na,0,0,1,1\n")
    for format in (None, "table"):  # the format does not say the unit
        with pytest.raises(UnreadableError, match="say which with --unit pixels or --unit fractions"):
            datasets.read(path, format)
    assert not datasets.read(path, unit="pixels").doubt and not datasets.read(path, unit="pixels").fractions
    assert datasets.read(path, unit="fractions").fractions
    np.testing.assert_array_equal(datasets.read(path, unit="fractions", image_size=(30, 40)).boxes, [[0, 0, 40, 30]])
    np.testing.assert_array_equal(datasets.read(write(tmp_path, "x1,y1,x2,y2\n.1,.1,.5,.5\n"), unit="pixels").boxes, [[0.1, 0.1, 0.5, 0.5]])


def test_one_unit_does_not_fit_files_of_two(tmp_path):
    write(tmp_path / "set", "image,x1,y1,x2,y2\n" + "a.jpg,10,20,30,40\n", "a.csv")
    write(tmp_path / "set", "image,x1,y1,x2,y2\n" + "b.jpg,0.1,0.2,0.3,0.4\n", "b.csv")
    with pytest.raises(UnreadableError, match=r"b\.csv holds fractions of the image, and \S+a\.csv pixels, so that one --unit does not fit"):
        datasets.read(tmp_path / "set")


def test_sizes_that_differ_are_none(tmp_path):
    text = "image,width,height,x1,y1,x2,y2\na,640,480,1,1,5,5\na,480,640,1,1,600,9\nb,640,480,1,1,700,9\nb,,,1,1,5,5\n"
    data = read(tmp_path, text)
    np.testing.assert_array_equal(data.sizes, [[np.nan] * 2, [480, 640]])
    said = f"so that none is taken, like {data.path}:3: 480 x 640, and 640 x 480 before."
    assert data.notes == [f"1 image has rows that declare different sizes, {said}"]
    assert datasets.inspect(data).counts == {"image-size-missing": 1, "partly-outside": 1}
    done = datasets.fix(data, tmp_path / "new.csv", ["clip"])
    assert [change.image for change in done.changes] == ["b"]


def test_columns_that_are_not_used_are_named(tmp_path, command):
    path = write(tmp_path, "image,class,x1,y1,x2,y2,class,rotation,\na.jpg,dog,10,10,50,60,cat,45,\n")
    data = datasets.read(path)
    assert data.categories == ["dog"] and data.unused == {"column 'class' again": 1, "column 'rotation'": 1}
    assert "class as the category" in data.evidence
    assert "Not used: column 'class' again (1), column 'rotation' (1)." in command("inspect", path)[1]
    data = read(tmp_path, "image,file_name,x1,y1,x2,y2\n1,a.jpg,1,2,3,4\n")
    assert data.images == ["a.jpg"] and data.unused == {"column 'image'": 1}, "the one that names photos"
    assert read(tmp_path, "name,x1,y1,x2,y2\na.jpg,1,2,3,4\n").images == ["a.jpg"]


def test_two_boxes_in_a_row_are_asked_about(tmp_path):
    text = "image,x1,y1,x2,y2,x,y,w,h\na.jpg,10,10,50,60,1,2,3,4\n"
    assert "two boxes in a row, in the columns 'x1', 'y1', 'x2', 'y2' and 'x', 'y', 'w', 'h'" in refusal(tmp_path, text)
    np.testing.assert_array_equal(read(tmp_path, text, boxes="xywh").boxes, [[1, 2, 4, 6]])
    data = read(tmp_path, text, columns="x1=x1,y1=y1,x2=x2,y2=y2")
    np.testing.assert_array_equal(data.boxes, [[10, 10, 50, 60]])
    assert "column 'w'" in data.unused
    for header in ("x0,y0,x1,y1,x2,y2,x3,y3", "x0,y0,x1,y1,x2,y2,a,b"):
        reason = refusal(tmp_path, f"{header}\n1,2,3,4,5,6,7,8\n")
        assert "more than two points" in reason and "--columns x1=x0,y1=y0,x2=x2,y2=y2 " in reason
    assert len(read(tmp_path, "image,width,height,x,y,w,h\na,99,99,1,2,3,4\n")) == 1, "width and height are the image's"
    assert len(read(tmp_path, "image,width,height,xmin,ymin,xmax,ymax\na,99,99,1,2,3,4\n")) == 1


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("bbox_x1,bbox_y1,bbox_x2,bbox_y2", "1,2,4,6"), ("x0,y0,x1,y1", "1,2,4,6"), ("Roi.X1,Roi.Y1,Roi.X2,Roi.Y2", "1,2,4,6"),
        ("bbox_x,bbox_y,bbox_width,bbox_height", "1,2,3,4"), ("XMin,XMax,YMin,YMax", "1,4,2,6"),
        ("box_left,box_top,box_right,box_bottom", "1,2,4,6"),
        ("bbox_xmin,bbox_ymin,bbox_w,bbox_h", None), ("x_center,y_center,w,h", "2.5,4,3,4"),
        ("bbox_left,bbox_top,bbox_width,bbox_height", "1,2,3,4"),
    ],
)  # fmt: skip
def test_names_of_boxes(header, row, tmp_path):
    if row is None:
        assert "has no columns x1" in refusal(tmp_path, f"image,{header}\na.jpg,1,2,3,4\n")
        return
    np.testing.assert_array_equal(read(tmp_path, f"image,{header}\na.jpg,{row}\n").boxes, [[1, 2, 4, 6]])


def test_no_option_guesses_the_columns_of_a_box(tmp_path):
    """A guess that is read without a question would shift all boxes by a column."""
    text = "Filename;Annotation tag;Upper left X;Upper left Y;Lower right X;Lower right Y\na.jpg;3;1;2;4;6\n"
    reason = refusal(tmp_path, text)
    assert "like image=Filename,x1=NAME,y1=NAME,x2=NAME,y2=NAME, with w and h" in reason and "=Annotation" not in reason
    assert "like image=NAME,x1=NAME" in refusal(tmp_path, "a,b,c,d,e\n1,2,3,4,5\n")


def test_four_points_are_no_box(tmp_path):
    text = "image,x1,y1,x2,y2,x3,y3,x4,y4\na.jpg,1,2,30,4,28,50,0,48\n"
    assert "more than two points in a row" in (reason := refusal(tmp_path, text)) and "--columns x1=x1,y1=y1,x2=x3,y2=y3 " in reason
    np.testing.assert_array_equal(read(tmp_path, text, columns="x1=x1,y1=y1,x2=x3,y2=y3").boxes, [[1, 2, 28, 50]])
    assert len(read(tmp_path, "x,y,w,h,0,1,2\n1,2,3,4,5,6,7\n")) == 1
    beside = read(tmp_path, "x1,y1,x2,y2,x3,y3,x4,y4,xmin,ymin,xmax,ymax\n1,2,30,4,28,50,0,48,0,2,30,50\n")
    assert beside.boxes.tolist() == [[0, 2, 30, 50]] and "column 'x1'" in beside.unused


def test_a_point_may_separate_thousands(tmp_path):
    text = "image;x1;y1;x2;y2\na.jpg;900;20;1.024;120\nb.jpg;1.100;20;1.250;30\n"
    assert "numbers like '1.100' beside whole ones below 1000, which could be thousands or decimals" in refusal(tmp_path, text)
    without = text.replace("1.024", "1024").replace("1.100", "1100").replace("1.250", "1250")
    np.testing.assert_array_equal(read(tmp_path, without).boxes, [[900, 20, 1024, 120], [1100, 20, 1250, 30]])
    np.testing.assert_array_equal(read(tmp_path, "image;x1;y1;x2;y2\na.jpg;1.125;20.5;31.250;120\n").boxes, [[1.125, 20.5, 31.25, 120]])
    np.testing.assert_array_equal(read(tmp_path, "image;x1;y1;x2;y2\na.jpg;1.125;20.000;31.250;120.000\n").boxes, [[1.125, 20, 31.25, 120]])
    late = "image;x1;y1;x2;y2\n" + "a.jpg;1;2;30;40\n" * 1500 + "b.jpg;900;20;1.024;120\n"
    assert "'1.024'" in refusal(tmp_path, late)


def test_what_stands_in_the_place_of_a_table(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    assert "is no table, but the pointer that Git LFS leaves" in refusal(tmp_path, pointer)
    assert "is no table, but a web page" in refusal(tmp_path, "<!DOCTYPE html><html><body>404</body></html>\n")


def test_nameless_columns_are_named_if_they_are_no_index(tmp_path):
    assert read(tmp_path, ",image,x1,y1,x2,y2\n0,a.jpg,1,2,3,4\n").unused == {}
    assert read(tmp_path, ",image,x1,y1,x2,y2\nhard,a.jpg,1,2,3,4\n").unused == {"column ''": 1}


def test_foreign_names_by_columns(tmp_path, command):
    text = "shot_ref,bx0,by0,bx1,by1,what\na.jpg,10,10,50,60,dog\n"
    assert "--columns says which they are, like image=shot_ref,x1=NAME,y1=NAME,x2=NAME,y2=NAME" in refusal(tmp_path, text)
    data = read(tmp_path, text, columns="image=shot_ref,x1=bx0,y1=by0,x2=bx1,y2=by1,category=what")
    assert data.images == ["a.jpg"] and data.categories == ["dog"]
    np.testing.assert_array_equal(data.boxes, [[10, 10, 50, 60]])
    data = read(tmp_path, text, columns="x=bx0,y=by0,w=bx1,h=by1,image=shot_ref")
    np.testing.assert_array_equal(data.boxes, [[10, 10, 60, 70]])
    wrong = {"image=nowhere": "names no column", "photo=shot_ref": "is none of image, category", "image=a,x1": "is not"}
    for columns, reason in wrong.items():
        with pytest.raises(ValueError, match=reason):
            read(tmp_path, text, columns=columns)
        assert command("inspect", tmp_path / "x.csv", "--columns", columns)[0] == 2


HEADERLESS = {
    "keras-retinanet": ("a/b.jpg,837,346,981,456,cow\na/c.jpg,,,,,\n", [[837, 346, 981, 456]], ["cow"]),
    "SKU110K": ("t.jpg,5,1429,219,1612,object,2448,3264\nt.jpg,300,1429,400,1612,object,2448,3264\n",
                [[5, 1429, 219, 1612], [300, 1429, 400, 1612]], ["object"]),
    "makesense": ("cat,57,85,194,276,img.jpg,640,480\n", [[57, 85, 251, 361]], ["cat"]),
    "Udacity": ('1.jpg 950 574 1004 620 0 "car"\n2.jpg 872 586 926 632 1 "trafficLight" "Red"\n',
                [[950, 574, 1004, 620], [872, 586, 926, 632]], ["car", "trafficLight"]),
    "AutoML": ("TRAIN,gs://b/a.jpg,dog,0.1,0.1,,,0.3,0.3,,\nTEST,gs://b/b.jpg,,,,,,,,,\n", [[0.1, 0.1, 0.3, 0.3]], ["dog"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERLESS)
def test_known_tables_without_a_header(kind, tmp_path):
    text, boxes, categories = HEADERLESS[kind]
    data = read(tmp_path, text)
    assert f"as {kind} writes them" in data.evidence and data.categories == categories and not data.faults
    np.testing.assert_allclose(data.boxes, boxes)
    datasets.fix(data, tmp_path / "new.csv", ["clip", "drop-degenerate"])
    assert (tmp_path / "new.csv").read_text() == text


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("1,10,10,50,60,0\n", "--columns image,x1,y1,x2,y2,category"),
        ("a.jpg,10,10,50,60,0\n", "--columns image,x1,y1,x2,y2,category"),
        ("dog,10,10,50,60,a.jpg\n", "--columns category,x1,y1,x2,y2,image"),
        ("a.jpg,100,100,50,60,dog\nb.jpg,100,100,30,70,dog\n", "--columns image,x1,y1,x2,y2,category"),
        ("t.jpg,5,1429,2190,1612,object,2448,1000\n", "--columns image,x1,y1,x2,y2,category,_,_"),
        ("10,10,50,60\n", "--columns x1,y1,x2,y2"),
    ],
)
def test_other_tables_without_a_header_are_asked_about(text, option, tmp_path):
    reason = refusal(tmp_path, text)
    assert "names no columns: its first row is" in reason and option in reason
    data = read(tmp_path, text, columns=option.split(" ")[1])
    assert len(data) == text.count("\n") and data.source.place(0).line == 1


def test_a_damaged_number_does_not_hide_a_known_table(tmp_path):
    rows = "".join(f"{at}.jpg,{at},2,30,40,dog\n" for at in range(11))
    data = read(tmp_path, rows + "11.jpg,a12,2,30,40,dog\n")
    assert len(data) == 11 and [fault.values for fault in data.faults] == ["x1 is 'a12'"] and "keras-retinanet" in data.evidence
    assert "--columns" in refusal(tmp_path, rows + "11.jpg,a12,2,30,40,dog\n" * 2)


def test_columns_of_a_table_that_has_a_header(tmp_path):
    """The first row is no box if its cells of the box are texts."""
    data = read(tmp_path, "a,b,c,d,e\nx.jpg,1,2,3,4\n", columns="image,x1,y1,x2,y2")
    assert data.images == ["x.jpg"] and data.source.place(0).line == 2
    data = read(tmp_path, "w.jpg,,,,\nx.jpg,1,2,3,4\n", columns="image,x1,y1,x2,y2")
    assert data.images == ["w.jpg", "x.jpg"] and data.without_box == {"images without boxes": 1}
    assert "--columns names 3" in refusal(tmp_path, "x.jpg,1,2,3,4\n", columns="image,x1,y1")


def test_columns_named_in_another_order_than_their_boxes(tmp_path):
    """By the names some boxes are inverted, and by their order none: it is asked."""
    text = "image,xmin,xmax,ymin,ymax\na,785,533,905,644\na,89,551,291,680\n"
    reason = refusal(tmp_path, text)
    assert "1 of 2 boxes are inverted by the columns' names, and none by their order" in reason and "line 2" in reason
    data = read(tmp_path, text, columns="x1=xmin,y1=xmax,x2=ymin,y2=ymax")
    np.testing.assert_array_equal(data.boxes, [[785, 533, 905, 644], [89, 551, 291, 680]])
    assert datasets.inspect(read(tmp_path, text, boxes="xyxy")).counts == {"inverted": 1}
    data = datasets.read(REPORTS / "udacity.csv", image_size=(660, 900))
    assert data.notes == ["The columns xmin, xmax, ymin, ymax hold x1, y1, x2, y2, as in the published file of Udacity."]
    datasets.fix(data, tmp_path / "new.csv", ["clip"])
    repaired = (REPORTS / "udacity.csv").read_text().replace("785,533,905", "785,533,900").replace("680", "660")
    assert (tmp_path / "new.csv").read_text() == repaired


def test_boxes_of_two_annotators_are_no_duplicates(tmp_path):
    text = "image_id,class_name,rad_id,x_min,y_min,x_max,y_max\na,Nodule,R1,1,2,3,4\na,Nodule,R2,1,2,3,4\na,Nodule,R2,1,2,3,4\n"
    data = read(tmp_path, text)
    assert datasets.inspect(data).rows["duplicate"].tolist() == [2]
    datasets.fix(data, tmp_path / "new.csv", ["drop-duplicates"])
    assert (tmp_path / "new.csv").read_text() == text[: -len("a,Nodule,R2,1,2,3,4\n")]


def test_one_damaged_field_loses_no_box(tmp_path):
    data = read(tmp_path, "image,class,x1,y1,x2,y2,area\na,,1,2,3,4,4\na,dog,5,6,7,8,big\n")
    assert len(data) == 2
    assert [(fault.problem, fault.place.line, fault.values) for fault in data.faults] == [
        ("unknown-category", 2, "the row names no category"), ("damaged-field", 3, "area is 'big'"),
    ]  # fmt: skip


def test_lists_of_boxes_are_corners_or_sides_by_evidence(tmp_path):
    """Or it is asked."""
    header = "image,label,bbox\n"
    assert "could be xyxy or xywh, like 10, 20, 30, 40 of line 2: say which with --boxes xyxy or --boxes xywh" in refusal(
        tmp_path, header + "a.jpg,dog,[10 20 30 40]\n"
    )
    for cell in ("[10 20 30 40]", '"(10, 20, 30, 40)"', '"[10,20,30,40]"', "10 20 30 40"):
        np.testing.assert_array_equal(read(tmp_path, f"{header}a.jpg,dog,{cell}\n", boxes="xyxy").boxes, [[10, 20, 30, 40]])
    data = read(tmp_path, header + 'a.jpg,dog,"[50, 60, 30, 40]"\n')
    np.testing.assert_array_equal(data.boxes, [[50, 60, 80, 100]])
    assert "100% would be inverted as xyxy" in data.evidence
    named = "{'x': 50, 'y': 60, 'w': 30, 'h': 40}", '{""xmin"": 50, ""ymin"": 60, ""xmax"": 80, ""ymax"": 100}'
    for cell in named:
        data = read(tmp_path, f'{header}a.jpg,dog,"{cell}"\n', image_size=(90, 90))
        np.testing.assert_array_equal(data.boxes, [[50, 60, 80, 100]])
        with pytest.raises(BoxgradError, match="no repair rewrites a box that is written as {"):
            datasets.fix(data, tmp_path / "new.csv", ["clip"])
    sized = "image,image_width,image_height,bbox\n" + "".join(f'{i}.jpg,100,100,"[60, 60, {80 + i}, 90]"\n' for i in range(9))
    np.testing.assert_array_equal(read(tmp_path, sized).boxes[0], [60, 60, 80, 90])
    data = read(tmp_path, "image,bbox,area\n" + 'a.jpg,"[10, 20, 30, 40]",1200\n')
    np.testing.assert_array_equal(data.boxes, [[10, 20, 40, 60]])
    for empty in ("[]", "", "nan", "None"):
        assert read(tmp_path, header + f'a.jpg,dog,"[50, 60, 30, 40]"\nb.jpg,,{empty}\n').without_box == {"images without boxes": 1}
    data = read(tmp_path, header + 'a.jpg,dog,"[50, 60, 30, 40]"\nb.jpg,dog,"[1, 2, 3]"\n')
    assert [fault.values for fault in data.faults] == ["bbox is '[1, 2, 3]', not four numbers"]


def test_all_boxes_of_an_image_in_one_text(tmp_path):
    data = read(tmp_path, "image_name,BoxesString,domain\na.png,99 692 160 764;641 27 697 115,x\nb.png,no_box,x\n")
    np.testing.assert_array_equal(data.boxes, [[99, 692, 160, 764], [641, 27, 697, 115]])
    assert data.images == ["a.png", "b.png"] and data.without_box == {"images without boxes": 1}
    text = "image_id,PredictionString\na,0.9 10 20 30 40 0.8 1 2 3 4\nb,\n"
    assert "--boxes xyxy or --boxes xywh" in refusal(tmp_path, text)
    np.testing.assert_array_equal(read(tmp_path, text, boxes="xyxy").boxes, [[10, 20, 30, 40], [1, 2, 3, 4]])
    data = read(tmp_path, "image_id,PredictionString\na,14 0.9 10 20 30 40 3 0.8 1 2 3 4\n", boxes="xyxy")
    assert data.categories == ["14", "3"]
    text = "image,labels,boxes\na.jpg,\"['dog', 'cat']\",\"[[10, 20, 30, 40], [1, 2, 3, 4]]\"\nb.jpg,[],[]\n"
    data = read(tmp_path, text, boxes="xyxy")
    assert [data.category_name(row) for row in range(2)] == ["dog", "cat"] and data.images == ["a.jpg", "b.jpg"]
    with pytest.raises(BoxgradError, match="the boxes stand in 'boxes', where a row may hold several, and no repair rewrites these"):
        datasets.fix(datasets.read(tmp_path / "x.csv", boxes="xyxy", image_size=(15, 15)), tmp_path / "new.csv", ["clip"])
    data = read(tmp_path, text.replace("'dog', ", ""), boxes="xyxy")
    assert [fault.values for fault in data.faults] == ["boxes holds 2 boxes, and category 1"]


def test_regions_of_via(tmp_path):
    def row(shape, attributes=None):
        cells = ("a.jpg", "100", "{}", "3", "0", json.dumps(shape), json.dumps(attributes or {}))
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"

    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
    shapes = [
        ({"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40}, [10, 20, 40, 60]),
        ({"name": "polygon", "all_points_x": [1, 5, 5], "all_points_y": [1, 1, 7]}, [1, 1, 5, 7]),
        ({"name": "circle", "cx": 9, "cy": 9, "r": 4}, [5, 5, 13, 13]),
        ({"name": "ellipse", "cx": 9, "cy": 9, "rx": 4, "ry": 2}, [5, 7, 13, 11]),
    ]
    text = header + "".join(row(shape, {"label": "z"}) for shape, _ in shapes)
    data = read(tmp_path, "#" + text)
    np.testing.assert_allclose(data.boxes, [box for _, box in shapes])
    assert data.categories == ["z"] and data.outlined.tolist() == [False, True, True, True]
    data = read(tmp_path, text + row({"name": "point", "cx": 1, "cy": 2}) + row({}) + row({"name": "rect", "x": "a"}))
    assert data.without_box == {"regions that are a point": 1, "images without boxes": 1}
    assert [fault.values for fault in data.faults] == ["x is 'a'"]
    data = read(tmp_path, header + row(shapes[0][0], {"class": {"dog": True, "cat": False}, "pose": "left"}))
    assert data.categories == ["dog"] and data.unused["attribute 'pose'"] == 1


def test_json_lines(tmp_path):
    rows = [
        {"image": "a.jpg", "label": "dog", "x1": 10, "y1": "10", "x2": 5e1, "y2": 60},
        {"image": "b.jpg", "x1": None},
        {"image": "c.jpg", "x1": 1},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows) + "\n[1]\n{oops\n"
    data = read(tmp_path, text, "x.jsonl")
    np.testing.assert_array_equal(data.boxes, [[10, 10, 50, 60]])
    assert data.without_box == {"images without boxes": 1}
    seen = [(fault.place.line, fault.values.split(":")[0]) for fault in data.faults]
    assert seen == [(3, "y1 is empty"), (5, "is '[1]', not an object"), (6, "is no JSON")]
    data = read(tmp_path, '{"x1": 1, "y1": 2, "x2": 3, "x2": 9, "y2": 5}\n', "x.ndjson")
    assert [fault.problem for fault in data.faults] == ["duplicate-key"] and data.boxes[0, 2] == 9
    assert "holds no object of JSON" in refusal(tmp_path, "hello\n", "x.jsonl")


def test_repairs_of_json_lines(tmp_path):
    row = '{ "x1" : -5.50, "note": {"x1": -5.50, "é": "\\u00e9"}, "bbox": [1, 2], "y1":1,"x2": 9, "y2":8e0}'
    path = write(tmp_path, row + "\n\n" + row.replace('"x2": 9', '"x2": -5.50') + "\n", "x.jsonl")
    done = datasets.fix(datasets.read(path, image_size=(50, 50)), tmp_path / "new.jsonl", ["drop-degenerate", "clip"])
    assert done.counts == {"clip": 2, "drop-degenerate": 1}
    assert (tmp_path / "new.jsonl").read_text() == row.replace('"x1" : -5.50', '"x1" : 0.0', 1) + "\n\n"
    path = write(tmp_path, '{"image": "a", "bbox": [1, 2, 3.0, 0], "n": 1}\n{"image": "b", "bbox": [-2, 9, 3.0, 4], "n": 1}\n', "x.jsonl")
    datasets.fix(datasets.read(path, boxes="xywh", image_size=(50, 50)), tmp_path / "b.jsonl", ["drop-degenerate", "clip"])
    assert (tmp_path / "b.jsonl").read_text() == '{"image": "b", "bbox": [0, 9, 1.0, 4], "n": 1}\n'


NESTED = [
    {"file_name": "1.png", "objects": {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0], "iscrowd": [0]}},
    {"file_name": "2.png", "objects": {"bbox": [[810.0, 100.0, 57.0, 28.0], [1, 2, 3]], "categories": [1, 2], "iscrowd": [0, 0]}},
    {"file_name": "3.png", "objects": {"bbox": [], "categories": [], "iscrowd": []}},
    {"file_name": "4.png", "objects": None},
]


def test_objects_of_hugging_face(tmp_path):
    """As metadata.jsonl of a folder of photos, one folder for each split."""
    for split in ("train", "test"):
        write(tmp_path / "set", "".join(json.dumps(row) + "\n" for row in NESTED), f"{split}/metadata.jsonl")
    data = datasets.read(tmp_path / "set")
    check_sum(data)
    np.testing.assert_array_equal(data.boxes, [[302, 109, 375, 161], [810, 100, 867, 128]] * 2)
    assert data.images == [f"{split}/{row['file_name']}" for split in ("test", "train") for row in NESTED]
    assert data.without_box == {"images without boxes": 4} and data.unused == {"field 'objects.iscrowd'": 6}
    assert [(fault.place.line, fault.values) for fault in data.faults] == [(2, "box 1: objects.bbox is [1, 2, 3], not four numbers")] * 2
    assert str(data.source.place(1)).endswith("test/metadata.jsonl:2 box 0")


def test_objects_in_a_text_of_csv(tmp_path):
    """All boxes of an image as Python prints them, as Kaggle's tables of videos have them."""
    text = (
        "video_id,image_id,annotations,label\n"
        "0,0-1,\"[{'x': 5, 'y': 6, 'width': 7, 'height': 8}]\",a\n0,0-2,[],b\n"
        "0,0-3,\"[{'x': 5, 'y': 6, 'width': 7, 'height': 8}, {'x': 1, 'y': 2, 'width': 3, 'height': 4}]\",c\n"
    )
    for options in ({}, {"columns": "bbox=annotations"}):
        data = read(tmp_path, text, **options)
        np.testing.assert_array_equal(data.boxes, [[5, 6, 12, 14], [5, 6, 12, 14], [1, 2, 4, 6]])
        assert data.images == ["0-1", "0-2", "0-3"] and data.without_box == {"images without boxes": 1}
        assert data.unused == {"column 'label'": 3} and not data.categories
    data = read(tmp_path, 'image;boxes\na.jpg;"[{""bbox"": [5, 6, 7, 8], ""category"": ""dog""}]"\n', boxes="xywh")
    assert data.boxes.tolist() == [[5, 6, 12, 14]] and data.categories == ["dog"]
    assert "has no columns x1" in refusal(tmp_path, 'image,annotations\na.jpg,"[{""text"": ""no box""}]"\n')


def test_lists_of_unknown_images_say_so(tmp_path):
    text = 'bbox,label\n"[5, 6, 4, 8]",dog\n"[5, 6, 4, 8]",dog\n'
    data = read(tmp_path, text, boxes="xywh")
    assert "no column is known as the image; the columns are 'bbox', 'label'" in data.unknown_image
    assert datasets.inspect(data).counts == {}


def test_decimals_of_parquet_are_repaired(tmp_path):
    from decimal import Decimal

    import pyarrow
    from pyarrow import parquet

    columns = {"x1": "1.50", "y1": "2.00", "x2": "700.25", "y2": "40.00"}
    kind = pyarrow.decimal128(8, 2)
    cells = {name: pyarrow.array([Decimal(value)], kind) for name, value in columns.items()}
    parquet.write_table(pyarrow.table(cells), tmp_path / "x.parquet")
    datasets.fix(datasets.read(tmp_path / "x.parquet", image_size=(600, 500.5)), tmp_path / "new.parquet", ["clip"])
    new = parquet.read_table(tmp_path / "new.parquet")
    assert new.column("x2").to_pylist() == [Decimal("500.50")] and new.schema.field("x2").type == kind
    with pytest.raises(BoxgradError, match=r"column x2 is decimal128\(8, 2\), which cannot hold 500\.125"):
        datasets.fix(datasets.read(tmp_path / "x.parquet", image_size=(600, 500.125)), tmp_path / "none.parquet", ["clip"])


def test_objects_in_parquet(tmp_path):
    import pyarrow
    from pyarrow import parquet

    features = {"objects": {"feature": {"category": {"names": ["dog", "cat"]}}}}
    schema_metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    rows = [
        {
            "image": {"bytes": b"\x89PNG", "path": "a.png"},
            "objects": {"bbox": [[300.0, 100.0, 70.0, 50.0]], "category": [1], "area": [3500]},
        },
        {"image": {"bytes": b"\x89PNG", "path": "b.png"}, "objects": {"bbox": [], "category": [], "area": []}},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows).replace_schema_metadata(schema_metadata), tmp_path / "x.parquet")
    data = datasets.read(tmp_path / "x.parquet")
    np.testing.assert_array_equal(data.boxes, [[300, 100, 370, 150]])
    assert data.images == ["a.png", "b.png"] and data.categories == ["cat"] and "the areas are those of xywh" in data.evidence
    assert str(data.source.place(0)) == f"{tmp_path}/x.parquet row 0 box 0"
    with pytest.raises(BoxgradError, match="the boxes stand in 'objects', where a row may hold several"):
        datasets.fix(datasets.read(tmp_path / "x.parquet", image_size=(120, 120)), tmp_path / "new", ["clip"])
    datasets.fix(data, tmp_path / "same", ["drop-degenerate"])

    lists = [{"id": 7, "objects": [{"bbox": [30.0, 10.0, 7.0, 5.0], "category": "dog"}, {"category": "cat", "bbox": [1.0, 1.0, 1.0, 0.5]}]}]
    parquet.write_table(pyarrow.Table.from_pylist(lists), tmp_path / "y.parquet")
    data = datasets.read(tmp_path / "y.parquet")
    np.testing.assert_array_equal(data.boxes, [[30, 10, 37, 15], [1, 1, 2, 1.5]])
    assert data.categories == ["dog", "cat"] and data.images == ["row 0"]


def test_bbox_lists_and_structs_in_parquet_are_repaired(tmp_path):
    import pyarrow
    from pyarrow import parquet

    rows = [
        {"image": "a", "bbox": [90.0, 2.0, 30.0, 4.0], "n": [1]},
        {"image": "b", "bbox": [5.0, 6.0, 0.0, 8.0], "n": []},
        {"image": "c", "bbox": None, "n": None},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    data = datasets.read(tmp_path / "x.parquet", image_size=(100, 100))
    assert data.without_box == {"images without boxes": 1}
    datasets.fix(data, tmp_path / "new.parquet", ["clip", "drop-degenerate"])
    assert parquet.read_table(tmp_path / "new.parquet").to_pylist() == [{**rows[0], "bbox": [90.0, 2.0, 10.0, 4.0]}, rows[2]]
    cells = [[1.0, 2, 3, 4], [1.0, 2, 3], [float("nan")] * 4, [1.0, None, 3, 4], None]
    for bbox, is_read in zip(cells, [True, False, False, False, False]):
        mixed = [{"image": "a", "bbox": [5.0, 6.0, 7.0, 8.0]}, {"image": "b", "bbox": bbox}]
        parquet.write_table(pyarrow.Table.from_pylist(mixed), tmp_path / "m.parquet")
        data = datasets.read(tmp_path / "m.parquet", boxes="xywh")
        check_sum(data)
        assert len(data) == 1 + is_read and data.boxes[0].tolist() == [5, 6, 12, 14]
    struct = [{"image": "a", "bbox": {"xmin": -1.0, "ymin": 2.0, "xmax": 3.0, "ymax": 4.0, "rest": "x"}}]
    parquet.write_table(pyarrow.Table.from_pylist(struct), tmp_path / "y.parquet")
    datasets.fix(datasets.read(tmp_path / "y.parquet"), tmp_path / "z.parquet", ["swap", "clip"])
    datasets.fix(datasets.read(tmp_path / "y.parquet", image_size=(9, 9)), tmp_path / "w.parquet", ["clip"])
    assert parquet.read_table(tmp_path / "w.parquet").to_pylist() == [{"image": "a", "bbox": {**struct[0]["bbox"], "xmin": 0.0}}]
    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "v.parquet")
    with pytest.raises(UnreadableError) as error:
        datasets.read(tmp_path / "v.parquet")
    assert "line" not in str(error.value), "Parquet has no lines"


def test_folders_of_tables(tmp_path, command):
    text = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,90,dog,10,10,50,60\na.jpg,100,90,dog,10,10,150,60\n"
    for split in ("train", "valid"):
        write(tmp_path / "set", text, f"{split}/_annotations.csv")
    write(tmp_path / "set", "dog,0\ncat,1\n", "classes.csv")
    write(tmp_path / "set", "made by hand\n", "README.dataset.txt")
    data = datasets.read(tmp_path / "set")
    check_sum(data)
    assert data.images == ["train/a.jpg", "valid/a.jpg"] and len(data) == 4 and not data.unreadable
    assert any("too few columns for boxes" in said and "classes.csv" in said for said in data.said)
    assert datasets.inspect(data).counts == {"partly-outside": 2}
    assert command("fix", tmp_path / "set", "--policy", "clip", "--out", tmp_path / "new")[0] == 0
    for split in ("train", "valid"):
        assert (tmp_path / "new" / split / "_annotations.csv").read_text() == text.replace("150", "100")
    write(tmp_path / "set", text, "train/._annotations.csv")
    assert list(datasets.read(tmp_path / "set").passed_over.values())[-1] == [tmp_path / "set" / "classes.csv"]
    assert [tmp_path / "set" / "train" / "._annotations.csv"] in datasets.read(tmp_path / "set").passed_over.values()
    write(tmp_path / "set", "a,b,c,d,e\n1,2,3,4,5\n", "odd.csv")
    assert [error.file.name for error in datasets.read(tmp_path / "set").unreadable] == ["odd.csv"]
    numbered = "image_id,x1,y1,x2,y2\n1,1,2,3,4\n"
    for name in ("a.csv", "b.csv"):
        write(tmp_path / "two", numbered, name)
    assert datasets.inspect(datasets.read(tmp_path / "two")).ok, "numbers are given again in each file"


def test_a_table_in_a_file_of_text(tmp_path):
    for text in (PLAIN, PLAIN.replace(",", "\t")):
        data = read(tmp_path, text, "x.txt")
        assert data.format == "table" and data.evidence.startswith("by the names of its columns")
        np.testing.assert_array_equal(data.boxes, BOXES)
    rows = "a.jpg,1,2,3,4,dog\nb.jpg,1,2,3,4,cat\n"
    assert read(tmp_path, rows, "x.txt", columns="image,x1,y1,x2,y2,category").images == ["a.jpg", "b.jpg"]
    path = write(tmp_path, PLAIN.replace("dog", "狗"), "y.txt", "gbk")
    assert datasets.read(path, encoding="gbk").categories == ["狗", "cat"]
    with pytest.raises(UnreadableError, match="no format that is known"):
        datasets.read(write(tmp_path, "boxes\nbottles\n", "x.txt"))
    assert len(read(tmp_path, "# boxes, by hand\n" + PLAIN)) == 2


ODD = ["", "nan", "NaN(1)", " 7", "+5", "1e3", "1_0", "0x1", "inf", "5.", ".5", "x", "None", "٣", "1e999", "-0"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_both_ways_to_read_a_table_agree(end, name, tmp_path, monkeypatch):
    """Arrow's, of clean files, and the careful one."""
    import random

    chance = random.Random(3)
    for case in range(40):
        cells = [["a", "dog", "1.5", "2", "30", "40", "100", "90", "7"] for _ in range(30)]
        for row in cells:
            row[0], row[1] = chance.choice(["a.jpg", "b.jpg", " a.jpg", "é", ""]), chance.choice(["dog", "cat ", ""])
            for _ in range(chance.choice([0, 0, 0, 1, 4])):
                row[chance.randrange(2, 9)] = chance.choice(ODD)
        if case % 4 == 3:
            chance.choice(cells)[2:] = ["1"]
        header = ["image", "label", "x1", "y1", "x2", "y2", "width", "height", "area"]
        text = end.join(("\t" if name == "x.tsv" else ",").join(row) for row in [header, *cells]) + end * (case % 2)
        if case % 5 == 4:  # quotes, most of them around whole fields
            wrong = ['"', '""'] if chance.random() < 0.3 else []
            text = text.replace("dog", chance.choice(['"dog"', '"d,o\tg"', '"do', 'd"og', '"d""og"', '""', *wrong]))
        path = write(tmp_path, text, name)
        found = []
        for fast_from in (0, 1 << 40):
            monkeypatch.setattr(table_text, "FAST_FROM", fast_from)
            try:
                data = datasets.read(path)
            except UnreadableError as error:
                found.append([str(error)])
                continue
            check_sum(data)
            places = [data.source.place(row) for row in range(len(data))]
            rests = [data.source.rest(row) for row in range(len(data))]
            said = (data.account, data.unused, data.said, data.evidence, data.faults)
            names = (data.images, data.categories, data.image.tolist(), data.category.tolist())
            found.append((data.boxes.tolist(), data.sizes.tolist(), data.areas.tolist(), places, rests, *names, *said))
        for fast, careful in zip(*found):
            assert str(fast) == str(careful)


def test_a_clean_table_is_read_by_arrow(tmp_path, monkeypatch):
    """So that the comparison above compares two ways."""
    monkeypatch.setattr(table_text, "FAST_FROM", 0)
    quoted = PLAIN.replace("dog", '"dog"')
    cases = {PLAIN: True, quoted: True, quoted.replace("do", 'd""o'): False, PLAIN + "a\n": False, PLAIN + "\n" + PLAIN: False}
    for text, is_fast in cases.items():
        data = datasets.read(write(tmp_path, text))
        assert isinstance(data.source.parts[0].frame.columns[0], list) != is_fast


def test_two_columns_of_objects_are_refused(tmp_path):
    rows = ['{"file_name": "a.jpg", "objects": {"bbox": [[1, 2, 3, 4]]}}', '{"file_name": "b.jpg", "object s": {"bbox": [[1, 2, 3, 4]]}}']
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    with pytest.raises(datasets.UnreadableError, match="has the column objects twice: .*'objects', 'object s'"):
        datasets.read(tmp_path / "metadata.jsonl", boxes="xywh")


@pytest.mark.parametrize("label", ["", "nan", "NaN", "NULL", "<NA>"])
def test_a_missing_label_is_no_class(label, tmp_path):
    (tmp_path / "x.csv").write_text(f"image,x1,y1,x2,y2,label\na.jpg,1,2,30,40,{label}\na.jpg,1,2,30,50,none\n")
    data = datasets.read(tmp_path / "x.csv")
    assert data.categories == ["none"] and data.category.tolist() == [-1, 0]
    assert [(one.problem, one.place.line) for one in data.faults] == [("unknown-category", 2)]
