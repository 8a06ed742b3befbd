"""Means of a training's losses."""

from __future__ import annotations


class Mean:
    """The mean of losses, weighted by tokens."""

    def __init__(self) -> None:
        self._sum, self._tokens = 0.0, 0

    def add(self, loss: float, tokens: int) -> None:
        """Take in the mean loss of so many tokens."""
        self._sum += loss * tokens
        self._tokens += tokens

    @property
    def value(self) -> float:
        """The mean of all; there must be one."""
        return self._sum / self._tokens


class RunningMean:
    """A mean that forgets: exponentially weighted, right from the first value on (Kingma and Ba 2015, section 3)."""

    def __init__(self, smoothing: float) -> None:
        self._smoothing, self._sum, self._weight = smoothing, 0.0, 0.0

    def add(self, value: float) -> float:
        """The mean, `value` included."""
        self._sum = self._smoothing * self._sum + (1 - self._smoothing) * value
        self._weight = self._smoothing * self._weight + (1 - self._smoothing)
        return self._sum / self._weight
