"""Pooling of regions: the bits of boxgrad's functions of arrays, gradients by torch's gradcheck, refusals."""

import boxgrad
import boxgrad.torch
import numpy as np
import pytest
import torch

FUNCTIONS = {
    "roi_align": {"output_size": (3, 2), "spatial_scale": 0.5, "sampling_ratio": 2, "aligned": True},
    "precise_roi_pool": {"output_size": (2, 3), "spatial_scale": 0.5},
}
each = pytest.mark.parametrize("name", FUNCTIONS)


def example(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64)
    low = torch.rand(6, 2, generator=generator, dtype=torch.float64) * 12 - 2
    boxes = torch.cat([torch.tensor([[0.0], [1], [1], [0], [0], [1]]), low, low + torch.rand(6, 2, generator=generator, dtype=torch.float64) * 9 + 0.5], 1)
    return features.to(dtype).requires_grad_(), boxes.to(dtype).requires_grad_()


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_values_and_gradients_are_those_of_arrays(name, dtype):
    features, boxes = example(dtype)
    value = getattr(boxgrad.torch, name)(features, boxes, **FUNCTIONS[name])
    expected, pullback = boxgrad.vjp(getattr(boxgrad, name), features.detach().numpy(), boxes.detach().numpy(), **FUNCTIONS[name])
    assert value.detach().numpy().tobytes() == expected.tobytes()
    cotangent = torch.randn(value.shape, dtype=dtype)
    for tensor, array in zip(torch.autograd.grad(value, (features, boxes), cotangent), pullback(cotangent.numpy())):
        assert tensor.numpy().tobytes() == np.ascontiguousarray(array).tobytes()


@each
def test_gradcheck(name):
    """Of the box itself: a difference of the image's index is no difference."""
    features, table = example()
    images, boxes = table.detach()[:, :1], table.detach()[:, 1:].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, boxes: getattr(boxgrad.torch, name)(x, torch.cat([images, boxes], 1), **FUNCTIONS[name]), (features, boxes))


@each
def test_lists_layouts_and_dtypes(name):
    function, options = getattr(boxgrad.torch, name), FUNCTIONS[name]
    features, boxes = example()
    order = boxes[:, 0].argsort(stable=True)
    value = function(features, boxes[order], **options)
    listed = [boxes[boxes[:, 0] == image, 1:] for image in (0, 1)]
    assert torch.equal(function(features, listed, **options), value)
    assert torch.equal(function(features.contiguous(memory_format=torch.channels_last), boxes[order], **options), value)
    assert function(features.half(), boxes.half(), **options).dtype is torch.float16
    assert function(features.bfloat16(), boxes, **options).dtype is torch.bfloat16
    of_list = torch.autograd.grad(function(features, listed, **options).sum(), boxes, retain_graph=True)[0]
    assert torch.equal(of_list[order], torch.autograd.grad(value.sum(), boxes)[0][order])
    assert torch.autograd.grad(function(features, boxes.detach(), **options).sum(), features)[0].abs().sum() > 0
    for empty in (boxes[:0], [boxes[:0, 1:]] * 2):
        assert function(features, empty, **options).shape == (0, *value.shape[1:])


@each
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_refusals(name, bad):
    function, options = getattr(boxgrad.torch, name), FUNCTIONS[name]
    features, boxes = (x.detach() for x in example())
    for change in (lambda x: x[:, :4], lambda x: [x]):
        with pytest.raises(ValueError):
            function(features, change(boxes), **options)
    with pytest.raises(ValueError):
        function(features[0], boxes, **options)
    with pytest.raises(ValueError):
        function(features, torch.tensor([[2.0, 0, 0, 1, 1]], dtype=torch.float64), **options)
    boxes[3, 2] = bad
    with pytest.raises(boxgrad.NonFiniteError, match=r"boxes\[3\]"):
        function(features, boxes, **options)


def test_module():
    features, boxes = example()
    module = boxgrad.torch.RoIAlign((3, 2), 0.5, 2, True)
    assert torch.equal(module(features, boxes), boxgrad.torch.roi_align(features, boxes, (3, 2), 0.5, 2, True))
    assert str(module) == "RoIAlign(output_size=(3, 2), spatial_scale=0.5, sampling_ratio=2, aligned=True)"
