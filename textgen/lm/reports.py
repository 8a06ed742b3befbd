"""What a training tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.lm.model import LanguageModel


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
class ValidationReport:
    """The end of an epoch, or of the training.

    train_loss, valid_loss : nats per token; valid_loss, bits_per_character and perplexity are None if nothing is held
    out. best : whether this is the best model so far. model : the best model so far.
    """

    epoch: int
    step: int
    tokens: int
    seconds: float
    train_loss: float
    valid_loss: float | None
    bits_per_character: float | None
    perplexity: float | None
    best: bool
    model: LanguageModel

    @property
    def judged(self) -> float:
        """The loss that decides which model is the best: the validation's, or the training's if nothing is held out."""
        return self.train_loss if self.valid_loss is None else self.valid_loss


@dataclass(frozen=True)
class Finished:
    """The end. reason : "epochs", "steps", "time", "patience", "interrupted" or "diverged". best : the model's report.

    model : the best model, ready to be saved. best is None if the training ended before any validation.
    """

    model: LanguageModel
    reason: str
    best: ValidationReport | None
    seconds: float
    tokens: int


Report = StepReport | ValidationReport | Finished
