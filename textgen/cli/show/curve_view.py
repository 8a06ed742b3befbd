"""The learning curve drawn on a terminal, in dots of Braille, or in ASCII where the terminal has nothing else."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from textgen.cli.show.axis import Axis

if TYPE_CHECKING:
    from plotille import Canvas
    from rich.text import Text

    from textgen.cli.show.learning_curve import Curve, Point

_MOST_COLUMNS = 100  # of the plot itself; wider ones are flat
_LEAST_COLUMNS = 30
_ROWS = 14  # about
_COLUMNS_A_TICK = 8
_EMPTY = 0x2800  # the Braille pattern without a dot; the others follow, a bit a dot
_LEFT_DOTS = 0x47  # the bits of a pattern's left column
_Y_TITLE = "loss, nats per token"


@dataclass(frozen=True)
class Signs:
    """What is drawn with: the frame, the best point and the samples of both lines; sparklines, bars, where text is cut.

    levels : of a sparkline, the lowest first. bar : done, and still to do.
    """

    side: str
    y_tick: str
    corner: str
    bottom: str
    x_tick: str
    best: str
    held_out: str
    trained: str
    levels: str
    bar: tuple[str, str]
    ellipsis: str


BRAILLE = Signs("│", "┤", "└", "─", "┬", "●", "⠒⠒", "⠂⠂", "▁▂▃▄▅▆▇█", ("━", "─"), "…")
ASCII = Signs("|", "+", "+", "-", "+", "O", "**", "..", "_.-'^", ("=", "-"), "...")


def choose_signs() -> Signs:
    """Those that the terminal can show: its locale, not our own encoding, says what it can.

    The Linux console's fonts have no Braille.
    """
    if os.environ.get("TERM") in ("linux", "dumb"):
        return ASCII
    if sys.platform == "win32":  # the console takes Unicode whatever the code page
        return BRAILLE
    return BRAILLE if "utf" in locale.getencoding().lower() else ASCII


def draw_curve(curve: Curve, width: int, signs: Signs) -> Text | None:
    """The curve as a text of lines of at most `width` columns; None if it has no second point, or no room.

    Held out is a line, trained on a dotted one, so that they can be told apart without colours.
    """
    from rich.text import Text

    if not curve.is_line:
        return None
    y = Axis.around(*curve.losses_shown, 5)
    margin = max(map(len, y.labels)) + 1
    columns = min(width - margin - 2, _MOST_COLUMNS)
    if columns < _LEAST_COLUMNS:
        return None
    return Text("\n").join(
        [
            Text(_Y_TITLE, style="dim"),
            *_draw_plot(curve, y, columns, margin, signs),
            *_draw_x_axis(curve, columns, margin, signs),
            *_draw_legend(curve, margin + 1, columns, signs),
        ]
    )


def _draw_plot(curve: Curve, y: Axis, columns: int, margin: int, signs: Signs) -> Iterator[Text]:
    """The lines from the highest tick to the lowest, each tick in the middle of a row."""
    from rich.text import Text

    steps = y.last - y.first
    rows_a_step = max(2, _ROWS // steps)
    rows = steps * rows_a_step + 1
    row = y.step / rows_a_step
    low = y.first * y.step - row / 2

    def trace(points: Sequence[Point]) -> Canvas:
        return _trace(points, columns, rows, (low, low + rows * row), curve.tokens)

    held_out, trained, best = trace(curve.held_out), trace(curve.trained), trace([])
    if curve.best is not None:
        best.point(curve.best.tokens, curve.best.loss, marker=signs.best)
    labels = dict(zip(range(0, rows, rows_a_step), y.labels, strict=True))
    lines = [canvas.plot(linesep="\n").split("\n") for canvas in (best, held_out, trained)]
    for number, cells in zip(range(rows - 1, -1, -1), zip(*lines, strict=True), strict=True):
        label = labels.get(number, "")
        line = Text(f"{label:>{margin - 1}} {signs.y_tick if label else signs.side}", style="dim")
        for marker, whole, dotted in zip(*cells, strict=True):
            line.append_text(_draw_cell(marker, whole, dotted, signs))
        line.rstrip()
        yield line


def _trace(points: Sequence[Point], columns: int, rows: int, losses: tuple[float, float], tokens: float) -> Canvas:
    """A canvas with a line through `points`: from no tokens, at its first dot, to `tokens`, at its last one.

    losses : at the bottom and at the top; what lies above is not seen.
    """
    from plotille import Canvas

    canvas = Canvas(columns, rows, 0, losses[0], tokens * 2 * columns / (2 * columns - 1), losses[1])
    highest = losses[1] + 10 * (losses[1] - losses[0])  # the canvas counts the dots of a line, unseen ones, too
    for one, other in pairwise(points):
        canvas.line(one.tokens, min(one.loss, highest), other.tokens, min(other.loss, highest))
    return canvas


def _draw_cell(marker: str, whole: str, dotted: str, signs: Signs) -> Text:
    """One character out of the same place on three canvases: the best point's, a whole line's, a dotted line's."""
    from rich.text import Text

    if ord(marker) != _EMPTY:
        return Text(marker, style="bold")
    line, dots = ord(whole) - _EMPTY, ord(dotted) - _EMPTY
    if not line | dots:
        return Text(" ")
    style = "" if line else "dim"
    if signs is ASCII:
        return Text(signs.held_out[0] if line else signs.trained[0], style=style)
    return Text(chr(_EMPTY | line | (dots & _LEFT_DOTS or dots)), style=style)


def _draw_x_axis(curve: Curve, columns: int, margin: int, signs: Signs) -> Iterator[Text]:
    """The line below the plot, the numbers at its ticks, and what they count."""
    from rich.text import Text

    most = curve.tokens / curve.unit
    x = Axis.inside(most, columns // _COLUMNS_A_TICK)
    line, numbers = [signs.bottom] * columns, [" "] * columns
    for tick, label in zip(x.ticks, x.labels, strict=True):
        column = round(tick / most * (2 * columns - 1)) // 2
        line[column] = signs.x_tick
        start = min(max(0, column - len(label) // 2), columns - len(label))
        numbers[start : start + len(label)] = label
    title = next(title for title in curve.tokens_titles if len(title) <= columns)
    indent = " " * (margin + 1)
    yield Text(f"{' ' * margin}{signs.corner}{''.join(line)}", style="dim")
    yield Text(f"{indent}{''.join(numbers).rstrip()}", style="dim")
    yield Text(f"{indent}{title:^{columns}}".rstrip(), style="dim")


def _draw_legend(curve: Curve, indent: int, columns: int, signs: Signs) -> Iterator[Text]:
    """What each line is, and what the best point was, in as few lines as they fit into."""
    from rich.text import Text

    entries = [Text(f"{signs.held_out} held out")] if curve.held_out else []
    entries += [Text(f"{signs.trained} trained on", style="dim")] if curve.trained else []
    entries += [Text(f"{signs.best} best: {curve.note}")] if curve.best is not None else []
    line = Text()
    for entry in entries:
        if line and len(line) + 3 + len(entry) > columns:
            yield Text(" " * indent) + line
            line = Text()
        line = line + "   " + entry if line else entry
    yield Text(" " * indent) + line
