"""Tables: drawn on a terminal, tab-separated into a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textgen.cli.output import console, print_data

_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Column:
    """One column: its name in the TSV's first line, its heading on a terminal, its text's side."""

    name: str
    heading: str
    right: bool = True


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], footer: Sequence[str] = ()) -> None:
    r"""Print `rows` as a table on a terminal, else as TSV as they come, without the footer.

    Tabs and line ends inside a text are written \t, \n and \r.
    """
    if sys.stdout.isatty():
        _draw(columns, rows, footer)
        return
    print_data("\t".join(column.name for column in columns))
    for row in rows:
        print_data("\t".join(text.translate(_ESCAPES) for text in row))


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print label and value, a pair a line: aligned on a terminal, else parted by a tab."""
    if not sys.stdout.isatty():
        for label, value in pairs:
            print_data(f"{label}\t{value.translate(_ESCAPES)}")
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(label, Text(value.translate(_ESCAPES)))
    console().print(grid)


def _draw(columns: Sequence[Column], rows: Iterable[Sequence[str]], footer: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_footer=bool(footer)
    )
    for number, column in enumerate(columns):
        table.add_column(
            column.heading,
            footer=footer[number] if footer else "",
            footer_style="dim",
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(text.translate(_ESCAPES)) for text in row))
    console().print(table)
