"""Where a sequence ends by its text, and the pieces in which it comes."""

import math
import random

import pytest

from tests.lm.tiny import add_to_logit, chain_model, random_model
from tests.lm.write import pieces, texts, write
from textgen.lm.inference.scoring import score
from textgen.lm.writing.desks import Stream
from textgen.lm.writing.endings import end_of_last_sentence
from textgen.lm.writing.prompts import Beginning, tokens_of
from textgen.text.tokens.reading import continuation
from textgen.text.tokens.vocabulary import EOS_ID

MODEL = add_to_logit(random_model("abc", seed=3), EOS_ID, -2)
WORDS = chain_model(
    {"the": 1.0},
    {
        "the": {"cat": 0.5, "dog": 0.5},
        "cat": {"\uffed.": 0.5, "sat": 0.5},
        "dog": {"\uffed.": 0.5, "sat": 0.5},
        "sat": {"\uffed.": 1.0},
        "\uffed.": {"the": 1.0},
    },
    tokenizer="word",
)


def test_a_sequence_ends_before_the_first_text_that_stops_it():
    plain = texts(MODEL, "ab", count=100, max_length=30)
    for written, whole in zip(write(MODEL, "ab", count=100, max_length=30, stop=("cb", "aa")), plain, strict=True):
        places = [whole.find(stop, 2) for stop in ("cb", "aa") if whole.find(stop, 2) >= 0]
        assert written.text == (whole[: min(places)] if places else whole)
        assert (written.ended == "stop") == bool(places)
        drawn = written.text + next((stop for stop in ("cb", "aa") if whole.startswith(written.text + stop)), "")
        [scored] = score(MODEL, [drawn if places else whole])
        expected = scored.log_probabilities[2:] if written.ended == "eos" else scored.log_probabilities[2:-1]
        assert written.log_probability == pytest.approx(math.fsum(expected), abs=1e-5)


def test_a_stop_in_the_prompt_does_not_count():
    assert all(text.startswith("abab") for text in texts(MODEL, "abab", count=20, max_length=9, stop=("ab",)))


def test_at_the_word_level_a_stop_is_found_across_tokens():
    assert texts(WORDS, count=50, max_length=60, stop=("at.",)).count("") == 0
    for written in write(WORDS, count=50, max_length=60, stop=("at. the",)):
        assert written.ended == "stop"
        assert written.text.endswith(("s", "c"))
        assert "at. the" not in written.text


def test_what_would_be_cut_ends_with_its_last_sentence():
    cut = write(WORDS, count=50, max_length=20)
    assert any(not written.text.endswith(".") for written in cut)
    for written, whole in zip(write(WORDS, count=50, max_length=20, finish=True), cut, strict=True):
        assert written.text == whole.text[: whole.text.rindex(".") + 1]
        assert written.ended == ("length" if written.text == whole.text else "sentence")
        [scored] = score(WORDS, [written.text])
        assert written.tokens == len(scored.log_probabilities) - 1
        assert written.log_probability == pytest.approx(math.fsum(scored.log_probabilities[:-1]), abs=1e-5)


def test_a_text_without_a_sentence_stays_as_it_is():
    assert write(MODEL, count=20, max_length=9, finish=True) == write(MODEL, count=20, max_length=9)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("One. Two. Thr", "One. Two."),
        ("One. Two.", "One. Two."),
        ("It costs 3.14 or so", ""),
        ('She said, "No!" and lef', 'She said, "No!"'),
        ("Why? Because (so.) it", "Why? Because (so.)"),
        ("It was Elizabeth. Mr. Darc", "It was Elizabeth."),
        ("It was I. J. Smi", ""),
        ("Wait\u2026 wha", "Wait\u2026"),
        ("\u6625\u7720\u3002\u4e0d\u89ba", "\u6625\u7720\u3002"),
        ("one.\ntwo", "one."),
        ("", ""),
    ],
)
def test_ends_of_sentences(text, kept):
    assert text[: end_of_last_sentence(text) or 0] == kept


@pytest.mark.parametrize("model", [MODEL, WORDS])
@pytest.mark.parametrize(
    "config", [{}, {"stop": ("cb", "dog sat")}, {"finish": True}, {"best_of": 3}, {"match": "a"}, {"min_length": 3}]
)
@pytest.mark.parametrize("prompt", ["", "a", "the cat"])
def test_the_pieces_are_the_text(model, config, prompt):
    config = {"count": 10, "max_length": 20, **config}
    whole = write(model, prompt, **config)
    found = pieces(model, prompt, **config)
    assert [written for _, written in found] == whole
    for parts, written in found:
        assert parts[0].is_prompt
        assert not any(part.is_prompt for part in parts[1:])
        assert "".join(part.text for part in parts) == written.text
        assert "".join(part.text for part in parts[1:]) == written.continuation


def test_pieces_come_while_a_sequence_is_written():
    [(parts, _)] = pieces(MODEL, count=1, max_length=2000, min_length=2000)
    assert len(parts) > 100


@pytest.mark.parametrize("tokenizer", ["char", "word", "whitespace"])
@pytest.mark.parametrize("prompt", ["", "a b", "a ", "\n"])
def test_the_text_that_grows_is_that_of_all_tokens(tokenizer, prompt):
    """Whatever the tokens, and wherever they are added together."""
    tokens = ["a", "b", "\uffeda", "a\uffed", "\uffedb\uffed", "\uffed", "\u2581", "\n", "\u6625", "<unk>"]
    model = random_model(dict.fromkeys([*tokens[:-1], " "]), text={"tokenizer": tokenizer})
    beginning = Beginning(tokens_of(model, prompt), 0, [])
    rng = random.Random(3)
    for _ in range(200):
        stream = Stream(model, beginning, [], (1,))
        while len(stream.ids) < 12:
            stream.add(rng.choices(range(2, len(model.vocabulary)), k=rng.randint(1, 4)), [])
        drawn = model.vocabulary.tokens_of(stream.ids)
        assert stream.text == continuation(stream.prompt, drawn, model.tokenizer)
        texts = [continuation(stream.prompt, drawn[:n], model.tokenizer) for n in range(len(drawn) + 1)]
        assert stream.text_lengths() == list(map(len, texts))
