"""What tells a training that has come off its course from one that has come to another kind of text."""

import math

import numpy as np
import pytest

from textgen.lm.progress.divergence import SpikeWatch, frequency_loss, token_costs
from textgen.text.tokens.vocabulary import Vocabulary
from textgen.text.tokens.windows import Window


def watch(*stretches):
    """A watch that has seen stretches of (windows, loss, loss by the frequencies), one window a place."""
    seen = SpikeWatch(untrained=5.0)
    place = 0
    for windows, loss, frequency in stretches:
        for _ in range(windows):
            place += 1
            seen.add(loss, frequency, 1, place)
    return seen


def test_the_loss_of_whoever_knows_the_frequencies_alone():
    costs = token_costs(Vocabulary(("<unk>", "<eos>", "a", "b"), (0, 2, 4, 1)))  # <unk> counts as one
    targets = np.array([[2, 2], [3, 1]], np.int32)
    window = Window(targets, targets > 9, targets)
    assert frequency_loss(window, costs) == pytest.approx(-math.log(4 / 8 * 4 / 8 * 1 / 8 * 2 / 8) / 4)
    assert np.isfinite(costs).all(), "also of a token that the text does not have"


def test_the_lowest_is_where_it_was():
    seen = watch((60, 3.0, 3.5), (60, 2.0, 3.5), (60, 2.5, 3.5))
    assert seen.window == 120
    assert seen.lowest == pytest.approx(2 + 0.98**60 * (1 - 0.98**60) / (1 - 0.98**120))


def test_a_few_windows_are_chance():
    seen = watch((40, 0.1, 3.5), (4, 9.0, 3.5))
    assert seen.lowest is None
    assert not seen.is_suspicious


@pytest.mark.parametrize(
    ("stretches", "suspicious"),
    [
        ([(200, 1.5, 3.5), (200, 6.0, 3.5)], True),
        ([(200, 1.5, 3.5), (200, 3.4, 3.5)], False),  # worse, but it still knows more than the frequencies
        ([(200, 1.5, 3.5), (10, 14.0, 8.5), (200, 7.0, 8.5)], False),  # another language, soon better than nothing
        ([(200, 5.0, 3.5), (200, 5.5, 3.5)], False),  # it has never been better
        ([(200, 1.5, 3.5), (200, 1.4, 3.5)], False),
        ([(200, 5.9, 3.5)], False),  # it has learnt nothing
        ([(200, 6.1, 3.5)], True),  # it has only become worse
    ],
)
def test_what_is_suspicious(stretches, suspicious):
    assert watch(*stretches).is_suspicious is suspicious


def test_a_number_that_is_none_is_bad():
    assert watch((200, 1.5, 3.5)).is_bad(math.nan, 3.5)


def test_after_an_acquittal_it_compares_with_what_is_now():
    seen = watch((200, 1.5, 3.5), (200, 6.0, 3.5))
    seen.acquit(2, 7)
    assert not seen.is_suspicious
    assert (seen.epoch, seen.window, seen.lowest) == (2, 7, seen.loss.value)
