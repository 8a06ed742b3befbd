"""The parameters of a network: what each is, and the one vector in which they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from textgen.core.cells import load_cell
from textgen.core.runtime.buffers import zeros
from textgen.errors import ConfigError
from textgen.nn.config import NetworkConfig

_ALIGNMENT = 16  # elements; each parameter begins at a multiple of it in the vector


class Role(Enum):
    """What a network does with a parameter."""

    LOOKED_UP = "its rows are looked up by token id"
    MULTIPLIED = "the layer below is multiplied by it"
    TIED = "its rows are looked up by token id, and the layer below the output is multiplied by its transpose"
    ADDED = "it is added: a bias"
    PER_UNIT = "each unit is multiplied by an entry of its own: a peephole"


@dataclass(frozen=True)
class Declaration:
    """A parameter: its shape, its role, and the entries [first, last) of a bias that begin at 1 instead of 0."""

    shape: tuple[int, ...]
    role: Role
    ones: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def is_weight(self) -> bool:
        """Whether something is multiplied by the matrix."""
        return self.role in (Role.MULTIPLIED, Role.TIED)

    @property
    def is_looked_up(self) -> bool:
        """Whether rows of the matrix are looked up."""
        return self.role in (Role.LOOKED_UP, Role.TIED)

    @property
    def summed(self) -> int | None:
        """How many entries of the matrix are summed up where it is used; None for what is no matrix of that kind."""
        return {Role.LOOKED_UP: 1, Role.MULTIPLIED: self.shape[0], Role.TIED: self.shape[-1]}.get(self.role)


def declare(config: NetworkConfig, inputs: int, outputs: int) -> dict[str, Declaration]:
    """All parameters by name, from the input to the output.

    inputs : token ids that are read. outputs : classes that are told apart; one more column each for `config.cutoffs`.
    Raises ConfigError where a tied embedding would have to serve two vocabularies.
    """
    if config.tie and inputs != outputs:
        raise ConfigError(f"a tied embedding has as many outputs as inputs, not {outputs} and {inputs}; use --no-tie")
    H, columns = config.hidden, outputs + len(config.cutoffs)
    declared: dict[str, Declaration] = {}
    below, role = inputs, Role.LOOKED_UP
    if config.embedding:
        tied = Declaration((columns, config.embedding), Role.TIED)
        declared["embedding"] = tied if config.tie else Declaration((inputs, config.embedding), Role.LOOKED_UP)
        below, role = config.embedding, Role.MULTIPLIED
    for layer in range(config.layers):
        declared |= {f"layer{layer}.{name}": part for name, part in _declare_recurrent(config, below, role).items()}
        below, role = H, Role.MULTIPLIED
    for layer in range(config.head_layers):
        declared[f"head{layer}.weight"] = Declaration((H, H), Role.MULTIPLIED)
        declared[f"head{layer}.bias"] = Declaration((H,), Role.ADDED)
    if not config.tie:
        declared["output.weight"] = Declaration((H, columns), Role.MULTIPLIED)
    elif config.embedding and config.embedding != H:
        declared["output.projection"] = Declaration((H, config.embedding), Role.MULTIPLIED)
    declared["output.bias"] = Declaration((columns,), Role.ADDED)
    return declared


def _declare_recurrent(config: NetworkConfig, below: int, role: Role) -> dict[str, Declaration]:
    """The parameters of one recurrent layer. below : rows of its input matrix. role : of that matrix."""
    cell, H = load_cell(config.cell), config.hidden
    declared = {"input": Declaration((below, len(cell.gates) * H), role)}
    for number, gates in enumerate(cell.products):
        declared[f"recurrent{number}"] = Declaration((H, gates * H), Role.MULTIPLIED)
    declared["bias"] = Declaration((len(cell.gates) * H,), Role.ADDED)
    if cell.forget:
        first = cell.gates.index(cell.forget) * H
        declared["bias"] = replace(declared["bias"], ones=(first, first + H))
    if cell.peepholes:
        declared["peephole"] = Declaration((len(cell.peepholes), H), Role.PER_UNIT)
    return declared


def parameter_count(config: NetworkConfig, inputs: int, outputs: int) -> int:
    """How many numbers are trained."""
    return sum(parameter.size for parameter in declare(config, inputs, outputs).values())


class Parameters:
    """Named arrays that are views of one flat `vector`, and, where trained, of one flat `gradient`.

    Gaps between the arrays keep each one aligned; they hold zeros. What is only added comes last: the first `weights`
    entries of the vector are all the others.
    """

    def __init__(self, declared: Mapping[str, Declaration], dtype: np.dtype, training: bool) -> None:
        self._places: dict[str, slice] = {}
        self._shapes, end = {name: parameter.shape for name, parameter in declared.items()}, 0
        biases = {name for name, parameter in declared.items() if parameter.role is Role.ADDED}
        for name in sorted(declared, key=biases.__contains__):
            self._places[name] = slice(end, end + declared[name].size)
            end = -(-self._places[name].stop // _ALIGNMENT) * _ALIGNMENT
        self.weights = min(self._places[name].start for name in biases)
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
