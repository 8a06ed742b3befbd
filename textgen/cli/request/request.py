"""What a training is asked for: how options become configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from textgen.checks import check_choice
from textgen.cli.terminal.number_formats import parse_duration
from textgen.errors import ConfigError
from textgen.lm.config.finetuning import FinetuningConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.tokenizers import LEVELS, TOKENIZERS

if TYPE_CHECKING:
    from textgen.cli.request.destination import Destination
    from textgen.cli.terminal.output import Notes
    from textgen.lm.planning.base import Base
    from textgen.lm.progress.checkpoint import Checkpoint

_Config = TypeVar("_Config")


@dataclass(frozen=True)
class Configs:
    """All that a training is asked for."""

    text: TextConfig
    network: NetworkConfig
    training: TrainingConfig
    finetuning: FinetuningConfig


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


def settings_of(given: set[str]) -> set[str]:
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
    kinds = TextConfig, NetworkConfig, TrainingConfig, FinetuningConfig
    return Configs(*(pick(kind, values) for kind in kinds))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Request:
    """A training that was asked for.

    valid : a text to validate on. log : where each report is written. resumed : what it goes on from. index : whether
    one of the text is left beside the model. base : the model that it begins with, where nothing is resumed.
    """

    files: Sequence[Path]
    valid: Path | None
    configs: Configs
    destination: Destination
    log: Path | None
    notes: Notes
    as_json: bool
    resumed: Checkpoint | None = None
    index: bool = True
    base: Base | None = None
