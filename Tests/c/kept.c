/* Threads that are kept: how many there are and when, that they sleep, and what becomes of them in a child of fork, at exit, beside a host's
 * pool, under signals, where the system gives no threads, and where the caller rounds or flushes in another way. Each part is a process of
 * its own that loads the library given as the argument. threads.c, hosts.c, memory.c and plugin.c do what they do with kept threads, too. */
#include <boxgrad.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

/* ---- The threads of the process ----
 * These functions take the place of the C library's. What they count is in memory that a process shares with its parent. */

static struct { atomic_int left, started, joined; } *count;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (atomic_fetch_sub(&count->left, 1) <= 0) return EAGAIN;
    count->started++;
    return real(thread, attributes, start, argument);
}

int pthread_join(pthread_t thread, void **result) {
    int (*real)(pthread_t, void **);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_join");
    count->joined++;
    return real(thread, result);
}

/* A call comes here before it uses kept threads. */
static void stop_keeping(void);
static int stops_keeping;

int pthread_setcancelstate(int state, int *old) {
    int (*real)(int, int *);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_setcancelstate");
    if (stops_keeping) stops_keeping = 0, stop_keeping();
    return real(state, old);
}

static int threads_now(void) {
    int found = -2; /* . and .. */
    DIR *directory = opendir("/proc/self/task");
    while (readdir(directory)) found++;
    closedir(directory);
    return found;
}

static int threads_at_first;

/* Whether there are so many threads beside those of the host. A thread that has ended may stay listed for a moment. */
static int has_kept(int wanted) {
    for (int waited = 0; waited < 1000 && threads_now() != threads_at_first + wanted; waited++) usleep(1000);
    if (threads_now() != threads_at_first + wanted) printf("%d threads are kept, not %d\n", threads_now() - threads_at_first, wanted);
    return threads_now() == threads_at_first + wanted;
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- The library, and calls whose results are known ---- */

enum { few = 20000, many = 300000 };
static float boxes[4 * many + 4], overlaps[many], wanted[many];
static const char *path;
static void *library;
static const boxgrad_api *api;

static boxgrad_status overlap(int rows, float *out) { return api->iou_aligned_f32(BOXGRAD_CIOU, boxes, 4, boxes + 4, 4, (size_t)rows, 1e-7, out, NULL, NULL); }

static void stop_keeping(void) { CHECK(api->set_keep_threads(0) == BOXGRAD_OK); }

static void load(void) {
    const boxgrad_api *(*get_api)(uint32_t);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    *(void **)&get_api = dlsym(library, "boxgrad_get_api");
    api = get_api(BOXGRAD_ABI_VERSION);
    threads_at_first = threads_now();
    CHECK(overlap(many, wanted) == BOXGRAD_OK);
}

static void load_and_keep(int threads) {
    load();
    CHECK(api->set_max_threads(threads) == BOXGRAD_OK && api->set_keep_threads(1) == BOXGRAD_OK);
}

static int is_right(int rows) {
    memset(overlaps, 0x5A, sizeof overlaps);
    return overlap(rows, overlaps) == BOXGRAD_OK && memcmp(overlaps, wanted, (size_t)rows * sizeof *wanted) == 0;
}

/* ---- How many there are ---- */

static void numbers(void) {
    load();
    CHECK(api->set_max_threads(3) == BOXGRAD_OK && is_right(few) && count->started == 0); /* too few rows to start threads for */
    CHECK(api->set_keep_threads(1) == BOXGRAD_OK);
    CHECK(is_right(1000) && has_kept(0) && count->started == 0);
    CHECK(is_right(few) && has_kept(1));
    for (int k = 0; k < 10; k++) CHECK(is_right(many) && has_kept(2));
    CHECK(api->set_max_threads(8) == BOXGRAD_OK && has_kept(2) && is_right(many) && has_kept(7));
    CHECK(api->set_max_threads(2) == BOXGRAD_OK && is_right(many) && has_kept(7));
    CHECK(count->started == 7);

    const int32_t bad[] = {2, -1, INT32_MAX, INT32_MIN};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CHECK(api->set_keep_threads(bad[k]) == BOXGRAD_BAD_PARAMETER && strncmp(api->last_error(), "keep ", 5) == 0);
        CHECK(has_kept(7));
    }
    CHECK(api->set_keep_threads(1) == BOXGRAD_OK && has_kept(7));
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK && count->joined == 7 && has_kept(0));
    CHECK(is_right(many) && has_kept(0) && count->started == 8 && count->joined == 8);
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK);
    CHECK(api->set_max_threads(INT_MAX) == BOXGRAD_OK && api->set_keep_threads(1) == BOXGRAD_OK && is_right(many));
    CHECK(has_kept(many / 8192 - 1));
    CHECK(dlclose(library) == 0 && has_kept(0) && count->joined == count->started);
}

static void sleep_when_idle(void) {
    load_and_keep(4);
    CHECK(is_right(many));
    usleep(20000);
    const double before = now(CLOCK_PROCESS_CPUTIME_ID);
    usleep(300000);
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - before < 0.01);
    CHECK(is_right(many) && has_kept(3));
}

static double helpers_seconds(void) { return now(CLOCK_PROCESS_CPUTIME_ID) - now(CLOCK_THREAD_CPUTIME_ID); }

/* The threads work though they were asleep. On a busy machine they may come too late for many a call. */
static void wake_up(void) {
    load_and_keep(4);
    CHECK(is_right(many));
    const double before = helpers_seconds();
    for (int k = 0; k < 2000 && helpers_seconds() - before < 0.005; k++) {
        usleep(2000);
        CHECK(is_right(many));
    }
    CHECK(helpers_seconds() - before >= 0.005);
}

static void none_to_be_had(void) {
    load_and_keep(4);
    for (int left = 0; left < 4; left++) {
        count->left = left;
        for (int k = 0; k < 5; k++) CHECK(is_right(many));
        CHECK(has_kept(left < 3 ? left : 3));
        CHECK(api->set_keep_threads(0) == BOXGRAD_OK && has_kept(0) && api->set_keep_threads(1) == BOXGRAD_OK);
    }
    count->left = 1;
    CHECK(is_right(many) && has_kept(1));
    count->left = INT_MAX;
    CHECK(is_right(many) && has_kept(3));
}

/* ---- Beside a host's pool ---- */

static int pool_calls;
static void pool(void *context, size_t parts, boxgrad_task task, void *task_context) {
    CHECK(context == &pool_calls && parts == 4);
    pool_calls++;
    task(task_context, 0, parts);
}

static void beside_a_pool(void) {
    load_and_keep(4);
    CHECK(is_right(many) && has_kept(3));
    CHECK(api->set_parallel_for(pool, &pool_calls) == BOXGRAD_OK);
    CHECK(is_right(many) && pool_calls == 1);
    CHECK(is_right(few) && pool_calls == 1); /* as large a call as without kept threads */
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK && has_kept(0) && api->set_keep_threads(1) == BOXGRAD_OK);
    CHECK(is_right(many) && pool_calls == 2 && has_kept(0));
    CHECK(api->set_parallel_for(NULL, NULL) == BOXGRAD_OK);
    CHECK(is_right(many) && pool_calls == 2 && has_kept(3));
}

/* ---- Children of fork ---- */

/* Computes with kept threads of its own, then without, and ends in one of two ways. */
static void child_of_fork(int which) {
    alarm(10);
    threads_at_first = threads_now();
    CHECK(threads_at_first == 1);
    CHECK(is_right(many) && has_kept(3));
    if (which % 3 != 0) CHECK(api->set_keep_threads(0) == BOXGRAD_OK && has_kept(0) && is_right(many) && has_kept(0));
    if (which % 3 == 1) CHECK(api->set_keep_threads(1) == BOXGRAD_OK && is_right(many) && has_kept(3));
    if (which % 3 == 2) CHECK(dlclose(library) == 0);
    fflush(stdout);
    (which % 2 ? exit : _exit)(failures != 0);
}

static void fork_children(int times) {
    for (int k = 0; k < times && !failures; k++) {
        int status = -1;
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0) child_of_fork(k);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        CHECK(is_right(few));
    }
}

static atomic_int finished, rounds;

static void *call_again_and_again(void *none) {
    float *const out = malloc(many * sizeof *out);
    while (!finished) {
        CHECK(overlap(many, out) == BOXGRAD_OK && memcmp(out, wanted, sizeof wanted) == 0);
        rounds++;
    }
    free(out);
    return none;
}

static void forks(void) {
    pthread_t others[2];
    load_and_keep(4);
    CHECK(is_right(many) && has_kept(3));
    fork_children(12);
    CHECK(is_right(many) && has_kept(3));
    for (int k = 0; k < 2; k++) CHECK(pthread_create(&others[k], NULL, call_again_and_again, NULL) == 0);
    fork_children(60);
    finished = 1;
    for (int k = 0; k < 2; k++) pthread_join(others[k], NULL);
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK && has_kept(0));
}

/* ---- Signals ---- */

static _Thread_local int is_host_thread;
static atomic_int signals_here, signals_elsewhere;

static void on_signal(int number) {
    (void)number;
    if (is_host_thread) signals_here++;
    else signals_elsewhere++;
}

static void *signal_sender(void *none) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (!finished) kill(getpid(), SIGUSR1), usleep(20);
    return none;
}

/* The threads look for the next call, sleep or work while signals come. */
static void signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t usr1;
    pthread_t sender;
    load_and_keep(4);
    CHECK(is_right(many));
    sigaction(SIGUSR1, &action, NULL);
    is_host_thread = 1;
    CHECK(pthread_create(&sender, NULL, signal_sender, NULL) == 0);
    sigemptyset(&usr1), sigaddset(&usr1, SIGUSR1);
    for (int k = 0; k < 200; k++) {
        CHECK(is_right(k % 2 ? few : many));
        if (k % 10) continue;
        pthread_sigmask(SIG_BLOCK, &usr1, NULL); /* so that a thread of the library would be the only one to take it */
        usleep(1000);
        pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    }
    finished = 1;
    pthread_join(sender, NULL);
    CHECK(signals_here > 0 && signals_elsewhere == 0);
}

/* ---- Rounding and flushing ---- */

static void set_flushing(int on) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(on ? __builtin_ia32_stmxcsr() | 0x8040 : __builtin_ia32_stmxcsr() & ~0x8040u);
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(on ? control | 1 << 24 : control & ~(uint64_t)(1 << 24)));
#endif
}

/* The threads were started by a call that rounds to nearest and flushes nothing. Each call may end before one of them has begun, so that it
 * takes many calls to see what they do. */
static void rounding_and_flushing(void) {
    static float points[2 * many], distances[4 * many], tiny[4 * many], upward[many];
    load();
    fesetround(FE_UPWARD);
    CHECK(overlap(many, upward) == BOXGRAD_OK && memcmp(upward, wanted, sizeof upward) != 0);
    fesetround(FE_TONEAREST);
    for (int k = 0; k < 2 * many; k++) points[k] = 1e-38f;
    for (int k = 0; k < 4 * many; k++) tiny[k] = 1.1e-38f;
    CHECK(api->set_max_threads(3) == BOXGRAD_OK && api->set_keep_threads(1) == BOXGRAD_OK && is_right(many));
    for (int k = 0; k < 60; k++) {
        fesetround(FE_UPWARD);
        CHECK(overlap(many, overlaps) == BOXGRAD_OK && memcmp(upward, overlaps, sizeof upward) == 0 && fegetround() == FE_UPWARD);
        fesetround(FE_TONEAREST);
        CHECK(is_right(many));
        set_flushing(1);
        CHECK(api->ltrb_encode_f32(points, 2, tiny, 4, many, distances) == BOXGRAD_OK);
        set_flushing(0);
        int normal = 0;
        for (int i = 0; i < 4 * many; i++) normal += distances[i] != 0;
        CHECK(normal == 0);
        CHECK(api->ltrb_encode_f32(points, 2, tiny, 4, many, distances) == BOXGRAD_OK);
        for (int i = 0; i < 4 * many; i++) normal += distances[i] != 0;
        CHECK(normal == 4 * many);
    }
}

/* ---- Many callers ---- */

static void *call_for_long(void *none) {
    enum { side = 1095 };
    static float gradient[4 * side];
    while (!finished) {
        CHECK(api->iou_pairwise_grad_f32(BOXGRAD_CIOU, boxes, side, 4, boxes, side, 4, 1e-7, boxes, side, gradient, NULL) == BOXGRAD_OK);
    }
    return none;
}

static atomic_int is_stopped, may_go_on;

static void stop_here(int number) {
    (void)number;
    is_stopped = 1;
    while (!may_go_on) usleep(100);
    is_stopped = 0;
}

/* Calls end, and children of fork compute, while a thread stands still amid a call that uses the threads. */
static void not_waiting(void) {
    struct sigaction action = {.sa_handler = stop_here};
    pthread_t other;
    load_and_keep(4);
    sigaction(SIGUSR1, &action, NULL);
    CHECK(pthread_create(&other, NULL, call_for_long, NULL) == 0);
    for (int k = 0; k < 10; k++) {
        usleep(3000);
        may_go_on = 0;
        pthread_kill(other, SIGUSR1);
        while (!is_stopped) usleep(100);
        CHECK(is_right(few) && is_right(many));
        fork_children(k % 2);
        may_go_on = 1;
        while (is_stopped) usleep(100);
    }
    finished = 1;
    pthread_join(other, NULL);
}

/* A call stops keeping threads when it has seen that threads are kept, and has not begun to use them: it leaves none behind. */
static void stopping_as_a_call_begins(void) {
    load_and_keep(4);
    stops_keeping = 1;
    CHECK(is_right(many) && !stops_keeping && has_kept(0));
    CHECK(api->set_keep_threads(1) == BOXGRAD_OK && is_right(many) && has_kept(3));
    stops_keeping = 1;
    CHECK(is_right(many) && !stops_keeping && has_kept(0));
}

static void *call_until_cancelled(void *none) {
    static float out[many];
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (rounds = 0;; rounds++) overlap(many, out);
    return none;
}

/* A thread that is cancelled amid a call, whenever that is, does not take the kept threads with it. */
static void cancellation(void) {
    pthread_t thread;
    load_and_keep(3);
    for (int k = 0; k < 30; k++) {
        rounds = 0;
        CHECK(pthread_create(&thread, NULL, call_until_cancelled, NULL) == 0);
        while (rounds < 2) usleep(10);
        usleep((unsigned)(k * 37 % 500));
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        CHECK(is_right(many) && has_kept(2));
    }
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK && has_kept(0));
}

/* Eight threads call while this one stops keeping threads, and keeps them again: when it has stopped, there are none but those of calls. */
static void stopping_amid_calls(void) {
    enum { callers = 8 };
    pthread_t threads[callers];
    load_and_keep(3);
    for (int k = 0; k < callers; k++) CHECK(pthread_create(&threads[k], NULL, call_again_and_again, NULL) == 0);
    for (int k = 0; k < 100 || rounds < 100; k++) {
        CHECK(api->set_keep_threads(k % 2) == BOXGRAD_OK);
        usleep(500);
    }
    CHECK(api->set_keep_threads(0) == BOXGRAD_OK);
    finished = 1;
    for (int k = 0; k < callers; k++) pthread_join(threads[k], NULL);
    CHECK(has_kept(0) && count->started == count->joined);
}

/* ---- The end of the process ---- */

static void exit_while_asleep(void) {
    load_and_keep(4);
    CHECK(is_right(many));
    usleep(20000);
    fflush(stdout);
    exit(failures != 0);
}

static void exit_after_a_call(void) {
    load_and_keep(4);
    CHECK(is_right(many));
    fflush(stdout);
    exit(failures != 0);
}

static void exit_amid_calls(void) {
    pthread_t other;
    load_and_keep(4);
    CHECK(pthread_create(&other, NULL, call_again_and_again, NULL) == 0);
    while (rounds < 10) usleep(100);
    fflush(stdout);
    exit(failures != 0);
}

static void *exit_here(void *none) {
    CHECK(overlap(many, overlaps) == BOXGRAD_OK);
    fflush(stdout);
    exit(failures != 0);
    return none;
}

static void exit_in_another_thread(void) {
    pthread_t other;
    load_and_keep(4);
    CHECK(pthread_create(&other, NULL, exit_here, NULL) == 0);
    call_again_and_again(NULL);
}

static void exit_in_handler(int number) {
    (void)number;
    exit(failures != 0);
}

/* A thread stands still amid a call. */
static void exit_beside_a_stopped_call(void) {
    struct sigaction action = {.sa_handler = stop_here};
    pthread_t other;
    load_and_keep(4);
    sigaction(SIGUSR1, &action, NULL);
    CHECK(pthread_create(&other, NULL, call_for_long, NULL) == 0);
    usleep(20000);
    pthread_kill(other, SIGUSR1);
    while (!is_stopped) usleep(100);
    fflush(stdout);
    exit(failures != 0);
}

/* The call that the handler interrupts cannot go on, and the exit must not wait for it. */
static void exit_in_a_handler(void) {
    struct sigaction action = {.sa_handler = exit_in_handler};
    load_and_keep(4);
    sigaction(SIGALRM, &action, NULL);
    fflush(stdout);
    ualarm(50000, 0);
    call_again_and_again(NULL);
}

/* ---- All of them ---- */

/* Returns how a process ended that ran the host. */
static int status_of_child(void (*host)(void)) {
    int status = -1;
    count->left = INT_MAX;
    count->started = count->joined = 0;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        failures = 0;
        host();
        fflush(stdout);
        _exit(failures != 0);
    }
    waitpid(child, &status, 0);
    return status;
}

/* Returns the seconds that the process took. */
static double in_a_child(const char *name, void (*host)(void)) {
    const double start = now(CLOCK_MONOTONIC);
    int status = status_of_child(host);
    /* A thread that is cancelled while it is in malloc leaves the C library's lock closed, which is seldom. */
    if (host == cancellation && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) status = status_of_child(host);
    if (WIFSIGNALED(status)) printf("%s: ended by signal %d\n", name, WTERMSIG(status));
    CHECK(status == 0);
    if (status) printf("%s failed\n", name);
    return now(CLOCK_MONOTONIC) - start;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    path = argv[1];
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned state = 1;
    for (int k = 0; k < 4 * many + 4; k++) {
        state = state * 1664525 + 1013904223;
        boxes[k] = (float)(state >> 16) / 65536 + (k % 4 < 2 ? 0 : 1 + (k / 4 % 3));
    }
    in_a_child("numbers", numbers);
    in_a_child("sleep", sleep_when_idle);
    in_a_child("wake up", wake_up);
    in_a_child("no threads", none_to_be_had);
    in_a_child("a pool", beside_a_pool);
    in_a_child("forks", forks);
    in_a_child("signals", signals);
    in_a_child("rounding and flushing", rounding_and_flushing);
    in_a_child("not waiting", not_waiting);
    in_a_child("stopping as a call begins", stopping_as_a_call_begins);
    in_a_child("cancellation", cancellation);
    in_a_child("stopping amid calls", stopping_amid_calls);
    in_a_child("exit while asleep", exit_while_asleep);
    CHECK(count->started == 3 && count->joined == 3);
    in_a_child("exit after a call", exit_after_a_call);
    CHECK(count->started == 3 && count->joined == 3);
    for (int k = 0; k < 10; k++) in_a_child("exit amid calls", exit_amid_calls);
    for (int k = 0; k < 10; k++) in_a_child("exit in another thread", exit_in_another_thread);
    CHECK(in_a_child("exit beside a stopped call", exit_beside_a_stopped_call) < 10);
    CHECK(in_a_child("exit in a handler", exit_in_a_handler) < 1);
    return failures != 0;
}
