"""`textgen sample`: what is printed, and what is said about it."""

import pytest


def test_lines_are_printed_a_line_each(textgen, stored):
    stored("lines")
    done = textgen("sample", "-n", "4", "--max-length", "20")
    assert done.code == 0
    assert done.out.count("\n") == 4


def test_paragraphs_are_followed_by_an_empty_line(textgen, stored):
    stored("paragraphs")
    arguments = ["sample", "-n", "3", "--max-length", "12", "--seed", "2"]
    texts = [record["text"] for record in textgen(*arguments, "--json").records]
    assert textgen(*arguments).out == "".join(f"{text}\n\n" for text in texts)


def test_what_is_said(textgen, stored):
    stored("lines")
    done = textgen("sample", "-n", "3", "--max-length", "1", "--seed", "5")
    assert done.err.splitlines() == [
        "model     lines (char, lstm, 8 units)",
        "seed      5",
        "length    3 of 3 sequences cut at --max-length 1",
    ]
    assert textgen("sample", "-n", "3", "--max-length", "1", "--quiet").err == ""


def test_json_tells_how_each_sequence_ended(textgen, stored):
    stored("lines")
    records = textgen("sample", "-n", "30", "--max-length", "8", "--seed", "9", "--json").records
    assert [record["index"] for record in records] == list(range(30))
    assert {record["ended"] for record in records} == {"eos", "length"}
    for record in records:
        assert (record["tokens"] == 8) == (record["ended"] == "length")
        assert len(record["text"]) == record["tokens"]
        assert record["log_probability"] < 0
        assert (record["model"], record["seed"]) == ("lines", 9)


def test_a_sequence_depends_on_seed_and_number_alone(textgen, stored):
    stored("lines")
    many = textgen("sample", "-n", "20", "--max-length", "20", "--seed", "3").out.splitlines()
    assert textgen("sample", "-n", "1", "--max-length", "20", "--seed", "3").out.splitlines() == many[:1]
    assert textgen("sample", "-n", "20", "--max-length", "20", "--seed", "4").out.splitlines() != many


def test_without_a_seed_each_call_draws_anew_and_says_how_to_repeat_it(textgen, stored):
    stored("lines")
    arguments = ["sample", "-n", "20", "--max-length", "20"]
    first, second = textgen(*arguments), textgen(*arguments)
    assert first.out != second.out
    seed = first.err.split("seed")[1].split()[0]
    assert textgen(*arguments, "--seed", seed).out == first.out


@pytest.mark.parametrize("model", ["lines", "words"])
def test_a_prompt_is_completed(textgen, stored, model):
    stored(model)
    done = textgen("sample", "--prompt", "the cat", "-n", "3", "--max-length", "5")
    assert all(line.startswith("the cat") for line in done.out.splitlines())
    assert "prompt" not in done.err


def test_unknown_tokens_of_the_prompt_are_said_once(textgen, stored):
    stored("words")
    done = textgen("sample", "--prompt", "the zebra zebra", "-n", "3", "--max-length", "5")
    assert done.err.count("2 tokens of it not in the vocabulary; read as <unk>") == 1
    record = textgen("sample", "--prompt", "the zebra zebra", "-n", "1", "--json").records[0]
    assert record["prompt_unknown"] == 2


def test_greedy_draws_the_first_token_alone(textgen, stored):
    stored("lines")
    lines = textgen("sample", "--greedy", "-n", "30", "--max-length", "6", "--seed", "1").out.splitlines()
    by_first: dict[str, set[str]] = {}
    for line in lines:
        by_first.setdefault(line[:1], set()).add(line)
    assert len(by_first) > 1
    assert all(len(rest) == 1 for rest in by_first.values())


def test_the_model_is_chosen_by_level_or_name(textgen, stored):
    stored("words")
    stored("lines")
    arguments = ["sample", "-n", "1", "--max-length", "2", "--json"]
    assert textgen(*arguments).records[0]["model"] == "lines", "the newest"
    assert textgen(*arguments, "--level", "word").records[0]["model"] == "words"
    assert textgen(*arguments, "-m", "words").records[0]["model"] == "words"


def test_a_path_may_name_the_model(textgen, models):
    record = textgen("sample", "-m", models["lines"], "-n", "1", "--max-length", "2", "--json").records[0]
    assert record["model"] == str(models["lines"])
