/* Describes every function that computes, as its declaration in boxgrad.h documents it: what each parameter is, and how the parameters
 * depend on each other. The programs of this folder know nothing else about a function, so that a new function needs only a row here. */
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <boxgrad.h>
#include <stdbool.h>

typedef enum { NO_PARAMETER, POINTER, COUNT, STATE_SIZE, STRIDE, INTEGER, NUMBER, CODE, OPTIONS, LOSS_OPTIONS, GAUSSIAN_OPTIONS, ROTATED_OPTIONS, ROI_OPTIONS, TENSORS, PARAMETERS } parameter_kind; /* INTEGER has 64 bits */
typedef enum { REAL, DOUBLE, SIZE, LONG, WORD, BYTE, HALF, BFLOAT } element_kind; /* REAL is the function's own type */
typedef enum { NOT_NAN, FINITE, NOT_NEGATIVE, FRACTION, SHARE, LENGTH, DIVISOR, SIGMA, EXPONENT, EXACT_EXPONENT } number_range;

typedef struct {
    const char *name;
    parameter_kind kind;

    /* A pointer has rows of width * times elements, whose starts are a stride apart. Without `rows` it has one row, and without `stride` it
     * is packed. It has no rows if the count `unless` is 0. */
    element_kind element;
    bool output, optional;
    bool updated; /* this output is an input, too */
    const char *rows;
    int width;
    const char *times, *stride, *unless;
    const char *also[2];    /* two more counts that the width is multiplied by: then nothing is checked of an array without elements */
    const char *below;      /* elements are indices below this count, and others are refused; or it is "finite" */
    const char *limit;      /* the count that the number of rows does not exceed */
    const char *in_place;   /* the input that this output may be */
    const char *written[2]; /* the outputs whose sum is the number of rows that are written; without them, it is all rows */

    size_t least; /* a smaller count is refused */

    number_range range; /* with the count `unless` 0, any number except NaN is valid */
    const char *at_most, *at_least; /* the parameters that are its upper and its lower bound */
    int32_t last;                   /* valid codes are 0...last */
    unsigned except;                /* but these: bit k is set if k is none */
} parameter;

typedef struct {
    const char *name;
    bool untyped, refuses_degenerate, refuses_nonfinite;
    bool quadratic; /* its time grows with the square of its count, and it is not divided */
    parameter parameters[15];
} function;

#define IN(name_, rows_, width_, ...) {.name = #name_, .kind = POINTER, .rows = #rows_, .width = width_, __VA_ARGS__}
#define OUT(name_, rows_, width_, ...) {.name = #name_, .kind = POINTER, .output = true, .rows = #rows_, .width = width_, __VA_ARGS__}
#define UPDATED(name_, rows_, width_, ...) OUT(name_, rows_, width_, .updated = true, __VA_ARGS__)
#define RESULT(name_, ...) {.name = #name_, .kind = POINTER, .output = true, .width = 1, __VA_ARGS__}
#define BOXES(name_, rows_, stride_) IN(name_, rows_, 4, .stride = #stride_)
#define ROTATED(name_, rows_, stride_) IN(name_, rows_, 5, .stride = #stride_)
#define COUNT(name_, ...) {.name = #name_, .kind = COUNT, __VA_ARGS__}
#define STATE_SIZE(name_) {.name = #name_, .kind = STATE_SIZE}
#define STRIDE(name_) {.name = #name_, .kind = STRIDE}
#define INTEGER(name_) {.name = #name_, .kind = INTEGER}
#define NUMBER(name_, range_, ...) {.name = #name_, .kind = NUMBER, .range = range_, __VA_ARGS__}
#define CODE(name_, last_) {.name = #name_, .kind = CODE, .last = last_}
#define ROTATED_METRIC {.name = "metric", .kind = CODE, .last = BOXGRAD_IOF, .except = 1u << BOXGRAD_GIOU | 1u << BOXGRAD_DIOU | 1u << BOXGRAD_CIOU}
#define DELTA_OPTIONS {.name = "options", .kind = OPTIONS, .optional = true}
#define BOX_LOSS_OPTIONS {.name = "options", .kind = LOSS_OPTIONS, .optional = true}
#define GAUSSIAN_LOSS_OPTIONS {.name = "options", .kind = GAUSSIAN_OPTIONS, .optional = true}
#define ROTATED_DELTA_OPTIONS {.name = "options", .kind = ROTATED_OPTIONS, .optional = true}, CODE(angle, 3)
#define REGION_OPTIONS {.name = "options", .kind = ROI_OPTIONS, .optional = true}
#define FEATURES .times = "channels", .also = {"height", "width"}
#define SIZES COUNT(images), COUNT(channels), COUNT(height, .least = 1), COUNT(width, .least = 1)
#define REGIONS IN(boxes, count, 4, .stride = "boxes_stride", .below = "finite"), STRIDE(boxes_stride)
#define BINS .times = "channels", .also = {"out_height", "out_width"}
#define BIN_SIZES COUNT(count), COUNT(out_height, .least = 1), COUNT(out_width, .least = 1)
#define TENSORS {.name = "tensors", .kind = TENSORS}, COUNT(n)
#define PARAMETERS {.name = "parameters", .kind = PARAMETERS}, COUNT(n)
#define OPTIONAL .optional = true

static const function functions[] = {
    {"box_area", .parameters = {BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), OUT(out, count, 1)}},
    {"box_area_grad", .parameters = {BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), IN(grad_out, count, 1), OUT(grad_boxes, count, 4)}},
    {"box_convert", .parameters = {
        CODE(from, 3), CODE(to, 3), BOXES(in, count, in_stride), COUNT(count), STRIDE(in_stride),
        OUT(out, count, 4, .stride = "out_stride", .in_place = "in"), STRIDE(out_stride)}},
    {"box_convert_grad", .parameters = {
        CODE(from, 3), CODE(to, 3), COUNT(count), IN(grad_out, count, 4), OUT(grad_in, count, 4, .in_place = "grad_out")}},
    {"box_clip", .parameters = {
        BOXES(in, count, in_stride), COUNT(count), STRIDE(in_stride), NUMBER(width, NOT_NEGATIVE), NUMBER(height, NOT_NEGATIVE),
        OUT(out, count, 4, .stride = "out_stride", .in_place = "in"), STRIDE(out_stride)}},
    {"box_clip_grad", .parameters = {
        BOXES(in, count, in_stride), COUNT(count), STRIDE(in_stride), NUMBER(width, NOT_NEGATIVE), NUMBER(height, NOT_NEGATIVE),
        IN(grad_out, count, 4), OUT(grad_in, count, 4, .in_place = "grad_out")}},
    {"box_inspect", .parameters = {
        BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), NUMBER(width, NOT_NAN), NUMBER(height, NOT_NAN), NUMBER(min_size, NOT_NAN),
        OUT(flags, count, 1, OPTIONAL, .element = WORD), OUT(counts, counts_length, 1, OPTIONAL, .element = SIZE), COUNT(counts_length)}},
    {"box_rotate", .parameters = {
        BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), NUMBER(degrees, FINITE), NUMBER(cx, FINITE), NUMBER(cy, FINITE),
        OUT(corners, count, 8, OPTIONAL), OUT(bounds, count, 4, OPTIONAL)}},
    {"clip", .parameters = {
        IN(x, count, 1), COUNT(count), NUMBER(lo, NOT_NAN, .at_most = "hi"), NUMBER(hi, NOT_NAN), OUT(out, count, 1, .in_place = "x")}},
    {"clip_grad", .parameters = {
        IN(x, count, 1), COUNT(count), NUMBER(lo, NOT_NAN, .at_most = "hi"), NUMBER(hi, NOT_NAN), IN(grad_out, count, 1), CODE(mode, 2),
        OUT(grad_in, count, 1, .in_place = "grad_out"), RESULT(blocked, OPTIONAL, .element = SIZE)}},
    {"iou_pairwise", .parameters = {
        CODE(metric, 5), BOXES(a, a_count, a_stride), COUNT(a_count), STRIDE(a_stride), BOXES(b, b_count, b_stride), COUNT(b_count), STRIDE(b_stride),
        NUMBER(eps, LENGTH), OUT(out, a_count, 1, .times = "b_count", .stride = "out_stride"), STRIDE(out_stride),
        OUT(out_union, a_count, 1, OPTIONAL, .times = "b_count", .stride = "out_stride")}},
    {"iou_pairwise_grad", .parameters = {
        CODE(metric, 5), BOXES(a, a_count, a_stride), COUNT(a_count), STRIDE(a_stride), BOXES(b, b_count, b_stride), COUNT(b_count), STRIDE(b_stride),
        NUMBER(eps, LENGTH), IN(grad_out, a_count, 1, .times = "b_count", .stride = "grad_out_stride"), STRIDE(grad_out_stride),
        OUT(grad_a, a_count, 4, OPTIONAL), OUT(grad_b, b_count, 4, OPTIONAL)}},
    {"iou_aligned", .parameters = {
        CODE(metric, 5), BOXES(a, count, a_stride), STRIDE(a_stride), BOXES(b, count, b_stride), STRIDE(b_stride), COUNT(count), NUMBER(eps, LENGTH),
        OUT(out, count, 1, OPTIONAL), OUT(grad_a, count, 4, OPTIONAL), OUT(grad_b, count, 4, OPTIONAL)}},
    {"iou_loss", .parameters = {
        CODE(metric, 3), BOXES(pred, count, pred_stride), STRIDE(pred_stride), BOXES(target, count, target_stride), STRIDE(target_stride),
        COUNT(count), IN(weights, count, 1, OPTIONAL), NUMBER(eps, LENGTH), NUMBER(normalizer, DIVISOR, .unless = "count"), RESULT(loss, OPTIONAL, .element = DOUBLE),
        OUT(per_box, count, 1, OPTIONAL), OUT(grad_pred, count, 4, OPTIONAL), OUT(grad_target, count, 4, OPTIONAL)}},
    {"box_loss", .parameters = {
        CODE(kind, 10), BOX_LOSS_OPTIONS, BOXES(pred, count, pred_stride), STRIDE(pred_stride), BOXES(target, count, target_stride), STRIDE(target_stride),
        COUNT(count), IN(weights, count, 1, OPTIONAL), NUMBER(normalizer, DIVISOR, .unless = "count"), RESULT(loss, OPTIONAL, .element = DOUBLE),
        OUT(per_box, count, 1, OPTIONAL), OUT(grad_pred, count, 4, OPTIONAL), OUT(grad_target, count, 4, OPTIONAL)}},
    {"rotated_convert", .parameters = {
        CODE(from, 3), CODE(to, 3), ROTATED(in, count, in_stride), COUNT(count), STRIDE(in_stride),
        OUT(out, count, 5, .stride = "out_stride", .in_place = "in"), STRIDE(out_stride)}},
    {"rotated_convert_grad", .parameters = {
        CODE(from, 3), CODE(to, 3), COUNT(count), IN(grad_out, count, 5), OUT(grad_in, count, 5, .in_place = "grad_out")}},
    {"rotated_regularize", .parameters = {
        CODE(angle, 3), CODE(range, 3), ROTATED(in, count, in_stride), COUNT(count), STRIDE(in_stride),
        OUT(out, count, 5, .stride = "out_stride", .in_place = "in"), STRIDE(out_stride)}},
    {"rotated_regularize_grad", .parameters = {
        CODE(angle, 3), CODE(range, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), IN(grad_out, count, 5),
        OUT(grad_boxes, count, 5, .in_place = "grad_out")}},
    {"rotated_corners", .parameters = {
        CODE(angle, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), OUT(corners, count, 8, OPTIONAL), OUT(bounds, count, 4, OPTIONAL)}},
    {"rotated_corners_grad", .parameters = {
        CODE(angle, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), IN(grad_corners, count, 8, OPTIONAL),
        IN(grad_bounds, count, 4, OPTIONAL), OUT(grad_boxes, count, 5)}},
    {"rotated_from_corners", .parameters = {
        CODE(angle, 3), IN(corners, count, 8, .stride = "stride"), COUNT(count), STRIDE(stride), OUT(boxes, count, 5)}},
    {"rotated_from_corners_grad", .parameters = {
        CODE(angle, 3), IN(corners, count, 8, .stride = "stride"), COUNT(count), STRIDE(stride), IN(grad_boxes, count, 5),
        OUT(grad_corners, count, 8)}},
    {"rotated_min_area", .parameters = {
        CODE(angle, 3), IN(points, count, 2, .times = "points_per_row", .stride = "stride"), COUNT(count), COUNT(points_per_row, .least = 1),
        STRIDE(stride), OUT(boxes, count, 5)}},
    {"rotated_inspect", .parameters = {
        CODE(angle, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), NUMBER(width, NOT_NAN), NUMBER(height, NOT_NAN),
        NUMBER(min_size, NOT_NAN), OUT(flags, count, 1, OPTIONAL, .element = WORD), OUT(counts, counts_length, 1, OPTIONAL, .element = SIZE),
        COUNT(counts_length)}},
    {"rotated_iou_pairwise", .parameters = {
        ROTATED_METRIC, CODE(angle, 3), ROTATED(a, a_count, a_stride), COUNT(a_count), STRIDE(a_stride), ROTATED(b, b_count, b_stride), COUNT(b_count),
        STRIDE(b_stride), OUT(out, a_count, 1, .times = "b_count", .stride = "out_stride"), STRIDE(out_stride)}},
    {"rotated_iou_pairwise_grad", .parameters = {
        ROTATED_METRIC, CODE(angle, 3), ROTATED(a, a_count, a_stride), COUNT(a_count), STRIDE(a_stride), ROTATED(b, b_count, b_stride), COUNT(b_count),
        STRIDE(b_stride), IN(grad_out, a_count, 1, .times = "b_count", .stride = "grad_out_stride"), STRIDE(grad_out_stride),
        OUT(grad_a, a_count, 5, OPTIONAL), OUT(grad_b, b_count, 5, OPTIONAL)}},
    {"rotated_iou_aligned", .parameters = {
        ROTATED_METRIC, CODE(angle, 3), ROTATED(a, count, a_stride), STRIDE(a_stride), ROTATED(b, count, b_stride), STRIDE(b_stride), COUNT(count),
        OUT(out, count, 1, OPTIONAL), OUT(grad_a, count, 5, OPTIONAL), OUT(grad_b, count, 5, OPTIONAL)}},
    {"rotated_iou_loss", .parameters = {
        CODE(kind, 1), CODE(angle, 3), ROTATED(pred, count, pred_stride), STRIDE(pred_stride), ROTATED(target, count, target_stride), STRIDE(target_stride),
        COUNT(count), IN(weights, count, 1, OPTIONAL), NUMBER(least_iou, SHARE), NUMBER(normalizer, DIVISOR, .unless = "count"),
        RESULT(loss, OPTIONAL, .element = DOUBLE), OUT(per_box, count, 1, OPTIONAL), OUT(grad_pred, count, 5, OPTIONAL),
        OUT(grad_target, count, 5, OPTIONAL)}},
    {"rotated_gaussian_loss", .parameters = {
        CODE(kind, 9), CODE(angle, 3), GAUSSIAN_LOSS_OPTIONS, ROTATED(pred, count, pred_stride), STRIDE(pred_stride), ROTATED(target, count, target_stride),
        STRIDE(target_stride), COUNT(count), IN(weights, count, 1, OPTIONAL), NUMBER(normalizer, DIVISOR, .unless = "count"),
        RESULT(loss, OPTIONAL, .element = DOUBLE), OUT(per_box, count, 1, OPTIONAL), OUT(grad_pred, count, 5, OPTIONAL),
        OUT(grad_target, count, 5, OPTIONAL)}},
    {"smooth_l1", .parameters = {
        IN(pred, count, 1), IN(target, count, 1), IN(inside_weights, count, 1, OPTIONAL), IN(outside_weights, count, 1, OPTIONAL), COUNT(count),
        NUMBER(sigma, SIGMA), NUMBER(normalizer, DIVISOR, .unless = "count"), RESULT(loss, OPTIONAL, .element = DOUBLE), OUT(elementwise, count, 1, OPTIONAL),
        OUT(grad_pred, count, 1, OPTIONAL), OUT(grad_target, count, 1, OPTIONAL)}},
    {"balanced_l1", .parameters = {
        IN(pred, count, 1), IN(target, count, 1), IN(inside_weights, count, 1, OPTIONAL), IN(outside_weights, count, 1, OPTIONAL), COUNT(count),
        NUMBER(alpha, DIVISOR), NUMBER(gamma, DIVISOR), NUMBER(beta, DIVISOR), NUMBER(normalizer, DIVISOR, .unless = "count"),
        RESULT(loss, OPTIONAL, .element = DOUBLE), OUT(elementwise, count, 1, OPTIONAL), OUT(grad_pred, count, 1, OPTIONAL),
        OUT(grad_target, count, 1, OPTIONAL)}},
    {"delta_encode", .refuses_degenerate = true, .parameters = {
        DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(targets, count, targets_stride),
        STRIDE(targets_stride), COUNT(count), OUT(deltas, count, 4), OUT(degenerate, count, 1, OPTIONAL, .element = BYTE),
        RESULT(degenerate_count, OPTIONAL, .element = SIZE)}},
    {"delta_encode_grad", .refuses_degenerate = true, .parameters = {
        DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(targets, count, targets_stride),
        STRIDE(targets_stride), COUNT(count), IN(grad_deltas, count, 4), OUT(grad_proposals, count, 4, OPTIONAL),
        OUT(grad_targets, count, 4, OPTIONAL)}},
    {"delta_decode", .parameters = {
        DELTA_OPTIONS, IN(proposals, count, 4, .stride = "proposals_stride", .unless = "groups"), STRIDE(proposals_stride),
        IN(deltas, count, 4, .times = "groups", .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count), COUNT(groups),
        OUT(boxes, count, 4, .times = "groups")}},
    {"delta_decode_grad", .parameters = {
        DELTA_OPTIONS, IN(proposals, count, 4, .stride = "proposals_stride", .unless = "groups"), STRIDE(proposals_stride),
        IN(deltas, count, 4, .times = "groups", .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count), COUNT(groups),
        IN(grad_boxes, count, 4, .times = "groups"), OUT(grad_proposals, count, 4, OPTIONAL), OUT(grad_deltas, count, 4, OPTIONAL, .times = "groups")}},
    {"rotated_encode", .refuses_degenerate = true, .parameters = {
        ROTATED_DELTA_OPTIONS, ROTATED(proposals, count, proposals_stride), STRIDE(proposals_stride), ROTATED(targets, count, targets_stride), STRIDE(targets_stride), COUNT(count),
        OUT(deltas, count, 5), OUT(degenerate, count, 1, OPTIONAL, .element = BYTE), RESULT(degenerate_count, OPTIONAL, .element = SIZE)}},
    {"rotated_encode_grad", .refuses_degenerate = true, .parameters = {
        ROTATED_DELTA_OPTIONS, ROTATED(proposals, count, proposals_stride), STRIDE(proposals_stride), ROTATED(targets, count, targets_stride), STRIDE(targets_stride), COUNT(count),
        IN(grad_deltas, count, 5), OUT(grad_proposals, count, 5, OPTIONAL), OUT(grad_targets, count, 5, OPTIONAL)}},
    {"rotated_decode", .parameters = {
        ROTATED_DELTA_OPTIONS, ROTATED(proposals, count, proposals_stride), STRIDE(proposals_stride), IN(deltas, count, 5, .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count),
        OUT(boxes, count, 5)}},
    {"rotated_decode_grad", .parameters = {
        ROTATED_DELTA_OPTIONS, ROTATED(proposals, count, proposals_stride), STRIDE(proposals_stride), IN(deltas, count, 5, .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count),
        IN(grad_boxes, count, 5), OUT(grad_proposals, count, 5, OPTIONAL), OUT(grad_deltas, count, 5, OPTIONAL)}},
    {"midpoint_encode", .refuses_degenerate = true, .parameters = {
        ROTATED_DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), ROTATED(targets, count, targets_stride), STRIDE(targets_stride), COUNT(count),
        OUT(deltas, count, 6), OUT(degenerate, count, 1, OPTIONAL, .element = BYTE), RESULT(degenerate_count, OPTIONAL, .element = SIZE)}},
    {"midpoint_encode_grad", .refuses_degenerate = true, .parameters = {
        ROTATED_DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), ROTATED(targets, count, targets_stride), STRIDE(targets_stride), COUNT(count),
        IN(grad_deltas, count, 6), OUT(grad_proposals, count, 4, OPTIONAL), OUT(grad_targets, count, 5, OPTIONAL)}},
    {"midpoint_decode", .parameters = {
        ROTATED_DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), IN(deltas, count, 6, .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count),
        OUT(boxes, count, 5)}},
    {"midpoint_decode_grad", .parameters = {
        ROTATED_DELTA_OPTIONS, BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), IN(deltas, count, 6, .stride = "deltas_stride"), STRIDE(deltas_stride), COUNT(count),
        IN(grad_boxes, count, 5), OUT(grad_proposals, count, 4, OPTIONAL), OUT(grad_deltas, count, 6, OPTIONAL)}},
    {"ltrb_encode", .parameters = {
        IN(points, count, 2, .stride = "points_stride"), STRIDE(points_stride), BOXES(boxes, count, boxes_stride), STRIDE(boxes_stride), COUNT(count),
        OUT(distances, count, 4)}},
    {"ltrb_encode_grad", .parameters = {
        COUNT(count), IN(grad_distances, count, 4), OUT(grad_points, count, 2, OPTIONAL), OUT(grad_boxes, count, 4, OPTIONAL)}},
    {"ltrb_decode", .parameters = {
        IN(points, count, 2, .stride = "points_stride"), STRIDE(points_stride), BOXES(distances, count, distances_stride), STRIDE(distances_stride),
        COUNT(count), OUT(boxes, count, 4)}},
    {"ltrb_decode_grad", .parameters = {
        COUNT(count), IN(grad_boxes, count, 4), OUT(grad_points, count, 2, OPTIONAL), OUT(grad_distances, count, 4, OPTIONAL)}},
    {"linear_encode", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(targets, count, targets_stride), STRIDE(targets_stride),
        COUNT(count), OUT(distances, count, 4)}},
    {"linear_encode_grad", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(targets, count, targets_stride), STRIDE(targets_stride),
        COUNT(count), IN(grad_distances, count, 4), OUT(grad_proposals, count, 4, OPTIONAL), OUT(grad_targets, count, 4, OPTIONAL)}},
    {"linear_decode", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(distances, count, distances_stride), STRIDE(distances_stride),
        COUNT(count), OUT(boxes, count, 4)}},
    {"linear_decode_grad", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(distances, count, distances_stride), STRIDE(distances_stride),
        COUNT(count), IN(grad_boxes, count, 4), OUT(grad_proposals, count, 4, OPTIONAL), OUT(grad_distances, count, 4, OPTIONAL)}},
    {"yolo_decode", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(deltas, count, deltas_stride), STRIDE(deltas_stride),
        IN(cell_sizes, count, 1), COUNT(count), OUT(boxes, count, 4)}},
    {"yolo_decode_grad", .parameters = {
        BOXES(proposals, count, proposals_stride), STRIDE(proposals_stride), BOXES(deltas, count, deltas_stride), STRIDE(deltas_stride),
        IN(cell_sizes, count, 1), COUNT(count), IN(grad_boxes, count, 4), OUT(grad_proposals, count, 4, OPTIONAL),
        OUT(grad_deltas, count, 4, OPTIONAL)}},
    {"distribution_focal", .parameters = {
        IN(logits, count, 1, .times = "bins", .stride = "logits_stride"), STRIDE(logits_stride), IN(target, count, 1), COUNT(count), COUNT(bins, .least = 2),
        IN(weights, count, 1, OPTIONAL), NUMBER(normalizer, DIVISOR, .unless = "count"), RESULT(loss, OPTIONAL, .element = DOUBLE),
        OUT(per_row, count, 1, OPTIONAL), OUT(grad_logits, count, 1, OPTIONAL, .times = "bins"), OUT(grad_target, count, 1, OPTIONAL)}},
    {"distribution_decode", .parameters = {
        IN(logits, count, 1, .times = "bins", .stride = "logits_stride"), STRIDE(logits_stride), COUNT(count), COUNT(bins, .least = 2), OUT(out, count, 1)}},
    {"distribution_decode_grad", .parameters = {
        IN(logits, count, 1, .times = "bins", .stride = "logits_stride"), STRIDE(logits_stride), COUNT(count), COUNT(bins, .least = 2),
        IN(grad_out, count, 1), OUT(grad_logits, count, 1, .times = "bins")}},
    {"roi_align", .parameters = {
        REGION_OPTIONS, IN(features, images, 1, FEATURES), SIZES, REGIONS, IN(indices, count, 1, OPTIONAL, .element = LONG, .below = "images"), BIN_SIZES,
        OUT(out, count, 1, BINS)}},
    {"roi_align_grad", .parameters = {
        REGION_OPTIONS, IN(features, images, 1, FEATURES), SIZES, REGIONS, IN(indices, count, 1, OPTIONAL, .element = LONG, .below = "images"), BIN_SIZES,
        IN(grad_out, count, 1, BINS), OUT(grad_features, images, 1, OPTIONAL, FEATURES), OUT(grad_boxes, count, 4, OPTIONAL)}},
    {"roi_pool_precise", .parameters = {
        REGION_OPTIONS, IN(features, images, 1, FEATURES), SIZES, REGIONS, IN(indices, count, 1, OPTIONAL, .element = LONG, .below = "images"), BIN_SIZES,
        OUT(out, count, 1, BINS)}},
    {"roi_pool_precise_grad", .parameters = {
        REGION_OPTIONS, IN(features, images, 1, FEATURES), SIZES, REGIONS, IN(indices, count, 1, OPTIONAL, .element = LONG, .below = "images"), BIN_SIZES,
        IN(grad_out, count, 1, BINS), OUT(grad_features, images, 1, OPTIONAL, FEATURES), OUT(grad_boxes, count, 4, OPTIONAL)}},
    {"grad_norm", .untyped = true, .parameters = {
        TENSORS, NUMBER(p, EXPONENT), RESULT(total, OPTIONAL), OUT(per_tensor, n, 1, OPTIONAL), RESULT(first_nonfinite, OPTIONAL, .element = SIZE)}},
    {"grad_norm_combine", .untyped = true, .parameters = {IN(norms, n, 1), COUNT(n), NUMBER(p, EXPONENT), RESULT(total)}},
    {"grad_scale", .untyped = true, .parameters = {TENSORS, NUMBER(coefficient, FINITE)}},
    {"clip_grad_norm", .untyped = true, .refuses_nonfinite = true, .parameters = {
        TENSORS, NUMBER(max_norm, NOT_NEGATIVE), NUMBER(p, EXPONENT), NUMBER(eps, LENGTH), CODE(on_nonfinite, 3), RESULT(total, OPTIONAL)}},
    {"clip_grad_value", .untyped = true, .parameters = {TENSORS, NUMBER(limit, NOT_NEGATIVE)}},
    {"clip_grad_rms", .untyped = true, .refuses_nonfinite = true, .parameters = {
        TENSORS, NUMBER(max_rms, NOT_NEGATIVE), CODE(on_nonfinite, 3), OUT(rms, n, 1, OPTIONAL)}},
    {"clip_grad_adaptive", .untyped = true, .refuses_nonfinite = true, .parameters = {
        PARAMETERS, NUMBER(clip_factor, LENGTH), NUMBER(eps, LENGTH), NUMBER(p, EXPONENT), CODE(on_nonfinite, 3),
        RESULT(clipped, OPTIONAL, .element = SIZE)}},
    {"nms", .quadratic = true, .parameters = {
        BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), IN(scores, count, 1), IN(classes, count, 1, OPTIONAL, .element = LONG),
        NUMBER(iou_threshold, NOT_NEGATIVE), NUMBER(score_threshold, NOT_NAN), INTEGER(max_keep),
        OUT(keep, count, 1, .element = SIZE, .limit = "max_keep", .written = {"keep_count"}), RESULT(keep_count, .element = SIZE)}},
    {"soft_nms", .quadratic = true, .parameters = {
        CODE(decay, 1), BOXES(boxes, count, stride), COUNT(count), STRIDE(stride), IN(scores, count, 1),
        IN(classes, count, 1, OPTIONAL, .element = LONG), NUMBER(iou_threshold, NOT_NEGATIVE), NUMBER(sigma, DIVISOR),
        NUMBER(score_threshold, NOT_NAN), INTEGER(max_keep), OUT(keep, count, 1, .element = SIZE, .limit = "max_keep", .written = {"keep_count"}),
        OUT(keep_scores, count, 1, .limit = "max_keep", .written = {"keep_count"}), RESULT(keep_count, .element = SIZE)}},
    {"match", .parameters = {
        CODE(metric, 5), BOXES(proposals, proposals_count, proposals_stride), COUNT(proposals_count), STRIDE(proposals_stride),
        BOXES(truths, truths_count, truths_stride), COUNT(truths_count), STRIDE(truths_stride), NUMBER(eps, LENGTH),
        NUMBER(low_threshold, NOT_NAN), NUMBER(high_threshold, NOT_NAN, .at_least = "low_threshold"), CODE(low_quality, 2),
        OUT(matches, proposals_count, 1, OPTIONAL, .element = LONG), OUT(overlaps, proposals_count, 1, OPTIONAL)}},
    {"rotated_nms", .quadratic = true, .parameters = {
        CODE(angle, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), IN(scores, count, 1), IN(classes, count, 1, OPTIONAL, .element = LONG),
        NUMBER(iou_threshold, NOT_NEGATIVE), NUMBER(score_threshold, NOT_NAN), INTEGER(max_keep),
        OUT(keep, count, 1, .element = SIZE, .limit = "max_keep", .written = {"keep_count"}), RESULT(keep_count, .element = SIZE)}},
    {"rotated_soft_nms", .quadratic = true, .parameters = {
        CODE(decay, 1), CODE(angle, 3), ROTATED(boxes, count, stride), COUNT(count), STRIDE(stride), IN(scores, count, 1),
        IN(classes, count, 1, OPTIONAL, .element = LONG), NUMBER(iou_threshold, NOT_NEGATIVE), NUMBER(sigma, DIVISOR),
        NUMBER(score_threshold, NOT_NAN), INTEGER(max_keep), OUT(keep, count, 1, .element = SIZE, .limit = "max_keep", .written = {"keep_count"}),
        OUT(keep_scores, count, 1, .limit = "max_keep", .written = {"keep_count"}), RESULT(keep_count, .element = SIZE)}},
    {"rotated_match", .parameters = {
        ROTATED_METRIC, CODE(angle, 3), ROTATED(proposals, proposals_count, proposals_stride), COUNT(proposals_count), STRIDE(proposals_stride),
        ROTATED(truths, truths_count, truths_stride), COUNT(truths_count), STRIDE(truths_stride),
        NUMBER(low_threshold, NOT_NAN), NUMBER(high_threshold, NOT_NAN, .at_least = "low_threshold"), CODE(low_quality, 2),
        OUT(matches, proposals_count, 1, OPTIONAL, .element = LONG), OUT(overlaps, proposals_count, 1, OPTIONAL)}},
    {"match_ignore", .parameters = {
        CODE(share, 1), BOXES(proposals, proposals_count, proposals_stride), COUNT(proposals_count), STRIDE(proposals_stride),
        BOXES(ignored, ignored_count, ignored_stride), COUNT(ignored_count), STRIDE(ignored_stride), NUMBER(threshold, NOT_NEGATIVE),
        CODE(which, 1), IN(matches, proposals_count, 1, .element = LONG),
        OUT(out, proposals_count, 1, .element = LONG, .in_place = "matches")}},
    {"sample", .untyped = true, .parameters = {
        IN(labels, count, 1, .element = LONG), COUNT(count), INTEGER(negative), INTEGER(wanted), NUMBER(positive_fraction, FRACTION), INTEGER(seed),
        OUT(indices, count, 1, .element = SIZE, .limit = "wanted", .written = {"positive_count", "negative_count"}),
        RESULT(positive_count, .element = SIZE), RESULT(negative_count, .element = SIZE)}},
    {"sample_ratio", .untyped = true, .parameters = {
        IN(labels, count, 1, .element = LONG), COUNT(count), INTEGER(negative), INTEGER(wanted), NUMBER(positive_fraction, FRACTION),
        NUMBER(negatives_per_positive, NOT_NEGATIVE), INTEGER(seed),
        OUT(indices, count, 1, .element = SIZE, .limit = "wanted", .written = {"positive_count", "negative_count"}),
        RESULT(positive_count, .element = SIZE), RESULT(negative_count, .element = SIZE)}},
    {"exact_norm_begin", .untyped = true, .parameters = {OUT(state, size, 1, .element = LONG), STATE_SIZE(size)}},
    {"exact_norm_add", .untyped = true, .parameters = {
        UPDATED(state, size, 1, .element = LONG), STATE_SIZE(size), TENSORS, NUMBER(p, EXACT_EXPONENT)}},
    {"exact_norm_merge", .untyped = true, .parameters = {
        UPDATED(state, size, 1, .element = LONG), IN(other, size, 1, .element = LONG), STATE_SIZE(size), NUMBER(p, EXACT_EXPONENT)}},
    {"exact_norm_finish", .untyped = true, .parameters = {
        IN(state, size, 1, .element = LONG), STATE_SIZE(size), NUMBER(p, EXACT_EXPONENT), RESULT(norm)}},
};
enum { function_count = sizeof functions / sizeof *functions };

#undef COUNT
#undef STRIDE
#undef INTEGER
#undef NUMBER
#undef CODE
#undef TENSORS
#undef PARAMETERS

#endif
