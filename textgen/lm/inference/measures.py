"""What a sum of losses amounts to: perplexity, bits per character; and how it was counted."""

from __future__ import annotations

import math
from dataclasses import replace

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
    """How `evaluate` counts, so that two figures can be compared."""
    return _joined(text, blank="kept" if text.unit == "file" else "skipped", unknown="kept")


def signature_of_sentences(text: TextConfig) -> str:
    """The same of `score`: each line is a sequence of its own, a blank one, too; tokens that the model lacks are read
    in their nearest form.
    """
    return _joined(replace(text, unit="line", carry=False), blank="scored", unknown="nearest")


def _joined(text: TextConfig, blank: str, unknown: str) -> str:
    """blank : what becomes of blank lines. unknown : as what tokens outside the vocabulary are read."""
    parts = {
        "level": text.level,
        "tokenizer": text.tokenizer,
        "unit": text.unit,
        "blank": blank,
        "case": "lower" if text.lowercase else "kept",
        "norm": "nfc",
        "unknown": unknown,
        "eos": "counted",
        "oov": "counted",
        "carry": "yes" if text.carry else "no",
        "version": __version__,
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())
