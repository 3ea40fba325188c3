"""The command: exit status, tables, JSON, options that are wrong, and what happens without its packages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import boxgrad
import pytest
import samples
from boxgrad.datasets import PROBLEMS


@pytest.fixture(params=samples.WRITERS)
def sample(request, tmp_path):
    made = samples.write(request.param, tmp_path / "set")
    made.words = [made.path, *(word for name, value in made.options.items() for word in (f"--{name}", value))]
    return made


def test_inspect_prints_what_and_where(sample, command):
    status, printed, _ = command("inspect", *sample.words)
    assert status == 1
    assert "6 boxes, 2 images, 2 categories" in printed
    for name, count in samples.COUNTS.items():
        assert f"{name} ({PROBLEMS[name].what})" in printed
        assert any(name in line and f" {count} " in line for line in printed.splitlines())
    assert "dw = log(0 / w_r) = -inf" in printed
    if sample.line(1) is not None:
        assert f":{sample.line(1)}" in printed
    assert "30, 30, 30, 70" in printed


def test_json(sample, command_json):
    status, report = command_json("inspect", *sample.words)
    assert (status, report["status"], report["unreadable"]) == (1, 1, [])
    (one,) = report["sets"]
    assert {name: problem["count"] for name, problem in one["problems"].items()} == samples.COUNTS
    (example,) = one["problems"]["zero-width"]["examples"]
    assert example["line"] == sample.line(1) and example["values"] == "30, 30, 30, 70"
    assert one["problems"]["zero-width"]["effect"] == PROBLEMS["zero-width"].effect


def test_status(tmp_path, command):
    bad = samples.write("coco", tmp_path / "bad").path
    (tmp_path / "good.csv").write_text("x1,y1,x2,y2\n1,1,9,9\n")
    (tmp_path / "junk.json").write_text("junk")
    status = {name: command("inspect", *words)[0] for name, words in {
        "clean": [tmp_path / "good.csv"], "problems": [bad], "both": [tmp_path / "good.csv", bad], "junk": [bad, tmp_path / "junk.json"],
        "the problem": [bad, "--fail-on", "zero-width"], "one of two": [bad, "--fail-on", "inverted", "--fail-on", "duplicate"],
        "another problem": [bad, "--fail-on", "inverted"], "junk, whatever fails": [tmp_path / "junk.json", "--fail-on", "inverted"],
        "no such problem": [bad, "--fail-on", "wide"],
    }.items()}  # fmt: skip
    assert status == {
        "clean": 0, "problems": 1, "both": 1, "junk": 2, "the problem": 1, "one of two": 1, "another problem": 0, "junk, whatever fails": 2,
        "no such problem": 2,
    }  # fmt: skip


def test_good_files_are_reported_beside_bad_ones(tmp_path, command, command_json):
    bad, junk = samples.write("coco", tmp_path / "bad").path, tmp_path / "junk.json"
    junk.write_text('{\n"annotations": [,]}')
    status, printed, errors = command("inspect", junk, bad)
    assert status == 2 and "zero-width" in printed
    assert f"unreadable: {junk}, line 2: is no JSON: invalid character" in errors.replace("\n", "")
    _, report = command_json("inspect", junk, bad)
    assert [(one["line"], one["file"]) for one in report["unreadable"]] == [(2, str(junk))]
    assert len(report["sets"]) == 1


def test_examples(tmp_path, command, command_json):
    path = tmp_path / "x.csv"
    path.write_text("x1,y1,x2,y2\n" + "".join(f"5,{i},5,{i + 9}\n" for i in range(10)))
    _, printed, _ = command("inspect", path)
    assert printed.count("  /") == 3 and "... and 7 more" in printed
    assert command("inspect", path, "--examples", "0")[1].count("  /") == 0
    assert command("inspect", path, "--examples", "20")[1].count("  /") == 10
    assert len(command_json("inspect", path)[1]["sets"][0]["problems"]["zero-width"]["examples"]) == 10


def test_min_size_and_check_images(tmp_path, command_json):
    sample = samples.write("voc", tmp_path / "set")
    samples.photos(tmp_path / "set")
    (tmp_path / "set" / "a.xml").write_text((tmp_path / "set" / "a.xml").read_text().replace("<width>100", "<width>99"))
    _, report = command_json("inspect", sample.path, "--min-size", "18", "--images", tmp_path / "set-photos", "--check-images")
    problems = report["sets"][0]["problems"]
    assert problems["small"]["count"] == 2  # 15 wide, twice; not the box without width
    assert problems["image-size-differs"]["examples"][0]["image"] == "a.png"


def test_what_was_not_checked_is_said(tmp_path, command, command_json):
    (tmp_path / "x.csv").write_text("image,x1,y1,x2,y2\na.jpg,-500,5000,5100,5200\n")
    _, printed, _ = command("inspect", tmp_path / "x.csv", "--check-images")
    assert "1 box is in an image of unknown size" in printed and "0 of 1 photo found" in printed and "nan" not in printed
    one = command_json("inspect", tmp_path / "x.csv", "--check-images")[1]["sets"][0]
    assert (one["without_image_size"], one["photos"]) == (1, 0)
    _, printed, _ = command("inspect", tmp_path / "x.csv", "--image-size", "6000x6000")
    assert "unknown size" not in printed and "photo" not in printed


def test_the_page_replaces_no_data(tmp_path, command):
    path = samples.write("coco", tmp_path / "set").path
    folder = samples.write("voc", tmp_path / "voc").path
    before = path.read_bytes(), (folder / "a.xml").read_bytes()
    (tmp_path / "link").symlink_to(path)
    for words in ([path, "--html", path], [path, "--html", tmp_path / "link"], [path, folder, "--html", folder / "a.xml"]):
        status, _, errors = command("inspect", *words)
        assert status == 2 and "--html would replace" in errors
    assert (path.read_bytes(), (folder / "a.xml").read_bytes()) == before
    assert command("inspect", folder, "--html", folder / "report.html")[0] == 1  # a new file in the folder is none of the data


def test_what_could_not_be_read_is_said_by_every_command(tmp_path, command, command_json):
    folder = samples.write("voc", tmp_path / "set").path
    (folder / "broken.xml").write_text("<annotation>")
    for words in (["fix", folder, "--policy", "clip", "--out"], ["anchors", folder, "--set"]):
        status, _, errors = command(*words, tmp_path / "new" if words[0] == "fix" else "retinanet")
        assert status == 2 and "broken.xml" in errors
        status, report = command_json(*words, tmp_path / "newer" if words[0] == "fix" else "retinanet")
        assert status == 2 and [Path(one["file"]).name for one in report["unreadable"]] == ["broken.xml"]


def test_augment_and_rules(tmp_path, command, command_json):
    sample = samples.write("coco", tmp_path / "set")
    words = ["inspect", sample.path, "--augment", "rotate=90,180", "--augment", "hflip", "--keep-rule", "center-inside"]
    _, printed, _ = command(*words)
    assert "rotate=180" in printed and "center-inside" in printed
    _, report = command_json(*words)
    outcomes = report["sets"][0]["augmentations"]
    assert [one["augmentation"] for one in outcomes] == ["rotate=90", "rotate=180", "hflip"]
    assert outcomes[2]["kept"] == [{"rule": "center-inside", "dropped": 0, "not_finite": 1}]


def test_anchors(tmp_path, command, command_json):
    sample = samples.write("coco", tmp_path / "set")
    status, printed, _ = command("anchors", sample.path)
    means, stds = (line for line in printed.splitlines() if line.startswith(("means=", "stds=")))
    boxgrad.encode_boxes([[0.0, 0, 4, 4]], [[0.0, 0, 4, 4]], **eval(f"dict({means}, {stds})"))
    assert status == 0 and "truths that no anchor overlaps by 0.5" in printed
    status, report = command_json("anchors", sample.path, "--set", "sizes=8,16/32;strides=8/16;ratios=1", "--resize", "80,120")
    assert status == 0 and report["truths"] == 5 and len(report["means"]) == 4


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "@", "--image-size", "640"], ["inspect", "@", "--image-size", "0x5"], ["inspect", "@", "--format", "coc0"],
        ["inspect", "@", "--boxes", "yxyx"], ["inspect", "@", "--augment", "spin"], ["inspect", "@", "--keep-rule", "all"],
        ["inspect", "@", "--html", "/nowhere/x.html"], ["inspect", "@", "--images", "/nowhere"], ["anchors", "@", "--set", "sizes=1"],
        ["anchors", "@", "--resize", "5"], ["anchors", "@", "--resize", "a,b"], ["anchors", "/nowhere"],
        ["fix", "/nowhere", "--out", "x", "--policy", "clip"],
        ["fix", "@", "--out", "/nowhere/x", "--policy", "clip"], ["inspect"], ["spin"],
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence_and_status_2(words, tmp_path, command):
    path = samples.write("coco", tmp_path / "set").path
    status, _, errors = command(*[path if word == "@" else word for word in words])
    assert status == 2
    assert errors.strip() and "Traceback" not in errors


def test_text_of_files_cannot_draw_on_the_terminal(tmp_path, command):
    path = tmp_path / "x.csv"
    path.write_text("image,x1,y1,x2,y2\n\x1b[31m[red]evil[/red]\x07,5,5,5,9\n")
    _, printed, _ = command("inspect", path)
    assert "\\x1b[31m[red]evil[/red]\\x07" in printed and "\x1b" not in printed


def run(*words, stdout=subprocess.PIPE, **environment):
    variables = {
        **os.environ,
        "PYTHONPATH": str(Path(boxgrad.__file__).parents[1]),
        "BOXGRAD_LIBRARY": str(boxgrad.library_path()),
        **environment,
    }
    return subprocess.run([sys.executable, *words], stdout=stdout, stderr=subprocess.PIPE, text=True, env=variables)


def test_as_a_program(tmp_path):
    path = samples.write("coco", tmp_path / "set").path
    done = run("-m", "boxgrad", "inspect", path, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["status"] == 1 and not done.stderr
    assert run("-m", "boxgrad", "--version").stdout.strip() == boxgrad.__version__
    assert run("-m", "boxgrad", "--help").returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
@pytest.mark.parametrize("words", [("inspect",), ("anchors",), ("fix", "--policy", "clip", "--dry-run"), ("--help",)])
def test_output_that_cannot_be_written_is_a_sentence(words, tmp_path):
    path = samples.write("coco", tmp_path / "set").path
    with open("/dev/full", "w") as full:
        done = run("-m", "boxgrad", *words, *(() if words == ("--help",) else (path,)), stdout=full)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("missing", ["typer", "rich", "msgspec", "yaml", "jinja2", "PIL"])
def test_without_a_package_there_is_one_sentence(missing):
    block = f"import sys; sys.modules[{missing!r}] = None; "
    done = run("-c", block + "import boxgrad; boxgrad.box_area([[0., 0, 1, 1]])")
    assert done.returncode == 0, done.stderr
    done = run("-c", block + "sys.argv = ['boxgrad', 'inspect', 'x']; from boxgrad.__main__ import main; main()")
    assert done.returncode == 1
    assert "pip install 'boxgrad[cli]'" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_bar_is_shown_for_what_takes_longer_than_a_second(monkeypatch):
    import io
    import time

    from boxgrad import cli
    from rich.console import Console

    def bar(seconds, start=0):
        console = Console(file=io.StringIO(), force_terminal=True, width=80)
        monkeypatch.setattr(cli, "err", console)
        monkeypatch.setattr(cli, "_START", start)
        clock = iter(i * seconds / 100 for i in range(1000))
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        assert list(cli.track(range(50), "things", 50)) == list(range(50))
        monkeypatch.undo()
        return console.file.getvalue()

    assert "things" in bar(20)
    assert "things" not in bar(1)
    assert "things" in bar(1, start=-5)  # what came before took longer than a second


def test_commands_of_the_documents(tmp_path, command, monkeypatch):
    page = (Path(__file__).resolve().parents[4] / "docs/datasets.md").read_text()
    lines = [line.split() for line in re.findall(r"^boxgrad ((?:inspect|fix|anchors) .*)$", page, re.MULTILINE)]
    samples.write("coco", tmp_path / "a").path.rename(tmp_path / "instances.json")
    samples.write("voc", tmp_path / "Annotations")
    samples.write("dota", tmp_path / "labelTxt").options["images"].rename(tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    assert [command(*words)[0] for words in lines] == [1, 1, 0, 0, 1]
    assert (tmp_path / "report.html").exists() and (tmp_path / "repaired.json").exists()
