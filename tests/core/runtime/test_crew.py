"""Threads in step: what one writes before a meeting the others read after it, and no other thing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import entry
from textgen.core.runtime.crew import ALONE, Crew, abandon, crews, meet, share_of
from textgen.core.runtime.jit import kernel
from textgen.core.runtime.limits import available_cpus
from textgen.core.runtime.threads import Team

ROUNDS, WIDTH, PRIME = 500, 40, 1_000_003


@kernel
def mix(boards, rounds, crew):
    """In each round every part writes its row anew, from all of them as they were before.

    boards : (2, parts, WIDTH) int64. The rounds write them in turn; so with one meeting a round, nobody is a round
    ahead of a part that still reads.
    """
    for n in range(rounds):
        before, after = boards[n % 2], boards[(n + 1) % 2]
        for j in range(WIDTH):
            total = n + crew.part
            for other in range(crew.parts):
                total += (other + 2) * before[other, j]
            after[crew.part, j] = total % PRIME
        meet(crew)


def mixed_longhand(board, rounds):
    """What `mix` should leave of `board` (parts, WIDTH)."""
    factors = np.arange(len(board)) + 2
    for n in range(rounds):
        board = (n + np.arange(len(board))[:, None] + factors @ board) % PRIME
    return board


def random_boards(parts):
    boards = np.zeros((2, parts, WIDTH), np.int64)
    boards[0] = np.random.default_rng(parts).integers(0, PRIME, (parts, WIDTH))
    return boards


@pytest.mark.parametrize("parts", sorted({1, 2, 3, 5, available_cpus() + 1}))
def test_what_is_written_before_a_meeting_is_read_after_it(parts):
    boards = random_boards(parts)
    expected = mixed_longhand(mixed_longhand(boards[0], ROUNDS), ROUNDS)
    assert len(np.unique(expected)) > parts * WIDTH // 2, "else a value that is out of date could be overlooked"
    together = crews(parts)
    with Team(parts) as team:
        for _ in range(2):  # the same crew meets again in another run of the kernel
            team.run(lambda part: mix(boards, ROUNDS, together[part]))
    np.testing.assert_array_equal(boards[0], expected)


def test_crews_meet_apart_from_one_another():
    boards = [random_boards(2) for _ in range(2)]
    rounds = (ROUNDS, 2 * ROUNDS)
    expected = [mixed_longhand(board[0], count) for board, count in zip(boards, rounds, strict=True)]
    both = [crews(2), crews(2)]
    with Team(4) as team:
        team.run(lambda part: mix(boards[part // 2], rounds[part // 2], both[part // 2][part % 2]))
    np.testing.assert_array_equal([board[0] for board in boards], expected)


def test_who_is_alone_waits_for_nobody_and_leaves_no_trace():
    # All threads with rows of their own share ALONE.
    boards = random_boards(1)
    mix(boards, 10, ALONE)
    np.testing.assert_array_equal(boards[0], mixed_longhand(random_boards(1)[0], 10))
    assert not ALONE.arrivals.any()


def test_an_abandoned_crew_waits_for_nobody():
    boards, together = random_boards(3), crews(3)
    abandon(together[2])
    mix(boards, ROUNDS, together[0])  # the others never come
    assert together[0].arrivals[0, 0] == ROUNDS


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1), (0, 33), (7, 7), (7, 12), (3, 100)])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
def test_shares_are_the_whole_without_overlap(first, last, parts):
    share = entry(share_of)
    shares = [share(first, last, crew) for crew in crews(parts)]
    assert [i for begin, end in shares for i in range(begin, end)] == list(range(first, last))
    sizes = [end - begin for begin, end in shares]
    assert max(sizes) - min(sizes) <= 1


def test_each_of_a_crew_has_a_place_of_its_own():
    together = crews(3)
    assert [(crew.part, crew.parts) for crew in together] == [(0, 3), (1, 3), (2, 3)]
    assert all(crew.arrivals is together[0].arrivals for crew in together)
    assert isinstance(together[0], Crew)
