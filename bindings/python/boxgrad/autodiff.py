"""Gradients of boxgrad's functions: vjp, value_and_grad, stop_gradient, and the decorator that makes them possible."""

from __future__ import annotations

import functools
from typing import Any, Callable, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Marked, to_floats
from ._scalars import integers

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Gradients = Tuple[Optional[Array], ...]

_ARRAYS: dict[Callable[..., Any], tuple[str, ...]] = {}
"""The differentiable functions, with the names of their array arguments."""


def differentiable(*arrays: str) -> Callable[[F], F]:
    """Lets vjp find a function; `arrays` names the leading parameters that have gradients.

    The function looks whether its arguments are marked as wanted, which only vjp does. If none is, it returns its value. Otherwise
    it returns with_pullback(...).
    """

    def register(f: F) -> F:
        _ARRAYS[f] = arrays
        return f

    return register


class _Differentiated(NamedTuple):
    value: Any
    pullback: Callable[[Array], Gradients]
    gradients: Optional[Gradients]


def with_pullback(value: T, pullback: Callable[[Array], Gradients], gradients: Gradients | None = None) -> T:
    """What a differentiable function returns to vjp.

    pullback(cotangent) gets a packed cotangent of the value's shape and dtype, which it may overwrite, and returns one gradient per
    array argument, None where it is not wanted. `gradients`: those of a scalar value, if they came with it.
    """
    return _Differentiated(value, pullback, gradients)  # type: ignore[return-value]


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


def _evaluate(f: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], argnums: Sequence[int]) -> _Differentiated:
    """f's value, and its pullback to those of the numbered array arguments that are not stopped."""
    names = _array_names(f)
    arguments = list(args)
    for index in argnums:
        if index < len(arguments):
            arguments[index] = _wanted(arguments[index])
        elif names[index] in options:
            options[names[index]] = _wanted(options[names[index]])
    result = f(*arguments, **options)
    if type(result) is _Differentiated:
        return result
    nothing = (None,) * len(names)
    return _Differentiated(result, lambda cotangent: nothing, nothing)


def _array_names(f: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return _ARRAYS[f]
    except (KeyError, TypeError):
        known = ", ".join(sorted(function.__name__ for function in _ARRAYS))
        raise TypeError(f"{f!r} is not one of boxgrad's differentiable functions, which are {known}") from None


def _wanted(x: Any) -> Marked:
    return x if isinstance(x, Marked) else Marked(x, wanted=True)


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
    value, pullback, _ = _evaluate(f, args, options, range(len(_array_names(f))))
    shape, dtype = value.shape, value.dtype

    def checked_pullback(cotangent: npt.ArrayLike) -> Gradients:
        array = to_floats(cotangent, "cotangent")
        if array.ndim and array.shape != shape:
            raise ValueError(f"cotangent has the shape {array.shape}, the value has {shape}")
        packed = np.empty(shape, dtype)
        packed[...] = array
        return pullback(packed)

    return value, checked_pullback


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
    names, wanted, single = _array_names(f), integers(argnums, "argnums"), np.ndim(argnums) == 0
    if len(set(wanted)) < len(wanted) or not all(0 <= n < len(names) for n in wanted):
        raise ValueError(f"argnums must be different numbers from 0 to {len(names) - 1}, not {argnums}")

    @functools.wraps(f)
    def function(*args: Any, **options: Any) -> tuple[Any, Any]:
        value, pullback, gradients = _evaluate(f, args, options, wanted)
        if value.ndim:
            raise TypeError(f"{f.__name__} gave an array of shape {value.shape}: pass reduction='mean' or 'sum', or use vjp")
        if gradients is None:
            gradients = pullback(np.ones((), value.dtype))
        return value, gradients[wanted[0]] if single else tuple(gradients[i] for i in wanted)

    return function
