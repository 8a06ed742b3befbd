"""The parameters of a network: names, shapes, and the vector in which they lie."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.cases import (
    one_thread,
    plain_config,
    random_network,
    random_states,
    random_window,
    train,
)
from textgen.core.cells import CELLS
from textgen.errors import ConfigError
from textgen.nn.network import Network
from textgen.nn.parameters import declare, parameter_count

V, T, B = 11, 6, 5


def shapes_of(config, inputs=7, outputs=7):
    return {name: parameter.shape for name, parameter in declare(config, inputs, outputs).items()}


def test_parameter_shapes_written_out():
    # The format of model files.
    config = plain_config(cell="lstm-peephole", hidden=3, layers=2, embedding=5, head_layers=1)
    assert shapes_of(config) == {
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
    assert shapes_of(plain_config(cell="gru", hidden=3)) == {
        "layer0.input": (7, 9),
        "layer0.recurrent0": (3, 6),
        "layer0.recurrent1": (3, 3),
        "layer0.bias": (9,),
        "output.weight": (3, 7),
        "output.bias": (7,),
    }


def test_parameter_shapes_of_a_tied_network():
    projected = shapes_of(plain_config(cell="rnn", hidden=3, embedding=5, head_layers=1, tie=True))
    assert list(projected)[-4:] == ["head0.weight", "head0.bias", "output.projection", "output.bias"]
    assert (projected["embedding"], projected["output.projection"], projected["output.bias"]) == ((7, 5), (3, 5), (7,))
    direct = shapes_of(plain_config(cell="rnn", hidden=5, embedding=5, tie=True))
    assert list(direct) == ["embedding", "layer0.input", "layer0.recurrent0", "layer0.bias", "output.bias"]


def test_other_outputs_than_inputs():
    shapes = shapes_of(plain_config(cell="rnn", hidden=3), outputs=4)
    assert (shapes["layer0.input"], shapes["output.weight"], shapes["output.bias"]) == ((7, 3), (3, 4), (4,))


def test_a_tied_embedding_cannot_serve_two_vocabularies():
    with pytest.raises(ConfigError, match="as many outputs as inputs, not 4 and 7; use --no-tie"):
        declare(plain_config(hidden=3, embedding=3, tie=True), 7, 4)


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
    assert parameter_count(plain_config(cell=cell, hidden=H), V, V) == expected


@pytest.mark.parametrize("cell", CELLS)
def test_parameters_are_views_of_one_vector_with_zeros_between(cell):
    network = random_network(V, np.float32, cell=cell, hidden=5, embedding=3, layers=2, head_layers=1)
    parameters = network.parameters
    assert np.count_nonzero(parameters.vector) == parameter_count(network.config, V, V)
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
    assert np.count_nonzero(parameters.gradient) == used > 0.9 * parameter_count(network.config, V, V)


def test_without_training_there_is_no_gradient():
    network = Network(plain_config(hidden=4), V, V)
    assert network.parameters.vector.dtype == np.float32
    assert network.parameters.gradient is None
    assert network.parameters.gradient_of("output.weight") is None
