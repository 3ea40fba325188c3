/* Divides calls among threads: the library's own, or those of a pool that the host lends. */
#include "shims.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static _Atomic int32_t max_threads = 1;

void bgi_set_max_threads(int32_t n) { max_threads = n; }
int32_t bgi_max_threads(void) { return max_threads; }

/* These are the oldest versions of the symbols, so that the library loads on systems where they are in a library of their own. The symbols
 * are weak, so that the library loads where that library is missing, and works with one thread. */
#if defined(__x86_64__)
#define BGI_OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define BGI_OLDEST "GLIBC_2.17"
#endif
__asm__(".symver pthread_create, pthread_create@" BGI_OLDEST);
__asm__(".symver pthread_join, pthread_join@" BGI_OLDEST);
__asm__(".symver pthread_setcancelstate, pthread_setcancelstate@" BGI_OLDEST);
__asm__(".symver pthread_sigmask, pthread_sigmask@" BGI_OLDEST);
#pragma weak pthread_create
#pragma weak pthread_join
#pragma weak pthread_setcancelstate
#pragma weak pthread_sigmask

/* ---- The host's pool ----
 * A function must never be called with another function's context, so that both are read and changed together. There are two places for
 * them. One of them is in force, and a change is written into the other. A call that reads never waits, because it may have a higher
 * priority than the thread that is changing the pool, or be in a signal handler that interrupted this thread. */

static struct { _Atomic(boxgrad_parallel_for_fn) fn; void *_Atomic context; } pools[2];
static atomic_uint generation; /* pools[generation % 2] is in force */
static atomic_flag is_changing = ATOMIC_FLAG_INIT;

/* Clears the flag in a child of fork. The child has one thread, and would wait forever for a thread of its parent that was changing the
 * pool. */
static void end_changes_of_others(void) { atomic_flag_clear(&is_changing); }
__attribute__((constructor)) static void end_changes_in_children(void) { pthread_atfork(NULL, NULL, end_changes_of_others); }

/* Sleeps while another thread is changing the pool. It does not spin, because a thread of lower priority might not run while this one
 * spins. */
static void wait_for_another(void) {
    int cancel_state, error = errno;
    if (pthread_setcancelstate) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    if (pthread_setcancelstate) pthread_setcancelstate(cancel_state, NULL);
    errno = error;
}

void bgi_set_parallel_for(boxgrad_parallel_for_fn fn, void *context) {
    while (atomic_flag_test_and_set_explicit(&is_changing, memory_order_acquire)) wait_for_another();
    const unsigned next = atomic_load_explicit(&generation, memory_order_relaxed) + 1;
    atomic_store_explicit(&pools[next % 2].fn, fn, memory_order_release);
    atomic_store_explicit(&pools[next % 2].context, context, memory_order_release);
    atomic_store_explicit(&generation, next, memory_order_release);
    atomic_flag_clear_explicit(&is_changing, memory_order_release);
}

/* Returns the function that is in force, and its context. A place is written to only while the other place is in force. Therefore the
 * function and the context belong together if their place is still in force after both are read. */
static boxgrad_parallel_for_fn pool(void **context) {
    for (;;) {
        const unsigned seen = atomic_load_explicit(&generation, memory_order_acquire);
        const boxgrad_parallel_for_fn fn = atomic_load_explicit(&pools[seen % 2].fn, memory_order_acquire);
        *context = atomic_load_explicit(&pools[seen % 2].context, memory_order_acquire);
        if (atomic_load_explicit(&generation, memory_order_relaxed) == seen) return fn;
    }
}

/* ---- Division ---- */

#define BGI_MOST_THREADS 256

typedef struct {
    boxgrad_task task;
    void *context;
    size_t first, count, rows, chunks;
    atomic_size_t next;
} bgi_work;

/* Whether the calling thread is in a divided call. A call that begins in the meantime on this thread, in a signal handler or in other work
 * of the host's pool, is not divided, because neither the start of threads nor the host's pool has to be reentrant. */
static BGI_THREAD_LOCAL volatile sig_atomic_t is_dividing;

/* Takes the next chunk until none is left. Each thread runs this. Some threads, or all, may begin so late that they find no chunk. */
static void work_on(void *context, size_t begin, size_t end) {
    (void)begin, (void)end;
    const sig_atomic_t was_dividing = is_dividing;
    is_dividing = 1;
    bgi_work *work = context;
    for (size_t chunk; (chunk = atomic_fetch_add(&work->next, 1)) < work->chunks;) {
        const size_t begin = chunk * work->rows, left = work->count - begin;
        work->task(work->context, work->first + begin, work->first + begin + (left < work->rows ? left : work->rows));
    }
    is_dividing = was_dividing;
}

static void *thread_main(void *work) {
    work_on(work, 0, 1);
    return NULL;
}

static void work_with_threads(bgi_work *work, size_t threads) {
    pthread_t helpers[BGI_MOST_THREADS];
    size_t started = 0;
    sigset_t all, mask;
    int cancel_state;
    sigfillset(&all);
    /* A cancelled thread would leave pthread_join, and its stack would end while the helpers use it. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    /* The helpers block all signals, because the host's signals are for its own threads. */
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    while (started < threads - 1 && pthread_create(&helpers[started], NULL, thread_main, work) == 0) started++;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    /* This also does the work for which no thread could be started. */
    work_on(work, 0, 1);
    while (started > 0) pthread_join(helpers[--started], NULL);
    pthread_setcancelstate(cancel_state, NULL);
}

ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread) {
    /* The limit is read once, because another thread may change it. */
    ptrdiff_t threads = count / worth_thread, most = max_threads;
    if (threads > most) threads = most;
    if (threads > BGI_MOST_THREADS) threads = BGI_MOST_THREADS;
    return threads > 1 ? threads : 1;
}

void bgi_parallel(ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *context) {
    size_t chunks = (size_t)count / (size_t)rows + (count % rows != 0), threads = (size_t)bgi_threads(count, worth_thread);
    if (threads > chunks) threads = chunks;
    bgi_work work = {task, context, (size_t)first, (size_t)count, (size_t)rows, chunks, 0};
    if (threads <= 1 || is_dividing) return work_on(&work, 0, 1);

    const int error = errno;
    is_dividing = 1;
    void *pool_context;
    const boxgrad_parallel_for_fn fn = pool(&pool_context);
    if (fn) fn(pool_context, threads, work_on, &work);
    else if (pthread_create && pthread_join && pthread_setcancelstate && pthread_sigmask) work_with_threads(&work, threads);
    /* This does the work that a pool has left, and all work where there are no threads. */
    work_on(&work, 0, 1);
    is_dividing = 0;
    errno = error;
}
