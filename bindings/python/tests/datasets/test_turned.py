"""Rotated boxes of data sets: what is wrong with them, how they are repaired, augmented, matched and drawn. shapely judges areas."""

import numpy as np
import pytest
import samples
import shapely
from boxgrad import convert_rotated_boxes, datasets, min_area_boxes, rotated_box_iou
from boxgrad.datasets.anchoring import AnchorSet
from boxgrad.datasets.turned import rotated_boxes, turned_rows
from PIL import Image
from shapely import affinity
from test_page import page_of, pictures

HEIGHT, WIDTH = SIZE = 80, 100
FORMATS = ("dota", "obb", "rolabelimg", "hrsc")


def corners_of(boxes):
    return convert_rotated_boxes(np.array(boxes, float), "radians-cw", "corners")


def line_of_dota(quad, name="plane"):
    return " ".join(f"{number!r}" for number in np.asarray(quad, float).tolist()) + f" {name} 0\n"


def dota(folder, boxes, head="imagesource:GoogleEarth\ngsd:0.146\n"):
    folder.mkdir()
    (folder / "P0001.txt").write_text(head + "".join(map(line_of_dota, corners_of(boxes))))
    return folder


def robndbox(box, tags=("cx", "cy", "w", "h", "angle")):
    return "".join(f"<{tag}>{value!r}</{tag}>" for tag, value in zip(tags, np.asarray(box, float).tolist()))


def written(kind, folder, boxes):
    """A folder of one image, and how it is read."""
    options = {"image_size": SIZE}
    if kind == "dota":
        return dota(folder, boxes), options
    folder.mkdir()
    if kind == "obb":
        fractions = corners_of(boxes) / np.tile([WIDTH, HEIGHT], 4)
        (folder / "P0001.txt").write_text("".join("0 " + " ".join(f"{x:.12f}" for x in row) + "\n" for row in fractions.tolist()))
        return folder, {**options, "format": "yolo-obb"}
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    if kind == "rolabelimg":
        objects = "".join(f"<object><name>plane</name><robndbox>{robndbox(box)}</robndbox></object>\n" for box in boxes)
        (folder / "P0001.xml").write_text(f"<annotation><filename>P0001.png</filename>{size}\n{objects}</annotation>\n")
    else:
        tags = ("mbox_cx", "mbox_cy", "mbox_w", "mbox_h", "mbox_ang")
        objects = "".join(f"<HRSC_Object><Class_ID>plane</Class_ID>{robndbox(box, tags)}</HRSC_Object>\n" for box in boxes)
        head = f"<Img_SizeWidth>{WIDTH}</Img_SizeWidth><Img_SizeHeight>{HEIGHT}</Img_SizeHeight><Img_FileName>P0001</Img_FileName>"
        (folder / "P0001.xml").write_text(f"<HRSC_Image>{head}<HRSC_Objects>\n{objects}</HRSC_Objects></HRSC_Image>\n")
    return folder, {}


def inside(count, seed=0):
    """Rotated boxes whose corners are all in the image: cx, cy, w, h, radians clockwise."""
    g = np.random.default_rng(seed)
    boxes = np.hstack([g.uniform(22, 78, (count, 1)), g.uniform(22, 58, (count, 1)), g.uniform(4, 40, (count, 1)), g.uniform(2, 15, (count, 1))])
    return np.hstack([boxes, g.uniform(0.01, 1.5, (count, 1))])


def polygons(boxes):
    return shapely.polygons(corners_of(boxes).reshape(-1, 4, 2))


# Reading


@pytest.mark.parametrize("kind", FORMATS)
def test_boxes_are_read_as_they_are_and_nothing_is_wrong(kind, tmp_path):
    boxes = inside(30)
    folder, options = written(kind, tmp_path / "set", boxes)
    data = datasets.read(folder, **options)
    assert len(data) == 30 and data.turned and turned_rows(data).tolist() == list(range(30))
    np.testing.assert_allclose(data.quads, corners_of(boxes), atol=1e-9)
    np.testing.assert_allclose(data.boxes, convert_rotated_boxes(boxes, "radians-cw", "bounds"), atol=1e-9)
    found = rotated_boxes(data, np.arange(30))
    overlap = np.diagonal(rotated_box_iou(found, boxes, angle="radians-cw"))
    np.testing.assert_allclose(overlap, 1, atol=1e-9)
    if kind in ("rolabelimg", "hrsc"):
        assert found.tolist() == boxes.tolist()
    assert datasets.inspect(data).counts == {} and data.faults == [] and data.notes == []


def test_upright_data_have_no_rotated_boxes(tmp_path):
    for kind in ("voc", "yolo", "segment", "coco", "text"):
        _, data = samples.read(kind, tmp_path / kind)
        assert not data.turned and data.rotated is None and not len(turned_rows(data))


def test_files_of_both_kinds_of_boxes(tmp_path):
    objects = "<object><name>a</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>9</ymax></bndbox></object>"
    objects += f"<object><name>a</name><robndbox>{robndbox([50, 40, 30, 10, 0.5])}</robndbox></object>"
    (tmp_path / "a.xml").write_text(f"<annotation><size><width>100</width><height>80</height></size>{objects}</annotation>")
    data = datasets.read(tmp_path)
    assert data.boxes[0].tolist() == [1, 2, 30, 9] and turned_rows(data).tolist() == [1]
    for boxes in ("xywh", "cxcywh"):
        assert datasets.read(tmp_path, boxes=boxes).boxes[1].tolist() == data.boxes[1].tolist()
    with pytest.raises(datasets.UnreadableError, match="rotated boxes, which are not known to be in fractions"):
        datasets.read(tmp_path, unit="fractions")


def test_what_hrsc_says_beside_its_boxes_is_known(tmp_path):
    _, data = samples.read("hrsc", tmp_path / "set")
    assert data.unused == {} and data.notes == [] and data.categories == samples.NAMES and data.sizes.tolist() == [[80, 100], [40, 60]]


# Inspection

WRONG = {
    "zero-width": [50, 40, 0, 20, 0.5], "zero-height": [50, 40, 20, 0, 0.5], "small": [50, 40, 20, 0.5, 0.7], "partly-outside": [95, 40, 20, 4, 0.7],
    "wholly-outside": [-5, -5, 24, 3, 2.3], "center-beyond": [103, 40, 20, 4, 0.2], "center-negative": [50, -2, 20, 8, 0.2],
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("problem", WRONG)
def test_sides_and_borders_are_those_of_the_rotated_box(problem, kind, tmp_path):
    """The bounds of these have an area in the image, and no side of 0 or below a pixel."""
    folder, options = written(kind, tmp_path / "set", [*inside(3), WRONG[problem], *inside(2, 1)])
    inspection = datasets.inspect(datasets.read(folder, **options))
    sides = ("zero-width", "zero-height")
    if problem in sides and kind in ("dota", "obb"):  # which of both sides is the width is a question of the angle
        assert sum(inspection.counts.get(one, 0) for one in sides) == 1 and set(inspection.counts) <= set(sides)
    else:
        assert inspection.counts == {problem: 1} and inspection.rows[problem].tolist() == [3]
    (finding,) = (one for name in inspection.counts for one in inspection.findings(name))
    assert "turned by" in finding.values


@pytest.mark.parametrize("kind", ["rolabelimg", "hrsc"])
def test_negative_sides_and_angles_that_are_no_numbers(kind, tmp_path):
    boxes = [[50, 40, -20, 10, 0.5], [50, 40, 20, 10, np.nan], [50, 40, 20, 10, np.inf], [50, 40, 20, 12, 1e9]]
    folder, options = written(kind, tmp_path / "set", boxes)
    inspection = datasets.inspect(datasets.read(folder, **options))
    assert inspection.counts == {"not-finite": 2, "inverted": 1}
    assert inspection.rows["not-finite"].tolist() == [1, 2] and inspection.rows["inverted"].tolist() == [0]


def test_quadrilaterals_that_are_no_rectangles(tmp_path):
    """What the smallest rectangle adds is shapely's, and rounding to whole pixels is not called so."""
    g = np.random.default_rng(2)
    quads = (corners_of(inside(200)).reshape(-1, 4, 2) + g.uniform(-1, 1, (200, 4, 2)) * g.choice([0, 0.1, 3], (200, 1, 1))).reshape(-1, 8)
    (tmp_path / "P1.txt").write_text("".join(map(line_of_dota, quads)))
    inspection = datasets.inspect(datasets.read(tmp_path, image_size=(800, 1000)))
    shapes = shapely.polygons(quads.reshape(-1, 4, 2))
    area, simple = shapely.area(shapes), shapely.is_valid(shapes)
    added = shapely.area(shapely.minimum_rotated_rectangle(shapes)) / area - 1
    wanted = np.flatnonzero(simple & (added > 0.1))
    assert inspection.rows["no-rectangle"].tolist() == wanted.tolist() and 20 < len(wanted) < 150
    for row, finding in zip(wanted, inspection.findings("no-rectangle")):
        assert f" adds {100 * added[row]:.3g} % to the area of " in finding.values


def test_boxes_of_one_place_that_are_turned_otherwise_are_no_duplicates(tmp_path):
    boxes = [[50, 40, 30, 6, 0.5], [50, 40, 30, 6, -0.5], [50, 40, 30, 6, 0.5]]
    inspection = datasets.inspect(datasets.read(dota(tmp_path / "set", boxes), image_size=SIZE))
    assert inspection.rows["duplicate"].tolist() == [2]


def test_in_fractions_no_rectangle_is_judged(tmp_path):
    """The size of the image is not known: a rectangle in pixels is none in fractions of an image that is no square."""
    folder, _ = written("obb", tmp_path / "set", inside(5))
    data = datasets.read(folder, "yolo-obb")
    assert data.fractions and data.turned and not len(turned_rows(data)) and datasets.inspect(data).counts == {}


def test_of_an_image_without_a_photo_no_rectangle_is_judged(tmp_path):
    """Its boxes are in fractions, while those of the others are in pixels."""
    folder, _ = written("obb", tmp_path / "labels", inside(5))
    (folder / "P0002.txt").write_text((folder / "P0001.txt").read_text())
    (tmp_path / "images").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / "P0001.png")
    data = datasets.read(folder, "yolo-obb")
    assert data.in_fractions.tolist() == 5 * [False] + 5 * [True]
    assert turned_rows(data).tolist() == [0, 1, 2, 3, 4] and datasets.inspect(data).counts == {}


# Repair


@pytest.mark.parametrize("kind", samples.BY_ANGLE)
def test_boxes_with_an_angle_go_or_stay_as_they_are(kind, tmp_path):
    """And what stays though its policy would change it is told."""
    sample, data = samples.read(kind, tmp_path / "set")
    repair = datasets.fix(data, tmp_path / "new", list(datasets.POLICIES))
    assert repair.counts == {"drop-degenerate": 1, "drop-duplicates": 1}
    assert [(change.policy, change.place.line) for change in repair.left] == [("clip", sample.line(2))]
    old, new = ((folder / "a.xml").read_text() for folder in (sample.path, tmp_path / "new"))
    kept = old.split("bject>\n")
    kept = [part for number, part in enumerate(kept) if number != (3 if kind == "rolabelimg" else 3)]
    assert len(new) < len(old) and all(line in old.splitlines() for line in new.splitlines())
    assert len(datasets.read(tmp_path / "new")) == 4 and datasets.inspect(datasets.read(tmp_path / "new")).counts == {"partly-outside": 1}


def test_a_rotated_box_that_is_wholly_outside_goes(tmp_path):
    folder, options = written("dota", tmp_path / "set", [*inside(30), WRONG["wholly-outside"]])
    repair = datasets.fix(datasets.read(folder, **options), tmp_path / "new", ["drop-outside"])
    assert repair.counts == {"drop-outside": 1}
    assert (tmp_path / "new" / "P0001.txt").read_text() == "".join((folder / "P0001.txt").read_text().splitlines(keepends=True)[:-1])


def test_a_quadrilateral_that_clipping_makes_thin_goes(tmp_path):
    """Half a pixel of it is left, from the upper left corner to the lower right one of bounds of 30 x 30."""
    folder = dota(tmp_path / "set", inside(30))
    (folder / "P0001.txt").write_text((folder / "P0001.txt").read_text() + line_of_dota([0, 0, -3, 0.3, 30, 30, 30.3, 30]))
    data = datasets.read(folder, image_size=SIZE)
    assert datasets.fix(data, tmp_path / "small", ["drop-small"]).counts == {}
    assert datasets.fix(data, tmp_path / "new", ["clip", "drop-small"]).counts == {"clip": 1, "drop-small": 1}


# Augmentation


@pytest.mark.parametrize("kind", FORMATS)
def test_rotation_drops_what_each_rule_says(kind, tmp_path):
    """The second document's story: random rotation moves truths out of the image; what is kept trains finitely."""
    boxes = inside(300)
    boxes[:, :2] = np.random.default_rng(3).uniform(0, 1, (300, 2)) * (WIDTH, HEIGHT)
    folder, options = written(kind, tmp_path / "set", boxes)
    data = datasets.read(folder, **options)
    rules = ["center-inside", "min-visible=0.4", "min-visible=1", "fully-inside", "min-size=5"]
    outcomes = datasets.augment(data, ["rotate=30,75,-160"], rules)
    image = shapely.box(0, 0, WIDTH, HEIGHT)
    for degrees, outcome in zip((30, 75, -160), outcomes):
        moved = [affinity.rotate(polygon, -degrees, origin=(WIDTH / 2, HEIGHT / 2)) for polygon in polygons(boxes)]  # shapely's y points up
        share = shapely.area(shapely.intersection(moved, image)) / shapely.area(moved)
        keeps = [shapely.contains(image, shapely.centroid(moved)), share >= 0.4, share > 1 - 1e-9, share > 1 - 1e-9, boxes[:, 2:4].min(axis=1) >= 5]
        assert [one.dropped for one in outcome.kept] == [int((~one).sum()) for one in keeps]
        assert outcome.counts["wholly-outside"] == (share == 0).sum() - (shapely.area(shapely.intersection(polygons(boxes), image)) == 0).sum()
        assert outcome.not_finite == outcome.kept[4].not_finite + 0 or outcome.not_finite > 0
        assert outcome.kept[0].not_finite == outcome.kept[1].not_finite == outcome.kept[2].not_finite == 0 < outcome.not_finite


def test_a_rotated_box_in_the_corner_beside_the_image_is_wholly_outside(tmp_path):
    """Though its bounds are not."""
    x, y, w, h, angle = WRONG["wholly-outside"]
    data = datasets.read(dota(tmp_path / "set", [[20 + x, 20 + y, w, h, angle]]), image_size=SIZE)
    (outcome,) = datasets.augment(data, ["crop=60x50+20+20"], ["min-visible=0.001"])
    assert outcome.counts["wholly-outside"] == 1 and "partly-outside" not in outcome.counts and outcome.kept[0].dropped == 1


def test_rotated_boxes_without_area_do_not_train_finitely(tmp_path):
    """Their bounds have one."""
    data = datasets.read(dota(tmp_path / "set", [[50, 40, 20, 0, 0.5], [50, 40, 20, 4, 0.5]]), image_size=SIZE)
    (outcome,) = datasets.augment(data, ["rotate=10"], ["center-inside"])
    assert outcome.not_finite == 1 and outcome.kept[0].dropped == 0


# Anchors

SET = AnchorSet(((24.0,),), (10.0,), (0.5, 1.0), (-60.0, 0.0, 30.0))


def grid():
    """The anchors of SET by hand: cx, cy, w, h, degrees counter-clockwise."""
    found = []
    for y in range(0, HEIGHT, 10):
        for x in range(0, WIDTH, 10):
            for ratio in (0.5, 1.0):
                w, h = (2 * np.round(np.float32(24) * np.sqrt(np.float32(ratio)) ** sign / 2) for sign in (-1, 1))
                found += [(x, y, w, h, angle) for angle in (-60, 0, 30)]
    return np.array(found, np.float32)


@pytest.mark.parametrize("kind", FORMATS)
def test_rotated_anchors_are_matched_to_rotated_truths(kind, tmp_path):
    boxes = inside(12, 4)
    folder, options = written(kind, tmp_path / "set", boxes)
    fit = datasets.anchors(datasets.read(folder, **options), SET, threshold=0.3)
    anchors, truths = grid(), convert_rotated_boxes(boxes, "radians-cw", "degrees-ccw")
    iou = rotated_box_iou(truths.astype(np.float32), anchors, angle="degrees-ccw")
    pairs = [(a, iou[:, a].argmax()) for a in np.flatnonzero(iou.max(axis=0) >= 0.3)]
    pairs += [(iou[t].argmax(), t) for t in np.flatnonzero(iou.max(axis=1) < 0.3)]
    deltas = []
    for a, t in pairs:
        (ax, ay, aw, ah, angle), (x, y, w, h, turn) = anchors[a].tolist(), truths[t].tolist()
        ways = [((w, h), turn + 180 * k) for k in range(-3, 4)] + [((h, w), turn + 90 + 180 * k) for k in range(-3, 4)]
        (w, h), turn = min(ways, key=lambda way: abs(way[1] - angle))
        deltas.append([(x - ax) / aw, (y - ay) / ah, np.log(w / aw), np.log(h / ah), np.radians(turn - angle)])
    assert fit.matches == len(deltas) > 20 and fit.truths == 12 and len(fit.means) == len(fit.stds) == 5
    np.testing.assert_allclose(fit.best, iou.max(axis=1), atol=1e-5)
    np.testing.assert_allclose(fit.means, np.mean(deltas, axis=0), atol=1e-4)
    np.testing.assert_allclose(fit.stds, np.std(deltas, axis=0), atol=1e-4)


def test_an_anchor_is_its_own_truth(tmp_path):
    """Whatever way its sides are written."""
    for turn, sides in ((-30, (34, 16)), (60, (16, 34)), (150, (34, 16))):
        folder = tmp_path / str(turn)
        box = [[50, 40, *sides, np.radians(turn)]]
        written("rolabelimg", folder, box)
        one = AnchorSet(((24.0,),), (10.0,), (0.5,), (30.0,))
        shape = one.level_shapes(0)[0].tolist()
        assert shape == [0, 0, 34, 16, 30]
        fit = datasets.anchors(datasets.read(folder), one, threshold=1.0 - 1e-4)
        assert fit.matches == 1 and np.abs(fit.means).max() < 1e-5 and not len(fit.unreached)


def test_upright_truths_fit_rotated_anchors_too(tmp_path):
    _, data = samples.read("coco", tmp_path / "set")
    upright, turned = (datasets.anchors(data, AnchorSet(((16.0,),), (8.0,), (1.0,), angles)) for angles in ((), (0.0,)))
    np.testing.assert_allclose(turned.means[:4], upright.means, atol=1e-6)
    assert turned.means[4] == 0 and turned.matches == upright.matches


def test_angles_are_finite():
    with pytest.raises(ValueError, match="finite angles"):
        AnchorSet(((16.0,),), (8.0,), angles=(np.nan,))


# The page


@pytest.mark.parametrize("kind", FORMATS)
def test_pictures_show_rotated_boxes(kind, tmp_path):
    folder, options = written(kind, tmp_path / "set", [[50, 40, 60, 0.5, 0.6]])
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT), "white").save(tmp_path / "photos" / "P0001.png")
    data = datasets.read(folder, images=tmp_path / "photos", **{name: value for name, value in options.items() if name == "format"})
    page = page_of(tmp_path, datasets.inspect(data))
    (picture,) = pictures(page)
    at = {name: picture.getpixel((round(12 + x), round(12 + y))) for name, (x, y) in {"along": (50 + 20 * np.cos(0.6), 40 + 20 * np.sin(0.6)), "bounds": (50, 40 - 30 * np.sin(0.6)), "corner": (26, 56)}.items()}
    assert at["along"][1] < 120 < at["along"][0] and min(at["bounds"]) > 200 and min(at["corner"]) > 200
    assert min_area_boxes(data.quads, angle="radians-cw").shape == (1, 5)
