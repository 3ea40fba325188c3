"""The losses of boxes: against torch's autograd of their formulas, at their kinks, and with their options at the ends."""

import math
from functools import partial

import box_sets
import boxgrad
import numpy as np
import pytest
from test_finite_differences import check, few
from tolerances import assert_within, row_maximum

EPS = 1e-7
BOX, LOWER_HALF = np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 1, 2, 2]])


def sides(b):
    return b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]


class Formula:
    """The parts of the formulas, of torch tensors."""

    def __init__(self, torch, p, t, eps):
        self.torch, self.eps = torch, eps
        (self.w_p, self.h_p), (self.w_t, self.h_t) = sides(p), sides(t)
        self.cw, self.ch = (torch.maximum(p[:, k + 2], t[:, k + 2]) - torch.minimum(p[:, k], t[:, k]) for k in (0, 1))
        self.dx, self.dy = ((p[:, k] - t[:, k] + (p[:, k + 2] - t[:, k + 2])) / 2 for k in (0, 1))
        self.distance, self.diagonal = self.dx**2 + self.dy**2, self.cw**2 + self.ch**2 + eps
        self.iou, self.union = self.overlap(p, t)
        self.p, self.t = p, t

    def overlap(self, p, t):
        spans = [self.torch.minimum(p[:, k + 2], t[:, k + 2]) - self.torch.maximum(p[:, k], t[:, k]) for k in (0, 1)]
        meets = (spans[0] > 0) & (spans[1] > 0)
        inter = self.torch.where(meets, spans[0] * spans[1], 0 * spans[0])
        union = math.prod(sides(p)) + math.prod(sides(t)) - inter
        return inter / (union + self.eps), union

    def penalty(self, metric):
        """What a metric subtracts from IoU."""
        if metric == "iou":
            return 0 * self.iou
        if metric == "giou":
            return (self.cw * self.ch - self.union) / (self.cw * self.ch + self.eps)
        if metric == "eiou":
            square = self.distance / self.diagonal
            return square + (self.w_p - self.w_t) ** 2 / (self.cw**2 + self.eps) + (self.h_p - self.h_t) ** 2 / (self.ch**2 + self.eps)
        if metric == "siou":
            return self.siou(4)
        penalty = self.distance / self.diagonal
        if metric == "ciou":
            v = 4 / math.pi**2 * (self.torch.atan2(self.w_t, self.h_t) - self.torch.atan2(self.w_p, self.h_p)) ** 2
            penalty = penalty + (v / (1 - self.iou + v + self.eps)).detach() * v
        return penalty

    def siou(self, theta):
        g = 2 - 2 * self.dx.abs() * self.dy.abs() / (self.distance + self.eps)
        cost = 0
        for d, c, a, b in ((self.dx, self.cw, self.w_p, self.w_t), (self.dy, self.ch, self.h_p, self.h_t)):
            unlike = (a - b).abs() / (self.torch.maximum(a, b) + self.eps)
            cost = cost + (1 - self.torch.exp(-g * (d / (c + self.eps)) ** 2)) + (1 - self.torch.exp(-unlike)) ** theta
        return cost / 2

    def inner(self, ratio):
        def scaled(b):
            centers, halves = [(b[:, k] + b[:, k + 2]) / 2 for k in (0, 1)], [ratio / 2 * side for side in sides(b)]
            return self.torch.stack([c - h for c, h in zip(centers, halves)] + [c + h for c, h in zip(centers, halves)], 1)

        return self.overlap(scaled(self.p), scaled(self.t))[0]


def formula(name, torch, p, t, eps=EPS, gamma=0.0, theta=4.0, alpha=3.0, metric="iou", inner_ratio=0.7, base="iou", size=(1, 1), constant=1.0, **log):
    f = Formula(torch, p, t, eps)
    if name == "efficient_box_iou_loss":
        return f.iou.detach() ** gamma * (1 - f.iou + f.penalty("eiou"))
    if name == "siou_loss":
        return 1 - f.iou + f.siou(theta)
    if name == "alpha_box_iou_loss":
        return 1 - f.iou**alpha + f.penalty(metric) ** alpha
    if name == "wise_box_iou_loss":
        return torch.exp(f.distance / f.diagonal.detach()) * (1 - f.iou)
    if name == "inner_box_iou_loss":
        return 1 - f.iou + f.penalty(base) + f.iou - f.inner(inner_ratio)
    if name == "mpdiou_loss":
        return 1 - f.iou + ((p - t) ** 2).sum(1) / (size[0] ** 2 + size[1] ** 2)
    if name == "log_box_iou_loss":
        mode, least = log.get("mode", "log"), log.get("least_iou", 1e-6)
        return -torch.log(f.iou.clamp(min=least)) if mode == "log" else 1 - f.iou ** {"linear": 1, "square": 2}[mode]
    if name == "bounded_iou_loss":
        loss = 0
        for d, a, b in ((f.dx.abs(), f.w_p, f.w_t), (f.dy.abs(), f.h_p, f.h_t)):
            shared = torch.maximum((b - 2 * d) / (b + 2 * d + eps), torch.zeros_like(d))
            for x in (1 - shared, 1 - torch.minimum(b / (a + eps), a / (b + eps))):
                loss = loss + torch.nn.functional.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=log["beta"])
        return loss
    w, h = f.w_p - f.w_t, f.h_p - f.h_t
    return 1 - torch.exp(-torch.sqrt(f.distance + (w * w + h * h) / 4) / constant)


CASES = [
    (boxgrad.efficient_box_iou_loss, {}), (boxgrad.efficient_box_iou_loss, {"gamma": 0.5}), (boxgrad.efficient_box_iou_loss, {"gamma": 2.0}),
    (boxgrad.siou_loss, {}), (boxgrad.siou_loss, {"theta": 1.5}), (boxgrad.wise_box_iou_loss, {}),
    *((boxgrad.alpha_box_iou_loss, {"metric": metric, "alpha": alpha}) for metric in ("iou", "giou", "diou", "ciou") for alpha in (1.0, 2.0, 3.0)),
    *((boxgrad.inner_box_iou_loss, {"base": base, "inner_ratio": r}) for base in ("iou", "giou", "diou", "ciou", "eiou", "siou") for r in (0.7, 1.3)),
    (boxgrad.mpdiou_loss, {"size": (480, 640)}), (boxgrad.log_box_iou_loss, {}), (boxgrad.log_box_iou_loss, {"least_iou": 0.2}),
    (boxgrad.log_box_iou_loss, {"mode": "linear"}), (boxgrad.log_box_iou_loss, {"mode": "square"}), (boxgrad.nwd_loss, {"constant": 12.8}),
    (boxgrad.bounded_iou_loss, {"beta": 0.2, "eps": 1e-3}), (boxgrad.bounded_iou_loss, {"beta": 0.7, "eps": EPS}),
]  # fmt: skip
every_case = pytest.mark.parametrize(("loss", "options"), CASES, ids=[f"{f.__name__} {options}" for f, options in CASES])


@every_case
def test_value_and_gradients_are_autograds(torch, autograd, loss, options):
    """Of boxes in every relation, at ties too, but for those that torch gives NaN."""
    rng = np.random.default_rng(3)
    for kind in ("random", "touching", "nested", "disjoint", "identical", "thin"):
        a, b = box_sets.pairs(kind)
        if kind == "identical" and loss is boxgrad.nwd_loss:
            continue  # torch's root has an infinite slope there
        if kind == "thin" and loss is boxgrad.inner_box_iou_loss:
            continue  # scaled corners have lost the digits of thin sides
        weights, cotangent = rng.random((2, len(a)))
        expected, gradients = autograd(partial(formula, loss.__name__, torch, **options), a, b, cotangent=weights * cotangent)
        value, pullback = boxgrad.vjp(loss, a, b, weights=weights, **options)
        assert_within(value, weights * expected, 1e-13 * np.maximum(1, abs(expected)))
        assert np.isfinite(expected).all()
        for gradient, wanted in zip(pullback(cotangent), gradients):
            known = np.isfinite(wanted).all(axis=1)
            assert known.mean() > 0.9 or kind in ("touching", "disjoint", "identical"), "x^p has an infinite slope at 0 to torch"
            assert_within(gradient[known], wanted[known], 3e-12 * np.maximum(row_maximum(wanted[known]), 1e-3))
        mean, (to_a, to_b) = boxgrad.value_and_grad(loss, argnums=(0, 1))(a, b, reduction="mean", weights=weights, **options)
        assert_within(mean, value.mean(), 1e-13 * max(1, abs(mean)))
        for gradient, each in zip((to_a, to_b), boxgrad.vjp(loss, a, b, weights=weights, **options)[1](1 / len(a))):
            assert_within(gradient, each, 1e-14 * np.maximum(row_maximum(each), 1e-300))


@every_case
def test_float32_is_float64_rounded(loss, options):
    for kind in box_sets.KINDS:
        a, b = (x.astype(np.float32) for x in box_sets.pairs(kind))
        (value, pullback), (exact, exact_pullback) = (boxgrad.vjp(loss, x, y, **options) for x, y in ((a, b), (a.astype(float), b.astype(float))))
        assert_within(value, exact, 2.0**-23 * abs(exact))
        for gradient, wanted in zip(pullback(1.0), exact_pullback(1.0)):
            assert_within(gradient, wanted, 2.0**-22 * row_maximum(wanted))


# What is constant for the gradient


def test_wise_iou_has_a_constant_diagonal():
    a, b = few()
    diagonal = ((np.maximum(a, b)[:, 2:] - np.minimum(a, b)[:, :2]) ** 2).sum(axis=1) + EPS

    def value(x, y):
        shift = (x[:, :2] + x[:, 2:] - y[:, :2] - y[:, 2:]) / 2
        return np.exp((shift**2).sum(axis=1) / diagonal) * boxgrad.box_iou_loss(x, y)

    check(boxgrad.wise_box_iou_loss, (a, b), value=value)


def test_focal_eiou_has_a_constant_factor():
    a, b = few()
    factor = (1 - boxgrad.box_iou_loss(a, b)) ** 0.5
    check(boxgrad.efficient_box_iou_loss, (a, b), value=lambda x, y: factor * boxgrad.efficient_box_iou_loss(x, y), gamma=0.5)
    _, pullback = boxgrad.vjp(boxgrad.efficient_box_iou_loss, BOX, BOX + 9, gamma=0.5)
    assert not np.any(pullback(1.0)), "boxes apart have the factor 0"


# Kinks


@every_case
def test_equal_boxes_have_no_loss_far_from_the_origin_too(loss, options):
    for shift in (0, 2.0**30):
        a = box_sets.pairs("identical")[0] + shift
        value, pullback = boxgrad.vjp(loss, a, a, **{**options, **({} if loss is boxgrad.nwd_loss else {"eps": 0.0})})
        assert_within(value, np.zeros(len(a)), 1e-15)
        for gradient in pullback(1.0):
            assert_within(gradient, np.zeros_like(a), 1e-14)


def test_nwd_of_equal_sizes_pulls_straight():
    _, pullback = boxgrad.vjp(boxgrad.nwd_loss, BOX, BOX + [[3, 4, 3, 4]], constant=5.0)
    slope = math.exp(-1) / 5 / 2  # of a corner: half of the centre's
    assert_within(pullback(1.0)[0], slope * np.array([[-0.6, -0.8, -0.6, -0.8]]), 1e-15)


def test_the_logarithm_passes_its_bound_and_stops_below():
    for least, passes in ((0.5, True), (0.5 + 1e-15, False)):
        value, pullback = boxgrad.vjp(boxgrad.log_box_iou_loss, BOX, LOWER_HALF, eps=0.0, least_iou=least)
        assert_within(value, [math.log(2)], 1e-14)
        assert bool(np.any(pullback(1.0)[0])) is passes
    value, pullback = boxgrad.vjp(boxgrad.log_box_iou_loss, BOX, BOX + 9)
    assert_within(value, [-math.log(1e-6)], 1e-14)
    assert not np.any(pullback(1.0))


def test_a_root_of_no_overlap_has_the_slope_at_a_millionth():
    tiny = BOX * 1e-4  # IoU is 1e-8
    value, pullback = boxgrad.vjp(boxgrad.alpha_box_iou_loss, tiny, BOX, eps=0.0, alpha=0.5)
    assert_within(value, [1 - 1e-4], 1e-12)
    plain = boxgrad.vjp(boxgrad.box_iou_loss, tiny, BOX, eps=0.0)[1](1.0)
    for gradient, slope in zip(pullback(1.0), plain):
        assert_within(gradient, 0.5 * 1e-6**-0.5 * slope, 1e-9 * row_maximum(slope))
    equal = boxgrad.vjp(boxgrad.alpha_box_iou_loss, BOX, BOX, alpha=0.5, metric="diou")[1](1.0)
    assert np.isfinite(equal).all()


def test_siou_of_equal_centres_has_no_distance():
    inner = np.array([[0.5, 0.5, 1.5, 1.5]])
    (to_pred,) = boxgrad.vjp(boxgrad.siou_loss, inner, boxgrad.stop_gradient(BOX), theta=4.0)[1](1.0)[:1]
    assert_within(to_pred[:, :2] + to_pred[:, 2:], np.zeros((1, 2)), 1e-15)


# The same loss by another name


@pytest.mark.parametrize("kind", box_sets.ORDINARY)
def test_neutral_options_give_the_plain_losses(kind):
    a, b = box_sets.pairs(kind)
    plain = {
        "iou": boxgrad.box_iou_loss, "giou": boxgrad.generalized_box_iou_loss, "diou": boxgrad.distance_box_iou_loss,
        "ciou": boxgrad.complete_box_iou_loss, "eiou": boxgrad.efficient_box_iou_loss, "siou": boxgrad.siou_loss,
    }  # fmt: skip
    pairs = [(partial(boxgrad.inner_box_iou_loss, base=name, inner_ratio=1.0), f) for name, f in plain.items()]
    pairs += [(partial(boxgrad.alpha_box_iou_loss, metric=name, alpha=1.0), f) for name, f in list(plain.items())[:4]]
    pairs += [(partial(boxgrad.log_box_iou_loss, mode="linear"), boxgrad.box_iou_loss)]
    for ours, wanted in pairs:
        (value, pullback), (expected, other) = boxgrad.vjp(ours.func, a, b, **ours.keywords), boxgrad.vjp(wanted, a, b)
        assert_within(value, expected, 1e-14 * np.maximum(1, abs(expected)))
        for gradient, g in zip(pullback(1.0), other(1.0)):
            assert_within(gradient, g, 1e-13 * row_maximum(g))


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (boxgrad.efficient_box_iou_loss, {"gamma": -1}, "gamma must be from 0 to 1000"),
        (boxgrad.siou_loss, {"theta": 0.5}, "theta must be from 1"),
        (boxgrad.alpha_box_iou_loss, {"alpha": 0}, "alpha must be positive"),
        (boxgrad.alpha_box_iou_loss, {"metric": "eiou"}, "metric must be one of iou, giou, diou, ciou"),
        (boxgrad.inner_box_iou_loss, {"inner_ratio": 0}, "inner_ratio must be positive"),
        (boxgrad.inner_box_iou_loss, {"base": "nwd"}, "base must be one of iou, .*, siou"),
        (boxgrad.mpdiou_loss, {"size": (0, 9)}, "image_height must be given"),
        (boxgrad.mpdiou_loss, {"size": 9}, "size"),
        (boxgrad.log_box_iou_loss, {"least_iou": 0}, "least_iou must be positive"),
        (boxgrad.log_box_iou_loss, {"mode": "cubic"}, "mode must be one of log, linear, square"),
        (boxgrad.nwd_loss, {"constant": 0}, "constant must be given, positive"),
        (boxgrad.bounded_iou_loss, {"beta": 0}, "beta must be positive"),
        (boxgrad.wise_box_iou_loss, {"eps": -1}, "eps must be finite"),
    ],
)
def test_options_out_of_range_are_named(loss, options, message):
    with pytest.raises(ValueError, match=message):
        loss(BOX, BOX, **options)
