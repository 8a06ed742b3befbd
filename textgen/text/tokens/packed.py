"""Many sequences as one stream of token ids, each closed by `<eos>`; parting and reordering it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from textgen.text.tokens.vocabulary import EOS_ID

Ids = npt.NDArray[np.integer[Any]]

# Elements worked on at a time, where an index or a count would need 8 bytes for each of them.
STRETCH = 1 << 20


@dataclass(frozen=True)
class PackedText:
    """Sequences of token ids, one after the other.

    ids : [tokens], integers; each sequence is closed by EOS_ID, which stands nowhere else.
    characters : [sequences]; how many code points of the original text each sequence stands for. The separators after
        it count, and the blank lines before the first. So the sum is the size of the text.
    """

    ids: Ids
    characters: Ids

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.characters)

    @property
    def starts(self) -> Ids:
        """Index of each sequence's first token, [sequences]."""
        return self._borders[:-1]

    @property
    def lengths(self) -> Ids:
        """Tokens of each sequence, `<eos>` included, [sequences]."""
        return self._borders[1:] - self._borders[:-1]

    @cached_property
    def _borders(self) -> Ids:
        """0 and the index after each `<eos>`, [sequences + 1]; four bytes each where they do."""
        index = np.dtype(np.int32 if len(self.ids) < 2**31 else np.int64)
        borders: Ids = np.zeros(len(self) + 1, index)
        found = 1
        for first, last in stretches(len(self.ids)):
            ends = np.flatnonzero(self.ids[first:last] == EOS_ID)
            borders[found : found + len(ends)] = ends + (first + 1)
            found += len(ends)
        return borders

    def parted(self, border: int) -> tuple[PackedText, PackedText]:
        """The sequences before number `border` and those from it on; the arrays are views."""
        token = int(self._borders[border])
        return (
            PackedText(self.ids[:token], self.characters[:border]),
            PackedText(self.ids[token:], self.characters[border:]),
        )

    def permuted(self, order: npt.NDArray[np.int64]) -> PackedText:
        """The sequences in a new order: sequence i of the result is sequence order[i] of this text."""
        ids = np.empty_like(self.ids)
        done = 0
        for left, right in stretches(len(order)):
            starts = self._borders[order[left:right]].astype(np.int64)
            ends = np.cumsum(self._borders[order[left:right] + 1] - starts)
            begins = np.concatenate(([0], ends[:-1]))
            for first, last in stretches(int(ends[-1])):
                touched = slice(np.searchsorted(ends, first, "right"), np.searchsorted(begins, last))
                sizes = np.minimum(ends[touched], last) - np.maximum(begins[touched], first)
                shifts = np.repeat((starts - begins)[touched], sizes)
                ids[done + first : done + last] = self.ids[np.arange(first, last) + shifts]
            done += int(ends[-1])
        return PackedText(ids, self.characters[order])


def stretches(size: int) -> Iterator[tuple[int, int]]:
    """The bounds of consecutive stretches of at most STRETCH elements that cover `size` elements."""
    return ((first, min(first + STRETCH, size)) for first in range(0, size, STRETCH))
