"""The libraries, and the stand-in for the driver, which is loaded first: the library then finds it by its name."""

import _ctypes
import ctypes
import itertools
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "Tests/cuda"), str(ROOT / "tools")]
import gpu  # noqa: E402

BUILD = ROOT / "build/cuda"
CPU = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
COPIES = itertools.count()


class StandIn(gpu.Driver):
    """The stand-in, with what tests ask of it."""

    def __init__(self):
        super().__init__(str(BUILD / "standin/libcuda.so.1"))
        self.lib.standin_journal.restype = ctypes.c_char_p

    def journal(self):
        """Returns (function, kernel, context, stream) for each call since the last reset."""
        return [tuple(line.split()) for line in self.lib.standin_journal().decode().splitlines()]

    def names(self):
        return [line[0] for line in self.journal()]


@pytest.fixture(scope="session")
def session_driver():
    return StandIn()


@pytest.fixture
def driver(session_driver):
    session_driver.lib.standin_reset()
    session_driver.lib.cuCtxSetCurrent(ctypes.c_void_p(1))
    yield session_driver
    session_driver.lib.standin_reset()
    session_driver.lib.cuCtxSetCurrent(ctypes.c_void_p(1))


@pytest.fixture(scope="session")
def cpu():
    library = ctypes.CDLL(str(CPU))
    library.boxgrad_last_error.restype = ctypes.c_char_p
    return library


def load(path):
    library = ctypes.CDLL(str(path))
    library.boxgrad_cuda_last_error.restype = library.boxgrad_cuda_status_string.restype = ctypes.c_char_p
    return library


@pytest.fixture(scope="session")
def cuda(session_driver):
    return load(ROOT / "build/lib/libboxgrad_cuda.so")


@pytest.fixture
def fresh(session_driver, tmp_path):
    """A copy of the library that has loaded nothing yet."""
    path = tmp_path / f"libboxgrad_cuda_{next(COPIES)}.so"
    shutil.copy(ROOT / "build/lib/libboxgrad_cuda.so", path)
    library = load(path)
    yield library
    _ctypes.dlclose(library._handle)
