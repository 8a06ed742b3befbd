"""Means of a training's losses."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Mean:
    """The mean of losses, weighted by tokens."""

    sum: float = 0.0
    tokens: int = 0

    def add(self, loss: float, tokens: int) -> None:
        """Take in the mean loss of so many tokens."""
        self.sum += loss * tokens
        self.tokens += tokens

    @property
    def value(self) -> float:
        """The mean of all; NaN if there is none."""
        return self.sum / self.tokens if self.tokens else math.nan


@dataclass
class RunningMean:
    """A mean that forgets: exponentially weighted, right from the first value on (Kingma and Ba 2015, section 3)."""

    smoothing: float
    sum: float = 0.0
    weight: float = 0.0

    def add(self, value: float) -> float:
        """The mean, `value` included."""
        self.sum = self.smoothing * self.sum + (1 - self.smoothing) * value
        self.weight = self.smoothing * self.weight + (1 - self.smoothing)
        return self.value

    @property
    def value(self) -> float:
        """The mean; NaN if there is none."""
        return self.sum / self.weight if self.weight else math.nan
