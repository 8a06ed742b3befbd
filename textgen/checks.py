"""What the value of an option may be, and the base of the dataclasses that hold options.

Nothing heavy is imported here, so that the command line can read the defaults without loading NumPy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Self

from textgen.errors import ConfigError

# What is still to be chosen for the corpus, see lm/planning/defaults.py. All that computes is given settled
# configurations, in which nothing is None any more that is no choice of its own: so the types say nothing of it.
CHOSEN: Any = None

# Far beyond what can be computed, and far below what overflows: steps are divided as float64.
MOST_UNITS, MOST_LAYERS, MOST_STEPS = 1_000_000, 1_000, 10**15


def option_of(field: str) -> str:
    """The option that sets a field, without its dashes: 'time' of 'seconds', else 'max-vocab' of 'max_vocab'."""
    return "time" if field == "seconds" else field.replace("_", "-")


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raise ConfigError, naming the choices, unless `value` is one of them."""
    known = tuple(choices)
    if value not in known:
        raise ConfigError(f"unknown {option} '{value}'; choose from {', '.join(known)}")


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


class Checked:
    """Reading from and writing to plain dictionaries (JSON, TOML), for the dataclasses below."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a dictionary of field names. Raises ConfigError at an unknown name or a wrong type."""
        known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"unknown setting '{unknown[0]}'; choose from {', '.join(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"settings of the wrong type: {error}") from error
