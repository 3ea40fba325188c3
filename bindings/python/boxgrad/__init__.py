"""boxgrad: the arithmetic of box detectors, each formula with its exact gradient.

Overlap of boxes, losses of boxes, smooth L1, box deltas, distances and distributions, suppression, matching, sampling, clamping, and clipping of gradients, under the names of torchvision and torch, on NumPy
arrays. Boxes are rows x1, y1, x2, y2 with y down and width = x2 - x1; an empty list holds no boxes. float32 gives float32, float64 gives float64;
float16 and bfloat16 are computed in float32, integers and Python numbers in float64. torch tensors on the CPU
are taken, too. Inputs are not copied if they are float32 or float64 and their rows are packed, and never changed, except
by functions whose name ends in `_`.

>>> import boxgrad
>>> value, pullback = boxgrad.vjp(boxgrad.generalized_box_iou, [[0.0, 0, 2, 2]], [[4.0, 0, 6, 2]])
>>> gradient1, gradient2 = pullback(1.0)
"""

from . import clipping, coding, gradients  # until 0.3, because with version 0.1 `import boxgrad` alone gives boxgrad.coding
from ._library import __version__, cpu_tier, get_num_threads, library_path, set_num_threads
from .autodiff import stop_gradient, value_and_grad, vjp
from .box_loss import (
    alpha_box_iou_loss,
    bounded_iou_loss,
    efficient_box_iou_loss,
    inner_box_iou_loss,
    log_box_iou_loss,
    mpdiou_loss,
    nwd_loss,
    siou_loss,
    wise_box_iou_loss,
)
from .boxes import (
    BoxFlag,
    BoxReport,
    box_area,
    box_convert,
    clip_boxes_to_image,
    inspect_boxes,
    remove_small_boxes,
    rotate_boxes,
)
from .clamp import clip
from .deltas import BoxCoder, DeltaXYWHBBoxCoder, decode_boxes, encode_boxes
from .distances import (
    BoxLinearCoder,
    DistancePointBBoxCoder,
    TBLRBBoxCoder,
    decode_distances,
    decode_linear,
    encode_distances,
    encode_linear,
)
from .distribution import decode_distribution, distribution_focal_loss
from .errors import BoxgradError, DegenerateBoxError, NonFiniteError
from .exact_norm import ExactNorm
from .gradient_norm import (
    GradNormMonitor,
    adaptive_clip_grad_,
    clip_grad_norm_,
    clip_grad_rms_,
    clip_grad_value_,
    clip_grads_with_norm_,
    combine_norms,
    get_total_norm,
    per_tensor_norms,
    scale_grads_,
)
from .matching import Matcher, match_boxes, match_rotated_boxes
from .overlap import (
    aligned_box_iou,
    box_ioa,
    box_ios,
    box_iou,
    box_iou_loss,
    complete_box_iou,
    complete_box_iou_loss,
    distance_box_iou,
    distance_box_iou_loss,
    generalized_box_iou,
    generalized_box_iou_loss,
)
from .roi import MultiScaleRoIAlign, RoIAlign, precise_roi_pool, roi_align
from .rotated import (
    aligned_rotated_box_iou,
    convert_rotated_boxes,
    inspect_rotated_boxes,
    min_area_boxes,
    regularize_rotated_boxes,
    rotated_box_iof,
    rotated_box_iou,
    rotated_box_iou_loss,
)
from .rotated_deltas import decode_midpoint_offset, decode_rotated_boxes, encode_midpoint_offset, encode_rotated_boxes
from .rotated_gaussian import (
    gwd_loss,
    kfiou_loss,
    kld_loss,
    probiou_loss,
)
from .sampling import BalancedPositiveNegativeSampler, sample_proposals
from .smooth_l1 import balanced_l1_loss, rotated_smooth_l1_loss, smooth_l1_loss
from .suppression import batched_nms, batched_rotated_nms, nms, rotated_nms, soft_nms, soft_rotated_nms
from .yolo import YOLOv5BBoxCoder, decode_yolo

__all__ = [
    "BalancedPositiveNegativeSampler",
    "BoxCoder",
    "BoxFlag",
    "BoxLinearCoder",
    "BoxReport",
    "BoxgradError",
    "DegenerateBoxError",
    "DeltaXYWHBBoxCoder",
    "DistancePointBBoxCoder",
    "ExactNorm",
    "GradNormMonitor",
    "Matcher",
    "MultiScaleRoIAlign",
    "NonFiniteError",
    "RoIAlign",
    "TBLRBBoxCoder",
    "YOLOv5BBoxCoder",
    "__version__",
    "adaptive_clip_grad_",
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
    "clip_grad_rms_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "combine_norms",
    "complete_box_iou",
    "complete_box_iou_loss",
    "convert_rotated_boxes",
    "cpu_tier",
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
    "get_num_threads",
    "get_total_norm",
    "gwd_loss",
    "inner_box_iou_loss",
    "inspect_boxes",
    "inspect_rotated_boxes",
    "kfiou_loss",
    "kld_loss",
    "library_path",
    "log_box_iou_loss",
    "match_boxes",
    "match_rotated_boxes",
    "min_area_boxes",
    "mpdiou_loss",
    "nms",
    "nwd_loss",
    "per_tensor_norms",
    "precise_roi_pool",
    "probiou_loss",
    "regularize_rotated_boxes",
    "remove_small_boxes",
    "roi_align",
    "rotate_boxes",
    "rotated_box_iof",
    "rotated_box_iou",
    "rotated_box_iou_loss",
    "rotated_nms",
    "rotated_smooth_l1_loss",
    "sample_proposals",
    "scale_grads_",
    "set_num_threads",
    "siou_loss",
    "smooth_l1_loss",
    "soft_nms",
    "soft_rotated_nms",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "wise_box_iou_loss",
]
