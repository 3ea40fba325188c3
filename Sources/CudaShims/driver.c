/* Finds the driver, and gives it the PTX that this library carries, a file at a time, when one of its kernels is first needed. The driver
 * compiles a file once for each GPU, and keeps it for all contexts. Nothing is unloaded, because a stream may still be using it. */
#include "driver.h"
#include "errors.h"
#include "inline.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* The oldest versions of the symbols, which are weak: the library loads on systems where these functions are in libdl, which the program may lack. */
__asm__(".symver dlopen, dlopen@" BGI_OLDEST);
__asm__(".symver dlsym, dlsym@" BGI_OLDEST);
__asm__(".symver dlclose, dlclose@" BGI_OLDEST);
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose

/* The files are in the section of constants, and end with a 0. */
#define FAMILY(name) __asm__(".section .rodata\n.balign 16\n.hidden bgc_ptx_" #name "\n.globl bgc_ptx_" #name "\nbgc_ptx_" #name ":\n" \
                             ".incbin \"" BGC_PTX #name ".ptx\"\n.byte 0\n.previous\n"); extern const char bgc_ptx_##name[];
#define KERNEL(family, name, size)
#include "kernels.inc"
#undef FAMILY
#undef KERNEL

enum {
#define FAMILY(name) FAMILY_##name,
#define KERNEL(family, name, size)
#include "kernels.inc"
#undef FAMILY
#undef KERNEL
    FAMILIES
};

static const struct { const char *name, *ptx; } families[FAMILIES] = {
#define FAMILY(name) {#name, bgc_ptx_##name},
#define KERNEL(family, name, size)
#include "kernels.inc"
#undef FAMILY
#undef KERNEL
};

static const struct { int family; const char *name; size_t size; } kernels[BGC_KERNELS] = {
#define FAMILY(name)
#define KERNEL(family, name, size) {FAMILY_##family, #name, size},
#include "kernels.inc"
#undef FAMILY
#undef KERNEL
};

/* What is used of the driver, as cuda.h declares it. Handles are pointers, and results are ints. */
static struct {
    int (*cuInit)(unsigned);
    int (*cuGetErrorName)(int, const char **);
    int (*cuGetErrorString)(int, const char **);
    int (*cuLibraryLoadData)(void **, const void *, void *, void *, unsigned, void *, void *, unsigned);
    int (*cuLibraryGetKernel)(void **, void *, const char *);
    int (*cuKernelGetFunction)(void **, void *);
    int (*cuLaunchKernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
    int (*cuMemsetD8Async)(unsigned long long, unsigned char, size_t, void *);
} driver;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(void *) loaded[BGC_KERNELS]; /* NULL until the kernel's file is loaded */
static atomic_int is_open;

static const bgi_value nothing = {BGI_NOTHING, 0, 0};

static boxgrad_status fail(const char *function, int result) {
    const char *name = NULL, *words = NULL;
    char reason[160];
    driver.cuGetErrorName(result, &name);
    driver.cuGetErrorString(result, &words);
    snprintf(reason, sizeof reason, "failed with %s (%d): %s", name ? name : "an unknown error", result, words ? words : "no description");
    return bgi_fail(BOXGRAD_DEVICE, function, -1, -1, reason, -1, nothing);
}

/* The following three are called with the lock held. */
static boxgrad_status open_driver(void) {
    static const struct { const char *name; void *place; } functions[] = {
        {"cuInit", &driver.cuInit}, {"cuGetErrorName", &driver.cuGetErrorName}, {"cuGetErrorString", &driver.cuGetErrorString},
        {"cuLibraryLoadData", &driver.cuLibraryLoadData}, {"cuLibraryGetKernel", &driver.cuLibraryGetKernel},
        {"cuKernelGetFunction", &driver.cuKernelGetFunction}, {"cuLaunchKernel", &driver.cuLaunchKernel},
        {"cuMemsetD8Async", &driver.cuMemsetD8Async},
    };
    if (atomic_load_explicit(&is_open, memory_order_acquire)) return BOXGRAD_OK;
    if (!dlopen || !dlsym || !dlclose)
        return bgi_fail(BOXGRAD_UNSUPPORTED, "libcuda.so.1", -1, -1, "cannot be loaded: the program must be linked with -ldl", -1, nothing);
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return bgi_fail(BOXGRAD_UNSUPPORTED, "libcuda.so.1", -1, -1, "is not here: this machine has no NVIDIA driver", -1, nothing);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        void *function = dlsym(library, functions[k].name);
        if (!function) {
            char reason[96];
            snprintf(reason, sizeof reason, "has no %s: the driver must be of CUDA 12.0 or later", functions[k].name);
            dlclose(library);
            return bgi_fail(BOXGRAD_UNSUPPORTED, "libcuda.so.1", -1, -1, reason, -1, nothing);
        }
        memcpy(functions[k].place, &function, sizeof function);
    }
    int result = driver.cuInit(0);
    if (result) return fail("cuInit", result);
    atomic_store_explicit(&is_open, 1, memory_order_release);
    return BOXGRAD_OK;
}

static boxgrad_status load(int family) {
    static void *libraries[FAMILIES];
    void *kernel;
    int result = 0;
    boxgrad_status status = open_driver();
    if (status != BOXGRAD_OK) return status;
    if (!libraries[family]) result = driver.cuLibraryLoadData(&libraries[family], families[family].ptx, NULL, NULL, 0, NULL, NULL, 0);
    if (result) {
        libraries[family] = NULL;
        return fail("cuLibraryLoadData", result);
    }
    for (int k = 0; k < BGC_KERNELS; k++) {
        if (kernels[k].family != family || atomic_load_explicit(&loaded[k], memory_order_relaxed)) continue;
        result = driver.cuLibraryGetKernel(&kernel, libraries[family], kernels[k].name);
        if (result) return fail("cuLibraryGetKernel", result);
        atomic_store_explicit(&loaded[k], kernel, memory_order_release);
    }
    return BOXGRAD_OK;
}

static boxgrad_status locked(boxgrad_status (*function)(int), int argument) {
    const int error = errno;
    pthread_mutex_lock(&lock);
    boxgrad_status status = function(argument);
    pthread_mutex_unlock(&lock);
    errno = error;
    return status;
}

static boxgrad_status open_only(int unused) {
    (void)unused;
    return open_driver();
}

boxgrad_status bgc_launch(
    ptrdiff_t kernel, const void *call, ptrdiff_t size, ptrdiff_t count, ptrdiff_t grid_x, ptrdiff_t grid_y, ptrdiff_t block, void *stream) {
    char copy[BGC_CALL];
    int64_t rows = count;
    memcpy(copy, call, (size_t)size);
    memset(copy + size, 0, kernels[kernel].size - (size_t)size);
    void *parameters[] = {copy, &rows};
    void *function = atomic_load_explicit(&loaded[kernel], memory_order_acquire);
    if (!function) {
        boxgrad_status status = locked(load, kernels[kernel].family);
        if (status != BOXGRAD_OK) return status;
        function = atomic_load_explicit(&loaded[kernel], memory_order_acquire);
    }
    int result = driver.cuLaunchKernel(
        function, (unsigned)(grid_x < INT_MAX ? grid_x : INT_MAX), (unsigned)(grid_y < USHRT_MAX ? grid_y : USHRT_MAX), 1, (unsigned)block, 1, 1, 0,
        stream, parameters, NULL);
    return result ? fail("cuLaunchKernel", result) : BOXGRAD_OK;
}

boxgrad_status bgc_zero(void *memory, ptrdiff_t size, void *stream) {
    if (!atomic_load_explicit(&is_open, memory_order_acquire)) {
        boxgrad_status status = locked(open_only, 0);
        if (status != BOXGRAD_OK) return status;
    }
    int result = driver.cuMemsetD8Async((unsigned long long)(uintptr_t)memory, 0, (size_t)size, stream);
    return result ? fail("cuMemsetD8Async", result) : BOXGRAD_OK;
}

boxgrad_status bgc_load(const char *family) {
    int found = 0;
    for (int f = 0; f < FAMILIES; f++) {
        if (family && strncmp(families[f].name, family, strlen(family))) continue;
        found = 1;
        boxgrad_status status = locked(load, f);
        if (status != BOXGRAD_OK) return status;
        for (int k = 0; k < BGC_KERNELS; k++) {
            void *function;
            int result = kernels[k].family == f ? driver.cuKernelGetFunction(&function, atomic_load(&loaded[k])) : 0;
            if (result) return fail("cuKernelGetFunction", result);
        }
    }
    return found ? BOXGRAD_OK : bgi_fail(BOXGRAD_BAD_PARAMETER, "family", -1, -1, "begins the name of no family of kernels", -1, nothing);
}

const char *boxgrad_cuda_last_error(void) { return boxgrad_last_error(); }
