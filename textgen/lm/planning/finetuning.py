"""What a training is like that begins with a model, where nothing else is asked for: from both texts alone.

The rule: as from nothing (see `defaults`), but half the learning rate, and no more than 15 epochs; a text longer than
the one that the model has learnt is learnt as from nothing altogether.
"""

from __future__ import annotations

from dataclasses import replace

from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.defaults import TextSize, settle
from textgen.nn.config import NetworkConfig

_RATE_SHARE, _MOST_EPOCHS = 0.5, 15


def settle_finetuning(
    text: TextSize, network: NetworkConfig, training: TrainingConfig, learnt: int
) -> tuple[NetworkConfig, TrainingConfig]:
    """Both configurations as `settle` has them, for a model that has learnt a text of so many tokens."""
    settled = settle(text, network, training)
    if text.tokens >= learnt:
        return settled
    nothing = settled[1]
    is_open = training.epochs is None and nothing.epochs is not None
    tuned = replace(
        training,
        lr=nothing.lr * _RATE_SHARE if training.lr is None else training.lr,
        epochs=min(nothing.epochs or 0, _MOST_EPOCHS) if is_open else training.epochs,
    )
    return settle(text, network, tuned)
