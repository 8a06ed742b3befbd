"""The training stream: window after window, epoch after epoch, from any place on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from textgen.text.tokens.packed import PackedText
from textgen.text.tokens.windows import Window, shuffled, stream_windows


class Stream:
    """The windows of a text in the order in which they are learnt."""

    def __init__(self, text: PackedText, B: int, T: int, carry: bool, seed: int) -> None:
        self._text, self._B, self.T, self._carry, self._seed = text, B, T, carry, seed

    def windows(self, epoch: int, begin: int = 0) -> Iterator[Window]:
        """The windows of an epoch, from number `begin` on.

        The order of the sequences is a function of seed and epoch alone; it stays as in the text where the state runs
        on from one to the next.
        """
        ids = self._text.ids
        if not self._carry and len(self._text) > 1:
            ids = shuffled(self._text, np.random.default_rng((self._seed, epoch)))
        return stream_windows(ids, self._B, self.T, self._carry, begin)
