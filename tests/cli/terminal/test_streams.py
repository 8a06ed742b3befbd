"""Standard output says once that it is lost; standard error never does."""

import errno
import io
import os
from typing import Any

import pytest

from textgen.cli.terminal.streams import Drawing, ScreenStream, _DataFile, _NotesFile
from textgen.errors import OutputError

FAILURES = [errno.EPIPE, errno.EIO, errno.ENOSPC, errno.EBADF]


class Raw(io.RawIOBase):
    """A file that takes at most `room` bytes at a time; a number below 0 is an error, None one that does not wait."""

    def __init__(self, *room):
        self.room = list(room)
        self.taken = b""

    def writable(self):
        return True

    def write(self, data):
        room = self.room.pop(0) if self.room else len(data)
        if room is None:
            return None
        if room < 0:
            raise OSError(-room, os.strerror(-room))
        self.taken += bytes(data[:room])
        return min(room, len(data))


def notes_on(raw):
    file: Any = _NotesFile(raw)
    return ScreenStream(file, encoding="utf-8", newline="\n", line_buffering=True)


@pytest.mark.parametrize("number", FAILURES)
def test_a_note_that_cannot_be_written_is_lost_alone(number):
    raw = Raw(-number)
    notes = notes_on(raw)
    assert notes.write("first\n") == 6
    notes.flush()
    notes.write("second\n")
    assert raw.taken == b"second\n"


def test_a_note_that_does_not_fit_loses_its_end_alone():
    raw = Raw(3, None)
    notes = notes_on(raw)
    notes.write("first\n")
    notes.write("second\n")
    assert raw.taken == b"firsecond\n"


def test_a_note_is_written_in_as_many_pieces_as_it_takes():
    raw = Raw(1, 2)
    notes_on(raw).write("first\n")
    assert raw.taken == b"first\n"


def test_a_note_may_come_while_another_is_written():
    """As from a signal's handler."""

    class Interrupted(Raw):
        def write(self, data):
            if not self.taken:
                self.taken = b"> "
                notes.write("handler\n")
            return super().write(data)

    raw = Interrupted()
    notes = notes_on(raw)
    notes.write("work\n")
    assert raw.taken == b"> handler\nwork\n"


@pytest.mark.parametrize("number", [*FAILURES, None])
def test_data_that_cannot_be_written_is_told_once(number):
    raw = Raw(None if number is None else -number)
    data = io.TextIOWrapper(io.BufferedWriter(_DataFile(raw)), encoding="utf-8")
    data.write("what is lost")
    if number == errno.EPIPE:
        with pytest.raises(BrokenPipeError):
            data.flush()
    else:
        with pytest.raises(OutputError, match=r"^standard output cannot be written: ."):
            data.flush()
    data.write("more")
    data.flush()
    data.close()
    assert raw.taken == b""


def test_only_what_draws_passes_control_sequences():
    raw = Raw()
    notes = notes_on(raw)
    notes.write("\x1b[1m\n")
    Drawing(notes).write("\x1b[1m\n")
    assert raw.taken == b"\\x1b[1m\n\x1b[1m\n"
