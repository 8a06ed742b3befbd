"""The settings of a draw, changed while the model writes: '/temperature 0.7', '/finish', '/ban'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from types import NoneType
from typing import Any, get_args, get_type_hints

from textgen.checks import option_of
from textgen.errors import ConfigError
from textgen.lm.config.sampling import SamplingConfig

_NOT_HERE = {"count", "best_of", "match", "tries"}  # what is about many sequences, of which one is shown
_SWITCH = {"": True, "on": True, "off": False}


def setting_names() -> list[str]:
    """What can be set, as the options are called."""
    return [option_of(field.name) for field in fields(SamplingConfig) if field.name not in _NOT_HERE]


def changed(config: SamplingConfig, name: str, text: str) -> SamplingConfig:
    """`config` with the setting `name` read from `text`; without a text, a switch is on, all else as by default.

    Raises ConfigError if it cannot be that.
    """
    field = name.replace("-", "_")
    if field == "seed" and not text:
        return replace(config, seed=None).seeded()
    return replace(config, **{field: _READ[field](name, text)})


def described(config: SamplingConfig) -> list[tuple[str, str]]:
    """All settings with their values."""
    return [(name, _shown(getattr(config, name.replace("-", "_")))) for name in setting_names()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(repr, value)) or "none"
    return "off" if value is None else f"{value}"


def _reader(field: str, kind: Any) -> Callable[[str, str], Any]:
    """What reads the value of a field of this type."""
    default = getattr(SamplingConfig, field)
    number = next((one for one in get_args(kind) or (kind,) if one is not NoneType), kind)

    def read(name: str, text: str) -> Any:
        if kind is bool:
            if text not in _SWITCH:
                raise ConfigError(f"/{name} is on or off, not '{text}'")
            return _SWITCH[text]
        if number not in (int, float):
            return (text,) if text else default
        try:
            return number(text) if text else default
        except ValueError as error:
            raise ConfigError(f"/{name} takes a number, not '{text}'") from error

    return read


_READ = {field: _reader(field, kind) for field, kind in get_type_hints(SamplingConfig).items()}
