"""Deltas of rotated boxes, against both peers' formulas written anew, whose gradients torch computes; round trips, ties, ends of ranges, bad boxes."""

import itertools

import boxgrad
import numpy as np
import pytest
import torch
from peers import CONVENTIONS, TURNS, midpoint_bbox2delta, midpoint_delta2bbox, moved_angle, rotated_bbox2delta, rotated_delta2bbox
from test_rotated import EPS, dtypes

NAN, INF = float("nan"), float("inf")
OPTIONS = [
    {}, {"range": "le90", "edge_swap": True, "norm_factor": 0.5}, {"range": "le135", "proj_xy": True, "norm_factor": 2.0},
    {"range": "oc", "proj_xy": True, "edge_swap": True}, {"range": "turn", "edge_swap": True, "proj_xy": True},
    {"range": "le90", "means": (0.1, -0.2, 0.3, 0.05, -0.1), "stds": (0.1, 0.2, 0.4, 0.5, 0.3), "proj_xy": True},
]  # fmt: skip


def boxes_of(g, n, angle, turns=1.5):
    half = np.pi / CONVENTIONS[angle][1]
    return np.hstack([g.uniform(-50, 50, (n, 2)), np.exp(g.uniform(0, 4, (n, 2))), g.uniform(-turns, turns, (n, 1)) * half])


def upright(g, n):
    corner = g.uniform(-50, 50, (n, 2))
    return np.hstack([corner, corner + np.exp(g.uniform(2, 3, (n, 2)))])


def compare(function, reference, first, second, dtype, names, **options):
    """Value and both gradients, which torch computes of the reference."""
    first, second = first.astype(dtype), second.astype(dtype)
    a, b = (torch.tensor(x.astype(float), requires_grad=True) for x in (first, second))
    wanted = reference(torch, a, b, **options)
    value, pullback = boxgrad.vjp(function, first, second, **options)
    cotangent = np.random.default_rng(1).normal(size=value.shape).astype(dtype)
    wanted.backward(torch.tensor(cotangent.astype(float)))
    scale = 1000 * EPS[dtype]
    for got, right in zip((value, *pullback(cotangent)), (wanted.detach(), a.grad, b.grad)):
        right = right.numpy()
        size = abs(right).max(axis=1, keepdims=True) + 10
        wrong = np.flatnonzero((~(abs(got - right) <= scale * size)).any(axis=1))
        assert not len(wrong), (names, first[wrong[0]], second[wrong[0]], got[wrong[0]], right[wrong[0]])


@dtypes
@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_encoding_is_what_both_peers_define(options, angle, dtype):
    g = np.random.default_rng(3)
    compare(boxgrad.encode_rotated_boxes, rotated_bbox2delta, boxes_of(g, 300, angle), boxes_of(g, 300, angle), dtype, (options, angle), angle=angle, **options)


@dtypes
@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("limits", [{}, {"max_shape": (20, 30), "center_clamp": 6.0, "log_ratio_clip": (-0.5, 0.75)}], ids=["", "limits"])
def test_decoding_is_what_both_peers_define(limits, options, angle, dtype):
    g = np.random.default_rng(4)
    deltas = g.normal(size=(300, 5)) * [1, 1, 1, 1, 2]
    compare(boxgrad.decode_rotated_boxes, rotated_delta2bbox, boxes_of(g, 300, angle), deltas, dtype, (options, angle), angle=angle, **options, **limits)


@dtypes
@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("options", [{}, {"means": (0.1, -0.2, 0.3, 0.05, -0.1, 0.2), "stds": (0.1, 0.2, 0.4, 0.5, 0.3, 0.7), "corner_tolerance": 3.0}], ids=str)
def test_midpoints_are_encoded_as_mmrotate_does(options, angle, dtype):
    g = np.random.default_rng(5)
    compare(boxgrad.encode_midpoint_offset, midpoint_bbox2delta, upright(g, 300), boxes_of(g, 300, angle), dtype, (options, angle), angle=angle, **options)


@dtypes
@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("range", TURNS)
def test_midpoints_are_decoded_as_mmrotate_does(range, angle, dtype):
    g = np.random.default_rng(6)
    deltas = g.uniform(-0.6, 0.6, (300, 6))
    deltas[::2, 4] *= 0.7  # offsets that are both clamped make upright boxes, or none
    deltas[1::2, 5] *= 0.7
    options = {"range": range, "stds": (1, 1, 2, 2, 1, 1), "log_ratio_clip": (-0.8, 0.9)}
    compare(boxgrad.decode_midpoint_offset, midpoint_delta2bbox, upright(g, 300), deltas, dtype, (range, angle), angle=angle, **options)


@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_was_encoded_is_decoded(options, angle):
    g = np.random.default_rng(7)
    half = np.pi / CONVENTIONS[angle][1]
    proposals, targets = boxes_of(g, 500, angle), boxes_of(g, 500, angle)
    targets[20] = proposals[20]
    targets[:, 4] = moved_angle(torch, torch.tensor(targets[:, 4]), options.get("range", "turn"), half)
    if options.get("edge_swap"):
        targets[:, 2:4] = np.sort(targets[:, 2:4])[:, ::-1]
    targets[:20, 4] = proposals[:20, 4] = 0.1 * half
    got = boxgrad.decode_rotated_boxes(proposals, boxgrad.encode_rotated_boxes(proposals, targets, angle=angle, **options), angle=angle, **options)
    corners = [boxgrad.convert_rotated_boxes(x, angle, "corners").reshape(-1, 4, 2).round(7) @ [[1], [7]] for x in (got, targets)]
    np.testing.assert_allclose(*(np.sort(x, axis=1) for x in corners), rtol=0, atol=1e-5)
    if "edge_swap" not in options and options.get("range") != "oc":
        np.testing.assert_allclose(got, targets, rtol=0, atol=1e-10)


@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("range", TURNS)
def test_a_midpoint_offset_is_of_one_rectangle(range, angle):
    g = np.random.default_rng(8)
    half = np.pi / CONVENTIONS[angle][1]
    proposals, targets = upright(g, 500), boxes_of(g, 500, angle, 1)
    targets[:40, 4] = g.integers(-2, 3, 40) * half / 2
    targets[40:80, 3] = targets[40:80, 2]
    targets[80:100, 3] *= 1e-4
    coded = boxgrad.encode_midpoint_offset(proposals, targets, angle=angle, corner_tolerance=1e-9)
    got = boxgrad.decode_midpoint_offset(proposals, coded, angle=angle, range=range)
    wanted = targets if range == "turn" else boxgrad.regularize_rotated_boxes(targets, range, angle=angle)
    corners = [boxgrad.convert_rotated_boxes(x, angle, "corners").reshape(-1, 4, 2).round(7) @ [[1], [7]] for x in (got, wanted)]
    np.testing.assert_allclose(*(np.sort(x, axis=1) for x in corners), rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.sort(got[:, 2:4]), np.sort(wanted[:, 2:4]), rtol=1e-9, atol=1e-9)


def test_known_turns():
    """Ends of ranges, ties of edge_swap, whole turns and angles of any size, in degrees exact."""

    def turn(a, **options):
        row = boxgrad.encode_rotated_boxes([0, 0, 4, 2, 10.0], [0, 0, 4, 2, 10 + a], angle="degrees-ccw", norm_factor=1, **options)
        return row[4] * 180, row[2]

    for a, wanted in ((0, 0), (179, 179), (180, -180), (-180, -180), (181, -179), (540, -180), (360 * 2**30 + 30, 30)):
        assert turn(a)[0] == pytest.approx(wanted, abs=1e-12)
    for a, wanted in ((89, 89), (90, -90), (-90, -90), (91, -89), (180, 0)):
        assert turn(a, range="le90")[0] == pytest.approx(wanted, abs=1e-12)
    for a, wanted in ((134, 134), (135, -45), (-45, -45), (-46, 134)):
        assert turn(a, range="le135")[0] == pytest.approx(wanted, abs=1e-12)
    assert turn(270, range="oc")[0] == pytest.approx(270)
    half = np.log(0.5)
    for a, wanted, dw in ((44, 44, 0), (45, -45, half), (-45, 45, half), (46, -44, half), (-44, -44, 0), (90, 0, half)):
        assert turn(a, range="le90", edge_swap=True) == (pytest.approx(wanted, abs=1e-12), pytest.approx(dw)), a
    box = boxgrad.decode_rotated_boxes([0, 0, 4, 4, 90.0], [0, 0, 0, 0, 0.5], angle="degrees-cw", norm_factor=1, range="le90", edge_swap=True)
    np.testing.assert_array_equal(box, [0, 0, 4, 4, -90])
    assert boxgrad.decode_rotated_boxes([0, 0, 4, 4, 90.0], [0, 0, 0, 0, 0.5], angle="degrees-cw", norm_factor=1)[4] == -180


@dtypes
@pytest.mark.parametrize("angle", CONVENTIONS)
@pytest.mark.parametrize("range", ["turn", "le90", "le135"])
def test_decoded_angles_are_in_the_range(range, angle, dtype):
    half = np.pi / CONVENTIONS[angle][1]
    angles = np.concatenate([k * half / 8 + np.array([-1, 0, 1]) * np.spacing(dtype(half)) for k in np.arange(-40, 41)]).astype(dtype)
    rows = np.column_stack([np.zeros((len(angles), 2)), np.ones((len(angles), 2)), angles]).astype(dtype)
    got = boxgrad.decode_rotated_boxes(rows, np.zeros((1, 5), dtype), angle=angle, range=range)[:, 4]
    first, width = TURNS[range]
    low, high = dtype(first * half), dtype((first + width) * half)
    assert (got >= low).all() and (got < high).all()
    inside = (angles >= low) & (angles < high)
    np.testing.assert_array_equal(got[inside], angles[inside])


def test_offsets_of_opposite_corners_make_a_line():
    """It has a direction, and the side of length 0 has no gradient."""
    box, pullback = boxgrad.vjp(boxgrad.decode_midpoint_offset, [0.0, 0, 4, 4], [0, 0, 0, 0, 0.5, -0.5], angle="degrees-cw", range="turn")
    np.testing.assert_allclose(box, [2, 2, 0, 32**0.5, 45], atol=1e-15)
    assert all(np.isfinite(gradient).all() for gradient in pullback(np.ones(5)))
    assert pullback(np.array([0, 0, 1.0, 0, 0]))[1].tolist() == [0] * 6


def test_diagonals_of_equal_length_share_the_gradient():
    _, pullback = boxgrad.vjp(boxgrad.decode_midpoint_offset, [0.0, 0, 4, 4], [0, 0, 0, 0, 0.25, 0.25], angle="degrees-cw", range="turn")
    by_w, by_h = (pullback(np.eye(5)[k])[1][4:] for k in (2, 3))
    # Either diagonal may grow alone, by its offset, and then both do: half of that is each one's.
    steps = [boxgrad.decode_midpoint_offset([0.0, 0, 4, 4], [0, 0, 0, 0, 0.25 + a, 0.25 + b], angle="degrees-cw", range="turn")[2:4]
             for a, b in ((1e-6, 0), (-1e-6, 0), (0, 1e-6), (0, -1e-6))]
    for k, (up, down) in enumerate((steps[:2], steps[2:])):
        np.testing.assert_allclose([by_w[k], by_h[k]], (up - down) / 2e-6, rtol=1e-5)


def test_upright_targets_have_the_corner_on_the_right():
    """Both upper corners are topmost, and both right ones rightmost."""
    coded = boxgrad.encode_midpoint_offset([[0.0, 0, 8, 4]], [[4, 2, 8, 4, 0], [4, 2, 4, 8, 90], [4, 2, 8, 4, 180.0]], angle="degrees-cw")
    np.testing.assert_allclose(coded, [[0, 0, 0, 0, 0.5, 0.5]] * 3, atol=1e-15)
    tilted = [4, 2, 8, 4, np.degrees(0.02)]
    assert boxgrad.encode_midpoint_offset([0.0, 0, 8, 4], tilted, angle="degrees-ccw")[4] == pytest.approx(0.49, abs=0.001)
    assert boxgrad.encode_midpoint_offset([0.0, 0, 8, 4], tilted, angle="degrees-cw", corner_tolerance=0.2)[4] == pytest.approx(0.5)
    assert boxgrad.encode_midpoint_offset([0.0, 0, 8, 4], tilted, angle="degrees-cw")[4] == pytest.approx(-0.49, abs=0.001)


ENCODERS = {boxgrad.encode_rotated_boxes: [0.0, 0, 2, 2, 0], boxgrad.encode_midpoint_offset: [0.0, 0, 2, 2]}


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("encode", ENCODERS)
def test_degenerate_rows(encode, side):
    good = np.array([ENCODERS[encode]] * 6)
    targets = np.array([[1, 1, 2, 2, 0], [1, 1, 0, 2, 0], [1, 1, 2, -1, 0], [1, 1, 2, NAN, 0], [1, 1, INF, 2, 0], [1, 1, 2, 2, 0.0]])
    proposals = good.copy()
    proposals[5, side] = 0
    with pytest.raises(boxgrad.DegenerateBoxError, match=r"targets\[1\] has a width .* \(got 0\); 5 of 6 rows are degenerate: 1, 2, 3, 4, 5") as error:
        encode(proposals, targets, angle="degrees-cw")
    assert error.value.rows.tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(boxgrad.DegenerateBoxError, match=rf"proposals\[0\] has a {('width', 'height')[side - 2]}"):
        encode(proposals[5:], targets[5:], angle="degrees-cw")
    value, pullback = boxgrad.vjp(encode, proposals, targets, angle="degrees-cw", on_degenerate="zero")
    assert (value[1:] == 0).all() and (value[0] != 0).any()
    assert all((gradient[1:] == 0).all() and (gradient[0] != 0).any() for gradient in pullback(np.ones_like(value)))
    with np.errstate(all="ignore"):
        assert not np.isfinite(encode(proposals, targets, angle="degrees-cw", on_degenerate="propagate")[3:]).all(axis=1).any()


def test_a_number_that_is_not_finite_stays_in_its_row():
    for bad in (NAN, INF):
        boxes = np.array([[0.0, 0, 2, 1, bad], [0, 0, 2, 1, 3]])
        got = boxgrad.encode_rotated_boxes(boxes, [0.0, 0, 2, 1, 0], angle="degrees-cw", proj_xy=True)
        assert np.isnan(got[0]).any() and np.isfinite(got[1]).all()
        got = boxgrad.decode_midpoint_offset([0.0, 0, 2, 2], [[0, 0, bad, 0, 0, 0], [0.0] * 6], angle="degrees-cw", log_ratio_clip=None)
        assert not np.isfinite(got[0]).all() and np.isfinite(got[1]).all()


@pytest.mark.parametrize("function, width, second", [
    (boxgrad.encode_rotated_boxes, 5, 5), (boxgrad.decode_rotated_boxes, 5, 5), (boxgrad.encode_midpoint_offset, 4, 5), (boxgrad.decode_midpoint_offset, 4, 6)])
def test_rows_broadcast_and_may_have_strides(function, width, second):
    g = np.random.default_rng(9)
    first = np.hstack([g.uniform(0, 1, (3, 2)), g.uniform(2, 3, (3, 2)), g.normal(size=(3, 1))])[:, :width]
    other = np.hstack([g.uniform(1, 2, (4, 4)), g.normal(size=(4, 2))])[:, :second]
    a, b = np.full((3, 1, width + 2), NAN), np.full((4, second + 3), NAN)
    a[:, 0, 1:-1], b[:, 1:-2] = first, other
    value, pullback = boxgrad.vjp(function, a[..., 1:-1], b[..., 1:-2], angle="radians-ccw")
    cotangent = g.normal(size=value.shape)
    of_first, of_other = pullback(cotangent)
    sums = np.zeros_like(of_first), np.zeros_like(of_other)
    for i, j in itertools.product(range(3), range(4)):
        one, back = boxgrad.vjp(function, first[i], other[j], angle="radians-ccw")
        np.testing.assert_array_equal(one, value[i, j])
        sums[0][i, 0] += back(cotangent[i, j])[0]
        sums[1][j] += back(cotangent[i, j])[1]
    np.testing.assert_allclose(of_first, sums[0], rtol=1e-12)
    np.testing.assert_allclose(of_other, sums[1], rtol=1e-12)


def test_options_are_checked():
    for options, error in (
        ({"range": "le180"}, "range must be one of"), ({"stds": (1, 1, 1, 1)}, "stds must be five numbers"), ({"norm_factor": -1}, "norm_factor"),
        ({"stds": (1, 1, 1, 1, 0)}, "stds must be"), ({"means": (0, 0, 0, 0, INF)}, "means must be"), ({"norm_factor": INF}, "norm_factor"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=error):
            boxgrad.encode_rotated_boxes(np.zeros((0, 5)), np.zeros((0, 5)), angle="degrees-cw", **options)
    with pytest.raises(ValueError, match="corner_tolerance must not be negative"):
        boxgrad.encode_midpoint_offset(np.zeros((0, 4)), np.zeros((0, 5)), angle="degrees-cw", corner_tolerance=-1)
    with pytest.raises(ValueError, match="center_clamp must not be negative"):
        boxgrad.decode_rotated_boxes(np.zeros((0, 5)), np.zeros((0, 5)), angle="degrees-cw", center_clamp=-1)
    for function, width in ((boxgrad.encode_rotated_boxes, 5), (boxgrad.decode_midpoint_offset, 4)):
        with pytest.raises(TypeError, match="angle"):
            function(np.zeros((1, width)), np.zeros((1, 6))[:, : 6 if width == 4 else 5])
        with pytest.raises(ValueError, match=r"must have the shape"):
            function(np.zeros((1, 3)), np.zeros((1, 5)), angle="degrees-cw")
    assert boxgrad.encode_midpoint_offset([], [], angle="degrees-cw").shape == (0, 6)


@dtypes
@pytest.mark.parametrize("period", [np.pi, 0.5])
def test_a_loss_does_not_see_half_turns(period, dtype):
    g = np.random.default_rng(10)
    pred = g.normal(size=(50, 5)).astype(dtype)
    near = (pred + g.uniform(-0.24, 0.24, size=(50, 5))).astype(dtype)
    far = near.copy()
    far[:, 4] += (g.integers(-5, 6, 50) * period).astype(dtype)
    loss = boxgrad.value_and_grad(boxgrad.rotated_smooth_l1_loss, argnums=(0, 1))
    plain = boxgrad.value_and_grad(boxgrad.smooth_l1_loss, argnums=(0, 1))
    (value, gradients), (wanted, theirs) = loss(pred, far, angle_period=period, beta=0.1), plain(pred, near, beta=0.1)
    assert value == pytest.approx(wanted, rel=30 * EPS[dtype])
    for got, right in zip(gradients, theirs):
        np.testing.assert_allclose(got, right, rtol=0, atol=300 * EPS[dtype])
    assert plain(pred, far, beta=0.1)[0] > 2 * wanted
    for error, call in (("angle_period", {"angle_period": 0.0}), ("the same, not", {})):
        with pytest.raises(ValueError, match=error):
            boxgrad.rotated_smooth_l1_loss(pred, pred if call else pred[0], **call)


def test_encoded_angles_have_the_period_of_the_loss():
    """The same boxes, half a turn further: without a loss, whatever normalises the deltas."""
    proposals, targets = boxes_of(np.random.default_rng(11), 20, "degrees-cw"), boxes_of(np.random.default_rng(12), 20, "degrees-cw", 0.4)
    turned = targets + [0, 0, 0, 0, 180]
    for options, period in (({}, np.pi), ({"norm_factor": 2.0, "stds": (1, 1, 1, 1, 0.1)}, 1 / 2.0 / 0.1)):
        a, b = (boxgrad.encode_rotated_boxes(proposals, x, angle="degrees-cw", **options) for x in (targets, turned))
        assert boxgrad.rotated_smooth_l1_loss(a, b, angle_period=period, beta=0.0) == pytest.approx(0, abs=1e-13)
