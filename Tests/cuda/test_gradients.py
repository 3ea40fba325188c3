"""Norms and clipping of many tensors: what is refused, what is launched, and that the order of the blocks makes no difference. Their bits are compared in test_bits.py."""

import ctypes

import gpu
import numpy as np
import pytest
from gpu import D, I, In, N, Out, TensorsCall

UNSUPPORTED, BAD_PARAMETER, NULL_POINTER, SIZE_OVERFLOW, DEVICE = 40, 20, 10, 12, 50
NAMES = ("grad_norm", "clip_grad_norm", "clip_grads_with_norm", "clip_grad_value")


def a_call(name, count=3, dtypes=gpu.FLOATS[:1], n=300, p=2.0):
    arrays = [gpu.gradient(k, n, dtypes[k % len(dtypes)], "usual") for k in range(count)]
    written = [Out(x.shape, x.dtype, like=x) for x in arrays]
    return {
        "grad_norm": lambda: TensorsCall(name, [In(x) for x in arrays], D(p), Out(1, np.float64), Out(count, np.float64), Out(1, np.uint64)),
        "clip_grad_norm": lambda: TensorsCall(name, written, D(0.5), D(p), D(1e-6), I(0), Out(1, np.float64)),
        "clip_grads_with_norm": lambda: TensorsCall(name, written, D(0.5), In(np.array([2.0])), D(1e-6), I(0), scratch=False),
        "clip_grad_value": lambda: TensorsCall(name, written, D(0.01), scratch=False),
    }[name]()


class Prepared:
    """The arguments of a call, whose memory is its own."""

    def __init__(self, call):
        self.arrays = [np.ascontiguousarray(x.like if getattr(x, "like", None) is not None else x.array).copy() for x in call.arguments if isinstance(x, (In, Out))]
        arrays = iter(self.arrays)
        pointers = [ctypes.c_void_p(next(arrays).ctypes.data) if isinstance(x, (In, Out)) else x for x in call.arguments]
        self.call, self.given = call, call.given(pointers)
        self.memory = np.empty(1 << 20, np.uint8)
        start = -self.memory.ctypes.data % 16
        self.last = [ctypes.c_void_p(self.memory.ctypes.data + start), N((1 << 20) - 16), None] if call.scratch is not None else [None]

    def __call__(self, library):
        return getattr(library, self.call.symbol("boxgrad_cuda"))(*self.given, *self.last)


def launched(driver):
    return [what.removeprefix("boxgrad_") for function, what, *_ in driver.journal() if function == "cuLaunchKernel"]


def change(prepared, k, field, value):
    setattr(prepared.given[0][k], field, value)


WRONG = {
    "tensors": lambda x: x.given.__setitem__(0, None), "n": lambda x: x.given.__setitem__(1, N(2**64 - 1)), "n of 2^62": lambda x: x.given.__setitem__(1, N(2**62)),
    "dtype": lambda x: change(x, 1, "dtype", 4), "negative dtype": lambda x: change(x, 1, "dtype", -1), "reserved": lambda x: change(x, 2, "reserved", 1),
    "data": lambda x: change(x, 2, "data", None), "count": lambda x: change(x, 0, "count", 2**64 - 1), "large count": lambda x: change(x, 0, "count", 2**62),
}  # fmt: skip
VALUES = {ctypes.c_double: (-1.0, 0.0, float("nan"), float("inf"), 1e-320), ctypes.c_int32: (-1, 4)}


@pytest.mark.parametrize("name", NAMES)
def test_refusals_are_those_of_the_cpu(name, cpu, cuda, driver):
    on_cpu = getattr(cpu, f"boxgrad_{name.replace('grads_with', 'grad')}")

    def check(spoil):
        prepared = Prepared(a_call(name))
        spoil(prepared)
        given = list(prepared.given)
        if name == "clip_grads_with_norm":  # the CPU's function of the same checks
            given = [*given[:3], D(2.0), *given[4:], None]
        driver.lib.standin_reset()
        driver.lib.standin_fail(b"cuLaunchKernel", 100, 0)
        driver.lib.standin_want_context(1)
        status, said = prepared(cuda), cuda.boxgrad_cuda_last_error()
        if status in (0, DEVICE):
            return False
        assert driver.names() == []
        assert (on_cpu(*given), cpu.boxgrad_last_error()) == (status, said)
        return True

    assert all(check(spoil) for spoil in WRONG.values())
    refused = 0
    for k, x in enumerate(Prepared(a_call(name)).given[2:], 2):
        for value in VALUES.get(type(x), ()):
            if not (name.endswith("grad_norm") and value == 1e-320):  # the CPU refuses it as a p, and a GPU has three of all
                refused += check(lambda prepared, k=k, x=x, value=value: prepared.given.__setitem__(k, type(x)(value)))
    assert refused >= 2


@pytest.mark.parametrize("name", NAMES[:2])
def test_other_orders_are_not_on_the_gpu(name, cuda, driver):
    for p in (3.0, 0.5, 1e-300):
        assert Prepared(a_call(name, p=p))(cuda) == UNSUPPORTED
        assert cuda.boxgrad_cuda_last_error().decode() == f"p must be 1, 2 or infinity on a GPU (got {p:g})"
    assert driver.names() == []


def test_a_norm_must_be_given(cuda, driver):
    prepared = Prepared(a_call("clip_grads_with_norm"))
    prepared.given[3] = None
    assert prepared(cuda) == NULL_POINTER and cuda.boxgrad_cuda_last_error() == b"total is NULL"
    assert driver.names() == []


@pytest.mark.parametrize("dtypes", [gpu.FLOATS[:3], gpu.FLOATS], ids=["exact", "doubles"])
@pytest.mark.parametrize("name", NAMES[:2])
def test_scratch_is_checked(name, dtypes, cuda, driver):
    prepared = Prepared(a_call(name, 5, dtypes))
    query = getattr(cuda, f"boxgrad_cuda_{name}_scratch")
    query.restype = ctypes.c_size_t
    needed, start = query(*prepared.given[:2]), prepared.last[0].value
    for scratch, size, status, words in (
        (None, needed, NULL_POINTER, "scratch is NULL"), (start, needed - 1, BAD_PARAMETER, f"scratch_size must be at least {needed} (got {needed - 1})"),
        (start + 8, needed, BAD_PARAMETER, "scratch must begin at a multiple of 16 bytes"),
    ):  # fmt: skip
        prepared.last[:2] = ctypes.c_void_p(scratch), N(size)
        assert prepared(cuda) == status and cuda.boxgrad_cuda_last_error().decode() == words
    assert driver.names() == []
    prepared.last[:2] = ctypes.c_void_p(start), N(2**64 - 1)
    assert prepared(cuda) == 0
    large = (gpu.Tensor * 2)(gpu.Tensor(start, 2**60, 1, 0), gpu.Tensor(start, 2**60, 1, 0))
    for tensors, n in ((None, 3), (None, 2**64 - 1), (prepared.given[0], 2**64 - 1), (prepared.given[0], 2**63), (large, 2)):
        assert query(tensors, N(n)) == 2**64 - 1
    assert query(None, N(0)) > 0


@pytest.mark.parametrize(
    "count, dtypes, p, expected",
    [(189, 1, 2.0, ["grad_sums", "grad_norm", "grad_change"]),
     (190, 3, 1.0, ["grad_sums", "grad_norm", "grad_change"]),
     (191, 3, 2.0, ["grad_sums"] * 2 + ["grad_norm"] + ["grad_change"] * 2),
     (5, 3, np.inf, ["grad_largest", "grad_norm", "grad_change"]),
     (5, 4, np.inf, ["grad_largest", "grad_doubles", "grad_norm", "grad_change"]),
     (5, 4, 1.0, ["grad_sums", "grad_doubles", "grad_doubles_norm", "grad_norm", "grad_change"]),
     (5, 4, 2.0, ["grad_sums", "grad_doubles"] + ["grad_doubles_norm", "grad_doubles"] + ["grad_doubles_norm", "grad_norm", "grad_change"]),
     (0, 1, 2.0, ["grad_norm"])],
)  # fmt: skip
def test_launches(count, dtypes, p, expected, cuda, driver):
    call = a_call("clip_grad_norm", count, gpu.FLOATS[:dtypes], 3, p)
    assert Prepared(call)(cuda) == 0
    assert launched(driver) == expected
    assert driver.names().count("cuMemsetD8Async") == 1


def test_empty_tensors_are_no_work(cuda, driver):
    assert Prepared(a_call("clip_grad_norm", 400, gpu.FLOATS, 0))(cuda) == 0
    assert launched(driver) == ["grad_norm"]


def test_nothing_is_changed_where_the_norm_is_only_measured(cuda, driver):
    prepared = Prepared(a_call("clip_grad_norm"))
    prepared.given[2] = D(np.inf)
    assert prepared(cuda) == 0 and launched(driver) == ["grad_sums", "grad_norm"]


@pytest.mark.parametrize("name", NAMES)
def test_a_captured_stream_only_gets_launches(name, fresh, driver):
    """After boxgrad_cuda_load nothing is loaded and nothing waits."""
    assert fresh.boxgrad_cuda_load(b"grad") == 0
    assert {what for function, what, *_ in driver.journal() if function == "cuLibraryLoadData"} == {
        f"boxgrad_grad_{family}" for family in ("sums", "norm", "change", "largest", "doubles")}  # fmt: skip
    driver.lib.standin_reset()
    prepared = Prepared(a_call(name, 400, gpu.FLOATS, 3))
    prepared.last[-1] = ctypes.c_void_p(0x77)
    assert prepared(fresh) == 0
    assert {(line[0], line[3]) for line in driver.journal()} <= {("cuLaunchKernel", "0x77"), ("cuMemsetD8Async", "0x77")}


@pytest.mark.parametrize("name", NAMES)
def test_every_failure_of_the_driver_is_reported(name, cuda, driver):
    prepared = Prepared(a_call(name, 200, gpu.FLOATS, 3))
    assert prepared(cuda) == 0
    for function in ("cuLaunchKernel", "cuMemsetD8Async"):
        for k in range(driver.names().count(function)):
            driver.lib.standin_reset()
            driver.lib.standin_fail(function.encode(), 100, k)
            assert prepared(cuda) == DEVICE, (function, k)
            assert cuda.boxgrad_cuda_last_error().decode() == f"{function} failed with CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected"
            assert driver.names().count(function) == k + 1
        driver.lib.standin_reset()
        assert prepared(cuda) == 0


@pytest.mark.parametrize("p", gpu.ORDERS)
def test_the_order_of_the_blocks_makes_no_difference(p, cpu, cuda, driver):
    for dtype in gpu.FLOATS:
        for kind in ("usual", "wide", "any"):
            call = TensorsCall("grad_norm", [In(gpu.gradient(k, 50_003, dtype, kind)) for k in range(2)], D(p), Out(1, np.float64), Out(2, np.float64), None)
            driver.lib.standin_backwards(1)
            assert call.differences(cpu, cuda, driver) == {}, (dtype, kind)
            driver.lib.standin_backwards(0)
            assert call.differences(cpu, cuda, driver) == {}, (dtype, kind)


@pytest.mark.parametrize("name", NAMES[1:3])
def test_the_code_of_an_error_changes_nothing(name, cuda, driver):
    """Where the CPU fails because the norm is not finite, the GPU leaves the gradients, and the norm tells."""
    for bad in (np.inf, np.nan):
        call = a_call(name)
        call.arguments[1].like[7] = bad
        if name == "clip_grads_with_norm":
            call.arguments = (*call.arguments[:4], In(np.array([bad])), *call.arguments[5:])
        call.arguments = tuple(I(1) if isinstance(x, I) else x for x in call.arguments)
        found = call.on_gpu(cuda, driver)
        for x, array in zip(call.arguments, found[:3]):
            assert np.array_equal(x.like, array, equal_nan=True)
        if name == "clip_grad_norm":
            assert gpu.compare(found[3], np.array([bad])) is None
