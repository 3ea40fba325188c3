/* Divides calls of a kernel in C among the library's own threads, under ThreadSanitizer: callers at once, whose inputs and outputs are plain
 * memory, while another thread changes the settings. It is linked with threads.c and kept.c, compiled as a library of their own. */
#include <boxgrad.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "threads.h"

enum { callers = 4, rounds = 2000, rows = 4096, chunk = 64 };

typedef struct { const int *in; int *out; } call;

static void triple(void *context, size_t begin, size_t end) {
    const call *c = context;
    for (size_t i = begin; i < end; i++) c->out[i] = 3 * c->in[i];
}

static void pool(void *context, size_t count, boxgrad_task task, void *task_context) {
    (void)context;
    task(task_context, 0, count);
}

static int finished;

static void *call_again_and_again(void *first) {
    int in[rows], out[rows];
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < rows; i++) in[i] = (int)(intptr_t)first + round + i;
        memset(out, 0, sizeof out);
        bgi_parallel(0, rows, chunk, chunk, triple, &(call){in, out});
        for (int i = 0; i < rows; i++) if (out[i] != 3 * in[i]) printf("row %d is %d, not %d\n", i, out[i], 3 * in[i]), exit(1);
    }
    __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
    return NULL;
}

int main(void) {
    pthread_t threads[callers];
    bgi_set_max_threads(3);
    bgi_set_keep_threads(1);
    for (intptr_t k = 0; k < callers; k++) if (pthread_create(&threads[k], NULL, call_again_and_again, (void *)(k << 20)) != 0) return 1;
    for (int k = 0; __atomic_load_n(&finished, __ATOMIC_ACQUIRE) < callers; k++) {
        bgi_set_max_threads(2 + k % 3);
        if (k % 16 == 15) bgi_set_parallel_for(k % 32 == 15 ? pool : NULL, NULL);
        if (k % 8 == 7) bgi_set_keep_threads(k % 16 == 7 ? 0 : 1);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    for (int k = 0; k < callers; k++) pthread_join(threads[k], NULL);
    bgi_set_keep_threads(0);
    return 0;
}
