"""Completing one prompt in one call, for the tests."""

from __future__ import annotations

from textgen.lm.config.completion import CompletionConfig
from textgen.lm.writing.completion import complete


def ways_of(model, prompt="", threads=0, **config):
    [completions] = complete(model, CompletionConfig(**config), [prompt], threads)
    return completions.ways
