"""boxgrad on torch's CPU and CUDA tensors, with autograd, under the names and arguments of torchvision and torch. See docs/torch.md."""

try:
    import torch
except ImportError as error:
    raise ImportError("boxgrad.torch needs torch 2.4 or later, which the extra brings: pip install 'boxgrad[torch]'") from error

if torch.__version__ < (2, 4):  # type: ignore[operator]
    raise ImportError(f"boxgrad.torch needs torch 2.4 or later, and this is {torch.__version__}: pip install 'boxgrad[torch]'")

from ._torchvision import get_other_devices, set_other_devices
from .boxes import box_area, box_convert, clip, clip_boxes_to_image, remove_small_boxes
from .deltas import BoxCoder, decode_boxes, encode_boxes
from .distances import BoxLinearCoder, decode_distances, decode_linear, encode_distances, encode_linear
from .distribution import decode_distribution, distribution_focal_loss
from .gradients import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .losses import (
    alpha_box_iou_loss,
    balanced_l1_loss,
    bounded_iou_loss,
    box_iou_loss,
    complete_box_iou_loss,
    distance_box_iou_loss,
    efficient_box_iou_loss,
    generalized_box_iou_loss,
    inner_box_iou_loss,
    log_box_iou_loss,
    mpdiou_loss,
    nwd_loss,
    siou_loss,
    rotated_smooth_l1_loss,
    smooth_l1_loss,
    wise_box_iou_loss,
)
from .matching import BalancedPositiveNegativeSampler, Matcher, match_rotated_boxes
from .modules import CIoULoss, DIoULoss, EIoULoss, GIoULoss, IoULoss, SIoULoss, SmoothL1Loss
from .overlap import (
    aligned_box_iou,
    box_ioa,
    box_ios,
    box_iou,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
)
from .replace import replace_torchvision
from .roi import MultiScaleRoIAlign, RoIAlign, precise_roi_pool, roi_align
from .rotated import (
    aligned_rotated_box_iou,
    convert_rotated_boxes,
    min_area_boxes,
    regularize_rotated_boxes,
    rotated_box_iof,
    rotated_box_iou,
    rotated_box_iou_loss,
)
from .rotated_deltas import decode_midpoint_offset, decode_rotated_boxes, encode_midpoint_offset, encode_rotated_boxes
from .rotated_gaussian import gwd_loss, kfiou_loss, kld_loss, probiou_loss
from .suppression import batched_nms, batched_rotated_nms, nms, rotated_nms
from .yolo import decode_yolo

__all__ = [
    "BalancedPositiveNegativeSampler",
    "BoxCoder",
    "BoxLinearCoder",
    "CIoULoss",
    "DIoULoss",
    "EIoULoss",
    "GIoULoss",
    "IoULoss",
    "Matcher",
    "MultiScaleRoIAlign",
    "RoIAlign",
    "SIoULoss",
    "SmoothL1Loss",
    "aligned_box_iou",
    "aligned_rotated_box_iou",
    "alpha_box_iou_loss",
    "balanced_l1_loss",
    "batched_nms",
    "batched_rotated_nms",
    "bounded_iou_loss",
    "box_area",
    "box_convert",
    "box_ioa",
    "box_ios",
    "box_iou",
    "box_iou_loss",
    "clip",
    "clip_boxes_to_image",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "complete_box_iou",
    "complete_box_iou_loss",
    "convert_rotated_boxes",
    "decode_boxes",
    "decode_distances",
    "decode_distribution",
    "decode_linear",
    "decode_midpoint_offset",
    "decode_rotated_boxes",
    "decode_yolo",
    "distance_box_iou",
    "distance_box_iou_loss",
    "distribution_focal_loss",
    "efficient_box_iou_loss",
    "encode_boxes",
    "encode_distances",
    "encode_linear",
    "encode_midpoint_offset",
    "encode_rotated_boxes",
    "generalized_box_iou",
    "generalized_box_iou_loss",
    "get_other_devices",
    "get_total_norm",
    "gwd_loss",
    "inner_box_iou_loss",
    "kfiou_loss",
    "kld_loss",
    "log_box_iou_loss",
    "match_rotated_boxes",
    "min_area_boxes",
    "mpdiou_loss",
    "nms",
    "nwd_loss",
    "precise_roi_pool",
    "probiou_loss",
    "regularize_rotated_boxes",
    "remove_small_boxes",
    "replace_torchvision",
    "roi_align",
    "rotated_box_iof",
    "rotated_box_iou",
    "rotated_box_iou_loss",
    "rotated_nms",
    "rotated_smooth_l1_loss",
    "set_other_devices",
    "siou_loss",
    "smooth_l1_loss",
    "wise_box_iou_loss",
]
