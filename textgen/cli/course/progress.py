"""The progress of a training on standard error: a view on a terminal, and a line a validation."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

from textgen.cli.course.training_view import Figures, LiveView, TrainingView
from textgen.cli.show.curve_view import choose_signs
from textgen.cli.terminal.number_formats import format_duration, format_perplexity
from textgen.cli.terminal.output import Notes, console, print_line
from textgen.cli.terminal.signals import signal_handled
from textgen.lm.config.sampling import SamplingConfig
from textgen.lm.inference.measures import perplexity
from textgen.lm.writing.sampling import sample

if TYPE_CHECKING:
    from rich.console import Console

    from textgen.cli.request.request import Configs
    from textgen.lm.planning.plan import TrainingPlan
    from textgen.lm.storage.model import LanguageModel
    from textgen.lm.training.reports import RecoveryReport, StepReport, ValidationReport
    from textgen.text.corpus.corpus import Corpus

_GLIMPSE = 120  # characters of a sample in the view, about
_GLIMPSE_TEMPERATURE = 0.7
_GLIMPSES_SHARE = 0.01  # of the time
_PAUSE = getattr(signal, "SIGTSTP", None)  # Ctrl-Z; Windows has no such signal
_STOPPING = "stopping; Ctrl-C again quits at once"
_BEST = "best"  # behind a line of the table


class SilentProgress:
    """Shows nothing; what the others build on."""

    def step(self, report: StepReport) -> None:
        """Take in one step."""

    def validation(self, report: ValidationReport) -> None:
        """Take in one validation."""

    def recovery(self, report: RecoveryReport) -> None:
        """Take in that the training diverged and goes back."""

    def stopping(self) -> None:
        """Say that the first Ctrl-C was heard; called inside the signal's handler."""


class PlainProgress(SilentProgress):
    """A line a validation, under a heading."""

    def __init__(self, level: str) -> None:
        self._level = level
        self._columns: Sequence[str] = ()  # of the table, once it has a heading

    def validation(self, report: ValidationReport) -> None:
        """Print the line."""
        if not self._columns:
            self._columns = fitting_columns(self._width())
            self.print_line(format_heading(self._level, self._columns))
        self.print_line(format_validation(report, self._level, self._columns))

    def recovery(self, report: RecoveryReport) -> None:
        """Print a line that says it."""
        self.print_line(format_recovery(report))

    def _width(self) -> float:
        """The columns that a line of the table may have."""
        return math.inf

    def print_line(self, line: str) -> None:
        """Print one line to standard error."""
        print_line(line)

    def stopping(self) -> None:
        """Say it; standard error has no buffer, in which the interrupted code may just be writing."""
        print_line(_STOPPING)


class LiveProgress(PlainProgress):
    """A view below the lines, which moves with the steps, and now and then a sample of what the model writes."""

    def __init__(self, level: str, plan: TrainingPlan, tokens_per_character: float, screen: Console) -> None:
        super().__init__(level)
        self._epochs = f"/{plan.epochs}" if plan.epochs else ""
        self._tokens_per_character = tokens_per_character
        self._screen = screen
        self._glimpses = Glimpses(max(1, round(_GLIMPSE * tokens_per_character)))
        self._view = TrainingView(choose_signs())
        self._live = LiveView(self._view, screen)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """While the block runs, the view is on the screen; then nothing of it is left."""
        with signal_handled(_PAUSE, self._pause) if _PAUSE is not None else nullcontext():
            self._live.start(refresh=True)
            try:
                yield
            finally:
                self._live.stop()

    def _width(self) -> float:
        return self._screen.width

    def step(self, report: StepReport) -> None:
        """Have the view tell of this step."""
        self._view.track.add(report.progress, report.loss)
        self._view.figures = Figures(
            epoch=f"{report.epoch}{self._epochs}",
            progress=report.progress,
            loss=report.loss,
            quality=self._format_quality(report.loss),
            tokens_per_second=report.tokens_per_second,
            learning_rate=report.learning_rate,
            seconds_left=report.seconds_left,
        )

    def validation(self, report: ValidationReport) -> None:
        """Print the line, and show something else that the best model writes."""
        super().validation(report)
        self._view.sample = self._glimpses.draw(report.model, report.step) or self._view.sample

    def print_line(self, line: str) -> None:
        """Print one line above the view."""
        is_row = line.startswith(" ")  # of the table; what else is told matters
        self._screen.print(line, style="dim" if is_row and not line.endswith(_BEST) else None)
        self._view.is_apart = True

    def stopping(self) -> None:
        """Let the view say it, as soon as it is drawn again."""
        self._view.is_stopping = True

    def _format_quality(self, loss: float) -> str:
        if self._level == "word":
            return f"perplexity {format_perplexity(perplexity(loss, 1))}"
        return f"{loss / math.log(2) * self._tokens_per_character:.3f} bits/char"

    def _pause(self, number: int, frame: FrameType | None) -> None:
        """Leave the screen to the shell, the cursor seen, until the process is told to go on."""
        del frame
        self._live.stop()
        signal.signal(number, signal.SIG_DFL)  # which stops nobody whom no shell could tell to go on
        os.kill(os.getpid(), number)
        signal.signal(number, self._pause)
        self._live = LiveView(self._view, self._screen)  # a new one: it does not know of lines above it
        self._live.start(refresh=True)


class Glimpses:
    """Short samples, which take no more than their share of the time.

    They have a generator of their own: what is learnt does not know of them.
    """

    def __init__(self, tokens: int) -> None:
        """tokens : of a sample, at most."""
        self._tokens = tokens
        self._began = time.monotonic()
        self._cost: float | None = None  # of one; not of the first, which may load kernels that the end needs, too
        self._spent = 0.0

    def draw(self, model: LanguageModel, seed: int) -> str | None:
        """What the model writes; None if that is too dear just now."""
        began = time.monotonic()
        if self._spent + (self._cost or 0.0) > _GLIMPSES_SHARE * (began - self._began):
            return None
        config = SamplingConfig(count=1, max_length=self._tokens, temperature=_GLIMPSE_TEMPERATURE, seed=seed)
        [one] = sample(model, config, threads=1)
        if self._cost is None:
            self._cost = 0.0
        else:
            self._cost = time.monotonic() - began
            self._spent += self._cost
        return one.text


_WIDTHS = {"epoch": 6, "step": 9, "trained on": 13, "held out": 11, "quality": 13, "time": 10}
_DROPPED = ("step", "trained on", "held out", "time")  # where there is no room, in this order


def fitting_columns(width: float) -> list[str]:
    """The columns of the table that fit into a screen's width, `best` behind them; the two that matter always do."""
    left_out: list[str] = []
    for name in _DROPPED:
        if sum(_WIDTHS.values()) - sum(_WIDTHS[one] for one in left_out) + len(f"  {_BEST}") > width:
            left_out.append(name)
    return [name for name in _WIDTHS if name not in left_out]


def format_heading(level: str, columns: Sequence[str]) -> str:
    """The heading of the lines below it."""
    quality = "perplexity" if level == "word" else "bits/char"
    return "".join(f"{quality if name == 'quality' else name:>{_WIDTHS[name]}}" for name in columns)


def format_validation(report: ValidationReport, level: str, columns: Sequence[str]) -> str:
    """One validation as a line: losses in nats per token, and the figure of the level."""
    quality = report.perplexity if level == "word" else report.bits_per_character
    cells = {
        "epoch": str(report.epoch),
        "step": str(report.step),
        "trained on": _fixed(report.train_loss, 4),
        "held out": _fixed(report.valid_loss, 4),
        "quality": format_perplexity(quality) if level == "word" and quality is not None else _fixed(quality, 3),
        "time": format_duration(report.seconds),
    }
    line = "".join(f"{cells[name]:>{_WIDTHS[name]}}" for name in columns)
    return f"{line}{'  ' + _BEST if report.best else ''}"


def _fixed(value: float | None, digits: int) -> str:
    """With so many digits after the point; with an exponent where the training has diverged: '2.081e+33'. None: '-'."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if value < 1000 else f"{value:.3e}"


_CAUSES = {
    "loss": "the loss or its gradient is not finite",
    "spike": "the loss has leapt up",
    "validation": "the held-out loss is not finite",
}


def format_recovery(report: RecoveryReport) -> str:
    """What went wrong, and how the training goes on."""
    cause = _CAUSES[report.cause]
    place = f"the best parameters, of step {report.back_to}" if report.back_to else "the first parameters"
    rate = f"half the learning rate, {report.learning_rate:g}"
    return f"diverged at step {report.step} ({cause}): back to {place}, with {rate} (time {report.number} of 3)"


@contextmanager
def open_progress(corpus: Corpus, configs: Configs, plan: TrainingPlan, notes: Notes) -> Iterator[SilentProgress]:
    """What shows the progress: nothing if that was declined, a view on a terminal whose cursor moves, else lines."""
    level = configs.text.level
    if notes.quiet:
        yield SilentProgress()
    elif not sys.stderr.isatty() or (screen := console(stderr=True)).is_dumb_terminal:
        yield PlainProgress(level)
    else:
        ratio = len(corpus.train.ids) / max(1, int(corpus.train.characters.sum()))
        live = LiveProgress(level, plan, ratio, screen)
        with live.drawn(), notes.printed_on(screen):
            yield live
