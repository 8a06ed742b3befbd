"""Where a training stands between two steps: all that it needs to go on as if it had never been interrupted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textgen.lm.progress.divergence import SpikeWatch
from textgen.lm.progress.means import Mean
from textgen.lm.storage.history import History

MORE = ("epochs", "steps", "time", "patience")  # reasons for which a training stops, of which it may be given more
REASONS = (*MORE, "diverged")


@dataclass
class State:
    """All but the arrays and the history, fit for JSON.

    spikes : by which it is told that the training diverges. epoch : under way, from 1. window : of the epoch, that
    comes next, from 0. step : updates that were made. tokens : learnt from. seconds : that the training took until now.
    validated : the step of the last validation. best : the number of the best validation in the history. unimproved :
    validations since then. recoveries : how often it diverged. warm_from : the step at which the optimiser was last
    started. stopped : why it ended, one of REASONS. recent : the loss since the last validation. course : see
    `Course.state`.
    """

    spikes: SpikeWatch
    epoch: int = 1
    window: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    validated: int = 0
    best: int | None = None
    unimproved: int = 0
    recoveries: int = 0
    warm_from: int = 0
    stopped: str | None = None
    recent: Mean = field(default_factory=Mean)
    course: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps. The arrays are its own, no copies: use them before it goes on.

    history : the model's. arrays : float32, by name: the parameters, the optimiser's vectors, the average where one is
    kept, and the best parameters so far, each under its parameter's name (`mean/layer0.bias`), and each layer's hidden
    state.
    """

    state: State
    history: History
    arrays: dict[str, np.ndarray]
