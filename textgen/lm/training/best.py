"""The best model of a training so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textgen.core.runtime.threads import Team
from textgen.lm.storage.history import History, Validation
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training.reports import ValidationReport
from textgen.lm.training.validation import from_history


class BestModel:
    """A copy of the parameters that did best; at first, those that the training begins with.

    report : of their validation, None before there was one.
    """

    def __init__(self, model: LanguageModel) -> None:
        """model : one that is not trained itself; it is what is saved."""
        self.model = model
        self.report: ValidationReport | None = None

    @property
    def vector(self) -> np.ndarray:
        """All parameters."""
        return self.model.network.parameters.vector

    def keep(self, report: ValidationReport, vector: np.ndarray, team: Team) -> None:
        """From now on `vector`, of which `report` tells, is the best."""
        self.report = report
        self.vector[:] = vector
        self.model.network.pack(team)

    def arrays(self) -> dict[str, np.ndarray]:
        """The parameters by name, no copies; see `Snapshot`."""
        return {f"best/{name}": part for name, part in self.model.network.parameters.split(self.vector).items()}

    def restored(self, entry: Validation, team: Team) -> None:
        """The arrays have been filled from a checkpoint; `entry` is the report in the history."""
        self.report = from_history(entry, self.model)
        self.model.network.pack(team)

    def tell(self, history: History, seconds: float, tokens: int) -> None:
        """Give the model the history of its training."""
        self.model.history = replace(history, tokens=tokens, seconds=round(seconds, 3))
