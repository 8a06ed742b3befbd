"""The part of a corpus that is held out for validation: its last contiguous share, counted in characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from textgen.text.corpus.sequences import END, Block
from textgen.text.tokens.packed import PackedText

SMALLEST_TEXT = 20  # characters, of which a part can be held out

# What is held out if nothing else is asked for. So many characters tell losses apart that differ by a hundredth; more
# would cost a long text's training what its validations take. They are characters at each level, never tokens: models
# of characters and of words are measured on the same part.
SHARE, MOST = 0.1, 500_000


def share_of(characters: int, fraction: float | None) -> float:
    """The share of a text to be held out: `fraction`; if that is None, a tenth, but 500,000 characters at most."""
    if fraction is not None:
        return fraction
    return SHARE if characters * SHARE <= MOST else MOST / characters


def hold_out(text: PackedText, fraction: float | None) -> tuple[PackedText, PackedText | None]:
    """`text` in two, at the border of sequences that leaves about `fraction` of the characters to the second.

    fraction : see `share_of`. The second part is None where no cut makes sense: in a text of one sequence, or of hardly
    any characters; or where sequences are so unequal that half of what should be learnt from would be held out, too.
    """
    total = int(text.characters.sum())
    borders = np.cumsum(text.characters, dtype=np.int32 if total < 2**31 else np.int64)
    if len(text) < 2 or total < SMALLEST_TEXT:
        return text, None
    target = (1 - share_of(total, fraction)) * total
    after = int(np.clip(np.searchsorted(borders, target), 1, len(text) - 1))
    nearest = min(after - 1, min(after, len(text) - 2), key=lambda idx: abs(int(borders[idx]) - target))
    if 2 * int(borders[nearest]) < target:
        return text, None
    return text.parted(nearest + 1)


def part_lone_sequence(blocks: Iterable[Block], fraction: float | None) -> Iterator[Block]:
    """The blocks as they are; but a lone sequence is cut in two, to leave `fraction` of it to the second.

    fraction : see `share_of`. The cut is after the nearest line end; if none is near, after the nearest blank; if that
    is not near either, right at the place. Near is within half of the held-out share. The cut is made in the text, so
    it is the same for every tokenizer.
    """
    blocks = iter(blocks)
    held: list[Block] = []
    closed = 0
    for block in blocks:
        held.append(block)
        closed += len(block.characters)
        if closed > 1:
            break
    if closed != 1:
        return chain(held, blocks)
    return iter(_parted(held, fraction))


def _parted(blocks: list[Block], fraction: float | None) -> list[Block]:
    pieces = [block.text.removesuffix(END) for block in blocks]
    total = sum(map(len, pieces))
    if total < SMALLEST_TEXT:
        return blocks
    share = share_of(total, fraction)
    at = _nearest_border(pieces, round((1 - share) * total), round(share * total / 2))
    [characters] = chain.from_iterable(block.characters for block in blocks)  # with the blank lines around it
    parted, offset = [], 0
    for piece in pieces:
        if offset < at <= offset + len(piece):
            parted += [Block(piece[: at - offset] + END, [at]), Block(piece[at - offset :], [])]
        else:
            parted.append(Block(piece, []))
        offset += len(piece)
    return [*parted, Block(END, [characters - at])]


def _nearest_border(pieces: list[str], target: int, reach: int) -> int:
    """Where to cut the text that `pieces` make up: within `reach` characters of `target`, inside the text."""
    for border in ("\n", " "):
        places, offset = [], 0
        for piece in pieces:
            found = (
                piece.rfind(border, 0, max(target - offset, 0)),
                piece.find(border, max(target - offset, 0)),
            )
            places += [offset + place + 1 for place in found if place >= 0]
            offset += len(piece)
        nearest = min(places, key=lambda place: abs(place - target), default=0)
        if abs(nearest - target) <= reach and 0 < nearest < offset:
            return nearest
    return min(max(target, 1), offset - 1)
