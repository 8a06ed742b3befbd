"""`--novel`: no drawn token ends a run that is too long, against all n-grams of the text."""

import numpy as np
import pytest

from tests.lm.tiny import add_to_logit, assert_drawn_from, chain_model, random_model
from textgen.errors import ConfigError, NothingWrittenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing.sampling import sample
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID

TEXT = ["abcabcd", "dcba", "aabbccdd", "bcdabca", "d"]
MODEL = add_to_logit(random_model("abcd", seed=3), EOS_ID, -3)


def ids_of(text):
    return MODEL.vocabulary.ids_of(text).tolist()


def index_of(texts):
    return RunIndex.of(np.array([idx for text in texts for idx in (*ids_of(text), EOS_ID)], np.uint8))


INDEX = index_of(TEXT)


def runs(length):
    return {text[i : i + length] for text in TEXT for i in range(len(text) - length + 1)}


def write(prompt="", **config):
    return list(sample(MODEL, SamplingConfig(**{"seed": 1, **config}), [prompt], index=INDEX))


def copied(written, prompt, length):
    """The runs of this length that end with a drawn token and stand in the text."""
    text = written.text
    ends = range(max(length, len(prompt) + 1), len(text) + 1)
    return [text[end - length : end] for end in ends if text[end - length : end] in runs(length)]


@pytest.mark.parametrize("prompt", ["", "abc", "dd"])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_run_is_longer_in_a_thousand_sequences(most, prompt):
    free = write(prompt, count=300, max_length=20)
    assert any(copied(written, prompt, most + 1) for written in free)
    kept = write(prompt, count=300, max_length=20, novel=most)
    assert any(copied(written, prompt, most) for written in kept) or (most, prompt) == (1, "abc")
    for written in write(prompt, count=1000, max_length=20, novel=most):
        assert not copied(written, prompt, most + 1)
        assert written.copies is not None
        assert written.copies.longest <= most or prompt


def test_what_is_left_is_drawn_as_the_model_has_it():
    always = {"a": 0.5, "b": 0.25, "c": 0.25}
    model = chain_model(always, dict.fromkeys(always, always))
    a, b = model.vocabulary.ids_of("ab").tolist()
    index = RunIndex.of(np.array([a, b, EOS_ID, b, EOS_ID], np.uint8))
    config = SamplingConfig(count=2000, max_length=2, novel=1, seed=2)
    drawn = [written.text for written in sample(model, config, index=index)]
    after_a = {"a": 2 / 3, "c": 1 / 3}
    expected = {"a" + token: 0.5 * p for token, p in after_a.items()}
    expected |= {first + token: 0.25 * p for first in "bc" for token, p in always.items()}
    assert_drawn_from(drawn, expected)


def test_it_goes_with_the_other_rules_and_choices():
    for config in ({"best_of": 3}, {"match": "a"}, {"stop": ("dd",)}, {"greedy": True}, {"temperature": 0.0}):
        for written in write("", count=30, max_length=15, novel=2, **config):
            assert not copied(written, "", 3)


def test_where_nothing_is_left_it_is_said_why():
    everything = index_of([a + b for a in "abcd" for b in "abcd"])
    config = SamplingConfig(count=1, novel=1, min_length=3, seed=1)
    with pytest.raises(NothingWrittenError, match=r"after 1 tokens .* --min-length and --novel allow"):
        list(sample(MODEL, config, index=everything))
    with pytest.raises(ConfigError, match="--novel needs an index"):
        list(sample(MODEL, config))


def test_marks_are_the_characters_that_stand_in_the_text():
    for written in write("ab", count=50, max_length=12):
        assert written.marks is not None
        longest = max((written.text[first:last] for first, last in written.marks), key=len, default="")
        assert all(first >= 2 for first, _ in written.marks), "what was given is not marked"
        assert any(longest in text for text in TEXT)
