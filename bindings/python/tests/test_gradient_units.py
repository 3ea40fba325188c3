"""adaptive_clip_grad_ and clip_grad_rms_: against their formulas in NumPy, what optax and timm gave, layouts, and hostile input."""

import math
import types

import boxgrad
import ml_dtypes
import numpy as np
import pytest
from tolerances import assert_within

DTYPES = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16]
SHAPES = [(), (1,), (7,), (1, 5), (5, 1), (3, 40), (2, 3, 5), (4, 3, 2, 5), (2, 3, 2, 2, 3), (0, 3), (3, 0), (2, 5000), (100, 9)]


def made(shape, step):
    n = math.prod(shape)
    return (np.arange(n) * step % 13 - 6.0).reshape(shape) / 8


def pair(shape):
    """A gradient, and a parameter whose first inputs are tiny."""
    param = made(shape, 5)
    param[..., 0] *= 2.0**-12
    return made(shape, 7), param


def random_pair(shape, dtype, seed=0):
    g = np.random.default_rng(seed)
    scale = shape[:1] + (1,) * (len(shape) - 1)
    return [np.array(g.normal(size=shape) * np.exp(g.normal(size=scale)), dtype) for _ in range(2)]


def axes_of(shape, layout):
    """What the norms are taken over: timm's rule, and optax's."""
    everything = tuple(range(len(shape)))
    if layout == "torch":
        return everything if len(shape) < 2 else everything[1:]
    if sum(n != 1 for n in shape) <= 1:
        return everything
    return (0,) if len(shape) < 4 else everything[:-1]


def norms(x, p, axes):
    magnitudes = np.abs(x.astype(np.float64))
    if p == math.inf:
        return magnitudes.max(axis=axes, keepdims=True, initial=0)
    return (magnitudes**p).sum(axis=axes, keepdims=True) ** (1 / p)


def clipped(grad, param, factor, eps, p, layout):
    """The published formula, in double."""
    axes = axes_of(grad.shape, layout)
    norm, limit = norms(grad, p, axes), factor * np.maximum(norms(param, p, axes), eps)
    small = norm < limit
    return np.where(small, grad.astype(np.float64), grad.astype(np.float64) * (limit / np.maximum(norm, 1e-6))), int((~small).sum()) if grad.size else 0


def close(got, expected, relative):
    assert_within(got.astype(np.float64), expected, relative * np.abs(expected) + float(ml_dtypes.finfo(got.dtype).smallest_subnormal) / 2)


ULP = {np.dtype(t): float(ml_dtypes.finfo(t).eps) for t in DTYPES}


@pytest.mark.parametrize("layout", ["torch", "optax"])
@pytest.mark.parametrize("p", [2.0, 1.0, math.inf, 3.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_units_are_clipped_by_the_formula(dtype, p, layout):
    for factor, eps in ((0.5, 1e-3), (0.01, 1e-3), (1.5, 2.0), (0.0, 0.0)):
        pairs = [random_pair(shape, dtype, seed) for seed, shape in enumerate(SHAPES)]
        expected = [clipped(grad, param, factor, eps, p, layout) for grad, param in pairs]
        before = [param.copy() for _, param in pairs]
        grads, params = zip(*pairs)
        count = boxgrad.adaptive_clip_grad_(params, factor, eps, p, grads=grads, layout=layout)
        assert count == sum(n for _, n in expected)
        for (grad, param), (wanted, _), old in zip(pairs, expected, before):
            close(grad, wanted, 1e-12 if dtype == np.float64 else ULP[np.dtype(dtype)] * 0.501)
            np.testing.assert_array_equal(param, old)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_are_clipped_by_their_rms(dtype):
    for limit in (0.0, 0.3, 1.0, math.inf):
        grads = [random_pair(shape, dtype, seed)[0] for seed, shape in enumerate(SHAPES)]
        before = [g.copy() for g in grads]
        rms = boxgrad.clip_grad_rms_([*grads[:4], None, *grads[4:]], limit)
        wanted = np.array([math.sqrt((g.astype(np.float64) ** 2).mean()) if g.size else 0 for g in before])
        assert_within(rms, wanted, 1e-12 * wanted)
        for grad, old, one in zip(grads, before, wanted):
            if one <= limit:
                np.testing.assert_array_equal(grad, old)
            else:
                close(grad, old.astype(np.float64) * (limit / one), 1e-12 if dtype == np.float64 else ULP[np.dtype(dtype)] * 0.501)


# ---- What others gave: optax 0.2.8 and timm 1.0.31 in float64, for pair(shape), factor 0.25, eps 1e-3, rms 0.25 ----

OPTAX = {
    (3,): [-0.09818155708793659, 0.016363592847989432, -0.08181796423994717],
    (2, 3): [-0.00023717082451262845, 0.010718661571406803, -0.19323341950026318, 7.905694150420948e-05, -0.04287464628562721, 0.11594005170015792],
    (2, 3, 2): [-0.00022360679774997898, 0.02396765590148033, -0.00023211917272131488, 0.046423834544262965, -0.000242535625036333, 0.09375,
                -0.00011180339887498949, 0.09587062360592132, -9.284766908852594e-05, 0.11605958636065741, -6.063390625908325e-05, 0.1875],
    (2, 1, 3, 2): [-0.00015724272550828776, 0.027603140747401902, -0.0001310356045902398, 0.055206281494803805, -0.00010482848367219184, 0.08280942224220571,
                   -7.862136275414388e-05, 0.11041256298960761, -5.241424183609592e-05, 0.1380157037370095, -2.620712091804796e-05, 0.16561884448441141],
    (1, 4): [-0.13258252578295074, 0.02209708763049179, -0.11048543815245894, 0.04419417526098358],
    (2, 1, 2, 1, 2): [-0.00016174915980515762, 0.0449247055267663, -0.000134790966504298, 0.0898494110535326, -0.00010783277320343842, 0.1347741165802989,
                      -8.087457990257881e-05, 0.1796988221070652],
}  # fmt: skip
OPTAX_RMS = {
    (3,): [-0.32995600879804493, 0.05499266813300749, -0.27496334066503747],
    (2, 3): [-0.3851644432598216, 0.06419407387663693, -0.3209703693831847, 0.12838814775327387, -0.25677629550654774, 0.1925822216299108],
}  # fmt: skip
TIMM = {
    ((3,), 2.0): [-0.09818155708793659, 0.016363592847989432, -0.08181796423994717],
    ((2, 3), 2.0): [-0.09818155708793659, 0.016363592847989432, -0.08181796423994717, 0.07059629122946076, -0.14119258245892152, 0.10589443684419114],
    ((2, 3), 1.0): [-0.07814788818359375, 0.013024648030598959, -0.0651232401529948, 0.04861789279513889, -0.09723578559027778, 0.07292683919270833],
    ((2, 3), math.inf): [-0.125, 0.020833333333333332, -0.10416666666666666, 0.09375, -0.1875, 0.140625],
    ((2, 1, 3, 2), 2.0): [-0.14309304438829332, 0.02384884073138222, -0.11924420365691109, 0.04769768146276444, -0.09539536292552887, 0.07154652219414666,
                          -0.041695277790034777, 0.05559370372004637, -0.027796851860023186, 0.06949212965005797, -0.013898425930011593, 0.08339055558006955],
    ((1, 4), 1.0): [-0.12055533272879464, 0.020092555454799106, -0.10046277727399552, 0.04018511090959821],
}  # fmt: skip


@pytest.mark.parametrize("shape", OPTAX)
def test_what_optax_gave(shape):
    grad, param = pair(shape)
    boxgrad.adaptive_clip_grad_(param, 0.25, grads=grad, layout="optax")
    assert_within(grad.ravel(), OPTAX[shape], 1e-15)


@pytest.mark.parametrize("shape", OPTAX_RMS)
def test_what_optax_gave_for_the_rms(shape):
    grad, _ = pair(shape)
    boxgrad.clip_grad_rms_(grad, 0.25)
    assert_within(grad.ravel(), OPTAX_RMS[shape], 1e-15)


@pytest.mark.parametrize(("shape", "p"), TIMM)
def test_what_timm_gave(shape, p):
    grad, param = pair(shape)
    boxgrad.adaptive_clip_grad_(param, 0.25, 1e-3, p, grads=grad)
    assert_within(grad.ravel(), TIMM[shape, p], 1e-15)


# ---- Parameters and gradients of all kinds ----


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_torch_parameters(dtype, torch):
    dtype = getattr(torch, dtype)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 5)).to(dtype)
    for k, p in enumerate(module.parameters()):
        p.grad = None if k == 3 else torch.sin(torch.arange(p.numel()) * 0.7).reshape(p.shape).to(dtype)
    module[0].weight.grad = module[0].weight.grad.contiguous(memory_format=torch.channels_last)
    values = [p.detach().clone() for p in module.parameters()]
    wanted = [clipped(p.grad.double().numpy(), p.detach().double().numpy(), 0.05, 1e-3, 2.0, "torch") for p in module.parameters() if p.grad is not None]
    count = boxgrad.adaptive_clip_grad_(module.parameters(), clip_factor=0.05)
    assert count == sum(n for _, n in wanted) > 0
    for p, (expected, _) in zip([p for p in module.parameters() if p.grad is not None], wanted):
        assert_within(p.grad.double().numpy(), expected, max(torch.finfo(dtype).eps, 1e-13) * np.abs(expected) + torch.finfo(dtype).tiny)
    assert all(torch.equal(p, old) for p, old in zip(module.parameters(), values)) and list(module.parameters())[3].grad is None


def test_objects_with_a_gradient_and_mixed_types():
    holder = types.SimpleNamespace(grad=np.array([[3.0, 4.0], [0.0, 0.0]], np.float32), data=np.eye(2))
    assert boxgrad.adaptive_clip_grad_([holder, types.SimpleNamespace(grad=None, data=None)], 1.0) == 1
    assert_within(holder.grad, [[0.6, 0.8], [0, 0]], 1e-7)
    half = np.array([3.0, 4.0], np.float16)
    assert boxgrad.adaptive_clip_grad_([np.array([0.5, 0.0]), None], 1.0, grads=[half, None]) == 1
    assert_within(half, [0.3, 0.4], 1e-3)


@pytest.mark.parametrize("view", [lambda x: x[::2], lambda x: x[:, ::-1], lambda x: x.T, lambda x: x[1:, 2:5], lambda x: x[:0]], ids=range(5))
@pytest.mark.parametrize("layout", ["torch", "optax"])
def test_layouts_in_memory(view, layout):
    whole, params = np.random.default_rng(1).normal(size=(2, 6, 8))
    expected = whole.copy()
    view(expected)[...] = clipped(view(whole), view(params), 0.1, 1e-3, 2.0, layout)[0]
    boxgrad.adaptive_clip_grad_([view(params)], 0.1, grads=[view(whole)], layout=layout)
    assert_within(whole, expected, 1e-15)


def test_what_is_listed_twice_is_clipped_once():
    param = np.array([1.0, 0.0])
    for listed in (lambda x: [x, x], lambda x: [x[::2], x[::2]]):
        grad = np.array([3.0, 4.0, 0.0, 0.0])
        chosen = listed(grad[: 2 * (2 if listed(grad)[0].size == 2 else 1)])
        before = np.linalg.norm(chosen[0])
        assert boxgrad.adaptive_clip_grad_([param] * 2, 0.5, grads=chosen) == 1 and before > 0.5
        assert_within(np.linalg.norm(chosen[0]), 0.5, 1e-15)


# ---- What is not finite ----


@pytest.mark.parametrize("where", ["grad", "param"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_unit_that_is_not_finite(value, where):
    def made():
        grad, param = np.array([[3.0, 4.0], [6.0, 8.0], [1.0, 0.0]]), np.ones((3, 2))
        (grad if where == "grad" else param)[1, 0] = value
        return grad, param

    with np.errstate(all="ignore"):
        expected = clipped(*made(), 0.1, 1e-3, 2.0, "torch")[0]
    grad, param = made()
    boxgrad.adaptive_clip_grad_(param, 0.1, grads=grad)
    assert_within(grad, expected, 1e-15)  # where both are NaN they are equal
    for mode, row in (("skip", made()[0][1]), ("zero", [0, 0])):
        grad, param = made()
        assert boxgrad.adaptive_clip_grad_(param, 0.1, grads=grad, on_nonfinite=mode) == 2 + (mode == "zero")
        assert_within(grad, np.array([expected[0], row, expected[2]]), 1e-15)
    for options in ({"on_nonfinite": "error"}, {"error_if_nonfinite": True}):
        grad, param = made()
        with pytest.raises(boxgrad.NonFiniteError, match=r"parameters\[1\]\[2\] is not finite" + (" in the parameter" if where == "param" else "$")):
            boxgrad.adaptive_clip_grad_([np.ones(1), param], 0.1, grads=[np.ones(1), grad], **options)
        np.testing.assert_array_equal(grad, made()[0])


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_tensor_whose_rms_is_not_finite(value):
    def made():
        return [np.array([3.0, 3.0]), np.array([1.0, value], np.float32)]

    for mode, second in (("propagate", [0.0 if value == math.inf else math.nan, math.nan]), ("skip", [1, value]), ("zero", [0, 0])):
        grads = made()
        assert_within(boxgrad.clip_grad_rms_(grads, 1.0, on_nonfinite=mode), np.array([3, value]), 1e-15)
        np.testing.assert_array_equal(grads[0], [1, 1])
        np.testing.assert_array_equal(grads[1], second)
    for options in ({"on_nonfinite": "error"}, {"error_if_nonfinite": True}):
        grads = made()
        with pytest.raises(boxgrad.NonFiniteError, match=r"^parameters\[1\]\[1\] is not finite"):
            boxgrad.clip_grad_rms_(grads, 1.0, **options)
        np.testing.assert_array_equal(grads[0], [3, 3])


def test_extreme_units():
    """Squares overflow or underflow, norms are too large for a double, or parameters are zero."""
    big, small = np.array([[3e200, 4e200], [3e-200, 4e-200]]), np.full((2, 2), 0.0)
    boxgrad.adaptive_clip_grad_(small, 1.0, 1e-3, grads=big)
    assert_within(big, [[6e-4, 8e-4], [3e-200, 4e-200]], 1e-18)
    huge = np.full((2, 2), 1.7e308)
    with pytest.raises(boxgrad.NonFiniteError, match=r"parameters\[0\] is finite, but a norm of it is too large"):
        boxgrad.adaptive_clip_grad_(small, grads=huge, norm_type=1, error_if_nonfinite=True)
    assert (huge == 1.7e308).all()
    tiny = np.array([[1e-7, 0.0]])
    boxgrad.adaptive_clip_grad_(np.zeros((1, 2)), 1e-5, 1e-3, grads=tiny)
    assert_within(tiny, [[1e-7 * (1e-8 / 1e-6), 0]], 1e-24)  # the norm counts as 1e-6 at least, as in optax


# ---- Refusals ----

GRADS = [np.array([[3.0, 4.0]]), np.array([5.0])]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, -0.1, grads=g), ValueError, "clip_factor"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, math.inf, grads=g), ValueError, "clip_factor"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, 0.1, math.nan, grads=g), ValueError, "eps"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, 0.1, 1e-3, 0.0, grads=g), ValueError, "norm_type"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, grads=g, layout="jax"), ValueError, "layout must be one of torch, optax"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p, grads=g, on_nonfinite="no"), ValueError, "on_nonfinite"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p[:1], grads=g), ValueError, "for each of the 1 parameters, not 2"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(p[::-1], grads=g), ValueError, r"parameter 0 has the shape \(1,\), and its gradient \(1, 2\)"),
        (lambda p, g: boxgrad.adaptive_clip_grad_(g), TypeError, "parameter 0 is a ndarray without a .grad"),
        (lambda p, g: boxgrad.adaptive_clip_grad_([p[0], np.ones(1, int)], grads=g), TypeError, "parameter 1 has dtype int64"),
        (lambda p, g: boxgrad.adaptive_clip_grad_([*p, p[1]], grads=[*g, np.ones(1, int)]), TypeError, "gradient 2 has dtype int64"),
        (lambda p, g: boxgrad.adaptive_clip_grad_([*p, p[1]], grads=[*g, g[0][0, 1:]]), ValueError, "gradients 0 and 2 overlap"),
        (lambda p, g: boxgrad.adaptive_clip_grad_([*p, np.ones((1,) * 6)], grads=[*g, np.ones((1,) * 6)], layout="optax"), ValueError, "6 dim"),
        (lambda p, g: boxgrad.adaptive_clip_grad_([*p, p[1]], grads=[*g, np.frombuffer(bytes(8))]), ValueError, "read-only"),
        (lambda p, g: boxgrad.clip_grad_rms_(g, -1.0), ValueError, "max_rms"),
        (lambda p, g: boxgrad.clip_grad_rms_(g, math.nan), ValueError, "max_rms"),
        (lambda p, g: boxgrad.clip_grad_rms_(g, 1.0, on_nonfinite="no"), ValueError, "on_nonfinite"),
        (lambda p, g: boxgrad.clip_grad_rms_([*g, np.ones(1, int)], 1.0), TypeError, "int64"),
    ],
)  # fmt: skip
def test_refusals_name_the_reason_and_change_nothing(call, error, words):
    params, grads = [np.ones((1, 2)), np.ones(1)], [x.copy() for x in GRADS]
    with pytest.raises(error, match=words):
        call(params, grads)
    for grad, old in zip(grads, GRADS):
        np.testing.assert_array_equal(grad, old)


def test_nothing_is_no_unit():
    assert boxgrad.adaptive_clip_grad_([]) == 0
    assert boxgrad.adaptive_clip_grad_([], grads=[]) == 0
    assert boxgrad.clip_grad_rms_([], 1.0).shape == (0,)


def test_threads_give_the_same_bits():
    grad, param = random_pair((700, 3001), np.float32)
    results = []
    for threads in (1, 3):
        before = boxgrad.get_num_threads()
        boxgrad.set_num_threads(threads)
        for layout in ("torch", "optax"):
            copy = grad.copy()
            results.append((boxgrad.adaptive_clip_grad_(param, 0.5, grads=copy, layout=layout), copy.tobytes()))
        boxgrad.set_num_threads(before)
    assert results[:2] == results[2:] and results[0][0] > 0 and results[1][0] > 0
