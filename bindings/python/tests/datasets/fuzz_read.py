"""Mutates files of every format, reads them, and judges each reading without the library's help.

    python fuzz_read.py --seconds 600 --seed 0

A case is a seed: what it does is repeated by `--seed N --cases 1`, with the same --kinds. It fails if something is raised that is no sentence, if the command ends
with another status than 0, 1 or 2, if rows are neither boxes nor refused nor named, or if a row that was not touched is read with another
box, image or category without a word.
"""

import contextlib
import io
import random
import re
from pathlib import Path

import fuzzing
from boxgrad import BoxgradError, datasets
from read_judge import Harm, judge
from read_sources import SOURCES

NUMBERS = ["", "0", "-1", "0.5", "1.2", "17", "640", "-40", "5e-1", "1e3", "nan", "inf", "1e999", "+3", "007", ".5", "5.", "1_0", "0x1", "1,5", "x"]
SNIPPETS = ['"', "'", ",", ";", "\t", " ", "\n", "\r", "<", ">", "&", "{", "}", "[", "]", ":", "\0", "\ufeff", "é", "猫", "NaN", "#", "-", "\u2028"]
ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "gbk", "shift_jis", "cp1252"]
BESIDE = {
    "README.txt": "Made by hand.\nThere are 3 classes and 20 photos.\n", "readme.md": "# Data\n", ".hidden.txt": "0 0.5 0.5 0.1 0.1\n",
    "._a.xml": "\0\5", "notes.json": '{"version": 1}', "train.txt": "photos/a.jpg\nphotos/b.jpg\n", "classes.txt": "dog\ncat\n",
    "other.csv": "image,x1,y1,x2,y2\n", "data.cache": "\0\1\2", "Thumbs.db": "\0", "log.txt": "epoch 1 loss 0.5\nepoch 2 loss 0.25\n",
    "extra.xml": "<project><name>x</name></project>", "empty.txt": "",
}  # fmt: skip


def mutate(chance, made):
    """One change of the lines of a file, or of what lies beside it."""
    name = chance.choice(sorted(made.texts))
    lines = made.texts[name].split("\n")
    at = chance.randrange(len(lines))
    kind = chance.choice(["number", "number", "field", "drop", "double", "snippet", "snippet", "cut", "shuffle", "beside", "long", "foreign"])
    if kind == "number":
        numbers = list(re.finditer(r"-?\d+(?:\.\d+)?", lines[at]))
        if numbers:
            one = chance.choice(numbers)
            lines[at] = lines[at][: one.start()] + chance.choice(NUMBERS) + lines[at][one.end() :]
    elif kind == "field":
        words = re.split(r"([ ,;\t<>])", lines[at])
        word = chance.randrange(0, len(words), 2)
        words[word : word + 1] = chance.choice([[""], [words[word], chance.choice(" ,;"), words[word]], [chance.choice(["dog", "7", '"a'])]])
        lines[at] = "".join(words)
    elif kind == "drop":
        del lines[at]
    elif kind == "double":
        lines.insert(at, lines[at])
    elif kind == "snippet":
        place = chance.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + chance.choice(SNIPPETS) + lines[at][place + chance.choice([0, 0, 1]) :]
    elif kind == "cut":
        lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
    elif kind == "shuffle":
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "beside" and made.path.is_dir():
        beside = chance.choice(sorted(BESIDE))
        (made.path / beside).write_text(BESIDE[beside])
    elif kind == "long":
        lines[at] += chance.choice([" ", ",", "\t"]) + " ".join(f"{chance.random():.3f}" for _ in range(chance.randint(1, 12)))
    elif kind == "foreign":
        lines.insert(at, chance.choice(["# note", "0 0.5 0.5 0.2 0.2", "dog 10 10 50 60", "a.jpg,dog,1,2,3,4", "<object/>", "{}", "   ", "imagesource:x"]))
    made.texts[name] = "\n".join(lines)


def write(chance, made):
    """The files as bytes: in another encoding, with other line ends, with a byte that is none, or cut off."""
    for name, text in made.texts.items():
        encoding = chance.choice(ENCODINGS) if made.mutated and chance.random() < 0.06 else "utf-8"
        end = chance.choice(["\r\n", "\r"]) if made.mutated and chance.random() < 0.06 else "\n"
        data = text.replace("\n", end).encode(encoding, "replace")
        if made.mutated and chance.random() < 0.05 and data:
            place = chance.randrange(len(data))
            data = chance.choice([data[:place], data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]])
        made.encodings[name] = encoding
        made.file(name).write_bytes(data)


def status_of(words):
    """The exit status of the command, whose output goes nowhere."""
    from boxgrad import cli
    from rich.console import Console

    cli.out, cli.err = (Console(file=io.StringIO(), width=140) for _ in range(2))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            cli.app([str(word) for word in words], prog_name="boxgrad")
        except SystemExit as ended:
            return ended.code
    return None


def case(seed, folder, kinds=tuple(sorted(SOURCES))):
    """Runs one case; the outcome, or Harm."""
    chance = random.Random(seed)
    made = SOURCES[chance.choice(kinds)](folder, chance)
    changes = chance.choice([0, 1, 1, 1, 2, 3, 5])
    made.mutated = changes > 0
    for _ in range(changes):
        made.mutate(chance) if made.mutate else mutate(chance, made)
    made.write() if made.write else write(chance, made)
    try:
        data = datasets.read(made.path, **made.options)
        found = datasets.inspect(data)
        if found.status() not in (0, 1, 2):
            raise Harm(f"status {found.status()}")
    except (BoxgradError, ValueError) as error:
        if type(error).__name__ not in ("BoxgradError", "UnreadableError", "ValueError") or not str(error).strip():
            raise Harm(f"no sentence: {error!r}") from None
        if not made.mutated:
            raise Harm(f"refused what is right: {error}") from None
        data = None
    if chance.random() < 0.05:
        words = [word for name, value in made.options.items() for word in (f"--{name.replace('_', '-')}", made.word(value))]
        status = status_of(["inspect", made.path, *words, *chance.choice([[], ["--json"]])])
        if status not in (0, 1, 2) or (data is None) != (status == 2) and not data.unreadable:
            raise Harm(f"status {status}")
    if data is None:
        return "refused"
    judge(made, data)
    return "read with findings" if found.counts else "read"


def run(seconds, seed, cases=None, kinds=tuple(sorted(SOURCES))):
    """Outcomes of cases of these kinds until the time is over, and the seeds that failed."""
    return fuzzing.run(lambda seed, folder: case(seed, folder, kinds), seconds, seed, cases)


if __name__ == "__main__":
    parser = fuzzing.parser(__doc__)
    parser.add_argument("--kinds", nargs="+", choices=sorted(SOURCES), default=sorted(SOURCES))
    arguments = parser.parse_args()
    fuzzing.finish(*run(arguments.seconds, arguments.seed, arguments.cases, arguments.kinds))
