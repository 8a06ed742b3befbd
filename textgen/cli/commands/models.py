"""`textgen models`: what is in the store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from textgen.cli.commands import options
from textgen.cli.terminal.output import Notes, print_json
from textgen.paths import shown

if TYPE_CHECKING:
    from textgen.lm.storage.model_file import ModelSummary

_DATE = 10  # characters of an ISO date-time that are its date


def models(
    level: options.Level = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the models in the store, the newest first.

    Examples:
        textgen models
        textgen models --level word --json
    """
    options.check_level(level)

    from textgen.cli.show.summary import as_record, format_quality
    from textgen.cli.show.table import Column, print_table
    from textgen.lm.storage.store import models_folder

    notes = Notes(quiet)
    found = [summary for summary in _sound_models(notes) if level is None or summary.level == level]
    if as_json:
        for summary in found:
            print_json(as_record(summary))
        return
    if not found:
        notes.say("models", f"none in {models_folder()}; `textgen train CORPUS` makes one")
    columns = [
        Column("name", "name", right=False),
        Column("level", "level", right=False),
        Column("cell", "cell", right=False),
        Column("size", "size"),
        Column("parameters", "parameters"),
        Column("quality", "held out", right=False),
        Column("created", "created", right=False),
    ]
    rows = [
        [
            shown(summary.path.stem),
            summary.level,
            summary.network.cell,
            f"{summary.network.layers} x {summary.network.hidden}",
            str(summary.parameters),
            format_quality(summary),
            summary.history.created[: _DATE if sys.stdout.isatty() else None],
        ]
        for summary in found
    ]
    if rows:
        print_table(columns, rows)


def _sound_models(notes: Notes) -> list[ModelSummary]:
    """The summaries of the models in the store; the damaged ones are told in notes."""
    from textgen.errors import ModelFileError, NoSuchModelError
    from textgen.lm.storage.model_file import read_summary
    from textgen.lm.storage.store import list_models

    summaries = []
    for path in list_models():
        try:
            summaries.append(read_summary(path))
        except (ModelFileError, NoSuchModelError) as error:  # the latter: it was there when the store was listed
            notes.say("damaged", str(error))
    return summaries
