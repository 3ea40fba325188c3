"""The gradients in torch's graph: checked by differences, taken once, and refused where they would be wrong."""

import boxgrad.torch
import pytest
import torch
from cases import CASES, EACH, EACH_IDS, IDS
from torch._subclasses import FakeTensorMode

ONCE = "boxgrad has first derivatives only: its gradients cannot be differentiated again"
MODES = ("straight_through", "inward")
"""Gradients that are no derivatives."""


def smooth(case):
    """Whether finite differences are the gradient at the example."""
    return not any(mode in case.options.values() for mode in MODES) and case.name != "complete_box_iou_loss"


CONSTANT_ALPHA = [case for case in CASES if "ciou" in case.options.values() or case.name.startswith("complete_box_iou")]
"""CIoU's alpha, and Wise-IoU's and Focal-EIoU's factors, are constants for the gradient."""


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_finite_differences_and_batched_gradients(case):
    is_derivative = case not in CONSTANT_ALPHA and case.name != "wise_box_iou_loss" and smooth(case)
    tensors = case.tensors()
    if is_derivative:
        assert torch.autograd.gradcheck(case, tensors, check_batched_grad=True, atol=1e-4)
    else:
        value = case(*tensors)
        cotangents = torch.rand(3, *value.shape, dtype=value.dtype)
        together = torch.autograd.grad(value, tensors, cotangents, is_grads_batched=True, retain_graph=True)
        for k, cotangent in enumerate(cotangents):
            for gradient, all_of_them in zip(torch.autograd.grad(value, tensors, cotangent, retain_graph=True), together):
                torch.testing.assert_close(gradient, all_of_them[k])


@pytest.mark.parametrize("wanted", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_gradient_is_not_differentiated_again(case, wanted):
    """A gradient penalty would train on a wrong gradient: it raises, whatever stands between the function and the loss."""
    tensors = case.tensors(wanted=wanted)
    inputs = [x for x in tensors if x.requires_grad]
    if not inputs:
        return
    for of in (lambda value: value.sum(), lambda value: value.square().sum(), lambda value: value.sum() * inputs[0].sum()):
        gradients = torch.autograd.grad(of(case(*tensors)), inputs, create_graph=True)
        with pytest.raises(RuntimeError, match=ONCE):
            sum(g.square().sum() for g in gradients).backward(retain_graph=True)
        for x in inputs:
            with pytest.raises(RuntimeError, match=ONCE):
                torch.autograd.grad(gradients[0].sum(), x, allow_unused=True)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_nor_by_its_cotangent(case):
    tensors = case.tensors()
    value = case(*tensors)
    cotangent = torch.ones_like(value, requires_grad=True)
    gradient, *_ = torch.autograd.grad(value, tensors, cotangent, create_graph=True)
    with pytest.raises(RuntimeError, match=ONCE):
        torch.autograd.grad(gradient.sum(), cotangent)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_nor_in_a_batch(case):
    tensors = case.tensors()
    value = case(*tensors)
    cotangents = torch.ones(2, *value.shape, dtype=value.dtype)
    with pytest.raises(RuntimeError, match=ONCE):
        gradient, *_ = torch.autograd.grad(value, tensors, cotangents, is_grads_batched=True, create_graph=True)
        gradient.sum().backward()


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_create_graph_alone_changes_nothing(case):
    tensors = case.tensors()
    plain = torch.autograd.grad(case(*tensors).sum(), tensors)
    graphed = torch.autograd.grad(case(*tensors).sum(), tensors, create_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, graphed))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_forward_mode_is_refused(case):
    import torch.autograd.forward_ad as forward

    tensors = case.tensors(wanted=())
    with forward.dual_level():
        with pytest.raises(NotImplementedError, match="jvp"):
            case(*(forward.make_dual(x, torch.ones_like(x)) for x in tensors))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_backward_twice(case):
    tensors = case.tensors()
    value = case(*tensors).sum()
    first = torch.autograd.grad(value, tensors, retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(first, torch.autograd.grad(value, tensors)))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_gradients_have_memory_of_their_own(case):
    """Those of two backward passes, of two tensors, and of what torch saved for the next pass."""
    tensors = case.tensors()
    value = case(*tensors).sum()
    first, second, third = (torch.autograd.grad(value, tensors, retain_graph=True) for _ in range(3))
    assert len({x.data_ptr() for gradients in (first, second, third) for x in gradients}) == 3 * len(tensors)
    expected = [x.clone() for x in first]
    for x in (*second, *third):
        x.zero_()
    again = torch.autograd.grad(value, tensors, retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(again, expected))
    first[0].zero_()
    try:
        last = torch.autograd.grad(value, tensors)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        assert all(torch.equal(a, b) for a, b in zip(last, expected))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_gradients_add_up(case):
    tensors = case.tensors()
    expected = torch.autograd.grad(case(*tensors).sum(), tensors)
    value = case(*tensors).sum()
    for _ in range(3):
        value.backward(retain_graph=True)
    (value + case(*tensors).sum()).backward()
    for x, gradient in zip(tensors, expected):
        torch.testing.assert_close(x.grad, 5 * gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_a_tensor_that_was_changed_in_between_is_refused(case):
    tensors = case.tensors()
    value = case(*tensors)
    with torch.no_grad():
        tensors[0] += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.sum().backward()


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_checkpoint(case):
    from torch.utils.checkpoint import checkpoint

    tensors = case.tensors()
    expected = torch.autograd.grad(case(*tensors).sum(), tensors)
    checkpoint(case, *tensors, use_reentrant=False).sum().backward()
    assert all(torch.equal(x.grad, gradient) for x, gradient in zip(tensors, expected))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_meta_tensors(case):
    """No numbers, but the shapes and dtypes of what they would give, and of the gradients."""
    tensors = [x.detach().to("meta").requires_grad_() for x in case.tensors(torch.float32)]
    value, expected = case(*tensors), case(*case.tensors(torch.float32))
    assert value.is_meta and value.shape == expected.shape and value.dtype is expected.dtype
    value.sum().backward()
    assert all(x.grad.is_meta and x.grad.shape == x.shape for x in tensors)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_fake_tensors(case):
    expected = case(*case.tensors(torch.float32))
    with FakeTensorMode() as mode:
        tensors = [mode.from_tensor(x.detach()).requires_grad_() for x in case.tensors(torch.float32)]
        value = case(*tensors)
        assert type(value) is not torch.Tensor and value.shape == expected.shape and value.dtype is expected.dtype
        value.sum().backward()
        assert all(x.grad.shape == x.shape for x in tensors)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_two_devices(case):
    if len(case.names) == 1:
        return
    x, y = case.tensors()
    with pytest.raises(TypeError, match=f"{case.names[0]} is on the device 'cpu' and {case.names[1]} on 'meta': they must be on one"):
        case(x, y.detach().to("meta"))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_what_is_refused(case):
    tensors = case.tensors()
    for k, name in enumerate(case.names):
        with pytest.raises(TypeError, match=f"{name} must be a tensor, not ndarray"):
            case(*(x.detach().numpy() if i == k else x for i, x in enumerate(tensors)))
        with pytest.raises(TypeError, match=f"{name} has the layout torch.sparse_coo"):
            case(*(x.detach().to_sparse() if i == k else x for i, x in enumerate(tensors)))
        with pytest.raises(TypeError, match=f"{name} has dtype torch.complex128"):
            case(*(x.to(torch.complex128) if i == k else x for i, x in enumerate(tensors)))
    if case.name not in ("clip", "smooth_l1_loss", "balanced_l1_loss", "decode_distribution", "distribution_focal_loss"):
        with pytest.raises(ValueError, match="must have the shape"):
            case(*(x[..., :3] if x.shape[-1] in (4, 5) else x for x in tensors))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_parameters_and_subclasses(case):
    tensors = case.tensors()
    expected = torch.autograd.grad(case(*tensors).sum(), tensors)
    parameters = [torch.nn.Parameter(x.detach()) for x in tensors]
    case(*parameters).sum().backward()
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(parameters, expected))

    class Named(torch.Tensor):
        pass

    named = [x.detach().as_subclass(Named).requires_grad_() for x in tensors]
    case(*named).sum().backward()
    assert all(torch.equal(p.grad, gradient) for p, gradient in zip(named, expected))


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_jit_trace_records_the_operator_or_refuses(case):
    """Never the numbers of the example."""
    tensors = [x.detach() for x in case.tensors()]
    others = [x + 1 for x in tensors]
    try:
        traced = torch.jit.trace(lambda *x: case(*x), tensors, check_trace=False)
    except RuntimeError as error:
        assert "Tracing a list" in str(error)
    else:
        assert torch.equal(traced(*others), case(*others))


def test_gradients_that_an_operator_returns_are_constants():
    """Who calls the operator by its name gets them beside the total: their own gradient would be ignored."""
    x, y = torch.rand(3, 4, requires_grad=True), torch.rand(3, 4, requires_grad=True)
    total, *gradients = torch.ops.boxgrad.iou_loss_total(x, y, None, 1, 1e-7, "mean", None, 0, [True, True])
    assert total.requires_grad and not any(gradient.requires_grad for gradient in gradients)
    total, *_ = torch.ops.boxgrad.iou_loss_total(x, y, None, 1, 1e-7, "mean", None, 0, [True, False])
    with pytest.raises(RuntimeError, match="a gradient is needed that was not computed"):
        total.backward()
