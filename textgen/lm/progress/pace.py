"""When a training tells of a step, and when it asks for a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable

_REPORT_SECONDS = 0.2  # between two step reports
_CHECKPOINT_SHARE = 0.008  # of the time; one that takes longer than the last shall not bring them above 1 %


class Pace:
    """The clock of a training, and what was told and kept when. All times in seconds."""

    def __init__(
        self, before: float, checkpoint_seconds: float, compiled: Callable[[], float], *, is_resumed: bool = False
    ) -> None:
        """The clock from now on.

        before : what the training took before this process. checkpoint_seconds : from one checkpoint to the next; 0:
        only at validations. compiled : tells how long kernels were compiled until now, which does not count.
        is_resumed : whether there is a checkpoint of this place.
        """
        self._compiled = compiled
        self._begun = self._reported = time.monotonic()
        self._before = before + compiled()  # what was compiled until here is no part of the clock's time
        self._tokens: int | None = None  # at the last report
        self._checkpoint_seconds = checkpoint_seconds
        self._written = self._begun
        self._is_written = is_resumed
        self._cost = self._spent = 0.0  # of the last checkpoint, of all

    @property
    def seconds(self) -> float:
        """What the whole training has taken until now."""
        return self._before + time.monotonic() - self._begun - self._compiled()

    @property
    def is_report_due(self) -> bool:
        """At the first step, from which on there is something to save, and from time to time."""
        return self._tokens is None or time.monotonic() - self._reported >= _REPORT_SECONDS

    def report(self, tokens: int, learnt: int) -> float:
        """A step is told of, after `tokens` in all; returns the tokens a second since the last time.

        learnt : of the step.
        """
        now, before = time.monotonic(), tokens - learnt if self._tokens is None else self._tokens
        speed = (tokens - before) / max(now - self._reported, 1e-9)
        self._reported, self._tokens = now, tokens
        return speed

    @property
    def is_checkpoint_affordable(self) -> bool:
        """Whether checkpoints, with one more, will have taken no more of this process' time than their share."""
        return self._spent + self._cost <= _CHECKPOINT_SHARE * (time.monotonic() - self._begun)

    @property
    def is_checkpoint_due(self) -> bool:
        """The first one is at once; the others after the time that was asked for, if they are affordable."""
        if not self._is_written:
            return True
        if not self._checkpoint_seconds or time.monotonic() - self._written < self._checkpoint_seconds:
            return False
        return self.is_checkpoint_affordable

    def wrote(self, began: float) -> None:
        """A checkpoint was written, from `began`, by the clock, until now."""
        self._written, self._is_written = time.monotonic(), True
        self._cost = self._written - began
        self._spent += self._cost
