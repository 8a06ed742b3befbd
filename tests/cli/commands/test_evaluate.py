"""`textgen evaluate`: figures that agree with the score of each sentence."""

import math

import pytest

from tests.cli.conftest import LINES

TEXT = "\n".join([*LINES[:3], "", LINES[4], "the zebra sat."]) + "\n"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "held-out.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("model", ["lines", "words"])
def test_the_figures_are_those_of_the_sentences(textgen, stored, text, model):
    stored(model)
    [record] = textgen("evaluate", text, "--json").records
    scores = textgen("score", *[line for line in TEXT.splitlines() if line], "--json", "--base", "e").records
    nats = -math.fsum(score["log_probability"] for score in scores)
    tokens = sum(score["tokens"] for score in scores)
    assert (record["tokens"], record["sequences"], record["characters"]) == (tokens, 5, len(TEXT))
    assert record["oovs"] == sum(score["oovs"] for score in scores) > 0
    assert record["nats"] == pytest.approx(nats)
    assert record["nats_per_token"] == pytest.approx(nats / tokens)
    assert record["perplexity"] == pytest.approx(math.exp(nats / tokens))
    assert record["perplexity_without_oov"] != record["perplexity"]
    assert record["bits_per_character"] == pytest.approx(nats / math.log(2) / len(TEXT))
    assert record["model"] == model


def test_what_is_printed(textgen, stored, text):
    stored("lines")
    done = textgen("evaluate", text)
    [record] = textgen("evaluate", text, "--json").records
    shown = dict(line.split("\t") for line in done.out.splitlines())
    assert float(shown["nats per token"]) == pytest.approx(record["nats_per_token"], abs=1e-4)
    assert float(shown["bits per character"]) == pytest.approx(record["bits_per_character"], abs=1e-4)
    assert float(shown["perplexity"]) == pytest.approx(record["perplexity"], rel=1e-3)
    assert float(shown["perplexity without OOV"]) == pytest.approx(record["perplexity_without_oov"], rel=1e-3)
    assert shown["signature"] == record["signature"]
    assert "level:char" in record["signature"]
    assert done.err == "model     lines (char, lstm, 8 units)\n"


def test_standard_input_and_several_files(textgen, stored, text):
    stored("lines")
    [once] = textgen("evaluate", text, "--json").records
    [piped] = textgen("evaluate", "-", "--json", stdin=TEXT).records
    [twice] = textgen("evaluate", text, text, "--json").records
    assert piped["nats"] == once["nats"]
    assert twice["nats"] == pytest.approx(2 * once["nats"])
