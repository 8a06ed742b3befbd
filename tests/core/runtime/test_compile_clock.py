"""The compiler's time, by an imagined clock."""

from types import SimpleNamespace

import pytest

from textgen.core.runtime import compile_clock, jit, kernel_cache
from textgen.core.runtime.compile_clock import CompileClock, compilation_timed


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(compile_clock, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_what_lies_within_or_beside_counts_once(clock):
    counted = CompileClock()
    course = [("entered", 1), ("entered", 2), ("left", 4), ("left", 8), (None, 16), ("entered", 32), ("left", 64)]
    seen = []
    for event, wait in course:
        if event:
            getattr(counted, event)()
        clock.now += wait
        seen.append(counted.seconds)
    assert seen == [1, 3, 7, 7, 7, 39, 39]


def test_a_compilation_is_counted_and_a_call_is_not(monkeypatch, tmp_path, clock):
    monkeypatch.setattr(kernel_cache, "CACHE_FOLDER", str(tmp_path))

    def plus_one(x):
        return x + 1

    def pass_time():
        clock.now += 5

    compiled = jit.kernel(plus_one)
    with compilation_timed() as counted, jit.compiler_heard(pass_time):
        assert (compiled(1), counted.seconds) == (2, 5)
        clock.now += 100
        assert (compiled(2), counted.seconds) == (3, 5)
        assert (compiled(1.5), counted.seconds) == (2.5, 10)
    again = jit.kernel(lambda x: x + 2)
    assert (again(1), counted.seconds) == (3, 10), "nobody counts any more"
