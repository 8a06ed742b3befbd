"""Writing new text: sequences drawn token by token, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from textgen.core.kernels.draw import Filters
from textgen.core.kernels.writing import streams, write
from textgen.core.runtime.crew import abandon, crews
from textgen.core.runtime.limits import available_cpus
from textgen.core.runtime.threads import Team, share
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.nn.computation import Computation
from textgen.nn.generation import draws, steps
from textgen.text.tokens.tokenizers import normalize
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID
from textgen.text.tokens.windows import NO_INPUT, NO_TARGET, Window

_STREAMS = 64  # sequences that are drawn side by side, at most
_TOKENS = 256  # drawn in one run for each of them, at most
_WORK_OF_A_RUN = 10**9  # multiplications, some 20 ms: between runs Python can see to Ctrl-C
_WORK_OF_A_THREAD = 100_000  # multiplications a token, some times what it takes threads to meet
_MOST_IN_STEP = 8  # threads that share the columns of a product, unless more are asked for
_MOST_THREADS = 64  # whatever is asked for: they meet several times for each token
_ROWS_OF_A_DESK = 4  # enough for products at full speed


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

    def next_numbers(self, count: int, greedy: bool) -> npt.NDArray[np.float64]:
        """The uniform numbers of the next `count` draws; -1, if `greedy` for all but the first, asks for the most
        probable token.
        """
        if not greedy:
            return self._generator.random(count)
        numbers = np.full(count, -1.0)
        if not self.ids:
            numbers[0] = self._generator.random()
        return numbers


def sample(model: LanguageModel, config: SamplingConfig, prompt: str = "", threads: int = 0) -> Iterator[Sample]:
    """The sequences 0 .. config.count - 1, in this order, each as soon as it and those before it are finished.

    prompt : how each of them begins; tokens of it that the model does not know are read as `<unk>`.
    threads : how many to use; 0 is as many as are worth it. Never more than 64, nor than there are CPUs: they wait for
    one another at each token, and each that waits keeps a CPU.
    """
    config = config.seeded()
    rows = min(_STREAMS, config.count)
    with Team(min(threads or _worthwhile_threads(model, rows), available_cpus(), _MOST_THREADS)) as team:
        writer = _Writer(model, config, prompt, team, rows)
        finished: dict[int, Sample] = {}
        for index in range(config.count):
            while index not in finished:
                finished |= {written.index: written for written in writer.run()}
            yield finished.pop(index)


def _work(model: LanguageModel, rows: int) -> int:
    """Multiplications for one token of each row."""
    return rows * model.network.parameters.vector.size


def _worthwhile_threads(model: LanguageModel, rows: int) -> int:
    """Not so many threads that they wait for one another most of the time."""
    most = max(_MOST_IN_STEP, rows // _ROWS_OF_A_DESK)
    return max(1, min(most, _work(model, rows) // _WORK_OF_A_THREAD))


class _Desk:
    """Sequences that are drawn side by side, one a row, and the threads that do it together."""

    def __init__(self, model: LanguageModel, team: Team, filters: Filters, rows: int, threads: int) -> None:
        self.computation = Computation.without_training(model.network, team)
        self.computation.prepare(1, rows)
        self.steps = steps(self.computation.layers)
        self.streams = streams(rows, max(1, min(_TOKENS, _WORK_OF_A_RUN // _work(model, rows))))
        self.draws = draws(filters, self.steps, threads)
        self.rows: list[_Stream | None] = [None] * rows
        self.crew = crews(threads)

    def place(self, row: int, stream: _Stream | None, first_input: int, state: list[np.ndarray]) -> None:
        """Have `stream` begin in `row`, with this input and state (S, 1, H) of each recurrent layer; None: nothing."""
        self.rows[row] = stream
        self.steps.inputs[row] = first_input
        self.streams.limits[row] = 0
        self.streams.ended[row] = False
        for layer, before in zip(self.computation.recurrent, state, strict=True):
            layer.states[:, 0, row] = before[:, 0]

    def go_on(self, row: int, limit: int, greedy: bool) -> None:
        """Have the next run draw up to `limit` tokens for the sequence in `row`."""
        stream, streams = self.rows[row], self.streams
        assert stream is not None
        limit = min(limit, streams.numbers.shape[1])
        streams.numbers[row, :limit] = stream.next_numbers(limit, greedy)
        streams.limits[row], streams.counts[row] = limit, 0
        streams.log_probabilities[row], streams.ended[row] = stream.log_probability, False


class _Writer:
    """The sequences that are being drawn; where one has ended, the next begins.

    With few rows all threads share the work of each; with many each thread has a desk of its own, and they wait for one
    another only where sequences have ended.
    """

    def __init__(self, model: LanguageModel, config: SamplingConfig, prompt: str, team: Team, rows: int) -> None:
        self.model, self.config, self.team = model, config, team
        self.prompt = model.tokenizer.tokenize(normalize(prompt, model.text.lowercase))
        self.prompt_ids = model.vocabulary.ids_of(self.prompt)
        unk = NO_INPUT if config.allow_unk else UNK_ID
        top_k = min(config.top_k, len(model.vocabulary))  # a kernel takes 64 bits, and more than all is all
        filters = Filters(float(config.temperature), top_k, float(config.top_p), float(config.min_p), unk)
        self.first_state = self._read_prompt()
        self.first_input = int(self.prompt_ids[-1]) if len(self.prompt_ids) else model.first_input
        self.begun = 0
        count = team.threads if rows >= team.threads * _ROWS_OF_A_DESK else 1
        shares = [share(rows, part, count) for part in range(count)]
        self.desks = [_Desk(model, team, filters, last - first, team.threads // count) for first, last in shares]
        for desk in self.desks:
            for row in range(len(desk.rows)):
                self._begin(desk, row)

    def _read_prompt(self) -> list[np.ndarray]:
        """The state (S, 1, H) of each recurrent layer when all of the prompt but its last token has been read."""
        computation = Computation.without_training(self.model.network, self.team)
        computation.prepare(1, 1)
        ids = np.array([self.model.first_input, *self.prompt_ids[:-1]], np.int32)[: len(self.prompt_ids)]
        if len(ids):
            column = ids[:, None]
            starts = np.zeros(column.shape, np.bool_)
            computation.forward(Window(column, starts, np.full(column.shape, NO_TARGET, np.int32)))
        return [layer.state.copy() for layer in computation.recurrent]

    def _begin(self, desk: _Desk, row: int) -> None:
        """Start the next sequence in `row`; none, if all have begun."""
        if self.begun == self.config.count:
            desk.place(row, None, NO_INPUT, self.first_state)
            return
        assert self.config.seed is not None  # `sample` saw to it
        desk.place(row, _Stream(self.begun, self.config.seed), self.first_input, self.first_state)
        desk.go_on(row, self.config.max_length, self.config.greedy)
        self.begun += 1

    def run(self) -> list[Sample]:
        """Draw tokens at all desks, at each until some sequences end or it is time to look up; those that ended."""
        self.team.run(self._write, self._abandon)
        return [sample for desk in self.desks for sample in self._look_up(desk)]

    def _write(self, part: int) -> None:
        desk = self.desks[part % len(self.desks)]
        write(desk.steps, desk.streams, desk.draws, EOS_ID, desk.crew[part // len(self.desks)])

    def _abandon(self) -> None:
        for desk in self.desks:
            abandon(desk.crew[0])

    def _look_up(self, desk: _Desk) -> Iterator[Sample]:
        """Take what was drawn into the sequences that have ended or need new numbers."""
        for row in np.flatnonzero(desk.streams.ended).tolist():
            stream = desk.rows[row]
            assert stream is not None  # nothing is written in rows without one
            ids = desk.streams.ids[row, : desk.streams.counts[row]].tolist()
            is_over = ids[-1] == EOS_ID
            stream.ids += ids[:-1] if is_over else ids
            stream.log_probability = float(desk.streams.log_probabilities[row])
            if is_over or len(stream.ids) == self.config.max_length:
                yield self._finish(stream, "eos" if is_over else "length")
                self._begin(desk, row)
            else:
                desk.go_on(row, self.config.max_length - len(stream.ids), self.config.greedy)

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
