"""Writes the files that follow from include/boxgrad.h and from the kernels. `interface.py --check` only names those that are not current.

From the header:

    Sources/Boxgrad/Exports.swift   each function of two types, which calls the generic one of its name
    include/boxgrad.h               the struct boxgrad_api, to which new functions are appended
    Sources/CShims/api.c            the function table for plugin hosts
    Tests/vectors/calls.h           a call of each function by its name, for the vectors and the sweeps in C, and for Python
    Tests/LibraryTests/Functions.swift   a call of each function of two types by its name, for the tests in Swift
    bindings/python/boxgrad/_prototypes.py   what each function takes, for ctypes

From include/boxgrad_cuda.h:

    Sources/BoxgradCUDA/Exports.swift   each function of two types, which calls the generic one of its name
    include/boxgrad_cuda.h              the struct boxgrad_cuda_api, to which new functions are appended
    Sources/CudaShims/api.c             the function table for plugin hosts

From Sources/Kernels:

    Sources/CShims/include/table.h   the table of kernels: their names
    Sources/Kernels/Table.swift      a tier's kernels, in that order

Everything else in the header is written by hand. The checks of arguments are also written by hand, in the generic functions.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTE = "Written by tools/interface.py from include/boxgrad.h."
NOTE_OF_KERNELS = "Written by tools/interface.py from Sources/Kernels."
SWIFT_TYPES = {
    "size_t": "Int", "ptrdiff_t": "Int", "double": "Double", "float": "Float", "int32_t": "Int32", "int64_t": "Int64", "uint64_t": "UInt64",
    "uint32_t": "UInt32", "uint8_t": "UInt8",
}  # fmt: skip


class Function:
    """A function of the header. Its parameters are (C type, name), and `optional` has the names of those that may be NULL."""

    def __init__(self, name, parameters, result="boxgrad_status"):
        self.name, self.result = name, result
        self.optional = {one.split()[-1] for one in parameters if "BOXGRAD_OR_NULL" in one}
        self.parameters = [re.fullmatch(r"(.*?[ *])(\w+)", one.replace("BOXGRAD_OR_NULL ", "")).groups() for one in parameters]
        self.type = name[-3:] if name.endswith(("_f32", "_f64")) else ""
        self.stem = name.removeprefix("boxgrad_").removesuffix(f"_{self.type}")


def without_comments(header):
    return re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)


def functions(header, results="boxgrad_status"):
    """Returns the functions that return a status, or another of the types, and have parameters, in the order of the header."""
    code = without_comments(header)
    found = re.findall(rf"^({results}) (boxgrad_\w+)\((.*?)\);", code, re.MULTILINE | re.DOTALL)
    return [Function(name, re.split(r",\s*", " ".join(parameters.split())), result) for result, name, parameters in found]


def camel(name):
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def swift_type(c_type):
    words = c_type.replace("*", " * ").split()
    is_constant, is_pointer = words[0] == "const", words[-1] == "*"
    name = [word for word in words if word not in ("const", "*")][0]
    if name == "void":
        return f"Unsafe{'' if is_constant else 'Mutable'}RawPointer?"
    name = SWIFT_TYPES.get(name, name)
    return f"Unsafe{'' if is_constant else 'Mutable'}Pointer<{name}>?" if is_pointer else name


def wrapped(words, indent, last=""):
    """Joins words with commas, in lines of at most 140 columns."""
    lines, line = [], indent
    for word, comma in zip(words, [", "] * (len(words) - 1) + [""]):
        if len(line) + len(word) > 138 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + comma
    return "\n".join([*lines, line + last])


def exports(found, note=NOTE, modules="import CBoxgrad\n"):
    text = f"// {note}\n\n{modules}"
    for f in found:
        if f.type:
            names = [f"`{camel(name)}`" if name == "in" else camel(name) for _, name in f.parameters]
            taken = [f"_ {name}: {swift_type(c_type)}" for name, (c_type, _) in zip(names, f.parameters)]
            text += f'\n@_cdecl("{f.name}") @implementation\npublic func {f.name}(\n{wrapped(taken, "    ")}\n) -> Int32 {{\n'
            text += f"    {camel(f.stem)}(\n{wrapped(names, '        ')})\n}}\n"
    return text


class Table:
    """A struct of functions for plugin hosts. `first` are the functions with a status among its first fields, which are written by hand."""

    def __init__(self, prefix, header, first, results="boxgrad_status"):
        self.prefix, self.header, self.first, self.results = prefix, header, first, results
        self.pattern = re.compile(
            rf"(typedef struct \{{\n    uint32_t abi_version;[^}}]*?)((?:    (?:{results}) \(\*(?!{'|'.join(first)})[^;]*;\n)*)(\}} {prefix}api;)"
        )

    def written(self, header):
        """Returns the header with all functions in the struct. New functions come last, so that the others keep their places."""
        _, entries, _ = self.pattern.search(header).groups()
        known = re.findall(r"\(\*(\w+)\)", entries)
        by_name = {f.name.removeprefix(self.prefix): f for f in functions(header, self.results)}
        fields = ""
        for name in [*known, *(name for name in by_name if name not in known and name not in self.first)]:
            line = f"    {by_name[name].result} (*{name})("
            words = [f"{c_type}{parameter}" for c_type, parameter in by_name[name].parameters]
            for word, end in zip(words, [", "] * (len(words) - 1) + [");"]):
                if len(line + word + end.rstrip()) > 100:
                    fields, line = fields + line.rstrip() + "\n", " " * 8
                line += word + end
            fields += line + "\n"
        return self.pattern.sub(lambda match: match[1] + fields + match[3], header)

    def definition(self, header, includes, before=""):
        struct = re.search(rf"typedef struct \{{([^}}]*)\}} {self.prefix}api;", without_comments(header))[1]
        entries = "".join(f"    .{field} = {self.prefix}{field},\n" for field in re.findall(r"\(\*(\w+)\)", struct))
        version = f"{self.prefix}ABI_VERSION".upper()
        return f"""/* The {before and 'version, and the '}function table for plugin hosts. {NOTE.replace('boxgrad.h', self.header)} */
#include {includes}
{before}
static const {self.prefix}api api = {{
    .abi_version = {version},
    .size = sizeof({self.prefix}api),
{entries}}};

const {self.prefix}api *{self.prefix}get_api(uint32_t abi_version) {{ return abi_version == {version} ? &api : NULL; }}
"""


TABLE = Table("boxgrad_", "boxgrad.h", ("set_max_threads", "set_parallel_for"))
CUDA_TABLE = Table("boxgrad_cuda_", "boxgrad_cuda.h", ("load",), "boxgrad_status|size_t")
VERSION = """
/* The macro is no literal to Swift: it would make a String of it. */
const char *bgi_version_string(void) { return BOXGRAD_VERSION_STRING; }
"""


def vectors(found):
    """Returns a call of each function. Argument k is P(k), a pointer; N(k), a count; S(k), a signed integer; D(k), a double; or I(k), a code."""
    letters = {"size_t": "N", "uint64_t": "N", "ptrdiff_t": "S", "int64_t": "S", "double": "D", "int32_t": "I"}
    text = f"/* {NOTE} */\n"
    for f in found:
        arguments = [f"{'P' if '*' in c_type else letters[c_type.strip()]}({k})" for k, (c_type, _) in enumerate(f.parameters)]
        text += f"FUNCTION({f.name.removeprefix('boxgrad_')}, {', '.join(arguments)});\n"
    return text


def calls_by_name(found):
    """Returns Swift code that calls the function with an operation's name. It takes each argument by the name of its parameter."""
    kinds = {"Int": "integer", "Double": "number", "Int32": "code"}

    def argument(c_type, name):
        if c_type.startswith("const boxgrad_"):
            return "c.options()"
        swift = swift_type(c_type)
        return f'c.{("read" if swift.startswith("UnsafeP") else "write") if swift.endswith("?") else kinds[swift]}("{name}")'

    text = f"// {NOTE}\n\nimport CBoxgrad\n\n/// The functions of two types.\nlet typedFunctions = [\n"
    text += wrapped([f'"{f.stem}"' for f in found if f.type == "f32"], "    ", ",") + "\n]\n"
    for swift, suffix in (("Float", "f32"), ("Double", "f64")):
        text += f"\nextension {swift} {{\n    static func make(_ c: Call<{swift}>) -> Int32? {{\n        switch c.function {{\n"
        for f in found:
            if f.type == suffix:
                given = wrapped([argument(*parameter) for parameter in f.parameters], " " * 16, ")").lstrip()
                text += f'        case "{f.stem}":\n            api.{f.stem}_{suffix}({given}\n'
        text += "        default: nil\n        }\n    }\n}\n"
    return text


def prototypes(found, on_gpu):
    letters = {"size_t": "n", "ptrdiff_t": "s", "double": "d", "int32_t": "i", "int64_t": "l", "uint64_t": "u"}

    def line(name, f):
        taken = "".join(("?" if name in f.optional else "*") if "*" in c_type else letters[c_type.strip()] for c_type, name in f.parameters)
        return f'    "{name}": "{taken}",\n'

    lines = {True: [], False: []}
    for f in found:
        if f.type != "f64":
            lines[bool(f.type)].append(line(f.stem, f))
    of_cuda = {True: [], False: []}
    for f in on_gpu:
        if "_f64" not in f.name and f.stem != "cuda_load":
            of_cuda["_f32" in f.name].append(line(f.stem.removeprefix("cuda_").replace("_f32", ""), f))
    return f'''"""What each function takes. {NOTE}

One letter a parameter: * memory, ? memory or None, n size_t, s ptrdiff_t, d double, i int32_t, l int64_t, u uint64_t.
"""

FOR_EACH_DTYPE = {{
{"".join(lines[True])}}}
FOR_ALL_DTYPES = {{
{"".join(lines[False])}}}
ON_CUDA = {{
{"".join(of_cuda[True])}}}
ON_CUDA_FOR_ALL_DTYPES = {{
{"".join(of_cuda[False])}}}
'''


class Kernel:
    """A kernel: `func name<T: Real>(_ call: Call<T>, _ rows: Range<Int>)`, or without <T>. Between #if COMMON_KERNELS and #endif it is
    compiled once, for every CPU."""

    SIGNATURE = re.compile(r"@inline\(never\)\nfunc (\w+)(<T: Real>)?\(_ call: (\w+)(?:<T>)?, _ rows: Range<Int>\)")

    def __init__(self, name, is_typed, call, is_common):
        self.name, self.is_typed, self.call, self.is_common = name, bool(is_typed), call, is_common
        self.entry = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

    def of(self, swift_type):
        return f"{self.entry}: {{ {self.name}({self.call}{swift_type and f'<{swift_type}>'}.at($0), rows($1, $2)) }}"


def kernels(sources):
    found = []
    for source in sources:
        common = [range(*match.span()) for match in re.finditer(r"^#if COMMON_KERNELS$.*?^#endif$", source, re.MULTILINE | re.DOTALL)]
        found += [Kernel(*match.groups(), any(match.start() in one for one in common)) for match in Kernel.SIGNATURE.finditer(source)]
    return found


def kernel_names(found):
    def struct(name, type_name, chosen, first=""):
        typed, untyped = (wrapped([one.entry for one in chosen if one.is_typed is is_typed], " " * 8, ";").lstrip() for is_typed in (True, False))
        return (
            f"typedef struct {{\n    boxgrad_task {typed}\n}} {type_name};\n\n"
            f"typedef struct {{\n{first}    {type_name} f32, f64;\n    boxgrad_task {untyped}\n}} {name};\n"
        )

    return f"""/* The kernels of a tier, and those that are compiled once. {NOTE_OF_KERNELS} */
#ifndef BGI_TABLE_H
#define BGI_TABLE_H

#include <boxgrad.h>

{struct("bgi_kernels", "bgi_kernels_of_type", [one for one in found if not one.is_common], "    const char *name;" + chr(10))}
{struct("bgi_common_kernels", "bgi_common_kernels_of_type", [one for one in found if one.is_common])}
#endif
"""


def kernel_table(found):
    def entries(chosen):
        of_types = [
            f"        {field}: .init(\n" + ",\n".join(f"            {one.of(swift)}" for one in chosen if one.is_typed) + ")"
            for swift, field in (("Float", "f32"), ("Double", "f64"))
        ]
        return ",\n".join([*of_types, *(f"        {one.of('')}" for one in chosen if not one.is_typed)]) + ")"

    tiers = [("#if", "avx512"), ("#elseif", "avx2"), ("#elseif", "neon"), ("#else", "baseline")]
    exports = "".join(
        f'{word}{"" if word == "#else" else f" TIER_{tier.upper()}"}\n@_cdecl("bgi_kernels_{tier}") public func kernels() -> bgi_kernels {{ table("{tier}") }}\n'
        for word, tier in tiers
    )
    return f"""// This tier's kernels behind C function pointers: a call, and the rows to work on. {NOTE_OF_KERNELS}

import CBoxgrad
import CShims

// A closure that is a C function lacks the tier's attributes: what is inlined into it may call helpers instead of inlining them in turn.
// A kernel is therefore never inlined. It is then also a symbol with the kernel's own name, by which tests and profilers find it.

@inline(__always)
private func rows(_ begin: Int, _ end: Int) -> Range<Int> {{ Range(uncheckedBounds: (begin, end)) }}

private func table(_ name: StaticString) -> bgi_kernels {{
    bgi_kernels(
        name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
{entries([one for one in found if not one.is_common])}
}}

{exports}#endif

#if COMMON_KERNELS
@_cdecl("bgi_common") public func common() -> bgi_common_kernels {{
    bgi_common_kernels(
{entries([one for one in found if one.is_common])}
}}
#endif
"""


def written():
    """Returns {path: the text that the file should have}."""
    found_kernels = kernels(path.read_text() for path in sorted((ROOT / "Sources/Kernels").glob("*.swift")))
    header = (ROOT / "include/boxgrad.h").read_text()
    found = functions(header)
    computing = [f for f in found if not f.stem.startswith("set_")]
    header, cuda_header = TABLE.written(header), CUDA_TABLE.written((ROOT / "include/boxgrad_cuda.h").read_text())
    on_gpu = functions(cuda_header)
    return {
        "include/boxgrad.h": header,
        "include/boxgrad_cuda.h": cuda_header,
        "bindings/python/boxgrad/_prototypes.py": prototypes(
            [f for f in found if f.stem != "set_parallel_for"], functions(cuda_header, CUDA_TABLE.results)
        ),
        "Sources/Boxgrad/Exports.swift": exports(computing),
        "Sources/BoxgradCUDA/Exports.swift": exports(on_gpu, NOTE.replace(".h", "_cuda.h"), "import CBoxgrad\nimport CBoxgradCUDA\n"),
        "Sources/CShims/api.c": TABLE.definition(header, '"shims.h"', VERSION),
        "Sources/CudaShims/api.c": CUDA_TABLE.definition(cuda_header, "<boxgrad_cuda.h>"),
        "Tests/vectors/calls.h": vectors(computing),
        "Tests/LibraryTests/Functions.swift": calls_by_name(computing),
        "Sources/CShims/include/table.h": kernel_names(found_kernels),
        "Sources/Kernels/Table.swift": kernel_table(found_kernels),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in written().items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if check and stale:
        sys.exit(f"Not what the header and the kernels make of it: {', '.join(stale)}. Run python3 tools/interface.py")
    for path in stale:
        (ROOT / path).write_text(written()[path])


if __name__ == "__main__":
    main()
