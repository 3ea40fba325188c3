"""examples/plugin/host.c, which knows the library at run time only: with it, and with libraries that it must refuse."""

import pytest
from conftest import ROOT, VERSION, run

LIBRARY = ROOT / "build/lib/libboxgrad.so"
STRICT = "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    program = tmp_path_factory.mktemp("plugin") / "host"
    run("cc", *STRICT, ROOT / "examples/plugin/host.c", "-ldl", "-o", program)
    return program


def plugin(folder, body):
    (folder / "plugin.c").write_text(f"#include <boxgrad.h>\n{body}\n")
    run("cc", *STRICT, "-shared", "-fPIC", folder / "plugin.c", "-o", folder / "plugin.so")
    return folder / "plugin.so"


def test_host_uses_the_library_twice(host):
    assert "boxgrad" not in run("readelf", "--dynamic", host)
    lines = run(host, LIBRARY).splitlines()
    first, second = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert first == second
    assert first[0].startswith(f"boxgrad {VERSION}, ")
    losses = [float(line.split()[-1]) for line in first[1:]]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_host_refuses_another_abi(host, tmp_path):
    other = plugin(
        tmp_path,
        """static const boxgrad_api api = {.abi_version = 2, .size = sizeof api};
const boxgrad_api *boxgrad_get_api(uint32_t version) { return version == 2 ? &api : 0; }""",
    )
    assert run(host, other, fails=True) == f"{other} does not speak version 1 of boxgrad's ABI, which this host was built for.\n"


def test_host_refuses_a_table_that_ends_too_early(host, tmp_path):
    """Of a library older than any: its table ends before the last function that the host uses."""
    older = plugin(
        tmp_path,
        """static const char *version(void) { return "0.0.9"; }
static const boxgrad_api api = {.abi_version = 1, .size = offsetof(boxgrad_api, clip_grad_norm), .version_string = version};
const boxgrad_api *boxgrad_get_api(uint32_t version) { return version == 1 ? &api : 0; }""",
    )
    assert run(host, older, fails=True) == f"{older} is boxgrad 0.0.9, which has no clip_grad_norm yet: this host needs a later one.\n"


def test_host_refuses_what_is_not_boxgrad(host, tmp_path):
    nothing = plugin(tmp_path, "extern int nothing;")
    assert run(host, nothing, fails=True) == f"{nothing} is not boxgrad: it has no boxgrad_get_api.\n"
    assert f"{tmp_path}/none.so: cannot open shared object file" in run(host, tmp_path / "none.so", fails=True)
    assert "usage" in run(host, fails=True)
