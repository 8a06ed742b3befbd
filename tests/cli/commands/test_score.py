"""`textgen score`: tables of probabilities that hold together."""

import math

import pytest

SENTENCES = ["the cat sat on the mat.", "mat the on sat cat the.", "the zebra"]


@pytest.fixture(autouse=True)
def _models(stored):
    stored("words")
    stored("lines")


def rows(done):
    """TSV as dictionaries."""
    heading, *lines = [line.split("\t") for line in done.out.splitlines()]
    assert all(len(line) == len(heading) for line in lines)
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_a_pipe_gets_tab_separated_values_in_the_order_given(textgen):
    done = textgen("score", *SENTENCES)
    assert done.code == 0
    assert [row["sentence"] for row in rows(done)] == SENTENCES
    first = rows(done)[0]
    assert first["tokens"] == str(len(SENTENCES[0]) + 1), "<eos> is counted"
    assert float(first["probability"]) == pytest.approx(10 ** float(first["log10_probability"]), rel=1e-3)
    perplexity = 10 ** (-float(first["log10_probability"]) / int(first["tokens"]))
    assert float(first["perplexity"]) == pytest.approx(perplexity, rel=1e-3)
    assert first["perplexity"] == first["perplexity_without_oov"]
    assert done.err == "model     lines (char, lstm, 8 units)\n"


def test_arguments_standard_input_and_a_file_agree(textgen, tmp_path):
    text = "\n".join(SENTENCES)
    expected = textgen("score", *SENTENCES).out
    file = tmp_path / "sentences.txt"
    file.write_text(text + "\n")
    assert textgen("score", stdin=text).out == expected
    assert textgen("score", "--file", "-", stdin=text.replace("\n", "\r\n")).out == expected
    assert textgen("score", "--file", file).out == expected


def test_an_empty_line_is_an_empty_sentence(textgen):
    scored = rows(textgen("score", stdin="the cat\n\nthe dog\n"))
    assert [row["sentence"] for row in scored] == ["the cat", "", "the dog"]
    assert scored[1]["tokens"] == "1"


def test_no_sentence_at_all(textgen):
    done = textgen("score", stdin="")
    assert done.code == 0
    assert rows(done) == []


def test_tokens_outside_the_vocabulary_are_counted(textgen):
    [row] = rows(textgen("score", "-m", "words", "the zebra sat"))
    assert (row["oovs"], row["tokens"]) == ("1", "4")
    assert row["perplexity"] != row["perplexity_without_oov"]


def test_the_tokens_sum_up_to_the_sentence(textgen):
    [sentence] = textgen("score", "the cat", "--json").records
    [detailed] = textgen("score", "the cat", "--json", "--detail", "token").records
    scores = detailed.pop("token_scores")
    assert detailed == sentence
    assert [score["token"] for score in scores] == [*"the cat", "<eos>"]
    assert math.fsum(score["log_probability"] for score in scores) == pytest.approx(
        sentence["log_probability"], abs=1e-12
    )
    for score in scores:
        assert score["probability"] == pytest.approx(10 ** score["log_probability"], rel=1e-9)
        assert score["oov"] is False
    table = rows(textgen("score", "the cat", "--detail", "token"))
    assert [row["token"] for row in table] == [*"the cat", "<eos>"]
    assert sum(float(row["log10_probability"]) for row in table) == pytest.approx(sentence["log_probability"], abs=1e-3)


def test_tokens_that_would_break_a_table_are_escaped(textgen):
    table = rows(textgen("score", "a\tb\nc", "--detail", "token"))
    assert [row["token"] for row in table] == ["a", "\\t", "b", "\\n", "c", "<eos>"]
    assert rows(textgen("score", "a\tb\nc"))[0]["sentence"] == "a\\tb\\nc"


def test_rank_puts_the_most_probable_first(textgen):
    ranked = rows(textgen("score", "--rank", *reversed(SENTENCES)))
    values = [float(row["log10_probability"]) for row in ranked]
    assert values == sorted(values, reverse=True)
    assert [row["rank"] for row in ranked] == ["1", "2", "3"]
    assert ranked[0]["ratio_to_first"] == "1"
    for row, value in zip(ranked, values, strict=True):
        assert float(row["ratio_to_first"]) == pytest.approx(10 ** (value - values[0]), rel=1e-3)
    records = textgen("score", "--rank", "--json", *SENTENCES).records
    assert [record["sentence"] for record in records] == [row["sentence"] for row in ranked]
    assert records[1]["ratio_to_first"] == pytest.approx(float(ranked[1]["ratio_to_first"]), rel=1e-3)


def test_the_summary_is_the_sum(textgen):
    records = textgen("score", *SENTENCES, "--json").records
    [total] = textgen("score", *SENTENCES, "--json", "--detail", "summary").records
    assert total["sentences"] == 3
    for name in ("tokens", "oovs"):
        assert total[name] == sum(record[name] for record in records)
    assert total["log_probability"] == pytest.approx(sum(record["log_probability"] for record in records))
    assert total["perplexity"] == pytest.approx(10 ** (-total["log_probability"] / total["tokens"]))
    [row] = rows(textgen("score", *SENTENCES, "--detail", "summary"))
    assert float(row["log10_probability"]) == pytest.approx(total["log_probability"], abs=1e-4)
    assert row["oovs"] == str(total["oovs"]) == "3", "the z, b and r of zebra"
    assert total["perplexity_without_oov"] != total["perplexity"]


@pytest.mark.parametrize(
    ("base", "unit"), [("e", 1.0), ("2", math.log(2)), ("10", math.log(10)), ("7.5", math.log(7.5))]
)
def test_logarithms_to_any_base(textgen, base, unit):
    [natural] = textgen("score", "the cat", "--json", "--base", "e").records
    [record] = textgen("score", "the cat", "--json", "--base", base).records
    assert record["base"] == base
    assert record["log_probability"] == pytest.approx(natural["log_probability"] / unit)
    assert record["probability"] == natural["probability"]
    [row] = rows(textgen("score", "the cat", "--base", base))
    name = "ln_probability" if base == "e" else f"log{base}_probability"
    assert float(row[name]) == pytest.approx(record["log_probability"], abs=1e-4)


def test_a_probability_that_underflows_is_still_right(textgen):
    sentence = "the cat sat on the mat. " * 60
    [record] = textgen("score", sentence, "--json").records
    [row] = rows(textgen("score", sentence))
    assert record["probability"] is None
    assert record["log_probability"] < -400
    mantissa, exponent = row["probability"].split("e")
    assert math.log10(float(mantissa)) + int(exponent) == pytest.approx(record["log_probability"], abs=1e-3)
    assert 1 <= float(mantissa) < 10
