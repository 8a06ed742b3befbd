"""The course of `textgen train`, from the text to the saved model and the first sequences that it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textgen.cli.figures import format_amount
from textgen.cli.interrupt import INTERRUPTED, interruptible
from textgen.cli.output import Notes, format_json, print_json
from textgen.cli.progress import open_progress
from textgen.cli.reading import announce_terminal
from textgen.cli.sample import print_sequence
from textgen.cli.training_notes import describe_corpus, describe_end, describe_plan
from textgen.errors import DivergedError
from textgen.lm.config import SamplingConfig
from textgen.lm.files import output_error
from textgen.lm.sampling import sample
from textgen.lm.training import Finished, StepReport, TrainingPlan, ValidationReport, plan, train
from textgen.text.corpus import Corpus, read_corpus

if TYPE_CHECKING:
    from textgen.cli.destination import Destination
    from textgen.cli.options import Configs

_SAMPLES = 3  # sequences shown at the end

Record = Callable[[Mapping[str, Any]], None]


def run_training(
    files: Sequence[Path],
    valid: Path | None,
    configs: Configs,
    destination: Destination,
    log: Path | None,
    notes: Notes,
    *,
    as_json: bool,
) -> None:
    """Train on `files`, save the best model, show what it writes.

    Raises DivergedError after the last good model is saved, typer.Exit(130) after an interruption.
    """
    with _open_log(log) as record:
        corpus = _read(files, valid, configs, notes)
        configs = replace(configs, text=replace(configs.text, unit=corpus.unit))
        prepared = plan(corpus, configs.network, configs.training)
        for label, text in describe_plan(prepared, configs):
            notes.say(label, text)
        record({"event": "start", **asdict(configs), "plan": asdict(prepared)})
        end = _train(corpus, configs, prepared, destination, record, notes)
    for label, text in describe_end(end, destination):
        notes.say(label, text)
    if end.reason == "diverged":
        raise DivergedError(
            f"the loss was no longer a finite number after {format_amount(end.tokens, 'token')}; the last good"
            f" model is saved as {destination.name}. Try a lower --lr than {configs.training.lr:g}, or a lower --clip"
        )
    if as_json:
        print_json(
            {"event": "result", "model": destination.name, "path": str(destination.path), **as_record(end)}
        )
    if end.reason == "interrupted":
        raise typer.Exit(INTERRUPTED)
    _show_samples(end, configs.training.threads, as_json=as_json)


def as_record(report: StepReport | ValidationReport | Finished | None) -> dict[str, Any] | None:
    """A report as JSON: all of it but the model."""
    if report is None:
        return None
    record = {field.name: getattr(report, field.name) for field in fields(report) if field.name != "model"}
    if isinstance(report, Finished):
        record["best"] = as_record(report.best)
    return record


def _read(files: Sequence[Path], valid: Path | None, configs: Configs, notes: Notes) -> Corpus:
    """The corpus, and in notes what was found in it."""
    announce_terminal([*files, *([valid] if valid else [])], notes)
    corpus = read_corpus(
        files,
        configs.text,
        lambda message: notes.say("text", message),
        seed=configs.training.seed,
        valid_paths=[valid] if valid else [],
    )
    for label, text in describe_corpus(files, valid, corpus):
        notes.say(label, text)
    return corpus


def _train(
    corpus: Corpus,
    configs: Configs,
    prepared: TrainingPlan,
    destination: Destination,
    record: Record,
    notes: Notes,
) -> Finished:
    """Train to the end. Each best model is saved at once; at the end, once more with its whole history."""
    with (
        open_progress(corpus, configs, prepared, notes) as progress,
        interruptible(progress.stopping) as should_stop,
    ):
        for report in train(corpus, configs.text, configs.network, configs.training, should_stop):
            record({"event": _EVENTS[type(report)], **(as_record(report) or {})})
            if isinstance(report, StepReport):
                progress.step(report)
            elif isinstance(report, ValidationReport):
                if report.best:
                    destination.save(report.model)
                progress.validation(report)
            else:
                destination.save(report.model)
                return report
    raise AssertionError("the training ended without saying so")


_EVENTS = {StepReport: "step", ValidationReport: "validation", Finished: "finished"}


def _show_samples(end: Finished, threads: int, *, as_json: bool) -> None:
    for one in sample(end.model, SamplingConfig(count=_SAMPLES), threads=threads):
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
            file.write(format_json(record) + "\n")
        except OSError as error:
            raise output_error(path, error) from error

    with file:
        yield write
