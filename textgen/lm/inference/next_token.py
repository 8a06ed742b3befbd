"""A model read token by token: how probable each next one is, for any number of sequences side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from textgen.core.kernels.clusters import column_ranges
from textgen.core.runtime.threads import Team, share
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.nn.layer import Layer
from textgen.nn.layers import Affine
from textgen.text.tokens.windows import NO_TARGET, Window

_STEPS = 256  # of a long beginning that are read together

States = list[np.ndarray]  # (S, B, H) of each recurrent layer, from the bottom: between two tokens of B sequences
LogProbabilities = npt.NDArray[np.float64]  # nats


class NextToken:
    """What `model` says of the next token. It keeps no state: whoever asks gives the one before, and gets the next."""

    def __init__(self, model: LanguageModel, team: Team) -> None:
        self._first_input, self._team = model.first_input, team
        self._computation = Computation.without_training(model.network, team)
        output = self._computation.output
        self._hidden = self._computation.layers[:-1]
        self._logits = Affine(output.connection, output.bias)  # of all tokens, also where the output is in clusters
        self._cutoffs = output.cutoffs.tolist()

    def begin(self, ids: Sequence[int]) -> tuple[int, States]:
        """The input that is still to be read after a beginning, and the states (S, 1, H) before it."""
        *before, last = [self._first_input, *ids]
        computation = self._computation
        computation.prepare(min(_STEPS, max(1, len(before))), 1)
        computation.reset()
        for first in range(0, len(before), _STEPS):
            self._run(self._hidden, np.array(before[first : first + _STEPS], np.int32)[:, None])
        return last, [layer.state.copy() for layer in computation.recurrent]

    def advance(self, inputs: npt.NDArray[np.int32], states: States) -> tuple[LogProbabilities, States]:
        """log P of each token after `inputs` (B,) were read, (B, V), and the states after them."""
        computation = self._computation
        computation.prepare(1, inputs.size)
        self._logits.allocate(1, inputs.size, training=False)
        for layer, before in zip(computation.recurrent, states, strict=True):
            layer.state[:] = before
        self._run([*self._hidden, self._logits], inputs[None])
        after = [layer.state.copy() for layer in computation.recurrent]
        return _joined(self._logits.output[0].astype(np.float64), self._cutoffs), after

    def _run(self, layers: Sequence[Layer], inputs: npt.NDArray[np.int32]) -> None:
        """Go forward through `layers` with inputs (T, B); the recurrent ones' states move on."""
        T, B = inputs.shape
        self._computation.prepare(T, B)
        window = Window(inputs, np.zeros((T, B), np.bool_), np.full((T, B), NO_TARGET, np.int32))

        def work(part: int) -> None:
            for layer in layers:
                layer.forward(window, *share(B, part, self._team.threads))

        self._team.run(work)


def at_temperature(log_probabilities: LogProbabilities, temperature: float) -> LogProbabilities:
    """log softmax(logits / temperature), (..., V), of log softmax(logits): the most probable keep their order."""
    if temperature == 1:
        return log_probabilities
    largest = log_probabilities.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # near temperature 0 all but the most probable are infinitely improbable
        return log_softmax((log_probabilities - largest) / temperature)


def log_softmax(logits: LogProbabilities) -> LogProbabilities:
    """logits - log(sum(exp(logits))), (..., V)."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _joined(logits: LogProbabilities, cutoffs: Sequence[int]) -> LogProbabilities:
    """log P of each token, (B, V), from logits (B, K + V): log P(cluster) + log P(token | cluster).

    The columns are ordered as core/kernels/clusters.py has them; K = 0, without cutoffs, is a plain softmax.
    """
    K = len(cutoffs)
    (first, last), *tails = column_ranges(cutoffs, logits.shape[1])
    head = log_softmax(logits[:, first:last])
    within = [log_softmax(logits[:, first:last]) + head[:, k, None] for k, (first, last) in enumerate(tails)]
    return np.concatenate([head[:, K:], *within], axis=1)
