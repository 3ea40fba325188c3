"""Pooling of regions against its definition, sample by sample, and its gradients against differences of the definition."""

import json
import sys
from pathlib import Path

import boxgrad
import numpy as np
import pytest
import reference

sys.path.append(str(Path(__file__).resolve().parents[3] / "Tests/torchvision"))
import roi_cases  # noqa: E402

SETTINGS = [{"sampling_ratio": ratio, "aligned": aligned} for ratio in (1, 2, 3, -1) for aligned in (False, True)]
LAYOUTS = ("planes", "channels last")


def align(features, box, size, scale, sampling_ratio=-1, aligned=False):
    """RoIAlign of one image, written from torchvision's documentation: every sample of every bin by itself."""
    channels, h, w = features.shape
    x1, y1, x2, y2 = (v * scale - (0.5 if aligned else 0) for v in box)
    sides = [y2 - y1, x2 - x1] if aligned else [max(y2 - y1, 1), max(x2 - x1, 1)]
    bins = [side / n for side, n in zip(sides, size)]
    ny, nx = (sampling_ratio if sampling_ratio > 0 else max(0, int(np.ceil(b))) for b in bins)
    out = np.zeros((channels, *size))
    for i, j, a, b in np.ndindex(*size, ny, nx):
        y, x = y1 + (i + (a + 0.5) / ny) * bins[0], x1 + (j + (b + 0.5) / nx) * bins[1]
        if not (-1 <= y <= h and -1 <= x <= w):
            continue
        y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
        t, s = y - top, x - left
        upper = (1 - s) * features[:, top, left] + s * features[:, top, right]
        lower = (1 - s) * features[:, bottom, left] + s * features[:, bottom, right]
        out[:, i, j] += (1 - t) * upper + t * lower
    return out / max(ny * nx, 1)


def precise(features, box, size, scale):
    """Precise pooling by a quadrature that is exact between pixels: the midpoint of a bilinear piece is its mean."""
    channels, h, w = features.shape
    padded = np.pad(features, ((0, 0), (1, 2), (1, 2)))
    out = np.zeros((channels, *size))

    def pieces(low, high, limit):
        cuts = [low, *np.arange(np.ceil(max(low, -1)), np.floor(min(high, limit)) + 1), high]
        return [(b - a, (a + b) / 2) for a, b in zip(cuts, cuts[1:]) if b > a and -1 < (a + b) / 2 < limit]

    x1, y1, x2, y2 = (v * scale for v in box)
    if x2 <= x1 or y2 <= y1:
        return out
    for i, j in np.ndindex(*size):
        ends = [(low + (high - low) * k / n, low + (high - low) * (k + 1) / n) for low, high, k, n in ((y1, y2, i, size[0]), (x1, x2, j, size[1]))]
        for dy, y in pieces(*ends[0], h):
            for dx, x in pieces(*ends[1], w):
                top, left = int(np.floor(y)), int(np.floor(x))
                t, s = y - top, x - left
                four = padded[:, top + 1 : top + 3, left + 1 : left + 3]
                out[:, i, j] += dy * dx * np.einsum("cyx,y,x->c", four, [1 - t, t], [1 - s, s])
        out[:, i, j] /= (ends[0][1] - ends[0][0]) * (ends[1][1] - ends[1][0])
    return out


def make(seed, shape=(2, 19, 9, 13), count=12):
    random = np.random.default_rng(seed)
    low = random.uniform(-6, 40, (count, 2))
    boxes = np.hstack([low, low + random.uniform(0.5, 50, (count, 2))])
    boxes[0], boxes[1] = [-300, -300, -200, -200], [0, 0, 4 * shape[3], 4 * shape[2]]
    boxes[2, 2:] = boxes[2, :2] + 0.1
    boxes[3] = [-9, -9, 4 * shape[3] + 9, 4 * shape[2] + 9]
    table = np.hstack([random.integers(0, shape[0], (count, 1)), boxes])
    return random.normal(size=shape), table


def laid_out(features, layout):
    return features if layout == "planes" else np.ascontiguousarray(features.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape, size", [((2, 19, 9, 13), (7, 7)), ((1, 70, 5, 6), (9, 2)), ((3, 3, 1, 1), (2, 3)), ((1, 32, 21, 40), (1, 17))])
def test_value_and_adjoint(layout, dtype, shape, size):
    eps = np.finfo(dtype).eps
    for seed, setting in enumerate([*SETTINGS, None]):
        features, table = make(seed, shape)
        table = table.astype(dtype)
        if setting and setting["sampling_ratio"] > 0:
            table[5, 1:] = table[5, [3, 4, 1, 2]]  # its ends exchanged
        features = features.astype(dtype)
        function = boxgrad.roi_align if setting else boxgrad.precise_roi_pool
        value, pullback = boxgrad.vjp(function, laid_out(features, layout), table, size, 0.25, **(setting or {}))
        wanted = np.stack([(align if setting else precise)(features[int(i)].astype(float), box.astype(float), size, 0.25, **(setting or {})) for i, *box in table for box in [np.array(box)]])
        assert value.dtype == dtype and value.shape == wanted.shape
        # Positions are rounded here, too: their errors grow with the size of the features.
        assert abs(value - wanted).max() < (30 + 6 * max(shape[2:])) * eps, setting
        # What is linear in the features is its own derivative: <G, A F> = <A^T G, F> for any features.
        cotangent = np.random.default_rng(seed).normal(size=value.shape).astype(dtype)
        of_features, of_boxes = pullback(cotangent)
        assert of_features.shape == shape and of_boxes.shape == table.shape and not of_boxes[:, 0].any()
        for k in range(3):
            other = np.random.default_rng(k).normal(size=shape).astype(dtype)
            left = (function(laid_out(other, layout), table, size, 0.25, **(setting or {})).astype(float) * cotangent).sum()
            assert abs(left - (of_features.astype(float) * other).sum()) < 300 * eps * abs(cotangent).sum() ** 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_gradients_of_torchvisions_compiled_operator(layout):
    """As Tests/torchvision has written them down."""
    for case in json.loads(roi_cases.FILE.read_text())["cases"]:
        options = {"sampling_ratio": case["sampling_ratio"], "aligned": case["aligned"]}
        features, boxes = laid_out(roi_cases.FEATURES, layout), boxgrad.stop_gradient(roi_cases.BOXES)
        value, pullback = boxgrad.vjp(boxgrad.roi_align, features, boxes, roi_cases.SIZE, roi_cases.SCALE, **options)
        for found, expected in (value, case["value"]), (pullback(roi_cases.COTANGENT)[0], case["gradient"]):
            assert abs(found - np.reshape(expected, found.shape)).max() < 1e-13, options


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("setting", [*SETTINGS, None])
def test_gradient_of_boxes_against_differences(layout, setting):
    """At random positions, which no kink is near."""
    features, table = make(3, (2, 19, 9, 13), 16)
    table = table[4:]
    cotangent = np.random.default_rng(1).normal(size=(len(table), 19, 9, 3))
    function = boxgrad.roi_align if setting else boxgrad.precise_roi_pool
    _, pullback = boxgrad.vjp(function, laid_out(features, layout), table, (9, 3), 0.25, **(setting or {}))
    got = pullback(cotangent)[1]
    for row, g, slopes in zip(table, cotangent, got):
        for k in range(4):
            step = np.eye(4)[k] * 1e-6
            ends = [(align if setting else precise)(features[int(row[0])], row[1:] + s, (9, 3), 0.25, **(setting or {})) for s in (step, -step)]
            assert abs(((ends[0] - ends[1]) * g).sum() / 2e-6 - slopes[1 + k]) < 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [16, 17, 64, 80])
@pytest.mark.parametrize("function", [boxgrad.roi_align, boxgrad.precise_roi_pool])
def test_gradient_of_boxes_is_the_sum_over_channels(function, channels, dtype, layout):
    """Kernels take 16 or 64 channels of 512 boxes at a time."""
    features, table = (x.astype(dtype) for x in make(8, (2, channels, 9, 13), 530))
    cotangent = np.random.default_rng(2).normal(size=(len(table), channels, 2, 3)).astype(dtype)
    of_all, *of_each = (
        boxgrad.vjp(function, laid_out(features[:, c], layout), table, (2, 3), 0.25)[1](cotangent[:, c])[1]
        for c in [slice(None), *(slice(k, k + 1) for k in range(channels))]
    )
    assert of_all.dtype == dtype and of_all[:, 1:].any()
    assert abs(of_all - sum(of_each)).max() < 100 * np.finfo(dtype).eps * abs(of_all).max()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_that_count_as_a_pixel_move_with_their_lower_ends(layout):
    features = laid_out(np.random.default_rng(4).normal(size=(1, 2, 6, 7)), layout)
    short, pixel = (
        boxgrad.vjp(boxgrad.roi_align, features, [[0, 2.3125, 1.4375, 2.3125 + side, 1.4375 + side]], (2, 3), 1.0, 2) for side in (0.375, 1.0)
    )
    assert (short[0] == pixel[0]).all()
    slopes, moved = (pullback(1.0)[1][0, 1:] for _, pullback in (short, pixel))
    assert (slopes[2:] == 0).all() and abs(slopes[:2] - moved[:2] - moved[2:]).max() < 1e-12


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("at, value, slope", [
    (-1 - 1e-9, 0, 0), (-1, 1, 0), (-0.5, 1, 0), (0, 1, 2), (0.5, 2, 2), (1, 3, 4), (2.5, 13.5, 13), (3, 20, 0), (3.5, 20, 0), (4, 20, 0), (4 + 1e-9, 0, 0),
])  # fmt: skip
@pytest.mark.parametrize("axis", [0, 1])
def test_kinks_of_one_sample(axis, at, value, slope, layout):
    """A sample counts from -1 to the size, both included, and has the slope towards larger positions, unless it was moved."""
    pixels = np.array([1.0, 3, 7, 20]).reshape((1, 1, 1, 4) if axis == 0 else (1, 1, 4, 1))
    box = np.zeros(5)
    box[1 + axis], box[3 + axis], box[4 - axis] = at - 1, at + 1, 1
    got, pullback = boxgrad.vjp(boxgrad.roi_align, laid_out(pixels, layout), [box], 1, 1.0, 1)
    assert got.item() == value
    wanted = np.zeros(5)
    wanted[[1 + axis, 3 + axis]] = slope / 2
    assert (pullback(1.0)[1] == wanted).all()


def test_forty_digits_agree_with_the_definitions():
    """reference.py has matrices; here are samples and pieces."""
    features, table = make(5, (1, 2, 5, 6), 8)
    cotangent = np.ones((2, 2, 3))
    for _, *box in table:
        for setting in SETTINGS:
            of = {"ratio": max(0, setting["sampling_ratio"]), "aligned": setting["aligned"]}
            assert abs(reference.roi_pool(features[0], box, (2, 3), cotangent, scale=0.25, **of)[0] - align(features[0], box, (2, 3), 0.25, **setting)).max() < 1e-13
        assert abs(reference.roi_pool(features[0], box, (2, 3), cotangent, scale=0.25, ratio=None)[0] - precise(features[0], box, (2, 3), 0.25)).max() < 1e-13


def test_lists_of_boxes_and_other_forms():
    features, table = make(0)
    table = table[table[:, 0].argsort(kind="stable")]
    listed = [table[table[:, 0] == image, 1:] for image in (0, 1)]
    value = boxgrad.roi_align(features, table, 7, 0.25, 2)
    for boxes, size in ((listed, 7), (tuple(listed), (7, 7)), (table[::-1][::-1], [7, 7]), (np.hstack([table, table])[:, :5], np.int64(7))):
        assert (boxgrad.roi_align(features, boxes, size, 0.25, 2) == value).all()
    assert (boxgrad.RoIAlign(7, 0.25, 2)(features, listed) == value).all()
    assert repr(boxgrad.RoIAlign(7, 0.25, 2)) == "RoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2, aligned=False)"
    assert boxgrad.roi_align(features, [], 7).shape == boxgrad.roi_align(features, np.empty((0, 5)), 7).shape == (0, 19, 7, 7)
    assert boxgrad.roi_align(features[:, :0], table, 7).shape == (len(table), 0, 7, 7)
    assert (boxgrad.vjp(boxgrad.roi_align, features, listed, 7, 0.25, 2)[1](1.0)[1][:, 1:] != 0).any()
    stopped = boxgrad.vjp(boxgrad.roi_align, features, boxgrad.stop_gradient(table), 7)[1](1.0)
    assert stopped[1] is None and stopped[0].shape == features.shape
    assert boxgrad.vjp(boxgrad.roi_align, boxgrad.stop_gradient(features), table, 7)[1](1.0)[0] is None


@pytest.mark.parametrize("change, error", [
    ({"input": np.ones((2, 3, 4))}, "input must have the shape"), ({"boxes": np.ones((3, 4))}, "boxes must have the shape"), ({"boxes": [np.ones((3, 3))]}, "list of arrays"),
    ({"output_size": 0}, "output_size"), ({"output_size": (1, 2, 3)}, "output_size"), ({"spatial_scale": 0.0}, "spatial_scale"), ({"spatial_scale": np.nan}, "spatial_scale"),
    ({"sampling_ratio": 1025}, "sampling_ratio"), ({"boxes": [[2, 0, 0, 1, 1]]}, r"boxes\[0\] is of the image 2"), ({"boxes": [[-1, 0, 0, 1, 1]]}, "image -1"),
    ({"boxes": [[0.5, 0, 0, 1, 1]]}, "image 0.5"), ({"boxes": [[np.nan, 0, 0, 1, 1]]}, "image nan"), ({"input": np.ones((2, 3, 0, 4))}, "height must be at least 1"),
])  # fmt: skip
def test_refusals(change, error):
    with pytest.raises(ValueError, match=error):
        boxgrad.roi_align(**({"input": np.ones((2, 3, 4, 5)), "boxes": [[0, 0, 0, 1, 1]], "output_size": 2} | change))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("function", [boxgrad.roi_align, boxgrad.precise_roi_pool])
def test_boxes_that_are_not_finite(function, bad):
    """They end the process in torchvision's operator."""
    for k in range(1, 5):
        table = np.array([[0, 0, 0, 1, 1.0], [0, 0, 0, 1, 1.0]])
        table[1, k] = bad
        with pytest.raises(boxgrad.NonFiniteError, match=r"boxes\[1\] is not finite"):
            function(np.ones((1, 1, 3, 3)), table, 1)


def test_infinite_pixels_stay_where_they_are():
    """A sample beyond the features reads none, where torchvision's operator reads the first pixel."""
    features = np.zeros((1, 1, 6, 6))
    features[0, 0, 0, 0] = np.inf
    assert (boxgrad.roi_align(features, [[0, 3, 3, 20, 20]], 3, sampling_ratio=2) == 0).all()
    assert not np.isfinite(boxgrad.roi_align(features, [[0, 0, 0, 2, 2]], 3, sampling_ratio=2)).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_infinite_pixels_have_infinite_slopes(layout):
    """Of an infinite pixel, the slope is infinite, and not NaN because of channels beyond the last."""
    features = np.zeros((1, 3, 6, 6))
    features[0, 2, 2, 2] = np.inf
    x1, x2 = boxgrad.vjp(boxgrad.roi_align, laid_out(features, layout), [[0, 1.2, 1.2, 3.4, 3.4]], 1, 1.0, 1)[1](1.0)[1][0, [1, 3]]
    assert x1 == x2 == -np.inf


def test_precise_pooling_is_continuous_and_keeps_means():
    features = np.full((1, 1, 8, 8), 3.0)
    for size in (1e-9, 1e-3, 1, 3.7):
        assert abs(boxgrad.precise_roi_pool(features, [[0, 2.3, 1.7, 2.3 + size, 1.7 + size]], 3) - 3).max() < 1e-13
    features = np.random.default_rng(0).normal(size=(1, 4, 8, 8))
    for at in (2.0, 3.0, 3.5):
        values = [boxgrad.precise_roi_pool(features, [[0, 1.25, at + d, 6.5, 7.0]], 3) for d in (-1e-9, 0, 1e-9)]
        assert abs(values[0] - values[2]).max() < 1e-7 and abs(values[0] - values[1]).max() < 1e-7
    point = boxgrad.precise_roi_pool(features, [[0, 2.25, 3.5, 2.25 + 1e-12, 3.5 + 1e-12]], 1)[0, :, 0, 0]
    sample = features[0, :, 3:5, 2:4].mean(axis=1) @ [0.75, 0.25]
    assert abs(point - sample).max() < 1e-11
    # Its bins are shorter than the distance of two numbers.
    least = boxgrad.precise_roi_pool(features, [[0, 2.25, 3.5, np.nextafter(2.25, 3), np.nextafter(3.5, 4)]], 3)
    assert abs(least - sample[:, None, None]).max() < 1e-11
    for box in ([0, 2.25, 3.5, 2.25, 5], [0, 2.25, 3.5, 4, 3.5], [0, 4, 1, 2, 3], [0, 1, 4, 3, 2]):
        assert not boxgrad.precise_roi_pool(features, [box], 3).any(), "a box without area, or with its ends exchanged"


def test_threads_give_the_same_bits():
    features, table = make(7, (3, 70, 20, 30), 1200)
    results = []
    for threads in (1, 2, 5):
        boxgrad.set_num_threads(threads)
        try:
            for layout in LAYOUTS:
                value, pullback = boxgrad.vjp(boxgrad.roi_align, laid_out(features, layout), table, 7, 0.25, 2)
                results.append([value.tobytes(), *(x.tobytes() for x in pullback(value))])
        finally:
            boxgrad.set_num_threads(1)
    assert results[0] == results[2] == results[4] and results[1] == results[3] == results[5]
