"""`textgen complete`: what is printed, and what is said about it."""

import math
import sys

import pytest

from tests.cli.conftest import SMALL

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes are POSIX")


@pytest.fixture(autouse=True)
def _models(stored):
    stored("words")
    stored("lines")


def test_a_pipe_gets_tab_separated_values_by_rank(textgen):
    done = textgen("complete", "the cat")
    assert (done.code, done.err) == (0, "model     lines (char, lstm, 8 units)\n")
    found = done.table
    assert [row["rank"] for row in found] == list("12345")
    logs = [float(row["log_probability"]) for row in found]
    assert logs == sorted(logs, reverse=True)
    for row, log in zip(found, logs, strict=True):
        assert float(row["probability"]) == pytest.approx(10**log, rel=1e-3)
        assert row["prompt"] == "the cat"
        assert (row["ended"] == "eos") == (int(row["tokens"]) < 20)
        assert len(row["continuation"]) == int(row["tokens"]) - (row["ended"] == "eos")


def test_json_holds_the_same(textgen):
    found = textgen("complete", "the cat", "--length", "4").table
    records = textgen("complete", "the cat", "--length", "4", "--json").records
    for row, record in zip(found, records, strict=True):
        assert record["text"] == record["prompt"] + record["continuation"]
        assert (str(record["rank"]), record["continuation"]) == (row["rank"], row["continuation"])
        assert (record["base"], record["temperature"]) == ("10", 1.0)
        assert record["log_probability"] == pytest.approx(float(row["log_probability"]), abs=1e-4)
        assert record["probability"] == pytest.approx(10 ** record["log_probability"])
        assert (record["tokens"], record["ended"]) == (int(row["tokens"]), row["ended"])
        assert (record["prompt_unknown"], record["model"]) == (0, "lines")


def test_probabilities_are_those_of_score(textgen):
    for record in textgen("complete", "the ca", "--length", "3", "--json").records:
        [whole] = textgen("score", record["text"], "--json", "--detail", "token").records
        counted = [token["log_probability"] for token in whole["token_scores"][6 : 6 + record["tokens"]]]
        assert record["log_probability"] == pytest.approx(math.fsum(counted), abs=1e-5)


def test_top_and_beams_and_length(textgen):
    records = textgen("complete", "the", "-k", "30", "--length", "2", "--json").records
    assert len(records) == 30
    assert len({record["text"] for record in records}) == 30
    assert {record["tokens"] for record in records} <= {1, 2}
    few = textgen("complete", "the", "-k", "3", "--length", "9", "--beams", "3", "--json").records
    many = textgen("complete", "the", "-k", "3", "--length", "9", "--beams", "900", "--json").records
    assert few[0]["log_probability"] < many[0]["log_probability"]


def test_length_end_gives_whole_sequences(textgen):
    done = textgen("complete", "the cat", "--length", "end", "--json")
    assert {record["ended"] for record in done.records} == {"eos"}
    assert "length" not in done.err


def test_what_has_no_end_is_said(textgen, monkeypatch):
    monkeypatch.setattr("textgen.lm.config.completion.TO_THE_END", 1)
    monkeypatch.setattr("textgen.cli.commands.complete.TO_THE_END", 1)
    done = textgen("complete", "the cat", "--length", "end", "-k", "3", "--json")
    cut = sum(record["ended"] == "length" for record in done.records)
    assert cut >= 2
    assert f"length    {cut} of 3 ways cut at 1 tokens" in done.err


def test_several_temperatures_have_a_column_each(textgen):
    options = ["complete", "the", "--length", "1"]
    several = textgen(*options, "--temperature", "0.5,1,2").table
    for temperature in ("0.5", "1", "2"):
        alone = textgen(*options, "--temperature", temperature).table
        assert [row["probability"] for row in alone] == [row[f"probability_at_{temperature}"] for row in several]
        assert [row["continuation"] for row in alone] == [row["continuation"] for row in several]
    assert "log_probability" not in several[0]
    records = textgen(*options, "--temperature", "0.5,2", "--json").records
    assert "log_probability" not in records[0]
    for row, record in zip(several, records, strict=True):
        assert [each["temperature"] for each in record["by_temperature"]] == [0.5, 2.0]
        for each in record["by_temperature"]:
            assert each["probability"] == pytest.approx(float(row[f"probability_at_{each['temperature']:g}"]), rel=1e-3)


def test_what_is_no_finite_number_is_null(textgen):
    options = ["--length", "1", "--temperature", "5e-324,1", "-k", "3"]
    records = textgen("complete", "the", *options, "--json").records
    assert [record["by_temperature"][0]["log_probability"] for record in records] == [0, None, None]
    assert [row["probability_at_4.94066e-324"] for row in textgen("complete", "the", *options).table] == ["1", "0", "0"]


def test_unk_is_left_out_unless_it_is_allowed(textgen, tmp_path, corpus):
    model = tmp_path / "rare.safetensors"
    tiny = ["--hidden", "2", "--layers", "1", "--dropout", "0", "--epochs", "1", "--threads", "1"]
    options = ["--level", "word", "--min-count", "7", "--valid-fraction", "0", "--output", model, "-q"]
    assert textgen("train", corpus, *tiny, *options).code == 0
    without = textgen("complete", "", "-m", model, "-k", "100", "--length", "1", "--json").records
    allowed = textgen("complete", "", "-m", model, "-k", "100", "--length", "1", "--allow-unk", "--json").records
    assert [record for record in allowed if "<unk>" not in record["text"]] == [
        {**record, "rank": record["rank"] + shift} for record, shift in zip(without, ranks_above(allowed), strict=True)
    ]
    assert math.fsum(record["probability"] for record in allowed) == pytest.approx(1, abs=1e-6)
    assert math.fsum(record["probability"] for record in without) < 0.99


def ranks_above(records):
    """For each but `<unk>`, by how many ranks `<unk>` pushes it down."""
    unk = next(record["rank"] for record in records if record["text"] == "<unk>")
    return [int(record["rank"] > unk) for record in records if record["rank"] != unk]


def test_without_a_text_each_line_of_standard_input_is_one(textgen):
    alone = [textgen("complete", prompt, "-k", "2", "--length", "3").out for prompt in ("the", "", "the dog")]
    heading = alone[0].splitlines(keepends=True)[0]
    expected = heading + "".join(out.removeprefix(heading) for out in alone)
    for arguments in ([], ["-"]):
        assert textgen("complete", *arguments, "-k", "2", "--length", "3", stdin="the\n\nthe dog\n").out == expected
    done = textgen("complete", stdin="")
    assert (done.code, done.table) == (0, [])


def test_unknown_tokens_are_said_once(textgen):
    done = textgen("complete", "-m", "words", "--json", stdin="the zebra zebra\nthe zebra\n")
    assert done.err.count("not in the vocabulary") == 1
    assert "prompt    2 tokens of it not in the vocabulary; read as <unk>" in done.err
    assert [record["prompt_unknown"] for record in done.records] == [2] * 5 + [1] * 5
    assert all(record["text"].startswith("the zebra") for record in done.records)
    assert textgen("complete", "the zebra", "-q").err == ""


def test_texts_that_would_break_a_table_are_escaped(textgen):
    [row] = textgen("complete", "a\tb\nc", "-k", "1").table
    assert row["prompt"] == "a\\tb\\nc"


def test_the_model_is_chosen_by_level_or_name(textgen, models):
    options = ["complete", "the", "--json", "-k", "1"]
    assert textgen(*options).records[0]["model"] == "lines", "the newest"
    assert textgen(*options, "--level", "word").records[0]["model"] == "words"
    assert textgen(*options, "-m", models["words"]).records[0]["model"] == str(models["words"])


def test_threads_change_nothing(textgen):
    expected = textgen("complete", "the", "--threads", "1").out
    assert textgen("complete", "the", "--threads", "2").out == expected


@posix
def test_a_closed_pipe_ends_quietly_and_at_once(start, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("the\n" * 100_000)
    with prompts.open("rb") as stdin:
        process = start("complete", "-k", "1", "--length", "1", "-q", stdin=stdin)
    first = [process.stdout.readline() for _ in range(2)]
    assert first[0].startswith(b"rank\t")
    assert first[1].startswith(b"1\t")
    process.stdout.close()
    assert (process.wait(timeout=60), process.stderr.read()) == (0, b"")


def test_a_prompt_is_read_in_its_nearest_form(textgen, tmp_path):
    """As `sample` and `score` read it; what is printed is what was given."""
    path = tmp_path / "said.txt"
    path.write_text('"the cat - said it."\n' * 40, encoding="utf-8")
    assert textgen("train", path, *SMALL, "--epochs", "2", "--name", "said", "-q").code == 0
    typeset, plain = (textgen("complete", text, "-m", "said", "--json") for text in ("“the cat", '"the cat'))
    assert typeset.err.splitlines()[-1].split(maxsplit=1) == ["read", '“ as "']
    for one, other in zip(typeset.records, plain.records, strict=True):
        assert (one["prompt_unknown"], one["log_probability"]) == (0, other["log_probability"])
        assert one["text"] == "“" + other["text"][1:]


def test_a_word_that_has_begun_goes_on(textgen):
    found = textgen("complete", "the ca", "-m", "words", "--length", "1", "--json").records
    assert [record["text"] for record in found] == ["the cat"]
    assert [record["continuation"] for record in found] == ["t"]
    whole = textgen("complete", "the", "-m", "words", "--length", "1", "-k", "50", "--json").records
    [cat] = [record for record in whole if record["continuation"] == " cat"]
    assert found[0]["log_probability"] == pytest.approx(cat["log_probability"])
