/* Keeps threads between calls, which is called the crew here. It serves one call at a time, whose thread owns it.
 *
 * The owner offers as many places as the call has use for, and the members of the crew take them. When the owner finds no more work to do,
 * it withdraws the places that are left, and waits for the members that have taken one. Therefore a call never waits for a member that
 * has not begun, because its processor is busy or asleep. */
#include "kept.h"
#include "pthreads.h"
#include "shims.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int32_t keeps_threads;

int32_t bgi_keeps_threads(void) { return keeps_threads; }

/* ---- The floating-point control ----
 * A new thread has that of the thread that starts it. A member takes that of the owner for each call. */

typedef struct {
#if defined(__x86_64__)
    unsigned int sse;
    unsigned short x87;
#elif defined(__aarch64__)
    uint64_t fpcr;
#endif
} float_control;

static float_control current_control(void) {
    float_control control;
#if defined(__x86_64__)
    __asm__ volatile("stmxcsr %0" : "=m"(control.sse));
    __asm__ volatile("fnstcw %0" : "=m"(control.x87));
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(control.fpcr));
#endif
    return control;
}

static void set_control(float_control control) {
#if defined(__x86_64__)
    __asm__ volatile("ldmxcsr %0" : : "m"(control.sse));
    __asm__ volatile("fldcw %0" : : "m"(control.x87));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(control.fpcr));
#endif
}

/* ---- Waiting ----
 * Who waits first looks again and again for a while, because it takes the system longer to wake a thread. */

enum { LOOKS = 500 };

static void pause_between_looks(void) {
#if defined(__x86_64__)
    __asm__ volatile("pause");
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* Sleeps if *word is `value`, until it is woken. It may also return for no reason. */
static void sleep_while(atomic_int *word, int value) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); }
static void wake(atomic_int *word, int most) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0); }

/* ---- The crew ---- */

enum { END = -1 };

/* The address of errno names a thread. */
static int *_Atomic owner; /* NULL if no call uses the crew */

/* Only the owner uses these two. */
static pthread_t crew[BGI_MOST_THREADS - 1];
static size_t crew_size;

/* The owner writes these before it offers places, and changes them after all members that have taken a place have finished. */
static void (*run_work)(void *);
static void *work_to_run;
static float_control control;

static atomic_int places;     /* how many members may join in; END tells all of them to end */
static atomic_int asleep;     /* how many members sleep until `places` changes, or are about to */
static atomic_int finished;   /* how many members have joined in and finished */
static atomic_int is_awaited; /* whether the owner sleeps until `finished` changes, or is about to */

static int places_after_looking(void) {
    int found = places;
    for (int looks = 0; found == 0 && looks < LOOKS; looks++) {
        pause_between_looks();
        found = atomic_load_explicit(&places, memory_order_relaxed);
    }
    return found;
}

static void *member(void *none) {
    for (int found; (found = places_after_looking()) != END;) {
        if (found == 0) {
            asleep++;
            sleep_while(&places, 0);
            asleep--;
        } else if (atomic_compare_exchange_strong(&places, &found, found - 1)) {
            set_control(control);
            run_work(work_to_run);
            finished++;
            if (is_awaited) wake(&finished, 1);
        }
    }
    return none;
}

static void wait_until_finished(int joined) {
    for (int looks = 0; finished != joined && looks < LOOKS; looks++) pause_between_looks();
    if (finished == joined) return;
    is_awaited = 1;
    for (int seen; (seen = finished) != joined;) sleep_while(&finished, seen);
    is_awaited = 0;
}

/* Ends the members, and waits until they have ended. */
static void end_crew(void) {
    int cancel_state;
    if (crew_size == 0) return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    places = END;
    wake(&places, INT_MAX);
    while (crew_size > 0) pthread_join(crew[--crew_size], NULL);
    places = 0;
    pthread_setcancelstate(cancel_state, NULL);
}

static int take_crew(void) {
    int *none = NULL;
    return atomic_compare_exchange_strong(&owner, &none, &errno);
}

/* If another thread has stopped keeping threads in the meantime, the owner ends them. */
static void leave_crew(void) {
    if (!keeps_threads) end_crew();
    owner = NULL;
}

static void run_with_crew(size_t helpers, void (*run)(void *), void *work) {
    if (crew_size < helpers) crew_size = bgi_start_threads(crew, crew_size, helpers, member, NULL);
    run_work = run, work_to_run = work, control = current_control();
    finished = 0;
    places = (int)helpers;
    const int awake = (int)crew_size - asleep;
    if ((int)helpers > awake) wake(&places, (int)helpers - awake);
    run(work);
    wait_until_finished((int)helpers - atomic_exchange(&places, 0));
}

int bgi_run_with_kept(size_t helpers, void (*run)(void *), void *work) {
    int cancel_state;
    if (!keeps_threads) return 0;
    /* A cancelled thread would leave while the members use its stack, and never leave the crew. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    const int is_owner = take_crew();
    if (is_owner) {
        run_with_crew(helpers, run, work);
        leave_crew();
    }
    pthread_setcancelstate(cancel_state, NULL);
    return is_owner;
}

void bgi_set_keep_threads(int32_t keep) {
    const int error = errno;
    keeps_threads = keep;
    while (!keep && owner != &errno) {
        if (take_crew()) { leave_crew(); break; }
        bgi_sleep(100);
    }
    errno = error;
}

/* Ends the crew when the library is unloaded, or the process ends. In the second case another thread may be in a call, for which the
 * process waits a second at most. */
__attribute__((destructor)) static void end_with_the_library(void) {
    keeps_threads = 0;
    for (int milliseconds = 0; milliseconds < 1000 && owner != &errno; milliseconds++) {
        if (take_crew()) return leave_crew();
        bgi_sleep(1000);
    }
}

/* A child of fork has one thread. If a signal handler forked amid a call of this thread, that call still owns the crew. */
static void forget_crew(void) {
    if (owner == &errno) return;
    crew_size = 0;
    places = asleep = is_awaited = 0;
    owner = NULL;
}
__attribute__((constructor)) static void forget_crew_in_children(void) { pthread_atfork(NULL, NULL, forget_crew); }
