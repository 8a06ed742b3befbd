"""The parameters of a network: their names and shapes, and the one vector in which they lie."""

from __future__ import annotations

import math

import numpy as np

from textgen.core.cells import load_cell
from textgen.core.runtime.buffers import zeros
from textgen.nn.config import NetworkConfig

_ALIGNMENT = 16  # elements; each parameter begins at a multiple of it in the vector


def parameter_shapes(config: NetworkConfig, vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter by name, from the input to the output."""
    cell, H = load_cell(config.cell), config.hidden
    shapes: dict[str, tuple[int, ...]] = {}
    inputs, outputs = vocabulary_size, vocabulary_size + len(config.cutoffs)
    if config.embedding:
        shapes["embedding"] = (outputs if config.tie else vocabulary_size, config.embedding)
        inputs = config.embedding
    for layer in range(config.layers):
        shapes[f"layer{layer}.input"] = (inputs, len(cell.gates) * H)
        for product, gates in enumerate(cell.products):
            shapes[f"layer{layer}.recurrent{product}"] = (H, gates * H)
        shapes[f"layer{layer}.bias"] = (len(cell.gates) * H,)
        if cell.peepholes:
            shapes[f"layer{layer}.peephole"] = (len(cell.peepholes), H)
        inputs = H
    for layer in range(config.head_layers):
        shapes[f"head{layer}.weight"] = (H, H)
        shapes[f"head{layer}.bias"] = (H,)
    if not config.tie:
        shapes["output.weight"] = (H, outputs)
    elif config.embedding and config.embedding != H:
        shapes["output.projection"] = (H, config.embedding)
    shapes["output.bias"] = (outputs,)
    return shapes


def parameter_count(config: NetworkConfig, vocabulary_size: int) -> int:
    """How many numbers are trained."""
    return sum(math.prod(shape) for shape in parameter_shapes(config, vocabulary_size).values())


def is_bias(name: str) -> bool:
    """Whether this parameter is added, rather than multiplied by or looked up."""
    return name.endswith(".bias")


class Parameters:
    """Named arrays that are views of one flat `vector`, and, where trained, of one flat `gradient`.

    Gaps between the arrays keep each one aligned; they hold zeros. The biases come last: the first `weights` entries
    of the vector are all the others.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], dtype: np.dtype, training: bool) -> None:
        self._places: dict[str, slice] = {}
        self._shapes, end = shapes, 0
        for name in sorted(shapes, key=is_bias):
            self._places[name] = slice(end, end + math.prod(shapes[name]))
            end = -(-self._places[name].stop // _ALIGNMENT) * _ALIGNMENT
        self.weights = min(place.start for name, place in self._places.items() if is_bias(name))
        self.vector = zeros((end,), dtype)
        self.gradient = zeros((end,), dtype) if training else None

    def names(self) -> tuple[str, ...]:
        """The parameters' names, from the input to the output."""
        return tuple(self._shapes)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.vector[self._places[name]].reshape(self._shapes[name])

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The parts of a `vector` like the parameters' that belong to each parameter; views of it."""
        return {name: vector[self._places[name]].reshape(shape) for name, shape in self._shapes.items()}

    def gradient_of(self, name: str) -> np.ndarray | None:
        """The gradient of the parameter `name`; None where nothing is trained."""
        return None if self.gradient is None else self.gradient[self._places[name]].reshape(self._shapes[name])
