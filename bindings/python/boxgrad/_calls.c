/* Calls the library's functions for _library.py, in a fifth of the time that ctypes takes. Without this module ctypes does the same. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "boxgrad.h"

enum { MOST_ARGUMENTS = 16 };

typedef union {
    void *memory;
    size_t count;
    ptrdiff_t difference;
    double number;
    int32_t code;
} argument;

static const boxgrad_api *api;
static PyObject *fail;

/* Tests/vectors/calls.h has a line for each function, such as FUNCTION(clip_f32, P(0), N(1), D(2), D(3), P(4)); which says what its
 * arguments are. Here each line becomes a function that passes them. */
#define P(k) a[k].memory
#define N(k) a[k].count
#define S(k) a[k].difference
#define D(k) a[k].number
#define I(k) a[k].code
#define FUNCTION(name, ...) \
    static boxgrad_status call_##name(const argument *a) { return api->name(__VA_ARGS__); } \
    struct end_of_##name
#include "calls.h"
#undef FUNCTION

typedef struct {
    PyMethodDef method;
    char kinds[MOST_ARGUMENTS];
    Py_ssize_t count;
    boxgrad_status (*call)(const argument *a);
} function;

/* Makes C's argument of Python's. Memory is any object with a contiguous buffer, which `view` then holds, or None. Integers wrap, as those of
 * ctypes do. Returns 0, and sets an exception, if the object is nothing of the kind. */
static int convert(char kind, PyObject *from, argument *to, Py_buffer *view) {
    switch (kind) {
    case 'P':
        if (from == Py_None) {
            to->memory = NULL;
            return 1;
        }
        if (PyObject_GetBuffer(from, view, PyBUF_SIMPLE)) return 0;
        to->memory = view->buf;
        return 1;
    case 'D': to->number = PyFloat_AsDouble(from); break;
    case 'N': to->count = (size_t)PyLong_AsUnsignedLongLongMask(from); break;
    case 'S': to->difference = (ptrdiff_t)PyLong_AsUnsignedLongLongMask(from); break;
    default: to->code = (int32_t)PyLong_AsUnsignedLongMask(from);
    }
    return !PyErr_Occurred();
}

static PyObject *run(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    const function *f = PyCapsule_GetPointer(self, NULL);
    if (count != f->count) return PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", f->method.ml_name, f->count, count);
    argument converted[MOST_ARGUMENTS];
    Py_buffer views[MOST_ARGUMENTS];
    Py_ssize_t k = 0;
    while (k < count) {
        views[k].obj = NULL;
        if (!convert(f->kinds[k], arguments[k], &converted[k], &views[k])) break;
        k++;
    }
    const int is_converted = k == count;
    boxgrad_status status = 0;
    if (is_converted) {
        Py_BEGIN_ALLOW_THREADS
        status = f->call(converted);
        Py_END_ALLOW_THREADS
    }
    while (k-- > 0) {
        if (views[k].obj) PyBuffer_Release(&views[k]);
    }
    if (!is_converted) return NULL;
    if (status) return PyObject_CallFunction(fail, "i", (int)status);
    Py_RETURN_NONE;
}

/* Adds a function to the dictionary. `arguments` is what follows its name in calls.h: "P(0), N(1)". */
static int add(PyObject *functions, const char *name, const char *arguments, boxgrad_status (*call)(const argument *a)) {
    function *f = PyMem_Calloc(1, sizeof *f); /* It stays as long as the process, because its method does. */
    if (!f) return PyErr_NoMemory(), 0;
    for (const char *c = arguments; *c; c++) {
        if (*c < 'A' || *c > 'Z') continue;
        if (f->count == MOST_ARGUMENTS) return PyErr_Format(PyExc_ImportError, "%s takes more arguments than _calls can pass", name), 0;
        f->kinds[f->count++] = *c;
    }
    f->method = (PyMethodDef){name, (PyCFunction)(void (*)(void))run, METH_FASTCALL, NULL};
    f->call = call;
    PyObject *capsule = PyCapsule_New(f, NULL, NULL), *callable = capsule ? PyCFunction_NewEx(&f->method, capsule, NULL) : NULL;
    const int is_added = callable && !PyDict_SetItemString(functions, name, callable);
    Py_XDECREF(capsule);
    Py_XDECREF(callable);
    return is_added;
}

static PyObject *functions(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_ssize_t address;
    PyObject *handler;
    if (!PyArg_ParseTuple(arguments, "nO", &address, &handler)) return NULL;
    const boxgrad_api *found = (const boxgrad_api *)address;
    if (found->size != sizeof *found) return PyErr_Format(PyExc_ImportError, "_calls was compiled for another version of the library");
    api = found;
    Py_XDECREF(fail);
    fail = Py_NewRef(handler);
    PyObject *dictionary = PyDict_New();
    int is_complete = dictionary != NULL;
#define FUNCTION(name, ...) is_complete = is_complete && add(dictionary, #name, #__VA_ARGS__, call_##name)
#include "calls.h"
    if (!is_complete) Py_CLEAR(dictionary);
    return dictionary;
}

static PyMethodDef methods[] = {
    {"functions", functions, METH_VARARGS, "functions(api, fail): the functions by name. fail(status) is called when one fails."},
    {0},
};

static PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_calls", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__calls(void) { return PyModule_Create(&module); }
