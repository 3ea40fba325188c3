"""Pascal VOC as other tools and hands write it: elements twice, elsewhere, in other case; encodings; numbers of another meaning."""

import itertools
import random
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from asked import findings
from boxgrad import datasets
from boxgrad.datasets import UnreadableError
from boxgrad.datasets.records import Copied

REPORTS = Path(__file__).parent / "reports"
SIZE = "<size><width>100</width><height>100</height></size>"


def bndbox(*sides):
    return "<bndbox>{}</bndbox>".format("".join(f"<{name}>{side}</{name}>" for name, side in zip(("xmin", "ymin", "xmax", "ymax"), sides)))


BOX = bndbox(10, 20, 30, 40)


def an_object(*members, name="dog"):
    return f"<object><name>{name}</name>{''.join(members)}</object>"


def annotation(*members, size=SIZE):
    return f"<annotation><filename>a.jpg</filename>{size}{''.join(members)}</annotation>"


def write(folder, text, name="a.xml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(folder, text, **options):
    return datasets.read(write(folder / "set", text), **options)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (annotation(an_object("<name>cat</name>", BOX)), ["name"]),
        (annotation(an_object(BOX, bndbox(1, 1, 5, 6))), ["bndbox"]),
        (annotation(an_object(bndbox(10, 20, 30, 40).replace("</xmin>", "</xmin><xmin>-7</xmin>"))), ["xmin"]),
        (annotation("<filename>b.jpg</filename>", an_object(BOX)), ["filename"]),
        (annotation("<size><width>5</width><height>5</height></size>", an_object(BOX)), ["size"]),
        (annotation(an_object(BOX), size="<size><width>100</width><width>5</width><height>100</height></size>"), ["width"]),
        (annotation(an_object("<name>cat</name>", BOX, bndbox(1, 1, 5, 6))), ["name", "bndbox"]),
    ],
)
def test_of_elements_that_stand_twice_the_first_counts(text, values, tmp_path):
    """And no repair touches the object: nothing says which of both is right."""
    data = read(tmp_path, text)
    assert data.boxes.tolist() == [[10, 20, 30, 40]] and data.categories == ["dog"] and data.images == ["a.jpg"]
    assert data.sizes.tolist() == [[100, 100]]
    assert findings(data) == [("duplicate-key", f"<{name}> stands twice; the first one counts") for name in values]
    assert list(data.locked) == [0] and data.account == {"rows": 1, "boxes": 1}
    twisted = read(tmp_path, text.replace("<xmin>10<", "<xmin>-10<"))
    done = datasets.fix(twisted, tmp_path / "new", ["clip", "drop-outside"])
    assert len(done.left) == 1 and not done.changes
    assert (tmp_path / "new" / "a.xml").read_bytes() == (tmp_path / "set" / "a.xml").read_bytes()


@pytest.mark.parametrize(
    ("text", "unusual"),
    [
        (annotation(f"<objects>{an_object(BOX)}</objects>"), "<objects><object> (1)"),
        (annotation(f"<labels>{an_object(BOX)}</labels>"), "<labels><object> (1)"),
        (annotation(an_object(BOX)).replace("object>", "Object>"), "<Object> (1)"),
        (annotation(an_object(BOX)).replace("object>", "OBJECT>"), "<OBJECT> (1)"),
        (annotation(an_object(BOX)).upper().replace("DOG", "dog").replace("A.JPG", "a.jpg"), "<ANNOTATION> (1)"),
        (annotation(an_object(BOX)).replace("<annotation>", '<annotation xmlns="http://x">'), "<annotation xmlns> (1)"),
        (annotation(an_object(BOX)).replace("xm", "v:xm"), "<v:xmin> (1), <v:xmax> (1)"),
        (annotation(an_object(BOX)).replace("object>", "v:object>"), "<v:object> (1)"),
        (annotation(an_object(BOX)).replace("bndbox", "BndBox").replace("xmin", "xMin"), "<BndBox> (1), <xMin> (1)"),
    ],
)
def test_objects_elsewhere_and_in_other_case(text, unusual, tmp_path):
    """They are read, the report says that other readers miss them, and they are repaired in place."""
    data = read(tmp_path, text)
    assert data.boxes.tolist() == [[10, 20, 30, 40]] and data.categories == ["dog"] and data.sizes.tolist() == [[100, 100]]
    assert [note.split(": ")[1].split(", <FILE")[0].rstrip(".") for note in data.notes] == [unusual]
    twisted = text.replace("10<", "-10<").encode("utf-16")
    done = datasets.fix(read(tmp_path, twisted), tmp_path / "new", ["clip"])
    assert done.counts == {"clip": 1}
    assert (tmp_path / "new" / "a.xml").read_bytes().decode("utf-16") == text.replace("10<", "0<")


def test_a_box_of_attributes(tmp_path):
    attributes = annotation('<object name="dog" id="7"><bndbox xmin="-10" yMin="20" xmax="30" ymax="40"/></object>', size="")
    data = read(tmp_path, attributes.replace("<object ", '<size width="100" height="90"/><object '))
    assert data.boxes.tolist() == [[-10, 20, 30, 40]] and data.categories == ["dog"] and data.sizes.tolist() == [[90, 100]]
    assert data.unused == {"attribute 'id'": 1}
    assert datasets.fix(data, tmp_path / "new", ["clip"]).left, "and it stays as it is"
    assert "xmin is an attribute" in " ".join(data.said)


ROBNDBOX = "<robndbox><cx>50</cx><cy>40</cy><w>30</w><h>10</h><angle>0.5</angle></robndbox>"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (an_object("<polygon><x1>1</x1><y1>2</y1></polygon>"), ["there is no bndbox, but <polygon> of x1, y1"]),
        (an_object(ROBNDBOX.replace("<h>10</h>", "")), ["there is no h"]),
        (an_object(ROBNDBOX.replace("10", "ten")), ["h is 'ten'"]),
        (f"<item>{ROBNDBOX}</item>", ["it stands in <item>, and in no object"]),
        (an_object("<bndbox><x>1</x><y>2</y></bndbox>"), ["there is no xmin, but <x>, <y>"]),
        (an_object(), ["there is no bndbox"]),
        (an_object("<bndbox/>"), ["there is no xmin"]),
        (an_object(bndbox("1<b>2</b>", 1, 5, 5)), ["xmin is '1<b>2'"]),
        (an_object(bndbox("10px", "x", 5, 5)), ["xmin is '10px'"]),
        (f"<item><name>a</name>{BOX}</item>", ["it stands in <item>, and in no object"]),
        (an_object(BOX, an_object(BOX)), ["it stands in object 0"]),
    ],
)
def test_boxes_that_are_not_read_are_named_once(text, reasons, tmp_path):
    data = read(tmp_path, annotation(text))
    assert findings(data) == [("malformed", reason) for reason in reasons]
    assert data.account["rows"] == len(data) + len(reasons)


def test_what_is_not_used_is_named(tmp_path, command):
    part = f"<part><name>head</name>{bndbox(1, 1, 5, 6)}</part>"
    plain = "<pose>Left</pose><truncated>0</truncated><difficult>0</difficult>"
    source = "<folder>x</folder><source><database>y</database></source>"
    texts = annotation(source, an_object(plain, BOX, part, "<weird/>", part), "<weird/>")
    data = read(tmp_path, texts)
    assert data.boxes.tolist() == [[10, 20, 30, 40]], "a part is no object"
    assert data.unused == {"element <part>": 2, "element <weird>": 2}
    assert "Not used: element <part> (2), element <weird> (2)." in command("inspect", tmp_path / "set")[1]
    done = datasets.fix(read(tmp_path, texts.replace(">10<", ">-10<")), tmp_path / "new", ["clip"])
    assert done.counts == {"clip": 1} and (tmp_path / "new" / "a.xml").read_text() == texts.replace(">10<", ">0<")


def test_members_in_any_order(tmp_path):
    for order, members in enumerate(itertools.permutations(["<name>dog</name>", "<pose>x</pose>", BOX])):
        sides = [f"<{name}>{side}</{name}>" for name, side in zip(("xmin", "ymin", "xmax", "ymax"), (10, 20, 30, 40))]
        random.Random(order).shuffle(sides)
        text = f"<object>{''.join(members)}</object>".replace(BOX, f"<bndbox>{''.join(sides)}</bndbox>")
        for whole in (f"{SIZE}{text}", f"{text}{SIZE}"):
            data = read(tmp_path, f"<annotation>{whole}</annotation>")
            assert data.boxes.tolist() == [[10, 20, 30, 40]] and data.categories == ["dog"] and findings(data) == []


def test_images_without_a_size_or_an_object(tmp_path, command):
    write(tmp_path / "set", annotation(an_object(BOX), size=""))
    write(tmp_path / "set", annotation(an_object(BOX), size="<size><width>abc</width><height>100</height></size>"), "b.xml")
    write(tmp_path / "set", annotation(), "c.xml")
    data = datasets.read(tmp_path / "set")
    assert findings(data) == [("image-size-missing", "nan x nan"), ("image-size-missing", "nan x 100")]
    assert data.account == {"rows": 3, "boxes": 2, "images without objects": 1} and len(data.images) == 3
    (tmp_path / "set" / "c.xml").write_text("<annotation>")
    (tmp_path / "set" / "a.xml").unlink()
    (tmp_path / "set" / "b.xml").unlink()
    status, printed, errors = command("inspect", tmp_path / "set")
    assert status == 2 and "Nothing could be read." in printed and "Nothing is wrong" not in printed and "c.xml" in errors


def test_a_size_that_is_none_where_the_photo_is_there(tmp_path):
    from PIL import Image

    text = annotation(an_object(BOX, name=" "), size="<size><width>wide</width><height>100</height></size>")
    Image.new("RGB", (64, 48)).save(write(tmp_path / "set", text) / "a.jpg")
    data = datasets.read(tmp_path / "set")
    assert data.sizes.tolist() == [[48, 64]] and data.categories == [] and data.category.tolist() == [-1]
    assert findings(data) == [("unknown-category", "the object has no name"), ("damaged-field", "width is 'wide'")]


@pytest.mark.parametrize(("name", "category"), [("voc_gb2312", "车"), ("voc_gbk_ascii", "car"), ("voc_sjis", "車")])
def test_reported_files_of_other_encodings(name, category):
    data = datasets.read(REPORTS / name)
    assert data.categories == [category] and data.boxes.tolist() == [[10, 10, 50, 60]] and findings(data) == []


def test_xml_of_another_tool_is_named(command):
    status, printed, errors = command("inspect", REPORTS / "annos.xml")
    assert status == 2 and "Nothing could be read." in printed and "its root is <annotations>, as CVAT writes" in errors


NAMES = {
    "gb2312": "汽车", "gbk": "汽車", "gb18030": "㐀车", "big5": "汽車", "euc-kr": "자동차", "shift_jis": "表ソ車", "euc-jp": "自動車", "iso-8859-1": "Füße",
    "windows-1251": "собака", "utf-8": "汽车", "utf-16": "汽车", "utf-16-le": "汽车", "utf-16-be": "犬", "utf-32": "汽车", "utf-8-sig": "犬",
}  # fmt: skip


def declared(encoding, *members, says=None):
    return f'<?xml version="1.0" encoding="{says or encoding}"?>\r\n' + annotation(*members, "\r\n")


@pytest.mark.parametrize("encoding", NAMES)
def test_encodings_are_read_and_repaired_in_place(encoding, tmp_path):
    text = declared(encoding, an_object(BOX, name=NAMES[encoding]), an_object(bndbox(-7, 20, 30, 40), name=NAMES[encoding]))
    data = read(tmp_path, text.encode(encoding))
    assert data.categories == [NAMES[encoding]] and data.boxes[:, 0].tolist() == [10, -7] and not data.unreadable and not data.locked
    done = datasets.fix(data, tmp_path / "new", ["clip"])
    assert done.counts == {"clip": 1}
    assert (tmp_path / "new" / "a.xml").read_bytes() == text.replace(">-7<", ">0<").encode(encoding)
    assert f"<name>{NAMES[encoding]}</name>" in datasets.fix(data, None, ["clip"], dry_run=True).diffs[0]
    twins = text.replace(">-7<", ">10<")
    datasets.fix(read(tmp_path, twins.encode(encoding)), tmp_path / "less", ["drop-duplicates"])
    one = an_object(BOX, name=NAMES[encoding])
    assert (tmp_path / "less" / "a.xml").read_bytes() == twins.replace(one + one, one).encode(encoding)


@pytest.mark.parametrize(
    ("says", "encoding", "name"),
    [("gb2312", "gbk", "汽車"), ("x-gbk", "gb18030", "㐀"), ("Shift_JIS", "cp932", "①"), ("euc-kr", "cp949", "똠")],
)
def test_names_beyond_the_declared_encoding(says, encoding, name, tmp_path):
    """Windows writes more characters than the standard that the file declares."""
    with pytest.raises(UnicodeError):
        name.encode(encoding).decode(says.removeprefix("x-"))
    text = declared(encoding, an_object(bndbox(-7, 20, 30, 40), name=name), says=says)
    data = read(tmp_path, text.encode(encoding))
    assert data.categories == [name]
    datasets.fix(data, tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "a.xml").read_bytes() == text.replace("-7", "0").encode(encoding)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("utf-8", "declares the encoding 'utf-8', and is not in it: byte 0xc6"),
        ("", "declares no encoding, and is not UTF-8: byte 0xc6"),
        ("klingon", "declares the encoding 'klingon', which is none that is known"),
        ("hex", "declares the encoding 'hex', which is none that is known"),
        ("utf-16", "declares the encoding 'utf-16', and"),
        ("cp037", "declares the encoding 'cp037', and its declaration is not in it"),
        ("ascii", "declares the encoding 'ascii', and is not in it: byte 0xc6"),
        ("latin-1", ""),
    ],
)
def test_encodings_that_are_declared_wrongly(says, reason, tmp_path, command):
    text = declared("gbk", an_object(bndbox(-7, 20, 30, 40), name="汽车"), says=says)
    text = text if says else text.split("\r\n", 1)[1]
    data = read(tmp_path, text.encode("gbk"))
    if reason:
        assert str(data.unreadable[0].reason).startswith(reason) and "--encoding says what it is" in data.unreadable[0].reason
        status, _, errors = command("inspect", tmp_path / "set")
        assert status == 2 and "--encoding" in errors
    else:
        assert data.categories == ["Æû³µ"], "which nobody can know to be wrong"
    data = datasets.read(tmp_path / "set", encoding="gbk")
    assert data.categories == ["汽车"] and not data.unreadable
    assert ["as --encoding says, and not as declared" in note for note in data.notes] == ([True] if says else [])
    datasets.fix(data, tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "a.xml").read_bytes() == text.replace("-7", "0").encode("gbk")


@pytest.mark.parametrize("says", ["utf-8", ""])
def test_utf8_stays_utf8_whatever_encoding_is_named(says, tmp_path):
    """Files of a folder may differ, and hardly any text in another encoding is UTF-8 as well."""
    text = declared("utf-8", an_object(bndbox(-7, 20, 30, 40), name="汽车"))
    text = text if says else text.split("\r\n", 1)[1]
    data = read(tmp_path, text, encoding="gbk")
    assert data.categories == ["汽车"] and data.notes == ["1 file is read as UTF-8, and not as --encoding says."]
    datasets.fix(data, tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "a.xml").read_bytes() == text.replace("-7", "0").encode()


def test_an_encoding_that_is_named_and_wrong(tmp_path):
    (error,) = read(tmp_path, annotation(an_object(BOX, name="汽车")).encode("gbk"), encoding="ascii").unreadable
    assert "is not in ascii, which --encoding names: byte 0xc6" in error.reason and error.line == 1
    for name in ("hex", "klingon"):
        with pytest.raises(ValueError, match=f"encoding must be one that Python knows, like gbk or latin-1, not '{name}'"):
            datasets.read(tmp_path / "set", encoding=name)


def test_bytes_that_no_encoding_gives_back_stay(tmp_path):
    """0xFA54 and 0x81CA are the same character in Windows' Shift_JIS."""
    text = declared("cp932", an_object(bndbox(-7, 20, 30, 40), name="NAME"), says="shift_jis").encode("cp932").replace(b"NAME", b"\xfa\x54")
    data = read(tmp_path, text)
    done = datasets.fix(data, tmp_path / "new", ["clip"])
    assert len(done.left) == 1 and "in cp932 the same characters have other bytes" in data.locked[0]
    assert (tmp_path / "new" / "a.xml").read_bytes() == text


@pytest.mark.parametrize(("encoding", "name", "one", "other"), [("gbk", "车", "车", "軒"), ("cp932", "¬", b"\x81\xca", b"\xfa\x54")])
def test_a_copy_with_another_byte_in_another_encoding_never_appears(encoding, name, one, other, tmp_path):
    """Nor one with other bytes of the same character."""
    data = read(tmp_path, declared(encoding, an_object(bndbox(-7, 20, 30, 40), name=name)).encode(encoding))
    one, other = (text if isinstance(text, bytes) else text.encode(encoding) for text in (one, other))
    rewrite = data.source.rewrite
    data.source.rewrite = lambda *all: ((path, content.replace(one, other)) for path, content in rewrite(*all))
    with pytest.raises(Copied):
        datasets.fix(data, tmp_path / "new", ["clip"])
    assert not (tmp_path / "new").exists()


def test_fractions_are_asked_about(tmp_path, command):
    size = SIZE.replace("<width>100", "<width>200")
    text = annotation(an_object(bndbox(0.1, 0.1, 0.5, 1.02)), an_object(bndbox(0.2, 0.2, 0.3, 0.4)), size=size)
    with pytest.raises(UnreadableError, match="2 of 2 boxes have numbers like fractions of the image, and voc is in pixels: .*--unit"):
        read(tmp_path, text)
    assert command("inspect", tmp_path / "set")[0] == 2
    assert datasets.inspect(datasets.read(tmp_path / "set", unit="pixels")).counts == {"small": 2}
    data = datasets.read(tmp_path / "set", unit="fractions")
    np.testing.assert_allclose(data.boxes, [[20, 10, 100, 102], [40, 20, 60, 40]])
    assert not data.fractions and datasets.inspect(data).counts == {"partly-outside": 1}
    assert command("fix", tmp_path / "set", "--unit", "fractions", "--out", tmp_path / "new", "--policy", "clip")[0] == 0
    assert (tmp_path / "new" / "a.xml").read_text() == text.replace("1.02", "1.0")
    data = read(tmp_path, text.replace(size, ""), unit="fractions")
    assert data.fractions and datasets.inspect(data).counts == {"partly-outside": 1}
    assert read(tmp_path, annotation(an_object(bndbox(0, 0, 1, 1)))).boxes.tolist() == [[0, 0, 1, 1]], "one pixel"


def test_a_width_in_the_place_of_xmax(tmp_path):
    text = annotation(an_object(bndbox(60, 20, 50, 40)), an_object(bndbox(10, 10, 60, 70)))
    assert datasets.inspect(read(tmp_path, text)).counts == {"inverted": 1}
    data = datasets.read(tmp_path / "set", boxes="xywh")
    assert data.boxes.tolist() == [[60, 20, 110, 60], [10, 10, 70, 80]]
    datasets.fix(data, tmp_path / "new", ["clip"])
    assert (tmp_path / "new" / "a.xml").read_text() == text.replace("<xmax>50", "<xmax>40")


def counted(root, inside=False):
    """Objects and boxes outside of them: by ElementTree, how many there are, and how many of them have four numbers."""
    here = root.tag == "object" or root.tag == "bndbox" and not inside
    box = root.find("bndbox")
    sides = [] if box is None else [box.findtext(name, "").strip().isdigit() for name in ("xmin", "ymin", "xmax", "ymax")]
    whole = root.tag == "object" and not inside and sum(sides) == 4
    below = [counted(one, inside or root.tag == "object") for one in root]
    return here + sum(one[0] for one in below), whole + sum(one[1] for one in below)


@pytest.mark.parametrize("seed", range(10))
def test_the_sum_of_rows_holds_for_mutated_files(seed, tmp_path):
    """Each object and each box is a box, a finding, or in a file that could not be read."""
    rng, judged = random.Random(seed), 0
    words = ["<object>", "</object>", "<objects>", "<bndbox>", "</bndbox>", "<part>", "</part>", "x", "<xmin>5</xmin>", BOX, an_object(BOX)]
    for _ in range(100):
        text = annotation(an_object(BOX), an_object(BOX, name="cat"), an_object(bndbox(1, 2, 3, 4)))
        pieces = text.replace("><", ">\n<").split("\n")
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(pieces))
            pieces[at : at + rng.randint(0, 2)] = rng.choices(words, k=rng.randint(0, 2))
        text = "".join(pieces)
        data = read(tmp_path, text)
        if data.unreadable:
            continue
        judged += 1
        rows, whole = counted(ElementTree.fromstring(text))
        account = data.account
        assert account["rows"] == (rows or 1) == sum(count for name, count in account.items() if name != "rows"), text
        assert account["boxes"] == whole, text
    assert judged > 10


def test_a_tag_that_is_opened_twice_hides_nothing(tmp_path):
    """The name of the image and its size are read, and it is said that the root stands in itself."""
    inner = f"<filename>photo.jpg</filename>{SIZE}{an_object(BOX)}"
    (tmp_path / "a.xml").write_text(f"<annotation><annotation>{inner}</annotation></annotation>")
    data = datasets.read(tmp_path)
    assert data.images == ["photo.jpg"] and data.sizes.tolist() == [[100, 100]] and len(data) == 1
    assert any("<annotation> in <annotation>" in one for one in data.said)
