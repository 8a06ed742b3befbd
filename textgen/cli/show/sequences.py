"""Written sequences, as the corpus has them: into a pipe whole, on a terminal while they are written."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from textgen.cli.show.copies import CopyNotes, marked
from textgen.cli.terminal.output import console, flush_data, print_data, print_json
from textgen.text.corpus.units import OF_ONE_LINE

if TYPE_CHECKING:
    from textgen.lm.writing.sampling import Piece, Sample

_NUMBER = 3  # cells of a number beside a line
_SHORT, _LONG = 40, 1000  # characters


def count_shown(lengths: Iterable[int]) -> int:
    """How many sequences give a first impression: five of less than 40 characters, two, or one of 1,000 or more.

    lengths : of the corpus' own sequences; the median counts.
    """
    median = statistics.median(lengths)
    return 5 if median < _SHORT else 2 if median < _LONG else 1


class SequencePrinter(Protocol):
    """What prints sequences, one after the other.

    is_live : whether their pieces are shown.
    """

    is_live: bool

    def add(self, piece: Piece) -> None:
        """More of the sequence has been written."""

    def end(self, one: Sample) -> None:
        """The sequence, of which all pieces have been added, is this."""


def choose_printer(
    unit: str, *, several: bool, echo: bool, beside: Mapping[str, Any] | None, copies: CopyNotes | None
) -> SequencePrinter:
    """What prints sequences of that unit on standard output.

    several : whether there is more than one. echo : whether the prompt belongs to them. beside : what is printed beside
    each of them as JSON; None: they are printed as text. copies : where copies are told; None: they are not shown.
    """
    if beside is not None:
        return JsonSequences(beside)
    on_screen = sys.stdout.isatty()
    if copies is not None and on_screen and not console().is_dumb_terminal:
        copies.explain_marks()
        return MarkedSequences(unit, is_numbered=several, echo=echo)
    printer = ScreenSequences(unit, is_numbered=several, echo=echo) if on_screen else Sequences(unit, echo=echo)
    return printer if copies is None else CopiesTold(printer, copies)


class Sequences:
    """Sequences as the corpus has them: a line; a paragraph and an empty line; the text as it is."""

    is_live = False

    def __init__(self, unit: str, *, echo: bool) -> None:
        self._end, self._echo = "\n" if unit == "paragraph" else "", echo

    def add(self, piece: Piece) -> None:
        """Wait for the end."""

    def end(self, one: Sample) -> None:
        """Print all of it."""
        print_data((one.text if self._echo else one.continuation) + self._end)


class CopiesTold:
    """The sequences of another printer; after each a note tells what of it is copied."""

    def __init__(self, printer: SequencePrinter, copies: CopyNotes) -> None:
        self.is_live, self._printer, self._copies = printer.is_live, printer, copies

    def add(self, piece: Piece) -> None:
        """Show it as the other printer does."""
        self._printer.add(piece)

    def end(self, one: Sample) -> None:
        """Print the rest, and tell of copies."""
        self._printer.end(one)
        flush_data()  # before a note, which goes another way
        self._copies.tell(one)


class JsonSequences:
    """Sequences as JSON Lines, all that is known of each."""

    is_live = False

    def __init__(self, beside: Mapping[str, Any]) -> None:
        self._beside = beside

    def add(self, piece: Piece) -> None:
        """Wait for the end."""

    def end(self, one: Sample) -> None:
        """Print its record."""
        record = asdict(one)
        del record["ids"]  # what they mean, only the model knows
        log_probability = {"log_probability": one.log_probability / math.log(10), "base": "10"}
        print_json({**record, "tokens": one.tokens, **log_probability, **self._beside})


class ScreenSequences:
    """Sequences on a terminal, as they are written, wrapped at words; several are parted by dim numbers."""

    is_live = True

    def __init__(self, unit: str, *, is_numbered: bool, echo: bool) -> None:
        self._is_line, self._is_numbered, self._echo = unit in OF_ONE_LINE, is_numbered, echo
        self._screen, self._number = console(), 0
        self._begin()

    def add(self, piece: Piece) -> None:
        """Show it."""
        if self._echo or not piece.is_prompt:
            self._text.add(piece.text)

    def end(self, one: Sample) -> None:
        """Show the rest, and make room for the next."""
        self._text.end()
        if not self._is_line:
            sys.stdout.write("\n")
        self._begin()

    def _begin(self) -> None:
        from textgen.cli.terminal.wrapping import WrappedText

        self._number += 1
        has_margin = self._is_line and self._is_numbered
        self._text = WrappedText(self._write, self._screen.width, _NUMBER + 2 if has_margin else 0)
        self._is_begun = False

    def _write(self, text: str) -> None:
        if not self._is_begun and self._is_numbered:
            number = f"{self._number:>{_NUMBER}}  " if self._is_line else f"{self._number}\n"
            self._screen.print(number, style="dim", end="")
        self._is_begun = True
        sys.stdout.write(text)


class MarkedSequences:
    """Sequences on a terminal, whole, parted in the same way; what is copied is underlined."""

    is_live = False

    def __init__(self, unit: str, *, is_numbered: bool, echo: bool) -> None:
        self._is_line, self._is_numbered, self._echo = unit in OF_ONE_LINE, is_numbered, echo
        self._screen, self._number = console(), 0

    def add(self, piece: Piece) -> None:
        """Wait for the end."""

    def end(self, one: Sample) -> None:
        """Print all of it."""
        from rich.table import Table

        self._number += 1
        begin = 0 if self._echo else len(one.text) - len(one.continuation)
        text = marked(one.text[begin:], [(first - begin, last - begin) for first, last in one.marks or ()])
        if not self._is_numbered:
            self._screen.print(text)
        elif self._is_line:
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(style="dim", width=_NUMBER, justify="right")
            grid.add_row(str(self._number), text)
            self._screen.print(grid)
        else:
            self._screen.print(str(self._number), style="dim")
            self._screen.print(text)
        if not self._is_line:
            self._screen.print()
