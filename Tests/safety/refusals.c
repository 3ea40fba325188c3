/* Calls every function with each parameter at and beyond the edges of what is documented, one parameter after the other: counts and strides
 * near the largest possible ones, NULL, numbers outside their range or that float cannot hold, and codes and options that do not exist. It
 * also makes calls with rows that are gigabytes apart.
 * The arguments are the library and its tiers. */
#include "call.h"

static library libraries[3];
static size_t library_count;
/* These are the numbers of calls that succeeded, that failed, and that were too large to be made. */
static size_t calls[3];

static void check(const call *original) {
    call c = *original;
    uint64_t state = 1;
    c.context = &state;
    const boxgrad_status status = check_call(&c, libraries, library_count, &(int32_t){1}, 1, 1 << 20);
    calls[status == BOXGRAD_OK ? 0 : status > 0 ? 1 : 2]++;
}

static double ordinary(void *state) { return *(uint64_t *)state = *(uint64_t *)state % 7 + 1, (double)*(uint64_t *)state; }

/* Returns a valid call. */
static call valid(const function *f, size_t real, size_t rows) {
    call c = {.function = f, .real = real, .options = BOXGRAD_DELTA_OPTIONS_INIT, .loss_options = valid_loss_options, .gaussian_options = BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT, .rotated_options = BOXGRAD_ROTATED_DELTA_OPTIONS_INIT, .roi_options = initial_roi_options, .element = ordinary};
    for (size_t i = 0; i < parameter_count(f); i++) {
        const parameter *p = &f->parameters[i];
        if (p->kind == COUNT || p->kind == INTEGER) c.values[i].count = rows;
        if (p->kind == STATE_SIZE) c.values[i].count = rows % 2 ? BOXGRAD_EXACT_NORM_SIZE : BOXGRAD_EXACT_NORM_SIZE_F64;
        if (p->kind == NUMBER) c.values[i].number = 1;
    }
    for (size_t i = 0; i < parameter_count(f); i++) if (f->parameters[i].kind == STRIDE) c.values[i].stride = (ptrdiff_t)width_of_stride(&c, (int)i);
    for (int32_t k = 0; k < most_tensors; k++) c.tensors[k] = (boxgrad_tensor){&c, rows, k % 4 == BOXGRAD_F64 && !takes_doubles(&c) ? BOXGRAD_F32 : k % 4, 0};
    give_parameters(&c, 0);
    return c;
}

static void options(call c) {
    const boxgrad_delta_options initial = c.options;
    for (size_t size = 0; size <= sizeof c.options + 8; size++) c.options.size = size, check(&c);
    c.options.size = SIZE_MAX, check(&c);
    for (size_t offset = sizeof(size_t); offset < offsetof(boxgrad_delta_options, on_degenerate); offset += sizeof(double)) {
        for (size_t k = 0; k < special_number_count; k++) {
            c.options = initial;
            memcpy((char *)&c.options + offset, &special_numbers[k], sizeof(double));
            check(&c);
        }
    }
    for (int32_t k = -2; k < 5; k++) {
        c.options = initial, c.options.on_degenerate = k, check(&c);
        c.options = initial, c.options.reserved = k, check(&c);
    }
}

static void loss_options(call c) {
    const boxgrad_box_loss_options initial = c.loss_options;
    for (size_t size = 0; size <= sizeof initial + 8; size++) c.loss_options.size = size, check(&c);
    c.loss_options.size = SIZE_MAX, check(&c);
    for (int32_t kind = 0; kind <= BOXGRAD_LOSS_BOUNDED_IOU; kind++) for (size_t offset = sizeof(size_t); offset < sizeof initial; offset += sizeof(double)) {
        for (size_t k = 0; k < special_number_count; k++) {
            c.values[0].code = kind, c.loss_options = initial;
            memcpy((char *)&c.loss_options + offset, &special_numbers[k], sizeof(double));
            check(&c);
        }
    }
}

static void rotated_options(call c) {
    const boxgrad_rotated_delta_options initial = c.rotated_options;
    for (size_t size = 0; size <= sizeof initial + 8; size++) c.rotated_options.size = size, check(&c);
    c.rotated_options.size = SIZE_MAX, check(&c);
    for (size_t offset = sizeof(size_t); offset < offsetof(boxgrad_rotated_delta_options, range); offset += sizeof(double)) {
        for (size_t k = 0; k < special_number_count; k++) {
            c.rotated_options = initial;
            memcpy((char *)&c.rotated_options + offset, &special_numbers[k], sizeof(double));
            check(&c);
        }
    }
    for (size_t offset = offsetof(boxgrad_rotated_delta_options, range); offset < sizeof initial; offset += sizeof(int32_t)) {
        for (int32_t k = -2; k < 5; k++) c.rotated_options = initial, memcpy((char *)&c.rotated_options + offset, &k, sizeof k), check(&c);
    }
}

static void gaussian_options(call c) {
    const boxgrad_gaussian_loss_options initial = c.gaussian_options;
    for (size_t size = 0; size <= sizeof initial + 8; size++) c.gaussian_options.size = size, check(&c);
    c.gaussian_options.size = SIZE_MAX, check(&c);
    for (size_t offset = sizeof(size_t); offset < offsetof(boxgrad_gaussian_loss_options, function); offset += sizeof(double)) {
        for (size_t k = 0; k < special_number_count; k++) {
            c.gaussian_options = initial;
            memcpy((char *)&c.gaussian_options + offset, &special_numbers[k], sizeof(double));
            check(&c);
        }
    }
    for (size_t offset = offsetof(boxgrad_gaussian_loss_options, function); offset < sizeof initial; offset += sizeof(int32_t)) {
        for (int32_t k = -2; k < 5; k++) c.gaussian_options = initial, memcpy((char *)&c.gaussian_options + offset, &k, sizeof k), check(&c);
    }
}

static void roi_options(call c) {
    const boxgrad_roi_options initial = c.roi_options;
    for (size_t size = 0; size <= sizeof initial + 8; size++) c.roi_options.size = size, check(&c);
    c.roi_options.size = SIZE_MAX, check(&c);
    for (size_t k = 0; k < special_number_count; k++) c.roi_options = initial, c.roi_options.spatial_scale = special_numbers[k], check(&c);
    for (int32_t k = -2; k < 5; k++) {
        c.roi_options = initial, c.roi_options.layout = k, check(&c);
        c.roi_options = initial, c.roi_options.aligned = k, check(&c);
        c.roi_options = initial, c.roi_options.reserved = k, check(&c);
        c.roi_options = initial, c.roi_options.sampling_ratio = (const int32_t[]){INT32_MIN, -1, 0, 1, 1024, 1025, INT32_MAX}[k + 2], check(&c);
    }
}

/* Tries what a tensor of the call may and may not be. */
static void tensor(call *c, boxgrad_tensor *t) {
    const boxgrad_tensor initial = *t;
    for (int32_t k = -1; k < 6; k++) *t = initial, t->dtype = k, check(c);
    for (size_t k = 0; k < special_count_count; k++) *t = initial, t->count = special_counts[k], check(c);
    for (size_t k = 0; k < special_count_count; k++) *t = initial, t->count = special_counts[k], t->data = NULL, check(c);
    *t = initial, t->reserved = 1, check(c);
    *t = initial, t->reserved = INT32_MIN, t->dtype = 9, check(c);
    *t = initial;
}

static void tensors(call *c) {
    for (size_t which = 0; which < 3; which++) {
        boxgrad_parameter *const p = &c->parameters[which], initial = *p;
        tensor(c, &c->tensors[which]);
        if (c->function->parameters[0].kind != PARAMETERS) continue;
        tensor(c, &p->param);
        for (size_t k = 0; k < special_count_count; k++) {
            *p = initial, p->unit_size = special_counts[k], check(c);
            *p = initial, p->unit_stride = special_counts[k], check(c);
            p->unit_size = special_counts[(k + 1) % special_count_count], check(c);
            *p = initial, c->tensors[which].count = p->param.count = special_counts[k], check(c);
            c->tensors[which].count = initial.param.count;
        }
        *p = initial;
    }
}

static void refusals(const function *f, size_t real, size_t rows) {
    const call original = valid(f, real, rows);
    check(&original);
    for (size_t i = 0; i < parameter_count(f); i++) {
        const parameter *p = &f->parameters[i];
        call c = original;
        c.null[i] = p->kind == POINTER || is_options(p) || p->kind == TENSORS || p->kind == PARAMETERS;
        check(&c);
        c = original;
        switch (p->kind) {
        case COUNT: case INTEGER: for (size_t k = 0; k < special_count_count; k++) c.values[i].count = special_counts[k], check(&c); break;
        case STATE_SIZE:
            for (size_t k = 0; k < special_count_count; k++) c.values[i].count = special_counts[k], check(&c);
            for (size_t k = 0; k < 2 * BOXGRAD_EXACT_NORM_SIZE_F64; k++) c.values[i].count = k, check(&c);
            break;
        case STRIDE: for (size_t k = 0; k < special_stride_count; k++) c.values[i].stride = special_stride(&c, (int)i, k), check(&c); break;
        case NUMBER: for (size_t k = 0; k < special_number_count; k++) c.values[i].number = special_numbers[k], check(&c); break;
        case CODE:
            for (int32_t k = -2; k < p->last + 3; k++) c.values[i].code = k, check(&c);
            c.values[i].code = INT32_MAX, check(&c);
            c.values[i].code = INT32_MIN, check(&c);
            break;
        case OPTIONS: options(c); break;
        case LOSS_OPTIONS: loss_options(c); break;
        case GAUSSIAN_OPTIONS: gaussian_options(c); break;
        case ROTATED_OPTIONS: rotated_options(c); break;
        case ROI_OPTIONS: roi_options(c); break;
        case TENSORS: case PARAMETERS: tensors(&c); break;
        default:
            if (!p->in_place) break;
            c.in_place = true;
            check(&c);
            if (p->stride) c.values[parameter_index(f, p->stride)].stride++, check(&c);
        }
    }
}

/* Requires that three rows 16 GB apart, of inputs and of outputs, give the same results as adjacent rows. */
static void far_apart(const library *l) {
    enum { rows = 3 };
    const ptrdiff_t stride = ((ptrdiff_t)1 << 32) + 4;
    const size_t bytes = ((rows - 1) * (size_t)stride + 4) * sizeof(float);
    float *far[2], near[2][4 * rows];
    for (int k = 0; k < 2; k++) {
        far[k] = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (far[k] == MAP_FAILED) return (void)printf("no room for rows that lie far apart\n");
    }
    for (int i = 0; i < 4 * rows; i++) far[0][i / 4 * stride + i % 4] = near[0][i] = (float)(i % 4 < 2 ? i % 3 : 5 + i);
    __typeof__(boxgrad_box_convert_f32) *convert;
    __typeof__(boxgrad_iou_pairwise_f32) *pairwise;
    *(void **)&convert = l->functions[function_index("box_convert", 4)];
    *(void **)&pairwise = l->functions[function_index("iou_pairwise", 4)];
    for (int which = 0; which < 2; which++) {
        const boxgrad_status statuses[2] = {
            which ? pairwise(BOXGRAD_GIOU, near[0], rows, 4, near[0], rows, 4, 0, near[1], 4, NULL)
                  : convert(BOXGRAD_XYXY, BOXGRAD_CXCYWH, near[0], rows, 4, near[1], 4),
            which ? pairwise(BOXGRAD_GIOU, far[0], rows, stride, far[0], rows, stride, 0, far[1], stride, NULL)
                  : convert(BOXGRAD_XYXY, BOXGRAD_CXCYWH, far[0], rows, stride, far[1], stride),
        };
        bool same = statuses[0] == BOXGRAD_OK && statuses[1] == BOXGRAD_OK;
        for (int i = 0; i < rows; i++) same &= memcmp(near[1] + 4 * i, far[1] + i * stride, (which ? 3 : 4) * sizeof(float)) == 0;
        if (!same) fprintf(stderr, "FAILED: %s of rows that lie far apart\n", which ? "iou_pairwise" : "box_convert"), abort();
    }
    for (int k = 0; k < 2; k++) munmap(far[k], bytes);
}

int main(int argc, char **argv) {
    for (int k = 2; k < argc; k++) if (load_library(&libraries[library_count], argv[1], argv[k])) library_count++;
    for (size_t k = 0; k < function_count; k++) for (size_t real = functions[k].untyped ? 8 : 4; real <= 8; real += 4) {
        if (!is_wanted(&functions[k])) continue;
        for (size_t rows = 0; rows < 4; rows++) refusals(&functions[k], real, rows);
    }
    for (size_t k = 0; k < library_count; k++) far_apart(&libraries[k]);
    printf("%zu calls succeeded, %zu were refused, %zu too large to be made, in %zu tiers, %zu bytes of stack at most\n", calls[0], calls[1], calls[2], library_count,
           deepest_stack);
    return calls[0] == 0 || calls[1] == 0;
}
