"""The end of `textgen train`: how it went, what is left, and the first sequences that the model writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NoReturn

import typer

from textgen.cli.course.log import as_record
from textgen.cli.course.notes import describe_end, next_command
from textgen.cli.course.saving import Keeper
from textgen.cli.request.request import Request
from textgen.cli.request.resuming import resume_command
from textgen.cli.show.copies import describe_copies
from textgen.cli.show.sequences import choose_printer, count_shown
from textgen.cli.terminal.number_formats import format_amount
from textgen.cli.terminal.output import flush_data, losses_told, print_json
from textgen.cli.terminal.signals import Stopping
from textgen.errors import DivergedError, OutputError
from textgen.lm.training.advice import against_divergence
from textgen.lm.training.reports import Finished
from textgen.lm.writing.copies import LEAST, copies_together
from textgen.lm.writing.sampling import Piece, Sample
from textgen.lm.writing.temperature import natural_temperature, try_temperatures
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.run_index import RunIndex

_SHOWN = {0.5: "surer, plainer", 1.0: "freer, as the model has it"}  # temperatures of the sequences at the end


def conclude(end: Finished, request: Request, stopping: Stopping, keeper: Keeper, corpus: Corpus) -> None:
    """Tell how the training ended, make the index; after a good end, show what the model writes.

    Raises DivergedError, or typer.Exit after an interruption, whose code is what counts then; OutputError if something
    cannot be shown.
    """
    notes, destination = request.notes, request.destination
    for label, text in describe_end(end, request.configs.training.patience, destination):
        notes.say(label, text)
    index = keeper.index(end.model, corpus, wanted=request.index) if end.best else None
    if end.reason in ("diverged", "interrupted"):
        if end.best is not None:
            notes.say("next", next_command(destination, None))
        _conclude_early(end, request, stopping)
    else:
        _show_the_model(end, request, corpus, index)


def _conclude_early(end: Finished, request: Request, stopping: Stopping) -> NoReturn:
    """Say what is left of a training that did not come to its end, and how to go on."""
    notes, destination, training = request.notes, request.destination, request.configs.training
    if end.reason == "diverged":
        saved = f"the best model is saved as {destination.name}" if end.best else "no model is saved"
        times = f", {format_amount(end.recoveries, 'time')} with half the learning rate" if end.recoveries else ""
        raise DivergedError(
            f"the training diverged {'again ' if times else ''}after {format_amount(end.tokens, 'token')}{times};"
            f" {saved}; {against_divergence(training)}"
        )
    if destination.has_checkpoint:
        notes.say("go on", resume_command(request))
    with losses_told(notes):
        _print_result(end, request)
    raise typer.Exit(stopping.exit_code)


def _show_the_model(end: Finished, request: Request, corpus: Corpus, index: RunIndex | None) -> None:
    """Show what the model writes, and name the temperature at which it does so best."""
    notes, destination, training = request.notes, request.destination, request.configs.training
    count = count_shown(corpus.train.characters.tolist())
    written = try_temperatures(end.model, corpus, count, training, index)
    if end.best is not None:
        notes.say("next", next_command(destination, natural_temperature(corpus, written)))
    try:
        _print_result(end, request)
        shown = {temperature: written[temperature][:count] for temperature in _SHOWN}
        _show_samples(shown, request)
        _tell_copies(chain.from_iterable(shown.values()), request)
    except OutputError as error:
        raise OutputError(f"{error}; the model is saved as {destination.name}") from error


def _print_result(end: Finished, request: Request) -> None:
    """Print the end as JSON, if that was asked for."""
    if request.as_json:
        place = {"model": request.destination.name, "path": str(request.destination.path)} if end.best else {}
        print_json({"event": "result", **place, **as_record(end)})


def _show_samples(written: Mapping[float, Sequence[Sample]], request: Request) -> None:
    """Print the sequences of each temperature; what it is stands in notes, so that a pipe gets text alone."""
    for temperature, samples in written.items():
        request.notes.part()
        request.notes.say("samples", f"at temperature {temperature:g}: {_SHOWN[temperature]}")
        beside = {"event": "sample", "temperature": temperature} if request.as_json else None
        unit, several = request.configs.text.unit, len(samples) > 1
        printer = choose_printer(unit, several=several, echo=True, beside=beside, copies=None)
        for one in samples:
            printer.add(Piece(one.text))
            printer.end(one)
        flush_data()


def _tell_copies(samples: Iterable[Sample], request: Request) -> None:
    """Tell how much of the samples is copied, if that is known, in a note, and as JSON if that was asked for."""
    found = [one.copies for one in samples if one.copies is not None]
    if not found:
        return
    level, copies = request.configs.text.level, copies_together(found)
    request.notes.say("copied", describe_copies(copies, level))
    if request.as_json:
        print_json({"event": "copied", "longest": copies.longest, "share": copies.share, "least": LEAST[level]})
