/* The NVIDIA driver, which is found when it is first needed, and the kernels that it is given. */
#ifndef BGC_DRIVER_H
#define BGC_DRIVER_H

#include "kernel_names.h"
#include <boxgrad_cuda.h>

#pragma clang assume_nonnull begin

/* Launches a kernel of kernel_names.h in the thread's current context, on a stream. The kernel is handed the first `size` bytes of a call,
 * which must not be more than the kernel's size in kernels.inc, and `count`. */
boxgrad_status bgc_launch(
    ptrdiff_t kernel, const void *call, ptrdiff_t size, ptrdiff_t count, ptrdiff_t grid_x, ptrdiff_t grid_y, ptrdiff_t block, void *_Nullable stream);

/* Sets bytes of the device's memory to 0, on a stream. */
boxgrad_status bgc_zero(void *memory, ptrdiff_t size, void *_Nullable stream);

/* Loads the kernels whose files' names begin with a word, for the current context. NULL loads all. */
boxgrad_status bgc_load(const char *_Nullable family);

#pragma clang assume_nonnull end

#endif
