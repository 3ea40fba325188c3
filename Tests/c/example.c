/* The header's examples, as Tests/c/run.sh takes them out of its first comment, on numbers worked out by hand. */
#include "header-detector.h"
#include "header-first.h"
#include "header-plugin.h"

#include "check.h"

static void first(void) {
    CHECK(fabsf(first_call() - 25.f / 175) < 1e-6f);
}

/* Two proposals, two classes. Of box k the class is k % 2; the second proposal leaves the image. */
static void detections(void) {
    const float proposals[2 * 4] = {0, 0, 10, 10, 90, 90, 110, 110}, deltas[2 * 2 * 4] = {0, 0, 0, 0, 5, 0, 0, 0};
    const float scores[2 * 2] = {0.9f, 0.8f, 0.04f, 0.7f};
    float boxes[4 * 4];
    int64_t classes[4];
    size_t keep[4], count;
    CHECK(detect(proposals, deltas, scores, 2, 2, 100, 100, boxes, classes, keep, &count) == BOXGRAD_OK);
    CHECK(classes[0] == 0 && classes[1] == 1 && classes[2] == 0 && classes[3] == 1);
    CHECK(boxes[4] == 5 && boxes[5] == 0 && boxes[6] == 15 && boxes[7] == 10); /* dx 5 * 0.1 of a width of 10 */
    CHECK(boxes[12] == 90 && boxes[13] == 90 && boxes[14] == 100 && boxes[15] == 100);
    CHECK(count == 3 && keep[0] == 0 && keep[1] == 1 && keep[2] == 3); /* box 2 has too low a score */
}

/* Proposal 0 is the truth, moved by a tenth of its width; 1 is nowhere near; 2 is between the thresholds. */
static void training(void) {
    const float proposals[3 * 4] = {1, 0, 11, 10, 50, 50, 60, 60, 0, 0, 10, 4}, truth[4] = {0, 0, 10, 10}, predicted[3 * 4] = {0};
    int64_t matches[3];
    double loss;
    float gradient[3 * 4];
    CHECK(train(proposals, predicted, 3, truth, 1, 7, matches, &loss, gradient) == BOXGRAD_OK);
    CHECK(matches[0] == 0 && matches[1] == BOXGRAD_MATCH_BELOW && matches[2] == BOXGRAD_MATCH_BETWEEN);
    const double wanted[2] = {9 * 0.1 * 0.1 / 2 / 2, 9 * 0.1 / 2}, got[2] = {loss, gradient[0]}; /* a positive and a negative */
    CHECK_NEAR(got, wanted, 2, 1e-6);
    for (int k = 1; k < 12; k++) CHECK(gradient[k] == 0);
    CHECK(train(proposals, predicted, 3, NULL, 0, 7, matches, &loss, gradient) == BOXGRAD_OK && loss == 0 && gradient[0] == 0);
    CHECK(train(proposals, predicted, 0, truth, 1, 7, matches, &loss, gradient) == BOXGRAD_OK && loss == 0);
}

static void plugin(void) {
    CHECK(plugin_table(dlopen(NULL, RTLD_NOW))->abi_version == BOXGRAD_ABI_VERSION);
}

int main(void) {
    first(), detections(), training(), plugin();
    return failures != 0;
}
