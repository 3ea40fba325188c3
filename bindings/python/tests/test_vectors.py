"""The vectors of Tests/vectors, which generate.py there describes, by the prototypes of the package."""

import ctypes
import importlib
import json
import struct

import boxgrad
import ml_dtypes
import numpy as np
import pytest
from boxgrad import _library, box_loss, overlap, rotated_gaussian
from support import REPOSITORY

FOLDER = REPOSITORY / "Tests/vectors"
TEXT = (FOLDER / "vectors.json").read_text()
VECTORS = json.loads(TEXT)["vectors"]
DTYPES = {
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "u8": np.dtype(np.uint8),
    "u32": np.dtype(np.uint32),
    "i64": np.dtype(np.int64),
    "size": np.dtype(np.uintp),
}
EPS = {"f32": 2.0**-24, "f64": 2.0**-53}
UNTOUCHED = 0x5A


LIBRARY = ctypes.CDLL(boxgrad.library_path())
LIBRARY.boxgrad_last_error.restype = ctypes.c_char_p
LETTERS = {"n": ctypes.c_size_t, "s": ctypes.c_ssize_t, "d": ctypes.c_double, "i": ctypes.c_int32, "l": ctypes.c_int64, "u": ctypes.c_uint64}
PROTOTYPES = {
    **{name + suffix: letters for name, letters in _library.FOR_EACH_DTYPE.items() for suffix in ("_f32", "_f64")},
    **_library.FOR_ALL_DTYPES,
}


def name(vector):
    return "_".join(filter(None, (vector["function"], vector["type"])))


def entries(vector):
    """All arrays and options of a call, in order."""
    for argument in vector["arguments"]:
        if isinstance(argument, dict):
            pairs = [tensor for *pair, _, _ in argument.get("parameters", ()) for tensor in pair]
            yield from [x[3] for x in [*argument.get("tensors", ()), *pairs] if x[3]] if argument.keys() & {"tensors", "parameters"} else [argument]


class Array:
    """An array of a call, and what must be in it afterwards."""

    def __init__(self, entry):
        self.entry = entry
        dtype = DTYPES[entry["of"]]
        self.memory = np.full(entry["length"] * dtype.itemsize, UNTOUCHED, np.uint8).view(dtype)
        if "in" in entry:
            self.memory[:] = self.numbers("in").astype(dtype)
        self.before = self.memory.tobytes()

    def numbers(self, key):
        return np.array([float(x) for x in self.entry[key]])

    def check(self):
        if "out" not in self.entry:
            assert self.memory.tobytes() == self.before, "written to"
            return
        got, wanted = self.memory.astype(np.float64), self.numbers("out")
        same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | np.isnan(got) & np.isnan(wanted)
        if self.entry["eps"]:
            with np.errstate(invalid="ignore"):
                same |= np.abs(got - wanted) <= self.entry["eps"] * EPS[self.entry["of"]] * self.numbers("terms")
        assert same.all(), f"{got[~same]} instead of {wanted[~same]} at {np.flatnonzero(~same)}"


class Call:
    def __init__(self, vector):
        self.arrays, self.structs = {}, []
        function = getattr(LIBRARY, f"boxgrad_{name(vector)}")
        function.argtypes = [LETTERS.get(letter, ctypes.c_void_p) for letter in PROTOTYPES[name(vector)]]
        self.status = function(*map(self.passed, vector["arguments"]))

    def passed(self, argument):
        if isinstance(argument, str):
            return float(argument)
        if not isinstance(argument, dict):
            return argument
        if "of" in argument:
            return self.address(argument)
        if "options" in argument:
            size, *doubles, mode, reserved = argument["options"]
            return self.struct(_library.DELTA_OPTIONS.pack(int(size), *map(float, doubles), int(mode), int(reserved)))
        if "loss options" in argument:
            size, *doubles = argument["loss options"]
            return self.struct(_library.BOX_LOSS_OPTIONS.pack(int(size), *map(float, doubles)))
        if "gaussian options" in argument:
            size, alpha, tau, eps, *codes = argument["gaussian options"]
            return self.struct(_library.GAUSSIAN_LOSS_OPTIONS.pack(int(size), float(alpha), float(tau), float(eps), *map(int, codes)))
        if "rotated options" in argument:
            size, *listed = argument["rotated options"]
            return self.struct(_library.ROTATED_DELTA_OPTIONS.pack(int(size), *map(float, listed[:19]), *map(int, listed[19:])))
        if "roi options" in argument:
            size, scale, *codes = argument["roi options"]
            return self.struct(_library.ROI_OPTIONS.pack(int(size), float(scale), *map(int, codes)))
        if "tensors" in argument:
            return self.struct(b"".join(_library.TENSOR.pack(*self.tensor(x)) for x in argument["tensors"]))
        listed = ((*self.tensor(grad), *self.tensor(param), *units) for grad, param, *units in argument["parameters"])
        return self.struct(b"".join(_library.PARAMETER.pack(*fields) for fields in listed))

    def tensor(self, fields):
        dtype, count, reserved, x = fields
        return self.address(x), count, dtype, reserved

    def address(self, entry):
        if entry is None:
            return 0
        array = self.arrays.setdefault(id(entry), Array(entry))
        return array.memory.ctypes.data

    def struct(self, packed):
        self.structs.append(ctypes.create_string_buffer(packed, len(packed)))
        return ctypes.addressof(self.structs[-1])


def test_there_are_vectors_of_every_function_that_computes():
    assert {name(vector) for vector in VECTORS} == set(PROTOTYPES) - {"set_max_threads", "set_keep_threads"}


@pytest.mark.parametrize("function", ["iou_pairwise", "iou_pairwise_grad", "iou_aligned", "match"])
def test_there_are_vectors_of_every_metric(function):
    assert {vector["arguments"][0] for vector in VECTORS if vector["function"] == function and not vector["status"]} == set(overlap._METRICS.values())


def test_there_are_vectors_of_every_loss_of_boxes():
    assert {v["arguments"][0] for v in VECTORS if v["function"] == "box_loss" and not v["status"]} == set(box_loss._KINDS.values())


def test_there_are_vectors_of_every_gaussian_loss():
    kinds = {rotated_gaussian.GWD, *rotated_gaussian.DIVERGENCES.values(), *rotated_gaussian.KFIOU_FUNCTIONS.values(), *rotated_gaussian.PROBIOU_MODES.values()}
    assert {v["arguments"][0] for v in VECTORS if v["function"] == "rotated_gaussian_loss" and not v["status"]} == kinds


def test_the_file_is_what_its_generator_writes(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    assert importlib.import_module("generate").text() == TEXT
    assert len(TEXT) < 1_200_000


def test_numbers_are_read_exactly():
    for vector in VECTORS:
        state = 0xCBF29CE484222325
        numbers = [float(x) for entry in entries(vector) for key in ("in", "out", "terms", "options", "loss options", "gaussian options", "roi options", "rotated options") for x in entry.get(key, ())]
        for byte in struct.pack(f"<{len(numbers)}d", *numbers):
            state = (state ^ byte) * 0x100000001B3 % 2**64
        assert f"{state:016x}" == vector["hash"]


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{i}-{name(v)}" for i, v in enumerate(VECTORS)])
def test_vector(vector):
    call = Call(vector)
    assert call.status == vector["status"], LIBRARY.boxgrad_last_error()
    if call.status:
        assert LIBRARY.boxgrad_last_error().decode().startswith(vector["error"])
    for array in call.arrays.values():
        array.check()
