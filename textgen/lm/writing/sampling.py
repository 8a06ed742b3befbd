"""Writing new text: sequences drawn token by token, many at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from textgen.core.runtime.limits import available_cpus
from textgen.core.runtime.threads import Team
from textgen.errors import NothingWrittenError
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.candidates import Candidates
from textgen.lm.writing.copies import LEAST, Copies, find_copies
from textgen.lm.writing.desks import Stream
from textgen.lm.writing.endings import Stops, end_of_last_sentence
from textgen.lm.writing.prompts import Reader, tokens_of
from textgen.lm.writing.rules import RulesOf
from textgen.lm.writing.writer import Writer, worthwhile_threads
from textgen.text.tokens.run_index import RunIndex

_STREAMS = 64  # sequences that are drawn side by side, at most
_MOST_THREADS = 64  # whatever is asked for: they meet several times for each token


@dataclass(frozen=True)
class Sample:
    """One sequence that was written.

    index, prompt : its number, and that of the prompt that it begins with. text : the prompt and what follows it.
    continuation : what follows. ids : of its tokens, those that were drawn and are kept, `<eos>` not among them.
    ended : "eos", by itself; "length", cut at the cap; "sentence", at the last one's end before the cap; "stop", before
    a text that stops it. log_probability : in nats, of what was drawn and is kept, `<eos>` or the stop included, given
    the prompt, under the model's own softmax.
    prompt_tokens : of the prompt. prompt_unknown : those that became `<unk>`. prompt_replaced : its characters that
    were read as others.
    copies : what of it stands in the training text. longest_run : the text of the longest run there, also of what of it
    is in the prompt. marks : the characters [first, last) behind the prompt that are copied. None where no index of the
    training text is at hand.
    """

    index: int
    prompt: int
    text: str
    continuation: str
    ids: tuple[int, ...]
    ended: str
    log_probability: float
    prompt_tokens: int
    prompt_unknown: int
    prompt_replaced: dict[str, str]
    copies: Copies | None = None
    longest_run: str | None = None
    marks: tuple[tuple[int, int], ...] | None = None

    @property
    def tokens(self) -> int:
        """How many were drawn and are kept, `<eos>` not counted."""
        return len(self.ids)


@dataclass(frozen=True)
class Piece:
    """What was added to the text of the sequence that is the next to be finished; first its prompt."""

    text: str
    is_prompt: bool = False


def sample(
    model: LanguageModel,
    config: SamplingConfig,
    prompts: Sequence[str] = ("",),
    threads: int = 0,
    index: RunIndex | None = None,
) -> Iterator[Sample]:
    """config.count sequences for each prompt, in order, each as soon as all before it are finished.

    prompts : how they begin; tokens that the model does not know are read as `<unk>`.
    threads : how many to use; 0 is as many as are worth it. Never more than 64, nor than there are CPUs: they wait for
    one another at each token, and each that waits keeps a CPU.
    index : of the training text; with it copies are found, and `config.novel` is kept.
    Raises NothingWrittenError where the rules leave no token, or no try matches.
    """
    for found in _written(model, config, prompts, threads, index, in_pieces=False):
        assert isinstance(found, Sample)
        yield found


def stream(
    model: LanguageModel,
    config: SamplingConfig,
    prompts: Sequence[str] = ("",),
    threads: int = 0,
    index: RunIndex | None = None,
) -> Iterator[Piece | Sample]:
    """As `sample`; before each sequence the pieces of its text, which together are that text, while it is written.

    Where it is known only at the end which text it will be, they come only then.
    """
    return _written(model, config, prompts, threads, index, in_pieces=True)


def _written(
    model: LanguageModel,
    config: SamplingConfig,
    prompts: Sequence[str],
    threads: int,
    index: RunIndex | None,
    *,
    in_pieces: bool,
) -> Iterator[Piece | Sample]:
    config = config.seeded()
    rows = min(_STREAMS, config.count * len(prompts) * config.best_of)
    with Team(min(threads or worthwhile_threads(model, rows), available_cpus(), _MOST_THREADS)) as team:
        yield from _Sampler(model, config, prompts, team, rows, index).written(in_pieces=in_pieces)


class _Sampler:
    """All sequences that were asked for; those that are being written, and those to be yielded."""

    def __init__(
        self,
        model: LanguageModel,
        config: SamplingConfig,
        prompts: Sequence[str],
        team: Team,
        rows: int,
        index: RunIndex | None,
    ) -> None:
        self.model, self.config, self.rows, self.index = model, config, rows, index
        self.rules, self.stops, self.pattern = RulesOf(model, config, index), Stops(config.stop), config.pattern()
        self.prompts = [tokens_of(model, text) for text in prompts]
        self.open: deque[Candidates] = deque()
        self.asked = self._all_asked(Reader(model, team))
        is_stepwise = bool(self.stops or self.rules) or any(prompt.unfinished for prompt in self.prompts)
        self.writer = Writer(model, config, team, rows, is_stepwise=is_stepwise)

    def _all_asked(self, reader: Reader) -> Iterator[Candidates]:
        for number, prompt in enumerate(self.prompts):
            beginning = reader.read(prompt)
            for index in range(number * self.config.count, (number + 1) * self.config.count):
                yield Candidates(self.config, self._is_good, beginning, index)

    def written(self, *, in_pieces: bool) -> Iterator[Piece | Sample]:
        """The sequences in order; if asked, before each the pieces of its text."""
        is_sure = in_pieces and self.config.best_of == 1 and self.pattern is None and not self.config.finish
        while True:
            self.writer.fill(self._next_stream)
            if not self.open:
                return
            candidates, shown = self.open[0], 0
            if in_pieces:
                yield Piece(candidates.beginning.prompt.text, is_prompt=True)
            while not candidates.are_decided():
                self.writer.run(self._look_at)
                self.writer.fill(self._next_stream)
                if is_sure:
                    sure = max(shown, self._sure(candidates.tries[0]))
                    yield Piece(candidates.tries[0].text[shown:sure])
                    shown = sure
            self.open.popleft()
            finished = self._finish(candidates)
            if in_pieces:
                yield Piece(finished.continuation[shown:])
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
        assert self.config.seed is not None  # `_written` saw to it
        beginning, attempt = candidates.beginning, len(candidates.tries)
        seed = self.config.seed, candidates.index, *([attempt] if attempt else [])
        candidates.tries.append(Stream(self.model, beginning, self.rules.begin(beginning.prompt), seed))
        return candidates.tries[-1]

    def _look_at(self, stream: Stream) -> None:
        """End `stream` where one of the texts that stop it stands in what was drawn."""
        place = self.stops.place_in(stream.text, stream.looked_at) if self.stops else None
        stream.looked_at = len(stream.text)
        if place is not None:
            stream.text, stream.ended = stream.text[:place], "stop"

    def _sure(self, stream: Stream) -> int:
        """How many characters behind the prompt are sure to stay."""
        return len(stream.text) - (self.stops.held_back if stream.ended is None else 0)

    def _kept(self, stream: Stream) -> tuple[int, str]:
        """How many of its tokens are kept, and their text; with `finish`, what was cut ends with its last sentence."""
        end = end_of_last_sentence(stream.text) if self.config.finish and stream.ended == "length" else None
        if end is None:
            return len(stream.ids), stream.text
        tokens = bisect_left(stream.text_lengths(), end)
        return tokens, stream.text[:end]

    def _is_good(self, stream: Stream) -> bool:
        return self.pattern is None or self.pattern.search(stream.prompt.text + self._kept(stream)[1]) is not None

    def _finish(self, candidates: Candidates) -> Sample:
        best = candidates.best
        if best is None:
            raise NothingWrittenError(self._reason(candidates))
        tokens, text = self._kept(best)
        is_whole, prompt = tokens == len(best.ids), best.prompt
        finished = Sample(
            index=candidates.index,
            prompt=candidates.index // self.config.count,
            text=prompt.text + text,
            continuation=text,
            ids=tuple(best.ids[:tokens]),
            ended=best.ended or "" if is_whole else "sentence",
            log_probability=best.log_probability(None if is_whole else tokens),
            prompt_tokens=len(prompt.ids),
            prompt_unknown=prompt.unknown,
            prompt_replaced=dict(prompt.replaced),
        )
        return finished if self.index is None else self._with_copies(finished, best, self.index)

    def _with_copies(self, finished: Sample, stream: Stream, index: RunIndex) -> Sample:
        """`finished` with what of it is copied; only what was drawn is marked."""
        given, lengths = len(stream.prompt.ids), stream.text_lengths()
        ids = [*stream.prompt.ids.tolist(), *finished.ids]
        copies = find_copies(index, ids, LEAST[self.model.level], given)
        first, last = max(copies.spans, key=lambda span: span[1] - span[0], default=(0, 0))
        longest_run = self.model.tokenizer.detokenize(self.model.vocabulary.tokens_of(ids[first:last]))

        def place(token: int) -> int:
            return min(len(finished.text), len(stream.prompt.text) + lengths[max(0, token - given)])

        marks = tuple((place(begin), place(end)) for begin, end in copies.spans)
        return replace(finished, copies=copies, longest_run=longest_run, marks=marks)

    def _reason(self, candidates: Candidates) -> str:
        """Why nothing came of a sequence."""
        tries, which = len(candidates.tries), f"sequence {candidates.index + 1}"
        dead_ends = [stream for stream in candidates.tries if stream.ended == "rules"]
        if not dead_ends:
            return f"{which}: none of {tries:,} tries matches --match {self.config.match}; allow more --tries"
        options = " and ".join(dict.fromkeys(rule.option for rule in dead_ends[-1].rules))
        where = f"after {len(dead_ends[-1].ids)} tokens"
        return f"{which}: {where} no token is left that {options} allow; ask for less of it, or for --max-length"
