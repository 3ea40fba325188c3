"""`make install`: what it leaves where, and that C and C++ projects build against it by every way that the README names."""

import os
import re
import shutil
import stat
import subprocess

import pytest
from conftest import HEADER, ROOT, VERSION, make, run

ABI = re.search(r"BOXGRAD_ABI_VERSION (\d+)", HEADER)[1]
FILE, SONAME = f"libboxgrad.so.{VERSION}", f"libboxgrad.so.{ABI}"
TREE = {
    "include/boxgrad.h": 0o644,
    "share/doc/boxgrad/accuracy.md": 0o644,
    f"lib/{FILE}": 0o755,
    f"lib/{SONAME}": FILE,
    "lib/libboxgrad.so": SONAME,
    "lib/pkgconfig/boxgrad.pc": 0o644,
    "lib/cmake/boxgrad/boxgrad-config.cmake": 0o644,
    "lib/cmake/boxgrad/boxgrad-config-version.cmake": 0o644,
    "include/boxgrad_cuda.h": 0o644,
    f"lib/{FILE.replace('grad', 'grad_cuda')}": 0o755,
    "lib/libboxgrad_cuda.so.1": FILE.replace("grad", "grad_cuda"),
    "lib/libboxgrad_cuda.so": "libboxgrad_cuda.so.1",
    "lib/pkgconfig/boxgrad_cuda.pc": 0o644,
}


def tree(folder):
    """Every file below: its mode, or what it links to."""
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return {str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else stat.S_IMODE(p.stat().st_mode) for p in files}


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("install") / "my software"
    make("install", f"PREFIX={prefix}")
    return prefix


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """Installed into a stage, as packagers do, then moved to another place than PREFIX; the folder for libraries is another one."""
    folder = tmp_path_factory.mktemp("moved")
    make("install", "PREFIX=/usr", "LIBDIR=lib/x86_64-linux-gnu", f"DESTDIR={folder / 'stage'}")
    assert os.listdir(folder / "stage") == ["usr"]
    return (folder / "stage/usr").rename(folder / "elsewhere")


# ---- What is there ----


def test_tree(prefix):
    assert tree(prefix) == TREE
    assert (prefix / "include/boxgrad.h").read_text() == HEADER
    assert (prefix / "share/doc/boxgrad/accuracy.md").read_text() == (ROOT / "docs/accuracy.md").read_text()
    assert (prefix / "lib/libboxgrad.so").read_bytes() == (ROOT / "build/lib/libboxgrad.so").read_bytes()
    assert SONAME in run("readelf", "--dynamic", prefix / "lib/libboxgrad.so")
    assert "[libboxgrad_cuda.so.1]" in run("readelf", "--dynamic", prefix / "lib/libboxgrad_cuda.so")


def test_what_the_header_refers_to_is_installed(prefix):
    pages = re.findall(r"\w+\.md\b", HEADER)
    assert pages
    for page in pages:
        text = (prefix / "share/doc/boxgrad" / page).read_text()
        assert not re.search(r"\]\((?!#|https?:)", text), "a link that ends at the installed tree's edge"


def test_nothing_installed_knows_where_it_is(prefix, moved):
    for place in (prefix, moved):
        for path in place.rglob("*"):
            if path.suffix in (".pc", ".cmake"):
                assert not re.search(r"@\w+@|/usr|my software", path.read_text()), path


def test_again_and_undone(tmp_path):
    other = [tmp_path / "include/other.h", tmp_path / "lib/pkgconfig/other.pc"]
    for path in other:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o644)
    for _ in range(2):
        make("install", f"PREFIX={tmp_path}")
        assert tree(tmp_path).keys() == TREE.keys() | {"include/other.h", "lib/pkgconfig/other.pc"}
    for _ in range(2):
        make("uninstall", f"PREFIX={tmp_path}")
        assert sorted(path for path in tmp_path.rglob("*") if not path.is_dir()) == sorted(other)
    assert not (tmp_path / "lib/cmake").exists()


@pytest.mark.parametrize("libdir", ["lib", "lib64", "lib/x86_64-linux-gnu"])
def test_undone_leaves_no_directory(tmp_path, libdir):
    stage = tmp_path / "a stage"
    where = f"DESTDIR={stage}", "PREFIX=/opt/box grad", f"LIBDIR={libdir}"
    make("install", *where)
    assert tree(stage / "opt/box grad") == {name.replace("lib/", f"{libdir}/", 1): mode for name, mode in TREE.items()}
    make("uninstall", *where)
    assert list((stage / "opt/box grad").iterdir()) == []


def test_replaces_an_older_version_that_is_in_use(tmp_path):
    """The new file is another one: a program that runs keeps the old."""
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / FILE).write_text("old")
    (lib / SONAME).symlink_to("libboxgrad.so.0.0.1")
    with open(lib / FILE) as used:
        make("install", f"PREFIX={tmp_path}")
        assert used.read() == "old"
    assert tree(tmp_path) == TREE


def test_libdir_must_be_below_the_prefix(tmp_path):
    assert "LIBDIR is relative to PREFIX" in make("install", f"PREFIX={tmp_path}", f"LIBDIR={tmp_path}/lib", fails=True)
    assert list(tmp_path.iterdir()) == []


def test_needs_no_swift_and_no_root(tmp_path):
    """As root, whose PATH has no Swift, under a strict umask; and as somebody who may not write into the checkout."""
    simple = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    run("sh", "-c", f"umask 077 && make -C '{ROOT}' install PREFIX='{tmp_path}/root'", **simple)
    assert tree(tmp_path / "root") == TREE
    if os.getuid() == 0:
        home = tmp_path / "nobody"
        home.mkdir()
        shutil.chown(home, 65534, 65534)
        for folder in [home, *home.parents][:-2]:
            folder.chmod(folder.stat().st_mode | 0o111)
        nobody = "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"
        if not os.access(ROOT, os.X_OK) or "build" not in run(*nobody, "sh", "-c", f"ls '{ROOT}' || true"):
            pytest.skip("skipped: only root may read the checkout")
        run(*nobody, "make", "-C", ROOT, "install", f"PREFIX={home}", **simple)
        assert tree(home) == TREE


# ---- What can be built against it ----


@pytest.fixture(params=["prefix", "moved"])
def place(request):
    return request.getfixturevalue(request.param)


def libraries(place):
    return next(path.parent for path in place.rglob(FILE))


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_pkg_config(place, language, tmp_path):
    compiler, source = {"c": ("cc -std=c99", "smoke.c"), "cpp": ("c++ -std=c++17", "cpp.cpp")}[language]
    environment = {"PKG_CONFIG_PATH": str(libraries(place) / "pkgconfig")}
    build = f'eval {compiler} Tests/c/{source} $(pkg-config --cflags --libs boxgrad) -lm -pthread -o "{tmp_path}/program"'
    run("sh", "-c", build, cwd=ROOT, **environment)
    assert re.findall(r"\[(libboxgrad.*)\]", run("readelf", "--dynamic", tmp_path / "program")) == [SONAME]
    run(tmp_path / "program", LD_LIBRARY_PATH=str(libraries(place)))
    assert run("pkg-config", "--modversion", "boxgrad", **environment).strip() == VERSION
    other = run("pkg-config", "--define-variable=prefix=/other", "--cflags", "--libs", "boxgrad", **environment)
    assert other.split() == ["-I/other/include", f"-L/other/{libraries(place).relative_to(place)}", "-lboxgrad"]


@pytest.mark.parametrize("way", ["package", "pkg-config"])
def test_cmake(place, way, tmp_path):
    options = f"-DCMAKE_PREFIX_PATH={place}", f"-DBY_PKG_CONFIG={way == 'pkg-config'}"
    run("cmake", "-S", ROOT / "Tests/install/project", "-B", tmp_path, *options)
    run("cmake", "--build", tmp_path)
    for program in ("smoke", "cpp"):
        assert re.findall(r"\[(libboxgrad.*)\]", run("readelf", "--dynamic", tmp_path / program)) == [SONAME]
        run(tmp_path / program)


@pytest.mark.parametrize("way", ["package", "pkg-config"])
def test_the_library_for_gpus(place, way, tmp_path):
    """examples/cuda.c, which needs a driver to do more than to say that there is none."""
    environment = {"PKG_CONFIG_PATH": str(libraries(place) / "pkgconfig")}
    if way == "package":
        (tmp_path / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(user C)\nfind_package(boxgrad REQUIRED)\n"
            f"add_executable(program {ROOT}/examples/cuda.c)\ntarget_link_libraries(program boxgrad::boxgrad_cuda ${{CMAKE_DL_LIBS}})\n"
        )
        run("cmake", "-S", tmp_path, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={place}")
        run("cmake", "--build", tmp_path)
    else:
        build = f'eval cc -std=c99 -Wall -Wextra -Wpedantic -Werror examples/cuda.c $(pkg-config --cflags --libs boxgrad_cuda) -ldl -o "{tmp_path}/program"'
        run("sh", "-c", build, cwd=ROOT, **environment)
        assert run("pkg-config", "--modversion", "boxgrad_cuda", **environment).strip() == VERSION
    assert re.findall(r"\[(libboxgrad.*)\]", run("readelf", "--dynamic", tmp_path / "program")) == ["libboxgrad_cuda.so.1"]
    said = subprocess.run([tmp_path / "program"], env={"LD_LIBRARY_PATH": str(libraries(place))}, capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (1, "This machine has no NVIDIA driver.\n") or said.stdout.startswith("loss 1.420986\n")


@pytest.mark.parametrize("version", [VERSION, "2.3.4"])
def test_versions_that_cmake_accepts(version, tmp_path):
    make("install", f"PREFIX={tmp_path}", f"VERSION={version}")
    major, minor, patch = map(int, version.split("."))
    earlier, later = f"{major}.{minor}.0", f"{major}.{minor}.{patch + 1}"
    wanted = {
        "": True,
        version: True,
        f"{version} EXACT": True,
        f"{major}": True,
        f"{major}.{minor}": True,
        earlier: True,
        f"{major}.0...{version}": True,
        f"{earlier}...{later}": True,
        f"{earlier}...<{later}": True,
        later: False,
        f"{later} EXACT": False,
        f"{major}.{minor + 1}": False,
        f"{major + 1}.0": False,
        f"{major}.0...<{version}": False,
        f"{later}...{major + 1}": False,
    } | ({f"{major - 1}.0": False, f"{major - 1}.0...{major}": False} if major else {})
    asks = "".join(
        f"unset(boxgrad_DIR CACHE)\nfind_package(boxgrad {ask} QUIET)\nmessage(STATUS \"'{ask}' ${{boxgrad_FOUND}}\")\n" for ask in wanted
    )
    (tmp_path / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.19)\nproject(versions C)\n{asks}")
    printed = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={tmp_path}")
    assert {ask: found == "1" for ask, found in re.findall(r"-- '(.*)' (\d)$", printed, re.MULTILINE)} == wanted
