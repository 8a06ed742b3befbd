"""The learning rate, against values worked out by hand."""

import math
from itertools import pairwise

import pytest

from textgen.lm.progress.schedule import learning_rate


@pytest.mark.parametrize(
    ("step", "warmup", "progress", "expected"),
    [
        (0, 0, 0.0, 1),  # from the top, where there is no warm-up
        (0, 4, 0.0, 1 / 4),
        (1, 4, 0.0, 2 / 4),
        (3, 4, 0.0, 1),
        (4, 4, 0.0, 1),
        (100, 4, 0.0, 1),
        (100, 4, 0.5, 0.02 + 0.98 / 2),  # cos(pi / 2) = 0
        (100, 4, 1 / 3, 0.02 + 0.98 * 3 / 4),  # cos(pi / 3) = 1/2
        (100, 4, 2 / 3, 0.02 + 0.98 * 1 / 4),
        (100, 4, 1.0, 0.02),
        (100, 4, 1.5, 0.02),  # it does not rise again
        (0, 4, 0.5, (0.02 + 0.98 / 2) / 4),  # warm-up under the cosine
        (0, 1, 0.0, 1),
    ],
)
def test_by_hand(step, warmup, progress, expected):
    assert learning_rate(1.0, step, warmup, progress) == pytest.approx(expected, rel=1e-12)
    assert learning_rate(0.004, step, warmup, progress) == pytest.approx(0.004 * expected, rel=1e-12)


def test_it_rises_then_falls():
    """Over a course of 200 steps with a warm-up of 50, its top is where the warm-up ends."""
    rates = [learning_rate(2.0, step, 50, step / 200) for step in range(201)]
    top = max(range(201), key=rates.__getitem__)
    assert top == 49
    assert all(before < after for before, after in pairwise(rates[: top + 1]))
    assert all(before > after for before, after in pairwise(rates[top:]))
    assert rates[49] == pytest.approx(2 * (0.02 + 0.98 * (1 + math.cos(math.pi * 49 / 200)) / 2))
    assert rates[200] == pytest.approx(0.04)
