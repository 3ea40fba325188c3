"""What the tests of `make install` and of the wheel share: running a command as a user does."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "include/boxgrad.h").read_text()
VERSION = re.search(r'BOXGRAD_VERSION_STRING "(.*)"', HEADER)[1]

# What `make test` and the developer's shell say must not reach the user's commands.
OURS = re.compile(
    r"(MAKE|BOXGRAD_|PYTHON|PKG_CONFIG|CMAKE)"
    r"|(MFLAGS|PREFIX|LIBDIR|DESTDIR|VIRTUAL_ENV|LD_LIBRARY_PATH|CPATH|LIBRARY_PATH|CC|CXX|C(XX)?FLAGS|LDFLAGS)$"
)
USER = {name: value for name, value in os.environ.items() if not OURS.match(name)}


def run(*command, fails=False, cwd=None, **environment):
    """What the command prints, errors included; it must succeed, or with fails must not."""
    result = subprocess.run(
        list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd, env=USER | environment
    )
    assert (result.returncode != 0) == fails, result.stdout
    return result.stdout


def make(*arguments, **options):
    return run("make", "-C", ROOT, *arguments, **options)
