"""How much memory a training will take."""

from __future__ import annotations

from textgen.core.cells import load_cell
from textgen.core.runtime.threads import team_size
from textgen.lm.config.training import TrainingConfig
from textgen.lm.planning.cutoffs import mean_columns
from textgen.nn.config import NetworkConfig
from textgen.nn.parameters import parameter_count
from textgen.text.corpus.corpus import Corpus
from textgen.text.tokens.vocabulary import Vocabulary

_PROGRAM_BYTES = 220_000_000  # Python, NumPy, Numba and the compiled kernels
_FLOAT = 4
_VALIDATED = 2048  # tokens of a window of the validation


def forecast_memory(corpus: Corpus, network: NetworkConfig, training: TrainingConfig, batch: int, bptt: int) -> int:
    """The forecast of the process' peak memory in bytes, within about a quarter.

    Parameters count six times: themselves, gradient, two moments, the best so far, its packed form; and with an
    average once more. Each thread packs the recurrent weights of a layer for itself. Activations are what the layers
    allocate for a window, and, for a while, for one of a validation. Token ids count twice (the corpus, and its
    shuffled order) beside the validation's.
    Files are written without another copy.
    """
    V = len(corpus.vocabulary)
    all_parameters = parameter_count(network, V, V)
    recurrent = len(load_cell(network.cell).gates) * network.hidden**2
    copies = 7 if training.average else 6
    parameters = _FLOAT * (copies * all_parameters + team_size(training.threads, batch) * recurrent)
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
