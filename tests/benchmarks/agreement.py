"""Whether textgen and PyTorch learn the same: their losses on the same windows, from equal parameters.

    python -m tests.benchmarks.agreement [--steps 200] [--float64] [--threads 2] [--only SUBSTRING] [--text DIR]

A step is one of those that the benchmarks measure, but for two things. PyTorch's GRU is written out of its operations,
since nn.GRU is another function. And PyTorch's gradients are summed up for their norm in float64, as ours are: its own
float32 norm of the output layer of 10,000 words is 0.2 % too small, and after 200 clipped steps the losses show it.
In float32 rounding errors grow from step to step, most in large networks; --float64 shows if anything else differs.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks import ours, pytorch
from tests.benchmarks.cases import AGAINST_PYTORCH, CLIP, Shape
from tests.benchmarks.options import is_chosen, make_parser
from tests.benchmarks.report import print_table
from tests.benchmarks.texts import Texts
from textgen.core.runtime.threads import Team
from textgen.nn.network import Network


class ResetBeforeGRU:
    """Our GRU for one-hot input: the reset before the product, u = 1 takes the new."""

    def __init__(self, network: Network) -> None:
        self.layers = network.config.layers
        values = {name: torch.from_numpy(network.parameters[name].copy()) for name in network.parameters.names()}
        self.values = {name: value.requires_grad_() for name, value in values.items()}

    def parameters(self) -> list[Any]:
        """All that are trained."""
        return list(self.values.values())

    def logits(self, x: Any, state: Any) -> tuple[Any, Any]:
        """The logits (T, B, V) and the states (B, H) after them, one a layer."""
        after = []
        for layer in range(self.layers):
            x = self._run_layer(f"layer{layer}", x, None if state is None else state[layer])
            after.append(x[-1])
        return x @ self.values["output.weight"] + self.values["output.bias"], tuple(after)

    def _run_layer(self, layer: str, x: Any, c: Any) -> Any:
        """c (T, B, H), from the one before, None being zero."""
        first, second = self.values[f"{layer}.recurrent0"], self.values[f"{layer}.recurrent1"]
        H, steps = len(first), []
        c = x.new_zeros(x.shape[1], H) if c is None else c
        for y in x @ self.values[f"{layer}.input"] + self.values[f"{layer}.bias"]:
            u, r = torch.sigmoid(y[:, : 2 * H] + c @ first).split(H, dim=1)
            candidate = torch.tanh(y[:, 2 * H :] + (r * c) @ second)
            c = u * candidate + (1 - u) * c
            steps.append(c)
        return torch.stack(steps)


def clip_exactly(parameters: list[Any]) -> None:
    """Clip by global norm, the squares summed in float64."""
    norm = math.sqrt(sum(float(p.grad.double().square().sum()) for p in parameters))
    for p in parameters:
        p.grad.mul_(min(1.0, CLIP / norm))


def train_both(shape: Shape, texts: Texts, team: Team, steps: int, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """The losses of each step, (2, steps): ours and PyTorch's."""
    V = texts.vocabulary_size(shape.level)
    network = ours.new_network(shape, V, True, dtype)
    peer = ResetBeforeGRU(network) if shape.cell == "gru" else pytorch.TorchNetwork.like(network)
    our_step = ours.training_step(network, team)
    their_step = pytorch.training_step(peer, pytorch.adam(peer), clip_exactly)
    turn = itertools.cycle(texts.windows(shape.level, shape.B, shape.T, count=steps))
    windows = list(itertools.islice(turn, steps))
    our_losses = [our_step(window) for window in windows]
    their_losses = [their_step(pytorch.tensors(window, shape.config, V)) for window in windows]
    return np.array([our_losses, their_losses])


def main() -> None:
    """Print a table of the losses."""
    parser = make_parser(__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--float64", action="store_true", help="compute in float64, not float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_default_dtype(torch.float64 if options.float64 else torch.float32)
    dtype = np.float64 if options.float64 else np.float32
    texts, progress = Texts(options.text), Console(stderr=True)
    table = Table("case", "V", "steps", "textgen", "PyTorch", "difference", "largest on the way")
    with Team(options.threads) as team:
        for shape in AGAINST_PYTORCH:
            if is_chosen(str(shape), options.only):
                mine, theirs = train_both(shape, texts, team, options.steps, dtype)
                differences = np.abs(mine - theirs)
                figures = f"{mine[-1]:.6f}", f"{theirs[-1]:.6f}", f"{differences[-1]:.1e}", f"{differences.max():.1e}"
                progress.print(str(shape), *figures, highlight=False)
                table.add_row(str(shape), str(texts.vocabulary_size(shape.level)), str(options.steps), *figures)
    print_table(table)


if __name__ == "__main__":
    main()
