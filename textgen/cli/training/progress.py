"""The progress of a training on standard error: a bar on a terminal, and a line a validation."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from textgen.cli.terminal.number_formats import format_duration, format_perplexity
from textgen.cli.terminal.output import Notes, console, print_line
from textgen.lm.inference.measures import perplexity

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from textgen.cli.training.request import Configs
    from textgen.lm.planning.plan import TrainingPlan
    from textgen.lm.training.reports import RecoveryReport, StepReport, ValidationReport
    from textgen.text.corpus.corpus import Corpus

_INTERVAL = 0.1  # seconds between two updates of the bar
_STOPPING = "stopping; Ctrl-C again quits at once"


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
        self._headed = False

    def validation(self, report: ValidationReport) -> None:
        """Print the line."""
        if not self._headed:
            self.print_line(format_heading(self._level))
            self._headed = True
        self.print_line(format_validation(report, self._level))

    def recovery(self, report: RecoveryReport) -> None:
        """Print a line that says it."""
        self.print_line(format_recovery(report))

    def print_line(self, line: str) -> None:
        """Print one line to standard error."""
        print_line(line)

    def stopping(self) -> None:
        """Say it; standard error has no buffer, in which the interrupted code may just be writing."""
        print_line(_STOPPING)


class LiveProgress(PlainProgress):
    """A bar below the lines, which moves with the steps."""

    def __init__(self, level: str, plan: TrainingPlan, tokens_per_character: float, bar: Bar) -> None:
        super().__init__(level)
        self._plan = plan
        self._tokens_per_character = tokens_per_character
        self._bar = bar
        self._task = bar.add_task("preparing", total=None, figures="")
        self._updated = -math.inf
        self._is_stopping = False

    def step(self, report: StepReport) -> None:
        """Move the bar, unless it has just been moved."""
        now = time.monotonic()
        if now - self._updated < _INTERVAL:
            return
        self._updated = now
        epochs = f"/{self._plan.epochs}" if self._plan.epochs else ""
        self._bar.update(
            self._task,
            description="stopping" if self._is_stopping else f"epoch {report.epoch}{epochs}",
            total=1.0,
            completed=report.progress,
            figures=self._format_figures(report),
        )

    def print_line(self, line: str) -> None:
        """Print one line above the bar."""
        is_row = line.startswith(" ")  # of the table; what else is told matters
        self._bar.console.print(line, style="dim" if is_row and not line.endswith(_BEST) else None)

    def stopping(self) -> None:
        """Let the bar say it."""
        self._is_stopping = True
        self._bar.update(self._task, description="stopping", figures="Ctrl-C again quits at once")

    def _format_figures(self, report: StepReport) -> str:
        if self._level == "word":
            quality = f"perplexity {format_perplexity(perplexity(report.loss, 1))}"
        else:
            quality = f"{report.loss / math.log(2) * self._tokens_per_character:.3f} bits/char"
        left = "" if report.seconds_left is None else f"  {format_duration(report.seconds_left)} left"
        return f"loss {report.loss:.3f}  {quality}  {report.tokens_per_second:,.0f} tokens/s{left}"


_BEST = "best"


def format_heading(level: str) -> str:
    """The heading of the lines below it."""
    quality = "perplexity" if level == "word" else "bits/char"
    return f"{'epoch':>6}{'step':>9}{'trained on':>13}{'held out':>11}{quality:>13}{'time':>10}"


def format_validation(report: ValidationReport, level: str) -> str:
    """One validation as a line: losses in nats per token, and the figure of the level."""
    quality = report.perplexity if level == "word" else report.bits_per_character
    shown = format_perplexity(quality) if level == "word" and quality is not None else _fixed(quality, 3)
    trained, held_out = _fixed(report.train_loss, 4), _fixed(report.valid_loss, 4)
    line = f"{report.epoch:>6}{report.step:>9}{trained:>13}{held_out:>11}{shown:>13}"
    return f"{line}{format_duration(report.seconds):>10}{'  ' + _BEST if report.best else ''}"


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
    """What shows the progress: nothing if that was declined, a bar on a terminal, else lines alone."""
    level = configs.text.level
    if notes.quiet:
        yield SilentProgress()
    elif not sys.stderr.isatty():
        yield PlainProgress(level)
    else:
        from rich.progress import BarColumn, Progress, TextColumn

        described = TextColumn("{task.description}", markup=False)
        figures = TextColumn("{task.fields[figures]}", style="dim", markup=False)
        bar = BarColumn(bar_width=None)
        ratio = len(corpus.train.ids) / max(1, int(corpus.train.characters.sum()))
        screen = console(stderr=True)
        screen.width -= len("^C ")  # what the terminal echoes must not break the line, or the bar could not be erased
        drawn = Progress(
            *(described, bar, figures),
            console=screen,
            transient=True,
            expand=True,
            redirect_stdout=False,  # to a console that obeys control sequences in what it is given
            redirect_stderr=False,
        )
        with drawn as shown, notes.printed_on(screen):
            yield LiveProgress(level, plan, ratio, shown)
