/* Calls before any library's constructor has run: the processor is not known yet, and the baseline answers. Then the same call again. */
#include <boxgrad.h>
#include <string.h>

#include "check.h"

enum { count = 1000 };
static float boxes[4 * count + 4], early[count], late[count];
static boxgrad_status status = -1;
static char tier[16];

static void call(float *out) {
    for (int k = 0; k < 4 * count + 4; k++) boxes[k] = (float)(k % 4 < 2 ? k % 7 : 10 + k % 13);
    status = boxgrad_iou_aligned_f32(BOXGRAD_CIOU, boxes, 4, boxes + 4, 4, count, 1e-7, out, NULL, NULL);
}

static void before_main(int argc, char **argv, char **environment) {
    (void)argc, (void)argv, (void)environment;
    strncpy(tier, boxgrad_cpu_tier(), sizeof tier - 1);
    call(early);
}

/* The program's own functions of this array come before the constructors of the libraries that it is linked with. */
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = before_main;

int main(void) {
    CHECK(strcmp(tier, "baseline") == 0 || strcmp(tier, "neon") == 0);
    CHECK(status == BOXGRAD_OK);
    status = -1;
    call(late);
    CHECK(status == BOXGRAD_OK && memcmp(early, late, sizeof early) == 0);
    return failures != 0;
}
