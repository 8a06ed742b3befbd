"""Text that comes piece by piece, wrapped at words for a screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.cells import cell_len, chop_cells

from textgen.cli.terminal.escapes import escaped

_WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60"  # takes two cells
# A line feed, blanks, a wide character (a line may end beside it), or a word.
_PARTS = re.compile(rf"\n|[^\S\n]+|[{_WIDE}]|[^\s{_WIDE}]+")


class WrappedText:
    """A text on the screen; a word is written when it is complete, on a new line where it does not fit any more.

    write : what writes on the screen. width : cells of a line. indent : blanks before each line but the first, which
    begins at that column already.
    """

    def __init__(self, write: Callable[[str], object], width: int, indent: int = 0) -> None:
        self._write, self._width, self._indent = write, max(1, width - indent), indent
        self._column, self._gap, self._word = 0, "", ""

    def add(self, text: str) -> None:
        """Write what has become complete with `text`."""
        *complete, self._word = _PARTS.findall(self._word + escaped(text)) or [""]
        for part in complete:
            self._put(part)

    def end(self) -> None:
        """Write the rest, and end the line."""
        self._put(self._word)
        self._word = self._gap = ""
        self._write("\n")

    def _put(self, part: str) -> None:
        if part == "\n":
            self._break()
        elif part.isspace():
            self._gap += part.expandtabs()
        else:
            if self._column and self._column + cell_len(self._gap + part) > self._width:
                self._break()
            self._write(self._gap)
            self._column += cell_len(self._gap)
            self._gap = ""
            first, *others = chop_cells(part, self._width) or [""]
            self._write(first)
            self._column += cell_len(first)
            for piece in others:  # of a word that is longer than a line
                self._break()
                self._write(piece)
                self._column = cell_len(piece)

    def _break(self) -> None:
        self._write("\n" + " " * self._indent)
        self._column, self._gap = 0, ""
