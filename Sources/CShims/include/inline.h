/* What all C files need. */
#ifndef BGI_INLINE_H
#define BGI_INLINE_H

/* Marks functions that every tier compiles for itself. */
#define BGI_INLINE static inline __attribute__((always_inline))

/* The oldest version of glibc's symbols for this processor. */
#if defined(__x86_64__)
#define BGI_OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define BGI_OLDEST "GLIBC_2.17"
#endif

#endif
