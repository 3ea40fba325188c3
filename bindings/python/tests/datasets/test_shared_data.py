"""What is wrong with the data beside the checkout, which its own documents state."""

import numpy as np
import pytest
from boxgrad import BoxgradError, datasets

CASES = {
    "bccd": ({}, (4888, 364, 3), {"zero-width": 2, "zero-height": 2}),
    "raccoon": ({}, (217, 200, 1), {}),
    "cartucho-85/ground-truth": ({"image_size": (480, 640)}, (686, 85, 30), {"partly-outside": 5}),
    "cartucho-85/detection-results": ({"image_size": (480, 640)}, (494, 85, 36), {}),
    "cartucho-85/groundtruths_coco.json": ({}, (686, 85, 38), {"image-size-missing": 85}),
    "cartucho-85/detections_coco.json": ({}, (494, 84, 36), {}),
    "coco-val2014-100/instances_val2014_100.json": ({}, (839, 100, 80), {}),
    "coco-val2014-100/instances_val2014_fakebbox100_results.json": ({}, (734, 99, 75), {}),
    "coco-val2014-100/sampled_gts_bbox_area.json": ({}, (830, 100, 80), {}),
    "padilla-toys/cats/gts": ({}, (12, 10, 1), {}),
    "padilla-toys/persons/groundtruths": ({"image_size": (200, 200), "boxes": "xywh"}, (15, 7, 1), {}),
    "mtcnn/pnet_candidates_astronaut.csv": ({"image_size": (512, 512)}, (299, 1, 0), {"partly-outside": 8}),
}


@pytest.mark.parametrize("path", CASES)
def test_findings(path, shared):
    options, (boxes, images, categories), counts = CASES[path]
    data = datasets.read(shared / path, **options)
    assert (len(data), len(data.images), len(data.categories)) == (boxes, images, categories)
    found = datasets.inspect(data)
    assert found.counts == counts
    assert found.status() == (1 if counts else 0)


def test_the_two_boxes_of_bccd(shared):
    data = datasets.read(shared / "bccd")
    found = datasets.inspect(data, check_images=True)
    assert found.counts == {"zero-width": 2, "zero-height": 2}, "and its three photos have the sizes that are said"
    both = [(finding.place.file.name, finding.place.line, finding.values) for finding in found.findings("zero-width")]
    assert both == [("BloodImage_00338.xml", 158, "504, 337, 504, 337"), ("BloodImage_00343.xml", 50, "181, 329, 181, 329")]
    assert both == [(finding.place.file.name, finding.place.line, finding.values) for finding in found.findings("zero-height")]


def test_the_five_boxes_of_cartucho(shared):
    for path in ("ground-truth", "groundtruths_coco.json"):
        found = datasets.inspect(datasets.read(shared / "cartucho-85" / path, image_size=(480, 640)))
        assert found.counts == {"partly-outside": 5}
        outside = list(found.findings("partly-outside"))
        assert [finding.image.split(".")[0] for finding in outside] == ["2007_000061"] * 2 + ["2007_000256"] * 2 + ["2007_000272"]
        assert (found.dataset.boxes[found.rows["partly-outside"], 3] == 481).all()


def test_the_detections_of_cats_that_leave_their_images(shared):
    """The text has no sizes; those of the ground truth are 500 x 366 and 300 x 283."""
    names = {"2008_002045": (366, 500), "2008_006599": (283, 300)}
    for name, size in names.items():
        data = datasets.read(shared / "padilla-toys/cats/dets" / f"{name}.txt", image_size=size)
        assert datasets.inspect(data).counts["partly-outside"] == 1


def test_bccd_repaired_is_clean_and_nothing_else_changed(shared, tmp_path):
    data = datasets.read(shared / "bccd" / "Annotations")
    done = datasets.fix(data, tmp_path / "new", ["drop-degenerate"])
    assert [change.place.file.name for change in done.changes] == ["BloodImage_00338.xml", "BloodImage_00343.xml"]
    new = datasets.read(tmp_path / "new")
    assert datasets.inspect(new).counts == {} and len(new) == 4886
    changed = {change.place.file.name for change in done.changes}
    for file in sorted((shared / "bccd" / "Annotations").iterdir()):
        assert ((tmp_path / "new" / file.name).read_bytes() == file.read_bytes()) == (file.name not in changed)


def test_cartucho_repaired_is_clean(shared, tmp_path):
    path = shared / "cartucho-85" / "groundtruths_coco.json"
    data = datasets.read(path, image_size=(480, 640))
    done = datasets.fix(data, tmp_path / "new.json", ["clip", "area"])
    assert done.counts == {"clip": 5}, "the areas belong to outlines and stay"
    old, new = path.read_text().splitlines(), (tmp_path / "new.json").read_text().splitlines()
    different = [(a.strip(), b.strip()) for a, b in zip(old, new) if a != b]
    assert len(old) == len(new) and len(different) == 5
    assert all(int(a.rstrip(",")) - 1 == int(b.rstrip(",")) for a, b in different), "each height is one less"


def test_corners_that_are_none_are_not_exchanged(shared, tmp_path):
    """These rows are x, y, w, h: read as corners most are inverted, and `swap` would exchange what is right."""
    path = shared / "padilla-toys" / "persons" / "groundtruths"
    with pytest.raises(BoxgradError, match="12 of 15 boxes are inverted, .* say what they are with --boxes"):
        datasets.fix(datasets.read(path, image_size=(200, 200)), tmp_path / "new", ["swap"])
    datasets.fix(datasets.read(path, image_size=(200, 200), boxes="xywh"), tmp_path / "new", ["swap", "clip"])
    assert all((tmp_path / "new" / file.name).read_bytes() == file.read_bytes() for file in path.iterdir())


def test_what_rotation_does_to_bccd(shared):
    data = datasets.read(shared / "bccd")
    (outcome,) = datasets.augment(data, ["rotate=30"], ["center-inside", "min-visible=0.3"])
    assert outcome.counts["wholly-outside"] == 48
    assert outcome.not_finite == 50, "these and the two that have no area"
    assert [kept.not_finite for kept in outcome.kept] == [2, 2]


def test_anchors_reach_all_cells_but_one(shared):
    fit = datasets.anchors(datasets.read(shared / "bccd"))
    assert (fit.truths, fit.skipped, len(fit.unreached)) == (4886, 2, 1)
    assert np.abs(fit.means).max() < 0.1 and (np.array(fit.stds) < 0.5).all()


def test_facts_about_degenerate_boxes_of_public_data_sets(shared, tmp_path):
    """COCO train2017's two boxes of height 0, and the crossed quadrilateral of DOTA, are found as what they are."""
    import json

    facts = json.loads((shared / "known-answers" / "degenerate_ground_truth_facts.json").read_text())
    xywh = [fact["bbox_xywh"] for fact in facts if "bbox_xywh" in fact]
    (tmp_path / "x.csv").write_text("x,y,w,h\n" + "".join(",".join(map(str, box)) + "\n" for box in xywh))
    assert datasets.inspect(datasets.read(tmp_path / "x.csv")).counts == {"zero-height": len(xywh)}
    (quad,) = (fact["quad"] for fact in facts if "quad" in fact)
    (tmp_path / "P0004.txt").write_text(" ".join(map(str, quad)) + " plane 0\n")
    assert datasets.inspect(datasets.read(tmp_path / "P0004.txt")).counts == {"self-intersecting": 1}
