"""How new text is drawn: what can be asked for, and its defaults."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from textgen.checks import check_number


@dataclass(frozen=True)
class SamplingConfig:
    """How new text is drawn."""

    count: int = 5
    max_length: int = 500  # tokens
    temperature: float = 1.0
    top_k: int = 0  # 0: off
    top_p: float = 1.0  # 1: off
    min_p: float = 0.0  # 0: off
    greedy: bool = False
    allow_unk: bool = False
    seed: int | None = None  # None: a new one each time

    def __post_init__(self) -> None:
        check_number("count", self.count, least=1)
        check_number("max_length", self.max_length, least=1)
        check_number("temperature", self.temperature, above=0)
        check_number("top_k", self.top_k, least=0)
        check_number("top_p", self.top_p, above=0, most=1)
        check_number("min_p", self.min_p, least=0, most=1)
        check_number("seed", self.seed, least=0)

    def seeded(self) -> SamplingConfig:
        """The same with a seed; a new one, from the system, if there was none."""
        return self if self.seed is not None else replace(self, seed=secrets.randbits(32))
