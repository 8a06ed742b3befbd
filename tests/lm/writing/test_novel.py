"""`--novel`: no drawn token ends a run that is too long, against all n-grams of the text."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.lm.tiny import add_to_logit, assert_drawn_from, chain_model, random_model
from textgen.errors import ConfigError, NothingWrittenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.copies import LEAST
from textgen.lm.writing.sampling import Piece, sample, stream
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID

LENGTH = 20  # tokens of a sequence
WORDS = ("the", "cat", "\uffed.", "(\uffed", "\uffed-\uffed", "猫", "\n")  # that are joined in all ways


@dataclass
class Author:
    """A model, and the text that it learnt: one that it could have written."""

    model: LanguageModel
    text: list[tuple[int, ...]]

    def __post_init__(self):
        ids = [idx for one in self.text for idx in (*one, EOS_ID)]
        self.index = RunIndex.of(np.array(ids, np.uint8))
        self.runs = {
            one[begin:end] for one in self.text for end in range(len(one) + 1) for begin in range(max(0, end - 9), end)
        }

    def write(self, *prompts, threads=0, **config):
        asked = SamplingConfig(**{"seed": 1, "max_length": LENGTH, "temperature": 0.7, **config})
        return list(sample(self.model, asked, prompts or [""], threads, self.index))

    def copied(self, written, length):
        """The runs of this length that end with a drawn token and stand in the text."""
        prompt = written.text.removesuffix(written.continuation)
        given = self.model.vocabulary.ids_of(self.model.tokenize(prompt))[: written.prompt_tokens].tolist()
        ids = (*given, *written.ids)
        ends = range(max(length, len(given) + 1), len(ids) + 1)
        return [ids[end - length : end] for end in ends if ids[end - length : end] in self.runs]


def author(tokens, tokenizer):
    model = add_to_logit(random_model(tokens, seed=3, text={"tokenizer": tokenizer}), EOS_ID, -3)
    config = SamplingConfig(count=60, max_length=40, seed=99, temperature=0.7)
    return Author(model, [written.ids for written in sample(model, config)])


AUTHORS = {"char": author("abcdefg", "char"), "word": author(WORDS, "word")}
CHAR = AUTHORS["char"]


@pytest.fixture(params=AUTHORS)
def by(request):
    return AUTHORS[request.param]


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_run_is_longer_in_a_thousand_sequences(by, most):
    """Half of them go on with a piece of the text, longer than a run may be."""
    begun = max(by.text, key=len)[: most + 2]
    prompt = by.model.tokenizer.detokenize(by.model.vocabulary.tokens_of(begun))
    prompt += " " if by.model.level == "word" else ""  # or the last word might have to go on
    free = by.write("", prompt, count=30)
    written = by.write("", prompt, count=500, novel=most)
    assert len(written) == 1000
    for sequences in (free, written):
        half = len(sequences) // 2
        longer = [by.copied(one, most + 1) for one in sequences]
        if sequences is free:
            assert any(longer[:half])
            assert any(longer[half:])
        else:
            assert not any(longer)
    assert any(by.copied(one, most) for one in written), "no more is ruled out than was asked for"
    assert max(one.copies.longest for one in written) == most
    assert len({one.ids for one in written}) > 5


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


def test_an_end_is_ruled_out_never():
    """Each sequence of one token is in the text with its end; and all that two tokens could be."""
    model = add_to_logit(random_model("ab", seed=2), EOS_ID, -20)
    a, b = model.vocabulary.ids_of("ab").tolist()
    pairs = [idx for first in (a, b) for second in (a, b) for idx in (first, second, EOS_ID)]
    index = RunIndex.of(np.array(pairs, np.uint8))
    for written in sample(model, SamplingConfig(count=20, novel=1, seed=1), index=index):
        assert (written.tokens, written.ended) == (1, "eos")


@pytest.mark.parametrize(
    "config",
    [
        {"best_of": 3},
        {"match": "a", "tries": 50},
        {"stop": ("gd",)},
        {"ban": ("a",), "no_repeat_ngram": 3},
        {"min_length": 2, "finish": True},
        {"greedy": True},
        {"temperature": 0.0},
        {"top_k": 3, "best_of": 2, "stop": ("gd",), "min_length": 2},
    ],
)
def test_it_goes_with_the_other_rules_and_choices(config):
    written = CHAR.write(count=50, novel=3, **config)
    assert len(written) == 50
    assert not any(CHAR.copied(one, 4) for one in written)
    assert any(CHAR.copied(one, 4) for one in CHAR.write(count=50, **config))


def test_a_sequence_depends_on_model_seed_and_number_alone(by):
    many = by.write(count=100, novel=3)
    assert by.write(count=100, threads=2, novel=3) == many
    assert by.write(count=3, novel=3) == many[:3]
    assert by.write(count=100, novel=3, seed=2) != many


def test_pieces_are_those_of_the_whole():
    config = SamplingConfig(count=5, max_length=LENGTH, novel=2, seed=1, temperature=0.7)
    found = list(stream(CHAR.model, config, ["ab"], index=CHAR.index))
    text = "".join(piece.text for piece in found if isinstance(piece, Piece))
    assert text == "".join(written.text for written in CHAR.write("ab", count=5, novel=2))


def test_where_nothing_is_left_it_is_said_why():
    a, *others = CHAR.model.vocabulary.ids_of("abcdefg").tolist()
    pairs = [idx for first in (a, *others) for second in (a, *others) for idx in (first, second, EOS_ID)]
    everything = RunIndex.of(np.array(pairs, np.uint8))
    config = SamplingConfig(count=1, novel=1, min_length=3, seed=1)
    with pytest.raises(NothingWrittenError, match=r"after 1 tokens .* --min-length and --novel allow"):
        list(sample(CHAR.model, config, index=everything))
    with pytest.raises(ConfigError, match="--novel needs an index"):
        list(sample(CHAR.model, config))


@pytest.mark.parametrize("prompt", ["", "abc", "the cat ", "(", "the c"])
def test_marks_are_the_characters_that_stand_in_the_text(by, monkeypatch, prompt):
    """Where each token begins and ends, is measured here by writing all before it."""
    level, tokenizer = by.model.level, by.model.tokenizer
    monkeypatch.setitem(LEAST, level, 4)
    given = by.model.tokenize(prompt)
    shown = len(tokenizer.detokenize(given))

    def place(written, token):
        drawn = by.model.vocabulary.tokens_of(written.ids)[: max(0, token - written.prompt_tokens)]
        added = tokenizer.detokenize([*given[: written.prompt_tokens], *drawn])[shown:]
        if level == "word" and prompt.endswith(" "):
            added = added.removeprefix(" ")
        return min(len(prompt + added), len(written.text))

    for written in by.write(prompt, count=100, stop=("gd", "- (")):
        spans = written.copies.spans
        assert written.marks == tuple((place(written, first), place(written, last)) for first, last in spans)
        if level == "char":
            assert len(written.longest_run) == written.copies.longest
            texts = ("".join(by.model.vocabulary.tokens_of(one)) for one in by.text)
            assert any(written.longest_run in text for text in texts)
