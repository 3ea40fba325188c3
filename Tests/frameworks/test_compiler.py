"""torch's compiler, exporter and transforms: for one function of each autograd rule, and with BOXGRAD_TEST_ALL for every function."""

import os

import pytest
import torch
from cases import CASES, EACH, _id
from torch.func import grad, jacrev, vmap

ALL = bool(os.environ.get("BOXGRAD_TEST_ALL"))
RULES = {
    ("box_convert", "cxcywh"): "one tensor", ("box_iou", "xyxy"): "all pairs", ("aligned_box_iou", "giou"): "two tensors",
    ("generalized_box_iou_loss", "none"): "the terms of a loss", ("generalized_box_iou_loss", "mean"): "a loss that is summed",
    ("decode_boxes",): "rows of different widths",
}  # fmt: skip
"""A function of each autograd rule, and what it stands for."""


SOME = EACH if ALL else [next(case for case in CASES if (case.name, *list(case.options.values())[-1:]) == rule) for rule in RULES]
some = pytest.mark.parametrize("case", SOME, ids=map(_id, SOME))
"""The functions that are compiled: a compilation takes seconds."""
each = pytest.mark.parametrize("case", EACH, ids=map(_id, EACH))


@pytest.fixture(autouse=True)
def forget():
    torch._dynamo.reset()


def same(a, b):
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def gradients_of(function, tensors):
    tensors = [x.detach().clone().requires_grad_(x.requires_grad) for x in tensors]
    value = function(*tensors)
    (value * torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)).sum().backward()
    return value.detach(), [x.grad for x in tensors]


@pytest.mark.parametrize("wanted", [(0, 1), (0,), (1,)], ids=str)
@some
def test_compiled_whole(case, wanted):
    tensors = case.tensors(wanted=wanted)
    if not any(x.requires_grad for x in tensors):
        return
    plain = case.plain
    compiled = torch.compile(lambda *x: plain(*[t * 1.5 for t in x]) * 2, fullgraph=True, backend="aot_eager")
    same(gradients_of(compiled, tensors), gradients_of(lambda *x: plain(*[t * 1.5 for t in x]) * 2, tensors))


@some
def test_compiled_without_gradients(case):
    tensors = case.tensors(wanted=())
    same(torch.compile(case.plain, fullgraph=True, backend="aot_eager")(*tensors), case(*tensors))
    with torch.no_grad():
        same(torch.compile(case.plain, fullgraph=True, backend="aot_eager")(*case.tensors()), case(*tensors))


@some
def test_dynamic_shapes_need_one_compilation(case):
    from torch._dynamo.testing import CompileCounterWithBackend

    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(case.plain, fullgraph=True, dynamic=True, backend=counter)
    for count in (5, 3, 2):
        tensors = [x[:count].detach().requires_grad_() for x in case.tensors()]
        same(gradients_of(compiled, tensors), gradients_of(case, tensors))
        first = counter.frame_count if count == 5 else first
    assert counter.frame_count == first > 0


def test_inductor():
    """The compiler with its own code around the call: what users run."""
    case = next(case for case in CASES if case.name == "generalized_box_iou_loss" and case.is_summed)
    plain = case.plain
    compiled = torch.compile(lambda *x: plain(*[t * 1.5 for t in x]) * 2, fullgraph=True)
    same(gradients_of(compiled, case.tensors()), gradients_of(lambda *x: plain(*[t * 1.5 for t in x]) * 2, case.tensors()))


@some
def test_compiled_code_refuses_second_derivatives(case):
    tensors = case.tensors()
    value = torch.compile(case.plain, fullgraph=True, backend="aot_eager")(*tensors)
    gradients = torch.autograd.grad(value.sum(), tensors, create_graph=True)
    with pytest.raises(RuntimeError, match="double backward"):
        sum(g.square().sum() for g in gradients).backward()


@some
def test_compiled_autograd(case):
    """Its backward pass is compiled when it begins."""
    tensors = case.tensors()
    expected = torch.autograd.grad(case(*tensors).sum(), tensors)
    value = case(*tensors).sum()
    module = torch._dynamo.compiled_autograd
    with (getattr(module, "_enable", None) or module.enable)(torch.compile(backend="eager")):
        value.backward()
    same([x.grad for x in tensors], list(expected))


@some
def test_exported(case):
    plain = case.plain

    class Module(torch.nn.Module):
        def forward(self, *tensors):
            return plain(*tensors)

    tensors = case.tensors(wanted=())
    exported = torch.export.export(Module(), tuple(tensors))
    assert any("boxgrad" in str(node.target) for node in exported.graph.nodes)
    others = [x + 0.5 for x in tensors]
    same(exported.module()(*others), case(*others))


@some
def test_a_compiled_transform_is_right_or_an_error(case):
    tensors = case.tensors(wanted=())

    plain = case.plain

    def loss(*x):
        return plain(*x).sum()

    expected = grad(loss)(*tensors)
    try:
        found = torch.compile(grad(loss), backend="aot_eager")(*tensors)
    except Exception as error:
        assert "setup_context" in str(error) or "functorch" in str(error)  # torch's word for what it cannot do
    else:
        same(found, expected)


@some
def test_a_compiled_batch_is_right(case):
    batched = [torch.stack([x, x + 1]) for x in case.tensors(wanted=())]
    same(torch.compile(vmap(case.plain), backend="aot_eager")(*batched), vmap(case.__call__)(*batched))


@each
def test_grad(case):
    tensors = case.tensors(wanted=())
    argnums = tuple(range(len(tensors)))
    wanted = case.tensors()
    for_all = grad(lambda *x: case(*x).sum() * 0.5, argnums=argnums)(*tensors)
    same(for_all, torch.autograd.grad(case(*wanted).sum() * 0.5, wanted))
    for k in argnums:
        same(grad(lambda *x: case(*x).sum() * 0.5, argnums=k)(*tensors), for_all[k])


@each
def test_jacrev(case):
    tensors = case.tensors(wanted=())
    jacobian = jacrev(case)(*tensors)
    cotangent = torch.rand(case(*tensors).shape, dtype=torch.float64)
    wanted = case.tensors()
    expected = torch.autograd.grad(case(*wanted), wanted, cotangent)[0]
    same(torch.tensordot(cotangent, jacobian, dims=cotangent.dim()), expected)


def batch_of(case):
    return [torch.stack([x, x * 1.25, x + 2]) for x in case.tensors(wanted=())]


@each
def test_vmap(case):
    batched = batch_of(case)
    each_by_itself = torch.stack([case(*x) for x in zip(*batched)])
    same(vmap(case)(*batched), each_by_itself)
    last = [x.movedim(0, -1) for x in batched]
    same(vmap(case, in_dims=-1)(*last), each_by_itself)
    if len(batched) == 2:
        same(vmap(case, in_dims=(0, None))(batched[0], batched[1][0]), torch.stack([case(x, batched[1][0]) for x in batched[0]]))
        same(vmap(case, in_dims=(None, 0))(batched[0][0], batched[1]), torch.stack([case(batched[0][0], x) for x in batched[1]]))
    twice = [x[:, None].expand(3, 2, *x.shape[1:]) for x in batched]
    same(vmap(vmap(case))(*twice), each_by_itself[:, None].expand(3, 2, *each_by_itself.shape[1:]))


@each
def test_vmap_of_grad_and_grad_of_vmap(case):
    batched = batch_of(case)

    def loss(*x):
        return case(*x).sum()

    argnums = tuple(range(len(batched)))
    expected = [torch.stack(column) for column in zip(*(grad(loss, argnums=argnums)(*x) for x in zip(*batched)))]
    same(list(vmap(grad(loss, argnums=argnums))(*batched)), expected)
    same(list(grad(lambda *x: vmap(case)(*x).sum(), argnums=argnums)(*batched)), expected)
    if len(batched) == 2:
        shared = grad(lambda *x: vmap(case, in_dims=(0, None))(*x).sum(), argnums=(0, 1))(batched[0], batched[1][0])
        one_by_one = [grad(loss, argnums=(0, 1))(x, batched[1][0]) for x in batched[0]]
        same(shared[0], torch.stack([gradient for gradient, _ in one_by_one]))
        torch.testing.assert_close(shared[1], sum(gradient for _, gradient in one_by_one), rtol=1e-9, atol=1e-9)


@each
def test_transforms_refuse_second_derivatives(case):
    tensors = case.tensors(wanted=())
    for twice in (lambda f: grad(lambda *x: grad(f)(*x).square().sum()), lambda f: torch.func.hessian(f)):
        with pytest.raises(RuntimeError, match="first derivatives only|jvp"):
            twice(lambda *x: case(*x).sum() ** 2)(*tensors)


def arguments_of(case):
    """What the function passes to its operators, by listening."""
    from torch.utils._python_dispatch import TorchDispatchMode

    calls = []

    class Listen(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function.namespace == "boxgrad":
                calls.append((function, args))
            return function(*args, **(kwargs or {}))

    with Listen():
        case(*case.tensors()).sum().backward()
    return calls


@some
def test_opcheck(case):
    calls = arguments_of(case)
    assert calls
    for operator, arguments in calls:
        arguments = torch.utils._pytree.tree_map_only(torch.Tensor, torch.Tensor.detach, arguments)
        torch.library.opcheck(operator, arguments)
        if not operator._opname.endswith(("_gradient", "scaled")):
            torch.library.opcheck(operator, tuple(x.requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in arguments))


@each
def test_operators_refuse_what_would_be_read_beyond_its_end(case):
    """They are called by their names, too, where no function has looked at the arguments: a tensor that is shorter or of another dtype than the others."""
    for operator, arguments in arguments_of(case):
        if operator._opname == "scaled":  # which reads what torch checks
            continue
        arguments = [x.detach() if isinstance(x, torch.Tensor) else x for x in arguments]
        tensors = [k for k, x in enumerate(arguments) if isinstance(x, torch.Tensor) and x.dim()]
        for k in tensors if len(tensors) > 1 else ():
            of_pairs = operator._opname in ("iou_pairwise", "rotated_iou_pairwise")  # whose two tensors may have different lengths
            for other in (arguments[k].float(), *([] if of_pairs else [arguments[k][:1]]), arguments[k][None]):
                with pytest.raises((ValueError, TypeError)):
                    operator(*arguments[:k], other, *arguments[k + 1 :])
