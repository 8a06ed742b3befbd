"""How probable a text is: the log-probability of each token, exactly as if each sequence ran alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from textgen.core.runtime.threads import Team, team_size
from textgen.lm.inference.measures import perplexity
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.text.corpus.corpus import PackedText, pack_sentences
from textgen.text.tokens.reading import read
from textgen.text.tokens.vocabulary import EOS, UNK_ID
from textgen.text.tokens.windows import NO_INPUT, Window, evaluation_windows

_ROWS, _STEPS = 32, 64  # of the windows that are measured
_SENTENCES = 4096  # taken together; what is before them is given out


@dataclass(frozen=True)
class SentenceScore:
    """A sentence and the probability of each of its tokens, given those before it; the last token is `<eos>`.

    log_probabilities : (tokens,), nats. oov : (tokens,), whether the model does not know the token; such a token is
    scored as `<unk>`. replaced : characters of the sentence that were read as others, {"’": "'"}; see `read`.
    """

    sentence: str
    tokens: tuple[str, ...]
    log_probabilities: npt.NDArray[np.float64]
    oov: npt.NDArray[np.bool_]
    replaced: Mapping[str, str]

    @property
    def log_probability(self) -> float:
        """Of the sentence, in nats: the sum over its tokens."""
        return math.fsum(self.log_probabilities)

    @property
    def oovs(self) -> int:
        """How many tokens the model does not know."""
        return int(np.count_nonzero(self.oov))

    @property
    def perplexity(self) -> float:
        """exp of the mean loss per token, `<eos>` and unknown tokens included."""
        return perplexity(-self.log_probability, len(self.tokens))

    @property
    def perplexity_without_oov(self) -> float:
        """exp of the mean loss per token, over the tokens that the model knows and `<eos>`."""
        return perplexity(-math.fsum(self.log_probabilities[~self.oov]), len(self.tokens) - self.oovs)


def score(model: LanguageModel, sentences: Iterable[str], threads: int = 0) -> Iterator[SentenceScore]:
    """The scores of `sentences`, in their order, some thousands of sentences at a time.

    threads : 0 is as many as this process may use.
    """
    remaining = iter(sentences)
    with Team(team_size(threads, _ROWS)) as team:
        while some := list(islice(remaining, _SENTENCES)):
            yield from _score_together(model, some, team)


def _score_together(model: LanguageModel, sentences: list[str], team: Team) -> Iterator[SentenceScore]:
    readings = [read(sentence, model.tokenizer, model.vocabulary, model.text.lowercase) for sentence in sentences]
    text = pack_sentences(readings, model.vocabulary)
    log_probabilities = token_log_probabilities(model, text, team, alone=True)
    for reading, first, length in zip(readings, text.starts, text.lengths, strict=True):
        part = slice(first, first + length)
        tokens, oov = (*reading.tokens, EOS), text.ids[part] == UNK_ID
        yield SentenceScore(reading.text, tokens, log_probabilities[part], oov, reading.replaced)


def token_log_probabilities(
    model: LanguageModel, text: PackedText, team: Team, alone: bool = False
) -> npt.NDArray[np.float64]:
    """The log-probability of each token of `text` in nats, (tokens,).

    alone : every sequence is a text of its own, also for a model that was trained with `carry`.
    """
    result = np.empty(len(text.ids))
    computation = Computation.without_training(model.network, team)
    carry = model.text.carry and not alone
    for window, positions in evaluation_windows(text, _ROWS, _STEPS, None, carry):
        losses = computation.forward(with_first_input(window, model.first_input))
        counted = positions >= 0
        result[positions[counted]] = -losses[counted]
    return result


def with_first_input(window: Window, first_input: int) -> Window:
    """`window` with the model's own first input wherever a sequence starts."""
    if first_input == NO_INPUT:
        return window
    return Window(np.where(window.inputs == NO_INPUT, first_input, window.inputs), window.starts, window.targets)
