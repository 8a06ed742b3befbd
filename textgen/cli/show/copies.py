"""What is copied from the training text: in words, and marked in the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textgen.cli.terminal.escapes import escaped
from textgen.cli.terminal.number_formats import format_amount
from textgen.lm.writing.copies import LEAST, Copies

if TYPE_CHECKING:
    from rich.text import Text


def describe_copies(copies: Copies, level: str) -> str:
    """How much of what was written is copied: 'longest run 31 characters; 12 % lies in runs of 30 or more'."""
    unit, least = {"char": "character", "word": "word"}[level], LEAST[level]
    return f"longest run {format_amount(copies.longest, unit)}; {copies.share:.0%} lies in runs of {least} or more"


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
