"""The team of threads, and how work is shared out."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from textgen.core.runtime.threads import Team, share, team_size


@pytest.mark.parametrize("multiple", [1, 4, 32])
@pytest.mark.parametrize("total", [0, 1, 5, 31, 32, 33, 100])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 40])
def test_shares_are_the_whole_without_overlap(total, parts, multiple):
    shares = [share(total, part, parts, multiple) for part in range(parts)]
    assert [i for first, last in shares for i in range(first, last)] == list(range(total))
    assert all(first % multiple == 0 or first == total for first, _ in shares)
    sizes = [-(-(last - first) // multiple) for first, last in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_part_runs_once_side_by_side(threads):
    # All parts wait for one another: this ends only if they run at the same time.
    meeting, seen = threading.Barrier(threads), []

    def work(part: int) -> None:
        meeting.wait()
        seen.append((part, threading.current_thread()))

    with Team(threads) as team:
        team.run(work)
        assert sorted(part for part, _ in seen) == list(range(threads))
        assert len({thread for _, thread in seen}) == threads
        assert dict(seen)[0] is threading.current_thread()
        team.run(work)
        assert len(seen) == 2 * threads


def test_parts_that_wait_for_one_that_cannot_come_are_let_go(monkeypatch):
    """Not all threads can be started, or Ctrl-C comes before all parts have begun."""
    let_go = threading.Event()

    def wait(part: int) -> None:
        let_go.wait()

    with Team(3) as team:
        submit, calls = ThreadPoolExecutor.submit, []

        def submit_once(pool, *arguments):
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return submit(pool, *arguments)

        monkeypatch.setattr(ThreadPoolExecutor, "submit", submit_once)
        with pytest.raises(KeyboardInterrupt):
            team.run(wait, let_go.set)
    assert let_go.is_set()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_what_a_part_raises_is_raised_when_all_are_done(failing, monkeypatch):
    """The others end only when the team waits for them: if it did not, they would be late for sure."""
    done, waited_for = [], threading.Event()

    def releasing(wait):
        def release_and_wait(*arguments):
            waited_for.set()
            return wait(*arguments)

        return release_and_wait

    for name in ("exception", "result"):
        monkeypatch.setattr(Future, name, releasing(getattr(Future, name)))

    def work(part: int) -> None:
        if part == failing:
            raise ZeroDivisionError(f"part {part}")
        if part > 0:
            waited_for.wait()
        done.append(part)

    with Team(3) as team:
        try:
            with pytest.raises(ZeroDivisionError, match=f"part {failing}"):
                team.run(work)
            assert sorted(done) == sorted({0, 1, 2} - {failing})
        finally:
            waited_for.set()
        team.run(lambda part: done.append(10 + part))  # the team is still of use
    assert sorted(done)[2:] == [10, 11, 12]


def test_the_first_of_several_is_raised():
    def work(part: int) -> None:
        raise ValueError(f"part {part}")

    with Team(3) as team, pytest.raises(ValueError, match="part 0"):
        team.run(work)


def test_no_thread_is_left_behind():
    before = set(threading.enumerate())
    with Team(4) as team:
        team.run(lambda part: None)
        assert len(set(threading.enumerate()) - before) in (1, 2, 3)  # idle threads are used again
    assert set(threading.enumerate()) == before
    team = Team(2)
    team.close()
    with pytest.raises(RuntimeError):
        team.run(lambda part: None)


def test_team_size(monkeypatch):
    assert (team_size(3, 10), team_size(3, 2), team_size(3, 0), team_size(1, 10)) == (3, 2, 1, 1)
    monkeypatch.setattr("textgen.core.runtime.threads.available_cpus", lambda: 6)
    assert (team_size(0, 100), team_size(0, 4)) == (6, 4)


def test_teams_are_independent():
    # Sampling for a progress report may run while another team trains.
    with Team(2) as one, Team(2) as other, ThreadPoolExecutor(1) as outside:
        entered, go_on = threading.Event(), threading.Event()

        def wait(part: int) -> None:
            entered.set()
            go_on.wait()

        waiting = outside.submit(one.run, wait)
        entered.wait()
        other.run(lambda part: None)
        assert not waiting.done()
        go_on.set()
        waiting.result()
