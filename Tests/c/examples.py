"""Takes the examples out of the header into a folder, for example.c: as they stand there, but statements are put into a function."""

import re
import sys
from pathlib import Path

HEADER = (Path(__file__).parent.parent.parent / "include/boxgrad.h").read_text()


def code_after(title):
    """The lines indented below a title, up to the next text."""
    after = HEADER[HEADER.index(title) :]
    return re.sub(r"^ \*(     )?", "", re.search(r"(^ \*     .*\n( \*\n)?)+", after, re.MULTILINE)[0], flags=re.MULTILINE)


def within(function, code, last):
    includes = re.findall(r"^#include .*\n", code, re.MULTILINE)
    statements = re.sub(r"^#include .*\n", "", code, flags=re.MULTILINE)
    return "".join(includes) + f"{function} {{\n{statements}{last}\n}}\n"


def main(folder):
    (folder / "header-first.h").write_text(within("static float first_call(void)", code_after(" * FIRST CALL\n"), "return iou;"))
    (folder / "header-detector.h").write_text(code_after("class k % groups.\n"))
    # POSIX converts the pointer of dlsym, which is none to a function in ISO C.
    pragma = '#include <dlfcn.h>\n#pragma GCC diagnostic ignored "-Wpedantic"\n'
    plugin = within("static const boxgrad_api *plugin_table(void *library)", code_after("For hosts that load the library"), "return api;")
    (folder / "header-plugin.h").write_text(pragma + plugin)


main(Path(sys.argv[1]))
