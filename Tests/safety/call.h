/* Describes a call of any function of functions.h: what the caller chooses, the memory that it gets, and the result that it must have. It
 * also makes the call, and checks this result. */
#ifndef CALL_H
#define CALL_H

#include "functions.h"

#include <dlfcn.h>
#include <errno.h>
#include <ffi.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* The library is instrumented, but these programs are not. They are linked with the sanitizer's runtime, so that they can tell it which
 * memory may be touched. */
#ifdef WITH_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(address, size) ((void)(address), (void)(size))
#define __asan_unpoison_memory_region(address, size) ((void)(address), (void)(size))
#endif
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_NOACCESS(address, size) 0
#define VALGRIND_MAKE_MEM_DEFINED(address, size) 0
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) 0
#define VALGRIND_CHECK_MEM_IS_DEFINED(address, size) 0
#define RUNNING_ON_VALGRIND 0
#endif

enum { most_parameters = 15, most_tensors = 8, most_buffers = most_parameters + 2 * most_tensors };

/* Describes the memory of one array. It ends (or begins) at a page that must not be touched, and has canaries around it and between its
 * rows. */
typedef struct {
    size_t rows, width, stride, size; /* size is that of an element, in bytes */
    size_t written;                   /* the rows of an output that the call has written */
    element_kind element;
    bool input, output;
    unsigned char *start, *low, *high; /* the bytes from low to high are accessible */
    unsigned char *before;             /* their copy from before the call */
} buffer;

typedef union {
    void *pointer;
    size_t count;
    ptrdiff_t stride;
    double number;
    int32_t code;
} value;

/* Holds what a caller chooses, and the buffers of the call. */
typedef struct {
    const function *function;
    size_t real;                     /* this is sizeof(float) or sizeof(double) */
    value values[most_parameters];   /* the values of all parameters except pointers */
    bool null[most_parameters];      /* the pointers that are NULL */
    bool in_place, at_front;         /* outputs share their inputs' memory; buffers begin at the guard page */
    boxgrad_delta_options options;   /* the call gets as many bytes of these as their size says */
    boxgrad_box_loss_options loss_options;
    boxgrad_gaussian_loss_options gaussian_options;
    boxgrad_rotated_delta_options rotated_options;
    boxgrad_roi_options roi_options;
    boxgrad_tensor tensors[most_tensors];
    boxgrad_parameter parameters[most_tensors]; /* their gradients are `tensors` */
    double (*element)(void *context); /* returns the numbers that inputs are filled with */
    void *context;

    buffer buffers[most_buffers];
    size_t buffer_count;
} call;

/* Holds a library's functions in the order of functions.h, f32 before f64. */
typedef struct {
    const char *tier;
    void *functions[2 * function_count];
    boxgrad_status (*set_max_threads)(int32_t);
    const char *(*last_error)(void);
    const char *(*status_string)(boxgrad_status);
} library;

static inline bool is_options(const parameter *p) {
    return p->kind == OPTIONS || p->kind == LOSS_OPTIONS || p->kind == GAUSSIAN_OPTIONS || p->kind == ROTATED_OPTIONS || p->kind == ROI_OPTIONS;
}
static inline bool is_code(const parameter *p, int32_t code) { return code >= 0 && code <= p->last && !(p->except >> code & 1); }

/* ---- Names ---- */

/* Whether the function is to be called. BOXGRAD_SAFETY_ONLY names one function if only this one is. */
static inline bool is_wanted(const function *f) {
    const char *only = getenv("BOXGRAD_SAFETY_ONLY");
    return !only || strcmp(only, f->name) == 0;
}

static size_t parameter_count(const function *f) {
    size_t n = 0;
    while (n < most_parameters && f->parameters[n].kind != NO_PARAMETER) n++;
    return n;
}

static int parameter_index(const function *f, const char *name) {
    for (size_t i = 0; i < parameter_count(f); i++) if (strcmp(f->parameters[i].name, name) == 0) return (int)i;
    fprintf(stderr, "functions.h: %s has no parameter %s\n", f->name, name);
    abort();
}

static size_t count_of(const call *c, const char *name) { return name ? c->values[parameter_index(c->function, name)].count : 1; }

static void print_call(const call *c) {
    fprintf(stderr, "%s%s(", c->function->name, c->function->untyped ? "" : c->real == 4 ? "_f32" : "_f64");
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        const parameter *p = &c->function->parameters[i];
        fprintf(stderr, "%s%s ", i ? ", " : "", p->name);
        switch (p->kind) {
        case COUNT: case STATE_SIZE: case INTEGER: fprintf(stderr, "%zu", c->values[i].count); break;
        case STRIDE: fprintf(stderr, "%td", c->values[i].stride); break;
        case NUMBER: fprintf(stderr, "%.17g", c->values[i].number); break;
        case CODE: fprintf(stderr, "%d", c->values[i].code); break;
        case OPTIONS:
            if (c->null[i]) fprintf(stderr, "NULL");
            else fprintf(stderr, "{size %zu, on_degenerate %d}", c->options.size, c->options.on_degenerate);
            break;
        case LOSS_OPTIONS: fprintf(stderr, c->null[i] ? "NULL" : "{size %zu}", c->loss_options.size); break;
        case GAUSSIAN_OPTIONS: fprintf(stderr, c->null[i] ? "NULL" : "{size %zu}", c->gaussian_options.size); break;
        case ROTATED_OPTIONS:
            if (c->null[i]) fprintf(stderr, "NULL");
            else fprintf(stderr, "{size %zu, range %d, edge_swap %d, proj_xy %d, on_degenerate %d}", c->rotated_options.size, c->rotated_options.range,
                         c->rotated_options.edge_swap, c->rotated_options.proj_xy, c->rotated_options.on_degenerate);
            break;
        case ROI_OPTIONS:
            if (c->null[i]) fprintf(stderr, "NULL");
            else fprintf(stderr, "{size %zu, scale %g, layout %d, sampling %d, aligned %d}", c->roi_options.size, c->roi_options.spatial_scale,
                         c->roi_options.layout, c->roi_options.sampling_ratio, c->roi_options.aligned);
            break;
        case TENSORS: case PARAMETERS:
            for (size_t k = 0; k < most_tensors && k < count_of(c, "n"); k++) {
                const boxgrad_parameter *q = &c->parameters[k];
                fprintf(stderr, "{%s%zu of %d", c->tensors[k].data ? "" : "NULL, ", c->tensors[k].count, c->tensors[k].dtype);
                if (p->kind == PARAMETERS) fprintf(stderr, "; %s%zu of %d, units %zu, %zu", q->param.data ? "" : "NULL, ", q->param.count, q->param.dtype, q->unit_size, q->unit_stride);
                fprintf(stderr, "}");
            }
            break;
        default: fprintf(stderr, "%s", c->null[i] ? "NULL" : p->output && p->in_place && c->in_place ? "in place" : "...");
        }
    }
    fprintf(stderr, ")%s\n", c->at_front ? ", buffers begin at guard pages" : "");
}

static void fail(const call *c, const library *l, int32_t threads, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "FAILED, tier %s, %d threads: ", l->tier, threads);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n    ");
    print_call(c);
    va_end(arguments);
    abort();
}

/* Reports that the call touched a guard page, or memory that does not exist. */
static const call *current;
static void on_fault(int number) {
    signal(number, SIG_DFL);
    fprintf(stderr, "FAILED: %s in\n    ", strsignal(number));
    if (current) print_call(current);
    abort();
}

/* ---- What the header says about a call ---- */

typedef struct {
    struct { boxgrad_status status; const char *name; } all[64];
    size_t count;
} faults;

static void fault(faults *f, boxgrad_status status, const char *name) {
    if (f->count < 64) f->all[f->count].status = status, f->all[f->count++].name = name;
}

static double as_real(const call *c, double x) { return c->real == sizeof(float) ? (double)(float)x : x; }
static bool positive_finite(double x) { return x > 0 && x < INFINITY; }

static bool in_range(const call *c, number_range range, double x) {
    switch (range) {
    case NOT_NAN: return !isnan(x);
    case FINITE: return isfinite(x);
    case NOT_NEGATIVE: return x >= 0;
    case FRACTION: return x >= 0 && x <= 1;
    case SHARE: return x >= 0x1p-100 && x <= 1;
    case LENGTH: return x >= 0 && as_real(c, x) < INFINITY;
    case DIVISOR: return positive_finite(as_real(c, x)) && positive_finite(as_real(c, 1 / x));
    case SIGMA: return x > 0 && as_real(c, 1 / (x * x)) < INFINITY;
    case EXPONENT: return x > 0 && 1 / x < INFINITY;
    case EXACT_EXPONENT: return x == 1 || x == 2 || x == INFINITY;
    }
    return false;
}

/* Whether an array has a byte that no pointer can reach. */
static bool exceeds_memory(size_t rows, size_t width, size_t stride, size_t size) {
    size_t elements, bytes;
    return __builtin_mul_overflow(rows - 1, stride, &elements) || __builtin_add_overflow(elements, width, &elements)
        || __builtin_mul_overflow(elements, size, &bytes) || bytes > PTRDIFF_MAX;
}

static size_t size_of(const call *c, element_kind element) {
    static const size_t sizes[] = {[DOUBLE] = 8, [SIZE] = sizeof(size_t), [LONG] = 8, [WORD] = 4, [BYTE] = 1, [HALF] = 2, [BFLOAT] = 2};
    return element == REAL ? c->real : sizes[element];
}

static size_t rows_of(const call *c, const parameter *p) {
    const size_t rows = p->unless && count_of(c, p->unless) == 0 ? 0 : count_of(c, p->rows);
    return p->limit && count_of(c, p->limit) < rows ? count_of(c, p->limit) : rows;
}

/* Returns the width of an array's rows, or SIZE_MAX if it has more elements than memory can hold. */
static size_t width_of(const call *c, const parameter *p) {
    const size_t factors[] = {(size_t)p->width, count_of(c, p->times), count_of(c, p->also[0]), count_of(c, p->also[1])};
    size_t width = 1;
    bool exceeds = false;
    for (size_t k = 0; k < 4; k++) if (factors[k] == 0) return 0;
    for (size_t k = 0; k < 4; k++) exceeds |= __builtin_mul_overflow(width, factors[k], &width);
    return exceeds ? SIZE_MAX : width;
}

static void check_block(const call *c, size_t i, faults *f) {
    const parameter *p = &c->function->parameters[i];
    const size_t rows = rows_of(c, p), width = width_of(c, p);
    const char *counts[] = {p->rows, p->times, p->also[0], p->also[1]};
    for (size_t k = 0; k < 4; k++) if (count_of(c, counts[k]) > PTRDIFF_MAX) return;
    if (rows == 0 || width == 0) return;
    if (width == SIZE_MAX || exceeds_memory(rows, width, width, size_of(c, p->element))) fault(f, BOXGRAD_SIZE_OVERFLOW, p->name);
    if (c->null[i] && !p->optional) fault(f, BOXGRAD_NULL_POINTER, p->name);
}

static void check_array(const call *c, size_t i, faults *f) {
    const parameter *p = &c->function->parameters[i];
    if (p->also[0]) return check_block(c, i, f);
    const size_t rows = rows_of(c, p), times = count_of(c, p->times), size = size_of(c, p->element);
    if (count_of(c, p->rows) > PTRDIFF_MAX || times > PTRDIFF_MAX) return; /* the counts have this fault */
    if (times > 0 && exceeds_memory(times, (size_t)p->width, (size_t)p->width, size)) {
        fault(f, BOXGRAD_SIZE_OVERFLOW, p->times);
        return;
    }
    const size_t width = (size_t)p->width * times;
    if (rows == 0 || width == 0) return;
    if (c->null[i]) {
        if (!p->optional) fault(f, BOXGRAD_NULL_POINTER, p->name);
        return;
    }
    if (exceeds_memory(rows, width, width, size)) fault(f, BOXGRAD_SIZE_OVERFLOW, p->name);
    if (!p->stride || rows < 2) return;
    const ptrdiff_t stride = c->values[parameter_index(c->function, p->stride)].stride;
    if (stride < (ptrdiff_t)width) fault(f, BOXGRAD_BAD_STRIDE, p->stride);
    else if (exceeds_memory(rows, width, (size_t)stride, size)) fault(f, BOXGRAD_SIZE_OVERFLOW, p->stride);
    if (!p->in_place || !c->in_place) return;
    const int in = parameter_index(c->function, p->in_place);
    const char *in_stride = c->function->parameters[in].stride;
    if (!c->null[in] && c->values[parameter_index(c->function, in_stride)].stride != stride) fault(f, BOXGRAD_BAD_STRIDE, p->stride);
}

/* Returns the options as the library must see them. */
static boxgrad_delta_options known_options(const call *c) {
    boxgrad_delta_options known = BOXGRAD_DELTA_OPTIONS_INIT;
    if (!c->null[0] && c->options.size <= sizeof known) memcpy(&known, &c->options, c->options.size);
    return known;
}

static void check_options(const call *c, faults *f) {
    if (c->null[0]) return;
    if (c->options.size > sizeof c->options) return fault(f, BOXGRAD_UNSUPPORTED, "options->size");
    if (c->options.size == 0 || c->options.size % sizeof(size_t) != 0) return fault(f, BOXGRAD_BAD_PARAMETER, "options->size");
    const boxgrad_delta_options o = known_options(c);
    for (int k = 0; k < 4; k++) {
        if (!isfinite(as_real(c, o.means[k]))) fault(f, BOXGRAD_BAD_PARAMETER, "options->means");
        if (!in_range(c, DIVISOR, o.stds[k])) fault(f, BOXGRAD_BAD_PARAMETER, "options->stds");
    }
    if (isnan(o.log_ratio_min) || o.log_ratio_min > o.log_ratio_max) fault(f, BOXGRAD_BAD_PARAMETER, "options->log_ratio_min");
    if (isnan(o.log_ratio_max)) fault(f, BOXGRAD_BAD_PARAMETER, "options->log_ratio_max");
    if (isnan(o.image_width)) fault(f, BOXGRAD_BAD_PARAMETER, "options->image_width");
    if (isnan(o.image_height)) fault(f, BOXGRAD_BAD_PARAMETER, "options->image_height");
    if (!(o.center_clamp >= 0)) fault(f, BOXGRAD_BAD_PARAMETER, "options->center_clamp");
    if (o.on_degenerate < 0 || o.on_degenerate > 2) fault(f, BOXGRAD_BAD_PARAMETER, "options->on_degenerate");
    if (o.reserved != 0) fault(f, BOXGRAD_BAD_PARAMETER, "options->reserved");
}

/* What every call of box_loss can have: all fields that some kind needs. */
static const boxgrad_box_loss_options valid_loss_options = {sizeof valid_loss_options, 1e-7, 1, 0, 1, 4, 640, 480, 1e-6, 12.8, 0.2};

static void check_loss_options(const call *c, size_t i, faults *f) {
    static const struct { const char *name; size_t offset; double least, most; bool open; } ranges[] = {
        {"options->alpha", offsetof(boxgrad_box_loss_options, alpha), 0, 1000, true},
        {"options->gamma", offsetof(boxgrad_box_loss_options, gamma), 0, 1000, false},
        {"options->inner_ratio", offsetof(boxgrad_box_loss_options, inner_ratio), 0, 1000, true},
        {"options->theta", offsetof(boxgrad_box_loss_options, theta), 1, 1000, false},
        {"options->least_iou", offsetof(boxgrad_box_loss_options, least_iou), 0, 1, true},
        {"options->beta", offsetof(boxgrad_box_loss_options, beta), 0, 1000, true},
    };
    boxgrad_box_loss_options known = BOXGRAD_BOX_LOSS_OPTIONS_INIT;
    const size_t size = c->loss_options.size;
    if (!c->null[i] && size > sizeof known) return fault(f, BOXGRAD_UNSUPPORTED, "options->size");
    if (!c->null[i] && (size == 0 || size % sizeof(size_t) != 0)) return fault(f, BOXGRAD_BAD_PARAMETER, "options->size");
    if (!c->null[i]) memcpy(&known, &c->loss_options, size);
    if (!in_range(c, LENGTH, known.eps)) fault(f, BOXGRAD_BAD_PARAMETER, "options->eps");
    for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
        double x;
        memcpy(&x, (char *)&known + ranges[k].offset, sizeof x);
        const bool is_above = ranges[k].open ? x > ranges[k].least : x >= ranges[k].least;
        if (!is_above || x > ranges[k].most) fault(f, BOXGRAD_BAD_PARAMETER, ranges[k].name);
    }
    const int32_t kind = c->values[0].code;
    const struct { const char *name; double length; bool needed; } lengths[] = {
        {"options->image_width", known.image_width, kind == BOXGRAD_LOSS_MPDIOU},
        {"options->image_height", known.image_height, kind == BOXGRAD_LOSS_MPDIOU},
        {"options->constant", known.constant, kind == BOXGRAD_LOSS_NWD},
    };
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        const double x = lengths[k].length;
        if (lengths[k].needed && !(x > 0 && x * x < INFINITY)) fault(f, BOXGRAD_BAD_PARAMETER, lengths[k].name);
    }
}

static void check_gaussian_options(const call *c, size_t i, faults *f) {
    boxgrad_gaussian_loss_options known = BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT;
    const size_t size = c->gaussian_options.size;
    if (!c->null[i] && size > sizeof known) return fault(f, BOXGRAD_UNSUPPORTED, "options->size");
    if (!c->null[i] && (size == 0 || size % sizeof(size_t) != 0)) return fault(f, BOXGRAD_BAD_PARAMETER, "options->size");
    if (!c->null[i]) memcpy(&known, &c->gaussian_options, size);
    if (!(known.alpha >= 1e-3 && known.alpha <= 1000)) fault(f, BOXGRAD_BAD_PARAMETER, "options->alpha");
    if (!(known.tau >= 0 && known.tau <= 1000)) fault(f, BOXGRAD_BAD_PARAMETER, "options->tau");
    if (!(known.eps >= 0 && known.eps <= 1000)) fault(f, BOXGRAD_BAD_PARAMETER, "options->eps");
    if (known.function < 0 || known.function > BOXGRAD_GAUSSIAN_LOG1P) fault(f, BOXGRAD_BAD_PARAMETER, "options->function");
    if (known.root < 0 || known.root > 1) fault(f, BOXGRAD_BAD_PARAMETER, "options->root");
    if (known.normalized < 0 || known.normalized > 1) fault(f, BOXGRAD_BAD_PARAMETER, "options->normalized");
    if (known.reserved != 0) fault(f, BOXGRAD_BAD_PARAMETER, "options->reserved");
}

/* Returns the options as the library must see them. */
static boxgrad_rotated_delta_options known_rotated_options(const call *c) {
    boxgrad_rotated_delta_options known = BOXGRAD_ROTATED_DELTA_OPTIONS_INIT;
    if (!c->null[0] && c->rotated_options.size <= sizeof known) memcpy(&known, &c->rotated_options, c->rotated_options.size);
    return known;
}

static void check_rotated_options(const call *c, faults *f) {
    if (c->null[0]) return;
    const size_t size = c->rotated_options.size;
    if (size > sizeof c->rotated_options) return fault(f, BOXGRAD_UNSUPPORTED, "options->size");
    if (size == 0 || size % sizeof(size_t) != 0) return fault(f, BOXGRAD_BAD_PARAMETER, "options->size");
    const boxgrad_rotated_delta_options o = known_rotated_options(c);
    for (int k = 0; k < 6; k++) {
        if (!isfinite(as_real(c, o.means[k]))) fault(f, BOXGRAD_BAD_PARAMETER, "options->means");
        if (!in_range(c, DIVISOR, o.stds[k])) fault(f, BOXGRAD_BAD_PARAMETER, "options->stds");
    }
    if (isnan(o.log_ratio_min) || o.log_ratio_min > o.log_ratio_max) fault(f, BOXGRAD_BAD_PARAMETER, "options->log_ratio_min");
    if (isnan(o.log_ratio_max)) fault(f, BOXGRAD_BAD_PARAMETER, "options->log_ratio_max");
    if (isnan(o.image_width)) fault(f, BOXGRAD_BAD_PARAMETER, "options->image_width");
    if (isnan(o.image_height)) fault(f, BOXGRAD_BAD_PARAMETER, "options->image_height");
    if (!(o.center_clamp >= 0)) fault(f, BOXGRAD_BAD_PARAMETER, "options->center_clamp");
    if (o.norm_factor != 0 && !in_range(c, DIVISOR, o.norm_factor)) fault(f, BOXGRAD_BAD_PARAMETER, "options->norm_factor");
    if (!(o.corner_tolerance >= 0)) fault(f, BOXGRAD_BAD_PARAMETER, "options->corner_tolerance");
    if (o.range < 0 || o.range > BOXGRAD_RANGE_TURN) fault(f, BOXGRAD_BAD_PARAMETER, "options->range");
    if (o.edge_swap < 0 || o.edge_swap > 1) fault(f, BOXGRAD_BAD_PARAMETER, "options->edge_swap");
    if (o.proj_xy < 0 || o.proj_xy > 1) fault(f, BOXGRAD_BAD_PARAMETER, "options->proj_xy");
    if (o.on_degenerate < 0 || o.on_degenerate > 2) fault(f, BOXGRAD_BAD_PARAMETER, "options->on_degenerate");
}

/* The options of a call and their size, if parameters of this kind are options. */
static inline void *options_of(call *c, parameter_kind kind, size_t *size) {
    *size = kind == OPTIONS ? sizeof c->options : kind == LOSS_OPTIONS ? sizeof c->loss_options
          : kind == GAUSSIAN_OPTIONS ? sizeof c->gaussian_options : kind == ROTATED_OPTIONS ? sizeof c->rotated_options : sizeof c->roi_options;
    return kind == OPTIONS ? (void *)&c->options : kind == LOSS_OPTIONS ? (void *)&c->loss_options : kind == GAUSSIAN_OPTIONS ? (void *)&c->gaussian_options
         : kind == ROTATED_OPTIONS ? (void *)&c->rotated_options : kind == ROI_OPTIONS ? (void *)&c->roi_options : NULL;
}

static const boxgrad_roi_options initial_roi_options = BOXGRAD_ROI_OPTIONS_INIT;

static void check_roi_options(const call *c, size_t i, faults *f) {
    boxgrad_roi_options known = initial_roi_options;
    const size_t size = c->roi_options.size;
    if (!c->null[i] && size > sizeof known) return fault(f, BOXGRAD_UNSUPPORTED, "options->size");
    if (!c->null[i] && (size == 0 || size % sizeof(size_t) != 0)) return fault(f, BOXGRAD_BAD_PARAMETER, "options->size");
    if (!c->null[i]) memcpy(&known, &c->roi_options, size);
    if (!positive_finite(known.spatial_scale)) fault(f, BOXGRAD_BAD_PARAMETER, "options->spatial_scale");
    if (known.layout != BOXGRAD_NCHW && known.layout != BOXGRAD_NHWC) fault(f, BOXGRAD_BAD_PARAMETER, "options->layout");
    if (known.sampling_ratio > 1024) fault(f, BOXGRAD_BAD_PARAMETER, "options->sampling_ratio");
    if (known.aligned != 0 && known.aligned != 1) fault(f, BOXGRAD_BAD_PARAMETER, "options->aligned");
    if (known.reserved != 0) fault(f, BOXGRAD_BAD_PARAMETER, "options->reserved");
}

static const element_kind elements_of_dtype[] = {[BOXGRAD_F32] = REAL, [BOXGRAD_F64] = DOUBLE, [BOXGRAD_F16] = HALF, [BOXGRAD_BF16] = BFLOAT};
static size_t size_of_dtype(int32_t dtype) { return (const size_t[]){4, 8, 2, 2}[dtype]; }

/* Returns the parameter that is tensors, or parameters with their gradients; or NULL. */
static inline const parameter *takes_tensors(const function *f) {
    for (size_t i = 0; i < parameter_count(f); i++) if (f->parameters[i].kind == TENSORS || f->parameters[i].kind == PARAMETERS) return &f->parameters[i];
    return NULL;
}

/* Whether tensors may be doubles, for which the smaller state of an exact norm has no room. */
static inline bool takes_doubles(const call *c) {
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        if (c->function->parameters[i].kind == STATE_SIZE) return c->values[i].count == BOXGRAD_EXACT_NORM_SIZE_F64;
    }
    return true;
}

static void check_tensor(const boxgrad_tensor *t, const char *name, faults *f) {
    if (t->reserved != 0) fault(f, BOXGRAD_BAD_PARAMETER, name);
    if (t->dtype < 0 || t->dtype > BOXGRAD_BF16) fault(f, BOXGRAD_UNSUPPORTED, name);
    else if (t->count > 0 && exceeds_memory(t->count, 1, 1, size_of_dtype(t->dtype))) fault(f, BOXGRAD_SIZE_OVERFLOW, name);
    if (t->count > 0 && !t->data) fault(f, BOXGRAD_NULL_POINTER, name);
}

static size_t unit_size(const boxgrad_parameter *p, size_t count) { return p->unit_size ? p->unit_size : count; }
static size_t unit_stride(const boxgrad_parameter *p) { return p->unit_stride ? p->unit_stride : 1; }

/* Checks the tensors, or the parameters whose gradients they are. */
static void check_tensors(const call *c, faults *f) {
    const size_t n = count_of(c, "n");
    const parameter *const tensors = takes_tensors(c->function);
    const bool are_parameters = tensors->kind == PARAMETERS;
    const char *name = tensors->name;
    size_t elements = 0;
    if (n == 0 || n > PTRDIFF_MAX) return;
    if (c->null[tensors - c->function->parameters]) return fault(f, BOXGRAD_NULL_POINTER, name);
    if (exceeds_memory(n, 1, 1, are_parameters ? sizeof(boxgrad_parameter) : sizeof(boxgrad_tensor))) return fault(f, BOXGRAD_SIZE_OVERFLOW, name);
    for (size_t k = 0; k < n && k < most_tensors; k++) {
        const boxgrad_parameter *p = &c->parameters[k];
        const size_t count = c->tensors[k].count;
        check_tensor(&c->tensors[k], name, f);
        if (count > 0 && c->tensors[k].dtype == BOXGRAD_F64 && !takes_doubles(c)) fault(f, BOXGRAD_UNSUPPORTED, name);
        if (!are_parameters) continue;
        check_tensor(&p->param, name, f);
        size_t block;
        if (p->param.count != count) fault(f, BOXGRAD_BAD_PARAMETER, name);
        if (count > 0 && (__builtin_mul_overflow(unit_size(p, count), unit_stride(p), &block) || count % block)) fault(f, BOXGRAD_BAD_PARAMETER, name);
        if (__builtin_add_overflow(elements, count, &elements) || elements > PTRDIFF_MAX) fault(f, BOXGRAD_SIZE_OVERFLOW, name);
    }
}

/* Gives each gradient a parameter of another dtype. k varies the units. */
static void give_parameters(call *c, size_t k) {
    for (size_t i = 0; i < most_tensors; i++, k++) {
        const boxgrad_tensor *t = &c->tensors[i];
        boxgrad_parameter *p = &c->parameters[i];
        *p = (boxgrad_parameter){.param = *t};
        if (t->dtype >= 0 && t->dtype <= BOXGRAD_BF16) p->param.dtype = (t->dtype + (int32_t)(k % 3)) % 4;
        const size_t divisor = t->count % 3 == 0 ? 3 : t->count % 2 == 0 ? 2 : 1, part = t->count / divisor;
        if (k % 5 == 1) p->unit_size = part, p->unit_stride = 1;
        if (k % 5 == 2) p->unit_size = part, p->unit_stride = divisor;
        if (k % 5 == 3) p->unit_size = divisor, p->unit_stride = part;
        if (k % 5 == 4) p->unit_size = 1, p->unit_stride = k % 2 ? part : 0;
    }
}

static void check_arguments(const call *c, faults *f) {
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        const parameter *p = &c->function->parameters[i];
        const value v = c->values[i];
        switch (p->kind) {
        case COUNT:
            if (v.count > PTRDIFF_MAX) fault(f, BOXGRAD_SIZE_OVERFLOW, p->name);
            else if (v.count < p->least) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
            break;
        case STATE_SIZE:
            if (v.count != BOXGRAD_EXACT_NORM_SIZE && v.count != BOXGRAD_EXACT_NORM_SIZE_F64) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
            break;
        case NUMBER:
            if (!in_range(c, p->unless && count_of(c, p->unless) == 0 ? NOT_NAN : p->range, v.number)) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
            if (p->at_most && v.number > c->values[parameter_index(c->function, p->at_most)].number) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
            if (p->at_least && v.number < c->values[parameter_index(c->function, p->at_least)].number) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
            break;
        case CODE: if (!is_code(p, v.code)) fault(f, BOXGRAD_BAD_PARAMETER, p->name); break;
        case POINTER: check_array(c, i, f); break;
        case OPTIONS: check_options(c, f); break;
        case LOSS_OPTIONS: check_loss_options(c, i, f); break;
        case GAUSSIAN_OPTIONS: check_gaussian_options(c, i, f); break;
        case ROTATED_OPTIONS: check_rotated_options(c, f); break;
        case ROI_OPTIONS: check_roi_options(c, i, f); break;
        case TENSORS: case PARAMETERS: check_tensors(c, f); break;
        default: break;
        }
    }
}

/* Returns the width of the rows that have this stride. If several arrays have it, this is the width of the widest. */
static size_t width_of_stride(const call *c, int stride) {
    size_t width = 0;
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        const parameter *p = &c->function->parameters[i];
        if (p->kind != POINTER || !p->stride || strcmp(p->stride, c->function->parameters[stride].name) != 0) continue;
        const size_t own = width_of(c, p);
        if (own > width) width = own;
    }
    return width;
}

/* ---- Memory ---- */

enum { margin = 64, canary = 0xFF };
static const size_t slot_size = (size_t)1 << 25;
static struct { unsigned char *memory, *before, *result; } slots[most_buffers];

static unsigned char *map(size_t size, bool guarded) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), around = guarded ? page : 0;
    unsigned char *all = mmap(NULL, size + 2 * around, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) perror("mmap"), abort();
    if (guarded && (mprotect(all, page, PROT_NONE) != 0 || mprotect(all + page + size, page, PROT_NONE) != 0)) perror("mprotect"), abort();
    return all + around;
}

static size_t payload(const buffer *b) { return b->rows == 0 ? 0 : ((b->rows - 1) * b->stride + b->width) * b->size; }

/* Gives the next array its memory, and fills it with canaries. */
static buffer *place(call *c, buffer b) {
    if (b.width == 0) b.rows = 0;
    const size_t k = c->buffer_count++, bytes = payload(&b);
    if (!slots[k].memory) {
        slots[k].memory = map(slot_size, true), slots[k].before = map(slot_size, false), slots[k].result = map(slot_size, false);
    }
    unsigned char *const end = slots[k].memory + slot_size;
    b.start = c->at_front ? slots[k].memory : end - bytes;
    b.low = c->at_front ? b.start : b.start - margin;
    b.high = c->at_front ? b.start + bytes + margin : end;
    b.before = slots[k].before;
    memset(b.low, canary, (size_t)(b.high - b.low));
    c->buffers[k] = b;
    return &c->buffers[k];
}

static uint16_t half(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const int exponent = (int)(bits >> 23 & 255) - 127 + 15;
    const uint32_t sign = bits >> 16 & 0x8000;
    if (isnan(x)) return (uint16_t)(sign | 0x7E00);
    if (exponent >= 31) return (uint16_t)(sign | 0x7C00);
    return (uint16_t)(exponent <= 0 ? sign | (bits >> 13 & 0x3FF) : sign | (uint32_t)exponent << 10 | (bits >> 13 & 0x3FF));
}

static void store(unsigned char *at, element_kind element, size_t size, double x) {
    const float single = (float)x;
    uint16_t short_ = half(single);
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (element == BFLOAT) short_ = (uint16_t)(bits >> 16);
    const int64_t whole = isnan(x) ? 0 : x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
    if (element == LONG) memcpy(at, &whole, size);
    else memcpy(at, size == 8 ? (const void *)&x : size == 4 ? (const void *)&single : &short_, size);
}

static double load(const buffer *b, size_t row, size_t column) {
    const unsigned char *at = b->start + (row * b->stride + column) * b->size;
    if (b->size == 4) { float x; memcpy(&x, at, sizeof x); return x; }
    if (b->size == 8) { double x; memcpy(&x, at, sizeof x); return x; }
    uint16_t bits;
    memcpy(&bits, at, sizeof bits);
    const uint16_t exponent = b->element == HALF ? 0x7C00 : 0x7F80;
    /* Callers ask only whether a number of 16 bits is finite. */
    return (bits & exponent) == exponent ? (double)NAN : 1;
}

/* Fills an input. Rows of four are boxes, and most of them have positive sides. */
static void fill(call *c, buffer *b, const char *below) {
    const bool is_index = below && strcmp(below, "finite") != 0;
    const size_t most = is_index ? count_of(c, below) : 0;
    for (size_t i = 0; i < b->rows; i++) {
        double row[4];
        for (size_t k = 0; k < b->width; k++) {
            double x = c->element(c->context);
            if (b->width == 4) {
                if (k >= 2 && i % 8 != 7) x = row[k - 2] + fabs(x);
                row[k] = x;
            }
            /* The library refuses boxes that are not finite, and indices of images that are not there. */
            if (below && !is_index && !(fabs(x) < 1e30)) x = row[k & 3] = 3;
            if (is_index) x = most > 0 && fabs(x) < 1e9 ? (double)((size_t)fabs(x) % most) : 0;
            store(b->start + (i * b->stride + k) * b->size, b->element, b->size, x);
        }
    }
}

static bool place_tensor(call *c, boxgrad_tensor *t, bool output, bool is_valid, size_t most_bytes) {
    if (!t->data) return true;
    const bool usable = is_valid || (t->dtype >= 0 && t->dtype <= BOXGRAD_BF16);
    const size_t size = usable ? size_of_dtype(t->dtype) : 8, count = is_valid ? t->count : 1;
    if (count > most_bytes / size) return false;
    buffer *b = place(c, (buffer){count, 1, 1, size, .element = usable ? elements_of_dtype[t->dtype] : DOUBLE, .input = true, .output = output});
    if (usable) fill(c, b, NULL);
    t->data = b->start;
    return true;
}

/* Gives every pointer its memory, and fills the inputs. If the call is invalid, arrays other than options and tensors get little memory,
 * because the library must not touch it. Returns false if the arrays are too large. */
static bool place_all(call *c, bool is_valid, size_t most_bytes, void **pointers) {
    buffer *placed[most_parameters] = {NULL};
    c->buffer_count = 0;
    if (most_bytes > slot_size - 2 * margin) most_bytes = slot_size - 2 * margin;
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        const parameter *p = &c->function->parameters[i];
        pointers[i] = NULL;
        if (c->null[i]) continue;
        if (p->kind == POINTER) {
            size_t rows = rows_of(c, p), width = width_of(c, p), size = size_of(c, p->element), stride = width;
            if (p->stride && rows > 1) stride = (size_t)c->values[parameter_index(c->function, p->stride)].stride;
            if (!is_valid) rows = rows < 8 ? rows : 8, stride = width = width < 8 ? width : 8;
            if (rows > 0 && width > 0 && (exceeds_memory(rows, width, stride, size) || ((rows - 1) * stride + width) * size > most_bytes)) return false;
            if (p->in_place && c->in_place && placed[parameter_index(c->function, p->in_place)]) {
                placed[i] = placed[parameter_index(c->function, p->in_place)];
                placed[i]->output = true;
            } else {
                const bool input = !p->output || p->updated;
                placed[i] = place(c, (buffer){rows, width, stride, size, .element = p->element, .input = input, .output = p->output});
                if (input) fill(c, placed[i], is_valid ? p->below : NULL);
            }
            pointers[i] = placed[i]->start;
        } else if (is_options(p)) {
            size_t all;
            const void *options = options_of(c, p->kind, &all);
            const size_t given = *(const size_t *)options;
            const size_t size = given < sizeof(size_t) ? sizeof(size_t) : given, bytes = size < all ? size : all;
            buffer *b = place(c, (buffer){.rows = 1, .width = bytes, .stride = bytes, .size = 1, .element = BYTE, .input = true});
            /* A struct whose size is no multiple of its alignment would otherwise be misaligned. */
            if ((uintptr_t)b->start % sizeof(size_t) != 0) b->start -= (uintptr_t)b->start % sizeof(size_t);
            memcpy(b->start, options, bytes);
            pointers[i] = b->start;
        } else if (p->kind == TENSORS || p->kind == PARAMETERS) {
            const size_t n = count_of(c, "n") < most_tensors ? count_of(c, "n") : is_valid ? SIZE_MAX : most_tensors;
            if (n == SIZE_MAX) return false;
            for (size_t k = 0; k < n; k++) {
                if (!place_tensor(c, &c->tensors[k], true, is_valid, most_bytes)) return false;
                if (p->kind == PARAMETERS && !place_tensor(c, &c->parameters[k].param, false, is_valid, most_bytes)) return false;
                c->parameters[k].grad = c->tensors[k];
            }
            const size_t size = p->kind == TENSORS ? sizeof *c->tensors : sizeof *c->parameters;
            buffer *b = place(c, (buffer){n, size, size, 1, .element = BYTE, .input = true});
            memcpy(b->start, p->kind == TENSORS ? (const void *)c->tensors : c->parameters, n * size);
            pointers[i] = b->start;
        }
    }
    for (size_t k = 0; k < c->buffer_count; k++) memcpy(c->buffers[k].before, c->buffers[k].low, (size_t)(c->buffers[k].high - c->buffers[k].low));
    return true;
}

/* ---- The call ---- */

/* Puts back the bytes from before the call. An output that is not an input gets a pattern, so that a byte that the call does not write
 * differs between two runs. */
static void put_back(buffer *b, unsigned char pattern) {
    if (!b->input) for (size_t i = 0; i < b->rows; i++) memset(b->before + (b->start - b->low) + i * b->stride * b->size, pattern, b->width * b->size);
    memcpy(b->low, b->before, (size_t)(b->high - b->low));
}

/* Forbids all access except to the rows, and forbids to read those of outputs. */
static void restrict_access(const buffer *b) {
    __asan_poison_memory_region(b->low, (size_t)(b->high - b->low));
    (void)VALGRIND_MAKE_MEM_NOACCESS(b->low, (size_t)(b->high - b->low));
    for (size_t i = 0; i < b->rows; i++) {
        unsigned char *row = b->start + i * b->stride * b->size;
        __asan_unpoison_memory_region(row, b->width * b->size);
        if (b->input) (void)VALGRIND_MAKE_MEM_DEFINED(row, b->width * b->size);
        else (void)VALGRIND_MAKE_MEM_UNDEFINED(row, b->width * b->size);
    }
}

static bool allow_access(const buffer *b, bool succeeded) {
    bool undefined = false;
    for (size_t i = 0; succeeded && b->output && i < b->written; i++) {
        undefined |= VALGRIND_CHECK_MEM_IS_DEFINED(b->start + i * b->stride * b->size, b->width * b->size) != 0;
    }
    __asan_unpoison_memory_region(b->low, (size_t)(b->high - b->low));
    (void)VALGRIND_MAKE_MEM_DEFINED(b->low, (size_t)(b->high - b->low));
    return !undefined;
}

/* Whether all bytes are as before the call, except for the rows that it may write: those of an output, if the call succeeded. */
static bool is_intact(const buffer *b, bool succeeded) {
    const unsigned char *gap = b->low, *before = b->before;
    for (size_t i = 0; succeeded && b->output && i < b->written; i++) {
        const unsigned char *row = b->start + i * b->stride * b->size;
        if (memcmp(gap, before, (size_t)(row - gap)) != 0) return false;
        gap = row + b->width * b->size, before = b->before + (gap - b->low);
    }
    return memcmp(gap, before, (size_t)(b->high - gap)) == 0;
}

/* Makes equal what is not promised: the sign and payload of a NaN, and the rows that the call does not write. */
static void normalise(buffer *b) {
    for (size_t i = b->written; i < b->rows; i++) memset(b->start + i * b->stride * b->size, canary, b->width * b->size);
    if (b->element == BYTE || b->element == WORD || b->element == SIZE || b->element == LONG) return;
    for (size_t i = 0; i < b->written; i++) for (size_t k = 0; k < b->width; k++) {
        unsigned char *at = b->start + (i * b->stride + k) * b->size;
        uint16_t bits;
        if (b->size == 2) {
            memcpy(&bits, at, sizeof bits);
            const uint16_t exponent = b->element == HALF ? 0x7C00 : 0x7F80;
            if ((bits & exponent) != exponent || !(bits & 0x7FFF & ~exponent)) continue;
        } else if (!isnan(load(b, i, k))) continue;
        memset(at, 0xEE, b->size);
    }
}

static const char *first_difference(const call *c) {
    static char text[100];
    for (size_t k = 0; k < c->buffer_count; k++) {
        const buffer *b = &c->buffers[k];
        const size_t length = (size_t)(b->high - b->low);
        if (!b->output || memcmp(b->low, slots[k].result, length) == 0) continue;
        for (size_t i = 0; i < length; i++) {
            if (b->low[i] == slots[k].result[i]) continue;
            snprintf(text, sizeof text, "buffer %zu, element %zu", k, (i - (size_t)(b->start - b->low)) / b->size);
            return text;
        }
    }
    return NULL;
}

static size_t function_index(const char *name, size_t real) {
    size_t k = 0;
    while (strcmp(functions[k].name, name) != 0) k++;
    return 2 * k + (real == 8);
}

/* This is the largest stack that the header allows a call. It includes what libffi takes here. It is not measured with sanitizers, because
 * they take more, and do not support a change of stacks. */
enum { most_stack = 32 << 10 };
static size_t deepest_stack;
static ucontext_t caller_context, call_context;
static struct { ffi_cif *interface; void (*function)(void); ffi_arg *status; void **arguments; } next_call;

static void make_next_call(void) { ffi_call(next_call.interface, next_call.function, next_call.status, next_call.arguments); }

/* Makes a call on a stack of its own that ends at a guard page, and measures how much of this stack it has changed. */
static void on_measured_stack(ffi_cif *interface, void (*function)(void), ffi_arg *status, void **arguments) {
    static unsigned char *stack;
    enum { size = 2 * most_stack, pattern = 0xA7 };
#if defined(WITH_ADDRESS_SANITIZER) || defined(WITH_THREAD_SANITIZER)
    const bool is_measured = false;
#else
    const bool is_measured = !RUNNING_ON_VALGRIND;
#endif
    if (!is_measured) return ffi_call(interface, function, status, arguments);
    if (!stack) stack = map(size, true);
    memset(stack, pattern, size);
    getcontext(&call_context);
    call_context.uc_stack.ss_sp = stack, call_context.uc_stack.ss_size = size, call_context.uc_link = &caller_context;
    next_call.interface = interface, next_call.function = function, next_call.status = status, next_call.arguments = arguments;
    makecontext(&call_context, make_next_call, 0);
    swapcontext(&caller_context, &call_context);
    size_t untouched = 0;
    while (untouched < size && stack[untouched] == pattern) untouched++;
    if (size - untouched > deepest_stack) deepest_stack = size - untouched;
}

static boxgrad_status invoke(const call *c, const library *l, void **pointers) {
    static ffi_cif interfaces[function_count];
    static ffi_type *types[function_count][most_parameters];
    const size_t k = (size_t)(c->function - functions), n = parameter_count(c->function);
    value values[most_parameters];
    void *arguments[most_parameters];
    for (size_t i = 0; i < n; i++) {
        const parameter_kind kind = c->function->parameters[i].kind;
        types[k][i] = kind == COUNT || kind == STATE_SIZE || kind == INTEGER ? &ffi_type_uint64 : kind == STRIDE ? &ffi_type_sint64 : kind == NUMBER ? &ffi_type_double
                    : kind == CODE ? &ffi_type_sint32 : &ffi_type_pointer;
        values[i] = c->values[i];
        if (types[k][i] == &ffi_type_pointer) values[i].pointer = pointers[i];
        arguments[i] = &values[i];
    }
    if (!interfaces[k].nargs) ffi_prep_cif(&interfaces[k], FFI_DEFAULT_ABI, (unsigned)n, &ffi_type_sint32, types[k]);
    ffi_arg status;
    on_measured_stack(&interfaces[k], FFI_FN(l->functions[2 * k + (c->real == 8)]), &status, arguments);
    return (boxgrad_status)status;
}

/* Sets how many rows of each output a successful call has written, by the counts that it returned. Returns false if a count is too large. */
static bool count_written(call *c, void **pointers) {
    for (size_t k = 0; k < c->buffer_count; k++) c->buffers[k].written = c->buffers[k].rows;
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        const parameter *p = &c->function->parameters[i];
        if (!p->written[0] || !pointers[i]) continue;
        size_t written = *(size_t *)pointers[parameter_index(c->function, p->written[0])];
        if (p->written[1]) written += *(size_t *)pointers[parameter_index(c->function, p->written[1])];
        for (size_t k = 0; k < c->buffer_count; k++) {
            if (c->buffers[k].start != pointers[i]) continue;
            if (written > c->buffers[k].rows) return false;
            c->buffers[k].written = written;
        }
    }
    return true;
}

/* Returns a norm of the call's tensors that is finite if all norms are that the function asks for: the norm of all, or the largest of the
 * norms of tensors or of units. */
static double norm_of_call(const call *c, const library *l, void **pointers) {
    const function *g = c->function;
    const size_t n = count_of(c, "n");
    double largest = 0, one;
    boxgrad_status (*norm)(const boxgrad_tensor *, size_t, double, double *, double *, size_t *);
    *(void **)&norm = l->functions[function_index("grad_norm", 8)];
    if (strcmp(g->name, "clip_grad_norm") == 0) {
        norm(pointers[0], n, c->values[parameter_index(g, "p")].number, &largest, NULL, NULL);
    } else if (strcmp(g->name, "clip_grad_rms") == 0) {
        for (size_t k = 0; k < n; k++) norm(&c->tensors[k], 1, 2, &one, NULL, NULL), largest = isfinite(one) ? largest : one;
    } else {
        static double unit[1 << 18];
        for (size_t k = 0; k < n; k++) for (int of_param = 0; of_param < 2; of_param++) {
            const boxgrad_tensor *t = of_param ? &c->parameters[k].param : &c->tensors[k];
            if (t->count == 0) continue;
            const size_t length = unit_size(&c->parameters[k], t->count), stride = unit_stride(&c->parameters[k]), bytes = size_of_dtype(t->dtype);
            if (length > sizeof unit / sizeof *unit) printf("a unit is too large\n"), abort();
            for (size_t first = 0; first < t->count; first += first % stride == stride - 1 ? (length - 1) * stride + 1 : 1) {
                for (size_t i = 0; i < length; i++) memcpy((char *)unit + i * bytes, (char *)t->data + (first + i * stride) * bytes, bytes);
                norm(&(boxgrad_tensor){unit, length, t->dtype, 0}, 1, c->values[parameter_index(g, "p")].number, &one, NULL, NULL);
                largest = isfinite(one) ? largest : one;
            }
        }
    }
    return largest;
}

/* Adds the faults that are in the contents of the arrays. */
static void check_contents(const call *c, const library *l, void **pointers, faults *f) {
    const function *g = c->function;
    for (size_t i = 0; i < parameter_count(g); i++) {
        /* Where there is no image, every index is one of an image that is not there; so is that of a box without an index. */
        const parameter *p = &g->parameters[i];
        if (p->below && p->element == LONG && count_of(c, p->below) == 0 && count_of(c, p->rows) > 0) fault(f, BOXGRAD_BAD_PARAMETER, p->name);
        if (!p->below || strcmp(p->below, "finite") != 0) continue;
        const double scale = c->null[0] || c->roi_options.size < 2 * sizeof(size_t) ? 1 : c->roi_options.spatial_scale;
        for (size_t k = 0; k < c->buffer_count; k++) for (size_t row = 0; c->buffers[k].start == pointers[i] && row < c->buffers[k].rows; row++) {
            for (size_t end = 0; end < 2; end++) {
                const double low = load(&c->buffers[k], row, end) * scale, high = load(&c->buffers[k], row, end + 2) * scale;
                if (!isfinite(high - low)) fault(f, BOXGRAD_NONFINITE, p->name);
            }
        }
    }
    const bool of_rotated = g->parameters[0].kind == ROTATED_OPTIONS;
    const int32_t on_degenerate = of_rotated ? known_rotated_options(c).on_degenerate : known_options(c).on_degenerate;
    if (g->refuses_degenerate && on_degenerate == BOXGRAD_DEGENERATE_ERROR) {
        size_t rows = 0;
        for (size_t k = 0; k < c->buffer_count; k++) if (c->buffers[k].rows > rows) rows = c->buffers[k].rows;
        /* The error names the first row in which either box is degenerate, and its proposal before its target. */
        for (size_t i = 0; i < rows; i++) for (size_t k = 0; k < c->buffer_count; k++) {
            const buffer *b = &c->buffers[k];
            if (b->start != pointers[parameter_index(g, "proposals")] && b->start != pointers[parameter_index(g, "targets")]) continue;
            if (i >= b->rows) continue;
            /* Those of rotated boxes are numbers of the row, and those of upright ones are subtracted in double there. */
            double w = load(b, i, 2) - (b->width == 5 ? 0 : load(b, i, 0)), h = load(b, i, 3) - (b->width == 5 ? 0 : load(b, i, 1));
            if (!of_rotated) w = as_real(c, w), h = as_real(c, h);
            if (!positive_finite(w) || !positive_finite(h)) {
                fault(f, BOXGRAD_DEGENERATE_BOX, b->start == pointers[parameter_index(g, "proposals")] ? "proposals" : "targets");
            }
        }
    }
    if (g->refuses_nonfinite && c->values[parameter_index(g, "on_nonfinite")].code == BOXGRAD_NONFINITE_ERROR) {
        const double total = norm_of_call(c, l, pointers);
        bool finite = true;
        for (size_t k = 0; k < c->buffer_count; k++) for (size_t i = 0; i < c->buffers[k].rows && c->buffers[k].element != BYTE; i++) {
            if (c->buffers[k].input) finite &= isfinite(load(&c->buffers[k], i, 0)) != 0;
        }
        if (!finite && isfinite(total)) fail(c, l, 1, "grad_norm is finite, but an element is not");
        if (!isfinite(total)) fault(f, BOXGRAD_NONFINITE, g->parameters[0].name);
    }
}

/* Makes the call in each library, with each of these numbers of threads. It aborts with a description of what is wrong: a status that is
 * not the documented one, a sentence that does not begin with the argument at fault, a write where there must be none, or bits that differ
 * from those of another library. Returns the status. It makes no call, and returns -1, if a valid call needs more than `most_bytes` for an
 * array. */
static boxgrad_status check_call(call *c, const library *libraries, size_t library_count, const int32_t *threads, size_t threads_count, size_t most_bytes) {
    faults expected = {.count = 0};
    struct sigaction action;
    if (sigaction(SIGSEGV, NULL, &action) == 0 && action.sa_handler == SIG_DFL) signal(SIGSEGV, on_fault), signal(SIGILL, on_fault);
    current = c;
    void *pointers[most_parameters];
    check_arguments(c, &expected);
    if (!place_all(c, expected.count == 0, most_bytes, pointers)) return -1;
    if (expected.count == 0) check_contents(c, &libraries[0], pointers, &expected);

    boxgrad_status status = BOXGRAD_OK;
    for (size_t run = 0; run < library_count * threads_count; run++) {
        const library *l = &libraries[run % library_count];
        const int32_t n = threads[run / library_count];
        l->set_max_threads(n);
        for (size_t k = 0; k < c->buffer_count; k++) put_back(&c->buffers[k], (unsigned char)(0xA5 + run));
        for (size_t k = 0; k < c->buffer_count; k++) restrict_access(&c->buffers[k]);
        errno = 123;
        status = invoke(c, l, pointers);
        if (errno != 123) fail(c, l, n, "changed errno to %d", errno);
        if (deepest_stack > most_stack) fail(c, l, n, "took %zu bytes of stack", deepest_stack);
        if (status == BOXGRAD_OK && !count_written(c, pointers)) fail(c, l, n, "counts more than there is room for");
        bool defined = true;
        for (size_t k = 0; k < c->buffer_count; k++) defined &= allow_access(&c->buffers[k], status == BOXGRAD_OK);

        const char *said = l->last_error();
        bool is_expected = status == BOXGRAD_OK && expected.count == 0;
        for (size_t k = 0; k < expected.count && !is_expected; k++) {
            const size_t length = strlen(expected.all[k].name);
            is_expected = status == expected.all[k].status && strncmp(said, expected.all[k].name, length) == 0 && (said[length] == ' ' || said[length] == '[');
        }
        if (!is_expected) {
            fail(c, l, n, "%s (%s), expected %s of %s", l->status_string(status), status ? said : "",
                 l->status_string(expected.count ? expected.all[0].status : BOXGRAD_OK), expected.count ? expected.all[0].name : "nothing");
        }
        if (!defined) fail(c, l, n, "left something undefined in an output");
        for (size_t k = 0; k < c->buffer_count; k++) {
            if (!is_intact(&c->buffers[k], status == BOXGRAD_OK)) fail(c, l, n, "wrote where it must not, near buffer %zu", k);
        }
        if (status != BOXGRAD_OK) continue;
        for (size_t k = 0; k < c->buffer_count; k++) {
            buffer *b = &c->buffers[k];
            if (!b->output) continue;
            normalise(b);
            if (run == 0) memcpy(slots[k].result, b->low, (size_t)(b->high - b->low));
        }
        const char *difference = first_difference(c);
        if (difference) fail(c, l, n, "other bits than tier %s with %d threads: %s", libraries[0].tier, threads[0], difference);
    }
    return status;
}

/* ---- Libraries ---- */

/* Loads the library in this tier, and returns false if this CPU does not have the tier. From the second time on it loads a copy of the
 * file, because dlopen loads a file only once. */
static bool load_library(library *l, const char *path, const char *tier) {
    static bool is_loaded;
    char copy[100], command[4200];
    *l = (library){.tier = tier};
    snprintf(copy, sizeof copy, "/tmp/boxgrad-%d-%s.so", (int)getpid(), tier);
    snprintf(command, sizeof command, "cp '%s' %s", path, copy);
    if (is_loaded && system(command) != 0) exit(1);
    setenv("BOXGRAD_CPU_TIER", tier, 1);
    void *handle = dlopen(is_loaded ? copy : path, RTLD_NOW | RTLD_LOCAL);
    if (is_loaded) remove(copy);
    is_loaded = true;
    if (!handle) fprintf(stderr, "%s\n", dlerror()), exit(1);
    for (size_t k = 0; k < 2 * function_count; k++) {
        char name[100];
        snprintf(name, sizeof name, "boxgrad_%s%s", functions[k / 2].name, functions[k / 2].untyped ? "" : k % 2 ? "_f64" : "_f32");
        l->functions[k] = dlsym(handle, name);
        if (!l->functions[k]) fprintf(stderr, "%s\n", dlerror()), exit(1);
    }
    const boxgrad_api *(*get_api)(uint32_t);
    size_t listed = 0;
    *(void **)&get_api = dlsym(handle, "boxgrad_get_api");
    for (size_t k = 0; k < function_count; k++) listed += functions[k].untyped ? 1 : 2;
    const size_t settings = 1; /* set_keep_threads stands among the functions that compute, because it was added after them */
    const size_t exported = (get_api(BOXGRAD_ABI_VERSION)->size - offsetof(boxgrad_api, box_area_f32)) / sizeof(void *) - settings;
    if (exported != listed) fprintf(stderr, "The library has %zu functions that compute, functions.h %zu\n", exported, listed), exit(1);
    *(void **)&l->set_max_threads = dlsym(handle, "boxgrad_set_max_threads");
    *(void **)&l->last_error = dlsym(handle, "boxgrad_last_error");
    *(void **)&l->status_string = dlsym(handle, "boxgrad_status_string");
    const char *(*cpu_tier)(void);
    *(void **)&cpu_tier = dlsym(handle, "boxgrad_cpu_tier");
    return strcmp(cpu_tier(), tier) == 0;
}

/* ---- Values at and beyond the edges of what is documented ---- */

static const size_t special_counts[] = {
    0, 1, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 2 - 1, SIZE_MAX / 4 + 1, SIZE_MAX / 8 + 1, SIZE_MAX / 16 + 1,
    SIZE_MAX / 32 + 1, SIZE_MAX / 64 + 1, SIZE_MAX / 128 + 1, SIZE_MAX / 256 + 1,
};

static const double special_numbers[] = {
    0, -0.0, 1, -1, 0.5, 2, 3, 1e-7, 1e-6, 1e-15, 1e15, 1e-19, 1e-20, 1e20, 1e-38, 1e-40, 1e-45, 1e-46, 1e-50, 1e38, 3.4028235677973366e38, 1e39,
    1e50, 1e100, 1e-100, 1e-154, 1e154, 1e-160, 1e160, 1e-308, 5e-324, 1e-310, 1.7976931348623157e308, -1e-50, -1e39, -1e308, INFINITY, -INFINITY, NAN, 90,
};

enum { special_count_count = sizeof special_counts / sizeof *special_counts, special_number_count = sizeof special_numbers / sizeof *special_numbers };

enum { special_stride_count = 10 };
static inline ptrdiff_t special_stride(const call *c, int stride, size_t which) {
    const ptrdiff_t width = (ptrdiff_t)width_of_stride(c, stride);
    const ptrdiff_t all[special_stride_count] = {
        0, -1, width - 1, -width, PTRDIFF_MIN, PTRDIFF_MAX, PTRDIFF_MAX / 2 + 1, PTRDIFF_MAX / 4 + 1, PTRDIFF_MAX / 8 + 1, PTRDIFF_MAX - 3,
    };
    return all[which];
}

/* Returns numbers to fill inputs with, of which most are ordinary. The state is a uint64_t. */
static inline double random_element(void *state) {
    uint64_t *s = state;
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    const uint32_t random = (uint32_t)(*s >> 32);
    return random % 256 == 0 ? special_numbers[random / 256 % special_number_count] : ((double)(random >> 8) / (1 << 24) - 0.5) * 16;
}

#endif
