"""Tables: drawn on a terminal, tab-separated into a pipe."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from textgen.cli.terminal.output import console, print_data

_GAP = 2  # blanks between columns
_LEAST_WIDTH = 12  # of a column of texts, which are folded
_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Column:
    """One column: its name in the TSV's first line, its heading on a terminal, its text's side."""

    name: str
    heading: str
    right: bool = True


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` as a table on a terminal, else as TSV."""
    if sys.stdout.isatty():
        draw_table(columns, list(rows))
    else:
        write_tsv(columns, rows)


def write_tsv(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    r"""Print a line of names, then each row as it comes. Tabs and line ends in a text are written \t, \n, \r.

    The names come with the first row: if that fails, standard output stays empty.
    """
    lines = ("\t".join(text.translate(_ESCAPES) for text in row) for row in rows)
    first = next(lines, None)
    print_data("\t".join(column.name for column in columns))
    for line in () if first is None else chain([first], lines):
        print_data(line)


def draw_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    footer: Sequence[str] = (),
    hidden: Collection[str] = (),
) -> None:
    """Draw a table on the terminal, without the columns whose names are `hidden`.

    Texts are escaped as in TSV, and a blank alone, which would not be seen, is drawn as ␣. Where the terminal is too
    narrow, texts are folded, but no number is cut, and no column left out: then lines are longer than the terminal's.
    """
    from rich.cells import cell_len
    from rich.table import Table

    shown = [number for number, column in enumerate(columns) if column.name not in hidden]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim", show_footer=bool(footer))
    screen, least = console(), -_GAP
    cells = [["␣" if text == " " else text.translate(_ESCAPES) for text in row] for row in rows]
    for number in shown:
        column, end = columns[number], footer[number] if footer else ""
        widest = max(cell_len(text) for text in (column.heading, end, *(row[number] for row in cells)))
        table.add_column(
            column.heading,
            footer=end,
            footer_style="dim",
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
        least += _GAP + (widest if column.right else min(widest, _LEAST_WIDTH))
    for row in cells:
        table.add_row(*(row[number] for number in shown))
    screen.width = max(screen.width, least)
    screen.print(table)


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print label and value, a pair a line: aligned on a terminal, else parted by a tab."""
    if not sys.stdout.isatty():
        for label, value in pairs:
            print_data(f"{label}\t{value.translate(_ESCAPES)}")
        return
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(label, value.translate(_ESCAPES))
    console().print(grid)
