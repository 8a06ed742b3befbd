"""Writing new text: sequences drawn token by token, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textgen.core.draw import Filters, draw
from textgen.core.threads import Team, team_size
from textgen.lm.config import SamplingConfig
from textgen.lm.model import LanguageModel
from textgen.lm.network import Computation
from textgen.text.tokenizers import normalize
from textgen.text.vocabulary import EOS_ID, UNK_ID
from textgen.text.windows import NO_INPUT, NO_TARGET, Window

_STREAMS = 64  # sequences that are drawn side by side, at most


@dataclass(frozen=True)
class Sample:
    """One sequence that was written.

    text : the prompt and what follows it. tokens : how many were drawn, `<eos>` not counted.
    ended : "eos", by itself, or "length", cut at the cap. log10_probability : of what was drawn, `<eos>` included if it
    was, given the prompt, under the model's own softmax. prompt_unknown : tokens of the prompt that became `<unk>`.
    """

    index: int
    text: str
    tokens: int
    ended: str
    log10_probability: float
    prompt_unknown: int


class _Stream:
    """A sequence that is being written. What is drawn for it depends on (model, seed, index) alone."""

    def __init__(self, index: int, seed: int) -> None:
        self.index = index
        self.ids: list[int] = []
        self.log_probability = 0.0
        self._generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, index))))

    def next_uniform(self, greedy: bool) -> float:
        """The uniform number of the next draw; -1 asks for the most probable token."""
        return -1.0 if greedy and self.ids else self._generator.random()


def sample(model: LanguageModel, config: SamplingConfig, prompt: str = "", threads: int = 0) -> Iterator[Sample]:
    """The sequences 0 .. config.count - 1, in this order, each as soon as it and those before it are finished.

    prompt : how each of them begins; tokens of it that the model does not know are read as `<unk>`.
    threads : 0 is as many as this process may use.
    """
    config = config.seeded()
    count = min(_STREAMS, config.count)
    with Team(team_size(threads, rows=count)) as team:
        writer = _Writer(model, config, prompt, team, count)
        finished: dict[int, Sample] = {}
        for index in range(config.count):
            while index not in finished:
                finished |= {written.index: written for written in writer.step()}
            yield finished.pop(index)


class _Writer:
    """The sequences that are being drawn side by side, one a row; where one has ended, the next begins."""

    def __init__(self, model: LanguageModel, config: SamplingConfig, prompt: str, team: Team, rows: int) -> None:
        self.model, self.config = model, config
        self.prompt = model.tokenizer.tokenize(normalize(prompt, model.text.lowercase))
        self.prompt_ids = model.vocabulary.ids_of(self.prompt)
        unk = NO_INPUT if config.allow_unk else UNK_ID
        self.filters = Filters(config.temperature, config.top_k, config.top_p, config.min_p, unk)
        self.first_state = self._read_prompt(team)
        self.computation = Computation.without_training(model.network, team)
        self.computation.prepare(1, rows)
        self.rows: list[_Stream | None] = [None] * rows
        self.inputs = np.empty((1, rows), np.int32)
        self.starts = np.zeros((1, rows), np.bool_)
        self.targets = np.full((1, rows), NO_TARGET, np.int32)
        self.begun = 0
        for row in range(rows):
            self._begin(row)

    def _read_prompt(self, team: Team) -> list[np.ndarray]:
        """The state (S, 1, H) of each recurrent layer when all of the prompt but its last token has been read."""
        computation = Computation.without_training(self.model.network, team)
        computation.prepare(1, 1)
        ids = np.array([self.model.first_input, *self.prompt_ids[:-1]], np.int32)[: len(self.prompt_ids)]
        if len(ids):
            column = ids[:, None]
            starts = np.zeros(column.shape, np.bool_)
            computation.forward(Window(column, starts, np.full(column.shape, NO_TARGET, np.int32)))
        return [layer.state.copy() for layer in computation.recurrent]

    def _begin(self, row: int) -> None:
        """Start the next sequence in `row`; none, if all have begun."""
        self.rows[row] = None
        self.inputs[0, row] = NO_INPUT
        if self.begun == self.config.count:
            return
        assert self.config.seed is not None  # `sample` saw to it
        self.rows[row] = _Stream(self.begun, self.config.seed)
        self.begun += 1
        self.inputs[0, row] = self.prompt_ids[-1] if len(self.prompt_ids) else self.model.first_input
        for layer, state in zip(self.computation.recurrent, self.first_state, strict=True):
            layer.state[:, row] = state[:, 0]

    def step(self) -> list[Sample]:
        """Draw one token for each sequence; those that ended with it."""
        self.computation.forward(Window(self.inputs, self.starts, self.targets))
        greedy = self.config.greedy
        uniforms = np.array([0.0 if s is None else s.next_uniform(greedy) for s in self.rows])
        ids = np.empty(len(self.rows), np.int32)
        log_probabilities = np.empty(len(self.rows))
        draw(self.computation.output.output[0], uniforms, self.filters, ids, log_probabilities)
        ended = []
        for row, (stream, idx) in enumerate(zip(self.rows, ids, strict=True)):
            if stream is None:
                continue
            stream.log_probability += log_probabilities[row]
            self.inputs[0, row] = idx
            if idx != EOS_ID:
                stream.ids.append(int(idx))
            if idx == EOS_ID or len(stream.ids) == self.config.max_length:
                ended.append(self._finish(stream, "eos" if idx == EOS_ID else "length"))
                self._begin(row)
        return ended

    def _finish(self, stream: _Stream, ended: str) -> Sample:
        tokens = [*self.prompt, *self.model.vocabulary.tokens_of(stream.ids)]
        return Sample(
            index=stream.index,
            text=self.model.tokenizer.detokenize(tokens),
            tokens=len(stream.ids),
            ended=ended,
            log10_probability=stream.log_probability / np.log(10),
            prompt_unknown=int(np.count_nonzero(self.prompt_ids == UNK_ID)),
        )
