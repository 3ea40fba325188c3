"""What a report says: the account of the rows, a verdict only of what could be read, and no finding that follows from another."""

import pytest
import samples
from boxgrad import datasets


def table(path, *rows):
    path.write_text("image,x1,y1,x2,y2\n" + "".join(f"{row}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("120,10,150,20", {"wholly-outside": 1}),  # and not that its centre is outside
        ("-40,10,-20,20", {"wholly-outside": 1}),
        ("90,10,130,20", {"center-beyond": 1}),  # and not that it is partly outside
        ("-50,10,10,20", {"center-negative": 1}),
        ("90,10,105,20", {"partly-outside": 1}),
        ("50,10,50,20", {"zero-width": 1}),  # and not that it is small
        ("50,10,40,20", {"inverted": 1}),
    ],
)
def test_no_finding_follows_from_another(box, expected, tmp_path):
    data = datasets.read(table(tmp_path / "x.csv", f"a.jpg,{box}"), image_size=(100, 100), boxes="xyxy")
    assert datasets.inspect(data).counts == expected


def test_what_is_inside_is_not_clipped(tmp_path):
    """Inspect and fix have one tolerance; a side beyond it takes the others of its box with it."""
    path = table(tmp_path / "x.csv", "a.jpg,-0.01,5,100.0000001,60", "a.jpg,-0.01,5,100.03,60")
    data = datasets.read(path, image_size=(100, 100))
    assert datasets.inspect(data).counts == {"partly-outside": 1}
    done = datasets.fix(data, tmp_path / "new.csv", ["clip"])
    assert [change.place.line for change in done.changes] == [3] and done.after == {}
    assert (tmp_path / "new.csv").read_text() == path.read_text().replace("-0.01,5,100.03", "0.0,5,100.0")


@pytest.mark.parametrize("unit", ["fractions", "pixels"])
def test_the_last_digits_of_yolo_are_not_clipped(unit, tmp_path):
    text = "0 0.75000005 0.5 0.5 0.5\n"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_text(text)
    data = datasets.read(tmp_path / "set", image_size=(480, 640) if unit == "pixels" else None)
    assert datasets.inspect(data).ok
    assert not datasets.fix(data, tmp_path / "new", ["clip"]).changes
    assert (tmp_path / "new" / "a.txt").read_text() == text


def test_nothing_is_wrong_is_said_of_what_was_read(tmp_path, command):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.xml").write_text("<other/>")
    page = tmp_path / "page.html"
    status, printed, errors = command("inspect", folder, "--html", page)
    assert status == 2 and "Nothing is wrong" not in printed and "Nothing could be read." in printed and "its root is <other>" in errors
    assert "Nothing is wrong" not in page.read_text() and "Nothing could be read." in page.read_text()
    (folder / "b.xml").write_text("<annotation><size><width>9</width><height>9</height></size></annotation>")
    assert "Nothing is wrong with what could be read." in command("inspect", folder, "--html", page)[1]
    assert "Nothing is wrong with what could be read." in page.read_text()
    (folder / "a.xml").unlink()
    assert "Nothing is wrong.\n" in command("inspect", folder)[1]
    (tmp_path / "x.csv").write_text("x1,y1,x2,y2\n")
    assert "There is no box in it" in command("inspect", tmp_path / "x.csv")[1]


def test_the_account_is_said(tmp_path, command, command_json):
    data = datasets.read(samples.write("csv", tmp_path / "set").path)
    data.rows, data.without_box = 9, {"images without boxes": 2}
    data.faults.append(datasets.Finding("malformed", datasets.Place(data.path)))
    found = datasets.inspect(data)
    assert found.account_text == "9 rows: 6 boxes, 1 malformed, 2 images without boxes."
    data.rows, data.without_box = 9, {"images without boxes": 1, "header lines": 1}
    assert found.account_text == "9 rows: 6 boxes, 1 malformed, 1 image without boxes, 1 header line."
    datasets.write_page(tmp_path / "page.html", [found])
    assert found.account_text in (tmp_path / "page.html").read_text()
    data.rows, data.without_box, data.faults = 6, {}, []
    assert datasets.inspect(data).account_text == "", "each row is a box"
