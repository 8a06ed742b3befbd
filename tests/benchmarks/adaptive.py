"""The adaptive softmax beside the full one: training steps in turn, and what a step spends its time on.

    python -m tests.benchmarks.adaptive [--text DIR] [--threads 2] [--rounds 5] [--only SUBSTRING]

DIR holds wikitext-2/train.txt; without it, words are drawn from Zipf's law, as many as WikiText-2 has. A case is a size
of the vocabulary: the commonest tokens of the text, the others being `<unk>`. An LSTM of 2 x 256 units, the embedding
tied or not, windows of 32 rows x 35 steps, clipping, Adam; tokens a second, medians over rounds taken A B A B.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks import ours
from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.peak import Peak
from tests.benchmarks.report import print_table
from tests.benchmarks.timing import Contender, Work, over, race
from textgen.core.kernels.optimizers import Adam, gradient_size
from textgen.core.runtime.threads import Team, share
from textgen.lm.planning.cutoffs import choose_cutoffs
from textgen.nn.computation import Computation
from textgen.nn.config import NetworkConfig
from textgen.nn.layer import Layer
from textgen.nn.network import Network
from textgen.text.tokens.windows import Window, stream_windows

B, T, STEPS = 32, 35, 32
NETWORK = NetworkConfig(hidden=256, layers=2, embedding=256)
SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 33_278)  # the last: all of WikiText-2


def read_ids(folder: Path | None) -> np.ndarray:
    """The text as ids by falling count, from 2 on; 1 ends a line."""
    if folder is None:
        rng, ranks = np.random.default_rng(0), np.arange(1, SIZES[-1] - 1)
        weights = 1 / (ranks + 2.7)
        return rng.choice(ranks + 1, 2_000_000, p=weights / weights.sum())
    lines = (folder / "wikitext-2" / "train.txt").read_text(encoding="utf-8").splitlines()
    words = [[*line.split(), ""] for line in lines if line.strip()]
    counts = Counter(itertools.chain.from_iterable(words))
    del counts[""]
    known = {word: idx for idx, (word, _) in enumerate(counts.most_common(), 2)} | {"": 1}
    return np.array([known[word] for line in words for word in line])


class Text:
    """The commonest V - 2 words of a text, the others `<unk>`, in windows; and where the vocabulary is cut."""

    def __init__(self, ids: np.ndarray, V: int) -> None:
        kept = np.where(ids < V, ids, 0).astype(np.int32)
        self.V, self.cutoffs = V, choose_cutoffs(np.bincount(kept, minlength=V).tolist())
        self.windows = list(itertools.islice(stream_windows(kept, B, T, carry=True), 1, STEPS + 1))

    def network(self, tie: bool, is_adaptive: bool) -> Network:
        """A network of random parameters."""
        cutoffs = self.cutoffs if is_adaptive else ()
        network = Network(replace(NETWORK, tie=tie, cutoffs=cutoffs), self.V, self.V, training=True)
        network.initialize(1)
        return network

    def contender(self, tie: bool, is_adaptive: bool, team: Team) -> Contender:
        """Training steps."""

        def build() -> Work:
            return over(self.windows, ours.training_step(self.network(tie, is_adaptive), team))

        return Contender("adaptive" if is_adaptive else "full", "tied" if tie else "", B * T, build)


def measure_parts(text: Text, tie: bool, team: Team) -> dict[str, float]:
    """The milliseconds that each part of a step with the adaptive softmax takes, medians over windows."""
    computation = Computation(text.network(tie, is_adaptive=True), team)
    vector, gradient = computation.network.parameters.vector, computation.network.parameters.gradient
    assert gradient is not None
    optimizer = Adam(vector.size, vector.dtype)
    blocks = [slice(*share(gradient.size, part, team.threads)) for part in range(team.threads)]
    computation.forward_backward(text.windows[0])

    def over_rows(layers: Sequence[Layer], method: str, window: Window) -> None:
        def work(part: int) -> None:
            for layer in layers:
                getattr(layer, method)(window, *share(B, part, team.threads))

        team.run(work)

    def over_columns(layers: Sequence[Layer], window: Window) -> None:
        def work(part: int) -> None:
            for layer in layers:
                layer.add_gradients(window, part, team.threads)

        team.run(work)

    seconds: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[..., object], *arguments: object) -> None:
        started = time.perf_counter()
        work(*arguments)
        seconds.setdefault(name, []).append(time.perf_counter() - started)

    output, below = computation.output, computation.layers[:-1]
    for window in text.windows:
        timed("gradient set to zero", team.run, lambda part: gradient[blocks[part]].fill(0))
        timed("LSTM, forward", over_rows, below, "forward", window)
        timed("tokens of clusters found", output.begin, window)
        timed("softmax, forward", over_rows, [output], "forward", window)
        timed("softmax, backward", over_rows, [output], "backward", window)
        timed("LSTM, backward", over_rows, below[::-1], "backward", window)
        timed("LSTM, gradients", over_columns, below, window)
        timed("softmax, gradients", over_columns, [output], window)
        timed("norm of the gradient", gradient_size, gradient, "norm", team)
        timed("Adam", optimizer.update, vector, gradient, 1e-3, 1.0, team)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Print both tables."""
    parser = make_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options, progress = parser.parse_args(), Console(stderr=True)
    ids = read_ids(options.text)
    speeds = Table(caption="tokens a second of training", show_lines=True)
    for title in ("V", "cut at", "", "full", "adaptive", "ratio"):
        speeds.add_column(title, justify="right", no_wrap=True)
    parts = Table(caption="milliseconds of a step with the adaptive softmax")
    parts.add_column("part")
    columns: dict[str, dict[str, float]] = {}
    with Team(options.threads) as team:
        peak = Peak(options.threads)
        for V, tie in itertools.product(SIZES, (False, True)):
            name = f"{V:,} {'tied' if tie else ''}".rstrip()
            if not is_chosen(name, options.only):
                continue
            progress.print(name, highlight=False)
            text = Text(ids, V)
            both = [text.contender(tie, is_adaptive, team) for is_adaptive in (False, True)]
            full, adaptive = (statistics.median(r) for r in race(both, options.rounds, peak).rates.values())
            cuts = " ".join(f"{cut:,}" for cut in text.cutoffs)
            figures = (f"{full:,.0f}", f"{adaptive:,.0f}", f"{adaptive / full:.2f}")
            speeds.add_row(f"{V:,}", cuts, "tied" if tie else "", *figures)
            columns[name] = measure_parts(text, tie, team)
    for name in columns:
        parts.add_column(name, justify="right")
    for part in next(iter(columns.values()), {}):
        parts.add_row(part, *(f"{column[part]:.1f}" for column in columns.values()))
    print_table(speeds)
    print_table(parts)


if __name__ == "__main__":
    main()
