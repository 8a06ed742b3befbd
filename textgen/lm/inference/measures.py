"""What a sum of losses amounts to: perplexity, bits per character; and how it was counted."""

from __future__ import annotations

import math

from textgen import __version__
from textgen.lm.config.text import TextConfig


def perplexity(nats: float, tokens: int) -> float:
    """The exponential of the mean loss of `tokens` tokens that lost `nats` together; infinite beyond a float."""
    try:
        return math.exp(nats / tokens)
    except OverflowError:
        return math.inf


def bits_per_character(nats: float, characters: int) -> float:
    """A sum of losses in nats, in bits for each of `characters` characters."""
    return nats / math.log(2) / characters


def signature(text: TextConfig) -> str:
    """How figures over a text were counted, so that two can be compared."""
    parts = {
        "level": text.level,
        "tokenizer": text.tokenizer,
        "unit": text.unit,
        "case": "lower" if text.lowercase else "kept",
        "norm": "nfc",
        "eos": "counted",
        "oov": "counted",
        "carry": "yes" if text.carry else "no",
        "version": __version__,
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())
