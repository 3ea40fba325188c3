"""Inspection in parts: what is found of parts adds up to what is found of the whole, by however many processes."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import boxgrad
import pytest
import samples
from boxgrad import datasets
from boxgrad.datasets import parts

REPORTS = Path(__file__).parent / "reports"


def report(one):
    """All that the command says of it: the JSON, and the findings in their order."""
    from boxgrad import cli

    return "".join(cli.json_pieces({**cli._as_json(one, None), "ok": one.ok, "status": one.status(), "taken": one.dataset.taken_as}))


def in_parts(path, files, **options):
    pieces = datasets.jobs(path, files=files, **options)
    (total,) = datasets.finish(map(datasets.group, pickle.loads(pickle.dumps(pieces))))
    return total, pieces


def whole(path, check_images=False, **options):
    return datasets.inspect(datasets.read(path, **options), check_images=check_images)


def same(path, files=1, check_images=True, **options):
    """The report of the whole; that of the parts is the same."""
    total, pieces = in_parts(path, files, check_images=check_images, **options)
    try:
        expected = whole(path, check_images, **options)
    except datasets.UnreadableError as error:
        assert str(total.error) == str(error)
        return total, pieces
    assert total.error is None and report(total) == report(expected)
    return total, pieces


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("kind", samples.WRITERS)
def test_samples(kind, files, tmp_path):
    sample = samples.write(kind, tmp_path / "set")
    total, pieces = same(sample.path, files, **sample.options)
    assert total.counts == samples.COUNTS
    divided = sample.path.is_dir() and (files == 1 or kind in ("yolo", "commas"))
    assert (len(pieces) > 1) == (divided and kind not in samples.BY_ALL_LINES), "classes.txt counts, too"


@pytest.mark.parametrize("name", sorted(path.name for path in REPORTS.iterdir() if path.name != "README.md"))
def test_reports(name):
    same(REPORTS / name)


def write_text(folder, count=9):
    folder.mkdir()
    for i in range(count):
        rows = [f"dog 10 10 {50 + i} 60", "cat 5 5 5 9", "dog 10 10 50 60", "dog 10 10 50 60" if i % 4 else "cat x 1 2 3 4 5 6"]
        (folder / f"{i}.txt").write_text("\n".join(rows) + "\n")
    return folder


def test_duplicates_and_damage_in_many_files(tmp_path):
    """Boxes are duplicates in their own file alone; a part without any file that can be read is one, too."""
    folder = write_text(tmp_path / "set")
    (folder / "4.txt").write_bytes(b"dog \xff 1 2 3\n")
    (folder / "5.txt").write_bytes(b"\0")
    (folder / "readme.txt").write_text("three words here\n")
    (folder / "1a.txt").write_text("only words\n")
    for files in (1, 2, 4, 100):
        total, _ = same(folder, files, image_size=(100, 55))
        assert total.counts["zero-width"] == 7 and total.counts["duplicate"] == 6 and len(total.dataset.unreadable) == 2


def test_yolo_with_names_and_long_lines_in_some_files(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "classes.txt").write_text("dog\ncat\ndog\n\n")
    for i in range(8):
        (folder / f"{i}.txt").write_text(f"{i % 5} 0.5 0.5 0.{i + 1} 0.2\n")
    total, pieces = same(folder)
    assert len(pieces) >= 8 and total.counts == {"unknown-category": 2} and not total.apart
    (folder / "6.txt").write_text("1 0.1 0.1 0.4 0.1 0.4 0.3\n1 0.1 0.1 0.4 0.1 0.4 0.3 0.2 0.4 0.1 0.2\n")
    for files in (1, 3, 5):
        same(folder, files)


def test_photos_of_some_files_alone(tmp_path):
    """Whether boxes are in pixels or in fractions is one answer for all of them."""
    from PIL import Image

    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.txt").write_text(f"0 0.5 0.5 0.{i + 1} 0.001\n")
    for i in range(3):
        Image.new("RGB", (60, 40)).save(folder / f"{i}.png")
    for files in (1, 2, 4):
        same(folder, files)


def test_turned_photos_are_settled_by_all_boxes(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x112] = 6
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(5):
        Image.new("RGB", (64, 48)).save(folder / f"{i}.jpg", exif=exif)
        (folder / f"{i}.txt").write_text("dog 1 1 40 40\n" if i else "dog 1 1 20 60\n")  # the first alone says which
    total, _ = same(folder)
    assert total.dataset.notes == ["5 photos are turned by EXIF, and the boxes fit the turned size."]
    same(folder, exif="stored")


def test_sizes_with_exchanged_sides_are_found_however_late(tmp_path):
    from PIL import Image

    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(60):
        size = "<size><width>48</width><height>64</height></size>"
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), (1, 1, 60, 40)))
        (folder / f"{i}.xml").write_text(f"<annotation>{size}<object><name>a</name><bndbox>{sides}</bndbox></object></annotation>")
    Image.new("RGB", (64, 48)).save(folder / "9.jpg")
    total, _ = same(folder, 7)
    assert total.counts["image-size-turned"] == 1


def test_questions_are_asked_of_all_parts(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for i in range(12):
        (folder / f"{i}.txt").write_text(f"dog {20 + i} 30 {10 if i < 7 else 90} 40\n")
    total, _ = same(folder)
    assert "7 of 12 boxes are inverted" in str(total.error)
    total, _ = same(folder, boxes="xywh")
    assert total.error is None


def test_as_many_findings_as_are_asked_for(tmp_path):
    folder = write_text(tmp_path / "set")
    total, _ = in_parts(folder, 2, examples=3)
    expected = list(whole(folder).findings("zero-width"))[:3]
    assert list(total.findings("zero-width")) == expected and total.counts["zero-width"] == 9
    assert sum(map(len, total.of_boxes.values())) <= 3 * len(total.of_boxes)


@pytest.fixture
def sets(tmp_path):
    """Several data sets: in parts, as one piece, one that cannot be read, and a file given twice."""
    (tmp_path / "junk.json").write_text("junk")
    coco = samples.write("coco", tmp_path / "coco").path
    coco.write_text(coco.read_text().replace('"id": 3,', '"id": 2,'))
    return [write_text(tmp_path / "text"), coco, tmp_path / "junk.json", samples.write("voc", tmp_path / "voc").path, coco]


@pytest.mark.parametrize("words", [["--json"], [], ["--json", "--examples", "2"], ["--image-size", "45x70", "--fail-on", "inverted"]])
def test_the_command_says_the_same_for_any_number_of_jobs(words, sets, command, monkeypatch):
    monkeypatch.setattr(parts, "FILES", {".xml": 2, ".txt": 2})
    alone = command("inspect", *sets, *words)
    assert alone[0] == 2 and "zero-width" in alone[1]
    for count in (2, 5) if words == ["--json"] else (2,):
        assert command("inspect", *sets, *words, "--jobs", count) == alone


def test_jobs_need_parts(sets, command):
    for words in (["--html", "x.html"], ["--augment", "hflip"], ["--keep-rule", "center-inside"]):
        status, _, errors = command("inspect", sets[0], "--jobs", "2", *words)
        assert status == 2 and "leave --jobs out" in errors
    assert command("inspect", sets[0], "--jobs", "0")[0] == 2
    assert command("inspect", sets[0], "--jobs", "2", "--boxes", "yxyx")[0] == 2
    with pytest.raises(ValueError, match="processes must be 1 or more, not 0"):
        datasets.inspect_paths(sets[0], processes=0)


def _end(job):
    os._exit(9)


def _slow(job):
    Path(job.path, "started").touch()
    time.sleep(60)


def _fail(job):
    raise ZeroDivisionError(str(job.path))


def test_an_error_in_a_process_is_raised(sets, monkeypatch):
    monkeypatch.setattr(parts, "FILES", {".xml": 2, ".txt": 2})
    monkeypatch.setattr(parts, "group", _fail)
    with pytest.raises(ZeroDivisionError, match="text"):
        datasets.inspect_paths(sets[0], processes=2)


def test_a_process_that_ends_is_a_sentence(sets, monkeypatch, command):
    monkeypatch.setattr(parts, "FILES", {".xml": 2, ".txt": 2})
    monkeypatch.setattr(parts, "group", _end)
    status, _, errors = command("inspect", sets[0], "--jobs", "2")
    assert status == 2 and "one of 2 processes ended by itself" in errors


def run(program, **options):
    path = [str(Path(boxgrad.__file__).parents[1]), str(Path(__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "BOXGRAD_LIBRARY": str(boxgrad.library_path())}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *program], env=environment, text=True, **pipes, **options)


def test_a_plain_interpreter_starts_processes(tmp_path):
    folder = write_text(tmp_path / "set")
    text = f"from boxgrad import datasets\nprint([one.counts for one in datasets.inspect_paths({str(folder)!r}, processes=2, files=3)])\n"
    printed, errors = run(["-"]).communicate(text)
    assert printed == f"{[whole(folder).counts]}\n" and not errors


def test_an_interrupt_ends_all_processes(tmp_path):
    folder = write_text(tmp_path / "set")
    text = "from boxgrad import cli\nfrom boxgrad.datasets import parts\nimport test_parts\nparts.FILES, parts.group = {\".xml\": 2, \".txt\": 2}, test_parts._slow\ncli.app()\n"
    # A test in the background of a shell ignores interrupts, and so does what it starts.
    text = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{text}"
    started = run(["-c", text, "inspect", str(folder), "--jobs", "2"], start_new_session=True)
    until = time.monotonic() + 30
    while not (folder / "started").exists() and time.monotonic() < until:
        time.sleep(0.05)
    start = time.monotonic()
    for seconds in (6, 6, 6):  # an interrupt that meets Python in a destructor is lost: a user tries again
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        try:
            _, errors = started.communicate(timeout=seconds)
            break
        except subprocess.TimeoutExpired:
            continue
    assert started.returncode == 130 and "Traceback" not in errors
    while time.monotonic() < start + 30:
        try:
            os.killpg(started.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process goes on")


def test_json_in_pieces_is_that_of_json():
    from boxgrad import cli

    values = [{}, [], {"a": [], "b": {}, "c": [{"x": 1, "y": "é\ud800\"", "z": None, "w": True}, [1, [2.5]], {"q": {"r": 1e300}}]}, "text", None, 3]
    for value in values:
        assert "".join(cli.json_pieces(value)) == json.dumps(value, indent=1)
    assert "".join(cli.json_pieces({"a": iter([1, float("nan"), Path("x")]), "b": iter(())})) == '{\n "a": [\n  1,\n  null,\n  "x"\n ],\n "b": []\n}'


def test_findings_are_printed_as_they_come(tmp_path):
    """25,000 in less than a second, and none is kept."""
    from boxgrad import cli

    path = tmp_path / "x.csv"
    path.write_text("image,x1,y1,x2,y2\n" + "".join(f"{i}.jpg,5,{i},5,{i + 9}\n" for i in range(25_000)))
    found = datasets.inspect(datasets.read(path))
    made = []
    rest = found._finding
    found._finding = lambda name, row: made.append(row) or rest(name, row)
    start = time.process_time()
    pieces = cli.json_pieces(cli._as_json(found, None))
    first = next(piece for piece in pieces if '"values"' in piece)
    assert '"values": "5, 0, 5, 9"' in first and len(made) == 1
    assert sum(piece.count('"values"') for piece in pieces) == 24_999
    assert time.process_time() - start < 1
