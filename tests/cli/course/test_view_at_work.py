"""The view of a training on a terminal: what it draws, what it leaves, what it does not disturb."""

import os
import re
import signal
import sys
from typing import Any

import pytest

from tests.cli.conftest import SMALL, model_of
from textgen.cli.course import progress
from textgen.cli.course.progress import Glimpses, fitting_columns, format_heading

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals on Windows", allow_module_level=True)

LONG = ["--epochs", "60", "--patience", "0"]
_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


def last_screen(seen):
    """The lines that stand on a terminal, wide and high enough, when all of `seen` has come."""
    lines, row = [""], 0
    for number, code, end, text in _TOKEN.findall(seen):
        if end == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif code == "A":
            row -= int(number or 1)
        elif code == "K":
            lines[row] = ""
        elif text:
            lines[row] += text
    return [line.rstrip() for line in lines]


def test_what_stays_is_the_table_and_the_notes(at_terminal, corpus):
    seat = at_terminal("train", corpus, *SMALL, *LONG, streams=("stderr",))
    seen = seat.read()
    assert seat.process.wait(timeout=60) == 0
    assert re.search(r"done      [^\n]*━[^\n]* %", seen), "it was drawn"
    assert re.search(r"sample    \S", re.sub(r"\x1b\[[0-9;]*m", "", seen))
    lines = last_screen(seen)
    heading = next(number for number, line in enumerate(lines) if line.split()[:1] == ["epoch"])
    end = next(number for number, line in enumerate(lines) if line.startswith("finished"))
    rows = lines[heading + 1 : end]
    assert rows[-1] == ""
    assert all(re.fullmatch(r" +\d+ +\d+ +\S+ +\S+ +\S+ +\d:\d\d(  best)?", row) for row in rows[:-1])
    assert not re.search("[━▁]", "".join(lines))
    assert seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l"), "the cursor is seen again"


def test_what_is_learnt_knows_nothing_of_the_view(at_terminal, textgen, corpus):
    seat = at_terminal("train", corpus, *SMALL, *LONG, "--name", "seen")
    assert "sample    " in re.sub(r"\x1b\[[0-9;]*m", "", seat.read())
    assert seat.process.wait(timeout=60) == 0
    assert textgen("train", corpus, *SMALL, *LONG, "--name", "unseen").code == 0
    assert model_of("seen") == model_of("unseen")


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(at_terminal, corpus):
    seat = at_terminal("train", corpus, *SMALL, "--epochs", "3", streams=("stderr",), env={"TERM": "dumb"})
    seen = seat.read()
    assert "\x1b" not in seen
    assert "\r" not in seen
    assert seen.count("epoch     step") == 1
    assert "next      textgen sample --model cats-char" in seen


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_narrow_screen(at_terminal, corpus, locale):
    """Neither the view nor the table is wider than it."""
    narrow = {"COLUMNS": "40", "LC_ALL": locale}
    seat = at_terminal("train", corpus, *SMALL, *LONG, streams=("stderr",), env=narrow)
    seen = re.sub(r"\x1b\[[0-9;]*m", "", seat.read())
    assert ("━" in seen) == (locale == "C.UTF-8")
    assert re.search(r" {1,5}\d+ +\d\.\d{3} +\d:\d\d", seen), "epoch, bits per character, time"
    pieces = re.split(r"[\r\n]|\x1b\[\??[0-9;]*[A-Za-z]", seen)
    assert max(map(len, pieces)) <= 40


def test_a_paused_training_leaves_the_screen_to_the_shell(begun, at_terminal):
    seat = begun(by=at_terminal, process_group=0)  # one whose parent could tell it to go on
    pid = seat.process.pid
    seat.read(until=b" %")
    seat.process.send_signal(signal.SIGTSTP)
    stopped = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert stopped is not None
    assert stopped.si_status == signal.SIGTSTP
    seat.read(until=b"\x1b[?25h\r" + b"\x1b[1A\x1b[2K" * 3)  # the cursor is shown, the view's lines are erased
    seat.process.send_signal(signal.SIGCONT)
    assert " %" in seat.read(until=b" %")
    seat.process.send_signal(signal.SIGINT)
    assert "finished" in seat.read()
    assert seat.process.wait(timeout=60) == 130


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (200, ["epoch", "step", "trained on", "held out", "quality", "time"]),
        (68, ["epoch", "step", "trained on", "held out", "quality", "time"]),
        (67, ["epoch", "trained on", "held out", "quality", "time"]),
        (50, ["epoch", "held out", "quality", "time"]),
        (40, ["epoch", "quality", "time"]),
        (1, ["epoch", "quality"]),
    ],
)
def test_the_table_has_the_columns_that_there_is_room_for(width, columns):
    assert fitting_columns(width) == columns
    assert width == 1 or len(format_heading("char", columns)) + len("  best") <= width


def test_samples_take_no_more_than_their_share_of_the_time(monkeypatch):
    """But for the first, which may load what the end needs, too."""
    clock, cost = [0.0], 0.3

    def sample(model, config, threads):
        clock[0] += cost
        return [type("One", (), {"text": f"sample {config.seed}"})]

    monkeypatch.setattr(progress, "sample", sample)
    monkeypatch.setattr("textgen.cli.course.progress.time.monotonic", lambda: clock[0])
    model: Any = None
    glimpses, drawn = Glimpses(40), []
    for number in range(1000):
        drawn.append(glimpses.draw(model, number))
        clock[0] += 1.0
    assert drawn[:2] == ["sample 0", "sample 1"]
    assert drawn[2:30] == [None] * 28
    spent = cost * (sum(one is not None for one in drawn) - 1)
    assert 0.009 * clock[0] < spent <= 0.01 * clock[0] + cost
