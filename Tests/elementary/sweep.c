/* The kernels' exp, log and atan of every float against the C library's double functions, whose results are less than an ulp off.
 * A sweep takes the 2^23 floats from the one with the bits `first`. It stores the one whose result is furthest from the C library's in
 * `found`, for test_elementary.py to look at with more digits, and returns whether there is one at all. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FLOATS = 1 << 23, BLOCK = 1 << 10 };

static void floats(uint32_t first, float *x) {
    for (uint32_t i = 0; i < BLOCK; i++) {
        uint32_t bits = first + i;
        memcpy(x + i, &bits, sizeof bits);
    }
}

typedef struct { double error; float x; } worst_t;

/* What `reference` and the doubles beside it round to is right; the error of anything else is in ulps, infinity being 2^128. */
static void compare(const float *x, const float *ours, const double *reference, worst_t *worst) {
    char suspect[BLOCK], any = 0;
    for (int i = 0; i < BLOCK; i++) { /* vectorises */
        float below = (float)(reference[i] * (1 - 0x1p-52)), above = (float)(reference[i] * (1 + 0x1p-52));
        any |= suspect[i] = (ours[i] != below) & (ours[i] != above);
    }
    for (int i = 0; any && i < BLOCK; i++) {
        if (!suspect[i] || (isnan(ours[i]) && isnan(reference[i]))) continue;
        double value = isinf(ours[i]) ? copysign(0x1p128, ours[i]) : ours[i], error = INFINITY;
        if (isfinite(reference[i]) && !isnan(value)) error = fabs(value - reference[i]) / ldexp(1, fmax(ilogb(reference[i]) - 23, -149));
        if (error > worst->error) *worst = (worst_t){error, x[i]};
    }
}

int sweep_exp(void (*kernel)(const float *, ptrdiff_t, float *), uint32_t first, float *found) {
    float x[BLOCK], ours[BLOCK];
    double reference[BLOCK];
    worst_t worst = {0, 0};
    for (uint32_t start = 0; start < FLOATS; start += BLOCK) {
        floats(first + start, x);
        kernel(x, BLOCK, ours);
        for (int i = 0; i < BLOCK; i++) /* where a float's exp is clear, it need not be computed */
            reference[i] = fabsf(x[i]) < 0x1p-25f ? 1 : x[i] >= 128 ? INFINITY : x[i] <= -128 ? 0 : exp(x[i]);
        compare(x, ours, reference, &worst);
    }
    *found = worst.x;
    return worst.error > 0;
}

int sweep_log(void (*kernel)(const double *, const double *, ptrdiff_t, float *), uint32_t first, float *found) {
    float x[BLOCK], ours[BLOCK];
    double wide[BLOCK], one[BLOCK], reference[BLOCK];
    worst_t worst = {0, 0};
    for (uint32_t start = 0; start < FLOATS; start += BLOCK) {
        floats(first + start, x);
        for (int i = 0; i < BLOCK; i++) wide[i] = x[i], one[i] = 1;
        kernel(wide, one, BLOCK, ours);
        for (int i = 0; i < BLOCK; i++) reference[i] = log(wide[i]);
        compare(x, ours, reference, &worst);
    }
    *found = worst.x;
    return worst.error > 0;
}

/* atan's result is a double. Where it is not the C library's, extended precision tells how far off it is, and which is the worst. */
int sweep_atan(void (*kernel)(const double *, ptrdiff_t, double *), uint32_t first, float *found) {
    float x[BLOCK];
    double wide[BLOCK], ours[BLOCK], reference[BLOCK];
    long double worst = -1;
    for (uint32_t start = 0; start < FLOATS; start += BLOCK) {
        floats(first + start, x);
        for (int i = 0; i < BLOCK; i++) wide[i] = x[i];
        kernel(wide, BLOCK, ours);
        for (int i = 0; i < BLOCK; i++) { /* clear: x below, pi/2 above */
            double size = fabs(wide[i]);
            reference[i] = size < 0x1p-27 ? wide[i] : size >= 0x1p54 ? copysign(M_PI_2, wide[i]) : atan(wide[i]);
        }
        for (int i = 0; i < BLOCK; i++) {
            if (ours[i] == reference[i] || (isnan(ours[i]) && isnan(x[i]))) continue;
            long double exact = atanl(wide[i]), error = fabsl(ours[i] - exact) / ldexpl(1, ilogbl(exact) - 52);
            if (error <= worst) continue;
            worst = error;
            *found = x[i];
        }
    }
    return worst >= 0;
}
