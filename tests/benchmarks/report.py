"""What was measured, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_WIDTH = 150  # columns


@dataclass(frozen=True)
class Row:
    """What was found in one case.

    V : tokens of the vocabulary. unit : "tokens/s" or "MiB". ours, others : one figure a round; the others by name.
    flops : floating-point operations of our products for one token. peaks : GFLOP/s of the machine, one a round.
    """

    V: int
    unit: str
    ours: list[float]
    others: dict[str, list[float]]
    flops: int | None = None
    peaks: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Ours."""
        return statistics.median(self.ours)

    @property
    def medians(self) -> list[tuple[str, float]]:
        """The others', the best first."""
        medians = ((name, statistics.median(figures)) for name, figures in self.others.items())
        return sorted(medians, key=lambda named: named[1], reverse=self.unit != "MiB")

    @property
    def gflops(self) -> float | None:
        """Ours, GFLOP/s."""
        return None if self.flops is None else self.median * self.flops / 1e9

    def cells(self) -> list[str]:
        """Texts for the table's columns after the case's name; one line for each of the others."""
        names, figures = [name for name, _ in self.medians], [figure for _, figure in self.medians]
        speed = ["", "", ""]
        if self.gflops is not None:
            peak = statistics.median(self.peaks)
            speed = [f"{self.gflops:,.0f}", f"{peak:,.0f}", f"{100 * self.gflops / peak:.0f} %"]
        return [
            f"{self.V:,}",
            f"{self.median:,.0f} {self.unit}",
            "\n".join(names),
            "\n".join(f"{figure:,.0f}" for figure in figures),
            "\n".join(f"{self.median / figure:.2f}" for figure in figures),
            *speed,
        ]


def make_table(rows: Mapping[str, Row], caption: str) -> Table:
    """All rows by the names of their cases; a ratio is our figure over theirs."""
    table = Table(caption=caption, show_lines=True)
    table.add_column("case")
    for title in ("V", "textgen"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("against")
    for title in ("theirs", "ratio", "GFLOP/s", "FMA peak", "share"):
        table.add_column(title, justify="right", no_wrap=True)
    for case, row in rows.items():
        table.add_row(case, *row.cells())
    return table


def print_table(table: Table) -> None:
    """On stdout; not cut to 80 columns where that is no terminal."""
    console = Console()
    Console(width=console.width if console.is_terminal else _WIDTH).print(table)


def write_json(path: Path, rows: Mapping[str, Row], conditions: dict[str, Any]) -> None:
    """The raw figures, and the conditions under which they were measured."""
    figures = {case: asdict(row) for case, row in rows.items()}
    path.write_text(json.dumps({"conditions": conditions, "cases": figures}, indent=1))
