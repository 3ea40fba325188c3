"""The coders of distances and of YOLO: their options, batches, gradients at rest and the words of their errors."""

import boxgrad
import box_sets
import numpy as np
import peers
import pytest
from tolerances import assert_within

A, B = box_sets.pairs("random")
DISTANCES = np.random.default_rng(0).normal(scale=20, size=A.shape)
POINTS = A[:, :2]


@pytest.mark.parametrize("normalize_by_size", [True, False])
@pytest.mark.parametrize("shape", [(40, 4), (4, 10, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_linear_coder_is_torchvisions(torch, torchvision, normalize_by_size, shape, dtype):
    from torchvision.models.detection._utils import BoxLinearCoder

    theirs, ours = BoxLinearCoder(normalize_by_size), boxgrad.BoxLinearCoder(normalize_by_size)
    anchors, truths, codes = (torch.tensor(x.reshape(shape).astype(dtype)) for x in (A, B, DISTANCES))
    close = 1e-5 if dtype == "float32" else 1e-13
    for result, expected in [(ours.encode(anchors, truths), theirs.encode(anchors, truths)), (ours.decode(codes, anchors), theirs.decode(codes, anchors))]:
        assert result.dtype == dtype
        assert_within(result, expected.numpy(), close * np.abs(expected.numpy()).max())


def test_each_coder_decodes_what_it_encodes():
    for coder in (boxgrad.BoxLinearCoder(), boxgrad.BoxLinearCoder(False)):
        assert_within(coder.decode(coder.encode(A, B), A), B, 1e-12)
    for coder in (boxgrad.TBLRBBoxCoder(), boxgrad.TBLRBBoxCoder((1, 2, 3, 4), normalize_by_wh=False)):
        assert_within(coder.decode(A, coder.encode(A, B)), B, 1e-12)
    coder = boxgrad.DistancePointBBoxCoder()
    assert_within(coder.decode(POINTS, coder.encode(POINTS, B)), B, 1e-12)


def test_float32_stays():
    a, b = A.astype(np.float32), B.astype(np.float32)
    for result in (
        boxgrad.TBLRBBoxCoder((4, 4, 4, 4)).encode(a, b), boxgrad.TBLRBBoxCoder().decode(a, b, max_shape=(50, 60)),
        boxgrad.DistancePointBBoxCoder().encode(a[:, :2], b, 16), boxgrad.YOLOv5BBoxCoder().decode(a, b, 8),
    ):  # fmt: skip
        assert result.dtype == np.float32


def test_distances_are_limited_as_mmdetection_limits_them(torch):
    points, boxes = torch.tensor(POINTS), torch.tensor(B)
    for max_dis, eps in ((30, 0.1), (20.0, 0.0)):
        expected = peers.mmdetection_bbox2distance(torch, points, boxes).clamp(0, max_dis - eps)
        assert (expected == 0).any() and (expected == max_dis - eps).any()
        np.testing.assert_array_equal(boxgrad.DistancePointBBoxCoder().encode(points, boxes, max_dis, eps), expected)


@pytest.mark.parametrize(("coder", "sources"), [(boxgrad.TBLRBBoxCoder, A), (boxgrad.DistancePointBBoxCoder, POINTS)])
def test_decoding_clips_to_the_image_or_to_each_of_a_batch(coder, sources):
    decoded = coder().decode(sources, DISTANCES)
    limited = np.minimum(np.maximum(decoded, 0), [60, 50, 60, 50])
    assert (limited != decoded).any()
    np.testing.assert_array_equal(coder().decode(sources, DISTANCES, max_shape=(50, 60, 3)), limited)
    np.testing.assert_array_equal(coder(clip_border=False).decode(sources, DISTANCES, max_shape=(50, 60)), decoded)
    batch = sources.reshape(2, 20, -1), DISTANCES.reshape(2, 20, 4)
    sizes = np.array([[50, 60, 3], [20, 30, 3]])
    each = coder().decode(*batch, max_shape=sizes)
    for image, size in enumerate(sizes):
        np.testing.assert_array_equal(each[image], coder().decode(batch[0][image], batch[1][image], max_shape=tuple(size)))
    np.testing.assert_array_equal(coder().decode(*batch, max_shape=(50, 60)), limited.reshape(2, 20, 4))
    for sizes in ([(50, 60)], [(50, 60)] * 3):
        with pytest.raises(ValueError, match="^max_shape"):
            coder().decode(*batch, max_shape=sizes)


def test_a_proposal_without_sides_has_distances_of_0_and_no_gradient():
    flat = np.array([[3.0, 1, 3, 5], [2, 2, 2, 2]])
    value, pullback = boxgrad.vjp(boxgrad.encode_linear, flat, [[0.0, 0, 4, 4]])
    np.testing.assert_array_equal(value, [[0, 0.75, 0, 0.25], [0, 0, 0, 0]])
    to_proposals, to_target = pullback(1.0)
    np.testing.assert_array_equal(to_proposals[:, [0, 2]], np.zeros((2, 2)))
    np.testing.assert_array_equal(to_proposals[1], np.zeros(4))
    np.testing.assert_array_equal(to_target, [[0, -0.25, 0, 0.25]])


def test_far_from_the_origin_digits_are_kept():
    """Centres at 2^24 are rounded to even numbers in float32, and differences of corners are exact."""
    shift = np.float32(2**24 - 64)
    proposals, targets = (np.array([[1.0, 3, 8, 20], [5, 6, 10, 13]], np.float32)[[k]] for k in (0, 1))
    near = boxgrad.encode_linear(proposals, targets)
    np.testing.assert_array_equal(boxgrad.encode_linear(proposals + shift, targets + shift), near)


def test_yolo_at_its_ends_and_of_many_grids():
    """Whatever is predicted, the centre stays within one and a half cells, and a side below four times the anchor's."""
    anchor = np.array([[-1.0, -6.0, 9.0, 14.0]])
    for t, center, side in ((1e4, 8, 4), (-1e4, -8, 0), (np.inf, 8, 4), (-np.inf, -8, 0), (0, 0, 1)):
        value, pullback = boxgrad.vjp(boxgrad.decode_yolo, anchor, np.full((1, 4), t), 8.0)
        np.testing.assert_array_equal(value, [[4 + center - 5 * side, 4 + center - 10 * side, 4 + center + 5 * side, 4 + center + 10 * side]])
        for gradient in pullback(1.0):
            assert np.isfinite(gradient).all()
    strides = np.repeat([8.0, 16.0], 20)
    np.testing.assert_array_equal(
        boxgrad.decode_yolo(A, DISTANCES / 20, strides),
        np.concatenate([boxgrad.decode_yolo(A[part], DISTANCES[part] / 20, stride) for part, stride in ((slice(20), 8), (slice(20, 40), 16))]),
    )
    batch = boxgrad.decode_yolo(A, DISTANCES.reshape(1, 40, 4).repeat(3, 0), strides)
    np.testing.assert_array_equal(batch[2], boxgrad.decode_yolo(A, DISTANCES, strides))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: boxgrad.decode_distances(A, A), r"^points .*\(\.\.\., 2\)"),
        (lambda: boxgrad.decode_distances(POINTS, A[:3]), "points .* and distances "),
        (lambda: boxgrad.encode_linear(A, POINTS), "^targets "),
        (lambda: boxgrad.decode_linear(POINTS, A), r"^proposals .*\(\.\.\., 4\)"),
        (lambda: boxgrad.decode_linear(A, A[:3]), "proposals .* and distances "),
        (lambda: boxgrad.decode_yolo(A, A, [8.0, 16.0]), "^strides "),
        (lambda: boxgrad.decode_yolo(A, POINTS, 8), "^deltas "),
        (lambda: boxgrad.BoxLinearCoder().encode(POINTS, A), "^reference_boxes "),
        (lambda: boxgrad.BoxLinearCoder().encode(A, POINTS), "^proposals "),
        (lambda: boxgrad.BoxLinearCoder(False).encode(POINTS, A), "^reference_boxes "),
        (lambda: boxgrad.BoxLinearCoder(False).encode(A, POINTS), "^proposals "),
        (lambda: boxgrad.BoxLinearCoder().decode(POINTS, A), "^rel_codes "),
        (lambda: boxgrad.BoxLinearCoder(False).decode(A, POINTS), "^boxes "),
        (lambda: boxgrad.TBLRBBoxCoder().encode(POINTS, A), "^bboxes "),
        (lambda: boxgrad.TBLRBBoxCoder().encode(A, POINTS), "^gt_bboxes "),
        (lambda: boxgrad.TBLRBBoxCoder().decode(A, POINTS), "^pred_bboxes "),
        (lambda: boxgrad.TBLRBBoxCoder().decode(POINTS, A), "^bboxes "),
        (lambda: boxgrad.TBLRBBoxCoder(0), "^normalizer "),
        (lambda: boxgrad.TBLRBBoxCoder((1, 2, 3)), "^normalizer "),
        (lambda: boxgrad.TBLRBBoxCoder().decode(A, A, max_shape=(-1, 2)), "^max_shape "),
        (lambda: boxgrad.DistancePointBBoxCoder().encode(POINTS, POINTS), "^gt_bboxes "),
        (lambda: boxgrad.DistancePointBBoxCoder().decode(POINTS, POINTS), "^pred_bboxes "),
        (lambda: boxgrad.YOLOv5BBoxCoder().decode(POINTS, A, 8), "^priors "),
        (lambda: boxgrad.YOLOv5BBoxCoder().decode(A, POINTS, 8), "^pred_bboxes "),
        (lambda: boxgrad.YOLOv5BBoxCoder().decode(A, A, [8.0] * 3), "^stride "),
    ],
)
def test_errors_have_the_names_of_the_interface(call, words):
    with pytest.raises(ValueError, match=words):
        call()
