"""What a training is like where nothing else is asked for: size, length, dropout, learning rate, from the text alone.

The rule, in six steps:

1. Time: a million characters are worth four minutes of two cores. Four times as many are worth twice the time, but no
   text more than 15 minutes, or one epoch if that takes longer. `--time` says otherwise.
2. Size: the largest in SIZES for which the text is long enough, and the time, too: three tokens at least must be seen
   for each weight. 0.8 tokens do where the size before would read the text more than five times, and learn it by heart.
3. Epochs: as many as the time is good for on two cores, at most 40, but 500 steps at least.
4. Learning rate: 0.012 at 256 units, of words (an embedded input) 0.0035, falling with the root of their number. Words
   are learnt in smaller windows; in a large vocabulary their output is tied to the embedding.
5. Dropout: 0.2 for each time that the number of passes over the text doubles, of words 0.15, at most a half.
6. Of 20 passes or more the best comes long before the learning rate has fallen: there the parameters are averaged, and
   0.05 of the characters of the input are dropped, too, but no words.

The speed is forecast, not measured: the same text gives the same training on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from textgen.core.cells import load_cell
from textgen.lm.config.sizes import SIZES
from textgen.lm.config.training import TrainingConfig
from textgen.nn.config import NetworkConfig
from textgen.nn.parameters import parameter_count
from textgen.text.tokens.windows import fit_batch

_MILLION_SECONDS, _MOST_SECONDS = 240.0, 900.0  # for a text of a million characters; for any
_TOKENS_PER_WEIGHT, _FEWEST_PER_WEIGHT = 3, 0.8  # seen in the whole training, for a size to be worth it
_MANY_PASSES = 5
_MOST_EPOCHS, _FEWEST_STEPS = 40, 500
_DROPOUT, _DROPOUT_EMBEDDED, _MOST_DROPOUT = 0.2, 0.15, 0.5  # for each doubling of the passes; at most
_REPEATED, _DROPOUT_CHARACTERS = 20, 0.05  # passes, from which on so much of the input's characters is dropped
_RATE, _RATE_EMBEDDED, _RATE_HIDDEN = 0.012, 0.0035, 256
_WINDOW, _WINDOW_EMBEDDED, _WARMUP = (32, 64), (20, 35), 50  # rows and time steps; steps
_MOST_ONE_HOT, _MOST_EMBEDDED = 512, 256  # tokens of a one-hot vocabulary; columns of an embedding

_Value = TypeVar("_Value")

# Two cores (AMD Zen 4): what products come to in a training step; what else a token takes, and a parameter a step.
_FLOPS_PER_SECOND, _SECONDS_PER_TOKEN, _SECONDS_PER_PARAMETER = 150e9, 1.5e-6, 2e-9


@dataclass(frozen=True)
class TextSize:
    """What the choice depends on: the training part's tokens and characters, and the tokens of the vocabulary.

    logits : how many are computed for a token on average; None: one for each of the vocabulary.
    """

    tokens: int
    characters: int
    vocabulary: int
    logits: float | None = None

    @property
    def outputs(self) -> float:
        """Columns of the output layer that a token takes on average."""
        return self.vocabulary if self.logits is None else self.logits


def settle(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> tuple[NetworkConfig, TrainingConfig]:
    """Both configurations with all decided that was left to the text; what was asked for stays as it is."""
    size = training.size
    if size is None and None in (network.hidden, network.layers):
        size = _choose_size(text, network, training)
    named = size if network.hidden is None else training.size  # with other units than a size's it is none of them
    network = _complete(network, size, text.vocabulary)
    training = replace(_with_window(training, network), size=named)
    if training.epochs is None and training.steps is None and training.seconds is None:
        training = replace(training, epochs=_choose_epochs(text, network, training))
    passes = _count_passes(text, network, training)
    return network, replace(
        training,
        lr=_or(training.lr, _choose_rate(network)),
        dropout=_or(training.dropout, _choose_dropout(network, passes)),
        word_dropout=_or(training.word_dropout, _choose_word_dropout(network, passes)),
        average=_or(training.average, passes >= _REPEATED),
        warmup=_or(training.warmup, _choose_warmup(passes * _steps_per_epoch(text, training))),
    )


def explain(text: TextSize, asked: TrainingConfig, settled: tuple[NetworkConfig, TrainingConfig]) -> str:
    """One line that says what has been chosen for the text and why; empty if all was asked for.

    'size medium, dropout and epochs: for 1.0 million characters to train on, some 4 minutes on two cores'
    """
    *names, last = ["", *_name_chosen(asked, settled[1])]
    chosen = f"{', '.join(names[1:])} and {last}" if names[1:] else last
    if not chosen:
        return ""
    seconds = _count_passes(text, *settled) * text.tokens * seconds_per_token(text, *settled)
    reason = f"{chosen}: for {_format_count(text.characters)} to train on, {_format_time(seconds)}"
    return reason if settled[1].seconds else f"{reason} on two cores"


def seconds_per_token(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> float:
    """A forecast of the training time on two cores."""
    update = _SECONDS_PER_PARAMETER * parameter_count(network, text.vocabulary, text.vocabulary)
    window = math.prod(fit_batch(text.tokens, training.batch, training.bptt))
    return 6 * _multiplied(network, text.outputs) / _FLOPS_PER_SECOND + _SECONDS_PER_TOKEN + update / window


def _choose_size(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> str:
    """The name of the largest size that is worth it; the first is worth it always."""
    worth, needed = "", 0.0
    for name, size in SIZES.items():
        candidate = _complete(network, name, text.vocabulary)
        seen = _count_seen(text, candidate, _with_window(training, candidate))
        if not worth or (text.tokens >= size.least_tokens and seen >= needed * _multiplied(candidate, text.outputs)):
            worth = name
            needed = _FEWEST_PER_WEIGHT if seen > _MANY_PASSES * text.tokens else _TOKENS_PER_WEIGHT
    return worth


def _complete(network: NetworkConfig, size: str | None, vocabulary_size: int) -> NetworkConfig:
    """`network` with the units and layers of a size, an embedding, and whether it is tied, where that is left open."""
    is_one_hot = vocabulary_size <= _MOST_ONE_HOT and not network.tie
    if size is not None:
        hidden, layers = SIZES[size].characters if is_one_hot else SIZES[size].words
        network = replace(network, hidden=_or(network.hidden, hidden), layers=_or(network.layers, layers))
    embedding = _or(network.embedding, 0 if is_one_hot else min(network.hidden, _MOST_EMBEDDED))
    tie = _or(network.tie, embedding > 0 and vocabulary_size > _MOST_ONE_HOT)
    return replace(network, embedding=embedding, tie=tie)


def _with_window(training: TrainingConfig, network: NetworkConfig) -> TrainingConfig:
    """`training` with rows and time steps, where it has none of its own."""
    batch, bptt = _WINDOW_EMBEDDED if network.embedding else _WINDOW
    return replace(training, batch=_or(training.batch, batch), bptt=_or(training.bptt, bptt))


def _choose_epochs(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> int:
    affordable = _count_seen(text, network, training) / text.tokens
    return max(1, min(_MOST_EPOCHS, round(affordable)), -(-_FEWEST_STEPS // _steps_per_epoch(text, training)))


def _choose_rate(network: NetworkConfig) -> float:
    """To two digits."""
    rate = _RATE_EMBEDDED if network.embedding else _RATE
    return float(f"{rate * math.sqrt(_RATE_HIDDEN / network.hidden):.2g}")


def _choose_dropout(network: NetworkConfig, passes: float) -> float:
    """In steps of a tenth."""
    for_each = _DROPOUT_EMBEDDED if network.embedding else _DROPOUT
    return min(_MOST_DROPOUT, round(for_each * math.log2(max(1.0, passes)), 1))


def _choose_word_dropout(network: NetworkConfig, passes: float) -> float:
    return 0.0 if network.embedding or passes < _REPEATED else _DROPOUT_CHARACTERS


def _choose_warmup(steps: float) -> int:
    """In steps; a tenth of them at most."""
    return max(1, min(_WARMUP, int(steps / 10)))


def _steps_per_epoch(text: TextSize, training: TrainingConfig) -> int:
    batch, bptt = fit_batch(text.tokens, training.batch, training.bptt)
    return -(-(text.tokens // batch) // bptt)


def _count_passes(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> float:
    """How often each token will be seen."""
    if training.epochs is not None:
        return training.epochs
    if training.steps is not None:
        return training.steps * math.prod(fit_batch(text.tokens, training.batch, training.bptt)) / text.tokens
    return _count_seen(text, network, training) / text.tokens


def _count_seen(text: TextSize, network: NetworkConfig, training: TrainingConfig) -> float:
    """How many tokens the time is good for."""
    return _seconds_for(text, training) / seconds_per_token(text, network, training)


def _seconds_for(text: TextSize, training: TrainingConfig) -> float:
    """The time that is asked for, or that the text is worth."""
    if training.seconds is not None:
        return training.seconds
    return min(_MOST_SECONDS, _MILLION_SECONDS * math.sqrt(text.characters / 1e6))


def _multiplied(network: NetworkConfig, outputs: float) -> float:
    """How many weights each token is multiplied by; rows that are looked up are not."""
    H, gates = network.hidden, len(load_cell(network.cell).gates)
    inputs = (network.embedding or 0) + (network.layers - 1) * H
    projected = (network.embedding or 0) if network.tie and network.embedding != H else 0
    below = gates * H * (inputs + network.layers * H) + network.head_layers * H * H
    return below + H * projected + (projected or H) * outputs


def _name_chosen(asked: TrainingConfig, settled: TrainingConfig) -> Iterator[str]:
    """What was left to the text; but for the size, the values are told elsewhere."""
    if settled.size is not None and asked.size is None:
        yield f"size {settled.size}"
    if asked.dropout is None:
        yield "dropout"
    if asked.lr is None:
        yield "learning rate"
    if settled.epochs is not None and asked.epochs is None:
        yield "epochs"


def _format_count(number: int) -> str:
    """'1.1 million characters', '143,032 characters', '1 character'."""
    amount = f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,}"
    return f"{amount} character{'' if number == 1 else 's'}"


def _format_time(seconds: float) -> str:
    """'some 4 minutes', 'some 20 seconds', 'a moment'."""
    if seconds < 1.5:
        return "a moment"
    return f"some {seconds / 60:.0f} minutes" if seconds >= 90 else f"some {seconds:.0f} seconds"


def _or(asked: _Value | None, chosen: _Value) -> _Value:
    return chosen if asked is None else asked
