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
    lines = [line for line in TEXT.splitlines() if line]
    scores = textgen("score", *lines, "--json", "--base", "e", "--detail", "token").records
    nats = -math.fsum(score["log_probability"] for score in scores)
    tokens = sum(score["tokens"] for score in scores)
    assert (record["tokens"], record["sequences"], record["characters"]) == (tokens, 5, len(TEXT))
    assert record["oovs"] == sum(score["oovs"] for score in scores) > 0
    assert record["nats"] == pytest.approx(nats)
    assert record["nats_per_token"] == pytest.approx(nats / tokens)
    firsts = [score["token_scores"][0]["log_probability"] for score in scores]
    assert record["nats_per_first_token"] == pytest.approx(-math.fsum(firsts) / 5)
    assert record["perplexity"] == pytest.approx(math.exp(nats / tokens))
    assert record["perplexity_without_oov"] != record["perplexity"]
    assert record["bits_per_character"] == pytest.approx(nats / math.log(2) / len(TEXT))
    assert record["model"] == model


@pytest.mark.parametrize("model", ["lines", "words"])
def test_score_counts_blank_lines_and_nothing_else_besides(textgen, stored, tmp_path, model):
    """The line that is read is the line of the result; what that adds is the blank lines' own scores."""
    stored(model)
    lines = [*LINES[:3], "", "  ", LINES[4], "\t", "the zebra sat."]
    for name, blank in (("blank", True), ("filled", False)):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines if blank or line.strip()))
        [measured] = textgen("evaluate", path, "--json").records
        [total] = textgen("score", "--file", path, "--json", "--base", "e", "--detail", "summary").records
        scores = textgen("score", "--file", path, "--json", "--base", "e").records
        blanks = [score for score in scores if not score["sentence"].strip()]
        assert [score["sentence"] for score in scores] == path.read_text().splitlines()
        assert len(blanks) == (3 if blank else 0)
        assert total["sentences"] - measured["sequences"] == len(blanks)
        for count in ("tokens", "oovs"):
            assert total[count] - measured[count] == sum(score[count] for score in blanks)
        added = math.fsum(score["log_probability"] for score in blanks)
        assert total["log_probability"] + measured["nats"] == pytest.approx(added, abs=1e-4)
        assert blank or total["perplexity"] == pytest.approx(measured["perplexity"])
        expected = measured["signature"].replace("|blank:skipped|", "|blank:scored|")
        assert total["signature"] == expected.replace("|unknown:kept|", "|unknown:nearest|")
        assert total["signature"] != measured["signature"]


def test_what_is_printed(textgen, stored, text):
    stored("lines")
    done = textgen("evaluate", text)
    [record] = textgen("evaluate", text, "--json").records
    shown = dict(line.split("\t") for line in done.out.splitlines())
    assert float(shown["nats per token"]) == pytest.approx(record["nats_per_token"], abs=1e-4)
    assert float(shown["nats per first token"]) == pytest.approx(record["nats_per_first_token"], abs=1e-4)
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
