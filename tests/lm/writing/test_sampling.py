"""Sampling: what is drawn has the model's own distribution; where sequences end, prompts, probabilities."""

import math

import numpy as np
import pytest

from tests.lm.tiny import (
    CHI_SQUARE_999,
    add_to_logit,
    assert_drawn_from,
    chain_model,
    chi_square,
    chi_square_of_two,
    next_probabilities,
    outcomes,
    random_model,
    without_unk,
)
from tests.lm.write import one, texts, write
from textgen.lm.inference.scoring import score
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

# The distribution


@pytest.mark.parametrize(
    ("seed", "network"),
    [
        (3, {"cell": "lstm"}),
        (6, {"cell": "gru", "layers": 2, "embedding": 3}),
        (7, {"cell": "rnn", "cutoffs": (2, 3)}),
        (4, {"cell": "rnn", "embedding": 3, "tie": True, "cutoffs": (2,)}),
    ],
)
def test_frequencies_agree_with_the_softmax(seed, network):
    model = random_model("ab", seed=seed, **network)
    expected = outcomes(model, max_length=2, allow_unk=True)
    assert len(expected) == 13  # "", three of one token, nine of two
    assert_drawn_from(texts(model, count=4000, max_length=2, allow_unk=True, seed=11), expected)


def test_unk_left_out_is_unk_drawn_again():
    """Against a longhand sampler that draws again, and against the exact probabilities."""
    model = add_to_logit(random_model("ab", seed=2), UNK_ID, 2)
    known = {ids: next_probabilities(model, ids) for ids in [(), (2,), (3,)]}
    assert all(p[UNK_ID] > 0.2 for p in known.values()), "else there is little to be drawn again"
    rng = np.random.default_rng(5)

    def write_longhand():
        ids: tuple[int, ...] = ()
        while len(ids) < 2:
            idx = UNK_ID
            while idx == UNK_ID:
                idx = int(rng.choice(4, p=known[ids]))
            if idx == EOS_ID:
                break
            ids = (*ids, idx)
        return "".join(model.vocabulary.tokens_of(ids))

    drawn = texts(model, count=6000, max_length=2)
    statistic, freedom = chi_square_of_two(drawn, [write_longhand() for _ in drawn])
    assert freedom == 6
    assert statistic < CHI_SQUARE_999[freedom]
    assert_drawn_from(drawn, outcomes(model, max_length=2, allow_unk=False))


def test_unk_is_not_avoided_by_drawing_the_whole_text_again():
    """That would be another distribution; the test above can tell the two apart."""
    model = add_to_logit(random_model("ab", seed=2), UNK_ID, 2)
    whole = {text: p for text, p in outcomes(model, 2, allow_unk=True).items() if "<unk>" not in text}
    again = {text: p / sum(whole.values()) for text, p in whole.items()}
    assert chi_square(texts(model, count=6000, max_length=2), again) > 2 * CHI_SQUARE_999[6]


def test_unk_is_written_only_where_it_is_allowed():
    model = chain_model({"<unk>": 0.6, "a": 0.4}, {"a": {"<unk>": 0.9, "<eos>": 0.1}, "<unk>": {"<eos>": 1.0}})
    assert texts(model, count=200) == ["a"] * 200
    assert texts(model, count=200, greedy=True) == ["a"] * 200
    assert_drawn_from(texts(model, count=500, max_length=1, allow_unk=True), {"<unk>": 0.6, "a": 0.4})
    assert one(model, "a", allow_unk=True, greedy=True, seed=3).text in ("a", "a<unk>")
    assert "a<unk>" in texts(model, "a", count=20, allow_unk=True)


@pytest.mark.parametrize(
    ("filters", "weights"),
    [
        ({"temperature": 0.5}, {"a": 1 / 4, "b": 1 / 16, "c": 1 / 64, "d": 1 / 64}),
        ({"temperature": 2.0}, {"a": 2**-0.5, "b": 2**-1, "c": 2**-1.5, "d": 2**-1.5}),
        ({"top_k": 2}, {"a": 2, "b": 1}),
        ({"top_p": 0.8}, {"a": 4, "b": 2, "c": 1}),
        ({"min_p": 0.3}, {"a": 2, "b": 1}),
        ({"top_k": 3, "top_p": 0.7, "min_p": 0.1}, {"a": 2, "b": 1}),
    ],
)
def test_filters_reach_the_draw(filters, weights):
    model = chain_model({"a": 1 / 2, "b": 1 / 4, "c": 1 / 8, "d": 1 / 8}, {})
    total = sum(weights.values())
    drawn = texts(model, count=2000, max_length=1, **filters)
    assert_drawn_from(drawn, {token: weight / total for token, weight in weights.items()})


@pytest.mark.parametrize("filters", [{}, {"top_k": 8, "temperature": 0.8}])
def test_in_clusters_the_probability_of_what_is_drawn_is_that_of_scoring(filters):
    model = random_model("abcdefgh", seed=3, cell="gru", cutoffs=(3, 5, 8))
    written = write(model, count=50, max_length=20, **filters)
    scores = list(score(model, [sequence.text for sequence in written]))
    assert {"eos", "length"} == {sequence.ended for sequence in written}
    for sequence, scored in zip(written, scores, strict=True):
        drawn = scored.log_probabilities if sequence.ended == "eos" else scored.log_probabilities[:-1]
        assert sequence.log_probability == pytest.approx(math.fsum(drawn), abs=2e-5)


# Known texts


GOLDEN_START = {"the": 0.75, "a": 0.25}
GOLDEN_AFTER = {
    "the": {"cat": 0.5, "dog": 0.5},
    "a": {"cat": 0.25, "dog": 0.75},
    "cat": {"sat": 0.5, "ran": 0.5},
    "dog": {"sat": 0.25, "ran": 0.75},
    "sat": {"\uffed.": 0.5, "and": 0.5},
    "ran": {"\uffed.": 0.5, "and": 0.5},
    "and": {"sat": 0.5, "ran": 0.5},
    "\uffed.": {"<eos>": 1.0},
}


def test_golden_sentences():
    """No uniform number falls nearer than 0.004 to a border: another CPU's rounding changes nothing."""
    model = chain_model(GOLDEN_START, GOLDEN_AFTER, tokenizer="word")
    assert texts(model, count=8, seed=1) == [
        "a cat ran.",
        "the cat sat and sat and ran and sat and ran.",
        "the cat sat and ran.",
        "the cat ran.",
        "the cat sat.",
        "the cat sat and sat and sat and sat.",
        "the dog sat and ran.",
        "the dog sat.",
    ]


# Where a sequence ends


def test_greedy_draws_the_first_token_then_takes_the_most_probable():
    after = {"a": {"b": 0.4, "c": 0.6}, "b": {"<eos>": 1.0}, "c": {"d": 0.55, "<eos>": 0.45}, "d": {"<eos>": 1.0}}
    model = chain_model({"a": 0.5, "b": 0.3, "d": 0.2}, after)
    assert_drawn_from(texts(model, count=1000, greedy=True), {"acd": 0.5, "b": 0.3, "d": 0.2})
    assert_drawn_from(texts(model, "a", count=1000, greedy=True), {"ab": 0.4, "acd": 0.6})
    assert_drawn_from(texts(model, count=500, greedy=True, temperature=0.5, top_k=2), {"acd": 25 / 34, "b": 9 / 34})


def test_the_cap_and_how_a_sequence_ended():
    model = chain_model({"a": 1.0}, {"a": {"b": 1.0}, "b": {"<eos>": 1.0}})
    found = {cap: one(model, max_length=cap) for cap in (1, 2, 3, 500)}
    assert {cap: (s.text, s.tokens, s.ended) for cap, s in found.items()} == {
        1: ("a", 1, "length"),
        2: ("ab", 2, "length"),
        3: ("ab", 2, "eos"),
        500: ("ab", 2, "eos"),
    }
    endless = chain_model({"a": 1.0}, {"a": {"a": 1.0}})
    assert [(s.text, s.ended) for s in write(endless, count=3, max_length=70)] == [("a" * 70, "length")] * 3
    empty = chain_model({"<eos>": 1.0}, {})
    assert [(s.text, s.tokens, s.ended) for s in write(empty, count=2)] == [("", 0, "eos")] * 2


# Prompts


def test_a_prompt_is_completed():
    model = chain_model({"x": 1.0}, {"x": {"<eos>": 1.0}, "a": {"b": 1.0}, "b": {"<eos>": 1.0}})
    for prompt, text, tokens in (("", "x", 1), ("a", "ab", 1), ("ab", "ab", 0), ("bba", "bbab", 1)):
        written = one(model, prompt)
        assert (written.text, written.tokens, written.ended) == (text, tokens, "eos")
        assert written.prompt_unknown == 0
    assert texts(model, "a", count=100, max_length=1) == ["ab"] * 100


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize(("prompt", "ids"), [("", []), ("b", [3]), ("abba", [2, 3, 3, 2]), ("axba", [2, 0, 3, 2])])
def test_what_follows_has_the_distribution_after_the_whole_prompt(prompt, ids, carry):
    """A model trained with `carry` begins after the `<eos>` of a text before."""
    model = random_model("ab", seed=9, text={"carry": carry}, layers=2)
    p = without_unk(next_probabilities(model, ids))
    if carry:
        assert np.abs(p - without_unk(next_probabilities(model, ids, first=-1))).max() > 0.02
    drawn = [text.removeprefix(prompt) for text in texts(model, prompt, count=1500, max_length=1)]
    assert_drawn_from(drawn, {"": p[EOS_ID], "a": p[2], "b": p[3]})


def test_unknown_tokens_of_a_prompt_are_counted_and_shown():
    model = chain_model({"a": 1.0}, {"a": {"<eos>": 1.0}, "<unk>": {"a": 1.0}})
    written = one(model, "xay")
    assert (written.text, written.prompt_unknown) == ("xaya", 2)
    assert one(model, "aaa").prompt_unknown == 0


def test_a_prompt_is_read_as_the_training_text_was():
    """Put in lower case, composed, cut by the tokenizer, joined to what follows by its rules; shown as it was given."""
    lower = chain_model({"x": 1.0}, {"é": {"a": 1.0}, "a": {"<eos>": 1.0}}, lowercase=True)
    assert one(lower, "E\u0301").text == "E\u0301a"
    words = chain_model(GOLDEN_START, {**GOLDEN_AFTER, "ran": {"\uffed.": 1.0}}, tokenizer="word")
    assert one(words, "the cat ran").text == "the cat ran."
    assert one(words, "the  dog ran.").text == "the  dog ran."


# The probability of what was drawn


@pytest.mark.parametrize(
    ("prompt", "config"),
    [
        ("", {}),
        ("", {"allow_unk": True, "temperature": 1.7}),
        ("abx", {}),
        ("b", {"temperature": 0.6, "top_k": 3, "top_p": 0.95, "min_p": 0.01}),
        ("a", {"greedy": True}),
    ],
)
@pytest.mark.parametrize("carry", [False, True])
def test_the_probability_is_the_score_of_what_was_drawn(prompt, config, carry):
    """Under the model's own softmax, whatever the filters; and of no more than what was drawn."""
    model = random_model("abc", seed=3, text={"carry": carry, "tokenizer": "whitespace"})
    add_to_logit(add_to_logit(model, UNK_ID, 1), EOS_ID, -1)
    prompt = " ".join(prompt)
    written = write(model, prompt, count=60, max_length=6, **config)
    scores = score(model, [s.text for s in written])
    endings = set()
    for drawn, scored in zip(written, scores, strict=True):
        tokens = len(prompt.split()) + drawn.tokens
        assert len(scored.tokens) == tokens + 1
        stop = tokens + 1 if drawn.ended == "eos" else tokens
        expected = scored.log_probabilities[len(prompt.split()) : stop].sum()
        assert drawn.log_probability == pytest.approx(expected, abs=2e-5)
        endings.add(drawn.ended)
    assert endings == {"eos", "length"} or config.get("greedy")


def test_a_whole_sentence_has_the_probability_that_score_gives_it():
    model = random_model("abc", seed=6)
    ended = [s for s in write(model, count=50) if s.ended == "eos"]
    assert len(ended) > 30
    for drawn, scored in zip(ended, score(model, [s.text for s in ended]), strict=True):
        assert drawn.log_probability == pytest.approx(scored.log_probability, rel=1e-5)
