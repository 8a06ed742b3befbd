"""Completion: beams against all ways there are, found one by one with the naive twin; and against `score`."""

import math

import numpy as np
import pytest

from tests.lm.completing import ways_of
from tests.lm.tiny import NEVER, add_to_logit, chain_model, next_probabilities, random_model
from textgen.core.cells import CELLS
from textgen.errors import ConfigError
from textgen.lm.config.completion import CompletionConfig
from textgen.lm.inference.scoring import score
from textgen.lm.writing import completion as module
from textgen.lm.writing.completion import complete
from textgen.text.tokens.vocabulary import EOS, EOS_ID, UNK_ID

ALL = 400  # more beams than there are ways in these tests


def summary(ways):
    return [(way.tokens, way.log_probabilities[0]) for way in ways]


def every_way(model, prompt, length, allow_unk=False):
    """Tokens and log-probability of each way to go on, longhand: those of `length` tokens, and those that end before.

    By rank, as (tokens, nats).
    """
    before = model.vocabulary.ids_of(prompt).tolist()
    found = {}

    def extend(ids, nats):
        if len(ids) == length or (ids and ids[-1] == EOS_ID):
            found[tuple(model.vocabulary.tokens_of(ids))] = nats
            return
        for idx, p in enumerate(next_probabilities(model, [*before, *ids])):
            if allow_unk or idx != UNK_ID:
                extend([*ids, idx], nats + math.log(p))

    extend([], 0.0)
    return sorted(found.items(), key=lambda way: -way[1])


def assert_same_ways(found, expected):
    assert [tokens for tokens, _ in found] == [tokens for tokens, _ in expected]
    np.testing.assert_allclose([nats for _, nats in found], [nats for _, nats in expected], atol=2e-5)


NETWORKS = [
    *({"cell": cell} for cell in CELLS),
    {"cell": "lstm", "layers": 3},
    {"cell": "gru", "embedding": 3, "tie": True, "head_layers": 1},
    {"cell": "rnn", "cutoffs": (2, 4)},
    {"cell": "rnn", "embedding": 3, "tie": True, "cutoffs": (3,)},
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_with_beams_for_all_ways_the_search_is_exhaustive(network):
    model = random_model("abc", seed=6, **network)
    for prompt in ("", "ab?c"):
        expected = every_way(model, prompt, 3)
        assert len(expected) == 1 + 3 + 9 + 27
        assert_same_ways(summary(ways_of(model, prompt, length=3, top=ALL, beams=ALL)), expected)


@pytest.mark.parametrize("carry", [False, True])
def test_unknown_tokens_are_followed_if_they_are_allowed(carry):
    model = random_model("ab", seed=2, text={"carry": carry})
    expected = every_way(model, "b", 3, allow_unk=True)
    assert len(expected) == 1 + 3 + 9 + 27
    assert_same_ways(summary(ways_of(model, "b", length=3, top=ALL, beams=ALL, allow_unk=True)), expected)
    assert math.fsum(math.exp(nats) for _, nats in expected) == pytest.approx(1, abs=1e-5)
    without = {tokens: nats for tokens, nats in expected if "<unk>" not in tokens}
    found = ways_of(model, "b", length=3, top=ALL, beams=ALL)
    assert dict(summary(found)) == pytest.approx(without, abs=2e-5), "nothing is shared out"


@pytest.mark.parametrize("top", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_a_way_that_ends_is_kept_if_it_is_among_the_first_of_its_length(top, seed):
    """Longhand: of the ways of each length, the `top` most probable; of all those, again."""
    model = random_model("ab", seed=seed)
    by_length = [every_way(model, "a", length) for length in (1, 2, 3, 4)]
    ended = [
        way
        for length, ways in enumerate(by_length, start=1)
        for way in [way for way in ways if len(way[0]) == length][:top]
        if way[0][-1] == EOS
    ]
    still_open = [way for way in by_length[-1] if way[0][-1] != EOS]
    expected = sorted([*ended, *still_open], key=lambda way: -way[1])[:top]
    assert_same_ways(summary(ways_of(model, "a", length=4, top=top, beams=ALL)), expected)


def test_an_unlikely_end_does_not_win_by_being_short():
    """By hand: ending at once has 1/10, each way of four tokens 9/10 times 1/8."""
    after = {token: {"a": 0.5, "b": 0.5} for token in "ab"}
    model = chain_model({"a": 0.45, "b": 0.45, "<eos>": 0.1}, after)
    ways = ways_of(model, length=4, top=2)
    assert not any(way.is_ended for way in ways)
    np.testing.assert_allclose(np.exp([way.log_probabilities[0] for way in ways]), 0.9 / 16, rtol=1e-5)
    [first, *_] = ways_of(model, whole=True, top=2)
    assert (first.text, first.is_ended) == ("", True)


@pytest.mark.parametrize("seed", range(3))
def test_whole_ways_are_the_most_probable_ones_that_end(seed):
    """Those of more than six tokens are less probable than the five first here."""
    model = add_to_logit(random_model("ab", seed=seed), EOS_ID, 1.5)
    expected = [way for way in every_way(model, "b", 7) if way[0][-1] == EOS][:5]
    assert max(len(tokens) for tokens, _ in expected) < 6
    assert_same_ways(summary(ways_of(model, "b", whole=True, beams=ALL)), expected)


def test_a_whole_way_without_an_end_is_cut():
    model = chain_model({"a": 1.0}, {"a": {"a": 1.0}})
    [way] = ways_of(model, whole=True, top=1)
    assert (way.text, way.is_ended) == ("a" * 500, False)


@pytest.mark.parametrize("beams", [1, 2, 3, 7])
def test_few_beams_find_true_ways_that_are_no_better_than_the_best(beams):
    for seed in range(8):
        model = random_model("abc", seed=seed)
        truth = every_way(model, "c", 4)
        found = summary(ways_of(model, "c", length=4, top=beams, beams=beams))
        assert len(found) == beams
        for rank, (tokens, nats) in enumerate(found):
            assert nats == pytest.approx(dict(truth)[tokens], abs=2e-5)
            assert nats <= truth[rank][1] + 2e-5
        assert [nats for _, nats in found] == sorted((nats for _, nats in found), reverse=True)


def test_a_beam_of_one_takes_the_most_probable_token_each_time():
    """And misses what begins less probably: 0.6 * 0.3 against 0.4 * 0.9."""
    after = {"a": {"a": 0.3, "b": 0.3, "c": 0.4}, "b": {"c": 0.9, "a": 0.1}}
    model = chain_model({"a": 0.6, "b": 0.4}, after)
    assert [way.text for way in ways_of(model, length=2, top=1, beams=1)] == ["ac"]
    assert [way.text for way in ways_of(model, length=2, top=1, beams=2)] == ["bc"]


@pytest.mark.parametrize("prompt", ["", "a", "ab?c" * 80, "cab\n🙂詩"])
@pytest.mark.parametrize("network", [{"layers": 2}, {"cell": "gru", "cutoffs": (3, 5)}], ids=str)
def test_probabilities_are_those_of_score(prompt, network):
    """The same sum by another path: all of the text, without that of the prompt."""
    model = random_model("abc\n🙂詩", seed=8, text={"carry": True}, **network)
    for way in ways_of(model, prompt, length=6, top=12):
        [whole] = score(model, [way.text])
        before = len(whole.tokens) - 1 - (len(way.tokens) - way.is_ended)
        counted = whole.log_probabilities[before : before + len(way.tokens)]
        assert whole.tokens[before : before + len(way.tokens)] == way.tokens
        assert way.log_probabilities[0] == pytest.approx(math.fsum(counted), abs=1e-5)


def test_the_same_with_any_number_of_threads_and_rows_at_a_time(monkeypatch):
    model = random_model("abcdefgh", seed=3, layers=2)
    config = {"length": 5, "top": 100, "beams": 200}
    expected = ways_of(model, "cafe", threads=1, **config)
    assert len(expected) == 100
    assert ways_of(model, "cafe", threads=3, **config) == expected
    for rows in (1, 7, 1000):
        monkeypatch.setattr(module, "_ROWS", rows)
        assert ways_of(model, "cafe", threads=2, **config) == expected


def test_a_prompt_does_not_depend_on_those_before_it():
    model = random_model("abc", seed=5)
    prompts = ["", "abc" * 100, "", "b", "x"]
    together = list(complete(model, CompletionConfig(length=4), prompts))
    assert [completions.prompt for completions in together] == prompts
    assert [completions.prompt_unknown for completions in together] == [0, 0, 0, 0, 1]
    for prompt, completions in zip(prompts, together, strict=True):
        assert ways_of(model, prompt, length=4) == completions.ways


def test_prompts_are_taken_one_by_one():
    taken = []

    def prompts():
        for prompt in "abc":
            taken.append(prompt)
            yield prompt

    found = complete(random_model("abc"), CompletionConfig(length=1), prompts())
    next(found)
    assert taken == ["a"]
    assert list(complete(random_model(), CompletionConfig(), [])) == []


@pytest.mark.parametrize(("tokens", "expected"), [("a", {"a", ""}), ("", {""})])
def test_there_may_be_fewer_ways_than_were_asked_for(tokens, expected):
    """With one token, and with none at all: what is left is the end."""
    ways = ways_of(random_model(tokens), length=1, top=5)
    assert {way.text for way in ways} == expected
    assert len(ways) == len(expected)


def test_tokens_that_spell_the_same_text_are_one_way():
    """'ab' is 'a' and '￭b', or 'a￭' and 'b': the more probable of the two is kept."""
    start = {"a": 0.5, "a\uffed": 0.4, "c": 0.1}
    after = {"a": {"\uffedb": 1.0}, "a\uffed": {"b": 1.0}, "c": {"b": 1.0}}
    model = chain_model(start, after, tokenizer="word")
    ways = ways_of(model, length=2, top=2)
    assert [way.text for way in ways] == ["ab", "c b"]
    assert ways[0].tokens == ("a", "\uffedb")
    assert math.exp(ways[0].log_probabilities[0]) == pytest.approx(0.5, rel=1e-5)


def test_words():
    """What follows begins with the blank that the prompt lacks; an unknown word of it stays as it was written."""
    after = {"<unk>": {"sat": 1.0}, "sat": {"\uffed.": 1.0}, "\uffed.": {"<eos>": 1.0}}
    model = chain_model({"<unk>": 0.5, "sat": 0.5}, after, tokenizer="word")
    [way] = ways_of(model, "Zebra", top=1)
    assert (way.text, way.continuation, way.is_ended) == ("Zebra sat.", " sat.", True)
    assert way.tokens == ("sat", "\uffed.", EOS)
    assert way.log_probabilities == pytest.approx((0.0,), abs=1e-5)


def test_a_prompt_is_read_as_the_training_text_was():
    model = random_model("éa", seed=1, text={"lowercase": True})
    given, plain = (ways_of(model, prompt, length=2) for prompt in ("E\u0301A", "éa"))
    assert [way.continuation for way in given] == [way.continuation for way in plain]
    assert all(way.text == "E\u0301A" + way.continuation for way in given), "shown as it was given"


def test_the_length_follows_from_the_level():
    chars = chain_model({"a": 1.0}, {"a": {"a": 1.0}})
    assert [len(way.tokens) for way in ways_of(chars, top=1)] == [20]
    words = chain_model({"a": 1.0}, {"a": {"a": 1.0}}, tokenizer="word")
    assert [way.text for way in ways_of(words, top=1)] == ["a a a a a"]


def test_equally_probable_ways_keep_the_order_of_their_tokens():
    model = chain_model(dict.fromkeys("dcba", 0.25), {})
    assert [way.text for way in ways_of(model, length=1, top=3, beams=3)] == ["a", "b", "c"]


def test_all_but_impossible_ways_are_told_as_such():
    model = chain_model({"a": 1.0}, {})
    add_to_logit(model, model.vocabulary.tokens.index("a"), -3000 - NEVER)
    [way] = [way for way in ways_of(model, length=1, top=2) if way.tokens == ("a",)]
    assert way.log_probabilities[0] < -2900


@pytest.mark.parametrize(
    "config",
    [
        {"top": 0},
        {"length": 0},
        {"beams": 0},
        {"beams": 4},
        {"temperatures": (0.0,)},
        {"temperatures": (1.0, 2.0)},
        {"temperatures": (1.0, 1.0), "length": 1},
    ],
)
def test_what_cannot_be(config):
    with pytest.raises(ConfigError, match=r"--|temperatures"):
        CompletionConfig(**config)
