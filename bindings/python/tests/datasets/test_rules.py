"""The rules of the reader, as docs/datasets.md states them: what it quotes is what a user sees."""

import re

import pytest
from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/datasets.md").read_text()
RULES = dict(re.findall(r"^\*\*(.*?)\.\*\*.*?^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
FILES = {
    "labels/1.txt": "0 0.5 0.5 0.2 0.2\n", "labels/2.txt": "0 0.5 0.5 0.2 0.2\n", "labels/3.txt": "0 0.5 0.5 0.2 0.2\n",
    "labels/data.yaml": "names: [dog, cat]\n", "labels/.cache.txt": "",
    "mixed/a.txt": "0 0.5 0.5 0.2 0.2\n0 0.4 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.3\n",
    "mixed/b.txt": "0 0.5 0.5 0.2 0.2\n0 0.4 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.3\n",
    "mixed/c.txt": "dog 10 10 50 60\ndog 10 20 50 60\n",
    "instances.json": '{"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}], "categories": [{"id": 1, "name": "dog"}],\n'
    '"annotations": [\n{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 50]},\n'
    '{"id": 2, "image_id": 1, "category_id": 1, "bbox": [30, 10, 40, 50], "area": "large"}\n]}\n',
    "photos.csv": "image,x1,y1,x2,y2,occluded\na.jpg,1,2,30,40,0\nb.jpg,,,,,0\nc.jpg,,,,,0\na.jpg,x,2,30,40,0\n",
    "boxes.csv": "image,xmin,ymin,xmax,ymax\n" + "".join(f"{i}.jpg,{100 + i},{200 + i},30,40\n" for i in range(10)),
}  # fmt: skip


@pytest.fixture
def printed(tmp_path, command, monkeypatch):
    """What `boxgrad inspect` prints of all the files."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    status, out, errors = command("inspect", "labels", "mixed", "instances.json", "photos.csv", "boxes.csv")
    assert status == 2
    return " ".join(f"{out} {errors}".split())


def test_there_are_five():
    assert len(RULES) == 5


@pytest.mark.parametrize("rule", RULES)
def test_what_a_user_sees(rule, printed):
    quoted = RULES[rule].strip()
    for sentence in re.split(r"\n(?=\S+: |Not |  )", quoted):
        assert " ".join(sentence.split()) in printed, sentence
