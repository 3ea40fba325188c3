/* What threads cost: calls with one thread, with two that end after each call, and with two that are kept, in turns.
 *
 *     threads [TURNS]
 *
 * Prints the median of each, in microseconds, and the ratios to one thread: below 1 is faster. TURNS is how often the three are measured
 * (default: 41). The smallest calls have less work than a thread is worth, and must cost the same with all three. The machine should be
 * quiet, with two processors to spare. */
#define _GNU_SOURCE
#include <boxgrad.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_TURNS = 1001, WAYS = 3 };
static const struct { int threads, keep; } WAY[WAYS] = {{1, 0}, {2, 0}, {2, 1}};

static void ok(boxgrad_status status) {
    if (status != BOXGRAD_OK) fprintf(stderr, "%s\n", boxgrad_last_error()), exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + 1e-3 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void *memory(size_t bytes) {
    void *result = malloc(bytes);
    if (!result) fprintf(stderr, "out of memory\n"), exit(1);
    return result;
}

static float *boxes(size_t count) {
    float *rows = memory(16 * count);
    for (size_t i = 0; i < 4 * count; i++) rows[i] = (float)(rand() % 500 + (i % 4 < 2 ? 0 : 500));
    return rows;
}

static float *a, *b, *out;

static void pairwise(size_t n, size_t m) { ok(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, n, 4, b, m, 4, 0, out, (ptrdiff_t)m, NULL)); }
static void encode(size_t n, size_t m) {
    (void)m;
    ok(boxgrad_delta_encode_f32(NULL, a, 4, b, 4, n, out, NULL, NULL));
}

static void norm(size_t n, size_t m) {
    boxgrad_tensor tensor = {out, n, BOXGRAD_F32, 0};
    double total;
    (void)m;
    ok(boxgrad_grad_norm(&tensor, 1, 2, &total, NULL, NULL));
}

/* The time of a call, after one that may start threads: the mean of as many calls as take a millisecond, or of one. */
static double microseconds(void (*call)(size_t, size_t), size_t n, size_t m, size_t calls) {
    call(n, m);
    const double start = now();
    for (size_t k = 0; k < calls; k++) call(n, m);
    return (now() - start) / (double)calls;
}

static void measure(const char *name, void (*call)(size_t, size_t), size_t n, size_t m, int turns) {
    static double times[WAYS][MOST_TURNS];
    double median[WAYS];
    ok(boxgrad_set_max_threads(1));
    const double one = microseconds(call, n, m, 1);
    for (int turn = 0; turn < turns; turn++) for (int way = 0; way < WAYS; way++) {
        ok(boxgrad_set_max_threads(WAY[way].threads));
        ok(boxgrad_set_keep_threads(WAY[way].keep));
        times[way][turn] = microseconds(call, n, m, one < 1000 ? (size_t)(1000 / one) + 1 : 1);
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(times[way], (size_t)turns, sizeof **times, ascending);
        median[way] = times[way][turns / 2];
    }
    char title[64];
    snprintf(title, sizeof title, m ? "%s %zu x %zu" : "%s %zu", name, n, m);
    printf("%-28s %10.1f %10.1f %10.1f us %8.2f %8.2f\n", title, median[0], median[1], median[2], median[1] / median[0], median[2] / median[0]);
    fflush(stdout);
}

int main(int argc, char **argv) {
    const int turns = argc > 1 ? atoi(argv[1]) : 41;
    if (turns < 1 || turns > MOST_TURNS) fprintf(stderr, "threads [TURNS]\n"), exit(2);
    a = boxes(200000), b = boxes(200000), out = memory(4000000 * sizeof *out);
    for (size_t k = 0; k < 4000000; k++) out[k] = 1;
    printf("boxgrad %s, %s, medians of %d\n", boxgrad_version_string(), boxgrad_cpu_tier(), turns);
    printf("%-28s %10s %10s %10s %11s %8s\n", "", "1 thread", "2", "2 kept", "2 : 1", "kept : 1");
    static const size_t SIZES[][2] = {{10, 10}, {300, 300}, {500, 500}, {600, 600}, {1000, 1000}, {2000, 2000}, {100000, 20}};
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++) measure("IoU", pairwise, SIZES[k][0], SIZES[k][1], turns);
    measure("encode", encode, 20000, 0, turns);
    measure("encode", encode, 200000, 0, turns);
    measure("norm L2", norm, 140000, 0, turns);
    measure("norm L2", norm, 4000000, 0, turns);
    return 0;
}
