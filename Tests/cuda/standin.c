/* Stands in for NVIDIA's driver: the functions of libcuda.so.1 that are used, on the CPU. Device memory is the host's, a stream does its work at
 * once, and a kernel is its own intermediate representation, compiled for this CPU (emulate.py) and run thread by thread. Where the threads of
 * a block wait for each other, each is a coroutine. What was asked of the driver is written down, and a test says what shall fail. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

typedef void kernel_function(void *call, long count);
typedef struct { const char *name; kernel_function *run; unsigned long size; int waits; } kernel;
extern const kernel bgs_kernels[]; /* of emulate.py, ended by a NULL */

enum { INVALID_VALUE = 1, INVALID_CONTEXT = 201, INVALID_IMAGE = 200, NOT_FOUND = 500, OUT_OF_RESOURCES = 701, THREADS = 1024, STACK = 1 << 17, KERNELS = 1024 };

/* ---- What happened, and what shall fail ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char journal[1 << 16];
static size_t written;
static struct { char function[64]; int result, after; } failure;
static int wants_context, is_backwards;
static __thread long current; /* the context */

void standin_reset(void) { is_backwards = 0, written = 0, journal[0] = 0, failure.function[0] = 0, wants_context = 0; }
const char *standin_journal(void) { return journal; }
void standin_fail(const char *function, int result, int after) {
    snprintf(failure.function, sizeof failure.function, "%s", function);
    failure.result = result, failure.after = after;
}
void standin_want_context(int wanted) { wants_context = wanted; }
void standin_backwards(int wanted) { is_backwards = wanted; } /* the last block comes first */

/* Writes a line down, and returns what the function shall return. */
static int tell(const char *function, const char *what, long context, void *stream) {
    int result = 0;
    pthread_mutex_lock(&lock);
    if (written + 256 < sizeof journal)
        written += (size_t)snprintf(journal + written, 255, "%s %s %ld %p\n", function, what, context, stream);
    if (!strcmp(function, failure.function) && failure.after-- == 0) result = failure.result;
    pthread_mutex_unlock(&lock);
    return result;
}

/* ---- A kernel's threads ---- */

static struct { int tx, nt, bx, nb, by, nby; } at;
static ucontext_t scheduler, coroutines[THREADS];
static char *stacks;
static int done[THREADS];
static struct { kernel_function *run; void *call; long count; } work;

int emu_tid_x(void) { return at.tx; }
int emu_ntid_x(void) { return at.nt; }
int emu_ctaid_x(void) { return at.bx; }
int emu_nctaid_x(void) { return at.nb; }
int emu_ctaid_y(void) { return at.by; }
int emu_nctaid_y(void) { return at.nby; }
void emu_barrier(int number) {
    (void)number;
    swapcontext(&coroutines[at.tx], &scheduler);
}

static void coroutine(void) {
    work.run(work.call, work.count);
    done[at.tx] = 1;
    swapcontext(&coroutines[at.tx], &scheduler);
}

static void run_block(int waits) {
    if (!waits) {
        for (at.tx = 0; at.tx < at.nt; at.tx++) work.run(work.call, work.count);
        return;
    }
    if (!stacks) stacks = malloc((size_t)THREADS * STACK);
    for (int t = 0; t < at.nt; t++) {
        done[t] = 0;
        getcontext(&coroutines[t]);
        coroutines[t].uc_stack.ss_sp = stacks + (size_t)t * STACK;
        coroutines[t].uc_stack.ss_size = STACK;
        coroutines[t].uc_link = NULL;
        makecontext(&coroutines[t], coroutine, 0);
    }
    /* In an order of its own for each block, so that a kernel that forgets to wait finds what is not there yet. A block has 2^n threads. */
    for (int left = at.nt; left > 0;) {
        left = 0;
        for (int turn = 0; turn < at.nt; turn++) {
            at.tx = (37 * turn + 11 + 101 * at.bx) & (at.nt - 1);
            if (!done[at.tx]) swapcontext(&scheduler, &coroutines[at.tx]);
            left += !done[at.tx];
        }
    }
}

/* ---- The driver ---- */

int cuInit(unsigned flags) { (void)flags; return tell("cuInit", "-", 0, NULL); }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int size, int device) { snprintf(name, (size_t)size, "stand-in %d", device); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 7 : attribute == 76 ? 5 : 0; (void)device; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(intptr_t)(device + 1); return 0; }
int cuCtxSetCurrent(void *context) { current = (long)(intptr_t)context; return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuStreamSynchronize(void *stream) { (void)stream; return 0; }
int cuMemGetInfo_v2(size_t *left, size_t *total) { *left = *total = 1u << 30; return 0; }
int cuMemAlloc_v2(uint64_t *pointer, size_t size) { *pointer = (uint64_t)(uintptr_t)aligned_alloc(256, (size + 255) / 256 * 256); return *pointer ? 0 : 2; }
int cuMemFree_v2(uint64_t pointer) { free((void *)(uintptr_t)pointer); return 0; }
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size) { memcpy((void *)(uintptr_t)to, from, size); return 0; }
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size) { memcpy(to, (void *)(uintptr_t)from, size); return 0; }
int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t size) { memset((void *)(uintptr_t)to, value, size); return 0; }
int cuEventCreate(void **event, unsigned flags) { *event = NULL; (void)flags; return 0; }
int cuEventRecord(void *event, void *stream) { (void)event; (void)stream; return 0; }
int cuEventSynchronize(void *event) { (void)event; return 0; }
int cuEventElapsedTime(float *ms, void *a, void *b) { *ms = 1; (void)a; (void)b; return 0; }
int cuEventDestroy_v2(void *event) { (void)event; return 0; }

int cuGetErrorName(int result, const char **name) {
    *name = result == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT" : result == 100 ? "CUDA_ERROR_NO_DEVICE" : NULL;
    return *name ? 0 : INVALID_VALUE;
}
int cuGetErrorString(int result, const char **words) {
    *words = result == INVALID_CONTEXT ? "invalid device context" : result == 100 ? "no CUDA-capable device is detected" : NULL;
    return *words ? 0 : INVALID_VALUE;
}

int cuMemsetD8Async(uint64_t to, unsigned char value, size_t size, void *stream) {
    int result = tell("cuMemsetD8Async", "-", current, stream);
    if (!result && wants_context && !current) result = INVALID_CONTEXT;
    if (!result) memset((void *)(uintptr_t)to, value, size);
    return result;
}

/* The threads of a block for which there are registers: what the PTX says, or 256, because a thread has 255 registers at most and a block 65536. */
static unsigned most[KERNELS];

/* A library is its PTX. */
int cuLibraryLoadData(void **library, const void *ptx, void *a, void *b, unsigned c, void *d, void *e, unsigned f) {
    char first[128] = "-";
    const char *entry = strstr(ptx, ".visible .entry ");
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
    if (strncmp(ptx, ".version ", 9) || !entry) return INVALID_IMAGE;
    sscanf(entry, ".visible .entry %127[a-z0-9_]", first);
    *library = (void *)(uintptr_t)ptx;
    return tell("cuLibraryLoadData", first, current, NULL);
}
int cuLibraryGetKernel(void **found, void *library, const char *name) {
    char entry[160];
    int result = tell("cuLibraryGetKernel", name, current, NULL);
    snprintf(entry, sizeof entry, ".visible .entry %s(", name);
    if (result) return result;
    for (const kernel *k = bgs_kernels; k->name; k++) {
        const char *begin = strcmp(k->name, name) ? NULL : strstr(library, entry);
        if (begin) {
            const char *limit = strstr(begin, "// in blocks of ");
            if (k - bgs_kernels >= KERNELS) return INVALID_VALUE;
            if (!limit || limit > strchr(begin, '{') || sscanf(limit, "// in blocks of %u", &most[k - bgs_kernels]) != 1) most[k - bgs_kernels] = 256;
            *found = (void *)(uintptr_t)k;
            return 0;
        }
    }
    return NOT_FOUND;
}
int cuKernelGetFunction(void **function, void *k) {
    *function = k;
    return tell("cuKernelGetFunction", ((kernel *)k)->name, current, NULL);
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
                   void **parameters, void **extra) {
    const kernel *k = function;
    int result = tell("cuLaunchKernel", k->name, current, stream);
    if (result) return result;
    if (wants_context && !current) return INVALID_CONTEXT;
    if (!gx || !gy || gz != 1 || !bx || bx > THREADS || (bx & (bx - 1)) || by != 1 || bz != 1 || shared || extra || gy > 65535 || gx > 0x7fffffff) return INVALID_VALUE;
    if (bx > most[k - bgs_kernels]) return OUT_OF_RESOURCES;
    char call[4096] __attribute__((aligned(16))); /* as a kernel's parameter is */
    memcpy(call, parameters[0], k->size);
    pthread_mutex_lock(&lock);
    work.run = k->run, work.call = call, work.count = *(long *)parameters[1];
    at.nt = (int)bx, at.nb = (int)gx, at.nby = (int)gy;
    for (at.by = 0; at.by < (int)gy; at.by++)
        for (int b = 0; b < (int)gx; b++) {
            at.bx = is_backwards ? (int)gx - 1 - b : b;
            run_block(k->waits);
        }
    pthread_mutex_unlock(&lock);
    return 0;
}
