"""Rows add up: what is read, refused and named is all that the files hold; by mutations, judged without the library's help."""

import dataclasses

import fuzz_read
import pytest
import read_sources
from boxgrad import datasets
from boxgrad.datasets import formats


def test_some_seconds_of_mutations():
    """make fuzz-read goes on with other seeds."""
    outcomes, failed = fuzz_read.run(60, seed=1_000_000, cases=250)
    assert not failed and outcomes["read"] > 30 and outcomes["read with findings"] > 20 and outcomes["refused"] > 10


@pytest.mark.parametrize("kind", sorted(read_sources.SOURCES))
def test_every_format_is_read_as_it_was_written(kind):
    outcomes, failed = fuzz_read.run(60, seed=0, cases=4, kinds=(kind,))
    assert not failed and sum(outcomes.values()) == 4


def _lose_a_box(data):
    data.boxes, data.image, data.category, data.ids = data.boxes[1:], data.image[1:], data.category[1:], data.ids[1:]
    data.areas, data.outlined = data.areas[1:], data.outlined[1:]


def _lose_a_row(data):
    _lose_a_box(data)
    data.rows -= 1


def _give_a_box_to_another_image(data):
    data.image[0] = (data.image[0] + 1) % len(data.images)


def _change_a_box(data):
    data.boxes[-1] += 1


def _change_a_category(data):
    data.category[0] = (data.category[0] + 1) % max(len(data.categories), 1)


@pytest.mark.parametrize("harm", [_lose_a_box, _lose_a_row, _give_a_box_to_another_image, _change_a_box, _change_a_category])
def test_the_judge_sees_harm(harm, monkeypatch):
    def harmed(read):
        def reading(path, how):
            data = read(path, how)
            data = dataclasses.replace(data)
            if len(data) > 1 and len(data.categories) > 1:
                harm(data)
            return data

        return reading

    monkeypatch.setattr(formats, "FORMATS", {name: harmed(read) for name, read in formats.FORMATS.items()})
    outcomes, failed = fuzz_read.run(60, seed=0, cases=12, kinds=("voc",))
    assert len(failed) >= 6, outcomes


def test_the_judge_sees_tracebacks_and_refusals_of_what_is_right(monkeypatch):
    def stop(*arguments, **options):
        raise IndexError("list index out of range")

    monkeypatch.setattr(datasets, "read", stop)
    assert len(fuzz_read.run(60, seed=0, cases=5)[1]) == 5

    def refuse(path, **options):
        raise datasets.UnreadableError(path, "is not to be read")

    monkeypatch.setattr(datasets, "read", refuse)
    outcomes, failed = fuzz_read.run(60, seed=0, cases=40)
    assert 0 < len(failed) < 40 and all("refused what is right" in reason for _, reason in failed)
