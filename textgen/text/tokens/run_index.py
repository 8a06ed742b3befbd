"""Which runs of tokens stand in a text, and what follows them there: a full-text index that gives no false answer.

It is an FM-index (Ferragina and Manzini 2000, "Opportunistic data structures with applications") of the text read from
its end to its beginning. All suffixes of that are sorted, and what is kept is the token before each of them, the
Burrows-Wheeler transform: as many numbers as the text has tokens. Suffixes that begin with the same run lie side by
side, so a run is a range of rows; one token more at its end is one step of backward search, to another range.

    text a b a c, backwards c a b a; its suffixes, sorted: a, a b a, b a, c a b a; before them b, c, a and nothing
    run 'a': the first two rows; before them b and c, which follow 'a' in the text

Runs lie within sequences: `<eos>` is in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.text.tokens.packed import STRETCH, Ids, stretches
from textgen.text.tokens.vocabulary import EOS_ID

_BYTES_A_TOKEN = {1: 14, 2: 26, 4: 50}  # of memory to build an index, by the size of an id; as measured, and a little
_BYTES_BESIDE = 32 * STRETCH


class RunIndex:
    """The index of a text, see above.

    transform : [tokens], the Burrows-Wheeler transform of the text read backwards, in the type of its ids.
    nothing : the tail of a sequence of which nothing is written yet.
    """

    def __init__(self, transform: Ids) -> None:
        self.transform = transform
        counts = np.zeros(int(transform.max(initial=EOS_ID)) + 1, np.int64)
        for first, last in stretches(len(transform)):
            counts += np.bincount(transform[first:last], minlength=len(counts))
        self._firsts = [0, *np.cumsum(counts).tolist()]  # of the suffixes, sorted, the first that begins with each id
        self._rows = self._rows_by_token()
        self._whole = np.array([0, len(transform)], self._rows.dtype)
        self.nothing = Tail(self, self._whole[:, None], np.zeros(1, np.int64))

    @classmethod
    def of(cls, ids: Ids) -> RunIndex:
        """The index of a packed text. ids : [tokens], at least one; each sequence is closed by EOS_ID."""
        from pydivsufsort import divsufsort  # for whoever trains alone

        # read backwards a text begins with `<eos>`, which goes to the end: then a token stands before each suffix
        backwards = np.append(ids[-2::-1], ids[-1:])
        before = divsufsort(backwards)
        before -= 1
        return cls(backwards[before])

    def __len__(self) -> int:
        """The number of tokens in the text, each `<eos>` included."""
        return len(self.transform)

    def shared_lengths(self, ids: Iterable[int]) -> npt.NDArray[np.int64]:
        """For each token of a sequence, the length of the longest run that ends with it and stands in the text.

        These are the matching statistics of Chang and Lawler 1994. 0 where the text lacks the token itself.
        """
        lengths, tail = [], self.nothing
        for idx in ids:
            tail = tail.followed_by(idx)
            lengths.append(tail.shared)
        return np.array(lengths, np.int64)

    def tail_behind(self, tail: Tail, idx: int) -> Tail:
        """See `Tail.followed_by`."""
        if idx == EOS_ID or not 0 <= idx < len(self._firsts) - 1:
            return self.nothing
        first = self._firsts[idx]
        found = self._rows[first : self._firsts[idx + 1]].searchsorted(tail.ranges)  # rows are the k-th with this token
        sizes = found[1] - found[0]
        sizes[:-1] -= sizes[1:]
        kept = sizes.nonzero()[0]  # the other ranges are empty, or the same as the next
        ranges = np.empty((2, len(kept) + 1), self._rows.dtype)
        ranges[:, 0] = self._whole
        ranges[:, 1:] = found[:, kept]
        ranges[:, 1:] += first
        lengths = np.zeros(len(kept) + 1, np.int64)
        lengths[1:] = tail.lengths[kept]
        lengths[1:] += 1
        return Tail(self, ranges, lengths)

    def tokens_before(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """The tokens but `<eos>` in rows first .. last - 1 of the transform, each once, sorted."""
        is_there = np.zeros(len(self._firsts) - 1, np.bool_)
        is_there[self.transform[first:last]] = True
        is_there[EOS_ID] = False
        return is_there.nonzero()[0]

    def _rows_by_token(self) -> npt.NDArray[np.signedinteger]:
        """The rows of the transform, sorted by the token in them; those of one token rise."""
        index = np.dtype(np.int32 if len(self.transform) < 2**31 else np.int64)
        rows: npt.NDArray[np.signedinteger] = np.empty(len(self.transform), index)
        free = np.array(self._firsts[:-1])
        for begin, end in stretches(len(self.transform)):
            part = self.transform[begin:end]
            counts = np.bincount(part, minlength=len(free))
            order = np.argsort(part, kind="stable")
            shifts = free - (np.cumsum(counts) - counts)  # from a row's place in `order` to that in `rows`
            rows[np.arange(end - begin) + np.repeat(shifts, counts)] = order + begin
            free += counts
        return rows


@dataclass(frozen=True)
class Tail:
    """What of the end of a sequence stands in a text, and what follows it there.

    The last one, two, three ... tokens are runs whose ranges lie in one another. Where all that begin with a shorter
    run go on as the longer one, both have the same range, which is kept once.
    ranges : [2, kept], the first row of each range and the one after its last; from the widest on, that of the empty
    run. lengths : [kept], of the longest run with this range.
    """

    index: RunIndex
    ranges: npt.NDArray[np.signedinteger]
    lengths: npt.NDArray[np.int64]

    @property
    def shared(self) -> int:
        """The length of the longest run that ends here and stands in the text."""
        return int(self.lengths[-1])

    def followed_by(self, idx: int) -> Tail:
        """The tail when token `idx` is written behind it; nothing is shared behind `<eos>`, or what the text lacks."""
        return self.index.tail_behind(self, idx)

    def completing(self, length: int) -> npt.NDArray[np.int64]:
        """The tokens, sorted, that would make the last `length` ones a run of length + 1 that stands in the text."""
        found = int(self.lengths.searchsorted(length))
        if found == len(self.lengths):
            return np.zeros(0, np.int64)
        return self.index.tokens_before(*self.ranges[:, found].tolist())


def memory_to_build(ids: Ids) -> int:
    """The bytes of memory that making the index of a text takes."""
    return _BYTES_A_TOKEN[ids.dtype.itemsize] * len(ids) + _BYTES_BESIDE
