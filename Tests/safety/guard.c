/* Calls every function on buffers that end, and begin, at a page that must not be touched. It tries each number of rows up to a limit,
 * several strides, calls without optional arguments, and calls in place. Every tier must give the same bits. Then it calls with sizes that
 * are divided among threads.
 * The arguments are the library, the largest number of rows, the number of threads (with 0, nothing is divided), and the tiers. */
#include "call.h"

static library libraries[3];
static size_t library_count;
static size_t calls;
static uint64_t state = 1;

static void check(call *c, const int32_t *threads, size_t threads_count) {
    c->element = random_element, c->context = &state;
    for (size_t i = 0; i < parameter_count(c->function); i++) {
        if (c->function->parameters[i].kind == STRIDE) c->values[i].stride += (ptrdiff_t)width_of_stride(c, (int)i);
    }
    const boxgrad_status status = check_call(c, libraries, library_count, threads, threads_count, slot_size);
    if (status != BOXGRAD_OK) fail(c, &libraries[0], 1, "not a valid call: %d", status);
    calls++;
}

/* Gives a pooling of regions its sizes, `rows` of which are boxes. A region has many numbers, so that all sizes but the channels are small. These are
 * fewer and more than kernels take at a time, in either layout and at either end of a page. */
static void give_regions(call *c, size_t rows, unsigned k) {
    if (strncmp(c->function->name, "roi_", 4) != 0) return;
    static const size_t channels[] = {1, 3, 16, 18, 33, 67}, sides[] = {1, 9, 2, 7, 3}, bins[] = {3, 1, 2, 9};
    const unsigned q = k / 4;
    c->values[parameter_index(c->function, "images")].count = 1 + q % 2, c->values[parameter_index(c->function, "channels")].count = channels[q % 6];
    c->values[parameter_index(c->function, "height")].count = sides[q % 5], c->values[parameter_index(c->function, "width")].count = sides[(q + q / 5 + k) % 5];
    c->values[parameter_index(c->function, "count")].count = rows;
    c->values[parameter_index(c->function, "out_height")].count = bins[q / 6 % 4], c->values[parameter_index(c->function, "out_width")].count = bins[(q + k) % 4];
    c->roi_options.spatial_scale = k % 3 ? 1 : 0.25, c->roi_options.layout = (int32_t)(k / 2 % 2);
    c->roi_options.sampling_ratio = (int32_t)((q + q / 6) % 4) - 1, c->roi_options.aligned = (int32_t)(q / 3 % 2);
}

/* Returns a valid call. `rows` is its first count, and the others are small. k varies everything else. */
static call valid(const function *f, size_t real, size_t rows, unsigned k) {
    static const size_t others[] = {1, 3, 7, 33, 2, 5};
    call c = {.function = f, .real = real, .options = BOXGRAD_DELTA_OPTIONS_INIT, .loss_options = valid_loss_options, .gaussian_options = BOXGRAD_GAUSSIAN_LOSS_OPTIONS_INIT, .rotated_options = BOXGRAD_ROTATED_DELTA_OPTIONS_INIT, .roi_options = initial_roi_options, .at_front = k & 1, .in_place = k & 2};
    bool is_first = true;
    for (size_t i = 0; i < parameter_count(f); i++) {
        const parameter *p = &f->parameters[i];
        switch (p->kind) {
        case COUNT: c.values[i].count = is_first ? rows : others[k % 6] < p->least ? p->least : others[k % 6], is_first = false; break;
        case STRIDE: c.values[i].stride = c.in_place ? k % 4 : (k + i) % 4; break; /* check() adds the width */
        case INTEGER: c.values[i].count = k % 3 ? others[k % 6] : SIZE_MAX; break;
        case STATE_SIZE: c.values[i].count = k % 4 ? BOXGRAD_EXACT_NORM_SIZE : BOXGRAD_EXACT_NORM_SIZE_F64; break;
        case NUMBER: c.values[i].number = p->range < EXPONENT ? 1 : (double[]){1, 2, INFINITY}[k / 2 % 3]; break;
        case CODE:
            c.values[i].code = (int32_t)(k % (unsigned)(p->last + 1));
            if (!is_code(p, c.values[i].code)) c.values[i].code = p->last;
            break;
        case POINTER: c.null[i] = p->optional && k >> (2 + i % 5) & 1; break;
        default: break;
        }
    }
    c.options.on_degenerate = 1 + (int32_t)(k / 4 % 2), c.options.image_width = 10, c.options.means[1] = 0.5, c.options.stds[2] = 0.25;
    c.loss_options.alpha = 1 + k % 3, c.loss_options.gamma = k % 2 * 0.5, c.loss_options.inner_ratio = 0.5 + k % 4 * 0.5;
    c.gaussian_options.tau = k % 3 * 0.5, c.gaussian_options.function = (int32_t)(k % 3), c.gaussian_options.root = (int32_t)(k % 2);
    c.rotated_options.on_degenerate = 1 + (int32_t)(k / 4 % 2), c.rotated_options.range = (int32_t)(k % 4), c.rotated_options.image_height = 10;
    c.rotated_options.edge_swap = (int32_t)(k / 2 % 2), c.rotated_options.proj_xy = (int32_t)(k / 3 % 2), c.rotated_options.norm_factor = k % 3 * 0.5;
    give_regions(&c, rows, k);
    if (f->refuses_nonfinite) c.values[parameter_index(f, "on_nonfinite")].code = (int32_t[]){0, 2, 3}[k % 3];
    return c;
}

static void give_tensors(call *c, size_t elements, unsigned k) {
    if (!takes_tensors(c->function)) return;
    c->values[parameter_index(c->function, "n")].count = 4;
    for (size_t i = 0; i < 4; i++) c->tensors[i] = (boxgrad_tensor){c, (elements + i) % (elements + 1), (int32_t)((k + i) % 4), 0};
    for (size_t i = 0; i < 4 && !takes_doubles(c); i++) if (c->tensors[i].dtype == BOXGRAD_F64) c->tensors[i].dtype = BOXGRAD_F32;
    give_parameters(c, k);
}

/* Makes a call with work for so many threads, unless the header says that the function is not divided. */
static void divided(const function *f, size_t real, int32_t threads, unsigned k) {
    const bool of_boxes = strncmp(f->name, "box_", 4) == 0 && strcmp(f->name, "box_loss") != 0;
    const bool is_match = strcmp(f->name, "match") == 0 || strcmp(f->name, "rotated_match") == 0;
    const bool of_rotated = strncmp(f->name, "midpoint_", 9) == 0 || (strncmp(f->name, "rotated_", 8) == 0 && strncmp(f->name, "rotated_iou", 11) != 0 && !is_match && strcmp(f->name, "rotated_gaussian_loss") != 0);
    if (f->quadratic || of_boxes || of_rotated || strcmp(f->name, "clip") == 0 || strcmp(f->name, "clip_grad") == 0) return;
    call c = valid(f, real, 0, k);
    size_t *counts[8] = {NULL}, count = 0;
    for (size_t i = 0; i < parameter_count(f); i++) if (f->parameters[i].kind == COUNT) counts[count++] = &c.values[i].count;
    if (count == 0) return;
    if (strncmp(f->name, "roi_", 4) == 0) {
        const size_t sizes[] = {2, 70, 9, 11, 24 * (size_t)threads, 7, 7}; /* images to out_width */
        for (size_t i = 0; i < count; i++) *counts[i] = sizes[i];
        return check(&c, (const int32_t[]){threads, 1}, 2);
    }
    /* The work of a function is counted in boxes, or else in pairs or elements. */
    bool in_boxes = false;
    for (size_t i = 0; i < parameter_count(f); i++) in_boxes |= f->parameters[i].kind == POINTER && (f->parameters[i].width == 4 || f->parameters[i].width == 5);
    if (strncmp(f->name, "iou_pairwise", 12) == 0 || is_match) in_boxes = false;
    *counts[0] = (size_t)threads * ((size_t)1 << (in_boxes ? 16 : 19)) + 32 + k;
    if (count == 2) *counts[1] = 7 + k, *counts[0] = *counts[0] / *counts[1] + 1;
    give_tensors(&c, *counts[0], k);
    check(&c, (const int32_t[]){threads, 1}, 2);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    const size_t most = strtoul(argv[2], NULL, 10);
    const int32_t threads = (int32_t)strtol(argv[3], NULL, 10);
    const unsigned variants = RUNNING_ON_VALGRIND ? 6 : 48;
    for (int k = 4; k < argc; k++) if (load_library(&libraries[library_count], argv[1], argv[k])) library_count++;
    for (size_t k = 0; k < function_count; k++) for (size_t real = functions[k].untyped ? 8 : 4; real <= 8; real += 4) {
        if (!is_wanted(&functions[k])) continue;
        const size_t step = strncmp(functions[k].name, "roi_", 4) == 0 ? 5 : 1; /* Regions are 64 at a time. */
        for (size_t rows = 0; rows <= most; rows += step) for (unsigned variant = 0; variant < variants; variant++) {
            call c = valid(&functions[k], real, rows, variant + (unsigned)rows);
            give_tensors(&c, rows, variant);
            check(&c, (const int32_t[]){1}, 1);
        }
        for (unsigned variant = 0; variant < 2 && threads > 0; variant++) divided(&functions[k], real, threads, variant);
    }
    printf("%zu calls in %zu tiers, %zu bytes of stack at most\n", calls, library_count, deepest_stack);
    return calls == 0;
}
