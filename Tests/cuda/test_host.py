"""The host's side of libboxgrad_cuda.so against the stand-in for the driver: refusals, failures of the driver, when kernels are loaded, contexts,
streams and threads, and what the library asks of the system."""

import ctypes
import re
import subprocess
import sys
import threading

import gpu
import numpy as np
import pytest
from conftest import CPU, ROOT
from interface import functions

HEADER = (ROOT / "include/boxgrad_cuda.h").read_text()
FUNCTIONS = {f"{f.stem.removeprefix('cuda_')}_{f.type}": f for f in functions(HEADER) if f.type}
DEVICE, UNSUPPORTED, BAD_PARAMETER, NULL_POINTER, DEGENERATE_BOX = 50, 40, 20, 10, 21


def a_call(name, type_name="f32", n=8):
    """A valid call of a function, with every output."""
    calls = [*gpu.box_calls(n, 1), *gpu.aligned_calls(n, 1), *gpu.delta_calls(n, 1), *gpu.smooth_l1_calls(n, 1), *gpu.pairwise_calls(n, n + 1, 1),
             *gpu.match_calls(n, n + 1, 1), *gpu.nms_calls(n, 1), *gpu.rotated_calls(n, 1), *gpu.rotated_pairwise_calls(n, n + 1, 1)]
    return max((c for c in calls if (c.name, c.type) == (name, type_name)), key=lambda c: (sum(x is not None for x in c.arguments), str(c).count("union")))


def arguments(call):
    """Returns the arguments, whose memory is the call's, as the CPU's function takes them, and for the GPU's those of scratch and the stream."""
    given = [c_pointer(x) if isinstance(x, (gpu.In, gpu.Out)) else ctypes.byref(x) if isinstance(x, gpu.Options) else x for x in call.arguments]
    last = [None]
    if call.scratch is not None:
        call.memory = np.empty(1 << 18, np.uint8)
        start = -call.memory.ctypes.data % 16
        last = [ctypes.c_void_p(call.memory.ctypes.data + start), ctypes.c_size_t((1 << 18) - 16), None]
    return given, last


def c_pointer(x):
    return ctypes.c_void_p(x.array.ctypes.data)


WRONG = {
    ctypes.c_size_t: [2**64 - 1, 2**63, 2**62], ctypes.c_ssize_t: [0, 3, -4, 2**62], ctypes.c_int32: [-1, 3, 4, 5],
    ctypes.c_double: [-1.0, float("nan"), float("inf"), 0.0, 1e-320], ctypes.c_void_p: [None], gpu.Options: [None],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_refusals_are_those_of_the_cpu(name, cpu, cuda, driver):
    """Each argument in turn is one that may be wrong. What the CPU refuses is refused here with the same status and sentence, and nothing is
    launched. A degenerate box is not known here."""
    call, refused = a_call(name[:-4], name[-3:]), 0
    on_cpu, on_gpu = getattr(cpu, f"boxgrad_{name}"), getattr(cuda, f"boxgrad_cuda_{name}")
    for k, x in enumerate(call.arguments):
        kind = ctypes.c_void_p if isinstance(x, (gpu.In, gpu.Out)) else type(x)
        for value in WRONG[kind]:
            given, last = arguments(call)
            given[k] = value if value is None else kind(value)
            driver.lib.standin_reset()
            driver.lib.standin_fail(b"cuLaunchKernel", 100, 0)
            driver.lib.standin_want_context(1)
            status = on_gpu(*given, *last)
            said = cuda.boxgrad_cuda_last_error()
            if status in (0, DEVICE):
                assert FUNCTIONS[name].parameters[k][1] == "max_keep" or kind not in (ctypes.c_size_t, ctypes.c_ssize_t), (k, value)
                assert on_cpu(*given) in (0, DEGENERATE_BOX), (k, value)
                continue
            assert driver.names() == [], (k, value)
            assert (on_cpu(*given), cpu.boxgrad_last_error()) == (status, said), (k, value)
            refused += 1
    assert refused >= 3


@pytest.mark.parametrize("name", gpu.TYPES)
def test_in_place_needs_equal_strides(name, cpu, cuda, driver):
    array = np.zeros((3, 5), gpu.TYPES[name])
    pointer = ctypes.c_void_p(array.ctypes.data)
    rows = (pointer, ctypes.c_size_t(2), ctypes.c_ssize_t(5))
    for function, first in (("box_convert", (ctypes.c_int32(0), ctypes.c_int32(1), *rows)), ("box_clip", (*rows, ctypes.c_double(1), ctypes.c_double(1)))):
        given = (*first, pointer, ctypes.c_ssize_t(4))
        assert getattr(cuda, f"boxgrad_cuda_{function}_{name}")(*given, None) == getattr(cpu, f"boxgrad_{function}_{name}")(*given) == 11
        assert cuda.boxgrad_cuda_last_error() == cpu.boxgrad_last_error()
    assert driver.names() == []


@pytest.mark.parametrize("name", sorted(name for name in FUNCTIONS if FUNCTIONS[name].parameters[-2][1] == "scratch_size"))
def test_scratch_is_checked(name, cuda, driver):
    call = a_call(name[:-4], name[-3:])
    if name.startswith("iou_pairwise_grad"):
        call = next(c for c in gpu.pairwise_calls(3, 5000, 1, metrics=("iou",)) if (c.name, c.type) == (name[:-4], name[-3:]))
    if name.startswith(("iou_loss", "smooth_l1", "rotated_iou_loss")):
        call = a_call(name[:-4], name[-3:], 4097)
    if name.startswith("iou_pairwise_f"):
        call.arguments = (ctypes.c_int32(3), *call.arguments[1:])
        call.scratch = (ctypes.c_int32(3), *call.scratch[1:])
    if name.startswith("match"):
        call.arguments = (*call.arguments[:10], ctypes.c_int32(1), *call.arguments[11:])
    query, function = getattr(cuda, f"boxgrad_cuda_{name}_scratch"), getattr(cuda, f"boxgrad_cuda_{name}")
    query.restype = ctypes.c_size_t
    needed = query(*call.scratch)
    assert needed > 0
    given, _ = arguments(call)
    memory = np.empty(needed + 32, np.uint8)
    start = memory.ctypes.data + -memory.ctypes.data % 16
    for scratch, size, status, words in (
        (None, needed, NULL_POINTER, "scratch is NULL"), (start, needed - 1, BAD_PARAMETER, f"scratch_size must be at least {needed} (got {needed - 1})"),
        (start + 8, needed, BAD_PARAMETER, "scratch must begin at a multiple of 16 bytes"),
    ):  # fmt: skip
        assert function(*given, ctypes.c_void_p(scratch), ctypes.c_size_t(size), None) == status
        assert cuda.boxgrad_cuda_last_error().decode() == words
    assert driver.names() == []
    if name.endswith("f32") and "pairwise" not in name:
        assert function(*given, ctypes.c_void_p(start), ctypes.c_size_t(2**64 - 1), None) == 0
    assert query(*[type(x)(2**64 - 1) if isinstance(x, ctypes.c_size_t) else x for x in call.scratch]) == 2**64 - 1


def test_a_call_loads_its_own_kernels_once(fresh, driver):
    loss, area = a_call("iou_loss", n=4097), a_call("box_area")
    for call in (loss, loss, area):
        given, last = arguments(call)
        assert getattr(fresh, f"boxgrad_cuda_{call.name}_f32")(*given, *last) == 0
    journal = [line[:2] for line in driver.journal()]
    assert journal[:2] == [("cuInit", "-"), ("cuLibraryLoadData", f"boxgrad_iou_loss_total_{'iou giou diou ciou'.split()[loss.arguments[0].value]}_f32")]
    assert [what for function, what in journal if function == "cuLibraryLoadData"][1:] == ["boxgrad_smooth_l1_f32", "boxgrad_box_area_f32"]
    assert driver.names().count("cuInit") == 1 and driver.names().count("cuLaunchKernel") == 5


def test_load_before_a_capture(fresh, driver):
    """After boxgrad_cuda_load a call only launches, which is all that a captured stream allows."""
    assert fresh.boxgrad_cuda_load(b"iou_loss_total_giou_f32") == 0 and fresh.boxgrad_cuda_load(b"losses") == 0
    assert driver.names().count("cuLibraryLoadData") == 3 and driver.names().count("cuKernelGetFunction") == 7
    driver.lib.standin_reset()
    call = a_call("iou_loss")
    given, last = arguments(call)
    given[0] = ctypes.c_int32(1)
    last[-1] = ctypes.c_void_p(0x77)
    assert fresh.boxgrad_cuda_iou_loss_f32(*given, *last) == 0
    assert {(line[0], line[3]) for line in driver.journal()} == {("cuLaunchKernel", "0x77")}
    assert fresh.boxgrad_cuda_load(None) == 0 and fresh.boxgrad_cuda_load(b"") == 0
    files = len(list((ROOT / "Sources/CudaShims/ptx").glob("*.ptx")))
    assert driver.names().count("cuLibraryLoadData") == files - 3
    assert fresh.boxgrad_cuda_load(b"turned") == BAD_PARAMETER
    assert fresh.boxgrad_cuda_last_error() == b"family begins the name of no family of kernels"


@pytest.mark.parametrize("function", ["cuInit", "cuLibraryLoadData", "cuLibraryGetKernel", "cuLaunchKernel"])
def test_what_the_driver_refuses(function, fresh, driver):
    """A failure is reported in the driver's words, and the next call tries again."""
    call = a_call("box_area")
    given, last = arguments(call)
    driver.lib.standin_fail(function.encode(), 100, 0)
    assert fresh.boxgrad_cuda_box_area_f32(*given, *last) == DEVICE
    assert fresh.boxgrad_cuda_last_error().decode() == f"{function} failed with CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected"
    assert fresh.boxgrad_cuda_box_area_f32(*given, *last) == 0
    assert gpu.compare(call.arguments[3].array, call.arguments[0].array[:, 2] * 0 + area(call.arguments[0].array)) is None


def area(boxes):
    with np.errstate(all="ignore"):
        return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def test_an_error_that_the_driver_has_no_words_for(fresh, driver):
    call = a_call("box_area")
    given, last = arguments(call)
    driver.lib.standin_fail(b"cuLaunchKernel", 719, 0)
    assert fresh.boxgrad_cuda_box_area_f32(*given, *last) == DEVICE
    assert fresh.boxgrad_cuda_last_error() == b"cuLaunchKernel failed with an unknown error (719): no description"
    assert fresh.boxgrad_cuda_status_string(DEVICE) == b"BOXGRAD_DEVICE"
    assert fresh.boxgrad_cuda_status_string(20) == b"BOXGRAD_BAD_PARAMETER"


def test_a_failure_between_two_kernels_of_a_file(fresh, driver):
    """The kernels that were found are kept, and the others are asked for again."""
    call = a_call("clip")
    given, last = arguments(call)
    driver.lib.standin_fail(b"cuLibraryGetKernel", 100, 3)
    assert fresh.boxgrad_cuda_clip_f32(*given, *last) == DEVICE
    assert fresh.boxgrad_cuda_clip_f32(*given, *last) == 0
    assert driver.names().count("cuLibraryLoadData") == 1


def test_no_context(fresh, driver):
    driver.lib.standin_want_context(1)
    driver.lib.cuCtxSetCurrent(None)
    for call in (a_call("iou_aligned"), a_call("clip_grad")):
        given, last = arguments(call)
        assert getattr(fresh, f"boxgrad_cuda_{call.name}_f32")(*given, *last) == DEVICE
        assert b"CUDA_ERROR_INVALID_CONTEXT (201): invalid device context" in fresh.boxgrad_cuda_last_error()


def test_several_devices_and_threads(fresh, driver, cpu):
    """Eight threads, each in a context of its own, call a library that has loaded nothing: a file is loaded once, and each launch is made in
    the context of its thread, with that thread's results and errors."""
    start, failures = threading.Barrier(8), []

    def work(context):
        driver.lib.cuCtxSetCurrent(ctypes.c_void_p(context))
        call = next(c for c in gpu.aligned_calls(40 + context, context) if c.name == "iou_aligned" and c.arguments[0].value == context % 5)
        start.wait()
        for _ in range(5):
            if call.differences(cpu, fresh, driver):
                failures.append(context)
        fresh.boxgrad_cuda_load(f"nothing {context}".encode())
        if fresh.boxgrad_cuda_last_error() != b"family begins the name of no family of kernels":
            failures.append(context)

    workers = [threading.Thread(target=work, args=(context,)) for context in range(1, 9)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    loaded = [what for function, what, *_ in driver.journal() if function == "cuLibraryLoadData"]
    assert len(loaded) == len(set(loaded)) == 5
    launched = {(what, context) for function, what, context, _ in driver.journal() if function == "cuLaunchKernel"}
    metrics = list(gpu.METRICS)
    assert launched == {(f"boxgrad_iou_aligned_{metrics[context % 5]}_f32", str(context)) for context in range(1, 9)}


def test_counts_of_zero_write_what_is_defined(fresh, driver):
    for call in (*gpu.box_calls(0, 1), *gpu.aligned_calls(0, 1), *gpu.delta_calls(0, 1), *gpu.smooth_l1_calls(0, 1)):
        if not any(isinstance(x, gpu.Same) for x in call.arguments):
            given, last = arguments(call)
            assert getattr(fresh, f"boxgrad_cuda_{call.name}_{call.type}")(*given, *last) == 0
    assert set(driver.names()) == {"cuInit", "cuMemsetD8Async"}


NO_DRIVER = """
import ctypes, sys
try:
    ctypes.CDLL('libcuda.so.1')
    sys.exit(3)
except OSError:
    pass
library = ctypes.CDLL('build/lib/libboxgrad_cuda.so')
library.boxgrad_cuda_last_error.restype = ctypes.c_char_p
a = (ctypes.c_float * 4)(0, 0, 1, 1)
print(library.boxgrad_cuda_box_area_f32(a, ctypes.c_size_t(1), ctypes.c_ssize_t(4), a, None), library.boxgrad_cuda_last_error().decode())
print(library.boxgrad_cuda_load(None), library.boxgrad_cuda_box_area_f32(None, ctypes.c_size_t(1), ctypes.c_ssize_t(4), a, None), library.boxgrad_cuda_version_number())
"""


def test_without_a_driver():
    result = subprocess.run([sys.executable, "-c", NO_DRIVER], cwd=ROOT, capture_output=True, text=True, env={})
    if result.returncode == 3:
        pytest.skip("this machine has a driver")
    version = int(re.search(r"BOXGRAD_VERSION_NUMBER (\w+)", (ROOT / "include/boxgrad.h").read_text())[1], 0)
    assert result.stdout.splitlines() == [
        f"{UNSUPPORTED} libcuda.so.1 is not here: this machine has no NVIDIA driver", f"{UNSUPPORTED} {NULL_POINTER} {version}"
    ], result.stderr  # fmt: skip


def test_with_an_old_driver(tmp_path):
    """A driver without cuLibraryLoadData, which came with CUDA 12.0."""
    (tmp_path / "old.c").write_text("int cuInit(unsigned f) { return (int)f; } int cuGetErrorName(int r, char **n) { return r + !n; }\n"
                                    "int cuGetErrorString(int r, char **n) { return r + !n; }\n")  # fmt: skip
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", tmp_path / "old.c"], check=True)
    program = NO_DRIVER.replace("    sys.exit(3)\n", "    pass\n")
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env={"LD_LIBRARY_PATH": str(tmp_path)})
    assert result.stdout.startswith(f"{UNSUPPORTED} libcuda.so.1 has no cuLibraryLoadData: the driver must be of CUDA 12.0 or later\n"), result.stderr


def test_exports_are_the_header():
    declared = set(re.findall(r"\b(boxgrad_cuda_\w+)\(", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)))
    said = subprocess.run(["nm", "-D", "--defined-only", ROOT / "build/lib/libboxgrad_cuda.so"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r" T (\w+)", said)) == declared
    assert re.findall(r" ([B-SU-Z]) ", said) == []


def test_the_table_for_plugins_is_the_header(cuda):
    """Each field is the function of its name."""
    declared = re.search(r"typedef struct \{([^}]*)\} boxgrad_cuda_api;", re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL))[1]
    fields = re.findall(r"\(\*(\w+)\)", declared)
    assert {f"boxgrad_cuda_{name}" for name in fields} | {"boxgrad_cuda_get_api"} == set(re.findall(r"\b(boxgrad_cuda_\w+)\(", HEADER))
    cuda.boxgrad_cuda_get_api.restype = ctypes.c_void_p
    assert [cuda.boxgrad_cuda_get_api(ctypes.c_uint32(version)) for version in (0, 2, 2**32 - 1)] == [None] * 3
    table = cuda.boxgrad_cuda_get_api(ctypes.c_uint32(1))
    assert list((ctypes.c_uint32 * 2).from_address(table)) == [1, 8 + 8 * len(fields)]
    for name, place in zip(fields, (ctypes.c_void_p * len(fields)).from_address(table + 8)):
        assert place == ctypes.cast(getattr(cuda, f"boxgrad_cuda_{name}"), ctypes.c_void_p).value, name


def test_needs_libc_alone():
    said = subprocess.run(["readelf", "-d", ROOT / "build/lib/libboxgrad_cuda.so"], capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"NEEDED.*\[(.*)\]", said)) <= {"libc.so.6", "libdl.so.2", "libpthread.so.0"}


@pytest.mark.parametrize("compiler", [["cc", "-std=c99", "-x", "c"], ["c++", "-std=c++17", "-x", "c++"]])
def test_the_header_compiles(compiler, tmp_path):
    (tmp_path / "use.c").write_text('#include <boxgrad_cuda.h>\nint main(void) { return boxgrad_cuda_load(0) == BOXGRAD_DEVICE; }\n')
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include", "-c", tmp_path / "use.c", "-o", tmp_path / "use.o"], check=True)


def test_the_example(tmp_path):
    """examples/cuda.c knows nothing of CUDA but the driver, and prints what first.c prints."""
    for name, libraries in (("cuda", ["-lboxgrad_cuda", "-ldl"]), ("first", ["-lboxgrad"])):
        flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include", f"-L{ROOT}/build/lib", f"-L{CPU.parent}"]
        subprocess.run(["cc", *flags, ROOT / f"examples/{name}.c", *libraries, "-o", tmp_path / name], check=True)
    path = {"LD_LIBRARY_PATH": f"{ROOT}/build/cuda/standin:{ROOT}/build/lib:{CPU.parent}"}
    printed = [subprocess.run([tmp_path / name], env=path, check=True, capture_output=True, text=True).stdout for name in ("cuda", "first")]
    assert printed[0] == printed[1] != ""


def test_lines_have_at_most_100_columns():
    assert [line for line in HEADER.splitlines() if len(line) > 100] == []
