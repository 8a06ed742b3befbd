"""How a layer's input becomes its pre-activations: rows looked up by token id, or a product with the layer below."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from textgen.core.kernels.dropout import Masks
from textgen.core.kernels.elementwise import add_row_sums
from textgen.core.kernels.lookup import add_lookup_gradients, look_up_rows
from textgen.core.products.product import repeated
from textgen.core.products.weight import Weight
from textgen.nn.layer import Layer, Parameter, Window


def flat(x: np.ndarray) -> np.ndarray:
    """X (T, B, N) as (T * B, N)."""
    return x.reshape(-1, x.shape[-1])


class Connection(Protocol):
    """How a layer's input and bias (N,) become its pre-activations y (T, B, N)."""

    @property
    def below(self) -> Layer | None:
        """The layer whose output is the input; None where token ids are."""

    def allocate(self, T: int, B: int) -> None:
        """Make the buffers for windows of T steps and B rows."""

    def forward(self, window: Window, bias: np.ndarray, y: np.ndarray, b0: int, b1: int) -> None:
        """Set the rows b0:b1 of y to the bias and the input's part."""

    def backward(self, dy: np.ndarray, b0: int, b1: int) -> None:
        """Give the layer below, if there is one, rows b0:b1 of its `doutput`."""

    def add_gradients(self, window: Window, dy: np.ndarray, dbias: np.ndarray | None, n0: int, n1: int) -> None:
        """Add columns n0:n1 of the weight's gradient, and of the bias' to `dbias`, if it is trained."""


class OneHot:
    """Rows of a matrix (V, N) are looked up by token id, times `scale`; nothing lies below.

    dropped : masks of whole tokens; None: all are looked up. Where a sequence starts nothing is dropped: what is looked
    up there is no token of the text.
    """

    below = None

    def __init__(self, matrix: Parameter, scale: float = 1.0, dropped: Masks | None = None) -> None:
        self.matrix, self.scale, self._dropped = matrix, matrix.value.dtype.type(scale), dropped

    def allocate(self, T: int, B: int) -> None:
        self._scales = np.full((T, B), self.scale)

    def forward(self, window: Window, bias: np.ndarray, y: np.ndarray, b0: int, b1: int) -> None:
        if self._dropped is not None:
            self._dropped.draw_scales(window.inputs, self.scale, self._scales, b0, b1)
            np.copyto(self._scales[:, b0:b1], self.scale, where=window.starts[:, b0:b1])
        look_up_rows(window.inputs, self._scales, self.matrix.value, bias, y, b0, b1)

    def backward(self, dy: np.ndarray, b0: int, b1: int) -> None:
        pass

    def add_gradients(self, window: Window, dy: np.ndarray, dbias: np.ndarray | None, n0: int, n1: int) -> None:
        total = np.empty(dy.shape[2], dy.dtype) if dbias is None else dbias
        add_lookup_gradients(window.inputs, self._scales, dy, self.matrix.gradient, total, n0, n1)


class Product:
    """y = x W + b, for the output x of the layer below."""

    def __init__(self, below: Layer, weight: Weight) -> None:
        self.below, self.weight = below, weight

    def allocate(self, T: int, B: int) -> None:
        pass

    def forward(self, window: Window, bias: np.ndarray, y: np.ndarray, b0: int, b1: int) -> None:
        T, B, _ = y.shape
        self.weight.multiply_rows(self.below.output, repeated(bias, T, B), y, b0, b1)

    def backward(self, dy: np.ndarray, b0: int, b1: int) -> None:
        dx = self.below.doutput
        T, B, N = dx.shape
        base = repeated(np.zeros(N, dx.dtype), T, B)
        self.weight.multiply_rows_back(dy, base, dx, b0, b1)

    def add_gradients(self, window: Window, dy: np.ndarray, dbias: np.ndarray | None, n0: int, n1: int) -> None:
        if dbias is not None:
            add_row_sums(dy, dbias, n0, n1)
        self.weight.add_gradient(flat(self.below.output), flat(dy), 0, n0, n1)
