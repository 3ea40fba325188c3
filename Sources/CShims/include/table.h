/* The kernels of a tier, and those that are compiled once. Written by tools/interface.py from Sources/Kernels. */
#ifndef BGI_TABLE_H
#define BGI_TABLE_H

#include <boxgrad.h>

typedef struct {
    boxgrad_task box_loss, box_area, box_area_grad, box_convert, box_clip, box_clip_grad, clip, clip_grad, delta_decode, delta_decode_grad,
        delta_degenerate, delta_encode, delta_encode_grad, ltrb_encode, ltrb_encode_grad, ltrb_decode, ltrb_decode_grad, linear_encode,
        linear_encode_grad, linear_decode, linear_decode_grad, distribution_focal, distribution_decode, distribution_decode_grad, match,
        rotated_match, match_low_quality, rotated_match_low_quality, match_ignore, iou_aligned, iou_loss, iou_pairwise, iou_pairwise_grad,
        roi_forward, roi_features_grad, roi_boxes_grad, rotated_iou_aligned, rotated_iou_loss, rotated_gaussian_loss, rotated_iou_pairwise,
        rotated_iou_pairwise_grad, smooth_l1, balanced_l1, nms, rotated_nms, soft_nms, rotated_soft_nms, yolo_decode, yolo_decode_grad;
} bgi_kernels_of_type;

typedef struct {
    const char *name;
    bgi_kernels_of_type f32, f64;
    boxgrad_task tensor_pass, unit_pass;
} bgi_kernels;

typedef struct {
    boxgrad_task box_convert_grad, box_inspect, rotated_inspect, box_rotate, rotated_convert, rotated_convert_grad, rotated_corners,
        rotated_corners_grad, rotated_from_corners, rotated_from_corners_grad, rotated_regularize, rotated_regularize_grad,
        rotated_degenerate, rotated_code, rotated_min_area;
} bgi_common_kernels_of_type;

typedef struct {
    bgi_common_kernels_of_type f32, f64;
    boxgrad_task grad_norm, exact_norm_add, exact_norm_merge, exact_norm_finish, grad_norm_combine, grad_first_nonfinite, grad_change,
        clip_grad_rms, sample;
} bgi_common_kernels;

#endif
