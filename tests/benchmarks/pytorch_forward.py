"""PyTorch's side of the benchmarks that only go forward: sampling and scoring."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tests.benchmarks.drawing import draw_rows
from tests.benchmarks.pytorch import TorchNetwork, in_setting, tensors
from tests.benchmarks.timing import Contender, Work, over
from textgen.nn.network import Network
from textgen.text.tokens.windows import Window

try:
    import torch
except ImportError:
    torch = None

DRAWS = ("torch.multinomial", "NumPy")


class Stepper:
    """nn.LSTM, one step at a time for B sequences, one-hot input."""

    def __init__(self, network: TorchNetwork, V: int, B: int) -> None:
        self.network, self.one_hot = network, torch.eye(V)
        recurrent = network.recurrent
        self.state: Any = tuple(torch.zeros(recurrent.num_layers, B, recurrent.hidden_size) for _ in "hc")

    def logits(self, ids: Any) -> Any:
        """(B, V), of what follows `ids` (B,)."""
        hidden, self.state = self.network.recurrent(self.one_hot[ids][None], self.state)
        return self.network.output(hidden[0])


class CellStepper:
    """The same as a loop over nn.LSTMCell."""

    def __init__(self, network: TorchNetwork, V: int, B: int) -> None:
        self.output, self.one_hot, recurrent = network.output, torch.eye(V), network.recurrent
        self.cells, self.states = [], []
        for layer in range(recurrent.num_layers):
            cell = torch.nn.LSTMCell(recurrent.hidden_size if layer else V, recurrent.hidden_size)
            for name, value in cell.named_parameters():
                value.data = getattr(recurrent, f"{name}_l{layer}").data
            self.cells.append(cell)
            self.states.append((torch.zeros(B, recurrent.hidden_size), torch.zeros(B, recurrent.hidden_size)))

    def logits(self, ids: Any) -> Any:
        """(B, V), of what follows `ids` (B,)."""
        below = self.one_hot[ids]
        for layer, cell in enumerate(self.cells):
            self.states[layer] = cell(below, self.states[layer])
            below = self.states[layer][0]
        return self.output(below)


STEPPERS: dict[str, Any] = {"nn.LSTM": Stepper, "nn.LSTMCell": CellStepper}


def sampling(network: Network, B: int, threads: Iterable[int]) -> Iterator[Contender]:
    """B sequences side by side, in all settings; a unit is one token of each. None without PyTorch."""
    if torch is None:
        return
    peer = TorchNetwork.like(network)
    for who, draw, count in itertools.product(STEPPERS, DRAWS, threads):
        for onednn in (True, False) if who == "nn.LSTM" else (True,):
            stepper = STEPPERS[who](peer, network.inputs, B)
            work = in_setting(_sampler(stepper, B, draw), count, onednn)
            setting = f"{draw}, threads: {count}" + ("" if onednn else ", no oneDNN")
            yield Contender(who, setting, B, lambda work=work: work)  # type: ignore[misc]


def _sampler(stepper: Any, B: int, draw: str) -> Work:
    rng = np.random.default_rng(1)

    def work(units: int) -> None:
        ids = torch.zeros(B, dtype=torch.int64)
        with torch.inference_mode():
            for _ in range(units):
                probabilities = torch.softmax(stepper.logits(ids), -1)
                if draw == "NumPy":
                    ids = torch.from_numpy(draw_rows(probabilities.numpy(), rng))
                else:
                    ids = torch.multinomial(probabilities, 1)[:, 0]

    return work


def stepped_log_probabilities(network: Network, window: Window) -> dict[str, np.ndarray]:
    """Of the window's targets, (T, B), by stepping, for each way to step; nothing without PyTorch."""
    if torch is None:
        return {}
    peer, B = TorchNetwork.like(network), window.targets.shape[1]
    return {who: _step_through(kind(peer, network.inputs, B), window) for who, kind in STEPPERS.items()}


def _step_through(stepper: Any, window: Window) -> np.ndarray:
    steps = []
    with torch.inference_mode():
        for ids, targets in zip(window.inputs, window.targets, strict=True):
            logs = torch.log_softmax(stepper.logits(torch.from_numpy(ids).long()), -1)
            steps.append(np.take_along_axis(logs.numpy(), targets[:, None], 1)[:, 0])
    return np.stack(steps)


def log_probabilities(network: Network, window: Window) -> dict[str, np.ndarray]:
    """Of the window's targets, (T, B), from a state of zeros; nothing without PyTorch."""
    if torch is None:
        return {}
    found: np.ndarray = _scorer(network)(tensors(window, network.config, network.inputs)).numpy()
    return {"PyTorch": found}


def _scorer(network: Network) -> Callable[[tuple[Any, Any]], Any]:
    """A function of (x, targets) that gives the log-probability of each target, (T, B); its state is carried."""
    peer = TorchNetwork.like(network)
    carried: list[Any] = [None]

    def score(prepared: tuple[Any, Any]) -> Any:
        x, targets = prepared
        with torch.inference_mode():
            logits, carried[0] = peer.logits(x, carried[0])
            return torch.log_softmax(logits, -1).gather(2, targets[:, :, None])[:, :, 0]

    return score


def scoring(network: Network, windows: list[Window], threads: int) -> Iterator[Contender]:
    """Windows of given text; none without PyTorch."""
    if torch is None:
        return
    prepared = [tensors(window, network.config, network.inputs) for window in windows]
    for onednn in (True, False):
        work = in_setting(over(prepared, _scorer(network)), threads, onednn)
        setting = "nn.LSTM" + ("" if onednn else ", no oneDNN")
        yield Contender("PyTorch", setting, windows[0].targets.size, lambda work=work: work)  # type: ignore[misc]
