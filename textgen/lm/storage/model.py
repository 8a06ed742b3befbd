"""A language model: a network, the vocabulary it speaks of, and how text becomes the ids of that vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from textgen.lm.config.text import TextConfig
from textgen.lm.storage.history import History
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network
from textgen.text.tokens.tokenizers import TOKENIZERS, Tokenizer, normalize
from textgen.text.tokens.vocabulary import EOS_ID, Vocabulary
from textgen.text.tokens.windows import NO_INPUT


@dataclass
class LanguageModel:
    """What a model file holds.

    text : how text becomes ids; its unit is settled, not "auto".
    history : how the model came to be.
    """

    network: Network
    vocabulary: Vocabulary
    text: TextConfig
    history: History = field(default_factory=History)

    @classmethod
    def new(
        cls, text: TextConfig, config: NetworkConfig, vocabulary: Vocabulary, seed: int, training: bool = False
    ) -> LanguageModel:
        """A model with parameters drawn by `seed`; with `training`, one whose network can be trained.

        A row that is the input of starts alone begins at zero. One that was drawn stays in the state of all that
        follows: on short sequences (first names) it cost 0.01 bits per character, with three seeds out of three.
        """
        network = Network(config, len(vocabulary), len(vocabulary), training=training)
        network.initialize(seed)
        if text.start == "eos" and not text.carry and not config.tie:
            network.looked_up().value[EOS_ID] = 0
        return cls(network, vocabulary, text)

    @property
    def sha256(self) -> str:
        """The digest of its parameters, see `digest_of`."""
        parameters = self.network.parameters
        return digest_of((name, parameters[name]) for name in parameters.names())

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return self.text.level

    @property
    def tokenizer(self) -> Tokenizer:
        """What cuts text into this model's tokens."""
        return TOKENIZERS[self.text.tokenizer]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of `text`, normalized as the training text was."""
        return self.tokenizer.tokenize(normalize(text, self.text.lowercase))

    @property
    def first_input(self) -> int:
        """What is fed in before the first token of a sequence: `<eos>`, as if another had ended, or nothing."""
        return EOS_ID if self.text.start == "eos" else NO_INPUT


def digest_of(parameters: Iterable[tuple[str, np.ndarray]]) -> str:
    """The SHA-256 of parameters, from the input to the output: each one's name, shape and float32 numbers.

    It is the same whatever else differs in two files: history, vocabulary, the bits of each number.
    """
    digest = sha256()
    for name, array in parameters:
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()
