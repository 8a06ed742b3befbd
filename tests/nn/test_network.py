"""The network: how it is drawn and packed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.core.cases import (
    TextWindow,
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
from textgen.core.cells import CELLS
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.network import Network

V, T, B = 11, 6, 5


@pytest.mark.parametrize("embedding", [0, 64])
@pytest.mark.parametrize("cell", CELLS)
def test_initialize(cell, embedding):
    config = plain_config(cell=cell, hidden=64, layers=2, embedding=embedding, head_layers=1)
    network = Network(config, 50, 50)
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
    network = Network(config, 500, 500)
    network.initialize(seed=1)
    assert network.parameters["embedding"].std() == pytest.approx(1 / math.sqrt(embedding), rel=0.02)
    computation = Computation(network, Team(1))
    computation.forward(random_window(500, T, 40))
    looked_up = computation.layers[0].output
    assert looked_up[looked_up.any(axis=2)].std() == pytest.approx(1, rel=0.05)


def test_initialize_is_a_function_of_the_seed_and_packs():
    one, same, other = (Network(plain_config(hidden=9), V, V) for _ in range(3))
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
    network = Network(plain_config(hidden=9, layers=2, head_layers=1), V, V)
    network.initialize(1)
    network.parameters.vector *= 0.5
    with Team(threads) as team:
        network.pack(team)
    losses = one_thread(network).forward(window).copy()
    network.pack()
    assert_same_bytes([one_thread(network).forward(window)], [losses])


def test_in_training_nothing_is_kept_packed():
    config = plain_config(cell="gru", hidden=9, layers=2, head_layers=1)
    trained, other = Network(config, V, V, training=True), Network(config, V, V)
    for name in ("layer0.recurrent0", "layer0.recurrent1", "layer1.input", "head0.weight", "output.weight"):
        assert trained.weight(name).kept is None
        assert other.weight(name).kept is not None


@pytest.mark.parametrize("embedding", [0, 3])
def test_other_outputs_than_inputs(embedding):
    network = random_network(V, outputs=4, hidden=5, layers=2, embedding=embedding)
    read, states = random_window(V, T, B), random_states(network, B, seed=1)
    window = TextWindow(read.inputs, read.starts, np.where(read.targets < 0, read.targets, read.targets % 4))
    losses, _ = twin_of(network).run(window.inputs, window.starts, window.targets, states)
    found = train(one_thread(network), window, states, scale=1.0)
    assert largest_difference(found.losses, losses) < 1e-12
    bias, small = network.parameters["output.bias"], 1e-6
    for column in range(4):
        bias[column] += small
        above = train(one_thread(network), window, states).losses.sum()
        bias[column] -= small
        slope = (above - found.losses.sum()) / small
        assert found.by_name["output.bias"][column] == pytest.approx(slope, rel=1e-4)
