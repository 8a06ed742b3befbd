"""Tiny language models, what they should do worked out token by token, and the chi-square test."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from tests.core.cases import twin_of
from textgen.lm.config.text import TextConfig
from textgen.lm.storage.model import LanguageModel
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID, Vocabulary

NEVER = -30.0  # a logit: once in 10**13 draws, where another one is 0

# The 0.999 quantiles of the chi-square distribution by degrees of freedom.
# Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4.
CHI_SQUARE_999 = {
    1: 10.828,
    2: 13.816,
    3: 16.266,
    4: 18.467,
    5: 20.515,
    6: 22.458,
    7: 24.322,
    8: 26.125,
    9: 27.877,
    10: 29.588,
    11: 31.264,
    12: 32.910,
}


def vocabulary_of(tokens: Iterable[str]) -> Vocabulary:
    """A vocabulary of `<unk>`, `<eos>` and `tokens`, in this order."""
    known = ("<unk>", "<eos>", *tokens)
    return Vocabulary(known, (1,) * len(known))


def random_model(
    tokens: Iterable[str] = "ab", seed: int = 0, text: Mapping[str, Any] | None = None, **network: Any
) -> LanguageModel:
    """A model whose parameters are all random and not zero; `text` and `network` as in the configurations."""
    config = NetworkConfig(**{"hidden": 8, "layers": 1, "embedding": 0, "tie": False, **network})
    model = LanguageModel.new(TextConfig(**{"unit": "line", **(text or {})}), config, vocabulary_of(tokens), seed)
    rng = np.random.default_rng(seed)
    parameters = model.network.parameters
    for name in parameters.names():
        parameters[name][...] = 0.7 * rng.normal(size=parameters[name].shape)
    model.network.pack()
    return model


def add_to_logit(model: LanguageModel, idx: int, amount: float) -> LanguageModel:
    """The model itself, a token now being more probable everywhere."""
    model.network.parameters["output.bias"][idx] += amount
    model.network.pack()
    return model


def chain_model(start: Mapping[str, float], after: Mapping[str, Mapping[str, float]], **text: Any) -> LanguageModel:
    """A model whose next token depends on the one before alone.

    start : the probabilities of the first token. after : after[token], those of the token that follows it.
    What is not named has a probability of about 1e-13. The network is an `rnn` whose state names the last input.
    """
    tokens = sorted({*after, *start, *(token for row in after.values() for token in row)} - {"<unk>", "<eos>"})
    vocabulary = vocabulary_of(tokens)
    V = len(vocabulary)
    config = NetworkConfig(cell="rnn", hidden=V, layers=1, embedding=0)
    model = LanguageModel.new(TextConfig(**{"unit": "line", **text}), config, vocabulary, seed=0)

    def logits(row: Mapping[str, float]) -> np.ndarray:
        return np.array([math.log(row[token]) if token in row else NEVER for token in vocabulary.tokens])

    parameters = model.network.parameters
    parameters.vector[:] = 0
    parameters["layer0.input"][:] = 20 * np.eye(V)  # tanh(20) is 1
    parameters["output.bias"][:] = logits(start)
    for idx, token in enumerate(vocabulary.tokens):
        if token in after:
            parameters["output.weight"][idx] = logits(after[token]) - logits(start)
    model.network.pack()
    return model


def next_probabilities(model: LanguageModel, ids: Iterable[int], first: int | None = None) -> np.ndarray:
    """The probability of each token after `ids`, (V,) float64, by the naive twin of the network.

    first : what is fed in before them; None: the model's own first input, by the design `<eos>` or, with `start`
    "zero", the zero vector.
    """
    if first is None:
        first = {"eos": EOS_ID, "zero": -1}[model.text.start]
    twin, network = twin_of(model.network), model.network
    zeros = tuple([0.0] * network.config.hidden for _ in range(network.cell.states))
    states: list[Any] = [zeros] * network.config.layers
    for idx in (first, *ids):
        states, logits = twin.advance(int(idx), states)
    largest = max(logits)
    weights = np.array([math.exp(logit - largest) for logit in logits])
    return np.asarray(weights / weights.sum())


def without_unk(probabilities: np.ndarray) -> np.ndarray:
    """The distribution of what is drawn if `<unk>` is drawn again until it is something else."""
    left = probabilities.copy()
    left[UNK_ID] = 0
    left /= left.sum()
    return left


def outcomes(model: LanguageModel, max_length: int, allow_unk: bool) -> dict[str, float]:
    """The probability of each text that is `max_length` tokens long or ends before, at char level."""
    found: dict[str, float] = {}

    def extend(ids: tuple[int, ...], probability: float) -> None:
        text = "".join(model.vocabulary.tokens_of(ids))
        if len(ids) == max_length:
            found[text] = probability
            return
        p = next_probabilities(model, ids)
        p = p if allow_unk else without_unk(p)
        found[text] = probability * p[EOS_ID]
        for idx in range(len(p)):
            if idx != EOS_ID and p[idx] > 0:
                extend((*ids, idx), probability * p[idx])

    extend((), 1.0)
    return found


def strings(alphabet: str, length: int) -> list[str]:
    """All strings of this length."""
    return ["".join(letters) for letters in product(alphabet, repeat=length)]


def chi_square(drawn: Sequence[str], expected: Mapping[str, float]) -> float:
    """Pearson's statistic of what was drawn against probabilities that sum to one."""
    assert abs(sum(expected.values()) - 1) < 1e-9
    counts = Counter(drawn)
    assert set(counts) <= set(expected)
    assert min(expected.values()) * len(drawn) >= 5, "too few for the chi-square distribution"
    return sum((counts[key] - len(drawn) * p) ** 2 / (len(drawn) * p) for key, p in expected.items())


def chi_square_of_two(one: Sequence[str], other: Sequence[str]) -> tuple[float, int]:
    """Pearson's statistic for whether two equally large samples have one distribution; its degrees of freedom."""
    assert len(one) == len(other)
    first, second = Counter(one), Counter(other)
    assert min((first + second).values()) >= 10, "too few for the chi-square distribution"
    statistic = sum((first[key] - second[key]) ** 2 / (first[key] + second[key]) for key in first | second)
    return statistic, len(first | second) - 1


def assert_drawn_from(drawn: Sequence[str], expected: Mapping[str, float]) -> None:
    """What was drawn has the expected frequencies; once in a thousand seeds it seems not to."""
    assert chi_square(drawn, expected) < CHI_SQUARE_999[len(expected) - 1]
