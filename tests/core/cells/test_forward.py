"""Every registered cell, inside whole networks, against its naive twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.cases import (
    largest_difference,
    one_thread,
    random_network,
    random_states,
    random_window,
    set_states,
    train,
    twin_of,
)
from tests.core.twins import GATES, RECURRENT, STATES, TWINS, TwinDropout
from textgen.core.cells import CELLS, load_cell
from textgen.core.kernels.dropout import Dropout
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation

NETWORKS: dict[str, dict[str, Any]] = {
    "one-hot": {"hidden": 5},
    "embedded": {"hidden": 19, "embedding": 7, "layers": 2, "head_layers": 2},
    "tiny": {"hidden": 1, "embedding": 1, "layers": 2},
}


def test_every_cell_has_a_twin():
    assert set(TWINS) == set(CELLS)


@pytest.mark.parametrize("cell", CELLS)
def test_columns_come_in_the_twins_order(cell):
    # Model files are written in this order, so it is fixed by name here and not read from the cell.
    found = load_cell(cell)
    assert found.gates == GATES[cell]
    assert found.products == tuple(len(gates) for gates in RECURRENT.get(cell, (GATES[cell],)))
    assert found.states == STATES.get(cell, 1)
    assert found.peepholes == (("u", "f", "o") if cell == "lstm-peephole" else ())


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 5e-6)])
@pytest.mark.parametrize("shape", NETWORKS)
@pytest.mark.parametrize("cell", CELLS)
def test_forward_is_the_twins(cell, shape, dtype, tolerance):
    network = random_network(11, dtype, cell=cell, **NETWORKS[shape])
    T, B = (1, 1) if shape == "tiny" else (8, 3)
    window = random_window(11, T, B)
    states = random_states(network, B, seed=1)
    losses, last = twin_of(network).run(window.inputs, window.starts, window.targets, states)

    computation = one_thread(network)
    trained = train(computation, window, states)
    assert largest_difference(trained.losses, losses) < tolerance
    for found, expected in zip(trained.states, last, strict=True):
        assert largest_difference(found, expected) < tolerance

    set_states(computation, window, states)
    assert largest_difference(computation.forward(window), losses) < tolerance
    forward_only = Computation.without_training(network, Team(1))
    set_states(forward_only, window, states)
    assert largest_difference(forward_only.forward(window), losses) < tolerance


DROPPING: dict[str, dict[str, Any]] = {
    "one-hot": {"hidden": 6, "layers": 2, "head_layers": 1},
    "embedded": {"hidden": 6, "embedding": 5, "head_layers": 2},
    "tied, projected": {"hidden": 5, "embedding": 6, "layers": 2, "tie": True},
}


@pytest.mark.parametrize("each_step", [False, True])
@pytest.mark.parametrize("shape", DROPPING)
@pytest.mark.parametrize("cell", CELLS)
def test_dropout_follows_each_layer_below_the_output(cell, shape, each_step):
    network = random_network(7, cell=cell, **DROPPING[shape])
    window = random_window(7, 5, 3)
    states = random_states(network, 3, seed=2)
    found = train(one_thread(network, dropout=Dropout(0.4, 0.3, each_step, seed=5)), window, states, step=3)
    dropout = TwinDropout(0.4, 0.3, each_step, seed=5, step=3)
    losses, last = twin_of(network).run(window.inputs, window.starts, window.targets, states, dropout)
    assert largest_difference(found.losses, losses) < 1e-12
    for state, expected in zip(found.states, last, strict=True):
        assert largest_difference(state, expected) < 1e-12


@pytest.mark.parametrize("cell", CELLS)
def test_a_start_forgets_everything_before_it(cell):
    network = random_network(7, np.float32, cell=cell, hidden=5, layers=2)
    window = random_window(7, 6, 2)
    window.starts[3] = True
    computation = one_thread(network)
    first = train(computation, window, random_states(network, 2, seed=1))
    window.inputs[:3] = (window.inputs[:3] + 1) % 7
    other = train(computation, window, random_states(network, 2, seed=2))
    np.testing.assert_array_equal(first.losses[3:], other.losses[3:])
    assert (first.losses[:3] != other.losses[:3]).any()
