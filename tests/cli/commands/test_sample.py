"""`textgen sample`: what is printed, and what is said about it."""

import re

import pytest

STYLE = re.compile(r"\x1b\[[0-9;]*m")


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


def test_temperature_0_needs_no_seed(textgen, stored):
    stored("lines")
    first, second = (textgen("sample", "-n", "3", "--temperature", "0", "--max-length", "9") for _ in range(2))
    assert first.out == second.out
    assert len(set(first.out.splitlines())) == 1
    assert "seed" not in first.err


def test_prompts_are_taken_from_a_file_one_a_line(textgen, stored, tmp_path):
    stored("words")
    path = tmp_path / "prompts.txt"
    path.write_bytes(b"the cat\r\nthe dog\n\nthe hen")
    arguments = ["sample", "-n", "2", "--max-length", "5", "--seed", "2", "--json", "--prompt-file"]
    records = textgen(*arguments, path).records
    assert [record["prompt"] for record in records] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [record["index"] for record in records] == list(range(8))
    beginnings = ["the cat", "the dog", "", "the hen"]
    for record in records:
        assert record["text"] == beginnings[record["prompt"]] + record["continuation"]
    assert textgen(*arguments, "-", stdin=path.read_bytes()).records == records
    alone = textgen("sample", "-n", "2", "--max-length", "5", "--seed", "2", "--prompt", "the cat", "--json").records
    assert records[:2] == alone


def test_without_an_echo_only_what_follows_is_printed(textgen, stored):
    stored("words")
    arguments = ["sample", "-n", "3", "--max-length", "5", "--seed", "2", "--prompt", "the cat"]
    records = textgen(*arguments, "--json").records
    assert textgen(*arguments, "--no-echo").out == "".join(f"{record['continuation']}\n" for record in records)
    assert all(record["continuation"] for record in records)


@pytest.mark.parametrize(
    ("options", "check"),
    [
        (["--min-length", "12"], lambda line: len(line) >= 12),
        (["--stop", "cat", "--stop", "o"], lambda line: "cat" not in line and "o" not in line),
        (["--ban", "th", "--ban", "o"], lambda line: "th" not in line and "o" not in line),
        (["--match", "^[^o]*t$"], lambda line: "o" not in line and line.endswith("t")),
        (["--no-repeat-ngram", "1"], lambda line: len(set(line)) == len(line)),
    ],
)
def test_the_shape_is_what_was_asked_for(textgen, stored, options, check):
    stored("lines")
    arguments = ["sample", "-n", "40", "--max-length", "20", "--seed", "1"]
    assert not all(map(check, textgen(*arguments).out.splitlines()))
    done = textgen(*arguments, *options)
    assert done.code == 0
    assert all(map(check, done.out.splitlines()))


REFUSED = [
    (["--temperature", "-1"], "--temperature must be at least 0, not -1"),
    (["--min-length", "9", "--max-length", "8"], "--min-length 9 is more than --max-length 8"),
    (["--min-length", "-1"], "--min-length must be at least 0"),
    (["--no-repeat-ngram", "-1"], "--no-repeat-ngram must be at least 0"),
    (["--novel", "0"], "--novel must be at least 1, not 0"),
    (["--novel", "few"], "--novel"),
    (["--novel", "2.5"], "--novel"),
    (["--repetition-penalty", "0.5"], "--repetition-penalty must be at least 1"),
    (["--repetition-penalty", "nan"], "--repetition-penalty must be finite"),
    (["--best-of", "0"], "--best-of must be at least 1"),
    (["--tries", "0"], "--tries must be at least 1"),
    (["--best-of", "9", "--tries", "8"], "--best-of 9 needs as many --tries, not 8"),
    (["--match", "(a"], "--match (a: not a regular expression of Python"),
    (["--stop", ""], "--stop is empty"),
    (["--ban", ""], "--ban is empty"),
    (["--ban", "\udcff"], "--ban is not UTF-8 text"),
    (["--prompt", "a", "--prompt-file", "b"], "--prompt and --prompt-file contradict each other"),
    (["--prompt-file", ""], "it is empty; give a file's name"),
    (["--prompt-file", "/nowhere.txt"], "/nowhere.txt"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_cannot_be(textgen, stored, options, message):
    stored("lines")
    done = textgen("sample", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_where_nothing_can_be_written_the_work_fails(textgen, stored):
    stored("lines")
    done = textgen("sample", "--match", "xyz", "--tries", "3", "--max-length", "5")
    assert (done.code, done.out) == (1, "")
    assert "sequence 1: none of 3 tries matches --match xyz; allow more --tries" in done.err


def test_on_a_terminal_sequences_are_numbered_and_wrapped(at_terminal, stored):
    stored("paragraphs")
    stored("lines")
    arguments = ["-n", "2", "--seed", "3", "--max-length", "60", "--min-length", "50"]
    lines = STYLE.sub("", at_terminal("sample", *arguments, "-q", env={"COLUMNS": "30"}).read())
    assert [line[:5] for line in lines.splitlines() if line[:5].strip()] == ["  1  ", "  2  "]
    assert max(map(len, lines.splitlines())) <= 30
    paragraphs = STYLE.sub("", at_terminal("sample", *arguments, "-q", "-m", "paragraphs").read()).split("\n")
    assert paragraphs[0] == "1"
    assert "2" in paragraphs
    one = at_terminal("sample", "-n", "1", "-q", "--prompt", "the cat", "--max-length", "5").read()
    assert one.startswith("the cat")


def test_a_file_without_a_prompt(textgen, stored, tmp_path):
    stored("lines")
    path = tmp_path / "none.txt"
    path.write_bytes(b"")
    done = textgen("sample", "--prompt-file", path)
    assert (done.code, done.out) == (2, "")
    assert f"{path}: there is no prompt in it; an empty line is one" in done.err
