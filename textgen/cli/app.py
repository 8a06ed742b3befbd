"""The Typer application: the subcommands by name."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Annotated, Any

import typer

import textgen
from textgen.cli.commands import complete, evaluate, info, models, repl, sample, score, train
from textgen.cli.completion import completion
from textgen.cli.help import GroupedCommand, PlainGroup
from textgen.cli.terminal.output import print_data, print_line

app = typer.Typer(
    cls=PlainGroup,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(asked: bool) -> None:
    if asked:
        print_data(f"textgen {textgen.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Train a recurrent language model on your own text, write new text with it, and score sentences.

    Examples:
        textgen train corpora/shakespeare.txt
        textgen sample
        textgen score "To be, or not to be." "To be, or not to bee."
    """
    del show_version
    if context.invoked_subcommand is None:
        print_line(context.get_help())
        raise typer.Exit(2)


for _command in (
    train.train,
    sample.sample,
    complete.complete,
    repl.repl,
    score.score,
    evaluate.evaluate,
    info.info,
):
    app.command(_command.__name__, cls=GroupedCommand)(_command)

_models = typer.Typer(cls=PlainGroup, rich_markup_mode=None)
_models.callback(invoke_without_command=True)(models.models)
for _below in (models.rm, models.path, models.rename, models.halve):
    _models.command(cls=GroupedCommand)(_below)
app.add_typer(_models, name="models")
app.command(completion.__name__, cls=GroupedCommand)(completion)


def whole_command() -> Any:
    """The application as Typer makes it of all commands, with their options."""
    return typer.main.get_command(app)


def command_for(arguments: Sequence[str]) -> Any:
    """The same, with the one command alone that `arguments` begin with: the options of all take 0.03 s to read."""
    named = [info for info in app.registered_commands if info.name in arguments[:1]]
    if not named:
        return whole_command()
    small = copy(app)
    small.registered_commands, small.registered_groups = named, []
    return typer.main.get_command(small)
