"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen.checks import check_choice, check_number
from textgen.cli.terminal.output import print_data
from textgen.text.tokens.tokenizers import LEVELS

TEXT = "UTF-8 text; - is standard input; .gz, .bz2, .xz are unpacked."
THREADS = "Threads to compute with."
ALL_CORES = "all that this process may use"
OPTIONS, OUTPUT = "Options", "Output"
SHOW_ALL = "textgen.show_all"  # in the context's `meta`: whether the help shall show all options


class CommonHeading(str):
    """The heading of a common option, which `--help` shows also where there is `--help-all` for the others."""


def group(heading: str) -> Callable[..., Any]:
    """`typer.Option`, for options that stand under `heading` in the help; with `common=True` for a common one.

    A command of more than a dozen options has `HelpAll` among them. Its `--help` shows the common ones alone.
    """

    def option(*names: str, common: bool = False, **settings: Any) -> Any:
        return typer.Option(*names, rich_help_panel=CommonHeading(heading) if common else heading, **settings)

    return option


def _print_all_help(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:  # which is how a shell's completion looks at the line
        context.meta[SHOW_ALL] = True
        print_data(context.get_help())
        raise typer.Exit


_plain, _output = group(OPTIONS), group(OUTPUT)


def input_file(text: str) -> Path:
    """The path of a file to be read. Raises BadParameter, to which Typer adds the option's name, if it is empty."""
    if not text:
        raise typer.BadParameter("it is empty; give a file's name")
    return Path(text)


def output_file(text: str) -> Path:
    """The path of a file to be written. Raises BadParameter if it is empty or a folder's: '.', '/', 'folder/'."""
    path = input_file(text)
    if os.path.basename(text) in ("", ".", ".."):  # noqa: PTH119  (a Path has forgotten the last slash)
        raise typer.BadParameter(f"'{text}' is a folder; give a file's name")
    return path


MODEL = "The model, by name or file. Without it: TEXTGEN_MODEL's, else the newest."
Model = Annotated[
    str | None,
    _plain(
        "--model",
        "-m",
        common=True,
        metavar="NAME|FILE",
        help=MODEL,
        show_default=False,
    ),
]
Level = Annotated[
    str | None,
    _plain(
        "--level",
        metavar="LEVEL",
        common=True,
        help=f"Only models of this level: {', '.join(LEVELS)}.",
        show_default=False,
    ),
]
Threads = Annotated[int, typer.Option(metavar="N", help=THREADS, show_default=ALL_CORES)]
Json = Annotated[bool, _output("--json", help="Print JSON Lines.")]
Quiet = Annotated[bool, _output("--quiet", "-q", help="No notes and no progress on stderr.")]
HelpAll = Annotated[
    bool, _plain("--help-all", is_eager=True, callback=_print_all_help, help="Show all options and exit.")
]
Texts = Annotated[
    list[Path],
    typer.Argument(
        parser=input_file,
        metavar="FILE",
        help=TEXT,
        show_default=False,
    ),
]


def check_level(level: str | None) -> None:
    """Raise ConfigError unless `level` is one, or None."""
    if level is not None:
        check_choice("--level", level, LEVELS)


def check_threads(threads: int) -> None:
    """Raise ConfigError for a negative number of threads."""
    check_number("threads", threads, least=0)
