"""Losses as a line of text."""

import math

import pytest

from textgen.cli.course.sparkline import LossTrack, draw_sparkline
from textgen.cli.show.curve_view import ASCII, BRAILLE


def track_of(*losses):
    """One that was told these losses, the first at the beginning, the last at the end."""
    track = LossTrack()
    for place, loss in enumerate(losses):
        track.add(place / max(1, len(losses) - 1), loss)
    return track


def test_levels_from_the_lowest_to_the_highest():
    assert draw_sparkline([8, 7, 6, 5, 4, 3, 2, 1], BRAILLE.levels) == "█▇▆▅▄▃▂▁"
    assert draw_sparkline([5, 4, 3, 2, 1], ASCII.levels) == "^'-._"


def test_the_steep_fall_at_the_beginning_is_cut_off():
    """Without that, all but the first would be at the lowest level."""
    assert draw_sparkline([90.0, *[4.0, 3.0, 2.0, 1.0] * 4], BRAILLE.levels) == "█" + "█▆▃▁" * 4


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [2.0, 2.0000001]])
def test_what_hardly_changes_is_flat(values):
    assert draw_sparkline(values, BRAILLE.levels) == "▁" * len(values)


def test_nothing_is_nothing():
    assert draw_sparkline([], BRAILLE.levels) == ""
    assert draw_sparkline([None, None], BRAILLE.levels) == ""
    assert LossTrack().means(40) == []


def test_a_training_that_is_gone_on_with_begins_where_it_is():
    track = LossTrack()
    for progress, loss in ((0.5, 2.0), (0.75, 1.0)):
        track.add(progress, loss)
    assert track.means(4) == [None, None, 2.0, 1.0]
    assert draw_sparkline(track.means(4), BRAILLE.levels) == "  █▁"


def test_a_column_has_the_mean_of_its_share():
    track = track_of(*range(1, 101))
    first, *_, last = track.means(10)
    assert first == pytest.approx(5.5, abs=0.1)
    assert last == pytest.approx(95.5, abs=0.1)
    assert track.means(1) == [50.5]


def test_few_steps_leave_no_holes():
    assert track_of(3.0, 2.0, 1.0).means(8) == [3.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize("columns", [0, 1, 7, 960, 5000])
def test_any_width(columns):
    means = track_of(4.0, 3.0, 2.0, 1.0).means(columns)
    assert len(means) == columns
    assert None not in means


def test_losses_that_are_no_numbers_are_left_out():
    track = track_of(4.0, math.nan, math.inf, 1.0)
    assert track.means(2) == [4.0, 1.0]


def test_progress_beyond_its_bounds_is_at_the_bound():
    track = LossTrack()
    track.add(-0.1, 2.0)
    track.add(1.5, 1.0)
    assert track.means(2) == [2.0, 1.0]
