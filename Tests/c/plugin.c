/* A host that knows the library at run time only: loaded, used, with threads of its own too, and unloaded a thousand times, it leaves nothing
 * behind: no memory, no mapping, no thread, no signal handler and no mask. Every other time its threads are kept until it is unloaded. */
#include <boxgrad.h>
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* What /proc says of this process. */
typedef struct { int mappings, threads; long resident_pages; } footprint;

static footprint measured(void) {
    footprint f = {0, 0, 0};
    FILE *file = fopen("/proc/self/maps", "r");
    for (int c; (c = getc(file)) != EOF;) f.mappings += c == '\n';
    fclose(file);
    file = fopen("/proc/self/statm", "r");
    CHECK(fscanf(file, "%*d %ld", &f.resident_pages) == 1);
    fclose(file);
    for (int waited = 0; waited < 1000 && f.threads != 1; waited++) { /* a thread that has been joined may stay listed for a moment */
        if (waited) usleep(1000);
        f.threads = -2; /* . and .. */
        DIR *directory = opendir("/proc/self/task");
        while (readdir(directory)) f.threads++;
        closedir(directory);
    }
    return f;
}

/* Each signal's handler, its flags, and whether it is blocked. */
typedef struct { struct { void (*handler)(int); int flags, blocked; } of[65]; } signal_state;

static void take_signals(signal_state *state) {
    sigset_t mask;
    memset(state, 0, sizeof *state);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < 65; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0) continue; /* the C library's own */
        state->of[number].handler = action.sa_handler;
        state->of[number].flags = action.sa_flags;
        state->of[number].blocked = sigismember(&mask, number);
    }
}

static void load_use_unload(const char *path, int keep) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    if (!library) return;
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

    enum { count = 2 << 16 };
    static float boxes[4 * count + 4], overlaps[count];
    CHECK(api->max_threads() == 1); /* what was set before the library was unloaded went with it */
    CHECK(api->set_max_threads(2) == BOXGRAD_OK && api->set_keep_threads(keep) == BOXGRAD_OK);
    CHECK(api->iou_aligned_f32(BOXGRAD_IOU, boxes, 4, boxes + 4, 4, count, 0, overlaps, NULL, NULL) == BOXGRAD_OK);
    CHECK(dlclose(library) == 0);
    CHECK(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL);
}

/* plugin LIBRARY [ROUNDS]: an emulator, which is slow and whose own memory grows, is content with a few. */
int main(int argc, char **argv) {
    CHECK(argc >= 2);
    const int rounds = argc > 2 ? atoi(argv[2]) : 1000;
    static signal_state signals_before, signals_after;
    footprint before = {0, 0, 0};
    take_signals(&signals_before);
    for (int round = 0; round < rounds && !failures; round++) {
        load_use_unload(argv[1], round % 2);
        if (round % 20 != 19 || round > rounds / 2) continue;
        /* The most of the first half: some time passes until all that is kept has been touched, and the system may take pages back. */
        const footprint now = measured();
        before = now.resident_pages > before.resident_pages ? now : before;
    }
    take_signals(&signals_after);
    const footprint after = rounds < 1000 ? before : measured();
    CHECK(memcmp(&signals_before, &signals_after, sizeof signals_before) == 0);
    CHECK(after.threads == before.threads && after.mappings <= before.mappings);
    CHECK(after.resident_pages - before.resident_pages < 64);
    return failures != 0;
}
