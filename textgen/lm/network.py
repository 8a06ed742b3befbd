"""The network: named parameters in one vector, and the stack of layers that computes with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import count

import numpy as np

from textgen.core.adaptive_softmax import AdaptiveSoftmax
from textgen.core.buffers import zeros
from textgen.core.cells import load_cell
from textgen.core.cells.cell import Cell
from textgen.core.connections import Connection, OneHot, Product
from textgen.core.dropout import Dropout
from textgen.core.layers import (
    Affine,
    Dense,
    Dropped,
    Embedding,
    Layer,
    Parameter,
    Recurrent,
    Softmax,
    Window,
    nothing,
)
from textgen.core.matmul import Weight
from textgen.core.threads import Team, share
from textgen.lm.config import NetworkConfig

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


def _is_bias(name: str) -> bool:
    return name.endswith(".bias")


class Parameters:
    """Named arrays that are views of one flat `vector`, and, where trained, of one flat `gradient`.

    Gaps between the arrays keep each one aligned; they hold zeros. The biases come last: the first `weights` entries
    of the vector are all the others.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], dtype: np.dtype, training: bool) -> None:
        self._places: dict[str, slice] = {}
        self._shapes, end = shapes, 0
        for name in sorted(shapes, key=_is_bias):
            self._places[name] = slice(end, end + math.prod(shapes[name]))
            end = -(-self._places[name].stop // _ALIGNMENT) * _ALIGNMENT
        self.weights = min(place.start for name, place in self._places.items() if _is_bias(name))
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
            if _is_bias(name) and name.startswith("layer") and self.cell.forget:
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


class Computation:
    """A network at work on windows of text: its layers, with the state that is carried from window to window.

    Several computations may share a network (validation beside training); each has its own buffers and state.
    """

    def __init__(self, network: Network, team: Team, dropout: Dropout | None = None) -> None:
        self.network, self.team = network, team
        self.training = network.training
        self.dropout = dropout or Dropout()
        hidden = self._build_hidden()
        projections = list(self._build_projection(hidden[-1]))
        self.output = self._build_output([*hidden, *projections][-1])
        self.layers: list[Layer] = [*hidden, *projections, self.output]
        self._shape = (0, 0)

    @classmethod
    def without_training(cls, network: Network, team: Team) -> Computation:
        """A computation that only goes forward, whatever the network is used for elsewhere."""
        computation = cls(network, team)
        computation.training = False
        return computation

    def _build_hidden(self) -> list[Layer]:
        """All layers from the bottom to the top one, on which the output rests; dropout follows each of them."""
        network, config = self.network, self.network.config
        layers: list[Layer] = []
        places = count(1)

        def add(layer: Layer) -> None:
            layers.append(layer)
            masks = self.dropout.of_units(next(places))
            if masks is not None:
                layers.append(Dropped(layer, masks))

        if config.embedding:
            add(Embedding(self._look_up("embedding"), nothing(config.embedding, dtype=network.parameters.vector.dtype)))
        for layer in range(config.layers):
            name = f"layer{layer}.input"
            add(self._recurrent(layer, Product(layers[-1], network.weight(name)) if layers else self._look_up(name)))
        for layer in range(config.head_layers):
            product = Product(layers[-1], network.weight(f"head{layer}.weight"))
            add(Dense(product, network.parameter(f"head{layer}.bias")))
        return layers

    def _look_up(self, name: str) -> OneHot:
        """The input: rows of the parameter `name`."""
        parameter = self.network.looked_up(name)
        scale = math.sqrt(parameter.value.shape[1]) if self.network.config.tie else 1.0  # see Network.initialize
        return OneHot(parameter, scale, self.dropout.of_words())

    def _build_projection(self, top: Layer) -> Iterator[Layer]:
        """What brings the top layer to the size of a tied embedding, where it has another."""
        if "output.projection" in self.network.parameters.names():
            weight = self.network.weight("output.projection")
            yield Affine(Product(top, weight), nothing(weight.value.shape[1], dtype=top.dtype))

    def _build_output(self, below: Layer) -> Softmax:
        network = self.network
        weight = network.weight("embedding" if network.config.tie else "output.weight")
        product, bias, cutoffs = Product(below, weight), network.parameter("output.bias"), network.config.cutoffs
        return AdaptiveSoftmax(product, bias, cutoffs) if cutoffs else Softmax(product, bias)

    def _recurrent(self, layer: int, connection: Connection) -> Recurrent:
        network, cell, prefix = self.network, self.network.cell, f"layer{layer}"
        products = [network.weight(f"{prefix}.recurrent{i}") for i in range(len(cell.products))]
        none = nothing(0, network.config.hidden, dtype=network.parameters.vector.dtype)
        peephole = network.parameter(f"{prefix}.peephole") if cell.peepholes else none
        return Recurrent(cell, connection, products, network.parameter(f"{prefix}.bias"), peephole)

    @property
    def recurrent(self) -> list[Recurrent]:
        """The recurrent layers, from the bottom; their `state` (S, B, H) may be read and set."""
        return [layer for layer in self.layers if isinstance(layer, Recurrent)]

    def reset(self) -> None:
        """Set the carried state to zero."""
        for layer in self.recurrent:
            layer.state[:] = 0

    def prepare(self, T: int, B: int) -> None:
        """Have the buffers fit windows of T steps and B rows. The state is kept unless B changes."""
        if self._shape != (T, B):
            for layer in self.layers:
                layer.allocate(T, B, self.training)
            self._shape = (T, B)

    def forward(self, window: Window) -> np.ndarray:
        """The loss of each token in nats, (T, B) float64, zero where there is no target; the state moves on."""
        T, B = window.targets.shape
        self.prepare(T, B)
        self.output.begin(window)
        self.team.run(lambda part: self._forward_rows(window, *share(B, part, self.team.threads)))
        return self.output.losses

    def forward_backward(
        self, window: Window, step: int = 0, scale: float | None = None, truncated: bool = True
    ) -> np.ndarray:
        """As `forward`; and the network's gradient becomes that of the sum of losses times `scale` (None: their mean).

        step : the number that dropout's masks are drawn by. truncated : no gradient reaches the last states from the
        windows after; else it is taken as it stands in each recurrent layer's `dstate`.
        """
        T, B = window.targets.shape
        self.prepare(T, B)
        self.output.scale = 1 / max(1, int(np.count_nonzero(window.targets >= 0))) if scale is None else scale
        self.output.begin(window)
        self.dropout.step = step
        if truncated:
            for layer in self.recurrent:
                layer.dstate[:] = 0
        self.team.run(lambda part: self._forward_backward_rows(window, part))
        for layers in self._sharing_gradients():
            self.team.run(partial(self._add_gradients, layers, window))
        return self.output.losses

    def _forward_rows(self, window: Window, b0: int, b1: int) -> None:
        for layer in self.layers:
            layer.forward(window, b0, b1)

    def _forward_backward_rows(self, window: Window, part: int) -> None:
        gradient, threads = self.network.parameters.gradient, self.team.threads
        assert gradient is not None
        first, last = share(gradient.size, part, threads)
        gradient[first:last] = 0
        b0, b1 = share(window.targets.shape[1], part, threads)
        self._forward_rows(window, b0, b1)
        for layer in reversed(self.layers):
            layer.backward(window, b0, b1)

    def _sharing_gradients(self) -> list[list[Layer]]:
        """The layers whose gradients threads share out at the same time.

        A tied embedding's comes from two layers, and threads take other parts of it in the one than in the other.
        """
        return [self.layers[1:], self.layers[:1]] if self.network.config.tie else [self.layers]

    def _add_gradients(self, layers: list[Layer], window: Window, part: int) -> None:
        for layer in layers:
            layer.add_gradients(window, part, self.team.threads)
