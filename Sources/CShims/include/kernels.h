/* The kernels, which are reached through tables: one for each CPU tier. */
#ifndef BGI_KERNELS_H
#define BGI_KERNELS_H

#include "inline.h"
#include <boxgrad.h>

#pragma clang assume_nonnull begin

/* metric(a, b) is bgi_exchanged(metric)(b, a): IoF alone is not symmetric, and what it becomes is known to kernels only. */
#define BGI_IOF_OF_SECOND -4
BGI_INLINE int32_t bgi_exchanged(int32_t metric) { return metric == BOXGRAD_IOF ? BGI_IOF_OF_SECOND : metric; }

/* The kernels of one element type and one CPU tier. Each works on rows of a call, which Kernels/Calls.swift describes and which was checked. They are
 * called through C function pointers only: a Swift call into another Embedded module lets the compiler copy the body and compile it for the caller's
 * CPU. */
typedef struct {
    boxgrad_task box_area, box_area_grad, box_convert, box_clip, box_clip_grad, clip, clip_grad, iou_pairwise, iou_pairwise_grad, iou_aligned,
        iou_loss, smooth_l1, delta_degenerate, delta_encode, delta_encode_grad, delta_decode, delta_decode_grad, ltrb_encode,
        ltrb_encode_grad, nms, soft_nms, match, match_low_quality;
} bgi_kernels_of_type;

/* Kernels that nobody waits for, or that leave the work to others: compiled once, for every CPU. */
typedef struct {
    boxgrad_task box_convert_grad, box_inspect, box_rotate;
} bgi_common_kernels_of_type;

typedef struct {
    const char *name;
    bgi_kernels_of_type f32, f64;
    boxgrad_task tensor_pass;
} bgi_kernels;

typedef struct {
    bgi_common_kernels_of_type f32, f64;
    boxgrad_task grad_norm, grad_norm_combine, grad_first_nonfinite, grad_change, sample;
} bgi_common_kernels;
bgi_common_kernels bgi_common(void);

/* The tables of the tiers, each in its own module: three for x86-64, one for AArch64. */
bgi_kernels bgi_kernels_baseline(void);
bgi_kernels bgi_kernels_avx2(void);
bgi_kernels bgi_kernels_avx512(void);
bgi_kernels bgi_kernels_neon(void);

/* The table of the best tier that this CPU runs, or of the lower one that BOXGRAD_CPU_TIER names. Chosen when the library is loaded. */
const bgi_kernels *bgi_current(void);

#pragma clang assume_nonnull end

#endif
