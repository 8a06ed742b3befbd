"""Ticks at round numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.cli.show.axis import Axis, round_step


@pytest.mark.parametrize(
    ("span", "most", "step"),
    [(1, 10, 0.1), (1, 5, 0.2), (1, 4, 0.5), (8, 8, 1), (7.9, 8, 1), (8.1, 8, 2), (0.3, 3, 0.1), (1234, 5, 500)],
)
def test_steps_are_1_2_or_5_times_a_power_of_ten(span, most, step):
    assert round_step(span, most) == pytest.approx(step)


def test_an_axis_around_losses():
    axis = Axis.around(1.22, 2.6, 5)
    assert axis.labels == ["1.0", "1.5", "2.0", "2.5", "3.0"]
    assert axis.ticks == pytest.approx([1, 1.5, 2, 2.5, 3])


def test_numbers_that_rounding_makes_miss_a_tick():
    """0.3 is not 3 * 0.1 in floating point, and yet its tick."""
    assert Axis.around(0.1, 0.1 + 0.2, 2).labels == ["0.1", "0.2", "0.3"]
    assert Axis.inside(0.7 + 0.1, 8).labels[-1] == "0.8"


def test_an_axis_from_zero():
    assert Axis.inside(7.9, 8).labels == ["0", "1", "2", "3", "4", "5", "6", "7"]
    assert Axis.inside(0.41, 4).labels == ["0.0", "0.2", "0.4"]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 12))
def test_an_axis_holds_what_it_is_around(low, span, most):
    axis = Axis.around(low, low + span, most)
    slack = 1e-6 * axis.step
    assert axis.ticks[0] <= low + slack
    assert axis.ticks[-1] >= low + span - slack
    assert 1 <= len(axis.ticks) - 1 <= most + 2
    assert len(set(axis.labels)) == len(axis.ticks)
