"""Options that several commands share, and how options become configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from textgen.checks import check_choice, check_number
from textgen.cli.terminal.number_formats import parse_duration
from textgen.errors import ConfigError
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.tokenizers import TOKENIZERS

LEVELS = tuple(dict.fromkeys(tokenizer.level for tokenizer in TOKENIZERS.values()))
THREADS = "Threads to compute with."
ALL_CORES = "all that this process may use"
OUTPUT = "Output"


def group(heading: str) -> Callable[..., Any]:
    """`typer.Option`, for options that stand under `heading` in the help."""
    return partial(typer.Option, rich_help_panel=heading)


_output = group(OUTPUT)

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME|FILE",
        help="The model, by name or file. Without it: the newest.",
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
        metavar="FILE",
        help="UTF-8 text; - is standard input; .gz, .bz2, .xz are unpacked.",
        show_default=False,
    ),
]

_Config = TypeVar("_Config")


@dataclass(frozen=True)
class Configs:
    """All that a training is asked for."""

    text: TextConfig
    network: NetworkConfig
    training: TrainingConfig


_ALTERNATIVES = ({"level", "tokenizer"}, {"epochs", "time", "steps"})  # whoever gives one has not given the others


def given_options(context: typer.Context) -> set[str]:
    """The names of the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name != "DEFAULT"}


def merge(values: Mapping[str, Any], given: set[str], file: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """All options' values, and the names of those that were given at all, on the command line or in a file.

    values : of all parameters. given : the names of those on the command line; they win over those in `file`.
    """
    hidden = given.union(*(names for names in _ALTERNATIVES if names & given))
    used = {name: value for name, value in file.items() if name not in hidden}
    return {**values, **used}, given | used.keys()


def pick(kind: type[_Config], options: Mapping[str, Any]) -> _Config:
    """The configuration made of those `options` that bear the names of its fields; it checks itself."""
    return kind(**{field.name: options[field.name] for field in fields(kind) if field.name in options})  # type: ignore[arg-type]


_SETTINGS = {"level": "tokenizer", "time": "seconds"}  # where an option is not called as the field that it is about


def settings(given: set[str]) -> set[str]:
    """The fields of the configurations that the given options are about."""
    return {_SETTINGS.get(name, name) for name in given}


def choose_tokenizer(level: str | None, tokenizer: str | None, default: str) -> str:
    """The tokenizer that the two options ask for. Raises ConfigError if they are unknown or contradict."""
    if level is not None:
        check_choice("--level", level, LEVELS)
    if tokenizer is None:
        return default if level is None else level
    check_choice("--tokenizer", tokenizer, TOKENIZERS)
    if level is not None and TOKENIZERS[tokenizer].level != level:
        raise ConfigError(
            f"--level {level} and --tokenizer {tokenizer} contradict each other: that tokenizer's level is"
            f" {TOKENIZERS[tokenizer].level}; give one of them"
        )
    return tokenizer


def configurations(values: Mapping[str, Any]) -> Configs:
    """What the options ask for, by parameter name; what is left out has its default. Raises ConfigError."""
    tokenizer = choose_tokenizer(values.get("level"), values.get("tokenizer"), TextConfig.tokenizer)
    time = values.get("time")
    seconds = parse_duration(time) if isinstance(time, str) else time
    values = {**values, "tokenizer": tokenizer, "seconds": seconds}
    return Configs(pick(TextConfig, values), pick(NetworkConfig, values), pick(TrainingConfig, values))


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
