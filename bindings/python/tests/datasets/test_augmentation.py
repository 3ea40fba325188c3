"""What augmentations do to boxes, against the same done by hand; and that rules which promise finite deltas keep the promise."""

import boxgrad
import numpy as np
import pytest
import samples
from boxgrad import datasets
from boxgrad.datasets.augmentation import augmentations_of, rule_of, trains_finitely

IMAGE = (80.0, 100.0)


def data_of(folder, boxes, size=IMAGE):
    path = folder / "boxes.csv"
    path.write_text("x1,y1,x2,y2\n" + "".join(",".join(map(repr, box)) + "\n" for box in np.asarray(boxes, float).tolist()))
    return datasets.read(path, image_size=size)


def inside(count):
    """Boxes of up to 20 pixels anywhere in the image."""
    generator = np.random.default_rng(count)
    sides = generator.uniform(2, 20, (count, 2))
    starts = generator.uniform(0, 1, (count, 2)) * (np.array([100, 80]) - sides)
    return np.hstack([starts, starts + sides])


@pytest.mark.parametrize(
    ("name", "point", "size"),
    [
        ("rotate=90", (50.0 - 20, 40.0 + 20), IMAGE),  # x' = x_c + (y - y_c), y' = y_c - (x - x_c)
        ("rotate=180", (70.0, 60.0), IMAGE),
        ("hflip", (70.0, 20.0), IMAGE),
        ("vflip", (30.0, 60.0), IMAGE),
        ("scale=0.5", (15.0, 10.0), (40, 50)),
        ("crop=0.5", (5.0, 0.0), (40, 50)),
        ("crop=40x30+10+5", (20.0, 15.0), (30, 40)),
    ],
)
def test_moves(name, point, size):
    (move,) = augmentations_of(name)
    moved = move.move(np.array([[30.0, 20.0]]), IMAGE)
    np.testing.assert_allclose(moved, [point])
    assert move.resize(IMAGE) == size


def test_rotation_counts_what_rotate_boxes_and_inspect_boxes_find(tmp_path):
    boxes = inside(300)
    outcomes = datasets.augment(data_of(tmp_path, boxes), ["rotate=30,75"])
    for degrees, outcome in zip((30, 75), outcomes):
        _, bounds = boxgrad.rotate_boxes(boxes, degrees, (50, 40))
        before = boxgrad.inspect_boxes(boxes, IMAGE, min_size=1).flags
        after = boxgrad.inspect_boxes(bounds.astype(np.float32), IMAGE, min_size=1).flags
        expected = {flag.name.lower().replace("_", "-"): int(((after & ~before) & np.uint32(flag) != 0).sum()) for flag in boxgrad.BoxFlag}
        assert outcome.counts == {name: count for name, count in expected.items() if count}
        assert outcome.counts["wholly-outside"] > 0
        assert outcome.boxes == 300 and outcome.skipped == 0


def test_corners_of_quadrilaterals_are_turned(tmp_path):
    """A square on its corner, turned by 45 degrees, has bounds that are smaller than those of its turned bounds."""
    (tmp_path / "a.txt").write_text("50 20 70 40 50 60 30 40 plane 0\n")
    (outcome,) = datasets.augment(datasets.read(tmp_path / "a.txt", image_size=(80, 100)), ["rotate=45"], ["min-size=29"])
    assert outcome.kept[0].dropped == 1, "its sides are 28.3, not 40"


def test_problems_there_were_before_are_not_counted_again(tmp_path):
    (outcome,) = datasets.augment(data_of(tmp_path, [[5, 5, 5, 9], [-5, 5, 9, 9], [9, 9, 4, 12]]), ["hflip"])
    assert outcome.counts == {}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("center-inside", [1, 1, 0, 0]),
        ("fully-inside", [1, 0, 0, 0]),
        ("min-visible=0.5", [1, 1, 0, 0]),
        ("min-visible=0.25", [1, 1, 1, 0]),
        ("min-size=5", [1, 1, 1, 0]),
        ("min-size=5.1", [1, 1, 0, 0]),
    ],
)
def test_rules(rule, kept):
    boxes = np.array([[10.0, 10, 30, 30], [-5, 10, 15, 30], [-15, 10, 5, 30], [-30, 10, -10, 30]])
    assert rule_of(rule).keeps(boxes, IMAGE).tolist() == [bool(one) for one in kept]


def test_finite_deltas_are_those_of_the_formula():
    """The second stage's deltas are finite just where the clipped truth and the truth have a width and a height."""
    generator = np.random.default_rng(1)
    starts = generator.uniform(-60, 120, (2000, 2))
    boxes = np.hstack([starts, starts + generator.uniform(1, 50, (2000, 2))])
    boxes[::10, 2] = boxes[::10, 0]
    boxes[1::10, [0, 2]] = boxes[1::10, [2, 0]]
    clipped = boxgrad.clip_boxes_to_image(boxes, IMAGE)
    expected = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    assert 200 < expected.sum() < 1800
    np.testing.assert_array_equal(trains_finitely(boxes, IMAGE), expected)


def test_rules_that_leave_only_finite_deltas(tmp_path):
    data = data_of(tmp_path, inside(500))
    rules = ["center-inside", "fully-inside", "min-visible=0.1", "min-size=1"]
    for outcome in datasets.augment(data, ["rotate=45,90,130", "crop=0.5"], rules):
        assert outcome.not_finite > 0
        for kept in outcome.kept:
            assert 0 < kept.dropped < 500 and kept.not_finite == 0, (outcome.augmentation, kept.rule)


def test_degenerate_boxes_survive_a_rule_and_are_told(tmp_path):
    (outcome,) = datasets.augment(data_of(tmp_path, [[5, 5, 5, 9], [10, 10, 20, 20]]), (), ["center-inside"])
    assert outcome.augmentation == "as it is"
    assert outcome.not_finite == 1
    assert (outcome.kept[0].dropped, outcome.kept[0].not_finite) == (0, 1)


@pytest.mark.parametrize(
    "text",
    ["rotate", "rotate=", "rotate=x", "rotate=nan", "rotate=1e300", "scale=0", "scale=-1", "crop=2", "crop=0x5+1+1", "flip", "hflip=1"],
)
def test_augmentations_are_checked(text):
    with pytest.raises(ValueError, match="must"):
        augmentations_of(text)


@pytest.mark.parametrize("text", ["center", "min-visible", "min-visible=2", "min-visible=x", "min-size=0", "min-size=inf"])
def test_rules_are_checked(text):
    with pytest.raises(ValueError, match="must"):
        rule_of(text)


def test_rotation_of_fractions_is_refused(tmp_path):
    sample = samples.write("yolo", tmp_path / "set")
    with pytest.raises(ValueError, match="pass image_size or images"):
        datasets.augment(datasets.read(sample.path), ["rotate=5"])
    assert datasets.augment(datasets.read(sample.path), ["hflip"])[0].boxes == 6


def test_boxes_without_a_size_are_left_out_and_counted(tmp_path):
    data = data_of(tmp_path, [[1, 1, 5, 5], [1, 1, np.nan, 5]], None)
    assert datasets.augment(data, ["hflip"])[0].skipped == 2
    assert datasets.augment(data_of(tmp_path, [[1, 1, 5, 5], [1, 1, np.nan, 5]]), ["hflip"])[0].skipped == 1
