"""The writer: sequences of one model, drawn side by side; where one is over, the next begins."""

from __future__ import annotations

from collections.abc import Callable

from textgen.core.kernels.writing import write
from textgen.core.runtime.crew import abandon
from textgen.core.runtime.threads import Team, share
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.storage.model import LanguageModel
from textgen.lm.writing.desks import ROWS_OF_A_DESK, Desk, Stream, work
from textgen.text.tokens.vocabulary import EOS_ID

_WORK_OF_A_THREAD = 100_000  # multiplications a token, some times what it takes threads to meet
_MOST_IN_STEP = 8  # threads that share the columns of a product, unless more are asked for


def worthwhile_threads(model: LanguageModel, rows: int) -> int:
    """Not so many threads that they wait for one another most of the time."""
    most = max(_MOST_IN_STEP, rows // ROWS_OF_A_DESK)
    return max(1, min(most, work(model, rows) // _WORK_OF_A_THREAD))


class Writer:
    """The sequences that are being drawn, as many as there are rows.

    With few rows all threads share the work of each; with many each thread has a desk of its own, and they wait for one
    another only where sequences have ended.
    """

    def __init__(
        self, model: LanguageModel, config: SamplingConfig, team: Team, rows: int, *, is_stepwise: bool = False
    ) -> None:
        self.team = team
        count = team.threads if rows >= team.threads * ROWS_OF_A_DESK else 1
        shares = [share(rows, part, count) for part in range(count)]
        threads = team.threads // count
        self.desks = [
            Desk(model, config, team, last - first, threads, is_stepwise=is_stepwise) for first, last in shares
        ]
        self._free = [(desk, row) for desk in self.desks for row in range(len(desk.rows))]

    def fill(self, next_stream: Callable[[], Stream | None]) -> None:
        """Begin new sequences in the rows that are free; None: there is none to begin now."""
        while self._free and (stream := next_stream()) is not None:
            desk, row = self._free.pop(0)
            desk.begin(row, stream)
            self._part_from(desk, row, stream)

    def run(self, look_at: Callable[[Stream], None]) -> None:
        """Draw tokens for all until it is time to look up; where a sequence is over, its row is free then.

        look_at : may end a sequence, or cut its text, when tokens have been added.
        """
        self.team.run(self._write, self._abandon)
        for desk in self.desks:
            for row, stream in desk.take_in():
                look_at(stream)
                if stream.ended is None:
                    desk.go_on(row, stream)
                self._part_from(desk, row, stream)

    def _part_from(self, desk: Desk, row: int, stream: Stream) -> None:
        """If `stream` is over, make its row free."""
        if stream.ended is not None:
            desk.free(row)
            self._free.append((desk, row))

    def _write(self, part: int) -> None:
        desk = self.desks[part % len(self.desks)]
        write(desk.steps, desk.streams, desk.draws, EOS_ID, desk.crew[part // len(self.desks)])

    def _abandon(self) -> None:
        for desk in self.desks:
            abandon(desk.crew[0])
