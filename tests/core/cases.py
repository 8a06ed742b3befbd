"""What the tests of the core share: networks of random parameters, random windows, and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from tests.core.twins import TwinNetwork
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.config import NetworkConfig
from textgen.nn.network import Network


def entry(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is inlined into kernels, to be called from here: it has no entry of its own."""
    return numba.njit(lambda *arguments: function(*arguments))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class TextWindow:
    """A window as networks read it: inputs, targets (T, B) int32, starts (T, B) bool."""

    inputs: np.ndarray
    starts: np.ndarray
    targets: np.ndarray

    def steps(self, first: int, last: int) -> TextWindow:
        """The time steps first:last."""
        return TextWindow(self.inputs[first:last], self.starts[first:last], self.targets[first:last])

    def rows(self, rows: list[int]) -> TextWindow:
        """Some rows, C-contiguous."""
        return TextWindow(*(np.ascontiguousarray(x[:, rows]) for x in (self.inputs, self.starts, self.targets)))


def random_window(V: int, T: int, B: int, seed: int = 0) -> TextWindow:
    """Random ids with sequences that start inside the window, zero vectors and tokens that are not counted.

    A start usually reads the zero vector, but not always, and a zero vector stands in some places that are no start.
    A single step has nothing of all this, so that it sees its token and the state before it.
    """
    rng = np.random.default_rng(seed)
    if T == 1:
        ids = rng.integers(0, V, (2, T, B)).astype(np.int32)
        return TextWindow(ids[0], np.zeros((T, B), bool), ids[1])
    starts = rng.random((T, B)) < 0.2
    starts[T // 2, 0] = True
    inputs = rng.integers(0, V, (T, B)).astype(np.int32)
    inputs[starts & (rng.random((T, B)) < 0.7)] = -1
    inputs[rng.random((T, B)) < 0.05] = -1
    targets = rng.integers(0, V, (T, B)).astype(np.int32)
    targets[rng.random((T, B)) < 0.1] = -1
    targets[0, B - 1] = -1
    targets[-1, 0] = V - 1
    return TextWindow(inputs, starts, targets)


def plain_config(**config: Any) -> NetworkConfig:
    """One layer of an LSTM, one-hot input, no head layers, but for what is given."""
    plain: dict[str, Any] = {"cell": "lstm", "layers": 1, "embedding": 0, "head_layers": 0, "tie": False}
    return NetworkConfig(**(plain | config))


def random_network(
    V: int, dtype: type[np.floating] = np.float64, seed: int = 0, outputs: int | None = None, **config: Any
) -> Network:
    """A network whose parameters are all random, distinct and not zero.

    outputs : V, as many as inputs, if not given. config : as in NetworkConfig; what is not given does not follow the
    program's defaults, but is plain.
    """
    network = Network(plain_config(**config), V, V if outputs is None else outputs, dtype, training=True)
    rng = np.random.default_rng(seed)
    for name in network.parameters.names():
        value = network.parameters[name]
        spread = 0.5 if value.ndim == 1 or "layer0.input" in name else 1 / np.sqrt(value.shape[0])
        value[:] = rng.normal(size=value.shape) * spread
    network.pack()
    return network


def twin_of(network: Network) -> TwinNetwork:
    """The naive twin of a network, with the same parameters."""
    config = network.config
    parameters = {name: network.parameters[name].astype(np.float64) for name in network.parameters.names()}
    return TwinNetwork(config.cell, config.layers, config.head_layers, parameters, config.cutoffs)


def random_states(network: Network, B: int, seed: int) -> list[np.ndarray]:
    """Random states (or gradients of states) for each recurrent layer, each (S, B, H)."""
    rng = np.random.default_rng(seed)
    shape = (network.cell.states, B, network.config.hidden)
    return [(rng.normal(size=shape) / 2).astype(network.parameters.vector.dtype) for _ in range(network.config.layers)]


@dataclass(frozen=True)
class Result:
    """Copies of what a run left behind. states, dstates : one (S, B, H) a layer."""

    losses: np.ndarray
    states: list[np.ndarray]
    dstates: list[np.ndarray]
    gradient: np.ndarray
    by_name: dict[str, np.ndarray]


def train(
    computation: Computation,
    window: TextWindow,
    states: Iterable[np.ndarray],
    dstates: Iterable[np.ndarray] | None = None,
    scale: float | None = None,
    step: int = 0,
) -> Result:
    """Run `forward_backward` from `states`; with `dstates`, the gradient handed on by the window after."""
    set_states(computation, window, states)
    if dstates is not None:
        for layer, dstate in zip(computation.recurrent, dstates, strict=True):
            layer.dstate[:] = dstate
    losses = computation.forward_backward(window, step, scale, truncated=dstates is None)
    parameters = computation.network.parameters
    assert parameters.gradient is not None
    return Result(
        losses.copy(),
        [layer.state.copy() for layer in computation.recurrent],
        [layer.dstate.copy() for layer in computation.recurrent],
        parameters.gradient.copy(),
        {name: np.array(parameters.gradient_of(name)) for name in parameters.names()},
    )


def set_states(computation: Computation, window: TextWindow, states: Iterable[np.ndarray]) -> None:
    """Set the state before `window` of every recurrent layer."""
    computation.prepare(*window.targets.shape)
    for layer, state in zip(computation.recurrent, states, strict=True):
        layer.state[:] = state


def largest_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """How far two arrays are apart, relative: the largest absolute difference over the largest absolute value."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


def assert_same_bytes(found: Iterable[np.ndarray], expected: Iterable[np.ndarray]) -> None:
    """Both hold the same arrays, bit for bit."""
    for x, y in zip(found, expected, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x.view(f"u{x.itemsize}"), y.view(f"u{y.itemsize}"))


def one_thread(network: Network, **options: Any) -> Computation:
    """A computation that uses the calling thread alone."""
    return Computation(network, Team(1), **options)
