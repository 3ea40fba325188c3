"""The device kernels, compiled for this CPU and run thread by thread, give the CPU library's bits, and write nothing else."""

import ctypes
import json
import subprocess
import sys

import gpu
import numpy as np
import pytest
from conftest import CPU, ROOT
from interface import functions

CALLS = [*gpu.small_calls(), *gpu.long_calls()]
NAMES = sorted({f"{call.name}_{call.type}" for call in CALLS})
HEADER = (ROOT / "include/boxgrad_cuda.h").read_text()
DECLARED = {f"{f.stem.removeprefix('cuda_')}_{f.type or 'all'}": f for f in functions(HEADER) if f.stem != "cuda_load"}
"""The functions by their names and types. Those of many tensors, which have types of their own, end in _all."""


def test_every_function_is_compared():
    assert NAMES == sorted(DECLARED)


def test_every_metric_is_compared(cpu, cuda):
    """Both libraries check the code of a metric by the same Arguments.swift, so that a new metric needs kernels here, too."""
    nothing = (None, ctypes.c_ssize_t(4), None, ctypes.c_ssize_t(4), ctypes.c_size_t(0), ctypes.c_double(0), None, None, None)
    for code in range(len(gpu.METRICS) + 1):
        on_cpu, on_gpu = cpu.boxgrad_iou_aligned_f32(code, *nothing), cuda.boxgrad_cuda_iou_aligned_f32(code, *nothing, None)
        assert (on_cpu == 0, on_gpu == 0) == (code < len(gpu.METRICS),) * 2, code


@pytest.mark.parametrize("name", NAMES)
def test_bits(name, cpu, cuda, driver):
    calls = [call for call in CALLS if f"{call.name}_{call.type}" == name]
    assert sum(x.array.size for call in calls for x in call.outputs()) > 1000
    different = {str(call): call.differences(cpu, cuda, driver) for call in calls}
    assert {name: x for name, x in different.items() if x} == {}


KINDS = {"double": ctypes.c_double, "size_t": ctypes.c_size_t, "ptrdiff_t": ctypes.c_ssize_t, "int32_t": ctypes.c_int32}
DTYPES = {"f32": np.float32, "f64": np.float64, "u8": np.uint8, "size": np.uint64, "u64": np.uint64, "i64": np.int64}


def tensors_vector(vector):
    """Returns a vector of a function of many tensors as a call."""
    kinds = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64), "f16": np.dtype(np.float16), "bf16": gpu.BFLOAT16}

    def elements(given):
        x = np.array([float(x) for x in given["in"]])
        if given["of"] == "bf16":
            return (x.astype(np.float32).view(np.uint32) >> 16).astype(gpu.BFLOAT16)
        with np.errstate(over="ignore"):
            return x.astype(kinds[given["of"]])

    listed, _, *rest = vector["arguments"]
    inputs = [elements(given) if isinstance(given, dict) else np.zeros(0, np.float32) for *_, given in (listed["tensors"] if listed else [])]
    tensors = [gpu.In(x) if vector["function"] == "grad_norm" else gpu.Out(x.shape, x.dtype, like=x) for x in inputs]
    numbers = [gpu.Out(x["length"], DTYPES[x["of"]]) if isinstance(x, dict) else x for x in rest]
    if vector["function"] == "clip_grad_norm":
        numbers[3] = ctypes.c_int32(numbers[3])
    numbers = [ctypes.c_double(float(x)) if isinstance(x, (int, float, str)) else x for x in numbers]
    return gpu.TensorsCall(vector["function"], tensors, *numbers, scratch="norm" in vector["function"], note=str(vector["arguments"])[:200])


def vector_call(vector):
    """Returns a vector of Tests/vectors as a call. Its last arguments, of the GPU alone, are left out."""
    if not vector["type"]:
        return tensors_vector(vector)
    declared = DECLARED[f"{vector['function']}_{vector['type']}"]
    taken, counts = [], {}
    for (c_type, name), given in zip(declared.parameters, vector["arguments"]):
        if isinstance(given, dict) and "options" in given:
            size, *numbers, degenerate, reserved = map(float, given["options"])
            size, degenerate, reserved = int(size), int(degenerate), int(reserved)
            taken.append(gpu.Options(size, (ctypes.c_double * 4)(*numbers[:4]), (ctypes.c_double * 4)(*numbers[4:8]), *numbers[8:], degenerate, reserved))
        elif isinstance(given, dict):
            dtype = DTYPES[given["of"]]
            if "in" in given and "out" not in given:
                taken.append(gpu.In(np.array([float(x) if isinstance(x, str) else x for x in given["in"]], dtype)))
            else:
                taken.append(gpu.Out(given["length"], dtype))
        elif given is None or "*" in c_type:
            taken.append(None)
        else:
            counts[name] = given
            taken.append(KINDS[c_type.strip()](float(given) if c_type.strip() == "double" else given))
    by = {"iou_loss": ["count"], "smooth_l1": ["count"], "iou_pairwise": ["metric", "a_count", "b_count"], "iou_pairwise_grad": ["a_count", "b_count"],
          "match": ["truths_count"], "nms": ["count"], "rotated_iou_pairwise": ["a_count", "b_count"], "rotated_iou_pairwise_grad": ["a_count", "b_count"],
          "rotated_iou_aligned": ["count"], "rotated_iou_loss": ["count"]}  # fmt: skip
    query = by.get(vector["function"])
    scratch = query and tuple(ctypes.c_int32(counts[x]) if x == "metric" else ctypes.c_size_t(counts[x]) for x in query)
    return gpu.Call(vector["function"], vector["type"], *taken, scratch=scratch, note=str(vector["arguments"])[:200])


def test_vectors(cpu, cuda, driver):
    vectors = json.loads((ROOT / "Tests/vectors/vectors.json").read_text())["vectors"]
    chosen = [v for v in vectors if f"{v['function']}_{v['type'] or 'all'}" in DECLARED and v["status"] == 0]
    # A GPU has three of all orders of a norm.
    orders = {"grad_norm": 2, "clip_grad_norm": 3}
    chosen = [v for v in chosen if v["function"] not in orders or v["arguments"][orders[v["function"]]] in (1, 2, "inf")]
    assert {f"{v['function']}_{v['type'] or 'all'}" for v in chosen} == set(DECLARED) - {"clip_grads_with_norm_all"} and len(chosen) > 100
    different = {}
    for vector in chosen:
        call = vector_call(vector)
        difference = call.differences(cpu, cuda, driver)
        if difference:
            different[str(call)] = difference
    assert different == {}


def test_a_build_that_may_fuse_differs():
    """The same comparison, of kernels in which a multiplication and an addition may be one operation: it must notice, in most functions."""
    program = (
        "import sys; sys.dont_write_bytecode = True; sys.path[:0] = ['Tests/cuda']\n"
        "import ctypes, gpu\n"
        "driver = gpu.Driver('build/cuda/fused/libcuda.so.1')\n"
        f"cpu, cuda = ctypes.CDLL({str(CPU)!r}), ctypes.CDLL('build/lib/libboxgrad_cuda.so')\n"
        "print(*sorted({call.name for call in gpu.small_calls() if call.differences(cpu, cuda, driver)}))\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    sums_of_products = {"iou_pairwise", "iou_pairwise_grad", "iou_aligned", "iou_loss", "delta_encode", "delta_encode_grad", "delta_decode", "delta_decode_grad"}
    assert sums_of_products <= set(found)


@pytest.mark.parametrize("name", gpu.TYPES)
def test_degenerate_rows_get_zeros_where_they_are_errors(name, cpu, cuda, driver):
    """With the code that makes them errors, the GPU does what the CPU does with BOXGRAD_DEGENERATE_ZERO."""
    for call in gpu.delta_calls(200, 5):
        if call.type == name and call.name.startswith("delta_encode") and call.arguments[0].on_degenerate == 1:
            wanted = call.on_cpu(cpu)
            call.arguments[0].on_degenerate = 0
            found = call.on_gpu(cuda, driver)
            call.arguments[0].on_degenerate = 1
            assert all(gpu.compare(a, b) is None for a, b in zip(found, wanted, strict=True))
