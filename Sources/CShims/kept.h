/* Threads that are kept between calls. Only threads.c uses them. */
#ifndef BGI_KEPT_H
#define BGI_KEPT_H

#include <stddef.h>
#include <stdint.h>

enum { BGI_MOST_THREADS = 256 };

/* Whether threads are kept, as bgi_set_keep_threads has set it. */
int32_t bgi_keeps_threads(void);

/* Calls run(work) on this thread, and at the same time on at most `helpers` threads that are kept, and returns 1 when all of them have
 * returned. A thread that begins late may not call it at all. Returns 0, and calls nothing, if no threads are kept or another call is using
 * them. */
int bgi_run_with_kept(size_t helpers, void (*run)(void *work), void *work);

#endif
