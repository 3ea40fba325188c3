"""The committed PTX: that it is what the sources give, and what it may contain."""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import ROOT

PTX = ROOT / "Sources/CudaShims/ptx"
FILES = sorted(PTX.glob("*.ptx"))


def test_ptx_is_what_the_sources_give():
    import ptx

    here, recorded = ptx.versions(), (PTX / "versions.txt").read_text()
    if here != recorded:
        pytest.skip(f"the committed PTX is of {recorded!r}, and here is {here!r}")
    # run.sh has made it again.
    assert (ROOT / "build/cuda/check.status").read_text().strip() == "0", (ROOT / "build/cuda/check.log").read_text()


def test_there_is_a_file_for_every_family():
    rows = (ROOT / "Sources/CudaShims/kernels.inc").read_text()
    assert sorted(re.findall(r"FAMILY\((\w+)\)", rows)) == [path.stem for path in FILES]
    kernels = re.findall(r"KERNEL\((\w+), (\w+), \d+\)", rows)
    for path in FILES:
        entries = re.findall(r"\.visible \.entry (\w+)\(", path.read_text())
        assert sorted(entries) == sorted(name for family, name in kernels if family == path.stem)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_contents(path):
    """No operation rounds once instead of twice, none is approximate, and nothing is called, traps, or takes the memory of a thread."""
    text = path.read_text()
    assert text.startswith(".version 6.3\n.target sm_75\n")
    # One kernel gives a pair of rotated boxes its value and both gradients, because one for each side would compute again what they share.
    assert len(text) <= (54 if path.stem.startswith("rotated_pairs") else 30) * 1024
    for word in ("fma", "mad.rn", "approx", "ftz", ".full.f32", "call", "trap", ".local", ".func"):
        assert word not in text, word
    for operation in re.findall(r"\b(?:add|sub|mul|div|sqrt)\.[\w.]*f(?:32|64)\b", text):
        assert ".rn." in operation, operation


def ptxas():
    """Returns the assembler: that of the test's environment, or one on the PATH."""
    import nvidia

    for folder in nvidia.__path__:
        for path in Path(folder).glob("*/bin/ptxas"):
            path.chmod(0o755)
            return path
    return shutil.which("ptxas")


@pytest.mark.parametrize("target", ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"])
def test_ptxas(target, tmp_path):
    try:
        assembler = ptxas()
    except ImportError:
        assembler = shutil.which("ptxas")
    if not assembler:
        pytest.skip("there is no ptxas: it is in nvidia-cuda-nvcc, which could not be installed")

    most = {}
    for path in FILES:
        for name, block in re.findall(r"\.entry (\w+)\([^)]*\)\n(?:// in blocks of (\d+)\n)?\{", path.read_text()):
            most[name] = int(block or 256)

    def assemble(path):
        result = subprocess.run([assembler, f"-arch={target}", "-v", path, "-o", tmp_path / f"{path.stem}.cubin"], capture_output=True, text=True)
        return path.stem, result.returncode, result.stderr

    with ThreadPoolExecutor(2) as pool:
        for name, status, said in pool.map(assemble, FILES):
            assert status == 0, (name, said)
            spills = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", said)
            assert spills and all(numbers == ("0", "0", "0") for numbers in spills), (name, said)
            assert "warning" not in said, (name, said)
            taken = re.findall(r"Compiling entry function '(\w+)'(?:.*\n)*?.*Used (\d+) registers", said)
            assert len(taken) == len(spills), said
            for kernel, registers in taken:
                # A processor has 65536 registers, and gives them to a thread in eights.
                assert -(-int(registers) // 8) * 8 * most[kernel] <= 65536, (kernel, registers, most[kernel])
