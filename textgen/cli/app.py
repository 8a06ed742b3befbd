"""The Typer application: the subcommands by name."""

from __future__ import annotations

from typing import Annotated

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
    app.command(cls=GroupedCommand)(_command)

_models = typer.Typer(cls=PlainGroup, rich_markup_mode=None)
_models.callback(invoke_without_command=True)(models.models)
for _below in (models.rm, models.path, models.rename, models.halve):
    _models.command(cls=GroupedCommand)(_below)
app.add_typer(_models, name="models")
app.command(cls=GroupedCommand)(completion)
