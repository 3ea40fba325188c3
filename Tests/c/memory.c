/* A host that runs out of memory: the pairwise functions, which alone need some, say so and write nothing; the others go on. */
#include <boxgrad.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void *__libc_malloc(size_t size);
static int starved;

/* Takes the place of the C library's malloc in the whole process. */
void *malloc(size_t size) { return starved ? NULL : __libc_malloc(size); }

enum { count = 1500 };
static double boxes[4 * count], matrix[count], gradient[4 * count];

int main(void) {
    for (int i = 0; i < count; i++) {
        const double box[4] = {i, i, i + 2, i + 3};
        memcpy(boxes + 4 * i, box, sizeof box);
    }
    for (int i = 0; i < count; i++) matrix[i] = 7;

    starved = 1;
    CHECK(boxgrad_iou_pairwise_f64(BOXGRAD_GIOU, boxes, 1, 4, boxes, count, 4, 0, matrix, count, NULL) == BOXGRAD_OUT_OF_MEMORY);
    for (int i = 0; i < count; i++) CHECK(matrix[i] == 7);
    CHECK(boxgrad_last_error()[0] != 0);
    CHECK(boxgrad_iou_loss_f64(BOXGRAD_CIOU, boxes, 4, boxes, 4, count, NULL, 1e-7, 1, NULL, matrix, gradient, NULL) == BOXGRAD_OK);
    starved = 0;
    CHECK(boxgrad_iou_pairwise_f64(BOXGRAD_GIOU, boxes, 1, 4, boxes, count, 4, 0, matrix, count, NULL) == BOXGRAD_OK && matrix[0] == 1);
    return failures != 0;
}
