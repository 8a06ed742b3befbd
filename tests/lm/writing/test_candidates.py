"""Which of several tries is taken."""

import random
import re
from typing import Any

import pytest

from tests.lm.tiny import add_to_logit, random_model
from tests.lm.write import texts, write
from textgen.errors import NothingWrittenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing.candidates import Candidates
from textgen.text.tokens.vocabulary import EOS_ID

MODEL = add_to_logit(random_model("abc", seed=3), EOS_ID, -2)


def test_all_that_is_written_matches():
    pattern = r"^(?=.*b)[ab]*$"
    plain = texts(MODEL, count=50, max_length=8)
    matching = texts(MODEL, count=50, max_length=8, match=pattern)
    assert all(re.search(pattern, text) for text in matching)
    assert len(set(matching)) > 10
    for first, found in zip(plain, matching, strict=True):
        assert found == first or not re.search(pattern, first), "the first try is taken if it matches"


def test_what_matches_always_is_what_is_written_without():
    assert write(MODEL, count=20, max_length=8, match="") == write(MODEL, count=20, max_length=8)


def test_tries_have_an_end():
    with pytest.raises(NothingWrittenError, match="sequence 1: none of 7 tries matches --match d; allow more --tries"):
        write(MODEL, match="d", tries=7)


def mean(written):
    return written.log_probability / (written.tokens + (written.ended == "eos"))


def test_the_best_of_some_is_the_one_with_the_highest_mean():
    """More tries never make it worse; what is taken is one of them."""
    better = 0
    for one, of_two, of_nine in zip(*(write(MODEL, count=30, max_length=9, best_of=n) for n in (1, 2, 9)), strict=True):
        assert mean(one) <= mean(of_two) <= mean(of_nine)
        better += mean(one) < mean(of_nine)
    assert better > 20


@pytest.mark.parametrize("config", [{"best_of": 5}, {"match": "ab.*ba"}, {"match": "^a", "best_of": 3}])
def test_what_is_taken_depends_on_seed_and_number_alone(config):
    many = write(MODEL, count=90, max_length=9, **config)
    assert write(MODEL, "", 2, count=90, max_length=9, **config) == many
    assert write(MODEL, count=2, max_length=9, **config) == many[:2]


class Try:
    """A finished try, or one that will be."""

    def __init__(self, value, is_good):
        self.value, self.is_good, self.ended = value, is_good, None

    def mean_log_probability(self):
        return self.value


def longhand(tries, needed):
    """The best of the first `needed` good ones, None if there are none."""
    good = [each for each in tries if each.is_good][:needed]
    return max(good, key=lambda each: each.value, default=None)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("needed", [1, 2, 5])
def test_it_does_not_matter_when_tries_are_finished(monkeypatch, seed, needed):
    monkeypatch.setattr("textgen.lm.writing.candidates.Stream", Try)
    rng = random.Random(seed)
    config = SamplingConfig(match="x", best_of=needed, tries=12)
    tries: list[Any] = [Try(rng.choice([1.0, 2.0, 3.0]), rng.random() < 0.3) for _ in range(12)]
    nowhere: Any = None
    found = Candidates(config, lambda each: each in good, nowhere, 0)
    good = [each for each in tries if each.is_good]
    while not found.are_decided():
        while found.wants_another(ahead=4):
            found.tries.append(tries[len(found.tries)])
        under_way = [each for each in found.tries if each.ended is None]
        assert under_way
        rng.choice(under_way).ended = "eos"
    chosen: Any = found.best
    assert chosen is longhand(tries, needed)
