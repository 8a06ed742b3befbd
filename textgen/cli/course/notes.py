"""What `textgen train` tells before and after the work, label and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.cli.request.resuming import quoted
from textgen.cli.show.summary import format_held_out, format_network
from textgen.cli.terminal.number_formats import format_amount, format_bytes, format_duration
from textgen.paths import display_name, shown
from textgen.text.corpus.holdout import MOST, SHARE

if TYPE_CHECKING:
    from textgen.cli.request.destination import Destination
    from textgen.lm.config.text import TextConfig
    from textgen.lm.config.training import TrainingConfig
    from textgen.lm.planning.plan import TrainingPlan
    from textgen.lm.training.reports import Finished
    from textgen.text.corpus.corpus import Corpus

Notes = Iterator[tuple[str, str]]

_REASONS = {
    "epochs": "all epochs done",
    "time": "time is up",
    "steps": "all steps done",
    "interrupted": "interrupted",
    "diverged": "the training diverged",
}


def describe_corpus(files: Sequence[Path], valid: Path | None, corpus: Corpus, text: TextConfig) -> Notes:
    """What was read, and what of it is held out."""
    names = ", ".join(display_name(path) for path in files)
    yield "corpus", f"{names}: {format_amount(corpus.characters, 'character')}, {_format_sequences(corpus)}"
    tokens, oovs = len(corpus.train.ids), corpus.vocabulary.counts[0]
    unknown = f", {100 * oovs / tokens:.1f} % of the text outside it" if oovs else ""
    yield "tokens", f"{tokens:,} to train on; vocabulary of {len(corpus.vocabulary):,}{unknown}"
    if corpus.valid is not None:
        source = display_name(valid) if valid else "sequences at random" if text.shuffle else "the last part"
        characters = format_amount(int(corpus.valid.characters.sum()), "character")
        yield "held out", f"{source}: {characters}, {format_amount(len(corpus.valid.ids), 'token')}"
        if valid is None and text.valid_fraction is None and SHARE * corpus.characters > MOST:
            yield "", f"no more than some {MOST:,} characters, of so long a text (--valid-fraction overrides)"


def _format_sequences(corpus: Corpus) -> str:
    number = len(corpus.train) + (len(corpus.valid) if corpus.valid is not None else 0)
    return f"{format_amount(number, 'sequence')} ({corpus.unit})"


def describe_plan(plan: TrainingPlan) -> Notes:
    """What will be trained, how long, and what it takes."""
    if plan.reason:
        yield "chosen", plan.reason
    yield "network", f"{format_network(plan.network)}; {format_amount(plan.parameters, 'parameter')}"
    window = f"{format_amount(plan.batch, 'row')} x {format_amount(plan.bptt, 'token')}"
    yield "training", f"{_format_length(plan)}; windows of {window}"
    average = ", parameters averaged" if plan.training.average else ""
    yield "", f"dropout {_format_dropout(plan.training)}, learning rate {plan.training.lr:g}{average}"
    for note in plan.notes:
        yield "", note
    yield "memory", f"about {format_bytes(plan.memory_bytes)}; {format_amount(plan.threads, 'thread')}"


def _format_dropout(training: TrainingConfig) -> str:
    words = training.word_dropout
    return f"{training.dropout:g}, of the input's tokens {words:g}" if words else f"{training.dropout:g}"


def _format_length(plan: TrainingPlan) -> str:
    steps = format_amount(plan.steps_per_epoch, "step")
    if plan.epochs is not None:
        return f"{format_amount(plan.epochs, 'epoch')} of {steps}"
    length = format_duration(plan.seconds) if plan.seconds is not None else format_amount(plan.steps or 0, "step")
    return f"{length}, an epoch is {steps}"


def describe_end(end: Finished, patience: int, destination: Destination) -> Notes:
    """How it ended, and where the model is. patience : of the training, in validations."""
    impatient = f"no better one in {format_amount(patience, 'validation')}"
    reason = impatient if end.reason == "patience" else _REASONS[end.reason]
    yield "finished", f"{reason}; {format_amount(end.tokens, 'token')} in {format_duration(end.seconds)}"
    best = end.best
    if best is not None and best.valid_loss is not None:
        yield "held out", f"{format_held_out(best)}, epoch {best.epoch}"
        if best.first_token_loss is not None and best.model.text.unit != "file":  # a file is cut in its middle
            yield "", f"{best.first_token_loss:.3f} nats for the first token of a sequence"
    if best is not None:
        yield "saved", str(destination.path)


def next_command(destination: Destination, temperature: float | None) -> str:
    """The command line that writes more. temperature : at which the model writes best, if that is known."""
    drawn = "" if temperature is None else f" --temperature {temperature:g}"
    return f"textgen sample --model {_quoted(destination.name)}{drawn}"


def _quoted(name: str) -> str:
    if name != shown(name):
        return quoted(name)
    return f'"{name}"' if " " in name else name
