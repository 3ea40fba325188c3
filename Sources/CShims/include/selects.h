/* These functions keep the kernels' loops in vectors. Kernels/Scalar.swift says why. */
#ifndef BGI_SELECTS_H
#define BGI_SELECTS_H

#include "inline.h"
#include <stdint.h>
#include <string.h>

BGI_INLINE float bgi_choose_f32(_Bool condition, float a, float b) { return condition ? a : b; }
BGI_INLINE double bgi_choose_f64(_Bool condition, double a, double b) { return condition ? a : b; }
BGI_INLINE _Bool bgi_both(_Bool a, _Bool b) { return a & b; }
BGI_INLINE uint8_t bgi_bit(_Bool condition) { return condition; }

#pragma clang assume_nonnull begin

/* Emits no instruction. Its presence stops the compiler from merging or transforming the loop around it. Otherwise the compiler makes one
 * long loop of a row's tiles, which it does not vectorise. */
BGI_INLINE void bgi_keep_loop(void) { __asm__ volatile(""); }
/* Prefetches the cache line at an address, which may be beyond the end of an array. */
BGI_INLINE void bgi_prefetch(const void *address) { __builtin_prefetch(address); }
/* The same, to the level 2 cache, which takes more lines at a time. */
BGI_INLINE void bgi_prefetch_far(const void *address) { __builtin_prefetch(address, 0, 2); }
/* bgi_has_float16 returns whether the processor converts float16. bgi_float_of_float16 converts it, which is exact; it is called only if
 * the processor does. */
#if defined(__F16C__) || defined(__aarch64__) || defined(BGI_DEVICE)
BGI_INLINE _Bool bgi_has_float16(void) { return 1; }
BGI_INLINE float bgi_float_of_float16(uint16_t bits) {
    _Float16 value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}
#else
BGI_INLINE _Bool bgi_has_float16(void) { return 0; }
BGI_INLINE float bgi_float_of_float16(uint16_t bits) { return bits; }
#endif

/* Returns x without its fraction. Nothing is checked: x must be from 0 to below 2^64. */
BGI_INLINE uint64_t bgi_whole(double x) { return (uint64_t)x; }

/* Returns x * x + c. It is rounded once if bgi_has_fma() says so. Otherwise the product is rounded too, so that the callers see to it that
 * the product is exact. */
typedef double bgi_f64x8_value __attribute__((ext_vector_type(8)));
#if defined(__FMA__) || defined(__aarch64__)
BGI_INLINE _Bool bgi_has_fma(void) { return 1; }
BGI_INLINE bgi_f64x8_value bgi_square_plus(bgi_f64x8_value x, bgi_f64x8_value c) { return __builtin_elementwise_fma(x, x, c); }
#else
BGI_INLINE _Bool bgi_has_fma(void) { return 0; }
BGI_INLINE bgi_f64x8_value bgi_square_plus(bgi_f64x8_value x, bgi_f64x8_value c) { return x * x + c; }
#endif

#pragma clang assume_nonnull end

#endif
