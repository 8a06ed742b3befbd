"""`textgen repl`: turns, commands, and what is never lost."""

import errno
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.conftest import LINES, SMALL
from textgen.cli.repl.session import HELP
from textgen.cli.repl.settings import changed, described, setting_names
from textgen.cli.repl.story import Story
from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig


@pytest.fixture
def repl(textgen, stored):
    """A function that types lines and gives what was printed, line by line, and what was said."""

    def call(*lines, model="lines", options=("--max-length", "6", "--seed", "1")):
        stored(model)
        done = textgen("repl", *options, stdin="".join(f"{line}\n" for line in lines))
        assert done.code == 0, done.err
        return done.out.splitlines(), done.err

    return call


def test_a_beginning_goes_on(repl):
    [line], err = repl("the cat")
    assert line.startswith("the cat")
    assert len(line) > len("the cat")
    assert "type a beginning" in err


def test_what_is_typed_next_goes_on_with_the_text(repl):
    lines, _ = repl("the cat", "/min-length 6", "/back", "the dog", " and", "/show")
    assert lines[-1].startswith("the dog")
    assert " and" in lines[-1]
    assert lines[-1] == lines[-3] + lines[-2]


def test_another_way_from_the_same_place_and_back_to_any(repl):
    lines, _ = repl("the c", "/again", "/again", "/places", "/go 1", "/back", "/new", "/show")
    first, second, third = lines[:3]
    assert len({first, second, third}) == 3
    assert all(line.startswith("the c") for line in (first, second, third))
    assert [line[0] for line in lines[3:6]] == [" ", " ", "*"]
    assert all("from 0" in line for line in lines[3:6])
    assert lines[6] == first
    assert lines[7:] == ["", ""]


def test_settings_change_what_is_drawn(repl):
    lines, _ = repl("/temperature 0", "the cat", "/new", "the cat", "/temperature", "/new", "the cat")
    assert lines[0] == lines[1] != lines[2]
    lines, _ = repl("/ban a", "/max-length 20", *["/new", ""] * 5)
    assert lines
    assert not any("a" in line for line in lines)


def test_novel_text_needs_an_index(repl):
    lines, err = repl("/min-length 1", "/novel 3", "the cat", "/settings")
    [refusal] = [line for line in err.splitlines() if line.startswith("sorry")]
    assert "/novel: " in refusal
    assert "lines.index: no such text index" in refusal
    assert len(lines[0]) > len("the cat"), "the session goes on"
    assert "off" in next(line for line in lines if line.startswith("/novel"))


def test_novel_text_shares_no_long_run(textgen, corpus):
    assert textgen("train", corpus, *SMALL, "--lr", "0.03", "--epochs", "60", "--name", "lines", "-q").code == 0

    def copied(*settings):
        lines = [*settings, *["/new", "Xthe dog"] * 5]
        done = textgen("repl", "-m", "lines", "--max-length", "25", "--seed", "1", stdin="\n".join(lines))
        texts = done.out.splitlines()
        assert len(texts) == 5
        runs = [text[i : i + 5] for text in texts for i in range(4, len(text) - 4)]
        return [run for run in runs if any(run in line for line in LINES)]

    assert copied()
    assert not copied("/novel 4")
    assert copied("/novel 4", "/novel")


def test_a_seed_repeats_a_session(repl):
    assert repl("the cat", "") == repl("the cat", "")
    assert repl("the cat", "")[0] != repl("the cat", "", options=("--max-length", "6", "--seed", "2"))[0]


def test_a_text_is_saved_at_the_end_of_a_file(repl, tmp_path):
    path = tmp_path / "good.txt"
    path.write_text("what was there\n", encoding="utf-8")
    lines, err = repl("the cat", f"/save {path}")
    assert path.read_text(encoding="utf-8") == f"what was there\n{lines[0]}\n"
    assert f"at the end of {path}" in err
    assert "cannot be written" in repl("the cat", f"/save {tmp_path}")[1]
    assert "/save takes a file's name" in repl("/save")[1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/temprature 1", "there is no command /temprature; did you mean /temperature?"),
        ("/xyz", "there is no command /xyz; /help lists what there is"),
        ("/temperature hot", "/temperature takes a number, not 'hot'"),
        ("/temperature -1", "--temperature must be at least 0, not -1"),
        ("/finish perhaps", "/finish is on or off, not 'perhaps'"),
        ("/go 7", "/go takes the number of a place, not '7'; /places lists them"),
        ("/go x", "/go takes the number of a place, not 'x'"),
        ("/back", "this is the beginning"),
        ("/again", "nothing has been written yet"),
        ("/places", "there are no places yet"),
    ],
)
def test_what_cannot_be_is_told_and_the_session_goes_on(repl, line, message):
    lines, err = repl(line, "the cat")
    assert message in err
    assert lines[0].startswith("the cat")


def test_a_line_may_begin_with_a_slash(repl):
    assert repl("//and")[0][0].startswith("/and")


def test_what_is_unknown_is_said(repl):
    assert "1 token of it not in the vocabulary; read as <unk>" in repl("the zebra", model="words")[1]


def test_it_ends_when_asked_to(repl):
    assert repl("/quit", "the cat")[0] == []
    assert repl()[0] == []


def test_help_names_commands_that_there_are(repl):
    lines, _ = repl("/help")
    named = {word.rstrip(",;") for line in lines for word in line.split() if word.startswith("/") and len(word) > 2}
    _, err = repl(*(f"{word}" for word in sorted(named - {"/quit", "/save"})))
    assert {"/again", "/back", "/go", "/save", "/settings"} <= named
    assert "there is no command" not in err
    assert max(map(len, HELP.splitlines())) < 80


def test_ctrl_c_stops_the_model(at_terminal, stored):
    stored("lines")
    seat = at_terminal(
        "repl", "--max-length", "1000000000", streams=("stdin", "stdout", "stderr"), start_new_session=True
    )
    seat.read(until=b"> ")
    seat.type(b"/min-length 1000000000\r")
    seat.read(until=b"> ")
    seat.type(b"the cat\r")
    seat.read(until=b"the cat\r\nthe cat")
    seat.process.send_signal(2)
    seat.read(until=b"takes it back")
    seat.type(b"/places\r")
    seat.read(until=b"from 0")
    seat.type(b"/quit\r")
    seat.read()
    assert seat.process.wait() == 0


def test_a_line_of_other_bytes_is_refused(start, stored):
    stored("lines")
    process = start("repl", "--max-length", "6", stdin=subprocess.PIPE)
    printed, told = process.communicate(b"the \xff\nthe cat\n")
    assert process.returncode == 0
    assert b"sorry     this line is not UTF-8 text: 'the \\udcff', at its character 4" in told
    assert [line[:7] for line in printed.splitlines()] == [b"the cat"], "the session goes on"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_where_nothing_can_be_shown_it_ends(start, stored):
    stored("lines")
    with Path("/dev/full").open("w") as full:
        process = start("repl", "-q", stdin=subprocess.PIPE, stdout=full)
        _, told = process.communicate(b"the cat\nthe dog\n")
    assert process.returncode == 1
    assert told.decode() == f"textgen: standard output cannot be written: {os.strerror(errno.ENOSPC)}\n"


@pytest.mark.skipif(find_spec("readline") is None, reason="this system has no readline")
def test_ctrl_d_leaves_and_lines_are_remembered_for_the_next_time(at_terminal, stored, tmp_path):
    stored("lines")
    for keys in (b"/settings\r", b"\x1b[A\r"):
        seat = at_terminal("repl", streams=("stdin", "stdout", "stderr"))
        seat.read(until=b"> ")
        seat.type(keys)
        assert "/top-p" in seat.read(until=b"> ")
        seat.type(b"\x04")
        assert seat.read().endswith("\n"), "what comes next has a line of its own"
        assert seat.process.wait() == 0


def test_a_story_is_a_tree():
    story = Story()
    story.add("one", "o", is_over=False)
    story.add("one two", "", is_over=True)
    assert story.go_back()
    story.add("one three", "", is_over=False)
    assert [place.before for place in story.places] == [None, 0, 1, 1]
    assert (story.go_to(2), story.here.text, story.go_to(4), story.go_to(0)) == (True, "one two", False, False)
    assert (story.go_back(), story.go_back(), story.go_back()) == (True, True, False)


def test_every_setting_is_read_back_as_it_is_described():
    config = SamplingConfig(seed=1)
    values = {"temperature": "0.5", "top-k": "3", "finish": "on", "ban": "x y", "novel": "7", "max-length": "9"}
    for name, text in values.items():
        config = changed(config, name, text)
    found = dict(described(config))
    assert {name: found[name].strip("'") for name in values} == values
    for name in setting_names():
        config = changed(config, name, "off" if name in ("finish", "greedy", "allow-unk") else "")
    assert [row for row in described(config) if row[0] != "seed"] == [
        row for row in described(SamplingConfig(seed=1)) if row[0] != "seed"
    ]
    with pytest.raises(ConfigError, match="takes a number"):
        changed(config, "top-k", "1.5")
