"""torchvision's Faster, Mask and Keypoint R-CNN on boxgrad's coder, matcher and sampler, and its FCOS on boxgrad's coder: the losses, the gradients
and the detections are theirs."""

import inspect
from contextlib import contextmanager

import boxgrad
import numpy as np
import peers
import pytest

SIDE, CLASSES, POINTS = 64, 3, 5
ALL = 10_000
"""A batch so large that each proposal is in it."""
OBJECTS = {"objects in each image": (2, 3), "an image without objects": (2, 0), "no objects at all": (0, 0)}
ROUNDING = {"float32": 1e-6, "float64": 1e-14}
"""Of a loss, of the gradients of the weights, and of what is detected, in images."""


def tensors(result):
    """The arrays of a result as tensors, which share their memory."""
    import torch

    return torch.from_numpy(result) if isinstance(result, np.ndarray) else tuple(map(tensors, result))


class Coder(boxgrad.BoxCoder):
    def encode(self, *arrays):
        return tensors(super().encode(*arrays))

    def decode(self, *arrays):
        return tensors(super().decode(*arrays))


class Matcher(boxgrad.Matcher):
    def __call__(self, *arrays):
        return tensors(super().__call__(*arrays))


class Sampler(boxgrad.BalancedPositiveNegativeSampler):
    def __call__(self, *arrays):
        return tensors(super().__call__(*arrays))


class LinearCoder(boxgrad.BoxLinearCoder):
    def encode(self, *arrays):
        return tensors(super().encode(*arrays))

    def decode(self, rel_codes, boxes):
        """In torch's graph: FCOS's loss is one of decoded boxes."""
        import torch

        class Decoded(torch.autograd.Function):
            @staticmethod
            def forward(context, codes):
                value, context.pullback = boxgrad.vjp(boxgrad.decode_linear, boxgrad.stop_gradient(boxes), codes)
                return tensors(value)

            @staticmethod
            def backward(context, gradient):
                return tensors(context.pullback(gradient)[1])

        return Decoded.apply(rel_codes)


def use_boxgrad(model):
    """Puts boxgrad's classes in the place of torchvision's, with their settings."""
    if hasattr(model, "head"):
        model.box_coder = model.head.box_coder = LinearCoder()
        return
    for part in (model.rpn, model.roi_heads):
        coder, matcher, sampler = part.box_coder, part.proposal_matcher, part.fg_bg_sampler
        part.box_coder = Coder(coder.weights, coder.bbox_xform_clip, on_degenerate="propagate")
        part.proposal_matcher = Matcher(matcher.high_threshold, matcher.low_threshold, matcher.allow_low_quality_matches)
        part.fg_bg_sampler = Sampler(sampler.batch_size_per_image, sampler.positive_fraction)


@contextmanager
def plain_operators(torch, torchvision):
    """Where torchvision's compiled operators do not load, plain ones take their place: models need nms and roi_align."""
    if torchvision.extension._has_ops():
        yield
        return
    from importlib import import_module

    def nms(boxes, scores, iou_threshold):
        return peers.nms(torch, boxes, scores, iou_threshold)

    # torchvision has it in Python, too, and would compile it. It continues the last pixels where the operator takes 0, far beyond the border.
    roi_align = inspect.unwrap(torchvision.ops.roi_align.__globals__["_roi_align"])
    library = torchvision.operators_of_the_tests
    library.define("roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
                   "int sampling_ratio, bool aligned) -> Tensor")  # fmt: skip
    for name, operator in (("nms", nms), ("roi_align", roi_align)):
        library.impl(name, operator, "CompositeImplicitAutograd")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("torchvision.ops.boxes", "torchvision.ops.roi_align"):
            patch.setattr(import_module(module), "_assert_has_ops", lambda: None)
        patch.setattr(import_module("torchvision.ops.roi_align"), "_has_ops", lambda: True)
        yield


@pytest.fixture(scope="module", autouse=True)
def operators(torch, torchvision):
    with plain_operators(torch, torchvision):
        yield


def small_model(torch, torchvision, name, batch):
    """The model with few channels and random weights, the same at each call."""
    from torchvision.models import detection
    from torchvision.models.detection import keypoint_rcnn, mask_rcnn

    torch.manual_seed(0)
    channels = 8
    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, channels, 8, 8), torch.nn.ReLU())
    backbone.out_channels = channels
    if name == "FCOS":
        anchors = detection.anchor_utils.AnchorGenerator(((8,),), ((1.0,),))
        head = detection.fcos.FCOSHead(channels, 1, CLASSES, num_convs=0)
        return detection.FCOS(backbone, CLASSES, min_size=SIDE, max_size=SIDE, anchor_generator=anchors, head=head, score_thresh=0)
    align = torchvision.ops.MultiScaleRoIAlign
    options = {
        "min_size": SIDE, "max_size": SIDE, "rpn_batch_size_per_image": batch, "box_batch_size_per_image": batch,
        "rpn_anchor_generator": detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((0.5, 1.0, 2.0),)),
        "rpn_post_nms_top_n_train": 40, "rpn_post_nms_top_n_test": 20, "box_roi_pool": align(["0"], 7, 2),
        "box_head": detection.faster_rcnn.TwoMLPHead(channels * 49, 16),
    }  # fmt: skip
    if name == "KeypointRCNN":
        options["box_predictor"] = detection.faster_rcnn.FastRCNNPredictor(16, 2)
    else:
        options["box_predictor"] = detection.faster_rcnn.FastRCNNPredictor(16, CLASSES)
    if name == "MaskRCNN":
        options |= {
            "mask_roi_pool": align(["0"], 14, 2), "mask_head": mask_rcnn.MaskRCNNHeads(channels, (channels,), 1),
            "mask_predictor": mask_rcnn.MaskRCNNPredictor(channels, channels, CLASSES),
        }  # fmt: skip
    if name == "KeypointRCNN":
        options |= {
            "keypoint_roi_pool": align(["0"], 14, 2), "keypoint_head": keypoint_rcnn.KeypointRCNNHeads(channels, (channels,)),
            "keypoint_predictor": keypoint_rcnn.KeypointRCNNPredictor(channels, POINTS),
        }  # fmt: skip
    return getattr(detection, name)(backbone, **options)


def images_and_targets(torch, counts, dtype):
    """An image for each number of objects, and boxes, classes, masks and keypoints for each object."""
    random = torch.Generator().manual_seed(1)
    images, targets = [], []
    for count in counts:
        images.append(torch.rand(3, SIDE, SIDE, generator=random, dtype=dtype))
        corners = torch.rand(count, 2, generator=random, dtype=dtype) * 40
        boxes = torch.cat([corners, corners + 8 + torch.rand(count, 2, generator=random, dtype=dtype) * 16], dim=1)
        points = corners[:, None] + torch.rand(count, POINTS, 2, generator=random, dtype=dtype) * 8
        targets.append({
            "boxes": boxes, "labels": torch.ones(count, dtype=torch.int64),
            "masks": (torch.rand(count, SIDE, SIDE, generator=random) > 0.5).to(torch.uint8),
            "keypoints": torch.cat([points, torch.ones(count, POINTS, 1)], dim=2).float(),
        })  # fmt: skip
    return images, targets


def trained(torch, model, images, targets):
    """The losses of a step, and the gradient of their sum by each parameter."""
    torch.manual_seed(2)
    losses = model(images, targets)
    sum(losses.values()).backward()
    return losses, {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.fixture(params=["FasterRCNN", "MaskRCNN", "KeypointRCNN", "FCOS"])
def pair(request, torch, torchvision):
    """A model as torchvision makes it, and one that runs on boxgrad."""

    def build(batch, dtype):
        models = [small_model(torch, torchvision, request.param, batch).to(getattr(torch, dtype)) for _ in range(2)]
        use_boxgrad(models[1])
        return models

    return build


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("batch", [ALL, 16])
@pytest.mark.parametrize("counts", OBJECTS.values(), ids=OBJECTS)
def test_losses_and_gradients_are_torchvisions(torch, pair, counts, batch, dtype):
    theirs, ours = pair(batch, dtype)
    if batch != ALL and hasattr(theirs, "rpn"):
        # Both choose at random, from numbers of their own: torchvision's model draws as boxgrad does, so that only coder and matcher differ.
        for part in (theirs.rpn, theirs.roi_heads):
            part.fg_bg_sampler = Sampler(part.fg_bg_sampler.batch_size_per_image, part.fg_bg_sampler.positive_fraction)
    images, targets = images_and_targets(torch, counts, getattr(torch, dtype))
    (expected, gradients), (losses, our_gradients) = (trained(torch, model, images, targets) for model in (theirs, ours))
    assert losses.keys() == expected.keys() and our_gradients.keys() == gradients.keys()
    for name, loss in expected.items():
        assert loss.isfinite() and (loss > 0 or not sum(counts)), name
        assert losses[name].item() == pytest.approx(loss.item(), rel=ROUNDING[dtype]), name
    for name, gradient in gradients.items():
        assert (our_gradients[name] - gradient).abs().max() <= ROUNDING[dtype] * max(1, gradient.abs().max()), name


@pytest.mark.parametrize("dtype", ROUNDING)
def test_detections_are_torchvisions(torch, pair, dtype):
    images, _ = images_and_targets(torch, (0, 0), getattr(torch, dtype))
    with torch.no_grad():
        expected, found = (model.eval()(images) for model in pair(ALL, dtype))
    for theirs, ours in zip(expected, found):
        assert len(theirs["boxes"]) > 5 and theirs.keys() == ours.keys()
        for name, value in theirs.items():
            assert ours[name].shape == value.shape and (ours[name] - value).abs().max() <= SIDE * ROUNDING[dtype], name
