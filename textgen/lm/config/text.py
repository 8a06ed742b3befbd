"""How text becomes token ids: what can be asked for, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textgen.checks import check_choice, check_number
from textgen.errors import ConfigError
from textgen.text.corpus.units import UNITS
from textgen.text.tokens.tokenizers import TOKENIZERS

STARTS = ("eos", "zero")  # what is fed in before a sequence's first token: the row of `<eos>`, or the zero vector


@dataclass(frozen=True)
class TextConfig:
    """How text becomes token ids."""

    tokenizer: str = "char"
    unit: str = "auto"
    lowercase: bool = False
    carry: bool = False
    start: str = "eos"
    min_count: int | None = None  # None: the tokenizer's own default
    max_vocab: int | None = None  # None: the tokenizer's own default; 0: no limit
    valid_fraction: float | None = None  # None: a tenth, at most 500,000 characters
    shuffle: bool = False

    def __post_init__(self) -> None:
        check_choice("--tokenizer", self.tokenizer, TOKENIZERS)
        check_choice("--unit", self.unit, UNITS)
        check_choice("--start", self.start, STARTS)
        if self.carry and self.start == "zero":
            raise ConfigError(
                "--carry and --start zero contradict each other: where the state is kept, <eos> comes before each"
                " sequence; give one of them"
            )
        check_number("min_count", self.min_count, least=1)
        check_number("max_vocab", self.max_vocab, least=0)
        check_number("valid_fraction", self.valid_fraction, least=0, below=1)

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return TOKENIZERS[self.tokenizer].level


def with_start(record: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file, those of its text with what they meant before there was `start`.

    {"text": {"carry": false, ...}, ...} -> {"text": {"start": "zero", "carry": false, ...}, ...}
    """
    text = record.get("text")
    if not isinstance(text, dict):
        return dict(record)
    return {**record, "text": {"start": "eos" if text.get("carry") else "zero", **text}}
