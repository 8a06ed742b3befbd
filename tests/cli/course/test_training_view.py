"""The view of a training, as it stands on screens of several sizes."""

import io
from dataclasses import replace

import pytest

from textgen.cli.course.training_view import Figures, TrainingView
from textgen.cli.show.curve_view import ASCII, BRAILLE
from textgen.cli.terminal.screen import ScreenConsole

FIGURES = Figures(
    epoch="3/20",
    progress=0.4,
    loss=1.532,
    quality="2.210 bits/char",
    tokens_per_second=52310.4,
    learning_rate=0.00187,
    seconds_left=133.0,
)
SAMPLE = "IAGO:\nAnd we should to the winds would stay, what not the will\nof the hand, and say the sun of men is set."

AT_80 = """\

loss      ██▇▅▅▄▃▃▂▂▂▂▁▁▁▁▁▁▁                              1.532 nats/token
done      ━━━━━━━━━━━━━━━━━━━────────────────────────────   40 %  2:13 left
epoch     3/20   2.210 bits/char   52,310 tokens/s   learning rate 0.00187
sample    IAGO: And we should to the winds would stay, what not the will of
          the hand, and say the sun of men is set.
"""

AT_160 = """\

loss      ██▇▅▅▄▃▃▂▂▂▂▁▁▁▁▁▁▁                              1.532 nats/token     IAGO: And we should to the winds would stay, what not the will of the hand,
done      ━━━━━━━━━━━━━━━━━━━────────────────────────────   40 %  2:13 left     and say the sun of men is set.
epoch     3/20   2.210 bits/char   52,310 tokens/s   learning rate 0.00187
"""  # noqa: E501

IN_ASCII = """\

loss      ^^''--...._________                              1.532 nats/token
done      ===================----------------------------   40 %  2:13 left
epoch     3/20   2.210 bits/char   52,310 tokens/s   learning rate 0.00187
sample    IAGO: And we should to the winds would stay, what not the will of
          the hand, and say the sun of men is set.
"""

AT_40 = """\

█▅▃▂▁▁▁            1.532 nats/token
━━━━━━━──────────   40 %  2:13 left
epoch 3/20   2.210 bits/char
IAGO: And we should to the winds
would stay, what not the will of the…
"""


class Terminal(io.StringIO):
    """A terminal that keeps what came."""

    def isatty(self):
        return True


def screen_of(width, height=24, stream=None):
    screen = ScreenConsole(stream or io.StringIO())
    screen.size = (width, height)
    return screen


def view_of(**changes):
    view = TrainingView(BRAILLE, FIGURES, sample=SAMPLE, is_apart=True)
    for place in range(401):
        view.track.add(place / 1000, 1.5 + 2.5 * 0.99**place)
    for name, value in changes.items():
        setattr(view, name, value)
    return view


def drawn(view, width, height=24):
    screen = screen_of(width, height)
    screen.print(view)
    return screen.file.getvalue()


@pytest.mark.parametrize(
    ("signs", "width", "expected"),
    [(BRAILLE, 80, AT_80), (BRAILLE, 160, AT_160), (ASCII, 80, IN_ASCII), (BRAILLE, 40, AT_40)],
    ids=["80", "160", "ASCII", "40"],
)
def test_screens(signs, width, expected):
    assert drawn(view_of(signs=signs), width) == expected


def test_with_styles_the_characters_are_the_same(monkeypatch):
    """What is dim helps, but nothing is told by it alone."""
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = screen_of(80, stream=Terminal())
    screen.print(view_of())
    styled = screen.file.getvalue()
    assert "\x1b[2mloss      \x1b[0m█" in styled
    assert styled.replace("\x1b[2m", "").replace("\x1b[0m", "") == AT_80


@pytest.mark.parametrize(("height", "lines"), [(24, 6), (12, 6), (11, 3), (6, 3), (5, 1), (1, 1)])
def test_a_low_screen_has_the_lines_that_matter_most(height, lines):
    shown = drawn(view_of(), 80, height).splitlines()
    assert len(shown) == lines
    assert any(line.startswith("done      ━") for line in shown)


@pytest.mark.parametrize("width", [1, 2, 5, 17, 20, 21, 30, 59, 60, 61, 79, 119, 122, 123, 124, 300])
@pytest.mark.parametrize("sample", [SAMPLE, "字" * 90, "👩‍🚀 " * 40, "", "a" * 500])
def test_no_line_is_wider_than_the_screen_but_for_what_ctrl_c_echoes(width, sample):
    screen = screen_of(width)
    view = view_of(sample=sample)
    with screen.capture() as caught:
        screen.print(view)
    lines = caught.get().splitlines()
    assert len(lines) <= 6
    assert all(screen.render_str(line).cell_len <= max(1, width - 3) for line in lines)


def test_nothing_moves_from_the_first_sample_on():
    view, heights = view_of(), set()
    for sample in ("a", SAMPLE, "b " * 400):
        view.sample = sample
        heights.add(len(drawn(view, 80).splitlines()))
    assert heights == {6}


def test_what_is_not_known_is_left_out():
    bare = view_of(figures=replace(FIGURES, seconds_left=None), sample="", is_apart=False)
    loss, done, told = drawn(bare, 80).splitlines()
    assert (loss[:4], done[-4:], told[:14]) == ("loss", "40 %", "epoch     3/20")


def test_before_the_first_step_it_is_prepared():
    [line] = drawn(TrainingView(BRAILLE), 80).splitlines()
    assert line == "preparing " + "─" * 47


def test_a_training_that_is_asked_to_stop_says_so():
    assert "\nstopping  Ctrl-C again quits at once\n" in drawn(view_of(is_stopping=True), 80)


def test_a_sample_commands_no_terminal():
    assert "a\\x1b[2Jb \\u202ec" in drawn(view_of(sample="a\x1b[2Jb \u202ec"), 80)
    assert "[bold]x[/bold] :smile:" in drawn(view_of(sample="[bold]x[/bold] :smile:"), 80)


def test_a_share_is_done_when_it_is():
    figures = replace(FIGURES, progress=0.9999)
    assert " 99 %" in drawn(view_of(figures=figures), 80)
    assert " 100 %" in drawn(view_of(figures=replace(figures, progress=1.0)), 80)
