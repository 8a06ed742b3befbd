"""The learning curve of a model: its losses over the tokens that it was trained on, read from its history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgen.cli.terminal.number_formats import format_amount, format_duration

if TYPE_CHECKING:
    from textgen.lm.storage.model_file import ModelSummary

_UNITS = ((1e9, ", in billions"), (1e6, ", in millions"), (1e3, ", in thousands"))
_START = 0.05  # the share of the tokens in which a loss falls so steeply that the rest would look flat beside it


@dataclass(frozen=True)
class Point:
    """What one validation found. tokens : trained on until then, >= 0. loss : nats per token, finite."""

    tokens: float
    loss: float


@dataclass(frozen=True)
class Curve:
    """Both losses over the tokens; a list is empty where its loss was never a number.

    best : the point of `held_out` whose weights the model holds, None if nothing was held out. note : about the best
    point. length : how long the training was.
    """

    name: str
    trained: Sequence[Point]
    held_out: Sequence[Point]
    best: Point | None
    note: str
    length: str

    @property
    def points(self) -> list[Point]:
        """All points of both losses."""
        return [*self.held_out, *self.trained]

    @property
    def is_line(self) -> bool:
        """Whether a loss has two points, so that there is a line to draw."""
        return max(len(self.held_out), len(self.trained)) > 1 and self.tokens > 0

    @property
    def tokens(self) -> float:
        """The most tokens of any point."""
        return max(point.tokens for point in self.points)

    @property
    def unit(self) -> float:
        """The largest unit in which the tokens are 1 or more."""
        return self._named_unit[0]

    @property
    def tokens_titles(self) -> tuple[str, str, str]:
        """What the axis of the tokens is called, in its unit: at length, short, shorter."""
        name = self._named_unit[1]
        title = f"tokens trained on{name}"
        return f"{title} ({self.length})" if self.length else title, title, f"tokens{name}"

    @property
    def _named_unit(self) -> tuple[float, str]:
        return next((unit for unit in _UNITS if self.tokens >= unit[0]), (1.0, ""))

    @property
    def losses_shown(self) -> tuple[float, float]:
        """The least loss, and the highest but for the very beginning; never the same."""
        least = min(point.loss for point in self.points)
        highest = max(point.loss for point in self.points if point.tokens >= _START * self.tokens)
        return least, max(highest, least + 1e-3 * max(1.0, abs(least)))


def learning_curve(summary: ModelSummary) -> Curve | None:
    """The curve of a model; None if its history holds no loss.

    Losses that are not finite (JSON's null) are left out.
    """
    records = validations_of(summary.history)
    best = best_record(records)
    trained, held_out = points_of(records, "train_loss"), points_of(records, "valid_loss")
    if not (trained or held_out):
        return None
    name, length = summary.path.stem, _describe_length(records[-1])
    if best is None:
        return Curve(name, trained, held_out, None, "", length)
    note = f"{best['valid_loss']:.4f} at epoch {best['epoch'] if isinstance(best.get('epoch'), int) else '?'}"
    return Curve(name, trained, held_out, Point(best["tokens"], best["valid_loss"]), note, length)


def validations_of(history: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records of the validations in their order, without what a damaged file may hold in their place."""
    found = history.get("validations")
    records = found if isinstance(found, list) else []
    return [record for record in records if isinstance(record, dict) and is_number(record.get("tokens"))]


def best_record(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The record of the least loss on the held-out part; None if nothing was held out."""
    held_out = [record for record in records if is_number(record.get("valid_loss"))]
    return min(held_out, key=lambda record: float(record["valid_loss"]), default=None)


def points_of(records: Sequence[Mapping[str, Any]], name: str) -> list[Point]:
    """The points of the loss called `name`, where it is a finite number."""
    return [Point(record["tokens"], record[name]) for record in records if is_number(record.get(name))]


def is_number(value: object) -> bool:
    """Whether `value` is a finite number, as JSON has them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _describe_length(last: Mapping[str, Any]) -> str:
    """'8 epochs, 7:10', as far as the last validation's record tells."""
    parts = [format_amount(last["epoch"], "epoch")] if isinstance(last.get("epoch"), int) else []
    parts += [format_duration(last["seconds"])] if is_number(last.get("seconds")) else []
    return ", ".join(parts)
