"""Where the package looks for the library, and the one ImportError for each way in which that fails."""

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import boxgrad
import pytest

PACKAGE = Path(boxgrad.__file__).parent
LIBRARY = Path(boxgrad.library_path())
ADVICE = "Reinstall the package, or in a checkout run `make`; the environment variable BOXGRAD_LIBRARY names another file to use."
MISSING = "cannot open shared object file: No such file or directory"


def imported(parent, library=None):
    """What a new interpreter prints that imports the package in the folder parent: the library's path, or the last lines of its error."""
    environment = {name: value for name, value in os.environ.items() if name != "BOXGRAD_LIBRARY"} | {"PYTHONPATH": str(parent)}
    if library:
        environment["BOXGRAD_LIBRARY"] = str(library)
    command = [sys.executable, "-c", "import boxgrad; print(boxgrad.library_path())"]
    result = subprocess.run(command, text=True, capture_output=True, env=environment, cwd="/")
    return result.stdout.strip() if result.returncode == 0 else result.stderr


def error(*places):
    version = boxgrad.__version__
    tried = "".join(f"\n  {place}: {reason}" for place, reason in places)
    return f"ImportError: boxgrad {version} needs libboxgrad.so {version}, and did not find it. Tried:{tried}\n{ADVICE}\n"


def other_library(folder, body):
    if not shutil.which("cc"):
        pytest.skip("skipped: no C compiler")
    path = folder / "other.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", path], input=body, text=True, check=True)
    return path


@pytest.fixture
def installed(tmp_path):
    """A copy of the package where there is no checkout around it."""
    shutil.copytree(PACKAGE, tmp_path / "a" / "b" / "site" / "boxgrad", ignore=shutil.ignore_patterns("lib", "__pycache__"))
    return tmp_path / "a" / "b" / "site"


def test_the_package_holds_the_library(installed):
    (installed / "boxgrad/lib").mkdir()
    library = Path(shutil.copy(LIBRARY, installed / "boxgrad/lib/libboxgrad.so"))
    assert imported(installed) == str(library)
    assert imported(installed, LIBRARY) == str(LIBRARY)


def test_a_checkout_has_built_the_library(installed):
    build = installed.parent.parent / "build" / "lib"
    build.mkdir(parents=True)
    library = Path(shutil.copy(LIBRARY, build / "libboxgrad.so"))
    assert imported(installed).endswith(error((installed / "boxgrad/lib/libboxgrad.so", MISSING)))
    (installed.parent.parent / "Package.swift").touch()
    assert imported(installed) == str(library)
    library.unlink()
    assert imported(installed).endswith(error((installed / "boxgrad/lib/libboxgrad.so", MISSING), (library, MISSING)))


def test_missing(tmp_path):
    assert imported(PACKAGE.parent, tmp_path / "none.so").endswith(error((tmp_path / "none.so", MISSING)))


@pytest.mark.parametrize(("number", "version"), [(0x000009, "0.0.9"), (0x0C2238, "12.34.56")])
def test_another_version(tmp_path, number, version):
    other = other_library(tmp_path, f"unsigned boxgrad_version_number(void) {{ return {number}; }}")
    assert imported(PACKAGE.parent, other).endswith(error((other, f"is version {version}")))


def test_another_version_is_passed_over(installed):
    (installed / "boxgrad/lib").mkdir()
    older = other_library(installed, "unsigned boxgrad_version_number(void) { return 9; }").rename(installed / "boxgrad/lib/libboxgrad.so")
    assert imported(installed).endswith(error((older, "is version 0.0.9")))
    (installed.parent.parent / "Package.swift").touch()
    build = installed.parent.parent / "build" / "lib"
    build.mkdir(parents=True)
    library = shutil.copy(LIBRARY, build / "libboxgrad.so")
    assert imported(installed) == str(library)


MACHINES = {183: "aarch64", 40: "arm", 62: "x86_64", 9999: "ELF machine 9999"}


@pytest.mark.parametrize("machine", [number for number, name in MACHINES.items() if name != platform.machine()])
def test_another_machine(tmp_path, machine):
    library = bytearray(LIBRARY.read_bytes())
    struct.pack_into("<H", library, 18, machine)
    (tmp_path / "other.so").write_bytes(library)
    reason = f"is made for {MACHINES[machine]}, and this Python for {platform.machine()}"
    assert imported(PACKAGE.parent, tmp_path / "other.so").endswith(error((tmp_path / "other.so", reason)))


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "file too short"), (b"\x7fELF", "file too short"), (b"# not a library\n" * 99, "invalid ELF header")]
)
def test_not_a_library(tmp_path, content, reason):
    (tmp_path / "other.so").write_bytes(content)
    assert imported(PACKAGE.parent, tmp_path / "other.so").endswith(error((tmp_path / "other.so", reason)))


def test_another_library(tmp_path):
    other = other_library(tmp_path, "int other;")
    assert imported(PACKAGE.parent, other).endswith(error((other, "is not libboxgrad: it has no boxgrad_version_number")))
