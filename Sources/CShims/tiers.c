/* Chooses the CPU tier: the kernels of the best instruction set that this processor has. */
#include "shims.h"

#include <stdatomic.h>

static bgi_kernels chosen;
static atomic_bool is_chosen;

/* Returns the baseline, which runs everywhere. A host may call from a constructor of its own, before the library's constructors have run. */
static const bgi_kernels *before_the_choice(void) {
    static bgi_kernels baseline;
#if defined(__aarch64__)
    baseline = bgi_kernels_neon();
#else
    baseline = bgi_kernels_baseline();
#endif
    return &baseline;
}

const bgi_kernels *bgi_current(void) {
    return atomic_load_explicit(&is_chosen, memory_order_acquire) ? &chosen : before_the_choice();
}

static bgi_kernels best_tier(void) {
#if defined(__aarch64__)
    return bgi_kernels_neon(); /* every AArch64 CPU has this tier */
#elif defined(BGI_BASELINE_ONLY)
    return bgi_kernels_baseline();
#else
    const char *wanted = getenv("BOXGRAD_CPU_TIER");
    /* This also asks the operating system which registers it saves. */
    __builtin_cpu_init();
    if ((wanted && strcmp(wanted, "baseline") == 0) || !__builtin_cpu_supports("x86-64-v3")) return bgi_kernels_baseline();
    if ((wanted && strcmp(wanted, "avx2") == 0) || !__builtin_cpu_supports("x86-64-v4")) return bgi_kernels_avx2();
    return bgi_kernels_avx512();
#endif
}

__attribute__((constructor)) static void choose_tier(void) {
    chosen = best_tier();
    atomic_store_explicit(&is_chosen, 1, memory_order_release);
}
