"""Writing new text: sequences drawn token by token, many at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from textgen.core.runtime.limits import available_cpus
from textgen.core.runtime.threads import Team
from textgen.errors import NothingWrittenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.candidates import Candidates
from textgen.lm.writing.desks import Stream
from textgen.lm.writing.endings import Stops, end_of_last_sentence
from textgen.lm.writing.prompts import Beginning, Prompt, Reader, read_prompt
from textgen.lm.writing.rules import RulesOf
from textgen.lm.writing.writer import Writer, worthwhile_threads

_STREAMS = 64  # sequences that are drawn side by side, at most
_MOST_THREADS = 64  # whatever is asked for: they meet several times for each token


@dataclass(frozen=True)
class Sample:
    """One sequence that was written.

    prompt, index : the number of the prompt that it begins with, and its own among those with this prompt.
    text : the prompt and what follows it. continuation : what follows. tokens : how many of it were drawn, `<eos>` not
    counted. ended : "eos", by itself; "length", cut at the cap; "sentence", at the last one's end before the cap;
    "stop", before a text that stops it. log10_probability : of what was drawn and is kept, `<eos>` or the stop
    included, given the prompt, under the model's own softmax. prompt_unknown : tokens of the prompt that became
    `<unk>`.
    """

    prompt: int
    index: int
    text: str
    continuation: str
    tokens: int
    ended: str
    log10_probability: float
    prompt_unknown: int


@dataclass(frozen=True)
class Piece:
    """What was added to the text of the sequence that is the next to be finished; the first piece has the prompt."""

    text: str


def sample(
    model: LanguageModel, config: SamplingConfig, prompts: Sequence[str] = ("",), threads: int = 0
) -> Iterator[Sample]:
    """The sequences 0 .. config.count - 1 for each prompt, in order, each as soon as all before it are finished.

    prompts : how they begin; tokens that the model does not know are read as `<unk>`.
    threads : how many to use; 0 is as many as are worth it. Never more than 64, nor than there are CPUs: they wait for
    one another at each token, and each that waits keeps a CPU.
    Raises NothingWrittenError where the rules leave no token, or no try matches.
    """
    for found in _written(model, config, prompts, threads, in_pieces=False):
        assert isinstance(found, Sample)
        yield found


def stream(
    model: LanguageModel, config: SamplingConfig, prompts: Sequence[str] = ("",), threads: int = 0
) -> Iterator[Piece | Sample]:
    """As `sample`; before each sequence the pieces of its text, which together are that text, while it is written.

    There are no pieces where it is known only at the end which text it will be.
    """
    return _written(model, config, prompts, threads, in_pieces=True)


def _written(
    model: LanguageModel, config: SamplingConfig, prompts: Sequence[str], threads: int, *, in_pieces: bool
) -> Iterator[Piece | Sample]:
    config = config.seeded()
    rows = min(_STREAMS, config.count * len(prompts) * config.best_of)
    with Team(min(threads or worthwhile_threads(model, rows), available_cpus(), _MOST_THREADS)) as team:
        yield from _Sampler(model, config, prompts, team, rows).written(in_pieces=in_pieces)


class _Sampler:
    """All sequences that were asked for; those that are being written, and those to be yielded."""

    def __init__(
        self, model: LanguageModel, config: SamplingConfig, prompts: Sequence[str], team: Team, rows: int
    ) -> None:
        self.model, self.config, self.prompts = model, config, prompts
        self.rules, self.stops, self.pattern = RulesOf(model, config), Stops(model, config.stop), config.pattern()
        self.reader = Reader(model, team)
        self.begun: tuple[int, Prompt, Beginning] | None = None
        self.rows = rows
        self.open: deque[Candidates] = deque()
        self.asked = self._all_asked()
        self.is_stepwise = bool(self.stops or self.rules)
        self.writer = Writer(model, config, team, rows, is_stepwise=self.is_stepwise)

    def _all_asked(self) -> Iterator[Candidates]:
        for prompt in range(len(self.prompts)):
            for index in range(self.config.count):
                yield Candidates(self.config, self._is_good, prompt, index)

    def written(self, *, in_pieces: bool) -> Iterator[Piece | Sample]:
        """The sequences in order; if asked, before each the pieces of its text."""
        is_known = self.config.best_of == 1 and self.pattern is None and not self.config.finish
        in_pieces = in_pieces and is_known
        while True:
            self.writer.fill(self._next_stream)
            if not self.open:
                return
            candidates, shown = self.open[0], 0
            while not candidates.are_decided():
                self.writer.run(self._is_stopped)
                self.writer.fill(self._next_stream)
                if in_pieces and (text := self._shown(candidates.tries[0]))[shown:]:
                    yield Piece(text[shown:])
                    shown = len(text)
            self.open.popleft()
            finished = self._finish(candidates)
            if in_pieces and finished.text[shown:]:
                yield Piece(finished.text[shown:])
            yield finished

    def _next_stream(self) -> Stream | None:
        """The next sequence to begin, or the next try at one; None if there is none now."""
        ahead = self.rows // max(1, len(self.open))
        for candidates in self.open:
            if not candidates.are_decided() and candidates.wants_another(ahead):
                return self._begin(candidates)
        for candidates in self.asked:
            self.open.append(candidates)
            return self._begin(candidates)
        return None

    def _begin(self, candidates: Candidates) -> Stream:
        number = candidates.prompt
        if self.begun is None or self.begun[0] != number:
            prompt = read_prompt(self.model, self.prompts[number])
            self.begun = number, prompt, self.reader.read(prompt)
        _, prompt, beginning = self.begun
        assert self.config.seed is not None  # `stream` saw to it
        attempt = [len(candidates.tries)] if candidates.tries else []
        seed = self.config.seed, candidates.index, *attempt
        begun = Stream(prompt, beginning, self.rules.begin(prompt), seed)
        candidates.tries.append(begun)
        return begun

    def _is_stopped(self, stream: Stream) -> bool:
        return bool(self.stops) and self.stops.are_met(stream.ids)

    def _is_good(self, stream: Stream) -> bool:
        return self.pattern is None or self.pattern.search(self._sample_of(stream).text) is not None

    def _shown(self, stream: Stream) -> str:
        """The text so far, as far as it is sure to stay."""
        text = self._text(stream.prompt, stream.ids)
        if stream.ended is not None:
            return self._cut(stream, text)
        return text[: max(len(self._text(stream.prompt, ())), len(text) - self.stops.held_back)]

    def _text(self, prompt: Prompt, ids: Sequence[int]) -> str:
        return self.model.tokenizer.detokenize([*prompt.tokens, *self.model.vocabulary.tokens_of(ids)])

    def _cut(self, stream: Stream, text: str) -> str:
        """`text` without what stands behind the end of `stream`."""
        if stream.ended != "stop":
            return text
        prompt = len(self._text(stream.prompt, ()))
        return text[:prompt] + self.stops.cut(text[prompt:])

    def _finish(self, candidates: Candidates) -> Sample:
        best = candidates.best
        if best is None:
            raise NothingWrittenError(self._reason(candidates))
        return replace(self._sample_of(best), prompt=candidates.prompt, index=candidates.index)

    def _sample_of(self, stream: Stream) -> Sample:
        """What came of a try; its numbers are those of the first sequence."""
        prompt, kept = self._text(stream.prompt, ()), self._kept(stream)
        whole = len(kept) == len(stream.ids)
        text = self._cut(stream, self._text(stream.prompt, kept))
        return Sample(
            prompt=0,
            index=0,
            text=text,
            continuation=text[len(prompt) :],
            tokens=len(kept),
            ended=stream.ended or "" if whole else "sentence",
            log10_probability=stream.log_probability(None if whole else len(kept)) / math.log(10),
            prompt_unknown=stream.prompt.unknown,
        )

    def _kept(self, stream: Stream) -> list[int]:
        """Its ids; with `finish`, where it was cut at the cap, those up to the end of the last sentence."""
        if not self.config.finish or stream.ended != "length":
            return stream.ids
        prompt = len(self._text(stream.prompt, ()))
        end = end_of_last_sentence(self._text(stream.prompt, stream.ids)[prompt:])
        if end is None:
            return stream.ids
        kept = next(n for n in count() if len(self._text(stream.prompt, stream.ids[:n])) >= prompt + end)
        return stream.ids[:kept]

    def _reason(self, candidates: Candidates) -> str:
        """Why nothing came of a sequence."""
        tries, which = len(candidates.tries), f"sequence {candidates.index}"
        dead_ends = [stream for stream in candidates.tries if stream.ended == "rules"]
        if not dead_ends:
            return f"{which}: none of {tries:,} tries matches --match {self.config.match}; allow more --tries"
        options = " and ".join(dict.fromkeys(rule.option for rule in dead_ends[-1].rules))
        where = f"after {len(dead_ends[-1].ids)} tokens"
        return f"{which}: {where} no token is left that {options} allow; ask for less of it, or for --max-length"
