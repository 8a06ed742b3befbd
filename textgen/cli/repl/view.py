"""What a session shows: text as it is written, wrapped at words on a terminal."""

from __future__ import annotations

import sys

from textgen.cli.terminal.output import console, flush_data, print_data


class View:
    """Standard output: what the model writes is data."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._begin()

    def show(self, text: str) -> None:
        """Show what was added to a text."""
        self._text.add(text)
        flush_data()

    def end(self) -> None:
        """The turn is over."""
        self._text.end()
        flush_data()
        self._begin()

    def tell(self, text: str) -> None:
        """Show a text that was asked for."""
        print_data(text)
        flush_data()

    def _begin(self) -> None:
        from textgen.cli.terminal.wrapping import WrappedText

        width = console().width if self._is_terminal else sys.maxsize
        self._text = WrappedText(sys.stdout.write, width)
