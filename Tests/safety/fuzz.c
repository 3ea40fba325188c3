/* Makes a call from bytes: any function with any arguments, valid or not. The call is made in every tier and with one and two threads, and
 * checked as call.h says. libFuzzer runs this. With -DREPLAY it is a program that makes the calls of files. The environment variable
 * BOXGRAD_LIBRARY names the library. */
#include "call.h"

static library libraries[3];
static size_t library_count;

typedef struct {
    const uint8_t *bytes;
    size_t size;
    uint64_t state; /* generates numbers after the bytes have ended */
} source;

static unsigned next(source *s) {
    if (s->size == 0) return 0;
    s->size--;
    return *s->bytes++;
}

static double next_element(void *context) {
    source *const s = context;
    if (s->size == 0) return random_element(&s->state);
    const unsigned byte = next(s);
    return byte < 192 ? ((double)byte - 96) / 4 : special_numbers[byte % special_number_count];
}

static size_t next_count(source *s, bool is_first) {
    const unsigned byte = next(s);
    if (byte < 224) return byte % (is_first ? 100 : 40);
    if (byte < 254) return special_counts[byte % special_count_count];
    /* These counts are large enough for a call to be divided. */
    return is_first ? 140000 + byte : 300;
}

static size_t next_integer(source *s) {
    const unsigned byte = next(s);
    return byte < 192 ? byte % 40 : special_counts[byte % special_count_count];
}

static double next_number(source *s) {
    const unsigned byte = next(s);
    return byte < 64 ? (byte + 1) / 8.0 : special_numbers[byte % special_number_count];
}

static int32_t next_code(source *s, int32_t last) {
    const unsigned byte = next(s);
    return byte < 240 ? (int32_t)byte % (last + 1) : (const int32_t[]){-1, last + 1, INT32_MIN, INT32_MAX}[byte % 4];
}

static void next_options(source *s, boxgrad_delta_options *o) {
    const unsigned byte = next(s);
    *o = (boxgrad_delta_options)BOXGRAD_DELTA_OPTIONS_INIT;
    if (byte >= 128) o->size = byte < 240 ? byte - 128 : (const size_t[]){SIZE_MAX, SIZE_MAX / 2 + 1, sizeof *o + 8, 1 << 20}[byte % 4];
    for (unsigned fields = next(s); fields > 0; fields >>= 1) {
        const double x = next_number(s);
        if (fields & 1) memcpy((char *)o + 8 + next(s) % 13 * 8, &x, sizeof x);
    }
    o->on_degenerate = next_code(s, 2), o->reserved = next(s) == 255;
}

static void next_loss_options(source *s, boxgrad_box_loss_options *o) {
    const unsigned byte = next(s);
    *o = valid_loss_options;
    if (byte >= 128) o->size = byte < 240 ? byte - 128 : (const size_t[]){SIZE_MAX, SIZE_MAX / 2 + 1, sizeof *o + 8, 1 << 20}[byte % 4];
    for (unsigned fields = next(s); fields > 0; fields >>= 1) {
        const double x = next_number(s);
        if (fields & 1) memcpy((char *)o + 8 + next(s) % 10 * 8, &x, sizeof x);
    }
}

static void next_gaussian_options(source *s, boxgrad_gaussian_loss_options *o) {
    const unsigned byte = next(s);
    *o = (boxgrad_gaussian_loss_options)BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT;
    if (byte >= 128) o->size = byte < 240 ? byte - 128 : (const size_t[]){SIZE_MAX, SIZE_MAX / 2 + 1, sizeof *o + 8, 1 << 20}[byte % 4];
    for (unsigned fields = next(s); fields > 0; fields >>= 1) {
        const double x = next_number(s);
        if (fields & 1) memcpy((char *)o + 8 + next(s) % 3 * 8, &x, sizeof x);
    }
    o->function = next_code(s, 2), o->root = next_code(s, 1), o->normalized = next_code(s, 1), o->reserved = next(s) == 255;
}

static void next_rotated_options(source *s, boxgrad_rotated_delta_options *o) {
    const unsigned byte = next(s);
    *o = (boxgrad_rotated_delta_options)BOXGRAD_ROTATED_DELTA_OPTIONS_INIT;
    if (byte >= 64) o->size = byte < 240 ? byte - 64 + 8 : (const size_t[]){SIZE_MAX, SIZE_MAX / 2 + 1, sizeof *o + 8, 1 << 20}[byte % 4];
    for (unsigned fields = next(s); fields > 0; fields >>= 1) {
        const double x = next_number(s);
        if (fields & 1) memcpy((char *)o + 8 + next(s) % 19 * 8, &x, sizeof x);
    }
    o->range = next_code(s, BOXGRAD_RANGE_TURN), o->edge_swap = next_code(s, 1), o->proj_xy = next_code(s, 1), o->on_degenerate = next_code(s, 2);
}

static void next_roi_options(source *s, boxgrad_roi_options *o) {
    const unsigned byte = next(s);
    *o = initial_roi_options;
    if (byte >= 128) o->size = byte < 240 ? byte - 128 : (const size_t[]){SIZE_MAX, SIZE_MAX / 2 + 1, sizeof *o + 8, 1 << 20}[byte % 4];
    o->spatial_scale = next_number(s), o->layout = next_code(s, 1), o->aligned = next_code(s, 1), o->sampling_ratio = next_code(s, 5) - 1;
    if (next(s) == 255) o->reserved = 1;
}

static void next_tensors(source *s, call *c) {
    for (size_t k = 0; k < most_tensors && k < c->values[parameter_index(c->function, "n")].count; k++) {
        const unsigned rarely = next(s);
        c->tensors[k] = (boxgrad_tensor){rarely % 16 ? c : NULL, next_count(s, true), next_code(s, BOXGRAD_BF16), rarely == 255};
    }
    if (c->function->parameters[0].kind != PARAMETERS) return;
    give_parameters(c, next(s));
    for (unsigned rarely = next(s); rarely >= 192; rarely = next(s)) {
        boxgrad_parameter *p = &c->parameters[rarely % most_tensors];
        switch (next(s) % 5) {
        case 0: p->unit_size = next_integer(s); break;
        case 1: p->unit_stride = next_integer(s); break;
        case 2: p->param.count = next_count(s, true); break;
        case 3: p->param.dtype = next_code(s, BOXGRAD_BF16); break;
        default: p->param.reserved = 1, p->param.data = NULL;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (library_count == 0) {
        const char *path = getenv("BOXGRAD_LIBRARY"), *tiers[] = {"baseline", "avx2", "avx512"};
        for (int k = 0; k < 3; k++) if (load_library(&libraries[library_count], path ? path : "build/lib/libboxgrad.so", tiers[k])) library_count++;
    }
    source s = {bytes, size, 1};
    const function *f = &functions[next(&s) % function_count];
    const unsigned flags = next(&s);
    call c = {.function = f, .real = f->untyped || flags & 1 ? 8 : 4, .at_front = flags & 2, .in_place = flags & 4, .element = next_element, .context = &s};
    bool is_first = true;
    for (size_t i = 0; i < parameter_count(f); i++) if (f->parameters[i].kind == COUNT) c.values[i].count = next_count(&s, is_first && !f->quadratic), is_first = false;
    if (takes_tensors(f)) {
        size_t *n = &c.values[parameter_index(f, "n")].count;
        if (*n < 100) *n %= most_tensors + 1;
        next_tensors(&s, &c);
    }
    for (size_t i = 0; i < parameter_count(f); i++) {
        const parameter *p = &f->parameters[i];
        switch (p->kind) {
        case STRIDE: {
            const unsigned byte = next(&s);
            c.values[i].stride = byte < 192 ? (ptrdiff_t)width_of_stride(&c, (int)i) + byte % 7 : special_stride(&c, (int)i, byte % special_stride_count);
            break;
        }
        case STATE_SIZE: {
            const unsigned byte = next(&s);
            c.values[i].count = byte >= 192 ? special_counts[byte % special_count_count] : byte % 2 ? BOXGRAD_EXACT_NORM_SIZE : BOXGRAD_EXACT_NORM_SIZE_F64;
            break;
        }
        case INTEGER: c.values[i].count = next_integer(&s); break;
        case NUMBER: c.values[i].number = next_number(&s); break;
        case CODE: c.values[i].code = next_code(&s, p->last); break;
        case ROTATED_OPTIONS: next_rotated_options(&s, &c.rotated_options), c.null[i] = next(&s) >= 128; break;
        case ROI_OPTIONS: next_roi_options(&s, &c.roi_options), c.null[i] = next(&s) >= 128; break;
        case OPTIONS: case LOSS_OPTIONS: case GAUSSIAN_OPTIONS:
            if (p->kind == OPTIONS) next_options(&s, &c.options);
            else if (p->kind == LOSS_OPTIONS) next_loss_options(&s, &c.loss_options);
            else next_gaussian_options(&s, &c.gaussian_options);
            /* fall through */
        case POINTER: case TENSORS: case PARAMETERS: c.null[i] = next(&s) >= (p->optional ? 128 : 240); break;
        default: break;
        }
    }
    check_call(&c, libraries, library_count, (const int32_t[]){1, 2}, 2, (size_t)1 << 23);
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    static uint8_t bytes[1 << 16];
    for (int k = 1; k < argc; k++) {
        FILE *file = fopen(argv[k], "rb");
        if (!file) return perror(argv[k]), 1;
        const size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        fprintf(stderr, "%s\n", argv[k]);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d calls in %zu tiers\n", argc - 1, library_count);
    return argc == 1;
}
#endif
