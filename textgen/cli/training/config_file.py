"""Settings of a training in a TOML file: `train --config` reads it, `--print-config` writes it.

The keys are the options' names, `max-vocab` or `max_vocab`; they may stand under [text], [network] and [training], or
under no heading at all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from textgen.checks import option_of
from textgen.errors import ConfigError, NoSuchInputError
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig

_SECTIONS = {"text": TextConfig, "network": NetworkConfig, "training": TrainingConfig}
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {  # a field's annotation -> what may stand for it
    "str": ((str,), "a text in quotes"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "duration": ((str, int, float), 'a time such as "10m", or a number of seconds'),
}
_BESIDE = {"level": "str", "valid": "str", "time": "duration"}  # options that are no field of a configuration


def read_config(path: Path) -> dict[str, Any]:
    """The options that stand in the file at `path`, by parameter name.

    Raises NoSuchInputError; ConfigError, naming the file, where it is not TOML, a key is unknown or a value has the
    wrong type. Whether a value is possible is checked where configurations are made of them.
    """
    known = _known_keys()
    options: dict[str, Any] = {}
    for key, value in _entries(path, _parse(path)):
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigError(f"{path}: unknown setting '{key}'; {_suggestion(key, [*known])}")
        if name in options:
            raise ConfigError(f"{path}: '{key}' is set twice; once is enough")
        types, wanted = _TYPES[known[name]]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ConfigError(f"{path}: '{key}' must be {wanted}, not {value!r}")
        options[name] = value
    return options


def format_config(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML that `read_config` reads: a table a section, with the values of its fields that are options and not None."""
    known = _known_keys()
    tables = []
    for section, values in sections.items():
        options = {option_of(name): value for name, value in values.items() if value is not None}
        lines = [f"{name} = {_format(value)}" for name, value in options.items() if name.replace("-", "_") in known]
        tables.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(tables)


def _known_keys() -> dict[str, str]:
    """The parameter names that may stand in the file, and the kind of value of each."""
    own = [field for kind in _SECTIONS.values() for field in fields(kind)]
    kinds = {field.name: str(field.type).removesuffix(" | None") for field in own if field.name != "seconds"}
    return {name: kind for name, kind in kinds.items() if kind in _TYPES} | _BESIDE


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoSuchInputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, thousands of digits or brackets
        raise ConfigError(f"{path}: not a TOML file: {error}") from error


def _entries(path: Path, tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All keys with their values, whatever section they stand in."""
    for key, value in tables.items():
        if not isinstance(value, dict):
            yield key, value
        elif key in _SECTIONS:
            yield from value.items()
        else:
            raise ConfigError(f"{path}: unknown section [{key}]; {_suggestion(key, [*_SECTIONS])}")


def _suggestion(key: str, known: list[str]) -> str:
    options = [name.replace("_", "-") for name in known]
    similar = get_close_matches(key.replace("_", "-"), options)
    return f"did you mean {' or '.join(similar)}?" if similar else f"choose from {', '.join(options)}"


def _format(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    return repr(value)
