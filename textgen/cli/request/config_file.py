"""Settings of a training in a TOML file: `train --config` reads it, `--print-config` writes it.

The keys are the options' names, `max-vocab` or `max_vocab`; they may stand under [text], [network], [training] and
[finetuning], or under no heading at all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from textgen.checks import option_of, shortened, typed
from textgen.errors import ConfigError, NoSuchInputError
from textgen.lm.config.finetuning import FinetuningConfig
from textgen.lm.config.text import TextConfig
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig
from textgen.paths import STDIN, found_again, kept

_FILES = {"corpus": tuple[str, ...], "valid": str}  # what is read
_BESIDE = {"level": str, "time": str | float, **_FILES}  # what is asked for and is no field of a configuration
_SECTIONS = {"text": TextConfig, "network": NetworkConfig, "training": TrainingConfig, "finetuning": FinetuningConfig}
_A_TIME = 'a time such as "10m", or a number of seconds'


def read_config(path: Path) -> dict[str, Any]:
    """The options that stand in the file at `path`, by parameter name.

    Raises NoSuchInputError; ConfigError, naming the file, where it is not TOML, a key is unknown or a value has the
    wrong type. Whether a value is possible is checked where configurations are made of them.
    """
    known = _known_keys()
    names = {option_of(name): name for name in known}
    options: dict[str, Any] = {}
    for key, value in _entries(path, _parse(path)):
        name = names.get(key.replace("_", "-"), "")
        if not name:
            raise ConfigError(f"{path}: unknown setting '{key}'; {_suggestion(key, [*names])}")
        if name in options:
            raise ConfigError(f"{path}: '{key}' is set twice; once is enough")
        if name == "time" and type(value) not in (str, int, float):
            raise ConfigError(f"{path}: '{key}' must be {_A_TIME}, not {shortened(value)}")
        try:
            options[name] = typed(key, known[name], value)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
    if "base" in options:
        options["base"] = str(found_again(options["base"]))
    return options | {name: _found(path, name, options[name]) for name in _FILES if name in options}


def _found(path: Path, name: str, value: str | tuple[str, ...]) -> Path | list[Path]:
    """What a setting names: a file or several, as `format_config` wrote them. Raises ConfigError at an empty name."""
    names = [value] if isinstance(value, str) else value
    if not all(names) or not names:
        raise ConfigError(f"{path}: '{name}' is empty; give a file's name")
    files = [found_again(name) for name in names]
    return files[0] if isinstance(value, str) else files


def format_config(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """TOML that `read_config` reads: a table a section, with the values of its fields that are options and not None.

    A file is a Path; from whatever folder the TOML is read, it is found again.
    """
    known = {option_of(name) for name in _known_keys()}
    tables = []
    for section, values in sections.items():
        options = {option_of(name): value for name, value in values.items() if value is not None}
        lines = [f"{name} = {_format(value)}" for name, value in options.items() if name in known]
        if lines:
            tables.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(tables)


def _known_keys() -> dict[str, Any]:
    """The parameter names that may stand in the file, and the type of each; TOML has no null."""
    types = {name: one for kind in _SECTIONS.values() for name, one in get_type_hints(kind).items()}
    del types["seconds"], types["cutoffs"]  # the one is called time, the other no option
    return {name: (get_args(one) or (one,))[0] for name, one in types.items()} | _BESIDE


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoSuchInputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of 5,000 digits, lists in lists
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


def _format(value: bool | int | float | str | Path | Sequence[Path]) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format, value))}]"
    if isinstance(value, Path):
        return _format(STDIN if str(value) == STDIN else kept(value.absolute()))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    return repr(value)
