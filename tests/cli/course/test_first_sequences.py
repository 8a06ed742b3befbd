"""What a training shows at its end: sequences at two temperatures, and the one that writes most like the text."""

import re

import pytest

from tests.cli.conftest import LINES, PARAGRAPHS, SMALL
from textgen.cli.show.sequences import count_shown

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("lengths", "count"), [([1], 5), ([39, 39, 500], 5), ([40], 2), ([10, 999, 5000], 2), ([1000], 1), ([10**6], 1)]
)
def test_more_are_shown_where_they_are_short(lengths, count):
    assert count_shown(lengths) == count


def test_they_are_those_that_sample_draws(train, textgen):
    """Text alone on standard output; what temperature it is stands on standard error."""
    done = train("--seed", "3")
    for number, temperature in enumerate(("0.5", "1")):
        drawn = textgen(
            *("sample", "-n", "5", "--seed", "3", "--max-length", "300", "--temperature", temperature, "-q")
        )
        assert done.out.splitlines()[5 * number : 5 * number + 5] == drawn.out.splitlines()
    told = [line for line in done.err.splitlines() if line.startswith("samples")]
    assert told == [
        "samples   at temperature 0.5: surer, plainer",
        "samples   at temperature 1: freer, as the model has it",
    ]


def test_on_a_terminal_they_are_numbered_and_wrapped_at_words(at_terminal, corpus, textgen):
    options = ["--epochs", "2", "--seed", "3", "--name", "cats"]
    seen = STYLE.sub("", at_terminal("train", corpus, *SMALL, *options, "-q", env={"COLUMNS": "30"}).read())
    drawn = "".join(
        textgen("sample", "-m", "cats", "-n", "5", "--seed", "3", "--max-length", "300", *how, "-q").out
        for how in (["--temperature", "0.5"], ["--temperature", "1"])
    )
    assert max(map(len, seen.splitlines())) <= 30
    numbers = [line[:5] for line in seen.splitlines() if line[:5].strip()]
    assert numbers == [f"{number:>3}  " for number in range(1, 6)] * 2
    assert "".join(line[5:] for line in seen.splitlines()).replace(" ", "") == "".join(drawn.split())


def test_json_names_the_temperature_of_each(train, textgen):
    records = train("--json").records[1:-1]
    assert [record["temperature"] for record in records] == [0.5] * 5 + [1.0] * 5
    assert [record["index"] for record in records] == [0, 1, 2, 3, 4] * 2


def test_two_paragraphs_of_each(textgen, train, tmp_path):
    path = tmp_path / "paragraphs.txt"
    path.write_text("\n".join(f"{one}{one}" for one in PARAGRAPHS * 2))
    records = train("--json", files=(path,)).records[1:-1]
    assert [record["temperature"] for record in records] == [0.5, 0.5, 1.0, 1.0]


def test_next_names_the_temperature_that_was_found_best(train, textgen, tmp_path):
    """It is one that was tried, whatever the seed; where too little is held out to tell, none is named."""
    assert re.search(r"\nnext +textgen sample --model cats-char\n", train().err)
    path = tmp_path / "long.txt"
    path.write_text("\n".join(LINES * 30) + "\n")
    done = train(files=(path,), length=("--epochs", "10"))
    [command] = re.findall(r"\nnext +textgen (sample --model long-char --temperature (?:0\.5|0\.7|0\.8|1))\n", done.err)
    assert textgen(*command.split(), "-n", "1").code == 0


def test_quiet_shows_the_text_alone(train):
    done = train("--quiet")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 10)
