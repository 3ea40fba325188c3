"""The header can be read as a manual: narrow, with contents, and every comment in the same order, whose NULLs are true."""

import re

import abi
import pytest

HEADER = abi.HEADER.read_text()
VERSION = re.search(r'BOXGRAD_VERSION_STRING "(.*)"', HEADER)[1]
ORDER = ["Inputs", "Outputs", "Edges", "Errors", "Accuracy", "Since"]
COMMENTS = {
    name.removesuffix("_f32"): " ".join(re.sub(r"^ \*", "", HEADER[HEADER.rindex("/*", 0, start) + 2 : start], flags=re.MULTILINE).split())
    for start, name in ((m.start(), m[1]) for m in re.finditer(r"^boxgrad_status boxgrad_(\w+?(?:_f32)?)\(", HEADER, re.MULTILINE))
    if not name.endswith("_f64")
}


def described():
    """{function: {pointer: whether it may be NULL}}, as Tests/safety/functions.h describes them: its programs try them all."""
    table = (abi.ROOT / "Tests/safety/functions.h").read_text()
    rows = re.findall(r'^    \{"(\w+)",(.*?)\}\},?$', table.partition("functions[] = {")[2], re.MULTILINE | re.DOTALL)
    return {
        name: {"options": True} if "_OPTIONS" in row else {}
        | {pointer: "OPTIONAL" in rest for pointer, rest in re.findall(r"\b(?:IN|OUT|UPDATED|RESULT|BOXES)\((\w+)([^()]*)\)", row)}
        for name, row in rows
    }


DESCRIBED = described()


def parts(name):
    """{label: text} of a function's comment."""
    texts = re.split(rf"\b({'|'.join(ORDER)}): ", COMMENTS[name].removesuffix("*/"))
    return dict(zip(texts[1::2], texts[2::2]))


def entries(name):
    """{parameter: what its description says}, those of the function that the comment refers to included."""
    found = {}
    for label in "Inputs", "Outputs":
        for entry in parts(name).get(label, "").split("; "):
            if sibling := re.match(r"as boxgrad_(\w+)", entry):
                found |= entries(sibling[1])
            names, _, text = entry.partition(": ")
            found |= {parameter: text for parameter in re.split(r", ", names)}
    return found


def test_what_is_new_says_since_when():
    """version_0.1 lists what the first version had: of that, the header's conventions say it."""
    first = set((abi.HERE / "version_0.1").read_text().splitlines())
    untold = []
    for kind, name in map(str.split, {*abi.constants(HEADER), *abi.types(HEADER), *abi.functions(HEADER)} - first):
        start = re.search(rf"^(#define {name} .*|(?! \*|/\*)[^#\n]*\b{name}\b.*)$", HEADER, re.MULTILINE).start()
        about = HEADER[start : HEADER.index("\n", start)] if kind == "macro" else HEADER[HEADER.rindex("/*", 0, start) : start]
        if not re.search(r"Since:? +\d+\.\d+\.\d+", about):
            untold.append(name)
    assert not untold, f"to say in their comments: Since {VERSION}."


def test_every_metric_has_a_line_with_its_formula():
    codes = re.findall(r"^#define BOXGRAD_(\w+) ", HEADER.partition("/* ---- Overlap -")[2].partition("/* ---- ")[0], re.MULTILINE)
    formulas = re.findall(r"^ \*     (\w+) += ", HEADER, re.MULTILINE)
    assert len(codes) >= 4 and set(codes) <= set(map(str.upper, formulas))


def test_the_version_as_a_number_is_the_version():
    major, minor, patch = map(int, VERSION.split("."))
    assert int(re.search(r"BOXGRAD_VERSION_NUMBER (0x\w+)", HEADER)[1], 16) == major << 16 | minor << 8 | patch


def test_lines_are_narrow():
    assert [line for line in HEADER.splitlines() if len(line) > 100] == []


def test_the_contents_list_every_function():
    contents = re.search(r" \* CONTENTS\n(.*?) \* FIRST CALL\n", HEADER, re.DOTALL)[1]
    functions = {re.sub(r"^function boxgrad_|(_grad)?_f(32|64)$", "", key) for key in abi.functions(HEADER)}
    listed = set(re.findall(r"\w+", contents))
    assert functions <= listed, functions - listed
    titles = re.findall(r"^/\* ---- (.*?) -+", HEADER, re.MULTILINE)
    assert titles == re.findall(r"^ \*     (\w.*?)  ", contents, re.MULTILINE)[3:]


@pytest.mark.parametrize("name", COMMENTS)
def test_every_comment_has_the_same_order(name):
    labels = re.findall(rf"\b({'|'.join(ORDER)}): ", COMMENTS[name])
    assert labels == [label for label in ORDER if label in labels]


def test_the_safety_tests_describe_every_function():
    assert {re.sub("_f32$", "", name) for name in COMMENTS} - {"set_max_threads", "set_keep_threads", "set_parallel_for"} == DESCRIBED.keys()


def test_comments_say_since_when():
    """Functions are only ever added at the table's end: those behind 0.1.0's last are newer."""
    fields = list(abi.fields(HEADER)["boxgrad_api"])
    newer = {re.sub(r"_f(32|64)$", "", name) for name in fields[fields.index("sample") + 1 :]}
    assert newer == {name for name in COMMENTS if "Since" in parts(name)}, "a function newer than 0.1.0 says so, no other"
    for name in newer:
        assert re.fullmatch(r"\d+\.\d+\.\d+\.", parts(name)["Since"].strip()), name


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_may_be_null_is_said_of_each_parameter(name):
    assert DESCRIBED[name] or "TENSORS" not in name
    texts = entries(name)
    assert DESCRIBED[name].keys() <= texts.keys()
    assert {pointer: "NULL" in texts[pointer] for pointer in DESCRIBED[name]} == DESCRIBED[name]
