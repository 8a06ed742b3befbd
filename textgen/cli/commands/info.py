"""`textgen info`: what a model file holds, and the learning curve of its training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.commands import options
from textgen.cli.terminal.output import Notes, console, print_json
from textgen.errors import ConfigError

if TYPE_CHECKING:
    from textgen.lm.storage.model_file import ModelSummary

_output = options.group(options.OUTPUT)


def info(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE",
            help=options.MODEL,
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    level: options.Level = None,
    plot: Annotated[
        Path | None,
        _output(
            parser=options.output_file,
            metavar="FILE",
            help="Draw the learning curve into FILE, .png or .svg, too.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, _output("--force", help="Replace a plot that exists.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show what a model file holds; on a terminal, also its learning curve."""
    if name is not None and model is not None:
        raise ConfigError("the model is named twice; give it as an argument or with --model")
    options.check_level(level)

    from textgen.cli.commands.model_choice import choose_model, describe_origin
    from textgen.cli.show.plot import check_plot
    from textgen.cli.show.summary import as_record, describe
    from textgen.cli.show.table import print_pairs
    from textgen.lm.storage.model_file import read_digest, read_summary
    from textgen.lm.storage.store import name_of

    if plot is not None:
        check_plot(plot)
    notes = Notes(quiet)
    asked = model if name is None else name
    path, summary = choose_model(asked, level, read_summary, notes.warn)
    digest = read_digest(path)
    notes.say("model", f"{name_of(path)}{describe_origin(asked, path)}")
    if plot is not None:
        _plot(summary, plot, notes, force=force)
    if as_json:
        print_json(as_record(summary) | {"parameters_sha256": digest})
    else:
        print_pairs([*describe(summary), ("parameters", f"SHA-256 {digest}")])
        if sys.stdout.isatty():
            _show_curve(summary)


def _plot(summary: ModelSummary, path: Path, notes: Notes, *, force: bool) -> None:
    """Write the learning curve. Raises ConfigError if there is none."""
    from textgen.cli.show.learning_curve import learning_curve
    from textgen.cli.show.plot import write_plot

    curve = learning_curve(summary)
    if curve is None:
        raise ConfigError(f"{summary.path}: there is no learning curve: no validation is in the model's history")
    write_plot(curve, path, force=force)
    notes.say("plot", str(path))


def _show_curve(summary: ModelSummary) -> None:
    """Draw the learning curve on the terminal, if there is one."""
    from textgen.cli.show.curve_view import choose_signs, draw_curve
    from textgen.cli.show.learning_curve import learning_curve

    screen = console()
    curve = learning_curve(summary)
    drawn = None if curve is None else draw_curve(curve, screen.width, choose_signs())
    if drawn is not None:
        screen.print()
        screen.print(drawn, no_wrap=True)
