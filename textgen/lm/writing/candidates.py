"""Which of several tries becomes a sequence: one that matches, the most probable of some, or simply the first."""

from __future__ import annotations

from collections.abc import Callable

from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.writing.desks import Stream
from textgen.lm.writing.prompts import Beginning


class Candidates:
    """The tries at one sequence. Which of them is taken depends on their numbers, not on when they are finished.

    beginning : where each of them begins. index : the number of the sequence. is_good : whether a finished try may be
    taken. tries : those that have begun, in order.
    """

    def __init__(
        self, config: SamplingConfig, is_good: Callable[[Stream], bool], beginning: Beginning, index: int
    ) -> None:
        self.beginning, self.index, self.tries = beginning, index, list[Stream]()
        self._is_good, self._needed, self._is_tried = is_good, config.best_of, config.match is not None
        self._most = config.tries if self._is_tried else config.best_of
        self._good: list[Stream] = []
        self._judged = 0  # of the tries, the first so many

    def wants_another(self, ahead: int) -> bool:
        """Whether one more try should begin.

        ahead : how many may be under way at once where it is not known how many it takes.
        """
        under_way = len(self.tries) - self._judged
        wanted = self._needed - len(self._good)
        return len(self.tries) < self._most and under_way < (max(ahead, wanted) if self._is_tried else wanted)

    def are_decided(self) -> bool:
        """Judge what is finished, in order; whether no further try could change which one is taken."""
        while len(self._good) < self._needed and self._judged < len(self.tries):
            stream = self.tries[self._judged]
            if stream.ended is None:
                break
            self._judged += 1
            if stream.ended != "rules" and self._is_good(stream):
                self._good.append(stream)
        return len(self._good) == self._needed or self._judged == self._most

    @property
    def best(self) -> Stream | None:
        """Of the good ones that with the highest mean log-probability of its tokens; None if there are none."""
        return max(self._good, key=Stream.mean_log_probability, default=None)
