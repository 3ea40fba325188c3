/* What Swift cannot say, and the tables through which the exported functions reach the kernels. Not API. */
#ifndef CSHIMS_H
#define CSHIMS_H
#include <boxgrad.h>
#include <stdlib.h>
#include <string.h>

/* Selects for the kernels: see Kernels/Scalar.swift. */
#define BGI_INLINE static inline __attribute__((always_inline))
BGI_INLINE float bgi_choose_f32(_Bool condition, float a, float b) { return condition ? a : b; }
BGI_INLINE double bgi_choose_f64(_Bool condition, double a, double b) { return condition ? a : b; }
BGI_INLINE _Bool bgi_both(_Bool a, _Bool b) { return a & b; }

#pragma clang assume_nonnull begin

/* The kernels of one element type and one CPU tier. They are called through C function pointers only: a Swift call into
 * another Embedded module lets the compiler copy the body and compile it for the caller's CPU. Kernels trust their arguments:
 * pointers marked _Nullable may be NULL, everything else was checked. */
#define BGI_KERNELS(fp)                                                                                                       \
    struct {                                                                                                                  \
        void (*box_area)(const fp *boxes, ptrdiff_t count, ptrdiff_t stride, fp *out);                                        \
        void (*box_area_grad)(const fp *boxes, ptrdiff_t count, ptrdiff_t stride, const fp *grad_out, fp *grad_boxes);        \
        void (*box_convert)(int32_t from, int32_t to, const fp *in, ptrdiff_t count, ptrdiff_t in_stride, fp *out,            \
                            ptrdiff_t out_stride);                                                                            \
        void (*box_convert_grad)(int32_t from, int32_t to, ptrdiff_t count, const fp *grad_out, fp *grad_in);                 \
        void (*box_clip)(const fp *in, ptrdiff_t count, ptrdiff_t in_stride, double width, double height, fp *out,            \
                         ptrdiff_t out_stride);                                                                               \
        void (*box_clip_grad)(const fp *in, ptrdiff_t count, ptrdiff_t in_stride, double width, double height,                \
                              const fp *grad_out, fp *grad_in);                                                               \
        void (*box_inspect)(const fp *boxes, ptrdiff_t count, ptrdiff_t stride, double width, double height, double min_size, \
                            uint32_t *_Nullable flags, ptrdiff_t *counts);                                                    \
        void (*box_rotate)(const fp *boxes, ptrdiff_t count, ptrdiff_t stride, double degrees, double cx, double cy,          \
                           fp *_Nullable corners, fp *_Nullable bounds);                                                      \
        void (*clip)(const fp *x, ptrdiff_t count, double lo, double hi, fp *out);                                            \
        ptrdiff_t (*clip_grad)(const fp *x, ptrdiff_t count, double lo, double hi, const fp *grad_out, int32_t mode,          \
                               fp *grad_in);                                                                                  \
        void (*iou_pairwise)(int32_t metric, const fp *a, ptrdiff_t a_count, ptrdiff_t a_stride, const fp *b,                 \
                             ptrdiff_t b_count, ptrdiff_t b_stride, double eps, fp *scratch, fp *out,                         \
                             ptrdiff_t out_stride, fp *_Nullable out_union);                                                  \
        void (*iou_pairwise_grad)(int32_t metric, const fp *a, ptrdiff_t a_count, ptrdiff_t a_stride, const fp *b,            \
                                  ptrdiff_t b_count, ptrdiff_t b_stride, double eps, const fp *grad_out,                      \
                                  ptrdiff_t row_stride, ptrdiff_t column_stride, fp *grad_a);                                 \
        void (*iou_aligned)(int32_t metric, const fp *a, ptrdiff_t a_stride, const fp *b, ptrdiff_t b_stride,                 \
                            ptrdiff_t count, double eps, fp *_Nullable out, fp *_Nullable grad_a, fp *_Nullable grad_b);      \
        double (*iou_loss)(int32_t metric, const fp *pred, ptrdiff_t pred_stride, const fp *target, ptrdiff_t target_stride,  \
                           ptrdiff_t count, const fp *_Nullable weights, double eps, double normalizer,                       \
                           fp *_Nullable per_box, fp *_Nullable grad_pred, fp *_Nullable grad_target);                        \
        double (*smooth_l1)(const fp *pred, const fp *target, const fp *_Nullable inside_weights,                             \
                            const fp *_Nullable outside_weights, ptrdiff_t count, double sigma, double normalizer,            \
                            fp *_Nullable elementwise, fp *_Nullable grad_pred, fp *_Nullable grad_target);                   \
        ptrdiff_t (*delta_degenerate)(const fp *proposals, ptrdiff_t proposals_stride, const fp *targets,                     \
                                      ptrdiff_t targets_stride, ptrdiff_t count, uint8_t *_Nullable marks, ptrdiff_t *first); \
        void (*delta_encode)(const boxgrad_delta_options *options, const fp *proposals, ptrdiff_t proposals_stride,           \
                             const fp *targets, ptrdiff_t targets_stride, ptrdiff_t count, fp *deltas);                       \
        void (*delta_encode_grad)(const boxgrad_delta_options *options, const fp *proposals, ptrdiff_t proposals_stride,      \
                                  const fp *targets, ptrdiff_t targets_stride, ptrdiff_t count, const fp *grad_deltas,        \
                                  fp *_Nullable grad_proposals, fp *_Nullable grad_targets);                                  \
        void (*delta_decode)(const boxgrad_delta_options *options, const fp *proposals, ptrdiff_t proposals_stride,           \
                             const fp *deltas, ptrdiff_t deltas_stride, ptrdiff_t count, ptrdiff_t groups, fp *boxes);        \
        void (*delta_decode_grad)(const boxgrad_delta_options *options, const fp *proposals, ptrdiff_t proposals_stride,      \
                                  const fp *deltas, ptrdiff_t deltas_stride, ptrdiff_t count, ptrdiff_t groups,               \
                                  const fp *grad_boxes, fp *_Nullable grad_proposals, fp *_Nullable grad_deltas);             \
    }

/* The kernels over gradient tensors; dtype is one of BOXGRAD_F32 ... BOXGRAD_BF16. */
typedef struct {
    double (*norm)(const void *data, ptrdiff_t count, int32_t dtype, double p);
    ptrdiff_t (*first_nonfinite)(const void *data, ptrdiff_t count, int32_t dtype); /* count if there is none */
    void (*scale)(void *data, ptrdiff_t count, int32_t dtype, double coefficient);
    void (*limit)(void *data, ptrdiff_t count, int32_t dtype, double limit);
} bgi_tensor_kernels;

typedef struct {
    const char *name;
    BGI_KERNELS(float) f32;
    BGI_KERNELS(double) f64;
    bgi_tensor_kernels tensor;
} bgi_kernels;

/* The tables of the tiers, each in its own module. */
bgi_kernels bgi_kernels_baseline(void);
bgi_kernels bgi_kernels_avx2(void);

/* The table of the best tier that this CPU runs, or of the lower one that BOXGRAD_CPU_TIER names. Chosen when the library is loaded. */
const bgi_kernels *bgi_current(void);

const char *bgi_version_string(void);

/* The limit on a call's threads, and the host's pool. */
void bgi_set_max_threads(int32_t n);
int32_t bgi_max_threads(void);
void bgi_set_parallel_for(boxgrad_parallel_for_fn _Nullable fn, void *_Nullable context);

/* Stores the calling thread's error sentence, "<argument>[<row>][<element>] <reason> (got <value>)", and returns status. Negative
 * indices and an absent value are left out. */
boxgrad_status bgi_fail(boxgrad_status status, const char *argument, ptrdiff_t row, ptrdiff_t element, const char *reason,
                        const double *_Nullable value);

#pragma clang assume_nonnull end
#endif
