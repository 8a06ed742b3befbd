from __future__ import annotations

import pytest

from textgen.text.corpus.units import UNITS, detect_unit


def test_units():
    assert UNITS == ("auto", "line", "sentence", "paragraph", "file")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("shakespeare", "paragraph"),
        ("sqlite", "paragraph"),
        ("pride", "line"),
        ("alice", "line"),
        ("names", "line"),
        ("tang", "line"),
    ],
)
@pytest.mark.parametrize("size", [20_000, None])
def test_shipped_corpora(corpora, name, unit, size):
    assert detect_unit((corpora / f"{name}.txt").read_text(encoding="utf-8")[:size]) == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("", "line"),
        ("\n\n\n", "line"),
        ("a\nb\nc", "line"),  # one block
        ("a\nb\n\nc\nd", "paragraph"),
        ("a\nb\n \t\nc\nd\n", "paragraph"),  # a line of blanks is a blank line
        ("a\n\nb\n\nc", "line"),
        ("a\nb\n\nc\n\nd", "line"),  # just half of the lines stand in a block
        ("a\nb\n\nc", "paragraph"),
    ],
)
def test_worked_examples(text, unit):
    assert detect_unit(text) == unit
