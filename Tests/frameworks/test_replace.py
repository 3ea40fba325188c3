"""torchvision's own detectors run on boxgrad, while it is in torchvision's place; and tensors that are elsewhere."""

import boxgrad.torch
import pytest
import torch
from boxgrad.torch import _torchvision
from test_torchvision_detectors import ALL, OBJECTS, ROUNDING, SIDE, images_and_targets, small_model, trained
from torch._subclasses import FakeTensorMode

pytestmark = pytest.mark.usefixtures("operators")


def retinanet(torchvision):
    from torchvision.models import detection

    torch.manual_seed(0)
    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 8, 8), torch.nn.ReLU())
    backbone.out_channels = 8
    anchors = detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((0.5, 1.0, 2.0),))
    head = detection.retinanet.RetinaNetHead(8, 9, 3, norm_layer=lambda channels: torch.nn.GroupNorm(4, channels))
    return detection.RetinaNet(backbone, 3, min_size=SIDE, max_size=SIDE, anchor_generator=anchors, head=head, score_thresh=0)


def build(torchvision, name, dtype):
    model = retinanet(torchvision) if name == "RetinaNet" else small_model(torch, torchvision, name, ALL)
    return model.to(dtype)


def parts(model):
    """The objects that decide how boxes are coded, matched and sampled."""
    kinds = tuple(ours for _, ours in _torchvision.STANDS_FOR.values() if isinstance(ours, type))
    holders = [value for module in model.modules() for value in vars(module).values() if type(value).__name__ in {kind.__name__ for kind in kinds}]
    assert holders
    return holders, kinds


MODELS = ["FasterRCNN", "MaskRCNN", "KeypointRCNN", "FCOS", "RetinaNet"]


@pytest.mark.parametrize("existing", [False, True], ids=["built on boxgrad", "an existing model"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("counts", OBJECTS.values(), ids=OBJECTS)
def test_losses_and_gradients_are_torchvisions(torchvision, name, counts, existing):
    images, targets = images_and_targets(torch, counts, torch.float64)
    theirs = build(torchvision, name, torch.float64)
    expected, gradients = trained(torch, theirs, images, targets)
    model = build(torchvision, name, torch.float64)
    with boxgrad.torch.replace_torchvision(*([model] if existing else [])):
        if not existing:
            model = build(torchvision, name, torch.float64)
        holders, kinds = parts(model)
        assert all(isinstance(holder, kinds) for holder in holders)
        losses, ours = trained(torch, model, images, targets)
    if existing:
        assert not any(isinstance(holder, kinds) for holder in parts(model)[0])
    for loss in expected:
        assert losses[loss].item() == pytest.approx(expected[loss].item(), rel=ROUNDING["float64"], abs=1e-15), loss
    for parameter in gradients:
        assert (ours[parameter] - gradients[parameter]).abs().max() <= ROUNDING["float64"] * max(1, gradients[parameter].abs().max()), parameter


@pytest.mark.parametrize("name", MODELS)
def test_detections_are_torchvisions(torchvision, name):
    images, _ = images_and_targets(torch, (0, 0), torch.float32)
    with torch.no_grad():
        expected = build(torchvision, name, torch.float32).eval()(images)
        with boxgrad.torch.replace_torchvision():
            found = build(torchvision, name, torch.float32).eval()(images)
    for theirs, ours in zip(expected, found):
        assert len(theirs["boxes"]) > 5 and theirs.keys() == ours.keys()
        for key, value in theirs.items():
            assert ours[key].shape == value.shape and (ours[key] - value).abs().max() <= SIDE * ROUNDING["float32"], key


def places(torchvision):
    from torchvision.models import detection

    return {
        name: (getattr(torchvision.ops, name), getattr(torchvision.ops.boxes, name, None))
        if module == _torchvision.OPS else (getattr(detection._utils, name),)
        for name, (module, _) in _torchvision.STANDS_FOR.items()
    }  # fmt: skip


def test_for_a_while_and_for_good(torchvision):
    before = places(torchvision)
    with boxgrad.torch.replace_torchvision():
        for name, found in places(torchvision).items():
            assert all(x is not y for x, y in zip(found, before[name]) if y is not None), name
        box = torch.tensor([[0.0, 0, 2, 2]])
        assert torchvision.ops.box_iou(box * 0, box * 0) == 0, "boxgrad's, and not NaN"
    assert places(torchvision) == before
    with pytest.raises(ZeroDivisionError), boxgrad.torch.replace_torchvision():
        1 / 0
    assert places(torchvision) == before
    lasting = boxgrad.torch.replace_torchvision()
    assert all(x is not y for name, found in places(torchvision).items() for x, y in zip(found, before[name]) if y is not None)
    with boxgrad.torch.replace_torchvision():
        pass
    assert places(torchvision) != before
    with lasting:
        pass
    assert places(torchvision) == before


def test_rotated_boxes_stay_torchvisions(torchvision):
    boxes = torch.tensor([[5.0, 5, 4, 2, 30]])
    expected = torchvision.ops.box_convert(boxes, "cxcywhr", "xywhr")
    with boxgrad.torch.replace_torchvision():
        assert torch.equal(torchvision.ops.box_convert(boxes, "cxcywhr", "xywhr"), expected)
        assert torch.equal(torchvision.ops.box_convert(boxes[:, :4], in_fmt="cxcywh", out_fmt="xyxy"), torch.tensor([[3.0, 4, 7, 6]]))


def test_arguments_and_defaults_are_torchvisions(torchvision):
    import inspect

    for name, (_, ours) in _torchvision.STANDS_FOR.items():
        theirs = list(inspect.signature(_torchvision.original(name)).parameters.values())
        mine = list(inspect.signature(ours).parameters.values())
        extra = mine[len(theirs) :]
        assert [(p.name, p.default) for p in mine[: len(theirs)]] == [(p.name, p.default) for p in theirs], name
        assert all(p.default is not p.empty for p in extra), name


# Tensors elsewhere: fake tensors say that they are on a device, also where there is none.


@pytest.fixture
def elsewhere():
    with FakeTensorMode():
        yield torch.empty(3, 4, device="xpu")


def test_other_devices_are_an_error_that_says_what_to_do(elsewhere):
    for call in (lambda: boxgrad.torch.box_iou(elsewhere, elsewhere), lambda: boxgrad.torch.box_area(elsewhere),
                 lambda: boxgrad.torch.nms(elsewhere, torch.empty(3, device="xpu"), 0.5), lambda: boxgrad.torch.generalized_box_iou_loss(elsewhere, elsewhere)):  # fmt: skip
        with pytest.raises(TypeError, match=r"boxes1? is on the device 'xpu:0', and boxgrad computes on the CPU and on CUDA devices: pass boxes1?.cpu\(\).*set_other_devices"):
            call()
    with pytest.raises(TypeError, match="xpu"):
        boxgrad.torch.smooth_l1_loss(elsewhere, elsewhere)


def test_or_torchvisions_own_function(elsewhere, torchvision, monkeypatch):
    called = []
    for name, (_, ours) in _torchvision.STANDS_FOR.items():
        if not isinstance(ours, type):
            monkeypatch.setitem(_torchvision._originals, name, lambda *arguments, name=name, **options: called.append((name, arguments, options)))
    boxgrad.torch.set_other_devices("torchvision")
    try:
        boxgrad.torch.box_iou(elsewhere, boxes2=elsewhere)
        boxgrad.torch.nms(elsewhere, torch.empty(3, device="xpu"), 0.5)
        boxgrad.torch.complete_box_iou_loss(elsewhere, elsewhere, reduction="sum")
        with pytest.raises(TypeError, match="xpu"):
            boxgrad.torch.siou_loss(elsewhere, elsewhere)
    finally:
        boxgrad.torch.set_other_devices("error")
    assert [name for name, *_ in called] == ["box_iou", "nms", "complete_box_iou_loss"] and called[2][1][2:] == ("sum", 1e-7)
    with pytest.raises(ValueError, match="choice must be one of error, torchvision"):
        boxgrad.torch.set_other_devices("cuda")


def test_what_is_not_on_cuda_is_torchvisions_while_boxgrad_is_in_its_place(torchvision, monkeypatch):
    called = []
    monkeypatch.setitem(_torchvision._originals, "roi_align", lambda *arguments, **options: called.append(options))
    with FakeTensorMode():
        features, boxes = torch.empty(1, 2, 8, 8, device="cuda"), torch.empty(3, 5, device="cuda")
        boxgrad.torch.roi_align(features, boxes, 2)
        assert not called
        with boxgrad.torch.replace_torchvision(), boxgrad.torch.replace_torchvision():
            boxgrad.torch.roi_align(features, boxes, 2, sampling_ratio=2)
            boxgrad.torch.RoIAlign(2, 1.0, 2)(features, boxes)
            assert boxgrad.torch.roi_align(features.cpu(), boxes.cpu(), 2).is_cpu
            with pytest.raises(TypeError, match="xpu"):
                boxgrad.torch.roi_align(torch.empty(1, 2, 8, 8, device="xpu"), boxes, 2)
        boxgrad.torch.roi_align(features, boxes, 2)
    assert called == [{"sampling_ratio": 2}, {}]


def test_the_classes_too(elsewhere, torchvision):
    class Theirs:
        def __init__(self, *settings):
            self.settings = settings

        def __call__(self, *arguments):
            return self.settings

        encode_single = decode_single = encode = decode = __call__

    ours, saved = boxgrad.torch, dict(_torchvision._originals)
    boxgrad.torch.set_other_devices("torchvision")
    try:
        _torchvision._originals.update(dict.fromkeys(("Matcher", "BoxCoder", "BoxLinearCoder", "BalancedPositiveNegativeSampler"), Theirs))
        assert ours.Matcher(0.7, 0.3, True)(elsewhere) == (0.7, 0.3, True)
        assert ours.BoxCoder((1.0, 1.0, 1.0, 1.0), 2.0).encode_single(elsewhere, elsewhere) == ((1.0, 1.0, 1.0, 1.0), 2.0)
        assert ours.BoxCoder((1.0, 1.0, 1.0, 1.0), 2.0).decode_single(elsewhere, elsewhere) == ((1.0, 1.0, 1.0, 1.0), 2.0)
        on_cuda = torch.empty(3, 4, device="cuda")
        assert ours.BoxLinearCoder(False).encode(on_cuda, on_cuda) == (False,), "boxgrad has it on the CPU only"
        assert ours.BoxCoder((1.0, 1.0, 1.0, 1.0)).encode_single(on_cuda, on_cuda).device.type == "cuda", "boxgrad's own"
        assert ours.BoxLinearCoder(False).encode(elsewhere, elsewhere) == ours.BoxLinearCoder(False).decode(elsewhere, elsewhere) == (False,)
        assert ours.BalancedPositiveNegativeSampler(4, 0.5)([elsewhere]) == (4, 0.5)
    finally:
        _torchvision._originals.clear()
        _torchvision._originals.update(saved)
        boxgrad.torch.set_other_devices("error")


# BoundingBoxes, which know their format


@pytest.mark.parametrize("fmt", ["XYXY", "XYWH", "CXCYWH"])
def test_bounding_boxes_are_taken_with_their_format(torchvision, fmt):
    from torchvision import tv_tensors

    corners = torch.tensor([[1.0, 2, 5, 9], [3, 3, 4, 8], [0, 0, 70, 50]])
    plain = torchvision.ops.box_convert(corners, "xyxy", fmt.lower())
    boxes = tv_tensors.BoundingBoxes(plain, format=fmt, canvas_size=(40, 60))
    ours = boxgrad.torch
    assert torch.equal(ours.box_area(boxes), ours.box_area(corners))
    for f in (ours.box_iou, ours.generalized_box_iou, ours.complete_box_iou, ours.box_ioa, ours.aligned_box_iou, ours.generalized_box_iou_loss,
              ours.siou_loss, ours.encode_boxes, ours.encode_linear):  # fmt: skip
        assert torch.equal(f(boxes, corners), f(corners, corners)) and torch.equal(f(corners, boxes), f(corners, corners)), f
        assert type(f(boxes, boxes)) is torch.Tensor
    assert torch.equal(ours.nms(boxes, torch.tensor([0.1, 0.2, 0.3]), 0.5), ours.nms(corners, torch.tensor([0.1, 0.2, 0.3]), 0.5))
    assert torch.equal(ours.remove_small_boxes(boxes, 2), ours.remove_small_boxes(corners, 2))
    clipped = ours.clip_boxes_to_image(boxes, (40, 60))
    assert type(clipped) is tv_tensors.BoundingBoxes and clipped.format == boxes.format and clipped.canvas_size == (40, 60)
    assert torch.equal(ours.box_convert(clipped, fmt.lower(), "xyxy").as_subclass(torch.Tensor), ours.clip_boxes_to_image(corners, (40, 60)))
    converted = ours.box_convert(boxes, fmt.lower(), "cxcywh")
    assert type(converted) is tv_tensors.BoundingBoxes and converted.format.value == "CXCYWH"
    assert type(ours.box_convert(boxes, fmt.lower(), "yxyx")) is torch.Tensor
    with pytest.raises(ValueError, match=f"in_fmt is 'yxyx', and boxes are BoundingBoxes of the format '{fmt.lower()}'"):
        ours.box_convert(boxes, "yxyx", "xyxy")


def test_their_gradient_passes_the_conversion(torchvision):
    from torchvision import tv_tensors

    plain = torch.tensor([[3.0, 4, 4, 6], [5.0, 5, 2, 8]], requires_grad=True)
    truth = torch.tensor([[1.0, 1, 4, 6], [5.0, 5, 8, 8]])
    boxes = tv_tensors.BoundingBoxes(plain, format="CXCYWH", canvas_size=(40, 60), requires_grad=True)
    gradient, = torch.autograd.grad(boxgrad.torch.generalized_box_iou_loss(boxes, truth, "sum"), boxes)
    other, = torch.autograd.grad(boxgrad.torch.generalized_box_iou_loss(boxgrad.torch.box_convert(plain, "cxcywh", "xyxy"), truth, "sum"), plain)
    assert torch.equal(gradient.as_subclass(torch.Tensor), other)


def test_rotated_bounding_boxes_are_refused(torchvision):
    from torchvision import tv_tensors

    boxes = tv_tensors.BoundingBoxes(torch.rand(2, 5), format="CXCYWHR", canvas_size=(40, 60))
    with pytest.raises(ValueError, match="boxes has the format cxcywhr, and boxgrad has no rotated boxes"):
        boxgrad.torch.box_area(boxes)
