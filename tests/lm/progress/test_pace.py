"""When checkpoints are asked for: often enough, and never for more than a hundredth of the time."""

from types import SimpleNamespace

import pytest

from textgen.lm.progress import pace
from textgen.lm.progress.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=50.0)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def checkpoints(clock, seconds, interval, cost, **options):
    """The seconds at which checkpoints were written, steps being a tenth of a second long."""
    found, begun = [], clock.now
    one = Pace(0.0, interval, lambda: 0.0, **options)
    while clock.now - begun < seconds:
        clock.now += 0.1
        if one.is_checkpoint_due:
            found.append(clock.now - begun)
            clock.now += cost
            one.wrote(clock.now - cost)
    return found


def test_the_first_is_at_once_then_one_every_two_minutes(clock):
    assert checkpoints(clock, 600, 120.0, 0.1) == pytest.approx([0.1, 120.3, 240.5, 360.7, 480.9], abs=0.3)


def test_a_resumed_training_has_one_already(clock):
    assert checkpoints(clock, 300, 120.0, 0.1, is_resumed=True) == pytest.approx([120.0, 240.2], abs=0.3)


def test_none_but_the_first_where_they_are_wanted_at_validations_alone(clock):
    assert len(checkpoints(clock, 600, 0.0, 0.1)) == 1


@pytest.mark.parametrize("cost", [0.01, 0.3, 4.0])
def test_they_take_no_more_than_a_hundredth(clock, cost):
    found = checkpoints(clock, 2000, 1.0, cost)
    assert 0.005 < len(found) * cost / 2000 < 0.01


def test_what_is_compiled_does_not_count(clock):
    compiled = SimpleNamespace(seconds=5.0)  # before the clock went
    one = Pace(100.0, 120.0, lambda: compiled.seconds)
    clock.now += 9
    assert one.seconds == 109
    compiled.seconds += 7
    assert one.seconds == 102


def test_tokens_a_second(clock):
    one = Pace(0.0, 120.0, lambda: 0.0)
    clock.now += 2
    assert one.report(10_100, 100) == 50, "of a resumed training's first step, only what it learnt"
    assert not one.is_report_due
    clock.now += 1
    assert one.is_report_due
    assert one.report(10_400, 100) == 300
