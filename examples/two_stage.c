/* One training step of the second stage of a two-stage detector, from C: decode the first stage's proposals, clip and suppress them,
 * match them with the ground truth, draw a batch, and compute the box loss with its gradient. two_stage.py is the same from Python, and
 * demo.py compares the two bit for bit.
 *
 *     cc -std=c99 -Ibuild/include examples/two_stage.c -Lbuild/lib -lboxgrad -Wl,-rpath,build/lib -o two_stage
 *     ./two_stage examples/data results.bin
 */
#include "demo.h"

enum { BATCH = 64, SEED = 7 };
#define POSITIVE_FRACTION 0.25
#define NMS_THRESHOLD     0.7
#define HIGH              0.5
#define LOW               0.3

static void gather(const float *rows, const size_t *indices, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) memcpy(out + 4 * i, rows + 4 * indices[i], 4 * sizeof *out);
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage", "two_stage DATA_DIRECTORY RESULTS_FILE");
    size_t count, kept, positives, negatives;
    float face[4], *rows = read_candidates(argv[1], &count);
    read_face(argv[1], face);
    FILE *results = open_results(argv[2]);

    /* The network's corrections as deltas of its candidates: what a first stage would have predicted. */
    float *scores = allocate(count, sizeof *scores), *refined = allocate(4 * count, sizeof *refined), *deltas = allocate(4 * count, sizeof *deltas);
    for (size_t i = 0; i < count; i++) {
        const float *box = rows + i * ROW;
        scores[i] = box[4];
        for (size_t k = 0; k < 4; k++) refined[4 * i + k] = box[k] + box[CORRECTION + k] * (box[k % 2 + 2] - box[k % 2]);
    }
    TRY(boxgrad_delta_encode_f32(NULL, rows, ROW, refined, 4, count, deltas, NULL, NULL));

    float *decoded = allocate(4 * count, sizeof *decoded), *clipped = allocate(4 * count, sizeof *clipped);
    TRY(boxgrad_delta_decode_f32(NULL, rows, ROW, deltas, 4, count, 1, decoded));
    TRY(boxgrad_box_clip_f32(decoded, count, 4, IMAGE_SIZE, IMAGE_SIZE, clipped, 4));

    /* From here on the proposals are constants: there is no gradient to carry back to the deltas. */
    size_t *keep = allocate(count, sizeof *keep);
    TRY(boxgrad_nms_f32(clipped, count, 4, scores, NULL, NMS_THRESHOLD, -INFINITY, SIZE_MAX, keep, &kept));
    float *proposals = allocate(4 * kept, sizeof *proposals), *overlaps = allocate(kept, sizeof *overlaps);
    int64_t *matches = allocate(kept, sizeof *matches);
    gather(clipped, keep, kept, proposals);
    TRY(boxgrad_match_f32(BOXGRAD_IOU, proposals, kept, 4, face, 1, 4, 0, LOW, HIGH, 1, matches, overlaps));

    size_t batch[BATCH];
    TRY(boxgrad_sample(matches, kept, BOXGRAD_MATCH_BELOW, BATCH, POSITIVE_FRACTION, SEED, batch, &positives, &negatives));
    float chosen[4 * BATCH], faces[4 * BATCH], targets[4 * BATCH], gradient[4 * BATCH];
    const float head[4 * BATCH] = {0};
    gather(proposals, batch, positives, chosen);
    for (size_t i = 0; i < positives; i++) memcpy(faces + 4 * i, face + 4 * matches[batch[i]], sizeof face);
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    options.stds[0] = options.stds[1] = 0.1, options.stds[2] = options.stds[3] = 0.2;
    float weights[4 * BATCH];
    for (size_t k = 0; k < 4 * positives; k++) weights[k] = (float)(1.0 / (double)(positives + negatives));
    double loss;
    TRY(boxgrad_delta_encode_f32(&options, chosen, 4, faces, 4, positives, targets, NULL, NULL));
    TRY(boxgrad_smooth_l1_f32(head, targets, NULL, weights, 4 * positives, 1, 1, &loss, NULL, gradient, NULL));

    printf("A training step: %zu proposals, %zu of them kept, %zu positives and %zu negatives drawn, loss %.9f\n", count, kept, positives,
           negatives, loss);
    record(results, "two_stage", "decoded", "<f4", decoded, 4 * count);
    record(results, "two_stage", "clipped", "<f4", clipped, 4 * count);
    record(results, "two_stage", "keep", "<i8", keep, kept);
    record(results, "two_stage", "matches", "<i8", matches, kept);
    record(results, "two_stage", "overlaps", "<f4", overlaps, kept);
    record(results, "two_stage", "positives", "<i8", batch, positives);
    record(results, "two_stage", "negatives", "<i8", batch + positives, negatives);
    record(results, "two_stage", "targets", "<f4", targets, 4 * positives);
    record(results, "two_stage", "loss", "<f4", &(float){(float)loss}, 1); /* Python returns the arrays' type */
    record(results, "two_stage", "gradient", "<f4", gradient, 4 * positives);

    close_results(results, argv[2]);
    free(matches), free(overlaps), free(proposals), free(keep);
    free(clipped), free(decoded), free(deltas), free(refined), free(scores), free(rows);
    return 0;
}
