"""Histories of trainings, and the summaries of the models that have them."""

from dataclasses import replace
from pathlib import Path

from textgen.cli.show.learning_curve import learning_curve
from textgen.lm.config.text import TextConfig
from textgen.lm.storage.history import History, Validation
from textgen.lm.storage.model_file import ModelSummary
from textgen.nn.config import NetworkConfig
from textgen.text.tokens.vocabulary import Vocabulary


def record(epoch, train_loss, valid_loss, tokens=200_000):
    """The record of a validation, after `tokens` an epoch; bits and perplexity are of no concern here."""
    losses = (train_loss, valid_loss, valid_loss, valid_loss)
    return Validation(epoch, 100 * epoch, tokens * epoch, 30.0 * epoch, *losses)


TRAINED = [2.6, 2.1, 1.8, 1.6, 1.45, 1.35, 1.28, 1.22]
HELD_OUT = [2.3, 2.0, 1.85, 1.78, 1.75, 1.76, 1.79, 1.83]
OVERFITTED = [record(epoch, *losses) for epoch, losses in enumerate(zip(TRAINED, HELD_OUT, strict=True), 1)]
NOTHING_HELD_OUT = [record(epoch, loss, None) for epoch, loss in enumerate(TRAINED, 1)]


def summary_of(records, name="plays-char"):
    """The summary of a model with such validations."""
    text, network = TextConfig(unit="line"), NetworkConfig(hidden=8, layers=1, embedding=0)
    vocabulary = Vocabulary(("<unk>", "<eos>", "a"), (1, 1, 1))
    history = History(validations=tuple(records))
    return ModelSummary(Path(f"{name}.safetensors"), 1, "0", text, network, vocabulary, history, {}, bits=32, size=0)


def curve_of(records, name="plays-char"):
    """The learning curve of such a model."""
    return learning_curve(summary_of(records, name))


def with_loss(records, place, **losses):
    """The records, one of them with other losses."""
    return [replace(entry, **losses) if number == place else entry for number, entry in enumerate(records)]
