"""One small data set, written in every format: two images, six boxes, three of them with something wrong."""

import json
from dataclasses import dataclass

import numpy as np
from boxgrad import datasets
from PIL import Image

SIZES = {"a": (80, 100), "b": (40, 60)}  # height, width
BOXES = [
    ("a", "dog", (10, 10, 50, 60)),
    ("a", "cat", (30, 30, 30, 70)),  # no width
    ("a", "dog", (-5, 20, 15, 40)),  # leaves the image
    ("b", "cat", (5, 5, 20, 30)),
    ("b", "cat", (5, 5, 20, 30)),  # again
    ("b", "dog", (12, 8, 48, 36)),
]
COUNTS = {"zero-width": 1, "partly-outside": 1, "duplicate": 1}
NAMES = ["dog", "cat"]


@dataclass
class Sample:
    path: object
    line: callable
    """The line on which box i stands, or None."""
    options: dict


def coco(folder):
    images = [{"id": i, "file_name": f"{name}.png", "height": h, "width": w} for i, (name, (h, w)) in enumerate(SIZES.items(), 7)]
    annotations = [
        {"id": i, "image_id": 7 + list(SIZES).index(image), "category_id": NAMES.index(name), "bbox": [x1, y1, x2 - x1, y2 - y1],
         "area": (x2 - x1) * (y2 - y1), "note": "é [1, 2] \"bbox\": {"}
        for i, (image, name, (x1, y1, x2, y2)) in enumerate(BOXES)
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(one) for one in annotations)
    categories = json.dumps([{"id": i, "name": name} for i, name in enumerate(NAMES)])
    path = folder / "instances.json"
    path.write_text(f'{{"info": {{}}, "images": {json.dumps(images)},\n"annotations": [\n{lines}\n], "categories": {categories}}}\n')
    return Sample(path, lambda i: 3 + i, {})


def voc(folder):
    objects = {name: [] for name in SIZES}
    for image, name, box in BOXES:
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box))
        objects[image].append(
            f"\t<object>\n\t\t<name>{name}</name>\n\t\t<part><name>head</name></part>\n\t\t<bndbox>{sides}</bndbox>\n\t</object>\n"
        )
    for image, (h, w) in SIZES.items():
        size = f"<size><width>{w}</width><height>{h}</height><depth>3</depth></size>"
        text = f"<annotation>\n\t<filename>{image}.png</filename>\n\t{size}\n{''.join(objects[image])}</annotation>\n"
        (folder / f"{image}.xml").write_text(text)
    return Sample(folder, lambda i: 4 + 5 * (i % 3), {})


def _sides_of(box):
    """Centre and sides."""
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def rolabelimg(folder):
    """Rotated boxes, as roLabelImg writes them, all of them upright."""
    for image, (h, w) in SIZES.items():
        objects = ""
        for _, name, box in (one for one in BOXES if one[0] == image):
            sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("cx", "cy", "w", "h", "angle"), (*_sides_of(box), 0.0)))
            objects += f"\t<object>\n\t\t<type>robndbox</type>\n\t\t<name>{name}</name>\n\t\t<robndbox>{sides}</robndbox>\n\t</object>\n"
        size = f"<size><width>{w}</width><height>{h}</height><depth>3</depth></size>"
        text = f"<annotation>\n\t<filename>{image}.png</filename>\n\t{size}\n{objects}</annotation>\n"
        (folder / f"{image}.xml").write_text(text)
    return Sample(folder, lambda i: 4 + 5 * (i % 3), {})


def hrsc(folder):
    """The same in the elements of HRSC2016, whose photos have no ending in their name."""
    for image, (h, w) in SIZES.items():
        objects = ""
        for _, name, box in (one for one in BOXES if one[0] == image):
            sides = "".join(f"<mbox_{side}>{value}</mbox_{side}>" for side, value in zip(("cx", "cy", "w", "h", "ang"), (*_sides_of(box), 0.0)))
            bounds = "".join(f"<box_{side}>{value}</box_{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box))
            objects += f"<HRSC_Object>\n<Class_ID>{name}</Class_ID>\n<difficult>0</difficult>\n{bounds}{sides}\n</HRSC_Object>\n"
        head = f"<HRSC_Image>\n<Img_SizeWidth>{w}</Img_SizeWidth><Img_SizeHeight>{h}</Img_SizeHeight>\n<Img_FileName>{image}.png</Img_FileName>\n"
        (folder / f"{image}.xml").write_text(f"{head}<HRSC_Objects>\n{objects}</HRSC_Objects>\n</HRSC_Image>\n")
    return Sample(folder, lambda i: 5 + 5 * (i % 3), {})


def by_line(folder, write):
    for image in SIZES:
        (folder / f"{image}.txt").write_text("".join(write(*one) + "\n" for one in BOXES if one[0] == image))
    return Sample(folder, lambda i: 1 + i % 3, {"images": photos(folder)})


def photos(folder):
    path = folder.parent / f"{folder.name}-photos"
    path.mkdir()
    for image, (h, w) in SIZES.items():
        Image.new("RGB", (w, h)).save(path / f"{image}.png")
    return path


def yolo(folder, numbers=lambda x1, y1, x2, y2: [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], between=" "):
    def write(image, name, box):
        h, w = SIZES[image]
        words = numbers(box[0] / w, box[1] / h, box[2] / w, box[3] / h)
        return between.join([str(NAMES.index(name)), *(word if isinstance(word, str) else f"{word:.9f}" for word in words)])

    (folder / "classes.txt").write_text("dog\ncat\n")
    return by_line(folder, write)


def commas(folder):
    return yolo(folder, between=", ")


def obb(folder):
    return yolo(folder, lambda x1, y1, x2, y2: [x1, y1, x2, y1, x2, y2, x1, y2])


def segment(folder):
    return yolo(folder, lambda x1, y1, x2, y2: [x1, y1, (x1 + x2) / 2, y1, x2, y1, x2, y2, x1, y2])


def predicted(folder):
    """Quadrilaterals with a confidence and a track id."""
    return yolo(folder, lambda x1, y1, x2, y2: [x1, y1, x2, y1, x2, y2, x1, y2, "0.91", "1"])


def pose(folder):
    return yolo(folder, lambda x1, y1, x2, y2: [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, x1, y1, "2", x2, y1, "1", x2, y2, "0"])


def dota(folder):
    return by_line(folder, lambda image, name, b: f"{b[0]} {b[1]} {b[2]} {b[1]} {b[2]} {b[3]} {b[0]} {b[3]} {name} 0")


def text(folder):
    return by_line(folder, lambda image, name, box: " ".join(map(str, (name, *box))))


def _rows():
    return [(f"{image}.png", *SIZES[image], name, *box) for image, name, box in BOXES]


def csv(folder):
    path = folder / "boxes.csv"
    rows = "".join(",".join(map(str, row)) + ',"a, note"\n' for row in _rows())
    path.write_text(f"filename,height,width,class,xmin,ymin,xmax,ymax,note\n{rows}")
    return Sample(path, lambda i: 2 + i, {})


def semicolon(folder):
    """As spreadsheets of many countries write it: decimals have a comma."""
    path = folder / "boxes.csv"
    rows = "".join(";".join(map(str, row)) + "\n" for row in _rows()).replace(";36\n", ";36,0\n")
    path.write_text(f"sep=;\nfilename;height;width;class;xmin;ymin;xmax;ymax\n{rows}")
    return Sample(path, lambda i: 3 + i, {})


def headerless(folder):
    """As SKU110K writes it."""
    path = folder / "boxes.csv"
    path.write_text("".join(",".join(map(str, (image, *box, name, w, h))) + "\n" for image, h, w, name, *box in _rows()))
    return Sample(path, lambda i: 1 + i, {})


def bbox_texts(folder):
    """As Kaggle writes it: the box is a text in one column."""
    path = folder / "boxes.csv"
    rows = [(image, w, h, f'"[{x1}.0, {y1}, {x2 - x1}, {y2 - y1}]"', name) for image, h, w, name, x1, y1, x2, y2 in _rows()]
    path.write_text("image_id,width,height,bbox,class\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return Sample(path, lambda i: 2 + i, {"boxes": "xywh"})


def json_lines(folder):
    path = folder / "boxes.jsonl"
    names = ("file_name", "height", "width", "label", "left", "top", "right", "bottom")
    path.write_text("".join(json.dumps({**dict(zip(names, row)), "note": {"left": 7}}) + "\n" for row in _rows()))
    return Sample(path, lambda i: 1 + i, {})


def parquet(folder):
    import pyarrow
    from pyarrow import parquet

    path = folder / "boxes.parquet"
    columns = dict(zip(("filename", "height", "width", "class", "xmin", "ymin", "xmax", "ymax"), map(list, zip(*_rows()))))
    parquet.write_table(pyarrow.table({**columns, "note": ["n"] * len(BOXES)}), path)
    return Sample(path, lambda i: None, {})


TABLES = {
    "csv": csv, "semicolon": semicolon, "headerless": headerless, "bbox-texts": bbox_texts, "json-lines": json_lines, "parquet": parquet,
}  # fmt: skip
WRITERS = {
    "coco": coco, "voc": voc, "yolo": yolo, "commas": commas, "obb": obb, "segment": segment, "predicted": predicted, "pose": pose,
    "dota": dota, "text": text, "rolabelimg": rolabelimg, "hrsc": hrsc, **TABLES,
}  # fmt: skip
BY_ANGLE = ("rolabelimg", "hrsc")
"""Those of rotated boxes with an angle, whose numbers no repair changes."""
EDITABLE = [kind for kind in WRITERS if kind not in BY_ANGLE]
BY_ALL_LINES = ("obb", "segment", "predicted", "pose")
"""Those of which all lines together decide the kind."""
YOLO = ("yolo", "commas", "obb", "segment", "predicted", "pose")
FORMATS = {**{name: name for name in WRITERS}, **dict.fromkeys(YOLO, "yolo"), **dict.fromkeys(BY_ANGLE, "voc"), **dict.fromkeys(TABLES, "table")}


def write(kind, folder):
    folder.mkdir()
    return WRITERS[kind](folder)


def read(kind, folder):
    sample = write(kind, folder)
    return sample, datasets.read(sample.path, **sample.options)


def expected_boxes():
    return np.array([box for _, _, box in BOXES], float)
