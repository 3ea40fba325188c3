"""Judges a reading by what was written and by a count of its own: no row is lost, and none is changed, without a word."""

import json
import re
import xml.etree.ElementTree as tree
from collections import Counter

import numpy as np


class Harm(AssertionError):
    """What a reader did without a word."""


def judge(made, data):
    judge_account(made, data)
    judge_untouched(made, data)


def left_out(data):
    """The files that were not read, all of which the report names or counts."""
    files = {error.file for error in data.unreadable} | set(data.beside)
    files |= {file for some in data.passed_over.values() for file in some}
    return files | set(getattr(data, "class_files", ()))


def judge_account(made, data):
    """The rows are as many as are counted here, where that is certain."""
    account = data.account
    others = sum(count for name, count in account.items() if name != "rows")
    if account["rows"] != others:
        raise Harm(f"the account does not add up: {account}")
    counted = count(made, data)
    if counted is not None and counted != account["rows"]:
        raise Harm(f"{counted} rows are counted in {made.kind}, and the account is {account}")


def count(made, data):
    """How many rows the files hold; None where it is open what a row is."""
    if made.kind.startswith("parquet"):
        return made.total if made.kind == "parquet" else None
    files = [made.path] if made.path.is_file() else sorted(file for file in made.path.rglob("*") if file.is_file())
    gone = left_out(data)
    total = 0
    for file in files:
        if file in gone or file.suffix not in (".txt", ".xml", ".csv", ".tsv", ".json", ".jsonl"):
            continue
        rows = ROWS[made.kind](made, text_of(made, file))
        if rows is None:
            return None
        total += rows
    return total


def text_of(made, file):
    name = file.name if made.path.is_dir() else ""
    text = file.read_bytes().decode(made.encodings.get(name, "utf-8"), "replace")
    return text.removeprefix("\ufeff")


def rows_of_lines(made, text):
    return sum(bool(line.strip("\ufeff \t\r\v\f")) for line in text.split("\n")) if "\r" not in text.replace("\r\n", "") else None


def rows_of_csv(made, text):
    """The lines without the header, if each is a row: quotes are closed in their line."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    if any(line.count('"') % 2 or not line.strip() for line in lines) or "\r" in text.replace("\r\n", "") and "\n" in text.replace("\r\n", ""):
        return None
    if not made.heads[""]:
        return len(lines)
    return len(lines) - 1 if lines and lines[0] == made.heads[""].strip() else None


def rows_of_coco(made, text):
    twice = []

    def note(pairs):
        twice.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return None
    return len(content["annotations"]) if isinstance(content, dict) and "annotations" not in twice else None


def rows_of_voc(made, text):
    """The objects; an image without any is a row without a box."""
    try:
        root = tree.fromstring(text.encode())
    except (tree.ParseError, ValueError):
        return None
    objects = [one for one in root if one.tag == "object"]
    known = {"annotation", "object", "name", "difficult", "bndbox", "xmin", "ymin", "xmax", "ymax", "filename", "size", "width", "height", "depth"}
    known |= {"robndbox", "cx", "cy", "w", "h", "angle"}
    boxes = ("bndbox", "robndbox")
    if any(one.tag not in known for one in root.iter()) or any(len(root.findall(f".//{tag}")) != len(root.findall(f"./object/{tag}")) for tag in boxes):
        return None
    if len(list(root.iter("object"))) != len(objects) or root.tag != "annotation":
        return None
    return len(objects) or 1


def rows_of_json_lines(made, text):
    return None


ROWS = {
    "yolo": rows_of_lines, "text": rows_of_lines, "dota": rows_of_lines, "csv": rows_of_csv, "coco": rows_of_coco, "voc": rows_of_voc,
    "jsonl": rows_of_json_lines,
}  # fmt: skip


def judge_untouched(made, data):
    """Each row that stands as it was written is read as it was meant, or its place is named."""
    read = Counter((data.image_name(i), data.category_name(i), rounded(box)) for i, box in enumerate(data.boxes))
    alone = Counter(key[2] for key in read.elements())
    gone, named = left_out(data), places(data)
    for row, line, certain in untouched(made):
        file = made.file(row.file)
        key = (row.image, row.category, rounded(row.box))
        if read[key] or file in gone or (file, line) in named:
            continue
        if not certain and alone[key[2]]:  # what names its image or its category was touched
            continue
        if made.kind in ("csv", "jsonl", "coco", "voc") and any(where == file and (at or 0) <= (line or 0) for where, at in named):
            continue  # within what a damaged row before it is said to swallow
        raise Harm(f"{row} on line {line} is not read as it is: {nearest(data, row)}; {data.taken_as}; {data.said}")


def untouched(made):
    """The rows that no mutation touched, with their line, and whether what else says what they mean was not touched."""
    if made.untouched is not None:
        yield from ((row, None, True) for row in made.untouched)
        return
    for name, text in made.texts.items():
        text = text_of(made, made.file(name))
        lines = re.split(r"\r\n|\r|\n", text) if made.kind != "coco" else text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        head = made.heads.get(name, "")
        certain = ("\n".join(lines) + "\n").startswith(head) or made.kind in ("coco", "voc") and head in "\n".join(lines)
        if made.kind == "csv" and not certain or made.kind == "yolo" and not has_classes(made):
            continue  # of a table it is not known what its columns are; of YOLO not what its classes are
        of_file = {row.text: row for row in made.rows if row.file == name}
        several = Counter(row.text for row in made.rows if row.file == name)
        first = next((number for number, line in enumerate(lines) if '"annotations"' in line), 0) if made.kind == "coco" else 0
        for number, line in enumerate(lines[first:], first + 1):
            row = of_file.get(line.rstrip(",") if made.kind == "coco" else line)
            if row is None:
                continue
            for one in (each for each in made.rows if each.file == name and each.text == row.text) if several[row.text] > 1 else (row,):
                yield one, number, certain


def has_classes(made):
    """Whether the classes of YOLO are named where they were, and nowhere else."""
    listed = made.texts.get("data.yaml", "") == made.heads.get("data.yaml", "") and made.encodings.get("data.yaml", "utf-8") == "utf-8"
    there = made.file("data.yaml")
    intact = not there.exists() or there.read_bytes() == made.heads["data.yaml"].encode()
    return listed and intact and not (made.path / "classes.txt").exists()


def places(data):
    """Where a finding or the account says that a row is damaged or holds no box."""
    return {(finding.place.file, finding.place.line) for finding in data.faults}


def rounded(box):
    return tuple(np.round(np.asarray(box, float), 3).tolist())


def nearest(data, row):
    if not len(data):
        return "there is no box"
    with np.errstate(invalid="ignore"):
        at = int(np.nanargmin(np.nan_to_num(np.abs(data.boxes - np.array(row.box)).max(axis=1), nan=1e9)))
    return f"the nearest is {data.boxes[at].tolist()} of {data.image_name(at)!r}, {data.category_name(at)!r}"
