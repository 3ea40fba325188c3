/* Proves the functions of one type. threads.c includes this with fp and T set for float, then for double. */

static fp *T(a), *T(b), *T(x); /* boxes that are four or five elements apart, and numbers */
static boxgrad_delta_options T(options) = BOXGRAD_DELTA_OPTIONS_INIT;

#define OUT ((fp *)out)
#define A(row) (T(a) + a_stride * (row))
#define B(row) (T(b) + b_stride * (row))
#define COUNT (end - begin)

static double T(aligned)(size_t begin, size_t end) {
    ok(T(boxgrad_iou_aligned)(metric, A(begin), a_stride, B(begin), b_stride, COUNT, 1e-7, NULL_OR(0, OUT + begin),
                              NULL_OR(1, OUT + n + 4 * begin), NULL_OR(2, OUT + 5 * n + 4 * begin)));
    return 0;
}

static double T(loss)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_iou_loss)(metric, A(begin), a_stride, B(begin), b_stride, COUNT, NULL_OR(0, T(x) + begin), 1e-7, 1, &sum,
                           NULL_OR(0, OUT + begin), NULL_OR(1, OUT + n + 4 * begin), NULL_OR(2, OUT + 5 * n + 4 * begin)));
    return sum;
}

static double T(box_loss)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_box_loss)(metric, &every_loss, A(begin), a_stride, B(begin), b_stride, COUNT, NULL_OR(0, T(x) + begin), 1, &sum,
                           NULL_OR(0, OUT + begin), NULL_OR(1, OUT + n + 4 * begin), NULL_OR(2, OUT + 5 * n + 4 * begin)));
    return sum;
}

static double T(smooth)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_smooth_l1)(T(a) + begin, T(b) + begin, NULL_OR(0, T(x) + begin), NULL_OR(1, T(x) + 1 + begin), COUNT, 0.7, 1, &sum,
                            NULL_OR(2, OUT + begin), NULL_OR(1, OUT + n + begin), NULL_OR(0, OUT + 2 * n + begin)));
    return sum;
}

static double T(balanced)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_balanced_l1)(T(a) + begin, T(b) + begin, NULL_OR(0, T(x) + begin), NULL_OR(1, T(x) + 1 + begin), COUNT, 0.5, 1.5, 20, 1,
                              &sum, NULL_OR(2, OUT + begin), NULL_OR(1, OUT + n + begin), NULL_OR(0, OUT + 2 * n + begin)));
    return sum;
}

enum { T(bins) = 5 };

static double T(focal)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_distribution_focal)(T(x) + 6 * begin, 6, T(x) + 1 + begin, COUNT, T(bins), NULL_OR(0, T(x) + begin), 1, &sum,
                                     NULL_OR(2, OUT + begin), NULL_OR(1, OUT + n + T(bins) * begin), NULL_OR(0, OUT + 6 * n + begin)));
    return sum;
}

static double T(distribution)(size_t begin, size_t end) {
    ok(T(boxgrad_distribution_decode)(T(x) + 6 * begin, 6, COUNT, T(bins), OUT + begin));
    return 0;
}

static double T(distribution_grad)(size_t begin, size_t end) {
    ok(T(boxgrad_distribution_decode_grad)(T(x) + 6 * begin, 6, COUNT, T(bins), T(x) + begin, OUT + T(bins) * begin));
    return 0;
}

static double T(encode)(size_t begin, size_t end) {
    size_t found = 0;
    unsigned char *const marks = (unsigned char *)(OUT + 4 * n);
    ok(T(boxgrad_delta_encode)(&T(options), A(begin), a_stride, B(begin), b_stride, COUNT, OUT + 4 * begin, NULL_OR(0, marks + begin), &found));
    return (double)found;
}

static double T(encode_grad)(size_t begin, size_t end) {
    ok(T(boxgrad_delta_encode_grad)(&T(options), A(begin), a_stride, B(begin), b_stride, COUNT, T(x) + 4 * begin,
                                    NULL_OR(0, OUT + 4 * begin), NULL_OR(1, OUT + 4 * (n + begin))));
    return 0;
}

static double T(decode)(size_t begin, size_t end) {
    ok(T(boxgrad_delta_decode)(&T(options), A(begin), a_stride, T(x) + (4 * groups + 1) * begin, 4 * groups + 1, COUNT, groups,
                               OUT + 4 * groups * begin));
    return 0;
}

static double T(decode_grad)(size_t begin, size_t end) {
    ok(T(boxgrad_delta_decode_grad)(&T(options), A(begin), a_stride, T(x) + (4 * groups + 1) * begin, 4 * groups + 1, COUNT, groups,
                                    T(x) + 4 * groups * begin, NULL_OR(0, OUT + 4 * groups * n + 4 * begin),
                                    NULL_OR(1, OUT + 4 * groups * begin)));
    return 0;
}

/* Makes a call that must fail. The row and the reason are in its sentence, and it writes nothing. */
static double T(refused)(size_t begin, size_t end) {
    size_t found = 0;
    if (T(boxgrad_delta_encode)(NULL, A(begin), a_stride, B(begin), b_stride, COUNT, OUT + 64, NULL, &found) != BOXGRAD_DEGENERATE_BOX) return -1;
    snprintf((char *)out, 64, "%.40s", boxgrad_last_error());
    return (double)found;
}

static int T(is_degenerate)(const fp *box) { return !(box[2] - box[0] > 0 && box[3] - box[1] > 0); }

static double T(first_degenerate)(size_t begin, size_t end) {
    while (begin < end && !T(is_degenerate)(A(begin)) && !T(is_degenerate)(B(begin))) begin++;
    const int proposal = T(is_degenerate)(A(begin));
    const fp *const box = proposal ? A(begin) : B(begin);
    char sentence[128];
    snprintf(sentence, sizeof sentence, "%s[%zu] has a %s that is not a positive finite number", proposal ? "proposals" : "targets", begin,
             box[2] - box[0] > 0 ? "height" : "width");
    snprintf((char *)out, 64, "%.40s", sentence);
    return 0;
}

static double T(pairwise)(size_t begin, size_t end) {
    ok(T(boxgrad_iou_pairwise)(metric, A(begin), COUNT, a_stride, T(b), columns, b_stride, 1e-7, OUT + out_stride * begin, out_stride,
                               NULL_OR(0, OUT + out_stride * (n + begin))));
    return 0;
}

/* Computes the matrix row by row with the aligned function. CIoU is computed pair by pair, because the aligned function rounds its angles in
 * another way. The union is computed by its formula. */
static double T(pairwise_by_rows)(size_t begin, size_t end) {
    fp *const same = T(x);
    for (size_t i = begin; i < end; i++) {
        const fp *const a = A(i);
        fp *const row = OUT + out_stride * i;
        for (size_t j = 0; j < columns; j++) memcpy(same + 4 * j, a, 4 * sizeof *same);
        if (metric != BOXGRAD_CIOU) ok(T(boxgrad_iou_aligned)(metric, same, 4, T(b), b_stride, columns, 1e-7, row, NULL, NULL));
        else for (size_t j = 0; j < columns; j++) ok(T(boxgrad_iou_pairwise)(metric, a, 1, 4, B(j), 1, 4, 1e-7, row + j, 1, NULL));
        for (size_t j = 0; outputs & 1 && j < columns; j++) {
            const fp *const b = B(j), w = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
            const fp h = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
            const fp inter = (w > 0 ? w : 0) * (h > 0 ? h : 0), s = (a[2] - a[0]) * (a[3] - a[1]), t = (b[2] - b[0]) * (b[3] - b[1]);
            OUT[out_stride * (n + i) + j] = (s + t) - inter;
        }
    }
    return 0;
}

static double T(pairwise_grad)(size_t begin, size_t end) {
    (void)begin, (void)end;
    ok(T(boxgrad_iou_pairwise_grad)(metric, T(a), n, a_stride, T(b), columns, b_stride, 1e-7, T(x), out_stride, OUT, OUT + 4 * n));
    return 0;
}

/* Computes the gradients box by box, for each side. */
static double T(pairwise_grad_by_boxes)(size_t begin, size_t end) {
    (void)begin, (void)end;
    for (size_t i = 0; i < n; i++) {
        ok(T(boxgrad_iou_pairwise_grad)(metric, A(i), 1, 4, T(b), columns, b_stride, 1e-7, T(x) + out_stride * i, out_stride, OUT + 4 * i, NULL));
    }
    for (size_t j = 0; j < columns; j++) {
        ok(T(boxgrad_iou_pairwise_grad)(metric, T(a), n, a_stride, B(j), 1, 4, 1e-7, T(x) + j, out_stride, NULL, OUT + 4 * (n + j)));
    }
    return 0;
}

/* Rows of T(a) and T(b) as rotated boxes, whose angles are the first numbers of the next rows. */
#define ROTATED(rows, begin) ((rows) + 5 * (begin))

static double T(rotated_aligned)(size_t begin, size_t end) {
    ok(T(boxgrad_rotated_iou_aligned)(metric % 2 * BOXGRAD_IOF, metric % 4, ROTATED(T(a), begin), 5, ROTATED(T(b), begin), 5, COUNT,
                                      NULL_OR(0, OUT + begin), NULL_OR(1, OUT + n + 5 * begin), NULL_OR(2, OUT + 6 * n + 5 * begin)));
    return 0;
}

static double T(rotated_loss)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_rotated_iou_loss)(metric % 2, metric % 4, ROTATED(T(a), begin), 5, ROTATED(T(b), begin), 5, COUNT, NULL_OR(0, T(x) + begin), 1e-3, 1,
                                   &sum, NULL_OR(0, OUT + begin), NULL_OR(1, OUT + n + 5 * begin), NULL_OR(2, OUT + 6 * n + 5 * begin)));
    return sum;
}

static double T(rotated_gaussian)(size_t begin, size_t end) {
    double sum = 0;
    ok(T(boxgrad_rotated_gaussian_loss)(metric % 10, metric % 4, NULL, ROTATED(T(a), begin), 5, ROTATED(T(b), begin), 5, COUNT, NULL_OR(0, T(x) + begin), 1,
                                        &sum, NULL_OR(0, OUT + begin), NULL_OR(1, OUT + n + 5 * begin), NULL_OR(2, OUT + 6 * n + 5 * begin)));
    return sum;
}

static double T(rotated_pairwise)(size_t begin, size_t end) {
    ok(T(boxgrad_rotated_iou_pairwise)(metric % 2 * BOXGRAD_IOF, metric % 4, ROTATED(T(a), begin), COUNT, 5, T(b), columns, 5, OUT + out_stride * begin,
                                       out_stride));
    return 0;
}

static double T(rotated_pairwise_by_rows)(size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) T(rotated_pairwise)(i, i + 1);
    return 0;
}

static double T(rotated_pairwise_grad)(size_t begin, size_t end) {
    (void)begin, (void)end;
    ok(T(boxgrad_rotated_iou_pairwise_grad)(metric % 2 * BOXGRAD_IOF, metric % 4, T(a), n, 5, T(b), columns, 5, T(x), out_stride, OUT, OUT + 5 * n));
    return 0;
}

/* Computes the gradients box by box, for each side. */
static double T(rotated_pairwise_grad_by_boxes)(size_t begin, size_t end) {
    (void)begin, (void)end;
    for (size_t i = 0; i < n; i++) {
        ok(T(boxgrad_rotated_iou_pairwise_grad)(metric % 2 * BOXGRAD_IOF, metric % 4, ROTATED(T(a), i), 1, 5, T(b), columns, 5, T(x) + out_stride * i,
                                                out_stride, OUT + 5 * i, NULL));
    }
    for (size_t j = 0; j < columns; j++) {
        ok(T(boxgrad_rotated_iou_pairwise_grad)(metric % 2 * BOXGRAD_IOF, metric % 4, T(a), n, 5, ROTATED(T(b), j), 1, 5, T(x) + j, out_stride, NULL,
                                                OUT + 5 * (n + j)));
    }
    return 0;
}

/* The matches are the bits of numbers: negative ones are below 0. */
static double T(ignore)(size_t begin, size_t end) {
    ok(T(boxgrad_match_ignore)(outputs & 1, A(begin), COUNT, a_stride, T(b), columns, b_stride, 0.3, outputs >> 1 & 1,
                               (const int64_t *)T(x) + begin, (int64_t *)OUT + begin));
    return 0;
}

/* Returns the norm of one tensor for p = 1, which is a sum like a loss. */
static double T(norm)(size_t begin, size_t end) {
    const boxgrad_tensor tensor = {T(x) + begin, COUNT, sizeof(fp) == sizeof(float) ? BOXGRAD_F32 : BOXGRAD_F64, 0};
    double total;
    ok(boxgrad_grad_norm(&tensor, 1, 1, &total, NULL, NULL));
    return total;
}

#define NAMED(name) (sizeof(fp) == sizeof(float) ? "boxgrad_" #name "_f32" : "boxgrad_" #name "_f64")
#define PROVE(name, rows, slice, reference, whole, out_count) \
    prove(NAMED(name), rows, slice, T(reference), T(whole), (out_count) * sizeof(fp))

/* Proves the functions with enough work for seven threads, and some more rows. */
static void T(divided)(void) {
    const size_t most = 9 * group;
    const int32_t metrics = metric_count();
    T(a) = malloc(5 * most * sizeof(fp)), T(b) = malloc(5 * most * sizeof(fp)), T(x) = malloc(9 * most * sizeof(fp));
    if (!T(a) || !T(b) || !T(x)) exit(1);
    T(options).image_width = 60, T(options).image_height = 40, T(options).stds[1] = 0.1, T(options).on_degenerate = BOXGRAD_DEGENERATE_ZERO;
    for (size_t k = 0; k < 9 * most; k++) T(x)[k] = (fp)uniform(-2, 2);

    for (int k = 0; k < 2; k++) {
        metric = (int32_t)between(0, (size_t)loss_count() - 1), outputs = k ? (int)between(0, 6) : 7, a_stride = 4 + k, b_stride = between(4, 5), groups = 1 + k;
        for (size_t i = 0; i < most; i++) {
            double rows[2][4];
            box(i, rows[0]), box(i + 1, rows[1]);
            for (int j = 0; j < 4; j++) A(i)[j] = (fp)rows[0][j], B(i)[j] = (fp)(i % 16 ? rows[1][j] : rows[0][j]);
        }
        n = most_threads * group + between(1, group);
        PROVE(iou_loss, n, group, loss, loss, 9 * n);
        PROVE(distribution_focal, n, group, focal, focal, 7 * n);
        PROVE(rotated_iou_loss, n, group, rotated_loss, rotated_loss, 11 * n);
        metric = (int32_t)between(0, BOXGRAD_GAUSSIAN_BHATTACHARYYA);
        PROVE(rotated_gaussian_loss, n, group, rotated_gaussian, rotated_gaussian, 11 * n);
        metric = (int32_t)between(0, (size_t)box_loss_count() - 1);
        PROVE(box_loss, n, group, box_loss, box_loss, 9 * n);
        metric = (int32_t)between(0, (size_t)metrics - 1);
        n = most_threads * 2 * group + between(1, group);
        PROVE(smooth_l1, n, group, smooth, smooth, 3 * n);
        PROVE(balanced_l1, n, group, balanced, balanced, 3 * n);
        n = most_threads * boxes_a_thread + between(1, boxes_a_thread);
        const size_t slice = between(1000, 5000);
        PROVE(iou_aligned, n, slice, aligned, aligned, 9 * n);
        PROVE(rotated_iou_aligned, n, slice, rotated_aligned, rotated_aligned, 11 * n);
        PROVE(distribution_decode, n, slice, distribution, distribution, n);
        PROVE(distribution_decode_grad, n, slice, distribution_grad, distribution_grad, T(bins) * n);
        PROVE(delta_encode, n, slice, encode, encode, 5 * n);
        PROVE(delta_encode_grad, n, slice, encode_grad, encode_grad, 8 * n);
        PROVE(delta_decode, n, slice, decode, decode, 4 * groups * n);
        PROVE(delta_decode_grad, n, slice, decode_grad, decode_grad, 4 * (groups + 1) * n);

        /* Each side has two degenerate boxes at random rows. The first of them is not always the first that a thread finds. */
        for (size_t i = 0; i < n; i++) for (int j = 0; j < 2; j++) {
            A(i)[2 + j] = A(i)[j] + 1 + (fp)(i % 7), B(i)[2 + j] = B(i)[j] + 1 + (fp)(i % 5);
        }
        for (int i = 0; i < 2; i++) {
            A(between(0, n - 1))[2] = 0;
            B(between(0, n - 1))[3] = -1;
        }
        PROVE(delta_encode, n, n, first_degenerate, refused, 8 * n);

        /* The matrices are computed in both ways: with tiles across the rows, and with tiles along them. The rows for seven threads must
         * fit into the outputs. */
        const size_t widths[] = {between(13, 128), between(129, 512), between(513, 1100), between(4, 128)};
        for (int shape = 0; shape < 4; shape++) {
            metric = (metric + 1) % metrics;
            columns = widths[shape], out_stride = columns + (shape > 1 ? between(1, 9) : 0);
            /* Only the first matrix has work for seven threads with every metric, because the small calls take long. */
            n = (shape ? 2 : most_threads) * matrix_a_thread / columns + between(1, 100);
            PROVE(iou_pairwise, n, n, pairwise_by_rows, pairwise, (outputs & 1 ? 2 : 1) * n * out_stride);
            n = most_threads * boxes_a_thread / columns + between(1, 100);
            PROVE(iou_pairwise_grad, n, n, pairwise_grad_by_boxes, pairwise_grad, 4 * (n + columns));
            PROVE(rotated_iou_pairwise, n, n, rotated_pairwise_by_rows, rotated_pairwise, n * out_stride);
            PROVE(rotated_iou_pairwise_grad, n, n, rotated_pairwise_grad_by_boxes, rotated_pairwise_grad, 5 * (n + columns));
            PROVE(match_ignore, n, between(1000, 5000), ignore, ignore, n * sizeof(int64_t) / sizeof(fp));
        }
    }
    free(T(a)), free(T(b)), free(T(x));
}

/* Proves sums of more groups than a wave has, and norms of more pieces than a pass takes at a time. The target of a row is the next row.
 * Doubles are proved without the loss, because the loss takes the most memory. */
static void T(waves)(size_t length) {
    const int with_boxes = sizeof(fp) == sizeof(float);
    const size_t count = (with_boxes ? 4 : 1) * (length + 1);
    fp *const numbers = malloc(count * sizeof(fp));
    if (!numbers) exit(1);
    for (size_t k = 0; k < count; k++) numbers[k] = (fp)(uniform(0, 10) + (double)(k / 2 % 2 * 5));
    n = length, outputs = 7, a_stride = b_stride = 4, metric = BOXGRAD_GIOU;
    T(a) = numbers, T(b) = numbers + 4, T(x) = numbers;
    if (with_boxes) PROVE(iou_loss, n, group, loss, loss, 9 * n);
    T(b) = numbers + 1;
    PROVE(smooth_l1, n, group, smooth, smooth, 3 * n);
    prove("boxgrad_grad_norm", n, group, T(norm), T(norm), 0);
    free(numbers);
}

#undef OUT
#undef ROTATED
#undef A
#undef B
#undef COUNT
#undef NAMED
#undef PROVE
