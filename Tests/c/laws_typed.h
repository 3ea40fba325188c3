/* The laws of boxes in one type: laws.c includes this with fp, T and EPS set for float, then for double. */

static fp T(a)[4 * rows], T(b)[4 * rows];

/* Laws without an error hold bit for bit, but for the sign of zero. */
static void T(same)(const char *says, const fp *got, const fp *wanted, size_t count, size_t columns, double factor) {
    for (size_t k = 0; k < count; k++) if (got[k] * factor != wanted[k]) broken(says, k / columns, got[k] * factor, wanted[k], 0);
}

/* The largest entry of a row of four. */
static double T(largest)(const fp *row) {
    return fmax(fmax(fabs((double)row[0]), fabs((double)row[1])), fmax(fabs((double)row[2]), fabs((double)row[3])));
}

/* One that has sides: what a size is encoded of. */
static int T(solid)(const fp *box) { return box[2] > box[0] && box[3] > box[1]; }

static void T(near_rows)(enum law l, const fp *got, const fp *wanted) {
    for (size_t k = 0; k < 4 * rows; k++) near(l, k / 4, got[k], wanted[k], T(largest)(wanted + k / 4 * 4), EPS);
}

/* One column of a sum of gradient rows. */
static void T(near_sum)(size_t row, double got, const fp *gradients, size_t count, size_t stride, size_t column) {
    double wanted = 0, terms = 0;
    for (size_t k = 0; k < count; k++) wanted += gradients[stride * k + column], terms += T(largest)(gradients + stride * k);
    near(sum, row, got, wanted, terms, EPS);
}

static void T(metric)(int32_t metric, fp *value) {
    const fp *const a = T(a), *const b = T(b);
    static fp grad_a[4 * rows], grad_b[4 * rows], other[rows], swapped_a[4 * rows], swapped_b[4 * rows], x[4 * rows], y[4 * rows];
    ok(T(boxgrad_iou_aligned)(metric, a, 4, b, 4, rows, 0, value, grad_a, grad_b));

    if (metric != BOXGRAD_IOF) {
        ok(T(boxgrad_iou_aligned)(metric, b, 4, a, 4, rows, 0, other, swapped_a, swapped_b));
        T(same)("metric(a, b) is metric(b, a)", other, value, rows, 1, 1);
        T(same)("the gradients of metric(a, b) are those of metric(b, a)", swapped_b, grad_a, 4 * rows, 4, 1);
        T(same)("the gradients of metric(a, b) are those of metric(b, a)", swapped_a, grad_b, 4 * rows, 4, 1);
    }

    const double scale = ldexp(1, (int)uniform(-8, 8));
    for (int k = 0; k < 4 * rows; k++) x[k] = (fp)(a[k] * scale), y[k] = (fp)(b[k] * scale);
    ok(T(boxgrad_iou_aligned)(metric, x, 4, y, 4, rows, 0, other, swapped_a, swapped_b));
    T(same)("scaling by a power of two changes nothing", other, value, rows, 1, 1);
    T(same)("scaling by a power of two divides the gradient by it", swapped_a, grad_a, 4 * rows, 4, scale);
    T(same)("scaling by a power of two divides the gradient by it", swapped_b, grad_b, 4 * rows, 4, scale);

    for (size_t k = 0; k < 2 * rows; k++) {
        const size_t row = k / 2, i = 4 * row + k % 2;
        const double terms = fmax(T(largest)(grad_a + 4 * row), T(largest)(grad_b + 4 * row));
        near(drift, row, (double)grad_a[i] + grad_a[i + 2] + grad_b[i] + grad_b[i + 2], 0, terms, EPS);
    }

    ok(T(boxgrad_iou_aligned)(metric, a, 4, b, 4, rows, 0, NULL, swapped_a, NULL));
    T(same)("without b's gradient a's is the same", swapped_a, grad_a, 4 * rows, 4, 1);
    ok(T(boxgrad_iou_aligned)(metric, a, 4, b, 4, rows, 0, NULL, NULL, swapped_b));
    T(same)("without a's gradient b's is the same", swapped_b, grad_b, 4 * rows, 4, 1);

    ok(T(boxgrad_iou_aligned)(metric, a, 4, a, 4, rows, 0, other, NULL, NULL));
    for (size_t row = 0; row < rows; row++)
        if (T(solid)(a + 4 * row) && other[row] != 1) broken("a box overlaps itself by 1", row, other[row], 1, 0);

    /* All pairs of five boxes and four. */
    enum { n = 5, m = 4 };
    fp matrix[n * m], ones[n * m], each[n * m], of_a[4 * n * m], of_b[4 * n * m], sum_a[4 * n], sum_b[4 * m], alone[4 * n];
    for (size_t k = 0; k < n * m; k++) {
        ones[k] = 1;
        memcpy(x + 4 * k, a + 4 * (k / m), 4 * sizeof(fp)), memcpy(y + 4 * k, b + 4 * (k % m), 4 * sizeof(fp));
    }
    ok(T(boxgrad_iou_pairwise)(metric, a, n, 4, b, m, 4, 0, matrix, m, NULL));
    ok(T(boxgrad_iou_aligned)(metric, x, 4, y, 4, n * m, 0, each, of_a, of_b));
    if (metric == BOXGRAD_CIOU && sizeof(fp) == sizeof(float))
        for (size_t k = 0; k < n * m; k++) near(same_pair, k / m, matrix[k], each[k], 1 + fabs((double)each[k]), EPS);
    else
        T(same)("a pair of the matrix is the aligned pair", matrix, each, n * m, m, 1);
    ok(T(boxgrad_iou_pairwise_grad)(metric, a, n, 4, b, m, 4, 0, ones, m, sum_a, sum_b));
    ok(T(boxgrad_iou_pairwise_grad)(metric, a, n, 4, b, m, 4, 0, ones, m, alone, NULL));
    T(same)("without b's gradient a's is the same", alone, sum_a, 4 * n, 4, 1);
    ok(T(boxgrad_iou_pairwise_grad)(metric, a, n, 4, b, m, 4, 0, ones, m, NULL, alone));
    T(same)("without a's gradient b's is the same", alone, sum_b, 4 * m, 4, 1);
    for (size_t k = 0; k < 4 * n; k++) T(near_sum)(k / 4, sum_a[k], of_a + 4 * m * (k / 4), m, 4, k % 4);
    for (size_t k = 0; k < 4 * m; k++) T(near_sum)(k / 4, sum_b[k], of_b + 4 * (k / 4), n, 4 * m, k % 4);

    if (metric == BOXGRAD_IOF || metric == BOXGRAD_IOS) return;  /* they have no loss */
    double loss;
    ok(T(boxgrad_iou_loss)(metric, a, 4, b, 4, rows, NULL, 0, 1, &loss, other, grad_a, grad_b));
    for (size_t row = 0; row < rows; row++) {
        if (!T(solid)(a + 4 * row) || !T(solid)(b + 4 * row)) continue;
        near(one_minus, row, other[row], 1 - (double)value[row], 1 + fabs((double)value[row]), EPS);
    }
    ok(T(boxgrad_iou_loss)(metric, a, 4, b, 4, rows, NULL, 0, 1, NULL, NULL, x, NULL));
    T(same)("without the target's gradient the prediction's is the same", x, grad_a, 4 * rows, 4, 1);
    ok(T(boxgrad_iou_loss)(metric, a, 4, b, 4, rows, NULL, 0, 1, NULL, NULL, NULL, y));
    T(same)("without the prediction's gradient the target's is the same", y, grad_b, 4 * rows, 4, 1);
    ok(T(boxgrad_iou_loss)(metric, a, 4, b, 4, rows, NULL, 0, 2, NULL, NULL, x, NULL));
    T(same)("a normalizer of two halves the gradient", x, grad_a, 4 * rows, 4, 2);
}

static void T(deltas)(void) {
    static fp a[4 * rows], b[4 * rows], deltas[4 * rows], decoded[4 * rows], grad_a[4 * rows], grad_b[4 * rows], alone[4 * rows];
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.log_ratio_max = INFINITY;
    for (int i = 0; i < 4; i++) options.means[i] = uniform(-0.5, 0.5), options.stds[i] = uniform(0.1, 2);
    size_t n = 0;
    for (size_t row = 0; row < rows; row++) {
        if (!T(solid)(T(a) + 4 * row) || !T(solid)(T(b) + 4 * row)) continue;
        memcpy(a + 4 * n, T(a) + 4 * row, 4 * sizeof(fp)), memcpy(b + 4 * n++, T(b) + 4 * row, 4 * sizeof(fp));
    }
    ok(T(boxgrad_delta_encode)(&options, a, 4, b, 4, n, deltas, NULL, NULL));
    ok(T(boxgrad_delta_decode)(&options, a, 4, deltas, 4, n, 1, decoded));
    for (size_t k = 0; k < 4 * n; k++)
        near(round_trip, k / 4, decoded[k], b[k], fmax(T(largest)(a + k / 4 * 4), T(largest)(b + k / 4 * 4)), EPS);

    ok(T(boxgrad_delta_encode_grad)(&options, a, 4, b, 4, n, b, grad_a, grad_b));
    ok(T(boxgrad_delta_encode_grad)(&options, a, 4, b, 4, n, b, alone, NULL));
    T(same)("without the targets' gradient the proposals' is the same", alone, grad_a, 4 * n, 4, 1);
    ok(T(boxgrad_delta_encode_grad)(&options, a, 4, b, 4, n, b, NULL, alone));
    T(same)("without the proposals' gradient the targets' is the same", alone, grad_b, 4 * n, 4, 1);
    ok(T(boxgrad_delta_decode_grad)(&options, a, 4, deltas, 4, n, 1, b, grad_a, grad_b));
    ok(T(boxgrad_delta_decode_grad)(&options, a, 4, deltas, 4, n, 1, b, alone, NULL));
    T(same)("without the deltas' gradient the proposals' is the same", alone, grad_a, 4 * n, 4, 1);
    ok(T(boxgrad_delta_decode_grad)(&options, a, 4, deltas, 4, n, 1, b, NULL, alone));
    T(same)("without the proposals' gradient the deltas' is the same", alone, grad_b, 4 * n, 4, 1);
}

/* Boxes by themselves. */
static void T(alone)(void) {
    static fp there[4 * rows], back[4 * rows], corners[8 * rows];
    for (int32_t k = 0; k < 16; k++) {
        ok(T(boxgrad_box_convert)(k / 4, k % 4, T(a), rows, 4, there, 4));
        ok(T(boxgrad_box_convert)(k % 4, k / 4, there, rows, 4, back, 4));
        T(near_rows)(conversion, back, T(a));
    }
    const double width = uniform(0, 60), height = uniform(0, 60), edge = uniform(-2, 2);
    ok(T(boxgrad_box_clip)(T(a), rows, 4, width, height, there, 4));
    ok(T(boxgrad_box_clip)(there, rows, 4, width, height, back, 4));
    T(same)("clipping to the image twice is clipping once", back, there, 4 * rows, 4, 1);
    for (size_t k = 0; k < 4 * rows; k++) {
        const fp most = (fp)(k % 2 ? height : width);
        if (!(there[k] >= 0 && there[k] <= most)) broken("clipped boxes are within the image", k / 4, there[k], most, 0);
    }
    ok(T(boxgrad_clip)(T(a), 4 * rows, edge, edge + 1, there));
    ok(T(boxgrad_clip)(there, 4 * rows, edge, edge + 1, back));
    T(same)("clipping twice is clipping once", back, there, 4 * rows, 4, 1);

    ok(T(boxgrad_box_rotate)(T(a), rows, 4, uniform(-720, 720), T(a)[0], T(a)[1], corners, back));
    for (size_t k = 0; k < 2 * rows; k++) {
        const fp *const c = corners + k / 2 * 8 + k % 2;
        const double terms = fmax(T(largest)(T(a) + k / 2 * 4), fmax(T(largest)(corners + k / 2 * 8), T(largest)(corners + k / 2 * 8 + 4)));
        near(rotation, k / 2, (double)c[0] + c[4], (double)c[2] + c[6], terms, EPS);
    }
}

static void T(boxes)(void) {
    static fp value[6][rows], covered[rows];
    const double scale = ldexp(1, (int)uniform(-20, 20));
    for (size_t row = 0; row < rows; row++) {
        double a[4], b[4];
        pair(rows * batch + row, a, b, scale);
        for (int i = 0; i < 4; i++) T(a)[4 * row + i] = (fp)a[i], T(b)[4 * row + i] = (fp)b[i];
    }
    for (int32_t metric = BOXGRAD_IOU; metric <= BOXGRAD_IOS; metric++) T(metric)(metric, value[metric]);
    ok(T(boxgrad_iou_aligned)(BOXGRAD_IOF, T(b), 4, T(a), 4, rows, 0, covered, NULL, NULL));
    for (size_t row = 0; row < rows; row++) {
        if (!T(solid)(T(a) + 4 * row) || !T(solid)(T(b) + 4 * row)) continue;
        const double iou = value[BOXGRAD_IOU][row], giou = value[BOXGRAD_GIOU][row];
        const double diou = value[BOXGRAD_DIOU][row], ciou = value[BOXGRAD_CIOU][row];
        if (!(iou >= 0 && iou <= 1)) broken("0 <= IoU <= 1", row, iou, 1, 0);
        if (!(diou >= -1 && diou <= iou)) broken("-1 <= DIoU <= IoU", row, diou, iou, 0);
        if (!(ciou >= -2 && ciou <= diou)) broken("-2 <= CIoU <= DIoU", row, ciou, diou, 0);
        const double iof = value[BOXGRAD_IOF][row];
        if (!(iof >= 0 && iof <= 1)) broken("0 <= IoF <= 1", row, iof, 1, 0);
        const double ios = value[BOXGRAD_IOS][row], larger = iof > covered[row] ? iof : covered[row];
        if (ios != larger) broken("IoS is the larger of IoF(a, b) and IoF(b, a)", row, ios, larger, 0);
        near(giou_range, row, giou, giou < -1 ? -1 : giou > iou ? iou : giou, 1, EPS);
    }
    T(deltas)();
    T(alone)();
}
