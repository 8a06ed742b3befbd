"""A network at work: the stack of layers, and what is carried from window to window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import count

import numpy as np

from textgen.core.kernels.dropout import Dropout
from textgen.core.runtime.threads import Team, share
from textgen.nn.adaptive_softmax import AdaptiveSoftmax
from textgen.nn.connections import Connection, OneHot, Product
from textgen.nn.layer import Layer, Window, nothing
from textgen.nn.layers import Affine, Dense, Dropped, Embedding, Recurrent, Softmax
from textgen.nn.network import Network


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
            add(Embedding(self._look_up(), nothing(config.embedding, dtype=network.parameters.vector.dtype)))
        for layer in range(config.layers):
            name = f"layer{layer}.input"
            add(self._recurrent(layer, Product(layers[-1], network.weight(name)) if layers else self._look_up()))
        for layer in range(config.head_layers):
            product = Product(layers[-1], network.weight(f"head{layer}.weight"))
            add(Dense(product, network.parameter(f"head{layer}.bias")))
        return layers

    def _look_up(self) -> OneHot:
        """The input: rows that are looked up."""
        parameter = self.network.looked_up()
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
