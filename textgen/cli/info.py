"""`textgen info`: what a model file holds."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli import options
from textgen.cli.output import Notes, print_json
from textgen.errors import ConfigError


def info(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE",
            help="The model, by name or file. Without it: the newest.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    level: options.Level = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what a model file holds."""
    if name is not None and model is not None:
        raise ConfigError("the model is named twice; give it as an argument or with --model")
    options.check_level(level)

    from textgen.cli.summary import as_record, describe
    from textgen.cli.table import print_pairs
    from textgen.lm.model_file import read_summary
    from textgen.lm.store import find_model, name_of

    path = find_model(name or model, level)
    summary = read_summary(path)
    Notes(quiet).say("model", name_of(path))
    if as_json:
        print_json(as_record(summary))
    else:
        print_pairs(describe(summary))
