"""All cases: a name, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tests.benchmarks import growth, memory, onnx_runtime, ours, pytorch, pytorch_forward
from tests.benchmarks.cases import AGAINST_LSTM, AGAINST_PYTORCH, BASE, GROWN, REMEMBERED, SAMPLED, SCORED, Shape
from tests.benchmarks.peak import Peak
from tests.benchmarks.report import Row
from tests.benchmarks.texts import Texts
from tests.benchmarks.timing import Contender, fastest_settings, race
from textgen.core.runtime.threads import Team

_TOLERANCE = 1e-4  # of log-probabilities


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    texts: Texts
    threads: int
    rounds: int
    team: Team
    peak: Peak

    @property
    def thread_settings(self) -> list[int]:
        """The numbers of threads that a peer may choose from."""
        return sorted({1, self.threads})


def training_against_pytorch(shape: Shape, bench: Bench) -> Row:
    """Training steps beside PyTorch's."""
    return _training(shape, fastest_settings(pytorch.training(shape, bench.texts, bench.threads)), bench)


def training_against_lstm(shape: Shape, bench: Bench) -> Row:
    """Training steps beside those of our own LSTM."""
    return _training(shape, [ours.training(replace(shape, cell="lstm"), bench.texts, bench.team)], bench)


def _training(shape: Shape, others: list[Contender], bench: Bench) -> Row:
    V = bench.texts.vocabulary_size(shape.level)
    mine = ours.training(shape, bench.texts, bench.team)
    return _row(V, [mine, *others], bench, _training_flops(shape, V))


def _training_flops(shape: Shape, V: int) -> int:
    """Of a token: forward, and two products of the same size for each on the way back."""
    return 3 * 2 * shape.multiply_adds(V)


def _row(V: int, contenders: list[Contender], bench: Bench, flops: int) -> Row:
    result = race(contenders, bench.rounds, bench.peak)
    mine, *others = map(str, contenders)
    return Row(V, "tokens/s", result.rates[mine], {o: result.rates[o] for o in others}, flops, result.peaks)


def sampling(shape: Shape, bench: Bench) -> Row:
    """Drawing B sequences side by side."""
    corpus = bench.texts.corpus(shape.level)
    model = ours.endless_model(shape, corpus.vocabulary)
    network = model.network
    [window] = bench.texts.windows(shape.level, shape.B, 32, count=1)
    expected = ours.log_probabilities(network, window, bench.team)
    for peer in (pytorch_forward, onnx_runtime):
        _check(peer.stepped_log_probabilities(network, window), expected)
    peers = [
        *fastest_settings(pytorch_forward.sampling(network, shape.B, bench.thread_settings)),
        *fastest_settings(onnx_runtime.sampling(network, shape.B, bench.thread_settings)),
    ]
    mine = ours.sampling(model, shape.B, bench.threads)
    V = len(corpus.vocabulary)
    return _row(V, [mine, *peers], bench, 2 * shape.multiply_adds(V))


def scoring(shape: Shape, bench: Bench) -> Row:
    """The log-probabilities of given text."""
    V = bench.texts.vocabulary_size(shape.level)
    network = ours.new_network(shape, V, training=False)
    windows = bench.texts.windows(shape.level, shape.B, shape.T)
    expected = ours.log_probabilities(network, windows[0], bench.team)
    for peer in (pytorch_forward, onnx_runtime):
        _check(peer.log_probabilities(network, windows[0]), expected)
    mine = ours.scoring(network, windows, bench.team)
    peers = [
        *fastest_settings(pytorch_forward.scoring(network, windows, bench.threads)),
        *fastest_settings(onnx_runtime.scoring(network, windows, bench.threads)),
    ]
    return _row(V, [mine, *peers], bench, 2 * shape.multiply_adds(V))


def memory_of_training(bench: Bench) -> Row:
    """The peak of the process, ours and PyTorch's."""
    sides = ["textgen", *(["PyTorch"] if pytorch.INSTALLED else [])]
    V = bench.texts.vocabulary_size(REMEMBERED.level)
    windows = bench.texts.windows(REMEMBERED.level, REMEMBERED.B, REMEMBERED.T, count=memory.STEPS)
    peaks = memory.measure(sides, windows, V, bench.threads)
    return Row(V, "MiB", peaks.pop("textgen"), peaks)


def growth_of_windows(shape: Shape, bench: Bench) -> Row:
    """Larger windows beside smaller ones."""
    return _training(shape, [ours.training(BASE, bench.texts, bench.team)], bench)


def growth_of_corpus(bench: Bench) -> Row:
    """A longer text beside a shorter one."""
    corpus = bench.texts.corpus(BASE.level)
    longer, shorter = (growth.training(corpus, repeated, bench.threads) for repeated in (10, 1))
    V = len(corpus.vocabulary)
    return _row(V, [longer, shorter], bench, _training_flops(BASE, V))


def _check(found: dict[str, np.ndarray], expected: np.ndarray) -> None:
    """Raise AssertionError unless the log-probabilities that each peer found are ours."""
    for who, theirs in found.items():
        difference = float(np.abs(theirs - expected).max())
        assert difference < _TOLERANCE, f"{who}'s log-probabilities differ from ours by {difference:.2g}"


CASES: dict[str, Callable[[Bench], Row]] = {
    **{f"training {shape}": partial(training_against_pytorch, shape) for shape in AGAINST_PYTORCH},
    **{f"training {shape}": partial(training_against_lstm, shape) for shape in AGAINST_LSTM},
    **{f"sampling {s.cell}, {s.level} H{s.H} L{s.L}, streams: {s.B}": partial(sampling, s) for s in SAMPLED},
    f"scoring {SCORED}": partial(scoring, SCORED),
    f"memory, training {REMEMBERED}": memory_of_training,
    **{f"growth, training {shape}": partial(growth_of_windows, shape) for shape in GROWN},
    f"growth, training {BASE}, corpus x 10": growth_of_corpus,
}
