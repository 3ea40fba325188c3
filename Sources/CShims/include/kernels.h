/* The kernels, which are reached through tables (table.h): one for each CPU tier. Each kernel works on rows of a call, which Kernels/Calls.swift
 * describes and which was checked. They are called through C function pointers only: a Swift call into another Embedded module lets the compiler
 * copy the body and compile it for the caller's CPU. */
#ifndef BGI_KERNELS_H
#define BGI_KERNELS_H

#include "inline.h"
#include "table.h"
#include <boxgrad.h>

#pragma clang assume_nonnull begin

/* metric(a, b) is bgi_exchanged(metric)(b, a): IoF alone is not symmetric, and what it becomes is known to kernels only. */
#define BGI_IOF_OF_SECOND -4
BGI_INLINE int32_t bgi_exchanged(int32_t metric) { return metric == BOXGRAD_IOF ? BGI_IOF_OF_SECOND : metric; }

/* Kernels that nobody waits for, or that leave the work to others: compiled once, for every CPU. */
bgi_common_kernels bgi_common(void);

/* The tables of the tiers, each in its own module: three for x86-64, one for AArch64. */
bgi_kernels bgi_kernels_baseline(void);
bgi_kernels bgi_kernels_avx2(void);
bgi_kernels bgi_kernels_avx512(void);
bgi_kernels bgi_kernels_neon(void);

/* The table of the best tier that this CPU runs, or of the lower one that BOXGRAD_CPU_TIER names. Chosen when the library is loaded. */
const bgi_kernels *bgi_current(void);

#pragma clang assume_nonnull end

#endif
