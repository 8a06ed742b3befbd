"""What is copied from the training text: in words, and marked in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textgen.cli.terminal.escapes import escaped
from textgen.cli.terminal.number_formats import format_amount
from textgen.lm.writing.copies import LEAST, Copies

if TYPE_CHECKING:
    from rich.text import Text

    from textgen.cli.terminal.output import Notes
    from textgen.lm.writing.sampling import Sample

_SHOWN = 60  # characters of a run in a note
_UNITS = {"char": "character", "word": "word"}  # what a token is, by level


@dataclass(frozen=True)
class CopyNotes:
    """What is told of the copies in single sequences, in notes.

    level : of the model.
    """

    level: str
    notes: Notes

    def explain_marks(self) -> None:
        """Say what the marks in the text are."""
        runs = f"runs of {LEAST[self.level]} {_UNITS[self.level]}s or more, and the longest one"
        self.notes.say("legend", f"underlined is what stands in the training text: {runs}")

    def tell(self, one: Sample) -> None:
        """Say how much of a sequence is copied, and its longest run; nothing where there is none."""
        if one.copies is not None and one.longest_run:
            words = describe_copies(one.copies, self.level, one.longest_run)
            self.notes.say("copied", f"in sequence {one.index + 1}: {words}")


def describe_copies(copies: Copies, level: str, longest_run: str = "") -> str:
    """How much of what was written is copied: 'longest run 31 characters; 12 % lies in runs of 30 or more'.

    longest_run : its text, which follows its length, shortened; nothing does where it is empty.
    """
    shortened = longest_run if len(longest_run) <= _SHOWN else longest_run[:_SHOWN] + "..."
    run = f", {shortened!r}" if longest_run else ""
    longest = f"longest run {format_amount(copies.longest, _UNITS[level])}{run}"
    return f"{longest}; {100 * copies.share:.0f} % lies in runs of {LEAST[level]} or more"


def marked(text: str, marks: Sequence[tuple[int, int]]) -> Text:
    """`text` for the screen, escaped, what is marked being underlined.

    marks : of characters [first, last), which may overlap.
    """
    from rich.text import Text

    is_marked = [False] * len(text)
    for first, last in marks:
        is_marked[first:last] = [True] * (last - first)
    borders = [place for place in range(1, len(text)) if is_marked[place] != is_marked[place - 1]]
    parts = zip([0, *borders], [*borders, len(text)], strict=True)
    return Text.assemble(*((escaped(text[a:b]), "underline" if is_marked[a] else "") for a, b in parts if a < b))
