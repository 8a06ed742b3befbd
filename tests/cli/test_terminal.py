"""What a person sees: tables, the bar, and what is said where a command would wait for the keyboard."""

import os
import re
import select
import sys

import pytest

from tests.cli.conftest import SMALL, Screen
from textgen.cli.show.table import Column, draw_table, print_pairs
from textgen.cli.terminal.output import Notes

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows", allow_module_level=True)

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal():
    """Both ends of a pseudo-terminal: ours, and the one for a process."""
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def screen(ours, process, until=None):
    """All that was written to the terminal until the process ended, or until `until` was in it."""
    seen = b""
    while until is None or until not in seen:
        ready, _, _ = select.select([ours], [], [], 0.05)
        if ready:
            seen += os.read(ours, 65536)
        elif process.poll() is not None:
            break
    return seen.decode().replace("\r\n", "\n")


def test_scores_are_a_table(start, stored, terminal):
    stored("lines")
    ours, theirs = terminal
    seen = screen(ours, start("score", "the cat", "the dog", "-q", stdout=theirs, env={"TERM": "xterm"}))
    lines = [line.split() for line in CODES.sub("", seen).splitlines()]
    assert lines[0] == ["log10", "P", "P", "tokens", "ppl", "sentence"], "nothing about OOVs, for there are none"
    assert [line[-1] for line in lines[1:3]] == ["cat", "dog"]
    assert lines[3][1:] == ["16", lines[3][2], "all", "2", "sentences"]
    assert float(lines[3][0]) == pytest.approx(float(lines[1][0]) + float(lines[2][0]), abs=2e-4)
    assert "\t" not in seen


def test_tokens_outside_the_vocabulary_have_columns_where_there_are_some(start, stored, terminal):
    stored("words")
    ours, theirs = terminal
    seen = screen(ours, start("score", "the zebra sat", "-q", stdout=theirs, env={"TERM": "xterm"}))
    assert CODES.sub("", seen).splitlines()[0].split() == "log10 P P tokens OOVs ppl w/o OOV sentence".split()  # noqa: SIM905


def test_without_sentences_the_keyboard_is_announced(start, stored, terminal):
    stored("lines")
    ours, theirs = terminal
    process = start("score", stdin=theirs, stderr=theirs, env={"TERM": "xterm"})
    seen = screen(ours, process, b"Ctrl-D ends it")
    assert "sentences, one a line, from the keyboard; Ctrl-D ends it" in CODES.sub("", seen)
    os.write(ours, b"the cat\n\x04")
    out, _ = process.communicate(timeout=60)
    assert out.decode().splitlines()[1].endswith("the cat")
    assert process.returncode == 0


def test_a_training_draws_a_bar_and_keeps_standard_output_clean(start, corpus, terminal):
    ours, theirs = terminal
    process = start("train", corpus, *SMALL, "--epochs", "40", "--patience", "0", stderr=theirs, env={"TERM": "xterm"})
    seen = screen(ours, process)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    text = CODES.sub("", seen)
    assert "━" in text
    assert "preparing" in text
    assert re.search(r"\b40 +\d+ .*\d:\d\d", text)
    assert "textgen sample --model cats-char" in text
    assert len(out.splitlines()) == 3
    assert b"\x1b" not in out


def test_no_colour_where_none_is_wanted(start, stored, terminal):
    stored("lines")
    ours, theirs = terminal
    process = start("info", stdout=theirs, stderr=theirs, env={"TERM": "xterm", "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[(3|4|9|10)[0-9]m(?<!\x1b\[39m)(?<!\x1b\[49m)", screen(ours, process))


@pytest.mark.parametrize(("locale", "line"), [("C.UTF-8", "│"), ("C", "|")])
def test_info_draws_the_learning_curve(start, stored, terminal, locale, line):
    stored("lines")
    ours, theirs = terminal
    seen = CODES.sub("", screen(ours, start("info", stdout=theirs, env={"TERM": "xterm", "LC_ALL": locale})))
    assert "loss, nats per token\n" in seen
    assert sum(text.strip().startswith(line) for text in seen.splitlines()) > 3, "rows of the plot without a tick"
    assert "held out" in seen.splitlines()[-1]


def test_markup_in_a_text_is_text(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen(sys.stdout))
    monkeypatch.setattr(sys, "stderr", Screen(sys.stderr))
    strange = "[bold]x[/bold] :smile: [/] a\nb"
    draw_table([Column("text", "[red]text", right=False)], [[strange], [" "]])
    print_pairs([("[dim]", strange)])
    Notes().say("label", strange)
    captured = capsys.readouterr()
    out, err = CODES.sub("", captured.out), CODES.sub("", captured.err)
    assert out.count("[bold]x[/bold] :smile: [/] a\\nb") == 2
    assert "[red]text" in out
    assert "␣" in out
    assert "[bold]x[/bold] :smile: [/] a" in err
