"""Measuring a model in training on the held-out part, and the history of what was found."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from textgen.core.runtime.threads import Team
from textgen.lm.config.training import TrainingConfig
from textgen.lm.inference.measures import bits_per_character, perplexity
from textgen.lm.inference.scoring import with_first_input
from textgen.lm.storage.history import CorpusFacts, History, Validation
from textgen.lm.storage.model import LanguageModel
from textgen.lm.training.reports import ValidationReport
from textgen.nn.computation import Computation
from textgen.text.corpus.corpus import Corpus, PackedText
from textgen.text.tokens.windows import count_read, evaluation_windows

_ROWS, _STEPS = 32, 64  # of a window
_CONTEXT = 256  # tokens before a validation row's first one that bring its state up


class Nats(NamedTuple):
    """Sums of -log P : over all tokens of a text, and over the first token of each of its sequences."""

    total: float
    first: float


def validation_nats(model: LanguageModel, text: PackedText, team: Team) -> Nats:
    """The sums of -log P over the tokens of `text`.

    Long sequences are cut, so that many rows run side by side; each row's state is brought up by the 256 tokens before
    it. Where no sequence is longer than that, the figure is `evaluate`'s own.
    """
    total = first = 0.0
    is_first = np.zeros(len(text.ids), np.bool_)
    is_first[text.starts] = True
    computation = Computation.without_training(model.network, team)
    for window, positions in evaluation_windows(text, _ROWS, _STEPS, _CONTEXT, model.text.carry):
        losses = computation.forward(with_first_input(window, model.first_input))
        total += float(losses.sum())
        first += float(losses[(positions >= 0) & is_first[positions]].sum())
    return Nats(total, first)


def tokens_read(text: PackedText | None, carry: bool) -> int:
    """How many tokens a validation on `text` reads, those that bring states up included; 0 if there is no text."""
    return 0 if text is None else count_read(text, _ROWS, _CONTEXT, carry)


def figures_of(nats: Nats | None, text: PackedText | None) -> dict[str, Any]:
    """A validation's figures under their names in its report, of the losses over `text`; None: not measured."""
    if nats is None or text is None:
        return dict.fromkeys(("valid_loss", "bits_per_character", "perplexity", "first_token_loss"))
    return {
        "valid_loss": nats.total / len(text.ids),
        "bits_per_character": bits_per_character(nats.total, int(text.characters.sum())),
        "perplexity": perplexity(nats.total, len(text.ids)),
        "first_token_loss": nats.first / len(text),
    }


def new_history(corpus: Corpus, training: TrainingConfig) -> History:
    """How a model came to be, as it stands before the first step, with parameters that were drawn."""
    facts = CorpusFacts(
        sha256=corpus.sha256,
        characters=corpus.characters,
        train_tokens=len(corpus.train.ids),
        valid_tokens=0 if corpus.valid is None else len(corpus.valid.ids),
    )
    return History(datetime.now(UTC).isoformat(timespec="seconds"), facts, asdict(training))


def to_history(report: ValidationReport) -> Validation:
    """What the history keeps of a report; a number that is not finite is None, as in the file."""
    values = {field.name: _finite(getattr(report, field.name)) for field in fields(Validation)}
    return Validation(**{**values, "seconds": round(report.seconds, 3)})


def from_history(entry: Validation, model: LanguageModel) -> ValidationReport:
    """The report of the best model that the history has as `entry`."""
    return ValidationReport(**asdict(entry), best=True, model=model)


def _finite(value: Any) -> Any:
    return None if value is None or not math.isfinite(value) else value
