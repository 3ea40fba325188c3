/* Which results are streamed past the caches. */
#include "shims.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* A result of this size does not stay in the last cache of the processors that gain. */
static const size_t too_large_for_caches = (size_t)32 << 20;
static size_t least_streamed = SIZE_MAX;

/* Returns whether most of the memory has no pages yet, as a few places in it tell. When a page is first written to, the system clears it, which
 * leaves it in the cache. A streamed store must then move it out again, and takes longer than an ordinary one. */
static _Bool is_fresh(const void *start, size_t bytes) {
    enum { places = 8 };
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const int kept = errno;
    int absent = 0;
    for (size_t k = 0; k < places; k++) {
        unsigned char resident = 1;
        void *place = (void *)(((uintptr_t)start + bytes / places * k) & -page);
        if (mincore(place, 1, &resident) == 0 && !(resident & 1)) absent++;
    }
    errno = kept;
    return absent > places / 2;
}

_Bool bgi_streams(const void *target, size_t bytes) {
    return bytes >= least_streamed && (least_streamed == 0 || !is_fresh(target, bytes));
}

/* AMD's processors from Zen on gain a third by streaming a matrix. Intel's Xeons lost time by it when they were measured, and other processors
 * were not measured. A library of one tier is for small devices: what tells the processor would take 5 KB of it. */
__attribute__((constructor)) static void choose_streaming(void) {
    const char *wanted = getenv("BOXGRAD_STREAM");
    if (wanted && strcmp(wanted, "0") == 0) return;
    if (wanted && strcmp(wanted, "1") == 0) least_streamed = 0;
#if defined(__x86_64__) && !defined(BGI_BASELINE_ONLY)
    else {
        __builtin_cpu_init();
        if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx2")) least_streamed = too_large_for_caches;
    }
#endif
}
