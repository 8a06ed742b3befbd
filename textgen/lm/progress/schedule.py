"""The learning rate over the course of a training."""

from __future__ import annotations

import math

_LAST = 0.02  # of the highest rate, at the end of the decay


def learning_rate(highest: float, step: int, warmup: int, progress: float) -> float:
    """Linear warm-up over the first `warmup` steps, under a cosine from `highest` to 2 % of it over the whole course.

    step : counted from 0. progress : the share of the training that is done, 0 to 1.
    Source: Loshchilov and Hutter 2017 (arXiv:1608.03983), without restarts.
    """
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    fall = _LAST + (1 - _LAST) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return highest * rise * fall
