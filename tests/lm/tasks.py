"""Small trainings: a text, how it was read, and what is asked of its end."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.scoring import score
from textgen.lm.planning.plan import plan
from textgen.lm.storage.history import History
from textgen.lm.training.loop import train
from textgen.lm.training.reports import Finished
from textgen.lm.writing.sampling import sample
from textgen.nn.config import NetworkConfig
from textgen.text.corpus.corpus import Corpus

SMALL = NetworkConfig(hidden=8, layers=1, embedding=0)
NO_LEARNING = 1e-30  # a learning rate that changes no parameter's float32
ANIMALS = [f"the {a} sat on the {b}." for a in ("cat", "dog", "hen") for b in ("mat", "log", "wall", "bed")]
PLAIN: dict[str, Any] = {
    "batch": 4,
    "bptt": 16,
    "threads": 1,
    "warmup": 0,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "average": True,
    "lr": 0.01,
    "patience": 0,
}


@dataclass(frozen=True)
class Task:
    """A corpus and how it was read."""

    corpus: Corpus
    text: TextConfig

    def reports(self, should_stop=lambda: False, network=None, **training):
        """All reports of a training; `network` and `training` as in the configurations."""
        config = TrainingConfig(**{**PLAIN, **training})
        the_plan = plan(self.corpus, replace(SMALL, **(network or {})), config)
        return list(train(self.corpus, self.text, the_plan, should_stop))

    def end(self, *arguments, **options):
        """The last report."""
        end = self.reports(*arguments, **options)[-1]
        assert isinstance(end, Finished)
        return end

    def without_validation(self):
        """The same training text, nothing being held out."""
        return replace(self, corpus=replace(self.corpus, valid=None))


def vector_of(model):
    return model.network.parameters.vector.copy()


def of_type(kind, reports):
    return [report for report in reports if isinstance(report, kind)]


def nats_per_token(model, sentences):
    scores = list(score(model, sentences))
    return -math.fsum(s.log_probability for s in scores) / sum(len(s.tokens) for s in scores)


def assert_usable(model):
    """It scores, and it writes."""
    assert np.isfinite(model.network.parameters.vector).all()
    assert math.isfinite(next(iter(score(model, [ANIMALS[0]]))).log_probability)
    assert len(list(sample(model, SamplingConfig(count=3, max_length=9, seed=1)))) == 3


def timeless(history: History) -> History:
    """A history without times."""
    validations = tuple(replace(one, seconds=0) for one in history.validations)
    return replace(history, created="", seconds=None, validations=validations)
