"""Losses as a line of text: a character for each share of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BINS = 960  # shares of a training that are told apart, more than a line has columns
_START = 0.1  # the share of what is known in which a loss falls so steeply that the rest would look flat beside it


class LossTrack:
    """The losses of a training by how far it was; as much memory for a night as for a minute."""

    def __init__(self) -> None:
        self._sums, self._counts = [0.0] * _BINS, [0] * _BINS

    def add(self, progress: float, loss: float) -> None:
        """Take in a loss. progress : 0 to 1. One that is not finite is left out."""
        if math.isfinite(loss):
            place = min(_BINS - 1, max(0, int(progress * _BINS)))
            self._sums[place] += loss
            self._counts[place] += 1

    def means(self, columns: int) -> list[float | None]:
        """The mean loss in each of `columns` equal shares of the training, up to the last that has one.

        A share between two others in which nothing was told, as in a training of few steps, has the loss before it.
        None: before the first loss, as in a training that is gone on with.
        """
        found: list[float | None] = []
        for column in range(columns):
            first, last = column * _BINS // columns, (column + 1) * _BINS // columns
            part = slice(first, max(first + 1, last))  # a screen may be wider than there are bins
            count = sum(self._counts[part])
            found.append(sum(self._sums[part]) / count if count else None)
        while found and found[-1] is None:
            found.pop()
        for column, mean in enumerate(found[1:], 1):
            found[column] = found[column - 1] if mean is None else mean
        return found


def draw_sparkline(values: Sequence[float | None], levels: str) -> str:
    """A character for each value, from the lowest of `levels` to the highest: [3, 1, 2] -> '█▁▅'. None is a blank.

    The steep fall at the beginning is cut off at the top.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known[int(_START * len(known)) :])
    span = max(high - low, 1e-3 * max(1.0, abs(low)))  # what hardly changes is flat

    def sign(value: float | None) -> str:
        return " " if value is None else levels[round(min(1.0, (value - low) / span) * (len(levels) - 1))]

    return "".join(map(sign, values))
