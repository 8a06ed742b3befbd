"""The most probable ways to go on from a text: beam search under the model's own probabilities.

A way's probability is the product of its tokens' own, and ways are ranked by it: nothing is made up for length.

Ways of a fixed length stand for all that may follow them, and each further token makes them less probable. Beside them
any early end, however unlikely, would come first: "It is a|<eos>" before "It is a| long time, and the". So there a way
that ends is kept only if it is among the `top` most probable ones of its own length, open ones and ended ones together.
Where `whole` ways are asked for, all that end are kept: these are alike.

An end takes no place in the beam; and once `top` ways have ended, nothing open that is less probable can overtake them.
`<unk>` is followed nowhere, unless it is allowed, but what it takes of the probability is not shared out to the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from textgen.core.runtime.threads import Team, team_size
from textgen.lm.config.completion import CompletionConfig
from textgen.lm.inference.next_token import LogProbabilities, NextToken, States, at_temperature
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.prompts import tokens_of
from textgen.text.tokens.reading import continuation
from textgen.text.tokens.vocabulary import EOS_ID, UNK_ID

_ROWS = 64  # beams that are taken a step further together: so memory is bounded, whatever the vocabulary


@dataclass(frozen=True)
class Completion:
    """One way to go on.

    text : the prompt as it was given, and what follows; continuation : what follows alone.
    tokens : of what follows; the last one is `<eos>` if it `is_ended`, else it was cut at the length asked for.
    log_probabilities : of all these tokens together, given the prompt, nats; one at each temperature.
    """

    text: str
    continuation: str
    tokens: tuple[str, ...]
    is_ended: bool
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Completions:
    """The ways to go on from a prompt, the most probable first.

    prompt_unknown : its tokens that became `<unk>`. prompt_replaced : its characters that were read as others.
    """

    prompt: str
    prompt_unknown: int
    ways: tuple[Completion, ...]
    prompt_replaced: Mapping[str, str] = field(default_factory=dict)


def complete(
    model: LanguageModel, config: CompletionConfig, prompts: Iterable[str], threads: int = 0
) -> Iterator[Completions]:
    """The most probable ways to go on from each of `prompts`, no two with the same text, as soon as they are found.

    They are `config.top`, or all that there are. Of several rows of tokens that spell the same text, the most probable
    counts.
    threads : 0 is as many as this process may use.
    """
    with Team(team_size(threads, min(_ROWS, config.width))) as team:
        next_token = NextToken(model, team)
        for prompt in prompts:
            yield _Search(model, config, next_token, prompt).run()


@dataclass(frozen=True)
class _Beams:
    """B ways that are still open, the most probable first.

    ids : (B, 1 + tokens so far); the first is the prompt's last, which all have in common, and the last one is still to
    be read. log_probabilities : (B,), of what follows the prompt. states : before the last token.
    """

    ids: npt.NDArray[np.int32]
    log_probabilities: LogProbabilities
    states: States


@dataclass(frozen=True)
class _Way:
    """The ids that follow the prompt, and their log-probability."""

    ids: tuple[int, ...]
    log_probability: float

    @property
    def rank(self) -> tuple[float, bool, tuple[int, ...]]:
        """What ways are sorted by: the most probable first; among equals, those that have ended, then by ids."""
        return -self.log_probability, not self.is_ended, self.ids

    @property
    def is_ended(self) -> bool:
        return self.ids[-1] == EOS_ID


@dataclass(frozen=True)
class _Extensions:
    """What b of the beams become with one more token.

    totals, parents, tokens : the most probable that are open, (places,): log-probability, beam, and the token added.
    ends : (b,), the log-probability with which each beam ends. states : after each beam's last token.
    """

    totals: LogProbabilities
    parents: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int32]
    ends: LogProbabilities
    states: States


class _Search:
    """The search for the ways to go on from one prompt."""

    def __init__(self, model: LanguageModel, config: CompletionConfig, next_token: NextToken, prompt: str) -> None:
        self.model, self.config, self.next_token = model, config, next_token
        self.prompt = tokens_of(model, prompt)
        self.length = config.tokens(model.level)
        # The flattest: where there are several, they order single tokens alike, and it loses none to underflow.
        self.temperature = max(config.temperatures)

    def run(self) -> Completions:
        last, states = self.next_token.begin(self.prompt.ids.tolist())
        beams = first = _Beams(np.array([[last]], np.int32), np.zeros(1), states)
        ended: list[_Way] = []
        for _ in range(self.length):
            beams, just_ended = self._extend(beams)
            ended = sorted([*ended, *just_ended], key=lambda way: way.rank)[: self.config.width]
            if not len(beams.ids) or self._is_settled(ended, beams):
                break
        still_open = map(_Way, map(tuple, beams.ids[:, 1:].tolist()), beams.log_probabilities.tolist())
        ways = self._distinct(sorted([*ended, *still_open], key=lambda way: way.rank))
        found = map(self._completion, ways, self._at_each_temperature(ways, first))
        return Completions(self.prompt.text, self.prompt.unknown, tuple(found), self.prompt.replaced)

    def _extend(self, beams: _Beams) -> tuple[_Beams, list[_Way]]:
        """The ways that are a token longer than `beams`: those that stay open, and those that end and are kept."""
        blocks = [self._extend_block(beams, slice(b0, b0 + _ROWS)) for b0 in range(0, len(beams.ids), _ROWS)]
        totals, parents, tokens, ends = (
            np.concatenate([getattr(block, name) for block in blocks])
            for name in ("totals", "parents", "tokens", "ends")
        )
        best = _largest(totals, self.config.width)
        parents = parents[best]
        states = [np.concatenate(layer, axis=1)[:, parents] for layer in zip(*(b.states for b in blocks), strict=True)]
        still_open = _Beams(np.column_stack([beams.ids[parents], tokens[best]]), totals[best], states)
        rivals = np.concatenate([totals[best], ends])
        kept = _largest(rivals, rivals.size if self.config.whole else self.config.top) - len(best)
        return still_open, [_Way((*beams.ids[b, 1:].tolist(), EOS_ID), float(ends[b])) for b in kept if b >= 0]

    def _extend_block(self, beams: _Beams, block: slice) -> _Extensions:
        """What some of the beams become with one more token."""
        after, states = self.next_token.advance(beams.ids[block, -1], [layer[:, block] for layer in beams.states])
        totals = beams.log_probabilities[block, None] + at_temperature(after, self.temperature)
        ends = totals[:, EOS_ID].copy()
        totals[:, EOS_ID] = -np.inf
        if not self.config.allow_unk:
            totals[:, UNK_ID] = -np.inf
        if self.prompt.unfinished and beams.ids.shape[1] == 1:  # a word has begun, and goes on
            ends[:] = -np.inf
            others = np.ones(totals.shape[1], np.bool_)
            others[self.prompt.first_ids] = False
            totals[:, others] = -np.inf
        places = _largest(totals.ravel(), self.config.width)
        rows, tokens = np.divmod(places, totals.shape[1])
        return _Extensions(totals.ravel()[places], rows + block.start, tokens.astype(np.int32), ends, states)

    def _is_settled(self, ended: Sequence[_Way], beams: _Beams) -> bool:
        """Whether the first `top` ways have ended; what is open only gets less probable."""
        first = [way for way in ended if way.log_probability >= beams.log_probabilities[0]]
        return len(first) >= self.config.top and len(self._distinct(first)) == self.config.top

    def _distinct(self, ways: Iterable[_Way]) -> list[_Way]:
        """The first `top` of them, none with the text of one before."""
        found: dict[tuple[str, bool], _Way] = {}
        for way in ways:
            found.setdefault((self._continuation(way), way.is_ended), way)
            if len(found) == self.config.top:
                break
        return list(found.values())

    def _continuation(self, way: _Way) -> str:
        followers = self.model.vocabulary.tokens_of(way.ids[:-1] if way.is_ended else way.ids)
        return continuation(self.prompt, followers, self.model.tokenizer)

    def _at_each_temperature(self, ways: Sequence[_Way], first: _Beams) -> Iterator[tuple[float, ...]]:
        """The log-probabilities of `ways` at the temperatures asked for; several are for single tokens alone."""
        if len(self.config.temperatures) == 1:
            yield from ((way.log_probability,) for way in ways)
            return
        after, _ = self.next_token.advance(first.ids[:, -1], first.states)
        spread = [at_temperature(after[0], temperature) for temperature in self.config.temperatures]
        yield from (tuple(float(each[way.ids[0]]) for each in spread) for way in ways)

    def _completion(self, way: _Way, log_probabilities: tuple[float, ...]) -> Completion:
        added, tokens = self._continuation(way), tuple(self.model.vocabulary.tokens_of(way.ids))
        return Completion(self.prompt.text + added, added, tokens, way.is_ended, log_probabilities)


def _largest(values: LogProbabilities, count: int) -> npt.NDArray[np.int64]:
    """The places of the `count` largest entries, the largest first, equal ones by place; none that is -inf."""
    least = np.partition(values, -count)[-count] if count < values.size else -np.inf
    places = np.flatnonzero((values >= least) & (values > -np.inf))
    return places[np.argsort(-values[places], kind="stable")[:count]]
