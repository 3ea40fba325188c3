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
    assert function(features.half(), boxes.half(), **options).dtype is torch.float16
    assert function(features.bfloat16(), boxes, **options).dtype is torch.bfloat16
    of_list = torch.autograd.grad(function(features, listed, **options).sum(), boxes, retain_graph=True)[0]
    assert torch.equal(of_list[order], torch.autograd.grad(value.sum(), boxes)[0][order])
    assert torch.autograd.grad(function(features, boxes.detach(), **options).sum(), features)[0].abs().sum() > 0
    for empty in (boxes[:0], [boxes[:0, 1:]] * 2):
        assert function(features, empty, **options).shape == (0, *value.shape[1:])


@each
def test_channels_last(name):
    """Value and gradient have the features' layout, and the bits of the arrays' function, which sums in another order there."""
    function, options = getattr(boxgrad.torch, name), FUNCTIONS[name]
    features, boxes = example()
    last = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    value, plain = function(last, boxes, **options), function(features, boxes, **options)
    arrays = last.detach().permute(0, 2, 3, 1).numpy().transpose(0, 3, 1, 2)
    expected, pullback = boxgrad.vjp(getattr(boxgrad, name), arrays, boxes.detach().numpy(), **options)
    assert value.is_contiguous(memory_format=torch.channels_last) and np.array_equal(value.detach().numpy(), expected)
    assert torch.allclose(value, plain, rtol=1e-14, atol=1e-14)
    cotangent = torch.randn(value.shape, dtype=torch.float64)
    gradients = torch.autograd.grad(value, (last, boxes), cotangent)
    assert gradients[0].is_contiguous(memory_format=torch.channels_last)
    for mine, array, other in zip(gradients, pullback(cotangent.numpy()), torch.autograd.grad(plain, (features, boxes), cotangent)):
        assert np.array_equal(mine.numpy(), array) and torch.allclose(mine, other, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda x: function(x, boxes.detach(), **options), last)


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


@each
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_compiled_whole(name, layout):
    features, boxes = example()
    features = features.detach().contiguous(memory_format=layout).requires_grad_()

    def loss(features, boxes):
        return (getattr(boxgrad.torch, name)(features * 2, boxes * 0.5, **FUNCTIONS[name]) ** 2).sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True)
    for found, expected in zip(*(torch.autograd.grad(f(features, boxes), (features, boxes)) for f in (compiled, loss))):
        assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_module():
    features, boxes = example()
    module = boxgrad.torch.RoIAlign((3, 2), 0.5, 2, True)
    assert torch.equal(module(features, boxes), boxgrad.torch.roi_align(features, boxes, (3, 2), 0.5, 2, True))
    assert str(module) == "RoIAlign(output_size=(3, 2), spatial_scale=0.5, sampling_ratio=2, aligned=True)"


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-4), (torch.float64, 1e-10)], ids=str)
def test_levels_of_a_pyramid_are_torchvisions(dtype, tolerance):
    torchvision = pytest.importorskip("torchvision")
    generator = torch.Generator().manual_seed(3)
    names = ["0", "1", "2", "3"]
    maps = {name: torch.randn(2, 3, -(-200 // 2**k), -(-333 // 2**k), generator=generator).to(dtype) for k, name in enumerate(names)}
    low = torch.rand(300, 2, generator=generator) * torch.tensor([1000.0, 600])
    sizes = 2 ** (torch.rand(300, 2, generator=generator) * 9)
    sizes[:4] = torch.tensor([[112.0, 112], [224, 224], [448, 448], [0, 5]])  # on the border of two levels, and without area
    # Within the images: torchvision's function in Python, which runs here, does not know what is beyond them.
    table = torch.minimum(torch.cat([low, low + sizes], dim=1), torch.tensor([1190.0, 730]).repeat(2))
    table = table.to(dtype)
    boxes, shapes = [table[:120], table[120:]], [(800, 1200), (740, 1333)]
    for options in ({}, {"canonical_scale": 160, "canonical_level": 5}):
        theirs = torchvision.ops.MultiScaleRoIAlign(names, 2, 2, **options)
        ours = boxgrad.torch.MultiScaleRoIAlign(names, 2, 2, **options)
        value = ours(maps, boxes, shapes)
        assert torch.allclose(value, theirs(maps, boxes, shapes), atol=tolerance)
        arrays = {name: x.numpy() for name, x in maps.items()}
        assert np.array_equal(boxgrad.MultiScaleRoIAlign(names, 2, 2, **options)(arrays, [x.numpy() for x in boxes], shapes), value.numpy())
    assert torch.equal(boxgrad.torch.MultiScaleRoIAlign(["1"], 2, 2)(maps, boxes, shapes), boxgrad.torch.roi_align(maps["1"], boxes, 2, 0.125, 2))


def test_a_pyramid_has_gradients_for_maps_and_boxes():
    maps = {name: torch.randn(1, 2, size, size, dtype=torch.float64, requires_grad=True) for name, size in (("fine", 16), ("coarse", 8))}
    boxes = torch.tensor([[3.0, 4, 20, 31], [5, 2, 250, 240], [10, 10, 200, 230]], dtype=torch.float64, requires_grad=True)
    pool = boxgrad.torch.MultiScaleRoIAlign(["fine", "coarse"], 2, 2, canonical_scale=112)
    assert torch.autograd.gradcheck(lambda fine, coarse, boxes: pool({"fine": fine, "coarse": coarse}, [boxes], [(64, 64)]), (*maps.values(), boxes))
    pool(maps, [boxes], [(64, 64)]).sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in (*maps.values(), boxes))


def test_a_pyramid_refuses_what_has_no_scale():
    pool = boxgrad.torch.MultiScaleRoIAlign(["a"], 2, 2)
    with pytest.raises(ValueError, match="another scale in each direction"):
        pool({"a": torch.zeros(1, 1, 8, 16)}, [torch.zeros(0, 4)], [(64, 64)])
    with pytest.raises(ValueError, match="x has none of"):
        pool({"b": torch.zeros(1, 1, 8, 8)}, [torch.zeros(0, 4)], [(64, 64)])
    with pytest.raises(ValueError, match="x has none of"):
        boxgrad.MultiScaleRoIAlign(["a"], 2, 2)({}, [np.zeros((0, 4))], [(64, 64)])
    assert "featmap_names=['a']" in str(pool)
