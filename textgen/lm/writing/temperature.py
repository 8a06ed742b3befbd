"""The temperature at which a model writes most like its text: neither stranger to it nor closer than real text is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.sampling import Sample, sample
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

TEMPERATURES = (0.5, 0.7, 0.8, 1.0)  # that are tried

_LONGEST = 300  # characters of a sequence that is drawn, about
_TOKENS = 800  # that are drawn at each temperature, about, so that its share is known to some hundredths
_WORK = 3e9  # multiplications for all that is drawn, some tenths of a second
_MOST = 200  # sequences at each temperature
_LONGEST_RUN = 16  # tokens
_FREQUENT = 0.2  # of the tokens that begin a run: where sequences are shorter than runs, hardly any does
_KNOWN = 0.5  # the share of the held-out text's runs that tells texts apart best: not almost all, not almost none
_TRAINED, _HELD_OUT = 100_000, 20_000  # tokens that are looked at, at most
_FEWEST = 200  # held-out tokens, below which a share is chance
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def try_temperatures(
    model: LanguageModel, corpus: Corpus, fewest: int, training: TrainingConfig, index: RunIndex | None
) -> dict[float, list[Sample]]:
    """The first sequences that the model writes at each temperature, at least so many; more where they are short.

    index : of the training text; with it copies are found.
    """
    text = corpus.train
    longest = max(1, round(_LONGEST * len(text.ids) / max(1, int(text.characters.sum()))))
    tokens = min(_TOKENS, _WORK / (len(TEMPERATURES) * model.network.parameters.vector.size))
    count = max(fewest, min(_MOST, int(tokens / min(longest, len(text.ids) / len(text)))))
    drawn = {}
    for temperature in TEMPERATURES:
        config = SamplingConfig(count=count, max_length=longest, temperature=temperature, seed=training.seed)
        drawn[temperature] = list(sample(model, config, threads=training.threads, index=index))
    return drawn


def natural_temperature(corpus: Corpus, written: Mapping[float, Iterable[Sample]]) -> float | None:
    """The temperature whose samples share as many runs of tokens with the training text as the held-out text does.

    written : by temperature. Returns the one of them that comes nearest; None if too little is held out.
    Low temperatures repeat what is common, high ones write words that are none; people's text is in between. Where it
    is can be read from the held-out part: McCoy et al. 2023 (arXiv:2111.09509) compare the n-gram novelty of written
    text with it. A run is as long as tells texts apart: the shortest of which half of the held-out ones at most are
    known. That is 6 characters of plays or names, 8 of a novel, 3 of its words.
    The model's own loss is no such measure: a model that has learnt little is well calibrated and writes nonsense.
    """
    if not written or corpus.valid is None or len(corpus.valid.ids) < _FEWEST:
        return None
    trained, held_out = corpus.train.ids[-_TRAINED:], corpus.valid.ids[:_HELD_OUT]

    def known_share(length: int) -> float:
        return _share(_runs(held_out, length), np.sort(_runs(trained, length)))

    def is_rare(length: int) -> bool:
        return len(_runs(held_out, length)) < _FREQUENT * len(held_out)

    longest = max(1, bisect_left(range(1, _LONGEST_RUN + 1), True, key=is_rare))
    length = 1 + bisect_left(range(1, longest), True, key=lambda length: known_share(length) <= _KNOWN)
    known, aim = np.sort(_runs(trained, length)), known_share(length)
    distances = {}
    for temperature, samples in written.items():
        runs = np.concatenate([_runs(_ids(one), length) for one in samples])
        if len(runs):
            distances[temperature] = abs(_share(runs, known) - aim)
    return min(distances, key=distances.__getitem__, default=None)


def _ids(one: Sample) -> npt.NDArray[np.int64]:
    """A sample as it would stand in the corpus, and the end of the sequence before it."""
    end = [EOS_ID] if one.ended == "eos" else []
    return np.array([EOS_ID, *one.ids, *end], np.int64)


def _runs(ids: np.ndarray, length: int) -> npt.NDArray[np.uint64]:
    """A hash of each run of so many tokens; not of runs that go on over an `<eos>`, nor of those with an `<unk>`."""
    count = max(0, len(ids) - length + 1)
    hashes, is_left_out = np.zeros(count, np.uint64), np.zeros(count, np.bool_)
    for place in range(length):
        part = ids[place : place + count]
        hashes = hashes * _FACTOR + part.astype(np.uint64)
        is_left_out |= part == UNK_ID
        if 0 < place < length - 1:
            is_left_out |= part == EOS_ID
    return hashes[~is_left_out]


def _share(runs: npt.NDArray[np.uint64], known: npt.NDArray[np.uint64]) -> float:
    """How many of `runs` are among `known`, which are sorted; 0 to 1."""
    if not len(runs) or not len(known):
        return 0.0
    places = np.minimum(np.searchsorted(known, runs), len(known) - 1)
    return float(np.mean(known[places] == runs))
