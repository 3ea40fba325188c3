/* The experiments of the five source documents, from C. experiments.py is the same from Python, and demo.py compares the
 * two bit for bit.
 *
 *     cc -std=c99 -Ibuild/include examples/experiments.c -Lbuild/lib -lboxgrad -Wl,-rpath,build/lib -lm -o experiments
 *     ./experiments examples/data results.bin
 */
#include "demo.h"

/* ---- IoU gives no gradient to boxes that do not overlap, GIoU does -------------------------------------------------- */

enum { DESCENT_STEPS = 10000 };

/* Gradient descent on 1 - metric towards the unit square; every gradient is first clipped to max_norm. */
static void descend(FILE *results, const char *name, int32_t metric, double start, double end, double rate, double max_norm) {
    const double target[4] = {0, 0, 1, 1};
    double box[4] = {start, start, end, end}, gradient[4], metric_value;
    double *losses = allocate(DESCENT_STEPS, sizeof *losses);
    const boxgrad_tensor tensor = {gradient, 4, BOXGRAD_F64, 0};
    for (size_t step = 0; step < DESCENT_STEPS; step++) {
        TRY(boxgrad_iou_aligned_f64(metric, box, 4, target, 4, 1, 0, &metric_value, gradient, NULL));
        losses[step] = 1 - metric_value;
        for (size_t k = 0; k < 4; k++) gradient[k] = -gradient[k];
        TRY(boxgrad_clip_grad_norm(&tensor, 1, max_norm, 2, 1e-6, BOXGRAD_NONFINITE_ERROR, NULL));
        for (size_t k = 0; k < 4; k++) box[k] -= rate * gradient[k];
    }
    printf("   %-30s %9.6f %9.6f   %8.4f %8.4f %8.4f %8.4f\n", name, losses[0], losses[DESCENT_STEPS - 1],
           box[0], box[1], box[2], box[3]);
    record(results, name, "losses", "<f8", losses, DESCENT_STEPS);
    record(results, name, "box", "<f8", box, 4);
    free(losses);
}

/* ---- A hard clip stops the gradient --------------------------------------------------------------------------------- */

enum { CLIP_STEPS = 35000 };

static void descend_through_clip(FILE *results, const char *name, int32_t mode) {
    double x[4] = {0.3, 0.3, -3, -3}, clipped[4], grad_clipped[4], gradient[4], first[4];
    for (size_t step = 0; step < CLIP_STEPS; step++) {
        TRY(boxgrad_clip_f64(x, 4, -1, INFINITY, clipped));
        for (size_t k = 0; k < 4; k++) grad_clipped[k] = -2 * (1 - clipped[k]); /* of the sum of (1 - clipped)^2 */
        TRY(boxgrad_clip_grad_f64(x, 4, -1, INFINITY, grad_clipped, mode, gradient, NULL));
        if (step == 0) memcpy(first, gradient, sizeof first);
        for (size_t k = 0; k < 4; k++) x[k] -= 1e-4 * gradient[k];
    }
    printf("   %-22s %7.2f %7.2f %7.2f %7.2f   %8.4f %8.4f %8.4f %8.4f\n", name, first[0], first[1], first[2], first[3],
           x[0], x[1], x[2], x[3]);
    record(results, name, "first gradient", "<f8", first, 4);
    record(results, name, "x", "<f8", x, 4);
}

/* ---- A rotated ground truth that leaves the image ------------------------------------------------------------------- */

/* The two formulas as the documents write them: deltas of one axis, then smooth L1 with sigma 1 and a 0/1 mask. */
static double plain_loss(const double proposal[4], const double truth[4]) {
    double loss = 0;
    for (size_t axis = 0; axis < 2; axis++) {
        double size = truth[axis + 2] - truth[axis], proposal_size = proposal[axis + 2] - proposal[axis];
        double center = (truth[axis] + truth[axis + 2]) / 2, proposal_center = (proposal[axis] + proposal[axis + 2]) / 2;
        double deltas[2] = {(center - proposal_center) / proposal_size, log(size / proposal_size)};
        for (size_t k = 0; k < 2; k++) {
            double quadratic = fabs(deltas[k]) < 1;
            loss += 0.5 * deltas[k] * deltas[k] * quadratic + (fabs(deltas[k]) - 0.5) * (1 - quadratic);
        }
    }
    return loss;
}

static void rotate_out_of_the_image(FILE *results) {
    const double object[4] = {431, 458, 450, 476}; /* one of the 299 candidates, near a corner of the photo */
    const double anchor[4] = {256, 0, 288, 32}, center = IMAGE_SIZE / 2.0;
    double truth[4], deltas[4], proposal[4], targets[4];
    uint32_t flags;
    size_t degenerate;
    TRY(boxgrad_box_rotate_f64(object, 1, 4, 135, center, center, NULL, truth));
    TRY(boxgrad_box_inspect_f64(truth, 1, 4, IMAGE_SIZE, IMAGE_SIZE, 0, &flags, NULL, 0));

    /* A first stage that has learnt this ground truth perfectly proposes it, and the clip to the image flattens it. */
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.image_width = options.image_height = IMAGE_SIZE;
    TRY(boxgrad_delta_encode_f64(NULL, anchor, 4, truth, 4, 1, deltas, NULL, NULL));
    TRY(boxgrad_delta_decode_f64(&options, anchor, 4, deltas, 4, 1, 1, proposal));

    printf("   ground truth  %8.2f %8.2f %8.2f %8.2f%s%s\n", truth[0], truth[1], truth[2], truth[3],
           flags & BOXGRAD_BOX_CENTER_NEGATIVE ? "   centre negative" : "", flags & BOXGRAD_BOX_WHOLLY_OUTSIDE ? ", wholly outside" : "");
    printf("   proposal      %8.2f %8.2f %8.2f %8.2f   width %g, height %g\n", proposal[0], proposal[1], proposal[2], proposal[3],
           proposal[2] - proposal[0], proposal[3] - proposal[1]);
    double plain = plain_loss(proposal, truth);
    printf("   plain formula: loss is %s\n", plain != plain ? "NaN" : "a number");
    boxgrad_status status = boxgrad_delta_encode_f64(NULL, proposal, 4, truth, 4, 1, targets, NULL, NULL);
    printf("   boxgrad: %s, %s\n", boxgrad_status_string(status), boxgrad_last_error());
    if (status != BOXGRAD_DEGENERATE_BOX) die("delta_encode", "did not notice the degenerate proposal");
    options.on_degenerate = BOXGRAD_DEGENERATE_ZERO;
    TRY(boxgrad_delta_encode_f64(&options, proposal, 4, truth, 4, 1, targets, NULL, &degenerate));
    printf("   on_degenerate ZERO: targets %g %g %g %g, %zu row without loss\n", targets[0], targets[1], targets[2], targets[3], degenerate);

    record(results, "rotated", "truth", "<f8", truth, 4);
    record(results, "rotated", "flags", "<u4", &flags, 1);
    record(results, "rotated", "proposal", "<f8", proposal, 4);
    record(results, "rotated", "targets", "<f8", targets, 4);
}

/* ---- Two stages, with and without stop-gradient --------------------------------------------------------------------- */

enum { TWO_STAGE_STEPS = 100 };
#define TWO_STAGE_RATE 0.5

typedef struct {
    size_t count; /* each array: count x 4 */
    double *anchors, *deltas, *truth, *head;
    double *proposals, *clipped, *targets;                       /* values on the way to the loss */
    double *grad_targets, *grad_clipped, *grad_proposals, *grad; /* and gradients on the way back */
} two_stage;

static two_stage two_stage_new(size_t count) {
    double *block = allocate(count * 4 * 11, sizeof *block), *a[11];
    for (size_t i = 0; i < 11; i++) a[i] = block + i * count * 4;
    return (two_stage){count, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]};
}

/* decode -> clip -> encode -> smooth L1, and back to the deltas of the first stage in grad. Stop-gradient is a NULL pointer:
 * the gradient is not asked to go through the proposals, so it never reaches those deltas, and grad is left alone. */
static double two_stage_loss(two_stage *s, int stop_gradient) {
    double loss, *grad_clipped = stop_gradient ? NULL : s->grad_clipped;
    TRY(boxgrad_delta_decode_f64(NULL, s->anchors, 4, s->deltas, 4, s->count, 1, s->proposals));
    TRY(boxgrad_box_clip_f64(s->proposals, s->count, 4, IMAGE_SIZE, IMAGE_SIZE, s->clipped, 4));
    TRY(boxgrad_delta_encode_f64(NULL, s->clipped, 4, s->truth, 4, s->count, s->targets, NULL, NULL));
    TRY(boxgrad_smooth_l1_f64(s->head, s->targets, NULL, NULL, s->count * 4, 3, (double)s->count * 4, &loss, NULL, NULL, s->grad_targets));
    TRY(boxgrad_delta_encode_grad_f64(NULL, s->clipped, 4, s->truth, 4, s->count, s->grad_targets, grad_clipped, NULL));
    if (!grad_clipped) return loss;
    TRY(boxgrad_box_clip_grad_f64(s->proposals, s->count, 4, IMAGE_SIZE, IMAGE_SIZE, grad_clipped, s->grad_proposals));
    TRY(boxgrad_delta_decode_grad_f64(NULL, s->anchors, 4, s->deltas, 4, s->count, 1, s->grad_proposals, NULL, s->grad));
    return loss;
}

/* The positives of detector.c in file order, the network's corrections as the first stage's deltas, the face as ground
 * truth, and a second stage that corrects nothing yet. */
static two_stage two_stage_read(const char *directory) {
    size_t count, positives = 0;
    float *rows = read_candidates(directory, &count), face[4];
    read_face(directory, face);
    float *iou = allocate(count, sizeof *iou);
    TRY(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, rows, count, ROW, face, 1, 4, 0, iou, 1, NULL));
    for (size_t i = 0; i < count; i++) positives += iou[i] >= (float)POSITIVE_IOU;

    two_stage s = two_stage_new(positives);
    double *refined = s.proposals; /* only for now */
    for (size_t i = 0, p = 0; i < count; i++) {
        if (iou[i] < (float)POSITIVE_IOU) continue;
        const float *box = rows + i * ROW, *correction = box + CORRECTION;
        for (size_t k = 0; k < 4; k++, p++) {
            s.anchors[p] = box[k];
            s.truth[p] = face[k];
            refined[p] = box[k] + correction[k] * (double)(box[k % 2 + 2] - box[k % 2]);
        }
    }
    TRY(boxgrad_delta_encode_f64(NULL, s.anchors, 4, refined, 4, positives, s.deltas, NULL, NULL));
    free(iou);
    free(rows);
    return s;
}

static void train_two_stages(FILE *results, const char *directory, const char *name, int stop_gradient) {
    two_stage s = two_stage_read(directory);
    double losses[TWO_STAGE_STEPS];
    char norm[32] = "none";
    for (size_t step = 0; step < TWO_STAGE_STEPS; step++) {
        losses[step] = two_stage_loss(&s, stop_gradient);
        if (step == 0 && !stop_gradient) {
            double total;
            TRY(boxgrad_grad_norm(&(boxgrad_tensor){s.grad, s.count * 4, BOXGRAD_F64, 0}, 1, 2, &total, NULL, NULL));
            snprintf(norm, sizeof norm, "%.9f", total);
            record(results, name, "first gradient", "<f8", s.grad, s.count * 4);
        }
        for (size_t i = 0; i < s.count * 4; i++) s.deltas[i] -= TWO_STAGE_RATE * s.grad[i];
    }
    printf("   %-18s %12.6f %12.6f   %s\n", name, losses[0], losses[TWO_STAGE_STEPS - 1], norm);
    record(results, name, "losses", "<f8", losses, TWO_STAGE_STEPS);
    free(s.anchors); /* the start of the one block */
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage", "experiments DATA_DIRECTORY RESULTS_FILE");
    FILE *results = open_results(argv[2]);

    printf("4a. %d steps of gradient descent   first loss      last   last box\n", DESCENT_STEPS);
    descend(results, "IoU, overlapping", BOXGRAD_IOU, 0.3, 0.6, 0.001, INFINITY);
    descend(results, "IoU, disjoint", BOXGRAD_IOU, 10.3, 10.6, 0.001, INFINITY);
    descend(results, "IoU, disjoint, large steps", BOXGRAD_IOU, 10.3, 10.6, 10, 0.001);
    descend(results, "GIoU, disjoint, large steps", BOXGRAD_GIOU, 10.3, 10.6, 10, 0.001);

    printf("\n4b. clip(min=-1)         first gradient                    x after %d steps\n", CLIP_STEPS);
    descend_through_clip(results, "clip hard", BOXGRAD_CLIP_HARD);
    descend_through_clip(results, "clip straight_through", BOXGRAD_CLIP_STRAIGHT_THROUGH);
    descend_through_clip(results, "clip inward", BOXGRAD_CLIP_INWARD);

    printf("\n4c. A ground truth rotated by 135 degrees\n");
    rotate_out_of_the_image(results);

    printf("\n4d. %d steps, two stages   first loss    last loss   first gradient's norm\n", TWO_STAGE_STEPS);
    train_two_stages(results, argv[1], "stop-gradient on", 1);
    train_two_stages(results, argv[1], "stop-gradient off", 0);

    close_results(results, argv[2]);
    return 0;
}
