"""How text becomes token ids: what can be asked for, and its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.checks import check_choice, check_number
from textgen.text.corpus.units import UNITS
from textgen.text.tokens.tokenizers import TOKENIZERS


@dataclass(frozen=True)
class TextConfig:
    """How text becomes token ids."""

    tokenizer: str = "char"
    unit: str = "auto"
    lowercase: bool = False
    carry: bool = False
    min_count: int | None = None  # None: the tokenizer's own default
    max_vocab: int | None = None  # None: the tokenizer's own default; 0: no limit
    valid_fraction: float | None = None  # None: a tenth, at most 500,000 characters
    shuffle: bool = False

    def __post_init__(self) -> None:
        check_choice("--tokenizer", self.tokenizer, TOKENIZERS)
        check_choice("--unit", self.unit, UNITS)
        check_number("min_count", self.min_count, least=1)
        check_number("max_vocab", self.max_vocab, least=0)
        check_number("valid_fraction", self.valid_fraction, least=0, below=1)

    @property
    def level(self) -> str:
        """What a token is to a person: 'char' or 'word'."""
        return TOKENIZERS[self.tokenizer].level
