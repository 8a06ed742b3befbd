"""Round numbers along an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUND = (1, 2, 5, 10)
_SLACK = 1e-9  # a share of a step by which a number may miss a multiple of it through rounding


@dataclass(frozen=True)
class Axis:
    """Ticks at the multiples of `step` from `first * step` to `last * step`."""

    step: float
    first: int
    last: int

    @classmethod
    def around(cls, low: float, high: float, most: int) -> Axis:
        """The axis that holds `low` and `high` and has ticks between them at about `most` places, rather fewer."""
        step = round_step(high - low, most)
        first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
        return cls(step, first, max(last, first + 1))

    @classmethod
    def inside(cls, high: float, most: int) -> Axis:
        """The axis from 0 that ends at or before `high` > 0, with at most `most` steps."""
        step = round_step(high, most)
        return cls(step, 0, math.floor(high / step + _SLACK))

    @property
    def ticks(self) -> list[float]:
        """The numbers at the ticks, rising."""
        return [number * self.step for number in range(self.first, self.last + 1)]

    @property
    def labels(self) -> list[str]:
        """The numbers as text, all with the decimals that the step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + _SLACK))
        return [f"{tick:.{decimals}f}" for tick in self.ticks]


def round_step(span: float, most: int) -> float:
    """The least of 1, 2 and 5 times a power of ten of which at most `most` fit into `span` > 0."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in _ROUND if power * factor >= raw * (1 - _SLACK))
