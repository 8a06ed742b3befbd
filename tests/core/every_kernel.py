"""Every kernel of the core at work in float32, and the vectors that it is compiled to.

`python -m tests.core.every_kernel FOLDER` runs them and writes to the folder what comes out ("results.npz"), for which
arguments they were compiled ("signatures"), and the width of their vectors ("widths.json"). With a second folder, in
which such "signatures" lie, nothing is run: all is compiled for the same arguments, as for a CPU that is not at hand.
"""

from __future__ import annotations

import json
import pickle
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

import textgen.core
from tests.core.cases import one_thread, random_network, random_states, random_window, train
from tests.core.one_step import one_step
from textgen.core.cells import CELLS
from textgen.core.kernels.draw import Filters, draw, find_weights, space
from textgen.core.kernels.dropout import Dropout
from textgen.core.kernels.optimizers import SGD, Adam, Average, gradient_size
from textgen.core.kernels.writing import streams, write
from textgen.core.runtime.crew import ALONE
from textgen.core.runtime.threads import Team
from textgen.nn.computation import Computation
from textgen.nn.generation import draws, steps
from textgen.nn.network import Network

V, T, B = 41, 9, 11
_BYTES = {"x": 16, "y": 32, "z": 64}  # of the registers xmm, ymm, zmm
_FILTERS = Filters(temperature=1.3, top_k=20, top_p=0.9, min_p=0.01, excluded=0)


def kernels() -> dict[str, Any]:
    """All kernels that can be called from Python, by module and name: "kernels.draw.draw"."""
    found = {}
    for module in pkgutil.walk_packages(textgen.core.__path__, "textgen.core."):
        for each in vars(import_module(module.name)).values():
            if isinstance(each, CPUDispatcher) and not each.targetoptions["no_cpython_wrapper"]:
                found[f"{each.__module__}.{each.__name__}".removeprefix("textgen.core.")] = each
    return found


def _dropped() -> dict[str, np.ndarray]:
    """A training step with dropout and an adaptive softmax."""
    network = random_network(V, np.float32, hidden=37, embedding=9, cutoffs=(7, 20))
    dropout = Dropout(units=0.3, words=0.2, each_step=True, seed=5)
    states = random_states(network, B, seed=1)
    result = train(one_thread(network, dropout=dropout), random_window(V, T, B), states)
    return {"losses": result.losses, "gradient": result.gradient}


def _in_use(**config: Any) -> Network:
    """A network that is not trained: its weights are kept packed."""
    random = random_network(V, np.float32, hidden=37, **config)
    network = Network(random.config, V, V, np.float32)
    network.parameters.vector[:] = random.parameters.vector
    network.pack()
    return network


def _measured() -> dict[str, np.ndarray]:
    """The losses of a text."""
    computation, window = Computation.without_training(_in_use(), Team(1)), random_window(V, T, B)
    return {"losses": computation.forward(window)}


def _updated() -> dict[str, np.ndarray]:
    """Steps of both optimizers, what they are clipped by, and an average."""
    rng, team, found = np.random.default_rng(3), Team(1), {}
    gradient = rng.normal(size=20_000).astype(np.float32)
    for kind in (Adam, SGD):
        parameters = np.linspace(-1, 1, gradient.size, dtype=np.float32)
        kind(gradient.size, parameters.dtype, 0.1).update(parameters, gradient, 0.1, 0.5, team)
        found[kind.__name__] = parameters
    sizes = [gradient_size(gradient, clip_by, team) for clip_by in ("norm", "value")]
    average = Average(gradient.size, gradient.dtype)
    for updates, vector in ((8, found["Adam"]), (16, found["SGD"])):
        average.add(vector, updates, team)
    return found | {"sizes": np.array(sizes), "average": average.vector}


def _written() -> dict[str, np.ndarray]:
    """Sequences of a network with clusters, and a single draw."""
    network, rng = _in_use(layers=2, head_layers=1, cutoffs=(7, 20)), np.random.default_rng(7)
    computation = Computation.without_training(network, Team(1))
    computation.prepare(1, B)
    for layer in computation.recurrent:
        layer.states[:, 0] = 0
    arrays, running = steps(computation.layers), streams(B, T)
    arrays.inputs[:], running.numbers[:], running.limits[:] = -1, rng.random((B, T)), T
    write(arrays, running, draws(_FILTERS, arrays, 1), V, ALONE)  # no token ends a sequence
    logits, room = rng.normal(size=(1, V)).astype(np.float32), space(V)
    ids, log_probabilities = np.zeros(1, np.int32), np.zeros(1)
    draw(logits, rng.random(1), _FILTERS, room, ids, log_probabilities, 0, 1)
    find_weights(logits[0], _FILTERS, room)
    return {
        "ids": running.ids,
        "log-probabilities": running.log_probabilities,
        "drawn id": ids,
        "drawn": log_probabilities,
        "weights": room.weights,
    }


def run_all() -> dict[str, np.ndarray]:
    """What comes out, by name."""
    parts = {cell: one_step(cell, np.float32) for cell in CELLS}
    parts |= {"dropped": _dropped(), "measured": _measured(), "updated": _updated(), "written": _written()}
    return {f"{part}: {name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def width_of(kernel: Any) -> int:
    """Bytes of the widest vectors in the machine code of a kernel; 0 if it was not compiled here but found."""
    if kernel.stats.cache_hits:
        return 0
    registers = re.findall(r"%([xyz])mm", "".join(kernel.inspect_asm().values()).lower())
    return max(_BYTES[register] for register in ["x", *registers])


def main(folder: Path, given: Path | None = None) -> None:
    """Run all kernels, or only compile them, and write to `folder` what is told of above."""
    if given is None:
        np.savez(folder / "results.npz", **run_all())  # type: ignore[arg-type]
        signatures = {name: kernel.signatures for name, kernel in kernels().items()}
        (folder / "signatures").write_bytes(pickle.dumps(signatures))
    else:
        for name, signatures in pickle.loads((given / "signatures").read_bytes()).items():
            for signature in signatures:
                kernels()[name].compile(signature)
    (folder / "widths.json").write_text(json.dumps({name: width_of(kernel) for name, kernel in kernels().items()}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
