"""`textgen score`: tables of probabilities that hold together."""

import math

import pytest

from tests.cli.conftest import SMALL

TYPED = """"Don't," said Zoe -- twice. "Don't go," said Alice: it's late."""
TYPESET = "“Don’t,” said Zoë — twice. “Don’t go,” said Alice: it’s late."

SENTENCES = ["the cat sat on the mat.", "mat the on sat cat the.", "the zebra"]


@pytest.fixture(autouse=True)
def _models(stored):
    stored("words")
    stored("lines")


def test_a_pipe_gets_tab_separated_values_in_the_order_given(textgen):
    done = textgen("score", *SENTENCES)
    assert done.code == 0
    assert [row["sentence"] for row in done.table] == SENTENCES
    first = done.table[0]
    assert first["tokens"] == str(len(SENTENCES[0]) + 1), "<eos> is counted"
    assert float(first["probability"]) == pytest.approx(10 ** float(first["log_probability"]), rel=1e-3)
    perplexity = 10 ** (-float(first["log_probability"]) / int(first["tokens"]))
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
    scored = textgen("score", stdin="the cat\n\nthe dog\n").table
    assert [row["sentence"] for row in scored] == ["the cat", "", "the dog"]
    assert scored[1]["tokens"] == "1"


def test_no_sentence_at_all(textgen):
    done = textgen("score", stdin="")
    assert done.code == 0
    assert done.table == []


def test_tokens_outside_the_vocabulary_are_counted(textgen):
    [row] = textgen("score", "-m", "words", "the zebra sat").table
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
    table = textgen("score", "the cat", "--detail", "token").table
    assert [row["token"] for row in table] == [*"the cat", "<eos>"]
    assert sum(float(row["log_probability"]) for row in table) == pytest.approx(sentence["log_probability"], abs=1e-3)


def test_tokens_that_would_break_a_table_are_escaped(textgen):
    table = textgen("score", "a\tb\nc", "--detail", "token").table
    assert [row["token"] for row in table] == ["a", "\\t", "b", "\\n", "c", "<eos>"]
    assert textgen("score", "a\tb\nc").table[0]["sentence"] == "a\\tb\\nc"


def test_rank_puts_the_most_probable_first(textgen):
    ranked = textgen("score", "--rank", *reversed(SENTENCES)).table
    values = [float(row["log_probability"]) for row in ranked]
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
    [row] = textgen("score", *SENTENCES, "--detail", "summary").table
    assert float(row["log_probability"]) == pytest.approx(total["log_probability"], abs=1e-4)
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
    [row] = textgen("score", "the cat", "--base", base).table
    assert row["base"] == base
    assert float(row["log_probability"]) == pytest.approx(record["log_probability"], abs=1e-4)


def test_a_probability_that_underflows_is_still_right(textgen):
    sentence = "the cat sat on the mat. " * 60
    [record] = textgen("score", sentence, "--json").records
    [row] = textgen("score", sentence).table
    assert record["probability"] is None
    assert record["log_probability"] < -400
    mantissa, exponent = row["probability"].split("e")
    assert math.log10(float(mantissa)) + int(exponent) == pytest.approx(record["log_probability"], abs=1e-3)
    assert 1 <= float(mantissa) < 10


# How sentences are read


@pytest.fixture(params=["char", "word"])
def ascii_model(request, textgen, tmp_path):
    """A model of an ASCII text, at each level."""
    text = tmp_path / "typed.txt"
    text.write_text(f"{TYPED}\n" * 6)
    path = tmp_path / f"{request.param}.safetensors"
    assert textgen("train", text, "--output", path, "--level", request.param, "--steps", "3", *SMALL, "-q").code == 0
    return path


def test_typographic_signs_are_read_as_ascii_ones(textgen, ascii_model):
    plain = textgen("score", TYPED, "-m", ascii_model, "--json")
    done = textgen("score", TYPESET, "-m", ascii_model, "--json")
    [typed], [typeset] = plain.records, done.records
    assert typeset.pop("sentence") == TYPESET
    assert typed.pop("sentence") == TYPED
    assert typeset == typed
    assert typed["oovs"] == 0
    note = 'read      “ as ", ’ as \', ” as ", ë as e, — as --'
    assert done.err.splitlines() == [*plain.err.splitlines(), note]
    assert textgen("score", TYPESET, "-m", ascii_model, "--json", "-q").err == ""


def test_one_note_for_all_sentences_of_a_file(textgen, ascii_model, tmp_path):
    file = tmp_path / "typeset.txt"
    file.write_text(f"{TYPED}\n{TYPESET}\n\n{TYPESET}\n", encoding="utf-8")
    done = textgen("score", "--file", file, "-m", ascii_model)
    scored = done.table
    assert [row.pop("sentence") for row in scored] == [TYPED, TYPESET, "", TYPESET]
    assert scored[0] == scored[1] == scored[3] != scored[2]
    assert len([line for line in done.err.splitlines() if line.startswith("read ")]) == 1
    [piped] = textgen("score", "-m", ascii_model, "--detail", "summary", "--json", stdin=file.read_bytes()).records
    assert (piped["sentences"], piped["oovs"]) == (4, 0)
    assert "|unknown:nearest|" in piped["signature"]


def test_the_tokens_shown_are_those_that_were_scored(textgen, ascii_model):
    shown = [
        [row["token"] for row in textgen("score", text, "-m", ascii_model, "--detail", "token").table]
        for text in (TYPED, TYPESET)
    ]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("text", ["said x\u0301", "said 😀", "said 詩"])
def test_what_is_near_to_nothing_is_unknown(textgen, ascii_model, text):
    done = textgen("score", text, "-m", ascii_model)
    assert int(done.table[0]["oovs"]) > 0
    assert "\nread " not in done.err


def test_a_model_that_knows_typographic_signs_reads_them_as_they_are(textgen, tmp_path):
    text = tmp_path / "typeset.txt"
    text.write_text(f"{TYPESET}\n" * 6, encoding="utf-8")
    path = tmp_path / "typeset.safetensors"
    assert textgen("train", text, "--output", path, "--steps", "3", *SMALL, "-q").code == 0
    done = textgen("score", TYPESET, "it's", "-m", path, "--json")
    assert [record["oovs"] for record in done.records] == [0, 0]
    assert done.err.splitlines()[1:] == ["read      ' as ’"]


def test_many_signs_are_named_by_example(textgen):
    done = textgen("score", "a\u00a0a\u2009e é è ê à ñ", "-m", "lines")
    assert done.err.splitlines()[1:] == [
        "read      U+00A0 as ␣, U+2009 as ␣, é as e, è as e, ê as e, à as a, and 1 more"
    ]


@pytest.mark.parametrize(
    ("sentences", "known"),
    [
        (["zebra sat"], "1 of 2 tokens"),
        (["the cat sat", "zebra unicorn yak"], "3 of 6 tokens"),
        (["zebra"], "0 of 1 token"),
        (["the zebra sat"], None),
        (["", " "], None),
    ],
)
def test_a_model_that_knows_no_more_than_half_is_named(textgen, sentences, known):
    done = textgen("score", "-m", "words", *sentences)
    warnings = [line for line in done.err.splitlines() if line.startswith("warning")]
    expected = f"the model words knows {known}; it learnt another kind of text: try another --model or --level"
    assert warnings == ([f"warning   {expected}"] if known else [])
    assert done.code == 0
    assert len(done.table) == len(sentences)
