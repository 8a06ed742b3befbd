"""Training: truncated back-propagation through time over the packed corpus, told as a stream of reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from textgen.core.runtime.compile_clock import compilation_timed
from textgen.core.runtime.threads import Team
from textgen.lm.config.text import TextConfig
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import TrainingPlan
from textgen.lm.progress.checkpoint import Checkpoint
from textgen.lm.training.reports import CheckpointReport, Finished, Report, StepReport
from textgen.lm.training.session import Run
from textgen.text.corpus.corpus import Corpus

_MOST_RECOVERIES = 3

Reason = str | None  # why a training ends; None: it goes on
Reports = Generator[Report, None, Reason]


def train(
    corpus: Corpus,
    text: TextConfig,
    the_plan: TrainingPlan,
    should_stop: Callable[[], bool] = lambda: False,
    begin: Checkpoint | Base | None = None,
) -> Iterator[Report]:
    """Train a model on `corpus`; the last report is Finished, the first is that of the first step.

    text : with its unit settled. the_plan : for this corpus. should_stop : asked before each step; True ends the
    training in good order, after a checkpoint. begin : where to go on, corpus and plan being those of then, but for a
    length that may be greater; or the model to begin with, which they were made for. None: the parameters are drawn.
    A training that diverges goes back to the best parameters so far; the fourth time it ends, reason "diverged". So is
    the reason of one that comes to its end without having learnt anything; it may be given more, all the same.
    """
    with Team(the_plan.threads) as team, compilation_timed() as compiling:
        run = Run(corpus, text, the_plan, team, compiling)
        if isinstance(begin, Base):
            run.begin_with(begin)
        elif begin is not None:
            run.restore(begin)
        yield from _reports(run, should_stop)


def _reports(run: Run, should_stop: Callable[[], bool]) -> Iterator[Report]:
    """All reports from where the training stands to its end."""
    state, reason = run.state, run.state.stopped
    if reason is None:
        while reason is None:
            if run.course.is_validation_due and state.step > state.validated:
                reason = yield from _validate(run)
            elif run.course.is_over:
                reason = run.course.reason
            elif should_stop():
                reason = "interrupted"
            else:
                reason = yield from _step(run)
        state.stopped = None if reason == "interrupted" else reason
        yield from _checkpoint(run)
    if reason == "interrupted" and run.best.report is None:
        yield run.validate()  # what the checkpoint knows nothing of
    has_learnt = run.best.report is not None or reason == "interrupted"
    yield _finish(run, reason if has_learnt else "diverged")


def _step(run: Run) -> Reports:
    """Learn from the next window."""
    learnt = run.learn()
    if learnt is None:
        return (yield from _recover(run, "loss"))
    if run.pace.is_report_due or run.course.is_over:
        yield _step_report(run, *learnt)
    if run.has_spike():
        return (yield from _recover(run, "spike"))
    if run.pace.is_checkpoint_due:
        yield from _checkpoint(run)
    return None


def _validate(run: Run) -> Reports:
    """Measure the parameters; the training may end by it."""
    report = run.validate()
    yield report
    if not run.is_sound(report.judged):
        return "diverged" if run.course.is_over else (yield from _recover(run, "validation"))
    if run.course.is_over:
        return run.course.reason
    if run.is_out_of_patience:
        return "patience"
    if run.pace.is_checkpoint_affordable:
        yield from _checkpoint(run)
    return None


def _recover(run: Run, cause: str) -> Reports:
    """Go back to the best parameters so far, if that has not been done too often."""
    if run.state.recoveries == _MOST_RECOVERIES:
        return "diverged"
    yield run.go_back(cause)
    return None


def _checkpoint(run: Run) -> Iterator[Report]:
    """Ask for a checkpoint, and take the time."""
    began = time.monotonic()
    yield CheckpointReport(run.state.step, run.snapshot())
    run.pace.wrote(began)


def _step_report(run: Run, learnt: int, size: float, rate: float) -> StepReport:
    state, pace, course = run.state, run.pace, run.course
    speed = pace.report(state.tokens, learnt)
    return StepReport(
        step=state.step,
        steps=course.steps,
        epoch=state.epoch,
        progress=course.progress,
        tokens=state.tokens,
        loss=state.spikes.loss.value,
        gradient_norm=size,
        learning_rate=rate,
        tokens_per_second=speed,
        seconds=pace.seconds,
        seconds_left=course.seconds_left,
    )


def _finish(run: Run, reason: str) -> Finished:
    best, state, seconds = run.best, run.state, run.pace.seconds
    best.tell(run.model.history, seconds, state.tokens)
    best.model.history = replace(best.model.history, stopped=reason)
    return Finished(best.model, reason, best.report, seconds, state.tokens, state.recoveries)
