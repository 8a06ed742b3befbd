"""The layers of a network: recurrent, dense, dropped, looked up, softmax. What all of them do stands in `layer.py`."""

from __future__ import annotations

import numpy as np

from textgen.core.cells.cell import Cell
from textgen.core.kernels.dropout import Masks, room_for
from textgen.core.kernels.elementwise import add_memory_products, tanh_rows, through_tanh_rows
from textgen.core.kernels.softmax import cross_entropy, softmax_loss
from textgen.core.products.weight import Weight
from textgen.core.runtime.buffers import empty, zeros
from textgen.core.runtime.crew import ALONE
from textgen.nn.connections import Connection, flat
from textgen.nn.layer import Layer, Parameter, Window


class Recurrent(Layer):
    """A recurrent layer of any cell.

    products : the cell's recurrent weights. bias : (G * H,). peephole : (P, H).
    state, dstate : (S, B, H): in, before the window; out, after it (dstate the other way round).
    """

    def __init__(
        self, cell: Cell, connection: Connection, products: list[Weight], bias: Parameter, peephole: Parameter
    ) -> None:
        super().__init__(bias.value.size // len(cell.gates), bias.value.dtype)
        self.cell, self.connection, self.products = cell, connection, products
        self.bias, self.peephole = bias, peephole
        self.state = self.dstate = np.zeros((cell.states, 0, self.columns), self.dtype)

    def allocate(self, T: int, B: int, training: bool) -> None:
        H, S = self.columns, self.cell.states
        self.connection.allocate(T, B)
        self.gates = empty((T, B, self.bias.value.size), self.dtype)
        self.states = empty((S, T + 1, B, H), self.dtype)
        self.sources = empty((len(self.products), T, B, H), self.dtype)
        self.output = self.states[0, 1:]
        if training:
            below = self.connection.below
            if below is not None and below.columns == H:
                self.doutput = below.doutput  # the cell has read all its rows of it before those below are written
            else:
                self.doutput = empty((T, B, H), self.dtype)
        if self.state.shape[1] != B:
            self.state, self.dstate = zeros((S, B, H), self.dtype), zeros((S, B, H), self.dtype)

    def forward(self, window: Window, b0: int, b1: int) -> None:
        self.connection.forward(window, self.bias.value, self.gates, b0, b1)
        weights = tuple(product.packed() for product in self.products)
        self.states[:, 0, b0:b1] = self.state[:, b0:b1]
        arrays = self.gates, self.states, self.sources, window.starts, weights, self.peephole.value
        self.cell.forward(*arrays, b0, b1, ALONE)
        self.state[:, b0:b1] = self.states[:, -1, b0:b1]

    def backward(self, window: Window, b0: int, b1: int) -> None:
        transposed = tuple(product.transposed() for product in self.products)
        arrays = self.gates, self.states, self.sources, window.starts, transposed, self.peephole.value
        self.cell.backward(*arrays, self.doutput, self.dstate, b0, b1)
        self.connection.backward(self.gates, b0, b1)

    def add_gradients(self, window: Window, part: int, parts: int) -> None:
        dgates = self.gates
        n0, n1 = self._share(dgates.shape[2], part, parts)
        self.connection.add_gradients(window, dgates, self.bias.gradient, n0, n1)
        offset = 0
        for product, source in zip(self.products, self.sources, strict=True):
            n0, n1 = self._share(product.value.shape[1], part, parts)
            product.add_gradient(flat(source), flat(dgates), offset, n0, n1)
            offset += product.value.shape[1]
        if self.cell.peepholes:
            n0, n1 = self._share(self.columns, part, parts)
            add_memory_products(dgates, self.states[1], window.starts, self.peephole.gradient, n0, n1)


class Dropped(Layer):
    """Units of the layer below set to zero by masks, the others scaled up."""

    def __init__(self, below: Layer, masks: Masks) -> None:
        super().__init__(below.columns, below.dtype)
        self.below, self.masks = below, masks

    def allocate(self, T: int, B: int, training: bool) -> None:
        super().allocate(T, B, training=False)
        self._room = room_for(B, self.columns, self.dtype)
        if training:
            self.doutput = self.below.doutput

    def forward(self, window: Window, b0: int, b1: int) -> None:
        self.masks.multiply_rows(self.below.output, self._room, self.output, b0, b1)

    def backward(self, window: Window, b0: int, b1: int) -> None:
        self.masks.multiply_rows(self.doutput, self._room, self.below.doutput, b0, b1)


class Affine(Layer):
    """y = x W + b: a layer without recurrence; without a bias, that is `nothing`.

    is_squashed : whether tanh follows.
    """

    is_squashed = False

    def __init__(self, connection: Connection, bias: Parameter) -> None:
        super().__init__(bias.value.size, bias.value.dtype)
        self.connection, self.bias = connection, bias

    def allocate(self, T: int, B: int, training: bool) -> None:
        super().allocate(T, B, training)
        self.connection.allocate(T, B)

    def forward(self, window: Window, b0: int, b1: int) -> None:
        self.connection.forward(window, self.bias.value, self.output, b0, b1)

    def backward(self, window: Window, b0: int, b1: int) -> None:
        self.connection.backward(self.doutput, b0, b1)

    def add_gradients(self, window: Window, part: int, parts: int) -> None:
        n0, n1 = self._share(self.columns, part, parts)
        self.connection.add_gradients(window, self.doutput, self.bias.gradient, n0, n1)


class Embedding(Affine):
    """Each token id becomes a row of a matrix (V, D)."""


class Dense(Affine):
    """y = tanh(x W + b): a head layer."""

    is_squashed = True

    def forward(self, window: Window, b0: int, b1: int) -> None:
        super().forward(window, b0, b1)
        tanh_rows(self.output, b0, b1)

    def backward(self, window: Window, b0: int, b1: int) -> None:
        through_tanh_rows(self.output, self.doutput, b0, b1)
        super().backward(window, b0, b1)


class Softmax(Affine):
    """The output layer: logits, the loss of each token and its gradient.

    output : (T, B, V), the logits; in training their gradient. losses : (T, B) float64, nats.
    `scale` multiplies the gradient: 1 / (the number of tokens) for a mean. cutoffs : of the clusters of tokens, if it
    has any.
    """

    scale = 1.0
    cutoffs = np.empty(0, np.int64)

    def allocate(self, T: int, B: int, training: bool) -> None:
        super().allocate(T, B, training=False)
        self.training = training
        self.doutput = self.output
        self.losses = np.empty((T, B))

    def begin(self, window: Window) -> None:
        """Find out about the whole window what the threads need that share out its rows."""

    def forward(self, window: Window, b0: int, b1: int) -> None:
        super().forward(window, b0, b1)
        if self.training:
            softmax_loss(self.output, window.targets, self.dtype.type(self.scale), self.losses, b0, b1)
        else:
            cross_entropy(self.output, window.targets, self.losses, b0, b1)
