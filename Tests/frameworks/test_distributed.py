"""boxgrad.torch.distributed on 1 to 4 processes over gloo, on the loopback address: see ranks.py."""

from __future__ import annotations

import math

import pytest
import torch
import torch.multiprocessing

import boxgrad
import boxgrad.torch
import ranks
from boxgrad.torch import distributed

RANKS = (1, 2, 3, 4)


def answers(target, count, file, seconds=120):
    """What each rank answers. Ranks that do not answer in time are ended."""
    context = torch.multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=target, args=(rank, count, str(file), queue), daemon=True) for rank in range(count)]
    for process in processes:
        process.start()
    try:
        expected = count - (target is ranks.die)
        return dict(queue.get(timeout=seconds) for _ in range(expected))
    finally:
        for process in processes:
            process.join(10)
            process.kill()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The answers of all ranks of all worlds."""
    folder = tmp_path_factory.mktemp("ranks")
    worlds = {count: answers(ranks.run, count, folder / str(count)) for count in RANKS}
    for count, world in worlds.items():
        for rank, answer in world.items():
            assert "failure" not in answer, f"rank {rank} of {count}:\n{answer.get('failure')}"
    return worlds


def of_all(found, name):
    return {(count, rank): answer[name] for count, world in found.items() for rank, answer in world.items()}


def alone(dtype=None, p=2.0):
    """What one process that has everything gets from the function for a single process."""
    given = ranks.parameters(ranks.gradients(dtype))
    total = boxgrad.get_total_norm([one.grad for one in given], p)
    boxgrad.torch.clip_grad_norm_(given, 0.5, p)
    return total, ranks.digest([one.grad for one in given])


def test_all_placements_on_all_ranks_have_the_bits_of_one_process(found):
    every = of_all(found, "placements")
    for dtype in (None, torch.float64):
        for p in (1.0, 2.0, math.inf):
            one = {answer[str(dtype), p] for answer in every.values()}
            assert len(one) == 1, f"{dtype}, p = {p}: {one}"
            total, whole = alone(dtype, p)
            ((bits, clipped),) = one
            if dtype is None:
                assert (bits, clipped) == (total.hex(), whole)
            else:  # on one process the norm of doubles is rounded more than once
                assert float.fromhex(bits) == pytest.approx(total, rel=1e-15)


@pytest.mark.parametrize("name", ["replicas", "parts", "tied"])
def test_replicas_parts_and_tied_weights_count_once(found, name):
    total, clipped = alone()
    assert set(of_all(found, name).values()) == {(total.hex(), clipped)}


def test_gradients_below_the_limit_stay(found):
    assert all(of_all(found, "small").values())


def test_a_step_of_fsdp_is_clipped_as_on_one_process(found):
    assert set(of_all(found, "fsdp").values()) == {(True, True)}


def test_one_nan_or_infinity_is_seen_by_all_ranks(found):
    for where, answer in of_all(found, "nonfinite").items():
        for (is_nan, mode), (error, words, _, unchanged, all_zero, all_nan) in answer.items():
            case = where, is_nan, mode, error, words, unchanged, all_zero, all_nan
            if mode == "error":
                assert error == "NonFiniteError" and ("nan" if is_nan else "inf") in words and unchanged, case
                continue
            assert error == "no error" and ("nan" if is_nan else "inf") in words, case
            assert unchanged == (mode == "skip"), case
            assert all_zero or mode != "zero", case
            assert all_nan or mode != "propagate" or not is_nan, case


def test_a_wrong_call_of_one_rank_is_an_error_on_all_in_a_second(found):
    own = {"norm_type": "1, 2 or inf", "max_norm": "max_norm", "dtype": "complex64", "mode": "on_nonfinite", "not a tensor": "grad"}
    for (count, rank), answer in of_all(found, "wrong").items():
        for name, (error, words, is_quick, unchanged) in answer.items():
            case = count, rank, name, error, words
            if "differ" in name and count == 1:
                continue
            assert unchanged and is_quick, case
            if "differ" in name:
                assert error == "ValueError" and "arguments differ" in words, case
            elif rank == count - 1:
                assert error in ("ValueError", "TypeError", "AttributeError") and own[name] in words, case
            else:
                assert error == "RuntimeError" and f"1 of {count} ranks" in words, case


def test_a_pending_sum_is_refused_on_all_ranks(found):
    for case, (error, words, is_quick) in of_all(found, "partial").items():
        assert error == "TypeError" and "gradient 0 has a pending sum" in words and is_quick, (case, words)


def test_a_group_is_the_ranks_that_count(found):
    total, _ = alone()
    for (count, rank), (error, words, _) in of_all(found, "group").items():
        if rank < 2:
            assert (error, words) == ("no error", total.hex()), (count, rank)
        else:
            assert error == "ValueError" and "not in the group" in words, (count, rank)


def test_a_rank_that_dies_is_an_error_and_corrupts_nothing(tmp_path):
    for rank, (error, seconds, unchanged) in answers(ranks.die, 3, tmp_path / "ranks").items():
        assert error == "RuntimeError" or error.startswith("Dist"), (rank, error)
        assert seconds < 15 and unchanged, (rank, seconds)


def test_without_a_group_there_is_one_rank():
    total, clipped = alone()
    given = ranks.parameters(ranks.gradients())
    assert ranks.bits(distributed.clip_grad_norm_(given, 0.5)) == total.hex()
    assert ranks.digest([one.grad for one in given]) == clipped
    with pytest.raises(ValueError, match="norm_type must be 1, 2 or inf, not 3"):
        distributed.clip_grad_norm_(given, 0.5, 3)
