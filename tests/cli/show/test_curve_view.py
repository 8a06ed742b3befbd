"""The learning curve on a terminal."""

import pytest

from tests.cli.show.curves import NOTHING_HELD_OUT, OVERFITTED, curve_of, record, with_loss
from textgen.cli.show.curve_view import ASCII, BRAILLE, choose_signs, draw_curve

IN_BRAILLE = """\
loss, nats per token
3.0 ┤
    │
    │      ⢀
2.5 ┤       ⠁⠄⡀
    │      ⠠⢄ ⠈⠂⡀
    │        ⠉⠑⠤⢌⠁⠄
2.0 ┤            ⠉⠑⠣⠦⣄⣀
    │                  ⠉⠓⠖⡒⡒⠒⠤⠤⠤⠤⠤⠤⢄⣀⣀●⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒
    │                      ⠈⠁⠂⠄⠄⡀⡀
1.5 ┤                            ⠈⠁⠁⠂⠂⠄⠄⡀⡀
    │                                     ⠁⠁⠂⠂⠂⠂⠂⠄⠄⠄⠄⠄⡀⡀⡀
    │                                                    ⠁⠁
1.0 ┤
    └┬───────────────┬────────────────┬────────────────┬───
     0.0            0.5              1.0              1.5
        tokens trained on, in millions (8 epochs, 4:00)
     ⠒⠒ held out   ⠂⠂ trained on
     ● best: 1.7500 at epoch 5"""

IN_ASCII = """\
loss, nats per token
3.0 +
    |
    |    .
2.5 +    ..
    |    * ..
    |     ***.
2.0 +        ****
    |           **********O************
    |              ....
1.5 +                  .....
    |                       ..........
    |                                ..
1.0 +
    ++---------+----------+---------+--
     0.0      0.5        1.0       1.5
       tokens trained on, in millions
     ** held out   .. trained on
     O best: 1.7500 at epoch 5"""


def drawn(records, width=80, signs=BRAILLE):
    """The lines of the drawing."""
    picture = draw_curve(curve_of(records), width, signs)
    assert picture is not None
    return picture.plain.split("\n")


@pytest.mark.parametrize(("signs", "width", "expected"), [(BRAILLE, 60, IN_BRAILLE), (ASCII, 40, IN_ASCII)])
def test_the_picture(signs, width, expected):
    assert "\n".join(drawn(OVERFITTED, width, signs)) == expected


@pytest.mark.parametrize("signs", [BRAILLE, ASCII])
@pytest.mark.parametrize("count", [2, 8, 200])
@pytest.mark.parametrize("width", [40, 80, 300])
def test_it_fits(signs, count, width):
    records = [record(epoch, 1 + 3 / epoch, 2 + 1 / epoch) for epoch in range(1, count + 1)]
    lines = drawn(records, width, signs)
    assert max(map(len, lines)) <= width
    assert len(lines) <= 22
    assert signs is BRAILLE or "".join(lines).isascii()
    assert "held out" in lines[-1] + lines[-2]


def test_without_room_or_a_second_point_there_is_no_picture():
    assert draw_curve(curve_of(OVERFITTED), 30, BRAILLE) is None
    assert draw_curve(curve_of(OVERFITTED[:1]), 80, BRAILLE) is None
    assert draw_curve(curve_of([record(1, 2.0, 2.0, 0), record(2, 1.0, 1.0, 0)]), 80, BRAILLE) is None


def test_the_training_loss_alone():
    lines = drawn(NOTHING_HELD_OUT, 60, ASCII)
    assert lines[-1].split() == ["..", "trained", "on"]
    assert not set("*O") & set("".join(lines))


def test_a_flat_curve():
    lines = drawn([record(epoch, 2.0, 2.0) for epoch in (1, 2, 3)], 60, ASCII)
    assert sum("*" in line for line in lines[1:-4]) == 1, "one row of the plot, and the legend"


def columns_of_the_line(lines):
    """Those in which the plot has a piece of a whole line."""
    return {place for line in lines[1:-4] for place, sign in enumerate(line) if sign == "*"}


def test_a_loss_that_is_not_finite_leaves_a_line_through_the_others():
    whole, parted = (drawn(records, 60, ASCII) for records in (OVERFITTED, with_loss(OVERFITTED, 3, valid_loss=None)))
    assert columns_of_the_line(whole) == columns_of_the_line(parted)
    assert "best: 1.7500" in parted[-1]


def test_what_lies_above_the_picture_is_cut_off():
    """However far above: the dots in between are not counted one by one."""
    fallen = [record(1, 1e30, 1e30), *(record(epoch, 2.0, 1.5) for epoch in range(2, 101))]
    lines = drawn(fallen, 60, ASCII)
    assert lines[1].startswith("2.0 +")
    assert "1.5000 at epoch 2" in lines[-1]


@pytest.mark.parametrize(
    ("encoding", "term", "signs"),
    [
        ("UTF-8", "xterm-256color", BRAILLE),
        ("utf8", "tmux", BRAILLE),
        ("UTF-8", "linux", ASCII),
        ("UTF-8", "dumb", ASCII),
        ("ANSI_X3.4-1968", "xterm", ASCII),
        ("ISO-8859-1", "xterm", ASCII),
    ],
)
def test_the_signs_follow_from_the_terminal(monkeypatch, encoding, term, signs):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("locale.getencoding", lambda: encoding)
    monkeypatch.setenv("TERM", term)
    assert choose_signs() is signs
