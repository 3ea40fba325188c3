/* Declares what Swift cannot express, and the tables through which the exported functions reach the kernels. It is not part of the API. */
#ifndef CSHIMS_H
#define CSHIMS_H

#include "errors.h"
#include "inline.h"
#include "kernels.h"
#include "scratch.h"
#include "selects.h"
#include "streams.h"
#include "threads.h"
#include "transposes.h"
#include <boxgrad.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#pragma clang assume_nonnull begin

const char *bgi_version_string(void);

/* Returns the number of bytes of a tensor's element, or 0 if the dtype is unknown. */
BGI_INLINE ptrdiff_t bgi_element_size(int32_t dtype) {
    return dtype == BOXGRAD_F32 ? 4 : dtype == BOXGRAD_F64 ? 8 : dtype == BOXGRAD_F16 || dtype == BOXGRAD_BF16 ? 2 : 0;
}

#pragma clang assume_nonnull end
#endif
