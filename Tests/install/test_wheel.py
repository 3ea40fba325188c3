"""`make wheel` and `make sdist`: what is in them, what their names promise, and that the wheel works where it is installed."""

import email
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, VERSION, make, run

WHEELS = ROOT / "build/wheel"
LIBRARY = ROOT / "build/lib/libboxgrad.so"
PACKAGE = ROOT / "bindings/python"
ALL = os.environ.get("BOXGRAD_TEST_ALL")


@pytest.fixture(scope="module")
def wheel():
    for old in WHEELS.glob("*.whl"):
        old.unlink()
    make("wheel")
    (made,) = WHEELS.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def tracked(*folders):
    """What git knows below the folders, symbolic links to folders followed, by path from the root."""
    names = run("git", "ls-files", *folders, cwd=ROOT).split()
    links = [name for name in names if (ROOT / name).is_dir()]
    return {name for name in names if name not in links} | {
        name.replace(str((ROOT / link).resolve().relative_to(ROOT)), link, 1) for link in links for name in tracked((ROOT / link).resolve())
    }


# ---- The wheel ----


def test_the_tag_is_what_the_library_needs(wheel):
    """After auditwheel, which decided, once more: no symbol is of a later glibc than the tag's, and the tag is the lowest there is."""
    match = re.fullmatch(rf"boxgrad-{VERSION}-py3-none-(manylinux\w+)\.manylinux_2_(\d+)_{os.uname().machine}\.whl", wheel.name)
    needed = max(int(minor) for minor in re.findall(r"@GLIBC_2\.(\d+)", run("nm", "--dynamic", LIBRARY)))
    assert int(match[2]) == min(glibc for glibc in (5, 12, 17, 24, 28, 31, 34, 35) if glibc >= needed)
    auditwheel = Path(sys.executable).with_name("auditwheel")
    assert f'"manylinux_2_{match[2]}_{os.uname().machine}"' in run(auditwheel, "show", wheel)


def test_wheel_holds_the_package_and_the_libraries(wheel, contents):
    # Compressed, libboxgrad.so takes 0.92 MB, libboxgrad_cuda.so 0.33 MB and the package's Python the rest. Tests/binary limits the first.
    assert wheel.stat().st_size < 1_700_000
    own = {name: data for name, data in contents.items() if not name.startswith(f"boxgrad-{VERSION}.dist-info/")}
    assert own.pop("boxgrad/lib/libboxgrad.so") == LIBRARY.read_bytes()
    assert own.pop("boxgrad/lib/libboxgrad_cuda.so") == LIBRARY.with_name("libboxgrad_cuda.so").read_bytes()
    assert own.pop("boxgrad/_calls.abi3.so").startswith(b"\x7fELF")
    assert own == {name[len("bindings/python/") :]: (ROOT / name).read_bytes() for name in tracked("bindings/python/boxgrad")}
    assert contents[f"boxgrad-{VERSION}.dist-info/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()


def test_metadata(contents):
    said = email.message_from_bytes(contents[f"boxgrad-{VERSION}.dist-info/METADATA"])
    assert (said["Name"], said["Version"], said["Requires-Python"], said["Requires-Dist"]) == ("boxgrad", VERSION, ">=3.9", "numpy>=1.22")
    assert said.get_payload(decode=True).decode() == (ROOT / "README.md").read_text()
    assert b"Root-Is-Purelib: false" in contents[f"boxgrad-{VERSION}.dist-info/WHEEL"]


def test_the_machine_is_the_librarys(tmp_path):
    library = bytearray(LIBRARY.read_bytes())
    struct.pack_into("<H", library, 18, {"x86_64": 183, "aarch64": 62}[os.uname().machine])
    (tmp_path / "other.so").write_bytes(library)
    build = sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, PACKAGE
    run(*build, BOXGRAD_LIBRARY=str(tmp_path / "other.so"))
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[os.uname().machine]
    assert [path.name for path in tmp_path.glob("*.whl")] == [f"boxgrad-{VERSION}-py3-none-linux_{other}.whl"]


# ---- The source distribution ----


@pytest.fixture(scope="module")
def sdist():
    make("sdist")
    return WHEELS / f"boxgrad-{VERSION}.tar.gz"


def test_sdist_holds_all_sources(sdist):
    with tarfile.open(sdist) as archive:
        assert not [member.name for member in archive if not member.isfile()]
        found = {member.name.split("/", 1)[1]: archive.extractfile(member).read() for member in archive}
    library = tracked("Makefile", "Package.swift", "Sources", "Tests/LibraryTests", "Tests/vectors/calls.h", "include", "packaging", "docs/accuracy.md")
    expected = {f"libboxgrad/{name}": name for name in library}
    expected |= {name[len("bindings/python/") :]: name for name in tracked("bindings/python") if "/tests/" not in name}
    assert {name: data for name, data in found.items() if name not in ("PKG-INFO", ".gitignore")} == {
        name: (ROOT / path).read_bytes() for name, path in expected.items()
    }


@pytest.mark.skipif(not ALL, reason="skipped: builds the library, make test-all does it")
def test_sdist_builds_and_works(sdist, tmp_path):
    python = environment(sys.executable, tmp_path / "venv")
    run(python, "-m", "pip", "install", "--no-cache-dir", sdist)
    works(python, tmp_path)


# ---- Where it is installed ----


def interpreter(version):
    """The Python of this version that pyenv has, or the PATH."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(root.glob(f"versions/{version}.*/bin/python"), None) or shutil.which(f"python{version}")


VERSIONS = ["3.9", "3.10", "3.11", "3.12", "3.13"]
HERE = [version for version in VERSIONS if interpreter(version)]
# The oldest Python with the old NumPy, the newest with the newest; make test-all has all.
QUICK = [(HERE[0], "1.26.4"), (HERE[-1], None)]


def environment(interpreter, folder):
    run(interpreter, "-m", "venv", folder)
    return folder / "bin/python"


def works(python, folder):
    """The first example and the examples of every docstring, far from the checkout."""
    assert run(python, ROOT / "examples/first.py", cwd=folder).strip() in (ROOT / "README.md").read_text()
    script = """if True:
    import boxgrad, doctest, importlib, pathlib, pkgutil, sys
    assert pathlib.Path(boxgrad.library_path()).is_relative_to(sys.prefix), boxgrad.library_path()
    names = {module.name for module in pkgutil.iter_modules(boxgrad.__path__, "boxgrad.")}
    names -= {"boxgrad.cli", "boxgrad.cli_fix", "boxgrad.datasets", "boxgrad.torch", "boxgrad._calls"}  # what needs more than NumPy
    assert ("boxgrad._calls" in sys.modules) == (sys.version_info >= (3, 11))
    modules = [importlib.import_module(name) for name in names]
    results = [doctest.testmod(module) for module in modules]
    assert not any(failed for failed, attempted in results) and sum(attempted for failed, attempted in results) > 50, results
    print(boxgrad.__version__)"""
    assert run(python, "-W", "error", "-c", script, cwd=folder).strip() == VERSION
    command = subprocess.run([python.parent / "boxgrad", "--help"], text=True, capture_output=True)
    assert command.returncode == 1 and command.stderr.endswith("pip install 'boxgrad[cli]'\n"), command


@pytest.mark.parametrize("numpy", ["1.26.4", None], ids=["numpy 1.26", "newest numpy"])
@pytest.mark.parametrize("version", VERSIONS)
def test_wheel_works(wheel, version, numpy, tmp_path):
    if version not in HERE:
        pytest.skip(f"skipped: no Python {version} here")
    if version == "3.13" and numpy:
        pytest.skip("skipped: NumPy 1.26 ends with Python 3.12")
    if not ALL and (version, numpy) not in QUICK:
        pytest.skip("skipped: make test-all has all combinations")
    python = environment(interpreter(version), tmp_path / "clean venv")
    run(python, "-m", "pip", "install", "--only-binary", ":all:", wheel, *([f"numpy=={numpy}"] if numpy else []))
    works(python, tmp_path)
