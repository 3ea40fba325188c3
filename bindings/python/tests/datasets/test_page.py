"""The page: it needs no other file, nothing of the data becomes markup, and its pictures show the boxes."""

import base64
import io
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import samples
from boxgrad import datasets
from PIL import Image


class Page(HTMLParser):
    """Tags that are closed as they were opened, links, images."""

    void = {"meta", "img", "rect", "br"}
    optional = {"tr", "td", "th"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.sources, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in self.void | self.optional:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.void | self.optional:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(tmp_path, *inspections, **options):
    datasets.write_page(tmp_path / "page.html", inspections, **options)
    return Page((tmp_path / "page.html").read_text())


def pictures(page):
    return [Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB") for source in page.sources]


@pytest.mark.parametrize("kind", samples.WRITERS)
def test_page_of_every_format(kind, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    folder = sample.options.get("images") or samples.photos(tmp_path / "set")
    data = datasets.read(sample.path, images=folder)
    outcomes = datasets.augment(data, ["rotate=90"], ["center-inside"])
    page = page_of(tmp_path, datasets.inspect(data), augmentations=[outcomes])
    for name in samples.COUNTS:
        assert datasets.PROBLEMS[name].effect in page.text
    assert "rotate=90" in page.text and "center-inside drops" in page.text
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert len(page.sources) == 3 and page.tags.count("svg") == 4
    assert "script" not in page.tags and "link" not in page.tags


def test_boxes_are_drawn_where_they_are(tmp_path):
    """The bad box has no width and is circled: red at its ends, the photo's black elsewhere; blue on another box."""
    sample = samples.write("voc", tmp_path / "set")
    data = datasets.read(sample.path, images=samples.photos(tmp_path / "set"))
    found = datasets.inspect(data)
    picture = pictures(page_of(tmp_path, found))[0]  # zero-width, on image a: 100 x 80 and a margin of 12
    assert picture.size == (124, 104)

    def color(x, y):
        return np.array(picture.getpixel((x + 12, y + 12))).astype(int)

    red, green, blue = color(30, 50)
    assert red > 120 > max(green, blue)
    red, green, blue = color(50, 35)
    assert blue > 150 > red
    assert color(80, 70).max() < 40


def test_the_page_is_clean_where_the_data_is(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n1,1,9,9\n")
    page = page_of(tmp_path, datasets.inspect(datasets.read(path)))
    assert "Nothing is wrong." in page.text and not page.sources


def test_a_page_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_text("x1,y1,x2,y2\n5,1,5,9\n")
    inspection = datasets.inspect(datasets.read(path))
    page = page_of(tmp_path, inspection)
    assert "caf\\udce9.csv" in page.text
    before = (tmp_path / "page.html").read_bytes()
    with pytest.raises(AttributeError):
        datasets.write_page(tmp_path / "page.html", [inspection, None])
    assert (tmp_path / "page.html").read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(OSError, match="no such folder"):
        datasets.write_page(tmp_path / "nowhere" / "page.html", [inspection])
    datasets.write_page("/dev/null", [inspection])


def test_names_are_no_markup(tmp_path):
    path = tmp_path / "<script>alert(1)<"
    path.write_text('{"images": [{"id": 1, "file_name": "<img src=x onerror=alert(2)>", "width": 9, "height": 9}],'
                    '"categories": [{"id": 1}],'
                    '"annotations": [{"id": "</td><script>", "image_id": 1, "category_id": 1, "bbox": [5, 5, 0, 1]}]}')  # fmt: skip
    error = datasets.UnreadableError(path, "<script>")
    page = page_of(tmp_path, datasets.inspect(datasets.read(path)), unreadable=[error])
    assert "script" not in page.tags and "img" not in page.tags
    assert "<img src=x onerror=alert(2)>" in page.text and "</td><script>" in page.text
    assert re.search(r"default-src 'none'", (tmp_path / "page.html").read_text())


def test_photos_that_are_broken_or_huge_are_left_out(tmp_path, monkeypatch):
    sample = samples.write("voc", tmp_path / "set")
    folder = samples.photos(tmp_path / "set")
    found = datasets.inspect(datasets.read(sample.path, images=folder))
    whole = len(page_of(tmp_path, found).sources)
    photo = folder / "a.png"
    photo.write_bytes(photo.read_bytes()[:60])
    assert len(page_of(tmp_path, found).sources) < whole
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert not page_of(tmp_path, found).sources


def test_every_kind_of_number_has_its_place(tmp_path):
    """Boxes that are not finite, far away, inverted or empty are drawn or left out, and counted in no wrong bin."""
    path = tmp_path / "x.csv"
    path.write_text(
        "image,x1,y1,x2,y2\n" + "".join(f"a.png,{row}\n" for row in ["nan,1,2,3", "1e300,1,-1e300,3", "9,9,1,1", "5,5,5,5", "-1e9,0,1e9,9"])
    )
    Image.new("RGB", (50, 40)).save(tmp_path / "a.png")
    page = page_of(tmp_path, datasets.inspect(datasets.read(path, images=tmp_path)))
    assert page.sources


def test_histograms_count_every_box(tmp_path):
    from boxgrad.datasets import page

    generator = np.random.default_rng(5)
    starts = generator.uniform(0, 50, (500, 2))
    rows = np.hstack([starts, starts + generator.uniform(1, 49, (500, 2))])
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()))
    histograms = page._histograms(datasets.read(path, image_size=(100, 100)))
    assert [histogram.total for histogram in histograms] == [500] * 4
    assert all(max(histogram.bars) == 1 for histogram in histograms)
    low, high = map(float, (histograms[0].low, histograms[0].high))
    sizes = np.sqrt((rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]))
    assert low == pytest.approx(sizes.min(), rel=1e-3) and high == pytest.approx(sizes.max(), rel=1e-3)
