/* Makes the calls of vectors.json, which it reads from the standard input in the form that flat.py prints. It needs nothing but the
 * library and the C library, so that it can be built for any machine. */
#include <boxgrad.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_arguments = 16, most_arrays = 32, longest_word = 100, untouched = 0x5A };

static int failures;
static char name[longest_word];

static void fail(const char *what) {
    failures++;
    printf("%s: %s (%s)\n", name, what, boxgrad_last_error());
}

/* ---- Reading ---- */

static const char *word(void) {
    static char text[longest_word];
    if (scanf("%99s", text) != 1) {
        printf("%s: the vectors end too early\n", name);
        exit(1);
    }
    return text;
}

static uint64_t hash;

/* A number of an array or of options. */
static double number(void) {
    const double x = strtod(word(), NULL);
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    for (int k = 0; k < 64; k += 8) hash = (hash ^ (bits >> k & 0xFF)) * 0x100000001B3u;
    return x;
}

typedef struct { size_t length; double *values; } numbers; /* values NULL: the list is not there */

static numbers list(void) {
    numbers n = {0, NULL};
    const char *length = word();
    if (strcmp(length, "-") == 0) return n;
    n.length = strtoull(length, NULL, 10);
    n.values = malloc((n.length + 1) * sizeof *n.values);
    for (size_t k = 0; k < n.length; k++) n.values[k] = number();
    return n;
}

/* ---- Arrays ---- */

typedef enum { f32, f64, f16, bf16, u8, u32, i64, size, kinds } kind;
static const struct { const char *name; size_t bytes; double eps; } kind_of[kinds] = {
    {"f32", 4, 0x1p-24}, {"f64", 8, 0x1p-53}, {"f16", 2, 0}, {"bf16", 2, 0}, {"u8", 1, 0}, {"u32", 4, 0}, {"i64", 8, 0}, {"size", sizeof(size_t), 0}};

typedef struct {
    kind of;
    size_t length;
    unsigned char *memory, *before;
    numbers wanted, terms;
    double eps;
} array;

static array arrays[most_arrays];
static int array_count;

/* Halves are given as numbers that they hold exactly. */
static uint16_t half(double x, kind of) {
    const float single = (float)x;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (of == bf16) return (uint16_t)(bits >> 16);
    const uint16_t sign = signbit(x) ? 0x8000 : 0;
    const double size_of_x = fabs(x);
    if (isnan(x)) return sign | 0x7E00;
    if (isinf(x)) return sign | 0x7C00;
    if (size_of_x < 0x1p-14) return (uint16_t)(sign | (uint16_t)(size_of_x * 0x1p24));
    int exponent;
    const double fraction = frexp(size_of_x, &exponent); /* in [0.5, 1) */
    return (uint16_t)(sign | (uint16_t)((exponent + 14) << 10) | (uint16_t)((fraction * 2 - 1) * 1024));
}

static double of_half(uint16_t bits, kind of) {
    if (of == bf16) {
        const uint32_t wide = (uint32_t)bits << 16;
        float single;
        memcpy(&single, &wide, sizeof single);
        return single;
    }
    const int exponent = bits >> 10 & 31;
    const double fraction = bits & 1023;
    const double x = exponent == 31 ? (fraction != 0 ? NAN : INFINITY) : exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -x : x;
}

static void store(void *memory, size_t k, kind of, double x) {
    switch (of) {
    case f32: ((float *)memory)[k] = (float)x; break;
    case f64: ((double *)memory)[k] = x; break;
    case f16: case bf16: ((uint16_t *)memory)[k] = half(x, of); break;
    case u8: ((uint8_t *)memory)[k] = (uint8_t)x; break;
    case u32: ((uint32_t *)memory)[k] = (uint32_t)x; break;
    case i64: ((int64_t *)memory)[k] = (int64_t)x; break;
    default: ((size_t *)memory)[k] = (size_t)x;
    }
}

static double load(const void *memory, size_t k, kind of) {
    switch (of) {
    case f32: return ((const float *)memory)[k];
    case f64: return ((const double *)memory)[k];
    case f16: case bf16: return of_half(((const uint16_t *)memory)[k], of);
    case u8: return ((const uint8_t *)memory)[k];
    case u32: return ((const uint32_t *)memory)[k];
    case i64: return (double)((const int64_t *)memory)[k];
    default: return (double)((const size_t *)memory)[k];
    }
}

/* An array whose type is read already. */
static array *read_array(const char *type) {
    array *a = &arrays[array_count++];
    for (a->of = 0; a->of < kinds && strcmp(kind_of[a->of].name, type) != 0;) a->of++;
    if (a->of == kinds || array_count == most_arrays) exit((printf("%s: %s is no type, or there are too many arrays\n", name, type), 1));
    a->length = strtoull(word(), NULL, 10);
    const size_t bytes = a->length * kind_of[a->of].bytes;
    a->memory = malloc(bytes + 1), a->before = malloc(bytes + 1);
    memset(a->memory, untouched, bytes);
    numbers in = list();
    for (size_t k = 0; k < in.length; k++) store(a->memory, k, a->of, in.values[k]);
    memcpy(a->before, a->memory, bytes);
    a->wanted = list(), a->terms = list();
    a->eps = strtod(word(), NULL);
    free(in.values);
    return a;
}

static void check_array(const array *a) {
    if (!a->wanted.values && memcmp(a->memory, a->before, a->length * kind_of[a->of].bytes) != 0) fail("wrote where it must not");
    for (size_t k = 0; a->wanted.values && k < a->length; k++) {
        const double got = load(a->memory, k, a->of), wanted = a->wanted.values[k];
        if ((got == wanted && !signbit(got) == !signbit(wanted)) || (isnan(got) && isnan(wanted))) continue;
        if (a->eps > 0 && fabs(got - wanted) <= a->eps * kind_of[a->of].eps * a->terms.values[k]) continue;
        failures++;
        printf("%s: [%zu] of array %td is %.17g, not %.17g\n", name, k, a - arrays, got, wanted);
    }
}

/* ---- Arguments ---- */

typedef struct { char text[longest_word]; void *pointer; } argument;
static argument arguments[most_arguments];

static boxgrad_delta_options options;
static boxgrad_tensor tensors[most_arrays];
static boxgrad_parameter parameters[most_arrays];

static void *read_options(void) {
    double *const fields[] = {&options.log_ratio_min, &options.log_ratio_max, &options.image_width, &options.image_height, &options.center_clamp};
    options.size = (size_t)number();
    for (int k = 0; k < 4; k++) options.means[k] = number();
    for (int k = 0; k < 4; k++) options.stds[k] = number();
    for (int k = 0; k < 5; k++) *fields[k] = number();
    options.on_degenerate = (int32_t)number(), options.reserved = (int32_t)number();
    return &options;
}

static boxgrad_box_loss_options loss_options;

static void *read_loss_options(void) {
    double fields[10];
    loss_options.size = (size_t)number();
    for (int k = 0; k < 10; k++) fields[k] = number();
    memcpy((char *)&loss_options + sizeof(size_t), fields, sizeof fields);
    return &loss_options;
}

static boxgrad_gaussian_loss_options gaussian_options;

static void *read_gaussian_options(void) {
    gaussian_options.size = (size_t)number();
    gaussian_options.alpha = number(), gaussian_options.tau = number(), gaussian_options.eps = number();
    gaussian_options.function = (int32_t)number(), gaussian_options.root = (int32_t)number();
    gaussian_options.normalized = (int32_t)number(), gaussian_options.reserved = (int32_t)number();
    return &gaussian_options;
}

static boxgrad_roi_options roi_options;

static void *read_roi_options(void) {
    roi_options.size = (size_t)number(), roi_options.spatial_scale = number(), roi_options.layout = (int32_t)number();
    roi_options.sampling_ratio = (int32_t)number(), roi_options.aligned = (int32_t)number(), roi_options.reserved = (int32_t)number();
    return &roi_options;
}

static boxgrad_rotated_delta_options rotated_options;

static void *read_rotated_options(void) {
    boxgrad_rotated_delta_options *o = &rotated_options;
    double *const fields[] = {&o->log_ratio_min, &o->log_ratio_max, &o->image_width, &o->image_height, &o->center_clamp, &o->norm_factor, &o->corner_tolerance};
    int32_t *const codes[] = {&o->range, &o->edge_swap, &o->proj_xy, &o->on_degenerate};
    o->size = (size_t)number();
    for (int k = 0; k < 6; k++) o->means[k] = number();
    for (int k = 0; k < 6; k++) o->stds[k] = number();
    for (int k = 0; k < 7; k++) *fields[k] = number();
    for (int k = 0; k < 4; k++) *codes[k] = (int32_t)number();
    return o;
}

static boxgrad_tensor read_tensor(void) {
    boxgrad_tensor t;
    t.dtype = (int32_t)strtol(word(), NULL, 10);
    t.count = strtoull(word(), NULL, 10);
    t.reserved = (int32_t)strtol(word(), NULL, 10);
    const char *what = word();
    t.data = strcmp(what, "null") == 0 ? NULL : read_array(what)->memory;
    return t;
}

static void *read_tensors(void) {
    const size_t count = strtoull(word(), NULL, 10);
    for (size_t k = 0; k < count && k < most_arrays; k++) tensors[k] = read_tensor();
    return tensors;
}

static void *read_parameters(void) {
    const size_t count = strtoull(word(), NULL, 10);
    for (size_t k = 0; k < count && k < most_arrays; k++) {
        parameters[k].grad = read_tensor(), parameters[k].param = read_tensor();
        parameters[k].unit_size = strtoull(word(), NULL, 10), parameters[k].unit_stride = strtoull(word(), NULL, 10);
    }
    return parameters;
}

static void read_argument(argument *a) {
    const char *what = word();
    a->pointer = NULL;
    if (strcmp(what, "null") == 0) return;
    if (strcmp(what, "number") == 0) strcpy(a->text, word());
    else if (strcmp(what, "options") == 0) a->pointer = read_options();
    else if (strcmp(what, "loss_options") == 0) a->pointer = read_loss_options();
    else if (strcmp(what, "gaussian_options") == 0) a->pointer = read_gaussian_options();
    else if (strcmp(what, "roi_options") == 0) a->pointer = read_roi_options();
    else if (strcmp(what, "rotated_options") == 0) a->pointer = read_rotated_options();
    else if (strcmp(what, "tensors") == 0) a->pointer = read_tensors();
    else if (strcmp(what, "parameters") == 0) a->pointer = read_parameters();
    else a->pointer = read_array(what)->memory;
}

/* Argument k as what the prototype wants: a pointer, a count, a stride, a double or a code; 64-bit integers as counts, or strides if they have signs. */
#define P(k) arguments[k].pointer
#define N(k) (size_t)strtoull(arguments[k].text, NULL, 10)
#define S(k) (ptrdiff_t)strtoll(arguments[k].text, NULL, 10)
#define D(k) strtod(arguments[k].text, NULL)
#define I(k) (int32_t)strtol(arguments[k].text, NULL, 10)

static boxgrad_status call(void) {
#define FUNCTION(f, ...) if (strcmp(name, #f) == 0) return boxgrad_##f(__VA_ARGS__)
#include "calls.h"
    fail("there is no such function here");
    return -1;
}

int main(void) {
    int made = 0;
    for (; scanf("%99s", name) == 1; made++) {
        char error[longest_word], said[longest_word];
        const boxgrad_status wanted = (boxgrad_status)strtol(word(), NULL, 10);
        const uint64_t wanted_hash = strtoull(word(), NULL, 16);
        strcpy(error, word());
        const long count = strtol(word(), NULL, 10);
        hash = 0xCBF29CE484222325u, array_count = 0;
        for (long k = 0; k < count && k < most_arguments; k++) read_argument(&arguments[k]);
        if (hash != wanted_hash) fail("the numbers were not read exactly");
        if (call() != wanted) fail("another status");
        snprintf(said, sizeof said, "%s", boxgrad_last_error());
        for (char *c = said; *c; c++) if (*c == ' ') *c = '_';
        if (wanted != BOXGRAD_OK && strncmp(said, error, strlen(error)) != 0) fail("another error");
        for (int k = 0; k < array_count; k++) {
            check_array(&arrays[k]);
            free(arrays[k].memory), free(arrays[k].before), free(arrays[k].wanted.values), free(arrays[k].terms.values);
        }
    }
    printf("%d vectors in tier %s, %d failures\n", made, boxgrad_cpu_tier(), failures);
    return failures != 0 || made == 0;
}
