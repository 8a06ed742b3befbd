"""Training steps a second, textgen's beside PyTorch's, on the same windows of the same text in turn.

    python -m tests.benchmarks.train_step [--threads 2] [--rounds 5]

A step is forward, backward, clipping by global norm and Adam. Both compute the same function from a one-hot input; the
figures are medians over rounds taken A B A B. Without PyTorch its columns stay empty.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from textgen.core.optimizers import Adam, clip_factor, gradient_size
from textgen.core.threads import Team
from textgen.lm.config import NetworkConfig, TextConfig
from textgen.lm.network import Computation, Network
from textgen.text.corpus import Corpus, read_corpus
from textgen.text.windows import Window, stream_windows

try:
    import torch
except ImportError:
    torch = None

CORPUS = Path(__file__).parents[2] / "corpora" / "shakespeare.txt"
RATE, CLIP = 1e-3, 1.0
STEPS = 8  # in one timing
Step = Callable[[Window], float]


@dataclass(frozen=True)
class Case:
    """A network and the windows it is trained on."""

    cell: str
    hidden: int
    layers: int
    batch: int
    bptt: int


CASES = (
    Case("lstm", 128, 1, 32, 64),
    Case("lstm", 256, 2, 32, 64),
    Case("lstm", 512, 2, 64, 64),
    Case("gru", 256, 2, 32, 64),
    Case("rnn", 256, 2, 32, 64),
)


def textgen_step(case: Case, vocabulary_size: int, team: Team) -> Step:
    """A function that makes one update of textgen's network and returns the mean loss."""
    config = NetworkConfig(cell=case.cell, hidden=case.hidden, layers=case.layers)
    network = Network(config, vocabulary_size, training=True)
    network.initialize(1)
    computation, vector = Computation(network, team), network.parameters.vector
    optimizer = Adam(vector.size, vector.dtype)

    def step(window: Window) -> float:
        loss = float(computation.forward_backward(window).mean())
        gradient = network.parameters.gradient
        assert gradient is not None
        factor = clip_factor(gradient_size(gradient, "norm", team), CLIP)
        optimizer.update(vector, gradient, RATE, factor, team)
        network.pack(team)
        return loss

    return step


def torch_step(case: Case, vocabulary_size: int) -> Step:
    """The same of PyTorch's (its GRU resets after the product; the work is the same)."""
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[case.cell]
    recurrent = kind(vocabulary_size, case.hidden, case.layers)
    output = torch.nn.Linear(case.hidden, vocabulary_size)
    parameters = [*recurrent.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    carried: list[object] = [None]

    def step(window: Window) -> float:
        inputs = torch.from_numpy(np.maximum(window.inputs, 0)).long()
        hidden, state = recurrent(torch.nn.functional.one_hot(inputs, vocabulary_size).float(), carried[0])
        carried[0] = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        targets = torch.from_numpy(window.targets).long().flatten()
        loss = torch.nn.functional.cross_entropy(output(hidden).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        return float(loss.detach())

    return step


def tokens_per_second(step: Step, windows: Iterator[Window], case: Case) -> float:
    """Of STEPS steps."""
    some = list(itertools.islice(windows, STEPS))
    started = time.perf_counter()
    for window in some:
        step(window)
    return STEPS * case.batch * case.bptt / (time.perf_counter() - started)


def compare(case: Case, corpus: Corpus, threads: int, rounds: int) -> tuple[float, float | None]:
    """The median tokens a second of textgen and of PyTorch (None without it)."""
    size = len(corpus.vocabulary)
    windows = itertools.cycle(list(stream_windows(corpus.train.ids, case.batch, case.bptt, True))[:-1])
    with Team(threads) as team:
        steps = [textgen_step(case, size, team)]
        if torch is not None:
            torch.set_num_threads(threads)
            steps.append(torch_step(case, size))
        for step in steps:
            tokens_per_second(step, windows, case)  # compiles, warms caches
        rates: list[list[float]] = [[] for _ in steps]
        for _ in range(rounds):
            for step, measured in zip(steps, rates, strict=True):
                measured.append(tokens_per_second(step, windows, case))
    ours, *theirs = map(statistics.median, rates)
    return ours, theirs[0] if theirs else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    corpus = read_corpus([CORPUS], TextConfig(), lambda note: None)
    table = Table("cell", "hidden", "layers", "batch x bptt", "textgen, tokens/s", "PyTorch, tokens/s", "ratio")
    for case in CASES:
        ours, theirs = compare(case, corpus, options.threads, options.rounds)
        shape = (case.cell, str(case.hidden), str(case.layers), f"{case.batch} x {case.bptt}", f"{ours:,.0f}")
        table.add_row(*shape, *(("", "") if theirs is None else (f"{theirs:,.0f}", f"{ours / theirs:.2f}")))
    Console().print(table)


if __name__ == "__main__":
    main()
