"""Whole networks against PyTorch.

Agreement is relative: the largest absolute difference over the largest absolute value of PyTorch's array.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.core.cases import (
    Result,
    TextWindow,
    largest_difference,
    one_thread,
    random_network,
    random_states,
    random_window,
    train,
)
from tests.nn.pytorch_layout import GATES, counterpart, in_their_layout
from textgen.core.kernels.optimizers import SGD
from textgen.core.runtime.threads import Team
from textgen.nn.network import Network

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch")

V, T, B = 23, 12, 5
NETWORKS: dict[str, dict[str, Any]] = {
    "one-hot": {},
    "embedded": {"embedding": 9},
    "one-hot, deep": {"layers": 2, "head_layers": 1},
    "embedded, deep": {"embedding": 9, "layers": 2, "head_layers": 2},
    "tied": {"embedding": 21, "tie": True, "head_layers": 1},
    "tied, projected": {"embedding": 9, "tie": True},
}
TOLERANCES = {np.float32: 1e-5, np.float64: 1e-10}


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    """Keep PyTorch from spinning on every core while the other tests run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class TorchNetwork:
    """The same network out of PyTorch's modules, with copies of the parameters."""

    def __init__(self, network: Network) -> None:
        config, p = network.config, network.parameters
        dtype = torch.float64 if p.vector.dtype == np.float64 else torch.float32
        self.config = config
        D = config.embedding or 0
        embedding: Any = torch.nn.Embedding(V, D, dtype=dtype) if D else None
        self.embedding = embedding
        kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[config.cell]
        self.recurrent = kind(D or V, config.hidden, config.layers, dtype=dtype)
        heads = range(config.head_layers)
        self.heads = [torch.nn.Linear(config.hidden, config.hidden, dtype=dtype) for _ in heads]
        self.scale, self.projection = 1.0, torch.nn.Identity()
        self.output = torch.nn.Linear(D if config.tie else config.hidden, V, dtype=dtype)
        if config.tie:
            self.output.weight, self.scale = embedding.weight, math.sqrt(D)
        if config.tie and config.hidden != D:
            self.projection = torch.nn.Linear(config.hidden, D, bias=False, dtype=dtype)
        rng = np.random.default_rng(9)
        with torch.no_grad():
            for name in p.names():
                counterpart(self, name).copy_(torch.from_numpy(in_their_layout(network, name, p[name])))
            for layer in range(config.layers):  # PyTorch adds two biases: share ours out between them
                first, second = (getattr(self.recurrent, f"bias_{kind}_l{layer}") for kind in ("ih", "hh"))
                second.copy_(torch.from_numpy(rng.normal(size=tuple(second.shape))))
                first.sub_(second)
        self.dtype = dtype

    def losses(self, window: TextWindow, states: list[Any]) -> Any:
        """The loss of each token (T, B); states : (L, B, H) tensors, one (a) or two (a, c)."""
        ids = torch.from_numpy(window.inputs.astype(np.int64))
        known = (ids >= 0).unsqueeze(-1)
        if self.embedding is None:
            x = torch.nn.functional.one_hot(ids.clamp(min=0), V).to(self.dtype) * known
        else:
            x = self.embedding(ids.clamp(min=0)) * known * self.scale
        starts, steps = torch.from_numpy(window.starts), []
        for t in range(len(x)):
            states = [torch.where(starts[t].unsqueeze(-1), torch.zeros_like(s), s) for s in states]
            carried = states[0] if self.config.cell == "rnn" else tuple(states)
            top, carried = self.recurrent(x[t : t + 1], carried)
            states = [carried] if self.config.cell == "rnn" else list(carried)
            steps.append(top)
        y = torch.cat(steps)
        for head in self.heads:
            y = torch.tanh(head(y))
        targets = torch.from_numpy(window.targets.astype(np.int64))
        logits = self.output(self.projection(y)).reshape(-1, V)
        losses = torch.nn.functional.cross_entropy(logits, targets.reshape(-1), ignore_index=-1, reduction="none")
        return losses.reshape(targets.shape)


def compare(network: Network, window: TextWindow, states: list[np.ndarray], found: Result, tolerance: float) -> None:
    """Losses, the gradients of all parameters and of the states before the window."""
    peer = TorchNetwork(network)
    # Ours come a layer (S, B, H); PyTorch's a state (L, B, H).
    before = [torch.from_numpy(np.stack(state)).requires_grad_() for state in zip(*states, strict=True)]
    losses = peer.losses(window, before)
    (losses.sum() / np.count_nonzero(window.targets >= 0)).backward()
    assert largest_difference(found.losses, losses.detach().numpy()) < tolerance
    for name in network.parameters.names():
        ours = in_their_layout(network, name, found.by_name[name])
        assert largest_difference(ours, counterpart(peer, name).grad.numpy()) < tolerance, name
    for state, dstate in zip(before, zip(*found.dstates, strict=True), strict=True):
        assert largest_difference(np.stack(dstate), state.grad.numpy()) < tolerance


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", NETWORKS)
@pytest.mark.parametrize("cell", GATES)
def test_losses_and_gradients(cell, shape, dtype):
    network = random_network(V, dtype, cell=cell, hidden=21, **NETWORKS[shape])
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    compare(network, window, states, train(one_thread(network), window, states), TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("cell", GATES)
def test_losses_and_gradients_after_several_updates(cell, dtype):
    # Both train by themselves, each with its own optimiser; the losses stay the same.
    network = random_network(V, dtype, cell=cell, hidden=21, embedding=9)
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    peer = TorchNetwork(network)
    modules = [peer.embedding, peer.recurrent, peer.output]
    theirs = torch.optim.SGD([p for module in modules for p in module.parameters()], lr=0.5, momentum=0.9)
    parameters, computation = network.parameters, one_thread(network)
    ours = SGD(parameters.vector.size, parameters.vector.dtype)
    course = []
    for _ in range(5):
        theirs.zero_grad()
        losses = peer.losses(window, [torch.from_numpy(np.stack(s)) for s in zip(*states, strict=True)])
        (losses.sum() / np.count_nonzero(window.targets >= 0)).backward()
        for layer in range(network.config.layers):  # one bias of ours moves once, PyTorch's two would move twice
            getattr(peer.recurrent, f"bias_hh_l{layer}").grad = None
        theirs.step()
        found = train(computation, window, states)
        ours.update(parameters.vector, found.gradient, 0.5, 1.0, Team(1))
        network.pack()
        assert largest_difference(found.losses, losses.detach().numpy()) < TOLERANCES[dtype]
        course.append(found.losses.mean())
    assert course[-1] < course[0] - 0.1
