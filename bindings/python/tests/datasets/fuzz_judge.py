"""Judges a repair by comparing the copy with what was reported, by means that the library has no part in."""

import csv
import io
import json
import re
import xml.etree.ElementTree as tree


class Harm(AssertionError):
    """What a repair did beyond its report."""


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
    reported = {change.place for change in done.changes}
    for change in done.left:
        file = change.place.file.relative_to(path)
        if change.place.line is None or change.place in reported:
            continue
        if before[file].split(b"\n")[change.place.line - 1] not in after[file]:
            raise Harm(f"{change.place} is reported as left, and is gone")


def judge_lines(old, new, gone, edited, changes):
    mark = b"\xef\xbb\xbf"
    if old.startswith(mark):
        old, new = old[3:], new[3:] if new.startswith(mark) else new
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
        words, others = words_of(line), words_of(other)
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
            same = [key for key in lines if key != number and class_of(lines[key]) == class_of(lines[number])]
            if not same and not twins and len(words_of(lines[number])) < 9:
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


def words_of(line):
    """The words of a line, between spaces, commas, semicolons or quotes."""
    return re.findall(rb'[^\s,;"]+', line)


def class_of(line):
    """The first word; of a number, whatever notation it is in, its value."""
    word = b"".join(words_of(line.replace(b"\xef\xbb\xbf", b""))[:1])
    return float(word) if is_number(word) else word


def judge_twins(rests, changes):
    """What went as a duplicate says the same beside its box as another record. rests: what each says, by its number."""
    for number, change in changes.items():
        if change.policy == "drop-duplicates" and not change.after:
            if not any(key != number and rest == rests[number] for key, rest in rests.items()):
                raise Harm(f"record {number} is no duplicate: {rests[number]}")


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
    of_twins = ("id", "bbox", "area", "score")
    rests = [{k: v for k, v in one.items() if k not in of_twins} if isinstance(one, dict) else one for one in before["annotations"]]
    judge_twins(dict(enumerate(map(str, rests))), changes)
    stays = [(index, one) for index, one in enumerate(before["annotations"]) if index not in gone]
    if len(stays) != len(after["annotations"]):
        raise Harm("another number of annotations stays")
    for (index, one), other in zip(stays, after["annotations"]):
        if index in edited:
            one, other = ({**each, "bbox": 0, "area": 0} for each in (one, other))
        if str(one) != str(other):
            raise Harm(f"annotation {index} changed to {other}")


def judge_voc(old, new, gone, edited, changes):
    before, after = (xml_of(data) for data in (old, new))
    sides = ("xmin", "ymin", "xmax", "ymax")
    objects, rest = parted(before)
    others, other_rest = parted(after)
    numbers = (*sides, *(prefix + side for prefix in ("", "mbox_") for side in ("cx", "cy", "w", "h", "ang", "angle")))
    rests = [[(each.tag, (each.text or "").strip()) for each in one.iter() if each.tag not in numbers] for one in objects]
    judge_twins(dict(enumerate(rests)), changes)
    stays = [(index, one) for index, one in enumerate(objects) if index not in gone]
    if len(stays) != len(others):
        raise Harm("another number of objects stays")
    for (index, one), other in zip(stays, others):
        texts = [[(each.tag, (each.text or "").strip(), each.attrib) for each in found.iter()] for found in (one, other)]
        differ = [a[0] for a, b in zip(*texts) if a != b]
        if len(texts[0]) != len(texts[1]) or differ and (index not in edited or {tag.lower() for tag in differ} - set(sides)):
            raise Harm(f"object {index} changed in {differ}")
    if rest != other_rest:
        raise Harm("members beside the objects changed")


def xml_of(data):
    """The tree of a file in any encoding that it declares."""
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w.-]+)", data)
    try:
        return tree.fromstring(data)
    except ValueError:  # of several bytes, which Python decodes
        return tree.fromstring(data.decode(declared[1].decode()))


def parted(root):
    """The objects that stand in no other, and all that is beside them."""
    objects, rest = [], [(root.tag, root.attrib), *(root.text or "").split()]
    for one in root:
        inner, beside = ([one], []) if one.tag.lower() in ("object", "hrsc_object") else parted(one)
        objects += inner
        rest += [*beside, *(one.tail or "").split()]
    return objects, rest


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
            cells, others_cells = cells_of(old, row), cells_of(old, other)
            differ = [(a, b) for a, b in zip(cells, others_cells) if a != b]
            if len(cells) != len(others_cells) or len(differ) > 5 or not all(are_numbers(a) and are_numbers(b) for a, b in differ):
                raise Harm(f"row {key} changed to {other!r}")


def are_numbers(cell):
    """Whether a cell is a number, perhaps with a decimal comma; or some in brackets."""
    return is_number(cell.replace(",", ".")) or all(map(is_number, cell.strip("[]() ").replace(",", " ").split()))


def text_of(data):
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")


def delimiter_of(data):
    """What separates the columns, by the first line; None for JSON Lines."""
    first = next(line for line in text_of(data).lstrip("\ufeff").splitlines() if line.strip() and line[0] != "#" and line[:4] != "sep=")
    return None if first.lstrip().startswith("{") else max(",;\t|", key=first.count)


def cells_of(data, row):
    if delimiter_of(data) is None:
        return [str(part) for pair in json.loads(row, object_pairs_hook=list, parse_float=str, parse_int=str) for part in pair]
    return next(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter_of(data)))


def rows_of_csv(data):
    """Each row's text with the line on which it starts."""
    lines = io.StringIO(text_of(data), newline="").readlines()
    if delimiter_of(data) is None:
        yield from enumerate(text_of(data).removesuffix("\n").split("\n"), 1)
        return
    reader, taken = csv.reader(iter(lines), delimiter=delimiter_of(data)), 0
    for _ in reader:
        yield taken + 1, "".join(lines[taken : reader.line_num])
        taken = reader.line_num
