"""How completions are shown: a table for each prompt, with bars where they are single tokens; TSV or JSON."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from textgen.cli.show.curve_view import ASCII, Signs, choose_signs
from textgen.cli.show.table import Column, draw_table, write_tsv
from textgen.cli.terminal.escapes import escaped
from textgen.cli.terminal.number_formats import float_power, format_power
from textgen.cli.terminal.output import console, flush_data, print_data, print_json

if TYPE_CHECKING:
    from textgen.lm.writing.completion import Completion, Completions

_TO_LOG10 = 1 / math.log(10)
_END = "(end of sequence)"
_OTHERS = "all other tokens"
_BLOCKS = " ▏▎▍▌▋▊▉█"  # eighths of a column
_PROMPT_COLUMNS = 24  # of the prompt's end, before each way to go on
_MOST_COLUMNS, _LEAST_COLUMNS = 40, 4  # of a bar
_ROUNDING = 1e-12  # what a sum of probabilities may lack
_NUMBER = 10  # columns of a probability, and what parts it from the next column: '8.990e-21  '


class CompletionView:
    """Shows completions as they come."""

    def __init__(self, model: str, temperatures: tuple[float, ...], is_one_token: bool) -> None:
        self.model, self.temperatures, self.is_one_token = model, temperatures, is_one_token

    def show(self, found: Iterable[Completions], *, as_json: bool) -> None:
        """Print all of `found`, each as soon as it is there."""
        if as_json:
            for completions in found:
                for rank, way in enumerate(completions.ways, start=1):
                    print_json(self._record(completions, rank, way))
                flush_data()
        elif sys.stdout.isatty():
            for number, completions in enumerate(found):
                if number:
                    print_data("")
                self._draw(completions)
                flush_data()
        else:
            write_tsv(self._columns(), self._rows(found))

    def _columns(self) -> list[Column]:
        names = [f"probability_at_{temperature:g}" for temperature in self.temperatures]
        if len(self.temperatures) == 1:
            names = ["log_probability", "base", "probability"]
        return [Column(name, name) for name in ("rank", *names, "tokens", "ended", "prompt", "continuation")]

    def _rows(self, found: Iterable[Completions]) -> Iterator[list[str]]:
        for completions in found:
            for rank, way in enumerate(completions.ways, start=1):
                logs = [nats * _TO_LOG10 for nats in way.log_probabilities]
                numbers = [f"{logs[0]:.4f}", "10"] if len(logs) == 1 else []
                numbers += map(format_power, logs)
                yield [str(rank), *numbers, str(len(way.tokens)), _ended(way), completions.prompt, way.continuation]
            flush_data()

    def _record(self, completions: Completions, rank: int, way: Completion) -> dict[str, Any]:
        """One way to go on as JSON."""
        numbers = [
            {
                "temperature": temperature,
                "log_probability": nats * _TO_LOG10,
                "base": "10",
                "probability": float_power(nats * _TO_LOG10),
            }
            for temperature, nats in zip(self.temperatures, way.log_probabilities, strict=True)
        ]
        return {
            "prompt": completions.prompt,
            "prompt_unknown": completions.prompt_unknown,
            "rank": rank,
            "continuation": way.continuation,
            "text": way.text,
            "tokens": len(way.tokens),
            "ended": _ended(way),
            **(numbers[0] if len(numbers) == 1 else {"by_temperature": numbers}),
            "model": self.model,
        }

    def _draw(self, completions: Completions) -> None:
        """One prompt's table."""
        signs = choose_signs()
        prompt = completions.prompt if len(self.temperatures) == 1 else ""  # bars need the room
        texts = [_shown(prompt, way, signs) for way in completions.ways]
        if self.is_one_token and texts:
            self._draw_bars(completions, texts, signs)
            return
        columns = [Column("rank", "rank"), Column("log", "log10 P"), Column("P", "P"), Column("tokens", "tokens")]
        logs = [way.log_probabilities[0] * _TO_LOG10 for way in completions.ways]
        rows = [
            [str(rank), f"{log:.4f}", format_power(log), str(len(way.tokens)), text]
            for rank, (log, way, text) in enumerate(zip(logs, completions.ways, texts, strict=True), start=1)
        ]
        draw_table([*columns, Column("continuation", "continuation", right=False)], rows)

    def _draw_bars(self, completions: Completions, texts: list[str], signs: Signs) -> None:
        """The table of single tokens: a probability and a bar for each temperature, all bars to one scale."""
        from rich.cells import cell_len

        room = console().width - len("rank  ") - max(map(cell_len, [*texts, _OTHERS])) - 2
        room = min(_MOST_COLUMNS, room // len(self.temperatures) - _NUMBER - 3)
        has_bars = room >= _LEAST_COLUMNS
        largest = max(max(way.log_probabilities) for way in completions.ways)
        rows = []
        for rank, (way, text) in enumerate(zip(completions.ways, texts, strict=True), start=1):
            row = [str(rank), text]
            for nats in way.log_probabilities:
                row.append(format_power(nats * _TO_LOG10))
                row += [draw_bar(math.exp(nats - largest), room, signs)] if has_bars else []
            rows.append(row)
        columns = [Column("rank", "rank"), Column("continuation", "continuation", right=False)]
        footer = ["", _OTHERS]
        for number, temperature in enumerate(self.temperatures):
            columns.append(Column("P", "P" if len(self.temperatures) == 1 else f"P at {temperature:g}"))
            footer.append(_rest(way.log_probabilities[number] for way in completions.ways))
            if has_bars:
                columns.append(Column("bar", "", right=False))
                footer.append("")
        draw_table(columns, rows, footer)


def _rest(log_probabilities: Iterable[float]) -> str:
    """The probability that is left to what is not shown."""
    rest = 1 - math.fsum(map(math.exp, log_probabilities))
    return f"{rest:.4g}" if rest > _ROUNDING else "0"


def draw_bar(share: float, columns: int, signs: Signs) -> str:
    """A bar over `share` of so many columns, to an eighth of one; in ASCII to a whole one."""
    if signs is ASCII:
        return "#" * round(share * columns)
    whole, eighths = divmod(round(share * columns * 8), 8)
    return (_BLOCKS[-1] * whole + _BLOCKS[eighths]).rstrip()


def _ended(way: Completion) -> str:
    """How a way came to its end, as `sample` has it."""
    return "eos" if way.is_ended else "length"


def _shown(prompt: str, way: Completion, signs: Signs) -> str:
    """The end of the prompt, a mark, and what follows; blanks at its end are drawn, or they would not be seen.

    '…ck brown│␣' is a blank after 'The quick brown'.
    """
    seen = way.continuation.rstrip(" ")
    following = seen + "␣" * (len(way.continuation) - len(seen))
    ends = [_END] if way.is_ended else []
    return f"{_tail(prompt, signs)}{signs.side}{' '.join([following, *ends] if following else ends)}"


def _tail(prompt: str, signs: Signs) -> str:
    """As much of the prompt's end as there is room for."""
    from rich.cells import cell_len

    text = escaped(prompt[-_PROMPT_COLUMNS:].replace("\n", "\\n"))
    dots = "..." if signs is ASCII else "…"
    if len(prompt) <= _PROMPT_COLUMNS and cell_len(text) <= _PROMPT_COLUMNS:
        return text
    while cell_len(dots + text) > _PROMPT_COLUMNS:
        text = text[1:]
    return dots + text
