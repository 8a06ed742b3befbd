"""What is typed becomes the value of an option: a text, a number, or what the option's own parser makes of it.

Typer has Pydantic do it, and to load that takes a sixth of the time until the first token stands on the screen. So its
parameters are given another reader. Where Typer keeps it is its own affair, so pyproject.toml names the versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import typer

_LONGEST = 60  # characters of what was given instead of a number, in a message
_NUMBERS = {int: "a whole number", float: "a number"}


class NotANumber(typer.BadParameter):
    """'--hidden must be a whole number, not abc'."""

    def format_message(self) -> str:
        """The message alone: it names the option itself."""
        return str(self.message)


class Reader:
    """Makes values of what is given for a parameter, or of its default.

    kind : str, int, float, Path, or a list of one of them. parser : the option's own, which takes the place of it.
    """

    def __init__(self, kind: Any, parser: Callable[[Any], Any] | None) -> None:
        [self._kind] = get_args(kind) or [kind]
        self._parser = parser or self._kind

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """One value, or a list of them where several may be given; None or () for nothing. Raises BadParameter."""
        is_list = param.multiple or param.nargs == -1
        if value is None:
            return () if is_list else None
        return [self._read(item, param, ctx) for item in value] if is_list else self._read(value, param, ctx)

    def _read(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return self._parser(value)
        except ValueError as error:  # of int() and float()
            message = f"{param.opts[0]} must be {_NUMBERS[self._kind]}, not {_shortened(str(value))}"
            raise NotANumber(message, ctx, param) from error


def with_readers(parameters: list[Any]) -> list[Any]:
    """A command's parameters, each with a `Reader`."""
    for parameter in parameters:
        descriptor = parameter.type_descriptor
        reader = Reader(descriptor.annotation, descriptor.parameter_info.parser)
        parameter.get_runtime_param = lambda reader=reader: reader
    return parameters


def _shortened(text: str) -> str:
    """`text`, or its beginning where it would fill the screen."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"
