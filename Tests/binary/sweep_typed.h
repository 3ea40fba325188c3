/* Sweeps the functions of one type. sweep.c includes this with fp, T and take_numbers set for float, then for double. */

enum { T(pooled_bins) = 33 * 2 * 3 };
static fp T(pooled)[T(pooled_bins) * largest];
static fp T(a)[5 * largest], T(b)[5 * largest], T(in)[9 * largest], T(x)[200 * largest], T(y)[200 * largest];

/* Makes boxes that are five elements apart, and numbers. */
static void T(fill)(void) {
    for (size_t k = 0; k < largest; k++) {
        double rows[2][4];
        box(k, rows[0]), box(k + 1, rows[1]);
        for (int i = 0; i < 4; i++) T(a)[5 * k + i] = (fp)rows[0][i], T(b)[5 * k + i] = (fp)(k % 16 ? rows[1][i] : rows[0][i]);
        /* The angles of rotated boxes. */
        T(a)[5 * k + 4] = (fp)uniform(-9, 9), T(b)[5 * k + 4] = k % 16 ? (fp)uniform(-9, 9) : T(a)[5 * k + 4];
    }
    for (size_t k = 0; k < 9 * largest; k++) T(in)[k] = (fp)uniform(-2, 2);
    for (size_t k = 0; k < T(pooled_bins) * largest; k++) T(pooled)[k] = (fp)uniform(-2, 2);
}

static void T(sweep)(void) {
    fp *const a = T(a), *const b = T(b), *const in = T(in), *const x = T(x), *const y = T(y);
    static uint32_t flags[largest];
    static uint8_t degenerate[largest];
    static int64_t classes[largest], matches[largest];
    static size_t indices[largest];
    static int64_t images[largest];
    for (size_t k = 0; k < largest; k++) classes[k] = (int64_t)(k * k % 5) - 2, images[k] = (int64_t)(k * k % 3);
    size_t counts[BOXGRAD_BOX_FLAGS], found;
    double loss;
    const int32_t metrics = metric_count(), losses = loss_count(), kinds = box_loss_count();
    boxgrad_box_loss_options loss_options[2] = {every_loss, every_loss}; /* the second has every step that the first leaves out */
    loss_options[1].alpha = 1.5, loss_options[1].gamma = 0.5, loss_options[1].inner_ratio = 0.75, loss_options[1].theta = 2;
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.on_degenerate = BOXGRAD_DEGENERATE_ZERO;
    options.stds[0] = 0.1, options.means[2] = 0.2, options.image_width = 60, options.image_height = 40, options.center_clamp = 20;
    T(fill)();

#define NAMED(name) (sizeof(fp) == sizeof(float) ? "boxgrad_" #name "_f32" : "boxgrad_" #name "_f64")
#define SWEEP(name, variants, call, ...) \
    begin(); \
    EACH_SIZE(n) for (int32_t k = 0; k < (variants); k++) { ok(T(boxgrad_##name) call); __VA_ARGS__; } \
    end(NAMED(name))

    SWEEP(box_area, 1, (a, n, 5, x), take_numbers(x, n));
    SWEEP(box_area_grad, 1, (a, n, 5, in, x), take_numbers(x, 4 * n));
    SWEEP(box_convert, 16, (k / 4, k % 4, a, n, 5, x, 4), take_numbers(x, 4 * n));
    SWEEP(box_convert_grad, 16, (k / 4, k % 4, n, in, x), take_numbers(x, 4 * n));
    SWEEP(box_clip, 1, (a, n, 5, 40, 30, x, 4), take_numbers(x, 4 * n));
    SWEEP(box_clip_grad, 1, (a, n, 5, 40, 30, in, x), take_numbers(x, 4 * n));
    SWEEP(box_inspect, 1, (a, n, 5, 40, 30, 3, flags, counts, BOXGRAD_BOX_FLAGS), take(flags, n * sizeof *flags), take(counts, sizeof counts));
    SWEEP(box_rotate, 4, (a, n, 5, 77.7 * k - 90, 20, 10, x, y), take_numbers(x, 8 * n), take_numbers(y, 4 * n));
    SWEEP(clip, 1, (in, n, -1, 0.5, x), take_numbers(x, n));
    SWEEP(clip_grad, 3, (in, n, -1, 0.5, in + largest, k, x, &found), take_numbers(x, n), take(&found, sizeof found));
    SWEEP(iou_pairwise, 2 * metrics, (k % metrics, a, n, 5, b, 67, 5, k / metrics * 1e-7, x, 67, y), take_numbers(x, 67 * n), take_numbers(y, 67 * n));
    SWEEP(iou_pairwise_grad, 2 * metrics, (k % metrics, a, n, 5, b, 7, 5, k / metrics * 1e-7, in, 7, x, y), take_numbers(x, 4 * n), take_numbers(y, 4 * 7));
    SWEEP(iou_aligned, 2 * metrics, (k % metrics, a, 5, b, 5, n, k / metrics * 1e-7, x, y, y + 4 * largest),
          take_numbers(x, n), take_numbers(y, 4 * n), take_numbers(y + 4 * largest, 4 * n));
    SWEEP(iou_loss, 2 * losses, (k % losses, a, 5, b, 5, n, k < losses ? in : NULL, 1e-7, 3, &loss, x, y, y + 4 * largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, 4 * n), take_numbers(y + 4 * largest, 4 * n));
    SWEEP(box_loss, 2 * kinds, (k % kinds, &loss_options[k / kinds], a, 5, b, 5, n, k < kinds ? in : NULL, 3, &loss, x, y, y + 4 * largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, 4 * n), take_numbers(y + 4 * largest, 4 * n));
    SWEEP(rotated_convert, 16, (k / 4, k % 4, in, n, 5, x, 5), take_numbers(x, 5 * n));
    SWEEP(rotated_convert_grad, 16, (k / 4, k % 4, n, in, x), take_numbers(x, 5 * n));
    SWEEP(rotated_regularize, 16, (k / 4, k % 4, in, n, 5, x, 5), take_numbers(x, 5 * n));
    SWEEP(rotated_regularize_grad, 16, (k / 4, k % 4, in, n, 5, in + largest, x), take_numbers(x, 5 * n));
    SWEEP(rotated_corners, 4, (k, in, n, 5, x, y), take_numbers(x, 8 * n), take_numbers(y, 4 * n));
    SWEEP(rotated_corners_grad, 4, (k, in, n, 5, in, in + largest, x), take_numbers(x, 5 * n));
    SWEEP(rotated_from_corners, 4, (k, in, n, 9, x), take_numbers(x, 5 * n));
    SWEEP(rotated_from_corners_grad, 4, (k, in, n, 9, in + largest, x), take_numbers(x, 8 * n));
    SWEEP(rotated_min_area, 4, (k, in, n, k + 1, 9, x), take_numbers(x, 5 * n));
    SWEEP(rotated_inspect, 4, (k, in, n, 5, 40, 30, 3, flags, counts, BOXGRAD_BOX_FLAGS), take(flags, n * sizeof *flags), take(counts, sizeof counts));
    SWEEP(rotated_iou_pairwise, 4, (k / 2 * BOXGRAD_IOF, k, a, n, 5, b, 67, 5, x, 67), take_numbers(x, 67 * n));
    SWEEP(rotated_iou_pairwise_grad, 4, (k / 2 * BOXGRAD_IOF, k, a, n, 5, b, 7, 5, in, 7, x, y), take_numbers(x, 5 * n), take_numbers(y, 5 * 7));
    SWEEP(rotated_iou_aligned, 4, (k / 2 * BOXGRAD_IOF, k, a, 5, b, 5, n, x, y, y + 5 * largest),
          take_numbers(x, n), take_numbers(y, 5 * n), take_numbers(y + 5 * largest, 5 * n));
    SWEEP(rotated_iou_loss, 4, (k / 2, k, a, 5, b, 5, n, k & 1 ? in : NULL, 1e-3, 3, &loss, x, y, y + 5 * largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, 5 * n), take_numbers(y + 5 * largest, 5 * n));
    /* Of the kinds with options, every function, with and without a root and a saturation. */
    SWEEP(rotated_gaussian_loss, 30,
          (k % 10, k % 4, &(boxgrad_gaussian_loss_options){sizeof(boxgrad_gaussian_loss_options), 1.5, k % 4 * 0.5, 1e-6, k / 10, k % 3 < 2, k % 3 < 1, 0}, a, 5,
           b, 5, n, k & 1 ? in : NULL, 3, &loss, x, y, y + 5 * largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, 5 * n), take_numbers(y + 5 * largest, 5 * n));
    SWEEP(smooth_l1, 4, (a, b, k & 1 ? in : NULL, k & 1 ? in + largest : NULL, n, k < 2 ? 0.7 : INFINITY, 3, &loss, x, y, y + largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, n), take_numbers(y + largest, n));
    SWEEP(balanced_l1, 4, (a, b, k & 1 ? in : NULL, k & 1 ? in + largest : NULL, n, 0.5, 1.5, k < 2 ? 1 : 20, 3, &loss, x, y, y + largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, n), take_numbers(y + largest, n));
    SWEEP(distribution_focal, 4, (in, 9, in + largest, n, k < 2 ? 9 : 2, k & 1 ? in : NULL, 3, &loss, x, y, y + 9 * largest),
          take_doubles(&loss, 1), take_numbers(x, n), take_numbers(y, (k < 2 ? 9 : 2) * n), take_numbers(y + 9 * largest, n));
    SWEEP(distribution_decode, 2, (in, 9, n, k ? 2 : 9, x), take_numbers(x, n));
    SWEEP(distribution_decode_grad, 2, (in, 9, n, k ? 2 : 9, b, x), take_numbers(x, (k ? 2 : 9) * n));
    boxgrad_roi_options rois[4]; /* with planes and with channels last, both with samples that are given and with as many as bins have pixels */
    for (int k = 0; k < 4; k++) rois[k] = (boxgrad_roi_options){sizeof *rois, 0.25, k % 2, k / 2 * 2, k == 1 || k == 2, 0};
    SWEEP(roi_align, 4, (&rois[k], in, 3, 33, 9, 11, a, 5, n ? images : NULL, n, 2, 3, x), take_numbers(x, T(pooled_bins) * n));
    SWEEP(roi_align_grad, 4, (&rois[k], in, 3, 33, 9, 11, a, 5, images, n, 2, 3, T(pooled), x, y), take_numbers(x, 3 * 33 * 9 * 11), take_numbers(y, 4 * n));
    SWEEP(roi_pool_precise, 2, (&rois[k], in, 3, 33, 9, 11, a, 5, images, n, 2, 3, x), take_numbers(x, T(pooled_bins) * n));
    SWEEP(roi_pool_precise_grad, 2, (&rois[k], in, 3, 33, 9, 11, a, 5, NULL, n, 2, 3, T(pooled), x, y), take_numbers(x, 3 * 33 * 9 * 11), take_numbers(y, 4 * n));
    SWEEP(delta_encode, 1, (&options, a, 5, b, 5, n, x, degenerate, &found), take_numbers(x, 4 * n), take(degenerate, n), take(&found, sizeof found));
    SWEEP(delta_encode_grad, 1, (&options, a, 5, b, 5, n, in, x, y), take_numbers(x, 4 * n), take_numbers(y, 4 * n));
    SWEEP(delta_decode, 3, (k ? &options : NULL, a, 5, in, 9, n, k ? 2 : 1, x), take_numbers(x, 4 * n * (k ? 2 : 1)));
    SWEEP(delta_decode_grad, 3, (k ? &options : NULL, a, 5, in, 9, n, k ? 2 : 1, in, x, y), take_numbers(x, 4 * n), take_numbers(y, 4 * n * (k ? 2 : 1)));
    boxgrad_rotated_delta_options rotated[8]; /* every range, each with other options */
    for (int k = 0; k < 8; k++) {
        rotated[k] = (boxgrad_rotated_delta_options)BOXGRAD_ROTATED_DELTA_OPTIONS_INIT;
        rotated[k].on_degenerate = BOXGRAD_DEGENERATE_ZERO, rotated[k].range = k % 4, rotated[k].edge_swap = k / 2 % 2, rotated[k].proj_xy = k > 2;
        rotated[k].norm_factor = k % 3 * 0.5, rotated[k].stds[4] = 0.1, rotated[k].means[2] = 0.2, rotated[k].center_clamp = 20, rotated[k].image_width = k > 3 ? 60 : -1;
    }
    SWEEP(rotated_encode, 8, (&rotated[k], k % 4, a, 5, b, 5, n, x, degenerate, &found), take_numbers(x, 5 * n), take(degenerate, n), take(&found, sizeof found));
    SWEEP(rotated_encode_grad, 8, (&rotated[k], k % 4, a, 5, b, 5, n, in, x, y), take_numbers(x, 5 * n), take_numbers(y, 5 * n));
    SWEEP(rotated_decode, 8, (&rotated[k], k % 4, a, 5, in, 9, n, x), take_numbers(x, 5 * n));
    SWEEP(rotated_decode_grad, 8, (&rotated[k], k % 4, a, 5, in, 9, n, in, x, y), take_numbers(x, 5 * n), take_numbers(y, 5 * n));
    SWEEP(midpoint_encode, 4, (&rotated[k], k, a, 5, b, 5, n, x, degenerate, &found), take_numbers(x, 6 * n), take(degenerate, n), take(&found, sizeof found));
    SWEEP(midpoint_encode_grad, 4, (&rotated[k], k, a, 5, b, 5, n, in, x, y), take_numbers(x, 4 * n), take_numbers(y, 5 * n));
    SWEEP(midpoint_decode, 4, (&rotated[k], k, a, 5, in, 9, n, x), take_numbers(x, 5 * n));
    SWEEP(midpoint_decode_grad, 4, (&rotated[k], k, a, 5, in, 9, n, in, x, y), take_numbers(x, 4 * n), take_numbers(y, 6 * n));
    SWEEP(nms, 4, (a, n, 5, in, k & 1 ? classes : NULL, 0.3, k & 2 ? 0 : -INFINITY, k & 2 ? 40 : SIZE_MAX, indices, &found),
          take(indices, found * sizeof *indices), take(&found, sizeof found));
    SWEEP(soft_nms, 4, (k & 1, a, n, 5, in, k & 2 ? classes : NULL, 0.3, 0.5, 0.01, SIZE_MAX, indices, x, &found),
          take(indices, found * sizeof *indices), take_numbers(x, found));
    SWEEP(match, 3 * metrics, (k % metrics, a, n, 5, b, 67, 5, 1e-7, 0.2, 0.5, k / metrics, matches, x), take(matches, n * sizeof *matches), take_numbers(x, n));
    SWEEP(rotated_nms, 4, (k, a, n, 5, in, k & 1 ? classes : NULL, 0.3, k & 2 ? 0 : -INFINITY, k & 2 ? 40 : SIZE_MAX, indices, &found),
          take(indices, found * sizeof *indices), take(&found, sizeof found));
    SWEEP(rotated_soft_nms, 4, (k & 1, k, a, n, 5, in, k & 2 ? classes : NULL, 0.3, 0.5, 0.01, SIZE_MAX, indices, x, &found),
          take(indices, found * sizeof *indices), take_numbers(x, found));
    SWEEP(rotated_match, 6, (k / 3 * BOXGRAD_IOF, k & 3, a, n, 5, b, 67, 5, 0.2, 0.5, k % 3, matches, x),
          take(matches, n * sizeof *matches), take_numbers(x, n));
    SWEEP(match_ignore, 4, (k & 1, a, n, 5, b, 67, 5, 0.2, k / 2, classes, matches), take(matches, n * sizeof *matches));
#undef SWEEP
#undef NAMED
}
