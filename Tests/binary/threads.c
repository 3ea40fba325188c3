/* Proves that every function that is divided gives the bits of small calls, which are not divided. The sizes are divided among 1, 2, 3 and
 * 7 threads, the library's own and a host's, and among threads that are kept, which smaller calls are divided among, too. It prints hashes, which must be equal on all CPU tiers. The argument is the seed of sizes and
 * numbers. */
#include "hash.h"
#include <math.h>
#include <pthread.h>

/* ---- Hosts' pools ---- */

enum { most_threads = 7 };

static void reversed(void *context, size_t count, boxgrad_task task, void *task_context) {
    (void)context;
    while (count-- > 0) task(task_context, count, count + 1);
}

static void one_by_one(void *context, size_t count, boxgrad_task task, void *task_context) {
    (void)context;
    for (size_t i = 0; i < count; i++) task(task_context, i, i + 1);
}

static void at_once(void *context, size_t count, boxgrad_task task, void *task_context) {
    (void)context;
    task(task_context, 0, count);
}

typedef struct { boxgrad_task task; void *context; size_t index; } part_of_task;

static void *run_part(void *argument) {
    const part_of_task *part = argument;
    part->task(part->context, part->index, part->index + 1);
    return NULL;
}

static void threaded(void *context, size_t count, boxgrad_task task, void *task_context) {
    pthread_t threads[most_threads];
    part_of_task parts[most_threads];
    (void)context;
    if (count > most_threads) abort();
    for (size_t i = 0; i < count; i++) {
        parts[i] = (part_of_task){task, task_context, i};
        if (pthread_create(&threads[i], NULL, run_part, &parts[i]) != 0) abort();
    }
    for (size_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

/* These are ways to divide calls. The largest calls use the first ones only, because these show the most. */
enum { for_the_largest = 4 };
static const struct { int threads; const char *of; boxgrad_parallel_for_fn pool; int keep; } settings[] = {
    {most_threads, "its own threads", NULL, 0}, {3, "a pool's threads", threaded, 0}, {2, "a pool in reverse order", reversed, 0},
    {8, "its kept threads", NULL, 1}, {1, "its kept threads", NULL, 1}, {2, "its kept threads", NULL, 1}, {3, "its kept threads", NULL, 1},
    {1, "its own threads", NULL, 0}, {2, "its own threads", NULL, 0}, {3, "its own threads", NULL, 0}, {2, "a pool's threads", threaded, 0},
    {most_threads, "a pool's threads", threaded, 0}, {3, "a pool in reverse order", reversed, 0}, {most_threads, "a pool one by one", one_by_one, 0},
    {3, "a pool in one call", at_once, 0},
};

/* ---- A proof ---- */

static int failures;
static unsigned char *out, *wanted;
static size_t out_capacity, tried = sizeof settings / sizeof *settings;

/* Calls a function for some of its rows, with the outputs at `out`. It is called for all rows and, as the reference, for slices that are
 * too small to be divided. Returns the loss or the count of these rows. */
typedef double (*part)(size_t begin, size_t end);

static void prove(const char *name, size_t rows, size_t slice, part reference, part whole, size_t out_size) {
    if (out_size > out_capacity) {
        fprintf(stderr, "%s needs room for %zu bytes\n", name, out_size);
        exit(1);
    }
    ok(boxgrad_set_max_threads(1));
    ok(boxgrad_set_parallel_for(NULL, NULL));
    memset(out, 0x5A, out_size);
    double sum = 0;
    for (size_t first = 0; first < rows; first += slice) sum += reference(first, first + slice < rows ? first + slice : rows);
    unsigned char *swap = wanted;
    wanted = out, out = swap;
    begin(), take(wanted, out_size), take(&sum, sizeof sum), end(name);

    for (size_t k = 0; k < tried; k++) {
        ok(boxgrad_set_parallel_for(settings[k].pool, NULL));
        ok(boxgrad_set_max_threads(settings[k].threads));
        ok(boxgrad_set_keep_threads(settings[k].keep));
        memset(out, 0x5A, out_size);
        const double got = whole(0, rows);
        size_t byte = 0;
        if (memcmp(&got, &sum, sizeof sum) == 0 && memcmp(out, wanted, out_size) == 0) continue;
        while (byte < out_size && out[byte] == wanted[byte]) byte++;
        printf("%s differs with %d of %s: %.17g, not %.17g; from byte %zu of %zu\n",
               name, settings[k].threads, settings[k].of, got, sum, byte, out_size);
        failures++;
    }
}

static size_t between(size_t least, size_t most) { return (size_t)uniform((double)least, (double)most + 1); }

/* A sum adds the sums of groups of 65536 rows in order. A wave is 128 groups. */
enum { group = 1 << 16, wave = 128 * group, boxes_a_thread = 1 << 16, matrix_a_thread = 1 << 20 };
static size_t n, columns, out_stride, a_stride, b_stride, groups;
static int32_t metric;
static int outputs; /* has a bit for each output that is not NULL */
#define NULL_OR(bit, pointer) (outputs >> (bit) & 1 ? (pointer) : NULL)

#define fp float
#define T(name) name##_f32
#include "threads_typed.h"
#undef fp
#undef T

#define fp double
#define T(name) name##_f64
#include "threads_typed.h"

#include "described.h"

static double rows_described(size_t begin, size_t end) { return ok(call_described(begin, end, n, metric, out)), 0; }

/* Proves the functions that are not called by name above. Functions that are not divided pass, too. */
static void divided_described(void) {
    n = most_threads * boxes_a_thread + between(1, boxes_a_thread), metric = (int32_t)between(0, 3);
    for (size_t count = 0; next_described(&count, n);) {
        prove(described.name, n, between(1000, 5000), rows_described, rows_described, outputs_size(n));
    }
}

/* ---- Tensors ---- */

enum { tensor_count = 150 };
static boxgrad_tensor tensors[tensor_count];
static unsigned char *elements;
static size_t elements_size;
static double p;
static const size_t element_sizes[] = {4, 8, 2, 2};

/* Makes tensors of all dtypes. Most of them have less than a thread's work, some have no elements, and one has several pieces. Halves have
 * small exponents. */
static void make_tensors(void) {
    elements_size = 0;
    for (int i = 0; i < tensor_count; i++) {
        tensors[i].dtype = (int32_t)between(0, 3);
        tensors[i].count = i == 77 ? 5 * group + between(1, 1000) : i % 16 ? between(1, 20000) : 0;
        elements_size += (tensors[i].count * element_sizes[tensors[i].dtype] + 7) / 8 * 8;
    }
    elements = calloc(elements_size, 1); /* between tensors, there are bytes that belong to none */
    unsigned char *next = elements;
    for (int i = 0; i < tensor_count; i++) {
        for (size_t k = 0; k < tensors[i].count; k++) {
            const double x = uniform(-2, 2);
            if (tensors[i].dtype == BOXGRAD_F32) ((float *)next)[k] = (float)x;
            else if (tensors[i].dtype == BOXGRAD_F64) ((double *)next)[k] = x;
            else ((uint16_t *)next)[k] = (uint16_t)((uint64_t)(int64_t)(x * 8192) & 0xBFFF);
        }
        next += (tensors[i].count * element_sizes[tensors[i].dtype] + 7) / 8 * 8;
    }
}

/* Copies the elements to the outputs, and sets the tensors' data to this copy. */
static void place_tensors(void) {
    unsigned char *next = out;
    memcpy(out, elements, elements_size);
    for (int i = 0; i < tensor_count; i++) {
        tensors[i].data = next;
        next += (tensors[i].count * element_sizes[tensors[i].dtype] + 7) / 8 * 8;
    }
}

static double norms(size_t begin, size_t end) {
    double total;
    (void)begin, (void)end;
    place_tensors();
    ok(boxgrad_grad_norm(tensors, tensor_count, p, &total, (double *)(out + elements_size), NULL));
    return total;
}

static double norms_one_by_one(size_t begin, size_t end) {
    double *const each = (double *)(out + elements_size), total;
    (void)begin, (void)end;
    place_tensors();
    for (int i = 0; i < tensor_count; i++) ok(boxgrad_grad_norm(tensors + i, 1, p, &each[i], NULL, NULL));
    ok(boxgrad_grad_norm_combine(each, tensor_count, p, &total));
    return total;
}

static double clip_norm(size_t begin, size_t end) {
    double total;
    (void)begin, (void)end;
    place_tensors();
    ok(boxgrad_clip_grad_norm(tensors, tensor_count, 0.7, p, 1e-6, BOXGRAD_NONFINITE_ERROR, &total));
    return total;
}

/* Calls f(tensors, count, factor) with tensors of at most 1000 elements. */
static void in_pieces(boxgrad_status (*f)(const boxgrad_tensor *, size_t, double), double factor) {
    for (int i = 0; i < tensor_count; i++) for (size_t first = 0; first < tensors[i].count; first += 1000) {
        boxgrad_tensor piece = tensors[i];
        piece.data = (unsigned char *)piece.data + first * element_sizes[piece.dtype];
        piece.count = piece.count - first < 1000 ? piece.count - first : 1000;
        ok(f(&piece, 1, factor));
    }
}

static double clip_norm_in_pieces(size_t begin, size_t end) {
    const double total = norms_one_by_one(begin, end);
    memset(out + elements_size, 0x5A, tensor_count * sizeof(double));
    in_pieces(boxgrad_grad_scale, 0.7 / (total + 1e-6));
    return total;
}

/* The tensors without those of doubles, in order, and with them. */
static boxgrad_tensor chosen[tensor_count];
static size_t chosen_count;
static int with_doubles;

static void choose_tensors(void) {
    place_tensors();
    chosen_count = 0;
    for (int i = 0; i < tensor_count; i++) if (with_doubles || tensors[i].dtype != BOXGRAD_F64) chosen[chosen_count++] = tensors[i];
}

static size_t state_size(void) { return with_doubles ? BOXGRAD_EXACT_NORM_SIZE_F64 : BOXGRAD_EXACT_NORM_SIZE; }

static double exact_norm(size_t begin, size_t end) {
    int64_t *const state = (int64_t *)(out + elements_size);
    double norm;
    (void)begin, (void)end, choose_tensors();
    ok(boxgrad_exact_norm_begin(state, state_size()));
    ok(boxgrad_exact_norm_add(state, state_size(), chosen, chosen_count, p));
    ok(boxgrad_exact_norm_finish(state, state_size(), p, &norm));
    return norm;
}

/* Adds pieces of at most 1000 elements, the last first, to one of two exact norms each, which are merged. */
static double exact_norm_in_pieces(size_t begin, size_t end) {
    int64_t *const state = (int64_t *)(out + elements_size), other[BOXGRAD_EXACT_NORM_SIZE_F64];
    const size_t size = state_size();
    double norm;
    (void)begin, (void)end, choose_tensors();
    ok(boxgrad_exact_norm_begin(state, size)), ok(boxgrad_exact_norm_begin(other, size));
    for (size_t i = chosen_count; i-- > 0;) for (size_t first = 0; first < chosen[i].count; first += 1000) {
        boxgrad_tensor piece = chosen[i];
        piece.data = (unsigned char *)piece.data + first * element_sizes[piece.dtype];
        piece.count = piece.count - first < 1000 ? piece.count - first : 1000;
        ok(boxgrad_exact_norm_add(first / 1000 % 2 ? state : other, size, &piece, 1, p));
    }
    ok(boxgrad_exact_norm_merge(state, other, size, p));
    ok(boxgrad_exact_norm_finish(state, size, p, &norm));
    return norm;
}

/* The total of tensors without doubles is an exact norm, whose state is not among the outputs. */
static double exact_total(size_t begin, size_t end) {
    double total;
    (void)begin, (void)end, choose_tensors();
    return ok(boxgrad_grad_norm(chosen, chosen_count, p, &total, NULL, NULL)), total;
}

static double scale(size_t begin, size_t end) { return (void)begin, (void)end, place_tensors(), boxgrad_grad_scale(tensors, tensor_count, 0.3); }
static double clip_value(size_t begin, size_t end) { return (void)begin, (void)end, place_tensors(), boxgrad_clip_grad_value(tensors, tensor_count, 0.1); }
static double scale_in_pieces(size_t begin, size_t end) { return (void)begin, (void)end, place_tensors(), in_pieces(boxgrad_grad_scale, 0.3), 0; }
static double clip_value_in_pieces(size_t begin, size_t end) { return (void)begin, (void)end, place_tensors(), in_pieces(boxgrad_clip_grad_value, 0.1), 0; }

static double clip_rms(size_t begin, size_t end) {
    (void)begin, (void)end, place_tensors();
    return ok(boxgrad_clip_grad_rms(tensors, tensor_count, 0.6, BOXGRAD_NONFINITE_ERROR, (double *)(out + elements_size))), 0;
}

static double clip_rms_one_by_one(size_t begin, size_t end) {
    (void)begin, (void)end, place_tensors();
    for (int i = 0; i < tensor_count; i++) {
        ok(boxgrad_clip_grad_rms(tensors + i, 1, 0.6, BOXGRAD_NONFINITE_ERROR, (double *)(out + elements_size) + i));
    }
    return 0;
}

/* The parameters are the gradients, from before clipping. Their units are rows, columns, or everything. */
static boxgrad_parameter parameters[tensor_count];

static void place_parameters(void) {
    unsigned char *next = elements;
    place_tensors();
    for (int i = 0; i < tensor_count; i++) {
        const size_t count = tensors[i].count, size = count % 7 == 0 ? 7 : count % 5 == 0 ? 5 : count % 2 == 0 ? 2 : 1;
        parameters[i] = (boxgrad_parameter){tensors[i], tensors[i], i % 3 ? size : 0, i % 3 == 2 ? count / size : 1};
        parameters[i].param.data = next;
        next += (count * element_sizes[tensors[i].dtype] + 7) / 8 * 8;
    }
}

static double clip_units(size_t begin, size_t end) {
    size_t clipped;
    (void)begin, (void)end, place_parameters();
    ok(boxgrad_clip_grad_adaptive(parameters, tensor_count, 0.999, 1.5, 2, BOXGRAD_NONFINITE_ERROR, &clipped));
    return (double)clipped;
}

static double clip_units_one_by_one(size_t begin, size_t end) {
    size_t clipped, all = 0;
    (void)begin, (void)end, place_parameters();
    for (int i = 0; i < tensor_count; i++) ok(boxgrad_clip_grad_adaptive(parameters + i, 1, 0.999, 1.5, 2, BOXGRAD_NONFINITE_ERROR, &clipped)), all += clipped;
    return (double)all;
}

int main(int argc, char **argv) {
    const double exponents[] = {1, 2, 3, INFINITY};
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    control_before = control();
    printf("tier %s\n", boxgrad_cpu_tier());
    out_capacity = 10 * sizeof(float) * (wave + group);
    out = malloc(out_capacity), wanted = malloc(out_capacity);
    if (!out || !wanted) return 1;
    divided_f32();
    divided_f64();
    divided_described();

    const size_t length = wave + between(1, group);
    tried = for_the_largest;
    waves_f32(length);
    waves_f64(length);
    tried = sizeof settings / sizeof *settings;

    make_tensors();
    for (int k = 0; k < 4; k++) {
        p = exponents[k];
        prove("boxgrad_grad_norm", 1, 1, norms_one_by_one, norms, elements_size + tensor_count * sizeof(double));
    }
    for (int k = 0; k < 4; k++) if (exponents[k] != 3) {
        p = exponents[k];
        for (with_doubles = 0; with_doubles < 2; with_doubles++) {
            prove("boxgrad_exact_norm_add", 1, 1, exact_norm_in_pieces, exact_norm, elements_size + state_size() * sizeof(int64_t));
        }
        with_doubles = 0;
        prove("boxgrad_grad_norm", 1, 1, exact_norm_in_pieces, exact_total, elements_size);
    }
    p = 2;
    prove("boxgrad_clip_grad_norm", 1, 1, clip_norm_in_pieces, clip_norm, elements_size + tensor_count * sizeof(double));
    prove("boxgrad_grad_scale", 1, 1, scale_in_pieces, scale, elements_size);
    prove("boxgrad_clip_grad_value", 1, 1, clip_value_in_pieces, clip_value, elements_size);
    prove("boxgrad_clip_grad_rms", 1, 1, clip_rms_one_by_one, clip_rms, elements_size + tensor_count * sizeof(double));
    prove("boxgrad_clip_grad_adaptive", 1, 1, clip_units_one_by_one, clip_units, elements_size);
    return failures != 0;
}
