/* Converts rows to columns, and columns to rows. */
#ifndef BGI_TRANSPOSES_H
#define BGI_TRANSPOSES_H

#include "inline.h"
#include <stddef.h>

#pragma clang assume_nonnull begin

/* These functions convert 32 rows of four to columns, and columns to rows: see Kernels/Tile.swift. They state the shuffles of eight floats
 * or four doubles, because the compiler does not vectorise loops of this kind. */
typedef float bgi_f32x8 __attribute__((vector_size(32), aligned(4)));
typedef double bgi_f64x4 __attribute__((vector_size(32), aligned(8)));

BGI_INLINE void bgi_columns_of_rows_f32(const float *rows, float *columns) {
    for (int k = 0; k < 32; k += 8) {
        const bgi_f32x8 *in = (const bgi_f32x8 *)(rows + 4 * k);
        bgi_f32x8 r04 = __builtin_shufflevector(in[0], in[2], 0, 1, 2, 3, 8, 9, 10, 11);
        bgi_f32x8 r15 = __builtin_shufflevector(in[0], in[2], 4, 5, 6, 7, 12, 13, 14, 15);
        bgi_f32x8 r26 = __builtin_shufflevector(in[1], in[3], 0, 1, 2, 3, 8, 9, 10, 11);
        bgi_f32x8 r37 = __builtin_shufflevector(in[1], in[3], 4, 5, 6, 7, 12, 13, 14, 15);
        bgi_f32x8 low01 = __builtin_shufflevector(r04, r15, 0, 8, 1, 9, 4, 12, 5, 13);
        bgi_f32x8 low23 = __builtin_shufflevector(r26, r37, 0, 8, 1, 9, 4, 12, 5, 13);
        bgi_f32x8 high01 = __builtin_shufflevector(r04, r15, 2, 10, 3, 11, 6, 14, 7, 15);
        bgi_f32x8 high23 = __builtin_shufflevector(r26, r37, 2, 10, 3, 11, 6, 14, 7, 15);
        *(bgi_f32x8 *)(columns + k) = __builtin_shufflevector(low01, low23, 0, 1, 8, 9, 4, 5, 12, 13);
        *(bgi_f32x8 *)(columns + 32 + k) = __builtin_shufflevector(low01, low23, 2, 3, 10, 11, 6, 7, 14, 15);
        *(bgi_f32x8 *)(columns + 64 + k) = __builtin_shufflevector(high01, high23, 0, 1, 8, 9, 4, 5, 12, 13);
        *(bgi_f32x8 *)(columns + 96 + k) = __builtin_shufflevector(high01, high23, 2, 3, 10, 11, 6, 7, 14, 15);
    }
}

BGI_INLINE void bgi_rows_of_columns_f32(const float *columns, float *rows) {
    for (int k = 0; k < 32; k += 8) {
        bgi_f32x8 a = *(const bgi_f32x8 *)(columns + k), b = *(const bgi_f32x8 *)(columns + 32 + k);
        bgi_f32x8 c = *(const bgi_f32x8 *)(columns + 64 + k), d = *(const bgi_f32x8 *)(columns + 96 + k);
        bgi_f32x8 ab0145 = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
        bgi_f32x8 ab2367 = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
        bgi_f32x8 cd0145 = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
        bgi_f32x8 cd2367 = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
        bgi_f32x8 r04 = __builtin_shufflevector(ab0145, cd0145, 0, 1, 8, 9, 4, 5, 12, 13);
        bgi_f32x8 r15 = __builtin_shufflevector(ab0145, cd0145, 2, 3, 10, 11, 6, 7, 14, 15);
        bgi_f32x8 r26 = __builtin_shufflevector(ab2367, cd2367, 0, 1, 8, 9, 4, 5, 12, 13);
        bgi_f32x8 r37 = __builtin_shufflevector(ab2367, cd2367, 2, 3, 10, 11, 6, 7, 14, 15);
        bgi_f32x8 *out = (bgi_f32x8 *)(rows + 4 * k);
        out[0] = __builtin_shufflevector(r04, r15, 0, 1, 2, 3, 8, 9, 10, 11);
        out[1] = __builtin_shufflevector(r26, r37, 0, 1, 2, 3, 8, 9, 10, 11);
        out[2] = __builtin_shufflevector(r04, r15, 4, 5, 6, 7, 12, 13, 14, 15);
        out[3] = __builtin_shufflevector(r26, r37, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Writes the same rows `stride` elements apart. */
typedef float bgi_f32x4 __attribute__((vector_size(16), aligned(4)));

BGI_INLINE void bgi_spaced_rows_of_columns_f32(const float *columns, float *rows, ptrdiff_t stride) {
    float packed[128];
    bgi_rows_of_columns_f32(columns, packed);
    for (int k = 0; k < 32; k++) *(bgi_f32x4 *)(rows + k * stride) = *(const bgi_f32x4 *)(packed + 4 * k);
}

/* Converts four rows to four columns, or four columns to four rows, because a transposition is its own inverse. */
BGI_INLINE void bgi_transpose_f64(const double *in, ptrdiff_t in_stride, double *out, ptrdiff_t out_stride) {
    bgi_f64x4 r0 = *(const bgi_f64x4 *)in, r1 = *(const bgi_f64x4 *)(in + in_stride);
    bgi_f64x4 r2 = *(const bgi_f64x4 *)(in + 2 * in_stride), r3 = *(const bgi_f64x4 *)(in + 3 * in_stride);
    bgi_f64x4 ac01 = __builtin_shufflevector(r0, r1, 0, 4, 2, 6), bd01 = __builtin_shufflevector(r0, r1, 1, 5, 3, 7);
    bgi_f64x4 ac23 = __builtin_shufflevector(r2, r3, 0, 4, 2, 6), bd23 = __builtin_shufflevector(r2, r3, 1, 5, 3, 7);
    *(bgi_f64x4 *)out = __builtin_shufflevector(ac01, ac23, 0, 1, 4, 5);
    *(bgi_f64x4 *)(out + out_stride) = __builtin_shufflevector(bd01, bd23, 0, 1, 4, 5);
    *(bgi_f64x4 *)(out + 2 * out_stride) = __builtin_shufflevector(ac01, ac23, 2, 3, 6, 7);
    *(bgi_f64x4 *)(out + 3 * out_stride) = __builtin_shufflevector(bd01, bd23, 2, 3, 6, 7);
}

/* The same of eight rows of floats: pairs of rows are merged, then pairs of pairs, then both halves. */
BGI_INLINE void bgi_transpose_f32(const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride) {
    bgi_f32x8 low[4], high[4];
    for (int k = 0; k < 4; k++) {
        const bgi_f32x8 a = *(const bgi_f32x8 *)(in + 2 * k * in_stride), b = *(const bgi_f32x8 *)(in + (2 * k + 1) * in_stride);
        low[k] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
        high[k] = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int k = 0; k < 4; k++) {
        const bgi_f32x8 *pair = k < 2 ? low : high;
        bgi_f32x8 a = k % 2 ? __builtin_shufflevector(pair[0], pair[1], 2, 3, 10, 11, 6, 7, 14, 15)
                            : __builtin_shufflevector(pair[0], pair[1], 0, 1, 8, 9, 4, 5, 12, 13);
        bgi_f32x8 b = k % 2 ? __builtin_shufflevector(pair[2], pair[3], 2, 3, 10, 11, 6, 7, 14, 15)
                            : __builtin_shufflevector(pair[2], pair[3], 0, 1, 8, 9, 4, 5, 12, 13);
        *(bgi_f32x8 *)(out + k * out_stride) = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        *(bgi_f32x8 *)(out + (k + 4) * out_stride) = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Writes four vectors as columns: rows of four, `stride` elements apart. The types are Swift's. */
typedef float bgi_lanes_f32 __attribute__((ext_vector_type(8)));
typedef double bgi_lanes_f64 __attribute__((ext_vector_type(4)));

BGI_INLINE void bgi_turn_four_f32(bgi_lanes_f32 a, bgi_lanes_f32 b, bgi_lanes_f32 c, bgi_lanes_f32 d, float *out, ptrdiff_t stride) {
    bgi_lanes_f32 ab0145 = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    bgi_lanes_f32 ab2367 = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    bgi_lanes_f32 cd0145 = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
    bgi_lanes_f32 cd2367 = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    for (int half = 0; half < 2; half++) {
        bgi_lanes_f32 ab = half ? ab2367 : ab0145, cd = half ? cd2367 : cd0145;
        float *first = out + 2 * half * stride;
        *(bgi_f32x4 *)first = __builtin_shufflevector(ab, cd, 0, 1, 8, 9);
        *(bgi_f32x4 *)(first + stride) = __builtin_shufflevector(ab, cd, 2, 3, 10, 11);
        *(bgi_f32x4 *)(first + 4 * stride) = __builtin_shufflevector(ab, cd, 4, 5, 12, 13);
        *(bgi_f32x4 *)(first + 5 * stride) = __builtin_shufflevector(ab, cd, 6, 7, 14, 15);
    }
}

BGI_INLINE void bgi_turn_four_f64(bgi_lanes_f64 a, bgi_lanes_f64 b, bgi_lanes_f64 c, bgi_lanes_f64 d, double *out, ptrdiff_t stride) {
    bgi_lanes_f64 ab02 = __builtin_shufflevector(a, b, 0, 4, 2, 6), ab13 = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    bgi_lanes_f64 cd02 = __builtin_shufflevector(c, d, 0, 4, 2, 6), cd13 = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    *(bgi_f64x4 *)out = __builtin_shufflevector(ab02, cd02, 0, 1, 4, 5);
    *(bgi_f64x4 *)(out + stride) = __builtin_shufflevector(ab13, cd13, 0, 1, 4, 5);
    *(bgi_f64x4 *)(out + 2 * stride) = __builtin_shufflevector(ab02, cd02, 2, 3, 6, 7);
    *(bgi_f64x4 *)(out + 3 * stride) = __builtin_shufflevector(ab13, cd13, 2, 3, 6, 7);
}

BGI_INLINE void bgi_columns_of_rows_f64(const double *rows, double *columns) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(rows + 4 * k, 4, columns + k, 32);
}

BGI_INLINE void bgi_rows_of_columns_f64(const double *columns, double *rows) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(columns + k, 32, rows + 4 * k, 4);
}

BGI_INLINE void bgi_spaced_rows_of_columns_f64(const double *columns, double *rows, ptrdiff_t stride) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(columns + k, 32, rows + k * stride, stride);
}

#pragma clang assume_nonnull end

#endif
