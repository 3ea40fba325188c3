"""The exact norms of the C interface against Python's integers, bit by bit: every integer of a state, and the one number that is rounded.

Every CPU tier of this machine is tried, each in a copy of the library that was loaded under its name.
"""

import ctypes
import math
import os
import platform
import shutil
from fractions import Fraction

import boxgrad
import ml_dtypes
import numpy as np
import pytest
from boxgrad import _library

FORMATS = {  # dtype: code, bits of the fraction, exponent of the last place of subnormal numbers
    "f32": (0, 23, -149),
    "f64": (1, 52, -1074),
    "f16": (2, 10, -24),
    "bf16": (3, 7, -133),
}
UNSIGNED = {"f32": np.uint32, "f64": np.uint64, "f16": np.uint16, "bf16": np.uint16}
SIZES = {22: -320, 136: -2176}
"""{size of a state: the exponent of its unit}"""
ORDERS = (1.0, 2.0, math.inf)
BAD_PARAMETER, NULL_POINTER, UNSUPPORTED = 20, 10, 40


# ---- What must come out ----


def integer(bits, of, p):
    """(the sum of |x|^p in units of 2^-2176, infinities, NaNs) of bit patterns."""
    _, fraction, last = FORMATS[of]
    width = 8 * bits.dtype.itemsize
    magnitudes = [x & ((1 << (width - 1)) - 1) for x in bits.tolist()]
    special = ((1 << (width - 1)) - 1) >> fraction << fraction
    total = 0
    for x in magnitudes:
        if x < special:
            field = x >> fraction
            number = x & ((1 << fraction) - 1) | (field > 0) << fraction
            total += number ** int(p) << int(p) * (max(field, 1) - 1 + last) + 2176
    return total, magnitudes.count(special), sum(x > special for x in magnitudes)


def largest(parts):
    """The largest magnitude of them all, as the bits of a double."""
    values = [float(x) for bits, of in parts for x in abs(numbers(bits, of))]
    worst = math.nan if any(map(math.isnan, values)) else max(values, default=0.0)
    return np.array([worst]).view(np.int64)[0]


def words(total, size):
    """A sum in units of 2^-2176 as a state's integers, all but the last of 32 bits."""
    total, rest = total >> (SIZES[size] + 2176), total & ((1 << (SIZES[size] + 2176)) - 1)
    assert rest == 0
    return [total >> 32 * i & 0xFFFFFFFF for i in range(size - 3)] + [total >> 32 * (size - 3)]


def wanted_state(parts, p, size):
    if p == math.inf:
        return [int(largest(parts)), *[0] * (size - 1)]
    totals = [integer(bits, of, p) for bits, of in parts]
    return [*words(sum(t[0] for t in totals), size), sum(t[1] for t in totals), sum(t[2] for t in totals)]


def rounded(numerator, exponent):
    """The double that is nearest to numerator * 2^exponent, which Python's division of integers is."""
    try:
        return float(Fraction(numerator) * Fraction(2) ** exponent)
    except OverflowError:
        return math.inf


def root_rounded(numerator, exponent):
    """The double that is nearest to the square root: that of a root with more digits than a double has, and one more if there is a rest."""
    assert exponent % 2 == 0
    more = max(0, 70 - numerator.bit_length() // 2)
    square = numerator << 2 * more
    root = math.isqrt(square)
    return rounded(2 * root + (root * root != square), exponent // 2 - more - 1)


def wanted_norm(state, p):
    size = len(state)
    if p == math.inf:
        return np.array(state[:1], np.int64).view(np.float64)[0]
    if state[-1] or state[-2]:
        return math.nan if state[-1] else math.inf
    total = sum(word << 32 * i for i, word in enumerate(state[:-2]))
    return (rounded if p == 1 else root_rounded)(total, SIZES[size])


# ---- The library ----


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        self.c.boxgrad_last_error.restype = self.c.boxgrad_cpu_tier.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        types = {int: ctypes.c_size_t, float: ctypes.c_double}
        return getattr(self.c, f"boxgrad_{name}")(*(types.get(type(x), ctypes.c_void_p)(x.ctypes.data if isinstance(x, np.ndarray) else x) for x in arguments))

    def ok(self, name, *arguments):
        assert self.call(name, *arguments) == 0, self.c.boxgrad_last_error()

    def begun(self, size):
        state = np.full(size, 77, np.int64)
        self.ok("exact_norm_begin", state, size)
        assert not state.any()
        return state

    def added(self, parts, p, size):
        """The state of these bit patterns, each with its type."""
        state = self.begun(size)
        self.ok("exact_norm_add", state, size, *tensors(parts), p)
        return state

    def finished(self, state, p):
        norm = np.full(1, 77.0)
        self.ok("exact_norm_finish", state, len(state), p, norm)
        return norm[0]

    def norms(self, parts, p):
        """boxgrad_grad_norm: the total, and each."""
        total, each = np.full(1, 77.0), np.full(len(parts), 77.0)
        self.ok("grad_norm", *tensors(parts), p, total, each, None)
        return total[0], each


def tensors(parts):
    packed = b"".join(_library.TENSOR.pack(bits.ctypes.data if bits.size else 0, bits.size, FORMATS[of][0], 0) for bits, of in parts)
    return np.frombuffer(bytearray(packed), np.uint8), len(parts)


@pytest.fixture(scope="module", params=["baseline", "avx2", "avx512"] if platform.machine() == "x86_64" else ["neon"])
def library(request, tmp_path_factory):
    before = os.environ.get("BOXGRAD_CPU_TIER")
    os.environ["BOXGRAD_CPU_TIER"] = request.param
    try:
        loaded = Library(shutil.copy(boxgrad.library_path(), tmp_path_factory.mktemp(request.param)))
    finally:
        os.environ.pop("BOXGRAD_CPU_TIER")
        if before is not None:
            os.environ["BOXGRAD_CPU_TIER"] = before
    if loaded.c.boxgrad_cpu_tier().decode() != request.param:
        pytest.skip(f"this library or this CPU lacks the tier {request.param}")
    return loaded


# ---- Numbers ----


def numbers(bits, of):
    types = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
    with np.errstate(invalid="ignore"):
        return bits.view(types[of]).astype(np.float64)


def patterns(g, of, count, fields, *, zeros=0.0, ones=False):
    """Bit patterns with exponent fields from a range, a part of them zeros; with `ones` all bits of the fractions are 1."""
    _, fraction, _ = FORMATS[of]
    unsigned = UNSIGNED[of]
    bits = g.integers(*fields, count, dtype=np.uint64) << np.uint64(fraction)
    bits |= np.uint64((1 << fraction) - 1) if ones else g.integers(0, 1 << fraction, count, dtype=np.uint64)
    bits[g.random(count) < zeros] = 0
    bits |= g.integers(0, 2, count, dtype=np.uint64) << np.uint64(8 * np.dtype(unsigned).itemsize - 1)
    return bits.astype(unsigned)


def top(of):
    """The exponent field of infinities and NaNs."""
    return (1 << (8 * np.dtype(UNSIGNED[of]).itemsize - 1 - FORMATS[of][1])) - 1


def kinds(g, of, count):
    """Patterns by name: of so few exponents that one part or several hold them all, and of any."""
    last = top(of)
    for spread in (1, 2, 3, 8, 14, 20, 27, 40, 52, 65, 78, 100, last):
        if spread <= last - 1:
            for first in {1, max(1, last // 2 - spread // 2), last - spread}:
                yield f"{spread} exponents from {first} on", patterns(g, of, count, (first, first + spread))
    yield "the largest of each exponent", patterns(g, of, count, (1, last), ones=True)
    yield "the largest", patterns(g, of, count, (last - 1, last), ones=True)
    yield "powers of two", patterns(g, of, count, (1, last)) >> FORMATS[of][1] << FORMATS[of][1]
    yield "the smallest normal", np.full(count, 1 << FORMATS[of][1], UNSIGNED[of])
    yield "half zeros", patterns(g, of, count, (last // 2 - 2, last // 2 + 2), zeros=0.5)
    yield "zeros", patterns(g, of, count, (1, 2), zeros=1)
    yield "subnormal", patterns(g, of, count, (0, 1))
    yield "subnormal and zeros", patterns(g, of, count, (0, 1), zeros=0.9)
    yield "subnormal and others", patterns(g, of, count, (0, 4))
    yield "the smallest", np.ones(count, UNSIGNED[of])
    yield "equal", np.full(count, patterns(g, of, 1, (1, last))[0])
    yield "any", patterns(g, of, count, (0, last))
    for name, at in ("infinity", 0), ("NaN", 1):
        bits = patterns(g, of, count, (last // 2 - 2, last // 2 + 2))
        if count:
            bits[[0, count // 2, -1]] = (last << FORMATS[of][1]) | at
        yield name, bits
    yield "infinities and NaNs", patterns(g, of, count, (last - 1, last + 1))


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def check(library, parts, p, size, what):
    state, wanted = library.added(parts, p, size), wanted_state(parts, p, size)
    assert state.tolist() == wanted, f"{what}, p {p}, size {size}"
    norm = wanted_norm(wanted, p)
    assert same(library.finished(state, p), norm), f"{what}, p {p}, size {size}: {norm}"
    if size == 22:
        total, each = library.norms(parts, p)
        assert same(total, norm), f"{what}, p {p}: total {total} instead of {norm}"
        for part, one in zip(parts, each):
            assert same(one, wanted_norm(wanted_state([part], p, 22), p)), f"{what}, p {p}: {one}"


@pytest.mark.parametrize("count", [0, 1, 31, 33, 257])
@pytest.mark.parametrize("of", FORMATS)
def test_every_exponent(library, of, count):
    g = np.random.default_rng(count)
    for kind, bits in kinds(g, of, count):
        for p in ORDERS:
            check(library, [(bits, of)], p, 136, kind)
            if of != "f64":
                check(library, [(bits, of)], p, 22, kind)


@pytest.mark.parametrize("of", FORMATS)
def test_whole_blocks_of_the_largest_sums(library, of):
    """2048 elements are a block, whose lanes hold the largest sums if all bits of the fractions are 1; blocks of all kinds take turns."""
    g, last = np.random.default_rng(0), top(of)
    for spread in (1, 12, 25, 50):
        bits = patterns(g, of, 3 * 2048 + 5, (max(1, last - spread), last), ones=True)
        bits[2048:4096] = patterns(g, of, 2048, (0, last + (spread == 50)))
        bits[2048 + 7] = 0
        for p in ORDERS[:2]:
            check(library, [(bits, of)], p, 136, f"{spread} exponents")
            if of != "f64":
                check(library, [(bits, of)], p, 22, f"{spread} exponents")


@pytest.mark.parametrize("p", [1, 2])
def test_the_tables_have_room(library, p):
    """2^18 + 3 elements of one exponent, all bits of whose fractions are 1, with one that makes each block take its elements one by one."""
    bits = np.full((1 << 18) + 3, 0x7F7FFFFF, np.uint32)
    bits[::2048] = 1
    total = (1 << 18) + 3 - len(bits[::2048])
    exact = total * ((1 << 24) - 1) ** p << p * 104 + 2176
    exact += len(bits[::2048]) << 2176 - 149 * p
    for size in SIZES:
        assert library.added([(bits, "f32")], float(p), size).tolist() == [*words(exact, size), 0, 0]


# ---- Order and division ----


def mixed(g, doubles):
    parts = []
    for k, of in enumerate([*FORMATS] * 3):
        if doubles or of != "f64":
            fields = (1, top(of)) if k < 4 else (top(of) // 2 - k, top(of) // 2 + k // 4)
            parts.append((patterns(g, of, int(g.integers(0, 6000)), fields, zeros=0.1), of))
    return parts


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("size", SIZES)
def test_every_order_and_division_gives_the_same_integers(library, size, p):
    g = np.random.default_rng(size)
    parts = mixed(g, size == 136)
    wanted = wanted_state(parts, p, size)
    for most in (100, 3000, 10000):
        pieces = []
        for bits, of in parts:
            shuffled = g.permutation(bits)
            cuts = np.sort(g.integers(0, len(bits) + 1, len(bits) // most + 1))
            pieces += [(np.ascontiguousarray(piece), of) for piece in np.split(shuffled, cuts)]
        pieces = [pieces[i] for i in g.permutation(len(pieces))]
        assert library.added(pieces, p, size).tolist() == wanted
        states = [library.added([piece], p, size) for piece in pieces]
        reduced = np.max(states, axis=0) if p == math.inf else np.sum(states, axis=0)
        assert same(library.finished(reduced, p), wanted_norm(wanted, p)), "as a network reduces them"
        while len(states) > 1:
            i, j = g.choice(len(states), 2, replace=False)
            before = states[j].copy()
            library.ok("exact_norm_merge", states[i], states[j], size, p)
            assert (states[j] == before).all()
            del states[j]
        assert states[0].tolist() == wanted
        library.ok("exact_norm_merge", reduced, library.begun(size), size, p)
        assert reduced.tolist() == wanted


@pytest.mark.parametrize("doubles", [False, True])
def test_every_number_of_threads_gives_the_same_integers(library, doubles):
    g, size = np.random.default_rng(1), 136 if doubles else 22
    of = "f64" if doubles else "f32"
    parts = [*mixed(g, doubles), (np.tile(patterns(g, of, 4096, (1, top(of))), 400), of)]
    try:
        for p in ORDERS:
            results = []
            for threads in (1, 2, 3, 7):
                library.ok("set_max_threads", threads)
                results.append((library.added(parts, p, size).tolist(), *(() if doubles else library.norms(parts, p)[:1])))
            assert all(one == results[0] for one in results)
    finally:
        library.ok("set_max_threads", 1)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("size", SIZES)
def test_a_state_merged_with_itself_again_and_again(library, size, p):
    """2^30 additions do not overflow; and merging carries, so that there may be any number of them."""
    parts = mixed(np.random.default_rng(2), size == 136)
    once = library.added(parts, p, size)
    state, exact = once.copy(), sum(integer(bits, of, p)[0] for bits, of in parts) if p != math.inf else 0
    for k in range(1, 61):
        library.ok("exact_norm_merge", state, state.copy(), size, p)
        wanted = once.tolist() if p == math.inf else [*words(exact << k, size), 0, 0]
        assert state.tolist() == wanted
        assert same(library.finished(state, p), wanted_norm(wanted, p))
        if k == 30 and p != math.inf:
            assert same(library.finished(once << 30, p), wanted_norm(wanted, p)), "without a carry"


# ---- The one number that is rounded ----


def state_of(total, size):
    """That of a sum in the state's own units."""
    return np.array([*words(total << SIZES[size] + 2176, size), 0, 0], np.int64)


@pytest.mark.parametrize("size", SIZES)
def test_ties_go_to_the_even_number(library, size):
    """Halfway between two doubles, and one bit above and below, near 1, at the largest and the smallest numbers, and at both kinds of last bit."""
    g, least = np.random.default_rng(3), -SIZES[size]
    tried = 0
    for significand in (1 << 53, (1 << 53) + 2, (1 << 54) - 2, *(g.integers(1 << 52, 1 << 53, 20) << 1).tolist()):
        half = int(significand) + 1  # of 54 bits
        for exponent in (-least, -200, -60, 0, 150, 200, 970 - 1 + 1):
            for total, p in ((half << exponent + least if exponent + least >= 0 else 0, 1.0), (half * half << max(0, (exponent + least) // 2 * 2), 2.0)):
                if total == 0 or total.bit_length() > 32 * (size - 2) + 20:
                    continue
                for given in (total - 1, total, total + 1):
                    wanted = (rounded if p == 1 else root_rounded)(given, -least)
                    assert library.finished(state_of(given, size), p) == wanted, f"{given:x} * 2^{-least}, p {p}"
                    tried += 1
    assert tried > 200


def test_the_largest_and_the_smallest_numbers(library):
    """Half a step above the largest double is infinity; squares as small as those of 2^-1074, whose root is a subnormal number, are rounded there."""
    largest_double = (1 << 53) - 1
    tie = (2 * largest_double + 1) << 970 + 2176
    for total in (tie - 1, tie, tie + 1, tie << 1, tie << 40):
        assert library.finished(state_of(total, 136), 1.0) == rounded(total, -2176)
    tie = (2 * largest_double + 1) ** 2 << 2 * 970 + 2176
    for total in (tie - 1, tie, tie + 1, tie << 1, tie << 60):
        assert library.finished(state_of(total, 136), 2.0) == root_rounded(total, -2176)
    for total in range(1, 300):
        assert library.finished(state_of(total, 136), 1.0) == 0, "below half of 2^-1074"
        assert library.finished(state_of(total, 22), 1.0) == rounded(total, -320)
        for shift in (0, 20, 24, 25, 26, 27, 28, 30):  # 2^28 units are 2^-2148, which is 2^-1074 squared
            assert library.finished(state_of(total << shift, 136), 2.0) == root_rounded(total << shift, -2176)
    for steps in range(1, 40):  # numbers of half steps of 2^-1074, of which the odd ones are ties
        for total in (steps << 2176 - 1075, (steps << 2176 - 1075) - 1, (steps << 2176 - 1075) + 1):
            assert library.finished(state_of(total, 136), 1.0) == rounded(total, -2176)
        for total in (steps**2 << 26, (steps**2 << 26) - 1, (steps**2 << 26) + 1):
            assert library.finished(state_of(total, 136), 2.0) == root_rounded(total, -2176)


def test_doubles_whose_sum_overflows(library):
    biggest = np.full(2, 0x7FEFFFFFFFFFFFFF, np.uint64)
    for p, norm in ((1.0, math.inf), (2.0, math.inf), (math.inf, float(np.finfo(float).max))):
        assert library.finished(library.added([(biggest, "f64")], p, 136), p) == norm
    one = library.added([(biggest[:1], "f64")], 2.0, 136)
    assert library.finished(one, 2.0) == np.finfo(float).max


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("size", SIZES)
def test_any_integers_with_a_sum_are_rounded_once(library, size, p):
    """Words of more than 32 bits, and negative ones below a positive one, as sums of states never are."""
    g = np.random.default_rng(4)
    for _ in range(400):
        state = g.integers(-(2 ** int(g.integers(1, 62))), 2 ** int(g.integers(1, 62)), size)
        state[int(g.integers(0, size)) :] = 0
        state[-2:] = 0
        if sum(int(word) << 32 * i for i, word in enumerate(state)) >= 0:
            assert library.finished(state, p) == wanted_norm(state.tolist(), p)


# ---- Whatever is given ----


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("size", SIZES)
def test_hostile_states_do_no_harm(library, size, p):
    g = np.random.default_rng(5)
    edges = np.array([0, 1, -1, 2**63 - 1, -(2**63), 2**32, -(2**32)], np.int64)
    bits = patterns(g, "f32", 50, (0, 256))
    for k in range(600):
        one, other = (g.integers(-(2**63), 2**63 - 1, size) if k % 2 else g.choice(edges, size) for _ in range(2))
        if k % 3 == 0:
            one[-2:] = other[-2:] = 0
        library.finished(one, p)
        library.ok("exact_norm_merge", one, other, size, p)
        library.ok("exact_norm_add", one, size, *tensors([(bits, "f32")]), p)
        library.finished(one, p)


def test_a_failed_call_leaves_the_state_as_it_was(library):
    state, norm = np.arange(136, dtype=np.int64), np.full(1, 77.0)
    good, doubles = tensors([(np.ones(3, np.uint32), "f32")]), tensors([(np.ones(3, np.uint32), "f32"), (np.ones(3, np.uint64), "f64")])
    for status, name, arguments in (
        (UNSUPPORTED, "exact_norm_add", (state, 22, *doubles, 2.0)),
        (BAD_PARAMETER, "exact_norm_add", (state, 22, *good, 3.0)),
        (BAD_PARAMETER, "exact_norm_add", (state, 22, *good, math.nan)),
        (BAD_PARAMETER, "exact_norm_add", (state, 22, *good, -math.inf)),
        (BAD_PARAMETER, "exact_norm_add", (state, 23, *good, 2.0)),
        (NULL_POINTER, "exact_norm_add", (state, 22, None, 1, 2.0)),
        (NULL_POINTER, "exact_norm_add", (None, 22, *good, 2.0)),
        (BAD_PARAMETER, "exact_norm_begin", (state, 0)),
        (NULL_POINTER, "exact_norm_begin", (None, 22)),
        (NULL_POINTER, "exact_norm_merge", (state, None, 22, 2.0)),
        (BAD_PARAMETER, "exact_norm_merge", (state, state, 22, 0.0)),
        (BAD_PARAMETER, "exact_norm_finish", (state, 135, 2.0, norm)),
        (BAD_PARAMETER, "exact_norm_finish", (state, 22, 1.5, norm)),
        (NULL_POINTER, "exact_norm_finish", (state, 22, 2.0, None)),
    ):
        assert library.call(name, *arguments) == status, (name, arguments)
        assert (state == np.arange(136)).all() and norm[0] == 77
    empty = tensors([(np.empty(0, np.uint64), "f64")])
    assert library.call("exact_norm_add", library.begun(22), 22, *empty, 2.0) == 0, "no doubles need no room"


# ---- The processor's modes ----

MXCSR = 28
"""Where x86-64's fenv_t has the control of the arithmetic."""
MODES = {"downward": 0x2000, "upward": 0x4000, "towards zero": 0x6000, "flushing": 0x8040, "upward and flushing": 0xC040, "downward and flushing": 0xA040}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="fenv_t is that of x86-64")
@pytest.mark.parametrize("mode", MODES)
def test_the_modes_of_the_processor_make_no_difference(library, mode):
    g, libm = np.random.default_rng(6), ctypes.CDLL("libm.so.6")
    before, during = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    assert libm.fegetenv(before) == 0
    control = int.from_bytes(before[MXCSR:], "little") | MODES[mode]
    during[:] = before[:MXCSR] + control.to_bytes(4, "little")
    calls = []
    for of in FORMATS:
        for kind, bits in kinds(g, of, 97):
            for p in ORDERS:
                for size in SIZES if of != "f64" else (136,):
                    state, norm, total = np.zeros(size, np.int64), np.zeros(1), np.zeros(1)
                    given = tensors([(bits, of)])
                    calls.append((kind, [(bits, of)], p, state, norm, total, given, size))
    for _, _, p, state, norm, total, given, size in calls:
        functions = [(library.c.boxgrad_exact_norm_add, (state.ctypes.data, size, given[0].ctypes.data, 1, p))]
        functions.append((library.c.boxgrad_exact_norm_finish, (state.ctypes.data, size, p, norm.ctypes.data)))
        functions.append((library.c.boxgrad_grad_norm, (given[0].ctypes.data, 1, p, total.ctypes.data, None, None)))
        functions = [(f, [ctypes.c_double(x) if isinstance(x, float) else ctypes.c_void_p(x) for x in arguments]) for f, arguments in functions]
        for function, arguments in functions:
            libm.fesetenv(during)
            status = function(*arguments)
            libm.fesetenv(before)
            assert status == 0
    for kind, parts, p, state, norm, total, _, size in calls:
        wanted = wanted_state(parts, p, size)
        assert state.tolist() == wanted, f"{kind}, {parts[0][1]}, p {p}, {mode}"
        assert same(norm[0], wanted_norm(wanted, p)), f"{kind}, {parts[0][1]}, p {p}, {mode}"
        if size == 22:
            assert same(total[0], norm[0]), f"grad_norm of {kind}, {parts[0][1]}, p {p}, {mode}"


# ---- Clipping by exact norms ----


@pytest.mark.parametrize("of", ["f32", "f16", "bf16"])
def test_clipping_uses_the_exact_norm(library, of):
    bits = patterns(np.random.default_rng(7), of, 5000, (top(of) // 2 - 3, top(of) // 2))
    given, _ = tensors([(bits, of)])
    for p in ORDERS:
        total = np.zeros(1)
        numbers_given = map(ctypes.c_double, (math.inf, p, 0))
        assert library.c.boxgrad_clip_grad_norm(ctypes.c_void_p(given.ctypes.data), ctypes.c_size_t(1), *numbers_given, 0, ctypes.c_void_p(total.ctypes.data)) == 0
        assert total[0] == wanted_norm(wanted_state([(bits, of)], p, 22), p)


# ---- The class ----


def parts(dtype=np.float32):
    generator = np.random.default_rng(7)
    return [(generator.standard_normal(n) * 10.0**e).astype(dtype) for n, e in [(1000, -3), (1, 2), (0, 0), (77, -9), (5000, 1)]]


@pytest.mark.parametrize("p", [1, 2, "inf"])
@pytest.mark.parametrize("float64", [False, True])
def test_the_class_merges_parts_in_any_order(p, float64):
    whole, one, other = (boxgrad.ExactNorm(p, float64=float64) for _ in range(3))
    whole.add(parts())
    one.add(parts()[:2])
    for x in reversed(parts()[2:]):
        other.add(x[::-1])
    other.merge(one.state)
    again = boxgrad.ExactNorm(p, float64=float64, state=one.state)
    again.merge(boxgrad.ExactNorm(p, float64=float64))
    assert np.array_equal(other.state, whole.state) and np.array_equal(again.state, one.state)
    assert again.state is not one.state and other.value == whole.value == boxgrad.get_total_norm(parts(), p)
    assert repr(whole) == f"ExactNorm(norm_type={float(p):g}, value={whole.value!r})"


def test_the_class_is_exact_for_doubles():
    norm = boxgrad.ExactNorm(1, float64=True)
    norm.add([np.array([1e16, 1.0, 1.0]), np.float32([2.0])])
    assert norm.value == 1e16 + 4 and boxgrad.ExactNorm().value == 0


def test_the_class_refuses_what_does_not_fit():
    norm = boxgrad.ExactNorm()
    norm.add(np.float32([3.0]))
    before = norm.state.copy()
    with pytest.raises(TypeError, match=r"tensors\[1\] has doubles, which take ExactNorm\(float64=True\)"):
        norm.add([np.float32([4.0]), np.array([4.0])])
    with pytest.raises(TypeError, match="gradient 0 has dtype int64"):
        norm.add(np.array([1]))
    with pytest.raises(ValueError, match="other must have 22 int64, not int64 of the shape"):
        norm.merge(boxgrad.ExactNorm(float64=True))
    with pytest.raises(ValueError, match="other must have 22 int64, not float64"):
        norm.merge(np.zeros(22))
    with pytest.raises(ValueError, match="other has the norm_type 1.0, and this norm 2.0"):
        norm.merge(boxgrad.ExactNorm(1))
    with pytest.raises(ValueError, match="state must have 22 int64"):
        boxgrad.ExactNorm(state=np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="norm_type must be 1, 2 or inf, not 3"):
        boxgrad.ExactNorm(3)
    with pytest.warns(UserWarning, match="ExactNorm.add was given a generator that yields nothing"):
        norm.add(iter(()))
    assert np.array_equal(norm.state, before) and norm.value == 3
