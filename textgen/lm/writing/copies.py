"""How much of what a model writes is copied from the text that it learnt, token for token.

McCoy et al. 2023 ("How much do language models copy from their training data?", TACL 11) count the n-grams that are
new, for each n. Here a token is copied if it lies in an n-gram that is not, for one n so large that a text by the same
author hardly shares any (see LEAST), and so in a run of n tokens or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgen.text.tokens.run_index import RunIndex

LEAST = {"char": 30, "word": 8}  # tokens of a run that is called copied, by level


@dataclass(frozen=True)
class Copies:
    """What of a sequence is copied.

    longest : the length of its longest run that stands in the text, 0 if there is none. spans : begin and end of that
    run and of all that are long enough to be called copied, in order; they may overlap, and none lies in another.
    copied : how many tokens lie in those that are long enough. tokens : of the sequence. Of a sequence with a prompt
    only runs that end behind that are meant, and only tokens behind it are counted.
    """

    longest: int
    spans: tuple[tuple[int, int], ...]
    copied: int
    tokens: int

    @property
    def share(self) -> float:
        """The share of the tokens that are copied."""
        return self.copied / self.tokens if self.tokens else 0.0


def find_copies(index: RunIndex, ids: Sequence[int], least: int, prompt: int = 0) -> Copies:
    """What of a sequence is copied from the text of `index`.

    least : tokens of a run that is called copied, see LEAST. prompt : how many tokens at the beginning were given.
    """
    lengths = index.shared_lengths(ids)
    goes_on = np.append(lengths[1:] == lengths[:-1] + 1, False)
    ends = np.flatnonzero((lengths > 0) & ~goes_on) + 1  # of the runs that no token more belongs to, on either side
    ends = ends[ends > prompt]
    begins = ends - lengths[ends - 1]
    longest = int((ends - begins).max(initial=0))
    is_copied = np.zeros(len(ids), np.bool_)
    spans = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if end - begin >= least:
            is_copied[begin:end] = True
        if end - begin >= min(least, longest):
            spans.append((begin, end))
    return Copies(longest, tuple(spans), int(np.count_nonzero(is_copied[prompt:])), len(ids) - prompt)


def copies_together(found: Sequence[Copies]) -> Copies:
    """The figures of several sequences as if they were one, without spans."""
    longest = max((one.longest for one in found), default=0)
    return Copies(longest, (), sum(one.copied for one in found), sum(one.tokens for one in found))
