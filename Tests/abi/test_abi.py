"""The ABI is the golden one, and the comparison tells what breaks programs from what is merely new."""

import re
import sys

import abi
import pytest

HEADER = abi.HEADER.read_text()


def names(kind, entries):
    return {key.removeprefix(kind) for key in entries if key.startswith(kind)}


def test_the_interface_is_the_golden_one():
    breaks, additions = abi.compare(abi.read(abi.INTERFACE), abi.interface(HEADER, abi.LIBRARY))
    assert not breaks and not additions, "\n".join(["make abi shows this, too:", *map(str, [*breaks, *additions])])


def test_the_library_asks_of_the_system_what_it_asked():
    golden = abi.HERE / f"{abi.machine(abi.LIBRARY)}.txt"
    if not golden.exists():
        pytest.skip(f"{golden.name} is not there: make abi-accept writes it")
    breaks, additions = abi.compare(abi.read(golden), abi.requirements(abi.LIBRARY))
    assert not breaks and not additions, "\n".join([f"not what {golden.name} says:", *map(str, [*breaks, *additions])])


def test_what_is_declared_is_what_is_exported_and_what_the_table_holds():
    declared = names("function ", abi.functions(HEADER))
    table = {f"boxgrad_{field}" for field, kind in abi.fields(HEADER)["boxgrad_api"].items() if kind == "function"}
    assert len(declared) > 50
    assert declared == names("export ", abi.exports(abi.LIBRARY)) == table | {"boxgrad_get_api"}
    assert set(abi.exports(abi.LIBRARY).values()) == {"BOXGRAD_1"}


def test_the_golden_files_say_what_is_promised():
    for path in abi.HERE.glob("*.txt"):
        if path != abi.INTERFACE:
            asked = abi.read(path)
            assert set(asked["needed"].split(", ")) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, path.name
            assert asked["loaded from the file"] == f"at most {abi.SIZE_LIMIT} bytes", path.name
            assert asked["stack"] == "RW" and "TEXTREL" not in asked["flags"] and "STATIC_TLS" not in asked["flags"], path.name
    assert abi.read(abi.HERE / "x86_64.txt")["highest version"] == "GLIBC_2.14"  # Linux distributions of 2012 have it


LAST = r"    boxgrad_status \(\*\w+\)\([^;]*\);\n(?=\} boxgrad_api;)"
NEW = "    void (*added)(void);\n"
EDITS = {
    "an appended function of the table": (rf"({LAST})", rf"\1{NEW}", False),
    "a function in the middle of the table": (rf"({LAST})", rf"{NEW}\1", True),
    "a function that is no longer in the table": (LAST, "", True),
    "two functions of the table in another order": (r"box_clip_f32\)(.*?)box_clip_f64\)", r"box_clip_f64)\1box_clip_f32)", True),
    "an appended option": (r"(\} boxgrad_delta_options;)", r"double added; \1", False),
    "a longer tensor": (r"(\} boxgrad_tensor;)", r"double added; \1", True),
    "a smaller field": (r"size_t count;", "uint32_t count;", True),
    "a field of another type": (r"double center_clamp;", "int64_t center_clamp;", True),
    "another default": (r"-INFINITY, 4\.135166556742356", "-INFINITY, 4", True),
    "another parameter": (r"(boxgrad_grad_scale\(const boxgrad_tensor \*tensors, size_t n, )double", r"\1float", True),
    "a new function": (r"(boxgrad_status boxgrad_grad_scale)", r"void boxgrad_added(void);\n\1", False),
    "a new status": (r"(#define BOXGRAD_UNSUPPORTED +40)", r"#define BOXGRAD_ADDED 50\n\1", False),
    "another number of a status": (r"(#define BOXGRAD_UNSUPPORTED +)40", r"\g<1>41", True),
    "one more flag": (r"(#define BOXGRAD_BOX_FLAGS +)9", r"\g<1>10", False),
    "one flag less": (r"(#define BOXGRAD_BOX_FLAGS +)9", r"\g<1>8", True),
}


@pytest.mark.parametrize("what", EDITS)
def test_breaks_and_additions_are_told_apart(what):
    pattern, replacement, is_break = EDITS[what]
    edited, count = re.subn(pattern, replacement, HEADER, count=1, flags=re.DOTALL)
    assert count == 1, f"{what}: the header has no place for this edit"
    breaks, additions = abi.compare(abi.read(abi.INTERFACE), abi.interface(edited, abi.LIBRARY))
    assert bool(breaks) == is_break, f"{what}: {breaks}"
    assert breaks or additions, f"{what} is not seen"


@pytest.fixture
def accept(tmp_path, monkeypatch):
    """Runs abi.py accept on golden files of its own, after an edit of the first."""

    def run(line, edited, *options):
        golden = abi.INTERFACE.read_text()
        assert line in golden
        path = tmp_path / "interface.txt"
        path.write_text(golden.replace(line, edited, 1))
        with monkeypatch.context() as context:
            context.setattr(abi, "HERE", tmp_path)
            context.setattr(abi, "INTERFACE", path)
            context.setattr(sys, "argv", ["abi.py", "accept", *options])
            abi.main()
        return path.read_text() == golden

    return run


def test_only_additions_are_accepted_without_a_word(accept, capsys):
    macro = "macro BOXGRAD_CIOU: 3\n"
    assert accept(macro, "")
    assert "Added" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="same BOXGRAD_ABI_VERSION"):
        accept(macro, "macro BOXGRAD_CIOU: 4\n")
    assert accept(macro, "macro BOXGRAD_CIOU: 4\n", "--break")


def test_a_library_for_another_abi_version_may_break(accept):
    assert accept("macro BOXGRAD_ABI_VERSION: 1\n", "macro BOXGRAD_ABI_VERSION: 0\nmacro BOXGRAD_GONE: 1\n")
