"""Writes what follows from include/boxgrad.h by rule; `interface.py --check` only says what is not current.

    Sources/Boxgrad/Exports.swift   each function of two types, which calls the generic one of its name
    Sources/CShims/api.c            the function table for plugin hosts
    Tests/vectors/calls.h           a call of each function by its name, for the vectors

The header stays written by hand, as do the checks of arguments, which are the generic functions' work.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTE = "Written by tools/interface.py from include/boxgrad.h."
SWIFT_TYPES = {
    "size_t": "Int", "ptrdiff_t": "Int", "double": "Double", "float": "Float", "int32_t": "Int32", "int64_t": "Int64", "uint64_t": "UInt64",
    "uint32_t": "UInt32", "uint8_t": "UInt8",
}  # fmt: skip


class Function:
    """A function of the header; its parameters are (C type, name)."""

    def __init__(self, name, parameters):
        self.name = name
        self.parameters = [re.fullmatch(r"(.*?[ *])(\w+)", one).groups() for one in parameters]
        self.type = name[-3:] if name.endswith(("_f32", "_f64")) else ""
        self.stem = name.removeprefix("boxgrad_").removesuffix(f"_{self.type}")


def functions(header):
    """Those that return a status and have parameters, in the order of the header."""
    code = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
    found = re.findall(r"^boxgrad_status (boxgrad_\w+)\((.*?)\);", code, re.MULTILINE | re.DOTALL)
    return [Function(name, re.split(r",\s*", " ".join(parameters.split()))) for name, parameters in found]


def camel(name):
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def swift_type(c_type):
    words = c_type.replace("*", " * ").split()
    is_constant, is_pointer = words[0] == "const", words[-1] == "*"
    name = [word for word in words if word not in ("const", "*")][0]
    name = SWIFT_TYPES.get(name, name)
    return f"Unsafe{'' if is_constant else 'Mutable'}Pointer<{name}>?" if is_pointer else name


def wrapped(words, indent, last=""):
    """Words with commas between, in lines of at most 140 columns."""
    lines, line = [], indent
    for word, comma in zip(words, [", "] * (len(words) - 1) + [""]):
        if len(line) + len(word) > 138 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + comma
    return "\n".join([*lines, line + last])


def exports(found):
    text = f"// {NOTE}\n\nimport CBoxgrad\n"
    for f in found:
        if f.type:
            names = [f"`{camel(name)}`" if name == "in" else camel(name) for _, name in f.parameters]
            taken = [f"_ {name}: {swift_type(c_type)}" for name, (c_type, _) in zip(names, f.parameters)]
            text += f'\n@_cdecl("{f.name}") @implementation\npublic func {f.name}(\n{wrapped(taken, "    ")}\n) -> Int32 {{\n'
            text += f"    {camel(f.stem)}(\n{wrapped(names, '        ')})\n}}\n"
    return text


def table(header):
    struct = re.search(r"typedef struct \{([^}]*)\} boxgrad_api;", re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL))[1]
    entries = "".join(f"    .{field} = boxgrad_{field},\n" for field in re.findall(r"\(\*(\w+)\)", struct))
    return f"""/* The version, and the function table for plugin hosts. {NOTE} */
#include "shims.h"

/* The macro is no literal to Swift: it would make a String of it. */
const char *bgi_version_string(void) {{ return BOXGRAD_VERSION_STRING; }}

static const boxgrad_api api = {{
    .abi_version = BOXGRAD_ABI_VERSION,
    .size = sizeof(boxgrad_api),
{entries}}};

const boxgrad_api *boxgrad_get_api(uint32_t abi_version) {{ return abi_version == BOXGRAD_ABI_VERSION ? &api : NULL; }}
"""


def vectors(found):
    """P a pointer, N a count, S a stride or a signed integer, D a double, I a code: of argument k."""
    letters = {"size_t": "N", "uint64_t": "N", "ptrdiff_t": "S", "int64_t": "S", "double": "D", "int32_t": "I"}
    text = f"/* {NOTE} */\n"
    for f in found:
        arguments = [f"{'P' if '*' in c_type else letters[c_type.strip()]}({k})" for k, (c_type, _) in enumerate(f.parameters)]
        text += f"FUNCTION({f.name.removeprefix('boxgrad_')}, {', '.join(arguments)});\n"
    return text


def written():
    """{path: what it should hold}"""
    header = (ROOT / "include/boxgrad.h").read_text()
    found = functions(header)
    computing = [f for f in found if not f.stem.startswith("set_")]
    return {
        "Sources/Boxgrad/Exports.swift": exports(computing),
        "Sources/CShims/api.c": table(header),
        "Tests/vectors/calls.h": vectors(computing),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in written().items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if check and stale:
        sys.exit(f"Not what include/boxgrad.h makes of it: {', '.join(stale)}. Run python3 tools/interface.py")
    for path in stale:
        (ROOT / path).write_text(written()[path])


if __name__ == "__main__":
    main()
