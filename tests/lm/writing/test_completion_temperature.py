"""Completion at other temperatures than 1, several at once, and next to 0."""

import math

import numpy as np
import pytest

from tests.lm.completing import ways_of
from tests.lm.tiny import chain_model, next_probabilities, random_model
from textgen.text.tokens.vocabulary import EOS, UNK_ID


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_a_temperature_divides_the_logits_of_each_step(temperature):
    model = random_model("ab", seed=7)

    def nats(ids):
        total = 0.0
        for t, idx in enumerate(ids):
            weights = next_probabilities(model, ids[:t]) ** (1 / temperature)
            total += math.log(weights[idx] / weights.sum())
        return total

    for way in ways_of(model, length=3, top=8, temperatures=(temperature,)):
        ids = [model.vocabulary.tokens.index(token) for token in way.tokens]
        assert way.log_probabilities == pytest.approx((nats(ids),), abs=1e-4)


@pytest.mark.parametrize("cutoffs", [(), (2, 4)])
def test_several_temperatures_are_those_one_by_one(cutoffs):
    model = random_model("abc", seed=7, cutoffs=cutoffs)
    together = ways_of(model, "b", length=1, temperatures=(0.5, 1.0, 2.0))
    for number, temperature in enumerate((0.5, 1.0, 2.0)):
        alone = ways_of(model, "b", length=1, temperatures=(temperature,))
        assert [way.tokens for way in alone] == [way.tokens for way in together]
        assert [way.log_probabilities for way in alone] == [(way.log_probabilities[number],) for way in together]
        everything = next_probabilities(model, [3]) ** (1 / temperature)
        assert math.exp(alone[0].log_probabilities[0]) == pytest.approx(
            np.delete(everything, UNK_ID).max() / everything.sum(), rel=1e-4
        )


def test_what_is_lost_at_one_temperature_is_not_at_the_others():
    model = chain_model({"a": 0.7, "b": 0.2, "c": 0.1}, {})
    ways = ways_of(model, length=1, top=3, temperatures=(5e-324, 1.0))
    assert [way.text for way in ways] == ["a", "b", "c"]
    assert [way.log_probabilities[0] for way in ways] == [0, -math.inf, -math.inf]


def test_an_end_goes_before_what_is_as_probable_and_open():
    """Both have exactly 1/2 next to temperature 0; the search may end there."""
    model = chain_model({"a": 0.5, "b": 0.5}, {"a": {"a": 1.0}, "b": {"<eos>": 1.0}})
    ways = ways_of(model, length=4, top=2, temperatures=(5e-324,))
    assert [way.tokens for way in ways] == [("b", EOS), ("a", "a", "a", "a")]
    assert [way.log_probabilities for way in ways] == [(math.log(0.5),)] * 2
    assert ways_of(model, whole=True, top=1, temperatures=(5e-324,)) == ways[:1]


def test_there_may_be_no_way_at_all():
    """Next to temperature 0, where the most probable token is `<unk>`, which is left out."""
    model = chain_model({"<unk>": 0.6, "a": 0.4}, {})
    assert ways_of(model, length=2, temperatures=(5e-324,)) == ()
    [way] = ways_of(model, length=1, temperatures=(5e-324,), allow_unk=True)
    assert (way.tokens, way.log_probabilities) == (("<unk>",), (0.0,))
