"""The layout of calls, the structs that kernels are handed: the same for every processor, because a tier may run elsewhere than its caller."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = ROOT / "Sources/Kernels/Calls.swift"
TARGETS = {"x86_64-unknown-linux-gnu": [], "aarch64-none-none-elf": ["-Xcc", "--target=aarch64-linux-gnu"]}
STRUCTS = re.findall(r"^struct (\w+)(<T>)?: (?:Summing)?Call", CALLS.read_text(), re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def headers():
    """The C headers of the other processor, as Tests/arm64.sh installs them, which may not have run here."""
    if not Path("/etc/debian_version").exists():
        pytest.skip("skipped: the C headers of AArch64 come from Debian")
    subprocess.run([ROOT / "Tests/debian.sh", "arm64"], check=True)


def layouts(source, target, folder):
    """{type: its fields and the padding between them} of each call, and of what its fields are made of."""
    types = [f"{name}<{real}>" for name, generic in STRUCTS for real in (("Float", "Double") if generic else ("",))]
    uses = "".join(f'@_cdecl("use{k}") public func use{k}(_ x: UnsafeMutableRawPointer) {{ keep({t.replace("<>", "")}.at(x)) }}\n' for k, t in enumerate(types))
    (folder / "Uses.swift").write_text(f"{uses}@inline(never) func keep<C: Call>(_ call: C) {{}}\n")
    command = ["swiftc", "-emit-ir", "-Onone", "-parse-as-library", "-enable-experimental-feature", "Embedded", "-wmo", "-module-name", "Calls",
               "-target", target, *TARGETS[target], "-I", ROOT / "include", source, folder / "Uses.swift"]  # fmt: skip
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return dict(re.findall(r"^%(\S*5Calls\S*) = type (.*)$", result.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return layouts(CALLS, "x86_64-unknown-linux-gnu", tmp_path_factory.mktemp("here"))


def test_every_call_was_looked_at(here):
    assert len(STRUCTS) > 20
    missing = [name for name, _ in STRUCTS if not any(f"{len(name)}{name}V" in key for key in here)]
    assert not missing, f"no layout of {missing}"


def test_calls_have_the_same_layout_on_every_processor(here, tmp_path):
    there = layouts(CALLS, "aarch64-none-none-elf", tmp_path)
    different = {name: (here.get(name), there.get(name)) for name in here.keys() | there.keys() if here.get(name) != there.get(name)}
    assert not different, f"laid out otherwise on AArch64: {different}"


def test_another_layout_is_noticed(here, tmp_path):
    changed = tmp_path / "Calls.swift"
    changed.write_text(re.sub(r"(struct BoxRotate<T>: Call \{\n)(.*\n)(.*\n)", r"\1\3\2", CALLS.read_text()))
    there = layouts(changed, "aarch64-none-none-elf", tmp_path)
    assert {re.search(r"\d+(BoxRotate)V", name)[1] for name in here if here[name] != there.get(name)} == {"BoxRotate"}
