/* What the programs of this folder share: a hash of results, and random boxes. */
#ifndef HASH_H
#define HASH_H

#include <boxgrad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash;

/* FNV-1a. */
static inline void take(const void *bytes, size_t size) {
    for (size_t k = 0; k < size; k++) hash = (hash ^ ((const unsigned char *)bytes)[k]) * 0x100000001b3u;
}

/* The sign and payload of a NaN are not promised. */
static inline void take_floats(const float *x, size_t count) {
    for (size_t k = 0; k < count; k++) x[k] == x[k] ? take(x + k, sizeof *x) : take("nan", 3);
}

static inline void take_doubles(const double *x, size_t count) {
    for (size_t k = 0; k < count; k++) x[k] == x[k] ? take(x + k, sizeof *x) : take("nan", 3);
}

static inline void begin(void) { hash = 0xcbf29ce484222325u; }
static inline void end(const char *name) { printf("%s %016llx\n", name, (unsigned long long)hash); }

static inline void ok(boxgrad_status status) {
    if (status == BOXGRAD_OK) return;
    fprintf(stderr, "%s: %s\n", boxgrad_status_string(status), boxgrad_last_error());
    exit(1);
}

static uint64_t state = 1;

static inline double uniform(double lo, double hi) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(state >> 40) / (1 << 24);
}

/* Box k: one in four on a grid where boxes touch and coincide, and one in thirty-two inverted, flat or a point. */
static inline void box(size_t k, double *out) {
    const int grid = k % 4 == 0;
    for (int i = 0; i < 4; i++) {
        out[i] = uniform(i < 2 ? 0 : 1, 50) + (i < 2 ? 0 : out[i - 2]);
        if (grid) out[i] = (double)(int)(out[i] / 10);
    }
    if (k % 32 == 31) out[2 + k / 32 % 2] = uniform(0, 1) < 0.5 ? out[k / 32 % 2] : out[k / 32 % 2] - 3;
}

#endif
