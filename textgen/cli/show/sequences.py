"""Written sequences, as the corpus has them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textgen.cli.terminal.output import print_data

if TYPE_CHECKING:
    from textgen.lm.inference.sampling import Sample

_SHORT, _LONG = 40, 1000  # characters


def count_shown(lengths: Iterable[int]) -> int:
    """How many sequences give a first impression: five of less than 40 characters, two, or one of 1,000 or more.

    lengths : of the corpus' own sequences; the median counts.
    """
    median = statistics.median(lengths)
    return 5 if median < _SHORT else 2 if median < _LONG else 1


def print_sequence(one: Sample, unit: str) -> None:
    """Print a sequence as the corpus has them: a line; a paragraph and an empty line; the text as it is."""
    print_data(one.text + "\n" if unit == "paragraph" else one.text)
