"""Which temperature writes most like the text."""

import string
from dataclasses import replace

import numpy as np
import pytest

from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.sampling import Sample
from textgen.lm.writing.temperature import TEMPERATURES, natural_temperature, try_temperatures
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import read_corpus

TEXT = TextConfig(unit="line")
RANDOM = np.random.Generator(np.random.PCG64(5))
SYLLABLES = [a + b for a in "bdfglmnprst" for b in "aeiou"]


def words(count, syllables=SYLLABLES):
    return ["".join(RANDOM.choice(syllables, 3)) for _ in range(count)]


COMMON = words(80)


def lines(count, unheard):
    """Sequences of five words: so large a share of them occurs nowhere else."""
    return [
        " ".join(words(1)[0] if RANDOM.random() < unheard else RANDOM.choice(COMMON) for _ in range(5))
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A text whose words are rarely new ones, three in ten."""
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text("\n".join(lines(600, 0.3)) + "\n")
    return read_corpus([path], TEXT, lambda message: None)


@pytest.fixture(scope="module")
def model(corpus):
    return LanguageModel.new(TEXT, NetworkConfig(hidden=8, layers=1, embedding=0), corpus.vocabulary, seed=1)


def samples(corpus, texts):
    ids = [tuple(corpus.vocabulary.ids_of(text).tolist()) for text in texts]
    return [Sample(i, 0, text, text, ids[i], "eos", -1.0, 0, 0, {}) for i, text in enumerate(texts)]


NOISE = ["".join(RANDOM.choice(list(string.ascii_lowercase), 30)) for _ in range(60)]


@pytest.mark.parametrize("natural", TEMPERATURES)
def test_it_is_the_one_that_shares_as_much_with_the_text_as_the_held_out_part(corpus, natural):
    """Neither the one that repeats what is common, nor the one that makes words up."""
    shares = {one: 0.0 if one < natural else 0.9 for one in TEMPERATURES} | {natural: 0.3}
    written = {one: samples(corpus, lines(60, share)) for one, share in shares.items()}
    assert natural_temperature(corpus, written) == natural


def test_all_too_wild_is_the_least_wild(corpus):
    written = {0.5: samples(corpus, lines(60, 0.9)), 0.7: samples(corpus, NOISE), 1.0: samples(corpus, NOISE)}
    assert natural_temperature(corpus, written) == 0.5


def test_a_sample_that_is_cut_ends_with_no_run_of_its_own(corpus):
    """Cut samples and whole ones are measured alike, so that the cap decides nothing."""
    whole = samples(corpus, lines(60, 0.3))
    cut = [replace(one, ended="length") for one in whole]
    for written in ({0.5: whole, 1.0: samples(corpus, NOISE)}, {0.5: cut, 1.0: samples(corpus, NOISE)}):
        assert natural_temperature(corpus, written) == 0.5


def test_where_nothing_was_written_it_is_not_known(corpus):
    assert natural_temperature(corpus, {}) is None
    assert natural_temperature(corpus, {0.5: samples(corpus, [""]), 1.0: samples(corpus, ["a"])}) is None


def test_where_hardly_anything_is_held_out_it_is_not_known(corpus):
    written = {0.5: samples(corpus, lines(60, 0.3)), 1.0: samples(corpus, NOISE)}
    assert natural_temperature(replace(corpus, valid=None), written) is None
    short = replace(corpus.valid, ids=corpus.valid.ids[:199])
    assert natural_temperature(replace(corpus, valid=short), written) is None


def test_a_text_that_repeats_itself_has_a_temperature_all_the_same(tmp_path):
    path = tmp_path / "same.txt"
    path.write_text("the same line\n" * 300)
    same = read_corpus([path], TEXT, lambda message: None)
    written = {0.5: samples(same, ["the same line"] * 9), 1.0: samples(same, ["the lame sine"] * 9)}
    assert natural_temperature(same, written) == 0.5


def test_sequences_are_those_of_the_seed_at_each_temperature(model, corpus):
    training = TrainingConfig(seed=3, threads=1)
    few, more = (try_temperatures(model, corpus, fewest, training, None) for fewest in (2, 30))
    assert list(few) == list(TEMPERATURES)
    assert len({tuple(one.text for one in drawn) for drawn in more.values()}) == len(TEMPERATURES)
    assert all(few[temperature] == more[temperature][: len(few[temperature])] for temperature in TEMPERATURES)
    assert {len(one) for one in more.values()} == {30}
    assert all(len(one.text) <= 300 for drawn in more.values() for one in drawn)
