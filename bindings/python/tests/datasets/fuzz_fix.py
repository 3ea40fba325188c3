"""Mutates the files of reports/ and of the samples' writers, repairs them, and judges each repair without the library's help.

    python fuzz_fix.py --seconds 600 --seed 0

A case is a seed: what it does is repeated by `--seed N --cases 1`. It fails if a copy differs from its original by more than the repair
reports, if what was reported as a duplicate has no twin, if the original changed, or if something is raised that is no sentence.
"""

import random
import re
import shutil
from pathlib import Path

import fuzzing
import samples
from asked import contents
from boxgrad import BoxgradError, datasets
from fuzz_judge import Harm, judge, judge_keypoints, judge_outside

REPORTS = Path(__file__).parent / "reports"
NUMBERS = [
    "0", "1", "2", "-1", "-0.2", "0.5", "0.9999", "1.2", "3", "17", "50", "640", "481", "-40", "5e-1", "1e3", "nan", "inf", "1e999",
    "0.50000000000000011", "+3", "007", ".5", "5.", "1_0", "0x1", "",
]  # fmt: skip
LINES = [
    "0 0.5 0.5 0.2 0.2", "0 0.9 0.5 0.4 0.2 0.8", "0 0.5 0.5 0.2 0.2 0.9 17", "1 0.9 0.59 0.30 0.07 0.58 0.63 2 0.69 0.61 2",
    "0 0.30 0.67 1.2 0.67 1.2 0.81 0.30 0.81", "2 0.3 0.6 0.4 0.6 0.4 1.1", "dog 10 10 50 60", "dog 0.9 -5 10 50 900",
    "10 10 50 10 50 60 10 60 plane 0", "-10 10 50 10 50 60 -10 60 plane 0 more words", "imagesource:x", "gsd:0.1", "# note", "  ",
    "\ufeff0 0.5 0.5 0.1 0.1",
    "0 0.5 0.5 0.2 0.2 0.45 0.45 0.55 0.45 0.5 0.55 0.5 0.5", "a.jpg,dog,-5,10,50,60", "1,2,3,4", '"a, ""b"" c",1,2,3', 'x"y,1,2,3,4,5',
    "photos/a.jpg", "0,0.5,0.5,0.1,0.1",
]  # fmt: skip
SNIPPETS = [
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\t",
    b",",
    b'"',
    b"<",
    b">",
    b"}",
    b"]",
    b"-",
    b".",
    b"\xff",
    b"\0",
    b"NaN",
    b'"bbox": [1, 2, 3, 4], ',
]
FORMATS = ["yolo", "yolo-detect", "yolo-segment", "yolo-obb", "yolo-pose", "dota", "text"]


MANY = ("pose", "pose2d", "segment", "obb", "detect", "text", "dota", "fractions")


def sources():
    """The names of all inputs: of a report, or of a sample's writer."""
    written = [f"sample:{kind}" for kind in samples.WRITERS] + [f"many:{kind}" for kind in MANY]
    return sorted(path.name for path in REPORTS.iterdir() if path.name != "README.md") + 4 * written


def many(kind, folder, chance):
    """Three files of twenty lines, most of them right, some of which leave their image or have no area."""
    (folder / "set").mkdir()

    def box():
        x, y = chance.uniform(0.3, 0.7), chance.uniform(0.3, 0.7)
        w, h = (chance.choice([0.2, 0.3, 0.5, 0, 0.9]) if chance.random() < 0.2 else chance.uniform(0.05, 0.5) for _ in range(2))
        return x, y, w, h

    def line():
        x, y, w, h = box()
        x1, y1, x2, y2 = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        corners = (x1, y1, x2, y1, x2, y2, x1, y2)
        pixels = [f"{number * 100:.1f}" for number in (x1, y1, x2, y2)]
        points = [(x1 + chance.random() * w, y1 + chance.random() * h) for _ in range(5)]
        if kind == "pose":
            return [0, x, y, w, h, *(number for px, py in points for number in (px, py, chance.choice([0, 1, 2])))]
        if kind == "pose2d":
            return [0, x, y, w, h, *(number for point in points for number in point)]
        if kind == "segment":
            return [0, *(number for point in points[: chance.randint(3, 5)] for number in point)]
        return {"obb": [0, *corners], "detect": [0, x, y, w, h], "text": ["dog", *pixels],
                "dota": [*(100 * one for one in corners), "plane", 0],
                "fractions": [f"{chance.randint(0, 5)}.jpg", x1, y1, x2, y2]}[kind]  # fmt: skip

    def text():
        rows = [[f"{word:.5g}" if isinstance(word, float) else str(word) for word in line()] for _ in range(20)]
        return "".join(("," if kind == "fractions" else " ").join(row) + "\n" for row in rows)

    if kind == "fractions":
        (folder / "set" / "x.csv").write_text("ImageID,XMin,YMin,XMax,YMax\n" + text())
        return folder / "set" / "x.csv", {}
    for name in "abc":
        (folder / "set" / f"{name}.txt").write_text(text())
    return folder / "set", {"image_size": (100, 100)} if kind in ("text", "dota") else {}


def make(name, folder, chance):
    """A fresh copy of an input: its path, and the options to read it with."""
    if name.startswith("many:"):
        return many(name[5:], folder, chance)
    if name.startswith("sample:"):
        made = samples.write(name[7:], folder / "set")
        return made.path, dict(made.options)
    target = folder / name
    (shutil.copytree if (REPORTS / name).is_dir() else shutil.copy)(REPORTS / name, target)
    return target, {}


def label_files(path):
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in files if file.suffix not in (".jpg", ".png")]


def mutate(chance, file):
    """One to four changes of a file: bytes, numbers, words, lines."""
    if file.suffix == ".parquet":
        mutate_parquet(chance, file)
        return
    data = file.read_bytes()
    for _ in range(chance.randint(1, 4)):
        kind = chance.random() if chance.random() < 0.7 else 0.0
        lines = data.split(b"\n")
        at = chance.randrange(len(lines))
        if kind < 0.45:
            numbers = list(re.finditer(rb"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?", data))
            if numbers:
                one = chance.choice(numbers)
                new = chance.choice(NUMBERS) if chance.random() < 0.6 else f"{float(one[0]) * chance.choice([0.5, -1, 1.5, 3, 1.01]):.6g}"
                data = data[: one.start()] + new.encode() + data[one.end() :]
        elif kind < 0.55:
            lines.insert(at, chance.choice(lines))
            data = b"\n".join(lines)
        elif kind < 0.65:
            lines.insert(at, chance.choice(LINES).encode())
            data = b"\n".join(lines)
        elif kind < 0.7:
            del lines[at]
            data = b"\n".join(lines)
        elif kind < 0.78:
            lines += lines[: chance.randint(1, 40)] * chance.randint(1, 9)
            data = b"\n".join(lines)
        elif kind < 0.88:
            words = re.split(rb"([ ,\t])", lines[at])
            word = chance.randrange(0, len(words), 2)
            words[word : word + 1] = chance.choice([[], [words[word], b" ", words[word]], [chance.choice(NUMBERS).encode()], [b"dog"]])
            lines[at] = b"".join(words)
            data = b"\n".join(lines)
        elif kind < 0.92:
            data = data.replace(b"\n", b"\r\n") if chance.random() < 0.5 else b"\xef\xbb\xbf" + data
        else:
            start = chance.randrange(len(data) + 1)
            data = data[:start] + chance.choice(SNIPPETS) + data[start + chance.choice([0, 0, 1, 8]) :]
    file.write_bytes(data)


def mutate_parquet(chance, file):
    import pyarrow
    from pyarrow import parquet

    table = parquet.read_table(file)
    for _ in range(chance.randint(1, 3)):
        index = chance.randrange(table.num_columns)
        field = table.schema.field(index)
        values = table.column(index).to_pylist()
        number = pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type)
        if number and values:
            values[chance.randrange(len(values))] = chance.choice([None, 0, -7, 5, 70, 2000])
            table = table.set_column(index, field, pyarrow.array(values, field.type))
        elif chance.random() < 0.5:
            table = pyarrow.concat_tables([table, table.slice(0, 1)])
    if chance.random() < 0.3:
        kinds = [pyarrow.float32() if pyarrow.types.is_integer(one.type) else one.type for one in table.schema]
        table = table.cast(pyarrow.schema([one.with_type(kind) for one, kind in zip(table.schema, kinds)], {b"who": b"me"}))
    parquet.write_table(table, file)


def options_of(chance, path, options):
    """Options of reading and of repairing, at random."""
    reading = dict(options)
    text = path.is_dir() and not list(path.rglob("*.xml"))
    if text and chance.random() < 0.3:
        reading["format"] = chance.choice(FORMATS)
    elif path.suffix == ".csv" and chance.random() < 0.2:
        reading["format"] = "table"
    if chance.random() < 0.4:
        reading["image_size"] = chance.choice([(100, 100), (480, 640), (40, 60)])
    if chance.random() < 0.15:
        reading["boxes"] = chance.choice(["xyxy", "xywh", "cxcywh"])
    if chance.random() < 0.2:
        reading["exif"] = chance.choice(["turned", "stored"])
    fixing = {"min_size": chance.choice([0.0, 1.0, 20.0])}
    if chance.random() < 0.5:
        fixing["allow_malformed"] = chance.choice([0.0, 0.5, 1.0])
    if chance.random() < 0.5:
        fixing["max_dropped"] = chance.choice([0.0, 0.5, 1.0])
    policies = chance.sample(list(datasets.POLICIES), chance.randint(1, len(datasets.POLICIES)))
    return reading, fixing, policies


def case(seed, folder):
    """Runs one case; the outcome, or Harm."""
    chance = random.Random(seed)
    name = chance.choice(sources())
    path, options = make(name, folder, chance)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        files = label_files(path)
        mutate(chance, chance.choice(files))
    reading, fixing, policies = options_of(chance, path, options)
    before = contents(path)
    out = folder / "out"
    try:
        data = datasets.read(path, **reading)
        account = data.account
        if data.format in ("yolo", "dota", "text") and 2 * account["rows"] != sum(account.values()):
            raise Harm(f"the rows do not add up: {account}")
        trial = chance.random() < 0.2
        done = datasets.fix(data, None if trial else out, policies, dry_run=trial, **fixing)
    except (BoxgradError, ValueError, OSError) as error:
        if out.exists():
            raise Harm(f"refused, and written: {error}") from None
        if not str(error).strip():
            raise Harm("refused without a sentence") from None
        if type(error).__name__ not in ("BoxgradError", "UnreadableError", "ValueError", "Copied"):
            raise Harm(f"no sentence: {error!r}") from None
        if "does not read back" in str(error):
            raise Harm(f"the copy was wrong, and the check found it: {error}") from None
        return "refused"
    finally:
        if contents(path) != before:
            raise Harm("the original changed")
    if trial:
        if out.exists() or bool(done.changes) != bool(done.diffs):
            raise Harm(f"a trial wrote, or shows {len(done.diffs)} diffs of {len(done.changes)} changes")
        return "tried"
    judge(data.format, before, contents(out), done, path)
    if name in ("many:pose", "many:pose2d") and not reading.get("format"):
        judge_keypoints(before, contents(out), done)
    if name in ("many:pose", "many:detect") and not reading.get("format"):
        judge_outside(before, done, path)
    return "changed" if done.changes else "same"


def run(seconds, seed, cases=None):
    """Outcomes of cases until the time is over, and the seeds that failed."""
    return fuzzing.run(case, seconds, seed, cases)


if __name__ == "__main__":
    arguments = fuzzing.parser(__doc__).parse_args()
    fuzzing.finish(*run(arguments.seconds, arguments.seed, arguments.cases))
