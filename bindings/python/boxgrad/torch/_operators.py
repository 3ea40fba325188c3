"""What makes an operator of torch, with its gradient, of a function of the library.

A function is described once: its value, its gradient, both as calls of C on the memory of tensors, and the shape of its value. Where the tensors
are decides whose functions of C these are: the CPU's, or those for CUDA devices, which take the same arguments (_cuda.py). Where it is called from
decides who runs it:

    torch.compile, torch.export   the operators boxgrad::NAME and boxgrad::NAME_gradient, which the compiler traces
    torch.func                    an autograd.Function with a rule for vmap, of these operators
    plain tensors                 an autograd.Function that calls C: nothing of torch's dispatcher, whose share would be half of the time
    anything else                 the operators: meta and fake tensors, dispatch modes, subclasses

No gradient can be differentiated again, and each of the four says so: torch.autograd.function.once_differentiable would not, and a loss with a
gradient penalty would train on a wrong gradient.
"""

from __future__ import annotations

from typing import Any, Callable, NoReturn, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .._arrays import FLOAT32, FLOAT64
from .._library import library_of, memory_at
from ._cuda import cuda_functions

Gradients = Tuple[Optional[Tensor], ...]

C_FUNCTIONS = {torch.float32: library_of[FLOAT32], torch.float64: library_of[FLOAT64]}
"""The functions of each dtype on the CPU."""

PLAIN = (Tensor, torch.nn.Parameter)
"""The types of tensors that are nothing more."""

_library = torch.library.Library("boxgrad", "DEF")
is_compiling = torch.compiler.is_compiling
is_transformed = torch._C._are_functorch_transforms_active
_modes = torch._C._len_torch_dispatch_stack
_tracing = torch._C._get_tracing_state
has_storage = torch._C._has_storage  # torch.autograd.grad(is_grads_batched=True) hands over cotangents that have none


def refuse_second_derivative(*_: Any) -> NoReturn:
    raise NotImplementedError("boxgrad has first derivatives only: its gradients cannot be differentiated again")


def memory(tensor: Tensor | None) -> Any:
    """What C reads or writes: the tensor's memory, NULL of none. The caller holds the tensor."""
    return None if tensor is None else memory_at(tensor.data_ptr())


def rows(tensor: Tensor) -> tuple[Tensor, int]:
    """The tensor as rows that C can read, and the elements from one to the next: itself if they are packed and ascend, else a copy."""
    if tensor.is_contiguous():
        return tensor, tensor.shape[-1]
    if tensor.dim() == 2:
        stride, element = tensor.stride()
        if element == 1 and stride >= tensor.shape[1] > 0:
            return tensor, stride
    return tensor.contiguous(), tensor.shape[-1]


def new(like: Tensor, shape: Sequence[int]) -> Tensor:
    """Packed memory for a result, on the device of `like` whatever the torch.device context."""
    return like.new_empty(shape)


def packed_like(x: Tensor) -> Tensor:
    """Memory for a gradient; empty_like takes half of the time of new_empty."""
    return torch.empty_like(x) if x.is_contiguous() else x.new_empty(x.shape)


def gradients_of(wanted: Sequence[bool], tensors: Sequence[Any]) -> Gradients:
    """Memory for the gradients that are wanted of the first tensors."""
    return tuple([packed_like(x) if w else None for w, x in zip(wanted, tensors)])


def is_plain(tensors: Sequence[Tensor | None]) -> bool:
    """Whether C may read the memory of all of these."""
    if _modes() or _tracing() is not None:
        return False
    for tensor in tensors:
        if tensor is not None and not (type(tensor) in PLAIN and (tensor.is_cpu or tensor.is_cuda) and not tensor.is_neg()):
            return False
    return True


def may_have_gradient(tensors: Sequence[Tensor]) -> bool:
    if forward_ad._current_level >= 0:  # torch then refuses: there are no rules for forward mode
        return True
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor.requires_grad:
                return True
    return False


def in_front(info: Any, in_dims: Sequence[int | None], arguments: Sequence[Any], tensors: int) -> list[Any]:
    """The arguments, of which the first are tensors, with vmap's dimension as the first of each tensor."""
    moved = list(arguments)
    for k, (x, dim) in enumerate(zip(arguments[:tensors], in_dims)):
        if x is not None:
            moved[k] = x.unsqueeze(0).expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
    return moved


class Operator:
    """A function of tensors whose gradient is another call, of the same tensors: see `Total` for losses that are summed.

    `arguments` is torch's schema: first the `differentiable` tensors, then constant ones, which may be None, then numbers.
    value(c, out, *arguments) writes the value with the functions c of the tensors' dtype, gradient(c, cotangent, out, *arguments) the gradients,
    of which those that are not wanted are None. shape(*arguments) is the value's; it refuses tensors of other shapes, before anything
    takes an address. All take leading dimensions, which is how vmap calls them.
    """

    def __init__(
        self,
        name: str,
        arguments: str,
        *,
        differentiable: int,
        value: Callable[..., None],
        gradient: Callable[..., None],
        shape: Callable[..., Sequence[int]],
    ) -> None:
        kinds = [argument.split()[0] for argument in arguments.split(", ")]
        self.name, self.shape, self._value, self._gradient = name, shape, value, gradient
        self.differentiable, self.tensors = differentiable, sum(kind.startswith("Tensor") for kind in kinds)
        self._nothing = (None,) * (len(kinds) - differentiable)
        self.operator = define(name, arguments, 1, self._checked_value, self._fake, self._pull_by_operator, self._remember)
        self.gradient_operator = define(
            f"{name}_gradient", f"Tensor cotangent, {arguments}, bool[] wanted", differentiable, self._checked_gradient, self._fake_gradient,
            refuse_second_derivative,
        )  # fmt: skip
        vmap_by(self.operator, lambda info, in_dims, *x: in_front(info, in_dims, x, self.tensors), 1)
        vmap_by(self.gradient_operator, lambda info, in_dims, *x: in_front(info, in_dims, x, self.tensors + 1), differentiable)
        self.eager, self.transformed, self.transformed_gradient = self._functions()

    def __call__(self, *arguments: Any) -> Tensor:
        tensors = arguments[: self.tensors]
        if is_compiling():
            value = self.operator(*arguments)
        elif is_transformed():
            value = self.transformed.apply(*arguments)
        elif not is_plain(tensors):
            value = self.operator(*arguments)
        elif may_have_gradient(tensors[: self.differentiable]):
            value = self.eager.apply(*tensors, arguments[self.tensors :])
        else:
            value = self.value(*arguments)
        return value

    def value(self, *arguments: Any) -> Tensor:
        value = new(arguments[0], self.shape(*arguments))
        self._value(c_functions(arguments[0]), value, *arguments)
        return value

    def gradient(self, cotangent: Tensor, wanted: Sequence[bool], *arguments: Any) -> Gradients:
        self.shape(*arguments)
        gradients = gradients_of(wanted, arguments)
        self._gradient(c_functions(arguments[0]), cotangent.contiguous(), gradients, *arguments)
        return gradients

    def _checked_value(self, *arguments: Any) -> Tensor:
        check_kinds(self.name, arguments[: self.tensors])
        return self.value(*arguments)

    def _checked_gradient(self, cotangent: Tensor, *arguments_and_wanted: Any) -> Any:
        *arguments, wanted = arguments_and_wanted
        check_kinds(self.name, (cotangent, *arguments[: self.tensors]))
        check_wanted(self.name, wanted, self.differentiable)
        shape = tuple(self.shape(*arguments))
        if cotangent.shape != shape:
            raise ValueError(f"{self.name}: the cotangent has the shape {tuple(cotangent.shape)}, the value {shape}")
        return one_or_more(packed(self.gradient(cotangent, wanted, *arguments), arguments[0]))

    def _fake(self, *arguments: Any) -> Tensor:
        return new(arguments[0], self.shape(*arguments))

    def _fake_gradient(self, cotangent: Tensor, *arguments_and_wanted: Any) -> Any:
        *arguments, wanted = arguments_and_wanted
        return one_or_more(packed(gradients_of(wanted, arguments), arguments[0]))

    def _remember(self, context: Any, inputs: tuple[Any, ...], output: Any) -> None:
        context.save_for_backward(*inputs[: self.tensors])
        context.numbers = inputs[self.tensors :]

    def _by_operator(self, context: Any, cotangent: Tensor) -> Gradients:
        wanted = context.needs_input_grad[: self.differentiable]
        return only(wanted, as_tuple(self.gradient_operator(cotangent, *context.saved_tensors, *context.numbers, wanted)))

    def _pull_by_operator(self, context: Any, cotangent: Tensor) -> Any:
        return (*self._by_operator(context, cotangent), *self._nothing)

    def _functions(self) -> tuple[Any, Any, Any]:
        this, nothing, constants = self, self._nothing, (None,) * (self.tensors - self.differentiable + 1)

        class Eager(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *tensors_and_numbers: Any) -> Tensor:
                *tensors, context.numbers = tensors_and_numbers  # torch looks at each argument, so there are few
                context.save_for_backward(*tensors)
                return this.value(*tensors, *context.numbers)

            @staticmethod
            def backward(context: Any, cotangent: Tensor) -> Any:
                tensors, wanted = context.saved_tensors, context.needs_input_grad[: this.differentiable]
                if is_transformed() and not is_compiling():
                    gradients = only(wanted, TransformedGradient.apply(cotangent, *tensors, *context.numbers))
                elif is_compiling() or torch.is_grad_enabled() or not (has_storage(cotangent) and is_plain((cotangent, *tensors))):
                    gradients = this._by_operator(context, cotangent)
                else:
                    gradients = this.gradient(cotangent, wanted, *tensors, *context.numbers)
                return (*gradients, *constants)

        class Transformed(torch.autograd.Function):
            @staticmethod
            def forward(*arguments: Any) -> Any:
                return this.operator(*arguments)

            setup_context = staticmethod(this._remember)  # type: ignore[assignment]

            @staticmethod
            def backward(context: Any, cotangent: Tensor) -> Any:
                return (*TransformedGradient.apply(cotangent, *context.saved_tensors, *context.numbers), *nothing)

            @staticmethod
            def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
                return Transformed.apply(*in_front(info, in_dims, arguments, this.tensors)), 0

        class TransformedGradient(torch.autograd.Function):
            @staticmethod
            def forward(cotangent: Tensor, *arguments: Any) -> Any:
                return as_tuple(this.gradient_operator(cotangent, *arguments, [True] * this.differentiable))

            @staticmethod
            def setup_context(context: Any, inputs: Any, output: Any) -> None:
                pass

            backward = staticmethod(refuse_second_derivative)  # type: ignore[assignment]

            @staticmethod
            def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
                gradients = TransformedGradient.apply(*in_front(info, in_dims, arguments, this.tensors + 1))
                return gradients, (0,) * this.differentiable

        return Eager, Transformed, TransformedGradient


def define(
    name: str, arguments: str, results: int, value: Callable[..., Any], fake: Callable[..., Any], backward: Callable[..., Any],
    remember: Callable[..., None] | None = None,
) -> Any:  # fmt: skip
    """A new operator of torch, boxgrad::name."""
    returned = "Tensor" if results == 1 else f"({', '.join(['Tensor'] * results)})"
    _library.define(f"{name}({arguments}) -> {returned}", tags=torch.Tag.pt2_compliant_tag)
    for where in "CPU", "CUDA":
        _library.impl(name, value, where)
    torch.library.register_fake(f"boxgrad::{name}", fake, lib=_library)
    torch.library.register_autograd(
        f"boxgrad::{name}", backward, setup_context=remember and (lambda ctx, inputs, output: remember(ctx, inputs, output)), lib=_library
    )
    return getattr(torch.ops.boxgrad, name).default


def vmap_by(operator: Any, rule: Callable[..., Any], results: int) -> None:
    """How vmap calls an operator inside of compiled code: rule(info, in_dims, *arguments) gives its arguments with one more leading dimension.
    Before 2.5, torch calls it once for each."""
    if hasattr(torch.library, "register_vmap"):
        dims = 0 if results == 1 else (0,) * results

        def batched(info: Any, in_dims: Any, *arguments: Any) -> Any:
            return operator(*rule(info, in_dims, *arguments)), dims

        torch.library.register_vmap(operator.name(), batched, lib=_library)


def c_functions(tensor: Tensor) -> Any:
    """The functions for the tensor's dtype and device."""
    try:
        on_cpu = C_FUNCTIONS[tensor.dtype]
        return on_cpu if tensor.is_cpu else cuda_functions(tensor.dtype, tensor.device)
    except KeyError:
        raise TypeError(f"boxgrad computes in float32 and float64, not in {tensor.dtype}") from None


# Who calls an operator by its name in torch.ops has passed none of the checks of boxgrad.torch's functions.


def check_kinds(name: str, tensors: Sequence[Tensor | None]) -> None:
    for what in "dtype", "device":
        found = {str(getattr(tensor, what)) for tensor in tensors if tensor is not None}
        if len(found) > 1:
            raise TypeError(f"{name} takes tensors of one {what}, not {', '.join(sorted(found))}")


def check_wanted(name: str, wanted: Sequence[bool], count: int) -> None:
    if len(wanted) != count:
        raise ValueError(f"{name} has {count} gradients, and {len(wanted)} words on whether they are wanted")


# The dispatcher knows no None among an operator's results, and no tuple of one.


def packed(gradients: Gradients, like: Tensor) -> tuple[Tensor, ...]:
    """The gradients, an empty tensor for each that is not wanted."""
    return tuple([like.new_empty(0) if gradient is None else gradient for gradient in gradients])


def one_or_more(results: tuple[Any, ...]) -> Any:
    return results if len(results) > 1 else results[0]


def as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def only(wanted: Sequence[bool], gradients: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([gradient if w else None for w, gradient in zip(wanted, gradients)])
