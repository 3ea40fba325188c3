"""The README's section on installing: its commands, as they stand there, one after the other in a new home and a new environment."""

import re
import sys

import pytest
from conftest import ROOT, VERSION, run

README = (ROOT / "README.md").read_text()
SECTION = re.search(r"^## Install$(.*?)^## ", README, re.DOTALL | re.MULTILINE)[1]
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
PRINTED = re.search(r"^```\n(loss .*?)^```$", README, re.DOTALL | re.MULTILINE)[1]


@pytest.fixture
def user(tmp_path):
    """Runs commands in the checkout with a home of their own; gives what they print."""
    environment = {"HOME": str(tmp_path), "PIP_CACHE_DIR": run(sys.executable, "-m", "pip", "cache", "dir").strip()}

    def script(*commands):
        return run("sh", "-euc", "\n".join(commands), cwd=ROOT, **environment)

    script.home = tmp_path
    return script


def test_commands_for_c(user):
    user("rm -rf build/first build/host build/cmake")  # what an earlier run left must not stand in for what this one leaves out
    printed = user(*[command for command in COMMANDS if "pip install" not in command])
    assert printed.count(PRINTED) == 2  # by pkg-config, by CMake
    assert printed.count(f"boxgrad {VERSION}, ") == 2  # the plugin, twice
    assert "lib/libboxgrad.so" in {str(path.relative_to(user.home / ".local")) for path in user.home.glob(".local/*/*")}
    user("make uninstall PREFIX=$HOME/.local")
    assert not list(user.home.glob(".local/*"))


@pytest.mark.parametrize("way", range(2), ids=["from source", "wheel"])
def test_commands_for_python(user, way):
    environment = re.search(r"`(python3 -m venv .*)`", SECTION)[1]
    user(environment, [command for command in COMMANDS if "pip install" in command][way])
    assert user(". ~/venv/bin/activate", f"cd; python '{ROOT}/examples/first.py'") == PRINTED


def test_the_sections_have_been_found():
    assert len(COMMANDS) == 6
    assert all(path in README for path in ("examples/plugin/host.c", "CHANGELOG.md"))


def test_cmake_lines_are_those_of_the_example():
    lines = re.findall(r"`(find_package\(.*?\)|target_link_libraries\(.*?\))`", SECTION)
    assert len(lines) == 2
    assert set(lines) <= set((ROOT / "examples/CMakeLists.txt").read_text().splitlines())
    assert f"boxgrad {VERSION.rsplit('.', 1)[0]} " in lines[0]


def test_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[(\d.*?)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == VERSION
