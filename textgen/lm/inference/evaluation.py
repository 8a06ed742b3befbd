"""How well a model predicts a text that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textgen.core.runtime.threads import Team, team_size
from textgen.lm.inference.measures import bits_per_character, perplexity, signature
from textgen.lm.inference.scoring import token_log_probabilities
from textgen.lm.storage.model import LanguageModel
from textgen.text.corpus.corpus import read_packed
from textgen.text.tokens.vocabulary import UNK_ID

_ROWS = 32


@dataclass(frozen=True)
class Evaluation:
    """The loss over a text.

    tokens : `<eos>` included. oovs : tokens that the model does not know. characters : of the original text.
    nats, nats_without_oov, nats_of_first : the sum of -log P over all tokens, over those that the model knows, and over
    the first token of each sequence.
    signature : how it was counted.
    """

    tokens: int
    oovs: int
    characters: int
    sequences: int
    nats: float
    nats_without_oov: float
    nats_of_first: float
    signature: str

    @property
    def nats_per_token(self) -> float:
        """The mean cross-entropy."""
        return self.nats / self.tokens

    @property
    def nats_per_first_token(self) -> float:
        """The mean cross-entropy of the first token of a sequence: how well the model knows beginnings."""
        return self.nats_of_first / self.sequences

    @property
    def perplexity(self) -> float:
        """exp of the mean cross-entropy, unknown tokens included."""
        return perplexity(self.nats, self.tokens)

    @property
    def perplexity_without_oov(self) -> float:
        """exp of the mean cross-entropy over the tokens that the model knows."""
        return perplexity(self.nats_without_oov, self.tokens - self.oovs)

    @property
    def bits_per_character(self) -> float:
        """All bits, unknown tokens' included, for each character of the original text."""
        return bits_per_character(self.nats, self.characters)


def evaluate(model: LanguageModel, paths: Sequence[Path | str], threads: int = 0) -> Evaluation:
    """The loss of `model` over the texts in `paths`, exact: each sequence from its own beginning.

    Raises what `read_packed` raises: NoSuchInputError, CorpusError, DecodingError, EmptyCorpusError.
    """
    text = read_packed(paths, model.vocabulary, model.tokenizer, model.text.unit, model.text.lowercase)
    with Team(team_size(threads, _ROWS)) as team:
        log_probabilities = token_log_probabilities(model, text, team)
    known = text.ids != UNK_ID
    return Evaluation(
        tokens=len(text.ids),
        oovs=int(np.count_nonzero(~known)),
        characters=int(text.characters.sum()),
        sequences=len(text),
        nats=-math.fsum(log_probabilities),
        nats_without_oov=-math.fsum(log_probabilities[known]),
        nats_of_first=-math.fsum(log_probabilities[text.starts]),
        signature=signature(model.text),
    )
