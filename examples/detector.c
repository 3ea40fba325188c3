/* The main job of boxgrad on real data, from C: inspect and clip the proposals of a network, measure how well they fit the
 * face it found, the losses that would train it and their gradients, and the clipping of a real gradient.
 * detector.py is the same from Python, and demo.py compares the two bit for bit.
 *
 *     cc -std=c99 -Ibuild/include examples/detector.c -Lbuild/lib -lboxgrad -Wl,-rpath,build/lib -o detector
 *     ./detector examples/data results.bin
 */
#include "demo.h"

/* ---- 1. What is wrong with the proposals, and the clip to the image ------------------------------------------------- */

static float *inspect_and_clip(FILE *results, const float *rows, size_t count) {
    static const char *const meaning[BOXGRAD_BOX_FLAGS] = {
        "not finite", "zero width", "zero height", "inverted", "centre negative", "centre beyond the image",
        "partly outside", "wholly outside", "small"};
    uint32_t *flags = allocate(count, sizeof *flags);
    size_t counts[BOXGRAD_BOX_FLAGS], leaving = 0;

    TRY(boxgrad_box_inspect_f32(rows, count, ROW, IMAGE_SIZE, IMAGE_SIZE, 0, flags, counts, BOXGRAD_BOX_FLAGS));
    for (size_t i = 0; i < count; i++)
        leaving += (flags[i] & (BOXGRAD_BOX_PARTLY_OUTSIDE | BOXGRAD_BOX_WHOLLY_OUTSIDE)) != 0;
    printf("1. %zu proposals, %zu leave the %d x %d image\n", count, leaving, IMAGE_SIZE, IMAGE_SIZE);
    for (size_t k = 0; k < BOXGRAD_BOX_FLAGS; k++)
        if (counts[k]) printf("   %-24s %4zu\n", meaning[k], counts[k]);

    float *clipped = allocate(count * 4, sizeof *clipped);
    TRY(boxgrad_box_clip_f32(rows, count, ROW, IMAGE_SIZE, IMAGE_SIZE, clipped, 4));
    record(results, "inspect", "flags", "<u4", flags, count);
    record(results, "inspect", "clipped", "<f4", clipped, count * 4);
    free(flags);
    return clipped;
}

/* ---- 2. The proposals of the face, their targets, losses and gradients ---------------------------------------------- */

/* The indices of the boxes that overlap the face enough, best first. */
static size_t find_positives(const float *iou, size_t count, uint32_t *best) {
    size_t positives = 0;
    for (size_t i = 0; i < count; i++) {
        if (iou[i] < (float)POSITIVE_IOU) continue;
        size_t k = positives++;
        for (; k > 0 && iou[best[k - 1]] < iou[i]; k--) best[k] = best[k - 1];
        best[k] = (uint32_t)i;
    }
    return positives;
}

static void fit_face(FILE *results, const float *rows, const float *clipped, size_t count, const float face[4]) {
    float *iou = allocate(count, sizeof *iou);
    uint32_t *best = allocate(count, sizeof *best);
    TRY(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, clipped, count, 4, face, 1, 4, 0, iou, 1, NULL));
    size_t positives = find_positives(iou, count, best), size = positives * 4;
    record(results, "fit", "iou", "<f4", iou, count);
    record(results, "fit", "best", "<u4", best, positives);

    /* One block for all arrays of positives x 4. */
    enum { ARRAYS = 9 };
    float *block = allocate(size * ARRAYS, sizeof *block);
    float *proposals = block, *faces = proposals + size, *refined = faces + size, *targets = refined + size,
          *corrections = targets + size, *grad_corrections = corrections + size, *decoded = grad_corrections + size,
          *grad_decoded = decoded + size, *grad_deltas = grad_decoded + size;
    float *per_box = allocate(positives, sizeof *per_box);

    for (size_t i = 0; i < size; i++) {
        const float *box = clipped + best[i / 4] * 4, *correction = rows + best[i / 4] * ROW + CORRECTION;
        size_t k = i % 4, axis = k % 2;
        proposals[i] = box[k];
        faces[i] = face[k];
        refined[i] = box[k] + correction[k] * (box[axis + 2] - box[axis]);
    }

    /* Smooth L1, as it trains a proposal network: its corrections against the deltas of the face. */
    double smooth_l1, giou_loss;
    TRY(boxgrad_delta_encode_f32(NULL, proposals, 4, faces, 4, positives, targets, NULL, NULL));
    TRY(boxgrad_delta_encode_f32(NULL, proposals, 4, refined, 4, positives, corrections, NULL, NULL));
    TRY(boxgrad_smooth_l1_f32(corrections, targets, NULL, NULL, size, 3, (double)size, &smooth_l1, NULL, grad_corrections, NULL));

    /* GIoU loss on the decoded boxes, and its gradient carried back to the corrections. */
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.image_width = options.image_height = IMAGE_SIZE;
    TRY(boxgrad_delta_decode_f32(&options, proposals, 4, corrections, 4, positives, 1, decoded));
    TRY(boxgrad_iou_loss_f32(BOXGRAD_GIOU, decoded, 4, faces, 4, positives, NULL, 1e-7, (double)positives,
                             &giou_loss, per_box, grad_decoded, NULL));
    TRY(boxgrad_delta_decode_grad_f32(&options, proposals, 4, corrections, 4, positives, 1, grad_decoded, NULL, grad_deltas));

    float *iou_decoded = allocate(positives, sizeof *iou_decoded);
    TRY(boxgrad_iou_aligned_f32(BOXGRAD_IOU, decoded, 4, faces, 4, positives, 0, iou_decoded, NULL, NULL));

    printf("\n2. %zu proposals overlap the face by %.1f or more; the best of them:\n", positives, POSITIVE_IOU);
    printf("   row      x1      y1      x2      y2     IoU   corrected   GIoU loss   targets dx      dy       dw       dh\n");
    for (size_t i = 0; i < positives && i < 5; i++) {
        const float *p = proposals + 4 * i, *t = targets + 4 * i;
        printf("   %3u %7.1f %7.1f %7.1f %7.1f %7.4f %11.4f %11.4f %8.4f %8.4f %8.4f %8.4f\n", (unsigned)best[i], p[0], p[1], p[2],
               p[3], iou[best[i]], iou_decoded[i], per_box[i], t[0], t[1], t[2], t[3]);
    }
    printf("   smooth L1 of the network's corrections (sigma 3, mean) %.9f\n", smooth_l1);
    printf("   GIoU loss after decoding them (mean)                   %.9f\n", giou_loss);

    record(results, "fit", "targets", "<f4", targets, size);
    record(results, "fit", "corrections", "<f4", corrections, size);
    record(results, "fit", "smooth_l1", "<f4", &(float){(float)smooth_l1}, 1); /* Python returns the arrays' type */
    record(results, "fit", "grad_corrections", "<f4", grad_corrections, size);
    record(results, "fit", "decoded", "<f4", decoded, size);
    record(results, "fit", "iou_decoded", "<f4", iou_decoded, positives);
    record(results, "fit", "giou_per_box", "<f4", per_box, positives);
    record(results, "fit", "giou_loss", "<f4", &(float){(float)giou_loss}, 1);
    record(results, "fit", "grad_decoded", "<f4", grad_decoded, size);
    record(results, "fit", "grad_deltas", "<f4", grad_deltas, size);
    free(iou_decoded);
    free(per_box);
    free(block);
    free(best);
    free(iou);
}

/* ---- 3. Clipping a real gradient ------------------------------------------------------------------------------------ */

enum { MAX_TENSORS = 64, NAME_SIZE = 32 };

typedef struct {
    char *data; /* the file the tensors point into */
    size_t count;
    boxgrad_tensor tensors[MAX_TENSORS];
    char names[MAX_TENSORS][NAME_SIZE];
} gradient;

/* rnet_grad.f32le holds the tensors one after the other, on a little-endian machine ready for use. */
static gradient read_gradient(const char *directory) {
    gradient g = {NULL, 0, {{0}}, {{0}}};
    size_t size, index_size;
    char *index = read_file(directory, "rnet_grad_index.json", &index_size);
    g.data = read_file(directory, "rnet_grad.f32le", &size);
    for (const char *cursor = index; g.count < MAX_TENSORS && (cursor = json_value(cursor, "\"name\"")) != NULL; g.count++) {
        double numel, offset;
        json_numbers(cursor, "\"numel\"", 1, &numel);
        json_numbers(cursor, "\"byte_offset\"", 1, &offset);
        if (sscanf(cursor, " : \"%31[^\"]\"", g.names[g.count]) != 1 || offset + numel * sizeof(float) > (double)size)
            die("rnet_grad_index.json", "is malformed");
        g.tensors[g.count] = (boxgrad_tensor){g.data + (size_t)offset, (size_t)numel, BOXGRAD_F32, 0};
    }
    free(index);
    return g;
}

static void clip_gradient(FILE *results, gradient *g) {
    double before[MAX_TENSORS], after[MAX_TENSORS], total, clipped_total;
    TRY(boxgrad_grad_norm(g->tensors, g->count, 2, NULL, before, NULL));
    TRY(boxgrad_clip_grad_norm(g->tensors, g->count, 1, 2, 1e-6, BOXGRAD_NONFINITE_ERROR, &total));
    TRY(boxgrad_grad_norm(g->tensors, g->count, 2, &clipped_total, after, NULL));

    printf("\n3. A gradient of %zu tensors, clipped to norm 1\n", g->count);
    printf("   tensor           elements      norm   clipped\n");
    for (size_t i = 0; i < g->count; i++)
        printf("   %-16s %8zu %9.6f %9.6f\n", g->names[i], g->tensors[i].count, before[i], after[i]);
    printf("   %-25s %9.6f %9.6f   (total before: %.15f)\n", "all", total, clipped_total, total);

    record(results, "gradient", "norms", "<f8", before, g->count);
    record(results, "gradient", "total_norm", "<f8", &total, 1);
    record(results, "gradient", "clipped_norms", "<f8", after, g->count);
    record(results, "gradient", "clipped_total_norm", "<f8", &clipped_total, 1);
    for (size_t i = 0; i < g->count; i++) record(results, "gradient", g->names[i], "<f4", g->tensors[i].data, g->tensors[i].count);
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage", "detector DATA_DIRECTORY RESULTS_FILE");
    size_t count;
    float face[4], *rows = read_candidates(argv[1], &count);
    read_face(argv[1], face);
    gradient g = read_gradient(argv[1]);
    FILE *results = open_results(argv[2]);

    float *clipped = inspect_and_clip(results, rows, count);
    fit_face(results, rows, clipped, count, face);
    clip_gradient(results, &g);

    close_results(results, argv[2]);
    free(clipped);
    free(g.data);
    free(rows);
    return 0;
}
