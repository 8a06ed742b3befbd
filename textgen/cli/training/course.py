"""The course of `textgen train`, from the text to the saved model and the first sequences that it writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

import typer

from textgen.cli.show.sequences import JsonSequences, Sequences, count_shown
from textgen.cli.terminal.compiling import compilation_watched
from textgen.cli.terminal.number_formats import format_amount, format_bytes
from textgen.cli.terminal.output import Notes, flush_data, losses_told, print_json
from textgen.cli.terminal.reading import announce_terminal
from textgen.cli.terminal.signals import Stopping, interruptible
from textgen.cli.training.log import Record, open_log
from textgen.cli.training.notes import describe_copies, describe_corpus, describe_end, describe_plan, next_command
from textgen.cli.training.progress import SilentProgress, open_progress
from textgen.cli.training.request import Configs, Request
from textgen.cli.training.resuming import check_same_text, describe_checkpoint, resume_command
from textgen.cli.training.saving import Keeper
from textgen.core.runtime.limits import available_memory
from textgen.errors import ConfigError, DivergedError, OutputError
from textgen.lm.planning.base import Base
from textgen.lm.planning.plan import TrainingPlan, plan
from textgen.lm.progress.checkpoint import Checkpoint, Origin
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training.advice import Memorisation, against_divergence, sorted_list, unknown_tokens, warned
from textgen.lm.training.loop import train
from textgen.lm.training.reports import CheckpointReport, Finished, RecoveryReport, Report, StepReport, ValidationReport
from textgen.lm.writing.copies import LEAST, copies_together, find_copies
from textgen.lm.writing.sampling import Sample
from textgen.lm.writing.temperature import natural_temperature, try_temperatures
from textgen.paths import display_name
from textgen.text.corpus.corpus import Corpus, read_corpus
from textgen.text.tokens.run_index import RunIndex
from textgen.text.tokens.vocabulary import Vocabulary

_SHOWN = {0.5: "surer, plainer", 1.0: "freer, as the model has it"}  # temperatures of the sequences at the end


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
        _conclude(end, request, stopping, keeper, corpus)


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


def _conclude(end: Finished, request: Request, stopping: Stopping, keeper: Keeper, corpus: Corpus) -> None:
    """Tell how the training ended, make the index; after a good end, show a few sequences.

    Raises OutputError if they cannot be shown. After an interruption, its exit code is what counts.
    """
    notes, destination, training = request.notes, request.destination, request.configs.training
    for label, text in describe_end(end, training.patience, destination):
        notes.say(label, text)
    index = keeper.index(end.model, corpus, wanted=request.index) if end.best else None
    written: Mapping[float, Sequence[Sample]] = {}
    shown = count_shown(corpus.train.characters.tolist())
    if end.reason not in ("diverged", "interrupted"):
        written = try_temperatures(end.model, corpus, shown, training.seed, training.threads)
    if end.best is not None:
        notes.say("next", next_command(destination, natural_temperature(end.model, corpus, written)))
    if end.reason == "diverged":
        saved = f"the best model is saved as {destination.name}" if end.best else "no model is saved"
        times = f", {format_amount(end.recoveries, 'time')} with half the learning rate" if end.recoveries else ""
        raise DivergedError(
            f"the training diverged {'again ' if times else ''}after {format_amount(end.tokens, 'token')}{times};"
            f" {saved}; {against_divergence(training)}"
        )
    if end.reason == "interrupted" and destination.has_checkpoint:
        notes.say("go on", resume_command(request))
    if end.reason == "interrupted":
        with losses_told(notes):
            _print_result(end, request)
        raise typer.Exit(stopping.exit_code)
    try:
        _print_result(end, request)
        first = {temperature: written[temperature][:shown] for temperature in _SHOWN}
        _show_samples(first, request)
        if index is not None:
            _tell_copies(index, end.model, list(chain.from_iterable(first.values())), request)
    except OutputError as error:
        raise OutputError(f"{error}; the model is saved as {destination.name}") from error


def _print_result(end: Finished, request: Request) -> None:
    """Print the end as JSON, if that was asked for."""
    if request.as_json:
        place = {"model": request.destination.name, "path": str(request.destination.path)} if end.best else {}
        print_json({"event": "result", **place, **as_record(end)})


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


def as_record(report: StepReport | ValidationReport | RecoveryReport | Finished) -> dict[str, Any]:
    """A report as JSON: all of it but the model."""
    record = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "model"}
    if isinstance(report, Finished) and report.best is not None:
        record["best"] = as_record(report.best)
    return record


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


def _tell_copies(index: RunIndex, model: LanguageModel, samples: Sequence[Sample], request: Request) -> None:
    """Tell how much of the samples is copied, in a note, and as JSON if that was asked for."""
    least = LEAST[model.level]
    texts = [model.vocabulary.ids_of(model.tokenizer.tokenize(one.text)).tolist() for one in samples]
    copies = copies_together([find_copies(index, ids, least) for ids in texts])
    request.notes.say("copied", describe_copies(copies, model.level))
    if request.as_json:
        print_json({"event": "copied", "longest": copies.longest, "share": copies.share, "least": least})


def _show_samples(written: Mapping[float, Sequence[Sample]], request: Request) -> None:
    """Print the sequences of each temperature; what it is stands in notes, so that a pipe gets text alone."""
    for temperature, samples in written.items():
        request.notes.part()
        request.notes.say("samples", f"at temperature {temperature:g}: {_SHOWN[temperature]}")
        beside = {"event": "sample", "temperature": temperature}
        printer = JsonSequences(beside) if request.as_json else Sequences(request.configs.text.unit, echo=True)
        for one in samples:
            printer.end(one)
        flush_data()
