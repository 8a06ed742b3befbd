"""The help texts: plain text, the examples as they are typed, the options in named groups.

Typer's own panels need Rich, whose import and layout take longer than `--help` may.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from textwrap import dedent
from typing import Any

from typer.core import TyperCommand, TyperGroup

from textgen.cli.commands.options import OPTIONS, SHOW_ALL, CommonHeading
from textgen.cli.values import with_readers

_BRACES = str.maketrans("", "", "{}")
_WORDED_DEFAULT = re.compile(r"(\[default: )\((.*)\)\]$")  # Typer's brackets in brackets
_COLUMN = 26  # characters of the options' column, the same in every group
_EXAMPLES = "Examples"  # the heading in a command's docstring under which command lines stand
_HELP_ALL = "help_all"  # the parameter


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings that `rich_help_panel` gives them.

    If it has `--help-all`, `--help` shows its common options alone, see `options.group`.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, `--help` among them; what is given for them is read by `Reader`."""
        return with_readers(super().get_params(ctx))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command is for, and the examples."""
        write_description(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section a heading, in the order of the parameters; or the common options, and how many more are."""
        parameters = self.get_params(ctx)
        left_out = [] if ctx.meta.get(SHOW_ALL) else _less_common(parameters)
        if not left_out:
            write_sections(parameters, ctx, formatter)
            return
        shown = [parameter for parameter in parameters if parameter not in left_out]
        write_sections(shown, ctx, formatter, only=OPTIONS)
        more = sum(parameter.name != _HELP_ALL for parameter in left_out)
        formatter.write(f"\n--help-all shows {more} more options.\n")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the command's name in its usage line, without braces around what must be given."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [piece.translate(_BRACES) for piece in pieces]


class PlainGroup(TyperGroup):
    """A group whose commands come before its options."""

    def get_params(self, ctx: Any) -> list[Any]:
        """As those of a command."""
        return with_readers(super().get_params(ctx))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the commands are for, and the examples."""
        write_description(self.help, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        write_sections(self.get_params(ctx), ctx, formatter)


def write_description(docstring: str | None, formatter: Any) -> None:
    """Write a command's docstring into `formatter`: wrapped, but for the examples at its end."""
    text, _, examples = cleandoc(docstring or "").partition(f"\n{_EXAMPLES}:\n")
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(text)
    if examples:
        with formatter.section(_EXAMPLES):
            for line in dedent(examples).splitlines():
                formatter.write(f"  {line}\n")


def write_sections(parameters: list[Any], ctx: Any, formatter: Any, *, only: str = "") -> None:
    """Write the parameters' help into `formatter`, a section a heading. only : the heading of all options, if given."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in parameters:
        record = parameter.get_help_record(ctx)
        if record is not None:
            is_argument = parameter.param_type_name == "argument"
            heading = "Arguments" if is_argument else only or getattr(parameter, "rich_help_panel", None) or OPTIONS
            name = parameter.metavar if is_argument else record[0]
            sections.setdefault(heading, []).append((name.ljust(_COLUMN), _WORDED_DEFAULT.sub(r"\1\2]", record[1])))
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl(rows, col_max=_COLUMN)


def _less_common(parameters: list[Any]) -> list[Any]:
    """The options that `--help` leaves out: none, unless the command has `--help-all`, which is one of them."""
    if all(parameter.name != _HELP_ALL for parameter in parameters):
        return []
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    return [one for one in options if not isinstance(one.rich_help_panel, CommonHeading) and one.name != "help"]
