/* The first call: the GIoU loss of two predicted boxes, and where its gradient wants to move them. */
#include <boxgrad.h>
#include <stdio.h>

int main(void) {
    const float predicted[2 * 4] = {30, 30, 60, 60, 120, 120, 150, 150};
    const float truth[2 * 4] = {40, 40, 80, 80, 10, 10, 50, 50};
    float gradient[2 * 4];
    double loss;

    boxgrad_status status = boxgrad_iou_loss_f32(BOXGRAD_GIOU, predicted, 4, truth, 4, 2, NULL, 1e-7, 2, &loss, NULL, gradient, NULL);
    if (status != BOXGRAD_OK) {
        fprintf(stderr, "%s: %s\n", boxgrad_status_string(status), boxgrad_last_error());
        return 1;
    }
    printf("loss %.6f\n", loss);
    for (int box = 0; box < 2; box++) {
        const float *g = gradient + 4 * box;
        printf("gradient of box %d: %9.6f %9.6f %9.6f %9.6f\n", box, g[0], g[1], g[2], g[3]);
    }
    return 0;
}
