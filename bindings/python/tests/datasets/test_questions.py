"""Numbers that mean two things: every tool asks, an option answers, and what is ordinary is never asked about."""

import json
import re

import numpy as np
import pytest
import samples
from boxgrad import BoxgradError, datasets
from boxgrad.datasets import questions

SEEDS = range(12)


def ordinary(chance, kind):
    """Images and boxes (x, y, w, h) as cameras and annotators make them: names, sizes (w, h), and rows of (image, box)."""
    sizes, rows = [], []
    for image in range(chance.integers(30, 120)):
        w, h = (640, 480) if kind in ("street", "series") else chance.integers(80, 2000, 2)
        sizes.append((int(w), int(h)))
        if kind == "portraits":  # one large box near the corner: w > x and h > y in every one
            share, at = chance.uniform(0.5, 0.7, 2), chance.uniform(0.05, 0.3, 2)
            boxes = [(*(at * (w, h)), *(share * (w, h)))]
        elif kind == "centred":
            share = chance.uniform(0.34, 0.8, 2)
            boxes = [(*((1 - share) / 2 * (w, h)), *(share * (w, h)))]
        elif kind == "series":  # an object that comes nearer while it moves
            boxes = [(40 + image, 30 + image, 100 + 3 * image, 90 + 2.5 * image)]
        else:
            share = chance.uniform(0.02, 0.5, (chance.integers(1, 9), 2))
            boxes = [(*(chance.uniform(0, 1, 2) * (1 - one) * (w, h)), *(one * (w, h))) for one in share]
        rows += [(image, [round(float(side), 1) for side in box]) for box in boxes]
    return sizes, rows


def coco(path, sizes, rows):
    images = [{"id": i, "file_name": f"{i}.jpg", "width": w, "height": h} for i, (w, h) in enumerate(sizes)]
    annotations = [{"id": i, "image_id": image, "category_id": 1, "bbox": list(box)} for i, (image, box) in enumerate(rows)]
    path.write_text(json.dumps({"images": images, "categories": [{"id": 1}], "annotations": annotations}))
    return path


def table(path, rows, names="x,y,w,h"):
    path.write_text(f"image,{names}\n" + "".join(f"{image}.jpg,{','.join(map(str, box))}\n" for image, box in rows))
    return path


def corners(rows):
    return [(image, [x, y, round(x + w, 1), round(y + h, 1)]) for image, (x, y, w, h) in rows]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["street", "mixed", "portraits", "centred", "series"])
def test_ordinary_data_is_never_asked_about(kind, seed, tmp_path):
    sizes, rows = ordinary(np.random.default_rng(seed), kind)
    datasets.read(coco(tmp_path / "x.json", sizes, rows))
    datasets.read(table(tmp_path / "x.csv", rows))
    datasets.read(table(tmp_path / "c.csv", corners(rows), "x1,y1,x2,y2"))
    for image, (w, h) in enumerate(sizes):
        mine = [(x / w, y / h, bw / w, bh / h) for one, (x, y, bw, bh) in rows if one == image]
        text = "".join(f"0 {x + bw / 2:.6f} {y + bh / 2:.6f} {bw:.6f} {bh:.6f}\n" for x, y, bw, bh in mine)
        (tmp_path / f"{image}.txt").write_text(text)
    assert datasets.read(tmp_path).format == "yolo"


@pytest.mark.parametrize("kind", samples.WRITERS)
def test_the_samples_are_not_asked_about(kind, tmp_path):
    assert questions.question(samples.read(kind, tmp_path / "set")[1]) == ""


@pytest.mark.parametrize("seed", SEEDS)
def test_corners_in_the_place_of_sides_are_asked_about(seed, tmp_path):
    """Without sizes by how the numbers depend on each other, with them by what leaves the image; small images or small boxes alike."""
    sizes, rows = ordinary(np.random.default_rng(seed), "mixed")
    with pytest.raises(datasets.UnreadableError, match="are x1, y1, x2, y2: say --boxes xyxy or --boxes xywh|x2, y2 do"):
        datasets.read(coco(tmp_path / "x.json", sizes, corners(rows)))
    with pytest.raises(datasets.UnreadableError, match="x1, y1, x2, y2 do, and x, y, width, height do not: say --boxes xyxy or --boxes xywh"):
        datasets.read(table(tmp_path / "x.csv", corners(rows)))
    for order in ("xyxy", "xywh"):
        datasets.read(tmp_path / "x.csv", boxes=order)
    datasets.read(tmp_path / "x.json", "coco")


def test_corners_that_leave_no_image_as_sides(tmp_path):
    """Small boxes in the upper left: as sides they are in their images, too."""
    rows = [(i, (10 + 3 * i, 20 + 2 * i, 40 + 3 * i, 45 + 2 * i)) for i in range(20)]
    path = coco(tmp_path / "x.json", [(640, 480)] * 20, rows)
    with pytest.raises(datasets.UnreadableError, match="of all 20 boxes the third and fourth number exceed the first two and grow with them"):
        datasets.read(path)
    rows[7] = (7, (100, 100, 99, 150))  # as corners this one is inverted
    assert len(datasets.read(coco(path, [(640, 480)] * 20, rows))) == 20


def test_every_tool_asks(tmp_path, command):
    path = table(tmp_path / "x.csv", [(i, (100 + i, 200 + i, 30, 40)) for i in range(6)], "xmin,ymin,xmax,ymax")
    for words in (["inspect"], ["fix", "--policy", "swap", "--out", tmp_path / "new.csv"], ["anchors"]):
        status, _, errors = command(words[0], path, *words[1:])
        assert status == 2 and "6 of 6 boxes are inverted, so that the numbers may be no corners: say what they are with --boxes" in errors
    assert command("inspect", path, "--boxes", "xywh")[0] == 0
    assert command("inspect", path, "--boxes", "xyxy")[0] == 1


def test_a_width_in_xmax_where_it_exceeds_most(tmp_path):
    """Fewer than half are inverted, and as sides every box is in its image."""
    rows = [(i, (30 + 30 * i, 40, 200, 150)) for i in range(14)]
    sized = "image,xmin,ymin,xmax,ymax,image_width,image_height\n"
    path = tmp_path / "x.csv"
    path.write_text(sized + "".join(f"{i}.jpg,{','.join(map(str, box))},640,480\n" for i, box in rows))
    with pytest.raises(datasets.UnreadableError, match="8 of 14 boxes are inverted, so that"):
        datasets.read(path)
    path.write_text(sized + "".join(f"{i}.jpg,{','.join(map(str, (box[0] - 90, *box[1:])))},640,480\n" for i, box in rows[3:]))
    with pytest.raises(datasets.UnreadableError, match="5 of 11 boxes are inverted if .* corners, and all are in their images if they are x, y, wid"):
        datasets.read(path)
    path.write_text(sized + "".join(f"{i}.jpg,100,100,{600 - i},400,640,480\n" for i in range(9)) + "a.jpg,50,50,40,40,640,480\n" * 5)
    assert datasets.inspect(datasets.read(path)).counts["inverted"] == 5, "as sides some leave their image: these are mistakes"


def test_a_few_inverted_boxes_are_findings_and_no_question(tmp_path):
    path = table(tmp_path / "x.csv", [(0, (50, 50, 10, 10))] * 2, "x1,y1,x2,y2")
    assert datasets.inspect(datasets.read(path)).counts == {"inverted": 2, "duplicate": 1}
    with pytest.raises(BoxgradError, match="2 of 2 boxes are inverted"):
        datasets.fix(datasets.read(path), tmp_path / "new.csv", ["swap"])


def test_widths_in_xmax_of_voc(tmp_path):
    for i in range(6):
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), (200 + i, 100, 40, 50)))
        (tmp_path / f"{i}.xml").write_text(f"<annotation><object><name>a</name><bndbox>{sides}</bndbox></object></annotation>")
    with pytest.raises(datasets.UnreadableError, match="6 of 6 boxes are inverted, .*: say what they are with --boxes xyxy or --boxes xywh"):
        datasets.read(tmp_path)
    assert datasets.inspect(datasets.read(tmp_path, "voc")).counts["inverted"] == 6
    assert "inverted" not in datasets.inspect(datasets.read(tmp_path, boxes="xywh")).counts


def test_names_in_the_order_of_udacity(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("xmin,xmax,ymin,ymax,Frame,Label\n785,533,905,644,a.jpg,Car\n89,551,291,680,a.jpg,Car\n")
    with pytest.raises(datasets.UnreadableError, match=re.escape("say --columns x1=xmin,y1=xmax,x2=ymin,y2=ymax if the order is right")):
        datasets.read(path)
    path.write_text("xmin,xmax,ymin,ymax,Frame,Label\n533,785,644,905,a.jpg,Car\n89,551,291,680,a.jpg,Car\n")
    assert datasets.inspect(datasets.read(path)).ok, "names that are right in this order"


@pytest.mark.parametrize("format", ["coco", "voc"])
def test_fractions_where_the_format_has_pixels(format, tmp_path):
    rows = [(i, (0.1 + i / 50, 0.2, 0.3, 0.4)) for i in range(8)]
    if format == "coco":
        path = coco(tmp_path / "x.json", [(640, 480)] * 8, rows)
    else:
        path = tmp_path
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), (0.1, 0.2, 0.5, 0.6)))
        objects = f"<object><name>a</name><bndbox>{sides}</bndbox></object>" * 2
        (path / "a.xml").write_text(f"<annotation>{objects}</annotation>")
    with pytest.raises(datasets.UnreadableError, match=f"have numbers like fractions of the image, and {format} is in pixels: say .* --unit"):
        datasets.read(path)
    assert datasets.inspect(datasets.read(path, unit="pixels")).counts["small"] == len(datasets.read(path, unit="pixels"))


def test_numbers_of_parts_add_up(tmp_path):
    """What decides is the same whether it is found of a whole or of its parts."""
    from dataclasses import replace

    sizes, rows = ordinary(np.random.default_rng(3), "mixed")
    whole = datasets.read(table(tmp_path / "x.csv", corners(rows)), boxes="xywh")
    images = np.unique(whole.image)
    parts = [np.flatnonzero(np.isin(whole.image, some)) for some in np.array_split(images, 4)]
    total = questions.Numbers()
    for rows in parts:
        part = replace(whole, boxes=whole.boxes[rows], image=whole.image[rows], outlined=whole.outlined[rows])
        total += questions.numbers_of(part)
    expected = questions.numbers_of(whole)
    np.testing.assert_allclose(total.moments, expected.moments)
    for name in ("boxes", "inverted", "sized", "leaving", "neighbours", "pairs"):
        assert getattr(total, name) == getattr(expected, name), name
    asks = replace(whole, reading=replace(whole.reading, boxes=None))
    assert questions.question(asks, total) == questions.question(asks) != ""


def test_x_and_y_may_be_the_centre(tmp_path):
    """Tables that come from YOLO: clipped as x, y, width and height, a third of these boxes would be cut."""
    rng = np.random.default_rng(3)
    sides = rng.uniform(0.1, 0.5, (60, 2))
    centres = sides / 2 + rng.uniform(0, 1, (60, 2)) * (1 - sides)
    rows = np.hstack([centres, sides]).round(4)
    path = tmp_path / "x.csv"
    path.write_text("image,x,y,w,h\n" + "".join(f"{at}.jpg,{','.join(map(str, row))}\n" for at, row in enumerate(rows.tolist())))
    with pytest.raises(datasets.UnreadableError, match=r"and none if x and y are the centre: say --boxes cxcywh or --boxes xywh"):
        datasets.read(path)
    assert datasets.inspect(datasets.read(path, boxes="cxcywh")).counts == {}
    assert datasets.inspect(datasets.read(path, boxes="xywh")).counts
    path.write_text(path.read_text() + "99.jpg,0.05,0.5,0.4,0.4\n")
    assert datasets.read(path).boxes[-1].tolist() == pytest.approx([0.05, 0.5, 0.45, 0.9]), "as a centre it would leave the image, too"
    large = "image,x,y,w,h\n" + "".join(f"{at}.jpg,{0.46 + at / 1000:.3f},0.5,0.9,0.9\n" for at in range(30))
    path.write_text(large)
    asked = "none if they are x1, y1, x2, y2 or their centre, .*--boxes xyxy or --boxes xywh or --boxes cxcywh"
    with pytest.raises(datasets.UnreadableError, match=asked):
        datasets.read(path)
