/* What Swift cannot say, and the tables through which the exported functions reach the kernels. Not API. */
#ifndef CSHIMS_H
#define CSHIMS_H
#include <boxgrad.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Thread-local storage that is there as soon as the thread is. By default that of a library loaded with dlopen is allocated when a thread first
 * touches it, and glibc ends the process if there is no memory for it. glibc keeps room for such storage; other C libraries (musl) refuse to load a
 * library that wants it. */
#if defined(__GLIBC__)
#define BGI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define BGI_THREAD_LOCAL _Thread_local
#endif

/* Selects for the kernels: see Kernels/Scalar.swift. */
#define BGI_INLINE static inline __attribute__((always_inline))
BGI_INLINE float bgi_choose_f32(_Bool condition, float a, float b) { return condition ? a : b; }
BGI_INLINE double bgi_choose_f64(_Bool condition, double a, double b) { return condition ? a : b; }
BGI_INLINE _Bool bgi_both(_Bool a, _Bool b) { return a & b; }
BGI_INLINE uint8_t bgi_bit(_Bool condition) { return condition; }

#pragma clang assume_nonnull begin

/* Nothing; but a loop with it in is left as it stands. */
BGI_INLINE void bgi_keep_loop(void) { __asm__ volatile(""); }
/* Asks for the line at an address, which may be past the end. */
BGI_INLINE void bgi_prefetch(const void *address) { __builtin_prefetch(address); }
/* Whether the processor converts float16, and its conversion, which is exact. */
#if defined(__F16C__) || defined(__aarch64__)
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

/* Rows of four turned into columns of 32 and back: see Kernels/Tile.swift. The compiler leaves such loops scalar; here the shuffles are
 * spelled out, eight floats or four doubles at a time. */
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

/* The same rows, `stride` apart. */
typedef float bgi_f32x4 __attribute__((vector_size(16), aligned(4)));

BGI_INLINE void bgi_spaced_rows_of_columns_f32(const float *columns, float *rows, ptrdiff_t stride) {
    float packed[128];
    bgi_rows_of_columns_f32(columns, packed);
    for (int k = 0; k < 32; k++) *(bgi_f32x4 *)(rows + k * stride) = *(const bgi_f32x4 *)(packed + 4 * k);
}

/* Four rows become four columns, and four columns become four rows: a transposition is its own inverse. */
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

BGI_INLINE void bgi_columns_of_rows_f64(const double *rows, double *columns) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(rows + 4 * k, 4, columns + k, 32);
}

BGI_INLINE void bgi_rows_of_columns_f64(const double *columns, double *rows) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(columns + k, 32, rows + 4 * k, 4);
}

BGI_INLINE void bgi_spaced_rows_of_columns_f64(const double *columns, double *rows, ptrdiff_t stride) {
    for (int k = 0; k < 32; k += 4) bgi_transpose_f64(columns + k, 32, rows + k * stride, stride);
}

/* The kernels of one element type and one CPU tier. Each works on rows of a call, which Kernels/Calls.swift describes and which was checked. They are
 * called through C function pointers only: a Swift call into another Embedded module lets the compiler copy the body and compile it for the caller's
 * CPU. */
typedef struct {
    boxgrad_task box_area, box_area_grad, box_convert, box_clip, box_clip_grad, clip, clip_grad, iou_pairwise, iou_pairwise_grad, iou_aligned,
        iou_loss, smooth_l1, delta_degenerate, delta_encode, delta_encode_grad, delta_decode, delta_decode_grad, nms, soft_nms, match,
        match_low_quality;
} bgi_kernels_of_type;

/* Kernels that nobody waits for, or that leave the work to others: compiled once, for every CPU. */
typedef struct {
    boxgrad_task box_convert_grad, box_inspect, box_rotate;
} bgi_common_kernels_of_type;

/* How many boxes of b the pairwise kernel takes at a time, and the elements of scratch it needs: seven columns of them and of a tile, and
 * four of results. */
enum { BGI_PAIRWISE_WIDTH = 8192 };
BGI_INLINE ptrdiff_t bgi_pairwise_scratch(ptrdiff_t b_count) {
    ptrdiff_t width = b_count < BGI_PAIRWISE_WIDTH ? (b_count + 31) / 32 * 32 : BGI_PAIRWISE_WIDTH;
    return 7 * width + 11 * 32;
}

/* A candidate of a suppression, with what it is sorted by. */
typedef struct {
    uint64_t key;
    ptrdiff_t index;
} bgi_ranked;

/* The scratch of nms and soft_nms, in bytes for each box and for all: two lists of candidates and one of numbers; seven columns and one of
 * scores in tiles of 32, for nms with those of the tiles' bounds, of the bounds of 32 such bounds, and so on; and the counts of a sort. */
enum { BGI_SORT_COUNTS = 8 * 256 * sizeof(ptrdiff_t), BGI_LEVELS = 13 };
BGI_INLINE ptrdiff_t bgi_suppress_scratch_each(ptrdiff_t size) { return 2 * (ptrdiff_t)sizeof(bgi_ranked) + 8 + 8 * size; }
BGI_INLINE ptrdiff_t bgi_suppress_scratch_all(ptrdiff_t size) { return BGI_SORT_COUNTS + BGI_LEVELS * 8 * 32 * size + 64; }

/* How many proposals match compares at a time, with how many truths, and a thread's scratch in bytes: a tile's columns, the truths' (as
 * large as iou_pairwise's scratch for a row of proposals), the proposals' best so far, and from bgi_match_peaks on where each
 * truth's best proposals are and its best in eight lanes. */
enum { BGI_MATCH_ROWS = 1024, BGI_MATCH_TRUTHS = 4096, BGI_MATCH_TILE = 11 * 32 };
typedef struct {
    double overlap;
    ptrdiff_t first, last; /* chunks of BGI_MATCH_ROWS proposals */
} bgi_peak;
BGI_INLINE ptrdiff_t bgi_match_columns(ptrdiff_t truth_count) {
    ptrdiff_t truths = truth_count < BGI_MATCH_TRUTHS ? truth_count : BGI_MATCH_TRUTHS;
    ptrdiff_t width = truths > BGI_MATCH_ROWS ? truths : BGI_MATCH_ROWS;
    return 7 * ((width + 31) / 32 * 32 + 64);
}
BGI_INLINE ptrdiff_t bgi_match_peaks(ptrdiff_t truth_count, ptrdiff_t size) {
    return (BGI_MATCH_TILE + bgi_match_columns(truth_count) + BGI_MATCH_ROWS) * size + BGI_MATCH_ROWS * 8;
}
BGI_INLINE ptrdiff_t bgi_match_scratch(ptrdiff_t truth_count, ptrdiff_t size) {
    return (bgi_match_peaks(truth_count, size) + truth_count * ((ptrdiff_t)sizeof(bgi_peak) + 8 * size) + 63) / 64 * 64;
}

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

const char *bgi_version_string(void);

/* The limit on a call's threads, and the host's pool. */
void bgi_set_max_threads(int32_t n);
int32_t bgi_max_threads(void);
void bgi_set_parallel_for(boxgrad_parallel_for_fn _Nullable fn, void *_Nullable context);

/* The bytes of a tensor's element; 0 if the dtype is unknown. */
BGI_INLINE ptrdiff_t bgi_element_size(int32_t dtype) {
    return dtype == BOXGRAD_F32 ? 4 : dtype == BOXGRAD_F64 ? 8 : dtype == BOXGRAD_F16 || dtype == BOXGRAD_BF16 ? 2 : 0;
}

/* So many elements of a norm, of a match or of an elementwise function are worth a thread. */
enum { BGI_ELEMENTS_WORTH_THREAD = 1 << 19 };

/* Calls task for each chunk of `rows` of first..<first + count, once and in any order, with as many threads as the settings allow and `worth_thread`
 * rows each deserve. bgi_threads says how many those are at most. */
void bgi_parallel(ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *_Nullable context);
ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread);

/* What chunks find together. */
BGI_INLINE void bgi_add(ptrdiff_t *total, ptrdiff_t n) { __atomic_fetch_add(total, n, __ATOMIC_RELAXED); }
BGI_INLINE void bgi_lower(ptrdiff_t *least, ptrdiff_t n) {
    ptrdiff_t seen = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (n < seen && !__atomic_compare_exchange_n(least, &seen, n, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

/* Memory for the time of a call. The host's errno stays as it was. */
BGI_INLINE void *_Nullable bgi_allocate(size_t size) {
    const int error = errno;
    void *memory = malloc(size);
    errno = error;
    return memory;
}
BGI_INLINE void bgi_free(void *memory) {
    const int error = errno;
    free(memory);
    errno = error;
}

/* What an argument was. A count is a size_t, which Swift sees as a signed integer. */
typedef struct {
    enum { BGI_NOTHING, BGI_NUMBER, BGI_INTEGER, BGI_COUNT } kind;
    double number;
    int64_t integer;
} bgi_value;

/* Stores the calling thread's error sentence, "<argument>[<row>][<element>] <reason> <least> (got <value>)", and returns status. Negative
 * indices, a negative least and no value are left out. */
boxgrad_status bgi_fail(boxgrad_status status, const char *argument, ptrdiff_t row, ptrdiff_t element, const char *reason, ptrdiff_t least,
                        bgi_value got);

#pragma clang assume_nonnull end
#endif
