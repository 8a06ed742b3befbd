"""Whole networks with an adaptive softmax: against their naive twin, their gradients, what they write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.cases import (
    assert_same_bytes,
    largest_difference,
    one_thread,
    plain_config,
    random_network,
    random_states,
    random_window,
    train,
    twin_of,
)
from tests.core.cells.test_gradients import Case, slopes
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.network import Network

V, T, B = 9, 6, 3
CUTOFFS = [(4,), (3, 6), (2, 4, 7)]
SHAPES: dict[str, dict[str, Any]] = {
    "one-hot": {"hidden": 3},
    "embedded": {"hidden": 3, "embedding": 2, "head_layers": 1},
    "tied": {"hidden": 3, "embedding": 3, "tie": True},
    "tied, projected": {"hidden": 3, "embedding": 4, "tie": True},
}


@pytest.mark.parametrize("cutoffs", CUTOFFS)
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_of_the_naive_twin(shape, cutoffs):
    network = random_network(V, cutoffs=cutoffs, **SHAPES[shape])
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    expected, _ = twin_of(network).run(window.inputs, window.starts, window.targets, states)
    assert largest_difference(train(one_thread(network), window, states).losses, expected) < 1e-13


@pytest.mark.parametrize("cutoffs", CUTOFFS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_entry_of_every_gradient(shape, cutoffs):
    case = Case("gru", {"cutoffs": cutoffs, **SHAPES[shape]}, V, T, B)
    assert (case.window.targets >= cutoffs[-1]).any()
    for name, gradient in case.run().by_name.items():
        assert largest_difference(gradient, slopes(case.loss, case.network.parameters[name])) < 1e-8, name


@pytest.mark.parametrize("tie", [False, True])
def test_the_same_bytes_for_any_number_of_threads(tie):
    network = random_network(97, np.float32, hidden=37, embedding=18, tie=tie, cutoffs=(8, 30, 61))
    window, states = random_window(97, 10, 13), random_states(network, 13, seed=1)
    alone = train(one_thread(network), window, states)
    for threads in (2, 3, 13):
        with Team(threads) as team:
            found = train(Computation(network, team), window, states)
        assert_same_bytes([found.losses, found.gradient], [alone.losses, alone.gradient])


@pytest.mark.parametrize("tie", [False, True])
def test_a_network_in_training_computes_the_same_bytes_as_another(tie):
    config = {"hidden": 37, "embedding": 18, "tie": tie, "cutoffs": (8, 30)}
    trained = random_network(61, np.float32, **config)
    other = Network(plain_config(**config), 61, 61)
    other.parameters.vector[:] = trained.parameters.vector
    other.pack()
    window = random_window(61, T, B)
    losses = one_thread(other).forward(window)
    assert losses.any()
    assert_same_bytes([Computation.without_training(trained, Team(1)).forward(window)], [losses])


def test_a_window_cut_in_two_is_the_whole():
    network = random_network(61, np.float32, hidden=9, cutoffs=(8, 30))
    window, computation = random_window(61, 10, 5), one_thread(network)
    whole = computation.forward(window).copy()
    computation.reset()
    parts = [computation.forward(window.steps(first, first + 5)).copy() for first in (0, 5)]
    assert_same_bytes([np.concatenate(parts)], [whole])
