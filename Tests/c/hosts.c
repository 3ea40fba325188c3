/* Hosts that the library must neither hang nor end nor deceive: without memory, with threads of two priorities on one processor, with calls in signal
 * handlers, with pools that do nothing or leave by longjmp. Each is a process of its own that loads the library given as the argument, once
 * without and once with threads that are kept. */
#include <boxgrad.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

void *__libc_malloc(size_t size);
static atomic_int starved;

/* Takes the place of the C library's malloc in the whole process. */
void *malloc(size_t size) { return starved ? NULL : __libc_malloc(size); }

enum { count = 1 << 18 };
static float boxes[4 * count + 4], wanted[count], overlaps[4][count];
static const char *path;
static const boxgrad_api *api;
static int keeps;

static void load(void) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const boxgrad_api *(*get_api)(uint32_t);
    CHECK(library != NULL);
    *(void **)&get_api = dlsym(library, "boxgrad_get_api");
    api = get_api(BOXGRAD_ABI_VERSION);
}

/* A call of 2 ms that four threads would share, and whether it gave what one thread gave. */
static boxgrad_status overlap(float *out) { return api->iou_aligned_f32(BOXGRAD_CIOU, boxes, 4, boxes + 4, 4, count, 1e-7, out, NULL, NULL); }

static int is_right(int which) {
    memset(overlaps[which], 0x5A, sizeof overlaps[which]);
    return overlap(overlaps[which]) == BOXGRAD_OK && memcmp(overlaps[which], wanted, sizeof wanted) == 0;
}

static void load_for_four_threads(void) {
    load();
    CHECK(overlap(wanted) == BOXGRAD_OK);
    CHECK(api->set_max_threads(4) == BOXGRAD_OK && api->set_keep_threads(keeps) == BOXGRAD_OK);
}

/* ---- Without memory ---- */

static pthread_barrier_t loaded;

static void *call_without_memory(void *none) {
    size_t keep[100], kept = 7;
    pthread_barrier_wait(&loaded);
    CHECK(api->nms_f32(boxes, 100, 4, boxes, NULL, 0.5, 0, 100, keep, &kept) == BOXGRAD_OUT_OF_MEMORY && kept == 7);
    CHECK(strncmp(api->last_error(), "scratch ", 8) == 0);
    return none;
}

/* Also on a thread that was there before the library. */
static void no_memory(void) {
    pthread_t thread;
    pthread_barrier_init(&loaded, NULL, 2);
    CHECK(pthread_create(&thread, NULL, call_without_memory, NULL) == 0);
    load();
    starved = 1;
    call_without_memory(NULL);
    pthread_join(thread, NULL);
}

/* ---- Two priorities ---- */

static atomic_int finished;

static void *set_pool(void *none) {
    while (!finished) api->set_parallel_for(NULL, NULL);
    return none;
}

static void be_urgent(void) {
    const struct sched_param first = {.sched_priority = 10};
    CHECK(pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0 || errno == EPERM || errno == 0);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* On one processor, a thread that is always preferred calls while another changes the pool all the time. Where no such priority may be had, the
 * other thread gets the lowest there is. */
static void priorities(void) {
    cpu_set_t one;
    pthread_t other;
    const struct sched_param none = {.sched_priority = 0};
    load_for_four_threads();
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(pthread_create(&other, NULL, set_pool, NULL) == 0);
    pthread_setschedparam(other, SCHED_IDLE, &none);
    be_urgent();
    double longest = 0;
    for (int k = 0; k < 200; k++) {
        const double start = now();
        CHECK(is_right(0) && api->set_parallel_for(NULL, NULL) == BOXGRAD_OK);
        if (now() - start > longest) longest = now() - start;
        usleep(100); /* lets the other thread begin a change, so that the next call interrupts it */
    }
    finished = 1;
    pthread_join(other, NULL);
    CHECK(longest < 0.2);
    if (longest >= 0.2) printf("a call took %.3f s\n", longest);
}

/* ---- Signal handlers ---- */

static atomic_int handled, right_in_handler;

static void call_in_handler(int number) {
    (void)number;
    handled++;
    right_in_handler += is_right(1);
}

/* The handler interrupts changes of the pool and, in a pool, divided calls. */
static atomic_int pool_calls;
static void raising_pool(void *context, size_t n, boxgrad_task task, void *task_context) {
    (void)context;
    if (++pool_calls % 2) raise(SIGUSR1);
    task(task_context, 0, n);
}

static void handlers(void) {
    load_for_four_threads();
    struct sigaction action = {.sa_handler = call_in_handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGPROF, &action, NULL);

    CHECK(api->set_parallel_for(raising_pool, NULL) == BOXGRAD_OK);
    for (int k = 0; k < 5; k++) CHECK(is_right(0));
    CHECK(handled > 0 && right_in_handler == handled && pool_calls == 5); /* the calls in the handler were not divided */

    const struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    handled = right_in_handler = 0;
    setitimer(ITIMER_PROF, &often, NULL);
    for (const double start = now(); now() - start < 1;) api->set_parallel_for(handled % 2 ? raising_pool : NULL, NULL);
    setitimer(ITIMER_PROF, &never, NULL);
    CHECK(handled > 3 && right_in_handler == handled);
}

/* ---- Pools ---- */

static void lazy(void *context, size_t n, boxgrad_task task, void *task_context) {
    (void)n, (void)task, (void)task_context;
    ++*(int *)context;
}

static void partly(void *context, size_t n, boxgrad_task task, void *task_context) {
    ++*(int *)context;
    task(task_context, n - 1, n);
}

static jmp_buf before_the_call;
static void leaving(void *context, size_t n, boxgrad_task task, void *task_context) {
    (void)n, (void)task, (void)task_context;
    ++*(int *)context;
    longjmp(before_the_call, 1);
}

static void odd_pools(void) {
    load_for_four_threads();
    int calls = 0;
    CHECK(api->set_parallel_for(lazy, &calls) == BOXGRAD_OK && is_right(0) && calls == 1);
    CHECK(api->set_parallel_for(partly, &calls) == BOXGRAD_OK && is_right(0) && calls == 2);
    CHECK(api->set_parallel_for(leaving, &calls) == BOXGRAD_OK);
    if (setjmp(before_the_call) == 0) is_right(0), CHECK(!"reached");
    CHECK(calls == 3);
    CHECK(api->set_parallel_for(lazy, &calls) == BOXGRAD_OK && is_right(0) && calls == 3); /* this thread divides no more */
}

/* ---- All of them ---- */

static void in_a_child(const char *name, void (*host)(void)) {
    int status = -1;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        host();
        fflush(stdout);
        _exit(failures != 0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s: ended by signal %d\n", name, WTERMSIG(status));
    CHECK(status == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    path = argv[1];
    unsigned state = 1;
    for (int k = 0; k < 4 * count + 4; k++) {
        state = state * 1664525 + 1013904223;
        boxes[k] = (float)(state >> 16) / 65536 + (k % 4 < 2 ? 0 : 1 + (k / 4 % 3));
    }
    in_a_child("without memory", no_memory);
    for (keeps = 0; keeps < 2; keeps++) {
        in_a_child("two priorities", priorities);
        in_a_child("signal handlers", handlers);
        in_a_child("pools", odd_pools);
    }
    return failures != 0;
}
