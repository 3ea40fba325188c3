/* Calls every function that computes, and prints a hash of the bits that it returned, which is equal on every CPU tier. With an argument no
 * number of the inputs is subnormal, subnormal results count as zeros, and the argument names the processor's floating-point control: see
 * Host in the header. */
#include "hash.h"

enum { largest = 1100 };

static const size_t sizes[] = {0, 1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 67, 255, 1000, largest};
/* The last of them that are taken. An emulator leaves out those that take most of the time. */
static size_t most = largest;
#define EACH_SIZE(n) for (size_t s_ = 0, n = 0; s_ < sizeof sizes / sizeof *sizes && (n = sizes[s_]) <= most; s_++)

#define fp float
#define T(name) name##_f32
#define take_numbers take_floats
#include "sweep_typed.h"
#undef fp
#undef T
#undef take_numbers

#define fp double
#define T(name) name##_f64
#define take_numbers take_doubles
#include "sweep_typed.h"

#include "described.h"

/* Calls the functions that are not called by name above. */
static void described_functions(void) {
    for (size_t count = 0; next_described(&count, largest);) {
        unsigned char *const out = malloc(outputs_size(largest));
        if (!out) exit(1);
        begin();
        EACH_SIZE(n) for (int32_t code = 0; code < 4; code++) {
            ok(call_described(0, n, n, code, out));
            if (described.real == sizeof(float)) take_floats((float *)out, outputs_size(n) / sizeof(float));
            else take_doubles((double *)out, outputs_size(n) / sizeof(double));
        }
        end(described.name);
        free(out);
    }
}

static uint64_t memory[4][largest];
/* This bit of the exponent keeps halves from being subnormal. */
static uint16_t normal;

/* Makes four tensors of n elements, one of each dtype. Halves have random bits and small exponents. */
static void tensors(boxgrad_tensor *all, size_t n) {
    for (int32_t dtype = 0; dtype < 4; dtype++) {
        void *data = memory[dtype];
        for (size_t k = 0; k < n; k++) {
            const double x = uniform(-2, 2);
            if (dtype == BOXGRAD_F32) ((float *)data)[k] = (float)x;
            else if (dtype == BOXGRAD_F64) ((double *)data)[k] = x;
            else ((uint16_t *)data)[k] = (uint16_t)(((uint64_t)(int64_t)(x * 8192) & 0xBFFF) | normal);
        }
        all[dtype].data = n ? data : NULL;
        all[dtype].count = n;
        all[dtype].dtype = dtype;
        all[dtype].reserved = 0;
    }
}

static void gradients(void) {
    boxgrad_tensor all[4];
    double total, norms[4];
    size_t first;
    const double exponents[] = {1, 2, 3, 0.5, INFINITY};

    begin();
    EACH_SIZE(n) for (int k = 0; k < 5; k++) {
        tensors(all, n);
        ok(boxgrad_grad_norm(all, 4, exponents[k], &total, norms, &first));
        take_doubles(&total, 1), take_doubles(norms, 4), take(&first, sizeof first);
    }
    end("boxgrad_grad_norm");
    begin();
    for (int k = 0; k < 5; k++) {
        double parts[200];
        for (int i = 0; i < 200; i++) parts[i] = uniform(0, 3);
        ok(boxgrad_grad_norm_combine(parts, 200, exponents[k], &total));
        take_doubles(&total, 1);
    }
    end("boxgrad_grad_norm_combine");
    begin();
    EACH_SIZE(n) { tensors(all, n), ok(boxgrad_grad_scale(all, 4, 0.3)), take(memory, sizeof memory); }
    end("boxgrad_grad_scale");
    begin();
    EACH_SIZE(n) for (int k = 0; k < 5; k++) {
        tensors(all, n), ok(boxgrad_clip_grad_norm(all, 4, 0.7, exponents[k], 1e-6, BOXGRAD_NONFINITE_PROPAGATE, &total));
        take(memory, sizeof memory), take_doubles(&total, 1);
    }
    end("boxgrad_clip_grad_norm");
    begin();
    EACH_SIZE(n) { tensors(all, n), ok(boxgrad_clip_grad_value(all, 4, 0.1)), take(memory, sizeof memory); }
    end("boxgrad_clip_grad_value");
    begin();
    EACH_SIZE(n) {
        tensors(all, n), ok(boxgrad_clip_grad_rms(all, 4, 0.6, BOXGRAD_NONFINITE_PROPAGATE, norms));
        take(memory, sizeof memory), take_doubles(norms, 4);
    }
    end("boxgrad_clip_grad_rms");
    begin();
    EACH_SIZE(n) for (int k = 0; k < 5; k++) {
        static uint64_t values[4][largest];
        boxgrad_parameter parameters[4];
        tensors(all, n), memcpy(values, memory, sizeof values);
        for (int i = 0; i < 4; i++) parameters[i].param = all[i], parameters[i].param.data = values[i];
        tensors(all, n);
        for (int i = 0; i < 4; i++) {
            const size_t size = n % 5 == 0 ? 5 : n % 3 == 0 ? 3 : 1;
            parameters[i].grad = all[i];
            parameters[i].unit_size = i == 3 ? 0 : size, parameters[i].unit_stride = i == 1 ? n / size : i == 2;
        }
        ok(boxgrad_clip_grad_adaptive(parameters, 4, 0.8, 1e-3, exponents[k], BOXGRAD_NONFINITE_PROPAGATE, &first));
        take(memory, sizeof memory), take(&first, sizeof first);
    }
    end("boxgrad_clip_grad_adaptive");
}

/* Makes four tensors of n elements, one of each dtype, of random bits: exponents near each other, a few exponents, or any, subnormal numbers
 * and sometimes infinities included. No arithmetic of the processor makes them, so that they are the same in each of its modes. */
static void tensors_of_bits(boxgrad_tensor *all, size_t n, int kind) {
    static const struct { int bits, fraction; uint64_t middle; } of[4] = {{32, 23, 127}, {64, 52, 1023}, {16, 10, 15}, {16, 7, 127}};
    static uint64_t random = 1;
    for (int32_t dtype = 0; dtype < 4; dtype++) {
        for (size_t k = 0; k < n; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint64_t bits = random >> (64 - of[dtype].bits);
            if (kind != 2) {
                const uint64_t exponents = kind == 0 ? 2 : 16, fraction = ((uint64_t)1 << of[dtype].fraction) - 1;
                bits = (bits & fraction) | ((of[dtype].middle + (random >> 8) % exponents - exponents / 2) << of[dtype].fraction);
            }
            if (of[dtype].bits == 64) memory[dtype][k] = bits;
            else if (of[dtype].bits == 32) ((uint32_t *)memory[dtype])[k] = (uint32_t)bits;
            else ((uint16_t *)memory[dtype])[k] = (uint16_t)bits;
        }
        all[dtype] = (boxgrad_tensor){n ? memory[dtype] : NULL, n, dtype, 0};
    }
}

/* Takes one step of exact norms of each size and p: 0 begins, 1 adds, 2 merges, and 3 finishes. */
static void exact_norms(const char *name, int step) {
    const double exponents[] = {1, 2, INFINITY};
    begin();
    EACH_SIZE(n) for (int kind = 0; kind < 3; kind++) for (int k = 0; k < 3; k++) for (int wide = 0; wide < 2; wide++) {
        const size_t size = wide ? BOXGRAD_EXACT_NORM_SIZE_F64 : BOXGRAD_EXACT_NORM_SIZE;
        const double p = exponents[k];
        int64_t states[2][BOXGRAD_EXACT_NORM_SIZE_F64];
        double norm;
        boxgrad_tensor all[4];
        tensors_of_bits(all, n, kind);
        if (!wide) all[BOXGRAD_F64] = all[BOXGRAD_F32];
        for (int i = 0; i < 2; i++) {
            ok(boxgrad_exact_norm_begin(states[i], size));
            if (step > 0) ok(boxgrad_exact_norm_add(states[i], size, all + i, 3, p));
        }
        if (step > 1) ok(boxgrad_exact_norm_merge(states[0], states[1], size, p));
        if (step > 2) ok(boxgrad_exact_norm_finish(states[0], size, p, &norm)), take_doubles(&norm, 1);
        take(states[0], size * sizeof **states);
    }
    end(name);
}

static void sample(void) {
    int64_t labels[largest];
    size_t indices[largest], positives, negatives;
    for (size_t k = 0; k < largest; k++) labels[k] = (int64_t)(uniform(0, 1) * 4) - 1;
    begin();
    EACH_SIZE(n) for (uint64_t seed = 0; seed < 5; seed++) {
        ok(boxgrad_sample(labels, n, 0, 100, 0.3, seed, indices, &positives, &negatives));
        take(indices, (positives + negatives) * sizeof *indices), take(&positives, sizeof positives);
    }
    end("boxgrad_sample");
    begin();
    EACH_SIZE(n) for (uint64_t seed = 0; seed < 5; seed++) {
        ok(boxgrad_sample_ratio(labels, n, 0, 100, 0.3, 0.75 * (double)seed, seed, indices, &positives, &negatives));
        take(indices, (positives + negatives) * sizeof *indices), take(&negatives, sizeof negatives);
    }
    end("boxgrad_sample_ratio");
}

int main(int argc, char **argv) {
    static const struct { const char *name; uint64_t bits; } controls[] = {
        {"normal", 0}, {"flush", FLUSH_TO_ZERO}, {"upward", UPWARD}, {"downward", DOWNWARD}, {"towards-zero", TOWARDS_ZERO}};
    for (size_t k = 0; argc > 1 && k < sizeof controls / sizeof *controls; k++) {
        if (strcmp(argv[1], controls[k].name) == 0) normal = 0x1000, flushes = 1, set_control(controls[k].bits);
    }
    if (getenv("BOXGRAD_SWEEP_MOST")) most = (size_t)atol(getenv("BOXGRAD_SWEEP_MOST"));
    control_before = control();
    printf("tier %s\n", boxgrad_cpu_tier());
    sweep_f32();
    sweep_f64();
    described_functions();
    gradients();
    exact_norms("boxgrad_exact_norm_begin", 0);
    exact_norms("boxgrad_exact_norm_add", 1);
    exact_norms("boxgrad_exact_norm_merge", 2);
    exact_norms("boxgrad_exact_norm_finish", 3);
    sample();
    return 0;
}
