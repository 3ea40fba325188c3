/* Describes the memory for the duration of a call: how much each kernel takes, what lies in it, and how it is allocated. */
#ifndef BGI_SCRATCH_H
#define BGI_SCRATCH_H

#include "inline.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#pragma clang assume_nonnull begin

/* The pairwise kernel takes BGI_PAIRWISE_WIDTH boxes of b at a time. bgi_pairwise_scratch returns how many elements of scratch it needs:
 * seven columns of these boxes and of a tile, four columns of results, and the part of a row that is streamed at a time. */
enum { BGI_PAIRWISE_WIDTH = 8192, BGI_PAIRWISE_BLOCK = 1024 };
BGI_INLINE ptrdiff_t bgi_pairwise_scratch(ptrdiff_t b_count) {
    ptrdiff_t width = b_count < BGI_PAIRWISE_WIDTH ? (b_count + 31) / 32 * 32 : BGI_PAIRWISE_WIDTH;
    return 7 * width + 11 * 32 + BGI_PAIRWISE_BLOCK;
}

/* A candidate of a suppression, with the key that it is sorted by. */
typedef struct {
    uint64_t key;
    ptrdiff_t index;
} bgi_ranked;

/* The columns of numbers that a measured box takes, upright or rotated. A rotated box also has its direction, in double. */
enum { BGI_COLUMNS = 7 };
BGI_INLINE ptrdiff_t bgi_rotated_columns(ptrdiff_t size) { return BGI_COLUMNS + 2 * (ptrdiff_t)sizeof(double) / size; }

/* The scratch of nms and soft_nms, in bytes for each box and in bytes for all boxes. It holds two lists of candidates, one list of numbers,
 * and the counts of a sort. In tiles of 32 it holds the columns of boxes and, for soft_nms, one column of scores. For nms it also holds
 * the bounds of the tiles, the bounds of 32 such bounds, and so on. After these, there is a tile and a column of overlaps. */
enum { BGI_SORT_COUNTS = 8 * 256 * sizeof(ptrdiff_t), BGI_LEVELS = 13 };
BGI_INLINE ptrdiff_t bgi_suppress_scratch_each(ptrdiff_t size, ptrdiff_t columns) {
    return 2 * (ptrdiff_t)sizeof(bgi_ranked) + 8 + (columns + 1) * size;
}
BGI_INLINE ptrdiff_t bgi_suppress_scratch_all(ptrdiff_t size, ptrdiff_t columns) {
    return BGI_SORT_COUNTS + BGI_LEVELS * (columns + 1) * 32 * size + 64;
}

/* match compares BGI_MATCH_ROWS proposals with BGI_MATCH_TRUTHS truths at a time. bgi_match_scratch returns the bytes of a thread's scratch.
 * It holds four columns and those of a tile, the columns of the truths (which have room for iou_pairwise's scratch for one row of proposals), and
 * the best overlap and truth of each proposal. From bgi_match_peaks on, it holds where the best proposals of each truth are, and the greatest
 * overlap of each truth in eight lanes. `columns` are those of a box. */
enum { BGI_MATCH_ROWS = 1024, BGI_MATCH_TRUTHS = 4096 };
typedef struct {
    double overlap;
    ptrdiff_t first, last; /* These number chunks of BGI_MATCH_ROWS proposals. */
} bgi_peak;
BGI_INLINE ptrdiff_t bgi_match_columns(ptrdiff_t truth_count, ptrdiff_t columns) {
    ptrdiff_t truths = truth_count < BGI_MATCH_TRUTHS ? truth_count : BGI_MATCH_TRUTHS;
    ptrdiff_t width = truths > BGI_MATCH_ROWS ? truths : BGI_MATCH_ROWS;
    return columns * ((width + 31) / 32 * 32 + 64);
}
BGI_INLINE ptrdiff_t bgi_match_peaks(ptrdiff_t truth_count, ptrdiff_t size, ptrdiff_t columns) {
    return ((4 + columns) * 32 + bgi_match_columns(truth_count, columns) + BGI_MATCH_ROWS) * size + BGI_MATCH_ROWS * 8;
}
BGI_INLINE ptrdiff_t bgi_match_scratch(ptrdiff_t truth_count, ptrdiff_t size, ptrdiff_t columns) {
    return (bgi_match_peaks(truth_count, size, columns) + truth_count * ((ptrdiff_t)sizeof(bgi_peak) + 8 * size) + 63) / 64 * 64;
}

/* Allocates and frees memory for the duration of a call. The host's errno stays as it was. */
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

#pragma clang assume_nonnull end

#endif
