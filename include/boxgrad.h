/* boxgrad: the arithmetic of box detectors, each formula with its exact gradient.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header is the manual. Read the conventions once; after that every declaration says only what is its own.
 *
 *     #include <boxgrad.h>
 *     float a[4] = {0, 0, 10, 10}, b[4] = {5, 5, 15, 15}, iou;
 *     if (boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, 1, 4, b, 1, 4, 0, &iou, 1, NULL) != BOXGRAD_OK)
 *         fprintf(stderr, "%s\n", boxgrad_last_error());
 *
 * CONVENTIONS
 *
 * Names.      boxgrad_<noun>_<verb or shape>[_grad]_<f32|f64>. The two types of a function differ in nothing but the type;
 *             they are documented together, and fp stands for float or double. "pairwise" is N x M, "aligned" is row i
 *             with row i.
 * Boxes.      A row is x1, y1, x2, y2: y down, continuous coordinates, width = x2 - x1 (never + 1). Any unit: pixels or
 *             fractions of the image, as long as one call sticks to one.
 * Counts.     size_t. A count of 0 succeeds and still writes what is defined (a loss of 0, a norm of 0, zero gradients).
 * Strides.    ptrdiff_t, in elements, between the starts of two rows: at least 4 for boxes and deltas (detections with a
 *             score in a fifth column have stride 5), at least the number of columns for matrices. A stride is ignored
 *             where there are fewer than two rows. Arrays without a stride parameter are packed.
 * Pointers.   May be NULL only where this header says so, or where their count is 0. A gradient output that may be NULL and
 *             is NULL is not computed: that is stop-gradient.
 * Outputs.    Overwritten, never accumulated into. They must not overlap the inputs, except where "in place" is stated.
 *             A call that fails leaves all of them as they were. Not even padding between strided rows is touched.
 * Parameters. Scalars are double, codes are int32_t, in both types; f32 functions round a scalar to float where they use it, and what is
 *             asked of a scalar (to be finite, positive) is asked of the rounded one.
 * Gradients.  A function named _grad takes the gradient of some loss with respect to the function's output (grad_out) and
 *             gives the gradient with respect to its inputs. What it computes is what torch's autograd computes in exact
 *             arithmetic, kinks included: where max or min has a tie, each side gets half; a clamp passes the gradient at
 *             its bounds and stops it beyond them. Where a function differs from that, it says so.
 * NaN, inf.   Inputs are not searched for them, except where stated: the formula's result is returned. A NaN coordinate
 *             gives NaN in the results of its own box and in every sum it enters (a loss, the other side's pairwise gradient),
 *             and nowhere else. The sign and payload of a NaN are not promised.
 * Accuracy.   Unless stated otherwise a value is within 32 eps of the largest term of its formula, and a gradient within
 *             32 eps of the largest term of its row; eps is 2^-24 for f32 and 2^-53 for f64. A difference of two coordinates is one
 *             term, however far from the origin it is; docs/accuracy.md tells the terms of every formula, and what was measured.
 *             ulp is the distance between two numbers of the type. Sums over rows are taken in double, so that a sum of n f64 terms
 *             may be off by another 260 + n / 8192 eps of the sum of their magnitudes, though hardly ever by more than one or two (the
 *             bounds of losses below include this for n up to 2^18).
 *             This holds while squares and products of the coordinates neither overflow nor underflow: box sides of about 1e-15 to
 *             1e15 in f32, 1e-100 to 1e100 in f64. Beyond, a value whose areas underflow is still no NaN; one whose areas overflow
 *             (sides of 1e19 in f32, 1e154 in f64) may be, and a gradient may be infinite or NaN.
 * Same bits.  The same input gives the same bits on every processor and CPU tier, with every number of threads, in every build.
 * Threads.    Every function may be called from any number of threads at once. One call uses one thread, unless
 *             boxgrad_set_max_threads allows more.
 * Host.       The library does not print, abort, raise signals, install handlers or touch the locale. How the processor rounds, flushes
 *             and traps is left as it is; only exception flags may be set, as by any arithmetic, and their traps must be masked, as
 *             they are by default. Under another rounding mode than to nearest, results are rounded that way, and neither their accuracy
 *             nor the same bits are promised. With subnormal numbers flushed (FTZ, DAZ; bfloat16 included, half not) those count as
 *             zero, and whatever involves none has the same bits. The library's threads take all of this from the caller.
             errno stays as it was.
 * Stack.      A call needs at most 32 KB of the calling thread's stack, and of each thread that helps.
 * Signals.    In a signal handler a call may be made that succeeds, allocates nothing (all but iou_pairwise, nms,
             soft_nms and match) and is not divided. A call is not divided while boxgrad_max_threads is 1, or if the
             handler interrupted a divided call of the same thread. A call that fails writes its sentence with
             snprintf, which POSIX does not allow there. boxgrad_set_parallel_for must not be called there.
 * Start.      A call that is made before the library's constructors have run, as by a constructor of the host, uses the
             "baseline" tier. The bits are the same.
 * Since.      0.1.0, unless stated otherwise.
 */
#ifndef BOXGRAD_H
#define BOXGRAD_H

#include <math.h> /* INFINITY */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ---------------------------------------------------------------------------------------------------------
 * Every function that computes returns one of these. The numbers never change; new ones may be added. */

typedef int32_t boxgrad_status;

#define BOXGRAD_OK               0
#define BOXGRAD_NULL_POINTER    10 /* a pointer that is needed is NULL */
#define BOXGRAD_BAD_STRIDE      11 /* a stride is smaller than its row; or input and output are one array with two strides */
#define BOXGRAD_SIZE_OVERFLOW   12 /* a count, or count times stride, exceeds what memory can hold */
#define BOXGRAD_BAD_PARAMETER   20 /* a scalar or a code is outside its documented range */
#define BOXGRAD_DEGENERATE_BOX  21 /* delta_encode: a box whose width or height is not a positive finite number */
#define BOXGRAD_NONFINITE       22 /* clip_grad_norm with ON_NONFINITE ERROR: the total norm is infinite or NaN */
#define BOXGRAD_OUT_OF_MEMORY   30 /* scratch could not be had: iou_pairwise's (at most 226 KB a thread in f32, 451 KB in f64), nms', soft_nms', match's */
#define BOXGRAD_UNSUPPORTED     40 /* a tensor's dtype is unknown to this version */

/* The status' name, such as "BOXGRAD_BAD_STRIDE"; "unknown status" for any other number. Never NULL, valid forever. */
const char *boxgrad_status_string(boxgrad_status status);

/* One sentence on the calling thread's latest failure: the argument, where it applies the row, and the value. It stays
 * valid and unchanged until the same thread's next failing call. "" before the first. Never NULL. */
const char *boxgrad_last_error(void);

/* ---- The library ---------------------------------------------------------------------------------------------------- */

#define BOXGRAD_VERSION_STRING "0.1.1"
#define BOXGRAD_VERSION_NUMBER 0x000101 /* major << 16 | minor << 8 | patch */

/* The version of the library that was loaded; the macros are that of the header compiled against. */
const char *boxgrad_version_string(void);
uint32_t boxgrad_version_number(void);

/* The instruction set in use: "baseline", "avx2" or "avx512" on x86-64, "neon" on AArch64. Chosen when the library is loaded. The
 * environment variable BOXGRAD_CPU_TIER, read then, names a lower one to use instead; unknown or higher names are ignored. */
const char *boxgrad_cpu_tier(void);

/* How many threads one call may use, the calling one among them. The default is 1. A call is divided only if each thread gets work for
 * some 200 us: 65536 boxes or pairs of a gradient, 524288 elements or pairs of a match, 1048576 pairs of a matrix (of CIoU, 262144).
 * A call uses at most 256 threads; iou_loss uses at most 128, smooth_l1 and the functions over tensors at most 16.
 * Threads that the library starts block all signals and end before the call returns; where none can be had, the calling thread does the
 * work. Clipping, box formats, inspection, suppression and sampling are not divided. Applies to calls that begin afterwards, on every
 * thread.
 * BAD_PARAMETER: n < 1. */
boxgrad_status boxgrad_set_max_threads(int32_t n);
int32_t boxgrad_max_threads(void);

/* Lends the host's thread pool, for calls that boxgrad_set_max_threads allows to be divided: fn must run task over [0, count), in any split
 * and order, and return when all is done. count is the number of threads that have work; fn(context, count, task, task_context) may simply
 * call task(task_context, 0, count). fn is called with its own context, never with one set at another time, and from any thread that calls
 * the library. NULL returns to the library's own threads. A call that began before keeps the function it found.
 * If fn returns and work is left, because it ran task for no part of the range, the calling thread does that work. A
 * call that fn itself makes on this thread, or lets another task make, is not divided.
 * fn must return: it must not leave by an exception or by longjmp, and task must not be called after it has returned,
 * because the call's state is on the calling thread's stack. If it leaves before any task has run, that call's outputs
 * are undefined, its scratch is lost, and later calls of this thread are not divided. */
typedef void (*boxgrad_task)(void *task_context, size_t begin, size_t end);
typedef void (*boxgrad_parallel_for_fn)(void *context, size_t count, boxgrad_task task, void *task_context);
boxgrad_status boxgrad_set_parallel_for(boxgrad_parallel_for_fn fn, void *context);

/* ---- Boxes ----------------------------------------------------------------------------------------------------------
 * After torchvision.ops: box_area, box_convert, clip_boxes_to_image, remove_small_boxes. */

/* out[i] = (x2 - x1) * (y2 - y1). Negative for a box inverted on one axis. Accuracy: out 2.5 ulp.
 * boxes: count rows; out: count. */
boxgrad_status boxgrad_box_area_f32(const float *boxes, size_t count, ptrdiff_t stride, float *out);
boxgrad_status boxgrad_box_area_f64(const double *boxes, size_t count, ptrdiff_t stride, double *out);

/* grad_boxes[i] = grad_out[i] * (-h, -w, h, w). Accuracy: grad_boxes 1.5 ulp.
 * grad_out: count; grad_boxes: count x 4. */
boxgrad_status boxgrad_box_area_grad_f32(const float *boxes, size_t count, ptrdiff_t stride, const float *grad_out, float *grad_boxes);
boxgrad_status boxgrad_box_area_grad_f64(const double *boxes, size_t count, ptrdiff_t stride, const double *grad_out, double *grad_boxes);

/* Box formats of boxgrad_box_convert. */
#define BOXGRAD_XYXY   0 /* x1, y1, x2, y2 */
#define BOXGRAD_XYWH   1 /* x1, y1, width, height (COCO) */
#define BOXGRAD_CXCYWH 2 /* centre x, centre y, width, height (YOLO) */

/* Rewrites boxes from one format to another. Each conversion is direct: XYWH to CXCYWH keeps width and height bit for bit.
 * from == to copies. In place: out == in with equal strides. Accuracy: out 0.5 ulp.
 * BAD_PARAMETER: from or to is none of the three. BAD_STRIDE: also out == in with different strides. */
boxgrad_status boxgrad_box_convert_f32(int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_box_convert_f64(int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride, double *out, ptrdiff_t out_stride);

/* The gradient of the same conversion (from, to as in the forward call). It is linear, so it needs no boxes.
 * grad_out, grad_in: count x 4. In place: grad_in == grad_out. Accuracy: grad_in 0.5 ulp. */
boxgrad_status boxgrad_box_convert_grad_f32(int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in);
boxgrad_status boxgrad_box_convert_grad_f64(int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in);

/* Clamps x to [0, width] and y to [0, height]. NaN stays NaN. An infinite width or height means no upper bound.
 * A box outside the image becomes one of zero width or height on the border: see boxgrad_box_inspect.
 * In place: out == in with equal strides. Accuracy: out 0 ulp.
 * BAD_PARAMETER: width or height negative or NaN. BAD_STRIDE: also out == in with different strides. */
boxgrad_status boxgrad_box_clip_f32(const float *in, size_t count, ptrdiff_t in_stride, double width, double height, float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_box_clip_f64(const double *in, size_t count, ptrdiff_t in_stride, double width, double height, double *out, ptrdiff_t out_stride);

/* Gradient of the same clip: grad_out where the coordinate lies in [0, width] or [0, height], bounds included; 0 elsewhere
 * and for NaN. in: the boxes before clipping; grad_out, grad_in: count x 4. In place: grad_in == grad_out. Accuracy: grad_in 0 ulp. */
boxgrad_status boxgrad_box_clip_grad_f32(const float *in, size_t count, ptrdiff_t in_stride, double width, double height, const float *grad_out, float *grad_in);
boxgrad_status boxgrad_box_clip_grad_f64(const double *in, size_t count, ptrdiff_t in_stride, double width, double height, const double *grad_out, double *grad_in);

/* What can be wrong with a box: the bits of boxgrad_box_inspect's flag words. */
#define BOXGRAD_BOX_NOT_FINITE      (1u << 0) /* a coordinate is NaN or infinite; no other bit is set then */
#define BOXGRAD_BOX_ZERO_WIDTH      (1u << 1) /* x2 == x1: delta encoding divides by it or takes its logarithm */
#define BOXGRAD_BOX_ZERO_HEIGHT     (1u << 2) /* y2 == y1 */
#define BOXGRAD_BOX_INVERTED        (1u << 3) /* x2 < x1 or y2 < y1 */
#define BOXGRAD_BOX_CENTER_NEGATIVE (1u << 4) /* centre x < 0 or centre y < 0 */
#define BOXGRAD_BOX_CENTER_BEYOND   (1u << 5) /* centre x > width or centre y > height */
#define BOXGRAD_BOX_PARTLY_OUTSIDE  (1u << 6) /* leaves the image, and something of it remains inside after clipping */
#define BOXGRAD_BOX_WHOLLY_OUTSIDE  (1u << 7) /* leaves the image, and clipping where it leaves makes its width or height 0 */
#define BOXGRAD_BOX_SMALL           (1u << 8) /* width < min_size or height < min_size (an inverted box is small, too) */
#define BOXGRAD_BOX_FLAGS           9         /* how many flags this version knows */

/* Finds the boxes that break training. flags[i] gets the bits above for box i (0: nothing wrong); counts[k] gets how many
 * boxes have bit k. Either may be NULL. counts_length is the length of counts: entries beyond BOXGRAD_BOX_FLAGS get 0, a
 * shorter one gets the first bits only. A negative width or height means it is unknown: nothing is beyond it then.
 * BAD_PARAMETER: width, height or min_size is NaN. */
boxgrad_status boxgrad_box_inspect_f32(const float *boxes, size_t count, ptrdiff_t stride, double width, double height, double min_size,
                                       uint32_t *flags, size_t *counts, size_t counts_length);
boxgrad_status boxgrad_box_inspect_f64(const double *boxes, size_t count, ptrdiff_t stride, double width, double height, double min_size,
                                       uint32_t *flags, size_t *counts, size_t counts_length);

/* Rotates boxes about (cx, cy), counter-clockwise as seen on the screen (y down):
 *     x' = cx + cos * (x - cx) + sin * (y - cy),   y' = cy - sin * (x - cx) + cos * (y - cy).
 * corners: count x 8, the rotated top-left, top-right, bottom-right and bottom-left corner of each box; bounds: count x 4,
 * the smallest upright box around them. Either may be NULL. sin and cos are exact at multiples of 90 degrees and within
 * 1 ulp elsewhere, for any finite angle; f32 boxes are rotated in double and rounded once. For augmentation: no gradient.
 * Accuracy: corners, bounds 4 eps (16 in f64).
 * BAD_PARAMETER: degrees, cx or cy is not finite. */
boxgrad_status boxgrad_box_rotate_f32(const float *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy, float *corners, float *bounds);
boxgrad_status boxgrad_box_rotate_f64(const double *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy, double *corners, double *bounds);

/* ---- Hard clip ------------------------------------------------------------------------------------------------------
 * A value beyond a bound is replaced by the bound, and no gradient reaches it any more: training cannot bring it back. */

/* out[i] = min(max(x[i], lo), hi). NaN stays NaN. No bound: -INFINITY, INFINITY. In place: out == x.
 * Accuracy: out 0 ulp.
 * BAD_PARAMETER: lo or hi is NaN, or lo > hi. */
boxgrad_status boxgrad_clip_f32(const float *x, size_t count, double lo, double hi, float *out);
boxgrad_status boxgrad_clip_f64(const double *x, size_t count, double lo, double hi, double *out);

/* Modes of boxgrad_clip_grad. */
#define BOXGRAD_CLIP_HARD             0 /* the derivative: grad_out for lo <= x <= hi, 0 beyond and for NaN (torch.clamp) */
#define BOXGRAD_CLIP_STRAIGHT_THROUGH 1 /* grad_out everywhere */
#define BOXGRAD_CLIP_INWARD           2 /* 0 only where a descent step would push further out: x < lo and grad_out > 0, or
                                           x > hi and grad_out < 0; elsewhere grad_out, so that a clipped value can return */

/* Gradient of the same clip. blocked, which may be NULL, gets the number of elements whose gradient was cut (in HARD every
 * element outside the bounds counts, whatever its gradient). In place: grad_in == grad_out. Accuracy: grad_in 0 ulp.
 * BAD_PARAMETER: as boxgrad_clip, or mode is none of the three. */
boxgrad_status boxgrad_clip_grad_f32(const float *x, size_t count, double lo, double hi, const float *grad_out, int32_t mode, float *grad_in, size_t *blocked);
boxgrad_status boxgrad_clip_grad_f64(const double *x, size_t count, double lo, double hi, const double *grad_out, int32_t mode, double *grad_in, size_t *blocked);

/* ---- Overlap --------------------------------------------------------------------------------------------------------
 *     inter = max(0, min(x2) - max(x1)) * max(0, min(y2) - max(y1)),   union = area_a + area_b - inter
 *     IoU   = inter / union
 *     GIoU  = IoU - (enclosing - union) / enclosing                          enclosing: area of the smallest box around both
 *     DIoU  = IoU - distance^2 / (diagonal^2 + eps)                          of the centres; of the enclosing box
 *     CIoU  = DIoU - alpha * v,   v = 4/pi^2 (atan(wb/hb) - atan(wa/ha))^2,   alpha = v / (1 - IoU + v + eps)
 * (Yu 2016; Rezatofighi 2019; Zheng 2020.) Values and gradients are those of torchvision's box_iou, generalized_box_iou,
 * distance_box_iou and complete_box_iou, but never NaN for boxes with finite areas: a term whose denominator is zero is 0, and so
 * is its gradient (two empty boxes overlap by 0). atan(w/0) is +-pi/2, atan(0/0) is 0, each with a finite gradient. alpha is
 * a constant for the gradient, as in the paper. Inverted boxes follow the formulas, the sides of the enclosing box being
 * clamped at 0. eps is ignored by IoU and GIoU (torchvision's default for the other two is 1e-7). */

#define BOXGRAD_IOU  0
#define BOXGRAD_GIOU 1
#define BOXGRAD_DIOU 2
#define BOXGRAD_CIOU 3

/* out[i * out_stride + j] = metric(a[i], b[j]); out_union likewise, or NULL. a: a_count rows, b: b_count rows; out, out_union: a_count rows
 * of b_count. Accuracy: out_union 16 eps.
 * BAD_PARAMETER: metric is none of the four; eps negative, infinite or NaN. OUT_OF_MEMORY. */
boxgrad_status boxgrad_iou_pairwise_f32(int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
                                        double eps, float *out, ptrdiff_t out_stride, float *out_union);
boxgrad_status boxgrad_iou_pairwise_f64(int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
                                        double eps, double *out, ptrdiff_t out_stride, double *out_union);

/* grad_a[i] = sum over j of grad_out[i, j] * d metric / d a[i], and grad_b[j] likewise over i. Sums are taken in double.
 * grad_a: a_count x 4; grad_b: b_count x 4; either may be NULL. With a_count or b_count 0 the other's gradient is 0.
 * BAD_PARAMETER: as above. */
boxgrad_status boxgrad_iou_pairwise_grad_f32(int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
                                             double eps, const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b);
boxgrad_status boxgrad_iou_pairwise_grad_f64(int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
                                             double eps, const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b);

/* out[i] = metric(a[i], b[i]) and its gradients: grad_a[i] = d out[i] / d a[i], grad_b[i] = d out[i] / d b[i] (count x 4
 * each). Each of the three outputs may be NULL.
 * BAD_PARAMETER: as above. */
boxgrad_status boxgrad_iou_aligned_f32(int32_t metric, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, size_t count,
                                       double eps, float *out, float *grad_a, float *grad_b);
boxgrad_status boxgrad_iou_aligned_f64(int32_t metric, const double *a, ptrdiff_t a_stride, const double *b, ptrdiff_t b_stride, size_t count,
                                       double eps, double *out, double *grad_a, double *grad_b);

/* per_box[i] = weights[i] * (1 - metric(pred[i], target[i])), loss = sum of per_box / normalizer, with the gradients of loss.
 * weights: count, or NULL for 1. loss: one double; per_box: count; grad_pred, grad_target: count x 4; each output may be NULL.
 * normalizer: count for a mean, 1 for a sum. With count 0 loss is 0, whatever normalizer is.
 * Like the metrics above, but as torchvision's *_box_iou_loss: eps (theirs is 1e-7) is added to the union, the enclosing
 * area, the squared diagonal and alpha's denominator; boxes that merely touch have no intersection gradient (strict
 * comparison); the enclosing sides are not clamped. For metric IOU the loss is 1 - inter / (union + eps).
 * Accuracy: loss 32 eps (300 in f64).
 * BAD_PARAMETER: metric; eps negative, infinite or NaN; normalizer is NaN, or count is not 0 and normalizer or
 * 1 / normalizer is not a positive finite number. */
boxgrad_status boxgrad_iou_loss_f32(int32_t metric, const float *pred, ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride, size_t count,
                                    const float *weights, double eps, double normalizer, double *loss, float *per_box, float *grad_pred, float *grad_target);
boxgrad_status boxgrad_iou_loss_f64(int32_t metric, const double *pred, ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride, size_t count,
                                    const double *weights, double eps, double normalizer, double *loss, double *per_box, double *grad_pred, double *grad_target);

/* ---- Smooth L1 ------------------------------------------------------------------------------------------------------ */

/* d = inside * (pred - target);  l = sigma^2 d^2 / 2 where |d| < 1 / sigma^2, else |d| - 0.5 / sigma^2;
 * elementwise = outside * l;  loss = sum of elementwise / normalizer.
 * grad_pred = inside * outside * (sigma^2 d, or the sign of d) / normalizer, grad_target = -grad_pred. At d = 0 it is 0.
 * All arrays: count; weights NULL: 1; loss: one double; each output may be NULL. sigma = INFINITY is plain L1. The beta
 * of torch, torchvision and mmdetection is 1 / sigma^2. (Girshick 2015; sigma and weights: py-faster-rcnn.)
 * With count 0 loss is 0, whatever normalizer is.
 * Accuracy: elementwise, grad_pred, grad_target 8 ulp; loss 32 eps (300 in f64).
 * BAD_PARAMETER: sigma not positive, or so small that 1 / sigma^2 is infinite; normalizer is NaN, or count is not 0 and
 * normalizer or 1 / normalizer is not a positive finite number. */
boxgrad_status boxgrad_smooth_l1_f32(const float *pred, const float *target, const float *inside_weights, const float *outside_weights, size_t count,
                                     double sigma, double normalizer, double *loss, float *elementwise, float *grad_pred, float *grad_target);
boxgrad_status boxgrad_smooth_l1_f64(const double *pred, const double *target, const double *inside_weights, const double *outside_weights, size_t count,
                                     double sigma, double normalizer, double *loss, double *elementwise, double *grad_pred, double *grad_target);

/* ---- Box deltas -----------------------------------------------------------------------------------------------------
 * With centres x, y and sizes w, h; r is the proposal (anchor, or any reference box):
 *     dx = (x - x_r) / w_r,   dy = (y - y_r) / h_r,   dw = log(w / w_r),   dh = log(h / h_r),   then (d - mean) / std
 * (Girshick 2014.) torchvision's BoxCoder weights are 1 / stds. */

/* What delta_encode does with a degenerate row: the proposal's or the target's width or height is not a positive finite number. */
#define BOXGRAD_DEGENERATE_ERROR     0 /* fail with DEGENERATE_BOX; the first such row is in boxgrad_last_error() */
#define BOXGRAD_DEGENERATE_ZERO      1 /* write zeros: no loss and no gradient from this row */
#define BOXGRAD_DEGENERATE_PROPAGATE 2 /* write what the formula gives, inf or NaN */

typedef struct {
    size_t size;             /* sizeof(boxgrad_delta_options) of the caller; with a shorter one the missing fields are defaults */
    double means[4], stds[4];                /* finite; stds positive, and so 1 / stds */
    double log_ratio_min, log_ratio_max;     /* decoding clamps dw and dh to this range; -INFINITY, INFINITY: no clamp */
    double image_width, image_height;        /* decoding clamps the corners to the image; negative: it does not */
    double center_clamp;                     /* decoding clamps the centre's shift to +-center_clamp; INFINITY: no clamp */
    int32_t on_degenerate, reserved;         /* encoding only; reserved must be 0 */
} boxgrad_delta_options;

/* The defaults; a NULL options pointer means them too. The upper ratio clamp is log(1000 / 16), as in Detectron and torchvision. */
#define BOXGRAD_DELTA_OPTIONS_INIT \
    { sizeof(boxgrad_delta_options), {0, 0, 0, 0}, {1, 1, 1, 1}, -INFINITY, 4.135166556742356, -1, -1, INFINITY, BOXGRAD_DEGENERATE_ERROR, 0 }

/* Every function of this section also fails with BAD_PARAMETER if a field of options is outside the range given above (NaN
 * always is; log_ratio_min <= log_ratio_max; center_clamp >= 0), or options->size is 0 or no multiple of
 * sizeof(size_t); and with UNSUPPORTED if it is larger than this version's struct. */

/* deltas[i] = the deltas of targets[i] (ground truth) against proposals[i]. proposals, targets: count rows; deltas: count x 4.
 * degenerate: count bytes, 1 for a degenerate row, else 0; degenerate_count: how many; either may be NULL. dx is computed
 * from differences of corners, so that it keeps its accuracy far from the origin. Accuracy: dw, dh 12 eps. (The terms of dw are
 * the logarithm and the mean, over std, and in f64 also 1 / std; in f32 sizes are subtracted in double.)
 * DEGENERATE_BOX: with on_degenerate ERROR, nothing is written. */
boxgrad_status boxgrad_delta_encode_f32(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride,
                                        const float *targets, ptrdiff_t targets_stride, size_t count,
                                        float *deltas, uint8_t *degenerate, size_t *degenerate_count);
boxgrad_status boxgrad_delta_encode_f64(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride,
                                        const double *targets, ptrdiff_t targets_stride, size_t count,
                                        double *deltas, uint8_t *degenerate, size_t *degenerate_count);

/* grad_deltas, grad_proposals, grad_targets: count x 4; the latter two may be NULL. A degenerate row: as delta_encode, its
 * gradients being zero with on_degenerate ZERO. */
boxgrad_status boxgrad_delta_encode_grad_f32(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride,
                                             const float *targets, ptrdiff_t targets_stride, size_t count,
                                             const float *grad_deltas, float *grad_proposals, float *grad_targets);
boxgrad_status boxgrad_delta_encode_grad_f64(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride,
                                             const double *targets, ptrdiff_t targets_stride, size_t count,
                                             const double *grad_deltas, double *grad_proposals, double *grad_targets);

/* The inverse: d = delta * std + mean; centre = centre_r + clamp(dx * w_r); size = exp(clamp(dw)) * w_r; corners clamped.
 * A row of deltas and of boxes is groups x 4, one group per class; deltas_stride >= 4 * groups (groups 0 is like count 0).
 * proposals: count rows; boxes: count x groups x 4, packed. A degenerate proposal is no error: the formula is followed.
 * dw * std + mean is rounded before exp is taken: the general accuracy holds where both terms of it are at most 8 in size. */
boxgrad_status boxgrad_delta_decode_f32(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride,
                                        const float *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, float *boxes);
boxgrad_status boxgrad_delta_decode_f64(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride,
                                        const double *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, double *boxes);

/* grad_boxes, grad_deltas: count x groups x 4; grad_proposals: count x 4, summed over the groups; either output may be
 * NULL. Each clamp passes the gradient at its bounds and stops it beyond. */
boxgrad_status boxgrad_delta_decode_grad_f32(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride,
                                             const float *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups,
                                             const float *grad_boxes, float *grad_proposals, float *grad_deltas);
boxgrad_status boxgrad_delta_decode_grad_f64(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride,
                                             const double *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups,
                                             const double *grad_boxes, double *grad_proposals, double *grad_deltas);

/* ---- Suppress, match, sample ----------------------------------------------------------------------------------------
 * What a detector does to its proposals between decoding and the loss. After torchvision.ops.nms and batched_nms, and
 * torchvision.models.detection's Matcher and BalancedPositiveNegativeSampler. No gradient. */

/* Non-maximum suppression: takes boxes by descending scores, equal ones by ascending index, and drops each whose IoU with one that it kept
 * is greater than iou_threshold. The IoU is boxgrad_iou_pairwise's, bit for bit, and it is compared in the boxes' type: boxes without area
 * overlap nothing. A box with a NaN coordinate or score is neither kept nor drops another.
 * boxes, scores: count rows; classes: count ids of any value, or NULL: boxes of different classes do not overlap.
 * score_threshold: only boxes with a greater score count; -INFINITY: all. max_keep: it stops there; SIZE_MAX: it does not.
 * keep: gets the indices of the kept boxes by descending score, room for the smaller of max_keep and count; keep_count: how many.
 * Scratch: 72 bytes a box in f32, 104 in f64, and 43 KB at most. Time grows with count * log(count) as long as few boxes touch many others.
 * BAD_PARAMETER: iou_threshold negative or NaN, score_threshold NaN. OUT_OF_MEMORY. */
boxgrad_status boxgrad_nms_f32(const float *boxes, size_t count, ptrdiff_t stride, const float *scores, const int64_t *classes,
                               double iou_threshold, double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);
boxgrad_status boxgrad_nms_f64(const double *boxes, size_t count, ptrdiff_t stride, const double *scores, const int64_t *classes,
                               double iou_threshold, double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);

/* What boxgrad_soft_nms multiplies a score by. */
#define BOXGRAD_SOFT_LINEAR   0 /* 1 - IoU where IoU > iou_threshold, else 1 */
#define BOXGRAD_SOFT_GAUSSIAN 1 /* exp(-IoU^2 / sigma) */

/* Soft-NMS (Bodla 2017): keeps the box with the highest score, the first of equals, lowers the scores of the others of its class by the above,
 * and repeats that with what still has a score greater than score_threshold. keep and keep_scores: the kept boxes and their lowered scores,
 * by descending score, equal ones by index, with room as in boxgrad_nms; max_keep limits each class, too. Otherwise as boxgrad_nms, but a
 * score of -INFINITY is never kept, and its time grows with the square of the boxes of a class.
 * Accuracy: keep_scores 8 eps. (Of the given score, for each box that lowered it.)
 * BAD_PARAMETER: also decay is none of the two, sigma or 1 / sigma not a positive finite number. */
boxgrad_status boxgrad_soft_nms_f32(int32_t decay, const float *boxes, size_t count, ptrdiff_t stride, const float *scores, const int64_t *classes,
                                    double iou_threshold, double sigma, double score_threshold, size_t max_keep,
                                    size_t *keep, float *keep_scores, size_t *keep_count);
boxgrad_status boxgrad_soft_nms_f64(int32_t decay, const double *boxes, size_t count, ptrdiff_t stride, const double *scores, const int64_t *classes,
                                    double iou_threshold, double sigma, double score_threshold, size_t max_keep,
                                    size_t *keep, double *keep_scores, size_t *keep_count);

#define BOXGRAD_MATCH_BELOW   -1 /* no truth, or the best overlap is less than low_threshold */
#define BOXGRAD_MATCH_BETWEEN -2 /* it is not, but less than high_threshold */

/* matches[i] = the truth (ground-truth box) that proposal i overlaps most, the first of equals, or one of the codes above; overlaps[i] = that
 * overlap, boxgrad_iou_pairwise's bit for bit, 0 if there is none. low_quality 1: a proposal whose overlap with any truth is the greatest that
 * this truth has with a proposal, and greater than 0, is matched whatever the thresholds say (with the truth that it overlaps most itself).
 * An overlap that is NaN counts nowhere. matches, overlaps: proposals_count; either may be NULL.
 * The matrix of overlaps is not stored. Scratch of a thread: at most 140 KB in f32, 270 KB in f64, and 56 or 88 bytes a truth.
 * BAD_PARAMETER: metric; eps; a threshold NaN; low_threshold > high_threshold; low_quality neither 0 nor 1. OUT_OF_MEMORY. */
boxgrad_status boxgrad_match_f32(int32_t metric, const float *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
                                 const float *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
                                 double low_threshold, double high_threshold, int32_t low_quality, int64_t *matches, float *overlaps);
boxgrad_status boxgrad_match_f64(int32_t metric, const double *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
                                 const double *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
                                 double low_threshold, double high_threshold, int32_t low_quality, int64_t *matches, double *overlaps);

/* Draws a batch from proposals: labels greater than `negative` are positives, equal ones negatives, lesser ones are left out. (With classes
 * 0 is the negative one, with boxgrad_match's matches BOXGRAD_MATCH_BELOW.) positive_fraction of wanted, rounded down, are positives as long as
 * there are so many, and the rest negatives, likewise; every choice of so many is equally likely.
 * wanted may be SIZE_MAX, which means all: every positive, if positive_fraction is not 0, and every negative.
 * indices: gets the positives, then the negatives, each in ascending order, room for the smaller of wanted and count.
 * Random numbers are SplitMix64's, begun with seed: the same batch everywhere.
 * BAD_PARAMETER: positive_fraction not from 0 to 1. */
boxgrad_status boxgrad_sample(const int64_t *labels, size_t count, int64_t negative, size_t wanted, double positive_fraction, uint64_t seed,
                              size_t *indices, size_t *positive_count, size_t *negative_count);

/* ---- Gradient clipping ----------------------------------------------------------------------------------------------
 * After torch.nn.utils: get_total_norm, clip_grad_norm_, clip_grads_with_norm_, clip_grad_value_; over any number of tensors
 * of mixed dtypes. Norms are accumulated in double in a fixed order and rescaled where double would overflow or underflow.
 * Values are scaled in double and rounded once. */

#define BOXGRAD_F32  0
#define BOXGRAD_F64  1
#define BOXGRAD_F16  2 /* IEEE half */
#define BOXGRAD_BF16 3 /* bfloat16 */

typedef struct {
    void *data;       /* count packed elements, aligned to their size; NULL if count is 0 */
    size_t count;
    int32_t dtype;    /* one of the four above, else UNSUPPORTED */
    int32_t reserved; /* must be 0, else BAD_PARAMETER */
} boxgrad_tensor;

/* total = (sum of |x|^p)^(1/p) over all elements of all tensors; the largest |x| for p = INFINITY. 0 for no elements.
 * per_tensor: n norms; first_nonfinite: the index of the first tensor that holds an infinity or a NaN, SIZE_MAX if none;
 * each of the three outputs may be NULL. tensors may be NULL if n is 0 (as in the functions below).
 * NaN anywhere makes the norm NaN, else infinity makes it infinite. A general p costs a power per element.
 * Accuracy: norms for p = 1, 2, inf 1e-13 relative; norms for other p from 0.1 to 100 1e-11 relative.
 * BAD_PARAMETER: p not positive (or so small that 1 / p is infinite). */
boxgrad_status boxgrad_grad_norm(const boxgrad_tensor *tensors, size_t n, double p, double *total, double *per_tensor, size_t *first_nonfinite);

/* Norms of parts (tensors, shards, machines) to the norm of the whole: (sum of norms^p)^(1/p). total must not be NULL.
 * Accuracy: norms for p = 1, 2, inf 1e-13 relative; norms for other p from 0.1 to 100 1e-11 relative.
 * BAD_PARAMETER: p not positive (or so small that 1 / p is infinite). */
boxgrad_status boxgrad_grad_norm_combine(const double *norms, size_t n, double p, double *total);

/* Multiplies every element by coefficient, in place. Accuracy: elements 0.51 ulp (0.5 in f64).
 * BAD_PARAMETER: coefficient not finite. */
boxgrad_status boxgrad_grad_scale(const boxgrad_tensor *tensors, size_t n, double coefficient);

/* What clip_grad_norm does when the total norm is infinite or NaN. */
#define BOXGRAD_NONFINITE_PROPAGATE 0 /* as torch: a NaN total makes every gradient NaN; an infinite one makes finite gradients 0 and infinite ones NaN */
#define BOXGRAD_NONFINITE_ERROR     1 /* fail with NONFINITE, nothing changed; the tensor and element are in boxgrad_last_error() */
#define BOXGRAD_NONFINITE_SKIP      2 /* succeed, nothing changed; total tells */
#define BOXGRAD_NONFINITE_ZERO      3 /* every gradient becomes 0 */

/* Multiplies every element by max_norm / (total + eps) in place, unless that is >= 1: then nothing is written. total, which
 * may be NULL, gets the norm before clipping. torch's eps is 1e-6. max_norm INFINITY only measures.
 * Accuracy: elements 0.51 ulp (1000 in f64). (The norm's error, a few ulp as a rule, shows in f64.)
 * BAD_PARAMETER: max_norm or eps negative or NaN, eps infinite; p not positive; on_nonfinite is none of the four. */
boxgrad_status boxgrad_clip_grad_norm(const boxgrad_tensor *tensors, size_t n, double max_norm, double p, double eps, int32_t on_nonfinite, double *total);

/* Clamps every element to [-limit, limit] in place. NaN stays NaN. Accuracy: elements 0.5 ulp.
 * BAD_PARAMETER: limit negative or NaN. */
boxgrad_status boxgrad_clip_grad_value(const boxgrad_tensor *tensors, size_t n, double limit);

/* ---- Plugins --------------------------------------------------------------------------------------------------------
 * For hosts that load the library with dlopen: one symbol gives all functions.
 *
 *     const boxgrad_api *(*get_api)(uint32_t) = dlsym(library, "boxgrad_get_api");
 *     const boxgrad_api *api = get_api(BOXGRAD_ABI_VERSION);
 *
 * The rules of the table:
 * Append-only. Within an ABI version a field never moves, disappears or changes its type or meaning; new ones are added at the end.
 *              A host that may meet an older library asks BOXGRAD_API_HAS before it uses a field newer than 0.1.0. Any other
 *              change makes a new ABI version; get_api gives NULL for one that it does not speak, and the host must refuse the library.
 * Ownership.   The table, and the strings that its functions return, belong to the library; the table is constant, and all of it ends with
 *              dlclose. What a host passes stays the host's: the library frees none of it, and keeps no pointer to it
 *              when the call returns, except what set_parallel_for lends.
 * Threads.     get_api and the table may be used from any thread. dlclose only when no call is running: no thread of the library's own
 *              outlives a call. The settings of threads and the last errors go with it; a library loaded again starts anew.
 *              Copies loaded from two files share nothing. */

#define BOXGRAD_ABI_VERSION 1

/* Whether the table of the library that was loaded reaches as far as this field. */
#define BOXGRAD_API_HAS(api, field) ((api)->size >= offsetof(boxgrad_api, field) + sizeof((api)->field))

typedef struct {
    uint32_t abi_version; /* BOXGRAD_ABI_VERSION of the library */
    uint32_t size;        /* sizeof(boxgrad_api) of the library */
    const char *(*status_string)(boxgrad_status status);
    const char *(*last_error)(void);
    const char *(*version_string)(void);
    uint32_t (*version_number)(void);
    const char *(*cpu_tier)(void);
    boxgrad_status (*set_max_threads)(int32_t n);
    int32_t (*max_threads)(void);
    boxgrad_status (*set_parallel_for)(boxgrad_parallel_for_fn fn, void *context);
    boxgrad_status (*box_area_f32)(const float *boxes, size_t count, ptrdiff_t stride, float *out);
    boxgrad_status (*box_area_f64)(const double *boxes, size_t count, ptrdiff_t stride, double *out);
    boxgrad_status (*box_area_grad_f32)(const float *boxes, size_t count, ptrdiff_t stride, const float *grad_out, float *grad_boxes);
    boxgrad_status (*box_area_grad_f64)(const double *boxes, size_t count, ptrdiff_t stride, const double *grad_out, double *grad_boxes);
    boxgrad_status (*box_convert_f32)(int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride);
    boxgrad_status (*box_convert_f64)(int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride, double *out, ptrdiff_t
        out_stride);
    boxgrad_status (*box_convert_grad_f32)(int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in);
    boxgrad_status (*box_convert_grad_f64)(int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in);
    boxgrad_status (*box_clip_f32)(const float *in, size_t count, ptrdiff_t in_stride, double width, double height, float *out, ptrdiff_t out_stride);
    boxgrad_status (*box_clip_f64)(const double *in, size_t count, ptrdiff_t in_stride, double width, double height, double *out, ptrdiff_t
        out_stride);
    boxgrad_status (*box_clip_grad_f32)(const float *in, size_t count, ptrdiff_t in_stride, double width, double height, const float *grad_out, float
        *grad_in);
    boxgrad_status (*box_clip_grad_f64)(const double *in, size_t count, ptrdiff_t in_stride, double width, double height, const double *grad_out,
        double *grad_in);
    boxgrad_status (*box_inspect_f32)(const float *boxes, size_t count, ptrdiff_t stride, double width, double height, double min_size, uint32_t
        *flags, size_t *counts, size_t counts_length);
    boxgrad_status (*box_inspect_f64)(const double *boxes, size_t count, ptrdiff_t stride, double width, double height, double min_size, uint32_t
        *flags, size_t *counts, size_t counts_length);
    boxgrad_status (*box_rotate_f32)(const float *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy, float *corners, float
        *bounds);
    boxgrad_status (*box_rotate_f64)(const double *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy, double *corners,
        double *bounds);
    boxgrad_status (*clip_f32)(const float *x, size_t count, double lo, double hi, float *out);
    boxgrad_status (*clip_f64)(const double *x, size_t count, double lo, double hi, double *out);
    boxgrad_status (*clip_grad_f32)(const float *x, size_t count, double lo, double hi, const float *grad_out, int32_t mode, float *grad_in, size_t
        *blocked);
    boxgrad_status (*clip_grad_f64)(const double *x, size_t count, double lo, double hi, const double *grad_out, int32_t mode, double *grad_in, size_t
        *blocked);
    boxgrad_status (*iou_pairwise_f32)(int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t
        b_stride, double eps, float *out, ptrdiff_t out_stride, float *out_union);
    boxgrad_status (*iou_pairwise_f64)(int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t
        b_stride, double eps, double *out, ptrdiff_t out_stride, double *out_union);
    boxgrad_status (*iou_pairwise_grad_f32)(int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count,
        ptrdiff_t b_stride, double eps, const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b);
    boxgrad_status (*iou_pairwise_grad_f64)(int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count,
        ptrdiff_t b_stride, double eps, const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b);
    boxgrad_status (*iou_aligned_f32)(int32_t metric, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, size_t count, double
        eps, float *out, float *grad_a, float *grad_b);
    boxgrad_status (*iou_aligned_f64)(int32_t metric, const double *a, ptrdiff_t a_stride, const double *b, ptrdiff_t b_stride, size_t count, double
        eps, double *out, double *grad_a, double *grad_b);
    boxgrad_status (*iou_loss_f32)(int32_t metric, const float *pred, ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride, size_t
        count, const float *weights, double eps, double normalizer, double *loss, float *per_box, float *grad_pred, float *grad_target);
    boxgrad_status (*iou_loss_f64)(int32_t metric, const double *pred, ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride, size_t
        count, const double *weights, double eps, double normalizer, double *loss, double *per_box, double *grad_pred, double *grad_target);
    boxgrad_status (*smooth_l1_f32)(const float *pred, const float *target, const float *inside_weights, const float *outside_weights, size_t count,
        double sigma, double normalizer, double *loss, float *elementwise, float *grad_pred, float *grad_target);
    boxgrad_status (*smooth_l1_f64)(const double *pred, const double *target, const double *inside_weights, const double *outside_weights, size_t
        count, double sigma, double normalizer, double *loss, double *elementwise, double *grad_pred, double *grad_target);
    boxgrad_status (*delta_encode_f32)(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, float *deltas, uint8_t *degenerate, size_t *degenerate_count);
    boxgrad_status (*delta_encode_f64)(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride, const double
        *targets, ptrdiff_t targets_stride, size_t count, double *deltas, uint8_t *degenerate, size_t *degenerate_count);
    boxgrad_status (*delta_encode_grad_f32)(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride, const float
        *targets, ptrdiff_t targets_stride, size_t count, const float *grad_deltas, float *grad_proposals, float *grad_targets);
    boxgrad_status (*delta_encode_grad_f64)(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride, const double
        *targets, ptrdiff_t targets_stride, size_t count, const double *grad_deltas, double *grad_proposals, double *grad_targets);
    boxgrad_status (*delta_decode_f32)(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, float *boxes);
    boxgrad_status (*delta_decode_f64)(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride, const double
        *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, double *boxes);
    boxgrad_status (*delta_decode_grad_f32)(const boxgrad_delta_options *options, const float *proposals, ptrdiff_t proposals_stride, const float
        *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, const float *grad_boxes, float *grad_proposals, float *grad_deltas);
    boxgrad_status (*delta_decode_grad_f64)(const boxgrad_delta_options *options, const double *proposals, ptrdiff_t proposals_stride, const double
        *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, const double *grad_boxes, double *grad_proposals, double *grad_deltas);
    boxgrad_status (*grad_norm)(const boxgrad_tensor *tensors, size_t n, double p, double *total, double *per_tensor, size_t *first_nonfinite);
    boxgrad_status (*grad_norm_combine)(const double *norms, size_t n, double p, double *total);
    boxgrad_status (*grad_scale)(const boxgrad_tensor *tensors, size_t n, double coefficient);
    boxgrad_status (*clip_grad_norm)(const boxgrad_tensor *tensors, size_t n, double max_norm, double p, double eps, int32_t on_nonfinite, double
        *total);
    boxgrad_status (*clip_grad_value)(const boxgrad_tensor *tensors, size_t n, double limit);
    boxgrad_status (*nms_f32)(const float *boxes, size_t count, ptrdiff_t stride, const float *scores, const int64_t *classes, double iou_threshold,
        double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*nms_f64)(const double *boxes, size_t count, ptrdiff_t stride, const double *scores, const int64_t *classes, double iou_threshold,
        double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*soft_nms_f32)(int32_t decay, const float *boxes, size_t count, ptrdiff_t stride, const float *scores, const int64_t *classes,
        double iou_threshold, double sigma, double score_threshold, size_t max_keep, size_t *keep, float *keep_scores, size_t *keep_count);
    boxgrad_status (*soft_nms_f64)(int32_t decay, const double *boxes, size_t count, ptrdiff_t stride, const double *scores, const int64_t *classes,
        double iou_threshold, double sigma, double score_threshold, size_t max_keep, size_t *keep, double *keep_scores, size_t *keep_count);
    boxgrad_status (*match_f32)(int32_t metric, const float *proposals, size_t proposals_count, ptrdiff_t proposals_stride, const float *truths, size_t
        truths_count, ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold, int32_t low_quality, int64_t *matches, float
        *overlaps);
    boxgrad_status (*match_f64)(int32_t metric, const double *proposals, size_t proposals_count, ptrdiff_t proposals_stride, const double *truths, size_t
        truths_count, ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold, int32_t low_quality, int64_t *matches, double
        *overlaps);
    boxgrad_status (*sample)(const int64_t *labels, size_t count, int64_t negative, size_t wanted, double positive_fraction, uint64_t seed, size_t
        *indices, size_t *positive_count, size_t *negative_count);
} boxgrad_api;

/* The table, or NULL if the library does not speak this version of the ABI. */
const boxgrad_api *boxgrad_get_api(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
#endif
