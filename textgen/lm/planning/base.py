"""The model that a training begins with: what it fixes of the training, and what it gives to the new model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from textgen.checks import option_of
from textgen.errors import ConfigError
from textgen.lm.config.finetuning import VOCABULARIES, FinetuningConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.lm.storage.history import BaseModel
from textgen.lm.storage.model import LanguageModel
from textgen.lm.storage.model_file import load_model
from textgen.lm.storage.store import find_model, name_of
from textgen.nn.config import NetworkConfig
from textgen.nn.transfer import transfer
from textgen.paths import kept
from textgen.text.corpus.corpus import VocabularyRule
from textgen.text.tokens.vocabulary import Vocabulary

_TEXT = ("tokenizer", "lowercase", "carry", "start")  # what the parameters have been learnt with
_NETWORK = ("cell", "hidden", "layers", "embedding", "head_layers", "tie", "softmax")
_OPEN = (None, "auto")  # what a setting is that is taken over


@dataclass(frozen=True)
class Base:
    """A model to begin with. name : by which it was asked for. vocabulary : what becomes of its tokens."""

    name: str
    model: LanguageModel
    vocabulary: str = VOCABULARIES[0]

    @classmethod
    def opened(cls, asked: FinetuningConfig, warn: Callable[[str], None]) -> Base | None:
        """The model that is asked for, None if none is. Raises as `find_model` does."""
        if asked.base is None:
            return None
        path, model = find_model(asked.base, None, load_model, warn)
        return cls(kept(Path(name_of(path))), model, asked.vocabulary or VOCABULARIES[0])

    @property
    def facts(self) -> BaseModel:
        """What the new model's history says of it."""
        return BaseModel(self.name, self.model.sha256, self.vocabulary, self.model.history.corpus)

    @property
    def rule(self) -> VocabularyRule:
        """How the new model's vocabulary is made of a text's counts."""
        known = self.model.vocabulary
        return known.united if self.vocabulary == VOCABULARIES[0] else known.renewed

    # What it fixes

    def taken_over(
        self, text: TextConfig, network: NetworkConfig, training: TrainingConfig, given: Set[str]
    ) -> tuple[TextConfig, NetworkConfig]:
        """Both configurations with what the model fixes of them.

        given : the names of the options that the user gave. Raises ConfigError that names all that contradict it.
        """
        asked = {**vars(text), **vars(network), "level": text.level, "size": training.size}
        refused = [
            f"{_flag(name, asked[name])} contradicts --from {self.name}, which {_has(name, has)}"
            for name, has in self._fixed()
            if name in given and asked[name] not in (*_OPEN, has)
        ]
        if refused:
            raise ConfigError(f"{'; '.join(refused)}; leave {'it' if len(refused) == 1 else 'them'} out")
        own, config = self.model.text, self._network
        return (
            replace(text, **{name: getattr(own, name) for name in _TEXT}),
            replace(network, **{name: getattr(config, name) for name in _NETWORK}),
        )

    def _fixed(self) -> Iterator[tuple[str, object]]:
        """The options that say what the model has already, and what it has."""
        text, network = self.model.text, self._network
        yield "level", text.level
        yield from ((name, getattr(text, name)) for name in _TEXT)
        yield from ((name, getattr(network, name)) for name in _NETWORK)
        yield "size", f"{network.layers} x {network.hidden} units"

    @property
    def _network(self) -> NetworkConfig:
        """The model's own; files of old versions leave open whether the softmax is full."""
        config = self.model.network.config
        return replace(config, softmax="adaptive" if config.cutoffs else "full")

    def network_for(self, vocabulary: Vocabulary) -> NetworkConfig:
        """The network for a vocabulary that `rule` made.

        An adaptive softmax keeps its clusters, since a token's probability within one means nothing in another one;
        new tokens are one more cluster. So those of the model keep the proportions that they have.
        """
        network = self._network
        if not network.cutoffs:
            return network
        sources = self._sources(vocabulary)
        known = int(np.count_nonzero(sources >= 0))
        firsts = np.searchsorted(sources[:known], network.cutoffs).tolist()
        cutoffs = tuple(sorted({*firsts, known} - {len(vocabulary)}))
        return replace(network, softmax="adaptive" if cutoffs else "full", cutoffs=cutoffs)

    # What it gives

    def give(self, model: LanguageModel) -> None:
        """Put its parameters into a new `model`, whose vocabulary `rule` made, and which has `network_for` that.

        What belongs to a new token stays as it was drawn, but for the bias of its column in the output: that is what a
        token as frequent has in the model before, on average. Held-out nats per token before the first step, on
        alice.txt (characters, words), tang.txt (2,559 new characters) and pride.txt (words): 1.638, 5.50, 6.81, 5.45;
        with zeros 1.644, 5.55, 8.08, 5.55; with the bias of `<unk>` 1.640, 5.54, 8.09, 5.54.
        """
        network, new = model.network, transfer(self.model.network, model.network, self._sources(model.vocabulary))
        frequencies = _log_frequencies(model.vocabulary, network.config)
        network.parameters["output.bias"][new] = frequencies[new] + self._bias_above_frequency()
        network.pack()

    def _bias_above_frequency(self) -> float:
        """By how much the bias of a common token is above the logarithm of its frequency, on average."""
        config, counts = self.model.network.config, self.model.vocabulary.counts
        seen = np.flatnonzero(counts[: config.cutoffs[0] if config.cutoffs else None]) + len(config.cutoffs)
        above = self.model.network.parameters["output.bias"] - _log_frequencies(self.model.vocabulary, config)
        return float(above[seen].mean()) if seen.size else 0.0

    def _sources(self, vocabulary: Vocabulary) -> np.ndarray:
        """The model's id of each token; -1 if it lacks the token."""
        ids = {token: idx for idx, token in enumerate(self.model.vocabulary.tokens)}
        return np.array([ids.get(token, -1) for token in vocabulary.tokens], np.int64)


def _log_frequencies(vocabulary: Vocabulary, network: NetworkConfig) -> np.ndarray:
    """The logarithm of each column's share of the text, clusters first; what it lacks counts once."""
    counts = np.asarray(vocabulary.counts, np.float64)
    clusters = [counts[first:last].sum() for first, last in pairwise((*network.cutoffs, len(counts)))]
    columns = np.maximum(np.concatenate([clusters, counts]), 1.0)
    return np.asarray(np.log(columns) - math.log(max(1.0, counts.sum())))


def _flag(name: str, value: object) -> str:
    """An option as it was given: '--hidden 256', '--carry', '--no-tie'."""
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{option_of(name)}"
    return f"--{option_of(name)} {value}"


def _has(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"was trained {f'with --{option_of(name)}' if value else 'without it'}"
    return f"has {value}"
