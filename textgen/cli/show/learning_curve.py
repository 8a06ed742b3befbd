"""The learning curve of a model: its losses over the tokens that it was trained on, read from its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textgen.cli.terminal.number_formats import format_amount, format_duration
from textgen.paths import shown

if TYPE_CHECKING:
    from textgen.lm.storage.history import Validation
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
        return f"{title} ({self.length})", title, f"tokens{name}"

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
    """The curve of a model; None if its history holds no loss. Losses that were not finite are left out."""
    found, best = summary.history.validations, summary.history.best
    trained = [Point(one.tokens, one.train_loss) for one in found if one.train_loss is not None]
    held_out = [Point(one.tokens, one.valid_loss) for one in found if one.valid_loss is not None]
    if not (trained or held_out):
        return None
    name, length = shown(summary.path.stem), _describe_length(found[-1])
    if best is None or best.valid_loss is None:
        return Curve(name, trained, held_out, None, "", length)
    note = f"{best.valid_loss:.4f} at epoch {best.epoch}"
    return Curve(name, trained, held_out, Point(best.tokens, best.valid_loss), note, length)


def _describe_length(last: Validation) -> str:
    """'8 epochs, 7:10'."""
    return f"{format_amount(last.epoch, 'epoch')}, {format_duration(last.seconds)}"
