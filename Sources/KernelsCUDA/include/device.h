/* What a device kernel asks of the GPU. tools/ptx.py turns each of these names into what PTX has for it. */
#ifndef BGI_DEVICE_H
#define BGI_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* The thread's number in its block, the number of threads in a block, and the same of the block in the grid. */
__attribute__((const)) int32_t bgi_thread_x(void);
__attribute__((const)) int32_t bgi_threads_x(void);
__attribute__((const)) int32_t bgi_block_x(void);
__attribute__((const)) int32_t bgi_blocks_x(void);
__attribute__((const)) int32_t bgi_block_y(void);
__attribute__((const)) int32_t bgi_blocks_y(void);

/* Waits until all threads of the block are here, and have seen what the others wrote. */
void bgi_barrier(void);

/* These functions load and store four numbers at once. In the GPU's memory they must begin at a multiple of their size. What is loaded must
 * not be written by the same kernel; what is read may be. What is fetched is in the memory that threads share, and begins at such a multiple, too. */
void bgi_load4_f32(float *to, const float *from);
void bgi_load4_f64(double *to, const double *from);
void bgi_read4_f32(float *to, const float *from);
void bgi_read4_f64(double *to, const double *from);
void bgi_fetch4_f32(float *to, const float *from);
void bgi_fetch4_f64(double *to, const double *from);
void bgi_store4_f32(float *to, const float *from);
void bgi_store4_f64(double *to, const double *from);

/* Several threads may do this to a number at once. bgi_raise makes it the bits of x if these are more, as integers. */
#define BGI_ATOMIC(result, name) static inline __attribute__((always_inline)) result name
BGI_ATOMIC(void, bgi_raise_f32)(void *number, uint32_t x) { __atomic_fetch_max((uint32_t *)number, x, __ATOMIC_RELAXED); }
BGI_ATOMIC(void, bgi_raise_f64)(void *number, uint64_t x) { __atomic_fetch_max((uint64_t *)number, x, __ATOMIC_RELAXED); }
BGI_ATOMIC(uint32_t, bgi_read_f32)(const void *number) { return __atomic_load_n((const uint32_t *)number, __ATOMIC_RELAXED); }
BGI_ATOMIC(uint64_t, bgi_read_f64)(const void *number) { return __atomic_load_n((const uint64_t *)number, __ATOMIC_RELAXED); }
BGI_ATOMIC(void, bgi_or)(uint64_t *word, uint64_t bits) { __atomic_fetch_or(word, bits, __ATOMIC_RELAXED); }
#undef BGI_ATOMIC

/* Returns the bits of the float16 that is nearest to x, of two the even one. */
static inline __attribute__((always_inline)) uint16_t bgi_float16(float x) {
    _Float16 value = (_Float16)x;
    uint16_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Memory that a block's threads share: 1024 numbers, 4096 numbers beside them, and 2080 integers. A kernel has what it uses. */
static inline __attribute__((always_inline)) double *bgi_shared_numbers(void) {
    extern double bgi_numbers[];
    return bgi_numbers;
}
static inline __attribute__((always_inline)) double *bgi_shared_stage(void) {
    extern double bgi_stage[];
    return bgi_stage;
}
static inline __attribute__((always_inline)) uint64_t *bgi_shared_bins(void) {
    extern uint64_t bgi_bins[];
    return bgi_bins;
}

#pragma clang assume_nonnull end

#endif
