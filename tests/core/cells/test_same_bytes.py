"""In float32, bit for bit: one window or three, any number of threads, any other rows in the batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.core.cases import (
    Result,
    assert_same_bytes,
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
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.network import Network

V, T, B = 41, 10, 11
NETWORKS: dict[str, dict[str, Any]] = {  # 37 is no multiple of any vector's width
    "one-hot": {"hidden": 37},
    "embedded": {"hidden": 37, "embedding": 18, "layers": 2, "head_layers": 1},
    "tied": {"hidden": 37, "embedding": 18, "tie": True},
}


def result_of(
    network: Network, threads: int = 1, dropout: Dropout | None = None, rows: list[int] | None = None
) -> Result:
    """Train on one fixed random window, or on some of its rows."""
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    dstates = random_states(network, B, seed=2)
    if rows is not None:
        window = window.rows(rows)
        states, dstates = [s[:, rows] for s in states], [d[:, rows] for d in dstates]
    with Team(threads) as team:
        computation = Computation(network, team, dropout=dropout)
        return train(computation, window, states, dstates, scale=0.01, step=3)


@pytest.mark.parametrize("cuts", [(0, T), (0, 3, 4, T), (0, 1, 9, T)])
@pytest.mark.parametrize("shape", NETWORKS)
@pytest.mark.parametrize("cell", CELLS)
def test_one_window_or_three(cell, shape, cuts):
    network = random_network(V, np.float32, cell=cell, **NETWORKS[shape])
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    dstates = random_states(network, B, seed=2)
    whole = train(one_thread(network), window, states, dstates, scale=0.01)

    parts = [window.steps(first, last) for first, last in pairwise(cuts)]
    computation, before, losses = one_thread(network), [states], []
    for part in parts:
        set_states(computation, part, before[-1])
        losses.append(computation.forward(part).copy())
        before.append([layer.state.copy() for layer in computation.recurrent])
    assert_same_bytes([np.concatenate(losses)], [whole.losses])
    assert_same_bytes(before[-1], whole.states)

    gradient = np.zeros_like(whole.gradient)
    for part, state in zip(reversed(parts), reversed(before[:-1]), strict=True):
        result = train(computation, part, state, dstates, scale=0.01)
        dstates, gradient = result.dstates, gradient + result.gradient
    assert_same_bytes(dstates, whole.dstates)
    assert largest_difference(gradient, whole.gradient) < 1e-6


@pytest.mark.parametrize("dropout", [None, Dropout(0.5, 0.3, each_step=False), Dropout(0.5, 0.3, each_step=True)])
@pytest.mark.parametrize("shape", NETWORKS)
@pytest.mark.parametrize("cell", CELLS)
def test_any_number_of_threads(cell, shape, dropout):
    network = random_network(V, np.float32, cell=cell, **NETWORKS[shape])
    alone = result_of(network, 1, dropout)
    assert np.all(alone.dstates[0].any(axis=(0, 1)))
    for threads in (2, 3, B + 2):  # the last leaves threads without a row
        shared = result_of(network, threads, dropout)
        assert_same_bytes([shared.losses, shared.gradient], [alone.losses, alone.gradient])
        assert_same_bytes(shared.states, alone.states)
        assert_same_bytes(shared.dstates, alone.dstates)


@pytest.mark.parametrize("rows", [[4], [0, 10], [7, 3, 5, 9, 1]])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_does_not_see_the_others(cell, rows):
    network = random_network(V, np.float32, cell=cell, **NETWORKS["embedded"])
    whole, some = result_of(network), result_of(network, rows=rows)
    assert_same_bytes([some.losses], [np.ascontiguousarray(whole.losses[:, rows])])
    assert_same_bytes(some.states, [s[:, rows] for s in whole.states])
    assert_same_bytes(some.dstates, [d[:, rows] for d in whole.dstates])


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_rows_add_up(cell):
    network = random_network(V, np.float32, cell=cell, **NETWORKS["embedded"])
    parts = [result_of(network, rows=rows).gradient for rows in ([0, 1, 2, 3], [4], [5, 6, 7, 8, 9, 10])]
    assert largest_difference(np.sum(parts, axis=0), result_of(network).gradient) < 1e-6
