"""The functions in the place of torch.nn.utils': the same arguments, the same gradients, the same results."""

import boxgrad.torch
import pytest
import torch
from torch.nn import utils

since_2_6 = pytest.mark.skipif(not hasattr(utils, "get_total_norm"), reason="skipped: this torch has no get_total_norm")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def parameters_of(dtypes=(torch.float32,), device="cpu", scale=1.0):
    generator = torch.Generator().manual_seed(0)
    parameters = []
    for shape in ((3, 4), (5,), (), (2, 3, 2)):
        for dtype in dtypes:
            parameter = torch.nn.Parameter(torch.zeros(shape, dtype=dtype, device=device))
            parameter.grad = (torch.randn(shape, generator=generator) * scale).to(device, dtype)
            parameters.append(parameter)
    parameters.append(torch.nn.Parameter(torch.zeros(2, device=device)))  # which has no gradient
    return parameters


def gradients(parameters):
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def close(ours, theirs):
    half = any(g.dtype in (torch.float16, torch.bfloat16) for g in gradients(ours))  # in which torch rounds its norms
    for a, b in zip(gradients(ours), gradients(theirs), strict=True):
        assert a.dtype is b.dtype
        torch.testing.assert_close(a, b, rtol=1e-2 if half else 1e-5, atol=1e-3 if half else 1e-6)


@pytest.mark.parametrize("foreach", [None, True, False])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf"), "inf"])
@pytest.mark.parametrize("dtypes", [*[(dtype,) for dtype in DTYPES], DTYPES], ids=str)
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(max_norm, dtypes, norm_type, foreach):
    ours, theirs = parameters_of(dtypes), parameters_of(dtypes)
    total = boxgrad.torch.clip_grad_norm_(ours, max_norm, norm_type, foreach=foreach)
    expected = utils.clip_grad_norm_(theirs, max_norm, float(norm_type), foreach=foreach)
    half = not set(dtypes).isdisjoint((torch.float16, torch.bfloat16))
    assert isinstance(total, torch.Tensor) and total.shape == () and total.dtype is torch.promote_types(expected.dtype, torch.float32)
    torch.testing.assert_close(total.double(), expected.double(), rtol=1e-2 if half else 1e-5, atol=1e-6)
    close(ours, theirs)


@since_2_6
def test_arguments_and_defaults_are_torchs():
    import inspect

    for name in ("clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"):
        theirs, ours = (list(inspect.signature(getattr(module, name)).parameters.values()) for module in (utils, boxgrad.torch))
        assert [(p.name, p.default) for p in ours[: len(theirs)]] == [(p.name, p.default) for p in theirs], name
        assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :]), name


@pytest.mark.parametrize("given", [list, iter, lambda parameters: (p for p in parameters), lambda parameters: parameters[0]], ids=["list", "iterator", "generator", "one"])
def test_what_parameters_may_be(given):
    ours, theirs = parameters_of(), parameters_of()
    torch.testing.assert_close(boxgrad.torch.clip_grad_norm_(given(ours), 1.0), utils.clip_grad_norm_(given(theirs), 1.0))
    close(ours, theirs)
    boxgrad.torch.clip_grad_value_(given(ours), 0.1), utils.clip_grad_value_(given(theirs), 0.1)
    close(ours, theirs)


@since_2_6
def test_no_gradients():
    for parameters in ([], [torch.nn.Parameter(torch.zeros(2))]):
        assert boxgrad.torch.clip_grad_norm_(parameters, 1.0) == utils.clip_grad_norm_(parameters, 1.0) == 0
        boxgrad.torch.clip_grad_value_(parameters, 1.0)
    assert boxgrad.torch.get_total_norm([]) == utils.get_total_norm([]) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_norm_that_is_not_finite(value):
    ours, theirs = parameters_of(), parameters_of()
    for parameters in (ours, theirs):
        parameters[1].grad[2] = value
    before = [g.clone() for g in gradients(ours)]
    for function in (boxgrad.torch.clip_grad_norm_, utils.clip_grad_norm_):
        with pytest.raises(RuntimeError, match="not finite|non-finite"):
            function(ours, 1.0, error_if_nonfinite=True)
    with pytest.raises(RuntimeError, match="not finite"):
        boxgrad.torch.get_total_norm(before, error_if_nonfinite=True)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(gradients(ours), before))
    total, expected = boxgrad.torch.clip_grad_norm_(ours, 1.0), utils.clip_grad_norm_(theirs, 1.0)
    torch.testing.assert_close(total, expected, equal_nan=True)
    for a, b in zip(gradients(ours), gradients(theirs)):
        torch.testing.assert_close(a, b, equal_nan=True)


@since_2_6
@pytest.mark.parametrize("dtypes", [(torch.float32,), DTYPES], ids=str)
def test_the_two_halves(dtypes):
    ours, theirs = parameters_of(dtypes), parameters_of(dtypes)
    total, expected = boxgrad.torch.get_total_norm(gradients(ours)), utils.get_total_norm(gradients(theirs))
    torch.testing.assert_close(total.double(), expected.double(), rtol=1e-2, atol=0)
    boxgrad.torch.clip_grads_with_norm_(ours, 0.5, total), utils.clip_grads_with_norm_(theirs, 0.5, expected)
    close(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_clip_grad_value(dtype):
    ours, theirs = parameters_of((dtype,)), parameters_of((dtype,))
    boxgrad.torch.clip_grad_value_(ours, 0.3, foreach=None), utils.clip_grad_value_(theirs, 0.3)
    for a, b in zip(gradients(ours), gradients(theirs)):
        assert torch.equal(a, b)


def test_float16_does_not_end_at_65504():
    parameters = parameters_of((torch.float16,), scale=3e4)
    exact = torch.linalg.vector_norm(torch.cat([g.double().flatten() for g in gradients(parameters)]))
    assert boxgrad.torch.clip_grad_norm_(parameters, 1.0).item() == pytest.approx(exact.item(), rel=1e-6)
    assert all(g.isfinite().all() for g in gradients(parameters))


def test_strided_gradients_and_memory_that_is_shared():
    ours, theirs = parameters_of(), parameters_of()
    for parameters in (ours, theirs):
        parameters[0].grad = torch.arange(24.0).reshape(4, 6).t()[::2]
    boxgrad.torch.clip_grad_norm_(ours, 1.0), utils.clip_grad_norm_(theirs, 1.0)
    close(ours, theirs)


def test_autograd_notices_the_change():
    """A gradient that torch saved for another backward pass is not used with other numbers."""
    for clip in (lambda p: boxgrad.torch.clip_grad_norm_(p, 0.5), lambda p: boxgrad.torch.clip_grad_value_(p, 0.1),
                 lambda p: boxgrad.torch.clip_grads_with_norm_(p, 0.5, torch.tensor(9.0))):  # fmt: skip
        parameter = torch.nn.Parameter(torch.ones(3))
        parameter.grad = torch.full((3,), 2.0)
        other = torch.ones(3, requires_grad=True)
        product = (other * parameter.grad).sum()
        clip(parameter)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            product.backward()


def test_a_generator_that_was_gone_through_before():
    used = iter(parameters_of())
    list(used)
    with pytest.warns(UserWarning, match="nothing is measured or clipped"):
        assert boxgrad.torch.clip_grad_norm_(used, 1.0) == 0


def test_other_devices_and_dtypes_are_refused():
    with pytest.raises(TypeError, match="'meta'"):
        boxgrad.torch.clip_grad_norm_(parameters_of(device="meta"), 1.0)
    with pytest.raises(TypeError, match="complex64"):
        boxgrad.torch.get_total_norm([torch.zeros(2, dtype=torch.complex64)])
