"""The course of `textgen train`, from the text to the saved model and the first sequences that it writes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textgen.cli.compiling import compilation_watched
from textgen.cli.figures import format_amount, format_bytes
from textgen.cli.interrupt import INTERRUPTED, interruptible
from textgen.cli.output import Notes, print_json
from textgen.cli.progress import SilentProgress, open_progress
from textgen.cli.reading import announce_terminal
from textgen.cli.sample import print_sequence
from textgen.cli.training_notes import describe_corpus, describe_end, describe_plan
from textgen.errors import ConfigError, DivergedError
from textgen.lm.advice import Memorisation, unknown_tokens, warned
from textgen.lm.config import SamplingConfig
from textgen.lm.files import output_error
from textgen.lm.plan import plan
from textgen.lm.reports import Finished, Report, StepReport, ValidationReport
from textgen.lm.sampling import sample
from textgen.lm.strict_json import to_json
from textgen.lm.training import train
from textgen.text.corpus import Corpus, read_corpus
from textgen.text.reading import display_name

if TYPE_CHECKING:
    from textgen.cli.destination import Destination
    from textgen.cli.options import Configs

_SAMPLES = 3  # sequences shown at the end

Record = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """A training that was asked for. `valid`: a text to validate on; `log`: where each report is written."""

    files: Sequence[Path]
    valid: Path | None
    configs: Configs
    destination: Destination
    log: Path | None
    notes: Notes
    as_json: bool


def run_training(request: Request) -> None:
    """Train, save the best model, show what it writes.

    Raises DivergedError after the last good model is saved, typer.Exit(130) after an interruption, KeyboardInterrupt
    if nothing could be saved.
    """
    notes, configs = request.notes, request.configs
    with compilation_watched(notes), _open_log(request.log) as record:
        corpus = _read(request)
        prepared = plan(corpus, configs.network, configs.training)
        text = replace(configs.text, unit=corpus.unit)
        configs = replace(configs, text=text, network=prepared.network, training=prepared.training)
        for label, words in describe_plan(prepared):
            notes.say(label, words)
        check_memory(prepared.memory_bytes)
        record({"event": "start", **asdict(configs), "plan": asdict(prepared)})

        def warn(warning: str) -> None:
            notes.say("warning", warning)
            record({"event": "warning", "warning": warning})

        if unknown := unknown_tokens(corpus, configs.text):
            warn(unknown)
        notes.part()
        stopping = threading.Event()
        reports = train(corpus, configs.text, configs.network, configs.training, stopping.is_set)
        reports = warned(reports, Memorisation(corpus, configs.training), warn)
        with open_progress(corpus, configs, prepared, notes) as shown:
            first = _first_report(reports)
            with interruptible(stopping, shown.stopping):
                end = _follow(chain([first], reports), request, record, shown)
        notes.part()
        _conclude(end, request)


def _conclude(end: Finished, request: Request) -> None:
    """Tell how the training ended; after a good end, show a few sequences."""
    notes, destination, training = request.notes, request.destination, request.configs.training
    for label, text in describe_end(end, destination):
        notes.say(label, text)
    if end.reason == "diverged":
        raise DivergedError(
            f"the loss was no longer a finite number after {format_amount(end.tokens, 'token')};"
            f" the last good model is saved as {destination.name}."
            f" Try a lower --lr than {training.lr:g}, or a lower --clip"
        )
    if request.as_json:
        place = {"model": destination.name, "path": str(destination.path)}
        print_json({"event": "result", **place, **as_record(end)})
    if end.reason == "interrupted":
        raise typer.Exit(INTERRUPTED)
    notes.part()
    _show_samples(end, training.seed, training.threads, as_json=request.as_json)


def check_memory(needed: int) -> None:
    """Raise ConfigError if a training needs more bytes than the machine can have, so that it fails now, not later.

    A forecast is no measurement: what is only somewhat too much is tried.
    """
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows does not tell
        return
    if needed > 2 * memory:
        raise ConfigError(
            f"the training would need about {format_bytes(needed)} of memory, this machine has"
            f" {format_bytes(memory)}; choose a smaller --hidden, --max-vocab, --batch or --bptt"
        )


def as_record(report: StepReport | ValidationReport | Finished) -> dict[str, Any]:
    """A report as JSON: all of it but the model."""
    record = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "model"}
    if isinstance(report, Finished) and report.best is not None:
        record["best"] = as_record(report.best)
    return record


def _read(request: Request) -> Corpus:
    """The corpus, and in notes what was found in it."""
    files, notes, configs = request.files, request.notes, request.configs
    valid = [] if request.valid is None else [request.valid]
    announce_terminal([*files, *valid], notes)

    def say(message: str) -> None:
        notes.say("text", message)

    corpus = read_corpus(files, configs.text, say, seed=configs.training.seed, valid_paths=valid)
    for label, text in describe_corpus(files, request.valid, corpus, configs.text):
        notes.say(label, text)
    return corpus


def _first_report(reports: Iterator[Report]) -> Report:
    """What comes of the first step. Until then, while kernels may be compiled, Ctrl-C ends at once."""
    try:
        return next(reports)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt("before the first step; no model is saved") from interruption


def _follow(reports: Iterable[Report], request: Request, record: Record, progress: SilentProgress) -> Finished:
    """Show all reports. Each best model is saved at once; at the end, once more with its whole history."""
    names = [display_name(path) for path in request.files]
    for report in reports:
        record({"event": _EVENTS[type(report)], **as_record(report)})
        if isinstance(report, StepReport):
            progress.step(report)
            continue
        if isinstance(report, Finished) or report.best:
            report.model.history["corpus"]["files"] = names
            request.destination.save(report.model)
        if isinstance(report, Finished):
            return report
        progress.validation(report)
    raise AssertionError("the training ended without saying so")


_EVENTS = {StepReport: "step", ValidationReport: "validation", Finished: "finished"}


def _show_samples(end: Finished, seed: int, threads: int, *, as_json: bool) -> None:
    for one in sample(end.model, SamplingConfig(count=_SAMPLES, seed=seed), threads=threads):
        if as_json:
            print_json({"event": "sample", **asdict(one)})
        else:
            print_sequence(one, end.model.text.unit)


@contextmanager
def _open_log(path: Path | None) -> Iterator[Record]:
    """A function that writes one record to the log, at once. Raises OutputError if that cannot be."""
    if path is None:
        yield lambda record: None
        return
    try:
        file = path.open("a", encoding="utf-8", newline="\n", buffering=1)
    except OSError as error:
        raise output_error(path, error) from error

    def write(record: Mapping[str, Any]) -> None:
        try:
            file.write(to_json(record) + "\n")
        except OSError as error:
            raise output_error(path, error) from error

    with file:
        yield write
