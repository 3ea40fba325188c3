/* boxgrad on NVIDIA GPUs: the functions of boxgrad.h with device pointers, and with the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A function here is the one of boxgrad.h whose name lacks "cuda_": the same formula, the same
 * arguments in the same order, the same edges and accuracy, and the same bits. Its comment there
 * holds. A comment here says only what differs.
 *
 * CONTENTS
 *
 *     First call          one loss
 *     Conventions         pointers, streams, scratch, statuses, what is checked where, first calls
 *     The library         cuda_load, cuda_last_error, cuda_status_string, cuda_version_number
 *     Boxes               cuda_box_area, cuda_box_convert, cuda_box_clip
 *     Hard clip           cuda_clip
 *     Overlap             cuda_iou_pairwise, cuda_iou_aligned, cuda_iou_loss
 *     Rotated boxes       cuda_rotated_convert, cuda_rotated_corners, cuda_rotated_from_corners
 *     Rotated overlap     cuda_rotated_iou_pairwise, cuda_rotated_iou_aligned,
 *                         cuda_rotated_iou_loss
 *     Smooth L1           cuda_smooth_l1
 *     Box deltas          cuda_delta_encode, cuda_delta_decode
 *     Suppress, match     cuda_nms, cuda_match
 *     Gradient clipping   cuda_grad_norm, cuda_clip_grad_norm, cuda_clip_grads_with_norm,
 *                         cuda_clip_grad_value
 *     Scratch             the bytes that a call needs
 *     Plugins             cuda_get_api
 *
 * FIRST CALL
 *
 *     #include <boxgrad_cuda.h>
 *
 *     // Device pointers: pred, target and gradient have 4 * count floats, total is one double, and
 *     // scratch has the bytes that boxgrad_cuda_iou_loss_f32_scratch(count) says.
 *     boxgrad_status status = boxgrad_cuda_iou_loss_f32(
 *         BOXGRAD_GIOU, pred, 4, target, 4, count, NULL, 1e-7, (double)count,
 *         total, NULL, gradient, NULL, scratch, scratch_size, stream);
 *     if (status != BOXGRAD_OK) fprintf(stderr, "%s\n", boxgrad_cuda_last_error());
 *
 * CONVENTIONS
 *
 * Pointers.   Arrays, and the single numbers that a function writes (loss, blocked,
 *             degenerate_count), are in device memory that the current context can reach. options
 *             and tensors are read on the host, before the call returns.
 * Stream.     A call puts work on the stream, a CUstream or cudaStream_t, and returns. NULL is the
 *             default stream. Outputs are written when the stream comes to them. The work is done
 *             in the context that is current on the calling thread. The stream must belong to it.
 * Scratch.    The library never allocates device memory. Where a function takes scratch, the
 *             function of its name with _scratch says how many bytes the call needs, and 0 means
 *             that scratch may be NULL. Scratch must begin at a multiple of 16 bytes, may hold
 *             anything, and is the call's until the stream has done the work.
 * Alignment.  Rows of four that begin at a multiple of their size (16 bytes for float, 32 for
 *             double) are read and written at once, which is faster. boxgrad.h says what alignment
 *             is required.
 * Statuses.   Those of boxgrad.h, for all that the host can check: pointers that are NULL, strides,
 *             sizes, parameters. Then nothing is launched. What only the values on the device tell
 *             is no status: see cuda_delta_encode. BOXGRAD_DEVICE is a failure of the driver, in
 *             the driver's words. It may stem from earlier work. Outputs may be written in part.
 *             BOXGRAD_UNSUPPORTED: there is no driver, or one older than CUDA 12.0. The library can
 *             be loaded without one.
 * GPUs.       Compute capability 7.5 (Turing) and later.
 * First call. The library carries PTX. The driver compiles a family of kernels when one of them is
 *             first called, and keeps the result on disk for the next process. cuda_load does it
 *             ahead: before a graph is captured, which must not load anything, and before times are
 *             measured. What is loaded stays until the process ends.
 * Threads.    Every function may be called from any number of threads at once.
 * Loading.    Each loaded copy of the library takes 256 bytes of the thread-local storage that
 *             boxgrad.h speaks of under the same word.
 * Same bits.  The results have the bits of the CPU library, on every GPU and for every grid, except
 *             the sign and payload of a NaN. docs/cuda.md says how.
 * Since.      0.3.0.
 */
#ifndef BOXGRAD_CUDA_H
#define BOXGRAD_CUDA_H

#include "boxgrad.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The library ----------------------------------------------------------------------------- */

/* The status of a failure of the driver, beside those of boxgrad.h. */
#define BOXGRAD_DEVICE 50

/* As boxgrad_status_string, with BOXGRAD_DEVICE. */
const char *boxgrad_cuda_status_string(boxgrad_status status);

/* As boxgrad_last_error, for this library's functions. */
const char *boxgrad_cuda_last_error(void);

/* The version of this library, which is that of boxgrad.h: major << 16 | minor << 8 | patch. */
uint32_t boxgrad_cuda_version_number(void);

/* Loads the families of kernels whose names begin with `family`, for the current context:
 * "iou_loss" for all losses of overlaps, "iou_loss_giou_f32" for one, "" or NULL for everything.
 * The families are boxes, delta_encode, delta_encode_grad, delta_decode, losses (smooth L1, and the
 * totals of all losses), nms_sort and nms, iou_aligned, iou_loss, iou_loss_total, iou_pairwise,
 * iou_pairwise_grad and match, each with _f32 and _f64. Those of overlaps (the last six) have the
 * metric before that. A loss with its total of more than 4096 boxes needs losses, too. "rotated"
 * loads those of rotated boxes: rotated_boxes, rotated_corners, rotated_corners_grad, and for
 * overlaps rotated_prepare, rotated_iou_pairwise, rotated_iou_pairwise_grad, rotated_pairs and
 * rotated_pairs_total. "grad" loads those of gradients: grad_norm, grad_change, grad_sums,
 * grad_largest (p = INFINITY) and grad_doubles (tensors of f64).
 * Errors:   BAD_PARAMETER: no family's name begins so. UNSUPPORTED, DEVICE. */
boxgrad_status boxgrad_cuda_load(const char *BOXGRAD_OR_NULL family);

/* ---- Boxes ----------------------------------------------------------------------------------- */

boxgrad_status boxgrad_cuda_box_area_f32(
    const float *boxes, size_t count, ptrdiff_t stride, float *out, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_area_f64(
    const double *boxes, size_t count, ptrdiff_t stride, double *out, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_area_grad_f32(
    const float *boxes, size_t count, ptrdiff_t stride, const float *grad_out, float *grad_boxes,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_area_grad_f64(
    const double *boxes, size_t count, ptrdiff_t stride, const double *grad_out, double *grad_boxes,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_convert_f32(
    int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride, float *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_convert_f64(
    int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride, double *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_convert_grad_f32(
    int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_convert_grad_f64(
    int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_clip_f32(
    const float *in, size_t count, ptrdiff_t in_stride, double width, double height, float *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_clip_f64(
    const double *in, size_t count, ptrdiff_t in_stride, double width, double height, double *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_clip_grad_f32(
    const float *in, size_t count, ptrdiff_t in_stride, double width, double height,
    const float *grad_out, float *grad_in, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_box_clip_grad_f64(
    const double *in, size_t count, ptrdiff_t in_stride, double width, double height,
    const double *grad_out, double *grad_in, void *BOXGRAD_OR_NULL stream);

/* ---- Hard clip ------------------------------------------------------------------------------- */

boxgrad_status boxgrad_cuda_clip_f32(
    const float *x, size_t count, double lo, double hi, float *out, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_clip_f64(
    const double *x, size_t count, double lo, double hi, double *out, void *BOXGRAD_OR_NULL stream);

/* blocked is one number in device memory. */
boxgrad_status boxgrad_cuda_clip_grad_f32(
    const float *x, size_t count, double lo, double hi, const float *grad_out, int32_t mode,
    float *grad_in, size_t *BOXGRAD_OR_NULL blocked, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_clip_grad_f64(
    const double *x, size_t count, double lo, double hi, const double *grad_out, int32_t mode,
    double *grad_in, size_t *BOXGRAD_OR_NULL blocked, void *BOXGRAD_OR_NULL stream);

/* ---- Overlap ------------------------------------------------------------------------------------
 * CIoU needs scratch for the angles of the diagonals, which are computed once for each box. No
 * matrix is stored beside the result. */

boxgrad_status boxgrad_cuda_iou_pairwise_f32(
    int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b,
    size_t b_count, ptrdiff_t b_stride, double eps, float *out, ptrdiff_t out_stride,
    float *BOXGRAD_OR_NULL out_union, void *BOXGRAD_OR_NULL scratch, size_t scratch_size,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_iou_pairwise_f64(
    int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b,
    size_t b_count, ptrdiff_t b_stride, double eps, double *out, ptrdiff_t out_stride,
    double *BOXGRAD_OR_NULL out_union, void *BOXGRAD_OR_NULL scratch, size_t scratch_size,
    void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_iou_pairwise_grad_f32(
    int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b,
    size_t b_count, ptrdiff_t b_stride, double eps, const float *grad_out,
    ptrdiff_t grad_out_stride, float *BOXGRAD_OR_NULL grad_a, float *BOXGRAD_OR_NULL grad_b,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_iou_pairwise_grad_f64(
    int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b,
    size_t b_count, ptrdiff_t b_stride, double eps, const double *grad_out,
    ptrdiff_t grad_out_stride, double *BOXGRAD_OR_NULL grad_a, double *BOXGRAD_OR_NULL grad_b,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_iou_aligned_f32(
    int32_t metric, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride,
    size_t count, double eps, float *BOXGRAD_OR_NULL out, float *BOXGRAD_OR_NULL grad_a,
    float *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_iou_aligned_f64(
    int32_t metric, const double *a, ptrdiff_t a_stride, const double *b, ptrdiff_t b_stride,
    size_t count, double eps, double *BOXGRAD_OR_NULL out, double *BOXGRAD_OR_NULL grad_a,
    double *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL stream);

/* Without loss, or with at most 4096 boxes, it needs no scratch. */
boxgrad_status boxgrad_cuda_iou_loss_f32(
    int32_t metric, const float *pred, ptrdiff_t pred_stride, const float *target,
    ptrdiff_t target_stride, size_t count, const float *BOXGRAD_OR_NULL weights, double eps,
    double normalizer, double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_iou_loss_f64(
    int32_t metric, const double *pred, ptrdiff_t pred_stride, const double *target,
    ptrdiff_t target_stride, size_t count, const double *BOXGRAD_OR_NULL weights, double eps,
    double normalizer, double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* ---- Rotated boxes --------------------------------------------------------------------------- */

boxgrad_status boxgrad_cuda_rotated_convert_f32(
    int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride, float *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_convert_f64(
    int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride, double *out,
    ptrdiff_t out_stride, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_convert_grad_f32(
    int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in, void
    *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_convert_grad_f64(
    int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in, void
    *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_corners_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride, float *BOXGRAD_OR_NULL
    corners, float *BOXGRAD_OR_NULL bounds, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_corners_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride, double *BOXGRAD_OR_NULL
    corners, double *BOXGRAD_OR_NULL bounds, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_corners_grad_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride, const float *BOXGRAD_OR_NULL
    grad_corners, const float *BOXGRAD_OR_NULL grad_bounds, float *grad_boxes, void *BOXGRAD_OR_NULL
    stream);
boxgrad_status boxgrad_cuda_rotated_corners_grad_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride, const double
    *BOXGRAD_OR_NULL grad_corners, const double *BOXGRAD_OR_NULL grad_bounds, double *grad_boxes,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_from_corners_f32(
    int32_t angle, const float *corners, size_t count, ptrdiff_t stride, float *boxes, void
    *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_from_corners_f64(
    int32_t angle, const double *corners, size_t count, ptrdiff_t stride, double *boxes, void
    *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_from_corners_grad_f32(
    int32_t angle, const float *corners, size_t count, ptrdiff_t stride, const float *grad_boxes,
    float *grad_corners, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_from_corners_grad_f64(
    int32_t angle, const double *corners, size_t count, ptrdiff_t stride, const double *grad_boxes,
    double *grad_corners, void *BOXGRAD_OR_NULL stream);

/* ---- Rotated overlap ----------------------------------------------------------------------------
 * The direction of each box is computed once, into scratch, where a box takes 48 bytes in float and
 * 64 in double. */

boxgrad_status boxgrad_cuda_rotated_iou_pairwise_f32(
    int32_t metric, int32_t angle, const float *a, size_t a_count, ptrdiff_t a_stride, const float
    *b, size_t b_count, ptrdiff_t b_stride, float *out, ptrdiff_t out_stride, void *BOXGRAD_OR_NULL
    scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_iou_pairwise_f64(
    int32_t metric, int32_t angle, const double *a, size_t a_count, ptrdiff_t a_stride, const double
    *b, size_t b_count, ptrdiff_t b_stride, double *out, ptrdiff_t out_stride, void *BOXGRAD_OR_NULL
    scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_rotated_iou_pairwise_grad_f32(
    int32_t metric, int32_t angle, const float *a, size_t a_count, ptrdiff_t a_stride, const float
    *b, size_t b_count, ptrdiff_t b_stride, const float *grad_out, ptrdiff_t grad_out_stride, float
    *BOXGRAD_OR_NULL grad_a, float *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL scratch, size_t
    scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_iou_pairwise_grad_f64(
    int32_t metric, int32_t angle, const double *a, size_t a_count, ptrdiff_t a_stride, const double
    *b, size_t b_count, ptrdiff_t b_stride, const double *grad_out, ptrdiff_t grad_out_stride,
    double *BOXGRAD_OR_NULL grad_a, double *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_rotated_iou_aligned_f32(
    int32_t metric, int32_t angle, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t
    b_stride, size_t count, float *BOXGRAD_OR_NULL out, float *BOXGRAD_OR_NULL grad_a, float
    *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void
    *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_iou_aligned_f64(
    int32_t metric, int32_t angle, const double *a, ptrdiff_t a_stride, const double *b, ptrdiff_t
    b_stride, size_t count, double *BOXGRAD_OR_NULL out, double *BOXGRAD_OR_NULL grad_a, double
    *BOXGRAD_OR_NULL grad_b, void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void
    *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_rotated_iou_loss_f32(
    int32_t kind, int32_t angle, const float *pred, ptrdiff_t pred_stride, const float *target,
    ptrdiff_t target_stride, size_t count, const float *BOXGRAD_OR_NULL weights, double least_iou,
    double normalizer, double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box, float
    *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_rotated_iou_loss_f64(
    int32_t kind, int32_t angle, const double *pred, ptrdiff_t pred_stride, const double *target,
    ptrdiff_t target_stride, size_t count, const double *BOXGRAD_OR_NULL weights, double least_iou,
    double normalizer, double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box, double
    *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* ---- Smooth L1 ------------------------------------------------------------------------------- */

/* Without loss, or with at most 4096 numbers, it needs no scratch. */
boxgrad_status boxgrad_cuda_smooth_l1_f32(
    const float *pred, const float *target, const float *BOXGRAD_OR_NULL inside_weights,
    const float *BOXGRAD_OR_NULL outside_weights, size_t count, double sigma, double normalizer,
    double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL elementwise,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_smooth_l1_f64(
    const double *pred, const double *target, const double *BOXGRAD_OR_NULL inside_weights,
    const double *BOXGRAD_OR_NULL outside_weights, size_t count, double sigma, double normalizer,
    double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL elementwise,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* ---- Box deltas ------------------------------------------------------------------------------ */

/* Whether a row is degenerate is not known when the call returns. With BOXGRAD_DEGENERATE_ERROR,
 * the default, a degenerate row gets zeros, as with BOXGRAD_DEGENERATE_ZERO, and the caller must
 * look at degenerate_count, which is the number of such rows with all three codes. */
boxgrad_status boxgrad_cuda_delta_encode_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride, const float *targets, ptrdiff_t targets_stride, size_t count,
    float *deltas, uint8_t *BOXGRAD_OR_NULL degenerate, size_t *BOXGRAD_OR_NULL degenerate_count,
    void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_delta_encode_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride, const double *targets, ptrdiff_t targets_stride, size_t count,
    double *deltas, uint8_t *BOXGRAD_OR_NULL degenerate, size_t *BOXGRAD_OR_NULL degenerate_count,
    void *BOXGRAD_OR_NULL stream);

/* With BOXGRAD_DEGENERATE_ERROR a degenerate row gets zeros. */
boxgrad_status boxgrad_cuda_delta_encode_grad_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride, const float *targets, ptrdiff_t targets_stride, size_t count,
    const float *grad_deltas, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_targets, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_delta_encode_grad_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride, const double *targets, ptrdiff_t targets_stride, size_t count,
    const double *grad_deltas, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_targets, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_delta_decode_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride, const float *deltas, ptrdiff_t deltas_stride, size_t count,
    size_t groups, float *boxes, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_delta_decode_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride, const double *deltas, ptrdiff_t deltas_stride, size_t count,
    size_t groups, double *boxes, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_delta_decode_grad_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride, const float *deltas, ptrdiff_t deltas_stride, size_t count,
    size_t groups, const float *grad_boxes, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_deltas, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_delta_decode_grad_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride, const double *deltas, ptrdiff_t deltas_stride, size_t count,
    size_t groups, const double *grad_boxes, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_deltas, void *BOXGRAD_OR_NULL stream);

/* ---- Suppress, match ------------------------------------------------------------------------- */

/* keep and keep_count are in device memory. The call puts one kernel on the stream for every 512
 * boxes, beside those of the sort. The time grows with count * (the number of kept boxes), also
 * where few boxes touch each other. */
boxgrad_status boxgrad_cuda_nms_f32(
    const float *boxes, size_t count, ptrdiff_t stride, const float *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double score_threshold,
    size_t max_keep, size_t *keep, size_t *keep_count, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_nms_f64(
    const double *boxes, size_t count, ptrdiff_t stride, const double *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double score_threshold,
    size_t max_keep, size_t *keep, size_t *keep_count, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* The matrix of overlaps is not stored. With low_quality 0, or without matches, it needs no
 * scratch. */
boxgrad_status boxgrad_cuda_match_f32(
    int32_t metric, const float *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const float *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches, float *BOXGRAD_OR_NULL overlaps,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);
boxgrad_status boxgrad_cuda_match_f64(
    int32_t metric, const double *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const double *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches, double *BOXGRAD_OR_NULL overlaps,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* ---- Gradient clipping --------------------------------------------------------------------------
 * The array of tensors is in the host's memory, and their data in the device's. It is copied into
 * the kernels' parameters: it may be freed when the call returns, and a captured graph has a copy.
 * A kernel takes 190 tensors. A norm is one kernel for as many, two to five if some are f64, and
 * one for all. A change is one kernel for as many. p is 1, 2 or INFINITY, else UNSUPPORTED.
 * Tensors that a call changes must not overlap, because the device changes all at once.
 * Norms of f32, f16 and bf16 are exact, and those of f64 are added in the CPU's order. Elements
 * whose magnitudes span more than 32 powers of two, which are rare, take more time. Data that
 * begins at a multiple of 16 bytes is read and written at once, which is faster. */

/* total, per_tensor and first_nonfinite are in device memory. Whether a norm is finite is not known
 * when the call returns. */
boxgrad_status boxgrad_cuda_grad_norm(
    const boxgrad_tensor *tensors, size_t n, double p, double *BOXGRAD_OR_NULL total,
    double *BOXGRAD_OR_NULL per_tensor, size_t *BOXGRAD_OR_NULL first_nonfinite,
    void *BOXGRAD_OR_NULL scratch, size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* The norm stays on the device, which decides by it. If it is infinite or NaN,
 * BOXGRAD_NONFINITE_ERROR is what BOXGRAD_NONFINITE_SKIP is, and the caller must look at total. */
boxgrad_status boxgrad_cuda_clip_grad_norm(
    const boxgrad_tensor *tensors, size_t n, double max_norm, double p, double eps,
    int32_t on_nonfinite, double *BOXGRAD_OR_NULL total, void *BOXGRAD_OR_NULL scratch,
    size_t scratch_size, void *BOXGRAD_OR_NULL stream);

/* The second half of boxgrad_cuda_clip_grad_norm, by a norm in device memory that another call or
 * another device computed. boxgrad.h has boxgrad_grad_scale instead, because there the host knows
 * the norm.
 * Inputs:   tensors: n; max_norm; total: one double, not negative; eps, on_nonfinite: as
 *           boxgrad_cuda_clip_grad_norm.
 * Errors:   As boxgrad_clip_grad_norm.
 * Accuracy: elements 0.51 ulp. */
boxgrad_status boxgrad_cuda_clip_grads_with_norm(
    const boxgrad_tensor *tensors, size_t n, double max_norm, const double *total, double eps,
    int32_t on_nonfinite, void *BOXGRAD_OR_NULL stream);

boxgrad_status boxgrad_cuda_clip_grad_value(
    const boxgrad_tensor *tensors, size_t n, double limit, void *BOXGRAD_OR_NULL stream);

/* ---- Scratch ------------------------------------------------------------------------------------
 * The bytes of scratch that a call needs. Counts for which there is no such memory give SIZE_MAX,
 * and the call itself fails. */

size_t boxgrad_cuda_iou_pairwise_f32_scratch(int32_t metric, size_t a_count, size_t b_count);
size_t boxgrad_cuda_iou_pairwise_f64_scratch(int32_t metric, size_t a_count, size_t b_count);
size_t boxgrad_cuda_iou_pairwise_grad_f32_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_iou_pairwise_grad_f64_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_iou_loss_f32_scratch(size_t count);
size_t boxgrad_cuda_iou_loss_f64_scratch(size_t count);
size_t boxgrad_cuda_rotated_iou_pairwise_f32_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_rotated_iou_pairwise_f64_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_rotated_iou_pairwise_grad_f32_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_rotated_iou_pairwise_grad_f64_scratch(size_t a_count, size_t b_count);
size_t boxgrad_cuda_rotated_iou_aligned_f32_scratch(size_t count);
size_t boxgrad_cuda_rotated_iou_aligned_f64_scratch(size_t count);
size_t boxgrad_cuda_rotated_iou_loss_f32_scratch(size_t count);
size_t boxgrad_cuda_rotated_iou_loss_f64_scratch(size_t count);
size_t boxgrad_cuda_smooth_l1_f32_scratch(size_t count);
size_t boxgrad_cuda_smooth_l1_f64_scratch(size_t count);
size_t boxgrad_cuda_nms_f32_scratch(size_t count);
size_t boxgrad_cuda_nms_f64_scratch(size_t count);
size_t boxgrad_cuda_match_f32_scratch(size_t truths_count);
size_t boxgrad_cuda_match_f64_scratch(size_t truths_count);
size_t boxgrad_cuda_grad_norm_scratch(const boxgrad_tensor *tensors, size_t n);
size_t boxgrad_cuda_clip_grad_norm_scratch(const boxgrad_tensor *tensors, size_t n);

/* ---- Plugins ------------------------------------------------------------------------------------
 * For hosts that load the library with dlopen: one symbol gives all functions. The rules are those
 * of boxgrad.h's table.
 *
 *     const boxgrad_cuda_api *(*get_api)(uint32_t) = dlsym(library, "boxgrad_cuda_get_api");
 *     const boxgrad_cuda_api *api = get_api(BOXGRAD_CUDA_ABI_VERSION); */

#define BOXGRAD_CUDA_ABI_VERSION 1

/* Whether the table of the library that was loaded reaches as far as this field. */
#define BOXGRAD_CUDA_API_HAS(api, field) \
    ((api)->size >= offsetof(boxgrad_cuda_api, field) + sizeof((api)->field))

typedef struct {
    uint32_t abi_version; /* BOXGRAD_CUDA_ABI_VERSION of the library */
    uint32_t size;        /* sizeof(boxgrad_cuda_api) of the library */
    const char *(*status_string)(boxgrad_status status);
    const char *(*last_error)(void);
    uint32_t (*version_number)(void);
    boxgrad_status (*load)(const char *family);
    boxgrad_status (*box_area_f32)(const float *boxes, size_t count, ptrdiff_t stride, float *out,
        void *stream);
    boxgrad_status (*box_area_f64)(const double *boxes, size_t count, ptrdiff_t stride, double *out,
        void *stream);
    boxgrad_status (*box_area_grad_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        const float *grad_out, float *grad_boxes, void *stream);
    boxgrad_status (*box_area_grad_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        const double *grad_out, double *grad_boxes, void *stream);
    boxgrad_status (*box_convert_f32)(int32_t from, int32_t to, const float *in, size_t count,
        ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*box_convert_f64)(int32_t from, int32_t to, const double *in, size_t count,
        ptrdiff_t in_stride, double *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*box_convert_grad_f32)(int32_t from, int32_t to, size_t count,
        const float *grad_out, float *grad_in, void *stream);
    boxgrad_status (*box_convert_grad_f64)(int32_t from, int32_t to, size_t count,
        const double *grad_out, double *grad_in, void *stream);
    boxgrad_status (*box_clip_f32)(const float *in, size_t count, ptrdiff_t in_stride, double width,
        double height, float *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*box_clip_f64)(const double *in, size_t count, ptrdiff_t in_stride,
        double width, double height, double *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*box_clip_grad_f32)(const float *in, size_t count, ptrdiff_t in_stride,
        double width, double height, const float *grad_out, float *grad_in, void *stream);
    boxgrad_status (*box_clip_grad_f64)(const double *in, size_t count, ptrdiff_t in_stride,
        double width, double height, const double *grad_out, double *grad_in, void *stream);
    boxgrad_status (*clip_f32)(const float *x, size_t count, double lo, double hi, float *out,
        void *stream);
    boxgrad_status (*clip_f64)(const double *x, size_t count, double lo, double hi, double *out,
        void *stream);
    boxgrad_status (*clip_grad_f32)(const float *x, size_t count, double lo, double hi,
        const float *grad_out, int32_t mode, float *grad_in, size_t *blocked, void *stream);
    boxgrad_status (*clip_grad_f64)(const double *x, size_t count, double lo, double hi,
        const double *grad_out, int32_t mode, double *grad_in, size_t *blocked, void *stream);
    boxgrad_status (*iou_pairwise_f32)(int32_t metric, const float *a, size_t a_count,
        ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
        float *out, ptrdiff_t out_stride, float *out_union, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*iou_pairwise_f64)(int32_t metric, const double *a, size_t a_count,
        ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
        double *out, ptrdiff_t out_stride, double *out_union, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*iou_pairwise_grad_f32)(int32_t metric, const float *a, size_t a_count,
        ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
        const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b,
        void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*iou_pairwise_grad_f64)(int32_t metric, const double *a, size_t a_count,
        ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
        const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b,
        void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*iou_aligned_f32)(int32_t metric, const float *a, ptrdiff_t a_stride,
        const float *b, ptrdiff_t b_stride, size_t count, double eps, float *out, float *grad_a,
        float *grad_b, void *stream);
    boxgrad_status (*iou_aligned_f64)(int32_t metric, const double *a, ptrdiff_t a_stride,
        const double *b, ptrdiff_t b_stride, size_t count, double eps, double *out, double *grad_a,
        double *grad_b, void *stream);
    boxgrad_status (*iou_loss_f32)(int32_t metric, const float *pred, ptrdiff_t pred_stride,
        const float *target, ptrdiff_t target_stride, size_t count, const float *weights,
        double eps, double normalizer, double *loss, float *per_box, float *grad_pred,
        float *grad_target, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*iou_loss_f64)(int32_t metric, const double *pred, ptrdiff_t pred_stride,
        const double *target, ptrdiff_t target_stride, size_t count, const double *weights,
        double eps, double normalizer, double *loss, double *per_box, double *grad_pred,
        double *grad_target, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*smooth_l1_f32)(const float *pred, const float *target,
        const float *inside_weights, const float *outside_weights, size_t count, double sigma,
        double normalizer, double *loss, float *elementwise, float *grad_pred, float *grad_target,
        void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*smooth_l1_f64)(const double *pred, const double *target,
        const double *inside_weights, const double *outside_weights, size_t count, double sigma,
        double normalizer, double *loss, double *elementwise, double *grad_pred,
        double *grad_target, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*delta_encode_f32)(const boxgrad_delta_options *options, const float *proposals,
        ptrdiff_t proposals_stride, const float *targets, ptrdiff_t targets_stride, size_t count,
        float *deltas, uint8_t *degenerate, size_t *degenerate_count, void *stream);
    boxgrad_status (*delta_encode_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, double *deltas, uint8_t *degenerate,
        size_t *degenerate_count, void *stream);
    boxgrad_status (*delta_encode_grad_f32)(const boxgrad_delta_options *options,
        const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, const float *grad_deltas, float *grad_proposals,
        float *grad_targets, void *stream);
    boxgrad_status (*delta_encode_grad_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, const double *grad_deltas, double *grad_proposals,
        double *grad_targets, void *stream);
    boxgrad_status (*delta_decode_f32)(const boxgrad_delta_options *options, const float *proposals,
        ptrdiff_t proposals_stride, const float *deltas, ptrdiff_t deltas_stride, size_t count,
        size_t groups, float *boxes, void *stream);
    boxgrad_status (*delta_decode_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, double *boxes, void *stream);
    boxgrad_status (*delta_decode_grad_f32)(const boxgrad_delta_options *options,
        const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, const float *grad_boxes,
        float *grad_proposals, float *grad_deltas, void *stream);
    boxgrad_status (*delta_decode_grad_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, const double *grad_boxes,
        double *grad_proposals, double *grad_deltas, void *stream);
    boxgrad_status (*nms_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        const float *scores, const int64_t *classes, double iou_threshold, double score_threshold,
        size_t max_keep, size_t *keep, size_t *keep_count, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*nms_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        const double *scores, const int64_t *classes, double iou_threshold, double score_threshold,
        size_t max_keep, size_t *keep, size_t *keep_count, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*match_f32)(int32_t metric, const float *proposals, size_t proposals_count,
        ptrdiff_t proposals_stride, const float *truths, size_t truths_count,
        ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, float *overlaps, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*match_f64)(int32_t metric, const double *proposals, size_t proposals_count,
        ptrdiff_t proposals_stride, const double *truths, size_t truths_count,
        ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, double *overlaps, void *scratch, size_t scratch_size,
        void *stream);
    size_t (*iou_pairwise_f32_scratch)(int32_t metric, size_t a_count, size_t b_count);
    size_t (*iou_pairwise_f64_scratch)(int32_t metric, size_t a_count, size_t b_count);
    size_t (*iou_pairwise_grad_f32_scratch)(size_t a_count, size_t b_count);
    size_t (*iou_pairwise_grad_f64_scratch)(size_t a_count, size_t b_count);
    size_t (*iou_loss_f32_scratch)(size_t count);
    size_t (*iou_loss_f64_scratch)(size_t count);
    size_t (*smooth_l1_f32_scratch)(size_t count);
    size_t (*smooth_l1_f64_scratch)(size_t count);
    size_t (*nms_f32_scratch)(size_t count);
    size_t (*nms_f64_scratch)(size_t count);
    size_t (*match_f32_scratch)(size_t truths_count);
    size_t (*match_f64_scratch)(size_t truths_count);
    boxgrad_status (*grad_norm)(const boxgrad_tensor *tensors, size_t n, double p, double *total,
        double *per_tensor, size_t *first_nonfinite, void *scratch, size_t scratch_size,
        void *stream);
    boxgrad_status (*clip_grad_norm)(const boxgrad_tensor *tensors, size_t n, double max_norm,
        double p, double eps, int32_t on_nonfinite, double *total, void *scratch,
        size_t scratch_size, void *stream);
    boxgrad_status (*clip_grads_with_norm)(const boxgrad_tensor *tensors, size_t n, double max_norm,
        const double *total, double eps, int32_t on_nonfinite, void *stream);
    boxgrad_status (*clip_grad_value)(const boxgrad_tensor *tensors, size_t n, double limit,
        void *stream);
    size_t (*grad_norm_scratch)(const boxgrad_tensor *tensors, size_t n);
    size_t (*clip_grad_norm_scratch)(const boxgrad_tensor *tensors, size_t n);
    boxgrad_status (*rotated_convert_f32)(int32_t from, int32_t to, const float *in, size_t count,
        ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*rotated_convert_f64)(int32_t from, int32_t to, const double *in, size_t count,
        ptrdiff_t in_stride, double *out, ptrdiff_t out_stride, void *stream);
    boxgrad_status (*rotated_convert_grad_f32)(int32_t from, int32_t to, size_t count,
        const float *grad_out, float *grad_in, void *stream);
    boxgrad_status (*rotated_convert_grad_f64)(int32_t from, int32_t to, size_t count,
        const double *grad_out, double *grad_in, void *stream);
    boxgrad_status (*rotated_corners_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, float *corners, float *bounds, void *stream);
    boxgrad_status (*rotated_corners_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, double *corners, double *bounds, void *stream);
    boxgrad_status (*rotated_corners_grad_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, const float *grad_corners, const float *grad_bounds, float *grad_boxes,
        void *stream);
    boxgrad_status (*rotated_corners_grad_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, const double *grad_corners, const double *grad_bounds, double *grad_boxes,
        void *stream);
    boxgrad_status (*rotated_from_corners_f32)(int32_t angle, const float *corners, size_t count,
        ptrdiff_t stride, float *boxes, void *stream);
    boxgrad_status (*rotated_from_corners_f64)(int32_t angle, const double *corners, size_t count,
        ptrdiff_t stride, double *boxes, void *stream);
    boxgrad_status (*rotated_from_corners_grad_f32)(int32_t angle, const float *corners,
        size_t count, ptrdiff_t stride, const float *grad_boxes, float *grad_corners, void *stream);
    boxgrad_status (*rotated_from_corners_grad_f64)(int32_t angle, const double *corners,
        size_t count, ptrdiff_t stride, const double *grad_boxes, double *grad_corners,
        void *stream);
    boxgrad_status (*rotated_iou_pairwise_f32)(int32_t metric, int32_t angle, const float *a,
        size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
        float *out, ptrdiff_t out_stride, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_pairwise_f64)(int32_t metric, int32_t angle, const double *a,
        size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
        double *out, ptrdiff_t out_stride, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_pairwise_grad_f32)(int32_t metric, int32_t angle, const float *a,
        size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
        const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b,
        void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_pairwise_grad_f64)(int32_t metric, int32_t angle, const double *a,
        size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
        const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b,
        void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_aligned_f32)(int32_t metric, int32_t angle, const float *a,
        ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, size_t count, float *out,
        float *grad_a, float *grad_b, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_aligned_f64)(int32_t metric, int32_t angle, const double *a,
        ptrdiff_t a_stride, const double *b, ptrdiff_t b_stride, size_t count, double *out,
        double *grad_a, double *grad_b, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_loss_f32)(int32_t kind, int32_t angle, const float *pred,
        ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride, size_t count,
        const float *weights, double least_iou, double normalizer, double *loss, float *per_box,
        float *grad_pred, float *grad_target, void *scratch, size_t scratch_size, void *stream);
    boxgrad_status (*rotated_iou_loss_f64)(int32_t kind, int32_t angle, const double *pred,
        ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride, size_t count,
        const double *weights, double least_iou, double normalizer, double *loss, double *per_box,
        double *grad_pred, double *grad_target, void *scratch, size_t scratch_size, void *stream);
    size_t (*rotated_iou_pairwise_f32_scratch)(size_t a_count, size_t b_count);
    size_t (*rotated_iou_pairwise_f64_scratch)(size_t a_count, size_t b_count);
    size_t (*rotated_iou_pairwise_grad_f32_scratch)(size_t a_count, size_t b_count);
    size_t (*rotated_iou_pairwise_grad_f64_scratch)(size_t a_count, size_t b_count);
    size_t (*rotated_iou_aligned_f32_scratch)(size_t count);
    size_t (*rotated_iou_aligned_f64_scratch)(size_t count);
    size_t (*rotated_iou_loss_f32_scratch)(size_t count);
    size_t (*rotated_iou_loss_f64_scratch)(size_t count);
} boxgrad_cuda_api;

/* The table, or NULL if the library does not speak this version of the ABI. */
const boxgrad_cuda_api *boxgrad_cuda_get_api(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
#endif
