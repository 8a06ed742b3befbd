"""What one sequence is: a line, a sentence, a paragraph or a file; and a guess which of them a text is made of."""

from __future__ import annotations

from itertools import groupby

UNITS = ("auto", "line", "sentence", "paragraph", "file")
OF_ONE_LINE = ("line", "sentence")


def detect_unit(head: str) -> str:
    """'paragraph' where blank lines part blocks of several lines, else 'line'; from the beginning of a text.

    Paragraphs it is when there are two blocks or more and most of the non-blank lines stand in blocks of two
    lines or more. So a novel with one paragraph a line and blank lines between is read by lines, and verse by
    stanzas.
    """
    filled = [bool(line.strip()) for line in head.split("\n")]
    blocks = [len(list(lines)) for is_filled, lines in groupby(filled) if is_filled]
    lines_in_blocks = sum(size for size in blocks if size >= 2)
    return "paragraph" if len(blocks) >= 2 and 2 * lines_in_blocks > sum(blocks) else "line"
