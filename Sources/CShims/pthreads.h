/* The system's threads, for threads.c and kept.c. */
#ifndef BGI_PTHREADS_H
#define BGI_PTHREADS_H

#include "inline.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* These are the oldest versions of the symbols, so that the library loads on systems where they are in a library of their own. The symbols
 * are weak, so that the library loads where that library is missing, and works with one thread. */
__asm__(".symver pthread_create, pthread_create@" BGI_OLDEST);
__asm__(".symver pthread_join, pthread_join@" BGI_OLDEST);
__asm__(".symver pthread_setcancelstate, pthread_setcancelstate@" BGI_OLDEST);
__asm__(".symver pthread_sigmask, pthread_sigmask@" BGI_OLDEST);
#pragma weak pthread_create
#pragma weak pthread_join
#pragma weak pthread_setcancelstate
#pragma weak pthread_sigmask

static inline int bgi_has_threads(void) { return pthread_create && pthread_join && pthread_setcancelstate && pthread_sigmask; }

/* Starts threads[first] to threads[count - 1], and returns how many threads there are then: less than count if the system gives no more.
 * The threads block all signals, because the host's signals are for its own threads. */
static inline size_t bgi_start_threads(pthread_t *threads, size_t first, size_t count, void *(*run)(void *), void *argument) {
    sigset_t all, mask;
    if (first >= count) return first;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    while (first < count && pthread_create(&threads[first], NULL, run, argument) == 0) first++;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return first;
}

/* Sleeps for some microseconds, less than a million, while another thread is at work that this thread has to wait for. It does not spin, because a thread of lower
 * priority might not run while this one spins. */
static inline void bgi_sleep(long microseconds) {
    int cancel_state, error = errno;
    if (pthread_setcancelstate) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    nanosleep(&(struct timespec){.tv_nsec = 1000 * microseconds}, NULL);
    if (pthread_setcancelstate) pthread_setcancelstate(cancel_state, NULL);
    errno = error;
}

#endif
