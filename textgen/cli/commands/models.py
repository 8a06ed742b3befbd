"""`textgen models`: what is in the store, and its upkeep."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.commands import options
from textgen.cli.terminal.number_formats import format_age, format_amount, format_bytes
from textgen.cli.terminal.output import Notes, print_data, print_json, print_line
from textgen.cli.terminal.reading import confirmed
from textgen.errors import ConfigError
from textgen.paths import real, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textgen.lm.storage.model_file import ModelSummary
    from textgen.lm.storage.upkeep import StoredModel

Name = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name.", show_default=False)]
Names = Annotated[list[str], typer.Argument(metavar="MODEL", help="The models' names.", show_default=False)]


def models(
    context: typer.Context,
    level: options.Level = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """List the models in the store, the newest first, or rename or remove them.

    Examples:
        textgen models
        textgen models --level word --json
    """
    if context.invoked_subcommand is not None:
        if level is not None or as_json or quiet:
            raise ConfigError(f"--level, --json and --quiet before '{context.invoked_subcommand}' are of the list only")
        return
    options.check_level(level)

    from textgen.cli.show.summary import as_record
    from textgen.lm.storage.store import is_packaged, models_folder

    notes = Notes(quiet)
    found = [summary for summary in _sound_models(notes) if level is None or summary.level == level]
    if as_json:
        for summary in found:
            print_json(as_record(summary) | {"packaged": is_packaged(summary.path)})
        return
    if found:
        _print_list(found)
    else:
        notes.say("models", f"none in {models_folder()}; `textgen train CORPUS` makes one")


def rm(
    names: Names,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove them without asking.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Remove models for good.

    With each goes its checkpoint, and all else that belongs to it. None is removed if one of them cannot
    be: it is not there, a training is writing it, or it came with textgen.
    """
    from textgen.lm.storage.upkeep import held, remove_models, stored_model

    found = list({model.path: model for model in map(stored_model, names)}.values())
    if not (yes or (sys.stdin is not None and sys.stdin.isatty())):
        raise ConfigError("`models rm` asks before it removes, and there is no terminal to ask on; give --yes")
    with held(*[model.path for model in found]):
        if not (yes or _confirmed(found)):
            Notes(quiet).say("removed", "none")
            return
        remove_models(found)
    for model in found:
        Notes(quiet).say("removed", model.name)


def _confirmed(found: Sequence[StoredModel]) -> bool:
    for model in found:
        files = ", ".join(file.name for file in model.files)
        print_line(f"{model.name}: {files}; {format_bytes(model.size)}")
    return confirmed(f"Remove {format_amount(len(found), 'model')} for good?")


def path(name: Name) -> None:
    """Print where a model's file is."""
    from textgen.lm.storage.store import named_model

    print_data(str(named_model(name)))


def rename(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name, which is free.", show_default=False)],
    quiet: options.Quiet = False,
) -> None:
    """Give a model another name.

    Its checkpoint, and all else that belongs to it, come along. Nothing is replaced.
    """
    from textgen.lm.storage.upkeep import rename_model, stored_model

    model = stored_model(name)
    renamed = rename_model(model, new)
    Notes(quiet).say("renamed", f"{model.name} is {renamed.name} now")


def halve(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A model, by name or file.", show_default=False)],
    output: Annotated[
        Path,
        typer.Argument(
            parser=options.output_file, metavar="FILE", help="Where the copy goes: *.safetensors.", show_default=False
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a copy of half the size.

    Each parameter is rounded to 16 bits, and it is said by how much that changed them. So the copy writes
    and scores nearly as the model does; `textgen info` tells the two apart.
    """
    from textgen.lm.storage.model_file import halve_model, load_model
    from textgen.lm.storage.store import named_model

    path = named_model(name)
    if real(output) == real(path):
        raise ConfigError(f"{output} is the model itself, which has bits that the copy lacks; give another file's name")
    rounding = halve_model(load_model(path), output, overwrite=force)
    notes = Notes(quiet)
    lost = f"; {format_amount(rounding.lost, 'parameter')} became 0" if rounding.lost else ""
    amount = format_amount(rounding.parameters, "parameter")
    notes.say("rounded", f"{amount} to 16 bits, none of them changed by more than {rounding.most:.2g}{lost}")
    notes.say("saved", str(output))


def _print_list(found: Sequence[ModelSummary]) -> None:
    """Print a line a model: for people on a terminal, else with exact figures."""
    from textgen.cli.show.table import Column, print_table

    columns = [
        Column("model", "model", right=False),
        Column("level", "level", right=False),
        Column("network", "network", right=False),
        Column("bytes", "size"),
        Column("bits_per_character", "bits/\nchar"),
        Column("created", "age"),
        Column("from", "from", right=False),
    ]
    is_seen = sys.stdout.isatty()
    print_table(columns, [_row(summary, is_seen=is_seen) for summary in found])


def _row(summary: ModelSummary, *, is_seen: bool) -> list[str]:
    """One line of the list. is_seen : whether a person sees it."""
    from textgen.cli.show.summary import bits_per_character

    network, created, bits = summary.network, summary.history.created, bits_per_character(summary)
    return [
        shown(summary.path.stem),
        summary.level,
        f"{network.cell} {network.layers} x {network.hidden}",
        format_bytes(summary.size) if is_seen else str(summary.size),
        "-" if bits is None else f"{bits:.3f}",
        (_age(created) if is_seen else created) or "-",
        _origin(summary),
    ]


def _age(created: str) -> str:
    """How long ago that was, an ISO 8601 time; empty if it is none."""
    try:
        then = datetime.fromisoformat(created)
    except ValueError:  # whoever wrote the file
        return ""
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return format_age((datetime.now(UTC) - then).total_seconds())


def _origin(summary: ModelSummary) -> str:
    """Where a model is from: its text's name, 'textgen' if it came with it."""
    from textgen.lm.storage.store import is_packaged

    if is_packaged(summary.path):
        return "textgen"
    files = [Path(name).name for name in summary.history.corpus.files]
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0]}{more}" if files else "-"


def _sound_models(notes: Notes) -> list[ModelSummary]:
    """The summaries of all models that a name stands for; the damaged ones are told in notes."""
    from textgen.errors import ModelFileError, NoSuchModelError
    from textgen.lm.storage.model_file import read_summary
    from textgen.lm.storage.store import list_models, packaged_models

    stored = list_models()
    names = {path.name for path in stored}
    summaries = []
    for path in (*stored, *[path for path in packaged_models() if path.name not in names]):
        try:
            summaries.append(read_summary(path))
        except (ModelFileError, NoSuchModelError) as error:  # the latter: it was there when the store was listed
            notes.say("damaged", str(error))
    return summaries
