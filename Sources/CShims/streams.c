/* Which results are streamed past the caches. */
#include "shims.h"

/* A result of this size does not stay in the last cache of the processors that gain. */
static const size_t too_large_for_caches = (size_t)32 << 20;
static size_t least_streamed = SIZE_MAX;

_Bool bgi_streams(size_t bytes) { return bytes >= least_streamed; }

/* AMD's processors from Zen on gain a third by streaming a matrix. Intel's Xeons lost time by it when they were measured, and other processors
 * were not measured. */
__attribute__((constructor)) static void choose_streaming(void) {
    const char *wanted = getenv("BOXGRAD_STREAM");
    if (wanted && strcmp(wanted, "0") == 0) return;
    if (wanted && strcmp(wanted, "1") == 0) least_streamed = 0;
#if defined(__x86_64__)
    else {
        __builtin_cpu_init();
        if (__builtin_cpu_is("amd") && __builtin_cpu_supports("avx2")) least_streamed = too_large_for_caches;
    }
#endif
}
