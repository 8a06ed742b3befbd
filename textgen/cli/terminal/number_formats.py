"""How numbers are written for people."""

from __future__ import annotations

import math
import re

from textgen.errors import ConfigError

_PARTS = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?", re.ASCII)
_DAY = 24 * 60 * 60
_UNITS_OF_AGE = (("year", 365 * _DAY), ("month", 30 * _DAY), ("day", _DAY), ("hour", 60 * 60), ("minute", 60))
_LEAST_FLOAT = -307.0  # log10 of the least number that a float64 holds with all its digits


def parse_duration(text: str) -> float:
    """Seconds from '90s', '10m', '1h30m', '600'. Raises ConfigError for anything else."""
    found = _PARTS.fullmatch(text.strip().lower())
    if not found or not any(found.groups()):
        raise ConfigError(f"--time cannot be {text!r}; write 90s, 10m, 1h30m, or a number of seconds")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def format_duration(seconds: float) -> str:
    """'0:42', '4:05', '1:02:03'."""
    if not math.isfinite(seconds):
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def format_age(seconds: float) -> str:
    """'now', '5 minutes', '1 hour', '3 days', '2 years': whole ones, of the largest unit of which there is one."""
    for noun, size in _UNITS_OF_AGE:
        if seconds >= size:
            return format_amount(int(seconds // size), noun)
    return "now"


def format_bytes(count: float) -> str:
    """'640 kB', '183 MB', '2.1 GB'."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:,.0f} {unit}"
    return f"{count:.0f} bytes"


def format_amount(count: int, noun: str, plural: str = "") -> str:
    """'1 layer', '2 layers', '1,115,394 characters'."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def format_power(log10: float) -> str:
    """The number 10**log10, also where it underflows a float64: '0.25', '0.0031', '1.2e-412'."""
    if math.isnan(log10):
        return "nan"
    if log10 == -math.inf:
        return "0"
    if log10 >= -4:
        return f"{10**log10:.4g}"
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.3f}"
    if mantissa == "10.000":
        mantissa, exponent = "1.000", exponent + 1
    return f"{mantissa}e-{-exponent:02}"


def float_power(log10: float) -> float | None:
    """10**log10 as a float64; None where that would underflow."""
    return 10**log10 if log10 > _LEAST_FLOAT else None


def format_perplexity(value: float) -> str:
    """Four significant digits, an exponent only where it helps: '3.500', '87.24', '1204', '2.700e+09'."""
    if value < 1000:
        return f"{value:#.4g}"
    return f"{value:.0f}" if value < 1e7 else f"{value:.3e}"
