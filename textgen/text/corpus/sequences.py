r"""A stream of text cut into sequences: lines, sentences, paragraphs or whole files, in bounded memory.

Sequences are passed on as blocks, that is text with END, a NUL, after each sequence; a NUL cannot arise
otherwise, for reading refuses it. So thousands of lines can be normalized and turned into ids at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from textgen.text.corpus import sentences

END = "\0"
PIECE = 1 << 22  # characters of a sequence that are passed on at a time
_NEAR_THE_END = 64  # characters in which a seam is looked for first

_LINE, _PARAGRAPH = re.compile(r"(\n(?:\s*\n)?)"), re.compile(r"(\n[^\S\n]*\n(?:\s*\n)?)")
_SEPARATORS = {"line": [_LINE], "sentence": [_LINE, sentences.GAP], "paragraph": [_PARAGRAPH]}  # their last group
_LEADING_BLANK_LINES = re.compile(r"(?:\s*\n)?")
_BLANK_LINE = "\n\n"


@dataclass(frozen=True)
class Block:
    """Some consecutive text.

    text : with END after each sequence that closes in it; what follows the last END goes on in the next one.
    characters : for each sequence that closes in it, how many code points of the original text it stands for. The
        separators after it count, and at the beginning of a file the blank lines before it.
    """

    text: str
    characters: list[int]


def cut_sequences(chunks: Iterable[str], unit: str, seam: re.Pattern[str], piece: int = PIECE) -> Iterator[Block]:
    """The sequences of one file; nothing if it holds only blanks.

    unit : "line" (each non-blank line, without its newline), "sentence" (each one of a line), "paragraph" (consecutive
        non-blank lines) or "file" (all of it, as it is).
    seam : the tokenizer's; there a sequence of more than `piece` characters is cut. A piece without a seam grows until
        there is one: a word stays whole, however long it is.
    """
    return _cut_file(chunks, seam, piece) if unit == "file" else _cut_at(_SEPARATORS[unit], chunks, seam, piece)


def _cut_at(
    separators: Iterable[re.Pattern[str]], chunks: Iterable[str], seam: re.Pattern[str], piece: int
) -> Iterator[Block]:
    rest = ""  # text that is not passed on yet
    counted = 0  # characters before `rest` that count to its first sequence
    most = piece  # characters of `rest` that are waited for, before it is cut
    begun = False
    for chunk, is_last in chain(((chunk, False) for chunk in chunks), [(_BLANK_LINE, True)]):
        rest += chunk
        if not begun:
            rest, counted = _without_leading_blank_lines(rest, counted)
            begun = bool(rest) and not rest.isspace()
        # Elsewhere than before something that is no blank, a separator might go on in the next chunk.
        sure = len(rest) if is_last else len(rest.rstrip())
        matches = (match for separator in separators for match in separator.finditer(rest, 0, sure))
        gaps = sorted(match.span(match.lastindex or 0) for match in matches)
        if gaps:
            begins = [0, *(end for _, end in gaps)]
            characters = [end - begin for begin, end in pairwise(begins)]
            characters[0] += counted
            characters[-1] -= len(_BLANK_LINE) if is_last else 0
            yield Block("".join([rest[b:e] + END for b, (e, _) in zip(begins, gaps, strict=False)]), characters)
            rest, counted = rest[begins[-1] :], 0
            most = piece
        if begun and not is_last and len(rest.rstrip()) > most:
            at = _place_to_cut(rest.rstrip(), seam)
            if at:
                yield Block(rest[:at], [])
            rest, counted = rest[at:], counted + at
            most = max(piece, 2 * len(rest))  # what has no seam is not searched again for each chunk


def _cut_file(chunks: Iterable[str], seam: re.Pattern[str], piece: int) -> Iterator[Block]:
    rest, counted, most = "", 0, piece
    for chunk in chunks:
        rest += chunk
        if len(rest) > most and (counted or not rest.isspace()):
            at = _place_to_cut(rest, seam)
            if at:
                yield Block(rest[:at], [])
            rest, counted = rest[at:], counted + at
            most = max(piece, 2 * len(rest))
    if counted or (rest and not rest.isspace()):
        yield Block(rest + END, [counted + len(rest)])


def _without_leading_blank_lines(text: str, counted: int) -> tuple[str, int]:
    match = _LEADING_BLANK_LINES.match(text)
    size = match.end() if match else 0
    return text[size:], counted + size


def _place_to_cut(text: str, seam: re.Pattern[str]) -> int:
    """The end of the last seam in `text`; 0 if there is none."""
    near = _NEAR_THE_END
    while True:
        places = [match.end() for match in seam.finditer(text, max(0, len(text) - near))]
        if places or near >= len(text):
            return places[-1] if places else 0
        near *= 16
