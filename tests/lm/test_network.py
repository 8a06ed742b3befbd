"""The network: its parameters, and what a computation keeps from window to window. The numbers: tests/core."""

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
from textgen.core.dropout import Dropout
from textgen.core.layers import Dropped
from textgen.core.optimizers import BLOCK, SGD, SHARED_FROM, Adam, clip_factor, gradient_size
from textgen.core.threads import Team
from textgen.lm.computation import Computation
from textgen.lm.network import Network
from textgen.lm.parameters import parameter_count, parameter_shapes

V, T, B = 11, 6, 5


def test_parameter_shapes_written_out():
    # The format of model files.
    config = plain_config(cell="lstm-peephole", hidden=3, layers=2, embedding=5, head_layers=1)
    assert parameter_shapes(config, 7) == {
        "embedding": (7, 5),
        "layer0.input": (5, 12),
        "layer0.recurrent0": (3, 12),
        "layer0.bias": (12,),
        "layer0.peephole": (3, 3),
        "layer1.input": (3, 12),
        "layer1.recurrent0": (3, 12),
        "layer1.bias": (12,),
        "layer1.peephole": (3, 3),
        "head0.weight": (3, 3),
        "head0.bias": (3,),
        "output.weight": (3, 7),
        "output.bias": (7,),
    }
    assert parameter_shapes(plain_config(cell="gru", hidden=3), 7) == {
        "layer0.input": (7, 9),
        "layer0.recurrent0": (3, 6),
        "layer0.recurrent1": (3, 3),
        "layer0.bias": (9,),
        "output.weight": (3, 7),
        "output.bias": (7,),
    }


def test_parameter_shapes_of_a_tied_network():
    projected = parameter_shapes(plain_config(cell="rnn", hidden=3, embedding=5, head_layers=1, tie=True), 7)
    assert list(projected)[-4:] == ["head0.weight", "head0.bias", "output.projection", "output.bias"]
    assert (projected["embedding"], projected["output.projection"], projected["output.bias"]) == ((7, 5), (3, 5), (7,))
    direct = parameter_shapes(plain_config(cell="rnn", hidden=5, embedding=5, tie=True), 7)
    assert list(direct) == ["embedding", "layer0.input", "layer0.recurrent0", "layer0.bias", "output.bias"]


@pytest.mark.parametrize(
    ("cell", "gates", "extra"),
    [
        ("rnn", 1, 0),
        ("gru-simple", 2, 0),
        ("gru", 3, 0),
        ("lstm", 4, 0),
        ("lstm-linear", 4, 0),
        ("lstm-peephole", 4, 3),
    ],
)
def test_parameter_count_by_the_textbook(cell, gates, extra):
    # One-hot input, one layer: G (V H + H^2 + H), the peepholes, and the softmax's H V + V.
    H = 13
    expected = gates * (V * H + H * H + H) + extra * H + H * V + V
    assert parameter_count(plain_config(cell=cell, hidden=H), V) == expected


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_are_views_of_one_vector_with_zeros_between(cell):
    network = random_network(V, np.float32, cell=cell, hidden=5, embedding=3, layers=2, head_layers=1)
    parameters = network.parameters
    assert np.count_nonzero(parameters.vector) == parameter_count(network.config, V)
    for name in parameters.names():
        assert (parameters[name].ctypes.data - parameters.vector.ctypes.data) % 64 == 0
    biases = [name for name in parameters.names() if name.endswith("bias")]
    assert np.count_nonzero(parameters.vector[parameters.weights :]) == sum(parameters[b].size for b in biases)
    parameters["output.bias"][:] = 100
    assert np.count_nonzero(parameters.vector == 100) == V

    train(one_thread(network), random_window(V, T, B), random_states(network, B, seed=1))
    assert parameters.gradient is not None
    gradients = [np.array(parameters.gradient_of(name)) for name in parameters.names()]
    used = sum(int(np.count_nonzero(gradient)) for gradient in gradients)
    assert np.count_nonzero(parameters.gradient) == used > 0.9 * parameter_count(network.config, V)


def test_without_training_there_is_no_gradient():
    network = Network(plain_config(hidden=4), V)
    assert network.parameters.vector.dtype == np.float32
    assert network.parameters.gradient is None
    assert network.parameters.gradient_of("output.weight") is None


@pytest.mark.parametrize("embedding", [0, 64])
@pytest.mark.parametrize("cell", CELLS)
def test_initialize(cell, embedding):
    config = plain_config(cell=cell, hidden=64, layers=2, embedding=embedding, head_layers=1)
    network = Network(config, 50)
    network.initialize(seed=1)
    looked_up = "embedding" if embedding else "layer0.input"
    for name in network.parameters.names():
        value = network.parameters[name]
        if name.endswith("peephole"):
            assert not value.any()
        elif name.endswith("bias"):
            is_forget = np.zeros(value.size, bool)
            if cell.startswith("lstm") and name.startswith("layer"):
                is_forget[64:128] = True  # u, f, o, c~
            np.testing.assert_array_equal(value, is_forget)
        else:
            limit = math.sqrt(3 / (1 if name == looked_up else value.shape[0]))
            assert 0.98 * limit < np.abs(value).max() <= np.float32(limit)
            assert abs(value.mean()) < 0.05 * limit
            assert value.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("embedding", [64, 40])
def test_initialize_a_tied_embedding_for_both_of_its_uses(embedding):
    config = plain_config(hidden=64, embedding=embedding, tie=True)
    network = Network(config, 500)
    network.initialize(seed=1)
    assert network.parameters["embedding"].std() == pytest.approx(1 / math.sqrt(embedding), rel=0.02)
    computation = Computation(network, Team(1))
    computation.forward(random_window(500, T, 40))
    looked_up = computation.layers[0].output
    assert looked_up[looked_up.any(axis=2)].std() == pytest.approx(1, rel=0.05)


def test_initialize_is_a_function_of_the_seed_and_packs():
    one, same, other = (Network(plain_config(hidden=9), V) for _ in range(3))
    for network, seed in ((one, 1), (same, 1), (other, 2)):
        network.initialize(seed)
    assert_same_bytes([one.parameters.vector], [same.parameters.vector])
    assert (one.parameters["output.weight"] != other.parameters["output.weight"]).all()
    window = random_window(V, T, B)
    losses = one_thread(one).forward(window)
    one.pack()
    assert_same_bytes([one_thread(one).forward(window)], [losses])


@pytest.mark.parametrize("threads", [2, 3])
def test_packing_by_a_team(threads):
    window = random_window(V, T, B)
    network = Network(plain_config(hidden=9, layers=2, head_layers=1), V)
    network.initialize(1)
    network.parameters.vector *= 0.5
    with Team(threads) as team:
        network.pack(team)
    losses = one_thread(network).forward(window).copy()
    network.pack()
    assert_same_bytes([one_thread(network).forward(window)], [losses])


def test_in_training_nothing_is_kept_packed():
    config = plain_config(cell="gru", hidden=9, layers=2, head_layers=1)
    trained, other = Network(config, V, training=True), Network(config, V)
    for name in ("layer0.recurrent0", "layer0.recurrent1", "layer1.input", "head0.weight", "output.weight"):
        assert trained.weight(name).kept is None
        assert other.weight(name).kept is not None


@pytest.mark.parametrize(("embedding", "tie"), [(0, False), (4, False), (4, True), (37, True)])
def test_a_network_in_training_computes_the_same_bytes_as_another(embedding, tie):
    config = {"hidden": 37, "layers": 2, "embedding": embedding, "head_layers": 1, "tie": tie}
    trained = random_network(V, np.float32, **config)
    other = Network(plain_config(**config), V)
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
    # What stops a training that diverges: see the note on fast-math in core/jit.py.
    for name in ("layer0.input", "layer0.recurrent0", "output.weight"):
        network = random_network(V, np.float32, hidden=9)
        network.parameters[name][1, 1] = np.nan
        network.pack()
        result = train(one_thread(network), random_window(V, T, B), random_states(network, B, seed=1))
        assert np.isnan(result.losses).any(), name
        assert not math.isfinite(gradient_size(result.gradient, "norm", Team(1))), name
