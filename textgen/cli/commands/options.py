"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen.checks import check_choice, check_number
from textgen.errors import ConfigError
from textgen.text.tokens.tokenizers import LEVELS

THREADS = "Threads to compute with."
ALL_CORES = "all that this process may use"
OUTPUT = "Output"


def group(heading: str) -> Callable[..., Any]:
    """`typer.Option`, for options that stand under `heading` in the help."""
    return partial(typer.Option, rich_help_panel=heading)


_output = group(OUTPUT)


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


MODEL = "The model, by name or file. Without it: TEXTGEN_MODEL's, else the newest, else one that came with textgen."
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE",
        help=MODEL,
        show_default=False,
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="LEVEL",
        help=f"Only models of this level: {', '.join(LEVELS)}.",
        show_default=False,
    ),
]
Threads = Annotated[int, typer.Option(metavar="N", help=THREADS, show_default=ALL_CORES)]
Json = Annotated[bool, _output("--json", help="Print JSON Lines.")]
Quiet = Annotated[bool, _output("--quiet", "-q", help="No notes and no progress on stderr.")]
Texts = Annotated[
    list[Path],
    typer.Argument(
        parser=input_file,
        metavar="FILE",
        help="UTF-8 text; - is standard input; .gz, .bz2, .xz are unpacked.",
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


def check_text(what: str, text: str) -> None:
    """Raise ConfigError if an argument's bytes were no UTF-8 (Python hands them over as lone surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what} is not UTF-8 text: {text!r}, at its character {error.start}") from error
