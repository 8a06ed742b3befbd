"""JSON that every reader accepts, and dataclasses out of JSON that nobody vouches for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from textgen.paths import shown

_Kind = TypeVar("_Kind")


def to_json(value: object) -> str:
    """`value` as one line of JSON that UTF-8 can hold.

    Numbers that are not finite, which JSON lacks, become null; lone surrogates are escaped, see `shown`.
    """
    return json.dumps(_representable(value), ensure_ascii=False, allow_nan=False)


def build(kind: type[_Kind], values: object) -> _Kind:
    """The dataclass `kind` made of a JSON object with exactly its fields, which may be dataclasses themselves.

    Raises ValueError, naming the field, at a missing or unknown one and at a value of another type; no integer may be
    negative, no float infinite.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__} is no JSON object")
    types = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if set(names) != set(values):
        raise ValueError(f"{kind.__name__} has other fields: {', '.join(sorted(set(names) ^ set(values)))}")
    return kind(**{name: _checked(name, types[name], values[name]) for name in names})


def is_alike(value: object, pattern: object) -> bool:
    """Whether a JSON value has the names of `pattern`, and under each a finite number, or null."""
    if isinstance(pattern, dict):
        return (
            isinstance(value, dict)
            and value.keys() == pattern.keys()
            and all(is_alike(value[name], pattern[name]) for name in pattern)
        )
    return value is None or (type(value) in (int, float) and math.isfinite(value))  # type: ignore[arg-type]


def _checked(name: str, kind: Any, value: Any) -> Any:
    """`value` if it is of the type `kind`, a dataclass being built of it."""
    if is_dataclass(kind):
        return build(kind, value)  # type: ignore[arg-type]
    if get_origin(kind) is tuple and isinstance(value, list):  # tuple[item, ...], a list in JSON
        return tuple(_checked(name, get_args(kind)[0], item) for item in value)
    allowed = get_args(kind) if isinstance(kind, UnionType) else (get_origin(kind) or kind,)
    if value is None and NoneType in allowed:
        return None
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    is_sound = type(value) in allowed
    if is_sound and isinstance(value, float):
        is_sound = math.isfinite(value)
    if is_sound and type(value) is int:
        is_sound = value >= 0
    if not is_sound:
        raise ValueError(f"'{name}' is {value!r}, not of the type {getattr(kind, '__name__', kind)}")
    return value


def _representable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {key: _representable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_representable(entry) for entry in value]
    return value
