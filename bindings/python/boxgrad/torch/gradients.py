"""Clipping of gradients, in the place of torch.nn.utils'."""

from __future__ import annotations

import collections.abc
import warnings
from typing import Iterable, List, Union

import torch
from torch import Tensor

from .. import gradient_norm as _arrays
from . import _cuda

Tensors = Union[Tensor, Iterable[Tensor]]


def _listed(tensors: Tensors) -> List[Tensor]:
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed and isinstance(tensors, collections.abc.Iterator):
        warnings.warn("a generator yields no tensors, so that nothing is measured or clipped; one that was gone through yields nothing again", stacklevel=3)
    return listed


def _gradients(parameters: List[Tensor]) -> List[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def _changed(parameters: List[Tensor]) -> None:
    """Tells autograd that the gradients' numbers changed, so that it refuses to use them where it saved the old ones."""
    for gradient in _gradients(parameters):
        torch.autograd.graph.increment_version(gradient)


def _as_tensor(total: Union[float, Tensor], gradients: List[Tensor]) -> Tensor:
    """A number in the dtype that holds every gradient's, at least float32: float16 ends at 65504."""
    dtype = torch.float32
    for gradient in gradients:
        dtype = torch.promote_types(dtype, gradient.dtype)
    return total.to(dtype) if isinstance(total, Tensor) else torch.tensor(total, dtype=dtype)


def _on_cuda(gradients: List[Tensor]) -> _cuda.CudaGradients | None:
    """The gradients, if one is on a CUDA device. Then all must be."""
    return _cuda.CudaGradients(gradients) if any(isinstance(x, Tensor) and x.is_cuda for x in gradients) else None


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """(sum of |x|^p)^(1/p) over all elements of all tensors, as a tensor. In the place of torch.nn.utils.get_total_norm.

    Of float16, bfloat16 and float32 exact for p = 1, 2 and inf, and rounded once. The result has the dtype of the tensors, but at least
    float32. foreach is taken, and changes nothing. Of CUDA tensors it is on their device, norm_type is 1, 2 or inf, and only
    error_if_nonfinite waits for the device.

    NonFiniteError, a RuntimeError: error_if_nonfinite, and the norm is infinite or NaN; ValueError: norm_type is not positive;
    TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> boxgrad.torch.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5.)
    """
    listed = _listed(tensors)
    on_cuda = _on_cuda(listed)
    if on_cuda:
        norm = on_cuda.norm(_cuda.order_on_gpu(norm_type))
        if error_if_nonfinite:
            on_cuda.refuse_nonfinite(norm, "tensors")
        return _as_tensor(norm, listed)
    total = _arrays.get_total_norm([x.detach() for x in listed], norm_type, error_if_nonfinite, foreach)
    return _as_tensor(total, listed)


def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None,
    *, on_nonfinite: str = "propagate",
) -> Tensor:  # fmt: skip
    """Scales the parameters' gradients in place by max_norm / (total + 1e-6), unless that is >= 1; returns the total norm before, as a tensor.

    In the place of torch.nn.utils.clip_grad_norm_. float16, bfloat16, float32 and float64 may be mixed. The norm is
    get_total_norm's. on_nonfinite says what becomes of an infinite or NaN total: "propagate" scales all
    the same, as torch does; "error" raises NonFiniteError and changes nothing, as error_if_nonfinite=True does; "skip" changes
    nothing; "zero" makes every gradient 0. foreach is taken, and changes nothing. Of CUDA tensors the total is on their device,
    norm_type is 1, 2 or inf, and only "error" waits for the device.

    NonFiniteError, a RuntimeError; ValueError: max_norm negative or NaN, norm_type not positive; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> boxgrad.torch.clip_grad_norm_(weight, max_norm=1.0), weight.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    listed = _listed(parameters)
    on_cuda = _on_cuda(_gradients(listed))
    if on_cuda:
        code = _arrays._mode(error_if_nonfinite, on_nonfinite)
        norm = on_cuda.clip(_arrays._not_negative(max_norm, "max_norm"), _cuda.order_on_gpu(norm_type), code)
        if code == _arrays._ON_NONFINITE["error"]:
            on_cuda.refuse_nonfinite(norm, "parameters")
        _changed(listed)
        return _as_tensor(norm, _gradients(listed))
    total = _arrays.clip_grad_norm_(listed, max_norm, norm_type, error_if_nonfinite, foreach, on_nonfinite=on_nonfinite)
    _changed(listed)
    return _as_tensor(total, _gradients(listed))


def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None) -> None:
    """Scales the parameters' gradients in place by max_norm / (total_norm + 1e-6), unless that is >= 1.

    The second half of clip_grad_norm_. In the place of torch.nn.utils.clip_grads_with_norm_. If gradients and total_norm are on a CUDA
    device, it does not wait for it, and does not see a negative total_norm.

    ValueError: max_norm negative or NaN, total_norm negative; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([3.0, 4.0])
    >>> boxgrad.torch.clip_grads_with_norm_(weight, 1.0, torch.tensor(10.0))
    >>> weight.grad
    tensor([0.3000, 0.4000])
    """
    listed = _listed(parameters)
    on_cuda = _on_cuda(_gradients(listed))
    if on_cuda:
        limit, total = _arrays._not_negative(max_norm, "max_norm"), torch.as_tensor(total_norm)
        if not total.is_cuda and total < 0:
            raise ValueError(f"total_norm must not be negative, not {float(total)}")
        on_cuda.clip_with_norm(limit, total)
        return _changed(listed)
    _arrays.clip_grads_with_norm_(listed, max_norm, float(total_norm), foreach)
    _changed(listed)


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clamps every element of the parameters' gradients to [-clip_value, clip_value] in place. NaN stays NaN.

    In the place of torch.nn.utils.clip_grad_value_.

    ValueError: clip_value negative or NaN; TypeError: dtype, device.

    >>> import torch, boxgrad.torch
    >>> weight = torch.nn.Parameter(torch.zeros(2))
    >>> weight.grad = torch.tensor([-3.0, 0.5])
    >>> boxgrad.torch.clip_grad_value_(weight, 1.0)
    >>> weight.grad
    tensor([-1.0000,  0.5000])
    """
    listed = _listed(parameters)
    on_cuda = _on_cuda(_gradients(listed))
    if on_cuda:
        on_cuda.clip_value(_arrays._not_negative(clip_value, "clip_value"))
        return _changed(listed)
    _arrays.clip_grad_value_(listed, clip_value, foreach)
    _changed(listed)
