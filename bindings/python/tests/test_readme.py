"""The README quotes the first examples and what they print; both must be so. docs/functions.md lists every function."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import boxgrad
import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()
FUNCTIONS = (ROOT / "docs/functions.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
LIBRARY = Path(boxgrad.library_path()).parent


def quoted(language):
    return [text for name, text in BLOCKS if name == language]


def run(*command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bindings/python"), "LD_LIBRARY_PATH": str(LIBRARY)}
    return subprocess.run(command, check=True, text=True, capture_output=True, env=environment).stdout


def test_first_call_in_python():
    example = ROOT / "examples/first.py"
    assert example.read_text() in quoted("python")
    assert run(sys.executable, example) in quoted("")


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_first_call_in_c(tmp_path):
    example = ROOT / "examples/first.c"
    assert example.read_text() in quoted("c")
    run("cc", example, f"-I{ROOT}/include", f"-L{LIBRARY}", "-lboxgrad", "-o", tmp_path / "first")
    assert run(tmp_path / "first") in quoted("")


def test_every_public_function_is_in_the_table():
    missing = [name for name in boxgrad.__all__ if name[0].islower() and f"`{name}`" not in FUNCTIONS and f"boxgrad.{name}(" not in FUNCTIONS]
    assert missing == []
