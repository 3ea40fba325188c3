/* Marks functions that every tier compiles for itself. */
#ifndef BGI_INLINE_H
#define BGI_INLINE_H

#define BGI_INLINE static inline __attribute__((always_inline))

#endif
