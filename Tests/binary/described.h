/* Calls functions of rows, by what Tests/safety/functions.h says about them. Such a function has one count, and as many rows in each array.
 * sweep.c and threads.c use this for functions that they do not call by name, so that a new function of rows needs no line there. */
#ifndef DESCRIBED_H
#define DESCRIBED_H

#include "hash.h"
#include "../safety/functions.h"

enum { most_parameters = sizeof functions->parameters / sizeof *functions->parameters };
#define EACH_PARAMETER(p) for (const parameter *p = described.function->parameters; p < described.function->parameters + most_parameters && p->kind; p++)

typedef union { void *pointer; size_t count; ptrdiff_t stride; double number; int32_t code; } value;

/* Holds the function, its name with its type, the size of a number, and its inputs, which have `rows` rows. */
static struct {
    const function *function;
    char *name;
    size_t real, rows;
    void *inputs[most_parameters];
} described = {.function = functions};

static int is_of_rows(void) {
    int counts = 0;
    if (described.function->untyped || described.function->quadratic) return 0;
    EACH_PARAMETER(p) {
        if ((p->kind >= OPTIONS && p->kind <= TENSORS) || p->kind == INTEGER) return 0;
        if (p->kind == POINTER && (!p->rows || strcmp(p->rows, "count") != 0 || p->times || p->unless || p->limit || p->element != REAL)) return 0;
        counts += p->kind == COUNT;
    }
    return counts == 1;
}

/* Returns the stride of an array. Inputs with a stride have a gap after each row. Outputs have no gap, so that the call has written all
 * their bytes. */
static size_t stride_of(const parameter *p) { return (size_t)p->width + (p->stride && !p->output); }

static void fill_inputs(size_t rows) {
    described.rows = rows;
    EACH_PARAMETER(p) {
        if (p->kind != POINTER || p->output) continue;
        const size_t stride = stride_of(p);
        unsigned char *const at = described.inputs[p - described.function->parameters] = malloc((rows * stride + 1) * described.real);
        if (!at) exit(1);
        for (size_t k = 0; k < rows * stride; k++) {
            static double row[5];
            if (k % stride == 0) for (int i = 0; i < 5; i++) row[i] = uniform(-2, 20);
            /* Deltas are small numbers, because the slopes of a sigmoid are subnormal where it is flat. */
            if (k % stride == 0 && p->width == 4 && strcmp(p->name, "deltas") != 0) box(k / stride, row);
            const double x = k % stride < 5 ? row[k % stride] : uniform(-2, 20);
            if (described.real == sizeof x) ((double *)at)[k] = x;
            else ((float *)at)[k] = (float)x;
        }
    }
}

/* Finds the next function of rows, and the type, that the program has not called by name, and makes its inputs. Returns false after the
 * last one. The count begins with 0. */
static int next_described(size_t *count, size_t rows) {
    EACH_PARAMETER(p) free(described.inputs[p - described.function->parameters]);
    memset(described.inputs, 0, sizeof described.inputs);
    while (*count < 2 * function_count) {
        described.function = &functions[*count / 2], described.real = *count % 2 ? sizeof(double) : sizeof(float);
        char *const name = malloc(100);
        if (!name) exit(1);
        snprintf(name, 100, "boxgrad_%s%s", described.function->name, *count % 2 ? "_f64" : "_f32");
        /* The name is not freed here, because end() keeps it. */
        described.name = name;
        ++*count;
        if (is_of_rows() && !has_ended(name)) return fill_inputs(rows), 1;
        free(name);
    }
    return described.function = functions, 0;
}

static size_t outputs_size(size_t rows) {
    size_t width = 0;
    EACH_PARAMETER(p) if (p->kind == POINTER && p->output) width += (size_t)p->width;
    return width * rows * described.real;
}

static size_t stride_named(const char *name) {
    EACH_PARAMETER(p) if (p->stride && strcmp(p->stride, name) == 0) return stride_of(p);
    return 0;
}

static boxgrad_status call_by_name(const char *name, const value *a) {
#define P(k) a[k].pointer
#define N(k) a[k].count
#define S(k) a[k].stride
#define D(k) a[k].number
#define I(k) a[k].code
#define FUNCTION(f, ...) if (strcmp(name, "boxgrad_" #f) == 0) return boxgrad_##f(__VA_ARGS__)
#include "../vectors/calls.h"
    return BOXGRAD_UNSUPPORTED;
}

/* Calls the function with the rows from begin to end. The outputs follow each other, and each has room for `rows` rows. */
static boxgrad_status call_described(size_t begin, size_t end, size_t rows, int32_t code, unsigned char *out) {
    value a[most_parameters];
    EACH_PARAMETER(p) {
        const size_t i = (size_t)(p - described.function->parameters);
        if (p->kind == COUNT) a[i].count = end - begin;
        else if (p->kind == STRIDE) a[i].stride = (ptrdiff_t)stride_named(p->name);
        else if (p->kind == CODE) a[i].code = code % (p->last + 1);
        else if (p->kind == NUMBER) a[i].number = 1;
        else if (!p->output) a[i].pointer = (unsigned char *)described.inputs[i] + begin * stride_of(p) * described.real;
        else {
            a[i].pointer = out + begin * (size_t)p->width * described.real;
            out += rows * (size_t)p->width * described.real;
        }
    }
    return call_by_name(described.name, a);
}

#endif
