/* Divides calls among threads. */
#ifndef BGI_THREADS_H
#define BGI_THREADS_H

#include "inline.h"
#include <boxgrad.h>

/* Marks thread-local storage that exists as soon as the thread does. By default, the storage of a library that dlopen loads is allocated
 * when a thread uses it for the first time, and glibc ends the process if there is no memory. glibc reserves room for the storage that is
 * marked here. Other C libraries (musl) refuse to load a library with such storage, and get the default. */
#if defined(__GLIBC__)
#define BGI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define BGI_THREAD_LOCAL _Thread_local
#endif

#pragma clang assume_nonnull begin

/* These functions set and return the limit on a call's threads, set whether threads are kept, and set the host's pool. */
void bgi_set_max_threads(int32_t n);
int32_t bgi_max_threads(void);
void bgi_set_keep_threads(int32_t keep);
void bgi_set_parallel_for(boxgrad_parallel_for_fn _Nullable fn, void *_Nullable context);

/* This number of elements of a norm, of a match or of an elementwise function is worth a thread. */
enum { BGI_ELEMENTS_WORTH_THREAD = 1 << 19 };

/* bgi_parallel calls task once for each chunk of `rows` rows of first..<first + count, in any order. It uses as many threads as the
 * settings allow, but at most one for each `worth_thread` rows, or for an eighth of them if threads are kept. bgi_threads returns this
 * largest number of threads. bgi_chunk returns `rows`, or an eighth of them if threads are kept, for chunks that follow the setting. */
void bgi_parallel(ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *_Nullable context);
ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread);
ptrdiff_t bgi_chunk(ptrdiff_t rows);

/* bgi_add adds what a chunk of a call finds to a total, and bgi_lower keeps the least of it. Several threads may call them at once. */
BGI_INLINE void bgi_add(ptrdiff_t *total, ptrdiff_t n) { __atomic_fetch_add(total, n, __ATOMIC_RELAXED); }
BGI_INLINE void bgi_lower(ptrdiff_t *least, ptrdiff_t n) {
    ptrdiff_t seen = __atomic_load_n(least, __ATOMIC_RELAXED);
    while (n < seen && !__atomic_compare_exchange_n(least, &seen, n, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
}

#pragma clang assume_nonnull end

#endif
