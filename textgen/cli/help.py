"""The help texts: plain text, the options in named groups.

Typer's own panels need Rich, whose import and layout take longer than `--help` may.
"""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

_BRACES = str.maketrans("", "", "{}")
_WORDED_DEFAULT = re.compile(r"(\[default: )\((.*)\)\]$")  # Typer's brackets in brackets
_COLUMN = 26  # characters of the options' column, the same in every group


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings that `rich_help_panel` gives them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section a heading, in the order of the parameters."""
        write_sections(self.get_params(ctx), ctx, formatter)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the command's name in its usage line, without braces around what must be given."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [piece.translate(_BRACES) for piece in pieces]


class PlainGroup(TyperGroup):
    """A group whose commands come before its options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        write_sections(self.get_params(ctx), ctx, formatter)


def write_sections(parameters: list[Any], ctx: Any, formatter: Any) -> None:
    """Write the parameters' help into `formatter`, a section a heading."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None:
            is_argument = parameter.param_type_name == "argument"
            heading = getattr(parameter, "rich_help_panel", None) or ("Arguments" if is_argument else "Options")
            name = parameter.metavar if is_argument else record[0]
            sections.setdefault(heading, []).append((name.ljust(_COLUMN), _WORDED_DEFAULT.sub(r"\1\2]", record[1])))
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl(rows, col_max=_COLUMN)
