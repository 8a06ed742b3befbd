"""Sampling in one call, for the tests."""

from __future__ import annotations

from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing.sampling import Piece, Sample, sample, stream


def write(model, prompt="", threads=0, **config):
    return list(sample(model, SamplingConfig(**{"seed": 1, **config}), [prompt], threads))


def texts(*arguments, **config):
    return [written.text for written in write(*arguments, **config)]


def one(*arguments, **config):
    [written] = write(*arguments, count=1, **config)
    return written


def pieces(model, prompt="", **config):
    """Each sequence with the pieces that came before it."""
    found, parts = [], []
    for part in stream(model, SamplingConfig(**{"seed": 1, **config}), [prompt]):
        if isinstance(part, Piece):
            parts.append(part)
        else:
            assert isinstance(part, Sample)
            found.append((parts, part))
            parts = []
    assert not parts
    return found
