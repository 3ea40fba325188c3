"""The commands of docs/install.md, and the README's, as they stand there, one after the other in a new home and a new environment."""

import re
import sys

import pytest
from conftest import ROOT, VERSION, run

README = (ROOT / "README.md").read_text()
INSTALL = (ROOT / "docs/install.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", INSTALL, re.DOTALL | re.MULTILINE)
FIRST = re.findall(r"^```\n((?:make|pip|cc)\b.*?)^```$", README, re.DOTALL | re.MULTILINE)
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
    environment = re.search(r"`(python3 -m venv .*)`", INSTALL)[1]
    user(environment, [command for command in COMMANDS if "pip install" in command][way])
    assert user(". ~/venv/bin/activate", f"cd; python '{ROOT}/examples/first.py'") == PRINTED


def test_first_calls_of_the_readme(user):
    """The first call in C is made here, the one in Python by test_commands_for_python. The demo and the tests are what .ci/run runs."""
    demo, test, in_python, in_c = FIRST
    assert (demo, test) == ("make demo\n", "make test\n")
    assert in_python.splitlines() == [next(command for command in COMMANDS if "pip install" in command).strip(), "python examples/first.py"]
    user("rm -f build/first")
    assert user(in_c).endswith(PRINTED)


def test_the_commands_have_been_found():
    assert len(COMMANDS) == 6
    assert "examples/plugin/host.c" in INSTALL and "CHANGELOG.md" in README


def test_pages_that_are_named_are_there():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_readme_is_short():
    """Of the table of the benchmark and its machine it has no say."""
    text = re.sub(r"<!-- benchmark results: begin.*?results: end -->", "", README, flags=re.DOTALL)
    assert len(text.split()) < 1500


def test_cmake_lines_are_those_of_the_example():
    lines = re.findall(r"`(find_package\(.*?\)|target_link_libraries\(.*?\))`", INSTALL)
    assert len(lines) == 2
    assert set(lines) <= set((ROOT / "examples/CMakeLists.txt").read_text().splitlines())
    assert f"boxgrad {VERSION.rsplit('.', 1)[0]} " in lines[0]


def test_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[(\d.*?)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == VERSION
