/* The kernels without Python: what they take, and how much of the machine's memory bandwidth they use.
 *
 *     kernels [RESULTS.json [SCALE [SECONDS]]]
 *
 * Bandwidth is measured first, on arrays larger than the caches: write (memset), read (sum of integers), copy (memcpy; bytes read and
 * written both count) and scale (x *= c in place); the best sample counts. The workloads are those of workloads.py, under the same names;
 * their median counts. SCALE multiplies their sizes, SECONDS is how long each is measured (default: 1, 0.5). */
#define _GNU_SOURCE
#include <boxgrad.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SAMPLES = 101, THREADS = 2 };

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

#define TRY(call)                                                                                    \
    do {                                                                                             \
        boxgrad_status try_status = (call);                                                          \
        if (try_status != BOXGRAD_OK) die(boxgrad_status_string(try_status), boxgrad_last_error()); \
    } while (0)

static void *memory(size_t bytes) {
    void *result = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!result) die("aligned_alloc", "out of memory");
    return memset(result, 1, bytes);
}

/* ---- Timing --------------------------------------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double patience = 0.5;

/* The time of a call: the sample at a quantile of at least 5, in `patience` seconds; a sample lasts 2 ms or one call. */
static double seconds_per_call(void (*call)(void *), void *context, double quantile) {
    double samples[MAX_SAMPLES], start = now();
    call(context);
    size_t calls = 1, count = 0;
    for (double first = now() - start; first * (double)calls < 2e-3;) calls *= 2;
    start = now();
    while (count < MAX_SAMPLES && (count < 5 || now() - start < patience)) {
        double begin = now();
        for (size_t i = 0; i < calls; i++) call(context);
        samples[count++] = (now() - begin) / (double)calls;
    }
    qsort(samples, count, sizeof *samples, ascending);
    return samples[(size_t)(quantile * (double)(count - 1))];
}

/* ---- The machine's bandwidth ---------------------------------------------------------------------------------------- */

struct stream {
    float *a, *b;
    size_t count;
    uint64_t sink;
};

static void *stream_write(void *p) {
    struct stream *s = p;
    memset(s->a, 1, s->count * sizeof *s->a);
    return NULL;
}

static void *stream_read(void *p) {
    struct stream *s = p;
    const uint32_t *words = (const uint32_t *)s->a;
    uint32_t sum = 0; /* of integers, whose order the compiler may change */
    for (size_t i = 0; i < s->count; i++) sum += words[i];
    s->sink = sum;
    return NULL;
}

static void *stream_copy(void *p) {
    struct stream *s = p;
    memcpy(s->b, s->a, s->count * sizeof *s->a);
    return NULL;
}

static void *stream_scale(void *p) {
    struct stream *s = p;
    for (size_t i = 0; i < s->count; i++) s->a[i] *= 0.999f;
    return NULL;
}

static const struct {
    const char *name;
    void *(*run)(void *);
    int passes; /* bytes moved, per byte of the array */
} STREAMS[] = {{"write", stream_write, 1}, {"read", stream_read, 1}, {"copy", stream_copy, 2}, {"scale", stream_scale, 2}};
enum { WRITE, READ, COPY, SCALE, STREAM_COUNT };

struct parts {
    struct stream of[THREADS];
    int threads;
    void *(*run)(void *);
};

static void run_parts(void *p) {
    struct parts *parts = p;
    pthread_t others[THREADS];
    for (int i = 1; i < parts->threads; i++)
        if (pthread_create(&others[i], NULL, parts->run, &parts->of[i])) die("pthread_create", "failed");
    parts->run(&parts->of[0]);
    for (int i = 1; i < parts->threads; i++) pthread_join(others[i], NULL);
}

static double bandwidth(int stream, int threads, float *a, float *b, size_t count) {
    struct parts parts = {.threads = threads, .run = STREAMS[stream].run};
    size_t share = count / (size_t)threads;
    for (int i = 0; i < threads; i++) parts.of[i] = (struct stream){a + share * (size_t)i, b + share * (size_t)i, share, 0};
    double bytes = (double)(share * (size_t)threads) * sizeof *a * STREAMS[stream].passes;
    return bytes / seconds_per_call(run_parts, &parts, 0);
}

/* ---- Workloads ------------------------------------------------------------------------------------------------------ */

struct workload {
    int32_t metric;
    size_t n, m; /* m: boxes of the other side, or the length of tensors */
    float *a, *b, *c, *d, *out, *out2;
    double p, limit;
    boxgrad_tensor *tensors;
    int64_t *ids;
    size_t *keep;
};

static void pairwise(void *p) {
    struct workload *w = p;
    TRY(boxgrad_iou_pairwise_f32(w->metric, w->a, w->n, 4, w->b, w->m, 4, 0, w->out, (ptrdiff_t)w->m, NULL));
}

static void pairwise_grad(void *p) {
    struct workload *w = p;
    TRY(boxgrad_iou_pairwise_grad_f32(w->metric, w->a, w->n, 4, w->b, w->m, 4, 0, w->c, (ptrdiff_t)w->m, w->out, w->out2));
}

static void iou_loss(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_iou_loss_f32(w->metric, w->a, 4, w->b, 4, w->n, NULL, 1e-7, (double)w->n, &loss, NULL, w->out, NULL));
}

static void box_loss(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_box_loss_f32(BOXGRAD_LOSS_EIOU, NULL, w->a, 4, w->b, 4, w->n, NULL, (double)w->n, &loss, NULL, w->out, NULL));
}

static void rotated(void *p) {
    struct workload *w = p;
    TRY(boxgrad_rotated_iou_pairwise_f32(BOXGRAD_IOU, BOXGRAD_ANGLE_DEGREES_CCW, w->a, w->n, 5, w->b, w->m, 5, w->out, (ptrdiff_t)w->m));
}

static void rotated_loss(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_rotated_iou_loss_f32(BOXGRAD_ROTATED_LOSS_IOU, BOXGRAD_ANGLE_DEGREES_CCW, w->a, 5, w->b, 5, w->n, NULL, 1e-6, (double)w->n, &loss,
                                     NULL, w->out, w->out2));
}

static void gaussian_loss(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_rotated_gaussian_loss_f32(BOXGRAD_GAUSSIAN_KLD, BOXGRAD_ANGLE_DEGREES_CCW, NULL, w->a, 5, w->b, 5, w->n, NULL, (double)w->n, &loss, NULL,
                                          w->out, w->out2));
}

static void rotated_encode(void *p) {
    struct workload *w = p;
    boxgrad_rotated_delta_options options = BOXGRAD_ROTATED_DELTA_OPTIONS_INIT;
    options.range = BOXGRAD_RANGE_LE90, options.edge_swap = 1, options.proj_xy = 1;
    TRY(boxgrad_rotated_encode_f32(&options, BOXGRAD_ANGLE_DEGREES_CCW, w->b, 5, w->a, 5, w->n, w->out, NULL, NULL));
}

static void smooth_l1(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_smooth_l1_f32(w->a, w->b, w->c, w->d, w->n, 1, (double)w->n, &loss, NULL, w->out, NULL));
}

static void balanced_l1(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_balanced_l1_f32(w->a, w->b, NULL, NULL, w->n, 0.5, 1.5, 1, (double)w->n, &loss, NULL, w->out, NULL));
}

static void focal(void *p) {
    struct workload *w = p;
    double loss;
    TRY(boxgrad_distribution_focal_f32(w->a, (ptrdiff_t)w->m, w->b, w->n, w->m, NULL, (double)w->n, &loss, NULL, w->out, NULL));
}

static void encode(void *p) {
    struct workload *w = p;
    TRY(boxgrad_delta_encode_f32(NULL, w->a, 4, w->b, 4, w->n, w->out, NULL, NULL));
}

static void decode(void *p) {
    struct workload *w = p;
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.image_width = 1333, options.image_height = 800;
    for (int k = 0; k < 4; k++) options.stds[k] = k < 2 ? 0.1 : 0.2;
    TRY(boxgrad_delta_decode_f32(&options, w->a, 4, w->c, 4, w->n, 1, w->out));
}

static void distances(void *p) {
    struct workload *w = p;
    TRY(boxgrad_ltrb_encode_f32(w->c, 2, w->a, 4, w->n, w->out));
}

static void yolo(void *p) {
    struct workload *w = p;
    TRY(boxgrad_yolo_decode_f32(w->a, 4, w->c, 4, w->b, w->n, w->out));
}

/* Each call's limit is 1 % below the last one's, so that each call clips; unless the limit is out of reach. */
static void clip_norm(void *p) {
    struct workload *w = p;
    double total;
    TRY(boxgrad_clip_grad_norm(w->tensors, w->m, w->limit, w->p, 1e-6, BOXGRAD_NONFINITE_PROPAGATE, &total));
    if (w->limit < total) w->limit = 0.99 * w->limit;
}

static void norm(void *p) {
    struct workload *w = p;
    double total;
    TRY(boxgrad_grad_norm(w->tensors, w->m, w->p, &total, NULL, NULL));
}

static void nms(void *p) {
    struct workload *w = p;
    size_t kept;
    TRY(boxgrad_nms_f32(w->a, w->n, 4, w->b, w->ids, 0.5, -INFINITY, SIZE_MAX, w->keep, &kept));
}

static void rotated_nms(void *p) {
    struct workload *w = p;
    size_t kept;
    TRY(boxgrad_rotated_nms_f32(BOXGRAD_ANGLE_DEGREES_CCW, w->a, w->n, 5, w->b, NULL, 0.5, -INFINITY, SIZE_MAX, w->keep, &kept));
}

static void match(void *p) {
    struct workload *w = p;
    TRY(boxgrad_match_f32(BOXGRAD_IOU, w->a, w->n, 4, w->b, w->m, 4, 0, 0.3, 0.7, 1, w->ids, w->out));
}

enum { CHANNELS = 256, STRIDE = 8, SIZE = 7, HEIGHT = 800 / STRIDE, WIDTH = 1333 / STRIDE };
static const boxgrad_roi_options REGIONS = {sizeof REGIONS, 1.0 / STRIDE, BOXGRAD_NCHW, 2, 0, 0};

static void roi_align(void *p) {
    struct workload *w = p;
    TRY(boxgrad_roi_align_f32(&REGIONS, w->a, 1, CHANNELS, HEIGHT, WIDTH, w->b, 4, NULL, w->n, SIZE, SIZE, w->out));
}

static void roi_align_features(void *p) {
    struct workload *w = p;
    TRY(boxgrad_roi_align_grad_f32(&REGIONS, w->a, 1, CHANNELS, HEIGHT, WIDTH, w->b, 4, NULL, w->n, SIZE, SIZE, w->c, w->out, NULL));
}

static void roi_align_boxes(void *p) {
    struct workload *w = p;
    TRY(boxgrad_roi_align_grad_f32(&REGIONS, w->a, 1, CHANNELS, HEIGHT, WIDTH, w->b, 4, NULL, w->n, SIZE, SIZE, w->c, NULL, w->out));
}

/* ---- Data ----------------------------------------------------------------------------------------------------------- */

static double uniform(double low, double high) { return low + (high - low) * rand() / RAND_MAX; }

static float *boxes(size_t count) {
    float *rows = memory(count * 16);
    for (size_t i = 0; i < count; i++)
        for (int axis = 0; axis < 2; axis++) {
            double half = exp(uniform(log(4), log(200))), centre = uniform(0, axis ? 800 : 1333);
            rows[4 * i + axis] = (float)(centre - half), rows[4 * i + 2 + axis] = (float)(centre + half);
        }
    return rows;
}

static double normal(void) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform(0, 1);
    return sum;
}

/* Ten boxes around each of count / 10 centres. */
static float *clusters(size_t count) {
    float *rows = memory(count * 16);
    double centre[2], size[2], side = 20 * sqrt((double)count);
    for (size_t i = 0; i < count; i++)
        for (int axis = 0; axis < 2; axis++) {
            if (i % 10 == 0) centre[axis] = uniform(0, side), size[axis] = uniform(20, 60);
            double middle = centre[axis] + 2 * normal(), half = size[axis] * exp(0.1 * normal()) / 2;
            rows[4 * i + axis] = (float)(middle - half), rows[4 * i + 2 + axis] = (float)(middle + half);
        }
    return rows;
}

/* Targets: the boxes with each corner moved by up to 30 % of the size, one in eight moved away. */
static float *near(const float *rows, size_t count) {
    float *moved = memory(count * 16);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 4; k++) {
            double size = rows[4 * i + k % 2 + 2] - rows[4 * i + k % 2];
            moved[4 * i + k] = rows[4 * i + k] + (float)(size * uniform(-0.3, 0.3) + (i % 8 ? 0 : 450));
        }
    return moved;
}

static float *values(size_t count, double spread) {
    enum { BLOCK = 1 << 18 };
    float *result = memory(count * sizeof *result);
    for (size_t i = 0; i < count && i < BLOCK; i++)
        result[i] = (float)(spread * (uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1)));
    for (size_t i = BLOCK; i < count; i++) result[i] = result[i - BLOCK];
    return result;
}

/* The parameters of Faster R-CNN with ResNet-50-FPN, as detector_sizes() of workloads.py. Returns the number of tensors. */
enum { TENSORS = 189 };

static size_t detector(boxgrad_tensor tensors[TENSORS], double scale) {
    size_t sizes[TENSORS], n = 0, inner = 64;
    sizes[n++] = 64 * 3 * 49, sizes[n++] = 64, sizes[n++] = 64;
    for (size_t stage = 0; stage < 4; stage++)
        for (size_t block = 0, width = (size_t)64 << stage; block < (size_t[]){3, 4, 6, 3}[stage]; block++) {
            size_t weights[] = {inner * width, width * width * 9, width * 4 * width, inner * 4 * width};
            size_t channels[] = {width, width, 4 * width, 4 * width};
            for (int k = 0; k < (block ? 3 : 4); k++) sizes[n++] = weights[k], sizes[n++] = channels[k], sizes[n++] = channels[k];
            inner = 4 * width;
        }
    for (size_t level = 256; level <= 2048; level *= 2)
        sizes[n++] = level * 256, sizes[n++] = 256, sizes[n++] = 256 * 256 * 9, sizes[n++] = 256;
    const size_t heads[] = {256 * 256 * 9,   256,  256 * 3,     3,    256 * 12,  12, /* proposals */
                            256 * 49 * 1024, 1024, 1024 * 1024, 1024, 1024 * 91, 91, 1024 * 364, 364};
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) sizes[n++] = heads[k];
    for (size_t k = 0; k < n; k++) {
        size_t count = (size_t)nearbyint((double)sizes[k] * scale);
        tensors[k] = (boxgrad_tensor){values(count ? count : 1, 0.01), count ? count : 1, BOXGRAD_F32, 0};
    }
    return n;
}

/* ---- Report --------------------------------------------------------------------------------------------------------- */

static double machine[THREADS + 1][STREAM_COUNT];
static FILE *json;
static const char *separator = "";

static void measure(const char *name, void (*call)(void *), struct workload *w, double items, double bytes) {
    for (int threads = 1; threads <= THREADS; threads++) {
        TRY(boxgrad_set_max_threads(threads));
        TRY(boxgrad_set_keep_threads(1));
        double seconds = seconds_per_call(call, w, 0.5), rate = bytes / seconds;
        double of_copy = rate / machine[threads][COPY], of_write = rate / machine[threads][WRITE];
        double ms = seconds * 1e3, g_items = items / seconds / 1e9, gb = rate / 1e9;
        printf("%-60s %d %10.4f ms %8.3f G/s %7.2f GB/s %5.2f of copy %5.2f of write\n", name, threads, ms, g_items, gb, of_copy, of_write);
        fflush(stdout);
        if (json)
            fprintf(json,
                    "%s\n{\"name\": \"%s\", \"threads\": %d, \"ms\": %.6g, \"g_items_per_s\": %.6g, \"gb_per_s\": %.6g,"
                    " \"of_copy\": %.4g, \"of_write\": %.4g}",
                    separator, name, threads, ms, g_items, gb, of_copy, of_write);
        separator = ",";
    }
}

static size_t scaled(double size, double scale) {
    double result = floor(size * scale + 0.5);
    return result < 4 ? 4 : (size_t)result;
}

/* A count as workloads.py writes it. */
static const char *count_name(size_t n) {
    static char text[32];
    snprintf(text, sizeof text, n >= 100000 ? "%.3g M" : "%.0f", n >= 100000 ? (double)n / 1e6 : (double)n);
    return text;
}

static void measure_pairwise(const char *title, void (*call)(void *), int32_t metric, size_t n, size_t m, int gradient) {
    char name[128];
    snprintf(name, sizeof name, "pairwise %s %zu x %zu", title, n, m);
    struct workload w = {.metric = metric, .n = n, .m = m, .a = boxes(n), .b = boxes(m)};
    double matrix = 4.0 * (double)n * (double)m, sides = 16.0 * (double)(n + m);
    w.c = gradient ? values(n * m, 1) : NULL;
    w.out = memory(gradient ? n * 16 : n * m * 4), w.out2 = memory(m * 16);
    measure(name, call, &w, (double)n * (double)m, matrix + sides * (gradient ? 2 : 1));
    free(w.a), free(w.b), free(w.c), free(w.out), free(w.out2);
}

static float *rotated_boxes(size_t count) {
    float *corners = boxes(count), *rows = memory(count * 20);
    for (size_t i = 0; i < count; i++) {
        for (int axis = 0; axis < 2; axis++) {
            float low = corners[4 * i + axis], high = corners[4 * i + 2 + axis];
            rows[5 * i + axis] = (low + high) / 2, rows[5 * i + 2 + axis] = high - low;
        }
        rows[5 * i + 4] = (float)uniform(-180, 180);
    }
    free(corners);
    return rows;
}

static void measure_rotated(size_t n, size_t count) {
    char name[128];
    struct workload w = {.n = n, .m = n, .a = rotated_boxes(n), .b = rotated_boxes(n), .out = memory(n * n * 4)};
    snprintf(name, sizeof name, "pairwise rotated IoU %zu x %zu", n, n);
    measure(name, rotated, &w, (double)n * (double)n, 4.0 * (double)n * (double)n + 40.0 * (double)n);
    free(w.a), free(w.b), free(w.out);

    w = (struct workload){.n = count, .a = rotated_boxes(count), .b = memory(count * 20), .out = memory(count * 20), .out2 = memory(count * 20)};
    for (size_t i = 0; i < 5 * count; i++)
        w.b[i] = w.a[i] + (float)(uniform(-0.2, 0.2) * (i % 5 < 4 ? w.a[i / 5 * 5 + 2 + i % 5 % 2] : 60));
    snprintf(name, sizeof name, "rotated IoU loss and gradients, %s boxes", count_name(count));
    measure(name, rotated_loss, &w, (double)count, 80.0 * (double)count);
    snprintf(name, sizeof name, "KLD loss and gradients, %s boxes", count_name(count));
    measure(name, gaussian_loss, &w, (double)count, 80.0 * (double)count);
    snprintf(name, sizeof name, "rotated encode, %s boxes", count_name(count));
    measure(name, rotated_encode, &w, (double)count, 60.0 * (double)count);
    free(w.a), free(w.b), free(w.out), free(w.out2);
}

static void measure_roi_align(size_t n) {
    static void (*const CALLS[])(void *) = {roi_align, roi_align_features, roi_align_boxes};
    static const char *TITLES[] = {"RoIAlign", "gradient of RoIAlign for the features", "gradient of RoIAlign for the boxes"};
    size_t features = CHANNELS * HEIGHT * WIDTH, pooled = CHANNELS * SIZE * SIZE * n;
    struct workload w = {.n = n, .a = values(features, 1), .b = boxes(n), .c = values(pooled, 1), .out = memory(4 * (features > pooled ? features : pooled))};
    char name[128];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s, %s boxes", TITLES[i], count_name(n));
        measure(name, CALLS[i], &w, (double)pooled, 4.0 * (double)(features + pooled));
    }
    free(w.a), free(w.b), free(w.c), free(w.out);
}

static void measure_nms(size_t n, int classes) {
    char name[128];
    struct workload w = {.n = n, .a = clusters(n), .b = values(n, 1), .keep = memory(n * sizeof *w.keep)};
    for (size_t i = 0; i < n; i++) w.b[i] = (float)uniform(0, 1);
    if (classes > 1) w.ids = memory(n * sizeof *w.ids);
    for (size_t i = 0; i < n && w.ids; i++) w.ids[i] = rand() % classes;
    int end = snprintf(name, sizeof name, "nms, %s boxes", count_name(n));
    if (classes > 1) snprintf(name + end, sizeof name - (size_t)end, " of %d classes", classes);
    measure(name, nms, &w, (double)n, 20.0 * (double)n);
    free(w.a), free(w.b), free(w.keep), free(w.ids);
}

static void measure_rotated_nms(size_t n) {
    char name[128];
    struct workload w = {.n = n, .a = memory(n * 20), .b = values(n, 1), .keep = memory(n * sizeof *w.keep)};
    float *corners = clusters(n);
    for (size_t i = 0; i < n; i++) {
        const float *c = corners + 4 * i;
        const float row[] = {(c[0] + c[2]) / 2, (c[1] + c[3]) / 2, c[2] - c[0], c[3] - c[1], (float)(i / 10 * 37 % 360) + (float)uniform(-3, 3)};
        memcpy(w.a + 5 * i, row, sizeof row);
        w.b[i] = (float)uniform(0, 1);
    }
    free(corners);
    snprintf(name, sizeof name, "rotated nms, %s boxes", count_name(n));
    measure(name, rotated_nms, &w, (double)n, 24.0 * (double)n);
    free(w.a), free(w.b), free(w.keep);
}

int main(int argc, char **argv) {
    static const char *METRICS[] = {"IoU", "GIoU", "DIoU", "CIoU"};
    double scale = argc > 2 ? atof(argv[2]) : 1;
    char name[128];
    if (argc > 1 && argv[1][0] == '-') return puts("kernels [RESULTS.json [SCALE [SECONDS]]]"), strcmp(argv[1], "--help") ? 2 : 0;
    if (argc > 3) patience = atof(argv[3]);
    if (!(scale > 0 && patience >= 0)) die("SCALE and SECONDS", "must be positive numbers");
    if (argc > 1 && !(json = fopen(argv[1], "w"))) die(argv[1], "could not be created");
    printf("boxgrad %s, %s\n", boxgrad_version_string(), boxgrad_cpu_tier());

    size_t large = 64u << 20; /* 256 MB */
    float *a = memory(large * 4), *b = memory(large * 4);
    if (json) fprintf(json, "{\"bandwidth\": [");
    for (int threads = 1; threads <= THREADS; threads++)
        for (int i = 0; i < STREAM_COUNT; i++) {
            machine[threads][i] = bandwidth(i, threads, a, b, large);
            printf("%-60s %d %43.2f GB/s\n", STREAMS[i].name, threads, machine[threads][i] / 1e9);
            if (json)
                fprintf(json, "%s\n{\"name\": \"%s\", \"threads\": %d, \"gb_per_s\": %.6g}", threads + i > 1 ? "," : "",
                        STREAMS[i].name, threads, machine[threads][i] / 1e9);
        }
    free(a), free(b);
    if (json) fprintf(json, "],\n\"kernels\": [");

    size_t thousand = scaled(1000, scale), five = scaled(5000, scale), million = scaled(1e6, scale);
    measure_pairwise("IoU", pairwise, BOXGRAD_IOU, 10, 10, 0);
    measure_pairwise("IoU", pairwise, BOXGRAD_IOU, thousand, thousand, 0);
    measure_pairwise("IoU", pairwise, BOXGRAD_IOU, five, five, 0);
    measure_pairwise("IoU", pairwise, BOXGRAD_IOU, scaled(100000, scale), 20, 0);
    measure_pairwise("IoF", pairwise, BOXGRAD_IOF, thousand, thousand, 0);
    measure_pairwise("GIoU", pairwise, BOXGRAD_GIOU, thousand, thousand, 0);
    measure_pairwise("GIoU", pairwise, BOXGRAD_GIOU, five, five, 0);
    measure_pairwise("GIoU gradient", pairwise_grad, BOXGRAD_GIOU, thousand, thousand, 1);

    static const size_t SMALL[] = {10, 4096};
    for (int k = 0; k < 2; k++) {
        struct workload few = {.metric = BOXGRAD_GIOU, .n = SMALL[k], .a = boxes(SMALL[k]), .out = memory(SMALL[k] * 16)};
        few.b = near(few.a, few.n);
        snprintf(name, sizeof name, "GIoU loss and gradient, %s boxes", count_name(few.n));
        measure(name, iou_loss, &few, (double)few.n, 48.0 * (double)few.n);
    }
    struct workload w = {.n = million, .a = boxes(million), .c = values(4 * million, 1), .out = memory(million * 16)};
    w.b = near(w.a, million);
    for (w.metric = BOXGRAD_GIOU; w.metric <= BOXGRAD_CIOU; w.metric++) {
        snprintf(name, sizeof name, "%s loss and gradient, %s boxes", METRICS[w.metric], count_name(million));
        measure(name, iou_loss, &w, (double)million, 48.0 * (double)million);
    }
    snprintf(name, sizeof name, "EIoU loss and gradient, %s boxes", count_name(million));
    measure(name, box_loss, &w, (double)million, 48.0 * (double)million);
    measure_rotated(thousand, million);
    snprintf(name, sizeof name, "delta encode, %s boxes", count_name(million));
    measure(name, encode, &w, (double)million, 48.0 * (double)million);
    snprintf(name, sizeof name, "delta decode and clip, %s boxes", count_name(million));
    measure(name, decode, &w, (double)million, 48.0 * (double)million);
    snprintf(name, sizeof name, "point distances, %s boxes", count_name(million));
    measure(name, distances, &w, (double)million, 40.0 * (double)million);
    snprintf(name, sizeof name, "YOLO decode, %s boxes", count_name(million));
    measure(name, yolo, &w, (double)million, 52.0 * (double)million);
    free(w.a), free(w.b), free(w.c), free(w.out);
    measure_roi_align(thousand);

    size_t n = 4 * million;
    w = (struct workload){.n = n, .a = values(n, 1), .b = values(n, 1), .out = memory(n * 4)};
    snprintf(name, sizeof name, "smooth L1 and gradient, %s", count_name(n));
    measure(name, smooth_l1, &w, (double)n, 12.0 * (double)n);
    w.c = values(n, 1), w.d = values(n, 1);
    snprintf(name, sizeof name, "balanced L1 and gradient, %s", count_name(n));
    measure(name, balanced_l1, &w, (double)n, 12.0 * (double)n);
    snprintf(name, sizeof name, "smooth L1, weighted, and gradient, %s", count_name(n));
    measure(name, smooth_l1, &w, (double)n, 20.0 * (double)n);
    free(w.a), free(w.b), free(w.c), free(w.d), free(w.out);

    w = (struct workload){.n = million / 4, .m = 16, .a = values(million * 4, 1), .b = values(million / 4, 4), .out = memory(million * 16)};
    snprintf(name, sizeof name, "distribution focal loss and gradient, %s rows of 16 bins", count_name(w.n));
    measure(name, focal, &w, (double)w.n * 16, (double)w.n * 132);
    free(w.a), free(w.b), free(w.out);

    boxgrad_tensor tensors[TENSORS];
    size_t tensor_count = detector(tensors, scale);
    const double orders[] = {2, 1, INFINITY};
    for (n = 0, w.m = 0; w.m < tensor_count; w.m++) n += tensors[w.m].count;
    for (int i = 0; i < 4; i++) {
        int clips = i < 3;
        w = (struct workload){.tensors = tensors, .m = tensor_count, .p = orders[i % 3]};
        TRY(boxgrad_grad_norm(tensors, tensor_count, w.p, &w.limit, NULL, NULL));
        w.limit *= clips ? 0.99 : 2;
        const char *suffix = clips ? "" : ", below the limit";
        snprintf(name, sizeof name, "clip_grad_norm L%g, %s in %d tensors%s", w.p, count_name(n), TENSORS, suffix);
        measure(name, clip_norm, &w, (double)n, (clips ? 12.0 : 4.0) * (double)n);
    }
    for (size_t k = 0; k < tensor_count; k++) free(tensors[k].data);

    n = 100 * million;
    boxgrad_tensor all = {values(n, 0.01), n, BOXGRAD_F32, 0};
    w = (struct workload){.tensors = &all, .m = 1};
    for (int i = 0; i < 3; i++) {
        w.p = orders[i];
        snprintf(name, sizeof name, "norm L%g, %s", w.p, count_name(n));
        measure(name, norm, &w, (double)n, 4.0 * (double)n);
    }
    free(all.data);

    measure_nms(thousand, 1);
    measure_nms(scaled(10000, scale), 1);
    measure_nms(scaled(100000, scale), 1);
    measure_nms(scaled(100000, scale), 80);
    measure_rotated_nms(scaled(10000, scale));
    n = scaled(200000, scale);
    w = (struct workload){.n = n, .m = 100, .a = boxes(n), .b = boxes(100), .out = memory(n * 4), .ids = memory(n * sizeof *w.ids)};
    snprintf(name, sizeof name, "match %s x 100", count_name(n));
    measure(name, match, &w, 100.0 * (double)n, 28.0 * (double)n);
    free(w.a), free(w.b), free(w.out), free(w.ids);
    if (json) fprintf(json, "]}\n");
    if (json && fclose(json)) die(argv[1], "could not be written");
    return 0;
}
