"""Scoring: each token's probability against the naive twin, and what a probability has to satisfy."""

import math

import numpy as np
import pytest

from tests.lm.tiny import NEVER, add_to_logit, chain_model, next_probabilities, random_model, strings
from textgen.lm.inference.scoring import score
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID


def score_one(model, sentence):
    [scored] = score(model, [sentence])
    return scored


def log_probability(model, sentence):
    return score_one(model, sentence).log_probability


@pytest.mark.parametrize(
    "network",
    [
        {"cell": "lstm", "layers": 2},
        {"cell": "gru", "embedding": 3},
        {"cell": "lstm-peephole", "head_layers": 1},
        {"cell": "rnn", "cutoffs": (2, 4)},
        {"cell": "rnn", "embedding": 3, "tie": True, "cutoffs": (3,)},
    ],
)
@pytest.mark.parametrize("carry", [False, True])
def test_each_token_against_the_naive_twin(network, carry):
    """A model trained with `carry` reads each sentence as if a text had ended before it."""
    model = random_model("abc", seed=5, text={"carry": carry}, **network)
    sentences = ["abcab", "", "c", "aaaaaaaabbbbbbbbcccccccc", "axb?"]
    for sentence, scored in zip(sentences, score(model, sentences), strict=True):
        ids = [*model.vocabulary.ids_of(sentence), EOS_ID]
        expected = [math.log(next_probabilities(model, ids[:t])[idx]) for t, idx in enumerate(ids)]
        np.testing.assert_allclose(scored.log_probabilities, expected, atol=1e-5)
        assert scored.tokens == (*sentence, "<eos>")
        assert scored.sentence == sentence


def test_a_sentence_is_as_probable_as_its_tokens_together():
    """By hand: 1/2 * 1/4 * 1/8."""
    model = chain_model({"a": 0.5, "b": 0.5}, {"a": {"b": 0.25, "<eos>": 0.75}, "b": {"<eos>": 0.125, "a": 0.875}})
    scored = score_one(model, "ab")
    np.testing.assert_allclose(np.exp(scored.log_probabilities), [1 / 2, 1 / 4, 1 / 8], rtol=1e-5)
    assert math.exp(scored.log_probability) == pytest.approx(1 / 64, rel=1e-5)
    assert scored.log_probability == math.fsum(scored.log_probabilities)
    assert scored.perplexity == pytest.approx(4, rel=1e-5)  # (1/64) ** (-1/3)
    assert scored.perplexity_without_oov == scored.perplexity


@pytest.mark.parametrize("cutoffs", [(), (3, 4)])
@pytest.mark.parametrize("prefix", ["", "b", "abba", "ab" * 40])
def test_all_next_tokens_together_have_probability_one(prefix, cutoffs):
    model = random_model("abc", seed=1, cell="gru", cutoffs=cutoffs)
    continued = [score_one(model, prefix + token).log_probabilities[len(prefix)] for token in ("a", "b", "c", "?")]
    ended = score_one(model, prefix).log_probabilities[len(prefix)]
    assert math.fsum(np.exp([*continued, ended])) == pytest.approx(1, abs=1e-5)
    assert math.exp(ended) < 0.95


def test_all_strings_together_have_probability_one():
    """Of those that end within five tokens, and of those that do not: the alphabet is a, b and all unknown ones."""
    model = add_to_logit(random_model("ab", seed=2), EOS_ID, -1)
    ended = [string for length in range(6) for string in strings("ab?", length)]
    whole = math.fsum(math.exp(scored.log_probability) for scored in score(model, ended))
    begun = math.fsum(
        math.exp(scored.log_probabilities[:-1].sum()) for scored in score(model, strings("ab?", length=6))
    )
    assert 0.1 < whole < 0.9
    assert whole + begun == pytest.approx(1, abs=1e-5)


def test_a_sentence_has_the_same_score_alone_and_among_thousands():
    """Bit for bit, and with any number of threads; so they also come in the order that was given."""
    model = random_model("abc", seed=3, layers=2)
    rng = np.random.default_rng(0)
    sentences = ["".join(rng.choice(list("abcx"), size)) for size in rng.integers(0, 30, 5000)]
    sentences[4100] = "ab" * 300  # a longer one changes how the others are laid side by side
    among = list(score(model, sentences))
    assert [scored.sentence for scored in among] == sentences
    for i in [0, 1, 2, 3, 500, 4095, 4096, 4100, 4999]:
        for alone in (score_one(model, sentences[i]), *score(model, [sentences[i]], threads=1)):
            assert alone.log_probabilities.tobytes() == among[i].log_probabilities.tobytes()
    for threads in (1, 3):
        again = list(score(model, sentences, threads))
        assert [s.log_probabilities.tobytes() for s in again] == [s.log_probabilities.tobytes() for s in among]
    assert len({scored.log_probability for scored in among}) > 4000


def test_sentences_are_taken_by_4096():
    """A pipe of any length can be scored: what is read is soon given out."""
    taken = 0

    def sentences():
        nonlocal taken
        while True:
            taken += 1
            yield "a" * (taken % 3)

    scores = score(random_model(), sentences())
    assert taken == 0
    seen = []
    for given in range(1, 2 * 4096 + 2):
        next(scores)
        if given in (1, 4096, 4097, 2 * 4096, 2 * 4096 + 1):
            seen.append(taken)
    assert seen == [4096, 4096, 2 * 4096, 2 * 4096, 3 * 4096]


def test_no_sentences():
    assert list(score(random_model(), [])) == []


def test_an_empty_sentence_is_its_end():
    model = chain_model({"a": 0.75, "<eos>": 0.25}, {})
    scored = score_one(model, "")
    assert (scored.tokens, scored.oovs) == (("<eos>",), 0)
    assert scored.log_probability == pytest.approx(math.log(0.25), rel=1e-5)
    assert scored.perplexity == pytest.approx(4, rel=1e-5)


def test_unknown_tokens_are_counted_and_left_out_by_hand():
    """P(a, ?, <eos>) = 1/2 * 1/8 * 1/4: the perplexity is 4; without the unknown token it is (1/8) ** (-1/2)."""
    after = {"a": {"<unk>": 1 / 8, "a": 7 / 8}, "<unk>": {"<eos>": 1 / 4, "a": 3 / 4}}
    scored = score_one(chain_model({"a": 1 / 2, "<unk>": 1 / 2}, after), "ax")
    assert scored.tokens == ("a", "x", "<eos>")
    assert scored.oov.tolist() == [False, True, False]
    assert scored.oovs == 1
    assert scored.perplexity == pytest.approx(4, rel=1e-5)
    assert scored.perplexity_without_oov == pytest.approx(8**0.5, rel=1e-5)
    assert score_one(random_model(), "xyz").perplexity_without_oov == pytest.approx(
        1 / math.exp(score_one(random_model(), "xyz").log_probabilities[-1])
    )


def test_special_tokens_in_the_text_are_no_special_tokens():
    """`<unk>` in a tokenized text is the unknown token; `<eos>` does not end a sentence."""
    model = random_model(["the", "cat"], text={"tokenizer": "whitespace"})
    scored = score_one(model, "the <unk> <eos> cat")
    assert scored.tokens == ("the", "<unk>", "<eos>", "cat", "<eos>")
    assert scored.oov.tolist() == [False, True, True, False, False]
    unknown = score_one(model, "the dog dog cat")
    np.testing.assert_array_equal(unknown.log_probabilities, scored.log_probabilities)


def test_sentences_are_read_as_the_training_text_was():
    model = random_model("éa", text={"lowercase": True})
    composed = score_one(model, "éa")
    assert composed.oovs == 0
    for other in ("e\u0301a", "ÉA", "E\u0301A"):
        scored = score_one(model, other)
        assert scored.sentence == other
        assert scored.tokens == ("é", "a", "<eos>")
        np.testing.assert_array_equal(scored.log_probabilities, composed.log_probabilities)
    assert score_one(random_model("éa"), "ÉA").oovs == 2


def test_a_sentence_of_several_lines_is_one_sequence():
    model = random_model("ab\n")
    scored = score_one(model, "a\n\nb\n")
    assert scored.tokens == ("a", "\n", "\n", "b", "\n", "<eos>")
    assert scored.oovs == 0


def test_words():
    model = random_model(["the", "cat", "sat", "\uffed."], text={"tokenizer": "word"})
    scored = score_one(model, "the cat  ran.")
    assert scored.tokens == ("the", "cat", "ran", "\uffed.", "<eos>")
    assert scored.oov.tolist() == [False, False, True, False, False]


def test_what_is_all_but_impossible_has_an_infinite_perplexity():
    model = chain_model({"<eos>": 1.0}, {"a": {"a": 1.0}})
    add_to_logit(model, UNK_ID, -3000 - NEVER)
    scored = score_one(model, "x")
    assert scored.log_probabilities[0] == pytest.approx(-3000, rel=1e-6)
    assert scored.perplexity == math.inf
    assert score_one(model, "a").perplexity == pytest.approx(math.exp(30), rel=1e-4)
