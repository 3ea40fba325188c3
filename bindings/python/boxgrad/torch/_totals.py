"""Losses that are summed: one call of C gives the loss and its gradients, which wait for the cotangent, a number that they are multiplied by."""

from __future__ import annotations

import ctypes
import math
from typing import Any, Callable, Sequence

import torch
from torch import Tensor

from .._reduction import divisor_of
from ._cuda import CudaFunctions
from ._operators import (
    Gradients, Operator, c_functions, check_kinds, check_wanted, define, gradients_of, has_storage, in_front, is_compiling, is_plain, is_transformed,
    may_have_gradient, memory, new, packed, packed_like, refuse_second_derivative, vmap_by,
)  # fmt: skip

_TERM = 1.0  # the divisor of a loss that is not divided


class Loss:
    """A loss, with and without a reduction. `call` is its function of C.

    call(c, arguments, weights, results) runs it: of the arguments it leaves out the last tensor, the weights that each term is multiplied by,
    which it gets as C takes them, as it does the results, a divisor, the sum, the terms and the gradients.
    """

    def __init__(self, name: str, arguments: str, *, differentiable: int, call: Callable[..., None], shape: Callable[..., Sequence[int]]) -> None:
        self.terms = Operator(name, arguments, differentiable=differentiable, value=self._value, gradient=self._gradient, shape=shape)
        self.total = _Total(f"{name}_total", arguments, self.terms, call)
        self._call, self._weights = call, self.terms.tensors - 1

    def __call__(self, *arguments: Any, reduction: str, normalizer: float | None) -> Tensor:
        if normalizer is not None or reduction not in ("mean", "sum"):
            divisor_of(reduction, 1, normalizer)  # which refuses what is none
        if reduction == "none":
            return self.terms(*arguments)
        return self.total(*arguments, reduction, normalizer)

    def _value(self, c: Any, out: Tensor, *arguments: Any) -> None:
        weights = arguments[self._weights]
        if weights is not None:
            weights = weights.contiguous()
        self._call(c, arguments, memory(weights), (_TERM, None, memory(out), *[None] * self.terms.differentiable))

    def _gradient(self, c: Any, cotangent: Tensor, out: Gradients, *arguments: Any) -> None:
        weights = arguments[self._weights]
        weights = cotangent if weights is None else cotangent * weights
        self._call(c, arguments, memory(weights), (_TERM, None, None, *map(memory, out)))


class _Total:
    """The sum or mean of a loss's terms: an operator that returns it with its gradients. After the leading `batch_dims` dimensions, which vmap adds,
    the terms are summed."""

    def __init__(self, name: str, arguments: str, terms: Operator, call: Callable[..., None]) -> None:
        self._terms, self._call, self._weights = terms, call, terms.tensors - 1
        self._tensors, self._differentiable, self._no_gradients = terms.tensors, terms.differentiable, (None,) * terms.differentiable
        self._nothing = (None,) * (arguments.count(",") + 5 - terms.differentiable)
        self.operator = define(
            name, f"{arguments}, str reduction, float? normalizer, int batch_dims, bool[] wanted", 1 + terms.differentiable,
            self._checked_values, self._fake, self._pull_by_operator, self._remember,
        )  # fmt: skip
        vmap_by(self.operator, self._in_front, 1 + terms.differentiable)
        self.eager, self.transformed = self._functions()

    def __call__(self, *arguments: Any) -> Tensor:
        tensors = arguments[: self._tensors]
        if is_compiling() or not (is_transformed() or is_plain(tensors)):
            wanted = [x.requires_grad for x in tensors[: self._differentiable]]
            total = self.operator(*arguments, 0, wanted)[0]
        elif is_transformed():
            total = self.transformed.apply(*arguments, 0, [True] * self._differentiable)[0]
        elif may_have_gradient(tensors[: self._differentiable]):
            total = self.eager.apply(*tensors, arguments)
        else:
            total = self.values(arguments, ())[0]
        return total

    def values(self, arguments: Sequence[Any], wanted: Sequence[bool]) -> Sequence[Any]:
        """The total and its gradients, None for those that are not wanted."""
        inputs, reduction, normalizer = arguments[:-2], arguments[-2], arguments[-1]
        first, weights, c = inputs[0], inputs[self._weights], c_functions(inputs[0])
        on_cuda = isinstance(c, CudaFunctions)
        sum_of: Any = first.new_empty((), dtype=torch.float64) if on_cuda else ctypes.c_double()
        divisor = divisor_of(reduction, math.prod(self._terms.shape(*inputs)), normalizer)
        results: list[Any] = [divisor, memory(sum_of) if on_cuda else sum_of, None, *self._no_gradients]
        total_and_gradients: list[Any] = [None, *self._no_gradients]
        for k, w in enumerate(wanted, 1):
            if w:
                gradient = packed_like(inputs[k - 1])
                total_and_gradients[k], results[k + 2] = gradient, memory(gradient)
        if weights is not None:
            weights = weights.contiguous()
        self._call(c, inputs, weights if weights is None else memory(weights), results)
        total_and_gradients[0] = sum_of.to(first.dtype) if on_cuda else torch.scalar_tensor(sum_of.value, dtype=first.dtype, device=first.device)
        return total_and_gradients

    def _values_of_batch(self, arguments: Sequence[Any], batch_dims: int, wanted: Sequence[bool]) -> tuple[Any, ...]:
        """values() of each item of a batch."""
        inputs, tensors = arguments[:-2], arguments[: self._terms.tensors]
        batch = tuple(self._terms.shape(*inputs))[:batch_dims]
        flat = [None if x is None else x.reshape(math.prod(batch), *x.shape[batch_dims:]) for x in tensors]
        items = [
            self.values((*(None if x is None else x[i] for x in flat), *arguments[len(tensors) :]), wanted) for i in range(math.prod(batch))
        ]
        if not items:
            return (inputs[0].new_empty(batch), *gradients_of(wanted, inputs))
        stacked = (None if column[0] is None else torch.stack(column) for column in zip(*items))
        return tuple([None if x is None else x.reshape(*batch, *x.shape[1:]) for x in stacked])

    def _checked_values(self, *arguments: Any) -> tuple[Tensor, ...]:
        *given, batch_dims, wanted = arguments
        check_kinds(self._terms.name, given[: self._terms.tensors])
        check_wanted(self._terms.name, wanted, self._terms.differentiable)
        total, *gradients = self._values_of_batch(given, batch_dims, wanted) if batch_dims else self.values(given, wanted)
        return (total, *packed(tuple(gradients), given[0]))

    def _fake(self, *arguments: Any) -> tuple[Tensor, ...]:
        *inputs, reduction, normalizer, batch_dims, wanted = arguments
        total = new(inputs[0], self._terms.shape(*inputs)[:batch_dims])
        return (total, *packed(gradients_of(wanted, inputs), inputs[0]))

    def _remember(self, context: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        """The gradients, and what they are of, for the error of a second derivative."""
        _, *gradients = output
        context.mark_non_differentiable(*gradients)
        context.set_materialize_grads(False)
        context.batch_dims, context.wanted = inputs[-2], inputs[-1]
        context.save_for_backward(*gradients, *inputs[: self._terms.differentiable])

    def _pull_by_operator(self, context: Any, cotangent: Tensor | None, *_: Any) -> Any:
        k = self._terms.differentiable
        if cotangent is None:
            return (*[None] * k, *self._nothing)
        needed, saved = context.needs_input_grad[:k], context.saved_tensors
        if any(need and not wanted for need, wanted in zip(needed, context.wanted)):
            raise RuntimeError(f"{self._terms.name}: a gradient is needed that was not computed, because its tensor did not require it before")
        return (*self._scale(cotangent, context.batch_dims, needed, saved[:k], saved[k:]), *self._nothing)

    def _scale(
        self, cotangent: Tensor, batch_dims: int, needed: Sequence[bool], gradients: Sequence[Tensor], of: Sequence[Tensor]
    ) -> Gradients:
        if torch.is_grad_enabled() and type(cotangent) is Tensor and not (has_storage(cotangent) or is_transformed() or is_compiling()):
            refuse_second_derivative()  # now, because torch loses the graph in the batch of is_grads_batched=True
        scaled = Scaled.apply if is_transformed() and not is_compiling() else _by_operator
        return tuple([scaled(batch_dims, cotangent, x, *of) if need else None for need, x in zip(needed, gradients)])

    def _in_front(self, info: Any, in_dims: Any, *arguments: Any) -> list[Any]:
        *given, batch_dims, wanted = in_front(info, in_dims, arguments, self._tensors)
        return [*given, batch_dims + 1, wanted]

    def _functions(self) -> tuple[Any, Any]:
        this, k = self, self._terms.differentiable
        constants = (None,) * (self._terms.tensors - k + 1)

        class Eager(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *tensors_and_arguments: Any) -> Any:
                arguments = tensors_and_arguments[-1]  # all of them in one, because torch looks at each argument by itself
                total, *gradients = this.values(arguments, context.needs_input_grad[:k])
                context.save_for_backward(*gradients, *arguments[:k])
                return total

            @staticmethod
            def backward(context: Any, cotangent: Tensor) -> Any:
                saved, needed = context.saved_tensors, context.needs_input_grad
                if torch.is_grad_enabled():
                    return (*this._scale(cotangent, 0, needed[:k], saved[:k], saved[k:]), *constants)
                if not hasattr(context, "is_given") and _is_one(cotangent):
                    context.is_given = True  # once: what another backward pass gives has memory of its own
                    return (*saved[:k], *constants)
                return (*[x * cotangent if need else None for need, x in zip(needed, saved[:k])], *constants)

        class Transformed(torch.autograd.Function):
            @staticmethod
            def forward(*arguments: Any) -> Any:
                return this.operator(*arguments)

            setup_context = staticmethod(this._remember)  # type: ignore[assignment]

            @staticmethod
            def backward(context: Any, *cotangents: Any) -> Any:
                return this._pull_by_operator(context, *cotangents)

            @staticmethod
            def vmap(info: Any, in_dims: Any, *arguments: Any) -> Any:
                return Transformed.apply(*this._in_front(info, in_dims, *arguments)), (0,) * (1 + k)

        return Eager, Transformed


class Scaled(torch.autograd.Function):
    """A gradient times the cotangent of its total. It is tied to what the gradient is `of`, so that differentiating it again raises."""

    @staticmethod
    def forward(batch_dims: int, cotangent: Tensor, gradient: Tensor, *of: Tensor) -> Tensor:
        return _times(cotangent, gradient, batch_dims)

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Any) -> None:
        pass

    backward = staticmethod(refuse_second_derivative)  # type: ignore[assignment]

    @staticmethod
    def vmap(info: Any, in_dims: Any, batch_dims: int, *tensors: Any) -> Any:
        return Scaled.apply(batch_dims + 1, *in_front(info, in_dims[1:], tensors, len(tensors))), 0


def _is_one(cotangent: Tensor) -> bool:
    """Whether it is known to be 1, as that of a loss is from which backward() is called."""
    return cotangent.is_cpu and has_storage(cotangent) and not (is_compiling() or is_transformed()) and is_plain((cotangent,)) and cotangent.item() == 1


def _times(cotangent: Tensor, gradient: Tensor, batch_dims: int) -> Tensor:
    return gradient * cotangent.reshape(*cotangent.shape, *[1] * (gradient.dim() - batch_dims)) if batch_dims else gradient * cotangent


def _times_of(cotangent: Tensor, gradient: Tensor, batch_dims: int, of: Sequence[Tensor]) -> Tensor:
    return _times(cotangent, gradient, batch_dims)


_scaled = define(
    "scaled", "Tensor cotangent, Tensor gradient, int batch_dims, Tensor[] of", 1, _times_of, _times_of, refuse_second_derivative
)
"""Scaled for torch's compiler. It takes what the gradient is of, although it does not read it: a compiled backward pass refuses to be differentiated
only if it was given something that requires a gradient."""
vmap_by(
    _scaled,
    lambda info, in_dims, cotangent, gradient, batch_dims, of: (
        *in_front(info, in_dims, (cotangent, gradient), 2), batch_dims + 1, in_front(info, in_dims[3], of, len(of)),
    ),
    1,
)  # fmt: skip


def _by_operator(batch_dims: int, cotangent: Tensor, gradient: Tensor, *of: Tensor) -> Tensor:
    return _scaled(cotangent, gradient, batch_dims, of)
