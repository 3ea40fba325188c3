"""functions.h for tests in Python: the functions of rows, which take arrays with as many rows as their one count says, and nothing else."""

import re
from pathlib import Path
from typing import NamedTuple


class Parameter(NamedTuple):
    """kind is IN, OUT, COUNT or STRIDE; of an array, width is the elements of a row, and stride the parameter that holds its stride, if any."""

    kind: str
    name: str
    width: int = 0
    stride: str = ""


def _parameters(row):
    for kind, arguments in re.findall(r"\b([A-Z_]+)\(([^()]*)\)", row):
        name, *rest = re.split(r",\s*", arguments)
        if kind in ("BOXES", "ROTATED"):
            yield Parameter("IN", name, 4 if kind == "BOXES" else 5, rest[1])
        elif kind in ("IN", "OUT"):
            stride = re.search(r'\.stride = "(\w+)"', arguments)
            yield Parameter(kind, name, int(rest[1]), stride[1] if stride else "")
        else:
            yield Parameter(kind, name)


def _of_rows():
    text = (Path(__file__).parent / "functions.h").read_text().partition("functions[] = {")[2]
    for name, row in re.findall(r'^    \{"(\w+)",(.*?)\}\},?$', text, re.MULTILINE | re.DOTALL):
        parameters = list(_parameters(row))
        kinds = [p.kind for p in parameters]
        if kinds.count("COUNT") == 1 and set(kinds) <= {"IN", "OUT", "COUNT", "STRIDE"} and not re.search(r"\.(element|times|unless|limit)\b|_OPTIONS|TENSORS", row):
            yield name, parameters


OF_ROWS = dict(_of_rows())
"""{function: its parameters in order}"""


def inputs(function):
    return [p for p in OF_ROWS[function] if p.kind == "IN"]


def outputs(function):
    return [p for p in OF_ROWS[function] if p.kind == "OUT"]


def arguments(function, count, arrays, stride=lambda p: p.width):
    """A call's arguments in order, the arrays by name. stride(p) is that of the array p."""
    strides = {p.stride: stride(p) for p in OF_ROWS[function] if p.stride}
    return [count if p.kind == "COUNT" else strides[p.name] if p.kind == "STRIDE" else arrays[p.name] for p in OF_ROWS[function]]
