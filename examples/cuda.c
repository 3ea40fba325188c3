/* The first call on an NVIDIA GPU: the loss and the gradient of first.c. It needs no CUDA toolkit to be compiled, because it asks the driver
 * itself for memory; a program that has device pointers and a stream already passes those.
 *
 *     cc examples/cuda.c -Ibuild/include -Lbuild/lib -lboxgrad_cuda -ldl -Wl,-rpath,$PWD/build/lib -o build/cuda-first && build/cuda-first */
#include <boxgrad_cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned long long device_pointer; /* cuda.h's CUdeviceptr */

static void check(int failed, const char *what) {
    if (!failed) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* A function of the driver, whose result is 0 if it succeeds. */
static void *function(const char *name) {
    static void *driver;
    if (!driver) driver = dlopen("libcuda.so.1", RTLD_NOW);
    check(!driver, "This machine has no NVIDIA driver.");
    void *found = dlsym(driver, name);
    check(!found, name);
    return found;
}

#define DRIVER(name, parameters) static int (*name) parameters
DRIVER(cuInit, (unsigned));
DRIVER(cuDevicePrimaryCtxRetain, (void **, int));
DRIVER(cuCtxSetCurrent, (void *));
DRIVER(cuMemAlloc, (device_pointer *, size_t));
DRIVER(cuMemcpyHtoD, (device_pointer, const void *, size_t));
DRIVER(cuMemcpyDtoH, (void *, device_pointer, size_t));

static void *on_device(const void *host, size_t size) {
    device_pointer memory = 0;
    check(size && cuMemAlloc(&memory, size), "There is no memory on the device.");
    check(host && cuMemcpyHtoD(memory, host, size), "The device's memory could not be written.");
    return (void *)memory;
}

int main(void) {
    const float predicted[2 * 4] = {30, 30, 60, 60, 120, 120, 150, 150};
    const float truth[2 * 4] = {40, 40, 80, 80, 10, 10, 50, 50};
    float gradient[2 * 4];
    double loss;

    /* A function pointer is no void * in ISO C: dlsym's own manual page stores it so. */
    *(void **)&cuInit = function("cuInit");
    *(void **)&cuDevicePrimaryCtxRetain = function("cuDevicePrimaryCtxRetain");
    *(void **)&cuCtxSetCurrent = function("cuCtxSetCurrent");
    *(void **)&cuMemAlloc = function("cuMemAlloc_v2");
    *(void **)&cuMemcpyHtoD = function("cuMemcpyHtoD_v2");
    *(void **)&cuMemcpyDtoH = function("cuMemcpyDtoH_v2");
    void *context;
    check(cuInit(0) || cuDevicePrimaryCtxRetain(&context, 0) || cuCtxSetCurrent(context), "There is no device.");

    float *on_predicted = on_device(predicted, sizeof predicted), *on_truth = on_device(truth, sizeof truth);
    float *on_gradient = on_device(NULL, sizeof gradient);
    double *on_loss = on_device(NULL, sizeof loss);
    size_t scratch_size = boxgrad_cuda_iou_loss_f32_scratch(2);
    void *scratch = on_device(NULL, scratch_size), *stream = NULL; /* NULL is the default stream */

    boxgrad_status status = boxgrad_cuda_iou_loss_f32(
        BOXGRAD_GIOU, on_predicted, 4, on_truth, 4, 2, NULL, 1e-7, 2, on_loss, NULL, on_gradient, NULL, scratch, scratch_size, stream);
    if (status != BOXGRAD_OK) {
        fprintf(stderr, "%s: %s\n", boxgrad_cuda_status_string(status), boxgrad_cuda_last_error());
        return 1;
    }
    /* The call has returned before its work is done. These copies wait for the default stream. */
    check(cuMemcpyDtoH(&loss, (device_pointer)on_loss, sizeof loss), "The loss could not be read.");
    check(cuMemcpyDtoH(gradient, (device_pointer)on_gradient, sizeof gradient), "The gradient could not be read.");
    printf("loss %.6f\n", loss);
    for (int box = 0; box < 2; box++) {
        const float *g = gradient + 4 * box;
        printf("gradient of box %d: %9.6f %9.6f %9.6f %9.6f\n", box, g[0], g[1], g[2], g[3]);
    }
    return 0;
}
