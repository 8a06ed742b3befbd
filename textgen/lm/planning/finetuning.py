"""What a training is like that begins with a model, where nothing else is asked for: from both texts alone.

The rule: as from nothing (see `defaults`), but half the learning rate, and no more than 15 epochs; a text longer than
the one that the model has learnt is learnt as from nothing altogether.

Held-out bits per character of parts of alice.txt. The model, 256 units, had learnt 8 MB of English for five minutes;
dropout is 0.5, as `defaults` has it for so many passes. Shares of the rate from nothing, 0.012:

                         nothing     1/2     1/4     1/8    1/16
    5 kB, 30 epochs        3.254   2.337   2.325   2.333   2.361
    20 kB, 15 epochs       2.620   2.054   2.078   2.127   2.186
    20 kB, 25 epochs               2.057   2.053
    143 kB, 8 epochs       2.023   1.843

With half the rate the best epoch of 25 was the ninth at 20 kB, of 30 the eighth at 5 kB. Less dropout, 0.3 and 0.1,
came to 2.072 and 2.075 at 20 kB, to 2.351 and 2.370 at 5 kB.
Words, 20 kB, 15 epochs: 1.743 with the rate from nothing, 0.0035, 1.731 with half of it, 1.776 with a quarter.
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
