"""The model that a training begins with: what it fixes of the training, and what it gives to the new model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, replace
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

_TEXT = ("tokenizer", "lowercase", "carry")  # what the parameters have been learnt with
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
        """Put its parameters into a new `model`, whose vocabulary `rule` made, and which has `network_for` that."""
        transfer(self.model.network, model.network, self._sources(model.vocabulary))
        model.network.pack()

    def _sources(self, vocabulary: Vocabulary) -> np.ndarray:
        """The model's id of each token; -1 if it lacks the token."""
        ids = {token: idx for idx, token in enumerate(self.model.vocabulary.tokens)}
        return np.array([ids.get(token, -1) for token in vocabulary.tokens], np.int64)


def _flag(name: str, value: object) -> str:
    """An option as it was given: '--hidden 256', '--carry', '--no-tie'."""
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{option_of(name)}"
    return f"--{option_of(name)} {value}"


def _has(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"was trained {f'with --{option_of(name)}' if value else 'without it'}"
    return f"has {value}"
