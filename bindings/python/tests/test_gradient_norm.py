"""clip_grad_norm_ and its sisters: over dtypes, layouts and objects, extreme values, and against torch.nn.utils."""

import math
import tracemalloc
import types

import boxgrad
import ml_dtypes
import numpy as np
import pytest
from tolerances import assert_within

TOLERANCE = 1e-13
ORDERS = pytest.mark.parametrize("p", [1.0, 2.0, math.inf, 3.0, 0.5])
HALF_TYPES = [np.float16, ml_dtypes.bfloat16]
NONFINITE = pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])


def some(dtype=np.float64, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=shape).astype(dtype) for shape in [(3, 4, 5), (7,), (1, 1), (), (0, 3), (2, 300)]]


def same(array, expected):
    assert_within(array, expected, 4e-16 if array.dtype == np.float64 else 1e-7)


def copies(arrays):
    return [a.copy() for a in arrays]


def norm(arrays, p):
    flat = np.abs(np.concatenate([np.ravel(a) for a in arrays]).astype(np.longdouble))
    return float(flat.max() if p == math.inf else (flat**p).sum() ** (1 / np.longdouble(p)))


def parameter(grad):
    return types.SimpleNamespace(grad=grad, data=np.full(3, 7.0))


# Values


@ORDERS
@pytest.mark.parametrize("dtype", [np.float32, np.float64, *HALF_TYPES])
def test_norms(p, dtype):
    arrays = some(dtype)
    tolerance = 1e-11 if p not in (1, 2, math.inf) else TOLERANCE
    total = boxgrad.get_total_norm(arrays, p)
    assert type(total) is float
    assert_within(total, norm(arrays, p), tolerance * total)
    parts = boxgrad.per_tensor_norms(arrays, p)
    assert parts.dtype == np.float64
    assert_within(parts, [norm([a], p) if a.size else 0.0 for a in arrays], tolerance * total)
    assert_within(boxgrad.combine_norms(parts, p), total, tolerance * total)


@ORDERS
@pytest.mark.parametrize("dtype", [np.float32, np.float64, *HALF_TYPES])
def test_clip_scales_in_double_and_rounds_once(p, dtype):
    arrays = some(dtype)
    before = copies(arrays)
    total = boxgrad.clip_grad_norm_(arrays, 1.5, p)
    assert_within(total, norm(before, p), 1e-11 * total)
    for array, old in zip(arrays, before):
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, (old.astype(np.float64) * (1.5 / (total + 1e-6))).astype(dtype))


@ORDERS
@pytest.mark.parametrize("error_if_nonfinite", [False, True])
@pytest.mark.parametrize("max_norm", [0.0, 0.7, 1e5])
def test_parity_with_torch(p, error_if_nonfinite, max_norm, torch):
    ours = [array for array in some() if array.size]  # torch has no largest entry of nothing
    theirs = [torch.nn.Parameter(torch.zeros(a.shape, dtype=torch.float64)) for a in ours]
    for tensor, array in zip(theirs, ours):
        tensor.grad = torch.tensor(array)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, p, error_if_nonfinite).item()
    total = boxgrad.clip_grad_norm_(ours, max_norm, p, error_if_nonfinite)
    assert_within(total, expected, 1e-12 * expected)
    for array, tensor in zip(ours, theirs):
        assert_within(array, tensor.grad.numpy(), 1e-12)


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf, 3.0])
def test_sisters_have_parity_with_torch(p, torch):
    ours = [array for array in some() if array.size]
    tensors = [torch.tensor(array) for array in ours]
    expected = torch.nn.utils.get_total_norm(tensors, p).item()
    assert_within(boxgrad.get_total_norm(ours, p), expected, 1e-12 * expected)
    theirs = [types.SimpleNamespace(grad=t) for t in tensors]
    torch.nn.utils.clip_grads_with_norm_(theirs, 0.7, torch.tensor(expected, dtype=torch.float64))
    boxgrad.clip_grads_with_norm_(ours, 0.7, expected)
    torch.nn.utils.clip_grad_value_(theirs, 0.01)
    boxgrad.clip_grad_value_(ours, 0.01)
    for array, tensor in zip(ours, tensors):
        assert_within(array, tensor.numpy(), 1e-12)


@pytest.mark.parametrize("foreach", [None, False, True])
@pytest.mark.parametrize("p", ["inf", 2])
def test_torchs_arguments_are_taken_by_place_and_by_name(p, foreach, torch):
    for named in ((), {"foreach": foreach}):
        ours, theirs = np.array([3.0, -4.0]), types.SimpleNamespace(grad=torch.tensor([3.0, -4.0], dtype=torch.float64))
        by_place = () if named else (foreach,)
        results = []
        for library, given in ((boxgrad, ours), (torch.nn.utils, theirs)):
            results.append(float(library.clip_grad_norm_([given], 3.0, p, False, *by_place, **dict(named))))
            library.clip_grads_with_norm_([given], 1.0, torch.tensor(4.0, dtype=torch.float64), *by_place, **dict(named))
            library.clip_grad_value_([given], 0.5, *by_place, **dict(named))
            results.append(float(library.get_total_norm([getattr(given, "grad", given)], p, False, *by_place, **dict(named))))
        assert_within(np.array(results[:2]), np.array(results[2:]), 1e-12)
        assert_within(ours, theirs.grad.numpy(), 1e-12)


@pytest.mark.parametrize("total", [math.nan, math.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_a_known_total_that_is_not_finite_does_what_torch_does(total, dtype, torch):
    ours, theirs = ([torch.tensor(x, dtype=getattr(torch, dtype)) for x in ([1.0, math.inf, math.nan], [2.0])] for _ in range(2))
    boxgrad.clip_grads_with_norm_([types.SimpleNamespace(grad=x) for x in ours], 1.0, total)
    torch.nn.utils.clip_grads_with_norm_([types.SimpleNamespace(grad=x) for x in theirs], 1.0, torch.tensor(total))
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    same = np.array([1.0, 2.0])
    boxgrad.clip_grads_with_norm_(same, math.inf, total)
    np.testing.assert_array_equal(same, [1, 2])  # an infinite limit limits nothing


def test_real_gradient(real_gradient):
    tensors = {name: array.copy() for name, array in real_gradient.items()}
    parts = boxgrad.per_tensor_norms(tensors.values())
    total = boxgrad.clip_grad_norm_(tensors.values(), 1.0)
    assert_within(total, 3.2299215577012, 1e-13)
    assert_within(parts, [np.linalg.norm(a.astype(np.float64)) for a in real_gradient.values()], TOLERANCE * total)
    total_1 = math.fsum(np.abs(np.concatenate([a.ravel() for a in real_gradient.values()]).astype(np.float64)).tolist())
    assert_within(boxgrad.get_total_norm(real_gradient.values(), 1), total_1, TOLERANCE * total_1)
    assert_within(boxgrad.get_total_norm(real_gradient.values(), math.inf), 0.55332124, 5e-9)
    for name, array in real_gradient.items():
        np.testing.assert_array_equal(tensors[name], (array.astype(np.float64) * (1 / (total + 1e-6))).astype(np.float32))


def test_below_the_limit_nothing_is_written():
    arrays = some()
    total = boxgrad.get_total_norm(arrays)
    for max_norm in (total * 1.01 + 1, math.inf):
        before = copies(arrays)
        boxgrad.clip_grad_norm_(arrays, max_norm)
        for array, old in zip(arrays, before):
            np.testing.assert_array_equal(array, old)


def test_the_eps_can_be_chosen():
    (array,) = arrays = [np.array([3.0, 4.0])]
    boxgrad.clip_grad_norm_(arrays, 1.0, eps=0.0)
    same(array, [0.6, 0.8])
    boxgrad.clip_grads_with_norm_(arrays, 1.0, 1.0, eps=1.0)
    same(array, [0.3, 0.4])


def test_clip_value_and_scale():
    a, b = np.array([-3.0, 0.5, math.nan, math.inf]), np.array([2.0], np.float32)
    boxgrad.clip_grad_value_([a, b], 1.0)
    np.testing.assert_array_equal(a, [-1, 0.5, math.nan, 1])
    boxgrad.scale_grads_([a, b], -0.5)
    np.testing.assert_array_equal(a, [0.5, -0.25, math.nan, -0.5])
    np.testing.assert_array_equal(b, np.array([-0.5], np.float32))


# Extreme values


def test_many_small_values_do_not_get_lost():
    """A float32 accumulator stops growing here: torch's norm of these values, which are 5e-8 above 1e-3, is 6.937 instead of 7.071."""
    array = np.full(50_000_000, 1e-3, np.float32)
    expected = float(np.float32(1e-3)) * math.sqrt(array.size)
    assert_within(boxgrad.get_total_norm(array), expected, TOLERANCE * expected)
    expected = float(np.float32(1e-3)) * array.size
    assert_within(boxgrad.get_total_norm(array, 1), expected, TOLERANCE * expected)


def test_many_random_values():
    array = np.random.default_rng(0).standard_normal(100_000_000, dtype=np.float32)
    expected = sum(np.abs(part, dtype=np.longdouble).sum() for part in np.array_split(array, 100))
    assert_within(boxgrad.get_total_norm(array, 1), float(expected), TOLERANCE * float(expected))


@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float32, s) for s in (1e20, 1e-30)] + [(np.float64, s) for s in (1e200, 1e-200, 1e308)]
)
def test_squares_neither_overflow_nor_underflow(dtype, size):
    array = np.array([3, -4, 0], dtype) * dtype(size / 4)
    expected = abs(float(array[1])) * 1.25
    assert_within(boxgrad.get_total_norm(array), expected, 1e-7 * expected if dtype == np.float32 else TOLERANCE * expected)
    boxgrad.clip_grad_norm_(array, 1.0, eps=0.0)
    if expected > 1:
        assert_within(array, [0.6, -0.8, 0], 1e-7)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_norms_of_parts_combine_without_overflow(p):
    parts = [3e300, 4e300]
    expected = {1.0: 7e300, 2.0: 5e300, 3.0: 91 ** (1 / 3) * 1e300, math.inf: 4e300}[p]
    assert_within(boxgrad.combine_norms(parts, p), expected, 1e-11 * expected)


@NONFINITE
def test_propagate_does_what_torch_does(value, torch):
    ours = [np.array([1.0, value]), np.array([2.0])]
    theirs = [types.SimpleNamespace(grad=torch.tensor(array)) for array in ours]
    total = boxgrad.clip_grad_norm_(ours, 1.0)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 1.0).item()
    np.testing.assert_array_equal(total, expected)
    for array, tensor in zip(ours, theirs):
        np.testing.assert_array_equal(array, tensor.grad.numpy())


@NONFINITE
@pytest.mark.parametrize(("mode", "expected"), [("skip", None), ("zero", 0.0), ("error", None)])
def test_other_modes_for_what_is_not_finite(value, mode, expected):
    arrays = [np.array([1.0, value]), np.array([2.0], np.float32)]
    before = copies(arrays)
    if mode == "error":
        for options in ({"on_nonfinite": "error"}, {"error_if_nonfinite": True}):
            with pytest.raises(boxgrad.NonFiniteError, match=r"parameters\[0\]\[1\] is not finite"):
                boxgrad.clip_grad_norm_(arrays, 1.0, **options)
    else:
        assert not math.isfinite(boxgrad.clip_grad_norm_(arrays, 1.0, on_nonfinite=mode))
    for array, old in zip(arrays, before):
        np.testing.assert_array_equal(array, old if expected is None else np.full_like(old, expected))


@NONFINITE
def test_norm_that_must_be_finite(value):
    with pytest.raises(boxgrad.NonFiniteError, match=r"tensors\[0\]\[0\] is not finite"):
        boxgrad.get_total_norm([np.array([value])], error_if_nonfinite=True)
    np.testing.assert_array_equal(boxgrad.get_total_norm([np.array([value])]), abs(value))


# What is accepted


def test_no_gradients_at_all():
    assert boxgrad.clip_grad_norm_([], 1.0) == 0
    assert boxgrad.clip_grad_norm_([parameter(None), None], 1.0) == 0
    assert boxgrad.per_tensor_norms([]).shape == (0,)
    assert boxgrad.combine_norms([]) == 0


def test_objects_give_their_grad_and_never_themselves():
    holders = [parameter(np.array([3.0])), parameter(None), parameter(np.array([4.0], np.float32))]
    assert boxgrad.clip_grad_norm_((h for h in holders), 1.0, eps=0.0) == 5
    same(holders[0].grad, [0.6])
    same(holders[2].grad, [0.8])
    assert all((h.data == 7).all() for h in holders)
    boxgrad.scale_grads_(holders[0], 2.0)
    same(holders[0].grad, [1.2])


@pytest.mark.parametrize(
    "view", [lambda x: x[::2], lambda x: x[:, ::-1], lambda x: x.T, lambda x: x[1:, 2:5], lambda x: x[:0]], ids=range(5)
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, *HALF_TYPES])
def test_layouts_are_scaled_in_place_and_nothing_beside_them(view, dtype):
    whole = np.random.default_rng(1).normal(size=(6, 8)).astype(dtype)
    expected = whole.copy()
    target = view(expected)
    total = boxgrad.get_total_norm(view(whole))
    target[...] = (target.astype(np.float64) * min(1, 0.25 / (total + 1e-6))).astype(dtype)
    boxgrad.clip_grad_norm_(view(whole), 0.25)
    np.testing.assert_array_equal(whole, expected)


def test_masked_gradients_are_refused_and_keep_their_masks():
    gradient = np.ma.masked_array([3.0, 4.0, 1e6], [False, False, True])
    for call in (boxgrad.clip_grad_norm_, boxgrad.clip_grad_value_, boxgrad.scale_grads_, boxgrad.get_total_norm):
        with pytest.raises(TypeError, match="gradient 1.*mask"):
            call([np.ones(2), gradient], 0.5)
    assert gradient.mask.tolist() == [False, False, True]
    assert gradient.data.tolist() == [3, 4, 1e6]
    assert boxgrad.clip_grad_norm_([np.ma.masked_array([3.0, 4.0])], 9.0) == 5


def test_big_endian_gradients_are_scaled_too():
    array = np.array([3.0, 4.0], ">f8")
    assert boxgrad.clip_grad_norm_(array, 1.0, eps=0.0) == 5
    same(array, [0.6, 0.8])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_torch_parameters(dtype, torch):
    dtype = getattr(torch, dtype)
    parameters = [torch.nn.Parameter(torch.ones(2, dtype=dtype)) for _ in range(3)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3, 0], dtype=dtype), torch.tensor([[0, 4]], dtype=dtype)[0]
    assert boxgrad.clip_grad_norm_(parameters, 2.5, eps=0.0) == 5
    assert parameters[0].grad.tolist() == [1.5, 0]
    assert parameters[1].grad.tolist() == [0, 2]
    assert all(p.tolist() == [1, 1] for p in parameters)


def test_leaf_tensors_with_gradients_are_not_gradients_themselves(torch):
    x = torch.tensor([99.0, 108.0], requires_grad=True)
    y = torch.tensor([45.0, 75.0], requires_grad=True)
    (x**2).sum().add((y**3).sum()).backward()
    assert_within(boxgrad.clip_grad_norm_([x, y], 100), 17937.5893, 5e-5)
    assert_within(x.grad.numpy(), [1.1038, 1.2042], 5e-5)
    assert x.tolist() == [99, 108]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda a: boxgrad.clip_grad_norm_(a, -1.0), ValueError, "max_norm"),
        (lambda a: boxgrad.clip_grad_norm_(a, math.nan), ValueError, "max_norm"),
        (lambda a: boxgrad.clip_grad_norm_(a, 1.0, 0.0), ValueError, "norm_type"),
        (lambda a: boxgrad.clip_grad_norm_(a, 1.0, math.nan), ValueError, "norm_type"),
        (lambda a: boxgrad.clip_grad_norm_(a, 1.0, "-inf"), TypeError, "norm_type"),
        (lambda a: boxgrad.clip_grads_with_norm_(a, 1.0, -1.0), ValueError, "total_norm must not be negative"),
        (lambda a: boxgrad.clip_grad_norm_(a, 1.0, on_nonfinite="ignore"), ValueError, "ignore"),
        (lambda a: boxgrad.clip_grad_norm_(a, 1.0, eps=-1.0), ValueError, "eps"),
        (lambda a: boxgrad.clip_grad_value_(a, -1.0), ValueError, "clip_value"),
        (lambda a: boxgrad.clip_grad_value_(a, math.nan), ValueError, "clip_value"),
        (lambda a: boxgrad.scale_grads_(a, math.inf), ValueError, "coefficient"),
        (lambda a: boxgrad.clip_grad_norm_([*a, np.array([1])], 1.0), TypeError, "int64"),
        (lambda a: boxgrad.clip_grad_norm_([*a, np.array([1j])], 1.0), TypeError, "complex128"),
        (lambda a: boxgrad.clip_grad_norm_([*a, "gradient"], 1.0), TypeError, "str"),
        (lambda a: boxgrad.clip_grad_norm_([*a, np.frombuffer(bytes(8))], 1.0), ValueError, "read-only"),
    ],
)  # fmt: skip
def test_refusals_name_the_reason_and_change_nothing(call, error, words):
    arrays = some()
    with pytest.raises(error, match=words):
        call(arrays)
    for array, old in zip(arrays, some()):
        np.testing.assert_array_equal(array, old)


# Choosing max_norm


def test_monitor_suggests_by_percentile_and_clips_by_it():
    monitor = boxgrad.GradNormMonitor()
    for size in (1.0, 2.0, 3.0, 4.0, 5.0):
        assert monitor.record([np.array([size, 0.0])]) == size
    np.testing.assert_array_equal(monitor.norms, [1, 2, 3, 4, 5])
    assert monitor.suggest(50) == 3
    assert_within(monitor.suggest(), np.percentile([1, 2, 3, 4, 5], 10), 1e-15)
    array = np.array([0.0, 9.0])
    assert monitor.clip_(array, 50.0) == 9
    assert_within(np.linalg.norm(array), np.percentile([1, 2, 3, 4, 5, 9], 50), 1e-5)
    monitor.record([np.array([math.nan])])
    assert len(monitor.norms) == 6


def test_monitor_remembers_as_much_as_asked():
    monitor = boxgrad.GradNormMonitor(norm_type=1.0, history=2)
    for size in (1.0, 2.0, 3.0):
        monitor.record([np.array([size, size])])
    np.testing.assert_array_equal(monitor.norms, [4, 6])


def test_gradients_that_require_gradients_are_measured():
    torch = pytest.importorskip("torch", reason="skipped: torch not installed")
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    (gradient,) = torch.autograd.grad((weight**3).sum(), [weight], create_graph=True)
    assert boxgrad.get_total_norm([gradient]) == pytest.approx(float(torch.nn.utils.get_total_norm([gradient])))
    assert boxgrad.get_total_norm([weight]) == 0


def test_monitor_records_nothing_if_it_fails():
    monitor = boxgrad.GradNormMonitor()
    for gradients, percentile, error in [
        ([np.ones(2)], 101, ValueError),
        ([np.ones(2)], math.nan, ValueError),
        ([np.ones(2)], "10", TypeError),
        ([np.ones(2), np.frombuffer(bytes(8))], 10.0, ValueError),
        ([np.ones(2), np.ones(2, int)], 10.0, TypeError),
        ([np.ones(2), [1.0]], 10.0, TypeError),
    ]:
        with pytest.raises(error):
            monitor.clip_(gradients, percentile)
        assert (gradients[0] == 1).all()
    assert monitor.norms.size == 0


def test_monitor_clips_what_it_measures(torch):
    monitor = boxgrad.GradNormMonitor()
    monitor.record([torch.tensor([0.0, 1.0])])
    gradient, parameter = torch.tensor([0.0, 4.0]), torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.tensor([3.0])
    assert monitor.clip_((x for x in (gradient, parameter)), 0.0) == 5
    assert_within(gradient.numpy(), [0, 0.8], 1e-6)
    assert_within(parameter.grad.numpy(), [0.6], 1e-6)


# Memory that is listed more than once


def test_what_is_listed_twice_is_scaled_twice():
    whole = np.arange(12.0).reshape(3, 4)
    for listed in [(whole, whole), (whole, whole.T), (whole[:, :2], whole[:, :2]), (whole, whole[1:])]:
        expected = whole[1:, :2] / 4
        boxgrad.scale_grads_(listed, 0.5)
        np.testing.assert_array_equal(whole[1:, :2], expected)


@pytest.mark.parametrize(
    "overlapping",
    [lambda x: [x, x[:, 1:]], lambda x: [x[:, 1:], x], lambda x: [x[:, :2], x[:, 1:]], lambda x: [x[::2], x[::2, 1:]]],
    ids=range(4),
)
def test_overlaps_that_would_be_scaled_once_are_refused(overlapping):
    whole = np.arange(12.0).reshape(3, 4)
    for call in (boxgrad.clip_grad_norm_, boxgrad.clip_grad_value_, boxgrad.scale_grads_):
        with pytest.raises(ValueError, match=r"gradient \d, of shape .* overlaps"):
            call(overlapping(whole), 0.5)
    np.testing.assert_array_equal(whole, np.arange(12.0).reshape(3, 4))
    assert boxgrad.get_total_norm(overlapping(whole)) > 0  # nothing is changed


def test_neighbours_are_no_overlap():
    whole = np.ones((3, 4))
    boxgrad.scale_grads_([whole[:, :2], whole[:, 2:], whole[:, 3:][:0]], 0.5)
    assert (whole == 0.5).all()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1), (2, 1, 0)])
def test_dense_memory_in_any_order_is_not_copied(order):
    gradient = np.random.default_rng(0).normal(size=(40, 50, 60)).transpose(order)
    expected = gradient * 0.5
    tracemalloc.start()
    boxgrad.scale_grads_(gradient, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(gradient, expected)
    assert peak < 10_000


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_numpy_cannot_read_are_refused_by_name(torch):
    for dtype in (torch.float8_e4m3fn, torch.complex32):
        with pytest.raises(TypeError, match=f"boxes2.*{dtype}"):
            boxgrad.box_iou(np.ones((1, 4)), torch.ones((1, 4)).to(dtype))
        with pytest.raises(TypeError, match=f"gradient 1.*{dtype}"):
            boxgrad.get_total_norm([None, torch.ones(4).to(dtype)])
    quantized = torch.quantize_per_tensor(torch.ones((1, 4)), 0.1, 0, torch.quint8)
    with pytest.raises(TypeError, match="boxes.*torch.quint8"):
        boxgrad.box_area(quantized)
    with pytest.raises(TypeError, match="gradient 0.*torch.quint8"):
        boxgrad.get_total_norm([quantized])


CALLS = {
    "clip_grad_norm_": lambda given: boxgrad.clip_grad_norm_(given, 1.0),
    "clip_grad_value_": lambda given: boxgrad.clip_grad_value_(given, 1.0),
    "clip_grads_with_norm_": lambda given: boxgrad.clip_grads_with_norm_(given, 1.0, 2.0),
    "scale_grads_": lambda given: boxgrad.scale_grads_(given, 0.5),
    "get_total_norm": boxgrad.get_total_norm,
    "per_tensor_norms": boxgrad.per_tensor_norms,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_generator_that_is_used_up_is_said(name, recwarn):
    """Nothing would be clipped, and a norm of 0 says nothing of it."""
    gradients = (one for one in [np.array([3.0, 4.0])])
    CALLS[name](gradients)
    CALLS[name]([])
    assert not recwarn.list
    for given in (gradients, iter([]), map(abs, [])):
        with pytest.warns(UserWarning, match=f"^{name} was given a generator that yields nothing") as caught:
            CALLS[name](given)
        assert [one.filename for one in caught] == [__file__], "it points to the caller"


def test_torch_says_the_same_of_a_generator_that_is_used_up(torch):
    with pytest.warns(UserWarning, match="empty generator"):
        torch.nn.utils.clip_grad_norm_((one for one in []), 1.0)


def test_a_monitor_does_not_record_what_was_not_there():
    monitor, gradients = boxgrad.GradNormMonitor(), [np.array([3.0, 4.0])]
    used_up = (one for one in [])
    for recorded in ([], [5.0]):
        with pytest.warns(UserWarning, match="GradNormMonitor.record was given a generator"):
            assert monitor.record(used_up) == 0
        with pytest.warns(UserWarning, match="GradNormMonitor.clip_ was given a generator"):
            assert monitor.clip_(used_up) == 0
        assert monitor.norms.tolist() == recorded
        monitor.record(gradients)
