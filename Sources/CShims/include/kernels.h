/* Declares the kernels, which are reached through tables (table.h), one for each CPU tier. Each kernel works on rows of a call, which
 * Kernels/Calls.swift describes and whose arguments were checked. Kernels are called only through C function pointers, because a Swift call
 * into another Embedded module lets the compiler copy the body and compile it for the caller's CPU. */
#ifndef BGI_KERNELS_H
#define BGI_KERNELS_H

#include "inline.h"
#include "table.h"
#include <boxgrad.h>

#pragma clang assume_nonnull begin

/* metric(a, b) is bgi_exchanged(metric)(b, a). The exchange changes only IoF, because the other metrics are symmetric. Only kernels know
 * the code of the exchanged IoF. */
#define BGI_IOF_OF_SECOND -4
BGI_INLINE int32_t bgi_exchanged(int32_t metric) { return metric == BOXGRAD_IOF ? BGI_IOF_OF_SECOND : metric; }

/* Returns the kernels that are compiled once, for every CPU, because their speed matters little or other kernels do most of their work. */
bgi_common_kernels bgi_common(void);

/* These functions return the tables of the tiers. Each tier is a module of its own: there are three for x86-64, and one for AArch64. */
bgi_kernels bgi_kernels_baseline(void);
bgi_kernels bgi_kernels_avx2(void);
bgi_kernels bgi_kernels_avx512(void);
bgi_kernels bgi_kernels_neon(void);

/* Returns the table of the best tier that this CPU runs, or of the lower tier that BOXGRAD_CPU_TIER names. The tier is chosen when the
 * library is loaded. */
const bgi_kernels *bgi_current(void);

#pragma clang assume_nonnull end

#endif
