/* Laws that hold for any boxes, deltas and gradients, on a million random cases: half of them float, half double. The argument seeds
 * them; the seed is printed, and for each law with an error the largest one met beside the one allowed. */
#include "../binary/hash.h"
#include "check.h"

enum { rows = 100, batches = 5000 };

/* ---- Laws with an error: a multiple of eps (2^-24 for float, 2^-53 for double) times the largest term compared ---- */

enum law { giou_range, same_pair, drift, sum, one_minus, round_trip, conversion, rotation, laws };
static struct { const char *says; double allowed, worst; } law[laws] = {
    [giou_range] = {"-1 <= GIoU <= IoU", 16, 0},
    [same_pair] = {"the float CIoU of a pair of the matrix is that of the aligned pair", 16, 0},
    [drift] = {"moving both boxes changes nothing: along each axis the gradients add up to 0", 32, 0},
    [sum] = {"the gradient of a sum is the sum of the gradients, relative to the sum of their largest entries", 16, 0},
    [one_minus] = {"a loss without eps is 1 - metric", 16, 0},
    [round_trip] = {"decode(encode(box)) is the box, relative to the larger of coordinates and sizes", 64, 0},
    [conversion] = {"a box converted there and back is the same, relative to the larger of coordinates and sizes", 4, 0},
    [rotation] = {"the corners of a rotated box have two pairs with one centre", 16, 0},
};

static unsigned long seed;
static size_t batch;

static void broken(const char *says, size_t row, double got, double wanted, double allowed) {
    failures++;
    printf("seed %lu, batch %zu, row %zu: %s: %.17g, not %.17g +- %.3g\n", seed, batch, row, says, got, wanted, allowed);
}

static void near(enum law l, size_t row, double got, double wanted, double scale, double eps) {
    const double error = got == wanted ? 0 : fabs(got - wanted) / (eps * scale);
    if (!(error <= law[l].worst)) law[l].worst = error;
    if (!(error <= law[l].allowed)) broken(law[l].says, row, got, wanted, law[l].allowed * eps * scale);
}

/* ---- Gradient clipping: its law allows what rounding to the tensor's type does ---- */

/* Eight elements from a power of two down. */
static void fill(void *data, int32_t dtype) {
    const int top = (int)uniform(dtype == BOXGRAD_F16 ? -10 : -60, dtype == BOXGRAD_F16 ? 15 : 60);
    for (int k = 0; k < 8; k++) {
        const double x = ldexp(uniform(-1, 1), top - (int)uniform(0, 4));
        const float single = (float)x;
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        if (dtype == BOXGRAD_F64) ((double *)data)[k] = x;
        if (dtype == BOXGRAD_F32) ((float *)data)[k] = single;
        if (dtype == BOXGRAD_BF16) ((uint16_t *)data)[k] = (uint16_t)(bits >> 16);
        if (dtype == BOXGRAD_F16) {
            const int exponent = (int)(bits >> 23 & 0xFF) - 112;
            const uint32_t magnitude = (exponent > 0 ? (uint32_t)exponent << 10 : 0) | (bits >> 13 & 0x3FF);
            ((uint16_t *)data)[k] = (uint16_t)((bits >> 16 & 0x8000) | magnitude);
        }
    }
}

static void clipping(size_t row) {
    static const double rounding[] = {[BOXGRAD_F32] = 1e-6, [BOXGRAD_F64] = 1e-6, [BOXGRAD_F16] = 0x1p-10, [BOXGRAD_BF16] = 0x1p-7};
    static const double orders[] = {1, 2, INFINITY};
    double data[2][8], before[2][8], total, after;
    const int32_t dtype = (int32_t)(row % 4);
    const boxgrad_tensor tensors[2] = {{data[0], 8, dtype, 0}, {data[1], 3, dtype, 0}};
    fill(data[0], dtype), fill(data[1], dtype);
    memcpy(before, data, sizeof data);
    const double p = orders[row % 3];
    ok(boxgrad_grad_norm(tensors, 2, p, &total, NULL, NULL));
    const double max_norm = total * ldexp(uniform(0, 2), -(int)uniform(0, 8));
    ok(boxgrad_clip_grad_norm(tensors, 2, max_norm, p, 1e-6, BOXGRAD_NONFINITE_ERROR, &after));
    if (after != total) broken("clip_grad_norm gives the norm before", row, after, total, 0);
    ok(boxgrad_grad_norm(tensors, 2, p, &after, NULL, NULL));
    /* What float16 cannot hold is rounded to a multiple of 2^-24. */
    const double allowed = max_norm * rounding[dtype] + (dtype == BOXGRAD_F16 ? 11 * 0x1p-25 : 0);
    if (max_norm >= total + 1e-6) {
        if (memcmp(before, data, sizeof data) != 0) broken("gradients below the limit are not touched", row, after, total, 0);
    } else if (!(after <= max_norm + allowed)) {
        broken("clipped gradients have at most the norm allowed", row, after, max_norm, allowed);
    }
}

/* ---- Boxes: laws_typed.h ---- */

static void pair(size_t k, double *a, double *b, double scale) {
    box(k, a), box(k + 1 + k / 4 % 2, b);
    for (int i = 0; i < 4; i++) { /* digits that float has not */
        a[i] += k % 4 ? uniform(-0x1p-24, 0x1p-24) : 0;
        b[i] = k % 8 == 3 ? a[i] * (1 + uniform(-0x1p-20, 0x1p-20)) : k % 16 == 5 ? (a[i] + a[(i + 2) % 4]) / 2 + (b[i] - 50) / 200 : b[i];
    }
    if (k % 8 == 6) a[2] = a[0] + (a[2] - a[0]) * 0x1p-16; /* thin */
    for (int i = 0; i < 4; i++) a[i] *= scale, b[i] *= scale;
}

#define T(name) name##_f32
#define fp float
#define EPS 0x1p-24
#include "laws_typed.h"
#undef T
#undef fp
#undef EPS
#define T(name) name##_f64
#define fp double
#define EPS 0x1p-53
#include "laws_typed.h"

int main(int count, char **arguments) {
    seed = count > 1 ? strtoul(arguments[1], NULL, 10) : 1;
    state = seed;
    control_before = control();
    printf("seed %lu\n", seed);
    for (batch = 0; batch < batches && failures < 10; batch++) {
        boxes_f32(), boxes_f64();
        for (size_t row = 0; row < rows; row++) clipping(row);
    }
    for (int l = 0; l < laws; l++) printf("%5.2f of %2g eps: %s\n", law[l].worst, law[l].allowed, law[l].says);
    return failures != 0;
}
