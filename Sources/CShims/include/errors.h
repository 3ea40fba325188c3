/* Reports the calling thread's last error. */
#ifndef BGI_ERRORS_H
#define BGI_ERRORS_H

#include <boxgrad.h>

#pragma clang assume_nonnull begin

/* Holds the value that an argument had. A count is a size_t, which Swift sees as a signed integer, so that it has a kind of its own. */
typedef struct {
    enum { BGI_NOTHING, BGI_NUMBER, BGI_INTEGER, BGI_COUNT } kind;
    double number;
    int64_t integer;
} bgi_value;

/* Stores the calling thread's error sentence, "<argument>[<row>][<element>] <reason> <least> (got <value>)", and returns status. The
 * sentence has no index and no least that is negative, and no value of the kind BGI_NOTHING. */
boxgrad_status bgi_fail(boxgrad_status status, const char *argument, ptrdiff_t row, ptrdiff_t element, const char *reason, ptrdiff_t least,
                        bgi_value got);

#pragma clang assume_nonnull end

#endif
