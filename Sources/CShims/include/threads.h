/* Calls divided among threads. */
#ifndef BGI_THREADS_H
#define BGI_THREADS_H

#include "inline.h"
#include <boxgrad.h>

/* Thread-local storage that exists as soon as the thread does. By default the storage of a library that dlopen loads is allocated when a thread
 * touches it for the first time, and glibc ends the process if there is no memory. glibc keeps room for storage of this kind. Other C libraries
 * (musl) refuse to load a library that needs it, and get the default. */
#if defined(__GLIBC__)
#define BGI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define BGI_THREAD_LOCAL _Thread_local
#endif

#pragma clang assume_nonnull begin

/* The limit on a call's threads, and the host's pool. */
void bgi_set_max_threads(int32_t n);
int32_t bgi_max_threads(void);
void bgi_set_parallel_for(boxgrad_parallel_for_fn _Nullable fn, void *_Nullable context);

/* So many elements of a norm, of a match or of an elementwise function are worth a thread. */
enum { BGI_ELEMENTS_WORTH_THREAD = 1 << 19 };

/* Calls task for each chunk of `rows` of first..<first + count, once and in any order, with as many threads as the settings allow and `worth_thread`
 * rows each deserve. bgi_threads says how many those are at most. */
void bgi_parallel(ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *_Nullable context);
ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread);

/* What the chunks of a call find is added up, or its least is kept, by whichever threads work on them. */
BGI_INLINE void bgi_add(ptrdiff_t *total, ptrdiff_t n) { __atomic_fetch_add(total, n, __ATOMIC_RELAXED); }
BGI_INLINE void bgi_lower(ptrdiff_t *least, ptrdiff_t n) {
    ptrdiff_t seen = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (n < seen && !__atomic_compare_exchange_n(least, &seen, n, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

#pragma clang assume_nonnull end

#endif
