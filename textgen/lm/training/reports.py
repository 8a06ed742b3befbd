"""What a training tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.lm.progress.state import Snapshot
from textgen.lm.storage.history import Validation
from textgen.lm.storage.model import LanguageModel


@dataclass(frozen=True)
class StepReport:
    """Where the training is.

    steps : in all, None if that is not known. progress : 0 to 1. loss : nats per token, smoothed over the last steps.
    gradient_norm : as clipping measures it. seconds_left : a forecast, None until there is one.
    """

    step: int
    steps: int | None
    epoch: int
    progress: float
    tokens: int
    loss: float
    gradient_norm: float
    learning_rate: float
    tokens_per_second: float
    seconds: float
    seconds_left: float | None


@dataclass(frozen=True)
class ValidationReport(Validation):
    """A measurement of the model.

    best : whether this is the best model so far; one that is far worse than chance never is. model : the best so far.
    """

    best: bool
    model: LanguageModel


@dataclass(frozen=True)
class CheckpointReport:
    """Now is the time to write a checkpoint, before the next report is asked for; how long that takes is noticed."""

    step: int
    snapshot: Snapshot


@dataclass(frozen=True)
class RecoveryReport:
    """The training diverged, and goes on from the best parameters so far with half the learning rate.

    cause : what showed it, "loss", "spike" or "validation". step : updates until then. loss : the running
    mean, if it is finite. back_to : the step after which those parameters were validated; 0 is the beginning.
    learning_rate : the highest from now on. number : of this recovery, from 1.
    """

    cause: str
    epoch: int
    step: int
    tokens: int
    loss: float | None
    back_to: int
    learning_rate: float
    number: int


@dataclass(frozen=True)
class Finished:
    """The end. reason : "epochs", "steps", "time", "patience", "interrupted" or "diverged". best : the model's report.

    model : the best model, ready to be saved; best is None if there was no validation before the end, or none that was
    good: it has then learnt nothing. tokens : that were learnt from. recoveries : how often it had diverged.
    """

    model: LanguageModel
    reason: str
    best: ValidationReport | None
    seconds: float
    tokens: int
    recoveries: int = 0


Report = StepReport | ValidationReport | CheckpointReport | RecoveryReport | Finished
