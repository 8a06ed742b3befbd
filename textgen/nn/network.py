"""The network: its parameters, how they are drawn, and what each of them is used for."""

from __future__ import annotations

import math

import numpy as np

from textgen.core.cells import load_cell
from textgen.core.cells.cell import Cell
from textgen.core.products.weight import Weight
from textgen.core.runtime.threads import Team
from textgen.nn.config import NetworkConfig
from textgen.nn.layers import Parameter
from textgen.nn.parameters import Parameters, is_bias, parameter_shapes


class Network:
    """The parameters of a network of the shape `config`, and, where it is not trained, their packed forms.

    Call `pack` after each change of the parameters, before anything is computed; a network in training needs no call.
    """

    def __init__(
        self,
        config: NetworkConfig,
        vocabulary_size: int,
        dtype: type[np.floating] = np.float32,
        training: bool = False,
    ) -> None:
        self.config, self.vocabulary_size, self.training = config, vocabulary_size, training
        self.cell: Cell = load_cell(config.cell)
        self.parameters = Parameters(parameter_shapes(config, vocabulary_size), np.dtype(dtype), training)
        # A network in training is not kept packed, for the memory: its windows have many rows to one packing.
        self._weights = {
            name: Weight(self.parameters[name], self.parameters.gradient_of(name), not training, self._is_tied(name))
            for name in self.parameters.names()
            if self._is_weight(name)
        }

    def _is_looked_up(self, name: str) -> bool:
        """Whether rows of this parameter are looked up by token id."""
        return name == ("embedding" if self.config.embedding else "layer0.input")

    def _is_tied(self, name: str) -> bool:
        """Whether this parameter is looked up, and its transpose the matrix of the output layer."""
        return self.config.tie and name == "embedding"

    def _is_weight(self, name: str) -> bool:
        """Whether something is multiplied by this parameter, rather than only looked up in it or added."""
        is_matrix = name.endswith((".input", ".weight", ".projection")) or ".recurrent" in name
        return self._is_tied(name) or (is_matrix and not self._is_looked_up(name))

    def _summed(self, name: str) -> int:
        """How many entries of the matrix `name` are summed up where it is used."""
        value = self.parameters[name]
        if self._is_tied(name):
            return int(value.shape[1])
        return 1 if self._is_looked_up(name) else int(value.shape[0])

    def initialize(self, seed: int) -> None:
        """Draw the parameters: matrices uniform, so that what they give has unit variance; the rest zero.

        That is a variance of 1 / rows where the input is multiplied, and of 1 where one row is looked up (one-hot
        input, embedding). A tied embedding is drawn for the output, with a variance of 1 / D, and as the input
        multiplied by sqrt(D). Forget gates start open, their bias at 1.
        Source: LeCun et al. 1998, section 4.6; Jozefowicz et al. 2015 for the forget gate; Vaswani et al. 2017
        (arXiv:1706.03762), section 3.4, for the factor of a tied embedding. Without the factor (Press and Wolf 2017,
        Inan et al. 2017) the same network learnt more slowly: on 38,000 words of WikiText-2, after 330 steps, 4.50
        nats instead of 4.28 on other words; untied 4.34.
        """
        generator = np.random.Generator(np.random.PCG64(seed))
        for name in self.parameters.names():
            value = self.parameters[name]
            if value.ndim == 2 and not name.endswith("peephole"):
                limit = math.sqrt(3 / self._summed(name))
                value[:] = generator.uniform(-limit, limit, value.shape)
            if is_bias(name) and name.startswith("layer") and self.cell.forget:
                gate, H = self.cell.gates.index(self.cell.forget), self.config.hidden
                value[gate * H : (gate + 1) * H] = 1
        self.pack()

    def pack(self, team: Team | None = None) -> None:
        """Renew the packed forms of all weights; a network in training has none."""
        weights = list(self._weights.values())
        if team is None:
            for weight in weights:
                weight.pack()
        else:
            team.run(lambda part: _pack_all(weights[part :: team.threads]))

    def weight(self, name: str) -> Weight:
        """The parameter `name`, by which something is multiplied; of a tied embedding, that is its transpose."""
        return self._weights[name]

    def looked_up(self, name: str) -> Parameter:
        """The rows of the parameter `name` that are looked up by token id, (V, columns)."""
        whole = self.parameter(name)
        first = whole.value.shape[0] - self.vocabulary_size  # in a tied embedding the clusters' rows come before
        return Parameter(whole.value[first:], None if whole.gradient is None else whole.gradient[first:])

    def parameter(self, name: str) -> Parameter:
        """The parameter `name`, which is looked up or added."""
        return Parameter(self.parameters[name], self.parameters.gradient_of(name))


def _pack_all(weights: list[Weight]) -> None:
    for weight in weights:
        weight.pack()
