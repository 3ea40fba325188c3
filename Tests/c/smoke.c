/* One known answer, worked out by hand, of each family of functions; linked as a C program links any library. */
#include <boxgrad.h>
#include <string.h>

#include "check.h"

static void library(void) {
    CHECK(strcmp(boxgrad_version_string(), BOXGRAD_VERSION_STRING) == 0);
    CHECK(boxgrad_version_number() == BOXGRAD_VERSION_NUMBER);
    CHECK(strcmp(boxgrad_status_string(BOXGRAD_BAD_STRIDE), "BOXGRAD_BAD_STRIDE") == 0);
    CHECK(boxgrad_last_error()[0] == 0);
    CHECK(boxgrad_cpu_tier()[0] != 0);
    CHECK(boxgrad_max_threads() == 1);
    CHECK(boxgrad_set_max_threads(1) == BOXGRAD_OK);
    CHECK(boxgrad_set_parallel_for(NULL, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_get_api(BOXGRAD_ABI_VERSION)->size == sizeof(boxgrad_api));
}

static void boxes(void) {
    const float box[4] = {1, 2, 4, 10}, one = 1;
    float area, out[8];
    uint32_t flags;
    CHECK(boxgrad_box_area_f32(box, 1, 4, &area) == BOXGRAD_OK && area == 24);
    CHECK(boxgrad_box_area_grad_f32(box, 1, 4, &one, out) == BOXGRAD_OK);
    CHECK(out[0] == -8 && out[1] == -3 && out[2] == 8 && out[3] == 3);
    CHECK(boxgrad_box_convert_f32(BOXGRAD_XYXY, BOXGRAD_CXCYWH, box, 1, 4, out, 4) == BOXGRAD_OK);
    CHECK(out[0] == 2.5f && out[1] == 6 && out[2] == 3 && out[3] == 8);
    CHECK(boxgrad_box_clip_f32(box, 1, 4, 3, 8, out, 4) == BOXGRAD_OK);
    CHECK(out[0] == 1 && out[1] == 2 && out[2] == 3 && out[3] == 8);
    CHECK(boxgrad_box_inspect_f32(box, 1, 4, 3, 8, 0, &flags, NULL, 0) == BOXGRAD_OK && flags == BOXGRAD_BOX_PARTLY_OUTSIDE);
    CHECK(boxgrad_box_rotate_f32(box, 1, 4, 90, 0, 0, NULL, out) == BOXGRAD_OK);
    CHECK(out[0] == 2 && out[1] == -4 && out[2] == 10 && out[3] == -1);
}

/* x = [.3, .3, -3, -3], loss = sum((1 - clip(x, -1))^2): what was clipped gets no gradient. */
static void hard_clip(void) {
    const double x[4] = {0.3, 0.3, -3, -3}, wanted[4] = {-1.4, -1.4, 0, 0};
    double y[4], gradient[4];
    size_t blocked;
    CHECK(boxgrad_clip_f64(x, 4, -1, INFINITY, y) == BOXGRAD_OK && y[2] == -1);
    for (int k = 0; k < 4; k++) gradient[k] = -2 * (1 - y[k]);
    CHECK(boxgrad_clip_grad_f64(x, 4, -1, INFINITY, gradient, BOXGRAD_CLIP_HARD, gradient, &blocked) == BOXGRAD_OK && blocked == 2);
    CHECK_NEAR(gradient, wanted, 4, 1e-15);
}

static void overlap(void) {
    const float a[4] = {0, 0, 10, 10}, b[8] = {0, 0, 10, 10, 5, 5, 15, 15};
    float iou[2], shared[2];
    CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, 1, 4, b, 2, 4, 0, iou, 2, shared) == BOXGRAD_OK);
    CHECK(iou[0] == 1 && iou[1] == 25.0f / 175 && shared[0] == 100 && shared[1] == 175);
}

/* GIoU loss of a = [0, 0, 10, 10] against b, with its gradients. */
static void giou_loss(void) {
    static const struct { double b[4], loss, grad_a[4], grad_b[4]; } rows[] = {
        {{0, 0, 10, 10}, 0, {0, 0, 0, 0}, {0, 0, 0, 0}},
        {{10, 0, 20, 10}, 1, {0, 0, -.05, 0}, {.05, 0, 0, 0}},
        {{10, 10, 20, 20}, 1.5, {0, 0, -.025, -.025}, {.025, .025, 0, 0}},
        {{2, 2, 8, 8}, .64, {-.036, -.036, .036, .036}, {.06, .06, -.06, -.06}},
        {{20, 20, 30, 30}, 1.777778, {.003704, .003704, -.011111, -.011111}, {.011111, .011111, -.003704, -.003704}},
    };
    const double a[4] = {0, 0, 10, 10};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double loss, grad_a[4], grad_b[4];
        CHECK(boxgrad_iou_loss_f64(BOXGRAD_GIOU, a, 4, rows[k].b, 4, 1, NULL, 1e-7, 1, &loss, NULL, grad_a, grad_b) == BOXGRAD_OK);
        CHECK_NEAR(&loss, &rows[k].loss, 1, 5e-7);
        CHECK_NEAR(grad_a, rows[k].grad_a, 4, 5e-7);
        CHECK_NEAR(grad_b, rows[k].grad_b, 4, 5e-7);
    }
}

/* Descent on 1 - IoU with steps of 0.001 arrives if the boxes overlap, and never starts if they do not. */
static void iou_descent(void) {
    const double target[4] = {0, 0, 1, 1}, away[4] = {10.3, 10.3, 10.6, 10.6};
    double box[4] = {0.3, 0.3, 0.6, 0.6}, gradient[4];
    for (int step = 0; step < 10000; step++) {
        boxgrad_iou_loss_f64(BOXGRAD_IOU, box, 4, target, 4, 1, NULL, 0, 1, NULL, NULL, gradient, NULL);
        for (int k = 0; k < 4; k++) box[k] -= 0.001 * gradient[k];
    }
    CHECK_NEAR(box, target, 4, 0.001);
    boxgrad_iou_loss_f64(BOXGRAD_IOU, away, 4, target, 4, 1, NULL, 0, 1, NULL, NULL, gradient, NULL);
    for (int k = 0; k < 4; k++) CHECK(gradient[k] == 0);
}

/* sigma 3: the branches meet at 1/9. |0.05| is below, |2| above. */
static void smooth_l1(void) {
    const double pred[2] = {0.05, -2}, target[2] = {0, 0}, wanted[2] = {4.5 * 0.0025, 2 - 0.5 / 9}, slopes[2] = {0.45, -1};
    double loss, elementwise[2], gradient[2];
    CHECK(boxgrad_smooth_l1_f64(pred, target, NULL, NULL, 2, 3, 1, &loss, elementwise, gradient, NULL) == BOXGRAD_OK);
    CHECK_NEAR(elementwise, wanted, 2, 1e-15);
    CHECK_NEAR(gradient, slopes, 2, 1e-15);
    CHECK(loss == elementwise[0] + elementwise[1]);
}

/* The proposal's centre is (5, 5), the target's (10, 10) at half the size; and a proposal of no width. */
static void deltas(void) {
    const double proposals[8] = {0, 0, 10, 10, 3, 0, 3, 10}, target[4] = {7.5, 7.5, 12.5, 12.5};
    const double wanted[4] = {0.5, 0.5, -0.6931471805599453, -0.6931471805599453};
    double out[4], decoded[4];
    boxgrad_delta_options options = BOXGRAD_DELTA_OPTIONS_INIT;
    size_t degenerate;
    CHECK(boxgrad_delta_encode_f64(NULL, proposals, 4, target, 4, 1, out, NULL, NULL) == BOXGRAD_OK);
    CHECK_NEAR(out, wanted, 4, 1e-15);
    CHECK(boxgrad_delta_decode_f64(&options, proposals, 4, out, 4, 1, 1, decoded) == BOXGRAD_OK);
    CHECK_NEAR(decoded, target, 4, 1e-14);
    CHECK(boxgrad_delta_encode_f64(&options, proposals + 4, 4, target, 4, 1, out, NULL, NULL) == BOXGRAD_DEGENERATE_BOX);
    CHECK(strstr(boxgrad_last_error(), "proposals[0]") && strstr(boxgrad_last_error(), "width"));
    options.on_degenerate = BOXGRAD_DEGENERATE_ZERO;
    CHECK(boxgrad_delta_encode_f64(&options, proposals + 4, 4, target, 4, 1, out, NULL, &degenerate) == BOXGRAD_OK && degenerate == 1);
    for (int k = 0; k < 4; k++) CHECK(out[k] == 0);
}

/* Three boxes, of which the second overlaps the first by 2/3 and the third by 1/2; a truth in the place of the first. */
static void suppress_match_sample(void) {
    const double boxes[12] = {0, 0, 6, 1, 0, 0, 4, 1, 0, 0, 3, 1}, truth[4] = {0, 0, 6, 1}, scores[3] = {0.5, 0.9, 0.7};
    const int64_t classes[3] = {-5, 1, -5};
    double lowered[3], overlaps[3];
    const double wanted[3] = {0.9, 0.7 * 0.25, 0.5 * (1 - 2.0 / 3) * 0.5};
    int64_t matches[3];
    size_t keep[3], kept, positives, negatives;
    CHECK(boxgrad_nms_f64(boxes, 3, 4, scores, NULL, 0.7, -INFINITY, SIZE_MAX, keep, &kept) == BOXGRAD_OK);
    CHECK(kept == 2 && keep[0] == 1 && keep[1] == 0); /* 3/4 and 2/3 of the second */
    CHECK(boxgrad_nms_f64(boxes, 3, 4, scores, classes, 0.5, -INFINITY, SIZE_MAX, keep, &kept) == BOXGRAD_OK);
    CHECK(kept == 3 && keep[0] == 1 && keep[1] == 2 && keep[2] == 0); /* 1/2 is not more than 1/2 */
    CHECK(boxgrad_soft_nms_f64(BOXGRAD_SOFT_LINEAR, boxes, 3, 4, scores, NULL, 0.3, 1, 0, 3, keep, lowered, &kept) == BOXGRAD_OK);
    CHECK(kept == 3 && keep[0] == 1 && keep[1] == 2 && keep[2] == 0);
    CHECK_NEAR(lowered, wanted, 3, 1e-15);
    CHECK(boxgrad_match_f64(BOXGRAD_IOU, boxes, 3, 4, truth, 1, 4, 0, 0.6, 0.7, 0, matches, overlaps) == BOXGRAD_OK);
    CHECK(matches[0] == 0 && matches[1] == BOXGRAD_MATCH_BETWEEN && matches[2] == BOXGRAD_MATCH_BELOW && overlaps[2] == 0.5);
    const double crowd[4] = {2, 0, 6, 1}; /* It covers 2/3, 1/2 and 1/3 of the boxes. */
    CHECK(boxgrad_match_ignore_f64(BOXGRAD_SHARE_OF_PROPOSAL, boxes, 3, 4, crowd, 1, 4, 0.4, BOXGRAD_IGNORE_UNMATCHED, matches, matches) == BOXGRAD_OK);
    CHECK(matches[0] == 0 && matches[1] == BOXGRAD_MATCH_IGNORED && matches[2] == BOXGRAD_MATCH_BELOW);
    CHECK(boxgrad_sample(matches, 3, BOXGRAD_MATCH_BELOW, SIZE_MAX, 1, 1, keep, &positives, &negatives) == BOXGRAD_OK);
    CHECK(positives == 1 && negatives == 1 && keep[0] == 0 && keep[1] == 2);
    CHECK(boxgrad_match_f64(BOXGRAD_IOU, boxes + 4, 2, 4, truth, 1, 4, 0, 0.6, 0.7, 1, matches, NULL) == BOXGRAD_OK && matches[0] == 0);
    CHECK(boxgrad_sample(classes, 3, -5, 3, 0.5, 1, keep, &positives, &negatives) == BOXGRAD_OK);
    CHECK(positives == 1 && negatives == 2 && keep[0] == 1 && keep[1] == 0 && keep[2] == 2);
}

/* Two tensors whose total norm is 17937.5893, clipped to 100. */
static void gradient_clipping(void) {
    double x[2] = {198, 216}, y[2] = {6075, 16875}, total;
    const double norm = 17937.5893, clipped_x[2] = {1.1038, 1.2042}, clipped_y[2] = {33.8674, 94.0762};
    boxgrad_tensor tensors[2] = {{NULL, 2, BOXGRAD_F64, 0}, {NULL, 2, BOXGRAD_F64, 0}};
    tensors[0].data = x;
    tensors[1].data = y;
    CHECK(boxgrad_clip_grad_norm(tensors, 2, 100, 2, 1e-6, BOXGRAD_NONFINITE_ERROR, &total) == BOXGRAD_OK);
    CHECK_NEAR(&total, &norm, 1, 5e-5);
    CHECK_NEAR(x, clipped_x, 2, 5e-5);
    CHECK_NEAR(y, clipped_y, 2, 5e-5);
    CHECK(boxgrad_grad_norm(tensors, 2, 2, &total, NULL, NULL) == BOXGRAD_OK && fabs(total - 100) < 1e-6);
}

int main(void) {
    library();
    boxes();
    hard_clip();
    overlap();
    giou_loss();
    iou_descent();
    smooth_l1();
    deltas();
    suppress_match_sample();
    gradient_clipping();
    return failures != 0;
}
