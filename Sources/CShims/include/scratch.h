/* Memory for the time of a call: how much each kernel takes, what lies in it, and where it comes from. */
#ifndef BGI_SCRATCH_H
#define BGI_SCRATCH_H

#include "inline.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#pragma clang assume_nonnull begin

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

#pragma clang assume_nonnull end

#endif
