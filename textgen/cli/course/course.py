"""The course of `textgen train`, from the text to the saved model and the first sequences that it writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

from textgen.cli.course.conclusion import conclude
from textgen.cli.course.log import Record, as_record, open_log
from textgen.cli.course.notes import describe_corpus, describe_plan
from textgen.cli.course.progress import SilentProgress, open_progress
from textgen.cli.course.saving import Keeper
from textgen.cli.request.request import Configs, Request
from textgen.cli.request.resuming import check_same_text, describe_checkpoint, resume_command
from textgen.cli.terminal.compiling import compilation_watched
from textgen.cli.terminal.number_formats import format_bytes
from textgen.cli.terminal.output import Notes
from textgen.cli.terminal.reading import announce_terminal
from textgen.cli.terminal.signals import Stopping, interruptible
from textgen.core.runtime.limits import available_memory
from textgen.errors import ConfigError, OutputError
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import TrainingPlan, plan
from textgen.lm.progress.checkpoint import Checkpoint, Origin
from textgen.lm.training.advice import Memorisation, sorted_list, unknown_tokens, warned
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport, Finished, RecoveryReport, Report, StepReport, ValidationReport
from textgen.paths import display_name
from textgen.text.corpus.corpus import Corpus, read_corpus
from textgen.text.tokens.vocabulary import Vocabulary


def run_training(request: Request) -> None:
    """Train, save the best model, show what it writes.

    Raises DivergedError after the best model is saved, typer.Exit after an interruption (130, or 143 by SIGTERM),
    KeyboardInterrupt if nothing could be saved.
    """
    notes, resumed = request.notes, request.resumed
    written = request.destination.path, request.destination.checkpoint, request.destination.index
    taken = [path for path in (*request.files, request.valid, *written) if path is not None]
    with compilation_watched(notes), open_log(request.log, notes, taken) as record:
        request, corpus, prepared, origin = _prepare(request)
        configs = request.configs
        resumed_at = None if resumed is None else resumed.state.step
        planned = {name: value for name, value in asdict(prepared).items() if name not in asdict(configs)}
        record({"event": "start", **asdict(configs), "plan": planned, "resumed_at_step": resumed_at})

        def warn(warning: str) -> None:
            notes.warn(warning)
            record({"event": "warning", "warning": warning})

        for warning in (unknown_tokens(corpus, configs.text), sorted_list(corpus, configs.text)):
            if warning:
                warn(warning)
        notes.part()
        keeper = Keeper(request.destination, origin, [display_name(path) for path in request.files], notes)
        memorisation = Memorisation(corpus, configs.training)
        if resumed is not None:
            memorisation.recall(resumed.history.validations)
        stopping = Stopping()
        reports = train(corpus, configs.text, prepared, stopping, resumed or request.base)
        reports = warned(reports, memorisation, warn)
        with open_progress(corpus, configs, prepared, notes) as shown:
            first = _first_report(reports, resumed)
            with interruptible(stopping, shown.stopping):
                end = _follow(chain([first], reports), keeper, record, shown, request)
        notes.part()
        conclude(end, request, stopping, keeper, corpus)


def _prepare(request: Request) -> tuple[Request, Corpus, TrainingPlan, Origin]:
    """The request with its configurations settled, and what it comes to, told in notes.

    Raises ConfigError if that is not the training to go on with, or needs too much memory.
    """
    notes, resumed = request.notes, request.resumed
    if resumed is not None:
        for label, words in describe_checkpoint(resumed, request.configs, request.destination.name):
            notes.say(label, words)
    configs, base = request.configs, request.base
    corpus = read_text(request.files, request.valid, configs, notes, resumed or base)
    prepared = plan(corpus, configs.network, configs.training, base)
    text = replace(configs.text, unit=corpus.unit)
    configs = replace(configs, text=text, network=prepared.network, training=prepared.training)
    request = replace(request, configs=configs)
    began = resumed.origin.base if resumed is not None else None if base is None else base.facts
    origin = Origin.of(text, prepared, corpus, request.valid, began)
    if resumed is not None:
        check_same_text(resumed, origin)
    for label, words in describe_plan(prepared):
        notes.say(label, words)
    check_memory(prepared.memory_bytes)
    return request, corpus, prepared, origin


def check_memory(needed: int) -> None:
    """Raise ConfigError if a training needs more bytes than it can have, so that it fails now, not later.

    A forecast is no measurement: what is only somewhat too much is tried.
    """
    memory = available_memory()
    if memory is not None and needed > 2 * memory:
        raise ConfigError(
            f"the training would need about {format_bytes(needed)} of memory, and can have"
            f" {format_bytes(memory)}; choose a smaller --hidden, --max-vocab, --batch or --bptt"
        )


def read_text(
    files: Sequence[Path], valid: Path | None, configs: Configs, notes: Notes, begin: Checkpoint | Base | None
) -> Corpus:
    """The corpus, and in notes what was found in it; begin : what the training goes on from, or begins with."""
    held_out = [] if valid is None else [valid]
    announce_terminal([*files, *held_out], notes)

    def say(message: str) -> None:
        notes.say("text", message)

    rule = Vocabulary.from_counts if begin is None else begin.rule
    corpus = read_corpus(files, configs.text, say, seed=configs.training.seed, valid_paths=held_out, rule=rule)
    for label, text in describe_corpus(files, valid, corpus, configs.text):
        notes.say(label, text)
    return corpus


def _first_report(reports: Iterator[Report], resumed: Checkpoint | None) -> Report:
    """What comes of the first step. Until then, while kernels may be compiled, Ctrl-C ends at once."""
    try:
        return next(reports)
    except KeyboardInterrupt as interruption:
        left = "no model is saved" if resumed is None else "the checkpoint is as it was"
        raise KeyboardInterrupt(f"before the first step; {left}") from interruption


def _follow(
    reports: Iterable[Report], keeper: Keeper, record: Record, progress: SilentProgress, request: Request
) -> Finished:
    """Show all reports. Each best model is saved at once; at the end, once more with its whole history.

    Raises OutputError, which says how to go on, if it cannot be saved at the end.
    """
    for report in reports:
        if isinstance(report, CheckpointReport):
            record(keeper.checkpoint(report))
            continue
        record({"event": _EVENTS[type(report)], **as_record(report)})
        if isinstance(report, StepReport):
            progress.step(report)
        elif isinstance(report, RecoveryReport):
            progress.recovery(report)
        elif isinstance(report, ValidationReport):
            if report.best:
                keeper.best(report.model)
            progress.validation(report)
        else:
            if report.best is not None:
                _save_last(report, keeper, request)
            return report
    raise AssertionError("the training ended without saying so")


def _save_last(end: Finished, keeper: Keeper, request: Request) -> None:
    try:
        keeper.last(end.model)
    except OutputError as error:
        if not request.destination.has_checkpoint:
            raise
        raise OutputError(f"{error}; when there is room, this makes it: {resume_command(request)}") from error


_EVENTS = {
    StepReport: "step",
    ValidationReport: "validation",
    RecoveryReport: "recovery",
    Finished: "finished",
}
