/* Defines what C programs of the tests share: a hash of results, random boxes, and the processor's floating-point control. */
#ifndef HASH_H
#define HASH_H

#include <boxgrad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash;

/* Adds bytes to the hash, which is FNV-1a. */
static inline void take(const void *bytes, size_t size) {
    for (size_t k = 0; k < size; k++) hash = (hash ^ ((const unsigned char *)bytes)[k]) * 0x100000001b3u;
}

/* Whether subnormal numbers count as zeros, as a processor that flushes them makes them. */
static int flushes;

/* Adds numbers to the hash. All NaNs are alike, because the sign and payload of a NaN are not promised. */
static inline void take_floats(const float *x, size_t count) {
    for (size_t k = 0; k < count; k++) {
        uint32_t bits;
        memcpy(&bits, x + k, sizeof bits);
        if (x[k] != x[k]) take("nan", 3);
        else if (flushes && !(bits << 1 >> 24)) take("zero", 4);
        else take(&bits, sizeof bits);
    }
}

static inline void take_doubles(const double *x, size_t count) {
    for (size_t k = 0; k < count; k++) {
        uint64_t bits;
        memcpy(&bits, x + k, sizeof bits);
        if (x[k] != x[k]) take("nan", 3);
        else if (flushes && !(bits << 1 >> 53)) take("zero", 4);
        else take(&bits, sizeof bits);
    }
}

static const char *ended[1000];
static size_t ended_count;

static inline void begin(void) { hash = 0xcbf29ce484222325u; }
static inline void end(const char *name) {
    printf("%s %016llx\n", name, (unsigned long long)hash);
    if (ended_count == sizeof ended / sizeof *ended) exit(1);
    ended[ended_count++] = name;
}
static inline int has_ended(const char *name) {
    size_t k = 0;
    while (k < ended_count && strcmp(ended[k], name) != 0) k++;
    return k < ended_count;
}

/* These functions return how many metrics the library knows, and how many of them have a loss. A call without boxes succeeds for these, so
 * that the tests also sweep a new metric. */
static inline int32_t metric_count(void) {
    int32_t metric = 0;
    while (boxgrad_iou_aligned_f32(metric, NULL, 4, NULL, 4, 0, 0, NULL, NULL, NULL) == BOXGRAD_OK) metric++;
    return metric;
}
static inline int32_t loss_count(void) {
    int32_t metric = 0;
    while (boxgrad_iou_loss_f32(metric, NULL, 4, NULL, 4, 0, NULL, 0, 1, NULL, NULL, NULL, NULL) == BOXGRAD_OK) metric++;
    return metric;
}

/* Returns how many losses of boxes the library knows. These options are valid for all of them. */
static const boxgrad_box_loss_options every_loss = {sizeof every_loss, 1e-7, 1, 0, 1, 4, 60, 40, 1e-6, 12.8, 0.2};
static inline int32_t box_loss_count(void) {
    int32_t kind = 0;
    while (boxgrad_box_loss_f32(kind, &every_loss, NULL, 4, NULL, 4, 0, NULL, 1, NULL, NULL, NULL, NULL) == BOXGRAD_OK) kind++;
    return kind;
}

/* The control says how the processor rounds, whether it flushes subnormal numbers to zero, and which exceptions trap. It does not say which
 * exceptions have happened. */
#if defined(__x86_64__)
#include <immintrin.h>
#define FLUSH_TO_ZERO 0x8040u /* subnormal operands count as zero, too */
static inline uint64_t control(void) {
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (uint64_t)x87 << 32 | (_mm_getcsr() & ~0x3Fu);
}
static inline void set_control(uint64_t bits) { _mm_setcsr((unsigned)bits | (_mm_getcsr() & ~0x3Fu)); }
enum { UPWARD = 0x4000, DOWNWARD = 0x2000, TOWARDS_ZERO = 0x6000 };
#elif defined(__aarch64__)
#define FLUSH_TO_ZERO (1u << 24)
static inline uint64_t control(void) {
    uint64_t bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
}
static inline void set_control(uint64_t bits) { __asm__ volatile("msr fpcr, %0" : : "r"(bits | control())); }
enum { UPWARD = 1 << 22, DOWNWARD = 2 << 22, TOWARDS_ZERO = 3 << 22 };
#endif

static uint64_t control_before;

/* Requires that a call succeeded, and left the control as it found it. */
static inline void ok(boxgrad_status status) {
    if (status == BOXGRAD_OK && control() == control_before) return;
    fprintf(stderr, "%s: %s; control %#llx, at first %#llx\n", boxgrad_status_string(status), boxgrad_last_error(),
            (unsigned long long)control(), (unsigned long long)control_before);
    exit(1);
}

static uint64_t state = 1;

static inline double uniform(double lo, double hi) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(state >> 40) / (1 << 24);
}

/* Makes box k. One in four is on a grid where boxes touch and coincide, and one in thirty-two is inverted or flat. */
static inline void box(size_t k, double *out) {
    const int grid = k % 4 == 0;
    for (int i = 0; i < 4; i++) {
        out[i] = uniform(i < 2 ? 0 : 1, 50) + (i < 2 ? 0 : out[i - 2]);
        if (grid) out[i] = (double)(int)(out[i] / 10);
    }
    if (k % 32 == 31) out[2 + k / 32 % 2] = uniform(0, 1) < 0.5 ? out[k / 32 % 2] : out[k / 32 % 2] - 3;
}

#endif
