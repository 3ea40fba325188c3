#include "shims.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

/* ---- CPU tier ---- */

static bgi_kernels current;

const bgi_kernels *bgi_current(void) { return &current; }

__attribute__((constructor)) static void choose_tier(void) {
#if defined(__aarch64__)
    current = bgi_kernels_neon(); /* every such CPU has it */
#else
    __builtin_cpu_init(); /* also asks the operating system which registers it saves */
    current = bgi_kernels_baseline();
    const char *wanted = getenv("BOXGRAD_CPU_TIER");
    if (wanted && strcmp(wanted, "baseline") == 0) return;
    if (__builtin_cpu_supports("x86-64-v3")) current = bgi_kernels_avx2();
    if (wanted && strcmp(wanted, "avx2") == 0) return;
    if (__builtin_cpu_supports("x86-64-v4")) current = bgi_kernels_avx512();
#endif
}

/* ---- Version ---- */

/* The macro is no literal to Swift: it would make a String of it. */
const char *bgi_version_string(void) { return BOXGRAD_VERSION_STRING; }

/* ---- Threads ---- */

static _Atomic int32_t max_threads = 1;

void bgi_set_max_threads(int32_t n) { max_threads = n; }
int32_t bgi_max_threads(void) { return max_threads; }

/* The host's pool: a function that must never be called with another's context. */
static struct { boxgrad_parallel_for_fn fn; void *context; } pool;
static atomic_flag pool_lock = ATOMIC_FLAG_INIT;

static void lock_pool(void) { while (atomic_flag_test_and_set_explicit(&pool_lock, memory_order_acquire)) {} }
static void unlock_pool(void) { atomic_flag_clear_explicit(&pool_lock, memory_order_release); }

/* A child of fork has one thread, and would wait for ever for another that held the lock. */
__attribute__((constructor)) static void lock_pool_while_forking(void) { pthread_atfork(lock_pool, unlock_pool, unlock_pool); }

void bgi_set_parallel_for(boxgrad_parallel_for_fn fn, void *context) {
    lock_pool();
    pool.fn = fn;
    pool.context = context;
    unlock_pool();
}

/* The oldest versions of these symbols, so that the library loads where they are still in a library of their own; weak, so that it loads
 * where that is missing, and works with one thread. */
#if defined(__x86_64__)
#define BGI_OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define BGI_OLDEST "GLIBC_2.17"
#endif
__asm__(".symver pthread_create, pthread_create@" BGI_OLDEST);
__asm__(".symver pthread_join, pthread_join@" BGI_OLDEST);
__asm__(".symver pthread_setcancelstate, pthread_setcancelstate@" BGI_OLDEST);
__asm__(".symver pthread_sigmask, pthread_sigmask@" BGI_OLDEST);
#pragma weak pthread_create
#pragma weak pthread_join
#pragma weak pthread_setcancelstate
#pragma weak pthread_sigmask

#define BGI_MOST_THREADS 256

typedef struct {
    boxgrad_task task;
    void *context;
    size_t count, rows, chunks;
    atomic_size_t next;
} bgi_work;

/* What each thread does: take the next chunk until there is none. Some threads, or all, may come too late to find one. */
static void work_on(void *context, size_t begin, size_t end) {
    (void)begin, (void)end;
    bgi_work *work = context;
    for (size_t chunk; (chunk = atomic_fetch_add(&work->next, 1)) < work->chunks;) {
        size_t first = chunk * work->rows;
        work->task(work->context, first, work->count - first < work->rows ? work->count : first + work->rows);
    }
}

static void *thread_main(void *work) {
    work_on(work, 0, 1);
    return NULL;
}

ptrdiff_t bgi_threads(ptrdiff_t count, ptrdiff_t worth_thread) {
    ptrdiff_t threads = count / worth_thread, most = max_threads; /* read once: another thread may change it */
    if (threads > most) threads = most;
    if (threads > BGI_MOST_THREADS) threads = BGI_MOST_THREADS;
    return threads > 1 ? threads : 1;
}

void bgi_parallel(ptrdiff_t count, ptrdiff_t rows, ptrdiff_t worth_thread, boxgrad_task task, void *context) {
    size_t chunks = (size_t)count / (size_t)rows + (count % rows != 0), threads = (size_t)bgi_threads(count, worth_thread);
    if (threads > chunks) threads = chunks;
    bgi_work work = {task, context, (size_t)count, (size_t)rows, chunks, 0};
    if (threads <= 1) return work_on(&work, 0, 1);

    lock_pool();
    boxgrad_parallel_for_fn host = pool.fn;
    void *host_context = pool.context;
    unlock_pool();
    if (host) return host(host_context, threads, work_on, &work);

    if (!pthread_create || !pthread_join || !pthread_setcancelstate || !pthread_sigmask) return work_on(&work, 0, 1);
    pthread_t helpers[BGI_MOST_THREADS];
    size_t started = 0;
    sigset_t all, mask;
    int cancel_state;
    sigfillset(&all);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* pthread_join would leave the helpers without this stack */
    pthread_sigmask(SIG_SETMASK, &all, &mask); /* the host's signals are for its own threads */
    while (started < threads - 1 && pthread_create(&helpers[started], NULL, thread_main, &work) == 0) started++;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    work_on(&work, 0, 1); /* what threads could not be had for is done here */
    while (started > 0) pthread_join(helpers[--started], NULL);
    pthread_setcancelstate(cancel_state, NULL);
}

/* ---- Errors ---- */

static _Thread_local char last_error[256];

/* The host's locale may print a decimal comma, or a decimal point of several bytes. */
static void normalise_decimal_point(char *number) {
    char *out = number;
    int replaced = 0;
    for (const char *in = number; *in; in++) {
        if (strchr("0123456789+-einfa", *in)) *out++ = *in;
        else if (!replaced) { *out++ = '.'; replaced = 1; }
    }
    *out = 0;
}

boxgrad_status bgi_fail(boxgrad_status status, const char *argument, ptrdiff_t row, ptrdiff_t element, const char *reason,
                        const double *value) {
    char position[64] = "", got[64] = "";
    if (element >= 0) snprintf(position, sizeof position, "[%td][%td]", row, element);
    else if (row >= 0) snprintf(position, sizeof position, "[%td]", row);
    if (value) {
        /* 0.1 rather than 0.10000000000000001: the shortest form that is the same number */
        char number[40];
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, *value);
            if (strtod(number, NULL) == *value) break;
        }
        normalise_decimal_point(number);
        snprintf(got, sizeof got, " (got %s)", number);
    }
    snprintf(last_error, sizeof last_error, "%s%s %s%s", argument, position, reason, got);
    return status;
}

const char *boxgrad_last_error(void) { return last_error; }

/* ---- The function table ---- */

static const boxgrad_api api = {
    .abi_version = BOXGRAD_ABI_VERSION,
    .size = sizeof(boxgrad_api),
    .status_string = boxgrad_status_string,
    .last_error = boxgrad_last_error,
    .version_string = boxgrad_version_string,
    .version_number = boxgrad_version_number,
    .cpu_tier = boxgrad_cpu_tier,
    .set_max_threads = boxgrad_set_max_threads,
    .max_threads = boxgrad_max_threads,
    .set_parallel_for = boxgrad_set_parallel_for,
    .box_area_f32 = boxgrad_box_area_f32,
    .box_area_f64 = boxgrad_box_area_f64,
    .box_area_grad_f32 = boxgrad_box_area_grad_f32,
    .box_area_grad_f64 = boxgrad_box_area_grad_f64,
    .box_convert_f32 = boxgrad_box_convert_f32,
    .box_convert_f64 = boxgrad_box_convert_f64,
    .box_convert_grad_f32 = boxgrad_box_convert_grad_f32,
    .box_convert_grad_f64 = boxgrad_box_convert_grad_f64,
    .box_clip_f32 = boxgrad_box_clip_f32,
    .box_clip_f64 = boxgrad_box_clip_f64,
    .box_clip_grad_f32 = boxgrad_box_clip_grad_f32,
    .box_clip_grad_f64 = boxgrad_box_clip_grad_f64,
    .box_inspect_f32 = boxgrad_box_inspect_f32,
    .box_inspect_f64 = boxgrad_box_inspect_f64,
    .box_rotate_f32 = boxgrad_box_rotate_f32,
    .box_rotate_f64 = boxgrad_box_rotate_f64,
    .clip_f32 = boxgrad_clip_f32,
    .clip_f64 = boxgrad_clip_f64,
    .clip_grad_f32 = boxgrad_clip_grad_f32,
    .clip_grad_f64 = boxgrad_clip_grad_f64,
    .iou_pairwise_f32 = boxgrad_iou_pairwise_f32,
    .iou_pairwise_f64 = boxgrad_iou_pairwise_f64,
    .iou_pairwise_grad_f32 = boxgrad_iou_pairwise_grad_f32,
    .iou_pairwise_grad_f64 = boxgrad_iou_pairwise_grad_f64,
    .iou_aligned_f32 = boxgrad_iou_aligned_f32,
    .iou_aligned_f64 = boxgrad_iou_aligned_f64,
    .iou_loss_f32 = boxgrad_iou_loss_f32,
    .iou_loss_f64 = boxgrad_iou_loss_f64,
    .smooth_l1_f32 = boxgrad_smooth_l1_f32,
    .smooth_l1_f64 = boxgrad_smooth_l1_f64,
    .delta_encode_f32 = boxgrad_delta_encode_f32,
    .delta_encode_f64 = boxgrad_delta_encode_f64,
    .delta_encode_grad_f32 = boxgrad_delta_encode_grad_f32,
    .delta_encode_grad_f64 = boxgrad_delta_encode_grad_f64,
    .delta_decode_f32 = boxgrad_delta_decode_f32,
    .delta_decode_f64 = boxgrad_delta_decode_f64,
    .delta_decode_grad_f32 = boxgrad_delta_decode_grad_f32,
    .delta_decode_grad_f64 = boxgrad_delta_decode_grad_f64,
    .grad_norm = boxgrad_grad_norm,
    .grad_norm_combine = boxgrad_grad_norm_combine,
    .grad_scale = boxgrad_grad_scale,
    .clip_grad_norm = boxgrad_clip_grad_norm,
    .clip_grad_value = boxgrad_clip_grad_value,
    .nms_f32 = boxgrad_nms_f32,
    .nms_f64 = boxgrad_nms_f64,
    .soft_nms_f32 = boxgrad_soft_nms_f32,
    .soft_nms_f64 = boxgrad_soft_nms_f64,
    .match_f32 = boxgrad_match_f32,
    .match_f64 = boxgrad_match_f64,
    .sample = boxgrad_sample,
};

const boxgrad_api *boxgrad_get_api(uint32_t abi_version) { return abi_version == BOXGRAD_ABI_VERSION ? &api : NULL; }
