/* What the C tests share: a check that says where it failed, and numbers compared by row. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>

static int failures;

#define CHECK(condition) ((condition) ? (void)0 : (void)(failures++, printf("%s:%d: %s\n", __FILE__, __LINE__, #condition)))
#define CHECK_NEAR(got, wanted, count, tolerance) check_near(got, wanted, count, tolerance, __FILE__, __LINE__)

static inline void check_near(const double *got, const double *wanted, size_t count, double tolerance, const char *file, int line) {
    for (size_t k = 0; k < count; k++) {
        if (fabs(got[k] - wanted[k]) <= tolerance) continue;
        failures++;
        printf("%s:%d: [%zu] is %.17g, not %.17g\n", file, line, k, got[k], wanted[k]);
    }
}

#endif
