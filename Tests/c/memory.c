/* How much memory the library takes: iou_pairwise, nms, soft_nms and match one block a call, the others none. A host that runs out of it is told so, and nothing is
 * written; the others go on. */
#include <boxgrad.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

void *__libc_malloc(size_t size);
static int starved, blocks;

/* Takes the place of the C library's malloc in the whole process. */
void *malloc(size_t size) { return blocks++, starved ? NULL : __libc_malloc(size); }

enum { count = 1500 };
static double boxes[4 * count], matrix[count], gradient[4 * count];

/* The most memory that was resident, and a restart of its count. */
static long peak_kilobytes(void) {
    static char text[8192];
    int file = open("/proc/self/status", O_RDONLY);
    const ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    const char *line = length > 0 ? strstr(text, "VmHWM:") : NULL;
    return line ? strtol(line + 6, NULL, 10) : -1;
}

static void restart_peak(void) {
    int file = open("/proc/self/clear_refs", O_WRONLY);
    CHECK(write(file, "5", 1) == 1);
    close(file);
}

/* 20000 x 2000 overlaps: 160 MB, which are there before, and at most 2 MB beside them. */
static void large_matrix(int threads) {
    enum { rows = 20000, columns = 2000 };
    float *const a = calloc(4 * (rows + columns), sizeof *a), *const out = malloc((size_t)rows * columns * sizeof *out);
    for (int i = 0; i < 4 * (rows + columns); i++) a[i] = (float)(i % 4 * 50 + i % 97);
    memset(out, 1, (size_t)rows * columns * sizeof *out);
    CHECK(boxgrad_set_max_threads(threads) == BOXGRAD_OK);
    restart_peak();
    const long before = peak_kilobytes();
    const int blocks_before = blocks;
    CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, rows, 4, a + 4 * rows, columns, 4, 0, out, columns, NULL) == BOXGRAD_OK);
    CHECK(blocks == blocks_before + 1);
    CHECK(before > rows * (columns / 1024) * 4 && peak_kilobytes() - before < 2000);
    CHECK(boxgrad_set_max_threads(1) == BOXGRAD_OK);
    free(a), free(out);
}

/* 1 M proposals with 300 truths, whose overlaps would take 1.2 GB, take a block of 200 KB a thread; 100000 boxes, all equal or all apart, one of 72
 * bytes for each. */
static void suppress_and_match(int threads) {
    enum { proposals = 1000000, truths = 300, boxes = 100000 };
    float *const a = calloc(4 * proposals, sizeof *a), *const overlaps = calloc(proposals, sizeof *a), *const scores = calloc(boxes, sizeof *a);
    int64_t *const matches = calloc(proposals, sizeof *matches);
    size_t *const keep = calloc(boxes, sizeof *keep), kept;
    for (int i = 0; i < proposals; i++) {
        const float x = (float)(i % 1000), y = (float)(i / 1000), box[4] = {x, y, x + 1, y + 1};
        memcpy(a + 4 * i, box, sizeof box);
    }
    memset(overlaps, 1, proposals * sizeof *overlaps), memset(matches, 1, proposals * sizeof *matches), memset(keep, 1, boxes * sizeof *keep);
    CHECK(boxgrad_set_max_threads(threads) == BOXGRAD_OK);
    restart_peak();
    long before = peak_kilobytes();
    int blocks_before = blocks;
    CHECK(boxgrad_match_f32(BOXGRAD_IOU, a, proposals, 4, a, truths, 4, 0, 0.3, 0.7, 1, matches, overlaps) == BOXGRAD_OK);
    CHECK(blocks == blocks_before + 1 && peak_kilobytes() - before < 2000);
    CHECK(matches[truths - 1] == truths - 1 && overlaps[truths - 1] == 1 && matches[truths] == BOXGRAD_MATCH_BELOW);
    for (int equal = 0; equal < 2; equal++) {
        restart_peak();
        before = peak_kilobytes(), blocks_before = blocks;
        if (equal) memset(a, 0, 4 * boxes * sizeof *a);
        for (int i = 0; equal && i < boxes; i++) a[4 * i + 2] = a[4 * i + 3] = 5;
        CHECK(boxgrad_nms_f32(a, boxes, 4, scores, NULL, 0.5, -INFINITY, SIZE_MAX, keep, &kept) == BOXGRAD_OK);
        CHECK(kept == (equal ? 1 : boxes) && blocks == blocks_before + 1 && peak_kilobytes() - before < boxes * 72 / 1000 + 500);
    }
    CHECK(boxgrad_set_max_threads(1) == BOXGRAD_OK);
    free(a), free(overlaps), free(scores), free(matches), free(keep);
}

/* Functions of boxes, of elements and of tensors allocate nothing, with one thread and with two. */
static void no_blocks(int threads, int keep) {
    enum { many = 140000 };
    static double rows[4 * many], out[4 * many];
    boxgrad_tensor tensor = {out, 4 * many, BOXGRAD_F64, 0};
    double total;
    for (int i = 0; i < 4 * many; i++) rows[i] = i % 4 < 2 ? i % 7 : 10 + i % 13;
    CHECK(boxgrad_set_max_threads(threads) == BOXGRAD_OK && boxgrad_set_keep_threads(keep) == BOXGRAD_OK);
    const int before = blocks;
    CHECK(boxgrad_iou_aligned_f64(BOXGRAD_CIOU, rows, 4, rows, 4, many, 1e-7, NULL, out, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_iou_loss_f64(BOXGRAD_GIOU, rows, 4, rows, 4, many, NULL, 1e-7, 1, &total, NULL, out, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_iou_pairwise_grad_f64(BOXGRAD_IOU, rows, 300, 4, rows, 300, 4, 0, rows, 300, out, out + 1200) == BOXGRAD_OK);
    CHECK(boxgrad_smooth_l1_f64(rows, rows, NULL, NULL, 4 * many, 1, 1, &total, out, NULL, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_delta_encode_f64(NULL, rows, 4, rows, 4, many, out, NULL, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_delta_decode_f64(NULL, rows, 4, rows, 4, many, 1, out) == BOXGRAD_OK);
    CHECK(boxgrad_box_convert_f64(BOXGRAD_XYXY, BOXGRAD_XYWH, rows, many, 4, out, 4) == BOXGRAD_OK);
    CHECK(boxgrad_clip_grad_norm(&tensor, 1, 1, 3, 1e-6, BOXGRAD_NONFINITE_ERROR, &total) == BOXGRAD_OK);
    CHECK(blocks == before);
    CHECK(boxgrad_set_max_threads(1) == BOXGRAD_OK && boxgrad_set_keep_threads(0) == BOXGRAD_OK);
}

static void *nothing(void *none) { return none; }

/* 2000 x 1000 overlaps and as many numbers, which seven threads would share; or not: none is to be had where there is no room for its stack. */
static void no_address_space(int keep) {
    enum { side = 2000, width = 1000, all = side * width };
    static float rows[4 * side], wanted[all], got[all], untouched[all];
    double sums[2];
    for (int i = 0; i < 4 * side; i++) rows[i] = (float)(i % 4 * 50 + i % 97);
    memset(untouched, 0x5A, sizeof untouched);
    CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_GIOU, rows, side, 4, rows, width, 4, 0, wanted, width, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_smooth_l1_f32(wanted, untouched, NULL, NULL, all, 1, 1, &sums[0], NULL, NULL, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_set_keep_threads(keep) == BOXGRAD_OK);

    struct rlimit limit;
    long pages = 0;
    pthread_t thread;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    void *spare = malloc(2 << 20), *rest = NULL;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (2 << 20) + 65536;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (size_t size = 1 << 20; size >= 1024; size /= 2) while ((rest = malloc(size))) *(void **)rest = rest;

    for (int threads = 1; threads <= 7; threads += 6) {
        CHECK(boxgrad_set_max_threads(threads) == BOXGRAD_OK);
        memcpy(got, untouched, sizeof got);
        CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_GIOU, rows, side, 4, rows, width, 4, 0, got, width, NULL) == BOXGRAD_OUT_OF_MEMORY);
        CHECK(strstr(boxgrad_last_error(), "scratch") != NULL);
        CHECK(memcmp(got, untouched, sizeof got) == 0);
        CHECK(boxgrad_smooth_l1_f32(wanted, untouched, NULL, NULL, all, 1, 1, &sums[1], NULL, NULL, NULL) == BOXGRAD_OK && sums[1] == sums[0]);
    }
    free(spare);
    CHECK(pthread_create(&thread, NULL, nothing, NULL) != 0);
    CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_GIOU, rows, side, 4, rows, width, 4, 0, got, width, NULL) == BOXGRAD_OK);
    CHECK(memcmp(got, wanted, sizeof got) == 0);
}

int main(void) {
    for (int keep = 0; keep < 2; keep++) {
        const pid_t child = fork();
        if (child == 0) no_address_space(keep), fflush(stdout), _exit(failures != 0);
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }

    no_blocks(1, 0);
    no_blocks(2, 0);
    no_blocks(2, 1);
    large_matrix(1);
    large_matrix(7);
    suppress_and_match(1);
    suppress_and_match(3);
    for (int i = 0; i < count; i++) {
        const double box[4] = {i, i, i + 2, i + 3};
        memcpy(boxes + 4 * i, box, sizeof box);
    }
    for (int i = 0; i < count; i++) matrix[i] = 7;

    starved = 1;
    CHECK(boxgrad_iou_pairwise_f64(BOXGRAD_GIOU, boxes, 1, 4, boxes, count, 4, 0, matrix, count, NULL) == BOXGRAD_OUT_OF_MEMORY);
    for (int i = 0; i < count; i++) CHECK(matrix[i] == 7);
    CHECK(boxgrad_last_error()[0] != 0);
    int64_t match = 7;
    size_t keep[1] = {7}, kept = 7;
    CHECK(boxgrad_nms_f64(boxes, 1, 4, boxes, NULL, 0.5, -INFINITY, 1, keep, &kept) == BOXGRAD_OUT_OF_MEMORY && kept == 7 && keep[0] == 7);
    CHECK(boxgrad_soft_nms_f64(BOXGRAD_SOFT_LINEAR, boxes, 1, 4, boxes, NULL, 0.5, 1, 0, 1, keep, matrix, &kept) == BOXGRAD_OUT_OF_MEMORY);
    CHECK(boxgrad_match_f64(BOXGRAD_IOU, boxes, 1, 4, boxes, 1, 4, 0, 0.3, 0.7, 1, &match, matrix) == BOXGRAD_OUT_OF_MEMORY);
    CHECK(kept == 7 && keep[0] == 7 && match == 7 && matrix[0] == 7);
    CHECK(boxgrad_iou_loss_f64(BOXGRAD_CIOU, boxes, 4, boxes, 4, count, NULL, 1e-7, 1, NULL, matrix, gradient, NULL) == BOXGRAD_OK);
    starved = 0;
    CHECK(boxgrad_iou_pairwise_f64(BOXGRAD_GIOU, boxes, 1, 4, boxes, count, 4, 0, matrix, count, NULL) == BOXGRAD_OK && matrix[0] == 1);
    return failures != 0;
}
