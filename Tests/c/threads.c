/* A host with threads: calls from many at once, settings that change meanwhile, signals, fork, cancellation, a rounding mode, and no thread
 * to be had. Then the same with threads that are kept, of which kept.c knows more. */
#include <boxgrad.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { callers = 8, rows = 270000, summed = 300000, side = 1095 };
static float boxes[4 * (summed + 1)];
static atomic_int finished;

/* Takes the place of the C library's in the whole process. */
static atomic_int threads_left = 1 << 30, started;
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (atomic_fetch_sub(&threads_left, 1) <= 0) return EAGAIN;
    started++;
    return real(thread, attributes, start, argument);
}

/* Beside the main thread, and what an emulator has of its own. */
static int threads_at_first;

static int more_threads_now(void) {
    int found = -2 - threads_at_first; /* . and .. */
    DIR *directory = opendir("/proc/self/task");
    while (readdir(directory)) found++;
    closedir(directory);
    return found;
}

/* A thread that has been joined may stay listed for a moment. */
static int more_threads(void) {
    for (int waited = 0; waited < 1000 && more_threads_now() > 0; waited++) usleep(1000);
    return more_threads_now();
}

/* ---- Calls whose results are known ---- */

typedef struct { float value[4 * rows]; double sum; } result;

static void call(int which, result *r) {
    const float *a = boxes, *b = boxes + 4;
    boxgrad_tensor tensor = {boxes, 4 * summed, BOXGRAD_F32, 0};
    boxgrad_status status;
    memset(r, 0, sizeof *r);
    switch (which % callers) {
    case 0: status = boxgrad_iou_pairwise_f32(BOXGRAD_CIOU, a, 600, 4, b, 960, 4, 1e-7, r->value, 960, NULL); break;
    case 1: status = boxgrad_iou_pairwise_grad_f32(BOXGRAD_IOU, a, side, 4, b, side, 4, 0, boxes, side, r->value, r->value + 4 * side); break;
    case 2: status = boxgrad_iou_aligned_f32(BOXGRAD_DIOU, a, 4, b, 4, rows, 0, r->value, NULL, NULL); break;
    case 3: status = boxgrad_iou_loss_f32(BOXGRAD_GIOU, a, 4, b, 4, summed, NULL, 1e-7, 1, &r->sum, NULL, NULL, NULL); break;
    case 4: status = boxgrad_smooth_l1_f32(a, b, NULL, NULL, 4 * summed, 1, 1, &r->sum, NULL, NULL, NULL); break;
    case 5: status = boxgrad_delta_encode_f32(NULL, a, 4, b, 4, rows, r->value, NULL, NULL); break;
    case 6: status = boxgrad_delta_decode_f32(NULL, a, 4, b, 4, rows, 1, r->value); break;
    default: status = boxgrad_grad_norm(&tensor, 1, 2, &r->sum, NULL, NULL);
    }
    CHECK(status == BOXGRAD_OK);
}

static result wanted[callers];

/* Compares each function's result with what it was with one thread. */
static void check_calls(int first, int count) {
    result *r = malloc(sizeof *r);
    for (int which = first; which < first + count; which++) {
        call(which, r);
        CHECK(memcmp(r, &wanted[which % callers], sizeof *r) == 0);
    }
    free(r);
}

/* ---- Many callers, and settings that change ---- */

typedef struct { int kind; atomic_int calls; } pool_context;
static pool_context pools[2] = {{.kind = 0}, {.kind = 1}};

static void forward(void *context, size_t count, boxgrad_task task, void *task_context) {
    CHECK(context == &pools[0] && count > 1);
    ((pool_context *)context)->calls++;
    for (size_t i = 0; i < count; i++) task(task_context, i, i + 1);
}

static void at_once(void *context, size_t count, boxgrad_task task, void *task_context) {
    CHECK(context == &pools[1] && count > 1);
    ((pool_context *)context)->calls++;
    task(task_context, 0, count);
}

static void *change_settings(void *keep) {
    for (int k = 0; !finished; k++) {
        CHECK(boxgrad_set_max_threads(k % 7 + 1) == BOXGRAD_OK);
        if (keep) CHECK(boxgrad_set_keep_threads(k % 5 != 0) == BOXGRAD_OK);
        CHECK(boxgrad_set_parallel_for(k % 3 == 0 ? forward : k % 3 == 1 ? at_once : NULL, k % 3 < 2 ? &pools[k % 3] : NULL) == BOXGRAD_OK);
    }
    return NULL;
}

/* Every caller's own row is refused in its own sentence, which outlives the others' failures. */
static void *call_and_fail(void *argument) {
    const int caller = (int)(intptr_t)argument;
    float *const proposals = malloc(4 * rows * sizeof *proposals), *const deltas = malloc(4 * rows * sizeof *deltas);
    char sentence[64];
    memcpy(proposals, boxes, 4 * rows * sizeof *proposals);
    const int row = rows - 1 - 1000 * caller;
    proposals[4 * row + 2] = proposals[4 * row];
    snprintf(sentence, sizeof sentence, "proposals[%d] has a width", row);
    for (int round = 0; round < 8 || (round < 1000 && !(pools[0].calls && pools[1].calls)); round++) {
        CHECK(boxgrad_delta_encode_f32(NULL, proposals, 4, boxes, 4, rows, deltas, NULL, NULL) == BOXGRAD_DEGENERATE_BOX);
        check_calls(caller + round, 1);
        CHECK(strncmp(boxgrad_last_error(), sentence, strlen(sentence)) == 0);
    }
    free(proposals), free(deltas);
    return NULL;
}

static void many_callers(int keep) {
    pthread_t threads[callers + 1];
    finished = pools[0].calls = pools[1].calls = 0;
    CHECK(pthread_create(&threads[callers], NULL, change_settings, keep ? &finished : NULL) == 0);
    for (intptr_t k = 0; k < callers; k++) CHECK(pthread_create(&threads[k], NULL, call_and_fail, (void *)k) == 0);
    for (int k = 0; k < callers; k++) pthread_join(threads[k], NULL);

    finished = 1;
    pthread_join(threads[callers], NULL);
    CHECK(pools[0].calls > 0 && pools[1].calls > 0);
    CHECK(boxgrad_set_parallel_for(NULL, NULL) == BOXGRAD_OK && boxgrad_set_keep_threads(keep) == BOXGRAD_OK);
}

static void *set_pool(void *context) {
    while (!finished) boxgrad_set_parallel_for(context == &pools[0] ? forward : at_once, context);
    return NULL;
}

/* Calls, and forks, while other threads are in the middle of a change: a pool has its own context, and a child's calls do not wait. */
static void among_changes(void) {
    pthread_t threads[2];
    finished = 0;
    CHECK(boxgrad_set_max_threads(2) == BOXGRAD_OK);
    for (int k = 0; k < 2; k++) CHECK(pthread_create(&threads[k], NULL, set_pool, &pools[k]) == 0);
    for (int k = 0; k < 200; k++) check_calls(2, 1);
    for (int k = 0; k < 200 && !failures; k++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(2);
            boxgrad_set_parallel_for(NULL, NULL);
            if (k % 20 == 0) check_calls(k / 20, 1);
            _exit(failures != 0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK(status == 0);
    }
    finished = 1;
    for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
    boxgrad_set_parallel_for(NULL, NULL);
}

/* ---- Threads that are not left, not to be had, and not interrupted ---- */

static void own_threads(void) {
    CHECK(boxgrad_set_max_threads(3) == BOXGRAD_OK);
    for (int which = 0; which < callers; which++) {
        started = 0;
        check_calls(which, 1);
        CHECK(started > 0 && started <= 4); /* some divide two things, one after the other */
    }
    CHECK(more_threads() == 0);
    for (int left = 0; left < 3; left++) for (int which = 0; which < callers; which++) {
        threads_left = left;
        check_calls(which, 1);
    }
    threads_left = 1 << 30;

    const pid_t child = fork();
    if (child == 0) {
        check_calls(0, callers);
        _exit(failures != 0 || more_threads() != 0);
    }
    check_calls(0, callers);
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
}

static _Thread_local int is_host_thread;
static atomic_int signals_here, signals_elsewhere;

static void on_signal(int number) {
    (void)number;
    if (is_host_thread) signals_here++;
    else signals_elsewhere++;
}

static void *signal_target(void *none) {
    sigset_t before, after;
    sigset_t usr1;
    sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
    is_host_thread = 1;
    pthread_sigmask(SIG_UNBLOCK, &usr1, &before);
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    for (int k = 0; k < 10; k++) check_calls(0, callers);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < 32; number++) CHECK(sigismember(&before, number) == sigismember(&after, number));
    finished = 1;
    return none;
}

/* Signals for the process, which a thread of the library may take as well as the one that called it, had it not blocked them. */
static void signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t usr1;
    pthread_t target;
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    finished = 0;
    CHECK(pthread_create(&target, NULL, signal_target, NULL) == 0);
    while (!finished) kill(getpid(), SIGUSR1), usleep(20);
    pthread_join(target, NULL);
    CHECK(signals_here > 0 && signals_elsewhere == 0);
}

/* A call is no place to be cancelled: its threads work on its stack. */
static void *cancelled(void *done) {
    pthread_cancel(pthread_self());
    check_calls(2, 1);
    *(int *)done = 1;
    pthread_testcancel();
    *(int *)done = 2;
    return NULL;
}

static void cancellation(void) {
    pthread_t thread;
    int done = 0;
    void *left;
    CHECK(pthread_create(&thread, NULL, cancelled, &done) == 0);
    pthread_join(thread, &left);
    CHECK(done == 1 && left == PTHREAD_CANCELED);
}

/* The library's threads round as the one that called it does. */
static void rounding(void) {
    result *alone = malloc(sizeof *alone), *divided = malloc(sizeof *divided);
    int changed = 0;
    fesetround(FE_UPWARD);
    for (int which = 0; which < callers; which++) {
        boxgrad_set_max_threads(1);
        call(which, alone);
        boxgrad_set_max_threads(3);
        call(which, divided);
        CHECK(memcmp(alone, divided, sizeof *alone) == 0);
        changed += memcmp(alone, &wanted[which], sizeof *alone) != 0;
    }
    CHECK(changed > callers / 2 && fegetround() == FE_UPWARD);
    fesetround(FE_TONEAREST);
    free(alone), free(divided);
}

/* With an argument, only what an emulator can do: many threads take it minutes, and a fork among them ends it. */
int main(int argc, char **argv) {
    (void)argv;
    unsigned state = 1;
    for (int k = 0; k < 4 * (summed + 1); k++) {
        state = state * 1664525 + 1013904223;
        boxes[k] = (float)(state >> 16) / 65536 + (k % 4 < 2 ? 0 : 1 + (k / 4 % 3));
    }
    threads_at_first = more_threads();
    for (int which = 0; which < callers; which++) call(which, &wanted[which]);
    own_threads();
    for (int keep = 0; keep < 2; keep++) {
        CHECK(boxgrad_set_keep_threads(keep) == BOXGRAD_OK);
        cancellation();
        rounding();
        if (argc > 1) continue;
        signals();
        many_callers(keep);
        among_changes();
    }
    CHECK(boxgrad_set_keep_threads(0) == BOXGRAD_OK && more_threads() == 0);
    return failures != 0;
}
