"""One training step of a cell from fixed random numbers; `python -m tests.core.one_step FILE` writes those of all."""

from __future__ import annotations

import sys

import numpy as np

from tests.core.cases import one_thread, random_network, random_states, random_window, train
from textgen.core.cells import CELLS

V, T, B = 29, 9, 11
SHAPE = {"hidden": 37, "embedding": 9, "layers": 2, "head_layers": 1}  # past one vector, and no multiple of any


def one_step(cell: str, dtype: type[np.floating]) -> dict[str, np.ndarray]:
    """Losses, last states, state gradients and parameter gradients; the numbers it starts from are float32."""
    single = random_network(V, np.float32, cell=cell, **SHAPE)
    network = random_network(V, dtype, cell=cell, **SHAPE)
    network.parameters.vector[:] = single.parameters.vector
    network.pack()
    states = random_states(single, B, seed=1)
    result = train(one_thread(network), random_window(V, T, B), states, random_states(single, B, seed=2), scale=0.01)
    layers = {
        f"{name} of layer {layer}": array
        for name, arrays in (("state", result.states), ("state gradient", result.dstates))
        for layer, array in enumerate(arrays)
    }
    return {"losses": result.losses, **layers, **result.by_name}


if __name__ == "__main__":
    steps = {f"{cell}: {name}": array for cell in CELLS for name, array in one_step(cell, np.float32).items()}
    np.savez(sys.argv[1], **steps)  # type: ignore[arg-type]
