"""Whether a corpus ten times as long is learned from as fast, through the product's own training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.benchmarks.cases import BASE
from tests.benchmarks.timing import Contender, Work
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.plan import plan
from textgen.lm.training.loop import train
from textgen.lm.training.reports import Finished
from textgen.text.corpus.corpus import Corpus, PackedText

STEPS = 100


def training(corpus: Corpus, repeated: int, threads: int) -> Contender:
    """A whole training of STEPS steps on the corpus `repeated` times; the order of its sequences is drawn in it."""
    ids, characters = (np.tile(part, repeated) for part in (corpus.train.ids, corpus.train.characters))
    longer = replace(corpus, train=PackedText(ids, characters))
    config = TrainingConfig(steps=STEPS, batch=BASE.B, bptt=BASE.T, threads=threads)

    def work(units: int) -> None:
        for _ in range(units):
            *_, last = train(longer, TextConfig(unit=corpus.unit), plan(longer, BASE.config, config))
            assert isinstance(last, Finished)
            assert last.tokens == STEPS * BASE.tokens

    def build() -> Work:
        return work

    return Contender("textgen", f"corpus x {repeated}, {STEPS} steps", STEPS * BASE.tokens, build)
