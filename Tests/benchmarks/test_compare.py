"""The comparison of two revisions, on small sizes and with the same library on both sides."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("BOXGRAD_LIBRARY", ROOT / "build/lib/libboxgrad.so"))
sys.path.insert(0, str(ROOT / "benchmarks"))

import compare  # noqa: E402
import workloads  # noqa: E402

SCALE = 0.001


def run(*options, libraries=(LIBRARY, LIBRARY)):
    command = [sys.executable, ROOT / "benchmarks/compare.py", "--libraries", *libraries, "--scale", SCALE, "--pairs", 3, *options]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_every_workload_is_compared(tmp_path):
    result = run("--json", tmp_path / "compared.json", "--fail-above", 1e6)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads((tmp_path / "compared.json").read_text())
    expected = {(workload.name, mode) for workload in workloads.table(SCALE) for mode in workload.modes}
    assert {(record["workload"], record["mode"]) for record in found} == expected
    for record in found:
        assert record["same_bits"], record
        assert 0 < record["base"] < 1 and 0 < record["new"] < 1, record
        assert 0 < record["quartiles"][0] <= record["ratio"] <= record["quartiles"][1], record
        assert record["workload"] in result.stdout and record["workload"] in result.stderr, record  # the table, and the progress


SLOWED = compare.Compared("slowed", "fresh", 1.0, 1.1, 1.1, (1.05, 1.2), 1e-6, True)
DOUBTFUL = compare.Compared("doubtful", "fresh", 1.0, 1.1, 1.1, (0.9, 1.2), 0.02, True)
EQUAL = compare.Compared("equal", "fresh", 1.0, 1.0, 1.0, (0.9, 1.1), 0.5, True)


@pytest.mark.parametrize(
    ("results", "options", "status", "named"),
    [
        ([SLOWED, EQUAL], ["--fail-above", "3"], 1, ["slowed"]),
        ([SLOWED, EQUAL], ["--fail-above", "12"], 0, []),
        ([SLOWED, EQUAL], [], 0, ["slowed"]),
        ([DOUBTFUL, EQUAL], ["--fail-above", "3"], 0, ["doubtful"]),
        ([EQUAL], ["--fail-above", "3"], 0, []),
        ([], [], 1, []),
    ],
)
def test_what_is_certainly_slower_than_allowed_fails(monkeypatch, capsys, results, options, status, named):
    monkeypatch.setattr(compare, "run", lambda *_: (results, ["lacking, fresh: no such function"]))
    monkeypatch.setattr(sys, "argv", ["compare.py", "--libraries", str(LIBRARY), str(LIBRARY), *options])
    assert compare.main() == status
    shown = capsys.readouterr().out
    assert [line.split("% slower: ")[1].split(",")[0] for line in shown.splitlines() if "% slower: " in line] == named
    assert ("not certain" in shown) == (named == ["doubtful"]) and "left out: lacking, fresh" in shown


def test_a_text_that_no_workload_has_is_refused():
    result = run("--only", "nothing has this name")
    assert result.returncode == 2 and "nothing has this name" in result.stdout


def test_a_library_that_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / "none.so").write_text("no library")
    result = run("--only", "match", libraries=(LIBRARY, tmp_path / "none.so"))
    assert result.returncode != 0 and f"the process of {tmp_path / 'none.so'} ended" in result.stderr


def test_the_help_names_every_option():
    result = subprocess.run([sys.executable, ROOT / "benchmarks/compare.py", "--help"], capture_output=True, text=True, check=True)
    for option in "--base", "--libraries", "--only", "--pairs", "--threads", "--scale", "--fail-above", "--json":
        assert option in result.stdout, option


# ---- Pairs ---------------------------------------------------------------------------------------------------------------------


def test_who_begins_changes_from_pair_to_pair():
    order = []

    def side(name, seconds):
        def sample():
            order.append(name)
            return seconds

        return sample

    assert compare.in_pairs(side("A", 1.0), side("B", 2.0), 4) == [(1.0, 2.0)] * 4
    assert "".join(order) == "ABBAABBA"


def test_all_pairs_are_made_whatever_their_number(monkeypatch):
    """In rounds of new processes, of which each gets a share."""
    started, asked = [], []

    class Fake(FakeSide):
        def __init__(self, revision, threads, scale):
            super().__init__(revision.name, 0, {"calls": 1, "hash": revision.name})
            started.append(revision.name)

        def ask(self, what, *arguments):
            asked.append((self.name, what))
            return self.answer if what == "prepare" else 1.0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(compare, "Side", Fake)
    base, new = (compare.Revision(name, LIBRARY, ROOT) for name in ("base", "new"))
    for pairs in 1, 3, 7, 20:
        started.clear(), asked.clear()
        given = SimpleNamespace(scale=SCALE, only=["match"], pairs=pairs, threads=1)
        (result,), left_out = compare.run(given, base, new)
        rounds = min(compare.ROUNDS, pairs)
        assert started == ["base", "new"] * rounds and not left_out and not result.same_bits
        assert asked.count(("new", "sample")) == asked.count(("base", "sample")) == pairs + rounds  # and a warm-up in each


class FakeSide:
    """A process that sleeps instead of computing."""

    def __init__(self, name, seconds, answer):
        self.name, self.seconds, self.answer = name, seconds, answer

    def ask(self, what, *arguments):
        if what == "prepare":
            return self.answer
        start = time.perf_counter()
        time.sleep(self.seconds * arguments[0])
        return (time.perf_counter() - start) / arguments[0]


def test_the_slower_side_is_found():
    base = FakeSide("base", 0.02, {"calls": 1, "hash": "a"})
    new = FakeSide("new", 0.03, {"calls": 2, "hash": "a"})
    result = compare.compared("sleep", "fresh", *compare.measured(base, new, "sleep", "fresh", pairs=10))
    assert 30 < result.percent < 70 and result.same_bits and result.certain and result.base < result.new
    assert compare.slower([result], 3) == [result] and compare.slower([result], 80) == []
    back = compare.compared("sleep", "fresh", *compare.measured(new, base, "sleep", "fresh", pairs=10))
    assert back.percent < -20 and compare.slower([back], 3) == []


def test_the_median_of_the_pairs_decides():
    """One pair that the machine disturbed is no slowness."""
    steady = compare.compared("w", "fresh", [(1.0, 1.0)] * 4 + [(1.0, 9.0)], True)
    assert steady.ratio == 1 and steady.quartiles == (1, 1) and steady.new == 1
    spread = compare.compared("w", "fresh", [(2.0, 2.0 * k) for k in (1.0, 1.1, 1.2, 1.3, 1.4)], True)
    assert spread.ratio == pytest.approx(1.2) and spread.quartiles == pytest.approx((1.1, 1.3)) and spread.percent == pytest.approx(20)
    assert compare.compared("w", "fresh", [(1.0, 2.0)], True).quartiles == (2, 2)


@pytest.mark.parametrize(("slower", "pairs", "certain"), [(20, 20, True), (18, 20, True), (17, 20, False), (10, 10, True), (9, 9, False)])
def test_chance_is_no_slowness(slower, pairs, certain):
    found = [(1.0, 1.1)] * slower + [(1.0, 0.99)] * (pairs - slower)
    assert compare.compared("w", "fresh", found, True).certain == certain


def test_other_bits_are_seen():
    base, new = (FakeSide(name, 0, {"calls": 1, "hash": name}) for name in ("base", "new"))
    assert compare.measured(base, new, "w", "fresh", pairs=1)[1] is False
    assert compare.measured(base, base, "w", "fresh", pairs=1)[1] is True
    x = np.arange(4.0)
    assert compare.hash_of((x, x)) == compare.hash_of([x.copy(), x]) != compare.hash_of((x, np.nextafter(x, 1)))


def test_what_a_revision_lacks_is_left_out():
    base = FakeSide("base", 0, {"failure": "AttributeError: no such function"})
    assert compare.measured(base, FakeSide("new", 0, {}), "w", "fresh", pairs=1) == "base: AttributeError: no such function"


# ---- The revision ----------------------------------------------------------------------------------------------------------------


def test_a_revision_is_built_once(tmp_path, monkeypatch):
    def git(*arguments):
        identity = "-c", "user.name=a", "-c", "user.email=a@example.org"
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)

    git("init")
    build = "mkdir -p build/lib && echo {} >>build/lib/libboxgrad.so"
    for text in "broken", "first", "second":
        (tmp_path / "Makefile").write_text(f"lib:\n\t{'false' if text == 'broken' else build.format(text)}\n")
        git("add", "Makefile")
        git("commit", "-m", text)
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    for _ in range(2):
        revision = compare.built("HEAD~1")
        assert revision.library.read_text() == "first\n" and revision.name.endswith(" first)")
    assert revision.library.is_relative_to(tmp_path / "build/compare")
    assert compare.built("HEAD").library.read_text() == "second\n"
    with pytest.raises(SystemExit, match="HEAD~2 does not build"):
        compare.built("HEAD~2")
    with pytest.raises(SystemExit, match="^nonsense is no revision"):
        compare.built("nonsense")
