/* A C host with Python inside (libpython3-dev): it computes with libboxgrad, lets the boxgrad package of the interpreter in
 * the same process compute the same, and finds the same bits. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <boxgrad.h>

#include "check.h"

enum { count = 500 };
static float a[4 * count], b[4 * count];

/* What the host computes below, as a user of the package would. */
static const char *const script =
    "import numpy as np, boxgrad\n"
    "a, b = (np.frombuffer(buffer, np.float32).reshape(-1, 4) for buffer in (a, b))\n"
    "loss, (grad_a, grad_b) = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss, argnums=(0, 1))(a, b, reduction='mean')\n"
    "deltas = boxgrad.encode_boxes(a, b)\n"
    "clipped = grad_a.copy()\n"
    "norm = boxgrad.clip_grad_norm_(clipped, 1e-4)\n"
    "results = [np.ascontiguousarray(x).tobytes() for x in\n"
    "           (boxgrad.box_iou(a[:40], b), np.float32(loss), grad_a, grad_b, deltas, boxgrad.decode_boxes(a, deltas), clipped, np.float64(norm))]\n";

static void same_bits(PyObject *results, Py_ssize_t k, const void *ours, size_t size) {
    PyObject *theirs = PyList_GetItem(results, k);
    int same = (size_t)PyBytes_Size(theirs) == size && memcmp(PyBytes_AsString(theirs), ours, size) == 0;
    if (!same) failures++, printf("result %zd: the interpreter's bits are not the host's\n", k);
}

int main(void) {
    static float iou[40 * count], grad_a[4 * count], grad_b[4 * count], deltas[4 * count], decoded[4 * count];
    uint32_t state = 1;
    for (int i = 0; i < 4 * count; i++) {
        float *const arrays[2] = {a, b};
        for (int k = 0; k < 2; k++) {
            state = state * 1664525u + 1013904223u;
            const float u = (float)(state >> 8) / (1 << 24);
            arrays[k][i] = i % 4 < 2 ? 50 * u : arrays[k][i - 2] + 1 + 30 * u;
        }
    }

    double loss, norm;
    CHECK(boxgrad_iou_pairwise_f32(BOXGRAD_IOU, a, 40, 4, b, count, 4, 0, iou, count, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_iou_loss_f32(BOXGRAD_GIOU, a, 4, b, 4, count, NULL, 1e-7, count, &loss, NULL, grad_a, grad_b) == BOXGRAD_OK);
    CHECK(boxgrad_delta_encode_f32(NULL, a, 4, b, 4, count, deltas, NULL, NULL) == BOXGRAD_OK);
    CHECK(boxgrad_delta_decode_f32(NULL, a, 4, deltas, 4, count, 1, decoded) == BOXGRAD_OK);

    Py_Initialize();
    PyObject *names = PyDict_New();
    PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins());
    PyDict_SetItemString(names, "a", PyBytes_FromStringAndSize((const char *)a, sizeof a));
    PyDict_SetItemString(names, "b", PyBytes_FromStringAndSize((const char *)b, sizeof b));
    if (!PyRun_String(script, Py_file_input, names, names)) {
        PyErr_Print();
        return 1;
    }
    PyObject *results = PyDict_GetItemString(names, "results");
    const float rounded = (float)loss;
    same_bits(results, 0, iou, sizeof iou);
    same_bits(results, 1, &rounded, sizeof rounded);
    same_bits(results, 2, grad_a, sizeof grad_a);
    same_bits(results, 3, grad_b, sizeof grad_b);
    same_bits(results, 4, deltas, sizeof deltas);
    same_bits(results, 5, decoded, sizeof decoded);

    boxgrad_tensor tensor = {grad_a, 4 * count, BOXGRAD_F32, 0};
    CHECK(boxgrad_clip_grad_norm(&tensor, 1, 1e-4, 2, 1e-6, BOXGRAD_NONFINITE_PROPAGATE, &norm) == BOXGRAD_OK && norm > 1e-4);
    same_bits(results, 6, grad_a, sizeof grad_a);
    same_bits(results, 7, &norm, sizeof norm);
    Py_DECREF(names);
    return Py_FinalizeEx() != 0 || failures != 0;
}
