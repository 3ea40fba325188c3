/* Stores the calling thread's last error, as a sentence. */
#include "shims.h"

#include <stdio.h>

static BGI_THREAD_LOCAL char last_error[256];

/* Replaces the decimal separator by a point, because the host's locale may print a comma, or a separator of several bytes. */
static void normalise_decimal_point(char *number) {
    char *out = number;
    int replaced = 0;
    for (const char *in = number; *in; in++) {
        if (strchr("0123456789+-einfa", *in)) *out++ = *in;
        else if (!replaced) { *out++ = '.'; replaced = 1; }
    }
    *out = 0;
}

/* Prints the shortest form that reads as the same number, such as 0.1 and not 0.10000000000000001. */
static void print_number(char *out, size_t size, double number) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, number);
        if (strtod(out, NULL) == number) break;
    }
    normalise_decimal_point(out);
}

boxgrad_status bgi_fail(boxgrad_status status, const char *argument, ptrdiff_t row, ptrdiff_t element, const char *reason, ptrdiff_t least,
                        bgi_value got) {
    const int error = errno;
    char position[64] = "", bound[32] = "", value[40] = "";
    if (element >= 0) snprintf(position, sizeof position, "[%td][%td]", row, element);
    else if (row >= 0) snprintf(position, sizeof position, "[%td]", row);
    if (least >= 0) snprintf(bound, sizeof bound, " %td", least);
    if (got.kind == BGI_NUMBER) print_number(value, sizeof value, got.number);
    if (got.kind == BGI_INTEGER) snprintf(value, sizeof value, "%lld", (long long)got.integer);
    if (got.kind == BGI_COUNT) snprintf(value, sizeof value, "%llu", (unsigned long long)got.integer);
    snprintf(last_error, sizeof last_error, "%s%s %s%s%s%s%s", argument, position, reason, bound, *value ? " (got " : "", value, *value ? ")" : "");
    errno = error;
    return status;
}

const char *boxgrad_last_error(void) { return last_error; }
