"""A deeper network compiles nothing: not in training, not in scoring, not in writing."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from tests.core.cases import one_thread, random_network, random_states, random_window, train
from textgen.core.kernels.draw import Filters
from textgen.core.kernels.writing import streams, write
from textgen.core.runtime.crew import ALONE
from textgen.nn.generation import draws, steps
from textgen.nn.network import Network

V, T, B, U = 41, 6, 5, 4
OFF = Filters(1.0, 0, 1.0, 0.0, -1)


def compiled_for() -> dict[str, int]:
    """For how many types of arguments each kernel of the core has been compiled, or loaded from the cache."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("textgen.core."):
            for kernel in vars(module).values():
                if hasattr(kernel, "nopython_signatures"):
                    found[f"{kernel.__module__}.{kernel.__name__}"] = len(kernel.nopython_signatures)
    return found


def use(**shape: Any) -> None:
    """Train, score and write with a network of this shape."""
    trained = random_network(V, np.float32, cell="gru", hidden=9, **shape)
    window = random_window(V, T, B)
    train(one_thread(trained), window, random_states(trained, B, seed=1))

    network = Network(trained.config, V, V)
    network.initialize(1)
    computation = one_thread(network)
    computation.forward(window)
    computation.prepare(1, B)
    arranged, written = steps(computation.layers), streams(B, U)
    arranged.inputs[:] = written.limits[:] = U
    for layer in computation.recurrent:
        layer.states[:, 0] = 0
    write(arranged, written, draws(OFF, arranged, 1), -1, ALONE)
    assert (written.counts == U).all()


@pytest.mark.parametrize("bottom", [{}, {"embedding": 4}, {"embedding": 4, "tie": True}])
def test_a_deeper_network_compiles_nothing(bottom):
    use(layers=2, head_layers=1, **bottom)
    before = compiled_for()
    assert before["textgen.core.kernels.writing.write"] > 0
    assert before["textgen.core.cells.gru.backward"] > 0
    use(layers=5, head_layers=3, **bottom)
    assert compiled_for() == before
