"""What the built libboxgrad.so computes, bit by bit, on every CPU tier, and with which instructions.

BOXGRAD_LIBRARY may be a library for another processor: its programs are then run in an emulator (Debian: qemu-user), and must compute
what this machine's own library does.
"""

import os
import platform
import re
import shutil
import subprocess
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIBRARY = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
HEADER = re.sub(r"/\*.*?\*/", "", (ROOT / "include/boxgrad.h").read_text(), flags=re.DOTALL)
MACHINE = {62: "x86_64", 183: "aarch64"}[int.from_bytes(LIBRARY.read_bytes()[18:20], "little")]  # what ELF calls them
TIERS = {"x86_64": ["baseline", "avx2", "avx512"], "aarch64": ["neon"]}[MACHINE]
OLDEST_CPU = {"x86_64": "Nehalem", "aarch64": "cortex-a53"}[MACHINE]
EMULATED = MACHINE != platform.machine()
TOOLS = f"{MACHINE}-linux-gnu-" if EMULATED else ""
EMULATOR = [f"qemu-{MACHINE}", *(["-L", f"/usr/{MACHINE}-linux-gnu"] if EMULATED else [])]
ALL = bool(os.environ.get("BOXGRAD_TEST_ALL"))


def run(*command, **environment):
    result = subprocess.run(list(map(str, command)), text=True, capture_output=True, env=os.environ | environment)
    assert result.returncode == 0, f"{' '.join(map(str, command))} {environment}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def declared_functions():
    return sorted(re.findall(r"\b(boxgrad_\w+)\(", HEADER))


# ---- The same bits on every CPU ----


def build(name, folder, compiler=f"{TOOLS}gcc", library=LIBRARY):
    program = folder / name
    options = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", f"-Wl,-rpath,{library.parent}"]
    run(compiler, *options, HERE / f"{name}.c", "-I", ROOT / "include", "-o", program, library)
    return program


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A program that calls everything and prints a hash of each function's results."""
    return build("sweep", tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def threads(tmp_path_factory):
    """A program that proves calls that are divided among threads, and prints hashes of their results."""
    return build("threads", tmp_path_factory.mktemp("threads"))


@pytest.fixture(scope="module")
def wanted(sweep, tmp_path_factory):
    """What the sweep prints on this machine, in its best tier."""
    if EMULATED:
        sweep = build("sweep", tmp_path_factory.mktemp("native"), "gcc", ROOT / "build/lib/libboxgrad.so")
    return run(sweep).splitlines()[1:]


@cache
def hashes(program, *arguments, cpu=None, **environment):
    emulator = EMULATOR if EMULATED or cpu else []
    model = ["-cpu", cpu] if cpu else []
    tier, *functions = run(*emulator, *model, program, *arguments, **environment).splitlines()
    return tier.removeprefix("tier "), functions


def demand_same_bits(where, got, wanted):
    """Compares what hashes() returns, and names each function whose bits differ."""
    assert got[0] == wanted[0], f"{where}: the tier is {got[0]}, not {wanted[0]}"
    differ = [f"{theirs} instead of {ours}" for theirs, ours in zip_longest(got[1], wanted[1]) if theirs != ours]
    assert not differ, "\n".join([f"{where} gives other bits:", *differ])


def test_sweep_covers_every_function_that_computes(sweep):
    tools = r"version|status|last_error|cpu_tier|threads|parallel|get_api"
    names = [line.split()[0] for line in hashes(sweep)[1]]
    assert sorted(names) == [name for name in declared_functions() if not re.search(tools, name)]


def test_threads_prove_every_function_that_is_divided(threads):
    """By the kernels whose rows Sources/Boxgrad shares among threads; delta_encode and its gradient look for degenerate rows with one of
    their own, and of a match, whose rows depend on each other, Tests/safety/guard.c compares the bits."""
    if EMULATED and not ALL:
        pytest.skip("in an emulator this takes minutes: BOXGRAD_TEST_ALL=1 runs it")
    source = "".join(path.read_text() for path in (ROOT / "Sources/Boxgrad").glob("*.swift"))
    divided = set(re.findall(r"\.(?:run|sum)\(\w+, .+, kernels\(T\.self\)\.(\w+)\)", source)) - {"delta_degenerate", "match", "rotated_match"}
    assert {"iou_aligned", "smooth_l1", "delta_decode"} < divided, f"read from Sources/Boxgrad: {divided}"
    proved = {line.split()[0] for line in hashes(threads, 1)[1]}
    assert {f"boxgrad_{name}_{of}" for name in divided for of in ("f32", "f64")} - proved == set()


@pytest.mark.parametrize("name", TIERS)
def test_each_tier_gives_the_same_bits(sweep, wanted, name):
    best = hashes(sweep)[0]
    if TIERS.index(name) > TIERS.index(best):
        pytest.skip(f"this CPU has nothing above {best}: Tests/avx512.sh emulates one that has")
    demand_same_bits(name, hashes(sweep, BOXGRAD_CPU_TIER=name), (name, wanted))


@pytest.mark.parametrize("seed", range(1, 11) if ALL and not EMULATED else [1])
def test_any_number_of_threads_gives_the_same_bits(threads, seed):
    if EMULATED and not ALL:
        pytest.skip("in an emulator this takes minutes: BOXGRAD_TEST_ALL=1 runs it")
    best, results = hashes(threads, seed)
    assert results, f"threads.c proves nothing with seed {seed}"
    for name in TIERS[: TIERS.index(best)]:
        demand_same_bits(f"{name}, seed {seed}", hashes(threads, seed, BOXGRAD_CPU_TIER=name), (name, results))


@pytest.mark.parametrize("name", ["", "avx9", "AVX2", "neon"] if len(TIERS) > 1 else ["avx2"])
def test_unknown_tiers_are_ignored(sweep, name):
    demand_same_bits(f"BOXGRAD_CPU_TIER={name!r}", hashes(sweep, BOXGRAD_CPU_TIER=name), hashes(sweep))


def test_an_old_cpu_gives_the_same_bits(sweep, wanted):
    if not shutil.which(EMULATOR[0]):
        pytest.skip(f"{EMULATOR[0]} is not installed (Debian: qemu-user)")
    smaller = {} if ALL else {"BOXGRAD_SWEEP_MOST": "255"}
    if smaller and not EMULATED:
        wanted = hashes(sweep, **smaller)[1]
    # Of a tier this CPU does not have, nothing is used, even if asked for.
    for environment in [{}, {"BOXGRAD_CPU_TIER": "avx2"}][: len(TIERS)]:
        demand_same_bits(f"{OLDEST_CPU} {environment}", hashes(sweep, cpu=OLDEST_CPU, **environment, **smaller), (TIERS[0], wanted))


# ---- The host's floating-point control, which the programs find unchanged after each call ----


@pytest.mark.parametrize("name", TIERS)
def test_flushing_subnormal_numbers_changes_no_bit_of_normal_ones(sweep, name):
    if TIERS.index(name) > TIERS.index(hashes(sweep)[0]):
        pytest.skip(f"this CPU does not have {name}")
    flushed, normal = (hashes(sweep, mode, BOXGRAD_CPU_TIER=name) for mode in ("flush", "normal"))
    demand_same_bits(f"{name}, flushing subnormal numbers,", flushed, normal)


@pytest.mark.parametrize("mode", ["upward"] if EMULATED and not ALL else ["upward", "downward", "towards-zero"])
def test_another_rounding_mode_stays_and_is_followed(sweep, mode):
    functions, normal = (hashes(sweep, control)[1] for control in (mode, "normal"))
    assert functions != normal, f"rounding {mode} changes the bits of no function"
    exact = [line for line in normal if line.startswith("boxgrad_exact_norm")]
    assert len(exact) == 4 and set(exact) <= set(functions), f"rounding {mode} changes the bits of exact norms"


# ---- Instructions ----

BEYOND_SSE2 = re.compile(
    r"v(?!er[rw]$)|k(mov|or|and|not|unpck)|(andn|bextr|pdep|pext)\b|bls|bzhi|mulx|rorx|sarx|shlx|shrx|lzcnt|movbe|popcnt|crc32|aes|pclmul"
    r"|addsub|h(add|sub)p|movs[hl]dup|movddup|lddqu|pshufb|ph(add|sub)|pmaddub|pmulhrs|psign|pabs|palignr|p?blend|round[sp]|dpp[sd]"
    r"|insertps|extractps|pextr[bdq]|pinsr[bdq]|pmov[sz]x|pmulld|pmuldq|ptest|packusdw|pcmp(eq|gt)q|p(max|min)(sb|sd|uw|ud)|mpsadbw|pcmp.str"
)
BEYOND_AVX2 = re.compile(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])")
PACKED = {  # arithmetic in whole registers of the tier, by type
    "baseline": {"f32": re.compile(r"(add|sub|mul|div|min|max)ps .*%xmm"), "f64": re.compile(r"(add|sub|mul|div|min|max)pd .*%xmm")},
    "avx2": {"f32": re.compile(r"v(add|sub|mul|div|min|max)ps .*%ymm"), "f64": re.compile(r"v(add|sub|mul|div|min|max)pd .*%ymm")},
    "avx512": {"f32": re.compile(r"v(add|sub|mul|div|min|max)ps .*%zmm"), "f64": re.compile(r"v(add|sub|mul|div|min|max)pd .*%zmm")},
    "neon": {
        "f32": re.compile(r"f(add|sub|mul|div|min|max|minnm|maxnm) v\d+\.4s"), "f64": re.compile(r"f(add|sub|mul|div|min|max|minnm|maxnm) v\d+\.2d"),
    },
}  # fmt: skip
FUSED = re.compile(r"v?f(n?m(add|sub)|ml[as])")
CALL = r"\b(?:call|jmp|bl?) .*<([^>+@]+)>"  # a jump to a function's start is one, too
HOT = [
    "iou_pairwise", "iou_pairwise_grad", "iou_aligned", "iou_loss", "smooth_l1", "delta_encode", "delta_encode_grad", "delta_decode",
    "rotated_iou_pairwise", "rotated_iou_pairwise_grad", "rotated_iou_aligned", "rotated_iou_loss", "linear_encode", "linear_decode", "yolo_decode", "yolo_decode_grad", "nms", "soft_nms", "match", "match_ignore",
    "rotated_nms", "rotated_soft_nms", "rotated_match",
    "roi_forward", "roi_features_grad", "roi_boxes_grad",
]  # fmt: skip
IN_DOUBLE = ["box_loss", "rotated_gaussian_loss", "balanced_l1", "distribution_focal", "distribution_decode", "distribution_decode_grad"]
"""Kernels that are hot, too, and compute in double for both types."""


@cache
def functions():
    """Every function's instructions, by the name in the unstripped library."""
    found, body = {}, []
    for line in run(f"{TOOLS}objdump", "--disassemble", "--no-show-raw-insn", LIBRARY).splitlines():
        if start := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            body = found.setdefault(start[1], [])
        elif instruction := re.match(r" *[0-9a-f]+:\t(.*)", line):
            body.append(re.sub(r"\s+", " ", instruction[1]))
    return found


def tier_of(name):
    """The tier that a function belongs to; what belongs to none must run everywhere."""
    match = re.search("11Kernels(AVX2)|13Kernels(AVX512)|bgi_kernels_(avx2|avx512)$", name)
    return next(filter(None, match.groups())).lower() if match else TIERS[0]


def test_newer_instructions_stay_in_their_tier():
    assert {tier_of(name) for name in functions()} == set(TIERS), "tiers with functions in the library"
    strays = {}
    for name, body in functions().items():
        tier = tier_of(name)
        newer = {"baseline": re.compile(f"{BEYOND_SSE2.pattern}|.*%[yz]mm"), "avx2": re.compile(f".*({BEYOND_AVX2.pattern})")}.get(tier)
        if newer and (found := [instruction for instruction in body if newer.match(instruction)]):
            strays[name] = found[:3]
    assert not strays, f"functions with instructions that their tier's processors lack: {strays}"


def test_nothing_is_fused():
    """A fused multiplication and addition is rounded once, and not everywhere to be had. Of exact norms it is not rounded, and makes no difference."""
    exact = re.compile(r"\d+Kernels\w*(5Block|11DoubleBlock)33_")
    fused = {name: [line for line in body if FUSED.match(line)] for name, body in functions().items() if any(map(FUSED.match, body)) and not exact.search(name)}
    assert not fused, f"functions with fused operations: {fused}"


def test_helpers_are_inlined():
    """The selects of the kernels; as functions they would be shared by the tiers, and stop vectorisation."""
    helpers = re.findall(r"BGI_INLINE [^\n]*?\b(bgi_\w+)\(", "\n".join(file.read_text() for file in (ROOT / "Sources/CShims/include").glob("*.h")))
    assert len(helpers) > 5, f"CShims has only these helpers: {helpers}"
    outlined = set(helpers) & set(functions())
    assert not outlined, f"helpers of CShims that are functions of the library: {outlined}"


def test_tiers_do_not_call_each_other():
    for name, body in functions().items():
        for target in re.findall(r"\b(?:call|j\w+|bl?) .*<([^>+@]+)[>+]", "\n".join(body)):
            if "Kernels" in name and "Kernels" in target:
                assert tier_of(name) == tier_of(target), f"{name} calls {target}"


# ---- Kernels, which are symbols of their own: see Table.swift ----


def rows_of(table):
    """The kernels that a Swift function of Table.swift lists, and the Swift function that each of them is."""
    source = (ROOT / "Sources/Kernels/Table.swift").read_text()
    body = re.search(rf"func {table}\(.*?\n\}}", source, re.DOTALL)[0]
    return dict(re.findall(r"\b(\w+): \{ (\w+)\(\w+(?:<\w+>)?\.at\(", body))


KERNELS, COMMON = rows_of("table"), rows_of("common")
TYPES = {"f32": "Sf", "f64": "Sd"}  # as Swift's mangled names write them


def kernel_of(name, tier, of="f32"):
    """The symbol of a kernel: in the tier's module, a function of its name, specialised for the type unless it takes tensors of any; or None."""
    module = "Kernels" + tier.upper() * (tier != TIERS[0])
    function = (KERNELS | COMMON)[name]
    start = f"$e{len(module)}{module}{len(function)}{function}y"
    ends = re.compile(rf"lF{TYPES[of]}_T\w*$|(?<!lF)[tV]F(Tf\w*)?$")
    found = [symbol for symbol in functions() if symbol.startswith(start) and ends.search(symbol)]
    return min(found, key=len, default=None)


@pytest.mark.parametrize("tier", TIERS)
def test_every_kernel_has_a_symbol(tier):
    assert {"iou_pairwise", "smooth_l1", "nms", "tensor_pass"} < set(KERNELS) and {"box_rotate", "grad_norm"} < set(COMMON), f"read from Table.swift: {KERNELS}, {COMMON}"
    names = [*KERNELS, *(COMMON if tier == TIERS[0] else [])]
    missing = [f"{name} of {of}" for name in names for of in TYPES if not kernel_of(name, tier, of)]
    assert not missing, f"kernels of the tier {tier} without a symbol, because they are inlined or left out: {', '.join(missing)}"
    shared = {name: kernel_of(name, tier) for name in names if kernel_of(name, tier) == kernel_of(name, tier, "f64")}
    of_tensors = {"tensor_pass", "unit_pass", "grad_norm", "grad_norm_combine", "grad_first_nonfinite", "grad_change", "clip_grad_rms"}
    of_tensors |= {"exact_norm_add", "exact_norm_merge", "exact_norm_finish"}
    assert set(shared) <= of_tensors | {"sample"}, f"one symbol for both types in the tier {tier}: {shared}"


def reachable(kernel):
    seen, waiting = set(), [kernel]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions():
            continue
        seen.add(name)
        waiting += re.findall(CALL, "\n".join(functions()[name]))
    return seen


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("of", TYPES)
@pytest.mark.parametrize("name", HOT + IN_DOUBLE)
def test_hot_kernels_are_vectorised(name, of, tier):
    """Packed arithmetic, in the kernel itself or what it calls; of the overlap kernels, in the code of each metric, unless that only calls;
    and in the closures that the compiler did not inline into the kernel, and that it may call for each box."""
    kernel, what = kernel_of(name, tier, of), f"{name} of {of} in the tier {tier}"
    assert kernel, f"{what} has no symbol"
    bodies = {symbol: functions()[symbol] for symbol in reachable(kernel)}
    arithmetic = PACKED[tier]["f64" if name in IN_DOUBLE else of]
    packed = {symbol: sum(bool(arithmetic.match(line)) for line in body) for symbol, body in bodies.items()}
    assert sum(packed.values()) >= 8, f"{what} is not vectorised: packed instructions by symbol are {packed}"
    computes = {symbol for symbol, body in bodies.items() if any(re.match(r"v?(add|sub|mul|div|min|max)[sp][sd] ", line) for line in body)}
    inner = {symbol for symbol in computes if re.search("Metric|Penalty|Combination|PairTile|Gaussian", symbol) or (symbol.startswith(kernel.rpartition("lF")[0]) and "XEfU" in symbol)}
    scalar = [symbol for symbol in inner if packed[symbol] < 4]
    assert not scalar, f"{what} is not vectorised in {scalar}"
