/* boxgrad: the arithmetic of box detectors, each formula with its exact gradient.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header is the manual. Read the conventions once. After that, the comment of a function says
 * only what is particular to that function.
 *
 * CONTENTS
 *
 *     First call                one overlap, with the check of its status
 *     Worked example            a detector: from deltas to detections; and one training step
 *     Conventions               names, arrays, NULL, means, gradients, NaN, accuracy, host
 *     Status                    status_string, last_error
 *     The library               version_string, version_number, cpu_tier, set_max_threads,
 *                               max_threads, set_keep_threads, set_parallel_for
 *     Boxes                     box_area, box_convert, box_clip, box_inspect, box_rotate
 *     Hard clip                 clip
 *     Overlap                   iou_pairwise, iou_aligned, iou_loss: IoU, GIoU, DIoU, CIoU, IoF,
 *                               IoS
 *     Box losses                box_loss: EIoU, SIoU, alpha-IoU, Wise-IoU, Inner-IoU and others
 *     Rotated boxes             rotated_convert, rotated_regularize, rotated_corners,
 *                               rotated_from_corners, rotated_min_area, rotated_inspect
 *     Rotated overlap           rotated_iou_pairwise, rotated_iou_aligned,
 *                               rotated_iou_loss
 *     Gaussian losses           rotated_gaussian_loss: GWD, KLD, KFIoU, ProbIoU
 *     Smooth L1                 smooth_l1, balanced_l1
 *     Box deltas                delta_encode, delta_decode
 *     Rotated deltas            rotated_encode, rotated_decode, midpoint_encode,
 *                               midpoint_decode
 *     Box distances             ltrb_encode, ltrb_decode, linear_encode, linear_decode
 *     YOLO boxes                yolo_decode
 *     Box distributions         distribution_focal, distribution_decode
 *     Regions                   roi_align, roi_pool_precise
 *     Suppress, match, sample   nms, soft_nms, rotated_nms, rotated_soft_nms, match,
 *                               rotated_match, match_ignore, sample, sample_ratio
 *     Gradient clipping         grad_norm, grad_norm_combine, grad_scale, clip_grad_norm,
 *                               clip_grad_value, clip_grad_rms, clip_grad_adaptive
 *     Exact norms               exact_norm_begin, exact_norm_add, exact_norm_merge,
 *                               exact_norm_finish
 *     Plugins                   get_api
 *
 * FIRST CALL
 *
 *     #include <boxgrad.h>
 *     #include <stdio.h>
 *
 *     float a[4] = {0, 0, 10, 10}, b[4] = {5, 5, 15, 15}, iou;
 *     if (boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, 1, 4, b, 1, 4, 0, &iou, 1, NULL) != BOXGRAD_OK)
 *         fprintf(stderr, "%s\n", boxgrad_last_error());
 *
 * WORKED EXAMPLE
 *
 * A detector has `count` proposals in an image. For each proposal and each of `groups` classes it
 * predicts four deltas and a score. Decoding gives count * groups boxes, which are one packed
 * array. Box k of that array belongs to proposal k / groups and to class k % groups.
 *
 *     #include <boxgrad.h>
 *     #include <string.h>
 *
 *     // Post-processing. boxes (4 numbers each), scores, classes and keep have count * groups
 *     // elements. The detections are the boxes keep[0] to keep[*detections - 1].
 *     boxgrad_status detect(const float *proposals, const float *deltas, const float *scores,
 *                           size_t count, size_t groups, double width, double height,
 *                           float *boxes, int64_t *classes, size_t *keep, size_t *detections) {
 *         boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT; // zeros are not the defaults
 *         options.stds[0] = options.stds[1] = 0.1;
 *         options.stds[2] = options.stds[3] = 0.2;
 *         options.image_width = width; // decoding also clips the boxes to the image
 *         options.image_height = height;
 *         boxgrad_status status = boxgrad_delta_decode_f32(
 *             &options, proposals, 4, deltas, (ptrdiff_t)(4 * groups), count, groups, boxes);
 *         if (status != BOXGRAD_OK) return status;
 *         for (size_t k = 0; k < count * groups; k++) classes[k] = (int64_t)(k % groups);
 *         return boxgrad_nms_f32(boxes, count * groups, 4, scores, classes,
 *                                0.5, 0.05, 100, keep, detections);
 *     }
 *
 *     // One training step. predicted and gradient: count x 4, matches: count. The loss is the sum
 *     // over the positives, divided by the number of proposals in the batch.
 *     boxgrad_status train(const float *proposals, const float *predicted, size_t count,
 *                          const float *truths, size_t truths_count, uint64_t seed,
 *                          int64_t *matches, double *loss, float *gradient) {
 *         enum { BATCH = 64 };
 *         float chosen[4 * BATCH], matched[4 * BATCH], head[4 * BATCH];
 *         float targets[4 * BATCH], of_head[4 * BATCH];
 *         size_t batch[BATCH], positives, negatives;
 *         boxgrad_status status = boxgrad_match_f32(
 *             BOXGRAD_IOU, proposals, count, 4, truths, truths_count, 4, 0,
 *             0.3, 0.5, 0, matches, NULL);
 *         if (status != BOXGRAD_OK) return status;
 *         status = boxgrad_sample(matches, count, BOXGRAD_MATCH_BELOW, BATCH, 0.25, seed,
 *                                 batch, &positives, &negatives);
 *         if (status != BOXGRAD_OK) return status;
 *         for (size_t i = 0; i < positives; i++) { // the positives come first in the batch
 *             memcpy(chosen + 4 * i, proposals + 4 * batch[i], 4 * sizeof *chosen);
 *             memcpy(matched + 4 * i, truths + 4 * matches[batch[i]], 4 * sizeof *matched);
 *             memcpy(head + 4 * i, predicted + 4 * batch[i], 4 * sizeof *head);
 *         }
 *         status = boxgrad_delta_encode_f32(NULL, chosen, 4, matched, 4, positives,
 *                                           targets, NULL, NULL);
 *         if (status != BOXGRAD_OK) return status;
 *         size_t drawn = positives + negatives; // which may be 0, so the mean needs max(drawn, 1)
 *         status = boxgrad_smooth_l1_f32(head, targets, NULL, NULL, 4 * positives, 3,
 *                                        drawn > 1 ? (double)drawn : 1, loss, NULL, of_head, NULL);
 *         if (status != BOXGRAD_OK) return status;
 *         memset(gradient, 0, 4 * count * sizeof *gradient);
 *         for (size_t i = 0; i < positives; i++)
 *             memcpy(gradient + 4 * batch[i], of_head + 4 * i, 4 * sizeof *gradient);
 *         return BOXGRAD_OK;
 *     }
 *
 * CONVENTIONS
 *
 * Names.      boxgrad_<noun>_<verb or shape>[_grad]_<f32|f64>. The two types of a function differ
 *             in nothing but the type, so one comment documents both. "pairwise" is N x M,
 *             "aligned" is row i with row i.
 * Comments.   Every comment has the same order: what the function computes; Inputs; Outputs; Edges
 *             (degenerate input, and kinks of the derivative); Errors; Accuracy; Since. A part that
 *             would only repeat the conventions is left out. "count x 4" is an array of count rows
 *             of four elements.
 * Boxes.      A row is x1, y1, x2, y2: y down, continuous coordinates, width = x2 - x1 (never + 1).
 *             Any unit will do (pixels, or fractions of the image) if one call uses only one unit.
 * Counts.     size_t. A count of 0 succeeds and still writes what is defined: a loss of 0, a norm
 *             of 0, zero gradients.
 * Means.      A function that takes a normalizer divides by it. For a mean over something that may
 *             be empty, pass max(count, 1). A normalizer of 0 is refused, unless the function's own
 *             count is 0, because then there is nothing to divide.
 * Strides.    ptrdiff_t, in elements, between the starts of two rows. A stride is at least 4 for
 *             boxes and deltas (detections with a score in a fifth column have stride 5), at least
 *             5 for rotated boxes and 8 for four corners, at least 2 for points, and at least the
 *             number of columns for matrices. It is ignored where
 *             there are fewer than two rows. Arrays without a stride parameter are packed: scores,
 *             classes, weights, labels and all gradients.
 * Alignment.  Every array must be aligned to the size of its element: float to 4 bytes, double,
 *             size_t and int64_t to 8, as malloc and C's own arrays are. No array needs more.
 * NULL.       A pointer may be NULL only where its declaration says BOXGRAD_OR_NULL, or where its
 *             count is 0. An output that is NULL is not computed. For a gradient, that is
 *             stop-gradient.
 * Outputs.    They are overwritten, never accumulated into. They must not overlap the inputs,
 *             except where the comment says "in place". A call that fails leaves all of them as
 *             they were. The padding between strided rows is never touched.
 * Parameters. Scalars are double, and codes are int32_t, in both types. The f32 functions round a
 *             scalar to float where they use it. What is asked of a scalar (to be finite, or
 *             positive) is asked of the rounded one.
 * Gradients.  A function named _grad takes the gradient of some loss with respect to the function's
 *             output (grad_out) and gives the gradient with respect to its inputs. It computes what
 *             torch's autograd computes in exact arithmetic, kinks included: where max or min has a
 *             tie, each side gets half; a clamp passes the gradient at its bounds and stops it
 *             beyond them. Where a function differs from that, its comment says so.
 * NaN, inf.   Inputs are not searched for them, except where stated: the formula's result is
 *             returned. A NaN coordinate gives NaN in the results of its own box and in every sum
 *             it enters (a loss, the other side's pairwise gradient), and nowhere else. The sign
 *             and payload of a NaN are not promised.
 * Errors.     Every function that takes arrays fails with NULL_POINTER, BAD_STRIDE or SIZE_OVERFLOW
 *             where the section "Status" says so. A comment lists only its other errors.
 * Accuracy.   Unless stated otherwise a value is within 32 eps of the largest term of its formula,
 *             and a gradient within 32 eps of the largest term of its row; eps is 2^-24 for f32 and
 *             2^-53 for f64. A difference of two coordinates is one term, however far from the
 *             origin it is. ulp is the distance between two numbers of the type. The page
 *             accuracy.md (in docs, installed in share/doc/boxgrad) has the terms of every formula,
 *             and what was measured.
 *             Sums over rows are taken in double. So a sum of n f64 terms may be off by another
 *             260 + n / 8192 eps of the sum of their magnitudes, though hardly ever by more than
 *             one or two. (The bounds of losses below include this for n up to 2^18.)
 *             This holds while squares and products of the coordinates neither overflow nor
 *             underflow: box sides of about 1e-15 to 1e15 in f32, 1e-100 to 1e100 in f64. Beyond
 *             that, a value whose areas underflow is still no NaN. A value whose areas overflow
 *             (sides of 1e19 in f32, 1e154 in f64) may be NaN, and a gradient may be infinite or
 *             NaN.
 * Same bits.  The same input gives the same bits on every processor and CPU tier, with every number
 *             of threads, in every build.
 * Threads.    Every function may be called from any number of threads at once. One call uses one
 *             thread, unless boxgrad_set_max_threads allows more.
 * Host.       The library does not print, abort, raise signals, install handlers or touch the
 *             locale. errno stays as it was. The library leaves as it is how the processor rounds,
 *             flushes and traps. It may only set exception flags, as any arithmetic does, and their
 *             traps must be masked, as they are by default. Under another rounding mode than to
 *             nearest, results are rounded that way, and neither their accuracy nor the same bits
 *             are promised. With subnormal numbers flushed (FTZ, DAZ; bfloat16 included, half not)
 *             those count as zero, and results that involve none have the same bits. The library's
 *             threads take all of this from the caller.
 * Stack.      A call needs at most 32 KB of the calling thread's stack, and of each thread that
 *             helps.
 * Signals.    A signal handler may make a call that succeeds, allocates nothing (iou_pairwise,
 *             suppression, matching and pooling allocate) and is not divided. A call is not divided
 *             while boxgrad_max_threads is 1, or if the handler interrupted a divided call of the
 *             same thread. A call that fails writes its sentence with snprintf, which POSIX does
 *             not allow there. boxgrad_set_parallel_for and boxgrad_set_keep_threads must not be
 *             called there. A handler may fork, but the child must not return into a divided call.
 * Start.      A call that is made before the library's constructors have run, as by a constructor
 *             of the host, uses the "baseline" tier. The bits are the same.
 * Loading.    Each loaded copy of the library takes 272 bytes of the thread-local storage that
 *             glibc keeps ready for libraries loaded with dlopen. Where others have used it up,
 *             dlopen fails and says so.
 * Since.      0.1.0, unless stated otherwise.
 */
#ifndef BOXGRAD_H
#define BOXGRAD_H

#include <math.h> /* INFINITY */
#include <stddef.h>
#include <stdint.h>

/* Marks a pointer parameter that may be NULL. It is empty: compilers have no use for it, but people
 * and the generators of bindings have. */
#define BOXGRAD_OR_NULL

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status -------------------------------------------------------------------------------------
 * Every function that computes returns one of these. The numbers never change; new ones may be
 * added. */

typedef int32_t boxgrad_status;

#define BOXGRAD_OK               0
#define BOXGRAD_NULL_POINTER    10 /* a pointer that is needed is NULL */
#define BOXGRAD_BAD_STRIDE      11 /* a stride is smaller than its row, or two differ in place */
#define BOXGRAD_SIZE_OVERFLOW   12 /* a count, or count times stride, exceeds all memory */
#define BOXGRAD_BAD_PARAMETER   20 /* a scalar or a code is outside its documented range */
#define BOXGRAD_DEGENERATE_BOX  21 /* delta_encode: a width or height is not positive and finite */
#define BOXGRAD_NONFINITE       22 /* clip_grad_*, if it is told to: a norm is; roi_*: a box is */
#define BOXGRAD_OUT_OF_MEMORY   30 /* iou_pairwise, suppression, match or roi_*: no scratch */
#define BOXGRAD_UNSUPPORTED     40 /* a tensor's dtype is unknown to this version */

/* The status' name, such as "BOXGRAD_BAD_STRIDE"; "unknown status" for any other number. Never
 * NULL, valid forever. */
const char *boxgrad_status_string(boxgrad_status status);

/* One sentence on the calling thread's latest failure: the argument, where it applies the row, and
 * the value. It stays valid and unchanged until the same thread's next failing call. "" before the
 * first. Never NULL. */
const char *boxgrad_last_error(void);

/* ---- The library ----------------------------------------------------------------------------- */

#define BOXGRAD_VERSION_STRING "0.2.0"
#define BOXGRAD_VERSION_NUMBER 0x000200 /* major << 16 | minor << 8 | patch */

/* The version of the library that was loaded. The macros are the version of the header that the
 * program was compiled with. */
const char *boxgrad_version_string(void);
uint32_t boxgrad_version_number(void);

/* The instruction set in use: "baseline", "avx2" or "avx512" on x86-64, "neon" on AArch64. It is
 * chosen when the library is loaded. The environment variable BOXGRAD_CPU_TIER, read then, names a
 * lower one to use instead; unknown or higher names are ignored. Matrices of IoU, GIoU, IoF and
 * IoS of 32 MiB or more are stored past the caches where the processor gains by it (AMD's from Zen
 * on, unless mincore tells that most of the matrix was never written to). The environment variable
 * BOXGRAD_STREAM, also read then, is 1 to store matrices of any size so, and 0 to store none so. No
 * bit of a result depends on it. */
const char *boxgrad_cpu_tier(void);

/* How many threads one call may use, the calling one among them. The default is 1.
 * A call is divided only if each thread gets work for some 200 us: 65536 boxes, bins or pairs of
 * a gradient, 524288 elements or pairs of a match, 1048576 pairs of a matrix (of CIoU, 262144). An
 * eighth of that is enough for the library's own threads if boxgrad_set_keep_threads keeps them,
 * but losses and norms are never divided into less than 65536 rows or elements. A call uses at most
 * 256 threads; iou_loss, box_loss and distribution_focal use at most 128, smooth_l1, balanced_l1
 * and the functions over tensors at most 16, or 128 that are kept. Clipping, box formats,
 * inspection, suppression and sampling are not divided.
 * Threads that the library starts block all signals, and end before the call returns unless they
 * are kept. If the system gives none, the calling thread does the work.
 * A change applies to calls that begin afterwards, on every thread.
 * Errors:   BAD_PARAMETER: n < 1. */
boxgrad_status boxgrad_set_max_threads(int32_t n);
int32_t boxgrad_max_threads(void);

/* Whether the library's own threads stay when a call returns, and wait for the next one: 1 for yes,
 * 0, the default, for no. A thread that stayed begins its work within microseconds.
 * A divided call starts those of its threads that are not there yet; nothing else starts any. When
 * a call has ended, they look out for the next one for some 20 us, and then sleep. They remain if
 * boxgrad_set_max_threads is lowered. 0 ends them, and returns when they have ended, which may be
 * after another thread's call that uses them. dlclose and exit end them, too; exit waits for
 * another thread's call that uses them, but only for about a second.
 * They serve one call at a time. A call that finds them in use never waits for them: it is divided
 * as with 0. A pool lent by boxgrad_set_parallel_for is used instead of them.
 * They block all signals. For each call they round and flush as its thread does, but they keep the
 * priority and the affinity of the thread whose call started them. A child of fork begins without
 * them, and starts its own.
 * Errors:   BAD_PARAMETER: keep is neither 0 nor 1.
 * Since:    0.2.0. */
boxgrad_status boxgrad_set_keep_threads(int32_t keep);

/* Lends the host's thread pool to the calls that boxgrad_set_max_threads allows to be divided.
 * fn must run task over [0, count), in any split and order, and return when all is done. count is
 * the number of threads that have work. fn(context, count, task, task_context) may simply call
 * task(task_context, 0, count). fn gets its own context, never one that was set at another time,
 * and is called from any thread that calls the library. A call that began before keeps the
 * function that it found.
 * If fn returns and work is left, because it ran task for no part of the range, the calling thread
 * does that work. A call that fn itself makes on this thread, or lets another task make, is not
 * divided.
 * fn must return: it must not leave by an exception or by longjmp, and task must not be called
 * after fn has returned, because the call's state is on the calling thread's stack. If fn leaves
 * before any task has run, that call's outputs are undefined, its scratch is lost, and later calls
 * of this thread are not divided.
 * Inputs:   fn: the host's function, or NULL for the library's own threads; context: any pointer,
 *           or NULL. */
typedef void (*boxgrad_task)(void *task_context, size_t begin, size_t end);
typedef void (*boxgrad_parallel_for_fn)(void *context, size_t count, boxgrad_task task,
                                        void *task_context);
boxgrad_status boxgrad_set_parallel_for(boxgrad_parallel_for_fn fn, void *context);

/* ---- Boxes --------------------------------------------------------------------------------------
 * After torchvision.ops: box_area, box_convert, clip_boxes_to_image, remove_small_boxes. */

/* out[i] = (x2 - x1) * (y2 - y1).
 * Inputs:   boxes: count rows.
 * Outputs:  out: count.
 * Edges:    A box that is inverted on one axis has a negative area.
 * Accuracy: out 2.5 ulp. */
boxgrad_status boxgrad_box_area_f32(const float *boxes, size_t count, ptrdiff_t stride, float *out);
boxgrad_status boxgrad_box_area_f64(
    const double *boxes, size_t count, ptrdiff_t stride, double *out);

/* grad_boxes[i] = grad_out[i] * (-h, -w, h, w), with w = x2 - x1 and h = y2 - y1.
 * Inputs:   as boxgrad_box_area; grad_out: count.
 * Outputs:  grad_boxes: count x 4.
 * Accuracy: grad_boxes 1.5 ulp. */
boxgrad_status boxgrad_box_area_grad_f32(
    const float *boxes, size_t count, ptrdiff_t stride, const float *grad_out, float *grad_boxes);
boxgrad_status boxgrad_box_area_grad_f64(
    const double *boxes, size_t count, ptrdiff_t stride, const double *grad_out,
    double *grad_boxes);

/* Box formats of boxgrad_box_convert. */
#define BOXGRAD_XYXY   0 /* x1, y1, x2, y2 */
#define BOXGRAD_XYWH   1 /* x1, y1, width, height (COCO) */
#define BOXGRAD_CXCYWH 2 /* centre x, centre y, width, height (YOLO) */
#define BOXGRAD_YXYX   3 /* y1, x1, y2, x2 (TensorFlow). Since 0.3.0. */

/* Rewrites boxes from one format to another. Each conversion is direct: XYWH to CXCYWH keeps width
 * and height bit for bit. from == to copies.
 * Inputs:   from, to: two of the formats above; in: count rows.
 * Outputs:  out: count rows. In place: out == in, with equal strides.
 * Errors:   BAD_PARAMETER: from or to is none of the four. BAD_STRIDE: also out == in with
 *           different strides.
 * Accuracy: out 0.5 ulp. */
boxgrad_status boxgrad_box_convert_f32(
    int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride,
    float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_box_convert_f64(
    int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride,
    double *out, ptrdiff_t out_stride);

/* The gradient of the same conversion. It is linear, so it needs no boxes.
 * Inputs:   from, to: as in the forward call; grad_out: count x 4.
 * Outputs:  grad_in: count x 4. In place: grad_in == grad_out.
 * Errors:   BAD_PARAMETER: from or to is none of the four.
 * Accuracy: grad_in 0.5 ulp. */
boxgrad_status boxgrad_box_convert_grad_f32(
    int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in);
boxgrad_status boxgrad_box_convert_grad_f64(
    int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in);

/* Clamps x to [0, width] and y to [0, height].
 * Inputs:   in: count rows; width, height: the image, where INFINITY means no upper bound.
 * Outputs:  out: count rows. In place: out == in, with equal strides.
 * Edges:    A box outside the image becomes one of zero width or height on the border: see
 *           boxgrad_box_inspect. NaN stays NaN.
 * Errors:   BAD_PARAMETER: width or height negative or NaN. BAD_STRIDE: also out == in with
 *           different strides.
 * Accuracy: out 0 ulp. */
boxgrad_status boxgrad_box_clip_f32(
    const float *in, size_t count, ptrdiff_t in_stride, double width, double height,
    float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_box_clip_f64(
    const double *in, size_t count, ptrdiff_t in_stride, double width, double height,
    double *out, ptrdiff_t out_stride);

/* The gradient of the same clip: grad_out where the coordinate lies within its bounds, else 0.
 * Inputs:   as boxgrad_box_clip, in being the boxes before clipping; grad_out: count x 4.
 * Outputs:  grad_in: count x 4. In place: grad_in == grad_out.
 * Edges:    The gradient passes at the bounds themselves. It is 0 for NaN.
 * Errors:   BAD_PARAMETER: width or height negative or NaN.
 * Accuracy: grad_in 0 ulp. */
boxgrad_status boxgrad_box_clip_grad_f32(
    const float *in, size_t count, ptrdiff_t in_stride, double width, double height,
    const float *grad_out, float *grad_in);
boxgrad_status boxgrad_box_clip_grad_f64(
    const double *in, size_t count, ptrdiff_t in_stride, double width, double height,
    const double *grad_out, double *grad_in);

/* What can be wrong with a box: the bits of boxgrad_box_inspect's flag words. */
#define BOXGRAD_BOX_NOT_FINITE      (1u << 0) /* a coordinate is NaN or inf; no other bit then */
#define BOXGRAD_BOX_ZERO_WIDTH      (1u << 1) /* x2 == x1: encoding takes 1 / width or log(width) */
#define BOXGRAD_BOX_ZERO_HEIGHT     (1u << 2) /* y2 == y1 */
#define BOXGRAD_BOX_INVERTED        (1u << 3) /* x2 < x1 or y2 < y1 */
#define BOXGRAD_BOX_CENTER_NEGATIVE (1u << 4) /* centre x < 0 or centre y < 0 */
#define BOXGRAD_BOX_CENTER_BEYOND   (1u << 5) /* centre x > width or centre y > height */
#define BOXGRAD_BOX_PARTLY_OUTSIDE  (1u << 6) /* leaves the image; clipping leaves some of it */
#define BOXGRAD_BOX_WHOLLY_OUTSIDE  (1u << 7) /* leaves the image; clipping there makes a side 0 */
#define BOXGRAD_BOX_SMALL           (1u << 8) /* width < min_size or height < min_size */
#define BOXGRAD_BOX_FLAGS           9         /* how many flags this version knows */

/* Finds the boxes that break training.
 * Inputs:   boxes: count rows; width, height: the image, where a negative number means that it is
 *           unknown, and then nothing is beyond it; min_size: see BOXGRAD_BOX_SMALL.
 * Outputs:  flags: count words, or NULL, flags[i] being the bits above of box i and 0 if nothing is
 *           wrong; counts: counts_length numbers, or NULL, counts[k] being how many boxes have bit
 *           k. Entries of counts beyond BOXGRAD_BOX_FLAGS get 0. A shorter counts gets the first
 *           bits.
 * Edges:    A box that is not finite has no other bit. An inverted box is small, too.
 * Errors:   BAD_PARAMETER: width, height or min_size is NaN. */
boxgrad_status boxgrad_box_inspect_f32(
    const float *boxes, size_t count, ptrdiff_t stride, double width, double height,
    double min_size, uint32_t *BOXGRAD_OR_NULL flags, size_t *BOXGRAD_OR_NULL counts,
    size_t counts_length);
boxgrad_status boxgrad_box_inspect_f64(
    const double *boxes, size_t count, ptrdiff_t stride, double width, double height,
    double min_size, uint32_t *BOXGRAD_OR_NULL flags, size_t *BOXGRAD_OR_NULL counts,
    size_t counts_length);

/* Rotates boxes about (cx, cy), counter-clockwise as seen on the screen (y down):
 *     x' = cx + cos * (x - cx) + sin * (y - cy),   y' = cy - sin * (x - cx) + cos * (y - cy).
 * It is for augmentation and has no gradient. sin and cos are exact at multiples of 90 degrees and
 * within 1 ulp elsewhere, for any finite angle. f32 boxes are rotated in double and rounded once.
 * Inputs:   boxes: count rows; degrees; cx, cy.
 * Outputs:  corners: count x 8, or NULL, the rotated top-left, top-right, bottom-right and
 *           bottom-left corner of each box; bounds: count x 4, or NULL, the smallest upright box
 *           around them.
 * Errors:   BAD_PARAMETER: degrees, cx or cy is not finite.
 * Accuracy: corners, bounds 4 eps (16 in f64). */
boxgrad_status boxgrad_box_rotate_f32(
    const float *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy,
    float *BOXGRAD_OR_NULL corners, float *BOXGRAD_OR_NULL bounds);
boxgrad_status boxgrad_box_rotate_f64(
    const double *boxes, size_t count, ptrdiff_t stride, double degrees, double cx, double cy,
    double *BOXGRAD_OR_NULL corners, double *BOXGRAD_OR_NULL bounds);

/* ---- Hard clip ----------------------------------------------------------------------------------
 * A value beyond a bound is replaced by the bound, and no gradient reaches it any more: training
 * cannot bring it back. */

/* out[i] = min(max(x[i], lo), hi).
 * Inputs:   x: count; lo, hi: the bounds, where -INFINITY and INFINITY mean none.
 * Outputs:  out: count. In place: out == x.
 * Edges:    NaN stays NaN.
 * Errors:   BAD_PARAMETER: lo or hi is NaN, or lo > hi.
 * Accuracy: out 0 ulp. */
boxgrad_status boxgrad_clip_f32(const float *x, size_t count, double lo, double hi, float *out);
boxgrad_status boxgrad_clip_f64(const double *x, size_t count, double lo, double hi, double *out);

/* Modes of boxgrad_clip_grad.
 * HARD:             the derivative, as of torch.clamp: grad_out for lo <= x <= hi, 0 beyond and for
 *                   NaN.
 * STRAIGHT_THROUGH: grad_out everywhere.
 * INWARD:           0 only where a descent step would push further out: x < lo and grad_out > 0, or
 *                   x > hi and grad_out < 0. Elsewhere grad_out, so that a clipped value can
 *                   return. */
#define BOXGRAD_CLIP_HARD             0
#define BOXGRAD_CLIP_STRAIGHT_THROUGH 1
#define BOXGRAD_CLIP_INWARD           2

/* The gradient of the same clip, by one of the modes above.
 * Inputs:   as boxgrad_clip; grad_out: count; mode.
 * Outputs:  grad_in: count; blocked: one number, or NULL, how many elements had their gradient cut.
 *           In HARD every element outside the bounds counts, whatever its gradient is. In place:
 *           grad_in == grad_out.
 * Errors:   BAD_PARAMETER: as boxgrad_clip, or mode is none of the three.
 * Accuracy: grad_in 0 ulp. */
boxgrad_status boxgrad_clip_grad_f32(
    const float *x, size_t count, double lo, double hi, const float *grad_out, int32_t mode,
    float *grad_in, size_t *BOXGRAD_OR_NULL blocked);
boxgrad_status boxgrad_clip_grad_f64(
    const double *x, size_t count, double lo, double hi, const double *grad_out, int32_t mode,
    double *grad_in, size_t *BOXGRAD_OR_NULL blocked);

/* ---- Overlap ------------------------------------------------------------------------------------
 *     inter = max(0, min(x2) - max(x1)) * max(0, min(y2) - max(y1))
 *     union = area_a + area_b - inter
 *     IoU   = inter / union
 *     GIoU  = IoU - (enclosing - union) / enclosing
 *     DIoU  = IoU - distance^2 / (diagonal^2 + eps)
 *     CIoU  = DIoU - alpha * v,   v = 4/pi^2 (atan(wb/hb) - atan(wa/ha))^2,
 *                                 alpha = v / (1 - IoU + v + eps)
 *     IoF   = inter / area_a                                                  (Since 0.2.0.)
 *     IoS   = inter / min(area_a, area_b)                                     (Since 0.3.0.)
 * enclosing is the area of the smallest box around both, diagonal is that box's diagonal, and
 * distance is that of the two centres. (Yu 2016; Rezatofighi 2019; Zheng 2020.)
 * Values and gradients are those of torchvision's box_iou, generalized_box_iou, distance_box_iou
 * and complete_box_iou, but they are never NaN for boxes with finite areas. IoU, GIoU, IoF and
 * IoS do not use eps; torchvision's eps for the other two is 1e-7.
 * IoF is the share of box a that box b covers: mmdetection's bbox_overlaps with mode "iof".
 * detectron2's pairwise_ioa divides by the second box's area: it is IoF with the sides exchanged.
 * IoF alone is not symmetric: grad_a has the slopes of the intersection and of its divisor area_a,
 * grad_b those of the intersection alone, and an exchange of the sides changes all of them.
 * IoS is the share of the smaller box that the other covers: supervision's OverlapMetric.IOS. Only
 * the smaller box has the slopes of the divisor. If both areas are the same number, each box has
 * half of them. Where the areas differ by less than 64 eps of the larger one, rounding decides
 * which box that is, and the accuracy of the gradient is not promised.
 * Edges:    A term whose denominator is zero is 0, and so is its gradient: two empty boxes overlap
 *           by 0. atan(w/0) is +-pi/2 and atan(0/0) is 0, each with a finite gradient. alpha is a
 *           constant for the gradient, as in the paper. Inverted boxes follow the formulas, with
 *           the sides of the enclosing box clamped at 0.
 * Errors:   All functions of this section fail with BAD_PARAMETER if metric is none of the six, or
 *           eps is negative, infinite or NaN. */

#define BOXGRAD_IOU  0
#define BOXGRAD_GIOU 1
#define BOXGRAD_DIOU 2
#define BOXGRAD_CIOU 3
#define BOXGRAD_IOF  4 /* Since 0.2.0. iou_loss does not take it. */
#define BOXGRAD_IOS  5 /* Since 0.3.0. iou_loss does not take it. */

/* out[i * out_stride + j] = metric(a[i], b[j]), and the unions likewise.
 * Inputs:   metric; a: a_count rows; b: b_count rows; eps.
 * Outputs:  out: a_count rows of b_count; out_union: a_count rows of b_count with the same stride,
 *           or NULL.
 * Errors:   OUT_OF_MEMORY: it needs scratch, at most 226 KB a thread in f32, 451 KB in f64.
 * Accuracy: out_union 16 eps. */
boxgrad_status boxgrad_iou_pairwise_f32(
    int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride,
    const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
    float *out, ptrdiff_t out_stride, float *BOXGRAD_OR_NULL out_union);
boxgrad_status boxgrad_iou_pairwise_f64(
    int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride,
    const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
    double *out, ptrdiff_t out_stride, double *BOXGRAD_OR_NULL out_union);

/* grad_a[i] = sum over j of grad_out[i, j] * d metric / d a[i], and grad_b[j] likewise over i.
 * Sums are taken in double.
 * Inputs:   as boxgrad_iou_pairwise; grad_out: a_count rows of b_count.
 * Outputs:  grad_a: a_count x 4, or NULL; grad_b: b_count x 4, or NULL.
 * Edges:    With a_count or b_count 0 the other's gradient is 0. */
boxgrad_status boxgrad_iou_pairwise_grad_f32(
    int32_t metric, const float *a, size_t a_count, ptrdiff_t a_stride,
    const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
    const float *grad_out, ptrdiff_t grad_out_stride, float *BOXGRAD_OR_NULL grad_a,
    float *BOXGRAD_OR_NULL grad_b);
boxgrad_status boxgrad_iou_pairwise_grad_f64(
    int32_t metric, const double *a, size_t a_count, ptrdiff_t a_stride,
    const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
    const double *grad_out, ptrdiff_t grad_out_stride, double *BOXGRAD_OR_NULL grad_a,
    double *BOXGRAD_OR_NULL grad_b);

/* out[i] = metric(a[i], b[i]), grad_a[i] = d out[i] / d a[i] and grad_b[i] = d out[i] / d b[i].
 * Inputs:   metric; a, b: count rows each; eps.
 * Outputs:  out: count, or NULL; grad_a, grad_b: count x 4 each, or NULL. */
boxgrad_status boxgrad_iou_aligned_f32(
    int32_t metric, const float *a, ptrdiff_t a_stride,
    const float *b, ptrdiff_t b_stride, size_t count, double eps, float *BOXGRAD_OR_NULL out,
    float *BOXGRAD_OR_NULL grad_a,
    float *BOXGRAD_OR_NULL grad_b);
boxgrad_status boxgrad_iou_aligned_f64(
    int32_t metric, const double *a, ptrdiff_t a_stride,
    const double *b, ptrdiff_t b_stride, size_t count, double eps, double *BOXGRAD_OR_NULL out,
    double *BOXGRAD_OR_NULL grad_a,
    double *BOXGRAD_OR_NULL grad_b);

/* The loss of boxes, with its gradients:
 *     per_box[i] = weights[i] * (1 - metric(pred[i], target[i]))
 *     loss       = sum of per_box / normalizer
 * For metric IOU the loss is 1 - inter / (union + eps).
 * Inputs:   metric; pred, target: count rows each; weights: count, or NULL for 1; eps; normalizer:
 *           1 for a sum, max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; per_box: count, or NULL; grad_pred, grad_target: count x 4
 *           each, or NULL.
 * Edges:    Like the metrics above, but as torchvision's *_box_iou_loss: eps (theirs is 1e-7) is
 *           added to the union, the enclosing area, the squared diagonal and alpha's denominator;
 *           boxes that merely touch have no intersection gradient (strict comparison); the
 *           enclosing sides are not clamped. With count 0 loss is 0, whatever normalizer is.
 * Errors:   BAD_PARAMETER: metric is none of the four that have a loss (IoF and IoS have none,
 *           because they are 1 for any box within the other); normalizer is NaN, or count is not 0
 *           and normalizer or 1 / normalizer is not a positive finite number.
 * Accuracy: loss 32 eps (300 in f64). */
boxgrad_status boxgrad_iou_loss_f32(
    int32_t metric, const float *pred, ptrdiff_t pred_stride,
    const float *target, ptrdiff_t target_stride, size_t count,
    const float *BOXGRAD_OR_NULL weights, double eps,
    double normalizer, double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_iou_loss_f64(
    int32_t metric, const double *pred, ptrdiff_t pred_stride,
    const double *target, ptrdiff_t target_stride, size_t count,
    const double *BOXGRAD_OR_NULL weights, double eps,
    double normalizer, double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target);

/* ---- Box losses ---------------------------------------------------------------------------------
 * The losses of a predicted box p against its target t that are more than 1 - metric:
 *     IOU to CIOU  1 - IoU^alpha + P^alpha, P being what the metric subtracts from IoU (He 2021)
 *     EIOU         1 - IoU + (dx^2 + dy^2) / (cw^2 + ch^2)
 *                  + (w_p - w_t)^2 / cw^2 + (h_p - h_t)^2 / ch^2                      (Zhang 2021)
 *     SIOU         1 - IoU + (D + O) / 2                                         (Gevorgyan 2022)
 *                  D = 2 - exp(-g (dx / cw)^2) - exp(-g (dy / ch)^2),
 *                  g = 2 - 2 |dx dy| / (dx^2 + dy^2),
 *                  O = (1 - exp(-|w_p - w_t| / max(w_p, w_t)))^theta + the same of h
 *     WIOU         exp((dx^2 + dy^2) / (cw^2 + ch^2)) * (1 - IoU), version 1          (Tong 2023)
 *     MPDIOU       1 - IoU + (distance^2 of the top left corners + of the bottom right ones)
 *                  / (image_width^2 + image_height^2)                                   (Ma 2023)
 *     LOG_IOU      -log(max(IoU, least_iou))                                            (Yu 2016)
 *     NWD          1 - exp(-sqrt(dx^2 + dy^2 + (w_p - w_t)^2 / 4 + (h_p - h_t)^2 / 4) / constant)
 *                                                                                     (Wang 2021)
 *     BOUNDED_IOU  the sum of smooth L1 (beta) of 1 - max(0, (w_t - 2 |dx|) / (w_t + 2 |dx|)),
 *                  1 - min(w_t / w_p, w_p / w_t), and the same of dy and h   (Tychsen-Smith 2018)
 * The metrics are those of boxgrad_iou_loss. w, h: sides; dx, dy: from t's centre to p's; cw, ch:
 * sides of the smallest box around both. For WIOU cw and ch are constants for the gradient. */

#define BOXGRAD_LOSS_IOU         0 /* Since 0.3.0, as all of these. */
#define BOXGRAD_LOSS_GIOU        1 /* Since 0.3.0. */
#define BOXGRAD_LOSS_DIOU        2 /* Since 0.3.0. */
#define BOXGRAD_LOSS_CIOU        3 /* Since 0.3.0. */
#define BOXGRAD_LOSS_EIOU        4 /* Since 0.3.0. */
#define BOXGRAD_LOSS_SIOU        5 /* Since 0.3.0. */
#define BOXGRAD_LOSS_WIOU        6 /* Since 0.3.0. */
#define BOXGRAD_LOSS_MPDIOU      7 /* Since 0.3.0. */
#define BOXGRAD_LOSS_LOG_IOU     8 /* Since 0.3.0. */
#define BOXGRAD_LOSS_NWD         9 /* Since 0.3.0. */
#define BOXGRAD_LOSS_BOUNDED_IOU 10 /* Since 0.3.0. */

/* Begin with BOXGRAD_BOX_LOSS_OPTIONS_INIT: zeros are not the defaults. A kind ignores the fields
 * that it does not use, but every field must be in its range.
 * inner_ratio, for IOU to SIOU: IoU' takes IoU's place in 1 - IoU^alpha, so that a loss without
 * powers gets IoU - IoU' added. IoU' is that of both boxes, scaled by inner_ratio about their
 * centres (Inner-IoU, Zhang 2023).
 * gamma, for all but NWD and BOUNDED_IOU: the loss is multiplied by IoU^gamma, or IoU'^gamma, which
 * is a constant for the gradient (Focal-EIoU: 0.5). Since 0.3.0. */
typedef struct {
    size_t size;                      /* sizeof(boxgrad_box_loss_options) of the caller */
    double eps;                       /* at least 0, and finite in the function's type */
    double alpha;                     /* above 0, at most 1000; 1: no power */
    double gamma;                     /* 0 to 1000; 0: no factor */
    double inner_ratio;               /* above 0, at most 1000; 1: the boxes as they are */
    double theta;                     /* 1 to 1000 */
    double image_width, image_height; /* MPDIOU: must be given, positive, with finite squares */
    double least_iou;                 /* above 0, at most 1 */
    double constant;                  /* NWD: as image_width; 12.8 for the boxes of AI-TOD */
    double beta;                      /* above 0, at most 1000 */
} boxgrad_box_loss_options;

/* The defaults. An options pointer that is NULL means them, too. */
#define BOXGRAD_BOX_LOSS_OPTIONS_INIT /* Since 0.3.0. */ \
    { sizeof(boxgrad_box_loss_options), 1e-7, 1, 0, 1, 4, 0, 0, 1e-6, 0, 0.2 }

/* One of these losses, with its gradients. Everything is computed in double, also for float.
 *     per_box[i] = weights[i] * loss(pred[i], target[i])
 *     loss       = sum of per_box / normalizer
 * IOU with alpha 1 and 2 is mmdetection's linear and squared IoU loss.
 * BOUNDED_IOU is the sum of the four numbers that mmdetection's has for a box; its eps is 1e-3.
 * Inputs:   kind; options: one, or NULL for the defaults; pred, target: count rows each; weights:
 *           count, or NULL for 1; normalizer: 1 for a sum, max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; per_box: count, or NULL; grad_pred, grad_target: count x 4
 *           each, or NULL.
 * Edges:    As in boxgrad_iou_loss, but never NaN for finite boxes, however large or small: a term
 *           whose denominator is 0 is 0, and so are its slopes. (Below 2^-500 it counts as 0, in
 *           f64 with the pair's largest coordinate as the unit.) eps is added to every denominator
 *           that is made of boxes. |x| has the slope 0 at 0, and so has NWD's root, for
 *           equal boxes. With alpha < 1 the slope of x^alpha is that at 1e-6 where x is less; with
 *           alpha other than 1 a negative P counts as 0. WIOU's exponent is constant above 2. (Only
 *           inverted boxes have such a P or exponent.) LOG_IOU has no slope below least_iou.
 * Errors:   BAD_PARAMETER: kind is none of these; a field of options is outside its range, or is
 *           needed and was not given; normalizer as in boxgrad_iou_loss. options->size as in
 *           boxgrad_delta_encode.
 * Accuracy: loss 32 eps (300 in f64); grad_pred, grad_target 32 eps (64 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_box_loss_f32(
    int32_t kind, const boxgrad_box_loss_options *BOXGRAD_OR_NULL options,
    const float *pred, ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride,
    size_t count, const float *BOXGRAD_OR_NULL weights,
    double normalizer, double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_box_loss_f64(
    int32_t kind, const boxgrad_box_loss_options *BOXGRAD_OR_NULL options,
    const double *pred, ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride,
    size_t count, const double *BOXGRAD_OR_NULL weights,
    double normalizer, double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target);

/* ---- Rotated boxes ------------------------------------------------------------------------------
 * A row is cx, cy, w, h, angle: the centre, the sides, and the angle by which the box was turned
 * about its centre, in one of four conventions. They are in use side by side and a wrong one goes
 * unnoticed, so every function that takes angles takes the convention, too. Gradients are in the
 * same unit. At angle 0, w is along x. */

#define BOXGRAD_ANGLE_RADIANS_CW  0 /* clockwise on the screen, y down (mmrotate). Since 0.3.0. */
#define BOXGRAD_ANGLE_DEGREES_CCW 1 /* torchvision's cxcywhr, detectron2. Since 0.3.0. */
#define BOXGRAD_ANGLE_DEGREES_CW  2 /* OpenCV. Since 0.3.0. */
#define BOXGRAD_ANGLE_RADIANS_CCW 3 /* Since 0.3.0. */

/* Rewrites angles from one convention to another. The other numbers are copied. from == to copies
 * angles, too.
 * Inputs:   from, to: two of BOXGRAD_ANGLE_*; in: count rows of 5.
 * Outputs:  out: count rows of 5. In place: out == in, with equal strides.
 * Errors:   BAD_PARAMETER: from or to is none of the four. BAD_STRIDE: also out == in with
 *           different strides.
 * Accuracy: out 2 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_convert_f32(
    int32_t from, int32_t to, const float *in, size_t count, ptrdiff_t in_stride,
    float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_rotated_convert_f64(
    int32_t from, int32_t to, const double *in, size_t count, ptrdiff_t in_stride,
    double *out, ptrdiff_t out_stride);

/* The gradient of the same conversion. It is linear, so it needs no boxes.
 * Inputs:   from, to: as in the forward call; grad_out: count x 5.
 * Outputs:  grad_in: count x 5. In place: grad_in == grad_out.
 * Errors:   BAD_PARAMETER: from or to is none of the four.
 * Accuracy: grad_in 2 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_convert_grad_f32(
    int32_t from, int32_t to, size_t count, const float *grad_out, float *grad_in);
boxgrad_status boxgrad_rotated_convert_grad_f64(
    int32_t from, int32_t to, size_t count, const double *grad_out, double *grad_in);

#define BOXGRAD_RANGE_OC    0 /* 0 < angle <= 90 degrees (OpenCV from 4.5.1). Since 0.3.0. */
#define BOXGRAD_RANGE_LE90  1 /* w >= h, -90 <= angle < 90 degrees. Since 0.3.0. */
#define BOXGRAD_RANGE_LE135 2 /* w >= h, -45 <= angle < 135 degrees. Since 0.3.0. */
#define BOXGRAD_RANGE_TURN  3 /* -180 <= angle < 180 degrees, any sides, detectron2. Since 0.3.0. */

/* Brings boxes into a range, without moving them: (w, h, angle), (h, w, angle + 90 degrees) and
 * (w, h, angle + 180 degrees) are the same box, of which one is in each range, but for TURN, which
 * leaves sides as they are and angles whole turns away. It is what mmrotate
 * and ultralytics call regularize, and no option of boxgrad_rotated_convert because its gradient
 * needs the boxes. The range is that of the number, in the convention of the call.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; range: one of BOXGRAD_RANGE_*; in: count rows of 5.
 * Outputs:  out: count rows of 5. In place: out == in, with equal strides.
 * Edges:    What is in the range already, or has equal sides and an angle in it, is copied. In
 *           radians the bounds are those of the type. An angle that is not finite gives NaN.
 * Errors:   BAD_PARAMETER: angle is none of the four, or range none of the four. BAD_STRIDE: also
 *           out == in with different strides.
 * Accuracy: out 4 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_regularize_f32(
    int32_t angle, int32_t range, const float *in, size_t count, ptrdiff_t in_stride,
    float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_rotated_regularize_f64(
    int32_t angle, int32_t range, const double *in, size_t count, ptrdiff_t in_stride,
    double *out, ptrdiff_t out_stride);

/* The gradient of the same: that by the sides is exchanged where they were, and the rest copied.
 * Inputs:   angle and range: as in the forward call; boxes: count rows of 5, what went in;
 *           grad_out: count x 5.
 * Outputs:  grad_boxes: count x 5. In place: grad_boxes == grad_out.
 * Edges:    An angle jumps at the ends of its range, and sides are exchanged where they are equal:
 *           the gradient is that of the side on which the box is.
 * Errors:   BAD_PARAMETER: angle is none of the four, or range none of the four.
 * Accuracy: grad_boxes 0 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_regularize_grad_f32(
    int32_t angle, int32_t range, const float *boxes, size_t count, ptrdiff_t stride,
    const float *grad_out, float *grad_boxes);
boxgrad_status boxgrad_rotated_regularize_grad_f64(
    int32_t angle, int32_t range, const double *boxes, size_t count, ptrdiff_t stride,
    const double *grad_out, double *grad_boxes);

/* The corners of rotated boxes, and the upright boxes around them. With c, s the cosine and the
 * sine of the angle, clockwise on the screen, the corners are those of
 *     (cx + c dx - s dy, cy + s dx + c dy)   with dx = -+w / 2, dy = -+h / 2.
 * sin and cos are exact at multiples of 90 degrees (of angles in degrees) and within 1 ulp
 * elsewhere, for any finite angle. f32 boxes are computed in double and rounded once.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; boxes: count rows of 5.
 * Outputs:  corners: count x 8, or NULL, x and y of the top-left, top-right, bottom-right and
 *           bottom-left corner of the box before it was turned (DOTA's order); bounds: count x 4,
 *           or NULL, the smallest upright box, x1, y1, x2, y2.
 * Edges:    A negative side exchanges corners. An angle that is not finite gives NaN.
 * Errors:   BAD_PARAMETER: angle is none of the four.
 * Accuracy: corners, bounds 4 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_corners_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride,
    float *BOXGRAD_OR_NULL corners, float *BOXGRAD_OR_NULL bounds);
boxgrad_status boxgrad_rotated_corners_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride,
    double *BOXGRAD_OR_NULL corners, double *BOXGRAD_OR_NULL bounds);

/* The gradient of both, in one call.
 * Inputs:   as boxgrad_rotated_corners; grad_corners: count x 8, or NULL for 0; grad_bounds:
 *           count x 4, or NULL for 0.
 * Outputs:  grad_boxes: count x 5.
 * Edges:    At a multiple of 90 degrees two corners are on each side of the bounds: the gradient
 *           by the angle is the mean of those to both sides of it. So is that by a side of 0.
 * Errors:   BAD_PARAMETER: angle is none of the four.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_corners_grad_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride,
    const float *BOXGRAD_OR_NULL grad_corners, const float *BOXGRAD_OR_NULL grad_bounds,
    float *grad_boxes);
boxgrad_status boxgrad_rotated_corners_grad_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride,
    const double *BOXGRAD_OR_NULL grad_corners, const double *BOXGRAD_OR_NULL grad_bounds,
    double *grad_boxes);

/* The boxes with given corners a, b, c, d:
 *     cx, cy = (a + b + c + d) / 4,   u = (b - a + c - d) / 2,   v = (d - a + c - b) / 2,
 *     w = |u|,   h = |v|,   angle = that of (u_x + v_y, u_y - v_x), clockwise on the screen.
 * It inverts boxgrad_rotated_corners for sides that are not negative. Of corners that are no
 * rectangle's it makes the rectangle that is turned as their parallelogram, in the sense of least
 * squares; this is not the smallest rectangle around them.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; corners: count rows of 8.
 * Outputs:  boxes: count x 5, with angles from -180 degrees, which is none, to 180.
 * Edges:    Where the corners run counter-clockwise, v is -v in the angle, so that their order
 *           reversed gives a box of the same place. An angle of (0, 0) is 0. A side of 0 and an
 *           angle of (0, 0) have no gradient. A box beyond 2^1020 may overflow.
 * Errors:   BAD_PARAMETER: angle is none of the four.
 * Accuracy: boxes 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_from_corners_f32(
    int32_t angle, const float *corners, size_t count, ptrdiff_t stride, float *boxes);
boxgrad_status boxgrad_rotated_from_corners_f64(
    int32_t angle, const double *corners, size_t count, ptrdiff_t stride, double *boxes);

/* The gradient of the same.
 * Inputs:   as boxgrad_rotated_from_corners; grad_boxes: count x 5.
 * Outputs:  grad_corners: count x 8.
 * Errors:   BAD_PARAMETER: angle is none of the four.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_from_corners_grad_f32(
    int32_t angle, const float *corners, size_t count, ptrdiff_t stride, const float *grad_boxes,
    float *grad_corners);
boxgrad_status boxgrad_rotated_from_corners_grad_f64(
    int32_t angle, const double *corners, size_t count, ptrdiff_t stride,
    const double *grad_boxes, double *grad_corners);

/* The smallest rotated rectangles around points, the field's minAreaRect. One side of the smallest
 * rectangle lies along a side of the points' convex hull, so of these rectangles it is the one with
 * the least area. There is no gradient: between two sides of the hull the rectangle jumps.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; points: count rows of points_per_row points, x and y of
 *           each, in any order (4 for corners); stride: at least 2 points_per_row.
 * Outputs:  boxes: count x 5, with angles from 0 to 90 degrees clockwise on the screen: at 0, not
 *           at 90, the rectangle is upright.
 * Edges:    Of areas that are equal, to 2^-40 of them, that with the smaller angle clockwise is
 *           taken: all sides of an acute triangle have equal ones. Points on one line have a side
 *           of 0, but for rounding; equal points two, at angle 0. If a number of a row is not
 *           finite, or overflows when another is subtracted, all five are NaN. A point may lie
 *           outside by what rounding makes of it.
 * Errors:   BAD_PARAMETER: angle is none of the four, points_per_row is 0. SIZE_OVERFLOW:
 *           points_per_row is too large.
 * Accuracy: boxes 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_min_area_f32(
    int32_t angle, const float *points, size_t count, size_t points_per_row, ptrdiff_t stride,
    float *boxes);
boxgrad_status boxgrad_rotated_min_area_f64(
    int32_t angle, const double *points, size_t count, size_t points_per_row, ptrdiff_t stride,
    double *boxes);

/* Finds the rotated boxes that break training. The flags are those of boxgrad_box_inspect: of the
 * five numbers and their own sides, BOXGRAD_BOX_INVERTED being w < 0 or h < 0.
 * BOXGRAD_BOX_PARTLY_OUTSIDE is a box with a corner beyond the image and some area in it,
 * BOXGRAD_BOX_WHOLLY_OUTSIDE one with a corner beyond it and no area in it.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; boxes: count rows of 5; width, height, min_size: as in
 *           boxgrad_box_inspect.
 * Outputs:  flags: count words, or NULL; counts: counts_length numbers, or NULL; both as in
 *           boxgrad_box_inspect.
 * Edges:    A box that is not finite, its angle included, has no other bit. An inverted box is
 *           small, too. What lies beyond a border, or within it, by at most 4 eps times
 *           (|cx| + |cy| + |w| + |h|) does not: so much rounding makes of right angles in radians.
 * Errors:   BAD_PARAMETER: angle is none of the four; width, height or min_size is NaN.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_inspect_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride, double width,
    double height, double min_size, uint32_t *BOXGRAD_OR_NULL flags,
    size_t *BOXGRAD_OR_NULL counts, size_t counts_length);
boxgrad_status boxgrad_rotated_inspect_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride, double width,
    double height, double min_size, uint32_t *BOXGRAD_OR_NULL flags,
    size_t *BOXGRAD_OR_NULL counts, size_t counts_length);

/* ---- Rotated overlap ----------------------------------------------------------------------------
 * The overlap of rotated boxes, in closed form: without polygons, without sorting, and so without
 * the cases where those fail. Boxes may be equal, nearly equal, parallel, thin, within each other,
 * or touch in an edge or a corner. With inter the area in common:
 *     IOU  inter / union, union = area_a + area_b - inter
 *     IOF  inter / area_a, where a is the first box
 * The largest term of an overlap is the extent of both boxes (the longest side, and the distance of
 * their centres) times the smaller perimeter, / the divisor: for boxes of ordinary shape an error
 * is at most 32 eps of the smaller area. That of a slope is the extent / sin of the angle between
 * an edge of the one and of the other, / the divisor. Of edges that coincide but for rounding,
 * rounding decides which of them bounds the area. Directions are turned in double for float, too,
 * so that thin boxes that are nearly parallel are as exact. */

/* overlap(a, b) of all pairs, 0 for two boxes without area.
 * Inputs:   metric: BOXGRAD_IOU or BOXGRAD_IOF; angle: one of BOXGRAD_ANGLE_*; a: a_count rows of
 *           5; b: b_count rows of 5.
 * Outputs:  out: a_count x b_count, row i at out + i * out_stride.
 * Edges:    A negative side counts as 0. A box with a number that is not finite has NaN overlaps.
 *           Boxes that are apart by more than rounding overlap by exactly 0; equal boxes by 1.
 * Errors:   BAD_PARAMETER: metric is neither of the two; angle is none of the four.
 * Accuracy: out 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_iou_pairwise_f32(
    int32_t metric, int32_t angle, const float *a, size_t a_count, ptrdiff_t a_stride,
    const float *b, size_t b_count, ptrdiff_t b_stride, float *out, ptrdiff_t out_stride);
boxgrad_status boxgrad_rotated_iou_pairwise_f64(
    int32_t metric, int32_t angle, const double *a, size_t a_count, ptrdiff_t a_stride,
    const double *b, size_t b_count, ptrdiff_t b_stride, double *out, ptrdiff_t out_stride);

/* The gradient of all pairs:
 *     grad_a[i] = sum over j of grad_out[i, j] * d overlap(a[i], b[j]) / d a[i],
 * and likewise grad_b[j], summed over i.
 * Inputs:   as boxgrad_rotated_iou_pairwise; grad_out: a_count x b_count, row i at
 *           grad_out + i * grad_out_stride.
 * Outputs:  grad_a: a_count x 5, or NULL; grad_b: b_count x 5, or NULL.
 * Edges:    Boxes that share no area have no gradient, unlike those of boxgrad_iou_pairwise that
 *           touch. Where edges coincide, an overlap changes by one slope outwards and by another
 *           inwards: the gradient is the mean of both. So equal boxes have an IoU of 1 with no
 *           gradient. A negative side has no gradient. With a_count or b_count 0 the other's
 *           gradient is 0.
 * Errors:   BAD_PARAMETER: metric is neither of the two; angle is none of the four.
 * Accuracy: grad_a, grad_b 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_iou_pairwise_grad_f32(
    int32_t metric, int32_t angle, const float *a, size_t a_count, ptrdiff_t a_stride,
    const float *b, size_t b_count, ptrdiff_t b_stride,
    const float *grad_out, ptrdiff_t grad_out_stride,
    float *BOXGRAD_OR_NULL grad_a, float *BOXGRAD_OR_NULL grad_b);
boxgrad_status boxgrad_rotated_iou_pairwise_grad_f64(
    int32_t metric, int32_t angle, const double *a, size_t a_count, ptrdiff_t a_stride,
    const double *b, size_t b_count, ptrdiff_t b_stride,
    const double *grad_out, ptrdiff_t grad_out_stride,
    double *BOXGRAD_OR_NULL grad_a, double *BOXGRAD_OR_NULL grad_b);

/* The overlap of row i with row i, with its gradients.
 * Inputs:   metric and angle as in boxgrad_rotated_iou_pairwise; a, b: count rows of 5 each.
 * Outputs:  out: count, or NULL; grad_a, grad_b: count x 5 each, or NULL.
 * Edges:    As in boxgrad_rotated_iou_pairwise and its gradient.
 * Errors:   BAD_PARAMETER: metric is neither of the two; angle is none of the four.
 * Accuracy: out, grad_a, grad_b 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_iou_aligned_f32(
    int32_t metric, int32_t angle, const float *a, ptrdiff_t a_stride, const float *b,
    ptrdiff_t b_stride, size_t count, float *BOXGRAD_OR_NULL out,
    float *BOXGRAD_OR_NULL grad_a, float *BOXGRAD_OR_NULL grad_b);
boxgrad_status boxgrad_rotated_iou_aligned_f64(
    int32_t metric, int32_t angle, const double *a, ptrdiff_t a_stride, const double *b,
    ptrdiff_t b_stride, size_t count, double *BOXGRAD_OR_NULL out,
    double *BOXGRAD_OR_NULL grad_a, double *BOXGRAD_OR_NULL grad_b);

/* Losses of boxgrad_rotated_iou_loss. */
#define BOXGRAD_ROTATED_LOSS_IOU     0 /* 1 - IoU. Since 0.3.0. */
#define BOXGRAD_ROTATED_LOSS_LOG_IOU 1 /* -log(max(IoU, least_iou)). Since 0.3.0. */

/* A loss of predicted rotated boxes against their targets, with its gradients in one pass.
 *     per_box[i] = weights[i] * loss(pred[i], target[i])
 *     loss       = sum of per_box / normalizer
 * Inputs:   kind; angle: one of BOXGRAD_ANGLE_*; pred, target: count rows of 5 each; weights:
 *           count, or NULL for 1; least_iou: for LOG_IOU, 1e-6 in the field; normalizer: 1 for a
 *           sum, max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; per_box: count, or NULL; grad_pred, grad_target: count x 5
 *           each, or NULL: the gradients of loss.
 * Edges:    As in boxgrad_rotated_iou_pairwise and its gradient: boxes apart have a loss without a
 *           gradient. Two boxes without area have the loss of boxes apart. LOG_IOU has no slope
 *           below least_iou. Of nearly equal boxes 1 - IoU keeps its digits.
 * Errors:   BAD_PARAMETER: kind is neither of the two; angle is none of the four; least_iou is not
 *           from 2^-100 to 1; normalizer as in boxgrad_iou_loss.
 * Accuracy: per_box, grad_pred, grad_target 4 eps; loss 32 eps (300 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_iou_loss_f32(
    int32_t kind, int32_t angle, const float *pred, ptrdiff_t pred_stride,
    const float *target, ptrdiff_t target_stride, size_t count,
    const float *BOXGRAD_OR_NULL weights, double least_iou, double normalizer,
    double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_rotated_iou_loss_f64(
    int32_t kind, int32_t angle, const double *pred, ptrdiff_t pred_stride,
    const double *target, ptrdiff_t target_stride, size_t count,
    const double *BOXGRAD_OR_NULL weights, double least_iou, double normalizer,
    double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target);

/* ---- Gaussian losses ----------------------------------------------------------------------------
 * The losses of rotated boxes as normal distributions, which reach boxes apart. A box has its
 * centre m, and the matrix S that has its first side along its direction:
 *     S = R diag(w^2, h^2) R^T / 4   (PROBIOU, BHATTACHARYYA: / 12), w, h limited to 1e-7 ... 1e7
 * p is the prediction, t the target, d = m_p - m_t, KLD(p, t) = d^T S_p^-1 d / (2 alpha^2)
 *     + (tr(S_p^-1 S_t) + log(det S_p / det S_t)) / 2 - 1:
 *     GWD            D = sqrt(d^T d + alpha^2 tr(S_p + S_t - 2 (S_p^1/2 S_t S_p^1/2)^1/2)),
 *                    normalized: / (2 (det S_p det S_t)^(1/8))                          (Yang 2021)
 *     KLD            D = KLD(p, t), with root: its square root                          (Yang 2021)
 *     JEFFREYS       the same of (KLD(p, t) + KLD(t, p)) / 2
 *     LARGER_KLD     the same of the larger of KLD(p, t) and KLD(t, p), SMALLER_KLD of the smaller
 *     KFIOU          1 - K, K = V / (V_p + V_t - V + eps), V = 4 sqrt(det S), that without index
 *                    of the S = S_p (S_p + S_t)^-1 S_t; K is at most 1 / 3              (Yang 2022)
 *     LOG_KFIOU      -log(K + eps)
 *     EXP_KFIOU      exp(1 - K) - 1
 *     BHATTACHARYYA  B = d^T S^-1 d / 8 + log(det S / sqrt(det S_p det S_t)) / 2,
 *                    S = (S_p + S_t) / 2
 *     PROBIOU        sqrt(1 - exp(-B)), the distance of Hellinger                   (Llerena 2021)
 * The loss of GWD to SMALLER_KLD is f, or with tau >= 1 it is 1 - 1 / (tau + f), where f is D,
 * sqrt(D) or log(1 + D). The others ignore this. K has no centres: a loss of these is added. */

#define BOXGRAD_GAUSSIAN_GWD           0 /* Since 0.3.0, as all of these. */
#define BOXGRAD_GAUSSIAN_KLD           1 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_JEFFREYS      2 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_LARGER_KLD    3 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_SMALLER_KLD   4 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_KFIOU         5 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_LOG_KFIOU     6 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_EXP_KFIOU     7 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_PROBIOU       8 /* Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_BHATTACHARYYA 9 /* Since 0.3.0. */

#define BOXGRAD_GAUSSIAN_PLAIN 0 /* f = D. Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_SQRT  1 /* f = sqrt(D). Since 0.3.0. */
#define BOXGRAD_GAUSSIAN_LOG1P 2 /* f = log(1 + D). Since 0.3.0. */

/* Begin with BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT: zeros are not the defaults. A kind ignores the
 * fields that it does not use, but every field must be in its range. Since 0.3.0. */
typedef struct {
    size_t size;         /* sizeof(boxgrad_gaussian_loss_options) of the caller */
    double alpha;        /* 1e-3 to 1000 */
    double tau;          /* 0 to 1000 */
    double eps;          /* KFIOU to EXP_KFIOU: 0 to 1000 */
    int32_t function;    /* one of the three above */
    int32_t root;        /* KLD to SMALLER_KLD: 1 or 0 */
    int32_t normalized;  /* GWD: 1 or 0 */
    int32_t reserved;    /* must be 0 */
} boxgrad_gaussian_loss_options;

/* The defaults, those of mmrotate. An options pointer that is NULL means them, too. */
#define BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT /* Since 0.3.0. */ \
    { sizeof(boxgrad_gaussian_loss_options), 1, 1, 1e-6, BOXGRAD_GAUSSIAN_LOG1P, 1, 1, 0 }

/* One of these losses, with its gradients. Everything is computed in double, also for float.
 *     per_box[i] = weights[i] * loss(pred[i], target[i])
 *     loss       = sum of per_box / normalizer
 * Inputs:   kind; angle: one of BOXGRAD_ANGLE_*; options: one, or NULL for the defaults; pred,
 *           target: count rows of 5 each; weights: count, or NULL for 1; normalizer: 1 for a sum,
 *           max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; per_box: count, or NULL; grad_pred, grad_target: count x 5
 *           each, or NULL: the gradients of loss.
 * Edges:    Never NaN for finite boxes. A side beyond 1e-7 ... 1e7 has no gradient. Equal boxes,
 *           also those with exchanged sides and a right angle between them, have D = 0 and B = 0,
 *           and a root of these has no slope there. Of nearly equal boxes D and B keep their
 *           digits, far from the origin, too. Centres further apart than 2^400 count as that. A
 *           number that is not finite gives NaN. LARGER_KLD and SMALLER_KLD have the mean of both
 *           gradients where the two differ by less than 2^-48 of their sum.
 * Errors:   BAD_PARAMETER: kind is none of these; angle is none of the four; a field of options is
 *           outside its range; normalizer as in boxgrad_iou_loss. options->size as in
 *           boxgrad_delta_encode.
 * Accuracy: per_box, grad_pred, grad_target 32 eps (64 in f64); loss 32 eps (300 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_gaussian_loss_f32(
    int32_t kind, int32_t angle, const boxgrad_gaussian_loss_options *BOXGRAD_OR_NULL options,
    const float *pred, ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride,
    size_t count, const float *BOXGRAD_OR_NULL weights, double normalizer,
    double *BOXGRAD_OR_NULL loss, float *BOXGRAD_OR_NULL per_box,
    float *BOXGRAD_OR_NULL grad_pred, float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_rotated_gaussian_loss_f64(
    int32_t kind, int32_t angle, const boxgrad_gaussian_loss_options *BOXGRAD_OR_NULL options,
    const double *pred, ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride,
    size_t count, const double *BOXGRAD_OR_NULL weights, double normalizer,
    double *BOXGRAD_OR_NULL loss, double *BOXGRAD_OR_NULL per_box,
    double *BOXGRAD_OR_NULL grad_pred, double *BOXGRAD_OR_NULL grad_target);

/* ---- Smooth L1 ------------------------------------------------------------------------------- */

/* The smooth L1 loss, with its gradients:
 *     d           = inside * (pred - target)
 *     l           = sigma^2 d^2 / 2 where |d| < 1 / sigma^2, else |d| - 0.5 / sigma^2
 *     elementwise = outside * l
 *     loss        = sum of elementwise / normalizer
 *     grad_pred   = inside * outside * (sigma^2 d, or the sign of d) / normalizer
 *     grad_target = -grad_pred
 * The beta of torch, torchvision and mmdetection is 1 / sigma^2. (Girshick 2015; sigma and weights:
 * py-faster-rcnn.) Deltas of rotated boxes whose angles differ by half a turn mean the same: first
 * replace the angle of a target by target - period * round((target - pred) / period), where period
 * is half a turn in its unit, pi for boxgrad_rotated_encode. The gradients stay as they are.
 * Inputs:   pred, target: count each; inside_weights, outside_weights: count each, or NULL for 1;
 *           sigma, where INFINITY is plain L1; normalizer: 1 for a sum, max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; elementwise, grad_pred, grad_target: count each, or NULL.
 * Edges:    At d = 0 the gradient is 0. With count 0 loss is 0, whatever normalizer is.
 * Errors:   BAD_PARAMETER: sigma not positive, or so small that 1 / sigma^2 is infinite; normalizer
 *           as in boxgrad_iou_loss.
 * Accuracy: elementwise, grad_pred, grad_target 8 ulp; loss 32 eps (300 in f64). */
boxgrad_status boxgrad_smooth_l1_f32(
    const float *pred, const float *target, const float *BOXGRAD_OR_NULL inside_weights,
    const float *BOXGRAD_OR_NULL outside_weights, size_t count, double sigma, double normalizer,
    double *BOXGRAD_OR_NULL loss,
    float *BOXGRAD_OR_NULL elementwise, float *BOXGRAD_OR_NULL grad_pred,
    float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_smooth_l1_f64(
    const double *pred, const double *target, const double *BOXGRAD_OR_NULL inside_weights,
    const double *BOXGRAD_OR_NULL outside_weights, size_t count, double sigma, double normalizer,
    double *BOXGRAD_OR_NULL loss,
    double *BOXGRAD_OR_NULL elementwise, double *BOXGRAD_OR_NULL grad_pred,
    double *BOXGRAD_OR_NULL grad_target);

/* The balanced L1 loss, with its gradients, for which small differences count more than for smooth
 * L1:
 *     d           = inside * (pred - target),   b = exp(gamma / alpha) - 1
 *     l           = alpha ((|d| + 1 / b) log(1 + b |d| / beta) - |d|) where |d| < beta,
 *                   else gamma |d| + gamma / b - alpha beta
 *     elementwise = outside * l
 *     loss        = sum of elementwise / normalizer
 * The derivative of l by |d| is alpha (log(1 + b |d| / beta) + (1 - beta) / (b |d| + beta)), else
 * gamma. (Pang 2019; beta: mmdetection.)
 * Inputs:   as boxgrad_smooth_l1, but for sigma; alpha, gamma, beta: 0.5, 1.5 and 1 in the article.
 * Outputs:  as boxgrad_smooth_l1.
 * Edges:    At d = 0 the gradient is 0. With another beta than 1 the derivative jumps at d = 0 and
 *           at |d| = beta, where it is gamma. gamma / alpha counts as 700 if it is larger. With
 *           count 0 loss is 0, whatever normalizer is.
 * Errors:   BAD_PARAMETER: alpha, gamma, beta, or the inverse of one of them, is not a positive
 *           finite number; normalizer as in boxgrad_iou_loss.
 * Accuracy: loss 32 eps (300 in f64). (The terms of l are alpha |d| and its other summands. In f64
 *           this holds for gamma / alpha up to 8, because the quotient is rounded before exp is
 *           taken.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_balanced_l1_f32(
    const float *pred, const float *target, const float *BOXGRAD_OR_NULL inside_weights,
    const float *BOXGRAD_OR_NULL outside_weights, size_t count, double alpha, double gamma,
    double beta, double normalizer, double *BOXGRAD_OR_NULL loss,
    float *BOXGRAD_OR_NULL elementwise, float *BOXGRAD_OR_NULL grad_pred,
    float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_balanced_l1_f64(
    const double *pred, const double *target, const double *BOXGRAD_OR_NULL inside_weights,
    const double *BOXGRAD_OR_NULL outside_weights, size_t count, double alpha, double gamma,
    double beta, double normalizer, double *BOXGRAD_OR_NULL loss,
    double *BOXGRAD_OR_NULL elementwise, double *BOXGRAD_OR_NULL grad_pred,
    double *BOXGRAD_OR_NULL grad_target);

/* ---- Box deltas ---------------------------------------------------------------------------------
 * With centres x, y and sizes w, h; r is the proposal (anchor, or any reference box):
 *     dx = (x - x_r) / w_r,   dy = (y - y_r) / h_r,   dw = log(w / w_r),   dh = log(h / h_r),
 *     then (d - mean) / std
 * (Girshick 2014.) torchvision's BoxCoder weights are 1 / stds. */

/* What delta_encode does with a degenerate row: one in which the proposal's or the target's width
 * or height is not a positive finite number. */
#define BOXGRAD_DEGENERATE_ERROR     0 /* fail; boxgrad_last_error() names the first such row */
#define BOXGRAD_DEGENERATE_ZERO      1 /* write zeros: no loss and no gradient from this row */
#define BOXGRAD_DEGENERATE_PROPAGATE 2 /* write what the formula gives, inf or NaN */

/* Begin with BOXGRAD_DELTA_OPTIONS_INIT: zeros are not the defaults. A struct of zeros is refused,
 * because its size is 0. Both directions use means and stds. Only decoding uses the clamps and the
 * image, and only encoding uses on_degenerate. */
typedef struct {
    size_t size;                         /* sizeof(boxgrad_delta_options) of the caller */
    double means[4], stds[4];            /* finite; stds positive, and so 1 / stds */
    double log_ratio_min, log_ratio_max; /* clamp dw and dh; -INFINITY, INFINITY: no clamp */
    double image_width, image_height;    /* clip the corners to the image; negative: no clip */
    double center_clamp;                 /* clamps the centre's shift to +-it; INFINITY: no clamp */
    int32_t on_degenerate, reserved;     /* one of the three above; reserved: must be 0 */
} boxgrad_delta_options;

/* The defaults. An options pointer that is NULL means them, too. The upper ratio clamp is
 * log(1000 / 16), as in Detectron and torchvision. */
#define BOXGRAD_DELTA_OPTIONS_INIT \
    { sizeof(boxgrad_delta_options), {0, 0, 0, 0}, {1, 1, 1, 1}, \
      -INFINITY, 4.135166556742356, -1, -1, INFINITY, BOXGRAD_DEGENERATE_ERROR, 0 }

/* Every function of this section also fails with BAD_PARAMETER if a field of options is outside the
 * range given above (NaN always is; log_ratio_min <= log_ratio_max; center_clamp >= 0), or if
 * options->size is 0 or no multiple of sizeof(size_t). It fails with UNSUPPORTED if options->size
 * is larger than this version's struct. With a smaller size, the missing fields are defaults. */

/* deltas[i] = the deltas of targets[i] (ground truth) against proposals[i]. dx and dy are computed
 * from differences of corners, so that they keep their accuracy far from the origin.
 * Inputs:   options: one, or NULL for the defaults; proposals, targets: count rows each.
 * Outputs:  deltas: count x 4; degenerate: count bytes, or NULL, 1 for a degenerate row, else 0;
 *           degenerate_count: one number, or NULL, how many rows are degenerate.
 * Edges:    options->on_degenerate says what happens to a degenerate row.
 * Errors:   DEGENERATE_BOX: a row is degenerate and on_degenerate is ERROR. Nothing is written.
 * Accuracy: dw, dh 12 eps. (The terms of dw are the logarithm and the mean, over std, and in f64
 *           also 1 / std; in f32 sizes are subtracted in double.) */
boxgrad_status boxgrad_delta_encode_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count, float *deltas,
    uint8_t *BOXGRAD_OR_NULL degenerate, size_t *BOXGRAD_OR_NULL degenerate_count);
boxgrad_status boxgrad_delta_encode_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count, double *deltas,
    uint8_t *BOXGRAD_OR_NULL degenerate, size_t *BOXGRAD_OR_NULL degenerate_count);

/* The gradient of the same encoding.
 * Inputs:   as boxgrad_delta_encode; grad_deltas: count x 4.
 * Outputs:  grad_proposals, grad_targets: count x 4 each, or NULL.
 * Edges:    With on_degenerate ZERO a degenerate row has zero gradients.
 * Errors:   DEGENERATE_BOX: as boxgrad_delta_encode. */
boxgrad_status boxgrad_delta_encode_grad_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count, const float *grad_deltas,
    float *BOXGRAD_OR_NULL grad_proposals, float *BOXGRAD_OR_NULL grad_targets);
boxgrad_status boxgrad_delta_encode_grad_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count, const double *grad_deltas,
    double *BOXGRAD_OR_NULL grad_proposals, double *BOXGRAD_OR_NULL grad_targets);

/* The inverse, likewise for y and h:
 *     d = delta * std + mean,   x = x_r + clamp(dx * w_r),   w = exp(clamp(dw)) * w_r,
 *     then the corners are clipped to the image
 * A row of deltas and of boxes is groups x 4, one group per class.
 * Inputs:   options: one, or NULL for the defaults; proposals: count rows; deltas: count rows of
 *           groups x 4, deltas_stride being at least 4 * groups. groups 0 is like count 0.
 * Outputs:  boxes: count x groups x 4.
 * Edges:    A degenerate proposal is no error: the formula is followed. The product dw * std + mean
 *           is rounded before exp is taken, so the general accuracy holds where both its terms are
 *           at most 8 in size. */
boxgrad_status boxgrad_delta_decode_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, float *boxes);
boxgrad_status boxgrad_delta_decode_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups, double *boxes);

/* The gradient of the same decoding.
 * Inputs:   as boxgrad_delta_decode; grad_boxes: count x groups x 4.
 * Outputs:  grad_proposals: count x 4, or NULL, summed over the groups; grad_deltas: count x groups
 *           x 4, or NULL.
 * Edges:    Each clamp passes the gradient at its bounds and stops it beyond. */
boxgrad_status boxgrad_delta_decode_grad_f32(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const float *proposals,
    ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups,
    const float *grad_boxes, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_deltas);
boxgrad_status boxgrad_delta_decode_grad_f64(
    const boxgrad_delta_options *BOXGRAD_OR_NULL options, const double *proposals,
    ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count, size_t groups,
    const double *grad_boxes, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_deltas);

/* ---- Rotated deltas -----------------------------------------------------------------------------
 * Deltas of rotated boxes, for regression. Against a rotated proposal r, of a target x, y, w, h,
 * angle, five of them:
 *     u, v = x - x_r, y - y_r, with proj_xy along the first side of r and along the second
 *     turn = angle - angle_r, as a number, moved into the range
 *     with edge_swap, unless |turn| is less than |turn + 90 degrees, moved into the range|: the
 *         target's sides are exchanged, and turn is the other
 *     dx = u / w_r,   dy = v / h_r,   dw = log(w / w_r),   dh = log(h / h_r),
 *     da = turn in radians, / (norm_factor * pi) where that is not 0,   then (d - mean) / std
 * (Ma 2018. mmrotate's DeltaXYWHAOBBoxCoder, detectron2's Box2BoxTransformRotated.) Against an
 * upright proposal x1, y1, x2, y2, six of them, the midpoint offsets. With W, H the size of the
 * smallest upright box around the target, whose centre is the target's:
 *     dx = (x - x_r) / w_r,   dy = (y - y_r) / h_r,   dw = log(W / w_r),   dh = log(H / h_r),
 *     da = (x of the topmost corner - x) / W,   db = (y of the rightmost corner - y) / H,
 *     then (d - mean) / std
 * (Xie 2021, Oriented R-CNN.) Corners within corner_tolerance of the topmost one count as topmost,
 * and of these that with the largest x is taken; of the rightmost ones that with the largest y.
 * Moved into the range: whole turns away for TURN, half turns for LE90 and LE135, and for OC as it
 * is. (mmrotate's norm_angle.) No angle is moved in a midpoint's deltas. */

/* Begin with BOXGRAD_ROTATED_DELTA_OPTIONS_INIT: zeros are not the defaults. A coder ignores the
 * fields that it does not use, but every field must be in its range. All functions use means, stds
 * and, in decoding, log_ratio_min, log_ratio_max and range. Since 0.3.0. */
typedef struct {
    size_t size;                         /* sizeof(boxgrad_rotated_delta_options) of the caller */
    double means[6], stds[6];            /* finite; stds positive, and so 1 / stds */
    double log_ratio_min, log_ratio_max; /* rotated_decode, midpoint_decode: clamp dw and dh */
    double image_width, image_height;    /* rotated_decode: clips the centre; negative: no clip */
    double center_clamp;                 /* rotated_decode: clamps u and v to +-it; INFINITY: no */
    double norm_factor;                  /* rotated_*: 0, or positive and finite, and its inverse */
    double corner_tolerance;             /* midpoint_encode: in the unit of the boxes, at least 0 */
    int32_t range;                       /* one of BOXGRAD_RANGE_* */
    int32_t edge_swap, proj_xy;          /* rotated_*: 1 or 0 */
    int32_t on_degenerate;               /* encoding: one of BOXGRAD_DEGENERATE_* */
} boxgrad_rotated_delta_options;

/* The defaults, which for rotated_* are those of detectron2. An options pointer that is NULL means
 * them, too. The upper ratio clamp is log(1000 / 16). */
#define BOXGRAD_ROTATED_DELTA_OPTIONS_INIT /* Since 0.3.0. */ \
    { sizeof(boxgrad_rotated_delta_options), {0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1}, -INFINITY, \
      4.135166556742356, -1, -1, INFINITY, 0, 0.1, BOXGRAD_RANGE_TURN, 0, 0, \
      BOXGRAD_DEGENERATE_ERROR }

/* Every function of this section also fails with BAD_PARAMETER if angle is none of the four, or a
 * field of options is outside the range given above (log_ratio_min <= log_ratio_max; center_clamp
 * >= 0; NaN always is). options->size as in boxgrad_delta_encode. f32 is computed in double, with
 * options in double. */

/* deltas[i] = the five deltas of targets[i] against proposals[i].
 * Inputs:   options: one, or NULL for the defaults; angle: one of BOXGRAD_ANGLE_*, of both;
 *           proposals, targets: count rows of 5 each.
 * Outputs:  deltas: count x 5; degenerate: count bytes, or NULL, 1 for a degenerate row, else 0;
 *           degenerate_count: one number, or NULL, how many rows are degenerate.
 * Edges:    A row is degenerate if a side of the proposal or of the target is not a positive finite
 *           number. options->on_degenerate says what happens to it. Half a turn more is the same
 *           box, which a loss of da should know: see boxgrad_smooth_l1.
 * Errors:   DEGENERATE_BOX: a row is degenerate and on_degenerate is ERROR. Nothing is written.
 * Accuracy: deltas 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_encode_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count,
    float *deltas, uint8_t *BOXGRAD_OR_NULL degenerate,
    size_t *BOXGRAD_OR_NULL degenerate_count);
boxgrad_status boxgrad_rotated_encode_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count,
    double *deltas, uint8_t *BOXGRAD_OR_NULL degenerate,
    size_t *BOXGRAD_OR_NULL degenerate_count);

/* The gradient of the same encoding.
 * Inputs:   as boxgrad_rotated_encode; grad_deltas: count x 5.
 * Outputs:  grad_proposals, grad_targets: count x 5 each, or NULL.
 * Edges:    With on_degenerate ZERO a degenerate row has zero gradients. Where a turn jumps, and
 *           where edge_swap chooses between equals, it is the gradient of what was chosen.
 * Errors:   DEGENERATE_BOX: as boxgrad_rotated_encode.
 * Accuracy: grad_proposals, grad_targets 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_encode_grad_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count,
    const float *grad_deltas, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_targets);
boxgrad_status boxgrad_rotated_encode_grad_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count,
    const double *grad_deltas, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_targets);

/* The inverse:
 *     d     = delta * std + mean,   u = clamp(dx * w_r),   v = clamp(dy * h_r),
 *     x, y  = x_r + u, y_r + v, or with proj_xy u along the first side of r and v along the second,
 *             clipped to 0 ... image_width - 1 and 0 ... image_height - 1, or to 0
 *     w     = exp(clamp(dw)) * w_r,   h = exp(clamp(dh)) * h_r,
 *     angle = angle_r + da * norm_factor * pi in its unit, moved into the range;
 *     with edge_swap, unless w > h: sides are exchanged, and 90 degrees added before it is moved
 * Inputs:   options: one, or NULL for the defaults; angle: one of BOXGRAD_ANGLE_*, of proposals and
 *           boxes; proposals, deltas: count rows of 5 each.
 * Outputs:  boxes: count x 5.
 * Edges:    A degenerate proposal is no error: the formula is followed. What is in the range is not
 *           moved. In radians its bounds are those of the type.
 * Accuracy: boxes 8 eps (64 in f64). (Where both terms of dw * std + mean are at most 8 in size, as
 *           in boxgrad_delta_decode.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_decode_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count,
    float *boxes);
boxgrad_status boxgrad_rotated_decode_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count,
    double *boxes);

/* The gradient of the same decoding.
 * Inputs:   as boxgrad_rotated_decode; grad_boxes: count x 5.
 * Outputs:  grad_proposals, grad_deltas: count x 5 each, or NULL.
 * Edges:    Each clamp passes the gradient at its bounds and stops it beyond. Where an angle jumps
 *           or sides are exchanged, it is the gradient of the side on which the box is.
 * Accuracy: grad_proposals, grad_deltas 8 eps (64 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_decode_grad_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count,
    const float *grad_boxes, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_deltas);
boxgrad_status boxgrad_rotated_decode_grad_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count,
    const double *grad_boxes, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_deltas);

/* deltas[i] = the six deltas of targets[i] against the upright proposals[i].
 * Inputs:   options: one, or NULL for the defaults; angle: one of BOXGRAD_ANGLE_*, of targets;
 *           proposals: count rows of 4; targets: count rows of 5.
 * Outputs:  deltas: count x 6; degenerate, degenerate_count: as in boxgrad_rotated_encode.
 * Edges:    As in boxgrad_rotated_encode, with the width and the height of proposals.
 * Errors:   DEGENERATE_BOX: a row is degenerate and on_degenerate is ERROR. Nothing is written.
 * Accuracy: dx, dy, da, db, dw, dh 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_midpoint_encode_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count,
    float *deltas, uint8_t *BOXGRAD_OR_NULL degenerate,
    size_t *BOXGRAD_OR_NULL degenerate_count);
boxgrad_status boxgrad_midpoint_encode_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count,
    double *deltas, uint8_t *BOXGRAD_OR_NULL degenerate,
    size_t *BOXGRAD_OR_NULL degenerate_count);

/* The gradient of the same encoding.
 * Inputs:   as boxgrad_midpoint_encode; grad_deltas: count x 6.
 * Outputs:  grad_proposals: count x 4, or NULL; grad_targets: count x 5, or NULL.
 * Edges:    With on_degenerate ZERO a degenerate row has zero gradients. It is the gradient of the
 *           corners that were chosen. At right angles W and H have the mean of both sides'.
 * Errors:   DEGENERATE_BOX: as boxgrad_midpoint_encode.
 * Accuracy: grad_proposals, grad_targets 8 eps (16 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_midpoint_encode_grad_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *targets, ptrdiff_t targets_stride, size_t count,
    const float *grad_deltas, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_targets);
boxgrad_status boxgrad_midpoint_encode_grad_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *targets, ptrdiff_t targets_stride, size_t count,
    const double *grad_deltas, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_targets);

/* The inverse:
 *     d    = delta * std + mean,   x = x_r + dx * w_r,   y = y_r + dy * h_r,
 *     W    = exp(clamp(dw)) * w_r,   H = exp(clamp(dh)) * h_r,
 *     t, r = (clamp(da) W, -H / 2), (W / 2, clamp(db) H), from the centre, clamp being to +-0.5;
 *            the shorter of the two becomes as long as the other
 *     box  = the rectangle with the corners t, r, -t, -r: its first side is from t to r;
 *            then into the range, as boxgrad_rotated_regularize does, by exchanging sides
 * What was encoded gives the same rectangle.
 * Inputs:   options: one, or NULL for the defaults; angle: one of BOXGRAD_ANGLE_*, of boxes;
 *           proposals: count rows of 4; deltas: count rows of 6.
 * Outputs:  boxes: count x 5.
 * Edges:    A degenerate proposal is no error: the formula is followed.
 * Accuracy: boxes 16 eps (64 in f64). (Where both terms of dw * std + mean are at most 8 in size.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_midpoint_decode_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count,
    float *boxes);
boxgrad_status boxgrad_midpoint_decode_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count,
    double *boxes);

/* The gradient of the same decoding.
 * Inputs:   as boxgrad_midpoint_decode; grad_boxes: count x 5.
 * Outputs:  grad_proposals: count x 4, or NULL; grad_deltas: count x 6, or NULL.
 * Edges:    Each clamp passes the gradient at its bounds and stops it beyond. Of diagonals of equal
 *           length each has half of the gradient of the longer. A side of 0 has none.
 * Accuracy: grad_proposals, grad_deltas 16 eps (64 in f64).
 * Since:    0.3.0. */
boxgrad_status boxgrad_midpoint_decode_grad_f32(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const float *proposals, ptrdiff_t proposals_stride,
    const float *deltas, ptrdiff_t deltas_stride, size_t count,
    const float *grad_boxes, float *BOXGRAD_OR_NULL grad_proposals,
    float *BOXGRAD_OR_NULL grad_deltas);
boxgrad_status boxgrad_midpoint_decode_grad_f64(
    const boxgrad_rotated_delta_options *BOXGRAD_OR_NULL options, int32_t angle,
    const double *proposals, ptrdiff_t proposals_stride,
    const double *deltas, ptrdiff_t deltas_stride, size_t count,
    const double *grad_boxes, double *BOXGRAD_OR_NULL grad_proposals,
    double *BOXGRAD_OR_NULL grad_deltas);

/* ---- Box distances ------------------------------------------------------------------------------
 * A box as the distances of a point to its sides, on which FCOS is trained (Tian 2019). The ltrb
 * functions take the point (mmdetection's bbox2distance and distance2bbox). The linear functions
 * take a proposal: its centre is the point, and its sides are the units (torchvision's
 * BoxLinearCoder, mmdetection's TBLR). A detector without anchors that predicts distances in
 * strides, as YOLOv8 does, has as proposals the squares of a stride about the centres of its
 * cells. */

/* distances[i] = (x - x1, y - y1, x2 - x, y2 - y), of the point x, y and the box x1, y1, x2, y2:
 * how far the left, top, right and bottom side are.
 * Inputs:   points: count rows of 2; boxes: count rows.
 * Outputs:  distances: count x 4.
 * Edges:    The point is outside of the box where a distance is negative. Nothing is clamped.
 * Accuracy: distances 0.5 ulp.
 * Since:    0.2.0. */
boxgrad_status boxgrad_ltrb_encode_f32(
    const float *points, ptrdiff_t points_stride, const float *boxes, ptrdiff_t boxes_stride,
    size_t count, float *distances);
boxgrad_status boxgrad_ltrb_encode_f64(
    const double *points, ptrdiff_t points_stride, const double *boxes, ptrdiff_t boxes_stride,
    size_t count, double *distances);

/* The gradient of the same distances l, t, r, b. They are linear, so it needs no points or boxes:
 *     grad_points[i] = (grad_l - grad_r, grad_t - grad_b)
 *     grad_boxes[i]  = (-grad_l, -grad_t, grad_r, grad_b)
 * Inputs:   grad_distances: count x 4.
 * Outputs:  grad_points: count x 2, or NULL; grad_boxes: count x 4, or NULL.
 * Accuracy: grad_points 0.5 ulp; grad_boxes 0 ulp.
 * Since:    0.2.0. */
boxgrad_status boxgrad_ltrb_encode_grad_f32(
    size_t count, const float *grad_distances, float *BOXGRAD_OR_NULL grad_points,
    float *BOXGRAD_OR_NULL grad_boxes);
boxgrad_status boxgrad_ltrb_encode_grad_f64(
    size_t count, const double *grad_distances, double *BOXGRAD_OR_NULL grad_points,
    double *BOXGRAD_OR_NULL grad_boxes);

/* The inverse: boxes[i] = (x - l, y - t, x + r, y + b), of the point x, y and distances l, t, r, b.
 * Inputs:   points: count rows of 2; distances: count rows.
 * Outputs:  boxes: count x 4.
 * Edges:    A box is inverted where l + r or t + b is negative. Nothing is clamped.
 * Accuracy: boxes 0.5 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_ltrb_decode_f32(
    const float *points, ptrdiff_t points_stride, const float *distances,
    ptrdiff_t distances_stride, size_t count, float *boxes);
boxgrad_status boxgrad_ltrb_decode_f64(
    const double *points, ptrdiff_t points_stride, const double *distances,
    ptrdiff_t distances_stride, size_t count, double *boxes);

/* The gradient of the same boxes. They are linear, so it needs no points or distances:
 *     grad_points[i]    = (grad_x1 + grad_x2, grad_y1 + grad_y2)
 *     grad_distances[i] = (-grad_x1, -grad_y1, grad_x2, grad_y2)
 * Inputs:   grad_boxes: count x 4.
 * Outputs:  grad_points: count x 2, or NULL; grad_distances: count x 4, or NULL.
 * Accuracy: grad_points 0.5 ulp; grad_distances 0 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_ltrb_decode_grad_f32(
    size_t count, const float *grad_boxes, float *BOXGRAD_OR_NULL grad_points,
    float *BOXGRAD_OR_NULL grad_distances);
boxgrad_status boxgrad_ltrb_decode_grad_f64(
    size_t count, const double *grad_boxes, double *BOXGRAD_OR_NULL grad_points,
    double *BOXGRAD_OR_NULL grad_distances);

/* distances[i] = how far the sides of targets[i] are from the centre x_r, y_r of proposals[i], in
 * the proposal's widths and heights:
 *     ((x_r - x1) / w_r, (y_r - y1) / h_r, (x2 - x_r) / w_r, (y2 - y_r) / h_r)
 * They are computed from differences of corners, as boxgrad_delta_encode does it.
 * Inputs:   proposals, targets: count rows each.
 * Outputs:  distances: count x 4.
 * Edges:    A distance in a proposal's side of 0 is 0, with zero gradients.
 * Since:    0.3.0. */
boxgrad_status boxgrad_linear_encode_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *targets,
    ptrdiff_t targets_stride, size_t count, float *distances);
boxgrad_status boxgrad_linear_encode_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *targets,
    ptrdiff_t targets_stride, size_t count, double *distances);

/* The gradient of the same distances.
 * Inputs:   as boxgrad_linear_encode; grad_distances: count x 4.
 * Outputs:  grad_proposals, grad_targets: count x 4 each, or NULL.
 * Since:    0.3.0. */
boxgrad_status boxgrad_linear_encode_grad_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *targets,
    ptrdiff_t targets_stride, size_t count, const float *grad_distances,
    float *BOXGRAD_OR_NULL grad_proposals, float *BOXGRAD_OR_NULL grad_targets);
boxgrad_status boxgrad_linear_encode_grad_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *targets,
    ptrdiff_t targets_stride, size_t count, const double *grad_distances,
    double *BOXGRAD_OR_NULL grad_proposals, double *BOXGRAD_OR_NULL grad_targets);

/* The inverse, of the centre and the sides of proposals[i] and distances l, t, r, b:
 *     boxes[i] = (x_r - l * w_r, y_r - t * h_r, x_r + r * w_r, y_r + b * h_r)
 * Inputs:   proposals, distances: count rows each.
 * Outputs:  boxes: count x 4.
 * Edges:    A degenerate proposal is no error: the formula is followed. Nothing is clamped.
 * Since:    0.3.0. */
boxgrad_status boxgrad_linear_decode_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *distances,
    ptrdiff_t distances_stride, size_t count, float *boxes);
boxgrad_status boxgrad_linear_decode_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *distances,
    ptrdiff_t distances_stride, size_t count, double *boxes);

/* The gradient of the same boxes.
 * Inputs:   as boxgrad_linear_decode; grad_boxes: count x 4.
 * Outputs:  grad_proposals, grad_distances: count x 4 each, or NULL.
 * Since:    0.3.0. */
boxgrad_status boxgrad_linear_decode_grad_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *distances,
    ptrdiff_t distances_stride, size_t count, const float *grad_boxes,
    float *BOXGRAD_OR_NULL grad_proposals, float *BOXGRAD_OR_NULL grad_distances);
boxgrad_status boxgrad_linear_decode_grad_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *distances,
    ptrdiff_t distances_stride, size_t count, const double *grad_boxes,
    double *BOXGRAD_OR_NULL grad_proposals, double *BOXGRAD_OR_NULL grad_distances);

/* ---- YOLO boxes ---------------------------------------------------------------------------------
 * Boxes of a detector that has anchors in the cells of a grid, as YOLOv5 decodes them. YOLOv8
 * predicts distances: see above. */

/* boxes[i] = the box that deltas[i] = (tx, ty, tw, th) make of an anchor in a cell, likewise for y
 * and h:
 *     x = (2 s(tx) - 0.5 + cell) * stride,   w = (2 s(tw))^2 * w_r,   s(t) = 1 / (1 + exp(-t))
 * The proposal is the anchor about the centre of its cell, so that its centre is (cell + 0.5) *
 * stride, and w_r and h_r are its sides.
 * Inputs:   proposals, deltas: count rows each; cell_sizes: count, the stride of the grid that has
 *           the row's cell: a cell's side in the unit of the boxes.
 * Outputs:  boxes: count x 4, corners.
 * Edges:    A degenerate proposal is no error: the formula is followed.
 * Since:    0.3.0. */
boxgrad_status boxgrad_yolo_decode_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
    ptrdiff_t deltas_stride, const float *cell_sizes, size_t count, float *boxes);
boxgrad_status boxgrad_yolo_decode_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
    ptrdiff_t deltas_stride, const double *cell_sizes, size_t count, double *boxes);

/* The gradient of the same boxes. cell_sizes are constants.
 * Inputs:   as boxgrad_yolo_decode; grad_boxes: count x 4.
 * Outputs:  grad_proposals, grad_deltas: count x 4 each, or NULL.
 * Since:    0.3.0. */
boxgrad_status boxgrad_yolo_decode_grad_f32(
    const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
    ptrdiff_t deltas_stride, const float *cell_sizes, size_t count, const float *grad_boxes,
    float *BOXGRAD_OR_NULL grad_proposals, float *BOXGRAD_OR_NULL grad_deltas);
boxgrad_status boxgrad_yolo_decode_grad_f64(
    const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
    ptrdiff_t deltas_stride, const double *cell_sizes, size_t count, const double *grad_boxes,
    double *BOXGRAD_OR_NULL grad_proposals, double *BOXGRAD_OR_NULL grad_deltas);

/* ---- Box distributions --------------------------------------------------------------------------
 * A distance that is predicted as a distribution over the bins 0, 1, ... bins - 1: the softmax of
 * as many logits (Li 2020; YOLO from v8 on). A box has four such rows, one for each side, and the
 * distances are in units of the feature map. In this section
 *     S_k = exp(logits[k] - largest) / sum of exp(logits[j] - largest) over all bins j.
 * A logit of -inf is a bin with S = 0. A row in which one is +inf or NaN, or all are -inf, gives
 * NaN. */

/* The distribution focal loss, with its gradients: the cross entropy of both bins beside the
 * target.
 *     y       = clamp(target, 0, bins - 1.01),   i = floor(y)
 *     per_row = weights * -((i + 1 - y) log S_i + (y - i) log S_(i+1))
 *     loss    = sum of per_row / normalizer
 *     grad_logits of bin k: weights (S_k - the share of y that k has) / normalizer
 *     grad_target         : weights (logits[i] - logits[i + 1]) / normalizer
 * Inputs:   logits: count rows of bins; target: count; bins: at least 2; weights: count, or NULL
 *           for 1; normalizer: 1 for a sum, max(count, 1) for a mean.
 * Outputs:  loss: one double, or NULL; per_row: count, or NULL; grad_logits: count x bins, or NULL;
 *           grad_target: count, or NULL.
 * Edges:    The upper clamp is ultralytics'; both clamps pass the gradient at their bounds and stop
 *           it beyond. A target that is a whole number i has the derivative of i to i + 1. A bin of
 *           -inf makes the loss infinite if it has a share of y, and else counts for nothing.
 *           grad_target is then infinite, or NaN between two of them. With count 0 loss is 0,
 *           whatever normalizer is.
 * Errors:   BAD_PARAMETER: bins less than 2; normalizer as in boxgrad_iou_loss.
 * Accuracy: loss 32 eps (300 in f64). (The terms of per_row are 1, the logarithm of the sum, and
 *           each share times the difference of its logit from the largest.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_distribution_focal_f32(
    const float *logits, ptrdiff_t logits_stride, const float *target, size_t count, size_t bins,
    const float *BOXGRAD_OR_NULL weights, double normalizer, double *BOXGRAD_OR_NULL loss,
    float *BOXGRAD_OR_NULL per_row, float *BOXGRAD_OR_NULL grad_logits,
    float *BOXGRAD_OR_NULL grad_target);
boxgrad_status boxgrad_distribution_focal_f64(
    const double *logits, ptrdiff_t logits_stride, const double *target, size_t count, size_t bins,
    const double *BOXGRAD_OR_NULL weights, double normalizer, double *BOXGRAD_OR_NULL loss,
    double *BOXGRAD_OR_NULL per_row, double *BOXGRAD_OR_NULL grad_logits,
    double *BOXGRAD_OR_NULL grad_target);

/* The mean of the distribution: out[i] = sum of k * S_k.
 * Inputs:   logits: count rows of bins; bins: at least 2.
 * Outputs:  out: count.
 * Edges:    One of the terms of the general accuracy is 1.
 * Errors:   BAD_PARAMETER: bins less than 2.
 * Since:    0.3.0. */
boxgrad_status boxgrad_distribution_decode_f32(
    const float *logits, ptrdiff_t logits_stride, size_t count, size_t bins, float *out);
boxgrad_status boxgrad_distribution_decode_f64(
    const double *logits, ptrdiff_t logits_stride, size_t count, size_t bins, double *out);

/* The gradient of the same mean: grad_logits of bin k = grad_out * S_k * (k - out).
 * Inputs:   as boxgrad_distribution_decode; grad_out: count.
 * Outputs:  grad_logits: count x bins.
 * Edges:    A difference of two logits is rounded before exp is taken, so in f64 the general
 *           accuracy holds where the logits of a row differ by at most 16.
 * Errors:   BAD_PARAMETER: bins less than 2.
 * Since:    0.3.0. */
boxgrad_status boxgrad_distribution_decode_grad_f32(
    const float *logits, ptrdiff_t logits_stride, size_t count, size_t bins,
    const float *grad_out, float *grad_logits);
boxgrad_status boxgrad_distribution_decode_grad_f64(
    const double *logits, ptrdiff_t logits_stride, size_t count, size_t bins,
    const double *grad_out, double *grad_logits);

/* ---- Regions ------------------------------------------------------------------------------------
 * What a box covers of a feature map, as a map of out_height x out_width bins for each channel. A
 * bin is the mean of the features at some positions in it. Between pixels features are bilinear:
 * pixel k of a row or column is at position k. Rows and columns are independent, so that
 *     out[c] = Wy F[c] Wx^T,
 * where F[c] is a channel of the box's image, and each row of Wy and Wx has a few weights that
 * depend on the box. So there is a gradient with respect to the box, too.
 * Positions and weights are computed in double, also for float. */

#define BOXGRAD_NCHW 0 /* images, channels, height, width; out: count, channels, ... Since 0.3.0. */
#define BOXGRAD_NHWC 1 /* channels are last in features and in out. Since 0.3.0. */

/* Begin with BOXGRAD_ROI_OPTIONS_INIT: zeros are not the defaults. Since 0.3.0. */
typedef struct {
    size_t size;            /* sizeof(boxgrad_roi_options) of the caller */
    double spatial_scale;   /* a pixel of the image in pixels of the features; positive, finite */
    int32_t layout;         /* BOXGRAD_NCHW or BOXGRAD_NHWC, of features and of bins */
    int32_t sampling_ratio; /* roi_align: samples of a bin along an axis, at most 1024; 0 or less:
                             * as many as a bin has pixels along it, rounded up */
    int32_t aligned;        /* roi_align: 0 or 1; 1: half a pixel is subtracted from positions */
    int32_t reserved;       /* 0 */
} boxgrad_roi_options;

/* The defaults. An options pointer that is NULL means them, too. */
#define BOXGRAD_ROI_OPTIONS_INIT /* Since 0.3.0. */ \
    { sizeof(boxgrad_roi_options), 1, BOXGRAD_NCHW, 0, 0, 0 }

/* RoIAlign (He 2017): a bin is the mean of n x m samples, as torchvision.ops.roi_align computes it.
 * Along an axis, a box from lo to hi (times spatial_scale, minus 1/2 if aligned) has samples at
 *     lo + (bin + (k + 1/2) / n) * (hi - lo) / bins, k = 0 ... n - 1.
 * A sample below -1 or above the size counts as 0; others beyond the pixels are moved to the next.
 * Without aligned, a length below 1 counts as 1.
 * Inputs:   options: one, or NULL for the defaults; features: images x channels x height x width;
 *           boxes: count rows; indices: count, the image of each box, or NULL for image 0.
 * Outputs:  out: count x channels x out_height x out_width.
 * Edges:    Where a pixel is infinite or NaN, so are the bins that have a sample between it and a
 *           neighbour, even with weight 0. A box whose ends are exchanged has its samples in
 *           reverse; with a sampling_ratio of 0 it has none, as a box of length 0, and its bins are
 *           0. Of a box that is far larger than the features, only the samples among them take
 *           time.
 * Errors:   BAD_PARAMETER: height, width, out_height or out_width is 0; a field of options is
 *           outside its range; an index is below 0, or is not below images. NONFINITE: a box is not
 *           finite, or is not after the multiplication by spatial_scale. OUT_OF_MEMORY.
 *           options->size as in boxgrad_delta_encode.
 *           A call allocates, for each thread, for up to 512 boxes at a time: 512 bytes a box, and
 *           their weights, which take 1 MB, or what those of one box take if that is more (32 bytes
 *           times height + width + 3 * (out_height + out_width)); then 8 * height + 16 * out_height
 *           numbers, and in NCHW also 144 * width + 272 * out_width.
 * Accuracy: out 4 eps. It is relative to the sum of the magnitudes of a bin's terms, and, because
 *           positions are rounded in double, to the box's position times a feature.
 * Since:    0.3.0. */
boxgrad_status boxgrad_roi_align_f32(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const float *features,
    size_t images, size_t channels, size_t height, size_t width,
    const float *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, float *out);
boxgrad_status boxgrad_roi_align_f64(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const double *features,
    size_t images, size_t channels, size_t height, size_t width,
    const double *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, double *out);

/* The gradient of roi_align.
 * Inputs:   as boxgrad_roi_align; grad_out: count x channels x out_height x out_width.
 * Outputs:  grad_features: as features, or NULL; grad_boxes: count x 4, or NULL.
 * Edges:    At the kinks, where a sample is on a pixel, the slope of the side towards larger
 *           positions; a sample that was moved, or counts as 0, has no slope. A length that counts
 *           as 1 moves with its lower end. The number of samples is constant.
 * Errors:   as above.
 * Accuracy: grad_features, grad_boxes 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_roi_align_grad_f32(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const float *features,
    size_t images, size_t channels, size_t height, size_t width,
    const float *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, const float *grad_out,
    float *BOXGRAD_OR_NULL grad_features, float *BOXGRAD_OR_NULL grad_boxes);
boxgrad_status boxgrad_roi_align_grad_f64(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const double *features,
    size_t images, size_t channels, size_t height, size_t width,
    const double *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, const double *grad_out,
    double *BOXGRAD_OR_NULL grad_features, double *BOXGRAD_OR_NULL grad_boxes);

/* Precise RoI pooling (Jiang 2018): a bin is the mean of the features over all of its positions, an
 * integral. It is continuous in the box, and has no number of samples. Beyond the pixels features
 * fall to 0 within one pixel. options->sampling_ratio and options->aligned are ignored.
 * Inputs:   as boxgrad_roi_align.
 * Outputs:  out: count x channels x out_height x out_width.
 * Edges:    A box of length 0, or with its ends exchanged, has bins of 0. Where a pixel is infinite
 *           or NaN, so are the bins that have a position within one pixel of it.
 * Errors:   as in roi_align.
 * Accuracy: out 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_roi_pool_precise_f32(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const float *features,
    size_t images, size_t channels, size_t height, size_t width,
    const float *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, float *out);
boxgrad_status boxgrad_roi_pool_precise_f64(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const double *features,
    size_t images, size_t channels, size_t height, size_t width,
    const double *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, double *out);

/* The gradient of roi_pool_precise. It has no kinks but where a box has no length, where the slope
 * is 0.
 * Inputs:   as boxgrad_roi_align_grad.
 * Outputs:  as boxgrad_roi_align_grad.
 * Errors:   as in roi_align.
 * Accuracy: grad_features, grad_boxes 4 eps.
 * Since:    0.3.0. */
boxgrad_status boxgrad_roi_pool_precise_grad_f32(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const float *features,
    size_t images, size_t channels, size_t height, size_t width,
    const float *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, const float *grad_out,
    float *BOXGRAD_OR_NULL grad_features, float *BOXGRAD_OR_NULL grad_boxes);
boxgrad_status boxgrad_roi_pool_precise_grad_f64(
    const boxgrad_roi_options *BOXGRAD_OR_NULL options, const double *features,
    size_t images, size_t channels, size_t height, size_t width,
    const double *boxes, ptrdiff_t boxes_stride, const int64_t *BOXGRAD_OR_NULL indices,
    size_t count, size_t out_height, size_t out_width, const double *grad_out,
    double *BOXGRAD_OR_NULL grad_features, double *BOXGRAD_OR_NULL grad_boxes);

/* ---- Suppress, match, sample --------------------------------------------------------------------
 * What a detector does to its proposals between decoding and the loss. After torchvision.ops.nms
 * and batched_nms, and torchvision.models.detection's Matcher and BalancedPositiveNegativeSampler.
 * These functions have no gradient. */

/* Non-maximum suppression. It takes boxes by descending scores, equal ones by ascending index, and
 * drops each box whose IoU with one that it kept is greater than iou_threshold. Boxes of different
 * classes never drop each other. The IoU is boxgrad_iou_pairwise's, bit for bit, and it is compared
 * in the boxes' type. The time grows with count * log(count) as long as few boxes touch many
 * others.
 * Inputs:   boxes: count rows; scores: count, packed; classes: count ids of any value, or NULL if
 *           all boxes are of one class; score_threshold: only boxes with a greater score count,
 *           -INFINITY for all; max_keep: how many to keep at most, SIZE_MAX for all.
 * Outputs:  keep: the indices of the kept boxes by descending score, room for min(max_keep, count);
 *           keep_count: one number, how many were kept.
 * Edges:    Boxes without area overlap nothing. A box with a NaN coordinate or score is neither
 *           kept nor drops another.
 * Errors:   BAD_PARAMETER: iou_threshold negative or NaN, score_threshold NaN. OUT_OF_MEMORY: it
 *           needs scratch, 72 bytes a box in f32, 104 in f64, and at most 43 KB more. */
boxgrad_status boxgrad_nms_f32(
    const float *boxes, size_t count, ptrdiff_t stride, const float *scores,
    const int64_t *BOXGRAD_OR_NULL classes,
    double iou_threshold, double score_threshold, size_t max_keep,
    size_t *keep, size_t *keep_count);
boxgrad_status boxgrad_nms_f64(
    const double *boxes, size_t count, ptrdiff_t stride, const double *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double score_threshold,
    size_t max_keep,
    size_t *keep, size_t *keep_count);

/* What boxgrad_soft_nms multiplies a score by. */
#define BOXGRAD_SOFT_LINEAR   0 /* 1 - IoU where IoU > iou_threshold, else 1 */
#define BOXGRAD_SOFT_GAUSSIAN 1 /* exp(-IoU^2 / sigma) */

/* Soft-NMS (Bodla 2017). It is like boxgrad_nms, but a kept box lowers the scores of the other
 * boxes of its class by the factor above instead of dropping them. Then the box with the highest
 * score is next, the first of equals, as long as a score is greater than score_threshold. The time
 * grows with the square of the number of boxes in a class.
 * Inputs:   as boxgrad_nms; decay; sigma. max_keep also limits each class.
 * Outputs:  keep, keep_count: as in boxgrad_nms, by descending lowered score, equal ones by index;
 *           keep_scores: the lowered scores of the kept boxes, room as for keep.
 * Edges:    As boxgrad_nms. A score of -INFINITY is never kept.
 * Errors:   As boxgrad_nms. BAD_PARAMETER: also decay is none of the two, or sigma or 1 / sigma is
 *           not a positive finite number.
 * Accuracy: keep_scores 8 eps. (Of the given score, for each box that lowered it.) */
boxgrad_status boxgrad_soft_nms_f32(
    int32_t decay, const float *boxes, size_t count, ptrdiff_t stride, const float *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double sigma,
    double score_threshold,
    size_t max_keep, size_t *keep, float *keep_scores, size_t *keep_count);
boxgrad_status boxgrad_soft_nms_f64(
    int32_t decay, const double *boxes, size_t count, ptrdiff_t stride, const double *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double sigma,
    double score_threshold,
    size_t max_keep, size_t *keep, double *keep_scores, size_t *keep_count);

/* boxgrad_nms of rotated boxes. The IoU is boxgrad_rotated_iou_pairwise's of the box (a) and the
 * one that was kept (b), bit for bit. Boxes whose upright bounds are apart are not compared.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; boxes: count rows of 5; the rest as boxgrad_nms.
 * Outputs:  as boxgrad_nms.
 * Edges:    A negative side counts as 0. Boxes without area overlap nothing. A box with a number or
 *           a score that is NaN, or with an infinite number, is neither kept nor drops another.
 * Errors:   As boxgrad_nms. BAD_PARAMETER: also angle is none of the four. It needs scratch, 88
 *           bytes a box in f32, 120 in f64, and at most 50 KB more.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_nms_f32(
    int32_t angle, const float *boxes, size_t count, ptrdiff_t stride, const float *scores,
    const int64_t *BOXGRAD_OR_NULL classes,
    double iou_threshold, double score_threshold, size_t max_keep,
    size_t *keep, size_t *keep_count);
boxgrad_status boxgrad_rotated_nms_f64(
    int32_t angle, const double *boxes, size_t count, ptrdiff_t stride, const double *scores,
    const int64_t *BOXGRAD_OR_NULL classes, double iou_threshold, double score_threshold,
    size_t max_keep,
    size_t *keep, size_t *keep_count);

/* boxgrad_soft_nms of rotated boxes. The IoU is boxgrad_rotated_iou_pairwise's of the box that was
 * kept (a) and the other (b), bit for bit.
 * Inputs:   angle: one of BOXGRAD_ANGLE_*; boxes: count rows of 5; the rest as boxgrad_soft_nms.
 * Outputs:  as boxgrad_soft_nms.
 * Edges:    As boxgrad_rotated_nms and boxgrad_soft_nms.
 * Errors:   As boxgrad_rotated_nms and boxgrad_soft_nms.
 * Accuracy: keep_scores 8 eps. (Of the given score, for each box that lowered it, with the IoU that
 *           boxgrad_rotated_iou_pairwise gives.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_soft_nms_f32(
    int32_t decay, int32_t angle, const float *boxes, size_t count, ptrdiff_t stride,
    const float *scores, const int64_t *BOXGRAD_OR_NULL classes,
    double iou_threshold, double sigma, double score_threshold,
    size_t max_keep, size_t *keep, float *keep_scores, size_t *keep_count);
boxgrad_status boxgrad_rotated_soft_nms_f64(
    int32_t decay, int32_t angle, const double *boxes, size_t count, ptrdiff_t stride,
    const double *scores, const int64_t *BOXGRAD_OR_NULL classes,
    double iou_threshold, double sigma, double score_threshold,
    size_t max_keep, size_t *keep, double *keep_scores, size_t *keep_count);

#define BOXGRAD_MATCH_BELOW   -1 /* no truth, or the best overlap is less than low_threshold */
#define BOXGRAD_MATCH_BETWEEN -2 /* it is not, but less than high_threshold */

/* matches[i] = the truth (ground-truth box) that proposal i overlaps most, or one of the codes
 * above. Of truths that it overlaps equally, the first is taken. The overlap is
 * boxgrad_iou_pairwise's of proposals (a) and truths (b), bit for bit: IoF is the intersection over
 * the proposal's area. The matrix of overlaps is not stored.
 * With low_quality 1 or 2, every truth also looks for its own best proposals: those whose overlap
 * with this truth is the largest of all proposals, and greater than 0. It forces their match,
 * whatever the thresholds say. A forced proposal is matched
 *     1: with the truth that it overlaps most itself, which may be another one, so that the truth
 *        that forced it may be left alone (torchvision's Matcher);
 *     2: with the truth that forced it, also if its overlap with another truth is greater or above
 *        high_threshold. If several truths force it, it goes to the last of them, the one with the
 *        greatest index (mmdetection's MaxIoUAssigner with gt_max_assign_all). Then a truth is left
 *        alone only if nothing overlaps it, or later truths force all of its best proposals. (The
 *        matchers of TensorFlow's object detection and of Keras force one proposal for each truth,
 *        the first of its best, and give it to the first truth that forces it. They give the same
 *        where no truth has two best proposals and no two truths force the same.) Since 0.3.0.
 * Inputs:   metric, eps: as boxgrad_iou_pairwise; proposals: proposals_count rows; truths:
 *           truths_count rows; low_threshold, high_threshold; low_quality: 0, 1 or 2.
 * Outputs:  matches: proposals_count, or NULL; overlaps: proposals_count, or NULL, overlaps[i]
 *           being the overlap of proposal i with the truth that it overlaps most, which may not be
 *           the truth that forced it, and 0 if there is no truth.
 * Edges:    An overlap that is NaN counts nowhere.
 * Errors:   BAD_PARAMETER: metric; eps; a threshold is NaN; low_threshold > high_threshold;
 *           low_quality is none of the three. OUT_OF_MEMORY: it needs scratch, for each thread at
 *           most 140 KB in f32, 270 KB in f64, and 56 or 88 bytes a truth. */
boxgrad_status boxgrad_match_f32(
    int32_t metric, const float *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const float *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches,
    float *BOXGRAD_OR_NULL overlaps);
boxgrad_status boxgrad_match_f64(
    int32_t metric, const double *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const double *truths, size_t truths_count, ptrdiff_t truths_stride, double eps,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches,
    double *BOXGRAD_OR_NULL overlaps);

/* boxgrad_match of rotated boxes. The overlap is IoU, or IoF: the intersection over the proposal's
 * area. The IoU is boxgrad_rotated_iou_pairwise's of truths (a) and proposals (b), bit for bit.
 * Inputs:   metric: BOXGRAD_IOU or BOXGRAD_IOF; angle: one of BOXGRAD_ANGLE_*; proposals, truths:
 *           rows of 5; the rest as boxgrad_match, which has eps for other metrics.
 * Outputs:  as boxgrad_match.
 * Edges:    A negative side counts as 0. An overlap that is NaN, as that of a box with a number
 *           that is not finite, counts nowhere. Where a proposal is within several truths, rounding
 *           decides which IoF of 1 is the greatest.
 * Errors:   BAD_PARAMETER: metric is neither of the two; angle is none of the four; thresholds and
 *           low_quality as in boxgrad_match. OUT_OF_MEMORY: it needs scratch, for each thread at
 *           most 200 KB in f32, 320 KB in f64, and 56 or 88 bytes a truth.
 * Since:    0.3.0. */
boxgrad_status boxgrad_rotated_match_f32(
    int32_t metric, int32_t angle, const float *proposals, size_t proposals_count,
    ptrdiff_t proposals_stride, const float *truths, size_t truths_count, ptrdiff_t truths_stride,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches,
    float *BOXGRAD_OR_NULL overlaps);
boxgrad_status boxgrad_rotated_match_f64(
    int32_t metric, int32_t angle, const double *proposals, size_t proposals_count,
    ptrdiff_t proposals_stride, const double *truths, size_t truths_count, ptrdiff_t truths_stride,
    double low_threshold, double high_threshold, int32_t low_quality,
    int64_t *BOXGRAD_OR_NULL matches,
    double *BOXGRAD_OR_NULL overlaps);

#define BOXGRAD_MATCH_IGNORED -3 /* Since 0.3.0. boxgrad_match_ignore writes it. */

/* What the intersection of a proposal and an ignored box is divided by. */
#define BOXGRAD_SHARE_OF_PROPOSAL 0 /* Since 0.3.0. The proposal's area. */
#define BOXGRAD_SHARE_OF_IGNORED  1 /* Since 0.3.0. The ignored box's area. */

/* Which matches may become BOXGRAD_MATCH_IGNORED. */
#define BOXGRAD_IGNORE_UNMATCHED 0 /* Since 0.3.0. Those below 0, so that no truth loses a match. */
#define BOXGRAD_IGNORE_ALL       1 /* Since 0.3.0. Those of truths, too. */

/* Some ground truth, such as crowds, is to be ignored: the proposals that it covers shall be
 * neither positive nor negative. out[i] is BOXGRAD_MATCH_IGNORED if `which` allows it for
 * matches[i], and the share of proposal i with some ignored box is greater than threshold.
 * Otherwise it is matches[i]. A share is IoF, bit for bit that of boxgrad_iou_pairwise, with the
 * sides exchanged for SHARE_OF_IGNORED. It is compared in the boxes' type.
 * With IGNORE_UNMATCHED and SHARE_OF_PROPOSAL this is how COCO's evaluation treats detections that
 * only a crowd covers (it also takes a share that equals the threshold). With IGNORE_ALL it is
 * mmdetection's MaxIoUAssigner with ignore_iof_thr, and SHARE_OF_PROPOSAL is its
 * ignore_wrt_candidates, if boxgrad_match had low_quality 0. With low_quality there, an ignored
 * proposal is no truth's best proposal. For this, call boxgrad_match_ignore first, with matches
 * that are all 0. Then call boxgrad_match with NaN in the rows of the ignored proposals.
 * Inputs:   share: one of the two above; proposals: proposals_count rows; ignored: ignored_count
 *           rows; threshold; which: one of the two above; matches: proposals_count.
 * Outputs:  out: proposals_count. It may be matches (in place).
 * Edges:    A share without a denominator is 0. One that is NaN counts nowhere.
 * Errors:   BAD_PARAMETER: share or which is none of its two; threshold is negative or NaN.
 * Since:    0.3.0. */
boxgrad_status boxgrad_match_ignore_f32(
    int32_t share, const float *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const float *ignored, size_t ignored_count, ptrdiff_t ignored_stride, double threshold,
    int32_t which, const int64_t *matches, int64_t *out);
boxgrad_status boxgrad_match_ignore_f64(
    int32_t share, const double *proposals, size_t proposals_count, ptrdiff_t proposals_stride,
    const double *ignored, size_t ignored_count, ptrdiff_t ignored_stride, double threshold,
    int32_t which, const int64_t *matches, int64_t *out);

/* Draws a batch from proposals. A label greater than `negative` is a positive, an equal one a
 * negative, and a lesser one is left out. So `negative` is 0 for classes, and BOXGRAD_MATCH_BELOW
 * for boxgrad_match's matches (BETWEEN and IGNORED are left out). If there are P positives and N
 * negatives, it draws
 *     positive_count = min(P, floor(positive_fraction * wanted))
 *     negative_count = min(N, wanted - positive_count)
 * of them. Every choice of so many is equally likely. Random numbers are SplitMix64's, begun with
 * seed: the same batch everywhere.
 * Inputs:   labels: count; negative; wanted, where SIZE_MAX means all: every positive, if
 *           positive_fraction is not 0, and every negative; positive_fraction; seed.
 * Outputs:  indices: the positives, then the negatives, each in ascending order, room for
 *           min(wanted, count); positive_count, negative_count: one number each.
 * Errors:   BAD_PARAMETER: positive_fraction not from 0 to 1. */
boxgrad_status boxgrad_sample(
    const int64_t *labels, size_t count, int64_t negative, size_t wanted, double positive_fraction,
    uint64_t seed, size_t *indices, size_t *positive_count, size_t *negative_count);

/* As boxgrad_sample, with a bound on the negatives for each positive (mmdetection's neg_pos_ub):
 *     positive_count = min(P, floor(positive_fraction * wanted))
 *     negative_count = min(N, wanted - positive_count,
 *                          floor(negatives_per_positive * max(positive_count, 1)))
 * All positives, and three negatives for each: wanted SIZE_MAX, 1, 3. With INFINITY it draws what
 * boxgrad_sample draws.
 * Inputs:   labels: count; negative, wanted, positive_fraction, seed: as boxgrad_sample;
 *           negatives_per_positive.
 * Outputs:  indices, positive_count, negative_count: as boxgrad_sample.
 * Errors:   BAD_PARAMETER: positive_fraction not from 0 to 1; negatives_per_positive negative or
 *           NaN.
 * Since:    0.3.0. */
boxgrad_status boxgrad_sample_ratio(
    const int64_t *labels, size_t count, int64_t negative, size_t wanted, double positive_fraction,
    double negatives_per_positive, uint64_t seed, size_t *indices, size_t *positive_count,
    size_t *negative_count);

/* ---- Gradient clipping --------------------------------------------------------------------------
 * After torch.nn.utils: get_total_norm, clip_grad_norm_, clip_grads_with_norm_, clip_grad_value_;
 * and after optax: clipping of each tensor, and of each unit of it, by itself;
 * over any number of tensors of mixed dtypes. Norms of f32, f16 and bf16 for p = 1, 2 and INFINITY
 * are exact and rounded once, to nearest. Of a unit (see boxgrad_parameter), of f64 and for other p
 * they are accumulated in double in a fixed order, and rescaled where double would overflow or
 * underflow. Values are scaled in double and rounded once. tensors may be NULL in every function
 * below if n is 0. */

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

/* total = (sum of |x|^p)^(1/p) over all elements of all tensors; the largest |x| for p = INFINITY.
 * Inputs:   tensors: n; p. A p other than 1, 2 and INFINITY costs a power per element.
 * Outputs:  total: one double, or NULL; per_tensor: n norms, or NULL; first_nonfinite: one number,
 *           or NULL, the index of the first tensor that holds an infinity or a NaN, SIZE_MAX if
 *           none.
 * Edges:    No elements have the norm 0. NaN anywhere makes the norm NaN, else infinity makes it
 *           infinite. If there are elements of f64, total is the norm of the tensors' norms.
 * Errors:   BAD_PARAMETER: p not positive (or so small that 1 / p is infinite).
 * Accuracy: norms for p = 1, 2, inf 0.5 ulp (450 in f64); norms for other p from 0.1 to 100 1e-11
 *           relative. (boxgrad_exact_norm_add is exact in f64, too.) */
boxgrad_status boxgrad_grad_norm(
    const boxgrad_tensor *tensors, size_t n, double p, double *BOXGRAD_OR_NULL total,
    double *BOXGRAD_OR_NULL per_tensor,
    size_t *BOXGRAD_OR_NULL first_nonfinite);

/* Norms of parts (tensors, shards, machines) to the norm of the whole: (sum of norms^p)^(1/p).
 * Inputs:   norms: n; p.
 * Outputs:  total: one double.
 * Errors:   BAD_PARAMETER: p not positive (or so small that 1 / p is infinite).
 * Accuracy: norms for p = 1, 2, inf 1e-13 relative; norms for other p from 0.1 to 100 1e-11
 *           relative. */
boxgrad_status boxgrad_grad_norm_combine(const double *norms, size_t n, double p, double *total);

/* Multiplies every element by coefficient, in place.
 * Inputs:   tensors: n; coefficient.
 * Errors:   BAD_PARAMETER: coefficient not finite.
 * Accuracy: elements 0.51 ulp (0.5 in f64). */
boxgrad_status boxgrad_grad_scale(const boxgrad_tensor *tensors, size_t n, double coefficient);

/* What clip_grad_norm does when the total norm is infinite or NaN.
 * PROPAGATE: as torch: a NaN total makes every gradient NaN; an infinite one makes finite gradients
 *            0 and infinite ones NaN.
 * ERROR:     it fails with NONFINITE and changes nothing; boxgrad_last_error() names the tensor and
 *            the element.
 * SKIP:      it succeeds and changes nothing; total tells.
 * ZERO:      every gradient becomes 0. */
#define BOXGRAD_NONFINITE_PROPAGATE 0
#define BOXGRAD_NONFINITE_ERROR     1
#define BOXGRAD_NONFINITE_SKIP      2
#define BOXGRAD_NONFINITE_ZERO      3

/* Multiplies every element by max_norm / (total + eps) in place, unless that is >= 1: then nothing
 * is written.
 * Inputs:   tensors: n; max_norm, where INFINITY only measures; p: as boxgrad_grad_norm; eps:
 *           torch's is 1e-6; on_nonfinite: one of the four above.
 * Outputs:  total: one double, or NULL, the norm before clipping.
 * Errors:   BAD_PARAMETER: max_norm or eps negative or NaN, eps infinite; p not positive;
 *           on_nonfinite is none of the four. NONFINITE: see above.
 * Accuracy: elements 0.51 ulp (1000 in f64). (In f64 the norm's own error shows, some ulp.) */
boxgrad_status boxgrad_clip_grad_norm(
    const boxgrad_tensor *tensors, size_t n, double max_norm, double p, double eps,
    int32_t on_nonfinite, double *BOXGRAD_OR_NULL total);

/* Clamps every element to [-limit, limit] in place.
 * Inputs:   tensors: n; limit.
 * Edges:    NaN stays NaN.
 * Errors:   BAD_PARAMETER: limit negative or NaN.
 * Accuracy: elements 0.5 ulp. */
boxgrad_status boxgrad_clip_grad_value(const boxgrad_tensor *tensors, size_t n, double limit);

/* Clips each tensor by itself: multiplies its elements by max_rms / rms in place, if rms > max_rms.
 * The rms of a tensor of k elements is sqrt(sum of x^2 / k), and 0 for none. (optax's
 * clip_by_block_rms; Adafactor's clipping of updates, Shazeer 2018.)
 * Inputs:   tensors: n; max_rms, where INFINITY only measures; on_nonfinite: as
 *           boxgrad_clip_grad_norm, of each tensor by itself: those whose rms is finite are clipped
 *           in any mode but ERROR.
 * Outputs:  rms: n numbers, or NULL, from before clipping.
 * Errors:   BAD_PARAMETER: max_rms negative or NaN; on_nonfinite is none of the four. NONFINITE: as
 *           boxgrad_clip_grad_norm.
 * Accuracy: rms 1e-13 relative; elements 0.51 ulp (1000 in f64). (In f64 the norm's own error
 *           shows, some ulp.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_clip_grad_rms(
    const boxgrad_tensor *tensors, size_t n, double max_rms, int32_t on_nonfinite,
    double *BOXGRAD_OR_NULL rms);

/* A gradient, its parameter (as many elements, of any dtype), and their units, whose norms are
 * compared. A unit has unit_size elements that are unit_stride apart, where 0 stands for all
 * elements, and for 1. unit_size * unit_stride divides the count. In torch's layout, outputs first,
 * unit_size is the count divided by the outputs. In JAX's layout, outputs last, it is the same, and
 * unit_stride is the number of outputs. Since 0.3.0. */
typedef struct {
    boxgrad_tensor grad;
    boxgrad_tensor param;
    size_t unit_size;
    size_t unit_stride;
} boxgrad_parameter;

/* Adaptive gradient clipping (Brock 2021): multiplies each unit of a gradient by
 *     clip_factor * max(norm of the parameter's unit, eps) / max(norm of the gradient's unit, 1e-6)
 * in place, if the norm of the gradient's unit is not less than the numerator.
 * Inputs:   parameters: n, whose gradients do not overlap; clip_factor: 0.01 is usual; eps: 1e-3 is
 *           usual; p: as boxgrad_grad_norm, 2 is usual; on_nonfinite: as boxgrad_clip_grad_norm, of
 *           each unit by itself, if its norm or that of its parameter is not finite: the other
 *           units are clipped in any mode but ERROR, and PROPAGATE follows the formula.
 * Outputs:  clipped: one number, or NULL, of units that were changed.
 * Errors:   BAD_PARAMETER: clip_factor or eps negative, infinite or NaN; p not positive;
 *           on_nonfinite is none of the four; a parameter with another count than its gradient, or
 *           whose units do not divide it. NONFINITE: as boxgrad_clip_grad_norm.
 * Accuracy: elements 0.51 ulp (1000 in f64). (In f64 the norms' own errors show, some ulp.)
 * Since:    0.3.0. */
boxgrad_status boxgrad_clip_grad_adaptive(
    const boxgrad_parameter *parameters, size_t n, double clip_factor, double eps, double p,
    int32_t on_nonfinite, size_t *BOXGRAD_OR_NULL clipped);

/* ---- Exact norms --------------------------------------------------------------------------------
 * Norms whose bits do not depend on the order of the elements, nor on how calls, threads and
 * machines share them: for f32, f16, bf16 and f64, and p = 1, 2 and INFINITY. The sum of |x|^p is
 * an integer of many words, which never rounds, and is rounded once at the end.
 *
 * The state of an exact norm is so many int64_t, which may be kept, and sent to any machine:
 *   BOXGRAD_EXACT_NORM_SIZE: for f32, f16 and bf16. Integers 0 to 19 are a sum: integer i counts
 *       units of 2^(32 i - 320). Integer 20 counts infinities, 21 NaNs.
 *   BOXGRAD_EXACT_NORM_SIZE_F64: for all four. Integers 0 to 133 are a sum: integer i counts units
 *       of 2^(32 i - 2176). Integer 134 counts infinities, 135 NaNs.
 * For p = INFINITY integer 0 is the largest magnitude, as the bits of a double (of any NaN those of
 * one NaN), and the others are 0. Two states are merged by the sum of each integer, or by its
 * maximum for p = INFINITY, as a reduction over a network makes it. boxgrad_exact_norm_add and
 * _merge leave integers that 2^30 such sums do not overflow. The state does not know p, which must
 * be the same in all its calls. A state of other integers than these gives some number, and does no
 * harm. */

#define BOXGRAD_EXACT_NORM_SIZE     22  /* 176 bytes. Since 0.3.0. */
#define BOXGRAD_EXACT_NORM_SIZE_F64 136 /* 1088 bytes. Since 0.3.0. */

/* Begins an exact norm, which is that of no elements.
 * Inputs:   size: one of the two above.
 * Outputs:  state: size integers.
 * Errors:   BAD_PARAMETER: no such size.
 * Since:    0.3.0. */
boxgrad_status boxgrad_exact_norm_begin(int64_t *state, size_t size);

/* Adds elements to an exact norm: |x|^p of each.
 * Inputs:   state: size integers; size: one of the two above; tensors: n; p: 1, 2 or INFINITY.
 * Outputs:  state, in place.
 * Edges:    As boxgrad_grad_norm. The mode of rounding makes no difference, and subnormal numbers
 *           count, flushed or not.
 * Errors:   BAD_PARAMETER: no such size, no such p. UNSUPPORTED: elements of f64 for a state of the
 *           smaller size.
 * Since:    0.3.0. */
boxgrad_status boxgrad_exact_norm_add(
    int64_t *state, size_t size, const boxgrad_tensor *tensors, size_t n, double p);

/* Merges the exact norm of other elements into an exact norm.
 * Inputs:   state: size integers; other: size integers; size: one of the two above; p: 1, 2 or
 *           INFINITY.
 * Outputs:  state, in place.
 * Errors:   BAD_PARAMETER: no such size, no such p.
 * Since:    0.3.0. */
boxgrad_status boxgrad_exact_norm_merge(
    int64_t *state, const int64_t *other, size_t size, double p);

/* norm = (sum of |x|^p)^(1/p) of all elements that were added; the largest |x| for p = INFINITY.
 * Inputs:   state: size integers; size: one of the two above; p: 1, 2 or INFINITY.
 * Outputs:  norm: one double.
 * Edges:    As boxgrad_grad_norm. The norm is rounded to nearest, ties to even, in any mode of
 *           rounding.
 * Errors:   BAD_PARAMETER: no such size, no such p.
 * Accuracy: norm 0.5 ulp.
 * Since:    0.3.0. */
boxgrad_status boxgrad_exact_norm_finish(
    const int64_t *state, size_t size, double p, double *norm);

/* ---- Plugins ------------------------------------------------------------------------------------
 * For hosts that load the library with dlopen: one symbol gives all functions.
 *
 *     const boxgrad_api *(*get_api)(uint32_t) = dlsym(library, "boxgrad_get_api");
 *     const boxgrad_api *api = get_api(BOXGRAD_ABI_VERSION);
 *
 * The rules of the table:
 * Append-only. Within an ABI version a field never moves, disappears or changes its type or
 *              meaning; new ones are added at the end. A host that may meet an older library asks
 *              BOXGRAD_API_HAS before it uses a field newer than 0.1.0. Any other change makes a
 *              new ABI version. get_api gives NULL for a version that it does not speak, and the
 *              host must refuse the library.
 * Ownership.   The table, and the strings that its functions return, belong to the library. The
 *              table is constant, and all of it ends with dlclose. What a host passes stays the
 *              host's: the library frees none of it, and keeps no pointer to it when the call
 *              returns, except what set_parallel_for lends.
 * Threads.     get_api and the table may be used from any thread. Call dlclose only when no call is
 *              running. No thread of the library's own outlives a call, unless it is kept, and none
 *              outlives dlclose. The settings of threads and the last errors go with it; a library
 *              loaded again starts anew. Copies loaded from two files share nothing. */

#define BOXGRAD_ABI_VERSION 1

/* Whether the table of the library that was loaded reaches as far as this field. */
#define BOXGRAD_API_HAS(api, field) \
    ((api)->size >= offsetof(boxgrad_api, field) + sizeof((api)->field))

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
    boxgrad_status (*box_area_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        double *out);
    boxgrad_status (*box_area_grad_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        const float *grad_out, float *grad_boxes);
    boxgrad_status (*box_area_grad_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        const double *grad_out, double *grad_boxes);
    boxgrad_status (*box_convert_f32)(int32_t from, int32_t to, const float *in, size_t count,
        ptrdiff_t in_stride, float *out, ptrdiff_t out_stride);
    boxgrad_status (*box_convert_f64)(int32_t from, int32_t to, const double *in, size_t count,
        ptrdiff_t in_stride, double *out, ptrdiff_t out_stride);
    boxgrad_status (*box_convert_grad_f32)(int32_t from, int32_t to, size_t count,
        const float *grad_out, float *grad_in);
    boxgrad_status (*box_convert_grad_f64)(int32_t from, int32_t to, size_t count,
        const double *grad_out, double *grad_in);
    boxgrad_status (*box_clip_f32)(const float *in, size_t count, ptrdiff_t in_stride, double width,
        double height, float *out, ptrdiff_t out_stride);
    boxgrad_status (*box_clip_f64)(const double *in, size_t count, ptrdiff_t in_stride,
        double width, double height, double *out, ptrdiff_t out_stride);
    boxgrad_status (*box_clip_grad_f32)(const float *in, size_t count, ptrdiff_t in_stride,
        double width, double height, const float *grad_out, float *grad_in);
    boxgrad_status (*box_clip_grad_f64)(const double *in, size_t count, ptrdiff_t in_stride,
        double width, double height, const double *grad_out, double *grad_in);
    boxgrad_status (*box_inspect_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        double width, double height, double min_size, uint32_t *flags, size_t *counts,
        size_t counts_length);
    boxgrad_status (*box_inspect_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        double width, double height, double min_size, uint32_t *flags, size_t *counts,
        size_t counts_length);
    boxgrad_status (*box_rotate_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        double degrees, double cx, double cy, float *corners, float *bounds);
    boxgrad_status (*box_rotate_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        double degrees, double cx, double cy, double *corners, double *bounds);
    boxgrad_status (*clip_f32)(const float *x, size_t count, double lo, double hi, float *out);
    boxgrad_status (*clip_f64)(const double *x, size_t count, double lo, double hi, double *out);
    boxgrad_status (*clip_grad_f32)(const float *x, size_t count, double lo, double hi,
        const float *grad_out, int32_t mode, float *grad_in, size_t *blocked);
    boxgrad_status (*clip_grad_f64)(const double *x, size_t count, double lo, double hi,
        const double *grad_out, int32_t mode, double *grad_in, size_t *blocked);
    boxgrad_status (*iou_pairwise_f32)(int32_t metric, const float *a, size_t a_count,
        ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
        float *out, ptrdiff_t out_stride, float *out_union);
    boxgrad_status (*iou_pairwise_f64)(int32_t metric, const double *a, size_t a_count,
        ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
        double *out, ptrdiff_t out_stride, double *out_union);
    boxgrad_status (*iou_pairwise_grad_f32)(int32_t metric, const float *a, size_t a_count,
        ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride, double eps,
        const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b);
    boxgrad_status (*iou_pairwise_grad_f64)(int32_t metric, const double *a, size_t a_count,
        ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride, double eps,
        const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b);
    boxgrad_status (*iou_aligned_f32)(int32_t metric, const float *a, ptrdiff_t a_stride,
        const float *b, ptrdiff_t b_stride, size_t count, double eps, float *out, float *grad_a,
        float *grad_b);
    boxgrad_status (*iou_aligned_f64)(int32_t metric, const double *a, ptrdiff_t a_stride,
        const double *b, ptrdiff_t b_stride, size_t count, double eps, double *out, double *grad_a,
        double *grad_b);
    boxgrad_status (*iou_loss_f32)(int32_t metric, const float *pred, ptrdiff_t pred_stride,
        const float *target, ptrdiff_t target_stride, size_t count, const float *weights,
        double eps, double normalizer, double *loss, float *per_box, float *grad_pred,
        float *grad_target);
    boxgrad_status (*iou_loss_f64)(int32_t metric, const double *pred, ptrdiff_t pred_stride,
        const double *target, ptrdiff_t target_stride, size_t count, const double *weights,
        double eps, double normalizer, double *loss, double *per_box, double *grad_pred,
        double *grad_target);
    boxgrad_status (*smooth_l1_f32)(const float *pred, const float *target,
        const float *inside_weights, const float *outside_weights, size_t count, double sigma,
        double normalizer, double *loss, float *elementwise, float *grad_pred, float *grad_target);
    boxgrad_status (*smooth_l1_f64)(const double *pred, const double *target,
        const double *inside_weights, const double *outside_weights, size_t count, double sigma,
        double normalizer, double *loss, double *elementwise, double *grad_pred,
        double *grad_target);
    boxgrad_status (*delta_encode_f32)(const boxgrad_delta_options *options, const float *proposals,
        ptrdiff_t proposals_stride, const float *targets, ptrdiff_t targets_stride, size_t count,
        float *deltas, uint8_t *degenerate, size_t *degenerate_count);
    boxgrad_status (*delta_encode_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, double *deltas, uint8_t *degenerate,
        size_t *degenerate_count);
    boxgrad_status (*delta_encode_grad_f32)(const boxgrad_delta_options *options,
        const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, const float *grad_deltas, float *grad_proposals,
        float *grad_targets);
    boxgrad_status (*delta_encode_grad_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, const double *grad_deltas, double *grad_proposals,
        double *grad_targets);
    boxgrad_status (*delta_decode_f32)(const boxgrad_delta_options *options, const float *proposals,
        ptrdiff_t proposals_stride, const float *deltas, ptrdiff_t deltas_stride, size_t count,
        size_t groups, float *boxes);
    boxgrad_status (*delta_decode_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, double *boxes);
    boxgrad_status (*delta_decode_grad_f32)(const boxgrad_delta_options *options,
        const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, const float *grad_boxes,
        float *grad_proposals, float *grad_deltas);
    boxgrad_status (*delta_decode_grad_f64)(const boxgrad_delta_options *options,
        const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, size_t groups, const double *grad_boxes,
        double *grad_proposals, double *grad_deltas);
    boxgrad_status (*grad_norm)(const boxgrad_tensor *tensors, size_t n, double p, double *total,
        double *per_tensor, size_t *first_nonfinite);
    boxgrad_status (*grad_norm_combine)(const double *norms, size_t n, double p, double *total);
    boxgrad_status (*grad_scale)(const boxgrad_tensor *tensors, size_t n, double coefficient);
    boxgrad_status (*clip_grad_norm)(const boxgrad_tensor *tensors, size_t n, double max_norm,
        double p, double eps, int32_t on_nonfinite, double *total);
    boxgrad_status (*clip_grad_value)(const boxgrad_tensor *tensors, size_t n, double limit);
    boxgrad_status (*nms_f32)(const float *boxes, size_t count, ptrdiff_t stride,
        const float *scores, const int64_t *classes, double iou_threshold, double score_threshold,
        size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*nms_f64)(const double *boxes, size_t count, ptrdiff_t stride,
        const double *scores, const int64_t *classes, double iou_threshold, double score_threshold,
        size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*soft_nms_f32)(int32_t decay, const float *boxes, size_t count,
        ptrdiff_t stride, const float *scores, const int64_t *classes, double iou_threshold,
        double sigma, double score_threshold, size_t max_keep, size_t *keep, float *keep_scores,
        size_t *keep_count);
    boxgrad_status (*soft_nms_f64)(int32_t decay, const double *boxes, size_t count,
        ptrdiff_t stride, const double *scores, const int64_t *classes, double iou_threshold,
        double sigma, double score_threshold, size_t max_keep, size_t *keep, double *keep_scores,
        size_t *keep_count);
    boxgrad_status (*match_f32)(int32_t metric, const float *proposals, size_t proposals_count,
        ptrdiff_t proposals_stride, const float *truths, size_t truths_count,
        ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, float *overlaps);
    boxgrad_status (*match_f64)(int32_t metric, const double *proposals, size_t proposals_count,
        ptrdiff_t proposals_stride, const double *truths, size_t truths_count,
        ptrdiff_t truths_stride, double eps, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, double *overlaps);
    boxgrad_status (*sample)(const int64_t *labels, size_t count, int64_t negative, size_t wanted,
        double positive_fraction, uint64_t seed, size_t *indices, size_t *positive_count,
        size_t *negative_count);
    boxgrad_status (*ltrb_encode_f32)(const float *points, ptrdiff_t points_stride,
        const float *boxes, ptrdiff_t boxes_stride, size_t count, float *distances);
    boxgrad_status (*ltrb_encode_f64)(const double *points, ptrdiff_t points_stride,
        const double *boxes, ptrdiff_t boxes_stride, size_t count, double *distances);
    boxgrad_status (*ltrb_encode_grad_f32)(size_t count, const float *grad_distances,
        float *grad_points, float *grad_boxes);
    boxgrad_status (*ltrb_encode_grad_f64)(size_t count, const double *grad_distances,
        double *grad_points, double *grad_boxes);
    boxgrad_status (*set_keep_threads)(int32_t keep);
    boxgrad_status (*match_ignore_f32)(int32_t share, const float *proposals,
        size_t proposals_count, ptrdiff_t proposals_stride, const float *ignored,
        size_t ignored_count, ptrdiff_t ignored_stride, double threshold, int32_t which,
        const int64_t *matches, int64_t *out);
    boxgrad_status (*match_ignore_f64)(int32_t share, const double *proposals,
        size_t proposals_count, ptrdiff_t proposals_stride, const double *ignored,
        size_t ignored_count, ptrdiff_t ignored_stride, double threshold, int32_t which,
        const int64_t *matches, int64_t *out);
    boxgrad_status (*ltrb_decode_f32)(const float *points, ptrdiff_t points_stride,
        const float *distances, ptrdiff_t distances_stride, size_t count, float *boxes);
    boxgrad_status (*ltrb_decode_f64)(const double *points, ptrdiff_t points_stride,
        const double *distances, ptrdiff_t distances_stride, size_t count, double *boxes);
    boxgrad_status (*ltrb_decode_grad_f32)(size_t count, const float *grad_boxes,
        float *grad_points, float *grad_distances);
    boxgrad_status (*ltrb_decode_grad_f64)(size_t count, const double *grad_boxes,
        double *grad_points, double *grad_distances);
    boxgrad_status (*linear_encode_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *targets, ptrdiff_t targets_stride, size_t count, float *distances);
    boxgrad_status (*linear_encode_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *targets, ptrdiff_t targets_stride, size_t count, double *distances);
    boxgrad_status (*linear_encode_grad_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *targets, ptrdiff_t targets_stride, size_t count, const float *grad_distances,
        float *grad_proposals, float *grad_targets);
    boxgrad_status (*linear_encode_grad_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *targets, ptrdiff_t targets_stride, size_t count, const double *grad_distances,
        double *grad_proposals, double *grad_targets);
    boxgrad_status (*linear_decode_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *distances, ptrdiff_t distances_stride, size_t count, float *boxes);
    boxgrad_status (*linear_decode_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *distances, ptrdiff_t distances_stride, size_t count, double *boxes);
    boxgrad_status (*linear_decode_grad_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *distances, ptrdiff_t distances_stride, size_t count, const float *grad_boxes,
        float *grad_proposals, float *grad_distances);
    boxgrad_status (*linear_decode_grad_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *distances, ptrdiff_t distances_stride, size_t count, const double *grad_boxes,
        double *grad_proposals, double *grad_distances);
    boxgrad_status (*yolo_decode_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *deltas, ptrdiff_t deltas_stride, const float *cell_sizes, size_t count,
        float *boxes);
    boxgrad_status (*yolo_decode_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *deltas, ptrdiff_t deltas_stride, const double *cell_sizes, size_t count,
        double *boxes);
    boxgrad_status (*yolo_decode_grad_f32)(const float *proposals, ptrdiff_t proposals_stride,
        const float *deltas, ptrdiff_t deltas_stride, const float *cell_sizes, size_t count,
        const float *grad_boxes, float *grad_proposals, float *grad_deltas);
    boxgrad_status (*yolo_decode_grad_f64)(const double *proposals, ptrdiff_t proposals_stride,
        const double *deltas, ptrdiff_t deltas_stride, const double *cell_sizes, size_t count,
        const double *grad_boxes, double *grad_proposals, double *grad_deltas);
    boxgrad_status (*clip_grad_rms)(const boxgrad_tensor *tensors, size_t n, double max_rms,
        int32_t on_nonfinite, double *rms);
    boxgrad_status (*clip_grad_adaptive)(const boxgrad_parameter *parameters, size_t n,
        double clip_factor, double eps, double p, int32_t on_nonfinite, size_t *clipped);
    boxgrad_status (*sample_ratio)(const int64_t *labels, size_t count, int64_t negative,
        size_t wanted, double positive_fraction, double negatives_per_positive, uint64_t seed,
        size_t *indices, size_t *positive_count, size_t *negative_count);
    boxgrad_status (*balanced_l1_f32)(const float *pred, const float *target,
        const float *inside_weights, const float *outside_weights, size_t count, double alpha,
        double gamma, double beta, double normalizer, double *loss, float *elementwise,
        float *grad_pred, float *grad_target);
    boxgrad_status (*balanced_l1_f64)(const double *pred, const double *target,
        const double *inside_weights, const double *outside_weights, size_t count, double alpha,
        double gamma, double beta, double normalizer, double *loss, double *elementwise,
        double *grad_pred, double *grad_target);
    boxgrad_status (*distribution_focal_f32)(const float *logits, ptrdiff_t logits_stride,
        const float *target, size_t count, size_t bins, const float *weights, double normalizer,
        double *loss, float *per_row, float *grad_logits, float *grad_target);
    boxgrad_status (*distribution_focal_f64)(const double *logits, ptrdiff_t logits_stride,
        const double *target, size_t count, size_t bins, const double *weights, double normalizer,
        double *loss, double *per_row, double *grad_logits, double *grad_target);
    boxgrad_status (*distribution_decode_f32)(const float *logits, ptrdiff_t logits_stride,
        size_t count, size_t bins, float *out);
    boxgrad_status (*distribution_decode_f64)(const double *logits, ptrdiff_t logits_stride,
        size_t count, size_t bins, double *out);
    boxgrad_status (*distribution_decode_grad_f32)(const float *logits, ptrdiff_t logits_stride,
        size_t count, size_t bins, const float *grad_out, float *grad_logits);
    boxgrad_status (*distribution_decode_grad_f64)(const double *logits, ptrdiff_t logits_stride,
        size_t count, size_t bins, const double *grad_out, double *grad_logits);
    boxgrad_status (*box_loss_f32)(int32_t kind, const boxgrad_box_loss_options *options,
        const float *pred, ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride,
        size_t count, const float *weights, double normalizer, double *loss, float *per_box,
        float *grad_pred, float *grad_target);
    boxgrad_status (*box_loss_f64)(int32_t kind, const boxgrad_box_loss_options *options,
        const double *pred, ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride,
        size_t count, const double *weights, double normalizer, double *loss, double *per_box,
        double *grad_pred, double *grad_target);
    boxgrad_status (*exact_norm_begin)(int64_t *state, size_t size);
    boxgrad_status (*exact_norm_add)(int64_t *state, size_t size, const boxgrad_tensor *tensors,
        size_t n, double p);
    boxgrad_status (*exact_norm_merge)(int64_t *state, const int64_t *other, size_t size, double p);
    boxgrad_status (*exact_norm_finish)(const int64_t *state, size_t size, double p, double *norm);
    boxgrad_status (*rotated_convert_f32)(int32_t from, int32_t to, const float *in, size_t count,
        ptrdiff_t in_stride, float *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_convert_f64)(int32_t from, int32_t to, const double *in, size_t count,
        ptrdiff_t in_stride, double *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_convert_grad_f32)(int32_t from, int32_t to, size_t count,
        const float *grad_out, float *grad_in);
    boxgrad_status (*rotated_convert_grad_f64)(int32_t from, int32_t to, size_t count,
        const double *grad_out, double *grad_in);
    boxgrad_status (*rotated_corners_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, float *corners, float *bounds);
    boxgrad_status (*rotated_corners_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, double *corners, double *bounds);
    boxgrad_status (*rotated_corners_grad_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, const float *grad_corners, const float *grad_bounds, float *grad_boxes);
    boxgrad_status (*rotated_corners_grad_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, const double *grad_corners, const double *grad_bounds,
        double *grad_boxes);
    boxgrad_status (*rotated_from_corners_f32)(int32_t angle, const float *corners, size_t count,
        ptrdiff_t stride, float *boxes);
    boxgrad_status (*rotated_from_corners_f64)(int32_t angle, const double *corners, size_t count,
        ptrdiff_t stride, double *boxes);
    boxgrad_status (*rotated_from_corners_grad_f32)(int32_t angle, const float *corners,
        size_t count, ptrdiff_t stride, const float *grad_boxes, float *grad_corners);
    boxgrad_status (*rotated_from_corners_grad_f64)(int32_t angle, const double *corners,
        size_t count, ptrdiff_t stride, const double *grad_boxes, double *grad_corners);
    boxgrad_status (*rotated_iou_pairwise_f32)(int32_t metric, int32_t angle, const float *a,
        size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
        float *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_iou_pairwise_f64)(int32_t metric, int32_t angle, const double *a,
        size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
        double *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_iou_pairwise_grad_f32)(int32_t metric, int32_t angle, const float *a,
        size_t a_count, ptrdiff_t a_stride, const float *b, size_t b_count, ptrdiff_t b_stride,
        const float *grad_out, ptrdiff_t grad_out_stride, float *grad_a, float *grad_b);
    boxgrad_status (*rotated_iou_pairwise_grad_f64)(int32_t metric, int32_t angle, const double *a,
        size_t a_count, ptrdiff_t a_stride, const double *b, size_t b_count, ptrdiff_t b_stride,
        const double *grad_out, ptrdiff_t grad_out_stride, double *grad_a, double *grad_b);
    boxgrad_status (*rotated_iou_aligned_f32)(int32_t metric, int32_t angle, const float *a,
        ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride, size_t count, float *out,
        float *grad_a, float *grad_b);
    boxgrad_status (*rotated_iou_aligned_f64)(int32_t metric, int32_t angle, const double *a,
        ptrdiff_t a_stride, const double *b, ptrdiff_t b_stride, size_t count, double *out,
        double *grad_a, double *grad_b);
    boxgrad_status (*rotated_iou_loss_f32)(int32_t kind, int32_t angle, const float *pred,
        ptrdiff_t pred_stride, const float *target, ptrdiff_t target_stride, size_t count,
        const float *weights, double least_iou, double normalizer, double *loss, float *per_box,
        float *grad_pred, float *grad_target);
    boxgrad_status (*rotated_iou_loss_f64)(int32_t kind, int32_t angle, const double *pred,
        ptrdiff_t pred_stride, const double *target, ptrdiff_t target_stride, size_t count,
        const double *weights, double least_iou, double normalizer, double *loss, double *per_box,
        double *grad_pred, double *grad_target);
    boxgrad_status (*rotated_min_area_f32)(int32_t angle, const float *points, size_t count,
        size_t points_per_row, ptrdiff_t stride, float *boxes);
    boxgrad_status (*rotated_min_area_f64)(int32_t angle, const double *points, size_t count,
        size_t points_per_row, ptrdiff_t stride, double *boxes);
    boxgrad_status (*rotated_inspect_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, double width, double height, double min_size, uint32_t *flags,
        size_t *counts, size_t counts_length);
    boxgrad_status (*rotated_inspect_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, double width, double height, double min_size, uint32_t *flags,
        size_t *counts, size_t counts_length);
    boxgrad_status (*rotated_nms_f32)(int32_t angle, const float *boxes, size_t count,
        ptrdiff_t stride, const float *scores, const int64_t *classes, double iou_threshold,
        double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*rotated_nms_f64)(int32_t angle, const double *boxes, size_t count,
        ptrdiff_t stride, const double *scores, const int64_t *classes, double iou_threshold,
        double score_threshold, size_t max_keep, size_t *keep, size_t *keep_count);
    boxgrad_status (*rotated_soft_nms_f32)(int32_t decay, int32_t angle, const float *boxes,
        size_t count, ptrdiff_t stride, const float *scores, const int64_t *classes,
        double iou_threshold, double sigma, double score_threshold, size_t max_keep, size_t *keep,
        float *keep_scores, size_t *keep_count);
    boxgrad_status (*rotated_soft_nms_f64)(int32_t decay, int32_t angle, const double *boxes,
        size_t count, ptrdiff_t stride, const double *scores, const int64_t *classes,
        double iou_threshold, double sigma, double score_threshold, size_t max_keep, size_t *keep,
        double *keep_scores, size_t *keep_count);
    boxgrad_status (*rotated_match_f32)(int32_t metric, int32_t angle, const float *proposals,
        size_t proposals_count, ptrdiff_t proposals_stride, const float *truths,
        size_t truths_count, ptrdiff_t truths_stride, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, float *overlaps);
    boxgrad_status (*rotated_match_f64)(int32_t metric, int32_t angle, const double *proposals,
        size_t proposals_count, ptrdiff_t proposals_stride, const double *truths,
        size_t truths_count, ptrdiff_t truths_stride, double low_threshold, double high_threshold,
        int32_t low_quality, int64_t *matches, double *overlaps);
    boxgrad_status (*rotated_gaussian_loss_f32)(int32_t kind, int32_t angle,
        const boxgrad_gaussian_loss_options *options, const float *pred, ptrdiff_t pred_stride,
        const float *target, ptrdiff_t target_stride, size_t count, const float *weights,
        double normalizer, double *loss, float *per_box, float *grad_pred, float *grad_target);
    boxgrad_status (*rotated_gaussian_loss_f64)(int32_t kind, int32_t angle,
        const boxgrad_gaussian_loss_options *options, const double *pred, ptrdiff_t pred_stride,
        const double *target, ptrdiff_t target_stride, size_t count, const double *weights,
        double normalizer, double *loss, double *per_box, double *grad_pred, double *grad_target);
    boxgrad_status (*rotated_regularize_f32)(int32_t angle, int32_t range, const float *in,
        size_t count, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_regularize_f64)(int32_t angle, int32_t range, const double *in,
        size_t count, ptrdiff_t in_stride, double *out, ptrdiff_t out_stride);
    boxgrad_status (*rotated_regularize_grad_f32)(int32_t angle, int32_t range, const float *boxes,
        size_t count, ptrdiff_t stride, const float *grad_out, float *grad_boxes);
    boxgrad_status (*rotated_regularize_grad_f64)(int32_t angle, int32_t range, const double *boxes,
        size_t count, ptrdiff_t stride, const double *grad_out, double *grad_boxes);
    boxgrad_status (*roi_align_f32)(const boxgrad_roi_options *options, const float *features,
        size_t images, size_t channels, size_t height, size_t width, const float *boxes,
        ptrdiff_t boxes_stride, const int64_t *indices, size_t count, size_t out_height,
        size_t out_width, float *out);
    boxgrad_status (*roi_align_f64)(const boxgrad_roi_options *options, const double *features,
        size_t images, size_t channels, size_t height, size_t width, const double *boxes,
        ptrdiff_t boxes_stride, const int64_t *indices, size_t count, size_t out_height,
        size_t out_width, double *out);
    boxgrad_status (*roi_align_grad_f32)(const boxgrad_roi_options *options, const float *features,
        size_t images, size_t channels, size_t height, size_t width, const float *boxes,
        ptrdiff_t boxes_stride, const int64_t *indices, size_t count, size_t out_height,
        size_t out_width, const float *grad_out, float *grad_features, float *grad_boxes);
    boxgrad_status (*roi_align_grad_f64)(const boxgrad_roi_options *options, const double *features,
        size_t images, size_t channels, size_t height, size_t width, const double *boxes,
        ptrdiff_t boxes_stride, const int64_t *indices, size_t count, size_t out_height,
        size_t out_width, const double *grad_out, double *grad_features, double *grad_boxes);
    boxgrad_status (*roi_pool_precise_f32)(const boxgrad_roi_options *options,
        const float *features, size_t images, size_t channels, size_t height, size_t width,
        const float *boxes, ptrdiff_t boxes_stride, const int64_t *indices, size_t count,
        size_t out_height, size_t out_width, float *out);
    boxgrad_status (*roi_pool_precise_f64)(const boxgrad_roi_options *options,
        const double *features, size_t images, size_t channels, size_t height, size_t width,
        const double *boxes, ptrdiff_t boxes_stride, const int64_t *indices, size_t count,
        size_t out_height, size_t out_width, double *out);
    boxgrad_status (*roi_pool_precise_grad_f32)(const boxgrad_roi_options *options,
        const float *features, size_t images, size_t channels, size_t height, size_t width,
        const float *boxes, ptrdiff_t boxes_stride, const int64_t *indices, size_t count,
        size_t out_height, size_t out_width, const float *grad_out, float *grad_features,
        float *grad_boxes);
    boxgrad_status (*roi_pool_precise_grad_f64)(const boxgrad_roi_options *options,
        const double *features, size_t images, size_t channels, size_t height, size_t width,
        const double *boxes, ptrdiff_t boxes_stride, const int64_t *indices, size_t count,
        size_t out_height, size_t out_width, const double *grad_out, double *grad_features,
        double *grad_boxes);
    boxgrad_status (*rotated_encode_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, float *deltas, uint8_t *degenerate,
        size_t *degenerate_count);
    boxgrad_status (*rotated_encode_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, double *deltas, uint8_t *degenerate,
        size_t *degenerate_count);
    boxgrad_status (*rotated_encode_grad_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, const float *grad_deltas, float *grad_proposals,
        float *grad_targets);
    boxgrad_status (*rotated_encode_grad_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, const double *grad_deltas, double *grad_proposals,
        double *grad_targets);
    boxgrad_status (*rotated_decode_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, float *boxes);
    boxgrad_status (*rotated_decode_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, double *boxes);
    boxgrad_status (*rotated_decode_grad_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, const float *grad_boxes, float *grad_proposals,
        float *grad_deltas);
    boxgrad_status (*rotated_decode_grad_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, const double *grad_boxes, double *grad_proposals,
        double *grad_deltas);
    boxgrad_status (*midpoint_encode_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, float *deltas, uint8_t *degenerate,
        size_t *degenerate_count);
    boxgrad_status (*midpoint_encode_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, double *deltas, uint8_t *degenerate,
        size_t *degenerate_count);
    boxgrad_status (*midpoint_encode_grad_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *targets,
        ptrdiff_t targets_stride, size_t count, const float *grad_deltas, float *grad_proposals,
        float *grad_targets);
    boxgrad_status (*midpoint_encode_grad_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *targets,
        ptrdiff_t targets_stride, size_t count, const double *grad_deltas, double *grad_proposals,
        double *grad_targets);
    boxgrad_status (*midpoint_decode_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, float *boxes);
    boxgrad_status (*midpoint_decode_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, double *boxes);
    boxgrad_status (*midpoint_decode_grad_f32)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const float *proposals, ptrdiff_t proposals_stride, const float *deltas,
        ptrdiff_t deltas_stride, size_t count, const float *grad_boxes, float *grad_proposals,
        float *grad_deltas);
    boxgrad_status (*midpoint_decode_grad_f64)(const boxgrad_rotated_delta_options *options,
        int32_t angle, const double *proposals, ptrdiff_t proposals_stride, const double *deltas,
        ptrdiff_t deltas_stride, size_t count, const double *grad_boxes, double *grad_proposals,
        double *grad_deltas);
} boxgrad_api;

/* The table, or NULL if the library does not speak this version of the ABI. */
const boxgrad_api *boxgrad_get_api(uint32_t abi_version);

#ifdef __cplusplus
}
#endif
#endif
