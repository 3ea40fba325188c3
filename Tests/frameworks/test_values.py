"""Values and gradients: those of boxgrad's functions of arrays, bit for bit, and torchvision's, whatever the memory, the dtype and what requires a gradient."""

import boxgrad
import boxgrad.torch
import numpy as np
import pytest
import torch
from cases import CASES, EACH, EACH_IDS, IDS, NAMES

FLOATS = {torch.float32: np.float32, torch.float64: np.float64}


def same_bits(tensor, array):
    array = np.asarray(array)
    assert tensor.dtype == getattr(torch, array.dtype.name) and tensor.shape == array.shape
    assert tensor.detach().contiguous().numpy().tobytes() == np.ascontiguousarray(array).tobytes()


def test_every_differentiable_function_of_arrays_has_one_of_tensors():
    import functions

    assert set(NAMES) == set(functions.DIFFERENTIABLE) and all(hasattr(boxgrad.torch, name) for name in functions.OF_REGIONS)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_they_are_those_of_arrays(case, dtype):
    arrays = [x.astype(FLOATS[dtype]) for x in case.examples]
    tensors = case.tensors(dtype)
    value = case(*tensors)
    cotangent = np.random.default_rng(3).normal(size=value.shape).astype(FLOATS[dtype])
    gradients = torch.autograd.grad(value, tensors, torch.tensor(cotangent))
    expected, expected_gradients = case.value_and_gradients(arrays, cotangent)
    same_bits(value, expected)
    with torch.no_grad():
        same_bits(case(*tensors), expected)
    for gradient, other in zip(gradients, expected_gradients):
        same_bits(gradient, other)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_which_gradients_are_computed(case):
    """None, one of the two, or both: each is what it is when all are."""
    tensors = case.tensors()
    gradients = torch.autograd.grad(case(*tensors).sum(), tensors)
    assert not case(*case.tensors(wanted=())).requires_grad
    for k in range(len(tensors)):
        some = case.tensors(wanted=(k,))
        case(*some).sum().backward()
        assert [x.grad is None for x in some] == [i != k for i in range(len(some))]
        assert torch.equal(some[k].grad, gradients[k])
    with torch.no_grad():
        assert not case(*tensors).requires_grad


def spread(x):
    """Rows with a gap between them."""
    wide = torch.full((*x.shape[:-1], x.shape[-1] + 3), torch.nan, dtype=x.dtype)
    wide[..., : x.shape[-1]] = x
    return wide[..., : x.shape[-1]]


LAYOUTS = {
    "gaps between rows": spread,
    "columns first": lambda x: x.t().contiguous().t(),
    "every other row": lambda x: x.repeat_interleave(2, dim=0)[::2],
    "an offset": lambda x: torch.cat([x[:1], x])[1:],
    "negative lazily": lambda x: torch._neg_view(-x),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_layouts(case, layout):
    packed = case.tensors()
    others = [layout(x.detach()).requires_grad_() for x in packed]
    expected, value = case(*packed), case(*others)
    assert torch.equal(value, expected)
    cotangent = torch.rand(expected.shape, dtype=torch.float64)
    for gradient, other in zip(torch.autograd.grad(value, others, cotangent), torch.autograd.grad(expected, packed, cotangent)):
        assert torch.equal(gradient, other)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_expanded(case):
    """One row in the place of many, of which the gradient is the sum; and a cotangent without strides, as sum() makes it."""
    packed = [x[:1].detach().repeat(5, *[1] * (x.dim() - 1)).requires_grad_() for x in case.tensors()]
    single = [x[:1].detach().clone().requires_grad_() for x in packed]
    value, expected = case(*(x.expand(5, *x.shape[1:]) for x in single)), case(*packed)
    assert torch.equal(value, expected)
    value.sum().backward(), expected.sum().backward()
    for one, many in zip(single, packed):
        torch.testing.assert_close(one.grad, many.grad.sum(0, keepdim=True))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_empty(case):
    tensors = [x[:0].detach().requires_grad_() for x in case.tensors(torch.float32)]
    value = case(*tensors)
    expected, _ = case.value_and_gradients([x.detach().numpy() for x in tensors])
    same_bits(value, expected)
    value.sum().backward()
    assert all(x.grad.shape == x.shape for x in tensors)


KEEPS_HALF = ("box_convert", "clip_boxes_to_image", "clip", "smooth_l1_loss", "rotated_smooth_l1_loss", "balanced_l1_loss", "encode_boxes", "decode_boxes",
              "encode_distances", "decode_distances", "encode_linear", "decode_linear", "decode_yolo", "decode_distribution",
              "convert_rotated_boxes", "regularize_rotated_boxes", "encode_rotated_boxes", "decode_rotated_boxes",
              "encode_midpoint_offset", "decode_midpoint_offset")  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_half_types_are_computed_in_float32(case, dtype):
    halves = case.tensors(dtype)
    floats = [x.detach().float().requires_grad_() for x in halves]
    value, expected = case(*halves), case(*floats)
    assert value.dtype is (dtype if case.name in KEEPS_HALF else torch.float32)
    assert torch.equal(value, expected.to(value.dtype))
    value.sum().backward(), expected.sum().backward()
    for half, other in zip(halves, floats):
        assert half.grad.dtype is dtype and torch.allclose(half.grad.float(), other.grad, rtol=1e-2, atol=1e-2, equal_nan=True)


@pytest.mark.parametrize("case", EACH, ids=EACH_IDS)
def test_two_dtypes_are_promoted(case):
    if len(case.names) == 1:
        return
    x, y = case.tensors()
    value = case(x.float(), y)
    assert value.dtype is torch.float64
    assert torch.equal(value, case(x.float().double(), y))


@pytest.mark.parametrize("name", ["box_iou_loss", "efficient_box_iou_loss", "smooth_l1_loss", "balanced_l1_loss", "distribution_focal_loss"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_weights(name, reduction):
    """Bit for bit those of arrays, in the value and in the gradients, and expanded."""
    case = next(case for case in CASES if case.name == name)
    arrays, tensors = case.examples, case.tensors()
    weights = {
        key: np.random.default_rng(1).random(size=len(arrays[0]))[(...,) + (None,) * (key != "weights")]
        for key in (("inside_weights", "outside_weights") if name.endswith("l1_loss") else ("weights",))
    }
    value, pullback = boxgrad.vjp(case.arrays, *arrays, reduction=reduction, **weights)
    result = case.function(*tensors, reduction=reduction, **{key: torch.tensor(x) for key, x in weights.items()})
    same_bits(result, value)
    cotangent = np.random.default_rng(2).normal(size=value.shape)
    for gradient, expected in zip(torch.autograd.grad(result, tensors, torch.tensor(cotangent)), pullback(cotangent)):
        same_bits(gradient, expected)


def test_weights_have_no_gradient():
    x, weights = torch.rand(3, 4), torch.rand(3, requires_grad=True)
    for loss, name in ((boxgrad.torch.box_iou_loss, "weights"), (boxgrad.torch.smooth_l1_loss, "inside_weights")):
        with pytest.raises(ValueError, match=rf"{name} requires a gradient, and boxgrad has none for it: pass {name}.detach\(\)"):
            loss(x, x, **{name: weights[:, None] if name != "weights" else weights})
        with torch.no_grad():
            loss(x, x, **{name: weights[:, None] if name != "weights" else weights})


@pytest.mark.parametrize("name", ["box_iou_loss", "smooth_l1_loss"])
def test_normalizer(name):
    x, y = torch.rand(5, 4, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64)
    if name == "smooth_l1_loss":
        assert boxgrad.torch.smooth_l1_loss(x, y, dim=1) == boxgrad.smooth_l1_loss(x, y, dim=1)
    else:
        total = boxgrad.torch.box_iou_loss(x, y, "sum")
        torch.testing.assert_close(boxgrad.torch.box_iou_loss(x, y, "mean", normalizer=2.5), total / 2.5)
        with pytest.raises(ValueError, match="normalizer"):
            boxgrad.torch.box_iou_loss(x, y, "sum", normalizer=2.5)


# torchvision's and torch's own


def of_torchvision(torchvision):
    ops = torchvision.ops
    return {
        "box_area": ops.box_area, "box_convert": ops.box_convert, "clip_boxes_to_image": ops.clip_boxes_to_image, "box_iou": ops.box_iou,
        "generalized_box_iou": ops.generalized_box_iou, "distance_box_iou": ops.distance_box_iou, "complete_box_iou": ops.complete_box_iou,
        "generalized_box_iou_loss": ops.generalized_box_iou_loss, "distance_box_iou_loss": ops.distance_box_iou_loss,
        "complete_box_iou_loss": ops.complete_box_iou_loss, "smooth_l1_loss": torch.nn.functional.smooth_l1_loss, "clip": torch.clamp,
    }  # fmt: skip


OWN = ("yxyx", "straight_through", "inward", "sigma", "dim")
"""Options that torchvision and torch have not."""


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_they_are_torchvisions(case, torchvision):
    theirs = of_torchvision(torchvision).get(case.name)
    if theirs is None or any(word in (*case.options, *case.options.values()) for word in OWN):
        return
    options = {key: value for key, value in case.options.items() if key != "mode"}
    tensors = case.tensors()
    value, expected = case(*tensors), theirs(*tensors, **options)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    cotangent = torch.rand(value.shape, dtype=value.dtype)
    gradients, others = (torch.autograd.grad(x, tensors, cotangent) for x in (value, expected))
    torch.testing.assert_close(gradients, others, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.int16], ids=str)
def test_integers(torchvision, dtype):
    boxes, ours, theirs = torch.tensor([[1, 2, 5, 9], [3, 3, 4, 8], [0, 0, 7, 5]], dtype=dtype), boxgrad.torch, torchvision.ops
    for result, expected in (
        (ours.box_area(boxes), theirs.box_area(boxes)),
        (ours.clip_boxes_to_image(boxes, (6, 4)), theirs.clip_boxes_to_image(boxes, (6, 4))),
        *((ours.box_convert(boxes, source, target), theirs.box_convert(boxes, source, target))
          for source in ("xyxy", "xywh", "cxcywh") for target in ("xyxy", "xywh", "cxcywh")),
        (ours.box_iou(boxes, boxes), theirs.box_iou(boxes, boxes)),
        (ours.remove_small_boxes(boxes, 5), theirs.remove_small_boxes(boxes, 5)),
    ):  # fmt: skip
        torch.testing.assert_close(result, expected)


def test_leading_dimensions(torchvision):
    a, b = torch.rand(2, 3, 5, 4), torch.rand(3, 6, 4)
    torch.testing.assert_close(boxgrad.torch.box_iou(a, b), torchvision.ops.box_iou(a, b))
    torch.testing.assert_close(boxgrad.torch.generalized_box_iou_loss(a, b[:, :5]), torchvision.ops.generalized_box_iou_loss(a, b[:, :5].expand_as(a)))
    assert boxgrad.torch.decode_boxes(torch.rand(5, 4), torch.rand(5, 3, 4)).shape == (5, 3, 4)


def test_a_device_context_is_not_obeyed():
    """Results are where the tensors are: memory elsewhere would be written to by its address."""
    x, y = torch.rand(3, 4, requires_grad=True), torch.rand(3, 4)
    with torch.device("meta"):
        for value in (boxgrad.torch.box_iou(x, y).sum(), boxgrad.torch.generalized_box_iou_loss(x, y, "mean"), boxgrad.torch.box_area(x).sum()):
            assert value.device.type == "cpu"
            value.backward()
    assert x.grad.device.type == "cpu" and x.grad.isfinite().all()
