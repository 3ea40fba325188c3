"""Anchors against torchvision's generator, and the fit against the same matching written for all anchors at once."""

import boxgrad
import numpy as np
import pytest
import samples
from boxgrad import datasets
from boxgrad.datasets import ANCHOR_SETS, AnchorSet, anchoring


def all_anchors(anchor_set, size):
    return np.concatenate(list(anchor_set.blocks(size, 1 << 30)))


@pytest.mark.parametrize("name", ["retinanet", "rpn-fpn"])
def test_anchors_are_torchvisions(name, torchvision, torch):
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.image_list import ImageList

    if name == "retinanet":
        from torchvision.models.detection.retinanet import _default_anchorgen

        generator, strides = _default_anchorgen(), (8, 16, 32, 64, 128)
    else:
        generator, strides = AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5), (4, 8, 16, 32, 64)
    height, width = 256, 384
    maps = [torch.zeros(1, 1, height // stride, width // stride) for stride in strides]
    (expected,) = generator(ImageList(torch.zeros(1, 3, height, width), [(height, width)]), maps)
    np.testing.assert_array_equal(all_anchors(ANCHOR_SETS[name], (height, width)), expected.numpy())


def sparse(folder, count=40):
    """Two images with truths of many sizes."""
    generator = np.random.default_rng(3)
    path = folder / "boxes.csv"
    sides = np.exp(generator.uniform(np.log(4), np.log(150), (count, 2)))
    starts = generator.uniform(0, 1, (count, 2)) * (200 - sides)
    rows = np.hstack([starts, starts + sides])
    path.write_text("image,x1,y1,x2,y2\n" + "".join(f"{i % 2}," + ",".join(map(repr, row)) + "\n" for i, row in enumerate(rows.tolist())))
    return datasets.read(path, image_size=(200, 220))


@pytest.mark.parametrize("block", [1 << 22, 5000])
@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_fit_is_that_of_the_matching_at_once(block, scale, tmp_path, monkeypatch):
    monkeypatch.setattr(anchoring, "_BLOCK", block)
    data = sparse(tmp_path)
    fit = datasets.anchors(data, "retinanet", resize=None if scale == 1 else (300, 1000))
    anchors = all_anchors(ANCHOR_SETS["retinanet"], (200 * scale, 220 * scale)).astype(np.float64)
    deltas, best = [], np.zeros(len(data))
    for image in (0, 1):
        rows = np.flatnonzero(data.image == image)
        truths = (data.boxes[rows] * scale).astype(np.float32).astype(np.float64)
        iou = boxgrad.box_iou(truths, anchors)
        best[rows] = iou.max(axis=1)
        for anchor in np.flatnonzero(iou.max(axis=0) >= 0.5):
            deltas.append(boxgrad.encode_boxes(anchors[anchor], truths[iou[:, anchor].argmax()]))
        for truth in np.flatnonzero(iou.max(axis=1) < 0.5):
            deltas.append(boxgrad.encode_boxes(anchors[iou[truth].argmax()], truths[truth]))
    assert fit.matches == len(deltas) and fit.truths == 40
    np.testing.assert_allclose(fit.means, np.mean(deltas, axis=0), atol=1e-5)
    np.testing.assert_allclose(fit.stds, np.std(deltas, axis=0), atol=1e-5)
    np.testing.assert_allclose(fit.best, best, atol=1e-6)
    np.testing.assert_array_equal(fit.unreached, np.flatnonzero(best < 0.5))
    assert 0 < len(fit.unreached) < 40


def test_normalised_deltas_have_mean_0_and_std_1(tmp_path):
    """What is printed is what means= and stds= want."""
    data = sparse(tmp_path)
    fit = datasets.anchors(data, AnchorSet(((60.0,),), (8.0,), (1.0,)))
    anchors = all_anchors(AnchorSet(((60.0,),), (8.0,), (1.0,)), (200, 220))
    deltas = []
    for image in (0, 1):
        truths = data.boxes[data.image == image].astype(np.float32)
        iou = boxgrad.box_iou(truths, anchors)
        pairs = [(a, iou[:, a].argmax()) for a in np.flatnonzero(iou.max(axis=0) >= 0.5)]
        pairs += [(iou[t].argmax(), t) for t in np.flatnonzero(iou.max(axis=1) < 0.5)]
        at, of = np.array(pairs).T
        deltas.append(boxgrad.encode_boxes(anchors[at], truths[of], means=fit.means, stds=fit.stds))
    deltas = np.concatenate(deltas)
    np.testing.assert_allclose(deltas.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(deltas.std(axis=0), 1, atol=1e-5)


def test_ratio_clipping_is_counted_as_decoding_does_it(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n0,0,2000,2000\n0,0,30,30\n")
    tiny = AnchorSet(((16.0,),), (64.0,), (1.0,))
    fit = datasets.anchors(datasets.read(path, image_size=(2000, 2000)), tiny)
    assert fit.clipped == 1
    anchor = np.array([[0.0, 0, 16, 16]])
    decoded = boxgrad.decode_boxes(anchor, boxgrad.encode_boxes(anchor, [[0.0, 0, 2000, 2000]]))
    assert decoded[0, 2] - decoded[0, 0] == pytest.approx(1000)


def test_degenerate_boxes_and_images_without_size_are_left_out(tmp_path):
    _, data = samples.read("coco", tmp_path / "set")
    fit = datasets.anchors(data)
    assert (fit.truths, fit.skipped) == (5, 1) and np.isnan(fit.best[1])
    data.sizes[0] = 0
    fit = datasets.anchors(data)
    assert (fit.truths, fit.skipped) == (3, 3)
    data.sizes[:] = np.nan
    with pytest.raises(ValueError, match="sizes of images are not known"):
        datasets.anchors(data)


def test_a_grid_of_more_places_than_any_detector_has_is_refused(tmp_path):
    _, data = samples.read("coco", tmp_path / "set")
    with pytest.raises(ValueError, match=r"strides \(1e-06,\) put anchors in .* places of an image of 100 x 80"):
        datasets.anchors(data, datasets.AnchorSet(((32,),), (1e-6,)))


def test_boxes_beyond_floats_are_left_out_without_a_warning(tmp_path):
    (tmp_path / "x.csv").write_text("x1,y1,x2,y2\n1,1,1e308,5\n1,1,9,9\n")
    fit = datasets.anchors(datasets.read(tmp_path / "x.csv", image_size=(100, 100)))
    assert (fit.truths, fit.skipped) == (1, 1)


def test_memory_is_bounded(tmp_path):
    """1000 truths and 400,000 anchors: all overlaps would be 1.6 GB."""
    import tracemalloc

    generator = np.random.default_rng(4)
    starts = generator.uniform(0, 1900, (1000, 2))
    rows = np.hstack([starts, starts + 40])
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()))
    data = datasets.read(path, image_size=(2000, 1500))
    tracemalloc.start()
    fit = datasets.anchors(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert fit.truths == 1000
    assert peak < 100e6


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"anchor_set": "ssd"}, "anchor_set must be one of retinanet, rpn-fpn, rrpn-fpn or an AnchorSet, not 'ssd'"),
        ({"threshold": 0}, "threshold must be above 0"),
        ({"threshold": 1.5}, "threshold must be above 0"),
        ({"resize": (800, 600)}, "resize must be"),
        ({"resize": 800}, "resize must be"),
    ],
)
def test_arguments_are_checked(arguments, reason, tmp_path):
    _, data = samples.read("coco", tmp_path / "set")
    with pytest.raises(ValueError, match=reason):
        datasets.anchors(data, **arguments)


@pytest.mark.parametrize(
    ("sizes", "strides", "ratios"), [(((32,),), (8, 16), (1,)), (((),), (8,), (1,)), (((32,),), (8,), ()), (((-1,),), (8,), (1,))]
)
def test_anchor_sets_are_checked(sizes, strides, ratios):
    with pytest.raises(ValueError, match="anchors must have"):
        AnchorSet(sizes, strides, ratios)
