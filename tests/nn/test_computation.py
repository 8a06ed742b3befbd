"""A network at work: what it keeps from window to window. The numbers: tests/core/cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.core.cases import (
    assert_same_bytes,
    one_thread,
    plain_config,
    random_network,
    random_states,
    random_window,
    set_states,
    train,
)
from textgen.core.cells import CELLS
from textgen.core.kernels.dropout import Dropout
from textgen.core.kernels.optimizers import BLOCK, SGD, SHARED_FROM, Adam, clip_factor, gradient_size
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.layers import Dropped
from textgen.nn.network import Network

V, T, B = 11, 6, 5


@pytest.mark.parametrize(("embedding", "tie"), [(0, False), (4, False), (4, True), (37, True)])
def test_a_network_in_training_computes_the_same_bytes_as_another(embedding, tie):
    config = {"hidden": 37, "layers": 2, "embedding": embedding, "head_layers": 1, "tie": tie}
    trained = random_network(V, np.float32, **config)
    other = Network(plain_config(**config), V, V)
    other.parameters.vector[:] = trained.parameters.vector
    other.pack()
    window = random_window(V, T, B)
    losses = one_thread(other).forward(window)
    assert losses.any()
    assert_same_bytes([Computation.without_training(trained, Team(1)).forward(window)], [losses])


@pytest.mark.parametrize("cell", CELLS)
def test_state_is_carried_over_and_reset(cell):
    network = random_network(V, np.float32, cell=cell, hidden=9, layers=2)
    window = random_window(V, T, B)
    window.starts[:] = False
    computation = one_thread(network)
    first = computation.forward(window).copy()
    states = [layer.state.copy() for layer in computation.recurrent]
    assert all(state.all() for state in states)
    second = computation.forward(window).copy()
    assert (second != first).any()
    computation.reset()
    assert_same_bytes([computation.forward(window).copy()], [first])
    # A window of another length goes on from the same state.
    assert_same_bytes([computation.forward(window.steps(0, 2)).copy()], [second[:2]])
    for layer, state in zip(computation.recurrent, states, strict=True):
        layer.state[:] = state
    assert_same_bytes([computation.forward(window).copy()], [second])


def test_another_number_of_rows_begins_at_zero():
    network = random_network(V, np.float32, hidden=9)
    computation, window = one_thread(network), random_window(V, T, B)
    computation.forward(window)
    fresh = one_thread(network).forward(window.rows([1, 2])).copy()
    assert_same_bytes([computation.forward(window.rows([1, 2]))], [fresh])


def test_validation_does_not_disturb_training():
    network = random_network(V, np.float32, hidden=9, layers=2)
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    training = one_thread(network)
    first = train(training, window, states)
    validation = Computation.without_training(network, Team(1))
    validation.forward(random_window(V, 2 * T, 2 * B, seed=5))
    assert network.parameters.gradient is not None
    assert_same_bytes([network.parameters.gradient], [first.gradient])
    assert_same_bytes([layer.state for layer in training.recurrent], first.states)


def test_validation_counts_the_same_losses_and_without_dropout():
    network = random_network(V, hidden=9, layers=2)
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    plain = train(one_thread(network), window, states).losses
    validation = Computation.without_training(network, Team(1))
    set_states(validation, window, states)
    np.testing.assert_allclose(validation.forward(window), plain, rtol=1e-14, atol=1e-14)
    dropped = train(one_thread(network, dropout=Dropout(0.5, 0.5)), window, states).losses
    assert np.abs(dropped - plain).max() > 0.01


def test_gradients_do_not_pile_up_from_step_to_step():
    network = random_network(V, np.float32, hidden=9, layers=2, embedding=4)
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    computation = one_thread(network)
    first = train(computation, window, states)
    train(computation, random_window(V, T, B, seed=8), states)
    assert_same_bytes([train(computation, window, states).gradient], [first.gradient])


def test_a_window_without_targets_has_no_gradient():
    network = random_network(V, np.float32, hidden=9)
    window = random_window(V, T, B)
    window.targets[:] = -1
    result = train(one_thread(network), window, random_states(network, B, seed=1))
    assert not result.losses.any()
    assert not result.gradient.any()


def test_dropout_masks_belong_to_layer_and_step():
    network = random_network(V, np.float32, hidden=40, layers=2)
    window, states = random_window(V, T, B), random_states(network, B, seed=1)
    computation = one_thread(network, dropout=Dropout(0.5, seed=3))
    results = [train(computation, window, states, step=step) for step in (1, 2, 1)]
    layers = [layer for layer in computation.layers if isinstance(layer, Dropped)]
    masks = [layer.output / layer.below.output for layer in layers]  # of the last step
    assert (masks[0] != masks[1]).any()
    assert_same_bytes([results[0].gradient], [results[2].gradient])
    assert (results[0].gradient != results[1].gradient).any()
    other = train(one_thread(network, dropout=Dropout(0.5, seed=4)), window, states, step=1)
    assert (other.gradient != results[0].gradient).any()


@pytest.mark.parametrize("mode", ["norm", "value"])
@pytest.mark.parametrize("optimizer", [Adam, SGD])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm-peephole"])
def test_parameters_after_updates_are_the_same_for_any_number_of_threads(cell, optimizer, mode):
    def updated(threads: int) -> list[np.ndarray]:
        """The gradients' sizes, and the parameters after three updates."""
        network = random_network(29, np.float32, cell=cell, hidden=300, embedding=18, layers=2)
        vector, sizes = network.parameters.vector, np.zeros(3)
        assert vector.size > SHARED_FROM * BLOCK  # so that threads share the update out
        states, update = random_states(network, B, seed=1), optimizer(vector.size, vector.dtype)
        with Team(threads) as team:
            computation = Computation(network, team, Dropout(0.2, 0.1))
            for step in range(3):
                gradient = train(computation, random_window(29, T, B, seed=step), states, step=step).gradient
                sizes[step] = gradient_size(gradient, mode, team)
                update.update(vector, gradient, 0.01, clip_factor(sizes[step], 0.001), team)
                network.pack(team)
        assert (sizes > 0.001).all()
        return [sizes, vector]

    alone = updated(1)
    for threads in (2, 3):
        assert_same_bytes(updated(threads), alone)


def test_a_parameter_that_is_not_finite_shows_in_losses_and_gradient():
    # What stops a training that diverges: see the note on fast-math in core/runtime/jit.py.
    for name in ("layer0.input", "layer0.recurrent0", "output.weight"):
        network = random_network(V, np.float32, hidden=9)
        network.parameters[name][1, 1] = np.nan
        network.pack()
        result = train(one_thread(network), random_window(V, T, B), random_states(network, B, seed=1))
        assert np.isnan(result.losses).any(), name
        assert not math.isfinite(gradient_size(result.gradient, "norm", Team(1))), name
