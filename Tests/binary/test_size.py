"""How large the library is: a budget, a table of where it goes, and the smaller library of one tier."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
BUDGET = 2_200_000
TIERS = {"Kernels": "baseline", "KernelsAVX2": "avx2", "KernelsAVX512": "avx512", "Boxgrad": "checks"}  # by module

pytestmark = pytest.mark.skipif("aarch64" in str(LIBRARY), reason="the library of this machine stands for all")


def run(*command, **environment):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, env=os.environ | environment).stdout


def stripped(library, folder):
    run("strip", "-o", folder / "stripped.so", library)
    return (folder / "stripped.so").stat().st_size


def families():
    """{function or type of Swift: the file that declares it, without what tells its files apart}"""
    declaration = re.compile(r"^(?:public |private |fileprivate )?(?:func|struct|enum|protocol) (\w+)", re.MULTILINE)
    parts = re.compile("Aligned|Pairwise|Encode|Decode|Columns|Blocks")
    files = [path for folder in ("Kernels", "Boxgrad") for path in (ROOT / "Sources" / folder).glob("*.swift") if path.stem not in ("Calls", "Exports")]
    return {name: parts.sub("", path.stem) for path in files for name in declaration.findall(path.read_text())}


def declared_by(symbol):
    """(module, function or type) of a demangled symbol."""
    symbol = re.sub(r" in _[0-9A-F]{32}", "", symbol).split(" of ")[-1].split(" in ")[-1]
    found = re.search(r"\b(Kernels(?:AVX\d+)?|Boxgrad)\.\(?(?:boxgrad_(\w+)_f(?:32|64)|(\w+))", symbol)
    if not found:
        return "", ""
    module, exported, name = found.groups()
    if exported:  # its generic function is inlined
        first, *others = exported.split("_")
        name = first + "".join(word.capitalize() for word in others)
    return module, name


def test_the_library_is_within_its_budget(tmp_path, capsys):
    """The table is of kilobytes of code, by the file that declares it. What has no row of checks is shared by several."""
    rows = re.findall(r"^\w+ (\w+) [tT] (\S+)$", run("nm", "--print-size", LIBRARY), re.MULTILINE)
    names = subprocess.run(["swift", "demangle"], input="\n".join(symbol for _, symbol in rows), check=True, capture_output=True, text=True).stdout
    known, sizes = families(), {}
    for (size, _), symbol in zip(rows, names.splitlines(), strict=True):
        module, name = declared_by(symbol)
        cell = known.get(name, "other"), TIERS.get(module, "other")
        sizes[cell] = sizes.get(cell, 0) + int(size, 16)
    columns = [*TIERS.values(), "other"]
    shown = sorted({family for family, _ in sizes} - {"other"}) + ["other"]
    with capsys.disabled():
        print("\n" + "".join(f"{word:>14}" for word in ["kB", *columns]))
        for family in shown:
            print(f"{family:>14}" + "".join(f"{sizes.get((family, tier), 0) / 1000:14.1f}" for tier in columns))
    assert all(sizes.get(("Overlap", tier)) for tier in TIERS.values()), "symbols are named otherwise than the table knows"
    unknown = sum(size for (family, tier), size in sizes.items() if family == "other" and tier != "other")
    assert unknown < sum(sizes.values()) / 10, f"{unknown} bytes of code belong to no file of Sources"
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
