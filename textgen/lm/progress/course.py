"""The course of a training: how far it is, when it is validated, when it ends.

A course reads no clock and counts nothing; it is told. After each step: how many steps, tokens and seconds there have
been. After each validation: when it began and ended. Seconds are those of the whole training, also over several
sittings, without those in which kernels were compiled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any

from textgen.checks import build
from textgen.lm.planning.plan import TrainingPlan

_VALIDATIONS, _SHARE = 20, 0.05  # about so many in a training, as long as they take no more of it than this
_FEWEST, _MOST_SHARE = 4, 0.15  # so few are worth so much
_VALIDATION_COST = 0.34  # of a training token's time: forward, without backward and without weights' gradients


def course_of(the_plan: TrainingPlan, train_tokens: int, valid_tokens: int) -> Course:
    """The course of a planned training; train_tokens : of an epoch. valid_tokens : read in a validation, or 0."""
    if the_plan.seconds is not None:
        return ClockCourse(the_plan.seconds, valid_tokens)
    cost = _VALIDATION_COST * valid_tokens / train_tokens * the_plan.steps_per_epoch
    if the_plan.epochs is not None:
        return StepCourse(the_plan.epochs * the_plan.steps_per_epoch, the_plan.steps_per_epoch, cost, "epochs")
    assert the_plan.steps is not None
    return StepCourse(the_plan.steps, the_plan.steps_per_epoch, cost, "steps")


def count_validations(cost: float) -> int:
    """How many validations a training shall have if each costs this share of it: 20, fewer where that is too dear."""
    if cost <= 0:
        return _VALIDATIONS
    fewest = max(1, min(_FEWEST, int(_MOST_SHARE / cost)))
    return max(fewest, min(_VALIDATIONS, int(_SHARE / cost)))


@dataclass
class StepState:
    """What a `StepCourse` has taken in."""

    step: int = 0
    seconds: float = 0.0


@dataclass
class Measured:
    """What was learnt in what time."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class ClockState:
    """What a `ClockCourse` has taken in, and how far it is; all times in seconds.

    budget : of the whole training. measured : without the first step, once there are others. validation : what the last
    one took. last_validated : when it began.
    """

    budget: float
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    progress: float = 0.0
    measured: Measured = field(default_factory=Measured)
    validation: float | None = None
    last_validated: float = 0.0


class Course(ABC):
    """What both kinds of course have in common.

    steps : of the whole training, None if that is not known before. reason : what a training is ended by that comes to
    the end of its course: "epochs", "steps" or "time".
    """

    steps: int | None = None
    reason: str

    @abstractmethod
    def advance(self, step: int, tokens: int, seconds: float) -> None:
        """Take in a step: the steps, tokens and seconds of the training so far."""

    @abstractmethod
    def validated(self, began: float, ended: float) -> None:
        """Take in a validation: the training's seconds at its beginning and end."""

    @property
    @abstractmethod
    def progress(self) -> float:
        """The share of the course that is done, 0 to 1, which the learning rate follows."""

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether no further step is to be made; a last validation is."""

    @property
    @abstractmethod
    def is_validation_due(self) -> bool:
        """Whether the model is to be validated after the step that was just taken in; at the end it always is."""

    @property
    @abstractmethod
    def seconds_left(self) -> float | None:
        """A forecast of the seconds until the end; None until there is one."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that has been taken in, fit for JSON."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`, of this course or of one that was shorter or longer.

        Raises ConfigError if it is of another kind of course.
        """


class StepCourse(Course):
    """A course of so many steps: all of it but the forecast is a function of the step alone.

    Validations are some whole number of epochs apart, or some fraction of an epoch, always the same.
    """

    def __init__(self, steps: int, steps_per_epoch: int, validation_cost: float, reason: str) -> None:
        """validation_cost : of one validation, in steps that would take as long."""
        self.steps: int = steps
        self.reason = reason
        apart = steps / count_validations(validation_cost / steps)
        epochs, parts = max(1, round(apart / steps_per_epoch)), max(1, round(steps_per_epoch / apart))
        self._every = epochs * steps_per_epoch, min(parts, steps_per_epoch)  # a fraction, in steps
        self._at = StepState()

    def advance(self, step: int, tokens: int, seconds: float) -> None:
        self._at = StepState(step, seconds)

    def validated(self, began: float, ended: float) -> None:
        self._at.seconds = ended

    @property
    def progress(self) -> float:
        return min(1.0, self._at.step / self.steps)

    @property
    def is_over(self) -> bool:
        return self._at.step >= self.steps

    @property
    def is_validation_due(self) -> bool:
        if self.is_over:
            return True
        steps, parts = self._every
        is_at_mark = self._at.step * parts // steps > (self._at.step - 1) * parts // steps
        return is_at_mark and (self.steps - self._at.step) * parts * 2 >= steps  # else the end is near

    @property
    def seconds_left(self) -> float | None:
        return self._at.seconds * (self.steps - self._at.step) / self._at.step if self._at.step else None

    def state(self) -> dict[str, Any]:
        return asdict(self._at)

    def restore(self, state: dict[str, Any]) -> None:
        self._at = build(StepState, state)


class ClockCourse(Course):
    """A course of so many seconds, in which the last validation is included.

    Progress is the share of the time until that validation. How long that will take is forecast: from the speed of
    training at first, then from the validation before. Where the forecast changes, or the machine's speed, progress
    goes on from where it is, faster or slower.
    """

    reason = "time"

    def __init__(self, budget: float, valid_tokens: int) -> None:
        """budget : seconds."""
        self._at, self._valid_tokens = ClockState(budget), valid_tokens

    def advance(self, step: int, tokens: int, seconds: float) -> None:
        if self._at.step <= 1:  # the first step warms caches up
            self._at.measured = Measured()
        self._at.measured.steps += step - self._at.step
        self._at.measured.tokens += tokens - self._at.tokens
        self._at.measured.seconds += seconds - self._at.seconds
        self._at.step, self._at.tokens = step, tokens
        self._go_on_to(seconds)

    def validated(self, began: float, ended: float) -> None:
        self._at.validation, self._at.last_validated = ended - began, began
        self._go_on_to(ended)

    @property
    def progress(self) -> float:
        return self._at.progress

    @property
    def is_over(self) -> bool:
        half_a_step = self._at.measured.seconds / self._at.measured.steps / 2 if self._at.measured.steps else 0.0
        return self._at.step > 0 and self._at.seconds + half_a_step >= self._last_step_end

    @property
    def is_validation_due(self) -> bool:
        if self.is_over:
            return True
        apart = self._at.budget / count_validations(self._forecast_validation() / self._at.budget)
        is_past_mark = self._at.seconds // apart > self._at.last_validated // apart
        nearest = min(self._at.seconds - self._at.last_validated, self._last_step_end - self._at.seconds)
        return is_past_mark and nearest >= apart / 2

    @property
    def seconds_left(self) -> float | None:
        return max(0.0, self._at.budget - self._at.seconds)

    def state(self) -> dict[str, Any]:
        return asdict(self._at)

    def restore(self, state: dict[str, Any]) -> None:
        """With another budget, progress is what it would be had the budget been so from the beginning."""
        budget, self._at = self._at.budget, build(ClockState, state)
        if self._at.budget != budget:
            self._at.budget = budget
            self._at.progress = min(1.0, self._at.seconds / self._last_step_end)

    @property
    def _last_step_end(self) -> float:
        """When the last validation has to begin; at least half of the time is for the training."""
        return self._at.budget - min(self._forecast_validation(), self._at.budget / 2)

    def _forecast_validation(self) -> float:
        """The seconds that the next validation will take."""
        if self._at.validation is not None:
            return self._at.validation
        tokens, seconds = self._at.measured.tokens, self._at.measured.seconds
        return _VALIDATION_COST * self._valid_tokens * seconds / tokens if tokens else 0.0

    def _go_on_to(self, seconds: float) -> None:
        """Let progress grow by the share of the time that was left until the last validation."""
        left = self._last_step_end - self._at.seconds
        passed = (seconds - self._at.seconds) / left if left > 0 else 1.0
        self._at.progress += (1 - self._at.progress) * min(1.0, passed)
        self._at.seconds = seconds
