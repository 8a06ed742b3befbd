"""How new text is drawn: what can be asked for, and its defaults."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from textgen.checks import check_number
from textgen.errors import ConfigError


@dataclass(frozen=True)
class SamplingConfig:
    """How new text is drawn: how much, from which tokens, within which rules, and which of several is taken."""

    count: int = 5
    max_length: int = 500  # tokens
    min_length: int = 0  # tokens
    finish: bool = False
    stop: tuple[str, ...] = ()
    temperature: float = 1.0  # 0: the most probable token, each time
    top_k: int = 0  # 0: off
    top_p: float = 1.0  # 1: off
    min_p: float = 0.0  # 0: off
    greedy: bool = False
    allow_unk: bool = False
    no_repeat_ngram: int = 0  # 0: off
    repetition_penalty: float = 1.0  # 1: off
    ban: tuple[str, ...] = ()
    novel: int | None = None  # tokens in a row; None: off
    match: str | None = None
    best_of: int = 1
    tries: int = 1000  # for each sequence, where `match` is given
    seed: int | None = None  # None: a new one each time

    def __post_init__(self) -> None:
        check_number("count", self.count, least=1)
        check_number("max_length", self.max_length, least=1)
        check_number("min_length", self.min_length, least=0)
        check_number("temperature", self.temperature, least=0)
        check_number("top_k", self.top_k, least=0)
        check_number("top_p", self.top_p, above=0, most=1)
        check_number("min_p", self.min_p, least=0, most=1)
        check_number("no_repeat_ngram", self.no_repeat_ngram, least=0)
        check_number("repetition_penalty", self.repetition_penalty, least=1)
        check_number("novel", self.novel, least=1)
        check_number("best_of", self.best_of, least=1)
        check_number("tries", self.tries, least=1)
        check_number("seed", self.seed, least=0)
        if self.min_length > self.max_length:
            raise ConfigError(
                f"--min-length {self.min_length} is more than --max-length {self.max_length}; give less of it"
            )
        if self.best_of > self.tries:
            raise ConfigError(f"--best-of {self.best_of} needs as many --tries, not {self.tries}")
        for option in ("stop", "ban"):
            if "" in getattr(self, option):
                raise ConfigError(f"--{option} is empty; give a text")
        self.pattern()

    def pattern(self) -> re.Pattern[str] | None:
        """What a sequence has to match. Raises ConfigError if that is no regular expression."""
        try:
            return None if self.match is None else re.compile(self.match)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(f"--match {self.match}: not a regular expression of Python: {error}") from error

    def seeded(self) -> SamplingConfig:
        """The same with a seed; a new one, from the system, if there was none."""
        return self if self.seed is not None else replace(self, seed=secrets.randbits(32))
