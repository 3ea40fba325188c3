"""Gradients of boxgrad's functions: vjp, value_and_grad, stop_gradient, and the decorator that makes them possible."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, Container, Optional, Sequence, Tuple, TypeVar, Union

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, to_floats

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")
Gradients = Tuple[Optional[Array], ...]
Pullback = Callable[[Any], Gradients]
WithPullback = Tuple[T, Pullback]

_RULES: dict[Callable[..., Any], tuple[Callable[..., WithPullback[Any]], tuple[str, ...]]] = {}


def differentiable(*arrays: str) -> Callable[[Callable[P, WithPullback[T]]], Callable[P, T]]:
    """Makes a public function out of one that returns its value and its pullback, and lets vjp find the latter.

    `arrays` names the leading parameters that have gradients. The pullback gets a packed cotangent of the value's shape
    and dtype, and returns one gradient per name, None where the operand's is not wanted; with none wanted it is not called.
    """

    def publish(rule: Callable[P, WithPullback[T]]) -> Callable[P, T]:
        @functools.wraps(rule)
        def function(*args: P.args, **options: P.kwargs) -> T:
            return rule(*args, **options)[0]

        # For help(): what the caller gets is the T of WithPullback[T].
        rule.__annotations__["return"] = rule.__annotations__["return"][len("WithPullback[") : -1]
        _RULES[function] = rule, arrays
        return function

    return publish


def stop_gradient(x: npt.ArrayLike) -> Marked:
    """Marks an argument as constant: vjp and value_and_grad give None for it, and its gradient is not computed.

    Every differentiable function takes the marked array in place of the array. This is torch's detach and TensorFlow's
    stop_gradient; Faster R-CNN's joint training stops the gradient at the proposals with it (Ren 2015).

    >>> import boxgrad
    >>> value, pullback = boxgrad.vjp(boxgrad.box_iou, [[0., 0, 2, 2]], boxgrad.stop_gradient([[1., 0, 3, 2]]))
    >>> pullback(1.0)[1] is None
    True
    """
    return x if isinstance(x, Marked) else Marked(x, wanted=False)


def _evaluate(
    f: Callable[..., T], args: tuple[Any, ...], options: dict[str, Any], wanted: Container[int] | None = None
) -> tuple[T, Callable[[npt.ArrayLike], Gradients]]:
    """f's value, and the pullback to the array arguments numbered in `wanted` (to all, if None) that are not stopped."""
    try:
        rule, names = _RULES[f]
    except (KeyError, TypeError):
        known = ", ".join(sorted(function.__name__ for function in _RULES))
        raise TypeError(f"{f!r} is not one of boxgrad's differentiable functions, which are {known}") from None
    arguments: dict[Any, Any] = {**dict(enumerate(args)), **options}
    any_wanted = False
    for index, name in enumerate(names):
        key = index if index < len(args) else name
        if (wanted is None or index in wanted) and key in arguments and not isinstance(arguments[key], Marked):
            arguments[key] = Marked(arguments[key], wanted=True)
            any_wanted = True
    positional = [arguments.pop(index) for index in range(len(args))]
    value, pullback = rule(*positional, **arguments)
    shape, dtype = value.shape, value.dtype

    def checked_pullback(cotangent: npt.ArrayLike) -> Gradients:
        array = to_floats(cotangent, "cotangent")
        if array.ndim and array.shape != shape:
            raise ValueError(f"cotangent has the shape {array.shape}, the value has {shape}")
        packed = np.empty(shape, dtype)
        packed[...] = array
        return pullback(packed) if any_wanted else (None,) * len(names)

    return value, checked_pullback


def vjp(f: Callable[..., T], *args: Any, **options: Any) -> tuple[T, Callable[[npt.ArrayLike], Gradients]]:
    """f's value, and the function that pulls a gradient of that value back to f's array arguments.

    f is a differentiable function of boxgrad, called with `args` and `options`. `pullback(cotangent)` takes the gradient
    of some loss with respect to the value, of the value's shape or a scalar, and returns a tuple with the gradient with
    respect to each array argument, in the value's dtype; None for those under stop_gradient. It may be called any number
    of times. The arrays are not copied: do not change them in between.

    TypeError: f is another function (the message lists them); ValueError: the cotangent's shape.

    >>> import boxgrad
    >>> area, pullback = boxgrad.vjp(boxgrad.box_area, [[0.0, 0.0, 3.0, 2.0]])
    >>> pullback(1.0)
    (array([[-2., -3.,  2.,  3.]]),)
    """
    return _evaluate(f, args, options)


def value_and_grad(f: Callable[..., Any], argnums: Union[int, Sequence[int]] = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that returns f's value and its gradient with respect to one array argument, or a tuple for several.

    f is a differentiable function with a scalar value: a loss with reduction="mean" or "sum". Losses compute the value
    and its gradients in one pass; gradients not asked for are not computed.

    TypeError: f is no differentiable function, or its value is not a scalar; ValueError: argnums names no array argument.

    >>> import boxgrad
    >>> loss = boxgrad.value_and_grad(boxgrad.smooth_l1_loss)
    >>> value, gradient = loss([0.5, 3.0], [0.0, 0.0], reduction="sum")
    >>> print(value, gradient)
    2.625 [0.5 1. ]
    """
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(f)
    def function(*args: Any, **options: Any) -> tuple[Any, Any]:
        value, pullback = _evaluate(f, args, options, wanted)
        if value.ndim:
            raise TypeError(f"{f.__name__} gave an array of shape {value.shape}: pass reduction='mean' or 'sum', or use vjp")
        gradients = pullback(1.0)
        if not all(0 <= i < len(gradients) for i in wanted):
            raise ValueError(f"argnums must be from 0 to {len(gradients) - 1}, not {argnums}")
        return value, gradients[wanted[0]] if isinstance(argnums, int) else tuple(gradients[i] for i in wanted)

    return function
