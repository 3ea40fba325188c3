/* Divides calls among threads: the library's own, or those of a pool that the host lends. */
#include "kept.h"
#include "pthreads.h"
#include "shims.h"

#include <stdatomic.h>

static _Atomic int32_t max_threads = 1;

void bgi_set_max_threads(int32_t n) { max_threads = n; }
int32_t bgi_max_threads(void) { return max_threads; }

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

void bgi_set_parallel_for(boxgrad_parallel_for_fn fn, void *context) {
    while (atomic_flag_test_and_set_explicit(&is_changing, memory_order_acquire)) bgi_sleep(100);
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

static void work_on_all(void *work) { work_on(work, 0, 1); }

static void *thread_main(void *work) {
    work_on_all(work);
    return NULL;
}

static void work_with_threads(bgi_work *work, size_t threads) {
    pthread_t helpers[BGI_MOST_THREADS];
    int cancel_state;
    /* A cancelled thread would leave pthread_join, and its stack would end while the helpers use it. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    size_t started = bgi_start_threads(helpers, 0, threads - 1, thread_main, work);
    /* This also does the work for which no thread could be started. */
    work_on_all(work);
    while (started > 0) pthread_join(helpers[--started], NULL);
    pthread_setcancelstate(cancel_state, NULL);
}

/* A thread that is kept costs less than one that must be started, and so it is worth less work. A host's pool may start threads. */
enum { LESS_WORK = 8 };

static int uses_kept_threads(void) {
    void *context;
    return bgi_keeps_threads() && !pool(&context);
}

static ptrdiff_t threads_worth(ptrdiff_t count, ptrdiff_t worth_thread) {
    /* The limit is read once, because another thread may change it. */
    const ptrdiff_t most = max_threads;
    if (most <= 1 || count <= worth_thread) return 1; /* a small call would wait for the division of integers */
    ptrdiff_t threads = count / (worth_thread > 1 ? worth_thread : 1);
    if (threads > most) threads = most;
    if (threads > BGI_MOST_THREADS) threads = BGI_MOST_THREADS;
    return threads > 1 ? threads : 1;
}

ptrdiff_t bgi_chunk(ptrdiff_t rows) { return uses_kept_threads() ? rows / LESS_WORK : rows; }

ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread) {
    return threads_worth(count, uses_kept_threads() ? worth_thread / LESS_WORK : worth_thread);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void bgi_parallel(ptrdiff_t first, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *context) {
    if (count <= rows) {
        if (count > 0) task(context, (size_t)first, (size_t)(first + count));
        return;
    }
    const size_t chunks = (size_t)count / (size_t)rows + (count % rows != 0);
    const size_t threads = least(chunks, (size_t)bgi_threads(count, worth_thread));
    bgi_work work = {task, context, (size_t)first, (size_t)count, (size_t)rows, chunks, 0};
    if (threads <= 1 || is_dividing) return work_on(&work, 0, 1);

    const int error = errno;
    is_dividing = 1;
    void *pool_context;
    const boxgrad_parallel_for_fn fn = pool(&pool_context);
    if (fn) fn(pool_context, threads, work_on, &work);
    else if (bgi_has_threads() && !bgi_run_with_kept(threads - 1, work_on_all, &work)) {
        const size_t worth_starting = least(chunks, (size_t)threads_worth(count, worth_thread));
        if (worth_starting > 1) work_with_threads(&work, worth_starting);
    }
    /* This does the work that a pool has left, and all work where there are no threads. */
    work_on(&work, 0, 1);
    is_dividing = 0;
    errno = error;
}
