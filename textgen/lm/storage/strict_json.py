"""JSON that every reader accepts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from textgen.paths import shown


def to_json(value: object) -> str:
    """`value` as one line of JSON that UTF-8 can hold.

    Numbers that are not finite, which JSON lacks, become null; lone surrogates are escaped, see `shown`.
    """
    return json.dumps(_representable(value), ensure_ascii=False, allow_nan=False)


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
