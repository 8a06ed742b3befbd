"""Text that comes piece by piece: the lines that are shown."""

import random

import pytest
from rich.cells import cell_len

from textgen.cli.terminal.wrapping import WrappedText

PROSE = "It was the best of times,  it was the worst of times;\nit was\tthe age of wisdom.\n\nAn incomprehensibility."


def shown(pieces, width, indent=0):
    written: list[str] = []
    text = WrappedText(written.append, width, indent)
    for piece in pieces:
        text.add(piece)
    text.end()
    return "".join(written)


def test_lines_end_at_blanks():
    assert shown([PROSE], 20).split("\n") == [
        "It was the best of",
        "times,  it was the",
        "worst of times;",
        "it was        the",
        "age of wisdom.",
        "",
        "An",
        "incomprehensibility.",
        "",
    ]


def test_a_word_that_is_too_long_is_cut():
    assert shown(["incomprehensibility of it"], 8) == "incompre\nhensibil\nity of\nit\n"


def test_chinese_may_end_a_line_anywhere():
    assert (
        shown(["\u6625\u7720\u4e0d\u89ba\u66c9\uff0c\u8655 a"], 7)
        == "\u6625\u7720\u4e0d\n\u89ba\u66c9\uff0c\n\u8655 a\n"
    )


def test_lines_after_the_first_are_indented():
    assert shown(["one two\nthree"], 10, 5) == "one\n     two\n     three\n"


def test_control_characters_are_shown_and_counted():
    assert shown(["a\x1b[2J bc"], 9) == "a\\x1b[2J\nbc\n"


@pytest.mark.parametrize("width", [1, 2, 7, 30, 500])
@pytest.mark.parametrize("seed", range(5))
def test_how_the_text_comes_in_pieces_changes_nothing(width, seed):
    rng = random.Random(seed)
    text = PROSE + " \u6625\u7720 e\u0301 \U0001f600\U0001f600 " + PROSE
    cuts = sorted(rng.sample(range(len(text)), 20))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    whole = shown([text], width)
    assert shown(pieces, width) == whole
    assert "".join(whole.split()) == "".join(text.split())
    assert max(map(cell_len, whole.split("\n"))) <= max(width, 2)


def test_a_word_is_shown_as_soon_as_it_is_complete():
    written: list[str] = []
    text = WrappedText(written.append, 20)
    for piece in ("He", "llo, wor", "ld "):
        text.add(piece)
        written.append("|")
    assert "".join(written) == "|Hello,| world|"
