"""boxgrad on an NVIDIA GPU: are all bits the CPU library's, and how fast is it? Takes two to three minutes.

    python3 Tests/cuda/gpu.py [--out results.json] [--libraries build/lib] [--seconds 170] [--quick]

Needs NumPy, the driver, libboxgrad.so and libboxgrad_cuda.so, and nothing else of this project. PyTorch, torchvision, torch.compile and Triton are
timed if they can be imported. It prints a line for each finding as it goes, and writes all of them as JSON. The exit status is 1 if a bit differs.
Tests/cuda/test_bits.py runs the same comparison with a stand-in for the driver."""

import argparse
import ctypes
import json
import os
import platform
import signal
import sys
import time
import traceback
from ctypes import byref, c_double, c_float, c_int, c_int32, c_size_t, c_ssize_t, c_uint, c_uint64, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
METRICS = {"iou": 0, "giou": 1, "diou": 2, "ciou": 3, "iof": 4, "ios": 5}
LOSSES = ("iou", "giou", "diou", "ciou")
TYPES = {"f32": np.float32, "f64": np.float64}
BFLOAT16 = np.dtype(np.uint16)
"""NumPy has no bfloat16. Its bits are the only integers of 16 bits here."""
EPS = 1e-7
GUARD = 256
"""Bytes before and after each array on the device, which nothing may change."""


class Options(ctypes.Structure):
    """boxgrad_delta_options."""

    _fields_ = [("size", c_size_t), ("means", c_double * 4), ("stds", c_double * 4), ("log_ratio_min", c_double), ("log_ratio_max", c_double),
                ("image_width", c_double), ("image_height", c_double), ("center_clamp", c_double), ("on_degenerate", c_int32), ("reserved", c_int32)]  # fmt: skip


def options(means=(0, 0, 0, 0), stds=(1, 1, 1, 1), low=-np.inf, high=4.135166556742356, width=-1, height=-1, clamp=np.inf, degenerate=1):
    return Options(ctypes.sizeof(Options), (c_double * 4)(*means), (c_double * 4)(*stds), low, high, width, height, clamp, degenerate, 0)


# ---- Inputs: integers mixed by splitmix64, then single IEEE operations: the same bits with every NumPy ----


def bits(seed, n):
    with np.errstate(over="ignore"):
        x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1342543DE82EF95 % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(seed, n, dtype):
    if dtype == np.float32:
        return (bits(seed, n) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return (bits(seed, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def signed(seed, n, dtype, size=2.0):
    return (uniform(seed, n, dtype) - dtype(0.5)) * dtype(2 * size)


def random_boxes(seed, n, dtype):
    x, y, w, h = (uniform(4 * seed + k, n, dtype) for k in range(4))
    x, y, w, h = x * dtype(960), y * dtype(960), w * dtype(96) + dtype(1), h * dtype(96) + dtype(1)
    return np.stack([x, y, x + w, y + h], 1)


def box_pairs(seed, n, dtype, special=True):
    """Predictions and targets, half of which overlap. With `special`, 17 of 64 rows are an edge case: equal, touching, sharing a side, empty,
    inverted, tiny, subnormal, huge, overflowing, NaN, infinite, within each other, of whole numbers, negative, zero, of equal shape. A sum over
    special pairs is NaN, so that sums are compared without them, too."""
    t = dtype
    target, pred = random_boxes(2 * seed, n, dtype), random_boxes(2 * seed + 1, n, dtype)
    row = np.arange(n)
    near = row % 2 == 0
    jitter = np.stack([uniform(1000 + 10 * seed + k, n, dtype) for k in range(4)], 1) * t(16) - t(8)
    pred[near] = target[near] + jitter[near]
    if special:

        def rows(k):
            return np.flatnonzero(row % 64 == k)

        tiny, subnormal, huge, over = map(t, (1e-20, 1e-41, 1e15, 1e19) if dtype == np.float32 else (1e-160, 1e-310, 1e100, 1e155))
        pred[rows(1)] = target[rows(1)]
        pred[rows(3), 0] = target[rows(3), 2]
        pred[rows(5), 0] = target[rows(5), 0]
        pred[rows(7), 2] = pred[rows(7), 0]
        r = rows(9)
        pred[r] = target[r] = np.repeat(target[r][:, :2], 2, 1)[:, [0, 2, 0, 2]]
        pred[rows(11)] = pred[rows(11)][:, [2, 1, 0, 3]]
        for k, scale in ((13, tiny), (15, subnormal), (17, huge), (19, over)):
            with np.errstate(all="ignore"):
                pred[rows(k)] *= scale
                target[rows(k)] *= scale
        pred[rows(21), 1] = np.nan
        target[rows(23), 3] = np.inf
        r = rows(25)
        pred[r, 0], pred[r, 2] = target[r, 0] + t(0.25), target[r, 2] - t(0.25)
        pred[r, 1], pred[r, 3] = target[r, 1] + t(0.25), target[r, 3] - t(0.25)
        for side in (pred, target):
            side[rows(27)] = np.floor(side[rows(27)])
            side[rows(29)] = -side[rows(29)][:, [2, 3, 0, 1]]
        pred[rows(31)] = 0
        pred[rows(33)] = target[rows(33)] * t(2)
    return np.ascontiguousarray(pred), np.ascontiguousarray(target)


def canonical(x):
    """The bits, with every NaN the same one: its sign and payload are not promised."""
    x = np.ascontiguousarray(x)
    nan = {np.dtype(np.float16): 0x7E00, BFLOAT16: 0x7FC0, np.dtype(np.float32): 0x7FC00000, np.dtype(np.float64): 0x7FF8000000000000}.get(x.dtype)
    if nan is None:
        return x
    u = x.view(f"u{x.itemsize}").copy()
    u[(x & 0x7FFF) > 0x7F80 if x.dtype == BFLOAT16 else np.isnan(x)] = nan
    return u


def compare(found, wanted):
    """None if the bits are equal, else how many elements differ, how far the worst is off in units of the last place, and the first."""
    a, b = canonical(found).ravel(), canonical(wanted).ravel()
    other = np.flatnonzero(a != b)
    if not len(other):
        return None
    kind = {2: np.int16, 4: np.int32, 8: np.int64}.get(a.itemsize, np.int64)
    worst = np.abs(a[other].astype(kind).astype(np.float64) - b[other].astype(kind).astype(np.float64)).max()
    first = [[int(i), float(np.ravel(found)[i]), float(np.ravel(wanted)[i])] for i in other[:3]]
    return {"different": int(len(other)), "of": int(a.size), "worst": float(worst), "first": first}


# ---- The driver ----


class Driver:
    """The GPU by the driver's own interface, in the context that torch uses."""

    def __init__(self, path="libcuda.so.1"):
        self.lib = ctypes.CDLL(path)
        self.call("cuInit", 0)
        device, context, version = c_int(), c_void_p(), c_int()
        self.call("cuDeviceGet", byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", byref(context), device)
        self.call("cuCtxSetCurrent", context)
        self.call("cuDriverGetVersion", byref(version))
        name, major, minor = ctypes.create_string_buffer(100), c_int(), c_int()
        self.call("cuDeviceGetName", name, 100, device)
        self.call("cuDeviceGetAttribute", byref(major), 75, device)
        self.call("cuDeviceGetAttribute", byref(minor), 76, device)
        self.name, self.version, self.capability = name.value.decode(), version.value, f"{major.value}.{minor.value}"

    def call(self, function, *arguments):
        code = getattr(self.lib, function)(*arguments)
        if code:
            text = ctypes.c_char_p()
            self.lib.cuGetErrorName(code, byref(text))
            raise RuntimeError(f"{function}: {code} {text.value}")

    def alloc(self, size):
        pointer = c_uint64()
        self.call("cuMemAlloc_v2", byref(pointer), c_size_t(max(size, 1)))
        return pointer.value

    def free(self, *pointers):
        for pointer in pointers:
            self.call("cuMemFree_v2", c_uint64(pointer))

    def write(self, pointer, array):
        self.call("cuMemcpyHtoD_v2", c_uint64(pointer), c_void_p(array.ctypes.data), c_size_t(array.nbytes))

    def upload(self, array):
        pointer = self.alloc(array.nbytes)
        self.write(pointer, array)
        return pointer

    def download(self, pointer, shape, dtype):
        array = np.empty(shape, dtype)
        self.call("cuMemcpyDtoH_v2", c_void_p(array.ctypes.data), c_uint64(pointer), c_size_t(array.nbytes))
        return array

    def synchronize(self):
        self.call("cuCtxSynchronize")

    def free_memory(self):
        free, total = c_size_t(), c_size_t()
        self.call("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value

    def time(self, run, warm=10, reps=40, batch=50):
        """Microseconds of one call: the median of single calls between events, the mean of many in a row, and the host's own."""
        start, end, ms = c_void_p(), c_void_p(), c_float()
        self.call("cuEventCreate", byref(start), 0)
        self.call("cuEventCreate", byref(end), 0)

        def elapsed(n):
            self.call("cuEventRecord", start, None)
            for _ in range(n):
                run()
            self.call("cuEventRecord", end, None)
            self.call("cuEventSynchronize", end)
            self.call("cuEventElapsedTime", byref(ms), start, end)
            return ms.value * 1e3 / n

        for _ in range(warm):
            run()
        self.synchronize()
        singles = sorted(elapsed(1) for _ in range(reps))
        began = time.perf_counter()
        mean = elapsed(batch)
        host = (time.perf_counter() - began) / batch * 1e6
        self.call("cuEventDestroy_v2", start)
        self.call("cuEventDestroy_v2", end)
        return {"median_us": round(singles[reps // 2], 2), "min_us": round(singles[0], 2), "in_a_row_us": round(mean, 2), "host_us": round(host, 2)}


# ---- Calls: the same arguments for both libraries ----


class In:
    """An array that is read. `shift` elements before it keep it from beginning at a multiple of a row's size."""

    def __init__(self, array, shift=0):
        self.array, self.shift = np.ascontiguousarray(array), shift


class Same:
    """An input that is the next Out, in place. That has the input's content, `like`."""


class Out:
    """An array that is written."""

    def __init__(self, shape, dtype, shift=0, like=None):
        self.array, self.shift, self.like = np.empty(shape, dtype), shift, like


def strided(rows, stride):
    """Rows that are `stride` elements apart, and NaN between them."""
    result = np.full((len(rows), stride), np.nan, rows.dtype)
    result[:, : rows.shape[1]] = rows
    return result


class Call:
    """A call of function `name` by arguments that are In, Out, numbers of ctypes, an Options, or None. `scratch` are the arguments of its
    query of scratch, if it has one. `valid` chooses what of the outputs is compared."""

    def __init__(self, name, type_name, *arguments, scratch=None, note=""):
        self.name, self.type, self.arguments, self.scratch, self.note = name, type_name, arguments, scratch, note

    def __str__(self):
        return f"{self.name}_{self.type} {self.note}"

    def outputs(self):
        return [x for x in self.arguments if isinstance(x, Out)]

    def symbol(self, prefix):
        return f"{prefix}_{self.name}_{self.type}"

    def given(self, given):
        """The arguments in C, from what stands for each: a pointer, a number, or None."""
        return given

    def scratch_query(self):
        return self.scratch

    def on_cpu(self, library):
        """Returns the outputs."""
        given, results = [], []
        for x in self.arguments:
            if isinstance(x, Out):
                results.append(np.ascontiguousarray(x.like).copy() if x.like is not None else filled(x.array))
                given.append(c_void_p(results[-1].ctypes.data))
                given = [given[-1] if isinstance(x, Same) else x for x in given]
            else:
                given.append(c_void_p(x.array.ctypes.data) if isinstance(x, In) else byref(x) if isinstance(x, Options) else x)
        status = getattr(library, self.symbol("boxgrad"))(*self.given(given))
        library.boxgrad_last_error.restype = ctypes.c_char_p
        assert status == 0, (str(self), status, library.boxgrad_last_error())
        return results

    def on_gpu(self, library, driver):
        """Returns the outputs. Raises AssertionError if a byte beside them changed."""
        given, held = [], []
        for x in self.arguments:
            if isinstance(x, (In, Out)):
                content = x.array if isinstance(x, In) else np.ascontiguousarray(x.like) if x.like is not None else filled(x.array)
                shift = x.shift * content.itemsize
                around = np.full(content.nbytes + 2 * GUARD + shift, 0xA5, np.uint8)
                around[GUARD + shift : GUARD + shift + content.nbytes] = content.reshape(-1).view(np.uint8)
                held.append((x, driver.upload(around), around, shift, content))
                given.append(c_void_p(held[-1][1] + GUARD + shift))
                if isinstance(x, Out):
                    given = [given[-1] if isinstance(x, Same) else x for x in given]
            else:
                given.append(byref(x) if isinstance(x, Options) else x)
        given = self.given(given)
        freed = [pointer for _, pointer, *_ in held]
        if self.scratch is not None:
            query = getattr(library, self.symbol("boxgrad_cuda") + "_scratch")
            query.restype = c_size_t
            size = query(*self.scratch_query())
            around = np.full(size + 2 * GUARD, 0xA5, np.uint8)
            scratch = driver.upload(around)
            freed.append(scratch)
            given = [*given, c_void_p(scratch + GUARD), c_size_t(size)]
        status = getattr(library, self.symbol("boxgrad_cuda"))(*given, None)
        library.boxgrad_cuda_last_error.restype = ctypes.c_char_p
        assert status == 0, (str(self), status, library.boxgrad_cuda_last_error())
        driver.synchronize()
        results = []
        for x, pointer, around, shift, content in held:
            now = driver.download(pointer, around.shape, np.uint8)
            begin, end = GUARD + shift, GUARD + shift + content.nbytes
            assert (now[:begin] == 0xA5).all() and (now[end:] == 0xA5).all(), f"{self}: bytes beside an array changed"
            if isinstance(x, In):
                assert (now == around).all(), f"{self}: an input changed"
            else:
                results.append(now[begin:end].view(content.dtype).reshape(content.shape))
        if self.scratch is not None:
            now = driver.download(scratch, size + 2 * GUARD, np.uint8)
            assert (now[:GUARD] == 0xA5).all() and (now[GUARD + size :] == 0xA5).all(), f"{self}: bytes beside the scratch changed"
        driver.free(*freed)
        return results

    def differences(self, cpu, gpu, driver):
        """What differs, by the number of the output."""
        found = {k: compare(a, b) for k, (a, b) in enumerate(zip(self.on_gpu(gpu, driver), self.on_cpu(cpu)))}
        return {k: difference for k, difference in found.items() if difference}


class Tensor(ctypes.Structure):
    """boxgrad_tensor."""

    _fields_ = [("data", c_void_p), ("count", c_size_t), ("dtype", c_int32), ("reserved", c_int32)]


DTYPES = {np.dtype(np.float32): 0, np.dtype(np.float64): 1, np.dtype(np.float16): 2, BFLOAT16: 3}
"""The codes of boxgrad.h."""


def tensor_list(arrays, pointers):
    """The first two arguments of a function of many tensors: the list, which is on the host, and its length."""
    return (Tensor * len(arrays))(*(Tensor(p if x.size else None, x.size, DTYPES[x.dtype], 0) for x, p in zip(arrays, pointers))), c_size_t(len(arrays))


class TensorsCall(Call):
    """A call that begins with a list of tensors, In or in place: Out, whose `like` is the content."""

    def __init__(self, name, tensors, *arguments, scratch=True, note=""):
        super().__init__(name, "all", *tensors, *arguments, scratch=() if scratch else None, note=note)
        self.tensors = len(tensors)

    def symbol(self, prefix):
        return f"{prefix}_{self.name}"

    def given(self, given):
        arrays = [x.array if isinstance(x, In) else x.like for x in self.arguments[: self.tensors]]
        self.list = tensor_list(arrays, [pointer.value for pointer in given[: self.tensors]])
        return [*self.list, *given[self.tensors :]]

    def scratch_query(self):
        return self.list

    def on_cpu(self, library):
        if self.name != "clip_grads_with_norm":
            return super().on_cpu(library)
        # The CPU's library leaves the choice to its caller, and takes no coefficient that is NaN.
        changed = [np.ascontiguousarray(x.like).copy() for x in self.arguments[: self.tensors]]
        limit, total, eps, mode = (x.array[0] if isinstance(x, In) else x.value for x in self.arguments[self.tensors :])
        if np.isfinite(total) or mode == 0:
            coefficient = 1.0 if limit == np.inf or total == 0 else limit / (total + eps)
            if np.isnan(coefficient):
                for x in changed:
                    x[...] = 0x7FC0 if x.dtype == BFLOAT16 else np.nan
            elif coefficient < 1:
                assert library.boxgrad_grad_scale(*tensor_list(changed, [x.ctypes.data for x in changed]), c_double(coefficient)) == 0
        elif mode == 3:
            for x in changed:
                x[...] = 0
        return changed


def filled(array):
    return np.full(array.nbytes, 0xA5, np.uint8).view(array.dtype).reshape(array.shape)


N, S, D, I = c_size_t, c_ssize_t, c_double, c_int32  # noqa: E741


def box_calls(n, seed, stride=4, shift=0):
    for name, t in TYPES.items():
        a, _ = box_pairs(seed, n, t)
        boxes, grad = In(strided(a, stride), shift), In(signed(seed, 4 * n, t), shift)
        note = f"n={n} stride={stride} shift={shift}"
        yield Call("box_area", name, boxes, N(n), S(stride), Out(n, t, shift), note=note)
        yield Call("box_area_grad", name, boxes, N(n), S(stride), In(signed(seed, n, t)), Out((n, 4), t, shift), note=note)
        for k, (start, end) in enumerate((s, e) for s in range(4) for e in range(4)):
            yield Call("box_convert", name, I(start), I(end), boxes, N(n), S(stride), Out((n, 4), t, shift), S(4), note=f"{note} {k}")
            yield Call("box_convert_grad", name, I(start), I(end), N(n), grad, Out((n, 4), t), note=f"{note} {k}")
        yield Call("box_convert", name, I(3), I(2), Same(), N(n), S(4), Out((n, 4), t, like=a), S(4), note=f"{note} in place")
        for width, height in ((640.0, 480.0), (np.inf, 0.0)):
            yield Call("box_clip", name, boxes, N(n), S(stride), D(width), D(height), Out((n, 4), t, shift), S(4), note=note)
            yield Call("box_clip_grad", name, boxes, N(n), S(stride), D(width), D(height), grad, Out((n, 4), t), note=note)
        x = signed(seed + 1, n, t)
        x[::7], x[3::29] = 1, np.nan
        for lo, hi in ((-1.0, 1.0), (-np.inf, 0.5)):
            yield Call("clip", name, In(x), N(n), D(lo), D(hi), Out(n, t), note=note)
            for mode in range(3):
                yield Call("clip_grad", name, In(x), N(n), D(lo), D(hi), In(signed(seed, n, t)), I(mode), Out(n, t), Out(1, np.uint64), note=note)
                yield Call("clip_grad", name, In(x), N(n), D(lo), D(hi), In(signed(seed, n, t)), I(mode), Out(n, t), None, note=note)


def aligned_calls(n, seed, stride=4, shift=0):
    for name, t in TYPES.items():
        wide = stride + 1 if stride > 4 else 4
        a, b = (In(strided(x, s), shift) for x, s in zip(box_pairs(seed, n, t), (stride, wide)))
        clean = [In(strided(x, s), shift) for x, s in zip(box_pairs(seed, n, t, False), (stride, wide))]
        strides = (S(stride), S(wide))
        note = f"n={n} stride={stride} shift={shift}"
        weights = In(uniform(77 + seed, n, t))
        for metric, code in METRICS.items():
            out = (Out(n, t), Out((n, 4), t, shift), Out((n, 4), t))
            for wanted in ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
                chosen = [x if w else None for x, w in zip(out, wanted)]
                yield Call("iou_aligned", name, I(code), a, strides[0], b, strides[1], N(n), D(EPS), *chosen, note=f"{note} {metric} {wanted}")
            if metric not in LOSSES:
                continue
            for w, eps, normalizer, wanted in ((weights, EPS, float(max(n, 1)), (1, 1, 1, 1)), (None, 0.0, 1.0, (1, 0, 1, 0)), (weights, EPS, 3.0, (0, 1, 0, 1)),
                                               (None, EPS, 7.0, (1, 0, 0, 0))):  # fmt: skip
                out = (Out(1, np.float64), Out(n, t), Out((n, 4), t, shift), Out((n, 4), t))
                chosen = [x if w else None for x, w in zip(out, wanted)]
                for p, q in ((a, b), clean) if wanted[0] else ((a, b),):
                    yield Call("iou_loss", name, I(code), p, strides[0], q, strides[1], N(n), w, D(eps), D(normalizer), *chosen, scratch=(N(n),),
                               note=f"{note} {metric} {wanted} {'clean' if p is not a else ''}")  # fmt: skip


def pairwise_calls(n, m, seed, stride=4, shift=0, metrics=tuple(METRICS), gradients=True):
    for name, t in TYPES.items():
        a, b = box_pairs(seed, n, t)[0], box_pairs(seed + 1, m, t)[1]
        if n and m:
            b[: min(n, m)] = np.where(np.arange(min(n, m))[:, None] % 3 == 0, a[: min(n, m)], b[: min(n, m)])
        left, right = (In(strided(x, stride), shift) for x in (a, b))
        sides = (left, N(n), S(stride), right, N(m), S(stride))
        boxes = random_boxes(seed, n, t), random_boxes(seed + 1, m, t) * t(0.5)
        clean = [In(strided(x, stride), shift) for x in boxes]
        for metric in metrics:
            note = f"{n}x{m} stride={stride} shift={shift} {metric}"
            code = METRICS[metric]
            yield Call("iou_pairwise", name, I(code), *sides, D(EPS), Out((n, m), t, shift), S(m), None, scratch=(I(code), N(n), N(m)), note=note)
            if stride == 4:
                wide = m + 3
                yield Call("iou_pairwise", name, I(code), *sides, D(EPS), Out((n, wide), t), S(wide), Out((n, wide), t), scratch=(I(code), N(n), N(m)),
                           note=f"{note} union")  # fmt: skip
            if gradients:
                cotangents = strided(signed(seed + 2, n * m, t).reshape(n, m), m + 1)
                for wanted, (p, q) in (((1, 1), (left, right)), ((1, 1), clean), ((1, 0), clean), ((0, 1), clean)):
                    chosen = [x if w else None for x, w in zip((Out((n, 4), t, shift), Out((m, 4), t)), wanted)]
                    yield Call("iou_pairwise_grad", name, I(code), p, N(n), S(stride), q, N(m), S(stride), D(EPS), In(cotangents), S(m + 1), *chosen,
                               scratch=(N(n), N(m)), note=f"{note} {wanted} {'clean' if p is not left else ''}")  # fmt: skip


ANGLES = {0: np.pi / 180, 1: -1, 2: 1, 3: -np.pi / 180}
"""What degrees, clockwise on the screen, are multiplied by, for each code."""


def rotated_boxes(seed, n, dtype):
    """Centre, sides, and clockwise degrees from -180 to 180, of which every third is a multiple of 45."""
    upright, turn = random_boxes(seed, n, dtype), signed(seed + 50, n, dtype, 180)
    turn[::3] = np.round(turn[::3] / dtype(45)) * dtype(45)
    sides = upright[:, 2:] - upright[:, :2]
    return np.concatenate([upright[:, :2] + sides * dtype(0.5), sides, turn[:, None]], 1)


def rotated_pairs(seed, n, dtype, special=True):
    """Boxes of which half overlap. With `special`, 17 of 64 rows are an edge case: equal, turned by a quarter, nearly equal, touching, without area,
    inverted, thin, tiny, huge, within each other, far away, NaN, infinite, and with angles of many turns."""
    t = dtype
    target, pred = rotated_boxes(2 * seed, n, dtype), rotated_boxes(2 * seed + 1, n, dtype)
    row = np.arange(n)
    near = row % 2 == 0
    pred[near] = target[near]
    pred[near, :2] += signed(seed + 60, 2 * int(near.sum()), t, 20).reshape(-1, 2)
    if special:

        def rows(k):
            return np.flatnonzero(row % 64 == k)

        for k in (1, 3, 5, 7, 9):
            pred[rows(k)] = target[rows(k)]
        pred[rows(3), 4] += t(90)
        pred[rows(5), 4] *= t(1) + t(2) * np.finfo(t).eps
        pred[rows(7), 0] += target[rows(7), 2]
        target[rows(9), 4] = pred[rows(9), 4] = t(0)
        pred[rows(9), 1] += target[rows(9), 3]
        pred[rows(11), 2] = t(0)
        pred[rows(13), 3] *= t(-1)
        pred[rows(15), 3] = target[rows(15), 3] = t(1e-3)
        for k, scale in ((17, 1e-18), (19, 1e15)) if t == np.float32 else ((17, 1e-150), (19, 1e100)):
            for side in (pred, target):
                side[rows(k), :4] *= t(scale)
        pred[rows(21), :4] = target[rows(21), :4] * np.array([1, 1, 0.25, 0.25], t)
        pred[rows(23), 0] += t(1e6)
        pred[rows(25), 2], target[rows(27), 4], target[rows(29), 1] = np.nan, np.inf, -np.inf
        pred[rows(31), 4], target[rows(33), 4] = t(1e6), t(-3e30)
        pred[rows(35), 4], pred[rows(37), 4] = t(36000045), t(1e15)
    return np.ascontiguousarray(pred), np.ascontiguousarray(target)


def in_unit(boxes, angle):
    """The boxes with angles as a code has them."""
    with np.errstate(all="ignore"):
        return np.concatenate([boxes[:, :4], boxes[:, 4:] * boxes.dtype.type(ANGLES[angle])], 1)


def rotated_calls(n, seed, stride=5, shift=0, angles=tuple(ANGLES)):
    for name, t in TYPES.items():
        pairs = {"special": rotated_pairs(seed, n, t), "clean": rotated_pairs(seed, n, t, False)}
        grad, weights = {width: In(signed(seed + width, width * n, t), shift) for width in (4, 5, 8)}, In(uniform(77 + seed, n, t))
        for angle in angles:
            note = f"n={n} stride={stride} shift={shift} angle={angle}"
            given = {kind: [In(strided(in_unit(x, angle), stride), shift) for x in sides] for kind, sides in pairs.items()}
            boxes = given["special"][0]
            for to in ANGLES:
                yield Call("rotated_convert", name, I(angle), I(to), boxes, N(n), S(stride), Out((n, 5), t, shift), S(5), note=note)
                yield Call("rotated_convert_grad", name, I(angle), I(to), N(n), grad[5], Out((n, 5), t), note=note)
            for wanted in ((1, 1), (1, 0), (0, 1)):
                chosen = [x if w else None for x, w in zip((Out((n, 8), t, shift), Out((n, 4), t)), wanted)]
                yield Call("rotated_corners", name, I(angle), boxes, N(n), S(stride), *chosen, note=note)
                chosen = [x if w else None for x, w in zip((grad[8], grad[4]), wanted)]
                yield Call("rotated_corners_grad", name, I(angle), boxes, N(n), S(stride), *chosen, Out((n, 5), t), note=note)
            quads = signed(seed + 3, 8 * n, t, 100).reshape(n, 8)
            quads[::4] = np.tile(quads[::4, :2], 4) + np.array([0, 0, 8, 0, 8, 4, 0, 4], t)
            quads[::7] = 3
            quads = In(strided(quads, stride + 3), shift)
            yield Call("rotated_from_corners", name, I(angle), quads, N(n), S(stride + 3), Out((n, 5), t, shift), note=note)
            yield Call("rotated_from_corners_grad", name, I(angle), quads, N(n), S(stride + 3), grad[5], Out((n, 8), t, shift), note=note)
            for kind, (a, b) in given.items():
                row = (a, S(stride), b, S(stride), N(n))
                for wanted in ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)) if kind == "special" else ():
                    for metric in ("iou", "iof"):
                        chosen = [x if w else None for x, w in zip((Out(n, t), Out((n, 5), t, shift), Out((n, 5), t)), wanted)]
                        yield Call("rotated_iou_aligned", name, I(METRICS[metric]), I(angle), *row, *chosen, scratch=(N(n),), note=f"{note} {metric} {wanted}")
                for loss in range(2):
                    for w, least, normalizer, wanted in ((weights, 1e-6, float(max(n, 1)), (1, 1, 1, 1)), (None, 0.25, 3.0, (0, 1, 0, 1)), (None, 1.0, 7.0, (1, 0, 1, 0))):
                        out = (Out(1, np.float64), Out(n, t), Out((n, 5), t, shift), Out((n, 5), t))
                        chosen = [x if w else None for x, w in zip(out, wanted)]
                        yield Call("rotated_iou_loss", name, I(loss), I(angle), *row, w, D(least), D(normalizer), *chosen, scratch=(N(n),),
                                   note=f"{note} {kind} {loss} {wanted}")  # fmt: skip


def rotated_pairwise_calls(n, m, seed, stride=5, shift=0, angles=tuple(ANGLES)):
    for name, t in TYPES.items():
        for kind, special in (("special", True), ("clean", False)):
            a, b = rotated_pairs(seed, n, t, special)[0], rotated_pairs(seed + 1, m, t, special)[1]
            if n and m:
                b[: min(n, m)] = np.where(np.arange(min(n, m))[:, None] % 3 == 0, a[: min(n, m)], b[: min(n, m)])
            for angle in angles:
                left, right = (In(strided(in_unit(x, angle), stride), shift) for x in (a, b))
                sides = (left, N(n), S(stride), right, N(m), S(stride))
                for metric in ("iou", "iof"):
                    note = f"{n}x{m} stride={stride} shift={shift} angle={angle} {metric} {kind}"
                    codes = I(METRICS[metric]), I(angle)
                    yield Call("rotated_iou_pairwise", name, *codes, *sides, Out((n, m + shift), t, shift), S(m + shift), scratch=(N(n), N(m)), note=note)
                    cotangents = In(strided(signed(seed + 2, n * m, t).reshape(n, m), m + 1))
                    for wanted in ((1, 1), (1, 0), (0, 1)):
                        chosen = [x if w else None for x, w in zip((Out((n, 5), t, shift), Out((m, 5), t)), wanted)]
                        yield Call("rotated_iou_pairwise_grad", name, *codes, *sides, cotangents, S(m + 1), *chosen, scratch=(N(n), N(m)), note=f"{note} {wanted}")


def smooth_l1_calls(n, seed):
    for name, t in TYPES.items():
        pred, target = signed(seed, n, t, 4), signed(seed + 1, n, t, 4)
        pred[::9] = target[::9]
        clean = pred.copy(), target.copy()
        pred[5::31], target[7::37] = np.nan, np.inf
        inside, outside = In(uniform(seed + 2, n, t)), In(uniform(seed + 3, n, t))
        for sigma, a, b, wanted in ((1.0, None, None, (1, 1, 1, 1)), (3.0, inside, outside, (1, 1, 1, 1)), (np.inf, inside, None, (1, 0, 1, 0)),
                                    (0.01, None, outside, (0, 1, 0, 1)), (1e30, None, None, (1, 0, 0, 0))):  # fmt: skip
            out = (Out(1, np.float64), Out(n, t), Out(n, t), Out(n, t))
            chosen = [x if w else None for x, w in zip(out, wanted)]
            for p, q in ((pred, target), clean):
                yield Call("smooth_l1", name, In(p), In(q), a, b, N(n), D(sigma), D(float(max(n, 1))), *chosen, scratch=(N(n),),
                           note=f"n={n} {sigma} {'clean' if p is not pred else ''}")  # fmt: skip


def delta_calls(n, seed, groups=3, stride=4, shift=0):
    plain = options(means=(0.1, -0.1, 0.2, 0), stds=(0.1, 0.1, 0.2, 0.2))
    limits = options(stds=(0.5, 0.25, 1, 2), low=-1, high=1.5, width=640, height=480, clamp=20)
    for name, t in TYPES.items():
        a, b = box_pairs(seed, n, t)
        proposals, targets = In(strided(a, stride), shift), In(strided(b, stride), shift)
        pair = (proposals, S(stride), targets, S(stride), N(n))
        grad = In(signed(seed, 4 * n, t))
        note = f"n={n} groups={groups} stride={stride} shift={shift}"
        for chosen in (plain, options(degenerate=2), options()):
            yield Call("delta_encode", name, chosen, *pair, Out((n, 4), t), Out(n, np.uint8), Out(1, np.uint64), note=f"{note} {chosen.on_degenerate}")
            yield Call("delta_encode", name, chosen, *pair, Out((n, 4), t, shift), None, None, note=f"{note} {chosen.on_degenerate}")
            for wanted in ((1, 1), (1, 0), (0, 1)):
                out = [x if w else None for x, w in zip((Out((n, 4), t), Out((n, 4), t, shift)), wanted)]
                yield Call("delta_encode_grad", name, chosen, *pair, grad, *out, note=f"{note} {wanted}")
        deltas = signed(seed + 3, 4 * n * groups, t).reshape(n, 4 * groups)
        deltas[1::17, :3], deltas[2::19, 1:] = np.nan, 800
        spaced = 4 * groups + (stride - 4)
        for chosen in (plain, limits, None):
            row = (chosen, proposals, S(stride), In(strided(deltas, spaced), shift), S(spaced), N(n), N(groups))
            yield Call("delta_decode", name, *row, Out((n, 4 * groups), t, shift), note=note)
            for wanted in ((1, 1), (1, 0), (0, 1)):
                out = [x if w else None for x, w in zip((Out((n, 4), t), Out((n, 4 * groups), t)), wanted)]
                yield Call("delta_decode_grad", name, *row, In(signed(seed + 4, 4 * n * groups, t)), *out, note=f"{note} {wanted}")


def crowd(seed, n, dtype, side=96):
    """Boxes whose coordinates are small whole numbers, so that many overlaps are equal, and some boxes are. `side` is that of the image."""
    x, y, w, h = (np.floor(uniform(4 * seed + k, n, dtype) * dtype(size)) for k, size in enumerate((side, side, 24, 24)))
    return np.stack([x, y, x + w, y + h], 1)


def match_calls(n, m, seed, stride=4, shift=0, metrics=tuple(METRICS)):
    """Proposals of which some lie on a truth, or of few whole numbers, or with edge cases."""
    for name, t in TYPES.items():
        near = random_boxes(seed, n, t)
        truths = random_boxes(seed + 1, m, t)
        if n and m:
            chosen = np.arange(0, n, 3)
            near[chosen] = truths[chosen % m] + signed(seed, 4 * len(chosen), t, 20).reshape(-1, 4)
            near[: min(n, m) : 5] = truths[: min(n, m) : 5]
        for kind, (a, b) in {"near": (near, truths), "crowd": (crowd(seed, n, t), crowd(seed + 1, m, t)),
                             "special": (box_pairs(seed, n, t)[0], box_pairs(seed, m, t)[1])}.items():  # fmt: skip
            left, right = (In(strided(x, s), shift) for x, s in ((a, stride), (b, stride + 1 if stride > 4 else 4)))
            for metric in metrics:
                for quality, low, high in ((0, 0.3, 0.7), (1, 0.3, 0.7), (2, -np.inf, 0.5), (1, 2.0, 3.0)):
                    for matches, overlaps in ((1, 1), (1, 0), (0, 1)):
                        if (matches, overlaps) != (1, 1) and (kind != "near" or quality == 1):
                            continue
                        yield Call("match", name, I(METRICS[metric]), left, N(n), S(stride), right, N(m), S(stride + 1 if stride > 4 else 4), D(EPS), D(low), D(high),
                                   I(quality), Out(n, np.int64) if matches else None, Out(n, t, shift) if overlaps else None, scratch=(N(m),),
                                   note=f"{n}x{m} stride={stride} shift={shift} {kind} {metric} {quality} {low} {high}")  # fmt: skip


def nms_calls(n, seed, stride=4, shift=0):
    """Scores of which many are equal, some NaN or infinite; boxes with edge cases, in a crowd, and far from each other."""
    for name, t in TYPES.items():
        scores = signed(seed, n, t, 1)
        rough = np.floor(scores * t(8)) / t(8)
        rough[1::41], rough[2::43], rough[3::47], rough[4::53] = np.nan, -np.inf, np.inf, -0.0
        classes = In((bits(seed + 5, n) % np.uint64(3)).astype(np.int64) - 1 << 40)
        special = box_pairs(seed, n, t)[0]
        for kind, boxes in {"special": special, "crowd": crowd(seed, n, t, 64), "sparse": random_boxes(seed, n, t) * t(4)}.items():
            for score, ids, threshold, least, most in ((scores, None, 0.5, -np.inf, None), (rough, None, 0.0, -np.inf, None), (rough, classes, 0.3, 0.0, None),
                                                       (rough, classes, 1e9, -0.5, 70), (scores, None, 0.1, -np.inf, n // 3 + 1)):  # fmt: skip
                if kind == "sparse" and score is rough:
                    continue
                yield Call("nms", name, In(strided(boxes, stride), shift), N(n), S(stride), In(score), ids, D(threshold), D(least),
                           N(2**64 - 1 if most is None else most), Out(min(n, most or n), np.uint64), Out(1, np.uint64), scratch=(N(n),),
                           note=f"n={n} stride={stride} shift={shift} {kind} {threshold} {least} {most}")  # fmt: skip


def gradient(seed, n, dtype, kind):
    """Elements as gradients have them, of all exponents, subnormal, huge, mostly 0, or special. The kind says which."""
    size = np.dtype(dtype).itemsize
    of_bits = (bits(seed, n) >> np.uint64(64 - 8 * size)).astype(f"u{size}")
    fraction, field = {np.dtype(np.float16): (10, 31), BFLOAT16: (7, 255), np.dtype(np.float32): (23, 255), np.dtype(np.float64): (52, 2047)}[np.dtype(dtype)]
    mask = (1 << fraction) - 1
    low, high = {"usual": (field // 2 - 12, field // 2 - 2), "any": (0, field - 1), "subnormal": (0, 0), "huge": (field - 3, field - 1), "wide": (0, field - 1),
                 "tiny": (0, 40), "sparse": (field // 2 - 12, field // 2 - 2), "infinite": (field // 2, field // 2 + 2), "nan": (0, field)}[kind]  # fmt: skip
    fields = low + bits(seed + 1, n) % np.uint64(max(1, min(high, field - 1) - low + 1)) if kind != "subnormal" else np.zeros(n, np.uint64)
    x = of_bits & of_bits.dtype.type(mask | 1 << (8 * size - 1)) | (fields.astype(of_bits.dtype) << of_bits.dtype.type(fraction))
    if kind == "sparse":
        x[bits(seed + 2, n) % np.uint64(8) != 0] = 0
    if kind == "wide":  # most are alike, and few of any exponent
        usual = gradient(seed, n, dtype, "usual").view(x.dtype)
        x = np.where(bits(seed + 2, n) % np.uint64(50) == 0, x, usual)
    if kind in ("infinite", "nan") and n:
        x[n // 2 :: 700] = field << fraction
    if kind == "nan" and n:
        x[n // 3 :: 900] = (field << fraction) + 1
    return x.view(dtype)


FLOATS = (np.dtype(np.float32), np.dtype(np.float16), BFLOAT16, np.dtype(np.float64))
ORDERS = (1.0, 2.0, np.inf)


def norm_calls(tensors, note, p=2.0, outputs=(1, 1, 1), shift=0):
    """Every function of the tensors. Half of the limits are below the norm."""
    n = len(tensors)
    with np.errstate(all="ignore"):
        sizes = [np.abs((x.astype(np.uint32) << 16).view(np.float32) if x.dtype == BFLOAT16 else x).astype(np.float64).max(initial=0) for x in tensors]
    size = min(float(max([x for x in sizes if np.isfinite(x)], default=1)) or 1.0, 1e300)
    read, note = [In(x, shift) for x in tensors], f"{note} p={p} shift={shift} {outputs}"
    out = [x if w else None for x, w in zip((Out(1, np.float64), Out(n, np.float64), Out(1, np.uint64)), outputs)]
    yield TensorsCall("grad_norm", read, D(p), *out, note=note)

    def written():
        return [Out(x.shape, x.dtype, shift, like=x) for x in tensors]

    for k, mode in enumerate((0, 2, 3)):
        for limit in (0.7 * size, np.inf, 0.0)[: 1 + 2 * (mode == 0)]:
            yield TensorsCall("clip_grad_norm", written(), D(limit), D(p), D((1e-6, 0.0)[k % 2]), I(mode), Out(1, np.float64) if outputs[0] else None,
                              note=f"{note} {limit} {mode}")  # fmt: skip
    for total, mode in ((3 * size, 1), (size / 2, 0), (0.0, 0), (np.nan, 0), (np.inf, 0), (np.inf, 2), (np.nan, 3)):
        yield TensorsCall("clip_grads_with_norm", written(), D(size), In(np.array([total])), D(1e-6), I(mode), scratch=False, note=f"{note} {total} {mode}")
    for limit in (0.3 * size, np.inf, 0.0, 1.1e-39):
        yield TensorsCall("clip_grad_value", written(), D(limit), scratch=False, note=f"{note} {limit}")


def gradient_calls(seed=1):
    """Tensors of each dtype and of several, of each kind of elements, with lengths around a chunk."""
    for dtype in FLOATS:
        for k, kind in enumerate(("usual", "any", "subnormal", "huge", "wide", "tiny", "sparse", "infinite", "nan")):
            lengths = (5003, 16384, 16399)[k % 3], (0, 1, 7, 64)[k % 4]
            yield from norm_calls([gradient(seed + k, n, dtype, kind) for n in lengths], f"{dtype} {kind}", ORDERS[k % 2], (1, k % 2, k // 2 % 2), (0, 0, 1, 3)[k % 4])
            yield TensorsCall("grad_norm", [In(gradient(seed + k, n, dtype, kind)) for n in lengths], D(np.inf), Out(1, np.float64), Out(2, np.float64),
                              Out(1, np.uint64), note=f"{dtype} {kind} inf")  # fmt: skip
    for p in ORDERS:
        yield from norm_calls([], "none", p)
        yield from norm_calls([gradient(k, (k * 37) % 301, FLOATS[k % 3], "usual") for k in range(7)], "mixed", p)
        yield from norm_calls([gradient(k, (k * 37) % 301, FLOATS[k % 4], ("usual", "huge")[k // 5]) for k in range(10)], "with doubles", p)
    # Every float16 and bfloat16, by coefficients that make ties, and numbers beside ties.
    for dtype in FLOATS[1:3]:
        every = np.arange(65536, dtype=np.uint16).view(dtype)
        for limit in (1 - 2.0**-9, 1 - 2.0**-8, 1 - 2.0**-11, 0.5, 0.75, 2.0**-20, 1 - 2.0**-40, 0.75 + 2.0**-40, 0.75 - 2.0**-40, 1 / 3, 1e-30, 0.0):
            yield TensorsCall("clip_grads_with_norm", [Out(every.shape, dtype, like=every)], D(limit), In(np.ones(1)), D(0.0), I(0), scratch=False,
                              note=f"every {dtype} {limit}")  # fmt: skip
    yield from norm_calls([np.zeros(300, t) for t in FLOATS[:3]], "zero", 2.0)
    yield from norm_calls([np.zeros(300, t) for t in FLOATS], "zero with doubles", 2.0)


def many_gradients(n, doubles):
    """More tensors than a launch takes, of which some are empty, and the last one of the first launch is long. Of 400 one has a NaN."""
    floats = FLOATS if doubles else FLOATS[:3]
    return [gradient(k, 40_003 if k % 190 == 189 else k * 7 % 40, floats[k // 3 % len(floats)], "nan" if k == n - 2 and n == 400 else "usual") for k in range(n)]


def small_calls():
    """Every function, with every output, at the lengths around a block and a sum, strided and not aligned."""
    for n, stride, shift in ((0, 4, 0), (1, 4, 0), (67, 4, 1), (1000, 4, 0), (301, 5, 0), (130, 8, 2)):
        yield from box_calls(n, 1 + n, stride, shift)
        yield from aligned_calls(n, 2 + n, stride, shift)
        yield from delta_calls(n, 3 + n, 1 + n % 3, stride, shift)
    for n, stride, shift, angles in ((0, 5, 0, (0,)), (1, 5, 0, (1,)), (67, 6, 1, (0, 1, 2, 3)), (500, 5, 0, (1,))):
        yield from rotated_calls(n, 8 + n, stride, shift, angles)
    for n, m, stride, shift, angles in ((0, 3, 5, 0, (0,)), (3, 0, 5, 0, (1,)), (1, 1, 5, 0, (2,)), (17, 64, 6, 1, (0, 1, 2, 3)), (67, 33, 5, 0, (1,))):
        yield from rotated_pairwise_calls(n, m, 9 + n, stride, shift, angles)
    for n in (0, 1, 31, 4095, 4097):
        yield from smooth_l1_calls(n, 4 + n)
    for n, m, stride, shift in ((0, 3, 4, 0), (3, 0, 4, 0), (1, 1, 4, 0), (17, 64, 4, 0), (33, 131, 4, 1), (65, 30, 5, 2)):
        yield from pairwise_calls(n, m, 5 + n, stride, shift)
    for n, m, stride, shift in ((0, 3, 4, 0), (3, 0, 4, 0), (1, 1, 4, 0), (130, 129, 4, 1), (300, 7, 5, 2)):
        yield from match_calls(n, m, 6 + n, stride, shift)
    for n, stride, shift in ((0, 4, 0), (1, 4, 0), (63, 4, 1), (512, 4, 0), (1100, 5, 2)):
        yield from nms_calls(n, 7 + n, stride, shift)
    yield from gradient_calls()


def long_calls(big=1):
    """What is summed in several blocks and chunks, and matrices of many blocks."""
    yield from (call for call in aligned_calls(4096 * 17 + 5, 8) if call.name == "iou_loss" and call.arguments[9])
    yield from (call for call in smooth_l1_calls(65536 * 2 + 77, 9) if call.arguments[7])
    yield from pairwise_calls(3, 4096 * 2 + 5, 10, metrics=("iou", "ciou"))
    yield from pairwise_calls(4097, 2, 11, metrics=("giou", "iof"))
    yield from (call for call in rotated_calls(4096 * 17 + 5, 8, angles=(2,)) if call.name == "rotated_iou_loss" and call.arguments[10])
    yield from rotated_pairwise_calls(2, 4096 * 2 + 5, 10, angles=(0,))
    yield from rotated_pairwise_calls(4097, 2, 11, angles=(1,))
    yield from match_calls(700, 300, 12, metrics=("iou", "giou"))
    yield from nms_calls(3000, 13)
    for n, doubles, p in ((190, False, 2.0), (191, True, 2.0), (300, False, 1.0), (300, True, 1.0), (400, False, 1.0), (400, True, 2.0), (382, True, np.inf)):
        yield from norm_calls(many_gradients(n, doubles), f"{n} tensors", p)
    for kind, p in (("usual", 2.0), ("tiny", 2.0), ("huge", 2.0), ("usual", 1.0)):
        yield from norm_calls([gradient(21, 4096 * 37 + 5, np.float64, kind), gradient(22, 65537, np.float64, "usual")], f"blocks of doubles {kind}", p)
    if big > 1:
        yield from (call for call in aligned_calls(1_000_000, 12) if call.type == "f32" and call.name == "iou_loss" and "(1, 1, 1, 1)" in call.note)
        yield from pairwise_calls(1500, 3001, 16)
        yield from rotated_calls(100_003, 20, angles=(1, 3))
        yield from rotated_pairwise_calls(1500, 3001, 21, angles=(1,))
        yield from aligned_calls(100_003, 12)
        yield from delta_calls(100_003, 14)
        yield from (call for call in smooth_l1_calls(4_000_001, 15) if call.type == "f32")
        yield from pairwise_calls(300, 20_000, 17, metrics=("giou", "ciou"))
        yield from box_calls(300_007, 13)
        yield from match_calls(100_003, 301, 18, metrics=("iou", "ciou"))
        yield from nms_calls(30_011, 19)
        for dtype in FLOATS:
            yield from norm_calls([gradient(k, 700_001, dtype, kind) for k, kind in enumerate(("usual", "wide", "sparse"))], f"{dtype} long")


# ---- Findings ----

T0 = time.monotonic()
RESULT = {}
LIMIT = [170.0]
OUT = [None]


def left():
    return LIMIT[0] - (time.monotonic() - T0)


def put(key, value):
    RESULT[key] = value
    print(f"[{time.monotonic() - T0:6.1f}s] {key}: {json.dumps(value)}", flush=True)
    if OUT[0]:
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found)}" for name, found in RESULT.items())
        Path(OUT[0]).write_text(f"{{\n{lines}\n}}\n")


class OutOfTime(Exception):
    pass


def phase(name, function, *arguments, limit):
    seconds = int(min(left(), limit))
    if seconds < 4:
        return put(f"{name}_skipped", "no time left")

    def stop(*_):
        raise OutOfTime(f"{name} took more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    began = time.monotonic()
    try:
        return function(*arguments)
    except (Exception, OutOfTime) as error:
        put(f"{name}_failed", f"{type(error).__name__}: {error}"[:600])
        traceback.print_exc(limit=4)
    finally:
        signal.alarm(0)
        put(f"{name}_seconds", round(time.monotonic() - began, 1))


# ---- Bits ----


def check_bits(name, calls, cpu, gpu, driver, seconds):
    """Compares the calls, at most for some seconds, and puts {function: [calls, calls that differ]} and the first differences."""
    counts, first, end = {}, [], time.monotonic() + seconds
    try:
        for call in calls:
            if time.monotonic() > end:
                put(f"{name}_cut_short_at", str(call))
                break
            count = counts.setdefault(f"{call.name}_{call.type}", [0, 0])
            count[0] += 1
            try:
                difference = call.differences(cpu, gpu, driver)
            except AssertionError as error:
                difference = str(error)
            if difference:
                count[1] += 1
                if len(first) < 20:
                    first.append([str(call), difference])
    finally:
        if first:
            put(f"{name}_first", first)
        put(name, {"calls": sum(x for x, _ in counts.values()), "different": sum(x for _, x in counts.values()), "functions": counts})


# ---- Times ----


class Prepared:
    """A call on the GPU whose arrays stay there, to be timed."""

    def __init__(self, call, library, driver):
        self.driver, self.pointers, given = driver, [], []
        for x in call.arguments:
            if isinstance(x, (In, Out)):
                pointer = driver.upload(x.array) if isinstance(x, In) else driver.alloc(x.array.nbytes)
                self.pointers.append(pointer)
                given.append(c_void_p(pointer))
            else:
                given.append(x)
        given = list(call.given(given))
        if call.scratch is not None:
            query = getattr(library, call.symbol("boxgrad_cuda") + "_scratch")
            query.restype = c_size_t
            size = query(*call.scratch_query())
            self.pointers.append(driver.alloc(size))
            given += [c_void_p(self.pointers[-1]), c_size_t(size)]
        function = getattr(library, call.symbol("boxgrad_cuda"))
        given.append(None)

        def run():
            status = function(*given)
            if status:
                raise RuntimeError(f"{call}: {status}")

        self.run = run

    def time(self, **how):
        found = self.driver.time(self.run, **how)
        self.driver.free(*self.pointers)
        return found


def first_calls(gpu, driver):
    """Milliseconds to load each family, which the driver compiles, and again from a copy of the library when the driver knows it."""
    families = ["boxes", "delta_encode", "delta_encode_grad", "delta_decode", "losses", "nms_sort", "nms", "iou_pairwise_union", "iou_pairwise_grad",
                "rotated_boxes", "rotated_corners", "rotated_corners_grad", "rotated_prepare", "rotated_iou_pairwise", "rotated_iou_pairwise_grad", "rotated_pairs",
                "rotated_pairs_total"]  # fmt: skip
    families += [f"{kind}_{metric}" for kind in ("iou_aligned", "iou_loss", "iou_loss_total", "iou_pairwise", "iou_pairwise_grad", "match") for metric in METRICS]
    found = {}
    for family in families:
        for name in TYPES:
            began = time.perf_counter()
            if gpu.boxgrad_cuda_load(f"{family}_{name}".encode()) == 0:
                found[f"{family}_{name}"] = round((time.perf_counter() - began) * 1e3, 2)
    for family in ("grad_norm", "grad_sums", "grad_change", "grad_largest", "grad_doubles"):
        began = time.perf_counter()
        gpu.boxgrad_cuda_load(family.encode())
        found[family] = round((time.perf_counter() - began) * 1e3, 2)
    put("first_load_ms", found)
    began = time.perf_counter()
    gpu.boxgrad_cuda_load(None)
    put("load_all_again_ms", round((time.perf_counter() - began) * 1e3, 2))


def loss_call(metric, n, name="f32", total=True, seed=3):
    t = TYPES[name]
    pred, target = box_pairs(seed, n, t, False)
    return Call("iou_loss", name, I(METRICS[metric]), In(pred), S(4), In(target), S(4), N(n), None, D(EPS), D(float(n)), Out(1, np.float64) if total else None,
                None, Out((n, 4), t), None, scratch=(N(n),))  # fmt: skip


def matrix_call(metric, a, b):
    n, m = len(a), len(b)
    return Call("iou_pairwise", "f32", I(METRICS[metric]), In(a), N(n), S(4), In(b), N(m), S(4), D(EPS), Out((n, m), np.float32), S(m), None,
                scratch=(I(METRICS[metric]), N(n), N(m)))  # fmt: skip


def match_call(metric, n, m, quality=1):
    near, truths = random_boxes(7, n, np.float32), random_boxes(8, m, np.float32)
    return Call("match", "f32", I(METRICS[metric]), In(near), N(n), S(4), In(truths), N(m), S(4), D(EPS), D(0.3), D(0.7), I(quality), Out(n, np.int64),
                Out(n, np.float32), scratch=(N(m),))  # fmt: skip


def nms_inputs(n, spread):
    """Boxes and scores. In an image of 1056 x 1056 most boxes are dropped, in one of 64 times the width few."""
    boxes = random_boxes(9, n, np.float32)
    boxes += np.tile(np.stack([uniform(k, n, np.float32) * np.float32(spread) for k in (40, 41)], 1), 2)
    return boxes, uniform(42, n, np.float32)


def nms_call(n, spread):
    boxes, scores = nms_inputs(n, spread)
    return Call("nms", "f32", In(boxes), N(n), S(4), In(scores), None, D(0.5), D(-np.inf), N(n), Out(n, np.uint64), Out(1, np.uint64), scratch=(N(n),))


SPREADS = {"dense": 0, "sparse": 65536}


def layer_sizes(total):
    """The sizes of 189 tensors, like those of a detector: many small ones, and most elements in few."""
    parts = [(2359296, 6), (1048576, 9), (589824, 12), (262144, 18), (147456, 6), (65536, 12), (2048, 20), (512, 50), (256, 50), (12544 * 1024, 1)]
    sizes = [size for size, count in parts for _ in range(count)]
    sizes += [64] * (189 - len(sizes))
    return [max(1, size * total // sum(sizes)) for size in sizes]


def gradient_times(gpu, driver, total, repeat):
    """The norm of 189 tensors, and their clipping, with the bytes that are read and written in a second."""
    sizes = layer_sizes(total)
    for dtype, name in zip(FLOATS, ("f32", "f16", "bf16", "f64")):
        pool = np.resize(gradient(1, 1 << 20, dtype, "usual"), sum(sizes))
        arrays = np.split(pool, np.cumsum(sizes)[:-1])
        bytes_once = pool.nbytes
        # With these numbers the coefficient is a little below 1, however often the tensors are clipped.
        calls = {"grad_norm": (1, TensorsCall("grad_norm", [In(x) for x in arrays], D(2.0), Out(1, np.float64), None, None)),
                 "clip_grad_norm": (3, TensorsCall("clip_grad_norm", [In(x) for x in arrays], D(1e9), D(2.0), D(1.0005e9), I(0), Out(1, np.float64))),
                 "clip_grad_value": (2, TensorsCall("clip_grad_value", [In(x) for x in arrays], D(1.0), scratch=False))}  # fmt: skip
        for what, (passes, call) in calls.items():
            if left() < 10:
                return put("gradient_times_cut_short", f"{what} {name}")
            found = Prepared(call, gpu, driver).time(warm=3, reps=repeat, batch=repeat)
            put(f"time_{what}_{name}_{len(arrays)}", found | {"GB_per_s": round(passes * bytes_once / found["median_us"] / 1e3, 1)})


def rotated_times(gpu, driver, sizes, side):
    a, b = (In(in_unit(x, 0)) for x in rotated_pairs(3, side, np.float32, False))
    call = Call("rotated_iou_pairwise", "f32", I(0), I(0), a, N(side), S(5), b, N(side), S(5), Out((side, side), np.float32), S(side), scratch=(N(side), N(side)))
    put(f"time_rotated_iou_pairwise_{side}", Prepared(call, gpu, driver).time(reps=30, batch=30))
    for n in sizes:
        pred, target = (In(in_unit(x, 0)) for x in rotated_pairs(3, n, np.float32, False))
        call = Call("rotated_iou_loss", "f32", I(0), I(0), pred, S(5), target, S(5), N(n), None, D(1e-6), D(float(n)), Out(1, np.float64), None,
                    Out((n, 5), np.float32), Out((n, 5), np.float32), scratch=(N(n),))  # fmt: skip
        put(f"time_rotated_iou_loss_total_grads_{n}", Prepared(call, gpu, driver).time())


def own_times(gpu, driver, sizes, side):
    for n in sizes:
        for name, spread in SPREADS.items():
            put(f"time_nms_{name}_{min(n, 100_000)}", Prepared(nms_call(min(n, 100_000), spread), gpu, driver).time(warm=3, reps=15, batch=10))
    for metric in ("iou", "ciou"):
        put(f"time_match_{metric}_{sizes[-1]}x300", Prepared(match_call(metric, sizes[-1], 300), gpu, driver).time(warm=3, reps=20, batch=20))
    put(f"time_match_iou_{sizes[-1]}x300_plain", Prepared(match_call("iou", sizes[-1], 300, 0), gpu, driver).time(warm=3, reps=20, batch=20))
    put("time_match_iou_8400x50", Prepared(match_call("iou", 8400, 50), gpu, driver).time(warm=3, reps=20, batch=20))
    for n in sizes:
        for metric in ("giou", "ciou"):
            put(f"time_{metric}_loss_total_grad_{n}", Prepared(loss_call(metric, n), gpu, driver).time())
            put(f"time_{metric}_loss_grad_{n}", Prepared(loss_call(metric, n, total=False), gpu, driver).time())
    put(f"time_giou_loss_total_grad_f64_{sizes[-1]}", Prepared(loss_call("giou", sizes[-1], "f64"), gpu, driver).time())
    pred, target = box_pairs(3, 2 * side, np.float32, False)
    a, b = pred[:side], target[side:]
    for metric in METRICS:
        put(f"time_{metric}_pairwise_{side}", Prepared(matrix_call(metric, a, b), gpu, driver).time(reps=30, batch=30))
    crowd = np.ascontiguousarray(a * np.float32(0.05))  # every pair overlaps
    crowd[:, 2:] += np.float32(60)
    put(f"time_iou_pairwise_{side}_crowd", Prepared(matrix_call("iou", crowd, crowd[::-1]), gpu, driver).time(reps=30, batch=30))
    cotangents = In(signed(5, side * side, np.float32))
    for metric in ("giou", "ciou"):
        call = Call("iou_pairwise_grad", "f32", I(METRICS[metric]), In(a), N(side), S(4), In(b), N(side), S(4), D(EPS), cotangents, S(side),
                    Out((side, 4), np.float32), Out((side, 4), np.float32), scratch=(N(side), N(side)))  # fmt: skip
        put(f"time_{metric}_pairwise_grad_{side}", Prepared(call, gpu, driver).time(reps=10, batch=10))
    rotated_times(gpu, driver, sizes, side)
    n = sizes[-1]
    x, y = In(signed(1, 4 * n, np.float32)), In(signed(2, 4 * n, np.float32))
    call = Call("smooth_l1", "f32", x, y, None, None, N(4 * n), D(1.0), D(4.0 * n), Out(1, np.float64), None, Out(4 * n, np.float32), None, scratch=(N(4 * n),))
    put(f"time_smooth_l1_total_grad_{4 * n}", Prepared(call, gpu, driver).time())
    boxes = In(random_boxes(6, n, np.float32))
    call = Call("delta_encode", "f32", None, boxes, S(4), boxes, S(4), N(n), Out((n, 4), np.float32), None, Out(1, np.uint64))
    put(f"time_delta_encode_{n}", Prepared(call, gpu, driver).time())
    call = Call("delta_decode", "f32", None, boxes, S(4), x, S(4), N(n), N(1), Out((n, 4), np.float32))
    put(f"time_delta_decode_{n}", Prepared(call, gpu, driver).time())
    put(f"time_box_area_{n}", Prepared(Call("box_area", "f32", boxes, N(n), S(4), Out(n, np.float32)), gpu, driver).time())
    out = driver.alloc(4 * side * side)
    put(f"time_fill_{side}", driver.time(lambda: driver.call("cuMemsetD8Async", c_uint64(out), 0, c_size_t(4 * side * side), None)))
    driver.free(out)


def memory(gpu, cpu, driver, torch, side):
    """A large matrix: its time, and the memory that it takes beside the result."""
    pred, target = box_pairs(4, 2 * side, np.float32, False)
    a, b = np.ascontiguousarray(pred[:side]), np.ascontiguousarray(target[side:])
    if torch:
        torch.cuda.empty_cache()
    before = driver.free_memory()
    for metric in ("iou", "giou", "ciou"):
        prepared = Prepared(matrix_call(metric, a, b), gpu, driver)
        taken = before - driver.free_memory()
        found = driver.time(prepared.run, warm=2, reps=7, batch=5)
        put(f"{metric}_pairwise_{side}", found | {"taken_GB": round(taken / 1e9, 3), "result_GB": round(4 * side * side / 1e9, 3)})
        if metric == "giou":
            rows = driver.download(prepared.pointers[2] + (side - 50) * side * 4, (50, side), np.float32)
            wanted = matrix_call(metric, a[-50:], b).on_cpu(cpu)[0]
            put(f"{metric}_pairwise_{side}_last_rows_differ", compare(rows, wanted))
        driver.free(*prepared.pointers)


# ---- Python ----


def python_arrays(frameworks):
    """boxgrad.cuda on the arrays of each framework, {name: (from NumPy, to NumPy, the type)}: bits, types, and the time of a call."""
    import boxgrad
    from boxgrad import cuda

    boxes, target = box_pairs(6, 1000, np.float32, False)
    scores, classes = uniform(3, 1000, np.float32), (bits(4, 1000) % np.uint64(5)).astype(np.int64)
    _, gradient = boxgrad.value_and_grad(boxgrad.generalized_box_iou_loss)(boxes, target, reduction="mean")
    wanted = {
        "box_iou_loss": (lambda f: cuda.box_iou_loss(f(boxes), f(target), outputs="grad_pred"), gradient),
        "box_iou": (lambda f: cuda.box_iou(f(boxes), f(target)[::3], metric="ciou"), boxgrad.complete_box_iou(boxes, target[::3])),
        "match_boxes": (lambda f: cuda.match_boxes(f(boxes), f(target)[:50], 0.7, 0.3, True)[0], boxgrad.match_boxes(boxes, target[:50], 0.7, 0.3, True)[0]),
        "batched_nms": (lambda f: cuda.batched_nms(f(boxes), f(scores), f(classes), 0.3), boxgrad.batched_nms(boxes, scores, classes, 0.3)),
        "decode_boxes": (lambda f: cuda.decode_boxes(f(boxes), f(target / np.float32(1000))), boxgrad.decode_boxes(boxes, target / np.float32(1000))),
    }
    for name, (give, take, kind) in frameworks.items():
        found = {}
        for function, (run, value) in wanted.items():
            result = run(give)
            found[function] = compare(take(result), value) if isinstance(result, kind) else f"a {type(result).__name__}"
        put(f"python_{name}_differs", {function: difference for function, difference in found.items() if difference})
        pred, truth, score = give(boxes), give(target), give(scores)
        for function, run in (("box_iou_loss", lambda: cuda.box_iou_loss(pred, truth, outputs=("loss", "grad_pred"))), ("nms", lambda: cuda.nms(pred, score, 0.5))):  # noqa: B023
            for _ in range(20):
                run()
            began = time.perf_counter()
            for _ in range(200):
                run()
            put(f"python_{name}_{function}_1000_host_us", round((time.perf_counter() - began) / 200 * 1e6, 1))


def python_frameworks(torch):
    found = {}
    if torch:
        found["torch"] = (lambda x: torch.from_numpy(np.ascontiguousarray(x)).cuda(), lambda x: x.cpu().numpy(), torch.Tensor)
    try:
        import cupy

        found["cupy"] = (cupy.asarray, cupy.asnumpy, cupy.ndarray)
    except Exception as error:
        put("cupy", f"{type(error).__name__}: {error}"[:200])
    return found


# ---- Others ----


def formulas(torch):
    def parts(a, b):
        x1, y1, x2, y2 = a.unbind(-1)
        u1, v1, u2, v2 = b.unbind(-1)
        w = (torch.minimum(x2, u2) - torch.maximum(x1, u1)).clamp(min=0)
        h = (torch.minimum(y2, v2) - torch.maximum(y1, v1)).clamp(min=0)
        inter = w * h
        return inter, (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - inter

    def enclosing(a, b):
        return torch.maximum(a[:, 2], b[:, 2]) - torch.minimum(a[:, 0], b[:, 0]), torch.maximum(a[:, 3], b[:, 3]) - torch.minimum(a[:, 1], b[:, 1])

    def giou(a, b):
        inter, union = parts(a, b)
        w, h = enclosing(a, b)
        return (1 - (inter / (union + EPS) - (w * h - union) / (w * h + EPS))).mean()

    def ciou(a, b):
        inter, union = parts(a, b)
        iou = inter / (union + EPS)
        w, h = enclosing(a, b)
        x, y = (a[:, 0] + a[:, 2]) / 2 - (b[:, 0] + b[:, 2]) / 2, (a[:, 1] + a[:, 3]) / 2 - (b[:, 1] + b[:, 3]) / 2
        v = 0.4052847345693511 * (torch.atan((b[:, 2] - b[:, 0]) / (b[:, 3] - b[:, 1])) - torch.atan((a[:, 2] - a[:, 0]) / (a[:, 3] - a[:, 1]))) ** 2
        with torch.no_grad():
            alpha = v / (1 - iou + v + EPS)
        return (1 - iou + (x * x + y * y) / (w * w + h * h + EPS) + alpha * v).mean()

    def box_iou(a, b):
        area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
        wh = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0)
        inter = wh[..., 0] * wh[..., 1]
        return inter / (area_a[:, None] + area_b[None] - inter)

    return {"giou": giou, "ciou": ciou, "box_iou": box_iou}


def step(torch, function, pred, target):
    pred = pred.clone().requires_grad_()
    return lambda: torch.autograd.grad(function(pred, target), pred)[0]


def torch_times(driver, torch, functions, tag, sizes, side, losses=("giou", "ciou")):
    pred, target = (torch.from_numpy(x).cuda() for x in box_pairs(3, 2 * side, np.float32, False))
    a, b = pred[:side].contiguous(), target[side:].contiguous()
    if "box_iou" in functions:
        functions["box_iou"](a, b)
        put(f"time_{tag}_box_iou_{side}", driver.time(lambda: functions["box_iou"](a, b), warm=3, reps=15, batch=10))
    for n in sizes:
        pred, target = (torch.from_numpy(x).cuda() for x in box_pairs(3, n, np.float32, False))
        for metric in losses:
            if left() < 8:
                return put(f"{tag}_cut_short", True)
            run = step(torch, functions[metric], pred, target)
            run()
            put(f"time_{tag}_{metric}_loss_grad_{n}", driver.time(run, warm=3, reps=20, batch=10))


def torch_clipping_times(driver, torch, total):
    """torch's own clipping of the tensors of gradient_times."""
    for dtype in (torch.float32, torch.bfloat16):
        parameters = [torch.nn.Parameter(torch.zeros(size, dtype=dtype, device="cuda")) for size in layer_sizes(total)]
        for x in parameters:
            x.grad = torch.full_like(x, 1e-3)
        found = driver.time(lambda: torch.nn.utils.clip_grad_norm_(parameters, 1e-3), warm=3, reps=15, batch=10)  # noqa: B023
        put(f"time_torch_clip_grad_norm_{str(dtype)[6:]}_{len(parameters)}", found)


def gradient_errors(gpu, driver, torch, functions):
    """The worst error of a gradient, in the largest slope of its row, against autograd in f64."""
    n = 100_000
    pred, target = box_pairs(3, n, np.float32, False)
    for metric in ("giou", "ciou"):
        found = loss_call(metric, n).on_gpu(gpu, driver)[1]
        p, q = torch.from_numpy(pred).double().cuda(), torch.from_numpy(target).double().cuda()
        truth = step(torch, functions[metric], p, q)().cpu().numpy()
        eager = step(torch, functions[metric], p.float(), q.float())().cpu().numpy()
        size = np.abs(truth).max(1, keepdims=True)
        put(f"gradient_error_{metric}", {"boxgrad": float((np.abs(found - truth) / size).max()), "torch": float((np.abs(eager - truth) / size).max())})


def torch_memory(driver, torch, functions, side):
    pred, target = box_pairs(4, 2 * side, np.float32, False)
    x, y = torch.from_numpy(pred[:side]).cuda(), torch.from_numpy(target[side:]).cuda()
    for tag, function in functions.items():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        base = torch.cuda.memory_allocated()
        found = driver.time(lambda: function(x, y), warm=1, reps=5, batch=3)  # noqa: B023
        put(f"{tag}_box_iou_{side}", found | {"peak_GB": round((torch.cuda.max_memory_allocated() - base) / 1e9, 3)})
    torch.cuda.empty_cache()


def torchvision_nms_times(gpu, driver, torch, sizes):
    """The times, and of how many boxes more or fewer torchvision keeps: it compares the intersection with a product, which rounds otherwise."""
    from torchvision import ops

    for n in sizes:
        for name, spread in SPREADS.items():
            boxes, scores = (torch.from_numpy(x).cuda() for x in nms_inputs(n, spread))
            theirs = ops.nms(boxes, scores, 0.5).cpu().numpy()
            keep, count = nms_call(n, spread).on_gpu(gpu, driver)
            put(f"nms_{name}_{n}", {"kept": int(count[0]), "kept_by_torchvision": len(theirs), "not_by_both": len(np.setxor1d(keep[: int(count[0])], theirs))})
            put(f"time_torchvision_nms_{name}_{n}", driver.time(lambda: ops.nms(boxes, scores, 0.5), warm=1, reps=7, batch=2))  # noqa: B023


def torchvision_functions():
    from torchvision import ops

    return {"giou": lambda a, b: ops.generalized_box_iou_loss(a, b, "mean"), "ciou": lambda a, b: ops.complete_box_iou_loss(a, b, "mean"),
            "box_iou": ops.box_iou}  # fmt: skip


def triton_times(driver, torch, side):
    import triton
    import triton.language as tl

    globals()["tl"] = tl

    @triton.jit
    def kernel(a, b, out, n, m, R: tl.constexpr, C: tl.constexpr):
        i = tl.program_id(1) * R + tl.arange(0, R)
        j = tl.program_id(0) * C + tl.arange(0, C)
        p, q = i < n, j < m
        ax1, ay1 = tl.load(a + 4 * i, p)[:, None], tl.load(a + 4 * i + 1, p)[:, None]
        ax2, ay2 = tl.load(a + 4 * i + 2, p)[:, None], tl.load(a + 4 * i + 3, p)[:, None]
        bx1, by1 = tl.load(b + 4 * j, q)[None, :], tl.load(b + 4 * j + 1, q)[None, :]
        bx2, by2 = tl.load(b + 4 * j + 2, q)[None, :], tl.load(b + 4 * j + 3, q)[None, :]
        w = tl.maximum(tl.minimum(ax2, bx2) - tl.maximum(ax1, bx1), 0.0)
        h = tl.maximum(tl.minimum(ay2, by2) - tl.maximum(ay1, by1), 0.0)
        inter = w * h
        union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inter
        tl.store(out + i[:, None].to(tl.int64) * m + j[None, :], inter / union, p[:, None] & q[None, :])

    pred, target = (torch.from_numpy(x).cuda() for x in box_pairs(3, 2 * side, np.float32, False))
    a, b = pred[:side].contiguous(), target[side:].contiguous()
    out = torch.empty(side, side, device="cuda")
    for R, C in ((8, 128), (4, 512)):

        def run(R=R, C=C):
            kernel[(triton.cdiv(side, C), triton.cdiv(side, R))](a, b, out, side, side, R=R, C=C)

        run()
        put(f"time_triton_box_iou_{side}_{R}x{C}", driver.time(run, reps=20, batch=20))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="the file for the findings, as JSON")
    parser.add_argument("--libraries", default=str(ROOT / "build/lib"), help="the folder of both libraries")
    parser.add_argument("--package", default=str(ROOT / "bindings/python"), help="the folder of the Python package")
    parser.add_argument("--seconds", type=float, default=170)
    parser.add_argument("--quick", action="store_true", help="small sizes, as for a stand-in of the driver")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch and the others out")
    given = parser.parse_args()
    LIMIT[0], OUT[0] = given.seconds, given.out
    torch = None
    try:
        if given.no_torch:
            raise ImportError("left out")
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "8")
        import torch

        torch.zeros(1, device="cuda")
        put("torch", torch.__version__)
    except Exception as error:
        torch = None
        put("torch", f"{type(error).__name__}: {error}"[:200])
    driver = Driver()
    put("device", {"name": driver.name, "driver": driver.version, "capability": driver.capability, "numpy": np.__version__, "python": platform.python_version(),
                   "date": time.strftime("%Y-%m-%d")})  # fmt: skip
    cpu = ctypes.CDLL(str(Path(given.libraries) / "libboxgrad.so"))
    gpu = ctypes.CDLL(str(Path(given.libraries) / "libboxgrad_cuda.so"))
    cpu.boxgrad_cpu_tier.restype = ctypes.c_char_p
    put("cpu_tier", cpu.boxgrad_cpu_tier().decode())
    cpu.boxgrad_set_max_threads(os.cpu_count() or 1)
    sizes, side, large = ((1000,), 64, 128) if given.quick else ((1000, 100_000, 1_000_000), 4096, 20_000)
    phase("first_calls", first_calls, gpu, driver, limit=20)
    phase("bits_small", check_bits, "bits_small", small_calls(), cpu, gpu, driver, 40, limit=50)
    phase("own_times", own_times, gpu, driver, sizes, side, limit=40)
    phase("bits_long", check_bits, "bits_long", long_calls(1 if given.quick else 2), cpu, gpu, driver, 40, limit=50)
    phase("gradient_times", gradient_times, gpu, driver, *((2000, 1) if given.quick else (41_800_000, 20)), limit=30)
    phase("memory", memory, gpu, cpu, driver, torch, large, limit=20)
    os.environ["BOXGRAD_LIBRARY"] = str(Path(given.libraries).resolve() / "libboxgrad.so")
    sys.path.insert(0, given.package)
    phase("python", lambda: python_arrays(python_frameworks(torch)), limit=20)
    if torch:
        functions = formulas(torch)
        phase("gradient_errors", gradient_errors, gpu, driver, torch, functions, limit=10)
        phase("torch_times", torch_times, driver, torch, functions, "torch", (1000, 1_000_000), side, limit=15)
        phase("torch_clipping", torch_clipping_times, driver, torch, 41_800_000, limit=10)
        vision = phase("torchvision", torchvision_functions, limit=10)
        if vision:
            phase("torchvision_nms", torchvision_nms_times, gpu, driver, torch, (1000, 100_000), limit=25)
            phase("torchvision_times", torch_times, driver, torch, vision, "torchvision", (1000, 1_000_000), side, limit=15)
        phase("torch_memory", torch_memory, driver, torch, {"torch": functions["box_iou"]} | ({"torchvision": vision["box_iou"]} if vision else {}), large, limit=10)
        phase("triton", triton_times, driver, torch, side, limit=20)
        compiled = phase("compile", lambda: {k: torch.compile(f, dynamic=False) for k, f in functions.items()}, limit=10)
        if compiled:
            phase("compiled_times", torch_times, driver, torch, compiled, "compiled", (1_000_000, 1000), side, limit=60)
    equal = all(RESULT.get(name, {}).get("different") == 0 and f"{name}_failed" not in RESULT for name in ("bits_small", "bits_long"))
    equal = equal and "python_failed" not in RESULT and not any(found for name, found in RESULT.items() if name.startswith("python") and name.endswith("differs"))
    put("every_bit_equal", equal)
    sys.stdout.flush()
    os._exit(0 if equal else 1)  # whatever a compilation that was cut short left running


if __name__ == "__main__":
    main()
