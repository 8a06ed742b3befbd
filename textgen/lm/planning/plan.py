"""What a training will do, worked out before it starts: sizes, length, memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from textgen.core.cells import load_cell
from textgen.core.runtime.threads import team_size
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.cutoffs import mean_columns, settle_softmax
from textgen.lm.planning.defaults import TextSize, explain, settle
from textgen.nn.config import NetworkConfig
from textgen.nn.parameters import parameter_count, parameter_shapes
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.vocabulary import Vocabulary
from textgen.text.tokens.windows import fit_batch

_PROGRAM_BYTES = 220_000_000  # Python, NumPy, Numba and the compiled kernels
_FLOAT = 4
_VALIDATED = 2048  # tokens of a window of the validation


@dataclass(frozen=True)
class TrainingPlan:
    """A training as it will be.

    network, training : with all settled that was left to the corpus: exactly one of epochs, steps and seconds is set.
    batch, bptt : rows and time steps of a window, shrunk to the corpus. steps_per_epoch : windows of one pass.
    parameters : numbers to be trained. threads : used.
    memory_bytes : forecast of the process' peak. reason : what was chosen for the corpus, and why, in one line; empty
    if nothing was. notes : what was asked for and changed, a sentence each.
    """

    network: NetworkConfig
    training: TrainingConfig
    batch: int
    bptt: int
    steps_per_epoch: int
    parameters: int
    threads: int
    memory_bytes: int
    reason: str
    notes: tuple[str, ...]

    @property
    def epochs(self) -> int | None:
        """The length, if it was given in epochs or left to the corpus."""
        return self.training.epochs

    @property
    def steps(self) -> int | None:
        """The length, if it was given in steps."""
        return self.training.steps

    @property
    def seconds(self) -> float | None:
        """The length, if it was given as a time."""
        return self.training.seconds


def plan(corpus: Corpus, network: NetworkConfig, training: TrainingConfig) -> TrainingPlan:
    """The plan for a corpus and what was asked for."""
    tokens, vocabulary_size, counts = len(corpus.train.ids), len(corpus.vocabulary), corpus.vocabulary.counts
    asked_softmax, asked = network.softmax, training
    network = settle_softmax(network, counts)
    logits = mean_columns(network.cutoffs, counts)
    text = TextSize(tokens, int(corpus.train.characters.sum()), vocabulary_size, logits)
    network, training = settle(text, network, asked)
    batch, bptt = fit_batch(tokens, training.batch, training.bptt)
    return TrainingPlan(
        network=network,
        training=training,
        batch=batch,
        bptt=bptt,
        steps_per_epoch=-(-(tokens // batch) // bptt),
        parameters=parameter_count(network, vocabulary_size),
        threads=team_size(training.threads, batch),
        memory_bytes=forecast_memory(corpus, network, training, batch, bptt),
        reason=explain(text, asked, (network, training)),
        notes=(*_changes(tokens, asked, (batch, bptt)), *_describe_softmax(asked_softmax, network, vocabulary_size)),
    )


def _changes(tokens: int, asked: TrainingConfig, window: tuple[int, int]) -> Iterator[str]:
    """What was asked for and cannot be."""
    batch, bptt = (wanted or found for wanted, found in zip((asked.batch, asked.bptt), window, strict=True))
    if (batch, bptt) != window:
        yield (
            f"the text has only {tokens:,} tokens to train on: the batch is {window[0]} rows of {window[1]} steps"
            f" instead of {batch} of {bptt}"
        )


def _describe_softmax(asked: str, network: NetworkConfig, V: int) -> Iterator[str]:
    """What was chosen of the softmax, or cannot be."""
    if asked == "adaptive" and not network.cutoffs:
        yield f"a vocabulary of {V} is too small for an adaptive softmax: it is computed in full"
    if asked == "auto" and network.cutoffs:
        yield (
            f"adaptive softmax, since the vocabulary is large: a short list of {network.cutoffs[0]:,} tokens and"
            f" {len(network.cutoffs)} clusters (--softmax full overrides)"
        )


def forecast_memory(corpus: Corpus, network: NetworkConfig, training: TrainingConfig, batch: int, bptt: int) -> int:
    """The forecast of the process' peak memory in bytes, within about a quarter.

    Parameters count six times (themselves, gradient, two moments, the best so far, its packed form), the recurrent
    weights of a layer once more for each thread, which packs them for itself; activations by what the layers allocate
    for a window; token ids twice (the corpus, and its shuffled order) beside the validation's. On top come, for a
    while, the activations of a validation. Files are written without another copy.
    """
    shapes = parameter_shapes(network, len(corpus.vocabulary))
    all_parameters = parameter_count(network, len(corpus.vocabulary))
    recurrent = sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("layer0.recurrent"))
    parameters = _FLOAT * (6 * all_parameters + team_size(training.threads, batch) * recurrent)
    forward, backward = _columns(network, corpus.vocabulary, training.dropout)
    activations = _FLOAT * (forward + backward) * batch * bptt
    validation = _FLOAT * forward * (batch * bptt if corpus.valid is None else min(_VALIDATED, len(corpus.valid.ids)))
    ids = 2 * corpus.train.ids.nbytes + (0 if corpus.valid is None else corpus.valid.ids.nbytes)
    per_sequence = 40 * (len(corpus.train) + (0 if corpus.valid is None else len(corpus.valid)))
    return _PROGRAM_BYTES + parameters + activations + ids + per_sequence + validation


def _columns(network: NetworkConfig, vocabulary: Vocabulary, dropout: float) -> tuple[int, int]:
    """Numbers that the layers hold for each token of a window: on the way forward, and besides on the way back."""
    H, cell, copies = network.hidden, load_cell(network.cell), 2 if dropout else 1
    hidden = copies * (network.layers + network.head_layers)
    within = network.layers * (len(cell.gates) + cell.states - 1 + len(cell.products))
    embedding = network.embedding or 0
    projected = embedding if network.tie and embedding != H else 0
    outputs = round(mean_columns(network.cutoffs, vocabulary.counts))
    # Recurrent layers have the memory of one gradient in common, and with it what drops their units.
    forward = copies * embedding + (hidden + within) * H + projected + outputs
    return forward, embedding + (1 + network.head_layers) * H + projected
