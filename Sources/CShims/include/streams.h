/* Stores that go past the caches, for results that no cache holds. */
#ifndef BGI_STREAMS_H
#define BGI_STREAMS_H

#include "inline.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma clang assume_nonnull begin

/* Returns whether a result of so many bytes is streamed to its place: the processor gains by it and the place has been written to before, or the
 * environment variable BOXGRAD_STREAM says so. */
_Bool bgi_streams(const void *target, size_t bytes);

typedef float bgi_line __attribute__((vector_size(64)));
typedef float bgi_unaligned_line __attribute__((vector_size(64), aligned(4)));

/* Copies bytes past the caches. The bytes before the first whole cache line of the target, and those after the last one, are stored as usual,
 * because a line that is streamed in part costs a read of memory. */
BGI_INLINE void bgi_stream(void *target, const void *source, ptrdiff_t size) {
    char *to = target;
    const char *from = source;
    ptrdiff_t head = (ptrdiff_t)(-(uintptr_t)to & 63);
    if (head > size) head = size;
    memcpy(to, from, (size_t)head);
    for (to += head, from += head, size -= head; size >= 64; to += 64, from += 64, size -= 64) {
        __builtin_nontemporal_store(*(const bgi_unaligned_line *)from, (bgi_line *)to);
    }
    memcpy(to, from, (size_t)size);
}

/* Makes what was streamed visible to other threads before anything that this thread stores next. Only x86-64 needs an instruction of its own. */
BGI_INLINE void bgi_finish_streams(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

#pragma clang assume_nonnull end

#endif
