"""Prints vectors.json for readers that have no JSON parser: words and numbers in the order of the JSON, an absent list being a dash."""

import itertools
import json
from pathlib import Path


def words(x):
    """An argument: what it is, then its parts."""
    if x is None:
        return ["null"]
    if isinstance(x, dict):
        if "options" in x:
            return ["options", *x["options"]]
        if "parameters" in x:
            tensors = ([*t[:3], *words(t[3])] if isinstance(t, list) else [t] for parameter in x["parameters"] for t in parameter)
            return ["parameters", len(x["parameters"]), *itertools.chain(*tensors)]
        if "loss options" in x:
            return ["loss_options", *x["loss options"]]
        if "gaussian options" in x:
            return ["gaussian_options", *x["gaussian options"]]
        if "roi options" in x:
            return ["roi_options", *x["roi options"]]
        if "rotated options" in x:
            return ["rotated_options", *x["rotated options"]]
        if "tensors" in x:
            return ["tensors", len(x["tensors"]), *itertools.chain(*([*t[:3], *words(t[3])] for t in x["tensors"]))]
        lists = [[len(x[key]), *x[key]] if key in x else ["-"] for key in ("in", "out", "terms")]
        return [x["of"], x["length"], *itertools.chain(*lists), x.get("eps", 0)]
    return ["number", x]


for vector in json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]:
    name = "_".join(filter(None, (vector["function"], vector["type"])))
    print(name, vector["status"], vector["hash"], vector.get("error", "-").replace(" ", "_"), len(vector["arguments"]))
    for argument in vector["arguments"]:
        print(" ", *words(argument))
