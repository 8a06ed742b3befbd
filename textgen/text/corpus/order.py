"""Whether a text is a sorted list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

import numpy as np

from textgen.text.tokens.packed import PackedText
from textgen.text.tokens.vocabulary import EOS_ID

_FEWEST = 20  # pairs of neighbours that differ: of fewer, chance alone may put all in order
_MOST = 2000  # pairs that are looked at, evenly over the text: a long one takes no longer
_SHARE = 0.95  # of them are in order in a list that is sorted, or was before something was added
_COMPARED = 64  # tokens at the beginning of a sequence


def is_sorted(text: PackedText, tokens: Sequence[str]) -> bool:
    """Whether the sequences are in alphabetical order, up or down, but for one in twenty.

    tokens : what the ids stand for. Two orders count as alphabetical: that of the code points, and that of letters and
    digits alone, large or small, which dictionaries have. Neighbours that are the same say nothing.

    ['Ann', 'Bea', 'bob', 'Cy', ...] -> True; a play's lines -> False, half of them are in order by chance.
    """
    looked_at = np.linspace(0, len(text) - 2, min(len(text) - 1, _MOST), dtype=np.int64)
    beginnings = [[_beginning(text, tokens, int(idx) + step) for step in (0, 1)] for idx in looked_at]
    return any(_share_in_order([(key(a), key(b)) for a, b in beginnings]) >= _SHARE for key in _KEYS)


def _beginning(text: PackedText, tokens: Sequence[str], number: int) -> str:
    """The first tokens of a sequence, with blanks between them."""
    first = text.starts[number]
    ids = text.ids[first : first + _COMPARED].tolist()
    return " ".join(tokens[idx] for idx in takewhile(EOS_ID.__ne__, ids))


def _as_in_dictionaries(sequence: str) -> str:
    return "".join(filter(str.isalnum, sequence)).casefold()


_KEYS: tuple[Callable[[str], str], ...] = (str, _as_in_dictionaries)


def _share_in_order(pairs: Sequence[tuple[str, str]]) -> float:
    """The share of the pairs in the commoner order, of those that differ; 0 if they are too few to tell."""
    up, down = sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)
    return max(up, down) / (up + down) if up + down >= _FEWEST else 0.0
