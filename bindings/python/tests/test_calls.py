"""The compiled module that calls the library: it does what ctypes does, which takes its place where it was not compiled."""

import ctypes
import subprocess
import sys
import threading
import time
from pathlib import Path

import boxgrad
import numpy as np
import pytest
from boxgrad import _library

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="skipped: the stable interface of this Python has no buffers")
TESTS = Path(__file__).parent
BOXES = np.array([[0, 0, 4, 4], [1, 1, 3, 5]], np.float32)


def area(count=2, stride=4, boxes=BOXES, out=None):
    out = np.zeros(2, np.float32) if out is None else out
    _library.library_of[BOXES.dtype].box_area(boxes, count, stride, out)
    return out


def test_it_is_in_use():
    names = {f"{name}_{suffix}" for name in _library.FOR_EACH_DTYPE for suffix in ("f32", "f64")}
    assert set(_library._compiled) == names | {name for name in _library.FOR_ALL_DTYPES if not name.startswith("set_")}
    assert _library.library_of[BOXES.dtype].box_area is _library._compiled["box_area_f32"]


def test_without_it_ctypes_passes_the_same_tests():
    """Refusals, values and gradients of every kind of function."""
    code = "import sys; sys.modules['boxgrad._calls'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    files = [TESTS / name for name in ("test_scalars.py", "test_known_answers.py", "test_kinks.py")]
    command = [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=TESTS)
    assert result.returncode == 0, result.stdout[-2000:]
    check = "import sys; sys.modules['boxgrad._calls'] = None; from boxgrad import _library; print(_library._compiled)"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout == "{}\n"


def test_memory_is_any_contiguous_buffer():
    packed = bytearray(BOXES.tobytes())
    for boxes in (BOXES, bytes(packed), packed, memoryview(packed), (ctypes.c_float * 8)(*BOXES.ravel())):
        np.testing.assert_array_equal(area(boxes=boxes), [16, 8])
    packed.append(0)  # which nobody holds any more


@pytest.mark.parametrize("arguments", [{"count": 2.5}, {"count": None}, {"boxes": "boxes"}, {"boxes": BOXES[:, ::2]}, {"boxes": 3}, {"stride": "4"}])
def test_what_is_no_argument(arguments):
    out = bytearray(8)
    with pytest.raises((TypeError, ValueError, BufferError)):
        area(out=out, **arguments)
    assert out == bytes(8)
    out.append(0)
    with pytest.raises(TypeError, match="box_area_f32 takes 4 arguments, not 1"):
        _library.library_of[BOXES.dtype].box_area(BOXES)


def test_integers_wrap_as_those_of_ctypes_do():
    with pytest.raises(OverflowError, match=r"count is too large \(got 18446744073709551615\)"):
        area(count=-1)
    with pytest.raises(ValueError, match=r"stride must be at least 4 \(got -3\)"):
        area(stride=-3)
    np.testing.assert_array_equal(area(count=np.int64(2)), [16, 8])


def test_a_failure_is_the_librarys_sentence():
    with pytest.raises(ValueError, match="is NULL"):
        area(boxes=None)


def test_references_are_given_back():
    out, counts = np.zeros(2, np.float32), [sys.getrefcount(x) for x in (BOXES, None)]
    for _ in range(1000):
        area(out=out)
        with pytest.raises(ValueError):
            area(boxes=None, out=out)
    assert [sys.getrefcount(x) for x in (BOXES,)] == counts[:1] and sys.getrefcount(out) == 2
    assert abs(sys.getrefcount(None) - counts[1]) < 500


def test_other_threads_run_meanwhile():
    boxes, ticks, done = np.random.default_rng(0).random((4000, 4)), [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    boxgrad.complete_box_iou(boxes, boxes)
    end = time.perf_counter()
    done.set()
    thread.join()
    assert len([tick for tick in ticks if start < tick < end]) > 3


def test_a_library_of_another_interface_is_refused():
    from boxgrad import _calls

    other = (ctypes.c_uint32 * 1000)(1, 0, 40)  # boxgrad_api begins with its version and its size
    with pytest.raises(ImportError, match="compiled for another version"):
        _calls.functions(ctypes.addressof(other), _library._fail)
    np.testing.assert_array_equal(area(), [16, 8])
