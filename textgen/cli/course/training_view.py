"""A training as it is drawn below its table of validations: losses, how far it is, figures, and what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, ConsoleRenderable
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from textgen.cli.course.sparkline import LossTrack, draw_sparkline
from textgen.cli.show.curve_view import Signs
from textgen.cli.terminal.escapes import escaped
from textgen.cli.terminal.number_formats import format_duration
from textgen.cli.terminal.output import LABEL_WIDTH

_ECHO = len("^C ")  # what the terminal echoes must not break the last line, or the view could not be erased
_LEFT, _GAP = 77, 3  # columns of the figures where the sample stands beside them, and between the two
_BESIDE = 120  # columns from which it does
_LABELLED = 60  # columns from which lines have labels
_RIGHT = 20  # columns right of the bar: '  37 %  1:02:13 left'
_ROWS, _FEW_ROWS = 12, 6  # of the screen: below the one there is no sample, below the other the bar alone
_SAMPLE_ROWS = 2
_REFRESHES = 5  # a second: as often as there is news


@dataclass(frozen=True)
class Figures:
    """Where a training is. epoch : '3/20'. quality : in words, '2.210 bits/char'. loss : nats per token."""

    epoch: str
    progress: float
    loss: float
    quality: str
    tokens_per_second: float
    learning_rate: float
    seconds_left: float | None


@dataclass
class TrainingView:
    """What is drawn; whoever has news changes it, and it is seen the next time.

    figures : None before the first step. is_apart : whether an empty line parts it from a table above it.
    Its height stays the same from the first sample on, so that nothing below or above it moves.
    """

    signs: Signs
    figures: Figures | None = None
    track: LossTrack = field(default_factory=LossTrack)
    sample: str = ""
    is_apart: bool = False
    is_stopping: bool = False
    _widths: list[int] = field(default_factory=list)  # of the lines that were drawn last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The lines, none wider than the screen, whose size may have changed since the last time."""
        width, height = options.max_width - _ECHO, options.size.height
        lines = self._draw(console, width, height)
        for line in lines:
            line.rstrip()
            line.truncate(max(1, width))
            line.no_wrap = True
        self._widths = [line.cell_len for line in lines]
        yield from lines

    def rows_wrapped(self, width: int) -> int:
        """How many more rows than lines there are if the terminal has become so narrow since they were drawn."""
        return sum(max(0, -(-columns // width) - 1) for columns in self._widths)

    def _draw(self, console: Console, width: int, height: int) -> list[Text]:
        is_beside = width >= _BESIDE and height >= _ROWS
        columns = _LEFT if is_beside else width
        if self.figures is None:
            return [_line("preparing", self._bar(0.0, _bar_columns(columns)), width=columns)]
        done = self._done(self.figures, columns)
        if height < _FEW_ROWS:
            return [done]
        lines = [self._losses(self.figures, columns), done, self._told(self.figures, columns)]
        if height < _ROWS:
            return lines
        gap = [Text()] if self.is_apart else []
        if is_beside:
            return [*gap, *self._beside(lines, console, width - _LEFT - _GAP)]
        return [*gap, *lines, *self._below(console, columns)]

    # The three lines that are always there

    def _losses(self, figures: Figures, width: int) -> Text:
        columns = _bar_columns(width)
        line = draw_sparkline(self.track.means(columns), self.signs.levels)
        return _line("loss", Text(f"{line:<{columns}}"), f"  {figures.loss:.3f} nats/token", width=width)

    def _done(self, figures: Figures, width: int) -> Text:
        left = "" if figures.seconds_left is None else f"  {format_duration(figures.seconds_left)} left"
        share = f"{int(100 * figures.progress):>5} %{left}"
        return _line("done", self._bar(figures.progress, _bar_columns(width)), share, width=width)

    def _bar(self, progress: float, columns: int) -> Text:
        done, rest = self.signs.bar
        full = round(progress * max(0, columns))
        return Text(done * full).append(rest * (columns - full), style="dim")

    def _told(self, figures: Figures, width: int) -> Text:
        """The figures, as many as there is room for; the first ones matter most."""
        if self.is_stopping:
            return _line("stopping", Text("Ctrl-C again quits at once"), width=width)
        label = "" if width >= _LABELLED else "epoch "
        told = label + figures.epoch
        speed, rate = f"{figures.tokens_per_second:,.0f} tokens/s", f"learning rate {figures.learning_rate:.3g}"
        for figure in (figures.quality, speed, rate):
            longer = f"{told}   {figure}"
            if len(longer) <= width - (LABEL_WIDTH if width >= _LABELLED else 0):
                told = longer
        return _line("epoch", Text(told), width=width)

    # What it writes

    def _wrapped(self, console: Console, width: int, rows: int) -> list[Text]:
        """The sample in at most so many lines, its own line ends being blanks."""
        lines = list(Text(escaped(" ".join(self.sample.split()))).wrap(console, width, overflow="fold"))
        if len(lines) > rows:
            last = lines[rows - 1]
            last.truncate(width - len(self.signs.ellipsis))
            lines[rows - 1] = last.append(self.signs.ellipsis)
        return lines[:rows]

    def _below(self, console: Console, width: int) -> list[Text]:
        if not self.sample:
            return []
        indent = LABEL_WIDTH if width >= _LABELLED else 0
        lines = self._wrapped(console, max(2, width - indent), _SAMPLE_ROWS)
        lines += [Text()] * (_SAMPLE_ROWS - len(lines))
        return [_line("" if row else "sample", line, width=width) for row, line in enumerate(lines)]

    def _beside(self, lines: list[Text], console: Console, width: int) -> list[Text]:
        written = self._wrapped(console, width, len(lines)) if self.sample else []
        for line, more in zip(lines, written, strict=False):
            line.pad_right(_LEFT + _GAP - line.cell_len)
            line.append_text(more)
        return lines


class LiveView(Live):
    """A view that is drawn again and again in its place, also where the window has become narrower meanwhile."""

    def __init__(self, view: TrainingView, screen: Console) -> None:
        super().__init__(
            console=screen,
            get_renderable=lambda: view,
            refresh_per_second=_REFRESHES,
            transient=True,
            redirect_stdout=False,  # to a console that obeys control sequences in what it is given
            redirect_stderr=False,
        )
        self._view = view

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """What is printed, and the view below it; rows into which the terminal has wrapped its lines are erased."""
        rows = self._view.rows_wrapped(self.console.width)
        up = [Control((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))] * rows
        return [*up, *super().process_renderables(renderables)]


def _bar_columns(width: int) -> int:
    return max(0, width - (LABEL_WIDTH if width >= _LABELLED else 0) - _RIGHT)


def _line(label: str, middle: Text, right: str = "", *, width: int) -> Text:
    """A line of the view; without its label where there is little room."""
    line = Text(f"{label:<{LABEL_WIDTH}}" if width >= _LABELLED else "")
    line.stylize("dim")
    return line.append_text(middle).append(right)
