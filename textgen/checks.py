"""What a value may be: the ranges of options, the types of all that is read from a file (JSON, TOML).

Nothing heavy is imported here, so that the command line can read the defaults without loading NumPy.
"""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from textgen.errors import ConfigError

# What is still to be chosen for the corpus, see lm/planning/defaults.py. All that computes is given settled
# configurations, in which nothing is None any more that is no choice of its own: so the types say nothing of it.
CHOSEN: Any = None

# Far beyond what can be computed, and far below what overflows: steps are divided as float64.
MOST_UNITS, MOST_LAYERS, MOST_STEPS = 1_000_000, 1_000, 10**15
_ENDLESS = 10**300  # a whole number of this size is damage: with a little arithmetic no float holds it
_WORDS = {str: "a text in quotes", bool: "true or false", int: "a whole number", float: "a number", NoneType: "null"}
_WORDS |= {tuple: "a list"}
_OPTIONS = {"seconds": "time", "base": "from"}  # where an option is not called as the field that it sets
_Kind = TypeVar("_Kind")


def option_of(field: str) -> str:
    """The option that sets a field, without its dashes: 'max-vocab' of 'max_vocab', but 'time' of 'seconds'."""
    return _OPTIONS.get(field) or field.replace("_", "-")


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raise ConfigError, naming the choices, unless `value` is one of them."""
    known = tuple(choices)
    if value not in known:
        raise ConfigError(f"unknown {option} '{value}'; choose from {', '.join(known)}")


def check_text(what: str, text: str) -> None:
    """Raise ConfigError if an argument's bytes were no UTF-8 (Python hands them over as lone surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what} is not UTF-8 text: {text!r}, at its character {error.start}") from error


def check_number(
    field: str,
    value: float | None,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Raise ConfigError, naming the range, unless least <= value <= most, above < value < below, and a float holds it.

    None, what is still to be chosen, is always right.
    """
    if value is None:
        return
    is_held = abs(value) <= sys.float_info.max  # false of NaN, of infinity, and of an integer like 10**400
    if is_held and least <= value <= most and above < value < below:
        return
    if not (is_held or isinstance(value, float)):
        most = min(most, sys.float_info.max)
    bounds = ["finite"] if isinstance(value, float) and not is_held else []
    bounds += [f"at least {least:.9g}"] if least > -math.inf else []
    bounds += [f"above {above:g}"] if above > -math.inf else []
    bounds += [f"at most {most:,}" if isinstance(most, int) else f"at most {most:.9g}"] if most < math.inf else []
    bounds += [f"below {below:g}"] if below < math.inf else []
    raise ConfigError(f"--{option_of(field)} must be {' and '.join(bounds)}, not {_shown(value)}")


def _shown(value: float) -> str:
    """A number as a message has it: '0.5', '-3'; an integer that would fill the screen by its size."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if value.bit_length() <= 128 else f"an integer of {value.bit_length():,} bits"


def typed(name: str, kind: Any, value: Any, **names: bool) -> Any:
    """`value` as the type `kind` has it: a list as a tuple, a whole number as a float where that belongs.

    kind : str, bool, int, float, or a union of them and None; tuple[item, ...]; dict[str, item]; a dataclass, or None
    beside it, see `build` for that and for `names`; Any. Raises ConfigError, naming it `name`, at a value of another
    type, at a text that is not Unicode, at a number that is not finite or, if whole, has more than 300 digits.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, UnionType) and isinstance(value, dict):
        kind = next(filter(is_dataclass, parts), kind)
    if is_dataclass(kind) and isinstance(value, dict):
        return build(kind, value, **names)  # type: ignore[arg-type]
    if origin is tuple and isinstance(value, list | tuple):
        if _are_all(parts[0], value):
            return tuple(value)
        return tuple([typed(name, parts[0], item, **names) for item in value])
    if origin is dict and isinstance(value, dict):
        return {_scalar(name, (str,), key): typed(key, parts[1], item, **names) for key, item in value.items()}
    if kind is Any:
        return value
    return _scalar(name, parts if isinstance(kind, UnionType) else (origin or kind,), value)


def _are_all(kind: Any, values: Collection[Any]) -> bool:
    """Whether `values` are texts or whole numbers that `_scalar` would take, one and all: a vocabulary has many."""
    if set(map(type, values)) != {kind}:
        return False
    if kind is str:
        return _is_unicode("".join(values))
    return kind is int and min(values) > -_ENDLESS and max(values) < _ENDLESS


def _scalar(name: str, allowed: tuple[type, ...], value: Any) -> Any:
    """`value` if its type is one of `allowed`; see `typed`."""
    found = type(value)
    if found not in allowed and not (found is int and float in allowed):
        raise ConfigError(
            f"'{name}' must be {' or '.join(_WORDS.get(one, 'an object') for one in allowed)}, not {shortened(value)}"
        )
    if found is str and not value.isascii() and not _is_unicode(value):
        raise ConfigError(f"'{name}' is not Unicode text: {shortened(value)}")
    if (found is int and not -_ENDLESS < value < _ENDLESS) or (found is float and not math.isfinite(value)):
        raise ConfigError(f"'{name}' is no number that can be: {shortened(value)}")
    return value if found in allowed else float(value)


def build(kind: type[_Kind], values: Mapping[str, Any], *, lacking: bool = False, unknown: bool = False) -> _Kind:
    """The dataclass `kind` made of a dictionary that nobody vouches for (JSON), and so those among its fields.

    lacking : whether a field that has a default may be left out. unknown : whether names of no field are passed over.
    Raises ConfigError at a missing or unknown name, at a value of another type and at a negative whole number.
    """
    types, known, found = get_type_hints(kind), fields(kind), {}  # type: ignore[arg-type]
    strange = values.keys() - {field.name for field in known}
    if strange and not unknown:
        names = ", ".join(field.name for field in known)
        raise ConfigError(f"unknown setting {shortened(min(strange))}; choose from {names}")
    for field in known:
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if field.name not in values and not (lacking and has_default):
            raise ConfigError(f"'{field.name}' is missing")
        # What is still to be CHOSEN may be None only as long as nobody chose.
        if field.name in values or field.default is None:
            value = typed(field.name, types[field.name], values.get(field.name), lacking=lacking, unknown=unknown)
            if type(value) is int and value < 0:
                raise ConfigError(f"'{field.name}' must not be negative, but is {value}")
            found[field.name] = value
    return kind(**found)


def shortened(value: object) -> str:
    """`value` as Python writes it, with dots for what is too long or too deep to be shown."""
    return _SHORTENER.repr(value)


class _Shortener(reprlib.Repr):
    def repr_int(self, value: int, level: int) -> str:
        return _shown(value)  # Python refuses to write integers of thousands of digits


_SHORTENER = _Shortener()


def _is_unicode(text: str) -> bool:
    """Whether it has no lone surrogate, which JSON can write, but no file or terminal."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
