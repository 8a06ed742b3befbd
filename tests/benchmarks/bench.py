"""All cases: a name, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tests.benchmarks import onnx_runtime, ours, pytorch, pytorch_forward
from tests.benchmarks.cases import AGAINST_LSTM, AGAINST_PYTORCH, SAMPLED, Shape
from tests.benchmarks.peak import Peak
from tests.benchmarks.report import Row
from tests.benchmarks.texts import Texts
from tests.benchmarks.timing import Contender, fastest_settings, race
from textgen.core.threads import Team

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
    flops = 3 * 2 * shape.multiply_adds(V)  # forward, and two products of the same size for each on the way back
    mine = ours.training(shape, bench.texts, bench.team)
    return _row(f"training {shape}", V, [mine, *others], bench, flops)


def _row(case: str, V: int, contenders: list[Contender], bench: Bench, flops: int) -> Row:
    result = race(contenders, bench.rounds, bench.peak)
    mine, *others = map(str, contenders)
    return Row(case, V, "tokens/s", result.rates[mine], {o: result.rates[o] for o in others}, flops, result.peaks)


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
    return _row(_sampling_name(shape), V, [mine, *peers], bench, 2 * shape.multiply_adds(V))


def _check(found: dict[str, np.ndarray], expected: np.ndarray) -> None:
    """Raise AssertionError unless the log-probabilities that each peer found are ours."""
    for who, theirs in found.items():
        difference = float(np.abs(theirs - expected).max())
        assert difference < _TOLERANCE, f"{who}'s log-probabilities differ from ours by {difference:.2g}"


def _sampling_name(shape: Shape) -> str:
    return f"sampling {shape.cell}, {shape.level} H{shape.H} L{shape.L}, streams: {shape.B}"


CASES: dict[str, Callable[[Bench], Row]] = {
    **{f"training {shape}": partial(training_against_pytorch, shape) for shape in AGAINST_PYTORCH},
    **{f"training {shape}": partial(training_against_lstm, shape) for shape in AGAINST_LSTM},
    **{_sampling_name(shape): partial(sampling, shape) for shape in SAMPLED},
}
