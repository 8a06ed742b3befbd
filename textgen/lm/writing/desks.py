"""Sequences drawn side by side, token by token, with the threads that do it together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from textgen.core.kernels.draw import Filters
from textgen.core.kernels.writing import streams
from textgen.core.runtime.crew import crews
from textgen.core.runtime.threads import Team
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.prompts import Beginning
from textgen.lm.writing.rules import Rule
from textgen.nn.computation import Computation
from textgen.nn.generation import draws, steps
from textgen.text.tokens.reading import continuation
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID
from textgen.text.tokens.windows import NO_INPUT

_TOKENS = 256  # drawn in one run for each sequence, at most
_WORK_OF_A_RUN = 10**9  # multiplications, some 20 ms: between runs Python can see to Ctrl-C
ROWS_OF_A_DESK = 4  # enough for products at full speed


class Stream:
    """A sequence that is being written. What is drawn depends on (model, seed, index, attempt), prompt and rules alone.

    ended : why it is over: "eos", by itself; "length", at the cap; "stop", where a text stands that ends it; "rules",
    where these leave no token; None while it goes on. ids, log_probabilities : of what was drawn, `<eos>` not among the
    ids. text : what follows the prompt. looked_at : characters of it that whoever looks at it has seen.
    """

    def __init__(self, model: LanguageModel, beginning: Beginning, rules: Sequence[Rule], seed: Sequence[int]) -> None:
        self.model, self.beginning, self.prompt, self.rules = model, beginning, beginning.prompt, rules
        self.ids: list[int] = []
        self.log_probabilities: list[float] = []
        self.text, self.looked_at = "", 0
        self.ended: str | None = None
        self._generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(tuple(seed))))

    def next_numbers(self, count: int, config: SamplingConfig) -> npt.NDArray[np.float64]:
        """The uniform numbers of the next `count` draws; -1 asks for the most probable token."""
        if config.temperature == 0:
            return np.full(count, -1.0)
        if not config.greedy:
            return self._generator.random(count)
        numbers = np.full(count, -1.0)
        if not self.ids:
            numbers[0] = self._generator.random()
        return numbers

    def log_probability(self, count: int | None = None) -> float:
        """Of the first `count` that were drawn (None: of all), in nats; added up in the order of the draws."""
        return float(np.cumsum([0.0, *self.log_probabilities[:count]])[-1])

    def mean_log_probability(self) -> float:
        """Of a token, in nats."""
        return self.log_probability() / len(self.log_probabilities)

    def add(self, ids: list[int], log_probabilities: list[float]) -> None:
        """Take in what was drawn; `<eos>`, which can only be the last, ends it."""
        self.log_probabilities += log_probabilities
        if ids[-1] == EOS_ID:
            self.ended = "eos"
            ids = ids[:-1]
        self.text += self._text_behind(len(self.ids), ids, is_begun=self.text != "")
        self.ids += ids
        for rule in self.rules:
            for idx in ids:
                rule.add(idx)

    def text_lengths(self) -> list[int]:
        """How many characters follow the prompt when none, one, two ... of the ids are drawn."""
        lengths = [0]
        for n, idx in enumerate(self.ids):
            added = self._text_behind(n, [idx], is_begun=lengths[-1] > 0)
            lengths.append(lengths[-1] + len(added))
        return lengths

    def _text_behind(self, count: int, ids: Sequence[int], *, is_begun: bool) -> str:
        """What `ids` add to the text of the first `count`: only the last of these can join them.

        is_begun : whether that text has a character; the first one may lean on the prompt.
        """
        tokenizer, tokens_of = self.model.tokenizer, self.model.vocabulary.tokens_of
        if not is_begun:
            return continuation(self.prompt, tokens_of([*self.ids[:count], *ids]), tokenizer)
        last = tokens_of(self.ids[count - 1 : count])
        return tokenizer.detokenize([*last, *tokens_of(ids)])[len(tokenizer.detokenize(last)) :]


class Desk:
    """Sequences that are drawn side by side, one a row, and the threads that do it together.

    is_stepwise : whether Python looks at each token before the next is drawn.
    """

    def __init__(
        self, model: LanguageModel, config: SamplingConfig, team: Team, rows: int, threads: int, *, is_stepwise: bool
    ) -> None:
        self.config, self.is_stepwise = config, is_stepwise
        self.computation = Computation.without_training(model.network, team)
        self.computation.prepare(1, rows)
        self.steps = steps(self.computation.layers)
        most = 1 if is_stepwise else max(1, min(_TOKENS, _WORK_OF_A_RUN // work(model, rows)))
        self.streams = streams(rows, most)
        self.draws = draws(_filters(config, len(model.vocabulary)), self.steps, threads, is_changed=is_stepwise)
        self.rows: list[Stream | None] = [None] * rows
        self.crew = crews(threads)

    def begin(self, row: int, stream: Stream) -> None:
        """Have `stream` be written in `row`, which is free."""
        self.rows[row] = stream
        self.steps.inputs[row] = stream.beginning.first_input
        for layer, before in zip(self.computation.recurrent, stream.beginning.state, strict=True):
            layer.states[:, 0, row] = before[:, 0]
        self.go_on(row, stream)

    def free(self, row: int) -> None:
        """Have nothing be written in `row`."""
        self.rows[row] = None
        self.streams.limits[row], self.streams.ended[row] = 0, False

    def go_on(self, row: int, stream: Stream) -> None:
        """Have the next run draw tokens for the sequence in `row`; where its rules leave none, it is over."""
        streams = self.streams
        if self.is_stepwise and not self._keep_rules(stream, self.draws.changes[row]):
            stream.ended = "rules"
            return
        limit = min(self.config.max_length - len(stream.ids), streams.numbers.shape[1])
        streams.numbers[row, :limit] = stream.next_numbers(limit, self.config)
        streams.limits[row], streams.counts[row], streams.ended[row] = limit, 0, False

    def _keep_rules(self, stream: Stream, changes: np.ndarray) -> bool:
        """Fill in what the rules change; whether any token is left."""
        changes[:] = 0
        if not self.config.allow_unk:
            changes[UNK_ID] = -math.inf
        for rule in stream.rules:
            rule.change(changes)
        return bool(changes.max() > -math.inf)

    def take_in(self) -> Iterator[tuple[int, Stream]]:
        """The sequences, with their rows, that have come to an end or need new numbers, and now hold what was drawn."""
        streams = self.streams
        for row in np.flatnonzero(streams.ended).tolist():
            stream = self.rows[row]
            assert stream is not None  # nothing is written in rows without one
            drawn = slice(streams.counts[row])
            stream.add(streams.ids[row, drawn].tolist(), streams.log_probabilities[row, drawn].tolist())
            if stream.ended is None and len(stream.ids) == self.config.max_length:
                stream.ended = "length"
            yield row, stream


def work(model: LanguageModel, rows: int) -> int:
    """Multiplications for one token of each row."""
    return rows * model.network.parameters.vector.size


def _filters(config: SamplingConfig, V: int) -> Filters:
    top_k = min(config.top_k, V)  # a kernel takes 64 bits, and more than all is all
    unk = NO_INPUT if config.allow_unk else UNK_ID
    return Filters(float(config.temperature) or 1.0, top_k, float(config.top_p), float(config.min_p), unk)
