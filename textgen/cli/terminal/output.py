"""Where output goes: data to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgen.errors import OutputError
from textgen.lm.storage.strict_json import to_json

if TYPE_CHECKING:
    from rich.console import Console

LABEL_WIDTH = 10


def print_data(text: str) -> None:
    """Write `text` and a newline to standard output. Raises OutputError; at a closed pipe BrokenPipeError."""
    sys.stdout.write(text + "\n")


def flush_data() -> None:
    """Send what was printed on its way. Raises as `print_data` does."""
    sys.stdout.flush()


def print_json(record: Mapping[str, Any]) -> None:
    """Write one line of JSON Lines to standard output."""
    print_data(to_json(record))


def print_line(text: str) -> None:
    """Write `text` and a newline to standard error, in one piece; what cannot be written is lost."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def losses_told(notes: Notes) -> Iterator[None]:
    """Data that the block prints and that cannot be written ends nothing; a note says so, but for a closed pipe."""
    try:
        yield
        flush_data()
    except BrokenPipeError:
        pass
    except OutputError as error:
        notes.say("warning", str(error))


def console(*, stderr: bool = False) -> Console:
    """A Rich console for the screen: see `ScreenConsole`."""
    from textgen.cli.terminal.screen import ScreenConsole

    return ScreenConsole(sys.stderr if stderr else sys.stdout)


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
            print_line(f"{label:<{LABEL_WIDTH}}{text}")
            return
        from rich.table import Table

        grid = Table.grid(padding=0)
        grid.add_column(width=LABEL_WIDTH, style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(label, text)
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
            print_line("")
