"""How like a text of people written text is: what it shares with it, how often it says the same, which words it has."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.lm.storage.model import LanguageModel
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

Rows = npt.NDArray[np.int64]  # (rows, T) ids; each row is a stream of sequences, the last of which is cut

_KNOWN = 0.5  # the share of held-out runs that tells texts apart best
_SHORTEST = 100  # tokens of a row, of which there are fewer rather than shorter ones
_NEAR = 16  # words before one, among which it is a repeat
_RANKS = 1000  # of the commonest words, whose frequencies follow Zipf's law
_CELLS, _SCALE = 500, 5.0  # of the histograms and of their divergences, as Pillutla et al. 2021 have them
_WORD = re.compile(r"[^\W\d_]+")

Run = tuple[int, ...]


@dataclass(frozen=True)
class Likeness:
    """Figures of a text, and those of people's text are what they should be near.

    known : the share of its runs of tokens that stand in the training text. words : of its words that do. distinct :
    of its runs of four words that are the first of their kind. repeated : of its words that occur among the 16 before
    (Welleck et al. 2020). zipf : the exponent of the frequencies of its words. area : under the divergence frontier of
    its and the held-out text's commonest runs, 1 if they are as frequent (MAUVE, Pillutla et al. 2021, whose cells
    are clusters of a large model's states).
    """

    known: float
    words: float
    distinct: float
    repeated: float
    zipf: float
    area: float


class HeldOut:
    """A text's held-out part cut into rows, and what the training part has.

    length : tokens of a run: the shortest of which half of the held-out ones at most are known.
    """

    def __init__(self, model: LanguageModel, corpus: Corpus, rows: int, tokens: int) -> None:
        assert corpus.valid is not None
        self.model, train = model, corpus.train.ids.astype(np.int64)[None]
        held_out = corpus.valid.ids[:tokens].astype(np.int64)
        rows = max(1, min(rows, len(held_out) // _SHORTEST))
        self.rows = held_out[: len(held_out) // rows * rows].reshape(rows, -1)
        self.length, self.runs = 0, set[Run]()
        while not self.length or self.known(self.rows) > _KNOWN:
            self.length += 1
            self.runs = set(runs(train, self.length))
        self.words = set(self._words(train[0]))
        frequent = Counter(runs(train, self._short)).most_common(_CELLS)
        self.cells = {run: cell for cell, (run, _) in enumerate(frequent, start=1)}
        self.histogram = self._histogram(self.rows)

    @property
    def _short(self) -> int:
        return (self.length + 1) // 2

    def known(self, rows: Rows) -> float:
        """The share of runs that stand in the training text."""
        return _share([run in self.runs for run in runs(rows, self.length)])

    def likeness(self, rows: Rows) -> Likeness:
        """The figures of `rows`."""
        written = [self._words(row)[:-1] for row in rows]  # the last may be cut
        words = [word for row in written for word in row]
        fours = [four for row in written for four in zip(*(row[k:] for k in range(4)), strict=False)]
        near = [word in row[max(0, n - _NEAR) : n] for row in written for n, word in enumerate(row)]
        return Likeness(
            known=self.known(rows),
            words=_share([word in self.words for word in words]),
            distinct=len(set(fours)) / len(fours) if fours else math.nan,
            repeated=_share(near),
            zipf=zipf(words),
            area=area(self.histogram, self._histogram(rows)),
        )

    def _words(self, ids: npt.NDArray[np.int64]) -> list[str]:
        """The words of the sequences in `ids`, without case."""
        sequences = np.split(ids, np.flatnonzero(ids == EOS_ID))
        tokens = (self.model.vocabulary.tokens_of(sequence[sequence != EOS_ID].tolist()) for sequence in sequences)
        text = "\n".join(self.model.tokenizer.detokenize(some) for some in tokens)
        return _WORD.findall(text.casefold())

    def _histogram(self, rows: Rows) -> npt.NDArray[np.float64]:
        """The frequencies of the commonest runs, and first that of all others."""
        counts = np.bincount([self.cells.get(run, 0) for run in runs(rows, self._short)], minlength=_CELLS + 1)
        return np.asarray(counts / counts.sum())


def runs(rows: Rows, length: int) -> Iterator[Run]:
    """All runs of so many tokens within a sequence, its `<eos>` included; none that has an `<unk>`."""
    for row in rows.tolist():
        for run in zip(*(row[k:] for k in range(length)), strict=False):
            if UNK_ID not in run and EOS_ID not in run[:-1]:
                yield run


def _share(are: Sequence[bool]) -> float:
    """How many of these are; NaN of none at all, as where a model writes no word."""
    return sum(are) / len(are) if are else math.nan


def zipf(words: Iterable[str]) -> float:
    """The slope of log frequency over log rank, its sign turned; NaN where there is one word at most."""
    counts = np.array([count for _, count in Counter(words).most_common(_RANKS)])
    if len(counts) < 2:
        return math.nan
    return float(-np.polyfit(np.log(np.arange(1, len(counts) + 1)), np.log(counts), 1)[0])


def area(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    """Under the points exp(-c KL(q | r)), exp(-c KL(p | r)) of all mixtures r of p and q."""
    x, y = [0.0], [1.0]
    for share in np.linspace(0, 1, 101)[1:-1]:
        mixture = share * p + (1 - share) * q
        x.append(np.exp(-_SCALE * _divergence(q, mixture)))
        y.append(np.exp(-_SCALE * _divergence(p, mixture)))
    order = np.lexsort((-np.array([*y, 0.0]), np.array([*x, 1.0])))
    return float(np.trapezoid(np.array([*y, 0.0])[order], np.array([*x, 1.0])[order]))


def _divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    """KL(p | q), in nats; q is above 0 wherever p is."""
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))
