"""What a training will do, worked out before it starts: sizes, length, memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from textgen.core.cells import load_cell
from textgen.core.threads import team_size
from textgen.lm.clusters import mean_columns, settle_softmax
from textgen.lm.config import NetworkConfig, TrainingConfig
from textgen.lm.network import parameter_count, parameter_shapes
from textgen.text.corpus import Corpus
from textgen.text.vocabulary import Vocabulary
from textgen.text.windows import fit_batch

_TOKENS_TO_SEE = 8_000_000  # where no length is asked for: some minutes on two cores
_FEWEST_EPOCHS, _MOST_EPOCHS = 1, 30
_FEWEST_STEPS = 500  # a small text is read more often than _MOST_EPOCHS times
_PROGRAM_BYTES = 220_000_000  # Python, NumPy, Numba and the compiled kernels
_FLOAT = 4
_VALIDATED = 2048  # tokens of a window of the validation
_MOST_ONE_HOT, _MOST_EMBEDDED = 512, 256  # tokens of a one-hot vocabulary; columns of an embedding


@dataclass(frozen=True)
class TrainingPlan:
    """A training as it will be.

    network : with its embedding settled.
    epochs, steps, seconds : the length; exactly one of them is set. batch, bptt : rows and time steps of a window,
    shrunk to the corpus. steps_per_epoch : windows of one pass. parameters : numbers to be trained. threads : used.
    memory_bytes : forecast of the process' peak. notes : what was changed on the way, a sentence each.
    """

    network: NetworkConfig
    epochs: int | None
    steps: int | None
    seconds: float | None
    batch: int
    bptt: int
    steps_per_epoch: int
    parameters: int
    threads: int
    memory_bytes: int
    notes: tuple[str, ...]


def plan(corpus: Corpus, network: NetworkConfig, training: TrainingConfig) -> TrainingPlan:
    """The plan for a corpus and what was asked for."""
    tokens = len(corpus.train.ids)
    batch, bptt = fit_batch(tokens, training.batch, training.bptt)
    notes = []
    if (batch, bptt) != (training.batch, training.bptt):
        notes.append(
            f"the text has only {tokens:,} tokens to train on: the batch is {batch} rows of {bptt} steps"
            f" instead of {training.batch} of {training.bptt}"
        )
    steps_per_epoch = -(-(tokens // batch) // bptt)
    epochs = training.epochs
    if epochs is None and training.steps is None and training.seconds is None:
        epochs = max(
            _FEWEST_EPOCHS, min(_MOST_EPOCHS, round(_TOKENS_TO_SEE / tokens)), -(-_FEWEST_STEPS // steps_per_epoch)
        )
    asked, network = network.softmax, settle(network, corpus.vocabulary)
    if network.softmax != asked and (network.cutoffs or asked == "adaptive"):
        notes.append(_describe_softmax(network, len(corpus.vocabulary)))
    return TrainingPlan(
        network=network,
        epochs=epochs,
        steps=training.steps,
        seconds=training.seconds,
        batch=batch,
        bptt=bptt,
        steps_per_epoch=steps_per_epoch,
        parameters=parameter_count(network, len(corpus.vocabulary)),
        threads=team_size(training.threads, batch),
        memory_bytes=forecast_memory(corpus, network, training, batch, bptt),
        notes=tuple(notes),
    )


def settle(network: NetworkConfig, vocabulary: Vocabulary) -> NetworkConfig:
    """`network` with its embedding and its softmax chosen.

    One-hot input for a small vocabulary that is not tied, else an embedding; the softmax of a large one in clusters.
    """
    network = settle_softmax(network, vocabulary.counts)
    if network.embedding is not None:
        return network
    is_one_hot = len(vocabulary) <= _MOST_ONE_HOT and not network.tie
    return replace(network, embedding=0 if is_one_hot else min(network.hidden, _MOST_EMBEDDED))


def _describe_softmax(network: NetworkConfig, V: int) -> str:
    if not network.cutoffs:
        return f"a vocabulary of {V} is too small for an adaptive softmax: it is computed in full"
    return (
        f"adaptive softmax, since the vocabulary is large: a short list of {network.cutoffs[0]:,} tokens and"
        f" {len(network.cutoffs)} clusters (--softmax full overrides)"
    )


def forecast_memory(corpus: Corpus, network: NetworkConfig, training: TrainingConfig, batch: int, bptt: int) -> int:
    """The forecast of the process' peak memory in bytes, within about a quarter.

    Parameters count six times (themselves, gradient, two moments, the best so far, its packed form), the recurrent
    weights of a layer once more for each thread, which packs them for itself; activations by what the layers allocate
    for a window; token ids twice (the corpus, and its shuffled order) beside the validation's. On top comes what is
    held for a while: the activations of a validation, or the file that is being written.
    """
    shapes = parameter_shapes(network, len(corpus.vocabulary))
    all_parameters = parameter_count(network, len(corpus.vocabulary))
    recurrent = sum(math.prod(shape) for name, shape in shapes.items() if name.startswith("layer0.recurrent"))
    parameters = _FLOAT * (6 * all_parameters + team_size(training.threads, batch) * recurrent)
    forward, backward = _columns(network, corpus.vocabulary, training.dropout)
    activations = _FLOAT * (forward + backward) * batch * bptt
    validation = 0 if corpus.valid is None else _FLOAT * forward * min(_VALIDATED, len(corpus.valid.ids))
    ids = 2 * corpus.train.ids.nbytes + (0 if corpus.valid is None else corpus.valid.ids.nbytes)
    per_sequence = 40 * (len(corpus.train) + (0 if corpus.valid is None else len(corpus.valid)))
    return _PROGRAM_BYTES + parameters + activations + ids + per_sequence + max(validation, _FLOAT * all_parameters)


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
