"""Boxes, clipping, smooth L1 and box deltas, with their gradients, against torchvision and autograd in float64."""

import math

import box_sets
import boxgrad
import numpy as np
import peers
import pytest
import reference
from parity import TOLERANCE, assert_parity
from tolerances import assert_within

FORMATS = ("xyxy", "xywh", "cxcywh")
all_kinds = pytest.mark.parametrize("kind", box_sets.KINDS)
with_area = pytest.mark.parametrize("kind", [*box_sets.ORDINARY, "thin", "far"])


def compare(autograd, theirs, exact, ours, arrays, *parameters, **options):
    """ours(*arrays, *parameters, **options) with its gradients against theirs(*arrays); exact: a formula of the
    reference with its options, for every row of the arrays."""
    value, pullback = boxgrad.vjp(ours, *arrays, *parameters, **options)
    cotangent = np.random.default_rng(0).normal(size=np.shape(value))
    formula, exact_options = exact

    def decide():
        values, terms, gradients, _ = reference.evaluate_rows(formula, *arrays, cotangent=cotangent, **exact_options)
        return values.reshape(value.shape), terms.reshape(value.shape), gradients

    assert_parity((value, pullback(cotangent)), autograd(theirs, *arrays, cotangent=cotangent), decide)


@all_kinds
def test_box_area(kind, torchvision, autograd):
    exact = reference.box_area, {}
    compare(autograd, torchvision.ops.box_area, exact, boxgrad.box_area, box_sets.pairs(kind)[:1])


@all_kinds
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_box_convert(kind, source, target, torchvision, autograd):
    def theirs(x):
        return torchvision.ops.box_convert(x, source, target)

    exact = reference.box_convert, {"source": source, "target": target}
    compare(autograd, theirs, exact, boxgrad.box_convert, box_sets.pairs(kind)[:1], source, target)


@pytest.mark.parametrize("target", [prefix + name for prefix in ("", "rel_") for name in (*FORMATS, "yxyx")])
@pytest.mark.parametrize("source", [prefix + name for prefix in ("", "rel_") for name in (*FORMATS, "yxyx")])
def test_box_convert_by_way_of_corners_in_pixels(source, target, torch, autograd):
    """Relative formats are those of an image, and yxyx is xyxy in another order, as in keras-cv's formula."""

    def theirs(x):
        return peers.keras_convert_format(torch, x, source, target, (60, 90))

    (boxes,) = box_sets.pairs("random")[:1]
    boxes = boxes / 64 if source.startswith("rel_") else boxes
    cotangent = np.random.default_rng(0).normal(size=boxes.shape)
    value, pullback = boxgrad.vjp(boxgrad.box_convert, boxes, source, target, image_shape=(60, 90, 3))
    expected, (gradient,) = autograd(theirs, boxes, cotangent=cotangent)
    assert_within(value, expected, TOLERANCE * np.maximum(1, abs(expected)))
    assert_within(pullback(cotangent)[0], gradient, TOLERANCE * np.maximum(1, abs(gradient)))
    if source.startswith("rel_") == target.startswith("rel_"):
        np.testing.assert_array_equal(boxgrad.box_convert(boxes, source, target), value)
    in_place = boxes.copy()
    np.testing.assert_array_equal(boxgrad.box_convert(in_place, source, target, image_shape=(60, 90), out=in_place), value)


@all_kinds
@pytest.mark.parametrize("size", [(60, 90), (0, 0), (1e12, 37.5)])
def test_clip_boxes_to_image(kind, size, torchvision, autograd):
    boxes = box_sets.pairs(kind)[0] - 20
    boxes[:2] = 0, 0, size[1], size[0]  # at the bounds
    cotangent = np.random.default_rng(0).normal(size=boxes.shape)
    value, pullback = boxgrad.vjp(boxgrad.clip_boxes_to_image, boxes, size)
    theirs, (expected,) = autograd(lambda x: torchvision.ops.clip_boxes_to_image(x, size), boxes, cotangent=cotangent)
    np.testing.assert_array_equal(value, theirs)
    np.testing.assert_array_equal(pullback(cotangent)[0], expected)


@all_kinds
@pytest.mark.parametrize("min_size", [0.0, 5.0, 25.0])
def test_remove_small_boxes(kind, min_size, torchvision, torch):
    boxes = box_sets.pairs(kind)[0]
    expected = torchvision.ops.remove_small_boxes(torch.tensor(boxes), min_size).numpy()
    np.testing.assert_array_equal(boxgrad.remove_small_boxes(boxes, min_size), expected)


@pytest.mark.parametrize("bounds", [(-1.0, None), (None, 0.5), (-0.25, 0.75), (0.3, 0.3)])
def test_clip(bounds, torch, autograd):
    x = np.concatenate([np.random.default_rng(6).normal(size=50), [b for b in bounds if b is not None]])
    cotangent = np.random.default_rng(0).normal(size=x.shape)
    value, pullback = boxgrad.vjp(boxgrad.clip, x, *bounds)
    theirs, (expected,) = autograd(lambda x: torch.clamp(x, *bounds), x, cotangent=cotangent)
    np.testing.assert_array_equal(value, theirs)
    np.testing.assert_array_equal(pullback(cotangent)[0], expected)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("beta", [0.0, 1 / 9, 1.0, 7.0])
def test_smooth_l1(reduction, beta, torch, autograd):
    prediction, target = np.random.default_rng(7).normal(scale=3, size=(2, 12, 4))
    prediction[:2] = target[:2]
    value, pullback = boxgrad.vjp(boxgrad.smooth_l1_loss, prediction, target, beta=beta, reduction=reduction)
    cotangent = np.random.default_rng(0).normal(size=np.shape(value))

    def theirs(p, t):
        return torch.nn.functional.smooth_l1_loss(p, t, beta=beta, reduction=reduction)

    expected, gradients = autograd(theirs, prediction, target, cotangent=cotangent)
    assert_within(value, expected, TOLERANCE * np.maximum(1, np.abs(expected)))
    for gradient, other in zip(pullback(cotangent), gradients):
        assert_within(gradient, other, TOLERANCE)


@pytest.fixture(params=[(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)], ids=["weights1", "weights10"])
def coders(request, torchvision):
    """torchvision's BoxCoder and ours with the same weights, and the stds that mean the same."""
    from torchvision.models.detection._utils import BoxCoder

    return BoxCoder(request.param), boxgrad.BoxCoder(request.param), tuple(1 / w for w in request.param)


@with_area
def test_encode_is_box_coder_encode(kind, coders, autograd):
    theirs, ours, stds = coders
    proposals, targets = box_sets.pairs(kind)
    exact = reference.encode, {"stds": stds}
    compare(autograd, lambda p, t: theirs.encode_single(t, p), exact, boxgrad.encode_boxes, (proposals, targets), stds=stds)
    np.testing.assert_array_equal(ours.encode_single(targets, proposals), boxgrad.encode_boxes(proposals, targets, stds=stds))


@with_area
@pytest.mark.parametrize("groups", [1, 3])
def test_decode_is_box_coder_decode(kind, groups, coders, autograd):
    theirs, ours, stds = coders
    proposals = box_sets.pairs(kind)[0]
    deltas = np.random.default_rng(8).normal(scale=2, size=(len(proposals), 4 * groups)) / np.tile(stds, groups)
    deltas[:4, 2::4] = 6 / stds[2]  # beyond log(1000 / 16)
    exact = reference.decode, {"stds": stds, "log_ratio": (-np.inf, math.log(1000 / 16))}
    compare(autograd, lambda p, d: theirs.decode_single(d, p), exact, boxgrad.decode_boxes, (proposals, deltas), stds=stds)
    np.testing.assert_array_equal(ours.decode_single(deltas, proposals), boxgrad.decode_boxes(proposals, deltas, stds=stds))


def test_box_coder_takes_and_gives_what_torchvisions_does(coders, torch):
    theirs, ours, stds = coders
    truths, proposals = zip(*(box_sets.pairs("random", n) for n in (3, 0, 5)))
    codes = ours.encode(truths, proposals)
    their_codes = theirs.encode([torch.tensor(x) for x in truths], [torch.tensor(x) for x in proposals])
    for code, expected in zip(codes, their_codes, strict=True):
        assert_within(code, expected.numpy(), TOLERANCE / stds[0])
    per_class = np.tile(np.concatenate(codes), (1, 2))
    decoded = ours.decode(per_class, proposals)
    expected = theirs.decode(torch.tensor(per_class), [torch.tensor(x) for x in proposals]).numpy()
    assert decoded.shape == (8, 2, 4)
    assert_within(decoded, expected, TOLERANCE * np.abs(expected).max())


MEANS, STDS = (0.1, -0.2, 0.05, 0.0), (0.5, 0.4, 2.0, 2.0)
RATIO = abs(math.log(16 / 1000))


def delta2bbox(torch, rois, deltas, max_shape, ctr_clamp):
    """The decoding of mmdetection's DeltaXYWHBBoxCoder, from its documentation; ctr_clamp None: add_ctr_clamp=False."""
    d = deltas * torch.tensor(STDS) + torch.tensor(MEANS)
    sides = rois[:, 2:] - rois[:, :2]
    shift, stretch = d[:, :2] * sides, d[:, 2:]
    if ctr_clamp is None:
        stretch = stretch.clamp(-RATIO, RATIO)
    else:
        shift, stretch = shift.clamp(-ctr_clamp, ctr_clamp), stretch.clamp(max=RATIO)
    center, half = (rois[:, :2] + rois[:, 2:]) * 0.5 + shift, sides * stretch.exp() * 0.5
    boxes = torch.cat([center - half, center + half], dim=1)
    if max_shape is None:
        return boxes
    return torch.stack([boxes[:, i].clamp(0, max_shape[1 - i % 2]) for i in range(4)], dim=1)


@with_area
@pytest.mark.parametrize("max_shape", [None, (64, 80)])
@pytest.mark.parametrize("ctr_clamp", [None, 20])
def test_delta_xywh_bbox_coder_decodes(kind, max_shape, ctr_clamp, torch, autograd):
    proposals = box_sets.pairs(kind)[0]
    deltas = np.random.default_rng(9).normal(scale=3, size=proposals.shape)
    clamps = {"center_clamp": ctr_clamp, "log_ratio_clip": (-RATIO, RATIO) if ctr_clamp is None else RATIO}
    exact_clamps = {"center_clamp": ctr_clamp or np.inf, "log_ratio": (-RATIO if ctr_clamp is None else -np.inf, RATIO)}
    exact = reference.decode, {"means": MEANS, "stds": STDS, "size": max_shape, **exact_clamps}
    options = {"means": MEANS, "stds": STDS, "max_shape": max_shape, **clamps}

    def theirs(p, d):
        return delta2bbox(torch, p, d, max_shape, ctr_clamp)

    compare(autograd, theirs, exact, boxgrad.decode_boxes, (proposals, deltas), **options)
    for clip_border in (True, False):
        coder = boxgrad.DeltaXYWHBBoxCoder(MEANS, STDS, clip_border, ctr_clamp is not None, ctr_clamp or 32)
        expected = boxgrad.decode_boxes(proposals, deltas, **{**options, "max_shape": max_shape if clip_border else None})
        np.testing.assert_array_equal(coder.decode(proposals, deltas, max_shape, 16 / 1000), expected)


@with_area
def test_delta_xywh_bbox_coder_encodes(kind, autograd, torch):
    def bbox2delta(p, t):
        sides, target_sides = p[:, 2:] - p[:, :2], t[:, 2:] - t[:, :2]
        shift = ((t[:, :2] + t[:, 2:]) - (p[:, :2] + p[:, 2:])) * 0.5 / sides
        return (torch.cat([shift, torch.log(target_sides / sides)], dim=1) - torch.tensor(MEANS)) / torch.tensor(STDS)

    boxes = box_sets.pairs(kind)
    options = {"means": MEANS, "stds": STDS}
    compare(autograd, bbox2delta, (reference.encode, options), boxgrad.encode_boxes, boxes, **options)
    np.testing.assert_array_equal(boxgrad.DeltaXYWHBBoxCoder(MEANS, STDS).encode(*boxes), boxgrad.encode_boxes(*boxes, **options))


@pytest.mark.parametrize("on_degenerate", ["zero", "propagate"])
def test_coders_take_what_becomes_of_degenerate_rows(on_degenerate, torch):
    """torchvision's RPN encodes images without objects against boxes of zeros, and ignores the result: as "propagate" gives it."""
    from torchvision.models.detection._utils import BoxCoder

    proposals, truths = np.array([[0.0, 0, 4, 4], [0, 0, 2, 2]]), np.array([[0.0, 0, 0, 0], [1, 0, 3, 2]])
    weights = (10.0, 10.0, 5.0, 5.0)
    ours = boxgrad.BoxCoder(weights, on_degenerate=on_degenerate)
    expected = boxgrad.encode_boxes(proposals, truths, stds=[1 / w for w in weights], on_degenerate=on_degenerate)
    np.testing.assert_array_equal(ours.encode([truths], [proposals])[0], expected)
    np.testing.assert_array_equal(ours.encode_single(truths, proposals), expected)
    if on_degenerate == "propagate":
        theirs = BoxCoder(weights).encode_single(torch.tensor(truths), torch.tensor(proposals)).numpy()
        np.testing.assert_allclose(expected, theirs, rtol=1e-14)
    coder = boxgrad.DeltaXYWHBBoxCoder(MEANS, STDS, on_degenerate=on_degenerate)
    np.testing.assert_array_equal(
        coder.encode(proposals, truths), boxgrad.encode_boxes(proposals, truths, means=MEANS, stds=STDS, on_degenerate=on_degenerate)
    )


def test_coders_refuse_degenerate_rows_unless_told(torch):
    for coder in (boxgrad.BoxCoder((1, 1, 1, 1)), boxgrad.DeltaXYWHBBoxCoder()):
        with pytest.raises(boxgrad.DegenerateBoxError):
            (coder.encode_single if isinstance(coder, boxgrad.BoxCoder) else coder.encode)([[0.0, 0, 0, 0]], [[0.0, 0, 1, 1]])
    for make in (lambda: boxgrad.BoxCoder((1, 1, 1, 1), on_degenerate="ignore"), lambda: boxgrad.DeltaXYWHBBoxCoder(on_degenerate="ignore")):
        with pytest.raises(ValueError, match="on_degenerate.*ignore"):
            make()


@pytest.mark.parametrize("groups", [1, 3])
def test_a_batch_is_decoded_with_the_size_of_each_image(groups):
    generator = np.random.default_rng(0)
    proposals = np.stack([box_sets.pairs("random", 5)[0], box_sets.pairs("nested", 5)[0]])
    deltas = generator.normal(size=(2, 5, 4 * groups))
    coder, sizes = boxgrad.DeltaXYWHBBoxCoder(MEANS, STDS), [(40, 50, 3), (20, 60, 3)]
    each = np.stack([coder.decode(p, d, size) for p, d, size in zip(proposals, deltas, sizes)])
    np.testing.assert_array_equal(coder.decode(proposals, deltas, sizes), each)
    np.testing.assert_array_equal(coder.decode(proposals, deltas, sizes[0])[1], coder.decode(proposals[1], deltas[1], sizes[0]))
    assert (coder.decode(proposals, deltas) != each).any()
    with pytest.raises(ValueError, match="max_shape must hold one size for each of the 2 images, not 3"):
        coder.decode(proposals, deltas, [*sizes, (1, 1)])
    with pytest.raises(ValueError, match=r"bboxes must have the shape \(2, 5, 4\)"):
        coder.decode(proposals[0], deltas, sizes)
    assert coder.decode(proposals[:0], deltas[:0], []).shape == (0, 5, 4 * groups)
