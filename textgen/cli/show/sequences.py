"""Written sequences, as the corpus has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen.cli.terminal.output import print_data

if TYPE_CHECKING:
    from textgen.lm.writing.sampling import Sample


def print_sequence(one: Sample, unit: str) -> None:
    """Print a sequence as the corpus has them: a line; a paragraph and an empty line; the text as it is."""
    print_data(one.text + "\n" if unit == "paragraph" else one.text)
