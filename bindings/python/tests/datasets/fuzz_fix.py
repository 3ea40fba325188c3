"""Mutates the files of reports/ and of the samples' writers, repairs them, and judges each repair without the library's help.

    python fuzz_fix.py --seconds 600 --seed 0

A case is a seed: what it does is repeated by `--seed N --cases 1`. It fails if a copy differs from its original by more than the repair
reports, if what was reported as a duplicate has no twin, if the original changed, or if something is raised that is no sentence.
"""

import argparse
import csv
import io
import json
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as tree
from collections import Counter
from pathlib import Path

import samples
from boxgrad import BoxgradError, datasets

REPORTS = Path(__file__).parent / "reports"
NUMBERS = [
    "0", "1", "2", "-1", "-0.2", "0.5", "0.9999", "1.2", "3", "17", "50", "640", "481", "-40", "5e-1", "1e3", "nan", "inf", "1e999",
    "0.50000000000000011", "+3", "007", ".5", "5.", "1_0", "0x1", "",
]  # fmt: skip
LINES = [
    "0 0.5 0.5 0.2 0.2", "0 0.9 0.5 0.4 0.2 0.8", "0 0.5 0.5 0.2 0.2 0.9 17", "1 0.9 0.59 0.30 0.07 0.58 0.63 2 0.69 0.61 2",
    "0 0.30 0.67 1.2 0.67 1.2 0.81 0.30 0.81", "2 0.3 0.6 0.4 0.6 0.4 1.1", "dog 10 10 50 60", "dog 0.9 -5 10 50 900",
    "10 10 50 10 50 60 10 60 plane 0", "-10 10 50 10 50 60 -10 60 plane 0 more words", "imagesource:x", "gsd:0.1", "# note", "  ", "\ufeff0 0.5 0.5 0.1 0.1",
    "0 0.5 0.5 0.2 0.2 0.45 0.45 0.55 0.45 0.5 0.55 0.5 0.5", "a.jpg,dog,-5,10,50,60", "1,2,3,4", '"a, ""b"" c",1,2,3', 'x"y,1,2,3,4,5',
    "photos/a.jpg", "0,0.5,0.5,0.1,0.1",
]  # fmt: skip
SNIPPETS = [b"\n", b"\r\n", b"\r", b" ", b"\t", b",", b'"', b"<", b">", b"}", b"]", b"-", b".", b"\xff", b"\0", b"NaN", b'"bbox": [1, 2, 3, 4], ']
FORMATS = ["yolo", "yolo-detect", "yolo-segment", "yolo-obb", "yolo-pose", "dota", "text"]


MANY = ("pose", "pose2d", "segment", "obb", "detect", "text", "dota", "fractions")


class Harm(AssertionError):
    """What a repair did beyond its report."""


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
        return {"obb": [0, *corners], "detect": [0, x, y, w, h], "text": ["dog", *pixels], "dota": [*(100 * one for one in corners), "plane", 0],
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


def contents(path):
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path): file.read_bytes() for file in files}


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
        trial = chance.random() < 0.2
        done = datasets.fix(data, None if trial else out, policies, dry_run=trial, **fixing)
    except (BoxgradError, ValueError, OSError) as error:
        if out.exists():
            raise Harm(f"refused, and written: {error}") from None
        if not str(error).strip():
            raise Harm("refused without a sentence") from None
        if type(error).__name__ not in ("BoxgradError", "UnreadableError", "ValueError"):
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


def judge(format, before, after, done, path):
    """Compares the copy with the report by means of its own."""
    last = {}
    for change in done.changes:
        member = re.search(r"(\d+)\]?$", change.place.member)
        key = int(member[1]) if member else change.place.line
        last.setdefault(change.place.file.relative_to(path), {})[key] = change
    for file, new in after.items():
        old = before.get(file)
        if old is None:
            raise Harm(f"a new file {file}")
        changes = last.get(file, {})
        if not changes:
            if old != new and not (old[:4] == b"PAR1" and rows_of_parquet(old) == rows_of_parquet(new)):
                raise Harm(f"{file} changed, and nothing is reported")
            continue
        gone = {key for key, change in changes.items() if not change.after}
        edited = changes.keys() - gone
        judges = {"coco": judge_coco, "voc": judge_voc, "table": judge_table}
        judges.get(format, judge_lines)(old, new, gone, edited, changes)
    if set(last) - set(after):
        raise Harm("a changed file is missing")
    for change in done.left:
        file = change.place.file.relative_to(path)
        if before[file].split(b"\n")[change.place.line - 1] not in after[file]:
            raise Harm(f"{change.place} is reported as left, and is gone")


def judge_lines(old, new, gone, edited, changes):
    lines = dict(enumerate(old.split(b"\n"), 1))
    stays = {number: line for number, line in lines.items() if number not in gone}
    result = new.split(b"\n")
    if len(result) < len(stays):  # the last line went, with or without its end
        stays = dict(list(stays.items())[: len(result)])
    if len(result) - len(stays) > 1 or len(result) > len(stays) and result[-1].strip():
        raise Harm(f"{len(stays)} lines should stay, and {len(result)} do")
    for (number, line), other in zip(stays.items(), result):
        if number not in edited:
            if line != other:
                raise Harm(f"line {number} changed from {line!r} to {other!r}, and is not reported")
            continue
        words, others = line.split(), other.split()
        if len(words) != len(others) or words[0] != others[0] and len(words) < 9:
            raise Harm(f"line {number} became {other!r}")
        differ = [i for i, (a, b) in enumerate(zip(words, others)) if a != b]
        if any(not is_number(others[i]) for i in differ):
            raise Harm(f"line {number} became {other!r}")
        flags = [i for i in differ if words[i] in (b"2", b"17") and i > 4]
        if flags and len(words) > 6 and (len(words) - 5) % 3 == 0 and all(word in (b"0", b"1", b"2") for word in words[7::3]):
            raise Harm(f"line {number} lost its visibility flags: {other!r}")
    for number, change in changes.items():
        if change.policy == "drop-duplicates" and not change.after:
            # Edits before it may have made them equal, so that only the reported box says it.
            twins = [one for one in changes.values() if one is not change]
            same = [line for key, line in lines.items() if key != number and line.split()[:1] == lines[number].split()[:1]]
            if not same and not twins and len(lines[number].split()) < 9:
                raise Harm(f"line {number} is no duplicate: {lines[number]!r}")


def judge_keypoints(before, after, done):
    """What follows the box of every line that stays is what followed it before."""
    gone = {(change.place.file.name, change.place.line) for change in done.changes if not change.after}
    for file, data in before.items():
        stays = [line for number, line in enumerate(data.split(b"\n"), 1) if (file.name, number) not in gone]
        for line, other in zip(stays, after[file].split(b"\n")):
            if line.split()[5:] != other.split()[5:]:
                raise Harm(f"keypoints changed: {line!r} to {other!r}")


def judge_outside(before, done, path):
    """What went because it is outside of its image is: by its fractions, before other repairs than an exchange of its sides."""
    for change in done.changes:
        if change.policy == "drop-outside":
            line = before[change.place.file.relative_to(path)].split(b"\n")[change.place.line - 1]
            x, y, w, h = map(float, line.split()[1:5])
            if x + abs(w) / 2 > 1e-6 and x - abs(w) / 2 < 1 - 1e-6 and y + abs(h) / 2 > 1e-6 and y - abs(h) / 2 < 1 - 1e-6:
                raise Harm(f"{line!r} is not outside")


def is_number(word):
    try:
        float(word)
        return True
    except ValueError:
        return False


def judge_coco(old, new, gone, edited, changes):
    def load(data):
        return json.loads(data.decode("utf-8-sig", "replace"))

    before, after = load(old), load(new)
    if isinstance(before, list):
        before, after = {"annotations": before}, {"annotations": after}
    if {**before, "annotations": 0} != {**after, "annotations": 0}:
        if str({**before, "annotations": 0}) != str({**after, "annotations": 0}):  # NaN is not equal to itself
            raise Harm("members beside the annotations changed")
    stays = [(index, one) for index, one in enumerate(before["annotations"]) if index not in gone]
    if len(stays) != len(after["annotations"]):
        raise Harm("another number of annotations stays")
    for (index, one), other in zip(stays, after["annotations"]):
        if index in edited:
            one, other = ({**each, "bbox": 0, "area": 0} for each in (one, other))
        if str(one) != str(other):
            raise Harm(f"annotation {index} changed to {other}")


def judge_voc(old, new, gone, edited, changes):
    before, after = (tree.fromstring(data) for data in (old, new))
    stays = [(index, one) for index, one in enumerate(before.findall("object")) if index not in gone]
    if len(stays) != len(after.findall("object")):
        raise Harm("another number of objects stays")
    for (index, one), other in zip(stays, after.findall("object")):
        texts = [[(each.tag, (each.text or "").strip(), each.attrib) for each in found.iter()] for found in (one, other)]
        differ = [a[0] for a, b in zip(*texts) if a != b]
        if len(texts[0]) != len(texts[1]) or differ and (index not in edited or set(differ) - {"xmin", "ymin", "xmax", "ymax"}):
            raise Harm(f"object {index} changed in {differ}")
    rest = [[(each.tag, [text for one in each.iter() for text in (one.tag, one.text, one.attrib)]) for each in found] for found in (before, after)]
    rest = [[one for one in found if one[0] != "object"] for found in rest]
    strays = ["".join(each.tail or "" for each in found).split() for found in (before, after)]
    if rest[0] != rest[1] or strays[0] != strays[1]:
        raise Harm("members beside the objects changed")


def rows_of_parquet(data):
    import pyarrow
    from pyarrow import parquet

    return repr(parquet.read_table(pyarrow.BufferReader(data)).to_pylist())


def judge_table(old, new, gone, edited, changes):
    if old[:4] == b"PAR1":
        import pyarrow
        from pyarrow import parquet

        before, after = (parquet.read_table(pyarrow.BufferReader(data)) for data in (old, new))
        if not before.schema.equals(after.schema, check_metadata=True):
            raise Harm("another schema")
        rows, others = before.to_pylist(), after.to_pylist()
        stays = [(index, row) for index, row in enumerate(rows) if index not in gone]
        kept = ("filename", "height", "width", "class", "note")
    else:
        stays, others = ([(first, row) for first, row in rows_of_csv(old) if first not in gone], [row for _, row in rows_of_csv(new)])
        kept = ()
    if len(stays) != len(others):
        raise Harm(f"{len(stays)} rows should stay, and {len(others)} do")
    for (key, row), other in zip(stays, others):
        same = repr(row) == repr(other)
        if key not in edited and not same:
            raise Harm(f"row {key} changed to {other}")
        if isinstance(row, dict):
            if any(row.get(name) != other.get(name) for name in kept):
                raise Harm(f"row {key} changed to {other}")
        elif not same:
            cells, others_cells = (next(csv.reader(io.StringIO(one, newline=""))) for one in (row, other))
            differ = [(a, b) for a, b in zip(cells, others_cells) if a != b]
            if len(cells) != len(others_cells) or len(differ) > 5 or not all(is_number(a) and is_number(b) for a, b in differ):
                raise Harm(f"row {key} changed to {other!r}")


def rows_of_csv(data):
    """Each row's text with the line on which it starts."""
    lines = io.StringIO(data.decode("utf-8"), newline="").readlines()
    reader, taken = csv.reader(iter(lines)), 0
    for _ in reader:
        yield taken + 1, "".join(lines[taken : reader.line_num])
        taken = reader.line_num


def run(seconds, seed, cases=None):
    """Outcomes of cases until the time is over, and the seeds that failed."""
    outcomes, failed = Counter(), []
    end = time.monotonic() + seconds
    while (cases is None and time.monotonic() < end) or (cases is not None and sum(outcomes.values()) < cases):
        folder = Path(tempfile.mkdtemp(prefix="boxgrad-fuzz-"))
        try:
            outcomes[case(seed, folder)] += 1
        except Exception as error:
            outcomes["failed"] += 1
            failed.append((seed, f"{type(error).__name__}: {error}"))
            print(f"--seed {seed}: {traceback.format_exc(limit=-3)}", file=sys.stderr, flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        seed += 1
    return outcomes, failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int)
    arguments = parser.parse_args()
    outcomes, failed = run(arguments.seconds, arguments.seed, arguments.cases)
    print(f"{sum(outcomes.values()):,} cases: " + ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items())))
    sys.exit(bool(failed))
