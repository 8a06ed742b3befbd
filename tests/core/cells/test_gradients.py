"""The gradients of every registered cell, in float64, against differences of the loss.

The loss of a window here is the weighted sum of its tokens' losses plus a random linear function of the last states:
its gradient with respect to the last states is what the window after would hand back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.core.cases import (
    Result,
    largest_difference,
    one_thread,
    random_network,
    random_states,
    random_window,
    set_states,
    train,
)
from textgen.core.cells import CELLS
from textgen.core.kernels.dropout import Dropout

NETWORKS: dict[str, dict[str, Any]] = {
    "one-hot": {"hidden": 3},
    "one-hot, deep": {"hidden": 3, "layers": 2, "head_layers": 1},
    "embedded": {"hidden": 3, "embedding": 2, "head_layers": 2},
    "embedded, deep": {"hidden": 3, "embedding": 4, "layers": 2},
    "tied": {"hidden": 3, "embedding": 3, "tie": True, "head_layers": 1},
    "tied, projected": {"hidden": 3, "embedding": 4, "tie": True, "layers": 2},
    "dropout": {"hidden": 4, "embedding": 2, "layers": 2, "head_layers": 1},
    "dropout, one-hot": {"hidden": 4, "layers": 2},
    "dropout, tied, projected": {"hidden": 4, "embedding": 3, "tie": True, "head_layers": 1},
    "tiny": {"hidden": 1, "embedding": 1},
}
DROPPING = [shape for shape in NETWORKS if shape.startswith("dropout")]
SCALE = 0.7
STEP = 4  # of the dropout masks
WIDTH = 5e-4  # of the differences


class Case:
    """A network at a random place: its random window, states, and gradients from the window after."""

    def __init__(
        self, cell: str, shape: dict[str, Any], V: int, T: int, B: int, dropout: Dropout | None = None
    ) -> None:
        self.network = random_network(V, cell=cell, **shape)
        self.window = random_window(V, T, B)
        self.states = random_states(self.network, B, seed=1)
        self.dstates = random_states(self.network, B, seed=2)
        self.computation = one_thread(self.network, dropout=dropout)

    def run(self) -> Result:
        """Losses, states and gradients at the present values."""
        self.network.pack()
        return train(self.computation, self.window, self.states, self.dstates, SCALE, STEP)

    def loss(self) -> float:
        """What the gradients are of; nothing goes backward for it."""
        self.network.pack()
        set_states(self.computation, self.window, self.states)
        self.computation.dropout.step = STEP
        losses = self.computation.forward(self.window)
        last = [layer.state for layer in self.computation.recurrent]
        handed_on = sum(float(np.sum(d * s)) for d, s in zip(self.dstates, last, strict=True))
        return SCALE * float(losses.sum()) + handed_on


def slope(loss: Callable[[], float], place: np.ndarray, entry: tuple[int, ...]) -> float:
    """The derivative of `loss` by place[entry], from central differences at two widths (error of fourth order)."""
    value = place[entry]
    losses = []
    for offset in (-2, -1, 1, 2):
        place[entry] = value + offset * WIDTH
        losses.append(loss())
    place[entry] = value
    return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * WIDTH)


def slopes(loss: Callable[[], float], place: np.ndarray) -> np.ndarray:
    """The derivatives of `loss` by every entry of `place`."""
    return np.array([slope(loss, place, entry) for entry in np.ndindex(place.shape)]).reshape(place.shape)


@pytest.mark.parametrize(("shape", "each_step"), [*((s, False) for s in NETWORKS), *((s, True) for s in DROPPING)])
@pytest.mark.parametrize("cell", CELLS)
def test_every_entry_of_every_gradient(cell, shape, each_step):
    V, T, B = (2, 1, 1) if shape == "tiny" else (5, 6, 3)
    dropout = Dropout(0.4, 0.3, each_step, seed=3) if shape in DROPPING else None
    case = Case(cell, NETWORKS[shape], V, T, B, dropout)
    result = case.run()
    for name, gradient in result.by_name.items():
        expected = slopes(case.loss, case.network.parameters[name])
        assert largest_difference(gradient, expected) < 1e-8, name
    for layer, (dstate, state) in enumerate(zip(result.dstates, case.states, strict=True)):
        assert largest_difference(dstate, slopes(case.loss, state)) < 1e-8, f"state of layer {layer}"


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_at_odd_sizes_along_random_directions(cell, tie):
    # Sizes past one vector and no multiple of any, where entry by entry would take too long.
    case = Case(cell, {"hidden": 37, "embedding": 9, "layers": 2, "head_layers": 1, "tie": tie}, V=29, T=7, B=11)
    vector, rng = case.network.parameters.vector, np.random.default_rng(4)
    start, gradient = vector.copy(), case.run().gradient
    for name in case.network.parameters.names():
        direction = np.zeros_like(vector)
        place = case.network.parameters[name]
        offset = (place.ctypes.data - vector.ctypes.data) // vector.itemsize
        direction[offset : offset + place.size] = rng.normal(size=place.size) / np.sqrt(place.size)
        along = np.zeros(1)

        def loss(along: np.ndarray = along, direction: np.ndarray = direction) -> float:
            vector[:] = start + along[0] * direction
            return case.loss()

        assert slope(loss, along, (0,)) == pytest.approx(float(gradient @ direction), rel=1e-7, abs=1e-9), name
        vector[:] = start


@pytest.mark.parametrize("cell", CELLS)
def test_float32_gradients_are_those_of_float64(cell):
    shape: dict[str, Any] = {"cell": cell, "hidden": 37, "embedding": 9, "layers": 2, "head_layers": 1}
    single, double = random_network(29, np.float32, **shape), random_network(29, np.float64, **shape)
    double.parameters.vector[:] = single.parameters.vector
    double.pack()
    window, states = random_window(29, 9, 11), random_states(single, 11, seed=1)
    found = train(one_thread(single), window, states, dstates=states)
    expected = train(one_thread(double), window, states, dstates=states)
    for name, gradient in expected.by_name.items():
        assert largest_difference(found.by_name[name], gradient) < 1e-5, name
    for dstate, exact in zip(found.dstates, expected.dstates, strict=True):
        assert largest_difference(dstate, exact) < 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_truncated_hands_nothing_on(cell):
    case = Case(cell, {"hidden": 3, "layers": 2}, V=5, T=4, B=2)
    for layer, stale in zip(case.computation.recurrent, case.dstates, strict=False):
        case.computation.prepare(4, 2)
        layer.dstate[:] = stale
    truncated = train(case.computation, case.window, case.states)
    zeros = [np.zeros_like(dstate) for dstate in case.dstates]
    explicit = train(case.computation, case.window, case.states, zeros)
    np.testing.assert_array_equal(truncated.gradient, explicit.gradient)
    for found, expected in zip(truncated.dstates, explicit.dstates, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert np.any(truncated.gradient != train(case.computation, case.window, case.states, case.dstates).gradient)
