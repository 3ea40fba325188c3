"""exp, log, atan, sin, cos and power of Sources/Kernels: every float against the C library, and a million doubles each against MPFR.

The kernels' own sources are compiled into a library of their own: the formulas through which the built one shows these functions add
roundings. With BOXGRAD_TEST_ALL in the environment there are 50 times as many doubles, and atan's sweep takes the negative floats too.
"""

import ctypes
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import inf, ldexp, log, nan, pi
from pathlib import Path

import gmpy2
import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ALL = bool(os.environ.get("BOXGRAD_TEST_ALL"))
ROUNDS = 50 if ALL else 1
COUNT = 200_000  # points of each kind in a round

# The bounds that Sources/Kernels states, in ulps.
FLOAT, EXP, LOG, ATAN, ANGLE, POWER = 0.51, 0.9, 0.8, 0.9, 1, 3

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # infinities and NaNs are among the arguments
gmpy2.get_context().precision = 200  # 60 digits


# ---- The kernels, over arrays ----


def run(*command):
    subprocess.run(list(map(str, command)), check=True)


class Kernels:
    """kernels.f(*arrays) calls the exported function of this name and returns the array it fills, or the arrays."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)

    def __getattr__(self, name):
        dtype = np.float32 if name.endswith("f32") else np.float64

        def call(*arguments, results=1):
            arguments = [np.array(a) for a in np.broadcast_arrays(*arguments)]
            filled = [np.empty(arguments[0].shape, dtype) for _ in range(results)]
            inputs, outputs = ([ctypes.c_void_p(a.ctypes.data) for a in arrays] for arrays in (arguments, filled))
            getattr(self.library, name)(*inputs, ctypes.c_ssize_t(arguments[0].size), *outputs)
            return filled if results > 1 else filled[0]

        return call


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """Compiled for this CPU: every tier gives the same bits (Tests/binary), and this is the fastest."""
    path = tmp_path_factory.mktemp("kernels") / "kernels.so"
    sources = [ROOT / f"Sources/Kernels/{name}.swift" for name in ("Scalar", "Elementary", "Angle", "Power")]
    options = "-O -wmo -parse-as-library -emit-library -module-name kernels -Xcc -march=native -Xcc -fno-math-errno"
    run("swiftc", *options.split(), "-I", ROOT / "include", "-I", HERE, HERE / "Exports.swift", *sources, "-o", path)
    return Kernels(path)


# ---- Errors ----

# precision, exponent of the smallest subnormal, exponent of what is too large
FORMATS = {np.dtype(np.float32): (24, -149, 128), np.dtype(np.float64): (53, -1074, 1024)}


def radians(degrees):
    return gmpy2.fmod(degrees, 360) * gmpy2.const_pi() / 180


def log_of_ratio(a, b):
    ratio = a / b
    return np.where(abs(ratio - 1) < 0.25, np.log1p((a - b) / b), np.log(ratio))


def sine_of_turn(degrees, quarters=0):
    """The sine of so many degrees and quarters of a turn: what is left of them beyond the nearest quarter is exact."""
    turn = np.fmod(degrees, 360)
    nearest = np.rint(turn / 90)
    rest = (turn - 90 * nearest) * (np.arctan(np.longdouble(1)) / 45)
    quarters = (nearest.astype(int) + quarters) % 4
    return np.choose(quarters, [np.sin(rest), np.cos(rest), -np.sin(rest), -np.cos(rest)])


# By MPFR; and in x87's extended precision, which has 11 bits more than a double: quick, and enough to tell which points to show MPFR.
EXACT = {
    "exp": gmpy2.exp,
    "log": lambda a, b: gmpy2.log(a / b),
    "atan": gmpy2.atan,
    "angle": gmpy2.atan2,
    "power": lambda x, p: x**p,
    "sin": lambda degrees: gmpy2.sin(radians(degrees)),
    "cos": lambda degrees: gmpy2.cos(radians(degrees)),
    "sin of radians": gmpy2.sin,
    "cos of radians": gmpy2.cos,
}
EXTENDED = {
    "exp": np.exp, "log": log_of_ratio, "atan": np.arctan, "angle": np.arctan2, "power": np.power,
    "sin": sine_of_turn, "cos": lambda degrees: sine_of_turn(degrees, 1), "sin of radians": np.sin, "cos of radians": np.cos,
}


def errors(name, values, *arguments):
    """The distance of each value from the function's, in ulps of the values' format. Infinity counts as the next power of two."""
    digits, smallest, largest = FORMATS[values.dtype]
    beyond = gmpy2.mpfr(2) ** largest
    found = []
    for value, *point in zip(values.tolist(), *(a.tolist() for a in arguments)):
        exact = min(EXACT[name](*map(gmpy2.mpfr, point)), beyond)
        ulp = ldexp(1, max(gmpy2.get_exp(exact) - digits, smallest))
        found.append(float(abs((beyond if value == inf else value) - exact) / ulp))
    return np.nan_to_num(found, nan=inf)


def extended_errors(name, values, *arguments):
    """The same in extended precision."""
    digits, smallest, largest = FORMATS[values.dtype]
    beyond = np.ldexp(np.longdouble(1), largest)
    exact = np.minimum(EXTENDED[name](*(a.astype(np.longdouble) for a in arguments)), beyond)
    ulp = np.ldexp(np.longdouble(1), np.maximum(np.frexp(exact)[1] - digits, smallest))
    return np.nan_to_num((abs(np.minimum(values, beyond) - exact) / ulp).astype(float), nan=inf)


def assert_within(bound, name, values, *arguments):
    """All points are decided by MPFR."""
    arguments = np.broadcast_arrays(*arguments)
    error = errors(name, values, *arguments)
    worst = np.argmax(error)
    point = ", ".join(float(a[worst]).hex() for a in arguments)
    print(f"{len(values)} points; worst {name}({point}) = {float(values[worst]).hex()}, {error[worst]:.9f} ulp off")
    assert error[worst] <= bound
    return error


def assert_all_within(bound, name, values, *arguments):
    """MPFR decides the points that look worst in extended precision, and a sample that shows how far these looks are to be trusted."""
    arguments = np.broadcast_arrays(*arguments)
    looks = extended_errors(name, values, *arguments)
    order = np.argsort(-looks)
    shown = np.r_[order[:1000], order[1000::200]]
    error = assert_within(bound, name, values[shown], *(a[shown] for a in arguments))
    doubt = 2.0 ** (FORMATS[values.dtype][0] - 61)
    assert np.max(abs(looks[shown] - error)) <= doubt
    assert looks[order[1000]] <= bound - doubt


# ---- Every float ----


@pytest.fixture(scope="module")
def sweep(kernels, tmp_path_factory):
    """sweep(kernel, negative) gives the worst float of each binade, found by the kernel's sweep in sweep.c. All cores take part."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.so"
    run("cc", "-O3", "-march=native", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", HERE / "sweep.c", "-o", path, "-lm")
    library = ctypes.CDLL(path)

    def run_sweep(name, *, negative):
        function = library["sweep_" + name.split("_")[0]]

        def binade(index):
            found = np.empty(1, np.float32)
            return found[: function(kernels.library[name], ctypes.c_uint32(index << 23), ctypes.c_void_p(found.ctypes.data))]

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return np.concatenate(list(pool.map(binade, range(512 if negative else 256))))

    return run_sweep


def test_exp_of_every_float(sweep, kernels):
    x = sweep("exp_f32", negative=True)
    assert_within(FLOAT, "exp", kernels.exp_f32(x), x)


def test_log_of_every_positive_float(sweep, kernels):
    x = sweep("log_f32", negative=False).astype(float)
    assert_within(FLOAT, "log", kernels.log_f32(x, 1.0), x, 1.0)


def test_atan_of_every_float(sweep, kernels):
    x = sweep("atan_f64", negative=ALL).astype(float)
    assert_within(ATAN, "atan", kernels.atan_f64(x), x)


# ---- Doubles ----


@pytest.fixture(params=range(ROUNDS))
def generator(request):
    return np.random.default_rng(request.param)


def magnitudes(generator, low, high):
    """2^low ... 2^high, every binade as often as any other."""
    return np.exp2(generator.uniform(low, high, COUNT))


def signed(generator, x):
    return generator.choice([-1.0, 1.0], len(x)) * x


def around(generator, points, reach=2000):
    """Doubles up to `reach` steps away from these points, and the points."""
    x = generator.choice(points, COUNT)
    return np.concatenate([points, x + generator.integers(-reach, reach + 1, COUNT) * np.spacing(x)])


def test_exp(kernels, generator):
    turns = (np.arange(-1076, 1025) + 0.5) * log(2)  # from one power of two to the next
    ends = np.array([-1075 * log(2), -1074 * log(2), -1022 * log(2), 1024 * log(2)])
    x = np.concatenate([
        generator.uniform(-746, 710, COUNT), generator.uniform(-745.2, -708, COUNT), signed(generator, magnitudes(generator, -60, 9.5)),
        around(generator, turns), around(generator, ends, 10**5),
    ])
    assert_all_within(EXP, "exp", kernels.exp_f64(x), x)


def test_log(kernels, generator):
    one = np.ones(COUNT)
    size, other = magnitudes(generator, -1074, 1024), magnitudes(generator, -1074, 1024)
    middle = magnitudes(generator, -900, 900)
    turns = around(generator, np.array([0.5**0.5, 1, 2**0.5]))  # of the mantissas' ratio
    turning = np.ldexp(turns, generator.integers(-1000, 1000, len(turns)))
    for a, b in [
        (size, one), (one, size), (generator.uniform(0.5, 2, COUNT), one), (size, other), (turning, np.ones(len(turning))),
        (middle * (1 + signed(generator, magnitudes(generator, -53, -1))), middle), (turns[:COUNT] * middle, middle),
    ]:
        assert_all_within(LOG, "log", kernels.log_f64(a, b), a, b)


def test_log_of_float_sizes(kernels, generator):
    """Of boxes of floats: a size is a difference of two floats, formed in double."""
    def sizes(low, high):
        corners = signed(generator, magnitudes(generator, low, high)), signed(generator, magnitudes(generator, low, high))
        return abs(np.subtract(*(x.astype(np.float32).astype(float) for x in corners)))

    for a, b in [(sizes(-149, 128), sizes(-149, 128)), (sizes(-149, -120), sizes(-149, -120)), (sizes(0, 10), sizes(0, 10))]:
        regular = (0 < a) & (a < inf) & (0 < b) & (b < inf)
        a, b = a[regular], b[regular]
        assert_all_within(FLOAT, "log", kernels.log_f32(a, b), a, b)
    a = sizes(0, 10) + 1
    b = a.astype(np.float32) + np.spacing(a.astype(np.float32)) * generator.integers(1, 1000, COUNT)
    assert_all_within(FLOAT, "log", kernels.log_f32(a, b), a, b)


def test_atan(kernels, generator):
    turns = np.array([0.4375, 0.6875, 1.1875, 2.4375])
    x = np.concatenate([
        magnitudes(generator, -1074, 1024), magnitudes(generator, -60, 60), magnitudes(generator, -4, 4), generator.uniform(0, 3, COUNT),
        around(generator, turns),
    ])
    x = signed(generator, x)
    assert_all_within(ATAN, "atan", np.copysign(kernels.atan_f64(x), 1), abs(x))
    np.testing.assert_array_equal(np.signbit(kernels.atan_f64(x)), np.signbit(x))


def test_angle(kernels, generator):
    """Of diagonals: x and y are cross and dot products of the sides of float boxes."""
    x, y = (signed(generator, magnitudes(generator, -200, 200)) for _ in range(2))
    turns = np.tan(np.arange(1, 8) * pi / 8)
    slopes = np.concatenate([signed(generator, magnitudes(generator, -30, 30)), around(generator, turns)])
    for a, b in [(y, x), (slopes, np.ones(len(slopes))), (slopes, -np.ones(len(slopes))), (np.ones(len(slopes)), slopes)]:
        assert_all_within(FLOAT, "angle", np.copysign(kernels.angle_f32(a, b), 1), abs(a), b)
        np.testing.assert_array_equal(np.signbit(kernels.angle_f32(a, b)), np.signbit(a))


def test_sin_and_cos(kernels, generator):
    degrees = np.concatenate([
        generator.uniform(-720, 720, COUNT), signed(generator, magnitudes(generator, -1074, 1024)),
        signed(generator, magnitudes(generator, -1030, -1000)), signed(generator, magnitudes(generator, -10, 60)),
        around(generator, np.arange(-720, 721, 45.0)), np.arange(-1000.0, 1000),
    ])
    sine, cosine = kernels.sine_and_cosine_of_degrees_f64(degrees, results=2)
    right = np.fmod(degrees, 90) == 0
    assert right.sum() > 20
    for name, values in ("sin", sine), ("cos", cosine):
        assert_all_within(ANGLE, name, values[~right], degrees[~right])


def test_right_angles_are_exact(kernels):
    quarters = np.concatenate([np.arange(-4000.0, 4001), 2.0 ** np.arange(60, 1000)])
    sine, cosine = kernels.sine_and_cosine_of_degrees_f64(90 * quarters, results=2)
    quarter = (np.fmod(quarters, 4).astype(int)) % 4
    np.testing.assert_array_equal(sine, np.array([0.0, 1, 0, -1])[quarter])
    np.testing.assert_array_equal(cosine, np.array([1.0, 0, -1, 0])[quarter])


def test_sin_and_cos_of_radians(kernels, generator):
    quarters = np.arange(1, 200_000) * (pi / 2)
    radians = np.concatenate([
        generator.uniform(-7, 7, COUNT), signed(generator, magnitudes(generator, -1074, 1024)), signed(generator, magnitudes(generator, -10, 60)),
        signed(generator, magnitudes(generator, 18.9, 19.1)), around(generator, quarters[::100]), around(generator, quarters[:16]),
        np.arange(-1000.0, 1000),
    ])
    sine, cosine = kernels.sine_and_cosine_of_radians_f64(radians, results=2)
    for name, values in ("sin of radians", sine), ("cos of radians", cosine):
        assert_all_within(ANGLE, name, values, radians)


def test_edges_of_sin_and_cos_of_radians(kernels):
    sine, cosine = kernels.sine_and_cosine_of_radians_f64(np.array([0.0, -0.0, inf, -inf, nan]), results=2)
    np.testing.assert_array_equal(sine, [0.0, -0.0, nan, nan, nan])
    np.testing.assert_array_equal(np.signbit(sine[:2]), [False, True])
    np.testing.assert_array_equal(cosine, [1.0, 1.0, nan, nan, nan])


def test_power(kernels, generator):
    x, narrow = magnitudes(generator, -1074, 1024), magnitudes(generator, -0.5, 0.5)
    ends = generator.uniform(-745, 709.7, COUNT)
    near_one = 1 + signed(generator, magnitudes(generator, -52, -5))
    for x, p in [
        (magnitudes(generator, -5, 5), magnitudes(generator, -5, 8)), (magnitudes(generator, -1074, 0), magnitudes(generator, -60, 0)),
        (x, ends / np.log(x)), (narrow, ends / np.log(narrow)), (near_one, ends / np.log(near_one)),
    ]:
        p = abs(p)
        keep = (x != 1) & (0 < p) & (p < inf)
        assert_all_within(POWER, "power", kernels.power_f64(x[keep], p[keep]), x[keep], p[keep])


# ---- Edges ----

TINY, LARGEST = np.float64(5e-324), np.finfo(np.float64).max


def same(actual, expected):
    """Also in the sign of a zero."""
    np.testing.assert_array_equal(actual, np.array(expected, actual.dtype))
    np.testing.assert_array_equal(np.signbit(actual)[~np.isnan(actual)], np.signbit(expected)[~np.isnan(actual)])


def test_edges_of_exp(kernels):
    x = np.array([0.0, -0.0, TINY, -TINY, 1e-17, inf, LARGEST, -inf, -LARGEST, nan])
    same(kernels.exp_f64(x), [1, 1, 1, 1, 1, inf, inf, 0, 0, nan])
    same(kernels.exp_f32(x.astype(np.float32)), [1, 1, 1, 1, 1, inf, inf, 0, 0, nan])
    for function, dtype, largest, smallest in (kernels.exp_f64, np.float64, 1024, -1074), (kernels.exp_f32, np.float32, 128, -149):
        overflow = largest * gmpy2.log(2) + gmpy2.log1p(-(gmpy2.mpfr(2) ** -(np.finfo(dtype).nmant + 2)))  # halfway to 2^largest
        underflow = (smallest - 1) * gmpy2.log(2)  # halfway to 0
        for threshold, limit in (overflow, inf), (underflow, 0):
            x = dtype(threshold) + np.arange(-50, 51).astype(dtype) * np.spacing(dtype(threshold))
            same(function(x) == limit, [limit == (inf if gmpy2.mpfr(float(step)) >= threshold else 0) for step in x])


def test_edges_of_log(kernels):
    for function, dtype in (kernels.log_f32, np.float32), (kernels.log_f64, np.float64):
        tiny, largest = float(np.finfo(dtype).smallest_subnormal), float(np.finfo(dtype).max)
        numbers = np.array([0.0, tiny, 1, largest, inf, nan, -0.0, -tiny, -1, -largest, -inf])
        a, b = (x.ravel() for x in np.meshgrid(numbers, numbers))
        regular = (a != 0) & (b != 0) & np.isfinite(a) & np.isfinite(b) & (np.signbit(a) == np.signbit(b))
        same(function(a, b)[~regular], np.log(a.astype(dtype) / b.astype(dtype))[~regular])
        same(function(numbers[1:4], numbers[1:4]), [0, 0, 0])
        same(function(-numbers[1:4], -numbers[1:4]), [0, 0, 0])
    assert_within(LOG, "log", kernels.log_f64(a, b)[regular], a[regular], b[regular])


def test_edges_of_angle(kernels):
    y, x = np.array([0, 0, 1, 1, 1, 1, 1e-300]), np.array([1, -1, 0.0, -0.0, 1, -1, 1])
    expected = np.array([0, pi, pi / 2, pi / 2, pi / 4, 3 * pi / 4, 0], np.float32)
    same(kernels.angle_f32(y, x), expected)
    same(kernels.angle_f32(-y, x), -expected)
    same(kernels.angle_f32(np.array([nan, 1.0]), np.array([1.0, nan])), [nan, nan])


def test_edges_of_atan(kernels):
    x = np.array([0.0, TINY, 2.0**-1022, 1e-9, 2.0**54, LARGEST, inf])
    expected = [0, TINY, 2.0**-1022, 1e-9, pi / 2, pi / 2, pi / 2]
    same(kernels.atan_f64(x), expected)
    same(kernels.atan_f64(-x), -np.array(expected))
    same(kernels.atan_f64(np.array([nan])), [nan])


def test_edges_of_power(kernels):
    p = np.array([TINY, 1, 2, 1e300, LARGEST])
    same(kernels.power_f64(0.0, p), [0, 0, 0, 0, 0])
    same(kernels.power_f64(1.0, p), [1, 1, 1, 1, 1])
    same(kernels.power_f64(0.5, p), [1, 0.5, 0.25, 0, 0])
    same(kernels.power_f64(2.0, p), [1, 2, 4, inf, inf])
    same(kernels.power_f64(np.array([1 - 2.0**-53, 1 + 2.0**-52]), LARGEST), [0, inf])


# ---- Coefficients ----


def test_coefficients_are_those_of_the_tool():
    """Every polynomial that tools/elementary_coefficients.py derives is in the kernels, and they have no other long number."""
    def magnitudes_in(text):
        return [float.fromhex(number) for number in re.findall(r"0x1\.[0-9a-f]+p[+-]?\d+", text)]

    tool = [sys.executable, ROOT / "tools/elementary_coefficients.py"]
    derived = [magnitudes_in(line) for line in subprocess.run(tool, check=True, capture_output=True, text=True).stdout.splitlines()]
    written = [magnitudes_in((ROOT / f"Sources/Kernels/{name}.swift").read_text()) for name in ("Elementary", "Angle")]
    polynomials = [line[::-1] for line in derived if len(line) > 2]
    assert len(polynomials) == 8
    for polynomial in polynomials:
        runs = [numbers[i : i + len(polynomial)] for numbers in written for i in range(len(numbers))]
        assert polynomial in runs, f"the kernels do not have {[c.hex() for c in polynomial]}"
    others = {n for numbers in written for n in numbers if len(n.hex().split("p")[0].rstrip("0")) > 12} - set(sum(derived, []))
    assert not others, f"not derived: {[n.hex() for n in others]}"
