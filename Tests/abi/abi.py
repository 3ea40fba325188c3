"""The binary interface of libboxgrad.so as text, compared with the golden files beside this one.

    abi.py check              shows what differs, and fails if anything does
    abi.py accept [--break]   writes the golden files anew; breaks only with --break, or under a new BOXGRAD_ABI_VERSION

interface.txt is what compiled programs rely on, the same on every kind of machine; within an ABI version it is only added to.
x86_64.txt, and its like for other machines, is what the library asks of the system there. Of a machine without such a file
only the interface is compared, until accept writes one. BOXGRAD_LIBRARY is the library, CC a compiler for its machine.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEADER = ROOT / "include" / "boxgrad.h"
INTERFACE = HERE / "interface.txt"
LIBRARY = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
MACHINES = {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "aarch64"}
SIZE_LIMIT = 2_200_000


def run(*command, text=None):
    result = subprocess.run(list(map(str, command)), input=text, text=True, capture_output=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def readelf(option, library):
    return run("readelf", "--wide", option, library)


# ---- The header ----


def without_comments(header):
    return re.sub(r"\\\n|/\*.*?\*/|\bBOXGRAD_OR_NULL ", " ", header, flags=re.DOTALL)


def constants(header):
    """All macros but the version, which changes without changing the interface."""
    macros = re.findall(r"^#define (BOXGRAD_\w+) +(\S.*?) *$", without_comments(header), re.MULTILINE)
    return {f"macro {name}": " ".join(value.split()) for name, value in macros if not name.startswith("BOXGRAD_VERSION_")}


def types(header):
    found = re.findall(r"^typedef (?!struct)(.*?);", without_comments(header), re.MULTILINE | re.DOTALL)
    return {f"type {re.search(r'boxgrad_[a-z_]+(?=[)]|$)', text)[0]}": " ".join(text.split()) for text in found}


def functions(header):
    """Each function's prototype, without the names of its parameters."""
    found = re.findall(r"^((?:const )?\w+[ *]+)(boxgrad_\w+)\((.*?)\);", without_comments(header), re.MULTILINE | re.DOTALL)
    prototypes = {}
    for result, name, parameters in found:
        unnamed = [p if p == "void" else re.sub(r"\w+$", "", p).strip() for p in " ".join(parameters.split()).split(", ")]
        prototypes[f"function {name}"] = f"{result.strip()} ({', '.join(unnamed)})"
    return prototypes


def fields(header):
    """{struct: {field: type}}."""
    structs = {}
    for body, struct in re.findall(r"typedef struct \{([^}]*)\} (\w+);", without_comments(header)):
        structs[struct] = {}
        for declaration in filter(str.strip, body.split(";")):
            if function := re.search(r"\(\*(\w+)\)\(", declaration):
                structs[struct][function[1]] = "function"
                continue
            base, declarators = re.match(r"\s*(\w+)\s+(.*)", declaration, re.DOTALL).groups()
            for declarator in declarators.split(","):
                name = re.search(r"\w+", declarator)[0]
                structs[struct][name] = base + declarator.replace(name, "", 1).strip()
    return structs


def layouts(header):
    """Where each field of each struct is. The compiler writes it into its assembly, so that it may be one for another machine."""
    shown = {}
    for struct, members in fields(header).items():
        shown[f"struct {struct}"] = (f"sizeof({struct})", "bytes")
        for name, kind in members.items():
            shown[f"field {struct}.{name}"] = (f"offsetof({struct}, {name})", kind)
    lines = [f'__asm__(".ascii \\"abi {key}: %c0\\"" :: "i"({value}));' for key, (value, _) in shown.items()]
    source = f"{header}\nvoid f(void) {{\n" + "\n".join(lines) + "\n}\n"
    assembly = run(*os.environ.get("CC", "cc").split(), "-S", "-o", "-", "-x", "c", "-", text=source)
    values = dict(re.findall(r"abi (.*?): (\d+)", assembly))
    return {key: f"{values[key]} {kind}" for key, (_, kind) in shown.items()}


# ---- The library ----


def symbols(library):
    """(name, version, whether it is defined, how it is bound) of each dynamic symbol. Local ones, of thread-local storage, leave no library."""
    for line in readelf("--dyn-syms", library).splitlines():
        if match := re.match(r" *\d+: \w+ +\d+ (\w+) +(\w+) +\w+ +(\w+) (\S+)", line):
            kind, bound, section, name = match.groups()
            if section != "ABS" and bound != "LOCAL":
                yield *(name.split("@", 1) if "@" in name else (name, "")), section != "UND", bound


def exports(library):
    return {f"export {name}": version.lstrip("@") for name, version, defined, _ in sorted(symbols(library)) if defined}


def dynamic(tag, library):
    return re.findall(rf"\({tag}\).*?: \[?([^\]\n]*)", readelf("--dynamic", library))


def interface(header, library):
    return {
        "soname": ", ".join(dynamic("SONAME", library)),
        **constants(header),
        **types(header),
        **functions(header),
        **layouts(header),
        **exports(library),
    }


def machine(library):
    name = re.search(r"Machine: +(.*)", readelf("--file-header", library))[1]
    return MACHINES.get(name, name.replace(" ", "-"))


def requirements(library):
    """Weak symbols without a version are the C compiler's, for profilers and the like that may be absent."""
    imports = {
        f"import {name}": version + (" weak" if bound == "WEAK" else "")
        for name, version, defined, bound in sorted(symbols(library))
        if not defined and (version or bound != "WEAK")
    }
    versions = [tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_([\d.]+)", " ".join(imports.values()))]
    segments = re.findall(r"^ +LOAD +(\w+) +\w+ +\w+ +(\w+)", readelf("--program-headers", library), re.MULTILINE)
    size = max(int(offset, 16) + int(length, 16) for offset, length in segments)
    return {
        "needed": ", ".join(sorted(dynamic("NEEDED", library))),
        "highest version": "GLIBC_" + ".".join(map(str, max(versions))),
        "flags": ", ".join(dynamic("FLAGS", library)).strip() or "none",
        "stack": re.search(r"GNU_STACK.* (R\w+) ", readelf("--program-headers", library))[1],
        "loaded from the file": f"at most {SIZE_LIMIT} bytes" if size <= SIZE_LIMIT else f"{size} bytes, more than {SIZE_LIMIT}",
        **imports,
    }


# ---- What changed ----


def may_grow(key, entries):
    """The number of flags, and a struct that says its own size."""
    return key == "macro BOXGRAD_BOX_FLAGS" or f"field {key.removeprefix('struct ')}.size" in entries


def compare(golden, actual):
    """(breaks, additions). What there was must stay as it was, unless it is something that may grow."""
    breaks, additions = [], [f"+ {key}: {value}" for key, value in actual.items() if key not in golden]
    for key, was in golden.items():
        now = actual.get(key)
        grew = now and may_grow(key, golden) and int(now.split()[0]) > int(was.split()[0])
        if now is None:
            breaks.append(f"- {key}: {was}")
        elif now != was:
            (additions if grew else breaks).append(f"! {key}: {was} -> {now}")
    return breaks, additions


def read(path):
    return dict(line.split(": ", 1) for line in path.read_text().splitlines()) if path.exists() else {}


def write(path, entries):
    path.write_text("".join(f"{key}: {value}\n" for key, value in entries.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "accept"])
    parser.add_argument("--break", dest="allowed", action="store_true")
    arguments = parser.parse_args()

    actual = interface(HEADER.read_text(), LIBRARY)
    breaks, additions = compare(golden := read(INTERFACE), actual)
    demands = HERE / f"{machine(LIBRARY)}.txt"
    asked = requirements(LIBRARY)
    changes = sum(compare(read(demands), asked), []) if demands.exists() else []
    for title, lines in [("BREAKS programs", breaks), ("Added to the interface", additions), (f"Asked of the system ({demands.name})", changes)]:
        if lines:
            print(f"{title}:", *lines, sep="\n  ")

    if arguments.command == "check":
        if breaks or additions or changes:
            sys.exit("The ABI is not the golden one. Is that on purpose? Then: make abi-accept")
        return
    if breaks and not arguments.allowed and golden["macro BOXGRAD_ABI_VERSION"] == actual["macro BOXGRAD_ABI_VERSION"]:
        sys.exit("Breaks are not accepted under the same BOXGRAD_ABI_VERSION, except by: make abi-accept ARGUMENTS=--break")
    write(INTERFACE, actual)
    write(demands, asked)


if __name__ == "__main__":
    main()
