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

/* Returns a word of 64 zero bits and then those of 2/pi. */
BGI_INLINE uint64_t bgi_two_over_pi(ptrdiff_t word) {
    static const uint64_t bits[21] = {
        0, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0, 0x06492eea09d1921c,
        0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
        0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08,
        0x56033046fc7b6bab, 0};
    return bits[word];
}

#pragma clang assume_nonnull end
#endif
