/* A host that knows the library at run time only: loaded, used, with threads of its own too, and unloaded a hundred times. */
#include <boxgrad.h>
#include <dlfcn.h>
#include <string.h>

#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 2);
    for (int round = 0; round < 100 && !failures; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        if (!library) break;
        const boxgrad_api *(*get_api)(uint32_t);
        /* A function pointer is no void * in ISO C: dlsym's own manual page stores it so. */
        *(void **)&get_api = dlsym(library, "boxgrad_get_api");
        CHECK(get_api != NULL);
        CHECK(get_api(0) == NULL && get_api(BOXGRAD_ABI_VERSION + 1) == NULL && get_api(UINT32_MAX) == NULL);

        const boxgrad_api *api = get_api(BOXGRAD_ABI_VERSION);
        CHECK(api->abi_version == BOXGRAD_ABI_VERSION && api->size == sizeof *api);
        CHECK(BOXGRAD_API_HAS(api, clip_grad_value));
        boxgrad_api shorter = *api;
        shorter.size = offsetof(boxgrad_api, clip_grad_value);
        CHECK(!BOXGRAD_API_HAS(&shorter, clip_grad_value) && BOXGRAD_API_HAS(&shorter, clip_grad_norm));
        void (*entries[(sizeof *api - offsetof(boxgrad_api, status_string)) / sizeof(void (*)(void))])(void);
        memcpy(entries, &api->status_string, sizeof entries);
        for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) CHECK(entries[k] != NULL);

        const float a[4] = {0, 0, 10, 10}, b[4] = {5, 5, 15, 15};
        float iou;
        CHECK(api->iou_pairwise_f32(BOXGRAD_IOU, a, 1, 4, b, 1, 4, 0, &iou, 1, NULL) == BOXGRAD_OK && iou == 25.0f / 175);
        CHECK(api->last_error()[0] == 0);
        CHECK(api->iou_pairwise_f32(BOXGRAD_IOU, NULL, 1, 4, b, 1, 4, 0, &iou, 1, NULL) == BOXGRAD_NULL_POINTER);
        CHECK(api->last_error()[0] != 0);

        enum { count = 40000 };
        static float boxes[4 * count + 4], overlaps[count];
        CHECK(api->max_threads() == 1); /* what was set before the library was unloaded went with it */
        CHECK(api->set_max_threads(2) == BOXGRAD_OK);
        CHECK(api->iou_aligned_f32(BOXGRAD_IOU, boxes, 4, boxes + 4, 4, count, 0, overlaps, NULL, NULL) == BOXGRAD_OK);
        CHECK(dlclose(library) == 0);
        CHECK(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
    }
    return failures != 0;
}
