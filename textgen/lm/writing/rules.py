"""Rules that a sequence keeps while it is written: what the next token must not be, or is less likely to be."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.text.tokens.reading import Prompt
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import EOS_ID
from textgen.text.tokens.words import JOINER

Changes = npt.NDArray[np.floating]


class Rule(Protocol):
    """A rule for one sequence; it is told each token, those of the prompt first.

    option : by which it was asked for.
    """

    option: str

    def add(self, idx: int) -> None:
        """Take note of the sequence's next token."""

    def change(self, changes: Changes) -> None:
        """Change in place what is added to the logits of the next token, (V,), in nats; -inf rules a token out."""


class Shortest:
    """The sequence does not end before so many tokens are drawn."""

    option = "--min-length"

    def __init__(self, least: int, prompt_length: int) -> None:
        self._left = least + prompt_length

    def add(self, idx: int) -> None:
        """One token less is missing."""
        self._left -= 1

    def change(self, changes: Changes) -> None:
        """Rule out `<eos>` while tokens are missing."""
        if self._left > 0:
            changes[EOS_ID] = -math.inf


class BegunWord:
    """The first drawn token is one of those that go on with the word in which the prompt ends."""

    option = "--prompt"

    def __init__(self, first_ids: npt.NDArray[np.int32], prompt_length: int) -> None:
        self._allowed, self._left = first_ids, prompt_length

    def add(self, idx: int) -> None:
        """The prompt is over when all of it was told."""
        self._left -= 1

    def change(self, changes: Changes) -> None:
        """Rule out all others before the first token is drawn."""
        if self._left == 0:
            kept = changes[self._allowed]
            changes[:] = -math.inf
            changes[self._allowed] = kept


class NoRepeatedNgram:
    """No n tokens in a row occur twice.

    Source: Paulus et al. 2018 (arXiv:1705.04304), section 2.5, for n = 3.
    """

    option = "--no-repeat-ngram"

    def __init__(self, n: int) -> None:
        self._n = n
        self._ids: list[int] = []
        self._followers: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)

    def add(self, idx: int) -> None:
        """Remember what followed the n - 1 tokens before it."""
        if len(self._ids) >= self._n - 1:
            self._followers[self._context()].add(idx)
        self._ids.append(idx)

    def change(self, changes: Changes) -> None:
        """Rule out what has followed the last n - 1 tokens before."""
        if len(self._ids) >= self._n - 1:
            changes[list(self._followers.get(self._context(), ()))] = -math.inf

    def _context(self) -> tuple[int, ...]:
        return tuple(self._ids[len(self._ids) - self._n + 1 :])


class RepetitionPenalty:
    """The probability of each token that has occurred is divided by a number, before the temperature.

    Keskar et al. 2019 (arXiv:1909.05858) divide the logit itself; what that does depends on where the logits' zero
    happens to lie.
    """

    option = "--repetition-penalty"

    def __init__(self, divisor: float) -> None:
        self._nats = math.log(divisor)
        self._seen: set[int] = set()

    def add(self, idx: int) -> None:
        """It has occurred."""
        self._seen.add(idx)

    def change(self, changes: Changes) -> None:
        """Take the divisor's logarithm from all that have occurred."""
        changes[list(self._seen)] -= self._nats


class Ban:
    """Some texts are never written: at the word level those words in a row, whatever joins them.

    texts : of each the ids that may stand at each of its places.
    """

    option = "--ban"

    def __init__(self, texts: Sequence[Sequence[Collection[int]]]) -> None:
        self._texts = texts
        self._ids: list[int] = []

    def add(self, idx: int) -> None:
        """Remember it, it may begin a banned text."""
        self._ids.append(idx)

    def change(self, changes: Changes) -> None:
        """Rule out what would complete a text."""
        for *before, last in self._texts:
            tail = self._ids[len(self._ids) - len(before) :] if before else []
            if len(tail) == len(before) and all(idx in place for idx, place in zip(tail, before, strict=True)):
                changes[list(last)] = -math.inf


class Novel:
    """No drawn token ends a run of more than `most` tokens that stands in the training text."""

    option = "--novel"

    def __init__(self, index: RunIndex, most: int) -> None:
        self._tail, self._most = index.nothing, most

    def add(self, idx: int) -> None:
        """See what of the end of the sequence stands in the text now."""
        self._tail = self._tail.followed_by(idx)

    def change(self, changes: Changes) -> None:
        """Rule out what would make a run one token too long; that is never `<eos>`."""
        changes[self._tail.completing(self._most)] = -math.inf


class RulesOf:
    """The rules that a configuration asks for; each sequence has its own.

    index : of the training text, which `config.novel` needs.
    """

    def __init__(self, model: LanguageModel, config: SamplingConfig, index: RunIndex | None) -> None:
        self._config, self._index = config, index if config.novel is not None else None
        if config.novel is not None and index is None:
            raise ConfigError("--novel needs an index of the text that the model learnt")
        self._banned = [_places(model, text) for text in config.ban]

    def __bool__(self) -> bool:
        config = self._config
        of_tokens = config.no_repeat_ngram or config.repetition_penalty != 1 or config.ban or config.novel
        return bool(config.min_length or of_tokens)

    def begin(self, prompt: Prompt) -> list[Rule]:
        """The rules of a new sequence that have read its prompt."""
        rules = list(self._make(prompt))
        for rule in rules:
            for idx in prompt.ids.tolist():
                rule.add(idx)
        return rules

    def _make(self, prompt: Prompt) -> Iterator[Rule]:
        config = self._config
        if config.min_length:
            yield Shortest(config.min_length, len(prompt.ids))
        if config.no_repeat_ngram:
            yield NoRepeatedNgram(config.no_repeat_ngram)
        if config.repetition_penalty != 1:
            yield RepetitionPenalty(config.repetition_penalty)
        if self._banned:
            yield Ban(self._banned)
        if self._index is not None and config.novel is not None:
            yield Novel(self._index, config.novel)
        if prompt.unfinished:
            yield BegunWord(prompt.first_ids, len(prompt.ids))


def _places(model: LanguageModel, text: str) -> list[list[int]]:
    """Of each token of `text` the ids that stand for it, joined to others or not."""
    cores: defaultdict[str, list[int]] = defaultdict(list)
    for idx, token in enumerate(model.vocabulary.tokens):
        if idx > EOS_ID:
            cores[token.strip(JOINER) or token].append(idx)
    return [cores.get(token.strip(JOINER) or token, []) for token in model.tokenize(text)]
