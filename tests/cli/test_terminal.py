"""What a person sees: tables, a training, and what is said where a command would wait for the keyboard."""

import re
import sys

import pytest

from tests.cli.conftest import SMALL, Screen
from textgen.cli.show.table import Column, draw_table, print_pairs
from textgen.cli.terminal.output import Notes

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows", allow_module_level=True)

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STYLES = re.compile(r"\x1b\[([0-9;]*)m")
PLAIN = {"", "0", "1", "2", "22"}  # reset, bold, dim, neither


def test_scores_are_a_table(at_terminal, stored):
    stored("lines")
    lines = CODES.sub("", at_terminal("score", "the cat", "the dog", "-q").read()).splitlines()
    heading, first, second, total = (line.split() for line in lines)
    assert heading == ["log10", "P", "P", "tokens", "ppl", "sentence"], "nothing about OOVs, for there are none"
    assert [first[-1], second[-1]] == ["cat", "dog"]
    assert total[1::2] == ["16", "all", "sentences"]
    assert float(total[0]) == pytest.approx(float(first[0]) + float(second[0]), abs=2e-4)
    assert float(total[2]) == pytest.approx(10 ** (-float(total[0]) / 16), rel=1e-3)
    assert "\t" not in "".join(lines)


def test_tokens_outside_the_vocabulary_have_columns_where_there_are_some(at_terminal, stored):
    stored("words")
    seen = at_terminal("score", "the zebra sat", "-q").read()
    assert CODES.sub("", seen).splitlines()[0].split() == "log10 P P tokens OOVs ppl w/o OOV sentence".split()  # noqa: SIM905


def test_without_sentences_the_keyboard_is_announced(at_terminal, stored):
    stored("lines")
    seat = at_terminal("score", streams=("stdin", "stderr"))
    seen = seat.read(until=b"Ctrl-D ends it")
    assert "sentences, one a line, from the keyboard; Ctrl-D ends it" in CODES.sub("", seen)
    seat.type(b"the cat\n\x04")
    out = seat.process.stdout.read()
    assert out.decode().splitlines()[1].endswith("the cat")
    assert seat.process.wait(timeout=60) == 0


def test_a_training_is_drawn_and_keeps_standard_output_clean(at_terminal, corpus):
    seat = at_terminal("train", corpus, *SMALL, "--epochs", "40", "--patience", "0", streams=("stderr",))
    text = CODES.sub("", seat.read())
    out = seat.process.stdout.read()
    assert seat.process.wait(timeout=60) == 0
    assert "━" in text
    assert "preparing" in text
    assert re.search(r"\b40 +\d+ .*\d:\d\d", text)
    assert "textgen sample --model cats-char" in text
    assert len(out.splitlines()) == 10
    assert b"\x1b" not in out


@pytest.mark.parametrize("command", ["train", "info"])
def test_dim_and_bold_are_all_the_styles_there_are(at_terminal, stored, corpus, command):
    """No colour, also where the terminal has millions of them and nobody has declined them."""
    stored("lines")
    arguments = [corpus, *SMALL, "--epochs", "3"] if command == "train" else []
    colourful = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": ""}
    seen = at_terminal(command, *arguments, env=colourful).read()
    used = {number for style in STYLES.findall(seen) for number in style.split(";")}
    assert "2" in used
    assert used <= PLAIN


@pytest.mark.parametrize(("locale", "line"), [("C.UTF-8", "│"), ("C", "|")])
def test_info_draws_the_learning_curve(at_terminal, stored, locale, line):
    stored("lines")
    seen = CODES.sub("", at_terminal("info", streams=("stdout",), env={"LC_ALL": locale}).read())
    assert "loss, nats per token\n" in seen
    assert sum(text.strip().startswith(line) for text in seen.splitlines()) > 3, "rows of the plot without a tick"
    assert "held out" in seen.splitlines()[-1]


@pytest.mark.parametrize("width", [8, 30, 45, 200])
def test_no_number_is_cut_and_no_column_left_out_where_it_is_narrow(capsys, monkeypatch, width):
    monkeypatch.setattr(sys, "stdout", Screen(sys.stdout))
    monkeypatch.setenv("COLUMNS", str(width))
    columns = [Column("P", "P"), Column("words", "words", right=False), Column("log", "log10 P")]
    draw_table(columns, [["1.021e-09", "one two three four", "-8.9911"]], footer=["total", "", "-8.9911"])
    lines = [line.rstrip() for line in CODES.sub("", capsys.readouterr().out).splitlines()]
    assert lines[0] == f"{'P':>9}  {'words':{18 if width > 37 else 12}}  log10 P"
    assert "1.021e-09  one two" in lines[1]
    assert lines[1].endswith("-8.9911")
    assert " ".join(line[11:24].strip() for line in lines[1:-1]) == "one two three four" or width > 37
    assert len({len(line) for line in (lines[0], lines[1], lines[-1])}) == 1


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
    assert "[dim]" in out
    assert "␣" in out
    assert "[bold]x[/bold] :smile: [/] a" in err
