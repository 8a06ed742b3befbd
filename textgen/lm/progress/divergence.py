"""Telling a training that has come off its course from one that has come to another kind of text."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from textgen.lm.progress.means import RunningMean
from textgen.text.tokens.vocabulary import Vocabulary
from textgen.text.tokens.windows import Window

_SMOOTHING = 0.98  # of the running means, a step
_SETTLED = 0.6  # weight of a running mean from which on it is no longer a few windows' chance: 45 steps
_RISE = 1.0  # nats per token


def token_costs(vocabulary: Vocabulary) -> np.ndarray:
    """-log of each token's relative frequency in the training text, (V,) float64: what knowing nothing else costs."""
    counts = np.maximum(np.asarray(vocabulary.counts, np.float64), 1.0)
    return np.asarray(np.log(counts.sum()) - np.log(counts))


def frequency_loss(window: Window, costs: np.ndarray) -> float:
    """The mean loss over a window of whoever knows how frequent the tokens are, and no more; nats per token."""
    return float(costs[window.targets].mean())


@dataclass
class SpikeWatch:
    """The running loss of a training, and where it was lowest.

    A training has diverged if all of this holds: its running loss is a nat above its lowest; it is above what the
    tokens' frequencies alone would give on the same windows; and both hold as well for the text on which it was
    lowest, if that is read again. An honest change of the text (English, then Chinese) fails the last two: the new
    text's frequencies are learnt at once, or else the old text is not yet forgotten.

    untrained : the loss of whoever takes all tokens for equally probable: chance. Above it no training should ever be.
    loss, frequencies : running means over the same windows. lowest : of `loss` and `untrained`; None before it has
    settled. epoch, window : the place after the window at which it was lowest.
    """

    untrained: float
    loss: RunningMean = field(default_factory=lambda: RunningMean(_SMOOTHING))
    frequencies: RunningMean = field(default_factory=lambda: RunningMean(_SMOOTHING))
    lowest: float | None = None
    epoch: int = 0
    window: int = 0

    def add(self, loss: float, frequency: float, epoch: int, window: int) -> None:
        """Take in the loss of a window and its `frequency_loss`; epoch, window : the place after it."""
        self.loss.add(loss)
        self.frequencies.add(frequency)
        if self.loss.weight >= _SETTLED and (self.lowest is None or self.loss.value < self.lowest):
            self.lowest, self.epoch, self.window = min(self.loss.value, self.untrained), epoch, window

    @property
    def is_suspicious(self) -> bool:
        """Whether the text on which the loss was lowest should be read again."""
        return self.is_bad(self.loss.value, self.frequencies.value)

    def is_bad(self, loss: float, frequency: float) -> bool:
        """Whether a loss is worse than the tokens' frequencies are, and a nat above the lowest (or not a number)."""
        return self.lowest is not None and not (loss <= frequency or loss <= self.lowest + _RISE)

    def is_far_above_chance(self, loss: float) -> bool:
        """Whether a loss is a nat above chance, or not a number: on a text that was learnt, it has learnt nothing."""
        return not loss <= self.untrained + _RISE

    def acquit(self, epoch: int, window: int) -> None:
        """It was the text: from here on the loss is compared with what it is now."""
        self.lowest, self.epoch, self.window = self.loss.value, epoch, window
