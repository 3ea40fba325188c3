"""Puts the shared libraries into the wheel, and what it is built from into the source distribution."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MACHINES = {62: "x86_64", 183: "aarch64"}
"""The ELF numbers of the machines, and their names in the tags of wheels."""

SOURCES = "Makefile", "Package.swift", "Sources/*", "Tests/LibraryTests", "Tests/vectors/calls.h", "include", "packaging", "docs/accuracy.md"
"""What `make` and `make install` need of the repository; Package.swift asks for the tests, too."""

CALLS = "boxgrad/_calls.abi3.so"
"""The compiled module, which the wheel holds where it can be made: the package works without it."""


class LibraryHook(BuildHookInterface):
    """BOXGRAD_LIBRARY names a library that is built already; else `make` builds it, which takes Swift. The library for GPUs is taken from beside it."""

    def initialize(self, version, build_data):
        here = Path(self.root)
        unpacked = here / "libboxgrad"  # in a source distribution
        source = unpacked if unpacked.exists() else here.parents[1]
        included = build_data["force_include"]
        if self.target_name == "sdist":
            included |= {str(path): f"libboxgrad/{path.relative_to(source)}" for name in SOURCES for path in source.glob(name)}
            # A symbolic link to a file would go as it is: the file goes instead, a copy if it stands among others.
            included = {path if os.path.isdir(path) else os.path.realpath(path): to for path, to in included.items()}
            for path, to in list(included.items()):
                links = [file for file in Path(path).glob("*") if file.is_symlink() and file.is_file()]
                if links:
                    copy = Path(tempfile.mkdtemp(prefix="boxgrad-sdist-")) / Path(path).name
                    shutil.copytree(path, copy)
                    included[str(copy)] = included.pop(path)
            build_data["force_include"] = included
        elif version != "editable":
            library = os.environ.get("BOXGRAD_LIBRARY") or self.made(source)
            included[library] = "boxgrad/lib/libboxgrad.so"
            on_gpu = Path(library).with_name("libboxgrad_cuda.so")
            included |= {str(on_gpu): f"boxgrad/lib/{on_gpu.name}"} if on_gpu.exists() else {}
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-linux_{machine(library)}"
            if machine(library) == machine("/proc/self/exe"):
                subprocess.run(["make", here / CALLS, f"PYTHON3={sys.executable}"], cwd=source)
                included |= {str(here / CALLS): CALLS} if (here / CALLS).exists() else {}

    def made(self, source):
        if subprocess.run(["make", "lib"], cwd=source).returncode:
            self.app.abort(f"libboxgrad could not be built in {source}: see above")
        return str(source / "build/lib/libboxgrad.so")


def machine(library):
    return MACHINES[struct.unpack_from("<H", Path(library).read_bytes(), 18)[0]]
