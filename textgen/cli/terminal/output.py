"""Where output goes: data to standard output, everything else to standard error."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from textgen.errors import OutputError
from textgen.lm.storage.strict_json import to_json
from textgen.paths import shown

if TYPE_CHECKING:
    from rich.console import Console

_LABEL_WIDTH = 10
_ESCAPED = "textgen.shown"


class _LossyStderr(io.TextIOWrapper):
    """A standard error that never fails: whoever closes its terminal or pipe loses the notes, not hours of work."""

    def write(self, text: str) -> int:
        """Write `text`, or lose it."""
        try:
            return super().write(text)
        except OSError:
            discard(self)
            return len(text)

    def flush(self) -> None:
        """Send what was written on its way, or lose it."""
        try:
            super().flush()
        except OSError:
            discard(self)


def prepare_streams() -> None:
    """Write UTF-8 and LF whatever the system; what UTF-8 cannot hold is escaped, see `shown`: it never fails."""
    codecs.register_error(_ESCAPED, _show)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us: `textgen ... >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    sys.stdout = _as_utf8(io.TextIOWrapper, sys.stdout)
    sys.stderr = _as_utf8(_LossyStderr, sys.stderr)


def print_data(text: str) -> None:
    """Write `text` and a newline to standard output. Raises OutputError; at a closed pipe BrokenPipeError."""
    try:
        sys.stdout.write(text + "\n")
    except OSError as error:
        raise _lost_output(error) from error


def flush_data() -> None:
    """Send what was printed on its way. Raises as `print_data` does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _lost_output(error) from error


def print_json(record: Mapping[str, Any]) -> None:
    """Write one line of JSON Lines to standard output."""
    print_data(to_json(record))


def console(*, stderr: bool = False) -> Console:
    """A Rich console for the screen, which highlights nothing and reads no text as markup."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


@dataclass
class Notes:
    """What is told to the person at the screen, on standard error, unless that was declined."""

    quiet: bool = False
    screen: Console | None = None  # one that something is drawn on, which a note must not disturb

    def say(self, label: str, text: str) -> None:
        """Print one note; the labels stand in a column."""
        if self.quiet:
            return
        if not sys.stderr.isatty():
            print(f"{label:<{_LABEL_WIDTH}}{text}", file=sys.stderr, flush=True)
            return
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=0)
        grid.add_column(width=_LABEL_WIDTH, style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(label, Text(text))
        (self.screen or console(stderr=True)).print(grid)

    def warn(self, text: str) -> None:
        """Print a note that something is not as it should be."""
        self.say("warning", text)

    @contextmanager
    def printed_on(self, screen: Console) -> Iterator[None]:
        """While the block runs, notes are printed on `screen`, above what is drawn there."""
        self.screen = screen
        try:
            yield
        finally:
            self.screen = None

    def part(self) -> None:
        """On a terminal, print an empty line between what came before and what follows."""
        if not self.quiet and sys.stderr.isatty():
            print(file=sys.stderr, flush=True)


def _lost_output(error: OSError) -> Exception:
    """What to raise after standard output refused: a closed pipe stays what it is."""
    discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"standard output cannot be written: {error.strerror or error}")


def _show(error: UnicodeError) -> tuple[str, int]:
    """What is written in the place of what cannot be."""
    assert isinstance(error, UnicodeEncodeError)
    return shown(error.object[error.start : error.end]), error.end


def _as_utf8(kind: type[io.TextIOWrapper], stream: TextIO) -> TextIO:
    """A stream of this kind in the place of `stream`, unless that is none of the interpreter's own."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    buffered = stream.line_buffering
    return kind(stream.detach(), encoding="utf-8", errors=_ESCAPED, newline="\n", line_buffering=buffered)


def discard(stream: TextIO) -> None:
    """Let what is in the stream's buffer, and whatever will be written, go nowhere.

    Else the interpreter tries it again while it ends, and complains.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
