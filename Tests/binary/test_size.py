"""How large the library is: a budget, a table of where it goes, and the smaller library of one tier."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
BUDGET = 2_200_000
MODULES = {"7Kernels": "baseline", "11KernelsAVX2": "avx2", "13KernelsAVX512": "avx512", "7Boxgrad": "checks"}  # as Swift's mangled names write them
FAMILIES = {
    "Overlap": r"iou(Pairwise|Aligned|Loss)|Matrix|Pairs|Metric|IoU|BoxColumns",
    "Distances": r"ltrb|LTRB", "Deltas": r"delta|Decode|Encode", "SmoothL1": r"smoothL1|SmoothL1", "Clamp": r"clip|Clip", "GradientNorm": r"grad|Grad|tensor|Tensor|Norm",
    "Suppression": r"nms|NMS|Suppress|Kept|Field|Candidates|rankedSort", "Matching": r"[mM]atch", "Sampling": r"[sS]ample|Draw",
    "Boxes": r"[bB]ox",
}  # fmt: skip

pytestmark = pytest.mark.skipif("aarch64" in str(LIBRARY), reason="the library of this machine stands for all")


def run(*command, **environment):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, env=os.environ | environment).stdout


def stripped(library, folder):
    run("strip", "-o", folder / "stripped.so", library)
    return (folder / "stripped.so").stat().st_size


def test_the_library_is_within_its_budget(tmp_path, capsys):
    """The table is of kilobytes of code by what the symbols are called; what is shared by families counts for the first whose name it has."""
    sizes = {}
    for size, symbol in re.findall(r"^\w+ (\w+) [tT] (\S+)$", run("nm", "--print-size", LIBRARY), re.MULTILINE):
        tier = next((tier for module, tier in MODULES.items() if symbol.startswith(f"$e{module}")), "other")
        family = next((name for name, pattern in FAMILIES.items() if re.search(pattern, symbol)), "other")
        sizes[family, tier] = sizes.get((family, tier), 0) + int(size, 16)
    tiers = [*MODULES.values(), "other"]
    with capsys.disabled():
        print("\n" + "".join(f"{word:>13}" for word in ["kB", *tiers]))
        for family in [*FAMILIES, "other"]:
            print(f"{family:>13}" + "".join(f"{sizes.get((family, tier), 0) / 1000:13.1f}" for tier in tiers))
    assert all(any(sizes.get((family, tier)) for family in FAMILIES) for tier in MODULES.values()), "symbols are named otherwise than the table knows"
    size = stripped(LIBRARY, tmp_path)
    assert size <= BUDGET, f"{size} bytes stripped are more than {BUDGET}"


def test_the_library_of_one_tier_is_within_a_third_of_the_budget(tmp_path):
    run("make", "-C", ROOT, "TIERS=baseline")
    small = ROOT / "build/baseline/lib/libboxgrad.so"
    size = stripped(small, tmp_path)
    assert size <= BUDGET / 3, f"{size} bytes stripped are more than a third of {BUDGET}"
    program = tmp_path / "vectors"
    run("cc", "-std=c99", "-O1", ROOT / "Tests/vectors/vectors.c", "-I", ROOT / "include", "-o", program, small, f"-Wl,-rpath,{small.parent}", "-lm")
    vectors = run("python3", ROOT / "Tests/vectors/flat.py")
    done = subprocess.run([program], input=vectors, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout
    assert run("make", "-C", ROOT, "-n", "TIERS=baseline").count("swift build") <= 1, "a library that is there is not built again"
