"""The losses of rotated boxes as Gaussians: against torch's autograd of the matrices, against 40 digits, for equal and nearly equal boxes, and extremes."""

import itertools

import boxgrad
import gmpy2
import numpy as np
import peers
import pytest
import reference
from functions import ANGLES
from test_rotated import EPS, INF, NAN, RELATIONS, base, dtypes, near

LOSSES = [
    *((boxgrad.gwd_loss, {"fun": fun, "tau": tau, "alpha": alpha, "normalize": normalize})
      for fun, tau, alpha, normalize in (("log1p", 1.0, 1.0, True), ("sqrt", 2.0, 0.5, True), ("none", 0.0, 1.0, False), ("log1p", 0.5, 2.0, False))),
    *((boxgrad.kld_loss, {"direction": direction, "fun": fun, "tau": tau, "sqrt": sqrt, "alpha": alpha})
      for direction in ("forward", "jeffreys", "max", "min")
      for fun, tau, sqrt, alpha in (("log1p", 1.0, True, 1.0), ("none", 0.0, False, 1.0), ("sqrt", 1.5, True, 2.0))),
    *((boxgrad.kfiou_loss, {"fun": fun, "eps": eps}) for fun in ("none", "ln", "exp") for eps in (1e-6, 0.5)),
    *((boxgrad.probiou_loss, {"mode": mode}) for mode in ("hellinger", "bhattacharyya")),
]  # fmt: skip
every_loss = pytest.mark.parametrize(("loss", "options"), LOSSES, ids=[f"{f.__name__} {' '.join(map(str, o.values()))}" for f, o in LOSSES])
COMPARED = ("ordinary", "parallel", "perpendicular", "nearly identical, 0.01", "nested", "needles, crossing", "far from the origin", "any two")


def formula(torch, loss, p, t, fun="none", sqrt=True, mode=None, direction=None, **options):
    """With the matrices, by torch: mmrotate's functions, and the distance of Bhattacharyya."""
    if loss is boxgrad.gwd_loss:
        return peers.mmrotate_gwd_loss(torch, p, t, fun, **options)
    if loss is boxgrad.kld_loss:
        if direction in ("forward", "jeffreys"):
            return (peers.mmrotate_kld_loss if direction == "forward" else peers.mmrotate_jd_loss)(torch, p, t, fun, sqrt=sqrt, **options)
        return peers.mmrotate_kld_symmax_loss(torch, p, t, fun, sqrt=sqrt, choose=direction, **options)
    if loss is boxgrad.kfiou_loss:
        return peers.mmrotate_kfiou(torch, p, t, fun, **options)
    (m_p, s_p), (m_t, s_t) = ((m, s / 3) for m, s in (peers.mmrotate_gaussian(torch, x) for x in (p, t)))
    mean, d = (s_p + s_t) / 2, (m_p - m_t)[:, :, None]
    distance = (d.transpose(1, 2) @ mean.inverse() @ d)[:, 0, 0] / 8 + 0.5 * (mean.det() / (s_p.det() * s_t.det()).sqrt()).log()
    return distance if mode == "bhattacharyya" else (1 - (-distance).exp()).sqrt()


@every_loss
@pytest.mark.parametrize("relation", COMPARED)
def test_values_and_gradients_are_autograds_of_the_matrices(torch, loss, options, relation):
    a, b = RELATIONS[relation]
    p, t = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (a, b))
    wanted = formula(torch, loss, p, t, **options)
    gradients = torch.autograd.grad(wanted.sum(), (p, t))
    value, pullback = boxgrad.vjp(loss, a, b, angle="radians-cw", **options)
    # The determinant of a thin matrix that was turned has lost its digits, and so have differences of nearly equal matrices.
    tolerance = 1e-4 if "needles" in relation else 1e-8 if "nearly" in relation else 1e-10
    np.testing.assert_allclose(value, wanted.detach(), rtol=tolerance, atol=tolerance)
    for got, expected in zip(pullback(1.0), gradients):
        expected = expected.numpy()
        assert (abs(got - expected) <= tolerance * abs(expected).max(axis=1, keepdims=True) + 1e-14).all()


def exact(loss, a, b, **options):
    """Values and gradients of 40 digits."""
    kinds = {boxgrad.gwd_loss: lambda: "gwd", boxgrad.kld_loss: lambda: {"forward": "kld"}.get(options["direction"], options["direction"]),
             boxgrad.kfiou_loss: lambda: {"none": "kfiou"}.get(options["fun"], options["fun"]), boxgrad.probiou_loss: lambda: options["mode"]}  # fmt: skip
    told = {{"sqrt": "is_root", "normalize": "normalized"}.get(name, name): x for name, x in options.items() if name not in ("direction", "mode")}
    found = reference.evaluate(
        reference.gaussian_loss, a, b, cotangent=np.ones((len(a), 1)), angle="radians-cw", kind=kinds[loss](), number=gmpy2.mpfr, **told)  # fmt: skip
    return found[0].astype(float)[:, 0], [x.astype(float) for x in found[2]]


@every_loss
@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-7, 1e-10])
def test_nearly_equal_boxes_keep_their_digits(loss, options, distance):
    """The sine of the angle between them is a difference, and the only thing that loses digits."""
    g = np.random.default_rng(1)
    a = base(g, 24)
    b = near(g, a, distance)
    b[:, :2] += 1e6 * np.array([0, 1])[:, None].repeat(12, 0)
    a[:, :2] += 1e6 * np.array([0, 1])[:, None].repeat(12, 0)
    wanted, gradients = exact(loss, a, b, **options)
    value, pullback = boxgrad.vjp(loss, a, b, angle="radians-cw", **options)
    loses = 1e-13 + 2e-15 / distance
    np.testing.assert_allclose(value, wanted, rtol=loses)
    if loss is boxgrad.kfiou_loss:
        return  # which is flat there
    for got, expected in zip(pullback(1.0), gradients):
        assert (abs(got - expected) <= loses * abs(expected).max(axis=1, keepdims=True)).all()


@dtypes
@every_loss
def test_equal_boxes_have_no_loss_and_no_gradient(loss, options, dtype):
    """In each of their representations, far from the origin, and as thin as they may be."""
    a = np.concatenate([RELATIONS["identical"][0], RELATIONS["needles, parallel"][0], RELATIONS["far from the origin"][0]]).astype(dtype)
    a[:, 4] = np.round(a[:, 4] * 50)
    other = a[:, [0, 1, 3, 2, 4]] + np.array([0, 0, 0, 0, 90], dtype)
    least = {"none": 2 / 3, "ln": np.log(3), "exp": np.exp(2 / 3) - 1} if loss is boxgrad.kfiou_loss else {}
    tau = options.get("tau", 0.0)
    for b in (a, other):
        value, pullback = boxgrad.vjp(loss, a, b, angle="degrees-cw", **options)
        if least:
            v = a[:, 2].astype(float) * a[:, 3] / 2
            share = v / (3 * v + options["eps"])
            wanted = {"none": 1 - share, "ln": -np.log(share + options["eps"]), "exp": np.exp(1 - share) - 1}[options["fun"]]
            np.testing.assert_allclose(value, wanted, rtol=4 * EPS[dtype], atol=4 * EPS[dtype])
            if options["eps"] > 1e-3:
                continue
        else:
            np.testing.assert_allclose(value, (tau - 1) / tau if tau >= 1 else 0, rtol=EPS[dtype], atol=0)
        for boxes, gradient in zip((a, b), pullback(1.0)):
            assert (abs(gradient[:, 2:4]) <= (1e-6 if least else 4 * EPS[np.float64]) / boxes[:, 2:4]).all()
            assert not gradient[:, [0, 1, 4]].any()


@pytest.mark.parametrize("angle", ANGLES)
@every_loss
def test_gradients_are_in_the_unit_of_the_angle(loss, options, angle):
    a, b = RELATIONS["ordinary"]
    of_one = {"radians-cw": 1, "degrees-cw": np.pi / 180, "degrees-ccw": -np.pi / 180, "radians-ccw": -1}[angle]
    given = [boxgrad.convert_rotated_boxes(x, "radians-cw", angle) for x in (a, b)]
    weights = np.linspace(0.5, 2, len(a))
    total, gradients = boxgrad.value_and_grad(loss, argnums=(0, 1))(*given, "mean", angle=angle, weights=weights, **options)
    value, pullback = boxgrad.vjp(loss, a, b, angle="radians-cw", **options)
    np.testing.assert_allclose(total, weights @ value / len(a), rtol=1e-13)
    for got, wanted in zip(gradients, pullback(weights / len(a))):
        wanted[:, 4] *= of_one
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12 * abs(wanted).max())


@dtypes
@every_loss
def test_finite_boxes_never_give_nan(loss, options, dtype):
    """Of every size, place and angle, and of sides that are not positive."""
    largest = float(np.finfo(dtype).max)
    sizes = np.array([0, 1e-300, 1e-45, 1e-30, 1e-9, 1e-7, 1e-3, 1, 1e3, 1e7, 1e10, 1e20, 1e30, largest / 4, largest]).clip(0, largest)
    g = np.random.default_rng(2)
    numbers = np.concatenate([sizes, -sizes]).astype(dtype)
    a, b = g.choice(numbers, (2, 4000, 5))
    with np.errstate(all="ignore"):
        value, pullback = boxgrad.vjp(loss, a, b, angle="radians-cw", **options)
        gradients = pullback(1.0)
    assert not np.isnan(value).any() and not any(np.isnan(x).any() for x in gradients)
    for boxes, gradient in zip((a, b), gradients):
        beyond = (boxes[:, 2:4] < 1e-7) | (boxes[:, 2:4] > 1e7)
        assert not gradient[:, 2:4][beyond].any()


@dtypes
@every_loss
def test_numbers_that_are_not_finite_give_nan(loss, options, dtype):
    good = np.array([[0, 0, 4, 2, 0.3], [1, 0, 4, 2, 0.5]], dtype)
    for k, number in itertools.product(range(5), (NAN, INF, -INF)):
        bad = good.copy()
        bad[0, k] = number
        for pair in ((bad, good), (good, bad)):
            value, pullback = boxgrad.vjp(loss, *pair, angle="radians-cw", **options)
            assert np.isnan(value[0]) and np.isfinite(value[1])
            assert all(np.isnan(x[0]).all() and np.isfinite(x[1]).all() for x in pullback(1.0))


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (boxgrad.gwd_loss, {"fun": "exp"}, "fun must be one of none, sqrt, log1p"),
        (boxgrad.gwd_loss, {"alpha": 0}, "alpha must be from 1e-3 to 1000"),
        (boxgrad.gwd_loss, {"tau": -1}, "tau must be from 0 to 1000"),
        (boxgrad.kld_loss, {"tau": NAN}, "tau must be from 0 to 1000"),
        (boxgrad.kld_loss, {"direction": "backward"}, "direction must be one of forward, jeffreys, max, min"),
        (boxgrad.kfiou_loss, {"fun": "log1p"}, "fun must be one of none, ln, exp"),
        (boxgrad.kfiou_loss, {"eps": -1e-9}, "eps must be from 0 to 1000"),
        (boxgrad.probiou_loss, {"mode": "iou"}, "mode must be one of hellinger, bhattacharyya"),
    ],
)
def test_options_out_of_range_are_named(loss, options, message):
    boxes = RELATIONS["identical"][0]
    with pytest.raises(ValueError, match=message):
        loss(boxes, boxes, angle="radians-cw", **options)
    with pytest.raises(TypeError):
        loss(boxes, boxes)
