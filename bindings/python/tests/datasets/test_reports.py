"""The files of users' reports (reports/README.md): boxes that were read wrong, and labels that `fix` destroyed with status 0."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from asked import contents
from boxgrad import BoxgradError, datasets

REPORTS = Path(__file__).parent / "reports"
POLICIES = "swap,drop-outside,clip,drop-degenerate,drop-small,drop-duplicates,drop-crossed,area"


def fractions(*boxes):
    return np.array(boxes, float)


POSE = fractions([0.58, 0.555, 0.78, 0.625])
YOLO = {
    "y_obb": fractions([0.30, 0.67, 0.48, 0.81], [-0.0006, 0.48, 0.126, 0.70]),
    "y_obbyaml": fractions([0.30, 0.67, 0.48, 0.81]),
    "y_poly": fractions([0.72, 0.34, 0.76, 0.363], [0.66, 0.35, 0.68, 0.38]),
    "y_seg_second": fractions([0.4, 0.4, 0.6, 0.6], [0.30, 0.67, 0.48, 0.81]),
    "y_mixed_polyfirst": fractions([0.72, 0.34, 0.76, 0.363], [0.4, 0.4, 0.6, 0.6]),
    "y_tri": fractions([0.3, 0.6, 0.4, 0.8]),
    "y_pose2": POSE,
    "y_pose5": POSE,
    "y_poseyaml": POSE,
    "y_pose17": fractions([0.4, 0.3, 0.6, 0.7]),
    "y_pose4_2d": fractions([0.4, 0.4, 0.6, 0.6]),
    "y_floatclass": fractions([0.4, 0.4, 0.6, 0.6], [0.35, 0.35, 0.45, 0.45]),
    "y_sciclass": fractions([0.4, 0.4, 0.6, 0.6]),
    "y_roboflow": fractions([0.4, 0.4, 0.6, 0.6], [0.4, 0.4, 0.6, 0.6]),
    "y_autosplit": fractions([0.4, 0.4, 0.6, 0.6]),
    "y_coco2017": fractions([0.4, 0.4, 0.6, 0.6]),
    "y_comma": fractions([0.003185, 0.019608, 0.993631, 1.0]),
    "y_commaspace": fractions([0.0962, 0.36685, 0.2378, 0.81415]),
    "y_utf16": fractions([0.4, 0.4, 0.6, 0.6]),
    "y_classes_gbk": fractions([0.4, 0.4, 0.6, 0.6]),
    "t_typeIII": fractions([0.38085, 0.25665, 0.45895, 0.75315], [0.32815, 0.21365, 0.40625, 0.72195]),
}
PIXELS = {
    "y_pixels": fractions([40, 45, 60, 75], [180, 80, 220, 120]),
    "y_pixyaml": fractions([40, 45, 60, 75]),
}


def fix(path, out, policies=POLICIES, **options):
    reading = {name: options.pop(name) for name in ("image_size", "exif", "image_column", "boxes", "images") if name in options}
    return datasets.fix(datasets.read(path, options.pop("format", None), **reading), out, policies.split(","), **options)


def refused(path, tmp_path, command, *words, policies=POLICIES, match):
    """Both ways to fix refuse with this sentence, and nothing is written."""
    before = contents(path)
    out = tmp_path / "refused"
    options = {words[i].lstrip("-").replace("-", "_"): words[i + 1] for i in range(0, len(words), 2)}
    with pytest.raises(BoxgradError) as error:
        fix(path, out, policies, **options)
    asked = isinstance(error.value, datasets.UnreadableError)  # by `read`, before there is anything to write
    assert match in str(error.value) and (asked or "nothing was written" in str(error.value))
    for more in ([], ["--dry-run"]):
        status, _, printed = command("fix", path, "--out", out, "--policy", policies, *words, *more)
        assert status == 2 and match in printed and "Traceback" not in printed
    assert not out.exists() and contents(path) == before


@pytest.mark.parametrize("name", YOLO)
def test_yolo_is_read_as_yolo(name, command):
    data = datasets.read(REPORTS / name)
    assert data.format == "yolo" and not data.faults and data.account["rows"] == len(data)
    np.testing.assert_allclose(data.boxes, YOLO[name], atol=1e-6)
    status, printed, _ = command("inspect", REPORTS / name)
    assert status == (name == "y_obb") and "yolo (" in printed


@pytest.mark.parametrize("name", PIXELS)
def test_rows_in_pixels_are_a_problem_of_their_own(name, command):
    """And of nothing else: their boxes are what the pixels say."""
    data = datasets.read(REPORTS / name)
    assert data.format == "yolo" and not data.fractions
    np.testing.assert_array_equal(data.boxes, PIXELS[name])
    assert datasets.inspect(data).counts == {"pixels-not-fractions": len(data)}
    assert command("inspect", REPORTS / name)[0] == 1


def test_a_negative_class_keeps_its_box():
    data = datasets.read(REPORTS / "y_negclass")
    np.testing.assert_allclose(data.boxes, [[0.4, 0.4, 0.6, 0.6]] * 2)
    assert datasets.inspect(data).counts == {"unknown-category": 1} and data.categories == ["0"]


@pytest.mark.parametrize("name", [*YOLO, *PIXELS, "y_negclass"])
def test_fix_leaves_yolo_as_it_is(name, tmp_path, command):
    """But for the two corners of an oriented box that leave the image."""
    done = fix(REPORTS / name, tmp_path / "new")
    assert command("fix", REPORTS / name, "--out", tmp_path / "again", "--policy", POLICIES)[0] == 0
    new, again = contents(tmp_path / "new"), contents(tmp_path / "again")
    old = {file: data for file, data in contents(REPORTS / name).items() if file in new}
    assert again == new and {file for file in contents(REPORTS / name) if "labels" in file.parts} <= new.keys()
    if name == "y_obb":
        old = {file: data.replace(b"-0.0006", b"0.0") for file, data in old.items()}
    assert new == old
    assert [change.policy for change in done.changes] == (["clip"] if name == "y_obb" else [])


def test_clipping_a_pose_leaves_its_keypoints(tmp_path):
    for name in ("y_pose2", "y_pose5", "y_pose17", "y_poseyaml"):
        shutil.copytree(REPORTS / name, tmp_path / name)
        file = tmp_path / name / "labels" / "a.txt"
        words = file.read_text().split()
        words[1] = "0.95"
        file.write_text(" ".join(words) + "\n")
        done = fix(tmp_path / name, tmp_path / f"{name}-new", "clip")
        new = next(tmp_path.joinpath(f"{name}-new").rglob("a.txt")).read_text().split()
        assert done.counts == {"clip": 1}
        assert new[5:] == words[5:] and new[2] == words[2] and new[4] == words[4]
        assert float(new[1]) + float(new[3]) / 2 == pytest.approx(1)


def test_fix_refuses_what_is_not_certain(tmp_path, command):
    refused(REPORTS / "wider.txt", tmp_path, command, match="dota explains 2 of 9 rows, and not ")


def test_rows_with_commas_are_edited_in_place(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.txt").write_text('0, 0.9, 0.5, 0.4, 0.2\n0;0.9;0.5;0.4;0.2\n"0" "0.9" "0.5" "0.4" "0.2"\n0 0,9 0,5 0,4 0,2\n')
    data = datasets.read(tmp_path / "set")
    np.testing.assert_allclose(data.boxes, [[0.7, 0.4, 1.1, 0.6]] * 4)
    assert [note.split(",")[0] for note in data.notes] == ["1 row has commas", "1 row has semicolons", "1 row has quotes", "1 row has decimal commas"]
    done = fix(tmp_path / "set", tmp_path / "new", "clip")
    assert (tmp_path / "new" / "a.txt").read_text() == (
        '0, 0.85, 0.5, 0.3, 0.2\n0;0.85;0.5;0.3;0.2\n"0" "0.85" "0.5" "0.3" "0.2"\n0 0,9 0,5 0,4 0,2\n'
    )
    assert [change.place.line for change in done.left] == [4], "decimal commas are not edited"


@pytest.mark.parametrize("name", sorted(path.name for path in REPORTS.iterdir() if path.name != "README.md"))
def test_fix_drops_and_rewrites_nothing_that_is_right(name, tmp_path, command):
    """Of all these files two hold boxes outside of their photos: everything else stays, or is refused."""
    path = REPORTS / name
    before = contents(path)
    status, _, printed = command("fix", path, "--out", tmp_path / "new", "--policy", POLICIES)
    assert contents(path) == before and "Traceback" not in printed
    assert status == 0 or printed.strip()
    if not (tmp_path / "new").exists():
        assert status == 2
        return
    new = contents(tmp_path / "new")
    changed = {str(file) for file, data in new.items() if data != before[file]}
    allowed = {"y_obb": {"labels/a.txt"}, "openimages.csv": {"."}, "ex8": {"o1.txt", "o3.txt"}}
    assert changed == allowed.get(name, set()) or name.endswith(".parquet")


@pytest.mark.parametrize("name", ["imgcol_ImageID.csv", "imgcol_frame.csv", "imgcol_photo.csv"])
def test_image_columns_are_known(name, tmp_path, command):
    data = datasets.read(REPORTS / name)
    assert data.images == ["a.jpg", "b.jpg"] and datasets.inspect(data).ok
    assert command("fix", REPORTS / name, "--out", tmp_path / "new.csv", "--policy", "drop-duplicates")[0] == 0
    assert (tmp_path / "new.csv").read_bytes() == (REPORTS / name).read_bytes()


@pytest.mark.parametrize("classes", [("-1", "-2", "1.5", "1.5"), ("3", "4", "5", "5")])
def test_boxes_of_classes_that_are_not_listed_are_duplicates_if_these_are_equal(classes, tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text("names: [dog]\n")
    (tmp_path / "labels" / "a.txt").write_text("".join(f"{one} 0.5 0.5 0.2 0.2\n" for one in ("0", "0", *classes)))
    found = datasets.inspect(datasets.read(tmp_path))
    assert found.rows["duplicate"].tolist() == [1, 5]
    assert found.counts["unknown-category"] == 4
    records = [{"id": row, "image_id": 1, "category_id": int(float(one)), "bbox": [1, 2, 3, 4]} for row, one in enumerate(("4", *classes))]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"images": [{"id": 1, "width": 9, "height": 9}], "categories": [{"id": 0}], "annotations": records}))
    expected = [row for row, one in enumerate(records) if one["category_id"] in [other["category_id"] for other in records[:row]]]
    assert datasets.inspect(datasets.read(path)).rows["duplicate"].tolist() == expected


def test_boxes_without_any_class_are_duplicates(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("image,x1,y1,x2,y2\na.jpg,10,10,50,60\na.jpg,10,10,50,60\n")
    assert datasets.inspect(datasets.read(path)).rows["duplicate"].tolist() == [1]


def test_without_an_image_column_nothing_is_a_duplicate(tmp_path, command, command_json):
    path = tmp_path / "x.csv"
    path.write_text("shot,class,x1,y1,x2,y2\na.jpg,dog,10,10,50,60\nb.jpg,dog,10,10,50,60\nb.jpg,dog,10,10,50,60\n")
    status, printed, _ = command("inspect", path)
    assert status == 0 and "images not known" in printed
    assert "the columns are 'shot', 'class', 'x1', 'y1', 'x2', 'y2'; --image-column says which it is" in printed
    status, printed, _ = command("fix", path, "--out", tmp_path / "same.csv", "--policy", "drop-duplicates")
    assert status == 0 and "the columns are 'shot'" in printed
    assert (tmp_path / "same.csv").read_bytes() == path.read_bytes()

    done = fix(path, tmp_path / "new.csv", "drop-duplicates", image_column="shot")
    assert [change.place.line for change in done.changes] == [4]
    assert command("inspect", path, "--image-column", "shot")[0] == 1
    assert command("inspect", path, "--image-column", "shots")[0] == 2
    from PIL import Image

    Image.new("RGB", (99, 99)).save(tmp_path / "all.png")
    _, report = command_json("inspect", path, "--images", tmp_path / "all.png")
    assert report["sets"][0]["problems"]["duplicate"]["count"] == 2, "all boxes are on the one photo"


def test_names_that_are_unique_in_their_folder(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("video,frame,x1,y1,x2,y2\na,1,10,10,50,60\nb,1,10,10,50,60\n")
    assert datasets.inspect(datasets.read(path)).ok
    path.write_text("image,x1,y1,x2,y2\n,10,10,50,60\n,10,10,50,60\n")
    assert datasets.inspect(datasets.read(path)).counts == {"unknown-image": 2}, "rows without a name do not share an image"


def test_fractions_in_tables(tmp_path, command):
    data = datasets.read(REPORTS / "openimages.csv")
    assert data.fractions and data.images == ["00a1", "00b2", "00c3"]
    assert datasets.inspect(data).counts == {"partly-outside": 1}, "none is small or the duplicate of another, and 1.2 is outside"
    status, printed, _ = command("fix", REPORTS / "openimages.csv", "--out", tmp_path / "new.csv", "--policy", "drop-small,clip")
    assert status == 0 and "100% of the boxes have coordinates like fractions" in printed
    old, new = (path.read_text() for path in (REPORTS / "openimages.csv", tmp_path / "new.csv"))
    assert new == old.replace("0.5,1.2,", "0.5,1.0,")

    sized = datasets.read(REPORTS / "openimages.csv", image_size=(200, 100))
    assert not sized.fractions
    np.testing.assert_allclose(sized.boxes[1], [50, 20, 120, 180])
    fix(REPORTS / "openimages.csv", tmp_path / "sized.csv", "drop-small,clip", image_size=(200, 100))
    assert (tmp_path / "sized.csv").read_text() == new


def test_whole_numbers_between_0_and_1_could_be_either(tmp_path, command):
    (tmp_path / "x.csv").write_text("image,x1,y1,x2,y2\na,0,0,1,1\n")
    refused(tmp_path / "x.csv", tmp_path, command, match="they could be pixels or fractions of the image: say which with --unit pixels or --unit fractions")


EXIF = {"ex_text": "a.txt", "ex_voc_nosize": "a.xml", "ex_voc": "a.xml"}


@pytest.mark.parametrize("name", EXIF)
def test_boxes_that_fit_the_turned_photo_stay(name, tmp_path, command):
    data = datasets.read(REPORTS / name)
    np.testing.assert_array_equal(data.sizes, [[640, 480]])
    assert datasets.inspect(data, check_images=True).counts == {}
    status, printed, _ = command("fix", REPORTS / name, "--out", tmp_path / "new", "--policy", "drop-outside,clip,drop-degenerate")
    assert status == 0
    assert ("1 photo is turned by EXIF, and the boxes fit the turned size" in printed) == (name != "ex_voc")
    assert (tmp_path / "new" / EXIF[name]).read_bytes() == (REPORTS / name / EXIF[name]).read_bytes()


def test_orientations_5_to_8_turn_and_1_and_3_do_not(tmp_path):
    data = datasets.read(REPORTS / "ex8")
    assert dict(zip(data.images, data.sizes.tolist())) == {"o1": [480, 640], "o3": [480, 640], **{f"o{i}": [640, 480] for i in (5, 6, 8)}}
    assert data.notes == ["3 photos are turned by EXIF, and the boxes fit the turned size."]
    done = fix(REPORTS / "ex8", tmp_path / "new", "drop-outside")
    assert [change.image for change in done.changes] == ["o1", "o3"], "these are not turned, and the box is below them"


def test_declared_sizes_of_several_photos(tmp_path):
    """Of four photos 64 wide and 48 high the second and the fourth are declared with their sides exchanged, and hold boxes that tell."""
    import json

    from PIL import Image

    sizes, boxes = [(64, 48), (48, 64), (64, 48), (48, 64)], [[5, 5, 70, 9], [5, 5, 55, 9], [5, 5, 9, 60], [5, 5, 40, 9]]
    for i in range(4):
        Image.new("RGB", (64, 48)).save(tmp_path / f"{i}.png")
    images = [{"id": i, "file_name": f"{i}.png", "width": w, "height": h} for i, (w, h) in enumerate(sizes)]
    annotations = [{"id": n, "image_id": n % 4, "category_id": 1, "bbox": boxes[n % 4]} for n in (0, 1, 2, 3, 5)]
    (tmp_path / "x.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1}]}))
    data = datasets.read(tmp_path / "x.json")
    assert data.sizes.tolist() == [[48, 64], [48, 64], [48, 64], [64, 48]]
    assert [fault.image for fault in data.faults] == ["1.png"], "the boxes of the fourth fit, so its photo is not opened"
    assert datasets.inspect(data, check_images=True).counts["image-size-turned"] == 2
    done = datasets.fix(data, tmp_path / "new.json", ["clip"])
    assert [change.image for change in done.changes] == ["0.png", "2.png"]


def test_damaged_exif_turns_nothing(tmp_path):
    from PIL import Image

    for name, exif in {"a": b"Exif\0\0MM\0*", "b": b"Exif\0\0", "c": b"Exif\0\0II*\0\xff\xff\xff\xff", "d": b"Exif\0\0junkjunk"}.items():
        Image.new("RGB", (64, 48)).save(tmp_path / f"{name}.jpg", exif=exif)
        (tmp_path / f"{name}.txt").write_text("t 10 10 30 30\n")
    assert datasets.read(tmp_path).sizes.tolist() == [[48, 64]] * 4


@pytest.mark.parametrize(
    ("row", "seen"), [("t 100 100 300 300", "fit both sizes"), ("t 100 500 300 630\nt 500 100 630 300", "fit neither size")]
)
def test_fix_asks_which_size_a_turned_photo_has(row, seen, tmp_path, command):
    path = tmp_path / "set"
    shutil.copytree(REPORTS / "ex_text", path)
    (path / "a.txt").write_text(f"{row}\n")
    _, printed, _ = command("inspect", path)
    assert f"1 photo is turned by EXIF, and the boxes {seen}" in printed and "The stored size is taken" in printed
    for policy in ("clip", "drop-outside"):
        refused(path, tmp_path, command, policies=policy, match="--exif turned|stored")
    assert command("fix", path, "--out", tmp_path / "a", "--policy", "drop-degenerate,drop-small")[0] == 0, "no size is needed"
    for exif, kept in (("turned", 0), ("stored", 1)):
        assert command("fix", path, "--out", tmp_path / exif, "--policy", "drop-outside", "--exif", exif)[0] == 0
        lines = (tmp_path / exif / "a.txt").read_text().splitlines()
        assert lines == (row.splitlines() if "both" in seen else [row.splitlines()[kept]])
    assert command("fix", path, "--out", tmp_path / "b", "--policy", "clip", "--exif", "sideways")[0] == 2
    assert command("anchors", path, "--exif", "turned")[0] == 0


def test_small_fractions_of_a_turned_photo(tmp_path, command):
    """0.002 of the height is 0.96 of 480 pixels and 1.28 of 640."""
    path = REPORTS / "ex_yolo"
    refused(path, tmp_path, command, policies="drop-small", match="--exif turned|stored")
    assert command("fix", path, "--out", tmp_path / "clipped", "--policy", "clip,drop-outside,drop-degenerate")[0] == 0
    for exif, lines in (("turned", 1), ("stored", 0)):
        assert command("fix", path, "--out", tmp_path / exif, "--policy", "drop-small", "--exif", exif)[0] == 0
        assert (tmp_path / exif / "labels" / "a.txt").read_text().count("\n") == lines


def test_declared_sizes_with_exchanged_sides(tmp_path, command, command_json):
    """The photo is 640 x 480 and not turned; 480 x 640 is declared."""
    assert datasets.inspect(datasets.read(REPORTS / "ex_plain"), check_images=True).counts == {"image-size-turned": 1}
    status, report = command_json("inspect", REPORTS / "ex_plain", "--check-images")
    assert status == 1 and report["sets"][0]["problems"]["image-size-turned"]["examples"][0]["image"] == "a.jpg"

    path = tmp_path / "set"
    shutil.copytree(REPORTS / "ex_plain", path)
    text = (path / "a.xml").read_text().replace("<xmax>300", "<xmax>600")
    (path / "a.xml").write_text(text)
    found = datasets.inspect(datasets.read(path))
    assert found.counts == {"image-size-turned": 1}, "the box fits the photo: it is the declared size that is wrong"
    (finding,) = found.findings("image-size-turned")
    assert finding.values == "480 x 640 is declared, the photo is 640 x 480"
    fix(path, tmp_path / "new", "drop-outside,clip")
    assert (tmp_path / "new" / "a.xml").read_text() == text

    turned = tmp_path / "turned"
    shutil.copytree(REPORTS / "ex_voc", turned)
    text = (turned / "a.xml").read_text().replace("<width>480</width><height>640", "<width>640</width><height>480")
    (turned / "a.xml").write_text(text)
    assert datasets.inspect(datasets.read(turned)).counts == {"image-size-turned": 1}
    fix(turned, tmp_path / "turned-new", "drop-outside,clip")
    assert (tmp_path / "turned-new" / "a.xml").read_text() == text


@pytest.mark.parametrize("more", [0, 1])
def test_sizes_of_boxes_are_no_sizes_of_images(more, tmp_path, command):
    """Columns width and height beside four corners: clipping to the box' own size would empty every box."""
    rows = [f"{i}.jpg,{100 + i},{100 + i},{150 + i},{130 + i},{50 + more},{30 + more}\n" for i in range(9)] + ["9.jpg,-5,5,20,30,640,480\n"]
    path = tmp_path / "x.csv"
    path.write_text("image,xmin,ymin,xmax,ymax,width,height\n" + "".join(rows))
    status, printed, _ = command("fix", path, "--policy", "clip,drop-outside", "--out", tmp_path / "new.csv")
    assert status == 0 and "The columns 'width' and 'height' are the sizes of the boxes, and not of the images." in printed
    assert (tmp_path / "new.csv").read_bytes() == path.read_bytes()
    assert command("fix", path, "--policy", "clip,swap", "--image-size", "120x640", "--out", tmp_path / "b.csv")[0] == 0
    assert (tmp_path / "b.csv").read_text().count(",120,1") == 9 and ",0,5,20,30,640,480\n" in (tmp_path / "b.csv").read_text()


def test_boxes_that_are_clipped_to_nothing_count_as_dropped(tmp_path, command):
    path = tmp_path / "x.csv"
    path.write_text("image,xmin,ymin,xmax,ymax\n" + "".join(f"{i}.jpg,100,{i},150,{i + 9}\n" for i in range(21)))
    words = ["fix", path, "--policy", "clip", "--image-size", "90x90", "--out", tmp_path / "new.csv"]
    status, _, printed = command(*words)
    assert status == 2 and not (tmp_path / "new.csv").exists()
    assert f"21 of 21 boxes would be clipped to nothing ({path}:2: 100, 0, 150, 9 by clip; " in printed and "--max-dropped 1 allows it" in printed
    assert command(*words, "--max-dropped", "1")[0] == 0


@pytest.mark.parametrize("kind", ["coco", "yolo", "table"])
def test_corners_where_the_format_has_sides(kind, tmp_path, command):
    """x2 and y2 stand in the place of width and height: clipping would change most boxes, all of which are right as corners."""
    rows = [(100 + 20 * i, 50 + 10 * i, 300 + 20 * i, 200 + 10 * i) for i in range(16)]
    out, option, path = tmp_path / "new", ("--format", kind), tmp_path / "set"
    if kind == "coco":
        images = [{"id": i, "width": 640, "height": 480} for i in range(16)]
        annotations = [{"image_id": i, "category_id": 1, "bbox": row} for i, row in enumerate(rows)]
        path = tmp_path / "x.json"
        path.write_text(json.dumps({"images": images, "categories": [{"id": 1}], "annotations": annotations}))
    elif kind == "yolo":
        path.mkdir()
        for i, (x1, y1, x2, y2) in enumerate(rows):
            (path / f"{i}.txt").write_text(f"0 {x1 / 640} {y1 / 480} {x2 / 640} {y2 / 480}\n")
    else:
        option, path = ("--boxes", "xywh"), tmp_path / "x.csv"
        path.write_text("image,x,y,w,h\n" + "".join(f"{i},{','.join(map(str, row))}\n" for i, row in enumerate(rows)))
    words = ["fix", path, "--policy", "clip", "--image-size", "640x480", "--out", out]
    status, _, printed = command(*words)
    assert status == 2 and not out.exists()
    assert "of 16 boxes leave their image if the numbers are" in printed and "and none if they are x1, y1, x2, y2: say --" in printed
    assert command(*words, *option)[0] == 0
