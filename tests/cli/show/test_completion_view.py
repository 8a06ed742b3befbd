"""Completions on a terminal: tables and bars, at any width, in Unicode and in ASCII."""

import math
import re

import pytest

from tests.cli.conftest import Screen
from textgen.cli.show import completion_view
from textgen.cli.show.completion_view import CompletionView, draw_bar
from textgen.cli.show.curve_view import ASCII, BRAILLE
from textgen.lm.writing.completion import Completion, Completions

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def drawn(capsys, monkeypatch):
    """A function that draws completions on a terminal of so many columns, and gives its lines."""

    def draw(*found, width=80, temperatures=(1.0,), is_one_token=False, signs=BRAILLE):
        import sys

        monkeypatch.setattr(sys, "stdout", Screen(sys.stdout))
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(completion_view, "choose_signs", lambda: signs)
        CompletionView("model", temperatures, is_one_token).show(found, as_json=False)
        return [line.rstrip() for line in CODES.sub("", capsys.readouterr().out).splitlines()]

    return draw


def way(continuation, *nats, is_ended=False):
    tokens = (*continuation, "<eos>") if is_ended else tuple(continuation)
    return Completion("?", continuation, tokens, is_ended, nats)


WORDS = Completions("The quick", 0, (way(" brown fox", -2.0), way(".", -3.0, is_ended=True), way(" dog\n ", -900.0)))


def test_a_table_of_ways(drawn):
    assert drawn(WORDS) == [
        "rank    log10 P           P  tokens  continuation",
        "   1    -0.8686      0.1353      10  The quick│ brown fox",
        "   2    -1.3029     0.04979       2  The quick│. (end of sequence)",
        "   3  -390.8650  1.364e-391       6  The quick│ dog\\n␣",
    ]


def test_tables_are_parted_by_an_empty_line(drawn):
    lines = drawn(WORDS, Completions("", 0, (way("", -1.0, is_ended=True),)))
    assert lines.count("") == 1
    assert lines[-1].endswith("│(end of sequence)")


ONE_TOKEN = Completions("the ", 0, (way("c", -0.7), way(" ", -1.4), way("", -2.8, is_ended=True)))


def test_bars_of_single_tokens(drawn):
    """The first is as long as there is room for, the others as their probability is to that: e^-0.7, e^-2.1."""
    heading, *lines, others = drawn(ONE_TOKEN, is_one_token=True)
    assert heading.split() == ["rank", "continuation", "P"]
    bars = [re.sub(r"[^▏▎▍▌▋▊▉█]", "", line) for line in lines]
    assert bars == ["█" * 37, "█" * 18 + "▍", "█" * 4 + "▌"]
    assert [line.split()[1:3] for line in lines] == [["the", "│c"], ["the", "│␣"], ["the", "│(end"]]
    assert others.split() == ["all", "other", "tokens", "0.196"]  # 1 - 0.49659 - 0.24660 - 0.06081


@pytest.mark.parametrize("is_one_token", [False, True])
def test_no_way_at_all(drawn, is_one_token):
    [heading] = drawn(Completions("the ", 0, ()), is_one_token=is_one_token)
    assert heading.endswith("continuation")


def test_when_all_tokens_are_shown_none_is_left(drawn):
    halves = Completions("", 0, (way("a", math.log(0.1)), *(way(token, math.log(0.3)) for token in "bcd")))
    assert drawn(halves, is_one_token=True)[-1].split()[-1] == "0"


@pytest.mark.parametrize("width", [30, 60, 80, 160])
def test_bars_are_drawn_where_there_is_room(drawn, width):
    """Where there is none, there are none; what is written is all there, also if it is wider than the terminal."""
    found = Completions("the ", 0, (way("c", -0.2, -0.7, -1.5), way("d", -2.0, -1.4, -1.6)))
    lines = drawn(found, width=width, temperatures=(0.5, 1.0, 2.0), is_one_token=True)
    assert all(len(line) <= max(width, 60) for line in lines)
    text = " ".join(" ".join(lines).split())
    assert ("█" in text) == (width >= 80)
    assert "the │" not in text, "of the prompt there is nothing, either, for the bars' sake"
    assert "P at 0.5 P at 1 P at 2" in text
    assert "0.8187" in text
    assert "0.2231" in text


def test_ascii_where_the_terminal_has_nothing_else(drawn):
    lines = drawn(ONE_TOKEN, is_one_token=True, signs=ASCII)
    assert "".join(lines).replace("␣", " ").isascii()
    assert [line.count("#") for line in lines] == [0, 37, 18, 5, 0]
    assert "the |c" in lines[1]


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("", "│x"),
        ("a" * 24, "a" * 24 + "│x"),
        ("b" + "a" * 24, "…" + "a" * 23 + "│x"),
        ("春" * 12, "春" * 12 + "│x"),
        ("春" * 13, "…" + "春" * 11 + "│x"),
        ("one\ntwo", "one\\ntwo│x"),
        ("\x1b[2J", "\\x1b[2J│x"),
    ],
)
def test_the_end_of_the_prompt_stands_before_what_follows(drawn, prompt, shown):
    assert drawn(Completions(prompt, 0, (way("x", -1.0),)))[1].split("  ")[-1].strip() == shown


def test_a_probability_too_small_for_a_float_draws_no_bar(drawn):
    """All is left to a token that is not shown."""
    lines = drawn(Completions("", 0, (way("a", -2000.0), way("b", -2001.0))), is_one_token=True)
    assert "2.577e-869" in lines[1]
    assert lines[-1].split()[-1] == "1"


@pytest.mark.parametrize(
    ("share", "unicode", "ascii_bar"),
    [(0, "", ""), (1, "████", "####"), (0.5, "██", "##"), (1 / 32, "▏", ""), (0.28, "█▏", "#"), (0.2499, "█", "#")],
)
def test_a_bar(share, unicode, ascii_bar):
    assert draw_bar(share, 4, BRAILLE) == unicode
    assert draw_bar(share, 4, ASCII) == ascii_bar
