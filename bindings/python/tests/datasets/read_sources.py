"""Small data sets of every format whose rows are known: what fuzz_read.py mutates.

Each box stands once, so that it is known again wherever it is read.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

SIZE = 480, 640
"""Height and width of every image."""


@dataclass
class Row:
    """What one line says."""

    file: str
    text: str
    image: str
    category: str
    box: tuple
    """Corners in pixels."""


@dataclass
class Made:
    """A data set: the text of its files, and the rows in them."""

    kind: str
    path: Path
    options: dict = field(default_factory=dict)
    texts: Dict[str, str] = field(default_factory=dict)
    """The text of each file by its name; that of the path itself is ""."""
    rows: List[Row] = field(default_factory=list)
    encodings: Dict[str, str] = field(default_factory=dict)
    mutated: bool = False
    heads: Dict[str, str] = field(default_factory=dict)
    """What other lines of a file say, by which rows are understood."""
    mutate: Optional[Callable] = None
    write: Optional[Callable] = None
    separator: str = ""
    untouched: Optional[List[Row]] = None
    """Of what has no lines: the rows that no mutation touched."""
    total: Optional[int] = None

    def file(self, name):
        return self.path / name if name else self.path

    def word(self, value):
        return f"{value[1]}x{value[0]}" if isinstance(value, tuple) else value


def boxes(chance, count):
    """Different boxes in the image, as drawn by hand: corners in whole pixels."""
    found = []
    for i in range(count):
        w, h = chance.randint(8, 200), chance.randint(8, 150)
        x, y = chance.randint(0, SIZE[1] - w - 1), chance.randint(0, SIZE[0] - h - 1)
        found.append((x, y, x + w + (i % 7) / 8, y + h + i / 50))
    return found


def plan(chance, images=6):
    """(image, category, box) of each row."""
    drawn = iter(boxes(chance, 8 * images))
    return [(f"photo{i}", chance.choice(["dog", "cat"]), next(drawn)) for i in range(images) for _ in range(chance.randint(1, 8))]


def by_line(kind, line, options=None):
    def make(folder, chance):
        made = Made(kind, folder / "set", dict(options or {}))
        made.path.mkdir()
        for image, category, box in plan(chance):
            text, category, box = line(category, box)
            made.rows.append(Row(f"{image}.txt", text, image, category, box))
        for row in made.rows:
            made.texts[row.file] = made.texts.get(row.file, "") + row.text + "\n"
        return made

    return make


def _yolo(category, box):
    (h, w), (x1, y1, x2, y2) = SIZE, box
    numbers = [f"{number:.9f}" for number in ((x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h)]
    name = str(["dog", "cat"].index(category))
    return f"{name} {' '.join(numbers)}", name, box


def _segment(category, box):
    (h, w), (x1, y1, x2, y2) = SIZE, box
    some = [(x1 + (x2 - x1) * i / 8, y2) for i in range(1, 2 + int(x1) % 7)]  # as many corners as hands draw
    points = [(x1, y1), (x2, y1), (x2, y2), *reversed(some), (x1, y2)]
    name = str(["dog", "cat"].index(category))
    return f"{name} " + " ".join(f"{x / w:.9f} {y / h:.9f}" for x, y in points), name, box


def _obb(category, box):
    (h, w), (x1, y1, x2, y2) = SIZE, box
    name = str(["dog", "cat"].index(category))
    return f"{name} " + " ".join(f"{x / w:.9f} {y / h:.9f}" for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))), name, box


def _pose(category, box):
    """A box and three keypoints in it, with their visibility."""
    text, name, box = _yolo(category, box)
    (h, w), (x1, y1, x2, y2) = SIZE, box
    points = [(x1 + (x2 - x1) * share, y1 + (y2 - y1) * (1 - share / 2), flag) for share, flag in ((0.2, 2), (0.5, 1), (0.8, 2))]
    return " ".join([text, *(f"{x / w:.6f} {y / h:.6f} {flag}" for x, y, flag in points)]), name, box


def _score(category, box):
    text, name, box = _yolo(category, box)
    return f"{text} 0.{10 + int(box[0]) % 90}", name, box


def described(names, line, more=""):
    """Labels of YOLO beside a data.yaml."""
    make_labels = by_line("yolo", line, {"image_size": SIZE})

    def make(folder, chance):
        made = make_labels(folder, chance)
        for row in made.rows:
            row.category = names[int(row.category)]
        made.heads["data.yaml"] = made.texts["data.yaml"] = f"names: [{', '.join(names)}]\nnc: {len(names)}\n{more}"
        return made

    return make


def _text(category, box):
    return f"{category} {' '.join(f'{number:g}' for number in box)}", category, tuple(float(f"{number:g}") for number in box)


def _dota(category, box):
    x1, y1, x2, y2 = box
    return " ".join(f"{number!r}" for number in (x1, y1, x2, y1, x2, y2, x1, y2)) + f" {category} 0", category, box


def table(kind, names, line, separator=",", suffix=".csv", options=None):
    """A table with a line for each box."""

    def make(folder, chance):
        made = Made(kind, folder / f"x{suffix}", {"image_size": SIZE, **(options or {})}, separator=separator)
        made.rows = [Row("", separator.join(line(*one)), f"{one[0]}.jpg", one[1], one[2]) for one in plan(chance)]
        head = separator.join(names) + "\n" if names else ""
        made.heads[""] = head
        made.texts[""] = head + "".join(f"{row.text}\n" for row in made.rows)
        return made

    return make


def _corners(image, category, box):
    return f"{image}.jpg", category, *map(repr, box)


def _sides(image, category, box):
    x1, y1, x2, y2 = box
    return f"{image}.jpg", category, *map(repr, (x1, y1, x2 - x1, y2 - y1))


def _quoted(image, category, box):
    return f'"{image}.jpg"', f'"{category}"', *(f'"{number!r}"' for number in box), f'"a ""note"", {image}"'


def coco(folder, chance):
    made = Made("coco", folder / "x.json")
    rows = plan(chance)
    names = list(dict.fromkeys(image for image, _, _ in rows))
    images = [{"id": i, "file_name": f"{name}.jpg", "width": SIZE[1], "height": SIZE[0]} for i, name in enumerate(names, 1)]
    for i, (image, category, (x1, y1, x2, y2)) in enumerate(rows):
        record = {
            "id": i, "image_id": 1 + names.index(image), "category_id": ["dog", "cat"].index(category), "iscrowd": 0,
            "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1),
        }  # fmt: skip
        made.rows.append(Row("", json.dumps(record), f"{image}.jpg", category, (x1, y1, x2, y2)))
    lists = {"images": images, "categories": [{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}]}
    made.heads[""] = "".join(f'"{name}": [\n' + ",\n".join(map(json.dumps, some)) + "\n],\n" for name, some in lists.items())
    made.texts[""] = "{\n" + made.heads[""] + '"annotations": [\n' + ",\n".join(row.text for row in made.rows) + "\n]}\n"
    return made


def voc(folder, chance, rotated=False):
    """rotated: as roLabelImg writes boxes that are turned by quarter turns, so that their bounds are known."""
    made = Made("voc", folder / "set")
    made.path.mkdir()
    for image, category, box in plan(chance):
        tag, numbers = "bndbox", dict(zip(("xmin", "ymin", "xmax", "ymax"), box))
        if rotated:
            (x1, y1, x2, y2), turns = box, chance.randint(-2, 5)
            w, h = (x2 - x1, y2 - y1)[:: -1 if turns % 2 else 1]
            tag, numbers = "robndbox", {"cx": (x1 + x2) / 2, "cy": (y1 + y2) / 2, "w": w, "h": h, "angle": turns * math.pi / 2}
        sides = "".join(f"<{side}>{value!r}</{side}>" for side, value in numbers.items())
        text = f"<object><name>{category}</name><difficult>0</difficult><{tag}>{sides}</{tag}></object>"
        made.rows.append(Row(f"{image}.xml", text, f"{image}.jpg", category, box))
    for name in dict.fromkeys(row.file for row in made.rows):
        size = f"<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height><depth>3</depth></size>"
        made.heads[name] = f"<annotation>\n<filename>{name[:-4]}.jpg</filename>\n{size}\n"
        made.texts[name] = made.heads[name] + "".join(f"{row.text}\n" for row in made.rows if row.file == name) + "</annotation>\n"
    return made


def json_lines(folder, chance):
    """A line for each image, with lists of boxes and categories."""
    made = Made("jsonl", folder / "metadata.jsonl", {"image_size": SIZE, "boxes": "xyxy"})
    rows = plan(chance)
    for name in dict.fromkeys(image for image, _, _ in rows):
        mine = [(category, box) for image, category, box in rows if image == name]
        objects = {"bbox": [box for _, box in mine], "categories": [category for category, _ in mine]}
        text = json.dumps({"file_name": f"{name}.jpg", "objects": objects})
        made.rows += [Row("", text, f"{name}.jpg", category, box) for category, box in mine]
        made.texts[""] = made.texts.get("", "") + text + "\n"
    return made


def parquet(nested):
    """A row for each box; or for each image, with lists of boxes."""

    def make(folder, chance):
        import pyarrow
        from pyarrow import parquet

        made = Made("parquet", folder / "x.parquet", {"image_size": SIZE, **({"boxes": "xyxy"} if nested else {})})
        rows = plan(chance)
        if nested:
            names = list(dict.fromkeys(image for image, _, _ in rows))
            of = [[(category, box) for image, category, box in rows if image == name] for name in names]
            records = [
                {"image_id": f"{name}.jpg", "objects": {"bbox": [list(box) for _, box in some], "category": [category for category, _ in some]}}
                for name, some in zip(names, of)
            ]
        else:
            records = [dict(zip(("image", "label", "x1", "y1", "x2", "y2"), (f"{image}.jpg", category, *box))) for image, category, box in rows]
        touched = set()

        def change(chance):
            at = chance.randrange(len(records))
            touched.add(at)
            if nested:
                boxes = records[at]["objects"]["bbox"]
                if boxes:
                    boxes[chance.randrange(len(boxes))] = chance.choice([None, [], [1.0, 2.0, 3.0], [float("nan")] * 4, [5.0] * 5, [-9.0, 2.0, 900.0, 3.0]])
            else:
                records[at][chance.choice(list(records[at])[2:])] = chance.choice([None, float("nan"), float("inf"), -7.0, 0.0, 2000.0])

        def write():
            parquet.write_table(pyarrow.Table.from_pylist(records), made.path, row_group_size=7)
            made.total = len(records)
            held = {f"{image}.jpg": [] for image, _, _ in rows}
            for number, (image, category, box) in enumerate(rows):
                at = list(held).index(f"{image}.jpg") if nested else number
                held[f"{image}.jpg"] += [Row("", "", f"{image}.jpg", category, box)] if at not in touched else []
            made.untouched = [row for some in held.values() for row in some]

        made.mutate, made.write, made.kind = change, write, "parquet of lists" if nested else "parquet"
        return made

    return make


_NAMES = ("image", "label", "x1", "y1", "x2", "y2")
SOURCES = {
    "yolo": by_line("yolo", _yolo, {"image_size": SIZE}),
    "yolo-segment": by_line("yolo", _segment, {"image_size": SIZE}),
    "yolo-obb": by_line("yolo", _obb, {"image_size": SIZE}),
    "yolo-scores": by_line("yolo", _score, {"image_size": SIZE}),
    "yolo-names": described(["dog", "cat"], _yolo),
    "yolo-pose": described(["dog", "cat"], _pose, "kpt_shape: [3, 3]\n"),
    "text": by_line("text", _text, {"image_size": SIZE}),
    "dota": by_line("dota", _dota, {"image_size": SIZE}),
    "csv": table("csv", _NAMES, _corners),
    "csv-sides": table("csv", ("filename", "class", "x", "y", "width", "height"), _sides),
    "csv-quoted": table("csv", (*_NAMES, "note"), _quoted),
    "coco": coco,
    "voc": voc,
    "rolabelimg": lambda folder, chance: voc(folder, chance, True),
    "parquet": parquet(False),
    "tsv": table("csv", _NAMES, _corners, "\t", ".tsv"),
    "semicolons": table("csv", _NAMES, _corners, ";"),
    "columns": table("csv", (), _corners, options={"columns": "image,category,x1,y1,x2,y2"}),
    "foreign": table("csv", ("shot", "what", "ax", "ay", "bx", "by"), _corners, options={"columns": "image=shot,category=what,x1=ax,y1=ay,x2=bx,y2=by"}),
    "jsonl": json_lines,
    "parquet-lists": parquet(True),
}
"""What writes each: into a folder, with a random generator."""
