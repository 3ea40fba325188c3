/* A host that loads boxgrad as a plugin. It is linked without it, and knows one symbol of it, boxgrad_get_api:
 *
 *     cc examples/plugin/host.c -Ibuild/include -ldl -o build/host
 *     build/host build/lib/libboxgrad.so
 *
 * It loads the library named on its command line, lets it pull boxes to where objects are, unloads it, and does all that a second time. */
#include <boxgrad.h>
#include <dlfcn.h>
#include <stdio.h>

/* The library's table, or NULL after a sentence that says why this host cannot use it. */
static const boxgrad_api *table_of(void *library, const char *path) {
    const boxgrad_api *(*get_api)(uint32_t);
    /* A function pointer is no void * in ISO C: dlsym's own manual page stores it so. */
    *(void **)&get_api = dlsym(library, "boxgrad_get_api");
    if (!get_api) {
        fprintf(stderr, "%s is not boxgrad: it has no boxgrad_get_api.\n", path);
        return NULL;
    }
    const boxgrad_api *api = get_api(BOXGRAD_ABI_VERSION);
    if (!api) {
        fprintf(stderr, "%s does not speak version %d of boxgrad's ABI, which this host was built for.\n", path, BOXGRAD_ABI_VERSION);
        return NULL;
    }
    /* The table only grows: a library that has the last of the functions used here has all of them. */
    if (!BOXGRAD_API_HAS(api, clip_grad_norm)) {
        fprintf(stderr, "%s is boxgrad %s, which has no clip_grad_norm yet: this host needs a later one.\n", path, api->version_string());
        return NULL;
    }
    return api;
}

/* Gradient descent on the GIoU loss, with the norm of the gradient limited. The second box starts where it overlaps nothing. */
static boxgrad_status fit(const boxgrad_api *api) {
    enum { COUNT = 2, STEPS = 2000 };
    const float truth[COUNT * 4] = {40, 40, 80, 80, 10, 10, 50, 50};
    float boxes[COUNT * 4] = {30, 30, 60, 60, 120, 120, 150, 150}, gradient[COUNT * 4];
    const boxgrad_tensor parameters = {gradient, COUNT * 4, BOXGRAD_F32, 0};
    double loss;

    for (int step = 0; step <= STEPS; step++) {
        boxgrad_status status = api->iou_loss_f32(BOXGRAD_GIOU, boxes, 4, truth, 4, COUNT, NULL, 1e-7, 1, &loss, NULL, gradient, NULL);
        if (status == BOXGRAD_OK) status = api->clip_grad_norm(&parameters, 1, 0.01, 2, 1e-6, BOXGRAD_NONFINITE_ERROR, NULL);
        if (status != BOXGRAD_OK) return status;
        if (step % 500 == 0) printf("  step %4d: loss %.4f\n", step, loss);
        for (int i = 0; i < COUNT * 4; i++) boxes[i] -= 100 * gradient[i];
    }
    return BOXGRAD_OK;
}

static int load_and_fit(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const boxgrad_api *api = table_of(library, path);
    boxgrad_status status = BOXGRAD_UNSUPPORTED;
    if (api) {
        printf("boxgrad %s, %s\n", api->version_string(), api->cpu_tier());
        status = fit(api);
        if (status != BOXGRAD_OK) fprintf(stderr, "%s: %s\n", api->status_string(status), api->last_error());
    }
    dlclose(library);
    if (status == BOXGRAD_OK && dlopen(path, RTLD_NOW | RTLD_NOLOAD)) {
        fprintf(stderr, "%s is still loaded.\n", path);
        return 1;
    }
    return status != BOXGRAD_OK;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s libboxgrad.so\n", argv[0]);
        return 2;
    }
    return load_and_fit(argv[1]) || load_and_fit(argv[1]);
}
