"""Rules for the next token: none is ever broken, and what they leave is drawn as the model has it."""

import math

import pytest

from tests.lm.tiny import (
    add_to_logit,
    assert_drawn_from,
    chain_model,
    next_probabilities,
    random_model,
)
from tests.lm.write import one, texts, write
from textgen.errors import NothingWrittenError
from textgen.lm.inference.scoring import score
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

ALWAYS = {"a": 0.5, "b": 0.25, "c": 0.25}
ENDLESS = chain_model(ALWAYS, dict.fromkeys(ALWAYS, ALWAYS))


def test_no_sequence_ends_before_its_least_length():
    model = add_to_logit(random_model("ab", seed=2), EOS_ID, 2)
    assert min(written.tokens for written in write(model, count=100)) < 3
    lengths = {written.tokens for written in write(model, count=300, min_length=3)}
    assert min(lengths) == 3
    assert len(lengths) > 3


def test_until_then_the_end_is_left_out_and_the_rest_renormalised():
    model = add_to_logit(random_model("ab", seed=2), EOS_ID, 1)
    expected = {}
    for first in (2, 3):
        for second in (2, 3):
            p = 1.0
            for before, idx in (((), first), ((first,), second)):
                left = next_probabilities(model, before)
                left[[UNK_ID, EOS_ID]] = 0
                p *= left[idx] / left.sum()
            expected["".join(model.vocabulary.tokens_of([first, second]))] = p
    assert_drawn_from(texts(model, count=3000, min_length=2, max_length=2, seed=4), expected)


def repeats(text, n):
    grams = [text[i : i + n] for i in range(len(text) - n + 1)]
    return len(grams) > len(set(grams))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_ngram_occurs_twice_prompt_included(n):
    model = add_to_logit(random_model("abcd", seed=3), EOS_ID, -2)
    prompt = "abcd"[:n]
    assert any(repeats(text, n) for text in texts(model, prompt, count=30, max_length=40))
    written = texts(model, prompt, count=300, max_length=40, no_repeat_ngram=n)
    assert not any(repeats(text, n) for text in written)
    assert len(set(written)) > 3


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_penalty_divides_the_probability_of_what_has_occurred(temperature):
    weights = {"a": 0.5 / 4, "b": 0.25, "c": 0.25 / 4}
    powers = {token: weight ** (1 / temperature) for token, weight in weights.items()}
    expected = {"ac" + token: power / sum(powers.values()) for token, power in powers.items()}
    drawn = texts(ENDLESS, "ac", count=2000, max_length=1, repetition_penalty=4.0, temperature=temperature)
    assert_drawn_from(drawn, expected)


def test_a_banned_text_is_never_written_and_the_rest_is_drawn_as_before():
    assert any("ab" in text or "c" in text for text in texts(ENDLESS, count=30, max_length=5))
    written = texts(ENDLESS, count=1000, max_length=2, ban=("ab", "c"))
    assert_drawn_from(written, {"aa": 2 / 3, "ba": 1 / 3 * 2 / 3, "bb": 1 / 3 * 1 / 3})
    assert texts(ENDLESS, "a", count=3, max_length=1, ban=("ab", "c")) == ["aa"] * 3, "it may begin in the prompt"


def test_a_banned_word_is_banned_however_it_is_joined():
    start = {"a": 0.5, "the": 0.5}
    after = {"a": {"cat": 0.5, "\uffed.": 0.5}, "the": {".": 0.5, "cat": 0.5}, "cat": {"\uffed.": 0.5, "a": 0.5}}
    model = chain_model(start, {**after, ".": {"a": 1.0}, "\uffed.": {"a": 1.0}}, tokenizer="word")
    assert any("." in text for text in texts(model, count=20, max_length=6))
    assert not any("." in text for text in texts(model, count=100, max_length=6, ban=(".",)))
    written = texts(model, count=200, max_length=6, ban=("the cat",))
    assert not any("the cat" in text for text in written)
    assert any("a cat" in text for text in written)


def test_banning_what_the_model_does_not_know_changes_nothing():
    assert texts(ENDLESS, ban=("xyz", "ax")) == texts(ENDLESS)


def test_where_nothing_is_left_it_is_said_why():
    with pytest.raises(
        NothingWrittenError, match="sequence 1: after 1 tokens no token is left that --min-length and --ban"
    ):
        write(ENDLESS, min_length=3, max_length=5, ban=("aa", "ab", "ac", "b", "c"))
    three = random_model("abc", seed=2)
    with pytest.raises(NothingWrittenError, match="after 3 tokens no token is left that --min-length and --no-repeat"):
        write(three, min_length=4, no_repeat_ngram=1)


RULES = {"min_length": 3, "no_repeat_ngram": 3, "repetition_penalty": 1.5, "ban": ("dd", "ca")}


def test_the_probability_that_is_told_is_the_models_own():
    model = random_model("abcd", seed=3)
    for written in write(model, count=20, max_length=12, temperature=0.8, top_k=4, **RULES):
        [scored] = score(model, [written.text])
        drawn = scored.log_probabilities if written.ended == "eos" else scored.log_probabilities[:-1]
        assert written.log_probability == pytest.approx(math.fsum(drawn), abs=1e-5)


@pytest.mark.parametrize("network", [{}, {"cutoffs": (3, 5)}])
def test_with_rules_too_a_sequence_depends_on_seed_and_number_alone(network):
    model = random_model("abcdef", seed=2, **network)
    many = write(model, "ab", count=100, max_length=15, **RULES)
    assert write(model, "ab", 2, count=100, max_length=15, **RULES) == many
    assert write(model, "ab", count=3, max_length=15, **RULES) == many[:3]
    assert one(model, "ab", max_length=15, **RULES) == many[0]
    assert many != write(model, "ab", count=100, max_length=15)


def test_temperature_0_takes_the_most_probable_token_each_time_the_first_too():
    model = random_model("abcdef", seed=5)
    [found] = set(texts(model, count=20, temperature=0.0, max_length=30))
    ids: tuple[int, ...] = ()
    while len(ids) < 30:
        p = next_probabilities(model, ids)
        p[UNK_ID] = 0
        if p.argmax() == EOS_ID:
            break
        ids = (*ids, int(p.argmax()))
    assert found == "".join(model.vocabulary.tokens_of(ids))
    assert len(set(texts(model, count=20, greedy=True, max_length=30))) > 1
