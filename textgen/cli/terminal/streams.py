"""Standard output and standard error as this program has them: UTF-8 and LF whatever the system.

What is data may not be lost unnoticed; what only tells the user never fails. A terminal is shown no control character
but line feed and tab, unless it is we who draw.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

from textgen.cli.terminal.escapes import escaped
from textgen.errors import OutputError


def prepare_streams() -> None:
    """Put our streams in the place of the interpreter's own.

    Notes and errors are escaped in a file, too: they are for people, and come to a terminal later. Data is not.
    """
    _hold_closed_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        kind = ScreenStream if sys.stdout.isatty() else io.TextIOWrapper
        is_lined = sys.stdout.line_buffering
        sys.stdout = _as_utf8(kind, io.BufferedWriter(_DataFile(_raw(sys.stdout))), line_buffering=is_lined)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _as_utf8(ScreenStream, _NotesFile(_raw(sys.stderr)), line_buffering=True)


class ScreenStream(io.TextIOWrapper):
    """A stream for people: control characters are shown, not obeyed."""

    def write(self, text: str) -> int:
        """Write `text`, escaped."""
        super().write(escaped(text))
        return len(text)

    def draw(self, text: str) -> int:
        """Write `text` as it is, control sequences and all."""
        return super().write(text)


class Drawing:
    """A text stream for what draws: it writes past the escaping of the stream that it is made of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.write = stream.draw if isinstance(stream, ScreenStream) else stream.write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _File(io.RawIOBase):
    """Another raw file, with a say in how it fails."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


class _DataFile(_File):
    """Fails once, and says why; then whatever is still in a buffer goes nowhere, so that no other complaint follows."""

    _is_lost = False

    def write(self, data: Any) -> int:
        """Raises OutputError; at a closed pipe BrokenPipeError."""
        if self._is_lost:
            return len(data)
        try:
            written = self._raw.write(data)
            if written is None:
                raise BlockingIOError(errno.EAGAIN, "it takes no more for now, and was opened not to wait")
        except BrokenPipeError:
            self._is_lost = True
            raise
        except OSError as error:
            self._is_lost = True
            reason = "it is closed" if error.errno == errno.EBADF else error.strerror or error
            raise OutputError(f"standard output cannot be written: {reason}") from error
        return written


class _NotesFile(_File):
    """Never fails: a full disk, a closed pipe or terminal, or a pipe that does not wait loses what it does not take.

    It has no buffer, so a signal's handler may write while the code that it interrupted is writing.
    """

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest and (written := self._raw.write(rest)):
                rest = rest[written:]
        except OSError:
            pass  # it is tried again with the next note: a disk may have room by then
        return len(data)


def _hold_closed_descriptors() -> None:
    """Whoever started us may have closed a standard stream (`textgen ... >&-`): writing to it fails from now on.

    Else the next file that is opened would get its number, and with it what somebody writes to that number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDONLY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        if name != "stdin":  # whoever reads it says that it is closed
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _raw(stream: io.TextIOWrapper) -> Any:
    """The raw file below a stream of the interpreter, which is of no more use then."""
    buffer: Any = stream.detach()
    return buffer.detach() if isinstance(buffer, io.BufferedWriter) else buffer


def _as_utf8(kind: type[io.TextIOWrapper], file: Any, *, line_buffering: bool) -> io.TextIOWrapper:
    """A stream of this kind on `file`; what UTF-8 cannot hold is escaped, it never fails."""
    return kind(file, encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=line_buffering)
